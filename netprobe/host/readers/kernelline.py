"""The kernel's command line: of a running host its own, of an image every file that one is made of.

Ubuntu's cloud images keep theirs in ``/etc/default/grub.d``, the rpm family in boot loader entries, a Raspberry Pi in
``cmdline.txt`` of its boot partition (kernel-parameters documentation; raspberrypi.com, "The kernel command line").
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from netprobe.findings import Place
from netprobe.host.filesystem import FileSystem

RUNNING = "/proc/cmdline"
PI_FILES = ("/boot/firmware/cmdline.txt", "/boot/cmdline.txt")
_MAX = 64 * 1024
_WORD = re.compile(r"[^\s\"']+")


def words(root: FileSystem, *, running: bool) -> Iterator[tuple[str, Place]]:
    """Every word of the command line with its place, in the order in which the kernel would read them.

    Args:
        root: the host's or image's files.
        running: whether it is a running host, whose kernel's own line counts alone.
    """
    for path in (RUNNING,) if running else _files(root):
        for number, line in root.lines(path, _MAX):
            if line.lstrip().startswith("#"):
                continue
            for match in _WORD.finditer(_options(path, line)):
                yield match[0], Place(file=path, line=number, text=match[0][:200])


def _files(root: FileSystem) -> tuple[str, ...]:
    drop_ins = root.glob("/etc/default/grub.d", ".cfg")
    entries = root.glob("/boot/loader/entries", ".conf")
    return ("/etc/kernel/cmdline", "/etc/default/grub", *drop_ins, *entries, *PI_FILES)


def _options(path: str, line: str) -> str:
    """The part of a line that holds options: of GRUB's settings the value, of a loader entry what follows its key."""
    if path.startswith("/etc/default/grub"):
        key, _, value = line.strip().partition("=")
        return value if key.startswith("GRUB_CMDLINE_LINUX") else ""
    if path.startswith("/boot/loader/"):
        key, _, value = line.strip().partition(" ")
        return value if key == "options" else ""
    return line


def option(root: FileSystem, name: str, *, running: bool) -> tuple[str, Place] | None:
    """The value of an option and where it stands; the last one holds, as it does in the kernel."""
    found = None
    for word, place in words(root, running=running):
        key, equals, value = word.partition("=")
        if equals and key == name:
            found = value, place
    return found
