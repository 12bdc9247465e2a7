"""What a run tells before it is over: every while, each time it knows more, and nothing where it is quick."""

from __future__ import annotations

import trio
import trio.testing

from netprobe.observations import Failure
from netprobe.probes import news
from netprobe.probes.news import News, Teller
from netprobe.probes.run import check
from netprobe.probes.session import Session
from netprobe.probes.settings import Settings
from tests.support.lab_endpoints import endpoints, facts


def _teller(listen: news.Listen | None) -> Teller:
    return Teller(Session.begin(Settings(), (), trio.current_time()), listen, None, 10)


async def test_news_come_every_while_and_only_where_there_are_some(autojump_clock: trio.testing.MockClock) -> None:
    heard: list[tuple[float, int]] = []
    teller = _teller(lambda known: heard.append((trio.current_time() - zero, known.done)))
    zero = trio.current_time()
    async with teller.telling():
        teller.count(3, 10)
        await trio.sleep(2.0)
        teller.count(7, 10)
        await trio.sleep(6.0)

    assert heard == [(news.FIRST, 3), (news.FIRST + news.EVERY, 7)]


async def test_a_quick_pass_tells_nothing(autojump_clock: trio.testing.MockClock) -> None:
    heard: list[News] = []
    teller = _teller(heard.append)
    async with teller.telling():
        teller.count(10, 10)
        await trio.sleep(news.FIRST * 0.9)

    assert heard == []


async def test_progress_is_passed_on_though_nobody_listens() -> None:
    seen: list[tuple[int, int]] = []
    teller = Teller(Session.begin(Settings(), (), 0.0), None, lambda done, total: seen.append((done, total)), 2)
    async with teller.telling():
        teller.count(1, 2)

    assert seen == [(1, 2)]


async def test_what_is_known_is_told_while_some_are_still_silent() -> None:
    """Some hosts answer at once and the others never do: that is known long before the pass is over."""
    from netprobe.lab import open_lab

    chosen = tuple(e for e in endpoints() if e.id in ("ecs", "ecs-a", "ssm"))
    heard: list[News] = []
    settings = Settings(lab="blackhole", timeout=3.0, experiments=False)
    async with open_lab("blackhole", chosen) as lab:
        run = await check(chosen, [lab.vantage], settings, catalog=facts(), news=heard.append)

    first = heard[0]
    assert 0 < first.done < first.total
    assert not first.failed
    assert run.duration_seconds > news.FIRST + 1
    assert {o.failure for o in run.observations} >= {Failure.TIMEOUT, None}
