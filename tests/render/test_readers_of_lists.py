"""Readers for ``--compare`` of lists that people write by hand: what they take, and what they tell."""

from __future__ import annotations

import pytest

from netprobe.errors import UnreadableFileError
from netprobe.render.readers import READERS, Configuration
from netprobe.render.readers.domain_lists import dnsmasq_sets, route53, smokescreen, vyos

NAME = "ecs.us-east-2.amazonaws.com"
BUCKET = "bucket.s3.us-east-2.amazonaws.com"


def _read(target: str, text: str) -> Configuration:
    return READERS[target](text)


@pytest.mark.parametrize(
    ("target", "text", "admitted", "refused"),
    [
        (
            "cisco-iosxe",
            "object-group fqdn AWS\n pattern ^ecs(-[at]-[0-9]+)?\\.us-east-2\\.amazonaws\\.com$\n!\n"
            "ip access-list extended OUT\n 10 permit tcp any fqdn-group AWS eq 443\n 20 deny ip any any\n",
            [NAME, "ecs-a-7.us-east-2.amazonaws.com"],
            [BUCKET, f"{NAME}.evil.test"],
        ),
        (
            "bluecoat-cpl",
            "; the site's own\ndefine condition AWS\n  url.host=ecs.us-east-2.amazonaws.com\n"
            '  url.host.regex="^ecs-a-[0-9]+\\.us-east-2\\.amazonaws\\.com$" ; numbered\n'
            "  url.domain=dkr.ecr.us-east-2.amazonaws.com\nend\n"
            "<Proxy>\n  ALLOW condition=AWS url.port=443 client.address=192.0.2.0/24\n",
            [NAME, "ecs-a-7.us-east-2.amazonaws.com", "1.dkr.ecr.us-east-2.amazonaws.com"],
            [BUCKET, "ecs-a-x.us-east-2.amazonaws.com"],
        ),
        ("skyhigh", "ecs*.us-east-2.amazonaws.com\n", [NAME, "ecs-a-7.us-east-2.amazonaws.com"], [BUCKET]),
        (
            "netskope",
            '[{"id": 1, "name": "AWS", "data": {"type": "exact", "urls": ["https://ecs.us-east-2.amazonaws.com/x",'
            '"*.dkr.ecr.us-east-2.amazonaws.com"]}}]',
            [NAME, "1.dkr.ecr.us-east-2.amazonaws.com"],
            [BUCKET],
        ),
        (
            "umbrella",
            '{"data": [{"id": "1", "destination": "ecs.us-east-2.amazonaws.com", "type": "domain"},'
            '{"id": "2", "destination": "192.0.2.1", "type": "ipv4"}]}',
            [NAME, f"sub.{NAME}"],
            [BUCKET],
        ),
        (
            "dnsmasq-nftset",
            "nftset=/ecs.us-east-2.amazonaws.com/4#inet#filter#aws\n"
            "add rule inet filter forward ip daddr @aws tcp dport { 443, 8443 } counter accept\n",
            [NAME, f"sub.{NAME}"],
            [BUCKET],
        ),
        (
            "dnsmasq-ipset",
            "ipset=/ecs.us-east-2.amazonaws.com/aws\n"
            "-A F -p tcp -m tcp --dport 443 -m set --match-set aws dst -j ACCEPT\n",
            [NAME],
            [BUCKET],
        ),
        (
            "vyos",
            "set firewall group domain-group AWS address 'ecs.us-east-2.amazonaws.com'\n"
            "set firewall ipv4 forward filter rule 20 action 'accept'\n"
            "set firewall ipv4 forward filter rule 20 protocol 'tcp'\n"
            "set firewall ipv4 forward filter rule 20 destination port '443'\n"
            "set firewall ipv4 forward filter rule 20 destination group domain-group 'AWS'\n",
            [NAME],
            [BUCKET, f"sub.{NAME}"],
        ),
        (
            "smokescreen",
            "version: v1\nservices:\n- name: a\n  project: p\n  action: enforce\n"
            "  allowed_domains: [ecs.us-east-2.amazonaws.com]\n"
            "global_allow_list: ['*.dkr.ecr.us-east-2.amazonaws.com']\n",
            [NAME, "1.dkr.ecr.us-east-2.amazonaws.com"],
            [BUCKET, "dkr.ecr.us-east-2.amazonaws.com"],
        ),
        (
            "route53-dns-firewall",
            '{"Operation": "ADD", "Domains": ["ecs.us-east-2.amazonaws.com", "*.dkr.ecr.us-east-2.amazonaws.com"]}',
            [NAME, "1.dkr.ecr.us-east-2.amazonaws.com"],
            [BUCKET],
        ),
    ],
)
def test_what_people_write_is_read(target: str, text: str, admitted: list[str], refused: list[str]) -> None:
    found = _read(target, text)
    assert not found.unread, found.unread
    assert {name: found.admits(name, 443) for name in (*admitted, *refused)} == {
        **dict.fromkeys(admitted, True),
        **dict.fromkeys(refused, False),
    }


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (
            "cisco-iosxe",
            "object-group fqdn A\n pattern ^ecs\nip access-list extended X\n 1 permit tcp any fqdn-group A eq 80\n",
        ),
        ("bluecoat-cpl", "<Proxy>\n  ALLOW url.port=80 url.host=ecs.us-east-2.amazonaws.com\n"),
        (
            "vyos",
            "set firewall group domain-group A address ecs.us-east-2.amazonaws.com\n"
            "set firewall ipv4 name X rule 1 action accept\nset firewall ipv4 name X rule 1 destination port 80\n"
            "set firewall ipv4 name X rule 1 destination group domain-group A\n",
        ),
        (
            "dnsmasq-nftset",
            "nftset=/ecs.us-east-2.amazonaws.com/4#ip#f#s\nadd rule ip f c ip daddr @s tcp dport 80 accept\n",
        ),
    ],
)
def test_a_rule_counts_on_its_own_port_alone(target: str, text: str) -> None:
    found = _read(target, text)
    assert found.admits(NAME, 80)
    assert not found.admits(NAME, 443)


@pytest.mark.parametrize(
    ("target", "text", "word", "instead"),
    [
        (
            "cisco-iosxe",
            "object-group fqdn A\n pattern ^ecs\nip access-list extended X\n 1 deny tcp any fqdn-group A eq 443\n",
            "deny",
            "permit",
        ),
        ("bluecoat-cpl", "<Proxy>\n  DENY url.host=ecs.us-east-2.amazonaws.com\n", "DENY", "ALLOW"),
        ("bluecoat-cpl", "<Cache>\n  ALLOW url.host=ecs.us-east-2.amazonaws.com\n", "Cache", "Proxy"),
        (
            "vyos",
            "set firewall group domain-group A address ecs.us-east-2.amazonaws.com\n"
            "set firewall ipv4 name X rule 1 action drop\n"
            "set firewall ipv4 name X rule 1 destination group domain-group A\n",
            "drop",
            "accept",
        ),
        (
            "route53-dns-firewall",
            'resource "aws_route53_resolver_firewall_domain_list" "a" {\n'
            '  domains = ["ecs.us-east-2.amazonaws.com"]\n}\n'
            'resource "aws_route53_resolver_firewall_rule" "a" {\n  action = "BLOCK"\n'
            "  firewall_domain_list_id = aws_route53_resolver_firewall_domain_list.a.id\n}\n",
            "BLOCK",
            "ALLOW",
        ),
    ],
)
def test_what_denies_admits_nothing(target: str, text: str, word: str, instead: str) -> None:
    """It is that one word alone that makes the difference."""
    assert not _read(target, text).admits(NAME, 443)
    assert _read(target, text.replace(word, instead)).admits(NAME, 443)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("bluecoat-cpl", "<Proxy>\n[url.domain]\n  amazonaws.com ALLOW\n"),
        ("bluecoat-cpl", '<Proxy>\n  ALLOW category="Technology/Internet"\n'),
        ("bluecoat-cpl", "<Proxy>\n  ALLOW condition=elsewhere\n"),
        (
            "cisco-iosxe",
            "object-group fqdn A\n pattern (a+)+$\nip access-list extended X\n 1 permit ip any fqdn-group A\n",
        ),
        ("skyhigh", "regex((a+)+$)\n"),
        ("skyhigh", "regex((?<!x)ecs.us-east-2.amazonaws.com)\n"),
        ("netskope", '{"data": {"type": "exact", "urls": ["www.*.example.com"]}'),
        ("umbrella", '[{"destination": "-not a name-"}]'),
        ("smokescreen", "a: &x [1]\nb: *x\n"),
    ],
)
def test_what_cannot_be_read_is_told_and_never_taken_for_a_refusal(target: str, text: str) -> None:
    assert _read(target, text).unread


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("bluecoat-cpl", "<Proxy>\n  ALLOW client.address=192.0.2.0/24\n"),
        ("smokescreen", "default: {name: d, project: p, action: report}\n"),
        ("dnsmasq-nftset", "nftset=/#/4#inet#filter#s\n"),
        ("route53-dns-firewall", '{"Domains": ["*"]}'),
    ],
)
def test_what_admits_everything_is_seen(target: str, text: str) -> None:
    assert _read(target, text).admits("np-witness.example", 443)


@pytest.mark.parametrize(
    "read", [dnsmasq_sets, vyos, smokescreen, route53, READERS["netskope"], READERS["bluecoat-cpl"]]
)
def test_hostile_text_ends(read: object) -> None:
    """Deep, long and odd input costs little and raises nothing but the reader's own words."""
    assert callable(read)
    for text in (
        "[" * 100_000,
        "{" * 5_000,
        '"Domains": [' * 5_000,
        "nftset=/" + "a/" * 50_000 + "s\n",
        "define condition\n" * 1000,
        "set firewall rule\n" * 1000,
        '<Proxy>\nALLOW "\n',
        "\x00\n",
    ):
        try:
            assert isinstance(read(text), Configuration)
        except UnreadableFileError:
            continue
