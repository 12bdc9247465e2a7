"""The agents that are installed: which version, from where, and what that changes."""

from __future__ import annotations

from netprobe.findings import Place, Severity
from netprobe.host.machine import Machine
from netprobe.host.packages import Version
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import AGENT_CHANGES, INSTALLER, SSM_MESSAGES
from netprobe.rules import CannotJudgeError, Judgement, Rule, failed, not_applicable, not_run, passed, warned


def _shown(version: Version) -> str:
    return ".".join(map(str, version))


_AGENTS = {
    "amazon-ecs-init": ("ecs.service", "/usr/libexec/amazon-ecs-init", "/usr/bin/amazon-ecs-init"),
    "amazon-ssm-agent": ("amazon-ssm-agent.service", "/usr/bin/amazon-ssm-agent"),
}
"""The unit and the programs of each package (amazon-ecs-init's and amazon-ssm-agent's packaging)."""


def installed(machine: Machine, package: str) -> bool:
    """By its unit and programs as well: a package database that cannot be read proves nothing absent."""
    unit, *programs = _AGENTS[package]
    if package in machine.packages.versions or machine.unit_exists(unit):
        return True
    return machine.root.first(*programs) is not None


def unknown_version(machine: Machine, what: str) -> Judgement:
    """It is installed, and nothing says in which version.

    Raises:
        CannotJudgeError: the package database would say, and cannot be read.
    """
    title = f"{what}'s version is not known: {machine.packages.unknown or 'it did not come as a package'}"
    if machine.packages.unknown and machine.packages.file:
        raise CannotJudgeError(title)
    return not_run(title)


def _snap(machine: Machine) -> bool:
    return "amazon-ssm-agent" in machine.packages.snaps or machine.root.exists("/snap/amazon-ssm-agent/current")


def ecs_agent_too_old(machine: Machine) -> Judgement:
    """External instances exist since agent 1.52.0 (2021)."""
    version = machine.version_of("amazon-ecs-init", "ecs-init")
    if version is None:
        if not installed(machine, "amazon-ecs-init"):
            return not_applicable("the ECS agent is not installed; the installer brings the newest")
        return unknown_version(machine, "the ECS agent")
    place = Place(file=machine.packages.file, text=f"amazon-ecs-init {_shown(version)}")
    if version < (1, 52, 0):
        title = f"ECS agent {_shown(version)} does not support external instances"
        return failed(title, "install amazon-ecs-init 1.52.0 or later, preferably the newest", (place,))
    return passed(f"ECS agent {_shown(version)} supports external instances", place)


def ssm_agent_needs_ec2messages(machine: Machine) -> Judgement:
    """Before 3.3.40.0 SSM Agent talks to ec2messages first, which regions launched since 2024 do not have."""
    version = machine.version_of("amazon-ssm-agent")
    if version is None:
        if _snap(machine):
            return not_run("SSM Agent is a snap, whose version is not in any file that netprobe reads")
        if installed(machine, "amazon-ssm-agent"):
            return unknown_version(machine, "SSM Agent")
        return not_applicable("SSM Agent is not installed; the installer brings the newest")
    place = Place(file=machine.packages.file, text=f"amazon-ssm-agent {_shown(version)}")
    if version < (3, 3, 40, 0):
        return warned(
            f"SSM Agent {_shown(version)} needs ec2messages.REGION, which regions launched since 2024 do not have",
            "update amazon-ssm-agent to 3.3.40.0 or later, or allow ec2messages.REGION as well",
            (place,),
        )
    return passed(f"SSM Agent {_shown(version)} uses ssmmessages", place)


def ssm_agent_twice(machine: Machine) -> Judgement:
    """Ubuntu brings SSM Agent as a snap; beside the package's, two agents fight over one registration."""
    snap, package = _snap(machine), installed(machine, "amazon-ssm-agent")
    if snap and package:
        remedy = "keep one: snap remove amazon-ssm-agent, or remove the package"
        title = "SSM Agent is installed twice, as a snap and as a package"
        return failed(title, remedy, (Place(file="/snap/amazon-ssm-agent"), Place(file=machine.packages.file)))
    if not snap and not package:
        return not_applicable("SSM Agent is not installed")
    return passed(f"SSM Agent is installed once, as a {'snap' if snap else 'package'}")


def agents_not_enabled(machine: Machine) -> Judgement:
    """Both agents must come up with the host: without SSM Agent the credentials run out."""
    there = [package for package in _AGENTS if installed(machine, package)]
    if not there:
        return not_applicable("no agent is installed; the installer brings and enables both")
    missing = [_AGENTS[package][0] for package in there if machine.unit_enabled(_AGENTS[package][0]) is None]
    if missing:
        remedy = f"systemctl enable {' '.join(missing)}"
        places = [Place(file=f"/etc/systemd/system/multi-user.target.wants/{unit}") for unit in missing]
        return warned(f"installed and not started at boot: {', '.join(missing)}", remedy, places)
    return passed(f"started at boot: {', '.join(_AGENTS[package][0] for package in there)}")


RULES: tuple[Rule[Machine], ...] = (
    rule(ecs_agent_too_old, "The ECS agent does not support external instances", AGENT_CHANGES),
    rule(ssm_agent_needs_ec2messages, "SSM Agent needs ec2messages", SSM_MESSAGES, severity=Severity.WARNING),
    rule(ssm_agent_twice, "SSM Agent is installed twice", INSTALLER),
    rule(agents_not_enabled, "An agent is not started at boot", INSTALLER, severity=Severity.WARNING),
)
