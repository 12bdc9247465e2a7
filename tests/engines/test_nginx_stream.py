"""nginx itself, sent a ClientHello for every name of the corpus: it must decide as claimed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe import catalog, requirements
from netprobe.render import Rendered, render
from netprobe.render.model import Options
from tests.support import need
from tests.support.render_cases import CASES, ORIGIN, UNUSUAL, closed, ecs, endpoint
from tests.support.render_corpus import corpus, spellings
from tests.support.render_engine import Namespace, as_user, engine, listens, namespace
from tests.support.render_sni import client_hello, decide, internet, passes

pytestmark = [pytest.mark.engine, pytest.mark.root]

ADDRESS = "127.0.0.1"
_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
_ENDPOINTS = (*CASES["wide"].endpoints, *ecs("ap-southeast-2"), *UNUSUAL, endpoint("own.example.com", port=8443))
_NAME = "ecs.us-east-2.amazonaws.com"


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with namespace() as made, internet(made, (443, 8443)):
        yield made


def _rendered() -> Rendered:
    return render("nginx-stream", _ENDPOINTS, origin=ORIGIN, options=Options(), policy=closed("nginx-stream"))


def _configuration(folder: Path, rules: str) -> Path:
    """An nginx.conf around the rendered rules, on one address, since the other side is on another."""
    nginx = need.engine("nginx")
    load = f"load_module {_MODULE};\n" if _MODULE.exists() else ""
    assert load, f"{nginx} has no stream module: apt-get install libnginx-mod-stream"
    for port in (443, 8443):
        rules = rules.replace(f"listen {port};", f"listen {ADDRESS}:{port};")
    path = folder / "nginx.conf"
    path.write_text(
        f"{load}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n"
        f"events {{ }}\n{rules}",
        encoding="utf-8",
    )
    as_user(folder, "www-data")
    return path


def _argv(configuration: Path) -> list[str]:
    return [str(need.engine("nginx")), "-c", str(configuration)]


def test_it_decides_as_claimed(space: Namespace, tmp_path: Path) -> None:
    rendered = _rendered()
    names = corpus(_ENDPOINTS)
    questions = [*((name, 443) for name in names), *((name, 8443) for name in names[::7]), ("own.example.com", 8443)]
    argv = _argv(_configuration(tmp_path, rendered.main))
    with engine(argv, space=space, ready=listens(443), log=tmp_path / "out.log"):
        decided = space.call(lambda: decide(questions, ADDRESS))
    assert decided == {(name, port): rendered.lowered.admits(name, port) for name, port in questions}
    assert {True, False} <= set(decided.values())
    assert decided["own.example.com", 8443]


def test_inside_a_block_of_your_own_it_says_the_same(space: Namespace, tmp_path: Path) -> None:
    rendered = _rendered()
    inside = f"stream {{ resolver 127.0.0.1;\n{rendered.files['netprobe-inside.conf']}}}\n"
    questions = [(name, 443) for name in corpus(_ENDPOINTS)[::3]]
    argv = _argv(_configuration(tmp_path, inside))
    with engine(argv, space=space, ready=listens(443), log=tmp_path / "out.log"):
        decided = space.call(lambda: decide(questions, ADDRESS))
    assert decided == {(name, port): rendered.lowered.admits(name, port) for name, port in questions}


def test_spelling_and_what_is_no_server_name(space: Namespace, tmp_path: Path) -> None:
    """Any case passes; a trailing dot, no server name, no TLS and an address do not."""
    spelled = [s for name in (_NAME, "ecs-a-7.us-east-2.amazonaws.com") for s in spellings(name)]
    refused = [
        client_hello(None),
        client_hello(f"{_NAME}."),
        client_hello("ecs-a-7.us-east-2.amazonaws.com."),
        client_hello("192.0.2.99"),
        f"GET / HTTP/1.1\r\nHost: {_NAME}\r\n\r\n".encode(),
    ]
    argv = _argv(_configuration(tmp_path, _rendered().main))
    with engine(argv, space=space, ready=listens(443), log=tmp_path / "out.log"):
        assert space.call(lambda: [passes(client_hello(s), 443, ADDRESS) for s in spelled]) == [True] * len(spelled)
        assert space.call(lambda: [passes(first, 443, ADDRESS) for first in refused]) == [False] * len(refused)


def test_a_client_hello_in_two_packets(space: Namespace, tmp_path: Path) -> None:
    argv = _argv(_configuration(tmp_path, _rendered().main))
    hello = {name: client_hello(name) for name in (_NAME, "evil.test")}
    with engine(argv, space=space, ready=listens(443), log=tmp_path / "out.log"):
        assert space.call(lambda: passes(hello[_NAME], 443, ADDRESS, in_pieces=True))
        assert not space.call(lambda: passes(hello["evil.test"], 443, ADDRESS, in_pieces=True))


def _check(space: Namespace, folder: Path, rules: str) -> subprocess.CompletedProcess[str]:
    return space.run(*_argv(_configuration(folder, rules)), "-t", check=False)


@pytest.mark.parametrize("case", CASES)
def test_check_is_content(case: str, space: Namespace, tmp_path: Path) -> None:
    given = CASES[case]
    rendered = render(
        "nginx-stream", given.endpoints, origin=ORIGIN, options=given.options, policy=closed("nginx-stream")
    )
    done = _check(space, tmp_path, rendered.main)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_every_region_and_group_checks(space: Namespace, tmp_path: Path) -> None:
    known = catalog.load()
    endpoints = requirements.endpoints(known, regions=["all"], with_groups=[group.id for group in known.groups])
    rendered = render("nginx-stream", endpoints, origin=ORIGIN, options=Options(), policy=closed("nginx-stream"))
    done = _check(space, tmp_path, rendered.main)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_the_default_bucket_would_be_too_small(space: Namespace, tmp_path: Path) -> None:
    """The check can fail, and the size that we set is needed."""
    text = _rendered().main.replace("map_hash_bucket_size 512;", "map_hash_bucket_size 64;")
    assert "map_hash_bucket_size" in _check(space, tmp_path, text).stderr
