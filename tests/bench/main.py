"""The bench: netprobe beside curl, blackbox_exporter, check_http and sslyze on the same work, in one go, in turns.

What is fair. Every program does DNS through the bench's resolver, TCP, verified TLS with the server's name, and one
GET, for every host, over the same link against the same servers; all are run in turns, several rounds, and medians are
compared. netprobe's figures hold everything: the interpreter's start, its imports, the diagnosis and the report. IPv4
only, for everyone.

What is not. ``curl -Z`` says pass or fail a host, and nothing of why. blackbox_exporter is a daemon that is already up
(its start is not counted, its CPU is), and it is asked by ``curl -Z``, whose cost is in the figures. check_http starts
a process for each host, 32 at a time, and does not verify the certificate. sslyze looks at certificates and nothing
else, and needs several handshakes a host for it; it is run where it is on PATH (from PyPI, in an environment of its
own, since it wants an older cryptography). nginx and dnsmasq share the cores with whoever is measured, which favours
nobody but makes every ratio milder than with a server elsewhere, and keeps a program of several processes from using
them. On the delayed link curl is not shown: what counts there is the distance from the sum of one chain's round trips.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import baseline, delay, lines, measure, offline, warm
from tests.bench.measure import Program, Row, compare
from tests.bench.offline import NETPROBE
from tests.bench.world import (
    DEFAULT_GROUPS,
    DNS,
    PER_REGION,
    REGIONS,
    World,
    host,
    numbered,
    real,
    resolver,
    start,
    world,
)

ROUND_TRIPS = 4
"""DNS, TCP, TLS 1.3 and HTTP: one each. Hosts of WebSockets (``ecs-a``, ``ecs-t``, ``ssmmessages``) take one more."""
WORKS = {
    "30": (30, frozenset[int]()),
    "200": (200, frozenset[int]()),
    "1000": (1000, frozenset[int]()),
    "5000": (5000, frozenset[int]()),
    "25+5": (30, frozenset(range(3, 30, 6))),
    "1000-5%": (1000, frozenset(range(7, 1000, 20))),
}
_PROGRAMS = {
    "curl": "curl",
    "blackbox": "prometheus-blackbox-exporter",
    "check_http": "/usr/lib/nagios/plugins/check_http",
    "sslyze": "sslyze",
}
AGENTS = ("--as", "ecs-agent", "--as", "ssm-agent", "--as", "docker")
_SLYZED = 200
"""The most hosts that sslyze is given: it takes some 40 ms for each."""
SPECIAL = ("start", "region", "all-regions", "delay-40", "delay-150", "told", lines.WORK, *offline.WORKS, *warm.WORKS)


def main() -> int:
    """Run the bench; see ``--help``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    # argparse formats its help with %, which a name of a work may hold.
    names = ", ".join((*SPECIAL, *WORKS)).replace("%", "%%")
    parser.add_argument("works", nargs="*", help=f"some of: {names}; default all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default="curl,blackbox,check_http,sslyze", help="beside netprobe; '' for none")
    parser.add_argument("--json", type=Path, help="write every cost here")
    parser.add_argument("--baseline", type=Path, help="what --json of an earlier run wrote: tell which rows moved")
    asked = parser.parse_args()
    works = asked.works or [*SPECIAL, *WORKS]
    unknown = set(works) - {*SPECIAL, *WORKS}
    if unknown or os.geteuid() != 0:
        parser.error(f"no such work: {', '.join(sorted(unknown))}" if unknown else "namespaces need root")
    try:
        earlier = None if asked.baseline is None else baseline.read(asked.baseline)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    rows: list[Row] = []
    machine = {"processors": os.cpu_count(), "load": os.getloadavg(), "python": sys.version.split()[0]}
    print(*(f"{name}: {value}" for name, value in machine.items()), sep=", ")
    peers = [peer for peer in asked.peers.split(",") if peer]
    for missing in (peer for peer in peers if shutil.which(_PROGRAMS[peer]) is None):
        print(f"{missing} is not installed and not compared")
    with tempfile.TemporaryDirectory(prefix="netprobe-bench-") as name, world(Path(name)) as made:
        Path(name).chmod(0o755)
        for work in works:
            print(f"\n{work}")
            rows += _run(made, work, asked.rounds, peers)
    document = {"machine": machine, "rows": [row.document() for row in rows]}
    if asked.json is not None:
        asked.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if earlier is not None:
        print("", *baseline.lines(earlier, document), sep="\n")
    return 0


def _run(made: World, work: str, rounds: int, peers: Sequence[str]) -> list[Row]:
    if work == "start":
        return compare(made, work, _starts(made), rounds)
    if work in offline.WORKS:
        return offline.WORKS[work](made, rounds)
    if work in {"region", "all-regions"}:
        region = "us-east-2" if work == "region" else "all"
        with resolver(made, real(made)):
            return compare(made, work, {"netprobe": _check(made, region)}, rounds)
    if work == "told":
        return _told(made, rounds)
    if work == lines.WORK:
        return lines.run(made)
    if work in warm.WORKS:
        return warm.run(made, work, rounds)
    if work.startswith("delay-"):
        return _delayed(made, work, rounds)
    count, dead = WORKS[work]
    with resolver(made, numbered(count, dead)), _programs(made, count, bool(dead), peers) as programs:
        return compare(made, work, programs, rounds if count < 5000 else min(rounds, 3))


def _starts(made: World) -> dict[str, Program]:
    python = sys.executable
    return {
        "python -c pass": Program(argv=(python, "-c", "pass"), cwd=made.folder),
        "import typer, jinja2": Program(argv=(python, "-c", "import typer, jinja2"), cwd=made.folder),
        "netprobe --version": Program(argv=(*NETPROBE, "--version"), cwd=made.folder),
        "netprobe --help": Program(argv=(*NETPROBE, "--help"), cwd=made.folder),
        "netprobe render squid": Program(argv=(*NETPROBE, "render", "squid", "-r", "us-east-2"), cwd=made.folder),
    }


def _check(made: World, region: str, looks: Sequence[str] = ("--no-proxy",)) -> Program:
    """A region's default check, as a host that no agent is on yet, or as its agents."""
    return Program(argv=(*NETPROBE, "check", "-r", region, *_trust(made), *looks), cwd=made.folder)


def _trust(made: World) -> tuple[str, ...]:
    roots = str(made.roots)
    return ("--resolver", DNS, "--ca-file", roots, "--origin-ca", roots, "-4")


def _told(made: World, rounds: int) -> list[Row]:
    """Five black holes among thirty hosts: when the first answer is on the screen, and when it is proven."""
    count, dead = WORKS["25+5"]
    told, proven = (Row(work="25+5", program=f"netprobe, {what}") for what in ("first answer", "proven"))
    with resolver(made, numbered(count, dead)), _programs(made, count, True, ()) as programs:
        for _ in range(rounds):
            seconds = measure.told_and_done(made, programs["netprobe"], b"netprobe: so far:")
            for row, wall in zip((told, proven), seconds, strict=True):
                row.costs.append(measure.Cost(wall=wall, cpu=0.0, memory=0.0, status=1))
    for row in (told, proven):
        print(f"  {row.program:<28}{row.median('wall'):8.3f} s", flush=True)
    return [told, proven]


def _delayed(made: World, work: str, rounds: int) -> list[Row]:
    """One region and all of them over a slow link; the critical path is printed beside."""
    trip = int(work.partition("-")[2]) / 1000
    with resolver(made, real(made)), _slow_link(made, trip / 2):
        checks = {
            "one region": _check(made, "us-east-2"),
            "one region, as agents": _check(made, "us-east-2", AGENTS),
            "all": _check(made, "all"),
        }
        rows = compare(made, work, checks, rounds)
    print(f"  {'the round trips of one chain':<28}{ROUND_TRIPS * trip:8.3f} s, with a WebSocket {5 * trip:.3f} s")
    return rows


@contextlib.contextmanager
def _slow_link(made: World, seconds: float) -> Iterator[None]:
    client, server, ready = made.net.client, made.net.server, made.folder / "slow"
    ready.unlink(missing_ok=True)
    line = client.start(
        *(sys.executable, "-m", "tests.bench.delay", client.name, server.name, str(seconds), str(ready)),
        ready=ready.exists,
        log=made.folder / "delay.log",
    )
    for node, mine, other in ((client, delay.CLIENT, delay.SERVER), (server, delay.SERVER, delay.CLIENT)):
        node.ip("addr", "add", mine, "peer", other, "dev", "slow0")
        node.ip("link", "set", "slow0", "up", "txqueuelen", "10000")
    client.ip("route", "add", "198.19.0.0/16", "dev", "slow0", "src", delay.CLIENT)
    try:
        yield
    finally:
        line.terminate()  # its devices and their routes go with it
        line.wait(timeout=10)


@contextlib.contextmanager
def _programs(made: World, count: int, faulty: bool, peers: Sequence[str]) -> Iterator[dict[str, Program]]:
    """Everyone's command for one work. Where hosts are dead, curl gets the same patience as netprobe's default."""
    folder = Path(tempfile.mkdtemp(dir=made.folder))
    found = {"netprobe": _sweep(made, folder, count)}
    with contextlib.ExitStack() as stack:
        if "curl" in peers and shutil.which(_PROGRAMS["curl"]):
            found["curl -Z"] = _curl(made, folder, count, faulty)
        if "blackbox" in peers and shutil.which(_PROGRAMS["blackbox"]):
            found["blackbox_exporter"] = stack.enter_context(_blackbox(made, folder, count))
        if "check_http" in peers and shutil.which(_PROGRAMS["check_http"]) and count <= PER_REGION:
            found["check_http"] = _check_http(folder, count)
        if "sslyze" in peers and shutil.which(_PROGRAMS["sslyze"]) and count <= _SLYZED and not faulty:
            found["sslyze"] = _sslyze(made, folder, count)
        yield found


def _sweep(made: World, folder: Path, count: int) -> Program:
    """A netprobe.toml with the hosts as endpoints of its own, and no others."""
    regions = REGIONS[: -(-count // PER_REGION)]
    each = min(count, PER_REGION)
    assert each * len(regions) == count, "whole regions"
    tables = (
        f'[[endpoint]]\nid = "h{index}"\npattern = "{host(index).replace(REGIONS[0], "{region}")}"\n'
        for index in range(each)
    )
    (folder / "netprobe.toml").write_text("\n".join(tables), encoding="ascii")
    options = ("-r", ",".join(regions), "--without", DEFAULT_GROUPS, *_trust(made), "--no-proxy")
    return Program(argv=(*NETPROBE, "check", *options), cwd=folder)


def _curl(made: World, folder: Path, count: int, faulty: bool) -> Program:
    lines = [f'cacert = "{made.roots}"', "ipv4", "silent", "parallel", "parallel-immediate", "parallel-max = 300"]
    lines += ["connect-timeout = 5"] if faulty else []
    lines += [f'url = "https://{host(index)}/"\noutput = "/dev/null"' for index in range(count)]
    (folder / "curl.conf").write_text("\n".join(lines) + "\n", encoding="ascii")
    return Program(argv=("curl", "-q", "-K", str(folder / "curl.conf")), cwd=folder)


@contextlib.contextmanager
def _blackbox(made: World, folder: Path, count: int) -> Iterator[Program]:
    module = f"prober: http, timeout: 10s, http: {{preferred_ip_protocol: ip4, tls_config: {{ca_file: {made.roots}}}}}"
    (folder / "blackbox.yml").write_text(f"modules: {{bench: {{{module}}}}}\n", encoding="ascii")
    argv = (_PROGRAMS["blackbox"], "--config.file", str(folder / "blackbox.yml"))
    daemon = start(made, (*argv, "--web.listen-address=127.0.0.1:9115"), cwd=folder)
    with made.net.client.entered():
        measure.wait_for_port("127.0.0.1", 9115)
    probes = [
        f'url = "http://127.0.0.1:9115/probe?module=bench&target=https://{host(index)}/"\noutput = "/dev/null"'
        for index in range(count)
    ]
    head = ["silent", "parallel", "parallel-immediate", "parallel-max = 300"]
    (folder / "blackbox.conf").write_text("\n".join([*head, *probes]) + "\n", encoding="ascii")
    try:
        yield Program(argv=("curl", "-q", "-K", str(folder / "blackbox.conf")), cwd=folder, daemon=daemon.pid)
    finally:
        daemon.kill()
        daemon.wait(timeout=10)


def _sslyze(made: World, folder: Path, count: int) -> Program:
    (folder / "targets").write_text("".join(f"{host(index)}\n" for index in range(count)), encoding="ascii")
    found = ("--certinfo", "--certinfo_ca_file", str(made.roots), "--quiet", "--json_out", str(folder / "sslyze.json"))
    return Program(argv=(_PROGRAMS["sslyze"], *found, "--targets_in", str(folder / "targets")), cwd=folder)


def _check_http(folder: Path, count: int) -> Program:
    (folder / "names").write_text("".join(f"{host(index)}\n" for index in range(count)), encoding="ascii")
    argv = (
        "xargs",
        "-a",
        str(folder / "names"),
        "-P32",
        "-I{}",
        _PROGRAMS["check_http"],
        "-4",
        "-S",
        "--sni",
        "-H",
        "{}",
    )
    return Program(argv=argv, cwd=folder)
