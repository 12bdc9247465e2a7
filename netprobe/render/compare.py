"""Hold an existing configuration against what is needed: what does it not admit, and which of its rules nobody needs?

Pure but for :func:`read`. The readers (``render.readers``) turn a configuration into rules, each of which can say
whether it admits a name or an address. Names are tried, not proven: a pattern counts as admitted when every sample of
it is (the numbers 1, 9, 22 and 999 for ``ecs-a-*``), so that an enumeration is told as what it is, too short.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from netprobe.catalog.model import Endpoint
from netprobe.errors import MissingInputError, UnreadableFileError, UsageError, printable
from netprobe.render import readers
from netprobe.render.lowering import asked_for
from netprobe.render.model import Need, Options
from netprobe.render.readers import Configuration, Rule

MAX_BYTES = 32 << 20
SAMPLES = ("1", "9", "22", "999")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was found.

    Attributes:
        missing: endpoints that the configuration does not admit, or not entirely.
        spare: rules that admit nothing that is needed.
        notes: what the reader could not judge.
    """

    missing: tuple[Endpoint, ...]
    spare: tuple[Rule, ...]
    notes: tuple[str, ...]


def read(path: Path, target: str) -> Configuration:
    """Read a configuration of a target.

    Raises:
        UsageError: netprobe cannot read that target back.
        UnreadableFileError: the file cannot be read.
    """
    reader = readers.READERS.get(target)
    if reader is None:
        known = ", ".join(readers.READERS)
        raise UsageError(target, "netprobe cannot read this target back", f"compare with one of {known}")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        reason = f"cannot be read ({(exc.strerror or '').lower()})"
        raise UnreadableFileError(str(path), reason, "name the configuration that is in use") from exc
    if len(data) > MAX_BYTES:
        raise UnreadableFileError(str(path), f"is larger than {MAX_BYTES >> 20} MiB", "name one configuration file")
    return reader(data.decode("utf-8", "replace"))


def compare(configuration: Configuration, endpoints: Sequence[Endpoint], options: Options) -> Comparison:
    """Try every endpoint on every rule.

    Args:
        configuration: as it was read.
        endpoints: what is needed.
        options: names and addresses that were seen.

    Raises:
        MissingInputError: the rules are about addresses, and no addresses are known.
    """
    if configuration.by_address and options.addresses is None:
        raise MissingInputError(
            Need.ADDRESSES, "the configuration's rules are about addresses", "give the addresses of the endpoints"
        )
    # The endpoints of a region share its networks, and a configuration may hold thousands of them.
    admitted = functools.cache(configuration.admits)
    needed = {(e.region, e.id, e.pattern): _probes(e, configuration, options) for e in endpoints}
    missing = tuple(
        e
        for e in endpoints
        if not needed[e.region, e.id, e.pattern]
        or not all(admitted(probe, e.port) for probe in needed[e.region, e.id, e.pattern])
    )
    questions = {(probe, e.port) for e in endpoints for probe in needed[e.region, e.id, e.pattern]}
    spare = tuple(r for r in configuration.rules if not any(r.admits(probe, port) for probe, port in questions))
    notes = configuration.notes
    if not configuration.rules and not notes:
        # An empty rule set reads the same as a script, or another device's file.
        notes = (*notes, "no rule that admits anything was read in it: is this the configuration of that device?")
    return Comparison(missing=missing, spare=spare, notes=notes)


def _probes(endpoint: Endpoint, configuration: Configuration, options: Options) -> tuple[str, ...]:
    """What must be admitted for an endpoint: names, or addresses."""
    pattern = asked_for(endpoint)
    seen = options.seen.get(pattern.pattern)
    if not configuration.by_address:
        stars = SAMPLES if endpoint.numbered else ("123456789012",)
        samples = (pattern.pattern,) if pattern.is_exact else tuple(pattern.pattern.replace("*", s) for s in stars)
        return tuple(dict.fromkeys((*(seen.names if seen else ()), *samples)))
    addresses = options.addresses
    if addresses is None:
        return ()
    if addresses.by_region is not None:
        # A network is tried by its ends: whole networks are what such rules hold, or a part from the one end.
        return tuple(end for network in addresses.by_region.get(endpoint.region, ()) for end in _ends(network))
    names = (pattern.pattern,) if pattern.is_exact else (seen.names if seen else ())
    return tuple(address for name in names for address in (addresses.by_host or {}).get(name, ()))


@functools.lru_cache(maxsize=1 << 14)
def _ends(network: str) -> tuple[str, str]:
    parsed = ipaddress.ip_network(network)
    return str(parsed[0]), str(parsed[-1])


def lines(found: Comparison) -> list[str]:
    """The comparison in plain words."""
    return [
        *_section(
            "not admitted", (f"{_need(e)} {e.id} in {e.region}: {e.pattern}, port {e.port}" for e in found.missing)
        ),
        *_section("not needed", (f"line {rule.line}: {printable(rule.text, limit=160)}" for rule in found.spare)),
        *(f"note: {printable(note)}" for note in found.notes),
    ]


def _need(endpoint: Endpoint) -> str:
    return "required" if endpoint.required else "optional"


def _section(title: str, items: Iterable[str]) -> list[str]:
    listed = [f"  {item}" for item in items]
    return [f"{title}: {len(listed) or 'nothing'}", *listed]
