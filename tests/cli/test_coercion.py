from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
import typer.main

from netprobe.cli import coercion
from netprobe.cli.coercion import simplify
from netprobe.cli.commands import COMMANDS
from netprobe.cli.main import load_command
from netprobe.errors import UsageError

SEEN: dict[str, Any] = {}


class Kind(StrEnum):
    A = "a"
    B = "b"


def command(
    words: Annotated[list[str] | None, typer.Argument()] = None,
    text: Annotated[str | None, typer.Option("--text")] = None,
    number: Annotated[int, typer.Option("--number")] = 1,
    real: Annotated[float | None, typer.Option("--real")] = None,
    path: Annotated[Path | None, typer.Option("--path")] = None,
    paths: Annotated[list[Path] | None, typer.Option("--paths")] = None,
    flag: Annotated[bool, typer.Option("--flag/--no-flag")] = True,
    kind: Annotated[Kind, typer.Option("--kind")] = Kind.A,
    ranged: Annotated[int, typer.Option("--ranged", min=1, max=9)] = 5,
    called: Annotated[str, typer.Option("--called", callback=lambda value: value.upper())] = "x",
) -> None:
    SEEN.clear()
    SEEN.update(locals())


def needing(must: Annotated[str, typer.Argument()], opt: Annotated[str, typer.Option("--opt")]) -> None:
    """Take two required parameters."""


def call(*arguments: str, function: Any = command) -> dict[str, Any]:
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command("c")(function)
    made = typer.main.get_command(app)
    simplify(made)
    made.main(args=list(arguments), prog_name="c", standalone_mode=False)
    return SEEN


def test_plain_values() -> None:
    seen = call("w", "v", "--text", "1", "--number", "7", "--real", "2", "--path", "p", "--paths", "a", "--paths", "b")
    assert (seen["words"], seen["text"], seen["number"], seen["real"]) == (["w", "v"], "1", 7, 2.0)
    assert (seen["path"], seen["paths"], seen["flag"]) == (Path("p"), [Path("a"), Path("b")], True)
    assert call("--no-flag")["flag"] is False


def test_defaults() -> None:
    seen = call()
    assert (seen["number"], seen["kind"], seen["ranged"], seen["called"]) == (1, Kind.A, 5, "X")
    assert (seen["text"], seen["real"], seen["path"]) == (None, None, None)
    assert not seen["words"]
    assert not seen["paths"]


def test_what_is_not_plain_stays_with_typer() -> None:
    seen = call("--kind", "b", "--ranged", "9", "--called", "y")
    assert (seen["kind"], seen["ranged"], seen["called"]) == (Kind.B, 9, "Y")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--number", "x"), "--number x: is not a whole number"),
        (("--real", "x"), "--real x: is not a number"),
        (("--ranged", "10"), "--ranged 10: "),
        (("--kind", "c"), "--kind c: "),
        (("--path", ""), "--path '': is empty; was a variable not set?"),
        (("--paths", "a", "--paths", ""), "--paths '': is empty; was a variable not set?"),
    ],
)
def test_a_mistake_names_option_and_value(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        call(*arguments)
    assert str(caught.value).startswith(told)


def test_what_is_missing_is_typers_to_tell() -> None:
    for arguments in ((), ("word",)):
        with pytest.raises(typer.TyperException, match="Missing"):
            call(*arguments, function=needing)


def test_help_still_helps(capsys: pytest.CaptureFixture[str]) -> None:
    call("--help")
    assert "--number" in capsys.readouterr().out


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_no_command_needs_pydantic(command: str) -> None:
    """A release leaves it out: every option of every command, at every depth, is converted here."""
    loaded = load_command(command)
    leaves = [loaded, *(getattr(loaded, "commands", None) or {}).values()]
    for leaf in leaves:
        for parameter in leaf.params:
            assert coercion._converter(parameter) is not None, f"{command}: {parameter.name}"
            assert "process_value" in vars(parameter), f"{command}: {parameter.name}"


@pytest.mark.parametrize(("value", "reason"), [("0", "is less than 1"), ("10", "is more than 9"), ("x", "not a whole")])
def test_a_range_is_held(value: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        call("--ranged", value)
