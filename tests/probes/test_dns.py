"""DNS against real servers on loopback: what one resolver does with one question."""

from __future__ import annotations

import socket

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
import trio

from netprobe.observations import DnsDetail, Failure, Observation
from netprobe.probes import dns as probe
from netprobe.probes import dnswire
from netprobe.probes.limits import Limits
from netprobe.vantage import Resolver
from tests.support import probe_servers
from tests.support.probe_servers import DnsServer, Zone, zone

HOST = "ecs.us-east-2.amazonaws.com"


async def _ask(
    answer: Zone, *, family: int = 4, limit: float = 5.0, tcp: bool = True, over_tcp: bool = False
) -> tuple[Observation, DnsDetail, DnsServer]:
    server = DnsServer(answer)
    async with trio.open_nursery() as nursery:
        resolver = await server.start(nursery, tcp=tcp)
        observation, addresses = await probe.ask(
            probe_servers.scene(HOST), resolver, family, Limits(limit), over_tcp=over_tcp
        )
        nursery.cancel_scope.cancel()
    assert isinstance(observation.detail, DnsDetail)
    assert observation.detail.answers == addresses
    return observation, observation.detail, server


async def test_an_answer_is_sorted_and_has_its_ttl() -> None:
    observation, detail, server = await _ask(zone({HOST: {"A": ["192.0.2.9", "192.0.2.1"]}}))
    assert observation.failure is None
    assert detail.answers == ("192.0.2.1", "192.0.2.9")
    assert (detail.rrtype, detail.rcode, detail.ttl_seconds, detail.attempts) == ("A", "NOERROR", 60, 1)
    assert server.udp_questions == 1


async def test_aaaa() -> None:
    _, detail, _ = await _ask(zone({HOST: {"AAAA": ["2001:db8::1"]}}), family=6)
    assert (detail.rrtype, detail.answers) == ("AAAA", ("2001:db8::1",))


@pytest.mark.parametrize(
    ("rcode", "failure"),
    [
        (dns.rcode.NXDOMAIN, Failure.DNS_NXDOMAIN),
        (dns.rcode.SERVFAIL, Failure.DNS_SERVFAIL),
        (dns.rcode.REFUSED, Failure.DNS_REFUSED),
        (dns.rcode.NOTIMP, Failure.DNS_OTHER_RCODE),
    ],
)
async def test_rcodes(rcode: dns.rcode.Rcode, failure: Failure) -> None:
    observation, detail, _ = await _ask(zone({}, missing=rcode))
    assert observation.failure is failure
    assert detail.rcode == dns.rcode.to_text(rcode)


async def test_no_record_of_the_type() -> None:
    observation, detail, _ = await _ask(zone({HOST: {}}))
    assert (observation.failure, detail.rcode) == (Failure.DNS_NO_ANSWER, "NOERROR")


async def test_the_chain_of_aliases_is_kept() -> None:
    def answer(query: dns.message.QueryMessage, _over_tcp: bool) -> list[bytes]:
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text(f"{HOST}.", 300, "IN", "CNAME", "a.example."))
        response.answer.append(dns.rrset.from_text("a.example.", 20, "IN", "CNAME", "b.example."))
        response.answer.append(dns.rrset.from_text("b.example.", 90, "IN", "A", "192.0.2.1"))
        return [response.to_wire()]

    observation, detail, _ = await _ask(answer)
    assert observation.failure is None
    assert detail.cname == ("a.example", "b.example")
    assert detail.ttl_seconds == 20


async def test_an_alias_that_leads_back_to_itself_is_malformed() -> None:
    def answer(query: dns.message.QueryMessage, _over_tcp: bool) -> list[bytes]:
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text(f"{HOST}.", 300, "IN", "CNAME", "a.example."))
        response.answer.append(dns.rrset.from_text("a.example.", 300, "IN", "CNAME", f"{HOST}."))
        return [response.to_wire()]

    observation, _, _ = await _ask(answer)
    assert observation.failure is Failure.DNS_MALFORMED


async def test_answers_to_other_questions_are_ignored() -> None:
    def answer(query: dns.message.QueryMessage, _over_tcp: bool) -> list[bytes]:
        forged = zone({HOST: {"A": ["203.0.113.66"]}})(query, False)[0]
        wrong_id = ((query.id + 1) % 65536).to_bytes(2, "big") + forged[2:]
        other = dns.message.make_query("other.example.", "A")
        other.id = query.id
        wrong_question = zone({"other.example": {"A": ["203.0.113.66"]}})(other, False)[0]
        right = zone({HOST: {"A": ["192.0.2.1"]}})(query, False)[0]
        return [b"", b"\x00", wrong_id, wrong_question, right]

    observation, detail, _ = await _ask(answer)
    assert observation.failure is None
    assert detail.answers == ("192.0.2.1",)


async def test_datagrams_from_elsewhere_are_ignored() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        server = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        await server.bind(("127.0.0.1", 0))

        async def serve() -> None:
            data, client = await server.recvfrom(4096)
            query = dns.message.from_wire(data)
            assert isinstance(query, dns.message.QueryMessage)
            stranger.sendto(zone({HOST: {"A": ["203.0.113.66"]}})(query, False)[0], client)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            resolver = Resolver(address="127.0.0.1", port=server.getsockname()[1])
            observation, addresses = await probe.ask(probe_servers.scene(HOST), resolver, 4, Limits(0.4))
        server.close()
    assert observation.failure is Failure.TIMEOUT
    assert addresses == ()


async def test_bytes_that_are_no_message_are_malformed() -> None:
    observation, detail, _ = await _ask(lambda query, _: [query.id.to_bytes(2, "big") + b"\x81\x80\x00\x01garbage"])
    assert observation.failure is Failure.DNS_MALFORMED
    assert detail.error


def _truncated(tcp_answer: Zone) -> Zone:
    def answer(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        if over_tcp:
            return tcp_answer(query, True)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return [response.to_wire()]

    return answer


async def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    observation, detail, server = await _ask(_truncated(zone({HOST: {"A": ["192.0.2.1"]}})))
    assert observation.failure is None
    assert (detail.transport, detail.truncated, detail.answers) == ("tcp", True, ("192.0.2.1",))
    assert (server.udp_questions, server.tcp_questions) == (1, 1)


async def test_a_truncated_answer_without_tcp_is_its_own_failure() -> None:
    observation, detail, _ = await _ask(_truncated(zone({})), tcp=False)
    assert observation.failure is Failure.DNS_TCP_BLOCKED
    assert (detail.transport, detail.truncated, detail.error) == ("tcp", True, "ECONNREFUSED")


async def test_tcp_that_closes_at_once() -> None:
    observation, _, _ = await _ask(_truncated(lambda _query, _tcp: []))
    assert observation.failure is Failure.DNS_TCP_BLOCKED


async def test_tcp_from_the_start() -> None:
    observation, detail, server = await _ask(zone({HOST: {"A": ["192.0.2.1"]}}), over_tcp=True)
    assert observation.failure is None
    assert detail.transport == "tcp"
    assert (server.udp_questions, server.tcp_questions) == (0, 1)


async def test_nobody_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    observation, _ = await probe.ask(
        probe_servers.scene(HOST), Resolver(address="127.0.0.1", port=port), 4, probe_servers.limits()
    )
    assert observation.failure is Failure.CONNECTION_REFUSED


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_a_lost_question_is_sent_again_and_counted(lost: int) -> None:
    good, heard = zone({HOST: {"A": ["192.0.2.1"]}}), 0

    def answer(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        nonlocal heard
        heard += 1
        return [] if heard <= lost else good(query, over_tcp)

    observation, detail, _ = await _ask(answer)
    assert observation.failure is None
    assert detail.attempts == lost + 1 == heard
    waited = sum(probe.RESEND_AFTER[:lost])
    assert waited <= observation.duration_seconds < waited + probe.RESEND_AFTER[lost]


async def test_silence() -> None:
    observation, detail, _ = await _ask(lambda _query, _tcp: [], limit=0.3)
    assert (observation.failure, detail.rcode) == (Failure.TIMEOUT, None)


async def test_a_server_that_knows_no_edns_gets_no_second_question() -> None:
    """Go's resolver takes FORMERR for the answer; only the control asks without EDNS."""
    good = zone({HOST: {"A": ["192.0.2.1"]}})

    def answer(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        if query.edns < 0:
            return good(query, over_tcp)
        response = dns.message.make_response(query)
        response.use_edns(False)
        response.set_rcode(dns.rcode.FORMERR)
        return [response.to_wire()]

    observation, detail, _ = await _ask(answer)
    assert (observation.failure, detail.rcode) == (Failure.DNS_OTHER_RCODE, "FORMERR")


async def test_a_thousand_addresses_are_not_all_probed() -> None:
    many = [f"192.0.2.{n}" for n in range(1, 200)]
    observation, detail, _ = await _ask(_truncated(zone({HOST: {"A": many}})))
    assert observation.failure is None
    assert len(detail.answers) == dnswire.MAX_ADDRESSES
    assert detail.error.startswith("199 addresses")
    assert detail.left_out == 199 - dnswire.MAX_ADDRESSES


def _flood(addresses: int) -> Zone:
    """A server that answers every question with this many addresses."""
    wires: dict[bool, bytes] = {}

    def answer(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        if over_tcp not in wires:
            response = dns.message.make_response(query)
            literals = [f"198.51.{number // 256}.{number % 256}" for number in range(addresses)]
            # Behind an alias, so that it takes dnspython's reader, which is the slow one.
            response.answer.append(dns.rrset.from_text(f"{HOST}.", 60, "IN", "CNAME", "a.example."))
            response.answer.append(dns.rrset.from_text_list("a.example.", 60, "IN", "A", literals))
            wires[over_tcp] = response.to_wire(max_size=65535)
        return [query.id.to_bytes(2, "big") + wires[over_tcp][2:]]

    return answer


async def test_an_endless_answer_is_not_read() -> None:
    observation, detail, _ = await _ask(_flood(4000), over_tcp=True)
    assert observation.failure is Failure.DNS_MALFORMED
    assert detail.answers == ()
    assert "bytes, more than 20480" in detail.error


async def test_large_answers_do_not_outlast_the_deadline() -> None:
    """A hundred answers of 16 KiB take seconds to parse: the event loop must turn between one and the next."""
    query = dnswire.question(HOST, 4)
    asked = dns.message.from_wire(query.wire)
    assert isinstance(asked, dns.message.QueryMessage)
    wire = _flood(1000)(asked, True)[0]
    parsed: list[int] = []  # the turn of the event loop in which an answer was done
    turn = 0

    async def one() -> None:
        await probe._understood(wire, query)
        parsed.append(turn)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(one)
            while len(parsed) < 8:
                await trio.lowlevel.checkpoint()
                turn += 1
    assert max(map(parsed.count, parsed)) <= 2  # two where the counter took its turn between them
