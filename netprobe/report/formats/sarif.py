"""SARIF 2.1.0 (OASIS standard of 27 March 2020), as GitHub code scanning takes it.

Code scanning refuses a whole file when one result has no physical location, so a finding that stands in no file gets
one (see ``places``); its hosts are told as logical locations and in the message. Info findings are ``note``.
"""

from __future__ import annotations

import re
from typing import Any

from netprobe import jsontext
from netprobe.errors import printable
from netprobe.findings import Finding, Severity, Verdict
from netprobe.report.model import Report
from netprobe.report.places import NO_FILE, fingerprint, uri
from netprobe.report.words import VERDICTS, hosts_told, ordered, summary

# A message may hold links, [text](target), and placeholders, {0} (sections 3.11.5 and 3.11.6); foreign text must not.
_LINK = re.compile(r"\](?=\()")
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(report: Report, *, width: int, colour: bool) -> bytes:
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
                        "semanticVersion": report.netprobe_version,
                        "rules": [_rule(rule, findings) for rule in rules],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": report.verdict is not Verdict.INCONCLUSIVE,
                        "startTimeUtc": report.started_at,
                        "toolExecutionNotifications": [
                            {"level": "note", "message": {"text": _message(note)}} for note in report.notes
                        ],
                    }
                ],
                "results": [_result(finding, rules.index(finding.id)) for finding in findings],
                "columnKind": "unicodeCodePoints",
                "properties": {
                    "verdict": str(report.verdict),
                    "summary": f"{VERDICTS[report.verdict]}: {summary(report)}",
                    "regions": [_text(region) for region in report.regions],
                    "catalogVersion": report.catalog.version,
                },
            }
        ],
    }
    return jsontext.encode(document)


def _rule(rule: str, findings: list[Finding]) -> dict[str, Any]:
    first = next(finding for finding in findings if finding.id == rule)
    words = rule.replace("_", " ").replace("-", " ")
    return {
        "id": _text(rule),
        "name": _text("".join(word[:1].upper() + word[1:] for word in words.split())),
        "shortDescription": {"text": _text(words)},
        "help": {"text": _text(f"Run '{first.docs}' for what it means, how it is told, who fixes it and how.")},
        "defaultConfiguration": {"level": _LEVELS[first.severity]},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    hosts = f" Hosts: {hosts_told(sorted(finding.hosts), 6)}." if finding.hosts else ""
    return {
        "ruleId": _text(finding.id),
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(f"{finding.title}{hosts} Fix ({finding.owner}): {finding.remedy}")},
        "locations": _locations(finding),
        "partialFingerprints": {"netprobe/v1": fingerprint(finding)},
        "properties": {
            "certainty": str(finding.certainty),
            "owner": str(finding.owner),
            "region": _text(finding.region or ""),
        },
    }


def _locations(finding: Finding) -> list[dict[str, Any]]:
    locations: list[dict[str, Any]] = [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": uri(place)},
                "region": {"startLine": max(place.line or 1, 1)},
            }
        }
        for place in finding.places or (NO_FILE,)
    ]
    if finding.hosts:
        locations[0]["logicalLocations"] = [
            {"fullyQualifiedName": _text(host), "kind": "host"} for host in sorted(finding.hosts)[:100]
        ]
    return locations


def _message(text: str) -> str:
    return _PLACEHOLDER.sub(r"{{\1}}", _LINK.sub(r"\\]", _text(text)))


def _text(text: str) -> str:
    return printable(text, 4000)
