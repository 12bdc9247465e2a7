"""Unbound itself with the rendered policy zones, asked for every name of the corpus: it must decide as claimed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe.render import Options
from tests.support import need
from tests.support.render_dns import ALIAS_TARGET, VARIANTS, Asker, Upstream, claimed, decide, names, rendered
from tests.support.render_engine import Namespace, namespace
from tests.support.render_unbound import HERE, running, write

pytestmark = [pytest.mark.engine, pytest.mark.root]

BUCKET = "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"
WIDE = Options(allow_widening=True)


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    need.engine("unbound")
    with namespace() as made:
        yield made


@pytest.mark.parametrize("variant", VARIANTS)
def test_names_resolve_as_claimed(space: Namespace, tmp_path: Path, variant: str) -> None:
    made = rendered("rpz-unbound", VARIANTS[variant], strict=variant != "as wide as it gets")
    asked = names()
    with running(space, tmp_path, made.files, Upstream(asked)):
        decided = decide(space, Asker(), asked)
        shouted = decide(space, Asker(), [name.upper() for name in asked[::9]])
    assert decided == claimed(made, asked)
    assert {True, False} <= set(decided.values())
    assert shouted == {name.upper(): decided[name] for name in asked[::9]}


def test_no_way_of_asking_gets_around_it(space: Namespace, tmp_path: Path) -> None:
    """Signatures wanted, no recursion wanted, TCP, what an alias left in the cache; aliases are answered."""
    upstream = Upstream(names(), aliases={BUCKET: ALIAS_TARGET})
    with running(space, tmp_path, rendered("rpz-unbound", WIDE).files, upstream):
        assert decide(space, Asker(), [BUCKET]) == {BUCKET: True}
        denied = [ALIAS_TARGET, "www.example.com", "com", "amazonaws.com", "s3.us-west-2.amazonaws.com"]
        for asker in (Asker(), Asker(dnssec=True), Asker(recursion=False), Asker(tcp=True)):
            assert decide(space, asker, denied) == dict.fromkeys(denied, False), asker


def test_why_there_are_two_zones(space: Namespace, tmp_path: Path) -> None:
    """In one zone siblings of what is listed pass: the test would see it."""
    files = dict(rendered("rpz-unbound", WIDE).files)
    files["netprobe-allow.rpz"] += "* CNAME .\n"
    files["netprobe.conf"] = files["netprobe.conf"].rpartition("rpz:")[0]
    name = "sts.us-west-2.amazonaws.com"
    with running(space, tmp_path, files, Upstream([name])):
        assert decide(space, Asker(), [name]) == {name: True}


def test_replacing_a_zone_takes_effect_at_once(space: Namespace, tmp_path: Path) -> None:
    """The command of the page, with the serial unchanged."""
    files = dict(rendered("rpz-unbound", WIDE).files)
    name = "registry.example.com"
    control = str(need.engine("unbound-control"))
    with running(space, tmp_path, files, Upstream([name])) as path:
        assert decide(space, Asker(), [name]) == {name: False}
        zone = tmp_path / "netprobe-allow.rpz"
        zone.write_text(zone.read_text(encoding="utf-8") + f"{name} CNAME rpz-passthru.\n", encoding="utf-8")
        space.run(control, "-c", str(path), "auth_zone_reload", "netprobe-allow.rpz")
        assert decide(space, Asker(), [name]) == {name: True}


def test_the_checks_take_it(tmp_path: Path) -> None:
    path = write(tmp_path, rendered("rpz-unbound", WIDE).files)
    done = subprocess.run(
        [str(need.engine("unbound-checkconf")), str(path)], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, "warning" in done.stderr) == (0, False), done.stderr
    for zone in ("netprobe-allow.rpz", "netprobe-deny.rpz"):
        argv = [str(need.engine("named-checkzone")), zone, str(tmp_path / zone)]
        subprocess.run(argv, check=True, capture_output=True, timeout=20)


def test_the_script_writes_the_same(tmp_path: Path) -> None:
    made = rendered("rpz-unbound", WIDE)
    script = tmp_path / "netprobe-rpz.sh"
    script.write_text(made.main, encoding="utf-8")
    subprocess.run(["sh", str(script), str(tmp_path / "out")], check=True, timeout=20)
    written = {p.name: _lines(p.read_text(encoding="utf-8")) for p in (tmp_path / "out").iterdir()}
    assert written == {name: _lines(text) for name, text in made.files.items()}
    assert HERE in made.main


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and line[0] not in "#;"]
