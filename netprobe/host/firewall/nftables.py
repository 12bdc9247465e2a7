"""Read an nftables ruleset (nft(8)): ``/etc/nftables.conf``, ``/etc/sysconfig/nftables.conf`` or ``nft list ruleset``.

A tokenizer and the few expressions that the question needs; every other expression is *unknown*, never a guess.
Includes are followed by the caller's file list, variables (``define``) are not expanded and so are unknown.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

from netprobe.findings import Place
from netprobe.host.firewall.model import WAY, Action, AskedPacket, Chain, FilterRule, Network, both

_TOKEN = re.compile(r'"[^"\n]*"|[{};,]|\n|[^\s{};,"]+')
_FAMILIES = {"inet": (4, 6), "ip": (4,), "ip6": (6,)}
_VERDICTS = {"accept": Action.ACCEPT, "drop": Action.DROP, "reject": Action.DROP, "return": Action.RETURN}
_HOOK = re.compile(r"type (?:filter|route) hook (prerouting|input|forward|output|postrouting) priority .*")
_MAY_CHANGE = frozenset({"dynamic", "timeout"})
"""Flags of a set whose elements come and go by themselves (nft(8), "Sets")."""
_CHANGES = frozenset({"add", "update", "delete", "set"})
_STATES = frozenset({"new", "established", "related", "invalid", "untracked"})
_PROTOCOLS = {"tcp": {"tcp", "6"}, "udp": {"udp", "17"}, "icmpv6": {"icmpv6", "ipv6-icmp", "58"}}
_ICMP_TYPES = {
    133: "nd-router-solicit",
    134: "nd-router-advert",
    135: "nd-neighbor-solicit",
    136: "nd-neighbor-advert",
}
"""The messages of neighbour discovery (RFC 4861) as nft(8) calls them."""
_DISCOVERY_HOPS = "255"
"""The hop limit of every message of neighbour discovery (RFC 4861, section 11.2)."""
_COMPARED = frozenset({">", ">=", "<", "<=", "gt", "ge", "lt", "le"})
_NAMED_PORTS = {"https": 443, "domain": 53, "http": 80, "ssh": 22}


@dataclass(slots=True)
class _Draft:
    """A chain while it is read."""

    rules: list[FilterRule] = field(default_factory=list)
    hook: str = ""
    policy: Action | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class BaseChain:
    """A base chain of the hook that was asked for, with all chains of its table.

    Attributes:
        name: the base chain.
        chains: of its table.
        family: ``inet``, ``ip`` or ``ip6``.
        table: the table's name.
    """

    name: str
    chains: dict[str, Chain]
    family: str
    table: str


def parse(text: str, file: str, packet: AskedPacket) -> tuple[BaseChain, ...]:
    """Every base chain that the packet passes; it must survive each of them."""
    found = []
    for family, table, with_elements in _read(text):
        if packet.family not in _FAMILIES.get(family, ()):
            continue
        for hook in WAY[packet.hook]:
            drafts = _chains(with_elements, file, packet.at(hook))
            chains = {
                name: Chain(rules=tuple(draft.rules), policy=draft.policy, place=draft.place)
                for name, draft in drafts.items()
            }
            found += [
                BaseChain(name, chains, family, table)
                for name, draft in drafts.items()
                if draft.hook == hook.value.lower()
            ]
    return tuple(found)


@functools.lru_cache(maxsize=1)
def _read(text: str) -> tuple[tuple[str, str, list[_Statement]], ...]:
    """The tables of a text, with the elements of their sets: one text is asked about many packets."""
    return tuple((family, table, _with_elements(body)) for family, table, body in _tables(_statements(text)))


def _with_elements(body: list[_Statement]) -> list[_Statement]:
    """A table's statements with the elements of its named sets in the place of ``@NAME``.

    A set without elements, or one whose elements come and go, is left as it stands: it is unknown what is in it.
    """
    sets = dict(_sets(body))
    if not sets:
        return body
    return [replace(one, words=tuple(_put(one.words, sets))) for one in body]


def _sets(body: list[_Statement]) -> Iterator[tuple[str, tuple[str, ...]]]:
    name, fixed = "", True
    elements: tuple[str, ...] = ()
    for statement in body:
        if statement.opens:
            name = statement.words[1] if statement.words[0] == "set" and len(statement.words) > 1 else ""
            elements, fixed = (), True
        elif statement.closes:
            if name and elements and fixed:
                yield name, elements
            name = ""
        elif name and statement.words[:2] == ("elements", "="):
            elements = statement.words[2:]
        elif name and statement.words[0] in ("flags", "timeout"):
            fixed = fixed and not _MAY_CHANGE & set(statement.words)


def _put(words: tuple[str, ...], sets: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for before, word in zip(("", *words), words, strict=False):
        found = sets.get(word[1:]) if word.startswith("@") and before not in _CHANGES else None
        yield from (word,) if found is None else found


@dataclass(frozen=True, slots=True)
class _Statement:
    """Words up to a line's end, a semicolon or a brace that opens or closes a block."""

    words: tuple[str, ...]
    line: int
    opens: bool = False
    closes: bool = False


def _statements(text: str) -> Iterator[_Statement]:
    """Braces after ``table``, ``chain``, ``set`` and ``map`` open blocks; all others belong to an expression."""
    words: list[str] = []
    line, depth = 1, 0
    for raw in text.split("\n"):
        content = _without_comment(raw)
        continued = content.rstrip().endswith("\\")
        for word in _TOKEN.findall(content.rstrip().rstrip("\\")):
            if word == "{":
                if depth == 0 and words and words[0] in ("table", "chain", "set", "map", "flowtable"):
                    yield _Statement(tuple(words), line, opens=True)
                    words = []
                    continue
                depth += 1
            elif word == "}":
                if depth == 0:
                    if words:
                        yield _Statement(tuple(words), line)
                    yield _Statement((), line, closes=True)
                    words = []
                    continue
                depth -= 1
            elif word == ";" and depth == 0:
                if words:
                    yield _Statement(tuple(words), line)
                words = []
                continue
            words.append(word)
        if words and depth == 0 and not continued:
            yield _Statement(tuple(words), line)
            words = []
        line += 1


def _without_comment(line: str) -> str:
    """A line up to the first ``#`` behind its last quote."""
    at = line.find("#", line.rfind('"') + 1)
    return line if at < 0 else line[:at]


def _tables(statements: Iterator[_Statement]) -> Iterator[tuple[str, str, list[_Statement]]]:
    body: list[_Statement] = []
    family, table, depth = "", "", 0
    for statement in statements:
        if statement.words[:2] == ("flush", "ruleset"):
            continue
        if depth == 0 and statement.opens and statement.words[0] == "table":
            # ``table inet NAME`` or ``table NAME``, which is ip.
            family = statement.words[1] if len(statement.words) > 2 else "ip"
            table = statement.words[-1]
            body, depth = [], 1
            continue
        depth += statement.opens - statement.closes
        if depth == 0 and statement.closes:
            yield family, table, body
        elif depth > 0:
            body.append(statement)


def _chains(body: list[_Statement], file: str, packet: AskedPacket) -> dict[str, _Draft]:
    drafts: dict[str, _Draft] = {}
    current: _Draft | None = None
    skipping = 0
    for statement in body:
        if statement.opens:
            if statement.words[0] == "chain" and len(statement.words) > 1:
                current = drafts.setdefault(statement.words[1], _Draft())
            else:
                skipping += 1
        elif statement.closes:
            if skipping:
                skipping -= 1
            else:
                current = None
        elif current is not None and not skipping:
            _line(current, statement, file, packet)
    return drafts


def _line(chain: _Draft, statement: _Statement, file: str, packet: AskedPacket) -> None:
    place = Place(file=file, line=statement.line, text=" ".join(statement.words)[:200])
    match = _HOOK.match(place.text)
    if match is not None:
        chain.hook, chain.policy, chain.place = match[1], chain.policy or Action.ACCEPT, place
    elif statement.words[0] == "policy" and len(statement.words) > 1:
        chain.policy, chain.place = _VERDICTS.get(statement.words[1], Action.ACCEPT), place
    elif statement.words[0] != "type":
        chain.rules += _rules(statement.words, place, packet)


def _rules(words: tuple[str, ...], place: Place, packet: AskedPacket) -> Iterator[FilterRule]:
    """Conditions stand before the verdict; each takes the words up to the next. A verdict map is a rule an element."""
    conditions: list[bool | None] = []
    index = 0
    while index < len(words):
        word = words[index]
        if word in _VERDICTS or word in ("jump", "goto"):
            yield _decided(conditions, words[index:], place)
            return
        if "vmap" in words[index + 1 : index + 4]:
            yield from _mapped(words, index, conditions, place, packet)
            return
        size, matches = _condition(words, index, packet)
        conditions.append(matches)
        index += size
    yield FilterRule(matches=both(conditions), target=Action.GO_ON, place=place)


def _decided(conditions: list[bool | None], verdict: tuple[str, ...], place: Place) -> FilterRule:
    """A rule of its conditions and a verdict: ``accept``, ``jump NAME`` and the like."""
    matches = both(conditions)
    if verdict[0] in _VERDICTS:
        return FilterRule(matches=matches, target=_VERDICTS[verdict[0]], place=place)
    if verdict[0] in ("jump", "goto") and len(verdict) > 1:
        return FilterRule(matches=matches, target=Action.JUMP, chain=verdict[1], goto=verdict[0] == "goto", place=place)
    return FilterRule(matches=matches, target=Action.GO_ON, place=place)


def _mapped(
    words: tuple[str, ...], start: int, before: list[bool | None], place: Place, packet: AskedPacket
) -> Iterator[FilterRule]:
    """``ct state vmap { established : accept, invalid : drop }``: the first element that matches decides."""
    at = words.index("vmap", start)
    if at + 1 >= len(words) or words[at + 1] != "{":
        # A named map, whose elements may change at any time.
        yield FilterRule(matches=None, target=Action.GO_ON, place=place)
        return
    element: list[str] = []
    for word in words[at + 2 :]:
        if word not in (",", "}"):
            element.append(word)
            continue
        if ":" in element:
            colon = element.index(":")
            _, matches = _condition((*words[start:at], *element[:colon]), 0, packet)
            yield _decided([*before, matches], tuple(element[colon + 1 :]) or ("continue",), place)
        element = []
        if word == "}":
            return


def _condition(words: tuple[str, ...], at: int, packet: AskedPacket) -> tuple[int, bool | None]:
    """How many words the expression at a place takes, and whether it matches."""
    match words[at : at + 5]:
        case ("counter", "packets", _, "bytes", _):
            return 5, True
        case ("counter", *_):
            return 1, True
        case ("comment" | "log", *_):
            return _log_length(words, at), True
        case ("ct", "state" | "status" as what, *_):
            side = _values(words, at + 2)
            return 2 + side.size, side.answer(_state(what, side.values, packet))
        case (("tcp" | "udp" | "th") as protocol, ("dport" | "sport") as which, *_):
            side = _values(words, at + 2)
            if protocol not in (packet.protocol, "th"):
                return 2 + side.size, False
            port = packet.destination_port if which == "dport" else packet.source_port
            return 2 + side.size, None if side.values is None else side.answer(_has_port(side.values, packet, port))
        case ("meta", "l4proto", *_) | ("ip", "protocol", *_) | ("ip6", "nexthdr", *_):
            side = _values(words, at + 2)
            names = _PROTOCOLS[packet.protocol]
            return 2 + side.size, None if side.values is None else side.answer(bool(names & side.values))
        case ("icmpv6", "type", *_):
            side = _values(words, at + 2)
            if packet.icmp_type is None:
                return 2 + side.size, False
            names = {str(packet.icmp_type), _ICMP_TYPES[packet.icmp_type]}
            return 2 + side.size, None if side.values is None else side.answer(bool(names & side.values))
        case ("icmp", ("type" | "code"), *_):
            return 2 + _values(words, at + 2).size, False
        case ("ip6", "hoplimit", *_) if packet.icmp_type is not None:
            side = _values(words, at + 2)
            return 2 + side.size, None if side.values is None else side.answer(_DISCOVERY_HOPS in side.values)
        case ("meta", "nfproto", *_):
            side = _values(words, at + 2)
            return 2 + side.size, None if side.values is None else side.answer(f"ipv{packet.family}" in side.values)
        case ("meta", ("oif" | "oifname" | "iif" | "iifname") as which, *_):
            side = _values(words, at + 2)
            return 2 + side.size, side.answer(_interface(which, side.values, packet))
        case (("oif" | "oifname" | "iif" | "iifname") as which, *_):
            side = _values(words, at + 1)
            return 1 + side.size, side.answer(_interface(which, side.values, packet))
        case (("ip" | "ip6") as family, ("daddr" | "saddr") as which, *_):
            side = _values(words, at + 2)
            if (family == "ip") != (packet.family == 4):
                return 2 + side.size, False
            actual = packet.destination if which == "daddr" else packet.source
            return 2 + side.size, side.answer(packet.by_address(actual, _networks(side.values)))
        case ("fib", "daddr", "type", *_):
            side = _values(words, at + 3)
            kind = "local" if packet.is_for_host else "unicast"
            return 3 + side.size, None if side.values is None else side.answer(kind in side.values)
        case _:
            return _unknown_length(words, at), None


def _networks(values: frozenset[str] | None) -> Iterator[Network | None]:
    """The networks of a set; None for a range, or what is no address."""
    for value in values or ("a set",):
        try:
            yield ip_network(value, strict=False)
        except ValueError:
            yield None


def _state(what: str, values: frozenset[str] | None, packet: AskedPacket) -> bool | None:
    """Connection tracking's words; a number (``nft -nn``) is left unknown."""
    if values is None:
        return None
    if what == "status":
        return "dnat" in packet.states if values == {"dnat"} else None
    return bool(packet.states & values) if values <= _STATES else None


def _interface(which: str, values: frozenset[str] | None, packet: AskedPacket) -> bool | None:
    """Whether the packet's interface is one of several names."""
    if values is None:
        return None
    actual = packet.goes_out if which.startswith("o") else packet.came_in
    answers = {packet.by_interface(actual, value) for value in values}
    return True if True in answers else (None if None in answers else False)


@dataclass(frozen=True, slots=True)
class _Side:
    """The right-hand side of an expression.

    Attributes:
        size: how many words it takes.
        values: what stands there; None where it cannot be read.
        negated: whether it says what must not be.
    """

    size: int
    values: frozenset[str] | None
    negated: bool = False

    def answer(self, found: bool | None) -> bool | None:
        """What the expression answers, once it is known whether the values hold the packet's."""
        return found if found is None or not self.negated else not found


@functools.lru_cache(maxsize=256)
def _values(words: tuple[str, ...], at: int) -> _Side:
    """One word, a set in braces, or a list."""
    if at >= len(words):
        return _Side(0, None)
    if words[at] in _COMPARED:
        return _compared(words, at)
    negated = words[at] in ("!=", "ne")
    start = at + 1 if words[at] in ("!=", "ne", "==", "eq") else at
    if start >= len(words):
        return _Side(start - at, None)
    end = start + 1
    if words[start] != "{":
        while end + 1 < len(words) and words[end] == ",":
            end += 2
        values = frozenset(word.strip('"') for word in words[start:end] if word != ",")
    else:
        while end < len(words) and words[end] != "}":
            end += 1
        values = frozenset(word.strip('"') for word in words[start + 1 : end] if word != ",")
        end += 1
    unreadable = any(value.startswith(("@", "$", "&")) for value in values)
    return _Side(end - at, None if unreadable else values, negated)


def _compared(words: tuple[str, ...], at: int) -> _Side:
    """``>= 1024`` as the range that it means for a port; nothing for any other number."""
    found = _number(words[at + 1]) if at + 1 < len(words) else -1
    size = min(2, len(words) - at)
    if found < 0:
        return _Side(size, None)
    if words[at].startswith((">", "g")):
        first = found if words[at] in (">=", "ge") else found + 1
        return _Side(size, frozenset({f"{first}-65535"}))
    last = found if words[at] in ("<=", "le") else found - 1
    return _Side(size, frozenset({f"0-{last}"}))


def _has_port(values: frozenset[str], packet: AskedPacket, port: int | None) -> bool | None:
    answers: set[bool | None] = set()
    for value in values:
        low, dash, high = value.partition("-")
        first, last = _number(low), _number(high if dash else low)
        answers.add(None if min(first, last) < 0 else packet.by_port(port, first, last))
    return True if True in answers else (None if None in answers else False)


def _number(text: str) -> int:
    """A port by name or number; below 0 for anything else, and for digits that are no port."""
    return _NAMED_PORTS.get(text, int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else -1)


def _log_length(words: tuple[str, ...], at: int) -> int:
    end = at + 1
    while end < len(words) and (
        words[end] in ("prefix", "level", "group", "flags", "all", "snaplen")
        or words[end - 1] in ("prefix", "level", "group", "comment")
    ):
        end += 1
    return end - at


def _unknown_length(words: tuple[str, ...], at: int) -> int:
    """Up to the verdict: what is not understood stays one unknown condition."""
    for end in range(at + 1, len(words)):
        if words[end] in _VERDICTS or words[end] in ("jump", "goto"):
            return end - at
    return len(words) - at
