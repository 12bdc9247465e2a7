"""Two moments held against each other: what is worse is called worse, and nothing else is."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from netprobe.findings import Certainty, Finding, Owner, Severity
from netprobe.fleet import addresses
from netprobe.fleet.census import Census
from netprobe.fleet.compare import Difference, DifferenceKind, FleetComparison, Weight, compare
from netprobe.fleet.files import Document
from netprobe.fleet.formats import comparison
from netprobe.fleet.latency import RunTimes, shifts, take
from tests.support.cli import netprobe
from tests.support.fleets import CA, ENDPOINTS, Machine, encoded, fault, machines

WARN = Severity.WARNING
ALL = ", ".join(f"us-east-2/{one}" for one in ENDPOINTS)


def host(*faults: Finding, name: str = "web1", **changes: Any) -> Machine:
    machine = machines(random.Random(1), 1)[0]
    machine.name, machine.faults = name, list(faults)
    for key, value in changes.items():
        setattr(machine, key, value)
    return machine


def census(*members: Machine) -> Census:
    found = Census()
    for machine in members:
        found.add(Document(source=f"{machine.name}.json", stem=machine.name, data=encoded(machine)))
    return found


def held(old: Machine, new: Machine) -> FleetComparison:
    return compare(census(old), census(new), {}, {})


def told(found: FleetComparison) -> list[tuple[str, str, str, str, str]]:
    return [(str(c.kind), str(c.weight), c.id, c.before, c.now) for c in found.changes]


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ([], [fault("tcp_dropped")], ("new", "worse", "tcp_dropped", "", "")),
        ([], [fault("dns_slow", severity=WARN, cause="r:53")], ("new", "warning", "dns_slow", "", "r:53")),
        ([fault("tcp_dropped")], [], ("fixed", "none", "tcp_dropped", "", "")),
        ([fault("tcp_dropped")], [fault("tcp_dropped")], ("same", "none", "tcp_dropped", "", "")),
        (
            [fault("tls_intercepted", cause=CA)],
            [fault("tls_intercepted", cause="CN=Other")],
            ("changed", "none", "tls_intercepted", CA, "CN=Other"),
        ),
        (
            [fault("tcp_dropped")],
            [fault("tcp_dropped", owner=Owner.HOST)],
            ("changed", "none", "tcp_dropped", "owner network", "owner host"),
        ),
        (
            [fault("tcp_dropped")],
            [fault("tcp_dropped", certainty=Certainty.SUSPECTED)],
            ("changed", "none", "tcp_dropped", "certainty proven", "certainty suspected"),
        ),
        (
            # In two findings of one host: what is suspected for a part is not proven for the host.
            [fault("tcp_dropped", endpoints=("ecs", "ssm"))],
            [
                fault("tcp_dropped", endpoints=("ecs",)),
                fault("tcp_dropped", endpoints=("ssm",), certainty=Certainty.SUSPECTED),
            ],
            ("changed", "none", "tcp_dropped", "certainty proven", "certainty suspected"),
        ),
        (
            [fault("ipv6_broken", severity=WARN)],
            [fault("ipv6_broken")],
            ("changed", "worse", "ipv6_broken", "severity warning", f"severity error, endpoints {ALL}"),
        ),
        (
            [fault("clock_skew", severity=WARN, endpoints=())],
            [fault("clock_skew", endpoints=())],
            ("changed", "worse", "clock_skew", "severity warning", "severity error"),
        ),
        (
            [fault("tcp_dropped", endpoints=("ecs",))],
            [fault("tcp_dropped", endpoints=("ecs", "ssm"))],
            ("changed", "worse", "tcp_dropped", "", "endpoints us-east-2/ssm"),
        ),
        (
            [fault("tcp_dropped", endpoints=("ecs", "ssm"))],
            [fault("tcp_dropped", endpoints=("ecs",))],
            ("same", "none", "tcp_dropped", "", ""),
        ),
    ],
)
def test_one_change_at_one_host(old: list[Finding], new: list[Finding], change: tuple[str, ...]) -> None:
    assert told(held(host(*old), host(*new))) == [change]


def test_another_reason_at_the_same_endpoints_is_no_step_back() -> None:
    """The firewall was opened, and now the inspection behind it shows."""
    found = held(host(fault("tcp_dropped")), host(fault("tls_intercepted", cause=CA)))
    assert found.weight is Weight.NONE
    assert {change.kind for change in found.changes} == {DifferenceKind.CHANGED}


def test_a_report_is_the_same_as_itself_also_where_an_error_touches_what_is_not_required() -> None:
    """An endpoint that is not required warns, and the error that makes it warn names it."""
    one = json.loads(encoded(host(fault("tls_intercepted", cause=CA))))
    for endpoint in one["endpoints"][:3]:
        endpoint["outcome"] = "warn"
    old, new = Census(), Census()
    for side in (old, new):
        side.add(Document(source="x", stem="x", data=json.dumps(one).encode()))
    assert told(compare(old, new, {}, {})) == [("same", "none", "tls_intercepted", CA, CA)]


def without(machine: Machine, *ids: str, outcome: str | None) -> bytes:
    """The report, with endpoints that were not run, or that nobody asked for."""
    document = json.loads(encoded(machine))
    endpoints = [one for one in document["endpoints"] if one["id"] not in ids or outcome is not None]
    for one in endpoints:
        if one["id"] in ids:
            one["outcome"] = outcome
    return json.dumps(document | {"endpoints": endpoints}).encode()


@pytest.mark.parametrize("outcome", ["not_run", None])
def test_what_nobody_looked_at_again_is_not_fixed(outcome: str | None) -> None:
    new = Census()
    new.add(Document(source="x", stem="x", data=without(host(), "ecs", outcome=outcome)))
    found = compare(census(host(fault("tcp_dropped", endpoints=("ecs",)))), new, {}, {})
    assert [change.kind for change in found.changes] == [DifferenceKind.UNJUDGED]
    # Nor is what was looked at in part.
    found = compare(census(host(fault("tcp_dropped", endpoints=("ecs", "ssm")))), new, {}, {})
    assert [change.kind for change in found.changes] == [DifferenceKind.UNJUDGED]


def with_rules(machine: Machine, *rules: tuple[str, str], endpoints: bool = True) -> Census:
    """The host's report with rules, (id, outcome), and its endpoints or none."""
    document = json.loads(encoded(machine))
    judged = [{"id": id_, "outcome": outcome, "title": "t", "subject": "host"} for id_, outcome in rules]
    document |= {"rules": judged, **({} if endpoints else {"endpoints": []})}
    found = Census()
    found.add(Document(source="x", stem="x", data=json.dumps(document).encode()))
    return found


@pytest.mark.parametrize(
    ("rules", "kind"),
    [((), DifferenceKind.UNJUDGED), ((("selinux_enforcing", "pass"),), DifferenceKind.FIXED)],
)
def test_a_finding_of_a_rule_is_fixed_only_where_rules_were_judged_again(
    rules: tuple[tuple[str, str], ...], kind: DifferenceKind
) -> None:
    old = with_rules(host(fault("selinux_enforcing", endpoints=())), ("selinux_enforcing", "fail"))
    assert [change.kind for change in compare(old, with_rules(host(), *rules), {}, {}).changes] == [kind]


@pytest.mark.parametrize(("looked", "kind"), [(False, DifferenceKind.UNJUDGED), (True, DifferenceKind.FIXED)])
def test_a_finding_of_the_whole_host_is_fixed_only_where_endpoints_were_looked_at(
    looked: bool, kind: DifferenceKind
) -> None:
    new = with_rules(host(), ("selinux_enforcing", "pass"), endpoints=looked)
    found = compare(census(host(fault("clock_skew", endpoints=()))), new, {}, {})
    assert [(change.id, change.kind) for change in found.changes] == [("clock_skew", kind)]


def test_another_reason_that_breaks_more_than_was_broken_is_a_step_back() -> None:
    found = held(
        host(fault("tcp_dropped", endpoints=("ecs",))), host(fault("tls_intercepted", endpoints=("ecs", "ssm")))
    )
    assert ("new", "worse", "tls_intercepted", "", "") in told(found)


def test_what_changed_on_the_host_is_told_and_never_worse() -> None:
    old = host(proxy="http://a:3128", agents={"ecs-agent": "1.89.2"}, address="10.0.0.1")
    new = host(proxy="http://b:3128", agents={"ecs-agent": "1.98.0"}, address="10.0.1.1")
    found = held(old, new)
    assert found.weight is Weight.NONE
    assert {(c.id, c.before, c.now) for c in found.changes} == {
        ("proxy", "http://a:3128", "http://b:3128"),
        ("ecs-agent", "1.89.2", "1.98.0"),
        ("subnet", "10.0.0.0/24", "10.0.1.0/24"),
    }


def test_the_same_change_at_many_hosts_is_one_line() -> None:
    old = [host(name=f"web{n}", site="fra" if n < 7 else "muc") for n in range(10)]
    new = [host(fault("tls_intercepted", cause=CA), name=f"web{n}", site="fra" if n < 7 else "muc") for n in range(10)]
    [change] = compare(census(*old), census(*new), {}, {}).changes
    assert (len(change.hosts), change.sites) == (10, {"fra": 7, "muc": 3})


def test_hosts_of_one_side_only_are_named() -> None:
    found = compare(census(host(name="a"), host(name="b")), census(host(name="b"), host(name="c")), {}, {})
    assert (found.gone, found.added) == (("a",), ("c",))


def test_a_host_is_found_again_by_its_machine_id() -> None:
    """It gained its domain, or a namesake has come: the mark that tells these two apart is not part of its name."""

    def document(name: str, machine_id: str) -> Document:
        data = json.loads(encoded(host(name=name)))
        data["host"]["machine_id"] = machine_id * 32
        return Document(source=name, stem=name, data=json.dumps(data).encode())

    old, new = Census(), Census()
    for one in (document("web1", "a"), document("db1", "b"), document("gone", "c")):
        old.add(one)
    for one in (document("web1", "a"), document("web1", "d"), document("db1.fra.example", "b")):
        new.add(one)
    found = compare(old, new, {}, {})
    assert (found.gone, found.added) == (("gone",), ("web1 (dddddddd)",))


def test_a_host_that_moved_to_another_site_is_told() -> None:
    assert told(held(host(site="fra"), host(site="muc"))) == [("changed", "none", "site", "fra", "muc")]


def test_two_lone_reports_are_one_host_whatever_they_are_called() -> None:
    found = compare(census(host(name="a")), census(host(fault("tcp_dropped"), name="b")), {}, {})
    assert found.weight is Weight.WORSE


def times(rng: random.Random, factor: float = 1.0, add: float = 0.0, names: int = 13) -> RunTimes:
    """A run with three connections to each name, 30 ms away, give or take a third."""
    by_endpoint, by_name = {}, {}
    for number in range(names):
        for step in ("tcp", "tls"):
            values = tuple(0.03 * rng.uniform(0.8, 1.35) * factor + add for _ in range(3))
            by_endpoint[f"us-east-2/e{number}", step] = values
            by_name[f"e{number}.example", step] = sorted(values)[1]
    return RunTimes(by_endpoint=by_endpoint, by_name=by_name)


def test_noise_is_never_called_slower() -> None:
    rng = random.Random(1)
    assert not [shift for _ in range(500) for shift in shifts(times(rng), times(rng))]


def test_a_slower_path_is_told_once_a_step() -> None:
    rng = random.Random(2)
    found = list(shifts(times(rng), times(rng, factor=3)))
    assert [(shift.step, shift.endpoint) for shift in found] == [("tcp", ""), ("tls", "")]
    assert all(shift.now_seconds > 2 * shift.before_seconds for shift in found)
    assert [shift.now_seconds < shift.before_seconds for shift in shifts(times(rng, factor=3), times(rng))] == [
        True
    ] * 2


def test_one_slower_endpoint_is_told_alone() -> None:
    rng = random.Random(3)
    now = times(rng)
    now.by_endpoint["us-east-2/e4", "tcp"] = (0.3, 0.31, 0.4)
    now.by_name["e4.example", "tcp"] = 0.31
    assert [(shift.step, shift.endpoint) for shift in shifts(times(rng), now)] == [("tcp", "us-east-2/e4")]


def test_a_millisecond_is_nothing_however_often() -> None:
    rng = random.Random(4)
    one = RunTimes(by_endpoint={}, by_name={(f"e{n}", "tcp"): 0.001 for n in range(40)})
    other = RunTimes(by_endpoint={}, by_name={(f"e{n}", "tcp"): 0.004 for n in range(40)})
    assert list(shifts(one, other)) == []
    assert list(shifts(times(rng, names=5), times(rng, factor=2, names=5))) != []


def test_control_probes_and_failures_are_no_latency() -> None:
    row = {"region": "r", "endpoint": "e", "host": "h", "step": "tcp", "duration_seconds": 0.5}
    rows = [row, row | {"failure": "connection_reset"}, row | {"experiment": "repeat"}, row | {"step": "odd"}]
    assert take(json.dumps({"observations": rows}).encode()).by_endpoint == {("r/e", "tcp"): (0.5,)}
    assert take(b'{"observations": [7]}').by_name == {}


def test_slower_is_told_and_counts_with_strict_only() -> None:
    rng = random.Random(5)
    one = host()
    found = compare(census(one), census(one), {"web1.json": times(rng)}, {"web1.json": times(rng, factor=3)})
    assert {change.kind for change in found.changes} == {DifferenceKind.SLOWER}
    assert found.weight is Weight.WARNING


def test_every_format_keeps_text_text_and_json_keeps_to_its_schema() -> None:
    evil = "<img src=x> | [x](http://e) \x1b[2J\u202e @all"
    old, new = host(name=evil, site=evil), host(fault(evil, cause=evil), name=evil, site=evil, proxy=evil)
    found = held(old, new)
    document = json.loads(comparison.render(found, "json"))
    jsonschema.Draft202012Validator(comparison.schema()).validate(document)
    for format in comparison.FORMATS:
        shown = comparison.render(found, format)
        text = shown.decode() if isinstance(shown, bytes) else shown
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "<img" not in comparison.render(found, "markdown")


def save(path: Path, *members: Machine) -> str:
    path.mkdir()
    for machine in members:
        (path / f"{machine.name}.json").write_bytes(encoded(machine))
    return str(path)


def test_the_command_ends_with_one_only_for_what_got_worse(tmp_path: Path) -> None:
    fine, warns, broken = host(), host(fault("dns_slow", severity=WARN)), host(fault("tcp_dropped"))
    a, b, c = (save(tmp_path / name, machine) for name, machine in (("a", fine), ("b", warns), ("c", broken)))
    assert netprobe("compare", a, c).code == 1
    assert netprobe("compare", c, a).code == 0
    assert netprobe("compare", c, c).code == 0
    assert netprobe("compare", a, b).code == 0
    assert netprobe("compare", a, b, "--strict").code == 1
    shown = netprobe("compare", a, c).out
    assert "! tcp_dropped (error; for network)" in shown
    assert "WORSE: something that worked does not: 1 new." in shown
    assert "### New" in netprobe("compare", a, c, "--format", "markdown").out
    assert json.loads(netprobe("compare", "--schema").out)["title"] == "netprobe comparison"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("a",), "OLD NEW: are missing"),
        (("missing.json", "missing.json"), "holds no report"),
        (("x", "y", "--format", "csv"), "is not a format"),
    ],
)
def test_a_wrong_request_says_what_to_do(arguments: tuple[str, ...], reason: str) -> None:
    done = netprobe("compare", *arguments)
    assert done.code == 2
    assert reason in done.err


def test_folders_without_a_host_in_common_are_told(tmp_path: Path) -> None:
    a = save(tmp_path / "a", host(name="a"), host(name="b"))
    b = save(tmp_path / "b", host(name="c"), host(name="d"))
    done = netprobe("compare", a, b)
    assert done.code == 2
    assert "no host in common" in done.err


def test_what_got_worse_comes_first() -> None:
    old = [host(name="a"), host(fault("tcp_refused"), name="b")]
    new = [host(fault("tcp_dropped"), name="a"), host(name="b")]
    changes: tuple[Difference, ...] = compare(census(*old), census(*new), {}, {}).changes
    assert [change.kind for change in changes] == [DifferenceKind.NEW, DifferenceKind.FIXED]


def resolved(*answers: tuple[str, tuple[str, ...]], **more: Any) -> bytes:
    """A report's observations: endpoint → what its names led to."""
    made = [
        {
            **{"region": "us-east-2", "endpoint": endpoint, "step": "dns", "failure": None, "experiment": None},
            **{"detail": {"kind": "dns", "resolver": "192.0.2.53:53", "rrtype": "A", "answers": found}, **more},
        }
        for endpoint, found in answers
    ]
    return json.dumps({"observations": made}).encode()


PUBLIC, OTHER, VPC = ("3.1.1.1", "3.1.1.2"), ("52.9.9.9",), ("10.0.0.5", "10.0.1.5")


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (PUBLIC, OTHER, []),  # AWS's own doing, all the time
        (VPC, tuple(reversed(VPC)), []),
        (PUBLIC, VPC, [("public addresses", "10.0.0.5, 10.0.1.5")]),
        (VPC, OTHER, [("10.0.0.5, 10.0.1.5", "public addresses")]),
        (VPC, ("10.0.0.5", "10.0.2.9"), [("10.0.0.5, 10.0.1.5", "10.0.0.5, 10.0.2.9")]),
        (VPC, (*VPC, *PUBLIC), [("10.0.0.5, 10.0.1.5", "10.0.0.5, 10.0.1.5 and public addresses")]),
        (("fd00::5",), ("fd00::6",), [("fd00::5", "fd00::6")]),
        (PUBLIC, ("not an address",), []),
        (PUBLIC, (), []),  # not resolved: that is a finding's to tell
    ],
)
def test_addresses_are_told_where_they_mean_another_way(
    before: tuple[str, ...], now: tuple[str, ...], told: list[tuple[str, str]]
) -> None:
    old, new = addresses.take(resolved(("ecs", before))), addresses.take(resolved(("ecs", now)))
    found = compare(census(host()), census(host()), {}, {}, {"web1.json": old}, {"web1.json": new}).changes
    assert [(one.before, one.now) for one in found] == told
    for one in found:
        assert (one.kind, one.weight, one.id) == (DifferenceKind.CHANGED, Weight.NONE, "addresses")
        assert (one.endpoints, one.hosts) == (("us-east-2/ecs",), ("web1",))


def test_addresses_of_control_probes_and_hostile_reports_count_nothing() -> None:
    assert addresses.take(resolved(("ecs", VPC), experiment="other_resolver")) == {}
    assert addresses.take(resolved(("ecs", VPC), failure="dns_refused")) == {}
    assert addresses.take(b"[" * 100_000) == {}
    (key,) = addresses.take(resolved(("e\x1b[31m" * 100, VPC)))
    assert "\x1b" not in key
    assert len(key) < 200


def test_the_command_tells_addresses(tmp_path: Path) -> None:
    def written(name: str, answers: tuple[str, ...]) -> str:
        document = json.loads(encoded(host()))
        document["observations"] = json.loads(resolved(("ecs", answers)))["observations"]
        (tmp_path / name).write_text(json.dumps(document))
        return str(tmp_path / name)

    done = netprobe("compare", written("old.json", PUBLIC), written("new.json", VPC))
    assert done.code == 0
    assert "addresses" in done.out
    assert "10.0.0.5, 10.0.1.5" in done.out


def test_reports_in_the_wrong_order_are_told(tmp_path: Path) -> None:
    """What got worse would be called fixed, and end with 0."""
    for name, day, faults in (("monday", 23, []), ("tuesday", 24, [fault("tcp_dropped")])):
        machine = host(*faults, started_at=f"2026-11-{day}T10:00:00.000Z")
        (tmp_path / f"{name}.json").write_bytes(encoded(machine))
    monday, tuesday = str(tmp_path / "monday.json"), str(tmp_path / "tuesday.json")
    swapped, right, same = (
        netprobe("compare", *two) for two in ((tuesday, monday), (monday, tuesday), (monday, monday))
    )
    assert "are they the wrong way round?" in swapped.err
    assert (right.err, right.code) == ("", 1)
    assert (same.err, same.out) == ("", "NOT WORSE: nothing is different.\n")
