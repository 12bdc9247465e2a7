"""The agents' own messages lead to pages, also out of the middle of a pasted line; other words are searched for."""

from __future__ import annotations

import datetime
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe import messages
from netprobe.cli import explain
from netprobe.cli.main import run
from netprobe.messages import search
from netprobe.messages.search import SearchedPage


@pytest.mark.parametrize("one", messages.messages(), ids=lambda one: one.text[:40])
def test_every_message_names_pages_and_its_source(one: messages.AgentMessage) -> None:
    known = {id_ for ids, _ in explain.kinds().values() for id_ in ids}
    assert one.findings
    assert set(one.findings) <= known
    assert one.agent in ("ecs-agent", "ssm-agent", "docker", "go", "aws")
    assert one.source.startswith("https://")
    assert one.version
    assert one.meaning.endswith(".")
    assert datetime.date.fromisoformat(one.checked) >= datetime.date(2026, 11, 28)


def test_there_are_many_and_none_twice() -> None:
    texts = [one.text for one in messages.messages()]
    assert len(texts) >= 50
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("pasted", "page"),
    [
        ("x509: certificate signed by unknown authority", "tls_intercepted"),
        ("MachineFingerprintDoesNotMatch", "machine_id_in_image"),
        ("CgroupError", "cgroup_needs_newer_agent"),
        (
            "CgroupError: Agent could not create task's platform resources: cgroup resource: unable to create cgroup",
            "cgroup_needs_newer_agent",
        ),
        (
            'level=error time=2026-11-28T09:12:01Z msg="Failed to connect to ACS" error="websocket client: unable to '
            'dial wss://ecs-a-2.us-east-2.amazonaws.com/ws: dial tcp 52.95.16.1:443: i/o timeout"',
            "tcp_dropped",
        ),
        (
            "CannotPullContainerError: Error response from daemon: Get \"https://111122223333.dkr.ecr.us-east-2."
            'amazonaws.com/v2/": dial tcp: lookup 111122223333.dkr.ecr.us-east-2.amazonaws.com: no such host',
            "dns_name_missing",
        ),
        (
            "2026-11-28 09:12:01 ERROR [CredentialRefresher] Retrieve credentials produced error: "
            "MachineFingerprintDoesNotMatch: Fingerprint doesn't match",
            "machine_id_in_image",
        ),
        ("dockerd[1]: the following directives don't match any configuration option: proxies.default",
         "docker_config_harmful"),
        ("InvalidSignatureException: Signature expired: 20261128T080000Z is now earlier than 20261128T090000Z",
         "clock_skew"),
    ],
)  # fmt: skip
def test_a_pasted_line_finds_its_page(pasted: str, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", pasted]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# What this can mean")
    assert f"(`{page}`)\n\n## What it means" in shown


def test_an_error_without_its_cause_names_all_that_can_be_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "CannotPullContainerError"]) == 0
    shown = capsys.readouterr().out
    for id_ in ("tcp_dropped", "dns_name_missing", "tls_intercepted", "execution_role_missing", "proxy_forbidden"):
        assert f"- `{id_}`: " in shown


def test_the_host_in_a_line_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "lookup ecs-t-3.eu-west-1.amazonaws.com: no such host"]) == 0
    assert "`ecs-t-3.eu-west-1.amazonaws.com` is the endpoint `ecs-t`" in capsys.readouterr().out


def test_words_are_searched_for_in_all_pages(capsys: pytest.CaptureFixture[str]) -> None:
    """Quoted or not; the page whose title has the words comes first."""
    for argv in (["explain", "idle", "websocket"], ["explain", "idle websocket"]):
        assert run(argv) == 0
        hits = [line for line in capsys.readouterr().out.splitlines() if line.startswith("- `")]
        assert hits[0].startswith("- `websocket_cut_when_idle`")


def test_rare_words_weigh_more_and_titles_most() -> None:
    pages = [
        SearchedPage("a", "of apples", "apples pears plums"),
        SearchedPage("b", "of plums", "apples apples apples pears"),
        SearchedPage("c", "of nothing", "apples pears"),
    ]
    assert [page.id for page in search.ranked("plums", pages)] == ["b", "a"]
    assert search.ranked("apples", pages)[0].id == "a"
    assert [page.id for page in search.ranked("apples quinces", pages, every_word=True)] == []
    assert search.ranked("the of and", pages) == []


@given(st.text(max_size=300))
def test_any_text_is_looked_up(text: str) -> None:
    messages.find(text)
    search.ranked(text, [SearchedPage("a", "b", text)])


@pytest.mark.parametrize("text", ["dial tcp " * 50_000, "lookup " * 50_000, "a" * 1_000_000, "x509: " * 100_000])
def test_a_long_paste_takes_no_time(text: str) -> None:
    began = time.process_time()
    messages.find(text)
    search.words(text)
    assert time.process_time() - began < 1
