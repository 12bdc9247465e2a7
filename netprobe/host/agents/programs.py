"""The programs of an ECS Anywhere host that reach out, each with the proxy variables, trust and ciphers it really uses.

"curl works" proves nothing for the ECS agent. The differences, read in the sources (facts of 2026-11-23):

- The **ECS agent** runs in a container whose environment is made by ecs-init from ``/var/lib/ecs/ecs.config`` and then
  ``/etc/ecs/ecs.config`` (``ecs-init/docker/docker.go``: split at the first ``=``, quotes stay part of the value). Its
  own copy of Go's ``httpproxy`` falls back to ``HTTP_PROXY`` for https, and an empty ``NO_PROXY`` becomes the metadata
  addresses. Its TLS 1.2 suites are RSA only (``ecs-agent/utils/cipher``). The deb package mounts the host's
  certificates; the rpm that the install script fetches does not (``ecs-init/config/config_generic_rpm.go``).
- **ecs-init** is the unit ``ecs.service``, **Docker** ``docker.service`` (``/etc/docker/daemon.json`` wins over its
  environment), the **SSM agent** its unit or its snap; all three are plain Go: https needs ``HTTPS_PROXY``.
- The **installer** is curl in the operator's shell: lower case first, ``http_proxy`` in lower case only.

What a running process really has is read from ``/proc`` where that is permitted, and then it is what counts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from netprobe.host.agents import processes
from netprobe.host.agents.noproxy import NoProxyDialect
from netprobe.host.machine import ECS_CONFIGS, Machine
from netprobe.host.readers import daemonjson, settings, systemd
from netprobe.host.readers.settings import MAX_FILE, Setting

HTTPS = ("HTTPS_PROXY", "https_proxy")
HTTP = ("HTTP_PROXY", "http_proxy")
NO_PROXY = ("NO_PROXY", "no_proxy")
CA_FILE = ("SSL_CERT_FILE",)
CA_FOLDERS = ("SSL_CERT_DIR",)
"""Where a Go program looks for roots instead (``crypto/x509``, ``root_unix.go``, read 2026-11-28)."""
ALL_PROXY = ("all_proxy", "ALL_PROXY")
ECS_NO_PROXY = "169.254.169.254,169.254.170.2,/var/run/docker.sock"
"""What the ECS agent sets where NO_PROXY is empty (the last part is the Docker socket)."""
ECS_CIPHERS = ":".join(
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-RSA-AES256-SHA",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "AES128-SHA256",
        "AES128-SHA",
        "AES256-SHA",
    )
)
"""The ECDHE_RSA_* and RSA_* suites of TLS 1.2 under OpenSSL's names; TLS 1.3 is not limited."""
CLOUDWATCH_COMMON = "/opt/aws/amazon-cloudwatch-agent/etc/common-config.toml"
_BUNDLE_KEY = "ca_bundle_path"
_COMMON_KEYS = {
    "proxy": {"http_proxy": "HTTP_PROXY", "https_proxy": "HTTPS_PROXY", "no_proxy": "NO_PROXY"},
    "ssl": {"ca_bundle_path": _BUNDLE_KEY},
}
SSM_UNITS = ("amazon-ssm-agent.service", "snap.amazon-ssm-agent.amazon-ssm-agent.service")
PUBLIC_ROOTS = "public roots only: the ECS agent's image carries its own bundle, and the rpm package mounts no other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program and its settings.

    Attributes:
        name: the vantage's name: ``ecs-agent`` …
        installed: whether it is installed or configured here.
        home: the file that its proxy belongs into.
        dialect: how it reads NO_PROXY.
        https: the setting that it uses for https, or None for a direct connection.
        http: the setting that it uses for plain http.
        no_proxy: the exemptions, or None.
        variables: every proxy variable that was found for it, in order.
        only_http: ``HTTP_PROXY`` is set and this program will not use it for https.
        own_roots: why it does not trust the host's store, or nothing.
        ca_file: a bundle that its settings name (``SSL_CERT_FILE``), or nothing.
        ca_folders: folders of certificates that its settings name (``SSL_CERT_DIR``), or nothing.
        ciphers: an OpenSSL cipher list that limits TLS 1.2, or nothing.
        stale: settings of the running process that differ from the files: (files, process).
    """

    name: str
    installed: bool
    home: str = ""
    dialect: NoProxyDialect
    https: Setting | None = None
    http: Setting | None = None
    no_proxy: Setting | None = None
    variables: tuple[Setting, ...] = ()
    only_http: bool = False
    own_roots: str = ""
    ca_file: Setting | None = None
    ca_folders: Setting | None = None
    ciphers: str = ""
    stale: tuple[tuple[Setting | None, Setting | None], ...] = field(default=())


def read(machine: Machine) -> tuple[Program, ...]:
    """Every program of the host or image, installed or not, in the order of DESIGN's vantages.

    Raises:
        UnreadableError: a file is there and cannot be read.
    """
    return (ecs_agent(machine), ssm_agent(machine), docker(machine), ecs_init(machine), installer(machine))


def beside(machine: Machine) -> tuple[Program, ...]:
    """Programs that many hosts have beside those of ECS Anywhere; a task's metrics and logs may lean on them."""
    return (cloudwatch_agent(machine),)


def cloudwatch_agent(machine: Machine) -> Program:
    """The CloudWatch agent, whose proxies and bundle stand in a file of its own.

    ``common-config.toml`` (AWS's page on installing the agent on premises, and ``cfg/commonconfig`` of
    amazon-cloudwatch-agent, read 2026-11-28): ``[proxy]`` with http_proxy, https_proxy and no_proxy, ``[ssl]`` with
    ca_bundle_path. The agent is plain Go and puts them into its environment.
    """
    own = _common_config(machine)
    unit = "amazon-cloudwatch-agent.service"
    program = _go_program(
        machine,
        "cloudwatch-agent",
        unit=unit,
        installed=machine.unit_exists(unit) or machine.version_of("amazon-cloudwatch-agent") is not None or bool(own),
        in_files=(*machine.unit_environment(unit), *(one for one in own if one.key != _BUNDLE_KEY)),
        commands=("amazon-cloudwatch-agent",),
    )
    return replace(program, home=CLOUDWATCH_COMMON, ca_file=settings.last(own, _BUNDLE_KEY))


def _common_config(machine: Machine) -> tuple[Setting, ...]:
    text = machine.root.text(CLOUDWATCH_COMMON, MAX_FILE)
    try:
        content = tomllib.loads(text or "")
    except (tomllib.TOMLDecodeError, RecursionError):
        # The agent does not start with it, as its own log tells.
        return ()
    found = []
    for section, keys in _COMMON_KEYS.items():
        table = content.get(section)
        known = table if isinstance(table, dict) else {}
        for key, name in keys.items():
            value = known.get(key)
            if isinstance(value, str) and value:
                found.append(Setting(key=name, value=value, file=CLOUDWATCH_COMMON, line=_line_of_key(text or "", key)))
    return tuple(found)


def _line_of_key(text: str, key: str) -> int:
    match = re.search(rf"^[ \t]*{key}[ \t]*=", text, re.MULTILINE)
    return 0 if match is None else text.count("\n", 0, match.start()) + 1


def pick(variables: Sequence[Setting], names: Sequence[str]) -> Setting | None:
    """The setting that holds: the first of the names that is not empty, of each the last assignment."""
    for name in names:
        last = next((s for s in reversed(variables) if s.key == name), None)
        if last is not None and last.value:
            return last
    return None


def _proxy_variables(variables: Sequence[Setting]) -> tuple[Setting, ...]:
    return tuple(s for s in variables if s.key in {*HTTPS, *HTTP, *NO_PROXY, *ALL_PROXY})


def ecs_agent(machine: Machine) -> Program:
    """The ECS agent, as ecs-init would start its container."""
    in_files = tuple(s for path in ECS_CONFIGS for s in _ecs_lines(machine, path))
    variables, stale = _as_running(machine, ("agent", "amazon-ecs-agent"), in_files)
    https = pick(variables, HTTPS) or pick(variables, HTTP)
    no_proxy = pick(variables, NO_PROXY)
    if https is not None and no_proxy is None:
        no_proxy = Setting(key="NO_PROXY", value=ECS_NO_PROXY, file="the ECS agent's default", line=0)
    return Program(
        name="ecs-agent",
        home=ECS_CONFIGS[-1],
        installed=machine.version_of("amazon-ecs-init", "ecs-init") is not None
        or bool(in_files)
        or machine.unit_exists("ecs.service"),
        dialect=NoProxyDialect.GO,
        https=https,
        http=pick(variables, HTTP),
        no_proxy=no_proxy,
        variables=_proxy_variables(variables),
        own_roots=PUBLIC_ROOTS if machine.rpm_family else "",
        ca_file=pick(variables, CA_FILE),
        ca_folders=pick(variables, CA_FOLDERS),
        ciphers=ECS_CIPHERS,
        stale=stale,
    )


def _ecs_lines(machine: Machine, path: str) -> list[Setting]:
    """As ecs-init splits them: at the first ``=``, and quotes stay."""
    found = []
    for number, line in machine.root.lines(path, MAX_FILE):
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            found.append(Setting(key=key, value=value, file=path, line=number))
    return found


def ecs_init(machine: Machine) -> Program:
    """ecs-init, the unit that starts the ECS agent and may fetch its image."""
    in_files = machine.unit_environment("ecs.service")
    if not any(s.file in ECS_CONFIGS for s in in_files):
        # An image may carry the configuration before the package that brings the unit (its unit reads both files).
        in_files += machine.ecs_settings
    return _go_program(
        machine,
        "ecs-init",
        unit="ecs.service",
        installed=machine.version_of("amazon-ecs-init", "ecs-init") is not None or machine.unit_exists("ecs.service"),
        in_files=in_files,
        commands=("amazon-ecs-init",),
    )


def ssm_agent(machine: Machine) -> Program:
    """The SSM agent, from its package or its snap."""
    unit = next((u for u in SSM_UNITS if machine.unit_exists(u)), SSM_UNITS[0])
    return _go_program(
        machine,
        "ssm-agent",
        unit=unit,
        installed=machine.unit_exists(unit) or machine.version_of("amazon-ssm-agent") is not None,
        in_files=machine.unit_environment(unit),
        commands=("amazon-ssm-agent", "ssm-agent-worke"),
    )


def docker(machine: Machine) -> Program:
    """Docker's daemon, which pulls the images and ships awslogs."""
    return _go_program(
        machine,
        "docker",
        unit="docker.service",
        installed=machine.unit_exists("docker.service")
        or machine.root.exists(daemonjson.FILE)
        or machine.version_of("docker-ce", "docker.io", "moby-engine", "docker") is not None,
        in_files=machine.unit_environment("docker.service"),
        own=(*_daemon_json(machine), *_dockerd_options(machine)),
        commands=("dockerd",),
    )


def _daemon_json(machine: Machine) -> list[Setting]:
    """The ``proxies`` of daemon.json (docs.docker.com, daemon proxy configuration): they win over the environment."""
    config = daemonjson.read(machine.root)
    proxies = config.settings.get("proxies")
    found = []
    for key, name in _DOCKER_KEYS.items():
        value = proxies.get(key) if isinstance(proxies, dict) else None
        if isinstance(value, str) and value:
            found.append(Setting(key=name, value=value, file=config.file, line=config.line("proxies", key)))
    return found


_DOCKER_KEYS = {"http-proxy": "HTTP_PROXY", "https-proxy": "HTTPS_PROXY", "no-proxy": "NO_PROXY"}


def _dockerd_options(machine: Machine) -> list[Setting]:
    """``--https-proxy`` and its kin on dockerd's command line win over its environment (dockerd(8), from 23.0)."""
    found = []
    for place, words in systemd.commands(machine.root, daemonjson.UNIT):
        for key, name in _DOCKER_KEYS.items():
            value = daemonjson.option(words, f"--{key}")
            if value:
                found.append(Setting(key=name, value=value, file=place.file, line=place.line or 0))
    return found


def shell(machine: Machine) -> tuple[Setting, ...]:
    """The variables of the operator's shell: what every login gets, and what this one has."""
    variables = settings.shell(machine.root, "/etc/environment")
    if machine.live is not None:
        variables += tuple(
            Setting(key=key, value=value, file="this shell's environment", line=0)
            for key, value in machine.live.environment.items()
        )
    return variables


def installer(machine: Machine) -> Program:
    """The install script: curl in the operator's shell."""
    variables = shell(machine)
    https = pick(variables, ("https_proxy", "HTTPS_PROXY", *ALL_PROXY))
    http = pick(variables, ("http_proxy", *ALL_PROXY))
    return Program(
        name="installer",
        installed=False,
        dialect=NoProxyDialect.CURL,
        https=https,
        http=http,
        no_proxy=pick(variables, ("no_proxy", "NO_PROXY")),
        variables=_proxy_variables(variables),
        only_http=https is None and http is not None,
    )


def _go_program(
    machine: Machine,
    name: str,
    *,
    unit: str,
    installed: bool,
    in_files: tuple[Setting, ...],
    commands: tuple[str, ...],
    own: tuple[Setting, ...] = (),
) -> Program:
    """A program that is plain Go; ``own`` is what it reads for itself, which wins over its environment."""
    variables, stale = _as_running(machine, commands, in_files, own)
    https, http = pick(variables, HTTPS), pick(variables, HTTP)
    return Program(
        name=name,
        installed=installed,
        home=f"/etc/systemd/system/{unit}.d/http-proxy.conf",
        dialect=NoProxyDialect.GO,
        https=https,
        http=http,
        no_proxy=pick(variables, NO_PROXY),
        variables=_proxy_variables(variables),
        only_http=https is None and http is not None,
        ca_file=pick(variables, CA_FILE),
        ca_folders=pick(variables, CA_FOLDERS),
        stale=stale,
    )


def _as_running(
    machine: Machine, commands: tuple[str, ...], in_files: tuple[Setting, ...], own: tuple[Setting, ...] = ()
) -> tuple[tuple[Setting, ...], tuple[tuple[Setting | None, Setting | None], ...]]:
    """The variables that count, and where a running process still has others than the files say."""
    running = processes.environment(machine, commands) if machine.running else None
    if running is None:
        return (*in_files, *own), ()
    # What the process reads for itself is no environment, and stands beside what /proc tells.
    decided = [names for names in (HTTPS, HTTP, NO_PROXY) if pick(own, names) is None]
    pairs = ((pick(in_files, names), pick(running, names)) for names in decided)
    stale = tuple(
        (file, process) for file, process in pairs if (file.value if file else "") != (process.value if process else "")
    )
    return (*running, *own), stale
