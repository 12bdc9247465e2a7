"""One self-contained HTML page: no script, no external file, nothing loaded; Jinja2 with autoescape lays it out.

The page's own Content-Security-Policy forbids scripts and loads, so that even a mistake in escaping would stay inert.
"""

from __future__ import annotations

import jinja2

from netprobe import cilog
from netprobe.errors import printable
from netprobe.report.cases import cases
from netprobe.report.model import Report
from netprobe.report.words import OUTCOMES, VERDICTS, ordered, summary
from netprobe.resources import template_source


def render(report: Report, *, width: int, colour: bool) -> str:
    """Fill the template ``report/report.html.j2``."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(template_source("report")),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Control characters are no HTML: shown escaped, as everywhere.
        finalize=lambda value: printable(value, 4000) if type(value) is str else value,
    )
    page = environment.get_template("report.html.j2").render(
        report=report,
        verdict=VERDICTS[report.verdict],
        summary=summary(report),
        findings=ordered(report.findings),
        cases=cases(report),
        outcomes=OUTCOMES,
    )
    return cilog.in_markup(page)
