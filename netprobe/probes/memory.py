"""Memory that is free within this process, given back to the system; and how soon garbage is looked for.

The GNU C library keeps what was freed, in between what is still used, for later: after hundreds of handshakes that is
several times what a run keeps (glibc 2.36, seen 2026-11-29). Other libraries give it back by themselves.
"""

from __future__ import annotations

import gc

_GARBAGE_AFTER = 20_000
"""Objects between two looks for garbage while answers come in."""
_LARGE = 32 << 10
"""Bytes of a handshake from which on it leaves something worth giving back; an ordinary one has some 5 KB."""
_BETWEEN = 2 << 20
"""Bytes of large handshakes after which that is done: a hundred of the largest leave 40 MB behind (2026-11-29)."""
_since = [0]
"""Bytes of large handshakes in this process since that was done."""


def give_back() -> None:
    """Return free memory to the system, where this C library has to be asked (malloc_trim(3))."""
    import ctypes  # late: a small run among ordinary peers never needs it

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def settle() -> None:
    """From now on look for garbage among what is new, and soon: what was imported stays, what peers send may not."""
    gc.freeze()
    gc.set_threshold(_GARBAGE_AFTER)


def took(received: int) -> None:
    """Take note of a handshake; now and then what large ones left behind goes back to the system.

    Args:
        received: the bytes that the peer sent.
    """
    if received < _LARGE:
        return
    _since[0] += received
    if _since[0] >= _BETWEEN:
        _since[0] = 0
        give_back()
