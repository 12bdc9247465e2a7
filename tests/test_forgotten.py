"""What is added in one place and forgotten in another: each of these fails with the name of what was forgotten."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe.audit.formats import FORMATS
from netprobe.catalog.model import Agent
from netprobe.cli import render_input
from netprobe.cli.commands import build
from netprobe.cli.main import run
from netprobe.host.agents import programs
from netprobe.host.agents.vantages import NAMES
from netprobe.host.archive_files import keep
from netprobe.host.filesystem import FolderRoot
from netprobe.host.machine import Machine
from netprobe.host.rules import RULES
from netprobe.render import targets
from netprobe.render.model import DeviceCapability
from netprobe.rules import judge
from netprobe.workload.rules import RULES as WORKLOAD_RULES

ROOT = Path(__file__).resolve().parents[1]
ENGINES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "engines").glob("test_*.py")}
SUPPORT = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "support").glob("*.py")}


@functools.cache
def texts(folder: str) -> frozenset[str]:
    """Every text that stands in the tests of a folder."""
    found: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return frozenset(found)


# --- targets --------------------------------------------------------------------------------------------------------


def asking(target: str) -> Iterator[str]:
    """The engine tests that name a target, with the support modules that they import."""
    module = target.replace("-", "_")
    names = re.compile(rf'"{re.escape(target)}"|\bimport [^\n]*\b{module}\b|targets\.{module}\b')
    for text in ENGINES.values():
        if names.search(text):
            helpers = re.findall(r"from tests\.support(?:\.(\w+))? import ([^\n]+)", text)
            used = {name.strip(" (),") for stem, several in helpers for name in (stem, *several.split(","))}
            yield "\n".join([text, *(SUPPORT[name] for name in used if name in SUPPORT)])


ENGINE_TARGETS = [name for name in targets.names() if targets.get(name).PROOF.engine]


@pytest.mark.parametrize("target", ENGINE_TARGETS)
def test_an_engine_that_is_claimed_as_proof_is_asked_by_a_test(target: str) -> None:
    """Named by the target, and by the name of the program that the proof claims."""
    program = re.split(r"[ :]", targets.get(target).PROOF.engine)[0].lower()
    program = {"bind": "named"}.get(program, program)
    found = list(asking(target))
    assert found, f"no test in tests/engines names {target}"
    runs = ("need.engine(", "mark.engine", f"from {program} import")  # an engine may be a Python package
    running = [text for text in found if any(sign in text for sign in runs)]
    assert any(program in text.lower() for text in running), f"no test of {target} runs {program}"


LIBRARIES = {"pan-os-python": "panos"}
"""What a vendor's library is called where it is installed, and where it is imported."""


@pytest.mark.parametrize("target", [name for name in targets.names() if targets.get(name).PROOF.library])
def test_a_library_that_is_claimed_as_proof_is_loaded_by_a_test(target: str) -> None:
    package = LIBRARIES[targets.get(target).PROOF.library]
    loaded = re.compile(rf"^ *(import|from) {package}\b", re.MULTILINE)
    assert any(loaded.search(text) for text in asking(target)), f"no test of {target} imports {package}"


@pytest.mark.parametrize("target", targets.names())
def test_how_far_a_target_is_proven_stands_on_its_page(target: str) -> None:
    """What was never run says so, and asks to be tried first."""
    proof, page = targets.get(target).PROOF, " ".join(targets.page(target).split())
    assert f"Proof: {proof.kind} ({' '.join(proof.by.split())})." in page
    assert ("Try it on a device of yours" in page) == (not proof.engine)


def test_every_capability_that_a_target_can_claim_is_read() -> None:
    """What no code reads is a promise that nobody keeps."""
    sources = [
        path.read_text(encoding="utf-8")
        for path in (ROOT / "netprobe" / "render").rglob("*.py")
        if "targets" not in path.parts
    ]
    unread = [
        name
        for name in DeviceCapability.__struct_fields__
        if not any(re.search(rf"\.{name}\b", text) for text in sources)
    ]
    assert unread == []


def test_every_option_of_render_stands_in_the_command_of_the_header(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reader makes the output again by that command; what is left out there is gone."""
    told: set[str] = set()

    def command(target: str, **kinds: dict[str, object]) -> str:
        told.update(option for options in kinds.values() for option in options)
        return "netprobe render"

    monkeypatch.setattr(render_input, "command", command)
    assert run(["render", "squid", "-r", "us-east-2"]) == 0
    capsys.readouterr()
    # Where it goes and what else is told changes no byte of the output; --discover writes the lock that is named.
    elsewhere = {"target", "output", "losses", "discover", "check", "compare", "strict", "quiet"}
    parameters = {parameter.name: set(parameter.opts) for parameter in build("render").params}
    assert elsewhere <= set(parameters)
    assert [name for name, options in parameters.items() if name not in elsewhere and not options & told] == []


# --- log formats ----------------------------------------------------------------------------------------------------


def test_every_log_format_is_registered() -> None:
    folder = ROOT / "netprobe" / "audit" / "formats"
    modules = [path for path in folder.glob("*.py") if re.search(r"^NAME = ", path.read_text(), re.MULTILINE)]
    named = {re.search(r'^NAME = "([^"]+)"', path.read_text(), re.MULTILINE)[1] for path in modules}  # type: ignore[index]
    assert named == set(FORMATS)


# --- rules and agents -----------------------------------------------------------------------------------------------


def test_every_host_rule_has_a_test_of_its_behaviour() -> None:
    assert [rule.id for rule in RULES if rule.id not in texts("tests/host")] == []


def test_every_workload_rule_has_a_test_of_its_behaviour() -> None:
    assert [rule.id for rule in WORKLOAD_RULES if rule.id not in texts("tests/workload")] == []


class Watched(FolderRoot):
    """A root folder that remembers which files were asked for."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: set[str] = set()

    def read(self, path: str, limit: int = 1 << 20) -> bytes | None:
        self.asked.add(path.lstrip("/"))
        return super().read(path, limit)


NOT_ON_AN_IMAGE = ("proc/", "sys/", "run/", "dev/")
"""What only a running host has; an archive holds none of it."""


def test_no_host_rule_reads_a_file_that_an_archive_does_not_keep(tmp_path: Path) -> None:
    """The rules find nothing on an empty root, so they try every place that they know."""
    root = Watched(tmp_path)
    with root:
        judge(RULES, Machine(root=root, subject="image"), "image", running=False)
        asked = {path for path in root.asked if not path.startswith(NOT_ON_AN_IMAGE)}
    assert len(asked) > 20, "the rules were not watched"
    assert sorted(path for path in asked if not keep(path, 1)) == []


def test_every_agent_is_known_to_every_table_that_lists_agents(tmp_path: Path) -> None:
    agents = set(Agent) - {Agent.TASK}  # a task's settings are its own
    with FolderRoot(tmp_path) as root:
        machine = Machine(root=root, subject="image")
        # The CloudWatch agent is no part of ECS Anywhere: it is read apart, where it is installed.
        read = {program.name for program in (*programs.read(machine), programs.cloudwatch_agent(machine))}
    assert read == agents
    assert set(NAMES) - {"host", "all"} == agents
    told = (ROOT / "netprobe" / "cli" / "options.py").read_text(encoding="utf-8")
    assert [agent for agent in agents if agent not in told] == []


# --- names ----------------------------------------------------------------------------------------------------------


def test_a_public_class_name_stands_once() -> None:
    """Whoever reads ``Entry`` must know which; what Ansible names its plugins' classes is Ansible's to say."""
    found: dict[str, list[str]] = {}
    for path in (ROOT / "netprobe").rglob("*.py"):
        below = path.relative_to(ROOT / "netprobe")
        if below.parts[0] == "deploy":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(str(below))
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
