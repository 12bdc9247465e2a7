"""Odd but genuine answers: what the services, their load balancers and their content networks really say at times.

Each was seen in public, in transcripts, issues or error pages (facts, sections 6 and 11, 2026-11-28); which of them a
service gives to *our* requests, nobody has recorded. Over a chain of the origin none of them may make a host NOT READY,
since nobody on the way can have written them. Over an inspector's chain the same bytes may be that device's own: what
must be said then stands beside.

``netprobe check --lab answer-NAME`` plays one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from netprobe.findings import Verdict
from netprobe.lab.answers import HttpAnswer, HttpRequest, granted


class On(StrEnum):
    """Which requests are answered so; the others get the ordinary answer."""

    EVERY = "every"
    PLAIN = "plain"
    UPGRADE = "upgrade"
    OPTIONS = "options"


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """One odd answer.

    Attributes:
        name: unique.
        summary: one sentence for people.
        at: ids of the endpoints that give it.
        on: to which requests.
        answer: what is said; None where the connection is closed instead.
        raw: bytes in the place of an HTTP answer, or nothing.
        grants: the upgrade is granted first (101).
        then: bytes after the answer (WebSocket frames).
        silent: nothing is said at all.
        finding: the one warning that it makes over a chain of the origin, or nothing for a pass.
        inspected: the finding beside ``tls_intercepted_trusted`` over an inspector's chain, or nothing.
    """

    name: str
    summary: str
    at: tuple[str, ...]
    on: On = On.EVERY
    answer: HttpAnswer | None = None
    raw: bytes = b""
    grants: bool = False
    then: bytes = b""
    silent: bool = False
    finding: str = ""
    inspected: str = ""

    @property
    def verdict(self) -> Verdict:
        """What netprobe must conclude over a chain of the origin."""
        return Verdict.DEGRADED if self.finding else Verdict.READY

    def applies(self, request: HttpRequest) -> bool:
        """Whether this request is answered so."""
        if self.on is On.UPGRADE:
            return request.asks_upgrade
        if self.on is On.PLAIN:
            return not request.asks_upgrade
        return self.on is On.EVERY or request.method == "OPTIONS"

    def answer_to(self, request: HttpRequest) -> HttpAnswer | None:
        """The answer to a request; None to close."""
        return granted(request, right=not self.raw) if self.grants else self.answer


def _html(title: str) -> bytes:
    head = f"<head><title>{title}</title></head>"
    return f"<html>\r\n{head}\r\n<body><center><h1>{title}</h1></center></body>\r\n</html>".encode()


def _page(status: int, title: str, server: str, *more: tuple[str, str]) -> HttpAnswer:
    headers = (*((("Server", server),) if server else ()), ("Content-Type", "text/html; charset=UTF-8"), *more)
    return HttpAnswer(status=status, headers=headers, body=_html(title))


def _text(status: int, body: str = "", kind: str = "text/plain", *more: tuple[str, str]) -> HttpAnswer:
    return HttpAnswer(status=status, headers=(("Content-Type", kind), *more), body=body.encode())


def _json(status: int, body: str, *more: tuple[str, str]) -> HttpAnswer:
    return _text(status, body, "application/json", *more)


_PAGES = {
    400: "400 Bad Request",
    403: "403 Forbidden",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}
_ERROR = ("X-Cache", "Error from cloudfront")
_CF_ID = ("X-Amz-Cf-Id", "k7mJ0i3lQnGxT2bqvH0wqkPnX1oVYcZ3s5p5xJ6a2w8yL9dRrZ1tQg==")
_ECS_A, _ECS_T = ("ecs-a",), ("ecs-t",)


def _load_balancers() -> tuple[Odd, ...]:
    """Application and classic load balancers (awselb/2.0 pages; an empty 503 without a healthy backend)."""
    plain = tuple(
        Odd(
            name=f"awselb-{status}",
            summary=f"The load balancer before ssm answers {title}.",
            at=("ssm",),
            answer=_page(status, title, "awselb/2.0"),
            finding="http_service_error" if status >= 500 else "",
            inspected="http_block_page",
        )
        for status, title in _PAGES.items()
    )
    upgrades = tuple(
        Odd(
            name=f"awselb-upgrade-{status}",
            summary=f"The load balancer before ecs-a answers upgrades with {title}.",
            at=_ECS_A,
            on=On.UPGRADE,
            answer=_page(status, title, "awselb/2.0"),
            inspected="websocket_refused_by_proxy",
        )
        for status, title in _PAGES.items()
    )
    classic = Odd(
        name="classic-elb-503",
        summary="A classic load balancer without a healthy backend answers 503, empty.",
        at=("ecs",),
        answer=HttpAnswer(status=503),
        finding="http_service_error",
        inspected="http_foreign_answer",
    )
    return (*plain, *upgrades, classic)


def _networks() -> tuple[Odd, ...]:
    """Content networks: CloudFront, Fastly (Varnish), Cloudflare, and nginx before a registry."""
    refused = "http_source_refused"

    def odd(name: str, summary: str, at: str, answer: HttpAnswer, finding: str, inspected: str) -> Odd:
        return Odd(name=name, summary=summary, at=(at,), answer=answer, finding=finding, inspected=inspected)

    cloudfront = tuple(
        odd(
            f"cloudfront-{status}",
            f"CloudFront answers {status} with a page of its own.",
            "public-ecr-layers",
            _page(status, "ERROR: The request could not be satisfied", "CloudFront", _ERROR, _CF_ID),
            refused if status == 403 else "http_service_error",
            refused if status == 403 else "http_service_error",
        )
        for status in (403, 502, 503, 504)
    )
    store = HttpAnswer(
        status=403,
        headers=(
            ("Content-Type", "application/xml"),
            ("Server", "AmazonS3"),
            ("X-Amz-Request-Id", "AB12"),
            _ERROR,
            _CF_ID,
        ),
        body=b"<Error><Code>AccessDenied</Code></Error>",
    )
    cloudflare = tuple(
        odd(
            f"cloudflare-{status}",
            f"Cloudflare answers {status} with a page of its own.",
            "docker-hub-layers",
            _page(status, f"{status}: error", "cloudflare", ("CF-RAY", "8f0c2b1a9d3e4f5a-IAD")),
            refused if status == 403 else "http_service_error",
            "http_block_page",
        )
        for status in (403, 520, 522, 526)
    )
    return (
        *cloudfront,
        odd("cloudfront-s3-403", "S3 refuses behind CloudFront.", "public-ecr-layers-2", store, "", ""),
        *cloudflare,
        odd(
            "varnish-503",
            "Varnish before GitHub answers 503 with a page of its own.",
            "installer-keys",
            _page(503, "503 Backend fetch failed", "Varnish", ("X-Cache", "MISS")),
            "http_service_error",
            "http_block_page",
        ),
        odd(
            "nginx-503",
            "nginx before Docker Hub's registry answers 503.",
            "docker-hub-registry",
            _page(503, _PAGES[503], "nginx"),
            "http_service_error",
            "http_block_page",
        ),
        odd(
            "nginx-502",
            "nginx before Docker Hub's registry answers 502.",
            "docker-hub-registry",
            _page(502, _PAGES[502], "nginx"),
            "http_service_error",
            "http_block_page",
        ),
    )


def _objects() -> tuple[Odd, ...]:
    """Public objects: the installer's key at GitHub, and VERSION in S3."""
    key, version, refused = ("installer-keys",), ("installer-packages",), "http_source_refused"
    xml = "application/xml"

    def s3(status: int, code: str) -> HttpAnswer:
        ids = (("x-amz-request-id", "Q2W3E4R5T6Y7U8I9"), ("x-amz-id-2", "c29tZSBvcGFxdWUgaWQ="), ("Server", "AmazonS3"))
        return _text(status, f"<Error><Code>{code}</Code></Error>", xml, *ids)

    return (
        Odd(
            name="github-403",
            summary="GitHub refuses the installer's key with a page.",
            at=key,
            answer=_page(403, "Forbidden", "GitHub.com"),
            finding=refused,
            inspected="http_block_page",
        ),
        Odd(
            name="github-404",
            summary="GitHub does not know the installer's key any more.",
            at=key,
            answer=_text(404, "404: Not Found"),
            finding=refused,
            inspected="http_foreign_answer",
        ),
        Odd(
            name="github-404-request-id",
            summary="GitHub does not know the installer's key any more, and names its request.",
            at=key,
            answer=_text(404, "404: Not Found", "text/plain", ("X-GitHub-Request-Id", "A1B2:3C4D:5E6F")),
            finding=refused,
            inspected=refused,
        ),
        Odd(
            name="github-451",
            summary="GitHub withholds the installer's key for legal reasons.",
            at=key,
            answer=_text(451, "Unavailable"),
            finding=refused,
            inspected="http_block_page",
        ),
        Odd(
            name="github-429",
            summary="GitHub has had too many requests from this address.",
            at=key,
            answer=_text(429, "429: Too Many Requests", "text/plain", ("Retry-After", "60")),
            finding="http_service_error",
            inspected="http_foreign_answer",
        ),
        Odd(
            name="github-301",
            summary="GitHub has moved the installer's key.",
            at=key,
            answer=_text(301, "", "text/plain", ("Location", "https://raw.example.net/key")),
            inspected="http_captive_portal",
        ),
        Odd(
            name="s3-403",
            summary="S3 refuses VERSION, as a VPC endpoint's policy makes it.",
            at=version,
            answer=s3(403, "AccessDenied"),
            finding=refused,
            inspected=refused,
        ),
        Odd(
            name="s3-404",
            summary="S3 has no VERSION.",
            at=version,
            answer=s3(404, "NoSuchKey"),
            finding=refused,
            inspected=refused,
        ),
        Odd(
            name="s3-503",
            summary="S3 asks to slow down.",
            at=version,
            answer=s3(503, "SlowDown"),
            finding="http_service_error",
            inspected="http_service_error",
        ),
        Odd(
            name="s3-307",
            summary="S3 sends to another region's endpoint.",
            at=version,
            answer=_text(307, "", xml, ("Location", "https://s3.us-west-2.amazonaws.com/x"), ("Server", "AmazonS3")),
        ),
    )


def _registries() -> tuple[Odd, ...]:
    hub, ours, trouble = ("docker-hub-registry",), ("ecr-registry",), "http_service_error"
    version = ("Docker-Distribution-Api-Version", "registry/2.0")
    many = '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'
    basic = ("Www-Authenticate", 'Basic realm="https://registry/",service="ecr.amazonaws.com"')
    return (
        Odd(
            name="registry-429",
            summary="Docker Hub's pull limit is reached.",
            at=hub,
            answer=_json(429, many, version),
            finding=trouble,
            inspected=trouble,
        ),
        Odd(
            name="registry-429-bare",
            summary="A public registry has had too many requests.",
            at=("public-ecr",),
            answer=_json(429, '{"errors":[{"code":"TOOMANYREQUESTS"}]}'),
            finding=trouble,
            inspected="http_foreign_answer",
        ),
        Odd(
            name="registry-500",
            summary="Docker Hub's registry fails.",
            at=hub,
            answer=_json(500, '{"errors":[{"code":"UNKNOWN"}]}', version),
            finding=trouble,
            inspected=trouble,
        ),
        Odd(
            name="registry-401-bare",
            summary="The ECR registry asks for credentials and tells no version.",
            at=ours,
            answer=_text(401, "Not Authorized\n", "text/plain", basic),
            inspected="http_foreign_answer",
        ),
        Odd(
            name="registry-403",
            summary="The ECR registry denies without asking for credentials.",
            at=ours,
            answer=_json(403, '{"errors":[{"code":"DENIED"}]}'),
            inspected="http_block_page",
        ),
        Odd(
            name="registry-404",
            summary="The ECR registry knows no such account.",
            at=ours,
            answer=_json(404, '{"errors":[{"code":"NAME_UNKNOWN"}]}'),
            inspected="http_foreign_answer",
        ),
        Odd(
            name="registry-405",
            summary="The ECR registry does not allow the method.",
            at=ours,
            answer=_json(405, "{}"),
            inspected="http_foreign_answer",
        ),
    )


def _apis() -> tuple[Odd, ...]:
    """AWS APIs: OPTIONS without a request id (seen of a4b, health, data.iot, portal.sso), and other refusals."""

    def odd(
        name: str, summary: str, answer: HttpAnswer, *, finding: str = "", inspected: str = "http_foreign_answer"
    ) -> Odd:
        return Odd(name=name, summary=summary, at=("logs",), answer=answer, finding=finding, inspected=inspected)

    xml = "application/xml"
    return (
        odd("options-200", "logs answers OPTIONS with 200 and no request id.", HttpAnswer(status=200)),
        odd("options-204", "logs answers OPTIONS with 204 and no request id.", HttpAnswer(status=204)),
        odd("options-allow", "logs names its methods.", HttpAnswer(status=200, headers=(("allow", "OPTIONS, POST"),))),
        odd("options-404", "logs knows no such path.", _text(404, "<UnknownOperationException/>\n", xml)),
        odd("options-405", "logs does not allow OPTIONS.", _text(405, "", "text/plain", ("Allow", "POST"))),
        odd(
            "options-400", "logs finds the request bad.", _json(400, '{"message":"Bad Request"}', ("Server", "AWS SSO"))
        ),
        odd(
            "options-403",
            "logs misses a token.",
            _text(403, "<MissingAuthenticationTokenException/>", xml),
            inspected="http_block_page",
        ),
        odd(
            "message-forbidden",
            "logs says Forbidden in JSON.",
            _json(403, '{"message":"Forbidden"}'),
            inspected="http_block_page",
        ),
        odd("options-415", "logs does not take this kind of content.", _text(415)),
        odd("options-421", "logs is asked on the wrong connection.", _text(421)),
        odd("options-426", "logs asks for another protocol.", _text(426, "", "text/plain", ("Upgrade", "h2c"))),
        odd(
            "options-429",
            "logs has had too many requests.",
            _json(429, '{"message":"Too Many Requests"}'),
            finding="http_service_error",
        ),
        odd("options-501", "logs does not implement OPTIONS.", _text(501), finding="http_service_error"),
        odd(
            "options-511",
            "logs answers 511.",
            _text(511),
            finding="http_service_error",
            inspected="http_captive_portal",
        ),
        odd(
            "server-exception",
            "logs fails with a ServerException.",
            _json(500, '{"__type":"ServerException","message":"try again"}'),
            finding="http_service_error",
        ),
        odd(
            "redirect",
            "logs redirects elsewhere.",
            _text(302, "", "text/html", ("Location", "https://console.example.net/")),
            inspected="http_captive_portal",
        ),
        odd("page-200", "logs answers with a page.", _page(200, "Welcome", "Server"), inspected="http_block_page"),
        Odd(
            name="no-http",
            summary="logs answers with something that is no HTTP.",
            at=("logs",),
            raw=b"\x15\x03\x03 something else\r\n\r\n",
            inspected="http_foreign_answer",
        ),
        Odd(
            name="huge-head",
            summary="logs answers with more headers than anybody reads.",
            at=("logs",),
            raw=b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 150_000 + b"\r\n\r\n",
            inspected="http_foreign_answer",
        ),
        Odd(
            name="closes-on-options",
            summary="logs closes the connection on OPTIONS, and answers GET.",
            at=("logs",),
            on=On.OPTIONS,
            finding="http_cut",
            inspected="http_cut",
        ),
        Odd(
            name="silent-on-options",
            summary="logs says nothing to OPTIONS, and answers GET.",
            at=("logs",),
            on=On.OPTIONS,
            silent=True,
            finding="http_stalled",
            inspected="http_stalled",
        ),
    )


def _close_frame(code: int) -> bytes:
    """RFC 6455 section 5.5.1."""
    return b"\x88\x02" + code.to_bytes(2, "big")


def _websockets() -> tuple[Odd, ...]:
    """What ecs-a, ecs-t and ssmmessages say to an upgrade (unsigned: never recorded)."""

    def odd(
        name: str,
        summary: str,
        answer: HttpAnswer | None,
        *,
        at: tuple[str, ...] = _ECS_A,
        inspected: str = "websocket_refused_by_proxy",
        **more: bytes | bool | str,
    ) -> Odd:
        return Odd(name=name, summary=summary, at=at, on=On.UPGRADE, answer=answer, inspected=inspected, **more)  # type: ignore[arg-type]

    stripped = "websocket_upgrade_stripped"
    ssm = ("ssmmessages",)
    return (
        odd(
            "upgrade-426",
            "ecs-a asks for another upgrade.",
            _text(426, "", "text/plain", ("Upgrade", "websocket")),
            inspected=stripped,
        ),
        odd("upgrade-200", "ecs-a answers the upgrade with 200.", _text(200, "ok")),
        odd("upgrade-400", "ecs-a finds the upgrade bad.", _text(400, "Bad Request")),
        odd("upgrade-401", "ecs-a asks for credentials.", _text(401)),
        odd("upgrade-404", "ecs-a knows no such path.", _text(404)),
        odd("upgrade-forbidden", "ecs-a says Forbidden in JSON.", _json(403, '{"message":"Forbidden"}')),
        odd("upgrade-429", "ecs-a has had too many upgrades.", _text(429)),
        odd(
            "upgrade-server-exception",
            "ecs-a fails with a ServerException.",
            _json(500, '{"ServerException":"internal"}'),
        ),
        odd(
            "upgrade-uri",
            "ecs-a supports no such path, and says so.",
            _json(400, '{"Request to path /ws is not supported":"InvalidURIException"}'),
            inspected=stripped,
        ),
        odd("upgrade-made-up", "ecs-a grants the upgrade with a wrong key.", None, grants=True, raw=b"wrong key"),
        odd(
            "upgrade-closed-1008",
            "ecs-t grants the upgrade and closes it by its policy.",
            None,
            at=_ECS_T,
            grants=True,
            then=_close_frame(1008),
            inspected="",
        ),
        odd(
            "upgrade-closed-1011",
            "ecs-t grants the upgrade and closes it by an error.",
            None,
            at=_ECS_T,
            grants=True,
            then=_close_frame(1011),
            inspected="",
        ),
        odd("upgrade-closes", "ecs-a closes the connection on an upgrade.", None, finding="http_cut"),
        odd(
            "ssm-bad-request",
            "ssmmessages finds the upgrade bad.",
            _text(
                400,
                '<BadRequest xmlns=""><message>Request is not authenticated.</message></BadRequest>',
                "application/xml",
            ),
            at=ssm,
        ),
        odd(
            "ssm-access-denied",
            "ssmmessages denies the upgrade.",
            _json(403, '{"__type":"AccessDeniedException"}'),
            at=ssm,
            inspected="",
        ),
        odd("ssm-upgrade-closes", "ssmmessages closes the connection on an upgrade.", None, at=ssm, finding="http_cut"),
        Odd(
            name="agents-get-500",
            summary="ecs-a fails with a ServerException on a plain request.",
            at=_ECS_A,
            on=On.PLAIN,
            answer=_json(500, '{"ServerException":"internal"}'),
            finding="http_service_error",
            inspected="http_foreign_answer",
        ),
        Odd(
            name="agents-get-200",
            summary="ecs-a answers a plain request with 200, empty.",
            at=_ECS_A,
            on=On.PLAIN,
            answer=HttpAnswer(status=200),
            inspected="http_foreign_answer",
        ),
    )


ODD: Mapping[str, Odd] = {
    odd.name: odd
    for odd in (
        *_load_balancers(),
        *_networks(),
        *_objects(),
        *_registries(),
        *_apis(),
        *_websockets(),
    )
}
