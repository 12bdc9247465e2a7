"""BIND itself with the rendered zones, asked for every name of the corpus: it must decide as claimed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import Options, Rendered, render
from tests.support import need
from tests.support.render_cases import ORIGIN, closed, endpoint
from tests.support.render_dns import ALIAS_TARGET, VARIANTS, Asker, Upstream, claimed, decide, names, rendered, serving
from tests.support.render_engine import Namespace, as_user, engine, namespace

pytestmark = [pytest.mark.engine, pytest.mark.root]

HERE = "/etc/bind/netprobe"
BUCKET = "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"
WIDE = Options(allow_widening=True)


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    need.engine("named")
    with namespace() as made:
        yield made


def _write(folder: Path, files: dict[str, str]) -> Path:
    """The files, and a named.conf that includes them as the page says; its only way out is the test's own server."""
    for name, text in files.items():
        (folder / name).write_text(text.replace(HERE, str(folder)), encoding="utf-8")
    path = folder / "named.conf"
    path.write_text(
        f'options {{\n  directory "{folder}";\n  pid-file "{folder}/named.pid";\n  session-keyfile "{folder}/key";\n'
        "  listen-on { 127.0.0.1; };\n  listen-on-v6 { none; };\n  recursion yes;\n  dnssec-validation no;\n"
        "  forwarders { 127.0.0.1 port 5300; };\n  forward only;\n"
        f'  include "{folder}/netprobe-options.conf";\n}};\n'
        f'include "{folder}/netprobe-zones.conf";\n'
        "controls { };\n",
        encoding="utf-8",
    )
    return path


@contextlib.contextmanager
def _running(space: Namespace, folder: Path, files: dict[str, str], upstream: Upstream) -> Iterator[None]:
    path = _write(folder, files)
    as_user(folder, "bind")
    argv = [str(need.engine("named")), "-g", "-u", "bind", "-n", "1", "-c", str(path)]
    with serving(space, upstream), engine(argv, space=space, ready=Asker().ready, log=folder / "out.log"):
        yield


def _check(path: Path) -> str:
    done = subprocess.run(
        [str(need.engine("named-checkconf")), "-z", str(path)], capture_output=True, text=True, timeout=30, check=False
    )
    return f"{done.returncode} {done.stdout}{done.stderr}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_names_resolve_as_claimed(space: Namespace, tmp_path: Path, variant: str) -> None:
    made = rendered("rpz-bind", VARIANTS[variant], strict=variant != "as wide as it gets")
    asked = names()
    with _running(space, tmp_path, dict(made.files), Upstream(asked)):
        decided = decide(space, Asker(), asked)
        shouted = decide(space, Asker(), [name.upper() for name in asked[::9]])
    assert decided == claimed(made, asked)
    assert {True, False} <= set(decided.values())
    assert shouted == {name.upper(): decided[name] for name in asked[::9]}


def test_no_way_of_asking_gets_around_it(space: Namespace, tmp_path: Path) -> None:
    """Signatures wanted, no recursion wanted, TCP, what a name that passes left in the cache; aliases are answered."""
    made = rendered("rpz-bind", WIDE)
    upstream = Upstream(names(), aliases={BUCKET: ALIAS_TARGET})
    with _running(space, tmp_path, dict(made.files), upstream):
        assert decide(space, Asker(), [BUCKET]) == {BUCKET: True}
        denied = [ALIAS_TARGET, "www.example.com", "com", "amazonaws.com", "s3.us-west-2.amazonaws.com"]
        for asker in (Asker(), Asker(dnssec=True), Asker(recursion=False), Asker(tcp=True)):
            assert decide(space, asker, denied) == dict.fromkeys(denied, False), asker
        response = space.call(lambda: Asker().response("www.example.com"))
        assert response.flags & dns.flags.RA


def test_why_there_are_two_zones(space: Namespace, tmp_path: Path) -> None:
    """In one zone nearly everything passes: the test would see it."""
    files = dict(rendered("rpz-bind", WIDE).files)
    files["netprobe-allow.rpz"] += "* CNAME .\n"
    files["netprobe-options.conf"] = files["netprobe-options.conf"].replace(
        '    zone "netprobe-deny.rpz" policy given;\n', ""
    )
    with _running(space, tmp_path, files, Upstream(["sts.us-west-2.amazonaws.com"])):
        assert decide(space, Asker(), ["sts.us-west-2.amazonaws.com"]) == {"sts.us-west-2.amazonaws.com": True}


def test_replacing_a_zone_takes_effect_at_once(space: Namespace, tmp_path: Path) -> None:
    """With the serial unchanged; and a file with a mistake leaves the zone that is loaded."""
    name = "registry.example.com"
    with _running(space, tmp_path, dict(rendered("rpz-bind", WIDE).files), Upstream([name, "www.example.com"])):
        assert decide(space, Asker(), [name]) == {name: False}
        zone = tmp_path / "netprobe-allow.rpz"
        _reload(tmp_path, zone, zone.read_text(encoding="utf-8") + f"{name} CNAME rpz-passthru.\n")
        assert _soon(space, name)
        _reload(tmp_path, zone, "nonsense (\n")
        _reload(tmp_path, tmp_path / "netprobe-deny.rpz", "nonsense (\n")
        assert not _soon(space, "www.example.com", patience_seconds=1)
        assert decide(space, Asker(), [name]) == {name: True}


def _reload(folder: Path, zone: Path, text: str) -> None:
    """Replace a zone's file as the page says; SIGHUP is what ``rndc reload`` is. A file's time has whole seconds."""
    zone.write_text(text, encoding="utf-8")
    later = time.time() + 2
    os.utime(zone, (later, later))
    log = folder / "out.log"
    before = log.read_text(encoding="utf-8").count("all zones loaded")
    os.kill(int((folder / "named.pid").read_text(encoding="utf-8")), signal.SIGHUP)
    deadline = time.monotonic() + 5
    while log.read_text(encoding="utf-8").count("all zones loaded") == before and time.monotonic() < deadline:
        time.sleep(0.05)


def _soon(space: Namespace, name: str, *, patience_seconds: float = 20) -> bool:
    """Whether a name resolves before patience ends; a busy machine reads a zone late."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if decide(space, Asker(), [name])[name]:
            return True
        time.sleep(0.05)
    return False


def test_the_check_sees_both_zones(tmp_path: Path) -> None:
    path = _write(tmp_path, dict(rendered("rpz-bind", WIDE).files))
    said = _check(path)
    assert said.startswith("0 ")
    assert len(re.findall(r"netprobe-(?:allow|deny)\.rpz/IN: loaded serial", said)) == 2
    (tmp_path / "netprobe-deny.rpz").write_text("* CNAME\n", encoding="utf-8")
    assert not _check(path).startswith("0 ")


def test_the_script_writes_the_same_zones(tmp_path: Path) -> None:
    made = rendered("rpz-bind", WIDE)
    script = tmp_path / "netprobe-rpz.sh"
    script.write_text(made.main, encoding="utf-8")
    subprocess.run(["sh", str(script), str(tmp_path / "out")], check=True, timeout=20)
    assert {p.name: _records(p.read_text(encoding="utf-8")) for p in (tmp_path / "out").iterdir()} == {
        name: _records(text) for name, text in made.files.items()
    }


def _records(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and line[0] not in "#;"]


def test_longest_names_fit(space: Namespace, tmp_path: Path) -> None:
    """The longest name that the target takes loads, as a name and beneath an asterisk."""
    made = _long(226)
    assert made.lowered.entries
    assert "loaded serial" in _check(_write(tmp_path, dict(made.files)))
    with pytest.raises(CannotExpressError, match="no exact form"):
        _long(227)


def _long(length: int) -> Rendered:
    label = "a" * 60
    name = f"{label}.{label}.{label}.{'b' * (length - 3 * 61 - 4)}.com"
    assert len(name) == length
    return render(
        "rpz-bind", (endpoint(name, "long", required=False),), origin=ORIGIN, options=WIDE, policy=closed("rpz-bind")
    )
