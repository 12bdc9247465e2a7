"""What ``netprobe render`` starts from: a saved report, a lock, AWS's networks, and how the command is told again."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
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
    from netprobe.render.model import Target
    from netprobe.render.policy import Wishes


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
    from netprobe.cli.saved import read
    from netprobe.findings import Outcome

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


WAYS = {
    "addresses": "give --resolve, or --ip-ranges with a file or the word snapshot, and --allow-widening",
    "names": "give --discover, --lock FILE or --ecs-numbers 1-32",
    "widening": "--allow-widening permits it",
    "account": "give --account",
}
"""By need (``render.model.Need``), the options of ``render`` that meet it."""


class KnownFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What lowering may use, and how it came to be known.

    Attributes:
        options: for lowering.
        notes: sentences that tell where addresses come from.
        lock: the lock that was read or written, or None.
    """

    options: Options
    notes: tuple[str, ...] = ()
    lock: Path | None = None


def facts(
    module: Target, endpoints: Sequence[Endpoint], *, wishes: Wishes, network: Network, guess: bool = True
) -> KnownFacts:
    """What lowering may use.

    Args:
        module: the target.
        endpoints: what is to be admitted.
        wishes: what the user permits.
        network: what may be asked, and what is known.
        guess: see ``render.policy.options``.
    """
    from netprobe.render import policy
    from netprobe.render.model import Form

    takes_addresses = Form.ADDRESS in module.CAPABILITY.forms
    if not takes_addresses and network.resolve:
        # Its rules hold no address, so looking them up would be for nothing.
        network = msgspec.structs.replace(network, resolve=False)
    known, path = _lock(network, endpoints)
    addresses = _ranges(network, module.CAPABILITY.addresses_only) or known.addresses()
    made = policy.options(
        module.CAPABILITY,
        endpoints,
        wishes=wishes,
        known=policy.Known(
            seen=known.seen(),
            looked=frozenset(known.patterns),
            numbers=None if network.discover or network.resolve else network.numbers,
            addresses=addresses,
        ),
        guess=guess,
    )
    notes = (f"addresses: {addresses.how}",) if addresses is not None and module.CAPABILITY.addresses_only else ()
    return KnownFacts(options=made, notes=notes, lock=path)


def _lock(network: Network, endpoints: Sequence[Endpoint]) -> tuple[Lock, Path | None]:
    """The lock that was read, with what was looked at now, and where it is."""
    from netprobe.render import lock as locks
    from netprobe.render import policy

    path = network.lock
    if path is None:
        found = locks.unasked()
        path = None if found is None else locks.DEFAULT
        known = found or locks.Lock()
    elif network.discover and not os.path.exists(path):
        known = locks.Lock()  # a lock that is named must be there, unless this very command is to make it
    else:
        known = locks.read(path, lab=network.lab is not None)
    if not (network.discover or network.resolve):
        return known, path
    if network.discover and network.lab is not None and network.lock is None:
        raise UsageError(
            "--discover --lab",
            "a lab's answers are not AWS's, and never go into netprobe.lock",
            "name another file with --lock",
        )
    from netprobe.cli import lookup

    looked = lookup.look(
        endpoints,
        numbers=network.numbers or policy.NUMBERS,
        exact=network.resolve,
        resolvers=network.resolvers,
        families=network.families,
        lab=network.lab,
    )
    if network.discover:
        path = path or locks.DEFAULT
        known = _kept(path, looked, lab=network.lab is not None)
    else:
        known = known.with_look(looked)
    return (looked if network.resolve else known), path


def _kept(path: Path, looked: Lock, *, lab: bool) -> Lock:
    """Put a look into the lock file; two commands at once wait for each other, so that neither loses its names."""
    from netprobe.render import lock as locks

    with locks.alone(path):
        if path is locks.DEFAULT:
            known = locks.unasked() or locks.Lock()
        else:
            known = locks.read(path, lab=lab) if os.path.exists(path) else locks.Lock()
        known = known.with_look(looked)
        write_output(locks.write(known), path)
    return known


def _ranges(network: Network, needed: bool) -> Addresses | None:
    if network.ip_ranges is None or not needed:
        return None
    from netprobe.catalog.prefixes import age_told
    from netprobe.cli import lookup
    from netprobe.render import Addresses

    prefixes, source = lookup.ip_ranges(network.ip_ranges, network.ca_file)
    # On stderr alone: a file that named its age would differ from itself tomorrow.
    say(f"netprobe: AWS's networks are {age_told(prefixes)} ({source}): addresses that AWS took since are missing")
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
    lists: Mapping[str, Sequence[str]],
    repeated: Mapping[str, Sequence[str | Path]],
    flags: Mapping[str, bool],
    single: Mapping[str, str | Path | None],
) -> str:
    """The command that makes the output again; of files only the name, since the output travels.

    Args:
        target: the target.
        lists: options whose values may stand in one comma list.
        repeated: options that are given once for each value.
        flags: switches.
        single: options with one value.
    """
    argv = ["netprobe", "render", target]
    for option, given in lists.items():
        argv += [option, ",".join(given)] if given else []
    for option, values in repeated.items():
        for value in values:
            argv += [option, _travelling(value)]
    argv += [flag for flag, is_given in flags.items() if is_given]
    for option, one in single.items():
        argv += [option, _travelling(one)] if one is not None else []
    return shlex.join(argv)


def _travelling(value: str | Path) -> str:
    return value.name if isinstance(value, Path) else value
