"""The forms for Terraform and Ansible: golden, escaped, and the same rules as the target's own form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import hcl2
import jinja2
import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netprobe.cli.main import run
from netprobe.errors import CannotExpressError, UsageError
from netprobe.render import Origin, filters, notations, targets
from netprobe.render.engine import Rendered, render
from netprobe.render.header import loss_lines
from netprobe.render.model import Comment, Policy, ProofKind, Tool
from netprobe.render.notations import ansible, terraform
from netprobe.render.text import Text
from netprobe.resources import templates
from tests.support.render_cases import CASES, GOLDEN, ORIGIN, Case
from tests.support.tool_files import Tasks, Unsafe

ALL = [(name, tool) for tool, table in notations.TABLES.items() for name in table]
every_notation = pytest.mark.parametrize(("name", "tool"), ALL, ids=[f"{name}-{tool}" for name, tool in ALL])
every_case = pytest.mark.parametrize("case", CASES)


def made(name: str, tool: str, case: Case, origin: Origin = ORIGIN, policy: Policy | None = None) -> Rendered:
    module = notations.noted(targets.get(name), tool)
    wanted = policy or case.policy(name)
    return render(module, case.endpoints, origin=origin, options=case.options, policy=wanted)


@every_notation
@every_case
def test_golden(name: str, tool: str, case: str, update_golden: bool) -> None:
    """The text is the one that somebody read and committed; the second time it is the same."""
    folder = GOLDEN / name / f"{case}.{tool}"
    try:
        texts = dict(made(name, tool, CASES[case]).files)
    except CannotExpressError:
        assert (GOLDEN / name / case / "REFUSED").is_file(), "the target itself refuses this case"
        return
    if update_golden:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == texts
    assert dict(made(name, tool, CASES[case]).files) == texts


@every_notation
@every_case
def test_entries_and_losses_are_the_targets_own(name: str, tool: str, case: str) -> None:
    """A form never lowers anew, and its header tells the same losses."""
    given_ = CASES[case]
    try:
        own = render(name, given_.endpoints, origin=ORIGIN, options=given_.options, policy=given_.policy(name))
    except CannotExpressError:
        with pytest.raises(CannotExpressError):
            made(name, tool, given_)
        return
    noted = made(name, tool, given_)
    assert noted.lowered == own.lowered
    assert list(noted.files) == [noted_file.name for noted_file in notations.of(name)[Tool(tool)].files]
    told = [Text(line) for line in loss_lines(own.lowered.losses, ORIGIN.ways, own.lowered.beyond)]
    assert filters.comment(told, style=Comment.HASH) in noted.main


@every_notation
def test_every_declaration_is_complete(name: str, tool: str) -> None:
    notation = notations.of(name)[Tool(tool)]
    assert notation.title
    assert notation.sources
    assert all(source.where and source.read for source in notation.sources)
    assert notation.proof.by
    assert notation.main in notation.files
    for file in notation.files:
        assert (templates() / name / file.template).is_file()
    page = " ".join(targets.page(name).split())
    assert f"netprobe render {name} --as {tool}" in page
    assert f"Proof: {notation.proof.kind} ({' '.join(notation.proof.by.split())})." in page
    for sentence in notation.needs:
        assert " ".join(sentence.split()) in page


def test_tables_hold_known_targets_alone() -> None:
    assert set(terraform.NOTATIONS) | set(ansible.NOTATIONS) <= set(targets.names())


HOSTILE = (
    "${file(1)}",
    "%{ if true }",
    '" }\nresource "x" "y" {',
    "{{ lookup('pipe', 'id') }}",
    "{% raw %}",
    "x\n- name: y",
)


def _meaning(tool: str, text: str) -> Any:
    return _without_marks(hcl2.loads(text)) if tool == Tool.TERRAFORM else yaml.load(text, Loader=Tasks)


def _without_marks(value: Any) -> Any:
    """Without what python-hcl2 keeps of comments and lines."""
    if isinstance(value, dict):
        return {key: _without_marks(one) for key, one in value.items() if not str(key).startswith("__")}
    return [_without_marks(one) for one in value] if isinstance(value, list) else value


@every_notation
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_changes_no_rule(name: str, tool: str, hostile: str) -> None:
    """Free text of the catalog, of notes and of the command line stays in comments."""
    case = CASES["strict"]
    endpoints = tuple(msgspec.structs.replace(e, purpose=hostile, source=hostile) for e in case.endpoints)
    origin = Origin(command=f"x {hostile}", catalog=hostile, notes=(hostile,))
    module = notations.noted(targets.get(name), tool)
    bad = render(module, endpoints, origin=origin, options=case.options, policy=case.policy(name)).main
    good = made(name, tool, case).main
    assert _meaning(tool, bad) == _meaning(tool, good)
    assert not any(line.startswith(("- name: y", 'resource "x"')) for line in bad.splitlines())


def test_no_template_is_left_to_be_filled_by_the_tool_but_the_variables_that_are_told() -> None:
    """Every expression of a file is one that stands in its template, never one that a value brought."""
    for name, tool in ALL:
        case = CASES["strict" if (GOLDEN / name / "wide" / "REFUSED").is_file() else "wide"]
        text = "\n".join(line for line in made(name, tool, case).main.splitlines() if line[:1] != "#")
        if tool == Tool.TERRAFORM:
            assert not re.search(r"[$%]\{", text), name
            continue
        source = "".join((templates() / name / file.template).read_text() for file in notations.of(name)[tool].files)
        written = re.sub(r"\{\{ (stem|name) \}\}", "netprobe", re.sub(r"\{% (end)?raw %\}", "", source))
        for task in yaml.load(text, Loader=Tasks):
            for expression in _expressions(task):
                assert f"{{{{ {expression} }}}}" in written, (name, expression)


def _expressions(value: Any) -> Iterator[str]:
    """Every expression that Ansible would fill; a string that is tagged as unsafe has none."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _expressions(one)
    elif isinstance(value, str) and not isinstance(value, Unsafe):
        assert not re.search(r"\{[%#]", value)
        yield from re.findall(r"\{\{ (.+?) \}\}", value)


def unescaped(quoted: str) -> str:
    """What a quoted template of HCL stands for (HCL native syntax specification, template expressions)."""
    assert quoted[0] == quoted[-1] == '"'
    body, found, at = quoted[1:-1], [], 0
    while at < len(body):
        if body.startswith(("$${", "%%{"), at):
            found.append(body[at + 1 : at + 3])
            at += 3
        elif body.startswith(("${", "%{"), at):
            raise AssertionError(f"an expression in {quoted!r}")
        elif body[at] == "\\":
            width = {"u": 4, "U": 8}.get(body[at + 1], 0)
            plain = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
            found.append(chr(int(body[at + 2 : at + 2 + width], 16)) if width else plain[body[at + 1]])
            at += 2 + width
        else:
            assert body[at] not in '"\n'
            found.append(body[at])
            at += 1
    return "".join(found)


TEXTS = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40),
    st.text(alphabet='${}%"\\{#\n~a', max_size=20),
)


@given(TEXTS)
def test_every_string_of_hcl_is_read_as_what_it_was(value: str) -> None:
    written = filters.FILTERS["hcl"](Text(value))
    assert isinstance(written, Text)
    assert written.isascii()
    # Of two dollars in front of a brace the first stands for itself: what follows decides, from the left.
    if "$${" not in value and "%%{" not in value:
        assert unescaped(written) == value


def filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """What a module is given."""
    if isinstance(value, Unsafe) or not isinstance(value, str):
        return value
    return jinja2.Environment(keep_trailing_newline=True, autoescape=False).from_string(value).render(variables)


@given(TEXTS)
def test_every_string_of_a_task_is_given_to_the_module_as_what_it_was(value: str) -> None:
    written = filters.FILTERS["task"](Text(value))
    loaded = yaml.load(f"a:\n  - {written}\n", Loader=Tasks)["a"][0]
    assert filled(loaded, {}) == value


def test_an_unmarked_string_would_be_filled() -> None:
    """The reader above notices."""
    assert filled("{{ 6 * 7 }}", {}) == "42"
    assert filters.FILTERS["task"](Text("{{ 6 * 7 }}")) == '!unsafe "{{ 6 * 7 }}"'


def test_the_command_line_writes_it_and_the_header_tells_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "panos", "-r", "us-east-2", "--as", "terraform", "--ecs-numbers", "1-2", "-q"]) == 0
    text = capsys.readouterr().out
    assert "--as terraform" in text.splitlines()[3]
    assert 'resource "panos_security_policy_rules" "netprobe" {' in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["panos", "--as", "chef"], "there is no such form: use one of terraform, ansible"),
        (["squid", "--as", "terraform"], "squid has no such form"),
        (["gcp-firewall", "--as", "ansible"], "these have: aws-network-firewall, "),
        (["panos", "--as", "terraform", "--compare", "x"], "only a device's own configuration is read back"),
    ],
)
def test_what_there_is_not_is_told(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", *arguments, "-r", "us-east-2"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert words.partition(":")[0] in told
    assert words.partition(": ")[2] in told


def test_unknown_forms_are_refused_before_anything_is_made() -> None:
    with pytest.raises(UsageError, match="no such form"):
        notations.noted(targets.get("panos"), "")


def test_targets_lists_the_forms(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["targets", "--format", "json"]) == 0
    rows = {row["target"]: row for row in json.loads(capsys.readouterr().out)["targets"]}
    assert {name: set(row["as"]) for name, row in rows.items() if row["as"]} == {
        name: set(map(str, notations.of(name))) for name, _ in ALL
    }
    assert rows["fortios"]["as"]["ansible"]["proof"]["kind"] == ProofKind.SCHEMA
    assert run(["targets"]) == 0
    assert "--as terraform: PaloAltoNetworks/panos 2.x; proof: read, not run" in capsys.readouterr().out
