"""Resolvers of a site that has clients and rules of its own: a render changes what it says it changes, and no more."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import pytest

from netprobe.render import Options, Rendered
from netprobe.render.model import Policy
from tests.support import need
from tests.support.render_cases import seen
from tests.support.render_dns import Asker, Upstream, serving
from tests.support.render_engine import Namespace, as_user, engine, namespace
from tests.support.site import ALLOWED, HOST, Question, holds, made, questions

pytestmark = [pytest.mark.engine, pytest.mark.root]

SOURCES = (f"{HOST}/32", "2001:db8:5::/48")
FORMS = {
    "additive": Policy(),
    "additive for the host": Policy(sources=SOURCES),
    "enforced for the host": Policy(enforce=True, sources=SOURCES),
    "enforced for everybody": Policy(enforce=True, every_client=True),
    "under another name": Policy(name="netprobe-handoff"),
}
_NUMBERED = ("ecs-a-*.us-east-2.amazonaws.com", "ecs-t-*.us-east-2.amazonaws.com")
OPTIONS = Options(allow_widening=True, enumerate=True, seen=seen(*_NUMBERED, numbers=(1, 7)))
ASKED = questions(ports=(443,))


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with namespace() as here:
        yield here


@dataclasses.dataclass
class _Resolver:
    """A resolver that is started for each round of questions; without rules every name has an address."""

    space: Namespace
    folder: Path

    def ask_all(self, argv: list[str], asked: Sequence[Question]) -> Mapping[Question, bool]:
        upstream = Upstream(sorted({name for _, name, _ in asked}))
        with (
            serving(self.space, upstream),
            engine(argv, space=self.space, ready=Asker().ready, log=self.folder / "out.log"),
        ):
            return self.space.call(lambda: {q: _resolves(q[0], q[1]) for q in asked})

    def put(self, made: Rendered | None, here: str) -> dict[str, str]:
        """The render's files, in the folder in place of the one that they name."""
        written = {}
        for name, text in made.files.items() if made is not None else ():
            written[name] = text.replace(f"{here}/{made.name}" if made else here, str(self.folder))
            (self.folder / name).write_text(written[name], encoding="utf-8")
        return written


def _resolves(client: str, name: str) -> bool:
    answer = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", timeout=5, source=client)
    return any(rrset.rdtype == dns.rdatatype.A for rrset in answer.answer)


_PASS = "".join(f"{name} CNAME rpz-passthru.\n" for name in ALLOWED)
_ZONE = "$TTL 60\n@ SOA localhost. root.localhost. 1 3600 600 604800 60\n@ NS localhost.\n"


class Bind(_Resolver):
    """Two policy zones: names that pass, and ``* CNAME .``."""

    denies = True

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
        self.put(made, "/etc/bind")
        (self.folder / "site.rpz").write_text(_ZONE + _PASS, encoding="utf-8")
        (self.folder / "site-deny.rpz").write_text(_ZONE + "* CNAME .\n", encoding="utf-8")
        zones = ["site.rpz", "site-deny.rpz"]
        policy = (
            [f'zone "{zone}" policy given;' for zone in zones] if self.denies else ['zone "site.rpz" policy given;']
        )
        more = ""
        if made is not None:
            # The header: the zone that allows in front of yours, the others behind them.
            order = [f'zone "{made.name}-allow.rpz" policy given;', *policy]
            order += [f'zone "{name}" policy given;' for name in _behind(made)]
            policy = order
            more = f'include "{self.folder}/{made.name}-zones.conf";\n'
        path = self.folder / "named.conf"
        own = "".join(f'zone "{z}" {{ type primary; file "{self.folder}/{z}"; }};\n' for z in zones)
        path.write_text(
            f'options {{ directory "{self.folder}"; pid-file "{self.folder}/named.pid"; '
            f'session-keyfile "{self.folder}/key"; listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; '
            "recursion yes; dnssec-validation no; forwarders { 127.0.0.1 port 5300; }; forward only; "
            "allow-query { any; };\n"
            f"response-policy {{ {' '.join(policy)} }} qname-wait-recurse no break-dnssec yes recursive-only no; }};\n"
            f"{own}{more}controls {{ }};\n",
            encoding="utf-8",
        )
        as_user(self.folder, "bind")
        return self.ask_all([str(need.engine("named")), "-g", "-u", "bind", "-n", "1", "-c", str(path)], asked)


class OpenBind(Bind):
    """The same without a zone that denies: everybody resolves everything."""

    denies = False


def _behind(made: Rendered) -> list[str]:
    return [name for name in (f"{made.name}-others.rpz", f"{made.name}-deny.rpz") if name in made.files]


class UnboundRpz(_Resolver):
    """Two rpz clauses of the site's own."""

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
        self.put(made, "/etc/unbound")
        (self.folder / "site.rpz").write_text(_ZONE + _PASS, encoding="utf-8")
        (self.folder / "site-deny.rpz").write_text(_ZONE + "* CNAME .\n", encoding="utf-8")
        mine = "".join(
            f'rpz:\n  name: "{z}."\n  zonefile: "{self.folder}/{z}"\n' for z in ("site.rpz", "site-deny.rpz")
        )
        # The header: before your first rpz clause.
        include = f'include: "{self.folder}/{made.name}.conf"\n' if made is not None else ""
        return self.unbound(f'server:\n  module-config: "respip iterator"\n{include}{mine}', asked)

    def unbound(self, rules: str, asked: Sequence[Question]) -> Mapping[Question, bool]:
        path = self.folder / "unbound.conf"
        path.write_text(
            f'server:\n  directory: "{self.folder}"\n  chroot: ""\n  username: "unbound"\n  pidfile: ""\n'
            "  use-syslog: no\n  verbosity: 1\n  num-threads: 1\n  interface: 127.0.0.1\n  do-not-query-localhost: no\n"
            f"  access-control: 127.0.0.0/8 allow\n{rules}"
            'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@5300\n',
            encoding="utf-8",
        )
        as_user(self.folder, "unbound")
        return self.ask_all([str(need.engine("unbound")), "-d", "-c", str(path)], asked)


class Unbound(UnboundRpz):
    """Local zones: all refused, some given back."""

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
        self.put(made, "/etc/unbound")
        zones = "".join(f'  local-zone: "{name}." transparent\n' for name in ALLOWED)
        include = f'include: "{self.folder}/{made.name}.conf"\n' if made is not None else ""
        return self.unbound(f'  local-zone: "." refuse\n{zones}{include}', asked)


@pytest.mark.parametrize("form", ["additive", "under another name"])
def test_bind_that_denies(form: str, space: Namespace, tmp_path: Path) -> None:
    rendered = made("rpz-bind", FORMS[form], OPTIONS)
    holds(Bind(space, tmp_path), rendered, FORMS[form], ASKED, every_port=True)


def test_bind_that_lets_everybody_resolve(space: Namespace, tmp_path: Path) -> None:
    """Enforced for one host: the other client notices nothing."""
    policy = FORMS["enforced for the host"]
    rendered = made("rpz-bind", policy, OPTIONS)
    site = OpenBind(space, tmp_path)
    before = site.ask(None, ASKED)
    assert set(before.values()) == {True}
    found = site.ask(rendered, ASKED)
    assert found == {(c, n, p): c != HOST or rendered.lowered.admits(n) or n in ALLOWED for c, n, p in ASKED}
    assert {True, False} == set(found.values())
    assert site.ask(None, ASKED) == before


@pytest.mark.parametrize("form", FORMS)
def test_unbound_with_policy_zones(form: str, space: Namespace, tmp_path: Path) -> None:
    rendered = made("rpz-unbound", FORMS[form], OPTIONS)
    holds(UnboundRpz(space, tmp_path), rendered, FORMS[form], ASKED, every_port=True)


@pytest.mark.parametrize("form", ["additive", "enforced for the host", "under another name"])
def test_unbound_with_local_zones(form: str, space: Namespace, tmp_path: Path) -> None:
    rendered = made("unbound", FORMS[form], OPTIONS)
    holds(Unbound(space, tmp_path), rendered, FORMS[form], ASKED, every_port=True)
