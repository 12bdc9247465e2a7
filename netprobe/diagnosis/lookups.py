"""Which resolver's answer the host gets: the behaviour of a stub resolver over the lookups of one name.

A stub asks its resolvers in order, and the next one only after silence, SERVFAIL or another failure to answer
(resolv.conf(5); shared with musl and Go). A *wrong* answer, such as NXDOMAIN or 0.0.0.0, is an answer: it ends the
search. A line in the hosts file ends it before the first question.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from netprobe.observations import DnsDetail, Failure, Observation

FINAL = frozenset({Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER})
_TYPE_OF_FAMILY = {4: "A", 6: "AAAA"}


def dns_detail(o: Observation) -> DnsDetail | None:
    """The DNS detail of an observation, or None in a report that was tampered with."""
    return o.detail if isinstance(o.detail, DnsDetail) else None


def answers(o: Observation) -> tuple[str, ...]:
    """The addresses in an answer; nothing where the question failed."""
    detail = dns_detail(o)
    return detail.answers if detail is not None and o.failure is None else ()


def asked_longer(o: Observation) -> str:
    """The name that was asked in the host's place, with a search domain behind it; nothing for the host itself."""
    detail = dns_detail(o)
    return detail.asked if detail is not None else ""


def resolver_of(o: Observation) -> str:
    """Which resolver was asked."""
    detail = dns_detail(o)
    return detail.resolver if detail is not None else ""


def is_question(o: Observation, like: Observation) -> bool:
    """Whether two lookups ask one resolver the same."""
    mine, theirs = dns_detail(o), dns_detail(like)
    if mine is None or theirs is None:
        return False
    return (o.host, mine.resolver, mine.rrtype) == (like.host, theirs.resolver, theirs.rrtype)


def is_final(o: Observation) -> bool:
    """Whether a stub resolver takes this for the answer and asks nobody else."""
    return o.failure is None or o.failure in FINAL


class Lookups(msgspec.Struct, frozen=True, kw_only=True):
    """Every lookup of one name by one vantage.

    Attributes:
        asked: for each record type, what each resolver said, in the stub's order.
        chosen: for each record type, the observation whose answer the host gets.
        settled: whether enough was heard to know what the host gets; a run that was cut short may lack an answer that
            the stub would have waited for.
    """

    asked: dict[str, tuple[Observation, ...]]
    chosen: dict[str, Observation]
    settled: bool = True

    @classmethod
    def of(cls, observations: Iterable[Observation], resolvers: Sequence[str], families: set[int]) -> Lookups:
        """Sort the DNS observations of one host.

        Args:
            observations: the first pass's, for one host.
            resolvers: in the order in which the stub asks them; others follow as they come.
            families: which record types the vantage wants.
        """
        wanted = {_TYPE_OF_FAMILY[f] for f in families if f in _TYPE_OF_FAMILY}
        latest: dict[tuple[str, str], Observation] = {}
        from_file: set[str] = set()
        for o in observations:
            detail = dns_detail(o)
            if detail is None or (wanted and detail.rrtype not in wanted):
                continue
            # A later observation of the same question is the fallback to TCP after a truncated answer.
            latest[detail.rrtype, detail.resolver] = o
            if detail.transport == "file":
                from_file.add(detail.rrtype)
        if from_file:
            latest = {key: o for key, o in latest.items() if _is_file(o)}
        order = {name: number for number, name in enumerate(resolvers)}
        asked: dict[str, tuple[Observation, ...]] = {}
        for rrtype in sorted({key[0] for key in latest}):
            mine = [o for (kind, _), o in latest.items() if kind == rrtype]
            asked[rrtype] = tuple(sorted(mine, key=lambda o: order.get(resolver_of(o), len(order))))
        chosen = {rrtype: next((o for o in os if is_final(o)), os[0]) for rrtype, os in asked.items()}
        heard = {rrtype for rrtype, os in asked.items() if _is_heard_out(os, resolvers)}
        denied = any(chosen[rrtype].failure is Failure.DNS_NXDOMAIN for rrtype in heard)
        return cls(asked=asked, chosen=chosen, settled=bool(from_file) or denied or heard >= (wanted or set(asked)))

    @property
    def every(self) -> tuple[Observation, ...]:
        """All lookups."""
        return tuple(o for os in self.asked.values() for o in os)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that the host gets."""
        return tuple(dict.fromkeys(a for o in self.chosen.values() for a in answers(o)))

    @property
    def missing(self) -> bool:
        """Whether the host is told that there is no such name, or no address for every type it asks.

        One NXDOMAIN denies the name for every type (RFC 8020), whatever became of the question for another.
        """
        if not self.chosen or self.addresses:
            return False
        said = [o.failure for o in self.chosen.values()]
        return Failure.DNS_NXDOMAIN in said or all(is_final(o) for o in self.chosen.values())

    @property
    def failed(self) -> Observation | None:
        """The lookup that stands for the failure: a denial of the name, else silence, else "no such address"."""
        rank = {Failure.DNS_NXDOMAIN: 0, Failure.DNS_NO_ANSWER: 2, None: 3}
        failing = [o for o in self.chosen.values() if not answers(o)]
        return min(failing, key=lambda o: rank.get(o.failure, 1), default=None)


def _is_heard_out(said: Sequence[Observation], resolvers: Sequence[str]) -> bool:
    """Whether every resolver that a stub asks for one record type, up to the first final answer, was heard."""
    by_resolver = {resolver_of(o): o for o in said}
    for resolver in resolvers:
        o = by_resolver.get(resolver)
        if o is None:
            return False
        if is_final(o):
            return True
    return bool(said)


def _is_file(o: Observation) -> bool:
    detail = dns_detail(o)
    return detail is not None and detail.transport == "file"
