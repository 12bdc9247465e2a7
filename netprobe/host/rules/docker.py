"""Docker: there, from where, which version, started at boot, and not configured against the ECS agent."""

from __future__ import annotations

from netprobe.findings import Place, Severity
from netprobe.host import packages
from netprobe.host.machine import Machine
from netprobe.host.readers import daemonjson
from netprobe.host.rules.define import rule
from netprobe.host.rules.pairs import needs_newer_agent, shown
from netprobe.host.rules.sources import AGENT, AGENT_VERSIONS, DEVELOPER_GUIDE
from netprobe.host.rules.versions import installed, unknown_version
from netprobe.rules import Judgement, Rule, failed, not_applicable, passed, warned

DAEMONS = ("/usr/bin/dockerd", "/usr/local/bin/dockerd", "/usr/sbin/dockerd")
_CLIENT = "/usr/bin/docker"


def docker_missing(machine: Machine) -> Judgement:
    """The installer fetches Docker from download.docker.com, except on RHEL, where it must be there before."""
    found = machine.root.first(*DAEMONS)
    if found is not None:
        package = next((name for name in packages.DOCKER if name in machine.packages.versions), None)
        origin = f"the package {package}" if package is not None else "no package that netprobe knows"
        return passed(f"Docker is installed, from {origin}", Place(file=found))
    where = (Place(file=DAEMONS[0]),)
    if machine.os_id == "rhel":
        remedy = "install Docker, then run the installer with --docker-install-source none"
        return failed("Docker is not installed, and the installer does not install it on RHEL", remedy, where)
    return warned(
        "Docker is not installed; the installer will fetch it from download.docker.com",
        "install Docker into the image, or let the host reach download.docker.com and the distribution's mirrors",
        where,
    )


def docker_is_podman(machine: Machine) -> Judgement:
    """Podman's docker command satisfies scripts and not the agent, which asks the daemon for old API versions.

    Its package brings a shell script of a few lines, some builds a link; Docker's own is a program.
    """
    entry = machine.root.lentry(_CLIENT)
    shim = "podman-docker" in machine.packages.versions or (entry is not None and "podman" in entry.target)
    start = machine.root.head(_CLIENT, 64) or b""
    shim = shim or (start.startswith(b"#!") and (b"/etc/containers/nodocker" in start or b"podman" in start))
    if shim:
        remedy = "remove podman-docker and install Docker Engine"
        return failed("the docker command is podman's", remedy, (Place(file=_CLIENT),))
    if entry is None:
        return not_applicable("there is no docker command")
    return passed("the docker command is not podman's")


def docker_too_old(machine: Machine) -> Judgement:
    """Since agent 1.20.0 Docker 18.01 is the oldest; metrics are reliable from 20.10.13 on."""
    version = machine.version_of(*packages.DOCKER)
    if version is None:
        return _no_version(machine)
    shown = ".".join(map(str, version))
    where = Place(file=machine.packages.file, text=f"Docker {shown}")
    if version < (18, 1):
        remedy = "install Docker 20.10.13 or later"
        return failed(f"Docker {shown} is older than the oldest that the ECS agent supports (18.01)", remedy, (where,))
    if version < (20, 10, 13):
        title = f"Docker {shown} is older than 20.10.13, from which on AWS calls container metrics reliable"
        return warned(title, "install Docker 20.10.13 or later", (where,))
    return passed(f"Docker {shown}", where)


def _no_version(machine: Machine) -> Judgement:
    if machine.root.first(*DAEMONS) is None:
        return not_applicable("Docker is not installed")
    return unknown_version(machine, "Docker")


def docker_needs_newer_agent(machine: Machine) -> Judgement:
    """Docker raises its oldest API version: to 1.24 with 25.0, to 1.44 with 29.0 (later 1.40)."""
    version = machine.version_of(*packages.DOCKER)
    if version is None:
        return _no_version(machine)
    agent = machine.version_of(*packages.ECS_AGENT)
    if version >= (25,) and agent is None and installed(machine, "amazon-ecs-init"):
        return unknown_version(machine, "the ECS agent")
    if agent is None:
        return passed("the installer brings an ECS agent that understands this Docker")
    needed = needs_newer_agent(machine, "docker_needs_newer_agent")
    return needed or passed(f"ECS agent {shown(agent)} speaks the API of Docker {shown(version)}")


def docker_not_enabled(machine: Machine) -> Judgement:
    """ecs.service wants docker.service; a host that comes up without Docker comes up without tasks."""
    if machine.root.first(*DAEMONS) is None:
        return not_applicable("Docker is not installed")
    for unit in ("docker.service", "docker.socket"):
        link = machine.unit_enabled(unit)
        if link is not None:
            return passed(f"{unit} is started at boot", link)
    return warned(
        "Docker is installed and not started at boot",
        "systemctl enable docker.service",
        (Place(file="/etc/systemd/system/multi-user.target.wants/docker.service"),),
    )


def data_folder(machine: Machine) -> str:
    """Where Docker keeps images: ``data-root`` of its configuration, else its default (dockerd(8))."""
    # A file that cannot be read is told of by docker_config_harmful.
    folder = daemonjson.read(machine.root).settings.get("data-root")
    return folder if isinstance(folder, str) and folder.startswith("/") else "/var/lib/docker"


RULES: tuple[Rule[Machine], ...] = (
    rule(docker_missing, "Docker is missing", DEVELOPER_GUIDE),
    rule(docker_is_podman, "The docker command is podman's", "https://github.com/aws/containers-roadmap/issues/1437"),
    rule(docker_too_old, "Docker is too old for the ECS agent", AGENT_VERSIONS),
    rule(docker_needs_newer_agent, "The ECS agent is too old for Docker", f"{AGENT}/issues/4074"),
    rule(docker_not_enabled, "Docker is not started at boot", AGENT, severity=Severity.WARNING),
)
