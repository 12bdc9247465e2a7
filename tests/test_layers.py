"""The house's rules that a machine can hold: layers, late imports, one home for httpx, a docstring everywhere."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe.cli.commands import COMMANDS
from tests.support.cli import ROOT, environment
from tests.support.some import some

PACKAGE = ROOT / "netprobe"
BASE = {
    "addresses",
    "cells",
    "cilog",
    "errors",
    "hostnames",
    "implicit",
    "interrupts",
    "jsontext",
    "manual",
    "nameplate",
    "natural",
    "nearest",
    "ranges",
    "reading",
    "resources",
    "shellwords",
    "signatures",
}
FACTS = BASE | {"catalog"}
NEEDS = FACTS | {"requirements"}
SEEN = BASE | {"observations"}
JUDGED = SEEN | {"findings"}

# Area → the areas of netprobe that it may import at all (its own is always allowed).
MAY_IMPORT: dict[str, set[str]] = {
    "addresses": set(),
    "errors": set(),
    "hostnames": {"errors"},
    "cells": set(),
    "cilog": set(),
    "implicit": {"errors"},
    "interrupts": set(),
    "jsontext": {"cilog"},
    "manual": {"errors"},
    "messages": set(),
    "nameplate": {"__version__"},
    "natural": set(),
    "nearest": set(),
    "ranges": set(),
    "signatures": {"errors"},
    "reading": {"errors"},
    "resources": set(),
    "shellwords": set(),
    "workbook": {"cells", "errors", "reading"},
    "apart": {"errors"},
    "observations": {"errors"},
    "findings": set(),
    "origin": SEEN,
    "proxyurl": {"errors", "hostnames", "vantage"},
    "vantage": SEEN,
    "catalog": BASE,
    "requirements": FACTS,
    "rules": JUDGED,
    "workload": NEEDS | JUDGED | {"rules"},
    "atom": set(),
    "changes": NEEDS,
    "render": NEEDS | {"__version__"},
    "host": FACTS | JUDGED | {"rules", "vantage", "proxyurl"},
    "probes": NEEDS | SEEN | {"origin", "vantage", "host", "proxyurl", "__version__"},
    "lab": NEEDS | JUDGED | {"vantage"},
    "diagnosis": FACTS | JUDGED | {"origin", "host"},
    "report": JUDGED
    | {"catalog", "diagnosis", "naming", "rules", "rulebook", "__version__"},  # the page of a rule stands in its card
    "fleet": JUDGED | {"diagnosis", "host", "observe", "report", "workbook", "__version__"},
    "naming": {"errors"},
    "identity": FACTS | JUDGED | {"host", "naming", "report"},
}
PURE = ("netprobe.diagnosis", "netprobe.report", "netprobe.render.lowering", "netprobe.render.model")
MAY_TOUCH_FILES = {"netprobe.report.stored", "netprobe.diagnosis.pages"}
DOES_IO = {"socket", "trio", "subprocess", "ssl", "httpx", "httpcore", "dns", "scapy", "urllib.request", "os"}
HEAVY = {"trio", "dns", "httpx", "httpcore", "scapy", "cryptography", "rich", "pydantic"}


@functools.cache
def modules() -> dict[str, ast.Module]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if PACKAGE / "deploy" in path.parents:
            continue  # shipped, not imported: Ansible's own plugins
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


@functools.cache
def imports(tree: ast.AST) -> tuple[str, ...]:
    """Every module that is imported anywhere in a module, ``from x import y`` as ``x.y``."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(found)


def top_level_imports(tree: ast.Module) -> Iterator[str]:
    """Those that run when the module is imported."""
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imports(ast.Module(body=[node], type_ignores=[]))


def area(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("name", sorted(MAY_IMPORT))
def test_an_area_imports_only_the_layers_below_it(name: str) -> None:
    known = {name, *MAY_IMPORT[name]}
    pairs = [(module, one) for module, tree in modules().items() if area(module) == name for one in imports(tree)]
    assert [pair for pair in some(pairs) if pair[1].startswith("netprobe.") and area(pair[1]) not in known] == []


def without_types(tree: ast.Module) -> ast.Module:
    """A module less what it imports for its types alone, which never runs."""
    kept = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    ]
    return ast.Module(body=kept, type_ignores=[])


def circles() -> list[set[str]]:
    """Groups of modules that import one another, wherever in a module an import stands."""
    known = modules()
    graph: dict[str, set[str]] = {}
    for module, tree in known.items():
        named = {one if one in known else one.rpartition(".")[0] for one in imports(without_types(tree))}
        # That a package's front re-exports its modules makes no circle.
        graph[module] = {one for one in named if one in known and one != module and not module.startswith(f"{one}.")}

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(graph[start])
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting += graph[one]
        return seen

    reach = {module: reachable(module) for module in graph}
    return [{a for a in reach[b] if b in reach[a]} for b in graph if b in reach[b]]


def test_no_modules_import_one_another() -> None:
    assert circles() == []


def test_every_area_has_its_layer() -> None:
    tops = {
        "cli",
        "__init__",
        "__main__",
        "checking",
        "exporter",
        "path",
        "observe",
        "audit",
        "gate",
        "rulebook",
        "about",
        "transcript",
        "handbook",
    }
    known = set(MAY_IMPORT) | tops
    assert {area(module) for module in modules() if area(module)} <= known


def test_nothing_imports_the_command_line() -> None:
    pairs = [(module, one) for module, tree in modules().items() for one in imports(tree)]
    importing = {module for module, one in pairs if one.startswith("netprobe.") and area(one) == "cli"}
    assert {area(module) for module in importing} == {"cli", "__main__"}, sorted(importing)


def test_diagnosis_report_and_lowering_do_no_io() -> None:
    pure = {module: tree for module, tree in modules().items() if module.startswith(PURE)}
    assert [one for one in PURE if not any(module.startswith(one) for module in pure)] == []
    for module, tree in pure.items():
        if any(module.startswith(one) for one in MAY_TOUCH_FILES):
            continue
        for imported in imports(tree):
            assert not any(imported == one or imported.startswith(f"{one}.") for one in DOES_IO), (module, imported)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("open", "print", "input"), f"{module} calls {node.func.id}"


def test_print_is_for_a_maintainers_tool_alone() -> None:
    printing = {
        module
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printing == {"netprobe.catalog.refresh"}


def test_httpx_stays_in_the_http_step() -> None:
    """The step, the transport that hands it an open stream, and the upgrade that begins as a request; nobody else."""
    using = {module for module, tree in modules().items() if any(one.split(".")[0] == "httpx" for one in imports(tree))}
    assert using <= {"netprobe.probes.http", "netprobe.probes.transport", "netprobe.probes.websocket"}


def test_scapy_is_imported_inside_functions_of_few_areas() -> None:
    for module, tree in some(modules().items()):
        assert not [one for one in top_level_imports(tree) if one.split(".")[0] == "scapy"], module
        if any(one.split(".")[0] == "scapy" for one in imports(tree)):
            assert area(module) in ("path", "observe", "audit"), module


def test_no_test_lets_scapy_ask_the_machines_network_for_a_neighbour() -> None:
    """It does where a frame that carries IP has no destination, as soon as the frame is put together."""
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")}
    calls = [
        (str(path), node)
        for path, text in texts.items()
        if "scapy" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Ether"
    ]
    told = [(path, node.lineno) for path, node in some(calls) if not node.args and not node.keywords]
    assert told == []


def test_asyncio_is_imported_by_nobody() -> None:
    pairs = [(module, one) for module, tree in modules().items() for one in imports(tree)]
    assert [pair for pair in some(pairs) if pair[1].split(".")[0] == "asyncio"] == []


def test_icmp_errors_have_one_reader() -> None:
    """Whoever takes them from the kernel, in whichever area, reads the same structure by the same lines."""
    readers = set()
    for module, tree in modules().items():
        for node in ast.walk(tree):
            queue = isinstance(node, ast.Attribute) and "ERRQUEUE" in node.attr
            queue = queue or (isinstance(node, ast.Name) and "ERRQUEUE" in node.id)
            structure = isinstance(node, ast.Constant) and isinstance(node.value, str) and "IBBBBII" in node.value
            if queue or structure:
                readers.add(module)
    assert readers == {"netprobe.probes.sockets"}


@pytest.mark.parametrize(
    ("area", "reader"),
    [
        ("netprobe.audit.formats", "netprobe.audit.formats.fields"),
        ("netprobe.render.readers", "netprobe.render.readers.base"),
        ("netprobe.observe", "netprobe.observe.frames"),
    ],
)
def test_addresses_from_outside_have_one_reader_an_area(area: str, reader: str) -> None:
    """Logs, lists and packets of many kinds: what counts as an address is decided once for all of them."""
    inside = {module: tree for module, tree in modules().items() if f"{module}.".startswith(f"{area}.")}
    assert {module for module, tree in inside.items() if _reads_addresses(tree)} == {reader}


def _reads_addresses(tree: ast.AST) -> bool:
    used = {one.partition(".")[0] for one in imports(tree)}
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return "ipaddress" in used or bool(called & {"inet_ntop", "inet_pton", "inet_aton", "inet_ntoa"})


@pytest.mark.parametrize("name", sorted({command.module for command in COMMANDS.values()} | {"main", "options"}))
def test_a_command_module_imports_nothing_heavy_at_its_top(name: str) -> None:
    tree = modules()[f"netprobe.cli.{name}"]
    assert not [one for one in some(top_level_imports(tree)) if one.split(".")[0] in HEAVY]


def test_every_module_says_why_it_exists() -> None:
    for module, tree in some(modules().items()):
        docstring = ast.get_docstring(tree)
        assert docstring, f"{module} has no docstring"
        assert len(docstring) >= 20, module


def test_every_package_says_who_may_import_it_and_what_it_never_does() -> None:
    for path in some(PACKAGE.rglob("__init__.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if path.parent in (PACKAGE, PACKAGE / "data"):
            continue
        assert re.search(r"\bimports?\b|Nothing imports|and nowhere else", docstring), path
        assert re.search(r"\bnever\b|will not do|\bnothing\b", docstring), path


def loaded_by(*arguments: str) -> set[str]:
    """The packages that one invocation has imported when it ends."""
    code = (
        "import sys, io\n"
        "from netprobe import __main__ as entry\n"
        f"sys.argv = ['netprobe', *{list(arguments)!r}]\n"
        "out, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO())\n"
        "try:\n    code = entry.main()\nexcept SystemExit as exc:\n    code = exc.code\n"
        "sys.stdout = out\n"
        "sys.stdout.write(f'{code}\\n' + '\\n'.join(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=ROOT,
    )
    code_line, *names = done.stdout.splitlines()
    assert code_line == "0", done.stderr
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize(
    ("arguments", "never"),
    [
        (("--version",), HEAVY | {"typer", "jinja2", "msgspec"}),
        (("--help",), HEAVY | {"jinja2", "msgspec"}),
        (("check", "--help"), HEAVY | {"jinja2"}),
        (("check", "--schema"), HEAVY | {"jinja2"}),
        (("regions",), HEAVY | {"jinja2"}),
        (("endpoints", "-r", "us-east-2"), HEAVY | {"jinja2"}),
        (("render", "squid", "-r", "us-east-2"), HEAVY),
        (("targets",), HEAVY),
    ],
)
def test_what_starts_instantly_imports_nothing_heavy(arguments: tuple[str, ...], never: set[str]) -> None:
    assert loaded_by(*arguments) & never == set()


def test_a_check_needs_no_table_library_and_no_raw_packets() -> None:
    assert (
        loaded_by("check", "-r", "us-east-2", "--lab", "healthy", "--account", "123456789012")
        & {*("rich", "scapy", "jinja2", "pydantic")}
        == set()
    )


def test_the_rules_can_fail(tmp_path: Path) -> None:
    tree = ast.parse("import httpx\ndef f():\n    from netprobe.cli import main\n    import scapy.all\n")
    assert list(imports(tree)) == ["httpx", "netprobe.cli.main", "scapy.all"]
    assert list(top_level_imports(tree)) == ["httpx"]
