"""Detached signatures as ``ssh-keygen -Y sign`` writes them, held to public keys that an operator trusts.

The form is OpenSSH's (PROTOCOL.sshsig, https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig, read
2026-11-29), so anybody can sign and verify with what every server already has. Only Ed25519 is taken: one algorithm,
no parameters. No private key is ever read here, and nothing is trusted that the caller did not name.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

import msgspec

from netprobe.errors import UnreadableFileError

MOST_BYTES = 64 << 10
_KIND = b"ssh-ed25519"
_MAGIC = b"SSHSIG"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_AS_SSH_KEYGEN = "sign it with ssh-keygen -Y sign and an Ed25519 key"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A public key.

    Attributes:
        raw: its 32 bytes.
        blob: as OpenSSH writes it, with the name of its kind.
    """

    raw: bytes
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -l`` shows it: ``SHA256:…``."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")


def keys(data: bytes, name: str) -> tuple[Key, ...]:
    """Read public keys, one a line, as in ``id_ed25519.pub``; empty lines and those behind ``#`` are passed over.

    Args:
        data: the file's bytes.
        name: the file's, for messages.

    Raises:
        UnreadableFileError: a line is no Ed25519 key.
    """
    found = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            found.append(_key(base64.b64decode(words[words.index(_KIND.decode()) + 1], validate=True)))
        except (ValueError, IndexError) as exc:
            remedy = "write one key of ssh-keygen -t ed25519 a line, from its .pub file"
            raise UnreadableFileError(f"{name}, line {number}", "is no public Ed25519 key of OpenSSH", remedy) from exc
    return tuple(found)


def signer(message: bytes, armoured: bytes, namespace: str, trusted: Sequence[Key], name: str) -> Key:
    """Whose signature it is, of those that are trusted.

    Args:
        message: what was signed.
        armoured: the signature's file.
        namespace: what it must have been signed as (``ssh-keygen -Y sign -n``).
        trusted: the keys that may have signed it.
        name: the signature's file, for messages.

    Raises:
        UnreadableFileError: it is no signature, not of this message, not for this namespace, or of another key.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        blob, signed_as, hash_name, signature = _parts(armoured)
        key = _key(blob)
        hashed = _HASHES[hash_name](message).digest()
    except (ValueError, KeyError) as exc:
        raise UnreadableFileError(name, "is no signature that can be read", _AS_SSH_KEYGEN) from exc
    if signed_as != namespace.encode():
        raise UnreadableFileError(name, "was made for something else", f"{_AS_SSH_KEYGEN}, with -n {namespace}")
    if key not in trusted:
        known = ", ".join(one.fingerprint for one in trusted)
        reason = f"is by {key.fingerprint}, which is none of the trusted keys ({known})"
        raise UnreadableFileError(name, reason, "get it from whom you trust, or name the key with --key")
    body = _MAGIC + b"".join(_string(part) for part in (signed_as, b"", hash_name, hashed))
    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, body)
    except InvalidSignature as exc:
        raise UnreadableFileError(name, "does not belong to these checksums", "get both again") from exc
    return key


def _key(blob: bytes) -> Key:
    kind, raw = _strings(blob, 2)
    if kind != _KIND or len(raw) != 32:
        raise ValueError("no Ed25519 key")
    return Key(raw=raw, blob=blob)


def _parts(armoured: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Public key, namespace, name of the hash, and the bare signature."""
    lines = armoured.decode("ascii").split()
    text = " ".join(lines)
    if not (text.startswith(_BEGIN) and text.endswith(_END)):
        raise ValueError("no armour")
    blob = base64.b64decode("".join(text[len(_BEGIN) : -len(_END)].split()), validate=True)
    if blob[:6] != _MAGIC or blob[6:10] != b"\x00\x00\x00\x01":
        raise ValueError("no signature of version 1")
    key, namespace, reserved, hash_name, signature = _strings(blob[10:], 5)
    kind, bare = _strings(signature, 2)
    if reserved or kind != _KIND or len(bare) != 64:
        raise ValueError("no Ed25519 signature")
    return key, namespace, hash_name, bare


def _string(data: bytes) -> bytes:
    """RFC 4251, section 5: length and bytes."""
    return len(data).to_bytes(4, "big") + data


def _strings(data: bytes, number: int) -> list[bytes]:
    """So many strings and nothing behind them."""
    found = []
    for _ in range(number):
        if len(data) < 4:
            raise ValueError("cut off")
        length = int.from_bytes(data[:4], "big")
        if len(data) < 4 + length:
            raise ValueError("cut off")
        found.append(data[4 : 4 + length])
        data = data[4 + length :]
    if data:
        raise ValueError("something behind it")
    return found
