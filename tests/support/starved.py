"""A machine without a free processor: busy processes beside this one, on one processor that all of them share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

BURNERS = 8
_BUSY_FOR = 90
"""Seconds after which a burner ends by itself, whatever becomes of the test."""
_BURN = f"import time; end = time.monotonic() + {_BUSY_FOR}\nwhile time.monotonic() < end: pass"


@contextmanager
def starved(burners: int = BURNERS) -> Iterator[None]:
    """Leave this thread a small share of one processor while the block runs; the others stay free.

    Args:
        burners: how many processes want the same processor all the time.
    """
    mine = os.sched_getaffinity(0)
    with ExitStack() as stack:
        os.sched_setaffinity(0, {max(mine)})  # what is started from now on stays there, too
        stack.callback(os.sched_setaffinity, 0, mine)
        for _ in range(burners):
            burner = stack.enter_context(subprocess.Popen([sys.executable, "-S", "-c", _BURN]))
            stack.callback(burner.kill)
        yield
