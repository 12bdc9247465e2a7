"""Terraform's plans and states as JSON (``terraform show -json``, OpenTofu's alike), and its configuration in JSON.

In a plan everything that Terraform can work out is worked out: modules, variables, ``for_each``, templates. What only
the apply will tell is named in ``after_unknown`` and becomes :data:`OPEN`. Sources: "JSON Output Format" and "JSON
Configuration Syntax" of Terraform 1.11, developer.hashicorp.com/terraform, read 2026-11-29. Nested blocks are lists of
objects there, also those that occur once.

A plan is mostly one line, so a resource is told by its address.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from netprobe.errors import UnreadableFileError
from netprobe.workload import terraform
from netprobe.workload.document import OPEN, Intrinsic, List, Map, Value
from netprobe.workload.template import UNKNOWN

MAX_BYTES = 32 * 1024 * 1024
"""A plan holds every resource of a configuration three times: as it is, as it will be, and as it is written."""
MAX_RESOURCES = 20_000
_BEGINNING = re.compile(
    r'\s*\{\s*"format_version"\s*:\s*"[^"]{1,20}"\s*,\s*"(?:terraform_version|values|planned_values)"'
)
_ADDRESS = re.compile(r'"address"\s*:\s*("(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")')
_INDEX = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[[0-9]+\]')
_DEFAULTED = frozenset({"network_mode", "launch_type", "scheduling_strategy"})
"""What AWS chooses where nothing is written: unknown in a plan, and yet not left open."""


def is_plan(text: str) -> bool:
    """Whether a file is what ``terraform show -json`` prints of a plan or state."""
    return _BEGINNING.match(text) is not None


def resources(text: str, name: str) -> Iterator[tuple[str, Map, str]]:
    """The resources that say something of ECS: type, fields under AWS's names, and address.

    Args:
        text: the file's content.
        name: the file, for messages.

    Raises:
        UnreadableFileError: it is no JSON, or holds more than a plan does.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise UnreadableFileError(name, "is no JSON, or only a part of it", "write the plan again") from exc
    unknown = {
        change.get("address"): _map(change.get("change")).get("after_unknown")
        for change in _maps(document.get("resource_changes"))
    }
    written = dict(_written(_map(_map(document.get("configuration")).get("root_module")), ""))
    lines = _lines(text)
    values = _map(document.get("planned_values") or document.get("values"))
    for count, resource in enumerate(_planned(_map(values.get("root_module")))):
        if count >= MAX_RESOURCES:
            raise UnreadableFileError(name, f"holds more than {MAX_RESOURCES} resources", "give the plan of one part")
        kind, address = resource.get("type"), str(resource.get("address"))
        if resource.get("mode") == "managed" and kind in terraform.KINDS:
            given = _with_unknown(_map(resource.get("values")), unknown.get(address))
            for key in _DEFAULTED - written.get(_INDEX.sub("", address), frozenset()):
                if given.get(key) is _Unknown:
                    del given[key]
            yield str(kind), fields(given, lines.get(address, 1), evaluated=True), address


def _lines(text: str) -> dict[str, int]:
    """The line of each address, where it stands first; in one pass, since a plan has thousands of them."""
    found: dict[str, int] = {}
    line, at = 1, 0
    for match in _ADDRESS.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        found.setdefault(json.loads(match[1]), line)
    return found


class _Unknown:
    """Stands for a value that the apply will tell."""


def _with_unknown(value: Any, unknown: Any) -> Any:
    """A value with what the apply will tell put in: ``after_unknown`` has the shape of the value, with true there."""
    if unknown is True:
        return _Unknown
    if isinstance(unknown, Mapping) and isinstance(value, Mapping):
        return {**value, **{key: _with_unknown(value.get(key), told) for key, told in unknown.items()}}
    if isinstance(unknown, list) and isinstance(value, list):
        return [_with_unknown(one, told) for one, told in itertools.zip_longest(value, unknown[: len(value)])]
    return value


def _planned(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The resources of a module and of those below it."""
    pending = [module]
    while pending:
        one = pending.pop()
        yield from _maps(one.get("resources"))
        pending += reversed(list(_maps(one.get("child_modules"))))


def _written(module: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, frozenset[str]]]:
    """What each resource has written of its own, by its address without an index."""
    pending = [(module, prefix)]
    while pending:
        one, before = pending.pop()
        for resource in _maps(one.get("resources")):
            yield f"{before}{resource.get('address')}", frozenset(_map(resource.get("expressions")))
        for call, inner in _map(one.get("module_calls")).items():
            pending.append((_map(_map(inner).get("module")), f"{before}module.{call}."))


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> Iterator[Mapping[str, Any]]:
    return (one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else iter(())


def fields(values: Mapping[str, Any], line: int, *, evaluated: bool) -> Map:
    """The fields of a block under AWS's names.

    Args:
        values: the block as JSON has it.
        line: where it stands.
        evaluated: whether Terraform has worked out its values; else ``${…}`` in a text is open.
    """
    found = Map(line)
    for key, value in values.items():
        if value is None:
            continue
        block = value if isinstance(value, list) else [value]
        if key == "container_definitions" and isinstance(value, str):
            terraform.put(found, terraform.camel(key), _containers(value, line, evaluated=evaluated), line)
        elif key in terraform.LISTS and value is not _Unknown:
            items = [fields(one, line, evaluated=evaluated) for one in _maps(block)]
            terraform.put(found, terraform.LISTS[key], _list(items, line), line)
        elif block and all(isinstance(one, Mapping) for one in block):
            terraform.put(found, terraform.camel(key), fields(block[0], line, evaluated=evaluated), line)
        else:
            own = terraform.LISTS.get(key, terraform.camel(key))
            terraform.put(found, own, _value(value, line, evaluated=evaluated), line)
    return found


def _containers(text: str, line: int, *, evaluated: bool) -> Value:
    try:
        return _value(json.loads(text), line, evaluated=evaluated)
    except (ValueError, RecursionError):
        return Intrinsic(OPEN, None, line)


def _value(value: object, line: int, *, evaluated: bool) -> Value:
    """A value of JSON, all of it at one line."""
    if isinstance(value, Mapping):
        found = Map(line)
        for key, item in value.items():
            terraform.put(found, key, _value(item, line, evaluated=evaluated), line)
        return found
    if isinstance(value, list):
        return _list([_value(item, line, evaluated=evaluated) for item in value], line)
    if value is _Unknown:
        return Intrinsic(OPEN, None, line)
    if isinstance(value, str) and not evaluated:
        told = terraform.INTERPOLATION.sub(UNKNOWN, value)
        return UNKNOWN if "${" in told else told
    return value if isinstance(value, (bool, int, float, str)) else None


def _list(items: list[Value] | list[Map], line: int) -> List:
    found = List(line)
    found.extend(items)
    found.lines = [line] * len(items)
    return found
