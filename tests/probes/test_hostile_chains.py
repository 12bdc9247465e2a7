"""Each connection shows a chain that nobody saw before, as long as OpenSSL takes one: memory keeps its bound."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from netprobe.observations import NOT_KEPT, Certificate, TlsDetail
from netprobe.probes import certificates, http, rooms
from netprobe.probes.recognise import ServiceAnswer
from netprobe.probes.scene import RunClock, Scene
from netprobe.probes.session import LARGEST_KEPT, MOST_INTERMEDIATES, MOST_UNFINISHED, Session, UnfinishedChain
from netprobe.probes.settings import Settings
from tests.support import hostile_chains, need
from tests.support.cli import environment
from tests.support.probe_servers import vantage

LARGEST = 300 << 20
"""What a whole run may take, all its processes together."""
CHAINS = 100
"""How many such chains a run must have met for this to say anything."""


@pytest.mark.root
def test_a_check_of_all_regions_against_the_longest_chains_stays_small(tmp_path: Path) -> None:
    need.root()
    asked = ["check", "-r", "all", "-4", "--no-proxy", "--resolver", "127.0.0.1", "--deadline", "20"]
    command = [sys.executable, "-m", "netprobe", *asked, "--format", "json", "-o", "report.json"]
    measured = ["unshare", "--net", sys.executable, hostile_chains.__file__, str(tmp_path), *command]
    ran = subprocess.run(measured, env=environment(), capture_output=True, text=True, timeout=110, check=False)
    usage = json.loads((tmp_path / "usage.json").read_bytes())
    assert usage["code"] == 1, ran.stderr
    report = json.loads((tmp_path / "report.json").read_bytes())
    met = [one for one in report["observations"] if one["experiment"] == "lax_chain" and one["step"] == "tls"]
    assert sum(bool(one["detail"].get("chain")) for one in met) >= CHAINS
    assert usage["bytes"] < LARGEST


def _fresh(count: int, names: int = 40) -> Iterator[tuple[bytes, ...]]:
    """Chains of two long certificates, none of which was seen before."""
    key = ec.generate_private_key(ec.SECP256R1())
    longest = hostile_chains.template(key, 0, names), hostile_chains.template(key, 1, 0)
    for number in range(count):
        yield tuple(der.replace(hostile_chains.MARK, b"%016d" % number) for der in longest)


def _characters(chain: tuple[Certificate, ...]) -> int:
    return sum(len(text) for one in chain for text in (one.subject, one.issuer, *one.names))


def test_what_peers_write_about_themselves_has_a_room() -> None:
    _session()
    chains = list(_fresh(2000))
    shown = [certificates.describe(chain) for chain in chains]
    assert sum(map(_characters, shown)) < rooms.chains.size + rooms.brief_chains.size
    assert _characters(shown[0]) > 2 * _characters(shown[-1])
    assert len({c.sha256 for one in shown for c in one}) == 2 * len(chains), "each is still told from the others"
    assert certificates.describe(chains[0]) == shown[0]
    (note,) = rooms.notes()
    assert note.startswith(f"{sum(len(one[0].names) <= 3 for one in shown)} chains of certificates are shown in brief")
    _session()
    assert certificates.describe(chains[-1])[0].names == shown[0][0].names, "each run has a room of its own"
    assert list(rooms.notes()) == []


def _kept(shown: list[object], more: Iterable[object]) -> int:
    """The bytes that are kept of what is looked at, for each of it."""
    tracemalloc.start()
    before, count = tracemalloc.get_traced_memory()[0], len(shown)
    shown.extend(more)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) // (len(shown) - count)


def test_the_longer_a_run_takes_the_less_it_keeps_of_each_chain() -> None:
    """A bound on one run of so many seconds says nothing of a longer one: this is what each further chain costs."""
    _session()
    rooms.share(64)  # the rooms of one process of many, which fill sooner
    certificates.describe(next(_fresh(1)))  # what is imported for it
    met, shown = map(certificates.describe, _fresh(1000, names=8)), list[object]()
    first = _kept(shown, islice(met, 12))
    shown.extend(islice(met, 150))
    last = _kept(shown, islice(met, 120))
    assert first > 2 * last
    assert last < 2000, "two fingerprints, two pairs of dates, and the place where it is remembered"
    assert _kept(shown, islice(met, 120)) < 2000, "and no more for those that come later"
    (note,) = rooms.notes()
    assert "by their fingerprints and dates" in note


def test_an_authority_that_was_met_before_is_named_however_many_chains_there_are() -> None:
    """By its name causes are told apart: an interceptor of all hosts must not fall into two."""
    _session()
    rooms.share(1 << 20)
    rooms.brief_chains.left = 0
    name, other = "CN=Corporate CA", "CN=Other CA"
    one = Certificate(subject="CN=a", issuer=name, sha256="1" * 64, not_before="", not_after="", key="EC secp256r1")
    rooms.shared(name)
    assert certificates._bare(one).issuer == name
    assert certificates._bare(msgspec.structs.replace(one, issuer=other)).issuer == NOT_KEPT
    assert certificates._bare(one).sha256 == one.sha256


def test_the_heads_of_answers_have_a_room() -> None:
    _session()
    rooms.share(64)

    def described(number: int) -> dict[str, object]:
        headers = {f"x-{number:06}-{n:02}-{'n' * 50}": "v" for n in range(60)}
        answer = ServiceAnswer(status=200, headers={"server": "s" * 100, "x-cache": "c" * 100, **headers})
        return http.describe(answer, datetime.datetime.now(datetime.UTC), 0.1)

    met, shown = map(described, range(2000)), list[object]()
    first = _kept(shown, islice(met, 20))
    shown.extend(islice(met, 100))
    last = _kept(shown, islice(met, 1000))
    assert first > 6000
    assert last < 1000
    (note,) = rooms.notes()
    assert note.startswith(f"{rooms.answers.refused} HTTP answers are shown without their headers")


def test_answers_that_are_alike_take_no_room() -> None:
    _session()
    answer = ServiceAnswer(status=400, headers={f"x-amzn-{n}": "v" for n in range(20)})
    now = datetime.datetime.now(datetime.UTC)
    first = http.describe(answer, now, 0.1)["headers"]
    left = rooms.answers.left
    assert http.describe(answer, now, 0.1)["headers"] is first
    assert rooms.answers.left == left


def test_processes_of_one_run_share_the_rooms() -> None:
    _session()
    rooms.share(4)
    assert [room.left for room in (rooms.chains, rooms.brief_chains, rooms.answers)] == [
        room.size // 4 for room in (rooms.chains, rooms.brief_chains, rooms.answers)
    ]
    _session()


def _session() -> Session:
    return Session.begin(Settings(), (vantage(),), 0.0)


def test_only_chains_that_a_service_may_have_are_kept_for_completion() -> None:
    session = _session()

    def seen(chain: tuple[bytes, ...]) -> UnfinishedChain:
        scene = Scene(
            clock=RunClock(0.0), vantage="host", region="us-east-2", endpoint="ecs", host="a.example", port=443
        )
        return UnfinishedChain(
            scene=scene,
            address=None,
            chain=chain,
            detail=TlsDetail(sni=None, verify="none"),
            vantage=session.vantages[0],
        )

    session.keep_unfinished(seen(()))
    session.keep_unfinished(seen((b"a" * LARGEST_KEPT, b"b")))
    assert session.unfinished_chains == []
    for _ in range(MOST_UNFINISHED + 1):
        session.keep_unfinished(seen((b"a" * LARGEST_KEPT,)))
    assert len(session.unfinished_chains) == MOST_UNFINISHED
    session.keep_intermediates([b"a" * (LARGEST_KEPT + 1)])
    assert session.intermediates == set()
    session.keep_intermediates(b"%d" % n for n in range(MOST_INTERMEDIATES + 1))
    assert len(session.intermediates) == MOST_INTERMEDIATES
