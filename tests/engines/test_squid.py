"""Squid itself, with the rendered file, asked CONNECT for every name of the corpus: it must decide as claimed."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from netprobe import catalog, requirements
from netprobe.render import Rendered, render
from netprobe.render.model import Form, Options, Target
from netprobe.render.targets import squid
from tests.support import need, squids
from tests.support.render_cases import CASES, ORIGIN, closed, ecs, endpoint
from tests.support.render_corpus import corpus, spellings
from tests.support.render_engine import Namespace, as_user, engine, listens, namespace

pytestmark = [pytest.mark.engine, pytest.mark.root]

PORT = 3128
PORTS = (443, 80, 8443)
_ENDPOINTS = (*CASES["wide"].endpoints, *ecs("ap-southeast-2"))
_OPTIONS = Options()


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


class _NoRegex:
    """Squid as it would be without expressions, so that its wide forms are held to their claims too."""

    def __getattr__(self, name: str) -> object:
        if name == "CAPABILITY":
            return msgspec.structs.replace(squid.CAPABILITY, forms=frozenset({Form.EXACT, Form.SUBTREE}), regex=None)
        return getattr(squid, name)


def _rendered(target: Target | str = "squid", options: Options = _OPTIONS) -> Rendered:
    return render(target, _ENDPOINTS, origin=ORIGIN, options=options, policy=closed(target, all_ports=True))


def _configuration(folder: Path, rules: str) -> Path:
    """A whole squid.conf around the rendered rules, without a way out: its only resolver is a dead port of loopback."""
    path = folder / "squid.conf"
    path.write_text(
        f"http_port 127.0.0.1:{PORT}\n"
        f"pid_filename {folder}/squid.pid\n"
        f"coredump_dir {folder}\n"
        f"cache_log {folder}/cache.log\n"
        "access_log none\n"
        "cache deny all\n"
        "dns_nameservers 127.0.0.1\n"
        "dns_timeout 1 second\n"
        "hosts_file none\n"
        "never_direct allow all\n"
        "shutdown_lifetime 0 seconds\n"
        "visible_hostname proxy.test\n" + rules,
        encoding="utf-8",
    )
    return path


def _parse(configuration: Path) -> str:
    done = subprocess.run(
        [str(need.engine("squid")), "-k", "parse", "-f", str(configuration)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def _allowed(name: str, port: int) -> bool:
    """Whether the proxy lets CONNECT through its rules: 403 means no; anything else (503: no way out) means yes."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=10) as sock:
        sock.settimeout(20)
        sock.sendall(f"CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n".encode())
        status = sock.recv(4096).split(b"\r\n")[0].split()[1]
    assert status in (b"403", b"503", b"500", b"502"), status
    return status != b"403"


def _ask(questions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], bool]:
    return {question: _allowed(*question) for question in questions}


def _decide(
    space: Namespace, folder: Path, rules: str, questions: list[tuple[str, int]]
) -> dict[tuple[str, int], bool]:
    path = _configuration(folder, rules)
    as_user(folder, "proxy")
    argv = squids.foreground(need.engine("squid"), path)
    with engine(argv, space=space, ready=listens(PORT), log=folder / "out.log"):
        return space.call(lambda: _ask(questions))


def _questions() -> list[tuple[str, int]]:
    names = corpus(_ENDPOINTS)
    return [*((name, 443) for name in names), *((name, port) for name in names[::7] for port in PORTS[1:])]


def test_it_decides_as_claimed(space: Namespace, tmp_path: Path) -> None:
    rendered = _rendered()
    questions = _questions()
    decided = _decide(space, tmp_path, rendered.main, questions)
    assert decided == {(name, port): rendered.lowered.admits(name, port) for name, port in questions}
    assert {True, False} <= set(decided.values())


def test_wide_forms_are_as_wide_as_told(space: Namespace, tmp_path: Path) -> None:
    rendered = _rendered(_NoRegex(), Options(allow_widening=True))  # type: ignore[arg-type]
    questions = _questions()
    decided = _decide(space, tmp_path, rendered.main, questions)
    assert decided == {(name, port): rendered.lowered.admits(name, port) for name, port in questions}
    assert any(loss.exfiltration for loss in rendered.lowered.losses)
    assert decided["bucket.s3.us-east-2.amazonaws.com", 443]


def test_lists_beside_the_file_say_the_same(space: Namespace, tmp_path: Path) -> None:
    rendered = _rendered()
    for file, text in rendered.files.items():
        (tmp_path / file).write_text(text.replace("/etc/squid/netprobe", str(tmp_path)), encoding="utf-8")
    questions = _questions()[::3]
    decided = _decide(space, tmp_path, f"include {tmp_path}/netprobe.conf\n", questions)
    assert decided == {(name, port): rendered.lowered.admits(name, port) for name, port in questions}


def test_case_and_trailing_dot(space: Namespace, tmp_path: Path) -> None:
    """DNS tells no case apart; Squid strips the trailing dot, which the capability says."""
    rendered = _rendered()
    names = ["ecs.us-east-2.amazonaws.com", "ecs-a-7.us-east-2.amazonaws.com", "sts.us-east-2.amazonaws.com"]
    asked = {(spelled, 443): name for name in names for spelled in (*spellings(name), f"{name}.")}
    decided = _decide(space, tmp_path, rendered.main, list(asked))
    assert decided == {question: rendered.lowered.admits(name) for question, name in asked.items()}


def test_other_ways_in_are_denied(space: Namespace, tmp_path: Path) -> None:
    """Plain HTTP for an admitted name, and CONNECT to an address, are refused."""

    def ask() -> list[bytes]:
        answers = []
        for request in (
            b"GET http://ecs.us-east-2.amazonaws.com/ HTTP/1.1\r\nHost: ecs.us-east-2.amazonaws.com\r\n\r\n",
            b"CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n",
            b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", PORT), timeout=10) as sock:
                sock.sendall(request)
                answers.append(sock.recv(4096).split()[1])
        return answers

    path = _configuration(tmp_path, _rendered().main)
    as_user(tmp_path, "proxy")
    argv = squids.foreground(need.engine("squid"), path)
    with engine(argv, space=space, ready=listens(PORT), log=tmp_path / "out.log"):
        assert space.call(ask) == [b"403", b"403", b"403"]


@pytest.mark.parametrize("case", CASES)
def test_parse_has_nothing_to_say(case: str, tmp_path: Path) -> None:
    """``squid -k parse`` of the output alone, as a pipe would do it, and of the folder."""
    given = CASES[case]
    rendered = render(
        "squid", given.endpoints, origin=ORIGIN, options=given.options, policy=closed("squid", all_ports=True)
    )
    alone = tmp_path / "alone.conf"
    alone.write_text(rendered.main, encoding="utf-8")
    for file, text in rendered.files.items():
        (tmp_path / file).write_text(text.replace("/etc/squid/netprobe", str(tmp_path)), encoding="utf-8")
    for path in (alone, tmp_path / "netprobe.conf"):
        assert not re.search(r"ERROR|WARNING|FATAL", _parse(path))


def test_parse_notices_what_we_avoid(tmp_path: Path) -> None:
    """The check above can fail: a suffix after a name that it covers is fatal in Squid 5."""
    bad = tmp_path / "bad.conf"
    bad.write_text("acl a dstdomain ecs.example.com\nacl a dstdomain .example.com\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="FATAL"):
        _parse(bad)


def test_many_regions_and_overlaps_parse(tmp_path: Path) -> None:
    """A user's own pattern may cover the catalog's; the covered ones are gone, and Squid is content."""
    own = endpoint("*.us-east-2.amazonaws.com", "own", group="own", required=False)
    rendered = render(
        "squid", (*_ENDPOINTS, own), origin=ORIGIN, options=_OPTIONS, policy=closed("squid", all_ports=True)
    )
    path = tmp_path / "squid.conf"
    path.write_text(rendered.main, encoding="utf-8")
    assert not re.search(r"ERROR|WARNING|FATAL", _parse(path))
    assert "acl netprobe_exact_443 dstdomain -n ecs.us-east-2.amazonaws.com" not in rendered.main


def test_every_region_and_group_parses(tmp_path: Path) -> None:
    """The whole catalog, as ``netprobe render squid -r all`` with every group writes it."""
    known = catalog.load()
    endpoints = requirements.endpoints(known, regions=["all"], with_groups=[group.id for group in known.groups])
    path = tmp_path / "squid.conf"
    path.write_text(
        render("squid", endpoints, origin=ORIGIN, options=_OPTIONS, policy=closed("squid", all_ports=True)).main,
        encoding="utf-8",
    )
    assert not re.search(r"ERROR|WARNING|FATAL", _parse(path))


def test_a_squid_that_is_killed_is_in_no_other_s_way_and_leaves_nothing(space: Namespace, tmp_path: Path) -> None:
    """It would leave files that the next one, as another user, may not open."""
    path = _configuration(tmp_path, _rendered().main)
    as_user(tmp_path, "proxy")
    left = []
    for _ in range(2):
        argv = squids.foreground(need.engine("squid"), path)
        with engine(argv, space=space, ready=listens(PORT), log=tmp_path / "out.log") as process:
            process.kill()
            process.wait(10)
        left.append({one.name for one in Path("/dev/shm").glob(f"{argv[3]}-*")})
    assert left[0]
    assert left[0].isdisjoint(left[1])
    squids.sweep(own=True)
    assert not any(Path("/dev/shm", name).exists() for name in left[0] | left[1])
