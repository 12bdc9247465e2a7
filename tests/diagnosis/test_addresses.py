"""Every range of the address classes, by an address of it and by its neighbours outside."""

from __future__ import annotations

import pytest

from netprobe.diagnosis.addresses import AddressClass, classify, family
from netprobe.observations import Context

PLAIN, WITH_ORIGIN, IN_A_LAB = Context(), Context(origin_ca=True), Context(lab="healthy")
PUBLIC = (
    "1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 146.112.61.103"
    " 146.112.61.112 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255"
    " 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 198.135.184.21 203.0.112.255 203.0.114.0"
    " 223.255.255.255 52.95.1.1 2600:1f00::1 64:ff9b::345f:101 ::ffff:52.95.1.1 fbff::1"
)
PRIVATE = (
    "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 100.64.0.0 100.127.255.255"
    " fc00::1 fdff::1 64:ff9b::a00:1 ::ffff:10.0.0.1"
)
SINKHOLED = (
    "0.0.0.0 0.255.255.255 127.0.0.1 127.255.255.255 ::1 169.254.0.1 169.254.255.255 fe80::1 fe80::1%eth0 febf::1"
    " 192.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 198.19.255.255 2001:db8::1 3fff::1 5f00::1 100::1"
    " 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 ff02::1 :: 146.112.61.104 146.112.61.111 198.135.184.22"
    " 64:ff9b::7f00:1 ::ffff:0.0.0.0"
)
ORDINARY_WITH_ORIGIN = "198.18.0.1 198.19.255.255 2001:db8::1"
ORDINARY_IN_A_LAB = f"{ORDINARY_WITH_ORIGIN} 127.0.0.1 127.255.255.255 ::1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, AddressClass.PUBLIC) for text in PUBLIC.split()),
        *((text, AddressClass.PRIVATE) for text in PRIVATE.split()),
        *((text, AddressClass.SINKHOLED) for text in SINKHOLED.split()),
        *((text, AddressClass.INVALID) for text in ("", "localhost", "1.2.3", "1.2.3.4.5", ":::")),
    ],
)
def test_an_address_is_of_one_class(text: str, expected: AddressClass) -> None:
    assert classify(text, PLAIN) is expected


@pytest.mark.parametrize("text", SINKHOLED.split())
def test_what_is_ordinary_in_a_network_with_an_origin_of_its_own_and_in_a_lab(text: str) -> None:
    with_origin = AddressClass.PUBLIC if text in ORDINARY_WITH_ORIGIN.split() else AddressClass.SINKHOLED
    assert classify(text, WITH_ORIGIN) is with_origin
    loopback = text == "64:ff9b::7f00:1"  # NAT64 of a loopback address is one
    in_a_lab = AddressClass.PUBLIC if loopback or text in ORDINARY_IN_A_LAB.split() else AddressClass.SINKHOLED
    assert classify(text, IN_A_LAB) is in_a_lab


@pytest.mark.parametrize("context", [WITH_ORIGIN, IN_A_LAB])
def test_a_private_address_stays_private(context: Context) -> None:
    assert {classify(text, context) for text in PRIVATE.split()} == {AddressClass.PRIVATE}


def test_the_family_of_what_may_be_no_address() -> None:
    assert [family(text) for text in ("10.0.0.1", "fe80::1%eth0", "nonsense", None)] == [4, 6, None, None]
