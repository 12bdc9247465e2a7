"""An Edge SWG cannot be had here: a grammar of Content Policy Language, written from its reference, decides instead."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

import lark
import pytest

from netprobe.render import Options, Rendered, render
from netprobe.render.model import Policy
from tests.support.firewall_case import INPUTS, Decides, holds
from tests.support.render_cases import CASES, ORIGIN
from tests.support.render_corpus import corpus

_GRAMMAR = lark.Lark(
    r"""
    start: (subnet | condition | layer)*
    subnet: "define" "subnet" LABEL _NL (NETWORK _NL)+ "end" "subnet" LABEL _NL
    condition: "define" "condition" LABEL _NL (term+ _NL)+ "end" "condition" LABEL _NL
    layer: "<Proxy>" _NL rule+
    rule: VERDICT term* _NL
    term: "url.host.exact=" NAME -> exact
        | "url.host.regex=" QUOTED -> regex
        | "url.host.is_numeric=no" -> named
        | "url.port=" PORT -> port
        | "client.address=" LABEL -> client
        | "condition=" LABEL -> condition_
    VERDICT: "ALLOW" | "DENY"
    LABEL: /[A-Za-z_][A-Za-z0-9_]*/
    NAME.2: /[a-z0-9-]+(\.[a-z0-9-]+)+/
    NETWORK.2: /[0-9a-f.:]+\/[0-9]+/
    PORT: /[0-9]{1,5}/
    QUOTED: /"[^"\n]*"/
    _NL: /(\s*(;[^\n]*)?\n)+/
    %ignore /[ \t]+/
    """,
    parser="earley",
    lexer="dynamic",
)
_SITE = """\
<Proxy>
  ALLOW url.host.exact=intranet.example.com
  DENY
"""
_OPEN_SITE = """\
<Proxy>
  ALLOW
"""


@dataclass(frozen=True, slots=True)
class _Request:
    """A request as the proxy sees it; ``reverse`` is the name that the DNS has for an address."""

    client: str
    host: str
    port: int
    reverse: str = ""

    @property
    def compared(self) -> str:
        """The name that a condition about the host is compared with: an address is asked for its name first."""
        return self.reverse or self.host


class _Appliance:
    """Policy files in their order; of the layers that decide, the last counts."""

    def __init__(self, *files: str) -> None:
        self.subnets: dict[str, list[ipaddress.IPv4Network | ipaddress.IPv6Network]] = {}
        self.conditions: dict[str, list[list[lark.Tree[lark.Token]]]] = {}
        self.layers: list[list[tuple[str, list[lark.Tree[lark.Token]]]]] = []
        for text in files:
            for one in _GRAMMAR.parse(text.lstrip("\n") if not text.startswith(";") else _without_head(text)).children:
                assert isinstance(one, lark.Tree)
                self._take(one)

    def _take(self, one: lark.Tree[lark.Token]) -> None:
        if one.data == "layer":
            self.layers.append([_rule(rule) for rule in one.children if isinstance(rule, lark.Tree)])
            return
        first, *inner, last = one.children
        label = str(first)
        assert label == str(last), "a block ends with the name that it began with"
        assert label not in {*self.subnets, *self.conditions}, "a label is defined once"
        if one.data == "subnet":
            self.subnets[label] = [ipaddress.ip_network(str(network)) for network in inner]
        else:
            self.conditions[label] = [[term] for term in inner if isinstance(term, lark.Tree)]

    def decides(self, request: _Request) -> bool:
        decision = "DENY"
        for layer in self.layers:
            fits = (verdict for verdict, terms in layer if all(self._holds(term, request) for term in terms))
            decision = next(fits, decision)
        return decision == "ALLOW"

    def _holds(self, term: lark.Tree[lark.Token], request: _Request) -> bool:
        value = str(term.children[0]) if term.children else ""
        match term.data:
            case "exact":
                return request.compared.lower() == value
            case "regex":
                assert re.search(r"[.()]", value), "only what is special must be quoted"
                return re.search(value.strip('"'), request.compared, re.IGNORECASE) is not None
            case "named":
                return not request.reverse and re.fullmatch(r"[0-9.:]+", request.host) is None
            case "port":
                return request.port == int(value)
            case "client":
                return any(ipaddress.ip_address(request.client) in network for network in self.subnets[value])
            case "condition_":
                return any(all(self._holds(one, request) for one in line) for line in self.conditions[value])
        raise AssertionError(term.data)


def _rule(rule: lark.Tree[lark.Token]) -> tuple[str, list[lark.Tree[lark.Token]]]:
    verdict, *terms = rule.children
    return str(verdict), [term for term in terms if isinstance(term, lark.Tree)]


def _without_head(text: str) -> str:
    """The text without the comments in front."""
    lines = text.splitlines(keepends=True)
    while lines and (lines[0].startswith(";") or not lines[0].strip()):
        lines.pop(0)
    return "".join(lines)


def _decides(output: Rendered) -> Decides:
    appliance = _Appliance(output.main)
    return lambda name, port: appliance.decides(_Request("198.51.100.20", name, port))


@pytest.mark.parametrize("what", INPUTS)
def test_the_policy_admits_what_is_claimed(what: str) -> None:
    holds("bluecoat-cpl", what, _decides)


def _made(policy: Policy, case: str = "strict") -> Rendered:
    return render("bluecoat-cpl", CASES[case].endpoints, origin=ORIGIN, options=CASES[case].options, policy=policy)


def test_behind_a_policy_of_the_sites_own_it_adds_and_denies_nothing() -> None:
    made = _made(Policy(sources=("192.0.2.0/24",)))
    before, after = _Appliance(_SITE), _Appliance(_SITE, made.main)
    for name in (*corpus(CASES["strict"].endpoints), "intranet.example.com"):
        for port in (443, 80):
            ours, theirs = _Request("192.0.2.9", name, port), _Request("203.0.113.9", name, port)
            assert after.decides(ours) == (before.decides(ours) or made.lowered.admits(name, port)), (name, port)
            assert after.decides(theirs) == before.decides(theirs)


@pytest.mark.parametrize("all_ports", [False, True])
def test_enforcing_other_clients_notice_nothing(all_ports: bool) -> None:
    made = _made(Policy(enforce=True, sources=("192.0.2.0/24", "2001:db8::/64"), all_ports=all_ports))
    appliance = _Appliance(_OPEN_SITE, made.main)
    for client in ("192.0.2.9", "2001:db8::9"):
        assert appliance.decides(_Request(client, "ecs-a-7.us-east-2.amazonaws.com", 443))
        assert not appliance.decides(_Request(client, "example.com", 443))
        assert appliance.decides(_Request(client, "example.com", 8443)) != all_ports
    assert appliance.decides(_Request("203.0.113.9", "example.com", 443))


def test_an_address_whose_owner_calls_it_by_a_listed_name_is_not_admitted() -> None:
    """The appliance asks the DNS for an address's name before it compares, and the owner of the address answers."""
    appliance = _Appliance(_made(Policy()).main)
    assert not appliance.decides(_Request("192.0.2.9", "203.0.113.66", 443, reverse="ecs.us-east-2.amazonaws.com"))
    assert appliance.decides(_Request("192.0.2.9", "ecs.us-east-2.amazonaws.com", 443))
    without = _made(Policy()).main.replace(" url.host.is_numeric=no", "")
    unguarded = _Appliance(without)
    assert unguarded.decides(_Request("192.0.2.9", "203.0.113.66", 443, reverse="ecs.us-east-2.amazonaws.com"))


def test_two_renders_stand_beside_each_other() -> None:
    one, other = (_made(Policy(name=name)).main for name in ("netprobe", "netprobe-handoff"))
    _Appliance(one, other)


def test_the_grammar_notices_what_is_invalid() -> None:
    for bad in (
        "<Proxy>\n  PERMIT\n",
        "<Proxy>\n  ALLOW url.host.regex=^a\\.b$\n",
        "define condition a\n  url.host.exact=*.example.com\nend condition a\n",
        "define condition a\n  url.host.exact=a.example.com\n",
    ):
        with pytest.raises(lark.exceptions.LarkError):
            _Appliance(bad)


def test_names_alone_can_be_said_without_expressions() -> None:
    options = Options(seen=CASES["strict"].options.seen, enumerate=True)
    made = render("bluecoat-cpl", CASES["strict"].endpoints[:1], origin=ORIGIN, options=options)
    assert "url.host.exact=ecs.us-east-2.amazonaws.com" in made.main
    assert "regex" not in made.main.partition("define")[2]
