"""A report that somebody mailed sends no packet that a check would not send."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from netprobe.cli.main import run
from netprobe.observations import DnsDetail, Failure, Observation, ProxyDetail, Step, TcpDetail
from netprobe.path import run as looking
from tests.support import bounded, reports

CHINA = Path(__file__).parents[1] / "cases" / "hostile" / "china-report.json"
KNOWN = "ecs.us-east-2.amazonaws.com"


def _seen(host: str = KNOWN, port: int = 443, address: str = "127.0.0.9", **more: object) -> Observation:
    values: dict[str, object] = {
        "id": "o1", "vantage": "host", "region": "us-east-2", "endpoint": "ecs", "host": host, "port": port,
        "address": address, "step": Step.TCP, "started_seconds": 0.0, "duration_seconds": 1.0,
        "failure": Failure.TIMEOUT, "detail": TcpDetail(port=port), **more,
    }  # fmt: skip
    return Observation(**values)  # type: ignore[arg-type]


def _proxy(proxy: str) -> Observation:
    detail = ProxyDetail(proxy=proxy, target=f"{KNOWN}:443", phase="tcp", addresses=("127.0.0.8",))
    return _seen(step=Step.PROXY, detail=detail)


def _resolver(resolver: str) -> Observation:
    return _seen(step=Step.DNS, address="", detail=DnsDetail(resolver=resolver, rrtype="A"))


@pytest.mark.parametrize(
    "command", [["path", "--from"], ["diagnose"], ["render", "hosts", "--from"], ["render", "squid", "--from"]]
)
def test_china_is_refused_in_every_command(command: list[str], tmp_path: Path) -> None:
    ended = bounded.netprobe(*command, CHINA, cwd=tmp_path)
    assert ended.returncode == 2
    assert "does not register external instances in the China regions" in ended.stderr
    assert ended.stdout == ""


def test_china_is_refused_by_name_too(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(msgspec.json.encode(reports.report(observations=(_seen("ecs.cn-north-1.amazonaws.com.cn."),))))
    assert bounded.netprobe("path", "--from", path, cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("observation", "wanted"),
    [
        (_seen(), [("127.0.0.9", 443)]),
        (_seen("printer.corp.example"), []),
        (_seen(port=22), []),
        (_seen("own.example.com", 8443), [("127.0.0.9", 8443)]),
        (_proxy("http://127.0.0.8:3128"), [("127.0.0.8", 3128)]),
        (_proxy("http://127.0.0.8:22"), []),
        (_resolver("127.0.0.7:53"), [("127.0.0.7", 53)]),
        (_resolver("127.0.0.7:22"), []),
        (_seen(address="999.1.1.1"), []),
        (_seen(address="attacker.example"), []),
        (_seen(address="224.0.0.1"), []),
    ],
)
def test_only_what_a_check_probes_is_looked_at(
    observation: Observation,
    wanted: list[tuple[str, int]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("netprobe.toml").write_text(
        '[[endpoint]]\nid = "own"\npattern = "own.example.com"\nport = 8443\npurpose = "a mirror"\n', encoding="utf-8"
    )
    asked: list[tuple[str, int]] = []
    genuine = looking.look

    async def look(targets: object, *arguments: object, **more: object) -> object:
        asked.extend((one.address, one.port) for one in targets)  # type: ignore[attr-defined]
        return await genuine((), *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(looking, "look", look)
    path = tmp_path / "report.json"
    path.write_bytes(msgspec.json.encode(reports.report(observations=(observation,))))
    code = run(["path", "--from", str(path), "--format", "json", "-q"])
    assert asked == wanted
    told = json.loads(capsys.readouterr().out)["not_run"]
    assert any("what no check probes" in one["reason"] for one in told) is not bool(wanted)
    assert code == (0 if wanted else 4)


def test_no_more_than_some_addresses_are_looked_at() -> None:
    from netprobe.path import destinations

    many = [_seen(address=f"127.0.{number // 256}.{number % 256}") for number in range(1000)]
    assert len(destinations.of_observations(many)) == 64
