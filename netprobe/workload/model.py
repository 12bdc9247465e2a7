"""Task definitions and services in one shape, whatever file they came from.

The values stay what the file says, under AWS's own camelCase names; CloudFormation's PascalCase is asked for by the
same name. A field of the wrong type reads as absent: AWS rejects such a file itself, and netprobe must not fall over.

What a file leaves open reads as absent, too, and is kept in mind (:attr:`Template.open`): a container that only
Terraform can complete hides nothing of the one beside it, and no rule that asked for it says that all is well
(:meth:`Workload.settled`).
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
        owner: the address of the resource, where lines say little.
        logical_id: the key of the resource in its template, by which others refer to it; nothing elsewhere.
    """

    file: str
    map: Map
    template: Template
    owner: str = ""
    logical_id: str = ""

    def _key(self, name: str) -> str | None:
        for key in (name, _ACRONYMS.get(name, ""), name[:1].upper() + name[1:]):
            if key in self.map:
                return key
        return None

    def raw(self, name: str) -> Value:
        """The value as the file has it."""
        key = self._key(name)
        return None if key is None else self.map[key]

    def has(self, name: str) -> bool:
        """Whether the field is there with a value that is not empty; see :meth:`settle` for what is left open."""
        value = self.raw(name)
        there = [one for one in (value if isinstance(value, List) else [value]) if not _is_absent(one)]
        if there and all(_may_be_none(one) for one in there):
            self._leave_open(name)
            return False
        return bool(there) and value != Map(0)

    def texts(self, name: str) -> tuple[str, ...]:
        """Every text that the field may come to."""
        return self.template.texts(self.raw(name))

    def text(self, name: str) -> str:
        """The first of them, or nothing."""
        return next(iter(self.texts(name)), "")

    def known(self, name: str) -> tuple[str, ...]:
        """Every text that the field may come to and that the file tells whole; of others it keeps in mind where."""
        texts = self.texts(name)
        found = tuple(text for text in texts if UNKNOWN not in text)
        if len(found) < len(texts):
            self._leave_open(name)
        return found

    def parts(self, name: str) -> Iterator[Part]:
        """The map in a field, or the maps in its list; of an ``!If`` those of both branches."""
        for line, value in self._values(name):
            if isinstance(value, Map) and not is_function(value):
                yield Part(self.file, value, self.template, self.owner)
            if is_function(value) or _is_included(value):
                self._leave_open(name, line, value)

    def items(self, name: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """The texts in a field that is a list, or stands for one, with their lines."""
        is_list = isinstance(self.raw(name), List)
        for line, value in self._values(name):
            texts = self.template.texts(value)
            # A parameter of CloudFormation's that is a list is written with commas.
            yield line, texts if is_list else tuple(one.strip() for text in texts for one in text.split(","))

    def _values(self, name: str) -> Iterator[tuple[int, Value]]:
        """What a field may come to, item by item where it is a list, with lines."""
        line = self.place(name).line or 1
        for branch in _branches(self.raw(name)):
            if isinstance(branch, List):
                for at, item in zip(branch.lines, branch, strict=True):
                    yield from ((at, one) for one in _branches(item))
            elif branch is not None:
                yield line, branch

    def settle(self, name: str) -> None:
        """Keep it in mind if the field's text is not in the file: a parameter without a default, a variable."""
        texts = [*self.texts(name), *(text for _, item in self.items(name) for text in item)]
        if any(UNKNOWN in text for text in texts):
            self._leave_open(name)

    def named(self, name: str) -> frozenset[str]:
        """What a field names, a text or a list of them, in capitals; nothing where only another program can tell."""
        texts = [*self.texts(name), *(text for _, item in self.items(name) for text in item)]
        if any(UNKNOWN in text for text in texts):
            return frozenset()
        return frozenset(text.upper() for text in texts)

    def _leave_open(self, name: str, line: int | None = None, item: Value = None) -> None:
        """Keep in mind that a field, or one item of it, is open."""
        at = line or self.place(name).line
        value = self.raw(name) if item is None else item
        why = ""
        if isinstance(value, Intrinsic) and value.name == OPEN:
            why = ": only the apply tells it" if self.owner else ": its plan tells it (terraform show -json)"
        owner = f" ({self.owner})" if self.owner else ""
        self.template.leave_open(f"{self.file} line {at}{owner} leaves {name} open{why}")

    def place(self, name: str = "", text: str = "") -> Place:
        """Where a field stands, or the map itself."""
        key = self._key(name) if name else None
        line = self.map.lines[key] if key is not None else self.map.line
        told = " ".join(filter(None, (self.owner, text or key or "")))
        return Place(file=self.file, line=line, text=printable(told))


def is_function(value: Value) -> bool:
    """Whether a value is a function of CloudFormation's, or something that Terraform works out."""
    if isinstance(value, Map) and len(value) == 1:
        (name,) = value
        return name == "Ref" or name.startswith("Fn::")
    return isinstance(value, Intrinsic)


def _is_included(value: Value) -> bool:
    """Whether a part of a map comes from elsewhere (``Fn::Transform``, ``Fn::ForEach``)."""
    return isinstance(value, Map) and any(name.startswith("Fn::") for name in value)


def _may_be_none(value: Value) -> bool:
    """Whether it is a block of Terraform's that may come to none."""
    return isinstance(value, Intrinsic) and value.name == OPEN and value.argument is not None


def _is_absent(value: Value) -> bool:
    return value is None or value == "" or _is_no_value(value)


def _is_no_value(value: Value) -> bool:
    """Whether it is CloudFormation's word for a field that is not there."""
    if isinstance(value, Intrinsic):
        return (value.name, value.argument) == ("Ref", "AWS::NoValue")
    return isinstance(value, Map) and dict(value) == {"Ref": "AWS::NoValue"}


def _branches(value: Value) -> Iterator[Value]:
    """A value, or what each branch of an ``!If`` comes to; a branch that is not there is left out."""
    argument = value.argument if isinstance(value, Intrinsic) and value.name == "If" else None
    if isinstance(value, Map) and len(value) == 1:
        argument = value.get("Fn::If")
    if isinstance(argument, List) and len(argument) == 3:
        for branch in argument[1:]:
            yield from _branches(branch)
    elif not _is_no_value(value):
        yield value


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What was found in the files.

    Attributes:
        tasks: task definitions.
        services: services.
        undecided: targets of EventBridge whose launch type the file leaves open: they may start tasks on external
            instances or elsewhere.
        services_elsewhere: services that name other launch types, beside one that names EXTERNAL.
        tasks_elsewhere: task definitions that such services alone start, or that name other compatibilities beside
            one that names EXTERNAL.
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

    def ask_anew(self) -> None:
        """Forget what was found open, before the next question."""
        for template in self._templates():
            template.open.clear()

    def settled(self) -> None:
        """Make sure that the files told all that was asked of them.

        Raises:
            CannotJudgeError: they left something open.
        """
        for template in self._templates():
            for told in template.open:
                raise CannotJudgeError(told)

    def _templates(self) -> Iterator[Template]:
        return iter(
            {id(part.template): part.template for part in (*self.tasks, *self.services, *self.undecided)}.values()
        )
