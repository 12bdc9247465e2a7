"""What a check says before its first packet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from netprobe.checking import perform
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
