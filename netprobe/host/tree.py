"""The index of an archive as a file system: what every member is, and the bytes of the few that rules read.

Layers are laid over each other as the OCI image specification says (image-spec ``layer.md``, read 2026-11-23): a member
replaces what stood at its path, two folders become one, ``.wh.NAME`` removes NAME, and ``.wh..wh..opq`` removes what
lower layers put into its folder. Names are hostile: absolute ones are taken as relative to the root, as tar does, and
names with ``..`` are left out and counted.
"""

from __future__ import annotations

from netprobe.host.filesystem import MAX_LINKS, MAX_THROUGH, FileEntry, FileKind, FileSystem, UnreadableError

MAX_NODES = 500_000
MAX_STEPS = 4 * MAX_NODES
"""Names that are compared while layers are laid over each other."""
MAX_PATH = 4096
"""Linux opens no longer path (PATH_MAX)."""
MAX_NAME = 255
MAX_DEPTH = 256
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


class Node:
    """One name; a plain class with slots, since a large image has a few hundred thousand of them."""

    __slots__ = ("children", "data", "entry")

    def __init__(self, entry: FileEntry, data: bytes | None = None) -> None:
        self.entry = entry
        self.data = data
        self.children: dict[str, Node] | None = {} if entry.kind is FileKind.FOLDER else None


def _folder() -> Node:
    return Node(FileEntry(kind=FileKind.FOLDER, mode=0o755))


class TooManyMembersError(Exception):
    """More members than any server has."""


class Nodes:
    """How many members there may be, in one tree or in several together.

    Args:
        most: so many.
    """

    def __init__(self, most: int = MAX_NODES) -> None:
        self._left = most

    def take(self) -> None:
        """One more.

        Raises:
            TooManyError: it is one too many.
        """
        self._left -= 1
        if self._left < 0:
            raise TooManyMembersError


class TreeRoot(FileSystem):
    """A file system in memory, filled member by member.

    Args:
        shared: what several trees may hold together, besides what each may hold.
    """

    def __init__(self, shared: Nodes | None = None) -> None:
        self.root = _folder()
        self.count = 0
        self._shared = shared
        self._steps = Nodes(MAX_STEPS)
        self.refused = 0
        self.unkept = 0

    def _node(self, real: tuple[str, ...]) -> Node | None:
        node: Node | None = self.root
        for part in real:
            if node is None or node.children is None:
                return None
            node = node.children.get(part)
        return node

    def _entry(self, real: tuple[str, ...]) -> FileEntry | None:
        node = self._node(real)
        return None if node is None else node.entry

    def _read(self, real: tuple[str, ...], limit: int) -> bytes:
        node = self._node(real)
        path = "/" + "/".join(real)
        if node is None or node.data is None or len(node.data) < min(limit, node.entry.size):
            raise UnreadableError(path, "netprobe does not keep this file while it reads an archive; give it a folder")
        return node.data[:limit]

    def _list(self, real: tuple[str, ...]) -> tuple[str, ...]:
        node = self._node(real)
        return () if node is None or node.children is None else tuple(sorted(node.children))

    def _parent(self, parts: tuple[str, ...]) -> Node:
        """The folder that a member goes into; links on the way are followed inside the root, as a chroot would."""
        node = self.root
        for depth, part in enumerate(parts):
            assert node.children is not None
            below = node.children.get(part)
            if below is not None and below.entry.kind is FileKind.LINK:
                real = self.resolve("/" + "/".join(parts[: depth + 1]))
                below = self._node(real) if real is not None else None
            if below is None or below.children is None:
                below = _folder()
                node.children[part] = below
                self._counted()
            node = below
        return node

    def _counted(self) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            raise TooManyMembersError
        if self._shared is not None:
            self._shared.take()

    def resolve(self, path: str, *, follow_last: bool = True) -> tuple[str, ...] | None:
        """As in every file system; from node to node, and not from the root again for each name."""
        todo = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        way: list[tuple[str, Node]] = []
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                if way:
                    way.pop()
                continue
            here = way[-1][1] if way else self.root
            node = None if here.children is None else here.children.get(part)
            if node is None:
                return None
            if node.entry.kind is not FileKind.LINK or (not todo and not follow_last):
                if todo and node.children is None:
                    return None
                way.append((part, node))
                continue
            links += 1
            if links > MAX_LINKS:
                raise UnreadableError(path[:200], f"more than {MAX_LINKS} symbolic links, probably a loop")
            if node.entry.target.startswith("/"):
                way.clear()
            todo.extend(step for step in reversed(node.entry.target.split("/")) if step not in ("", "."))
            if len(todo) > MAX_THROUGH:
                raise UnreadableError(path[:200], f"its links lead through more than {MAX_THROUGH} folders")
        return tuple(part for part, _ in way)

    def located(self, path: str) -> str | None:
        """Where a member really goes, relative to the root, once the links before it are followed.

        Returns:
            None where no system could have made it: a path or a name that is too long, or links that go in circles.
        """
        if len(path) > MAX_PATH:
            return None
        parts = tuple(part for part in path.split("/") if part not in ("", "."))
        if len(parts) > MAX_DEPTH or any(len(part) > MAX_NAME for part in parts):
            return None
        node: Node | None = self.root
        for part in parts[:-1]:
            node = None if node is None or node.children is None else node.children.get(part)
            if node is None:
                break
            if node.entry.kind is FileKind.LINK and ".." not in parts:
                try:
                    folder = self.resolve("/" + "/".join(parts[:-1]))
                except UnreadableError:
                    return None
                return "/".join((*folder, parts[-1])) if folder is not None else "/".join(parts)
        return "/".join(parts)

    def place(self, path: str, node: Node) -> None:
        """Put one member where its name says, over whatever stands there."""
        parts = tuple(part for part in path.split("/") if part not in ("", "."))
        if ".." in parts:
            self.refused += 1
            return
        if not parts:
            return
        try:
            children = self._parent(parts[:-1]).children
        except UnreadableError:
            self.refused += 1
            return
        assert children is not None
        before = children.get(parts[-1])
        if before is not None and before.children is not None and node.children is not None:
            before.entry = node.entry
            return
        children[parts[-1]] = node
        self._counted()

    def find(self, path: str) -> Node | None:
        """The node that a hard link names."""
        parts = tuple(part for part in path.split("/") if part not in ("", "."))
        return None if ".." in parts else self._node(parts)

    def lay_over(self, layer: TreeRoot) -> None:
        """Apply a layer; it stays whole, since an image may list one layer twice."""
        self.refused += layer.refused
        self.unkept += layer.unkept
        self._merge(self.root, layer.root)

    def _merge(self, below: Node, above: Node) -> None:
        pending = [(below, above)]
        while pending:
            lower, upper = pending.pop()
            assert lower.children is not None
            assert upper.children is not None
            if _OPAQUE in upper.children:
                lower.children.clear()
            for name in [name for name in upper.children if name.startswith(_WHITEOUT) and name != _OPAQUE]:
                lower.children.pop(name.removeprefix(_WHITEOUT), None)
            for name, node in upper.children.items():
                self._steps.take()
                if name.startswith(_WHITEOUT):
                    continue
                there = lower.children.get(name)
                if there is not None and there.children is not None and node.children is not None:
                    there.entry = node.entry
                    pending.append((there, node))
                    continue
                if node.children is not None:
                    # A new folder may still hold whiteouts of its own; they remove nothing, and must not show.
                    fresh = Node(node.entry)
                    lower.children[name] = fresh
                    self._counted()
                    pending.append((fresh, node))
                    continue
                lower.children[name] = node
                self._counted()
