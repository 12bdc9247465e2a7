"""The path as a small picture for a terminal, never wider than it. Pure; every foreign word is escaped."""

from __future__ import annotations

import unicodedata

from netprobe.errors import printable
from netprobe.findings import Certainty
from netprobe.naming import in_words
from netprobe.path.judge import hops
from netprobe.path.model import DestinationPath, End, PathReport

_LINE = " ── "
_SAID = {
    End.RESET: "connection reset",
    End.SILENT: "no answer",
    End.CLOSED: "connection closed",
}


def text(report: PathReport, *, width: int = 80) -> str:
    """Draw every destination; what was not run comes last, one line each, and from where it was looked.

    Args:
        report: what was found.
        width: the columns that may be used.
    """
    lines: list[str] = []
    for destination in report.targets:
        lines += [*_destination(destination, width), ""]
    for one in report.not_run:
        lines += _wrapped(f"not run: {one.part}: {one.reason}; needs {one.needs}".split(" "), " ", "", "  ", width)
    for note in report.notes:
        lines += _wrapped(f"note: {note}".split(" "), " ", "", "  ", width)
    whence = in_words(report.host)
    if whence:
        told = f"looked from {printable(whence, 600)}, {report.started_at}, by netprobe {report.netprobe_version}"
        lines += _wrapped(told.split(" "), " ", "", "  ", width)
    return "\n".join(lines).rstrip("\n") + "\n"


def _destination(destination: DestinationPath, width: int) -> list[str]:
    address = f"[{destination.address}]" if ":" in destination.address else destination.address
    name = "" if destination.host == destination.address else f"{printable(destination.host)}  "
    lines = _wrapped(f"{name}{address}:{destination.port}/{destination.protocol}".split(" "), " ", "", "  ", width)
    lines += _wrapped(_stations(destination), _LINE, "  ", "    ", width)
    doubt = (
        " (suspected)"
        if destination.location is not None and destination.location.certainty is Certainty.SUSPECTED
        else ""
    )
    lines += _wrapped(f"{printable(destination.summary, 600)}{doubt}".split(" "), " ", "  ", "  ", width)
    return lines


def _stations(destination: DestinationPath) -> list[str]:
    """``host``, the hops, and ✗ where it breaks or ✓ where it does not."""
    known = hops([*destination.flows, destination.control])
    location = destination.location
    if location is None:
        last = max(known, default=0)
        mark = "✓" if destination.passes() else "?"
        return ["host", *_between(known, last), f"{mark} {destination.address}"]
    said = f'"{_said(destination)}"'
    if location.hop == 0:
        return [f"✗ host {said}"]
    if location.hop is None:
        return ["host", *_between(known, max(known, default=0)), f"✗ {location.address} {said}"]
    mark = "✗" if location.certainty is Certainty.PROVEN or not location.address else "✗?"
    return ["host", *_between(known, location.hop - 1), f"{mark} {printable(location.address or '*')} {said}"]


def _said(destination: DestinationPath) -> str:
    if destination.icmp is not None:
        return printable(destination.icmp.meaning)
    if destination.end is not End.ANSWERED:
        return _SAID.get(destination.end, destination.end.value)
    blocked = next((h for h in destination.hello if not h.control), None)
    if blocked is not None and blocked.end is not End.ANSWERED:
        return f"{_SAID.get(blocked.end, blocked.end.value)} after ClientHello"
    if destination.mtu is not None:
        return f"packets over {destination.mtu.path_mtu} bytes" if destination.mtu.path_mtu else "large packets"
    return destination.end.value


def _between(known: dict[int, tuple[str, ...]], last: int) -> list[str]:
    """The stations up to hop ``last``; an asterisk for a silent one."""
    return ["|".join(known.get(ttl, ("*",))) for ttl in range(1, last + 1)]


def _columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def _wrapped(parts: list[str], joint: str, first: str, rest: str, width: int) -> list[str]:
    """Join ``parts`` and break between them where the line would grow too wide; cut a part that is wider alone."""
    lines = []
    line = first
    empty = True
    for part in parts:
        addition = part if empty else joint + part
        if not empty and _columns(line + addition) > width:
            lines.append(line + (joint.rstrip() if joint.strip() else ""))
            line, addition = rest, part
        line += addition
        empty = False
        while _columns(line) > width:
            lines.append(line[:width])
            line = rest + line[width:]
    return [*lines, line]
