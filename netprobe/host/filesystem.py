"""Read a root file system that is not trusted: a folder, or the index of an archive, never past its own root.

An image root is hostile input: its links may point to ``/etc/shadow`` of the machine that looks, loop for ever, or be
swapped while we look. So no path is ever handed to the operating system whole. Every path is resolved here, component
by component, with ``..`` stopping at the root and absolute links starting again at the root (what chroot(2) and
openat2(2) ``RESOLVE_IN_ROOT`` do); a folder is read through directory descriptors opened with ``O_NOFOLLOW``, so that
a link which appears between two steps is an error and not an escape. Only regular files are opened: a FIFO or device
node cannot block or answer. Nothing is written, unpacked or executed.

Reads are bounded by :data:`MAX_FILE` unless a caller asks for less. Text is decoded as UTF-8 with replacement, since a
configuration in Latin-1 still holds the ASCII keys that rules look for.
"""

from __future__ import annotations

import errno
import functools
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from netprobe.rules import CannotJudgeError

MAX_FILE = 8 * 1024 * 1024
MAX_LINKS = 40
"""As many as Linux follows in one path (path_resolution(7))."""
MAX_THROUGH = 4096
"""Names that links may still lead through; Linux opens no path of so many bytes."""
MAX_LISTING = 20_000


class FileKind(StrEnum):
    """What stands at a path."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    NULL = "null"
    """The null device, with which a file is masked: it is not opened, and holds nothing."""
    OTHER = "other"
    """Another device, a FIFO or a socket: never opened."""


MISPLACED = {FileKind.FOLDER: "a folder", FileKind.OTHER: "a device, pipe or socket"}
"""What in a file's place cannot be read as one, in words."""


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One name in the file system.

    Attributes:
        kind: what it is.
        size: bytes, for a file.
        mode: permission bits.
        target: where a link points, as written.
    """

    kind: FileKind
    size: int = 0
    mode: int = 0
    target: str = ""


class UnreadableError(CannotJudgeError):
    """A file that is there but could not be read; the rule that wanted it is not run.

    Attributes:
        path: the path inside the root.
        reason: one clause.
        denied: whoever runs netprobe may not read it; another user may.
    """

    def __init__(self, path: str, reason: str, *, denied: bool = False) -> None:
        self.path = path
        self.reason = reason
        self.denied = denied
        super().__init__(f"{path}: {reason}")


class FileSystem(ABC):
    """A root that can be looked into. Paths are absolute, as a program on that host would write them."""

    @abstractmethod
    def _entry(self, real: tuple[str, ...]) -> FileEntry | None:
        """What stands at a path whose folders are known to be real folders; links are not followed."""

    @abstractmethod
    def _read(self, real: tuple[str, ...], limit: int) -> bytes:
        """At most ``limit`` bytes of a regular file."""

    @abstractmethod
    def _list(self, real: tuple[str, ...]) -> tuple[str, ...]:
        """The names in a folder, sorted."""

    @functools.cached_property
    def misplaced(self) -> dict[str, FileKind]:
        """What stood where a file was wanted, by its path: a folder, which a container's mount makes, or a FIFO."""
        return {}

    def resolve(self, path: str, *, follow_last: bool = True) -> tuple[str, ...] | None:
        """Follow every link inside the root, the way the kernel of that host would.

        Args:
            path: an absolute path.
            follow_last: whether a link at the very end is followed too.

        Returns:
            The components of the real path, or None where nothing is there or a link dangles.

        Raises:
            UnreadableError: the links form a loop, or a folder on the way may not be searched.
        """
        todo = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                if done:
                    done.pop()
                continue
            entry = self._entry((*done, part))
            if entry is None:
                return None
            if entry.kind is not FileKind.LINK or (not todo and not follow_last):
                if todo and entry.kind is not FileKind.FOLDER:
                    return None
                done.append(part)
                continue
            links += 1
            if links > MAX_LINKS:
                raise UnreadableError(path, f"more than {MAX_LINKS} symbolic links, probably a loop")
            if entry.target.startswith("/"):
                done.clear()
            todo.extend(step for step in reversed(entry.target.split("/")) if step not in ("", "."))
            if len(todo) > MAX_THROUGH:
                raise UnreadableError(path[:200], f"its links lead through more than {MAX_THROUGH} folders")
        return tuple(done)

    def entry(self, path: str) -> FileEntry | None:
        """What stands at a path after following links; None for nothing and for a dangling link."""
        real = self.resolve(path)
        return None if real is None else self._at(real)

    def lentry(self, path: str) -> FileEntry | None:
        """What stands at a path; a link at the end is not followed."""
        real = self.resolve(path, follow_last=False)
        return None if real is None else self._at(real)

    def _at(self, real: tuple[str, ...]) -> FileEntry | None:
        return self._entry(real) if real else FileEntry(kind=FileKind.FOLDER, mode=0o755)

    def exists(self, path: str) -> bool:
        """Whether something stands at a path, links followed."""
        return self.entry(path) is not None

    def is_file(self, path: str) -> bool:
        """Whether a regular file stands at a path, links followed."""
        entry = self.entry(path)
        return entry is not None and entry.kind is FileKind.FILE

    def has_file(self, path: str) -> bool:
        """Whether a regular file stands where a program reads one; what stands there instead is kept."""
        return self._wanted(path) is not None

    def _wanted(self, path: str) -> tuple[str, ...] | None:
        """The real path of a regular file that a program reads, or None where none is."""
        real = self.resolve(path)
        entry = None if real is None else self._at(real)
        if entry is not None and entry.kind in MISPLACED:
            self.misplaced[path] = entry.kind
        return real if entry is not None and entry.kind is FileKind.FILE else None

    def first(self, *paths: str) -> str | None:
        """The first of several paths where something stands."""
        return next((path for path in paths if self.exists(path)), None)

    def read(self, path: str, limit: int = MAX_FILE) -> bytes | None:
        """The bytes of a regular file, or None where there is none.

        Raises:
            UnreadableError: it is larger than ``limit``, may not be read, or its links loop.
        """
        real = self._wanted(path)
        if real is None:
            return None
        data = self._read(real, limit + 1)
        if len(data) > limit:
            raise UnreadableError(path, f"larger than the {limit // 1024} KiB that netprobe reads of such a file")
        return data

    def head(self, path: str, size: int) -> bytes | None:
        """The first bytes of a regular file, however large it is."""
        real = self._wanted(path)
        return None if real is None else self._read(real, size)

    def text(self, path: str, limit: int = MAX_FILE) -> str | None:
        """A text file, bytes that are no UTF-8 replaced; None where there is none."""
        data = self.read(path, limit)
        return None if data is None else data.decode("utf-8", "replace")

    def lines(self, path: str, limit: int = MAX_FILE) -> Iterator[tuple[int, str]]:
        """The lines of a text file with their numbers from 1; nothing where there is no file."""
        text = self.text(path, limit)
        if text is not None:
            yield from enumerate(text.split("\n"), start=1)

    def names(self, folder: str) -> tuple[str, ...]:
        """The names in a folder, sorted; nothing where there is no folder."""
        real = self.resolve(folder)
        entry = None if real is None else self._at(real)
        if real is None or entry is None or entry.kind is not FileKind.FOLDER:
            return ()
        found = self._list(real)
        if len(found) > MAX_LISTING:
            raise UnreadableError(folder, f"more than {MAX_LISTING} entries")
        return found

    def glob(self, folder: str, *suffixes: str) -> tuple[str, ...]:
        """The paths of regular files in one folder whose names end in one of the suffixes, links followed."""
        paths = (f"{folder.rstrip('/')}/{name}" for name in self.names(folder) if name.endswith(suffixes))
        return tuple(path for path in paths if self._quietly_a_file(path))

    def _quietly_a_file(self, path: str) -> bool:
        """One looping link among many must not hide its neighbours."""
        try:
            return self.is_file(path)
        except UnreadableError:
            return False


class FolderRoot(FileSystem):
    """A root folder on this machine: ``/`` of a running host, or an unpacked image."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Give the directory descriptor back."""
        os.close(self._fd)

    def __enter__(self) -> FolderRoot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_folder(self, real: tuple[str, ...]) -> int:
        """A descriptor of a folder, reached without following a single link; the caller closes it."""
        current = os.dup(self._fd)
        for part in real:
            try:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current)
            finally:
                os.close(current)
            current = below
        return current

    def _entry(self, real: tuple[str, ...]) -> FileEntry | None:
        try:
            folder = self._open_folder(real[:-1])
        except OSError as exc:
            _unless_absent(real, exc)
            return None
        try:
            status = os.stat(real[-1], dir_fd=folder, follow_symlinks=False)
            target = os.readlink(real[-1], dir_fd=folder) if stat.S_ISLNK(status.st_mode) else ""
        except OSError as exc:
            _unless_absent(real, exc)
            return None
        finally:
            os.close(folder)
        return FileEntry(kind=_kind(status), size=status.st_size, mode=stat.S_IMODE(status.st_mode), target=target)

    def _read(self, real: tuple[str, ...], limit: int, *, start: int = 0) -> bytes:
        path = "/" + "/".join(real)
        try:
            folder = self._open_folder(real[:-1])
            try:
                # O_NONBLOCK: a FIFO put in the place of the file cannot hold us; O_NOFOLLOW: nor can a link.
                file = os.open(real[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            finally:
                os.close(folder)
            with open(file, "rb", buffering=0) as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    raise UnreadableError(path, "is not a regular file")
                if start:
                    stream.seek(start)
                return _read_up_to(stream.read, limit)
        except OSError as exc:
            raise _unreadable(path, exc) from exc

    def tail(self, path: str, size: int) -> bytes | None:
        """The last bytes of a regular file, however large it is; None where there is none.

        Raises:
            UnreadableError: it may not be read, or its links loop.
        """
        real = self._wanted(path)
        entry = None if real is None else self._entry(real)
        if real is None or entry is None:
            return None
        return self._read(real, size, start=max(entry.size - size, 0))

    def _list(self, real: tuple[str, ...]) -> tuple[str, ...]:
        try:
            folder = self._open_folder(real)
            try:
                return tuple(sorted(os.listdir(folder)))
            finally:
                os.close(folder)
        except OSError as exc:
            raise _unreadable("/" + "/".join(real), exc) from exc


def _read_up_to(read: Callable[[int], bytes | None], limit: int) -> bytes:
    """Read in pieces until the end or the limit; files in /proc have size 0 and come in several pieces."""
    pieces: list[bytes] = []
    left = limit
    while left > 0:
        piece = read(min(left, 1 << 20))
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _kind(status: os.stat_result) -> FileKind:
    if stat.S_ISREG(status.st_mode):
        return FileKind.FILE
    if stat.S_ISDIR(status.st_mode):
        return FileKind.FOLDER
    if stat.S_ISCHR(status.st_mode):
        return of_device(os.major(status.st_rdev), os.minor(status.st_rdev))
    return FileKind.LINK if stat.S_ISLNK(status.st_mode) else FileKind.OTHER


def of_device(major: int, minor: int) -> FileKind:
    """What a character device is, by its numbers (Linux, Documentation/admin-guide/devices.txt)."""
    return FileKind.NULL if (major, minor) == (1, 3) else FileKind.OTHER


def _unless_absent(real: tuple[str, ...], exc: OSError) -> None:
    """Absence is an answer; anything else, such as a folder that may not be searched, is not."""
    if exc.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        return
    raise _unreadable("/" + "/".join(real), exc) from exc


def _unreadable(path: str, exc: OSError) -> UnreadableError:
    reason = os.strerror(exc.errno or errno.EIO)
    return UnreadableError(path, reason, denied=exc.errno in (errno.EACCES, errno.EPERM))
