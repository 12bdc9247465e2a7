"""What is given away for Prometheus: rules that promtool takes, and alerts that fire and stay silent as they should."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from netprobe import manual
from netprobe.report.formats.openmetrics import exposition
from tests.support import need, reports
from tests.support.cli import ROOT

DEPLOY = ROOT / "netprobe" / "deploy"
RULES = DEPLOY / "prometheus" / "netprobe.rules.yml"


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    need.engine("promtool")
    return subprocess.run(
        ["promtool", *arguments], cwd=RULES.parent, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_rules_are_rules() -> None:
    done = promtool("check", "rules", RULES.name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS: 12 rules found" in done.stdout


def test_the_alerts_fire_and_are_silent_as_they_should() -> None:
    done = promtool("test", "rules", "netprobe.test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_fires_too_early_is_noticed(tmp_path: Path) -> None:
    (tmp_path / RULES.name).write_text(
        RULES.read_text().replace("max_over_time(netprobe_ready[10m])", "netprobe_ready")
    )
    played = (RULES.parent / "netprobe.test.yml").read_text()
    (tmp_path / "netprobe.test.yml").write_text(played)
    assert promtool("test", "rules", str(tmp_path / "netprobe.test.yml")).returncode != 0


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    alerts = {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}
    headings = set(re.findall(r"^### (\w+)$", (DEPLOY / "METRICS.md").read_text(), re.MULTILINE))
    assert set(alerts) == headings
    for name, rule in alerts.items():
        # In the site that 'netprobe docs build' makes; tests/test_handbook.py follows each link into it.
        assert rule["annotations"]["runbook_url"] == f"{manual.BASE}metrics/#{name.lower()}"
        assert rule["annotations"]["summary"]


def test_the_rules_ask_for_metrics_that_exist() -> None:
    text = exposition(reports.report())
    own = {"netprobe_exporter_look_impossible", "netprobe_exporter_every_seconds"}
    known = {*re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE), *own}
    asked = {name for name in re.findall(r"netprobe_\w+", RULES.read_text()) if "METRICS" not in name}
    assert asked <= known


def test_the_metrics_are_what_promtool_takes() -> None:
    need.engine("promtool")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=exposition(reports.report()), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("unit", ["netprobe-exporter.service", "netprobe-check.service"])
def test_the_units_are_hardened(unit: str) -> None:
    need.engine("systemd-analyze")
    path = ROOT / "tests" / "release" / "native" / unit
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_exporter_is_nobody() -> None:
    text = (ROOT / "tests" / "release" / "native" / "netprobe-exporter.service").read_text()
    assert "DynamicUser=yes" in text.splitlines()
    assert not re.search(r"^User=|AmbientCapabilities", text, re.MULTILINE)
