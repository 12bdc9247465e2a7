"""Meraki's cloud cannot be had here: the script runs with real curl and jq, against a stand-in of its API."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netprobe.errors import UsageError
from netprobe.render import Options, Rendered, render
from netprobe.render.model import Policy
from tests.support import need
from tests.support.render_cases import CASES, HOSTS, ORIGIN
from tests.support.sessions import INSIDE, Rule, Session, hold, verdict

LISTED = Options(seen=CASES["strict"].options.seen, enumerate=True)
KEYS = {"comment", "policy", "protocol", "srcCidr", "srcPort", "destCidr", "destPort", "syslogEnabled"}
DEFAULT = {
    "comment": "Default rule",
    "policy": "allow",
    "protocol": "Any",
    "srcCidr": "Any",
    "srcPort": "Any",
    "destCidr": "Any",
    "destPort": "Any",
    "syslogEnabled": True,
}
SITE = [
    {**DEFAULT, "comment": "shop", "protocol": "tcp", "destCidr": "192.0.2.80/32", "destPort": "8443"},
    {**DEFAULT, "comment": "netprobe-like", "policy": "deny", "protocol": "tcp", "destPort": "25"},
    {**DEFAULT, "comment": None, "policy": "deny", "protocol": "udp", "destPort": "53"},
]


def _made(policy: Policy) -> Rendered:
    return render("meraki", CASES["strict"].endpoints, origin=ORIGIN, options=LISTED, policy=policy)


def _rules(listed: list[dict[str, Any]]) -> Iterator[Rule]:
    """Rules whose words are those of the API (updateNetworkApplianceFirewallL3FirewallRules)."""
    for one in listed:
        assert set(one) == KEYS
        assert (one["policy"] in ("allow", "deny"), one["protocol"] in ("tcp", "udp")) == (True, True)
        sources = () if one["srcCidr"] == "Any" else tuple(one["srcCidr"].split(","))
        assert not any(":" in source for source in sources)
        names, allows = one["destCidr"].split(","), one["policy"] == "allow"
        assert (names == ["Any"]) == (not allows)

        def says(name: str, names: list[str] = names, allows: bool = allows) -> bool | None:
            if not allows:
                return False
            return True if name in names else None

        services = frozenset((one["protocol"], int(port)) for port in one["destPort"].split(","))
        yield Rule(label=one["comment"], sources=sources, services=services, says=says)


@pytest.mark.parametrize("enforce", [True, False])
@pytest.mark.parametrize("sources", [HOSTS, ()], ids=["hosts", "everybody"])
def test_the_rules_decide_as_claimed(enforce: bool, sources: tuple[str, ...]) -> None:
    policy = Policy(enforce=enforce, sources=sources, every_client=enforce and not sources)
    made = _made(policy)
    hold(list(_rules(json.loads(made.files["netprobe-rules.json"]))), made, CASES["strict"], policy, INSIDE[:1])


def test_hosts_of_ipv6_alone_are_refused() -> None:
    """Else the rules would have no source, and be for everybody."""
    with pytest.raises(UsageError, match="for IPv4 clients"):
        _made(Policy(sources=HOSTS[1:]))


class Cloud:
    """A stand-in of the dashboard's API for one network; it takes what the documents say, and nothing else."""

    def __init__(self, rules: list[dict[str, Any]]) -> None:
        self.rules = rules
        self.log_default = True
        self.requests: list[str] = []

    def told(self) -> bytes:
        return json.dumps({"rules": [*self.rules, {**DEFAULT, "syslogEnabled": self.log_default}]}).encode()

    def put(self, body: bytes) -> None:
        asked = json.loads(body)
        assert set(asked) == {"rules", "syslogDefaultRule"}
        assert all(set(rule) == KEYS for rule in asked["rules"])
        assert not any(rule["comment"] == "Default rule" for rule in asked["rules"])
        self.rules, self.log_default = asked["rules"], asked["syslogDefaultRule"]


@pytest.fixture
def cloud() -> Iterator[tuple[Cloud, str]]:
    state = Cloud([dict(rule) for rule in SITE])

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self, status: int, body: bytes = b"{}") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _known(self) -> bool:
            state.requests.append(self.command)
            right = self.headers["Authorization"] == "Bearer the-key"
            return right and self.path == "/networks/L_1/appliance/firewall/l3FirewallRules"

        def do_GET(self) -> None:
            self._answer(200, state.told()) if self._known() else self._answer(404)

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not self._known():
                self._answer(404)
                return
            try:
                state.put(body)
            except AssertionError:
                self._answer(400)
                return
            self._answer(200, state.told())

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield state, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def _run(text: str, folder: Path, url: str, network: str = "L_1") -> subprocess.CompletedProcess[str]:
    script = folder / "netprobe.sh"
    script.write_text(text)
    environment = {"PATH": "/usr/bin:/bin", "MERAKI_KEY": "the-key", "MERAKI_API": url}
    run = ["sh", str(script), network]
    return subprocess.run(run, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.engine
def test_the_script_puts_ours_in_front_and_leaves_the_sites_own(cloud: tuple[Cloud, str], tmp_path: Path) -> None:
    """Loaded twice, in both forms, under two names; and back again."""
    need.engine("jq")
    need.engine("curl")
    state, url = cloud
    assert _run(_made(Policy(sources=HOSTS)).main, tmp_path, url).returncode == 0
    assert [rule["comment"] for rule in state.rules] == ["netprobe-allow-443", *(rule["comment"] for rule in SITE)]
    assert state.log_default is True
    first = list(state.rules)
    assert _run(_made(Policy(sources=HOSTS)).main, tmp_path, url).returncode == 0
    assert state.rules == first
    assert _run(_made(Policy(sources=HOSTS, name="handoff")).main, tmp_path, url).returncode == 0
    assert [rule["comment"] for rule in state.rules[:2]] == ["handoff-allow-443", "netprobe-allow-443"]
    enforcing = _made(Policy(enforce=True, sources=HOSTS))
    assert _run(enforcing.main, tmp_path, url).returncode == 0
    ours = [rule for rule in state.rules if str(rule["comment"]).startswith("netprobe-")]
    assert [rule["comment"] for rule in ours] == [
        "netprobe-allow-443",
        "netprobe-deny-tcp",
        "netprobe-deny-udp",
        "netprobe-like",
    ]
    assert [rule for rule in state.rules if rule not in (*ours, state.rules[3])] == [SITE[0], SITE[2]]
    session = Session(client=INSIDE[0], protocol="tcp", port=443, name="evil.example.com")
    assert verdict(list(_rules(state.rules[:3])), session) is False
    before = json.loads((tmp_path / "netprobe-before.json").read_text())
    state.put(json.dumps(before).encode())
    assert [rule["comment"] for rule in state.rules[:2]] == ["handoff-allow-443", "netprobe-allow-443"]


@pytest.mark.engine
def test_a_network_that_is_not_there_changes_nothing(cloud: tuple[Cloud, str], tmp_path: Path) -> None:
    need.engine("jq")
    state, url = cloud
    done = _run(_made(Policy()).main, tmp_path, url, network="L_2")
    assert done.returncode != 0
    assert "404" in done.stderr
    assert state.requests == ["GET"]
    assert state.rules == SITE
