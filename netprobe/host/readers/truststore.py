"""Where a Linux host keeps the bundle of CA certificates that its programs trust."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from netprobe.host.filesystem import FileKind, FileSystem, FolderRoot, UnreadableError

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

    Raises:
        UnreadableError: this user may not look at it; a program of another user may.
    """
    if not path.startswith("/"):
        return "it is no absolute path"
    try:
        entry = root.entry(path)
        data = root.read(path, MAX_BUNDLE) if entry is not None and entry.kind is FileKind.FILE else None
    except UnreadableError as error:
        if error.denied:
            raise
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

    Raises:
        UnreadableError: this user may not look at one, and no other holds certificates.
    """
    there, unseen = False, []
    for folder in paths.split(":"):
        try:
            names = root.names(folder) if folder.startswith("/") else ()
            there = there or bool(names)
            if next(usable_files(root, folder), None) is not None:
                return None
        except UnreadableError as error:
            if error.denied:
                unseen.append(error)
            else:
                return f"{folder} cannot be read: {error.reason}"
    if unseen:
        raise unseen[0]
    return "no file in it holds a CA certificate" if there else "there is no such folder, or it is empty"


def usable_files(root: FileSystem, folder: str) -> Iterator[str]:
    """The files of a folder that hold CA certificates, in the order of their names.

    Raises:
        UnreadableError: this user may not look into it, or at a file of it.
    """
    for name in root.names(folder)[:_MOST_IN_A_FOLDER] if folder.startswith("/") else ():
        path = f"{folder.rstrip('/')}/{name}"
        if unusable_file(root, path) is None:
            yield path


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
