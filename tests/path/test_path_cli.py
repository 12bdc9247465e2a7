"""``netprobe path`` as a user runs it: in a namespace, also without any right; and the parts without a network."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.errors import RefusedRegionError, UsageError
from netprobe.findings import Verdict
from netprobe.observations import (
    CatalogVersion,
    Context,
    Failure,
    Observation,
    ProxyDetail,
    Step,
    TcpDetail,
    TlsDetail,
    VantageRecord,
)
from netprobe.path import destinations, picture
from netprobe.path.model import DestinationPath, End, NotRun, PathReport
from netprobe.report.model import SCHEMA_VERSION, Report
from tests.support import need
from tests.support.netns import Namespace, Topology
from tests.support.path_lab import BLOCKED, V4, look, target, tls_server

REJECT = (
    "table inet t { chain f { type filter hook forward priority 0;\n"
    "tcp dport 443 reject with icmpx type admin-prohibited\n}\n}"
)
CODE = "import sys; from netprobe.cli.main import run; sys.exit(run(sys.argv[1:]))"


UNPRIVILEGED = ("setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all")
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""Root without a single capability: for a checkout in a folder that only root may enter."""


def _without_rights(node: Namespace) -> tuple[str, ...]:
    readable = node.run(*UNPRIVILEGED, sys.executable, "-c", "import netprobe.cli.main", timeout=60, check=False)
    return UNPRIVILEGED if readable.returncode == 0 else POWERLESS


def _netprobe(node: Namespace, *argv: str, rights: bool = True) -> tuple[int, str, str]:
    prefix = () if rights else _without_rights(node)
    done = node.run(*prefix, sys.executable, "-c", CODE, *argv, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.root
def test_without_rights_the_path_is_still_found_and_what_was_not_run_is_told() -> None:
    need.root()
    need.engine("setpriv")
    with Topology(routers=2) as net, tls_server(net.server, V4):
        net.routers[1].nft(REJECT)
        code, out, err = _netprobe(net.client, "path", V4, "--timeout", "0.4", rights=False)
    assert code == 1, err
    assert '"administratively prohibited"' in out
    assert "host ── 198.18.0.2 ── ✗ 198.18.1.2" in out
    (not_run,) = [line for line in out.split("\n\n")[-1].splitlines() if line.startswith("not run")]
    assert "raw SYN path" in not_run
    assert "sudo" in " ".join(out.split())
    assert "setcap" not in out, "a general interpreter with a capability gives it to every script of every user"
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.root
def test_json_has_every_hop_and_the_exit_codes_hold() -> None:
    need.root()
    with Topology(routers=2) as net, tls_server(net.server, V4):
        code, out, err = _netprobe(net.client, "path", V4, "--format", "json", "--timeout", "0.4", "-q")
    assert (code, err) == (0, "")
    report = json.loads(out)
    flows = report["targets"][0]["flows"]
    assert [[hop["addresses"] for hop in flow["hops"]] for flow in flows] == [[["198.18.0.2"], ["198.18.1.2"], []]] * 3
    assert report["not_run"] == []


@pytest.mark.root
def test_a_resolver_is_looked_at_over_udp_and_tcp() -> None:
    need.root()
    need.engine("dnsmasq")
    with Topology(routers=2) as net:
        net.server.start(
            "dnsmasq", "-k", "-C", "/dev/null", "--listen-address=198.19.0.53", "--bind-interfaces", "--no-resolv",
            "--no-hosts", "--address=/#/198.19.0.9", "--port=53",
            ready=lambda: net.server.listens(53, udp=True) and net.server.listens(53),
        )  # fmt: skip
        net.routers[0].nft("table inet t { chain f { type filter hook forward priority 0;\nudp dport 53 drop\n}\n}")
        seen = look(net, target("198.19.0.53", 53, resolver=True)).targets
    found = {one.protocol: one for one in seen}
    assert found["tcp"].end is End.ANSWERED
    assert found["udp"].end is End.SILENT
    assert found["udp"].location is not None
    assert (found["udp"].location.hop, found["udp"].location.address) == (1, "198.18.0.2")


@pytest.mark.root
def test_the_deadline_ends_it_and_says_what_is_missing() -> None:
    need.root()
    with Topology(routers=1) as net:
        net.routers[0].nft("table inet t { chain f { type filter hook forward priority 0;\ndrop\n}\n}")
        code, out, err = _netprobe(net.client, "path", f"{V4}:443", "--deadline", "1", "--format", "json", "-q")
    report = json.loads(out)
    assert code == 4, err
    assert report["duration_seconds"] < 3
    assert any("deadline" in one["reason"] for one in report["not_run"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ecs.us-east-2.amazonaws.com", ("ecs.us-east-2.amazonaws.com", 443)),
        ("ECS.us-east-2.amazonaws.com:8443", ("ecs.us-east-2.amazonaws.com", 8443)),
        ("10.0.0.1", ("10.0.0.1", 443)),
        ("10.0.0.1:53", ("10.0.0.1", 53)),
        ("2001:db8::1", ("2001:db8::1", 443)),
        ("[2001:db8::1]:53", ("2001:db8::1", 53)),
        ("[2001:db8::1]", ("2001:db8::1", 443)),
    ],
)
def test_hosts_are_read(text: str, expected: tuple[str, int]) -> None:
    assert destinations.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "a", "10.0.0.1:0", "10.0.0.1:65536", "x.y:z", "[::1]x", "0.0.0.0", "224.0.0.1", "a.b:²"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        destinations.parse(text)


@pytest.mark.parametrize("text", ["ecs.cn-north-1.amazonaws.com.cn", "X.AMAZONAWS.COM.CN.:8443"])
def test_china_is_refused_before_its_name_is_asked_for(text: str) -> None:
    with pytest.raises(RefusedRegionError):
        destinations.parse(text)


@given(st.text(max_size=300), st.integers(20, 80))
def test_the_picture_never_grows_wider_and_never_speaks_to_the_terminal(hostile: str, width: int) -> None:
    one = DestinationPath(host=hostile, address="198.19.0.9", port=443, end=End.SILENT, summary=hostile)
    report = PathReport(
        schema_version="1.0",
        netprobe_version="0",
        started_at="2026-11-23T00:00:00Z",
        duration_seconds=0.0,
        targets=(one,),
        not_run=(NotRun(part="p", reason="r", needs="n"),),
    )
    shown = picture.text(report, width=width)
    assert all(len(line) <= width for line in shown.split("\n"))
    assert all(c == "\n" or unicodedata.category(c)[0] != "C" for c in shown)


@pytest.mark.root
def test_from_a_saved_report(tmp_path: Path) -> None:
    need.root()

    def seen(number: int, address: str, step: Step, failure: Failure | None) -> Observation:
        detail = TcpDetail(port=443) if step is Step.TCP else TlsDetail(sni=BLOCKED)
        return Observation(
            id=f"o{number}", vantage="host", region="us-east-2", endpoint="ssm", host=BLOCKED, port=443,
            address=address, step=step, started_seconds=0.0, duration_seconds=1.0, failure=failure, detail=detail,
        )  # fmt: skip

    report = Report(
        schema_version=SCHEMA_VERSION, netprobe_version="0", catalog=CatalogVersion(version="1", digest="0"),
        started_at="2026-11-23T00:00:00Z", duration_seconds=1.0, regions=("us-east-2",), verdict=Verdict.NOT_READY,
        capabilities=(), endpoints=(), findings=(),
        observations=(seen(1, V4, Step.TCP, None), seen(2, "198.19.0.10", Step.TCP, Failure.TIMEOUT)),
    )  # fmt: skip
    saved = tmp_path / "report.json"
    saved.write_bytes(msgspec.json.encode(report))
    with Topology(routers=2) as net, tls_server(net.server, V4):
        net.routers[0].nft(REJECT)
        code, out, err = _netprobe(
            net.client, "path", "--from", str(saved), "--timeout", "0.4", "--format", "json", "-q"
        )
    assert code == 1, err
    (one,) = json.loads(out)["targets"]
    assert (one["address"], one["location"]["hop"]) == ("198.19.0.10", 1)


PROXY_NAME = "proxy.corp.example"


def _seen(number: int, step: Step, failure: Failure | None, detail: object, address: str | None = None) -> Observation:
    return Observation(
        id=f"o{number}", vantage="host", region="us-east-2", endpoint="ssm", host=BLOCKED, port=443, address=address,
        step=step, started_seconds=0.0, duration_seconds=1.0, failure=failure, detail=detail,  # type: ignore[arg-type]
    )  # fmt: skip


def _saved(folder: Path, *observations: Observation, resolvers: tuple[str, ...] = ()) -> Path:
    vantage = VantageRecord(name="host", resolvers=resolvers, proxy=f"http://{PROXY_NAME}:3128")
    report = Report(
        schema_version=SCHEMA_VERSION, netprobe_version="0", catalog=CatalogVersion(version="1", digest="0"),
        started_at="2026-11-23T00:00:00Z", duration_seconds=1.0, regions=("us-east-2",), verdict=Verdict.NOT_READY,
        capabilities=(), endpoints=(), findings=(), observations=observations, context=Context(vantages=(vantage,)),
    )  # fmt: skip
    saved = folder / "saved.json"
    saved.write_bytes(msgspec.json.encode(report))
    return saved


def _through(phase: str, failure: Failure, *addresses: str) -> Observation:
    detail = ProxyDetail(proxy=f"http://{PROXY_NAME}:3128", target=f"{BLOCKED}:443", phase=phase, addresses=addresses)
    return _seen(1, Step.PROXY, failure, detail)


@pytest.mark.root
def test_a_proxy_given_by_name_is_looked_at_where_a_check_saw_it(tmp_path: Path) -> None:
    """The whole way: a check through a named proxy behind a router that refuses it, then a look from its report."""
    need.root()
    need.engine("dnsmasq")
    saved = tmp_path / "report.json"
    proxy = f"http://{PROXY_NAME}:3128"
    with Topology(routers=2, v6=False) as net:
        net.server.start(
            "dnsmasq", "-k", "-C", "/dev/null", "--listen-address=198.19.0.53", "--bind-interfaces", "--no-resolv",
            "--no-hosts", f"--address=/{PROXY_NAME}/{V4}", "--port=53",
            ready=lambda: net.server.listens(53, udp=True) and net.server.listens(53),
        )  # fmt: skip
        net.routers[1].nft(REJECT.replace("443", "3128"))
        environment = ("env", f"HTTPS_PROXY={proxy}", "NO_PROXY=")
        done = net.client.run(
            *environment, sys.executable, "-c", CODE, "check", "-r", "us-east-2", "--resolver", "198.19.0.53", "-4",
            "--locate", "--timeout", "1", "--format", "json", "-o", str(saved), "-q", timeout=90, check=False,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        code, out, err = _netprobe(
            net.client, "path", "--from", str(saved), "--timeout", "0.4", "--format", "json", "-q"
        )
    assert code == 1, err
    places = {(one["address"], one["port"], one["location"]["hop"]) for one in json.loads(out)["targets"]}
    assert places == {(V4, 3128, 2)}
    located = [one["location"] for one in json.loads(saved.read_text())["findings"] if one.get("location")]
    assert {(one["hop"], one["address"]) for one in located} == {(2, "198.18.1.2")}


@pytest.mark.root
def test_addresses_of_ipv6_are_looked_at_from_a_report(tmp_path: Path) -> None:
    need.root()
    proxied = _through("tcp", Failure.TIMEOUT, "2001:db8:ffff::31")
    direct = _seen(2, Step.TCP, Failure.TIMEOUT, TcpDetail(port=443), "2001:db8:ffff::9")
    saved = _saved(tmp_path, proxied, direct)
    chain = "chain f { type filter hook forward priority 0;\nmeta nfproto ipv6 tcp dport { 443, 3128 } drop\n}"
    rules = f"table inet t {{ {chain}\n}}"
    with Topology(routers=2) as net:
        net.routers[1].nft(rules)
        arguments = ("path", "--from", str(saved), "--timeout", "0.4", "--format", "json", "-q")
        code, out, err = _netprobe(net.client, *arguments)
        _, other, _ = _netprobe(net.client, *arguments, "-4")
    assert code == 1, err
    places = {(one["address"], one["port"], one["location"]["hop"]) for one in json.loads(out)["targets"]}
    assert places == {("2001:db8:ffff::31", 3128, 2), ("2001:db8:ffff::9", 443, 2)}
    assert json.loads(other)["targets"] == []


def test_a_proxy_whose_resolver_is_silent_leads_to_the_resolver() -> None:
    vantages = (VantageRecord(name="host", resolvers=("10.0.0.53:53", "[2001:db8::53]:5353")),)
    found = destinations.of_observations([_through("dns", Failure.TIMEOUT)], vantages)
    assert [(one.address, one.port, one.resolver, one.question) for one in found] == [
        ("10.0.0.53", 53, True, PROXY_NAME),
        ("2001:db8::53", 5353, True, PROXY_NAME),
    ]


@pytest.mark.parametrize(
    ("observation", "part", "reason"),
    [
        (_through("tcp", Failure.TIMEOUT), f"http://{PROXY_NAME}:3128", "does not hold the address"),
        (_through("dns", Failure.DNS_NXDOMAIN), f"http://{PROXY_NAME}:3128", "has no address"),
        (_through("connect", Failure.TIMEOUT), f"the way behind http://{PROXY_NAME}:3128", "end at the proxy"),
        (_seen(1, Step.TLS, Failure.CONNECTION_RESET, TlsDetail(sni=BLOCKED)), "behind the proxy", "end at the proxy"),
    ],
)
def test_what_no_look_can_explain_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], observation: Observation, part: str, reason: str
) -> None:
    from netprobe.cli.main import run

    assert run(["path", "--from", str(_saved(tmp_path, observation)), "--format", "json", "-q"]) == 4
    report = json.loads(capsys.readouterr().out)
    assert report["targets"] == []
    (told,) = report["not_run"]
    assert part in told["part"]
    assert reason in told["reason"]
    assert told["needs"]


async def test_without_scapy_the_rest_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A binary that is given away leaves scapy out, which is GPL-2.0-only."""
    from netprobe.path import raw, run
    from netprobe.path.rate_limits import SendingLimits

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert raw.unavailable() == "scapy is not part of this netprobe"
    target = run.Destination(host="127.0.0.1", address="127.0.0.1", port=9)
    report = await run.look([target], SendingLimits(answer_timeout=0.2, packets_per_second=1000.0), deadline=20.0)
    (one,) = report.not_run
    assert (one.part, one.reason) == ("raw SYN path (TTL left in resets)", raw.NO_SCAPY)
    assert "netprobe's wheel" in one.needs
    assert len(report.targets) == 1
