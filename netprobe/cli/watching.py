"""``check --watch``, ``--until`` and ``--wait``: what a watch shows, and how it ends.

On a terminal it is a table that is kept up to date, with the changes above it. Everywhere else it is one line a change,
on stdout where the report is text and goes there too, else on stderr, so that stdout stays what a program reads. When
it ends the last whole report follows, in the formats that were asked for.
"""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from netprobe.cli import values
from netprobe.cli.emit import WantedReports
from netprobe.cli.output import coloured, say, tell
from netprobe.errors import UsageError, printable

if TYPE_CHECKING:
    from netprobe.checking.perform import Outside, Prepared
    from netprobe.checking.request import CheckRequest
    from netprobe.checking.watch import Ended
    from netprobe.report.model import Report

READY = "ready"
INTERRUPTED = 130


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a watch waits for.

    Attributes:
        until_ready: whether it ends as soon as the host is ready.
        seconds: how long it lasts at most, or None.
        strict: whether a host with warnings is not ready.
    """

    until_ready: bool
    seconds: float | None
    strict: bool = False


def wish(*, watch: bool, until: str | None, for_: str | None, wait: str | None, strict: bool) -> Wish | None:
    """Check ``--watch``, ``--until``, ``--for`` and ``--wait``; None where none was given: one look.

    Raises:
        UsageError: an unknown word, no length of time, or two that exclude each other.
    """
    if wait is not None:
        if until is not None or for_ is not None:
            raise UsageError("--wait", "stands for --until ready --for", "leave --until and --for out")
        return Wish(until_ready=True, seconds=values.duration("--wait", wait), strict=strict)
    if until is not None and until != READY:
        raise UsageError(f"--until {until}", "is nothing to wait for", "write --until ready")
    if not watch and until is None and for_ is None:
        return None
    seconds = values.duration("--for", for_) if for_ is not None else None
    return Wish(until_ready=until is not None, seconds=seconds, strict=strict)


def refuse_beside(wish: Wish | None, **given: object) -> None:
    """Refuse options that belong to one look.

    Raises:
        UsageError: one of them was given.
    """
    for name, value in given.items():
        if wish is not None and value:
            raise UsageError(f"--{name}", "belongs to a single look", f"leave --{name} or --watch out")


def run(request: CheckRequest, prepared: Prepared, outside: Outside, wish: Wish, wanted: WantedReports) -> Ended:
    """Watch until the wish is fulfilled, the time is over or a signal comes."""
    import trio

    from netprobe.checking.looks import Looks
    from netprobe.checking.watch import Watch
    from netprobe.report.words import is_ready

    stdout_is_free = wanted.format == "text" and (wanted.output is None or str(wanted.output) == "-")
    with _shown(stdout_is_free) as shown:
        # The table is the progress; a bar beside it would draw over it.
        bare = msgspec.structs.replace(outside, progress=type(outside)().progress) if shown.draws else outside
        until = (lambda report: is_ready(report, strict=wish.strict)) if wish.until_ready else None
        watch = Watch(Looks(request, bare, prepared), shown, until=until, seconds=wish.seconds)
        return trio.run(watch.run)


class Lines:
    """One line a change.

    Args:
        on_stdout: whether they are part of what goes there.
    """

    draws = False

    def __init__(self, *, on_stdout: bool) -> None:
        self._on_stdout = on_stdout

    def looked(self, report: Report, changes: tuple[str, ...]) -> None:
        """Tell what changed."""
        for line in changes:
            self._tell(line)

    def waits(self, seconds: float) -> None:
        """Nobody reads that in a log."""

    def trouble(self, text: str) -> None:
        """Tell why there was no look."""
        say(f"netprobe: {_now()} not looked: {text}")

    def _tell(self, line: str) -> None:
        if self._on_stdout:
            tell(line)
        else:
            say(f"netprobe: {line}")


def _now() -> str:
    from netprobe.checking.changed import stamp

    return stamp(datetime.datetime.now(datetime.UTC))


@contextmanager
def _shown(on_stdout: bool) -> Iterator[Lines | WatchTable]:
    """A table on a terminal, lines everywhere else."""
    if not (on_stdout and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"):
        yield Lines(on_stdout=on_stdout)
        return
    with ExitStack() as stack:
        yield WatchTable(stack)


class WatchTable:
    """The endpoints of the last look, kept up to date on a terminal; what changed stays above it.

    Args:
        stack: what ends the drawing.
    """

    draws = True

    def __init__(self, stack: ExitStack) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=sys.stdout, no_color=not coloured(sys.stdout), highlight=False)
        # What others say on stderr, which is the same terminal, is drawn above the table too.
        live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live = stack.enter_context(live)
        self._since: dict[tuple[str, str], tuple[str, str]] = {}
        self._report: Report | None = None
        self._until = ""

    def looked(self, report: Report, changes: tuple[str, ...]) -> None:
        """Draw the table anew, and what changed above it."""
        from rich.text import Text

        from netprobe.checking.changed import ended, stamp

        for line in changes:
            self._console.print(Text(printable(line, limit=1000)))
        moment = stamp(ended(report))
        for one in report.endpoints:
            key, outcome = (one.region, one.id), str(one.outcome)
            if self._since.get(key, ("", ""))[0] != outcome:
                self._since[key] = (outcome, moment)
        self._report = report
        self._draw()

    def waits(self, seconds: float) -> None:
        """Say when the next look is."""
        from netprobe.checking.changed import stamp

        then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
        self._until = stamp(then)
        self._draw()

    def trouble(self, text: str) -> None:
        """Tell why there was no look."""
        from rich.text import Text

        self._console.print(Text(printable(f"{_now()} not looked: {text}", limit=1000)))

    def _draw(self) -> None:
        if self._report is not None:
            room = max(self._console.size.height - 6, 3)
            columns = self._console.size.width
            self._live.update(table(self._report, self._since, self._until, room, columns), refresh=True)


_COLOURS = {"pass": "green", "warn": "yellow", "fail": "red"}


_NARROW = 72
"""Columns below which the dates and what an endpoint meets leave no room for its outcome."""
_TIME_OF_DAY = slice(len("2026-11-28T"), None)


def table(
    report: Report, since: Mapping[tuple[str, str], tuple[str, str]], until: str, room: int, columns: int = 80
) -> Any:
    """What is drawn: the worst first, and no more than there is room for.

    Args:
        report: the last look.
        since: region and id of an endpoint → its outcome, and since when it has it.
        until: when the next look is.
        room: rows.
        columns: of the terminal; where they are few, times have no date, and what may be left out is.
    """
    from rich.table import Table as Drawn
    from rich.text import Text

    from netprobe.report.words import OUTCOMES, VERDICTS

    drawn = Drawn(box=None, pad_edge=False, title_justify="left", caption_justify="left")
    narrow = columns < _NARROW
    times = _TIME_OF_DAY if narrow else slice(None)
    looked = "" if narrow else f" looked {report.started_at[:19]}Z,"
    drawn.title = Text(f"{VERDICTS[report.verdict]},{looked} next {until[times]}")
    ordered = sorted(report.endpoints, key=lambda one: one.outcome.rank)
    widths = {
        "region": max((len(one.region) for one in ordered), default=0),
        "endpoint": max((len(one.id) for one in ordered), default=0),
        "outcome": len("outcome"),
        "since": len("2026-11-28T14:03:12Z"[times]),
    }
    if narrow and len(report.regions) == 1:
        del widths["region"]
    for name, least in widths.items():
        drawn.add_column(name, no_wrap=True, overflow="ellipsis", min_width=min(max(least, len(name)), 40))
    if not narrow:
        drawn.add_column("what it meets", no_wrap=True, overflow="ellipsis")
    for one in ordered[:room]:
        colour = _COLOURS.get(str(one.outcome), "")
        met = next((f"{host.failed_step}: {host.failure}" for host in one.hosts if host.failure), one.not_run)
        cells = {
            "region": Text(printable(one.region)),
            "endpoint": Text(printable(one.id)),
            "outcome": Text(OUTCOMES[one.outcome], style=colour),
            "since": Text(since.get((one.region, one.id), ("", ""))[1][times]),
            "what it meets": Text(printable(met)),
        }
        drawn.add_row(*(cells[str(column.header)] for column in drawn.columns))
    if len(ordered) > room:
        drawn.caption = Text(f"and {len(ordered) - room} more; Ctrl-C ends with the report")
    else:
        drawn.caption = Text("Ctrl-C ends with the report")
    return drawn


def exit_code(ended: Ended, found: int) -> int:
    """How a watch ends.

    Args:
        ended: what ended it.
        found: the exit code of its last report.
    """
    from netprobe.checking.watch import WatchEnding

    return INTERRUPTED if ended.why is WatchEnding.INTERRUPTED else found
