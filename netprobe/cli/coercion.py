"""Values of plain types (text, numbers, switches, paths, lists of them), converted here instead of by typer.

For two reasons. A mistake is told with the option and the value (``--timeout x: is not a number``), wherever the value
came from. And typer converts with pydantic, whose import costs half as much again as the rest of ``netprobe render``,
and which a release leaves out; what is not plain (a choice, a file that must exist) would go that way, so no option is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PosixPath
from typing import Any, get_args, get_origin

import typer

from netprobe.cli.output import write_output
from netprobe.errors import UsageError

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off", ""})
_NOT_PLAIN = ("parser", "exists", "writable", "resolve_path", "path_type")


def simplify(command: Any) -> None:
    """Let every parameter of a command convert its values here, ``--help`` included."""
    for parameter in command.params:
        _simplify(parameter)
    original = command.get_help_option

    def get_help_option(ctx: Any) -> Any:
        # typer makes this option when it is first asked for, and keeps it.
        option = original(ctx)
        if option is not None and "process_value" not in vars(option):
            option.callback = _show_help
            _simplify(option)
        return option

    command.get_help_option = get_help_option


def _show_help(ctx: Any, _parameter: Any, asked: bool) -> None:
    """Print the help page as every other output: a reader that is gone or a full disk is no bug of ours."""
    if asked and not ctx.resilient_parsing:
        write_output(ctx.get_help() + "\n", None)
        ctx.exit()


def _simplify(parameter: Any) -> None:
    convert = _converter(parameter)
    original = parameter.process_value

    def process(ctx: Any, value: Any) -> Any:
        if convert is None or (parameter.required and parameter.value_is_missing(value)):
            try:
                return original(ctx, value)
            except typer.BadParameter as exc:
                if parameter.value_is_missing(value):
                    raise
                raise _mistake(parameter, value, _lowered(exc.message)) from exc
        converted = _converted(parameter, convert, value)
        return converted if parameter.callback is None else parameter.callback(ctx, parameter, converted)

    parameter.process_value = process


def _converted(parameter: Any, convert: Callable[[Any], Any], value: Any) -> Any:
    several = parameter.multiple or parameter.nargs != 1
    if value is None:
        return () if several else None
    if not several:
        return convert(value)
    return [convert(one) for one in ([value] if isinstance(value, str) else value)]


def _converter(parameter: Any) -> Callable[[Any], Any] | None:
    """How to convert one value, or None where that is typer's business."""
    descriptor = parameter.type_descriptor
    annotation = descriptor.annotation
    kind = get_args(annotation)[0] if get_origin(annotation) is list else annotation
    if any(getattr(descriptor.parameter_info, name, None) for name in _NOT_PLAIN):
        return None
    if parameter.nargs not in (1, -1) or getattr(parameter, "count", False):
        return None
    if kind is bool:
        return lambda value: _switch(parameter, value)
    if kind in (int, float):
        return lambda value: _number(parameter, kind, value)
    if kind is Path:
        return lambda value: _path(parameter, value)
    return str if kind is str else None


class Folder(PosixPath):
    """A path that was written with a slash at its end, which a plain one forgets."""


def _path(parameter: Any, value: Any) -> Path:
    """A path; an empty one, which is what a shell makes of an unset variable, would be the folder one stands in."""
    if str(value) == "":
        raise _mistake(parameter, "''", "is empty; was a variable not set?")
    return Folder(value) if str(value).endswith("/") else Path(value)


def _switch(parameter: Any, value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise _mistake(parameter, value, "is a switch; give true or false")
    return text in _TRUE


def _number(parameter: Any, kind: type[int] | type[float], value: Any) -> int | float:
    try:
        number = kind(value)
    except ValueError as exc:
        raise _mistake(parameter, value, "is not a whole number" if kind is int else "is not a number") from exc
    limits = parameter.type_descriptor.parameter_info
    least, most = limits.min, limits.max
    if least is not None and not number >= least:  # said like this, what is not a number fails too
        raise _mistake(parameter, value, f"is less than {least:g}")
    if most is not None and number > most:
        raise _mistake(parameter, value, f"is more than {most:g}")
    return number


def _mistake(parameter: Any, value: Any, reason: str) -> UsageError:
    name = max(parameter.opts, key=len) if parameter.param_type_name == "option" else parameter.name.upper()
    return UsageError(f"{name} {value}", reason, "'--help' says what it takes")


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")
