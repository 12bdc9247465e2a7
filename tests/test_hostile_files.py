"""One hostile file of each kind, through the command that a user gives it to, in a child whose use is measured.

No file ends a run with a bug (exit 3), takes more than some seconds of processor time, or 300 MB. What each kind is
made of is tested beside the module that reads it; here is the whole command, as it is run.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import bounded

HOSTILE = Path(__file__).parent / "cases" / "hostile"
LARGEST = 300 << 20
SECONDS = 10
"""Of processor time, on a machine that has other work; each takes less than two alone."""
NETFILTER = (
    "Nov 28 10:00:00 r kernel: DROP IN=eth0 OUT=eth1 SRC=192.0.2.1 DST=198.51.100.1 PROTO=TCP SPT=1 DPT=443 SYN\n"
)


@dataclass(frozen=True, slots=True)
class Given:
    """A file and the command that it is given to.

    Attributes:
        file: below :data:`HOSTILE`; ``.gz`` of a text is unpacked first.
        command: the command, less the file.
        codes: how it may end.
    """

    file: str
    command: tuple[str, ...]
    codes: frozenset[int]


R = ("-r", "us-east-2")
NOWHERE = ("check", *R, "-4", "--no-proxy", "--resolver", "127.0.0.1:1", "--deadline", "5", "-q")
"""Nobody answers there, so nothing but a question to this machine is ever sent."""
COMPARE = (*R, "--ip-ranges", "snapshot", "--allow-widening", "--compare")
GIVEN = [
    Given("cfn-allowedvalues-hang.json", ("workload",), frozenset({0, 1, 2, 4})),
    Given("hosts-mixed-crash.txt", ("render", "hosts", *R, "--lab", "healthy", "--compare"), frozenset({0, 1, 4})),
    Given("iptables-bare-A-crash.rules", ("render", "iptables", *COMPARE), frozenset({0, 1, 4})),
    Given("iptables-ports-hang.rules.gz", ("render", "iptables", *COMPARE), frozenset({0, 1, 2, 4})),
    Given("nft-elements-hang.rules.gz", ("render", "nftables", *COMPARE), frozenset({0, 1, 2, 4})),
    Given("china-report.json", ("diagnose",), frozenset({2})),
    Given("china-report.json", ("path", "--from"), frozenset({2})),
    Given("china-report.json", ("render", "squid", *R, "--from"), frozenset({2})),
    Given("capture-tls-quadratic.pcap.gz", ("observe",), frozenset({0})),
    Given("observe-json-control.pcap", ("observe", "--format", "json"), frozenset({0})),
    Given("audit-netfilter-slow.log.gz", ("audit", *R), frozenset({2})),
    Given("audit-netfilter-slow.log.gz", ("audit", *R, "--log-format", "netfilter"), frozenset({0, 1, 2, 4})),
    Given("ca-file-0.pem", (*NOWHERE, "--ca-file"), frozenset({1})),
    Given("ca-file-1.pem", (*NOWHERE, "--origin-ca"), frozenset({2})),
]


def _unpacked(name: str, folder: Path) -> Path:
    path = HOSTILE / name
    if not name.endswith(".gz"):
        return path
    plain = folder / name.removesuffix(".gz")
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    return plain


@pytest.mark.parametrize("given", GIVEN, ids=lambda one: f"{one.command[0]}-{one.file}")
def test_a_hostile_file_ends_no_run_and_takes_little(given: Given, tmp_path: Path) -> None:
    path = _unpacked(given.file, tmp_path)
    ended = bounded.netprobe(*given.command, path, cwd=tmp_path, cpu_seconds=SECONDS)
    assert ended.returncode in given.codes, ended.stderr
    assert "Traceback" not in ended.stderr
    if ended.returncode == 2:
        assert ended.stdout == ""
        assert ended.stderr.count("\n") == 1
    assert ended.memory < LARGEST


def test_every_hostile_file_is_given_to_a_command() -> None:
    """Images are given to ``image`` in tests/host/test_hostile_images.py."""
    rest = {path.name for path in HOSTILE.iterdir()} - {one.file for one in GIVEN}
    rest -= {path.name for path in HOSTILE.glob("*.tar.gz")}
    served = {name for name in rest if name.endswith(".pem")}
    assert rest == served
    shown = (Path(__file__).parent / "probes" / "test_hostile_peers.py").read_text()
    assert all(name.removesuffix(".pem") in shown for name in served), "a peer shows those"


@pytest.mark.parametrize("copies", [1, 40])
def test_a_netfilter_log_is_understood_whatever_stands_among_its_lines(copies: int, tmp_path: Path) -> None:
    """The slow file alone has no line of any log; among real lines it costs no more, and they are read."""
    slow = gzip.decompress((HOSTILE / "audit-netfilter-slow.log.gz").read_bytes()).decode()
    log = tmp_path / "kern.log"
    log.write_text(NETFILTER * copies + slow + "\n" + NETFILTER * copies)
    ended = bounded.netprobe("audit", *R, "--format", "json", log, cwd=tmp_path, cpu_seconds=SECONDS)
    assert ended.returncode in {0, 1, 4}, ended.stderr
    assert "netfilter" in ended.stdout
    assert ended.cpu_seconds < 4
    assert ended.memory < LARGEST
