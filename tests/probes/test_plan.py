"""From endpoints and vantages to targets: each host once, required names first."""

from __future__ import annotations

import dataclasses

from msgspec.structs import replace

from netprobe import catalog, requirements
from netprobe.observations import Subject
from netprobe.probes import plan
from netprobe.probes.settings import SPREAD_FROM, Settings
from netprobe.vantage import ProxyServer, Resolver
from tests.support import probe_servers
from tests.support.probe_network import ECS, SUFFIX, endpoint

RESOLVER = Resolver(address="192.0.2.53")


def test_names_that_must_exist_come_before_candidates() -> None:
    numbered = endpoint("ecs-a", f"ecs-a-*.{SUFFIX}", numbered=True)
    made = plan.make([numbered, endpoint("ecs", ECS)], [probe_servers.vantage()], Settings(ecs_numbers=(1, 2)))
    assert [t.scene.host for t in made.probes] == [ECS, f"ecs-a-1.{SUFFIX}", f"ecs-a-2.{SUFFIX}"]
    assert [t.candidate for t in made.probes] == [False, True, True]
    assert isinstance(made.subjects[0], Subject)
    assert made.subjects[0].candidates == (f"ecs-a-1.{SUFFIX}", f"ecs-a-2.{SUFFIX}")
    assert made.probes[1].suffix == SUFFIX


def test_whatever_could_change_what_is_seen_makes_another_probe() -> None:
    base = probe_servers.vantage(resolvers=(RESOLVER,))
    server = ProxyServer(scheme="http", host="proxy", port=3128)
    others = [
        replace(base, name="resolver", resolvers=()),
        replace(base, name="proxy", proxy_for=lambda _host, _port: server),
        replace(base, name="password", proxy_for=lambda _host, _port: dataclasses.replace(server, password="x")),
        replace(base, name="families", families=(4, 6)),
        replace(base, name="ciphers", ciphers="ECDHE-RSA-AES128-GCM-SHA256"),
    ]
    same = replace(base, name="same")
    made = plan.make([endpoint("ecs", ECS)], [base, same, *others], Settings())
    assert [t.scene.vantage for t in made.probes] == ["host", *(v.name for v in others)]
    assert made.probes[0].scene.shared_with == ("same",)


def test_what_agents_with_equal_settings_share_is_no_more_work_and_numbers_are_little() -> None:
    def work(count: int, *vantages: str) -> int:
        regions = [region.id for region in catalog.load().regions][:count]
        wanted = requirements.endpoints(catalog.load(), regions=regions)
        looking = [replace(probe_servers.vantage(resolvers=(RESOLVER,)), name=name) for name in vantages]
        return plan.make(wanted, looking, Settings()).work

    one = work(1, "host")
    assert 16 <= one <= 24, "some ten hosts, and twice thirty-two numbers"
    assert work(1, "ecs-agent", "ssm-agent", "docker") == one
    assert work(4, "host") < SPREAD_FROM, "the first questions leave at once"
    assert work(20, "host") >= SPREAD_FROM, "several processes take part"


def test_a_host_of_two_endpoints_decides_where_one_of_them_must_work() -> None:
    optional = replace(endpoint("metrics", ECS), required=False)
    for pair in ([optional, endpoint("ecs", ECS)], [endpoint("ecs", ECS), optional]):
        (probe,) = plan.make(pair, [probe_servers.vantage()], Settings()).probes
        assert probe.decides
    (probe,) = plan.make([optional], [probe_servers.vantage()], Settings()).probes
    assert not probe.decides


def test_only_families_that_are_wanted_and_there_are_probed() -> None:
    vantage = probe_servers.vantage(families=(4, 6))
    assert plan.vantage_families(vantage, Settings(families=(6,))) == (6,)
    assert plan.vantage_families(probe_servers.vantage(families=(4,)), Settings()) == (4,)
