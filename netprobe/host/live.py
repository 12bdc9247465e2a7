"""The few facts of a running host that no file tells: free space, the kernel's clock, the rules in the kernel.

Five programs may be run, ``nft``, ``iptables-save``, ``ip6tables-save`` and the old kind of the two, from the system's
own folders and never from ``PATH``, without a shell, with a time limit and a bounded output; they only list. Everything
else is a system call.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

from netprobe.host.machine import Live

_FOLDERS = ("/usr/sbin", "/sbin", "/usr/bin")
_PROGRAMS = {
    "nft": ("nft", "list", "ruleset"),
    "iptables-save": ("iptables-save",),
    "iptables-legacy-save": ("iptables-legacy-save",),
    "ip6tables-save": ("ip6tables-save",),
    "ip6tables-legacy-save": ("ip6tables-legacy-save",),
}
_SECONDS = 5.0
_MOST = 8 * 1024 * 1024
_TIME_ERROR = 5
"""What adjtimex(2) returns while the clock is not synchronised."""


def live() -> Live:
    """This host."""
    return Live(environment=dict(os.environ), free_bytes=_free, clock_synchronised=_synchronised, firewall=_firewall)


def _free(path: str) -> int | None:
    try:
        space = os.statvfs(path)
    except OSError:
        return None
    return space.f_bavail * space.f_frsize


def _synchronised() -> bool | None:
    """Ask adjtimex(2) with modes 0, which changes nothing; struct timex has 208 bytes on 64-bit Linux."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    state = adjtimex(ctypes.byref(ctypes.create_string_buffer(512)))
    return None if state < 0 else bool(state != _TIME_ERROR)


def _firewall(program: str) -> str | None:
    found = next((Path(folder, program) for folder in _FOLDERS if Path(folder, program).is_file()), None)
    if found is None or os.geteuid() != 0:
        return None
    try:
        answer = subprocess.run(
            [str(found), *_PROGRAMS[program][1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env={"PATH": ":".join(_FOLDERS), "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout[:_MOST].decode("utf-8", "replace") if answer.returncode == 0 else None
