from __future__ import annotations

import pytest

from netprobe.cli import plugin


@pytest.mark.parametrize(
    ("argv", "environment", "asked"),
    [
        (["check", "--format", "nagios"], "", True),
        (["check", "--format=nagios"], "", True),
        (["check"], "nagios", True),
        (["check", "--format", "nagios", "--format", "json"], "", False),
        (["check", "--format", "json"], "nagios", False),
        (["check", "--format"], "", False),
        (["check", "-o", "nagios"], "", False),
        ([], "", False),
    ],
)
def test_who_asks_for_a_plugin(argv: list[str], environment: str, asked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETPROBE_FORMAT", environment)
    assert plugin.asked(argv) is asked


def test_a_mistake_is_told_without_passwords_and_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert plugin.unknown("http://user:secret@proxy: is | wrong\nin two lines") == 3
    told = capsys.readouterr().out
    assert told == "NETPROBE UNKNOWN - http://***@proxy: is \\x7c wrong\\nin two lines\n"
