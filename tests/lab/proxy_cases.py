"""The cases of the fault lab with a proxy or device in the way, each a real program from Debian's packages.

All of them are in the first router; see :mod:`tests.support.lab_devices`. What a proxy does to a name (refuse, not
resolve, not connect) is done by its own configuration or by the network behind it, never by a stand-in.
"""

from __future__ import annotations

from dataclasses import replace

from netprobe.findings import Verdict
from netprobe.host.agents.programs import ECS_CIPHERS
from netprobe.lab import SCENARIOS
from netprobe.lab.behaviour import DnsMode, HostBehaviour, HttpMode, ResolverBehaviour
from netprobe.lab.scenarios import Scenario, Trust
from netprobe.vantage import ProxyServer
from tests.support.lab_case import Case, Eyes, Network
from tests.support.lab_devices import (
    BASIC,
    PORT,
    ROUTER,
    ROUTER_6,
    WITH_UPGRADE,
    Engine,
    bump,
    dante,
    dnsmasq,
    haproxy,
    http,
    nginx,
    privoxy,
    squid,
    tinyproxy,
)

HEALTHY = SCENARIOS["healthy"]
OPEN_WEBSOCKETS = Scenario(
    name="open-websockets",
    summary="The upgrades of ecs-a and ecs-t are granted, as for a signed request.",
    at=("ecs-a", "ecs-t"),
    behaviour=HostBehaviour(http=HttpMode.GRANT_UPGRADE),
)
_BARE = ("ecs-a-unnumbered", "ecs-t-unnumbered")
NUMBERED_ONLY = Scenario(
    name="numbered-only",
    summary="ecs-a and ecs-t exist with a number only.",
    resolvers=(ResolverBehaviour(mode=DnsMode.NXDOMAIN, only=_BARE),),
)
BARE_ONLY = Scenario(
    name="bare-only",
    summary="ecs-a and ecs-t exist without a number only, as in a private zone.",
    resolvers=(ResolverBehaviour(mode=DnsMode.NXDOMAIN, only=("ecs-a", "ecs-t")),),
)
ALLOW = "http_access allow all"
SSM = "ssm.us-east-2.amazonaws.com"
ELSEWHERE = "198.19.250.9"
"""An address of the server's side at which nothing listens."""
DIRECT_IS_DROPPED = ("ip saddr 198.18.0.1 ip daddr {all} tcp dport 443 drop",)
ECS_AGENT = Eyes(name="ecs-agent", ciphers=ECS_CIPHERS)


def case(
    name: str,
    *findings: str,
    engines: tuple[Engine, ...] = (),
    proxy: ProxyServer | None = None,
    scenario: Scenario = HEALTHY,
    verdict: Verdict | None = None,
    eyes: tuple[Eyes, ...] = (Eyes(),),
    idle: float | None = None,
    **network: object,
) -> Case:
    """A case behind the proxy on the router; not ready where anything is found, unless said otherwise."""
    return Case(
        name=f"px-{name}",
        scenario=scenario,
        network=Network(engines=engines, proxy=proxy or http(), **network),  # type: ignore[arg-type]
        findings=findings,
        verdict=verdict or (Verdict.NOT_READY if findings else Verdict.READY),
        eyes=eyes,
        idle=idle,
    )


HEALTHY_PROXIES = (
    case("squid", engines=(squid(ALLOW),)),
    case("squid-only-way-out", engines=(squid(ALLOW),), forward=DIRECT_IS_DROPPED),
    case("squid-basic-auth", engines=(squid(*BASIC),), proxy=http(user="svc")),
    case("squid-without-local-dns", engines=(squid(ALLOW),), forward=("ip daddr {resolver_0} drop",)),
    case(
        "squid-ipv6",
        engines=(squid(ALLOW, listen=f"http_port [{ROUTER_6}]:{PORT}"),),
        proxy=http(host=ROUTER_6),
        v6=True,
    ),
    case(
        "squid-by-name",
        engines=(squid(ALLOW),),
        proxy=http(host="proxy.corp.example"),
        dnsmasq=(f"address=/proxy.corp.example/{ROUTER}",),
    ),
    case(
        "squid-tls",
        engines=(squid(ALLOW, listen=f"https_port {ROUTER}:{PORT} tls-cert={{proxy_pem}}"),),
        proxy=http(scheme="https"),
    ),
    case("tinyproxy", engines=(tinyproxy(),)),
    case("privoxy", engines=(privoxy(),)),
    case("dante", engines=(dante(),), proxy=http(scheme="socks5"), eyes=(ECS_AGENT,)),
    case(
        "haproxy-before-squid",
        engines=(
            squid(ALLOW, listen=f"http_port 127.0.0.1:{PORT}"),
            haproxy(
                "frontend f",
                "  mode http",
                f"  bind {ROUTER}:3129",
                "  default_backend b",
                "backend b",
                "  mode http",
                f"  server s 127.0.0.1:{PORT}",
                port=3129,
            ),
        ),
        proxy=http(port=3129),
    ),
)

WHICH_NAMES_EXIST = (
    *(
        case(f"{name}-{scenario.name}", engines=(engine,), scenario=scenario)
        for scenario in (NUMBERED_ONLY, BARE_ONLY)
        for name, engine in (("squid", squid(ALLOW)), ("tinyproxy", tinyproxy()), ("privoxy", privoxy()))
    ),
    *(
        case(
            f"bump-{scenario.name}",
            "tls_intercepted_trusted",
            "tls_nonconforming_chain",
            engines=(bump(WITH_UPGRADE),),
            scenario=scenario,
            verdict=Verdict.DEGRADED,
        )
        for scenario in (NUMBERED_ONLY, BARE_ONLY)
    ),
    case("dante-numbered-only", engines=(dante(),), proxy=http(scheme="socks5"), scenario=NUMBERED_ONLY),
)
"""What a proxy says of a name that does not exist differs; none of it is a fault of the network."""

REACHING_THE_PROXY = (
    case("name-missing", "proxy_name_missing", proxy=http(host="proxy.nowhere.example")),
    case("refused", "proxy_refused", proxy=http(port=3999)),
    case("black-holed", "proxy_timeout", proxy=http(host=ELSEWHERE), forward=(f"ip daddr {ELSEWHERE} drop",)),
    case(
        "never-answers",
        "proxy_timeout",
        engines=(
            haproxy(
                "listen l",
                "  mode tcp",
                "  timeout connect 60s",
                f"  bind {ROUTER}:{PORT}",
                f"  server s {ELSEWHERE}:{PORT}",
            ),
        ),
        output=(f"ip daddr {ELSEWHERE} drop",),
    ),
    case(
        "unreachable",
        "proxy_unreachable",
        proxy=http(host=ELSEWHERE),
        forward=(f"ip daddr {ELSEWHERE} reject with icmp type admin-prohibited",),
    ),
    case(
        "squid-tls-untrusted",
        "proxy_tls_untrusted",
        engines=(squid(ALLOW, listen=f"https_port {ROUTER}:{PORT} tls-cert={{foreign_pem}}"),),
        proxy=http(scheme="https"),
    ),
    case("squid-asked-by-tls", "proxy_scheme_unusable", engines=(squid(ALLOW),), proxy=http(scheme="https")),
    case("nginx-is-no-proxy", "proxy_not_a_proxy", engines=(nginx(f"listen {ROUTER}:{PORT}; return 404;"),)),
    case(
        "nginx-asked-by-socks",
        "proxy_not_a_proxy",
        engines=(nginx(f"listen {ROUTER}:{PORT}; return 404;"),),
        proxy=http(scheme="socks5"),
        eyes=(ECS_AGENT,),
    ),
)

REFUSALS = (
    case("squid-wants-credentials", "proxy_auth_required", engines=(squid(*BASIC),)),
    case("squid-rejects-credentials", "proxy_auth_rejected", engines=(squid(*BASIC),), proxy=http(user="nobody")),
    case(
        "squid-wants-negotiate",
        "proxy_auth_required",
        engines=(
            squid(
                "auth_param negotiate program /bin/cat",
                "auth_param ntlm program /bin/cat",
                "acl known proxy_auth REQUIRED",
                "http_access allow known",
                "http_access deny all",
            ),
        ),
    ),
    case(
        "squid-forbids-ssm",
        "proxy_forbidden",
        engines=(squid(f"acl no dstdomain {SSM}", "http_access deny no", ALLOW),),
    ),
    case("squid-forbids-all", "proxy_forbidden", engines=(squid("http_access deny all"),)),
    case(
        "squid-forbids-the-port",
        "proxy_forbidden",
        engines=(squid("acl ok port 80 8443", "http_access deny !ok", ALLOW),),
    ),
    case(
        "squid-forbids-connect",
        "proxy_forbidden",
        engines=(squid("acl CONNECT method CONNECT", "http_access deny CONNECT", ALLOW),),
    ),
    case(
        "tinyproxy-filters-ssm",
        "proxy_forbidden",
        engines=(tinyproxy('Filter "{folder}/filter"', "FilterExtended On"),),
    ),
    case("tinyproxy-other-port", "proxy_forbidden", engines=(tinyproxy("ConnectPort 8443"),)),
    case("privoxy-blocks-ssm", "proxy_forbidden", engines=(privoxy("{+block{policy}}", SSM),)),
    case(
        "dante-blocks-ssm",
        "proxy_forbidden",
        engines=(dante(f"socks block {{ from: 0.0.0.0/0 to: {SSM} }}"),),
        proxy=http(scheme="socks5"),
        eyes=(ECS_AGENT,),
    ),
    case(
        "haproxy-without-connect",
        "proxy_method_refused",
        engines=(
            haproxy(
                "frontend f",
                "  mode http",
                f"  bind {ROUTER}:{PORT}",
                '  http-after-response set-header Via "1.1 haproxy"',
                "  http-request deny deny_status 405 if METH_CONNECT",
            ),
        ),
    ),
)

BEHIND_THE_PROXY = (
    case("squid-cannot-resolve", "proxy_cannot_resolve", engines=(squid(ALLOW),), scenario=SCENARIOS["nxdomain"]),
    case(
        "squid-has-other-dns",
        "proxy_cannot_resolve",
        engines=(dnsmasq(f"address=/{SSM}/"), squid(ALLOW, resolver=ROUTER)),
    ),
    case("privoxy-cannot-resolve", "proxy_cannot_resolve", engines=(privoxy(),), scenario=SCENARIOS["nxdomain"]),
    case(
        "tinyproxy-has-other-dns",
        "proxy_cannot_resolve",
        engines=(dnsmasq(f"address=/{SSM}/"), tinyproxy(resolver=ROUTER)),
    ),
    case("squid-connect-refused", "proxy_cannot_connect", engines=(squid(ALLOW),), scenario=SCENARIOS["refused"]),
    case(
        "squid-connect-timeout",
        "proxy_upstream_timeout",
        engines=(squid(ALLOW, "connect_timeout 2 seconds"),),
        scenario=SCENARIOS["blackhole"],
    ),
    case(
        "squid-is-blocked-behind",
        "proxy_cannot_connect",
        engines=(squid(ALLOW),),
        output=("ip daddr {ssm} tcp dport 443 reject with tcp reset",),
    ),
    case("tinyproxy-connect-refused", "proxy_cannot_connect", engines=(tinyproxy(),), scenario=SCENARIOS["refused"]),
    case(
        "dante-connect-refused",
        "proxy_cannot_connect",
        engines=(dante(),),
        proxy=http(scheme="socks5"),
        scenario=SCENARIOS["refused"],
        eyes=(ECS_AGENT,),
    ),
    case(
        "required",
        "proxy_required",
        "proxy_values_conflict",
        engines=(squid(ALLOW),),
        forward=DIRECT_IS_DROPPED,
        eyes=(ECS_AGENT, Eyes(name="docker", proxied=False)),
    ),
)

_TRUSTED = ("tls_intercepted_trusted", "tls_nonconforming_chain")
INSPECTION = (
    case("bump-rsa", *_TRUSTED, engines=(bump(WITH_UPGRADE),), verdict=Verdict.DEGRADED),
    case(
        "bump-ec",
        *_TRUSTED,
        engines=(bump(WITH_UPGRADE, key="ec"),),
        verdict=Verdict.DEGRADED,
        eyes=(Eyes(), ECS_AGENT),
    ),
    case(
        "bump-ec-over-tls-1.2",
        "tls_alert",
        *_TRUSTED,
        engines=(bump(WITH_UPGRADE, key="ec", tls12=True),),
        eyes=(Eyes(), ECS_AGENT),
    ),
    case(
        "bump-rsa-over-tls-1.2",
        *_TRUSTED,
        engines=(bump(WITH_UPGRADE, tls12=True),),
        verdict=Verdict.DEGRADED,
        eyes=(Eyes(), ECS_AGENT),
    ),
    case("bump-nonconforming", *_TRUSTED, engines=(bump(WITH_UPGRADE, conforming=False),), verdict=Verdict.DEGRADED),
    case("bump-untrusted", "tls_intercepted", "tls_nonconforming_chain", engines=(bump(WITH_UPGRADE, trusted=False),)),
    case("bump-strips-upgrade", "proxy_strips_upgrade", *_TRUSTED, engines=(bump(),)),
    case(
        "bump-refuses-upgrade",
        *_TRUSTED,
        "websocket_refused_by_proxy",
        engines=(bump(WITH_UPGRADE, "acl ws req_header Upgrade -i websocket", "http_access deny ws"),),
    ),
)

_OPENS_TLS = (
    f"listen {ROUTER}:8443 ssl;",
    "ssl_certificate <inspectors_leaf>; ssl_certificate_key <inspectors_leaf>;",
    "location / {",
    "proxy_pass https://<ecs_a_first>; proxy_ssl_server_name on; proxy_ssl_name $host; proxy_set_header Host $host;",
    "}",
)
DEVICES = (
    case(
        "nginx-strips-upgrade",
        "tls_intercepted_trusted",
        "websocket_upgrade_stripped",
        engines=(nginx(*_OPENS_TLS, port=8443),),
        scenario=replace(HEALTHY, trust=Trust.ORIGIN_AND_INSPECTOR),
        redirect=("ip daddr {ecs_a_first} tcp dport 443 redirect to :8443",),
        eyes=(Eyes(proxied=False),),
    ),
    case(
        "haproxy-cuts-idle",
        "websocket_cut_when_idle",
        engines=(
            haproxy(
                "listen l",
                "  mode tcp",
                "  timeout client 1s",
                "  timeout server 1s",
                f"  bind {ROUTER}:8443",
                "  server s {ecs_a_first}:443",
                port=8443,
            ),
        ),
        redirect=("ip daddr {ecs_a_first} tcp dport 443 redirect to :8443",),
        eyes=(Eyes(proxied=False),),
        scenario=OPEN_WEBSOCKETS,
        verdict=Verdict.DEGRADED,
        idle=2.0,
    ),
    case(
        "router-forgets-idle",
        "websocket_cut_when_idle",
        forward=(
            "ct state established,related accept",
            "tcp dport 443 tcp flags & (syn | ack) == syn accept",
            "ip daddr {ssmmessages} tcp dport 443 drop",
        ),
        conntrack_seconds=1,
        eyes=(Eyes(proxied=False),),
        verdict=Verdict.DEGRADED,
        idle=3.0,
    ),
    case(
        "haproxy-cuts-idle-tunnels-of-the-service",
        "proxy_cuts_idle",
        engines=(
            haproxy(
                "frontend f",
                "  mode tcp",
                f"  bind {ROUTER}:3129",
                "  timeout client 1s",
                "  default_backend b",
                "backend b",
                "  mode tcp",
                "  timeout server 1s",
                f"  server s 127.0.0.1:{PORT}",
                port=3129,
            ),
            squid(ALLOW, listen=f"http_port 127.0.0.1:{PORT}"),
        ),
        proxy=http(port=3129),
        verdict=Verdict.DEGRADED,
        idle=2.0,
    ),
    case(
        "squid-keeps-idle",
        engines=(squid(ALLOW),),
        scenario=OPEN_WEBSOCKETS,
        idle=2.0,
    ),
    case(
        "haproxy-cuts-idle-tunnels",
        "proxy_cuts_idle",
        engines=(
            squid(ALLOW, listen=f"http_port 127.0.0.1:{PORT}"),
            haproxy(
                "frontend f",
                "  mode http",
                f"  bind {ROUTER}:3129",
                "  timeout tunnel 1s",
                "  default_backend b",
                "backend b",
                "  mode http",
                "  timeout tunnel 1s",
                f"  server s 127.0.0.1:{PORT}",
                port=3129,
            ),
        ),
        proxy=http(port=3129),
        scenario=OPEN_WEBSOCKETS,
        verdict=Verdict.DEGRADED,
        idle=2.0,
    ),
    case(
        "proxy-holds-back",
        "proxy_buffers",
        engines=(
            dnsmasq(f"address=/{SSM}/{ROUTER}"),
            squid(ALLOW, resolver=ROUTER),
            haproxy(
                "frontend f",
                "  mode tcp",
                f"  bind {ROUTER}:443 ssl crt {{leaf}}",
                "  default_backend b",
                "backend b",
                "  mode tcp",
                "  tcp-response inspect-delay 60s",
                "  tcp-response content accept if {{ res.len ge 100000 }}",
                f"  server s {{ssm_first}}:443 ssl verify none sni str({SSM})",
                port=443,
            ),
        ),
    ),
)

PROXY_CASES = (
    *HEALTHY_PROXIES,
    *WHICH_NAMES_EXIST,
    *REACHING_THE_PROXY,
    *REFUSALS,
    *BEHIND_THE_PROXY,
    *INSPECTION,
    *DEVICES,
)
"""Every case of this module."""
