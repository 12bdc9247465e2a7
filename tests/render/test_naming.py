"""Names of objects: the same for ever, never two alike, never longer than the device takes."""

from __future__ import annotations

import re

import pytest

from netprobe.render import text
from netprobe.render.model import Admitted, Claim, Form
from netprobe.render.naming import Named, object_name


@pytest.mark.parametrize("limit", [31, 63])
def test_a_name_fits_and_tells_its_host(limit: int) -> None:
    long = text.name("prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com")
    made = object_name(long, limit=limit)
    assert len(made) <= limit
    assert re.fullmatch(r"netprobe-prod-us-[a-z0-9-]*-[0-9a-f]{8}", made)
    assert made == object_name(long, limit=limit)


def test_names_with_the_same_label_differ() -> None:
    names = [text.name(f"ecs.{region}.amazonaws.com") for region in ("us-east-1", "us-east-2")]
    names.append(text.name("*.example.com"))
    assert len({object_name(name) for name in names}) == 3


def test_entries_of_both_kinds() -> None:
    host = Admitted(claim=Claim(form=Form.EXACT, value="ecs.example.com"), port=443, endpoints=("r/x",))
    net = Admitted(claim=Claim(form=Form.ADDRESS, value="2001:db8::/32"), port=80, endpoints=("r/x",))
    assert (Named.of(host).name, Named.of(host).port) == ("ecs.example.com", 443)
    assert Named.of(net).object.startswith("netprobe-2001-db8")
