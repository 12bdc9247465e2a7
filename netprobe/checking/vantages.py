"""As whom a check looks: this host, its agents, or the host of a lab."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from netprobe.errors import UnreadableFileError, UsageError

if TYPE_CHECKING:
    from netprobe.catalog.model import Endpoint
    from netprobe.host.filesystem import FileSystem
    from netprobe.vantage import ProxyServer, Resolver, Vantage


class Look:
    """Opens the vantages of a run inside its event loop.

    Args:
        open_: opens them.
        ready: the vantages, where they exist before the loop does; None in a lab.
        notes: what is to be told of the files that were read for them.
    """

    def __init__(
        self,
        open_: Callable[[], AbstractAsyncContextManager[Sequence[Vantage]]],
        ready: Sequence[Vantage] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self._open = open_
        self.ready = ready
        self.notes = tuple(notes)

    def __call__(self) -> AbstractAsyncContextManager[Sequence[Vantage]]:
        """The vantages, for as long as the context lasts."""
        return self._open()


def on_this_host(
    *,
    names: Sequence[str],
    root: Path | None,
    resolvers: Sequence[str],
    proxy: str | None,
    no_proxy: bool,
    ca_file: Path | None,
    origin_ca: Path | None,
    families: tuple[int, ...],
) -> Look:
    """Look as the programs of this host do; everything is read and checked before the first packet.

    A proxy or the lack of one that the user names is for every program alike, so the agents' own settings are then not
    asked: one vantage, ``host``, looks.

    Args:
        names: ``--as``; none for the agents that are here, else the host.
        root: read the agents' settings from this root folder instead of the running host's.
        resolvers: ``--resolver``.
        proxy: ``--proxy``.
        no_proxy: ``--no-proxy``.
        ca_file: ``--ca-file``.
        origin_ca: ``--origin-ca``.
        families: the families asked for.

    Raises:
        UsageError: an option has no meaning, or a file cannot be used.
    """
    from netprobe.probes.system import host_vantage

    base = host_vantage(
        resolvers=resolvers, proxy=proxy, no_proxy=no_proxy, ca_file=ca_file, origin_ca=origin_ca, families=families
    )
    if proxy is not None or no_proxy:
        if names:
            raise UsageError("--as", "looks with an agent's own proxy settings", "leave out --proxy and --no-proxy")
        return _ready([base])
    return _ready(*_agents(base, names, root))


def _agents(base: Vantage, names: Sequence[str], root: Path | None) -> tuple[Sequence[Vantage], Sequence[str]]:
    """The vantages of a host's agents, and notes on files that could not be read as such."""
    from netprobe.host.agents.vantages import ALL, agents_are_installed, vantages, with_the_rest
    from netprobe.host.filesystem import FolderRoot, UnreadableError
    from netprobe.host.live import live
    from netprobe.host.machine import Machine

    folder = root or Path("/")
    try:
        with FolderRoot(folder) as opened:
            machine = Machine(root=opened, subject="host", live=live() if root is None else None)
            found = vantages(machine, base, names)
            if list(names) in ([], [ALL]):
                found = with_the_rest(found, base, installed=agents_are_installed(machine))
            return found, list(_misplaced(opened))
    except OSError as exc:
        reason = (exc.strerror or type(exc).__name__).lower()
        raise UnreadableFileError(str(folder), f"cannot be read ({reason})", "name a root folder") from exc
    except UnreadableError as exc:
        remedy = "run as root, or leave the agents' settings out with --as host"
        raise UnreadableFileError(exc.path, f"cannot be read ({exc.reason})", remedy) from exc


def _misplaced(root: FileSystem) -> Iterator[str]:
    """Tell where something else stands in a file's place: its settings are believed in, and nobody reads them."""
    from netprobe.host.filesystem import MISPLACED

    for path, kind in root.misplaced.items():
        yield f"{path} is {MISPLACED[kind]} and no file: nothing was read from it (netprobe explain not_a_regular_file)"


class HostsOwn(msgspec.Struct, frozen=True, kw_only=True):
    """What a registered host tells of itself.

    Attributes:
        region: the region of its agent, or nothing.
        where: where that stands.
        hosts: the numbered names that AWS gave it last.
    """

    region: str = ""
    where: str = ""
    hosts: tuple[str, ...] = ()


def hosts_own(root: Path | None) -> HostsOwn:
    """What the agents of this host, or of a root folder, were told by AWS; nothing where none is registered."""
    import datetime

    from netprobe.host.agents import registered
    from netprobe.host.filesystem import FolderRoot
    from netprobe.host.machine import Machine

    try:
        with FolderRoot(root or Path("/")) as opened:
            found = registered.region(Machine(root=opened, subject="host"))
            hosts = registered.own_hosts(opened, datetime.datetime.now(datetime.UTC))
    except OSError:  # --root is no folder: the vantages, which are read from it too, say so in a line
        return HostsOwn()
    if found is None:
        return HostsOwn(hosts=hosts)
    return HostsOwn(region=found.region, where=found.place, hosts=hosts)


def _ready(vantages: Sequence[Vantage], notes: Sequence[str] = ()) -> Look:
    @asynccontextmanager
    async def look() -> AsyncIterator[Sequence[Vantage]]:
        yield vantages

    return Look(look, vantages, notes)


def without_ipv4(families: tuple[int, ...], lab: str | None) -> bool:
    """Whether what looks has no IPv4: the user says so, or this host's routes do. Then agents use other names.

    Args:
        families: the families asked for.
        lab: the scenario of a lab, which has families of its own.
    """
    if len(families) == 1 or lab is not None:
        return families == (6,)
    from netprobe.probes.system import host_families

    return host_families() == (6,)


class Eyes(msgspec.Struct, frozen=True, kw_only=True):
    """What a user names beside ``--lab``: as whom to look at it.

    Attributes:
        names: ``--as``; none, and no root, for the lab's own host.
        root: read the agents' settings from this root folder instead of the running host's.
        resolvers: ``--resolver``: DNS servers on loopback that know the lab's names.
        proxy: ``--proxy``.
        no_proxy: ``--no-proxy``.
    """

    names: Sequence[str] = ()
    root: Path | None = None
    resolvers: Sequence[str] = ()
    proxy: str | None = None
    no_proxy: bool = False


def in_the_lab(scenario: str, endpoints: Sequence[Endpoint], eyes: Eyes | None = None) -> Look:
    """Look at the embedded network.

    The agents' settings are those of this host or root folder; the network is the lab's. So whatever proxy they name,
    the lab's stands in for it, and their resolvers and trust stores are the lab's too: its names and its roots exist
    nowhere else. Only the bundle of public roots that the ECS agent of an rpm carries keeps its meaning: the lab's
    genuine root without the inspector's.

    Args:
        scenario: a scenario, or the file of a standing lab.
        endpoints: what exists in the lab.
        eyes: as whom to look; None for the lab's own host.

    Raises:
        UsageError: an option has no meaning, or a file cannot be used.
    """
    eyes = eyes or Eyes()
    resolvers = _on_loopback(eyes.resolvers)
    named = _named_proxy(eyes)
    agents: Sequence[Vantage] = ()
    notes: Sequence[str] = ()
    if eyes.names or eyes.root is not None:
        agents, notes = _agents(_placeholder(), eyes.names, eyes.root)

    @asynccontextmanager
    async def look() -> AsyncIterator[Sequence[Vantage]]:
        from netprobe.checking.laboratory import as_agents, as_host
        from netprobe.lab import open_lab

        async with open_lab(scenario, endpoints) as lab:
            own = as_host(lab, proxy=named, no_proxy=eyes.no_proxy)
            seen = as_agents(lab, own[0], agents) if agents else own
            yield [_asking(vantage, resolvers) for vantage in seen]

    return Look(look, notes=notes)


def _placeholder() -> Vantage:
    """The host that the agents' settings are laid over before there is a lab."""
    from netprobe.vantage import Vantage

    return Vantage(name="host", resolvers=())


def _named_proxy(eyes: Eyes) -> ProxyServer | None:
    """The proxy that the user names for every program.

    Raises:
        UsageError: it is none, or agents are named beside it.
    """
    if eyes.names and (eyes.proxy is not None or eyes.no_proxy):
        raise UsageError("--as", "looks with an agent's own proxy settings", "leave out --proxy and --no-proxy")
    if eyes.proxy is None:
        return None
    from netprobe.probes.system import parse_proxy

    return parse_proxy(eyes.proxy)


def _on_loopback(texts: Sequence[str]) -> tuple[Resolver, ...]:
    """The resolvers to ask in a lab's place.

    Raises:
        UsageError: one of them is not on loopback, where alone a lab is.
    """
    import ipaddress

    from netprobe.probes.system import parse_resolver

    found = tuple(parse_resolver(text) for text in texts)
    for text, resolver in zip(texts, found, strict=True):
        if not ipaddress.ip_address(resolver.address).is_loopback:
            remedy = "name a DNS server on loopback that knows the lab's names, or leave --resolver out"
            raise UsageError(f"--lab --resolver {text}", "a lab sends nothing outside loopback", remedy)
    return found


def _asking(vantage: Vantage, resolvers: tuple[Resolver, ...]) -> Vantage:
    """The same eyes with other resolvers, where the user names some."""
    if not resolvers:
        return vantage
    record = msgspec.structs.replace(
        vantage.record,
        resolvers=tuple(map(str, resolvers)),
        sources={**vantage.record.sources, "resolvers": "--resolver"},
    )
    return msgspec.structs.replace(vantage, resolvers=resolvers, record=record)


def refuse_beside_lab(**given: object) -> None:
    """Refuse options that mean nothing in a lab, which brings its own roots.

    Raises:
        UsageError: one of them was given.
    """
    for name, value in given.items():
        if value:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"--lab {option}", "the lab brings its own roots", f"leave {option} out, or --lab")
