"""Read what ``iptables-save`` writes (iptables-save(8), iptables-extensions(8)), of any provenance.

Files: ``/etc/iptables/rules.v4`` (Debian's netfilter-persistent), ``/etc/sysconfig/iptables`` (rpm family), ufw's
``user.rules``, and the live output. Lines that are no rule are ignored, as iptables-restore's own comments are.
"""

from __future__ import annotations

from collections.abc import Iterable

from netprobe import shellwords
from netprobe.findings import Place
from netprobe.host.firewall.model import Chain, FilterRule, Packet, Target

_TARGETS = {"ACCEPT": Target.ACCEPT, "DROP": Target.DROP, "REJECT": Target.DROP, "RETURN": Target.RETURN}
_GO_ON = frozenset(
    {"LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "TCPMSS", "AUDIT", "TRACE", "CT", "NOTRACK", "CLASSIFY"}
)
_ANY = frozenset({"0.0.0.0/0", "::/0", "0/0"})
_FLAGS = frozenset({"--syn"})


def parse(lines: Iterable[tuple[int, str]], file: str, packet: Packet) -> dict[str, Chain]:
    """The chains of the filter table, every condition decided for one packet."""
    rules: dict[str, list[FilterRule]] = {}
    policies: dict[str, tuple[Target, Place]] = {}
    table = "filter"
    for number, raw in lines:
        line = raw.strip()
        if line.startswith("*"):
            table = line[1:]
        if table != "filter":
            continue
        place = Place(file=file, line=number, text=line[:200])
        if line.startswith(":"):
            name, _, policy = line[1:].partition(" ")
            rules.setdefault(name, [])
            word = policy.split(" ")[0]
            if word in _TARGETS:
                policies[name] = (_TARGETS[word], place)
        elif line.startswith("-A "):
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


def _rule(line: str, place: Place, packet: Packet) -> tuple[str, FilterRule] | None:
    try:
        words = shellwords.split(line)
    except ValueError:
        return None
    if len(words) < 4:
        return None
    verdict, target, chain, goto = True, Target.GO_ON, "", False
    unknown, negated = False, False
    index = 2
    while index < len(words):
        word = words[index]
        value = words[index + 1] if index + 1 < len(words) else ""
        if word == "!":
            negated = True
            index += 1
            continue
        if word in ("-j", "--jump", "-g", "--goto"):
            target, chain, goto = _target(value, word)
            if value == "REJECT":
                break
            index += 2
            continue
        found = True if word in ("-m", "--match") else _condition(word, value, packet)
        if negated:
            found = None if found is None else not found
        negated = False
        if found is None:
            unknown = True
        verdict = verdict and found is not False
        index += 1 if word in _FLAGS or value.startswith("-") else 2
    matches = False if not verdict else (None if unknown else True)
    return words[1], FilterRule(matches=matches, target=target, chain=chain, goto=goto, place=place)


def _target(value: str, word: str) -> tuple[Target, str, bool]:
    if value in _TARGETS:
        return _TARGETS[value], "", False
    if value in _GO_ON:
        return Target.GO_ON, "", False
    return Target.JUMP, value, word in ("-g", "--goto")


def _condition(word: str, value: str, packet: Packet) -> bool | None:
    """Whether one option matches the packet."""
    if word in ("-p", "--protocol"):
        return value in (packet.protocol, "all", "0", "6" if packet.protocol == "tcp" else "17")
    if word in ("--dport", "--destination-port", "--dports", "--destination-ports"):
        return _port(value, packet.destination_port)
    if word in ("--sport", "--source-port", "--sports", "--source-ports"):
        return _port(value, packet.source_port)
    if word in ("--state", "--ctstate"):
        return packet.state in value.lower().split(",")
    if word in ("-s", "--source", "-d", "--destination"):
        return True if value in _ANY else None
    if word in ("-o", "--out-interface", "-i", "--in-interface"):
        # The way out is any interface but the loopback; which of the others, no file tells.
        return False if value in ("lo", "lo+") else None
    if word == "--syn":
        return packet.outgoing
    if word in ("--comment", "--limit", "--limit-burst", "--log-prefix", "--log-level", "--tcp-flags"):
        return True if word != "--limit" else None
    return None


def _port(value: str, port: int | None) -> bool | None:
    """``443``, ``1:1024``, ``80,443``, ``https``; None where the packet leaves the port open."""
    if port is None:
        return None
    named = {"https": 443, "domain": 53, "http": 80, "ssh": 22}
    for part in value.split(","):
        low, colon, high = part.partition(":")
        first = named.get(low, _number(low, 0 if colon and not low else -1))
        last = _number(high, 65535) if colon else first
        if first < 0:
            return None
        if first <= port <= last:
            return True
    return False


def _number(word: str, otherwise: int) -> int:
    """A number of at most five digits; Python refuses to read very long ones."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 5 else otherwise
