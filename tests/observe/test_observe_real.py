"""Captures made by tcpdump of real clients in namespaces; ``netprobe observe`` as a user runs it."""

from __future__ import annotations

import gzip
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import pytest

from netprobe import catalog
from netprobe.catalog import overlay
from netprobe.cli.main import run
from netprobe.path.hello import client_hello
from tests.support import need, rfc9001
from tests.support.cli import ROOT, netprobe
from tests.support.netns import Topology
from tests.support.path_lab import tls_server

pytestmark = pytest.mark.root
KNOWN, FOREIGN = "ecs.us-east-2.amazonaws.com", "telemetry.vendor.example"
SERVER = "198.19.0.9"


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """curl to a known and a foreign name, a ClientHello in three segments, QUIC, a reset, silence, a bare address."""
    need.root()
    for engine in ("tcpdump", "curl", "dnsmasq"):
        need.engine(engine)
    path = tmp_path_factory.mktemp("capture") / "real.pcap"
    with Topology(routers=1, v6=False) as net, tls_server(net.server, SERVER):
        net.server.start(
            "dnsmasq", "-k", "-C", "/dev/null", "--listen-address=198.19.0.53", "--bind-interfaces", "--no-resolv",
            "--no-hosts", f"--address=/amazonaws.com/{SERVER}", f"--address=/vendor.example/{SERVER}",
            ready=lambda: net.server.listens(53, udp=True),
        )  # fmt: skip
        net.routers[0].nft(
            "table inet t { chain f { type filter hook forward priority 0;\n"
            "tcp dport 444 reject with tcp reset\ntcp dport 445 drop\n}\n}"
        )
        dump = net.client.start(
            "tcpdump", "-i", "eth0", "-U", "-w", str(path), "--immediate-mode", "-Z", "root",
            ready=lambda: path.exists() and path.stat().st_size >= 24,
        )  # fmt: skip
        with net.client.entered():
            _ask(KNOWN)
            _ask(FOREIGN)
            _ask("missing.example")
        for name in (KNOWN, KNOWN, FOREIGN):
            net.client.run(
                "curl", "-sk", "-m", "2", "--resolve", f"{name}:443:{SERVER}", f"https://{name}/", check=False
            )
        with net.client.entered():
            _in_pieces(client_hello("ssm.us-east-2.amazonaws.com"))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(rfc9001.PACKET, (SERVER, 443))
            for address, port in (("198.19.0.77", 444), ("198.19.0.77", 445)):
                with socket.socket() as sock:
                    sock.settimeout(0.3)
                    sock.connect_ex((address, port))
        time.sleep(0.3)
        dump.send_signal(signal.SIGINT)
        dump.wait(timeout=10)
    return path


def _ask(name: str) -> None:
    import dns.message
    import dns.query

    dns.query.udp(dns.message.make_query(name, "A"), "198.19.0.53", timeout=5)


def _in_pieces(data: bytes) -> None:
    with socket.create_connection((SERVER, 443), timeout=5) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        third = len(data) // 3
        for piece in (data[:third], data[third : 2 * third], data[2 * third :]):
            sock.sendall(piece)
            time.sleep(0.05)
        sock.recv(1)


@pytest.mark.parametrize("packed", [False, True])
def test_real_traffic_is_explained(capture: Path, tmp_path: Path, packed: bool) -> None:
    path = capture
    if packed:
        path = tmp_path / "real.pcap.gz"
        path.write_bytes(gzip.compress(capture.read_bytes()))
    out, learned = tmp_path / "out.json", tmp_path / "own.toml"
    assert run(["observe", str(path), "--format", "json", "-o", str(out), "--learn", str(learned)]) == 0
    observed = json.loads(out.read_bytes())
    used = {(u["host"], u["port"]): u for u in observed["used"]}
    assert set(used) == {(KNOWN, 443), ("ssm.us-east-2.amazonaws.com", 443)}
    assert used[KNOWN, 443]["connections"] == 2
    assert used[KNOWN, 443]["endpoints"] == ["us-east-2/ecs"]
    assert used[KNOWN, 443]["local_addresses"] == ["198.18.0.1"]
    unexplained = {(u["host"], u["protocol"]): u["seen_by"] for u in observed["unexplained"]}
    assert unexplained == {(FOREIGN, "tcp"): ["sni"], ("example.com", "udp"): ["quic"]}
    bare = {(u["host"], u["port"]): (u["resets"], u["timeouts"]) for u in observed["bare_addresses"]}
    assert bare == {("198.19.0.77", 444): (1, 0), ("198.19.0.77", 445): (0, 1)}
    questions = {q["host"]: q for q in observed["questions"]}
    assert questions[KNOWN]["answered"] == 1
    assert not questions["missing.example"]["connected"]
    assert observed["malformed"] == {}
    assert observed["complete"]
    tables = tomllib.loads(learned.read_text())["endpoint"]
    own = overlay.parse(tables, catalog.load().select(["us-east-2"]))
    assert {(one.pattern, one.port) for one in own} == {(FOREIGN, 443), ("example.com", 443)}


def test_text_names_them_within_80_columns(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["observe", str(capture)]) == 0
    out = capsys.readouterr().out
    assert f"{KNOWN}:443/tcp" in out
    assert "1 reset" in out
    assert max(map(len, out.splitlines())) <= 80


def test_live_on_an_interface(tmp_path: Path) -> None:
    need.root()
    out = tmp_path / "live.json"
    with Topology(routers=1, v6=False) as net, tls_server(net.server, SERVER):
        stop = threading.Event()

        def talk() -> None:
            while not stop.wait(0.1):
                net.client.run(
                    "curl", "-sk", "-m", "2", "--resolve", f"{KNOWN}:443:{SERVER}", f"https://{KNOWN}/", check=False
                )

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            with net.client.entered():
                code = run(["observe", "-i", "eth0", "--seconds", "1.5", "--format", "json", "-o", str(out)])
        finally:
            stop.set()
            thread.join()
    assert code == 0
    observed = json.loads(out.read_bytes())
    assert [u["host"] for u in observed["used"]] == [KNOWN]


def test_an_interface_that_does_not_exist_is_a_users_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    need.root()
    assert run(["observe", "-i", "nosuch0", "--seconds", "1"]) == 2
    assert "nosuch0" in capsys.readouterr().err


def test_who_reset_whom(tmp_path: Path) -> None:
    """A server that is closed, a filter that resets by server name in the server's name, a client that gives up."""
    need.root()
    for engine in ("tcpdump", "curl", "iptables"):
        need.engine(engine)
    path, out = tmp_path / "resets.pcap", tmp_path / "out.json"
    blocked = "ssm.us-east-2.amazonaws.com"
    with Topology(routers=1, v6=False) as net, tls_server(net.server, SERVER):
        net.server.run("sysctl", "-qw", "net.ipv4.ip_default_ttl=128")
        router = net.routers[0]
        drop = ("-m", "string", "--string", blocked, "--algo", "bm", "-j", "REJECT", "--reject-with", "tcp-reset")
        router.run("iptables", "-A", "FORWARD", "-p", "tcp", "--dport", "443", *drop)
        dump = net.client.start(
            "tcpdump", "-i", "eth0", "-U", "-w", str(path), "--immediate-mode", "-Z", "root",
            ready=lambda: path.exists() and path.stat().st_size >= 24,
        )  # fmt: skip
        net.client.run(
            "curl", "-sk", "-m", "5", "--resolve", f"{blocked}:443:{SERVER}", f"https://{blocked}/", check=False
        )
        with net.client.entered():
            with socket.socket() as sock:
                assert sock.connect_ex((SERVER, 8443)) != 0
            with socket.create_connection((SERVER, 443), timeout=5) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        time.sleep(0.3)
        dump.send_signal(signal.SIGINT)
        dump.wait(timeout=10)
    assert run(["observe", str(path), "--format", "json", "-o", str(out)]) == 0
    observed = json.loads(out.read_bytes())
    uses = {(u["host"], u["port"]): u["resets_by"] for key in ("used", "bare_addresses") for u in observed[key]}
    assert uses[blocked, 443] == [{"by": SERVER, "side": "remote", "after": "first_bytes", "count": 1, "foreign": 1}]
    assert uses[SERVER, 8443] == [{"by": SERVER, "side": "remote", "after": "opening", "count": 1, "foreign": None}]
    assert uses[SERVER, 443] == [{"by": "198.18.0.1", "side": "local", "after": "opening", "count": 1, "foreign": None}]


def test_stdin_and_pipes_are_read(capture: Path, tmp_path: Path) -> None:
    """The same words as of the file, whole and packed."""
    expected = netprobe("observe", str(capture)).out
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(capture.read_bytes()))
    for command in (f"cat {capture} | $N observe -", f"$N observe <(cat {capture})", f"$N observe - < {packed}"):
        ended = subprocess.run(
            ["bash", "-c", command.replace("$N", f"{sys.executable} -m netprobe")],
            cwd=ROOT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert (ended.returncode, ended.stdout) == (0, expected), ended.stderr
