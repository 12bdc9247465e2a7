"""Which ECS agent a system and a Docker need: one table, each row with the change that it rests on.

Rows come from the agent's change log and pull requests (read 2026-11-28, up to 1.105.1), and from Docker's. A row names
the first agent that works; one that a regression broke for a while names the first that was broken, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netprobe.findings import Place
from netprobe.host import packages
from netprobe.host.machine import Machine
from netprobe.host.packages import Version
from netprobe.host.rules import kernel
from netprobe.host.rules.sources import AGENT
from netprobe.rules import Judgement, failed

_ALWAYS: Version = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A system, or a Docker, that some agents cannot work with.

    Attributes:
        rule: the rule that tells of it.
        what: the thing, as a title names it.
        applies: where it shows that this machine has the thing; None where it has not.
        broken_from: the first agent that does not work with it.
        works_from: the first agent that does.
        effect: what happens, one clause.
        source: the change.
    """

    rule: str
    what: str
    applies: Callable[[Machine], Place | None]
    broken_from: Version = _ALWAYS
    works_from: Version
    effect: str
    source: str

    def breaks(self, agent: Version) -> bool:
        """Whether this agent is one of those that do not work."""
        return self.broken_from <= agent < self.works_from


def _cgroups_v2(machine: Machine) -> Place | None:
    found = kernel.cgroup_version(machine)
    return found[1] if found is not None and found[0] == 2 else None


def _confined_cgroups_v2(machine: Machine) -> Place | None:
    """On Ubuntu Docker's profile keeps the agent from asking systemd for a cgroup over D-Bus."""
    place = _cgroups_v2(machine)
    return place if machine.os_id == "ubuntu" and kernel.apparmor(machine) is not None else None


def _docker(first: int) -> Callable[[Machine], Place | None]:
    def applies(machine: Machine) -> Place | None:
        version = machine.version_of(*packages.DOCKER)
        if version is None or version < (first,):
            return None
        return Place(file=machine.packages.file, text=f"Docker {shown(version)}")

    return applies


def _sles_with_apparmor(machine: Machine) -> Place | None:
    return kernel.apparmor(machine) if machine.os_id in ("sles", "opensuse-leap") else None


def _without_ipv6(machine: Machine) -> Place | None:
    found = kernel.option(machine, "ipv6.disable")
    return found[1] if found is not None and found[0] == "1" else None


PAIRS = (
    Pair(
        rule="cgroup_needs_newer_agent",
        what="cgroups v2",
        applies=_cgroups_v2,
        works_from=(1, 61, 0),
        effect="it cannot start tasks",
        source=f"{AGENT}/pull/3127",
    ),
    Pair(
        rule="cgroup_needs_newer_agent",
        what="cgroups v2 with AppArmor",
        applies=_confined_cgroups_v2,
        works_from=(1, 80, 0),
        effect="AppArmor keeps it from making a cgroup, and no task starts",
        source=f"{AGENT}/pull/4062",
    ),
    Pair(
        rule="docker_needs_newer_agent",
        what="Docker 25, which no longer speaks API 1.23 and older",
        applies=_docker(25),
        works_from=(1, 81, 0),
        effect="it cannot talk to Docker",
        source=f"{AGENT}/pull/4075",
    ),
    Pair(
        rule="docker_needs_newer_agent",
        what="Docker 29, which no longer speaks API 1.39 and older",
        applies=_docker(29),
        works_from=(1, 82, 1),
        effect="its starter, ecs-init, asks for API 1.25 alone",
        source=f"{AGENT}/pull/4080",
    ),
    Pair(
        rule="system_needs_newer_agent",
        what="SUSE Linux 15 with AppArmor",
        applies=_sles_with_apparmor,
        broken_from=(1, 80, 0),
        works_from=(1, 83, 0),
        effect="its AppArmor profile includes a file that is not there, and it does not start",
        source=f"{AGENT}/pull/4173",
    ),
    Pair(
        rule="system_needs_newer_agent",
        what="IPv6 switched off in the kernel",
        applies=_without_ipv6,
        broken_from=(1, 97, 0),
        works_from=(1, 97, 1),
        effect="ecs-init fails at ip6tables",
        source=f"{AGENT}/pull/4744",
    ),
)


def shown(version: Version) -> str:
    """``1.80.0``."""
    return ".".join(map(str, version))


def needs_newer_agent(machine: Machine, rule_id: str) -> Judgement | None:
    """The failed judgement of a rule over the table of pairs; None where no row speaks against this machine."""
    agent = machine.version_of(*packages.ECS_AGENT)
    if agent is None:
        return None
    for pair in PAIRS:
        place = pair.applies(machine) if pair.rule == rule_id and pair.breaks(agent) else None
        if place is not None:
            title = f"ECS agent {shown(agent)} does not work with {pair.what}: {pair.effect}"
            remedy = f"update amazon-ecs-init to {shown(pair.works_from)} or later"
            installed_as = Place(file=machine.packages.file, text=f"amazon-ecs-init {shown(agent)}")
            return failed(title, remedy, (place, installed_as))
    return None
