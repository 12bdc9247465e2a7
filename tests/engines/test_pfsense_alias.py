"""pfSense cannot be had here: readers of the bulk import's grammar (its source) and of the alias elements."""

from __future__ import annotations

import ipaddress
import re
import xml.etree.ElementTree as ET

import pytest

from netprobe.render import Rendered
from tests.support.firewall_case import INPUTS, Decides, holds, made

_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def _import(text: str, *, ports: bool = False) -> list[str]:
    """What Bulk import takes from a text: a value, a space, a description."""
    values = []
    for line in text.split("\n"):
        value, _, description = line.strip().partition(" ")
        if not value:
            continue
        assert len(description.strip()) < 200
        assert "||" not in description
        assert not description.strip().startswith("|")
        assert not description.strip().endswith("|")
        if ports:
            assert 1 <= int(value) <= 65535
        else:
            assert _network(value) is not None or _HOST.fullmatch(value), value
        values.append(value)
    return values


def _network(value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        return None


def _fits(value: str, name: str) -> bool:
    network = _network(value)
    if network is None:
        return value == name
    try:
        return ipaddress.ip_address(name) in network
    except ValueError:
        return False


def _text(output: Rendered) -> Decides:
    names = _import(output.files["netprobe.txt"])
    ports = [int(port) for port in _import(output.files["netprobe_ports.txt"], ports=True)]
    return lambda name, port: port in ports and any(_fits(value, name) for value in names)


def _aliases(text: str) -> dict[str, tuple[str, list[str]]]:
    root = ET.fromstring(text)
    assert root.tag == "aliases"
    found = {}
    for alias in root:
        assert [child.tag for child in alias] == ["name", "type", "address", "descr", "detail"]
        name, kind, address, _, detail = (child.text or "" for child in alias)
        assert re.fullmatch(r"[A-Za-z0-9_]{1,31}", name)
        assert len(address.split(" ")) == len(detail.split("||")), "a description for each value"
        found[name] = (kind, address.split(" "))
    return found


def _xml(output: Rendered) -> Decides:
    aliases = _aliases(output.main)
    kind, names = aliases["netprobe"]
    assert kind == ("network" if any("/" in value for value in names) else "host")
    assert aliases["netprobe_ports"][0] == "port"
    ports = [int(port) for port in aliases["netprobe_ports"][1]]
    return lambda name, port: port in ports and any(_fits(value, name) for value in names)


@pytest.mark.parametrize("what", INPUTS)
@pytest.mark.parametrize("read", [_text, _xml])
def test_the_aliases_admit_what_is_claimed(what: str, read: object) -> None:
    holds("pfsense-alias", what, read, addresses=True)  # type: ignore[arg-type]


def test_both_forms_hold_the_same() -> None:
    output = made("pfsense-alias", "wide")
    aliases = _aliases(output.main)
    assert aliases["netprobe"][1] == _import(output.files["netprobe.txt"])
    assert aliases["netprobe_ports"][1] == _import(output.files["netprobe_ports.txt"], ports=True) == ["80", "443"]


def test_the_reader_notices_what_is_invalid() -> None:
    for bad in ("*.example.com x", "# a comment", "a.example.com a || b", f"a.example.com {'x' * 200}"):
        with pytest.raises(AssertionError):
            _import(bad)
