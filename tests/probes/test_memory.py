"""What is free within the process goes back to the system."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from netprobe.probes import memory

_SCRIPT = """
from pathlib import Path
from netprobe.probes import memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

held = [bytes(1000) for _ in range(100_000)]
kept = held[::1000]  # a little of it everywhere, as after many handshakes
held.clear()
before = resident()
memory.give_back()
print(before - resident(), len(kept))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library gives memory back by itself")
def test_what_is_free_between_what_is_used_is_given_back() -> None:
    ran = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    given, _ = map(int, ran.stdout.split())
    assert given > 40 << 20


def test_a_c_library_that_needs_no_asking_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    memory.give_back()


def test_large_handshakes_give_back_now_and_then_and_ordinary_ones_never(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[None] = []
    monkeypatch.setattr(memory, "give_back", lambda: given.append(None))
    for _ in range(10_000):
        memory.took(5_000)
    assert given == []
    for _ in range(100):
        memory.took(100 << 10)
    assert 3 <= len(given) <= 5
