"""Reading existing configurations back: what they lack, and what nobody needs."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from netprobe.cli.main import run
from netprobe.errors import UnreadableFileError, UsageError
from netprobe.render import Options, compare, readers, render
from netprobe.render.model import Addresses
from tests.support.bounded import within
from tests.support.render_cases import CASES, ORIGIN, ecs

ENDPOINTS = ecs("us-east-2")


def _found(target: str, text: str, options: Options = Options()) -> compare.Comparison:  # noqa: B008 - frozen
    return compare.compare(readers.READERS[target](text), ENDPOINTS, options)


@pytest.mark.parametrize("target", ["squid", "panos", "iptables", "nftables"])
def test_what_we_write_lacks_nothing_and_has_nothing_to_spare(target: str) -> None:
    case = CASES["strict"]
    # PAN-OS lists the numbered names unless it may widen, and a list is never all that the pattern stands for.
    options = msgspec.structs.replace(case.options, allow_widening=target == "panos")
    made = render(target, case.endpoints, origin=ORIGIN, options=options)
    text = "\n".join(made.files.values()) if target == "iptables" else made.main
    found = compare.compare(readers.READERS[target](text), case.endpoints, case.options)
    assert found.missing == ()
    assert found.spare == ()


def test_squid_told_what_is_missing_and_what_is_spare() -> None:
    found = _found(
        "squid",
        "acl aws dstdomain ecs.us-east-2.amazonaws.com .dkr.ecr.us-east-2.amazonaws.com\n"
        "acl aws dstdomain old.example.com\n"
        r"acl num dstdom_regex -i ^ecs-a-[0-9]+\.us-east-2\.amazonaws\.com$"
        "\n"
        "acl unused dstdomain prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com\n"
        "http_access allow CONNECT aws\nhttp_access allow num\nhttp_access deny all\n",
    )
    assert [e.id for e in found.missing] == ["ecs-a-unnumbered", "ecs-t", "ecr-layers"]
    assert [rule.line for rule in found.spare] == [2]


def test_an_escaped_dot_stays_one() -> None:
    text = r"acl a dstdom_regex -i ^ecs\.us-east-2\.amazonaws\.com$" "\nhttp_access allow a\n"
    configuration = readers.READERS["squid"](text)
    assert configuration.admits("ecs.us-east-2.amazonaws.com", 443)
    assert not configuration.admits("ecsxus-east-2.amazonaws.com", 443)


def test_an_enumeration_is_told_as_too_short() -> None:
    found = _found("hosts", "ecs-a-1.us-east-2.amazonaws.com\necs-a-2.us-east-2.amazonaws.com\n")
    assert "ecs-a" in [e.id for e in found.missing]


def test_ports_count() -> None:
    rules = "acl n dstdomain .us-east-2.amazonaws.com\nacl p port {}\nhttp_access allow p n\n"
    assert _found("squid", rules.format(443)).missing == ()
    assert len(_found("squid", rules.format(8443)).missing) == len(ENDPOINTS)


def test_panos_tokens() -> None:
    found = _found(
        "panos",
        'set profiles custom-url-category x type "URL List"\n'
        "set profiles custom-url-category x list [ ^.us-east-2.amazonaws.com/ *.s3.us-east-2.amazonaws.com/ ]\n"
        "set profiles custom-url-category x list ecs-a-*.us-east-2.amazonaws.com/\n",
    )
    assert [e.id for e in found.missing] == ["ecr-registry"]
    assert any("ecs-a-*" in entry for entry in found.dead)


def test_addresses_need_addresses() -> None:
    text = "table inet x { chain y { ip daddr 192.0.2.0/24 tcp dport 443 accept } }\n"
    with pytest.raises(UsageError, match="give the addresses"):
        _found("nftables", text)
    here = Options(addresses=Addresses(how="x", by_region={"us-east-2": ("192.0.2.0/25", "203.0.113.0/24")}))
    assert len(_found("nftables", text, here).missing) == len(ENDPOINTS)
    here = Options(addresses=Addresses(how="x", by_region={"us-east-2": ("192.0.2.0/25",)}))
    assert _found("nftables", text, here).missing == ()


def test_half_a_network_is_not_the_network() -> None:
    """Its first address alone would have been admitted."""
    here = Options(addresses=Addresses(how="x", by_region={"us-east-2": ("192.0.2.0/24",)}))
    for part, missing in (("192.0.2.0/24", 0), ("192.0.2.0/25", len(ENDPOINTS)), ("192.0.2.128/25", len(ENDPOINTS))):
        text = f"-A OUTPUT -d {part} -p tcp -m tcp --dport 443 -j ACCEPT\n"
        assert len(_found("iptables", text, here).missing) == missing


def test_networks_that_are_missing_are_named_one_by_one() -> None:
    published = ("192.0.2.0/25", "198.51.100.0/24", "2001:db8:7::/48")
    here = Options(addresses=Addresses(how="x", by_region={"us-east-2": published}))
    text = "-A OUTPUT -d 192.0.2.0/24 -p tcp -m tcp --dport 443 -j ACCEPT\n"
    found = _found("iptables", text, here)
    assert found.gaps == (("us-east-2", "198.51.100.0/24", 443), ("us-east-2", "2001:db8:7::/48", 443))
    said = compare.lines(found)
    assert "networks not admitted: 2" in said
    assert "  198.51.100.0/24, port 443 (us-east-2)" in said
    by_host = {"ecs.us-east-2.amazonaws.com": ("192.0.2.1", "203.0.113.9")}
    found = _found("iptables", text, Options(addresses=Addresses(how="x", by_host=by_host)))
    assert found.gaps == (("ecs.us-east-2.amazonaws.com", "203.0.113.9", 443),)
    assert _found("squid", "acl a dstdomain .x.example\nhttp_access allow a\n").gaps == ()


def test_a_change_request_is_read_as_a_workbook_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A spreadsheet is what such a request comes back as."""
    path = tmp_path / "request.xlsx"
    asked = ["-r", "us-east-2", "--account", "123456789012"]
    assert run(["render", "xlsx", *asked, "-o", str(path)]) == 0
    assert run(["render", "csv", *asked, "--compare", str(path)]) == 0
    assert "not admitted: nothing\nadmitted: 13 of 13 endpoints" in capsys.readouterr().out
    assert run(["render", "csv", "-r", "eu-west-1", "--compare", str(path)]) == 1
    assert run(["render", "squid", *asked, "--compare", str(path)]) == 2
    assert "no workbook" in capsys.readouterr().err
    path.write_bytes(b"PK\x03\x04 no archive")
    assert run(["render", "csv", *asked, "--compare", str(path)]) == 2


@pytest.mark.parametrize("text", ["", "#!/bin/sh\nipset restore <<X\n", "\xff\x00"])
def test_a_file_without_a_single_rule_is_told(text: str) -> None:
    (note,) = _found("squid", text).notes
    assert "is this the configuration of that device?" in note
    assert _found("squid", "acl a dstdomain x.example.com\nhttp_access allow a\n").notes == ()


def test_iptables_save() -> None:
    here = Options(addresses=Addresses(how="x", by_region={"us-east-2": ("192.0.2.0/25",)}))
    text = "-A OUTPUT -d 192.0.2.0/24 -p tcp -m tcp --dport 443 -j ACCEPT\n-A OUTPUT -d 10.0.0.0/8 -j ACCEPT\n"
    found = _found("iptables", text, here)
    assert (found.missing, [rule.line for rule in found.spare]) == ((), [2])


@pytest.mark.parametrize("expression", ["(a+)+$", "(.*)*x", "a{1,9999}", ".*.*.*.*.*x", "(?:a|a)*b", "x" * 400])
def test_expressions_that_could_run_for_hours_are_not_tried(expression: str) -> None:
    began = time.monotonic()
    found = _found("squid", f"acl a dstdom_regex {expression}\nhttp_access allow a\n")
    assert len(found.notes) == 1
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("target", sorted(readers.READERS))
@pytest.mark.parametrize("junk", ["", "\x00\xff", "set " * 5000, "acl\nacl a\nhttp_access allow", "{" * 5000, "'"])
def test_junk_is_read_without_harm(target: str, junk: str) -> None:
    configuration = readers.READERS[target](junk)
    assert not configuration.admits("192.0.2.1" if configuration.by_address else "a.example.com", 443)


def test_words(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("*.us-east-2.amazonaws.com\nold.example.com\x1b[31m\n", encoding="utf-8")
    said = compare.lines(compare.compare(compare.read(path, "hosts"), ENDPOINTS, Options()))
    assert said[0] == "not admitted: nothing"
    assert all("\x1b" not in line for line in said)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="squid"):
        compare.read(tmp_path, "no-such-target")
    with pytest.raises(UnreadableFileError):
        compare.read(tmp_path / "none", "squid")


BOTH = "-A OUTPUT -p tcp{} -d 0.0.0.0/0 -j ACCEPT\n-A OUTPUT -p tcp{} -d ::/0 -j ACCEPT\n"


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("squid", "acl a dstdomain .amazonaws.com\nhttp_access deny all\nhttp_access allow a\n"),
        ("squid", "http_access allow localhost\nhttp_access deny all\n"),
        ("iptables", BOTH.format("", "").replace("tcp", "udp")),
        ("iptables", BOTH.format("", "").replace("OUTPUT", "INPUT")),
        ("iptables", "-A OUTPUT -p tcp --dport 443 -j REJECT\n" + BOTH.format(" --dport 443", " --dport 443")),
        ("iptables", "-A OUTPUT -j DROP\n" + BOTH.format("", "")),
        ("iptables", "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"),
        ("iptables", "-A OUTPUT -o lo -j ACCEPT\n"),
        ("nftables", "udp dport 443 ip daddr 0.0.0.0/0 accept\nudp dport 443 ip6 daddr ::/0 accept\n"),
        ("nftables", "chain in {\ntype filter hook input priority 0; policy drop;\ntcp dport 443 accept\n}\n"),
        ("nftables", "chain out {\ntcp dport 443 drop\ntcp dport 443 accept\n}\n"),
        ("nftables", "ct state established,related accept\n"),
        (
            "panos",
            "set profiles custom-url-category bad list *.amazonaws.com/\n"
            "set rulebase security rules no category bad action deny\n",
        ),
    ],
)
def test_what_only_looks_like_admitting_does_not(target: str, text: str) -> None:
    """A comparison that says nothing is missing, where everything is denied, is worse than none."""
    found = _found(target, text, CASES["strict"].options)
    assert {e.id for e in found.missing} == {e.id for e in ENDPOINTS}


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("squid", "acl lan src 10.0.0.0/8\nhttp_access allow CONNECT lan\nhttp_access deny all\n"),
        ("iptables", "-A OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT\n-A OUTPUT -j DROP\n"),
        ("iptables", "*filter\n-A OUTPUT -j DROP\nCOMMIT\n*filter\n-A OUTPUT -j ACCEPT\nCOMMIT\n"),
        ("nftables", "chain out {\ntype filter hook output priority 0; policy drop;\ntcp dport 443 accept\n}\n"),
        (
            "panos",
            "set profiles custom-url-category ours list *.us-east-2.amazonaws.com/\n"
            "set rulebase security rules yes category ours action allow\n"
            "set rulebase security rules no category [ ours other ] action deny\n",
        ),
    ],
)
def test_what_admits_every_name_admits_ours(target: str, text: str) -> None:
    assert _found(target, text, CASES["strict"].options).missing == ()


def test_what_no_rule_refuses_is_told_and_not_counted() -> None:
    found = _found("iptables", "*filter\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n", CASES["strict"].options)
    assert len(found.missing) == len(ENDPOINTS)
    assert "OUTPUT lets out what no rule refuses" in found.notes[0]
    found = _found("squid", "acl a dstdomain .x.example\nhttp_access deny a\nhttp_access allow all\n")
    assert [note for note in found.notes if "denies a first" in note]


def test_a_list_of_names_and_networks_is_judged_by_its_names() -> None:
    found = _found("hosts", "10.0.0.0/8\n*.us-east-2.amazonaws.com\nold.example.com\n192.0.2.1\n")
    assert (found.missing, [rule.line for rule in found.spare]) == ((), [3])
    assert found.notes == ("networks that stand among names are not judged: 2, the first in line 1",)


def test_a_network_admits_no_name() -> None:
    """A configuration of names may hold networks, and its rules are then asked about names."""
    admits, unread = readers.base.in_networks(["10.0.0.0/8", "2001:db8::/32", "10.1.0.0/16", "x"])
    assert unread == 1
    assert admits("10.255.255.255")
    assert admits("2001:db8::1")
    assert not admits("11.0.0.0")
    assert not admits("2001:db9::")
    assert not admits("ecs.us-east-2.amazonaws.com")


def test_ports_are_runs() -> None:
    ports = readers.base.ports_of("440:445,444-450, 99999 {80}")
    assert ports.spans == ((80, 80), (440, 450))
    assert 446 in ports
    assert 451 not in ports
    assert readers.base.ports_of("https").spans == ()


SET = "set a {{ type ipv4_addr;\nelements = {{ {} }}\n}}\nchain c {{\nip daddr @a tcp dport 443 accept\n}}\n"


def test_the_elements_of_a_set_are_read() -> None:
    here = Options(addresses=Addresses(how="x", by_region={"us-east-2": ("192.0.2.0/25",)}))
    assert _found("nftables", SET.format("192.0.2.0/25,\n198.51.100.0/24"), here).missing == ()
    assert len(_found("nftables", SET.format("198.51.100.0/24"), here).missing) == len(ENDPOINTS)


EXPENSIVE = {
    "ports": ("iptables", "-A OUTPUT -p tcp -m multiport --dports " + ",".join(["0:99999"] * 200_000) + " -j ACCEPT\n"),
    "many ranges": ("iptables", "-A OUTPUT -p tcp --dport 0:65535 -j ACCEPT\n" * 30_000),
    "denied ranges": ("iptables", "-A OUTPUT -p tcp --dport 0:65534 -j DROP\n" * 30_000),
    "a long word": ("iptables", "-A OUTPUT -j ACCEPT -d " + "1" * 4_000_000 + "\n"),
    "sets in sets": ("nftables", "set a {elements={" * 60_000),
    "elements": ("nftables", SET.format("192.0.2.1, " * 200_000)),
    "values of one line": ("squid", "acl a dstdomain " + "a.example.com " * 60_000 + "\nhttp_access allow a\n"),
    "entries of one line": ("panos", "set x custom-url-category y list [ " + "a.example.com/ " * 60_000 + "]\n"),
    "rules that never end": ("firewalld", "<rule><accept/>" * 200_000),
    "files that never end": ("firewalld", "<!-- file a.xml -->\n<ipset><entry>1" * 100_000),
    "lists that never end": ("route53-dns-firewall", 'resource "a_domain_list" "b" {\ndomains = [\n' * 100_000),
    "names of one list": ("coredns", ". {\nexpr " + "name() in [" * 200_000 + "\nforward .\n}\n"),
    "views": ("coredns", ". {\n" + "expr name() in ['a.']\n" * 20_000 + "forward . x\n" * 20_000 + "}\n"),
    "keywords": ("windows-firewall", "New-NetFirewallDynamicKeywordAddress -Id 'x' " * 100_000),
    "rules of one line": ("windows-firewall", "New-NetFirewallRule -Action Allow " * 100_000),
    "open rules": ("azure-firewall", "rule {\ndestination_fqdns = [\n" * 100_000),
    "levels": ("envoy", "{a: " * 100_000),
    "brackets": ("nsx", "[" * 1_000_000),
    "quotes": ("checkpoint", "network 'a' subnet 'b" * 100_000),
    "networks and names": ("hosts", "10.0.0.0/8\nx.example.com\n" * 30_000),
}


@pytest.mark.parametrize("kind", EXPENSIVE)
def test_what_is_read_is_read_in_linear_time(kind: str) -> None:
    target, text = EXPENSIVE[kind]
    with within(cpu_seconds=15):
        readers.READERS[target](text)


@pytest.mark.parametrize("text", ["-A\n", "-I\n", "-A OUTPUT\n", "-A OUTPUT -d\n", "-A -j ACCEPT\n", "add\n"])
def test_half_a_rule_admits_nothing(text: str) -> None:
    assert not readers.READERS["iptables"](text).admits("192.0.2.1", 443)


@pytest.mark.parametrize("known", [{}, {"us-east-2": ()}])
def test_an_endpoint_whose_addresses_nobody_knows_is_not_admitted(known: dict[str, tuple[str, ...]]) -> None:
    """There is nothing of it that the rules could be asked about, which is no yes."""
    options = Options(addresses=Addresses(how="a test", by_region=known))
    found = _found("iptables", "-A OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT\n-A OUTPUT -j DROP\n", options)
    assert (found.admitted, len(found.missing)) == ((), len(ENDPOINTS))


@pytest.mark.parametrize("half", ["198.51.100.0/25", "198.51.100.128/25"])
def test_a_network_that_is_admitted_by_half_is_a_gap(half: str) -> None:
    options = Options(addresses=Addresses(how="a test", by_region={"us-east-2": ("198.51.100.0/24",)}))
    rules = f"-A OUTPUT -d {half} -p tcp -m tcp --dport 443 -j ACCEPT\n-A OUTPUT -j DROP\n"
    assert _found("iptables", rules, options).gaps == (("us-east-2", "198.51.100.0/24", 443),)
    whole = rules.replace(half, "198.51.100.0/24")
    assert _found("iptables", whole, options).gaps == ()


@pytest.mark.parametrize(("port", "wide"), [(443, True), (25, False)])
def test_a_rule_is_too_wide_on_the_ports_that_are_needed(port: int, wide: bool) -> None:
    """What the site lets out by mail is none of our business."""
    options = Options(addresses=Addresses(how="a test", by_region={"us-east-2": ("198.51.100.0/24",)}))
    rules = f"-A OUTPUT -p tcp -m tcp --dport {port} -j ACCEPT\n-A OUTPUT -j DROP\n"
    assert [much for _, much in _found("iptables", rules, options).wide] == ["every destination on port 443"] * wide
