"""Every loss that a device cannot be rid of is told in the output itself, target by target."""

from __future__ import annotations

import functools

import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import Rendered, render, targets
from netprobe.render.header import header
from netprobe.render.model import Layer
from tests.support.render_cases import CASES, ORIGIN, enforcing

CASE = CASES["wide"]
ENFORCING = [name for name in targets.names() if targets.get(name).SCOPE.enforces]
_WHOLE = {
    "windows-firewall": "the default outbound action is for every protocol",
    "azure-firewall": "the firewall denies what no rule allows, whatever the protocol",
    "openshift-egressfirewall": "the rules that deny are for every protocol",
    "networkpolicy": "what no rule of the policy allows is denied, whatever the protocol",
    "calico-enterprise": "what no rule of the policy allows is denied, whatever the protocol",
    "cilium": "what no rule of the policy allows is denied, whatever the protocol",
    "ufw": "a rule without a protocol is for both",
}
"""Why UDP 443 is closed although no line says so."""


@functools.cache
def _made(name: str) -> Rendered:
    try:
        return render(name, CASE.endpoints, origin=ORIGIN, options=CASE.options, policy=enforcing(name))
    except CannotExpressError:
        strict = CASES["strict"]
        return render(name, strict.endpoints, origin=ORIGIN, options=strict.options, policy=enforcing(name))


def _header(name: str) -> str:
    return "\n".join(header(targets.get(name), CASE.endpoints, _made(name).lowered, ORIGIN, enforcing(name)))


@pytest.mark.parametrize("name", targets.names())
def test_ports_that_a_device_does_not_bind(name: str) -> None:
    told = "it binds no name to a port" in _header(name)
    assert told is not targets.get(name).CAPABILITY.ports


@pytest.mark.parametrize("name", ENFORCING)
def test_what_becomes_of_sessions_that_are_open(name: str) -> None:
    assert f"Open connections: {targets.get(name).SCOPE.sessions}"[:60] in _header(name)
    assert "Connections that are open when it is loaded: " in targets.page(name)


@pytest.mark.parametrize("name", ENFORCING)
def test_quic_is_closed_or_told(name: str) -> None:
    """UDP 443 was open beside a list of TLS names on eight appliances, and nothing said so."""
    target = targets.get(name)
    if target.LAYER not in (Layer.SNI, Layer.DNS_TO_IP, Layer.IP) or name in _WHOLE:
        return
    made = _made(name)
    text = "\n".join((made.main, *made.files.values(), _header(name))).lower()
    assert "udp" in text or "quic" in text, name


@pytest.mark.parametrize("name", ["haproxy", "nginx-stream", "envoy"])
def test_ipv6_that_is_not_governed(name: str) -> None:
    assert "IPv6 is not governed" in _header(name)


@pytest.mark.parametrize("name", targets.names())
def test_an_asterisk_is_letters_digits_and_hyphens_in_every_expression_of_ours(name: str) -> None:
    made = _made(name)
    for text in (made.main, *made.files.values()):
        assert "[^.]+" not in text, name


def test_odd_server_names_that_an_intercepting_squid_compares_otherwise() -> None:
    said = _header("squid-splice")
    assert "holds an asterisk is compared as a pattern" in said
    assert "holds a NUL is cut there" in said
