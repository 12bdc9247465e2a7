"""Docker's configuration: what dockerd refuses, what leaves tasks without a network, and what its proxies mean.

dockerd does not start with a key that it does not know, a value of another type, or an option that stands in the file
and on the unit's command line (moby ``daemon/config``; see :mod:`netprobe.host.rules.dockerkeys` for versions).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from netprobe.errors import UsageError
from netprobe.findings import Place, Severity
from netprobe.host import packages
from netprobe.host.machine import Machine
from netprobe.host.packages import Version
from netprobe.host.readers import daemonjson, resolvconf, sysctl, systemd, uplinks
from netprobe.host.readers.daemonjson import DaemonJson
from netprobe.host.rules import dockerkeys
from netprobe.host.rules.define import rule
from netprobe.host.rules.dockernetwork import bridge_network
from netprobe.host.rules.forwarding import FORWARD
from netprobe.host.rules.pairs import shown
from netprobe.host.rules.sources import READ_AGAIN
from netprobe.nearest import nearest
from netprobe.proxyurl import parse, safe
from netprobe.rules import Judgement, Rule, failed, not_run, passed, warned

_DAEMON = "https://docs.docker.com/reference/cli/dockerd/"
_SHORT = {"-H": "host", "-D": "debug", "-l": "log-level", "-g": "graph", "-s": "storage-driver", "-b": "bridge",
          "-G": "group", "-p": "pidfile"}  # fmt: skip
_DEFAULT_MTU = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    """One thing that keeps dockerd from starting.

    Attributes:
        title: a clause.
        remedy: what to change.
        place: where.
        sure: whether dockerd of this version certainly refuses it.
    """

    title: str
    remedy: str
    place: Place
    sure: bool = True


def _refusals(machine: Machine, config: DaemonJson) -> Iterator[_Problem]:
    version = machine.version_of(*packages.DOCKER)
    for path, key in dockerkeys.flattened(config.settings):
        problem = _unknown(config, path, key, version)
        if problem is not None:
            yield problem
    for key, value in config.settings.items():
        reason = dockerkeys.wrong_type(key, value)
        if reason:
            place = config.place(key)
            yield _Problem(
                title=f'"{key}" has a value of the wrong type', remedy=f'correct "{key}": {reason}', place=place
            )
    yield from _removed_driver(config, version)
    yield from _twice(machine, config)


def _removed_driver(config: DaemonJson, version: Version | None) -> Iterator[_Problem]:
    driver = config.settings.get("storage-driver")
    until = dockerkeys.REMOVED_DRIVERS.get(driver) if isinstance(driver, str) else None
    if until is not None and version is not None and version >= until:
        title = f'Docker {shown(version)} has no storage driver "{driver}" any more, which {shown(until)} took away'
        remedy = 'set "storage-driver" to "overlay2", and pull the images again'
        yield _Problem(title=title, remedy=remedy, place=config.place("storage-driver"))


def _unknown(config: DaemonJson, path: tuple[str, ...], key: str, version: Version | None) -> _Problem | None:
    """Why dockerd does not take a key; None where it does."""
    entry = dockerkeys.KEYS.get(key)
    place = config.place(*path)
    if entry is None:
        if key in dockerkeys.SINGULAR or key in dockerkeys.ACCEPTED_UNUSED:
            return None
        newer = version is not None and version[:1] > dockerkeys.NEWEST
        return _Problem(title=f'Docker knows no "{key}"', remedy=_instead(path, key), place=place, sure=not newer)
    if version is None:
        return None
    if entry.is_new_to(version):
        title = f'Docker {shown(version)} does not know "{key}" yet, only {shown(entry.since)} and later do'
        return _Problem(title=title, remedy=f'remove "{key}" or update Docker', place=place)
    if entry.is_gone_from(version):
        title = f'Docker {shown(version)} no longer knows "{key}", which {shown(entry.until)} took away'
        return _Problem(title=title, remedy=f'remove "{key}"', place=place)
    return None


def _instead(path: tuple[str, ...], key: str) -> str:
    """What to write in the place of a key that nobody knows."""
    if path[0] == "proxies":
        return (
            'write "proxies": {"http-proxy": "URL", "https-proxy": "URL", "no-proxy": "LIST"}; "default" and '
            '"httpProxy" belong in ~/.docker/config.json of the docker command'
        )
    near = nearest(key.lower().replace("_", "-"), dockerkeys.KEYS, most=1, cutoff=0.8)
    return f'write "{near[0]}" instead of "{key}"' if near else f'remove "{key}"'


def _twice(machine: Machine, config: DaemonJson) -> Iterator[_Problem]:
    """Options that stand in the file and on the command line of the unit."""
    inside = {key: path for path, key in dockerkeys.flattened(config.settings)}
    for command, words in systemd.commands(machine.root, daemonjson.UNIT):
        for key in dict.fromkeys(_options(words)):
            if key in inside and key != "runtimes":
                title = f'"{key}" is set in {config.file} and on the command line of {daemonjson.UNIT}'
                remedy = f'keep one: remove "{key}" from the file, or override ExecStart= in a drop-in'
                yield _Problem(
                    title=title, remedy=f"{remedy} ({command.file}:{command.line})", place=config.place(*inside[key])
                )


def _options(words: tuple[str, ...]) -> Iterator[str]:
    for word in words[1:]:
        name = word.removeprefix("--").partition("=")[0] if word.startswith("--") else _SHORT.get(word[:2], "")
        if name:
            yield dockerkeys.SINGULAR.get(name, name)


def docker_config_harmful(machine: Machine) -> Judgement:
    """A daemon.json that dockerd refuses, or that forbids it the rules which give bridge tasks a network."""
    config = daemonjson.read(machine.root)
    if config.error:
        place = Place(file=config.file, line=config.error_line, text=config.error)
        return failed(
            f"Docker will not start: its daemon.json is not valid JSON ({config.error})", "correct the file", (place,)
        )
    problems = tuple(_refusals(machine, config))
    sure = [problem for problem in problems if problem.sure]
    if problems:
        titles = "; ".join(dict.fromkeys(problem.title for problem in sure or problems))
        remedy = "; ".join(dict.fromkeys(problem.remedy for problem in sure or problems))
        places = [problem.place for problem in problems]
        if sure:
            return failed(f"Docker will not start: {titles}"[:400], remedy[:400], places)
        return warned(f"Docker may not start: {titles}"[:400], remedy[:400], places)
    unused = list(_unused(config))
    if unused:
        names = ", ".join(f'"{path[-1]}"' for path, _ in unused)
        wanted = ", ".join(instead for _, instead in unused)
        title = f"Docker takes {names} without a message and ignores it"
        return warned(title, f"write {wanted}", [config.place(*path) for path, _ in unused])
    if config.settings.get("iptables") is False:
        remedy = 'remove "iptables": false, or write the NAT and forwarding rules for bridge tasks yourself'
        title = "Docker is configured not to write iptables rules, so tasks in bridge mode have no way out"
        return warned(title, remedy, (config.place("iptables", text='"iptables": false'),))
    forwards = sysctl.value(machine.root, *FORWARD)
    if config.settings.get("ip-forward") is False and (forwards is None or forwards[0] != "1"):
        remedy = f'remove "ip-forward": false, or set {FORWARD[0]} = 1 in a file of /etc/sysctl.d'
        title = "Docker is configured not to switch forwarding on, and no sysctl file does, so tasks have no way out"
        return warned(title, remedy, (config.place("ip-forward", text='"ip-forward": false'),))
    return (
        passed(_told(config), Place(file=config.file))
        if config.settings
        else passed("Docker has its default configuration")
    )


def _unused(config: DaemonJson) -> Iterator[tuple[tuple[str, ...], str]]:
    """Keys that dockerd accepts and never reads, with what to write instead."""
    for path, key in dockerkeys.flattened(config.settings):
        if key in dockerkeys.SINGULAR:
            yield path, f'"{dockerkeys.SINGULAR[key]}"'
        elif key in dockerkeys.ONLY_BELOW_PROXIES and path[0] != "proxies":
            yield path, f'"{key}" below "proxies"'


def _told(config: DaemonJson) -> str:
    """What a good configuration says of pulls."""
    proxies = config.settings.get("proxies")
    wanted = proxies.get("https-proxy") if isinstance(proxies, dict) else None
    if isinstance(wanted, str) and wanted:
        return f"Docker starts with this configuration and pulls images through {safe(wanted)}"
    return "Docker starts with this configuration"


def docker_bridge_missing(machine: Machine) -> Judgement:
    """Tasks in bridge mode, the default, are put on docker0."""
    config = daemonjson.read(machine.root)
    for command, words in systemd.commands(machine.root, daemonjson.UNIT):
        if daemonjson.option(words, "--bridge", "-b") == "none":
            place = Place(file=command.file, line=command.line, text="--bridge=none")
            return failed(_NO_BRIDGE, "remove --bridge=none from ExecStart=", (place,))
    if config.settings.get("bridge") == "none":
        return failed(_NO_BRIDGE, 'remove "bridge": "none"', (config.place("bridge", text='"bridge": "none"'),))
    return passed("Docker makes its bridge")


_NO_BRIDGE = "Docker is configured without a bridge, so tasks in bridge mode, the default, have no network"


def _mtu(machine: Machine, config: DaemonJson) -> tuple[int, Place]:
    """The MTU that Docker gives docker0."""
    for command, words in systemd.commands(machine.root, daemonjson.UNIT):
        value = daemonjson.option(words, "--mtu") or ""
        if value.isascii() and value.isdigit() and len(value) < 6:
            return int(value), Place(file=command.file, line=command.line, text=f"--mtu {value}")
    own = config.settings.get("mtu")
    if isinstance(own, int) and not isinstance(own, bool) and own > 0:
        return own, config.place("mtu", text=f'"mtu": {own}')
    return _DEFAULT_MTU, Place(file=config.file, text="mtu 1500, Docker's default")


def docker_mtu_too_large(machine: Machine) -> Judgement:
    """Packets of tasks that do not fit the uplink are lost where no ICMP message comes back: large answers hang."""
    config = daemonjson.read(machine.root)
    docker, place = _mtu(machine, config)
    links = _links(machine)
    if not links:
        return not_run("no file tells the MTU of this system's uplink")
    narrow = [link for link in links if link.mtu is not None and link.mtu < docker]
    if not narrow:
        return passed(f"the uplink carries packets of Docker's size ({docker} bytes)", *(link.place for link in links))
    least = min(narrow, key=lambda link: link.mtu or 0)
    title = (
        f"Docker's MTU is {docker}, the uplink {least.name} carries {least.mtu} bytes: large packets of tasks get lost"
    )
    return warned(title, f'set "mtu": {least.mtu} in {config.file} and restart Docker', (least.place, place))


def _links(machine: Machine) -> tuple[uplinks.Uplink, ...]:
    """The interfaces that lead out: of a running host one, of an image those with a default route and a set MTU."""
    if machine.running:
        link = uplinks.running(machine.root)
        return () if link is None else (link,)
    return tuple(link for link in uplinks.configured(machine.root) if link.default and link.mtu is not None)


def docker_network_overlaps(machine: Machine) -> Judgement:
    """What lies in docker0's network is looked for on docker0: a proxy there is out of reach for the host and tasks."""
    config = daemonjson.read(machine.root)
    bridge = bridge_network(machine)
    network, place = bridge.network, bridge.place
    if network is None:
        return not_run("Docker's network is not given as an address")
    own = network.network_address + 1
    found = _addresses(machine, resolvers=bridge.is_chosen)
    places = [where for address, where in found if address in network and address != own]
    if not places:
        return passed(f"no proxy or resolver lies in Docker's network {network}", place)
    names = ", ".join(dict.fromkeys(where.text for where in places))
    title = f"{names} lies in Docker's own network {network}: it is looked for among the containers of this host"
    remedy = f'unless it is one of them, set "bip" in {config.file} to a network that nobody uses, as "10.200.0.1/24"'
    return warned(title, remedy, (*places, place))


def _addresses(machine: Machine, *, resolvers: bool) -> Iterator[tuple[ipaddress.IPv4Address, Place]]:
    """The addresses of proxies, and of resolvers, as far as they are written as addresses."""
    from netprobe.host.agents import programs

    for program in programs.read(machine):
        for setting in (program.https, program.http):
            if setting is None:
                continue
            try:
                host = parse(setting.value).host
                yield (
                    ipaddress.IPv4Address(host),
                    Place(file=setting.file, line=setting.line or None, text=f"proxy {host}"),
                )
            except (UsageError, ValueError):
                # No proxy, which is told elsewhere, or one with a name, whose address no file tells.
                continue
    for entry in resolvconf.parse(machine.root.lines(resolvconf.FILE)).servers if resolvers else ():
        try:
            address = ipaddress.IPv4Address(entry.value)
        except ValueError:
            continue
        if not address.is_loopback:
            yield address, Place(file=resolvconf.FILE, line=entry.line, text=f"resolver {entry.value}")


RULES: tuple[Rule[Machine], ...] = (
    rule(
        docker_config_harmful,
        "Docker's configuration breaks Docker or its tasks",
        dockerkeys.SOURCE,
        checked=READ_AGAIN,
    ),
    rule(docker_bridge_missing, "Docker creates no bridge network", _DAEMON, checked=READ_AGAIN),
    rule(
        docker_mtu_too_large,
        "Docker's MTU exceeds the uplink's",
        _DAEMON,
        severity=Severity.WARNING,
        checked=READ_AGAIN,
        reckoned="inferred from the two sizes; no packet was sent",
    ),
    rule(
        docker_network_overlaps,
        "Docker's network hides a proxy or resolver",
        _DAEMON,
        severity=Severity.WARNING,
        checked=READ_AGAIN,
        reckoned="inferred from the addresses; no packet was sent",
    ),
)
