"""A root file system inside an archive: a root tar, a ``docker save`` tar, or an OCI image layout.

Nothing is unpacked to disk. The archive is read once, front to back, so that a compressed one costs no more than its
decompression; layers that a manifest at the end puts into order are indexed as they go by and laid over each other
afterwards. Sources: OCI image-spec (image layout, manifest, layer), Docker's ``docker image save`` (manifest.json),
both read 2026-11-23.

Refused rather than guessed: an archive with several images, a layer that is missing, a malformed or endless archive.
"""

from __future__ import annotations

import os
import re
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from netprobe.errors import UnreadableFileError, printable
from netprobe.host import diskformats, manifest
from netprobe.host.archive_files import TOTAL, keep
from netprobe.host.diskformats import HEAD
from netprobe.host.filesystem import FileEntry, FileKind, FileSystem, FolderRoot, UnreadableError, of_device
from netprobe.host.streams import MALFORMED, ArchiveError, Budget, Forward, decompressed
from netprobe.host.tarinfo import StrictInfo
from netprobe.host.tree import MAX_NODES, MAX_PATH, Node, Nodes, TooManyMembersError, TreeRoot

_LAYER = re.compile(r"blobs/sha256/[0-9a-f]{64}|[0-9a-f]{64}/layer\.tar|[0-9a-f]{64}\.tar(?:\.gz)?")
_SMALL = 4 * 1024 * 1024
_DOCUMENTS = 64 * 1024 * 1024
"""Bytes of small JSON blobs altogether; an image of a server has some kilobytes, and bills of materials beside it."""
_LAYERS_NODES = 2 * MAX_NODES
"""Members of all layers together, most of which later layers replace."""
_MOST_NAMES = 1000
_REMEDY = "give an unpacked root folder, a root tar, a docker save tar or an OCI image layout"


@dataclass(slots=True)
class Opened:
    """A root and what a reader should know of how it was read."""

    root: FileSystem
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Outer:
    """What went by in the outer archive."""

    tree: TreeRoot = field(default_factory=TreeRoot)
    nodes: Nodes = field(default_factory=lambda: Nodes(_LAYERS_NODES))
    documents: dict[str, bytes] = field(default_factory=dict)
    layers: dict[str, TreeRoot] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    unended: int = 0
    """Archives that end without an end mark."""
    kept: int = 0
    read: int = 0
    """Bytes of documents."""


def _members(stream: Forward, outer: _Outer) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    with tarfile.TarFile(fileobj=stream, mode="r", tarinfo=StrictInfo) as tar:  # type: ignore[arg-type]
        while (info := tar.next()) is not None:
            # tarfile remembers every member; half a million of them would be the memory of the whole run.
            tar.members.clear()  # type: ignore[attr-defined]
            yield tar, info
        # The end mark was read, as a header would be; where nothing stood in its place, nothing was.
        outer.unended += stream.tell() == tar.offset


def _place(outer: _Outer, tree: TreeRoot, tar: tarfile.TarFile, info: tarfile.TarInfo) -> None:
    path = tree.located(info.name)
    if path is None or len(info.linkname) > MAX_PATH:
        tree.refused += 1
        return
    if info.isdir():
        node = Node(FileEntry(kind=FileKind.FOLDER, mode=info.mode))
    elif info.issym():
        node = Node(FileEntry(kind=FileKind.LINK, mode=0o777, target=info.linkname))
    elif info.islnk():
        there = tree.find(info.linkname.lstrip("/"))
        if there is None or there.children is not None:
            tree.refused += 1
            return
        node = there
    elif info.isreg():
        node = Node(
            FileEntry(kind=FileKind.FILE, size=info.size, mode=info.mode), _content(outer, tree, tar, info, path)
        )
    else:
        kind = of_device(info.devmajor, info.devminor) if info.ischr() else FileKind.OTHER
        node = Node(FileEntry(kind=kind, mode=info.mode))
    tree.place(path, node)


def _content(outer: _Outer, tree: TreeRoot, tar: tarfile.TarFile, info: tarfile.TarInfo, path: str) -> bytes | None:
    wanted = keep(path, info.size)
    if info.sparse is not None:
        return None
    if wanted == 0:
        return b"" if info.size == 0 else None
    if outer.kept + wanted > TOTAL:
        tree.unkept += 1
        return None
    stream = tar.extractfile(info)
    assert stream is not None
    data = stream.read(wanted)
    outer.kept += len(data)
    return data


def _walk(stream: Forward, budget: Budget) -> _Outer:
    """Index one archive, layers of images inside it included."""
    outer = _Outer()
    for tar, info in _members(stream, outer):
        path = info.name.lstrip("/").removeprefix("./")
        if (info.issym() or info.islnk()) and _LAYER.fullmatch(path):
            base = os.path.dirname(path) if info.issym() else ""
            outer.links[path] = os.path.normpath(os.path.join(base, info.linkname))
        elif info.isreg() and _LAYER.fullmatch(path):
            _blob(outer, info, path, stream, budget)
        elif info.isreg() and "/" not in path and info.size <= _SMALL and path in manifest.DOCUMENTS:
            _document(outer, tar, info, path)
        else:
            _place(outer, outer.tree, tar, info)
    return outer


def _document(outer: _Outer, tar: tarfile.TarFile, info: tarfile.TarInfo, path: str) -> None:
    stream = tar.extractfile(info)
    assert stream is not None
    outer.documents[path] = stream.read(_SMALL)


def _blob(outer: _Outer, info: tarfile.TarInfo, path: str, stream: Forward, budget: Budget) -> None:
    """A blob is a small JSON document or a layer; its first bytes tell."""
    if info.sparse is not None:
        raise ArchiveError(f"holds a layer that is a sparse member ({path})")
    stream.seek(info.offset_data)
    if stream.peek(1) == b"{":
        # A bill of materials may be large and is no part of the image; a manifest that is missing later is told then.
        wanted = info.size if info.size <= _SMALL and outer.read + info.size <= _DOCUMENTS else 0
        outer.read += wanted
        outer.documents[path] = stream.read(wanted)
        return
    window = Forward(_Until(stream, info.size), budget)
    outer.layers[path] = _layer(window, outer, budget)


@dataclass(slots=True)
class _Until:
    """The bytes of one member, as a source."""

    stream: Forward
    left: int

    def read(self, size: int = -1, /) -> bytes:
        data = self.stream.read(min(size, self.left)) if self.left else b""
        self.left -= len(data)
        return data


def _layer(stream: Forward, outer: _Outer, budget: Budget) -> TreeRoot:
    tree = TreeRoot(outer.nodes)
    for tar, info in _members(decompressed(stream, budget), outer):
        _place(outer, tree, tar, info)
    return tree


def _assembled(outer: _Outer, platform: str | None) -> TreeRoot:
    """The root that the manifest describes, or the archive itself where it is a root tar."""
    names = manifest.layers(outer.documents, platform)
    return outer.tree if names is None else _laid_over(outer, names)


def _laid_over(outer: _Outer, names: Sequence[str]) -> TreeRoot:
    root = TreeRoot()
    root.refused = outer.tree.refused
    for name in names:
        found = outer.links.get(name, name)
        layer = outer.layers.get(found)
        if layer is None:
            raise ArchiveError(f"names a layer that it does not hold ({name})")
        root.lay_over(layer)
    return root


def _notes(tree: TreeRoot, unended: int) -> tuple[str, ...]:
    notes = []
    if unended:
        # Docker and GNU tar read such an archive as whole, so it is no error (Go's archive/tar, read 2026-11-29).
        notes.append("the archive has no end mark: it may be cut short, and what would follow was not judged")
    if tree.refused:
        notes.append(f"{tree.refused} archive members point outside the root or at nothing and were left out")
    if tree.unkept:
        notes.append(
            f"{tree.unkept} configuration files were not kept, since the image holds more than {TOTAL >> 20} MiB"
        )
    return tuple(notes)


def read_archive(path: Path, budget: Budget | None = None, platform: str | None = None) -> Opened:
    """Index the root file system in an archive.

    Raises:
        UnreadableFileError: it is missing, malformed, too large or no image of a root file system.
    """
    budget = budget or Budget()
    with _told(path), path.open("rb", buffering=1 << 16) as file:
        plain = Forward(file, budget, seekable=stat.S_ISREG(os.fstat(file.fileno()).st_mode))
        stream = decompressed(plain, budget)
        head = stream.peek(HEAD)
        try:
            outer = _walk(stream, budget)
            tree = _assembled(outer, platform)
        except (ArchiveError, tarfile.TarError):
            _refuse_by_name(path, head)
            raise
    if not tree.names("/"):
        _refuse_by_name(path, head)
        raise UnreadableFileError(str(path), "holds no files", _REMEDY)
    _refuse_without_root(path, tree)
    return Opened(tree, _notes(tree, outer.unended))


def _refuse_by_name(path: Path, head: bytes) -> None:
    """Say what it is, if not a tar.

    Raises:
        UnreadableFileError: its first bytes tell.
    """
    known = diskformats.named(head)
    if known is not None:
        what, remedy = known
        raise UnreadableFileError(str(path), f"is {what}", remedy)


def _has_root(root: FileSystem, folder: str) -> bool:
    try:
        return any(root.lentry(f"{folder}/{name}") is not None for name in ("etc", "usr"))
    except UnreadableError:  # a link that leads round, or a folder that is closed
        return False


def _refuse_without_root(path: Path, root: FileSystem) -> None:
    """A folder above the root, or beside it, must not be judged as a system that lacks everything.

    Raises:
        UnreadableFileError: there is neither ``/etc`` nor ``/usr``.
    """
    if _has_root(root, ""):
        return
    below = [name for name in root.names("/")[:_MOST_NAMES] if _has_root(root, f"/{name}")]
    where = f": the root seems to be in {printable(below[0])}" if len(below) == 1 else ""
    raise UnreadableFileError(str(path), f"holds no root file system (neither /etc nor /usr){where}", _REMEDY)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn whatever hostile bytes make the readers raise into one line."""
    try:
        yield
    except ArchiveError as exc:
        raise UnreadableFileError(str(path), str(exc), _REMEDY) from exc
    except TooManyMembersError as exc:
        reason = f"holds more than {MAX_NODES} files, which is no image of a server"
        raise UnreadableFileError(str(path), reason, _REMEDY) from exc
    except UnreadableError as exc:
        raise UnreadableFileError(str(path), str(exc), _REMEDY) from exc
    except tarfile.TarError as exc:
        raise UnreadableFileError(str(path), f"is no tar archive, or a damaged one ({exc})", _REMEDY) from exc
    except MALFORMED as exc:
        reason = (
            exc.strerror if isinstance(exc, OSError) and exc.strerror else "is damaged, or not the format it claims"
        )
        raise UnreadableFileError(str(path), reason, _REMEDY) from exc


class _Documents(Mapping[str, bytes]):
    """The JSON documents of a layout that is a folder, each read when it is asked for and not before."""

    def __init__(self, folder: FolderRoot) -> None:
        self._folder = folder
        self._names = ("index.json", *(f"blobs/sha256/{name}" for name in folder.names("/blobs/sha256")))

    def __getitem__(self, name: str) -> bytes:
        data = self._folder.head(f"/{name}", _SMALL + 1)
        if data is None:
            raise KeyError(name)
        return data if len(data) <= _SMALL else b""

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _read_layout(path: Path, platform: str | None, budget: Budget) -> Opened:
    """An OCI image layout as a folder."""
    outer = _Outer()
    with FolderRoot(path) as folder:
        names = manifest.layers(_Documents(folder), platform) or ()
        for name in dict.fromkeys(names):
            real = folder.resolve(f"/{name}")
            if not _LAYER.fullmatch(name) or real != tuple(name.split("/")) or not (path / name).is_file():
                raise ArchiveError(f"names a layer that it does not hold ({name})")
            with (path / name).open("rb") as file:
                outer.layers[name] = _layer(Forward(file, budget, seekable=True), outer, budget)
    tree = _laid_over(outer, names)
    _refuse_without_root(path, tree)
    return Opened(tree, _notes(tree, outer.unended))


@contextmanager
def open_root(path: Path, platform: str | None = None) -> Iterator[Opened]:
    """Open whatever ``path`` is: a root folder, an OCI image layout, or an archive.

    Args:
        path: what the user gave.
        platform: which image of several to take: ``linux/arm64``.

    Raises:
        UnreadableFileError: it cannot be read or holds no root file system.
    """
    try:
        mode = path.stat().st_mode
        is_layout = stat.S_ISDIR(mode) and all(os.path.isfile(path / name) for name in ("oci-layout", "index.json"))
    except OSError as exc:
        raise UnreadableFileError(str(path), os.strerror(exc.errno or 0), _REMEDY) from exc
    if stat.S_ISREG(mode):
        yield read_archive(path, platform=platform)
        return
    if not stat.S_ISDIR(mode):
        raise UnreadableFileError(str(path), "is neither a file nor a folder", _REMEDY)
    if is_layout:
        with _told(path):
            opened = _read_layout(path, platform, Budget())
        yield opened
        return
    try:
        folder = FolderRoot(path)
    except OSError as exc:
        raise UnreadableFileError(str(path), os.strerror(exc.errno or 0), _REMEDY) from exc
    with folder:
        _refuse_without_root(path, folder)
        yield Opened(folder)
