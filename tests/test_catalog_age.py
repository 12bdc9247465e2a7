"""Old facts are noted from 90 days on, in a check and on a render's stderr, and never change an exit code."""

from __future__ import annotations

import datetime

import pytest

from netprobe.catalog import age, load
from netprobe.checking import perform
from netprobe.checking.request import CheckRequest
from netprobe.cli.main import run

VERSION = datetime.date.fromisoformat(load().version)


@pytest.mark.parametrize(("days", "noted"), [(-1, False), (0, False), (90, False), (91, True), (4000, True)])
def test_old_facts_are_noted(days: int, noted: bool) -> None:
    told = age.notes(load().version, VERSION + datetime.timedelta(days=days))
    assert bool(told) is noted
    assert all(f"is {days} days old" in note for note in told)


@pytest.fixture
def aged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age, "OLD_DAYS", -10_000)


def test_a_check_notes_it(aged: None) -> None:
    prepared = perform.prepare(CheckRequest(regions=("us-east-2",), lab="healthy"))
    assert [note for note in prepared.notes if "days old" in note]


def test_a_render_notes_it_on_stderr_and_its_bytes_stay_the_same(
    aged: None, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["render", "squid", "-r", "us-east-2", "--account", "123456789012"]) == 0
    old = capfd.readouterr()
    assert "days old" in old.err
    monkeypatch.setattr(age, "OLD_DAYS", 10_000)
    assert run(["render", "squid", "-r", "us-east-2", "--account", "123456789012"]) == 0
    new = capfd.readouterr()
    assert "days old" not in new.err
    assert new.out == old.out
