"""Where reports come from: files, folders, archives, a stream of lines. Nothing is unpacked to disk.

Formats are told by their first bytes, never by a name; a member's name is used to name it and for nothing else, so
``../`` in it leads nowhere. Links and special files in a folder are passed over. What is unpacked counts against one
budget for the whole run, so neither one bomb nor a thousand fill the memory or hang it.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from netprobe.errors import printable
from netprobe.fleet.model import Skipped
from netprobe.host.streams import MALFORMED, ArchiveError, Budget, Forward, decompressed
from netprobe.host.tarinfo import StrictInfo
from netprobe.report.stored import MAX_BYTES

ENDINGS = (".json", ".jsonl", ".ndjson", ".gz", ".tgz", ".txz", ".xz", ".bz2", ".tar", ".zip")
"""What a folder is searched for; a file that is named is read whatever its name ends in."""
MOST_REPORTS = 1_000_000
MOST_DEPTH = 16
MOST_DIRECTORY = 64 << 20
"""Bytes of a zip archive's central directory: some 600,000 members; Python keeps all of it."""
_BLOCK = 512
_ZIP = b"PK"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of what may be a report.

    Attributes:
        source: where it came from, for people.
        stem: its name without folders and endings.
        data: the bytes.
    """

    source: str
    stem: str
    data: bytes


class ReadingLimits(msgspec.Struct, kw_only=True):
    """What a run may read.

    Attributes:
        reports: how many documents.
        unpacked: bytes that archives may unpack to, altogether.
        seconds: how long archives may take, altogether.
        report: bytes of one report.
    """

    reports: int = MOST_REPORTS
    unpacked: int = 256 << 30
    seconds: float = 900.0
    report: int = MAX_BYTES


def documents(paths: Iterable[Path], limits: ReadingLimits | None = None) -> Iterator[Document | Skipped]:
    """Everything that may be a report, in the order of the paths; within a folder, by name.

    Args:
        paths: files, folders and archives; ``-`` is stdin (reports as JSON lines, or one report).
        limits: what may be read.
    """
    reader = _Reader(limits or ReadingLimits())
    for path in paths:
        for found in reader.path(path):
            if isinstance(found, Document):
                reader.limits.reports -= 1
                if reader.limits.reports < 0:
                    yield Skipped(source=found.source, reason="comes after as many reports as netprobe reads in a run")
                    return
            yield found


class _Reader:
    def __init__(self, limits: ReadingLimits) -> None:
        self.limits = limits
        self._budget = Budget(unpacked=limits.unpacked, seconds=limits.seconds)

    def path(self, path: Path) -> Iterator[Document | Skipped]:
        if str(path) == "-":
            yield from self._told("-", lambda: self._stream(sys.stdin.buffer, "-", "stdin"))
        elif os.path.isdir(path):
            yield from self._folder(path)
        else:
            yield from self._file(path, links=True)

    def _folder(self, top: Path) -> Iterator[Document | Skipped]:
        waiting = [(top, 0)]
        while waiting:
            folder, depth = waiting.pop()
            try:
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as exc:
                yield Skipped(source=_safe(folder), reason=f"cannot be read ({(exc.strerror or '').lower()})")
                continue
            below = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
            if depth < MOST_DEPTH:
                waiting += [(Path(entry.path), depth + 1) for entry in reversed(below)]
            elif below:
                yield Skipped(source=_safe(folder), reason=f"folders below the {MOST_DEPTH}th level are not read")
            for entry in entries:
                wanted = entry.name.lower().endswith(ENDINGS) and not entry.name.startswith(".")
                if wanted and entry.is_file(follow_symlinks=False):
                    yield from self._file(Path(entry.path), links=False)

    def _file(self, path: Path, *, links: bool) -> Iterator[Document | Skipped]:
        source = _safe(path)
        try:
            follow = 0 if links else os.O_NOFOLLOW
            # Without O_NONBLOCK the opening of a pipe that nobody writes to would never end.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | follow)
        except OSError as exc:
            yield Skipped(source=source, reason=f"cannot be read ({(exc.strerror or '').lower()})")
            return
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            kind = os.fstat(descriptor).st_mode
            if links and stat.S_ISFIFO(kind):
                # What a shell makes of <(ssh web1 cat report.json); one that nobody writes to has ended already.
                os.set_blocking(descriptor, True)
                yield from self._told(source, lambda: self._stream(stream, source, _stem(path.name)))
                return
            if not stat.S_ISREG(kind):
                yield Skipped(source=source, reason="is no regular file")
                return
            yield from self._told(source, lambda: self._opened(stream, path))

    def _told(self, source: str, read: object) -> Iterator[Document | Skipped]:
        """What is read, and, where reading ends early, why."""
        try:
            yield from read()  # type: ignore[operator]
        except ArchiveError as exc:
            yield Skipped(source=source, reason=str(exc))
        except (*MALFORMED, zipfile.BadZipFile, tarfile.TarError, NotImplementedError, RuntimeError) as exc:
            yield Skipped(source=source, reason=f"is damaged ({printable(str(exc) or type(exc).__name__)})")

    def _opened(self, stream: io.FileIO, path: Path) -> Iterator[Document | Skipped]:
        source, stem = _safe(path), _stem(path.name)
        head = stream.read(1)
        if not head:
            yield Skipped(source=source, reason="is empty")
            return
        if head in (b"{", b"[", b" ", b"\n", b"\r", b"\t", b"\xef"):
            # The usual case, without a wrapper in between.
            stream.seek(0)
            yield from self._plain(stream, source, stem)
            return
        rest = stream.read(1) if head == _ZIP[:1] else b""
        stream.seek(0)
        if head + rest == _ZIP:
            yield from self._zip(stream, source)
            return
        yield from self._stream(stream, source, stem)

    def _plain(self, stream: io.FileIO, source: str, stem: str) -> Iterator[Document | Skipped]:
        size = os.fstat(stream.fileno()).st_size
        if size > self.limits.report:
            # Only lines of many reports may be as long as that.
            yield from self._lines(io.BufferedReader(stream), source, stem)
            return
        # Asked for the limit, Python would make room for it, a thousand times a second.
        data = stream.read(size + 1)
        yield from _split(data, source, stem)

    def _stream(self, raw: BinaryIO | io.FileIO, source: str, stem: str) -> Iterator[Document | Skipped]:
        packed = Forward(raw, self._budget)
        opened = decompressed(packed, self._budget)
        if packed is opened and opened.peek(2) == _ZIP:
            raise ArchiveError("is a zip archive, which is read from a file only")
        if _is_tar(opened.peek(_BLOCK)):
            yield from self._tar(opened, source)
            return
        yield from self._lines(io.BufferedReader(_Readable(opened), 1 << 20), source, stem)

    def _lines(self, stream: io.BufferedIOBase, source: str, stem: str) -> Iterator[Document | Skipped]:
        """One report over many lines, or one a line: what the first line is, decides."""
        limit = self.limits.report
        number = 0
        alone: bytes | None = None
        while line := stream.readline(limit + 1):
            number += 1
            if len(line) > limit:
                yield Skipped(source=f"{source}:{number}", reason=f"a report is larger than {limit >> 20} MiB")
                return
            if not line.strip():
                continue
            if number == 1 and not _is_whole(line):
                yield from _laid_out(line, stream, source, stem, limit)
                return
            if number == 1:
                alone = line
                continue
            if alone is not None:
                yield _numbered(source, stem, 1, alone)
                alone = None
            yield _numbered(source, stem, number, line)
        if alone is not None:
            yield Document(source=source, stem=stem, data=alone)

    def _tar(self, stream: Forward, source: str) -> Iterator[Document | Skipped]:
        with tarfile.TarFile(fileobj=stream, mode="r", tarinfo=StrictInfo) as tar:  # type: ignore[arg-type]
            while (info := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]
                if not info.isreg() or info.sparse is not None or not _is_wanted(info.name):
                    continue
                member = f"{source}:{_safe(info.name)}"
                if info.size > self.limits.report:
                    yield Skipped(source=member, reason=f"is larger than {self.limits.report >> 20} MiB")
                    continue
                content = tar.extractfile(info)
                assert content is not None
                yield from self._member(content.read(info.size), member, _stem(info.name))

    def _zip(self, stream: io.FileIO, source: str) -> Iterator[Document | Skipped]:
        if _directory_size(stream) > MOST_DIRECTORY:
            raise ArchiveError("has more members than netprobe reads")
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if info.is_dir() or not _is_wanted(info.filename):
                    continue
                member = f"{source}:{_safe(info.filename)}"
                if info.flag_bits & 1:
                    yield Skipped(source=member, reason="is encrypted")
                    continue
                try:
                    with archive.open(info) as content:
                        # The size in the header may be a lie: what is read decides.
                        data = _read(Forward(content, self._budget), self.limits.report + 1)
                except (*MALFORMED, zipfile.BadZipFile, NotImplementedError, RuntimeError) as exc:
                    yield Skipped(source=member, reason=f"is damaged ({printable(str(exc) or type(exc).__name__)})")
                    continue
                if len(data) > self.limits.report:
                    yield Skipped(source=member, reason=f"is larger than {self.limits.report >> 20} MiB")
                    continue
                yield from self._member(data, member, _stem(info.filename))

    def _member(self, data: bytes, source: str, stem: str) -> Iterator[Document | Skipped]:
        """A member: a report, lines of reports, or one of these compressed; an archive in an archive is not read."""
        inner = Forward(io.BytesIO(data), self._budget)
        try:
            opened = decompressed(inner, self._budget)
            if opened is not inner:
                data = _read(opened, self.limits.report + 1)
        except ArchiveError as exc:
            yield Skipped(source=source, reason=str(exc))
            return
        except MALFORMED as exc:
            yield Skipped(source=source, reason=f"is damaged ({printable(str(exc) or type(exc).__name__)})")
            return
        if len(data) > self.limits.report:
            yield Skipped(source=source, reason=f"is larger than {self.limits.report >> 20} MiB")
            return
        yield from _split(data, source, stem)


def _read(stream: Forward, most: int) -> bytes:
    """So many bytes at most, in pieces: a stream refuses to be asked for much at once."""
    pieces = []
    while most > 0 and (piece := stream.read(min(most, 1 << 20))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


class _Readable(io.RawIOBase):
    """A :class:`Forward` as a file object, for its lines."""

    def __init__(self, stream: Forward) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._stream.read(min(len(view), 1 << 20))
        view[: len(data)] = data
        return len(data)


def _split(data: bytes, source: str, stem: str) -> Iterator[Document | Skipped]:
    """One report, or one a line where the first line is whole and others follow."""
    end = data.find(b"\n")
    if end < 0 or end >= len(data) - 1:
        yield Document(source=source, stem=stem, data=data)
        return
    if not _is_whole(data[:end]):
        if data.find(b"\n{") < 0:  # the usual case
            yield Document(source=source, stem=stem, data=data)
        else:
            yield from _laid_out(b"", io.BytesIO(data), source, stem, len(data))
        return
    for number, line in enumerate(io.BytesIO(data), start=1):
        if line.strip():
            yield _numbered(source, stem, number, line)


def _laid_out(
    first: bytes, stream: io.BufferedIOBase, source: str, stem: str, limit: int
) -> Iterator[Document | Skipped]:
    """One report over many lines, or several one after the other (``cat *.json | netprobe fleet -``).

    Args:
        first: the first line, where it was read already.
        stream: what follows.
        source: for people.
        stem: for a report that names no host.
        limit: bytes of one report.
    """
    lines, size, number, began, alone = [first], len(first), 1 if first else 0, 1, True
    while line := stream.readline(limit + 1):
        number += 1
        if _begins(lines, line):
            yield _numbered(source, stem, began, b"".join(lines))
            lines, size, began, alone = [], 0, number, False
        lines.append(line)
        size += len(line)
        if size > limit:
            told = source if alone else f"{source}:{began}"
            yield Skipped(source=told, reason=f"is larger than {limit >> 20} MiB")
            return
    whole = b"".join(lines)
    yield Document(source=source, stem=stem, data=whole) if alone else _numbered(source, stem, began, whole)


def _begins(lines: Sequence[bytes], line: bytes) -> bool:
    """Whether a line begins another document: within one, no ``{`` of a line of its own stands behind a whole value."""
    if not line.startswith(b"{"):
        return False
    before = next((one.strip() for one in reversed(lines) if one.strip()), b"[")
    return not before.endswith((b"[", b"{", b",", b":"))


def _numbered(source: str, stem: str, number: int, line: bytes) -> Document:
    return Document(source=f"{source}:{number}", stem=f"{stem}-{number}", data=line)


def _is_whole(line: bytes) -> bool:
    """Whether a line looks like a whole JSON object."""
    return line.strip().endswith(b"}")


def _is_tar(block: bytes) -> bool:
    return len(block) == _BLOCK and block[257:262] == b"ustar"


def _is_wanted(name: str) -> bool:
    return name.lower().endswith((".json", ".jsonl", ".ndjson", ".gz", ".xz", ".bz2"))


def _directory_size(stream: io.FileIO) -> int:
    """Bytes of a zip archive's central directory, by its end record (APPNOTE.TXT 6.3.10, section 4.3.16)."""
    size = os.fstat(stream.fileno()).st_size
    stream.seek(max(size - 65557, 0))
    tail = stream.read(65557)
    stream.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 16 > len(tail):
        return 0  # zipfile says what is wrong with it
    return int.from_bytes(tail[at + 12 : at + 16], "little")


def _safe(path: Path | str) -> str:
    return printable(str(path).encode("utf-8", "backslashreplace").decode("utf-8"), 400)


def _stem(name: str) -> str:
    """The name without folders and endings: what a host is called whose report names none."""
    stem = name.replace("\\", "/").rpartition("/")[2]
    for ending in (".gz", ".xz", ".bz2", ".json", ".jsonl", ".ndjson"):
        stem = stem.removesuffix(ending)
    return _safe(stem) or "unnamed"
