"""The proxy settings of each agent, as files of a host or image: the lints of ``netprobe.host.agents`` as rules.

The same ids as the findings of ``check``, which sees the settings at work; their pages are the findings' pages.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from netprobe.findings import Owner, Place, Severity
from netprobe.host.machine import Machine
from netprobe.host.rules.sources import CHECKED
from netprobe.observations import Lint
from netprobe.rules import Judgement, Rule, failed, passed, warned

_SOURCE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/http_proxy_config.html"
_LINTS: dict[str, tuple[str, str]] = {
    "proxy_only_http_set": (
        "only HTTP_PROXY is set, which this program ignores for HTTPS",
        "set HTTPS_PROXY to the same value beside it",
    ),
    "proxy_values_conflict": (
        "proxy settings contradict each other",
        "give every program, and both spellings of a variable, the same value",
    ),
    "no_proxy_missing_task_credentials": (
        "NO_PROXY lacks 169.254.170.2, where tasks ask for their credentials",
        "add 169.254.170.2 to NO_PROXY",
    ),
    "no_proxy_missing_metadata": ("NO_PROXY lacks 169.254.169.254", "add 169.254.169.254 to NO_PROXY"),
    "no_proxy_not_understood": (
        "this program ignores a token of NO_PROXY",
        "write the token as host, .domain, address or network, which every program understands",
    ),
    "proxy_password_world_readable": (
        "everyone on the host can read the proxy password",
        "make the file readable by root alone (chmod 0600) and change the password",
    ),
    "proxy_scheme_unusable": (
        "the proxy's scheme is one that no agent speaks",
        "name an HTTP proxy: http://HOST:PORT",
    ),
    "proxy_url_invalid": ("a proxy setting is not a usable URL", "write http://HOST:PORT"),
    "proxy_needs_restart": (
        "a running program has other proxy values than its files",
        "restart the program, so that it reads what the file says",
    ),
}


def _lints(machine: Machine) -> Iterator[tuple[str, Lint]]:
    """Every lint of every program that is installed, with the program's name."""
    from netprobe.host.agents import lints, programs

    found = [program for program in programs.read(machine) if program.installed]
    for program in found:
        yield from ((program.name, lint) for lint in lints.of_program(program, machine.root))
    yield from (("programs", lint) for lint in lints.between(found))


def _judge(id_: str, machine: Machine) -> Judgement:
    title, remedy = _LINTS[id_]
    mine = [(name, lint) for name, lint in _lints(machine) if lint.id == id_]
    if not mine:
        return passed(f"not so: {title}")
    names = ", ".join(dict.fromkeys(name for name, _ in mine))
    shown = "; ".join(dict.fromkeys(lint.value + (f" ({lint.other})" if lint.other else "") for _, lint in mine))
    places = dict.fromkeys(Place(file=lint.file, line=lint.line, text=lint.value[:200]) for _, lint in mine)
    told = f"{names}: {title}: {shown}"[:400]
    return (failed if id_ == "proxy_scheme_unusable" else warned)(told, remedy, places)


RULES: tuple[Rule[Machine], ...] = tuple(
    Rule(
        id=id_,
        title=title[:1].upper() + title[1:],
        severity=Severity.ERROR if id_ == "proxy_scheme_unusable" else Severity.WARNING,
        owner=Owner.HOST,
        source=_SOURCE,
        checked=CHECKED,
        judge=functools.partial(_judge, id_),
        running=id_ == "proxy_needs_restart",
    )
    for id_, (title, _) in _LINTS.items()
)
