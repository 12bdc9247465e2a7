"""Watching in virtual time: when it looks at what, what it tells, and how it ends."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Collection, Sequence

import pytest
import trio
import trio.testing

from netprobe.checking.changed import lines
from netprobe.checking.watch import Ended, Key, Waits, Watch, WatchEnding, WatchPace
from netprobe.errors import UsageError
from netprobe.observations import Context, Failure
from netprobe.report.model import Report
from netprobe.report.words import is_ready
from tests.support import reports
from tests.support.observe import World, name

LOOK = 1.0
"""Seconds that a look takes here."""


def seen(*, broken: Sequence[str] = (), failure: Failure = Failure.DNS_NXDOMAIN, **context: object) -> Report:
    """What a look at two endpoints sees."""
    from netprobe.diagnosis import diagnose

    world = World()
    for endpoint in ("ecs", "ssm"):
        world.endpoint(endpoint)
        if endpoint in broken:
            world.dns(name(endpoint), failure=failure)
        else:
            world.good(name(endpoint))
    world.context.update(context)
    run = world.run()
    return Report.of(run, diagnose(run))


class Played:
    """A network that answers look after look, and everything that was asked and told."""

    def __init__(self, *looks: Report | Exception, last: Report | None = None) -> None:
        self.looks = list(looks)
        self.last = last
        self.asked: list[tuple[float, Collection[Key] | None]] = []
        self.told: list[str] = []
        self.troubles: list[str] = []

    async def see(self, only: Collection[Key] | None, seconds: float | None) -> Report:
        self.asked.append((trio.current_time(), only))
        took = LOOK if seconds is None else min(LOOK, seconds)
        await trio.sleep(took)
        found = self.looks.pop(0) if self.looks else self.last
        assert found is not None
        if isinstance(found, Exception):
            raise found
        return found

    def looked(self, report: Report, changes: tuple[str, ...]) -> None:
        self.told += changes

    def waits(self, seconds: float) -> None:
        pass

    def trouble(self, text: str) -> None:
        self.troubles.append(text)

    def watch(self, until: Callable[[Report], bool] | None = is_ready, **more: object) -> Watch:
        return Watch(self.see, self, until=until, chance=lambda low, high: (low + high) / 2, **more)  # type: ignore[arg-type]

    @property
    def waits_between(self) -> list[float]:
        """From the end of a look to the next."""
        times = [moment for moment, _ in self.asked]
        return [round(b - a - LOOK, 3) for a, b in itertools.pairwise(times)]


def both() -> frozenset[Key]:
    return frozenset({("us-east-2", "ecs"), ("us-east-2", "ssm")})


async def test_a_ready_host_is_looked_at_once(autojump_clock: trio.testing.MockClock) -> None:
    world = Played(seen())
    ended = await world.watch(seconds=1800).run()
    assert (ended.why, trio.current_time()) == (WatchEnding.FULFILLED, LOOK)
    assert ended.report is not None
    assert is_ready(ended.report)


async def test_what_failed_is_glanced_at_and_only_a_whole_look_says_ready(
    autojump_clock: trio.testing.MockClock,
) -> None:
    broken, well = seen(broken=("ecs",)), seen()
    world = Played(broken, broken, broken, well, well)
    ended = await world.watch(seconds=1800).run()
    only = frozenset({("us-east-2", "ecs")})
    assert [what for _, what in world.asked] == [None, only, only, only, None]
    assert world.waits_between == [5.0, 8.0, 12.8, 0.0]
    assert ended == Ended(why=WatchEnding.FULFILLED, report=well)
    assert [line.split(" ", 1)[1] for line in world.told] == [
        "NOT READY: 2 endpoints: 1 pass, 1 fail; 1 error",
        "new error: us-east-2 dns_name_missing (ecs.us-east-2.amazonaws.com), to be mended by: network",
        "NOT READY -> READY",
        "gone: us-east-2 dns_name_missing (ecs.us-east-2.amazonaws.com)",
        "us-east-2 ecs: FAIL -> pass",
    ]


async def test_a_glance_that_passes_is_no_readiness(autojump_clock: trio.testing.MockClock) -> None:
    """What passed before may be down by now: the whole look decides."""
    first, other = seen(broken=("ecs",)), seen(broken=("ssm",))
    world = Played(first, seen(), other, last=other)
    ended = await world.watch(seconds=30).run()
    assert ended == Ended(why=WatchEnding.TIME_OVER, report=other)
    assert trio.current_time() == 30


async def test_another_failure_of_the_same_endpoint_is_news(autojump_clock: trio.testing.MockClock) -> None:
    silent = seen(broken=("ecs",), failure=Failure.DNS_SERVFAIL)
    world = Played(seen(broken=("ecs",)), silent, silent, last=silent)
    await world.watch(seconds=15).run()
    assert [what is None for _, what in world.asked[:3]] == [True, False, True]
    assert world.told[-2:][0].endswith("gone: us-east-2 dns_name_missing (ecs.us-east-2.amazonaws.com)")


async def test_the_waits_grow_and_what_passed_is_looked_at_more_rarely(
    autojump_clock: trio.testing.MockClock,
) -> None:
    broken = seen(broken=("ecs",))
    world = Played(last=broken)
    await world.watch(seconds=3600).run()
    glances = [moment for moment, what in world.asked if what is not None]
    whole = [moment for moment, what in world.asked if what is None]
    assert len(glances) > 2 * len(whole)
    assert max(world.waits_between) == 60.0
    assert max(b - a for a, b in itertools.pairwise(whole)) <= 300 + 60 + 2 * LOOK
    assert len(world.asked) < 75, "polite: about one look a minute in the long run"


async def test_a_ready_host_that_is_watched_on_is_looked_at_every_five_minutes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = Played(last=seen())
    await world.watch(until=None, seconds=3600).run()
    assert world.waits_between[0] == 60.0
    assert world.waits_between[-1] == 300.0
    assert all(what is None for _, what in world.asked)


async def test_a_change_makes_the_waits_short_again(autojump_clock: trio.testing.MockClock) -> None:
    broken, worse = seen(broken=("ecs",)), seen(broken=("ecs", "ssm"))
    world = Played(broken, broken, broken, broken, worse, worse, last=worse)
    pace = WatchPace(passed=Waits(first=20.0, most=20.0), jitter=0.0)
    await world.watch(seconds=60, pace=pace).run()
    at = next(index for index, (_, what) in enumerate(world.asked) if what == both())
    assert world.waits_between[at - 1] == 5.0


async def test_the_waits_differ_from_host_to_host(autojump_clock: trio.testing.MockClock) -> None:
    world = Played(last=seen(broken=("ecs",)))
    await Watch(world.see, world, seconds=600).run()
    assert all(abs(wait - round(wait)) > 0 for wait in world.waits_between[:3])
    assert 4.0 <= world.waits_between[0] <= 6.0


async def test_the_end_of_the_time_is_kept_to_the_second_and_the_last_report_decides(
    autojump_clock: trio.testing.MockClock,
) -> None:
    broken = seen(broken=("ecs",))
    world = Played(last=broken)
    ended = await world.watch(seconds=20).run()
    assert ended == Ended(why=WatchEnding.TIME_OVER, report=broken)
    assert trio.current_time() == 20


async def test_a_look_that_the_end_of_the_time_cut_short_is_not_the_last_word(
    autojump_clock: trio.testing.MockClock,
) -> None:
    whole = seen(broken=("ecs",))
    cut = seen(broken=("ecs", "ssm"), deadline_reached=True)
    world = Played(whole, last=cut)
    pace = WatchPace(passed=Waits(first=8.5, most=8.5), failed=Waits(first=8.5, most=8.5), jitter=0.0)
    ended = await world.watch(seconds=10.5, pace=pace).run()
    assert ended == Ended(why=WatchEnding.TIME_OVER, report=whole)


async def test_a_look_that_is_impossible_for_a_while_is_told_once(autojump_clock: trio.testing.MockClock) -> None:
    broken, trouble = seen(broken=("ecs",)), UsageError("/etc/resolv.conf", "cannot be read", "wait")
    world = Played(broken, trouble, trouble, seen(), seen())
    ended = await world.watch(seconds=1800).run()
    assert ended.why is WatchEnding.FULFILLED
    assert world.troubles == [str(trouble)]


async def test_a_first_look_that_is_impossible_is_the_users_mistake(autojump_clock: trio.testing.MockClock) -> None:
    world = Played(UsageError("--root", "cannot be read", "name a folder"))
    with pytest.raises(ExceptionGroup) as caught:
        await world.watch().run()
    assert caught.group_contains(UsageError)


async def test_a_signal_between_looks_ends_it_with_the_last_report(autojump_clock: trio.testing.MockClock) -> None:
    broken = seen(broken=("ecs",))
    world = Played(last=broken)

    async def press() -> None:
        await trio.sleep(7.5)
        signal.raise_signal(signal.SIGINT)

    ended: list[Ended] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(press)
        ended.append(await world.watch(until=None).run())
    assert ended == [Ended(why=WatchEnding.INTERRUPTED, report=broken)]
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("glance", [False, True])
async def test_a_signal_in_the_middle_of_a_look_keeps_the_whole_one_before(
    glance: bool, autojump_clock: trio.testing.MockClock
) -> None:
    broken, cut = seen(broken=("ecs",)), seen(broken=("ecs", "ssm"), interrupted=True)
    looks = (broken, cut) if glance else (broken, seen(), cut)
    ended = await Played(*looks).watch().run()
    assert ended == Ended(why=WatchEnding.INTERRUPTED, report=broken)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_warnings_are_ready_unless_strict() -> None:
    from netprobe.findings import Verdict

    warned = reports.report(verdict=Verdict.DEGRADED)
    assert is_ready(warned)
    assert not is_ready(warned, strict=True)
    assert not is_ready(reports.report(verdict=Verdict.INCONCLUSIVE))


def test_nothing_changed_between_two_equal_looks() -> None:
    assert lines(reports.report(), reports.report()) == ()


def test_a_cause_that_touches_more_hosts_is_told() -> None:
    before = reports.report(findings=(reports.finding("tls_intercepted"),), context=Context())
    more = reports.finding("tls_intercepted", hosts=("a.example", "b.example", "c.example", "d.example"))
    now = reports.report(findings=(more,))
    (line,) = lines(before, now)
    assert line == (
        "2026-11-23T10:00:01Z still: us-east-2 tls_intercepted, 1 -> 4 hosts (a.example, b.example and 2 more)"
    )
