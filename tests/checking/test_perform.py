"""What a check says before its first packet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from netprobe.checking import perform
from netprobe.checking.request import CheckRequest
from netprobe.checking.vantages import Look
from netprobe.vantage import Resolver, TrustStore, Vantage

SEEN = Vantage(name="docker", resolvers=(Resolver(address="127.0.0.53"),))


@asynccontextmanager
async def _nobody() -> AsyncIterator[Sequence[Vantage]]:
    yield ()


def test_whose_store_could_not_be_looked_at_is_told() -> None:
    unseen = "/etc/ecs/ca.pem could not be looked at (Permission denied); run netprobe as root"
    store = TrustStore(unseen=unseen)
    record = msgspec.structs.replace(SEEN.record, store=f"system; {unseen}")
    agent = msgspec.structs.replace(SEEN, name="ecs-agent", store=store, record=record)
    (note,) = perform._unseen(Look(_nobody, ready=[SEEN, agent]))
    assert note == f"ecs-agent: {unseen}; system stood in for its CA certificates"
    assert list(perform._unseen(Look(_nobody))) == []


def test_what_stands_in_the_place_of_the_agents_settings_is_told(tmp_path: Path) -> None:
    """The ECS agent goes without its proxy then, and so does the check: nobody said why."""
    (tmp_path / "etc/ecs/ecs.config").mkdir(parents=True)
    request = CheckRequest(regions=("us-east-2",), lab="healthy", root=tmp_path, agents=("ecs-agent",))
    notes = [note for note in perform.prepare(request).notes if "/etc/ecs" in note]
    assert notes == [
        "/etc/ecs/ecs.config is a folder and no file: nothing was read from it (netprobe explain not_a_regular_file)"
    ]
