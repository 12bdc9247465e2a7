"""Logs written by the real squid, haproxy, dnsmasq, unbound, BIND, nft and Suricata, of clients denied and allowed.

Every engine runs in a namespace of its own network; expectations come from the rules that it was given.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe.audit.files import feed
from netprobe.audit.judge import Judge
from netprobe.audit.model import Audited, Status
from netprobe.catalog import load
from netprobe.requirements import endpoints
from tests.support import need, squids, suricata
from tests.support.netns import Topology
from tests.support.path_lab import tls_server

pytestmark = [pytest.mark.root, pytest.mark.engine]
ECS, SSM, OTHER = "ecs.us-east-2.amazonaws.com", "ssm.us-east-2.amazonaws.com", "tracker.example"
LOGS = "logs.us-east-2.amazonaws.com"
SERVER = "198.19.0.9"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that engines which drop root can write to (a tmp_path cannot be entered by them)."""
    need.root()
    path = Path(tempfile.mkdtemp(prefix="netprobe-audit-"))
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def net() -> Iterator[Topology]:
    need.root()
    with Topology(routers=1, v6=False) as topology, tls_server(topology.server, SERVER):
        yield topology


def _written(log: Path, *words: str) -> None:
    """Wait until the engine has written what it answered already."""
    end = time.monotonic() + 10
    while not all(word in log.read_text() for word in words):
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.02)


def _judge(log: Path, *, log_format: str | None = None) -> Audited:
    judge = Judge(endpoints(load(), regions=["us-east-2"]))
    sources = feed([log], judge, log_format=log_format)
    assert all(not source.malformed for source in sources), sources
    return judge.result(["us-east-2"], sources)


def _status(audited: Audited) -> dict[str, Status]:
    return {one.id: one.status for one in audited.endpoints if one.status is not Status.NEVER_SEEN}


def _through_proxy(net: Topology, port: int, *names: str) -> None:
    for name in names:
        net.client.run(
            "curl", "-sk", "-m", "2", "-x", f"http://198.18.0.2:{port}", f"https://{name}/", check=False
        )  # fmt: skip


@pytest.mark.parametrize("style", ["squid", "combined"])
def test_squid(net: Topology, folder: Path, style: str) -> None:
    squid = need.engine("squid")
    need.engine("curl")
    hosts, log, conf = folder / "hosts", folder / "access.log", folder / "squid.conf"
    hosts.write_text("".join(f"{SERVER} {name}\n" for name in (ECS, SSM, OTHER)))
    conf.write_text(
        f"http_port 3128\nacl listed dstdomain {ECS} {OTHER}\nhttp_access allow CONNECT listed\nhttp_access deny all\n"
        f"access_log stdio:{log} {style}\nhosts_file {hosts}\ncache deny all\npid_filename none\ncache_log /dev/null\n"
        f"coredump_dir {folder}\nshutdown_lifetime 0 seconds\nvisible_hostname proxy.test\npinger_enable off\n"
    )
    router = net.routers[0]
    router.start(*squids.foreground(squid, conf), ready=lambda: router.listens(3128), within=20)
    _through_proxy(net, 3128, ECS, SSM, SSM, OTHER)
    _written(log, ECS, SSM, OTHER)
    audited = _judge(log)
    assert audited.sources[0].format == {"squid": "squid", "combined": "squid-combined"}[style]
    assert _status(audited) == {"ecs": Status.ALLOWED, "ssm": Status.DENIED}
    (denial,) = [d for one in audited.endpoints for d in one.denials]
    assert (denial.host, denial.rule, denial.count, denial.clients) == (SSM, "TCP_DENIED/403", 2, ("198.18.0.1",))
    assert denial.last_seconds is not None
    assert [(one.host, one.port) for one in audited.unneeded] == [(OTHER, 443)]


def test_haproxy(net: Topology, folder: Path) -> None:
    haproxy = need.engine("haproxy")
    need.engine("curl")
    conf, log = folder / "haproxy.cfg", folder / "haproxy.log"
    conf.write_text(
        "global\n log stdout format raw local0\n"
        "defaults\n mode http\n log global\n option httplog\n"
        " timeout client 5s\n timeout server 5s\n timeout connect 5s\n"
        f"frontend egress\n bind :3128\n http-request deny unless {{ req.hdr(host) -m beg {ECS} }}\n"
        f" default_backend out\nbackend out\n server dyn {SERVER}:80\n"
    )
    router = net.routers[0]
    router.start(str(haproxy), "-db", "-f", str(conf), ready=lambda: router.listens(3128), log=log)
    _through_proxy(net, 3128, SSM)
    with_status = net.client.run(
        "curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "-x", "http://198.18.0.2:3128",
        f"http://{ECS}/",
    )  # fmt: skip
    assert with_status.stdout == "503"  # nobody listens behind it: admitted, and failed upstream
    _written(log, SSM, "http://" + ECS)
    audited = _judge(log, log_format="haproxy")
    assert _status(audited)["ssm"] is Status.DENIED
    (denial,) = [d for one in audited.endpoints for d in one.denials]
    assert (denial.host, denial.clients) == (SSM, ("198.18.0.1",))
    assert denial.rule.startswith("egress egress/<NOSRV> PR")


def _ask(net: Topology, *names: str) -> None:
    import dns.message
    import dns.query

    with net.client.entered():
        for name in names:
            dns.query.udp(dns.message.make_query(name, "A"), "198.18.0.2", timeout=5)


def test_dnsmasq(net: Topology, folder: Path) -> None:
    dnsmasq = need.engine("dnsmasq")
    log = folder / "dnsmasq.log"
    router = net.routers[0]
    router.start(
        str(dnsmasq), "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--log-queries", f"--log-facility={log}",
        f"--host-record={ECS},{SERVER}", f"--address=/{SSM}/", "--user=root", f"--pid-file={folder}/pid",
        ready=lambda: router.listens(53, udp=True),
    )  # fmt: skip
    _ask(net, ECS, SSM, SSM)
    _written(log, f"config {SSM} is NXDOMAIN")
    audited = _judge(log)
    assert audited.sources[0].format == "dnsmasq"
    found = _status(audited)
    assert (found["ssm"], found["ecs"] in (Status.ALLOWED, Status.SEEN)) == (Status.DENIED, True)
    (denial,) = [d for one in audited.endpoints for d in one.denials]
    assert (denial.host, denial.rule, denial.count) == (SSM, "config is NXDOMAIN", 2)


def test_unbound(net: Topology, folder: Path) -> None:
    unbound = need.engine("unbound")
    log, conf = folder / "unbound.log", folder / "unbound.conf"
    conf.write_text(
        f'server:\n interface: 0.0.0.0\n access-control: 0.0.0.0/0 allow\n username: ""\n chroot: ""\n use-syslog: no\n'
        f' logfile: "{log}"\n pidfile: "{folder}/pid"\n log-queries: yes\n log-replies: yes\n log-local-actions: yes\n'
        f' do-daemonize: no\n module-config: "iterator"\n local-zone: "{SSM}." always_nxdomain\n'
        f' local-zone: "{LOGS}." always_nodata\n'
        f' local-data: "{ECS}. A {SERVER}"\nremote-control:\n control-enable: no\n'
    )
    router = net.routers[0]
    router.start(str(unbound), "-d", "-c", str(conf), ready=lambda: router.listens(53, udp=True))
    _ask(net, ECS, SSM, LOGS)
    _written(log, f"{ECS}. A IN NOERROR", "always_nxdomain", "always_nodata")
    audited = _judge(log)
    assert audited.sources[0].format == "unbound"
    found = _status(audited)
    assert found == {"ecs": Status.ALLOWED, "ssm": Status.DENIED, "logs": Status.DENIED}
    rules = {d.rule for one in audited.endpoints for d in one.denials}
    assert {f"local-zone {SSM}. always_nxdomain", f"local-zone {LOGS}. always_nodata"} <= rules


def test_bind(net: Topology, folder: Path) -> None:
    named = need.engine("named")
    log, conf, zone = folder / "named.log", folder / "named.conf", folder / "rpz.db"
    zone.write_text(f"$TTL 60\n@ SOA . . 1 60 60 60 60\n@ NS .\n{SSM} CNAME .\n")
    conf.write_text(
        f'options {{ directory "{folder}"; listen-on {{ any; }}; listen-on-v6 {{ none; }}; recursion yes; '
        f"allow-query {{ any; }}; allow-recursion {{ any; }}; pid-file none; session-keyfile none; "
        f"dnssec-validation no; forward only; forwarders {{ 127.0.0.1 port 9; }}; "
        f'response-policy {{ zone "rpz.local"; }} qname-wait-recurse no; }};\n'
        f'zone "rpz.local" {{ type primary; file "{zone}"; allow-query {{ none; }}; }};\n'
        f'logging {{ channel all {{ file "{log}"; print-time yes; print-category yes; print-severity yes; }};'
        " category queries { all; }; category rpz { all; }; };\n"
    )
    router = net.routers[0]
    router.start(
        str(named), "-f", "-c", str(conf), "-4",
        ready=lambda: router.run("ss", "-Hnlu", "src 198.18.0.2:53").stdout.strip() != "", within=20,
    )  # fmt: skip
    end = time.monotonic() + 10
    while not (log.exists() and "rewrite" in log.read_text()):  # named answers before its policy zone is loaded
        assert time.monotonic() < end, log.read_text()
        _ask(net, SSM)
    audited = _judge(log)
    assert audited.sources[0].format == "bind"
    assert _status(audited) == {"ssm": Status.DENIED}
    (denial,) = [d for one in audited.endpoints for d in one.denials]
    assert (denial.host, denial.clients) == (SSM, ("198.18.0.1",))
    assert denial.rule.startswith("rpz NXDOMAIN via")


def test_nftables(net: Topology, folder: Path) -> None:
    """nft's own ``log`` in a namespace goes to a netlink group; ulogd writes it as the kernel writes its lines.

    The kernel's log stays silent for namespaces unless a machine-wide switch is set, which a test must not touch.
    """
    ulogd, dnsmasq = need.engine("ulogd"), need.engine("dnsmasq")
    need.engine("curl")
    blocked = "198.19.0.77"
    log, names, conf = folder / "nft.log", folder / "dnsmasq.log", folder / "ulogd.conf"
    plugins = "".join(
        f"plugin={path}\n"
        for path in sorted(Path("/usr/lib").glob("*/ulogd/ulogd_*.so"))
        if path.stem.rpartition("_")[2] in {"NFLOG", "BASE", "IFINDEX", "IP2STR", "PRINTPKT", "LOGEMU"}
    )
    conf.write_text(
        f"[global]\nlogfile={folder}/ulogd.log\n{plugins}"
        "stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU\n"
        f"[log1]\ngroup=5\n[emu1]\nfile={log}\nsync=1\n"
    )
    router = net.routers[0]
    router.start(str(ulogd), "-c", str(conf), ready=log.exists)
    router.start(
        str(dnsmasq), "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--log-queries", f"--log-facility={names}",
        f"--host-record={ECS},{SERVER}", f"--host-record={SSM},{blocked}", "--user=root", f"--pid-file={folder}/pid",
        ready=lambda: router.listens(53, udp=True),
    )  # fmt: skip
    router.nft(
        "table inet t { chain f { type filter hook forward priority 0;\n"
        f'ip daddr {blocked} tcp dport 443 log prefix "NP-EGRESS DROP: " group 5 drop\n'
        f'ip daddr {SERVER} tcp dport 443 ct state new log prefix "NP-EGRESS ALLOW: " group 5 accept\n}}\n}}'
    )
    _ask(net, ECS, SSM)
    for address in (blocked, SERVER):
        net.client.run("curl", "-sk", "-m", "1", f"https://{address}/", check=False)
    _written(log, "NP-EGRESS DROP", "NP-EGRESS ALLOW")
    _written(names, SSM, ECS)
    judge = Judge(endpoints(load(), regions=["us-east-2"]))
    sources = feed([log, names], judge)
    assert {source.format for source in sources} == {"netfilter", "dnsmasq"}
    assert all(not source.malformed for source in sources), sources
    audited = judge.result(["us-east-2"], sources)
    assert _status(audited) == {"ecs": Status.ALLOWED, "ssm": Status.DENIED}
    (denial,) = [d for one in audited.endpoints for d in one.denials]
    assert (denial.host, denial.clients) == (SSM, ("198.18.0.1",))
    assert denial.rule == "NP-EGRESS DROP"


def test_a_capture_shows_what_was_reset_and_what_passed(net: Topology, folder: Path) -> None:
    import signal

    need.engine("tcpdump")
    need.engine("curl")
    path = folder / "real.pcap"
    net.routers[0].nft(
        "table inet t { chain f { type filter hook forward priority 0;\n"
        "ip daddr 198.19.0.77 reject with tcp reset\n}\n}"
    )
    dump = net.client.start(
        "tcpdump", "-i", "eth0", "-U", "-w", str(path), "--immediate-mode", "-Z", "root",
        ready=lambda: path.exists() and path.stat().st_size >= 24,
    )  # fmt: skip
    for name, address in ((ECS, SERVER), (SSM, "198.19.0.77")):
        net.client.run("curl", "-sk", "-m", "2", "--resolve", f"{name}:443:{address}", f"https://{name}/", check=False)
    size = -1
    while path.stat().st_size != size:
        size = path.stat().st_size
        os.sync()
    dump.send_signal(signal.SIGINT)
    dump.wait(timeout=10)
    audited = _judge(path)
    assert _status(audited) == {"ecs": Status.ALLOWED}  # a reset SYN never named its host
    assert [(one.host, one.port) for one in audited.denied_elsewhere] == [("198.19.0.77", 443)]


def test_squid_tells_denied_failed_and_unauthenticated_apart(net: Topology, folder: Path) -> None:
    """Admitted and refused behind it, admitted and not found, and asked for a password: none is the other."""
    squid = need.engine("squid")
    need.engine("curl")
    hosts, log, conf, words = folder / "hosts", folder / "access.log", folder / "squid.conf", folder / "words"
    logs, monitoring = "logs.us-east-2.amazonaws.com", "monitoring.us-east-2.amazonaws.com"
    hosts.write_text(f"{SERVER} {ECS}\n198.19.0.78 {SSM}\n")
    words.write_text("#!/bin/sh\nwhile read -r line; do echo ERR; done\n")
    words.chmod(0o755)
    net.routers[0].nft(
        "table inet t { chain o { type filter hook output priority 0;\n"
        "ip daddr 198.19.0.78 tcp dport 443 reject with tcp reset\n}\n}"
    )
    conf.write_text(
        f"http_port 3128\nauth_param basic program {words}\nacl known proxy_auth REQUIRED\n"
        f"acl listed dstdomain {ECS} {SSM} {logs}\nacl asked dstdomain {monitoring}\n"
        f"http_access allow CONNECT listed\nhttp_access allow CONNECT asked known\nhttp_access deny all\n"
        f"access_log stdio:{log} squid\nhosts_file {hosts}\ndns_nameservers 127.0.0.1\ndns_timeout 1 seconds\n"
        f"cache deny all\npid_filename none\ncache_log /dev/null\nconnect_timeout 2 seconds\n"
        f"coredump_dir {folder}\nshutdown_lifetime 0 seconds\nvisible_hostname proxy.test\npinger_enable off\n"
    )
    router = net.routers[0]
    router.start(*squids.foreground(squid, conf), ready=lambda: router.listens(3128), within=20)
    for name in (ECS, SSM, logs, monitoring):
        net.client.run(
            "curl", "-sk", "-m", "15", "-x", "http://198.18.0.2:3128", f"https://{name}/", check=False
        )  # fmt: skip
    _written(log, ECS, SSM, logs, monitoring)
    judge = Judge(endpoints(load(), regions=["us-east-2"], with_groups=["metrics"]))
    feed([log], judge)
    found = _status(judge.result(["us-east-2"], ()))
    assert found == {
        "ecs": Status.ALLOWED,
        "ssm": Status.FAILED_UPSTREAM,
        "logs": Status.FAILED_UPSTREAM,
        "monitoring": Status.CREDENTIALS_ASKED,
    }, log.read_text()


def test_nginx_stream_as_rendered(net: Topology, folder: Path) -> None:
    """The rendered configuration, with the log line that its page names added to the stream block."""
    nginx = need.engine("nginx")
    need.engine("curl")
    log, errors, conf = folder / "access.log", folder / "error.log", folder / "nginx.conf"
    log_format = "'$remote_addr [$time_iso8601] $status $bytes_sent $ssl_preread_server_name \"$upstream_addr\"'"
    conf.write_text(
        f"load_module /usr/lib/nginx/modules/ngx_stream_module.so;\nuser root;\npid {folder}/pid;\n"
        f"error_log {errors} error;\nevents {{}}\nstream {{\n log_format netprobe {log_format};\n"
        f" access_log {log} netprobe;\n map $ssl_preread_server_name $upstream {{\n  {ECS} {SERVER}:443;\n"
        f"  {OTHER} 198.19.0.78:444;\n }}\n"
        " server { listen 443; ssl_preread on; proxy_pass $upstream; proxy_connect_timeout 2s; }\n}\n"
    )
    router = net.routers[0]
    router.nft(
        "table inet t { chain o { type filter hook output priority 0;\n"
        "ip daddr 198.19.0.78 tcp dport 444 reject with tcp reset\n}\n}"
    )
    router.start(str(nginx), "-c", str(conf), "-g", "daemon off;", ready=lambda: router.listens(443))
    for name in (ECS, SSM, OTHER):
        net.client.run(
            "curl", "-sk", "-m", "5", "--resolve", f"{name}:443:198.18.0.2", f"https://{name}/", check=False
        )  # fmt: skip
    _written(log, ECS, SSM, OTHER)
    audited = _judge(log)
    assert audited.sources[0].format == "nginx-stream"
    assert _status(audited) == {"ecs": Status.ALLOWED, "ssm": Status.DENIED}
    assert [(one.host, one.port) for one in audited.denied_elsewhere] == [(OTHER, 444)]
    judge = Judge(endpoints(load(), regions=["us-east-2"]))
    (source,) = feed([errors], judge)
    assert (source.format, source.malformed) == ("nginx-stream", {})
    assert any("does not log" in one.host for one in judge.result(["us-east-2"], ()).denied_elsewhere)


def test_envoy(net: Topology, folder: Path) -> None:
    """Envoy's default log of a TLS passthrough by server name, as JSON with its operators' names."""
    envoy = need.engine("envoy")
    need.engine("curl")
    log, conf = folder / "envoy.log", folder / "envoy.json"

    def chain(name: str, cluster: str) -> dict[str, object]:
        return {
            "filter_chain_match": {"server_names": [name]},
            "filters": [{"name": "tcp", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                "stat_prefix": "t", "cluster": cluster, "access_log": [access]}}],
        }  # fmt: skip

    def cluster(name: str, port: int) -> dict[str, object]:
        endpoint = {"endpoint": {"address": {"socket_address": {"address": SERVER, "port_value": port}}}}
        return {"name": name, "type": "STATIC", "connect_timeout": "2s", "load_assignment": {
            "cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}}  # fmt: skip

    fields = {
        "requested_server_name": "%REQUESTED_SERVER_NAME%", "response_flags": "%RESPONSE_FLAGS%",
        "response_code": "%RESPONSE_CODE%", "upstream_host": "%UPSTREAM_HOST%", "start_time": "%START_TIME%",
        "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    }  # fmt: skip
    access = {"name": "file", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(log),
        "log_format": {"json_format": fields}}}  # fmt: skip
    inspector = "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
    conf.write_text(json.dumps({"static_resources": {
        "listeners": [{
            "address": {"socket_address": {"address": "0.0.0.0", "port_value": 443}},
            "listener_filters": [{"name": "tls", "typed_config": {"@type": inspector}}],
            "access_log": [access],
            "filter_chains": [chain(ECS, "up"), chain(OTHER, "down")],
        }],
        "clusters": [cluster("up", 443), cluster("down", 9)],
    }}))  # fmt: skip
    router = net.routers[0]
    router.start(
        str(envoy), "-c", str(conf), "--concurrency", "1", "--disable-hot-restart", "-l", "error",
        ready=lambda: router.listens(443), within=40,
    )  # fmt: skip
    for name in (ECS, SSM, OTHER):
        net.client.run(
            "curl", "-sk", "-m", "5", "--resolve", f"{name}:443:198.18.0.2", f"https://{name}/", check=False
        )  # fmt: skip
    _written(log, ECS, SSM, OTHER)
    audited = _judge(log)
    assert audited.sources[0].format == "envoy"
    assert _status(audited) == {"ecs": Status.ALLOWED, "ssm": Status.DENIED}
    assert OTHER in {one.host for one in audited.denied_elsewhere}


_SNI = (
    '{} tls $HOME_NET any -> $EXTERNAL_NET any (tls.sni; content:"{}"; startswith; endswith; msg:"{}"; sid:{}; rev:1;)'
)
_SURICATA = "\n".join((
    _SNI.format("pass", ECS, "agents", 1000001),
    _SNI.format("drop", LOGS, "no logs", 1000002),
    _SNI.format("reject", SSM, "no ssm", 1000003),
    'drop tcp $HOME_NET any -> 192.0.2.77 443 (msg:"by address"; sid:1000004; rev:1;)',
    "",
))  # fmt: skip
"""Names and one address, at which the DNS of the capture has monitoring.us-east-2.amazonaws.com."""
_METRICS, _QUIET = "monitoring.us-east-2.amazonaws.com", "ssmmessages.us-east-2.amazonaws.com"


def _frames() -> list[bytes]:
    """Two names that resolve, a connection that is dropped by address, one that nothing answers, one that passes."""
    from scapy.layers.dns import DNS, DNSQR, DNSRR
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.l2 import Ether
    from scapy.packet import Packet

    def out(to: str) -> Packet:
        return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=suricata.HOME, dst=to)

    def back(of: str) -> Packet:
        return Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP(src=of, dst=suricata.HOME)

    made = []
    for number, (name, address) in enumerate(((_METRICS, "192.0.2.77"), (_QUIET, "192.0.2.99"))):
        question = DNSQR(qname=name)
        record = DNSRR(rrname=name, type="A", rdata=address, ttl=9)
        made.append(out("10.0.0.53") / UDP(sport=3000 + number, dport=53) / DNS(id=number, rd=1, qd=question))
        made.append(
            back("10.0.0.53")
            / UDP(sport=53, dport=3000 + number)
            / DNS(id=number, qr=1, rd=1, ra=1, qd=question, an=record)
        )
    made.append(out("192.0.2.77") / TCP(sport=4000, dport=443, flags="S", seq=1))
    made.append(out("192.0.2.99") / TCP(sport=4001, dport=443, flags="S", seq=1))
    return [bytes(one) for one in made]


def test_suricata(tmp_path: Path) -> None:
    talks = [suricata.Talk([suricata.hello(name)]) for name in (ECS, LOGS, SSM)]
    log = suricata.logged(_SURICATA, talks, tmp_path, _frames())
    kinds = {json.loads(line)["event_type"] for line in log.read_text().splitlines()}
    assert {"alert", "drop", "flow", "netflow", "dns"} <= kinds
    audited = _judge(log)
    assert _status(audited) == {
        "logs": Status.DENIED,
        "ssm": Status.DENIED,
        "monitoring": Status.DENIED,  # blocked before a name was seen: by its address, which the DNS of the log names
        "ssmmessages": Status.FAILED_UPSTREAM,  # admitted, and nothing came back
    }
    # No address of the client is taken for a server's where a packet was dropped on its way back.
    assert not [one for one in audited.denied_elsewhere if suricata.HOME in str(one)]
