"""What we say of a filter over IPv6 is what happens to packets: nft, ip6tables, ufw and firewalld, in a namespace.

The host has IPv6 alone; before each try the neighbours are forgotten, as they are after some seconds on any network.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from netprobe.findings import Outcome
from tests.support import need, rootfs
from tests.support.answering import answering, is_answered, opens
from tests.support.netns import Namespace, Topology
from tests.support.task_host import load_firewalld

PASS, WARN, FAIL, NOT_APPLICABLE = Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.NOT_APPLICABLE
RULE = "local_firewall_blocks_ipv6"
SERVER = "2001:db8:0:0::2"
ALONE = {"etc/ecs/ecs.config": "ECS_INSTANCE_IP_COMPATIBILITY=ipv6\n"}
ENABLED = "etc/systemd/system/multi-user.target.wants/{}"


def nft(hook: str, policy: str, *rules: str, table: str = "inet filter") -> str:
    lines = "".join(f"  {rule}\n" for rule in rules)
    return (
        f"table {table} {{\n chain {hook} {{\n  type filter hook {hook} priority 0; policy {policy};\n{lines} }}\n}}\n"
    )


STATES = "ct state established,related accept"
DISCOVERY = "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept"
OUT = ("tcp dport 443 accept", "udp dport 53 accept")
NFTABLES = {
    "open": (nft("output", "accept"), True),
    "ip alone": (nft("output", "drop", table="ip filter"), True),
    "ip6 closed": (nft("output", "drop", table="ip6 filter"), False),
    "without discovery": (nft("output", "drop", STATES, *OUT), False),
    "with discovery": (nft("output", "drop", STATES, DISCOVERY, *OUT), True),
    "all of ICMPv6": (nft("output", "drop", STATES, "meta l4proto ipv6-icmp accept", *OUT), True),
    "by the next header": (nft("output", "drop", STATES, "ip6 nexthdr icmpv6 accept", *OUT), True),
    "by number and hops": (nft("output", "drop", STATES, "ip6 hoplimit 255 icmpv6 type { 135, 136 } accept", *OUT),
        True),
    "ICMP of IPv4": (nft("output", "drop", STATES, "icmp type echo-request accept", "ip protocol icmp accept", *OUT),
        False),
    "untracked": (nft("output", "drop", "ct state untracked accept", "ct state established accept", *OUT), True),
    "answers without discovery": (nft("input", "drop", STATES), False),
    "answers with discovery": (nft("input", "drop", STATES, DISCOVERY), True),
    "questions alone": (nft("input", "drop", STATES, "icmpv6 type nd-neighbor-solicit accept"), False),
    "invalid ones": (nft("input", "accept", "ct state invalid drop"), True),
    "443 refused": (nft("output", "accept", "meta nfproto ipv6 tcp dport 443 reject"), False),
    "to addresses of IPv4": (nft("output", "drop", STATES, DISCOVERY, "ip daddr 0.0.0.0/0 accept"), False),
    "to all of IPv6": (nft("output", "drop", STATES, DISCOVERY, "ip6 daddr ::/0 accept"), True),
}  # fmt: skip


def saved(*lines: str) -> str:
    return "\n".join(("*filter", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", *lines, "COMMIT", ""))


ASKS = ("-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A OUTPUT -p tcp --dport 443 -j ACCEPT",
        "-A OUTPUT -p udp --dport 53 -j ACCEPT")  # fmt: skip
IP6TABLES = {
    "open": (saved(":OUTPUT ACCEPT [0:0]"), True),
    "closed": (saved(":OUTPUT DROP [0:0]"), False),
    "without discovery": (saved(":OUTPUT DROP [0:0]", *ASKS), False),
    "with ICMPv6": (saved(":OUTPUT DROP [0:0]", "-A OUTPUT -p ipv6-icmp -j ACCEPT", *ASKS), True),
    "with discovery": (saved(":OUTPUT DROP [0:0]",
        "-A OUTPUT -p icmpv6 --icmpv6-type neighbour-solicitation -m hl --hl-eq 255 -j ACCEPT",
        "-A OUTPUT -p icmpv6 --icmpv6-type 136/0 -j ACCEPT", *ASKS), True),
    "with the wrong type": (saved(":OUTPUT DROP [0:0]", "-A OUTPUT -p icmpv6 --icmpv6-type echo-request -j ACCEPT",
        *ASKS), False),
    "answers closed": (saved(":OUTPUT ACCEPT [0:0]", "-A INPUT -m state --state ESTABLISHED -j ACCEPT",
        "-A INPUT -j DROP"), False),
    "link-local neighbours": (saved(":OUTPUT ACCEPT [0:0]", "-A INPUT -m state --state ESTABLISHED -j ACCEPT",
        "-A INPUT -p icmpv6 -j ACCEPT", "-A INPUT -s ::/0 -j REJECT"), True),
}  # fmt: skip


@pytest.fixture(scope="module")
def net() -> Iterator[Topology]:
    need.root()
    need.engine("nft")
    with Topology(routers=0) as topology, answering(topology.server, socket.AF_INET6):
        yield topology


def reaches(net: Topology) -> bool:
    for space, other in ((net.client, net.server), (net.server, net.client)):
        space.run("ip", "-6", "neigh", "del", other.v6, "dev", "eth0", check=False)
        space.run("ip", "-6", "neigh", "flush", "dev", "eth0", check=False)
    return opens(net.client, SERVER) and is_answered(net.client, SERVER)


def of_files(folder: Path, files: Mapping[str, str | bytes]) -> Outcome:
    return rootfs.judged(rootfs.make(folder / "image", files), only={RULE})[RULE].judgement.outcome


def of_kernel(folder: Path, space: Namespace) -> Outcome:
    shown = {
        "nft": space.run("nft", "list", "ruleset").stdout,
        "ip6tables-save": space.run("ip6tables-save").stdout,
    }
    table = space.run("cat", "/proc/net/ipv6_route").stdout
    files = {**ALONE, "proc/net/ipv6_route": table, "proc/net/route": "Iface\tDestination\n"}
    root = rootfs.make(folder / "live", files)
    return rootfs.judged(root, rootfs.live(firewall=shown), only={RULE})[RULE].judgement.outcome


@pytest.mark.root
@pytest.mark.engine
@pytest.mark.parametrize("name", NFTABLES)
def test_nftables(name: str, net: Topology, tmp_path: Path) -> None:
    text, works = NFTABLES[name]
    net.client.nft(text)
    try:
        assert reaches(net) is works
        files = {"etc/nftables.conf": text, ENABLED.format("nftables.service"): "->x", **ALONE}
        assert of_files(tmp_path, files) is (PASS if works else FAIL)
        assert of_kernel(tmp_path, net.client) is (PASS if works else FAIL)
    finally:
        net.client.nft("flush ruleset")


@pytest.mark.root
@pytest.mark.engine
@pytest.mark.parametrize("name", IP6TABLES)
def test_ip6tables(name: str, net: Topology, tmp_path: Path) -> None:
    need.engine("ip6tables-restore")
    text, works = IP6TABLES[name]
    net.client.run("ip6tables-restore", input=text)
    try:
        assert reaches(net) is works
        files = {"etc/iptables/rules.v6": text, ENABLED.format("netfilter-persistent.service"): "->x", **ALONE}
        assert of_files(tmp_path, files) is (PASS if works else FAIL)
        assert of_kernel(tmp_path, net.client) is (PASS if works else FAIL)
    finally:
        net.client.nft("flush ruleset")


@pytest.mark.root
@pytest.mark.engine
@pytest.mark.parametrize(
    ("change", "commands", "works"),
    [
        (("IPV6=yes", "IPV6=yes"), (), True),
        (("IPV6=yes", "IPV6=no"), (), False),
        (("IPV6=yes", "IPV6=yes"), ("ufw default deny outgoing",), False),
        (("IPV6=yes", "IPV6=yes"), ("ufw default deny outgoing", "ufw allow out 443/tcp", "ufw allow out 53"), True),
        (("IPV6=yes", "IPV6=yes"), ("ufw default deny outgoing", "ufw allow out to 0.0.0.0/0 port 443 proto tcp",
                                    "ufw allow out 53"), False),
    ],
)  # fmt: skip
def test_ufw(net: Topology, tmp_path: Path, change: tuple[str, str], commands: tuple[str, ...], works: bool) -> None:
    need.engine("ufw")
    shutil.copytree("/etc/ufw", tmp_path / "ufw")
    for file in ("user.rules", "user6.rules"):
        shutil.copy(f"/usr/share/ufw/{file}", tmp_path / "ufw" / file)
    (tmp_path / "ufw/sysctl.conf").write_text("")
    (tmp_path / "default").write_text(Path("/etc/default/ufw").read_text().replace(*change))
    private = (
        f"mount --bind {tmp_path}/ufw /etc/ufw && mount --bind {tmp_path}/default /etc/default/ufw && "
        "mount -t tmpfs tmpfs /run && " + " && ".join((*commands, "ufw --force enable"))
    )
    try:
        net.client.run("unshare", "--mount", "sh", "-c", private, timeout=60)
        assert reaches(net) is works
        root = rootfs.make(tmp_path / "image", {"etc/default/ufw": (tmp_path / "default").read_text(), **ALONE})
        shutil.copytree(tmp_path / "ufw", root / "etc/ufw")
        assert rootfs.judged(root, only={RULE})[RULE].judgement.outcome is (PASS if works else FAIL)
        assert of_kernel(tmp_path, net.client) is (PASS if works else FAIL)
    finally:
        net.client.nft("flush ruleset")


OUTWARDS = '<policy target="{}"><ingress-zone name="HOST"/><egress-zone name="ANY"/>{}</policy>'
SERVICES = '<service name="https"/><service name="dns"/>'
FIREWALLD: dict[str, tuple[dict[str, str], bool]] = {
    "as it comes": ({}, True),
    "the default zone drops": ({"firewalld.conf": "DefaultZone=drop\n"}, True),
    "nothing out": ({"policies/out.xml": OUTWARDS.format("DROP", "")}, False),
    "services out, no discovery": ({"policies/out.xml": OUTWARDS.format("REJECT", SERVICES)}, False),
    "services and ICMPv6 out": ({"policies/out.xml": OUTWARDS.format(
        "REJECT", f'{SERVICES}<protocol value="ipv6-icmp"/>')}, True),
    "denied to IPv6": ({"policies/out.xml": OUTWARDS.format(
        "CONTINUE", '<rule family="ipv6"><port port="443" protocol="tcp"/><drop/></rule>')}, False),
    "denied to IPv4": ({"policies/out.xml": OUTWARDS.format(
        "CONTINUE", '<rule family="ipv4"><port port="443" protocol="tcp"/><drop/></rule>')}, True),
    "direct": ({"direct.xml": '<direct><rule ipv="ipv6" table="filter" chain="OUTPUT" priority="0">'
        "-p tcp --dport 443 -j DROP</rule></direct>"}, False),
}  # fmt: skip


@pytest.mark.root
@pytest.mark.engine
@pytest.mark.parametrize("name", FIREWALLD)
def test_firewalld(name: str, net: Topology, tmp_path: Path) -> None:
    need.engine("firewall-offline-cmd")
    files, works = FIREWALLD[name]
    try:
        load_firewalld(net.client, tmp_path / "etc", {"firewalld.conf": "DefaultZone=public\n", **files})
        assert reaches(net) is works
        shipped = {
            f"usr/lib/firewalld/{kind}/{path.name}": path.read_bytes()
            for kind in ("zones", "policies")
            for path in Path(f"/usr/lib/firewalld/{kind}").glob("*.xml")
        }
        own = {f"etc/firewalld/{path}": text for path, text in files.items()}
        image: dict[str, str | bytes] = {**shipped, **own, ENABLED.format("firewalld.service"): "->x", **ALONE}
        assert of_files(tmp_path, image) is (PASS if works else FAIL)
        assert of_kernel(tmp_path, net.client) is (PASS if works else FAIL)
    finally:
        net.client.nft("flush ruleset")


CLOSED: dict[str, str | bytes] = {
    "etc/nftables.conf": nft("output", "drop", table="ip6 filter"),
    ENABLED.format("nftables.service"): "->x",
}
AGENT_PROXY = "etc/ecs/ecs.config", "HTTPS_PROXY=http://{}:3128\n"


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({}, PASS),
        (ALONE, FAIL),
        ({"etc/resolv.conf": "nameserver 2001:db8::53\n"}, FAIL),
        ({"etc/resolv.conf": "nameserver 2001:db8::53\nnameserver 192.0.2.53\n"}, WARN),
        ({"etc/resolv.conf": "nameserver 192.0.2.53\n"}, PASS),
        ({"etc/resolv.conf": "nameserver ::1\n"}, PASS),
        ({AGENT_PROXY[0]: AGENT_PROXY[1].format("[2001:db8::80]")}, FAIL),
        ({AGENT_PROXY[0]: AGENT_PROXY[1].format("192.0.2.80")}, PASS),
        ({AGENT_PROXY[0]: AGENT_PROXY[1].format("proxy.example")}, PASS),
    ],
)
def test_a_closed_ipv6_matters_where_there_is_no_other_way(
    tmp_path: Path, more: dict[str, str | bytes], outcome: Outcome
) -> None:
    assert of_files(tmp_path, {**CLOSED, **more}) is outcome


SIX = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 " \
    "00000400 00000001 00000000 00000003 eth0\n"  # fmt: skip
FOUR = "Iface\tDestination\tGateway\tFlags\neth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"


@pytest.mark.parametrize(
    ("routes", "outcome"),
    [
        ({"proc/net/route": FOUR, "proc/net/ipv6_route": ""}, NOT_APPLICABLE),
        ({"proc/net/route": FOUR, "proc/net/ipv6_route": SIX}, PASS),
        ({"proc/net/route": FOUR.splitlines()[0] + "\n", "proc/net/ipv6_route": SIX}, FAIL),
    ],
)
def test_a_running_hosts_routes_tell_whether_it_has_ipv6_alone(
    tmp_path: Path, routes: dict[str, str | bytes], outcome: Outcome
) -> None:
    root = rootfs.make(tmp_path / "live", routes)
    live = rootfs.live(firewall={"nft": nft("output", "drop", table="ip6 filter"), "ip6tables-save": ""})
    assert rootfs.judged(root, live, only={RULE})[RULE].judgement.outcome is outcome
