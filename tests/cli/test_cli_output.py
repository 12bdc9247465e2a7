from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from netprobe.cli import output
from netprobe.errors import UsageError
from tests.support import need
from tests.support.cli import ROOT, environment, netprobe


def test_a_file_is_written_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "report"
    output.write_output("first\n", path)
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    path.chmod(0o640)
    output.write_output(b"second\n", path)
    assert path.read_bytes() == b"second\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["report"]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report"
    path.write_text("good")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match=r"report: cannot be written \(no space left on device\)"):
        output.write_output("half", path)
    assert path.read_text() == "good"
    assert [one.name for one in tmp_path.iterdir()] == ["report"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    output.write_output("new", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_to_and_not_replaced() -> None:
    output.write_output("gone", Path(os.devnull))
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_full_device_a_folder_and_a_missing_folder_are_told(tmp_path: Path) -> None:
    for path in (Path("/dev/full"), tmp_path, tmp_path / "none" / "report"):
        with pytest.raises(UsageError, match=r"cannot be written \("):
            output.write_output("x" * 100_000, path)


NOBODY = 65534


@pytest.mark.root
def test_a_file_of_another_user_becomes_roots(tmp_path: Path) -> None:
    """Who put the file there first, in a shared folder, must neither read nor change what root writes."""
    need.root()
    path = tmp_path / "report"
    path.write_text("old")
    path.chmod(0o666)
    os.chown(path, NOBODY, NOBODY)
    output.write_output("new", path)
    assert (path.stat().st_uid, path.stat().st_gid) == (0, 0)
    assert path.stat().st_mode & 0o022 == 0


@pytest.mark.root
@pytest.mark.parametrize("where", ["report", "folder/report"])
def test_a_link_of_another_user_is_not_followed(where: str, tmp_path: Path) -> None:
    need.root()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "report").write_text("precious")
    shared = tmp_path / "shared"
    shared.mkdir()
    link = shared / where.partition("/")[0]
    link.symlink_to(precious / "report" if where == "report" else precious)
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(UsageError, match="another user made the link"):
        output.check_destinations([shared / where])
    with pytest.raises(UsageError, match="another user made the link"):
        output.write_output("x", shared / where)
    assert (precious / "report").read_text() == "precious"


def test_a_link_of_ones_own_is_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "to").symlink_to("folder/../folder")
    (tmp_path / "folder/report").symlink_to(tmp_path / "real")
    output.write_output("new", tmp_path / "to/report")
    assert (tmp_path / "real").read_text() == "new"
    assert (tmp_path / "folder/report").is_symlink()


def test_links_in_a_circle_are_told(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UsageError, match="cannot be written"):
        output.write_output("new", tmp_path / "a")


@pytest.mark.root
def test_a_pipe_of_another_user_holds_nobody(tmp_path: Path) -> None:
    need.root()
    path = tmp_path / "report"
    os.mkfifo(path)
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(UsageError, match="another user's pipe"):
        output.write_output("new", path)


@pytest.mark.parametrize("path", [None, Path("-")])
def test_without_a_path_it_goes_to_stdout(path: Path | None, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    output.write_output("tëxt\n", path)
    output.write_output(b"\xff", path)
    assert capsysbinary.readouterr().out == "tëxt\n".encode() + b"\xff"


def test_what_a_terminal_cannot_show_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    output.write_output("“CN=x”", None)
    assert raw.getvalue() == b"\\u201cCN=x\\u201d"


def test_a_note_is_one_safe_line_without_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("a\nb\x1b[31m http://user:p@ss/word@proxy.example:3128 end")
    assert capsys.readouterr().err == "a\\nb\\x1b[31m http://***@proxy.example:3128 end\n"


class Terminal(io.StringIO):
    def __init__(self, tty: bool) -> None:
        super().__init__()
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty


@pytest.mark.parametrize(
    ("tty", "variables", "coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": ""}, False),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_who_gets_colour(tty: bool, variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert output.coloured(Terminal(tty)) is coloured


def test_the_width_is_the_terminals_or_80(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert output.width() == 60
    monkeypatch.setenv("COLUMNS", "3")
    assert output.width() == 20


@pytest.mark.parametrize(
    "command",
    [
        ("check", "-r", "us-east-2", "--lab", "healthy"),
        ("image", "root"),
        ("workload", "task.json"),
        ("gate",),
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("bad", ["absent/out.xml", "root"])
def test_no_report_is_written_where_one_cannot_be(tmp_path: Path, command: tuple[str, ...], bad: str) -> None:
    """Told before the work starts: nothing is judged, and the last good reports stay what they were."""
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "task.json").write_text('{"family": "x", "containerDefinitions": [{"name": "a", "image": "nginx"}]}')
    (tmp_path / "netprobe.toml").write_text('[gate]\nworkloads = ["task.json"]\n')
    (tmp_path / "good.tap").write_text("last week's")
    before = sorted(tmp_path.rglob("*"))
    ended = netprobe(*command, "-o", "new.txt", "--report", "tap=good.tap", "--report", f"junit={bad}", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert f"{bad}: cannot be written" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "good.tap").read_text() == "last week's"


def test_all_files_are_complete_before_the_first_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at the second: the first is what it was."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("old")
    real, calls = os.fsync, iter([None, OSError(28, "No space left on device")])

    def full(descriptor: int) -> None:
        failure = next(calls)
        if failure is not None:
            raise failure
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="b: cannot be written"):
        output.write_outputs([("new", first), ("new", second)])
    assert first.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_stdout_by_its_path_may_be_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "root/etc").mkdir(parents=True)
    ended = netprobe("image", "root", "--format", "tap", "-o", "/dev/stdout", cwd=tmp_path)
    assert ended.out.startswith("TAP version"), ended.err


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("scenario", "code"), [("healthy", 0), ("refused", 1)])
def test_streams_that_are_closed_change_no_verdict(closed: str, scenario: str, code: int) -> None:
    """With -q, since what fails is told on stderr while it is tried again, and a closed stdout is no reason to stop."""
    check = ("-m", "netprobe", "check", "-q", "-r", "us-east-2", "--lab", scenario)
    shell = ("bash", "-c", f'"$@" {closed}', "bash", sys.executable, *check)
    done = subprocess.run(shell, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize("asked", ["--version", "--help", "check --help", "regions", "lab", ""])
def test_every_output_bears_a_reader_that_is_gone_and_a_full_disk(asked: str) -> None:
    """The first thing that anybody asks, too: no traceback, and no bug of ours."""
    command = f"{sys.executable} -m netprobe {asked}"
    on_stderr = asked in ("lab", "")  # a command is missing, which is a mistake
    for redirection, code in ((">&-", 0), ("| true", 0), (">/dev/full", 2), (">/dev/full 2>/dev/full", 2)):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", f"{command} {redirection}"],
            cwd=ROOT,
            env=environment(PYTHONUNBUFFERED="1"),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == (2 if on_stderr else code), (redirection, done.stderr)
        assert "Traceback" not in done.stderr
        assert "bug in netprobe" not in done.stderr


@pytest.mark.parametrize("command", [["targets"], ["explain", "tls_intercepted"], ["regions"]], ids=" ".join)
def test_where_the_locale_shows_ascii_tables_are_ascii(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from netprobe.cli.main import run

    monkeypatch.setenv("LC_ALL", "C")
    assert run(command) == 0
    assert capsys.readouterr().out.isascii()
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert run(["targets"]) == 0
    assert "dns→ip" in capsys.readouterr().out
