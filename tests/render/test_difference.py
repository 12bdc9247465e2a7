"""Is a deployed file stale? Comments do not count, and nothing that is more than a comment is taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.cli.main import run
from netprobe.render.difference import difference
from netprobe.render.model import Comment


def _stale(tmp_path: Path, deployed: str, wanted: str, style: Comment) -> bool:
    (tmp_path / "file").write_text(deployed, encoding="utf-8")
    return bool(difference(tmp_path, {"file": wanted}, ["file"], style))


@pytest.mark.parametrize(
    ("deployed", "wanted", "style"),
    [
        ("# old\na\n", "# new\n\na\n", Comment.HASH),
        ("  ; old\na\n", "a\n", Comment.SEMICOLON),
        ("<!-- old -->\n<a/>\n", "<!-- new -->\n<a/>\n", Comment.XML),
    ],
)
def test_comments_make_nothing_stale(tmp_path: Path, deployed: str, wanted: str, style: Comment) -> None:
    assert not _stale(tmp_path, deployed, wanted, style)


@pytest.mark.parametrize(
    ("deployed", "wanted", "style"),
    [
        ("a\nb\n", "a\n", Comment.HASH),
        ("a\n", "a\nb\n", Comment.HASH),
        ("b\na\n", "a\nb\n", Comment.HASH),
        ("# swallows the next line \\\na\n", "a\n", Comment.HASH),
        ("<!-- x --><member>evil.example/</member>\n<a/>\n", "<a/>\n", Comment.XML),
        ("<!-- x --><member/><!-- y -->\n<a/>\n", "<a/>\n", Comment.XML),
        ("<!-- opens, and swallows\n<a/>\n", "<a/>\n", Comment.XML),
        ("# a\n", "# b\n", Comment.NONE),
    ],
)
def test_rules_behind_or_inside_of_comments_count(tmp_path: Path, deployed: str, wanted: str, style: Comment) -> None:
    assert _stale(tmp_path, deployed, wanted, style)


def test_one_file_of_a_folder_can_be_checked_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Squid's folder has lists beside a main file that differs from the one on stdout under the same name."""
    monkeypatch.chdir(tmp_path)
    argv = ["render", "squid", "-r", "us-east-2", "-q"]
    assert run([*argv, "-o", "folder/"]) == 0
    for file in sorted(path for path in Path("folder").iterdir() if path.name[0] != "."):
        assert run([*argv, "--check", str(file)]) == 0, file
        file.write_text(file.read_text(encoding="utf-8") + ".evil.example\n", encoding="utf-8")
        assert run([*argv, "--check", str(file)]) == 1, file
        assert "-.evil.example" in capsys.readouterr().out


def _told(tmp_path: Path, name: str, deployed: bytes | None, wanted: str, style: Comment) -> list[str]:
    if deployed is not None:
        (tmp_path / name).write_bytes(deployed)
    return difference(tmp_path, {name: wanted}, [name], style)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert _told(tmp_path, "allow.exact", None, "a\n", Comment.HASH) == ["allow.exact: missing"]


def test_line_endings_are_bytes(tmp_path: Path) -> None:
    """nft and iptables-restore refuse CRLF, so a file with it is not the one that was rendered."""
    told = _told(tmp_path, "x.nft", b"# c\r\na\r\nb\r\n", "# c\na\nb\n", Comment.HASH)
    assert told[0] == "x.nft: its lines end with CRLF, and would end with LF"
    assert _told(tmp_path, "y", b"a\nb", "a\nb\n", Comment.HASH)[1:] == ["-b (no newline at its end)", "+b"]


def test_of_a_list_the_names_that_came_and_went_are_told(tmp_path: Path) -> None:
    told = _told(tmp_path, "list", b"# old header\na\nold\n", "# new header\na\nnew\n", Comment.HASH)
    assert told == ["list:", "-old", "+new"]


def test_what_stands_for_the_header_does_not_count(tmp_path: Path) -> None:
    """JSON and CSV have no comments; another version of netprobe made nothing stale before, either."""
    assert (
        _told(tmp_path, "a.json", b'{"about": ["old"], "rows": [1]}', '{"about": ["new"], "rows": [1]}', Comment.NONE)
        == []
    )
    assert _told(tmp_path, "b.json", b'{"about": [], "rows": [1]}', '{"about": [], "rows": [2]}', Comment.NONE) == [
        "b.json:",
        "-  1",
        "+  2",
    ]
    assert _told(tmp_path, "c.csv", b"name,made by\na,old\n", "name,made by\na,new\n", Comment.NONE) == []
    assert _told(tmp_path, "d.csv", b"name,made by\na,old\n", "name,made by\nb,new\n", Comment.NONE) == [
        "d.csv:",
        "-a",
        "+b",
    ]
