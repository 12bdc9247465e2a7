"""Names in the order in which a person looks for them."""

from __future__ import annotations

import ast
import random
import re
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe import natural
from netprobe.fleet.census import Census
from netprobe.fleet.files import Document
from netprobe.report import render
from tests.support import reports
from tests.support.cli import ROOT


@pytest.mark.parametrize(
    "names",
    [
        ["ecs-a-1.us-east-2.amazonaws.com", "ecs-a-2.us-east-2.amazonaws.com", "ecs-a-16.us-east-2.amazonaws.com"],
        ["10.0.0.9", "10.0.0.10", "10.0.1.1", "10.0.10.1"],
        ["", "0", "00", "000", "01", "1", "9", "10", "a", "a1", "a2", "a10", "b"],
        ["rack1-host2", "rack1-host10", "rack2-host1", "rack10-host1"],
        ["x" + "9" * 5000, "x1" + "0" * 5000],
    ],
)
def test_numbers_count_as_numbers(names: list[str]) -> None:
    mixed = random.Random(1).sample(names, len(names))
    assert natural.ordered(mixed) == names
    assert [name for name, _ in natural.items(dict.fromkeys(mixed, 0))] == names


@given(st.lists(st.text(alphabet="ab0129.-²٣é")))
def test_any_texts_have_one_order(texts: list[str]) -> None:
    assert natural.ordered(texts) == natural.ordered(reversed(texts))
    assert sorted(natural.ordered(texts)) == sorted(texts)


@given(st.integers(min_value=0), st.integers(min_value=0))
def test_numbers_in_the_same_place_are_compared(one: int, other: int) -> None:
    assert (natural.key(f"n{one}.x") < natural.key(f"n{other}.x")) is (one < other)


NAMES = [f"ecs-a-{number}.us-east-2.amazonaws.com" for number in (1, 2, 16)]
SAYS = ("text", "markdown", "github", "sarif")
"""Formats that spell the hosts of a finding out; others take them as the report has them, or none."""


@pytest.mark.parametrize("format", SAYS)
def test_a_finding_names_its_hosts_in_that_order(format: str) -> None:
    """Also where a report of an older netprobe has them in another."""
    told = reports.report(findings=(reports.finding("tcp_dropped", hosts=(NAMES[0], NAMES[2], NAMES[1])),))
    out = render(told, format)
    shown = out if isinstance(out, str) else out.decode()
    assert re.findall(r"ecs-a-\d+", shown)[:3] == ["ecs-a-1", "ecs-a-2", "ecs-a-16"]


def test_hosts_of_a_fleet_stand_in_that_order() -> None:
    census = Census()
    for number in (10, 2, 1):
        name = f"rack{number}"
        host = msgspec.structs.replace(reports.IDENTITY, name=name, machine_id=f"{number:032x}")
        census.add(Document(source=f"{name}.json", stem=name, data=msgspec.json.encode(reports.report(host=host))))
    assert [one.name for one in census.members()] == ["rack1", "rack2", "rack10"]


PLAIN = {
    "netprobe/cli/saved.py": 1,  # which of them is refused first
    "netprobe/diagnosis/dns_warnings.py": 1,  # a key
    "netprobe/diagnosis/proxy.py": 1,  # schemes of authentication
    "netprobe/handbook/site.py": 1,  # links of a page
    "netprobe/lab/plan.py": 1,  # ports
    "netprobe/probes/dnswire.py": 2,  # observations, which are compared
    "netprobe/render/lock.py": 2,  # a file that is compared
    "netprobe/render/readers/devices.py": 1,
}
"""Where such texts are sorted as text, and how often: nobody looks for a name there."""
_NAMES = re.compile(r"host|address|resolver|pattern|prox|site")


def test_no_other_list_of_names_is_sorted_as_text() -> None:
    found = Counter[str]()
    for path in sorted((ROOT / "netprobe").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for call in (one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Call) and not one.keywords):
            if isinstance(call.func, ast.Name) and call.func.id == "sorted" and "deploy" not in path.parts:
                found[str(path.relative_to(ROOT))] += bool(
                    _NAMES.search(ast.get_source_segment(text, call.args[0]) or "")
                )
    assert {path: count for path, count in found.items() if count} == PLAIN
