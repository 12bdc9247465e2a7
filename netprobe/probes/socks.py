"""SOCKS5: ask a proxy for a connection by name (RFC 1928), with user name and password where it wants them (RFC 1929).

The name goes to the proxy, as Go's client does it; nothing is resolved here. The ECS agent is the one program on the
host that takes ``socks5://``.
"""

from __future__ import annotations

import msgspec

from netprobe.observations import Failure
from netprobe.probes import classify
from netprobe.probes.streams import Stream
from netprobe.vantage import ProxyServer

_VERSION = 5
_NO_AUTHENTICATION = 0
_PASSWORD = 2
_NONE_ACCEPTABLE = 0xFF
_CONNECT = 1
_DOMAIN = 3
_ADDRESS_SIZES = {1: 4, 4: 16}
REPLIES = {
    1: "general failure",
    2: "not allowed by ruleset",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}


class SocksAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How a SOCKS server answered.

    Attributes:
        failure: what it met, or None for an open tunnel.
        reply: the reply byte, where it came to that.
        authenticated: whether credentials were sent.
    """

    failure: Failure | None
    reply: int | None = None
    authenticated: bool = False


class _NotSocks(Exception):
    """The peer does not speak SOCKS5."""


async def connect(stream: Stream, proxy: ProxyServer, host: str, port: int) -> SocksAnswer:
    """Ask an open connection to a SOCKS5 server for a tunnel.

    Raises:
        trio.BrokenResourceError: the connection broke.
        EOFError: the server closed it.
    """
    try:
        return await _negotiate(stream, proxy, host, port)
    except _NotSocks:
        return SocksAnswer(failure=Failure.PROXY_NOT_A_PROXY)


async def _negotiate(stream: Stream, proxy: ProxyServer, host: str, port: int) -> SocksAnswer:
    has_credentials = proxy.username is not None
    methods = bytes([_NO_AUTHENTICATION, _PASSWORD] if has_credentials else [_NO_AUTHENTICATION])
    await stream.send_all(bytes([_VERSION, len(methods)]) + methods)
    version, method = await _exactly(stream, 2)
    if version != _VERSION:
        raise _NotSocks
    authenticated = False
    if method == _NONE_ACCEPTABLE:
        return SocksAnswer(failure=Failure.PROXY_AUTH_REQUIRED)
    if method == _PASSWORD and has_credentials:
        authenticated = True
        user, password = (proxy.username or "").encode()[:255], (proxy.password or "").encode()[:255]
        await stream.send_all(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
        _, status = await _exactly(stream, 2)
        if status != 0:
            return SocksAnswer(failure=Failure.PROXY_AUTH_REJECTED, authenticated=True)
    elif method != _NO_AUTHENTICATION:
        raise _NotSocks
    return await _request(stream, host, port, authenticated=authenticated)


async def _request(stream: Stream, host: str, port: int, *, authenticated: bool) -> SocksAnswer:
    name = host.encode("ascii")
    await stream.send_all(bytes([_VERSION, _CONNECT, 0, _DOMAIN, len(name)]) + name + port.to_bytes(2, "big"))
    version, reply, _, kind = await _exactly(stream, 4)
    if version != _VERSION:
        raise _NotSocks
    failure = classify.of_socks_reply(reply)
    if failure is None:  # the bound address must be read, or it would stand before the tunnel's first byte
        size = _ADDRESS_SIZES.get(kind)
        if size is None:
            size = (await _exactly(stream, 1))[0]
        await _exactly(stream, size + 2)
    return SocksAnswer(failure=failure, reply=reply, authenticated=authenticated)


async def _exactly(stream: Stream, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = await stream.receive_some(size - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
