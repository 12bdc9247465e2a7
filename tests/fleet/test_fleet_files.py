"""Where reports come from, and that no file, archive or stream ends a run or fills the memory."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import struct
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.fleet import files
from netprobe.fleet.files import Document, ReadingLimits, documents
from netprobe.fleet.model import Skipped
from tests.support.fleets import encoded, machines

MIB = 1 << 20


def one(seed: int = 1) -> bytes:
    return encoded(machines(random.Random(seed), 1)[0])


def pretty(data: bytes) -> bytes:
    return json.dumps(json.loads(data), indent=2).encode() + b"\n"


def read(*paths: Path, limits: ReadingLimits | None = None) -> tuple[list[Document], list[Skipped]]:
    found = list(documents(paths, limits))
    return [x for x in found if isinstance(x, Document)], [x for x in found if isinstance(x, Skipped)]


def tar(path: Path, members: Iterable[tuple[str, bytes]], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def zipped(path: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress], ids=["plain", "gz", "bz2", "xz"])
@pytest.mark.parametrize("shape", [bytes, pretty], ids=["one line", "indented"])
def test_a_file_is_told_by_its_bytes_not_by_its_name(tmp_path: Path, pack: object, shape: object) -> None:
    path = tmp_path / "web1.whatever"
    content = shape(one())  # type: ignore[operator]
    path.write_bytes(pack(content))  # type: ignore[operator]
    found, skipped = read(path)
    assert [document.data for document in found] == [content]
    assert skipped == []


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_of_reports_plain_and_packed(tmp_path: Path, mode: str) -> None:
    path = tar(
        tmp_path / "reports",
        [("a/web1.json", one(1)), ("b/web2.json.gz", gzip.compress(pretty(one(2)))), ("README", b"not one")],
        mode,
    )
    found, skipped = read(path)
    assert [(document.source, document.stem) for document in found] == [
        (f"{path}:a/web1.json", "web1"),
        (f"{path}:b/web2.json.gz", "web2"),
    ]
    assert found[1].data == pretty(one(2))
    assert skipped == []


def test_a_zip_of_reports(tmp_path: Path) -> None:
    path = zipped(tmp_path / "reports.zip", [("web1.json", one(1)), ("lines.jsonl", one(2) + b"\n" + one(3) + b"\n")])
    found, skipped = read(path)
    assert [document.stem for document in found] == ["web1", "lines-1", "lines-2"]
    assert skipped == []


def test_a_folder_is_read_by_name_and_below_and_links_and_pipes_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_bytes(one(2))
    (tmp_path / "a.json").write_bytes(one(1))
    (tmp_path / ".hidden.json").write_bytes(one(3))
    (tmp_path / "notes.txt").write_bytes(b"{}")
    (tmp_path / "fra").mkdir()
    (tmp_path / "fra" / "c.json.gz").write_bytes(gzip.compress(one(4)))
    (tmp_path / "passwd.json").symlink_to("/etc/passwd")
    (tmp_path / "up").symlink_to("..")
    os.mkfifo(tmp_path / "pipe.json")
    found, skipped = read(tmp_path)
    assert [document.stem for document in found] == ["a", "b", "c"]
    assert skipped == []


def test_json_lines_with_empty_and_broken_lines(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    path.write_bytes(one(1) + b"\n\n" + b"{}\n" + one(2) + b"\n")
    found, _ = read(path)
    assert [document.source for document in found] == [f"{path}:1", f"{path}:3", f"{path}:4"]


@pytest.mark.parametrize("indent", [0, 2, "\t"])
@pytest.mark.parametrize("as_stream", [False, True], ids=["file", "stdin"])
def test_reports_that_stand_one_after_the_other_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indent: int | str, as_stream: bool
) -> None:
    """``cat *.json | netprobe fleet -``, where one of them was cut in half."""
    whole = [json.dumps(json.loads(one(seed)), indent=indent).encode() + b"\n" for seed in (1, 2, 3)]
    cut = whole[1][: len(whole[1]) // 2].rstrip(b",[{: \n") + b"\n"
    data = whole[0] + b"\n" + whole[1] + cut + whole[2]
    (tmp_path / "all").write_bytes(data)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    found, skipped = read(Path("-") if as_stream else tmp_path / "all")
    assert [found_.data.strip() for found_ in found] == [part.strip() for part in (*whole[:2], cut, whole[2])]
    assert skipped == []
    assert found[0].source.endswith(":1")


def test_a_report_of_several_that_never_ends_is_refused_within_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(pretty(one()) + b"{\n" + b" " * 3 * MIB)))
    found, skipped = read(Path("-"), limits=ReadingLimits(report=MIB))
    assert (len(found), [told.reason for told in skipped]) == (1, ["is larger than 1 MiB"])


def test_stdin_takes_lines_and_one_whole_report(monkeypatch: pytest.MonkeyPatch) -> None:
    for data, number in ((one(1) + b"\n" + one(2), 2), (pretty(one(1)), 1), (gzip.compress(one(1) + b"\n"), 1)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert len(read(Path("-"))[0]) == number


def test_names_of_members_lead_nowhere_and_are_safe_to_show(tmp_path: Path) -> None:
    names = ["../../etc/cron.d/x.json", "/etc/passwd.json", "a\x1b[31m\n.json", "\u202ecod.json"]
    before = set(tmp_path.rglob("*"))
    path = tar(tmp_path / "evil.tar", [(name, one()) for name in names])
    found, _ = read(path)
    assert [document.stem for document in found] == ["x", "passwd", "a\\x1b[31m\\n", "\\u202ecod"]
    assert all(document.source.isprintable() for document in found)
    assert set(tmp_path.rglob("*")) - before == {path}


def test_what_is_missing_or_broken_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    good.write_bytes(one())
    damaged = tmp_path / "damaged.json.gz"
    damaged.write_bytes(gzip.compress(one())[:-20])
    cut = tmp_path / "cut.tar"
    cut.write_bytes(tar(tmp_path / "whole.tar", [("a.json", one(1)), ("b.json", one(2))]).read_bytes()[:2000])
    half = tmp_path / "half.zip"
    half.write_bytes(zipped(tmp_path / "whole.zip", [("a.json", one())]).read_bytes()[:-30])
    found, skipped = read(tmp_path / "missing.json", damaged, cut, half, good)
    assert [document.stem for document in found][-1] == "good"
    assert {Path(one.source).name for one in skipped} >= {"missing.json", "damaged.json.gz", "cut.tar", "half.zip"}


@pytest.mark.parametrize("kind", ["gz", "tar", "zip", "gz in tar"])
def test_a_bomb_is_skipped_within_its_limit(tmp_path: Path, kind: str) -> None:
    """Sixteen megabytes of blanks that pack into sixteen kilobytes."""
    limits = ReadingLimits(report=MIB, unpacked=8 * MIB)
    blanks = b"{" + b" " * (16 * MIB)
    path = tmp_path / "bomb"
    if kind == "gz":
        path.write_bytes(gzip.compress(blanks))
    elif kind == "tar":
        tar(path, [("bomb.json", blanks)], "w:gz")
    elif kind == "zip":
        zipped(path, [("bomb.json", blanks)])
    else:
        tar(path, [("bomb.json.gz", gzip.compress(blanks))])
    found, skipped = read(path, limits=limits)
    assert found == []
    assert skipped
    assert all("larger than 1 MiB" in one.reason or "willing to read" in one.reason for one in skipped)


def test_many_members_share_one_budget(tmp_path: Path) -> None:
    path = zipped(tmp_path / "many.zip", [(f"{n}.json", b"{" + b" " * MIB) for n in range(40)])
    found, skipped = read(path, limits=ReadingLimits(report=2 * MIB, unpacked=8 * MIB))
    assert 2 <= len(found) <= 8
    assert any("more than netprobe is willing to read" in one.reason for one in skipped)


def test_a_directory_of_too_many_members_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("a.json", one())])
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x05\x06")
    data[at + 12 : at + 16] = struct.pack("<I", files.MOST_DIRECTORY + 1)
    path.write_bytes(data)
    assert [one.reason for one in read(path)[1]] == ["has more members than netprobe reads"]


def test_no_more_reports_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    path.write_bytes(b"{}\n" * 50)
    found, skipped = read(path, limits=ReadingLimits(reports=20))
    assert (len(found), len(skipped)) == (20, 1)


def test_an_encrypted_member_and_a_sparse_one_are_told_or_passed_over(tmp_path: Path) -> None:
    path = zipped(tmp_path / "secret.zip", [("a.json", one())])
    data = bytearray(path.read_bytes())
    data[6] |= 1
    at = data.rfind(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(data)
    assert [one.reason for one in read(path)[1]] == ["is encrypted"]


def test_a_named_pipe_that_is_given_does_not_hold_the_run(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read(tmp_path / "pipe") == ([], [])


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress])
def test_a_pipe_that_a_shell_makes_is_read_to_its_end(pack: Callable[[bytes], bytes]) -> None:
    """``netprobe fleet <(ssh web1 cat report.json)``."""
    reading, writing = os.pipe()
    packed = pack(b"{}\n" * 3)

    def write() -> None:
        with os.fdopen(writing, "wb") as stream:
            for byte in packed:
                stream.write(bytes([byte]))
                stream.flush()
                time.sleep(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        documents, skipped = read(Path(f"/dev/fd/{reading}"))
    finally:
        writer.join()
        os.close(reading)
    assert ([one.data for one in documents], skipped) == ([b"{}\n"] * 3, [])


@given(st.binary(max_size=2000), st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"{", b"BZh9", b"\xfd7zXZ\x00"]))
def test_no_bytes_end_a_run(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{os.getpid()}"
    path.write_bytes(head + data)
    for found in documents([path]):
        assert found.source.isprintable()
