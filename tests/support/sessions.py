"""Sessions as a firewall sees them, and rules of any device that decide about them one after the other.

A reader of a device's language makes such rules; :func:`hold` asks them about every name of the corpus, for the hosts
and for others, and compares with what lowering claims.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netprobe.render import Rendered
from netprobe.render.model import Policy
from tests.support.render_cases import Case
from tests.support.render_corpus import corpus

INSIDE = ("198.51.100.17", "2001:db8:5::9")
OUTSIDE = ("203.0.113.9", "2001:db8:9::9")


@dataclass(frozen=True, kw_only=True)
class Session:
    """A new connection as a firewall sees it."""

    client: str
    protocol: str
    port: int
    name: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: for whom, for which services, and what it says about a name (None: the next rule decides)."""

    label: str
    sources: tuple[str, ...]
    services: frozenset[tuple[str, int]]
    says: Callable[[str], bool | None]

    def decides(self, session: Session) -> bool | None:
        client = ipaddress.ip_address(session.client)
        ours = not self.sources or any(client in ipaddress.ip_network(one) for one in self.sources)
        return self.says(session.name) if ours and (session.protocol, session.port) in self.services else None


def verdict(rules: Sequence[Rule], session: Session) -> bool | None:
    """What the first rule that decides says; None: the site's own rules do."""
    return next((said for rule in rules if (said := rule.decides(session)) is not None), None)


def hold(rules: Sequence[Rule], made: Rendered, case: Case, policy: Policy, clients: Sequence[str] = INSIDE) -> None:
    """The rules decide as claimed: names, ports, QUIC, for the hosts and for others.

    Args:
        rules: what a reader made of the output.
        made: the output, with its claim.
        case: its input.
        policy: with which policy it was made.
        clients: the hosts' addresses that the device governs.
    """
    ports = {endpoint.port for endpoint in case.endpoints}
    answers = set()
    for host in corpus(case.endpoints):
        for port in (443, 80, 8443):
            admitted = made.lowered.admits(host, port)
            denied = False if policy.enforce and port in ports else None
            claimed = True if admitted else denied
            answers.add(claimed)
            for client in clients:
                session = Session(client=client, protocol="tcp", port=port, name=host)
                assert verdict(rules, session) == claimed, (session, claimed)
                assert verdict(rules, Session(client=client, protocol="udp", port=port, name=host)) == denied
            for client in OUTSIDE if policy.sources else ():
                assert verdict(rules, Session(client=client, protocol="tcp", port=port, name=host)) is None
    assert answers >= ({True, False} if policy.enforce else {True, None})
