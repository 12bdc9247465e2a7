"""Every target for every region in one process: it ends, and its cost stays below 5 s.

The bound is on processor time, which is 2.7 s for 62 targets and 34 regions on a machine that is busy (2026-11-29).
"""

from __future__ import annotations

import time

from netprobe import catalog, requirements
from netprobe.catalog import prefixes
from netprobe.errors import CannotExpressError
from netprobe.render import Addresses, Options, render, targets
from netprobe.render.model import Form
from tests.support.render_cases import ORIGIN, allowing

MOST = 5.0


def test_every_target_renders_every_region() -> None:
    facts = catalog.load()
    regions = [region.id for region in facts.select(["all"])]
    endpoints = requirements.endpoints(facts, regions=regions, forms=catalog.Forms(account="123456789012"))
    published = {region: (*found.v4, *found.v6) for region, found in prefixes.snapshot().by_region.items()}
    addresses = Addresses(how="the snapshot", by_region=published)
    began = time.process_time()
    too_large: set[str] = set()
    for name in targets.names():
        only = targets.get(name).CAPABILITY.addresses_only
        options = Options(allow_widening=True, addresses=addresses if only else None)
        try:
            made = render(name, endpoints, origin=ORIGIN, options=options, policy=allowing(name))
        except CannotExpressError:
            too_large.add(name)
            continue
        assert {e.region for e in endpoints} == {
            origin.split("/")[0] for e in made.lowered.entries for origin in e.endpoints
        }
        assert made.main
    spent = time.process_time() - began
    assert spent < MOST
    # Only devices that know neither wildcards nor expressions, and were given no names to list, may refuse.
    literal = {name for name in targets.names() if targets.get(name).CAPABILITY.forms <= {Form.EXACT, Form.ADDRESS}}
    assert too_large <= literal
