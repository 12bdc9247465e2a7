"""What a proxy logs that runs a rendered file, with the lines that its page names, is what ``netprobe audit`` reads."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from netprobe.audit.files import feed
from netprobe.audit.formats import FORMATS
from netprobe.audit.judge import Judge
from netprobe.audit.model import Audited, Decision, Status
from netprobe.catalog import load
from netprobe.render import render
from netprobe.render.model import Options
from netprobe.requirements import endpoints
from tests.support import need, squids
from tests.support.cli import ROOT
from tests.support.render_cases import ORIGIN, closed, ecs
from tests.support.render_connect import allowed
from tests.support.render_engine import Namespace, as_user, engine, listens, namespace
from tests.support.render_sni import ORIGIN as THERE
from tests.support.render_sni import client_hello, internet, passes

pytestmark = [pytest.mark.engine, pytest.mark.root]

ADDRESS = "127.0.0.1"
ECS, SSM, OTHER = "ecs.us-east-2.amazonaws.com", "ssm.us-east-2.amazonaws.com", "tracker.example"
_LISTED = tuple(one for one in ecs("us-east-2") if one.id != "ssm")


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with namespace() as made, internet(made, (443,)):
        yield made


def _rendered(target: str, *, all_ports: bool = False) -> str:
    policy = closed(target, all_ports=True) if all_ports else closed(target)
    return render(target, _LISTED, origin=ORIGIN, options=Options(), policy=policy).main


def _page_lines(target: str, first: str) -> list[str]:
    """The indented block of a page that begins with a word."""
    lines = (ROOT / "templates" / target / "page.md").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"    {first}"))
    block = []
    for line in lines[start:]:
        if not line.startswith("    "):
            break
        block.append(line[4:])
    return block


def _behind(text: str, mark: str, added: list[str]) -> str:
    """The text with lines behind every line that holds a mark, as far in as that line."""
    lines: list[str] = []
    for line in text.splitlines():
        lines.append(line)
        if mark in line:
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + more for more in added]
    assert len(lines) > len(text.splitlines()), f"no line with {mark!r}"
    return "\n".join(lines) + "\n"


def _ask(space: Namespace) -> None:
    for name, expected in ((ECS, True), (SSM, False), (OTHER, False)):
        assert space.call(lambda name=name: passes(client_hello(name), 443, ADDRESS)) is expected, name  # type: ignore[misc]


def _audit(log: Path, *words: str) -> Audited:
    """What audit says of a log, once the proxy has written what it did already."""
    end = time.monotonic() + 20
    while not (log.exists() and all(word in log.read_text() for word in words)):
        assert time.monotonic() < end, log.read_text() if log.exists() else "no log"
        time.sleep(0.05)
    judge = Judge(endpoints(load(), regions=["us-east-2"]))
    sources = feed([log], judge)
    assert not any(source.malformed for source in sources), (sources, log.read_text())
    return judge.result(["us-east-2"], sources)


def _holds(audited: Audited, log_format: str) -> None:
    """ECS went through, SSM was refused by the proxy's own rules, and no other endpoint was seen."""
    assert audited.sources[0].format == log_format
    seen = {one.id: one.status for one in audited.endpoints if one.status is not Status.NEVER_SEEN}
    assert seen == {"ecs": Status.ALLOWED, "ssm": Status.DENIED}
    (denial,) = [denial for one in audited.endpoints for denial in one.denials]
    assert denial.host == SSM


def _run(space: Namespace, argv: list[str], out: Path, port: int, asked: Callable[[], None]) -> None:
    with engine(argv, space=space, ready=listens(port), log=out):
        asked()


def test_haproxy(space: Namespace, tmp_path: Path) -> None:
    text = _behind(_rendered("haproxy"), "tcp-request inspect-delay", _page_lines("haproxy", "log global"))
    text = text.replace("bind :443\n", f"bind {ADDRESS}:443\n").replace(
        "parse-resolv-conf", "nameserver test 127.0.0.1:53"
    )
    path, log = tmp_path / "netprobe.cfg", tmp_path / "haproxy.log"
    path.write_text(f"global\n    log stdout format raw local0\n{text}", encoding="utf-8")
    as_user(tmp_path, "haproxy")
    argv = [str(need.engine("haproxy")), "-db", "-f", str(path)]
    _run(space, argv, log, 443, lambda: _ask(space))
    _holds(_audit(log, ECS, SSM, OTHER), "haproxy")


def test_nginx_stream(space: Namespace, tmp_path: Path) -> None:
    nginx, module = need.engine("nginx"), Path("/usr/lib/nginx/modules/ngx_stream_module.so")
    log = tmp_path / "stream.log"
    lines = [line.replace("/var/log/nginx/stream.log", str(log)) for line in _page_lines("nginx-stream", "log_format")]
    text = _behind(_rendered("nginx-stream"), "stream {", lines).replace("listen 443;", f"listen {ADDRESS}:443;")
    path = tmp_path / "nginx.conf"
    path.write_text(
        f"load_module {module};\ndaemon off;\nworker_processes 1;\npid {tmp_path}/nginx.pid;\n"
        f"error_log {tmp_path}/error.log;\nevents {{ }}\n{text}",
        encoding="utf-8",
    )
    as_user(tmp_path, "www-data")
    _run(space, [str(nginx), "-c", str(path)], tmp_path / "out.log", 443, lambda: _ask(space))
    _holds(_audit(log, ECS, SSM, OTHER), "nginx-stream")


def test_envoy(space: Namespace, tmp_path: Path) -> None:
    log = tmp_path / "envoy.log"
    lines = [line.replace("/var/log/envoy/netprobe.log", str(log)) for line in _page_lines("envoy", "access_log:")]
    text = _behind(_rendered("envoy"), "listener_filters_timeout", lines)
    text = _behind(text, "max_hosts: 4096", _RESOLVER).replace("address: 0.0.0.0,", f"address: {ADDRESS},")
    path = tmp_path / "envoy.yaml"
    path.write_text(text, encoding="utf-8")
    argv = [str(need.engine("envoy")), "--disable-hot-restart", "--concurrency", "1", "-l", "warning", "-c", str(path)]
    _run(space, argv, tmp_path / "out.log", 443, lambda: _ask(space))
    _holds(_audit(log, ECS, SSM, OTHER), "envoy")


_RESOLVER = """\
typed_dns_resolver_config:
  name: envoy.network.dns_resolver.cares
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig
    resolvers: [{ socket_address: { address: 127.0.0.1, port_value: 53 } }]""".splitlines()


def test_squid(space: Namespace, tmp_path: Path) -> None:
    path, log = tmp_path / "squid.conf", tmp_path / "access.log"
    path.write_text(
        f"http_port {ADDRESS}:3128\npid_filename {tmp_path}/squid.pid\ncoredump_dir {tmp_path}\n"
        f"cache_log {tmp_path}/cache.log\naccess_log stdio:{log}\ncache deny all\ndns_nameservers 127.0.0.1\n"
        f"hosts_file none\nshutdown_lifetime 0 seconds\nvisible_hostname proxy.test\n"
        + _rendered("squid", all_ports=True),
        encoding="utf-8",
    )
    as_user(tmp_path, "proxy")

    def asked() -> None:
        for name, expected in ((SSM, False), (OTHER, False)):
            assert space.call(lambda name=name: allowed(name, 443, 3128)) is expected  # type: ignore[misc]
        assert space.call(_through_squid)

    _run(space, squids.foreground(need.engine("squid"), path), tmp_path / "out.log", 3128, asked)
    _holds(_audit(log, ECS, SSM, OTHER), "squid")


def test_squid_splice(tmp_path: Path) -> None:
    """In a namespace of its own, since its connections are redirected; names of the acl are the rendered file's."""
    need.engine("nft")
    lines = [
        line.replace("/var/log/squid/splice.log", str(tmp_path / "splice.log"))
        for line in _page_lines("squid-splice", "logformat")
    ]
    issued = trustme.CA().issue_cert("netprobe.test")
    (tmp_path / "any.pem").write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    path = tmp_path / "squid.conf"
    path.write_text(
        f"http_port {ADDRESS}:3128\npid_filename {tmp_path}/squid.pid\ncoredump_dir {tmp_path}\n"
        f"cache_log {tmp_path}/cache.log\ncache deny all\ndns_nameservers 127.0.0.1\n"
        f"hosts_file none\nshutdown_lifetime 0 seconds\nvisible_hostname proxy.test\n"
        + _rendered("squid-splice").replace("/etc/squid/netprobe", str(tmp_path))
        + "http_access deny all\n"
        + "\n".join(lines)
        + "\n",
        encoding="utf-8",
    )
    as_user(tmp_path, "proxy")
    argv = squids.foreground(need.engine("squid"), path)
    with namespace() as made, internet(made, (443,)):
        made.run("nft", "-f", "-", input=_REDIRECT)

        def asked() -> None:
            for name, expected in ((ECS, True), (SSM, False), (OTHER, False)):
                assert made.call(lambda name=name: passes(client_hello(name), 443, THERE)) is expected  # type: ignore[misc]

        _run(made, argv, tmp_path / "out.log", 3128, asked)
    _holds(_audit(tmp_path / "splice.log", "TCP_TUNNEL", SSM, OTHER), "squid")


def test_a_spliced_tunnel_that_failed_is_told_as_such() -> None:
    """As Squid 5.7 wrote it when the other side refused: admitted, and no answer."""
    line = f"1795895019.683      0 10.0.0.2 NONE_NONE/503 0 CONNECT {ECS}:443 - ORIGINAL_DST/192.0.2.99 - splice"
    (event,) = FORMATS["squid"].parse(line)
    assert event.verdict is Decision.FAILED_UPSTREAM
    (event,) = FORMATS["squid"].parse(line.replace("NONE_NONE/503", "TCP_TUNNEL/500"))
    assert event.verdict is Decision.FAILED_UPSTREAM


_REDIRECT = """
table ip netprobe_redirect {
    chain hosts {
        type nat hook output priority -100; policy accept;
        ip daddr 192.0.2.0/24 meta skuid != proxy tcp dport 443 redirect to :3130
    }
}
"""


def _through_squid() -> bool:
    """Whether a ClientHello reaches the other side through a CONNECT to ECS."""
    with socket.create_connection((ADDRESS, 3128), timeout=10) as sock:
        sock.settimeout(20)
        sock.sendall(f"CONNECT {ECS}:443 HTTP/1.1\r\nHost: {ECS}:443\r\n\r\n".encode())
        assert b" 200 " in sock.recv(4096)
        sock.sendall(client_hello(ECS))
        return b"netprobe was here" in sock.recv(4096)
