"""A small AWS-shaped network for runner tests: one DNS server and one TLS server on loopback, and endpoints for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio
import trustme

from netprobe.catalog.model import Agent, Endpoint, Genuine, Request
from netprobe.vantage import Vantage
from tests.support import probe_servers
from tests.support.probe_servers import DnsServer, Zone, http_handler, serve, server_context, tls_handler

SUFFIX = "us-east-2.amazonaws.com"
ECS = f"ecs.{SUFFIX}"
SSM = f"ssm.{SUFFIX}"
AWS = b"HTTP/1.1 400 Bad Request\r\nx-amzn-RequestId: 1-2-3\r\nContent-Length: 2\r\n\r\n{}"


@dataclass(frozen=True)
class Facts:
    """What a run keeps of the catalog."""

    version: str = "2026.11"
    digest: str = "d" * 64
    imported_from: str = ""


def endpoint(name: str, pattern: str, *, numbered: bool = False) -> Endpoint:
    """An endpoint as the catalog would give it."""
    return Endpoint(
        id=name,
        region="us-east-2",
        group="control",
        pattern=pattern,
        port=443,
        purpose="test",
        used_by=(Agent.ECS_AGENT,),
        required=True,
        source="test",
        checked="2026-11-23",
        request=Request(genuine=Genuine.AWS_API),
        numbered=numbered,
    )


@asynccontextmanager
async def network(
    tmp_path: Path, answer: Zone, *, handler: probe_servers.Handler | None = None
) -> AsyncIterator[tuple[Vantage, DnsServer]]:
    """DNS and one TLS server on 127.0.0.1; names that the zone sends to 127.0.0.x all reach it (0.0.0.0 listens)."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    ca = probe_servers.pem(authority, tmp_path / "ca.pem")
    context = server_context(authority.issue_cert(f"*.{SUFFIX}"))
    server = DnsServer(answer)
    with ExitStack() as stack:
        port = stack.enter_context(serve(handler or tls_handler(context, http_handler(AWS)), address="0.0.0.0"))
        async with trio.open_nursery() as nursery:
            resolver = await server.start(nursery)
            yield probe_servers.vantage(resolvers=(resolver,), ca=ca, ports={443: port}), server
            nursery.cancel_scope.cancel()
