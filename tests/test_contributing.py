"""CONTRIBUTING.md and SECURITY.md say what is there: every path, every name, every command."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.some import some

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = (
    *("A target", "An endpoint", "A finding", "A report format", "An agent's settings"),
    *("A log format", "A host rule", "An option", "A fault of the lab", "A timeout"),
)
PATHS = sorted(set(re.findall(r"`((?:netprobe|tests|templates)/[\w./-]+)`|`([A-Z]+\.md)`", TEXT)))
NAMED = re.findall(r"`([A-Z]\w+)`[^`\n]{0,40}\n? *[^`\n]{0,20}`(netprobe/[\w/]+\.py)`", TEXT)


def recipe(title: str) -> str:
    found = re.search(rf"^### {re.escape(title)}\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"no recipe: {title}"
    return found[1]


@pytest.mark.parametrize("path", [one or other for one, other in PATHS])
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("title", RECIPES)
def test_every_recipe_names_files_and_the_test_that_tells_what_was_forgotten(title: str) -> None:
    text = recipe(title)
    steps, _, forgotten = text.partition("Forgotten?")
    assert re.findall(r"`netprobe/[\w./-]+`", steps)
    assert re.findall(r"`tests/[\w./-]+\.py`", forgotten)


def test_there_are_names_to_hold() -> None:
    assert len(NAMED) >= 5


@pytest.mark.parametrize(("name", "path"), NAMED)
def test_every_name_stands_where_it_says(name: str, path: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        defined |= {target.id for target in targets if isinstance(target, ast.Name)}
    assert name in defined


def test_the_tests_that_recipes_name_can_be_collected() -> None:
    """What can be run of a recipe: pytest finds tests in each file that is said to tell what was forgotten."""
    files = sorted({path for title in RECIPES for path in re.findall(r"`(tests/[\w./-]+\.py)`", recipe(title))})
    named = [path for path in files if Path(path).name.startswith("test_")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider", *named],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for path in named:
        assert path in done.stdout


def test_the_commands_exist() -> None:
    block = re.search(r"^## Set up and run\n.*?```sh\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL)
    assert block
    commands = [line.partition("#")[0].split() for line in block[1].splitlines() if line.strip()]
    assert commands
    for argv in commands:
        if not argv[0].startswith(".venv"):  # tests/run makes that one
            assert (ROOT / argv[0]).stat().st_mode & 0o111, argv
        for path in (part.partition("::")[0] for part in argv[1:] if part.startswith("tests/")):
            assert (ROOT / path).exists(), argv


def test_the_single_test_that_it_shows_is_there() -> None:
    shown = re.search(r"pytest (tests/\S+)::(\w+)", TEXT)
    assert shown
    tree = ast.parse((ROOT / shown[1]).read_text(encoding="utf-8"))
    assert shown[2] in {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}


AVOID = re.compile(
    r"vanish|living nameserver|agents cannot click|by heart|nobody said why|against the needs|not so: |"
    r"Someone answers|\blook-up|(?<!Gateway )\btime-out|\ballow list|TLS to \S+ stands",
    re.IGNORECASE,
)


def told() -> list[tuple[str, str]]:
    """What people read: pages, templates, the README, and every text in the code that is no docstring."""
    found = [(str(path), path.read_text(encoding="utf-8")) for path in (ROOT / "netprobe").rglob("*.md")]
    found += [(str(path), path.read_text(encoding="utf-8")) for path in (ROOT / "templates").rglob("*.*")]
    found.append(("README.md", (ROOT / "README.md").read_text(encoding="utf-8")))
    for path in sorted((ROOT / "netprobe").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        texts = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        ]
        found.append((str(path), "\n".join(texts)))
    return found


def test_no_word_that_is_to_be_avoided_is_told() -> None:
    found = [(path, match[0]) for path, text in some(told()) for match in AVOID.finditer(text)]
    assert found == []
