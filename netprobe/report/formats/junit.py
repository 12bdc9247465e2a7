"""JUnit XML, in the shape that Jenkins and GitLab read (the schema of jenkinsci/xunit-plugin, junit-10.xsd).

A suite is a region or the subject of rules. A failed endpoint or rule is a ``failure``; something required that could
not be run is an ``error`` (a pipeline must not turn green on it); something optional is ``skipped``, and so is what a
waiver accepts, with its reason. Warnings pass, and
are told in ``system-out``, because JUnit has no word for them. Characters that XML 1.0 forbids are escaped as text, not
dropped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from netprobe import cilog
from netprobe.findings import Finding, Outcome
from netprobe.report.cases import Case, cases
from netprobe.report.model import Report
from netprobe.report.words import VERDICTS, ordered

# What XML 1.0 section 2.2 allows; surrogates cannot be encoded at all. C1 controls and characters that turn the
# direction of writing are allowed and change what a log shows (Unicode category C, and the separators of lines).
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\u007e]")


def render(report: Report, *, width: int, colour: bool) -> bytes:
    """Write one test suite for each region or subject."""
    every = cases(report)
    suites = list(dict.fromkeys(case.suite for case in every))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {_counts('netprobe', every)}>"]
    for suite in suites:
        mine = [case for case in every if case.suite == suite]
        lines.append(
            f"  <testsuite {_counts(suite, mine)} timestamp={_attribute(report.started_at)}{_hostname(report)}>"
        )
        lines.append("    <properties>")
        lines += [
            f"      <property name={_attribute(name)} value={_attribute(value)}/>"
            for name, value in _properties(report)
        ]
        lines.append("    </properties>")
        for case in mine:
            lines += _case(case)
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    return cilog.in_markup("\n".join(lines) + "\n").encode("utf-8")


def _hostname(report: Report) -> str:
    return f" hostname={_attribute(report.host.name)}" if report.host.name else ""


def _properties(report: Report) -> Iterator[tuple[str, str]]:
    """What is true of the whole run; what is not known is left out."""
    host = report.host
    yield "netprobe_version", report.netprobe_version
    yield "catalog_version", report.catalog.version
    if report.catalog.age_days is not None:
        yield "catalog_age_days", str(report.catalog.age_days)
    yield "verdict", VERDICTS[report.verdict]
    known = {
        "host.name": host.name,
        "host.site": host.site,
        **{f"host.label.{key}": value for key, value in host.labels.items()},
        "host.machine_id": host.machine_id,
        "host.addresses": ", ".join(host.addresses),
        "host.os": host.os,
        "host.kernel": host.kernel,
        **{f"host.agent.{agent}": version for agent, version in host.agents.items()},
        "host.docker": host.docker,
        "host.user": host.user,
    }
    yield from ((name, value) for name, value in known.items() if value)


def _counts(name: str, some: Sequence[Case]) -> str:
    kinds = [_kind(case) for case in some]
    counts = {
        "name": name,
        "tests": str(len(some)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": f"{sum(case.seconds for case in some):.3f}",
    }
    return " ".join(f"{key}={_attribute(value)}" for key, value in counts.items())


def _kind(case: Case) -> str:
    if case.outcome is Outcome.FAIL:
        return "failure"
    if case.outcome is Outcome.NOT_RUN:
        return "error" if case.required else "skipped"
    return "skipped" if case.outcome is Outcome.NOT_APPLICABLE or case.waived else ""


def _case(case: Case) -> list[str]:
    opened = (
        f"    <testcase classname={_attribute('netprobe.' + case.suite)} name={_attribute(case.name)} "
        f"time={_attribute(f'{case.seconds:.3f}')}"
    )
    kind = _kind(case)
    told = "\n\n".join(_finding(finding) for finding in ordered(case.findings))
    body = []
    if kind == "skipped":
        body.append(f"      <skipped message={_attribute(case.waived or case.reason)}/>")
        if case.waived:
            body.append(f"      <system-out>{_text(told)}</system-out>")
    elif kind:
        word = case.findings[0].id if case.findings else str(case.outcome)
        text = "\n\n".join(part for part in (case.reason, told) if part)
        body.append(
            f"      <{kind} message={_attribute(_message(case))} type={_attribute(word)}>{_text(text)}</{kind}>"
        )
    elif told:
        body.append(f"      <system-out>{_text(told)}</system-out>")
    return [f"{opened}>", *body, "    </testcase>"] if body else [f"{opened}/>"]


def _message(case: Case) -> str:
    return "; ".join(finding.title for finding in ordered(case.findings)) or case.reason


def _finding(finding: Finding) -> str:
    return (
        f"{finding.severity}: {finding.id} ({finding.certainty})\n{finding.title}\n"
        f"fix: {finding.remedy}{_names(finding)}\nwho: {finding.owner}\nmore: {finding.docs}"
    )


def _names(finding: Finding) -> str:
    """The names that the fix speaks of, one a line."""
    return "".join(f"\n  {pattern}" for pattern in finding.patterns) if len(finding.patterns) > 1 else ""


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub(lambda match: _shown(match[0]), text)


def _shown(character: str) -> str:
    code = ord(character)
    if unicodedata.category(character)[0] != "C" and character not in "\u2028\u2029":
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _attribute(text: str) -> str:
    return quoteattr(_allowed(text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _text(text: str) -> str:
    return escape(_allowed(text), {"\r": "&#13;"})
