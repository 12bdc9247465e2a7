"""Options from ``netprobe.toml`` and the environment: the command line wins, then the environment, then the file.

Every option of every command has a key, its long name without the dashes (``task-definition``; underscores are read as
hyphens), at the top of the file or, for one command only, in a table of the command's name::

    region = ["us-east-2", "eu-west-1"]
    timeout = 4
    expect = { images = "private" }

    [render]
    output = "allowlist.conf"

    [[endpoint]]                 # added to the catalog; see netprobe.catalog.overlay
    id = "harbor"
    pattern = "harbor.corp.example"

Relative paths in the file are relative to the file. Unknown keys are refused, since a misspelt ``expect`` would pass
silently. Without ``--config`` or ``NETPROBE_CONFIG``, ``netprobe.toml`` in the working directory is read if it exists,
and refused if someone else could have planted it: netprobe is often run as root, and the file may name output files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
import typer.main

from netprobe import implicit, reading
from netprobe.cli import commands
from netprobe.cli.coercion import simplify
from netprobe.cli.commands import COMMANDS
from netprobe.errors import UnreadableFileError, UsageError
from netprobe.nearest import meant, nearest

DEFAULT_FILE = Path("netprobe.toml")
MAX_BYTES = 1 << 20
TABLES = frozenset({"endpoint", "gate", "waiver"})
"""Keys that are not options: their owners read and validate them (catalog overlay, gate)."""
_META = "netprobe.config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One configuration file, parsed.

    Attributes:
        path: the file, or None where there is none.
        document: its content.
    """

    path: Path | None = None
    document: Mapping[str, Any] = field(default_factory=dict)

    def relative(self, value: str) -> str:
        """A path of the file, relative to the file; absolute paths and ``-`` stay as they are."""
        if self.path is None or value == "-":
            return value
        return str(self.path.parent / value)

    def tables(self, name: str) -> tuple[Mapping[str, Any], ...]:
        """The tables of an array (``[[endpoint]]``), or none.

        Raises:
            UnreadableFileError: the key is there and is not an array of tables.
        """
        value = self.document.get(name, [])
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            raise UnreadableFileError(str(self.path), f"{name} is not an array of tables", f"write [[{name}]]")
        return tuple(value)


def read(path: Path) -> Config:
    """Read and parse a configuration file.

    Raises:
        UnreadableFileError: it is missing, unreadable, too large or not TOML; the message has the place.
    """
    return _parsed(path, reading.read(path, MAX_BYTES, "name another"))


def _parsed(path: Path, data: bytes) -> Config:
    import tomllib  # late: most runs have no such file

    remedy = "correct it, or name another file with --config"
    if len(data) > MAX_BYTES:
        raise reading.too_large(path, MAX_BYTES, remedy)
    try:
        return Config(path=path, document=tomllib.loads(reading.unmarked(data, str(path)).decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as exc:
        raise UnreadableFileError(str(path), f"is not valid TOML ({exc})", remedy) from exc


def of(ctx: typer.Context) -> Config:
    """The configuration file of this invocation (empty where there is none)."""
    found = ctx.meta.get(_META)
    return found if isinstance(found, Config) else Config()


def complete(command: Any) -> None:
    """Give every option its environment variable and its key in the file, add ``--config``, convert plain values."""
    for group in _groups(command):
        simplify(group)
    for leaf in _leaves(command):
        if not any(parameter.name == "config" for parameter in leaf.params):
            leaf.params.append(_config_parameter())
        for parameter in _options(leaf):
            if parameter.envvar is None:
                parameter.envvar = f"NETPROBE_{key_of(parameter).replace('-', '_').upper()}"
            parameter.show_envvar = False
        simplify(leaf)


def key_of(parameter: Any) -> str:
    """The key of an option in the file: its longest name without the dashes."""
    return str(max(parameter.opts, key=len)).lstrip("-")


def _groups(command: Any) -> Iterator[Any]:
    """A command that holds others, and every one of those that does."""
    nested = getattr(command, "commands", None)
    if nested:
        yield command
        for child in nested.values():
            yield from _groups(child)


def _leaves(command: Any) -> Iterator[Any]:
    nested = getattr(command, "commands", None)
    if not nested:
        yield command
        return
    for child in nested.values():
        yield from _leaves(child)


def _options(command: Any) -> list[Any]:
    return [parameter for parameter in command.params if parameter.param_type_name == "option"]


def _config_parameter() -> Any:
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command("holder")(_holder)
    return typer.main.get_group(app).commands["holder"].params[0]


def _load(ctx: typer.Context, value: Path | None) -> None:
    """Put the values of the file behind those of the command line and the environment."""
    if ctx.resilient_parsing:
        return
    loaded = read(value) if value is not None else _implicit()
    if loaded is None:
        return
    ctx.meta[_META] = loaded
    ctx.default_map = _defaults(loaded, ctx)


def _holder(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            is_eager=True,
            expose_value=False,
            callback=_load,
            help="Read options from this file (default: ./netprobe.toml where it exists).",
        ),
    ] = None,
) -> None:
    """Hold the option that every command gets."""


def _implicit() -> Config | None:
    """``./netprobe.toml``, if it is there and nobody else can have written it."""
    data = implicit.read(DEFAULT_FILE, MAX_BYTES, option="--config")
    return None if data is None else _parsed(DEFAULT_FILE, data)


def _defaults(config: Config, ctx: typer.Context) -> dict[str, Any]:
    """The values of the file for one command, as typer takes defaults; every key is checked."""
    options = {key_of(parameter): parameter for parameter in _options(ctx.command)}
    names = ctx.command_path.split()[1:]
    values = dict(_flat(config, config.document, names[0] if names else ""))
    unknown = [key for key in values if key not in options]
    if unknown:
        _refuse_unknown(config, unknown)
    return {
        options[key].name: _value(config, key, value, options[key]) for key, value in values.items() if key in options
    }


def _flat(config: Config, document: Mapping[str, Any], command: str) -> Iterator[tuple[str, Any]]:
    """The options at the top, then those of the command's own table, which win."""
    seen: set[str] = set()
    for raw, value in document.items():
        key = raw.replace("_", "-")
        if key in seen:
            raise UnreadableFileError(
                str(config.path), f"{key} is there twice, with a hyphen and an underscore", "keep one"
            )
        seen.add(key)
        if key in TABLES or (key in COMMANDS and isinstance(value, dict)):
            continue
        yield key, value
    own = document.get(command)
    if isinstance(own, dict) and command not in TABLES:
        for raw, value in own.items():
            yield raw.replace("_", "-"), value


def _refuse_unknown(config: Config, keys: list[str]) -> None:
    """Refuse keys that no command knows; importing every command is the price of a file with another one's keys."""
    known = set(TABLES) | set(COMMANDS)
    for name in COMMANDS:
        for leaf in _leaves(commands.build(name)):
            known |= {key_of(parameter) for parameter in _options(leaf)}
    for key in keys:
        if key not in known:
            remedy = meant(nearest(key, known)) or "take it out"
            raise UsageError(f"{config.path}: {key}", "there is no such option", remedy)


def _value(config: Config, key: str, value: Any, parameter: Any) -> Any:
    """One value, brought into the form in which typer would have got it from the command line."""

    def wrong(reason: str, remedy: str) -> UsageError:
        return UsageError(f"{config.path}: {key}", reason, remedy)

    if parameter.is_flag:
        if not isinstance(value, bool):
            raise wrong("is a switch", "write true or false")
        return value
    if isinstance(value, dict):
        value = [f"{name}={inner}" for name, inner in value.items()]
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in values):
        raise wrong("takes text or a number", "write a plain value, or a list of them")
    texts = [_resolved(config, str(one), parameter) for one in values]
    if parameter.multiple:
        return texts
    if len(texts) != 1 or isinstance(value, list):
        raise wrong("takes one value", "do not write a list")
    return texts[0]


def _resolved(config: Config, text: str, parameter: Any) -> str:
    if key_of(parameter) == "report":
        form, separator, path = text.partition("=")
        return f"{form}{separator}{config.relative(path)}"
    annotation = parameter.type_descriptor.annotation
    return config.relative(text) if Path in (annotation, *get_args(annotation)) else text
