"""Which of several resolvers a host believes."""

from __future__ import annotations

import socket
from pathlib import Path

import dns.rcode
import dns.rdatatype
import pytest
import trio

from netprobe.observations import DnsDetail, Failure
from netprobe.probes.limits import Limits
from netprobe.probes.resolve import GIVEN_UP_AFTER, SHORT_WAIT, Gate, Gates, Lookup, resolve
from netprobe.vantage import Resolver, Vantage
from tests.support import probe_servers
from tests.support.probe_servers import DnsServer, Zone, zone

HOST = "ecs.us-east-2.amazonaws.com"
GOOD = zone({HOST: {"A": ["192.0.2.1"]}})
SILENT: Zone = lambda _query, _tcp: []  # noqa: E731


async def _resolve(*zones: Zone, families: tuple[int, ...] = (4,), hosts_file: Path | None = None) -> Lookup:
    async with trio.open_nursery() as nursery:
        resolvers = tuple([await DnsServer(answer).start(nursery) for answer in zones])
        vantage = Vantage(name="host", resolvers=resolvers, hosts_file=hosts_file, families=families)
        lookup = await resolve(probe_servers.scene(HOST), vantage, families, Limits(0.4), Gates())
        nursery.cancel_scope.cancel()
    return lookup


@pytest.mark.parametrize(
    ("first", "addresses"),
    [
        (SILENT, ("192.0.2.1",)),
        (zone({}, missing=dns.rcode.SERVFAIL), ("192.0.2.1",)),
        (zone({}, missing=dns.rcode.REFUSED), ("192.0.2.1",)),
        (zone({}), ()),
        (zone({HOST: {}}), ()),
        (zone({HOST: {"A": ["0.0.0.0"]}}), ("0.0.0.0",)),
    ],
)
async def test_the_first_final_answer_counts(first: Zone, addresses: tuple[str, ...]) -> None:
    lookup = await _resolve(first, GOOD)
    assert lookup.addresses == addresses
    assert len(lookup.observations) == 2, "every resolver is asked on its own"
    assert not lookup.is_absent


async def test_nobody_knows_the_name() -> None:
    lookup = await _resolve(zone({}), zone({HOST: {}}), families=(4, 6))
    assert lookup.is_absent
    assert len(lookup.observations) == 4


async def test_silence_is_no_absence() -> None:
    assert not (await _resolve(SILENT)).is_absent


def _silent_about(rrtype: str, answer: Zone) -> Zone:
    return lambda query, over_tcp: (
        [] if dns.rdatatype.to_text(query.question[0].rdtype) == rrtype else answer(query, over_tcp)
    )


@pytest.mark.parametrize("silent", ["A", "AAAA"])
async def test_one_denial_of_the_name_settles_both_families(silent: str) -> None:
    """RFC 8020: NXDOMAIN is about the name, not about the type that was asked for."""
    lookup = await _resolve(_silent_about(silent, zone({})), families=(4, 6))
    assert {o.failure for o in lookup.observations} == {Failure.DNS_NXDOMAIN, Failure.TIMEOUT}
    assert lookup.is_absent


async def test_no_address_of_one_family_settles_nothing_about_the_other() -> None:
    assert not (await _resolve(_silent_about("A", zone({HOST: {}})), families=(4, 6))).is_absent


async def test_the_denial_of_the_server_that_lives_counts() -> None:
    assert (await _resolve(SILENT, zone({}), families=(4, 6))).is_absent


async def test_the_hosts_file_wins_and_nobody_is_asked(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(f"\n192.0.2.7 {HOST}\n")
    asked = 0

    def count(query: object, over_tcp: bool) -> list[bytes]:
        nonlocal asked
        asked += 1
        return []

    lookup = await _resolve(count, families=(4, 6), hosts_file=hosts)
    assert asked == 0
    assert lookup.addresses == ("192.0.2.7",)
    (observation,) = lookup.observations
    assert isinstance(observation.detail, DnsDetail)
    assert (observation.detail.transport, observation.detail.resolver) == ("file", f"{hosts}:2")


async def test_a_hosts_file_with_the_other_family_alone_gives_no_address(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n10.0.0.5 {HOST}\n")
    lookup = await _resolve(zone({HOST: {"AAAA": ["::1"]}}), families=(6,), hosts_file=hosts)
    assert lookup.addresses == ()
    (said,) = lookup.observations
    assert isinstance(said.detail, DnsDetail)
    assert (said.failure, said.detail.resolver, said.detail.transport) == (Failure.DNS_NO_ANSWER, f"{hosts}:2", "file")


def test_a_resolver_that_never_answered_is_not_waited_for_in_full() -> None:
    gate = Gate()
    seen = []
    for failure in [*[Failure.TIMEOUT] * GIVEN_UP_AFTER, None]:
        seen.append(gate.patience)
        gate.note(failure)
    assert seen == [*[None] * GIVEN_UP_AFTER, SHORT_WAIT]
    assert gate.patience is None


async def test_questions_in_flight_count_once_one_of_them_was_met_with_silence() -> None:
    gate = Gate()
    for number in range(GIVEN_UP_AFTER):
        gate.slots._limiter.acquire_on_behalf_of_nowait(number)
    seen = [gate.patience]
    gate.slots._limiter.release_on_behalf_of(0)
    for failure in (Failure.TIMEOUT, None):
        gate.note(failure)
        seen.append(gate.patience)
    assert seen == [None, SHORT_WAIT, None], "nothing is known; one was met with silence; it lives"


async def test_being_cut_short_keeps_what_was_answered() -> None:
    lookup = Lookup()
    async with trio.open_nursery() as nursery:
        good = await DnsServer(GOOD).start(nursery)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            silent = Resolver(address="127.0.0.1", port=deaf.getsockname()[1])
            vantage = Vantage(name="host", resolvers=(good, silent), hosts_file=None, families=(4,))
            with trio.CancelScope(deadline=trio.current_time() + 0.3):
                await resolve(probe_servers.scene(HOST), vantage, (4,), Limits(30), Gates(), into=lookup)
        nursery.cancel_scope.cancel()
    assert [o.failure for o in lookup.observations] == [None]
