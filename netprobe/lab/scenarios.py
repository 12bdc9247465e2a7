"""The lab's scenarios: each a network with one property changed, and what netprobe must say about it.

A scenario's expectation is a promise that tests hold netprobe to (verdict, finding ids, and the failure word of the
step that breaks). ``at`` names the endpoints that a fault touches; where none of them is among the endpoints of a run,
it touches all, so that a scenario never turns out to be healthy by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from netprobe.findings import Verdict
from netprobe.lab.behaviour import (
    DnsMode,
    DnsTcp,
    Edns,
    HostBehaviour,
    HttpMode,
    ProxyBehaviour,
    ProxyMode,
    ResolverBehaviour,
    ShownChain,
    TcpMode,
    TlsMode,
)
from netprobe.lab.odd import ODD
from netprobe.observations import Failure

GOOD = HostBehaviour()
_ACCOUNT = ("svc", "lab-only")
"""What the lab's proxy takes for a password; it opens nothing else."""
_ANSWERS = ResolverBehaviour()


class Trust(StrEnum):
    """Which roots the lab's vantage trusts."""

    ORIGIN = "origin"
    ORIGIN_AND_INSPECTOR = "origin-and-inspector"
    INSPECTOR = "inspector"
    """The genuine root is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One named network.

    Attributes:
        name: what ``--lab`` takes.
        summary: one sentence for people.
        verdict: what netprobe must conclude.
        findings: ids of the findings that it must make (errors and warnings), sorted.
        failure: the failure word that some observation must carry; None where nothing fails.
        at: ids of the endpoints that ``behaviour`` applies to; empty for all.
        behaviour: how those hosts behave.
        second_address: every host has another address, which behaves so; None for one address.
        ipv6: every host also has ``::1``, which behaves so; None for IPv4 only.
        resolvers: in the order in which a stub resolver asks them.
        trust: which roots the vantage trusts.
        numbers: which numbered hosts exist; None for the usual ones.
        search: the search domains of the host.
        ndots: how many dots make a name that is asked as it is first.
        proxy: the forward proxy that the host is told to use; None where it connects directly.
        idle_seconds: how long ``--idle`` must be to see it; None where it is seen without.
    """

    name: str
    summary: str
    verdict: Verdict = Verdict.NOT_READY
    findings: tuple[str, ...] = ()
    failure: Failure | None = None
    at: tuple[str, ...] = ()
    behaviour: HostBehaviour = GOOD
    second_address: HostBehaviour | None = None
    ipv6: HostBehaviour | None = None
    resolvers: tuple[ResolverBehaviour, ...] = (_ANSWERS,)
    trust: Trust = Trust.ORIGIN
    numbers: tuple[int, ...] | None = None
    search: tuple[str, ...] = ()
    ndots: int = 1
    proxy: ProxyBehaviour | None = None
    idle_seconds: float | None = None


def _healthy() -> tuple[Scenario, ...]:
    ready = Verdict.READY
    return (
        Scenario(name="healthy", summary="Everything works.", verdict=ready),
        Scenario(
            name="slow",
            summary="Every answer takes 300 ms; slow is not dead.",
            verdict=ready,
            behaviour=HostBehaviour(delay_seconds=0.3),
            resolvers=(ResolverBehaviour(delay_seconds=0.3),),
        ),
        Scenario(
            name="dns-over-tcp",
            summary="Every DNS answer is truncated over UDP and complete over TCP.",
            verdict=ready,
            resolvers=(ResolverBehaviour(mode=DnsMode.TRUNCATE),),
        ),
        Scenario(
            name="two-addresses",
            summary="Every host has two good addresses.",
            verdict=ready,
            second_address=HostBehaviour(),
        ),
        Scenario(name="dual-stack", summary="Every host also answers at ::1.", verdict=ready, ipv6=HostBehaviour()),
    )


def _dns() -> tuple[Scenario, ...]:
    def broken(
        name: str, summary: str, finding: str, failure: Failure | None, behaviour: ResolverBehaviour
    ) -> Scenario:
        return Scenario(name=name, summary=summary, findings=(finding,), failure=failure, resolvers=(behaviour,))

    return (
        broken(
            "nxdomain",
            "The resolver says that ssm's name does not exist.",
            "dns_name_missing",
            Failure.DNS_NXDOMAIN,
            ResolverBehaviour(mode=DnsMode.NXDOMAIN, only=("ssm",)),
        ),
        broken(
            "nodata",
            "The resolver knows ssm's name and has no address for it.",
            "dns_no_address",
            Failure.DNS_NO_ANSWER,
            ResolverBehaviour(mode=DnsMode.NODATA, only=("ssm",)),
        ),
        broken(
            "servfail",
            "The resolver answers SERVFAIL for every name.",
            "dns_server_failure",
            Failure.DNS_SERVFAIL,
            ResolverBehaviour(mode=DnsMode.SERVFAIL),
        ),
        broken(
            "edns-refused",
            "The resolver answers FORMERR to questions with EDNS, which Go always sends.",
            "dns_edns_unanswered",
            Failure.DNS_OTHER_RCODE,
            ResolverBehaviour(edns=Edns.FORMERR),
        ),
        Scenario(
            name="search-captures",
            summary="ndots:5 has a search domain asked first, and its wildcard record answers.",
            findings=("dns_search_captures",),
            failure=Failure.SSL_INVALID_HOSTNAME,
            resolvers=(ResolverBehaviour(captures="corp.example"),),
            search=("corp.example",),
            ndots=5,
        ),
        broken(
            "dns-refused",
            "The resolver refuses every question (rcode REFUSED).",
            "dns_refused",
            Failure.DNS_REFUSED,
            ResolverBehaviour(mode=DnsMode.REFUSED),
        ),
        broken(
            "dns-timeout",
            "The resolver is silent.",
            "dns_timeout",
            Failure.TIMEOUT,
            ResolverBehaviour(mode=DnsMode.SILENCE, tcp=DnsTcp.DROP),
        ),
        broken(
            "dns-unreachable",
            "Nothing listens at the resolver's address.",
            "dns_unreachable",
            Failure.CONNECTION_REFUSED,
            ResolverBehaviour(listens=False),
        ),
        broken(
            "dns-truncated-tcp-blocked",
            "Every DNS answer is truncated over UDP, and TCP to the resolver is dropped.",
            "dns_tcp_blocked",
            Failure.DNS_TCP_BLOCKED,
            ResolverBehaviour(mode=DnsMode.TRUNCATE, tcp=DnsTcp.DROP),
        ),
        broken(
            "sinkholed",
            "A DNS filter answers 0.0.0.0 for the ECR registry.",
            "dns_sinkholed",
            None,
            ResolverBehaviour(mode=DnsMode.SINKHOLE, only=("ecr-registry",)),
        ),
        Scenario(
            name="wildcard-dns",
            summary="Names that do not exist get the address of a search page.",
            verdict=Verdict.DEGRADED,
            findings=("dns_wildcard_answers",),
            resolvers=(ResolverBehaviour(wildcard=True),),
        ),
        Scenario(
            name="resolver-down",
            summary="The first of two resolvers is silent.",
            verdict=Verdict.DEGRADED,
            findings=("dns_resolver_down",),
            failure=Failure.TIMEOUT,
            resolvers=(ResolverBehaviour(mode=DnsMode.SILENCE, tcp=DnsTcp.DROP), ResolverBehaviour()),
        ),
        Scenario(
            name="dns-slow",
            summary="The resolver takes 2.5 s for every answer.",
            verdict=Verdict.DEGRADED,
            findings=("dns_slow",),
            resolvers=(ResolverBehaviour(delay_seconds=2.5),),
        ),
        Scenario(
            name="resolvers-disagree",
            summary="The first of two resolvers says that ssm's name does not exist, the second knows it.",
            findings=("dns_name_missing", "dns_resolvers_disagree"),
            failure=Failure.DNS_NXDOMAIN,
            resolvers=(ResolverBehaviour(mode=DnsMode.NXDOMAIN, only=("ssm",)), ResolverBehaviour()),
        ),
    )


def _tcp() -> tuple[Scenario, ...]:
    return (
        Scenario(
            name="refused",
            summary="Connections to ssm are refused.",
            findings=("tcp_refused",),
            failure=Failure.CONNECTION_REFUSED,
            at=("ssm",),
            behaviour=HostBehaviour(tcp=TcpMode.REFUSE),
        ),
        Scenario(
            name="blackhole",
            summary="Packets to the ECS agent's endpoints (ecs-a, ecs-t) are dropped silently.",
            findings=("tcp_dropped",),
            failure=Failure.TIMEOUT,
            at=("ecs-a", "ecs-t"),
            behaviour=HostBehaviour(tcp=TcpMode.DROP),
        ),
        Scenario(
            name="blackhole-all",
            summary="Packets to every host are dropped silently.",
            findings=("tcp_dropped",),
            failure=Failure.TIMEOUT,
            behaviour=HostBehaviour(tcp=TcpMode.DROP),
        ),
        Scenario(
            name="tcp-reset",
            summary="Connections to ssm open and are reset at once.",
            findings=("tcp_reset",),
            failure=Failure.CONNECTION_RESET,
            at=("ssm",),
            behaviour=HostBehaviour(tcp=TcpMode.RESET),
        ),
        Scenario(
            name="one-address-blocked",
            summary="One of the two addresses of ssm drops packets.",
            verdict=Verdict.DEGRADED,
            findings=("tcp_some_addresses_blocked",),
            failure=Failure.TIMEOUT,
            at=("ssm",),
            second_address=HostBehaviour(tcp=TcpMode.DROP),
        ),
        Scenario(
            name="ipv6-broken",
            summary="Every host has an IPv6 address, and it drops packets.",
            verdict=Verdict.DEGRADED,
            findings=("ipv6_broken",),
            failure=Failure.TIMEOUT,
            ipv6=HostBehaviour(tcp=TcpMode.DROP),
        ),
    )


def _tls() -> tuple[Scenario, ...]:
    def hello(
        name: str, summary: str, finding: str, failure: Failure, mode: TlsMode, *, by_name: bool = False
    ) -> Scenario:
        behaviour = HostBehaviour(tls=mode, tls_by_name=by_name)
        return Scenario(
            name=name, summary=summary, findings=(finding,), failure=failure, at=("ecs-a", "ecs-t"), behaviour=behaviour
        )

    return (
        hello(
            "tls-reset",
            "ecs-a and ecs-t are reset after the ClientHello, whatever name it holds.",
            "tls_reset_after_hello",
            Failure.CONNECTION_RESET,
            TlsMode.RESET,
        ),
        hello(
            "tls-closed",
            "ecs-a and ecs-t are closed after the ClientHello, whatever name it holds.",
            "tls_closed_after_hello",
            Failure.EOF,
            TlsMode.CLOSE,
        ),
        hello(
            "tls-stalled",
            "ecs-a and ecs-t say nothing after the ClientHello, whatever name it holds.",
            "tls_dropped_after_hello",
            Failure.TIMEOUT,
            TlsMode.STALL,
        ),
        hello(
            "sni-blocked",
            "ecs-a and ecs-t are reset when the ClientHello names them.",
            "tls_sni_blocked",
            Failure.CONNECTION_RESET,
            TlsMode.RESET,
            by_name=True,
        ),
        hello(
            "sni-closed",
            "ecs-a and ecs-t are closed when the ClientHello names them.",
            "tls_sni_blocked",
            Failure.EOF,
            TlsMode.CLOSE,
            by_name=True,
        ),
        hello(
            "sni-dropped",
            "ecs-a and ecs-t go silent when the ClientHello names them.",
            "tls_sni_blocked",
            Failure.TIMEOUT,
            TlsMode.STALL,
            by_name=True,
        ),
        hello(
            "path-mtu",
            "Large flights from ecs-a and ecs-t get lost, small segments come through.",
            "tls_path_mtu",
            Failure.TIMEOUT,
            TlsMode.PATH_MTU,
        ),
        Scenario(
            name="large-hello-dropped",
            summary="A ClientHello that comes in two packets, as Go 1.24 sends it, is never answered.",
            findings=("tls_large_hello_dropped",),
            behaviour=HostBehaviour(tls=TlsMode.LARGE_STALL),
        ),
        hello(
            "tls-alert",
            "ecs-a and ecs-t answer the ClientHello with the alert handshake_failure.",
            "tls_alert",
            Failure.SSL_ALERT,
            TlsMode.ALERT,
        ),
        hello(
            "old-tls",
            "A device before ecs-a and ecs-t speaks TLS 1.0 only.",
            "tls_version_refused",
            Failure.SSL_VERSION_REFUSED,
            TlsMode.OLD,
        ),
        hello(
            "not-tls",
            "ecs-a and ecs-t answer the ClientHello in plain HTTP.",
            "not_tls",
            Failure.SSL_NOT_TLS,
            TlsMode.PLAINTEXT,
        ),
    )


def _certificates() -> tuple[Scenario, ...]:
    def shown(
        name: str,
        summary: str,
        findings: tuple[str, ...],
        failure: Failure | None,
        chain: ShownChain,
        *,
        at: tuple[str, ...] = (),
        verdict: Verdict = Verdict.NOT_READY,
        trust: Trust = Trust.ORIGIN,
    ) -> Scenario:
        behaviour = HostBehaviour(chain=chain)
        return Scenario(
            name=name,
            summary=summary,
            findings=findings,
            failure=failure,
            at=at,
            behaviour=behaviour,
            verdict=verdict,
            trust=trust,
        )

    return (
        shown(
            "tls-intercepted",
            "A device opens every TLS connection with a CA of its own, which this host does not trust.",
            ("tls_intercepted",),
            Failure.SSL_UNKNOWN_AUTHORITY,
            ShownChain.INTERCEPTED,
        ),
        shown(
            "tls-intercepted-trusted",
            "A device opens every TLS connection with a CA of its own, which this host trusts.",
            ("tls_intercepted_trusted",),
            None,
            ShownChain.INTERCEPTED,
            verdict=Verdict.DEGRADED,
            trust=Trust.ORIGIN_AND_INSPECTOR,
        ),
        shown(
            "tls-nonconforming",
            "A trusted inspection CA mints certificates that strict X.509 verifiers reject.",
            ("tls_intercepted_trusted", "tls_nonconforming_chain"),
            None,
            ShownChain.INTERCEPTED_NONCONFORMING,
            verdict=Verdict.DEGRADED,
            trust=Trust.ORIGIN_AND_INSPECTOR,
        ),
        shown(
            "self-signed",
            "ssm shows a self-signed certificate.",
            ("tls_intercepted",),
            Failure.SSL_UNKNOWN_AUTHORITY,
            ShownChain.SELF_SIGNED,
            at=("ssm",),
        ),
        shown(
            "untrusted-store",
            "The services are genuine, and this host's trust store lacks their root.",
            ("tls_untrusted_store",),
            Failure.SSL_UNKNOWN_AUTHORITY,
            ShownChain.GENUINE,
            trust=Trust.INSPECTOR,
        ),
        shown(
            "expired",
            "The certificate of ssm has expired.",
            ("tls_expired",),
            Failure.SSL_EXPIRED,
            ShownChain.EXPIRED,
            at=("ssm",),
        ),
        shown(
            "not-yet-valid",
            "The certificate of ssm is not valid yet.",
            ("tls_not_yet_valid",),
            Failure.SSL_NOT_YET_VALID,
            ShownChain.NOT_YET_VALID,
            at=("ssm",),
        ),
        shown(
            "wrong-name",
            "The certificate of ssm is for another name.",
            ("tls_wrong_name",),
            Failure.SSL_INVALID_HOSTNAME,
            ShownChain.WRONG_NAME,
            at=("ssm",),
        ),
        shown(
            "incomplete-chain",
            "ssm sends its certificate without the intermediate.",
            ("tls_incomplete_chain",),
            Failure.SSL_UNKNOWN_AUTHORITY,
            ShownChain.INCOMPLETE,
            at=("ssm",),
        ),
        Scenario(
            name="wrong-name-at-aws",
            summary="ssm shows a certificate of AWS's own for an internal name, as amazon-ecs-agent#4530 saw of ecs-t.",
            verdict=Verdict.DEGRADED,
            findings=("tls_wrong_name",),
            failure=Failure.SSL_INVALID_HOSTNAME,
            at=("ssm",),
            behaviour=HostBehaviour(chain=ShownChain.WRONG_AWS_NAME),
        ),
    )


def _http() -> tuple[Scenario, ...]:
    def told(
        name: str,
        summary: str,
        finding: str,
        failure: Failure,
        mode: HttpMode,
        *,
        at: tuple[str, ...] = (),
        verdict: Verdict = Verdict.NOT_READY,
    ) -> Scenario:
        behaviour = HostBehaviour(http=mode)
        return Scenario(
            name=name,
            summary=summary,
            findings=(finding,),
            failure=failure,
            at=at,
            behaviour=behaviour,
            verdict=verdict,
        )

    def inspected(
        name: str, summary: str, finding: str, failure: Failure, mode: HttpMode, *, at: tuple[str, ...] = ()
    ) -> Scenario:
        """What only a device can do that opens TLS: it shows a chain of its own, which this host trusts."""
        plain = told(name, summary, finding, failure, mode, at=at)
        return replace(
            plain,
            findings=tuple(sorted((finding, "tls_intercepted_trusted"))),
            behaviour=replace(plain.behaviour, chain=ShownChain.INTERCEPTED),
            trust=Trust.ORIGIN_AND_INSPECTOR,
        )

    return (
        inspected(
            "block-page",
            "A web filter opens every TLS connection and answers in the place of every service.",
            "http_block_page",
            Failure.HTTP_BLOCK_PAGE,
            HttpMode.BLOCK_PAGE,
        ),
        inspected(
            "captive-portal",
            "A portal opens every TLS connection and sends every request to a sign-in page.",
            "http_captive_portal",
            Failure.HTTP_REDIRECT,
            HttpMode.CAPTIVE_PORTAL,
        ),
        inspected(
            "foreign-answer",
            "A device opens TLS to ssm, and some other service answers in its place.",
            "http_foreign_answer",
            Failure.HTTP_FOREIGN_ANSWER,
            HttpMode.FOREIGN,
            at=("ssm",),
        ),
        told(
            "service-error",
            "ssm itself answers 503: the network works.",
            "http_service_error",
            Failure.HTTP_SERVICE_ERROR,
            HttpMode.SERVICE_ERROR,
            at=("ssm",),
            verdict=Verdict.DEGRADED,
        ),
        told(
            "http-stalled",
            "ssm takes the request and never answers.",
            "http_stalled",
            Failure.TIMEOUT,
            HttpMode.STALL,
            at=("ssm",),
        ),
        told(
            "http-cut",
            "The connection to ssm ends when the request has been sent, without an answer.",
            "http_cut",
            Failure.EOF,
            HttpMode.CUT,
            at=("ssm",),
        ),
        inspected(
            "upgrade-stripped",
            "A device opens TLS to ecs-a and ecs-t and takes the WebSocket upgrade out of requests.",
            "websocket_upgrade_stripped",
            Failure.WEBSOCKET_UPGRADE_MISSING,
            HttpMode.STRIP_UPGRADE,
            at=("ecs-a", "ecs-t"),
        ),
    )


ANSWER = "answer-"
"""What the names of the scenarios with an odd but genuine answer begin with."""


def _odd() -> tuple[Scenario, ...]:
    return tuple(
        Scenario(
            name=f"{ANSWER}{odd.name}",
            summary=odd.summary,
            verdict=odd.verdict,
            findings=(odd.finding,) if odd.finding else (),
            at=odd.at,
            behaviour=HostBehaviour(odd=odd.name),
        )
        for odd in ODD.values()
    )


def _proxies() -> tuple[Scenario, ...]:
    def refusing(
        name: str, summary: str, finding: str, failure: Failure, mode: ProxyMode, *, only: tuple[str, ...] = ()
    ) -> Scenario:
        behaviour = ProxyBehaviour(mode=mode, only=only)
        return Scenario(name=name, summary=summary, findings=(finding,), failure=failure, proxy=behaviour)

    return (
        *_reaching_a_proxy(),
        refusing(
            "proxy-forbids",
            "The proxy's policy refuses ecs-a and ecs-t (403) and opens every other tunnel.",
            "proxy_forbidden",
            Failure.PROXY_FORBIDDEN,
            ProxyMode.FORBID,
            only=("ecs-a", "ecs-t"),
        ),
        refusing(
            "proxy-forbids-all",
            "The proxy's policy refuses every tunnel (403).",
            "proxy_forbidden",
            Failure.PROXY_FORBIDDEN,
            ProxyMode.FORBID,
        ),
        refusing(
            "proxy-cannot-resolve",
            "The proxy's own DNS does not know ssm's name.",
            "proxy_cannot_resolve",
            Failure.PROXY_CANNOT_RESOLVE,
            ProxyMode.CANNOT_RESOLVE,
            only=("ssm",),
        ),
        refusing(
            "proxy-cannot-connect",
            "Behind the proxy, connections to ssm are refused.",
            "proxy_cannot_connect",
            Failure.PROXY_CANNOT_CONNECT,
            ProxyMode.CANNOT_CONNECT,
            only=("ssm",),
        ),
        refusing(
            "proxy-upstream-timeout",
            "Behind the proxy, packets to ssm are dropped.",
            "proxy_upstream_timeout",
            Failure.PROXY_UPSTREAM_TIMEOUT,
            ProxyMode.UPSTREAM_TIMEOUT,
            only=("ssm",),
        ),
        refusing(
            "proxy-without-connect",
            "The proxy does not allow the method CONNECT (405).",
            "proxy_method_refused",
            Failure.PROXY_METHOD_REFUSED,
            ProxyMode.NO_CONNECT,
        ),
        *_through_a_proxy(),
    )


def _reaching_a_proxy() -> tuple[Scenario, ...]:
    def told(name: str, summary: str, finding: str, failure: Failure, behaviour: ProxyBehaviour) -> Scenario:
        return Scenario(name=name, summary=summary, findings=(finding,), failure=failure, proxy=behaviour)

    return (
        Scenario(
            name="proxy",
            summary="The host uses a proxy, and everything works.",
            verdict=Verdict.READY,
            proxy=ProxyBehaviour(),
        ),
        Scenario(
            name="proxy-basic-auth",
            summary="The proxy wants a password, and the host has it.",
            verdict=Verdict.READY,
            proxy=ProxyBehaviour(wants=_ACCOUNT, given=_ACCOUNT),
        ),
        Scenario(
            name="proxy-over-tls",
            summary="The host speaks TLS with the proxy, and everything works.",
            verdict=Verdict.READY,
            proxy=ProxyBehaviour(scheme="https"),
        ),
        told(
            "proxy-name-missing",
            "The proxy's name does not exist.",
            "proxy_name_missing",
            Failure.DNS_NXDOMAIN,
            ProxyBehaviour(named=False),
        ),
        told(
            "proxy-refused",
            "Nothing listens on the proxy's port.",
            "proxy_refused",
            Failure.CONNECTION_REFUSED,
            ProxyBehaviour(tcp=TcpMode.REFUSE),
        ),
        told(
            "proxy-dropped",
            "Packets to the proxy are dropped silently.",
            "proxy_timeout",
            Failure.TIMEOUT,
            ProxyBehaviour(tcp=TcpMode.DROP),
        ),
        told(
            "proxy-silent",
            "The proxy takes the connection and never answers CONNECT.",
            "proxy_timeout",
            Failure.TIMEOUT,
            ProxyBehaviour(mode=ProxyMode.SILENT),
        ),
        told(
            "proxy-wants-credentials",
            "The proxy asks for a password (407), and the host has none.",
            "proxy_auth_required",
            Failure.PROXY_AUTH_REQUIRED,
            ProxyBehaviour(wants=_ACCOUNT),
        ),
        told(
            "proxy-rejects-credentials",
            "The proxy rejects the password that the host has (407).",
            "proxy_auth_rejected",
            Failure.PROXY_AUTH_REJECTED,
            ProxyBehaviour(wants=_ACCOUNT, given=("svc", "of-last-year")),
        ),
        told(
            "proxy-scheme-unusable",
            "The host is told to speak TLS with the proxy, which speaks HTTP in the clear.",
            "proxy_scheme_unusable",
            Failure.SSL_NOT_TLS,
            ProxyBehaviour(scheme="https", speaks=("http",)),
        ),
        told(
            "proxy-tls-untrusted",
            "The certificate of the proxy itself comes from a CA that this host does not trust.",
            "proxy_tls_untrusted",
            Failure.SSL_UNKNOWN_AUTHORITY,
            ProxyBehaviour(scheme="https", chain=ShownChain.INTERCEPTED),
        ),
        told(
            "proxy-is-a-web-server",
            "A web server listens where the proxy should be.",
            "proxy_not_a_proxy",
            Failure.PROXY_NOT_A_PROXY,
            ProxyBehaviour(mode=ProxyMode.WEB_SERVER),
        ),
    )


def _through_a_proxy() -> tuple[Scenario, ...]:
    def inspecting(name: str, summary: str, findings: tuple[str, ...], failure: Failure, mode: HttpMode) -> Scenario:
        through = HostBehaviour(chain=ShownChain.INTERCEPTED, http=mode)
        return Scenario(
            name=name,
            summary=summary,
            findings=findings,
            failure=failure,
            trust=Trust.ORIGIN_AND_INSPECTOR,
            proxy=ProxyBehaviour(through=through),
        )

    dropped = HostBehaviour(tcp=TcpMode.DROP)
    return (
        inspecting(
            "proxy-strips-upgrade",
            "The proxy opens TLS and takes the WebSocket upgrade out of requests.",
            ("proxy_strips_upgrade", "tls_intercepted_trusted"),
            Failure.WEBSOCKET_UPGRADE_MISSING,
            HttpMode.STRIP_UPGRADE,
        ),
        inspecting(
            "proxy-refuses-upgrade",
            "The proxy opens TLS and answers WebSocket upgrades with a page of its own.",
            ("tls_intercepted_trusted", "websocket_refused_by_proxy"),
            Failure.WEBSOCKET_REFUSED,
            HttpMode.REFUSE_UPGRADE,
        ),
        inspecting(
            "proxy-holds-back",
            "The proxy opens TLS and holds every answer back.",
            ("proxy_buffers", "tls_intercepted_trusted"),
            Failure.TIMEOUT,
            HttpMode.STALL,
        ),
        Scenario(
            name="proxy-cuts-idle",
            summary="The proxy closes tunnels that are silent for one second (seen with --idle 2).",
            verdict=Verdict.DEGRADED,
            findings=("proxy_cuts_idle",),
            failure=Failure.WEBSOCKET_CUT,
            proxy=ProxyBehaviour(idle_seconds=1.0),
            idle_seconds=2.0,
        ),
        Scenario(
            name="proxy-required",
            summary="Direct packets are dropped, the ECS agent uses the proxy, and Docker has forgotten it.",
            findings=("proxy_required", "proxy_values_conflict"),
            failure=Failure.TIMEOUT,
            behaviour=dropped,
            proxy=ProxyBehaviour(through=GOOD, forgotten_by="docker"),
        ),
        Scenario(
            name="no-proxy-exempts-aws",
            summary="NO_PROXY keeps AWS's names from the proxy, and direct packets are dropped.",
            findings=("no_proxy_exempts_aws",),
            failure=Failure.TIMEOUT,
            behaviour=dropped,
            proxy=ProxyBehaviour(through=GOOD, exempts=".amazonaws.com"),
        ),
    )


_DAY = 86400.0


def _clock() -> tuple[Scenario, ...]:
    return (
        Scenario(
            name="clock-skew",
            summary="This host's clock is ten minutes behind.",
            findings=("clock_skew",),
            behaviour=HostBehaviour(date_offset_seconds=600),
        ),
        Scenario(
            name="clock-drift",
            summary="This host's clock is two minutes ahead.",
            verdict=Verdict.DEGRADED,
            findings=("clock_skew",),
            behaviour=HostBehaviour(date_offset_seconds=-120),
        ),
        Scenario(
            name="clock-wrong",
            summary="This host's clock is 400 days ahead: every certificate seems to have expired.",
            findings=("clock_skew",),
            failure=Failure.SSL_EXPIRED,
            behaviour=HostBehaviour(date_offset_seconds=-400 * _DAY, validity_offset_seconds=-400 * _DAY),
        ),
    )


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        *_healthy(),
        *_dns(),
        *_tcp(),
        *_tls(),
        *_certificates(),
        *_http(),
        *_clock(),
        *_proxies(),
        *_odd(),
    )
}
