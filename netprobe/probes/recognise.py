"""What an answer means: whether it bears the genuine service's mark, and what it is where it does not.

A pure function of one HTTP answer, and of who gave it. Over a chain of the origin (:mod:`netprobe.origin`) TLS has said
who answered, and no mark is needed: any status below 500 is a pass. Only where somebody else's chain stands, or none,
do marks decide. They are headers and exact JSON bodies (facts, section 6: "What an unsigned request answers",
2026-11-23); a status alone proves nothing, since a proxy answers 403 too. Page text is never read to decide: only
headers, the content type, and the JSON error names of ecs-a and ecs-t.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from netprobe import origin as origins
from netprobe.catalog.model import Genuine, Public
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
MAX_NAMES = 60
_TOKEN = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_TELLING = ("allow", "docker-distribution-api-version", "retry-after", "x-amzn-errortype", "x-cache")
_ERROR_WORD = re.compile(r"[A-Za-z]{3,60}")
_XML_ERROR = re.compile(rb"<Code>([A-Za-z]{3,60})</Code>|^\s*<([A-Za-z]{3,60}(?:Exception|Error|Request))\b")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NETWORK_AUTHENTICATION_REQUIRED = 511
_BLOCKING = frozenset({403, 451})
_WITHHELD = frozenset({403, 404, 451})
_NETWORKS = ("x-amz-cf-id", "x-amz-request-id", "x-github-request-id", "x-fastly-request-id")
"""Request ids of the networks that serve third parties. Cloudflare's ``cf-ray`` is none of them: its own web filter
intercepts TLS, and its block pages carry one as well."""


class ServiceAnswer(msgspec.Struct, frozen=True, kw_only=True):
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


def request_id(answer: ServiceAnswer) -> str:
    """The header that proves AWS, ``name: value``, or nothing."""
    found = next((name for name in _REQUEST_IDS if answer.headers.get(name)), None)
    return printable(f"{found}: {answer.headers[found]}", 120) if found else ""


def header_names(answer: ServiceAnswer) -> tuple[str, ...]:
    """The names of the answer's headers, sorted; at most :data:`MAX_NAMES`, and only those that are tokens."""
    return tuple(sorted(name for name in answer.headers if _TOKEN.fullmatch(name)))[:MAX_NAMES]


def telling_values(answer: ServiceAnswer) -> dict[str, str]:
    """The values that tell one service's answers from another's; of a challenge, its scheme alone."""
    found = {name: answer.headers[name] for name in _TELLING if answer.headers.get(name)}
    challenge = answer.headers.get("www-authenticate", "").split(maxsplit=1)
    if challenge:
        found["www-authenticate"] = challenge[0]
    return {name: printable(value, 100) for name, value in found.items()}


def error_word(answer: ServiceAnswer) -> str:
    """The error that a body names: a key or ``__type`` of flat JSON, the root or ``Code`` of XML; one word or nothing.

    For people and for transcripts; nothing is decided by it.
    """
    candidates = sorted(json_words(answer.body), key=lambda word: not word.endswith(("Exception", "Error")))
    if not candidates:
        match = _XML_ERROR.search(answer.body[:2000])
        candidates = [(match.group(1) or match.group(2)).decode("ascii")] if match else []
    word = next(iter(candidates), "").rpartition("#")[2]
    return word if _ERROR_WORD.fullmatch(word) else ""


def json_words(body: bytes) -> frozenset[str]:
    """The keys and text values of a flat JSON object: AWS's error names are one or the other."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()
    if not isinstance(found, dict):
        return frozenset()
    return frozenset({*found, *(value for value in found.values() if isinstance(value, str))})


def is_genuine(answer: ServiceAnswer, genuine: Genuine) -> bool:
    """Whether the answer bears the mark of the service that was asked."""
    return _MARKS[genuine](answer)


def judge(
    answer: ServiceAnswer, genuine: Genuine, host: str, *, origin: bool = False, public: Public = Public.NOTHING
) -> tuple[Failure | None, bool]:
    """Say what an answer means.

    Args:
        answer: what came.
        genuine: the mark to look for.
        host: the name that was asked, so that a redirect to itself is no foreign one.
        origin: whether TLS said that the origin answered.
        public: what everybody may read of the thing that was asked for.

    Returns:
        The failure or None, and whether the answer bears the mark (a third party that the origin's chain names needs
        none). Any status below 500 of the genuine service is a pass: an unsigned request is meant to be refused.
    """
    marked = is_genuine(answer, genuine) or (origin and genuine is Genuine.HTTP)
    if origin or marked:
        return _by_the_service(answer, public), marked
    if answer.status == _NETWORK_AUTHENTICATION_REQUIRED:
        return Failure.HTTP_REDIRECT, False
    if answer.status in _REDIRECTS and _is_foreign(answer.headers.get("location", ""), host):
        return Failure.HTTP_REDIRECT, False
    if genuine is Genuine.HTTP and _may_be_a_third_party(answer, public):
        return None, False
    if answer.is_html or answer.status in _BLOCKING:
        return Failure.HTTP_BLOCK_PAGE, False
    return Failure.HTTP_FOREIGN_ANSWER, False


def _by_the_service(answer: ServiceAnswer, public: Public) -> Failure | None:
    """What the service itself means: that it has trouble, that it does not serve this source, or nothing bad."""
    if origins.is_trouble(answer.status):
        return Failure.HTTP_SERVICE_ERROR
    if public is Public.OBJECT and answer.status in _WITHHELD:
        return Failure.HTTP_SOURCE_REFUSED
    if public is Public.DISTRIBUTION and answer.status in _BLOCKING and not _s3(answer):
        return Failure.HTTP_SOURCE_REFUSED
    return None


def _may_be_a_third_party(answer: ServiceAnswer, public: Public) -> bool:
    """Whether an answer without a mark, over a chain of somebody else, can be what a third party says."""
    if answer.status >= 500:
        return False
    if public is Public.NOTHING:
        return not (answer.is_html and answer.status in _BLOCKING)
    return answer.status < 400 and not answer.is_html


def _is_foreign(location: str, host: str) -> bool:
    try:
        target = (urlsplit(location).hostname or host).lower()
    except ValueError:  # no URL at all: certainly not AWS's
        return True
    return target != host and not any(target == suffix or target.endswith(f".{suffix}") for suffix in _AWS_HOSTS)


def _aws_api(answer: ServiceAnswer) -> bool:
    return bool(answer.headers.get("x-amzn-requestid")) or answer.headers.get("server") == "AmazonEC2"


def _s3(answer: ServiceAnswer) -> bool:
    headers = answer.headers
    return bool(headers.get("x-amz-request-id") and headers.get("x-amz-id-2")) or headers.get("server") == "AmazonS3"


def _ecs_websocket(answer: ServiceAnswer) -> bool:
    if answer.status == 101 or _aws_api(answer):
        return True
    return not _WEBSOCKET_WORDS.isdisjoint(json_words(answer.body))


def _ecr_registry(answer: ServiceAnswer) -> bool:
    challenge = answer.headers.get("www-authenticate", "")
    return (
        answer.headers.get("docker-distribution-api-version") == "registry/2.0"
        and 'service="ecr.amazonaws.com"' in challenge
    ) or _aws_api(answer)


def _docker_registry(answer: ServiceAnswer) -> bool:
    if answer.headers.get("docker-distribution-api-version") == "registry/2.0":
        return True
    challenge = answer.headers.get("www-authenticate", "")
    return answer.status == 401 and bool(_BEARER.match(challenge)) and 'service="' in challenge


def _http(answer: ServiceAnswer) -> bool:
    return any(answer.headers.get(name) for name in _NETWORKS)


_MARKS = {
    Genuine.AWS_API: _aws_api,
    Genuine.ECS_WEBSOCKET: _ecs_websocket,
    Genuine.ECR_REGISTRY: _ecr_registry,
    Genuine.DOCKER_REGISTRY: _docker_registry,
    Genuine.S3: _s3,
    Genuine.HTTP: _http,
}
