"""The proxy settings of each agent, as files of a host or image: the lints of ``netprobe.host.agents`` as rules.

The same ids, words and pages as the findings of ``check``, which sees the settings at work.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from netprobe.findings import Owner, Place, Severity
from netprobe.host.agents import lints, lintwords, noticed, programs, stores
from netprobe.host.agents.noproxy import LOOPBACK, bypass
from netprobe.host.machine import Machine
from netprobe.host.rules.sources import CHECKED
from netprobe.observations import Lint
from netprobe.rules import CannotJudgeError, Judgement, Rule, failed, passed, warned

_SOURCE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/http_proxy_config.html"
_SOURCES = {"trust_file_unusable": "https://pkg.go.dev/crypto/x509#SystemCertPool"}
_ERRORS = frozenset({"proxy_scheme_unusable"})
_RUNNING = frozenset({"proxy_needs_restart"})
_EXAMPLES = ("ecs.us-east-2.amazonaws.com", "ssm.us-east-2.amazonaws.com", "api.ecr.us-east-2.amazonaws.com")
"""Names of the kind that each region has; a token that exempts one of them exempts its kind."""
_MOST = 400


def _lints(machine: Machine) -> Iterator[tuple[str, Lint]]:
    """Every lint of every program that is installed, with the program's name."""
    every = (*programs.read(machine), *programs.beside(machine))
    found = [program for program in every if program.installed]
    for program in found:
        own = (*lints.of_program(program, machine.root), *noticed.of_program(program, machine))
        yield from ((program.name, lint) for lint in own)
    yield from (("the agents", lint) for lint in lints.between(found))


def _judge(id_: str, machine: Machine) -> Judgement:
    mine = [(name, lint) for name, lint in _lints(machine) if lint.id == id_]
    if not mine and id_ == "trust_file_unusable":
        _look_at_trust_files(machine)
    if not mine:
        return passed(lintwords.LINTS[id_].right)
    by_lint: dict[Lint, list[str]] = {}
    for name, lint in mine:
        by_lint.setdefault(lint, []).append(name)
    told = [lintwords.tell(lint, " and ".join(dict.fromkeys(names))) for lint, names in by_lint.items()]
    title = " ".join(dict.fromkeys(title for title, _ in told))[:_MOST]
    remedy = " ".join(dict.fromkeys(remedy for _, remedy in told))[:_MOST]
    places = dict.fromkeys(Place(file=lint.file, line=lint.line, text=lint.value[:200]) for lint in by_lint)
    return (failed if id_ in _ERRORS else warned)(title, remedy, places)


def _look_at_trust_files(machine: Machine) -> None:
    """What nobody could look at is no pass.

    Raises:
        CannotJudgeError: this user may not read a file that an agent's settings name.
    """
    for program in (*programs.read(machine), *programs.beside(machine)):
        store = stores.named(program, machine) if program.installed else None
        if store is not None and store.unseen:
            raise CannotJudgeError(f"{program.name}: {store.unseen}")


def no_proxy_exempts_aws(machine: Machine) -> Judgement:
    """A NO_PROXY copied from a guide for a VPC sends AWS's names around the proxy, where often nothing leads out."""
    told: dict[str, list[str]] = {}
    places: dict[Place, None] = {}
    for program in programs.read(machine):
        value = program.no_proxy
        if not program.installed or program.https is None or value is None:
            continue
        tokens = dict.fromkeys(bypass(program.dialect, value.value, name, 443) for name in _EXAMPLES)
        for token in tokens:
            if token is not None and token != LOOPBACK:
                told.setdefault(token, []).append(program.name)
                places[Place(file=value.file, line=value.line or None, text=token)] = None
    if not told:
        return passed("no agent that has a proxy goes around it for AWS's names")
    tokens_told = "; ".join(f"{token} ({', '.join(dict.fromkeys(names))})" for token, names in told.items())
    return warned(
        f"NO_PROXY keeps AWS's names from the proxy: {tokens_told}",
        "unless this network lets the host reach AWS directly (PrivateLink, a firewall rule), remove the token",
        places,
    )


def _rule(id_: str, words: lintwords.LintWords) -> Rule[Machine]:
    return Rule(
        id=id_,
        title=words.problem,
        severity=Severity.ERROR if id_ in _ERRORS else Severity.WARNING,
        owner=Owner.HOST,
        source=_SOURCES.get(id_, _SOURCE),
        checked=CHECKED,
        judge=functools.partial(_judge, id_),
        running=id_ in _RUNNING,
    )


RULES: tuple[Rule[Machine], ...] = (
    *(_rule(id_, words) for id_, words in lintwords.LINTS.items()),
    Rule(
        id="no_proxy_exempts_aws",
        title="NO_PROXY keeps AWS's names from the proxy",
        severity=Severity.WARNING,
        owner=Owner.HOST,
        source=_SOURCE,
        checked=CHECKED,
        judge=no_proxy_exempts_aws,
    ),
)
