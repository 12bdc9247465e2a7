"""Learning from a transcript: a fragment that the catalog can load, what contradicts it, and a hostile file."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe import catalog
from netprobe.catalog import learn, store, transcripts
from netprobe.catalog.transcripts import (
    Said,
    Transcript,
    TranscriptCertificate,
    TranscriptHost,
    TranscriptLookup,
    encode,
    read,
)
from netprobe.errors import UsageError

FACTS = catalog.load()


def made(*heard: TranscriptHost, **more: Any) -> Transcript:
    wanted = {
        "transcript_version": "1.0",
        "netprobe_version": "0.1.0",
        "catalog_version": FACTS.version,
        "catalog_digest": FACTS.digest,
        "made": "2026-12-24",
        "roots": "public",
        "heard": heard,
        **more,
    }
    return Transcript(**wanted)


def one(entry: str, *said: Said, region: str = "us-east-2", **more: Any) -> TranscriptHost:
    pattern = f"{entry}.{region}.amazonaws.com"
    return TranscriptHost(entry=entry, region=region, pattern=pattern, said=said, **{"origin": True, **more})


OPTIONS = Said(step="http", method="OPTIONS", status=405, headers=("allow",), values={"allow": "POST"}, server="Server")
UPGRADE = Said(
    step="websocket",
    method="GET",
    status=403,
    content_type="application/json",
    error="AccessDeniedException",
    recognised=True,
)


def loaded(fragment: str) -> catalog.Catalog:
    """The catalog with a fragment appended, as a person would append it."""
    folder = files("netprobe.catalog") / "data"
    names = ("endpoints.toml", "answers.toml", "partitions.json", "regions.toml")
    shipped = {name: (folder / name).read_bytes() for name in names}
    return store.build({**shipped, "answers.toml": shipped["answers.toml"] + b"\n" + fragment.encode()})


def test_what_was_heard_becomes_a_fact_that_the_catalog_loads() -> None:
    heard = [one("ssmmessages", OPTIONS, UPGRADE), one("ssmmessages", OPTIONS, UPGRADE, region="eu-west-1")]
    text = learn.fragment(made(*heard), FACTS, "https://example.com/issue/1")

    plain, upgrade = loaded(text).answers["ssmmessages"]
    assert (plain.seen, plain.date, plain.status, plain.source) == (
        True,
        "2026-12-24",
        (405,),
        "https://example.com/issue/1",
    )
    assert plain.told == "405, Server Server, no request id, allow: POST (in eu-west-1, us-east-2)"
    assert (upgrade.seen, upgrade.status) == (True, (403,))
    assert upgrade.short == "seen 2026-12-24"


def test_what_contradicts_the_catalog_is_told() -> None:
    told = list(learn.contradictions(made(one("ecs", OPTIONS), one("gone", OPTIONS)), FACTS))

    assert "ecs (http) answered 405 in us-east-2; seen 2021-02-16: 200" in told
    assert any(line.startswith("ecs (http) in us-east-2 bore no mark") for line in told)
    assert "gone in us-east-2 is no entry of this catalog" in told
    expected = Said(step="http", method="OPTIONS", status=200, request_id="x-amzn-requestid", recognised=True)
    assert list(learn.contradictions(made(one("ecs", expected)), FACTS)) == []


def test_only_the_origin_teaches_and_only_by_our_own_request() -> None:
    control = msgspec.structs.replace(OPTIONS, method="GET")
    trouble = msgspec.structs.replace(OPTIONS, status=503, failure="http_service_error")
    silent = msgspec.structs.replace(OPTIONS, status=None, failure="eof_error")
    heard = [
        one("ecs", OPTIONS, origin=False),
        one("ssm", OPTIONS, origin=None),
        one("logs", control, trouble, silent),
        one("kms", OPTIONS, region="xx-nowhere-1"),
    ]
    assert learn.learnt(made(*heard), FACTS) == ()


def test_numbers_are_told() -> None:
    heard = [one("ecs-a", number=number) for number in (16, 2)] + [one("ecs-a", number=9, origin=None)]
    assert "# - ecs-a in us-east-2: 2, 16" in learn.fragment(made(*heard), FACTS)


def test_the_labs_answers_are_nobodys() -> None:
    with pytest.raises(UsageError, match="made in the lab"):
        learn.fragment(made(one("ecs", OPTIONS), roots="lab"), FACTS)
    assert "--origin-ca" in learn.fragment(made(one("ecs", OPTIONS), roots="given"), FACTS)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "t.json"
    file.write_bytes(encode(made(one("ecs", OPTIONS))))
    assert learn.main([str(file)]) == 0
    assert tomllib.loads(capsys.readouterr().out)["answer"][0]["status"] == [405]
    file.write_bytes(b"{}")
    for wrong in (file, tmp_path / "missing"):
        assert learn.main([str(wrong)]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert len(said.err.strip().splitlines()) == 1


def spoilt(path: tuple[str | int, ...], value: Any) -> bytes:
    """A good transcript with one thing in it replaced."""
    heard = one(
        "ecs",
        OPTIONS,
        dns=(TranscriptLookup(rrtype="A", rcode="NOERROR"),),
        chain=(TranscriptCertificate(subject="CN=x", sha256="0" * 64),),
    )
    document: Any = json.loads(encode(made(heard)))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("made",), "yesterday"),
        (("transcript_version",), "2.0"),
        (("roots",), "mine"),
        (("more",), 1),
        (("heard",), [1]),
        (("heard", 0, "entry"), "x\nheard = 1"),
        (("heard", 0, "region"), "us east"),
        (("heard", 0, "pattern"), "a b"),
        (("heard", 0, "more"), 1),
        (("heard", 0, "chain", 0, "subject"), "CN=\x1b[31m"),
        (("heard", 0, "chain", 0, "sha256"), "zz"),
        (("heard", 0, "dns", 0, "rcode"), "\u202e"),
        (("heard", 0, "dns", 0, "aliases"), ["a\nb"]),
        (("heard", 0, "said", 0, "status"), 99999),
        (("heard", 0, "said", 0, "server"), 'x"\n[[answer]]\nof = ["ecs"]'),
        (("heard", 0, "said", 0, "values"), {"x": "\r\n"}),
        (("heard", 0, "said", 0, "error"), "two words"),
        (("heard", 0, "said", 0, "step"), "dns"),
        (("heard", 0, "said", 0, "method"), "GET /"),
        (("heard", 0, "said", 0, "headers"), ["a b"]),
    ],
)
def test_a_text_that_no_transcript_has_is_refused(path: tuple[str | int, ...], value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        read(spoilt(path, value), "t.json")
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 500


@pytest.mark.parametrize("data", [b"", b"[", b"null", b"[" * 100_000, b"\xff\xfe", b" " * (transcripts.MAX_BYTES + 1)])
def test_what_is_no_transcript_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError):
        read(data, "t.json")


texts = st.text(max_size=30)
lines = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
said = st.builds(
    Said,
    step=st.sampled_from(["http", "websocket"]),
    method=st.sampled_from(["OPTIONS", "GET"]),
    status=st.none() | st.integers(100, 599),
    server=lines | texts,
    content_type=lines | texts,
    values=st.dictionaries(st.sampled_from(["x-cache", "allow"]), lines | texts, max_size=2),
    error=st.sampled_from(["", "ServerException"]) | texts,
)
heards = st.builds(
    one, st.sampled_from(["ecs", "ecs-a", "gone"]) | texts, said, region=st.sampled_from(["us-east-2"]) | texts
)


@settings(max_examples=200)
@given(heard=st.lists(heards, max_size=4), source=texts)
def test_whatever_is_read_becomes_toml_that_says_no_more_than_answers(heard: list[TranscriptHost], source: str) -> None:
    try:
        transcript = read(encode(made(*heard)), "t.json")
    except UsageError:
        return
    text = learn.fragment(transcript, FACTS, source or "s")
    document = tomllib.loads(text)
    assert set(document) <= {"answer"}
    assert all(line.isprintable() for line in text.splitlines())
    if source.strip():
        loaded(text)


@settings(max_examples=200)
@given(
    data=st.binary(max_size=300)
    | st.recursive(st.none() | texts, lambda x: st.lists(x) | st.dictionaries(texts, x)).map(
        lambda x: json.dumps(x).encode()
    )
)
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with pytest.raises(UsageError):
        read(data, "t.json")
