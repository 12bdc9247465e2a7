"""Every module of the areas named here has a test that names it; one without is excused, by its reason.

A test names a module by its file name (``test_<name>.py`` or ``test_<area>_<name>.py``, anywhere below ``tests/``), by
importing it, or by the name of its package where all modules there are of one shape (``test_formats.py``). An excuse
that is no longer needed fails, so that the table cannot rot.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_OF_THE_COMMAND_LINE = "bug check coercion completion config emit handing main options output selection values"
AREAS = (
    *(f"netprobe.report.{name}" for name in ("cases", "formats", "model", "places", "stored", "words")),
    "netprobe.resources",
    *(f"netprobe.cli.{name}" for name in _OF_THE_COMMAND_LINE.split()),
)
"""Which modules are held to it: the names that these begin."""
EXCUSED: dict[str, str] = {
    "netprobe.cli.completion": "test_cli_main runs it, as its scripts do",
}


def modules() -> list[str]:
    found = []
    for path in sorted((ROOT / "netprobe").rglob("*.py")):
        if path.name == "__init__.py":
            continue
        found.append(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return [module for module in found if module.startswith(AREAS)]


def named_by_tests() -> tuple[set[str], set[str]]:
    """The stems of the test files, and every dotted name that one of them imports."""
    stems, imported = set(), set()
    for path in (ROOT / "tests").rglob("*.py"):
        if path.name.startswith("test_"):
            stems.add(path.stem)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
    return stems, imported


def is_named(module: str, stems: set[str], imported: set[str]) -> bool:
    parts = module.split(".")[1:]
    files = {f"test_{'_'.join(parts[start:])}" for start in range(len(parts))}
    files |= {f"test_{parts[-2]}"} if len(parts) > 2 else set()
    return bool(files & stems) or module in imported


def test_every_module_has_a_test_that_names_it() -> None:
    stems, imported = named_by_tests()
    missing = [module for module in modules() if not is_named(module, stems, imported) and module not in EXCUSED]
    assert missing == []


def test_every_excuse_is_still_needed() -> None:
    stems, imported = named_by_tests()
    assert [module for module in EXCUSED if module not in modules() or is_named(module, stems, imported)] == []
