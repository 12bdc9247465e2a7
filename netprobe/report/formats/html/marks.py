"""The marks and words that every section of the page shares: a glyph beside every colour."""

from __future__ import annotations

from netprobe.findings import Finding, Outcome, Severity, Verdict

GLYPHS = {
    Outcome.PASS: "✓",
    Outcome.WARN: "!",
    Outcome.FAIL: "✕",
    Outcome.NOT_RUN: "?",
    Outcome.NOT_APPLICABLE: "○",
}
"""Outcome → its glyph: nobody has to tell red from green."""
OF_VERDICT = {
    Verdict.READY: Outcome.PASS,
    Verdict.DEGRADED: Outcome.WARN,
    Verdict.NOT_READY: Outcome.FAIL,
    Verdict.INCONCLUSIVE: Outcome.NOT_RUN,
}
OF_SEVERITY = {Severity.ERROR: Outcome.FAIL, Severity.WARNING: Outcome.WARN, Severity.INFO: Outcome.NOT_APPLICABLE}


def brief(finding: Finding) -> str:
    """What is wrong, in the words of the list of findings; a rule's own title where it is none of a check's."""
    from netprobe.diagnosis.taxonomy import TAXONOMY

    entry = TAXONOMY.get(finding.id)
    # To whom this page is shown, the one that looks is the host.
    text = entry.summary.replace("this vantage", "this host") if entry is not None else finding.title
    return text[:1].upper() + text[1:]


def time_told(seconds: float) -> str:
    """``12 ms``, ``1.4 s``."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms" if seconds < 0.00995 else f"{seconds * 1000:.0f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"
