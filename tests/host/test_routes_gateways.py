"""The next hops of default routes, as the kernel prints them (a machine of little-endian byte order)."""

from __future__ import annotations

import sys

import pytest

from netprobe.host.routes import gateways

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
DEFAULT = "eth0\t00000000\tFE01000A\t0003\t0\t0\t100\t00000000\t0\t0\t0"
LINK = "eth0\t0001000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0"
ON_LINK_DEFAULT = "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0"
REJECTED = "lo\t00000000\tFE01000A\t0201\t0\t0\t0\t00000000\t0\t0\t0"
ZEROS = "0" * 32
DEFAULT_6 = f"{ZEROS} 00 {ZEROS} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0"
NETWORK_6 = f"20010db8{'0' * 24} 40 {ZEROS} 00 {ZEROS} 00000100 00000001 00000000 00000001     eth0"


@pytest.mark.skipif(sys.byteorder != "little", reason="the lines below are of a little-endian machine")
def test_the_gateway_is_that_of_the_default_route() -> None:
    assert list(gateways([HEAD, LINK, DEFAULT], 4)) == ["10.0.1.254"]


def test_a_default_route_without_a_next_hop_or_that_rejects_has_none() -> None:
    assert list(gateways([HEAD, ON_LINK_DEFAULT, REJECTED], 4)) == []


def test_the_gateway_of_ipv6() -> None:
    assert list(gateways([NETWORK_6, DEFAULT_6], 6)) == ["fe80::1"]
