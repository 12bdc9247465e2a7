"""Is a deployed file stale? Comments do not count, and nothing that is more than a comment is taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.cli.main import run
from netprobe.render.model import Comment
from netprobe.render.stale import difference


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
    for file in sorted(Path("folder").iterdir()):
        assert run([*argv, "--check", str(file)]) == 0, file
        file.write_text(file.read_text(encoding="utf-8") + ".evil.example\n", encoding="utf-8")
        assert run([*argv, "--check", str(file)]) == 1, file
        assert "-.evil.example" in capsys.readouterr().out
