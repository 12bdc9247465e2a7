"""HAProxy itself, sent a ClientHello for every name of the corpus: it must decide as claimed."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
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
_ENDPOINTS = (*CASES["wide"].endpoints, *ecs("ap-southeast-2"), *UNUSUAL, endpoint("own.example.com", port=8443))
_NAME = "ecs.us-east-2.amazonaws.com"


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with namespace() as made, internet(made, (443, 8443)):
        yield made


def _rendered() -> Rendered:
    return render("haproxy", _ENDPOINTS, origin=ORIGIN, options=Options(), policy=closed("haproxy"))


def _configuration(folder: Path, text: str) -> Path:
    """The rendered text with the namespace's resolver, and on one address, since the other side is on another."""
    for port in (443, 8443):
        assert f"bind :{port}\n" in text
        text = text.replace(f"bind :{port}\n", f"bind {ADDRESS}:{port}\n")
    assert "parse-resolv-conf" in text
    path = folder / "netprobe.cfg"
    path.write_text(
        text.replace("parse-resolv-conf", "nameserver test 127.0.0.1:53").replace("/etc/haproxy/netprobe", str(folder)),
        encoding="utf-8",
    )
    as_user(folder, "haproxy")
    return path


def _argv(configuration: Path) -> list[str]:
    return [str(need.engine("haproxy")), "-db", "-f", str(configuration)]


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


def test_lists_beside_the_file_say_the_same(space: Namespace, tmp_path: Path) -> None:
    rendered = _rendered()
    for file, text in rendered.files.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    questions = [(name, 443) for name in corpus(_ENDPOINTS)[::3]]
    argv = _argv(_configuration(tmp_path, rendered.files["netprobe.cfg"]))
    with engine(argv, space=space, ready=listens(443), log=tmp_path / "out.log"):
        decided = space.call(lambda: decide(questions, ADDRESS))
    assert decided == {(name, port): rendered.lowered.admits(name, port) for name, port in questions}


def test_spelling_and_what_is_no_server_name(space: Namespace, tmp_path: Path) -> None:
    """Any case passes; a trailing dot, no server name, no TLS and an address do not."""
    spelled = [s for name in (_NAME, "ecs-a-7.us-east-2.amazonaws.com") for s in spellings(name)]
    refused = [
        client_hello(None),
        client_hello(f"{_NAME}."),
        client_hello("192.0.2.99"),
        f"GET / HTTP/1.1\r\nHost: {_NAME}\r\n\r\n".encode(),
        f"CONNECT {_NAME}:443 HTTP/1.1\r\nHost: {_NAME}\r\n\r\n".encode(),
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


def _ask(control: Path, command: str) -> str:
    """One command on HAProxy's stats socket."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(control))
        sock.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: sock.recv(65536), b"")).decode()


def test_replacing_as_the_page_tells(space: Namespace, tmp_path: Path) -> None:
    """A list is swapped whole at run time, and a reload with a bad file leaves what runs."""
    rendered = _rendered()
    for file, text in rendered.files.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    control = tmp_path / "control"
    path = _configuration(tmp_path, f"global\n    stats socket {control} level admin\n{rendered.files['netprobe.cfg']}")

    def both() -> list[bool]:
        return space.call(lambda: [passes(client_hello(name), 443, ADDRESS) for name in (_NAME, "new.example.com")])

    argv = [str(need.engine("haproxy")), "-W", "-db", "-f", str(path)]
    with engine(argv, space=space, ready=listens(443), log=tmp_path / "out.log") as process:
        assert both() == [True, False]
        lists = _ask(control, "show acl").splitlines()
        number = next(line.split()[0] for line in lists if "/allow.exact)" in line)
        version = _ask(control, f"prepare acl #{number}").split()[-1]
        _ask(control, f"add acl @{version} #{number} new.example.com")
        assert both() == [True, False]
        _ask(control, f"commit acl @{version} #{number}")
        assert both() == [False, True]
        path.write_text(f"{path.read_text(encoding='utf-8')}nonsense\n", encoding="utf-8")
        process.send_signal(signal.SIGUSR2)
        deadline = time.monotonic() + 10
        while "nonsense" not in (tmp_path / "out.log").read_text(errors="replace") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "nonsense" in (tmp_path / "out.log").read_text(errors="replace")
        assert both() == [False, True]
        assert process.poll() is None


def _check(*files: Path) -> subprocess.CompletedProcess[str]:
    argv = [str(need.engine("haproxy")), "-c", *(word for file in files for word in ("-f", str(file)))]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("case", CASES)
def test_check_is_content(case: str, tmp_path: Path) -> None:
    """Alone, with its lists, and beside Debian's own configuration; a list that is gone is an error."""
    given = CASES[case]
    rendered = render("haproxy", given.endpoints, origin=ORIGIN, options=given.options, policy=closed("haproxy"))
    alone = tmp_path / "alone.cfg"
    alone.write_text(rendered.main, encoding="utf-8")
    for file, text in rendered.files.items():
        (tmp_path / file).write_text(text.replace("/etc/haproxy/netprobe", str(tmp_path)), encoding="utf-8")
    for files in ((alone,), (tmp_path / "netprobe.cfg",), (Path("/etc/haproxy/haproxy.cfg"), alone)):
        done = _check(*files)
        assert done.returncode == 0, done.stderr
        # Without a network there is no way to the example's resolver, and haproxy says so.
        said = [line for line in done.stderr.splitlines() if "can't connect socket for nameserver" not in line]
        assert not [line for line in said if "netprobe" in line.replace(str(tmp_path), "")], done.stderr
    (tmp_path / "allow.regex").unlink()
    assert _check(tmp_path / "netprobe.cfg").returncode != 0


def test_every_region_and_group_checks(tmp_path: Path) -> None:
    known = catalog.load()
    endpoints = requirements.endpoints(known, regions=["all"], with_groups=[group.id for group in known.groups])
    path = tmp_path / "netprobe.cfg"
    path.write_text(
        render("haproxy", endpoints, origin=ORIGIN, options=Options(), policy=closed("haproxy")).main, encoding="utf-8"
    )
    done = _check(path)
    assert done.returncode == 0, done.stderr
