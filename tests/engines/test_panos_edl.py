"""PAN-OS external dynamic lists: the independent reader decides as claimed."""

from __future__ import annotations

import ipaddress

import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import Addresses, Options, Rendered, render
from netprobe.render.model import Form
from tests.support.panos_reader import Device, check_entry
from tests.support.render_cases import CASES, ORIGIN, Limited, endpoint, enforcing
from tests.support.render_corpus import corpus, neighbours

_LISTED = Options(seen=CASES["strict"].options.seen, enumerate=True)


def _device(made: Rendered) -> Device:
    """The rules, with the lists that they name; a line that is no entry of its list's type is an error."""
    device = Device()
    device.categories["netprobe-url"] = _lines(made, "netprobe-url.txt")
    device.networks["netprobe-ip"] = _lines(made, "netprobe-ip.txt")
    for entry in device.categories["netprobe-url"]:
        check_entry(entry)
    for network in device.networks["netprobe-ip"]:
        assert str(ipaddress.ip_network(network)) == network
    for line in made.main.splitlines():
        if line and not line.startswith("#"):
            device.run(line)
    used = {
        value for rule in device.rules.values() for key in ("category", "destination") for value in rule.get(key, ())
    }
    lists = {name.removesuffix(".txt") for name in made.files if name.endswith(".txt")}
    assert used - {"any"} == lists
    return device


def _lines(made: Rendered, name: str) -> list[str]:
    text = made.files.get(name, "")
    assert text == "" or text.endswith("\n")
    assert all(line for line in text.split("\n")[:-1])
    return text.splitlines()


@pytest.mark.parametrize(
    ("case", "options"), [("strict", CASES["strict"].options), ("wide", CASES["wide"].options), ("strict", _LISTED)]
)
def test_the_documented_rules_admit_what_is_claimed(case: str, options: Options) -> None:
    endpoints = CASES[case].endpoints
    made = render("panos-edl", endpoints, origin=ORIGIN, options=options, policy=enforcing("panos-edl"))
    device = _device(made)
    ports = {one.port for one in endpoints}
    asked = corpus(endpoints)
    for port in ports:
        decided = {name: device.allows(name, port) for name in asked}
        assert decided == {name: made.lowered.admits(name) for name in asked}
        assert {True, False} <= set(decided.values())
    assert not any(device.allows(name, 8443) for name in asked)
    assert device.order[-1] == "netprobe-deny"


def test_what_only_addresses_can_say_is_in_a_list_of_its_own() -> None:
    """A star in the middle has no token form; its names' addresses are admitted by a rule of their own."""
    pattern = "a-*.b-*.example.com"
    endpoints = (endpoint("ecs.us-east-2.amazonaws.com"), endpoint(pattern, "odd", region="us-east-2"))
    by_region = {"us-east-2": ("192.0.2.0/24", "2001:db8:2::/48")}
    with pytest.raises(CannotExpressError):
        render("panos-edl", endpoints, origin=ORIGIN, options=Options(), policy=enforcing("panos-edl"))
    regional = (endpoints[0], endpoint("a-*.b-*.us-east-2.amazonaws.com", "odd"))
    made = render(
        Limited("panos-edl", Form.EXACT, Form.ADDRESS),  # type: ignore[arg-type]
        regional,
        origin=ORIGIN,
        options=Options(allow_widening=True, addresses=Addresses(how="x", by_region=by_region)),
        policy=enforcing("panos-edl"),
    )
    device = _device(made)
    assert sorted(made.files) == ["netprobe-ip.txt", "netprobe-url.txt", "netprobe.set"]
    for address in neighbours(by_region["us-east-2"]):
        assert device.allows(address, 443) == made.lowered.admits(address), address
    assert device.allows("ecs.us-east-2.amazonaws.com", 443)
    assert not device.allows("sts.us-east-2.amazonaws.com", 443)


def test_the_main_file_shows_the_lists() -> None:
    made = render(
        "panos-edl",
        CASES["wide"].endpoints,
        origin=ORIGIN,
        options=CASES["wide"].options,
        policy=enforcing("panos-edl"),
    )
    shown = [line.removeprefix("#   ") for line in made.main.splitlines() if line.startswith("#   ")]
    assert [line for line in shown if line.endswith("/")] == _lines(made, "netprobe-url.txt")
