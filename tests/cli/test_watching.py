"""``check --watch``, ``--until`` and ``--wait``, run whole: in a pipe, with signals, and on a real terminal."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netprobe.cli import watching
from netprobe.errors import UsageError
from tests.support import need
from tests.support.cli import ROOT, environment, netprobe
from tests.support.shutdown import fastest_end
from tests.support.switched import SwitchedLab

LOOK = ("check", "-r", "us-east-2", "--account", "123456789012", "--without", "logs,metrics,images")
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[SwitchedLab]:
    switched = SwitchedLab(tmp_path)
    yield switched
    switched.end()


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    # A shell starts its background jobs with SIGINT ignored, and they hand that down; a terminal does not.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "netprobe", *arguments]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(), text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_wait_ends_with_0_as_soon_as_the_network_lets_it(lab: SwitchedLab) -> None:
    lab.play("refused")
    with started(*LOOK, "--lab", str(lab.file), "--wait", "5m", "-q") as process:
        assert re.fullmatch(rf"{STAMP} NOT READY: 8 endpoints: .*\n", first_line(process))
        lab.play("healthy")
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert re.search(rf"^{STAMP} NOT READY -> READY$", out, re.M)
    assert re.search(rf"^{STAMP} gone: us-east-2 tcp_refused \(", out, re.M)
    assert out.endswith(" pass\n"), "where all is well, -q says no more than what has changed"


def test_when_the_time_is_over_the_last_report_decides() -> None:
    ended = netprobe(*LOOK, "--lab", "nxdomain", "--until", "ready", "--for", "3s", "--format", "json", "-q")
    assert ended.code == 1, ended.err
    assert json.loads(ended.out)["verdict"] == "not_ready"
    assert re.match(rf"netprobe: {STAMP} NOT READY: ", ended.err), "what a program reads stays JSON alone"


def test_with_strict_a_warning_is_not_ready() -> None:
    arguments = (*LOOK, "--lab", "tls-nonconforming", "-q")
    assert netprobe(*arguments, "--wait", "60s").code == 0
    assert netprobe(*arguments, "--wait", "15s", "--strict").code == 1  # which it waits for to the end


@pytest.mark.parametrize(("number", "ends"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_watch_with_the_last_report(number: int, ends: int) -> None:
    with started(*LOOK, "--lab", "nxdomain", "--watch", "-q", "--format", "text") as process:
        assert "NOT READY" in first_line(process)
        time.sleep(1.0)  # it rests now, or begins to
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (ends, "")
    assert re.search(r"^NOT READY: us-east-2$", out, re.M)


@pytest.mark.parametrize("scenario", ["nxdomain", "blackhole"])
def test_sigterm_ends_a_watch_within_a_second(scenario: str) -> None:
    """While it rests, and in the middle of a look at what does not answer."""

    @contextmanager
    def watching_it() -> Iterator[subprocess.Popen[str]]:
        with started(*LOOK, "--lab", scenario, "--watch", "-q", "--format", "text") as process:
            if scenario == "nxdomain":
                assert "NOT READY" in first_line(process)
                time.sleep(1.0)
            else:
                time.sleep(3.0)
            yield process

    took, code = fastest_end(watching_it)
    assert code == 143
    assert took < 1.0


def test_a_reader_that_went_away_ends_it_quietly() -> None:
    with started(*LOOK, "--lab", "healthy", "--wait", "20s", "-q") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_on_a_terminal_there_is_a_table_and_in_the_end_it_gives_way(lab: SwitchedLab, tmp_path: Path) -> None:
    need.engine("tmux")
    lab.play("nxdomain")
    socket = tmp_path / "tmux.sock"
    inside = [sys.executable, "-m", "netprobe", *LOOK, "--lab", str(lab.file), "--watch", "-q"]

    def tmux(*arguments: str) -> str:
        command = ["tmux", "-S", str(socket), "-f", "/dev/null", *arguments]
        done = subprocess.run(
            command,
            env=environment(TERM="xterm-256color", LC_ALL="C.UTF-8"),
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def screen_with(text: str, seconds: float = 60) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            screen = tmux("capture-pane", "-p", "-t", "watch", "-S", "-200")
            if re.search(text, screen):
                return screen
            time.sleep(0.2)
        raise AssertionError(f"{text} never came; there was:\n{screen}")

    tmux("new-session", "-d", "-s", "watch", "-x", "110", "-y", "30", "sh", "-c", "stty -echoctl; exec sh")
    try:
        tmux("send-keys", "-t", "watch", f"unset COLUMNS; cd {ROOT}; {' '.join(inside)}; echo ended with $?", "Enter")
        shown = screen_with(r"region +endpoint +outcome +since +what it m")
        assert re.search(rf"NOT READY, looked {STAMP}, next {STAMP}", shown)
        assert re.search(rf"us-east-2 +ssm +FAIL +{STAMP} +dns: dns_nx", shown)
        lab.play("healthy")
        later = screen_with(rf"(?m)^READY, looked {STAMP}, next", 90)
        assert re.search(rf"{STAMP} NOT READY -> READY", later)
        tmux("send-keys", "-t", "watch", "C-c")
        last = screen_with(r"ended with 130")
        assert "what it m" not in last, "the table gives way to what follows"
    finally:
        tmux("kill-server")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"until": "working"}, "--until working: is nothing to wait for"),
        ({"wait": "5m", "for_": "3m"}, "--wait: stands for --until ready --for"),
        ({"wait": "soon"}, "--wait 'soon': is not a length of time"),
        ({"wait": ""}, "--wait '': is not a length of time"),
        ({"for_": "0s"}, "--for 0s: is not between one second and 31 days"),
        ({"for_": "40d"}, "--for 40d: is not between one second and 31 days"),
    ],
)
def test_wishes_that_cannot_be_meant_are_refused(given: dict[str, str], reason: str) -> None:
    asked: dict[str, str | None] = {"until": None, "for_": None, "wait": None, **given}
    with pytest.raises(UsageError, match=re.escape(reason)):
        watching.wish(watch=False, strict=False, **asked)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("1h30m", 5400), (" 2D ", 172_800), ("1h1m1s", 3661)]
)
def test_lengths_of_time(text: str, seconds: float) -> None:
    wish = watching.wish(watch=False, until=None, for_=None, wait=text, strict=True)
    assert wish == watching.Wish(until_ready=True, seconds=seconds, strict=True)


def test_what_belongs_to_one_look_is_refused() -> None:
    ended = netprobe("check", "-r", "us-east-2", "--lab", "healthy", "--watch", "--locate")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "netprobe: --locate: belongs to a single look; leave --locate or --watch out\n"


def test_a_small_terminal_shows_the_worst_and_counts_the_rest() -> None:
    from rich.console import Console

    from tests.support.reports import report

    drawn = watching.table(report(), {}, "soon", room=2)
    console = Console(width=110, file=io.StringIO(), record=True)
    console.print(drawn)
    text = console.export_text()
    assert re.search(r"ecs +FAIL +tls: ssl_unknown_authority", text)
    assert "and 3 more; Ctrl-C ends with the report" in text


@pytest.mark.parametrize("columns", [40, 60])
def test_a_narrow_terminal_shows_every_outcome_and_since_when(columns: int) -> None:
    from rich.console import Console

    from tests.support.reports import report

    shown = report()
    then = "2026-11-28T14:03:12Z"
    since = {(one.region, one.id): (str(one.outcome), then) for one in shown.endpoints}
    console = Console(width=columns, file=io.StringIO(), record=True)
    console.print(watching.table(shown, since, then, room=20, columns=columns))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= columns
    assert "next 14:03:12Z" in text
    for one in shown.endpoints:
        assert re.search(rf"\b{one.id} .* 14:03:12Z", text), text
