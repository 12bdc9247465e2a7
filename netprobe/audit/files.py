"""Feed files to the judge: logs line by line, captures through ``netprobe.observe``.

Files that teach which name an address has (DNS logs) are read first, whatever the order given, so that a firewall's
log of bare addresses can be understood.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from netprobe.audit import lines
from netprobe.audit.formats import FORMATS, Format, parser
from netprobe.audit.judge import Judge
from netprobe.audit.model import Event, Source, Verdict
from netprobe.errors import UnreadableFileError, UsageError
from netprobe.observe import capture
from netprobe.observe.learn import Observer
from netprobe.observe.matching import Matcher
from netprobe.observe.model import Use

CAPTURE = "capture"
_TEACHES = frozenset({"dnsmasq", CAPTURE})


def feed(paths: Sequence[Path], judge: Judge, *, log_format: str | None = None) -> tuple[Source, ...]:
    """Read every file.

    Args:
        paths: captures and logs.
        judge: takes what they say.
        log_format: the format of all logs; None to tell it from their first lines.

    Raises:
        UsageError: an unknown format, or a file that cannot be read or understood.
    """
    if log_format is not None and log_format not in (*FORMATS, CAPTURE):
        raise UsageError(log_format, "is not a log format", f"choose one of {', '.join((*FORMATS, CAPTURE))}")
    for path in paths:
        _require_file(path)
    kinds = {path: log_format or _kind(path) for path in dict.fromkeys(paths)}
    order = sorted(kinds, key=lambda path: kinds[path] not in _TEACHES)
    sources = {path: _feed(path, kinds[path], judge) for path in order}
    return tuple(sources[path] for path in kinds)


def _require_file(path: Path) -> None:
    """Refuse a pipe or a device before it is opened: it may never end, and its beginning is looked at twice."""
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "a pipe or a device"
        raise UnreadableFileError(str(path), f"is {kind}, not a file", "save it to a file first, and name that")


def _feed(path: Path, kind: str, judge: Judge) -> Source:
    return _capture(path, judge) if kind == CAPTURE else _log(path, FORMATS[kind], judge)


def _kind(path: Path) -> str:
    """Whether it is a capture, and if not, which log."""
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise UnreadableFileError(str(path), f"cannot be read ({error.strerror})", "name a readable file") from error
    if start[:2] == b"\x1f\x8b":
        try:
            next(capture.read(path, capture.Tally()), None)
        except UnreadableFileError:
            return lines.format_of(path).NAME
        return CAPTURE
    return CAPTURE if capture.is_capture(start) else lines.format_of(path).NAME


def _log(path: Path, one: Format, judge: Judge) -> Source:
    malformed: Counter[str] = Counter()
    count = events = 0
    complete = True
    parse = parser(one)
    try:
        for line in lines.read(path, malformed):
            count += 1
            if not line.strip():
                continue
            try:
                found = parse(line)
            except ValueError as error:
                malformed[str(error)[:100]] += 1
                continue
            for event in found:
                events += 1
                judge.take(event)
    except lines.Damaged:
        malformed["gzip stream is damaged"] += 1
        complete = False
    return Source(
        path=str(path), format=one.NAME, lines=count, events=events, malformed=dict(malformed), complete=complete
    )


def _capture(path: Path, judge: Judge) -> Source:
    observer = Observer()
    for packet in capture.read(path, observer.tally):
        observer.feed(packet)
    observed = observer.result(str(path), Matcher(()))
    uses = (*observed.unexplained, *observed.bare_addresses)
    for use in uses:
        for event in _events(use):
            judge.take(event)
    for question in observed.questions:
        for rcode, times in question.failures.items():
            judge.take(Event(_of_rcode(rcode), question.host, rule=f"DNS {rcode}", times=times, layer="dns"))
    return Source(
        path=str(path),
        format=CAPTURE,
        lines=observed.packets,
        events=len(uses) + len(observed.questions),
        malformed=observed.malformed,
        complete=observed.complete,
    )


def _of_rcode(rcode: str) -> Verdict:
    return Verdict.DENIED if rcode in ("NXDOMAIN", "REFUSED") else Verdict.UNKNOWN


def _events(use: Use) -> list[Event]:
    """Connections that were answered count as allowed; silence and resets as denied, since nobody else says so."""
    base = Event(
        Verdict.ALLOWED, use.host, port=use.port, client=", ".join(use.local_addresses[:3]), time=use.last_seconds
    )
    passed = use.connections - use.resets - use.timeouts
    found = [
        base._replace(verdict=Verdict.DENIED, rule=rule, times=times, time=None)
        for rule, times in (("reset", use.resets), ("no answer", use.timeouts))
        if times
    ]
    return [*found, base._replace(times=passed)] if passed > 0 else found
