"""``netprobe.lock``: the names and addresses that were seen, when, and through which resolver.

Numbered names (``ecs-a-7…``) are picked by AWS and published nowhere, so a target that must enumerate needs names that
somebody saw. They are written down once (``--discover``), reviewed and committed like any lock file; every later render
reads them, and the same lock gives the same bytes. A lock may come from another machine: every name and address in it
is validated again, and a name counts only for a pattern that it fits.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from netprobe import implicit, reading
from netprobe.catalog.model import Endpoint
from netprobe.errors import InvalidHostnameError, UnreadableFileError, UsageError
from netprobe.hostnames import Hostname, HostPattern
from netprobe.render.model import Addresses, SeenNames

DEFAULT = Path("netprobe.lock")
_TRIES, _PAUSE = 600, 0.05
"""How often, and after how many seconds, a folder is tried that another netprobe holds."""
MAX_BYTES = 4 << 20
_REMEDY = "look for the names again, which makes a new one"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_RESOLVER = re.compile(r"[0-9A-Za-z.:\[\]/,% _-]{1,200}")
CANNOT_EXIST = "np-no-such-name"
"""Put for the asterisk, it makes a name that AWS does not have: a resolver that knows it knows everything."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One look at the DNS.

    Attributes:
        at: when, RFC 3339, UTC.
        resolver: through which servers, in words.
        names: every name that exists, with its addresses.
    """

    at: str
    resolver: str
    names: dict[str, tuple[str, ...]]


class Lock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: the last look for each pattern (an exact name is a pattern too)."""

    version: int = 1
    lab: bool = False
    """Whether a lab answered: its names and addresses are nobody's, and no real file may hold them."""
    patterns: dict[str, Sighting] = {}

    def seen(self) -> dict[str, SeenNames]:
        """The names of each pattern with an asterisk, as lowering wants them."""
        return {
            pattern: SeenNames(names=tuple(sighting.names), how=f"seen {sighting.at} by {sighting.resolver}")
            for pattern, sighting in self.patterns.items()
            if "*" in pattern and sighting.names
        }

    def addresses(self) -> Addresses | None:
        """Every address that was seen, or None where nobody looked."""
        if not self.patterns:
            return None
        by_host = {name: found for s in self.patterns.values() for name, found in s.names.items() if found}
        looks = sorted({f"resolved {s.at} by {s.resolver}" for s in self.patterns.values()})
        return Addresses(how="; ".join(looks), by_host=by_host)

    def with_look(self, looked: Lock) -> Lock:
        """This lock, with what was looked at again replaced."""
        both = dict(sorted({**self.patterns, **looked.patterns}.items()))
        return Lock(lab=self.lab or looked.lab, patterns=both)


def unasked() -> Lock | None:
    """``./netprobe.lock``, if it is there and nobody else can have written it: its addresses open firewalls.

    Raises:
        UnreadableFileError: someone else could have planted it, or it is no lock.
    """
    data = implicit.read(DEFAULT, MAX_BYTES, option="--lock")
    return None if data is None else _decoded(DEFAULT, data, lab=False)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold every other netprobe off a lock file while it is read, added to and written.

    The folder is locked (flock(2)), not the file: the file is replaced, and a second file would stay behind.
    """
    import fcntl  # late: only a look at the DNS writes a lock

    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for _ in range(_TRIES):
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_PAUSE)
        else:
            # Anybody who may read a folder may lock it, and keep it locked.
            raise UsageError(
                str(path), "another program holds its folder locked", "end that program, or give --lock elsewhere"
            )
        yield
    finally:
        os.close(folder)


def read(path: Path, *, lab: bool = False) -> Lock:
    """Read a lock.

    Args:
        path: the file.
        lab: whether a lock that a lab answered for may be read.

    Raises:
        UnreadableFileError: missing, too large, not a lock, a lab's, or it holds what cannot be a name or an address.
    """
    return _decoded(path, reading.read(path, MAX_BYTES, _REMEDY), lab=lab)


def _decoded(path: Path, data: bytes, *, lab: bool) -> Lock:
    if len(data) > MAX_BYTES:
        raise reading.too_large(path, MAX_BYTES, _REMEDY)
    try:
        lock = msgspec.json.decode(data, type=Lock)
        if lock.version != 1:
            raise ValueError(f"its version is {lock.version}, and this netprobe reads 1")
        if lock.lab and not lab:
            raise ValueError("a lab answered for it, so its names are not AWS's")
        for pattern, sighting in lock.patterns.items():
            _check(pattern, sighting)
    except (ValueError, RecursionError, InvalidHostnameError) as exc:
        raise UnreadableFileError(str(path), f"is not a netprobe.lock ({exc})", _REMEDY) from exc
    return lock


def _check(pattern: str, sighting: Sighting) -> None:
    parsed = HostPattern.parse(pattern)
    if not _MOMENT.fullmatch(sighting.at):
        raise ValueError(f"{pattern}: the time is not like 2026-11-23T12:00:00Z")
    if not _RESOLVER.fullmatch(sighting.resolver):
        raise ValueError(f"{pattern}: the resolver is not an address")
    for name, addresses in sighting.names.items():
        if not parsed.matches(Hostname.parse(name)):
            raise ValueError(f"{name} is no name of {pattern}")
        if refused := [a for a in addresses if not usable(a)]:
            raise ValueError(f"{name}: {refused[0]} is not an address that an allowlist may hold")


def write(lock: Lock) -> str:
    """The text of a lock, stable and readable as a diff."""
    return msgspec.json.format(msgspec.json.encode(lock), indent=2).decode() + "\n"


def usable(address: str) -> bool:
    """Whether an answer may go into an allowlist: no sinkhole, loopback, multicast, link-local or reserved address.

    Private addresses may (PrivateLink); so may the ranges for documentation, which labs use.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    never = parsed.is_unspecified or parsed.is_loopback or parsed.is_multicast or parsed.is_link_local
    zone = "%" in address  # RFC 4007: Python takes any text at all as an IPv6 zone
    return not never and not zone and mapped is None and not (parsed.version == 4 and parsed.is_reserved)


def questions(endpoints: Iterable[Endpoint], numbers: Sequence[int], *, exact: bool) -> dict[str, tuple[str, ...]]:
    """Which names to ask for, by pattern; the impossible one last.

    Args:
        endpoints: what is to be admitted.
        numbers: what to put for the asterisk of a numbered endpoint.
        exact: ask for names without an asterisk too (for their addresses).
    """
    found: dict[str, tuple[str, ...]] = {}
    for endpoint in endpoints:
        pattern = endpoint.host_pattern
        if endpoint.numbered:
            names = tuple(host.name for host in pattern.enumerate(numbers))
            found[pattern.pattern] = (*names, pattern.pattern.replace("*", CANNOT_EXIST))
        elif exact and pattern.is_exact:
            found[pattern.pattern] = (pattern.pattern,)
    return found


def look(
    asked: Mapping[str, tuple[str, ...]],
    answers: Mapping[str, tuple[str, ...]],
    *,
    at: str,
    resolver: str,
    lab: bool = False,
) -> Lock:
    """Make a lock of what was answered.

    Args:
        asked: names by pattern, see :func:`questions`.
        answers: addresses by name; a name without any does not exist.
        at: when, RFC 3339, UTC.
        resolver: through which servers.
        lab: loopback is an ordinary answer: the name exists, though no allowlist may hold its address.

    Raises:
        UsageError: the resolver answers for a name that cannot exist, so its answers prove nothing.
    """
    for pattern, names in asked.items():
        if "*" in pattern and answers.get(names[-1]):
            raise UsageError(
                resolver,
                f"it answers for {names[-1]}, which cannot exist, so it proves nothing about numbered names",
                "ask an honest server",
            )
    return Lock(
        lab=lab,
        patterns={
            pattern: Sighting(at=at, resolver=resolver, names=dict(_existing(names, answers, lab=lab)))
            for pattern, names in sorted(asked.items())
        },
    )


def _existing(
    names: Iterable[str], answers: Mapping[str, tuple[str, ...]], *, lab: bool
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in names:
        answered = answers.get(name, ())
        found = tuple(address for address in answered if usable(address))
        if found or (lab and answered):
            yield name, found
