"""SARIF 2.1.0 (OASIS standard of 27 March 2020), as GitHub code scanning takes it.

Code scanning refuses a whole file when one result has no physical location, so a finding that stands in no file gets
one (see ``places``); its hosts are told as logical locations and in the message. Info findings are ``note``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from netprobe import jsontext, manual, natural
from netprobe.errors import printable
from netprobe.findings import Finding, Severity, Verdict
from netprobe.report import glance
from netprobe.report.model import Report
from netprobe.report.places import Repository, fingerprint, places_in, uri
from netprobe.report.words import VERDICTS, fix, hosts_told, ordered, summary, waived

# A message may hold links, [text](target), and placeholders, {0} (sections 3.11.5 and 3.11.6); foreign text must not.
_LINK = re.compile(r"\](?=\()")
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(
    report: Report,
    *,
    width: int,
    colour: bool,
    repository: Repository | None = None,
    docs_base: str = manual.BASE,
) -> bytes:
    """Write one SARIF run with a rule for each kind of finding."""
    findings = ordered(report.findings)
    rules = list(dict.fromkeys(finding.id for finding in findings))
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "netprobe",
                        "informationUri": docs_base,
                        "semanticVersion": report.netprobe_version,
                        "rules": [_rule(rule, findings, docs_base) for rule in rules],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": report.verdict is not Verdict.INCONCLUSIVE,
                        "startTimeUtc": report.started_at,
                        "toolExecutionNotifications": list(_notifications(report)),
                    }
                ],
                "results": [_result(finding, rules.index(finding.id), repository) for finding in findings],
                "columnKind": "unicodeCodePoints",
                "properties": {
                    "verdict": str(report.verdict),
                    "summary": f"{VERDICTS[report.verdict]}: {summary(report)}",
                    "regions": [_text(region) for region in report.regions],
                    "catalogVersion": report.catalog.version,
                    "catalogAgeDays": report.catalog.age_days,
                    "host": _host(report),
                },
            }
        ],
    }
    return jsontext.encode(document)


def _notifications(report: Report) -> Iterator[dict[str, Any]]:
    if lacking := glance.left_open(report):
        yield {"level": "error", "message": {"text": _message(lacking)}}
    yield from ({"level": "note", "message": {"text": _message(note)}} for note in report.notes)


def _rule(rule: str, findings: list[Finding], docs_base: str) -> dict[str, Any]:
    first = next(finding for finding in findings if finding.id == rule)
    words = rule.replace("_", " ").replace("-", " ")
    return {
        "id": _text(rule),
        "name": _text("".join(word[:1].upper() + word[1:] for word in words.split())),
        "shortDescription": {"text": _text(words)},
        "helpUri": manual.finding(rule, docs_base),
        "help": {
            "text": _text(f"Run 'netprobe explain {rule}' for what it means, how it is told, who fixes it and how.")
        },
        "defaultConfiguration": {"level": _LEVELS[first.severity]},
    }


def _host(report: Report) -> dict[str, Any]:
    """What is known of the host."""
    return {key: _safe(value) for key, value in msgspec.to_builtins(report.host).items() if value}


def _safe(value: Any) -> Any:
    """Text, a list or a table of texts, foreign text made safe."""
    if isinstance(value, dict):
        return {_text(name): _text(inner) for name, inner in value.items()}
    return [_text(one) for one in value] if isinstance(value, list | tuple) else _text(value)


def _result(finding: Finding, index: int, repository: Repository | None) -> dict[str, Any]:
    hosts = f" Hosts: {hosts_told(natural.ordered(finding.hosts), 6)}." if finding.hosts else ""
    return {
        "ruleId": _text(finding.id),
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(f"{finding.title}{hosts} Fix ({finding.owner}): {fix(finding)}")},
        "locations": _locations(finding, repository),
        "suppressions": _suppressions(finding),
        "partialFingerprints": {"netprobe/v1": fingerprint(finding)},
        "properties": {
            "certainty": str(finding.certainty),
            "owner": str(finding.owner),
            "region": _text(finding.region or ""),
        },
    }


def _suppressions(finding: Finding) -> list[dict[str, Any]]:
    """A waiver stands in no source file but in netprobe.toml: external, and accepted (sections 3.35.2 and 3.35.3)."""
    if finding.waiver is None:
        return []
    return [{"kind": "external", "status": "accepted", "justification": _text(waived(finding))}]


def _locations(finding: Finding, repository: Repository | None) -> list[dict[str, Any]]:
    locations: list[dict[str, Any]] = [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": uri(place)},
                "region": {"startLine": max(place.line or 1, 1)},
            }
        }
        for place in places_in(finding, repository)
    ]
    if finding.hosts and locations:
        locations[0]["logicalLocations"] = [
            {"fullyQualifiedName": _text(host), "kind": "host"} for host in natural.ordered(finding.hosts)[:100]
        ]
    return locations


def _message(text: str) -> str:
    return _PLACEHOLDER.sub(r"{{\1}}", _LINK.sub(r"\\]", _text(text)))


def _text(text: str) -> str:
    return printable(text, 4000)
