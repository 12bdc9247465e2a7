"""The pages of ``netprobe explain``: one Markdown file a finding, shipped in the package.

The headings are fixed, so that a reader who knows one page knows them all. A test holds pages and taxonomy together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.errors import UsageError

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
    text = (files("netprobe.diagnosis") / "pages" / f"{finding_id}.md").read_text(encoding="utf-8")
    title, _, body = text.partition("\n")
    parts = re.split(r"^## (.+)$", body, flags=re.MULTILINE)
    sections = {name.strip(): content.strip() for name, content in zip(parts[1::2], parts[2::2], strict=True)}
    return Page(id=finding_id, title=title.removeprefix("# ").strip(), text=text, sections=sections)
