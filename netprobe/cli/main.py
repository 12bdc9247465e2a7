"""The command line itself: finds the command, runs it, and turns how it ended into an exit code.

Command modules are imported when they are needed and not before, so ``netprobe --help`` costs typer and nothing else.
Every way to end is decided here (the contract is in the README): 0 and 1, 4 are a command's own answer, 2 is a user's
mistake told in one line, 3 is a bug of ours with its traceback in a file, 130 is Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
import typer.core
import typer.main

from netprobe import interrupts
from netprobe.cli import commands, config
from netprobe.cli.bug import keep_traceback
from netprobe.cli.coercion import simplify
from netprobe.cli.commands import COMMANDS
from netprobe.cli.output import discard, say, say_lines, write_output
from netprobe.errors import CannotExpressError, NetprobeError, UsageError
from netprobe.nearest import meant, nearest

INTERRUPTED = 130
_ASKED_TO_COMPLETE = "_NETPROBE_COMPLETE"
"""Set by the scripts of ``netprobe completion``."""


class LazyGroup(typer.core.TyperGroup):
    """Commands that are imported when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one command's module and build its command."""
        if cmd_name not in COMMANDS:
            remedy = meant(nearest(cmd_name, COMMANDS), "'netprobe --help' lists the commands")
            raise UsageError(cmd_name or "''", "there is no such command", remedy)
        return load_command(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The table of commands, from the summaries alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])


def load_command(name: str) -> Any:
    """Import the module of a command and return its command object, options completed (see ``config``)."""
    command = commands.build(name)
    config.complete(command)
    if _ASKED_TO_COMPLETE in os.environ:
        from netprobe.cli.complete import attach

        attach(command, name)
    return command


def _version(asked: bool) -> None:
    if asked:
        from netprobe.about import in_short

        write_output(in_short(), None)
        raise typer.Exit


_EPILOG = (
    "Every option may also stand in netprobe.toml (timeout = 5) or in the environment (NETPROBE_TIMEOUT=5); "
    "the command line wins, then the environment, then the file."
)


def _root(
    version: bool = typer.Option(
        False, "--version", "-V", is_eager=True, callback=_version, help="Print the version, and the catalog's."
    ),
) -> None:
    """Will this server work with Amazon ECS Anywhere, and if not, what is in the way?"""


def application() -> Any:
    """Build the root command."""
    if _ASKED_TO_COMPLETE in os.environ:
        # typer breaks a description at the terminal's width, and fish would offer each further line as a value.
        os.environ.setdefault("TERMINAL_WIDTH", "10000")
    app = typer.Typer(
        cls=LazyGroup,
        rich_markup_mode=None,
        # typer learns how to answer the scripts of 'netprobe completion' only where it may; not needed else.
        add_completion=_ASKED_TO_COMPLETE in os.environ,
        no_args_is_help=True,
        epilog=_EPILOG,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    group = typer.main.get_command(app)
    simplify(group)
    return group


def run(argv: list[str]) -> int:
    """Run one command line.

    Returns:
        The exit code.
    """
    with interrupts.listening():
        return interrupts.exit_code(_run(argv))


def _run(argv: list[str]) -> int:
    try:
        answer = _alone(argv)
    except CannotExpressError as exc:
        for problem in exc.problems:
            say(f"netprobe: {problem}")
        return exc.exit_code
    except NetprobeError as exc:
        say(f"netprobe: {exc}")
        return _unknown_to_a_plugin(argv, str(exc)) or exc.exit_code
    except typer.TyperException as exc:
        code = _mistake(exc)
        return _unknown_to_a_plugin(argv, exc.format_message()) or code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        discard(sys.stdout)
        return 0
    except Exception as exc:
        return keep_traceback(exc, argv)
    return answer if isinstance(answer, int) else 0


def _alone(argv: list[str]) -> object:
    """Run, and take an exception out of the groups that trio's nurseries put around it."""
    try:
        return application().main(args=argv, prog_name="netprobe", standalone_mode=False)
    except BaseExceptionGroup as group:
        if group.subgroup(KeyboardInterrupt) is not None:
            raise KeyboardInterrupt from group
        inner: BaseException = group
        while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
            inner = inner.exceptions[0]
        if inner is group or isinstance(inner, BaseExceptionGroup):
            raise
        raise inner from None


def _unknown_to_a_plugin(argv: list[str], problem: str) -> int:
    """The exit code of a mistake where a monitoring system asks, which is told; 0 where none does."""
    from netprobe.cli import plugin

    return plugin.unknown(problem) if plugin.asked(argv) else 0


def _mistake(exc: typer.TyperException) -> int:
    """Tell a mistake that typer found the way we tell ours: one line with what, why and the way out."""
    context = getattr(exc, "ctx", None)
    if type(exc).__name__ == "NoArgsIsHelpError":
        say_lines(exc.format_message())
        return 2
    command = context.command_path if context is not None else "netprobe"
    message = " ".join(exc.format_message().split()).rstrip(".")
    say(f"netprobe: {message}; see '{command} --help'")
    return 2
