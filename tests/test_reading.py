"""A file that is named is read within its bound, or refused in one line that says why."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from netprobe import reading
from netprobe.errors import UnreadableFileError


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
