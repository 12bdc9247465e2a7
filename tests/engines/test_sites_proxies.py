"""Proxies of a site that has clients and rules of its own: a render changes what it says it changes, and no more."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import trustme
import yaml

from netprobe.render import Options, Rendered, render, targets
from netprobe.render.model import Policy
from tests.support import need, squids
from tests.support.render_cases import ORIGIN, endpoint
from tests.support.render_engine import Namespace, as_user, engine, listens, namespace, until
from tests.support.render_sni import ORIGIN as ORIGIN_ADDRESS
from tests.support.render_sni import client_hello, echo, internet, passes, says
from tests.support.running import Told, blocks
from tests.support.site import ALLOWED, BLOCKED, ENDPOINTS, FORMS, HOST, OTHER, Question, holds, made, questions

pytestmark = [pytest.mark.engine, pytest.mark.root]


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with namespace() as here:
        yield here


@pytest.fixture(scope="module")
def outside() -> Iterator[Namespace]:
    """A namespace with another side, for what connects there."""
    with namespace() as here, internet(here, (443,)):
        yield here


PATIENCE = 20.0
"""Seconds in which a proxy must listen again that reads its configuration anew."""


def _status(client: str, name: str, port: int, proxy: int) -> bool:
    """Whether a proxy's rules let a client through, which a connection that gets no answer does not say."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return _status_now(client, name, port, proxy)
        except (ConnectionRefusedError, ConnectionResetError):
            # Squid closes its port and opens it again; Privoxy resets a connection now and then on a busy machine.
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _status_now(client: str, name: str, port: int, proxy: int) -> bool:
    """Ask once: CONNECT, but GET on port 80; 403 is a no."""
    request = f"CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n"
    if port == 80:
        request = f"GET http://{name}/ HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", proxy), timeout=10, source_address=(client, 0)) as sock:
        sock.settimeout(20)
        sock.sendall(request.encode())
        status = int(sock.recv(4096).split(b"\r\n")[0].split()[1])
    assert status in (403, 404, 500, 502, 503, 504), (client, name, port, status)
    return status != 403


class _Asked:
    """A site whose engine is started for each round of questions."""

    def __init__(self, space: Namespace, folder: Path) -> None:
        self.space, self.folder = space, folder

    def connect(self, argv: list[str], proxy: int, asked: Sequence[Question]) -> Mapping[Question, bool]:
        with engine(argv, space=self.space, ready=listens(proxy), log=self.folder / "out.log"):
            return self.space.call(lambda: {q: _status(*q, proxy) for q in asked})


class Squid(Told):
    """With Debian's ports, a list of what is good, one of what is not, and ``deny all``."""

    target = "squid"
    ways = "never_direct allow all\n"
    """It goes nowhere: what is admitted gets 503, what is not 403."""

    def __init__(self, space: Namespace, folder: Path) -> None:
        super().__init__(space, folder, here="/etc/squid", user="proxy")
        self.path = folder / "squid.conf"
        self.with_configuration("squid", "-f", str(self.path))

    def configure(self, made: Rendered | None) -> None:
        # The page: before the first http_access line.
        told = blocks("squid", "Load")[1].replace(
            "/etc/squid/netprobe/netprobe", f"{self.folder}/{self.name}/{self.name}"
        )
        include = told if made is not None else ""
        self.path.write_text(
            f"http_port 127.0.0.1:3128\npid_filename {self.folder}/squid.pid\ncoredump_dir {self.folder}\n"
            f"cache_log {self.folder}/cache.log\naccess_log none\ncache deny all\ndns_nameservers 127.0.0.1\n"
            f"dns_timeout 1 second\nhosts_file none\n{self.ways}shutdown_lifetime 0 seconds\n"
            "visible_hostname proxy.test\nacl localnet src 127.0.0.0/8\nacl SSL_ports port 443\n"
            "acl Safe_ports port 80 443\nacl CONNECT method CONNECT\n"
            f"acl blocked dstdomain {' '.join(BLOCKED)}\nacl good dstdomain {' '.join(ALLOWED)}\n"
            f"{include}"
            "http_access deny !Safe_ports\nhttp_access deny CONNECT !SSL_ports\nhttp_access deny blocked\n"
            "http_access allow localnet good\nhttp_access deny all\n",
            encoding="utf-8",
        )
        if made is not None and self.runs:
            assert self.type(blocks("squid", "Verify")[0], check=False) == "", "the page: it must print nothing"

    def begin(self) -> None:
        self.start(squids.foreground(need.engine("squid"), self.path), listens(3128))

    def taken(self) -> int:
        return self.logged("Accepting HTTP Socket connections", "cache.log")

    def again(self, asked: Sequence[Question]) -> Mapping[Question, bool]:
        return self.space.call(lambda: {q: _status(*q, 3128) for q in asked})


class Tinyproxy(_Asked):
    """With a list of what is allowed; there is no include, so lines are added to it."""

    port = 8888
    names = "site.filter"
    """The file that the page renames."""

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
        return self.connect(self.configured(made), self.port, asked)

    def configured(self, made: Rendered | None) -> list[str]:
        """Write the site's configuration, and give the command that starts it."""
        lines = "".join(f"^{name.replace('.', '[.]')}$\n" for name in ALLOWED)
        path = self.folder / "tinyproxy.conf"
        (self.folder / "site.filter").write_text(lines + (made.main if made else ""), encoding="utf-8")
        path.write_text(
            "User tinyproxy\nGroup tinyproxy\nPort 8888\nListen 127.0.0.1\nAllow 127.0.0.0/8\nMaxClients 200\n"
            f'Filter "{self.folder}/site.filter"\nFilterDefaultDeny Yes\nFilterType ere\nConnectPort 443\n',
            encoding="utf-8",
        )
        if made is not None and "tinyproxy.conf" in made.files:
            for name, text in made.files.items():
                told = text.replace("/etc/tinyproxy", str(self.folder)).replace("Allow 127.0.0.1", "Allow 127.0.0.0/8")
                (self.folder / name).write_text(told, encoding="utf-8")
        as_user(self.folder, "tinyproxy")
        return [str(need.engine("tinyproxy")), "-d", "-c", str(path)]


class Privoxy(_Asked):
    """With an actions file that blocks everything but what is good."""

    port = 8118
    names = "netprobe.action"

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
        return self.connect(self.configured(made), self.port, asked)

    def configured(self, made: Rendered | None) -> list[str]:
        """Write the site's configuration, and give the command that starts it."""
        good = "\n".join(ALLOWED)
        (self.folder / "site.action").write_text(f"{{ +block{{site}} }}\n/\n{{ -block }}\n{good}\n", encoding="utf-8")
        mine = ""
        if made is not None:
            (self.folder / f"{made.name}.action").write_text(made.main, encoding="utf-8")
            mine = f"actionsfile {made.name}.action\n"
        path = self.folder / "config"
        path.write_text(
            f"confdir {self.folder}\nlogdir {self.folder}\nlogfile logfile\nlisten-address 127.0.0.1:8118\n"
            # The header: the last actionsfile.
            f"actionsfile site.action\n{mine}toggle 1\nenforce-blocks 1\nenable-remote-toggle 0\n",
            encoding="utf-8",
        )
        if not (self.folder / "templates").exists():
            (self.folder / "templates").symlink_to("/etc/privoxy/templates")
        as_user(self.folder, "privoxy")
        return [str(need.engine("privoxy")), "--no-daemon", "--user", "privoxy", str(path)]


@pytest.mark.parametrize("form", FORMS)
def test_squid(form: str, space: Namespace, tmp_path: Path) -> None:
    rendered = made("squid", FORMS[form])
    with Squid(space, tmp_path) as site:
        holds(site, rendered, FORMS[form], questions())


def test_a_required_mirror_on_port_80_is_fetched_through_squid(space: Namespace, tmp_path: Path) -> None:
    asked = [(HOST, "archive.example.com", 80), (HOST, "archive.example.com", 443)]
    with Squid(space, tmp_path) as site:
        assert list(site.ask(None, asked).values()) == [False, False]
        assert list(site.ask(made("squid", Policy()), asked).values()) == [True, False]


def test_a_handoff_beside_a_whole_list_takes_nothing_away(space: Namespace, tmp_path: Path) -> None:
    """The part that was blocked, in front of the whole list that is there already: no name, no file stands for both."""
    whole = made("squid", Policy())
    part = render(
        "squid",
        (endpoint("ssm.us-east-2.amazonaws.com"),),
        origin=ORIGIN,
        options=Options(),
        policy=Policy(name="netprobe-handoff"),
    )
    acls = [{line.split()[1] for line in one.main.splitlines() if line.startswith("acl ")} for one in (whole, part)]
    assert not acls[0] & acls[1]
    both = dataclasses.replace(whole, fill=lambda file: part.main + whole.main)
    asked = [*questions((HOST,), (443,)), (HOST, "ssm.us-east-2.amazonaws.com", 443)]
    with Squid(space, tmp_path) as site:
        alone = site.ask(whole, asked)
        assert not alone[asked[-1]]
        assert site.ask(both, asked) == {**alone, asked[-1]: True}


@pytest.mark.parametrize("form", ["additive", "enforced for everybody", "under another name"])
def test_tinyproxy(form: str, space: Namespace, tmp_path: Path) -> None:
    """It binds no name to a port, which its losses tell: on 8443 ConnectPort decides, on 80 the list does."""
    rendered = made("tinyproxy", FORMS[form])
    asked = questions(ports=(443, 80))
    policy = FORMS[form]
    holds(Tinyproxy(space, tmp_path), rendered, policy, asked, every_port=True)


@pytest.mark.parametrize("form", ["additive", "enforced for everybody", "under another name"])
def test_privoxy(form: str, space: Namespace, tmp_path: Path) -> None:
    holds(Privoxy(space, tmp_path), made("privoxy", FORMS[form]), FORMS[form], questions())


@pytest.mark.parametrize("kind", [Tinyproxy, Privoxy])
def test_a_list_that_is_renamed_into_place_is_read_by_a_running_proxy(
    kind: type[Tinyproxy | Privoxy], space: Namespace, tmp_path: Path
) -> None:
    """Replace and Roll back of the page: Privoxy reads it by itself, tinyproxy by SIGUSR1, which a bad line ends."""
    target = kind.__name__.lower()
    asked = questions((HOST,), (443,))
    site = kind(space, tmp_path)
    texts = {}
    for name, rendered in (("part", _first_only(target)), ("whole", made(target, Policy()))):
        argv = site.configured(rendered)
        texts[name] = (tmp_path / kind.names).read_text(encoding="utf-8")

    def answers() -> Mapping[Question, bool]:
        return space.call(lambda: {q: _status(*q, kind.port) for q in asked})

    with engine(argv, space=space, ready=listens(kind.port), log=tmp_path / "out.log") as process:
        by_whole = answers()

        def rename(text: str, age: float) -> None:
            new = tmp_path / "new"
            new.write_text(text, encoding="utf-8")
            os.utime(new, (time.time() - age, time.time() - age))
            as_user(tmp_path, target)
            new.rename(tmp_path / kind.names)
            if kind is Tinyproxy:
                process.send_signal(signal.SIGUSR1)

        rename(texts["part"], age=50)
        lost = (HOST, "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com", 443)
        assert by_whole[lost]
        until(lambda: not answers()[lost])
        assert {q for q, said in by_whole.items() if said != answers()[q]} >= {lost}
        rename(texts["whole"], age=100)
        until(lambda: answers() == by_whole)
        if kind is Tinyproxy:
            rename(f"{texts['whole']}^(ecs[$\n", age=10)
            assert process.wait(10) != 0


class Haproxy(Told):
    """A frontend that reads the server name, with an ACL of its own and ``reject`` for the rest."""

    target = "haproxy"

    def __init__(self, space: Namespace, folder: Path) -> None:
        super().__init__(space, folder, here="/etc/haproxy", user="haproxy")
        self.path = folder / "haproxy.cfg"
        self.unit("haproxy", {"$CONFIG": str(self.path), "$EXTRAOPTS": ""})

    def change(self, text: str) -> str:
        """The namespace's own resolver."""
        return text.replace("parse-resolv-conf", "nameserver test 127.0.0.1:53")

    def configure(self, made: Rendered | None) -> None:
        lines = end = ""
        if made is not None:
            # The page: behind inspect-delay, before the first content line; the other at the end.
            place = self.folder / self.name
            lines = (place / f"{self.name}-frontend.cfg").read_text(encoding="utf-8")
            end = (place / f"{self.name}.cfg").read_text(encoding="utf-8")
        self.path.write_text(
            "resolvers site\n    nameserver test 127.0.0.1:53\n"
            "defaults site\n    mode tcp\n    timeout connect 10s\n    timeout client 1m\n    timeout server 1m\n"
            "frontend site from site\n    bind 127.0.0.1:443\n    tcp-request inspect-delay 5s\n"
            f"{lines}"
            f"    acl good req.ssl_sni -i {' '.join(ALLOWED)}\n    tcp-request content reject if !good\n"
            "    tcp-request content do-resolve(txn.site,site,ipv4) req.ssl_sni,lower\n"
            "    tcp-request content set-dst var(txn.site)\n    tcp-request content set-dst-port int(443)\n"
            "    tcp-request content accept\n    default_backend site_out\n"
            f"backend site_out from site\n    server out 0.0.0.0:0\n{end}",
            encoding="utf-8",
        )

    def begin(self) -> None:
        # As Debian's unit starts it.
        self.start([str(need.engine("haproxy")), "-Ws", "-f", str(self.path)], listens(443))

    def taken(self) -> int:
        return self.logged("Proxy site stopped")

    def again(self, asked: Sequence[Question]) -> Mapping[Question, bool]:
        return self.space.call(lambda: _hellos_now(asked))


class Nginx(Told):
    """A stream block with a map of its own."""

    target = "nginx-stream"

    def __init__(self, space: Namespace, folder: Path) -> None:
        super().__init__(space, folder, here="/etc/nginx", user="www-data")
        self.path = folder / "nginx.conf"
        self.with_configuration("nginx", "-c", str(self.path))
        self.unit("nginx", {"/usr/sbin/nginx": "nginx"})

    def configure(self, made: Rendered | None) -> None:
        told = blocks("nginx-stream", "Load")[0]
        include = told.replace("/etc/nginx/netprobe/netprobe", f"{self.folder}/{self.name}/{self.name}")
        # The header: a name that both list must go out of one of them.
        mine = [name for name in ALLOWED if made is None or f'"{name}"' not in made.main]
        names = "".join(f"{name} $ssl_preread_server_name:443;\n" for name in mine)
        self.path.write_text(
            "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\nworker_processes 1;\n"
            f"pid {self.folder}/nginx.pid;\nerror_log {self.folder}/error.log notice;\nevents {{ }}\n"
            "stream {\nresolver 127.0.0.1 ipv6=off;\nmap_hash_bucket_size 128;\n"
            f'map $ssl_preread_server_name $site {{\ndefault "";\n{names}{include if made is not None else ""}}}\n'
            "server { listen 127.0.0.1:443; ssl_preread on; proxy_pass $site; }\n}\n",
            encoding="utf-8",
        )

    def begin(self) -> None:
        in_front = "daemon off; master_process on;"
        self.start([str(need.engine("nginx")), "-c", str(self.path), "-g", in_front], listens(443))

    def taken(self) -> int:
        return self.logged("gracefully shutting down", "error.log")

    def again(self, asked: Sequence[Question]) -> Mapping[Question, bool]:
        return self.space.call(lambda: _hellos_now(asked))


def _hellos_now(asked: Sequence[Question], address: str = "127.0.0.1") -> dict[Question, bool]:
    return {(c, n, p): passes(client_hello(n), p, address, source=c) for c, n, p in asked}


def _hellos(
    site: _Asked, argv: list[str], asked: Sequence[Question], address: str = "127.0.0.1", ready: int = 443
) -> Mapping[Question, bool]:
    with engine(argv, space=site.space, ready=listens(ready), log=site.folder / "out.log"):
        return site.space.call(lambda: _hellos_now(asked, address))


class Splice(Told):
    """A Squid to which a gateway leads every client's connections: it peeks, splices what is good, ends the rest."""

    target = "squid-splice"
    old = "NAME/NAME-splice.old"

    def __init__(self, space: Namespace, folder: Path) -> None:
        super().__init__(space, folder, here="/etc/squid", user="proxy")
        self.path = folder / "squid.conf"
        self.with_configuration("squid", "-f", str(self.path))

    def configure(self, made: Rendered | None) -> None:
        additive = enforced = ""
        (self.folder / "any.pem").write_bytes(_certificate())
        if made is not None:
            include = f"include {self.folder}/{made.name}/{made.name}-splice.conf\n"
            enforced = include if "https_port" in made.main else ""
            additive = "" if enforced else include
            (self.folder / made.name / "any.pem").write_bytes(_certificate())
        port = f"intercept ssl-bump generate-host-certificates=off tls-cert={self.folder}/any.pem"
        self.path.write_text(
            f"http_port 127.0.0.1:3128\nhttps_port 3129 {port}\npid_filename {self.folder}/squid.pid\n"
            f"coredump_dir {self.folder}\ncache_log {self.folder}/cache.log\naccess_log none\ncache deny all\n"
            "dns_nameservers 127.0.0.1\nhosts_file none\nshutdown_lifetime 0 seconds\nvisible_hostname proxy.test\n"
            f"acl localnet src 127.0.0.0/8\nacl good ssl::server_name {' '.join(ALLOWED)}\nacl first at_step SslBump1\n"
            # The page: before the first http_access and ssl_bump line; what only allows before the first ssl_bump.
            f"{enforced}http_access allow localnet CONNECT\nhttp_access deny all\n"
            f"{additive}ssl_bump peek first\nssl_bump splice good\nssl_bump terminate all\n",
            encoding="utf-8",
        )
        self._ports = 3 if enforced else 2
        self._lead(bool(enforced))

    def begin(self) -> None:
        self.start(squids.foreground(need.engine("squid"), self.path), lambda: self.taken() == self._ports)

    def taken(self) -> int:
        return self.logged("Accepting ", "cache.log")

    def takes(self, script: str) -> None:
        # Every port is opened anew.
        before = self.taken()
        self.type(script, name=self.name)
        self.waits(lambda: self.taken() == before + self._ports)

    def again(self, asked: Sequence[Question]) -> Mapping[Question, bool]:
        return self.space.call(lambda: _hellos_now(asked, ORIGIN_ADDRESS))

    def _lead(self, enforced: bool) -> None:
        """The site's redirect, and in front of it the one that the page tells, here for what this machine sends."""
        hook = "type nat hook output priority -100"
        own = f"{hook}; ip daddr {ORIGIN_ADDRESS} meta skuid != proxy tcp dport 443 redirect to :3129"
        self.space.run("nft", "-f", "-", input=f"flush ruleset\ntable ip site {{ chain every {{ {own}; }}; }}\n")
        for line in _redirect_told("squid-splice", "proxy") if enforced else ():
            self.space.run("sh", "-c", line)


def _redirect_told(target: str, user: str) -> list[str]:
    """The page's commands, for the host of this test and for packets that this machine sends itself."""
    lines = [line.strip() for line in targets.page(target).splitlines()]
    told = [line for line in lines if line.startswith("nft add ") or line.startswith("nft 'add ")]
    assert len(told) == 3
    local = f"ip daddr {ORIGIN_ADDRESS} meta skuid != {user} ip saddr {HOST}"
    here = [line.replace("hook prerouting priority dstnat - 1", "hook output priority -101") for line in told]
    made = [line.replace("iifname LAN ip saddr 192.0.2.0/24", local) for line in here]
    assert local in made[-1], "a redirect without a source is for everybody"
    return made


@functools.cache
def _certificate() -> bytes:
    return bytes(trustme.CA().issue_cert("site.test").private_key_and_cert_chain_pem.bytes())


@pytest.mark.parametrize("form", ["additive", "additive for the host", "enforced for the host", "under another name"])
def test_squid_for_redirected_connections(form: str, outside: Namespace, tmp_path: Path) -> None:
    need.engine("nft")
    asked = questions(ports=(443,))
    try:
        with Splice(outside, tmp_path) as site:
            holds(site, made("squid-splice", FORMS[form]), FORMS[form], asked)
    finally:
        outside.run("nft", "flush", "ruleset")


class Envoy(_Asked):
    """A listener with a network filter RBAC that has a policy of its own."""

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
        names = [{"requested_server_name": {"exact": name}} for name in ALLOWED]
        policies = {"site": {"principals": [{"any": True}], "permissions": names}}
        if made is not None:
            # The header: under "policies", beside yours.
            policies.update(yaml.safe_load(made.main))
        path = self.folder / "envoy.yaml"
        path.write_text(yaml.safe_dump(_envoy(policies)), encoding="utf-8")
        return _hellos(self, _envoy_argv(path), asked)


def _envoy_argv(path: Path) -> list[str]:
    told = ["--disable-hot-restart", "--concurrency", "1", "-l", "warning", "-c", str(path)]
    return [str(need.engine("envoy")), *told]


_API = "type.googleapis.com/envoy.extensions"
_CACHE = {
    "name": "site",
    "dns_lookup_family": "V4_ONLY",
    "typed_dns_resolver_config": {
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": {
            "@type": f"{_API}.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [{"socket_address": {"address": "127.0.0.1", "port_value": 53}}],
        },
    },
}
"""The namespace's own resolver."""


def _envoy(policies: object) -> dict[str, object]:
    """A bootstrap around one RBAC filter."""
    network = f"{_API}.filters.network"
    filters = [
        ("rbac", {"@type": f"{network}.rbac.v3.RBAC", "stat_prefix": "site", "rules": {"policies": policies}}),
        (
            "sni_dynamic_forward_proxy",
            {
                "@type": f"{network}.sni_dynamic_forward_proxy.v3.FilterConfig",
                "port_value": 443,
                "dns_cache_config": _CACHE,
            },
        ),
        ("tcp_proxy", {"@type": f"{network}.tcp_proxy.v3.TcpProxy", "stat_prefix": "site", "cluster": "site"}),
    ]
    chain = {"filters": [{"name": f"envoy.filters.network.{n}", "typed_config": told} for n, told in filters]}
    inspector = {"@type": f"{_API}.filters.listener.tls_inspector.v3.TlsInspector"}
    cluster = {"@type": f"{_API}.clusters.dynamic_forward_proxy.v3.ClusterConfig", "dns_cache_config": _CACHE}
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "site",
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": 443}},
                    "listener_filters": [{"name": "tls_inspector", "typed_config": inspector}],
                    "filter_chains": [chain],
                }
            ],
            "clusters": [
                {
                    "name": "site",
                    "lb_policy": "CLUSTER_PROVIDED",
                    "cluster_type": {"name": "envoy.clusters.dynamic_forward_proxy", "typed_config": cluster},
                }
            ],
        }
    }


@pytest.mark.parametrize("form", ["additive", "additive for the host", "under another name"])
def test_envoy(form: str, outside: Namespace, tmp_path: Path) -> None:
    """The policies are bound to a port of their own, so they are asked on 443 alone here."""
    asked = questions(ports=(443,))
    holds(Envoy(outside, tmp_path), made("envoy", FORMS[form]), FORMS[form], asked)


def test_an_envoy_that_enforces_lets_other_clients_go_where_they_want(outside: Namespace, tmp_path: Path) -> None:
    rendered = made("envoy", FORMS["enforced for the host"])
    told = yaml.safe_load(rendered.main.replace("address: 0.0.0.0,", "address: 127.0.0.1,"))
    _resolve_here(told)
    path = tmp_path / "envoy.yaml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    asked = questions(ports=(443,))
    found = _hellos(_Asked(outside, tmp_path), _envoy_argv(path), asked)
    assert found == {(c, n, p): c == OTHER or rendered.lowered.admits(n, p) for c, n, p in asked}


def _resolve_here(node: object) -> None:
    """Give every DNS cache the namespace's own resolver."""
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for value in values:
        _resolve_here(value)
    if isinstance(node, dict) and "dns_cache_config" in node:
        node["dns_cache_config"].update(_CACHE, name=node["dns_cache_config"]["name"])


@pytest.mark.parametrize("form", ["additive", "additive for the host", "under another name"])
def test_haproxy(form: str, outside: Namespace, tmp_path: Path) -> None:
    asked = questions(ports=(443,))
    with Haproxy(outside, tmp_path) as site:
        holds(site, made("haproxy", FORMS[form]), FORMS[form], asked)


@pytest.mark.parametrize("form", ["additive", "under another name"])
def test_nginx(form: str, outside: Namespace, tmp_path: Path) -> None:
    asked = questions(ports=(443,))
    with Nginx(outside, tmp_path) as site:
        holds(site, made("nginx-stream", FORMS[form]), FORMS[form], asked)


@pytest.mark.parametrize("target", ["haproxy", "nginx-stream"])
def test_a_listener_that_enforces_lets_other_clients_go_where_they_want(
    target: str, outside: Namespace, tmp_path: Path
) -> None:
    """It is a listener of its own: whoever is led there and is not a host gets what he asks for."""
    rendered = made(target, FORMS["enforced for the host"])
    asked = questions(ports=(443,))
    with _listening(target, rendered, outside, tmp_path):
        found = outside.call(lambda: _hellos_now(asked))
    assert {client: None for client, _, _ in asked} == {HOST: None, OTHER: None}
    assert found == {(c, n, p): c == OTHER or rendered.lowered.admits(n, p) for c, n, p in asked}


@pytest.mark.parametrize("target", ["haproxy", "nginx-stream"])
def test_the_redirect_of_the_page_leads_the_hosts_there_and_no_others(
    target: str, outside: Namespace, tmp_path: Path
) -> None:
    """With a listener that is for everybody: whom the redirect leaves alone never meets it."""
    need.engine("nft")
    rendered = made(target, Policy(enforce=True, every_client=True))
    asked = questions(ports=(443,))
    try:
        with _listening(target, rendered, outside, tmp_path):
            for line in _redirect_told(target, "nobody"):
                outside.run("sh", "-c", line)
            found = outside.call(lambda: _hellos_now(asked, ORIGIN_ADDRESS))
    finally:
        outside.run("nft", "flush", "ruleset")
    assert found == {(c, n, p): c == OTHER or rendered.lowered.admits(n, p) for c, n, p in asked}


@contextlib.contextmanager
def _listening(target: str, rendered: Rendered, space: Namespace, folder: Path) -> Iterator[None]:
    """A listener of its own, as its page loads it."""
    text = rendered.main.replace("parse-resolv-conf", "nameserver test 127.0.0.1:53")
    text = text.replace("bind :443\n", "bind 127.0.0.1:443\n").replace("listen 443;", "listen 127.0.0.1:443;")
    path = folder / "own.cfg"
    argv = [str(need.engine("haproxy")), "-db", "-f", str(path)]
    if target == "nginx-stream":
        argv = [str(need.engine("nginx")), "-c", str(path), "-g", "daemon off; master_process on;"]
        own = (
            "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\nworker_processes 1;\n"
            f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log notice;\nevents {{ }}\n"
        )
        # It runs without the include at first: the page lets a running nginx read it.
        path.write_text(own, encoding="utf-8")
        as_user(folder, "www-data")
        with engine(argv, space=space, ready=(folder / "nginx.pid").exists, log=folder / "out.log"):
            path.write_text(own + text, encoding="utf-8")
            space.run("nginx", "-c", str(path), "-t")
            space.run("nginx", "-c", str(path), "-s", "reload")
            until(lambda: space.call(listens(443)))
            yield
        return
    path.write_text(text, encoding="utf-8")
    as_user(folder, "haproxy")
    with engine(argv, space=space, ready=listens(443), log=folder / "out.log"):
        yield


class DirectSquid(Squid):
    """The same, with a way out."""

    ways = ""


RUNNING: dict[str, Callable[[Namespace, Path], Told]] = {"squid": Squid, "haproxy": Haproxy, "nginx-stream": Nginx}
_BROKEN = {
    "squid": ("netprobe.conf", "acl netprobe_x no_such_type x\n"),
    "haproxy": ("allow.regex", "^(ecs[$\n"),
    "nginx-stream": ("netprobe.conf", '"~*^(ecs[$" x;\n'),
}
"""What no engine takes, at the end of one of its files."""


def _first_only(target: str) -> Rendered:
    return render(target, ENDPOINTS[2:3], origin=ORIGIN, options=Options(), policy=Policy())


@pytest.mark.parametrize("target", RUNNING)
def test_a_list_is_replaced_and_rolled_back_while_the_engine_runs(
    target: str, outside: Namespace, tmp_path: Path
) -> None:
    """Another list, the way back, and one with a mistake, which leaves the old one in force."""
    whole, part = made(target, Policy()), _first_only(target)
    asked = questions((HOST,), (443,))
    with RUNNING[target](outside, tmp_path) as site:
        by_whole, by_part = site.ask(whole, asked), site.ask(part, asked)
        lost = {question for question in asked if by_whole[question] and not by_part[question]}
        assert {name for _, name, _ in lost} >= {"prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"}
        site.roll_back()
        assert site.again(asked) == by_whole
        site.rendered(whole, site.change)
        file, mistake = _BROKEN[target]
        path = tmp_path / "rendered" / file
        path.write_text(path.read_text(encoding="utf-8") + mistake, encoding="utf-8")
        before = site.taken()
        site.type(blocks(target, "Replace")[0], check=False)
        assert site.again(asked) == by_whole
        assert site.taken() == before


def _session(target: str, name: str) -> socket.socket:
    """A connection through the engine that is open, and shown to be."""
    port = 3128 if target == "squid" else 443
    sock = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(HOST, 0))
    with contextlib.ExitStack() as unless_it_opens:
        unless_it_opens.callback(sock.close)
        _opens(sock, target, name)
        unless_it_opens.pop_all()
    return sock


def _opens(sock: socket.socket, target: str, name: str) -> None:
    if target == "squid":
        sock.sendall(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
        answer = sock.recv(4096)
        assert answer.split(b" ")[1] == b"200", answer
    says(sock, client_hello(name))


@pytest.mark.parametrize("target", RUNNING)
def test_sessions_that_are_open_survive_a_load_a_replacement_and_the_way_back(target: str, tmp_path: Path) -> None:
    """Header and page say so: one that the site allows, and one that only the render allows, even once it is gone."""
    listed = "ecs-t-7.us-east-2.amazonaws.com"
    kind = DirectSquid if target == "squid" else RUNNING[target]
    with namespace() as space, internet(space, ()), echo(space), kind(space, tmp_path) as site:
        site.put(None)
        ours = space.call(lambda: _session(target, "www.example.org"))
        site.put(made(target, Policy()))
        theirs = space.call(lambda: _session(target, listed))
        steps: list[Callable[[], None]] = [
            lambda: site.put(_first_only(target)),
            site.roll_back,
            lambda: site.put(None),
        ]
        for step in steps:
            step()
            says(ours, b"still here\n")
            says(theirs, b"so am I\n")
        with pytest.raises((AssertionError, ConnectionError)):
            space.call(lambda: _session(target, listed))
        site.end()
        with contextlib.suppress(ConnectionError):
            assert ours.recv(1) == b"", "a restart ends them"
        ours.close()
        theirs.close()


def _opened(name: str) -> bool:
    try:
        _session("envoy", name).close()
    except (AssertionError, ConnectionError):
        return False
    return True


def test_envoy_takes_policies_that_are_renamed_into_place_without_a_restart(tmp_path: Path) -> None:
    """A listener of a file of its own (dynamic resources), as the page tells: forth, back, and with a mistake."""
    listed = "ecs-t-7.us-east-2.amazonaws.com"
    named = [{"requested_server_name": {"exact": name}} for name in ALLOWED]
    own: dict[str, object] = {"site": {"principals": [{"any": True}], "permissions": named}}
    resources = _envoy(own)["static_resources"]
    assert isinstance(resources, dict)
    place = tmp_path / "listeners.yaml"
    bootstrap = {
        "node": {"id": "site", "cluster": "site"},
        "dynamic_resources": {"lds_config": {"resource_api_version": "V3", "path_config_source": {"path": str(place)}}},
        "static_resources": {"clusters": resources["clusters"]},
    }
    (tmp_path / "envoy.yaml").write_text(yaml.safe_dump(bootstrap), encoding="utf-8")

    def rename(policies: object) -> None:
        inside = _envoy(policies)["static_resources"]
        assert isinstance(inside, dict)
        kind = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener"}
        new = tmp_path / "listeners.new"
        new.write_text(yaml.safe_dump({"resources": [{**kind, **inside["listeners"][0]}]}), encoding="utf-8")
        new.rename(place)

    rename(own)
    ours = yaml.safe_load(made("envoy", Policy()).main)
    asked = questions((HOST,), (443,))
    argv, log = _envoy_argv(tmp_path / "envoy.yaml"), tmp_path / "out.log"
    with (
        namespace() as space,
        internet(space, ()),
        echo(space),
        engine(argv, space=space, ready=listens(443), log=log),
    ):

        def answers() -> Mapping[Question, bool]:
            return space.call(lambda: {question: _opened(question[1]) for question in asked})

        before = answers()
        assert not before[HOST, listed, 443]
        session = space.call(lambda: _session("envoy", "www.example.org"))
        rename({**own, **ours})
        until(lambda: answers()[HOST, listed, 443])
        wanted = {(c, n, p): said or made("envoy", Policy()).lowered.admits(n, p) for (c, n, p), said in before.items()}
        assert answers() == wanted
        theirs = space.call(lambda: _session("envoy", listed))
        rename({**own, "broken": {"principals": "none"}})
        until(lambda: "listeners.yaml" in log.read_text(encoding="utf-8"))
        assert answers() == wanted
        rename(own)
        until(lambda: not answers()[HOST, listed, 443])
        assert answers() == before
        for one in (session, theirs):
            says(one, b"still here\n")
            one.close()
