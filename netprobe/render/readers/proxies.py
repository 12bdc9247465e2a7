"""Readers of HAProxy lists and ACLs, nginx maps, tinyproxy filters and Privoxy actions: what each admits by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from netprobe.render.model import Form
from netprobe.render.readers import haproxy_rules
from netprobe.render.readers.base import (
    MAX_RULES,
    Collected,
    Comments,
    Configuration,
    ReadRule,
    RulePorts,
    code_lines,
    everything,
    expression,
    first_notes,
    matching,
    numbered_lines,
    ports_of,
)

_HAPROXY = re.compile(
    r"acl\s+\S+\s+req[._]ssl_sni(?:,lower)?((?:\s+-[a-z]+(?:\s+(?:str|end|reg|dom|beg|sub))?)*)\s+(.+)$"
)
_NGINX = re.compile(r'"?(~\*?|~)?([^"\s;{}]+)"?\s+([^;{}]+);')
_NGINX_MAP = re.compile(r"\bmap\s+(\S+)\s+\S+\s*\{")


def haproxy(text: str) -> Configuration:
    """``acl … req.ssl_sni`` lines (``req_ssl_sni`` is its old name), and bare lists of names and expressions."""
    rules: list[ReadRule] = []
    unread: list[str] = []
    for number, line in code_lines(text, Comments.HASH):
        found = _HAPROXY.match(line)
        if found is None:
            if re.fullmatch(r"[\^A-Za-z0-9.][^\s]*", line) and "." in line:
                _add(rules, unread, number, line, _pattern(line))
            continue
        flags, values = found.groups()
        for value in values.split():
            if value.startswith("/") or " -f" in flags or flags.strip().endswith("-f"):
                unread.append(f"line {number}: the list {value} is in another file")
                continue
            form = re.search(r"-m\s+(\w+)", flags)
            kind = form.group(1) if form else "str"
            _add(rules, unread, number, f"{value[:200]} in {line[:100]}", _by_match(flags, kind, value))
    found_rules = _made(rules, unread)
    decision = haproxy_rules.decision(text, _by_match)
    if decision is None:
        return found_rules

    def decides(probe: str, port: int) -> bool | None:
        # What no ACL names is not counted, though a frontend may let it through.
        return found_rules.admits(probe, port) and decision(probe, port)

    return replace(found_rules, decides=decides)


def nginx(text: str) -> Configuration:
    """Entries of a map of ``$ssl_preread_server_name``: names, ``*.name``, ``.name`` and expressions.

    A name itself goes before the longest ``*.name`` that fits, which goes before the expressions in their order
    (ngx_stream_map_module); an empty value leads nowhere. Entries that stand in no map are those of one.
    """
    rules: list[ReadRule] = []
    unread: list[str] = []
    maps: list[_NginxMap] = []
    open_: _NginxMap | None = None
    lines = list(code_lines(text, Comments.HASH_APART))
    bare = not any(_NGINX_MAP.search(line) for _, line in lines)
    inside = bare
    for number, line in lines:
        if begun := _NGINX_MAP.search(line):
            inside, open_ = begun.group(1) == "$ssl_preread_server_name", None
        if line.startswith("hostnames") and open_ is None and inside:
            maps.append(open_ := _NginxMap())
            open_.hostnames = True
        found = _NGINX.fullmatch(line) if inside else None
        if line.startswith("}"):
            inside = bare
        if found is None or found.group(2) in ("default", "hostnames", "volatile"):
            continue
        mark, name, value = found.groups()
        if not mark and "." not in name:
            continue
        if open_ is None:
            maps.append(open_ := _NginxMap())
            open_.hostnames = bare
        matches = open_.add(mark, name, leads=value.strip("\"'") != "")
        if value.strip("\"'") or matches is None:
            _add(rules, unread, number, line, matches)
    return replace(_made(rules, unread), decides=lambda probe, _: any(one.leads(probe) for one in maps))


@dataclass(slots=True)
class _NginxMap:
    """A map while it is read: of each entry, whether its value leads anywhere."""

    hostnames: bool = False
    names: dict[str, bool] = field(default_factory=dict)
    suffixes: dict[str, bool] = field(default_factory=dict)
    expressions: list[tuple[Callable[[str], bool], bool]] = field(default_factory=list)

    def add(self, mark: str | None, name: str, *, leads: bool) -> Callable[[str], bool] | None:
        """Take an entry in; what it matches, or None where it cannot be read."""
        lowered = name.lower()
        if mark:
            matches = expression(name, re.IGNORECASE if mark == "~*" else re.NOFLAG)
            if matches is not None:
                self.expressions.append((matches, leads))
            return matches
        if not name.startswith((".", "*.")):
            self.names.setdefault(lowered, leads)
            return matching(Form.EXACT, name)
        if not self.hostnames:  # without the word such an entry is a name like any other, and nobody's
            return lambda _: False
        self.suffixes.setdefault(lowered.lstrip("*").lstrip("."), leads)
        if name.startswith("*."):
            return matching(Form.SUFFIX, name[2:])
        self.names.setdefault(lowered[1:], leads)
        return matching(Form.SUBTREE, name[1:])

    def leads(self, name: str) -> bool:
        """Whether a name is led anywhere."""
        if name in self.names:
            return self.names[name]
        parent = name
        while "." in parent:
            parent = parent.partition(".")[2]
            if parent in self.suffixes:
                return self.suffixes[parent]
        return next((leads for matches, leads in self.expressions if matches(name)), False)


def tinyproxy(text: str) -> Configuration:
    """A filter of expressions, one a line, of what is allowed (``FilterDefaultDeny Yes``)."""
    rules: list[ReadRule] = []
    unread: list[str] = []
    for number, line in code_lines(text, Comments.HASH):
        if "." in line and not re.match(r"[A-Z][A-Za-z]+\s", line):
            _add(rules, unread, number, line, expression(line, re.IGNORECASE))
    return _made(rules, unread)


def privoxy(text: str) -> Configuration:
    """Patterns beneath ``{ -block }``: names, and globs whose asterisk stays in its label and may stand for nothing.

    The last section that fits decides (Privoxy's user manual, "Actions Files"). A pattern with a path fits no CONNECT.
    """
    rules: list[ReadRule] = []
    unread: list[str] = []
    read: list[tuple[Callable[[str], bool], RulePorts, bool]] = []
    opens, blocks = False, False
    for number, line in code_lines(text, Comments.HASH):
        if line.startswith("{"):
            opens, blocks = "-block" in line, "+block" in line
            continue
        if not (opens or blocks):
            continue
        host, port, path = _privoxy_parts(line)
        if path.strip("/"):
            continue
        ports = ports_of(port)
        form = Form.SUBTREE if host.startswith(".") else Form.GLOB
        matches = matching(form, host.lstrip("."), empty_star=True) if host else everything
        if opens:
            if matches is None:
                unread.append(f"line {number}: {line[:160]} cannot be read")
            elif len(rules) < MAX_RULES:
                rules.append(ReadRule(text=line[:400], line=number, ports=ports, matches=matches))
        if matches is not None:
            read.append((matches, ports, opens))

    def decides(probe: str, port: int) -> bool:
        fitting = (opens for matches, ports, opens in reversed(read) if port in ports and matches(probe))
        return next(fitting, False)

    return replace(_made(rules, unread), decides=decides)


def _privoxy_parts(pattern: str) -> tuple[str, str, str]:
    """Host, port and path of a pattern."""
    place, _, path = pattern.partition("/")
    host, _, port = place.partition(":")
    return host, port, path


_PAC_NAME = re.compile(r'\["(\d{1,5})", "([A-Za-z0-9.-]+)"\],?$')
_PAC_PATTERN = re.compile(r'\["(\d{1,5})", /(.+)/\],?$')


def pac(text: str) -> Configuration:
    """The two lists of a PAC file that netprobe wrote; any other is a program, which only a browser can judge."""
    found = Collected()
    read = False
    for number, line in numbered_lines(text):
        if name := _PAC_NAME.match(line):
            read = True
            found.name(line, matching(Form.EXACT, name.group(2)), line=number, ports=ports_of(name.group(1)))
        elif pattern := _PAC_PATTERN.match(line):
            read = True
            found.name(line, expression(pattern.group(2), re.IGNORECASE), line=number, ports=ports_of(pattern.group(1)))
    if text.strip() and not read:
        found.unread("a PAC file is a program: what it admits")
    return found.made()


def _pattern(line: str) -> Callable[[str], bool] | None:
    return expression(line, re.IGNORECASE) if line.startswith("^") else matching(Form.EXACT, line)


def _by_match(flags: str, kind: str, value: str) -> Callable[[str], bool] | None:
    """What a value of an ACL of the server name matches; without ``-i`` one in capitals fits no name that hosts say."""
    ignore_case = "-i" in flags.split()
    if not ignore_case and kind != "reg" and value != value.lower():
        return lambda _: False
    match kind:
        case "str":
            return matching(Form.EXACT, value)
        case "end":
            return matching(Form.SUFFIX, value[1:]) if value.startswith(".") else None
        case "dom":
            return matching(Form.SUBTREE, value)
        case "reg":
            return expression(value, re.IGNORECASE if ignore_case else re.NOFLAG)
    return None


def _add(
    rules: list[ReadRule], unread: list[str], number: int, text: str, matches: Callable[[str], bool] | None
) -> None:
    if matches is None:
        unread.append(f"line {number}: {text[:160]} cannot be read")
    elif len(rules) < MAX_RULES:
        rules.append(ReadRule(text=text[:400], line=number, matches=matches))


def _made(rules: list[ReadRule], unread: list[str]) -> Configuration:
    return Configuration(rules=tuple(rules), by_address=False, unread=first_notes(unread))
