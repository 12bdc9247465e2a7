"""Fleets that are made by a seed: reports of hosts with attributes, and faults whose attribute is known.

Each report is a whole one, encoded by the types that ``check`` uses. Observations are left out (a fleet never looks at
them), except where a test asks for the size of a real one.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterable, Sequence

import msgspec

from netprobe.diagnosis.model import EndpointOutcome, HostOutcome
from netprobe.findings import Certainty, Finding, Outcome, Owner, Severity, Verdict
from netprobe.naming import HostIdentity
from netprobe.observations import CatalogVersion, Context, VantageRecord
from netprobe.report.model import SCHEMA_VERSION, Report

REGION = "us-east-2"
ENDPOINTS = ("ecs", "ecs-a", "ecs-t", "ssm", "ssmmessages", "ecr-api", "ecr-registry", "logs")
CA = "CN=Example Corp TLS Inspection CA,O=Example Corp"


class Machine(msgspec.Struct, kw_only=True):
    """One host before its report is written."""

    name: str
    site: str
    address: str
    gateway: str
    resolvers: tuple[str, ...]
    proxy: str | None
    os: str
    kernel: str
    agents: dict[str, str]
    docker: str
    labels: dict[str, str]
    faults: list[Finding] = []
    started_at: str = "2026-11-28T10:00:00.000Z"


def machines(rng: random.Random, number: int) -> list[Machine]:
    """Hosts at two to six sites, each with subnets, gateways and resolvers of its own, the rest drawn freely."""
    sites = [
        f"{city}{place}" for place, city in enumerate(["fra", "muc", "lon", "ams", "mil", "par"][: rng.randint(2, 6)])
    ]
    found = []
    for place in range(number):
        at = rng.randrange(len(sites))
        subnet = rng.randrange(4)
        found.append(
            Machine(
                name=f"host{place:04}",
                site=sites[at],
                address=f"10.{at}.{subnet}.{place % 250 + 1}",
                gateway=f"10.{at}.{subnet}.254",
                resolvers=tuple(sorted(rng.sample([f"10.{at}.255.{n}:53" for n in (1, 2, 3)], 2))),
                proxy=rng.choice([None, "http://proxy-a:3128", "http://proxy-b:3128", "http://proxy-c:3128"]),
                os=rng.choice(["Debian GNU/Linux 12 (bookworm)", "Ubuntu 22.04.5 LTS", "Red Hat Enterprise Linux 9.5"]),
                kernel=rng.choice(["5.14.0-503", "6.1.0-28", "5.15.0-125", "6.12.1"]),
                agents={
                    "ecs-agent": rng.choice(["1.89.2", "1.90.0", "1.98.0", "1.100.0"]),
                    "ssm-agent": rng.choice(["3.3.1345.0", "3.3.987.0"]),
                },
                docker=rng.choice(["26.1.4", "27.3.1"]),
                labels={"rack": f"r{rng.randrange(20)}", "tier": rng.choice(["web", "batch", "db"])},
            )
        )
    return found


def fault(
    id: str,
    *,
    cause: str = "",
    endpoints: Sequence[str] = ENDPOINTS,
    severity: Severity = Severity.ERROR,
    owner: Owner = Owner.NETWORK,
    certainty: Certainty = Certainty.PROVEN,
    **more: object,
) -> Finding:
    """One finding."""
    values: dict[str, object] = {
        "id": id,
        "severity": severity,
        "certainty": certainty,
        "region": REGION,
        "hosts": tuple(f"{one}.{REGION}.amazonaws.com" for one in endpoints),
        "title": f"Something about {id}.",
        "evidence": ("o1",),
        "remedy": "Allow TCP 443.",
        "owner": owner,
        "docs": f"netprobe explain {id}",
        "endpoints": tuple(endpoints),
        "cause": cause,
        **more,
    }
    return Finding(**values)  # type: ignore[arg-type]


def report(machine: Machine) -> Report:
    """The report of one host."""
    errors = [one for one in machine.faults if one.severity is Severity.ERROR]
    broken = {endpoint for one in errors for endpoint in one.endpoints}
    warned = {endpoint for one in machine.faults for endpoint in one.endpoints}
    verdict = Verdict.NOT_READY if errors else Verdict.DEGRADED if machine.faults else Verdict.READY
    outcomes = {
        id_: Outcome.FAIL if id_ in broken else Outcome.WARN if id_ in warned else Outcome.PASS for id_ in ENDPOINTS
    }
    return Report(
        schema_version=SCHEMA_VERSION,
        netprobe_version="0.1.0",
        catalog=CatalogVersion(version="2026.11.23", digest="0" * 64),
        started_at=machine.started_at,
        duration_seconds=1.5,
        regions=(REGION,),
        verdict=verdict,
        capabilities=(),
        endpoints=tuple(_endpoint(id_, outcome) for id_, outcome in outcomes.items()),
        observations=(),
        findings=tuple(machine.faults),
        context=Context(
            vantages=(VantageRecord(name="host", resolvers=machine.resolvers, proxy=machine.proxy),),
        ),
        host=HostIdentity(
            name=machine.name,
            site=machine.site,
            labels=machine.labels,
            machine_id=f"{zlib.crc32(machine.name.encode()):032x}",
            addresses=(machine.address,),
            gateways=(machine.gateway,),
            os=machine.os,
            kernel=machine.kernel,
            agents=machine.agents,
            docker=machine.docker,
            user="root",
        ),
    )


def _endpoint(id_: str, outcome: Outcome) -> EndpointOutcome:
    name = f"{id_}.{REGION}.amazonaws.com"
    failed = outcome is Outcome.FAIL
    return EndpointOutcome(
        id=id_,
        region=REGION,
        group="control",
        pattern=name,
        port=443,
        required=True,
        used_by=("ecs-agent",),
        outcome=outcome,
        hosts=(
            HostOutcome(
                host=name,
                outcome=outcome,
                failed_step="tls" if failed else None,
                failure="ssl_unknown_authority" if failed else None,
            ),
        ),
    )


def encoded(machine: Machine) -> bytes:
    """The report's JSON, on one line."""
    return msgspec.json.encode(report(machine))


def strike(
    rng: random.Random,
    fleet: Iterable[Machine],
    wrong: Callable[[Machine], bool],
    finding: Finding,
    *,
    noise: float = 0.0,
) -> int:
    """Let a finding touch the hosts for which it is planted, and with noise some others, and spare some.

    Returns:
        How many hosts it touches.
    """
    number = 0
    for machine in fleet:
        if wrong(machine) is not (rng.random() < noise):
            machine.faults = [*machine.faults, finding]
            number += 1
    return number
