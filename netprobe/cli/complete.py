"""What a shell completes a value to: targets, scenarios, regions, groups, ids, formats.

Asked by the scripts of ``netprobe completion`` and by nobody else, so everything is imported when it is asked for.

Which option takes which values is told by its name, which is the same in every command (see ``netprobe.cli.options``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

Values: TypeAlias = Callable[[], Mapping[str, str]]
"""Gives every value and what it is in a few words (zsh and fish show them)."""


def regions() -> Mapping[str, str]:
    """The regions that exist and are not refused, and ``all``."""
    from netprobe import catalog
    from netprobe.catalog.model import Support

    found = {one.id: one.description for one in catalog.load().regions if one.support is not Support.REFUSED}
    return {**found, "all": "every supported region"}


def groups() -> Mapping[str, str]:
    """The groups of endpoints."""
    from netprobe import catalog

    return {one.id: one.description for one in catalog.load().groups}


def targets() -> Mapping[str, str]:
    """What can be rendered."""
    from netprobe.render import targets as known

    return {name: known.get(name).TITLE for name in known.names()}


def scenarios() -> Mapping[str, str]:
    """The faults of the lab."""
    from netprobe.lab.scenarios import SCENARIOS

    return {name: scenario.summary for name, scenario in SCENARIOS.items()}


def ids() -> Mapping[str, str]:
    """Everything that there is a page for."""
    from netprobe.cli.explain import known

    return known()


def log_formats() -> Mapping[str, str]:
    """The logs that audit reads."""
    from netprobe.audit.files import CAPTURE
    from netprobe.audit.formats import FORMATS

    return {**{name: one.SUMMARY for name, one in FORMATS.items()}, CAPTURE: "pcap or pcapng"}


def shells() -> Mapping[str, str]:
    """The shells that can be completed in."""
    from netprobe.cli.completion import SHELLS

    return dict.fromkeys(SHELLS, "")


def report_formats() -> Mapping[str, str]:
    """The formats of a report."""
    from netprobe.report import FORMATS

    return FORMATS


def fleet_formats() -> Mapping[str, str]:
    """The formats of a fleet."""
    from netprobe.fleet.formats import FORMATS

    return FORMATS


def comparison_formats() -> Mapping[str, str]:
    """The formats of a comparison of two reports."""
    from netprobe.fleet.formats.comparison import FORMATS

    return dict.fromkeys(FORMATS, "")


def table_formats() -> Mapping[str, str]:
    """The formats of a table."""
    from netprobe.cli.tables import FORMATS

    return dict.fromkeys(FORMATS, "")


def change_formats() -> Mapping[str, str]:
    """The formats of a list of changes."""
    from netprobe.cli.changes import FORMATS

    return dict.fromkeys(FORMATS, "")


def text_or_json() -> Mapping[str, str]:
    """The formats of what has no others."""
    return {"text": "for people", "json": "everything, versioned"}


def tools() -> Mapping[str, str]:
    """The tools that rules are written for."""
    from netprobe.render.model import Tool

    return {tool.value: "" for tool in Tool}


def vantages() -> Mapping[str, str]:
    """The programs of a host that netprobe probes as."""
    from netprobe.host.agents.vantages import NAMES

    return dict.fromkeys(NAMES, "")


def groupings() -> Mapping[str, str]:
    """What the hosts of a fleet are grouped by, beside labels."""
    from netprobe.fleet.survey import BY

    return dict.fromkeys(BY, "")


def loss_formats() -> Mapping[str, str]:
    """The formats of what a render cannot say."""
    from netprobe.cli.render import LOSSES

    return dict.fromkeys(LOSSES, "")


_BY_OPTION: Mapping[str, Values] = MappingProxyType(
    {
        "region": regions,
        "with_groups": groups,
        "without_groups": groups,
        "lab": scenarios,
        "scenario": scenarios,
        "log_format": log_formats,
        "shell": shells,
        "handoff_target": targets,
        "tool": tools,
        "as_": vantages,
        "by": groupings,
        "losses": loss_formats,
    }
)
_BY_COMMAND: Mapping[tuple[str, str], Values] = MappingProxyType(
    {
        ("render", "target"): targets,
        ("audit", "target"): targets,
        ("explain", "name"): ids,
        **{(name, "format"): report_formats for name in ("check", "diagnose", "host", "image", "workload", "gate")},
        **{(name, "format"): table_formats for name in ("endpoints", "regions", "targets", "list")},
        **{(name, "format"): text_or_json for name in ("path", "observe", "audit", "version")},
        ("fleet", "format"): fleet_formats,
        ("compare", "format"): comparison_formats,
        ("changes", "format"): change_formats,
    }
)
_LISTS = frozenset({"region", "with_groups", "without_groups"})
"""Options that take comma lists: the last word of one is completed."""


def attach(command: Any, name: str) -> None:
    """Let the parameters of a command complete their values.

    Args:
        command: the command, or a group of them.
        name: what it is called.
    """
    for child_name, child in (getattr(command, "commands", None) or {}).items():
        attach(child, child_name)
    for parameter in command.params:
        values = _BY_COMMAND.get((name, parameter.name)) or _BY_OPTION.get(parameter.name)
        if values is not None:
            parameter._custom_shell_complete = _completer(values, is_list=parameter.name in _LISTS)


def _completer(values: Values, *, is_list: bool) -> Callable[[Any, Any, str], list[Any]]:
    def complete(_ctx: Any, _parameter: Any, incomplete: str) -> list[Any]:
        from typer.core import CompletionItem  # type: ignore[attr-defined]

        return [CompletionItem(value, help=text) for value, text in matching(values(), incomplete, is_list=is_list)]

    return complete


def matching(values: Mapping[str, str], incomplete: str, *, is_list: bool) -> Iterable[tuple[str, str]]:
    """The values that begin so; of a comma list the last word is completed, and what is named already is left out."""
    before, comma, last = incomplete.rpartition(",") if is_list else ("", "", incomplete)
    named = set(before.split(",")) if comma else set()
    return [
        (f"{before}{comma}{value}", text)
        for value, text in values.items()
        if value.startswith(last) and value not in named
    ]
