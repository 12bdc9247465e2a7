"""Read what ``iptables-save`` writes (iptables-save(8), iptables-extensions(8)), of any provenance.

Files: ``/etc/iptables/rules.v4`` (Debian's netfilter-persistent), ``/etc/sysconfig/iptables`` (rpm family), ufw's
rules, and the live output of iptables-nft and iptables-legacy. Lines that are no rule are ignored, as
iptables-restore's own comments are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from netprobe import shellwords
from netprobe.findings import Place
from netprobe.host.firewall.model import Action, AskedPacket, Chain, FilterRule, Network, both

_TARGETS = {"ACCEPT": Action.ACCEPT, "DROP": Action.DROP, "REJECT": Action.DROP, "RETURN": Action.RETURN}
_GO_ON = frozenset(
    {"LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "TCPMSS", "AUDIT", "TRACE", "CT", "NOTRACK", "CLASSIFY"}
)
_WITHOUT_VALUE = frozenset({"--syn", "--rcheck", "--update", "--set", "--rttl", "--rsource", "--rdest", "--log-uid"})
_HARMLESS = frozenset({"--comment", "--limit-burst", "--log-prefix", "--log-level"})
_NAMED_PORTS = {"https": 443, "domain": 53, "http": 80, "ssh": 22}
_PROTOCOLS = {"tcp": ("tcp", "6"), "udp": ("udp", "17"), "icmpv6": ("icmpv6", "ipv6-icmp", "58")}
_ICMP_TYPES = {
    "router-solicitation": 133,
    "router-advertisement": 134,
    "neighbour-solicitation": 135,
    "neighbor-solicitation": 135,
    "neighbour-advertisement": 136,
    "neighbor-advertisement": 136,
}
"""The messages of neighbour discovery (RFC 4861) as ip6tables calls them; numbers stand for themselves."""
_DISCOVERY_HOPS = 255
"""The hop limit of every message of neighbour discovery (RFC 4861, section 11.2)."""
_UNICAST, _LOCAL = "UNICAST", "LOCAL"


BEFORE = ("raw", "mangle")
"""Tables in which rules may drop, too, beside the filter table; people close hosts in them early."""


def parse(lines: Iterable[tuple[int, str]], file: str, packet: AskedPacket, table: str = "filter") -> dict[str, Chain]:
    """The chains of a table, every condition decided for one packet."""
    wanted = table
    rules: dict[str, list[FilterRule]] = {}
    policies: dict[str, tuple[Action, Place]] = {}
    table = "filter"  # ufw's and hand-written files may name none
    for number, raw in lines:
        line = raw.strip()
        if line.startswith("*"):
            table = line[1:]
        if table != wanted:
            continue
        place = Place(file=file, line=number, text=line[:200])
        if line.startswith(":"):
            name, _, policy = line[1:].partition(" ")
            rules.setdefault(name, [])
            word = policy.split(" ")[0]
            if word in _TARGETS:
                policies[name] = (_TARGETS[word], place)
        elif line.startswith(("-A ", "-I ")):
            found = _rule(line, place, packet)
            if found is not None:
                rules.setdefault(found[0], []).append(found[1])
        elif line.startswith("-P "):
            words = line.split()
            if len(words) == 3 and words[2] in _TARGETS:
                policies[words[1]] = (_TARGETS[words[2]], place)
    return {
        name: Chain(
            rules=tuple(found),
            policy=policies[name][0] if name in policies else None,
            place=policies[name][1] if name in policies else None,
        )
        for name, found in rules.items()
    }


@dataclass(frozen=True, slots=True)
class _Option:
    """One option of a rule with its values, and whether ``!`` stands before it."""

    name: str
    values: tuple[str, ...]
    negated: bool


def _options(words: list[str]) -> Iterator[_Option]:
    """The options of a rule, up to its target and with it."""
    index, negated = 0, False
    while index < len(words):
        word = words[index]
        index += 1
        if word == "!":
            negated = True
            continue
        count = 0 if word in _WITHOUT_VALUE else 2 if word == "--tcp-flags" else 1
        values: list[str] = []
        while len(values) < count and index < len(words) and not _is_option(words[index]):
            if words[index] == "!":  # old versions write ``-s ! NET``
                negated = True
            else:
                values.append(words[index])
            index += 1
        yield _Option(word, tuple(values), negated)
        negated = False
        if word in ("-j", "--jump", "-g", "--goto"):
            return


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1 and not word[1].isdigit()


def _rule(line: str, place: Place, packet: AskedPacket) -> tuple[str, FilterRule] | None:
    try:
        words = shellwords.split(line)
    except ValueError:
        return None
    if len(words) < 4:
        return None
    target, chain, goto = Action.GO_ON, "", False
    conditions: list[bool | None] = []
    for option in _options(words[2:]):
        value = option.values[0] if option.values else ""
        if option.name in ("-j", "--jump", "-g", "--goto"):
            target, chain, goto = _target(value, option.name)
        elif option.name not in ("-m", "--match") and option.name not in _HARMLESS:
            found = _condition(option.name, option.values, packet)
            conditions.append(found if found is None or not option.negated else not found)
    rule = FilterRule(matches=both(conditions), target=target, chain=chain, goto=goto, place=place)
    return words[1], rule


def _target(value: str, word: str) -> tuple[Action, str, bool]:
    if value in _TARGETS:
        return _TARGETS[value], "", False
    if value in _GO_ON:
        return Action.GO_ON, "", False
    return Action.JUMP, value, word in ("-g", "--goto")


def _condition(name: str, values: tuple[str, ...], packet: AskedPacket) -> bool | None:
    """Whether one option matches the packet."""
    value = values[0] if values else ""
    match name:
        case "-p" | "--protocol":
            return value.lower() in ("all", "0", *_PROTOCOLS[packet.protocol])
        case "--dport" | "--destination-port" | "--dports" | "--destination-ports":
            return _port(value, packet, packet.destination_port)
        case "--sport" | "--source-port" | "--sports" | "--source-ports":
            return _port(value, packet, packet.source_port)
        case "--state" | "--ctstate":
            return bool(packet.states & set(value.lower().split(",")))
        case "-s" | "--source" | "--src":
            return packet.by_address(packet.source, _networks(value))
        case "-d" | "--destination" | "--dst":
            return packet.by_address(packet.destination, _networks(value))
        case "-i" | "--in-interface":
            return packet.by_interface(packet.came_in, value)
        case "-o" | "--out-interface":
            return packet.by_interface(packet.goes_out, value)
        case "--syn":
            return packet.is_new
        case "--tcp-flags":
            return _flags(values, packet)
        case "--icmpv6-type":
            return _icmp(value, packet)
        case "--hl-eq" if packet.icmp_type is not None:
            return _number(value, -1) == _DISCOVERY_HOPS
        case "--dst-type":
            return _kind(value, packet)
        case _:
            return None


def _kind(value: str, packet: AskedPacket) -> bool | None:
    """The kind of the destination: an address of the host, or of another."""
    wanted = set(value.upper().split(","))
    return (_LOCAL if packet.is_for_host else _UNICAST) in wanted


def _flags(values: tuple[str, ...], packet: AskedPacket) -> bool | None:
    """Of a packet that opens a connection SYN alone is set; of an answer that is open."""
    if len(values) != 2 or not packet.is_new:
        return None
    mask, wanted = (set(value.upper().split(",")) - {"NONE"} for value in values)
    if "ALL" in mask:
        return wanted == {"SYN"}
    return {"SYN"} & mask == wanted


def _icmp(value: str, packet: AskedPacket) -> bool | None:
    """A type by name or number, with or without its code, which is 0 in neighbour discovery."""
    if packet.icmp_type is None:
        return False
    name, slash, code = value.lower().partition("/")
    if slash and code != "0":
        return False
    return _ICMP_TYPES.get(name, _number(name, -1)) == packet.icmp_type


def _networks(value: str) -> Iterator[Network | None]:
    for text in value.split(","):
        try:
            yield ip_network("0.0.0.0/0" if text == "0/0" else text, strict=False)
        except ValueError:
            yield None


def _port(value: str, packet: AskedPacket, port: int | None) -> bool | None:
    """``443``, ``1:1024``, ``80,443``, ``https``; None where the packet's port may lie in it or not."""
    answers: set[bool | None] = set()
    for part in value.split(","):
        low, colon, high = part.partition(":")
        first = _NAMED_PORTS.get(low, _number(low, 0 if colon and not low else -1))
        last = _number(high, 65535) if colon else first
        answers.add(None if first < 0 else packet.by_port(port, first, last))
    return True if True in answers else (None if None in answers else False)


def _number(word: str, otherwise: int) -> int:
    """A number of at most five digits; Python refuses to read very long ones."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 5 else otherwise
