"""Every finding of ``check`` can be seen happening: in a scenario of the lab, in a case of the matrix, or of settings.

``WITHOUT`` is the one table of excuses. An excuse that nothing needs any more fails, and so does a finding that is
shown nowhere.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netprobe.diagnosis import diagnose
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.lab import SCENARIOS
from netprobe.lab.odd import ODD
from netprobe.lab.scenarios import ANSWER
from tests.lab.cases import CASES
from tests.lab.test_chance import FLAKY
from tests.lab.test_odd_answers import seen
from tests.support.as_agents import root_of
from tests.support.cli import netprobe

SCENARIO, CASE, CHANCE, SETTINGS, NOTE = "--lab", "matrix", "flaky network", "--lab --as all --root", "--lab, a note"

CONFIG = "/etc/ecs/ecs.config"
FILES = {
    "/lib/systemd/system/ecs.service": f"[Service]\nEnvironmentFile=-{CONFIG}\n",
    "/lib/systemd/system/docker.service": "[Service]\nEnvironment=HTTP_PROXY=http://proxy.corp.example:3128 "
    "SSL_CERT_FILE=/etc/ssl/absent.pem\n",
    "/lib/systemd/system/containerd.service": "[Service]\nEnvironment=HTTPS_PROXY=http://proxy.corp.example:3128\n",
    "/lib/systemd/system/amazon-ssm-agent.service": '[Service]\nEnvironment="HTTPS_PROXY=http://proxy.corp.example:port"\n',
    CONFIG: "HTTPS_PROXY=http://svc:sesame@proxy.corp.example:3128\nHTTP_PROXY=http://proxy.corp.example:3128\n"
    "NO_PROXY=*.corp*\nPROXY_PAC=http://proxy.corp.example/wpad.dat\nECS_BACKEND_HOST=https://ecs.corp.example\n",
}
"""A host whose settings hold every mistake that can be read from files."""
OF_SETTINGS = frozenset(
    {
        "agent_endpoint_overridden",
        "no_proxy_missing_metadata",
        "no_proxy_missing_task_credentials",
        "no_proxy_not_understood",
        "proxy_only_http_set",
        "proxy_pac_unused",
        "proxy_password_world_readable",
        "proxy_setting_unused",
        "proxy_url_invalid",
        "proxy_values_conflict",
        "trust_file_unusable",
    }
)
NOTES = {"http_unrecognised_answer": "awselb-400"}
"""Finding that is no warning → the odd answer that makes it."""
WITHOUT = {
    "proxy_needs_restart": "needs a running agent whose environment is older than its file; tests/host/test_agents.py",
    "tls_former_root": "nobody here has the key of a root that was public; tests/probes/test_origin.py plays one",
    "unexplained_failure": "a network that no rule knows: once one is made, a rule for it is due",
}
"""Finding → why no network or settings can be made that show it."""


def shown() -> dict[str, str]:
    """Finding → where it is shown."""
    where = dict.fromkeys(NOTES, NOTE) | dict.fromkeys(OF_SETTINGS, SETTINGS)
    where |= {id_: CHANCE for flaky in FLAKY for id_ in flaky.says}
    where |= {id_: CASE for case in CASES for id_ in case.findings}
    return where | {id_: SCENARIO for scenario in SCENARIOS.values() for id_ in scenario.findings}


@pytest.mark.parametrize("id_", TAXONOMY)
def test_every_finding_is_shown_or_excused(id_: str) -> None:
    assert (id_ in shown()) is not (id_ in WITHOUT), shown().get(id_, "shown nowhere, and not excused")


def test_excuses_are_of_findings_that_exist() -> None:
    assert set(WITHOUT) <= set(TAXONOMY)


ONLY_BEHIND_ROUTERS = {
    "dns_private_answer": "loopback is ordinary in a lab",
    "dns_public_answer": "loopback is ordinary in a lab",
    "dns_numbered_names_public": "loopback has no private addresses beside public ones",
    "hosts_file_override": "a lab's host has no hosts file",
    "ipv4_broken": "a fault of one family needs both to differ; the lab breaks IPv6",
    "proxy_unreachable": "loopback has a route to everything",
    "stale_ip_allowlist": "needs several rotating addresses of several names",
    "tcp_prohibited": "ICMP comes from a router",
    "tcp_unreachable": "loopback has a route to everything",
    "websocket_cut_when_idle": "nothing on loopback forgets a connection",
}
"""Finding → why the embedded lab, which is loopback alone, cannot show what a case behind routers shows."""


def test_what_loopback_can_show_needs_no_root() -> None:
    behind_routers = {id_ for id_, where in shown().items() if where == CASE}
    assert behind_routers == set(ONLY_BEHIND_ROUTERS)


def test_every_mistake_in_settings_is_told(tmp_path: Path) -> None:
    root = root_of(tmp_path, FILES)

    ended = netprobe(
        "check", "-r", "us-east-2", "--lab", "healthy", "--as", "all", "--root", str(root), "--format", "json"
    )

    assert ended.code == 0, ended.err
    assert {finding["id"] for finding in json.loads(ended.out)["findings"]} >= OF_SETTINGS


@pytest.mark.parametrize("id_", NOTES)
async def test_a_note_is_told(id_: str) -> None:
    name = NOTES[id_]
    found = diagnose(await seen(SCENARIOS[f"{ANSWER}{name}"], ODD[name].at)).findings
    assert [finding.id for finding in found] == [id_]
