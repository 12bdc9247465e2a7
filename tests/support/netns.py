"""Real networks for tests: host - router(s) - server, each a network namespace, joined by veth pairs (root).

How to use it::

    from tests.support import need
    from tests.support.netns import Topology

    @pytest.mark.root
    async def test_something() -> None:
        need.root()
        with Topology(routers=2) as net:
            net.routers[0].nft("table inet t { chain f { type filter hook forward priority 0; "
                               "ip daddr 198.19.0.9 drop; }; }")
            with net.server.entered():            # sockets made in here live in the server's namespace ...
                listener = socket.create_server(("198.19.0.9", 443))
            with net.client.entered():            # ... and these in the client's
                ...
            net.client.run("curl", "-sS", "https://198.19.0.9/")       # a program, bounded in time
            net.server.start("dnsmasq", "--keep-in-foreground", ...)   # a daemon, ended with the topology

**Addresses.** Nothing is routed out of the namespaces, and they are the same in every test, since namespaces do not see
each other: tests run side by side under xdist. Link ``i`` (0 is the client's) is 198.18.i.0/24 and 2001:db8:0:i::/64,
``.1``/``::1`` nearer to the client. ``net.client.v4`` is 198.18.0.1; the first router answers at 198.18.0.2. The
server has *every* address of 198.19.0.0/16, 10.99.0.0/16 (for PrivateLink) and 2001:db8:ffff::/48 (a ``local``
route), so any of them can be bound.
Interfaces: ``eth0`` at the two ends, ``left`` (towards the client) and ``right`` on routers.

**Entering.** ``entered()`` moves the calling thread (setns); sockets keep the namespace they were made in, so one trio
loop can serve in one namespace and probe in another. Do not hand work to worker threads while inside: trio reuses
threads that were born outside. ``/sys`` and ``/etc/resolv.conf`` stay those of the machine; for programs use ``run``.

**Path MTU.** Segmentation offload is off on every interface, so that packets on the wire have the size that TCP says.
``Topology(routers=2, mtu={1: 1280})`` makes the link between the two routers narrow: the routers answer large packets
with ICMP "fragmentation needed"; drop that in their output chain to make a path MTU black hole.

**Timing.** Neighbours are entered for good (ARP and neighbour discovery would cost up to a second), ICMP is not
rate-limited, and there is no duplicate address detection: the first packet already goes through.

**Clean-up.** Leaving the context kills every process in the namespaces and deletes them, whatever happened. Names hold
the process id; namespaces whose creator has died are removed when the next topology is made.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import itertools
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

SERVICE_V4 = "198.19.0.0/16"
PRIVATE_V4 = "10.99.0.0/16"
SERVICE_V6 = "2001:db8:ffff::/48"
_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS = 0x8913
_IFF_RUNNING = 0x40
_PREFIX = "npt"
_COUNTER = itertools.count(1)
_LIBC = ctypes.CDLL(None, use_errno=True)
_SETTINGS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/icmp_msgs_per_sec": "100000",
    "net/ipv4/icmp_msgs_burst": "100000",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/all/accept_ra": "0",
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/dad_transmits": "0",
    "net/ipv6/icmp/ratelimit": "0",
    "net/ipv6/ip_nonlocal_bind": "1",  # a local route is enough for IPv4, not for IPv6
}


def _setns(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _LIBC.setns(descriptor, _CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), path)
    finally:
        os.close(descriptor)


def _is_running(asker: socket.socket, interface: str) -> bool:
    """Whether the kernel would send through an interface (netdevice(7), SIOCGIFFLAGS)."""
    answer = fcntl.ioctl(asker, _SIOCGIFFLAGS, struct.pack("16sH14x", interface.encode(), 0))
    return bool(struct.unpack("16sH14x", answer)[1] & _IFF_RUNNING)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=20, capture_output=True, text=True)


def _batch(namespace: str, lines: Sequence[str]) -> None:
    """Run many ``ip`` commands in one process."""
    done = subprocess.run(
        ["ip", "-n", namespace, "-batch", "-"], input="\n".join(lines), timeout=20, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{namespace}: {done.stderr}"


def sweep() -> None:
    """Delete namespaces of this kit whose creator no longer lives."""
    listed = subprocess.run(["ip", "netns", "list"], check=True, timeout=20, capture_output=True, text=True).stdout
    for line in listed.splitlines():
        name = line.split(" ")[0]
        parts = name.split("-")
        if parts[0] == _PREFIX and len(parts) == 4 and not Path(f"/proc/{parts[1]}").exists():
            Namespace(name).delete()


class Namespace:
    """One network namespace: a host, a router or a server."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.v4 = ""
        """Its address towards the client's side (for the client: its own)."""
        self.v6 = ""
        self._started: list[subprocess.Popen[str]] = []

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Move this thread into the namespace and back."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _setns(f"/run/netns/{self.name}")
        try:
            yield
        finally:
            if _LIBC.setns(home, _CLONE_NEWNET) != 0:
                os._exit(70)  # a thread lost in a namespace must not go on
            os.close(home)

    def run(
        self, *argv: str, timeout: float = 20, check: bool = True, input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the namespace to its end."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *argv], timeout=timeout, input=input, capture_output=True, text=True
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{argv} in {self.name} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def start(
        self, *argv: str, ready: Callable[[], bool] | None = None, within: float = 10, log: Path | None = None
    ) -> subprocess.Popen[str]:
        """Start a daemon in the namespace; it is ended with the topology.

        Args:
            argv: the program, which must stay in the foreground.
            ready: polled until it is true.
            within: seconds that it may take.
            log: where its output goes; nowhere by default.
        """
        with open(log or os.devnull, "a", encoding="utf-8") as output:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._started.append(process)
        deadline = time.monotonic() + within
        while ready is not None and not ready():
            text = log.read_text(encoding="utf-8") if log else ""
            assert process.poll() is None, f"{argv} ended with {process.returncode}: {text}"
            assert time.monotonic() < deadline, f"{argv} was not ready within {within} s: {text}"
            time.sleep(0.02)
        return process

    def listens(self, port: int, *, udp: bool = False) -> bool:
        """Whether some program in the namespace listens on a port (for ``ready``)."""
        shown = self.run("ss", "-Hnlu" if udp else "-Hnlt", f"sport = :{port}").stdout
        return bool(shown.strip())

    def nft(self, ruleset: str) -> None:
        """Load nftables rules."""
        self.run("nft", "-f", "-", input=ruleset)

    def ip(self, *arguments: str) -> None:
        """Run ``ip`` for the namespace: routes, links, addresses."""
        _ip("-n", self.name, *arguments)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write ``/proc/sys/net/...`` of the namespace (paths with slashes, from ``net/`` on)."""
        with self.entered():
            for path, value in settings.items():
                Path("/proc/sys", path).write_text(value, encoding="ascii")

    def wait_until_up(self, within: float = 5.0) -> None:
        """Wait until every interface runs: the kernel may tell a carrier late, and drops packets until then."""
        deadline = time.monotonic() + within
        with self.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            names = [name for _, name in socket.if_nameindex() if name in {"lo", "eth0", "left", "right"}]
            while not all(_is_running(asker, name) for name in names):
                assert time.monotonic() < deadline, f"an interface of {self.name} did not come up: {names}"
                time.sleep(0.005)

    def delete(self) -> None:
        """Kill what runs in it and remove it."""
        found = subprocess.run(["ip", "netns", "pids", self.name], timeout=20, capture_output=True, text=True)
        for pid in found.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        for process in self._started:
            process.kill()
            process.wait(timeout=10)
        subprocess.run(["ip", "netns", "del", self.name], timeout=20, capture_output=True, check=False)


class Topology:
    """client - routers - server, up for as long as the context lasts."""

    def __init__(self, *, routers: int = 1, mtu: Mapping[int, int] | None = None, v4: bool = True, v6: bool = True):
        """Describe the network.

        Args:
            routers: how many stand between (0 joins client and server directly).
            mtu: link number → MTU, where it is not 1500.
            v4: whether IPv4 exists at all.
            v6: whether IPv6 exists at all.
        """
        stem = f"{_PREFIX}-{os.getpid()}-{next(_COUNTER)}"
        self.client = Namespace(f"{stem}-client")
        self.routers = tuple(Namespace(f"{stem}-r{index}") for index in range(1, routers + 1))
        self.server = Namespace(f"{stem}-server")
        self._mtu = dict(mtu or {})
        self._v4, self._v6 = v4, v6

    @property
    def nodes(self) -> tuple[Namespace, ...]:
        """Every namespace, from the client to the server."""
        return (self.client, *self.routers, self.server)

    def __enter__(self) -> Topology:
        sweep()
        try:
            self._make()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove everything; again is harmless."""
        for node in self.nodes:
            node.delete()

    def _make(self) -> None:
        for node in self.nodes:
            _ip("netns", "add", node.name)
            node.configure(_SETTINGS)
        for link, (near, far) in enumerate(itertools.pairwise(self.nodes)):
            self._join(link, near, far)
        for position, node in enumerate(self.nodes):
            self._route(position, node)
        for node in self.nodes:
            node.wait_until_up()

    def _join(self, link: int, near: Namespace, far: Namespace) -> None:
        """Lay link number ``link``; interfaces are made inside, so no name can collide with the machine's."""
        near_name = "eth0" if near is self.client else "right"
        far_name = "eth0" if far is self.server else "left"
        near_mac, far_mac = f"02:00:00:00:{link:02x}:01", f"02:00:00:00:{link:02x}:02"
        pair = ("link", "add", near_name, "address", near_mac, "type", "veth")
        _ip("-n", near.name, *pair, "peer", "name", far_name, "address", far_mac, "netns", far.name)
        if near is self.client:
            near.v4, near.v6 = f"198.18.{link}.1", f"2001:db8:0:{link}::1"
        far.v4, far.v6 = f"198.18.{link}.2", f"2001:db8:0:{link}::2"
        ends = ((near, near_name, 1, f"2 lladdr {far_mac}"), (far, far_name, 2, f"1 lladdr {near_mac}"))
        for node, name, last, other in ends:
            mtu = self._mtu.get(link, 1500)
            lines = [f"link set {name} mtu {mtu} gso_max_segs 1", "link set lo up", f"link set {name} up"]
            if self._v4:
                lines.append(f"addr add 198.18.{link}.{last}/24 dev {name}")
                lines.append(f"neigh add 198.18.{link}.{other} dev {name} nud permanent")
            if self._v6:
                lines.append(f"addr add 2001:db8:0:{link}::{last}/64 dev {name} nodad")
                lines.append(f"neigh add 2001:db8:0:{link}::{other} dev {name} nud permanent")
            _batch(node.name, lines)

    def _route(self, position: int, node: Namespace) -> None:
        """Towards the server by default; back towards the client by one route a link."""
        lines: list[str] = []
        families = (
            (self._v4, "198.18.{}.{}", "198.18.{}.0/24", "0.0.0.0/0", (SERVICE_V4, PRIVATE_V4)),
            (self._v6, "2001:db8:0:{}::{}", "2001:db8:0:{}::/64", "::/0", (SERVICE_V6,)),
        )
        for exists, address, network, everywhere, service in families:
            if not exists:
                continue
            if node is self.server:
                lines.append(f"route add {everywhere} via {address.format(position - 1, 1)}")
                lines += [f"route add local {some} dev lo" for some in service]
                continue
            lines.append(f"route add {everywhere} via {address.format(position, 2)}")
            for link in range(position - 1):
                lines.append(f"route add {network.format(link)} via {address.format(position - 1, 1)}")
        if lines:
            _batch(node.name, lines)
