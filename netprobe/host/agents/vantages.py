"""From the programs of a host to pairs of eyes: what each of them would use, and where every value came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from netprobe.errors import UsageError
from netprobe.host.agents import lints, noticed, stores
from netprobe.host.agents.noproxy import bypass, tokens
from netprobe.host.agents.programs import Program, beside, read
from netprobe.host.filesystem import UnreadableError
from netprobe.host.machine import Machine
from netprobe.host.readers import truststore
from netprobe.host.readers.settings import Setting
from netprobe.observations import Lint, VantageRecord
from netprobe.proxyurl import parse
from netprobe.vantage import ProxyServer, TrustStore, Vantage

HOST = "host"
ALL = "all"
NAMES = (HOST, "ecs-agent", "ssm-agent", "docker", "ecs-init", "installer", "cloudwatch-agent", ALL)


def vantages(machine: Machine, base: Vantage, chosen: Iterable[str] = ()) -> tuple[Vantage, ...]:
    """The vantages to look with.

    Args:
        machine: where the programs' settings are read.
        base: the host's own resolvers, families, store and origin.
        chosen: names of :data:`NAMES`; none means every agent that is installed or configured here, else the host.

    Raises:
        UsageError: a name that is no vantage.
        UnreadableError: a settings file is there and cannot be read.
    """
    names = list(dict.fromkeys(chosen))
    for name in names:
        if name not in NAMES:
            raise UsageError(name, "there is no such vantage", f"use one of {', '.join(NAMES)}")
    programs = read(machine)
    shared = lints.between(programs)
    if not names or names == [ALL]:
        *agents, installer = programs
        every = (*agents, *beside(machine), installer)
        wanted = [p for p in every if p.installed or (names and p.name == "installer")]
        return tuple(of_program(p, machine, base, shared if n == 0 else ()) for n, p in enumerate(wanted)) or (base,)
    by_name = {p.name: p for p in (*programs, *beside(machine))}
    return tuple(
        base if name == HOST else of_program(by_name[name], machine, base, shared if n == 0 else ())
        for n, name in enumerate(names)
        if name != ALL
    )


def agents_are_installed(machine: Machine) -> bool:
    """Whether both agents are here already, so that what installs them has done its work."""
    return {"ecs-agent", "ssm-agent"} <= {program.name for program in read(machine) if program.installed}


def with_the_rest(found: Sequence[Vantage], base: Vantage, *, installed: bool) -> tuple[Vantage, ...]:
    """Let somebody look at the endpoints of programs that are not here (yet): else nobody would, and none would fail.

    Where the agents are installed, the operator's shell matters for nothing that they use (it did its work before): the
    installer then looks at what is left over. Without it, the host itself does.

    Args:
        found: the agents' vantages, as :func:`vantages` gives them where no name is chosen, or all.
        base: the host's own.
        installed: :func:`agents_are_installed`.
    """
    last = found[-1]
    if last.name == HOST:
        return tuple(found)
    if last.name == "installer" and installed:
        return (*found[:-1], msgspec.structs.replace(last, answers_for=None, stands_in=True))
    return (*found, msgspec.structs.replace(base, stands_in=True))


_ALSO_ANSWERS_FOR = {"docker": ("task",), "cloudwatch-agent": ("task",)}
"""Tasks run in Docker's containers; of their own settings only the task definition knows. The CloudWatch agent talks
to logs and monitoring, as tasks do."""


def of_program(program: Program, machine: Machine, base: Vantage, shared: Sequence[Lint] = ()) -> Vantage:
    """One program's pair of eyes.

    Args:
        program: the program.
        machine: the host or image it was read from.
        base: what the host itself has: resolvers, families, store, origin.
        shared: lints between programs, told once.
    """
    proxy = _usable(program.https)
    store = _store(program, machine, base)
    found = (*shared, *lints.of_program(program, machine.root), *noticed.of_program(program, machine))
    exempts = _exemptions(program, proxy)
    return msgspec.structs.replace(
        base,
        name=program.name,
        proxy_for=lambda host, port: proxy if exempts(host, port) is None else None,
        exempts=exempts,
        proxy=proxy,
        answers_for=(program.name, *_ALSO_ANSWERS_FOR.get(program.name, ())),
        store=store,
        ciphers=program.ciphers or None,
        record=VantageRecord(
            name=program.name,
            resolvers=base.record.resolvers,
            proxy=None if proxy is None else proxy.safe,
            no_proxy=()
            if program.no_proxy is None
            else tuple(t.text for t in tokens(program.dialect, program.no_proxy.value)),
            store=_told(store, program, machine, base),
            families=base.families,
            sources=_sources(program, machine, base),
            lints=tuple(dict.fromkeys(found)),
        ),
    )


def _usable(setting: Setting | None) -> ProxyServer | None:
    """The proxy, or None where the program would connect directly: unset, or a value that it cannot use."""
    if setting is None:
        return None
    try:
        return parse(setting.value, source=setting.where)
    except UsageError:
        # Go drops a proxy that it cannot parse and connects directly; the lint proxy_url_invalid tells.
        return None


def _exemptions(program: Program, proxy: ProxyServer | None) -> Callable[[str, int], str | None]:
    value = program.no_proxy.value if program.no_proxy is not None else ""
    return lambda host, port: None if proxy is None else bypass(program.dialect, value, host, port)


def _store(program: Program, machine: Machine, base: Vantage) -> TrustStore:
    """What the program trusts: a bundle of its own, its image's, or its host's, which is not always this machine."""
    own = stores.named(program, machine)
    if own is not None and not own.unseen:
        both = program.ca_file is not None and program.ca_folders is not None
        return own if both or not program.own_roots else _with_its_own(own, program)
    usual = _usual_store(program, machine, base)
    return usual if own is None else msgspec.structs.replace(usual, unseen=own.unseen)


def _with_its_own(store: TrustStore, program: Program) -> TrustStore:
    """What settings name, and what the folders of the program's image hold."""
    import certifi

    more = (*store.more, Path(certifi.where()))
    return msgspec.structs.replace(store, more=more, description=f"{store.description}; {program.own_roots}")


def _usual_store(program: Program, machine: Machine, base: Vantage) -> TrustStore:
    """What the program trusts where no setting says otherwise."""
    if program.own_roots:
        import certifi

        return TrustStore(ca_file=Path(certifi.where()), description=program.own_roots)
    if machine.running or base.store.ca_file is not None:
        return base.store
    bundle = truststore.bundle(machine.root)
    here = None if bundle is None else truststore.outside(machine.root, bundle)
    if here is None:
        return base.store
    return TrustStore(ca_file=here, description=f"{bundle} of the root folder")


def _loads(setting: Setting, machine: Machine) -> bool:
    """Go passes over a bundle that it cannot read, and keeps its folders of roots; the lint tells of the bundle."""
    try:
        return truststore.unusable_file(machine.root, setting.value) is None
    except UnreadableError:
        return False


def _told(store: TrustStore, program: Program, machine: Machine, base: Vantage) -> str:
    """What a report says of the store; where a root folder has none, that this machine's stood in for it."""
    if store.unseen:
        return f"{store.description}; {store.unseen}"
    stands_in = not machine.running and store == base.store and base.store.ca_file is None
    if stands_in and not program.own_roots:
        return f"{base.record.store or store.description} of this machine: the root folder has no CA bundle"
    return store.description


def _sources(program: Program, machine: Machine, base: Vantage) -> dict[str, str]:
    found = dict(base.record.sources)
    bundle = program.ca_file if program.ca_file is not None and _loads(program.ca_file, machine) else None
    for key, setting in (("proxy", program.https), ("no_proxy", program.no_proxy), ("store", bundle)):
        if setting is not None:
            found[key] = f"{setting.where} ({setting.key})"
    if program.own_roots and bundle is None:
        found["store"] = program.own_roots
    return found
