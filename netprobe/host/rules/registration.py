"""Registration: nothing that interferes with it, nothing left of an earlier one, nothing that a clone would carry."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netprobe.findings import Place, Severity
from netprobe.host.machine import ECS_CONFIGS, Machine
from netprobe.host.readers import settings
from netprobe.host.readers.settings import MAX_FILE, Setting
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import AGENT, DEVELOPER_GUIDE, INSTALLER
from netprobe.rules import Judgement, Rule, failed, not_applicable, passed, warned

_SSM_STATE = (
    "/var/lib/amazon/ssm/Vault/Store/RegistrationKey",
    "/var/lib/amazon/ssm/registration",
    "/var/snap/amazon-ssm-agent/common/amazon/ssm/Vault/Store/RegistrationKey",
)
_ECS_STATE = ("/var/lib/ecs/data/agent.db", "/var/lib/ecs/data/ecs_agent_data.json")
_CHAIN = re.compile(
    r"AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|PROFILE|DEFAULT_PROFILE|SHARED_CREDENTIALS_FILE|CONFIG_FILE"
    r"|WEB_IDENTITY_TOKEN_FILE|ROLE_ARN|CONTAINER_CREDENTIALS_(RELATIVE|FULL)_URI)"
)
_PROFILE_KEYS = re.compile(
    r"\s*(aws_access_key_id|aws_secret_access_key|aws_session_token|credential_process|role_arn|sso_session"
    r"|sso_start_url|credential_source|web_identity_token_file)\s*="
)
_ENVIRONMENT_FILES = (
    "/etc/environment",
    "/etc/default/ecs",
    "/etc/sysconfig/ecs",
    "/var/lib/ecs/ecs.config",
    "/etc/ecs/ecs.config",
)
_UNITS = ("ecs.service", "amazon-ssm-agent.service", "docker.service")
_CLOUDS = {"Amazon EC2": "Amazon EC2", "Google": "Google Cloud", "Alibaba Cloud": "Alibaba Cloud", "OVH": "OVHcloud"}
_AZURE_TAG = "7783-7084-3265-9085-8269-3286-77"


def credentials_on_host(machine: Machine) -> Judgement:
    """AWS (since 2021-09): no credential chain may be configured on the host, it interferes with registration."""
    places: list[Place] = []
    for path in _ENVIRONMENT_FILES:
        places += [item.place for item in settings.shell(machine.root, path) if _CHAIN.fullmatch(item.key)]
    for path in machine.root.glob("/etc/profile.d", ".sh"):
        places += [item.place for item in settings.shell(machine.root, path) if _CHAIN.fullmatch(item.key)]
    for unit in _UNITS:
        places += [item.place for item in machine.unit_environment(unit) if _CHAIN.fullmatch(item.key)]
    places += _profiles(machine)
    if machine.live is not None:
        names = sorted(name for name in machine.live.environment if _CHAIN.fullmatch(name))
        places += [Place(file="environment", text=name) for name in names]
    if not places:
        return passed("no AWS credentials are configured")
    return failed(
        "AWS credentials are configured on the host; they interfere with the registration of an external instance",
        "remove them: SSM Agent fetches the host's own credentials and renews them every 30 minutes",
        places,
    )


def _profiles(machine: Machine) -> list[Place]:
    """Keys in root's AWS files. A registered host has a file of SSM Agent's own there, which is no foreign chain."""
    if machine.running and _registered(machine):
        return []
    places = []
    for path in ("/root/.aws/credentials", "/root/.aws/config"):
        for number, line in machine.root.lines(path, MAX_FILE):
            match = _PROFILE_KEYS.match(line)
            if match is not None:
                places.append(Place(file=path, line=number, text=match[1]))
    return places


def cloud_metadata_present(machine: Machine) -> Judgement:
    """On a cloud VM the metadata service is one more credential chain; DMI tells whose machine it is."""
    cloud = cloud_name(machine)
    if cloud is None:
        return passed("this is no virtual machine of a cloud that netprobe knows")
    return warned(
        f"this is a virtual machine of {cloud}, whose metadata service offers credentials of its own",
        "block 169.254.169.254 for this host, or register a machine outside that cloud",
        (Place(file="/sys/class/dmi/id/sys_vendor", line=1, text=_vendor(machine)[:80]),),
    )


def cloud_name(machine: Machine) -> str | None:
    """The cloud whose virtual machine this is, by DMI; None for none that is known."""
    tag = (machine.root.text("/sys/class/dmi/id/chassis_asset_tag") or "").strip()
    return "Microsoft Azure" if tag == _AZURE_TAG else _CLOUDS.get(_vendor(machine))


def _vendor(machine: Machine) -> str:
    return (machine.root.text("/sys/class/dmi/id/sys_vendor") or "").strip()


def _state(machine: Machine, paths: tuple[str, ...]) -> list[Place]:
    """Files that are there and not empty."""
    found = []
    for path in paths:
        entry = machine.root.entry(path)
        if entry is not None and entry.size > 0:
            found.append(Place(file=path))
    return found


def _registered(machine: Machine) -> bool:
    return bool(_state(machine, _SSM_STATE))


def already_registered(machine: Machine) -> Judgement:
    """A registration belongs to one machine: an image must carry none, a host both halves or none."""
    ssm, ecs = _state(machine, _SSM_STATE), _state(machine, _ECS_STATE)
    if not ssm and not ecs:
        return passed("no registration is left on this system")
    if not machine.running:
        return failed(
            "the image carries a registration; every clone of it would claim to be the same instance",
            "stop both agents and remove /var/lib/amazon/ssm/Vault, /var/lib/amazon/ssm/registration and "
            "/var/lib/ecs/data before the image is taken",
            (*ssm, *ecs),
        )
    if ssm and ecs:
        return passed("this host is registered with Systems Manager and with Amazon ECS", *ssm, *ecs)
    which, other = ("Systems Manager", "Amazon ECS") if ssm else ("Amazon ECS", "Systems Manager")
    return warned(
        f"this host holds a registration with {which} and none with {other}: an installation ended half-way",
        "remove both agents' state (/var/lib/amazon/ssm/Vault, /var/lib/ecs/data), then install with a new activation",
        (*ssm, *ecs),
    )


def machine_id_in_image(machine: Machine) -> Judgement:
    """SSM Agent's hardware fingerprint contains the machine id; clones of one id look like one machine."""
    text = machine.root.text("/etc/machine-id")
    content = (text or "").strip()
    place = Place(file="/etc/machine-id", line=1)
    if machine.running:
        if re.fullmatch(r"[0-9a-f]{32}", content):
            return passed("the machine has an id", place)
        return failed("the machine has no id", "run systemd-machine-id-setup", (place,))
    if content not in ("", "uninitialized"):
        return failed(
            "the image carries a machine id, which all its clones would share",
            "empty it before the image is taken: truncate -s 0 /etc/machine-id",
            (place,),
        )
    other = machine.root.lentry("/var/lib/dbus/machine-id")
    if other is not None and other.size > 0 and not other.target:
        return failed(
            "the image carries a machine id in D-Bus's own file, from which /etc/machine-id is made at boot",
            "remove /var/lib/dbus/machine-id or make it a link to /etc/machine-id",
            (Place(file="/var/lib/dbus/machine-id", line=1),),
        )
    return passed("the image carries no machine id")


def several_clusters(machine: Machine) -> Judgement:
    """An external instance belongs to one cluster at a time."""
    found: dict[str, Setting] = {}
    for item in machine.ecs_settings:
        if item.key == "ECS_CLUSTER":
            found[item.value] = item
    if not found:
        return not_applicable("no cluster is configured yet")
    places = [item.shown for item in found.values()]
    if len(found) == 1:
        return passed("one cluster is configured", *places)
    return failed(
        f"{len(found)} different clusters are configured; an external instance belongs to one",
        "keep one ECS_CLUSTER line, in /etc/ecs/ecs.config",
        places,
    )


_WRAPPED = re.compile(r"""(?:ECS|AWS)_[A-Z0-9_]*=(?:"[^"]*"|'[^']*')""")
_COMMENTED = re.compile(r"(?:ECS|AWS)_[A-Z0-9_]*=[^\s#]*\s+#.*")


def ecs_config_unread(machine: Machine) -> Judgement:
    """Lines that systemd's EnvironmentFile ignores are settings that the operator believes in and nobody reads."""
    places = []
    for path in ("/etc/ecs/ecs.config",):
        for number, line in machine.root.lines(path):
            text = line.strip()
            if not text or text.startswith(("#", ";")) or re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*=.*", text):
                continue
            # Only what looks like a key is shown: the rest of such a line may be a password.
            key = re.match(r"(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*(?=\s*=)", text)
            places.append(Place(file=path, line=number, text=key[0] if key is not None else ""))
    if places:
        remedy = "write KEY=VALUE, one a line, without 'export' and without spaces around '='"
        return failed("ecs.config has lines that neither systemd nor Docker reads as a setting", remedy, places)
    taken = [place for path in ECS_CONFIGS for place in _taken_whole(machine, path)]
    if taken:
        names = ", ".join(dict.fromkeys(place.text for place in taken))
        return failed(
            f"the ECS agent takes quotes and comments in ecs.config as part of the value: {names}",
            "write KEY=VALUE without quotes, and a comment on a line of its own",
            taken,
        )
    return passed("every line of ecs.config is one that the agent reads")


def _taken_whole(machine: Machine, path: str) -> Iterator[Place]:
    """Settings with something around the value that a shell or systemd would take away.

    ecs-init gives the agent's container what stands behind the first ``=`` as it is (``getEnvVars`` in
    ``ecs-init/docker/docker.go``, read 2026-11-29): the agent looks for a cluster whose name has quotes in it. Of a
    proxy the lints tell.
    """
    for number, line in machine.root.lines(path, MAX_FILE):
        if _WRAPPED.fullmatch(line.strip()) or _COMMENTED.fullmatch(line.strip()):
            yield Place(file=path, line=number, text=line.partition("=")[0].strip())


RULES: tuple[Rule[Machine], ...] = (
    rule(credentials_on_host, "AWS credentials on the host interfere", DEVELOPER_GUIDE),
    rule(
        cloud_metadata_present,
        "A cloud's metadata service offers credentials",
        DEVELOPER_GUIDE,
        severity=Severity.WARNING,
        running=True,
    ),
    rule(already_registered, "A registration is left over", INSTALLER),
    rule(
        machine_id_in_image,
        "The machine id is wrong for this use",
        "https://github.com/aws/amazon-ssm-agent/tree/mainline/agent/managedInstances/fingerprint",
    ),
    rule(several_clusters, "More than one cluster is configured", DEVELOPER_GUIDE),
    rule(ecs_config_unread, "ecs.config has lines that are not read as they look", AGENT),
)
