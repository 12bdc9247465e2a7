"""What a signal means for the exit code, and that several of one wish are one."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from netprobe import interrupts


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)
    interrupts._came.clear()
    interrupts._heard.clear()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_is_ctrl_c_with_its_own_exit_code(number: signal.Signals, code: int) -> None:
    interrupts.listen()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert interrupts.exit_code(130) == code
    assert interrupts.exit_code(1) == 1


def test_nohup_is_left_alone() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.listen()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_while_the_report_is_written_the_same_wish_is_heard_once(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupts.listen()
    interrupts.patient()
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
    monkeypatch.setattr(interrupts, "GRACE", -1.0)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_what_comes_late_of_the_same_wish_does_not_end_a_run_once_more() -> None:
    """The receiver is gone, and something is still ending; before anything was heard a signal counts as ever."""
    with interrupts.one_wish():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        interrupts.hear()
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
