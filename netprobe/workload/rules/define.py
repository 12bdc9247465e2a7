"""How a rule of workload is written down: the function's name is the rule's id."""

from __future__ import annotations

from collections.abc import Callable

from netprobe.findings import Owner, Severity
from netprobe.rules import Judgement, Rule
from netprobe.workload.model import Workload

CHECKED = "2026-11-23"
DEVELOPER_GUIDE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere.html"
CAPABILITIES = "https://github.com/aws/amazon-ecs-agent/blob/master/agent/app/agent_capability.go"


def rule(
    judge: Callable[[Workload], Judgement], title: str, source: str, *, severity: Severity = Severity.ERROR
) -> Rule[Workload]:
    """Make a rule of a function; whoever writes the task definition must act."""
    return Rule(
        id=judge.__name__,
        title=title,
        severity=severity,
        owner=Owner.WORKLOAD,
        source=source,
        checked=CHECKED,
        judge=judge,
    )
