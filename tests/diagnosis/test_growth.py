"""A judgement of eight times the hosts takes about eight times the work, whatever failed at all of them.

A run of all regions has some 2,500 names with several addresses each: a rule that looks through the whole run for every
one of them kept a check busy for minutes after its deadline. Counted are calls, which a busy machine does not change.
"""

from __future__ import annotations

import cProfile
import pstats

import msgspec
import pytest

from netprobe.diagnosis import diagnose
from netprobe.observations import Experiment, Run
from netprobe.observations import Failure as F
from tests.diagnosis.test_cases import CASES
from tests.support.observe import REGION, World, name

FEW, MANY, MOST = 12, 96, 20
"""Copies of a case, and by how much the work may grow where they are eight times as many; the square is 64."""


def multiplied(run: Run, copies: int) -> Run:
    """The same in so many regions; the control probes, of which a run makes few of each kind, in the first alone."""
    text = msgspec.json.encode(run).decode()
    regions = [f"us-east-{number}" for number in range(100, 100 + copies)]
    several = [msgspec.json.decode(text.replace(REGION, region), type=Run) for region in regions]
    seen = [o for one in several for o in one.observations if o.experiment is None or o.region == regions[0]]
    return msgspec.structs.replace(
        run,
        regions=tuple(regions),
        subjects=tuple(subject for one in several for subject in one.subjects),
        observations=tuple(msgspec.structs.replace(o, id=f"o{n}") for n, o in enumerate(seen, start=1)),
    )


def work(run: Run) -> int:
    """How many calls a diagnosis makes."""
    profile = cProfile.Profile()
    profile.enable()
    diagnose(run)
    profile.disable()
    return pstats.Stats(profile).total_calls  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    "case",
    [
        "connection_limit",
        "ipv4_broken",
        "ipv6_broken",
        "large_hellos_that_end_where_others_are_cut_now_and_then",
        "slow",
        "stale_ip_allowlist",
        "tcp_some_addresses_blocked",
        "tls_reset_after_hello",
        "tls_sni_blocked",
        "tls_untrusted_store",
        "what_fails_every_time_is_proven_beside_chance",
        "works_by_chance",
    ],
)
def test_the_work_grows_with_the_hosts_and_not_with_their_square(case: str) -> None:
    world = World()
    CASES[case][0](world)
    run = world.run()
    work(multiplied(run, 1))  # what is imported for it
    assert work(multiplied(run, MANY)) < MOST * work(multiplied(run, FEW))


def _cut(hosts: int, experiment: str | None = None) -> Run:
    """Every handshake is cut, at four addresses, and no control was made for most."""
    world = World(context={"repeated": True})
    for number in range(hosts):
        service = f"s{number}"
        world.endpoint(service)
        for end in range(4):
            world.dns(name(service), f"52.95.1.{end}")
            world.tcp(name(service), f"52.95.1.{end}")
            world.tls(name(service), f"52.95.1.{end}", F.CONNECTION_RESET)
        if experiment is not None and number < 3:
            world.tls(name(service), "52.95.1.0", experiment=experiment)
    return world.run()


@pytest.mark.parametrize("experiment", [None, Experiment.OTHER_SNI, Experiment.LOWER_MSS])
def test_hosts_without_controls_of_their_own_are_judged_like_the_others_only_once(experiment: str | None) -> None:
    work(_cut(1))
    assert work(_cut(160, experiment)) < MOST * work(_cut(20, experiment))
