"""Proxy: does *this* forward proxy open a tunnel to the host for us?

The way of the agents (Go's ``net/http``): connect to the proxy, speak TLS with it where its URL says https, send
CONNECT with the host's *name* and Basic credentials where the URL has them (RFC 9110 sections 9.3.6 and 11.7), or
SOCKS5. The phase says how far it came: ``dns``, ``tcp``, ``tls`` (all to the proxy itself) or ``connect``.

Headers of the proxy's answer are read, its page is not: error pages differ with language and version. Credentials
are sent and never kept: no detail, repr or error of this module holds them.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h11
import msgspec
import trio

from netprobe import natural
from netprobe.addresses import is_address
from netprobe.errors import printable
from netprobe.host import routes
from netprobe.observations import DnsDetail, Failure, Observation, ProxyDetail, Step, TcpDetail, TlsDetail
from netprobe.probes import classify, resolve, socks, tcp, tls
from netprobe.probes.finder import Finder
from netprobe.probes.limits import Limits
from netprobe.probes.scene import Scene
from netprobe.probes.streams import CHUNK, Stream
from netprobe.vantage import ProxyServer, Vantage

MAX_HEAD = 65536
_BRIDGES = ("docker", "br-", "virbr", "cni", "podman", "lxcbr", "lxdbr", "nerdctl")
"""How Docker, libvirt, CNI, Podman, LXC and nerdctl name the bridges of their containers."""
_MAX_SCHEMES = 6


class _Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended: the fields of the detail, the failure or None, the limit that ended it, and the tunnel."""

    failure: Failure | None
    phase: str
    limit: float | None = None
    stream: Stream | None = None
    facts: dict[str, Any] = msgspec.field(default_factory=dict)


async def open_tunnel(
    scene: Scene,
    vantage: Vantage,
    proxy: ProxyServer,
    finder: Finder,
    limits: Limits,
    *,
    target: str | None = None,
) -> tuple[Observation, Stream | None]:
    """Open one tunnel through a proxy; the caller closes it.

    Args:
        scene: what is probed.
        vantage: as whom we look.
        proxy: the proxy.
        finder: the addresses of proxies.
        limits: the run's time limits.
        target: another host than the scene's (an address, for the control ``connect_by_address``).
    """
    host = target or scene.host
    port = vantage.connect_port(scene.port)
    lookup: resolve.Lookup | None = None
    addresses: Sequence[str] = (proxy.host,) if is_address(proxy.host) else ()
    if proxy.lab_address is not None:
        addresses = (proxy.lab_address,)
    if not addresses:
        lookup = await finder.find(scene, vantage, proxy)
        addresses = lookup.addresses
    started = trio.current_time()
    if lookup is not None and not addresses:
        ended = _Ended(failure=_why_no_address(lookup), phase="dns", facts={"error": _resolver_of(lookup)})
    else:
        ended = await _through(scene, vantage, proxy, addresses, limits, host, port)
    detail = ProxyDetail(proxy=proxy.safe, target=_authority(host, port), phase=ended.phase, **ended.facts)
    observation = scene.observe(Step.PROXY, started, ended.failure, detail)
    return msgspec.structs.replace(observation, limit_seconds=ended.limit), ended.stream


async def _through(
    scene: Scene,
    vantage: Vantage,
    proxy: ProxyServer,
    addresses: Sequence[str],
    limits: Limits,
    host: str,
    port: int,
) -> _Ended:
    at_proxy = msgspec.structs.replace(scene, host=proxy.host, port=proxy.port)
    observation, sock = await tcp.connect(at_proxy, addresses[0], proxy.connect_port, limits)
    for address in addresses[1:]:  # as the agents do; which of the proxy's addresses are dead is its owner's matter
        if sock is not None:
            break
        observation, sock = await tcp.connect(at_proxy, address, proxy.connect_port, limits)
    if sock is None:
        assert isinstance(observation.detail, TcpDetail)
        facts = {"error": _tcp_words(observation), "addresses": tuple(addresses), "bridge": bridge_to(addresses[0])}
        return _Ended(failure=observation.failure, phase="tcp", facts=facts, limit=observation.limit_seconds)
    stream: Stream = sock
    if proxy.scheme == "https":
        observation, encrypted = await tls.handshake(at_proxy, sock, tls.verified(vantage, proxy.host), limits)
        if encrypted is None:
            facts = {"error": _tls_words(observation), "addresses": tuple(filter(None, [observation.address]))}
            return _Ended(failure=observation.failure, phase="tls", facts=facts, limit=observation.limit_seconds)
        stream = encrypted
    return await _ask(proxy, stream, limits, host, port)


async def _ask(proxy: ProxyServer, stream: Stream, limits: Limits, host: str, port: int) -> _Ended:
    """Ask for the tunnel; whatever happens short of an open one, the stream is closed."""
    started = trio.current_time()
    ended = _Ended(failure=Failure.TIMEOUT, phase="connect", facts={"authenticated": proxy.username is not None})
    try:
        with limits.within(Step.PROXY) as limited:
            ended = await (_socks if proxy.scheme == "socks5" else _connect)(proxy, stream, host, port)
            limits.learn(Step.PROXY, trio.current_time() - started)
        if limited.cancelled_caught:
            ended = msgspec.structs.replace(ended, limit=round(limited.deadline - started, 3))
    except trio.BrokenResourceError as error:
        ended = msgspec.structs.replace(ended, failure=classify.of_stream_error(error))
    except EOFError:
        ended = msgspec.structs.replace(ended, failure=Failure.EOF)
    finally:
        if ended.failure is not None:
            stream.close()
    return ended


async def _socks(proxy: ProxyServer, stream: Stream, host: str, port: int) -> _Ended:
    answer = await socks.connect(stream, proxy, host, port)
    facts: dict[str, Any] = {"authenticated": answer.authenticated, "status": answer.reply}
    if answer.reply:
        facts["reason"] = socks.REPLIES.get(answer.reply, "")
    return _Ended(failure=answer.failure, phase="connect", stream=None if answer.failure else stream, facts=facts)


async def _connect(proxy: ProxyServer, stream: Stream, host: str, port: int) -> _Ended:
    authority = _authority(host, port)
    headers = [("Host", authority), ("User-Agent", "netprobe"), ("Proxy-Connection", "Keep-Alive")]
    authenticated = proxy.username is not None
    if authenticated:
        token = base64.b64encode(f"{proxy.username}:{proxy.password or ''}".encode()).decode("ascii")
        headers.append(("Proxy-Authorization", f"Basic {token}"))
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    request = h11.Request(method="CONNECT", target=authority, headers=headers)
    sent = connection.send(request)
    sent_end = connection.send(h11.EndOfMessage())
    assert sent is not None
    assert sent_end is not None
    await stream.send_all(sent + sent_end)
    try:
        answer = await _answer(connection, stream)
    except h11.RemoteProtocolError:
        facts = {"authenticated": authenticated, "error": "the answer is no HTTP"}
        return _Ended(failure=Failure.PROXY_NOT_A_PROXY, phase="connect", facts=facts)
    told = _Head(answer)
    failure = classify.of_connect_status(
        answer.status_code,
        told.squid_error,
        authenticated=authenticated,
        is_proxy=bool(told.via or told.squid_error or told.challenges),
    )
    facts = {
        "status": answer.status_code,
        "reason": printable(answer.reason.decode("latin-1"), 100),
        "server": told.server,
        "via": told.via,
        "error_header": told.squid_error,
        "authenticate": told.challenges,
        "authenticated": authenticated,
    }
    return _Ended(failure=failure, phase="connect", stream=None if failure else stream, facts=facts)


async def _answer(connection: h11.Connection, stream: Stream) -> h11.Response:
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            return event
        if event is h11.NEED_DATA:
            data = await stream.receive_some(CHUNK)
            if not data:
                raise EOFError
            connection.receive_data(bytes(data))


class _Head:
    """The headers of a proxy's answer that matter, safe to print."""

    def __init__(self, answer: h11.Response) -> None:
        found: dict[str, list[str]] = {}
        for name, value in answer.headers:
            found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

        def first(name: str) -> str:
            return printable(found.get(name, [""])[0], 100)

        self.server = first("server") or first("proxy-agent")
        self.via = first("via")
        self.squid_error = first("x-squid-error")
        values = [value.split(maxsplit=1) for value in found.get("proxy-authenticate", ())]
        self.challenges = tuple(dict.fromkeys(printable(v[0].rstrip(","), 30) for v in values if v))[:_MAX_SCHEMES]


def bridge_to(address: str, table: Path = Path(routes.ROUTE)) -> str:
    """The bridge of containers to which this host's routes send what is meant for an address, or nothing.

    Args:
        address: an address of a proxy that could not be connected to.
        table: the kernel's IPv4 routes.
    """
    target = ipaddress.ip_address(address)
    try:
        lines = table.read_text(encoding="ascii").splitlines()
    except OSError:  # a kernel that shows no table: nothing is known of the way
        return ""
    direct = [(network.prefixlen, name) for name, network in routes.networks(lines) if target in network]
    _, nearest = max(direct, default=(0, ""))
    return nearest if nearest.startswith(_BRIDGES) else ""


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _why_no_address(lookup: resolve.Lookup) -> Failure:
    """The failure of the first resolver, NXDOMAIN before the rest: it is what the host is told."""
    failures = [o.failure for o in lookup.observations if o.failure is not None]
    for preferred in (Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER):
        if preferred in failures:
            return preferred
    return failures[0] if failures else Failure.DNS_NO_ANSWER


def _resolver_of(lookup: resolve.Lookup) -> str:
    asked = {o.detail.resolver for o in lookup.observations if isinstance(o.detail, DnsDetail)}
    return printable(f"asked {', '.join(natural.ordered(asked))}") if asked else "no resolver was asked"


def _tcp_words(observation: Observation) -> str:
    detail = observation.detail
    assert isinstance(detail, TcpDetail)
    words = [str(observation.address), detail.errno]
    if detail.icmp_type is not None:
        words.append(f"ICMP type {detail.icmp_type} code {detail.icmp_code} from {detail.icmp_from}")
    return " ".join(word for word in words if word)


def _tls_words(observation: Observation) -> str:
    detail = observation.detail
    assert isinstance(detail, TlsDetail)
    code = f"verify code {detail.verify_code}" if detail.verify_code is not None else ""
    return " ".join(word for word in (detail.reason, code, detail.error) if word)
