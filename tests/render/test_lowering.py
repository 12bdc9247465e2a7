"""Lowering as a table, and its promises as properties: nothing is lost in silence, nothing widened in silence."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.catalog.model import Endpoint
from netprobe.errors import CannotExpressError, MissingInputError, UsageError
from netprobe.render import Options, render
from netprobe.render.lowering import asked_for, lower
from netprobe.render.merging import merge
from netprobe.render.model import (
    Addresses,
    Admitted,
    Claim,
    DeviceCapability,
    Dialect,
    Form,
    Loss,
    LossKind,
    Need,
    SeenNames,
)
from netprobe.render.targets import squid
from tests.support.render_cases import ORIGIN, UNUSUAL, ecs, endpoint, seen
from tests.support.render_corpus import corpus

ECS_A = "ecs-a-*.us-east-2.amazonaws.com"
PARENT = "us-east-2.amazonaws.com"


def can(*forms: Form, **more: object) -> DeviceCapability:
    regex = Dialect.POSIX_ERE if Form.REGEX in forms else None
    return DeviceCapability(forms=frozenset(forms), default_action="denied", regex=regex, **more)  # type: ignore[arg-type]


def said(pattern: str, capability: DeviceCapability, **options: object) -> tuple[list[tuple[Form, str]], list[Loss]]:
    """What a single endpoint becomes."""
    numbered = "*" in pattern
    found = lower((endpoint(pattern, "x", numbered=numbered),), capability, Options(**options))  # type: ignore[arg-type]
    return [(entry.form, entry.value) for entry in found.entries], list(found.losses)


@pytest.mark.parametrize(
    ("pattern", "forms", "expected"),
    [
        ("ecs.us-east-2.amazonaws.com", {Form.EXACT, Form.REGEX, Form.SUBTREE}, Form.EXACT),
        ("ecs.us-east-2.amazonaws.com", {Form.REGEX, Form.SUBTREE}, Form.REGEX),
        ("*.data.us-east-2.amazonaws.com", {Form.EXACT, Form.ONE_LABEL, Form.REGEX, Form.SUFFIX}, Form.ONE_LABEL),
        ("*.data.us-east-2.amazonaws.com", {Form.EXACT, Form.GLOB, Form.SUFFIX}, Form.GLOB),
        ("*.data.us-east-2.amazonaws.com", {Form.EXACT, Form.REGEX, Form.SUFFIX}, Form.REGEX),
        (ECS_A, {Form.EXACT, Form.GLOB, Form.REGEX, Form.ONE_LABEL}, Form.GLOB),
        (ECS_A, {Form.EXACT, Form.REGEX, Form.ONE_LABEL, Form.SUFFIX}, Form.REGEX),
    ],
)
def test_the_most_exact_form_is_taken_without_loss(pattern: str, forms: set[Form], expected: Form) -> None:
    entries, losses = said(pattern, can(*forms))
    assert [form for form, _ in entries] == [expected]
    assert losses == []


def test_one_label_of_the_parent_is_told() -> None:
    entries, (loss,) = said(ECS_A, can(Form.EXACT, Form.ONE_LABEL, Form.SUFFIX), allow_widening=True)
    assert entries == [(Form.ONE_LABEL, PARENT)]
    assert (loss.kind, loss.exfiltration, loss.count) == (LossKind.WIDENED, True, None)
    assert f"one label in front of {PARENT}" in loss.explanation
    assert "S3" in loss.explanation


@pytest.mark.parametrize("suffix", ["amazonaws.com", "api.aws", "amazonaws.eu"])
def test_one_label_in_front_of_a_region_is_a_way_out(suffix: str) -> None:
    """s3.REGION.amazonaws.com/BUCKET/KEY reaches every customer's bucket, so it takes --allow-widening."""
    pattern = f"ecs-a-*.us-east-2.{suffix}"
    device = can(Form.EXACT, Form.ONE_LABEL)
    entries, (loss,) = said(pattern, device)
    assert (entries, loss.kind) == ([], LossKind.REFUSED)
    assert Need.WIDENING in loss.needs
    entries, (loss,) = said(pattern, device, seen=seen(pattern))
    assert entries == [(Form.EXACT, f"ecs-a-{n}.us-east-2.{suffix}") for n in (1, 2, 22)]
    assert (loss.kind, loss.exfiltration) == (LossKind.ENUMERATED, False)


def test_one_label_of_a_domain_of_ones_own_is_no_way_out() -> None:
    entries, (loss,) = said("ecs-a-*.registry.example.com", can(Form.EXACT, Form.ONE_LABEL))
    assert entries == [(Form.ONE_LABEL, "registry.example.com")]
    assert (loss.kind, loss.exfiltration) == (LossKind.WIDENED, False)


@pytest.mark.parametrize("tree", [Form.SUFFIX, Form.SUBTREE])
def test_names_seen_come_before_everything_beneath_the_parent(tree: Form) -> None:
    entries, (loss,) = said(ECS_A, can(Form.EXACT, tree), seen=seen(ECS_A), allow_widening=True)
    assert entries == [(Form.EXACT, f"ecs-a-{n}.{PARENT}") for n in (1, 2, 22)]
    assert (loss.kind, loss.count, loss.exfiltration) == (LossKind.ENUMERATED, 3, False)
    assert "render again" in loss.explanation


def test_a_list_that_is_itself_wider_tells_every_name() -> None:
    """Names listed on a device that takes what is beneath them: the list is told, and what each of them adds."""
    entries, losses = said(ECS_A, can(Form.SUBTREE), seen=seen(ECS_A))
    assert entries == [(Form.SUBTREE, f"ecs-a-{n}.{PARENT}") for n in (1, 2, 22)]
    assert [loss.kind for loss in losses] == [LossKind.ENUMERATED, *[LossKind.WIDENED] * 3]
    assert [loss.pattern for loss in losses[1:]] == [f"ecs-a-{n}.{PARENT}" for n in (1, 2, 22)]


def test_a_list_is_whole_or_not_there() -> None:
    """One name that the device cannot take, and AWS may pick just that one."""
    capability = can(Form.EXACT, max_entry_length=len(f"ecs-a-1.{PARENT}"))
    entries, (loss,) = said(ECS_A, capability, seen=seen(ECS_A))
    assert (entries, loss.kind, loss.pattern) == ([], LossKind.REFUSED, ECS_A)


def test_a_name_seen_twice_is_one() -> None:
    twice = {ECS_A: SeenNames(names=(f"ecs-a-1.{PARENT}",) * 2, how="a test")}
    entries, (loss,) = said(ECS_A, can(Form.EXACT), seen=twice)
    assert (len(entries), loss.count) == (1, 1)


def test_a_device_without_anchors_lists_nothing() -> None:
    """Each name of the list would admit what contains it: many wide entries in the place of one."""
    entries, _ = said(ECS_A, can(Form.CONTAINS), seen=seen(ECS_A), enumerate=True, allow_widening=True)
    assert entries == [(Form.CONTAINS, ECS_A)]


def test_the_same_loss_is_told_once() -> None:
    one = endpoint(ECS_A, "x")
    found = lower((one, one), can(Form.ONE_LABEL), Options(allow_widening=True))
    assert [loss.kind for loss in found.losses] == [LossKind.WIDENED]


@pytest.mark.parametrize("one", UNUSUAL, ids=lambda one: one.id)
def test_a_star_behind_the_first_label_has_no_one_label_form(one: Endpoint) -> None:
    """What follows the last star is more than one label away: ``^.example.com`` misses ``db.x.example.com``."""
    found = lower((one,), can(Form.EXACT, Form.ONE_LABEL), Options(allow_widening=True))
    first_only = "*" not in one.pattern.partition(".")[2]
    assert [entry.form for entry in found.entries] == [Form.ONE_LABEL] * first_only


def test_names_seen_come_first_where_that_is_wished() -> None:
    capability = can(Form.EXACT, Form.ONE_LABEL)
    entries, (loss,) = said(ECS_A, capability, seen=seen(ECS_A), enumerate=True)
    assert (len(entries), loss.kind) == (3, LossKind.ENUMERATED)
    entries, (loss,) = said(ECS_A, capability, seen=seen(ECS_A), allow_widening=True)
    assert (len(entries), loss.kind) == (1, LossKind.WIDENED)
    entries, (loss,) = said(ECS_A, capability, seen=seen(ECS_A), allow_widening=True, enumerate=True)
    assert (len(entries), loss.kind) == (3, LossKind.ENUMERATED)
    entries, losses = said(ECS_A, can(Form.EXACT, Form.REGEX), seen=seen(ECS_A), enumerate=True)
    assert (len(entries), losses) == (1, [])


@pytest.mark.parametrize("form", [Form.SUFFIX, Form.SUBTREE])
def test_a_way_out_for_data_needs_permission(form: Form) -> None:
    """Everything beneath the region's domain holds every customer's bucket."""
    entries, (loss,) = said(ECS_A, can(Form.EXACT, form))
    assert (entries, loss.kind) == ([], LossKind.REFUSED)
    assert Need.WIDENING in loss.needs
    assert Need.NAMES in loss.needs
    entries, (loss,) = said(ECS_A, can(Form.EXACT, form), allow_widening=True)
    assert entries == [(form, PARENT)]
    assert (loss.kind, loss.exfiltration) == (LossKind.WIDENED, True)


def test_a_star_that_crosses_dots_is_a_way_out_too() -> None:
    """A bucket may be called ecs-a-x: ecs-a-x.s3.us-east-2.amazonaws.com fits once the star crosses dots."""
    entries, (loss,) = said(ECS_A, can(Form.EXACT, Form.GLOB_DOTS))
    assert (entries, loss.kind) == ([], LossKind.REFUSED)
    entries, (loss,) = said(ECS_A, can(Form.EXACT, Form.GLOB_DOTS), allow_widening=True)
    assert entries == [(Form.GLOB_DOTS, ECS_A)]
    assert loss.exfiltration


@pytest.mark.parametrize("form", [Form.GLOB, Form.GLOB_DOTS])
@pytest.mark.parametrize("empty", [False, True])
def test_a_star_stands_for_nothing_where_the_device_has_it_so(form: Form, empty: bool) -> None:
    capability = can(form, empty_star=empty)
    found = lower((endpoint(ECS_A, "x"),), capability, Options(allow_widening=True))
    assert found.admits("ecs-a-.us-east-2.amazonaws.com") == empty


def test_a_name_without_its_region_is_in_a_partition_all_the_same() -> None:
    """``s3.amazonaws.eu`` has every customer's buckets beneath it, whether or not the pattern names a region."""
    entries, (loss,) = said("x-*.amazonaws.eu", can(Form.EXACT, Form.SUFFIX))
    assert (entries, loss.kind) == ([], LossKind.REFUSED)


def test_beneath_a_bucket_is_a_customers_beneath_a_service_is_not() -> None:
    """A bucket's name may hold dots, so x.BUCKET.s3… can be anybody's; nobody can own x.ecs.us-east-2…"""
    bucket = "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"
    entries, (loss,) = said(bucket, can(Form.SUBTREE))
    assert (entries, loss.kind) == ([], LossKind.REFUSED)
    entries, (loss,) = said("ecs.us-east-2.amazonaws.com", can(Form.SUBTREE))
    assert entries == [(Form.SUBTREE, "ecs.us-east-2.amazonaws.com")]
    assert (loss.kind, loss.exfiltration) == (LossKind.WIDENED, False)


@pytest.mark.parametrize(
    "name",
    [
        "s3-fips.us-east-1.amazonaws.com",
        "s3.dualstack.us-east-1.amazonaws.com",
        "s3-fips.dualstack.us-gov-west-1.amazonaws.com",
        "s3.eu-west-1.amazonaws.com",
        "sqs-fips.us-east-1.amazonaws.com",
        "*.s3.us-east-1.amazonaws.com",
        "*.s3-fips.us-east-1.amazonaws.com",
        "*.s3-fips.dualstack.us-east-1.amazonaws.com",
        "app-*.s3.eusc-de-east-1.amazonaws.eu",
        "app.*.s3.us-east-1.amazonaws.com",
        "*.logs.s3.us-east-1.amazonaws.com",
        "*.dkr.ecr.us-west-2.amazonaws.com",
        "*.dkr-ecr.us-west-2.on.aws",
        "*.cloudfront.net",
    ],
)
def test_what_is_asked_for_can_be_a_way_out_itself(name: str) -> None:
    """Said exactly, in every form of the name and in any region, and still every customer's."""
    entries, (loss,) = said(name, can(Form.EXACT, Form.REGEX))
    assert len(entries) == 1
    assert (loss.kind, loss.exfiltration, loss.pattern) == (LossKind.WIDENED, True, name)


@pytest.mark.parametrize(
    "name",
    [
        "bucket.s3.us-east-1.amazonaws.com",
        "bucket.s3-fips.us-east-1.amazonaws.com",
        "ecs-a-*.us-east-1.amazonaws.com",
        "*.mirror.corp.example",
        "s3.us-east-1.corp.example",
    ],
)
def test_what_is_asked_for_and_is_nobody_elses_is_no_loss(name: str) -> None:
    _, losses = said(name, can(Form.EXACT, Form.REGEX))
    assert losses == []


@pytest.mark.parametrize(
    "name",
    [
        "d2glxqk2uabbnd.cloudfront.net",
        "123456789012.dkr.ecr.us-east-2.amazonaws.com",
        "123456789012.dkr-ecr.us-east-2.on.aws",
    ],
)
def test_beneath_a_name_of_one_label_nobody_else_has_names(name: str) -> None:
    entries, (loss,) = said(name, can(Form.SUBTREE))
    assert entries == [(Form.SUBTREE, name)]
    assert (loss.kind, loss.exfiltration) == (LossKind.WIDENED, False)


def test_nothing_of_aws_is_told_of_a_domain_that_is_not_aws_s() -> None:
    """Neither its services nor its buckets are beneath a company's domain; whether others are, nobody here knows."""
    _, (one,) = said("registry-*.corp.example", can(Form.ONE_LABEL))
    _, (tree,) = said("registry-*.corp.example", can(Form.SUFFIX), allow_widening=True)
    _, (dots,) = said("registry-*.corp.example", can(Form.GLOB_DOTS), allow_widening=True)
    for loss in (one, tree, dots):
        assert not {"AWS", "S3", "bucket", "region"} & set(re.findall(r"\w+", loss.explanation))
    assert (one.exfiltration, tree.exfiltration, dots.exfiltration) == (False, True, True)
    assert "a whole domain" in tree.explanation


def test_a_list_of_names_is_offered_where_one_can_be_found() -> None:
    """Only numbered names are looked for in the DNS; for others no option of the command helps."""
    (loss,) = lower((endpoint("*.mirror.corp.example"), endpoint("a.example")), can(Form.EXACT), Options()).losses
    assert loss.kind is LossKind.REFUSED
    assert Need.NAMES not in loss.needs
    assert "[[endpoint]]" in loss.explanation


@pytest.mark.parametrize("forms", [{Form.EXACT, Form.ONE_LABEL}, {Form.EXACT, Form.SUFFIX}, {Form.EXACT}])
def test_exact_refuses_all_that_is_not(forms: set[Form]) -> None:
    entries, (loss,) = said(ECS_A, can(*forms), exact=True, allow_widening=True, seen=seen(ECS_A))
    assert (entries, loss.kind) == ([], LossKind.REFUSED)
    assert "nothing else is permitted" in loss.explanation


def test_plain_http_has_no_server_name() -> None:
    plain = endpoint("archive.ubuntu.com", port=80, required=False)
    found = lower((plain, endpoint("ecs.us-east-2.amazonaws.com")), can(Form.EXACT, tls_only=True), Options())
    assert [entry.value for entry in found.entries] == ["ecs.us-east-2.amazonaws.com"]
    (loss,) = found.losses
    assert (loss.kind, loss.endpoint) == (LossKind.REFUSED, plain.id)
    assert "plain HTTP" in loss.explanation


def test_exact_refuses_what_is_optional_too() -> None:
    one, said_ = endpoint(ECS_A, "x", required=False), endpoint("ecs.us-east-2.amazonaws.com")
    assert render("panos", (one, said_), origin=ORIGIN, options=Options()).lowered.refused
    with pytest.raises(CannotExpressError, match="nothing else is permitted"):
        render("panos", (one, said_), origin=ORIGIN, options=Options(exact=True))


def test_a_file_that_admits_nothing_is_not_written() -> None:
    """It could not be told from one that denies nothing; the reason is the refusal, where there is one."""
    with pytest.raises(CannotExpressError, match=r"ecs-a-\*"):
        render("panos", (endpoint(ECS_A, "x", required=False),), origin=ORIGIN, options=Options())
    with pytest.raises(CannotExpressError, match="nothing to write"):
        render("panos", (), origin=ORIGIN, options=Options())


def test_an_optional_endpoint_that_cannot_be_said_is_told_and_left_out() -> None:
    limited = can(Form.EXACT, max_name_length=20)
    long, short = endpoint("a-rather-long-name.example.com", "long", required=False), endpoint("a.example.com", "short")
    found = lower((long, short), limited, Options())
    assert [entry.value for entry in found.entries] == ["a.example.com"]
    assert [(loss.endpoint, loss.kind) for loss in found.losses] == [("long", LossKind.REFUSED)]
    assert "at most 20 characters" in found.losses[0].explanation


@pytest.mark.parametrize(
    ("form", "written"),
    [
        (Form.REGEX, r"^[a-z0-9-]+\.dkr\.ecr\.us-east-2\.amazonaws\.com$"),
        (Form.CONTAINS, r"[a-z0-9-]+\.dkr\.ecr\.us-east-2\.amazonaws\.com"),
        (Form.ONE_LABEL, "*.dkr.ecr.us-east-2.amazonaws.com"),
        (Form.SUFFIX, "*.dkr.ecr.us-east-2.amazonaws.com"),
        (Form.GLOB, "*.dkr.ecr.us-east-2.amazonaws.com"),
        (Form.SUBTREE, "dkr.ecr.us-east-2.amazonaws.com"),
    ],
)
def test_an_entry_has_the_length_that_is_written(form: Form, written: str) -> None:
    """With its anchors or its wildcard: one character more than the device takes, and it is another entry there."""
    for short, forms in ((0, [form]), (1, [])):
        capability = can(form, max_entry_length=len(written) - short)
        entries, _ = said("*.dkr.ecr.us-east-2.amazonaws.com", capability, allow_widening=True)
        assert [taken for taken, _ in entries] == forms


def test_an_entry_that_is_too_long_takes_the_next_form() -> None:
    limit = len(rf"^ecs-a-[^.]+\.{PARENT}$") - 1
    entries, (loss,) = said(
        ECS_A, can(Form.EXACT, Form.REGEX, Form.ONE_LABEL, max_entry_length=limit), allow_widening=True
    )
    assert entries == [(Form.ONE_LABEL, PARENT)]
    assert loss.kind is LossKind.WIDENED


def test_a_limit_is_the_last_that_fits() -> None:
    name = "ecs.us-east-2.amazonaws.com"
    assert said(name, can(Form.EXACT, max_name_length=len(name), max_entries=1))[0] == [(Form.EXACT, name)]
    assert said(name, can(Form.EXACT, max_name_length=len(name) - 1))[0] == []


def test_too_many_entries_are_refused_before_anything_is_written() -> None:
    with pytest.raises(CannotExpressError, match="6 entries are needed, and the device takes 5"):
        lower(ecs("us-east-2"), can(Form.EXACT, Form.REGEX, max_entries=5), Options())


def test_addresses_are_never_made_up() -> None:
    with pytest.raises(MissingInputError, match="never made up") as raised:
        lower(ecs("us-east-2"), can(Form.ADDRESS), Options())
    assert raised.value.need == Need.ADDRESSES


def test_resolved_addresses_are_counted_and_marked() -> None:
    addresses = Addresses(how="today", by_host={"ecs.us-east-2.amazonaws.com": ("192.0.2.1", "192.0.2.2")})
    entries, (loss,) = said("ecs.us-east-2.amazonaws.com", can(Form.ADDRESS), addresses=addresses)
    assert entries == [(Form.ADDRESS, "192.0.2.1/32"), (Form.ADDRESS, "192.0.2.2/32")]
    assert (loss.kind, loss.count, loss.unit, loss.exfiltration) == (LossKind.ADDRESS, 2, "addresses", True)


def test_exact_takes_no_addresses() -> None:
    addresses = Addresses(how="today", by_host={"ecs.us-east-2.amazonaws.com": ("192.0.2.1",)})
    entries, (loss,) = said("ecs.us-east-2.amazonaws.com", can(Form.ADDRESS), addresses=addresses, exact=True)
    assert (entries, loss.kind) == ([], LossKind.REFUSED)
    assert "nothing else is permitted" in loss.explanation


def test_an_address_is_admitted_on_the_ports_that_are_asked_for() -> None:
    both = tuple(endpoint("own.example.com", f"own-{port}", port=port) for port in (80, 443))
    addresses = Addresses(how="a test", by_host={"own.example.com": ("192.0.2.1",)})
    found = lower((*both, endpoint("other.example.com", port=80)), can(Form.ADDRESS), Options(addresses=addresses))
    assert [(entry.value, entry.port) for entry in found.entries] == [("192.0.2.1/32", 80), ("192.0.2.1/32", 443)]
    assert [entry.endpoints for entry in found.entries] == [("us-east-2/own-80",), ("us-east-2/own-443",)]


def test_published_networks_hold_regional_names_only() -> None:
    addresses = Addresses(how="today", by_region={"us-east-2": ("192.0.2.0/24",)})
    for pattern in ("download.docker.com", "sts.amazonaws.com", "us-east-2.example.com"):
        entries, (loss,) = said(pattern, can(Form.ADDRESS), addresses=addresses, allow_widening=True)
        assert (entries, loss.kind) == ([], LossKind.REFUSED), pattern
    entries, (loss,) = said("ecs.us-east-2.amazonaws.com", can(Form.ADDRESS), addresses=addresses)
    assert (entries, loss.kind, loss.needs) == ([], LossKind.REFUSED, (Need.WIDENING,))
    entries, (loss,) = said("ecs.us-east-2.amazonaws.com", can(Form.ADDRESS), addresses=addresses, allow_widening=True)
    assert (entries, loss.count) == ([(Form.ADDRESS, "192.0.2.0/24")], 256)


def test_without_an_account_every_account_is_admitted_and_told() -> None:
    registry = next(e for e in ecs("us-east-2", account=None) if e.id == "ecr-registry")
    found = lower((registry,), squid.CAPABILITY, Options())
    assert found.admits("210987654321.dkr.ecr.us-east-2.amazonaws.com")
    assert [(loss.kind, loss.exfiltration) for loss in found.losses] == [(LossKind.WIDENED, True)]
    assert Need.ACCOUNT in found.losses[0].needs
    refused = lower((registry,), squid.CAPABILITY, Options(exact=True))
    assert [loss.kind for loss in refused.losses] == [LossKind.REFUSED]
    # Where nothing is written, nothing is admitted either: the widening is not told.
    unsaid = lower((registry,), can(Form.EXACT), Options())
    assert [loss.kind for loss in unsaid.losses] == [LossKind.REFUSED]


def test_a_name_that_the_pattern_does_not_stand_for_is_refused() -> None:
    """A lock that somebody edited cannot smuggle a name in."""
    forged = {ECS_A: SeenNames(names=("evil.example.com",), how="forged")}
    with pytest.raises(UsageError, match=r"evil\.example\.com"):
        said(ECS_A, can(Form.EXACT), seen=forged)


def test_covered_entries_are_dropped_and_their_endpoints_kept() -> None:
    own = endpoint("*.us-east-2.amazonaws.com", "own", required=False)
    found = lower((*ecs("us-east-2"), own), can(Form.EXACT, Form.REGEX), Options())
    wide = next(entry for entry in found.entries if entry.value == "*.us-east-2.amazonaws.com")
    assert {"us-east-2/ecs", "us-east-2/ecs-a", "us-east-2/own"} <= set(wide.endpoints)
    assert "ecs.us-east-2.amazonaws.com" not in [entry.value for entry in found.entries]


def test_ports_keep_entries_apart_only_where_rules_have_ports() -> None:
    twice = (endpoint("a.example.com", "one"), endpoint("a.example.com", "two", port=8443))
    assert len(lower(twice, can(Form.EXACT), Options()).entries) == 2
    assert len(lower(twice, can(Form.EXACT, ports=False), Options()).entries) == 1


# Properties. Patterns, capabilities and options are drawn; what must hold is said once.

_LABELS = st.sampled_from(["a", "b", "ecs", "s3", "x"])
_HEADS = st.sampled_from(["ecs-a-*", "*", "a", "ecs", "x*y", "bucket"])
_PATTERNS = st.builds(
    lambda head, middle, region: ".".join((head, *middle, region, "amazonaws.com")),
    _HEADS,
    st.lists(_LABELS, max_size=2),
    st.sampled_from(["us-east-2", "eu-west-1"]),
)
_NAMES = frozenset(Form) - {Form.ADDRESS}
_CAPABILITIES = st.builds(
    lambda forms, empty, first, depth: can(*forms, empty_star=empty, glob_first_label_only=first, subtree_depth=depth),
    st.sets(st.sampled_from(sorted(_NAMES)), min_size=1),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 5]),
)
_ENDPOINTS = st.lists(
    st.builds(
        lambda pattern, port, number: endpoint(pattern, f"e{number}", port=port, required=False),
        _PATTERNS,
        st.sampled_from([443, 80]),
        st.integers(0, 99),
    ),
    min_size=1,
    max_size=5,
)
_SETTINGS = settings(max_examples=150, deadline=None)


@_SETTINGS
@given(_ENDPOINTS, _CAPABILITIES, st.booleans(), st.booleans())
def test_nothing_is_lost_or_widened_in_silence(
    endpoints: list[Endpoint], capability: DeviceCapability, exact: bool, wide: bool
) -> None:
    lowered = lower(endpoints, capability, Options(exact=exact, allow_widening=wide))
    refused = {loss.pattern for loss in lowered.refused}
    silent = not lowered.losses
    for name in corpus(endpoints):
        for port in (443, 80):
            asked = [e for e in endpoints if e.port == port and _stands_for(e, name)]
            if any(e.pattern not in refused for e in asked):
                assert lowered.admits(name, port), name
            if silent and not asked and not _impossible(name):
                assert not lowered.admits(name, port), name
    # Where every customer's names are asked for themselves, that is told whatever the options.
    rules = [loss for loss in lowered.losses if "*" not in loss.pattern or ".s3." not in loss.pattern]
    if exact:
        assert all(loss.kind is LossKind.REFUSED for loss in rules)
    if not wide:
        assert not any(loss.exfiltration for loss in rules)


def _stands_for(one: Endpoint, name: str) -> bool:
    labels = asked_for(one).labels
    given_ = name.split(".")
    return len(labels) == len(given_) and all(_label(mine, theirs) for mine, theirs in zip(labels, given_, strict=True))


def _label(mine: str, theirs: str) -> bool:
    before, star, after = mine.partition("*")
    if not star:
        return mine == theirs
    return len(theirs) > len(before + after) and theirs.startswith(before) and theirs.endswith(after)


def _impossible(name: str) -> bool:
    """A name that no host can have: an empty star may leave a label that ends in a hyphen, or ``xy`` of ``x*y``."""
    return any(label.endswith("-") or label.startswith("-") or label == "xy" for label in name.split("."))


@_SETTINGS
@given(_ENDPOINTS, _CAPABILITIES)
def test_the_order_of_endpoints_does_not_matter(endpoints: list[Endpoint], capability: DeviceCapability) -> None:
    options = Options(allow_widening=True)
    first = lower(endpoints, capability, options)
    again = lower(endpoints[::-1], capability, options)
    assert first.entries == again.entries


_CLAIMS = st.builds(
    lambda form, pattern, empty: _claim(form, pattern, empty=empty),
    st.sampled_from(sorted(_NAMES)),
    _PATTERNS,
    st.booleans(),
)


def _claim(form: Form, pattern: str, *, empty: bool) -> Claim:
    literal = pattern.replace("*", "1")
    if form in (Form.EXACT, Form.SUFFIX, Form.SUBTREE, Form.ONE_LABEL):
        return Claim(form=form, value=literal)
    return Claim(form=form, value=pattern, empty_star=empty and form in (Form.GLOB, Form.GLOB_DOTS))


def _names_around(claims: list[Claim]) -> tuple[str, ...]:
    patterns = [c.value for c in claims] + [f"*.{c.value}" for c in claims if "*" not in c.value]
    return corpus(endpoint(p, "x") for p in patterns)


@_SETTINGS
@given(_CLAIMS, _CLAIMS)
def test_covering_means_admitting_all_that_the_other_admits(one: Claim, two: Claim) -> None:
    for wide, narrow in itertools.permutations((one, two)):
        if wide.covers(narrow):
            assert all(wide.admits(name) for name in _names_around([one, two]) if narrow.admits(name))


@_SETTINGS
@given(st.lists(_CLAIMS, min_size=1, max_size=6), st.booleans())
def test_merging_changes_nothing_that_is_admitted(claims: list[Claim], ports: bool) -> None:
    entries = [Admitted(claim=claim, port=443, endpoints=(f"r/{i}",)) for i, claim in enumerate(claims)]
    merged = merge(entries, ports=ports)
    for name in _names_around(claims):
        assert any(e.claim.admits(name) for e in merged) == any(c.admits(name) for c in claims), name
    assert {origin for e in merged for origin in e.endpoints} == {f"r/{i}" for i in range(len(claims))}
    for one, two in itertools.permutations(merged, 2):
        assert not one.claim.covers(two.claim), (one, two)


@pytest.mark.parametrize(
    ("claim", "admitted", "denied"),
    [
        (Claim(form=Form.EXACT, value="a.b.c"), ["a.b.c", "A.B.C"], ["x.a.b.c", "b.c", "aab.c"]),
        (Claim(form=Form.SUBTREE, value="b.c"), ["b.c", "a.b.c", "x.a.b.c"], ["xb.c", "c", "b.c.d"]),
        (Claim(form=Form.SUBTREE, value="b.c", depth=1), ["b.c", "a.b.c"], ["x.a.b.c"]),
        (Claim(form=Form.SUFFIX, value="b.c"), ["a.b.c", "x.a.b.c"], ["b.c", ".b.c", "xb.c"]),
        (Claim(form=Form.ONE_LABEL, value="b.c"), ["a.b.c"], ["b.c", "x.a.b.c", ".b.c"]),
        (Claim(form=Form.GLOB, value="a-*.b.c"), ["a-1.b.c"], ["a-.b.c", "a-1.x.b.c", "xa-1.b.c"]),
        (Claim(form=Form.GLOB, value="a-*.b.c", empty_star=True), ["a-1.b.c", "a-.b.c"], ["a-1.x.b.c"]),
        (Claim(form=Form.REGEX, value="a-*.b.c"), ["a-1.b.c", "A-1.b.c"], ["a-.b.c", "a-1xb.c", "a-1.b.c.d"]),
        (Claim(form=Form.GLOB_DOTS, value="a-*.b.c"), ["a-1.b.c", "a-1.x.b.c"], ["a-.b.c", "b.c"]),
        (Claim(form=Form.ADDRESS, value="192.0.2.0/30"), ["192.0.2.3"], ["192.0.2.4", "2001:db8::1"]),
        (Claim(form=Form.CONTAINS, value="a-*.b.c"), ["xa-1.b.com", "a-1.b.c.evil.test"], ["a-.b.c", "a-1.x.b.c"]),
    ],
)
def test_claims_mean_what_the_forms_say(claim: Claim, admitted: list[str], denied: list[str]) -> None:
    assert [name for name in admitted if not claim.admits(name)] == []
    assert [name for name in denied if claim.admits(name)] == []


def test_what_merely_contains_the_name_is_never_harmless() -> None:
    """Anybody can put a domain of his own behind the name, so it takes --allow-widening even for an exact name."""
    for pattern in ("ecs.us-east-2.amazonaws.com", ECS_A):
        entries, (loss,) = said(pattern, can(Form.CONTAINS))
        assert entries == []
        assert loss.kind is LossKind.REFUSED
        entries, (loss,) = said(pattern, can(Form.CONTAINS), allow_widening=True)
        assert entries == [(Form.CONTAINS, pattern)]
        assert loss.exfiltration


def test_an_entry_needs_enough_that_is_literal() -> None:
    entries, (loss,) = said("a.b.co", can(Form.EXACT, min_literal=7))
    assert (entries, loss.kind) == ([], LossKind.REFUSED)
    entries, losses = said("ab.b.co", can(Form.EXACT, min_literal=7))
    assert (entries, losses) == ([(Form.EXACT, "ab.b.co")], [])


def test_a_star_in_the_middle_of_a_label_is_not_at_its_edge() -> None:
    narrow = can(Form.GLOB, Form.REGEX, glob_at_edge_only=True)
    assert said("a-*-b.example.com", narrow)[0] == [(Form.REGEX, "a-*-b.example.com")]
    assert said("a-*.example.com", narrow)[0] == [(Form.GLOB, "a-*.example.com")]
    assert said("*-a.example.com", narrow)[0] == [(Form.GLOB, "*-a.example.com")]


def test_a_glob_of_host_names_only_passes_over_hyphens_at_an_end() -> None:
    """Where the device checks that a name is a host name (RFC 1123), a star for nothing may leave none."""
    device = can(Form.GLOB, empty_star=True, glob_hostnames_only=True)
    one = lower((endpoint("ecs-a-*.example.com", "x"), endpoint("web*.example.com", "y")), device, Options())
    for name, admitted in (("ecs-a-1", True), ("ecs-a-", False), ("web", True), ("web-", False), ("web-1", True)):
        assert one.admits(f"{name}.example.com") is admitted, name
