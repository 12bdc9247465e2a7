"""A fixed budget of the fuzzer, the same inputs every time; ``tests/fuzz/run --minutes N`` goes on from there."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.surfaces import SURFACES, attempt, mutated
from tests.support.bounded import within

INPUTS = 150
FOUND = Path(__file__).parent / "found"


@pytest.mark.parametrize("name", SURFACES)
def test_a_surface_answers_whatever_it_is_given(name: str, tmp_path: Path) -> None:
    chance = random.Random(name)
    surface = SURFACES[name]
    kept = sorted(FOUND.glob(f"{name.replace(' ', '-')}-*")) if FOUND.is_dir() else []
    inputs = [*surface.seeds, *(path.read_bytes() for path in kept)]
    inputs += [mutated(chance.choice(surface.seeds), chance, surface.words) for _ in range(INPUTS)]
    with within(cpu_seconds=20):
        for data in inputs:
            attempt(surface, data, tmp_path)
