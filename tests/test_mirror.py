"""Every module has a test that names it; one without is excused, by the test that plays it and by its reason.

A test names a module by its file name (``test_<name>.py`` or ``test_<area>_<name>.py``, anywhere below ``tests/``), by
importing it, by the name of its package where all modules there are of one shape (``test_formats.py``), or by what the
module is known by: the name of its target or command, the ids of its rules (all of them), a finding that it makes. An
excuse that is no longer needed fails, and so does one whose test is gone or no longer leads to the module: so the
table cannot rot.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import NamedTuple

import pytest

from netprobe.cli.commands import COMMANDS
from netprobe.diagnosis.taxonomy import TAXONOMY
from tests.support.some import some

ROOT = Path(__file__).resolve().parents[1]


class Excuse(NamedTuple):
    """A module that no test names.

    Attributes:
        test: the test that plays it all the same, below ``tests/``; what it imports must lead to the module.
        reason: why it has no test of its own.
    """

    test: str
    reason: str


_RULES = "one rule seldom needs it alone; the table of cases plays every rule over it"
_RUN = "a part of a run, which is played whole"
_NETWORK = "raw packets; played against routers in namespaces"
_COMMAND = "a part of a command, which is run whole"
EXCUSED: dict[str, Excuse] = {
    "netprobe.cli.lookup": Excuse("render/test_cli_discover.py", _COMMAND),
    "netprobe.diagnosis.answered": Excuse("diagnosis/test_who_answered.py", _RULES),
    "netprobe.diagnosis.details": Excuse("diagnosis/test_cases.py", _RULES),
    "netprobe.diagnosis.lookups": Excuse("diagnosis/test_outcomes.py", _RULES),
    "netprobe.diagnosis.numbered": Excuse("diagnosis/test_outcomes.py", _RULES),
    "netprobe.diagnosis.service": Excuse("diagnosis/test_cases.py", _RULES),
    "netprobe.diagnosis.views": Excuse("diagnosis/test_outcomes.py", _RULES),
    "netprobe.diagnosis.verdict": Excuse("diagnosis/test_outcomes.py", _RULES),
    "netprobe.host.firewall.loaded": Excuse("host/test_task_firewall.py", "read for the rules of the local firewall"),
    "netprobe.host.manifest": Excuse("host/test_archive.py", "the part of an archive that says what it is"),
    "netprobe.host.rules.define": Excuse("host/test_host_rules.py", "how every rule is made"),
    "netprobe.host.rules.dockernetwork": Excuse("host/test_docker_config.py", "a part of the rules about Docker"),
    "netprobe.host.rules.kernel": Excuse("host/test_kernel_rules.py", "a part of the rules about the kernel"),
    "netprobe.host.rules.sources": Excuse("host/test_host_rules.py", "the pages that rules name"),
    "netprobe.lab.sockets": Excuse("test_lab.py", "the sockets of the lab, which is run whole"),
    "netprobe.observe.files": Excuse("observe/test_observe_real.py", _COMMAND),
    "netprobe.observe.learned": Excuse("observe/test_observe_real.py", _COMMAND),
    "netprobe.path.errqueue": Excuse("path/test_path_hops.py", _NETWORK),
    "netprobe.path.mtu": Excuse("path/test_path_hello_mtu.py", _NETWORK),
    "netprobe.path.trace": Excuse("path/test_path_hops.py", _NETWORK),
    "netprobe.probes.numbered": Excuse("probes/test_run.py", _RUN),
    "netprobe.probes.socks": Excuse("probes/test_proxy.py", "one of the ways to ask a proxy"),
    "netprobe.probes.wildcard": Excuse("probes/test_run.py", _RUN),
    "netprobe.render.shared_zones": Excuse("render/test_lowering.py", "a list that lowering asks"),
    "netprobe.report.readiness": Excuse("host/test_cli_readiness.py", _COMMAND),
    "netprobe.workload.required": Excuse("workload/test_workload_needs.py", "what the package's front calls"),
    "netprobe.workload.rules.define": Excuse("workload/test_workload_rules.py", "how every rule is made"),
}


class Named(NamedTuple):
    """What tests name: the stems of their files, what they import, and every text that stands in them."""

    stems: set[str]
    imported: set[str]
    texts: set[str]


@functools.cache
def trees(folder: str) -> dict[str, ast.Module]:
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        found[path.relative_to(ROOT).as_posix()] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def modules() -> list[str]:
    ours = [path for path in trees("netprobe") if not path.startswith("netprobe/deploy/")]
    return [path[:-3].replace("/", ".") for path in ours if not path.endswith("__init__.py")]


@functools.cache
def named_by_tests() -> Named:
    found = Named(set(), set(), set())
    for path, tree in trees("tests").items():
        if Path(path).name.startswith("test_"):
            found.stems.add(Path(path).stem)
        if path == "tests/test_mirror.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                found.imported.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
            elif isinstance(node, ast.Import):
                found.imported.update(alias.name for alias in node.names)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.texts.add(node.value)
    return found


def texts_of(module: str) -> set[str]:
    nodes = ast.walk(trees("netprobe")[module.replace(".", "/") + ".py"])
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def rules_of(module: str) -> set[str]:
    """The ids of the rules that a module defines: each is the name of the function that judges it."""
    nodes = ast.walk(trees("netprobe")[module.replace(".", "/") + ".py"])
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return {
        call.args[0].id
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id == "rule"
        and call.args
        and isinstance(call.args[0], ast.Name)
    }


def target_of(module: str) -> set[str]:
    for node in trees("netprobe")[module.replace(".", "/") + ".py"].body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "NAME":
            assert isinstance(node.value, ast.Constant)
            return {str(node.value.value)}
    return set()


def is_known(module: str, named: Named) -> bool:
    """Whether a test says what the module is known by."""
    if ".rules." in module:
        rules = rules_of(module)
        return bool(rules) and rules <= named.texts
    if module.startswith("netprobe.render.targets."):
        return not target_of(module).isdisjoint(named.texts)
    if module.startswith("netprobe.cli."):
        commands = {name for name, command in COMMANDS.items() if module == f"netprobe.cli.{command.module}"}
        return not commands.isdisjoint(named.texts)
    if module.startswith("netprobe.diagnosis."):
        return not (texts_of(module) & set(TAXONOMY)).isdisjoint(named.texts)
    return False


def is_named(module: str, named: Named) -> bool:
    parts = module.split(".")[1:]
    files = {f"test_{'_'.join(parts[start:])}" for start in range(len(parts))}
    files |= {f"test_{parts[-2]}"} if len(parts) > 2 else set()
    return bool(files & named.stems) or module in named.imported or is_known(module, named)


def test_every_module_has_a_test_that_names_it() -> None:
    named = named_by_tests()
    assert [module for module in some(modules()) if not is_named(module, named) and module not in EXCUSED] == []


def test_every_excuse_is_still_needed() -> None:
    named = named_by_tests()
    assert [module for module in EXCUSED if module not in modules() or is_named(module, named)] == []


def reached_from(test: str) -> set[str]:
    """Every module that the imports of a test lead to, wherever in a module an import stands."""
    graph = {path[:-3].replace("/", ".").removesuffix(".__init__"): imports_of(tree) for path, tree in all_trees()}
    reached: set[str] = set()
    waiting = [test.removesuffix(".py").replace("/", ".")]
    while waiting:
        module = waiting.pop()
        if module in reached or module not in graph:
            continue
        reached.add(module)
        waiting += graph[module]
        if module == "netprobe.cli.commands":  # it imports them by the names in its table
            waiting += [f"netprobe.cli.{command.module}" for command in COMMANDS.values()]
        if module == "netprobe.render.targets":  # so does this one
            waiting += [one for one in graph if one.startswith(f"{module}.")]
        waiting.append(module.rpartition(".")[0])
    return reached


def all_trees() -> list[tuple[str, ast.Module]]:
    return [*trees("netprobe").items(), *trees("tests").items()]


@functools.cache
def imports_of(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return found


@pytest.mark.parametrize("module", EXCUSED)
def test_every_excuse_names_a_test_that_leads_to_the_module(module: str) -> None:
    excuse = EXCUSED[module]
    assert (ROOT / "tests" / excuse.test).is_file()
    assert module in reached_from(f"tests/{excuse.test}")
    assert excuse.reason
