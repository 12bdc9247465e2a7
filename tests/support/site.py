"""A site of its own: other clients, other destinations, a default deny. What a render does to it, by the same rules.

Every engine is asked the same questions before a render is loaded, with it, with it loaded a second time, and after
it was taken out as its header says. A question is a client, a name (or address) and a port. Only three answers are
right: what the site said before, yes because the render allows it, or no because it enforces for that client.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Protocol

from netprobe.render import Options, Rendered, render
from netprobe.render.model import Policy
from tests.support.render_cases import ORIGIN, ecs, endpoint


def limited(sources: Sequence[str]) -> dict[str, Policy]:
    """The forms of a policy that changes something for these networks alone."""
    return {
        "additive for the host": Policy(sources=tuple(sources)),
        "enforced for the host": Policy(enforce=True, sources=tuple(sources)),
        "enforced on every port": Policy(enforce=True, sources=tuple(sources), all_ports=True),
        "under another name": Policy(sources=tuple(sources), name="netprobe-handoff"),
    }


HOST, OTHER = "127.0.0.2", "127.0.0.3"
"""The host that ECS Anywhere runs on, and a client that has nothing to do with it."""
FORMS = {
    "additive": Policy(),
    **limited((f"{HOST}/32", "2001:db8:5::/48")),
    "enforced for everybody": Policy(enforce=True, every_client=True),
    "under another name": Policy(name="netprobe-handoff"),
}
"""What a render does to a site, by name."""
PORTS = (443, 80, 8443)
MIRROR = "archive.example.com"
ENDPOINTS = (*ecs("us-east-2"), endpoint(MIRROR, "mirror", group="install", port=80, required=False))
ALLOWED = ("intranet.example", "www.example.org", "ecs.us-east-2.amazonaws.com")
"""What the site lets everybody reach."""
BLOCKED = (
    "evil.example",
    "ssm-blocked.example",
    "ecs-a-7.us-east-2.amazonaws.com",
    "bucket.s3.us-east-2.amazonaws.com",
)
"""What it lets nobody reach, one of the endpoints among it."""

Question = tuple[str, str, int]


class Site(Protocol):
    """An engine with a configuration of its own."""

    def ask(self, made: Rendered | None, questions: Sequence[Question]) -> Mapping[Question, bool]:
        """The decisions, with a render loaded as its header says, or without."""


def questions(clients: Sequence[str] = (HOST, OTHER), ports: Sequence[int] = PORTS) -> list[Question]:
    """Every name of the site and of the endpoints, from both clients, on every port."""
    listed = [e.pattern.replace("*", "7") for e in ENDPOINTS]
    names = dict.fromkeys((*ALLOWED, *BLOCKED, *listed, "sts.us-east-2.amazonaws.com"))
    return [(client, name, port) for client in clients for name in names for port in ports]


def made(target: str, policy: Policy, options: Options | None = None) -> Rendered:
    """The render of the site's own endpoints."""
    return render(target, ENDPOINTS, origin=ORIGIN, options=options or Options(), policy=policy)


def expected(
    before: Mapping[Question, bool], rendered: Rendered, policy: Policy, *, every_port: bool = False
) -> dict[Question, bool]:
    """What each question must be answered, by what the site said before and by what the render claims.

    Args:
        before: the site's own answers.
        rendered: the render.
        policy: its form.
        every_port: the engine decides by name (or for every port) whatever the port is.
    """
    governed = {entry.port for entry in rendered.lowered.entries}
    answers = {}
    for question, said in before.items():
        client, name, port = question
        ours = not policy.sources or _within(client, policy.sources)
        listed = ours and rendered.lowered.admits(name, None if every_port else port)
        denies = policy.enforce and ours and (policy.all_ports or every_port or port in governed)
        answers[question] = listed if denies else said or listed
    return answers


def _within(client: str, sources: Sequence[str]) -> bool:
    address = ipaddress.ip_address(client)
    networks = map(ipaddress.ip_network, sources)
    return any(address.version == one.version and address in one for one in networks)


def holds(
    site: Site, rendered: Rendered, policy: Policy, asked: Sequence[Question], *, every_port: bool = False
) -> None:
    """Load, load again and take out; every answer is held to :func:`expected`."""
    before = site.ask(None, asked)
    assert {True, False} <= set(before.values()), "a site allows some and denies some"
    wanted = expected(before, rendered, policy, every_port=every_port)
    assert wanted != before, "nothing would change, so nothing would be shown"
    assert _differing(site.ask(rendered, asked), wanted) == {}
    assert _differing(site.ask(rendered, asked), wanted) == {}
    assert _differing(site.ask(None, asked), before) == {}


def _differing(found: Mapping[Question, bool], wanted: Mapping[Question, bool]) -> dict[Question, bool]:
    return {question: answer for question, answer in found.items() if answer != wanted[question]}
