"""Panorama cannot be had here: the commands say what ``panos`` says, under the paths that the vendor's library has."""

from __future__ import annotations

import re

import pytest
from panos.base import PanObject
from panos.objects import AddressGroup, AddressObject, CustomUrlCategory, ServiceObject
from panos.panorama import DeviceGroup, Panorama
from panos.policies import PreRulebase, SecurityRule

from netprobe.render import Options, Rendered, render
from netprobe.render.model import Policy
from tests.support.panos_reader import Device
from tests.support.render_cases import CASES, HOSTS, ORIGIN, enforcing
from tests.support.render_corpus import corpus

_VERB = re.compile(r"(set|delete|move) device-group DEVICE-GROUP (.+)")
LISTED = Options(seen=CASES["strict"].options.seen, enumerate=True)


def _made(case: str, policy: Policy, options: Options | None = None) -> Rendered:
    return render(
        "panorama", CASES[case].endpoints, origin=ORIGIN, options=options or CASES[case].options, policy=policy
    )


def _on_a_firewall(made: Rendered) -> list[str]:
    """The commands as the firewall has them after a push: without the group, pre-rules as rules."""
    found = []
    for line in made.main.splitlines():
        if not line or line.startswith("#"):
            continue
        said = _VERB.fullmatch(line)
        assert said, line
        rest = said[2]
        assert not rest.startswith("rulebase"), "a device group has no rulebase of that name"
        found.append(f"{said[1]} {rest.replace('pre-rulebase ', 'rulebase ', 1)}")
    return found


def _loaded(made: Rendered) -> Device:
    device = Device()
    for line in _on_a_firewall(made):
        device.run(line)
    return device


@pytest.mark.parametrize(("case", "options"), [("strict", None), ("wide", None), ("strict", LISTED)])
def test_what_is_pushed_admits_what_is_claimed(case: str, options: Options | None) -> None:
    made = _made(case, enforcing("panorama"), options)
    device = _loaded(made)
    asked = [(name, port) for name in corpus(CASES[case].endpoints) for port in (443, 80, 8443)]
    decided = {question: device.allows(*question) for question in asked}
    assert decided == {(name, port): made.lowered.admits(name, port) for name, port in asked}
    assert {True, False} <= set(decided.values())


@pytest.mark.parametrize("policy", [Policy(), Policy(sources=HOSTS), enforcing("panorama")])
def test_it_says_what_panos_says(policy: Policy) -> None:
    """The firewall is the same, so a difference between the two would be a mistake in one of them."""
    wide = CASES["wide"]
    theirs = render("panos", wide.endpoints, origin=ORIGIN, options=wide.options, policy=policy)
    lines = [line for line in theirs.main.splitlines() if line and not line.startswith("#")]
    assert _on_a_firewall(_made("wide", policy)) == lines


def test_for_the_hosts_alone_and_denying_nothing_unless_asked() -> None:
    for policy, denies in ((Policy(sources=HOSTS), False), (enforcing("panorama"), True)):
        device = _loaded(_made("wide", policy))
        assert ("netprobe-deny" in device.order) == denies
        assert {tuple(rule["source"]) for rule in device.rules.values()} == {("netprobe-hosts",)}
        assert [device.addresses[one] for one in device.groups["netprobe-hosts"]] == list(HOSTS)


def _words(element: PanObject) -> str:
    """The path of the library's object as the command line says it."""
    path = element.xpath().removeprefix("/config/devices/entry[@name='localhost.localdomain']/")
    return re.sub(r"/entry\[@name='([^']+)'\]", r" \1", path).replace("/", " ")


def test_every_path_is_the_one_of_the_vendors_library() -> None:
    panorama = Panorama("127.0.0.1", api_key="none")
    panorama._set_version_and_version_info("11.1.0")  # else it asks the device
    group = panorama.add(DeviceGroup("DEVICE-GROUP"))
    rules = group.add(PreRulebase())
    made = _made("wide", enforcing("panorama"))
    device = _loaded(made)
    known = [
        *(group.add(AddressObject(name, value)) for name, value in device.addresses.items()),
        *(group.add(AddressGroup(name, members)) for name, members in device.groups.items()),
        *(group.add(CustomUrlCategory(name, url_value=list_)) for name, list_ in device.categories.items()),
        *(group.add(ServiceObject(name, "tcp", str(port))) for name, port in device.services.items()),
        *(group.add(ServiceObject(name, "udp", "80,443")) for name in device.udp),
        *(rules.add(SecurityRule(name, action=rule["action"][0])) for name, rule in device.rules.items()),
    ]
    paths = {_words(one) for one in known}
    assert "device-group DEVICE-GROUP pre-rulebase security rules netprobe-allow-443" in paths
    for line in made.main.splitlines():
        if line and not line.startswith("#"):
            rest = line.partition(" ")[2]
            assert any(f"{rest} ".startswith(f"{path} ") for path in paths), line
    for path in paths:
        assert any(f" {path} " in f"{line} " for line in made.main.splitlines()), path


def test_the_group_s_name_stands_in_every_command_once() -> None:
    """``sed`` of the page puts the name in once a line."""
    for policy in (Policy(), enforcing("panorama"), Policy(name="netprobe-handoff")):
        lines = [line for line in _made("wide", policy).main.splitlines() if line and not line.startswith("#")]
        assert {line.count("DEVICE-GROUP") for line in lines} == {1}
