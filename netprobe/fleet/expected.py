"""Which hosts should have sent a report: a list of names, or an Ansible inventory, in lines or INI, YAML or JSON.

Only names are read: variables, vaults and groups of an inventory mean nothing here. Patterns such as ``web[01:40]`` are
written out. Sources: Ansible's documentation, "How to build your inventory", and its INI and YAML inventory plugins
(read 2026-11-28).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from netprobe import reading
from netprobe.errors import UnreadableFileError, printable

MAX_BYTES = 16 << 20
MOST_HOSTS = 200_000
MOST_DEPTH = 50
_REMEDY = "give one host name a line, or an Ansible inventory in INI or YAML"
_SECTION = re.compile(r"\[([^\[\]:]+)(?::(\w+))?\]\s*(?:[#;].*)?")
_RANGE = re.compile(r"\[([0-9]+|[A-Za-z]):([0-9]+|[A-Za-z])(?::([0-9]+))?\]")
_YAML = re.compile(r"(?:[\w.-]+|\"[^\"]*\"|'[^']*')\s*:(?:\s.*)?")
"""A line that begins a mapping: a port stands at a name without a blank before it."""
_NAME = re.compile(r"[^\s#;=,\x00-\x1f]{1,255}")


def read(path: Path) -> tuple[str, ...]:
    """The names of a list or an inventory, each once, in their order.

    Raises:
        UnreadableFileError: it cannot be read, is too large, names no host, or is malformed.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as exc:
        raise UnreadableFileError(str(path), f"cannot be read ({(exc.strerror or '').lower()})", _REMEDY) from exc
    if len(data) > MAX_BYTES:
        raise UnreadableFileError(str(path), f"is larger than {MAX_BYTES >> 20} MiB", _REMEDY)
    if reading.is_utf_16(data):
        raise UnreadableFileError(str(path), reading.UTF_16, reading.SAVE_AS_UTF_8)
    try:
        names = tuple(dict.fromkeys(names_in(data.decode("utf-8-sig"))))
    except (ValueError, yaml.YAMLError, RecursionError) as exc:
        raise UnreadableFileError(str(path), f"is no list of hosts ({printable(str(exc))})", _REMEDY) from exc
    if not names:
        raise UnreadableFileError(str(path), "names no host", _REMEDY)
    return names


def names_in(text: str) -> Iterator[str]:
    """The names in a text: JSON and YAML where it is a mapping, else lines.

    Raises:
        ValueError: a line is no host, a range is malformed, or there are too many.
    """
    document = _document(text)
    found = _of_document(document) if document is not None else _of_lines(text)
    for number, name in enumerate(found, start=1):
        if number > MOST_HOSTS:
            raise ValueError(f"more than {MOST_HOSTS} hosts")
        yield name


def _document(text: str) -> dict[str, Any] | list[Any] | None:
    """The document where it is JSON or YAML: a mapping of groups, or a list of names; None where it is lines."""
    first = next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", ";"))), "")
    first = first.strip()
    is_json = first.startswith("{") or re.match(r'\[\s*(?:"|$)', first) is not None
    if not is_json and not first.startswith(("---", "- ")) and not _YAML.fullmatch(first):
        return None
    if is_json:
        document = msgspec.json.decode(text.encode())
    else:
        if re.search(r"(?:^|[\s:\[{,-])[&*][\w-]", text):
            raise ValueError("anchors and aliases are not read")
        document = yaml.load(text, Loader=_Plain)  # noqa: S506 - builds text, lists and mappings alone
    if not isinstance(document, dict | list):
        raise ValueError("not a mapping of groups, nor a list of names")
    if "plugin" in document:
        raise ValueError("the settings of a plugin name no host: give what 'ansible-inventory --list' prints")
    return document


class _Plain(yaml.BaseLoader):
    """Texts, lists and mappings; a tag (``!vault``) means nothing here and is read as its text."""


def _construct_any(loader: yaml.BaseLoader, _tag: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


_Plain.add_multi_constructor("!", _construct_any)


def _of_document(document: dict[str, Any] | list[Any]) -> Iterator[str]:
    if isinstance(document, list):
        for name in document:
            if not isinstance(name, str) or _first_word(name) != name:
                raise ValueError(f"{printable(str(name), 60)} in the list is no name of a host")
            yield from _written_out(name)
        return
    meta = document.get("_meta")
    waiting: list[tuple[Any, int]] = [(group, 0) for name, group in document.items() if name != "_meta"]
    if isinstance(meta, dict) and isinstance(meta.get("hostvars"), dict):
        yield from map(str, meta["hostvars"])
    while waiting:
        group, depth = waiting.pop(0)
        if depth > MOST_DEPTH:
            raise ValueError(f"groups are nested more than {MOST_DEPTH} deep")
        if isinstance(group, list):  # as scripts print it that know no variables
            group = {"hosts": group}
        if not isinstance(group, dict):
            continue
        hosts, children = group.get("hosts"), group.get("children")
        if isinstance(hosts, dict | list):
            for host in hosts:
                yield from _written_out(str(host))
        if isinstance(children, dict):
            waiting += [(child, depth + 1) for child in children.values()]


def _of_lines(text: str) -> Iterator[str]:
    in_hosts = True
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith(("#", ";")):
            continue
        section = _SECTION.fullmatch(stripped)
        if section:
            in_hosts = section[2] is None
            continue
        if in_hosts:
            word = _first_word(stripped)
            if word is None:
                raise ValueError(f"line {number} names no host")
            yield from _written_out(word)


def _first_word(line: str) -> str | None:
    match = _NAME.match(line)
    return match[0] if match and "://" not in match[0] else None


def _written_out(name: str) -> Iterator[str]:
    """``web[01:03].example`` as three names; a port behind a name is not part of it."""
    waiting: Sequence[str] = [name]
    for _ in range(name.count("[")):
        made = (name for one in waiting for name in _first_range(one))
        waiting = list(itertools.islice(made, MOST_HOSTS + 1))
        if len(waiting) > MOST_HOSTS:
            raise ValueError(f"more than {MOST_HOSTS} hosts")
    for one in waiting:
        one = one.rpartition("@")[2]  # as ssh takes it
        host, colon, port = one.rpartition(":")
        if colon and port.isdigit() and (":" not in host or host.startswith("[")):
            one = host
        yield one.removeprefix("[").removesuffix("]")


def _first_range(name: str) -> Iterator[str]:
    match = _RANGE.search(name)
    if match is None:
        yield name
        return
    begin, end, step = match[1], match[2], int(match[3] or 1)
    if step < 1 or begin.isdigit() != end.isdigit():
        raise ValueError(f"the range {printable(match[0], 40)} is malformed")
    low, high = (int(begin), int(end)) if begin.isdigit() else (ord(begin), ord(end))
    if high < low or (high - low) // step > MOST_HOSTS:
        raise ValueError(f"the range {printable(match[0], 40)} is malformed")
    for value in range(low, high + 1, step):
        shown = str(value).zfill(len(begin)) if begin.isdigit() else chr(value)
        yield f"{name[: match.start()]}{shown}{name[match.end() :]}"
