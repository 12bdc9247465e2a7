"""A file that is named is read within its bound, or refused in one line that says why."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import re
import struct
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from netprobe import reading
from netprobe.cli.main import load_command, run
from netprobe.diagnosis import diagnose
from netprobe.errors import UnreadableFileError
from netprobe.observations import Failure
from netprobe.report.model import Report
from tests.support import need, reports
from tests.support.observe import World, name


def test_a_file_is_read_up_to_its_bound_and_no_further(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 8)
    assert reading.read(file, 8, "split it") == b"x" * 8
    with pytest.raises(UnreadableFileError) as caught:
        reading.read(file, 7, "split it")
    assert str(caught.value) == f"{file}: is larger than 7 bytes; split it"


@pytest.mark.parametrize(
    ("most", "words"), [(1 << 20, "1 MiB"), (3 << 20, "3 MiB"), (256 << 10, "256 KiB"), (9, "9 b")]
)
def test_the_bound_is_told_in_units_that_people_read(most: int, words: str) -> None:
    assert f"larger than {words}" in str(reading.too_large(Path("f"), most, "r"))


def test_why_the_system_refuses_is_told(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none", "no such file or directory"), (tmp_path, "is a directory")):
        with pytest.raises(UnreadableFileError, match=why):
            reading.read(path, 8, "name another")


def test_an_endless_file_costs_no_more_than_its_bound() -> None:
    with pytest.raises(UnreadableFileError, match="larger than 1 MiB"):
        reading.read(Path("/dev/zero"), 1 << 20, "name another")


def test_a_pipe_is_read_as_a_shell_hands_it_over() -> None:
    """``netprobe … <(command)`` names a pipe, which says all only once its writer has ended."""
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb") as stream:
            stream.write(b"ab")

    thread = threading.Thread(target=write)
    thread.start()
    assert reading.read(Path(f"/dev/fd/{reader}"), 8, "r") == b"ab"
    thread.join()
    os.close(reader)


def test_a_dash_is_the_standard_input_only_where_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"{}")))
    assert reading.read(Path("-"), 8, "r", stdin=True) == b"{}"
    with pytest.raises(UnreadableFileError, match="no such file"):
        reading.read(Path("-"), 8, "r")


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a", encoding="utf-8-sig")
    assert reading.read(file, 8, "split it") == b"a"
    for encoding in ("utf-16", "utf-16-be"):
        file.write_text("a" if encoding == "utf-16" else "\ufeffa", encoding=encoding)
        with pytest.raises(UnreadableFileError, match=f"{file}: is UTF-16; save it as UTF-8"):
            reading.read(file, 8, "split it")


@pytest.mark.parametrize(
    "arguments",
    [
        ["diagnose", "{report}"],
        ["compare", "{report}", "{report}"],
        ["fleet", "{report}"],
        ["changes", "--for", "{squid}"],
        ["render", "squid", "-r", "us-east-2", "--compare", "{squid}"],
        ["regions", "--config", "{settings}"],
    ],
    ids=" ".join,
)
def test_files_that_went_through_windows_are_read_or_told(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    world.endpoint("ecs")
    world.dns(name("ecs"), failure=Failure.DNS_NXDOMAIN)
    made = world.run()
    report = msgspec.json.encode(Report.of(made, diagnose(made))).decode()
    texts = {"report": report, "settings": "timeout = 5\n"}
    assert run(["render", "squid", "-r", "us-east-2"]) == 0
    texts["squid"] = capsys.readouterr().out

    def ended(encoding: str) -> tuple[int, str]:
        for file, text in texts.items():
            (tmp_path / file).write_text(text, encoding=encoding)
        code = run([one.format(**{file: str(tmp_path / file) for file in texts}) for one in arguments])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    plain = ended("utf-8")
    assert plain[0] != 2
    assert ended("utf-8-sig") == plain
    code, told = ended("utf-16")
    assert code == 2
    assert "is UTF-16" in told


CLOSED = [
    ("audit", "closed/f", "-r", "us-east-2"),
    ("audit", "closed/f", "-r", "us-east-2", "--log-format", "squid"),
    ("observe", "closed/f"),
    ("workload", "closed/f"),
    ("image", "closed/f"),
    ("image", "closed"),
    ("diagnose", "closed/f"),
    ("fleet", "closed/f"),
    ("fleet", "report.json", "--handoff", "closed/x"),
    ("compare", "closed/f", "report.json"),
    ("compare", "report.json", "closed"),
    ("render", "squid", "-r", "us-east-2", "--compare", "closed/f"),
    ("render", "squid", "-r", "us-east-2", "--compare", "closed"),
    ("render", "squid", "-r", "us-east-2", "--check", "closed/f"),
    ("render", "squid", "-r", "us-east-2", "--check", "closed"),
    ("render", "squid", "-r", "us-east-2", "-o", "closed/x"),
    ("render", "squid", "-r", "us-east-2", "-o", "closed/"),
    ("render", "squid", "-r", "us-east-2", "-o", "mine"),
    ("render", "panos", "-r", "us-east-2", "-o", "closed/x.d"),
    ("render", "csv", "-r", "us-east-2", "-o", "closed/x.csv"),
]


def give_up_capabilities() -> None:
    """Be held to the modes of files although one is root; what is imported late can still be read (capset(2))."""
    header, nothing = struct.pack("Ii", 0x20080522, 0), bytes(24)
    assert ctypes.CDLL(None).capset(header, nothing) == 0


@pytest.mark.root
@pytest.mark.parametrize("arguments", CLOSED, ids=" ".join)
def test_a_folder_that_is_closed_to_the_user_is_told_in_one_line(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pathlib's questions (``is_file`` and the like) raise there, up to Python 3.13, and do not say no."""
    need.root()
    monkeypatch.chdir(tmp_path)
    Path("report.json").write_bytes(msgspec.json.encode(reports.report()))
    for place in (Path("closed/f"), Path("mine/netprobe.conf")):
        place.parent.mkdir()
        place.write_text("x")
        place.chmod(0)
    Path("closed").chmod(0)
    Path("mine").chmod(0o777)
    load_command(arguments[0])
    child = os.fork()
    if child == 0:
        code = 99
        with contextlib.suppress(BaseException), Path("told").open("wb") as told:
            os.dup2(told.fileno(), 1)
            os.dup2(told.fileno(), 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            give_up_capabilities()
            code = run(list(arguments))
            sys.stderr.flush()
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    shown = Path("told").read_text()
    assert code == 2, shown
    last = shown.splitlines()[-1]
    assert last.startswith("netprobe: ")
    assert re.search("permission denied|did not write it", last, re.IGNORECASE), shown
    assert sorted(one.name for one in Path("closed").iterdir()) == ["f"]
    assert [one.name for one in Path("mine").iterdir()] == ["netprobe.conf"]
