"""What ``netprobe render`` starts from: a saved report, a lock, AWS's networks, and how the command is told again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from netprobe.cli import options
from netprobe.cli.output import say, write_output
from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.catalog.model import Endpoint
    from netprobe.render import Addresses, Options
    from netprobe.render.lock import Lock
    from netprobe.render.model import Seen, Target


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """What a saved report found blocked."""

    regions: tuple[str, ...]
    endpoints: frozenset[tuple[str, str]]
    of_groups: frozenset[str]

    def groups(self, unwanted: Sequence[str] | None) -> list[str]:
        """The groups that hold them, so that the selection does."""
        return sorted(self.of_groups - set(options.listed(unwanted)))

    def only(self, endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
        """Those endpoints; an endpoint that this catalog does not know is told."""
        kept = tuple(e for e in endpoints if (e.region, e.id) in self.endpoints)
        known = {(e.region, e.id) for e in kept}
        for region, endpoint in sorted(self.endpoints - known):
            say(f"netprobe: note: {endpoint} in {region} was blocked, and is not among what was asked for: left out")
        return kept


def blocked(path: Path) -> Blocked:
    """Read a saved report, and keep what failed in it (``--from``).

    Raises:
        UnreadableFileError: it is no report.
        UsageError: it found nothing blocked.
    """
    from netprobe import catalog
    from netprobe.findings import Outcome
    from netprobe.report import read

    report = read(path)
    groups = {group.id for group in catalog.load().groups}
    found = [e for e in report.endpoints if Outcome.FAIL in (e.outcome, *(host.outcome for host in e.hosts))]
    if not found:
        raise UsageError(str(path), "it found nothing blocked", "leave --from out to render everything")
    return Blocked(
        regions=tuple(dict.fromkeys(e.region for e in found)),
        endpoints=frozenset((e.region, e.id) for e in found),
        of_groups=frozenset(e.group for e in found) & groups,
    )


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """What may be asked of the network, and what is known already."""

    discover: bool
    resolve: bool
    ip_ranges: str | None
    numbers: tuple[int, ...] | None
    resolvers: tuple[str, ...]
    ca_file: Path | None
    families: tuple[int, ...]
    lab: str | None
    lock: Path | None


def lowering_options(
    module: Target,
    endpoints: Sequence[Endpoint],
    *,
    exact: bool,
    allow_widening: bool,
    enumerate_names: bool,
    network: Network,
    suppose: bool,
) -> tuple[Options, tuple[str, ...]]:
    """What lowering may use, and sentences that tell where names and addresses come from.

    Args:
        module: the target.
        endpoints: what is to be admitted.
        exact: see ``Options``.
        allow_widening: see ``Options``.
        enumerate_names: see ``Options``.
        network: what may be asked, and what is known.
        suppose: where nobody looked for numbered names, list the numbers that ``netprobe check`` tries. A device that
            cannot say ``ecs-a-*`` then gets a list that may be too short, and is told to be, instead of a rule that
            lets data out.
    """
    from netprobe.render import Options
    from netprobe.render import lock as locks

    known = _lock(network, endpoints)
    seen = known.seen()
    if network.numbers is not None and not network.discover and not network.resolve:
        seen = {**locks.numbered(endpoints, network.numbers, "numbers given with --ecs-numbers, not seen"), **seen}
    elif suppose:
        seen = {**_supposed(endpoints, known), **seen}
    addresses = _ranges(network, module.CAPABILITY.addresses_only) or known.addresses()
    notes = (f"addresses: {addresses.how}",) if addresses is not None and module.CAPABILITY.addresses_only else ()
    wishes = Options(
        exact=exact, allow_widening=allow_widening, enumerate=enumerate_names, seen=seen, addresses=addresses
    )
    return wishes, notes


def _supposed(endpoints: Sequence[Endpoint], known: Lock) -> dict[str, Seen]:
    """Names for the usual numbers, where nobody looked; a look that found none is not overruled."""
    from netprobe.render import lock as locks

    how = f"numbers {locks.NUMBERS[0]} to {locks.NUMBERS[-1]}, which nobody has seen: --discover asks the DNS"
    return locks.numbered([e for e in endpoints if e.pattern not in known.patterns], locks.NUMBERS, how)


def _lock(network: Network, endpoints: Sequence[Endpoint]) -> Lock:
    """The lock that was read, with what was looked at now."""
    from netprobe.render import lock as locks

    path = network.lock or locks.implicit()
    # A lock that is named must be there, unless this very command is to make it.
    fresh = path is None or (network.discover and not path.exists())
    known = locks.Lock() if path is None or fresh else locks.read(path)
    if not (network.discover or network.resolve):
        return known
    from netprobe.cli import lookup

    looked = lookup.look(
        endpoints,
        numbers=network.numbers or locks.NUMBERS,
        exact=network.resolve,
        resolvers=network.resolvers,
        families=network.families,
        lab=network.lab,
    )
    known = known.with_look(looked)
    if network.discover:
        write_output(locks.write(known), path or locks.DEFAULT)
    return known if not network.resolve else looked


def _ranges(network: Network, needed: bool) -> Addresses | None:
    if network.ip_ranges is None or not needed:
        return None
    from netprobe.cli import lookup
    from netprobe.render import Addresses

    prefixes, source = lookup.ip_ranges(network.ip_ranges, network.ca_file)
    families = network.families
    return Addresses(
        how=f"AWS's networks of {prefixes.created}, {source}",
        by_region={
            region: (*(ranges.v4 if 4 in families else ()), *(ranges.v6 if 6 in families else ()))
            for region, ranges in prefixes.by_region.items()
        },
    )


def command(
    target: str,
    *,
    region: Sequence[str],
    with_groups: Sequence[str],
    without_groups: Sequence[str],
    account: str | None,
    task_definition: Sequence[Path] | None,
    flags: dict[str, bool],
    files: dict[str, Path | None],
    words: dict[str, str | None],
) -> str:
    """The command that makes the output again; of files only the name, since the output travels."""
    argv = ["netprobe", "render", target]
    for option, given in (("--region", region), ("--with", with_groups), ("--without", without_groups)):
        argv += [option, ",".join(given)] if given else []
    argv += ["--account", account] if account else []
    for path in task_definition or ():
        argv += ["--task-definition", path.name]
    argv += [flag for flag, given in flags.items() if given]
    for option, name in files.items():
        argv += [option, name.name] if name is not None else []
    for option, word in words.items():
        argv += [option, word if "://" in word else Path(word).name] if word is not None else []
    return shlex.join(argv)
