"""The other engines that fan a check out: SSM, State Manager, Salt, Kubernetes, cron. Each is judged by a reader, and
what they run is run, with a stand-in for the download and the real netprobe behind it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import jsonschema
import pytest
import yaml

from tests.support import need, once
from tests.support.cli import ROOT, environment, netprobe
from tests.support.some import some

HERE = ROOT / "netprobe" / "deploy" / "fleet"
SCRIPT = HERE / "fetch-and-check.sh"
PAGES = ("cron", "kubernetes", "salt", "ssm-inventory", "ssm-run-command", "state-manager")
SSM_DOCUMENT = {
    "type": "object",
    "required": ["schemaVersion", "mainSteps"],
    "additionalProperties": False,
    "properties": {
        "schemaVersion": {"const": "2.2"},
        "description": {"type": "string"},
        "parameters": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["type"],
                "additionalProperties": False,
                "properties": {
                    "type": {"enum": ["String", "StringList", "Boolean", "Integer", "StringMap", "MapList"]},
                    "description": {"type": "string"},
                    "default": {},
                    "allowedPattern": {"type": "string", "format": "regex"},
                    "allowedValues": {"type": "array"},
                },
            },
        },
        "mainSteps": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["action", "name", "inputs"],
                "additionalProperties": False,
                "properties": {
                    "action": {"const": "aws:runShellScript"},
                    "name": {"type": "string", "pattern": "^[a-zA-Z0-9_]{1,128}$"},
                    "precondition": {"type": "object", "required": ["StringEquals"]},
                    "inputs": {
                        "type": "object",
                        "required": ["runCommand"],
                        "additionalProperties": False,
                        "properties": {
                            "runCommand": {"type": "array", "items": {"type": "string"}},
                            "timeoutSeconds": {"type": "string", "pattern": "^[0-9]+$"},
                            "workingDirectory": {"type": "string"},
                        },
                    },
                },
            },
        },
    },
}
"""AWS Systems Manager, "Document schema features and examples" and the plugin reference (read 2026-11-28)."""


class Tags(yaml.SafeLoader):
    """YAML of CloudFormation: what a tag marks is read as its value."""


Tags.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix} {node.value}")


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    """What is downloaded: the netprobe of this tree."""
    path = tmp_path / "netprobe-linux"
    path.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m netprobe "$@"\n')
    return path


def run(script: str, folder: Path, binary: Path, **more: str) -> subprocess.CompletedProcess[str]:
    values = {
        "NETPROBE_URL": binary.as_uri(),
        "NETPROBE_SHA256": hashlib.sha256(binary.read_bytes()).hexdigest(),
        "NETPROBE_OPTIONS": "--region us-east-2 --lab healthy --label site=fra --account 123456789012",
        "NETPROBE_DIR": str(folder),
        **more,
    }
    return subprocess.run(
        ["sh", "-c", script], env=environment(**values), capture_output=True, text=True, timeout=90, check=False
    )


def test_the_script_fetches_once_checks_and_keeps_what_fleet_reads(tmp_path: Path, binary: Path) -> None:
    folder = tmp_path / "kept"
    text = SCRIPT.read_text()
    first = run(text, folder, binary)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("netprobe: ready; ")
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("netprobe-*")}
    assert len(before) == 1
    assert run(text, folder, binary, NETPROBE_URL="file:///nowhere").returncode == 0
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("netprobe-*")} == before
    answer = json.loads(netprobe("fleet", str(folder / "report.json"), "--format", "json").out)
    assert [host["site"] for host in answer["hosts"]] == ["fra"]


def test_a_host_that_is_not_ready_is_reported_and_a_wrong_request_keeps_the_last_report(
    tmp_path: Path, binary: Path
) -> None:
    folder = tmp_path / "kept"
    text = SCRIPT.read_text()
    done = run(text, folder, binary, NETPROBE_OPTIONS="--region us-east-2 --lab refused --account 123456789012")
    assert (done.returncode, done.stdout.split(";")[0]) == (0, "netprobe: not_ready")
    report = (folder / "report.json").read_bytes()
    done = run(text, folder, binary, NETPROBE_OPTIONS="--region nowhere-1")
    assert done.returncode == 2
    assert (folder / "report.json").read_bytes() == report
    assert {path.name.partition("-")[0] for path in folder.iterdir()} <= {"netprobe", "report.json", "unpacked"}


@pytest.mark.parametrize("what", ["digest", "url", "folder", "nothing"])
def test_what_cannot_be_trusted_is_not_run(tmp_path: Path, binary: Path, what: str) -> None:
    folder = tmp_path / "kept"
    changes = {"digest": {"NETPROBE_SHA256": "0" * 64}, "url": {"NETPROBE_URL": "file:///nowhere"}}.get(what, {})
    if what == "folder":
        folder.mkdir()
        folder.chmod(0o777)
    if what == "nothing":
        changes = {"NETPROBE_SHA256": ""}
    done = run(SCRIPT.read_text(), folder, binary, **changes)
    assert done.returncode != 0
    assert done.stderr
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_new_binary_replaces_the_old_one_and_what_is_told_is_short(tmp_path: Path, binary: Path) -> None:
    """Within the 2,500 characters of an output that SSM's API shows, the verdict and the cause."""
    folder = tmp_path / "kept"
    options = "--region us-east-2 --lab refused --account 123456789012"
    folder.mkdir()
    (folder / ".new-1").write_bytes(b"half of a download")  # of a run that was killed an hour and more ago
    os.utime(folder / ".new-1", (0, 0))
    for version in (1, 2):
        binary.write_text(f"{binary.read_text()}# {version}\n")
        done = run(SCRIPT.read_text(), folder, binary, NETPROBE_OPTIONS=options)
        assert done.returncode == 0, done.stderr
        kept = f"netprobe-{hashlib.sha256(binary.read_bytes()).hexdigest()}"
        assert {path.name for path in folder.iterdir()} - {"unpacked"} == {kept, "report.json"}
    first, second = done.stdout.splitlines()
    assert first.startswith("netprobe: not_ready; ")
    assert second.startswith("NOT READY ")
    assert "tcp_refused" in second
    assert len(done.stdout) < 2500


def ssm() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((HERE / "ssm-document.yaml").read_text())
    return document


def test_the_ssm_document_keeps_to_the_schema_of_such_documents() -> None:
    jsonschema.Draft202012Validator(SSM_DOCUMENT).validate(ssm())
    text = (HERE / "ssm-document.yaml").read_text()
    assert set(re.findall(r"\{\{ (\w+) \}\}", text)) == set(ssm()["parameters"])
    misspelt = ssm()
    misspelt["mainSteps"][0]["inputs"]["runCommands"] = misspelt["mainSteps"][0]["inputs"].pop("runCommand")
    assert not jsonschema.Draft202012Validator(SSM_DOCUMENT).is_valid(misspelt)


def test_parameters_of_the_ssm_document_cannot_leave_their_quotes() -> None:
    for name, value in some(ssm()["parameters"].items()):
        pattern = re.compile(value["allowedPattern"])
        for hostile in ('x"; rm -rf /; "', "$(id)", "`id`", "a\\", "a\nb"):
            assert not pattern.fullmatch(hostile), name


def test_the_ssm_document_does_what_the_script_does_and_writes_an_inventory_item(tmp_path: Path, binary: Path) -> None:
    [command] = ssm()["mainSteps"][0]["inputs"]["runCommand"]
    script = "\n".join(SCRIPT.read_text().splitlines()[1:])
    assert script in command
    custom = tmp_path / "ssm" / "i-1" / "inventory" / "custom"
    custom.mkdir(parents=True)
    values = {
        "Url": binary.as_uri(),
        "Sha256": hashlib.sha256(binary.read_bytes()).hexdigest(),
        "Options": "--region us-east-2 --lab refused --account 123456789012",
        "Bucket": "",
        "Prefix": "netprobe",
    }
    filled = re.sub(r"\{\{ (\w+) \}\}", lambda match: values[match[1]], command)
    done = run(filled.replace("/var/lib/amazon/ssm/", f"{tmp_path}/ssm/"), tmp_path / "kept", binary)
    assert done.returncode == 0, done.stderr
    item = json.loads((custom / "netprobe.json").read_text())
    schema = json.loads((HERE / "ssm-inventory.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(item)
    report = json.loads((tmp_path / "kept" / "report.json").read_text())
    errors = sum(one["severity"] == "error" for one in report["findings"])
    written = datetime.fromisoformat(item["Content"].pop("WrittenAt"))
    assert abs((datetime.now(UTC) - written).total_seconds()) < 60
    assert item["Content"] == {"Verdict": "not_ready", "Errors": str(errors)}
    # A check that cannot be made takes the verdict with it; the report that there is stays.
    wrong = filled.replace(values["Options"], "--region nowhere-1")
    done = run(wrong.replace("/var/lib/amazon/ssm/", f"{tmp_path}/ssm/"), tmp_path / "kept", binary)
    assert done.returncode == 2
    item = json.loads((custom / "netprobe.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(item)
    assert item["Content"]["Verdict"] == "not_checked"


def test_reports_of_hosts_of_one_name_do_not_overwrite_each_other_in_the_bucket(tmp_path: Path, binary: Path) -> None:
    """The key has the name by which the agent knows its server (amazon-ssm-agent, executers.go, read 2026-11-29)."""
    [command] = ssm()["mainSteps"][0]["inputs"]["runCommand"]
    values = {"Url": binary.as_uri(), "Sha256": hashlib.sha256(binary.read_bytes()).hexdigest()}
    values |= {"Options": "--region us-east-2 --lab healthy --account 123456789012"}
    values |= {"Bucket": "reports", "Prefix": "netprobe"}
    filled = re.sub(r"\{\{ (\w+) \}\}", lambda match: values[match[1]], command)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "aws").write_text(f'#!/bin/sh\neval "echo \\${{$#}}" >> {tmp_path}/keys\n')
    (tools / "hostname").write_text("#!/bin/sh\nexit 127\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    for server in ("mi-0123456789abcdef0", "mi-0fedcba9876543210"):
        done = run(filled, tmp_path / server, binary, AWS_SSM_INSTANCE_ID=server, PATH=path)
        assert done.returncode == 0, done.stderr
    keys = (tmp_path / "keys").read_text().split()
    name = os.uname().nodename
    assert keys == [f"s3://reports/netprobe/{name}-mi-{id_}.json" for id_ in ("0123456789abcdef0", "0fedcba9876543210")]


def test_the_association_runs_the_very_same_document() -> None:
    template = yaml.load((HERE / "state-manager.yaml").read_text(), Loader=Tags)
    resources = template["Resources"]
    assert resources["Document"]["Properties"]["Content"] == ssm()
    given = resources["Association"]["Properties"]["Parameters"]
    needed = {name for name, value in ssm()["parameters"].items() if "default" not in value}
    assert needed <= set(given) <= set(ssm()["parameters"])


def test_the_salt_state_is_one_when_its_pillar_is_filled_in() -> None:
    shown = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    shown.filters["yaml_dquote"] = json.dumps
    pillar = {"url": 'https://example.com/a"b', "sha256": "0" * 64, "options": "--region us-east-2 --label a=b: c"}
    template = shown.from_string((HERE / "salt.sls").read_text())
    of_a_minion = {"pillar.get": lambda _name, _default: pillar, "config.get": lambda _name: "remote"}
    state = yaml.safe_load(template.render(salt=of_a_minion))
    functions = {name: next(iter(body)) for name, body in state.items()}
    assert functions == {
        "netprobe_script": "file.managed",
        "netprobe_check": "cmd.run",
        "netprobe_report": "module.run",
    }
    arguments = {key: value for one in state["netprobe_check"]["cmd.run"] for key, value in one.items()}
    given = {key: value for one in arguments["env"] for key, value in one.items()}
    assert given["NETPROBE_URL"] == pillar["url"]
    assert given["NETPROBE_OPTIONS"] == pillar["options"]
    assert set(given) <= set(re.findall(r"NETPROBE_\w+", SCRIPT.read_text()))


def test_the_cron_file_runs_the_script_and_sends_its_report() -> None:
    lines = [one for one in (HERE / "netprobe.cron").read_text().splitlines() if one and not one.startswith("#")]
    variables = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z0-9_]+=", line))
    [job] = [line for line in lines if not re.match(r"[A-Z0-9_]+=", line)]
    match = re.fullmatch(r"(\d{1,2}) (\d{1,2}) \* \* \* root (.+)", job)
    assert match is not None
    assert "%" not in match[3]  # cron(8) makes a new line of it
    assert {"NETPROBE_URL", "NETPROBE_SHA256", "NETPROBE_OPTIONS"} <= set(variables)
    subprocess.run(["sh", "-n", "-c", match[3]], check=True, timeout=10)
    assert "/var/lib/netprobe-fleet/report.json" in match[3]
    assert "directory=${NETPROBE_DIR:-/var/lib/netprobe-fleet}" in SCRIPT.read_text()
    # Each of a hundred hosts waits as long every day, and no minute has more than an sshd takes at once.
    spread, wait = int(variables["NETPROBE_SPREAD"]), match[3].split(";")[0]
    fake = "uname() { echo web$n; }; sleep() { echo $1; }"
    script = f"{fake}; for n in $(seq 100) $(seq 100 -1 91); do {wait}; done"
    done = subprocess.run(
        ["sh", "-c", script],
        env={**variables, "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
        timeout=60,
    )
    waits = [int(one) for one in done.stdout.split()]
    assert waits[100:] == waits[99:89:-1]
    assert max(waits) < spread
    assert max(Counter(one // 60 for one in waits[:100]).values()) < 10


def test_every_way_has_a_page_that_names_how_fleet_gets_the_reports() -> None:
    assert {path.stem for path in HERE.glob("*.md")} == set(PAGES)
    for page in PAGES:
        assert "netprobe fleet" in (HERE / f"{page}.md").read_text()


@pytest.fixture(scope="session")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """kubernetes-validate and cfn-lint, in an environment of their own (300 MB)."""
    built = os.environ.get("NETPROBE_TEST_JUDGES")
    if built:
        return Path(built)
    need.index()
    return once.environment(tmp_path_factory, "judges", "-r", str(Path(__file__).with_name("judges.txt")))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("judge", "arguments", "file", "spoil"),
    [
        ("kubernetes-validate", ("--strict",), "daemonset.yaml", ("hostNetwork", "hostNetworking")),
        ("cfn-lint", (), "state-manager.yaml", ("AssociationName", "AssociationTitle")),
    ],
)
def test_a_judge_of_such_files_accepts_them_and_would_see_a_mistake(
    judges: Path, judge: str, arguments: tuple[str, ...], file: str, spoil: tuple[str, str], tmp_path: Path
) -> None:
    text = (HERE / file).read_text()
    wrong = tmp_path / file
    wrong.write_text(text.replace(*spoil))
    for path, good in ((HERE / file, True), (wrong, False)):
        done = subprocess.run(
            [str(judges / judge), *arguments, str(path)], capture_output=True, text=True, timeout=120, check=False
        )
        assert (done.returncode == 0) is good, done.stdout + done.stderr


def test_the_daemonset_reads_the_nodes_network_and_checks_what_it_fetched() -> None:
    [_, daemonset] = yaml.safe_load_all((HERE / "daemonset.yaml").read_text())
    spec = daemonset["spec"]["template"]["spec"]
    assert (spec["hostNetwork"], spec["dnsPolicy"]) == (True, "Default")
    for container in (*spec["initContainers"], *spec["containers"]):
        subprocess.run(["sh", "-n", "-c", container["command"][2]], check=True, timeout=10)
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert mounts <= {volume["name"] for volume in spec["volumes"]}
    assert "sha256sum -c" in spec["initContainers"][0]["command"][2]
