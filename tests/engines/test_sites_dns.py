"""Resolvers of a site that has clients and rules of its own: a render changes what it says it changes, and no more."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from netprobe.render import Options, Rendered, render
from tests.support import need
from tests.support.render_cases import ORIGIN, endpoint, seen
from tests.support.render_dns import Asker, Upstream, serving
from tests.support.render_engine import Namespace, namespace
from tests.support.running import Told, blocks
from tests.support.site import ALLOWED, ENDPOINTS, FORMS, HOST, Question, holds, made, questions

pytestmark = [pytest.mark.engine, pytest.mark.root]

_NUMBERED = ("ecs-a-*.us-east-2.amazonaws.com", "ecs-t-*.us-east-2.amazonaws.com")
OPTIONS = Options(allow_widening=True, enumerate=True, seen=seen(*_NUMBERED, numbers=(1, 7)))
ASKED = questions(ports=(443,))


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with namespace() as here:
        yield here


class _Resolver(Told):
    """A resolver of a site; without rules every name has an address."""

    old = "NAME/NAME-allow.old"
    asks: Sequence[Question] = ()
    """What it will be asked, so that there are answers."""

    def serve(self, argv: list[str]) -> None:
        """Start it in front of something that knows every name."""
        self.beside(serving(self.space, Upstream(sorted({name for _, name, _ in self.asks}))))
        self.start(argv, Asker().ready)

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
        self.asks = asked
        return super().ask(made, asked)

    def again(self, asked: Sequence[Question]) -> Mapping[Question, bool]:
        return self.space.call(lambda: {q: _resolves(q[0], q[1]) for q in asked})


def _resolves(client: str, name: str) -> bool:
    answer = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", timeout=5, source=client)
    return any(rrset.rdtype == dns.rdatatype.A for rrset in answer.answer)


_PASS = "".join(f"{name} CNAME rpz-passthru.\n" for name in ALLOWED)
_ZONE = "$TTL 60\n@ SOA localhost. root.localhost. 1 3600 600 604800 60\n@ NS localhost.\n"


class Bind(_Resolver):
    """Two policy zones: names that pass, and ``* CNAME .``."""

    target = "rpz-bind"
    denies = True
    _zones: Sequence[str] = ()
    """The policy zones that the running server is to have read anew."""

    def __init__(self, space: Namespace, folder: Path) -> None:
        super().__init__(space, folder, here="/etc/bind", user="bind")
        self.path = folder / "named.conf"
        key = folder / "rndc.key"
        subprocess.run(["rndc-confgen", "-a", "-c", str(key), "-k", "site"], check=True, capture_output=True)
        self.with_configuration("rndc", "-k", str(key), "-s", "127.0.0.1")
        checker = need.engine("named-checkconf")
        self.program("named-checkconf", f'exec {checker} "$@" {self.path}\n')

    def configure(self, made: Rendered | None) -> None:
        for zone, records in (("site.rpz", _PASS), ("site-deny.rpz", "* CNAME .\n")):
            (self.folder / zone).write_text(_ZONE + records, encoding="utf-8")
        own = ["site.rpz", "site-deny.rpz"]
        self._zones, more = own if self.denies else own[:1], ""
        if made is not None:
            # The page: the zone that allows in front of yours, the others behind them.
            self._zones = [f"{made.name}-allow.rpz", *self._zones, *_behind(made)]
            more = f'include "{self.folder}/{made.name}/{made.name}-zones.conf";\n'
        policy = " ".join(f'zone "{zone}" policy given;' for zone in self._zones)
        declared = "".join(f'zone "{z}" {{ type primary; file "{self.folder}/{z}"; }};\n' for z in own)
        self.path.write_text(
            f'include "{self.folder}/rndc.key";\ncontrols {{ inet 127.0.0.1 allow {{ 127.0.0.1; }} '
            f'keys {{ "site"; }}; }};\n'
            f'options {{ directory "{self.folder}"; pid-file "{self.folder}/named.pid"; '
            f'session-keyfile "{self.folder}/key"; listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; '
            "recursion yes; dnssec-validation no; forwarders { 127.0.0.1 port 5300; }; forward only; "
            "allow-query { any; };\n"
            # The tests change a zone more often than once a minute.
            f"response-policy {{ {policy} }} qname-wait-recurse no break-dnssec yes recursive-only no "
            f"min-update-interval 0; }};\n{declared}{more}",
            encoding="utf-8",
        )

    @property
    def reload(self) -> str:
        """Under Load, since another command lets it read a zone that changed."""
        return blocks(self.target, "Load")[2]

    def begin(self) -> None:
        self.serve([str(need.engine("named")), "-g", "-u", "bind", "-n", "1", "-c", str(self.path)])

    def takes(self, script: str) -> None:
        # A new configuration is read with all its zones, a command about one zone with that one.
        zones = self._zones if "reconfig" in script else [f"{self.name}-allow.rpz"]
        words = [f"rpz: {zone}: reload done: success" for zone in zones]
        before = [self.logged(one) for one in words]
        self.type(script, name=self.name)
        self.waits(lambda: all(self.logged(one) > was for one, was in zip(words, before, strict=True)))


class OpenBind(Bind):
    """The same without a zone that denies: everybody resolves everything."""

    denies = False


def _behind(made: Rendered) -> list[str]:
    return [name for name in (f"{made.name}-others.rpz", f"{made.name}-deny.rpz") if name in made.files]


class UnboundRpz(_Resolver):
    """Two rpz clauses of the site's own."""

    target = "rpz-unbound"

    def __init__(self, space: Namespace, folder: Path) -> None:
        super().__init__(space, folder, here="/etc/unbound", user="unbound")
        self.path = folder / "unbound.conf"
        self.with_configuration("unbound-control", "-c", str(self.path))
        self.program("unbound-checkconf", f"exec {need.engine('unbound-checkconf')} {self.path}\n")

    def configure(self, made: Rendered | None) -> None:
        for zone, records in (("site.rpz", _PASS), ("site-deny.rpz", "* CNAME .\n")):
            (self.folder / zone).write_text(_ZONE + records, encoding="utf-8")
        mine = "".join(
            f'rpz:\n  name: "{z}."\n  zonefile: "{self.folder}/{z}"\n' for z in ("site.rpz", "site-deny.rpz")
        )
        # The page: before the first rpz clause of yours.
        include = f'include: "{self.folder}/{made.name}/{made.name}.conf"\n' if made is not None else ""
        self.write(f'server:\n  module-config: "respip iterator"\n{include}{mine}')

    def write(self, rules: str) -> None:
        """The site's own configuration around its rules."""
        self.path.write_text(
            f'server:\n  directory: "{self.folder}"\n  chroot: ""\n  username: "unbound"\n  pidfile: ""\n'
            "  use-syslog: no\n  verbosity: 1\n  num-threads: 1\n  interface: 127.0.0.1\n  do-not-query-localhost: no\n"
            "remote-control:\n  control-enable: yes\n  control-interface: 127.0.0.1\n  control-use-cert: no\n"
            f"server:\n  access-control: 127.0.0.0/8 allow\n{rules}"
            'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@5300\n',
            encoding="utf-8",
        )

    @property
    def reload(self) -> str:
        """Under Load, since another command lets it read a zone that changed."""
        return blocks(self.target, "Load")[2]

    def begin(self) -> None:
        self.serve([str(need.engine("unbound")), "-d", "-c", str(self.path)])

    def taken(self) -> int:
        return self.logged("start of service")

    def takes(self, script: str) -> None:
        if "auth_zone_reload" in script:
            # It answers when it is done.
            self.type(script, name=self.name)
        else:
            super().takes(script)


class Unbound(UnboundRpz):
    """Local zones: all refused, some given back."""

    target = "unbound"
    place = "unbound.conf.d/netprobe.conf"
    old = "NAME.old"

    def __init__(self, space: Namespace, folder: Path) -> None:
        super().__init__(space, folder)
        (folder / "unbound.conf.d").mkdir()

    def configure(self, made: Rendered | None) -> None:
        zones = "".join(f'  local-zone: "{name}." transparent\n' for name in ALLOWED)
        include = f'include: "{self.folder}/unbound.conf.d/{made.name}.conf"\n' if made is not None else ""
        self.write(f'  local-zone: "." refuse\n{zones}{include}')

    @property
    def reload(self) -> str:
        """The second line under Load."""
        return blocks(self.target, "Load")[0].splitlines()[1]


@pytest.mark.parametrize("form", ["additive", "under another name"])
def test_bind_that_denies(form: str, space: Namespace, tmp_path: Path) -> None:
    rendered = made("rpz-bind", FORMS[form], OPTIONS)
    with Bind(space, tmp_path) as site:
        holds(site, rendered, FORMS[form], ASKED, every_port=True)


def test_bind_that_lets_everybody_resolve(space: Namespace, tmp_path: Path) -> None:
    """Enforced for one host: the other client notices nothing."""
    policy = FORMS["enforced for the host"]
    rendered = made("rpz-bind", policy, OPTIONS)
    with OpenBind(space, tmp_path) as site:
        before = site.ask(None, ASKED)
        assert set(before.values()) == {True}
        found = site.ask(rendered, ASKED)
        assert found == {(c, n, p): c != HOST or rendered.lowered.admits(n) or n in ALLOWED for c, n, p in ASKED}
        assert {True, False} == set(found.values())
        assert site.ask(None, ASKED) == before


@pytest.mark.parametrize("form", [form for form in FORMS if form != "enforced on every port"])
def test_unbound_with_policy_zones(form: str, space: Namespace, tmp_path: Path) -> None:
    rendered = made("rpz-unbound", FORMS[form], OPTIONS)
    with UnboundRpz(space, tmp_path) as site:
        holds(site, rendered, FORMS[form], ASKED, every_port=True)


@pytest.mark.parametrize("form", ["additive", "enforced for the host", "under another name"])
def test_unbound_with_local_zones(form: str, space: Namespace, tmp_path: Path) -> None:
    rendered = made("unbound", FORMS[form], OPTIONS)
    with Unbound(space, tmp_path) as site:
        holds(site, rendered, FORMS[form], ASKED, every_port=True)


def _without(name: str) -> bool:
    """Whether a name is said not to exist, as a closed zone says of what it does not hold."""
    answer = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", timeout=5)
    return answer.rcode() == dns.rcode.Rcode.NXDOMAIN


def test_a_zone_that_a_site_has_too_is_found_and_stays_the_site_s_where_it_is_read_last(
    space: Namespace, tmp_path: Path
) -> None:
    """Of two lines for one zone the last counts, with a warning alone; the page says how to see and to mend that."""
    theirs = '  local-zone: "corp.example." static\n  local-data: "printer.corp.example. A 192.0.2.9"\n'
    rendered = render(
        "unbound",
        (endpoint("registry-*.corp.example"), endpoint("ecs.us-east-2.amazonaws.com")),
        origin=ORIGIN,
        options=Options(allow_widening=True),
    )
    ours = tmp_path / "unbound.conf.d/netprobe.conf"
    closed = {}
    with Unbound(space, tmp_path) as site:
        ours.write_text(rendered.main, encoding="utf-8")
        site.asks = [(HOST, "other.corp.example", 443)]
        include = f'include: "{ours}"\n'
        for order, rules in (("alone", include), ("last", theirs + include), ("first", f"{include}server:\n{theirs}")):
            site.write(f"{rules}server:\n")
            told = site.type(blocks("unbound", "Load")[-1], check=False)
            assert ("corp.example" in told) == (order != "alone"), order
            site.begin()
            closed[order] = space.call(lambda: _without("other.corp.example"))
            assert order == "alone" or space.call(lambda: _resolves(HOST, "printer.corp.example"))
            site.end()
    assert closed == {"alone": False, "last": False, "first": True}


_FIRST = "ecs-t-7.us-east-2.amazonaws.com"
"""A name that the second list does not hold."""


@pytest.mark.parametrize("kind", [Bind, UnboundRpz, Unbound])
def test_a_list_is_replaced_and_rolled_back_while_the_resolver_runs(
    kind: type[Bind | UnboundRpz], space: Namespace, tmp_path: Path
) -> None:
    """The old file is older than what the resolver holds, which BIND takes for nothing new unless it is touched."""
    rendered = made(kind.target, FORMS["additive"], OPTIONS)
    part = render(kind.target, ENDPOINTS[:1], origin=ORIGIN, options=OPTIONS, policy=FORMS["additive"])
    with kind(space, tmp_path) as site:
        before, whole = site.ask(None, ASKED), site.ask(rendered, ASKED)
        assert (before[HOST, _FIRST, 443], whole[HOST, _FIRST, 443]) == (False, True)
        assert site.ask(part, ASKED)[HOST, _FIRST, 443] is False
        site.roll_back()
        assert site.again(ASKED) == whole
        assert site.ask(None, ASKED) == before
