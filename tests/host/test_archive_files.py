"""What is kept of an archive: what rules read, no more than they may, and nothing else."""

from __future__ import annotations

import pytest

from netprobe.host.archive_files import HEAD, MIB, keep


@pytest.mark.parametrize(
    ("path", "size", "kept"),
    [
        ("etc/os-release", 300, 300),
        ("etc/large.db", 3 * MIB, 0),
        ("var/lib/dpkg/status", 10 * MIB, 10 * MIB),
        ("var/lib/dpkg/status", 17 * MIB, 0),
        ("usr/lib/systemd/systemd", 100_000, HEAD),
        ("usr/lib/systemd/system/chrony.service", 2000, 2000),
        ("usr/bin/dockerd", 90 * MIB, HEAD),
        ("usr/bin/tiny", 10, 10),
        ("home/alice/.aws/credentials", 100, 100),
        ("home/alice/.bashrc", 100, 0),
        ("usr/lib/libc.so", 2 * MIB, 0),
        ("opt/application/data", 10, 0),
        ("etcetera/x", 10, 0),
    ],
)
def test_kept_bytes(path: str, size: int, kept: int) -> None:
    assert keep(path, size) == kept
