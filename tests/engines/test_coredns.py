r"""CoreDNS cannot be had here: an independent reader of the Corefile and of the view plugin's expressions.

Read 2026-11-23: a Corefile consists of words split at white space; ``#`` begins a comment; a block is opened by ``{``
at the end of a line and closed by ``}`` alone on a line; ``{$NAME}``, ``{%NAME%}`` are replaced from the environment.
A query goes to the longest matching zone, there to the first server block whose views are all true, else to the one
without. ``name()`` is in lower case and ends with a dot. ``matches`` finds an unanchored RE2 expression; in a quoted
string of expr-lang ``\\`` stands for one backslash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from netprobe.render import Options, Rendered
from tests.support.render_corpus import corpus, spellings
from tests.support.render_dns import ENDPOINTS, claimed, rendered

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<call>name\(\))|(?P<word>in|matches)\b|(?P<or>\|\|)|(?P<mark>[\[\],]))"
)
_SUBSET = re.compile(r"\^(?:[a-z0-9-]|\\\.|\[a-z0-9-\]\+)+\$")
"""What we may use of RE2: literals, an escaped dot, ``[a-z0-9-]+``, both anchors; the same in Python."""


@dataclass
class _Block:
    zones: list[str]
    views: list[str] = field(default_factory=list)
    plugins: dict[str, list[str]] = field(default_factory=dict)
    inner: dict[str, list[list[str]]] = field(default_factory=dict)


def _lines(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        assert not any("{$" in word or "{%" in word or '"' in word for word in words)
        if words:
            yield words


def _blocks(text: str) -> list[_Block]:
    found: list[_Block] = []
    depth, plugin = 0, ""
    for words in _lines(text):
        if words == ["}"]:
            depth -= 1
        elif depth == 0:
            assert words[-1] == "{", words
            found.append(_Block(zones=words[:-1]))
            depth = 1
        elif depth == 1:
            opens = words[-1] == "{"
            plugin = words[0]
            assert plugin not in found[-1].plugins, "twice"
            found[-1].plugins[plugin] = words[1:-1] if opens else words[1:]
            depth += opens
        elif plugin == "view":
            assert words[0] == "expr"
            found[-1].views.append(" ".join(words[1:]))
        else:
            found[-1].inner.setdefault(plugin, []).append(words)
        assert 0 <= depth <= 2
    assert depth == 0
    return found


class _Expression:
    """``name() in ['…', …] || name() matches '…' || …`` and nothing else."""

    def __init__(self, text: str) -> None:
        self._tokens = list(self._split(text))
        self.names: set[str] = set()
        self.patterns: list[re.Pattern[str]] = []
        self._clause()
        while self._tokens:
            self._take("||")
            self._clause()

    @staticmethod
    def _split(text: str) -> Iterator[str]:
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            assert match, text[position : position + 40]
            yield match.group().strip()
            position = match.end()

    def _take(self, expected: str = "") -> str:
        token = self._tokens.pop(0)
        assert expected in ("", token), (expected, token)
        return token

    def _string(self) -> str:
        token = self._take()
        assert token.startswith("'")
        return re.sub(r"\\(.)", self._unescape, token[1:-1])

    @staticmethod
    def _unescape(match: re.Match[str]) -> str:
        assert match.group(1) in "\\'", "an escape that the string language does not have"
        return match.group(1)

    def _clause(self) -> None:
        self._take("name()")
        if self._take() == "matches":
            expression = self._string()
            assert _SUBSET.fullmatch(expression), expression
            self.patterns.append(re.compile(expression[:-1] + r"\Z"))
            return
        self._take("[")
        while self._tokens[0] != "]":
            self.names.add(self._string())
            if self._tokens[0] != "]":
                self._take(",")
        self._take("]")

    def is_true(self, name: str) -> bool:
        return name in self.names or any(pattern.search(name) for pattern in self.patterns)


def _resolves(text: str, asked: tuple[str, ...]) -> dict[str, bool]:
    blocks = _blocks(text)
    views = [[_Expression(view) for view in block.views] for block in blocks]
    found = {}
    for name in asked:
        dotted = name.lower() + "."
        first = next(b for b, own in zip(blocks, views, strict=True) if all(e.is_true(dotted) for e in own))
        assert ("forward" in first.plugins) != ("template" in first.plugins)
        found[name] = "forward" in first.plugins
    return found


def _made(case: str) -> Rendered:
    return rendered("coredns", Options(), strict=case == "strict")


@pytest.mark.parametrize("case", ["strict", "wide"])
def test_the_documented_rules_resolve_what_is_claimed(case: str) -> None:
    made, asked = _made(case), corpus(ENDPOINTS)
    decided = _resolves(made.main, asked)
    assert decided == claimed(made, asked)
    assert {True, False} <= set(decided.values())
    assert not [loss for loss in made.lowered.losses if loss.endpoint != "ecr-registry"]
    for name in asked[::9]:
        assert set(_resolves(made.main, spellings(name)).values()) == {decided[name]}


def test_the_last_block_denies_everything() -> None:
    first, last = _blocks(_made("wide").main)
    assert first.zones == last.zones == ["."]
    assert len(first.views) == 1
    assert not last.views
    assert last.plugins["template"] == ["ANY", "ANY"]
    assert last.inner["template"] == [["rcode", "NXDOMAIN"]]
    assert set(last.plugins) == {"errors", "template"}


def test_the_reader_notices_what_is_invalid() -> None:
    for text in (
        "name() in ['a.'] && true",
        "name() matches 'a.*'",
        r"name() matches '^a\.b$'",
        "name() in ['a.'",
        "x",
    ):
        with pytest.raises((AssertionError, IndexError)):
            _Expression(text)
    for text in (". {\n", "}\n", ". {\n view x {\n }\n view y {\n }\n}\n"):
        with pytest.raises((AssertionError, IndexError)):
            _blocks(text)
