"""Independent readers of what ``--as`` writes: Terraform by python-hcl2, tasks of Ansible by YAML and Jinja.

Both become plain data, with references and variables filled in as the tool would. Which arguments a resource or a
module has is held by the caller; here a reference to something that is not in the file fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import hcl2
import jinja2
import yaml

Body = Mapping[str, Any]
_REFERENCE = re.compile(r"\$\{([a-z0-9_]+)\.([A-Za-z0-9_-]+)\.([a-z0-9_]+)\}")
_VARIABLE = re.compile(r"\$\{var\.([a-z0-9_]+)\}")


@dataclass
class Terraform:
    """The resources of a file, by type and label, in the order of the file."""

    variables: Mapping[str, Any]
    raw: dict[tuple[str, str], Body] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str, lenient: bool = False, **variables: Any) -> Terraform:
        """Parse it; every variable has a value given here, or a default in the file (unless ``lenient``)."""
        loaded = _clean(hcl2.loads(text))
        declared = {name: body for one in loaded.get("variable", ()) for name, body in one.items()}
        values = {name: variables.get(name, body.get("default")) for name, body in declared.items()}
        assert set(variables) <= set(declared)
        assert lenient or None not in values.values()
        found = cls(variables=values)
        for one in loaded["resource"]:
            ((kind, named),) = one.items()
            ((label, body),) = named.items()
            assert (kind, label) not in found.raw, label
            found.raw[kind, label] = body
        return found

    def of(self, kind: str) -> list[Body]:
        """Every resource of a type, references filled in."""
        return [self.filled(body) for (one, _), body in self.raw.items() if one == kind]

    @property
    def kinds(self) -> set[str]:
        """The types of resources that the file has."""
        return {kind for kind, _ in self.raw}

    def filled(self, value: Any) -> Any:
        """A value as the provider gets it."""
        if isinstance(value, Mapping):
            return {key: self.filled(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.filled(one) for one in value]
        if not isinstance(value, str):
            return value
        if variable := _VARIABLE.fullmatch(value):
            return self.variables[variable.group(1)]
        if reference := _REFERENCE.fullmatch(value):
            kind, label, attribute = reference.groups()
            target = self.raw[kind, label]
            return f"{kind}/{target['nsx_id']}" if attribute == "path" else self.filled(target[attribute])
        return value


def _clean(value: Any) -> Any:
    """Without marks; strings without quotes, as they are read (HCL native syntax: quoted templates)."""
    if isinstance(value, dict):
        return {str(key).strip('"'): _clean(one) for key, one in value.items() if not str(key).startswith("__")}
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, str) and value.startswith('"'):
        assert "${" not in value.replace("$${", "")
        return re.sub(r'\\(["\\])', r"\1", value[1:-1])
    return value


class Tasks(yaml.SafeLoader):
    """Reads tasks as Ansible does: a string is filled, but for one that is tagged as unsafe."""


class Unsafe(str):
    """A string that is never filled."""

    __slots__ = ()


Tasks.add_constructor("!unsafe", lambda loader, node: Unsafe(node.value))


def tasks(text: str, **variables: Any) -> Iterator[tuple[str, Body]]:
    """Module and arguments of every task, in order; a task with a loop is given as it stands.

    Args:
        text: the file.
        **variables: what the play and earlier tasks would have set.
    """
    for task in yaml.load(text, Loader=Tasks):
        assert task["name"].startswith("netprobe: ")
        ((module, arguments),) = ((key, value) for key, value in task.items() if "." in key)
        assert set(task) <= {"name", module, "loop", "loop_control", "register", "failed_when", "vars", "when"}
        known = {**variables, **task.get("vars", {})}
        yield module, (arguments if "loop" in task else _rendered(arguments, known)) or {}


def _rendered(value: Any, variables: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        filled = {key: _rendered(one, variables) for key, one in value.items()}
        return {key: one for key, one in filled.items() if one is not _OMIT}
    if isinstance(value, list):
        return [_rendered(one, variables) for one in value]
    if not isinstance(value, str) or isinstance(value, Unsafe):
        return value
    alone = re.fullmatch(r"\{\{ (.*) \}\}", value, re.DOTALL)
    if alone is None:
        return _JINJA.from_string(value).render(variables)
    # An expression that stands alone keeps its type, as with jinja2_native, which Ansible always is since 2.19.
    return _JINJA.compile_expression(alone.group(1), undefined_to_none=False)(**variables, omit=_OMIT)


_OMIT = object()
"""Ansible's ``omit``: an argument of this value is not given at all."""
_JINJA = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
_JINJA.filters["regex_replace"] = lambda value, pattern, new: re.sub(pattern, new, value)
_JINJA.filters["ternary"] = lambda value, true, false: true if value else false
_JINJA.tests["match"] = lambda value, pattern: re.match(pattern, value) is not None


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Which arguments a resource or module has: names that must be there, names that may, and blocks by name."""

    required: str = ""
    optional: str = ""
    blocks: Mapping[str, Arguments] = field(default_factory=dict)

    def hold(self, body: Body, where: str) -> None:
        """Every argument is known, none that is required lacks."""
        required, optional = set(self.required.split()), set(self.optional.split())
        unknown = set(body) - required - optional - set(self.blocks) - {"depends_on"}
        assert not unknown, f"{where}: {unknown}"
        assert required <= set(body), f"{where}: {required - set(body)}"
        for name, inner in self.blocks.items():
            for one in _several(body.get(name, [])):
                inner.hold(one, f"{where}.{name}")


def _several(value: Any) -> Sequence[Body]:
    return value if isinstance(value, list) else [value]
