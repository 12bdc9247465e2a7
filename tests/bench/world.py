"""The bench's network: a client and a server namespace, and on the server nginx, dnsmasq and netprobe's lab.

Two sets of names, because no one server is right for both. ``hN.gG.REGION.bench.example`` is served by nginx, with an
own certificate for every group of hosts and an intermediate, over TLS 1.3, as a cloud has them: fast enough that the
clients are measured and not the server. The catalog's real names are served by netprobe's lab, which answers as AWS
does, so that a region's check ends in READY. Hosts whose number is in ``dead`` have an address whose packets are
dropped.

Client and server are joined by a veth pair; nothing is routed out of the namespaces.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.support.netns import Topology

ROOT = Path(__file__).resolve().parents[2]
REGIONS = ("us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1")
PER_REGION = 1000
GROUP = 25
DNS = "198.19.0.53"
LIVE = tuple(f"198.19.1.{last}" for last in range(1, 17))
DEAD = "198.19.255"
LAB_DNS = "198.19.128.1"
DEFAULT_GROUPS = "control,ssm,images,logs,metrics"
_SHELLS_OWN = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPYCACHEPREFIX"}
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name not in _SHELLS_OWN},
    "PYTHONPATH": str(ROOT),
}
"""What programs see: as after an installation, where modules are compiled, whatever this shell is set to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The network while it is up.

    Attributes:
        net: the namespaces.
        folder: certificates, configurations, logs.
        authority: the root that bench hosts chain to.
        lab_authority: the root that the lab's hosts chain to.
    """

    net: Topology
    folder: Path
    authority: Path
    lab_authority: Path


def host(index: int) -> str:
    """The name of the bench host with this number; a region's worth of them, then the next region's."""
    region, number = REGIONS[index // PER_REGION], index % PER_REGION
    return f"h{number}.g{number // GROUP}.{region}.bench.example"


def address(index: int, dead: frozenset[int]) -> str:
    """Where a bench host lives."""
    if index in dead:
        return f"{DEAD}.{1 + index % 250}"
    return LIVE[index % len(LIVE)]


@contextlib.contextmanager
def world(folder: Path) -> Iterator[World]:
    """Bring the network up; DNS for bench hosts is started by :func:`resolver`, since it differs between works."""
    # pip compiles what it installs; a checkout is compiled here, or every start would pay for it.
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / "netprobe")], env=ENVIRONMENT, check=True)
    with Topology(routers=0, v6=False) as net:
        net.server.nft(
            "table inet bench { chain dead { type filter hook prerouting priority -300; "
            f"ip daddr {DEAD}.0/24 drop; }}; }}"
        )
        authority = _start_nginx(net, folder)
        lab = folder / "lab"
        lab.mkdir()
        net.server.start(
            *(sys.executable, "-m", "tests.bench.lab", str(lab), LAB_DNS),
            ready=(lab / "ready").exists,
            within=60,
            log=folder / "lab.log",
        )
        (folder / "resolv.conf").write_text(f"nameserver {DNS}\n", encoding="ascii")
        yield World(net=net, folder=folder, authority=authority, lab_authority=Path((lab / "ready").read_text()))


@contextlib.contextmanager
def resolver(made: World, count: int, dead: frozenset[int] = frozenset()) -> Iterator[None]:
    """Answer for the first ``count`` bench hosts, for as long as the context lasts."""
    hosts = made.folder / "hosts"
    hosts.write_text("".join(f"{address(index, dead)} {host(index)}\n" for index in range(count)), encoding="ascii")
    process = made.net.server.start(
        *("dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", f"--addn-hosts={hosts}", "--user=root"),
        *("--conf-file=/dev/null", "--no-daemon", f"--listen-address={DNS}", "--bind-interfaces", "--port=53"),
        *("--local=/example/", "--no-poll", "--pid-file"),
        ready=lambda: DNS in made.net.server.run("ss", "-Hnlu").stdout,
        log=made.folder / "dnsmasq.log",
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def start(made: World, argv: Sequence[str], *, cwd: Path, output: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start a program at the client, with the bench's resolv.conf in front of the machine's."""
    enter_client = f"/run/netns/{made.net.client.name}"
    script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    return subprocess.Popen(
        [
            "nsenter",
            f"--net={enter_client}",
            "unshare",
            "-m",
            "sh",
            "-c",
            script,
            str(made.folder / "resolv.conf"),
            *argv,
        ],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
    )


def _start_nginx(net: Topology, folder: Path) -> Path:
    """Serve every bench host: one certificate for each group, below an intermediate."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    between = authority.create_child_ca(key_type=trustme.KeyType.ECDSA)
    roots = folder / "roots.pem"
    authority.cert_pem.write_to_path(str(roots))
    listen = " ".join(f"listen {one}:443 ssl;" for one in LIVE)
    blocks: list[str] = []
    for region in REGIONS:
        for group in range(PER_REGION // GROUP):
            name = f"*.g{group}.{region}.bench.example"
            path = folder / f"g{group}.{region}.pem"
            leaf = between.issue_cert(name, key_type=trustme.KeyType.ECDSA)
            leaf.private_key_and_cert_chain_pem.write_to_path(str(path))
            blocks.append(
                f"server {{ {listen} server_name {name}; ssl_certificate {path}; ssl_certificate_key {path};"
                ' return 200 "ok"; }'
            )
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, blocks="\n".join(blocks)), encoding="ascii")
    net.server.start(
        *("nginx", "-p", str(folder), "-c", str(configuration), "-e", str(folder / "nginx.log")),
        ready=lambda: net.server.listens(443),
        within=60,
        log=folder / "nginx.out",
    )
    return roots


_NGINX = """
daemon off; user root; worker_processes 2; worker_rlimit_nofile 16384; pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 8000; }}
http {{
  access_log off; ssl_protocols TLSv1.2 TLSv1.3;
  server_names_hash_max_size 2048; server_names_hash_bucket_size 128; ssl_session_tickets off;
  default_type text/plain;
  {blocks}
}}
"""
