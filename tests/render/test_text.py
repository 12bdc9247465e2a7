"""Nothing unvalidated reaches a template's output, whatever it holds."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ElementTree

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.errors import UsageError
from netprobe.render import filling, filters, text
from netprobe.render.model import Admitted, Claim, Comment, Form
from netprobe.render.text import Text
from netprobe.render.views import Rules

HOSTILE = st.one_of(
    st.text(max_size=80), st.sampled_from(["a\nb", "*/ x", "--> x", '"; x', "`x`", "$(x)", "\\", "\x00"])
)


def _fill(template: str, **variables: object) -> str:
    env = filling.environment("squid", Comment.HASH)
    return env.from_string(template).render(variables)


@pytest.mark.parametrize("value", ["plain", 1.5, None, True, b"x", ["x"], jinja2.Undefined()])
def test_a_template_cannot_print_what_was_not_validated(value: object) -> None:
    with pytest.raises((TypeError, jinja2.UndefinedError)):
        _fill("{{ value }}", value=value)


@pytest.mark.parametrize(
    "template",
    [
        "{{ missing }}",
        "{{ value.missing }}",
        "{{ value | upper }}",
        "{{ value | replace('a', 'b') }}",
        "{{ value | safe }}",
        "{{ value ~ 'x' }}",
        "{{ 'literal' }}",
        "{{ value | joined }}",
        "{{ ['x'] | joined(', ') }}",
        "{{ range(3) }}",
        "{{ 'x' | starred('^') }}",
        "{{ value | starred('; drop') }}",
    ],
)
def test_templates_have_no_way_around(template: str) -> None:
    with pytest.raises((TypeError, jinja2.TemplateError)):
        _fill(template, value=Text("a"))


def test_a_device_may_have_another_sign_for_one_word() -> None:
    assert _fill("{{ a | starred('^') }}", a=text.name("ecs-a-*.example.com")) == "ecs-a-^.example.com"


def test_validated_text_and_numbers_are_printed() -> None:
    assert _fill("{{ a }} {{ b }} {{ [a, a] | joined(', ') }}", a=text.name("a.example.com"), b=443) == (
        "a.example.com 443 a.example.com, a.example.com"
    )


@given(HOSTILE)
def test_words_are_harmless_in_any_language(value: str) -> None:
    made = text.words(value)
    assert re.fullmatch(r"[A-Za-z0-9 .,:()/+=_@*-]*", made)
    assert not re.search(r"\*/|/\*|--|[-*/]$", made)


@given(st.lists(HOSTILE, max_size=3), st.sampled_from([c for c in Comment if c not in (Comment.NONE, Comment.XML)]))
def test_no_comment_ends_before_its_line(lines: list[str], style: Comment) -> None:
    made = filters.comment([text.line(line) for line in lines], style=style)
    for line in made.split("\n") if lines else []:
        assert line.startswith(style.value.rstrip())
        assert all(" " <= c <= "~" for c in line)
        assert not line.endswith("\\")


def test_a_comment_is_a_line_whatever_its_text_went_through() -> None:
    """Several lines that were made into one text (by this very filter) are not taken for one line."""
    several = filters.comment([text.line("a"), text.line("b")], style=Comment.HASH)
    assert filters.comment(several, style=Comment.SEMICOLON) == "; # a?# b"


def test_a_language_without_comments_gets_none() -> None:
    with pytest.raises(TypeError, match="no comments"):
        filters.comment([text.line("a")], style=Comment.NONE)


@given(HOSTILE)
def test_an_xml_comment_stays_one(line: str) -> None:
    made = filters.comment(text.line(line), style=Comment.XML)
    tree = ElementTree.fromstring(f"<a>{made}<b/></a>")
    assert [child.tag for child in tree] == ["b"]


@given(HOSTILE)
def test_strings_come_back_as_they_were(value: str) -> None:
    safe = text.line(value)
    encoded = str(filters.FILTERS["json"](safe))
    assert json.loads(encoded) == safe
    assert not set(encoded) & set("<>&"), "what a page takes for markup"
    element = ElementTree.fromstring(f'<a b="{filters.FILTERS["xml"](safe)}"/>')
    assert element.get("b") == safe


@pytest.mark.parametrize(
    "make",
    [
        lambda: text.name("a b.com"),
        lambda: text.name("ex\u0430mple.com"),
        lambda: text.suffix("*.example.com"),
        lambda: text.regex("a(b.com"),
        lambda: text.network("192.0.2.1/24"),
        lambda: text.network("192.0.2.0/24; drop"),
        lambda: text.network("fe80::1%eth0; x"),
        lambda: text.network("2001:db8::1%\nallow"),
        lambda: text.identifier("np; reboot"),
        lambda: text.identifier("1np"),
        lambda: text.identifier("np\n"),
    ],
)
def test_what_is_not_of_its_kind_is_refused(make: object) -> None:
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]


def test_a_limit_is_the_last_that_fits() -> None:
    assert text.identifier("a" * 63) == "a" * 63
    with pytest.raises(UsageError):
        text.identifier("a" * 64)
    assert (text.line("abcdefgh", limit=8), text.line("abcdefghi", limit=8)) == ("abcdefgh", "abcd ...")


def test_a_group_of_several_ports_has_no_port() -> None:
    """A template that printed one of them would admit the others' names there."""
    entries = [
        Admitted(claim=Claim(form=Form.EXACT, value="a.example.com"), port=port, endpoints=("r/x",))
        for port in (80, 443)
    ]
    rules = Rules.of(entries)
    assert (rules.port, rules.ports, [group.port for group in rules.by_port]) == (0, (80, 443), [80, 443])


def test_regex_is_anchored_and_escaped() -> None:
    assert text.regex("ecs-a-*.x.com") == r"^ecs-a-[a-z0-9-]+\.x\.com$"
    assert text.regex("ecs-a-*.x.com", anchored=False) == r"ecs-a-[a-z0-9-]+\.x\.com"


def test_hcl_strings_interpolate_nothing() -> None:
    assert filters.FILTERS["hcl"](text.line("${x} %{y}")) == '"$${x} %%{y}"'


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", '=HYPERLINK("https://example.com")'])
def test_csv_fields_are_never_formulas(formula: str) -> None:
    written = filters.FILTERS["csv"](text.line(formula))
    assert isinstance(written, str)
    ((field,),) = csv.reader([written], strict=True)
    assert field == "'" + formula.strip()


def test_csv_fields_come_back_as_they_were() -> None:
    said = 'a "quoted" word, a comma; *.example.com'
    written = filters.FILTERS["csv"](text.line(said))
    assert isinstance(written, str)
    assert list(csv.reader([written], strict=True)) == [[said]]
