"""What a signal means for the exit code, and that several of one wish are one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import trio

from netprobe import interrupts
from netprobe.observations import Ending
from netprobe.probes import first_pass
from netprobe.probes.session import Session
from netprobe.probes.settings import Settings
from tests.support import probe_servers
from tests.support.cli import ROOT


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
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


IN_THE_BACKGROUND = """
import os, signal, trio
from netprobe import interrupts

signal.signal(signal.SIGINT, signal.SIG_IGN)

@trio.lowlevel.enable_ki_protection
def within_trios_own_code():
    os.kill(os.getpid(), signal.SIGTERM)
    print("went on")

async def main():
    os.kill(os.getpid(), signal.SIGINT)
    await trio.sleep(0.1)
    print("ignored")
    within_trios_own_code()
    await trio.sleep(10)
    print("slept")

with interrupts.listening():
    try:
        trio.run(main)
    except KeyboardInterrupt:
        print(interrupts.exit_code(130))
print(signal.getsignal(signal.SIGINT).name, signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set())
"""


def test_in_the_background_of_a_shell_nothing_of_trio_is_cut_in_two() -> None:
    """There SIGINT is ignored; SIGTERM in the middle of a cancel scope's own code was a bug's traceback."""
    argv = [sys.executable, "-c", IN_THE_BACKGROUND]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True, cwd=ROOT)
    assert done.stdout.split("\n") == ["ignored", "went on", "143", "SIG_IGN True", ""]


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


def test_a_run_that_waits_for_a_thread_is_ended_once_by_two_signals() -> None:
    """An import in a thread ends when it does, and by then nobody listens any more."""
    settings, one = Settings(interruptible=True), probe_servers.vantage()

    def ends_late() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)

    async def run() -> str:
        session = Session.begin(settings, [one], trio.current_time())
        return await first_pass.bounded(session, lambda: trio.to_thread.run_sync(ends_late))

    try:
        ended = trio.run(run)
    except KeyboardInterrupt:
        ended = "ended once more"
    assert ended == Ending.INTERRUPTED
