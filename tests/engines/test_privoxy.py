"""Privoxy itself, with the rendered files, asked CONNECT for every name of the corpus: it must decide as claimed."""

from __future__ import annotations

import os
import re
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

PORT = 8118
_ENDPOINTS = (*CASES["wide"].endpoints, *ecs("ap-southeast-2"), *UNUSUAL)
_NAME = "ecs.us-east-2.amazonaws.com"


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


def _rendered() -> Rendered:
    return render("privoxy", _ENDPOINTS, origin=ORIGIN, options=Options(), policy=closed("privoxy", all_ports=True))


def _write(folder: Path, rendered: Rendered) -> Path:
    """The files as they are rendered, but for the folders that they name."""
    for name, text in rendered.files.items():
        told = text.replace("/etc/privoxy", str(folder)).replace("/var/log/privoxy", str(folder))
        (folder / name).write_text(told, encoding="utf-8")
    (folder / "templates").symlink_to("/etc/privoxy/templates")
    as_user(folder, "privoxy")
    return folder / "config"


def _argv(configuration: Path) -> list[str]:
    return [str(need.engine("privoxy")), "--no-daemon", "--user", "privoxy", str(configuration)]


def test_it_decides_as_claimed(space: Namespace, tmp_path: Path) -> None:
    rendered = _rendered()
    names = corpus(_ENDPOINTS)
    questions = [*((name, 443) for name in names), *((name, port) for name in names[::7] for port in (80, 8443))]
    spelled = [(s, 443) for name in (_NAME, "ecs-a-7.us-east-2.amazonaws.com") for s in spellings(name)]
    with engine(_argv(_write(tmp_path, rendered)), space=space, ready=listens(PORT), log=tmp_path / "out.log"):
        decided = space.call(lambda: decide(questions, PORT))
        assert decided == {(name, port): rendered.lowered.admits(name, port) for name, port in questions}
        assert {True, False} <= set(decided.values())
        assert all(space.call(lambda: decide(spelled, PORT)).values())


def test_trailing_dot(space: Namespace, tmp_path: Path) -> None:
    with engine(_argv(_write(tmp_path, _rendered())), space=space, ready=listens(PORT), log=tmp_path / "out.log"):
        assert space.call(lambda: allowed(f"{_NAME}.", 443, PORT))
        assert not space.call(lambda: allowed("evil.test.", 443, PORT))


def test_it_reads_a_replaced_list_by_itself(space: Namespace, tmp_path: Path) -> None:
    """As the page tells: renamed into place, it counts from the next request on, both ways."""
    configuration = _write(tmp_path, _rendered())
    actions = tmp_path / "netprobe.action"
    old = actions.read_text(encoding="utf-8")
    with engine(_argv(configuration), space=space, ready=listens(PORT), log=tmp_path / "out.log"):
        for moment, (text, admitted) in enumerate([(old.replace(f"{_NAME}:443\n", ""), False), (old, True)], start=1):
            new = tmp_path / "new"
            new.write_text(text, encoding="utf-8")
            # Privoxy goes by the time of the file, in whole seconds.
            os.utime(new, (actions.stat().st_mtime + moment * 10,) * 2)
            new.rename(actions)
            assert space.call(lambda: allowed(_NAME, 443, PORT)) == admitted


def test_other_ways_in_are_denied(space: Namespace, tmp_path: Path) -> None:
    """An address, plain HTTP, and the prefix that goes around blocks where they are not enforced."""
    requests = [
        "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n",
        f"GET http://evil.test/{_NAME} HTTP/1.1\r\nHost: evil.test\r\n\r\n",
        f"GET http://evil.test/ HTTP/1.1\r\nHost: {_NAME}\r\n\r\n",
        f"GET http://{_NAME}/ HTTP/1.1\r\nHost: {_NAME}\r\n\r\n",
        "GET http://evil.test/PRIVOXY-FORCE/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
    ]
    configuration = _write(tmp_path, _rendered())
    with engine(_argv(configuration), space=space, ready=listens(PORT), log=tmp_path / "out.log"):
        assert space.call(lambda: [answer(r.encode(), PORT) for r in requests]) == [403] * len(requests)
    text = configuration.read_text(encoding="utf-8")
    configuration.write_text(text.replace("enforce-blocks 1\n", ""), encoding="utf-8")
    with engine(_argv(configuration), space=space, ready=listens(PORT), log=tmp_path / "out.log"):
        assert space.call(lambda: answer(requests[-1].encode(), PORT)) != 403, "the trap that enforce-blocks closes"


@pytest.mark.parametrize("case", CASES)
@pytest.mark.root
def test_config_test_has_nothing_to_say(case: str, tmp_path: Path) -> None:
    need.root()  # the files are handed to the engine's own user
    given = CASES[case]
    rendered = render(
        "privoxy", given.endpoints, origin=ORIGIN, options=given.options, policy=closed("privoxy", all_ports=True)
    )
    configuration = _write(tmp_path, rendered)
    assert not _complaints(configuration)
    configuration.write_text(configuration.read_text(encoding="utf-8") + "no-such-directive 1\n", encoding="utf-8")
    assert _complaints(configuration), "the check can fail"


def _complaints(configuration: Path) -> list[str]:
    done = subprocess.run(
        [str(need.engine("privoxy")), "--config-test", str(configuration)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return re.findall(r"(?im)^.*(?:ignoring|error|fatal).*$", done.stdout + done.stderr)
