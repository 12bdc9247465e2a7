"""What becomes of endpoints, capabilities and the verdict: numbers, stand-ins, registries, deadlines, merging."""

from __future__ import annotations

import pytest

from netprobe.catalog import load
from netprobe.diagnosis.capabilities import CAPABILITIES
from netprobe.diagnosis.model import EndpointOutcome
from netprobe.findings import Finding, Outcome, Owner, Severity, Verdict
from netprobe.observations import Failure as F
from netprobe.observations import Subject, VantageRecord
from tests.diagnosis.test_cases import CASES
from tests.support.observe import AMAZON, PROXY, R1, R2, World, name, told

A = "52.95.1.1"


def numbered(world: World, *numbers: int, absent: tuple[int, ...] = ()) -> tuple[str, ...]:
    """The endpoints ecs-a and its un-numbered stand-in, as the catalog has them."""
    hosts = tuple(name(f"ecs-a-{n}") for n in numbers)
    gone = tuple(name(f"ecs-a-{n}") for n in absent)
    world.endpoint("ecs-a", *hosts, *gone, numbered=True, pattern=name("ecs-a-*"), absent=gone)
    world.endpoint("ecs-a-unnumbered", name("ecs-a"), stands_in_for="ecs-a")
    return hosts


def outcomes(world: World) -> dict[str, Outcome]:
    return {e.id: e.outcome for e in world.diagnosis().endpoints}


def of(world: World, id_: str) -> EndpointOutcome:
    return next(e for e in world.diagnosis().endpoints if e.id == id_)


def dark(world: World, *hosts: str, failure: F = F.TIMEOUT, **more: object) -> None:
    """Numbers that exist and do not answer."""
    for place, host in enumerate(hosts, start=2):
        world.dns(host, f"52.95.2.{place}")
        world.tcp(host, f"52.95.2.{place}", failure, **more)


def finding_of(world: World, id_: str) -> Finding:
    return next(f for f in world.diagnosis().findings if f.id == id_)


@pytest.mark.parametrize("failure", [F.TIMEOUT, F.CONNECTION_REFUSED])
def test_one_dark_number_among_others_that_work_may_be_the_services(failure: F) -> None:
    world = World()
    one, two, three = numbered(world, 1, 2, 3, absent=(4,))
    world.good(one, three)
    world.dns(name("ecs-a"), failure=F.DNS_NXDOMAIN)
    dark(world, two, failure=failure)

    assert outcomes(world)["ecs-a"] is Outcome.WARN
    assert world.diagnosis().verdict is Verdict.DEGRADED
    (finding,) = world.diagnosis().findings
    assert finding.severity is Severity.WARNING
    assert "AWS may hand this number to a host" in finding.title


def test_the_hosts_own_number_is_required() -> None:
    world = World(context={"own_hosts": (name("ecs-a-2"),)})
    one, two = numbered(world, 1, 2)
    world.good(one)
    dark(world, two)

    assert outcomes(world)["ecs-a"] is Outcome.FAIL
    assert world.diagnosis().verdict is Verdict.NOT_READY
    assert "AWS may hand" not in finding_of(world, "tcp_dropped").title


def test_the_hosts_own_number_that_is_denied_is_no_absent_guess() -> None:
    world = World(context={"own_hosts": (name("ecs-a-2"),)})
    one, two = numbered(world, 1, 2)
    world.good(one)
    world.dns(two, failure=F.DNS_NXDOMAIN)

    assert finding_of(world, "dns_name_missing").hosts == (two,)
    assert world.diagnosis().verdict is Verdict.NOT_READY


def test_two_dark_numbers_are_a_list_that_names_some() -> None:
    world = World()
    one, two, three = numbered(world, 1, 2, 3)
    world.good(one)
    dark(world, two, three)

    assert outcomes(world)["ecs-a"] is Outcome.FAIL
    assert world.diagnosis().verdict is Verdict.NOT_READY


def test_one_dark_number_of_each_kind_is_no_pair() -> None:
    world = World()
    one, two = numbered(world, 1, 2)
    tasks, metrics = world.endpoint("ecs-t", name("ecs-t-1"), name("ecs-t-2"), numbered=True)
    world.good(one, tasks)
    world.dns(name("ecs-a"), failure=F.DNS_NXDOMAIN)
    dark(world, two, metrics)

    assert world.diagnosis().verdict is Verdict.DEGRADED


def test_none_of_a_kind_that_works_is_an_error() -> None:
    world = World()
    (one,) = numbered(world, 1, absent=(2,))
    world.good(name("ecs-a"), address="52.95.1.5")
    dark(world, one)

    assert outcomes(world)["ecs-a"] is Outcome.FAIL
    assert world.diagnosis().verdict is Verdict.NOT_READY


def test_a_device_that_signs_its_refusal_blocks_a_single_number() -> None:
    world = World()
    one, two = numbered(world, 1, 2)
    world.good(one)
    dark(world, two, failure=F.ADMIN_PROHIBITED, icmp_type=3, icmp_code=13, icmp_from="10.0.0.1")
    assert world.diagnosis().verdict is Verdict.NOT_READY


def test_a_name_filter_that_is_proven_blocks_a_single_number() -> None:
    world = World()
    one, two = numbered(world, 1, 2)
    world.good(one)
    world.dns(two, "52.95.2.2")
    world.tcp(two, "52.95.2.2")
    world.tls(two, "52.95.2.2", F.CONNECTION_RESET)
    world.tls(two, "52.95.2.2", experiment="other_sni", sni=one)
    assert world.diagnosis().verdict is Verdict.NOT_READY


@pytest.mark.parametrize(("origin", "verdict"), [(True, Verdict.DEGRADED), (False, Verdict.NOT_READY)])
def test_a_wrong_name_of_one_number_is_the_origins_or_somebody_elses(origin: bool, verdict: Verdict) -> None:
    world = World()
    one, two = numbered(world, 1, 2)
    world.good(one)
    world.dns(name("ecs-a"), failure=F.DNS_NXDOMAIN)
    world.dns(two, "52.95.2.2")
    world.tcp(two, "52.95.2.2")
    world.tls(two, "52.95.2.2", F.SSL_INVALID_HOSTNAME, chain=(AMAZON,), origin=origin)
    assert world.diagnosis().verdict is verdict


def test_a_line_in_the_hosts_file_is_the_hosts_fault() -> None:
    world = World()
    one, two = numbered(world, 1, 2)
    world.good(one)
    world.dns(two, "52.95.2.2", resolver="/etc/hosts:7", transport="file")
    world.tcp(two, "52.95.2.2", F.TIMEOUT)
    assert world.diagnosis().verdict is Verdict.NOT_READY


PROXIED = (VantageRecord(name="host", resolvers=(R1,), proxy=PROXY),)


def test_a_proxy_that_refuses_every_number_makes_them_required() -> None:
    world = World(vantages=PROXIED)
    for host in numbered(world, *range(1, 33)):
        world.proxy(host, F.PROXY_FORBIDDEN, status=403)
    world.tunnelled(name("ecs-a"))

    diagnosis = world.diagnosis()
    assert diagnosis.verdict is Verdict.NOT_READY
    (finding,) = diagnosis.findings
    assert (finding.id, finding.severity) == ("proxy_forbidden", Severity.ERROR)
    assert finding.endpoints == ("ecs-a",)
    assert name("ecs-a-*") in finding.remedy
    assert r"^ecs-a-[0-9]+\.us-east-2\.amazonaws\.com$" in finding.remedy


def test_refused_numbers_that_nobody_knows_are_no_error_beside_known_ones() -> None:
    world = World(vantages=PROXIED)
    known, unknown = numbered(world, 1, 17)
    for host in (known, unknown):
        world.proxy(host, F.PROXY_FORBIDDEN, status=403)
    world.proxy(known, F.PROXY_FORBIDDEN, status=403, experiment="repeat")
    world.dns(known, "52.95.2.2", experiment="local_name")
    world.dns(unknown, failure=F.DNS_NXDOMAIN, experiment="local_name")
    world.tunnelled(name("ecs-a"))

    diagnosis = world.diagnosis()
    assert diagnosis.verdict is Verdict.NOT_READY
    assert [(one.severity, one.hosts) for one in diagnosis.findings] == [
        (Severity.ERROR, (known,)),
        (Severity.WARNING, (unknown,)),
    ]


def test_a_refused_number_that_this_hosts_resolver_knows_is_required() -> None:
    world = World(vantages=PROXIED)
    one, two, three = numbered(world, 1, 2, 3)
    world.tunnelled(one, name("ecs-a"))
    world.proxy(two, F.PROXY_FORBIDDEN, status=403)
    world.proxy(three, F.PROXY_FORBIDDEN, status=403)
    assert world.diagnosis().verdict is Verdict.DEGRADED, "nobody knows whether they exist"

    world.dns(two, "52.95.2.2", experiment="local_name")
    assert world.diagnosis().verdict is Verdict.NOT_READY


def test_a_resolver_that_knows_every_name_makes_no_number_known() -> None:
    world = World(vantages=PROXIED)
    one, two = numbered(world, 1, 2)
    world.tunnelled(one, name("ecs-a"))
    world.proxy(two, F.PROXY_FORBIDDEN, status=403)
    for host in (two, name("netprobe-no-such-host")):
        world.dns(host, "52.95.2.2", experiment="local_name")
    assert world.diagnosis().verdict is Verdict.DEGRADED


def test_the_bare_name_is_not_needed_beside_numbers() -> None:
    world = World()
    (one,) = numbered(world, 1)
    world.good(one)
    world.dns(name("ecs-a"), failure=F.DNS_NXDOMAIN)

    assert outcomes(world) == {"ecs-a": Outcome.PASS, "ecs-a-unnumbered": Outcome.NOT_APPLICABLE}
    assert world.diagnosis().verdict is Verdict.READY


def test_the_bare_name_that_is_blocked_beside_numbers_warns() -> None:
    world = World()
    (one,) = numbered(world, 1)
    world.good(one)
    world.dns(name("ecs-a"), A)
    world.tcp(name("ecs-a"), A, F.TIMEOUT)

    assert outcomes(world)["ecs-a-unnumbered"] is Outcome.WARN
    assert world.diagnosis().verdict is Verdict.DEGRADED


def test_the_bare_name_stands_in_where_no_number_exists() -> None:
    world = World()
    numbered(world, absent=(1, 2))
    world.good(name("ecs-a"))

    assert outcomes(world) == {"ecs-a": Outcome.NOT_APPLICABLE, "ecs-a-unnumbered": Outcome.PASS}
    assert world.diagnosis().verdict is Verdict.READY


def test_without_number_and_bare_name_nobody_knows_what_the_service_is_called() -> None:
    world = World()
    numbered(world, absent=(1, 2))
    world.dns(name("ecs-a"), failure=F.DNS_NXDOMAIN)

    diagnosis = world.diagnosis()
    found = {e.id: e.outcome for e in diagnosis.endpoints}
    assert found == {"ecs-a": Outcome.NOT_RUN, "ecs-a-unnumbered": Outcome.NOT_APPLICABLE}
    assert "--ecs-numbers" in of(world, "ecs-a").not_run
    assert diagnosis.findings == ()
    assert diagnosis.verdict is Verdict.INCONCLUSIVE
    (capability,) = diagnosis.capabilities
    assert (capability.id, capability.outcome) == ("receive-tasks", Outcome.NOT_RUN)


def test_a_bare_name_that_only_the_second_resolver_knows_is_missing_here() -> None:
    world = World(vantages=(VantageRecord(name="host", resolvers=(R1, R2)),))
    numbered(world, absent=(1, 2))
    world.dns(name("ecs-a"), failure=F.DNS_NXDOMAIN)
    world.dns(name("ecs-a"), "52.95.1.1", resolver=R2)

    assert finding_of(world, "dns_name_missing").hosts == (name("ecs-a"),)
    assert world.diagnosis().verdict is Verdict.NOT_READY


def test_sixty_guesses_behind_a_dead_resolver_are_not_sixty_hosts() -> None:
    world = World()
    guesses = numbered(world, *range(1, 33))
    for host in (*guesses, name("ecs-a")):
        world.dns(host, failure=F.TIMEOUT)

    diagnosis = world.diagnosis()
    (finding,) = diagnosis.findings
    assert finding.hosts == (name("ecs-a"),)
    assert {h.outcome for h in of(world, "ecs-a").hosts} == {Outcome.NOT_RUN}
    assert of(world, "ecs-a").outcome is Outcome.FAIL


def test_silence_about_one_more_guess_is_no_fault_and_no_pass() -> None:
    world = World()
    one, two = numbered(world, 1, 2)
    world.good(one)
    world.good(name("ecs-a"), address="52.95.1.5")
    world.dns(two, failure=F.TIMEOUT, rrtype="A")
    world.dns(two, failure=F.TIMEOUT, rrtype="AAAA")

    assert world.diagnosis().findings == ()
    assert outcomes(world)["ecs-a"] is Outcome.WARN


@pytest.mark.parametrize("denied", ["A", "AAAA"])
def test_one_denial_of_a_guess_settles_it(denied: str) -> None:
    world = World()
    one, two = numbered(world, 1, 2)
    world.good(one)
    world.good(name("ecs-a"), address="52.95.1.5")
    for rrtype in ("A", "AAAA"):
        world.dns(two, failure=F.DNS_NXDOMAIN if rrtype == denied else F.TIMEOUT, rrtype=rrtype)

    assert world.diagnosis().findings == ()
    assert outcomes(world)["ecs-a"] is Outcome.PASS


def test_candidates_that_the_proxy_cannot_resolve_are_absent() -> None:
    world = World(vantages=(VantageRecord(name="host", resolvers=(R1,), proxy=PROXY),))
    one, two = numbered(world, 1, 2)
    world.tunnelled(one, name("ecs-a"))
    world.proxy(two, F.PROXY_CANNOT_RESOLVE, status=503)

    assert outcomes(world)["ecs-a"] is Outcome.PASS
    assert world.diagnosis().findings == ()


def test_registry_of_a_made_up_account_is_not_run() -> None:
    world = World()
    host = "123456789012.dkr.ecr.us-east-2.amazonaws.com"
    world.endpoint("ecr-registry", host, placeholder_account=True, group="images")
    world.dns(host, failure=F.DNS_NXDOMAIN)

    diagnosis = world.diagnosis()
    assert diagnosis.endpoints[0].outcome is Outcome.NOT_RUN
    assert "--account" in diagnosis.endpoints[0].not_run
    assert diagnosis.findings == ()
    assert diagnosis.verdict is Verdict.INCONCLUSIVE


def test_registry_of_a_real_account_that_is_missing_fails() -> None:
    world = World()
    world.endpoint("ecr-registry", "111122223333.dkr.ecr.us-east-2.amazonaws.com", group="images")
    world.dns("111122223333.dkr.ecr.us-east-2.amazonaws.com", failure=F.DNS_NXDOMAIN)

    assert outcomes(world) == {"ecr-registry": Outcome.FAIL}


def test_what_a_deadline_cut_off_is_never_a_pass() -> None:
    world = World(context={"deadline_reached": True})
    world.endpoint("ecs")
    world.dns(name("ecs"), A)
    world.tcp(name("ecs"), A)
    world.tls(name("ecs"), A)

    assert outcomes(world) == {"ecs": Outcome.NOT_RUN}
    assert world.diagnosis().verdict is Verdict.INCONCLUSIVE


def test_a_websocket_that_the_deadline_cut_off_is_never_a_pass() -> None:
    world = World(context={"deadline_reached": True})
    world.endpoint("ssmmessages")
    world.good(name("ssmmessages"))

    assert outcomes(world) == {"ssmmessages": Outcome.NOT_RUN}


def cut_short(*unfinished: str, **more: object) -> World:
    """A run that the deadline ended before ``ecs`` was done with."""
    world = World(context={"deadline_reached": True}, **more)  # type: ignore[arg-type]
    world.endpoint("ecs", unfinished=unfinished or (name("ecs"),))
    return world


TWO_RESOLVERS = (VantageRecord(name="host", resolvers=(R1, R2)),)


@pytest.mark.parametrize(
    "said",
    [
        [(R1, "AAAA", F.DNS_NO_ANSWER)],
        [(R1, "AAAA", F.TIMEOUT)],
        [(R2, "A", F.DNS_NXDOMAIN), (R2, "AAAA", F.DNS_NXDOMAIN)],
        [(R1, "A", F.TIMEOUT), (R1, "AAAA", F.TIMEOUT), (R2, "AAAA", F.DNS_NO_ANSWER)],
    ],
)
def test_half_a_lookup_that_the_deadline_cut_off_denies_nothing(said: list[tuple[str, str, F]]) -> None:
    world = cut_short(vantages=TWO_RESOLVERS)
    for resolver, rrtype, failure in said:
        world.dns(name("ecs"), failure=failure, resolver=resolver, rrtype=rrtype)

    diagnosis = world.diagnosis()
    assert {f.id for f in diagnosis.findings} <= {"dns_resolver_down"}
    assert (diagnosis.endpoints[0].outcome, diagnosis.endpoints[0].not_run) == (Outcome.NOT_RUN, "deadline")
    assert diagnosis.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "said",
    [
        [(R1, "A", F.DNS_NXDOMAIN)],
        [(R1, "A", F.DNS_NO_ANSWER), (R1, "AAAA", F.DNS_NO_ANSWER)],
        [(R1, "A", F.TIMEOUT), (R2, "A", F.DNS_NXDOMAIN)],
    ],
)
def test_a_denial_that_was_heard_before_the_deadline_stands(said: list[tuple[str, str, F]]) -> None:
    world = cut_short(vantages=TWO_RESOLVERS)
    for resolver, rrtype, failure in said:
        world.dns(name("ecs"), failure=failure, resolver=resolver, rrtype=rrtype)

    assert world.diagnosis().verdict is Verdict.NOT_READY


def test_an_address_that_the_deadline_cut_off_may_have_worked() -> None:
    world = cut_short()
    world.dns(name("ecs"), A, "52.95.1.2")
    world.tcp(name("ecs"), A, F.CONNECTION_REFUSED)

    diagnosis = world.diagnosis()
    assert told(diagnosis.findings) == {("tcp_refused", "warning", "suspected")}  # there was no time to repeat it
    assert "not repeated: the run ended before" in diagnosis.findings[0].title
    assert diagnosis.verdict is Verdict.INCONCLUSIVE
    world.tcp(name("ecs"), "52.95.1.2", F.CONNECTION_REFUSED)
    assert world.diagnosis().verdict is Verdict.NOT_READY


def test_an_address_that_works_does_not_speak_for_one_that_the_deadline_cut_off() -> None:
    world = cut_short()
    world.dns(name("ecs"), A, "52.95.1.2")
    world.reach(name("ecs"), A)

    assert world.diagnosis().verdict is Verdict.INCONCLUSIVE


def test_a_number_that_was_found_does_not_speak_for_those_that_the_deadline_cut_off() -> None:
    world = World(context={"interrupted": True})
    one, two = name("ecs-a-1"), name("ecs-a-2")
    world.endpoint("ecs-a", one, two, numbered=True, pattern=name("ecs-a-*"), unfinished=(two,))
    world.good(one)

    assert (of(world, "ecs-a").outcome, of(world, "ecs-a").not_run) == (Outcome.NOT_RUN, "interrupted")


def test_a_number_that_exists_and_was_not_tried_is_no_pass_beside_one_that_works() -> None:
    world = World()
    one, two = numbered(world, 1, 2)
    world.good(one)
    world.dns(two, "52.95.2.2")

    assert of(world, "ecs-a").outcome is Outcome.NOT_RUN
    assert world.diagnosis().verdict is Verdict.INCONCLUSIVE


def test_a_name_that_leads_nowhere_fails_though_nobody_tried_to_connect() -> None:
    world = World()
    world.endpoint("ecs")
    world.dns(name("ecs"), "0.0.0.0")

    assert of(world, "ecs").outcome is Outcome.FAIL
    assert world.diagnosis().verdict is Verdict.NOT_READY


def test_what_a_saved_report_calls_not_run_is_no_pass() -> None:
    """Of versions that named no unfinished hosts yet: the hosts that were seen do not speak for the others."""
    world = World()
    world.endpoint("ecs", not_run="the deadline was reached")
    world.good(name("ecs"))

    assert of(world, "ecs").outcome is Outcome.NOT_RUN
    assert world.diagnosis().verdict is Verdict.INCONCLUSIVE


def test_the_bare_name_is_not_missed_while_numbers_were_not_asked_for() -> None:
    world = World(context={"deadline_reached": True})
    numbers = (name("ecs-a-1"), name("ecs-a-2"))
    world.endpoint("ecs-a", *numbers, numbered=True, absent=numbers[:1], unfinished=numbers[1:])
    world.endpoint("ecs-a-unnumbered", name("ecs-a"), stands_in_for="ecs-a")
    world.dns(name("ecs-a"), failure=F.DNS_NXDOMAIN)

    assert world.diagnosis().findings == ()
    assert outcomes(world) == {"ecs-a": Outcome.NOT_RUN, "ecs-a-unnumbered": Outcome.NOT_APPLICABLE}
    assert world.diagnosis().verdict is Verdict.INCONCLUSIVE


def test_nothing_probed_is_inconclusive() -> None:
    world = World()
    world.endpoint("ecs", not_run="interrupted")

    assert world.diagnosis().verdict is Verdict.INCONCLUSIVE
    assert World().diagnosis().verdict is Verdict.INCONCLUSIVE


def test_an_optional_endpoint_never_makes_an_error() -> None:
    world = World()
    world.endpoint("ec2messages", required=False)
    world.dns(name("ec2messages"), A)
    world.tcp(name("ec2messages"), A, F.TIMEOUT)

    diagnosis = world.diagnosis()
    assert diagnosis.verdict is Verdict.DEGRADED
    assert diagnosis.endpoints[0].outcome is Outcome.WARN
    assert diagnosis.endpoints[0].hosts[0].outcome is Outcome.FAIL


def test_what_is_proven_to_lose_large_hellos_fails() -> None:
    world = World()
    CASES["tls_large_hello_dropped"][0](world)
    (host,) = finding_of(world, "tls_large_hello_dropped").hosts
    (endpoint,) = [one for one in world.diagnosis().endpoints if host in one.candidates]
    assert (endpoint.outcome, endpoint.hosts[0].outcome) == (Outcome.FAIL, Outcome.FAIL)


@pytest.mark.parametrize(
    ("expected", "address", "id_"), [("private", A, "dns_public_answer"), ("public", "10.0.0.7", "dns_private_answer")]
)
@pytest.mark.parametrize(
    ("required", "outcome", "verdict"),
    [(True, Outcome.FAIL, Verdict.NOT_READY), (False, Outcome.WARN, Verdict.DEGRADED)],
)
def test_an_answer_that_was_not_expected_fails_what_is_required(
    required: bool, outcome: Outcome, verdict: Verdict, expected: str, address: str, id_: str
) -> None:
    world = World(context={"expect": {"logs": expected}})
    world.endpoint("logs", group="logs", required=required)
    world.good(name("logs"), address=address)

    diagnosis = world.diagnosis()
    assert [f.id for f in diagnosis.findings] == [id_]
    assert (diagnosis.endpoints[0].outcome, diagnosis.verdict) == (outcome, verdict)
    assert diagnosis.endpoints[0].hosts[0].outcome is Outcome.FAIL


@pytest.mark.parametrize(("others", "findings"), [(0.02, ["dns_slow"]), (1.0, [])])
def test_dns_is_slow_only_beside_what_is_faster(others: float, findings: list[str]) -> None:
    world = World()
    world.endpoint("ecs")
    world.dns(name("ecs"), A, duration=2.5)
    world.reach(name("ecs"), A, duration=others)

    assert [f.id for f in world.diagnosis().findings] == findings


@pytest.mark.parametrize("blocked", ["ecr-layers", "ecr-registry", "ecr-api"])
def test_one_blocked_host_of_three_is_a_plain_finding_and_no_image_is_pulled(blocked: str) -> None:
    world = World()
    for number, id_ in enumerate(("ecr-api", "ecr-registry", "ecr-layers", "logs")):
        (host,) = world.endpoint(id_, group="logs" if id_ == "logs" else "images")
        address = f"52.95.2.{number}"
        if id_ == blocked:
            world.dns(host, address)
            world.tcp(host, address, F.TIMEOUT)
        else:
            world.good(host, address=address)
    world.repeated()

    diagnosis = world.diagnosis()
    assert told(diagnosis.findings) == {("tcp_dropped", "error", "proven")}
    assert {c.id: (c.outcome, c.blocked_by) for c in diagnosis.capabilities} == {
        "pull-images": (Outcome.FAIL, ("tcp_dropped",)),
        "ship-logs": (Outcome.PASS, ()),
    }


def test_the_registry_of_a_second_account_is_a_registry() -> None:
    """Two images of two accounts: ids differ, and no image of the second one is pulled."""
    world = World()
    for id_ in ("ecr-api", "ecr-layers", "ecr-registry"):
        world.good(*world.endpoint(id_, group="images"))
    (second,) = world.endpoint("ecr-registry-222233334444", "222233334444.dkr.ecr.example", entry="ecr-registry")
    world.dns(second, failure=F.DNS_NXDOMAIN)

    (capability,) = world.diagnosis().capabilities
    assert (capability.id, capability.outcome, capability.blocked_by) == (
        "pull-images",
        Outcome.FAIL,
        ("dns_name_missing",),
    )


def test_thirty_endpoints_behind_one_dead_resolver_are_one_finding() -> None:
    world = World()
    for number in range(30):
        (host,) = world.endpoint(f"service-{number}", group="tasks")
        world.dns(host, failure=F.DNS_SERVFAIL)

    (finding,) = world.diagnosis().findings
    assert len(finding.hosts) == 30
    assert R1 in finding.title


def test_two_cas_are_two_findings_and_two_devices_too() -> None:
    world = World()
    for service, sender in (("ecs", "10.0.0.1"), ("ssm", "10.0.0.2"), ("logs", "10.0.0.2")):
        (host,) = world.endpoint(service)
        world.dns(host, A)
        world.tcp(host, A, F.ADMIN_PROHIBITED, icmp_type=3, icmp_code=13, icmp_from=sender)

    found = world.diagnosis().findings
    assert [len(f.hosts) for f in found] == [2, 1]
    assert "10.0.0.2" in found[0].title
    assert {f.id for f in found} == {"tcp_prohibited"}


@pytest.mark.parametrize(
    ("failure", "icmp", "words"),
    [
        (F.CONNECTION_REFUSED, {}, f"({A} answers with RST)"),
        (F.CONNECTION_REFUSED, {"icmp_type": 3, "icmp_code": 3}, f"10.0.0.1 answers for {A} with ICMP"),
        (F.HOST_UNREACHABLE, {"icmp_type": 3, "icmp_code": 1}, "host unreachable, 10.0.0.1 says so"),
        (F.HOST_UNREACHABLE, {"icmp_type": 11, "icmp_code": 0}, "their hops run out at 10.0.0.1"),
        (F.NETWORK_UNREACHABLE, {}, "this host itself has no route"),
    ],
)
def test_who_ended_a_connection_is_named_where_icmp_says_it(failure: F, icmp: dict[str, int], words: str) -> None:
    world = World()
    world.endpoint("ecs")
    world.dns(name("ecs"), A)
    world.tcp(name("ecs"), A, failure, **icmp, **({"icmp_from": "10.0.0.1"} if icmp else {}))

    (finding,) = world.diagnosis().findings
    assert words in finding.title
    assert ("10.0.0.1" in finding.remedy) is bool(icmp)


def test_a_hosts_file_with_the_other_family_alone_is_the_cause() -> None:
    world = World(vantages=(VantageRecord(name="host", resolvers=(R1,), families=(6,)),))
    world.endpoint("ecs")
    world.dns(name("ecs"), failure=F.DNS_NO_ANSWER, rrtype="AAAA", resolver="/etc/hosts:7", transport="file")

    (finding,) = world.diagnosis().findings
    assert (finding.id, finding.severity, finding.owner) == ("dns_no_address", Severity.ERROR, Owner.HOST)
    assert "/etc/hosts:7" in finding.title
    assert "/etc/hosts:7" in finding.remedy


def test_the_stub_takes_the_second_answer_only_after_silence() -> None:
    for failure, expected in ((F.TIMEOUT, Verdict.DEGRADED), (F.DNS_SERVFAIL, Verdict.DEGRADED)):
        world = World(vantages=(VantageRecord(name="host", resolvers=(R1, R2)),))
        world.endpoint("ecs")
        world.dns(name("ecs"), failure=failure, resolver=R1)
        world.dns(name("ecs"), A, resolver=R2)
        world.reach(name("ecs"), A)
        assert world.diagnosis().verdict is expected


def test_an_endpoint_is_as_good_as_its_worst_vantage() -> None:
    agents = (VantageRecord(name="ecs-agent", resolvers=(R1,)), VantageRecord(name="docker", resolvers=(R1,)))
    world = World(vantages=agents)
    world.endpoint("ecs")
    world.good(name("ecs"), vantage="ecs-agent")
    world.dns(name("ecs"), A, vantage="docker")
    world.tcp(name("ecs"), A, F.TIMEOUT, vantage="docker")

    diagnosis = world.diagnosis()
    assert diagnosis.endpoints[0].outcome is Outcome.FAIL
    assert [host.outcome for host in diagnosis.endpoints[0].hosts] == [Outcome.FAIL]
    assert diagnosis.findings[0].vantages == ("docker",)


def test_a_wrong_clock_blocks_what_is_signed_and_nothing_else() -> None:
    world = World()
    world.endpoint("ecs")
    world.endpoint("installer-script", "amazon-ecs-agent.s3.amazonaws.com", group="install")
    for host, address in ((name("ecs"), A), ("amazon-ecs-agent.s3.amazonaws.com", "52.95.1.9")):
        world.dns(host, address)
        world.tcp(host, address)
        world.tls(host, address)
        world.http(host, address, date_skew_seconds=900.0)

    blocked = {c.id: c.blocked_by for c in world.diagnosis().capabilities}
    assert blocked["register"] == blocked["receive-tasks"] == ("clock_skew",)
    assert blocked["install"] == ()
    (finding,) = world.diagnosis().findings
    assert finding.region is None
    assert "15 minutes ahead" in finding.title


def test_whoever_stands_in_for_an_endpoint_serves_what_that_one_serves() -> None:
    def served(id_: str) -> set[str]:
        return {one.id for one in CAPABILITIES if id_ in one.endpoints}

    stand_ins = {entry.id: entry.stands_in_for for entry in load().entries if entry.stands_in_for}
    assert stand_ins == {"ecs-a-unnumbered": "ecs-a", "ecs-t-unnumbered": "ecs-t"}
    assert {id_: served(id_) for id_ in stand_ins} == {id_: served(other) for id_, other in stand_ins.items()}
    assert all(map(served, stand_ins))


def test_findings_come_in_the_order_of_what_they_block() -> None:
    world = World()
    world.endpoint("logs")
    world.endpoint("ssm")
    world.endpoint("ecs")
    world.dns(name("logs"), failure=F.DNS_NXDOMAIN)
    world.dns(name("ssm"), A)
    world.tcp(name("ssm"), A, F.CONNECTION_REFUSED)
    world.dns(name("ecs"), A)
    world.tcp(name("ecs"), A, F.CONNECTION_REFUSED)

    assert [f.id for f in world.diagnosis().findings] == ["tcp_refused", "dns_name_missing"]


def test_interception_is_told_once_where_one_agent_trusts_it() -> None:
    from tests.support.observe import CORP_CA, CORP_LEAF

    agents = (VantageRecord(name="ecs-agent", resolvers=(R1,)), VantageRecord(name="docker", resolvers=(R1,)))
    world = World(vantages=agents)
    world.endpoint("ecs")
    for vantage, failure in (("docker", None), ("ecs-agent", F.SSL_UNKNOWN_AUTHORITY)):
        world.dns(name("ecs"), A, vantage=vantage)
        world.tcp(name("ecs"), A, vantage=vantage)
        world.tls(name("ecs"), A, failure, chain=(CORP_LEAF, CORP_CA), origin=False, vantage=vantage)
    world.http(name("ecs"), A, vantage="docker")
    world.repeated()

    diagnosis = world.diagnosis()
    assert told(diagnosis.findings) == {("tls_intercepted", "error", "proven")}
    assert "Corp Inspection CA" in diagnosis.findings[0].title
    assert "bb" * 8 in diagnosis.findings[0].title


def test_hostile_names_cannot_reach_a_terminal() -> None:
    world = World()
    world.endpoint("ecs")
    world.dns(name("ecs"), A)
    world.tcp(name("ecs"), A)
    world.tls(name("ecs"), A, origin=False)
    world.http(name("ecs"), A, F.HTTP_BLOCK_PAGE, server="\x1b]0;owned\x07{group}", title="‮evil")

    finding = next(found for found in world.diagnosis().findings if found.id == "http_block_page")
    assert "\x1b" not in finding.title
    assert "‮" not in finding.title
    assert finding.severity is Severity.ERROR


def test_subject_fields_survive_into_the_outcome() -> None:
    world = World()
    numbered(world, 1, absent=(2,))
    outcome = of(world, "ecs-a")

    for field in Subject.__struct_fields__:
        assert hasattr(outcome, field)
    assert outcome.absent == (name("ecs-a-2"),)


@pytest.mark.parametrize(
    ("resolver", "failure", "owner"),
    [
        ("127.0.0.1:53", F.CONNECTION_REFUSED, Owner.HOST),
        ("[::1]:53", F.CONNECTION_REFUSED, Owner.HOST),
        (R1, F.NETWORK_UNREACHABLE, Owner.HOST),
        (R1, F.CONNECTION_REFUSED, Owner.NETWORK),
        (R1, F.ADMIN_PROHIBITED, Owner.NETWORK),
    ],
)
def test_who_keeps_a_resolver_from_being_asked(resolver: str, failure: F, owner: Owner) -> None:
    world = World(vantages=(VantageRecord(name="host", resolvers=(resolver,)),))
    world.endpoint("ecs")
    world.dns(name("ecs"), failure=failure, resolver=resolver)
    assert finding_of(world, "dns_unreachable").owner is owner


PURPOSE = "Older SSM Agents receive commands here."


@pytest.mark.parametrize(
    ("optional", "required", "words"),
    [
        (("ec2messages",), (), "It is optional, the host is ready without: Older SSM Agents receive commands here."),
        (("ec2messages", "xray"), (), "They are optional, the host is ready without: Older SSM Agents"),
        (("ec2messages",), ("ecs",), "Optional of these: ec2messages."),
    ],
)
def test_what_a_host_can_do_without_is_called_optional(
    optional: tuple[str, ...], required: tuple[str, ...], words: str
) -> None:
    world = World()
    world.endpoint("ssm")
    world.good(name("ssm"), address="52.95.9.9")
    for number, id_ in enumerate((*optional, *required)):
        world.endpoint(id_, required=id_ in required, purpose=PURPOSE)
        world.dns(name(id_), f"52.95.1.{number}")
        world.tcp(name(id_), f"52.95.1.{number}", F.CONNECTION_REFUSED)
    world.repeated()

    (finding,) = world.diagnosis().findings

    assert words in finding.title
    assert finding.severity is (Severity.ERROR if required else Severity.WARNING)


def test_what_is_required_is_not_called_optional() -> None:
    world = World()
    world.endpoint("ecs", purpose=PURPOSE)
    world.dns(name("ecs"), failure=F.DNS_NXDOMAIN)

    (finding,) = world.diagnosis().findings

    assert "ptional" not in finding.title
