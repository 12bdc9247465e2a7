"""Read an nftables ruleset (nft(8)): ``/etc/nftables.conf``, ``/etc/sysconfig/nftables.conf`` or ``nft list ruleset``.

A tokenizer and the few expressions that the question needs; every other expression is *unknown*, never a guess.
Includes are followed by the caller's file list, variables (``define``) are not expanded and so are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from netprobe.findings import Place
from netprobe.host.firewall.model import Chain, FilterRule, Packet, Target

_TOKEN = re.compile(r'"[^"\n]*"|[{};,]|\n|[^\s{};,"]+')
_FAMILIES = {"inet": (4, 6), "ip": (4,), "ip6": (6,)}
_VERDICTS = {"accept": Target.ACCEPT, "drop": Target.DROP, "reject": Target.DROP, "return": Target.RETURN}
_HOOK = re.compile(r"type filter hook (output|input) priority .*")
_STATES = frozenset({"new", "established", "related", "invalid", "untracked"})
_NUMBERS = {"tcp": "6", "udp": "17"}
_NAMED_PORTS = {"https": 443, "domain": 53, "http": 80, "ssh": 22}


@dataclass(slots=True)
class _Draft:
    """A chain while it is read."""

    rules: list[FilterRule] = field(default_factory=list)
    hook: str = ""
    policy: Target | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class BaseChain:
    """A base chain of the hook that was asked for, with all chains of its table."""

    name: str
    chains: dict[str, Chain]


def parse(text: str, file: str, packet: Packet) -> tuple[BaseChain, ...]:
    """Every base chain that the packet passes; it must survive each of them."""
    hook = "output" if packet.outgoing else "input"
    found = []
    for family, body in _tables(_statements(text)):
        if packet.family not in _FAMILIES.get(family, ()):
            continue
        drafts = _chains(body, file, packet)
        chains = {
            name: Chain(rules=tuple(draft.rules), policy=draft.policy, place=draft.place)
            for name, draft in drafts.items()
        }
        found += [BaseChain(name, chains) for name, draft in drafts.items() if draft.hook == hook]
    return tuple(found)


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


def _tables(statements: Iterator[_Statement]) -> Iterator[tuple[str, list[_Statement]]]:
    body: list[_Statement] = []
    family, depth = "", 0
    for statement in statements:
        if statement.words[:2] == ("flush", "ruleset"):
            continue
        if depth == 0 and statement.opens and statement.words[0] == "table":
            # ``table inet NAME`` or ``table NAME``, which is ip.
            family = statement.words[1] if len(statement.words) > 2 else "ip"
            body, depth = [], 1
            continue
        depth += statement.opens - statement.closes
        if depth == 0 and statement.closes:
            yield family, body
        elif depth > 0:
            body.append(statement)


def _chains(body: list[_Statement], file: str, packet: Packet) -> dict[str, _Draft]:
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


def _line(chain: _Draft, statement: _Statement, file: str, packet: Packet) -> None:
    place = Place(file=file, line=statement.line, text=" ".join(statement.words)[:200])
    match = _HOOK.match(place.text)
    if match is not None:
        chain.hook, chain.policy, chain.place = match[1], chain.policy or Target.ACCEPT, place
    elif statement.words[0] == "policy" and len(statement.words) > 1:
        chain.policy, chain.place = _VERDICTS.get(statement.words[1], Target.ACCEPT), place
    elif statement.words[0] != "type":
        chain.rules.append(_rule(statement.words, place, packet))


def _rule(words: tuple[str, ...], place: Place, packet: Packet) -> FilterRule:
    """Conditions stand before the verdict; each takes the words up to the next."""
    conditions: list[bool | None] = []
    target, chain, goto = Target.GO_ON, "", False
    index = 0
    while index < len(words):
        word = words[index]
        if word in _VERDICTS:
            target = _VERDICTS[word]
            break
        if word in ("jump", "goto") and index + 1 < len(words):
            target, chain, goto = Target.JUMP, words[index + 1], word == "goto"
            break
        size, matches = _condition(words, index, packet)
        conditions.append(matches)
        index += size
    decided: bool | None = None if None in conditions else True
    return FilterRule(
        matches=False if False in conditions else decided, target=target, chain=chain, goto=goto, place=place
    )


def _condition(words: tuple[str, ...], at: int, packet: Packet) -> tuple[int, bool | None]:
    """How many words the expression at a place takes, and whether it matches."""
    match words[at : at + 5]:
        case ("counter", "packets", _, "bytes", _):
            return 5, True
        case ("counter", *_):
            return 1, True
        case ("comment" | "log", *_):
            return _log_length(words, at), True
        case ("ct", "state", *_):
            size, values = _values(words, at + 2)
            return 2 + size, _state(values, packet)
        case (("tcp" | "udp") as protocol, ("dport" | "sport") as which, *_):
            size, values = _values(words, at + 2)
            if protocol != packet.protocol:
                return 2 + size, False
            port = packet.destination_port if which == "dport" else packet.source_port
            return 2 + size, None if values is None or port is None else _has_port(values, port)
        case ("th", "dport", *_):
            size, values = _values(words, at + 2)
            port = packet.destination_port
            return 2 + size, None if values is None or port is None else _has_port(values, port)
        case ("meta", "l4proto", *_) | ("ip", "protocol", *_) | ("ip6", "nexthdr", *_):
            size, values = _values(words, at + 2)
            names = {packet.protocol, _NUMBERS[packet.protocol]}
            return 2 + size, None if values is None else bool(names & values)
        case ("meta", "nfproto", *_):
            size, values = _values(words, at + 2)
            return 2 + size, None if values is None else f"ipv{packet.family}" in values
        case ("meta", ("oif" | "oifname" | "iif" | "iifname"), *_):
            size, values = _values(words, at + 2)
            return 2 + size, _interface(values)
        case (("oif" | "oifname" | "iif" | "iifname"), *_):
            size, values = _values(words, at + 1)
            return 1 + size, _interface(values)
        case (("ip" | "ip6") as family, ("daddr" | "saddr"), *_):
            size, _ = _values(words, at + 2)
            return 2 + size, None if (family == "ip") == (packet.family == 4) else False
        case _:
            return _unknown_length(words, at), None


def _state(values: frozenset[str] | None, packet: Packet) -> bool | None:
    """Connection tracking's words; a number (``nft -nn``) is left unknown."""
    if values is None or not values <= _STATES:
        return None
    return packet.state in values


def _interface(values: frozenset[str] | None) -> bool | None:
    """The loopback is never the way out; which of the others is, no file tells."""
    return False if values == frozenset({"lo"}) else None


def _values(words: tuple[str, ...], at: int) -> tuple[int, frozenset[str] | None]:
    """The right-hand side: one word, a set in braces, or a list; None where it is negated or cannot be read."""
    if at >= len(words):
        return 0, None
    negated = words[at] in ("!=", "ne")
    start = at + 1 if words[at] in ("!=", "ne", "==", "eq") else at
    if start >= len(words):
        return start - at, None
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
    unreadable = negated or any(value.startswith(("@", "$", "&")) for value in values)
    return end - at, None if unreadable else values


def _has_port(values: frozenset[str], port: int) -> bool | None:
    for value in values:
        low, dash, high = value.partition("-")
        first, last = _number(low), _number(high if dash else low)
        if min(first, last) < 0:
            return None
        if first <= port <= last:
            return True
    return False


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
