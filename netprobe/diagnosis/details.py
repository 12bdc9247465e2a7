"""Typed access to observation details, safe for reports that were edited or damaged: the wrong kind reads as None."""

from __future__ import annotations

from netprobe.observations import HttpDetail, Observation, ProxyDetail, TcpDetail, TlsDetail


def tcp(o: Observation) -> TcpDetail | None:
    """The TCP detail."""
    return o.detail if isinstance(o.detail, TcpDetail) else None


def tls(o: Observation) -> TlsDetail | None:
    """The TLS detail."""
    return o.detail if isinstance(o.detail, TlsDetail) else None


def http(o: Observation) -> HttpDetail | None:
    """The HTTP detail."""
    return o.detail if isinstance(o.detail, HttpDetail) else None


def proxy(o: Observation) -> ProxyDetail | None:
    """The proxy detail."""
    return o.detail if isinstance(o.detail, ProxyDetail) else None
