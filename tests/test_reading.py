"""A file that is named is read within its bound, or refused in one line that says why."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from netprobe import reading
from netprobe.cli.main import run
from netprobe.diagnosis import diagnose
from netprobe.errors import UnreadableFileError
from netprobe.observations import Failure
from netprobe.report.model import Report
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
