"""Settings of the kernel's network that tasks lean on, as sysctl files leave them after boot."""

from __future__ import annotations

from netprobe.findings import Severity
from netprobe.host.machine import Machine
from netprobe.host.readers import sysctl
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import READ_AGAIN
from netprobe.rules import Judgement, Rule, passed, warned

FORWARD = ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding")
_MOBY = "https://github.com/moby/moby/issues/47966"


def ip_forward_forbidden(machine: Machine) -> Judgement:
    """Dockerd switches forwarding on when it starts; a sysctl file that is applied later switches it off again."""
    found = sysctl.value(machine.root, *FORWARD)
    if found is None:
        return passed("no sysctl file says whether packets are forwarded; Docker switches it on")
    value, place = found
    if value == "0":
        return warned(
            f"{place.file} switches forwarding off: when it is applied after Docker's start, tasks lose the network",
            f"remove the line, or set {FORWARD[0]} = 1 in a file of /etc/sysctl.d whose name sorts last",
            (place,),
        )
    return passed("sysctl files leave forwarding on", place)


RULES: tuple[Rule[Machine], ...] = (
    rule(
        ip_forward_forbidden,
        "A sysctl file switches forwarding off",
        _MOBY,
        severity=Severity.WARNING,
        checked=READ_AGAIN,
    ),
)
