"""Memory that is free within this process, given back to the system; and how soon garbage is looked for.

The GNU C library keeps what was freed, in between what is still used, for later: after hundreds of handshakes that is
several times what a run keeps (glibc 2.36, seen 2026-11-29). Other libraries give it back by themselves.
"""

from __future__ import annotations

import gc

_GARBAGE_AFTER = 20_000
"""Objects between two looks for garbage while answers come in."""


def give_back() -> None:
    """Return free memory to the system, where this C library has to be asked (malloc_trim(3))."""
    import ctypes  # late: no run of one process needs it

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def settle() -> None:
    """From now on look for garbage among what is new, and soon: what was imported stays, what peers send may not."""
    gc.freeze()
    gc.set_threshold(_GARBAGE_AFTER)
