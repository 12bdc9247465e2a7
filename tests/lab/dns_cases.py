"""The cases of search lists and EDNS: what glibc and Go would ask, and what they would get."""

from __future__ import annotations

from netprobe.findings import Verdict
from netprobe.lab.behaviour import DnsMode, Edns, ResolverBehaviour
from netprobe.lab.scenarios import Scenario
from tests.support.lab_case import Case, Network


def _case(name: str, *findings: str, verdict: Verdict, **scenario: object) -> Case:
    return Case(
        name=f"rs-{name}",
        scenario=Scenario(name=name, summary=".", **scenario),  # type: ignore[arg-type]
        network=Network(),
        findings=findings,
        verdict=verdict,
    )


CORP = ResolverBehaviour(captures="corp.example")
RESOLVER_CASES = (
    _case("plain-search-list", verdict=Verdict.READY, search=("corp.example", "example.com"), ndots=1),
    _case("search-list-of-nobody", verdict=Verdict.READY, search=("corp.example",), ndots=5),
    _case("few-dots-and-a-wildcard", verdict=Verdict.READY, search=("corp.example",), ndots=1, resolvers=(CORP,)),
    _case("three-dots-and-a-wildcard", verdict=Verdict.READY, search=("corp.example",), ndots=3, resolvers=(CORP,)),
    _case(
        "second-suffix-captures",
        "dns_search_captures",
        verdict=Verdict.NOT_READY,
        search=("lan.example", "corp.example"),
        ndots=6,
        resolvers=(CORP,),
    ),
    _case(
        "edns-servfail",
        "dns_edns_unanswered",
        verdict=Verdict.NOT_READY,
        resolvers=(ResolverBehaviour(edns=Edns.SERVFAIL),),
    ),
    _case(
        "edns-dropped",
        "dns_edns_unanswered",
        verdict=Verdict.NOT_READY,
        resolvers=(ResolverBehaviour(edns=Edns.DROP),),
    ),
    _case(
        "servfail-with-and-without",
        "dns_server_failure",
        verdict=Verdict.NOT_READY,
        resolvers=(ResolverBehaviour(mode=DnsMode.SERVFAIL),),
    ),
)
"""Every case of this module."""
