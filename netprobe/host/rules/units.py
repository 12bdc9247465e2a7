"""The agents' units: what keeps systemd from starting them, and lines of an operator's that it passes over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netprobe.findings import Place
from netprobe.host.agents.programs import HTTP, HTTPS, NO_PROXY, SSM_UNITS, pick
from netprobe.host.machine import Machine
from netprobe.host.readers import settings, systemd
from netprobe.host.readers.specifiers import unknown
from netprobe.host.readers.systemd import Assignment, Ignored
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import READ_AGAIN
from netprobe.rules import Judgement, Rule, failed, not_applicable, passed, warned

UNITS = ("ecs.service", "docker.service", *SSM_UNITS, "containerd.service", "amazon-cloudwatch-agent.service")
_ABOUT = ("docker", "ecs", "ssm-agent", "containerd")
"""Words in a unit's name by which an operator means an agent."""
_AGENTS = ("docker.service", "ecs.service", *SSM_UNITS)
_CHECKED = "2026-11-29"
_LONGEST = 400
_SERVICE = "https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html"
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


class _Hindrance(NamedTuple):
    """What keeps a unit from starting, what to do, and where it stands."""

    title: str
    remedy: str
    place: Place


def unit_will_not_start(machine: Machine) -> Judgement:
    """A unit that is masked, that systemd refuses to load, or whose environment file is missing: no agent at all."""
    there = [unit for unit in _AGENTS if machine.unit_exists(unit) or systemd.masked(machine.root, unit)]
    if not there:
        return not_applicable("no agent's unit is installed; the installer brings them")
    sure = [one for unit in there for one in _hindrances(machine, unit)]
    absent = [one for unit in there for one in _absent_files(machine, unit)]
    told = [*sure, *absent] if machine.running else sure or absent
    titles = "; ".join(dict.fromkeys(one.title for one in told))
    remedy = "; ".join(dict.fromkeys(one.remedy for one in told))
    places = [one.place for one in told]
    if sure or (absent and machine.running):
        return failed(f"systemd does not start {titles}"[:_LONGEST], remedy, places)
    if absent:  # what starts first on a host made of the image may still write it
        return warned(f"unless something writes it before, systemd does not start {titles}"[:_LONGEST], remedy, places)
    return passed(f"systemd starts {', '.join(there)}")


def _hindrances(machine: Machine, unit: str) -> Iterator[_Hindrance]:
    mask = systemd.masked(machine.root, unit)
    if mask is not None:
        yield _Hindrance(f"{unit}: it is masked", f"systemctl unmask {unit}", mask)
        return
    refusal = systemd.refused(machine.root, unit)
    if refusal is not None:
        why, places = refusal
        remedy = "in the drop-in write ExecStart= with nothing behind it, and below it the one ExecStart= that counts"
        yield from (_Hindrance(f"{unit}: {why}", remedy, place) for place in places)


def _absent_files(machine: Machine, unit: str) -> Iterator[_Hindrance]:
    remedy = "make the file, or write a hyphen before its path: EnvironmentFile=-/PATH"
    for place in systemd.absent_files(machine.root, unit):
        yield _Hindrance(f"{unit}: there is no {place.text.partition('=')[2]}", remedy, place)


RULES: tuple[Rule[Machine], ...] = (
    rule(unit_will_not_start, "systemd does not start an agent's unit", _SERVICE, checked=_CHECKED),
    rule(unit_lines_ignored, "systemd ignores lines of an agent's unit", _SYNTAX, checked=READ_AGAIN),
)
