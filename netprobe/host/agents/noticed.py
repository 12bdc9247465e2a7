"""Settings beside the agents' own that people expect to count: noticed, and told where they do not or disagree.

- **containerd** has a unit of its own; Docker pulls images itself, so a proxy there serves nobody on such a host.
- ``~/.docker/config.json`` has ``proxies`` for containers that the docker *client* starts or builds, never for the
  daemon's pulls (docs.docker.com, "Use a proxy server with the Docker CLI", read 2026-11-23).
- **apt, dnf and yum** have proxies of their own, which the install script uses (apt.conf(5), dnf.conf(5)).
- **PAC** variables: no agent runs JavaScript.
- ``ECS_BACKEND_HOST`` and the endpoints of ``amazon-ssm-agent.json`` send an agent elsewhere than the catalog says.

Files in JSON that cannot be parsed are passed over here: the agents' own rules tell of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netprobe.host.agents.programs import HTTP, HTTPS, SSM_UNITS, Program, pick, shell
from netprobe.host.machine import Machine
from netprobe.host.readers.settings import Setting
from netprobe.observations import Lint
from netprobe.proxyurl import redacted, safe

DOCKER_CLIENT = "/root/.docker/config.json"
CLOUDWATCH_CONFIG = "/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json"
SSM_CONFIG = "/etc/amazon/ssm/amazon-ssm-agent.json"
_ENDPOINT_URL = re.compile(r"AWS_ENDPOINT_URL(?:_[A-Z0-9_]+)?")
_UNITS = {"ecs-init": "ecs.service", "ssm-agent": SSM_UNITS[0], "docker": "docker.service"}
_SSM_SERVICES = ("Ssm", "Mgs", "Mds", "S3", "Kms")
_PAC_VARIABLES = frozenset({"AUTO_PROXY", "PROXY_AUTO_CONFIG", "PAC_URL", "PROXY_PAC"})
_APT = re.compile(r'\s*Acquire::(https?)::Proxy\s+"?([^";]+)"?\s*;', re.IGNORECASE)
_RPM = re.compile(r"\s*proxy\s*=\s*(\S+)\s*")
_NO_PROXY_AT_ALL = frozenset({"", "direct", "none", "_none_"})


def of_program(program: Program, machine: Machine) -> tuple[Lint, ...]:
    """What was noticed beside one program's own settings.

    Args:
        program: the program.
        machine: the host or image.
    """
    return (*_OF.get(program.name, _nothing)(program, machine), *_endpoint_urls(program, machine))


def _endpoint_urls(program: Program, machine: Machine) -> Iterator[Lint]:
    """``AWS_ENDPOINT_URL`` and its kin, which the SDKs in the agents follow (SDK reference guide, read 2026-11-28)."""
    for setting in _environment(program, machine):
        if _ENDPOINT_URL.fullmatch(setting.key) and setting.value:
            service = setting.key.removeprefix("AWS_ENDPOINT_URL").strip("_").lower()
            yield _lint("agent_endpoint_overridden", setting, f"the endpoint of {service or 'every service'}")


def _environment(program: Program, machine: Machine) -> tuple[Setting, ...]:
    if program.name == "ecs-agent":
        return machine.ecs_settings
    unit = _UNITS.get(program.name)
    return () if unit is None else machine.unit_environment(unit)


def _lint(lint: str, setting: Setting, other: str) -> Lint:
    shown = redacted(setting.value) if lint == "agent_endpoint_overridden" else safe(setting.value)
    return Lint(id=lint, value=f"{setting.key}={shown}", file=setting.file, line=setting.line or None, other=other)


def _nothing(_program: Program, _machine: Machine) -> Iterator[Lint]:
    return iter(())


def _pac(variables: Sequence[Setting]) -> Iterator[Lint]:
    for setting in variables:
        if setting.key.upper() in _PAC_VARIABLES:
            yield _lint("proxy_pac_unused", setting, "no agent reads automatic proxy configuration")


def _ecs_agent(_program: Program, machine: Machine) -> Iterator[Lint]:
    yield from _pac(machine.ecs_settings)
    override = machine.ecs_setting("ECS_BACKEND_HOST")
    if override is not None and override.value:
        yield _lint("agent_endpoint_overridden", override, "the ECS service endpoint; ecs-a and ecs-t are not affected")


def _ssm_agent(_program: Program, machine: Machine) -> Iterator[Lint]:
    content, text = _json(machine, SSM_CONFIG)
    for service in _SSM_SERVICES:
        section = content.get(service)
        endpoint = section.get("Endpoint") if isinstance(section, Mapping) else None
        if isinstance(endpoint, str) and endpoint:
            setting = Setting(key=f"{service}.Endpoint", value=endpoint, file=SSM_CONFIG, line=_line(text, endpoint))
            yield _lint("agent_endpoint_overridden", setting, f"the endpoint of {service.lower()}")


def _docker(_program: Program, machine: Machine) -> Iterator[Lint]:
    variables = machine.unit_environment("containerd.service")
    for setting in dict.fromkeys((pick(variables, HTTPS), pick(variables, HTTP))):
        if setting is not None:
            yield _lint("proxy_setting_unused", setting, "Docker pulls images itself; containerd's unit does not count")
    content, text = _json(machine, DOCKER_CLIENT)
    proxies = content.get("proxies")
    for host, values in proxies.items() if isinstance(proxies, Mapping) else ():
        for key, value in values.items() if isinstance(values, Mapping) else ():
            if key in ("httpsProxy", "httpProxy") and isinstance(value, str) and value:
                setting = Setting(key=f"{host}.{key}", value=value, file=DOCKER_CLIENT, line=_line(text, value))
                yield _lint("proxy_setting_unused", setting, "it is for containers that the docker command starts")


def _installer(program: Program, machine: Machine) -> Iterator[Lint]:
    yield from _pac(shell(machine))
    for setting in package_managers(machine):
        own = program.https
        if own is not None and safe(own.value) != safe(setting.value):
            yield _lint("proxy_values_conflict", setting, f"the installer: {own.where}: {own.key}={safe(own.value)}")


def _cloudwatch_agent(_program: Program, machine: Machine) -> Iterator[Lint]:
    content, text = _json(machine, CLOUDWATCH_CONFIG)
    for part in ("logs", "metrics", "traces"):
        section = content.get(part)
        endpoint = section.get("endpoint_override") if isinstance(section, Mapping) else None
        if isinstance(endpoint, str) and endpoint:
            line = _line(text, endpoint)
            setting = Setting(key=f"{part}.endpoint_override", value=endpoint, file=CLOUDWATCH_CONFIG, line=line)
            yield _lint("agent_endpoint_overridden", setting, f"the endpoint of {part}")


_OF = {
    "cloudwatch-agent": _cloudwatch_agent,
    "ecs-agent": _ecs_agent,
    "ssm-agent": _ssm_agent,
    "docker": _docker,
    "installer": _installer,
}


def package_managers(machine: Machine) -> tuple[Setting, ...]:
    """The proxies that apt, dnf and yum are given, in the order in which the files are read."""
    root = machine.root
    found = []
    for path in (*root.glob("/etc/apt/apt.conf.d", ""), "/etc/apt/apt.conf"):
        for number, line in root.lines(path):
            match = _APT.match(line)
            if match is not None and match[2].strip().lower() not in _NO_PROXY_AT_ALL:
                found.append(Setting(key=f"{match[1].lower()}_proxy", value=match[2].strip(), file=path, line=number))
    for path in ("/etc/dnf/dnf.conf", "/etc/yum.conf"):
        for number, line in root.lines(path):
            match = _RPM.fullmatch(line)
            if match is not None and match[1].lower() not in _NO_PROXY_AT_ALL:
                found.append(Setting(key="https_proxy", value=match[1], file=path, line=number))
    return tuple(found)


def _json(machine: Machine, path: str) -> tuple[Mapping[str, Any], str]:
    text = machine.root.text(path) or ""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}, text
    return (content if isinstance(content, Mapping) else {}), text


def _line(text: str, needle: str) -> int:
    at = text.find(json.dumps(needle))
    return text.count("\n", 0, at) + 1 if at >= 0 else 0
