"""What stands first decides: rules that only look like admitting, and those of which it cannot be told.

The engines themselves are asked in ``tests/engines/test_compare_true.py``; here is what has to do with the file.
"""

from __future__ import annotations

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
