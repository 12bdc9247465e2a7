"""Metrics that an OpenMetrics 1.0 reader and Prometheus' text parser (node_exporter's textfile collector) both take.

Therefore gauges only, no ``stateset`` and no counters: the two formats name counters differently, and the textfile
collector refuses a whole file over one type that it does not know (phyber/jail_exporter issue 287, read 2026-11-23).
Every state is told with 0 or 1, so that an alert need not guess about an absent series. No timestamps on samples, which
the textfile collector refuses too (prometheus/node_exporter issue 1284, read 2026-11-23).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from netprobe import cilog
from netprobe.findings import Outcome, Verdict, worst
from netprobe.report import measures
from netprobe.report.measures import Family, Sample, unix_time
from netprobe.report.model import Report
from netprobe.report.words import is_ready

_NO_NAME = re.compile(r"[^a-zA-Z0-9_]")
_TOLD = (Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.NOT_RUN)
"""Of an endpoint or capability; where none of them is 1 it does not apply. One region keeps to 150 series so."""


def render(report: Report, *, width: int, colour: bool, strict: bool = False) -> str:
    """Write every metric family and the end mark."""
    return exposition(report, strict=strict)


def exposition(
    report: Report | None, *, last_success: str | None = None, more: Iterable[Family] = (), strict: bool = False
) -> str:
    """The metrics of a run as text, the same for both formats.

    Args:
        report: the run; None where there was none yet.
        last_success: when the last run began that found the host ready, RFC 3339, or nothing; None where only this
            run is known.
        more: further families.
        strict: whether a host with warnings is not ready.
    """
    found = [*more]
    if report is not None:
        if last_success is None:
            last_success = report.started_at if is_ready(report, strict=strict) else ""
        succeeded: list[Sample] = [({}, moment) for moment in unix_time(last_success)]
        words = "When the last run began that found the host ready, Unix time."
        found = [
            *_families(report, strict=strict),
            ("netprobe_last_success_seconds", "seconds", words, succeeded),
            *measures.families(report),
            *found,
        ]
    return written(found)


def written(families: Iterable[Family]) -> str:
    """Write metric families and the end mark.

    Args:
        families: name, unit, what it is, samples; all are gauges.
    """
    lines: list[str] = []
    for name, unit, words, samples in families:
        lines.append(f"# HELP {name} {words}")
        lines.append(f"# TYPE {name} gauge")
        if unit:
            lines.append(f"# UNIT {name} {unit}")
        lines += [f"{name}{_labels(labels)} {value:.10g}" for labels, value in samples]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _families(report: Report, *, strict: bool) -> Iterator[Family]:
    facts = {"version": report.netprobe_version, "catalog_version": report.catalog.version}
    yield "netprobe_build", "", "Which netprobe and which facts a run stood on.", [(facts, 1.0)]
    yield "netprobe_host", "", "Which host looked.", [(_host(report), 1.0)]
    ready = float(is_ready(report, strict=strict))
    yield "netprobe_ready", "", "Whether the last run found the host ready.", [({}, ready)]
    verdicts = [({"verdict": str(one)}, float(one is report.verdict)) for one in Verdict]
    yield "netprobe_verdict", "", "The verdict of the last run, one-hot.", verdicts
    started: list[Sample] = [({}, moment) for moment in unix_time(report.started_at)]
    yield "netprobe_run_start_seconds", "seconds", "When the last run began, Unix time.", started
    yield "netprobe_run_duration_seconds", "seconds", "How long it took.", [({}, report.duration_seconds)]
    yield "netprobe_endpoint_outcome", "", "What became of an endpoint, one-hot.", list(_endpoints(report))
    yield (
        "netprobe_capability_outcome",
        "",
        "What the host can do: pass, 0 or 1, and what else holds.",
        list(_capabilities(report)),
    )
    yield (
        "netprobe_rule_outcome",
        "",
        "What became of a rule of host, image or workload, one-hot.",
        list(_rules(report)),
    )
    yield "netprobe_finding", "", "Findings of a kind.", list(_findings(report))


def _host(report: Report) -> dict[str, str]:
    """What is known of the host, as labels; the user's own begin with ``label_``, agents with ``agent_``."""
    host = report.host
    known = {
        "machine_id": host.machine_id,
        "os": host.os,
        "kernel": host.kernel,
        "docker": host.docker,
        **{f"agent_{_name(agent)}": version for agent, version in host.agents.items()},
        **{f"label_{_name(key)}": value for key, value in host.labels.items()},
    }
    named = {"host": host.name, "site": host.site}
    return named | {name: value for name, value in known.items() if value}


def _name(key: str) -> str:
    """A key as a part of a label's name; of two that are the same then the last stays."""
    return _NO_NAME.sub("_", key)[:100]


def _one_hot(labels: dict[str, str], outcome: Outcome, told: Iterable[Outcome] = _TOLD) -> Iterator[Sample]:
    for one in told:
        yield {**labels, "outcome": str(one)}, float(one is outcome)


def _endpoints(report: Report) -> Iterator[Sample]:
    for endpoint in report.endpoints:
        labels = {
            "region": endpoint.region,
            "endpoint": endpoint.id,
            "group": endpoint.group,
            "required": str(endpoint.required).lower(),
        }
        yield from _one_hot(labels, endpoint.outcome)


def _capabilities(report: Report) -> Iterator[Sample]:
    for capability in report.capabilities:
        labels = {"region": capability.region, "capability": capability.id}
        told = dict.fromkeys((Outcome.PASS, capability.outcome))
        yield from _one_hot(labels, capability.outcome, told)


def _rules(report: Report) -> Iterator[Sample]:
    # A rule may be judged at several places of one subject; its worst outcome stands for it.
    of_rule: dict[tuple[str, str], Outcome] = {}
    for rule in report.rules:
        key = (rule.subject, rule.id)
        of_rule[key] = worst((of_rule.get(key, rule.outcome), rule.outcome))
    for (subject, rule_id), outcome in of_rule.items():
        yield from _one_hot({"subject": subject, "rule": rule_id}, outcome, Outcome)


def _findings(report: Report) -> Iterator[Sample]:
    counts = Counter(
        (finding.id, str(finding.severity), str(finding.owner), finding.region or "") for finding in report.findings
    )
    for (finding, severity, owner, region), number in counts.items():
        yield {"id": finding, "severity": severity, "owner": owner, "region": region}, float(number)


def _labels(labels: dict[str, str]) -> str:
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def _escaped(text: str) -> str:
    safe = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    return cilog.in_line(safe).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
