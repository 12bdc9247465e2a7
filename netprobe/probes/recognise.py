"""Who answered? Tells the genuine service from a block page, a captive portal and a stranger.

A pure function of one HTTP answer. The marks of the genuine services are headers and exact JSON bodies
(facts, section 6: "What an unsigned request answers", 2026-11-23); a status alone proves nothing, since a proxy answers
403 too. Page text is never read to decide: only headers, the content type, and the JSON error names of ecs-a and ecs-t.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from netprobe.catalog.model import Genuine
from netprobe.errors import printable
from netprobe.observations import Failure

_REQUEST_IDS = ("x-amzn-requestid", "x-amz-request-id", "x-amz-cf-id")
_WEBSOCKET_WORDS = frozenset({"InvalidURIException", "AccessDeniedException"})
_BEARER = re.compile(r'^bearer\s.*realm="', re.IGNORECASE)
_AWS_HOSTS = (
    "amazonaws.com",
    "aws.amazon.com",
    "api.aws",
    "on.aws",
    "amazonaws.eu",
    "amazonwebservices.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
)
"""Where AWS itself redirects to (the S3 service root goes to aws.amazon.com/s3)."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NETWORK_AUTHENTICATION_REQUIRED = 511
_BLOCKING = frozenset({403, 451})


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP answer, bounded.

    Attributes:
        status: the status code.
        headers: lower-case names → values; repeated ones joined by a comma.
        body: the beginning of the body, undecoded.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def content_type(self) -> str:
        """The media type without parameters, lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_html(self) -> bool:
        """Whether the answer is a page for people."""
        return self.content_type in {"text/html", "application/xhtml+xml"}


def request_id(answer: Answer) -> str:
    """The header that proves AWS, ``name: value``, or nothing."""
    found = next((name for name in _REQUEST_IDS if answer.headers.get(name)), None)
    return printable(f"{found}: {answer.headers[found]}", 120) if found else ""


def is_genuine(answer: Answer, genuine: Genuine) -> bool:
    """Whether the answer bears the mark of the service that was asked."""
    return _MARKS[genuine](answer)


def judge(answer: Answer, genuine: Genuine, host: str) -> tuple[Failure | None, bool]:
    """Say what an answer means.

    Args:
        answer: what came.
        genuine: the mark to look for.
        host: the name that was asked, so that a redirect to itself is no foreign one.

    Returns:
        The failure or None, and whether the genuine service answered. Any status below 500 of the genuine service is
        a pass: an unsigned request is meant to be refused.
    """
    if is_genuine(answer, genuine):
        return (Failure.HTTP_SERVICE_ERROR if answer.status >= 500 else None), True
    if answer.status == _NETWORK_AUTHENTICATION_REQUIRED:
        return Failure.HTTP_REDIRECT, False
    if answer.status in _REDIRECTS and _is_foreign(answer.headers.get("location", ""), host):
        return Failure.HTTP_REDIRECT, False
    if answer.is_html or answer.status in _BLOCKING:
        return Failure.HTTP_BLOCK_PAGE, False
    return Failure.HTTP_FOREIGN_ANSWER, False


def _is_foreign(location: str, host: str) -> bool:
    try:
        target = (urlsplit(location).hostname or host).lower()
    except ValueError:  # no URL at all: certainly not AWS's
        return True
    return target != host and not any(target == suffix or target.endswith(f".{suffix}") for suffix in _AWS_HOSTS)


def _aws_api(answer: Answer) -> bool:
    return bool(answer.headers.get("x-amzn-requestid")) or answer.headers.get("server") == "AmazonEC2"


def _s3(answer: Answer) -> bool:
    headers = answer.headers
    return bool(headers.get("x-amz-request-id") and headers.get("x-amz-id-2")) or headers.get("server") == "AmazonS3"


def _ecs_websocket(answer: Answer) -> bool:
    if answer.status == 101 or _aws_api(answer):
        return True
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(body, dict):
        return False
    return bool(_WEBSOCKET_WORDS & {*body, *(value for value in body.values() if isinstance(value, str))})


def _ecr_registry(answer: Answer) -> bool:
    challenge = answer.headers.get("www-authenticate", "")
    return (
        answer.headers.get("docker-distribution-api-version") == "registry/2.0"
        and 'service="ecr.amazonaws.com"' in challenge
    ) or _aws_api(answer)


def _docker_registry(answer: Answer) -> bool:
    if answer.headers.get("docker-distribution-api-version") == "registry/2.0":
        return answer.status in {200, 401}
    challenge = answer.headers.get("www-authenticate", "")
    return answer.status == 401 and bool(_BEARER.match(challenge)) and 'service="' in challenge


def _http(answer: Answer) -> bool:
    return answer.status < 500 and answer.status != _NETWORK_AUTHENTICATION_REQUIRED


_MARKS = {
    Genuine.AWS_API: _aws_api,
    Genuine.ECS_WEBSOCKET: _ecs_websocket,
    Genuine.ECR_REGISTRY: _ecr_registry,
    Genuine.DOCKER_REGISTRY: _docker_registry,
    Genuine.S3: _s3,
    Genuine.HTTP: _http,
}
