"""Who answered: the marks of the genuine services (facts, section 6), and those who only look like them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe import origin
from netprobe.catalog.model import Genuine, Public, Request
from netprobe.observations import Failure
from netprobe.probes import websocket
from netprobe.probes.recognise import (
    ServiceAnswer,
    error_word,
    header_names,
    is_genuine,
    judge,
    request_id,
    telling_values,
)

HOST = "ecs.us-east-2.amazonaws.com"


def _answer(status: int, body: bytes = b"", **headers: str) -> ServiceAnswer:
    return ServiceAnswer(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=body)


@pytest.mark.parametrize(
    ("genuine", "answer", "expected"),
    [
        (Genuine.AWS_API, _answer(403, x_amzn_requestid="id"), True),
        (Genuine.AWS_API, _answer(200, server="AmazonEC2"), True),
        (Genuine.AWS_API, _answer(200, server="Server"), False),
        (Genuine.ECS_WEBSOCKET, _answer(400, b'{"Request to path / is not supported":"InvalidURIException"}'), True),
        (Genuine.ECS_WEBSOCKET, _answer(403, b'{"AccessDeniedException":"Forbidden"}'), True),
        (Genuine.ECS_WEBSOCKET, _answer(403, b'{"message":"Forbidden"}'), False),
        (Genuine.ECS_WEBSOCKET, _answer(403, b'["AccessDeniedException"]'), False),
        (Genuine.ECS_WEBSOCKET, _answer(403, b"AccessDeniedException"), False),
        (Genuine.ECS_WEBSOCKET, _answer(403, b"[" * 60_000), False),
        (
            Genuine.ECR_REGISTRY,
            _answer(
                401,
                docker_distribution_api_version="registry/2.0",
                www_authenticate='Basic realm="https://1.dkr.ecr.x/",service="ecr.amazonaws.com"',
            ),
            True,
        ),
        (Genuine.ECR_REGISTRY, _answer(401, docker_distribution_api_version="registry/2.0"), False),
        (Genuine.DOCKER_REGISTRY, _answer(401, docker_distribution_api_version="registry/2.0"), True),
        (
            Genuine.DOCKER_REGISTRY,
            _answer(401, www_authenticate='Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws"'),
            True,
        ),
        (Genuine.DOCKER_REGISTRY, _answer(401, www_authenticate='Basic realm="proxy"'), False),
        # A proxy of the network may challenge, too: only the registry's own refusal is one of a client without a token.
        (Genuine.DOCKER_REGISTRY, _answer(403, www_authenticate='Bearer realm="https://x/",service="x"'), False),
        (Genuine.S3, _answer(403, x_amz_request_id="a", x_amz_id_2="b"), True),
        (Genuine.S3, _answer(200, server="AmazonS3"), True),
        (Genuine.S3, _answer(403, x_amz_request_id="a"), False),
        (Genuine.HTTP, _answer(404, x_github_request_id="A1:B2"), True),
        (Genuine.HTTP, _answer(403, x_amz_cf_id="abc"), True),
        (Genuine.HTTP, _answer(403, cf_ray="8f0c"), False),  # Cloudflare's own web filter sends it as well
        (Genuine.HTTP, _answer(404), False),
        (Genuine.HTTP, _answer(502), False),
        (Genuine.HTTP, _answer(511), False),
    ],
)
def test_marks(genuine: Genuine, answer: ServiceAnswer, expected: bool) -> None:
    assert is_genuine(answer, genuine) is expected
    if expected and answer.status < 500:
        assert judge(answer, genuine, HOST) == (None, True)


def test_the_redirect_of_the_s3_root_is_aws_own() -> None:
    answer = _answer(307, location="https://aws.amazon.com/s3/")
    assert judge(answer, Genuine.AWS_API, HOST)[0] is Failure.HTTP_FOREIGN_ANSWER
    for host in ("aws.amazon.com.evil.example", "evilamazonaws.com", "xn--amazonaws.com"):
        lookalike = _answer(307, location=f"https://{host}/")
        assert judge(lookalike, Genuine.AWS_API, HOST)[0] is Failure.HTTP_REDIRECT


def test_a_request_id_is_safe_to_print() -> None:
    assert request_id(_answer(200, x_amzn_requestid="a\x1b[31m" + "b" * 500)).startswith("x-amzn-requestid: a\\x1b[31m")
    assert len(request_id(_answer(200, x_amzn_requestid="b" * 500))) <= 120


@settings(max_examples=60)
@given(
    status=st.integers(200, 599),
    headers=st.dictionaries(st.sampled_from(["location", "server", "content-type", "www-authenticate"]), st.text()),
    body=st.binary(max_size=200),
    genuine=st.sampled_from(Genuine),
)
def test_no_answer_crashes_the_judge(status: int, headers: dict[str, str], body: bytes, genuine: Genuine) -> None:
    failure, marked = judge(ServiceAnswer(status=status, headers=headers, body=body), genuine, HOST)
    # A third party has no mark to show; everyone else passes by one only.
    assert marked or failure is not None or genuine is Genuine.HTTP


_HEADERS = st.dictionaries(
    st.sampled_from(["location", "server", "via", "content-type", "www-authenticate", "x-cache", "x-squid-error"]),
    st.text(max_size=60) | st.sampled_from(["text/html", "https://login.portal.example/", "Example-Web-Filter/7.1"]),
)
_BODIES = st.binary(max_size=200) | st.sampled_from(
    [b"<html><title>Blocked</title></html>", b'{"Request to path /ws is not supported":"InvalidURIException"}']
)


@settings(max_examples=300)
@given(
    status=st.integers(100, 599),
    headers=_HEADERS,
    body=_BODIES,
    genuine=st.sampled_from(Genuine),
    public=st.sampled_from(Public),
)
def test_no_answer_of_the_origin_is_a_strangers(
    status: int, headers: dict[str, str], body: bytes, genuine: Genuine, public: Public
) -> None:
    answer = ServiceAnswer(status=status, headers=headers, body=body)
    failure, _ = judge(answer, genuine, HOST, origin=True, public=public)
    assert failure not in origin.NEVER_OF_THE_ORIGIN
    if status >= 500 or status == 429:
        assert failure is Failure.HTTP_SERVICE_ERROR
    elif public is Public.NOTHING or status not in {403, 404, 451}:
        assert failure is None
    wanted = Request(genuine=genuine, upgrade=True)
    assert websocket.judge(answer, wanted, HOST, b"key", origin=True) == (None, True)


@pytest.mark.parametrize(
    ("public", "answer", "over_origin", "over_another"),
    [
        (Public.OBJECT, _answer(200, content_type="text/plain"), None, None),
        (Public.OBJECT, _answer(200, content_type="text/html"), None, Failure.HTTP_BLOCK_PAGE),
        (Public.OBJECT, _answer(403, content_type="text/html"), Failure.HTTP_SOURCE_REFUSED, Failure.HTTP_BLOCK_PAGE),
        (Public.OBJECT, _answer(404), Failure.HTTP_SOURCE_REFUSED, Failure.HTTP_FOREIGN_ANSWER),
        (
            Public.OBJECT,
            _answer(404, x_github_request_id="A1"),
            Failure.HTTP_SOURCE_REFUSED,
            Failure.HTTP_SOURCE_REFUSED,
        ),
        (Public.DISTRIBUTION, _answer(403), Failure.HTTP_SOURCE_REFUSED, Failure.HTTP_BLOCK_PAGE),
        (Public.DISTRIBUTION, _answer(404), None, Failure.HTTP_FOREIGN_ANSWER),
        (Public.DISTRIBUTION, _answer(403, server="AmazonS3", x_amz_cf_id="a"), None, None),
        # Your own mirror, with a CA of your own: what it says without a mark is believed, a filter's page is not.
        (Public.NOTHING, _answer(404, content_type="text/html"), None, None),
        (Public.NOTHING, _answer(403, content_type="application/json"), None, None),
        (Public.NOTHING, _answer(403, content_type="text/html"), None, Failure.HTTP_BLOCK_PAGE),
        (Public.NOTHING, _answer(503), Failure.HTTP_SERVICE_ERROR, Failure.HTTP_FOREIGN_ANSWER),
    ],
)
def test_third_parties(
    public: Public, answer: ServiceAnswer, over_origin: Failure | None, over_another: Failure | None
) -> None:
    assert judge(answer, Genuine.HTTP, HOST, origin=True, public=public) == (over_origin, True)
    assert judge(answer, Genuine.HTTP, HOST, public=public)[0] is over_another


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"AccessDeniedException":"Forbidden"}', "AccessDeniedException"),
        (b'{"Request to path / is not supported":"InvalidURIException"}', "InvalidURIException"),
        (b'{"__type":"com.amazon.coral.service#ServerException","message":"m"}', "ServerException"),
        (b"<Error><Code>NoSuchKey</Code></Error>", "NoSuchKey"),
        (b"<UnknownOperationException/>\n", "UnknownOperationException"),
        (b'<BadRequest xmlns=""><message>m</message></BadRequest>', "BadRequest"),
        (b'{"user@corp.example":"secret word"}', ""),
        (b"<html><title>t</title></html>", ""),
        (b"", ""),
    ],
)
def test_the_error_that_a_body_names(body: bytes, word: str) -> None:
    assert error_word(ServiceAnswer(status=400, headers={}, body=body)) == word


def test_header_names_and_telling_values_are_bounded_and_hold_no_credentials() -> None:
    headers = {f"x-{n}": "v" for n in range(500)} | {"set-cookie": "secret", "bad name": "v", "x-cache": "c" * 500}
    answer = ServiceAnswer(status=401, headers=headers | {"www-authenticate": 'Basic realm="https://123456789012.dkr"'})
    assert len(header_names(answer)) == 60
    assert "bad name" not in header_names(answer)
    values = telling_values(answer)
    assert set(values) == {"x-cache", "www-authenticate"}
    assert values["www-authenticate"] == "Basic"
    assert len(values["x-cache"]) <= 100
