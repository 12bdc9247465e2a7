"""PAN-OS custom applications: the independent reader of the signature decides as claimed, which is not exact."""

from __future__ import annotations

import msgspec
import pytest
from panos.objects import ApplicationObject

from netprobe.errors import CannotExpressError
from netprobe.render import render
from netprobe.render.model import LossKind
from tests.support.panos_reader import Device
from tests.support.render_cases import CASES, ORIGIN, endpoint, enforcing
from tests.support.render_corpus import corpus

_WIDE = msgspec.structs.replace(CASES["strict"].options, allow_widening=True)


@pytest.mark.parametrize("case", ["strict", "wide"])
def test_the_signature_admits_what_is_claimed(case: str) -> None:
    endpoints = CASES[case].endpoints
    made = render("panos-appid", endpoints, origin=ORIGIN, options=_WIDE, policy=enforcing("panos-appid"))
    device = Device()
    device.read(made.main)
    asked = [(name, port) for name in corpus(endpoints) for port in (443, 80)]
    decided = {question: device.allows(*question) for question in asked}
    assert decided == {(name, port): made.lowered.admits(name, port) for name, port in asked}
    assert decided["ecs.us-east-2.amazonaws.com.evil.test", 443], "it is not anchored, and says so"
    assert {True, False} <= set(decided.values())


def test_every_entry_is_told_as_a_way_out() -> None:
    made = render(
        "panos-appid", CASES["strict"].endpoints, origin=ORIGIN, options=_WIDE, policy=enforcing("panos-appid")
    )
    assert {loss.kind for loss in made.lowered.losses} == {LossKind.WIDENED}
    assert all(loss.exfiltration for loss in made.lowered.losses)
    with pytest.raises(CannotExpressError):
        render(
            "panos-appid",
            CASES["strict"].endpoints,
            origin=ORIGIN,
            options=CASES["strict"].options,
            policy=enforcing("panos-appid"),
        )


def test_the_allowing_rule_names_no_general_application() -> None:
    """With ``ssl`` in it, every TLS session would be admitted."""
    device = Device()
    device.read(
        render(
            "panos-appid", CASES["strict"].endpoints, origin=ORIGIN, options=_WIDE, policy=enforcing("panos-appid")
        ).main
    )
    assert device.rules["netprobe-allow-443"]["application"] == ["netprobe-app-443"]
    assert device.order == ["netprobe-allow-443", "netprobe-deny"]


@pytest.mark.parametrize("name", ["a.b.co", f"{'a' * 60}.{'b' * 60}.example.com"])
def test_limits_of_a_pattern(name: str) -> None:
    """Fewer than seven literal characters, or more than 127 in all."""
    with pytest.raises(CannotExpressError):
        render("panos-appid", (endpoint(name, "x"),), origin=ORIGIN, options=_WIDE)


def test_the_vendors_library_loads_it() -> None:
    vsys = Device().read(
        render(
            "panos-appid", CASES["strict"].endpoints, origin=ORIGIN, options=_WIDE, policy=enforcing("panos-appid")
        ).main
    )
    found = vsys.find("application")
    (application,) = ApplicationObject().refreshall_from_xml(found)
    assert (application.name, application.parent_app, application.default_port) == (
        "netprobe-app-443",
        "ssl",
        ["tcp/443"],
    )
