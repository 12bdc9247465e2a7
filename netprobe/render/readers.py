"""Readers of configurations, for ``--compare``: Squid, iptables-save (with ipset save), nft, PAN-OS set, lists.

They understand what such files usually hold, and say in a note what they left out; a rule that depends on anything else
than name, address and port (source, time, user) is taken as if that condition held. Expressions come from a file that
somebody else wrote: only plain ones are tried, because others can make a matcher run for hours.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from netprobe.errors import InvalidHostnameError
from netprobe.hostnames import Hostname, HostPattern
from netprobe.render.model import Claim, Form

MAX_RULES = 200_000
MAX_SETS = 1000
_REGEX = re.compile(
    r"\^?(?:\\[.\-/]|[A-Za-z0-9_-]|\.(?:\*|\+)?|\[\^?[A-Za-z0-9_.\\-]+\](?:\*|\+|\?|\{\d{1,2}(?:,\d{1,2})?\})?)*\$?"
)
"""Literals, classes, simple repetitions: no groups, so that nothing repeats a repetition."""
_MOST_STARS = 3


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


def _claim(form: Form, value: str) -> Callable[[str], bool] | None:
    """A predicate, or None where the value is no name."""
    try:
        parsed = HostPattern.parse(value).pattern
    except InvalidHostnameError:
        return None
    return Claim(form=form, value=parsed).admits


def _network(value: str) -> Callable[[str], bool] | None:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None
    return lambda probe: ipaddress.ip_address(probe) in network


def _expression(value: str, flags: re.RegexFlag) -> Callable[[str], bool] | None:
    if len(value) > 300 or not _REGEX.fullmatch(value) or len(re.findall(r"[*+{]", value)) > _MOST_STARS:
        return None
    found = re.compile(value, flags)
    return lambda probe: found.search(probe) is not None


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, line.strip()


def plain(text: str) -> Configuration:
    """A list: a name, ``*.name`` (beneath it), ``.name`` (it and beneath it), a pattern or a network a line."""
    rules, notes = [], []
    for number, line in _numbered(text):
        word = re.split(r"[\s#;,]", line, maxsplit=1)[0].rstrip("/")
        if not word:
            continue
        matches = _network(word) or _listed(word)
        if matches is None:
            notes.append(f"line {number} is neither a name nor a network")
            continue
        rules.append(Rule(text=line, line=number, matches=matches))
    by_address = bool(rules) and all(_network(re.split(r"[\s#;,]", r.text, maxsplit=1)[0]) is not None for r in rules)
    return Configuration(rules=tuple(rules[:MAX_RULES]), by_address=by_address, notes=_few(notes))


def _listed(word: str) -> Callable[[str], bool] | None:
    if word.startswith("*."):
        return _claim(Form.SUFFIX, word[2:])
    if word.startswith("."):
        return _claim(Form.SUBTREE, word[1:])
    return _claim(Form.GLOB if "*" in word else Form.EXACT, word)


def panos(text: str) -> Configuration:
    """PAN-OS ``set … custom-url-category NAME list …`` (one entry, or several in brackets)."""
    rules, notes = [], []
    for number, line in _numbered(text):
        found = re.search(r"\bcustom-url-category\s+\S+\s+list\s+(.+)$", line)
        if not found or not line.startswith("set "):
            continue
        for entry in found.group(1).strip("[] ").split():
            matches = _panos_entry(entry.strip('"'))
            if matches is None:
                notes.append(f"line {number}: {entry} cannot be judged")
            else:
                rules.append(Rule(text=f"{entry} in {line}"[:400], line=number, matches=matches))
    return Configuration(rules=tuple(rules[:MAX_RULES]), by_address=False, notes=_few(notes))


def _panos_entry(entry: str) -> Callable[[str], bool] | None:
    """Tokens between dots: ``^`` is one, ``*`` one or more; a path would need decryption, so only ``/`` counts."""
    host, slash, path = entry.partition("/")
    if (slash and path not in ("", "*")) or not re.fullmatch(r"[A-Za-z0-9.^*-]{1,255}", host):
        return None
    labels = host.lower().split(".")
    if any(("*" in label or "^" in label) and len(label) > 1 for label in labels) or labels.count("*") > _MOST_STARS:
        return None
    words = {"^": r"[^.]+", "*": r"[^.]+(?:\.[^.]+)*"}
    found = re.compile(r"\.".join(words.get(label, re.escape(label)) for label in labels))
    return lambda probe: found.fullmatch(probe) is not None


def iptables(text: str) -> Configuration:
    """``iptables-save``, and ``ipset save`` in the same file: ``-d`` networks and sets of rules that ACCEPT."""
    sets: dict[str, list[Callable[[str], bool]]] = {}
    notes: list[str] = []
    for number, line in _numbered(text):
        added = re.match(r"add\s+(\S+)\s+(\S+)", line)
        network = _network(added.group(2)) if added else None
        if added and network is not None:
            sets.setdefault(added.group(1), []).append(network)
        elif added:
            notes.append(f"line {number}: not a network")
    rules = []
    for number, line in _numbered(text):
        if not line.startswith(("-A ", "-I ")) or " -j ACCEPT" not in line:
            continue
        words = _split(line)
        into = _after(words, "--match-set")
        target = _after(words, "-d")
        networks = sets.get(into, []) if into else [n for n in [_network(target)] if n] if target else []
        if into and into not in sets:
            notes.append(f"line {number}: the set {into} is not in the file (add the output of ipset save)")
        if networks and "!" not in words:
            ports = _ports(_after(words, "--dport") or _after(words, "--dports") or "")
            rules.append(Rule(text=line, line=number, ports=ports, matches=_any(networks)))
    return Configuration(rules=tuple(rules[:MAX_RULES]), by_address=True, notes=_few(notes))


def _any(matchers: list[Callable[[str], bool]]) -> Callable[[str], bool]:
    return lambda probe: any(matches(probe) for matches in matchers)


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _after(words: list[str], option: str) -> str | None:
    return next((words[i + 1] for i, word in enumerate(words[:-1]) if word == option), None)


def _ports(text: str) -> frozenset[int]:
    """``443``, ``443,8443``, ``440:445``, ``440-445``; anything else is every port."""
    found: set[int] = set()
    for part in filter(None, re.split(r"[,\s{}]+", text)):
        ends = re.split(r"[:-]", part)
        if not all(end.isdigit() and len(end) <= 5 for end in ends):
            return frozenset()
        found |= set(range(int(ends[0]), int(ends[-1]) + 1))
    return frozenset(found)


def nft(text: str) -> Configuration:
    """``nft list ruleset``: sets, and rules that accept by ``daddr``."""
    sets: dict[str, list[Callable[[str], bool]]] = {}
    for opened in itertools.islice(re.finditer(r"\bset\s+([A-Za-z0-9_.-]+)\s*\{", text), MAX_SETS):
        name, body = opened.group(1), _block(text, opened.end())
        elements = re.search(r"elements\s*=\s*\{([^}]*)\}", body)
        words = re.split(r"[,\s]+", elements.group(1)) if elements else []
        sets[name] = [n for n in map(_network, filter(None, words)) if n]
    rules, notes = [], []
    for number, line in _numbered(text):
        found = re.search(r"\b(?:ip|ip6)\s+daddr\s+(@\S+|\{[^}]*\}|\S+)", line)
        if not found or not re.search(r"\baccept\b", line):
            continue
        where = found.group(1)
        if where.startswith("@"):
            networks = sets.get(where[1:], [])
        else:
            networks = [n for n in map(_network, re.split(r"[{},\s]+", where)) if n]
        if not networks:
            notes.append(f"line {number}: no network could be read")
        ports = re.search(r"\bdport\s+(\{[^}]*\}|\S+)", line)
        rules.append(
            Rule(text=line, line=number, ports=_ports(ports.group(1)) if ports else frozenset(), matches=_any(networks))
        )
    return Configuration(rules=tuple(rules[:MAX_RULES]), by_address=True, notes=_few(notes))


def _block(text: str, start: int) -> str:
    """What stands between a brace, which ends at ``start``, and the one that closes it."""
    depth = 1
    for brace in re.finditer(r"[{}]", text[start:]):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return text[start : start + brace.start()]
    return text[start:]


def squid(text: str) -> Configuration:
    """``acl`` lines that an ``http_access allow`` uses; lists in other files are told, not read."""
    allowed = {
        word.lstrip("!")
        for _, line in _numbered(text)
        if (words := line.split())[:2] == ["http_access", "allow"]
        for word in words[2:]
        if not word.startswith("!")
    }
    ports = {
        words[1]: _ports(",".join(words[3:]))
        for _, line in _numbered(text)
        if (words := line.split())[:1] == ["acl"] and len(words) > 3 and words[2] == "port"
    }
    bound = _ports_by_acl(text, ports)
    rules, notes = [], []
    for number, line in _numbered(text):
        words = [word.strip('"') for word in line.partition(" #")[0].split()]
        if len(words) < 4 or words[0] != "acl" or words[1] not in allowed or words[2] not in _SQUID:
            continue
        flags = [word for word in words[3:] if word.startswith("-")]
        for value in words[3:]:
            if value.startswith("-"):
                continue
            if value.startswith("/"):
                notes.append(f"line {number}: the list {value} is in another file; paste it into this one")
                continue
            matches = _squid_value(words[2], value, ignore_case="-i" in flags)
            if matches is None:
                notes.append(f"line {number}: {value} cannot be judged")
                continue
            rules.append(Rule(text=f"{value} in {line}"[:400], line=number, ports=bound[words[1]], matches=matches))
    return Configuration(rules=tuple(rules[:MAX_RULES]), by_address=False, notes=_few(notes))


_SQUID = {
    "dstdomain": "name",
    "ssl::server_name": "name",
    "dstdom_regex": "regex",
    "ssl::server_name_regex": "regex",
}


def _ports_by_acl(text: str, ports: dict[str, frozenset[int]]) -> dict[str, frozenset[int]]:
    """For each ACL the ports of the ``http_access allow`` lines that name it (empty: every port)."""
    found: dict[str, frozenset[int]] = {}
    everywhere: set[str] = set()
    for _, line in _numbered(text):
        words = line.split()
        if words[:2] != ["http_access", "allow"]:
            continue
        mine = frozenset().union(*(ports[word] for word in words[2:] if word in ports))
        for word in words[2:]:
            if not mine:
                everywhere.add(word)
            found[word] = found.get(word, frozenset()) | mine
    return {name: frozenset() if name in everywhere else mine for name, mine in found.items()}


def _squid_value(kind: str, value: str, *, ignore_case: bool) -> Callable[[str], bool] | None:
    if _SQUID[kind] == "name":
        return _claim(Form.SUBTREE, value[1:]) if value.startswith(".") else _exact(value)
    # Squid lower-cases the host of a CONNECT, and a name in lower case is what we try.
    return _expression(value, re.IGNORECASE if ignore_case else re.NOFLAG)


def _exact(value: str) -> Callable[[str], bool] | None:
    try:
        name = Hostname.parse(value).name
    except InvalidHostnameError:
        return None
    return Claim(form=Form.EXACT, value=name).admits


def _few(notes: list[str]) -> tuple[str, ...]:
    most = 20
    more = (f"and {len(notes) - most} more lines that could not be judged",) if len(notes) > most else ()
    return (*notes[:most], *more)


READERS: dict[str, Callable[[str], Configuration]] = {
    "squid": squid,
    "iptables": iptables,
    "nftables": nft,
    "panos": panos,
    "hosts": plain,
}
