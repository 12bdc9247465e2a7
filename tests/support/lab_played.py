"""Cases of the fault lab played with less patience, and those of the embedded lab played once a run for all who ask."""

from __future__ import annotations

import warnings
from pathlib import Path

import msgspec
import pytest
import trio

from netprobe.diagnosis import diagnose, proof
from netprobe.diagnosis import largehello as hellos
from netprobe.observations import Run, Step
from netprobe.probes import largehello as probed_hellos
from netprobe.probes import limits
from tests.support import once
from tests.support.lab_case import OF_CHANCE, Case, Result, play
from tests.support.steady import REPEATS

HURRIED_SECONDS = 4.0
"""More than a first pass waits for a connection. What is silent in these cases is so for ever, and nothing in them
takes longer than that and ends well."""
PATIENT_CASES = frozenset(
    {"blackhole", "tls-stalled", "http-stalled", "dns-timeout", "large-hello-dropped", "path-mtu"}
)
"""One for each step that is silent, which waits as long as a user's check does."""


def hurry(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Wait less for what stays silent, and call that proven: with ten seconds each, the cases take a quarter of an
    hour longer."""
    if case in PATIENT_CASES:
        return
    bound = limits.Bound(unknown=HURRIED_SECONDS, quick=HURRIED_SECONDS, factor=0.0)
    monkeypatch.setattr(limits, "PATIENT", dict.fromkeys(Step, bound))
    monkeypatch.setattr(proof, "PATIENT_SECONDS", HURRIED_SECONDS)
    monkeypatch.setattr(probed_hellos, "PATIENCE", HURRIED_SECONDS)
    monkeypatch.setattr(hellos, "PATIENT_SECONDS", HURRIED_SECONDS * 0.98)


async def played(case: Case) -> Result:
    """Play a case; once more, where this machine kept the run waiting and nothing is wrong but that it saw chance.

    A real engine that gets no processor for a while fails once and passes then, and netprobe rightly says so.
    """
    result = await play(case)
    for _ in range(REPEATS):
        more = set(result.findings) - set(case.findings)
        if not more or not more <= OF_CHANCE or not result.run.context.stalls:
            break
        seconds = sum(stall.duration_seconds for stall in result.run.context.stalls)
        warnings.warn(f"{case.name}: this machine stood still for {seconds:.1f} s; played again", stacklevel=1)
        result = await play(case)
    return result


def played_once(factory: pytest.TempPathFactory, case: Case) -> Result:
    """What came of a case of the embedded lab, which the first worker that asks plays, with the patience it has."""

    def make(folder: Path) -> None:
        folder.mkdir()
        result = trio.run(played, case)
        (folder / "run.json").write_bytes(msgspec.json.encode(result.run))

    folder = once.made(factory, f"case-{case.name}", make)
    run = msgspec.json.decode((folder / "run.json").read_bytes(), type=Run)
    return Result(run=run, diagnosis=diagnose(run))
