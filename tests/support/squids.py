"""A Squid of the tests has shared memory of its own, of which nothing stays behind.

Squid keeps files in ``/dev/shm`` under its service name. Killed, it leaves them there, and the next Squid of that name
that runs as another user cannot open them; its cache of TLS sessions stays after any end. So each one gets a name, and
the files go when the test session ends; a later one removes those of a session that was killed itself.
"""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

_SHARED = Path("/dev/shm")
_OURS = re.compile(r"npsquid([0-9]+)x[0-9]+-")
_COUNTER = itertools.count(1)


def foreground(program: str | Path, configuration: str | Path) -> list[str]:
    """The command of a Squid that stays in the foreground, under a service name that no other has."""
    # A service name is letters and digits, at most 32 (squid(8), -n).
    return [str(program), "-N", "-n", f"npsquid{os.getpid()}x{next(_COUNTER)}", "-f", str(configuration)]


def sweep(*, own: bool = False) -> None:
    """Remove what Squids of dead sessions have left.

    Args:
        own: what those of this session have left as well.
    """
    for path in _SHARED.glob("npsquid*"):
        found = _OURS.match(path.name)
        if found is None:
            continue
        is_own = int(found[1]) == os.getpid()
        if own if is_own else not Path(f"/proc/{found[1]}").exists():
            path.unlink(missing_ok=True)
