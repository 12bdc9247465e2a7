"""``netprobe explain ID``: a page about a finding, a failure word, an endpoint, a target or a capability.

Pages are shown with headings and wrapped lines on a terminal, and as the Markdown that they are elsewhere, so that
``netprobe explain ID > page.md`` is a file worth keeping.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import options
from netprobe.cli.output import coloured, width, write_output
from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.catalog.model import Answered


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain")(explain)


def explain(
    name: Annotated[str | None, typer.Argument(metavar="ID", help="A finding, failure, endpoint, target …")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show everything that there is a page for.")] = False,
    output: options.Output = None,
) -> int:
    """Explain a finding, failure, endpoint, target or capability.

    What it means, how netprobe can tell, what breaks on an ECS Anywhere host, who fixes it, the fix, how to confirm.
    """
    if list_:
        write_output(_listing(), output)
        return 0
    if name is None:
        raise UsageError("ID", "is missing", "name what to explain, or give --list")
    text = _page(name.strip().lower())
    if output is None and sys.stdout.isatty():
        text = _pretty(text)
    write_output(text, output)
    return 0


def _kinds() -> dict[str, tuple[dict[str, str], Callable[[str], str]]]:
    """Kind → (id → one line, id → page); imported when asked for."""
    from netprobe import rulebook
    from netprobe.diagnosis.capabilities import CAPABILITIES
    from netprobe.diagnosis.glossary import GLOSSARY
    from netprobe.diagnosis.pages import page
    from netprobe.diagnosis.taxonomy import TAXONOMY
    from netprobe.render import targets

    return {
        "findings": ({e.id: e.summary for e in TAXONOMY.values()}, lambda id_: page(id_).text),
        "rules": ({e.id: e.title for e in rulebook.entries().values()}, rulebook.page),
        "failures": ({f.value: text for f, (text, _) in GLOSSARY.items()}, _failure),
        "endpoints": (_endpoints(), _endpoint),
        "capabilities": ({c.id: c.summary for c in CAPABILITIES}, _capability),
        "targets": ({name: targets.get(name).TITLE for name in targets.names()}, targets.page),
    }


def _page(id_: str) -> str:
    kinds = _kinds()
    # A failure word may also be a finding's id (proxy_forbidden): the finding's page says more.
    for known, show in kinds.values():
        if id_ in known:
            return show(id_)
    every = sorted({name for known, _ in kinds.values() for name in known})
    near = difflib.get_close_matches(id_, every, n=3)
    hint = f"perhaps {' or '.join(near)}; " if near else ""
    raise UsageError(id_, "there is no page with this name", f"{hint}'netprobe explain --list' shows all")


def _listing() -> str:
    lines: list[str] = []
    for kind, (known, _) in _kinds().items():
        lines += [kind.upper(), ""]
        lines += [f"  {name:<34}{text}" for name, text in known.items()]
        lines.append("")
    return "\n".join(lines)


def _failure(word: str) -> str:
    from netprobe.diagnosis.glossary import GLOSSARY
    from netprobe.diagnosis.taxonomy import TAXONOMY
    from netprobe.observations import Failure

    text, findings = GLOSSARY[Failure(word)]
    lines = [f"- `{id_}`: {TAXONOMY[id_].summary}" for id_ in findings]
    return "\n".join(
        [
            f"# {word}",
            "",
            text,
            "",
            "It is what one step met. The finding beside it says what it means; it can be:",
            "",
            *lines,
            "",
        ]
    )


def _capability(id_: str) -> str:
    from netprobe.diagnosis.capabilities import CAPABILITIES

    capability = next(c for c in CAPABILITIES if c.id == id_)
    needs = [f"- `{name}`" for name in sorted(capability.endpoints)]
    needs += [f"- every endpoint of the group `{name}`" for name in sorted(capability.groups)]
    signed = "Its requests are signed (SigV4), so a clock that is 5 minutes off breaks it too (`clock_skew`)."
    return "\n".join(
        [
            f"# {id_}: {capability.summary}",
            "",
            "It needs these endpoints; `netprobe explain ENDPOINT` says more of each:",
            "",
            *needs,
            "",
            *([signed, ""] if capability.signed else []),
        ]
    )


_REGION = "us-east-2"
"""The region that stands for all in examples."""


def _endpoints() -> dict[str, str]:
    from netprobe import catalog

    known = catalog.load()
    return {e.id: e.purpose for e in known.endpoints(known.region(_REGION))}


def _endpoint(id_: str) -> str:
    from netprobe import catalog

    known = catalog.load()
    e = next(e for e in known.endpoints(known.region(_REGION)) if e.id == id_)
    rows = [
        f"- host pattern (in {_REGION}): `{e.pattern}`, TCP port {e.port}",
        f"- group: `{e.group}`, {'required' if e.required else 'optional'}",
        f"- used by: {', '.join(e.used_by)}",
        f"- source: {e.source} (read {e.checked})",
        *map(_answer, e.answers),
    ]
    if e.stands_in_for is not None:
        rows.append(f"- required only where no numbered name of `{e.stands_in_for}` exists")
    return "\n".join([f"# {e.id}", "", e.purpose, "", *rows, "", *([e.note, ""] if e.note else [])])


def _answer(known: Answered) -> str:
    """One line: what the service answers, and whether that was ever seen."""
    asked = "the probe's request" if known.step == "http" else "the unsigned WebSocket upgrade"
    if known.seen:
        return f"- answer to {asked}, seen {known.date}: {known.told} ({known.source})"
    return f"- answer to {asked}, only expected, no record found by {known.date}: {known.told} ({known.source})"


def _pretty(markdown: str) -> str:
    """Lay Markdown out for a terminal."""
    import io

    from rich.console import Console
    from rich.markdown import Markdown

    stream = io.StringIO()
    colour = coloured(sys.stdout)
    console = Console(file=stream, width=min(width(), 100), force_terminal=colour, no_color=not colour, highlight=False)
    console.print(Markdown(markdown, hyperlinks=False))
    return stream.getvalue()
