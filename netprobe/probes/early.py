"""What of a run begins before there is an event loop: its first questions, or the processes that it is spread over.

Two fifths of a start are what drives the probes (trio, and what it brings along), and the network would idle
meanwhile. What is to be asked is known before. So the questions with which a first pass begins leave first, and their
answers are under way while the rest is imported. They are those that the pass would send itself, on the same kind of
socket; :mod:`netprobe.probes.dns` takes each of them up where it would have sent it. What is not sent here, whatever
the reason, is sent there.

An answer is read late, so when it arrived is the kernel's word (``SO_TIMESTAMPNS``, socket(7)).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from netprobe.probes import descriptors, dnswire, hostsfile, plan, sockets
from netprobe.probes.dnswire import Question
from netprobe.probes.plan import Plan, Probe
from netprobe.probes.settings import IN_FLIGHT
from netprobe.vantage import Resolver

if TYPE_CHECKING:
    from netprobe.probes.spread import Workers

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the control message that it asks for has the same number
_TIMESPEC = struct.Struct("@ll")
_Key = tuple[Resolver, str, int]


class Sent(msgspec.Struct, frozen=True):
    """One question that is under way.

    Attributes:
        sock: where its answer arrives; whoever takes it closes it.
        question: what was asked.
        moment: when it was sent, on ``time.perf_counter``.
    """

    sock: socket.socket
    question: Question
    moment: float

    def receive(self, most: int) -> tuple[bytes, float]:
        """A datagram that has arrived, and how many seconds ago it did.

        Args:
            most: the bytes that are read of it.

        Raises:
            BlockingIOError: none has.
            OSError: the network reported an error.
        """
        data, control, _, _ = self.sock.recvmsg(most, 64)
        for level, kind, told in control:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(told) == _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack(told)
                ago = time.time() - seconds - nanoseconds / 1e9
                # The clock of the day may have been set meanwhile; what was sent at a moment is answered behind it.
                return data, min(max(ago, 0.0), time.perf_counter() - self.moment)
        return data, 0.0


class Asked:
    """The questions that are under way, each for one who takes it up.

    Args:
        sent: resolver, name and family → what was sent.
    """

    def __init__(self, sent: dict[_Key, Sent]) -> None:
        self._sent = sent
        self.began = min((one.moment for one in sent.values()), default=None)
        """When the first of them was sent, on ``time.perf_counter``; None where none was."""

    def count(self, resolver: Resolver) -> int:
        """How many are under way to one resolver that nobody took up yet."""
        return sum(asked == resolver for asked, _, _ in self._sent)

    def take(self, resolver: Resolver, name: str, family: int) -> Sent | None:
        """A question that was sent, for the one that asks it; None where it was not sent yet.

        Args:
            resolver: who is asked.
            name: for which name.
            family: 4 for A, 6 for AAAA.
        """
        return self._sent.pop((resolver, name, family), None) if self._sent else None

    def close(self) -> None:
        """Forget what nobody took."""
        while self._sent:
            self._sent.popitem()[1].sock.close()


NOTHING = Asked({})


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that began before its event loop.

    Attributes:
        layout: what it takes up.
        asked: its first questions.
        workers: the processes that make its first pass; None where the loop's own does.
    """

    layout: Plan
    asked: Asked = NOTHING
    workers: Workers | None = None


def ask(probes: Iterable[Probe]) -> Asked:
    """Send the first questions of a run: as many as may be in flight to a resolver, and as there are open files for.

    Args:
        probes: the whole run's, in their order.

    Raises:
        UnreadableFileError: a hosts file cannot be read.
    """
    wanted: dict[_Key, None] = {}
    for vantage, name, families in plan.first_questions(probes):
        if vantage.searched(name) or hostsfile.lookup(vantage.hosts_file, name):
            continue
        wanted.update(dict.fromkeys((r, name, f) for r in vantage.resolvers if not r.tcp for f in families))
    sent: dict[_Key, Sent] = {}
    under_way: Counter[Resolver] = Counter()
    room = descriptors.room()
    for resolver, name, family in wanted:
        if under_way[resolver] == IN_FLIGHT or len(sent) == room:
            continue
        with contextlib.suppress(OSError):  # the pass meets it again, and tells it
            sent[resolver, name, family] = _send(resolver, name, family)
            under_way[resolver] += 1
    return Asked(sent)


def _send(resolver: Resolver, name: str, family: int) -> Sent:
    sock = sockets.plain_socket(resolver.address, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.connect(sockets.sockaddr(resolver.address, resolver.port))
        question = dnswire.question(name, family)
        moment = time.perf_counter()
        sock.send(question.wire)
    except BaseException:
        sock.close()
        raise
    return Sent(sock, question, moment)
