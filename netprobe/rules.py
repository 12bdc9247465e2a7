"""A rule of host, image or workload: a small function over facts, with its source, and the runner for all of them.

A rule is judged, never executed against the network. It answers with a :class:`Judgement`; a file that is there and
cannot be read makes it ``not_run`` with the reason, since what was not looked at must not be shown as a pass. Every
rule names the page it stands on and the day that was read, because AWS changes its mind (cgroups v2, ECS Exec, the
list of systems): the text of the rule says from which version on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, TypeVar

import msgspec

from netprobe import manual
from netprobe.errors import printable
from netprobe.findings import Certainty, Finding, Outcome, Owner, Place, RuleOutcome, Severity, Verdict

T = TypeVar("T")
MAX_PLACES = 20
"""A rule that fails in a hundred places is told by the first of them."""


class CannotJudgeError(Exception):
    """A rule met something that keeps it from judging; the text is one clause."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule found.

    Attributes:
        outcome: see :class:`Outcome`.
        title: one sentence with the values that matter; for ``not_run``, why.
        remedy: what to change, with exact values; empty where nothing is to change.
        places: the files and lines that show it.
    """

    outcome: Outcome
    title: str
    remedy: str = ""
    places: tuple[Place, ...] = ()


class Rule(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One rule.

    Attributes:
        id: lower_snake, named after the problem; ``netprobe explain`` knows it.
        title: the problem in a few words.
        severity: what a failure is worth.
        owner: who must act.
        source: the page or source file that it stands on.
        checked: the day that was read, ``YYYY-MM-DD``.
        judge: the function.
        running: whether it needs a running host; not run for an image, with the reason.
        sentence: what the source says, in its own words, as far as the rule rests on one sentence.
        reckoned: how the rule foretells what it did not try, one clause. Its findings are then suspected. Without it
            they are facts: what was read or measured is the fault itself, by the word of the source.
    """

    id: str
    title: str
    severity: Severity
    owner: Owner
    source: str
    checked: str
    judge: Callable[[T], Judgement]
    running: bool = False
    sentence: str = ""
    reckoned: str = ""


def passed(title: str, *places: Place) -> Judgement:
    """The rule holds."""
    return Judgement(outcome=Outcome.PASS, title=title, places=places)


def warned(title: str, remedy: str, places: Iterable[Place] = ()) -> Judgement:
    """It works, but."""
    return Judgement(outcome=Outcome.WARN, title=title, remedy=remedy, places=tuple(places)[:MAX_PLACES])


def failed(title: str, remedy: str, places: Iterable[Place] = ()) -> Judgement:
    """It will not work."""
    return Judgement(outcome=Outcome.FAIL, title=title, remedy=remedy, places=tuple(places)[:MAX_PLACES])


def not_applicable(title: str) -> Judgement:
    """The rule says nothing about this subject."""
    return Judgement(outcome=Outcome.NOT_APPLICABLE, title=title)


def not_run(title: str) -> Judgement:
    """The rule could not be judged, and why."""
    return Judgement(outcome=Outcome.NOT_RUN, title=title)


class Judged(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A rule, what was judged, and what it found.

    Attributes:
        rule: the rule.
        subject: what was judged.
        judgement: what it found.
        hindered: it applies, and something kept it from judging.
    """

    rule: Rule[T]
    subject: str
    judgement: Judgement
    hindered: bool = False

    def outcome(self) -> RuleOutcome:
        """The line of the report."""
        ran = self.judgement.outcome is not Outcome.NOT_RUN
        return RuleOutcome(
            id=self.rule.id,
            outcome=self.judgement.outcome,
            title=self.judgement.title if ran else self.rule.title,
            subject=self.subject,
            places=self.judgement.places,
            not_run="" if ran else self.judgement.title,
            hindered=self.hindered and self.rule.severity is Severity.ERROR,
        )

    def finding(self) -> Finding | None:
        """The finding of a rule that failed or warns."""
        if self.judgement.outcome not in (Outcome.FAIL, Outcome.WARN):
            return None
        failing, reckoned = self.judgement.outcome is Outcome.FAIL, self.rule.reckoned
        return Finding(
            id=self.rule.id,
            severity=self.rule.severity if failing else Severity.WARNING,
            certainty=Certainty.SUSPECTED if reckoned else Certainty.PROVEN,
            region=None,
            hosts=(),
            title=f"{self.judgement.title} ({reckoned})" if reckoned else self.judgement.title,
            evidence=(),
            remedy=self.judgement.remedy,
            owner=self.rule.owner,
            docs=manual.finding(self.rule.id),
            places=self.judgement.places,
        )


def judge(rules: Iterable[Rule[T]], facts: T, subject: str, *, running: bool) -> tuple[Judged[T], ...]:
    """Judge every rule; one that cannot be judged never hides the others."""
    return tuple(judge_one(rule, facts, subject, running=running) for rule in rules)


def judge_one(
    rule: Rule[T],
    facts: T,
    subject: str,
    *,
    running: bool,
    within: Callable[[], AbstractContextManager[None]] = nullcontext,
    met: Callable[[Exception], None] | None = None,
) -> Judged[T]:
    """Judge one rule.

    Args:
        rule: the rule.
        facts: what it judges.
        subject: what to call that.
        running: whether it is a running host.
        within: limits what the rule may use, and raises :class:`CannotJudgeError` where it uses more.
        met: told of a bug in the rule, which is then not run; None to let it end everything.
    """
    if rule.running and not running:
        return _elsewhere(rule, subject)
    try:
        with within():
            return Judged(rule=rule, subject=subject, judgement=rule.judge(facts))
    except CannotJudgeError as exc:
        return _hindered(rule, subject, str(exc))
    except MemoryError:
        return _hindered(rule, subject, "it takes more memory than a rule is given")
    except Exception as exc:
        if met is None:
            raise
        met(exc)
        return _hindered(rule, subject, f"bug in netprobe ({printable(f'{type(exc).__name__}: {exc}')})")


def cut_short(rule: Rule[T], subject: str, why: str) -> Judged[T]:
    """A rule that an image was never held against, since something ended its judging.

    Args:
        rule: the rule.
        subject: what was to be judged.
        why: one clause.
    """
    return _elsewhere(rule, subject) if rule.running else _hindered(rule, subject, why)


def _elsewhere(rule: Rule[T], subject: str) -> Judged[T]:
    judgement = not_run("needs the running host; run 'netprobe host' there")
    return Judged(rule=rule, subject=subject, judgement=judgement)


def _hindered(rule: Rule[T], subject: str, why: str) -> Judged[T]:
    return Judged(rule=rule, subject=subject, judgement=not_run(why), hindered=True)


def verdict(judged: Iterable[Judged[T]]) -> Verdict:
    """The verdict over rules.

    A rule that only a running host could answer says nothing about an image; one that was kept from judging (an
    unreadable file) leaves the question open where its failure would have been an error.
    """
    judged = tuple(judged)
    findings = (finding for one in judged if (finding := one.finding()) is not None)
    hindered = any(one.hindered and one.rule.severity is Severity.ERROR for one in judged)
    return Verdict.of(findings, is_open=hindered or not judged)
