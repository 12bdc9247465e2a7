"""Trust stores: which roots a program on the host verifies with, and the TLS contexts made of them.

A context is made once for a store and a cipher list, and shared, since loading 140 roots costs more than twenty
handshakes. The system's store is looked for where Go looks (``crypto/x509/root_linux.go``; the agents are Go programs)
and where AWS's installer looks: the same six files, in the same order. ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` are
read by no one here: the shell that runs netprobe is not the agent, and what an agent's settings say is in its vantage.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import importlib.resources
import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path

import msgspec

from netprobe import reading
from netprobe.errors import UnreadableFileError
from netprobe.host.readers import truststore
from netprobe.vantage import TrustStore

SYSTEM_BUNDLES = tuple(Path(path) for path in truststore.BUNDLES)
MAX_BUNDLE = 16 << 20
_PEM = re.compile(rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END")


class Anchors(msgspec.Struct, frozen=True):
    """The roots of a bundle, as DER.

    Attributes:
        certificates: in the order of the file.
        fingerprints: SHA-256 of each, in hexadecimal.
    """

    certificates: tuple[bytes, ...]
    fingerprints: frozenset[str]


def system_bundle() -> Path | None:
    """The first bundle of :data:`SYSTEM_BUNDLES` that is there."""
    return next((path for path in SYSTEM_BUNDLES if os.path.isfile(path)), None)


def bundle_of(store: TrustStore) -> Path | None:
    """The file that a store reads first, or None where there is none."""
    if store.empty:
        return None
    return store.ca_file if store.ca_file is not None else system_bundle()


def describe(store: TrustStore) -> str:
    """What a report says of a store: a path, or that there is none."""
    if store.empty:
        return store.description
    if store.ca_file is not None:
        return ", ".join(map(str, (store.ca_file, *store.more)))
    path = system_bundle()
    return f"system ({path})" if path is not None else "system (no bundle found)"


def read_bundle(path: Path) -> bytes:
    """Read a PEM bundle.

    Raises:
        UnreadableFileError: it is missing, too large, or holds no certificate.
    """
    remedy = "give a PEM file with one or more CA certificates"
    data = reading.read(path, MAX_BUNDLE, remedy)
    if not _PEM.search(data):
        raise UnreadableFileError(str(path), "it holds no PEM certificate", remedy)
    return data


def validate(path: Path) -> Path:
    """Make sure that OpenSSL can load a bundle, before a run begins.

    Raises:
        UnreadableFileError: it cannot.
    """
    data = read_bundle(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=data.decode("ascii", errors="ignore"))
    except ssl.SSLError as error:
        # Of what it finds within a certificate OpenSSL gives Python no reason.
        why = f" ({error.reason})" if error.reason else ""
        raise UnreadableFileError(
            str(path), f"a certificate in it is malformed{why}", "export the CA certificates again as PEM"
        ) from error
    unread = [number for number, text in enumerate(_PEM.findall(data), start=1) if _decoded(text) is None]
    if unread:
        raise UnreadableFileError(
            str(path), f"certificate {unread[0]} in it is not in base 64", "export the CA certificates again as PEM"
        )
    return path


def anchors(path: Path | None) -> Anchors:
    """The roots of a bundle; those of Mozilla (certifi), which contain Amazon's, where ``path`` is None."""
    if path is None:
        import certifi  # late: only a run that reaches TLS needs it

        path = Path(certifi.where())
    return _anchors(path, _stamp(path))


def _stamp(path: Path) -> tuple[int, int]:
    """What changes when a file is written again; what was read of it is kept only that long."""
    try:
        status = path.stat()
    except OSError:  # reading it will say why
        return (0, 0)
    return (status.st_mtime_ns, status.st_ino)


@functools.lru_cache(maxsize=16)
def _anchors(path: Path, _read_at: tuple[int, int]) -> Anchors:
    # A system's bundle may hold what cannot be read; its other roots stand. Files that are named were validated.
    found = tuple(der for text in _PEM.findall(read_bundle(path)) if (der := _decoded(text)) is not None)
    return Anchors(found, frozenset(hashlib.sha256(der).hexdigest() for der in found))


def _decoded(text: bytes) -> bytes | None:
    """The DER of a PEM certificate; None where it is not in base 64 (OpenSSL minds less than RFC 7468 allows)."""
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return None


def verifying_context(bundle: Path | None, ciphers: str | None, more: tuple[Path, ...] = ()) -> ssl.SSLContext:
    """A context that verifies chain and name with the roots of ``bundle`` (none where it is None) and ``more``."""
    files = more if bundle is None else (bundle, *more)
    return _verifying_context(files, tuple(map(_stamp, files)), ciphers)


@functools.lru_cache(maxsize=64)
def _verifying_context(
    files: tuple[Path, ...], _read_at: tuple[tuple[int, int], ...], ciphers: str | None
) -> ssl.SSLContext:
    context = _context(ciphers)
    for file in files:
        context.load_verify_locations(cafile=str(file))
    return context


@functools.lru_cache(maxsize=64)
def lax_context(ciphers: str | None) -> ssl.SSLContext:
    """A context that looks at a chain and trusts nothing. For control probes only: never to send a secret."""
    context = _context(ciphers)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _context(ciphers: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # the least that every agent accepts
    # The agents' WebSockets are HTTP/1.1; offering h2 too would let a server choose what we do not speak.
    context.set_alpn_protocols(["http/1.1"])
    if ciphers is not None:
        context.set_ciphers(ciphers)
    return context


@functools.cache
def former_roots() -> Mapping[str, str]:
    """The roots that Mozilla's bundle held once and holds no more: SHA-256 of each, and its name.

    Debian's and older systems' stores still hold many of them. A chain that verifies to one was made by a public CA.
    """
    data = importlib.resources.files("netprobe.catalog") / "data" / "former_roots.json"
    return {root["sha256"]: root["name"] for root in msgspec.json.decode(data.read_bytes())["roots"]}
