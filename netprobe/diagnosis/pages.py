"""The pages of ``netprobe explain``: one Markdown file a finding, shipped in the package.

The headings are fixed, so that a reader who knows one page knows them all. A test holds pages and taxonomy together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from textwrap import fill

from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.errors import UsageError

_AFTER_THE_TELLING = "\n## What breaks on an ECS Anywhere host"
PROVEN_BY = "What proves it, beside its repeat:"
HEADINGS = (
    "What it means",
    "How netprobe can tell",
    "What breaks on an ECS Anywhere host",
    "Who fixes it",
    "The fix",
    "How to confirm",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page.

    Attributes:
        id: the finding.
        title: the first heading.
        text: the whole page, Markdown.
        sections: heading → text.
    """

    id: str
    title: str
    text: str
    sections: dict[str, str]


def page(finding_id: str) -> Page:
    """Read one page.

    Raises:
        UsageError: there is no such finding.
    """
    # Only ids of the registry become file names.
    if finding_id not in TAXONOMY:
        raise UsageError(finding_id, "is not a finding of netprobe", "'netprobe explain --list' shows what there is")
    from netprobe.diagnosis.proof import NEEDS

    text = (files("netprobe.diagnosis") / "pages" / f"{finding_id}.md").read_text(encoding="utf-8")
    proven_by = fill(f"{PROVEN_BY} {NEEDS[finding_id].control}", 100)
    text = text.replace(_AFTER_THE_TELLING, f"\n{proven_by}\n{_AFTER_THE_TELLING}", 1)
    title, _, body = text.partition("\n")
    parts = re.split(r"^## (.+)$", body, flags=re.MULTILINE)
    sections = {name.strip(): content.strip() for name, content in zip(parts[1::2], parts[2::2], strict=True)}
    return Page(id=finding_id, title=title.removeprefix("# ").strip(), text=text, sections=sections)
