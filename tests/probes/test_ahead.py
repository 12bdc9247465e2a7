"""What later steps need is imported behind the first question, in a thread, and no answer waits for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from textwrap import dedent

import pytest
import trio

from netprobe.probes import ahead, conversation
from netprobe.probes.ahead import Ahead
from tests.support.cli import environment

UNLOADED = "netprobe.probes.no_such_module"


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in which nothing was imported yet."""
    monkeypatch.setattr(ahead, "_CONVERSATIONS", UNLOADED)


async def test_where_everything_is_there_nothing_is_imported_and_nobody_waits() -> None:
    def never() -> None:
        raise AssertionError("it was imported again")

    assert conversation.__name__ == ahead._CONVERSATIONS
    loading = Ahead(never)
    await loading.load(never, never, never)
    with trio.CancelScope() as scope:
        scope.cancel()  # a checkpoint would end the block
        await loading.conversations()
        await loading.handshakes()
    assert not scope.cancelled_caught


@pytest.mark.usefixtures("unloaded")
async def test_each_step_waits_for_its_own_import_and_for_no_later_one() -> None:
    order: list[str] = []

    def stage(name: str) -> Callable[[], None]:
        return lambda: order.append(name)

    loading = Ahead(stage("later"))

    async def step(name: str, ready: Callable[[], object]) -> None:
        await ready()  # type: ignore[misc]
        order.append(f"{name} goes on")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(step, "http", loading.conversations)
        nursery.start_soon(step, "tls", loading.handshakes)
        await trio.testing.wait_all_tasks_blocked()
        order.append("asked")
        await loading.load(stage("conversations"), stage("handshakes"), stage("controls"))
    assert [name for name in order if not name.endswith("goes on")] == [
        "asked",
        "conversations",
        "handshakes",
        "controls",
        "later",
    ]
    assert order.index("conversations") < order.index("http goes on") < order.index("controls")
    assert order.index("handshakes") < order.index("tls goes on") < order.index("later")


@pytest.mark.usefixtures("unloaded")
async def test_a_mistake_of_the_users_that_an_import_meets_is_theirs() -> None:
    def unreadable() -> None:
        raise ValueError("no certificate in it")

    usual = sys.getswitchinterval()
    loading = Ahead()
    with pytest.raises(ValueError, match="no certificate"):
        await loading.load(ahead.nothing, unreadable, ahead.nothing)
    assert sys.getswitchinterval() == usual


HELD = dedent(
    """
    import gc, json, sys, time
    gc.set_threshold(20000)
    import trio
    from netprobe.probes.first_pass import _load_controls, load
    from netprobe.probes.ahead import Ahead, nothing

    held, spent = [], 0.0

    def others() -> float:
        return time.process_time() - time.thread_time()

    async def beat() -> None:
        while True:
            before = others()
            await trio.sleep(0.001)
            held.append(others() - before)

    async def main() -> None:
        global spent
        async with trio.open_nursery() as nursery:
            nursery.start_soon(beat)
            before = others()
            await Ahead(nothing).load(load, nothing, _load_controls)
            spent = others() - before
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert "netprobe.probes.conversation" in sys.modules
    print(json.dumps({"held": max(held), "spent": spent, "beats": len(held)}))
    """
)
"""How much processor time a thread of imports takes before the event loop gets its turn. Processor time, since that is
the same however busy the machine is."""


def test_no_answer_waits_for_an_import() -> None:
    best = min((_measured() for _ in range(3)), key=lambda one: one["held"] / one["spent"])
    # In the loop itself it would be all of it, and one beat.
    assert best["beats"] >= 5, best
    assert best["held"] <= best["spent"] / 3, best


def _measured() -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", HELD], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found
