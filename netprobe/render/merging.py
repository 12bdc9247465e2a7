"""Make a list of entries minimal: equal ones joined, covered ones dropped, in an order that people can read.

Some devices refuse overlaps (Squid ends with a fatal error), all are easier to review without. An entry that is dropped
leaves its endpoints with the one that covers it, so that every endpoint stays accounted for.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from netprobe import natural
from netprobe.render.model import Admitted, Claim, Form

Key = tuple[Claim, int]
_ORDER = {form: index for index, form in enumerate(Form)}


def merge(entries: Iterable[Admitted], *, ports: bool) -> tuple[Admitted, ...]:
    """Join, drop and sort.

    Args:
        entries: as lowering found them.
        ports: whether a rule is bound to a port; otherwise entries that differ only in the port are one.
    """
    joined: dict[Key, dict[str, None]] = {}
    for entry in entries:
        joined.setdefault((entry.claim, entry.port), {}).update(dict.fromkeys(entry.endpoints))
    order = sorted(joined, key=lambda key: (key[1], _ORDER[key[0].form], _reading_order(key[0])))
    cover = _Covers(order, ports=ports)
    kept: dict[Key, dict[str, None]] = {}
    for key in order:
        kept.setdefault(cover.of(key), {}).update(joined[key])
    return tuple(
        Admitted(claim=key[0], port=key[1], endpoints=tuple(sorted(kept[key]))) for key in order if key in kept
    )


def _reading_order(claim: Claim) -> tuple[object, ...]:
    """Names by their labels from the right, as a person looks for them; networks by version and number."""
    if claim.form is Form.ADDRESS:
        return _network_order(claim.value)
    return tuple(map(natural.key, reversed(claim.value.split("."))))


@functools.lru_cache(maxsize=1 << 16)
def _network_order(value: str) -> tuple[int, int, int]:
    network = ipaddress.ip_network(value)
    return (network.version, int(network.network_address), network.prefixlen)


class _Covers:
    """Which of the entries stands for each: itself, or the widest one that covers it.

    Whatever covers a name ends in one of the name's own endings, so the wide entries are looked up by their endings
    instead of being compared with everything. Networks come collapsed from their source and are not compared at all.
    """

    def __init__(self, keys: Sequence[Key], *, ports: bool) -> None:
        self._ports = ports
        self._first: dict[Claim, int] = {}
        self._by_ending: dict[str, list[Key]] = {}
        for claim, port in keys:
            self._first.setdefault(claim, port)
            if claim.form not in (Form.EXACT, Form.ADDRESS):
                self._by_ending.setdefault(_ending(claim), []).append((claim, port))

    def of(self, key: Key) -> Key:
        """The key that stands for ``key``."""
        found = self._same(key)
        while self._by_ending:
            wider = next((wide for wide in self._candidates(found[0]) if self._beats(wide, found)), None)
            if wider is None:
                return found
            found = wider
        return found

    def _candidates(self, claim: Claim) -> Iterator[Key]:
        if claim.form is Form.ADDRESS:
            return
        labels = claim.value.split(".")
        for start in range(len(labels)):
            yield from map(self._same, self._by_ending.get(".".join(labels[start:]), ()))

    def _same(self, key: Key) -> Key:
        return key if self._ports else (key[0], self._first[key[0]])

    def _beats(self, wide: Key, key: Key) -> bool:
        if wide == key or (self._ports and wide[1] != key[1]) or not wide[0].covers(key[0]):
            return False
        # Two forms that say the same (*.x as a glob and as one label): the first in order wins, never both.
        return not key[0].covers(wide[0]) or (_ORDER[wide[0].form], wide[0].value) < (_ORDER[key[0].form], key[0].value)


def _ending(claim: Claim) -> str:
    """The literal labels at the end of everything that the claim admits."""
    labels = claim.value.split(".")
    last = max((index for index, label in enumerate(labels) if "*" in label), default=-1)
    return ".".join(labels[last + 1 :])
