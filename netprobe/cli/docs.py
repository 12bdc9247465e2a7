"""``netprobe docs build DIR``: the manual as a site, from the same pages as ``netprobe explain``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netprobe.cli.output import say

if TYPE_CHECKING:
    from netprobe.handbook.model import CommandPage, Kinds, Option


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)
    group.callback()(_about)
    group.command("build")(build)
    app.add_typer(group, name="docs")


def _about() -> None:
    """Build the manual as a site, to read without a network."""


def build(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to put it: a new or empty folder.")],
) -> int:
    """Build the manual: findings, rules, endpoints, targets, messages, recipes and commands, with a search.

    It needs Zensical (pip install 'netprobe-ecs[docs]'). The site works from a folder, without a server or a network;
    a link that leads nowhere fails the build.
    """
    from netprobe import catalog
    from netprobe.handbook import pages, site

    every = kinds()
    made = pages.pages(every, tuple(commands()), catalog.load())
    number = site.build(made, pages.navigation(made, every), folder)
    say(f"netprobe: {number} pages in {folder}: open {folder / 'index.html'}")
    return 0


def kinds() -> Kinds:
    """Everything that ``netprobe explain`` has a page for."""
    from netprobe.cli import explain
    from netprobe.handbook.model import PageKind

    return {name: PageKind(titles, page) for name, (titles, page) in explain.kinds().items()}


def commands() -> Iterator[CommandPage]:
    """Every command of the command line, those of a group behind it."""
    from netprobe.cli.commands import COMMANDS
    from netprobe.cli.main import application

    root: Any = application()
    for name, known in COMMANDS.items():
        command = root.get_command(None, name)
        yield _command(name, known.summary, command)
        for inner in (getattr(command, "commands", None) or {}).values():
            yield _command(f"{name} {inner.name}", (inner.help or "").strip().split("\n")[0], inner)


def _command(name: str, summary: str, command: Any) -> CommandPage:
    from netprobe.handbook.model import CommandPage

    paragraphs = tuple(" ".join(part.split()) for part in (command.help or "").split("\n\n") if part.strip())
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    return CommandPage(
        name=name,
        summary=summary,
        help=paragraphs,
        arguments=tuple(_argument(one) for one in arguments),
        options=tuple(_option(one) for one in options),
    )


def _argument(parameter: Any) -> Option:
    from netprobe.handbook.model import Option

    return Option(
        names=parameter.metavar or parameter.name.upper(), value="", help=getattr(parameter, "help", "") or ""
    )


def _option(parameter: Any) -> Option:
    from netprobe.handbook.model import Option

    value = "" if parameter.is_flag else parameter.metavar or "VALUE"
    return Option(names=", ".join(sorted(parameter.opts, key=len)), value=value, help=parameter.help or "")
