"""What we say of a ruleset is what the kernel does with it: real nftables and iptables, real packets.

Each ruleset is judged as a file of an image, loaded into a namespace, tried with a TCP connection to port 443 and a
datagram to port 53 that is answered, and judged again from what ``nft list ruleset`` and ``iptables-save`` print.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.findings import Outcome
from netprobe.host.firewall import iptables, nftables, traffic
from netprobe.host.firewall.model import decide
from tests.support import need, rootfs
from tests.support.answering import answering, is_answered, opens
from tests.support.netns import Topology

PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL
SERVER = "198.18.0.2"


def output(rules: str, policy: str = "drop", more: str = "") -> str:
    chain = f" chain output {{\n  type filter hook output priority 0; policy {policy};\n{rules}\n }}\n"
    return f"#!/usr/sbin/nft -f\nflush ruleset\ntable inet filter {{\n{more}{chain}}}\n"


ALLOW = "  ct state established,related accept\n  tcp dport 443 accept\n  udp dport 53 accept\n"
NFTABLES = {
    "accept": (output("", "accept"), PASS),
    "drop": (output(""), FAIL),
    "allowed": (output(ALLOW), PASS),
    "sets": (output("  tcp dport { 80, 443 } accept\n  meta l4proto udp udp dport { 53 } accept\n"), PASS),
    "range": (output("  tcp dport 400-500 counter accept\n  udp dport 53 accept comment \"dns; # really\"\n"), PASS),
    "named": (output("  tcp dport https accept\n  udp dport domain accept\n"), PASS),
    "other port": (output("  tcp dport { 80, 8443 } accept\n  udp dport 53 accept\n"), FAIL),
    "no dns": (output("  tcp dport 443 accept\n"), FAIL),
    "only loopback": (output('  oifname "lo" accept\n  oif lo accept\n'), FAIL),
    "reject": (output("  tcp dport 443 reject with tcp reset\n", "accept"), FAIL),
    "drop later": (output("  tcp dport 443 accept\n  tcp dport 443 drop\n", "accept"), PASS),
    "jump": (output("  jump out\n", more=f" chain out {{\n{ALLOW} }}\n"), PASS),
    "jump and return": (output("  tcp dport 443 jump out\n", "accept", " chain out {\n  return\n }\n"), PASS),
    "goto drop": (output("  tcp dport 443 goto out\n", "accept", " chain out {\n  counter drop\n }\n"), FAIL),
    "answers dropped": (
        "table ip f {\n chain in {\n  type filter hook input priority filter; policy drop;\n }\n}\n", FAIL),
    "answers accepted": (
        "table ip f {\n chain in {\n  type filter hook input priority filter; policy drop;\n"
        "  ct state { established, related } accept\n }\n}\n", PASS),
    "sport": ("table ip f {\n chain in {\n  type filter hook input priority 0; policy drop;\n"
              "  tcp sport 443 accept\n }\n}\n", FAIL),
    "sports": ("table ip f {\n chain in {\n  type filter hook input priority 0; policy drop;\n"
               "  tcp sport 443 accept\n  udp sport 53 accept\n }\n}\n", PASS),
    "verdict map": (output("  ct state vmap { established : accept, related : accept, invalid : drop }\n"
                           "  tcp dport vmap { 443 : accept }\n  udp dport vmap { 53 : accept }\n"), PASS),
    "verdict map drops": (output("  ct state vmap { new : drop, established : accept }\n", "accept"), FAIL),
    "not equal": (output("  tcp dport != 443 drop\n", "accept"), PASS),
    "not equal hit": (output("  tcp dport != 80 drop\n", "accept"), FAIL),
    "to itself": (output("  ip daddr 127.0.0.0/8 accept\n"), FAIL),
    "other family": ("table ip6 f {\n chain out {\n  type filter hook output priority 0; policy drop;\n }\n}\n", PASS),
    "two tables": (output(ALLOW) +
                   "table ip late {\n chain o {\n  type filter hook output priority 10; policy accept;\n"
                   "  tcp dport 443 drop\n }\n}\n", FAIL),
    "one line": ("table inet t { chain o { type filter hook output priority 0; policy drop; tcp dport 443 accept; "
                 "udp dport 53 accept; }; }\n", PASS),
    "only syn marked": (output("  meta mark 7 drop\n", "accept"), PASS),
    "new only": (output("  ct state new tcp dport 443 accept\n  ct state established accept\n  udp dport 53 accept\n"),
                 PASS),
    "invalid dropped": (output(f"  ct state invalid drop\n{ALLOW}"), PASS),
    "another service's answers": (output("  tcp sport 22 accept\n"), FAIL),
    "from the clients' ports": (output("  tcp sport 1024-65535 tcp dport 443 accept\n"
                                       "  udp sport >= 1024 udp dport 53 accept\n"), PASS),
    "log": (output(f'  log prefix "out: " level info\n{ALLOW}'), PASS),
}  # fmt: skip


def saved(*lines: str) -> str:
    return "\n".join(("# Generated", "*filter", *lines, "COMMIT", ""))


OPEN = (":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]")
IPTABLES = {
    "accept": (saved(*OPEN, ":OUTPUT ACCEPT [0:0]"), PASS),
    "drop": (saved(*OPEN, ":OUTPUT DROP [0:0]"), FAIL),
    "allowed": (saved(*OPEN, ":OUTPUT DROP [0:0]",
                      "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                      "-A OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT",
                      "-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT"), PASS),
    "multiport": (saved(*OPEN, ":OUTPUT DROP [0:0]",
                        "-A OUTPUT -p tcp -m multiport --dports 80,400:500 "
                        "-m comment --comment \"a b -j DROP\" -j ACCEPT",
                        "-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT"), PASS),
    "reject at the end": (saved(*OPEN, ":OUTPUT ACCEPT [0:0]",
                                "-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT",
                                "-A OUTPUT -j REJECT --reject-with icmp-port-unreachable"), FAIL),
    "negated": (saved(*OPEN, ":OUTPUT ACCEPT [0:0]", "-A OUTPUT -p tcp -m tcp ! --dport 443 -j DROP"), PASS),
    "negated hit": (saved(*OPEN, ":OUTPUT ACCEPT [0:0]", "-A OUTPUT -p tcp -m tcp ! --dport 80 -j DROP"), FAIL),
    "own chain": (saved(*OPEN, ":OUTPUT DROP [0:0]", ":out - [0:0]", "-A OUTPUT -j out",
                        "-A out -p tcp -m tcp --dport 443 -j ACCEPT",
                        "-A out -p udp -m udp --dport 53 -j ACCEPT", "-A out -j RETURN"), PASS),
    "loopback only": (saved(*OPEN, ":OUTPUT DROP [0:0]", "-A OUTPUT -o lo -j ACCEPT"), FAIL),
    "answers dropped": (saved(":INPUT DROP [0:0]", ":OUTPUT ACCEPT [0:0]"), FAIL),
    "another service's answers": (saved(*OPEN, ":OUTPUT DROP [0:0]", "-A OUTPUT -p tcp --sport 22 -j ACCEPT"), FAIL),
    "from the clients' ports": (saved(*OPEN, ":OUTPUT DROP [0:0]",
                                      "-A OUTPUT -p tcp --sport 1024:65535 --dport 443 -j ACCEPT",
                                      "-A OUTPUT -p udp --sport 1024:65535 --dport 53 -j ACCEPT"), PASS),
    "to the clients' ports": (saved(":INPUT DROP [0:0]", ":OUTPUT ACCEPT [0:0]",
                                    "-A INPUT -p tcp --sport 443 --dport 1024:65535 -j ACCEPT",
                                    "-A INPUT -p udp --sport 53 --dport 1024:65535 -j ACCEPT"), PASS),
    "answers accepted": (saved(":INPUT DROP [0:0]", ":OUTPUT ACCEPT [0:0]",
                               "-A INPUT -m state --state ESTABLISHED -j ACCEPT"), PASS),
}  # fmt: skip


@dataclass
class Net:
    """A client's namespace with a server behind it."""

    net: Topology

    def reaches(self) -> tuple[bool, bool]:
        """Whether a connection to 443 opens, and whether a datagram to 53 is answered."""
        return opens(self.net.client, SERVER, within=0.4), is_answered(self.net.client, SERVER, within=0.4)


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    need.root()
    need.engine("nft")
    need.engine("iptables-restore")
    with Topology(routers=0) as topology, answering(topology.server):
        yield Net(topology)


def as_file(tmp_path: Path, path: str, unit: str, text: str) -> Outcome:
    enabled = f"etc/systemd/system/multi-user.target.wants/{unit}"
    root = rootfs.make(tmp_path / "root", {path: text, enabled: f"->/lib/systemd/system/{unit}"})
    return rootfs.judged(root, only={"local_firewall_blocks"})["local_firewall_blocks"].judgement.outcome


def as_kernel(tmp_path: Path, net: Net) -> Outcome:
    shown = {
        "nft": net.net.client.run("nft", "list", "ruleset").stdout,
        "iptables-save": net.net.client.run("iptables-save").stdout,
    }
    root = rootfs.make(tmp_path / "live", {})
    found = rootfs.judged(root, rootfs.live(firewall=shown), only={"local_firewall_blocks"})
    return found["local_firewall_blocks"].judgement.outcome


@pytest.mark.root
@pytest.mark.engine
@pytest.mark.parametrize("name", NFTABLES)
def test_nftables(name: str, net: Net, tmp_path: Path) -> None:
    text, expected = NFTABLES[name]
    net.net.client.nft("flush ruleset\n" + text)
    try:
        assert all(net.reaches()) is (expected is PASS)
        assert as_file(tmp_path, "etc/nftables.conf", "nftables.service", text) is expected
        assert as_kernel(tmp_path, net) is expected
    finally:
        net.net.client.nft("flush ruleset")


@pytest.mark.root
@pytest.mark.engine
@pytest.mark.parametrize("name", IPTABLES)
def test_iptables(name: str, net: Net, tmp_path: Path) -> None:
    text, expected = IPTABLES[name]
    net.net.client.run("iptables-restore", input=text)
    try:
        assert all(net.reaches()) is (expected is PASS)
        assert as_file(tmp_path, "etc/iptables/rules.v4", "netfilter-persistent.service", text) is expected
        assert as_kernel(tmp_path, net) is expected
    finally:
        net.net.client.nft("flush ruleset")


def test_some_destinations_warn(tmp_path: Path) -> None:
    text = output("  ip daddr 10.0.0.0/8 tcp dport 443 accept\n  udp dport 53 accept\n")
    assert as_file(tmp_path, "etc/nftables.conf", "nftables.service", text) is WARN
    text = IPTABLES["allowed"][0].replace("-A OUTPUT -p tcp", "-A OUTPUT -d 10.0.0.0/8 -p tcp")
    assert as_file(tmp_path, "etc/sysconfig/iptables", "iptables.service", text) is WARN


def test_what_is_not_loaded_blocks_nothing(tmp_path: Path) -> None:
    root = rootfs.make(tmp_path / "r", {"etc/nftables.conf": output(""), "etc/iptables/rules.v4": IPTABLES["drop"][0]})
    one = rootfs.judged(root)["local_firewall_blocks"]
    assert one.judgement.outcome is PASS
    assert "no local firewall is loaded" in one.judgement.title


def test_included_files_are_judged(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "etc/nftables.conf": 'flush ruleset\ninclude "/etc/nftables.d/*.nft"\n',
        "etc/nftables.d/out.nft": NFTABLES["drop"][0].replace("#!/usr/sbin/nft -f\nflush ruleset\n", ""),
        "etc/systemd/system/sysinit.target.wants/nftables.service": "->x",
    }
    one = rootfs.judged(rootfs.make(tmp_path / "r", files))["local_firewall_blocks"]
    assert one.judgement.outcome is FAIL
    assert one.judgement.places[0].line == 2


UFW: dict[str, str | bytes] = {
    "etc/ufw/ufw.conf": "ENABLED=yes\n",
    "etc/ufw/before.rules": "*filter\n-A ufw-before-input -i lo -j ACCEPT\n"
    "-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n",
    "etc/default/ufw": 'DEFAULT_INPUT_POLICY="DROP"\nDEFAULT_OUTPUT_POLICY="DROP"\n',
}
UFW_RULES = "*filter\n:ufw-user-output - [0:0]\n{}\nCOMMIT\n"
UFW_443 = "-A ufw-user-output -p tcp --dport 443 -j ACCEPT"
UFW_53 = "-A ufw-user-output -p udp --dport 53 -j ACCEPT"


@pytest.mark.parametrize(
    ("rules", "change", "expected"),
    [
        ("", {}, FAIL),
        (UFW_443, {}, FAIL),
        (f"{UFW_443}\n{UFW_53}", {}, PASS),
        ("", {"etc/ufw/ufw.conf": "ENABLED=no\n"}, PASS),
        ("", {"etc/default/ufw": 'DEFAULT_OUTPUT_POLICY="ACCEPT"\n'}, PASS),
        (f"-A ufw-user-output -p tcp -d 10.0.0.0/8 --dport 443 -j ACCEPT\n{UFW_53}", {}, WARN),
    ],
)
def test_ufw(tmp_path: Path, rules: str, change: dict[str, str | bytes], expected: Outcome) -> None:
    files = {**UFW, "etc/ufw/user.rules": UFW_RULES.format(rules), **change}
    one = rootfs.judged(rootfs.make(tmp_path / "r", files))["local_firewall_blocks"]
    assert one.judgement.outcome is expected


FIREWALLD: dict[str, str | bytes] = {"etc/systemd/system/multi-user.target.wants/firewalld.service": "->x"}
POLICY = '<policy target="{}"><ingress-zone name="HOST"/><egress-zone name="ANY"/>{}</policy>'
SERVICES = '<service name="https"/><service name="dns"/>'


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("policies/out.xml", POLICY.format("DROP", ""), FAIL),
        ("policies/out.xml", POLICY.format("REJECT", SERVICES), PASS),
        ("policies/out.xml", POLICY.format("ACCEPT", ""), PASS),
        ("policies/out.xml", POLICY.format("DROP", '<port port="443" protocol="tcp"/><service name="dns"/>'), PASS),
        ("policies/out.xml", POLICY.format("DROP", "<rule><accept/></rule>"), PASS),
        ("policies/out.xml", POLICY.format("DROP", '<rule><accept><limit value="9/s"/></accept></rule>'), WARN),
        ("policies/out.xml", "<policy", PASS),
        ("policies/out.xml", '<!DOCTYPE p [<!ENTITY a "b">]>' + POLICY.format("DROP", "&a;"), PASS),
        (
            "direct.xml",
            '<direct><rule ipv="ipv4" table="filter" chain="OUTPUT" priority="0">-j DROP</rule></direct>',
            FAIL,
        ),
        (
            "direct.xml",
            '<direct><rule ipv="ipv6" table="filter" chain="OUTPUT" priority="0">-j DROP</rule></direct>',
            PASS,
        ),
    ],
)
def test_firewalld(tmp_path: Path, file: str, text: str, expected: Outcome) -> None:
    root = rootfs.make(tmp_path / "r", {**FIREWALLD, f"etc/firewalld/{file}": text})
    assert rootfs.judged(root)["local_firewall_blocks"].judgement.outcome is expected


OUT = traffic.of_host()[0].packet


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["table", "inet", "t", "chain", "o", "{", "}", ";", "\n", "type filter hook output priority 0",
                         "policy drop", "tcp", "dport", "443", "accept", "jump o", "goto o", "ct state", "!=", "@s",
                         ",", '"', "#", "include", "set", "\\", "\x00"]),
        max_size=40,
    )
)  # fmt: skip
def test_any_nftables_text_is_decided(words: list[str]) -> None:
    for base in nftables.parse(" ".join(words), "f", OUT):
        assert decide(base.chains, base.name).fate


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["*filter\n", ":OUTPUT DROP", "\n", "-A OUTPUT", "-A x", "-j x", "-j OUTPUT", "-g x", "!",
                         "-p", "tcp", "--dport", "443", "1:99999999999", "-j ACCEPT", '"', "'", "-m", "--comment",
                         "-P OUTPUT"]),
        max_size=40,
    )
)  # fmt: skip
def test_any_iptables_text_is_decided(words: list[str]) -> None:
    lines = list(enumerate(" ".join(words).split("\n"), start=1))
    assert decide(iptables.parse(lines, "f", OUT), "OUTPUT").fate


def test_chains_that_jump_in_circles_end() -> None:
    lines = [(1, ":OUTPUT ACCEPT")] + [(n, f"-A c{n} -j c{m}") for n in range(30) for m in range(30)]
    lines += [(99, "-A OUTPUT -j c0")]
    assert decide(iptables.parse(lines, "f", OUT), "OUTPUT").fate


# --- tasks behind firewalld -------------------------------------------------------------------------------------------

ZONE = "etc/firewalld/zones/{}.xml"
SOURCE = '<zone target="{}"><source address="{}"/>{}</zone>'
STRICT, CONF_STRICT = "etc/firewalld/firewalld.conf", "StrictForwardPorts=yes\n"
OLD = "(firewalld 0.6.3)"
PORT_51679 = '<port port="51679" protocol="tcp"/>'


@pytest.mark.parametrize(
    ("files", "docker", "credentials", "traffic"),
    [
        ({}, "27.3.1", PASS, PASS),
        # What was changed by DNAT passes INPUT in every zone; a zone lets forwarded packets out by its target alone.
        ({}, "19.3.9", PASS, FAIL),
        ({OLD: ""}, "19.3.9", FAIL, FAIL),
        ({STRICT: CONF_STRICT}, "19.3.9", FAIL, FAIL),
        ({STRICT: CONF_STRICT}, "27.3.1", PASS, PASS),
        ({STRICT: CONF_STRICT, ZONE.format("public"): f"<zone>{PORT_51679}</zone>"}, "19.3.9", PASS, FAIL),
        ({"etc/firewalld/firewalld.conf": "DefaultZone=trusted\n",
          "usr/lib/firewalld/zones/trusted.xml": '<zone target="ACCEPT"/>'}, "19.3.9", PASS, PASS),
        ({ZONE.format("containers"): SOURCE.format("DROP", "172.16.0.0/12", "")}, "27.3.1", PASS, FAIL),
        ({ZONE.format("containers"): SOURCE.format("DROP", "172.16.0.0/12", PORT_51679)}, "27.3.1", PASS, FAIL),
        ({ZONE.format("office"): SOURCE.format("DROP", "10.0.0.0/8", "")}, "27.3.1", PASS, PASS),
        ({ZONE.format("docker"): '<zone target="DROP"/>'}, "27.3.1", PASS, FAIL),
        ({"etc/docker/daemon.json": '{"iptables": false}'}, "27.3.1", PASS, FAIL),
        ({"etc/firewalld/policies/out.xml": POLICY.format("DROP", "").replace("HOST", "docker")},
         "27.3.1", PASS, FAIL),
        ({"etc/firewalld/policies/out.xml": POLICY.format("REJECT", SERVICES).replace('"HOST"', '"ANY"')},
         "27.3.1", PASS, PASS),
        ({"etc/firewalld/policies/out.xml": POLICY.format("DROP", "")}, "27.3.1", PASS, PASS),
    ],
)  # fmt: skip
def test_tasks_behind_firewalld(
    tmp_path: Path, files: dict[str, str | bytes], docker: str, credentials: Outcome, traffic: Outcome
) -> None:
    status = f"Package: docker-ce\nStatus: install ok installed\nVersion: 5:{docker}-1\n"
    if OLD in files:
        status += "\nPackage: firewalld\nStatus: install ok installed\nVersion: 0.6.3-5\n"
    root = rootfs.make(tmp_path / "r", {**FIREWALLD, "var/lib/dpkg/status": status, **files})
    found = {rule: one.judgement for rule, one in rootfs.judged(root).items()}
    assert found["task_credentials_blocked"].outcome is credentials, found["task_credentials_blocked"].title
    assert found["task_traffic_blocked"].outcome is traffic, found["task_traffic_blocked"].title


def test_agents_behind_a_proxy_need_its_port_and_no_other(tmp_path: Path) -> None:
    text = output("  tcp dport 3128 accept\n  udp dport 53 accept\n")
    enabled: dict[str, str | bytes] = {
        "etc/nftables.conf": text,
        "etc/systemd/system/multi-user.target.wants/nftables.service": "->x",
    }
    proxied = {**enabled, "etc/ecs/ecs.config": "HTTPS_PROXY=http://proxy.example:3128\n"}
    assert rootfs.judged(rootfs.make(tmp_path / "a", enabled))["local_firewall_blocks"].judgement.outcome is FAIL
    assert rootfs.judged(rootfs.make(tmp_path / "b", proxied))["local_firewall_blocks"].judgement.outcome is PASS
