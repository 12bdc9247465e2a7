"""What stands first decides: rules that only look like admitting, and those of which it cannot be told.

The engines themselves are asked in ``tests/engines/test_compare_true.py``; here is what has to do with the file.
"""

from __future__ import annotations

import json

import pytest

from netprobe.render.readers import READERS

NAME, ADDRESS = "ecs.us-east-2.amazonaws.com", "192.0.2.1"
_AWS = "acl aws dstdomain .amazonaws.com\n"
_TABLE = "table inet f {{\nchain output {{\ntype filter hook output priority 0; policy drop;\n{}\n}}\n}}\n"
_FILTER = "*filter\n:OUTPUT DROP [0:0]\n{}\nCOMMIT\n"
_YES = "-A OUTPUT -d 192.0.2.0/24 -p tcp --dport 443 -j ACCEPT"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("http_access allow aws\n", True),
        ("acl bad dstdomain .us-east-2.amazonaws.com\nhttp_access deny bad\nhttp_access allow aws\n", False),
        ("acl bad dstdomain .us-east-2.amazonaws.com\nhttp_access allow aws !bad\n", False),
        ("acl SSL_ports port 8443\nhttp_access deny CONNECT !SSL_ports\nhttp_access allow aws\n", False),
        ("http_access allow localhost aws\n", False),
        (
            "acl bad dstdomain '/etc/squid/bad.list'\nhttp_access deny bad\nhttp_access allow aws\n".replace("'", '"'),
            None,
        ),
        ("acl bad url_regex \\.zip$\nhttp_access deny bad\nhttp_access allow aws\n", None),
        ("acl aws2 url_regex amazonaws\nhttp_access allow aws2\nhttp_access deny all\n", None),
        ("include /etc/squid/conf.d/*.conf\nhttp_access deny all\n", None),
        ("include /etc/squid/conf.d/*.conf\nhttp_access allow aws\n", True),
        ("acl inner dst 10.0.0.0/8 fc00::/7\nhttp_access deny inner\nhttp_access allow aws\n", True),
        ("acl cloud dst 52.0.0.0/8\nhttp_access deny cloud\nhttp_access allow aws\n", None),
        ("acl bad src 10.9.0.0/16\nhttp_access deny bad aws\nhttp_access allow aws\n", True),
        ("acl a any-of b\nacl b any-of a\nhttp_access allow a\n", None),
    ],
)
def test_squid(text: str, answer: bool | None) -> None:
    assert READERS["squid"](_AWS + text).answers(NAME, 443) is answer


@pytest.mark.parametrize(
    ("rules", "answer"),
    [
        ("tcp dport https accept", True),
        ("tcp dport { ssh, smtp } drop\ntcp dport 443 accept", True),
        ("ip daddr @gone drop\ntcp dport 443 accept", None),
        ("ip daddr @gone accept", None),
        ("tcp dport $PORTS accept", None),
        ("tcp dport 443 limit rate 5/second accept", True),
        ("ip saddr 10.0.0.5 tcp dport 443 drop\ntcp dport 443 accept", True),
        ("jump round\n}\nchain round {\njump round\njump output\ntcp dport 443 accept", True),
    ],
)
def test_nftables(rules: str, answer: bool | None) -> None:
    assert READERS["nftables"](_TABLE.format(rules)).answers(ADDRESS, 443) is answer


def test_a_ruleset_on_few_lines_and_as_a_script() -> None:
    one = "table inet f { chain output { type filter hook output priority 0; policy drop; tcp dport 443 accept; } }"
    script = (
        "add table inet f\nadd chain inet f output { type filter hook output priority 0; policy drop; }\n"
        "add set inet f a { type ipv4_addr; }\nadd element inet f a { 192.0.2.1 }\n"
        "add rule inet f output ip daddr @a tcp dport 443 accept\n"
    )
    for text in (one, script, f"{script}insert rule inet f output tcp dport 22 drop\n"):
        assert READERS["nftables"](text).answers(ADDRESS, 443) is True
    assert (
        READERS["nftables"](f"{script}insert rule inet f output ip daddr 192.0.2.0/24 drop").answers(ADDRESS, 443)
        is False
    )


@pytest.mark.parametrize(
    ("rules", "answer"),
    [
        (_YES, True),
        (f"-A OUTPUT -d 192.0.0.0/8 -j DROP\n{_YES}", False),
        (f":BAD - [0:0]\n-A OUTPUT -j BAD\n-A BAD -d 192.0.0.0/8 -j REJECT\n{_YES}", False),
        (_YES.replace("OUTPUT", "ALONE"), False),
        (f"COMMIT\n*nat\n:OUTPUT ACCEPT [0:0]\n{_YES}", False),
        (f"-A OUTPUT -m set --match-set gone dst -j DROP\n{_YES}", None),
        (f"-A OUTPUT -s 10.0.0.5 -d 192.0.2.1 -j DROP\n{_YES}", True),
        (f"-A OUTPUT -p tcp --dport ssh -j DROP\n{_YES}", True),
        (f"{_YES}\n-I OUTPUT -d 192.0.2.1 -j DROP", False),
        (f'-A OUTPUT -m comment --comment "-j ACCEPT" -j DROP\n{_YES}', False),
    ],
)
def test_iptables(rules: str, answer: bool | None) -> None:
    assert READERS["iptables"](_FILTER.format(rules)).answers(ADDRESS, 443) is answer


def test_both_families_in_one_file() -> None:
    four, six = _FILTER.format(_YES), _FILTER.format("-A OUTPUT -p tcp -j ACCEPT\n-A OUTPUT -d 2001:db8::/32 -j DROP")
    read = READERS["iptables"](four + six)
    assert [read.answers(one, 443) for one in (ADDRESS, "203.0.113.1", "2001:db9::1")] == [True, False, True]


def test_chains_that_jump_to_each_other_a_million_ways() -> None:
    chains = "".join(f"-A C{number} -j C{number + 1}\n-A C{number} -j C{number + 1}\n" for number in range(60))
    read = READERS["iptables"](_FILTER.format(f"-A OUTPUT -j C0\n{chains}{_YES}"))
    assert read.answers(ADDRESS, 443) is True


_OBJECTS = (
    "object network ECS\n fqdn v4 ecs.us-east-2.amazonaws.com\nobject network LAN\n subnet 10.0.0.0 255.0.0.0\n"
    "object-group network AWS\n network-object object ECS\nobject-group network ALL\n group-object AWS\n"
    "object-group service WEB tcp\n port-object eq https\n port-object range 8000 8080\n"
    "object service TLS\n service tcp destination eq 443\n"
)


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["extended permit tcp any object ECS eq https"], True),
        (["extended permit tcp any object-group ALL eq 443 log"], True),
        (["extended permit tcp any object ECS object-group WEB"], True),
        (["extended permit object TLS any object ECS"], True),
        (["extended permit object-group GONE any object ECS"], None),
        (["extended permit tcp object LAN any"], True),
        (["extended permit tcp any object ECS range 400 500"], True),
        (["extended permit tcp any object ECS eq 443 inactive"], False),
        (["extended permit tcp any object ECS eq www"], False),
        (["extended permit tcp any object ECS neq https"], False),
        (["extended permit udp any object ECS eq 443"], False),
        (["extended permit tcp object ECS any eq 443"], False),
        (["remark permit tcp any object ECS eq 443"], False),
        (["extended deny ip any any", "extended permit tcp any object ECS eq 443"], False),
        (["extended deny tcp any object-group ALL", "extended permit tcp any object ECS eq 443"], False),
        (["extended deny tcp object LAN object ECS", "extended permit tcp any object ECS eq 443"], True),
        (["extended permit tcp any object ECS eq 443", "line 1 extended deny tcp any any eq 443"], False),
    ],
)
def test_asa(lines: list[str], answer: bool | None) -> None:
    text = _OBJECTS + "".join(f"access-list OUT {line}\n" for line in lines)
    assert READERS["cisco-asa"](text).answers(NAME, 443) is answer


def test_a_list_that_no_interface_has_does_not_count() -> None:
    permits = _OBJECTS + "access-list OUT extended permit tcp any object ECS eq 443\n"
    assert READERS["cisco-asa"](f"{permits}access-group OUT in interface inside\n").answers(NAME, 443) is True
    assert READERS["cisco-asa"](f"{permits}access-group IN in interface inside\n").answers(NAME, 443) is False


_CATEGORY = (
    "set profiles custom-url-category ecs list [ ecs.us-east-2.amazonaws.com/ ]\n"
    "set service web protocol tcp port 443,8443\nset address ecs fqdn ecs.us-east-2.amazonaws.com\n"
)
_RULE = "set rulebase security rules {} from any to any source any destination {} service {} category {} action {}\n"


@pytest.mark.parametrize(
    ("rules", "answer"),
    [
        (_RULE.format("a", "any", "web", "ecs", "allow"), True),
        (_RULE.format("a", "ecs", "application-default", "any", "allow"), True),
        (_RULE.format("a", "any", "service-http", "ecs", "allow"), False),
        (_RULE.format("a", "any", "gone", "ecs", "allow"), None),
        (
            _RULE.format("d", "any", "any", "[ malware ecs ]", "deny")
            + _RULE.format("a", "any", "web", "ecs", "allow"),
            False,
        ),
        (_RULE.format("d", "any", "any", "malware", "deny") + _RULE.format("a", "any", "web", "ecs", "allow"), True),
        (_RULE.format("d", "any", "any", "any", "drop") + _RULE.format("a", "any", "web", "ecs", "allow"), False),
        (
            _RULE.format("d", "any", "any", "any", "drop")
            + _RULE.format("a", "any", "web", "ecs", "allow")
            + "move rulebase security rules a top\n",
            True,
        ),
        (_RULE.format("a", "any", "web", "ecs", "allow") + "set rulebase security rules a disabled yes\n", False),
        (
            _RULE.format("d", "any", "any", "any", "deny").replace("from any", "from guest")
            + _RULE.format("a", "any", "web", "ecs", "allow").replace("from any", "from lan"),
            True,
        ),
        (
            _RULE.format("d", "any", "any", "any", "deny").replace("from any", "from [ guest lan ]")
            + _RULE.format("a", "any", "web", "ecs", "allow").replace("from any", "from lan"),
            False,
        ),
        (_RULE.format("a", "any", "web", "ecs", "allow") + "delete rulebase security rules a\n", True),
        (
            _RULE.format("a", "ecs", "web", "any", "allow") + "set rulebase security rules a negate-destination yes\n",
            False,
        ),
        (
            _RULE.format("d", "any", "any", "any", "deny").replace("source any", "source [ guests lab ]")
            + _RULE.format("a", "any", "web", "ecs", "allow"),
            True,
        ),
    ],
)
def test_panos(rules: str, answer: bool | None) -> None:
    """Where no rule is left, as in a file of categories alone, every category counts, as before."""
    assert READERS["panos"](_CATEGORY + rules).answers(NAME, 443) is answer


_FORTI = """config firewall address
    edit "ecs"
        set type fqdn
        set fqdn "ecs.us-east-2.amazonaws.com"
    next
end
config firewall addrgrp
    edit "aws"
        set member "ecs" "gone"
    next
end
config firewall service custom
    edit "tls"
        set tcp-portrange 443 8443:1024-65535
    next
end
config webfilter urlfilter
    edit 7
        config entries
            edit 1
                set url "*.us-east-2.amazonaws.com"
                set type wildcard
                set action {}
            next
        end
    next
end
config webfilter profile
    edit "web"
        config web
            set urlfilter-table 7
        end
    next
end
config firewall policy
{}end
"""


def _policy(number: int, action: str, target: str, *lines: str, service: str = '"tls"') -> str:
    more = "".join(f"        set {line}\n" for line in lines)
    return (
        f'    edit {number}\n        set srcaddr "all"\n        set dstaddr {target}\n        set action {action}\n'
        f"        set service {service}\n{more}    next\n"
    )


@pytest.mark.parametrize(
    ("policies", "answer"),
    [
        (_policy(1, "accept", '"aws"'), True),
        (_policy(1, "accept", '"aws"', service='"HTTP" "DNS"'), False),
        (_policy(1, "accept", '"aws"', service='"of another vdom"'), None),
        (_policy(1, "accept", '"aws"', "status disable"), False),
        (_policy(1, "accept", '"aws"', "dstaddr-negate enable"), False),
        (_policy(1, "deny", '"all"') + _policy(2, "accept", '"aws"'), False),
        (_policy(1, "deny", '"ecs"', service='"ALL"') + _policy(2, "accept", '"aws"'), False),
        (_policy(1, "deny", '"gone"') + _policy(2, "accept", '"aws"'), True),
        (_policy(1, "deny", '"all"', 'srcaddr "guests"') + _policy(2, "accept", '"aws"'), True),
        (_policy(1, "deny", '"all"', 'srcintf "guest"') + _policy(2, "accept", '"aws"', 'srcintf "lan"'), True),
        (_policy(1, "deny", '"all"', 'srcintf "lan" "guest"') + _policy(2, "accept", '"aws"', 'srcintf "lan"'), False),
        (_policy(1, "deny", '"all"', 'srcintf "any"') + _policy(2, "accept", '"aws"', 'srcintf "lan"'), False),
        (_policy(1, "deny", '"all"') + _policy(2, "accept", '"aws"') + "    move 2 before 1\n", True),
        (_policy(1, "accept", '"all"', 'webfilter-profile "web"') + _policy(2, "accept", '"all"'), False),
        (_policy(1, "accept", '"all"', 'webfilter-profile "default"'), True),
    ],
)
def test_fortios(policies: str, answer: bool | None) -> None:
    """A URL filter that blocks ends the session: no later policy is asked."""
    assert READERS["fortios"](_FORTI.format("block", policies)).answers(NAME, 443) is answer
    if "webfilter" in policies:
        assert READERS["fortios"](_FORTI.format("allow", policies)).answers(NAME, 443) is True


_MAP = 'map $ssl_preread_server_name $to {{\n    hostnames;\n    default "";\n{}\n}}\n'
_THERE = "$ssl_preread_server_name:443"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (_MAP.format(f".amazonaws.com {_THERE};"), True),
        (_MAP.format(f".amazonaws.com {_THERE};").replace("    hostnames;\n", ""), False),
        (_MAP.format(f'.amazonaws.com {_THERE};\necs.us-east-2.amazonaws.com "";'), False),
        (_MAP.format(f"*.us-east-2.amazonaws.com {_THERE};\n*.amazonaws.com '';"), True),
        (_MAP.format(f'~^ecs "";\n~*amazonaws\\.com$ {_THERE};'), False),
        (_MAP.format(f"~*amazonaws\\.com$ {_THERE};"), True),
        (_MAP.format(f".amazonaws.com {_THERE};").replace("$ssl_preread_server_name $to", "$geoip $to"), False),
        (f"ecs.us-east-2.amazonaws.com {_THERE};\n", True),
    ],
)
def test_nginx(text: str, answer: bool) -> None:
    assert READERS["nginx-stream"](text).answers(NAME, 443) is answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("{+block}\n/\n{-block}\n.amazonaws.com\n", True),
        ("{+block}\n/\n{-block}\n.amazonaws.com\n{+block{no}}\n.us-east-2.amazonaws.com\n", False),
        ("{-block}\n.amazonaws.com\n{+block}\n/\n", False),
        ("{+block}\n/\n{-block}\n.amazonaws.com:8443\n", False),
        ("{+block}\n/\n{-block}\n.amazonaws.com:443,8443/\n", True),
        ("{+block}\n/\n{-block}\n.amazonaws.com/only/here\n", False),
        ("{-block}\n.amazonaws.com\n{+hide-referrer}\n/\n", True),
    ],
)
def test_privoxy(text: str, answer: bool) -> None:
    assert READERS["privoxy"](text).answers(NAME, 443) is answer


@pytest.mark.parametrize(
    ("zones", "answer"),
    [
        ('"." refuse\nlocal-zone: "amazonaws.com." transparent', True),
        ('"amazonaws.com." transparent\nlocal-zone: "us-east-2.amazonaws.com" always_nxdomain', False),
        ('"amazonaws.com." refuse\nlocal-zone: ecs.us-east-2.amazonaws.com transparent', True),
    ],
)
def test_unbound(zones: str, answer: bool) -> None:
    assert READERS["unbound"](f"server:\nlocal-zone: {zones}\n").answers(NAME, 443) is answer


_LIST = "/ip firewall address-list add list=aws address=ecs.us-east-2.amazonaws.com\n/ip firewall filter\n"
_GOOD = "add action=accept chain=forward protocol=tcp dst-port=443 dst-address-list=aws"


@pytest.mark.parametrize(
    ("rules", "answer"),
    [
        ([_GOOD], True),
        (["add action=drop chain=forward protocol=tcp dst-port=443", _GOOD], False),
        (["add action=drop chain=forward dst-address-list=!aws", _GOOD], True),
        (["add action=drop chain=forward dst-address-list=aws", _GOOD], False),
        (["add action=drop chain=forward src-address=10.9.0.0/16", _GOOD], True),
        (
            ["add action=accept chain=forward connection-state=established,related", "add action=drop chain=forward"],
            False,
        ),
        ([f"{_GOOD} disabled=yes"], False),
        ([_GOOD.replace("forward", "input")], False),
        ([_GOOD.replace("tcp", "udp")], False),
        ([_GOOD.replace("forward", "ours"), "add action=drop chain=forward"], False),
        (["add action=jump chain=forward jump-target=ours", _GOOD.replace("forward", "ours")], True),
        ([_GOOD.replace(" dst-port", " \\\n    dst-port")], True),
    ],
)
def test_mikrotik(rules: list[str], answer: bool) -> None:
    assert READERS["mikrotik"](_LIST + "\n".join(rules)).answers(NAME, 443) is answer


_GROUP = "object-group fqdn AWS\n pattern ^ecs\\.us-east-2\\.amazonaws\\.com$\nip access-list extended OUT\n"


@pytest.mark.parametrize(
    ("entries", "answer"),
    [
        (["permit tcp any fqdn-group AWS eq 443"], True),
        (["10 permit tcp any fqdn-group AWS eq 443 log", "5 deny ip any any"], False),
        (["deny tcp any fqdn-group AWS", "permit tcp any any"], False),
        (["deny tcp host 192.0.2.9 any", "deny udp any any", "permit tcp any fqdn-group AWS eq 443"], True),
        (["permit tcp any fqdn-group AWS eq www"], False),
        (["permit tcp any any established"], False),
        (["permit tcp any fqdn-group AWS range 400 500"], True),
    ],
)
def test_iosxe(entries: list[str], answer: bool) -> None:
    text = _GROUP + "".join(f" {entry}\n" for entry in entries)
    assert READERS["cisco-iosxe"](text).answers(NAME, 443) is answer


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["10 action accept", "10 destination group domain-group AWS"], True),
        (["10 action accept", "10 destination group domain-group AWS", "5 action drop"], False),
        (["10 action accept", "10 destination group domain-group AWS", "20 action drop"], True),
        (["10 action accept", "10 destination group domain-group AWS", "10 disable"], False),
        (["10 action accept", "10 destination group domain-group AWS", "10 destination port 80"], False),
        (["5 action reject", "5 source group network-group GUESTS", "10 action accept"], True),
        (["5 action drop", "5 destination address 10.0.0.0/8", "10 action accept"], True),
        (["10 action accept", "10 state established"], False),
    ],
)
def test_vyos(lines: list[str], answer: bool) -> None:
    """A rule about every destination has no group, so it is none of those that are told; it decides all the same."""
    text = f"set firewall group domain-group AWS address {NAME}\n"
    text += "".join(f"set firewall ipv4 name OUT rule {line}\n" for line in lines)
    assert READERS["vyos"](text).answers(NAME, 443) is answer


_FRONT = "frontend f\n    bind :443\n    acl aws req.ssl_sni -i -m end .amazonaws.com\n{}    default_backend out\n"
_BACK = "backend out\n    server s 0.0.0.0:0\nbackend hole\n"


@pytest.mark.parametrize(
    ("rules", "answer"),
    [
        ("tcp-request content accept if aws\ntcp-request content reject\n", True),
        ("tcp-request content reject unless aws\n", True),
        ("tcp-request content reject\ntcp-request content accept if aws\n", False),
        ("tcp-request content silent-drop if aws\n", False),
        ("tcp-request content accept if aws !{ req.ssl_sni -m end .us-east-2.amazonaws.com }\n"
         "tcp-request content reject\n", False),
        ("use_backend hole if aws\n", False),
        ("use_backend elsewhere if aws\n", True),
        ("acl lab src 10.9.0.0/16\ntcp-request content reject if lab\n", True),
        ("acl listed req.ssl_sni -f /etc/haproxy/gone.lst\ntcp-request content reject if !listed\n", None),
        ("tcp-request content do-resolve(txn.to,dns,ipv4) req.ssl_sni,lower if aws\n"
         "tcp-request content reject unless { var(txn.to) -m found }\n", True),
    ],
)  # fmt: skip
def test_haproxy(rules: str, answer: bool | None) -> None:
    assert READERS["haproxy"](_FRONT.format(rules) + _BACK).answers(NAME, 443) is answer


_ALLOW = {"policy": "allow", "protocol": "tcp", "srcCidr": "any", "destPort": "443", "destCidr": NAME}
_DENY = {**_ALLOW, "policy": "deny"}
_LAST = {**_ALLOW, "comment": "Default rule", "protocol": "any", "destPort": "Any", "destCidr": "Any"}


@pytest.mark.parametrize(
    ("rules", "answer"),
    [
        ([_ALLOW, _LAST], True),
        ([_LAST], False),
        ([_DENY, _ALLOW], False),
        ([{**_DENY, "destCidr": "Any", "destPort": "Any", "protocol": "any"}, _ALLOW], False),
        ([{**_DENY, "destCidr": "10.0.0.0/8"}, _ALLOW], True),
        ([{**_DENY, "srcCidr": "10.9.0.0/16"}, _ALLOW], True),
        ([{**_ALLOW, "protocol": "udp"}], False),
        ([{**_ALLOW, "destPort": "80,8000-8080"}], False),
    ],
)
def test_meraki(rules: list[dict[str, str]], answer: bool) -> None:
    assert READERS["meraki"](json.dumps({"rules": rules})).answers(NAME, 443) is answer


def _gcp(priority: int, action: str, target: str, more: str = "", ports: str = '"443"') -> str:
    return (
        f'resource "google_compute_network_firewall_policy_rule" "r{priority}" {{\n  priority = {priority}\n'
        f'  action = "{action}"\n  direction = "EGRESS"\n  {more}\n  match {{\n    {target}\n'
        f'    layer4_configs {{\n      ip_protocol = "tcp"\n      ports = [{ports}]\n    }}\n  }}\n}}\n'
    )


_TO = f'dest_fqdns = ["{NAME}"]'


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (_gcp(1000, "allow", _TO), True),
        (_gcp(1000, "allow", _TO) + _gcp(10, "deny", _TO), False),
        (_gcp(1000, "allow", _TO) + _gcp(2000, "deny", 'dest_ip_ranges = ["0.0.0.0/0"]'), True),
        (_gcp(1000, "allow", _TO) + _gcp(20, "deny", 'dest_ip_ranges = ["0.0.0.0/0"]'), False),
        (_gcp(1000, "allow", _TO) + _gcp(20, "deny", 'dest_ip_ranges = ["10.0.0.0/8"]'), True),
        (_gcp(1000, "allow", _TO, "disabled = true"), False),
        (_gcp(1000, "allow", _TO).replace("EGRESS", "INGRESS"), False),
        (_gcp(1000, "allow", _TO, ports='"80"'), False),
    ],
)
def test_gcp(text: str, answer: bool) -> None:
    assert READERS["gcp-firewall"](text).answers(NAME, 443) is answer


def _srx(policy: str, then: str, target: str = "ecs", application: str = "junos-https", source: str = "any") -> str:
    begun = f"set security policies from-zone trust to-zone untrust policy {policy}"
    return (
        f"{begun} match source-address {source}\n{begun} match destination-address {target}\n"
        f"{begun} match application {application}\n{begun} then {then}\n"
    )


@pytest.mark.parametrize(
    ("policies", "answer"),
    [
        (_srx("a", "permit"), True),
        (_srx("a", "permit", "aws"), True),
        (_srx("d", "deny") + _srx("a", "permit"), False),
        (_srx("d", "reject", "any", "any") + _srx("a", "permit"), False),
        (_srx("d", "deny", source="guests") + _srx("a", "permit"), True),
        (_srx("a", "permit", application="junos-http"), False),
        (_srx("a", "permit", application="tls"), True),
        (_srx("a", "permit", application="gone"), None),
        (_srx("a", "permit") + "deactivate security policies from-zone trust to-zone untrust policy a\n", False),
    ],
)  # fmt: skip
def test_srx(policies: str, answer: bool | None) -> None:
    names = (
        f"set security address-book global address ecs dns-name {NAME}\n"
        "set security address-book global address-set aws address ecs\n"
        "set applications application tls protocol tcp\nset applications application tls destination-port 443-444\n"
    )
    assert READERS["juniper-srx"](names + policies).answers(NAME, 443) is answer
