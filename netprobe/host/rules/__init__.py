"""The rules of ``netprobe host`` and ``netprobe image``: the same functions over a running host and an image.

One module an area. A rule is named after the problem it finds, its page is ``netprobe/host/pages/<id>.md``, and tests
hold the two together. Which rules there are is said here and nowhere else.

The command line may import it, and ``rulebook`` for the pages. A rule never reads a file past ``Machine``, and never
changes one.
"""

from __future__ import annotations

from netprobe.host.machine import Machine
from netprobe.host.rules import (
    clock,
    docker,
    dockerconfig,
    forwarding,
    identity,
    ipv6firewall,
    localfirewall,
    misplaced,
    modes,
    proxies,
    registration,
    resolving,
    resources,
    system,
    trust,
    units,
    versions,
)
from netprobe.rules import Rule

RULES: tuple[Rule[Machine], ...] = (
    *system.RULES,
    *docker.RULES,
    *dockerconfig.RULES,
    *versions.RULES,
    *registration.RULES,
    *trust.RULES,
    *resolving.RULES,
    *units.RULES,
    *proxies.RULES,
    *clock.RULES,
    *localfirewall.RULES,
    *ipv6firewall.RULES,
    *resources.RULES,
    *forwarding.RULES,
    *identity.RULES,
    *modes.RULES,
    *misplaced.RULES,
)
