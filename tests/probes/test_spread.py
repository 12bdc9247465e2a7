"""A pass that is spread over processes sees and says what one process does, however it ends."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trustme
from hypothesis import given
from hypothesis import strategies as st

from netprobe import catalog, requirements
from netprobe.errors import UsageError
from netprobe.observations import Certificate, Ending, Experiment, Observation, Stall, Step, TlsDetail
from netprobe.probes import conversation, plan, rooms, spread
from netprobe.probes.plan import Probe
from netprobe.probes.scene import RunClock, Scene
from netprobe.probes.session import MOST_UNFINISHED, HostSeen, Session
from netprobe.probes.settings import Settings
from netprobe.vantage import Resolver
from tests.support import need, probe_servers
from tests.support.cli import ROOT
from tests.support.netns import Topology

REGIONS = (
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-south-1",
    "eu-west-2",
    "sa-east-1",
    "ca-central-1",
)
DNS = "198.19.0.1"


def targets(*regions: str) -> list[Probe]:
    wanted = requirements.endpoints(catalog.load(), regions=list(regions))
    return plan.make(wanted, [probe_servers.vantage()], Settings()).probes


@given(st.sets(st.sampled_from(REGIONS), min_size=1), st.integers(1, 6))
def test_each_name_is_taken_once_and_a_domain_stays_together(regions: set[str], count: int) -> None:
    found = targets(*sorted(regions))
    parts = spread.shares(found, count)
    assert sorted(number for part in parts for number in part) == list(range(len(found)))
    owners: dict[str, set[int]] = {}
    for owner, part in enumerate(parts):
        for number in part:
            owners.setdefault(found[number].suffix, set()).add(owner)
    assert all(len(each) == 1 for each in owners.values())
    largest = max(Counter(target.suffix for target in found).values())
    assert max(map(len, parts)) - min(map(len, parts)) <= largest


@pytest.mark.parametrize(
    ("processors", "work", "expected"),
    [(1, 10_000, 1), (2, 149, 1), (2, 150, 2), (8, 150, 2), (8, 500, 6), (64, 10_000, spread.MOST)],
)
def test_as_many_processes_as_there_is_work_for(
    processors: int, work: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(processors)))
    assert spread.processes(work) == expected


async def _collect(*frames: bytes) -> Session:
    """Let a process that is none send these bytes."""
    reading, writing = os.pipe()
    os.write(writing, b"".join(frames))
    os.close(writing)
    workers = spread.Workers(time.perf_counter(), {os.getpid(): reading})
    session = Session.begin(Settings(deadline=5), [probe_servers.vantage()], workers.zero())
    try:
        with trio.fail_after(5):
            await workers.collect(session, targets("us-east-2"), None)
    finally:
        os.close(reading)
    return session


def _frame(message: object) -> bytes:
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(4, "big") + data


def _only(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        (group,) = group.exceptions
    return group


@pytest.mark.parametrize(
    ("frames", "kind", "words"),
    [
        ([], spread.WorkerError, "ended without its part"),
        ([b"\0\0\0\x40half"], spread.WorkerError, "ended without its part"),
        ([_frame(spread._Bug("KeyError: deep inside", "Traceback"))], spread.WorkerError, "deep inside"),
        ([_frame(spread._Done(3)), _frame(spread._Mistake("/x", "cannot be read", "name another"))], UsageError, "/x"),
        ([_frame(["nonsense"])], msgspec.ValidationError, "nonsense"),
    ],
)
async def test_a_worker_that_fails_is_no_pass(frames: list[bytes], kind: type[Exception], words: str) -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        await _collect(*frames)
    error = _only(caught.value)
    assert isinstance(error, kind)
    assert words in str(error)


async def test_what_a_worker_learnt_is_known() -> None:
    resolver = Resolver(address="198.19.0.1")
    part = spread._Part(
        controls=[],
        measured=[(Step.TLS, 0.5, 9)],
        gates=[(resolver, 7, 2)],
        notes=["fewer"],
        ended_by="",
        bugs=[],
        intermediates=[],
        unfinished=[],
        stalls=(Stall(started_seconds=0.5, duration_seconds=0.2),),
        left_out=(3, 2, 1),
    )
    session = await _collect(_frame(part))
    assert session.pulse.stalls == part.stalls
    assert session.limits.known() == [(Step.TLS, 0.5, 9)]
    assert (session.gates.of(resolver).answered, session.gates.of(resolver).silent) == (7, 2)
    assert session.notes == ["fewer"]
    assert rooms.refused() == (3, 2, 1)


def _part(**more: Any) -> spread._Part:
    part = spread._Part(
        controls=[],
        measured=[],
        gates=[],
        notes=[],
        ended_by="",
        bugs=[],
        intermediates=[],
        unfinished=[],
        stalls=(),
        left_out=(0, 0, 0),
    )
    return msgspec.structs.replace(part, **more)


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("first", [0, 1])
async def test_an_intermediate_that_another_worker_saw_completes_a_chain(
    shown: bool, first: int, tmp_path: Path
) -> None:
    ca = trustme.CA()
    child = ca.create_child_ca()
    leaf, issuer = (
        ssl.PEM_cert_to_DER_cert(pem.bytes().decode())
        for pem in (child.issue_cert("ssm.us-east-2.amazonaws.com").cert_chain_pems[0], child.cert_pem)
    )
    eyes = probe_servers.vantage(ca=probe_servers.pem(ca, tmp_path / "root.pem"))
    session = Session.begin(Settings(), [eyes], trio.current_time())
    scene = msgspec.structs.replace(probe_servers.scene("ssm.us-east-2.amazonaws.com"), clock=RunClock(-1e6))
    seen = spread._Unfinished(scene, "192.0.2.1", (leaf,), TlsDetail(sni=scene.host, verify="none", origin=False))
    parts = [_part(unfinished=[seen]), _part(intermediates=[issuer] if shown else [])]

    for part in (parts[first], parts[1 - first]):
        message = spread._decoder.decode(spread._encoder.encode(part))
        assert isinstance(message, spread._Part)
        spread._put(message, session)
    conversation.complete_chains(session)

    completed = [o for o in session.controls if o.experiment == conversation.COMPLETED]
    assert len(completed) == int(shown)
    for o in completed:
        assert isinstance(o.detail, TlsDetail)
        assert o.detail.incomplete
        assert 0 <= o.started_seconds < 60


def test_as_many_unfinished_chains_are_kept_as_one_process_keeps() -> None:
    session = Session.begin(Settings(), [probe_servers.vantage()], 0.0)
    scene = Scene(clock=RunClock(0.0), vantage="host", region="", endpoint="", host="a.example", port=443)
    seen = spread._Unfinished(scene, None, (b"",), TlsDetail(sni=None))
    for _ in range(3):
        spread._put(_part(unfinished=[seen] * 100), session)
    assert len(session.unfinished_chains) == MOST_UNFINISHED


def _shown(number: int, experiment: Experiment) -> Observation:
    one = Certificate(
        subject=f"CN={number}", issuer="CN=x", sha256=f"{number:064}", not_before="", not_after="", key="EC secp256r1"
    )
    scene = Scene(clock=RunClock(0.0), vantage="host", region="", endpoint="", host="a.example", port=443)
    return scene.control(experiment).observe(Step.TLS, 0.0, None, TlsDetail(sni=None, chain=(one,)), address="1.2.3.4")


async def test_a_chain_that_several_observations_show_is_kept_once() -> None:
    seen = [
        HostSeen(steps={"1.2.3.4": [_shown(n, Experiment.LAX_CHAIN), _shown(n, Experiment.STRICT_CHAIN)]})
        for n in (1, 2)
    ]
    session = await _collect(_frame(spread._Piece(list(enumerate(seen)))), _frame(_part()))
    chains = [
        o.detail.chain for trace in session.traces for o in trace.observations() if isinstance(o.detail, TlsDetail)
    ]
    assert [one[0].subject for one in chains] == ["CN=1", "CN=1", "CN=2", "CN=2"]
    assert chains[0] is chains[1]
    assert chains[2] is chains[3]
    assert chains[0][0].issuer is chains[2][0].issuer, "a CA that issued all of them is named once"


async def test_what_a_worker_does_not_tell_in_time_was_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is too busy is no bug: what was told before counts, and the rest is told as not run."""
    monkeypatch.setattr(spread, "GRACE", 0.2)
    reading, writing = os.pipe()
    os.write(writing, _frame(spread._Piece([(0, HostSeen(steps={"1.2.3.4": [_shown(1, Experiment.LAX_CHAIN)]}))])))
    workers = spread.Workers(time.perf_counter(), {os.getpid(): reading})
    session = Session.begin(Settings(deadline=0.1), [probe_servers.vantage()], workers.zero())
    try:
        with trio.fail_after(5):
            ended = await workers.collect(session, targets("us-east-2"), None)
    finally:
        os.close(reading)
        os.close(writing)
    assert ended == Ending.DEADLINE
    assert len(session.traces) == 1
    (note,) = session.notes
    assert "counts as not looked at" in note


def test_a_users_mistake_is_told_as_one() -> None:
    mistake = UsageError("/etc/hosts", "cannot be read", "make it readable")
    assert spread._trouble(ExceptionGroup("", [ExceptionGroup("", [mistake])])) == spread._Mistake(
        "/etc/hosts", "cannot be read", "make it readable"
    )
    bug = spread._trouble(ZeroDivisionError("x"))
    assert isinstance(bug, spread._Bug)
    assert bug.summary == "ZeroDivisionError: x"
    assert "ZeroDivisionError" in bug.text


async def test_a_workers_bug_is_told_in_a_line_and_kept_with_its_traceback() -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        await _collect(_frame(spread._Bug("KeyError: 7", "Traceback: line 3")))
    error = _only(caught.value)
    assert str(error) == "KeyError: 7"
    assert "Traceback: line 3" in "".join(traceback.format_exception(error))


@contextmanager
def standing_lab(scenario: str, folder: Path) -> Iterator[tuple[Topology, tuple[str, ...]]]:
    """The lab in a namespace, and the command line to check it from another one."""
    with Topology(routers=0, v6=False) as net:
        net.server.start(
            *("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.support.standing_lab"),
            *(str(folder), DNS, scenario, *REGIONS),
            ready=(folder / "ready").exists,
            within=60,
            log=folder / "lab.log",
        )
        roots = (folder / "ready").read_text()
        options = ("--resolver", DNS, "--ca-file", roots, "--origin-ca", roots, "--no-proxy", "-4", "--format", "json")
        yield net, (sys.executable, "-m", "netprobe", "check", "-r", ",".join(REGIONS), *options)


def _start(net: Topology, command: tuple[str, ...], *, processors: str = "0,1") -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["ip", "netns", "exec", net.client.name, "taskset", "-c", processors, "env", "--default-signal=INT", *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


PLAYS = 3
"""A machine that keeps a run waiting may spoil it: then both are made again, and the last pair counts."""


def _pair(net: Topology, command: tuple[str, ...]) -> tuple[tuple[int, dict[str, Any]], tuple[int, dict[str, Any]]]:
    """What one process says, and what two say."""
    alone = _report(_start(net, command, processors="0"))
    spread_out = _start(net, command)
    children = _children(spread_out)
    together = _report(spread_out)
    assert children == 2
    return alone, together


def _is_late(report: dict[str, Any]) -> bool:
    """Whether this machine kept a run waiting, or the lab: in these scenarios nobody is ever silent."""
    silent = any("timeout" in (one["failure"] or "") for one in report["observations"])
    return silent or bool(report["context"].get("stalls"))


def _report(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    out, err = process.communicate(timeout=90)
    assert out, err
    return process.returncode, json.loads(out)


def _seen(report: dict[str, Any]) -> Counter[tuple[object, ...]]:
    keys = ("vantage", "endpoint", "region", "host", "address", "step", "failure", "experiment")
    return Counter(tuple(one[key] for key in keys) for one in report["observations"])


def _told(report: dict[str, Any]) -> list[dict[str, object]]:
    return [{key: value for key, value in one.items() if key != "evidence"} for one in report["findings"]]


def _said(ended: tuple[int, dict[str, Any]]) -> tuple[object, ...]:
    """What must be the same, however many processes there were."""
    code, report = ended
    return (
        code,
        report["verdict"],
        report["endpoints"],
        report["capabilities"],
        _told(report),
        _seen(report),
    )


def _pids(net: Topology) -> list[str]:
    return subprocess.run(["ip", "netns", "pids", net.client.name], capture_output=True, text=True).stdout.split()


def _needs() -> None:
    need.root()
    need.engine("ip")
    need.engine("nft")
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("a second processor is needed")


@pytest.mark.root
@pytest.mark.parametrize("scenario", ["healthy", "sni-blocked", "tls-intercepted", "incomplete-chain"])
def test_several_processes_report_what_one_does(scenario: str, tmp_path: Path) -> None:
    _needs()
    with standing_lab(scenario, tmp_path) as (net, command):
        patient = (*command, "--timeout", "30")  # or a first pass, and which names are tried again, depend on the load
        for _ in range(PLAYS):
            alone, together = _pair(net, patient)
            if _said(together) == _said(alone) or not (_is_late(alone[1]) or _is_late(together[1])):
                break
    for one, other in zip(_said(together), _said(alone), strict=True):
        assert one == other
    assert len({one["id"] for one in together[1]["observations"]}) == len(together[1]["observations"])
    assert all(0 <= one["started_seconds"] < 60 for one in together[1]["observations"])


def _children(process: subprocess.Popen[str]) -> int:
    """How many processes the command had at most, looked at until it ends or has two."""
    most = 0
    while process.poll() is None and most < 2:
        try:
            most = max(most, len(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()))
        except FileNotFoundError:
            break
        time.sleep(0.005)
    return most


def _wait_until_at_work(process: subprocess.Popen[str]) -> None:
    """Wait until the parent imports in a thread, which it does while it listens, and each worker has a socket."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    end = time.monotonic() + 30
    while len(os.listdir(f"/proc/{process.pid}/task")) < 2 or not all(map(_has_a_socket, children)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it never got to work"
        time.sleep(0.02)
    time.sleep(1)  # for answers, which must be in the report


def _has_a_socket(pid: str) -> bool:
    """Whether a worker has one open; it goes on opening and closing meanwhile."""
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if os.readlink(one).startswith("socket:"):
                return True
    return False


@pytest.mark.root
@pytest.mark.parametrize(
    ("options", "end", "codes", "field"),
    [
        ((), lambda process: process.send_signal(signal.SIGINT), {130}, "interrupted"),
        (("--deadline", "4"), lambda process: None, {1, 4}, "deadline_reached"),
    ],
)
def test_what_was_seen_is_reported_however_it_ends(
    options: tuple[str, ...],
    end: Callable[[subprocess.Popen[str]], None],
    codes: set[int],
    field: str,
    tmp_path: Path,
) -> None:
    _needs()
    with standing_lab("blackhole-all", tmp_path) as (net, command):
        process = _start(net, (*command, *options))
        assert _children(process) == 2
        _wait_until_at_work(process)
        end(process)
        code, report = _report(process)
        left = _pids(net)
    assert code in codes
    assert report["context"][field] is True
    assert report["observations"]
    assert left == []


@pytest.mark.root
def test_a_worker_that_is_killed_is_a_bug_and_leaves_no_process(tmp_path: Path) -> None:
    _needs()
    with standing_lab("blackhole-all", tmp_path) as (net, command):
        process = _start(net, command)
        assert _children(process) == 2
        victim = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
        os.kill(int(victim), signal.SIGKILL)
        out, err = process.communicate(timeout=30)
        left = _pids(net)
    assert process.returncode == 3
    assert out == ""
    assert "bug in netprobe" in err
    assert left == []


@pytest.mark.root
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_their_parent(end: signal.Signals, tmp_path: Path) -> None:
    _needs()
    with standing_lab("blackhole-all", tmp_path) as (net, command):
        process = _start(net, (*command, "--timeout", "30"))
        assert _children(process) == 2
        time.sleep(1)
        process.send_signal(end)
        process.communicate(timeout=5)  # a worker that lived on would hold the streams open
        left = _pids(net)
    assert left == []


_ALONE = """
import os, signal, socket, sys, time, trio
from netprobe import catalog, requirements
from netprobe.probes import spread
from netprobe.probes.plan import make
from netprobe.probes.session import Session
from netprobe.probes.settings import Settings
from netprobe.vantage import Resolver
from tests.support import probe_servers

spread.FROM = spread.EACH = 1
os.sched_getaffinity = lambda _pid: {0, 1}
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 0))
resolver = Resolver(address="127.0.0.1", port=silent.getsockname()[1])
vantages = [probe_servers.vantage(resolvers=(resolver,))]
wanted = requirements.endpoints(catalog.load(), regions=["us-east-2"])
settings = Settings(deadline=20)
layout = make(wanted, vantages, settings)
"""


def _run(script: str) -> str:
    """Run a script in a process of its own, since a test's own has threads and does not fork well."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", _ALONE + script], capture_output=True, text=True, timeout=30, check=True, env=environment
    ).stdout.strip()


def test_a_worker_that_has_not_begun_is_stopped_too() -> None:
    script = """
async def collect(workers):
    session = Session.begin(settings, vantages, workers.zero())
    started = trio.current_time()
    print(await workers.collect(session, layout.probes, None), trio.current_time() - started < 4)

with spread.forked(layout, vantages, settings, print) as workers:
    workers._tell(signal.SIGTERM)
    trio.run(collect, workers)
"""
    assert _run(script) == "interrupted True"


def test_what_reads_certificates_is_imported_before_the_workers_are_forked() -> None:
    script = """
spread.certificates.prepare = lambda: print("prepared")
spread._start = lambda worker, pipes: print("started")
for genuine_chains in (False, True):
    with spread.forked(layout, vantages, Settings(genuine_chains=genuine_chains), print):
        pass
"""
    assert _run(script).split() == ["started", "started", "prepared", "started", "started"]


@pytest.mark.parametrize(("concurrency", "expected"), [(1, 0), (2, 2), (3, 2)])
def test_no_more_connections_than_asked_for(concurrency: int, expected: int) -> None:
    script = f"""
shared = []
spread._start = lambda worker, pipes: shared.append(worker._settings.concurrency)
with spread.forked(layout, vantages, Settings(concurrency={concurrency}), print) as workers:
    print(len(shared), sum(shared) <= {concurrency})
"""
    assert _run(script) == f"{expected} True"


@pytest.mark.parametrize("limited", ["fork", "pipe"])
def test_where_no_process_is_allowed_one_does_it_all(limited: str) -> None:
    script = f"""
allowed, calls = os.{limited}, []
def limited():
    calls.append(1)
    if len(calls) == 2:
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return allowed()
os.{limited} = limited
files = len(os.listdir("/proc/self/fd"))
told = []
with spread.forked(layout, vantages, settings, told.append) as workers:
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        os.waitpid(-1, os.WNOHANG)
        print("a process is left")
    except ChildProcessError:
        print(workers, len(calls), len(os.listdir("/proc/self/fd")) - files, sorted(mask), *told)
"""
    told = "netprobe: one process probes instead of 2, which takes longer: Resource temporarily unavailable"
    assert _run(script) == f"None 2 0 [] {told}"
