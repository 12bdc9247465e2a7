"""This host's own settings, read as a stub resolver reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.errors import UnreadableFileError, UsageError
from netprobe.probes import system
from netprobe.vantage import Resolver
from tests.support import probe_servers


@pytest.mark.parametrize(
    ("text", "resolver"),
    [
        ("192.0.2.1", Resolver(address="192.0.2.1")),
        ("192.0.2.1:5353", Resolver(address="192.0.2.1", port=5353)),
        ("2001:db8::1", Resolver(address="2001:db8::1")),
        ("[2001:db8::1]", Resolver(address="2001:db8::1")),
        ("[2001:DB8::1]:53", Resolver(address="2001:db8::1", port=53)),
        ("fe80::1%eth0", Resolver(address="fe80::1%eth0")),
    ],
)
def test_resolvers(text: str, resolver: Resolver) -> None:
    assert system.parse_resolver(text) == resolver


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dns.example",
        "192.0.2.1:",
        "192.0.2.1:0",
        "192.0.2.1:65536",
        "192.0.2.1:x",
        "[2001:db8::1",
        "[::1]x",
        "[::1]:",
        "1.2.3",
        "192.0.2.1:٣",
        "192.0.2.1 192.0.2.2",
    ],
)
def test_what_is_no_resolver(text: str) -> None:
    with pytest.raises(UsageError):
        system.parse_resolver(text)


@settings(max_examples=60)
@given(st.text(max_size=40))
def test_a_resolver_is_read_or_refused(text: str) -> None:
    try:
        resolver = system.parse_resolver(text)
    except UsageError:
        return
    assert 0 < resolver.port < 65536


def test_a_proxy_never_shows_its_password() -> None:
    proxy = system.parse_proxy("http://user:sesame@proxy.example:3128")
    assert (proxy.host, proxy.port, proxy.password, proxy.source) == ("proxy.example", 3128, "sesame", "--proxy")
    assert "sesame" not in repr(proxy) + proxy.safe
    with pytest.raises(UsageError) as refused:
        system.parse_proxy("ftp://user:sesame@proxy.example")
    assert "sesame" not in str(refused.value)


def test_resolv_conf_as_glibc_reads_it() -> None:
    found = system.parse_resolv_conf(
        "# made by hand\n; so is this\nnameserver 192.0.2.1\nnameserver nonsense\n nameserver 192.0.2.9\n"
        "nameserver fe80::1%eth0\nsearch a.example B.Example.\ndomain c.example\noptions ndots:2 trust-ad\n"
        "nameserver 192.0.2.3\nnameserver 192.0.2.4\n"
    )
    assert [r.address for r in found.resolvers] == ["192.0.2.1", "192.0.2.9", "fe80::1%eth0"]
    assert found.search == ("c.example",)
    assert not any(r.tcp for r in found.resolvers)


def test_use_vc_means_tcp() -> None:
    assert system.parse_resolv_conf("nameserver 192.0.2.1\noptions use-vc\n").resolvers[0].tcp


@pytest.mark.parametrize("text", ["", "# nothing\n", "nameserver\n", "nameserver not-an-address\n"])
def test_no_server_means_the_local_host(text: str, tmp_path: Path) -> None:
    assert system.parse_resolv_conf(text).resolvers == (Resolver(address="127.0.0.1"),)
    assert system.read_resolv_conf(tmp_path / "missing").resolvers == (Resolver(address="127.0.0.1"),)


def test_an_unreadable_resolv_conf_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError):
        system.read_resolv_conf(tmp_path)


LOOPBACK = "00000000000000000000000000000001 01 80 10 80 lo\n"
LINK_LOCAL = "fe800000000000000000000000000001 02 40 20 80 eth0\n"
GLOBAL = "20010db8000000000000000000000001 02 40 00 80 eth0\n"
HEADING = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
DEFAULT = "eth0\t00000000\t010012C6\t0003\t0\t0\t0\t00000000\n"
BRIDGE = "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\n"
NOWHERE = f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32}"
DEFAULT_6 = f"{'0' * 32} 00 {'0' * 32} 00 fe80{'0' * 27}1 00000400 00000001 00000000 00000003 eth0\n"
UNREACHABLE_6 = f"{NOWHERE} ffffffff 00000001 00000000 00200200 lo\n"
REJECTED_6 = f"{NOWHERE} 00000400 00000001 00000000 00000201 eth0\n"


@pytest.mark.parametrize(
    ("addresses", "route", "ipv6_route", "families"),
    [
        (None, HEADING + DEFAULT, None, (4,)),
        (LOOPBACK, HEADING + DEFAULT, UNREACHABLE_6, (4,)),
        (LINK_LOCAL, HEADING, DEFAULT_6, (4,)),
        (LOOPBACK + GLOBAL, HEADING + DEFAULT, DEFAULT_6, (4, 6)),
        (LOOPBACK + GLOBAL, HEADING + BRIDGE, UNREACHABLE_6, (4, 6)),
        (LOOPBACK + GLOBAL, HEADING + BRIDGE, REJECTED_6, (4, 6)),
        (LOOPBACK + GLOBAL, HEADING + BRIDGE, DEFAULT_6, (6,)),
        (LOOPBACK + GLOBAL, None, DEFAULT_6, (6,)),
    ],
)
def test_a_host_without_a_family_has_no_broken_one(
    addresses: str | None, route: str | None, ipv6_route: str | None, families: tuple[int, ...], tmp_path: Path
) -> None:
    for name, text in (("if_inet6", addresses), ("route", route), ("ipv6_route", ipv6_route)):
        if text is not None:
            (tmp_path / name).write_text(text)
    assert system.host_families(tmp_path) == families


def test_the_host_vantage(tmp_path: Path) -> None:
    ca = probe_servers.pem(trustme.CA(), tmp_path / "ca.pem")
    vantage = system.host_vantage(
        resolvers=["192.0.2.1:5353"], proxy="http://u:sesame@proxy:3128", ca_file=ca, origin_ca=ca, families=(6,)
    )
    assert vantage.resolvers == (Resolver(address="192.0.2.1", port=5353),)
    assert vantage.families == (6,)
    assert vantage.store.ca_file == ca
    server = vantage.proxy_for("ecs.us-east-2.amazonaws.com", 443)
    assert server is not None
    assert server.host == "proxy"
    assert vantage.record.proxy == "http://proxy:3128"
    assert vantage.record.sources == {"resolvers": "--resolver", "store": "--ca-file", "proxy": "--proxy"}
    assert "sesame" not in repr(vantage)


def test_the_environments_proxy_and_its_exceptions() -> None:
    environ = {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": ".us-east-2.amazonaws.com"}
    vantage = system.host_vantage(resolvers=["192.0.2.1"], environ=environ)
    assert vantage.proxy_for("ecs.us-east-1.amazonaws.com", 443) is not None
    assert vantage.proxy_for("ecs.us-east-2.amazonaws.com", 443) is None
    assert vantage.record.no_proxy == (".us-east-2.amazonaws.com",)
    direct = system.host_vantage(resolvers=["192.0.2.1"], environ=environ, no_proxy=True)
    assert direct.proxy_for("ecs.us-east-1.amazonaws.com", 443) is None


@pytest.mark.parametrize(
    "content", [None, b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_trust_store_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    for option in ("ca_file", "origin_ca"):
        with pytest.raises(UnreadableFileError):
            system.host_vantage(resolvers=["192.0.2.1"], **{option: path})  # type: ignore[arg-type]
