"""What we say of tasks behind a firewall is what happens to their packets: a bridge, a container, real rules.

A host's namespace gets docker0 and a container behind it, the rules that dockerd and ecs-init make, and a listener in
the place of the ECS agent. Every ruleset is loaded as it would be at boot, before Docker; then the container asks
169.254.170.2 and the server. What we said of the file, and what we say of the kernel's listing, must agree with that.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from netprobe.findings import Outcome
from tests.support import need, rootfs
from tests.support.task_host import CREDENTIALS, TRAFFIC, TaskHost

pytestmark = [pytest.mark.root, pytest.mark.engine]
PASS, WARN, FAIL, NOT_RUN = Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.NOT_RUN


def saved(*lines: str) -> str:
    return "\n".join(("*filter", *lines, "COMMIT", ""))


def of_table(name: str, chain: str, *lines: str) -> str:
    return "\n".join((f"*{name}", f":{chain} ACCEPT [0:0]", *lines, "COMMIT", ""))


ESTABLISHED = "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
HARDENED = (":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -s 127.0.0.0/8 -j DROP", "-A INPUT -p tcp -m state --state ESTABLISHED -j ACCEPT",
            "-A INPUT -p udp -m state --state ESTABLISHED -j ACCEPT",
            "-A INPUT -p tcp -m tcp --dport 22 -m state --state NEW -j ACCEPT")  # fmt: skip
OPEN = (":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]")
NO_FORWARD = (":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]")
IPTABLES = {
    "open": (saved(*OPEN), PASS, PASS),
    "hardened": (saved(*HARDENED), FAIL, NOT_RUN),
    "hardened with the port": (saved(*HARDENED, "-A INPUT -i docker0 -p tcp --dport 51679 -j ACCEPT"), PASS, NOT_RUN),
    "hardened with the bridge": (saved(*HARDENED, "-A INPUT -i docker+ -j ACCEPT"), PASS, NOT_RUN),
    "hardened with the containers' network": (saved(*HARDENED, "-A INPUT -s 172.16.0.0/12 -j ACCEPT"), PASS, NOT_RUN),
    "hardened with another network": (saved(*HARDENED, "-A INPUT -s 10.0.0.0/8 -j ACCEPT"), FAIL, NOT_RUN),
    "the port by another way in": (saved(*HARDENED, "-A INPUT -i eth0 -p tcp --dport 51679 -j ACCEPT"), FAIL, NOT_RUN),
    "port 80 is not the port": (saved(*HARDENED, "-A INPUT -i docker0 -p tcp --dport 80 -j ACCEPT"), FAIL, NOT_RUN),
    "changed connections": (saved(*HARDENED, "-A INPUT -m conntrack --ctstate DNAT -j ACCEPT"), PASS, NOT_RUN),
    "for this host": (saved(*HARDENED, "-A INPUT -p tcp -m addrtype --dst-type LOCAL -j ACCEPT"), PASS, NOT_RUN),
    "only forwarding is closed": (saved(*NO_FORWARD), PASS, NOT_RUN),
    "only the SSH port is dropped": (saved(*OPEN, "-A INPUT -p tcp --dport 22 -j DROP"), PASS, PASS),
    "syn packets are dropped": (saved(*OPEN, "-A INPUT -p tcp --tcp-flags SYN,ACK SYN -j DROP"), FAIL, PASS),
    "answers are dropped": (saved(*OPEN, "-A OUTPUT -s 127.0.0.0/8 ! -o lo -j DROP"), FAIL, PASS),
    "users drop 443": (saved(*OPEN, ":DOCKER-USER - [0:0]", "-A DOCKER-USER -p tcp --dport 443 -j DROP"), PASS, FAIL),
    "users drop the rest": (saved(*OPEN, ":DOCKER-USER - [0:0]", "-A DOCKER-USER -i eth0 -j DROP",
                                  "-A DOCKER-USER -j RETURN"), PASS, FAIL),
    "users drop strangers": (saved(*OPEN, ":DOCKER-USER - [0:0]",
                                   "-A DOCKER-USER -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
                                   "-A DOCKER-USER -i eth0 ! -s 10.0.0.0/8 -j DROP"), PASS, PASS),
    "raw drops what asks for credentials": (saved(*OPEN) + of_table("raw", "PREROUTING",
        "-A PREROUTING -i docker0 -d 169.254.170.2/32 -p tcp --dport 80 -j DROP"), FAIL, PASS),
    "raw drops another port": (saved(*OPEN) + of_table("raw", "PREROUTING",
        "-A PREROUTING -i docker0 -p tcp --dport 51679 -j DROP"), PASS, PASS),
    "raw drops link-local": (saved(*OPEN) + of_table("raw", "PREROUTING",
        "-A PREROUTING -d 169.254.0.0/16 -j DROP"), FAIL, PASS),
    "mangle drops what is forwarded": (saved(*OPEN) + of_table("mangle", "FORWARD",
        "-A FORWARD -i docker0 -p tcp --dport 443 -j DROP"), PASS, FAIL),
    "mangle drops at the end": (saved(*OPEN) + of_table("mangle", "POSTROUTING",
        "-A POSTROUTING -o docker0 -p tcp --sport 443 -j DROP"), PASS, FAIL),
    "mangle drops invalid ones": (saved(*OPEN) + of_table("mangle", "PREROUTING",
        "-A PREROUTING -m conntrack --ctstate INVALID -j DROP"), PASS, PASS),
    "users return": (saved(*NO_FORWARD, ":DOCKER-USER - [0:0]", "-A DOCKER-USER -j RETURN"), PASS, NOT_RUN),
}  # fmt: skip
UNDECIDED = {"users drop the rest"}
"""The file does not say which interface leads out, so it is passed over there; of a running host that is known."""


def base(hook: str, policy: str, rules: str = "") -> str:
    return f" chain {hook} {{\n  type filter hook {hook} priority 0; policy {policy};\n{rules} }}\n"


def closed(hook: str, *rules: str) -> str:
    """A table with one chain that drops the rest."""
    return table(base(hook, "drop", "".join(f"  {rule}\n" for rule in rules)))


def table(*chains: str, name: str = "inet filter") -> str:
    return f"table {name} {{\n{''.join(chains)}}}\n"


def early(hook: str, priority: int, rules: str) -> str:
    return base(hook, "accept", rules).replace("priority 0", f"priority {priority}")


SETS = """ set bridges { type ifname; elements = { "docker0", "lo" } }
 set agents {
  type inet_service
  flags interval
  elements = { 51670-51679 }
 }
 set ssh { type inet_service; elements = { 22, 2222 } }
 set inside { type ipv4_addr; flags interval; elements = { 10.0.0.0/8,
   172.16.0.0/12 } }
"""


def with_sets(chain: str) -> str:
    return table(SETS, chain)


STATES = "ct state vmap { established : accept, related : accept, invalid : drop }"
INSIDE = 'iifname "docker0"'
OPEN_TABLE = table(base("input", "accept"), base("forward", "accept"), base("output", "accept"))
OWN_TABLE = table(base("FORWARD", "drop").replace("hook FORWARD", "hook forward"), name="ip filter")
NFTABLES = {
    "Debian's own": (OPEN_TABLE, PASS, PASS),
    "input closed": (closed("input", STATES, "iif lo accept", "tcp dport 22 accept"), FAIL, PASS),
    "input open for the port": (closed("input", STATES, f"{INSIDE} tcp dport 51679 accept"), PASS, PASS),
    "input open for bridges": (closed("input", STATES, 'iifname { "lo", "docker*" } accept'), PASS, PASS),
    "input open by map": (closed("input", STATES, 'iifname vmap { "lo" : accept, "docker0" : accept }'), PASS, PASS),
    "input open for changed": (closed("input", STATES, "ct status dnat accept"), PASS, PASS),
    "input open for containers": (closed("input", STATES, "ip saddr 172.17.0.0/16 accept"), PASS, PASS),
    "forward closed": (closed("forward"), PASS, FAIL),
    "forward closed but answers": (closed("forward", STATES), PASS, FAIL),
    "forward open for containers": (closed("forward", STATES, f"{INSIDE} accept"), PASS, PASS),
    "forward open for 443 alone": (closed("forward", STATES, f"{INSIDE} tcp dport 443 accept"), PASS, FAIL),
    "forward open without answers": (closed("forward", f"{INSIDE} accept"), PASS, FAIL),
    "not from elsewhere": (table(base("forward", "accept", '  iifname != "docker0" ct state new drop\n')), PASS, PASS),
    "named sets": (with_sets(base("input", "drop", f"  {STATES}\n  iifname @bridges tcp dport @agents accept\n")),
                   PASS, PASS),
    "named sets of others": (with_sets(base("input", "drop", f"  {STATES}\n  tcp dport @ssh accept\n")), FAIL, PASS),
    "a named set says what not": (with_sets(base("forward", "accept", "  tcp dport != @ssh ct state new drop\n")),
                                  PASS, FAIL),
    "a named set of networks": (with_sets(base("input", "drop", f"  {STATES}\n  ip saddr @inside accept\n")), PASS,
                                PASS),
    "before routing": (table(early("prerouting", -300, '  iifname "docker0" tcp dport 80 drop\n')), FAIL, PASS),
    "before routing, behind the change": (table(early("prerouting", -300, "  tcp dport 51679 drop\n")), PASS, PASS),
    "after routing": (table(early("postrouting", -150, '  oifname "docker0" udp sport 53 drop\n')), PASS, FAIL),
    "in iptables' own table": (OWN_TABLE, PASS, NOT_RUN),
}  # fmt: skip


def as_file(folder: Path, path: str, unit: str, text: str, **more: str) -> dict[str, Outcome]:
    files: dict[str, str | bytes] = {
        path: text,
        f"etc/systemd/system/multi-user.target.wants/{unit}": f"->/lib/systemd/system/{unit}",
        **{name.replace("__", "/"): content for name, content in more.items()},
    }
    found = rootfs.judged(rootfs.make(folder / "image", files))
    return {rule: found[rule].judgement.outcome for rule in (CREDENTIALS, TRAFFIC)}


def holds(outcome: Outcome, works: bool) -> bool:
    """Whether a judgement may stand beside what the packets did; what was not judged claims nothing of a success."""
    return outcome is FAIL if not works else outcome in (PASS, NOT_RUN)


@pytest.mark.parametrize("name", IPTABLES)
@pytest.mark.parametrize("variant", ["nft", "legacy"])
def test_iptables(name: str, variant: str, host: TaskHost, tmp_path: Path) -> None:
    text, credentials, traffic = IPTABLES[name]
    if variant == "legacy":
        _needs_legacy(host)
    try:
        host.space.run(f"iptables-{variant}-restore", input=text)
        host.start_docker()
        works = {CREDENTIALS: host.credentials(), TRAFFIC: host.traffic()}
        said = as_file(tmp_path, "etc/iptables/rules.v4", "netfilter-persistent.service", text)
        if name in UNDECIDED:
            assert said == {CREDENTIALS: PASS, TRAFFIC: PASS}
        elif variant == "nft":
            assert said == {CREDENTIALS: credentials, TRAFFIC: traffic}
            assert all(holds(said[rule], works[rule]) for rule in works), (works, said)
        kernel = host.of_kernel(tmp_path)
        assert kernel == {rule: PASS if works[rule] else FAIL for rule in works}
    finally:
        host.clean()


def _needs_legacy(host: TaskHost) -> None:
    if host.space.run("iptables-legacy", "-L", "-n", check=False).returncode != 0:
        pytest.skip("this kernel has no iptables of the old kind")


@pytest.mark.parametrize("name", NFTABLES)
def test_nftables(name: str, host: TaskHost, tmp_path: Path) -> None:
    text, credentials, traffic = NFTABLES[name]
    try:
        host.space.nft(text)
        host.start_docker()
        works = {CREDENTIALS: host.credentials(), TRAFFIC: host.traffic()}
        said = as_file(tmp_path, "etc/nftables.conf", "nftables.service", text)
        assert said == {CREDENTIALS: credentials, TRAFFIC: traffic}
        assert all(holds(said[rule], works[rule]) for rule in works), (works, said)
        assert host.of_kernel(tmp_path) == {rule: PASS if works[rule] else FAIL for rule in works}
    finally:
        host.clean()


@pytest.mark.parametrize(
    ("text", "works"),
    [
        (saved(":FORWARD DROP [0:0]"), False),
        (saved(":FORWARD DROP [0:0]", "-A FORWARD -i docker0 -j ACCEPT", "-A FORWARD -o docker0 -j ACCEPT"), True),
    ],
)
def test_docker_that_writes_no_rules_of_its_own(text: str, works: bool, host: TaskHost, tmp_path: Path) -> None:
    try:
        host.space.run("iptables-restore", input=text)
        host.start_docker(writes_filter=False)
        assert host.traffic() is works
        said = as_file(tmp_path, "etc/iptables/rules.v4", "netfilter-persistent.service", text,
                       etc__docker__daemon_json="{}")  # fmt: skip
        rootfs.plant(tmp_path / "image", "etc/docker/daemon.json", '{"iptables": false}')
        said = {rule: one.judgement.outcome for rule, one in rootfs.judged(tmp_path / "image").items()}
        assert said[TRAFFIC] is (PASS if works else FAIL)
    finally:
        host.clean()


UFW_CASES: dict[str, tuple[tuple[str, ...], Outcome, Outcome]] = {
    "as it comes": ((), FAIL, NOT_RUN),
    "SSH alone": (("ufw allow 22/tcp",), FAIL, NOT_RUN),
    "the port from docker0": (("ufw allow in on docker0 to any port 51679 proto tcp",), PASS, NOT_RUN),
    "all from docker0": (("ufw allow in on docker0",), PASS, NOT_RUN),
    "the containers' network": (("ufw allow from 172.17.0.0/16",), PASS, NOT_RUN),
    "another network": (("ufw allow from 10.0.0.0/8 to any port 51679",), FAIL, NOT_RUN),
    "all that comes in": (("ufw default allow incoming",), PASS, NOT_RUN),
    "nothing out": (("ufw default deny outgoing",), FAIL, NOT_RUN),
    "forwarding too": (("ufw default allow routed", "ufw default allow incoming"), PASS, PASS),
}


@pytest.mark.parametrize("name", UFW_CASES)
def test_ufw(name: str, host: TaskHost, tmp_path: Path) -> None:
    need.engine("ufw")
    commands, credentials, traffic = UFW_CASES[name]
    shutil.copytree("/etc/ufw", tmp_path / "ufw")
    for file in ("user.rules", "user6.rules"):
        shutil.copy(f"/usr/share/ufw/{file}", tmp_path / "ufw" / file)
    (tmp_path / "ufw/sysctl.conf").write_text("")
    shutil.copy("/etc/default/ufw", tmp_path / "default")
    private = (
        f"mount --bind {tmp_path}/ufw /etc/ufw && mount --bind {tmp_path}/default /etc/default/ufw && "
        "mount -t tmpfs tmpfs /run && " + " && ".join((*commands, "ufw --force enable"))
    )
    try:
        host.space.run("unshare", "--mount", "sh", "-c", private, timeout=60)
        host.start_docker()
        works = {CREDENTIALS: host.credentials(), TRAFFIC: host.traffic()}
        root = rootfs.make(tmp_path / "image", {"etc/default/ufw": (tmp_path / "default").read_text()})
        shutil.copytree(tmp_path / "ufw", root / "etc/ufw")
        found = rootfs.judged(root)
        said = {rule: found[rule].judgement.outcome for rule in (CREDENTIALS, TRAFFIC)}
        assert said == {CREDENTIALS: credentials, TRAFFIC: traffic}
        assert all(holds(said[rule], works[rule]) for rule in works), (works, said)
        assert host.of_kernel(tmp_path) == {rule: PASS if works[rule] else FAIL for rule in works}
    finally:
        host.clean()
