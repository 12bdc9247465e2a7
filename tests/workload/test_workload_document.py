"""Files of users: lines are right, mistakes are told with line and column, and no file can exhaust or run anything."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.errors import UnreadableFileError
from netprobe.workload import forms
from netprobe.workload.document import MAX_BYTES, Intrinsic, List, Map, Value, parse, read, text_of
from netprobe.workload.template import UNKNOWN
from tests.support.cli import netprobe


def one(text: str, name: str = "x.yaml") -> Value:
    (value,) = parse(text, name)
    return value


def plain(value: Value) -> object:
    if isinstance(value, Map):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, List) else value


def test_lines_of_json_and_yaml() -> None:
    for text in ('{\n\t"a": [\n\t\t1,\n\t\t{"b": 2}\n\t]\n}', "# c\na:\n- 1\n- b: 2\n"):
        value = one(text)
        assert isinstance(value, Map)
        assert value.lines["a"] == 2
        items = value["a"]
        assert isinstance(items, List)
        assert items.lines == [3, 4]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1,\n}', "no JSON at line 2, column 1"),
        ('{\n "a": }', "no JSON at line 2, column 7"),
        ("a: [1\nb: 2", "no YAML at line 2"),
        ("a: b: c", "no YAML at line 1, column 5"),
        ("a:\n\t- b", "no YAML at line 2, column 1"),
        ("a: !!python/object/apply:os.system [id]", "tag"),
        ("a: !<tag:evil,2026:x> 1", "tag"),
        ("? [1, 2]\n: x", "a key that is no text"),
        ("a: &x\n  b: *x", "contains itself"),
        ("- \x07", "a character that YAML forbids, at line 1"),
        ("[" * 20_000, "nested too deep"),
        ("{" * 1000 + '"a"', "no JSON"),
        ("- " * 5000 + "a", "nested too deep"),
        ('{"a": 1,\n"b": {"a": 2},\n"a": 3}', "gives 'a' twice in one place (lines 1 and 3)"),
        ("a: 1\n'a': 2", "gives 'a' twice in one place (lines 1 and 2)"),
        ("- {a: 1, a: 2}", "gives 'a' twice in one place (line 1)"),
        ("x: &x {a: 1}\ny:\n  <<: *x\n  a: 2\n  a: 3", "gives 'a' twice in one place (lines 4 and 5)"),
        ("Fn: !If {a: 1, a: 2}", "gives 'a' twice"),
        ("[" + "9" * 5000 + "]", "holds a number that is longer than any number is; correct it"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, told: str) -> None:
    with pytest.raises(UnreadableFileError, match=re.escape(told)):
        parse(text, "x.json" if text.startswith(("{", "[")) else "x.yaml")


def test_alias_bomb_is_refused_at_once() -> None:
    """Nine levels of nine aliases: 387 million values from a few hundred bytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    started = time.monotonic()
    with pytest.raises(UnreadableFileError, match="unfolds to more than"):
        parse("\n".join(lines), "bomb.yaml")
    assert time.monotonic() - started < 5


def test_size_encoding_and_absence(tmp_path: Path) -> None:
    big, latin, empty = tmp_path / "big.json", tmp_path / "latin.json", tmp_path / "empty.yaml"
    big.write_bytes(b" " * (MAX_BYTES + 1))
    latin.write_bytes(b'{\n"a": "\xe9"}')
    empty.write_text("")
    for path, told in ((big, "larger"), (latin, "line 2"), (empty, "empty"), (tmp_path / "absent", "no such file")):
        with pytest.raises(UnreadableFileError, match=told):
            read(path, text_of(path))


def test_cloudformation_tags_and_types() -> None:
    value = one('a: !Sub "${AWS::Region}"\nb: !GetAtt [x, y]\nc: 012345678901\nd: 1\ne: yes\nf:\ng: 2026-01-01\n')
    assert isinstance(value, Map)
    assert value["a"] == Intrinsic("Sub", "${AWS::Region}", 1)
    assert isinstance(value["b"], Intrinsic)
    # An account number with a leading zero is a text to everyone but YAML 1.1.
    assert [value[key] for key in "cdefg"] == ["012345678901", 1, True, None, "2026-01-01"]


def test_merge_keys_keep_what_is_written_out() -> None:
    value = one("base: &b {x: 1, y: 1}\nuse:\n  <<: *b\n  y: 2\n")
    assert plain(value) == {"base": {"x": 1, "y": 1}, "use": {"x": 1, "y": 2}}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(max_size=10), JSON, min_size=1), st.sampled_from([None, 2, "\t"]))
def test_valid_json_reads_as_json_does(value: dict[str, object], indent: str | int | None) -> None:
    """Held to the standard library's reader, over every text, also of astral characters and escapes."""
    text = json.dumps(value, indent=indent)
    assert plain(one(text, "x.json")) == json.loads(text)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="{}[]:,-&*!|>'\"#%@ \n\tab1.<?", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    told = ""
    try:
        parse(text, "x.yaml")
    except UnreadableFileError as exc:
        told = str(exc)
    assert "\n" not in told


def test_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "task.json"
    path.write_text('{"family": "x",\n}')
    ended = netprobe("workload", str(path))
    assert ended.code == 2
    assert "line 2, column 1" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_references_of_parameters_to_each_other_unfold_nothing(tmp_path: Path) -> None:
    """Twelve parameters of a hundred references each to the next: 10^24 texts from eighteen kilobytes."""
    parameters: dict[str, object] = {
        f"P{n}": {"Type": "String", "AllowedValues": [{"Ref": f"P{n + 1}"}] * 100} for n in range(12)
    }
    container = {"Name": "a", "Image": {"Ref": "P0"}}
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}}
    (tmp_path / "t.json").write_text(json.dumps({"Parameters": parameters, "Resources": {"T": task}}))
    started = time.process_time()
    ended = netprobe("workload", "t.json", cwd=tmp_path)
    assert time.process_time() - started < 5
    assert ended.code == 0
    assert "image_unresolved" in ended.out


def test_functions_that_come_to_too_much_are_refused() -> None:
    """Joins and lists of choices in each other: the file is legal, what it comes to is not read to its end."""
    table = {f"r{n}": {"x": "y"} for n in range(5_000)}
    finds = [{"Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, f"k{n}"]} for n in range(600)]
    template = {"Mappings": {"M": table}, "Resources": {"T": {"Type": "AWS::ECS::TaskDefinition", "Properties": {
        "ContainerDefinitions": [{"Name": "a", "Image": {"Fn::Join": ["", finds]}}]}}}}  # fmt: skip
    workload = forms.parse(parse(json.dumps(template), "t.json"), "t.json")
    with pytest.raises(UnreadableFileError, match="has functions that come to more than"):
        next(workload.containers()).texts("image")


def test_allowed_values_of_a_parameter_are_read() -> None:
    template = {"Parameters": {"P": {"AllowedValues": ["ghcr.io/a/b", "quay.io/c/d", {"Ref": "Q"}]}},
                "Resources": {"T": {"Type": "AWS::ECS::TaskDefinition", "Properties": {
                    "ContainerDefinitions": [{"Name": "a", "Image": {"Ref": "P"}}]}}}}  # fmt: skip
    workload = forms.parse(parse(json.dumps(template), "t.json"), "t.json")
    assert next(workload.containers()).texts("image") == ("ghcr.io/a/b", "quay.io/c/d", UNKNOWN)
