"""PAN-OS configuration in XML: the independent reader decides as claimed, and the vendor's library loads it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from panos.objects import CustomUrlCategory, ServiceObject
from panos.policies import SecurityRule

from netprobe.render import Options, render
from tests.support.panos_reader import Device
from tests.support.render_cases import CASES, ORIGIN, enforcing
from tests.support.render_corpus import corpus


def _text(case: str) -> str:
    return render(
        "panos-xml", CASES[case].endpoints, origin=ORIGIN, options=CASES[case].options, policy=enforcing("panos-xml")
    ).main


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("strict", CASES["strict"].options),
        ("wide", CASES["wide"].options),
        ("strict", Options(seen=CASES["strict"].options.seen, enumerate=True)),
    ],
)
def test_the_documented_rules_admit_what_is_claimed(case: str, options: Options) -> None:
    endpoints = CASES[case].endpoints
    made = render("panos-xml", endpoints, origin=ORIGIN, options=options, policy=enforcing("panos-xml"))
    device = Device()
    device.read(made.main)
    asked = [(name, port) for name in corpus(endpoints) for port in (443, 80, 8443)]
    decided = {question: device.allows(*question) for question in asked}
    assert decided == {(name, port): made.lowered.admits(name, port) for name, port in asked}
    assert {True, False} <= set(decided.values())


def test_rules_hold_together() -> None:
    """Every category has its type, every rule its objects; the deny stands behind every allow, for the same hosts."""
    device = Device()
    device.read(_text("wide"))
    assert set(device.types.values()) == {"URL List"}
    assert set(device.types) == set(device.categories)
    assert device.order[-1] == "netprobe-deny"
    assert set(device.rules["netprobe-deny"]["service"]) == {*device.services, *device.udp}
    for name, rule in device.rules.items():
        assert rule["source"] == ["netprobe-hosts"]
        assert rule["action"] == ["deny" if name == "netprobe-deny" else "allow"]
        assert (rule["category"] == ["any"]) == (name == "netprobe-deny")
        assert set(rule["category"]) <= {*device.categories, "any"}


def test_it_says_the_same_as_the_commands() -> None:
    commands, xml = Device(), Device()
    made = render(
        "panos", CASES["wide"].endpoints, origin=ORIGIN, options=CASES["wide"].options, policy=enforcing("panos")
    )
    for line in made.main.splitlines():
        if line and not line.startswith("#"):
            commands.run(line)
    xml.read(_text("wide"))
    assert (xml.addresses, xml.groups, xml.udp) == (commands.addresses, commands.groups, commands.udp)
    assert (xml.categories, xml.services) == (commands.categories, commands.services)
    assert set(xml.order) == set(commands.order)


def test_the_vendors_library_loads_it() -> None:
    """pan-os-python makes objects of each part, with our values in its own fields."""
    device = Device()
    vsys = device.read(_text("wide"))
    categories = {c.name: c for c in _objects(CustomUrlCategory(), vsys, "profiles/custom-url-category")}
    assert {name: c.url_value for name, c in categories.items()} == device.categories
    services = {s.name: s for s in _objects(ServiceObject(), vsys, "service")}
    tcp = {name: int(s.destination_port) for name, s in services.items() if s.protocol == "tcp"}
    assert tcp == device.services
    assert {s.destination_port for s in services.values() if s.protocol == "udp"} == {"80,443"}
    rules = {r.name: r for r in _objects(SecurityRule(), vsys, "rulebase/security/rules")}
    assert {name: r.action for name, r in rules.items()} == {n: r["action"][0] for n, r in device.rules.items()}
    assert {name: r.category for name, r in rules.items()} == {n: r["category"] for n, r in device.rules.items()}


def _objects(parser: object, vsys: ET.Element, path: str) -> list:  # type: ignore[type-arg]
    found = vsys.find(path)
    assert found is not None
    return list(parser.refreshall_from_xml(found))  # type: ignore[attr-defined]


def test_a_hostile_header_stays_in_its_comment() -> None:
    """Whatever the command line holds, the elements are the same."""
    case = CASES["strict"]
    evil = type(ORIGIN)(command="x --> <action>allow</action> <!-- --", catalog="]]><![CDATA[", notes=("--!> -",))
    good, bad = Device(), Device()
    good.read(_text("strict"))
    bad.read(render("panos-xml", case.endpoints, origin=evil, options=case.options, policy=enforcing("panos-xml")).main)
    assert (bad.rules, bad.categories) == (good.rules, good.categories)
