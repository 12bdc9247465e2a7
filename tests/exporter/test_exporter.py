"""The exporter, run whole: what it answers, whom it refuses, and that nobody can keep it busy."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import trio
import trio.lowlevel
import trio.testing
import trustme
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from netprobe import catalog
from netprobe.cli import config
from netprobe.cli.exporter import address
from netprobe.cli.main import load_command, run
from netprobe.errors import UsageError
from netprobe.exporter import runs as running
from netprobe.exporter import web
from netprobe.exporter.pages import Pages
from netprobe.exporter.runs import OWN, Runs, TooManyRunsError
from netprobe.exporter.web import Response, WebRequest
from netprobe.exporter.webconfig import Guard, read
from netprobe.findings import Verdict
from netprobe.report.formats.openmetrics import exposition
from netprobe.report.model import Report
from tests.support import need, reports
from tests.support.cli import ROOT, environment, netprobe
from tests.support.netns import Topology
from tests.support.shutdown import fastest_end
from tests.support.switched import SwitchedLab

LOOK = ("-r", "us-east-2", "--account", "123456789012")


@contextmanager
def exporter(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A real exporter on a port of the kernel's choice, and where it is."""
    command = ["env", "--default-signal=INT", sys.executable, "-m", "netprobe", "exporter", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        [*command, *LOOK, *arguments],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"listening on (https?://127\.0\.0\.1:\d+)/", line)
            assert found, line + process.stderr.read()
            yield found[1], process
        finally:
            process.kill()


def fetched(url: str, *, context: ssl.SSLContext | None = None, **headers: str) -> tuple[int, str, Any]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=150, context=context) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers


def when_ready(url: str, **more: Any) -> str:
    """The metrics, once there is a run to tell of."""
    end = time.monotonic() + 90
    while fetched(f"{url}/-/ready", **more)[0] != 200:
        assert time.monotonic() < end
        time.sleep(0.2)
    return fetched(f"{url}/metrics", **more)[1]


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_it_answers(tmp_path: Path) -> None:
    with exporter("--lab", "healthy", "--label", "site=hall-2") as (url, process):
        assert fetched(f"{url}/-/healthy")[0] == 200
        text = when_ready(url)
        found = samples(text)
        assert found["netprobe_ready", ()] == 1
        assert len(found) <= 150, "series of one region"
        assert ("site", "hall-2") in next(labels for name, labels in found if name == "netprobe_host")
        status, body, headers = fetched(f"{url}/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        parse: Any = openmetrics_parser.text_string_to_metric_families
        assert list(parse(body))
        status, page, headers = fetched(f"{url}/report")
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "READY" in page
        index = fetched(f"{url}/")[1]
        for link in re.findall(r'href="([^"]+)"', index):
            assert fetched(f"{url}/{link}")[0] == 200, link
        for wrong in ("etc/passwd", "../../etc/passwd", "report/x", "metrics/", ""):
            assert fetched(f"{url}/{wrong}")[0] == (200 if not wrong else 404), wrong
        textfile = tmp_path / "netprobe.prom"
        netprobe("check", *LOOK, "--lab", "healthy", "--format", "openmetrics", "-o", str(textfile))
        names = {name for name, _ in samples(textfile.read_text())}
        own = ("runs", "every_seconds", "look_impossible")
        assert {name for name, _ in found} - names == {f"netprobe_exporter_{name}" for name in own}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@pytest.mark.parametrize("scenario", ["healthy", "blackhole"])
def test_sigterm_ends_it_within_a_second(scenario: str) -> None:
    """While it waits for the next run, and in the middle of one that meets a black hole, with somebody waiting."""

    @contextmanager
    def running_it() -> Iterator[subprocess.Popen[str]]:
        with exporter("--lab", scenario, "--every", "1h", "--deadline", "60") as (url, process):
            where = urllib.parse.urlsplit(url)
            with socket.create_connection((where.hostname or "", where.port or 0)) as client:
                if scenario == "healthy":
                    when_ready(url)
                else:
                    client.sendall(b"GET /probe?region=eu-west-1 HTTP/1.1\r\nhost: netprobe\r\n\r\n")
                    time.sleep(3.0)
                yield process

    took, code = fastest_end(running_it)
    assert code == 0
    assert took < 1.0


async def test_ending_waits_for_nothing(autojump_clock: trio.testing.MockClock) -> None:
    """In virtual time, with a run, a probe and a client under way: what is left is the machine's own work."""
    runs = Runs(Looking(3600.0), every=300.0)
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    with trio.socket.socket() as client:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(web.serve, [listener], Pages(runs, Guard(None)).answer, lambda: None)
            nursery.start_soon(runs.keep_looking)
            await client.connect(listener.socket.getsockname())
            await client.send(b"GET /probe?region=us-east-2 HTTP/1.1\r\nhost: netprobe\r\n\r\n")
            while len(runs._going) < 2:
                await trio.lowlevel.checkpoint()
            began = trio.current_time()
            nursery.cancel_scope.cancel()
    assert trio.current_time() - began == 0.0


def test_a_probe_is_asked_for_in_the_manner_of_other_exporters() -> None:
    with exporter("--lab", "nxdomain", "--every", "1h") as (url, _):
        found = samples(fetched(f"{url}/probe?region=eu-west-1&as=host&group=secrets")[1])
        assert found["netprobe_ready", ()] == 0
        regions = {dict(labels)["region"] for name, labels in found if name == "netprobe_endpoint_outcome"}
        assert regions == {"eu-west-1"}
        assert any(name == "netprobe_finding" and dict(labels)["id"] == "dns_name_missing" for name, labels in found)
        for query, reason in (
            ("", "region: is missing"),
            ("?region=cn-north-1", "cn-north-1: Amazon ECS Anywhere does not register"),
            ("?region=us-east-2&group=nothing", "nothing: there is no such group"),
            ("?region=us-east-2&proxy=http://x", "proxy: there is no such parameter"),
        ):
            status, body, _ = fetched(f"{url}/probe{query}")
            assert (status, body[: len(reason)]) == (400, reason)


def test_tls_and_passwords(tmp_path: Path) -> None:
    ca = trustme.CA()
    made = ca.issue_cert("127.0.0.1")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    hashed = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
    path = tmp_path / "web.yml"
    tls = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
    path.write_text(f"{tls}basic_auth_users:\n  alice: '{hashed}'\n")
    context = ssl.create_default_context()
    ca.configure_trust(context)

    def asked(user: str, password: str) -> int:
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        return fetched(f"{url}/metrics", context=context, Authorization=f"Basic {credentials}")[0]

    with exporter("--lab", "healthy", "--web-config", str(path)) as (url, _):
        assert url.startswith("https://")
        for page in ("metrics", "report", "probe?region=us-east-2", "-/healthy", ""):
            status, body, headers = fetched(f"{url}/{page}", context=context)
            assert (status, headers["www-authenticate"]) == (401, "Basic")
            assert hashed not in body
        assert [asked(*pair) for pair in (("alice", "right"), ("alice", "wrong"), ("bob", "right"), ("", ""))] == [
            *(200, 401, 401, 401)
        ]
        other = bcrypt.hashpw(b"new", bcrypt.gensalt(4)).decode()
        path.write_text(f"{tls}basic_auth_users:\n  alice: '{other}'\n")
        assert [asked("alice", "right"), asked("alice", "new")] == [401, 200], "a changed file counts at once"
        path.write_text("tls_server_config: [\n")
        assert asked("alice", "new") == 200, "a broken file leaves what was there"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("basic_auth_users: {alice: secret}\n", "is not hashed with bcrypt"),
        ("tls_server_config: {cert_file: a, key_file: b}\n", "its certificate cannot be used (No such file"),
        (
            "tls_server_config: {cert_file: a, key_file: b, min_version: TLS10}\n",
            "min_version: TLS10: is not supported",
        ),
        ("rate_limit: {burst: 20}\n", "unknown field `rate_limit`"),
        ("- a\n", "is no web configuration"),
        ("a: [\n", "it is no YAML"),
    ],
)
def test_a_web_configuration_that_cannot_be_kept_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text(text)
    with pytest.raises(UsageError, match=re.escape(reason)) as caught:
        read(path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["9858", "localhost:9858", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "[::1"])
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is not ADDRESS:PORT"):
        address(text)


def test_addresses() -> None:
    assert address("127.0.0.1:9858") == ("127.0.0.1", 9858)
    assert address("[::1]:0") == ("::1", 0)
    assert address("0.0.0.0:9858") == ("0.0.0.0", 9858)


def test_it_listens_on_loopback_and_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = netprobe("exporter", "--listen", f"127.0.0.1:{port}", *LOOK, "--lab", "healthy")
    assert ended.code == 2
    assert ended.err == (
        f"netprobe: --listen 127.0.0.1:{port}: cannot be used (address already in use); give another port\n"
    )


def test_without_listen_nobody_else_can_reach_it() -> None:
    """A namespace with an address beyond loopback: the exporter is at 127.0.0.1:9858 and nowhere else."""
    need.root()
    need.programs("ss")
    with Topology() as net:
        standing(net, 9858, *LOOK, "--lab", "healthy")
        listening = [line.split()[3] for line in net.client.run("ss", "-Hltn").stdout.splitlines()]
        assert [address for address in listening if address.endswith(":9858")] == ["127.0.0.1:9858"]
        with net.client.entered(), pytest.raises(ConnectionRefusedError):
            socket.create_connection((net.client.v4, 9858), timeout=5)


def standing(net: Topology, port: int, *arguments: str) -> subprocess.Popen[str]:
    """A real exporter on the client of a network."""
    command = ("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "netprobe", "exporter", *arguments)
    return net.client.start(*command, ready=lambda: net.client.listens(port), within=60)


@pytest.mark.parametrize("beyond", [":9858", "*:9858", "9858", "eth0:9858"])
def test_beyond_loopback_only_by_an_address(beyond: str) -> None:
    ended = netprobe("exporter", "--listen", beyond, *LOOK, "--lab", "healthy")
    assert ended.code == 2
    assert "is not ADDRESS:PORT" in ended.err


class Started(Exception):
    """Instead of serving."""


def asked(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[tuple[str, int], Runs, Any]:
    """What an exporter would serve: where, its runs, and the request that they make."""

    def instead(_: object, where: tuple[str, int], web_config: object, runs: Runs, quiet: bool) -> None:
        given.append((where, runs))
        raise Started

    given: list[tuple[tuple[str, int], Runs]] = []
    monkeypatch.setattr(trio, "run", instead)
    monkeypatch.setattr("netprobe.cli.main.keep_traceback", lambda exc, argv: 3)
    assert run(["exporter", *arguments]) == 3
    where, runs = given[0]
    return where, runs, runs._look._request  # type: ignore[attr-defined]


def test_the_table_of_netprobe_toml_says_what_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netprobe.toml").write_text(
        'region = ["us-east-2"]\ntimeout = 4\n[exporter]\nregion = ["eu-west-1", "eu-central-1"]\nas = ["host"]\n'
        'with = ["secrets"]\nevery = "7m"\nlisten = "127.0.0.1:0"\nstrict = true\nlab = "healthy"\n'
    )
    monkeypatch.chdir(tmp_path)
    where, runs, request = asked(monkeypatch)
    assert where == ("127.0.0.1", 0)
    assert (runs.every, runs.strict) == (420.0, True)
    assert (request.regions, request.agents, request.groups) == (("eu-west-1", "eu-central-1"), ("host",), ("secrets",))
    assert (request.timeout, request.lab) == (4.0, "healthy")


ONE_LOOK_ALONE = {
    *("format", "output", "report", "full", "docs-base", "schema", "verbose"),  # /report and /metrics are its formats
    *("handoff", "handoff-target", "transcript"),  # written once, by a person
    *("watch", "until", "for", "wait"),  # it does nothing but look again
}


def test_it_has_the_options_of_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def keys(command: str) -> set[str]:
        return {config.key_of(one) for one in load_command(command).params if one.param_type_name == "option"}

    assert keys("check") - keys("exporter") == ONE_LOOK_ALONE
    assert keys("exporter") - keys("check") == {"listen", "every", "web-config"}
    task = tmp_path / "task.json"
    task.write_text('{"family":"f","containerDefinitions":[{"name":"a","image":"public.ecr.aws/x/y:1"}]}')
    more = ("--task-definition", str(task), "--locate", "--idle", "75", "--strict", "--lab", "healthy")
    _, runs, request = asked(monkeypatch, *LOOK, *more)
    assert (request.task_definitions, request.locate, request.idle) == ([task], True, 75.0)
    assert runs.strict


def test_with_strict_a_warning_is_not_ready() -> None:
    warned = reports.report(verdict=Verdict.DEGRADED)
    for strict, ready in ((False, 1), (True, 0)):
        assert samples(exposition(warned, strict=strict))["netprobe_ready", ()] == ready
        runs = Runs(Looking(0), every=1, strict=strict)
        runs._keep(OWN, warned)
        assert bool(runs.last_success) is bool(ready)


def test_a_dead_resolver_never_piles_up_runs() -> None:
    """A resolver whose packets are dropped on the way, and twelve who ask at once, again and again."""
    need.root()
    need.programs("nft")
    with Topology(routers=1) as net:
        net.routers[0].nft(
            "table inet t {\n counter dropped { }\n chain f {\n type filter hook forward priority 0;\n"
            "meta l4proto { tcp, udp } th dport 53 counter name dropped drop\n }\n}\n"
        )
        arguments = ("-r", "us-east-2", "--every", "10s", "--resolver", "198.19.0.53", "--no-proxy", "-4")
        process = standing(net, 9858, *arguments, "--deadline", "4", "--timeout", "1")
        regions = [r.id for r in catalog.load().supported()][:12]
        statuses: list[int] = []
        most = {"sockets": 0, "threads": 0}

        def ask(region: str) -> None:
            with net.client.entered():
                for _ in range(3):
                    statuses.append(fetched(f"http://127.0.0.1:9858/probe?region={region}")[0])

        askers = [threading.Thread(target=ask, args=(region,)) for region in regions]
        for one in askers:
            one.start()
        folder = Path(f"/proc/{process.pid}")
        while any(one.is_alive() for one in askers):
            most["sockets"] = max(most["sockets"], len(list((folder / "fd").iterdir())))
            most["threads"] = max(most["threads"], len(list((folder / "task").iterdir())))
            time.sleep(0.1)
        for one in askers:
            one.join()
        # Three runs at once have so many sockets, and all twelve would have four times as many.
        with net.client.entered():
            assert fetched("http://127.0.0.1:9858/-/healthy")[0] == 200
        assert set(statuses) <= {200, 503}
        assert {200, 503} <= set(statuses), "some were answered, and some were turned away"
        assert "packets 0 " not in net.routers[0].run("nft", "list", "counters").stdout
        assert most["threads"] < 20, most
        assert most["sockets"] < 400, most


async def served(client: Any, answering: Any = None, *, secured: ssl.SSLContext | None = None) -> float:
    """Serve one client in virtual time; give how long it was served."""

    async def hello(request: WebRequest) -> Response:
        return Response(body=b"x" * (64 << 20))

    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    where = listener.socket.getsockname()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(web.serve, [listener], answering or hello, lambda: secured)
        began = trio.current_time()
        await client(where)
        nursery.cancel_scope.cancel()
    return trio.current_time() - began


@pytest.mark.parametrize("sent", [b"", b"GET /metrics HT", b"GET / HTTP/1.1\r\nhost: a\r\nx: "])
async def test_a_client_that_is_slow_to_ask_is_let_go(sent: bytes) -> None:
    async def client(where: tuple[str, int]) -> None:
        stream = await dialled(where)
        async with stream:
            await stream.send_all(sent)
            while await stream.receive_some():
                pass

    assert await short(client) < 3


async def dialled(where: tuple[str, int]) -> trio.SocketStream:
    sock = trio.socket.socket()
    await sock.connect(where)
    return trio.SocketStream(sock)


async def short(client: Any, answering: Any = None) -> float:
    """Serve with a limit of one second in the place of thirty: sockets know no virtual time."""
    before, web.SECONDS = web.SECONDS, 1.0
    try:
        with trio.fail_after(20):
            return await served(client, answering)
    finally:
        web.SECONDS = before


REFUSED = {
    "a head of a megabyte": (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * (1 << 20), b"431"),
    "a body of four": (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4194304\r\n\r\n" + b"y" * (4 << 20), b"405"),
    "no request": (b"\x16\x03\x01" + b"y" * (1 << 20), b"4"),
}


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("asked", REFUSED)
async def test_a_large_request_is_told_why_it_is_refused(asked: str, secured: bool) -> None:
    """The client sends all of it before it reads, as most do; a reset would take the answer from it."""
    request, status = REFUSED[asked]
    authority = trustme.CA()
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    answer = b""

    async def client(where: tuple[str, int]) -> None:
        nonlocal answer
        plain = await dialled(where)
        stream = trio.SSLStream(plain, trusting, server_hostname="localhost") if secured else plain
        async with plain:
            await stream.send_all(request)
            while b"\r\n\r\n" not in answer:
                answer += await stream.receive_some() or pytest.fail(f"closed after {answer!r}")

    await served(client, secured=serving if secured else None)
    assert answer.startswith(b"HTTP/1.1 " + status), answer


async def test_a_client_that_never_ends_its_refused_request_is_let_go() -> None:
    async def client(where: tuple[str, int]) -> None:
        stream = await dialled(where)
        async with stream:
            with contextlib.suppress(trio.BrokenResourceError):
                while True:
                    await stream.send_all(b"y" * (1 << 20))

    with trio.fail_after(20):
        assert await served(client) < 5


async def test_a_client_that_does_not_take_its_answer_is_let_go() -> None:
    async def client(where: tuple[str, int]) -> None:
        stream = await dialled(where)
        async with stream:
            await stream.send_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            await trio.sleep(3)
            received = 0
            with contextlib.suppress(trio.BrokenResourceError):
                while chunk := await stream.receive_some(1 << 20):
                    received += len(chunk)
            assert received < 64 << 20

    assert await short(client) < 10


async def test_a_header_of_a_megabyte_is_refused_at_once() -> None:
    async def client(where: tuple[str, int]) -> None:
        stream = await dialled(where)
        async with stream:
            with contextlib.suppress(trio.BrokenResourceError):
                await stream.send_all(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * (1 << 20))
                assert not (await stream.receive_some()).startswith(b"HTTP/1.1 200")

    assert await short(client) < 1


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x00\xff", b"HELLO\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
async def test_what_is_no_http_gets_400(sent: bytes) -> None:
    async def client(where: tuple[str, int]) -> None:
        stream = await dialled(where)
        async with stream:
            await stream.send_all(sent + b"\r\n\r\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 400 ")

    await short(client)


async def test_other_methods_are_refused_and_a_connection_is_used_again() -> None:
    async def client(where: tuple[str, int]) -> None:
        stream = await dialled(where)
        async with stream:
            for _ in range(2):
                await stream.send_all(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n")
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")
            await stream.send_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 405 ")

    await short(client)


async def test_one_client_never_holds_up_another() -> None:
    async def client(where: tuple[str, int]) -> None:
        silent = [await dialled(where) for _ in range(2 * web.MOST_CLIENTS)]
        stream = await dialled(where)
        async with stream:
            await stream.send_all(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")
        for one in silent:
            await one.aclose()

    assert await short(client) < 1


class Looking:
    """Runs that take their time, counted."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.going = self.most = 0
        self.made: list[tuple[str, ...]] = []

    async def __call__(self, key: tuple[str, ...]) -> Report:
        self.made.append(key)
        self.going += 1
        self.most = max(self.most, self.going)
        await trio.sleep(self.seconds)
        self.going -= 1
        return reports.ready()


def middle(low: float, high: float) -> float:
    return (low + high) / 2


async def test_a_black_hole_never_piles_up_runs(autojump_clock: trio.testing.MockClock) -> None:
    looking = Looking(60.0)
    runs = Runs(looking, every=10.0, chance=middle)
    refused = 0

    async def ask(number: int) -> None:
        nonlocal refused
        try:
            await runs.answer((f"region=r{number}",))
        except TooManyRunsError:
            refused += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(runs.keep_looking)
        for number in range(100):
            nursery.start_soon(ask, number)
        await trio.sleep(3600)
        nursery.cancel_scope.cancel()
    assert looking.most == running.MOST_AT_ONCE + 1
    assert refused == 100 - running.MOST_WAITING
    assert 50 <= looking.made.count(OWN) <= 60


async def test_equal_questions_share_one_run_and_soon_after_its_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    looking = Looking(5.0)
    runs = Runs(looking, every=300.0)
    key = ("region=us-east-2",)
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(runs.answer, key)
    await runs.answer(key)
    assert looking.made == [key]
    await trio.sleep(running.FRESH_SECONDS + 1)
    await runs.answer(key)
    assert looking.made == [key, key]


async def test_a_look_that_is_impossible_is_told_and_tried_again(autojump_clock: trio.testing.MockClock) -> None:
    async def look(key: tuple[str, ...]) -> Report:
        if trio.current_time() < 15:
            raise UsageError("/etc/resolv.conf", "cannot be read", "wait")
        return reports.ready()

    runs = Runs(look, every=10.0, chance=middle)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runs.keep_looking)
        await trio.sleep(5)
        assert "cannot be read" in runs.trouble
        assert runs.latest is None
        await trio.sleep(20)
        assert runs.trouble == ""
        latest: Report | None = runs.latest
        assert latest == reports.ready()
        nursery.cancel_scope.cancel()


async def test_only_so_many_answers_are_kept() -> None:
    runs = Runs(Looking(0), every=1)
    for number in range(1000):
        runs._keep((str(number),), reports.ready())
    assert len(runs._kept) == running.MOST_KEPT


def test_a_secret_is_nowhere(tmp_path: Path) -> None:
    environ = {"HTTPS_PROXY": "http://user:hunter2@127.0.0.1:3128"}
    os.environ.update(environ)
    try:
        with exporter("--lab", "proxy", "--proxy", environ["HTTPS_PROXY"]) as (url, _):
            when_ready(url)
            for page in ("metrics", "report", "", "probe?region=us-east-2"):
                assert "hunter2" not in fetched(f"{url}/{page}")[1]
    finally:
        os.environ.pop("HTTPS_PROXY")


def test_the_fault_of_a_lab_comes_and_goes(tmp_path: Path) -> None:
    lab = SwitchedLab(tmp_path)
    try:
        lab.play("healthy")
        with exporter("--lab", str(lab.file), "--every", "10s") as (url, _):
            assert samples(when_ready(url))["netprobe_ready", ()] == 1
            lab.play("expired")
            end = time.monotonic() + 90
            while samples(fetched(f"{url}/metrics")[1])["netprobe_ready", ()] == 1:
                assert time.monotonic() < end
                time.sleep(0.5)
            assert json.dumps(fetched(f"{url}/report")[1]).count("NOT READY")
    finally:
        lab.end()
