"""The filters that templates have; each takes validated text and gives validated text back.

Jinja's own filters are taken away: they return plain strings, which no template can print.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from netprobe.cells import plain
from netprobe.render import text
from netprobe.render.model import Comment
from netprobe.render.text import Text


def only_validated(value: object) -> object:
    """Jinja's ``finalize``: whatever is printed must be a number or validated text."""
    if isinstance(value, Text) or type(value) is int:
        return value
    raise TypeError(f"a template tried to print a {type(value).__name__} that was never validated")


def _validated(value: object) -> Text:
    if isinstance(value, Text):
        return value
    raise TypeError(f"a filter was given a {type(value).__name__} that was never validated")


def comment(lines: object, *, style: Comment) -> Text:
    """Put every line behind the mark of the target's language, so that none of it is ever read as a rule."""
    if style is Comment.NONE:
        raise TypeError("this target's language has no comments")
    several = (lines,) if isinstance(lines, str) else lines
    if not isinstance(several, Iterable):
        raise TypeError("a comment consists of lines")
    checked = (text.line(_validated(one)) for one in several)
    if style is Comment.XML:
        # XML 1.0 section 2.5: no double hyphen inside a comment, and no hyphen at its end.
        return Text("\n".join(f"<!-- {one.replace('--', '- -').rstrip('-')} -->" for one in checked))
    return Text("\n".join(f"{style.value}{one}".rstrip() for one in checked))


def _json(value: object) -> Text:
    """A JSON string, which is a YAML and a JavaScript string as well."""
    encoded = json.dumps(_plain(value), ensure_ascii=True)
    return Text(encoded.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _plain(value: object) -> object:
    """Validated text, numbers, and collections of them, for ``json``."""
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(_validated(value))


def _quoted(value: object) -> str:
    """A quoted string in the escapes that HCL and YAML share.

    Both know fewer than JSON and join no surrogates, so every unusual character is written by its number.
    """
    return '"' + "".join(_ESCAPES.get(one) or _numbered(one) for one in str(_validated(value))) + '"'


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _numbered(character: str) -> str:
    if " " <= character <= "~":
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _hcl(value: object) -> Text:
    """A quoted HCL string without a template sequence (HCL native syntax, quoted templates)."""
    return Text(_quoted(value).replace("${", "$${").replace("%{", "%%{"))


def _task(value: object) -> Text:
    """A string in a task of Ansible: YAML's, and where Jinja would read an expression in it, marked ``!unsafe``.

    Ansible fills every string of a task as a template; a tagged one stays what it is (Ansible user guide, advanced
    playbook syntax, read 2026-11-29).
    """
    mark = "!unsafe " if any(sign in str(value) for sign in _JINJA) else ""
    return Text(mark + _quoted(value))


_JINJA = ("{{", "{%", "{#", "\r")
"""What begins an expression, a statement or a comment, and the line ending that Jinja changes."""


def _xml(value: object) -> Text:
    """Text inside an XML element or attribute."""
    safe = str(_validated(value))
    for raw, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&apos;")):
        safe = safe.replace(raw, entity)
    return Text(safe)


def _csv(value: object) -> Text:
    """A quoted CSV field (RFC 4180) that no spreadsheet takes for a formula: an apostrophe marks it as text."""
    field = str(_validated(value)).lstrip()
    return Text('"' + plain(field).replace('"', '""') + '"')


def _doubled(value: object) -> Text:
    r"""Every backslash twice, for languages that read ``\\`` as one (CLI strings, quoted strings)."""
    return Text(_validated(value).replace("\\", "\\\\"))


def _starred(value: object, sign: str) -> Text:
    """The pattern with the device's own sign for one word in the place of the asterisk."""
    if sign not in ("^",):
        raise TypeError("a template asked for a wildcard that no device has")
    return Text(_validated(value).replace("*", sign))


def _joined(values: Iterable[object], separator: str) -> Text:
    """The values, or their names, with a separator that the template gives."""
    return Text(separator.join(str(v) if type(v) is int else _validated(getattr(v, "name", v)) for v in values))


FILTERS: dict[str, Callable[..., object]] = {
    "csv": _csv,
    "json": _json,
    "hcl": _hcl,
    "task": _task,
    "xml": _xml,
    "doubled": _doubled,
    "joined": _joined,
    "starred": _starred,
    "length": len,
}
