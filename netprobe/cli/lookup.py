"""What ``netprobe render`` asks the network for: names (``--discover``, ``--resolve``) and ip-ranges.json from a URL.

Nothing here runs unless one of those options is given. The same DNS step as in ``netprobe check`` asks, so hosts file
and resolvers count as they do there.
"""

from __future__ import annotations

import datetime
import ssl
import time
import urllib.request
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from netprobe.cli.output import say
from netprobe.errors import UnreadableFileError, UsageError

if TYPE_CHECKING:
    from netprobe.catalog.model import Endpoint
    from netprobe.catalog.prefixes import Prefixes
    from netprobe.probes.resolve import Lookup
    from netprobe.render.lock import Lock
    from netprobe.vantage import Vantage


class ReadableAnswer(Protocol):
    """An open answer."""

    def read1(self, n: int, /) -> bytes:
        """At most ``n`` bytes, as soon as there are any."""


FETCH_SECONDS = 60.0


def look(
    endpoints: Sequence[Endpoint],
    *,
    numbers: Sequence[int],
    exact: bool,
    resolvers: Sequence[str],
    families: tuple[int, ...],
    lab: str | None,
) -> Lock:
    """Ask for the names of the endpoints.

    A name that was not answered for is not one that does not exist: a list made of such answers would be short without
    a word, and in a lock it would take the place of a longer one. So it is refused. Where names alone are wanted, one
    that has an address is known to exist, whatever became of the question for the other family.

    Args:
        endpoints: what is to be admitted.
        numbers: the numbers to try.
        exact: whether every address is wanted, of names without an asterisk too.
        resolvers: whom to ask, or nobody for the host's own.
        families: 4, 6 or both.
        lab: the scenario of the embedded network that answers, or None.

    Raises:
        UsageError: no usable resolver, one that answers for names that cannot exist, or one that did not answer.
    """
    import trio

    from netprobe.render import lock

    asked = lock.questions(endpoints, numbers, exact=exact)
    names = tuple(dict.fromkeys(name for group in asked.values() for name in group))

    async def ask() -> tuple[Mapping[str, Lookup], str]:
        if lab is None:
            from netprobe.probes.system import host_vantage

            vantage = host_vantage(resolvers=resolvers, families=families)
            return await _looked_up(names, vantage, families), _servers(vantage)
        from netprobe.lab import open_lab

        async with open_lab(lab, endpoints) as running:
            return await _looked_up(names, running.vantage, families), _servers(running.vantage)

    found, servers = trio.run(ask)
    _refuse_unanswered(found, servers, addresses=exact)
    answers = {name: one.addresses for name, one in found.items()}
    if lab is None:
        _tell_odd(answers)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return lock.look(asked, answers, at=now, resolver=servers, lab=lab is not None)


def _servers(vantage: Vantage) -> str:
    return ", ".join(map(str, vantage.resolvers)) or "the hosts file"


def _refuse_unanswered(found: Mapping[str, Lookup], servers: str, *, addresses: bool) -> None:
    """Refuse a look that leaves open which names there are, or (where they are wanted) which addresses they have.

    Args:
        found: what was said of each name.
        servers: who was asked, in words.
        addresses: whether every address is wanted.

    Raises:
        UsageError: it does.
    """
    open_ = {name: one.unanswered for name, one in sorted(found.items()) if one.unanswered}
    if not addresses:
        open_ = {name: types for name, types in open_.items() if not found[name].addresses}
    if open_:
        types = " and ".join(sorted({one for types in open_.values() for one in types}))
        remedy = "ask again, or another server with --resolver"
        if types == "AAAA":
            remedy += ", or leave IPv6 out with -4"
        raise UsageError(
            servers,
            f"it did not answer ({types}) for {_few(open_)}, so names or addresses would be missing unseen",
            remedy,
        )
    shortened = [name for name, one in sorted(found.items()) if addresses and one.is_shortened]
    if shortened:
        raise UsageError(
            servers,
            f"it gave more addresses for {_few(shortened)} than are kept of one answer, so some would be missing",
            "use a target that knows names, or --ip-ranges",
        )


def _tell_odd(answers: Mapping[str, Sequence[str]]) -> None:
    """Tell what a filter of the resolver may have put in the place of AWS's addresses."""
    from netprobe.ranges import is_private
    from netprobe.render import lock

    dropped = _those(answers, lambda address: not lock.usable(address))
    if dropped:
        example = next(iter(dropped.values()))[0]
        say(f"netprobe: note: answers such as {example} for {_few(dropped)} are left out: no rule may hold them")
    private = _those(answers, is_private)
    if private:
        example = next(iter(private.values()))[0]
        say(
            f"netprobe: note: private addresses such as {example} were answered for {_few(private)}: they are right "
            "where these are interface endpoints (PrivateLink) of yours, and a filter's otherwise"
        )


def _those(answers: Mapping[str, Sequence[str]], wanted: Callable[[str], bool]) -> dict[str, list[str]]:
    """The addresses of some kind, by name."""
    found = {name: list(filter(wanted, addresses)) for name, addresses in sorted(answers.items())}
    return {name: addresses for name, addresses in found.items() if addresses}


def _few(names: Collection[str]) -> str:
    """The first of some names, and how many there are."""
    first = next(iter(names))
    return first if len(names) == 1 else f"{len(names)} names, {first} among them"


async def _looked_up(names: Sequence[str], vantage: Vantage, families: Sequence[int]) -> Mapping[str, Lookup]:
    import trio

    from netprobe.probes.limits import Limits
    from netprobe.probes.resolve import Gates, resolve
    from netprobe.probes.scene import RunClock, Scene

    limits, gates = Limits(), Gates()
    found: dict[str, Lookup] = {}

    async def one(name: str) -> None:
        scene = Scene(clock=RunClock(0.0), vantage=vantage.name, region="", endpoint="", host=name, port=443)
        found[name] = await resolve(scene, vantage, families, limits, gates)

    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(one, name)
    return found


def ip_ranges(where: str, ca_file: Path | None) -> tuple[Prefixes, str]:
    """Read ip-ranges.json: ``snapshot`` (shipped), an https URL, or a file; and where it came from, in words.

    Raises:
        UsageError: a URL that is not https.
        UnreadableFileError: it cannot be had, or is not such a file.
    """
    from netprobe.catalog import edition, prefixes

    if where == "snapshot":
        imported = edition.current().imported is not None
        whose = "came with the imported catalog" if imported else "ships with netprobe"
        return prefixes.snapshot(), f"the snapshot that {whose}"
    if "://" not in where:
        return prefixes.read(Path(where)), "ip-ranges.json"
    data = _fetch(where, ca_file, prefixes.MAX_BYTES)
    try:
        return prefixes.parse(data), "ip-ranges.json from a URL"
    except (ValueError, RecursionError) as exc:
        reason = str(exc).partition("\n")[0][:160]
        raise UnreadableFileError(where, f"is not an ip-ranges.json ({reason})", "give AWS's own file") from exc


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect could lead anywhere, also away from https; AWS's file needs none."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


def _fetch(url: str, ca_file: Path | None, most: int) -> bytes:
    """Fetch one file over https, with limits on time and size; the standard library honours HTTPS_PROXY."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise UsageError(url, "only https URLs without a password are fetched", "give https://…, a file, or snapshot")
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirects)
        with opener.open(url, timeout=FETCH_SECONDS) as answer:
            data = _drain(answer, most, url)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "reason", None) or exc
        raise UnreadableFileError(url, f"cannot be fetched ({reason})", "give a file, or snapshot") from exc
    return data


def _drain(answer: ReadableAnswer, most: int, url: str) -> bytes:
    """Read an answer to its end, however slowly it trickles, within the limits on size and time."""
    end = time.monotonic() + FETCH_SECONDS
    data = bytearray()
    while chunk := answer.read1(1 << 16):
        data += chunk
        if len(data) > most:
            raise UnreadableFileError(url, f"is larger than {most >> 20} MiB", "give AWS's own file")
        if time.monotonic() > end:
            raise UnreadableFileError(url, f"did not arrive within {FETCH_SECONDS:.0f} s", "give a file, or snapshot")
    return bytes(data)
