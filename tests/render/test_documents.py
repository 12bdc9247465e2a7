"""Documents: what a person or a program reads out of them is what was asked for, row by row."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence

import jsonschema
import msgspec
import pytest
import yaml

from netprobe.render import Rendered, compare, readers, render
from netprobe.render.lowering import asked_for
from tests.support.render_cases import CASES, ORIGIN
from tests.support.render_corpus import corpus

every_case = pytest.mark.parametrize("case", CASES)


def _as_aws_means_it(pattern: str, name: str) -> bool:
    """An asterisk is one or more characters of its label (Amazon ECS Anywhere, list of domains)."""
    labels, asked = pattern.split("."), name.split(".")
    return len(labels) == len(asked) and all(
        re.fullmatch(".+".join(map(re.escape, label.split("*"))), part, re.IGNORECASE)
        for label, part in zip(labels, asked, strict=True)
    )


@every_case
def test_hosts_holds_the_names_and_nothing_else(case: str) -> None:
    given = CASES[case]
    made = render("hosts", given.endpoints, origin=ORIGIN, options=given.options)
    listed = [line for line in made.main.splitlines() if line and not line.startswith("#")]
    assert len(listed) == len(set(listed))
    assert all(re.fullmatch(r"[a-z0-9*.-]+", line) for line in listed)
    for name in corpus(given.endpoints):
        assert any(_as_aws_means_it(line, name) for line in listed) == made.lowered.admits(name), name


@every_case
def test_hosts_is_read_back(case: str) -> None:
    given = CASES[case]
    made = render("hosts", given.endpoints, origin=ORIGIN, options=given.options)
    found = compare.compare(readers.READERS["hosts"](made.main), given.endpoints, given.options)
    assert (found.missing, found.spare, found.notes) == ((), (), ())
    without = "\n".join(line for line in made.main.splitlines() if not line.startswith("ecs."))
    found = compare.compare(readers.READERS["hosts"](without + "\nspare.example.com\n"), given.endpoints, given.options)
    assert {e.id for e in found.missing} == {"ecs"}
    assert [rule.text for rule in found.spare] == ["spare.example.com"]


_COLUMNS = ["destination", "port", "protocol", "purpose", "source", "site", "owner", "ticket", "expiry"]
_FREE = {"type": "string", "pattern": "^[ -~]*$"}
_ROW = {
    "endpoint": {"type": "string", "pattern": "^[a-z0-9-]+$"},
    "region": {"type": "string", "pattern": "^[a-z0-9-]+$"},
    "group": {"type": "string", "pattern": "^[a-z0-9-]+$"},
    "required": {"type": "boolean"},
    "pattern": {"type": "string", "pattern": "^[a-z0-9*.-]+$"},
    "regex": {"type": "string", "pattern": r"^\^.+\$$"},
    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "protocol": {"const": "tcp"},
    "lowered": {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "properties": {"form": {"enum": ["exact", "in-label-glob"]}, "value": {"type": "string"}},
            "required": ["form", "value"],
            "additionalProperties": False,
        },
    },
    "losses": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"kind": {"const": "widened"}, "exfiltration": {"type": "boolean"}, "explanation": _FREE},
            "required": ["kind", "exfiltration", "explanation"],
            "additionalProperties": False,
        },
    },
    "reason": _FREE,
    "used_by": {"type": "array", "items": {"type": "string"}},
    "source": {"type": "string", "pattern": "^https://"},
    "checked": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
}
_SCHEMA = {
    "type": "object",
    "properties": {
        "format": {"const": 1},
        "made_by": _FREE,
        "about": {"type": "array", "items": _FREE},
        "rows": {
            "type": "array",
            "items": {"type": "object", "properties": _ROW, "required": sorted(_ROW), "additionalProperties": False},
        },
    },
    "required": ["format", "made_by", "rows"],
    "additionalProperties": False,
}
"""As the page of the target json tells it."""


def _document(target: str, case: str) -> tuple[Rendered, Sequence[Mapping[str, object]]]:
    given = CASES[case]
    made = render(target, given.endpoints, origin=ORIGIN, options=given.options)
    document = json.loads(made.main) if target == "json" else yaml.safe_load(made.main)
    jsonschema.Draft202012Validator(_SCHEMA).validate(document)
    return made, document["rows"]


@every_case
@pytest.mark.parametrize("target", ["json", "yaml"])
def test_rows_say_what_was_asked_for(target: str, case: str) -> None:
    made, rows = _document(target, case)
    asked = CASES[case].endpoints
    assert [(r["region"], r["endpoint"], r["pattern"], r["port"], r["required"], r["source"]) for r in rows] == [
        (e.region, e.id, asked_for(e).pattern, e.port, e.required, e.source) for e in asked
    ]
    told = {(r["region"], r["endpoint"]) for r in rows if r["losses"]}
    assert told == {(loss.region, loss.endpoint) for loss in made.lowered.losses}
    assert told == {(e.region, e.id) for e in asked if e.placeholder_account}
    for name in corpus(asked):
        by_regex = any(re.search(str(r["regex"]), name, re.IGNORECASE) for r in rows)
        by_pattern = any(_as_aws_means_it(str(r["pattern"]), name) for r in rows)
        assert (by_regex, by_pattern) == (made.lowered.admits(name),) * 2, name


def test_json_and_yaml_hold_the_same() -> None:
    assert _document("json", "wide")[1] == _document("yaml", "wide")[1]


@every_case
def test_csv_is_a_change_request(case: str) -> None:
    given = CASES[case]
    made = render("csv", given.endpoints, origin=ORIGIN, options=given.options)
    head, *rows = csv.reader(made.main.splitlines(), strict=True)
    assert head[:9] == _COLUMNS
    assert all(len(row) == len(head) for row in rows)
    assert [(row[0], int(row[1]), row[2], row[head.index("reference")]) for row in rows] == [
        (asked_for(e).pattern, e.port, "TCP", e.source) for e in given.endpoints
    ]
    assert [bool(row[head.index("losses")]) for row in rows] == [e.placeholder_account for e in given.endpoints]


@pytest.mark.parametrize(
    "formula", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", '=HYPERLINK("https://example.com","x")']
)
def test_no_cell_is_a_formula(formula: str) -> None:
    """OWASP, CSV injection: =, +, -, @, tab and carriage return begin a formula, quoted or not."""
    given = CASES["strict"]
    endpoints = [msgspec.structs.replace(e, purpose=formula, source=formula, group=formula) for e in given.endpoints]
    made = render("csv", endpoints, origin=ORIGIN, options=given.options)
    head, *rows = csv.reader(made.main.splitlines(), strict=True)
    assert [len(row) for row in rows] == [len(head)] * len(endpoints)
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert all(row[3].startswith("'") for row in rows)
