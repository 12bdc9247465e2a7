"""Addresses and ``HOST:PORT`` as people write them, read in one room."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe import addresses
from netprobe.addresses import WrittenPlace, is_address, is_loopback, port_number, take_apart, version_of
from tests.support.cli import ROOT


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("proxy.corp", WrittenPlace("proxy.corp")),
        ("proxy.corp:3128", WrittenPlace("proxy.corp", "3128")),
        ("proxy.corp:", WrittenPlace("proxy.corp", "")),
        (":3128", WrittenPlace("", "3128")),
        ("192.0.2.1:53", WrittenPlace("192.0.2.1", "53")),
        ("2001:db8::1", WrittenPlace("2001:db8::1")),
        ("[2001:db8::1]", WrittenPlace("2001:db8::1")),
        ("[2001:db8::1]:53", WrittenPlace("2001:db8::1", "53")),
        ("[2001:db8::1]:", WrittenPlace("2001:db8::1", "")),
        ("[2001:db8::1]x", WrittenPlace("2001:db8::1", None, is_whole=False)),
        ("[2001:db8::1", WrittenPlace("2001:db8::1", None, is_whole=False)),
        ("", WrittenPlace("")),
    ],
)
def test_places(text: str, place: WrittenPlace) -> None:
    assert take_apart(text) == place


@pytest.mark.parametrize("text", ["", None, "0", "65536", "99999", "000443", "-1", "+1", " 1", "1 ", "٤٤٣", "²", "1_0"])
def test_no_port(text: str | None) -> None:
    assert port_number(text) is None


@given(st.integers(1, 65535))
def test_every_port_is_read_back(number: int) -> None:
    assert port_number(str(number)) == number
    assert port_number("0", least=0) == 0


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), st.integers(1, 65535))
def test_an_address_with_a_port_is_read_back(address: object, port: int) -> None:
    text = str(address)
    written = f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
    place = take_apart(written)
    assert (place.host, port_number(place.port), place.is_whole) == (text, port, True)
    assert is_address(text)
    assert version_of(text) == addresses.read(text).version  # type: ignore[union-attr]


@given(st.text(alphabet="[]:.%a1f٤"))
def test_no_text_is_too_strange(text: str) -> None:
    assert take_apart(text).host in text
    assert isinstance(is_address(text), bool)


def test_loopback() -> None:
    assert [
        one for one in ("127.0.0.1", "127.9.9.9", "::1", "10.0.0.1", "localhost", "", "::") if is_loopback(one)
    ] == [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
    ]


def test_each_question_has_one_room() -> None:
    """Four rooms asked what is loopback, six what is an address, and two which version an address has."""
    asks = re.compile(r"def (\w*(?:loopback|is_address|is_literal|family_of|address_version)\w*)\(")
    rooms = {
        f"{path.relative_to(ROOT / 'netprobe')} {name}"
        for path in (ROOT / "netprobe").rglob("*.py")
        for name in asks.findall(path.read_text(encoding="utf-8"))
    }
    assert rooms == {
        "addresses.py is_address",
        "addresses.py is_loopback",
        "diagnosis/addresses.py is_loopback",  # of a whole place, with the name localhost
        "checking/vantages.py _on_loopback",  # refuses, and says why
        "host/firewall/ufw.py _nothing_but_loopback",  # a rule
        "lab/network.py _loopback_block",  # a whole block of them
    }
