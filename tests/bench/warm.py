"""The exporter beside blackbox_exporter, both up already: what one cycle over the same hosts costs; and a soak.

Both are daemons of which only their own CPU counts. A cycle is DNS through the bench's resolver, TCP, verified TLS and
one GET for every host, and everything that is answered to whoever scrapes: one ``/metrics`` for netprobe, one
``/probe`` a host for blackbox_exporter, over one connection each. What arrives at the
servers is counted, so that nobody asks for less than the other unseen.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.bench import measure
from tests.bench.measure import Cost, Row
from tests.bench.world import DEFAULT_GROUPS, DNS, REGIONS, World, host, numbered, resolver, start

WORKS: Mapping[str, int] = {"warm-30": 30, "warm-200": 200, "soak": 16}
"""Name → hosts."""
CYCLES = 20
EVERY = "1s"
SOAKED = 1000
MOST_GROWN_MIB = 2.0
_BLACKBOX = "prometheus-blackbox-exporter"
_PORT, _PEERS_PORT = 9858, 9115
# The least time between two runs is for people's sake; here the cycles follow one another.
_EXPORTER = """
import sys
import netprobe.cli.exporter, netprobe.exporter.runs
from netprobe.__main__ import main
netprobe.cli.exporter._LEAST_SECONDS = netprobe.exporter.runs.LEAST_PAUSE = 0.0
sys.exit(main())
"""
_COUNTERS = """
table inet counted {
  counter questions { }
  counter connections { }
  chain arrivals { type filter hook prerouting priority -200;
    udp dport 53 counter name questions
    tcp dport 443 tcp flags & (syn | ack) == syn counter name connections
  }
}
"""


def run(made: World, work: str, rounds: int) -> list[Row]:
    """Measure one of :data:`WORKS` and print it."""
    count = WORKS[work]
    made.net.server.nft(f"table inet counted; delete table inet counted; {_COUNTERS}")
    with resolver(made, numbered(count)), made.net.client.entered():
        return _soak(made, count) if work == "soak" else _compared(made, work, count, rounds)


def _compared(made: World, work: str, count: int, rounds: int) -> list[Row]:
    rows = [Row(work=work, program=name) for name in ("netprobe exporter", "blackbox_exporter")]
    for row, daemon in zip(rows, (_exporter(made, count), _blackbox(made)), strict=True):
        with daemon as process:
            for _ in range(rounds):
                arrived = _arrived(made)
                cost, cycles = _cycles(process) if row is rows[0] else _probes(process, count)
                row.costs.append(cost)
                asked = [(after - before) / cycles for after, before in zip(_arrived(made), arrived, strict=True)]
        print(f"  {row.program:<28}asks {asked[0]:.0f} questions and makes {asked[1]:.0f} connections a cycle")
    base = rows[-1].median("cpu")
    for row in rows:
        cpu = row.median("cpu")
        ratio = f"{cpu / base:5.2f} of {rows[-1].program}"
        print(f"  {row.program:<28}{cpu * 1000:8.1f} ms CPU a cycle of {count} hosts, {ratio}", flush=True)
    return rows


@contextlib.contextmanager
def _exporter(made: World, count: int) -> Iterator[subprocess.Popen[bytes]]:
    tables = (
        f'[[endpoint]]\nid = "h{index}"\npattern = "{host(index).replace(REGIONS[0], "{region}")}"\n'
        for index in range(count)
    )
    folder = made.folder / f"warm-{count}"
    folder.mkdir(exist_ok=True)
    (folder / "netprobe.toml").write_text("\n".join(tables), encoding="ascii")
    roots = str(made.roots)
    options = (
        "-r",
        REGIONS[0],
        "--without",
        DEFAULT_GROUPS,
        "--resolver",
        DNS,
        "--ca-file",
        roots,
        "--origin-ca",
        roots,
    )
    argv = (sys.executable, "-c", _EXPORTER, "exporter", *options, "--no-proxy", "-4", "--every", EVERY)
    with _daemon(made, argv, folder, _PORT) as process:
        yield process


@contextlib.contextmanager
def _blackbox(made: World) -> Iterator[subprocess.Popen[bytes]]:
    # Without the fallback it asks for A records alone, as netprobe does with -4.
    ways = f"preferred_ip_protocol: ip4, ip_protocol_fallback: false, tls_config: {{ca_file: {made.roots}}}"
    module = f"prober: http, timeout: 10s, http: {{{ways}}}"
    (made.folder / "warm.yml").write_text(f"modules: {{bench: {{{module}}}}}\n", encoding="ascii")
    argv = (_BLACKBOX, "--config.file", str(made.folder / "warm.yml"), f"--web.listen-address=127.0.0.1:{_PEERS_PORT}")
    with _daemon(made, argv, made.folder, _PEERS_PORT) as process:
        yield process


@contextlib.contextmanager
def _daemon(made: World, argv: tuple[str, ...], cwd: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = start(made, argv, cwd=cwd)
    try:
        measure.wait_for_port("127.0.0.1", port, within=30)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)


def _arrived(made: World) -> list[int]:
    """Questions of DNS and connections that have come to the servers."""
    shown = made.net.server.run("nft", "list", "counters", "table", "inet", "counted").stdout
    counted = dict(re.findall(r"counter (\w+) \{\s+packets (\d+)", shown))
    return [int(counted[name]) for name in ("questions", "connections")]


def _cycles(process: subprocess.Popen[bytes], number: int = CYCLES) -> tuple[Cost, int]:
    """The mean of some cycles, each of them scraped, and how many they were."""
    done = _done()
    while _done() <= done:  # begin at the end of a run
        time.sleep(0.01)
    first, before, began = _done(), measure.cpu_of(process.pid), time.perf_counter()
    seen = first
    while seen < first + number:
        time.sleep(0.2)
        if process.poll() is not None:
            raise RuntimeError(f"it ended with {process.returncode}")
        seen = _done()
    spent, wall = measure.cpu_of(process.pid) - before, time.perf_counter() - began
    cycles = seen - first
    return Cost(wall=wall / cycles, cpu=spent / cycles, memory=_resident(process), status=0), cycles


def _done() -> int:
    found = re.search(r"^netprobe_exporter_runs (\d+)", _got(_PORT, "/metrics"), re.MULTILINE)
    return int(found[1]) if found else 0


def _probes(process: subprocess.Popen[bytes], count: int, number: int = CYCLES) -> tuple[Cost, int]:
    before, began = measure.cpu_of(process.pid), time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", _PEERS_PORT, timeout=30)
    for _ in range(number):
        for index in range(count):
            connection.request("GET", f"/probe?module=bench&target=https://{host(index)}/")
            body = connection.getresponse().read()
            if b"probe_success 1" not in body:
                raise RuntimeError(f"blackbox_exporter did not reach {host(index)}")
    connection.close()
    spent, wall = measure.cpu_of(process.pid) - before, time.perf_counter() - began
    return Cost(wall=wall / number, cpu=spent / number, memory=_resident(process), status=0), number


def _got(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def _resident(process: subprocess.Popen[bytes]) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def _soak(made: World, count: int) -> list[Row]:
    """Memory after ten cycles and after a thousand more, with the pages asked for as Prometheus and people do."""
    row = Row(work="soak", program="netprobe exporter")
    with _exporter(made, count) as process:
        _cycles(process, 10)
        _got(_PORT, "/report")
        began = _resident(process)
        row.costs.append(_cycles(process, SOAKED)[0])
        _got(_PORT, "/report")
        grown = _resident(process) - began
    verdict = "within" if grown <= MOST_GROWN_MIB else "MORE THAN"
    print(
        f"  {row.program:<28}{began:8.1f} MiB, {grown:+.2f} MiB over {SOAKED} cycles of {count} hosts "
        f"({verdict} {MOST_GROWN_MIB:g}); {row.median('cpu') * 1000:.1f} ms CPU a cycle"
    )
    return [row]
