"""Readers of the lists that cloud proxies and resolvers take: Skyhigh, Netskope, Umbrella."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from netprobe.errors import InvalidHostnameError
from netprobe.hostnames import HostPattern
from netprobe.render.model import Claim, Form
from netprobe.render.readers.base import (
    MAX_RULES,
    Configuration,
    ReadRule,
    expression,
    first_notes,
    matching,
    numbered_lines,
)

MAX_NODES = 200_000
_SCHEME = "^(https?://)?"
_REST = "([:/].*)?$"
_Found = tuple[int, str, Callable[[str], bool] | None]
"""Line (0 where the format has none), text, and predicate; None: it cannot be read."""


def skyhigh(text: str) -> Configuration:
    """Wildcard expressions, one a line: a name, a glob whose asterisk crosses dots, or ``regex(…)``."""
    return _made((number, line, _wildcard(line)) for number, line in numbered_lines(text) if not line.startswith("#"))


def _wildcard(line: str) -> Callable[[str], bool] | None:
    if found := re.fullmatch(r"regex\((.*)\)", line):
        return expression(found.group(1), re.IGNORECASE)
    if "*" not in line:
        return matching(Form.EXACT, line)
    try:
        # An asterisk stands for nothing as well.
        return Claim(form=Form.GLOB_DOTS, value=HostPattern.parse(line).pattern, empty_star=True).admits
    except InvalidHostnameError:
        return None


def netskope(text: str) -> Configuration:
    """URL lists as the API has them, with their type, ``exact`` or ``regex``."""
    return _read(text, _netskope)


def _netskope(node: dict[str, Any]) -> Iterator[_Found]:
    urls = node.get("urls")
    if not isinstance(urls, list):
        return
    for url in map(str, urls):
        if node.get("type") == "regex":
            # As netprobe writes it: around the name stand a scheme and what follows a host.
            yield (
                0,
                url,
                expression("^" + url.removeprefix(_SCHEME).removesuffix(_REST).lstrip("^") + "$", re.IGNORECASE),
            )
        else:
            host = re.sub(r"^https?://", "", url).partition("/")[0].partition(":")[0]
            form = Form.SUBTREE if host.startswith("*.") else Form.EXACT
            yield 0, url, matching(form, host.removeprefix("*."))


def umbrella(text: str) -> Configuration:
    """Destinations: a domain stands for itself and everything beneath it; addresses are left out."""
    return _read(text, _umbrella)


def _umbrella(node: dict[str, Any]) -> Iterator[_Found]:
    destination = node.get("destination")
    if isinstance(destination, str) and not re.fullmatch(r"[0-9./]+", destination):
        yield 0, destination, matching(Form.SUBTREE, destination.partition("/")[0])


def _read(text: str, of: Callable[[dict[str, Any]], Iterator[_Found]]) -> Configuration:
    """What a reader finds in any mapping of the JSON values, of which several may stand one behind the other."""
    found: list[_Found] = []
    decoder, at = json.JSONDecoder(), 0
    while rest := text[at:].lstrip():
        at = len(text) - len(rest)
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as exc:
            found.append((0, f"JSON ({' '.join(str(exc).split())[:120]})", None))
            break
        found += [one for node in _mappings(value) for one in of(node)]
    return _made(iter(dict.fromkeys(found)))


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    waiting, seen = [value], 0
    while waiting and seen < MAX_NODES:
        seen += 1
        here = waiting.pop(0)
        if isinstance(here, dict):
            yield here
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here


def _made(found: Iterator[_Found]) -> Configuration:
    rules: list[ReadRule] = []
    unread: list[str] = []
    for number, text, matches in found:
        if matches is None:
            unread.append(f"{f'line {number}: ' if number else ''}{text[:160]} cannot be read")
        elif len(rules) < MAX_RULES:
            rules.append(ReadRule(text=text[:400], line=number, matches=matches))
    return Configuration(rules=tuple(rules), by_address=False, unread=first_notes(unread))
