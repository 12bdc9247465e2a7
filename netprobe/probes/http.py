"""HTTP: one request over the connection that is already open, and who answered it.

The request is the catalog's: unsigned, harmless, and such that the genuine service proves itself in the answer. The
step reads at most :data:`MAX_BODY` of the body, decodes no compression, follows no redirect, and stores no page text
but its title. The Date header gives the host's clock error (RFC 9110 section 6.6.1).
"""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import html
import re
from collections.abc import Mapping
from typing import Any

import h11
import httpx
import msgspec
import trio

from netprobe import __version__
from netprobe import origin as origins
from netprobe.catalog.model import Request
from netprobe.errors import printable
from netprobe.observations import Failure, HttpDetail, Observation, Step
from netprobe.probes import classify, recognise, rooms
from netprobe.probes.limits import Limits
from netprobe.probes.recognise import ServiceAnswer
from netprobe.probes.scene import Scene
from netprobe.probes.transport import AnswerTooLarge

MAX_BODY = 65536
BRIEF = 60
"""Characters of each text of an answer, where a run has met more than it keeps."""
_HEADERS_TOO_LARGE = 431
_TITLE = re.compile(rb"<title[^>]{0,200}>([^<]{0,400})", re.IGNORECASE)
USER_AGENT = f"netprobe/{__version__}"


class Reading(msgspec.Struct):
    """What came back so far, also when a limit ends it.

    Attributes:
        answer: the answer; without its body until that is complete.
    """

    answer: ServiceAnswer | None = None


async def request(
    scene: Scene,
    transport: httpx.AsyncBaseTransport,
    wanted: Request,
    limits: Limits,
    *,
    address: str | None = None,
    secure: bool = True,
    origin: bool = False,
) -> tuple[Observation, ServiceAnswer | None]:
    """Make one request over an open connection; the caller closes it.

    Args:
        scene: what is probed.
        transport: the open connection, as httpx sees it.
        wanted: the catalog's request, and the mark of the genuine service.
        limits: the run's time limits.
        address: the peer's address, or None through a proxy.
        secure: whether the connection is TLS.
        origin: whether the handshake of this connection said that the origin answers (:mod:`netprobe.origin`).
    """
    started, reading = trio.current_time(), Reading()
    began = datetime.datetime.now(datetime.UTC)
    sent = build(scene, wanted.method, wanted.path, wanted.headers, secure=secure)
    failure: Failure | None = Failure.TIMEOUT
    error = ""
    limited: trio.CancelScope | None = None
    try:
        with limits.within(Step.HTTP) as limited:
            await exchange(transport, sent, reading)
            failure = None
    except (httpx.NetworkError, httpx.ProtocolError) as trouble:
        failure, error = of_http_error(trouble), type(trouble).__name__
    genuine = False
    if reading.answer is not None:
        judged, genuine = recognise.judge(
            reading.answer, wanted.genuine, scene.host, origin=origin, public=wanted.public
        )
        if failure is None or failure is Failure.HTTP_TOO_LARGE:  # what the head says is worth more than the size
            failure = judged
    if origin:
        failure = origins.settled(failure, reading.answer.status if reading.answer is not None else None, Step.HTTP)
    if failure is None:
        limits.learn(Step.HTTP, trio.current_time() - started)
    detail = HttpDetail(
        method=wanted.method,
        path=wanted.path,
        origin=origin,
        genuine=genuine,
        bytes_received=getattr(transport, "bytes_received", 0),
        error=error,
        **describe(reading.answer, began, trio.current_time() - started),
    )
    return scene.observe(Step.HTTP, started, failure, detail, address=address, limited=limited), reading.answer


def build(scene: Scene, method: str, path: str, headers: Mapping[str, str], *, secure: bool = True) -> httpx.Request:
    """The request as it goes out: Host, User-Agent and what the catalog adds."""
    scheme, default = ("https", 443) if secure else ("http", 80)
    authority = scene.host if scene.port == default else f"{scene.host}:{scene.port}"
    return httpx.Request(
        method,
        f"{scheme}://{authority}{path}",
        headers={"User-Agent": USER_AGENT, "Accept": "*/*", **headers},
    )


async def exchange(transport: httpx.AsyncBaseTransport, sent: httpx.Request, reading: Reading) -> httpx.Response:
    """Send a request and read a bounded answer into ``reading``."""
    response = await transport.handle_async_request(sent)
    headers = {name: response.headers[name] for name in response.headers}
    reading.answer = ServiceAnswer(status=response.status_code, headers=headers)
    if response.status_code == 101:
        return response
    body = bytearray()
    async for part in response.stream:  # type: ignore[union-attr]
        body += part[: MAX_BODY - len(body)]
    reading.answer = ServiceAnswer(status=response.status_code, headers=headers, body=bytes(body))
    return response


async def how_it_ends(transport: httpx.AsyncBaseTransport, sent: httpx.Request) -> Failure | None:
    """Send a request and say what ended it before its answer was complete, or None; the answer is not kept."""
    try:
        await exchange(transport, sent, Reading())
    except (httpx.NetworkError, httpx.ProtocolError) as trouble:
        return of_http_error(trouble)
    return None


def of_http_error(error: httpx.NetworkError | httpx.ProtocolError) -> Failure:
    """Judge what ended an exchange before its answer was complete."""
    if isinstance(error, AnswerTooLarge):
        return Failure.HTTP_TOO_LARGE
    cause = error.__cause__ or error.__context__
    if isinstance(cause, h11.RemoteProtocolError):
        too_large = cause.error_status_hint == _HEADERS_TOO_LARGE
        return Failure.HTTP_TOO_LARGE if too_large else Failure.HTTP_MALFORMED
    if isinstance(error, httpx.ProtocolError):  # the transport's own: the peer closed before it answered
        return Failure.EOF
    return classify.of_stream_error(error)


def describe(answer: ServiceAnswer | None, began: datetime.datetime, took: float) -> dict[str, Any]:
    """The fields of a detail that an answer fills."""
    if answer is None:
        return {}
    headers = answer.headers
    told = {
        "server": printable(headers.get("server", ""), 100),
        "via": printable(headers.get("via", ""), 100),
        "location": printable(headers.get("location", "")),
        "content_type": printable(answer.content_type, 100),
        "title": title(answer),
    }
    names, values = recognise.header_names(answer), recognise.telling_values(answer)
    if not rooms.answers.takes(_characters(told, names, values)):
        told, names, values = {name: printable(text, BRIEF) for name, text in told.items()}, (), {}
    return {
        "status": answer.status,
        "request_id": recognise.request_id(answer),
        "headers": rooms.shared(names),
        "values": values,
        "error_word": recognise.error_word(answer),
        "body_sha256": hashlib.sha256(answer.body).hexdigest() if answer.body else "",
        "date_skew_seconds": skew(headers.get("date", ""), began, took),
        **told,
    }


def _characters(told: Mapping[str, str], names: tuple[str, ...], values: Mapping[str, str]) -> int:
    """The characters that a peer chose itself, but for header names that other answers have too."""
    own = () if rooms.is_shared(names) else names
    return sum(map(len, (*told.values(), *own, *values.values())))


def title(answer: ServiceAnswer) -> str:
    """The title of an HTML page, for people, safe to print; nothing where the body is compressed."""
    match = _TITLE.search(answer.body) if answer.is_html and "content-encoding" not in answer.headers else None
    if match is None:
        return ""
    return printable(" ".join(html.unescape(match.group(1).decode("utf-8", errors="replace")).split()), 100)


def skew(date: str, began: datetime.datetime, took: float) -> float | None:
    """The host's clock minus the Date header, half the round trip taken off; None without a usable Date."""
    try:
        told = email.utils.parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if told.tzinfo is None:
        told = told.replace(tzinfo=datetime.UTC)
    # The header has whole seconds, cut off: on average the server's clock was half a second later.
    return round((began - told).total_seconds() + took / 2 - 0.5, 3)
