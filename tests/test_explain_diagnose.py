"""``netprobe explain`` and ``netprobe diagnose``, as a person runs them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import msgspec
import pytest

from netprobe.cli.main import run
from netprobe.diagnosis import diagnose
from netprobe.diagnosis.capabilities import CAPABILITIES
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.findings import Verdict
from netprobe.observations import Failure
from netprobe.report.model import Report
from tests.support.observe import World, name


def saved(tmp_path: Path, world: World) -> Path:
    made = world.run()
    path = tmp_path / "report.json"
    path.write_bytes(msgspec.json.encode(Report.of(made, diagnose(made))))
    return path


def broken() -> World:
    world = World()
    world.endpoint("ecs")
    world.dns(name("ecs"), failure=Failure.DNS_NXDOMAIN)
    return world


@pytest.mark.parametrize("id_", ["tls_sni_blocked", "generic_timeout_error", "ecs-a", "receive-tasks", "squid"])
def test_explain_shows_a_page(id_: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", id_]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("# ")
    assert shown.err == ""


def test_explain_has_a_page_for_all_it_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "--list"]) == 0
    listed = capsys.readouterr().out
    for id_ in (*TAXONOMY, *(f.value for f in Failure), *(c.id for c in CAPABILITIES)):
        assert f"  {id_} " in listed
        assert run(["explain", id_]) == 0


def test_explain_tells_the_nearest_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "tls_sni_bloked"]) == 2
    assert "tls_sni_blocked" in capsys.readouterr().err
    assert run(["explain"]) == 2
    assert run(["explain", "../../etc/passwd"]) == 2


def test_diagnose_concludes_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path, broken())

    assert run(["diagnose", str(path), "--format", "json"]) == 1
    again = json.loads(capsys.readouterr().out)

    assert again["findings"] == json.loads(path.read_text())["findings"]
    assert again["verdict"] == "not_ready"


def test_diagnose_does_not_trust_saved_conclusions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path, broken())
    report = json.loads(path.read_text())
    report |= {"verdict": "ready", "findings": []}
    path.write_text(json.dumps(report))

    assert run(["diagnose", str(path)]) == 1
    assert "dns_name_missing" in capsys.readouterr().out


def test_diagnose_keeps_open_what_the_deadline_cut_short(tmp_path: Path) -> None:
    """The un-numbered name is missing; whether it is needed is open, since not every number could be asked for."""
    world = World(context={"deadline_reached": True})
    world.endpoint("ecs-a", name("ecs-a-1"), name("ecs-a-2"), numbered=True, unfinished=(name("ecs-a-2"),))
    world.endpoint("ecs-a-unnumbered", name("ecs-a"), stands_in_for="ecs-a")
    world.dns(name("ecs-a"), failure=Failure.DNS_NXDOMAIN)
    assert diagnose(world.run()).verdict is Verdict.INCONCLUSIVE

    assert run(["diagnose", str(saved(tmp_path, world))]) == 4


def test_diagnose_of_a_healthy_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.endpoint("ecs")
    world.good(name("ecs"))

    assert run(["diagnose", str(saved(tmp_path, world))]) == 0
    assert "READY" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"schema_version": "1.0"}', b"\xff\xfe", b'{"schema_version": 7}']
)
def test_malformed_reports_are_the_users_mistake(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)

    assert run(["diagnose", str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.strip().splitlines()) == 1
    assert "Traceback" not in shown.err


def test_a_wrong_type_is_told_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path, broken())
    report = json.loads(path.read_text())
    report["observations"][0]["duration_seconds"] = "soon"
    path.write_text(json.dumps(report))

    assert run(["diagnose", str(path)]) == 2
    assert "duration_seconds" in capsys.readouterr().err


def test_a_missing_file(tmp_path: Path) -> None:
    assert run(["diagnose", str(tmp_path / "nothing.json")]) == 2


def test_explain_on_a_terminal_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    from netprobe.cli import explain

    monkeypatch.setattr("sys.stdout", io.StringIO())
    laid_out = explain._pretty(explain._found("tcp_dropped"))

    assert "\x1b" not in laid_out
    assert max(map(len, laid_out.splitlines())) <= 80
