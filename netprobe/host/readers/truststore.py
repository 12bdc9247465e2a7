"""Where a Linux host keeps the bundle of CA certificates that its programs trust."""

from __future__ import annotations

import ssl
from pathlib import Path

from netprobe.host.filesystem import FileSystem, FolderRoot, UnreadableError

MAX_BUNDLE = 16 << 20
"""Bytes of a bundle; Mozilla's has 240 KiB."""
_MOST_IN_A_FOLDER = 1000
_BEGIN = b"-----BEGIN "

BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where the installer, and Go in SSM Agent and Docker, look for a bundle; the first one found (Go ``crypto/x509``,
``root_linux.go``, read 2026-11-23)."""


def bundle(root: FileSystem) -> str | None:
    """The path of the bundle inside the root, or None where there is none."""
    return root.first(*BUNDLES)


def outside(root: FileSystem, path: str) -> Path | None:
    """Where a file of a root folder lies on this machine, its links followed inside the root alone.

    Args:
        root: a root folder; of an archive no file lies anywhere.
        path: as a program on that host would write it.

    Returns:
        The path, or None where there is no such file.
    """
    real = root.resolve(path)
    if real is None or not isinstance(root, FolderRoot) or not root.is_file(path):
        return None
    return root.root.joinpath(*real)


def unusable_file(root: FileSystem, path: str) -> str | None:
    """Why no program can take CA certificates from a file that its settings name.

    Args:
        root: the root folder or archive; the file is opened inside it and nowhere else.
        path: as the settings have it.

    Returns:
        A clause such as ``it is empty``, or None where OpenSSL loads the file.
    """
    if not path.startswith("/"):
        return "it is no absolute path"
    try:
        entry = root.entry(path)
        data = root.read(path, MAX_BUNDLE)
    except UnreadableError as error:
        return f"it cannot be read: {error.reason}"
    if entry is None:
        return "there is no such file"
    if data is None:
        return "it is not a regular file"
    return _unusable(data)


def unusable_folders(root: FileSystem, paths: str) -> str | None:
    """Why no program can take CA certificates from any of the folders of an ``SSL_CERT_DIR``.

    Go reads each file of each folder, whatever its name (``crypto/x509``, ``root_unix.go``, read 2026-11-28).

    Args:
        root: the root folder or archive.
        paths: the folders, colons between them.

    Returns:
        A clause, or None where a file in one of them holds certificates.
    """
    there = False
    for folder in paths.split(":"):
        try:
            names = root.names(folder) if folder.startswith("/") else ()
        except UnreadableError as error:
            return f"{folder} cannot be read: {error.reason}"
        there = there or bool(names)
        if any(unusable_file(root, f"{folder}/{name}") is None for name in names[:_MOST_IN_A_FOLDER]):
            return None
    return "no file in it holds a CA certificate" if there else "there is no such folder, or it is empty"


def _unusable(data: bytes) -> str | None:
    if not data.strip():
        return "it is empty"
    if _BEGIN not in data:
        return "it holds no PEM certificate"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=data.decode("ascii", errors="ignore"))
    except ssl.SSLError:
        return "a certificate in it cannot be read"
    return None
