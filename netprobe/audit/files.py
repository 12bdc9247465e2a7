"""Feed files, pipes and stdin to the judge: logs line by line, captures through ``netprobe.observe``.

What teaches which name an address has (captures, DNS logs) is read first, whatever the order given, so that a
firewall's log of bare addresses can be understood. Every input is opened once; only a file, which can be opened again,
is closed between the look at its beginning and the reading.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from netprobe.audit import lines
from netprobe.audit.formats import FORMATS, TEACHES, Format, parser
from netprobe.audit.judge import Judge
from netprobe.audit.mixed import Others
from netprobe.audit.model import Decision, Event, EvidenceFile
from netprobe.errors import UnreadableFileError, UsageError
from netprobe.observe import capture
from netprobe.observe import files as inputs
from netprobe.observe.learn import Observer
from netprobe.observe.matching import Matcher
from netprobe.observe.model import Use

CAPTURE = "capture"
_REMEDY = "name a readable file, a pipe, or - for stdin"
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(slots=True)
class _Input:
    """One input: what it is, and its stream where that cannot be opened again."""

    path: Path
    kind: str
    stream: BinaryIO | None


def feed(paths: Sequence[Path], judge: Judge, *, log_format: str | None = None) -> tuple[EvidenceFile, ...]:
    """Read every input.

    Args:
        paths: captures and logs; ``-`` for stdin.
        judge: takes what they say.
        log_format: the format of all logs; None to tell it from their first lines.

    Raises:
        UsageError: an unknown format, or an input that cannot be read or understood.
    """
    if log_format is not None and log_format not in (*FORMATS, CAPTURE):
        raise UsageError(log_format, "is not a log format", f"choose one of {', '.join((*FORMATS, CAPTURE))}")
    known = [_look(path, log_format) for path in dict.fromkeys(paths)]
    sources: dict[Path, EvidenceFile] = {}
    for one in sorted(known, key=lambda one: one.kind != CAPTURE and one.kind not in TEACHES):
        sources[one.path] = _feed(one, judge)
    return tuple(sources[one.path] for one in known)


def _look(path: Path, log_format: str | None) -> _Input:
    """Open an input and tell what it is."""
    again = inputs.can_be_opened_again(path)
    if again and log_format is not None:
        with inputs.opened(path, _REMEDY):
            return _Input(path, log_format, None)
    stream = inputs.opened(path, _REMEDY)
    try:
        kind, whole = (log_format, inputs.unpacked(stream)[0]) if log_format is not None else _kind(stream, str(path))
    except BaseException:
        stream.close()
        raise
    if again:
        whole.close()
        stream.close()
        return _Input(path, kind, None)
    return _Input(path, kind, whole)


def _kind(stream: BinaryIO, name: str) -> tuple[str, BinaryIO]:
    """What a stream holds, and the stream (unpacked) from its beginning."""
    try:
        unpacked, _packed = inputs.unpacked(stream)
        start = inputs.exactly(unpacked, 4)
        whole = inputs.rewound(start, unpacked)
        if capture.is_capture(start):
            return CAPTURE, whole
        head, whole = lines.beginning(whole)
    except _DAMAGED as error:
        raise UnreadableFileError(name, "is a damaged gzip stream", "unpack it as far as it goes") from error
    except OSError as error:
        raise UnreadableFileError(name, f"cannot be read ({error.strerror})", _REMEDY) from error
    return lines.format_of(head, name).NAME, whole


def _feed(one: _Input, judge: Judge) -> EvidenceFile:
    stream = one.stream if one.stream is not None else inputs.unpacked(inputs.opened(one.path, _REMEDY))[0]
    with stream:
        if one.kind == CAPTURE:
            return _capture(stream, str(one.path), judge)
        return _log(stream, str(one.path), FORMATS[one.kind], judge)


def _log(stream: BinaryIO, name: str, one: Format, judge: Judge) -> EvidenceFile:
    malformed: Counter[str] = Counter()
    count = events = 0
    complete = True
    parse, take, others = parser(one), judge.take, Others(one)
    try:
        for line in lines.read(stream, malformed, name):
            count += 1
            try:
                found = parse(line)
            except ValueError as error:
                found = _of_another(others, line, malformed, str(error))
            else:
                if not found:
                    found = _of_another(others, line, malformed)
            for event in found:
                events += 1
                take(event)
    except _DAMAGED as error:
        malformed[inputs.damage(error)] += 1
        complete = False
    except OSError as error:
        raise UnreadableFileError(name, f"cannot be read ({error.strerror})", _REMEDY) from error
    return EvidenceFile(
        path=name,
        format=one.NAME,
        lines=count,
        events=events,
        malformed=dict(malformed),
        complete=complete,
        other_formats=dict(others.lines),
    )


def _of_another(others: Others, line: str, malformed: Counter[str], problem: str = "") -> tuple[Event, ...]:
    """What a line says to another format, where the file's own gets nothing from it.

    Args:
        others: the other formats.
        line: the line.
        malformed: told what is wrong with it, if no format takes it.
        problem: what the file's own format says of it; empty where it may well be about something else.
    """
    if not line.strip():
        return ()
    try:
        found = others.parse(line)
    except ValueError as error:
        found, problem = None, str(error)
    if found is None and problem:
        malformed[problem[:100]] += 1
    return found or ()


def _capture(stream: BinaryIO, name: str, judge: Judge) -> EvidenceFile:
    observer = Observer()
    for packet in capture.packets(stream, name, observer.tally):
        observer.feed(packet)
    observed = observer.result(name, Matcher(()))
    uses = (*observed.unexplained, *observed.bare_addresses)
    for use in uses:
        for event in _events(use):
            judge.take(event)
        if use.host not in use.remote_addresses and not use.answers:
            for address in use.remote_addresses:
                judge.learn(address, use.host)
    for question in observed.questions:
        for rcode, times in question.failures.items():
            judge.take(Event(_of_rcode(rcode), question.host, rule=f"DNS {rcode}", times=times, layer="dns"))
        if question.answered:
            judge.take(Event(Decision.ALLOWED, question.host, rule="answered", times=question.answered, layer="dns"))
    return EvidenceFile(
        path=name,
        format=CAPTURE,
        lines=observed.packets,
        events=len(uses) + len(observed.questions),
        malformed=observed.malformed,
        complete=observed.complete,
    )


def _of_rcode(rcode: str) -> Decision:
    """What the answer of a DNS server means; none with an address was given."""
    return Decision.DENIED if rcode in ("NXDOMAIN", "REFUSED") else Decision.FAILED_UPSTREAM


def _events(use: Use) -> list[Event]:
    """Connections that were answered count as allowed; silence and resets as denied, since nobody else says so.

    A reset after an answer ends a connection that worked, and a client's own is its own affair.
    """
    base = Event(
        Decision.ALLOWED, use.host, port=use.port, client=", ".join(use.local_addresses[:3]), time=use.last_seconds
    )
    stopped: list[tuple[Decision, str, int]] = [
        (Decision.DENIED, f"reset by {one.by} ({one.after.replace('_', ' ')})", one.count)
        for one in use.resets_by
        if one.side == "remote" and one.after != "answer"
    ]
    stopped += [(Decision.DENIED, "no answer", use.timeouts), (Decision.DENIED, "opened, then silent", use.silent)]
    stopped += [(_of_status(status), f"the proxy answered {status}", n) for status, n in use.answers.items()]
    found = [
        base._replace(verdict=verdict, rule=rule, times=times, time=None)
        for verdict, rule, times in stopped
        if times and verdict is not Decision.ALLOWED
    ]
    passed = use.connections - sum(event.times for event in found)
    return [*found, base._replace(times=passed)] if passed > 0 else found


def _of_status(status: str) -> Decision:
    """What an HTTP proxy's answer to a CONNECT says."""
    if status.startswith("2"):
        return Decision.ALLOWED
    if status == "407":
        return Decision.CREDENTIALS_ASKED
    return Decision.FAILED_UPSTREAM if status.startswith("5") else Decision.DENIED
