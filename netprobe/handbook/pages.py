"""Every page of the manual as Markdown, by the path that it has in the site. Pure.

An id in a page (`` `tls_intercepted` ``) becomes a link to its own page, so that nobody has to look for it; code that
stands in a block stays as it is, since it is there to be copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files

from netprobe import messages
from netprobe.catalog import history
from netprobe.catalog.store import Catalog
from netprobe.handbook.model import CommandPage, Kinds, Option

SECTIONS = {
    "findings": ("Findings", "What a check concludes: each with what it means, how it is told, who fixes it and how."),
    "rules": ("Rules", "What `netprobe host`, `image`, `workload` and `gate` judge."),
    "failures": ("Failures", "What one step met; the finding beside it says what that means."),
    "capabilities": ("Capabilities", "What an ECS Anywhere host must be able to do, and which endpoints that needs."),
    "endpoints": ("Endpoints", "What must be reached: each with its purpose, its source and the day that was read."),
    "targets": ("Targets", "The firewalls and proxies that `netprobe render` writes for: load, verify, roll back."),
}
"""Kind → its heading and what it holds, in the order of the site."""
METRICS = "metrics/index.md"
"""Metrics, alerts and runbooks; the alert rules lead to its headings."""
_SOURCE = "https://github.com/netprobe-ecs/netprobe/blob/main/netprobe/deploy/"
_ID = re.compile(r"(?<![\[`])`([a-z][a-z0-9_-]+)`(?![\]`])")
_FENCE = re.compile(r"^\s*(```|~~~)")


def pages(kinds: Kinds, commands: Sequence[CommandPage], catalog: Catalog) -> dict[str, str]:
    """Path in the site → Markdown.

    Args:
        kinds: everything that has a page of ``netprobe explain``.
        commands: the command line.
        catalog: for the tables of regions and groups.
    """
    places = _places(kinds, commands)
    found: dict[str, str] = {"index.md": _start(kinds, commands), "recipes.md": _recipes(), METRICS: _metrics()}
    for kind, (heading, what) in SECTIONS.items():
        titles, page = kinds[kind]
        found[f"{kind}/index.md"] = _listing(heading, what, titles)
        for id_ in titles:
            path = _place(kind, id_)
            # A failure that is a finding, too, has one page, the finding's.
            if places[id_] == path:
                found[path] = page(id_)
    found["endpoints/catalog.md"] = _catalog(catalog)
    found["messages.md"] = _messages()
    found["commands/index.md"] = _commands(commands)
    for command in commands:
        found[f"commands/{_file(command)}.md"] = _command(command)
    return {path: linked(text, path, places) for path, text in found.items()}


def navigation(made: Mapping[str, str], kinds: Kinds) -> list[tuple[str, list[str]]]:
    """The site's sections: a heading and its pages, the list of each section first.

    Args:
        made: what :func:`pages` made.
        kinds: everything that has a page of ``netprobe explain``.
    """
    sections = [("Start", ["index.md"]), ("Recipes", ["recipes.md"]), ("Metrics and alerts", [METRICS])]
    for kind, (heading, _) in SECTIONS.items():
        own = [_place(kind, id_) for id_ in kinds[kind].titles]
        more = ["endpoints/catalog.md"] if kind == "endpoints" else []
        sections.append((heading, [f"{kind}/index.md", *more, *(path for path in own if path in made)]))
    commands = [path for path in made if path.startswith("commands/")]
    return [*sections, ("What agents say", ["messages.md"]), ("Commands", commands)]


def _place(kind: str, id_: str) -> str:
    """Where a page stands. Reports lead to ``findings/ID/``, whether it is a finding of a check or of a rule."""
    return f"findings/{id_}/index.md" if kind in ("findings", "rules") else f"{kind}/{id_}.md"


def _places(kinds: Kinds, commands: Sequence[CommandPage]) -> dict[str, str]:
    """Id → the path of its page; a finding before a failure of the same name."""
    places = {f"netprobe {command.name}": f"commands/{_file(command)}.md" for command in commands}
    for kind in SECTIONS:
        for id_ in kinds[kind].titles:
            places.setdefault(id_, _place(kind, id_))
    return places


def linked(text: str, path: str, places: dict[str, str]) -> str:
    """Make links of the ids in a page.

    Args:
        text: Markdown.
        path: where it stands, ``findings/tls_intercepted.md``.
        places: id → the path of its page.
    """
    up = "../" * path.count("/")

    def link(found: re.Match[str]) -> str:
        place = places.get(found[1])
        return found[0] if place is None or place == path else f"[{found[0]}]({up}{place})"

    lines, fenced = [], False
    for line in text.split("\n"):
        fenced ^= bool(_FENCE.match(line))
        plain = not fenced and not line.startswith(("    ", "#"))
        lines.append(_ID.sub(link, line) if plain else line)
    return "\n".join(lines)


def cell(text: str) -> str:
    """A text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    told = ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads), *told, ""]


def _start(kinds: Kinds, commands: Sequence[CommandPage]) -> str:
    counts = {kind: len(kinds[kind].titles) for kind in SECTIONS}
    lines = [
        "# netprobe",
        "",
        "Will this server work with Amazon ECS Anywhere, and if not: what exactly is in the way, on which device, and "
        "who has to change what?",
        "",
        "Search finds an agent's own message, too: paste what a log says.",
        "",
        *(f"- [{heading}]({kind}/index.md) ({counts[kind]}): {what}" for kind, (heading, what) in SECTIONS.items()),
        f"- [What agents say](messages.md) ({len(messages.messages())}): messages of agents, Docker, Go and AWS.",
        f"- [Commands](commands/index.md) ({len(commands)}) and [recipes](recipes.md).",
        "- [Metrics, alerts and what to do](metrics/index.md).",
        "",
    ]
    return "\n".join(lines)


def _recipes() -> str:
    return (files("netprobe.handbook") / "recipes.md").read_text(encoding="utf-8")


def _metrics() -> str:
    """The table of metrics and the runbooks; what it names beside itself lies in the repository."""
    text = (files("netprobe") / "deploy" / "METRICS.md").read_text(encoding="utf-8")
    return text.replace("](prometheus/", f"]({_SOURCE}prometheus/").replace("](grafana/", f"]({_SOURCE}grafana/")


def _listing(heading: str, what: str, titles: Mapping[str, str]) -> str:
    rows = [(f"`{id_}`", title) for id_, title in titles.items()]
    return "\n".join([f"# {heading}", "", what, "", *_table(("id", "in a line"), rows)])


def _catalog(catalog: Catalog) -> str:
    lines = ["# The catalog", "", f"Version {catalog.version}. What every region needs, by group, and the regions.", ""]
    groups = [
        (f"`{g.id}`", g.description, "yes" if g.default else "no", ", ".join(g.endpoints)) for g in catalog.groups
    ]
    lines += ["## Groups", "", *_table(("group", "what for", "by default", "endpoints"), groups)]
    region = catalog.region("us-east-2")
    rows = [
        (
            *(f"`{e.id}`", f"`{e.pattern}`", e.purpose, "required" if e.required else "optional", e.source, e.checked),
            _since(catalog, e.id),
        )
        for e in catalog.endpoints(region)
    ]
    heads = ("endpoint", "in us-east-2", "what for", "", "source", "read", "in the catalog")
    lines += ["## Endpoints", "", *_table(heads, rows)]
    open_ = [r for r in catalog.regions if r.support.value != "refused"]
    regions = [(f"`{r.id}`", r.description, r.partition.id, r.support.value, r.note) for r in open_]
    lines += ["## Regions", "", *_table(("region", "", "partition", "ECS Anywhere", "note"), regions)]
    lines += _history()
    return "\n".join(lines)


def _since(catalog: Catalog, id_: str) -> str:
    """Since which version the catalog has an endpoint, and when it changed."""
    entry = next(one for one in catalog.entries if id_ in one.ids)
    first, changes = history.current().of(entry.id)
    changed = dict.fromkeys(one.version for one in changes if one.kind is not history.CatalogChangeKind.ADDED)
    return f"since {first}; changed {', '.join(changed)}" if changed else f"since {first}"


def _history() -> Iterator[str]:
    """Every change of what AWS needs, the newest first."""
    told = history.current()
    yield from ("## History", "", f"The history begins with the catalog of {told.first.version}.", "")
    rows = [
        (one.version, f"`{one.subject}`", str(one.kind), one.reason, one.impact, one.source)
        for one in sorted(told.changes, key=lambda one: one.version, reverse=True)
    ]
    yield from _table(("version", "what", "change", "why", "what it means", "source"), rows)


def _messages() -> str:
    lines = [
        "# What agents say",
        "",
        "What stands in a log, what it means on an ECS Anywhere host, and what it can be.",
        "",
    ]
    by_agent: dict[str, list[messages.AgentMessage]] = {}
    for one in messages.messages():
        by_agent.setdefault(one.agent, []).append(one)
    for agent, told in by_agent.items():
        lines += [f"## {agent}", ""]
        for one in told:
            findings = ", ".join(f"`{id_}`" for id_ in one.findings)
            lines += ["```text", one.text, "```", "", one.meaning, "", f"- it can be: {findings}"]
            lines += [f"- source: {one.source}, version {one.version} (read {one.checked})", ""]
    return "\n".join(lines)


def _file(command: CommandPage) -> str:
    return command.name.replace(" ", "-")


def _commands(commands: Sequence[CommandPage]) -> str:
    rows = [(f"[netprobe {one.name}]({_file(one)}.md)", one.summary) for one in commands]
    return "\n".join(["# Commands", "", *_table(("command", "does"), rows)])


def _command(command: CommandPage) -> str:
    usage = " ".join(one.value or one.names for one in command.arguments)
    lines = [f"# netprobe {command.name}", ""]
    lines += ["```text", f"netprobe {command.name} [OPTIONS] {usage}".rstrip(), "```", ""]
    lines += [line for paragraph in command.help for line in (escaped(paragraph), "")]
    for heading, told in (("Arguments", command.arguments), ("Options", command.options)):
        if told:
            lines += [f"## {heading}", "", *_options(told)]
    return "\n".join(lines)


def _options(options: Sequence[Option]) -> Iterator[str]:
    for one in options:
        yield f"`{' '.join(part for part in (one.names, one.value) if part)}`"
        yield f":   {escaped(one.help) or 'see above'}"
        yield ""


def escaped(text: str) -> str:
    """A text of the command line as Markdown text: nothing in it is markup."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", " ".join(text.split()))
