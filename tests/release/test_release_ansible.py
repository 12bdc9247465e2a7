"""The Ansible collection, as it is given away: built, judged by Ansible's own tools, and played.

Played for real: OpenSSH servers in network namespaces, six hosts at two sites and one that cannot be reached, none
with Python in its root; what is wrong is the *network between*: a Squid that opens TLS with a CA of its own in front
of one site, nft on the router of the other. The one file that is sent is the release's.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.release import collection
from tests.release.played import Staged, environment, play, recap
from tests.support import lab_devices, need
from tests.support.cli import netprobe
from tests.support.two_sites import DNS, Sites, addresses_of

pytestmark = pytest.mark.root
ROLES = ("allowlist", "check", "collect", "install", "report")
PLUGINS = ("allowlist", "check", "collect", "install")
LAB_CA = "/etc/lab/origin.pem"
PROXY = "10.61.0.1"
"""The router of the site fra, which has a Squid for its hosts."""


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert collection.build(tmp_path / "a").read_bytes() == collection.build(tmp_path / "b").read_bytes()


def test_galaxy_verifies_every_checksum(ansible: Path, collections: Path) -> None:
    command = [str(ansible / "ansible-galaxy"), "collection", "verify", "--offline", "netprobe.ecs_anywhere"]
    done = subprocess.run(
        command, env=environment(ansible, collections), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PLUGINS)
def test_the_documentation_of_a_module_is_what_its_action_takes(name: str, ansible: Path, collections: Path) -> None:
    command = [str(ansible / "ansible-doc"), "--json", f"netprobe.ecs_anywhere.{name}"]
    done = subprocess.run(
        command, env=environment(ansible, collections), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)[f"netprobe.ecs_anywhere.{name}"]
    action = (collection.HERE / "plugins" / "action" / f"{name}.py").read_text()
    spec = action[action.index("argument_spec={") :]
    taken = set(re.findall(r'^ {16}"(\w+)": \{"type"', spec, re.MULTILINE))
    assert taken == set(told["doc"]["options"])
    assert yaml.safe_load(told["examples"])
    assert set(told["return"]) <= {"verdict", "report", "findings", "sent", "path"}


@pytest.mark.parametrize("name", ROLES)
def test_the_documentation_of_a_role_is_what_its_tasks_take(name: str, ansible: Path, collections: Path) -> None:
    command = [str(ansible / "ansible-doc"), "--json", "-t", "role", f"netprobe.ecs_anywhere.{name}"]
    done = subprocess.run(
        command, env=environment(ansible, collections), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    options = json.loads(done.stdout)[f"netprobe.ecs_anywhere.{name}"]["entry_points"]["main"]["options"]
    role = collection.HERE / "roles" / name
    defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text())
    tasks = (role / "tasks" / "main.yml").read_text()
    assert {key: value.get("default") for key, value in options.items() if "default" in value} == defaults
    assert set(re.findall(rf"\b{name}_\w+", tasks)) - {"report_fleet"} == set(options)


def test_the_linter_has_nothing_to_say(ansible: Path, collections: Path) -> None:
    """The production profile, over the installed collection."""
    command = [str(ansible / "ansible-lint"), "--offline", "--nocolor", "--profile", "production"]
    done = subprocess.run(
        command,
        cwd=collections / "ansible_collections" / "netprobe" / "ecs_anywhere",
        env=environment(ansible, collections),
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed: 0 failure(s), 0 warning(s)" in done.stderr + done.stdout


OFFLINE = (
    *("action-plugin-docs", "compile", "empty-init", "ignores", "line-endings", "no-assert", "no-get-exception"),
    *("no-illegal-filenames", "no-smart-quotes", "replace-urlopen", "shebang", "symlinks"),
    *("use-argspec-type-path", "use-compat-six"),
)
"""The sanity tests that fetch nothing."""
FETCHING = {
    "ansible-doc": "test_the_documentation_of_a_module_is_what_its_action_takes",
    "changelog": "nothing: the collection has no changelog of its own, CHANGELOG.md is of the whole",
    "import": "nothing: modules are documentation alone, and every play imports the actions",
    "pep8": "ruff, by tests/run",
    "pslint": "nothing: there is no PowerShell",
    "pylint": "ruff, by tests/run",
    "runtime-metadata": "test_the_linter_has_nothing_to_say",
    "shellcheck": "nothing: there is no file of shell",
    "validate-modules": "test_the_validator_of_modules_has_nothing_to_say",
    "yamllint": "test_the_linter_has_nothing_to_say",
}
"""The others make an environment with get-pip.py from a host that is not asked here; what stands for each."""


def sanity_tree(tmp_path: Path) -> Path:
    """The collection's sources where Ansible's own tests want them."""
    place = tmp_path / "ansible_collections" / "netprobe" / "ecs_anywhere"
    shutil.copytree(collection.HERE, place, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def test_no_sanity_test_is_left_out_unseen(ansible: Path, collections: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(ansible / "ansible-test"), "sanity", "--list-tests"],
        cwd=sanity_tree(tmp_path),
        env=environment(ansible, collections, LC_ALL="C.UTF-8", HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert set(done.stdout.split()) == {*OFFLINE, *FETCHING}
    assert {name for name in FETCHING.values() if name.startswith("test_")} <= set(globals())


def test_the_validator_of_modules_has_nothing_to_say(ansible: Path, tmp_path: Path) -> None:
    """ansible-test's validate-modules, started by hand: what it needs lies in our environment already."""
    place = sanity_tree(tmp_path)
    found = ansible.parent.glob("lib/python3*/site-packages/ansible_test/_util/controller/sanity/validate-modules")
    modules = sorted(str(path.relative_to(place)) for path in (place / "plugins" / "modules").glob("*.py"))
    command = [str(ansible / "python"), str(next(found) / "validate.py"), "--format", "json"]
    command += ["--collection", str(place.relative_to(tmp_path)), "--collection-version", "0.1.0"]

    text = (place / modules[0]).read_text()
    spoilt = "plugins/modules/spoilt.py"
    (place / spoilt).write_text(text.replace("short_description:", "short_descriptoin:"))
    done = subprocess.run(
        [*command, *(str(place.relative_to(tmp_path) / path) for path in (*modules, spoilt))],
        cwd=tmp_path,
        env=environment(ansible, tmp_path),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    shown = json.loads(done.stdout)
    told = {(path.partition("ecs_anywhere/")[2], error["code"]) for path in shown for error in shown[path]["errors"]}
    assert (spoilt, "invalid-documentation") in told
    # The licence is MIT, and that is all there is to ignore.
    assert {one for one in told if one[0] != spoilt} == {(path, "missing-gplv3-license") for path in modules}


@pytest.mark.timeout(300)
def test_the_sanity_tests_that_run_offline_pass(ansible: Path, tmp_path: Path) -> None:
    place = sanity_tree(tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=place, check=True, timeout=30)
    command = [str(ansible / "ansible-test"), "sanity", "--python", f"3.{sys.version_info[1]}"]
    asked = [argument for name in OFFLINE for argument in ("--test", name)]
    done = subprocess.run(
        [*command, *asked],
        cwd=place,
        env=environment(ansible, tmp_path, LC_ALL="C.UTF-8", HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def staged(dist: Path, ansible: Path, collections: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    """Two sites: TLS is opened at the proxy of fra, SSM is dropped for two hosts of muc; muc4 lets nobody in."""
    need.engine("nft")
    need.engine("squid")
    need.programs("sshd", "ssh", "busybox")
    folder = tmp_path_factory.mktemp("sites")
    with Sites(folder, {"fra": 3, "muc": 4}) as sites:
        roots = sites.serve()
        sites.boot({LAB_CA: roots.read_bytes()}, without_ssh=("muc4",))
        _inspect(sites, roots)
        _drop(sites)
        options = ["--account", "123456789012", "--resolver", DNS, "--ca-file", LAB_CA, "--origin-ca", LAB_CA, "-4"]
        variables = {
            "check_options": json.dumps(options),
            "check_binary": str(next(dist.glob("netprobe-*-linux-x86_64"))),
        }
        inventory = sites.inventory(folder / "inventory", {})
        text = inventory.read_text()
        proxied = json.dumps([*options, "--proxy", f"http://{PROXY}:{lab_devices.PORT}"])
        inventory.write_text(
            f"{text}\n[fra:vars]\ncheck_options={proxied}\n\n[muc:vars]\ncheck_options={json.dumps(options)}\n"
        )
        yield Staged(
            sites=sites, inventory=inventory, ansible=ansible, collections=collections, binary=variables["check_binary"]
        )


def _inspect(sites: Sites, roots: Path) -> None:
    """A real Squid that opens TLS for the hosts of fra, with a CA that they do not trust."""
    folder = sites.folder / "squid"
    folder.mkdir()
    place = lab_devices.Place(
        folder=folder,
        resolver=DNS,
        certificates=SimpleNamespace(origin_file=roots),  # type: ignore[arg-type]
        names={},
        store=sites.folder / "nobody.pem",
    )
    command = list(lab_devices.bump(lab_devices.WITH_UPGRADE, trusted=False).prepare(place))
    configuration = folder / "squid.conf"
    configuration.write_text(configuration.read_text().replace(f"{lab_devices.ROUTER}:", f"{PROXY}:"))
    router = sites.routers["fra"]
    router.start(*command, ready=lambda: router.listens(lab_devices.PORT), within=30, log=folder / "log")


def _drop(sites: Sites) -> None:
    """The router of muc drops what two of its hosts send to SSM."""
    servers = ", ".join(addresses_of(sites, "ssm.us-east-2.amazonaws.com"))
    wrong = ", ".join(host.address for host in sites.hosts if host.name in ("muc2", "muc3"))
    sites.routers["muc"].nft(
        "table inet t { chain f { type filter hook forward priority 0; "
        f"ip saddr {{ {wrong} }} ip daddr {{ {servers} }} tcp dport 443 drop; }}; }}"
    )


def check_play(staged: Staged, folder: Path, *, keep: bool = True, fail_on: str = "never") -> str:
    return f"""
- hosts: all
  gather_facts: false
  roles:
    - role: netprobe.ecs_anywhere.check
      vars:
        check_regions: [us-east-2]
        check_binary: {staged.binary}
        check_site: "{{{{ site }}}}"
        check_labels: {{ring: first}}
        check_reports: {folder}/reports
        check_keep: {str(keep).lower()}
        check_fail_on: {fail_on}
"""


REPORT_PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  roles:
    - role: netprobe.ecs_anywhere.report
      vars:
        report_netprobe: {folder}/netprobe
        report_reports: {folder}/reports
        report_output: {folder}/fleet
        report_options: ["--expect", "{inventory}", "--handoff", "{folder}/handoff"]
        report_fail: false
"""
REACHED = ("fra1", "fra2", "fra3", "muc1", "muc2", "muc3")


@pytest.mark.timeout(900)
def test_two_sites_are_told_apart_and_a_second_run_changes_nothing(staged: Staged, tmp_path: Path) -> None:
    before = {host.name: host.files() for host in staged.sites.hosts}
    assert not any(re.search(r"(^|/)python", name) for name in before["fra1"])
    text = check_play(staged, tmp_path) + REPORT_PLAY.format(folder=tmp_path, inventory=staged.inventory)

    looked = play(staged, tmp_path, text, "--check", "--diff", "--limit", "muc1")
    assert recap(looked.stdout)["muc1"]["failed"] == 0, looked.stdout + looked.stderr
    assert not (tmp_path / "reports").exists()
    assert staged.sites.hosts[3].files() == before["muc1"]

    first = play(staged, tmp_path, text)
    counted = recap(first.stdout)
    assert {name: counted[name]["changed"] for name in REACHED} == dict.fromkeys(REACHED, 1), first.stdout
    assert counted["muc4"]["unreachable"] == 1
    assert first.returncode == 4  # ansible-playbook's word for unreachable hosts; the others were played to the end

    answer = json.loads((tmp_path / "fleet.json").read_text())
    hosts = {host["name"]: host for host in answer["hosts"]}
    assert set(hosts) == set(REACHED)
    assert {name: host["site"] for name, host in hosts.items()} == {name: name[:3] for name in REACHED}
    assert answer["missing"] == ["muc4"]
    ssm = answer["endpoints"].index("us-east-2/ssm")
    failing = {name for name, host in hosts.items() if host["outcomes"][ssm] == "fail"}
    assert failing == {"fra1", "fra2", "fra3", "muc2", "muc3"}
    logs = answer["endpoints"].index("us-east-2/logs")
    assert {n for n, h in hosts.items() if h["outcomes"][logs] == "fail"} == {"fra1", "fra2", "fra3"}
    errors = [cause for cause in answer["causes"] if cause["severity"] == "error"]
    assert {(cause["id"], tuple(cause["hosts"])) for cause in errors} == {
        ("tls_intercepted", ("fra1", "fra2", "fra3")),
        ("tcp_dropped", ("muc2", "muc3")),
    }, json.dumps(errors, indent=1)
    # A Squid that signs slowly is seen by some attempts alone: those are told as suspected, in a line of their own.
    assert any(lab_devices.COMPANY_CA in cause["cause"] for cause in errors if cause["id"] == "tls_intercepted")
    assert {path.name for path in (tmp_path / "handoff").glob("*.txt")} >= {"fra-network.txt", "muc-network.txt"}

    second = play(staged, tmp_path, text)
    assert {name: recap(second.stdout)[name]["changed"] for name in REACHED} == dict.fromkeys(REACHED, 0), second.stdout
    done = netprobe("compare", str(tmp_path / "reports"), str(tmp_path / "reports"))
    assert done.code == 0

    gone = play(
        staged,
        tmp_path,
        "- hosts: all\n  gather_facts: false\n  roles:\n    - role: netprobe.ecs_anywhere.install\n"
        "      vars:\n        install_state: absent\n",
    )
    assert {name: recap(gone.stdout)[name]["changed"] for name in REACHED} == dict.fromkeys(REACHED, 1)
    assert {host.name: host.files() for host in staged.sites.hosts} == before


_KEPT_DETAIL = ("sni", "bytes_received", "unacknowledged_bytes", "origin", "reason", "verify", "status", "error")


def _evidence(reports: Path) -> str:
    """What the reports say of each error and on what it rests: a false alarm that comes once must be read from it."""
    told = []
    for file in sorted(reports.glob("*.json")):
        report = json.loads(file.read_text())
        by_id = {o["id"]: o for o in report["observations"]}
        for finding in report["findings"]:
            if finding["severity"] != "error":
                continue
            told.append(f"{file}: {finding['id']} {finding['certainty']}: {finding['title']}")
            told += [_line(by_id[id_]) for id_ in finding["evidence"] if finding["id"] != "tls_intercepted"]
        told.append(f"{file}: {report['duration_seconds']} s, notes {report.get('notes')}")
    return "\n".join(told)


def _line(o: dict[str, Any]) -> str:
    kept = {key: o["detail"][key] for key in _KEPT_DETAIL if key in o["detail"]}
    began, took = o["started_seconds"], o["duration_seconds"]
    return f"    {o['host']} {o['experiment']} {o['attempt']} {o['step']} {o['failure']} {began}+{took} {kept}"


@pytest.mark.timeout(400)
def test_nothing_is_left_behind_where_nothing_is_to_stay(staged: Staged, tmp_path: Path) -> None:
    host = staged.sites.hosts[3]
    before = host.files()
    for changed in (1, 0):
        done = play(staged, tmp_path, check_play(staged, tmp_path, keep=False), "--limit", "muc1", "--diff")
        assert recap(done.stdout)["muc1"]["changed"] == changed, done.stdout + done.stderr
        assert host.files() == before
    assert shutil.which("python3", path=str(host.root / "bin")) is None


@pytest.mark.timeout(400)
def test_a_host_that_is_not_ready_fails_its_play_where_that_is_asked_for(staged: Staged, tmp_path: Path) -> None:
    text = check_play(staged, tmp_path, keep=False, fail_on="not_ready")
    done = play(staged, tmp_path, text, "--limit", "muc1,muc2")
    counted = recap(done.stdout)
    assert (counted["muc1"]["failed"], counted["muc2"]["failed"]) == (0, 1), done.stdout
    assert done.returncode == 2
    assert "not_ready" in done.stdout + done.stderr
    assert (tmp_path / "reports" / "muc2.json").exists()


@pytest.mark.timeout(400)
def test_reports_that_hosts_wrote_themselves_are_collected(staged: Staged, tmp_path: Path) -> None:
    host = staged.sites.hosts[3]
    report = {"schema_version": "1.2", "verdict": "ready", "findings": [], "endpoints": []}
    (host.root / "var/lib/report.json").write_text(json.dumps(report))
    text = f"""
- hosts: muc1,muc2
  gather_facts: false
  roles:
    - role: netprobe.ecs_anywhere.collect
      vars: {{collect_path: /var/lib/report.json, collect_reports: {tmp_path}/reports}}
"""
    try:
        first, second = (recap(play(staged, tmp_path, text).stdout) for _ in range(2))
    finally:
        (host.root / "var/lib/report.json").unlink()
    assert (first["muc1"]["changed"], second["muc1"]["changed"]) == (1, 0)
    assert first["muc2"]["failed"] == 1
    assert json.loads((tmp_path / "reports" / "muc1.json").read_text()) == report


ALLOW = """
- hosts: muc1
  gather_facts: false
  roles:
    - role: netprobe.ecs_anywhere.allowlist
      vars:
        allowlist_target: squid
        allowlist_regions: [us-east-2]
        allowlist_options: {options}
        allowlist_netprobe: {folder}/netprobe
        allowlist_validate: {validate}
        allowlist_load: {load}
        allowlist_unload: "true"
        allowlist_state: {state}
"""


@pytest.mark.timeout(600)
def test_an_allowlist_is_put_back_where_the_engine_objects(staged: Staged, tmp_path: Path) -> None:
    """The engine's commands are stood in for by the shell; real engines: test_release_ansible_engines."""
    host = staged.sites.hosts[3]
    file = host.root / "etc/squid/netprobe/netprobe.conf"

    def deploy(*more: str, **changes: str) -> dict[str, int]:
        values = {"options": "[]", "validate": '"true"', "load": '"true"', "state": "present", **changes}
        done = play(staged, tmp_path, ALLOW.format(folder=tmp_path, **values), *more)
        return recap(done.stdout)["muc1"]

    assert deploy(validate='"false"')["failed"] == 1
    assert not file.exists()
    assert deploy()["changed"] == 1
    good = file.read_bytes()
    assert b"http_access allow netprobe_connect" in good
    other = '["--account", "123456789012"]'
    assert deploy(options=other, load='"false"')["failed"] == 1
    assert file.read_bytes() == good
    assert deploy(state="absent")["changed"] == 1
    assert b"http_access" not in file.read_bytes()
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    shutil.rmtree(host.root / "etc/squid")
