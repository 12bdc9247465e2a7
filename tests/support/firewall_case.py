"""Ask a reader of a device's language about the whole corpus, and hold its answers to the claim."""

from __future__ import annotations

from collections.abc import Callable

from netprobe.render import Options, Rendered, render, targets
from tests.support.render_cases import CASES, ORIGIN, enforcing
from tests.support.render_corpus import corpus, neighbours

Decides = Callable[[str, int], bool]
"""Whether the device admits a name (or address) on a port."""

INPUTS = {
    "strict": ("strict", CASES["strict"].options),
    "wide": ("wide", CASES["wide"].options),
    "listed": ("strict", Options(seen=CASES["strict"].options.seen, enumerate=True)),
}


def made(target: str, what: str) -> Rendered:
    """What the target writes for one of the inputs."""
    case, options = INPUTS[what]
    return render(target, CASES[case].endpoints, origin=ORIGIN, options=options, policy=enforcing(target))


def holds(target: str, what: str, read: Callable[[Rendered], Decides], *, addresses: bool = False) -> None:
    """The reader decides as lowering claims: every name, and every address around the networks, on every port."""
    output = made(target, what)
    decides = read(output)
    capability = targets.get(target).CAPABILITY
    endpoints = CASES[INPUTS[what][0]].endpoints
    ports = {endpoint.port for endpoint in endpoints}
    asked = list(corpus(endpoints))
    if addresses:
        asked += neighbours(entry.value for entry in output.lowered.entries if entry.form == "address")
    answers = set()
    for name in asked:
        for port in (443, 80, 8443):
            bound = output.lowered.admits(name, port if capability.ports else None)
            claimed = bound and port in ports
            assert decides(name, port) == claimed, (name, port, claimed)
            answers.add(claimed)
    assert answers == {True, False}
