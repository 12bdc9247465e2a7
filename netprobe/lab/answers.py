"""What the genuine services answer to an unsigned request, and what stands in their place when something is wrong.

The shapes are those of facts that were read in public transcripts and in the agents' source (2026-11-23): an
``x-amzn-RequestId`` on every AWS API, the 401 of an ECR registry, the two request ids of S3, the two JSON bodies of the
ECS agents' endpoints. Status codes that no source confirms are plausible ones; a probe must lean on the marks alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from netprobe.catalog.model import Genuine
from netprobe.lab.behaviour import HttpMode

SWITCHING_PROTOCOLS = 101
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_UPGRADE_HEADERS = frozenset({"upgrade", "connection", "sec-websocket-key", "sec-websocket-version"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request, as far as the lab reads it.

    Attributes:
        method: as sent.
        path: the request target.
        headers: names in lower case; of repeated ones, the last.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks_upgrade(self) -> bool:
        """Whether it asks for a WebSocket (RFC 6455 section 4.1)."""
        return self.headers.get("upgrade", "").lower() == "websocket"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """One answer; the server adds Date, Content-Length and Connection.

    Attributes:
        status: the status code.
        headers: in the order in which they are sent.
        body: the body.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def _aws_api(host: str, request: HttpRequest) -> HttpAnswer:
    identified = ("x-amzn-RequestId", str(uuid.uuid4()))
    if request.method == "OPTIONS":
        cors = (
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Allow-Headers", "Content-Type,X-Amz-Target,Authorization,amz-sdk-invocation-id"),
            ("Access-Control-Allow-Methods", "GET,POST"),
            ("Access-Control-Expose-Headers", "x-amzn-RequestId,x-amzn-ErrorType"),
            ("Access-Control-Max-Age", "172800"),
        )
        return HttpAnswer(status=200, headers=(identified, *cors))
    if request.path == "/ping":
        return HttpAnswer(
            status=200, headers=(identified, ("Content-Type", "text/plain")), body=f"healthy: {host} ".encode()
        )
    if request.method == "POST" or request.asks_upgrade:
        body = json.dumps({"__type": "MissingAuthenticationTokenException", "message": "Missing Authentication Token"})
        kind = ("Content-Type", "application/x-amz-json-1.1")
        return HttpAnswer(status=400, headers=(identified, kind), body=body.encode())
    return HttpAnswer(status=404, headers=(identified,), body=b"<UnknownOperationException/>\n")


def _ecs_websocket(_host: str, request: HttpRequest) -> HttpAnswer:
    kind = ("Content-Type", "application/json")
    path = request.path.partition("?")[0]
    if path == "/ws" and request.asks_upgrade:
        return HttpAnswer(status=403, headers=(kind,), body=b'{"AccessDeniedException":"Forbidden"}')
    body = json.dumps({f"Request to path {path[:100]} is not supported": "InvalidURIException"}, separators=(",", ":"))
    return HttpAnswer(status=400, headers=(kind,), body=body.encode())


def _ecr_registry(host: str, _request: HttpRequest) -> HttpAnswer:
    return HttpAnswer(
        status=401,
        headers=(
            ("Docker-Distribution-Api-Version", "registry/2.0"),
            ("Www-Authenticate", f'Basic realm="https://{host}/",service="ecr.amazonaws.com"'),
            ("Content-Type", "text/plain; charset=utf-8"),
        ),
        body=b"Not Authorized\n",
    )


def _docker_registry(host: str, _request: HttpRequest) -> HttpAnswer:
    return HttpAnswer(
        status=401,
        headers=(
            ("Docker-Distribution-Api-Version", "registry/2.0"),
            ("Www-Authenticate", f'Bearer realm="https://{host}/token/",service="{host}"'),
            ("Content-Type", "application/json"),
        ),
        body=b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}',
    )


def _s3(_host: str, _request: HttpRequest) -> HttpAnswer:
    return HttpAnswer(
        status=403,
        headers=(
            ("x-amz-request-id", secrets.token_hex(8).upper()),
            ("x-amz-id-2", base64.b64encode(secrets.token_bytes(48)).decode()),
            ("Content-Type", "application/xml"),
            ("Server", "AmazonS3"),
        ),
        body=b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>',
    )


def _third_party(_host: str, _request: HttpRequest) -> HttpAnswer:
    return HttpAnswer(status=200, headers=(("Content-Type", "text/plain"),), body=b"ok\n")


def granted(request: HttpRequest, *, right: bool = True) -> HttpAnswer:
    """The grant of an upgrade (RFC 6455 section 4.2.2).

    Args:
        request: the upgrade.
        right: whether the answer fits the key that was sent.
    """
    key = request.headers.get("sec-websocket-key", "").encode("latin-1")
    known = key if right else b"another key"
    accept = base64.b64encode(hashlib.sha1(known + _GUID, usedforsecurity=False).digest()).decode("ascii")
    return HttpAnswer(
        status=SWITCHING_PROTOCOLS,
        headers=(("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)),
    )


_GENUINE = {
    Genuine.AWS_API: _aws_api,
    Genuine.ECS_WEBSOCKET: _ecs_websocket,
    Genuine.ECR_REGISTRY: _ecr_registry,
    Genuine.DOCKER_REGISTRY: _docker_registry,
    Genuine.S3: _s3,
    Genuine.HTTP: _third_party,
}

_HTML = ("Content-Type", "text/html; charset=utf-8")
_IN_PLACE = {
    HttpMode.BLOCK_PAGE: HttpAnswer(
        status=403,
        headers=(_HTML, ("Server", "Example-Web-Filter/7.1")),
        body=(
            b"<!DOCTYPE html><html><head><title>Access denied</title></head><body><h1>Access denied</h1>"
            b"<p>This site is blocked by the policy of Example Corp (category: not allowed).</p></body></html>"
        ),
    ),
    HttpMode.CAPTIVE_PORTAL: HttpAnswer(
        status=302,
        headers=(("Location", "https://login.portal.example/?continue=1"), _HTML),
        body=b"<html><head><title>Sign in to the network</title></head><body>Sign in</body></html>",
    ),
    HttpMode.FOREIGN: HttpAnswer(
        status=200,
        headers=(("Content-Type", "application/json"), ("Server", "nginx/1.22.1")),
        body=b'{"status":"ok","service":"inventory"}',
    ),
}


def answer(genuine: Genuine, mode: HttpMode, host: str, request: HttpRequest) -> HttpAnswer:
    """What a host says to one request.

    Args:
        genuine: which service it stands for.
        mode: what is wrong with it, if anything (``STALL`` and ``CUT`` are the server's business).
        host: the host's name.
        request: what was asked.
    """
    if mode in _IN_PLACE:
        return _IN_PLACE[mode]
    if mode is HttpMode.REFUSE_UPGRADE and request.asks_upgrade:
        return _IN_PLACE[HttpMode.BLOCK_PAGE]
    if mode is HttpMode.GRANT_UPGRADE and request.asks_upgrade:
        return granted(request)
    if mode is HttpMode.STRIP_UPGRADE:
        kept = {name: value for name, value in request.headers.items() if name not in _UPGRADE_HEADERS}
        request = replace(request, headers=kept)
    told = _GENUINE[genuine](host, request)
    if mode is HttpMode.SERVICE_ERROR:
        return HttpAnswer(status=503, headers=told.headers, body=b"<ServiceUnavailableException/>\n")
    return told
