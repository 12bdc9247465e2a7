"""Readers of HAProxy lists and ACLs, nginx maps, tinyproxy filters and Privoxy actions: what each admits by name."""

from __future__ import annotations

import re
from collections.abc import Callable

from netprobe.render.model import Form
from netprobe.render.readers.base import (
    MAX_RULES,
    Collected,
    Comments,
    Configuration,
    ReadRule,
    code_lines,
    expression,
    first_notes,
    matching,
    numbered_lines,
    ports_of,
)

_HAPROXY = re.compile(
    r"acl\s+\S+\s+req[._]ssl_sni(?:,lower)?((?:\s+-[a-z]+(?:\s+(?:str|end|reg|dom|beg|sub))?)*)\s+(.+)$"
)
_NGINX = re.compile(r'"?(~\*?|~)?([^"\s;{}]+)"?\s+[^;{}]+;')


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
            _add(rules, unread, number, f"{value[:200]} in {line[:100]}", _by_match(form and form.group(1), value))
    return _made(rules, unread)


def nginx(text: str) -> Configuration:
    """Entries of a map of ``$ssl_preread_server_name``: names, ``*.name``, ``.name`` and expressions."""
    rules: list[ReadRule] = []
    unread: list[str] = []
    for number, line in code_lines(text, Comments.HASH_APART):
        found = _NGINX.fullmatch(line)
        if found is None or found.group(2) in ("default", "hostnames", "volatile") or "." not in found.group(2):
            continue
        mark, value = found.groups()
        if mark:
            matches = expression(value, re.IGNORECASE if mark == "~*" else re.NOFLAG)
        elif value.startswith("*."):
            matches = matching(Form.SUFFIX, value[2:])
        else:
            matches = matching(Form.SUBTREE, value[1:]) if value.startswith(".") else matching(Form.EXACT, value)
        _add(rules, unread, number, line, matches)
    return _made(rules, unread)


def tinyproxy(text: str) -> Configuration:
    """A filter of expressions, one a line, of what is allowed (``FilterDefaultDeny Yes``)."""
    rules: list[ReadRule] = []
    unread: list[str] = []
    for number, line in code_lines(text, Comments.HASH):
        if "." in line and not re.match(r"[A-Z][A-Za-z]+\s", line):
            _add(rules, unread, number, line, expression(line, re.IGNORECASE))
    return _made(rules, unread)


def privoxy(text: str) -> Configuration:
    """Patterns beneath ``{ -block }``: names, and globs whose asterisk stays in its label and may stand for nothing."""
    rules: list[ReadRule] = []
    unread: list[str] = []
    open_ = False
    for number, line in code_lines(text, Comments.HASH):
        if line.startswith("{"):
            open_ = "-block" in line
        elif open_:
            host = re.split(r"[:/]", line, maxsplit=1)[0]
            form = Form.SUBTREE if host.startswith(".") else Form.GLOB
            _add(rules, unread, number, line, matching(form, host.lstrip("."), empty_star=True))
    return _made(rules, unread)


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


def _by_match(kind: str | None, value: str) -> Callable[[str], bool] | None:
    match kind:
        case None | "str":
            return matching(Form.EXACT, value)
        case "end":
            return matching(Form.SUFFIX, value[1:]) if value.startswith(".") else None
        case "dom":
            return matching(Form.SUBTREE, value)
        case "reg":
            return expression(value, re.IGNORECASE)
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
