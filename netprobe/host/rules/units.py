"""The agents' units: lines that an operator wrote and systemd passes over."""

from __future__ import annotations

from collections.abc import Iterator

from netprobe.host.agents.programs import HTTP, HTTPS, NO_PROXY, SSM_UNITS, pick
from netprobe.host.machine import Machine
from netprobe.host.readers import settings, systemd
from netprobe.host.readers.specifiers import unknown
from netprobe.host.readers.systemd import Assignment, Ignored
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import READ_AGAIN
from netprobe.rules import Judgement, Rule, failed, passed, warned

UNITS = ("ecs.service", "docker.service", *SSM_UNITS, "containerd.service", "amazon-cloudwatch-agent.service")
_ABOUT = ("docker", "ecs", "ssm-agent", "containerd")
"""Words in a unit's name by which an operator means an agent."""
_SYNTAX = "https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html"
_PROXIES = (HTTPS, HTTP, NO_PROXY)


def _ignored(machine: Machine, unit: str) -> Iterator[Ignored]:
    """Lines of a unit and its drop-ins that were meant to set a variable, and words of ``Environment=`` that fail."""
    for path in systemd.files(machine.root, unit):
        taken, ignored = systemd.read(machine.root, path)
        yield from (line for line in ignored if line.variable)
        for one in taken:
            if one.section == "Service" and one.key == "Environment":
                yield from systemd.variables(one, unit)[1]
            if one.section == "Service" and one.key == "EnvironmentFile" and one.value:
                yield from _not_taken(machine, unit, one)
    yield from systemd.not_read(machine.root, unit)


def _not_taken(machine: Machine, unit: str, one: Assignment) -> Iterator[Ignored]:
    """An ``EnvironmentFile=`` that systemd does not take: the variables that the file would set, or itself."""
    if systemd.environment_path(one, unit):
        return
    reason = "the path of EnvironmentFile= is not absolute, since quotes and blanks are part of it"
    if unknown(one.value):
        reason = f"it knows no {unknown(one.value)[0]}, which EnvironmentFile= names: write %% for a percent sign"
    path = one.value.removeprefix("-").strip(" \"'")
    meant = settings.environment_file(machine.root, path) if path.startswith("/") else ()
    names = dict.fromkeys(setting.key for setting in meant if any(setting.key in names for names in _PROXIES))
    for name in names or ("EnvironmentFile",):
        yield Ignored(file=one.file, line=one.line, variable=name, reason=reason)


def _is_lost(machine: Machine, unit: str, variable: str) -> bool:
    """Whether a proxy variable that an ignored line names reaches the unit from nowhere else either."""
    names = next((names for names in _PROXIES if variable in names), None)
    return names is not None and pick(machine.unit_environment(unit), names) is None


def unit_lines_ignored(machine: Machine) -> Judgement:
    """A drop-in without ``[Service]`` or ``Environment=`` looks right, and the service starts without the proxy."""
    lost: list[tuple[str, Ignored]] = []
    told: list[tuple[str, Ignored]] = []
    for unit in UNITS:
        for line in _ignored(machine, unit):
            told.append((unit, line))
            if _is_lost(machine, unit, line.variable):
                lost.append((unit, line))
    told += systemd.strays(machine.root, _ABOUT, UNITS)
    if not told:
        return passed("systemd reads every variable in the agents' units")
    remedy = 'below [Service] write Environment="NAME=VALUE", in a file whose name ends in .conf; then daemon-reload'
    shown = lost or told
    units = ", ".join(dict.fromkeys(unit for unit, _ in shown))
    variables = ", ".join(dict.fromkeys(line.variable for _, line in shown))
    reasons = "; ".join(dict.fromkeys(line.reason for _, line in shown))
    places = [line.place for _, line in told]
    if lost:
        return failed(f"{units} runs without {variables}, since systemd ignores the line: {reasons}", remedy, places)
    return warned(f"systemd ignores lines of {units} that name {variables}: {reasons}", remedy, places)


RULES: tuple[Rule[Machine], ...] = (
    rule(unit_lines_ignored, "systemd ignores lines of an agent's unit", _SYNTAX, checked=READ_AGAIN),
)
