"""``netprobe explain ID``: a page about a finding, a failure word, an endpoint, a target or a capability.

``netprobe explain TEXT`` looks for one: an agent's message, wherever it stands in a pasted line of a log, leads to the
findings that can be behind it; any other words are searched for in all pages.

Pages are shown with headings and wrapped lines on a terminal, and elsewhere as the Markdown that they are, its prose
broken at 80 columns (or COLUMNS), so that ``netprobe explain ID > page.md`` is a file worth keeping.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from netprobe.cli import options
from netprobe.cli.output import coloured, width, write_output
from netprobe.cli.refill import refilled
from netprobe.errors import UsageError
from netprobe.nearest import meant, nearest

if TYPE_CHECKING:
    from netprobe.catalog import Catalog
    from netprobe.catalog.model import Answered
    from netprobe.messages.search import SearchedPage


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain")(explain)


def explain(
    name: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID|TEXT", help="A finding, failure, endpoint, target …, or what a log says."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show everything that there is a page for.")] = False,
    output: options.Output = None,
) -> int:
    """Explain a finding, failure, endpoint, target or capability, or find the one that a message is about.

    Each page says what it means, how netprobe can tell, what breaks on an ECS Anywhere host, who fixes it, the fix, how
    to confirm.
    """
    if list_:
        write_output(_listing(), output)
        return 0
    asked = " ".join(name or ()).strip()
    if not asked:
        raise UsageError("ID", "is missing", "name what to explain, paste a message, or give --list")
    text = _found(asked)
    if output is None:
        text = _pretty(text) if sys.stdout.isatty() else refilled(text, width())
    write_output(text, output)
    return 0


_Kinds: TypeAlias = dict[str, tuple[dict[str, str], Callable[[str], str]]]


def kinds() -> _Kinds:
    """Kind → (id → one line, id → page); imported when asked for."""
    from netprobe import rulebook
    from netprobe.diagnosis.capabilities import CAPABILITIES
    from netprobe.diagnosis.glossary import GLOSSARY
    from netprobe.diagnosis.taxonomy import TAXONOMY
    from netprobe.render import targets

    return {
        "findings": ({e.id: e.summary for e in TAXONOMY.values()}, _finding),
        "rules": ({e.id: e.title for e in rulebook.entries().values()}, rulebook.page),
        "failures": ({f.value: text for f, (text, _) in GLOSSARY.items()}, _failure),
        "endpoints": (_endpoints(), _endpoint),
        "capabilities": ({c.id: c.summary for c in CAPABILITIES}, _capability),
        "targets": ({name: targets.get(name).TITLE for name in targets.names()}, targets.page),
    }


def _finding(id_: str) -> str:
    """The page of a finding, and how to see it happen in the lab."""
    from netprobe.diagnosis.pages import page
    from netprobe.lab import SCENARIOS

    text = page(id_).text
    scenario = next((one for one in SCENARIOS.values() if id_ in one.findings), None)
    if scenario is None:
        return text
    idle = "" if scenario.idle_seconds is None else f" --idle {scenario.idle_seconds:g}"
    command = f"netprobe check -r us-east-2 --lab {scenario.name}{idle}"
    return f"{text.rstrip()}\n\nSee it happen, without a network: `{command}`\n"


def _found(asked: str) -> str:
    """The page with this name, or what a search finds."""
    every = kinds()
    page = _page(asked.lower(), every)
    if page is None:
        page = _searched(asked, every)
    if page is not None:
        return page
    names = sorted({name for ids, _ in every.values() for name in ids})
    remedy = meant(nearest(asked.lower(), names), "'netprobe explain --list' shows all")
    raise UsageError(asked, "there is no page with this name or these words", remedy)


def _page(id_: str, kinds: _Kinds) -> str | None:
    # A failure word may also be a finding's id (proxy_forbidden): the finding's page says more.
    return next((show(id_) for ids, show in kinds.values() if id_ in ids), None)


_SHOWN = 8
_MESSAGES = 4
_HOSTS = 5


def _searched(asked: str, kinds: _Kinds) -> str | None:
    """The messages in a text with the page of the likeliest finding, or the pages that have its words."""
    from netprobe import messages
    from netprobe.messages import search

    found = messages.find(asked)[:_MESSAGES]
    # One word that is no name is a slip more often than a question: all of it must be there.
    hits = search.ranked(asked, _pages(kinds), every_word=" " not in asked)[:_SHOWN]
    if not found and not hits:
        return None
    titles = known()
    lines = ["# What this can mean", ""]
    for one in found:
        lines += [f"**{one.agent}** ({one.version}) says `{one.text}`: {one.meaning}", ""]
        lines += [f"- `{id_}`: {titles[id_]}" for id_ in one.findings]
        lines += ["", f"Source: {one.source} (read {one.checked})", ""]
    lines += _named(asked)
    if hits:
        lines += ["Pages that speak of it (`netprobe explain ID`):", ""]
        lines += [f"- `{page.id}`: {page.title}" for page in hits]
        lines.append("")
    if found:
        lines += [_page(messages.likeliest(found), kinds) or ""]
    return "\n".join(lines)


def _pages(kinds: _Kinds) -> Iterator[SearchedPage]:
    from netprobe.messages.search import SearchedPage

    shown: set[str] = set()
    for ids, show in kinds.values():
        for id_, title in ids.items():
            if id_ not in shown:
                shown.add(id_)
                yield SearchedPage(id_, title, show(id_))


_HOST = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){2,8}")


def _named(asked: str) -> list[str]:
    """Which endpoints the hosts in a text are."""
    from netprobe import catalog
    from netprobe.observe.matching import Matcher

    hosts = list(dict.fromkeys(host.lower() for host in _HOST.findall(asked[:8000])))[:_HOSTS]
    facts = catalog.load()
    lines = []
    for host in hosts:
        region = next((one for one in facts.regions if f".{one.id}." in host), None)
        for endpoint in Matcher(facts.endpoints(region)).find(host) if region is not None else ():
            lines.append(f"- `{host}` is the endpoint `{endpoint.id}`: {endpoint.purpose}")
    return ["Hosts in it:", "", *lines, ""] if lines else []


def known() -> dict[str, str]:
    """Everything that there is a page for, and what it is in a line."""
    return {id_: line for ids, _ in reversed(kinds().values()) for id_, line in ids.items()}


def _listing() -> str:
    lines: list[str] = []
    for kind, (ids, _) in kinds().items():
        lines += [kind.upper(), ""]
        lines += [f"  {name:<34}{text}" for name, text in ids.items()]
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
    lines = [f"# {e.id}", "", e.purpose, "", *rows, "", *([e.note, ""] if e.note else [])]
    return "\n".join([*lines, "## History", "", *_history(known, id_), ""])


def _history(known: Catalog, id_: str) -> list[str]:
    """Since when the catalog has an endpoint, and what changed of it: when, why, what that means, and who says so."""
    from netprobe.catalog import history

    entry = next(one for one in known.entries if id_ in one.ids)
    first, changes = history.current().of(entry.id)
    begins = history.current().first.version
    since = f"since {first}" if first > begins else f"since {first}, with which the history begins"
    told = [f"- in the catalog {since}"]
    for change in changes:
        told.append(f"- {change.version}, {change.kind}: {change.reason}; {change.impact} (source: {change.source})")
    return told


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
