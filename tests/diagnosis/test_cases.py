"""Every finding as a table: what must be seen for it, and its look-alikes that must not be called by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from netprobe import manual
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.observations import DnsDetail, Lint, Observation, Step, TcpDetail, VantageRecord
from netprobe.observations import Failure as F
from tests.support.observe import AMAZON, CORP_CA, CORP_LEAF, PROXY, R1, R2, World, name, told

ECS, SSM, LOGS = name("ecs"), name("ssm"), name("logs")
FRESH = name("netprobe-first-time-1a2b3c4d")
A, B, V6 = "52.95.1.1", "52.95.1.2", "2600:1f00::1"
TWO = (VantageRecord(name="host", resolvers=(R1, R2)),)
PROXIED = (VantageRecord(name="host", resolvers=(R1,), proxy=PROXY, sources={"proxy": "/etc/ecs/ecs.config:3"}),)
Case = Callable[[World], None]
CASES: dict[str, tuple[Case, set[tuple[str, str, str]]]] = {}


def case(
    *expected: str, vantages: tuple[VantageRecord, ...] | None = None, repeats: bool = True, **context: object
) -> Callable[[Case], Case]:
    """Register a case; ``expected`` are ``id/severity/certainty``, with e/w/i and p/s.

    With ``repeats`` each failure is tried again as the probes do, and fails alike.
    """
    words = {"e": "error", "w": "warning", "i": "info", "p": "proven", "s": "suspected"}

    def register(build: Case) -> Case:
        def made(world: World) -> None:
            if vantages is not None:
                world.vantages = vantages
            world.context.update(context)
            build(world)
            if repeats:
                world.repeated()

        wanted = {(i, words[s], words[c]) for i, s, c in (text.split("/") for text in expected)}
        CASES[build.__name__] = (made, wanted)
        return build

    return register


def both(world: World) -> None:
    """Two required endpoints: ecs is the patient, ssm is well."""
    world.endpoint("ecs")
    world.endpoint("ssm", group="ssm")
    world.good(SSM, address=B)


# --- healthy -----------------------------------------------------------------------------------------------------


@case()
def healthy(w: World) -> None:
    both(w)
    w.good(ECS)


@case()
def healthy_without_ipv6_answers(w: World) -> None:
    both(w)
    w.good(ECS)
    w.dns(ECS, failure=F.DNS_NO_ANSWER, rrtype="AAAA")


@case()
def healthy_behind_dns64(w: World) -> None:
    w.endpoint("ecs")
    w.good(ECS, address="64:ff9b::345f:101")


@case()
def healthy_proxy_that_resolves(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, failure=F.DNS_NXDOMAIN)
    w.tunnelled(ECS)


@case()
def healthy_slow_path(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, A, duration=1.2)
    w.tcp(ECS, A, duration=0.6)
    w.tls(ECS, A, duration=1.3)
    w.http(ECS, A, duration=0.7)


@case("dns_private_answer/i/p")
def healthy_privatelink(w: World) -> None:
    w.endpoint("ecs")
    w.good(ECS, address="10.1.2.3")


# --- dns ---------------------------------------------------------------------------------------------------------


@case("dns_name_missing/e/p")
def dns_name_missing(w: World) -> None:
    both(w)
    w.dns(ECS, failure=F.DNS_NXDOMAIN)


@case("dns_name_missing/w/p")
def optional_name_missing(w: World) -> None:
    both(w)
    w.good(ECS)
    (host,) = w.endpoint("ec2messages", required=False)
    w.dns(host, failure=F.DNS_NXDOMAIN)


@case("dns_no_address/e/p")
def dns_no_address(w: World) -> None:
    both(w)
    w.dns(ECS, failure=F.DNS_NO_ANSWER)


@case("dns_server_failure/e/p")
def dns_server_failure(w: World) -> None:
    both(w)
    w.dns(ECS, failure=F.DNS_SERVFAIL)


@case("dns_refused/e/p")
def dns_refused(w: World) -> None:
    both(w)
    w.dns(ECS, failure=F.DNS_REFUSED)


@case("dns_edns_unanswered/e/p")
def dns_edns_unanswered(w: World) -> None:
    both(w)
    w.dns(ECS, failure=F.DNS_SERVFAIL)
    w.dns(ECS, A, experiment="without_edns")


@case("dns_server_failure/e/p")
def a_server_that_fails_without_edns_too(w: World) -> None:
    both(w)
    w.dns(ECS, failure=F.DNS_SERVFAIL)
    w.dns(ECS, failure=F.DNS_SERVFAIL, experiment="without_edns")


@case("dns_search_captures/e/p")
def dns_search_captures(w: World) -> None:
    both(w)
    w.dns(ECS, A, asked=f"{ECS}.corp.example")
    w.tcp(ECS, A)
    w.tls(ECS, A, F.SSL_INVALID_HOSTNAME, chain=(AMAZON,), origin=False)


@case("dns_search_captures/w/p")
def a_search_domain_that_leads_to_the_right_place(w: World) -> None:
    both(w)
    w.dns(ECS, A, asked=f"{ECS}.corp.example")
    w.reach(ECS, A)


@case("dns_unreachable/e/p")
def dns_unreachable(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, failure=F.CONNECTION_REFUSED)


@case("dns_timeout/e/s")
def dns_timeout_without_control(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, failure=F.TIMEOUT)


@case("dns_timeout/e/p")
def dns_timeout(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, failure=F.TIMEOUT)
    w.dns(ECS, A, transport="tcp", experiment="dns_over_tcp")


@case("dns_timeout/w/p")
def dns_timeout_for_one_family(w: World) -> None:
    """Questions for AAAA are dropped, and answered over TCP: that there is none."""
    both(w)
    w.good(ECS)
    w.dns(ECS, failure=F.TIMEOUT, rrtype="AAAA")
    w.dns(ECS, failure=F.DNS_NO_ANSWER, rrtype="AAAA", transport="tcp", experiment="dns_over_tcp")


@case("dns_server_failure/w/p")
def a_server_that_fails_for_one_family(w: World) -> None:
    both(w)
    w.good(ECS)
    w.dns(ECS, failure=F.DNS_SERVFAIL, rrtype="AAAA")


def test_a_server_that_answers_for_one_family_is_not_called_silent() -> None:
    for build in (dns_timeout_for_one_family, a_server_that_fails_for_one_family):
        world = World()
        build(world)
        world.repeated()
        (finding,) = world.diagnosis().findings
        assert "asked for AAAA records, and answers for the other address family" in finding.title
        assert "Over TCP" not in finding.title
        assert "silent over TCP" not in finding.title
        assert "answer questions for AAAA too" in finding.remedy


@case("dns_tcp_blocked/e/p")
def dns_tcp_blocked(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, failure=F.DNS_TCP_BLOCKED)


@case("dns_resolver_down/w/p", vantages=TWO)
def dns_resolver_down(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, failure=F.TIMEOUT, resolver=R1)
    w.dns(ECS, A, resolver=R2)
    w.reach(ECS, A)


@case("dns_name_missing/e/p", "dns_resolvers_disagree/w/p", vantages=TWO)
def first_resolver_lies(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, failure=F.DNS_NXDOMAIN, resolver=R1)
    w.dns(ECS, A, resolver=R2)


@case("dns_resolvers_disagree/w/p", vantages=TWO)
def the_second_resolver_answers_a_sinkhole(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, A, resolver=R1)
    w.dns(ECS, "0.0.0.0", resolver=R2)
    w.reach(ECS, A)


@case("dns_resolvers_disagree/w/p", vantages=TWO)
def the_second_resolver_denies_the_name(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, A, resolver=R1)
    w.dns(ECS, failure=F.DNS_NXDOMAIN, resolver=R2)
    w.reach(ECS, A)


@case("dns_resolvers_disagree/w/p", "tls_wrong_name/e/p", vantages=TWO)
def the_first_resolver_sends_to_a_stranger(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, B, resolver=R1)
    w.dns(ECS, A, resolver=R2)
    w.tcp(ECS, B)
    w.tls(ECS, B, F.SSL_INVALID_HOSTNAME, chain=(CORP_LEAF,), origin=False)
    w.tcp(ECS, A, experiment="other_resolver")
    w.tls(ECS, A, experiment="other_resolver")


@case("dns_private_answer/i/p", "dns_resolvers_disagree/w/p", vantages=TWO)
def the_second_resolver_knows_no_interface_endpoint(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, "10.9.9.9", resolver=R1)
    w.dns(ECS, A, resolver=R2)
    w.reach(ECS, "10.9.9.9")


@case("dns_resolvers_disagree/w/p", vantages=TWO)
def dns_resolvers_disagree(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, A, resolver=R1)
    w.dns(ECS, "10.9.9.9", resolver=R2)
    w.reach(ECS, A)


@case(vantages=TWO)
def resolvers_rotate_addresses(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, A, resolver=R1)
    w.dns(ECS, B, resolver=R2)
    w.reach(ECS, A)


def _second_answers(w: World, *failures: F | None) -> None:
    """Another resolver gives another public address, and the handshake there ends so."""
    w.endpoint("ecs")
    w.dns(ECS, A, resolver=R1)
    w.dns(ECS, B, resolver=R2)
    w.reach(ECS, A)
    for attempt, failure in enumerate(failures, start=1):
        w.tls(ECS, B, failure, chain=(CORP_LEAF,), origin=False, experiment="second_answer", attempt=attempt)


@case("dns_resolvers_disagree/w/p", vantages=TWO)
def the_second_resolver_sends_to_a_stranger(w: World) -> None:
    _second_answers(w, F.SSL_UNKNOWN_AUTHORITY, F.SSL_UNKNOWN_AUTHORITY)


@case(vantages=TWO)
def the_second_resolver_sends_to_the_service(w: World) -> None:
    _second_answers(w, None)


@case(vantages=TWO)
def a_stranger_who_was_seen_once_is_none(w: World) -> None:
    _second_answers(w, F.SSL_UNKNOWN_AUTHORITY, None)


@case(vantages=TWO)
def nobody_at_the_second_address_is_no_stranger(w: World) -> None:
    _second_answers(w, F.TIMEOUT, F.TIMEOUT)


@case("dns_sinkholed/e/p")
def dns_sinkholed(w: World) -> None:
    both(w)
    w.dns(ECS, "0.0.0.0")
    w.tcp(ECS, "0.0.0.0", F.CONNECTION_REFUSED)


@case("dns_sinkholed/e/p", "hosts_file_override/w/p")
def sinkholed_by_the_hosts_file(w: World) -> None:
    both(w)
    w.dns(ECS, "127.0.0.1", resolver="/etc/hosts:7", transport="file")
    w.tcp(ECS, "127.0.0.1", F.CONNECTION_REFUSED)


@case(origin_ca=True)
def documentation_range_with_origin_ca(w: World) -> None:
    w.endpoint("ecs")
    w.good(ECS, address="198.18.0.5")


@case(lab="healthy")
def loopback_in_the_lab(w: World) -> None:
    w.endpoint("ecs")
    w.good(ECS, address="127.0.1.5")


@case("dns_wildcard_answers/w/p")
def dns_wildcard_answers(w: World) -> None:
    both(w)
    w.good(ECS)
    w.dns("netprobe-nothing.example", "52.1.1.1", experiment="impossible_name")


@case("dns_private_answer/e/p", expect={"control": "public"})
def dns_private_answer(w: World) -> None:
    both(w)
    w.good(ECS, address="10.1.2.3")


@case("dns_public_answer/e/p", expect={"control": "private"})
def dns_public_answer(w: World) -> None:
    both(w)
    w.good(ECS)


@case("dns_private_answer/i/p", "dns_numbered_names_public/w/p")
def dns_numbered_names_public(w: World) -> None:
    hosts = w.endpoint("ecs-a", name("ecs-a-1"), numbered=True, pattern=name("ecs-a-*"))
    (bare,) = w.endpoint("ecs-a-unnumbered", name("ecs-a"), stands_in_for="ecs-a")
    w.good(*hosts)
    w.good(bare, address="10.1.2.3")


@case("hosts_file_override/w/p")
def hosts_file_override(w: World) -> None:
    both(w)
    w.dns(ECS, A, resolver="/etc/hosts:7", transport="file")
    w.reach(ECS, A)


@case("dns_slow/w/p")
def dns_slow(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, A, duration=2.5)
    w.reach(ECS, A)


@case("dns_slow/w/p")
def dns_slow_for_one_record_type(w: World) -> None:
    for number, host in enumerate((ECS, SSM, LOGS)):
        w.endpoint(host.partition(".")[0])
        w.dns(host, f"52.95.4.{number}")
        detail = DnsDetail(resolver=R1, rrtype="AAAA")
        w.see(Step.DNS, host, F.DNS_NO_ANSWER, detail, duration=4.0 if number else 0.02)
        w.reach(host, f"52.95.4.{number}")


# --- tcp ---------------------------------------------------------------------------------------------------------


def _connect(w: World, failure: F, **more: Any) -> None:
    both(w)
    w.dns(ECS, A)
    w.tcp(ECS, A, failure, **more)


@case("tcp_refused/e/p")
def tcp_refused(w: World) -> None:
    _connect(w, F.CONNECTION_REFUSED)


@case("tcp_dropped/e/p")
def tcp_dropped(w: World) -> None:
    _connect(w, F.TIMEOUT)


@case("tcp_dropped/e/s")
def everything_dropped(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, A)
    w.tcp(ECS, A, F.TIMEOUT)


@case("tcp_refused/e/p", "dns_wildcard_answers/w/p")
def an_address_that_is_given_for_anything(w: World) -> None:
    _connect(w, F.CONNECTION_REFUSED)
    detail = DnsDetail(resolver=R1, rrtype="A", answers=(A,))
    w.see(Step.DNS, name("netprobe-no-such-host"), None, detail, experiment="impossible_name")


@case("tcp_reset/e/p")
def tcp_reset(w: World) -> None:
    _connect(w, F.CONNECTION_RESET)


@case("tcp_prohibited/e/p")
def tcp_prohibited(w: World) -> None:
    _connect(w, F.ADMIN_PROHIBITED, icmp_type=3, icmp_code=13, icmp_from="192.168.1.1")


@case("tcp_prohibited/e/p")
def prohibited_that_connect_calls_unreachable(w: World) -> None:
    _connect(w, F.HOST_UNREACHABLE, icmp_type=3, icmp_code=10, icmp_from="192.168.1.1")


@case("tcp_unreachable/e/p")
def tcp_unreachable(w: World) -> None:
    _connect(w, F.NETWORK_UNREACHABLE)


def _two(w: World, host: str, good: str, bad: str, failure: F = F.TIMEOUT) -> None:
    w.dns(host, good, bad)
    w.reach(host, good)
    w.tcp(host, bad, failure)


@case("tcp_some_addresses_blocked/w/p")
def tcp_some_addresses_blocked(w: World) -> None:
    both(w)
    _two(w, ECS, A, "52.95.1.9")


@case("stale_ip_allowlist/w/s")
def stale_ip_allowlist(w: World) -> None:
    w.endpoint("ecs")
    w.endpoint("ssm")
    _two(w, ECS, A, "52.95.1.9")
    _two(w, SSM, B, "52.95.2.9")


@case("ipv6_broken/w/p")
def ipv6_broken(w: World) -> None:
    both(w)
    w.dns(ECS, A)
    w.dns(ECS, V6)
    w.reach(ECS, A)
    w.tcp(ECS, V6, F.TIMEOUT)


@case("ipv4_broken/w/p")
def ipv4_broken(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, A)
    w.dns(ECS, V6)
    w.reach(ECS, V6)
    w.tcp(ECS, A, F.TIMEOUT)


@case("tcp_some_addresses_blocked/w/p")
def one_ipv6_address_where_others_work(w: World) -> None:
    w.endpoint("ecs")
    w.endpoint("ssm")
    w.good(SSM, address="2600:1f00::9")
    w.dns(ECS, A)
    w.dns(ECS, V6)
    w.reach(ECS, A)
    w.tcp(ECS, V6, F.TIMEOUT)


EXEMPT = (
    VantageRecord(
        name="host",
        resolvers=(R1,),
        proxy=PROXY,
        no_proxy=(".amazonaws.com",),
        exempt={ECS: ".amazonaws.com", SSM: ".amazonaws.com"},
        sources={"no_proxy": "/etc/ecs/ecs.config:4 (NO_PROXY)"},
    ),
)


@case("no_proxy_exempts_aws/e/p", vantages=EXEMPT)
def no_proxy_exempts_aws(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, A)
    w.tcp(ECS, A, F.TIMEOUT)
    w.tunnelled(ECS, experiment="with_proxy")


@case("tcp_dropped/e/s", vantages=EXEMPT)
def an_exemption_without_a_proxy_that_passes(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, A)
    w.tcp(ECS, A, F.TIMEOUT)
    w.proxy(ECS, F.PROXY_FORBIDDEN, experiment="with_proxy")


@case("proxy_required/e/p")
def proxy_required(w: World) -> None:
    _connect(w, F.TIMEOUT)
    w.proxy(ECS, status=200, experiment="with_proxy")
    w.tls(ECS, None, experiment="with_proxy")


@case("tcp_dropped/e/p")
def proxy_does_not_help_either(w: World) -> None:
    _connect(w, F.TIMEOUT)
    w.proxy(ECS, F.PROXY_FORBIDDEN, status=403, experiment="with_proxy")


# --- tls ---------------------------------------------------------------------------------------------------------


def _handshake(w: World, failure: F, **more: Any) -> None:
    both(w)
    w.dns(ECS, A)
    w.tcp(ECS, A)
    w.tls(ECS, A, failure, **more)


@case("tls_sni_blocked/e/p")
def tls_sni_blocked(w: World) -> None:
    _handshake(w, F.CONNECTION_RESET)
    w.tls(ECS, A, F.SSL_INVALID_HOSTNAME, sni=SSM, experiment="other_sni")


@case("tls_reset_after_hello/e/p")
def tls_reset_after_hello(w: World) -> None:
    _handshake(w, F.CONNECTION_RESET)
    w.tls(ECS, A, F.CONNECTION_RESET, sni=SSM, experiment="other_sni")


@case("tls_reset_after_hello/e/s")
def control_that_did_not_connect_proves_nothing(w: World) -> None:
    _handshake(w, F.CONNECTION_RESET)
    w.tcp(ECS, A, F.TIMEOUT, experiment="other_sni")


@case("tcp_reset/e/p")
def reset_although_nothing_was_sent(w: World) -> None:
    _handshake(w, F.CONNECTION_RESET)
    w.tls(ECS, A, F.CONNECTION_RESET, sni=SSM, experiment="other_sni")
    w.tcp(ECS, A, F.CONNECTION_RESET, experiment="send_nothing")


@case("tls_reset_after_hello/e/p")
def silence_is_borne_but_not_the_hello(w: World) -> None:
    _handshake(w, F.CONNECTION_RESET)
    w.tls(ECS, A, F.CONNECTION_RESET, sni=SSM, experiment="other_sni")
    w.tcp(ECS, A, experiment="send_nothing")


@case("tls_closed_after_hello/e/p")
def tls_closed_after_hello(w: World) -> None:
    _handshake(w, F.EOF)
    w.tls(ECS, A, F.EOF, sni=SSM, experiment="other_sni")


@case("tls_dropped_after_hello/e/p")
def tls_dropped_after_hello(w: World) -> None:
    _handshake(w, F.TIMEOUT)
    w.tls(ECS, A, F.TIMEOUT, sni=SSM, experiment="other_sni")
    w.tls(ECS, A, F.TIMEOUT, mss=536, experiment="lower_mss")


def _hellos(w: World, *lost: float, small: tuple[F | None, ...] = (None, None), mss: F | None = F.TIMEOUT) -> None:
    both(w)
    w.good(ECS)
    for limit in lost:
        w.tls(ECS, A, F.TIMEOUT, experiment="large_hello", limit=limit)
    for failure in small:
        w.tls(ECS, A, failure, experiment="small_hello")
    w.tls(ECS, A, mss, experiment="large_hello", mss=536)


@case("tls_large_hello_dropped/e/p")
def tls_large_hello_dropped(w: World) -> None:
    _hellos(w, 3.0, 10.0)


@case("tls_large_hello_dropped/e/s")
def a_large_hello_that_was_not_waited_for(w: World) -> None:
    _hellos(w, 3.0, 3.0)


@case("tls_large_hello_dropped/e/s")
def a_large_hello_that_was_sent_once(w: World) -> None:
    _hellos(w, 10.0)


@case("tls_large_hello_dropped/e/s", "packet_loss/w/p")
def large_hellos_that_are_lost_on_a_line_that_loses(w: World) -> None:
    _hellos(w, 3.0, 10.0)
    _segments_again(w, name("service0"), name("service1"), name("service2"))


@case("tls_large_hello_dropped/e/s", "works_by_chance/w/p", repeats=False, repeated=True)
def large_hellos_that_end_where_others_are_cut_now_and_then(w: World) -> None:
    _hellos(w, 3.0, 10.0)
    w.endpoint("logs")
    w.dns(LOGS, "52.95.3.1")
    w.tcp(LOGS, "52.95.3.1")
    w.tls(LOGS, "52.95.3.1", F.CONNECTION_RESET)
    for attempt, failure in enumerate((None, F.CONNECTION_RESET, None, None), start=1):
        w.tcp(LOGS, "52.95.3.1", experiment="repeat", attempt=attempt)
        w.tls(LOGS, "52.95.3.1", failure, experiment="repeat", attempt=attempt)
        if failure is None:
            w.http(LOGS, "52.95.3.1", experiment="repeat", attempt=attempt)


@case()
def large_hellos_that_fail_as_small_ones_do(w: World) -> None:
    _hellos(w, 3.0, small=(F.TIMEOUT,))


@case()
def a_large_hello_that_passes_the_second_time(w: World) -> None:
    _hellos(w, 3.0)
    w.tls(ECS, A, experiment="large_hello")


@case("tls_path_mtu/e/p")
def tls_path_mtu(w: World) -> None:
    _handshake(w, F.TIMEOUT)
    w.tls(ECS, A, F.TIMEOUT, sni=SSM, experiment="other_sni")
    w.tls(ECS, A, mss=1200, experiment="lower_mss")


@case("tls_sni_blocked/e/p", "tls_sni_blocked/e/s")
def one_control_does_not_prove_it_for_all_that_ended_alike(w: World) -> None:
    _handshake(w, F.CONNECTION_RESET)
    w.endpoint("logs")
    w.dns(LOGS, "52.95.3.1")
    w.tcp(LOGS, "52.95.3.1")
    w.tls(LOGS, "52.95.3.1", F.CONNECTION_RESET)
    w.tls(ECS, A, sni=SSM, experiment="other_sni")


@case("tls_intercepted/e/p")
def tls_intercepted(w: World) -> None:
    _handshake(w, F.SSL_UNKNOWN_AUTHORITY, chain=(CORP_LEAF, CORP_CA), origin=False)


@case("tls_intercepted/e/s")
def rejected_chain_that_nobody_saw(w: World) -> None:
    _handshake(w, F.SSL_UNKNOWN_AUTHORITY)


@case("tls_untrusted_store/e/p")
def tls_untrusted_store(w: World) -> None:
    _handshake(w, F.SSL_UNKNOWN_AUTHORITY, chain=(AMAZON,), origin=True)


@case("tls_untrusted_store/e/p")
def chain_from_the_lax_control(w: World) -> None:
    _handshake(w, F.SSL_UNKNOWN_AUTHORITY)
    w.tls(ECS, A, experiment="lax_chain")


@case("tls_intercepted_trusted/w/p")
def tls_intercepted_trusted(w: World) -> None:
    both(w)
    w.dns(ECS, A)
    w.tcp(ECS, A)
    w.tls(ECS, A, chain=(CORP_LEAF, CORP_CA), origin=False)
    w.http(ECS, A)


@case("tls_intercepted/e/p", "tls_nonconforming_chain/w/p")
def a_chain_that_is_neither_trusted_nor_strict(w: World) -> None:
    _handshake(w, F.SSL_UNKNOWN_AUTHORITY, **INSPECTED)
    w.tls(
        ECS, A, F.SSL_INVALID_CERTIFICATE, experiment="strict_chain", strict=False, strict_error="no AKI", **INSPECTED
    )


@case("tls_intercepted_trusted/w/p", "tls_nonconforming_chain/w/p")
def tls_nonconforming_chain(w: World) -> None:
    both(w)
    w.dns(ECS, A)
    w.tcp(ECS, A)
    w.tls(ECS, A, chain=(CORP_LEAF, CORP_CA), origin=False, strict=False, strict_error="no AKI")
    w.http(ECS, A)


@case("tls_wrong_name/e/p")
def tls_wrong_name(w: World) -> None:
    _handshake(w, F.SSL_INVALID_HOSTNAME, chain=(AMAZON,), origin=True)


AWS_LEAF = msgspec.structs.replace(AMAZON, names=("m7-tacs-s1.dub.amazon.com",))


@case("tls_wrong_name/w/p")
def a_wrong_name_of_the_services_own(w: World) -> None:
    _handshake(w, F.SSL_INVALID_HOSTNAME, chain=(AWS_LEAF,), origin=True)


@case("tls_wrong_name/e/p")
def a_wrong_name_of_aws_that_nothing_else_works_beside(w: World) -> None:
    w.endpoint("ecs")
    w.dns(ECS, A)
    w.tcp(ECS, A)
    w.tls(ECS, A, F.SSL_INVALID_HOSTNAME, chain=(AWS_LEAF,), origin=True)


@case("tls_wrong_name/e/p")
def a_wrong_name_that_only_looks_like_aws(w: World) -> None:
    _handshake(
        w,
        F.SSL_INVALID_HOSTNAME,
        chain=(msgspec.structs.replace(AMAZON, names=("www.amazon.com.example",)),),
        origin=True,
    )


@case("tls_wrong_name/e/p", "hosts_file_override/w/p")
def a_name_of_aws_that_a_hosts_file_leads_to(w: World) -> None:
    both(w)
    w.dns(ECS, A, resolver="/etc/hosts:3", transport="file")
    w.tcp(ECS, A)
    w.tls(ECS, A, F.SSL_INVALID_HOSTNAME, chain=(AWS_LEAF,), origin=True)


@case("tls_incomplete_chain/e/p")
def tls_incomplete_chain(w: World) -> None:
    _handshake(w, F.SSL_UNKNOWN_AUTHORITY)
    w.tls(ECS, A, experiment="lax_chain", chain=(AMAZON,), origin=False)
    w.tls(ECS, A, experiment="completed_chain", chain=(AMAZON,), origin=True, incomplete=True)


@case("tls_former_root/e/p")
def tls_former_root(w: World) -> None:
    _handshake(w, F.SSL_UNKNOWN_AUTHORITY)
    w.tls(ECS, A, experiment="lax_chain", chain=(AMAZON,), origin=False, former_root="CN=Baltimore CyberTrust Root")


@case("tls_former_root/i/p")
def a_former_root_that_the_store_still_holds(w: World) -> None:
    both(w)
    w.dns(ECS, A)
    w.tcp(ECS, A)
    w.tls(ECS, A, origin=False, former_root="CN=Baltimore CyberTrust Root")
    w.http(ECS, A)


@case("tls_expired/e/p")
def tls_expired(w: World) -> None:
    _handshake(w, F.SSL_EXPIRED, chain=(AMAZON,), origin=True)


@case("tls_not_yet_valid/e/p")
def tls_not_yet_valid(w: World) -> None:
    _handshake(w, F.SSL_NOT_YET_VALID, chain=(AMAZON,), origin=True)


@case("tls_version_refused/e/p")
def tls_version_refused(w: World) -> None:
    _handshake(w, F.SSL_ALERT, alert=70)


@case("tls_alert/e/p")
def tls_alert(w: World) -> None:
    _handshake(w, F.SSL_ALERT, alert=40)


@case("not_tls/e/p")
def not_tls(w: World) -> None:
    _handshake(w, F.SSL_NOT_TLS)


@case("unexplained_failure/e/s")
def unexplained_failure(w: World) -> None:
    _handshake(w, F.UNKNOWN)


@case("tls_wrong_name/e/p")
def a_strict_verifier_that_objects_to_the_name_only_says_it_again(w: World) -> None:
    chain = (CORP_LEAF, CORP_CA)
    _handshake(w, F.SSL_INVALID_HOSTNAME, chain=chain, origin=False, strict=False, strict_error="no such name")


@case("unexplained_failure/e/s")
def a_root_that_verified_another_host_is_not_missing(w: World) -> None:
    _handshake(w, F.SSL_UNKNOWN_AUTHORITY)
    w.tls(SSM, B, root_sha256="dd" * 32)
    w.tls(ECS, A, experiment="lax_chain", chain=(AMAZON,))


# --- tried again ---------------------------------------------------------------------------------------------------


def _first_failure(w: World) -> Observation:
    return next(o for o in w.observations if o.failure is not None)


@case("works_by_chance/w/p")
def works_by_chance(w: World) -> None:
    _handshake(w, F.CONNECTION_RESET)
    failed = _first_failure(w)
    w.repeated()
    w.tcp(ECS, A, experiment="repeat", attempt=4)
    w.again(failed, None, attempt=4)
    w.http(ECS, A, experiment="repeat", attempt=4)


@case("slow/w/p", repeats=False, repeated=True)
def slow(w: World) -> None:
    both(w)
    w.dns(ECS, A)
    w.tcp(ECS, A)
    w.tls(ECS, A, F.TIMEOUT, limit=2.6)
    w.tcp(ECS, A, experiment="repeat")
    w.tls(ECS, A, experiment="repeat", duration=6.5)
    w.http(ECS, A, experiment="repeat")


@case("works_by_chance/w/p", repeats=False, repeated=True)
def silence_that_passes_at_once_is_chance_and_not_slow(w: World) -> None:
    both(w)
    w.dns(ECS, A)
    w.tcp(ECS, A, F.TIMEOUT, limit=2.1)
    for step in (w.tcp, w.tls, w.http):
        step(ECS, A, experiment="repeat")


@case("works_by_chance/w/p", repeats=False, repeated=True)
def a_name_that_is_found_now_and_then(w: World) -> None:
    both(w)
    w.dns(ECS, failure=F.DNS_SERVFAIL)
    failed = _first_failure(w)
    w.again(failed, F.DNS_SERVFAIL, attempt=1)
    w.dns(ECS, A, experiment="repeat", attempt=2)
    w.reach(ECS, A)


@case("tls_sni_blocked/e/s", repeats=False, repeated=True)
def a_control_without_a_repeat_proves_nothing(w: World) -> None:
    _handshake(w, F.CONNECTION_RESET)
    w.tls(ECS, A, sni=SSM, experiment="other_sni")


@case("tcp_refused/e/s", repeats=False, repeated=True)
def a_repeat_that_ends_otherwise_proves_nothing(w: World) -> None:
    _connect(w, F.CONNECTION_REFUSED)
    failed = _first_failure(w)
    w.again(failed, F.CONNECTION_REFUSED)
    w.again(failed, F.TIMEOUT, attempt=2, limit=10.0)


@case("tcp_dropped/e/s", repeats=False, repeated=True)
def silence_without_patience_proves_nothing(w: World) -> None:
    _connect(w, F.TIMEOUT)
    w.again(_first_failure(w), F.TIMEOUT, limit=5.0)
    w.tcp(ECS, B, experiment="working_address")


@case("tcp_dropped/e/s", repeats=False, repeated=True)
def an_uplink_that_comes_and_goes_proves_nothing(w: World) -> None:
    _connect(w, F.TIMEOUT)
    w.again(_first_failure(w), F.TIMEOUT, limit=10.0)
    w.tcp(ECS, B, experiment="working_address")
    w.tcp(ECS, B, F.TIMEOUT, experiment="working_address", attempt=2)


@case("connection_limit/w/s", repeats=False, repeated=True)
def what_had_answered_is_refused_too(w: World) -> None:
    _connect(w, F.CONNECTION_REFUSED)
    w.again(_first_failure(w), F.CONNECTION_REFUSED)
    for attempt in (1, 2):
        w.tcp(ECS, B, F.CONNECTION_REFUSED, experiment="working_address", attempt=attempt)
    w.observations[:] = [
        msgspec.structs.replace(o, started_seconds=5.0 if o.experiment is not None else 1.0) for o in w.observations
    ]


@case("tcp_refused/e/s", repeats=False, repeated=True)
def what_had_answered_is_refused_too_and_answers_again(w: World) -> None:
    what_had_answered_is_refused_too(w)
    w.tcp(ECS, B, experiment="alone")
    w.observations[-1] = msgspec.structs.replace(w.observations[-1], started_seconds=9.0)


@case("tls_sni_blocked/e/s")
def a_control_that_wavers_proves_nothing(w: World) -> None:
    _handshake(w, F.CONNECTION_RESET)
    w.tls(ECS, A, sni=SSM, experiment="other_sni")
    w.tls(ECS, A, F.CONNECTION_RESET, sni=SSM, experiment="other_sni", attempt=2)


@case("tcp_refused/e/s", "works_by_chance/w/p", repeats=False, repeated=True)
def what_passes_for_one_must_fail_often_for_another(w: World) -> None:
    _connect(w, F.CONNECTION_REFUSED)
    w.endpoint("logs")
    w.dns(LOGS, "52.95.3.1")
    w.tcp(LOGS, "52.95.3.1", F.CONNECTION_REFUSED)
    for step in (w.tcp, w.tls, w.http):
        step(LOGS, "52.95.3.1", experiment="repeat")
    for attempt in (1, 2, 3):
        w.again(_first_failure(w), F.CONNECTION_REFUSED, attempt=attempt)


@case("tcp_refused/e/p", "works_by_chance/w/p", repeats=False, repeated=True)
def what_fails_every_time_is_proven_beside_chance(w: World) -> None:
    what_passes_for_one_must_fail_often_for_another(w)
    for attempt in (2, 3, 4):
        for step in (w.tcp, w.tls, w.http):
            step(LOGS, "52.95.3.1", experiment="repeat", attempt=attempt)
    for attempt in (4, 5, 6):
        w.again(_first_failure(w), F.CONNECTION_REFUSED, attempt=attempt)


@case("tls_sni_blocked/e/p")
def a_blocked_name_on_a_path_that_loses_large_packets(w: World) -> None:
    _handshake(w, F.TIMEOUT)
    w.tls(ECS, A, F.TIMEOUT, sni=SSM, experiment="other_sni")
    w.tls(ECS, A, F.TIMEOUT, mss=536, experiment="lower_mss")
    w.tls(ECS, A, sni=SSM, mss=536, experiment="other_sni_lower_mss")
    w.tls(ECS, A, sni=FRESH, mss=536, experiment="fresh_sni")


@case("tls_sni_blocked/e/s")
def silence_for_a_name_that_may_only_be_new_to_who_answers(w: World) -> None:
    _handshake(w, F.TIMEOUT)
    w.tls(ECS, A, sni=SSM, experiment="other_sni")
    w.tls(ECS, A, F.TIMEOUT, sni=FRESH, experiment="fresh_sni")


@case("tls_sni_blocked/e/p")
def silence_for_one_name_where_one_that_is_new_is_answered(w: World) -> None:
    _handshake(w, F.TIMEOUT)
    w.tls(ECS, A, sni=SSM, experiment="other_sni")
    w.tls(ECS, A, F.SSL_ALERT, sni=FRESH, alert=112, experiment="fresh_sni")


@case("tls_sni_blocked/e/p")
def silence_for_a_hello_that_never_arrived(w: World) -> None:
    _handshake(w, F.TIMEOUT, unacknowledged_bytes=517)
    w.tls(ECS, A, sni=SSM, experiment="other_sni")


@case("tls_sni_blocked/e/s", repeats=False, repeated=True)
def a_hello_that_arrived_the_second_time(w: World) -> None:
    _handshake(w, F.TIMEOUT, unacknowledged_bytes=517)
    w.tls(ECS, A, F.TIMEOUT, unacknowledged_bytes=0, experiment="repeat", attempt=1, limit=10.0)
    w.tls(ECS, A, sni=SSM, experiment="other_sni")


@case("tls_dropped_after_hello/e/s")
def an_inspector_that_is_slow_with_names_that_are_new_to_it(w: World) -> None:
    """No word of a filter for names: the interception is told where a handshake shows it."""
    _handshake(w, F.TIMEOUT)
    w.tls(ECS, A, sni=SSM, experiment="other_sni", **INSPECTED)
    w.tls(ECS, A, F.TIMEOUT, sni=FRESH, experiment="fresh_sni")


@case("tls_closed_after_hello/e/s")
def an_inspector_that_fails_to_sign_names_that_are_new_to_it(w: World) -> None:
    _handshake(w, F.EOF)
    w.tls(ECS, A, sni=SSM, experiment="other_sni", **INSPECTED)
    w.tls(ECS, A, F.EOF, sni=FRESH, experiment="fresh_sni")


@case("tls_sni_blocked/e/p")
def an_inspector_that_signs_new_names_and_not_this_one(w: World) -> None:
    _handshake(w, F.CONNECTION_RESET)
    w.tls(ECS, A, sni=SSM, experiment="other_sni", **INSPECTED)
    w.tls(ECS, A, sni=FRESH, experiment="fresh_sni", **INSPECTED)


@case("tls_intercepted/e/p", "works_by_chance/w/p", repeats=False, repeated=True)
def an_inspector_that_is_slow_once(w: World) -> None:
    """Silent in the first pass, and every try shows the chain: no name is blocked, and no large packet lost."""
    _handshake(w, F.TIMEOUT, limit=6.0)
    _shown_again(w, 1, 2, 3)
    w.tls(ECS, A, sni=SSM, experiment="other_sni", **INSPECTED)
    w.tls(ECS, A, mss=1360, experiment="lower_mss", **INSPECTED)
    w.tls(ECS, A, experiment="lax_chain", **INSPECTED)


def _shown_again(w: World, *attempts: int, **more: Any) -> None:
    for attempt in attempts:
        w.tcp(ECS, A, experiment="repeat", attempt=attempt)
        w.tls(ECS, A, F.SSL_UNKNOWN_AUTHORITY, experiment="repeat", attempt=attempt, **more)


@case("tls_intercepted/e/p", "slow/w/p", repeats=False, repeated=True)
def an_inspector_that_is_slow_each_time(w: World) -> None:
    _handshake(w, F.TIMEOUT, limit=6.0)
    _shown_again(w, 1, 2, duration=7.0)
    w.tls(ECS, A, experiment="lax_chain", **INSPECTED)


@case("tls_intercepted/e/s", "works_by_chance/w/p", repeats=False, repeated=True)
def a_chain_that_only_one_try_was_shown(w: World) -> None:
    """What one try alone met is not repeated; a cut like the first says nothing of it."""
    _handshake(w, F.CONNECTION_RESET)
    _shown_again(w, 1)
    for attempt in (2, 3):
        w.tcp(ECS, A, experiment="repeat", attempt=attempt)
        w.tls(ECS, A, F.CONNECTION_RESET, experiment="repeat", attempt=attempt)
    w.tls(ECS, A, sni=SSM, experiment="other_sni")
    w.tls(ECS, A, experiment="lax_chain", **INSPECTED)


@case("tls_intercepted/e/p", "works_by_chance/w/p", repeats=False, repeated=True)
def interception_behind_a_link_that_drops_some_connections(w: World) -> None:
    """The SYN is lost in the first pass and once more; whoever gets through is shown the inspector's chain."""
    _connect(w, F.TIMEOUT, limit=5.0)
    w.tcp(ECS, B, experiment="working_address")
    _shown_again(w, 1)
    w.again(_first_failure(w), F.TIMEOUT, attempt=2, limit=3.0)
    _shown_again(w, 3)
    w.tls(ECS, A, experiment="lax_chain", **INSPECTED)


@case("tls_intercepted/e/p", repeats=False, repeated=True)
def interception_of_which_a_repeat_does_not_come_as_far(w: World) -> None:
    _handshake(w, F.SSL_UNKNOWN_AUTHORITY)
    w.again(_tcp_of(w), F.TIMEOUT, attempt=1, limit=3.0)
    _shown_again(w, 2)
    w.tls(ECS, A, experiment="lax_chain", **INSPECTED)


def _tcp_of(w: World) -> Observation:
    return next(o for o in w.observations if o.step is Step.TCP and o.host == ECS)


@case("tls_reset_after_hello/e/s", "works_by_chance/w/p", repeats=False, repeated=True)
def a_cut_past_a_refusal_that_comes_and_goes_is_not_the_refusals_doing(w: World) -> None:
    _connect(w, F.CONNECTION_REFUSED)
    for attempt in (1, 2):
        w.tcp(ECS, A, experiment="repeat", attempt=attempt)
        w.tls(ECS, A, F.CONNECTION_RESET, experiment="repeat", attempt=attempt)
    w.again(_first_failure(w), F.CONNECTION_REFUSED, attempt=3)
    w.tls(ECS, A, F.CONNECTION_RESET, sni=SSM, experiment="other_sni")


def _segments_again(w: World, *hosts: str) -> None:
    for number, host in enumerate(hosts):
        w.endpoint(host.partition(".")[0])
        w.good(host, address=f"52.95.4.{number}")
        opened = w.observations[-3]
        w.observations[-3] = msgspec.structs.replace(
            opened, detail=TcpDetail(port=443, retransmitted=2), duration_seconds=0.3
        )


@case("packet_loss/w/p")
def packet_loss(w: World) -> None:
    _segments_again(w, ECS, SSM)


@case()
def one_segment_that_was_sent_again_is_no_loss(w: World) -> None:
    _segments_again(w, ECS)


@case("packet_loss/w/p")
def questions_that_were_lost(w: World) -> None:
    for number in range(9):
        host = name(f"service{number}")
        w.endpoint(f"service{number}")
        w.reach(host, f"52.95.4.{number}")
        lost = number < 3
        detail = DnsDetail(resolver=R1, rrtype="A", answers=(f"52.95.4.{number}",), attempts=2 if lost else 1)
        w.see(Step.DNS, host, None, detail, duration=1.021 if lost else 0.02)


@case()
def answers_that_only_take_long_were_not_lost(w: World) -> None:
    for number in range(9):
        host = name(f"service{number}")
        w.endpoint(f"service{number}")
        w.reach(host, f"52.95.4.{number}")
        slow_ = number < 3
        detail = DnsDetail(resolver=R1, rrtype="A", answers=(f"52.95.4.{number}",), attempts=2 if slow_ else 1)
        w.see(Step.DNS, host, None, detail, duration=1.5 if slow_ else 0.02)


@case()
def a_path_of_more_than_a_second_loses_nothing(w: World) -> None:
    for number, host in enumerate((ECS, SSM, LOGS)):
        w.endpoint(host.partition(".")[0])
        address = f"52.95.4.{number}"
        w.dns(host, address, duration=1.2)
        w.see(Step.TCP, host, None, TcpDetail(port=443, retransmitted=1), address=address, duration=1.2)
        w.tls(host, address, duration=2.4)
        w.http(host, address, duration=1.2)


def _burst(w: World, met: int, of: int) -> None:
    for number in range(of):
        failure = F.CONNECTION_REFUSED if number < met else None
        w.tcp(ECS, A, failure, experiment="burst")


def _passes_later(w: World, host: str, address: str) -> None:
    w.endpoint(host.partition(".")[0])
    w.dns(host, address)
    w.tcp(host, address, F.CONNECTION_REFUSED)
    for step in (w.tcp, w.tls, w.http):
        step(host, address, experiment="repeat")


@case("connection_limit/w/p", repeats=False, repeated=True)
def connection_limit(w: World) -> None:
    _passes_later(w, ECS, A)
    _passes_later(w, SSM, B)
    _burst(w, 6, 12)


@case("works_by_chance/w/p", repeats=False, repeated=True)
def a_burst_that_passes_is_no_limit(w: World) -> None:
    _passes_later(w, ECS, A)
    _passes_later(w, SSM, B)
    _burst(w, 0, 12)


@case("works_by_chance/w/p", repeats=False, repeated=True)
def what_fails_alone_too_is_no_limit(w: World) -> None:
    _passes_later(w, ECS, A)
    _burst(w, 6, 12)
    w.tcp(ECS, A, F.CONNECTION_REFUSED, experiment="alone", attempt=2)


# --- http, websocket, clock --------------------------------------------------------------------------------------


INSPECTED: dict[str, Any] = {"chain": (CORP_LEAF, CORP_CA), "origin": False}
"""A handshake over an inspector's chain that the vantage trusts: only there can an answer be a device's."""


def _request(w: World, failure: F, **more: object) -> None:
    both(w)
    w.dns(ECS, A)
    w.tcp(ECS, A)
    w.tls(ECS, A)
    w.http(ECS, A, failure, **more)


def _inspected(w: World, failure: F, **more: object) -> None:
    both(w)
    w.dns(ECS, A)
    w.tcp(ECS, A)
    w.tls(ECS, A, **INSPECTED)
    w.http(ECS, A, failure, **more)


@case("http_block_page/e/p", "tls_intercepted_trusted/w/p")
def http_block_page(w: World) -> None:
    _inspected(w, F.HTTP_BLOCK_PAGE, status=403, server="FilterBox")


@case("http_captive_portal/e/p", "tls_intercepted_trusted/w/p")
def http_captive_portal(w: World) -> None:
    _inspected(w, F.HTTP_REDIRECT, status=302, location="http://portal.example/")


@case("http_captive_portal/e/p", "tls_intercepted_trusted/w/p")
def network_authentication_required(w: World) -> None:
    _inspected(w, F.HTTP_FOREIGN_ANSWER, status=511)


@case("http_foreign_answer/e/p", "tls_intercepted_trusted/w/p")
def http_foreign_answer(w: World) -> None:
    _inspected(w, F.HTTP_FOREIGN_ANSWER, status=200, server="nginx")


@case("http_service_error/w/p")
def http_service_error(w: World) -> None:
    _request(w, F.HTTP_SERVICE_ERROR, status=503, genuine=True)


@case("http_stalled/e/p", "tls_intercepted_trusted/w/p")
def http_stalled(w: World) -> None:
    _inspected(w, F.TIMEOUT)
    w.http(ECS, A, F.TIMEOUT, experiment="lower_mss")


@case("http_stalled/e/s")
def silence_of_the_origin_is_nobodys_for_sure(w: World) -> None:
    _request(w, F.TIMEOUT)
    w.http(ECS, A, F.TIMEOUT, experiment="lower_mss")
    w.http(ECS, A, F.TIMEOUT, experiment="other_method", origin=True)


@case("http_stalled/w/s")
def silence_to_one_method_only(w: World) -> None:
    _request(w, F.TIMEOUT)
    w.http(ECS, A, experiment="other_method", origin=True)
    w.http(ECS, A, experiment="small_request")


@case("http_source_refused/w/p")
def http_source_refused(w: World) -> None:
    _request(w, F.HTTP_SOURCE_REFUSED, status=403, server="CloudFront", origin=True)


@case("http_unrecognised_answer/i/p")
def http_unrecognised_answer(w: World) -> None:
    both(w)
    w.dns(ECS, A)
    w.tcp(ECS, A)
    w.tls(ECS, A)
    w.http(ECS, A, status=405, genuine=False, origin=True)


@case("http_unrecognised_answer/i/p")
def block_page_of_an_older_report_over_a_chain_of_the_origin(w: World) -> None:
    _request(w, F.HTTP_BLOCK_PAGE, status=403, server="awselb/2.0")


@case("http_service_error/w/p")
def server_error_of_an_older_report_that_was_called_a_block_page(w: World) -> None:
    _request(w, F.HTTP_BLOCK_PAGE, status=502, server="awselb/2.0")


@case("tls_path_mtu/e/p")
def request_that_only_small_packets_carry(w: World) -> None:
    _request(w, F.TIMEOUT)
    w.http(ECS, A, experiment="lower_mss")


@case("http_cut/e/s", "tls_intercepted_trusted/w/p")
def http_cut(w: World) -> None:
    _inspected(w, F.CONNECTION_RESET)


@case("http_cut/e/s")
def cut_of_both_methods_over_a_chain_of_the_origin(w: World) -> None:
    _request(w, F.CONNECTION_RESET)
    w.http(ECS, A, F.CONNECTION_RESET, experiment="other_method", origin=True)


@case("http_cut/w/s")
def cut_of_one_method_over_a_chain_of_the_origin(w: World) -> None:
    _request(w, F.CONNECTION_RESET)
    w.http(ECS, A, experiment="other_method", origin=True)


@case("http_cut/e/s")
def cut_that_an_inspectors_answer_does_not_outweigh(w: World) -> None:
    _request(w, F.CONNECTION_RESET)
    w.http(ECS, A, experiment="other_method", origin=False)


def _upgrade(w: World, failure: F) -> None:
    both(w)
    w.good(ECS)
    w.websocket(ECS, A, failure)


def _inspected_upgrade(w: World, failure: F) -> None:
    both(w)
    w.dns(ECS, A)
    w.tcp(ECS, A)
    w.tls(ECS, A, **INSPECTED)
    w.http(ECS, A)
    w.websocket(ECS, A, failure)


@case("websocket_refused_by_proxy/e/p", "tls_intercepted_trusted/w/p")
def websocket_refused_by_proxy(w: World) -> None:
    _inspected_upgrade(w, F.WEBSOCKET_REFUSED)


@case("websocket_refused_by_proxy/e/s", "tls_intercepted_trusted/w/p")
def upgrade_that_nobody_answers(w: World) -> None:
    _inspected_upgrade(w, F.TIMEOUT)


@case("http_stalled/w/s")
def upgrade_that_the_origin_does_not_answer(w: World) -> None:
    _upgrade(w, F.TIMEOUT)


@case("http_cut/w/s")
def upgrade_that_ends_a_connection_to_the_origin(w: World) -> None:
    _upgrade(w, F.EOF)


@case("websocket_upgrade_stripped/e/p", "tls_intercepted_trusted/w/p")
def websocket_upgrade_stripped(w: World) -> None:
    _inspected_upgrade(w, F.WEBSOCKET_UPGRADE_MISSING)


@case("http_unrecognised_answer/i/p")
def upgrade_that_the_origin_answers_as_if_there_were_none(w: World) -> None:
    both(w)
    w.good(ECS)
    w.websocket(ECS, A, F.WEBSOCKET_UPGRADE_MISSING, status=426)


IDLE = 120.0


def _rested(w: World, *, again: F | None = F.WEBSOCKET_CUT, busy: F | None = None, age: float = IDLE) -> None:
    """A rest that was cut after a minute, the second one, and the connection that was kept busy beside it."""
    w.context["idle_seconds"] = IDLE
    address = w.observations[-1].address
    w.websocket(ECS, address, F.WEBSOCKET_CUT, held_seconds=60.0, genuine=True)
    w.context["repeated"] = True
    w.websocket(ECS, address, again, held_seconds=60.0, experiment="repeat")
    w.http(ECS, address, busy, held_seconds=age, experiment="kept_busy")


@case("websocket_cut_when_idle/w/p", repeats=False)
def websocket_cut_when_idle(w: World) -> None:
    both(w)
    w.good(ECS)
    _rested(w)


@case("websocket_cut_when_idle/w/s")
def websocket_cut_when_idle_without_a_control(w: World) -> None:
    _upgrade(w, F.WEBSOCKET_CUT)


@case("websocket_cut_when_idle/w/s", repeats=False)
def connection_whose_age_is_limited(w: World) -> None:
    both(w)
    w.good(ECS)
    _rested(w, busy=F.CONNECTION_RESET, age=60.0)


@case("websocket_cut_when_idle/w/s", repeats=False)
def idle_cut_of_a_service_that_keeps_no_connection(w: World) -> None:
    both(w)
    w.good(ECS)
    _rested(w, age=0.1)


@case("websocket_cut_when_idle/w/s", repeats=False)
def idle_connection_that_was_forgotten_without_patience(w: World) -> None:
    """What was sent after the second rest was waited for as briefly as after the first."""
    both(w)
    w.good(ECS)
    w.context |= {"idle_seconds": IDLE, "repeated": True}
    for experiment in (None, "repeat"):
        w.websocket(ECS, A, F.WEBSOCKET_CUT, held_seconds=IDLE + 3, limit=3.0, experiment=experiment)
    w.http(ECS, A, held_seconds=IDLE, experiment="kept_busy")


@case("works_by_chance/w/p", repeats=False)
def idle_connection_that_is_held_the_second_time(w: World) -> None:
    both(w)
    w.good(ECS)
    _rested(w, again=None)


def _skewed(w: World, seconds: float) -> None:
    both(w)
    w.observations.clear()
    for host, address in ((ECS, A), (SSM, B)):
        w.dns(host, address)
        w.tcp(host, address)
        w.tls(host, address)
        w.http(host, address, date_skew_seconds=seconds)


@case("clock_skew/w/p")
def clock_drifts(w: World) -> None:
    _skewed(w, 61.0)


@case()
def clock_within_a_minute(w: World) -> None:
    _skewed(w, -59.0)


@case("clock_skew/e/p")
def clock_skew(w: World) -> None:
    _skewed(w, -300.0)


@case("clock_skew/e/p")
def clock_makes_certificates_expire(w: World) -> None:
    w.endpoint("ecs")
    w.endpoint("ssm")
    for host, address in ((ECS, A), (SSM, B)):
        w.dns(host, address)
        w.tcp(host, address)
        # The host says June 2026, 400 days ahead: it is April 2025, when this certificate is valid.
        old = msgspec.structs.replace(AMAZON, not_before="2025-01-01T00:00:00Z", not_after="2026-01-01T00:00:00Z")
        w.tls(host, address, F.SSL_EXPIRED)
        w.tls(host, address, experiment="lax_chain", chain=(old,))
        w.http(host, address, date_skew_seconds=400 * 86400.0, experiment="lax_chain")


# --- proxy -------------------------------------------------------------------------------------------------------


def _proxied(finding: str, failure: F, certainty: str = "p", **more: object) -> None:
    def build(w: World) -> None:
        w.endpoint("ecs")
        w.endpoint("ssm")
        w.tunnelled(SSM)
        w.proxy(ECS, failure, **more)

    build.__name__ = f"{finding}_{failure.name.lower()}"
    case(f"{finding}/e/{certainty}", vantages=PROXIED)(build)


_proxied("proxy_name_missing", F.DNS_NXDOMAIN, phase="dns")
_proxied("proxy_unreachable", F.HOST_UNREACHABLE, phase="tcp")
_proxied("proxy_refused", F.CONNECTION_REFUSED, phase="tcp")
_proxied("proxy_timeout", F.TIMEOUT, phase="tcp")
_proxied("proxy_auth_required", F.PROXY_AUTH_REQUIRED, status=407, authenticate=("Negotiate",))
_proxied("proxy_auth_rejected", F.PROXY_AUTH_REJECTED, status=407, authenticate=("Basic",), authenticated=True)
_proxied("proxy_scheme_unusable", F.SSL_NOT_TLS, phase="tls")
_proxied("proxy_forbidden", F.PROXY_FORBIDDEN, status=403, via="1.1 squid01")
_proxied("proxy_cannot_resolve", F.PROXY_CANNOT_RESOLVE, status=503, error_header="ERR_DNS_FAIL 0")
_proxied("proxy_cannot_connect", F.PROXY_CANNOT_CONNECT, status=503)
_proxied("proxy_upstream_timeout", F.PROXY_UPSTREAM_TIMEOUT, status=504)
_proxied("proxy_not_a_proxy", F.PROXY_NOT_A_PROXY, status=400)
_proxied("proxy_cannot_resolve", F.PROXY_NOT_A_PROXY, "s", status=404)
_proxied("proxy_not_a_proxy", F.EOF, "s")
_proxied("proxy_tls_untrusted", F.SSL_UNKNOWN_AUTHORITY, phase="tls")
_proxied("proxy_method_refused", F.PROXY_METHOD_REFUSED, status=405)


def _tunnels(w: World, *seconds: float, behind: float = 0.05) -> None:
    for number, took in enumerate(seconds):
        host = name(f"ecs-a-{number}")
        w.endpoint(f"ecs-a-{number}", host)
        w.proxy(host, status=200, duration=took)
        w.tls(host, None, duration=behind)
        w.http(host, None)


@case("slow/w/s", vantages=PROXIED)
def proxy_whose_tunnels_open_late(w: World) -> None:
    _tunnels(w, 4.0, 4.1, 4.0, 0.1, 4.2, 4.0)


@case(vantages=PROXIED)
def proxy_that_is_slow_once(w: World) -> None:
    _tunnels(w, 0.1, 0.1, 8.0, 0.1)


@case(vantages=PROXIED)
def proxy_with_two_slow_tunnels_and_no_other(w: World) -> None:
    _tunnels(w, 4.0, 4.0)


@case(vantages=PROXIED)
def proxy_that_works_through_a_queue(w: World) -> None:
    _tunnels(w, 0.3, 0.9, 1.6, 2.2, 2.9, 3.5, 4.1, 4.8)


@case(vantages=PROXIED)
def proxy_behind_a_long_line(w: World) -> None:
    _tunnels(w, 3.0, 3.0, 3.0, behind=1.4)


def _tunnel_passes_later(w: World, host: str) -> None:
    w.endpoint(host.partition(".")[0])
    w.proxy(host, F.PROXY_CANNOT_CONNECT, status=503)
    w.proxy(host, status=200, experiment="repeat")
    for step in (w.tls, w.http):
        step(host, None, experiment="repeat")


@case("connection_limit/w/p", vantages=PROXIED, repeats=False, repeated=True)
def proxy_that_refuses_tunnels_beyond_a_number(w: World) -> None:
    _tunnel_passes_later(w, ECS)
    _tunnel_passes_later(w, SSM)
    for number in range(12):
        failure = F.PROXY_CANNOT_CONNECT if number < 4 else None
        w.proxy(ECS, failure, status=503 if failure else 200, experiment="burst")
    w.proxy(ECS, status=200, experiment="alone", attempt=2)


@case("works_by_chance/w/p", vantages=PROXIED, repeats=False, repeated=True)
def proxy_that_refuses_now_and_then(w: World) -> None:
    _tunnel_passes_later(w, ECS)
    _tunnel_passes_later(w, SSM)
    for _ in range(12):
        w.proxy(ECS, status=200, experiment="burst")


@case("proxy_cannot_resolve/e/s", vantages=PROXIED)
def proxy_that_gives_no_reason(w: World) -> None:
    w.endpoint("ecs")
    w.proxy(ECS, F.PROXY_CANNOT_RESOLVE, status=503)


@case("proxy_strips_upgrade/e/p", "tls_intercepted_trusted/w/p", vantages=PROXIED)
def proxy_strips_upgrade(w: World) -> None:
    w.endpoint("ecs")
    w.proxy(ECS, status=200)
    w.tls(ECS, None, **INSPECTED)
    w.http(ECS, None)
    w.websocket(ECS, None, F.WEBSOCKET_UPGRADE_MISSING)


@case("http_unrecognised_answer/i/p", vantages=PROXIED)
def tunnel_that_is_the_origins_to_its_end_strips_nothing(w: World) -> None:
    w.endpoint("ecs")
    w.tunnelled(ECS)
    w.websocket(ECS, None, F.WEBSOCKET_UPGRADE_MISSING, status=400)


@case("http_cut/e/p", vantages=PROXIED)
def proxy_that_cuts_what_is_answered_without_it(w: World) -> None:
    w.endpoint("ecs")
    w.proxy(ECS, status=200)
    w.tls(ECS, None)
    w.http(ECS, None, F.CONNECTION_RESET)
    w.http(ECS, None, F.CONNECTION_RESET, experiment="other_method", origin=True)
    w.http(ECS, A, experiment="without_proxy", origin=True)


@case("http_cut/e/p", vantages=PROXIED)
def proxy_that_cuts_upgrades_that_are_answered_without_it(w: World) -> None:
    w.endpoint("ecs")
    w.tunnelled(ECS)
    w.websocket(ECS, None, F.EOF)
    w.websocket(ECS, A, experiment="without_proxy", origin=True)


@case("proxy_buffers/e/p", vantages=PROXIED)
def proxy_that_keeps_the_answer_to_an_upgrade(w: World) -> None:
    w.endpoint("ecs")
    w.tunnelled(ECS)
    w.websocket(ECS, None, F.TIMEOUT)
    w.websocket(ECS, A, experiment="without_proxy", origin=True)


@case("proxy_cuts_idle/w/p", vantages=PROXIED, repeats=False)
def proxy_cuts_idle(w: World) -> None:
    w.endpoint("ecs")
    w.tunnelled(ECS)
    _rested(w)


@case("proxy_buffers/e/p", vantages=PROXIED)
def proxy_buffers(w: World) -> None:
    w.endpoint("ecs")
    w.proxy(ECS, status=200)
    w.tls(ECS, None)
    w.http(ECS, None, F.TIMEOUT)
    w.http(ECS, A, experiment="without_proxy")


LINTS = (
    "proxy_only_http_set",
    "proxy_values_conflict",
    "no_proxy_missing_task_credentials",
    "no_proxy_missing_metadata",
    "no_proxy_not_understood",
    "proxy_password_world_readable",
    "proxy_url_invalid",
    "proxy_needs_restart",
    "trust_file_unusable",
)
NOTICED = ("proxy_pac_unused", "proxy_setting_unused", "agent_endpoint_overridden")
for _id in (*LINTS, *NOTICED):

    def _lint(w: World, _id: str = _id) -> None:
        lint = Lint(id=_id, value="value", file="/etc/ecs/ecs.config", line=3, other="other")
        w.vantages = (VantageRecord(name="ecs-agent", resolvers=(R1,), lints=(lint,)),)
        w.endpoint("ecs")
        w.good(ECS, vantage="ecs-agent")

    _lint.__name__ = f"lint_{_id}"
    case(f"{_id}/{'i' if _id in NOTICED else 'w'}/p")(_lint)


@case("no_proxy_missing_task_credentials/w/p")
def docker_without_exception_for_task_credentials(w: World) -> None:
    lint = Lint(
        id="no_proxy_missing_task_credentials",
        value="NO_PROXY=.corp.example",
        file="/etc/systemd/system/docker.service.d/p.conf",
        line=3,
        other="169.254.170.2",
    )
    w.vantages = (
        VantageRecord(name="docker", resolvers=(R1,), proxy=PROXY, no_proxy=(".corp.example",), lints=(lint,)),
    )
    w.endpoint("ecs")
    w.tunnelled(ECS, vantage="docker")


@case()
def docker_with_a_proxy_for_https_alone(w: World) -> None:
    """Task credentials are asked over plain http, so there is no lint, and no finding without one."""
    w.vantages = (VantageRecord(name="docker", resolvers=(R1,), proxy=PROXY, no_proxy=(".corp.example",)),)
    w.endpoint("ecs")
    w.tunnelled(ECS, vantage="docker")


@case()
def agent_that_fills_in_an_empty_no_proxy(w: World) -> None:
    w.vantages = (VantageRecord(name="ecs-agent", resolvers=(R1,), proxy=PROXY),)
    w.endpoint("ecs")
    w.tunnelled(ECS, vantage="ecs-agent")


@case("proxy_values_conflict/w/p")
def agents_with_different_proxies(w: World) -> None:
    exceptions = ("169.254.169.254", "169.254.170.0/24")
    w.vantages = (
        VantageRecord(name="ecs-agent", resolvers=(R1,), proxy=PROXY, no_proxy=exceptions),
        VantageRecord(name="ssm-agent", resolvers=(R1,)),
    )
    w.endpoint("ecs")
    w.tunnelled(ECS, vantage="ecs-agent")


@pytest.mark.parametrize("name_of_case", CASES)
def test_case(name_of_case: str) -> None:
    build, expected = CASES[name_of_case]
    world = World()
    build(world)

    diagnosis = world.diagnosis()

    assert told(diagnosis.findings) == expected, [f.title for f in diagnosis.findings]
    for finding in diagnosis.findings:
        assert finding.title.endswith((".", "!")), finding.title
        assert "{" not in finding.title + finding.remedy
        assert finding.docs == f"{manual.BASE}findings/{finding.id}/"
        if finding.certainty.value == "suspected":
            assert "uspected" in finding.title + finding.remedy or "no rule explains" in finding.title


def test_every_finding_has_a_case() -> None:
    covered = {id_ for _, expected in CASES.values() for id_, _, _ in expected}

    assert covered == set(TAXONOMY)
