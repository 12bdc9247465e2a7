"""What the host can and cannot do: the endpoints of each ability, and the findings that block it.

Which program needs which endpoint for what is in facts/aws.md sections 2 to 5: registration is an anonymous call to
ssm and a signed one to ecs; tasks arrive over ecs-a, numbers leave over ecs-t; the SSM agent renews the credentials at
ssm. A capability whose endpoints were not asked for is left out of the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from netprobe.diagnosis.model import CapabilityOutcome, EndpointOutcome
from netprobe.diagnosis.taxonomy import ORDER
from netprobe.findings import Finding, Outcome, Severity, worst


class Capability(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an ECS Anywhere host must be able to do.

    Attributes:
        id: as in the report.
        summary: one line for people.
        endpoints: the catalog entries that it needs, in every form and of every account.
        groups: groups whose every endpoint it needs.
        signed: whether its requests are signed, so that a wrong clock breaks it.
    """

    id: str
    summary: str
    endpoints: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    signed: bool = True

    def needs(self, endpoint: EndpointOutcome) -> bool:
        """Whether it stands on this endpoint."""
        return endpoint.entry in self.endpoints or endpoint.group in self.groups


def _capability(id_: str, summary: str, *endpoints: str, groups: Iterable[str] = (), signed: bool = True) -> Capability:
    return Capability(id=id_, summary=summary, endpoints=frozenset(endpoints), groups=frozenset(groups), signed=signed)


CAPABILITIES: tuple[Capability, ...] = (
    _capability("install", "fetch the installer, packages and keys", groups=["install"], signed=False),
    _capability("register", "register with Systems Manager and the cluster", "ssm", "ecs"),
    _capability("receive-tasks", "be told to run and stop tasks", "ecs", "ecs-a", "ecs-a-unnumbered"),
    _capability("keep-credentials", "renew the instance's credentials every 30 minutes", "ssm"),
    _capability("report-metrics", "send task and container metrics", "ecs", "ecs-t", "ecs-t-unnumbered", "monitoring"),
    _capability("pull-images", "pull images from Amazon ECR", "ecr-api", "ecr-registry", "ecr-layers"),
    _capability("ship-logs", "send container logs to CloudWatch Logs", "logs"),
    _capability(
        "run-commands", "Session Manager, Run Command and ECS Exec", "ssmmessages", "ec2messages", groups=["exec"]
    ),
    _capability("pull-public-images", "pull public images", groups=["public-images", "docker-hub"], signed=False),
    _capability("read-secrets", "give secrets to tasks", groups=["secrets"]),
    _capability("send-traces", "send traces to X-Ray", groups=["tracing"]),
    _capability("patch", "patch the host with Systems Manager", groups=["patching"]),
    _capability("serve-tasks", "reach the services that tasks use", groups=["identity", "storage", "tasks"]),
)


def judge(
    endpoints: Sequence[EndpointOutcome], findings: Sequence[Finding], regions: Sequence[str]
) -> tuple[CapabilityOutcome, ...]:
    """Every capability of every region that the run can say something about."""
    found = []
    for region in regions:
        for capability in CAPABILITIES:
            mine = [e for e in endpoints if e.region == region and capability.needs(e)]
            if mine:
                found.append(_judge(capability, region, mine, findings))
    return tuple(found)


def _judge(
    capability: Capability, region: str, endpoints: Sequence[EndpointOutcome], findings: Sequence[Finding]
) -> CapabilityOutcome:
    outcome = worst(_contribution(e) for e in endpoints)
    blocked_by = {f.id for f in findings if f.severity is Severity.ERROR and _blocks(f, capability, endpoints)}
    if blocked_by:
        outcome = Outcome.FAIL
    return CapabilityOutcome(
        id=capability.id, region=region, outcome=outcome, blocked_by=tuple(sorted(blocked_by, key=ORDER.__getitem__))
    )


def _contribution(endpoint: EndpointOutcome) -> Outcome:
    """An optional endpoint that was not run does not leave the capability open."""
    if endpoint.outcome is Outcome.NOT_RUN and not endpoint.required:
        return Outcome.NOT_APPLICABLE
    return endpoint.outcome


def _blocks(finding: Finding, capability: Capability, endpoints: Sequence[EndpointOutcome]) -> bool:
    """Whether an error stands in the way: it touches an endpoint that fails, or spoils every signature."""
    if finding.id == "clock_skew" and capability.signed:
        return True
    return any(endpoint.outcome is Outcome.FAIL and endpoint.touched_by(finding) for endpoint in endpoints)
