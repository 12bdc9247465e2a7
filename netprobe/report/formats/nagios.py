"""A monitoring plugin's output, for Nagios, Icinga, Naemon, Checkmk and others: one line with performance data.

The Monitoring Plugins development guidelines (sections "Plugin Return Codes" and "Performance data", as pnp4nagios and
naemon.io repeat them; read 2026-11-28): ``TEXT | 'label'=value[UOM];[warn];[crit];[min];[max]``, a bar begins the data,
the exit code is the state. So it differs from every other format, whose exit codes are netprobe's own:

=============================== ============== =========
verdict                         state          exit code
=============================== ============== =========
ready                           OK             0
degraded                        WARNING        1 (CRITICAL, 2, with ``--strict``)
not ready                       CRITICAL       2
inconclusive, interrupted       UNKNOWN        3
the request is wrong, a bug     UNKNOWN        3
=============================== ============== =========

Plain ASCII: what a monitoring system's database and mail make of other characters nobody knows. Further causes follow
on lines of their own (long output).
"""

from __future__ import annotations

from collections.abc import Iterator

from netprobe import cilog
from netprobe.errors import printable
from netprobe.findings import Outcome, Severity, Verdict
from netprobe.observations import Step
from netprobe.report import glance
from netprobe.report.formats.line import told_in_a_line
from netprobe.report.model import Report
from netprobe.report.words import in_ascii

OK, WARNING, CRITICAL, UNKNOWN = range(4)
WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_STATES = {
    Verdict.READY: OK,
    Verdict.DEGRADED: WARNING,
    Verdict.NOT_READY: CRITICAL,
    Verdict.INCONCLUSIVE: UNKNOWN,
}
LONGEST = 500


def state(report: Report, *, strict: bool = False) -> int:
    """The state of a report, which is its exit code."""
    if report.context.interrupted:
        return UNKNOWN
    found = _STATES[report.verdict]
    return CRITICAL if strict and found == WARNING else found


def render(report: Report, *, width: int, colour: bool, strict: bool = False) -> str:
    """Write the line with its data, and a line for each further cause."""
    first, *more = [told_in_a_line(report), *glance.conclusion(report)[1:]]
    head = f"{status(state(report, strict=strict), first)} | {' '.join(_data(report))}"
    return cilog.in_text("\n".join([head, *(_text(line) for line in more)]) + "\n")


def status(code: int, text: str) -> str:
    """``NETPROBE CRITICAL - text``, safe for one line of a plugin's output."""
    return f"NETPROBE {WORDS[code]} - {_text(text)}"


def _text(text: str) -> str:
    return in_ascii(printable(text, LONGEST)).replace("|", "\\x7c")


def _data(report: Report) -> Iterator[str]:
    """What a graph can be made of; labels are the same in every run."""
    outcomes = [one.outcome for one in report.endpoints] + [one.outcome for one in report.rules]
    total = len(outcomes)
    severities = [finding.severity for finding in report.findings]
    yield f"time={report.duration_seconds:.3f}s;;;0"
    yield f"pass={outcomes.count(Outcome.PASS)};;;0;{total}"
    yield f"fail={outcomes.count(Outcome.FAIL)};;;0;{total}"
    yield f"not_run={outcomes.count(Outcome.NOT_RUN)};;;0;{total}"
    yield f"errors={severities.count(Severity.ERROR)};;;0"
    yield f"warnings={severities.count(Severity.WARNING)};;;0"
    measured = glance.times(report)
    for step in (Step.DNS, Step.TCP, Step.TLS):
        if step in measured.median_seconds:
            yield f"{step}_p50={measured.median_seconds[step]:.6f}s;;;0"
    if measured.slowest is not None:
        yield f"slowest_step={measured.slowest.duration_seconds:.6f}s;;;0"
