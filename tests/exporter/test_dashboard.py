"""The Grafana dashboard, from the fleet down to an endpoint: a library that is not ours reads every part of it."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from netprobe.report.formats.openmetrics import exposition
from tests.support import need, reports
from tests.support.cli import ROOT

PATH = ROOT / "netprobe" / "deploy" / "grafana" / "netprobe.json"
DASHBOARD: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]


def test_grafanas_own_types_read_all_of_it() -> None:
    register_default_plugins()
    read = Dashboard.from_json(json.loads(PATH.read_text(encoding="utf-8")))
    written = json.loads(JSONEncoder(sort_keys=True).encode(read))
    assert without_nulls(written) == without_nulls(DASHBOARD)


def test_it_leads_from_the_fleet_to_an_endpoint() -> None:
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Fleet", "Site", "Host", "Endpoint"]
    assert [one["name"] for one in DASHBOARD["templating"]["list"]] == ["datasource", "site", "instance", "endpoint"]


def test_it_asks_for_metrics_that_exist() -> None:
    known = set(re.findall(r"^# TYPE (\w+) ", exposition(reports.report()), re.MULTILINE))
    queries = [str(one.get("query", "")) for one in DASHBOARD["templating"]["list"]]
    asked = {name for text in [*expressions(), *queries] for name in re.findall(r"netprobe_\w+", text)}
    assert asked <= known
    assert len(asked) > 8


def test_every_expression_is_one(tmp_path: Any) -> None:
    need.engine("promtool")
    rules = [{"record": f"one:{number}", "expr": text.replace("$", "")} for number, text in enumerate(expressions())]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(tmp_path / "rules.yml")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
