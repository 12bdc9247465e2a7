"""From regions and groups to the endpoints that must work."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe import catalog, requirements
from netprobe.catalog import Agent, Endpoint, Forms, Variant, overlay
from netprobe.errors import RefusedRegionError, UnknownRegionError, UsageError

FACTS = catalog.load()
DEFAULT = [
    "ecs",
    "ecs-a",
    "ecs-a-unnumbered",
    "ecs-t",
    "ecs-t-unnumbered",
    "ssm",
    "ssmmessages",
    "ec2messages",
    "ecr-api",
    "ecr-registry",
    "ecr-layers",
    "logs",
    "monitoring",
]


def ids(*regions: str, **options: Any) -> list[str]:
    return [one.id for one in requirements.endpoints(FACTS, regions=regions or ("us-east-2",), **options)]


def own(**changes: Any) -> Endpoint:
    values: dict[str, Any] = {
        "id": "harbor",
        "region": "us-east-2",
        "group": "own",
        "pattern": "harbor.corp.example",
        "port": 443,
        "purpose": "Our own registry.",
        "used_by": (Agent.DOCKER,),
        "required": True,
        "source": "test",
        "checked": "2026-11-23",
    }
    return Endpoint(**{**values, **changes})


class TestGroups:
    def test_the_default(self) -> None:
        assert ids() == DEFAULT

    def test_a_new_region_has_no_ec2messages(self) -> None:
        assert ids("mx-central-1") == [i for i in DEFAULT if i != "ec2messages"]

    def test_with_and_without(self) -> None:
        assert ids(with_groups=["tracing"]) == [*DEFAULT, "xray"]
        assert ids(without_groups=["metrics", "logs"]) == DEFAULT[:-2]
        assert ids(without_groups=["metrics,logs"]) == DEFAULT[:-2]
        assert ids(with_groups=["tracing , TRACING", "tracing"]) == [*DEFAULT, "xray"]

    def test_without_wins_over_with(self) -> None:
        assert ids(with_groups=["tracing"], without_groups=["tracing"]) == DEFAULT

    def test_an_endpoint_stays_while_another_chosen_group_needs_it(self) -> None:
        found = ids(without_groups=["ssm", "logs"], with_groups=["exec"])
        assert {"ssmmessages", "logs", "kms", "s3"} <= set(found)
        assert "ssm" not in found
        assert "ec2messages" not in found

    def test_an_endpoint_counts_for_a_group_that_was_asked_for(self) -> None:
        def group_of(endpoint_id: str, *more: str) -> str:
            found = requirements.endpoints(FACTS, regions=["us-east-2"], with_groups=more, without_groups=["logs"])
            return next(one.group for one in found if one.id == endpoint_id)

        assert group_of("kms", "exec") == "exec"
        assert group_of("kms", "exec", "secrets") == "secrets"
        assert group_of("logs", "exec") == "exec"
        assert group_of("ssmmessages", "exec") == "ssm"

    def test_a_form_belongs_to_the_groups_of_its_endpoint(self) -> None:
        assert "ssm-fips" in ids(forms=Forms(fips=True))
        assert "ssm-fips" not in ids(forms=Forms(fips=True), without_groups=["ssm"])
        assert "ssm-fips" in ids(forms=Forms(fips=True), without_groups=["ssm"], with_groups=["secrets"])

    @pytest.mark.parametrize("option", ["with_groups", "without_groups"])
    def test_an_unknown_group_names_the_nearest_and_all(self, option: str) -> None:
        with pytest.raises(UsageError, match=r"did you mean secrets\?.*control, ssm, images") as caught:
            ids(**{option: ["secret"]})
        assert caught.value.value == "secret"
        with pytest.raises(UsageError, match="no such group"):
            ids(**{option: ["\x1b[31m"]})

    def test_nothing_left_is_a_mistake(self) -> None:
        every_default = [group.id for group in FACTS.groups if group.default]
        with pytest.raises(UsageError, match="no endpoint is left"):
            ids(without_groups=every_default)

    @given(
        st.lists(st.sampled_from([group.id for group in FACTS.groups]), max_size=5),
        st.lists(st.sampled_from([group.id for group in FACTS.groups]), max_size=3),
        st.lists(st.sampled_from([region.id for region in FACTS.supported()]), min_size=1, max_size=3),
        st.booleans(),
    )
    @settings(max_examples=100)
    def test_is_what_the_chosen_groups_hold_and_no_more(
        self, more: list[str], less: list[str], regions: list[str], fips: bool
    ) -> None:
        chosen = [g for g in FACTS.groups if (g.default or g.id in more) and g.id not in less]
        allowed = {i for group in chosen for i in group.endpoints}
        expected = {
            (one.id, region)
            for region in regions
            for one in FACTS.endpoints(region, Forms(fips=fips))
            if one.id in allowed
        }
        try:
            found = requirements.endpoints(
                FACTS, regions=regions, with_groups=more, without_groups=less, forms=Forms(fips=fips)
            )
        except UsageError:
            assert not expected
            return
        assert {(one.id, one.region) for one in found} == expected
        assert len(found) == len(expected)


class TestRegions:
    def test_region_by_region_in_the_order_given(self) -> None:
        found = requirements.endpoints(FACTS, regions=["eu-west-1,us-east-2", "eu-west-1"])
        assert [one.region for one in found] == ["eu-west-1"] * len(DEFAULT) + ["us-east-2"] * len(DEFAULT)

    @pytest.mark.parametrize("region", ["cn-north-1", "cn-foo-9", "us-east-2,CN-northwest-1"])
    def test_china_ends_it_before_anything_else_is_looked_at(self, region: str) -> None:
        with pytest.raises(RefusedRegionError):
            requirements.endpoints(
                FACTS, regions=["nowhere-1", region], with_groups=["nonsense"], forms=Forms(account="x")
            )

    def test_an_unknown_region_ends_it_before_groups(self) -> None:
        with pytest.raises(UnknownRegionError):
            requirements.endpoints(FACTS, regions=["nowhere-1"], with_groups=["nonsense"])

    def test_a_bad_account(self) -> None:
        with pytest.raises(UsageError, match="twelve digits"):
            ids(forms=Forms(account="123"))


class TestExtra:
    def test_comes_after_its_region(self) -> None:
        extra = overlay.parse(
            [{"id": "harbor", "pattern": "harbor.corp.example"}], FACTS.select(["us-east-2,eu-west-1"])
        )
        found = requirements.endpoints(FACTS, regions=["us-east-2", "eu-west-1"], extra=extra)
        assert [(one.id, one.region) for one in found if one.group == "own"] == [
            ("harbor", "us-east-2"),
            ("harbor", "eu-west-1"),
        ]
        assert found[len(DEFAULT)].id == "harbor"

    def test_needs_no_option_even_in_a_group_that_is_off(self) -> None:
        assert ids(extra=[own(group="storage")]) == [*DEFAULT, "harbor"]

    def test_is_left_out_with_its_group(self) -> None:
        assert ids(extra=[own()], without_groups=["own"]) == DEFAULT
        assert ids(extra=[own(group="images")], without_groups=["images"], with_groups=["tracing"])[-1] == "xray"

    def test_another_regions_registry_is_kept_and_no_unknown_account_admitted(self) -> None:
        image = own(
            id="ecr-registry",
            region="eu-west-1",
            pattern="210987654321.dkr.ecr.eu-west-1.amazonaws.com",
            group="images",
        )
        found = requirements.endpoints(FACTS, regions=["us-east-2"], extra=[image])
        assert found[-1] == image
        assert not any(one.placeholder_account for one in found)

    def test_a_named_registry_replaces_the_placeholder(self) -> None:
        image = own(id="ecr-registry", pattern="210987654321.dkr.ecr.us-east-2.amazonaws.com", group="images")
        registries = [
            one
            for one in requirements.endpoints(FACTS, regions=["us-east-2"], extra=[image])
            if one.id == "ecr-registry"
        ]
        assert registries == [image]

    def test_the_same_endpoint_twice_is_one_and_required_if_either_is(self) -> None:
        (kms,) = [one for one in FACTS.endpoints("us-east-2") if one.id == "kms"]
        assert not kms.required
        needed = own(id="kms", pattern=kms.pattern, group="secrets")
        found = requirements.endpoints(FACTS, regions=["us-east-2"], with_groups=["secrets"], extra=[needed])
        (merged,) = [one for one in found if one.id == "kms"]
        assert merged.required
        assert merged.purpose == kms.purpose


class TestNotes:
    def test_documented_regions_need_none(self) -> None:
        assert requirements.notes(FACTS.select(["us-east-2", "eu-west-1"])) == ()

    @pytest.mark.parametrize("region", ["us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1"])
    def test_unconfirmed_support_is_told(self, region: str) -> None:
        first = requirements.notes(FACTS.select([region]))[0]
        assert region in first
        assert "no AWS page confirms" in first

    def test_one_note_for_all_of_them(self) -> None:
        (note,) = requirements.notes(FACTS.select(["us-gov-west-1,us-gov-east-1"]))
        assert "us-gov-west-1, us-gov-east-1" in note

    def test_a_region_that_may_not_be_open(self) -> None:
        assert "may not be open" in requirements.notes(FACTS.select(["sa-west-1"]))[0]

    def test_a_group_that_is_empty_somewhere_is_told(self) -> None:
        chosen = FACTS.select(["us-east-2,us-gov-west-1"])
        notes = requirements.notes(chosen, ["public-images"], FACTS)
        assert notes[-1] == "us-gov-west-1: the group public-images has no endpoint there"
        assert not [note for note in notes if note.startswith("us-east-2")]


def test_every_form_and_account_is_known_by_its_entry() -> None:
    """Nothing has to take an id apart: what an endpoint is made of is said beside it."""
    entries = {entry.id for entry in FACTS.entries}
    second = own(id="ecr-registry", entry="ecr-registry", pattern="222233334444.dkr.ecr.us-east-2.amazonaws.com")
    first = msgspec.structs.replace(second, pattern="111122223333.dkr.ecr.us-east-2.amazonaws.com")
    found = requirements.endpoints(
        FACTS,
        regions=["us-east-2"],
        with_groups=["exec"],
        forms=Forms(fips=True, dualstack=True),
        extra=(first, second),
    )

    assert len({one.id for one in found}) == len(found)
    assert {one.entry for one in found} <= entries
    assert {one.pattern for one in found if one.entry == "ecr-registry"} == {first.pattern, second.pattern}
    assert [one.id for one in found if one.entry == "ssmmessages" and one.variant is Variant.DUALSTACK] == [
        "ssmmessages-dualstack"
    ]
    assert all(one.request.upgrade for one in found if one.entry == "ssmmessages")
