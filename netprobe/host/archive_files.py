"""Which files of an archive are kept in memory while it streams by.

An image holds gigabytes; the rules of ``netprobe.host`` need a few megabytes of it: configuration, package databases,
certificates, and the first bytes of some programs (their ELF header tells the architecture). Everything else is known
by name, kind and size alone. A rule that needs another file adds its folder here; a folder root needs no such list.
"""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB
TOTAL = 128 * MIB
"""What is kept of one archive altogether."""

_FOLDERS: tuple[tuple[str, int], ...] = (
    ("etc/", 2 * MIB),
    ("root/.aws/", 256 * KIB),
    ("root/.docker/", 256 * KIB),
    ("run/", 256 * KIB),
    ("boot/loader/entries/", 64 * KIB),
    ("boot/grub", 512 * KIB),
    ("boot/firmware/cmdline.txt", 64 * KIB),
    ("boot/cmdline.txt", 64 * KIB),
    ("usr/lib/os-release", 64 * KIB),
    ("usr/lib/sysctl.d/", 64 * KIB),
    ("lib/sysctl.d/", 64 * KIB),
    ("usr/local/lib/sysctl.d/", 64 * KIB),
    ("usr/lib/systemd/system/", 64 * KIB),
    ("lib/systemd/system/", 64 * KIB),
    ("usr/local/lib/systemd/", 64 * KIB),
    ("usr/lib/systemd/system.conf", 64 * KIB),
    ("lib/systemd/system.conf", 64 * KIB),
    ("usr/lib/netplan/", 64 * KIB),
    ("lib/netplan/", 64 * KIB),
    ("usr/lib/systemd/resolved.conf.d/", 64 * KIB),
    ("usr/lib/systemd/resolv.conf", 64 * KIB),
    ("usr/lib/firewalld/", 256 * KIB),
    ("usr/local/share/ca-certificates/", MIB),
    ("usr/share/ca-certificates/", 64 * KIB),
    ("usr/share/pki/", 2 * MIB),
    ("var/lib/ca-certificates/", 2 * MIB),
    ("var/lib/dpkg/status", 16 * MIB),
    ("var/lib/dpkg/arch", 64 * KIB),
    ("var/lib/rpm/", 96 * MIB),
    ("usr/lib/sysimage/rpm/", 96 * MIB),
    ("usr/share/rpm/", 96 * MIB),
    ("var/lib/ecs/", MIB),
    ("var/lib/amazon/", 256 * KIB),
    ("var/snap/amazon-ssm-agent/", 256 * KIB),
    ("var/lib/dbus/", 64 * KIB),
    ("opt/aws/", 64 * KIB),
)
_HEADS: tuple[str, ...] = ("bin/", "sbin/", "usr/bin/", "usr/sbin/", "usr/lib/systemd/systemd", "lib/systemd/systemd")
HEAD = 64
_ANY = (*(folder for folder, _ in _FOLDERS), *_HEADS)
"""One comparison for the hundred thousand files that nobody wants."""


def keep(path: str, size: int) -> int:
    """How many bytes of a file to keep.

    Args:
        path: relative to the root, without a leading slash.
        size: the file's size.

    Returns:
        ``size``, a smaller number for a head, or 0 for none.
    """
    if path.startswith("home/") and "/.aws/" in path:
        return size if size <= 256 * KIB else 0
    if not path.startswith(_ANY):
        return 0
    for folder, limit in _FOLDERS:
        if path.startswith(folder):
            return size if size <= limit else 0
    return min(size, HEAD) if path.startswith(_HEADS) else 0
