"""Play cases and keep their runs: ``python -m tests.lab.store NAME…`` writes ``tests/cases/NAME.json``.

What is expected comes from the case, never from what was concluded; a case that comes out wrong is not kept.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import msgspec
import trio

from tests.lab.cases import CASES
from tests.support.lab_case import Case, play

_MADE_FOR_THE_CASE = re.compile(rb"/[a-z/]+/netprobe-(?:case|lab)-[^/]+/")
FOLDER = Path(__file__).parent.parent / "cases"


async def store(case: Case, folder: Path = FOLDER) -> bool:
    """Play one case and keep it; False where something else was found than the case says."""
    result = await play(case)
    if result.findings != tuple(sorted(case.findings)) or result.diagnosis.verdict is not case.verdict:
        return False
    expected = {"verdict": case.verdict, "findings": sorted(case.findings)}
    kept = msgspec.json.encode({"expected": expected, "run": result.run})
    (folder / f"{case.name}.json").write_bytes(_MADE_FOR_THE_CASE.sub(b"/lab/", kept))
    return True


if __name__ == "__main__":
    cases = {case.name: case for case in CASES}
    for wanted in sys.argv[1:]:
        if not trio.run(store, cases[wanted]):
            sys.exit(f"{wanted}: not what the case expects")
