"""Memory that is free within this process, given back to the system.

The GNU C library keeps what was freed, in between what is still used, for later: after hundreds of handshakes that is
several times what a run keeps (glibc 2.36, seen 2026-11-29). Other libraries give it back by themselves.
"""

from __future__ import annotations


def give_back() -> None:
    """Return free memory to the system, where this C library has to be asked (malloc_trim(3))."""
    import ctypes  # late: no run of one process needs it

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
