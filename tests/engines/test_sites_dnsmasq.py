"""dnsmasq with packet filters on a site that has rules of its own: a render changes what it says, and no more."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from netprobe.render import Options, Rendered
from netprobe.render.model import Policy
from tests.support import need, pages
from tests.support.netns import Namespace as Node
from tests.support.netns import Topology
from tests.support.render_dns import Asker, Upstream, serving
from tests.support.render_dnsmasq import started
from tests.support.render_engine import as_user
from tests.support.site import ALLOWED, BLOCKED, Question, expected, limited, made, questions

pytestmark = [pytest.mark.engine, pytest.mark.root]

T = TypeVar("T")
HOST, OTHER, ROUTER = "198.18.0.1", "198.18.0.77", "198.18.0.2"
OPTIONS = Options(allow_widening=True)
ROUTED = limited((f"{HOST}/32", "2001:db8:0:0::1/128"))
ASKED = questions(clients=(HOST, OTHER), ports=(443, 8443))
UPSTREAM = Upstream(sorted({name for _, name, _ in ASKED}))
UPSTREAM.addresses = {name: f"198.19.0.{index}" for index, name in enumerate(UPSTREAM.addresses, start=10)}


class _Inside:
    """A node of a topology, for what wants to be called inside a namespace."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def call(self, function: Callable[[], T]) -> T:
        with self._node.entered():
            return function()


@pytest.fixture
def net() -> Iterator[Topology]:
    """Two clients behind a router that resolves for them, and a server at every address that a name can have."""
    for name in ("dnsmasq", "ipset", "iptables-restore"):
        need.engine(name)
    need.root()
    with Topology(routers=1) as net, contextlib.ExitStack() as stack:
        net.client.ip("addr", "add", f"{OTHER}/24", "dev", "eth0")
        with net.server.entered():
            for port in (443, 8443):
                stack.enter_context(socket.create_server(("0.0.0.0", port), backlog=512))
        yield net


_FILTER = """*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
{}COMMIT
"""
_HOST_FILTER = "*filter\n:OUTPUT ACCEPT [0:0]\n{}COMMIT\n"


def _site(node: Node) -> None:
    """The node lets through what goes to its own destinations, and drops the rest."""
    open_ = "".join(f"-A FORWARD -d {UPSTREAM.addresses[name]}/32 -j ACCEPT\n" for name in ALLOWED)
    node.run("iptables-restore", input=_FILTER.format(open_))


@contextlib.contextmanager
def _resolver(node: Node, folder: Path) -> Iterator[None]:
    """The site's dnsmasq, with what stands in its folder."""
    (folder / "conf.d").mkdir(exist_ok=True)
    as_user(folder, "dnsmasq")
    log = folder / "dnsmasq.log"
    log.write_text("", encoding="utf-8")
    with serving(_Inside(node), UPSTREAM):  # type: ignore[arg-type]
        running = node.start(
            str(need.engine("dnsmasq")),
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            f"--conf-dir={folder}/conf.d",
            "--no-resolv",
            "--no-hosts",
            "--no-poll",
            "--server=127.0.0.1#5300",
            "--pid-file=",
            "--log-facility=-",
            ready=lambda: started(log),
            log=log,
        )
        try:
            yield
        finally:
            running.terminate()
            running.wait(10)


def _ask(net: Topology, resolver: str, asked: Sequence[Question]) -> dict[Question, bool]:
    """Each client resolves the name, then connects to what it was answered."""
    with net.client.entered():
        return {question: _reaches(resolver, *question) for question in asked}


def _reaches(resolver: str, client: str, name: str, port: int) -> bool:
    if not Asker(server=resolver).resolves(name):
        return False
    with socket.socket() as sock:
        sock.bind((client, 0))
        sock.settimeout(0.3)
        try:
            sock.connect((UPSTREAM.addresses[name], port))
        except (ConnectionRefusedError, TimeoutError):
            return False
        return True


def _write(folder: Path, rendered: Rendered) -> Path:
    """The render's files in a folder of their own."""
    own = folder / "render"
    own.mkdir(exist_ok=True)
    for name, text in rendered.files.items():
        (own / name).write_text(text, encoding="utf-8")
    return own


def _load(node: Node, folder: Path, rendered: Rendered, *chain: str) -> None:
    """As the page tells: the file of dnsmasq, then ``apply.sh``; the caller starts dnsmasq again behind it."""
    own = _write(folder, rendered)
    shutil.copy(own / f"{rendered.name}.dnsmasq.conf", folder / "conf.d" / f"{rendered.name}.conf")
    node.run("sh", str(own / "apply.sh"), *chain)


def _unload(node: Node, folder: Path, rendered: Rendered, chain: str) -> None:
    """As the page tells, literally, with the chain and the name of this render."""
    (folder / "conf.d" / f"{rendered.name}.conf").unlink()
    node.run("sh", "-euc", pages.commands(rendered.target, "Roll back", name=rendered.name, chain=chain))


def _left(node: Node) -> str:
    """Everything that packet filters and sets hold."""
    saved = node.run("sh", "-c", "iptables-save; ip6tables-save; ipset save").stdout
    return "\n".join(
        line for line in saved.splitlines() if line.startswith(("-A", "create", "add")) or "NETPROBE" in line
    )


@pytest.mark.parametrize("form", ["additive for the host", "enforced for the host", "under another name"])
def test_ipset_on_a_router(form: str, net: Topology, tmp_path: Path) -> None:
    policy, router = ROUTED[form], net.routers[0]
    rendered = made("dnsmasq-ipset", policy, OPTIONS)
    _site(router)
    saved = _left(router)
    with _resolver(router, tmp_path):
        before = _ask(net, ROUTER, ASKED)
    assert {True, False} == set(before.values())
    wanted = _wanted(before, rendered, policy)
    assert wanted != before
    for _ in range(2):
        _load(router, tmp_path, rendered, "FORWARD")
        with _resolver(router, tmp_path):
            assert _differing(_ask(net, ROUTER, ASKED), wanted) == {}
    _unload(router, tmp_path, rendered, "FORWARD")
    with _resolver(router, tmp_path):
        assert _ask(net, ROUTER, ASKED) == before
    assert _left(router) == saved


def _wanted(before: Mapping[Question, bool], rendered: Rendered, policy: Policy) -> dict[Question, bool]:
    """By name, on the ports that the rules govern; the site's own accept does not help against a refusal."""
    ports = {443, 80}
    by_name = expected(before, rendered, policy, every_port=True)
    return {question: by_name[question] if question[2] in ports else before[question] for question in before}


def _differing(found: Mapping[Question, bool], wanted: Mapping[Question, bool]) -> dict[Question, bool]:
    return {question: answer for question, answer in found.items() if answer != wanted[question]}


HOST_ONLY = [question for question in ASKED if question[0] == HOST]


@pytest.mark.parametrize("name", ["netprobe", "netprobe-other"])
def test_connection_marks_on_a_host_of_their_own(name: str, net: Topology, tmp_path: Path) -> None:
    """A host with its own resolver and a rule of its own: what no name leads to ends, and all comes back."""
    policy, host = Policy(enforce=True, every_client=True, name=name), net.client
    rendered = made("dnsmasq-connmark", policy)
    dropped = "".join(f"-A OUTPUT -d {UPSTREAM.addresses[name]}/32 -j REJECT\n" for name in BLOCKED)
    host.run("iptables-restore", input=_HOST_FILTER.format(dropped))
    saved = _left(host)
    with _resolver(host, tmp_path):
        before = _ask(net, "127.0.0.1", HOST_ONLY)
    assert {True, False} == set(before.values())
    wanted = {(c, n, p): rendered.lowered.admits(n) and (p == 443 or before[c, n, p]) for c, n, p in HOST_ONLY}
    assert {True, False} == set(wanted.values())
    for _ in range(2):
        _load(host, tmp_path, rendered)
        with _resolver(host, tmp_path):
            assert _differing(_ask(net, "127.0.0.1", HOST_ONLY), wanted) == {}
    _unload(host, tmp_path, rendered, "OUTPUT")
    with _resolver(host, tmp_path):
        assert _ask(net, "127.0.0.1", HOST_ONLY) == before
    assert _left(host) == saved
