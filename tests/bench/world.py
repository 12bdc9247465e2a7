"""The bench's network: a client and a server namespace, and on the server nginx and dnsmasq.

Two sets of names. ``hN.gG.REGION.bench.example`` are hosts of no meaning, as many as a work wants, with a certificate
for every group of them. The catalog's real names, of every region's default groups, are answered with what netprobe's
lab says that AWS answers, so that a region's check ends in READY. Both are served by nginx over TLS 1.3, with an
intermediate, as a cloud serves them: fast enough that the clients are measured and not the server. Hosts whose number
is in ``dead`` have an address whose packets are dropped.

Client and server are joined by a veth pair; nothing is routed out of the namespaces.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme

from netprobe import catalog, requirements
from netprobe.catalog.model import Endpoint
from netprobe.lab import answers
from netprobe.lab.answers import HttpAnswer, HttpRequest
from netprobe.lab.behaviour import HttpMode
from netprobe.lab.plan import NUMBERS
from tests.support.netns import Topology

ROOT = Path(__file__).resolve().parents[2]
REGIONS = ("us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1")
PER_REGION = 1000
GROUP = 25
DNS = "198.19.0.53"
LIVE = tuple(f"198.19.1.{last}" for last in range(1, 17))
DEAD = "198.19.255"
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
        roots: the root that every host chains to, as PEM.
        catalog: the hosts of every region's default groups.
    """

    net: Topology
    folder: Path
    roots: Path
    catalog: Mapping[str, Endpoint]


def host(index: int) -> str:
    """The name of the bench host with this number; a region's worth of them, then the next region's."""
    region, number = REGIONS[index // PER_REGION], index % PER_REGION
    return f"h{number}.g{number // GROUP}.{region}.bench.example"


def numbered(count: int, dead: frozenset[int] = frozenset()) -> dict[str, str]:
    """The first ``count`` bench hosts and where they live."""
    return {
        host(index): f"{DEAD}.{1 + index % 250}" if index in dead else LIVE[index % len(LIVE)] for index in range(count)
    }


def real(made: World) -> dict[str, str]:
    """The catalog's hosts and where they live."""
    return {name: LIVE[index % len(LIVE)] for index, name in enumerate(made.catalog)}


@contextlib.contextmanager
def world(folder: Path) -> Iterator[World]:
    """Bring the network up; DNS is started by :func:`resolver`, since it differs between works."""
    # pip compiles what it installs; a checkout is compiled here, or every start would pay for it.
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / "netprobe")], env=ENVIRONMENT, check=True)
    with Topology(routers=0, v6=False) as net:
        net.server.nft(
            "table inet bench { chain dead { type filter hook prerouting priority -300; "
            f"ip daddr {DEAD}.0/24 drop; }}; }}"
        )
        made = World(net=net, folder=folder, roots=folder / "roots.pem", catalog=_catalog())
        _start_nginx(made)
        (folder / "resolv.conf").write_text(f"nameserver {DNS}\n", encoding="ascii")
        yield made


@contextlib.contextmanager
def resolver(made: World, records: Mapping[str, str]) -> Iterator[None]:
    """Answer for these names and deny all others, for as long as the context lasts."""
    hosts = made.folder / "hosts"
    hosts.write_text("".join(f"{address} {name}\n" for name, address in records.items()), encoding="ascii")
    process = made.net.server.start(
        *("dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", f"--addn-hosts={hosts}", "--user=root"),
        *("--conf-file=/dev/null", "--no-daemon", f"--listen-address={DNS}", "--bind-interfaces", "--port=53"),
        *("--local=/example/", "--local=/com/", "--no-poll", "--pid-file"),
        ready=lambda: DNS in made.net.server.run("ss", "-Hnlu").stdout,
        log=made.folder / "dnsmasq.log",
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def start(
    made: World,
    argv: Sequence[str],
    *,
    cwd: Path,
    output: int = subprocess.DEVNULL,
    notes: int = subprocess.DEVNULL,
    new_group: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program at the client, with the bench's resolv.conf in front of the machine's.

    Args:
        made: the network.
        argv: the program.
        cwd: the folder that it runs in.
        output: its stdout.
        notes: its stderr.
        new_group: whether it leads a process group of its own, which can be ended as a whole.
    """
    script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    enter = ("nsenter", f"--net=/run/netns/{made.net.client.name}", "unshare", "-m", "sh", "-c", script)
    return subprocess.Popen(
        [*enter, str(made.folder / "resolv.conf"), *argv],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=notes,
        env=ENVIRONMENT,
        process_group=0 if new_group else None,
    )


def _catalog() -> dict[str, Endpoint]:
    loaded = catalog.load()
    wanted = requirements.endpoints(loaded, regions=[region.id for region in loaded.select(["all"])])
    return {name.name: endpoint for endpoint in wanted for name in endpoint.candidates(NUMBERS)}


def _start_nginx(made: World) -> None:
    folder = made.folder
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(str(made.roots))
    between = authority.create_child_ca(key_type=trustme.KeyType.ECDSA)

    def certificate(stem: str, names: Iterable[str]) -> str:
        path = folder / f"{stem}.pem"
        leaf = between.issue_cert(*names, key_type=trustme.KeyType.ECDSA)
        leaf.private_key_and_cert_chain_pem.write_to_path(str(path))
        return f"ssl_certificate {path}; ssl_certificate_key {path};"

    listen = " ".join(f"listen {one}:443 ssl;" for one in LIVE)
    blocks: list[str] = []
    for region in REGIONS:
        for group in range(PER_REGION // GROUP):
            name = f"*.g{group}.{region}.bench.example"
            identity = certificate(f"g{group}.{region}", [name])
            blocks.append(f'server {{ {listen} server_name {name}; {identity} return 200 "ok"; }}')
    by_region: dict[str, list[str]] = {}
    for name, endpoint in made.catalog.items():
        by_region.setdefault(endpoint.region, []).append(name)
    identities = {region: certificate(f"aws.{region}", names) for region, names in by_region.items()}
    blocks += [
        f"server {{ {listen} server_name {name}; {identities[endpoint.region]} {_answers(name, endpoint)} }}"
        for name, endpoint in made.catalog.items()
    ]
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, blocks="\n".join(blocks)), encoding="ascii")
    made.net.server.start(
        *("nginx", "-p", str(folder), "-c", str(configuration), "-e", str(folder / "nginx.log")),
        ready=lambda: made.net.server.listens(443),
        within=60,
        log=folder / "nginx.out",
    )


def _answers(name: str, endpoint: Endpoint) -> str:
    """What the lab's service says to the catalog's own request and to an upgrade, as nginx's locations."""
    wanted = endpoint.request
    asked = HttpRequest(method=wanted.method, path=wanted.path)
    found = {asked.path: answers.answer(wanted.genuine, HttpMode.GENUINE, name, asked)}
    if wanted.upgrade:
        asked = HttpRequest(method="GET", path=wanted.upgrade_path, headers={"upgrade": "websocket"})
        found[asked.path.partition("?")[0]] = answers.answer(wanted.genuine, HttpMode.GENUINE, name, asked)
    return " ".join(f"location = {path} {{ {_said(answer)} }}" for path, answer in found.items())


def _said(answer: HttpAnswer) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"

    headers = [(name, value) for name, value in answer.headers if name not in {"Server", "Content-Type"}]
    kind = dict(answer.headers).get("Content-Type", "text/plain").partition(";")[0]
    told = "".join(f"add_header {name} {quoted(value)} always; " for name, value in headers)
    return f"default_type {kind}; {told}return {answer.status} {quoted(answer.body.decode('ascii'))};"


_NGINX = """
daemon off; user root; worker_processes 2; worker_rlimit_nofile 16384; pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 8000; }}
http {{
  access_log off; ssl_protocols TLSv1.2 TLSv1.3;
  server_names_hash_max_size 8192; server_names_hash_bucket_size 128; ssl_session_tickets off;
  default_type text/plain;
  {blocks}
}}
"""
