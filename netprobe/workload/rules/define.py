"""How a rule of workload is written down: the function's name is the rule's id.

Every rule names the sentence of AWS's documentation or API that it rests on; a wish in a roadmap is no source. The
sentences of the API are those of botocore 1.44.5, which documents it. Those of the developer guide were held against
its archived source (awsdocs/amazon-ecs-developer-guide, as of 2023-06-15): each stands there word for word on the page
named. Whether today's page still says so was not read again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from netprobe.findings import Outcome, Owner, Severity
from netprobe.rules import Judgement, Rule
from netprobe.workload.model import Workload

CHECKED = "2026-11-28"
GUIDE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/"
API = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/"
EXTERNAL = f"{GUIDE}ecs-anywhere.html"


def rule(
    judge: Callable[[Workload], Judgement],
    title: str,
    source: str,
    sentence: str,
    *,
    severity: Severity = Severity.ERROR,
) -> Rule[Workload]:
    """Make a rule of a function; whoever writes the task definition must act.

    Args:
        judge: the function.
        title: the problem in a few words.
        source: the page that says so.
        sentence: what it says, in its own words.
        severity: what a failure is worth.
    """
    return Rule(
        id=judge.__name__,
        title=title,
        severity=severity,
        owner=Owner.WORKLOAD,
        source=source,
        checked=CHECKED,
        judge=_whole(judge),
        sentence=sentence,
    )


def _whole(judge: Callable[[Workload], Judgement]) -> Callable[[Workload], Judgement]:
    """The same rule, which has judged nothing where all is well but for what the file leaves open.

    What fails or warns does so whatever the rest comes to.
    """

    @functools.wraps(judge)
    def judged(workload: Workload) -> Judgement:
        workload.ask_anew()
        found = judge(workload)
        if found.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
            workload.settled()
        return found

    return judged
