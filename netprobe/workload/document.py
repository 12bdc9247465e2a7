"""Read a JSON or YAML file of a user's, with the line of every value, and no way to run or exhaust anything.

PyYAML composes both (JSON is a subset once its tabs are blanks, which a valid JSON file has only between values), so
one reader keeps the lines of both. Nothing is constructed beyond maps, lists, texts, numbers and truth: a tag names an
intrinsic function of CloudFormation or is an error, never a Python object. Aliases are shared, not copied, and a
document whose aliases unfold to more than :data:`MAX_VALUES` values is refused (a "billion laughs" is small on disk).

Broken files are told as ``FILE: … at line L, column C``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from netprobe import reading
from netprobe.errors import UnreadableFileError, printable

MAX_BYTES = 1024 * 1024
MAX_VALUES = 50_000
MAX_DOCUMENTS = 100
_ZIP = b"PK\x03\x04"
_REMEDY = "give a task definition, service, CloudFormation template or compose file"
_STRING, _NULL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"
_BOOL, _INT, _FLOAT = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"

OPEN = "Open"
"""Names the :class:`Intrinsic` for a value that only another program (Terraform) can work out."""

Value: TypeAlias = "Map | List | Intrinsic | str | int | float | bool | None"


class Map(dict[str, Value]):
    """A map that knows its line and the line of each key."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class List(list[Value]):
    """A list that knows its line and the line of each item."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """A CloudFormation function in its short form: ``!Sub "${AWS::Region}"`` is ``("Sub", "${AWS::Region}")``."""

    name: str
    argument: Value
    line: int


def read(path: Path, text: str) -> list[Value]:
    """Every document in a file of JSON or YAML.

    Args:
        path: the file.
        text: its content.

    Raises:
        UnreadableFileError: it is too large, empty, or neither JSON nor YAML.
    """
    if len(text) > MAX_BYTES:
        raise reading.too_large(path, MAX_BYTES, _REMEDY)
    documents = parse(text, str(path))
    if not documents:
        raise UnreadableFileError(str(path), "is empty", _REMEDY)
    return documents


def text_of(path: Path, most: int = MAX_BYTES) -> str:
    """The content of a file.

    Args:
        path: the file.
        most: the most bytes that are read.

    Raises:
        UnreadableFileError: it is missing, too large, or not UTF-8.
    """
    data = reading.read(path, most, _REMEDY)
    if data.startswith(_ZIP):
        raise UnreadableFileError(
            str(path), "is a plan of Terraform's or a zip file", "give 'terraform show -json FILE'"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise UnreadableFileError(str(path), f"is not UTF-8 (line {line})", "save it as UTF-8") from exc


def parse(text: str, name: str) -> list[Value]:
    """Every document in a text; see :func:`read`."""
    import yaml

    if text.lstrip()[:1] in ("{", "["):
        text = _checked_json(text, name)
    try:
        loader = _loader(text, name)
        nodes = []
        while loader.check_node():
            nodes.append(loader.get_node())
            if len(nodes) > MAX_DOCUMENTS:
                raise UnreadableFileError(name, f"holds more than {MAX_DOCUMENTS} documents", "split it")
        return [_Builder(name).build(node) for node in nodes]
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise UnreadableFileError(name, f"is no YAML{where} ({exc.problem or exc.context})", "correct it") from exc
    except yaml.YAMLError as exc:
        position = getattr(exc, "position", 0)
        line = text.count("\n", 0, position) + 1
        raise UnreadableFileError(name, f"holds a character that YAML forbids, at line {line}", "remove it") from exc
    except RecursionError:
        raise UnreadableFileError(name, "is nested too deep", _REMEDY) from None


def _loader(text: str, name: str) -> Any:
    """A loader that gives up after :data:`MAX_VALUES` nodes: composing a megabyte of them takes half a minute."""
    import yaml

    class Bounded(yaml.SafeLoader):
        composed = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.composed += 1
            if self.composed > 2 * MAX_VALUES:
                raise UnreadableFileError(name, f"holds more than {MAX_VALUES} values", _REMEDY)
            return super().compose_node(parent, index)

    return Bounded(text)


def _checked_json(text: str, name: str) -> str:
    """JSON is held to JSON's rules, whose errors people expect; YAML flow style may look like it and is let through."""
    try:
        json.loads(text)
    except json.JSONDecodeError as exc:
        if name.endswith((".yaml", ".yml")):
            return text
        reason = f"is no JSON at line {exc.lineno}, column {exc.colno} ({exc.msg})"
        raise UnreadableFileError(name, reason, "correct it") from exc
    except ValueError as exc:  # Python reads no number of more than 4,300 digits
        raise UnreadableFileError(name, "holds a number that is longer than any number is", "correct it") from exc
    except RecursionError:
        raise UnreadableFileError(name, "is nested too deep", _REMEDY) from None
    # YAML allows no tab between values; in valid JSON a tab stands nowhere else. Other control characters cannot occur.
    return text.replace("\t", " ").replace("\r\n", "\n").replace("\x7f", " ")


class _Builder:
    """Turns the nodes of one document into values."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values = 0
        self.open: set[int] = set()

    def build(self, node: Any) -> Value:
        """One value; shared nodes are built again, so that the count is what a reader would walk through."""
        import yaml

        self.values += 1
        line = node.start_mark.line + 1
        if self.values > MAX_VALUES:
            reason = f"unfolds to more than {MAX_VALUES} values (at line {line})"
            raise UnreadableFileError(self.name, reason, _REMEDY)
        if id(node) in self.open:
            raise UnreadableFileError(self.name, f"contains itself (line {line})", _REMEDY)
        if node.tag.startswith("!"):
            return self._intrinsic(node, line)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, line)
        self.open.add(id(node))
        try:
            return self._map(node, line) if isinstance(node, yaml.MappingNode) else self._list(node, line)
        finally:
            self.open.discard(id(node))

    def _intrinsic(self, node: Any, line: int) -> Intrinsic:
        import yaml

        name = node.tag[1:]
        if not name.isalnum() or not name.isascii():
            raise UnreadableFileError(self.name, f"has a tag that is no function (line {line})", "remove it")
        if isinstance(node, yaml.ScalarNode):
            return Intrinsic(name, _clean(node.value), line)
        self.open.add(id(node))
        try:
            built = self._map(node, line) if isinstance(node, yaml.MappingNode) else self._list(node, line)
        finally:
            self.open.discard(id(node))
        return Intrinsic(name, built, line)

    def _scalar(self, node: Any, line: int) -> Value:
        text = node.value
        if node.tag == _NULL:
            return None
        if node.tag == _BOOL:
            return bool(text.lower() in ("true", "yes", "on"))
        if node.tag == _INT and text.isascii() and text.lstrip("-+").isdigit() and len(text) < 20:
            # A leading zero means octal in YAML 1.1; account numbers have them and are texts to everyone else.
            return text if text.lstrip("-+").startswith("0") and text.lstrip("-+") != "0" else int(text)
        if node.tag not in (_STRING, _INT, _FLOAT) and not node.tag.startswith("tag:yaml.org,2002:"):
            raise UnreadableFileError(self.name, f"has a tag that is no function (line {line})", "remove it")
        return _clean(text)

    def _map(self, node: Any, line: int) -> Map:
        found = Map(line)
        if not node.tag.endswith(":map") and not node.tag.startswith("!"):
            raise UnreadableFileError(self.name, f"has a tag that is no function (line {line})", "remove it")
        written: dict[str, int] = {}
        for key_node, value_node in node.value:
            value = self.build(value_node)
            if key_node.tag == "tag:yaml.org,2002:merge":
                self._merge(found, value)
                continue
            key = self.build(key_node)
            if isinstance(key, (Map, List, Intrinsic)):
                where = key_node.start_mark.line + 1
                raise UnreadableFileError(self.name, f"has a key that is no text (line {where})", "correct it")
            name = str(key).lower() if isinstance(key, bool) else str(key)
            at = key_node.start_mark.line + 1
            if name in written:
                raise self._twice(name, written[name], at)
            written[name] = found.lines[name] = at
            found[name] = value
        return found

    def _twice(self, key: str, first: int, second: int) -> UnreadableFileError:
        """JSON leaves open which of the two counts (RFC 8259, section 4); YAML forbids it (1.2.2, section 3.2.1.1)."""
        places = f"line {first}" if first == second else f"lines {first} and {second}"
        reason = (
            f"gives {printable(key, 60)!r} twice in one place ({places}), and programs differ in which one they take"
        )
        return UnreadableFileError(self.name, reason, "keep one of them")

    @staticmethod
    def _merge(found: Map, value: Value) -> None:
        """``<<`` of YAML 1.1: what is written out wins."""
        for source in value if isinstance(value, List) else [value]:
            if isinstance(source, Map):
                for key, item in source.items():
                    found.setdefault(key, item)
                    found.lines.setdefault(key, source.lines[key])

    def _list(self, node: Any, line: int) -> List:
        found = List(line)
        if not node.tag.endswith((":seq", ":omap", ":pairs")) and not node.tag.startswith("!"):
            raise UnreadableFileError(self.name, f"has a tag that is no function (line {line})", "remove it")
        for item in node.value:
            found.append(self.build(item))
            found.lines.append(item.start_mark.line + 1)
        return found


def _clean(text: str) -> str:
    r"""Join the surrogate pairs that JSON's ``\ud83d\ude00`` leaves behind; a lone half becomes a question mark."""
    if not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
