"""The ClientHello in a QUIC Initial packet, version 1 (RFC 9000, RFC 9001 section 5) and 2 (RFC 9369).

Initial packets are protected with keys that follow from the connection id in the packet itself, so that anyone on the
path can read them; that is by design, and everything after them stays closed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_SALTS = {
    1: bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
    0x6B3343CF: bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"),
}
_INITIAL_TYPE = {1: 0, 0x6B3343CF: 1}
_PREFIX = {1: b"quic ", 0x6B3343CF: b"quicv2 "}
_PING, _ACK, _ACK_ECN, _CRYPTO = 1, 2, 3, 6
_NO_PADDING = re.compile(rb"[^\x00]")
_MAX_FRAMES = 256
_MAX_INITIALS = 4
"""Of one datagram; a client has no reason for more than one (RFC 9000 section 12.2)."""
MIN_DATAGRAM = 1200
"""A client makes every datagram with an Initial packet so long (RFC 9000 section 14.1)."""


class Keys(NamedTuple):
    """What protects a client's Initial packets."""

    key: bytes
    iv: bytes
    header: bytes


class Initial(NamedTuple):
    """One Initial packet, still protected."""

    version: int
    connection_id: bytes
    packet: bytes
    number_offset: int


def looks_like(data: bytes) -> bool:
    """Whether a datagram begins with a long header of a version that is known here."""
    return len(data) > 6 and data[0] & 0xC0 == 0xC0 and int.from_bytes(data[1:5], "big") in _SALTS


def initials(data: bytes) -> Iterator[Initial]:
    """The Initial packets in a datagram (several may share one)."""
    for _ in range(_MAX_INITIALS):
        if not looks_like(data):
            return
        version = int.from_bytes(data[1:5], "big")
        offset = 6 + data[5]
        if data[5] > 20 or offset >= len(data):
            return
        connection_id = data[6:offset]
        offset += 1 + data[offset]
        kind = (data[0] >> 4) & 3
        if kind == _INITIAL_TYPE[version]:
            token, offset = _varint(data, offset)
            offset += token
        length, offset = _varint(data, offset)
        if offset > len(data) or length == 0 or offset + length > len(data):
            return
        if kind == _INITIAL_TYPE[version]:
            yield Initial(version, connection_id, data[: offset + length], offset)
        data = data[offset + length :]


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    """A variable-length integer and where it ends (RFC 9000 section 16); past the end, where nothing is."""
    if offset >= len(data):
        return 0, len(data) + 1
    size = 1 << (data[offset] >> 6)
    if offset + size > len(data):
        return 0, len(data) + 1
    return int.from_bytes(data[offset : offset + size], "big") & ((1 << (8 * size - 2)) - 1), offset + size


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label of RFC 8446 section 7.1 with an empty context; one block is enough here."""
    full = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes([len(full)]) + full + b"\x00"
    return hmac.digest(secret, info + b"\x01", hashlib.sha256)[:size]


@lru_cache(maxsize=1024)
def client_keys(version: int, connection_id: bytes) -> Keys:
    """The keys of a client's Initial packets, from the connection id of its first one."""
    secret = _expand(hmac.digest(_SALTS[version], connection_id, hashlib.sha256), b"client in", 32)
    prefix = _PREFIX[version]
    return Keys(
        _expand(secret, prefix + b"key", 16), _expand(secret, prefix + b"iv", 12), _expand(secret, prefix + b"hp", 16)
    )


def open_initial(initial: Initial, keys: Keys) -> bytes | None:
    """Take the protection off; None where the keys do not fit (a server's packet, or no QUIC at all)."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    packet, offset = bytearray(initial.packet), initial.number_offset
    sample = bytes(packet[offset + 4 : offset + 20])
    if len(sample) < 16:
        return None
    # ECB of a single block is what RFC 9001 section 5.4.3 prescribes for the header
    mask = Cipher(algorithms.AES(keys.header), modes.ECB()).encryptor().update(sample)  # noqa: S305
    packet[0] ^= mask[0] & 0x0F
    size = (packet[0] & 3) + 1
    for index in range(size):
        packet[offset + index] ^= mask[1 + index]
    number = int.from_bytes(packet[offset : offset + size], "big")
    nonce = (int.from_bytes(keys.iv, "big") ^ number).to_bytes(12, "big")
    try:
        return AESGCM(keys.key).decrypt(nonce, bytes(packet[offset + size :]), bytes(packet[: offset + size]))
    except InvalidTag:
        return None


def crypto(frames: bytes) -> Iterator[tuple[int, bytes]]:
    """The CRYPTO frames among the frames of an Initial packet, as (offset, data)."""
    position = 0
    for _ in range(_MAX_FRAMES):
        begins = _NO_PADDING.search(frames, position)
        if begins is None:
            return
        kind = begins[0][0]
        position = begins.end()
        if kind == _CRYPTO:
            offset, position = _varint(frames, position)
            length, position = _varint(frames, position)
            if position + length > len(frames):
                return
            yield offset, frames[position : position + length]
            position += length
        elif kind in (_ACK, _ACK_ECN):
            position = _after_ack(frames, position, kind)
        elif kind != _PING:
            return


def _after_ack(frames: bytes, position: int, kind: int) -> int:
    """Where an ACK frame ends (RFC 9000 section 19.3)."""
    _largest, position = _varint(frames, position)
    _delay, position = _varint(frames, position)
    count, position = _varint(frames, position)
    for _ in range(1 + 2 * min(count, 64) + (3 if kind == _ACK_ECN else 0)):
        _value, position = _varint(frames, position)
    return position
