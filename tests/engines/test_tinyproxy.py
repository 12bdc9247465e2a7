"""tinyproxy itself, with the rendered files, asked CONNECT for every name of the corpus: it must decide as claimed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe.render import Rendered, render
from netprobe.render.model import Options
from tests.support import need
from tests.support.render_cases import CASES, ORIGIN, UNUSUAL, closed, ecs
from tests.support.render_connect import allowed, answer, decide
from tests.support.render_corpus import corpus, spellings
from tests.support.render_engine import Namespace, as_user, engine, listens, namespace

pytestmark = [pytest.mark.engine, pytest.mark.root]

PORT = 8888
_ENDPOINTS = (*CASES["wide"].endpoints, *ecs("ap-southeast-2"), *UNUSUAL)
_NAME = "ecs.us-east-2.amazonaws.com"


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


def _rendered() -> Rendered:
    return render("tinyproxy", _ENDPOINTS, origin=ORIGIN, options=Options(), policy=closed("tinyproxy"))


def _write(folder: Path, rendered: Rendered) -> Path:
    """The files as they are rendered, but for the folder that they name."""
    for name, text in rendered.files.items():
        (folder / name).write_text(text.replace("/etc/tinyproxy", str(folder)), encoding="utf-8")
    as_user(folder, "tinyproxy")
    return folder / "tinyproxy.conf"


def _argv(configuration: Path) -> list[str]:
    return [str(need.engine("tinyproxy")), "-d", "-c", str(configuration)]


def test_it_decides_as_claimed(space: Namespace, tmp_path: Path) -> None:
    rendered = _rendered()
    spelled = {s: name for name in (_NAME, "ecs-a-7.us-east-2.amazonaws.com") for s in spellings(name)}
    questions = [(name, 443) for name in corpus(_ENDPOINTS)]
    argv = _argv(_write(tmp_path, rendered))
    with engine(argv, space=space, ready=listens(PORT), log=tmp_path / "out.log"):
        decided = space.call(lambda: decide(questions, PORT))
        assert decided == {(name, port): rendered.lowered.admits(name) for name, port in questions}
        assert {True, False} <= set(decided.values())
        assert all(space.call(lambda: decide([(s, 443) for s in spelled], PORT)).values())
        assert not space.call(lambda: allowed(f"{_NAME}.", 443, PORT))


def test_other_ways_in_are_denied(space: Namespace, tmp_path: Path) -> None:
    """CONNECT on a port that nobody asked for, CONNECT to an address, plain HTTP to a name that is not listed."""
    requests = [
        f"CONNECT {_NAME}:8443 HTTP/1.1\r\nHost: {_NAME}:8443\r\n\r\n",
        "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n",
        f"GET http://evil.test/{_NAME} HTTP/1.1\r\nHost: evil.test\r\n\r\n",
        f"GET http://evil.test/ HTTP/1.1\r\nHost: {_NAME}\r\n\r\n",
    ]
    with engine(_argv(_write(tmp_path, _rendered())), space=space, ready=listens(PORT), log=tmp_path / "out.log"):
        assert space.call(lambda: [answer(r.encode(), PORT) for r in requests]) == [403] * len(requests)


def test_what_we_write_is_what_makes_it_deny(space: Namespace, tmp_path: Path) -> None:
    """The test above can fail: without FilterDefaultDeny the list blocks what it should allow."""
    configuration = _write(tmp_path, _rendered())
    text = configuration.read_text(encoding="utf-8")
    configuration.write_text(text.replace("FilterDefaultDeny Yes\n", ""), encoding="utf-8")
    with engine(_argv(configuration), space=space, ready=listens(PORT), log=tmp_path / "out.log"):
        assert space.call(lambda: allowed("evil.test", 443, PORT))
        assert not space.call(lambda: allowed(_NAME, 443, PORT))


def test_an_empty_list_denies_all(space: Namespace, tmp_path: Path) -> None:
    configuration = _write(tmp_path, _rendered())
    text = (tmp_path / "netprobe.filter").read_text(encoding="utf-8")
    comments = [line for line in text.splitlines() if line.startswith("#")]
    (tmp_path / "netprobe.filter").write_text("\n".join(comments) + "\n", encoding="utf-8")
    with engine(_argv(configuration), space=space, ready=listens(PORT), log=tmp_path / "out.log"):
        assert not any(space.call(lambda: decide([(_NAME, 443), ("evil.test", 443)], PORT)).values())


def test_basic_expressions_would_match_nothing(space: Namespace, tmp_path: Path) -> None:
    configuration = _write(tmp_path, _rendered())
    text = configuration.read_text(encoding="utf-8")
    configuration.write_text(text.replace("FilterType ere\n", ""), encoding="utf-8")
    with engine(_argv(configuration), space=space, ready=listens(PORT), log=tmp_path / "out.log"):
        assert not space.call(lambda: allowed("ecs-a-7.us-east-2.amazonaws.com", 443, PORT))


def test_a_bad_list_ends_it(space: Namespace, tmp_path: Path) -> None:
    """The check that the page tells: a bad line ends tinyproxy at once, so it never runs open."""
    configuration = _write(tmp_path, _rendered())
    with (tmp_path / "netprobe.filter").open("a", encoding="utf-8") as file:
        file.write("^ecs-a-[$\n")
    done = subprocess.run(space.command(*_argv(configuration)), capture_output=True, timeout=10, check=False)
    assert done.returncode not in (0, 124)
