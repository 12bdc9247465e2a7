"""Squid with redirected connections, sent a ClientHello for every name of the corpus: it must decide as claimed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from netprobe import catalog, requirements
from netprobe.render import Rendered, render
from netprobe.render.model import Options
from tests.support import need, squids
from tests.support.render_cases import CASES, ORIGIN, UNUSUAL, closed, ecs, endpoint
from tests.support.render_connect import allowed
from tests.support.render_corpus import corpus, spellings
from tests.support.render_engine import Namespace, as_user, engine, listens, namespace
from tests.support.render_sni import ORIGIN as ADDRESS
from tests.support.render_sni import client_hello, decide, internet, passes

pytestmark = [pytest.mark.engine, pytest.mark.root]

EXPLICIT = 3128
OTHER = "192.0.2.98"
_ENDPOINTS = (*CASES["wide"].endpoints, *ecs("ap-southeast-2"), *UNUSUAL, endpoint("own.example.com", port=8443))
_NAME = "ecs.us-east-2.amazonaws.com"
# What the page tells for a gateway, at the place where the namespace's own connections pass; Squid's own go out.
_REDIRECT = """
table ip netprobe_redirect {
    chain hosts {
        type nat hook output priority -100; policy accept;
        ip daddr 192.0.2.0/24 meta skuid != proxy tcp dport { 443, 8443, 9443 } redirect to :3130
    }
}
"""


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    need.engine("nft")
    with namespace() as made, internet(made, (443, 8443, 9443)):
        made.run("ip", "address", "add", f"{OTHER}/32", "dev", "lo")
        made.run("nft", "-f", "-", input=_REDIRECT)
        yield made


@pytest.fixture(scope="module")
def certificate() -> bytes:
    """The certificate that Squid wants and never shows."""
    issued = trustme.CA().issue_cert("netprobe.test")
    return bytes(issued.private_key_and_cert_chain_pem.bytes())


def _rendered() -> Rendered:
    return render("squid-splice", _ENDPOINTS, origin=ORIGIN, options=Options(), policy=closed("squid-splice"))


def _configuration(folder: Path, rules: str, certificate: bytes) -> Path:
    """A whole squid.conf around the rendered rules, with an explicit port that has rules of its own (none admits)."""
    (folder / "any.pem").write_bytes(certificate)
    path = folder / "squid.conf"
    path.write_text(
        f"http_port 127.0.0.1:{EXPLICIT}\n"
        f"pid_filename {folder}/squid.pid\n"
        f"coredump_dir {folder}\n"
        f"cache_log {folder}/cache.log\n"
        "access_log none\n"
        "cache deny all\n"
        "dns_nameservers 127.0.0.1\n"
        "hosts_file none\n"
        "shutdown_lifetime 0 seconds\n"
        "visible_hostname proxy.test\n" + rules.replace("/etc/squid/netprobe", str(folder)) + "http_access deny all\n",
        encoding="utf-8",
    )
    as_user(folder, "proxy")
    return path


def _argv(configuration: Path) -> list[str]:
    return squids.foreground(need.engine("squid"), configuration)


def test_it_decides_as_claimed(space: Namespace, certificate: bytes, tmp_path: Path) -> None:
    rendered = _rendered()
    names = corpus(_ENDPOINTS)
    questions = [*((name, 443) for name in names), *((name, 8443) for name in names[::7]), ("own.example.com", 8443)]
    questions += [(_NAME, 9443)]
    argv = _argv(_configuration(tmp_path, rendered.main, certificate))
    with engine(argv, space=space, ready=listens(EXPLICIT), log=tmp_path / "out.log"):
        decided = space.call(lambda: decide(questions, ADDRESS))
    assert decided == {(name, port): rendered.lowered.admits(name, port) for name, port in questions}
    assert {True, False} <= set(decided.values())
    assert decided["own.example.com", 8443]


def test_spelling_and_what_is_no_server_name(space: Namespace, certificate: bytes, tmp_path: Path) -> None:
    """Any case passes; a trailing dot, no server name, no TLS and an address do not."""
    spelled = [s for name in (_NAME, "ecs-a-7.us-east-2.amazonaws.com") for s in spellings(name)]
    refused = [
        client_hello(None),
        client_hello(f"{_NAME}."),
        client_hello("ecs-a-7.us-east-2.amazonaws.com."),
        client_hello(ADDRESS),
        f"GET / HTTP/1.1\r\nHost: {_NAME}\r\n\r\n".encode(),
        f"CONNECT {_NAME}:443 HTTP/1.1\r\nHost: {_NAME}\r\n\r\n".encode(),
    ]
    argv = _argv(_configuration(tmp_path, _rendered().main, certificate))
    with engine(argv, space=space, ready=listens(EXPLICIT), log=tmp_path / "out.log"):
        assert space.call(lambda: [passes(client_hello(s), 443, ADDRESS) for s in spelled]) == [True] * len(spelled)
        assert space.call(lambda: [passes(first, 443, ADDRESS) for first in refused]) == [False] * len(refused)
        assert space.call(lambda: passes(client_hello(_NAME), 443, ADDRESS, in_pieces=True))
        assert not space.call(lambda: passes(client_hello("evil.test"), 443, ADDRESS, in_pieces=True))


def test_another_address_than_its_own_answer_is_refused(space: Namespace, certificate: bytes, tmp_path: Path) -> None:
    """What the page warns of: an admitted name at an address that Squid's resolver did not give."""
    argv = _argv(_configuration(tmp_path, _rendered().main, certificate))
    with engine(argv, space=space, ready=listens(EXPLICIT), log=tmp_path / "out.log"):
        assert not space.call(lambda: passes(client_hello(_NAME), 443, OTHER))
        assert space.call(lambda: passes(client_hello(_NAME), 443, ADDRESS))
    assert "Host header forgery" in (tmp_path / "cache.log").read_text(encoding="utf-8", errors="replace")


def test_an_explicit_port_beside_it_stays_closed(space: Namespace, certificate: bytes, tmp_path: Path) -> None:
    """http_access for the redirected connections must not open CONNECT on another port of the same Squid."""
    argv = _argv(_configuration(tmp_path, _rendered().main, certificate))
    with engine(argv, space=space, ready=listens(EXPLICIT), log=tmp_path / "out.log"):
        assert not space.call(lambda: allowed("evil.test", 443, EXPLICIT))
        assert not space.call(lambda: allowed(_NAME, 443, EXPLICIT))


def _complaints(configuration: Path) -> list[str]:
    done = subprocess.run(
        [str(need.engine("squid")), "-k", "parse", "-f", str(configuration)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # Squid 6 ends with 1 where what it cannot read is fatal; older ones say so and go on.
    assert done.returncode == 0 or "FATAL" in done.stderr, done.stderr
    return re.findall(r"^.*(?:ERROR|WARNING|FATAL).*$", done.stdout + done.stderr, re.MULTILINE)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.root
def test_parse_has_nothing_to_say(case: str, certificate: bytes, tmp_path: Path) -> None:
    need.root()  # the files are handed to the engine's own user
    given = CASES[case]
    rendered = render(
        "squid-splice", given.endpoints, origin=ORIGIN, options=given.options, policy=closed("squid-splice")
    )
    assert _complaints(_configuration(tmp_path, rendered.main, certificate)) == []
    bad = rendered.main.replace("[a-z0-9-]+", "[a-z0-9-", 1)
    assert _complaints(_configuration(tmp_path, bad, certificate)) != [], "the check can fail"


@pytest.mark.root
def test_every_region_and_group_parses(certificate: bytes, tmp_path: Path) -> None:
    need.root()
    known = catalog.load()
    endpoints = requirements.endpoints(known, regions=["all"], with_groups=[group.id for group in known.groups])
    rendered = render("squid-splice", endpoints, origin=ORIGIN, options=Options(), policy=closed("squid-splice"))
    assert _complaints(_configuration(tmp_path, rendered.main, certificate)) == []
