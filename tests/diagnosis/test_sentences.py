"""Every title and remedy, as people read them: of one host, of two and of forty.

They stand in ``sentences.txt``; ``pytest tests/diagnosis/test_sentences.py --update-golden`` writes them again.
Read what changed: it is the place where a verb that does not agree, or two phrases glued together, shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import netprobe.diagnosis as diagnosis
from netprobe.diagnosis import causes
from netprobe.diagnosis.causes import CauseGroup
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.findings import Finding
from tests.diagnosis.test_cases import CASES
from tests.support.observe import REGION, World
from tests.support.some import some

GOLDEN = Path(__file__).with_name("sentences.txt")
NUMBERS = (1, 2, 40)
HOSTS = tuple(f"{word}.{REGION}.amazonaws.com" for word in ("ecs", "ssm", *(f"svc-{n:02}" for n in range(38))))


def groups() -> dict[tuple[str, str, bool], CauseGroup]:
    """One group of causes for each way in which a finding is told, from the table of cases."""
    found: dict[tuple[str, str, bool], CauseGroup] = {}

    def keep(group: CauseGroup) -> Finding:
        say = group.causes[0].say
        found.setdefault((group.id, say.__qualname__, group.proven), group)
        return causes.finding(group)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagnosis, "finding", keep)
        for build, _ in CASES.values():
            world = World()
            build(world)
            world.diagnosis()
    return found


def of_so_many(group: CauseGroup, number: int) -> CauseGroup:
    """The same group, as if ``number`` hosts had met the same."""
    cause, standing = group.causes[0], group.standings[0]
    assert cause.view is not None
    alike = []
    for host in HOSTS[:number]:
        subjects = tuple(msgspec.structs.replace(one, pattern=host) for one in cause.view.subjects)
        view = msgspec.structs.replace(cause.view, host=host, subjects=subjects)
        alike.append(msgspec.structs.replace(cause, view=view))
    return msgspec.structs.replace(group, causes=tuple(alike), standings=(standing,) * number)


def told() -> Iterator[str]:
    for (id_, say, proven), group in sorted(groups().items(), key=lambda item: item[0]):
        yield f"## {id_} ({say}, {'proven' if proven else 'suspected'})"
        for number in NUMBERS if group.causes[0].view is not None else (0,):
            finding = causes.finding(of_so_many(group, number) if number else group)
            yield f"{number or 'the host'}: {finding.title}"
            yield f"   {finding.remedy}"
        yield ""


def test_every_title_and_remedy(request: pytest.FixtureRequest) -> None:
    shown = "\n".join(told())
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(shown, encoding="utf-8")
    assert shown == GOLDEN.read_text(encoding="utf-8")


def test_every_finding_is_told() -> None:
    assert {id_ for id_, _, _ in groups()} == set(TAXONOMY)


SEVERAL = "are|have|do|end|fail|answer|resolve|send|show|accept"
ONE = "is|has|does|ends|fails|answers|resolves|sends|shows|accepts"
WRONG = {
    "1: ": re.compile(rf"(?:^1: |; )\S+\.amazonaws\.com (?:{SEVERAL})\b"),
    "2: ": re.compile(rf"(?:^2: |; )\S+\.amazonaws\.com and \S+\.amazonaws\.com (?:{ONE})\b"),
    "40: ": re.compile(rf"(?:^40: |; )\S+\.amazonaws\.com, [^:;]* and 37 more (?:{ONE})\b"),
}
"""How many hosts → what a sentence must not say of them, where they are its subject."""


def test_verbs_agree_with_their_hosts() -> None:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    for number, wrong in WRONG.items():
        for line in some(one for one in lines if one.startswith(number)):
            assert not wrong.search(line), line


def test_a_verb_that_does_not_agree_would_show() -> None:
    assert WRONG["1: "].search(f"1: {HOSTS[0]} end the handshake")
    assert WRONG["40: "].search(f"40: {HOSTS[0]}, {HOSTS[1]}, {HOSTS[2]} and 37 more ends the handshake")


@pytest.mark.parametrize(
    ("case", "end"),
    [
        ("silence_of_the_origin_is_nobodys_for_sure", "s, and neither does GET."),
        ("cut_of_both_methods_over_a_chain_of_the_origin", "is reset after the request (GET), as it is after GET."),
    ],
)
def test_what_became_of_the_other_method_goes_on_with_the_sentence(case: str, end: str) -> None:
    world = World()
    CASES[case][0](world)
    (found,) = world.diagnosis().findings
    assert end in found.title
