"""Proxies of a site that has clients and rules of its own: a render changes what it says it changes, and no more."""

from __future__ import annotations

import dataclasses
import functools
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import trustme
import yaml

from netprobe.render import Options, Rendered, render, targets
from netprobe.render.model import Policy
from tests.support import need
from tests.support.render_cases import ORIGIN, endpoint
from tests.support.render_engine import Namespace, as_user, engine, listens, namespace
from tests.support.render_sni import ORIGIN as ORIGIN_ADDRESS
from tests.support.render_sni import client_hello, internet, passes
from tests.support.site import ALLOWED, BLOCKED, HOST, OTHER, Question, holds, made, questions

pytestmark = [pytest.mark.engine, pytest.mark.root]

SOURCES = (f"{HOST}/32", "2001:db8:5::/48")
FORMS = {
    "additive": Policy(),
    "additive for the host": Policy(sources=SOURCES),
    "enforced for the host": Policy(enforce=True, sources=SOURCES),
    "enforced on every port": Policy(enforce=True, sources=SOURCES, all_ports=True),
    "enforced for everybody": Policy(enforce=True, every_client=True),
    "under another name": Policy(name="netprobe-handoff"),
}


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with namespace() as here:
        yield here


@pytest.fixture(scope="module")
def outside() -> Iterator[Namespace]:
    """A namespace with another side, for what connects there."""
    with namespace() as here, internet(here, (443,)):
        yield here


def _status(client: str, name: str, port: int, proxy: int) -> bool:
    """Whether a proxy's rules let a client through: CONNECT, but GET on port 80; 403 is a no."""
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


class Squid(_Asked):
    """With Debian's ports, a list of what is good, one of what is not, and ``deny all``."""

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
        include = ""
        if made is not None:
            for name, text in made.files.items():
                theirs = f"/etc/squid/{made.name}"
                (self.folder / name).write_text(text.replace(theirs, str(self.folder)), encoding="utf-8")
            include = f"include {self.folder}/{made.name}.conf\n"
        path = self.folder / "squid.conf"
        path.write_text(
            f"http_port 127.0.0.1:3128\npid_filename {self.folder}/squid.pid\ncoredump_dir {self.folder}\n"
            f"cache_log {self.folder}/cache.log\naccess_log none\ncache deny all\ndns_nameservers 127.0.0.1\n"
            "dns_timeout 1 second\nhosts_file none\nnever_direct allow all\nshutdown_lifetime 0 seconds\n"
            "visible_hostname proxy.test\nacl localnet src 127.0.0.0/8\nacl SSL_ports port 443\n"
            "acl Safe_ports port 80 443\nacl CONNECT method CONNECT\n"
            f"acl blocked dstdomain {' '.join(BLOCKED)}\nacl good dstdomain {' '.join(ALLOWED)}\n"
            # The header: before the first http_access line.
            f"{include}"
            "http_access deny !Safe_ports\nhttp_access deny CONNECT !SSL_ports\nhttp_access deny blocked\n"
            "http_access allow localnet good\nhttp_access deny all\n",
            encoding="utf-8",
        )
        as_user(self.folder, "proxy")
        return self.connect([str(need.engine("squid")), "-N", "-f", str(path)], 3128, asked)


class Tinyproxy(_Asked):
    """With a list of what is allowed; there is no include, so lines are added to it."""

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
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
        return self.connect([str(need.engine("tinyproxy")), "-d", "-c", str(path)], 8888, asked)


class Privoxy(_Asked):
    """With an actions file that blocks everything but what is good."""

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
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
        argv = [str(need.engine("privoxy")), "--no-daemon", "--user", "privoxy", str(path)]
        return self.connect(argv, 8118, asked)


@pytest.mark.parametrize("form", FORMS)
def test_squid(form: str, space: Namespace, tmp_path: Path) -> None:
    rendered = made("squid", FORMS[form])
    holds(Squid(space, tmp_path), rendered, FORMS[form], questions())


def test_a_required_mirror_on_port_80_is_fetched_through_squid(space: Namespace, tmp_path: Path) -> None:
    asked = [(HOST, "archive.example.com", 80), (HOST, "archive.example.com", 443)]
    site = Squid(space, tmp_path)
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
    site = Squid(space, tmp_path)
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


class Haproxy(_Asked):
    """A frontend that reads the server name, with an ACL of its own and ``reject`` for the rest."""

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
        lines, more = "", []
        if made is not None:
            for name, text in made.files.items():
                told = text.replace("parse-resolv-conf", "nameserver test 127.0.0.1:53")
                told = told.replace(f"/etc/haproxy/{made.name}", str(self.folder))
                (self.folder / name).write_text(told, encoding="utf-8")
            lines = (self.folder / f"{made.name}-frontend.cfg").read_text(encoding="utf-8")
            more = ["-f", str(self.folder / f"{made.name}.cfg")]
        path = self.folder / "haproxy.cfg"
        path.write_text(
            "resolvers site\n    nameserver test 127.0.0.1:53\n"
            "defaults site\n    mode tcp\n    timeout connect 10s\n    timeout client 1m\n    timeout server 1m\n"
            "frontend site from site\n    bind 127.0.0.1:443\n    tcp-request inspect-delay 5s\n"
            f"{lines}"
            f"    acl good req.ssl_sni -i {' '.join(ALLOWED)}\n    tcp-request content reject if !good\n"
            "    tcp-request content do-resolve(txn.site,site,ipv4) req.ssl_sni,lower\n"
            "    tcp-request content set-dst var(txn.site)\n    tcp-request content set-dst-port int(443)\n"
            "    tcp-request content accept\n    default_backend site_out\n"
            "backend site_out from site\n    server out 0.0.0.0:0\n",
            encoding="utf-8",
        )
        as_user(self.folder, "haproxy")
        argv = [str(need.engine("haproxy")), "-db", "-f", str(path), *more]
        return _hellos(self, argv, asked)


class Nginx(_Asked):
    """A stream block with a map of its own."""

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
        include = ""
        if made is not None:
            (self.folder / f"{made.name}.conf").write_text(made.files[f"{made.name}.conf"], encoding="utf-8")
            include = f"include {self.folder}/{made.name}.conf;\n"
        # The header: a name that both list must go out of one of them.
        mine = [name for name in ALLOWED if made is None or f'"{name}"' not in made.main]
        names = "".join(f"{name} $ssl_preread_server_name:443;\n" for name in mine)
        path = self.folder / "nginx.conf"
        path.write_text(
            "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\nworker_processes 1;\n"
            f"pid {self.folder}/nginx.pid;\nerror_log {self.folder}/error.log;\nevents {{ }}\n"
            "stream {\nresolver 127.0.0.1 ipv6=off;\nmap_hash_bucket_size 128;\n"
            f'map $ssl_preread_server_name $site {{\ndefault "";\n{names}{include}}}\n'
            "server { listen 127.0.0.1:443; ssl_preread on; proxy_pass $site; }\n}\n",
            encoding="utf-8",
        )
        as_user(self.folder, "www-data")
        return _hellos(self, [str(need.engine("nginx")), "-c", str(path)], asked)


def _hellos(
    site: _Asked, argv: list[str], asked: Sequence[Question], address: str = "127.0.0.1", ready: int = 443
) -> Mapping[Question, bool]:
    def ask() -> dict[Question, bool]:
        return {(c, n, p): passes(client_hello(n), p, address, source=c) for c, n, p in asked}

    with engine(argv, space=site.space, ready=listens(ready), log=site.folder / "out.log"):
        return site.space.call(ask)


class Splice(_Asked):
    """A Squid to which a gateway leads every client's connections: it peeks, splices what is good, ends the rest."""

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
        additive = enforced = ""
        if made is not None:
            include = f"include {self.folder}/{made.name}-splice.conf\n"
            enforced = include if "https_port" in made.main else ""
            additive = "" if enforced else include
            text = made.main.replace(f"/etc/squid/{made.name}/", f"{self.folder}/")
            (self.folder / f"{made.name}-splice.conf").write_text(text, encoding="utf-8")
        (self.folder / "any.pem").write_bytes(_certificate())
        port = f"intercept ssl-bump generate-host-certificates=off tls-cert={self.folder}/any.pem"
        path = self.folder / "squid.conf"
        path.write_text(
            f"http_port 127.0.0.1:3128\nhttps_port 3129 {port}\npid_filename {self.folder}/squid.pid\n"
            f"coredump_dir {self.folder}\ncache_log {self.folder}/cache.log\naccess_log none\ncache deny all\n"
            "dns_nameservers 127.0.0.1\nhosts_file none\nshutdown_lifetime 0 seconds\nvisible_hostname proxy.test\n"
            f"acl localnet src 127.0.0.0/8\nacl good ssl::server_name {' '.join(ALLOWED)}\nacl first at_step SslBump1\n"
            # The header: before the first http_access and ssl_bump line; what only allows before the first ssl_bump.
            f"{enforced}http_access allow localnet CONNECT\nhttp_access deny all\n"
            f"{additive}ssl_bump peek first\nssl_bump splice good\nssl_bump terminate all\n",
            encoding="utf-8",
        )
        as_user(self.folder, "proxy")
        self._lead(bool(enforced))
        return _hellos(self, [str(need.engine("squid")), "-N", "-f", str(path)], asked, ORIGIN_ADDRESS, ready=3128)

    def _lead(self, enforced: bool) -> None:
        """The site's redirect, and in front of it the one that the page tells, here for what this machine sends."""
        hook = "type nat hook output priority -100"
        own = f"{hook}; ip daddr {ORIGIN_ADDRESS} meta skuid != proxy tcp dport 443 redirect to :3129"
        self.space.run("nft", "-f", "-", input=f"flush ruleset\ntable ip site {{ chain every {{ {own}; }}; }}\n")
        for line in _redirect_told() if enforced else ():
            self.space.run("sh", "-c", line)


def _redirect_told() -> list[str]:
    """The page's commands, for the host of this test and for packets that this machine sends itself."""
    lines = [line.strip() for line in targets.page("squid-splice").splitlines()]
    told = [line for line in lines if line.startswith("nft add ") or line.startswith("nft 'add ")]
    assert len(told) == 3
    local = f"ip daddr {ORIGIN_ADDRESS} meta skuid != proxy ip saddr {HOST}"
    here = [line.replace("hook prerouting priority dstnat - 1", "hook output priority -101") for line in told]
    return [line.replace("iifname LAN ip saddr 192.0.2.0/24", local) for line in here]


@functools.cache
def _certificate() -> bytes:
    return bytes(trustme.CA().issue_cert("site.test").private_key_and_cert_chain_pem.bytes())


@pytest.mark.parametrize("form", ["additive", "additive for the host", "enforced for the host", "under another name"])
def test_squid_for_redirected_connections(form: str, outside: Namespace, tmp_path: Path) -> None:
    need.engine("nft")
    asked = questions(ports=(443,))
    try:
        holds(Splice(outside, tmp_path), made("squid-splice", FORMS[form]), FORMS[form], asked)
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
    policy = Policy(enforce=True, sources=SOURCES)
    rendered = made("envoy", policy)
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
    holds(Haproxy(outside, tmp_path), made("haproxy", FORMS[form]), FORMS[form], asked)


@pytest.mark.parametrize("form", ["additive", "under another name"])
def test_nginx(form: str, outside: Namespace, tmp_path: Path) -> None:
    asked = questions(ports=(443,))
    holds(Nginx(outside, tmp_path), made("nginx-stream", FORMS[form]), FORMS[form], asked)


@pytest.mark.parametrize("target", ["haproxy", "nginx-stream"])
def test_a_listener_that_enforces_lets_other_clients_go_where_they_want(
    target: str, outside: Namespace, tmp_path: Path
) -> None:
    """It is a listener of its own: whoever is led there and is not a host gets what he asks for."""
    policy = Policy(enforce=True, sources=SOURCES)
    rendered = made(target, policy)
    text = rendered.main.replace("parse-resolv-conf", "nameserver test 127.0.0.1:53")
    text = text.replace("bind :443\n", "bind 127.0.0.1:443\n").replace("listen 443;", "listen 127.0.0.1:443;")
    path = tmp_path / "own.cfg"
    argv = [str(need.engine("haproxy")), "-db", "-f", str(path)]
    if target == "nginx-stream":
        argv = [str(need.engine("nginx")), "-c", str(path)]
        text = (
            "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\nworker_processes 1;\n"
            f"pid {tmp_path}/nginx.pid;\nerror_log {tmp_path}/error.log;\nevents {{ }}\n{text}"
        )
    path.write_text(text, encoding="utf-8")
    as_user(tmp_path, "www-data" if target == "nginx-stream" else "haproxy")
    asked = questions(ports=(443,))
    found = _hellos(_Asked(outside, tmp_path), argv, asked)
    assert {client: None for client, _, _ in asked} == {HOST: None, OTHER: None}
    assert found == {(c, n, p): c == OTHER or rendered.lowered.admits(n, p) for c, n, p in asked}
