"""A large first pass in several processes: one interpreter uses one processor, and TLS handshakes are work.

Measured on two processors (tests/bench): 1,000 hosts in 1.4 s where one process takes 1.9 s, the servers included;
threads gain nothing. Where a run has less to do than :data:`FROM`, the round trips decide and not the processor, and
nothing is spread.

The processes are forked before the event loop begins, so that what was imported is shared. Each takes the hosts of some
domains, with its share of the connections and of the questions in flight, and sends back what it saw; this process puts
it together, as if it had seen it all itself, and makes the control probes, which must know the whole pass. A worker
ignores Ctrl-C, which a terminal sends to all: this process tells the workers to stop, and waits for what they have.
Where this process ends without a word (SIGTERM, SIGKILL), so do they. Where no more processes are allowed, it makes the
pass itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
import trio

from netprobe import interrupts
from netprobe.errors import UsageError
from netprobe.observations import Ending, Observation, Stall, Step, TlsDetail
from netprobe.probes import certificates, descriptors, memory, rooms
from netprobe.probes.bugs import Bug
from netprobe.probes.first_pass import Progress, bounded, first_pass, load
from netprobe.probes.plan import Plan, Probe
from netprobe.probes.scene import RunClock, Scene
from netprobe.probes.session import HostSeen, Session, Trace, UnfinishedChain
from netprobe.probes.settings import SPREAD_FROM, Settings
from netprobe.vantage import Resolver, Vantage

FROM = SPREAD_FROM
EACH = 75
"""The fewest hosts for a process."""
MOST = 8
GRACE = 10.0
"""Seconds after the deadline in which a worker must have sent what it has."""
_REPORT_EVERY = 16
_TOO_LATE = (
    f"this machine was so busy that {GRACE:.0f} s after the deadline not all was told of what was seen; what was not "
    "told counts as not looked at: run the check again when it is less busy, or with a longer --deadline"
)
_TRACES = 32
"""Targets in one message."""
_LENGTH = 4
S = TypeVar("S", bound=HostSeen)


class _Done(msgspec.Struct, array_like=True, tag="done"):
    """So many probes are done."""

    count: int


class _Unfinished(msgspec.Struct, array_like=True):
    """A chain that leads to no root by itself: what one host left out, a host of another worker may have shown."""

    scene: Scene
    address: str | None
    chain: tuple[bytes, ...]
    detail: TlsDetail


class _Piece(msgspec.Struct, array_like=True, tag="piece"):
    """What one worker saw of some probes, by their numbers in the plan: all at once would be in memory thrice."""

    seen: list[tuple[int, HostSeen]]


class _Part(msgspec.Struct, array_like=True, tag="part"):
    """What one worker saw beside its probes, and learnt; the last that it sends."""

    controls: list[Observation]
    measured: list[tuple[Step, float, int]]
    gates: list[tuple[Resolver, int, int]]
    notes: list[str]
    ended_by: str
    bugs: list[Bug]
    intermediates: list[bytes]
    unfinished: list[_Unfinished]
    stalls: tuple[Stall, ...]
    left_out: tuple[int, ...]


class _Mistake(msgspec.Struct, array_like=True, tag="mistake"):
    """The user's."""

    value: str
    reason: str
    remedy: str


class _Bug(msgspec.Struct, array_like=True, tag="bug"):
    """Ours: in a line, and with its traceback."""

    summary: str
    text: str


_Message = _Done | _Piece | _Part | _Mistake | _Bug


def _leave_clock_out(_clock: object) -> None:
    """Another process has a clock of its own."""


def _no_clock(_kind: type, _nothing: object) -> RunClock:
    """A clock that is to be replaced by the reader's."""
    return RunClock()


_encoder = msgspec.msgpack.Encoder(enc_hook=_leave_clock_out)
_decoder = msgspec.msgpack.Decoder(_Message, dec_hook=_no_clock)


class WorkerError(Exception):
    """A worker ended without its part: a bug, with the worker's own traceback as a note where it had one."""


def processes(work: int) -> int:
    """Into how many processes a pass is spread; 1 for none.

    Args:
        work: how much there is to do, in hosts.
    """
    return max(1, min(len(os.sched_getaffinity(0)), work // EACH, MOST)) if work >= FROM else 1


def shares(probes: Sequence[Probe], count: int) -> list[list[int]]:
    """The numbers of the probes that each of ``count`` workers takes.

    Names of one domain stay together: what tells an absent number from a present one is asked once for a domain.
    """
    domains: dict[str, list[int]] = {}
    for number, probe in enumerate(probes):
        domains.setdefault(probe.suffix, []).append(number)
    found: list[list[int]] = [[] for _ in range(count)]
    for numbers in sorted(domains.values(), key=len, reverse=True):
        min(found, key=len).extend(numbers)
    return [sorted(numbers) for numbers in found]


class Workers:
    """The processes that make one run's first pass.

    Args:
        began: when the run began, on ``time.perf_counter``.
        pipes: process id → the pipe that it writes to.
    """

    def __init__(self, began: float, pipes: dict[int, int]) -> None:
        self._began = began
        self._pipes = pipes

    def zero(self) -> float:
        """The moment the run began, on trio's clock."""
        return trio.current_time() - (time.perf_counter() - self._began)

    async def collect(self, session: Session, probes: Sequence[Probe], progress: Progress | None) -> str:
        """Wait for every worker's part and put it into the session; say what ended the pass early, or nothing.

        Raises:
            UsageError: a worker met a mistake of the user's.
            WorkerError: one ended without its part.
        """
        ended: list[str] = []
        done = 0

        async def listen(pid: int) -> None:
            nonlocal done
            stream = trio.lowlevel.FdStream(os.dup(self._pipes[pid]))
            async with stream, contextlib.aclosing(_messages(stream)) as messages:
                async for message in messages:
                    if isinstance(message, _Done):
                        done += message.count
                        if progress is not None:
                            progress(done, len(probes))
                    elif isinstance(message, _Piece):
                        _put_piece(message, session, probes)
                    elif isinstance(message, _Part):
                        _put(message, session)
                        ended.append(message.ended_by)
                        return
                    elif isinstance(message, _Mistake):
                        raise UsageError(message.value, message.reason, message.remedy)
                    else:
                        bug = WorkerError(message.summary)
                        bug.add_note(message.text)
                        raise bug
            raise WorkerError(f"worker {pid} ended without its part")

        async def interrupt() -> None:
            with trio.open_signal_receiver(signal.SIGINT) as signals:
                async for _ in signals:
                    self._tell(signal.SIGTERM)

        with trio.move_on_at(session.zero + session.settings.deadline + GRACE) as waiting:
            async with trio.open_nursery() as outer:
                outer.start_soon(interrupt)
                async with trio.open_nursery() as nursery:
                    for pid in self._pipes:
                        nursery.start_soon(listen, pid)
                outer.cancel_scope.cancel()
        if waiting.cancelled_caught:
            ended.append(Ending.DEADLINE)
            session.notes.append(_TOO_LATE)
        places = {id(probe): number for number, probe in enumerate(probes)}
        session.traces.sort(key=lambda trace: places[id(trace.probe)])  # not in the order in which workers ended
        if Ending.INTERRUPTED in ended:
            interrupts.patient()
            return Ending.INTERRUPTED
        return Ending.DEADLINE if Ending.DEADLINE in ended else ""

    def _tell(self, what: int) -> None:
        for pid in self._pipes:
            with contextlib.suppress(ProcessLookupError):  # it has ended, which is what was wanted
                os.kill(pid, what)

    def end(self) -> None:
        """End and reap whatever is left of the processes."""
        self._tell(signal.SIGKILL)
        while self._pipes:
            pid, pipe = self._pipes.popitem()
            os.close(pipe)
            with contextlib.suppress(ChildProcessError):  # it was reaped when its end was told
                os.waitpid(pid, 0)


@contextlib.contextmanager
def forked(
    layout: Plan, vantages: Sequence[Vantage], settings: Settings, tell: Callable[[str], None]
) -> Iterator[Workers | None]:
    """Start the workers of a run, before any event loop runs; None where the run is too small for more than one.

    Args:
        layout: the run.
        vantages: as whom to look.
        settings: limits and choices.
        tell: called with what the user should know, in a line.
    """
    count = min(processes(layout.work), settings.concurrency)
    if count == 1:
        yield None
        return
    if settings.genuine_chains:
        certificates.prepare()  # once for all, or every worker would do it in the middle of a handshake
    load()
    memory.settle()  # or the first look for garbage would copy every page that is shared
    began = time.perf_counter()
    pipes: dict[int, int] = {}
    workers = Workers(began, pipes)
    started: Workers | None = workers
    try:
        try:
            for number in range(count):
                _start(_Worker(layout, vantages, settings, number, count, began), pipes)
        except OSError as error:
            tell(f"netprobe: one process probes instead of {count}, which takes longer: {error.strerror}")
            workers.end()
            started = None
        yield started
    finally:
        workers.end()


def _start(worker: _Worker, pipes: dict[int, int]) -> None:
    """Fork a worker and enter it into ``pipes``.

    Raises:
        OSError: this system allows no more processes, or files.
    """
    reading, writing = os.pipe()
    # A signal in between must find neither a worker that takes itself for its parent, nor one that would miss it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        pid = os.fork()
        if pid == 0:
            for other in (reading, *pipes.values()):  # a pipe breaks when nobody holds its reading end
                os.close(other)
            _live(worker, writing)
        pipes[pid] = reading
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class _Worker:
    """One process's share of the work."""

    def __init__(
        self,
        layout: Plan,
        vantages: Sequence[Vantage],
        settings: Settings,
        number: int,
        count: int,
        began: float,
    ) -> None:
        share = settings.concurrency // count
        self._layout, self._vantages = layout, vantages
        self._settings, self._notes = descriptors.within_limits(
            msgspec.structs.replace(settings, concurrency=share), vantages
        )
        self._number, self._count, self._began = number, count, began

    async def work(self, pipe: int) -> None:
        """Make the pass, and send what was seen."""
        zero = Workers(self._began, {}).zero()
        session = Session.begin(self._settings, self._vantages, zero, among=self._count)
        rooms.share(self._count)
        probes = self._layout.probes
        self._layout.clock.zero = zero
        mine = shares(probes, self._count)[self._number]
        told = 0

        def progress(done: int, total: int) -> None:
            nonlocal told
            if done - told >= _REPORT_EVERY or done == total:
                _send(pipe, _Done(done - told))
                told = done

        async def work() -> None:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # one that came until now is heard now
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_end_with_reader, pipe)
                await first_pass(session, [probes[number] for number in mine], progress)
                nursery.cancel_scope.cancel()

        ended_by = await bounded(session, work, signal.SIGTERM)
        numbers = {id(probes[number]): number for number in mine}
        memory.give_back()  # what the connections took; now the other process needs it
        while session.traces:
            some, session.traces[-_TRACES:] = session.traces[-_TRACES:], []
            _send(pipe, _Piece([(numbers[id(trace.probe)], _common(HostSeen, trace)) for trace in some]))
        part = _Part(
            controls=session.controls,
            measured=session.limits.known(),
            gates=[(resolver, gate.answered, gate.silent) for resolver, gate in session.gates.made.items()],
            notes=list(self._notes),
            ended_by=ended_by,
            bugs=session.bugs,
            intermediates=sorted(session.intermediates),
            unfinished=[
                _Unfinished(seen.scene, seen.address, seen.chain, seen.detail) for seen in session.unfinished_chains
            ],
            stalls=session.pulse.stalls,
            left_out=rooms.refused(),
        )
        _send(pipe, part)


def _live(worker: _Worker, pipe: int) -> None:
    """A worker's whole life; it never returns into what its parent was doing."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # Listened to while there is something to stop. SIG_IGN would forget one that came before (sigaction(2)).
        signal.signal(signal.SIGTERM, lambda *_: None)
        trio.run(worker.work, pipe)
        status = 0
    except BaseException as error:
        with contextlib.suppress(OSError):  # nobody listens any more: the parent is gone, and so is who would be told
            _send(pipe, _trouble(error))
    finally:
        os._exit(status)


async def _end_with_reader(pipe: int) -> None:
    """Wait until nobody reads a pipe any more, and say so.

    Raises:
        BrokenPipeError: its reader is gone.
    """
    await trio.lowlevel.wait_readable(pipe)  # the end that is written to has nothing to read but its own end
    raise BrokenPipeError


def _trouble(error: BaseException) -> _Mistake | _Bug:
    inner = error
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    if isinstance(inner, UsageError):
        return _Mistake(inner.value, inner.reason, inner.remedy)
    return _Bug(f"{type(inner).__name__}: {inner}", "".join(traceback.format_exception(error)))


def _send(pipe: int, message: _Message) -> None:
    """Write a message; the pipe is a worker's own, and nothing else of it waits."""
    data = _encoder.encode(message)
    left = memoryview(len(data).to_bytes(_LENGTH, "big") + data)
    while left:
        left = left[os.write(pipe, left) :]


async def _messages(stream: trio.lowlevel.FdStream) -> AsyncGenerator[_Message, None]:
    """The messages that come through a pipe, until its writer is gone."""
    data = bytearray()
    async for part in stream:
        data += part
        while len(data) >= _LENGTH and len(data) >= (end := _LENGTH + int.from_bytes(data[:_LENGTH], "big")):
            yield _decoder.decode(bytes(data[_LENGTH:end]))
            del data[:end]


def _common(kind: type[S], seen: HostSeen, **more: Any) -> S:
    """A trace without its probe, or with one: what both have is the same."""
    fields: dict[str, Any] = {name: getattr(seen, name) for name in HostSeen.__struct_fields__}
    return kind(**fields, **more)


def _put_piece(piece: _Piece, session: Session, probes: Sequence[Probe]) -> None:
    """Make what was seen of some probes this process's own; chains that say the same are kept once."""
    for number, seen in piece.seen:
        trace = _common(Trace, seen, probe=probes[number])
        session.traces.append(trace)
        for observation in trace.observations():
            if isinstance(observation.detail, TlsDetail):
                _keep_once(observation.detail)


def _keep_once(detail: TlsDetail) -> None:
    """Let details that hold the same chain hold one: between processes each came with its own."""
    if detail.chain:
        chain = certificates.kept_once(detail.chain)
        msgspec.structs.force_setattr(detail, "chain", chain)  # nobody else has it yet


def _put(part: _Part, session: Session) -> None:
    """Make a part of this process's own session."""
    rooms.adopt(part.left_out)
    session.controls.extend(part.controls)
    session.notes.extend(part.notes)
    session.bugs.extend(part.bugs)
    session.keep_intermediates(part.intermediates)
    for unfinished in _unfinished(part, session):
        session.keep_unfinished(unfinished)
    session.pulse.adopt(part.stalls)
    session.limits.adopt(part.measured)
    for resolver, answered, silent in part.gates:
        gate = session.gates.of(resolver)
        gate.answered += answered
        gate.silent += silent


def _unfinished(part: _Part, session: Session) -> Iterator[UnfinishedChain]:
    """A worker's chains on this process's clock, each with the eyes that saw it."""
    by_name = {vantage.name: vantage for vantage in session.vantages}
    clock = RunClock(session.zero)
    for seen in part.unfinished:
        yield UnfinishedChain(
            scene=msgspec.structs.replace(seen.scene, clock=clock),
            address=seen.address,
            chain=seen.chain,
            detail=seen.detail,
            vantage=by_name[seen.scene.vantage],
        )
