"""Vantages: what is shown of a proxy, and which port is connected to."""

from __future__ import annotations

import pytest

from netprobe.vantage import ProxyServer, Resolver, Vantage


@pytest.mark.parametrize(
    ("resolver", "text"),
    [
        (Resolver(address="192.0.2.1"), "192.0.2.1:53"),
        (Resolver(address="2001:db8::1", port=5353), "[2001:db8::1]:5353"),
    ],
)
def test_a_resolver_as_text(resolver: Resolver, text: str) -> None:
    assert str(resolver) == text


@pytest.mark.parametrize(("host", "shown"), [("proxy", "http://proxy:3128"), ("::1", "http://[::1]:3128")])
def test_a_proxy_never_shows_its_credentials(host: str, shown: str) -> None:
    proxy = ProxyServer(scheme="http", host=host, port=3128, username="someone", password="open-sesame")
    assert proxy.safe == shown
    for text in (proxy.safe, repr(proxy), str(proxy)):
        assert "open-sesame" not in text
        assert "someone" not in text


def test_a_vantage_connects_directly_and_to_the_services_port_unless_told() -> None:
    vantage = Vantage(name="host", resolvers=())
    assert vantage.proxy_for("ecs.us-east-2.amazonaws.com", 443) is None
    assert vantage.connect_port(443) == 443
    lab = Vantage(name="host", resolvers=(), ports={443: 8443})
    assert (lab.connect_port(443), lab.connect_port(80)) == (8443, 80)
