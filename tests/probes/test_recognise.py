"""Who answered: the marks of the genuine services (facts, section 6), and those who only look like them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.catalog.model import Genuine
from netprobe.observations import Failure
from netprobe.probes.recognise import Answer, is_genuine, judge, request_id

HOST = "ecs.us-east-2.amazonaws.com"


def _answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=body)


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
        (Genuine.S3, _answer(403, x_amz_request_id="a", x_amz_id_2="b"), True),
        (Genuine.S3, _answer(200, server="AmazonS3"), True),
        (Genuine.S3, _answer(403, x_amz_request_id="a"), False),
        (Genuine.HTTP, _answer(404), True),
        (Genuine.HTTP, _answer(502), False),
        (Genuine.HTTP, _answer(511), False),
    ],
)
def test_marks(genuine: Genuine, answer: Answer, expected: bool) -> None:
    assert is_genuine(answer, genuine) is expected
    if expected and answer.status < 500:
        assert judge(answer, genuine, HOST) == (None, True)


def test_the_redirect_of_the_s3_root_is_aws_own() -> None:
    answer = _answer(307, location="https://aws.amazon.com/s3/")
    assert judge(answer, Genuine.AWS_API, HOST)[0] is Failure.HTTP_FOREIGN_ANSWER
    lookalike = _answer(307, location="https://aws.amazon.com.evil.example/")
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
    failure, proven = judge(Answer(status=status, headers=headers, body=body), genuine, HOST)
    assert proven or failure is not None
