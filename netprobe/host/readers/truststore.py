"""Where a Linux host keeps the bundle of CA certificates that its programs trust."""

from __future__ import annotations

from pathlib import Path

from netprobe.host.filesystem import FileSystem, FolderRoot

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
