"""Unbound itself with the rendered local zones, asked for every name of the corpus: it must decide as claimed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from netprobe.render import Options
from tests.support import need
from tests.support.render_dns import ALIAS_TARGET, SUBTREES, Asker, Upstream, claimed, decide, names, rendered
from tests.support.render_engine import Namespace, namespace
from tests.support.render_unbound import running, write

pytestmark = [pytest.mark.engine, pytest.mark.root]

BUCKET = "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"
WIDE = Options(allow_widening=True)


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    need.engine("unbound")
    with namespace() as made:
        yield made


def _in_test(name: str) -> bool:
    """The site's own open zone ``test.`` of the fixture stays open, as the page says."""
    return name.endswith(".test")


@pytest.mark.parametrize("variant", SUBTREES)
def test_names_resolve_as_claimed(space: Namespace, tmp_path: Path, variant: str) -> None:
    made = rendered("unbound", SUBTREES[variant], strict=variant != "as wide as it gets")
    asked = [name for name in names() if not _in_test(name)]
    with running(space, tmp_path, made.files, Upstream(asked)):
        decided = decide(space, Asker(), asked)
        shouted = decide(space, Asker(), [name.upper() for name in asked[::9]])
    assert decided == claimed(made, asked)
    assert {True, False} <= set(decided.values())
    assert shouted == {name.upper(): decided[name] for name in asked[::9]}


def test_no_way_of_asking_gets_around_it(space: Namespace, tmp_path: Path) -> None:
    upstream = Upstream(names(), aliases={BUCKET: "edge-7.elsewhere.example"})
    with running(space, tmp_path, rendered("unbound", WIDE).files, upstream):
        assert decide(space, Asker(), [BUCKET]) == {BUCKET: True}
        denied = ["edge-7.elsewhere.example", "www.example.com", "com", "amazonaws.com"]
        for asker in (Asker(), Asker(dnssec=True), Asker(recursion=False), Asker(tcp=True)):
            assert decide(space, asker, denied) == dict.fromkeys(denied, False), asker
        assert space.call(lambda: Asker().response("www.example.com")).rcode() == dns.rcode.REFUSED


def test_a_zone_of_the_site_stays_open(space: Namespace, tmp_path: Path) -> None:
    """What the page warns of: the closest zone decides."""
    with running(space, tmp_path, rendered("unbound", WIDE).files, Upstream([ALIAS_TARGET])):
        assert decide(space, Asker(), [ALIAS_TARGET]) == {ALIAS_TARGET: True}


def test_the_check_takes_it(tmp_path: Path) -> None:
    path = write(tmp_path, rendered("unbound", WIDE).files)
    check = [str(need.engine("unbound-checkconf")), str(path)]
    done = subprocess.run(check, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, "warning" in done.stderr) == (0, False), done.stderr
    (tmp_path / "netprobe.conf").write_text('server:\n  local-zone: "." refused\n', encoding="utf-8")
    assert subprocess.run(check, capture_output=True, timeout=20, check=False).returncode != 0
