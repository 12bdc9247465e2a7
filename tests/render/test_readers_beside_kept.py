"""Our bounded readers beside parsers that others keep: hier_config for Cisco's blocks, pan-os-python for PAN-OS XML.

Both read the same configuration, rendered or drawn by chance; the names that they find must be the same. Why the
product itself reads with its own stands in ``netprobe.render.readers.devices``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable

import pytest
from hier_config import Host
from hypothesis import given, settings
from hypothesis import strategies as st
from panos.device import Vsys
from panos.firewall import Firewall
from panos.objects import CustomUrlCategory

from netprobe.render import render
from netprobe.render.readers.base import Configuration
from netprobe.render.readers.devices import asa, iosxe, panos_xml
from tests.support.render_cases import CASES, ORIGIN, allowing, enforcing
from tests.support.render_corpus import corpus


def _blocks(text: str) -> list[tuple[str, list[str]]]:
    """Each line of the top and those beneath it, by the kept parser."""
    host = Host("device", "ios")
    host.load_running_config(text)
    return [(top.text, [line.text for line in top.children]) for top in host.running_config.children]


def _named_by_asa(text: str) -> set[str]:
    """Names of FQDN objects that a permitting line of an access list has."""
    blocks = _blocks(text)
    words = [top.split() for top, _ in blocks]
    lines = [line for line in words if line[0] == "access-list" and "permit" in line and "object" in line]
    permitted = {line[line.index("object") + 1] for line in lines}
    named = set()
    for top, beneath in blocks:
        if top.startswith("object network ") and top.split()[2] in permitted:
            named |= {line.split()[-1] for line in beneath if line.startswith("fqdn ")}
    return named


def _admitted(found: Configuration, asked: Iterable[str]) -> set[str]:
    """On the port that each has: what is permitted on port 80 alone is not admitted on 443."""
    return {name for name in asked if any(found.admits(name, port) for port in (80, 443))}


@pytest.mark.parametrize("case", CASES)
def test_an_asa_is_read_alike(case: str) -> None:
    given_ = CASES[case]
    made = render("cisco-asa", given_.endpoints, origin=ORIGIN, options=given_.options, policy=enforcing("cisco-asa"))
    text = "".join(f"{line}\n" for line in made.main.splitlines() if line and not line.startswith("!"))
    named = _named_by_asa(text)
    assert len(named) >= 4
    assert _admitted(asa(text), {*named, *corpus(given_.endpoints)}) == named


_LABEL = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
_INTERFACE = "interface inside\n nameif inside\n"
_OBJECT = st.tuples(_LABEL, _LABEL, st.sampled_from(["fqdn v4 ", "fqdn v6 ", "fqdn "]))


@settings(max_examples=40, deadline=None)
@given(
    objects=st.lists(_OBJECT, max_size=8, unique_by=(lambda one: one[0], lambda one: one[1])),
    permitted=st.sets(st.integers(min_value=0, max_value=7)),
    between=st.sampled_from(["", _INTERFACE, "object network LAN\n subnet 192.0.2.0 255.255.255.0\n"]),
)
def test_an_asa_by_chance_is_read_alike(objects: list[tuple[str, str, str]], permitted: set[int], between: str) -> None:
    text = ""
    for name, label, fqdn in objects:
        text += f"object network N-{name}\n {fqdn}{label}.example.com\n{between}"
    for number, (name, _, _) in enumerate(objects):
        verb = "permit" if number in permitted else "deny"
        text += f"access-list OUT extended {verb} tcp any object N-{name} eq 443\n"
    asked = {f"{label}.example.com" for _, label, _ in objects} | {"other.example.com"}
    assert _admitted(asa(text), asked) == _named_by_asa(text)


@pytest.mark.parametrize("case", CASES)
def test_an_ios_xe_is_read_alike(case: str) -> None:
    given_ = CASES[case]
    made = render(
        "cisco-iosxe", given_.endpoints, origin=ORIGIN, options=given_.options, policy=allowing("cisco-iosxe")
    )
    blocks = _blocks("".join(f"{line}\n" for line in made.main.splitlines() if line and not line.startswith("!")))
    patterns = {
        line.removeprefix("pattern ")
        for top, beneath in blocks
        if top.startswith("object-group fqdn ")
        for line in beneath
        if line.startswith("pattern ")
    }
    ours = {rule.text.partition(" in ")[0] for rule in iosxe(made.main).rules}
    assert len(patterns) >= 4
    assert ours == patterns


@pytest.mark.parametrize("case", CASES)
def test_pan_os_xml_is_read_alike(case: str) -> None:
    given_ = CASES[case]
    made = render("panos-xml", given_.endpoints, origin=ORIGIN, options=given_.options, policy=enforcing("panos-xml"))
    vsys = ET.fromstring(made.main).find("./devices/entry[@name='localhost.localdomain']/vsys/entry[@name='vsys1']")
    assert vsys is not None
    firewall = Firewall("127.0.0.1", api_key="none", vsys="vsys1")
    firewall._set_version_and_version_info("11.1.0")  # else it asks the device
    parser = CustomUrlCategory()
    Vsys("vsys1").add(parser)
    found = vsys.find("./profiles/custom-url-category")
    assert found is not None
    theirs = {entry for category in parser.refreshall_from_xml(found) for entry in category.url_value}
    assert len(theirs) >= 4
    assert {rule.text for rule in panos_xml(made.main).rules} == theirs
