"""An AWS-shaped network on loopback, with faults by name.

For people who want to see what netprobe says about a broken network without having one, and for the tests, which
use the same code. It needs no root and sends nothing outside loopback. It is no emulator of AWS: it answers unsigned
requests as AWS does, and knows nothing else.

``behaviour`` says what can be wrong and ``odd`` what only looks so, ``scenarios`` gives combinations a name, ``plan``
lays them out on addresses, ``network`` brings them to life. Certificates and DNS are imported when a lab is opened,
not before.

``checking``, the command line and the tests may import it. It never sends anything outside loopback.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from netprobe.lab.scenarios import SCENARIOS, Scenario

if TYPE_CHECKING:
    from netprobe.catalog.model import Endpoint
    from netprobe.lab.network import Lab

__all__ = ["SCENARIOS", "Scenario", "open_lab"]


def open_lab(scenario: str | Scenario, endpoints: Sequence[Endpoint]) -> AbstractAsyncContextManager[Lab]:
    """Bring a lab up; see :func:`netprobe.lab.network.open_lab`."""
    from netprobe.lab import network

    return network.open_lab(scenario, endpoints)
