"""A lab that another process keeps up: the file that describes it, the commands, and the way back in."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import msgspec
import pytest
import trio

from netprobe.cli.main import run
from netprobe.errors import UnreadableFileError
from netprobe.lab import SCENARIOS, open_lab, standing
from netprobe.lab.network import Lab
from tests.support import need
from tests.support.lab_client import ask, visit
from tests.support.lab_endpoints import endpoints, name_of

IN, A = dns.rdataclass.IN, dns.rdatatype.A
GOOD = standing.Standing(
    scenario="healthy",
    resolvers=("127.99.0.1",),
    dns_port=5353,
    ports={443: 8443},
    addresses={"ssm.us-east-2.amazonaws.com": ("127.99.0.3", "::1")},
    proxy_address="127.99.0.9",
    proxy_port=3128,
    store_file="ca.pem",
    origin_file="ca.pem",
)


def test_a_description_survives_the_file(tmp_path: Path) -> None:
    standing.write(GOOD, tmp_path / "lab.json")
    assert standing.read(tmp_path / "lab.json") == GOOD


@pytest.mark.parametrize("outside", ["10.0.0.1", "0.0.0.0", "2001:db8::1", "ssm.us-east-2.amazonaws.com", ""])
@pytest.mark.parametrize("where", ["resolvers", "addresses", "proxy_address"])
def test_a_description_never_points_outside_loopback(tmp_path: Path, where: str, outside: str) -> None:
    changed: dict[str, object] = {
        "resolvers": (outside,),
        "addresses": {"a.example": ("127.0.0.1", outside)},
        "proxy_address": outside,
    }
    standing.write(msgspec.structs.replace(GOOD, **{where: changed[where]}), tmp_path / "lab.json")
    with pytest.raises(UnreadableFileError, match="not a loopback address"):
        standing.read(tmp_path / "lab.json")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"scenario": 1}', b"[" * 100_000])
def test_anything_else_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lab.json").write_bytes(content)
    with pytest.raises(UnreadableFileError, match="not the description"):
        standing.read(tmp_path / "lab.json")
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        standing.read(tmp_path / "absent.json")


FILES = 1024
"""Open files that the lab in the other process is allowed: as many as an ordinary user has."""


@pytest.fixture
def kept_up(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """``netprobe lab run`` of ``blackhole``, or the parameter, in another process; yields its folder."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "netprobe", "lab", "run", getattr(request, "param", "blackhole")]
    limited = ["prlimit", f"--nofile={FILES}:{FILES}", *command]
    pipe = subprocess.PIPE
    with subprocess.Popen(limited, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        deadline = time.monotonic() + 30
        while not (found := list(tmp_path.glob("netprobe-lab-*/curl.conf"))):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield found[0].parent
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 143
        # Python itself tells of a server name that it cannot decode, and answers with an alert.
        assert err.count("Traceback") == err.count("UnicodeDecodeError: 'ascii'"), err
        assert "Try, in another terminal:" in out
    assert not list(tmp_path.glob("netprobe-lab-*"))


async def test_a_standing_lab_can_be_visited(kept_up: Path) -> None:
    ssm = name_of("ssm")
    async with open_lab(str(kept_up / "lab.json"), endpoints()) as lab:
        assert lab.scenario is SCENARIOS["blackhole"]
        resolver = lab.vantage.resolvers[0]
        address = await ask(ssm, "A", resolver.address, resolver.port)
        assert (address,) == lab.addresses[ssm]
        assert (await visit(address, lab.vantage.ports[443], ssm, lab.origin_file)).word == "answer"
    curl = [str(need.engine("curl")), "-sSi", "--noproxy", "*", "-K", str(kept_up / "curl.conf"), f"https://{ssm}/"]
    done = await trio.run_process(curl, capture_stdout=True)
    assert b"x-amzn-RequestId" in done.stdout


def _datagrams(chance: random.Random) -> list[bytes]:
    """Odd questions: cut, turned, more than one, an answer, and one whose own answer has no room."""
    question = dns.message.make_query(name_of("ssm"), "A", use_edns=0, payload=512).to_wire()
    several = dns.message.make_query(name_of("ssm"), "A", use_edns=0, payload=512)
    several.question += [dns.rrset.RRset(dns.name.from_text(f"{n:060}.example."), IN, A) for n in range(40)]
    found = [several.to_wire(max_size=4096), b"", bytes(12), question[:2] + b"\x81\x80" + question[4:]]
    found += [question[:2] + bytes([opcode << 3]) + question[3:] for opcode in range(16)]
    for _ in range(3000):
        data = bytearray(question)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        found.append(bytes(data[: chance.randint(1, len(data))]))
    return found


_ODD_REQUESTS = (
    b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 6000 + b"\r\n\r\n",
    b"GET \xff\x00\x85 HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: \xff\xfe\r\n\r\n",
    b"\x00" * 70_000,
    b"GET / HTTP/1.1\r\n" * 100 + b"\r\n" * 50,
    b"GET / HTTP/1.1\r\nContent-Length: \xc2\xb2\r\n\r\n",
)


async def _connected(address: str, port: int) -> trio.SocketStream:
    sock = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_STREAM)
    await sock.connect((address, port))
    return trio.SocketStream(sock)


async def _odd_bytes(lab: Lab, chance: random.Random) -> None:
    """What a parser may stumble over, to each kind of server."""
    resolver, port = lab.vantage.resolvers[0], lab.vantage.ports[443]
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as sock:
        for wire in _datagrams(chance):
            await sock.sendto(wire, (resolver.address, resolver.port))
    framed = [len(wire).to_bytes(2, "big") + wire for wire in _datagrams(chance)[:40]]
    address = lab.addresses[name_of("ssm")][0]
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    for target, said in (
        *((resolver.port, one) for one in (*framed, b"\x00", b"\xff\xff" + b"a" * 70_000)),
        *((port, one) for one in (b"\x00", b"GET / HTTP/1.1\r\n\r\n", hello, hello + chance.randbytes(600))),
    ):
        stream = await _connected(resolver.address if target == resolver.port else address, target)
        async with stream:
            with contextlib.suppress(trio.BrokenResourceError):
                await stream.send_all(said)
                await stream.send_eof()
    for request in _ODD_REQUESTS:
        await visit(address, port, name_of("ssm"), lab.origin_file, request=request)
    for sni in (b"\xff\xfe\xfd", b"a" * 255, b"\x00"):
        await _say_name(address, port, sni)


async def _say_name(address: str, port: int, sni: bytes) -> None:
    """A whole ClientHello whose server name is no ASCII, or none at all (Python's own refuses to send it)."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    name = "a" * min(len(sni), 60)
    with contextlib.suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    hello = outgoing.read().replace(name.encode(), sni[: len(name)].ljust(len(name), b"\xff"))
    async with await _connected(address, port) as stream:
        await stream.send_all(hello)
        with contextlib.suppress(trio.BrokenResourceError):
            await stream.receive_some()


@pytest.mark.parametrize("kept_up", ["healthy"], indirect=True)
async def test_no_local_user_ends_a_lab_or_keeps_it_from_others(kept_up: Path) -> None:
    """More silent connections than it may have open files, odd bytes to every server; and it serves the next."""
    async with open_lab(str(kept_up / "lab.json"), endpoints()) as lab, contextlib.AsyncExitStack() as held:
        await _odd_bytes(lab, random.Random(16))
        resolver, port = lab.vantage.resolvers[0], lab.vantage.ports[443]
        # At most as many wait in one queue as it holds; the kernel drops what comes beyond.
        targets = [(address, port) for host, addresses in lab.addresses.items() for address in addresses[:1] if host]
        targets = [(address, number) for address, number in targets if ":" not in address]
        targets.append((resolver.address, resolver.port))
        opened = 0
        while opened < FILES:
            for address, number in targets:
                with trio.move_on_after(1):
                    stream = await _connected(address, number)
                    await held.enter_async_context(stream)
                    opened += 1
                    if opened % 2:
                        await stream.send_all(b"\x16\x03\x01")
        ssm = name_of("ssm")
        (address,) = lab.addresses[ssm][:1]
        with trio.fail_after(60):  # it has the flood to clear away first
            for tcp in (False, True):
                while await ask(ssm, "A", resolver.address, resolver.port, tcp=tcp) != address:
                    continue
            while (await visit(address, port, ssm, lab.origin_file)).word != "answer":
                continue


def test_the_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lab", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n{name} " in f"\n{shown}" for name in SCENARIOS)
    assert max(map(len, shown.splitlines())) <= 80
    assert run(["lab", "list", "--format", "json"]) == 0
    assert [row["scenario"] for row in json.loads(capsys.readouterr().out)] == list(SCENARIOS)


def test_mistakes_are_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["lab", "run", "helthy"], ["lab", "list", "--format", "xml"], ["lab", "run", "-r", "cn-north-1"]):
        assert run(wrong) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
