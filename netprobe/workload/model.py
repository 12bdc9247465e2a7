"""Task definitions and services in one shape, whatever file they came from.

The values stay what the file says, under AWS's own camelCase names; CloudFormation's PascalCase is asked for by the
same name. A field of the wrong type reads as absent: AWS rejects such a file itself, and netprobe must not fall over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netprobe.errors import printable
from netprobe.findings import Place
from netprobe.rules import CannotJudgeError
from netprobe.workload.document import OPEN, Intrinsic, List, Map, Value
from netprobe.workload.template import UNKNOWN, Template

_ACRONYMS = {
    "efsVolumeConfiguration": "EFSVolumeConfiguration",
    "filesystemId": "FilesystemId",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A map of a task definition or service, with the template that its values refer to.

    Attributes:
        file: the file it stands in.
        map: its fields.
        template: what intrinsic functions refer to.
    """

    file: str
    map: Map
    template: Template

    def _key(self, name: str) -> str | None:
        for key in (name, _ACRONYMS.get(name, ""), name[:1].upper() + name[1:]):
            if key in self.map:
                return key
        return None

    def raw(self, name: str) -> Value:
        """The value as the file has it."""
        key = self._key(name)
        return None if key is None else self.map[key]

    def _decided(self, name: str) -> Value:
        """The value as the file has it.

        Raises:
            CannotJudgeError: only another program can work it out.
        """
        value = self.raw(name)
        if isinstance(value, Intrinsic) and value.name == OPEN:
            raise CannotJudgeError(
                f"{self.file} line {value.line} leaves {name} open: it needs Terraform to work it out"
            )
        return value

    def has(self, name: str) -> bool:
        """Whether the field is there with a value that is not empty; see :meth:`settled` for what is left open."""
        value = self.raw(name)
        if isinstance(value, Intrinsic) and value.name == OPEN and value.argument is not None:
            value = self._decided(name)  # a block that may come to none
        if value is None or value == "" or _is_no_value(value):
            return False
        return not (isinstance(value, (Map, List)) and not value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Every text that the field may come to."""
        return self.template.texts(self.raw(name))

    def text(self, name: str) -> str:
        """The first of them, or nothing."""
        return next(iter(self.texts(name)), "")

    def part(self, name: str) -> Part | None:
        """A field that is a map; of an ``!If`` the first branch that is one (the other is ``AWS::NoValue`` mostly)."""
        value = next(_branches(self._decided(name)), None)
        return None if value is None else Part(self.file, value, self.template)

    def parts(self, name: str) -> Iterator[Part]:
        """The maps in a field that is a list; both branches of an ``!If`` in it."""
        for items in _lists(self._decided(name)):
            for item in items:
                for found in _branches(item):
                    yield Part(self.file, found, self.template)

    def items(self, name: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """The texts in a field that is a list, with their lines."""
        for items in _lists(self._decided(name)):
            for line, item in zip(items.lines, items, strict=True):
                yield line, self.template.texts(item)

    def settled(self, name: str) -> None:
        """Make sure that the field's text is in the file.

        Raises:
            CannotJudgeError: a parameter without a default, or something that only another program can work out.
        """
        texts = list(self.texts(name))
        if isinstance(self.raw(name), (List, Intrinsic)):
            texts += [text for _, item in self.items(name) for text in item]
        if any(UNKNOWN in text for text in texts):
            raise CannotJudgeError(f"{self.file} line {self.place(name).line} leaves {name} open")

    def named(self, name: str) -> frozenset[str]:
        """What a field names, a text or a list of them, in capitals; nothing where only another program can tell."""
        try:
            texts = [*self.texts(name), *(text for _, item in self.items(name) for text in item)]
        except CannotJudgeError:
            return frozenset()
        if any(UNKNOWN in text for text in texts):
            return frozenset()
        return frozenset(text.upper() for text in texts)

    def place(self, name: str = "", text: str = "") -> Place:
        """Where a field stands, or the map itself."""
        key = self._key(name) if name else None
        line = self.map.lines[key] if key is not None else self.map.line
        return Place(file=self.file, line=line, text=printable(text or key or ""))


def _is_no_value(value: Value) -> bool:
    """Whether it is CloudFormation's word for a field that is not there."""
    if isinstance(value, Intrinsic):
        return (value.name, value.argument) == ("Ref", "AWS::NoValue")
    return isinstance(value, Map) and dict(value) == {"Ref": "AWS::NoValue"}


def _lists(value: Value) -> Iterator[List]:
    """A list, or both lists of an ``!If``."""
    if isinstance(value, List):
        yield value
    argument = value.argument if isinstance(value, Intrinsic) and value.name == "If" else None
    if isinstance(value, Map) and len(value) == 1:
        argument = value.get("Fn::If")
    if isinstance(argument, List):
        yield from (branch for branch in argument[1:3] if isinstance(branch, List))


def _branches(item: Value) -> Iterator[Map]:
    if isinstance(item, Map) and not (len(item) == 1 and "Fn::If" in item):
        yield item
        return
    argument = item.argument if isinstance(item, Intrinsic) and item.name == "If" else None
    if isinstance(item, Map):
        argument = item["Fn::If"]
    if isinstance(argument, List):
        yield from (branch for branch in argument[1:3] if isinstance(branch, Map) and not _is_no_value(branch))


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What was found in the files.

    Attributes:
        tasks: task definitions.
        services: services.
        undecided: targets of EventBridge whose launch type the file leaves open: they may start tasks on external
            instances or elsewhere.
        services_elsewhere: services that name other launch types, beside one that names EXTERNAL.
        tasks_elsewhere: task definitions that name other compatibilities, where such services are and one of them
            names EXTERNAL.
    """

    tasks: tuple[Part, ...] = ()
    services: tuple[Part, ...] = ()
    undecided: tuple[Part, ...] = ()
    services_elsewhere: tuple[Part, ...] = ()
    tasks_elsewhere: tuple[Part, ...] = ()

    def containers(self) -> Iterator[Part]:
        """Every container of every task definition."""
        for task in self.tasks:
            yield from task.parts("containerDefinitions")
