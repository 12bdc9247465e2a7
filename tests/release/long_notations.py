"""``--as terraform|ansible`` against what the vendors publish: argument specs of collections, schemas of providers.

The collections come from PyPI's ``ansible``, whose modules are asked for their argument specs by Ansible's own
validator. The providers' schemas come from the bindings that are generated of them (``cdktf-cdktf-provider-*``): which
arguments a resource and its blocks have, and which must be there. The other providers and the collection of Palo Alto
are on no registry that we ask; their arguments are written by hand in ``tests/engines/test_tools.py``.
"""

from __future__ import annotations

import ast
import contextlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from netprobe.errors import CannotExpressError
from netprobe.render import notations, render, targets
from netprobe.render.model import Policy, Tool
from tests.engines.test_tools_same import PLAY
from tests.support import need
from tests.support.render_cases import CASES, HOSTS, ORIGIN
from tests.support.tool_files import Tasks, Terraform, tasks

WANTED = Path(__file__).with_name("tools.txt")
WITH_ASA = "ansible==11.13.0"
"""The last that has cisco.asa; it stands beside the one of tools.txt, so it is fetched by itself."""
ARGSPECS = Path(__file__).with_name("argspecs.py")
PROVIDERS = {
    "azure-firewall": "azurerm",
    "gcp-firewall": "google",
    "aws-network-firewall": "aws",
    "aws-network-firewall-domains": "aws",
    "route53-dns-firewall": "aws",
}
COLLECTIONS = {
    "fortios": "fortinet.fortios",
    "checkpoint": "check_point.mgmt",
    "cisco-asa": "cisco.asa",
    "cisco-iosxe": "cisco.ios",
    "juniper-srx": "junipernetworks.junos",
    "vyos": "vyos.vyos",
    "mikrotik": "community.routeros",
    "meraki": "cisco.meraki",
    "nsx": "ansible.builtin",
    "azure-firewall": "azure.azcollection",
    "aws-network-firewall": "community.aws",
    "aws-network-firewall-domains": "community.aws",
}
MODULES = {"fortios": 6, "checkpoint": 6, "vyos": 2, "meraki": 2}
"""How many modules the tasks use at least, where it is more than one."""
CREDENTIALS = {"hostname": "x", "username": "x", "password": "x"}
META = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages, as the registry has them."""
    need.index()
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "-r", str(WANTED), "-d", str(folder)], check=True, timeout=900)
    return folder


@pytest.fixture(scope="session")
def collections(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collections' files, as Ansible would find them."""
    folder = tmp_path_factory.mktemp("collections")
    (wheel,) = wheels.glob("ansible-*.whl")
    # And what their module_utils import.
    _extract(wheel, folder, (*COLLECTIONS.values(), "ansible.netcommon", "ansible.utils", "amazon.aws"))
    older = tmp_path_factory.mktemp("older")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, WITH_ASA, "-d", str(older)], check=True, timeout=900)
    (wheel,) = older.glob("ansible-*.whl")
    _extract(wheel, folder, ("cisco.asa",))
    return folder


def _extract(wheel: Path, folder: Path, collections: Sequence[str]) -> None:
    wanted = tuple(f"ansible_collections/{name.replace('.', '/')}/" for name in collections)
    kinds = ("/plugins/", "/meta/", "/MANIFEST.json")
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if n.startswith(wanted) and any(kind in n for kind in kinds)]
        archive.extractall(folder, names)


def _texts(target: str, tool: str) -> Iterator[str]:
    """The form for every case and policy."""
    module = notations.noted(targets.get(target), tool)
    for case in CASES.values():
        for policy in (Policy(), Policy(enforce=True, sources=HOSTS), Policy(enforce=True, every_client=True)):
            if not policy.enforce and not module.SCOPE.additive:
                continue
            if policy.sources and not module.SCOPE.clients:
                continue
            with contextlib.suppress(CannotExpressError):
                yield render(module, case.endpoints, origin=ORIGIN, options=case.options, policy=policy).main


def test_every_collection_that_can_be_had_is_asked() -> None:
    """A form that claims a schema is held to it here."""
    claimed = {name for name, notation in notations.TABLES[Tool.ANSIBLE].items() if notation.proof.schema}
    assert claimed == set(COLLECTIONS)
    claimed = {name for name, notation in notations.TABLES[Tool.TERRAFORM].items() if notation.proof.schema}
    assert claimed == set(PROVIDERS)


def _told(ansible: Path, folder: Path, asked: list[tuple[str, Mapping[str, Any]]]) -> list[list[str]]:
    run = [str(ansible / "python"), str(ARGSPECS), str(folder)]
    done = subprocess.run(run, input=json.dumps(asked), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[list[str]] = json.loads(done.stdout)
    return found


def _asked(target: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Every task of every form, each once."""
    given = {**PLAY, "provider": {}, "netprobe_before": "7", "netprobe_layer": "Network"}
    found = [
        (module, {**arguments, **_besides(module)})
        for text in _texts(target, "ansible")
        for module, arguments in tasks(text, **given)
        if module != "ansible.builtin.assert"
    ]
    return list({json.dumps(one): one for one in found}.values())


def _besides(module: str) -> Mapping[str, Any]:
    """What a loop or the play's ``module_defaults`` give besides."""
    if module.endswith("_facts"):
        return {"name": "x"}
    if module.startswith("cisco.meraki."):
        return {"meraki_api_key": "x"}
    return CREDENTIALS if module.startswith("community.routeros.") else {}


@pytest.mark.parametrize("target", COLLECTIONS)
def test_tasks_fit_the_argument_specs(target: str, ansible: Path, collections: Path) -> None:
    asked = _asked(target)
    assert len({module for module, _ in asked}) >= MODULES.get(target, 1)
    assert all(module.startswith(COLLECTIONS[target]) for module, _ in asked)
    assert [
        (one, errors) for one, errors in zip(asked, _told(ansible, collections, asked), strict=True) if errors
    ] == []


def test_the_argument_specs_notice_mistakes(ansible: Path, collections: Path) -> None:
    wrong: list[tuple[str, Mapping[str, Any]]] = [
        ("check_point.mgmt.cp_mgmt_dns_domain", {"name": ".x", "is_sub_domains": False}),
        ("check_point.mgmt.cp_mgmt_access_rule", {"layer": "x"}),
        ("fortinet.fortios.fortios_firewall_address", {"state": "here", "firewall_address": {"name": "x"}}),
        ("fortinet.fortios.fortios_firewall_policy", {"state": "present", "firewall_policy": {"name": "x"}}),
        ("cisco.asa.asa_config", {"lines": ["x"], "match": "lines"}),
        ("cisco.ios.ios_config", {"lines": ["x"], "parent": "x"}),
        ("junipernetworks.junos.junos_config", {"lines": ["x"], "confirm": "soon"}),
        ("vyos.vyos.vyos_config", {"lines": ["x"], "confirm": 5}),
        ("community.routeros.api_modify", {**CREDENTIALS, "path": "ip firewall filter", "data": [{"dport": "443"}]}),
        ("cisco.meraki.networks_appliance_firewall_l3_firewall_rules", {"meraki_api_key": "x", "network": "x"}),
        ("ansible.builtin.uri", {"url": "https://x", "body_format": "jsonl"}),
        ("azure.azcollection.azure_rm_resource", {"url": "x", "idempotent": True}),
        ("community.aws.networkfirewall_rule_group", {"name": "x", "rule_strings": ["x"], "domain_list": {}}),
    ]
    assert [bool(errors) for errors in _told(ansible, collections, wrong)] == [True] * len(wrong)


@pytest.mark.parametrize(("target", "argument"), [("vyos", "lines"), ("meraki", "rules")])
def test_ansible_itself_fills_what_the_reader_of_the_tests_fills(
    target: str,
    argument: str,
    ansible: Path,
    tmp_path: Path,
) -> None:
    """The two expressions that choose among lines: what stands on the device stays, or goes, as read in test_tools."""
    text = next(_texts(target, "ansible"))
    *_, task = yaml.load(text, Loader=Tasks)
    (arguments,) = (value for key, value in task.items() if "." in key)
    expression = arguments[argument].removeprefix("{{ ").removesuffix(" }}")
    copy = {"content": f"{{{{ ({expression}) | to_json }}}}", "dest": str(tmp_path / "found")}
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {**PLAY, **task["vars"], "ansible_python_interpreter": str(ansible / "python")},
        "tasks": [{"ansible.builtin.copy": copy}],
    }
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    run = [str(ansible / "ansible-playbook"), "-i", "localhost,", str(tmp_path / "play.yml")]
    done = subprocess.run(run, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    *_, (_, read) = tasks(text, **PLAY)
    assert json.loads((tmp_path / "found").read_text()) == read[argument]


class Bindings:
    """The schema of a provider, read from the bindings that are generated of it."""

    def __init__(self, wheel: Path) -> None:
        self._archive = zipfile.ZipFile(wheel)
        (self._package,) = {name.partition("/")[0] for name in self._archive.namelist() if "/_jsii/" in name}

    def classes(self, resource: str) -> dict[str, tuple[set[str], set[str]]]:
        """By class: the arguments that must be there, and all of them."""
        provider = self._package.rpartition("_")[2]
        module = resource.removeprefix(f"{provider}_").removeprefix("aws_")
        source = self._archive.read(f"{self._package}/{module}/__init__.py")
        found = {}
        for node in ast.parse(source).body:
            if not isinstance(node, ast.ClassDef):
                continue
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__" and method.args.kwonlyargs:
                    pairs = list(zip(method.args.kwonlyargs, method.args.kw_defaults, strict=True))
                    required = {argument.arg for argument, default in pairs if default is None}
                    found[node.name] = required, {argument.arg for argument, _ in pairs}
        return found

    def hold(self, resource: str, body: Mapping[str, Any]) -> None:
        """Every argument of a resource and of its blocks is known, and none lacks."""
        name = _camel(resource.partition("_")[2])
        known = self.classes(resource)
        required, every = known[name]
        self._block(known, name, required - {"scope", "id_"}, every | META, body)

    def _block(
        self,
        known: Mapping[str, tuple[set[str], set[str]]],
        name: str,
        required: set[str],
        every: set[str],
        body: Mapping[str, Any],
    ) -> None:
        assert set(body) <= every, (name, set(body) - every)
        assert required <= set(body), (name, required - set(body))
        for key, value in body.items():
            inner = next((c for c in (f"{name}{_camel(key)}", f"{name}{_camel(key)}Struct") if c in known), None)
            for one in value if isinstance(value, list) else [value]:
                assert (inner is not None) == isinstance(one, dict), (name, key)
                if inner is not None:
                    self._block(known, inner, *known[inner], one)


def _camel(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in text.split("_"))


@pytest.mark.parametrize("target", PROVIDERS)
def test_resources_fit_the_providers_schema(target: str, wheels: Path) -> None:
    (wheel,) = wheels.glob(f"cdktf_cdktf_provider_{PROVIDERS[target]}-*.whl")
    bindings = Bindings(wheel)
    seen = set()
    for text in _texts(target, "terraform"):
        for (kind, _), body in Terraform.read(text, lenient=True).raw.items():
            bindings.hold(kind, body)
            seen.add(kind)
    assert seen


def test_the_bindings_notice_mistakes(wheels: Path) -> None:
    (wheel,) = wheels.glob("cdktf_cdktf_provider_azurerm-*.whl")
    text = next(_texts("azure-firewall", "terraform"))
    for old, new in (
        ("destination_fqdns", "destination_fqdn"),
        ("priority = ", "prioritys = "),
        ("protocols {", "protocol {"),
    ):
        assert old in text
        ((kind, body),) = (
            (kind, body) for (kind, _), body in Terraform.read(text.replace(old, new), lenient=True).raw.items()
        )
        with pytest.raises(AssertionError):
            Bindings(wheel).hold(kind, body)
