"""Pages in a pipe: as wide as asked, and the same to a reader of Markdown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from netprobe.cli import explain
from netprobe.cli.main import run
from netprobe.cli.refill import refilled
from tests.support.some import some

_SPAN = re.compile(r"`[^`]*`")


def seen(markdown: str) -> str:
    """What a reader sees: a break within a paragraph is a blank to it."""
    html = MarkdownIt().render(markdown)
    pieces = re.split(r"(<pre>.*?</pre>)", html, flags=re.DOTALL)
    return "".join(piece if piece.startswith("<pre>") else " ".join(piece.split()) for piece in pieces)


def test_every_page_says_the_same_and_fits() -> None:
    columns = 40
    for ids, show in some(explain.kinds().values()):
        for id_ in some(ids):
            page = show(id_)
            told = refilled(page, columns)
            assert seen(told) == seen(page), id_
            for line in told.split("\n"):
                if line.startswith(("    ", "#", "|", "```")) or len(line) <= columns:
                    continue
                # What is longer is one word or one piece of code, beside it a sign of a list or a shell.
                words = _SPAN.sub(lambda code: code[0].replace(" ", "_"), line.strip()).split(" ")
                long = [word for word in words if len(word) > 3 and word[0] not in "<>|"]
                assert len(long) <= 1 or line in page.split("\n"), (id_, line)


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(["a", "- b", "1. x", "# h", "`c d`", "`", "", "    code", "```", "> q", "| t |", "word " * 9])
    )
)
def test_any_page_keeps_every_word_in_order(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert refilled(text, 20).split() == text.split()


@pytest.mark.parametrize("columns", [40, 60])
def test_a_pipe_has_the_columns_that_columns_says(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run(["explain", "tls_intercepted"]) == 0
    prose = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(("    ", "#"))]
    assert columns - 12 < max(map(len, prose)) <= columns
