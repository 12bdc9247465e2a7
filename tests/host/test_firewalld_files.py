"""Firewalld's files as they are found: who replaces whom, services within services, and what is no such file."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.host.filesystem import FolderRoot
from netprobe.host.firewall import firewalldfiles
from tests.support import rootfs

LIB, ETC = "usr/lib/firewalld", "etc/firewalld"


def test_an_administrators_file_replaces_the_one_that_is_shipped(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        f"{LIB}/zones/public.xml": "<zone/>",
        f"{LIB}/zones/trusted.xml": '<zone target="ACCEPT"/>',
        f"{ETC}/zones/public.xml": '<zone target="DROP"/>',
    }
    with FolderRoot(rootfs.make(tmp_path / "r", files)) as root:
        found = {zone.name: (zone.file, zone.target) for zone in firewalldfiles.zones(root)}
    assert found == {
        "public": ("/etc/firewalld/zones/public.xml", "DROP"),
        "trusted": ("/usr/lib/firewalld/zones/trusted.xml", "ACCEPT"),
    }


def test_policies_are_asked_by_priority(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        f"{ETC}/policies/{name}.xml": f"<policy{more}/>"
        for name, more in (("a", ""), ("b", ' priority="-20"'), ("c", ' priority="5"'), ("d", ' priority="9999999"'))
    }
    with FolderRoot(rootfs.make(tmp_path / "r", files)) as root:
        assert [one.name for one in firewalldfiles.policies(root)] == ["b", "a", "d", "c"]


@pytest.mark.parametrize(
    ("service", "ports"),
    [
        ("site", {("443", "tcp"), ("53", "tcp"), ("53", "udp")}),
        ("round", {("1", "tcp"), ("2", "udp")}),
        ("bomb", set()),
        ("broken", set()),
        ("nobody", set()),
        ("https", {("443", "tcp")}),
        ("../zones/public", set()),
        ("", set()),
    ],
)
def test_services_hold_the_ports_of_those_they_include(tmp_path: Path, service: str, ports: set[object]) -> None:
    files: dict[str, str | bytes] = {
        f"{ETC}/services/site.xml": '<service><include service="dns"/><port port="443" protocol="tcp"/></service>',
        f"{LIB}/services/round.xml": '<service><include service="trip"/><port port="1" protocol="tcp"/></service>',
        f"{LIB}/services/trip.xml": '<service><include service="round"/><port port="2" protocol="udp"/></service>',
        f"{ETC}/services/bomb.xml": '<!DOCTYPE s [<!ENTITY a "b">]><service><port port="9" protocol="tcp"/></service>',
        f"{ETC}/services/broken.xml": "<service",
        f"{ETC}/zones/public.xml": '<zone><port port="7" protocol="tcp"/></zone>',
    }
    with FolderRoot(rootfs.make(tmp_path / "r", files)) as root:
        assert set(firewalldfiles.service_ports(root, service)) == ports


def test_direct_rules_come_by_priority_and_family(tmp_path: Path) -> None:
    text = """<direct>
      <rule ipv="ipv4" table="filter" chain="OUTPUT" priority="2">-j DROP</rule>
      <rule ipv="ipv6" table="filter" chain="OUTPUT" priority="0">-j REJECT</rule>
      <rule ipv="ipv4" table="nat" chain="OUTPUT" priority="0">-j RETURN</rule>
      <rule ipv="ipv4" table="filter" chain="OUTPUT" priority="1">-j ACCEPT</rule>
      <passthrough ipv="ipv4">-t filter -I OUTPUT 1 -p tcp -j DROP</passthrough>
      <passthrough ipv="ipv4">-t nat -A OUTPUT -j DROP</passthrough>
      <passthrough ipv="ipv4">-A</passthrough>
    </direct>"""
    with FolderRoot(rootfs.make(tmp_path / "r", {f"{ETC}/direct.xml": text})) as root:
        of = {family: [(one.chain, one.line) for one in firewalldfiles.direct_rules(root, family)] for family in (4, 6)}
    assert of[4] == [("OUTPUT", "-j ACCEPT"), ("OUTPUT", "-j DROP"), ("OUTPUT", "-p tcp -j DROP")]
    assert of[6] == [("OUTPUT", "-j REJECT")]
