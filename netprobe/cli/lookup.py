"""What ``netprobe render`` asks the network for: names (``--discover``, ``--resolve``) and ip-ranges.json from a URL.

Nothing here runs unless one of those options is given. The same DNS step as in ``netprobe check`` asks, so hosts file
and resolvers count as they do there.
"""

from __future__ import annotations

import datetime
import ssl
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from netprobe.errors import UnreadableFileError, UsageError

if TYPE_CHECKING:
    from netprobe.catalog.model import Endpoint
    from netprobe.catalog.prefixes import Prefixes
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

    Raises:
        UsageError: no usable resolver, or one that answers for names that cannot exist.
    """
    import trio

    from netprobe.render import lock

    asked = lock.questions(endpoints, numbers, exact=exact)
    names = tuple(dict.fromkeys(name for group in asked.values() for name in group))

    async def ask() -> tuple[Mapping[str, tuple[str, ...]], str]:
        if lab is None:
            from netprobe.probes.system import host_vantage

            vantage = host_vantage(resolvers=resolvers, families=families)
            return await _addresses(names, vantage, families), _servers(vantage)
        from netprobe.lab import open_lab

        async with open_lab(lab, endpoints) as running:
            return await _addresses(names, running.vantage, families), _servers(running.vantage)

    answers, servers = trio.run(ask)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return lock.look(asked, answers, at=now, resolver=servers, lab=lab is not None)


def _servers(vantage: Vantage) -> str:
    return ", ".join(map(str, vantage.resolvers)) or "the hosts file"


async def _addresses(names: Sequence[str], vantage: Vantage, families: Sequence[int]) -> Mapping[str, tuple[str, ...]]:
    import trio

    from netprobe.probes.limits import Limits
    from netprobe.probes.resolve import Gates, resolve
    from netprobe.probes.scene import Scene

    limits, gates = Limits(), Gates()
    found: dict[str, tuple[str, ...]] = {}

    async def one(name: str) -> None:
        scene = Scene(zero=0.0, vantage=vantage.name, region="", endpoint="", host=name, port=443)
        found[name] = (await resolve(scene, vantage, families, limits, gates)).addresses

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
