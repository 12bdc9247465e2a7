"""What the readers share: rules, and words, ports, names and networks of a configuration.

Expressions come from a file that somebody else wrote: only plain ones are tried, because others can make a matcher run
for hours.
"""

from __future__ import annotations

import enum
import functools
import ipaddress
import operator
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from netprobe import shellwords
from netprobe.errors import InvalidHostnameError, UnreadableFileError
from netprobe.hostnames import HostPattern
from netprobe.render.model import Claim, Form

MAX_RULES = 200_000
MAX_CHAINS = 4096
MAX_ELEMENTS = 1_000_000
LAST_PORT = 65_535
_ATOM = r"(?:\\[.\-/]|[A-Za-z0-9_-]|\.(?:\*|\+)?|\[\^?[A-Za-z0-9_.\\-]+\](?:\*|\+|\?|\{\d{1,2}(?:,\d{1,2})?\})?)"
_GROUP = rf"\((?:\?:)?{_ATOM}*(?:\|{_ATOM}*)*\)\??"
_REGEX = re.compile(rf"\^?(?:{_ATOM}|{_GROUP})*\$?")
"""Literals, classes, simple repetitions, and groups that stand once or not at all: nothing repeats a repetition."""
MOST_STARS = 3


@dataclass(frozen=True, slots=True)
class RulePorts:
    """Ports that a rule is about; without any: every port.

    Attributes:
        spans: first and last port of each run, in order, apart from each other.
    """

    spans: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, spans: Iterable[tuple[int, int]]) -> RulePorts:
        """Ports from runs in any order, which may overlap; what lies beyond port 65535 is left out."""
        within = ((first, min(last, LAST_PORT)) for first, last in spans)
        return cls(tuple(_merged((first, last) for first, last in within if first <= last)))

    def __bool__(self) -> bool:
        """Whether it is about some ports, and not about every port."""
        return bool(self.spans)

    def __contains__(self, port: int) -> bool:
        """Whether it is about a port; about every port, where it names none."""
        return not self.spans or any(first <= port <= last for first, last in self.spans)

    def __or__(self, other: RulePorts) -> RulePorts:
        """The ports that either names."""
        if self == other or not other.spans:
            return self
        return RulePorts.of((*self.spans, *other.spans))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRule:
    """One rule of a configuration.

    Attributes:
        text: as it stands in the file.
        line: where.
        ports: the ports that it is about; empty: every port.
        matches: whether it admits a name or an address.
    """

    text: str
    line: int
    ports: RulePorts = RulePorts()
    matches: Callable[[str], bool] = field(compare=False)

    def admits(self, probe: str, port: int) -> bool:
        """Whether it admits a name or address on a port."""
        return port in self.ports and self.matches(probe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a reader made of a file.

    Attributes:
        rules: what admits.
        by_address: the rules are about addresses.
        notes: what was left out, and why.
        unread: parts that may admit more and cannot be read; what no rule admits is then unknown, not refused.
        dead: entries that never match anything, and why.
        decides: what the rules together say of a name or address on a port, in their order, where one may deny what
            another admits: whether it passes, or None where that cannot be told. Without it whatever a rule admits
            passes.
    """

    rules: tuple[ReadRule, ...]
    by_address: bool
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    decides: Callable[[str, int], bool | None] | None = None

    def answers(self, probe: str, port: int) -> bool | None:
        """Whether it passes, or None where that cannot be told."""
        if self.decides is not None:
            return self.decides(probe, port)
        return any(rule.admits(probe, port) for rule in self.rules)

    def admits(self, probe: str, port: int) -> bool:
        """Whether it is known to pass."""
        return self.answers(probe, port) is True


def everything(probe: str) -> bool:
    """A predicate that admits every name and address."""
    return True


def matching(form: Form, value: str, *, empty_star: bool = False) -> Callable[[str], bool] | None:
    """A predicate, or None where the value is no name; ``empty_star``: an asterisk also stands for nothing."""
    try:
        parsed = HostPattern.parse(value).pattern
    except InvalidHostnameError:
        return None
    return Claim(form=form, value=parsed, empty_star=empty_star).admits


def in_network(value: str) -> Callable[[str], bool] | None:
    """A predicate for the addresses of a network, or None where the value is none."""
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None
    return lambda probe: (address := _address(probe)) is not None and address in network


@functools.lru_cache(maxsize=1 << 14)
def _address(probe: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parsed once, not once for each of the networks that it is held against; None for a name, which is in none."""
    try:
        return ipaddress.ip_address(probe)
    except ValueError:
        return None


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


class Comments(enum.Enum):
    """What ends a line before its end; each was asked of the engine, or read in its lexer."""

    HASH = ("#", False)
    """HAProxy, Unbound, tinyproxy, Privoxy: anywhere, unless it is quoted or escaped."""
    HASH_APART = ("#", True)
    """Squid, nginx, dnsmasq, CoreDNS, a shell: at the beginning of a word."""
    SEMICOLON = (";", False)
    """Zone files (RFC 1035, section 5.1)."""


def code_lines(text: str, comments: Comments) -> Iterator[tuple[int, str]]:
    """What :func:`numbered_lines` gives, without comments, be they a line or the end of one."""
    mark, apart = comments.value
    for number, line in numbered_lines(text):
        code = line[: _comment(line, mark, apart=apart)].rstrip() if mark in line else line
        if code:
            yield number, code


def _comment(line: str, mark: str, *, apart: bool) -> int:
    """Where the comment of a line begins; its length where it has none."""
    quote, before = "", " "
    for at, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character == mark and before != "\\" and (before.isspace() or not apart):
            return at
        elif character in "\"'":
            quote = character
        before = character
    return len(line)


def in_networks(values: Iterable[str]) -> tuple[Callable[[str], bool], int]:
    """A predicate for the addresses of any of these networks, however many they are, and how many are none.

    Raises:
        UnreadableFileError: more networks than any device holds.
    """
    spans: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
    unread = 0
    for count, value in enumerate(values):
        if count == MAX_ELEMENTS:
            raise UnreadableFileError(
                value, f"is one of more than {MAX_ELEMENTS} networks of a set", "compare with smaller sets"
            )
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            unread += 1
            continue
        spans[network.version].append((int(network.network_address), int(network.broadcast_address)))
    merged = {version: _merged(found) for version, found in spans.items()}

    def admits(probe: str) -> bool:
        address = _address(probe)
        if address is None:
            return False
        runs = merged[address.version]
        at = bisect_right(runs, int(address), key=operator.itemgetter(0)) - 1
        return at >= 0 and int(address) <= runs[at][1]

    return admits, unread


def is_within(value: str, networks: Iterable[str]) -> bool:
    """Whether a network lies in one of others; what is no network lies in none."""
    try:
        inner = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    outer = map(ipaddress.ip_network, networks)
    return any(one.version == inner.version and inner.subnet_of(one) for one in outer)  # type: ignore[arg-type]


def spread(words: Iterable[str]) -> Iterator[str]:
    """Addresses and networks, and a range as the networks that it is made of; other words stay what they are."""
    for word in words:
        first, dash, last = word.partition("-")
        try:
            ends = (ipaddress.ip_address(first), ipaddress.ip_address(last)) if dash else ()
            networks = list(ipaddress.summarize_address_range(*ends)) if ends else []
        except (ValueError, TypeError):
            networks = []
        yield from map(str, networks) if networks else (word,)


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Runs in order and apart from each other, from runs in any order."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def shell_words(line: str) -> list[str]:
    """The words of a line, as a shell or an export quotes them."""
    try:
        return shellwords.split(line)
    except ValueError:
        return line.split()


def word_after(words: list[str], option: str) -> str | None:
    """The argument of an option."""
    return next((words[i + 1] for i, word in enumerate(words[:-1]) if word == option), None)


def ports_of(text: str) -> RulePorts:
    """``443``, ``443,8443``, ``440:445``, ``440-445``; anything else is every port."""
    spans: list[tuple[int, int]] = []
    for part in filter(None, re.split(r"[,\s{}]+", text)):
        ends = re.split(r"[:-]", part, maxsplit=2)
        if not all(end.isascii() and end.isdigit() and len(end) <= 5 for end in ends):
            return RulePorts()
        spans.append((int(ends[0]), int(ends[-1])))
    return RulePorts.of(spans)


def first_notes(notes: list[str]) -> tuple[str, ...]:
    """The first notes, and how many more there are."""
    most = 20
    more = (f"and {len(notes) - most} more lines that could not be judged",) if len(notes) > most else ()
    return (*notes[:most], *more)


class Collected:
    """Rules as a reader finds them, names and networks apart: what they make together, :meth:`made` says."""

    def __init__(self) -> None:
        self._names: list[ReadRule] = []
        self._networks: list[ReadRule] = []
        self._unread: list[str] = []
        self.notes: list[str] = []

    def name(
        self, text: str, matches: Callable[[str], bool] | None, *, line: int = 0, ports: RulePorts | None = None
    ) -> None:
        """Something that admits names.

        Args:
            text: as it stands in the file.
            matches: the predicate; None where it cannot be read.
            line: where, or 0 where the format has no lines.
            ports: the ports that it is about; unless given, every port.
        """
        if matches is None:
            self.unread(text, line=line)
        elif len(self._names) < MAX_RULES:
            self._names.append(ReadRule(text=text[:400], line=line, ports=ports or RulePorts(), matches=matches))

    def network(self, text: str, value: str, *, line: int = 0, ports: RulePorts | None = None) -> None:
        """Something that admits the addresses of a network."""
        matches = in_network(value)
        if matches is None:
            self.unread(text, line=line)
        elif len(self._networks) < MAX_RULES:
            self._networks.append(ReadRule(text=text[:400], line=line, ports=ports or RulePorts(), matches=matches))

    def unread(self, text: str, *, line: int = 0) -> None:
        """A part that may admit more and cannot be read."""
        self._unread.append(f"{f'line {line}: ' if line else ''}{text[:160]} cannot be read")

    def made(self) -> Configuration:
        """The configuration; one of both is judged by its names, since nothing says which network is whose."""
        by_address = bool(self._networks) and not self._names
        if self._networks and self._names:
            self.notes.insert(0, f"networks that stand among names are not judged: {len(self._networks)}")
        return Configuration(
            rules=tuple(self._networks if by_address else self._names),
            by_address=by_address,
            notes=first_notes(self.notes),
            unread=first_notes(self._unread),
        )
