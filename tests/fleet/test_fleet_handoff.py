"""``fleet --handoff``: one text per site and owner, over all their hosts, with rules that only allow."""

from __future__ import annotations

import random
from pathlib import Path

from netprobe import catalog, changes
from netprobe.findings import Owner
from tests.support.cli import netprobe as run
from tests.support.fleets import Machine, encoded, fault, machines


def save(folder: Path, members: list[Machine]) -> Path:
    folder.mkdir(exist_ok=True)
    for machine in members:
        (folder / f"{machine.name}.json").write_bytes(encoded(machine))
    return folder


def handoffs(tmp_path: Path, members: list[Machine], *more: str) -> dict[str, str]:
    folder = tmp_path / "handoff"
    run("fleet", str(save(tmp_path / "reports", members)), "--handoff", str(folder), *more)
    return {path.name: path.read_text() for path in folder.glob("*.txt")}


def test_one_text_per_site_and_owner_over_all_their_hosts(tmp_path: Path) -> None:
    members = machines(random.Random(2), 30)
    for machine in members:
        machine.faults = [fault("tcp_dropped", endpoints=("ecs", "ssm"))]
    members[0].faults = [*members[0].faults, fault("clock_skew", endpoints=(), owner=Owner.HOST)]
    texts = handoffs(tmp_path, members, "--handoff-target", "iptables")
    sites = {machine.site for machine in members}
    assert set(texts) == {*(f"{site}-network.txt" for site in sites), f"{members[0].site}-host.txt"}
    for site in sites:
        text = texts[f"{site}-network.txt"]
        for machine in members:
            assert (machine.name in text) is (machine.site == site)
            assert (f" {machine.address}," in text or f" {machine.address}\n" in text) is (machine.site == site)
        assert "Rules for iptables" in text
        written = changes.read_back(site, text.encode())
        assert (written.version, written.wanted.regions) == (catalog.load().version, ("us-east-2",))


def test_rules_ask_for_what_is_blocked_and_deny_nothing(tmp_path: Path) -> None:
    members = machines(random.Random(2), 4)
    for machine in members:
        machine.site, machine.faults = "fra", [fault("tcp_dropped", endpoints=("ecs", "ssm"))]
    [text] = handoffs(tmp_path, members, "--handoff-target", "squid").values()
    rules = text.partition("Rules for squid")[2]
    assert "ecs.us-east-2.amazonaws.com" in rules
    assert "ssm.us-east-2.amazonaws.com" in rules
    assert "logs.us-east-2.amazonaws.com" not in rules
    assert not [line for line in rules.splitlines() if line.strip().startswith("http_access deny")]


def test_a_cause_that_no_list_mends_gets_no_rules(tmp_path: Path) -> None:
    members = machines(random.Random(2), 4)
    for machine in members:
        machine.site, machine.faults = "fra", [fault("proxy_timeout", cause="http://proxy-a:3128")]
    [text] = handoffs(tmp_path, members, "--handoff-target", "squid").values()
    assert "no list of destinations on squid would remove" in text


def test_a_site_that_is_a_path_stays_a_file_name(tmp_path: Path) -> None:
    members = machines(random.Random(2), 3)
    for machine, site in zip(members, ("../../etc/cron.d/x", "a/b", "a b"), strict=True):
        machine.site, machine.faults = site, [fault("tcp_dropped", title="\x1b[2J=x")]
    texts = handoffs(tmp_path, members)
    assert set(texts) == {"etc-cron.d-x-network.txt", "a-b-network.txt", "a-b-network-2.txt"}
    assert all("\x1b" not in text for text in texts.values())
    assert {path.name for path in tmp_path.iterdir()} == {"handoff", "reports"}


def test_a_text_that_is_no_longer_due_goes_and_somebodys_file_stays(tmp_path: Path) -> None:
    members = machines(random.Random(2), 2)
    members[0].site, members[1].site = "fra", "muc"
    for machine in members:
        machine.faults = [fault("tcp_dropped")]
    assert set(handoffs(tmp_path, members)) == {"fra-network.txt", "muc-network.txt"}
    (tmp_path / "handoff" / "notes.txt").write_text("mine")
    members[1].faults = []
    assert set(handoffs(tmp_path, members)) == {"fra-network.txt", "notes.txt"}
