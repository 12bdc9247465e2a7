"""One self-contained HTML page: no script, no external file, nothing loaded; Jinja2 with autoescape lays it out.

One module a section, each with ``view(report, index)``: what the section shows, in an order and in words that its
template (``templates/report/<section>.html.j2``) only lays out. A section that has nothing to show is None and leaves
no heading. The page's own Content-Security-Policy forbids scripts and loads, so that even a mistake in escaping would
stay inert; its only links lead to places in it. ``netprobe.report.embedded`` puts the report itself inside.

Only ``netprobe.report`` imports it. It never judges: what a finding means, what proves it and what its change costs are
diagnosis' facts.
"""

from __future__ import annotations

import functools

import jinja2
from markupsafe import Markup

from netprobe import cilog
from netprobe.errors import printable
from netprobe.report import embedded
from netprobe.report.formats.html import appendix, cards, head, meaning, settings, steps, way, where
from netprobe.report.formats.html.index import Index
from netprobe.report.formats.html.marks import GLYPHS
from netprobe.report.model import Report
from netprobe.report.words import OUTCOMES, VERDICTS
from netprobe.resources import template_source

_LONGEST = 4000
"""Characters of one foreign text; a remedy that names the patterns of every region is the longest that is honest."""


def render(report: Report, *, width: int, colour: bool) -> str:
    """Fill the template ``report/report.html.j2``."""
    index = Index.of(report)
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            verdict=VERDICTS[report.verdict],
            head=head.view(report, index),
            meaning=meaning.view(report, index),
            where=where.view(report, index),
            cards=cards.view(report, index),
            way=way.view(report, index),
            steps=steps.view(report, index),
            settings=settings.view(report, index),
            appendix=appendix.view(report, index),
            glyphs=GLYPHS,
            outcomes=OUTCOMES,
            element=embedded.ELEMENT,
            packed=Markup(embedded.packed(report)),  # noqa: S704 - base64 has no character that HTML could read
        )
    )
    return cilog.in_markup(page)


@functools.cache
def _environment() -> jinja2.Environment:
    """The templates, compiled once: that takes longer than to fill them."""
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(template_source("report")),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Control characters are no HTML: shown escaped, as everywhere.
        finalize=lambda value: printable(value, _LONGEST) if type(value) is str else value,
    )
