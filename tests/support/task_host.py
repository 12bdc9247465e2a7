"""A host with docker0, a container behind it and a server beyond, in namespaces; what dockerd and ecs-init do there.

A listener stands in the place of the ECS agent. :class:`TaskHost` asks as a task and as the host's agents would, and
judges the kernel's listings.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from netprobe.findings import Outcome
from tests.support import need, rootfs
from tests.support.answering import answering, is_answered, opens
from tests.support.netns import Namespace, Topology

SERVER = "198.18.0.2"
AGENTS, CREDENTIALS, TRAFFIC = "local_firewall_blocks", "task_credentials_blocked", "task_traffic_blocked"
DOCKER = (  # as dockerd 20.10 leaves them, the last one first
    "-w -I FORWARD -i docker0 -o docker0 -j ACCEPT",
    "-w -I FORWARD -i docker0 ! -o docker0 -j ACCEPT",
    "-w -I FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-w -I FORWARD -j DOCKER-USER",
    "-w -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
)
ECS_INIT = (
    "-w -t nat -A PREROUTING -p tcp -d 169.254.170.2 --dport 80 -j DNAT --to-destination 127.0.0.1:51679",
    "-w -I INPUT --dst 127.0.0.0/8 ! --src 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
)


_FIREWALLD = """
import sys
import firewall.config
firewall.config.set_system_config_paths(sys.argv[1])
from firewall.core.fw import Firewall
Firewall().start()
"""
"""What firewalld does when it starts, without its D-Bus: read the folder, and load it."""


def load_firewalld(space: Namespace, folder: Path, files: Mapping[str, str]) -> None:
    """Write a folder as /etc/firewalld and let the real firewalld load it in a namespace."""
    for name, text in files.items():
        rootfs.plant(folder, name, text)
    done = space.run("/usr/bin/python3", "-c", _FIREWALLD, str(folder))
    assert "ERROR" not in done.stdout + done.stderr, done.stderr


@dataclass
class TaskHost:
    """A host with Docker's bridge, a container and a server beyond."""

    net: Topology
    container: Namespace

    @property
    def space(self) -> Namespace:
        return self.net.client

    def start_docker(self, *, writes_filter: bool = True) -> None:
        """Do to the filter what dockerd and ecs-init do when they start."""
        self.space.run("iptables", "-w", "-N", "DOCKER-USER", check=False)
        for line in (*DOCKER, *ECS_INIT):
            if writes_filter or "-t nat" in line or line in ECS_INIT:
                self.space.run("iptables", *line.split())

    def clean(self) -> None:
        self.space.nft("flush ruleset")
        for table in ("filter", "raw", "mangle"):
            self.space.run("iptables-legacy", "-t", table, "-F", check=False)
        self.space.run("iptables-legacy", "-P", "FORWARD", "ACCEPT", check=False)
        self.space.run("iptables-legacy", "-P", "INPUT", "ACCEPT", check=False)

    def credentials(self) -> bool:
        """Whether a task reaches the agent."""
        return opens(self.container, "169.254.170.2", 80)

    def traffic(self) -> bool:
        """Whether a task reaches the server and is answered by its DNS."""
        return opens(self.container, SERVER) and is_answered(self.container, SERVER)

    def agents(self) -> bool:
        """Whether the host's own programs do."""
        return opens(self.space, SERVER) and is_answered(self.space, SERVER)

    def of_kernel(self, folder: Path, rules: Sequence[str] = (CREDENTIALS, TRAFFIC)) -> dict[str, Outcome]:
        """The judgements of the running host, from what its kernel lists."""
        shown = {
            "nft": self.space.run("nft", "list", "ruleset").stdout,
            "iptables-save": self.space.run("iptables-save").stdout,
            "iptables-legacy-save": self.space.run("iptables-legacy-save", check=False).stdout,
        }
        routes = self.space.run("cat", "/proc/net/route").stdout
        mtu = {f"sys/class/net/{name}/mtu": "1500\n" for name in ("docker0", "eth0")}
        root = rootfs.make(folder / "live", {"proc/net/route": routes, **mtu})
        found = rootfs.judged(root, rootfs.live(firewall=shown), only=rules)
        return {rule: found[rule].judgement.outcome for rule in rules}


@pytest.fixture(scope="module")
def host() -> Iterator[TaskHost]:
    need.root()
    need.engine("nft")
    need.engine("iptables-restore")
    with Topology(routers=0) as net:
        container = Namespace(net.client.name.replace("-client", "-box"))
        subprocess.run(["ip", "netns", "add", container.name], check=True, timeout=20)
        try:
            _wire(net.client, container)
            with _listening(net):
                yield TaskHost(net, container)
        finally:
            container.delete()


def _wire(host: Namespace, container: Namespace) -> None:
    host.ip("link", "add", "docker0", "type", "bridge")
    host.ip("addr", "add", "172.17.0.1/16", "dev", "docker0")
    host.ip("link", "add", "veth0", "type", "veth", "peer", "name", "eth0", "netns", container.name)
    host.ip("link", "set", "veth0", "master", "docker0")
    for name in ("veth0", "docker0"):
        host.ip("link", "set", name, "up")
    container.ip("addr", "add", "172.17.0.2/16", "dev", "eth0")
    container.ip("link", "set", "eth0", "up")
    container.ip("route", "add", "default", "via", "172.17.0.1")
    host.configure({"net/ipv4/conf/all/route_localnet": "1", "net/ipv4/ip_forward": "1"})


@contextlib.contextmanager
def _listening(net: Topology) -> Iterator[None]:
    """The world outside, and the agent's port for credentials on the host."""
    with net.client.entered():
        agent = socket.create_server(("127.0.0.1", 51679), backlog=128)
    with agent, answering(net.server):
        yield
