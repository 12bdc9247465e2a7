from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netprobe import __version__
from netprobe.catalog import load
from netprobe.cli import bug
from netprobe.cli.commands import COMMANDS
from netprobe.cli.main import load_command, run
from netprobe.errors import CannotExpressError, UsageError
from tests.support.cli import environment, netprobe


def one_line(err: str) -> str:
    assert err.endswith("\n")
    assert err.count("\n") == 1, err
    assert err.startswith("netprobe: ")
    assert "Traceback" not in err
    return err


def test_help_lists_every_command_without_importing_one() -> None:
    ended = netprobe("--help")
    assert ended.code == 0
    assert ended.err == ""
    for name, command in COMMANDS.items():
        assert re.search(rf"(?m)^  {name} +{re.escape(command.summary)}$", ended.out), name
    assert all(len(line) <= 80 for line in ended.out.splitlines())


def test_version_both_ways() -> None:
    for asked in (("--version",), ("-V",), ("--version", "check"), ("version",)):
        first, second = netprobe(*asked).out.splitlines()
        assert first == f"netprobe {__version__}"
        assert re.fullmatch(rf"catalog {load().version}, \d+ days? old", second)


def test_without_a_command_the_help_goes_to_stderr_with_exit_2() -> None:
    ended = netprobe()
    assert (ended.code, ended.out) == (2, "")
    assert "Commands:" in ended.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("chek",), "chek: there is no such command; did you mean check?"),
        (("zzz",), "zzz: there is no such command; 'netprobe --help' lists the commands"),
        (("--regoin", "x"), "No such option: --regoin"),
        (("check",), "--region: no region is given"),
        (("check", "-r"), "Option '-r' requires an argument"),
        (("check", "-r", "cn-north-1"), "cn-north-1: Amazon ECS Anywhere does not register external instances"),
        (("check", "-r", "cn-nowhere-9"), "cn-nowhere-9: Amazon ECS Anywhere does not register external instances"),
        (("check", "-r", "us-esat-2"), "us-east-2"),
        (("check", "-r", "us-east-2", "--timeout", "x"), "--timeout x: is not a number"),
        (("check", "-r", "us-east-2", "--timeout", "nan"), "--timeout nan: is not a time"),
        (("check", "-r", "us-east-2", "--timeout", "0"), "--timeout 0.0: is not a time"),
        (("check", "-r", "us-east-2", "--deadline", "-1"), "--deadline -1.0: is not a time"),
        (("check", "-r", "us-east-2", "--concurrency", "0"), "--concurrency 0: is not between 1 and"),
        (("check", "-r", "us-east-2", "--ecs-numbers", "9-1"), "9-1: must rise"),
        (
            ("check", "-r", "us-east-2", "--format", "xml"),
            "xml: is not a report format; choose one of text, line, nagios, json",
        ),
        (("check", "-r", "us-east-2", "--report", "junit"), "junit: is not FORMAT=FILE"),
        (("check", "-r", "us-east-2", "--expect", "images=maybe"), "images=maybe: is not GROUP=private or"),
        (("check", "-r", "us-east-2", "--expect", "imgs=private"), "imgs=private: there is no such group"),
        (("check", "-r", "us-east-2", "--with", "imgs"), "imgs: there is no such group"),
        (("check", "-r", "us-east-2", "--resolver", "dns"), "dns: is not the address of a DNS server"),
        (("check", "-r", "us-east-2", "--lab", "helthy"), "helthy: the lab has no such scenario"),
        (("check", "-r", "us-east-2", "--lab", "healthy", "--resolver", "192.0.2.1"), "nothing outside loopback"),
        (("check", "-r", "us-east-2", "-4", "-6"), "-4 -6: exclude each other"),
        (("check", "-r", "us-east-2", "--ca-file", "/nonexistent.pem"), "/nonexistent.pem: "),
        (("check", "-r", "us-east-2", "--config", "/nonexistent.toml"), "/nonexistent.toml: cannot be read"),
        (("check", "-r", "us-east-2", "surplus"), "Got unexpected extra argument"),
        (("completion", "tcsh"), "tcsh: is not a shell"),
    ],
)
def test_a_mistake_is_one_line_with_exit_2(arguments: tuple[str, ...], told: str) -> None:
    ended = netprobe(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert told in one_line(ended.err)


def test_a_proxy_password_is_not_told_in_a_mistake() -> None:
    ended = netprobe("check", "-r", "us-east-2", "--proxy", "http://someone:planted-s3cret@proxy.example:bad")
    assert ended.code == 2
    assert "planted-s3cret" not in one_line(ended.err)


def test_the_lab_answers_with_the_promised_codes_and_streams(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    junit = tmp_path / "report.xml"
    arguments = ("check", "-r", "us-east-2", "--account", "123456789012", "--format", "json", "-o", str(out))
    good = netprobe(*arguments, "--lab", "healthy", "--report", f"junit={junit}")
    assert (good.code, good.out) == (0, ""), good.err
    assert '"verdict": "ready"' in out.read_text()
    assert junit.read_text().startswith("<?xml")
    bad = netprobe(*arguments, "--lab", "nxdomain")
    assert (bad.code, bad.out) == (1, "")
    assert '"failure": "dns_nxdomain_error"' in out.read_text()


def test_only_the_report_is_on_stdout_and_it_is_text_without_colour() -> None:
    ended = netprobe("check", "-r", "us-east-2", "--lab", "healthy", "--account", "123456789012")
    assert ended.out.startswith("READY: us-east-2\n")
    assert "\x1b" not in ended.out + ended.err


def test_no_color_and_force_color_decide() -> None:
    arguments = ("check", "-r", "us-east-2", "--lab", "healthy")
    coloured = netprobe(*arguments, env={"NO_COLOR": "", "FORCE_COLOR": "1"})
    assert "\x1b[" in coloured.out
    both = netprobe(*arguments, env={"NO_COLOR": "1", "FORCE_COLOR": "1"})
    assert "\x1b" not in both.out


def test_the_schema_is_printed_without_a_region() -> None:
    ended = netprobe("check", "--schema")
    assert ended.code == 0
    assert '"$schema": "https://json-schema.org/draft/2020-12/schema"' in ended.out


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    code = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-m', 'netprobe', 'check', '--schema'],"
        " stdout=subprocess.PIPE, stderr=subprocess.PIPE)\n"
        "p.stdout.close()\n"
        "err = p.stderr.read()\n"
        "print(p.wait(), err)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "0 b''\n"


def test_ctrl_c_reports_what_was_seen_with_exit_130(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    command = ["check", "-r", "us-east-2", "--lab", "blackhole-all", "--timeout", "50", "--format", "json", "-v"]
    process = subprocess.Popen(
        [sys.executable, "-m", "netprobe", *command, "-o", str(out)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert "13 endpoints" in process.stderr.readline()
        time.sleep(2)  # until the probes hang in the black hole; they would for 50 s
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert '"interrupted": true' in out.read_text()
    assert "Traceback" not in err


def test_a_bug_leaves_a_traceback_in_a_private_file_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://someone:planted%2Fs3cret@proxy.example:3128")

    def broken(_argv: list[str]) -> object:
        raise RuntimeError("no answer from http://someone:other-secret@proxy.example, sent planted/s3cret")

    monkeypatch.setattr("netprobe.cli.main._alone", broken)
    assert run(["check", "--proxy", "http://a:third-secret@b:1"]) == 3
    err = capsys.readouterr().err
    (kept,) = tmp_path.iterdir()
    assert str(kept) in one_line(err)
    assert kept.stat().st_mode & 0o077 == 0
    text = kept.read_text()
    assert "RuntimeError" in text
    assert f"netprobe {__version__}" in text
    assert "trio " in text
    for secret in ("planted", "other-secret", "third-secret"):
        assert secret not in text + err


def test_a_bug_without_a_place_for_its_file_still_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert bug.keep_traceback(RuntimeError("x"), []) == 3
    err = capsys.readouterr().err
    assert "RuntimeError: x" in err
    assert "so it is above" in err


def test_exceptions_become_their_exit_codes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ends(exc: BaseException) -> int:
        def broken(*_: object, **__: object) -> object:
            raise exc

        class Broken:
            main = broken

        monkeypatch.setattr("netprobe.cli.main.application", lambda: Broken)
        return run([])

    assert ends(UsageError("a", "b", "c")) == 2
    assert ends(CannotExpressError(("p", "q"))) == 1
    assert ends(KeyboardInterrupt()) == 130
    assert ends(ExceptionGroup("nursery", [ExceptionGroup("inner", [UsageError("a", "b", "c")])])) == 2
    assert ends(BaseExceptionGroup("nursery", [KeyboardInterrupt(), ValueError()])) == 130
    assert capsys.readouterr().err == "netprobe: a: b; c\nnetprobe: p\nnetprobe: q\nnetprobe: a: b; c\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_back(shell: str) -> None:
    assert "_NETPROBE_COMPLETE" in netprobe("completion", shell).out


def test_completion_is_answered() -> None:
    asked = {"_NETPROBE_COMPLETE": "complete_bash", "COMP_WORDS": "netprobe regions --for", "COMP_CWORD": "2"}
    assert netprobe(env=asked).out.split() == ["--format"]


def test_a_completion_script_is_valid_bash() -> None:
    script = netprobe("completion", "bash").out
    assert "_NETPROBE_COMPLETE" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=20, env=dict(os.environ))


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_that_fits(name: str) -> None:
    command = load_command(name)
    assert command.name == name
    ended = netprobe(name, "--help")
    assert ended.code == 0
    assert all(len(line) <= 80 for line in ended.out.splitlines())


def test_the_entry_point_is_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from netprobe import __main__ as entry

    monkeypatch.setattr("sys.argv", ["netprobe", "--version"])
    assert entry.main() == 0
    assert capsys.readouterr().out.startswith("netprobe ")
