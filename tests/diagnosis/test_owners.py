"""Who has to act, for every finding: a table, and networks in which each of them is the one.

``OWNERS`` says of every finding who may have to act, and why it is not always the usual one. The cases of
``test_cases.py`` and those below show each of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pytest

from netprobe.diagnosis import places
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.findings import Finding, Owner, Place
from netprobe.observations import Failure as F
from netprobe.observations import Lint, VantageRecord
from tests.diagnosis.test_cases import CASES
from tests.support.observe import AMAZON, R1, R2, World, name

ECS, SSM = name("ecs"), name("ssm")
GITHUB = "raw.githubusercontent.com"
A, B = "52.95.1.1", "52.95.1.2"
ITSELF = "127.0.0.1:53"
RESOLV_CONF, ECS_CONFIG = "/etc/resolv.conf", "/etc/ecs/ecs.config"
HOST, NETWORK, AWS, ORIGIN = Owner.HOST, Owner.NETWORK, Owner.AWS, Owner.ORIGIN

# Finding → who has to act: the usual one first.
OWNERS: dict[str, tuple[Owner, ...]] = {
    "dns_name_missing": (NETWORK,),
    "dns_no_address": (NETWORK, HOST),  # a hosts file with the wrong family
    "dns_server_failure": (NETWORK,),
    "dns_refused": (NETWORK,),
    "dns_unreachable": (NETWORK, HOST),  # no server is named, nobody listens on loopback, or there is no route
    "dns_timeout": (NETWORK,),
    "dns_tcp_blocked": (NETWORK,),
    "dns_resolver_down": (NETWORK, HOST),  # the list names a machine that is no server, or cannot be routed to
    "dns_resolvers_disagree": (NETWORK,),
    "dns_sinkholed": (NETWORK, HOST),  # a hosts file
    "dns_wildcard_answers": (NETWORK,),
    "dns_private_answer": (NETWORK,),
    "dns_public_answer": (NETWORK,),
    "dns_numbered_names_public": (NETWORK,),
    "hosts_file_override": (HOST,),
    "dns_edns_unanswered": (NETWORK,),
    "dns_search_captures": (HOST,),
    "dns_slow": (NETWORK,),
    "tcp_refused": (NETWORK,),
    "tcp_dropped": (NETWORK,),
    "tcp_reset": (NETWORK,),
    "tcp_prohibited": (NETWORK,),
    "tcp_unreachable": (NETWORK, HOST),  # no router says so: this host has no route, or no address
    "tcp_some_addresses_blocked": (NETWORK,),
    "ipv6_broken": (NETWORK,),
    "ipv4_broken": (NETWORK,),
    "stale_ip_allowlist": (NETWORK,),
    "tls_sni_blocked": (NETWORK,),
    "tls_reset_after_hello": (NETWORK,),
    "tls_closed_after_hello": (NETWORK,),
    "tls_dropped_after_hello": (NETWORK,),
    "tls_large_hello_dropped": (NETWORK,),
    "tls_path_mtu": (NETWORK,),
    "tls_intercepted": (NETWORK,),
    "tls_intercepted_trusted": (NETWORK,),
    "tls_untrusted_store": (HOST,),
    "tls_wrong_name": (NETWORK, AWS),  # AWS's own chain and names, and others work
    "tls_expired": (NETWORK,),
    "tls_not_yet_valid": (NETWORK,),
    "tls_nonconforming_chain": (NETWORK,),
    "tls_incomplete_chain": (AWS, ORIGIN),  # whoever runs the server
    "tls_former_root": (AWS, ORIGIN),
    "tls_version_refused": (NETWORK,),
    "tls_alert": (NETWORK,),
    "not_tls": (NETWORK,),
    "http_block_page": (NETWORK,),
    "http_captive_portal": (NETWORK,),
    "http_foreign_answer": (NETWORK,),
    "http_service_error": (AWS, ORIGIN),
    "http_source_refused": (AWS, ORIGIN),
    "http_unrecognised_answer": (AWS, ORIGIN),
    "http_stalled": (NETWORK,),
    "http_cut": (NETWORK,),
    "websocket_refused_by_proxy": (NETWORK,),
    "websocket_upgrade_stripped": (NETWORK,),
    "websocket_cut_when_idle": (NETWORK,),
    "clock_skew": (HOST,),
    "proxy_name_missing": (NETWORK,),
    "proxy_unreachable": (NETWORK, HOST),  # a proxy on loopback, or in the subnet of the host's own containers
    "proxy_refused": (NETWORK, HOST),
    "proxy_timeout": (NETWORK, HOST),
    "proxy_auth_required": (HOST, NETWORK),  # no scheme that agents can answer is offered
    "proxy_auth_rejected": (HOST, NETWORK),
    "proxy_scheme_unusable": (HOST,),
    "proxy_forbidden": (NETWORK,),
    "proxy_cannot_resolve": (NETWORK,),
    "proxy_cannot_connect": (NETWORK,),
    "proxy_upstream_timeout": (NETWORK,),
    "proxy_not_a_proxy": (HOST,),
    "proxy_tls_untrusted": (HOST,),
    "proxy_method_refused": (NETWORK,),
    "proxy_strips_upgrade": (NETWORK,),
    "proxy_cuts_idle": (NETWORK,),
    "proxy_buffers": (NETWORK,),
    "proxy_required": (HOST,),
    "no_proxy_exempts_aws": (HOST,),
    "proxy_only_http_set": (HOST,),
    "proxy_values_conflict": (HOST,),
    "no_proxy_missing_task_credentials": (HOST,),
    "no_proxy_missing_metadata": (HOST,),
    "no_proxy_not_understood": (HOST,),
    "proxy_password_world_readable": (HOST,),
    "proxy_url_invalid": (HOST,),
    "proxy_needs_restart": (HOST,),
    "proxy_pac_unused": (HOST,),
    "proxy_setting_unused": (HOST,),
    "agent_endpoint_overridden": (HOST,),
    "trust_file_unusable": (HOST,),
    "works_by_chance": (NETWORK,),
    "packet_loss": (NETWORK,),
    "connection_limit": (NETWORK,),
    "slow": (NETWORK,),
    "unexplained_failure": (NETWORK,),
}

Build = Callable[[World], None]


def _resolver(world: World, failure: F, resolver: str, *, file: str = RESOLV_CONF) -> None:
    sources = {"resolvers": RESOLV_CONF, f"resolver {resolver}": file}
    world.vantages = (VantageRecord(name="host", resolvers=(resolver,), sources=sources),)
    world.endpoint("ecs")
    world.dns(ECS, failure=failure, resolver=resolver)


def _proxy(world: World, failure: F, proxy: str, *, bridge: str = "") -> None:
    sources = {"proxy": f"{ECS_CONFIG}:3 (HTTPS_PROXY)"}
    world.vantages = (VantageRecord(name="host", resolvers=(R1,), proxy=proxy, sources=sources),)
    world.endpoint("ecs")
    world.proxy(ECS, failure, proxy=proxy, phase="tcp", bridge=bridge)


def _not_of_aws(world: World, build: Build) -> None:
    world.endpoint("install-key", GITHUB)
    world.dns(GITHUB, A)
    world.tcp(GITHUB, A)
    build(world)
    world.endpoint("ssm")
    world.good(SSM, address=B)


def _incomplete(world: World) -> None:
    world.tls(GITHUB, A, F.SSL_UNKNOWN_AUTHORITY)
    world.tls(GITHUB, A, experiment="lax_chain", chain=(AMAZON,), origin=False)
    world.tls(GITHUB, A, experiment="completed_chain", chain=(AMAZON,), origin=True, incomplete=True)


def _former(world: World) -> None:
    world.tls(GITHUB, A, F.SSL_UNKNOWN_AUTHORITY)
    world.tls(GITHUB, A, experiment="lax_chain", chain=(AMAZON,), origin=False, former_root="CN=Former Root")


def _answered(failure: F | None, status: int) -> Build:
    def build(world: World) -> None:
        world.tls(GITHUB, A)
        world.http(GITHUB, A, failure, status=status, origin=True, genuine=False)

    return build


def _list_with_a_machine_that_is_no_server(world: World) -> None:
    sources = {f"resolver {R1}": f"{RESOLV_CONF}:2"}
    world.vantages = (VantageRecord(name="host", resolvers=(R1, R2), sources=sources),)
    world.endpoint("ecs")
    world.dns(ECS, failure=F.CONNECTION_REFUSED, resolver=R1)
    world.dns(ECS, A, resolver=R2)
    world.dns(ECS, A, resolver=R2, experiment="other_resolver")
    world.reach(ECS, A)


def _router_without_route(world: World) -> None:
    world.endpoint("ecs")
    world.dns(ECS, A)
    world.tcp(ECS, A, F.HOST_UNREACHABLE, icmp_type=3, icmp_code=1, icmp_from="10.9.8.1")


def _hosts_line_of_the_wrong_family(world: World) -> None:
    world.endpoint("ecs")
    world.dns(ECS, failure=F.DNS_NO_ANSWER, resolver="/etc/hosts:7", transport="file")


def _wants(failure: F, *schemes: str) -> Build:
    def build(world: World) -> None:
        world.endpoint("ecs")
        world.proxy(ECS, failure, status=407, authenticate=schemes)

    return build


BRIDGED, LOCAL = "http://172.17.0.9:3128", "http://127.0.0.1:3128"
SETTING = ((ECS_CONFIG, 3),)
# What is seen, the finding, who has to act, and the lines that it names.
MORE: dict[str, tuple[Build, str, Owner, tuple[tuple[str, int | None], ...]]] = {
    "no-server-named": (
        lambda w: _resolver(w, F.CONNECTION_REFUSED, ITSELF),
        "dns_unreachable",
        HOST,
        ((RESOLV_CONF, None),),
    ),
    "stub-that-is-not-running": (
        lambda w: _resolver(w, F.CONNECTION_REFUSED, "127.0.0.53:53", file=f"{RESOLV_CONF}:4"),
        "dns_unreachable",
        HOST,
        ((RESOLV_CONF, 4),),
    ),
    "no-route-to-the-resolver": (
        lambda w: _resolver(w, F.NETWORK_UNREACHABLE, R1, file=f"{RESOLV_CONF}:1"),
        "dns_unreachable",
        HOST,
        ((RESOLV_CONF, 1),),
    ),
    "resolver-that-refuses": (
        lambda w: _resolver(w, F.CONNECTION_REFUSED, R1, file=f"{RESOLV_CONF}:1"),
        "dns_unreachable",
        NETWORK,
        (),
    ),
    "list-with-no-server": (_list_with_a_machine_that_is_no_server, "dns_resolver_down", HOST, ((RESOLV_CONF, 2),)),
    "hosts-line-of-the-wrong-family": (_hosts_line_of_the_wrong_family, "dns_no_address", HOST, ()),
    "router-without-route": (_router_without_route, "tcp_unreachable", NETWORK, ()),
    "local-proxy-refused": (lambda w: _proxy(w, F.CONNECTION_REFUSED, LOCAL), "proxy_refused", HOST, SETTING),
    "local-proxy-silent": (lambda w: _proxy(w, F.TIMEOUT, LOCAL), "proxy_timeout", HOST, SETTING),
    "local-proxy-unreachable": (lambda w: _proxy(w, F.NETWORK_UNREACHABLE, LOCAL), "proxy_unreachable", HOST, SETTING),
    "bridged-proxy-unreachable": (
        lambda w: _proxy(w, F.HOST_UNREACHABLE, BRIDGED, bridge="docker0"),
        "proxy_unreachable",
        HOST,
        SETTING,
    ),
    "bridged-proxy-refused": (
        lambda w: _proxy(w, F.CONNECTION_REFUSED, BRIDGED, bridge="docker0"),
        "proxy_refused",
        HOST,
        SETTING,
    ),
    "bridged-proxy-silent": (
        lambda w: _proxy(w, F.TIMEOUT, BRIDGED, bridge="docker0"),
        "proxy_timeout",
        HOST,
        SETTING,
    ),
    "proxy-beyond-the-gateway": (lambda w: _proxy(w, F.TIMEOUT, BRIDGED), "proxy_timeout", NETWORK, ()),
    "proxy-wants-kerberos": (_wants(F.PROXY_AUTH_REQUIRED, "Negotiate"), "proxy_auth_required", NETWORK, ()),
    "proxy-wants-a-password": (_wants(F.PROXY_AUTH_REQUIRED, "Basic"), "proxy_auth_required", HOST, ()),
    "proxy-takes-kerberos-only": (_wants(F.PROXY_AUTH_REJECTED, "Negotiate"), "proxy_auth_rejected", NETWORK, ()),
    "others-incomplete-chain": (lambda w: _not_of_aws(w, _incomplete), "tls_incomplete_chain", ORIGIN, ()),
    "others-former-root": (lambda w: _not_of_aws(w, _former), "tls_former_root", ORIGIN, ()),
    "others-error": (
        lambda w: _not_of_aws(w, _answered(F.HTTP_SERVICE_ERROR, 503)),
        "http_service_error",
        ORIGIN,
        (),
    ),
    "others-refusal": (
        lambda w: _not_of_aws(w, _answered(F.HTTP_SOURCE_REFUSED, 403)),
        "http_source_refused",
        ORIGIN,
        (),
    ),
    "others-odd-answer": (lambda w: _not_of_aws(w, _answered(None, 404)), "http_unrecognised_answer", ORIGIN, ()),
}


def _found(build: Build, id_: str) -> Finding:
    world = World()
    build(world)
    world.repeated()
    (found,) = (finding for finding in world.diagnosis().findings if finding.id == id_)
    return found


@pytest.mark.parametrize("case", MORE)
def test_who_has_to_act_and_where(case: str) -> None:
    build, id_, owner, lines = MORE[case]
    found = _found(build, id_)
    assert (found.owner, tuple((place.file, place.line) for place in found.places)) == (owner, lines)


def test_the_table_holds_every_finding() -> None:
    assert list(OWNERS) == list(TAXONOMY)
    assert {id_: entry.owner for id_, entry in TAXONOMY.items()} == {id_: owners[0] for id_, owners in OWNERS.items()}


def test_each_who_is_told_to_act_somewhere_and_nobody_else_is() -> None:
    told: dict[str, set[Owner]] = defaultdict(set)
    for build, _ in CASES.values():
        world = World()
        build(world)
        for finding in world.diagnosis().findings:
            told[finding.id].add(finding.owner)
    for build, id_, owner, _ in MORE.values():
        told[id_].add(_found(build, id_).owner)
        assert owner in OWNERS[id_]
    assert {id_: set(owners) for id_, owners in OWNERS.items()} == told


def test_what_the_host_has_to_mend_is_told_in_its_own_words() -> None:
    unnamed = _found(MORE["no-server-named"][0], "dns_unreachable")
    assert f"{RESOLV_CONF} names no DNS server" in unnamed.title
    bridged = _found(MORE["bridged-proxy-silent"][0], "proxy_timeout")
    assert "lies in the subnet of docker0" in bridged.title
    assert "/etc/docker/daemon.json" in bridged.remedy


def test_a_proxy_that_an_option_names_stands_in_no_file() -> None:
    def build(world: World) -> None:
        _proxy(world, F.TIMEOUT, LOCAL)
        world.vantages = (VantageRecord(name="host", resolvers=(R1,), proxy=LOCAL, sources={"proxy": "--proxy"}),)

    assert _found(build, "proxy_timeout").places == ()


def test_a_lint_names_its_line() -> None:
    def build(world: World) -> None:
        lint = Lint(id="proxy_url_invalid", value="value", file=ECS_CONFIG, line=3)
        world.vantages = (VantageRecord(name="host", resolvers=(R1,), lints=(lint,)),)
        world.endpoint("ecs")
        world.good(ECS)

    assert _found(build, "proxy_url_invalid").places == (Place(file=ECS_CONFIG, line=3, text="value"),)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (f"{ECS_CONFIG}:3 (HTTPS_PROXY)", Place(file=ECS_CONFIG, line=3, text="x")),
        (f"{ECS_CONFIG}:3; in the lab, its proxy stands in", Place(file=ECS_CONFIG, line=3, text="x")),
        (RESOLV_CONF, Place(file=RESOLV_CONF, line=None, text="x")),
        ("environment https_proxy", None),
        ("--proxy", None),
        ("", None),
    ],
)
def test_the_place_of_a_setting(source: str, place: Place | None) -> None:
    record = VantageRecord(name="host", sources={"proxy": source})
    assert places.of_setting(record, "proxy", "x") == (() if place is None else (place,))
    assert places.of_setting(None, "proxy", "x") == places.of_setting(record, "no_proxy", "x") == ()
