"""The management center cannot be had here: an independent reader of its bulk requests."""

from __future__ import annotations

import ipaddress
import json
import re

import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import Rendered, render
from tests.support.firewall_case import INPUTS, Decides, holds, made
from tests.support.render_cases import CASES, ORIGIN, closed, endpoint

_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]+")


def _objects(text: str, kind: str, *more: str) -> list[dict[str, str]]:
    """One bulk request: at most 1000 objects and 2 MB, every name once and at most 64 characters."""
    assert len(text) <= 2_000_000
    objects = json.loads(text)
    assert 1 <= len(objects) <= 1000
    for one in objects:
        assert set(one) == {"type", "name", "value", *more}
        assert one["type"] == kind
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", one["name"])
    assert len({one["name"] for one in objects}) == len(objects)
    return list(objects)


def _read(output: Rendered) -> Decides:
    files, told = output.files, json.loads(output.main)
    assert set(told) == {"about", "fqdns", "networks", "ports"}
    names: set[str] = set()
    networks = []
    if "netprobe-fqdns.json" in files:
        found = _objects(files["netprobe-fqdns.json"], "FQDN", "dnsResolution")
        assert {one["dnsResolution"] for one in found} == {"IPV4_AND_IPV6"}
        assert found == told["fqdns"]
        names = {one["value"] for one in found}
        assert all(_HOST.fullmatch(name) for name in names)
    if "netprobe-networks.json" in files:
        found = _objects(files["netprobe-networks.json"], "Network")
        assert found == told["networks"]
        networks = [ipaddress.ip_network(one["value"]) for one in found]

    def decide(name: str, port: int) -> bool:
        if port not in told["ports"]:
            return False
        if name in names:
            return True
        try:
            return any(ipaddress.ip_address(name) in network for network in networks)
        except ValueError:
            return False

    return decide


@pytest.mark.parametrize("what", INPUTS)
def test_the_objects_admit_what_is_claimed(what: str) -> None:
    holds("cisco-ftd", what, _read, addresses=True)


def test_no_empty_request_is_written() -> None:
    """A bulk request without an object is an error, so its file is left out."""
    assert "netprobe-networks.json" not in made("cisco-ftd", "strict").files
    assert "netprobe-networks.json" in made("cisco-ftd", "wide").files


def test_more_than_a_request_takes_is_refused() -> None:
    many = tuple(endpoint(f"h{i}.example.com", f"h{i}") for i in range(1001))
    with pytest.raises(CannotExpressError, match="1001 entries"):
        render("cisco-ftd", many, origin=ORIGIN, options=CASES["strict"].options, policy=closed("cisco-ftd"))


def test_the_reader_notices_what_is_invalid() -> None:
    long = json.dumps([{"type": "FQDN", "name": "x" * 65, "value": "a.example.com", "dnsResolution": "IPV4_ONLY"}])
    for bad in ("[]", long, '[{"type": "Url", "name": "x", "value": "y", "dnsResolution": "z"}]'):
        with pytest.raises(AssertionError):
            _objects(bad, "FQDN", "dnsResolution")
