"""Google Cloud cannot be had here: Terraform by python-hcl2, and the script run with a stand-in of gcloud."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from netprobe.render import Options, Rendered, render
from netprobe.render.model import Policy
from netprobe.render.targets.gcp_firewall import NAMES_A_RULE
from tests.support.render_cases import CASES, HOSTS, ORIGIN, endpoint
from tests.support.sessions import Rule, hold
from tests.support.tool_files import Arguments, Terraform

LISTED = Options(seen=CASES["strict"].options.seen, enumerate=True)
ARGUMENTS = Arguments(
    required="firewall_policy priority direction action match",
    optional="rule_name description disabled enable_logging",
    blocks={
        "match": Arguments(
            required="layer4_configs",
            optional="src_ip_ranges dest_ip_ranges dest_fqdns",
            blocks={"layer4_configs": Arguments(required="ip_protocol", optional="ports")},
        )
    },
)


def _made(policy: Policy, options: Options = LISTED) -> Rendered:
    return render("gcp-firewall", CASES["strict"].endpoints, origin=ORIGIN, options=options, policy=policy)


def _sum(value: object) -> int:
    """``${var.netprobe_priority + 3}``, the variable being 1000."""
    found = re.fullmatch(r"\$\{var\.netprobe_priority \+ (\d+)\}", str(value))
    assert found is not None
    return 1000 + int(found.group(1))


def _terraform(text: str) -> list[Mapping[str, Any]]:
    """The rules in the order of their priorities, as plain matches."""
    found = Terraform.read(text, netprobe_firewall_policy="mine")
    bodies = found.of("google_compute_network_firewall_policy_rule")
    for body in bodies:
        ARGUMENTS.hold(body, str(body["rule_name"]))
        assert (body["direction"], body["firewall_policy"]) == ("EGRESS", "mine")
    priorities = [_sum(body["priority"]) for body in bodies]
    assert len(set(priorities)) == len(priorities)
    ordered = [body for _, body in sorted(zip(priorities, bodies, strict=True), key=lambda pair: pair[0])]
    return [
        {
            "label": body["rule_name"],
            "action": body["action"],
            "names": body["match"][0].get("dest_fqdns", []),
            "networks": body["match"][0].get("dest_ip_ranges", []),
            "sources": body["match"][0].get("src_ip_ranges", []),
            "services": {
                (one["ip_protocol"], int(port)) for one in body["match"][0]["layer4_configs"] for port in one["ports"]
            },
        }
        for body in ordered
    ]


def _gcloud(commands: list[list[str]]) -> list[Mapping[str, Any]]:
    """The same from the arguments that the stand-in was given."""
    rules = []
    for words in commands:
        assert words[:4] == ["compute", "network-firewall-policies", "rules", "create"]
        priority, *flags = words[4:]
        given = dict(flag.removeprefix("--").split("=", 1) for flag in flags if "=" in flag)
        assert "--global-firewall-policy" in flags
        assert (given["firewall-policy"], given["direction"]) == ("mine", "EGRESS")
        rule = {
            "label": given["description"],
            "action": given["action"],
            "names": [name for name in given.get("dest-fqdns", "").split(",") if name],
            "networks": [one for one in given.get("dest-ip-ranges", "").split(",") if one],
            "sources": [one for one in given.get("src-ip-ranges", "").split(",") if one],
            "services": {
                (protocol, int(port))
                for protocol, port in (one.split(":") for one in given["layer4-configs"].split(","))
            },
        }
        rules.append((int(priority), rule))
    assert len({priority for priority, _ in rules}) == len(rules)
    return [rule for _, rule in sorted(rules, key=lambda pair: pair[0])]


def _rules(found: list[Mapping[str, Any]], version: int) -> Iterator[Rule]:
    """The rules for one family: a network of the other family is never where a session of this one goes."""
    for one in found:
        assert len(one["names"]) <= NAMES_A_RULE
        families = {6 if ":" in network else 4 for network in (*one["sources"], *one["networks"])}
        assert len(families) <= 1, "the families cannot stand in one rule"
        if families and version not in families:
            continue
        assert bool(one["names"]) == (one["action"] == "allow")
        assert one["networks"] in ([], ["0.0.0.0/0"], ["::/0"])
        names, allows = frozenset(one["names"]), one["action"] == "allow"

        def says(name: str, names: frozenset[str] = names, allows: bool = allows) -> bool | None:
            if not allows:
                return False
            return True if name in names else None

        services = frozenset(one["services"])
        yield Rule(label=one["label"], sources=tuple(one["sources"]), services=services, says=says)


@pytest.fixture
def run_script(tmp_path: Path) -> Any:
    """Run the script in a real shell, with a ``gcloud`` that writes down its arguments."""
    log = tmp_path / "log"
    program = tmp_path / "gcloud"
    program.write_text(f'#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word"; done >>"{log}"\necho END >>"{log}"\n')
    program.chmod(0o755)

    def run(text: str) -> list[list[str]]:
        script = tmp_path / "netprobe.sh"
        script.write_text(text)
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        subprocess.run(["sh", str(script), "mine", "1000"], check=True, env=environment, timeout=60)
        told = log.read_text().split("END\n")
        return [command.splitlines() for command in told if command]

    return run


@pytest.mark.parametrize("enforce", [True, False])
@pytest.mark.parametrize("sources", [HOSTS, HOSTS[:1], ()], ids=["hosts", "one family", "everybody"])
def test_the_rules_decide_as_claimed(enforce: bool, sources: tuple[str, ...], run_script: Any) -> None:
    policy = Policy(enforce=enforce, sources=sources, every_client=enforce and not sources)
    made = _made(policy)
    found = _terraform(made.main)
    assert _gcloud(run_script(made.files["netprobe.sh"])) == found
    for version, client in ((4, "198.51.100.17"), (6, "2001:db8:5::9")):
        if sources == HOSTS[:1] and version == 6:
            assert list(_rules(found, 6)) == []
            continue
        rules = list(_rules(found, version))
        hold(rules, made, CASES["strict"], policy, [client])
        assert all(rule.sources == tuple(s for s in sources if (":" in s) == (version == 6)) for rule in rules)


def test_more_names_than_a_rule_takes_are_several_rules() -> None:
    many = [endpoint(f"n{i}.example.com", f"n{i}") for i in range(205)]
    made = render("gcp-firewall", many, origin=ORIGIN, options=Options(), policy=Policy())
    found = _terraform(made.main)
    assert [len(one["names"]) for one in found] == [100, 100, 5]
    assert {name for one in found for name in one["names"]} == {one.pattern for one in many}


def test_an_unknown_argument_is_noticed() -> None:
    text = _made(Policy()).main
    for old, new in (("dest_fqdns", "dest_fqdn"), ("priority        =", "priorities      ="), ("match {", "matches {")):
        assert old in text
        with pytest.raises((AssertionError, KeyError)):
            _terraform(text.replace(old, new))
