"""The real aerleon loads the definitions and the policy, and its generators write just the networks we claim."""

from __future__ import annotations

import ipaddress
import logging
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from aerleon import api
from aerleon.lib import naming

from netprobe.render import render, targets
from netprobe.render.addresses import collapse
from netprobe.render.model import Form, Lowered
from tests.support.render_cases import CASES, ORIGIN, closed

TARGETS = {
    "nftables": "mixed output ACCEPT",
    "iptables": "OUTPUT ACCEPT",
    "cisco": "netprobe extended",
    "juniper": "netprobe inet",
    "arista": "netprobe extended",
}
"""Generators, and the words of their headers for IPv4 and, where they mix the two, IPv6."""
every_case = pytest.mark.parametrize("case", CASES)


def _definitions(case: str, folder: Path) -> tuple[naming.Naming, Mapping[str, Any], Lowered]:
    made = render(
        "aerleon", CASES[case].endpoints, origin=ORIGIN, options=CASES[case].options, policy=closed("aerleon")
    )
    (folder / "netprobe.yaml").write_text(made.files["netprobe.yaml"])
    return naming.Naming(str(folder)), yaml.safe_load(made.files["netprobe.pol.yaml"]), made.lowered


def _networks(lowered: Lowered, port: int) -> tuple[str, ...]:
    return collapse(e.value for e in lowered.entries if e.form is Form.ADDRESS and e.port == port)


@every_case
def test_aerleon_reads_every_network_and_service(case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        definitions, _, lowered = _definitions(case, tmp_path)
    assert not [
        r for r in caplog.records if re.search("ignor|expected|unexpected|match", r.getMessage(), re.IGNORECASE)
    ]
    for port in {entry.port for entry in lowered.entries}:
        assert collapse(str(ip) for ip in definitions.GetNet(f"NETPROBE_{port}")) == _networks(lowered, port)
        assert definitions.GetServiceByProto(f"NETPROBE_TCP_{port}", "tcp") == [str(port)]


@every_case
@pytest.mark.parametrize("target", TARGETS)
def test_generators_write_exactly_these_networks(case: str, target: str, tmp_path: Path) -> None:
    definitions, policy, lowered = _definitions(case, tmp_path)
    (only,) = policy["filters"]
    header = {**only["header"], "targets": {target: TARGETS[target]}}
    made = api.Generate([{"filename": "np", "filters": [{"header": header, "terms": only["terms"]}]}], definitions)
    assert made is not None
    (text,) = made.values()
    wanted = {n for e in lowered.entries for n in _networks(lowered, e.port)}
    if target != "nftables":
        wanted = {n for n in wanted if ":" not in n}
    assert collapse(_found(text)) == collapse(wanted)
    assert re.search(r"deny|DROP|drop|reject|discard", text, re.IGNORECASE)


def _found(text: str) -> set[str]:
    """Every network in a filter: with a prefix, with a wildcard mask (Cisco, Arista), or a lone host."""
    found: set[str] = set()
    lines = [line for line in text.splitlines() if not re.match(r"\s*(?:!|#|remark|/?\*)", line)]
    for one, mask in re.findall(r"(?<![\w.:/])(\d+\.\d+\.\d+\.\d+) (0\.\d+\.\d+\.\d+)", "\n".join(lines)):
        found.add(str(ipaddress.ip_network((one, mask))))
    rest = re.sub(r"\d+\.\d+\.\d+\.\d+ 0\.\d+\.\d+\.\d+", " ", "\n".join(lines))
    for word in re.findall(r"[0-9a-fA-F:.]+(?:/\d+)?", rest):
        try:
            found.add(str(ipaddress.ip_network(word.strip("."))))
        except ValueError:
            continue
    return {network for network in found if "." in network or "::" in network}


def test_the_policys_own_target_governs_both_families(tmp_path: Path) -> None:
    definitions, policy, lowered = _definitions("wide", tmp_path)
    made = api.Generate([{"filename": "np", "filters": policy["filters"]}], definitions)
    assert made is not None
    (text,) = made.values()
    assert collapse(_found(text)) == collapse(n for e in lowered.entries for n in _networks(lowered, e.port))
    assert "table inet" in text
    assert "policy accept" in text


def test_the_policy_denies_what_the_definitions_do_not_hold(tmp_path: Path) -> None:
    _, policy, lowered = _definitions("wide", tmp_path)
    terms = policy["filters"][0]["terms"]
    ports = sorted({entry.port for entry in lowered.entries})
    assert [t["action"] for t in terms] == ["accept"] * len(ports) + ["deny"] * len(ports)
    assert [t["destination-port"] for t in terms] == [f"NETPROBE_TCP_{port}" for port in ports] * 2
    assert all(("destination-address" in t) == (t["action"] == "accept") for t in terms)


def test_the_commands_of_the_page_work(tmp_path: Path) -> None:
    """Both failed with Aerleon 1.18: the folder of the policies, and the name of an option."""
    made = render("aerleon", CASES["strict"].endpoints, origin=ORIGIN, options=CASES["strict"].options)
    (tmp_path / "def").mkdir()
    (tmp_path / "policies" / "pol").mkdir(parents=True)
    (tmp_path / "filters").mkdir()
    (tmp_path / "def" / "netprobe.yaml").write_text(made.files["netprobe.yaml"], encoding="utf-8")
    (tmp_path / "policies" / "pol" / "netprobe.pol.yaml").write_text(made.files["netprobe.pol.yaml"], encoding="utf-8")
    lines = [line.strip() for line in targets.page("aerleon").splitlines()]
    said = []
    for program in ("aclgen", "aclcheck"):
        (command,) = [line for line in lines if line.startswith(f"{program} ")]
        words = command.split()
        argv = [str(Path(sys.executable).with_name(words[0])), *words[1:]]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done.stdout + done.stderr)
    assert (tmp_path / "filters" / "netprobe.pol.nft").is_file()
    assert "netprobe-allow-443" in said[1]
