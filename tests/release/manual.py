"""Man pages made from the command tree, one a command (man-pages(7), groff_man(7)), so that they never disagree."""

from __future__ import annotations

import datetime
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netprobe import __version__
from netprobe.cli.commands import COMMANDS
from netprobe.cli.main import application
from tests.release import parts

_EXIT_CODES = (
    ("0", "ready, or degraded (warnings only)"),
    ("1", "not ready: a required endpoint or gate failed; with --strict warnings too"),
    ("2", "the request is wrong"),
    ("3", "a bug in netprobe; the traceback is in the file that it names"),
    ("4", "inconclusive: nothing required failed, but something required could not be run"),
    ("130", "interrupted; what was seen so far is reported"),
)
_FILES = (
    ("/etc/netprobe/netprobe.toml", "options for every run by a unit"),
    ("./netprobe.toml", "options, read where it is"),
)


def write(folder: Path) -> list[Path]:
    """Write every page, gzipped as Debian wants it, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in pages():
        target = folder / f"{name}.1.gz"
        target.write_bytes(gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0))
        written.append(target)
    return written


def pages() -> Iterator[tuple[str, str]]:
    """The pages: ``netprobe`` and one for every command (and command of a command)."""
    root = application()
    yield "netprobe", _overview(root)
    for name in COMMANDS:
        command = root.get_command(None, name)
        inner = getattr(command, "commands", None) or {}
        yield f"netprobe-{name}", _page(f"netprobe {name}", COMMANDS[name].summary, command)
        for sub in inner.values():
            yield f"netprobe-{name}-{sub.name}", _page(f"netprobe {name} {sub.name}", _first(sub.help), sub)


def _overview(root: Any) -> str:
    lines = _head("netprobe", "tell whether this server will work with Amazon ECS Anywhere")
    lines += [".SH SYNOPSIS", ".B netprobe", r"\fICOMMAND\fR [\fIOPTION\fR]...", ".SH DESCRIPTION", _escape(root.help)]
    lines += [".PP", _escape(root.epilog), ".SH COMMANDS"]
    for name, command in COMMANDS.items():
        lines += [".TP", rf"\fBnetprobe\-{_escape(name)}\fR(1)", _escape(command.summary)]
    return _end(lines)


def _page(title: str, summary: str, command: Any) -> str:
    lines = _head(title.replace(" ", "-"), summary[:1].lower() + summary[1:].rstrip("."))
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    synopsis = " ".join(rf"\fI{_escape(p.metavar or p.name.upper())}\fR" for p in arguments)
    lines += [".SH SYNOPSIS", f".B {_escape(title)}", r"[\fIOPTION\fR]... " + synopsis, ".SH DESCRIPTION"]
    for paragraph in (command.help or "").split("\n\n"):
        lines += [".PP", _escape(" ".join(paragraph.split()))]
    documented = [p for p in arguments if getattr(p, "help", None)]
    if documented:
        lines.append(".SH ARGUMENTS")
    for parameter in documented:
        lines += [".TP", rf"\fI{_escape(parameter.metavar or parameter.name.upper())}\fR", _escape(parameter.help)]
    lines.append(".SH OPTIONS")
    for parameter in options:
        names = ", ".join(rf"\fB{_escape(name)}\fR" for name in sorted(parameter.opts, key=len))
        value = "" if parameter.is_flag else rf" \fI{_escape(parameter.metavar or 'VALUE')}\fR"
        lines += [".TP", names + value, _escape(parameter.help or "")]
    return _end(lines)


def _head(name: str, summary: str) -> list[str]:
    day = datetime.datetime.fromtimestamp(parts.epoch(), datetime.UTC).date().isoformat()
    heading = f'.TH {_escape(name.upper())} 1 "{day}" "netprobe {__version__}" "User Commands"'
    return [heading, ".SH NAME", rf"{_escape(name)} \- {_escape(summary)}"]


def _end(lines: list[str]) -> str:
    for title, table in (("EXIT STATUS", _EXIT_CODES), ("FILES", _FILES)):
        lines.append(f".SH {title}")
        for term, meaning in table:
            lines += [".TP", rf"\fB{_escape(term)}\fR", _escape(meaning)]
    lines += [".SH SEE ALSO", r"\fBnetprobe explain\fR tells of every finding, endpoint and target."]
    return "\n".join(lines) + "\n"


def _first(text: str | None) -> str:
    return (text or "").strip().split("\n")[0]


def _escape(text: str) -> str:
    """Text as text: no line may begin with a request, and hyphens stay what people type."""
    escaped = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq")
    plain = "".join(c if c.isascii() else rf"\[u{ord(c):04X}]" for c in escaped)
    return rf"\&{plain}" if plain[:1] in (".", "'") else plain
