"""Images that are no root but hold one: disks, file systems and other archives, told by their first bytes.

netprobe reads folders and tars. Who gives it a virtual machine's disk hears what it is and how to get the root out of
it. The marks are those of the formats' own documents and of file(1)'s magic files (read 2026-11-29).
"""

from __future__ import annotations

HEAD = 0x10048
"""Bytes that hold every mark."""
_OUT_OF_A_DISK = "take the root out of it: virt-tar-out -a FILE / root.tar (libguestfs), and give root.tar"
_OUT_OF_A_FILE_SYSTEM = "mount it read-only (mount -o ro,loop) and give the folder"
_MARKS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"QFI\xfb", "a qcow2 disk", _OUT_OF_A_DISK),
    (0, b"KDMV", "a VMDK disk", _OUT_OF_A_DISK),
    (0, b"# Disk DescriptorFile", "the description of a VMDK disk", _OUT_OF_A_DISK),
    (0, b"vhdxfile", "a VHDX disk", _OUT_OF_A_DISK),
    (0, b"conectix", "a VHD disk", _OUT_OF_A_DISK),
    (0x40, b"\x7f\x10\xda\xbe", "a VDI disk", _OUT_OF_A_DISK),
    (512, b"EFI PART", "a raw disk with partitions", _OUT_OF_A_DISK),
    (0, b"LUKS\xba\xbe", "an encrypted disk", "unlock it, mount it read-only and give the folder"),
    (0, b"hsqs", "a squashfs file system", "unpack it with unsquashfs -d root FILE, and give the folder"),
    (
        1024,
        b"\xe2\xe1\xf5\xe0",
        "an EROFS file system",
        "unpack it with fsck.erofs --extract=root FILE, and give the folder",
    ),
    (0x8001, b"CD001", "an ISO image of a CD", "give the root of the system that it installs"),
    (0x438, b"\x53\xef", "an ext file system", _OUT_OF_A_FILE_SYSTEM),
    (0, b"XFSB", "an XFS file system", _OUT_OF_A_FILE_SYSTEM),
    (0x10040, b"_BHRfS_M", "a Btrfs file system", _OUT_OF_A_FILE_SYSTEM),
    (0, b"070701", "a cpio archive", "unpack it with cpio -idm into a folder, and give the folder"),
    (0, b"070702", "a cpio archive", "unpack it with cpio -idm into a folder, and give the folder"),
    (0, b"PK\x03\x04", "a zip file", "unpack it, and give the folder"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it, and give the folder"),
    (0, b"!<arch>\n", "a package or library", "give the root that it is installed into"),
    (0, b"\xed\xab\xee\xdb", "an rpm package", "give the root that it is installed into"),
    (510, b"\x55\xaa", "a raw disk with partitions", _OUT_OF_A_DISK),
)


def named(head: bytes) -> tuple[str, str] | None:
    """What an image is by its first bytes, and how to come by the root in it; None where they tell nothing."""
    for at, mark, what, remedy in _MARKS:
        if head[at : at + len(mark)] == mark:
            return what, remedy
    return None
