"""Docker: there, from where, which version, started at boot, and not configured against the ECS agent."""

from __future__ import annotations

import json

from netprobe.findings import Place, Severity
from netprobe.host.machine import Machine
from netprobe.host.readers.settings import MAX_FILE
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import AGENT, AGENT_VERSIONS, DEVELOPER_GUIDE
from netprobe.host.rules.versions import installed, unknown_version
from netprobe.rules import Judgement, Rule, failed, not_applicable, passed, warned

DAEMONS = ("/usr/bin/dockerd", "/usr/local/bin/dockerd", "/usr/sbin/dockerd")
PACKAGES = ("docker-ce", "docker.io", "moby-engine", "docker-engine", "docker")
_CLIENT = "/usr/bin/docker"
CONFIGURATION = "/etc/docker/daemon.json"


def docker_missing(machine: Machine) -> Judgement:
    """The installer fetches Docker from download.docker.com, except on RHEL, where it must be there before."""
    found = machine.root.first(*DAEMONS)
    if found is not None:
        package = next((name for name in PACKAGES if name in machine.packages.versions), None)
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
    version = machine.version_of(*PACKAGES)
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
    """Docker 25 raised its oldest API version to 1.24; the ECS agent can speak that since 1.81.0 (2024)."""
    version = machine.version_of(*PACKAGES)
    if version is None:
        return _no_version(machine)
    agent = machine.version_of("amazon-ecs-init", "ecs-init")
    if version >= (25,) and agent is None and installed(machine, "amazon-ecs-init"):
        return unknown_version(machine, "the ECS agent")
    if version < (25,) or agent is None:
        return passed("Docker and the ECS agent understand each other")
    shown = ".".join(map(str, agent))
    where = Place(file=machine.packages.file, text=f"amazon-ecs-init {shown}")
    if agent < (1, 81, 0):
        title = f"Docker {'.'.join(map(str, version))} no longer speaks the API of ECS agent {shown}"
        return failed(title, "update amazon-ecs-init to 1.81.0 or later", (where,))
    return passed(f"ECS agent {shown} speaks Docker's API", where)


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


def docker_config_harmful(machine: Machine) -> Judgement:
    """A daemon.json that Docker rejects, or that forbids it the rules which give bridge tasks a network."""
    # Docker takes a byte order mark and an empty file (moby daemon/config, getConflictFreeConfiguration).
    text = (machine.root.text(CONFIGURATION, MAX_FILE) or "").removeprefix("\ufeff")
    if not text.strip():
        return passed("Docker has its default configuration")
    try:
        settings = json.loads(text)
    except json.JSONDecodeError as exc:
        place = Place(file=CONFIGURATION, line=exc.lineno, text=f"column {exc.colno}: {exc.msg}")
        return failed("Docker will not start: its daemon.json is no JSON", "correct the file", (place,))
    except (ValueError, RecursionError):
        place = Place(file=CONFIGURATION, line=1)
        title = "Docker will not start: its daemon.json is nested too deep, or holds a number that is too long"
        return failed(title, "correct the file", (place,))
    if not isinstance(settings, dict):
        place = Place(file=CONFIGURATION, line=1)
        return failed("Docker will not start: its daemon.json is no JSON object", "correct the file", (place,))
    if settings.get("iptables") is False:
        remedy = 'remove "iptables": false, or write the NAT and forwarding rules for bridge tasks yourself'
        title = "Docker is told not to write iptables rules, so tasks in bridge mode have no way out"
        return warned(
            title, remedy, (Place(file=CONFIGURATION, line=_line(text, '"iptables"'), text='"iptables": false'),)
        )
    return passed("Docker's configuration does not stand in the way", Place(file=CONFIGURATION))


def data_folder(machine: Machine) -> str:
    """Where Docker keeps images: ``data-root`` of its configuration, else its default (dockerd(8))."""
    text = (machine.root.text(CONFIGURATION, MAX_FILE) or "").removeprefix("\ufeff")
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError):
        # Docker does not start with it, which is told by docker_config_harmful.
        settings = None
    folder = settings.get("data-root") if isinstance(settings, dict) else None
    return folder if isinstance(folder, str) and folder.startswith("/") else "/var/lib/docker"


def _line(text: str, key: str) -> int:
    return text[: max(text.find(key), 0)].count("\n") + 1


RULES: tuple[Rule[Machine], ...] = (
    rule(docker_missing, "Docker is missing", DEVELOPER_GUIDE),
    rule(docker_is_podman, "The docker command is podman's", "https://github.com/aws/containers-roadmap/issues/1437"),
    rule(docker_too_old, "Docker is too old for the ECS agent", AGENT_VERSIONS),
    rule(docker_needs_newer_agent, "The ECS agent is too old for Docker", f"{AGENT}/issues/4074"),
    rule(docker_not_enabled, "Docker is not started at boot", AGENT, severity=Severity.WARNING),
    rule(docker_config_harmful, "Docker's configuration stands in the way", "https://docs.docker.com/engine/daemon/"),
)
