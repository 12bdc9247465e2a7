"""The agents that are installed: which version, from where, and what that changes."""

from __future__ import annotations

from netprobe.diagnosis.model import Place, Severity
from netprobe.host.machine import Machine
from netprobe.host.packages import Version
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import AGENT_CHANGES, INSTALLER, SSM_MESSAGES
from netprobe.rules import Judgement, Rule, failed, not_applicable, not_run, passed, warned


def _shown(version: Version) -> str:
    return ".".join(map(str, version))


def ecs_agent_too_old(machine: Machine) -> Judgement:
    """External instances exist since agent 1.52.0 (2021)."""
    version = machine.version_of("amazon-ecs-init", "ecs-init")
    if version is None:
        if machine.root.first("/usr/libexec/amazon-ecs-init", "/usr/bin/amazon-ecs-init") is None:
            return not_applicable("the ECS agent is not installed; the installer brings the newest")
        return not_run(f"the ECS agent's version is not known: {machine.packages.unknown or 'it is no package'}")
    place = Place(file=machine.packages.file, text=f"amazon-ecs-init {_shown(version)}")
    if version < (1, 52, 0):
        title = f"ECS agent {_shown(version)} knows no external instances"
        return failed(title, "install amazon-ecs-init 1.52.0 or later, best the newest", (place,))
    return passed(f"ECS agent {_shown(version)} supports external instances", place)


def ssm_agent_needs_ec2messages(machine: Machine) -> Judgement:
    """Before 3.3.40.0 SSM Agent talks to ec2messages first, which regions launched since 2024 do not have."""
    version = machine.version_of("amazon-ssm-agent")
    if version is None:
        if "amazon-ssm-agent" in machine.packages.snaps:
            return not_run("SSM Agent is a snap, whose version is not in any file that netprobe reads")
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
    snap = "amazon-ssm-agent" in machine.packages.snaps or machine.root.exists("/snap/amazon-ssm-agent/current")
    package = "amazon-ssm-agent" in machine.packages.versions
    if snap and package:
        remedy = "keep one: snap remove amazon-ssm-agent, or remove the package"
        title = "SSM Agent is installed twice, as a snap and as a package"
        return failed(title, remedy, (Place(file="/snap/amazon-ssm-agent"), Place(file=machine.packages.file)))
    if not snap and not package:
        return not_applicable("SSM Agent is not installed")
    return passed(f"SSM Agent is installed once, as a {'snap' if snap else 'package'}")


def agents_not_enabled(machine: Machine) -> Judgement:
    """Both agents must come up with the host: without SSM Agent the credentials run out."""
    missing = []
    for unit, package in (("ecs.service", "amazon-ecs-init"), ("amazon-ssm-agent.service", "amazon-ssm-agent")):
        if package in machine.packages.versions and machine.unit_enabled(unit) is None:
            missing.append(unit)
    if missing:
        remedy = f"systemctl enable {' '.join(missing)}"
        places = [Place(file=f"/etc/systemd/system/multi-user.target.wants/{unit}") for unit in missing]
        return warned(f"installed and not started at boot: {', '.join(missing)}", remedy, places)
    return passed("what is installed of the agents is started at boot")


RULES: tuple[Rule[Machine], ...] = (
    rule(ecs_agent_too_old, "The ECS agent knows no external instances", AGENT_CHANGES),
    rule(ssm_agent_needs_ec2messages, "SSM Agent needs ec2messages", SSM_MESSAGES, severity=Severity.WARNING),
    rule(ssm_agent_twice, "SSM Agent is installed twice", INSTALLER),
    rule(agents_not_enabled, "An agent is not started at boot", INSTALLER, severity=Severity.WARNING),
)
