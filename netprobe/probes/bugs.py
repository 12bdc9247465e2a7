"""A bug of ours in one probe: that host's ``unknown_failure``, and nobody else's.

A peer may find a bug that no test found. Whoever runs a check then still gets every other result, and a note that tells
which host it was and where the traceback is.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator, Sequence

import msgspec
import trio

from netprobe.errors import NetprobeError, printable
from netprobe.observations import (
    Detail,
    DnsDetail,
    Failure,
    HttpDetail,
    Observation,
    ProxyDetail,
    Step,
    TcpDetail,
    TlsDetail,
)
from netprobe.probes.scene import Scene

MAX_KEPT = 50
"""Bugs of which the traceback is kept; a peer may meet one with every host."""
_NEXT = {Step.DNS: Step.TCP, Step.TCP: Step.TLS, Step.PROXY: Step.TLS, Step.TLS: Step.HTTP, Step.HTTP: Step.WEBSOCKET}


class Bug(msgspec.Struct, frozen=True, kw_only=True):
    """One bug that was met.

    Attributes:
        host: with which host.
        summary: the exception in a line.
        text: its traceback.
    """

    host: str
    summary: str
    text: str


@contextlib.contextmanager
def contained(met: list[Bug], host: str) -> Iterator[list[Bug]]:
    """Keep a bug of the probe within, and go on; users' mistakes and cancellation pass.

    Args:
        met: where the bug goes; other hosts' go there meanwhile.
        host: what is probed.

    Yields:
        A list that holds the bug afterwards, where there was one.
    """
    mine: list[Bug] = []
    try:
        yield mine
    except Exception as error:
        if _is_no_bug(error):
            raise
        text = "".join(traceback.format_exception(error)) if len(met) < MAX_KEPT else ""
        summaries = dict.fromkeys(printable(f"{type(one).__name__}: {one}") for one in _alone(error))
        mine.extend(Bug(host=host, summary=summary, text=text) for summary in summaries)
        met.extend(mine)


@contextlib.contextmanager
def seen_as_unknown(
    met: list[Bug], scene: Scene, seen: list[Observation], *, first: Step, address: str | None = None
) -> Iterator[None]:
    """Keep a bug of the probe within, and record it as the failure of the step that was under way.

    Args:
        met: where the bug goes.
        scene: what is probed.
        seen: where the observation goes; what stands there already tells which step came next.
        first: the step with which it begins.
        address: the address that is probed, where there is one.
    """
    started = trio.current_time()
    with contained(met, scene.host) as bug:
        yield
    if not bug:
        return
    mine = [] if first is Step.DNS else [o for o in seen if o.experiment is None]
    if any(o.failure is not None for o in mine):
        return  # it was met in a control probe, or after what failed anyway
    step = _NEXT.get(mine[-1].step, mine[-1].step) if mine else first
    seen.append(scene.observe(step, started, Failure.UNKNOWN, _detail(step, scene, bug[0].summary), address=address))


def notes(met: Sequence[Bug], keep: Callable[[str], str]) -> Iterator[str]:
    """Say what was met, in a line for each kind of bug.

    Args:
        met: the bugs.
        keep: keeps the tracebacks, and says where.
    """
    if not met:
        return
    hosts: dict[str, dict[str, None]] = {}
    texts: dict[str, str] = {}
    for bug in met:
        hosts.setdefault(bug.summary, {})[bug.host] = None
        texts.setdefault(bug.summary, bug.text)
    where = keep("\n".join(text for text in texts.values() if text))
    for summary, named in hosts.items():
        shown = ", ".join(list(named)[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
        yield f"bug in netprobe ({summary}), met with {shown}; {where}; please report it with the traceback"


def _alone(error: BaseException) -> Iterator[BaseException]:
    """The exceptions of which a group is made: a bug is the same one, met in a task of a nursery or outside any."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _alone(one)
    else:
        yield error


def _is_no_bug(error: Exception) -> bool:
    if isinstance(error, ExceptionGroup):
        return error.subgroup(NetprobeError) is not None
    return isinstance(error, NetprobeError)


def _detail(step: Step, scene: Scene, summary: str) -> Detail:
    error = f"bug in netprobe: {summary}"
    match step:
        case Step.DNS:
            return DnsDetail(resolver="", rrtype="A", error=error)
        case Step.TCP:
            return TcpDetail(port=scene.port)
        case Step.PROXY:
            return ProxyDetail(proxy="", target=f"{scene.host}:{scene.port}", error=error)
        case Step.TLS:
            return TlsDetail(sni=scene.host, error=error)
        case Step.HTTP | Step.WEBSOCKET:
            return HttpDetail(method="", path="", error=error)
