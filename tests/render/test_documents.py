"""Documents: what a person or a program reads out of them is what was asked for, row by row."""

from __future__ import annotations

import re

import pytest

from netprobe.render import compare, readers, render
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
