"""What the readers share: rules, and words, ports, names and networks of a configuration.

Expressions come from a file that somebody else wrote: only plain ones are tried, because others can make a matcher run
for hours.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from netprobe.errors import InvalidHostnameError
from netprobe.hostnames import HostPattern
from netprobe.render.model import Claim, Form

MAX_RULES = 200_000
_REGEX = re.compile(
    r"\^?(?:\\[.\-/]|[A-Za-z0-9_-]|\.(?:\*|\+)?|\[\^?[A-Za-z0-9_.\\-]+\](?:\*|\+|\?|\{\d{1,2}(?:,\d{1,2})?\})?)*\$?"
)
"""Literals, classes, simple repetitions: no groups, so that nothing repeats a repetition."""
MOST_STARS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a configuration.

    Attributes:
        text: as it stands in the file.
        line: where.
        ports: the ports that it is about; empty: every port.
        matches: whether it admits a name or an address.
    """

    text: str
    line: int
    ports: frozenset[int] = frozenset()
    matches: Callable[[str], bool] = field(compare=False)

    def admits(self, probe: str, port: int) -> bool:
        """Whether it admits a name or address on a port."""
        return (not self.ports or port in self.ports) and self.matches(probe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a reader made of a file.

    Attributes:
        rules: what admits.
        by_address: the rules are about addresses.
        notes: what was left out, and why.
    """

    rules: tuple[Rule, ...]
    by_address: bool
    notes: tuple[str, ...] = ()

    def admits(self, probe: str, port: int) -> bool:
        """Whether any rule admits it."""
        return any(rule.admits(probe, port) for rule in self.rules)


def everything(probe: str) -> bool:
    """A predicate that admits every name and address."""
    return True


class Denied:
    """What rules before this one have denied without regard to names and addresses, by chain."""

    def __init__(self) -> None:
        self._ports: dict[str, set[int]] = {}
        self._all: set[str] = set()

    def add(self, chain: str, ports: frozenset[int]) -> None:
        """A rule that denies these ports (empty: all of them)."""
        if ports:
            self._ports.setdefault(chain, set()).update(ports)
        else:
            self._all.add(chain)

    def covers(self, chain: str, ports: frozenset[int]) -> bool:
        """Whether a rule for these ports can no longer be reached, or (for every port) not for all of them."""
        denied = self._ports.get(chain, set())
        return chain in self._all or (ports <= denied if ports else bool(denied))


def matching(form: Form, value: str) -> Callable[[str], bool] | None:
    """A predicate, or None where the value is no name."""
    try:
        parsed = HostPattern.parse(value).pattern
    except InvalidHostnameError:
        return None
    return Claim(form=form, value=parsed).admits


def in_network(value: str) -> Callable[[str], bool] | None:
    """A predicate for the addresses of a network, or None where the value is none."""
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None
    return lambda probe: _address(probe) in network


@functools.lru_cache(maxsize=1 << 14)
def _address(probe: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Parsed once, not once for each of the networks that it is held against."""
    return ipaddress.ip_address(probe)


def expression(value: str, flags: re.RegexFlag) -> Callable[[str], bool] | None:
    """A predicate for an expression, or None where it is not a plain one."""
    if len(value) > 300 or not _REGEX.fullmatch(value) or len(re.findall(r"[*+{]", value)) > MOST_STARS:
        return None
    found = re.compile(value, flags)
    return lambda probe: found.search(probe) is not None


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Every line that is not empty, without spaces at its ends, and its number."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, line.strip()


def any_of(matchers: list[Callable[[str], bool]]) -> Callable[[str], bool]:
    """A predicate for what any of them admits."""
    return lambda probe: any(matches(probe) for matches in matchers)


def shell_words(line: str) -> list[str]:
    """The words of a line, as a shell or an export quotes them."""
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def word_after(words: list[str], option: str) -> str | None:
    """The argument of an option."""
    return next((words[i + 1] for i, word in enumerate(words[:-1]) if word == option), None)


def ports_of(text: str) -> frozenset[int]:
    """``443``, ``443,8443``, ``440:445``, ``440-445``; anything else is every port."""
    found: set[int] = set()
    for part in filter(None, re.split(r"[,\s{}]+", text)):
        ends = re.split(r"[:-]", part)
        if not all(end.isdigit() and len(end) <= 5 for end in ends):
            return frozenset()
        found |= set(range(int(ends[0]), int(ends[-1]) + 1))
    return frozenset(found)


def first_notes(notes: list[str]) -> tuple[str, ...]:
    """The first notes, and how many more there are."""
    most = 20
    more = (f"and {len(notes) - most} more lines that could not be judged",) if len(notes) > most else ()
    return (*notes[:most], *more)
