"""A real Prometheus scrapes a real exporter, while the fault of the lab comes and goes: alerts fire and resolve.

The rules are those that are given away, with seconds in the place of their minutes.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.exporter.test_dashboard import expressions
from tests.exporter.test_exporter import exporter, when_ready
from tests.support import need
from tests.support.cli import ROOT
from tests.support.switched import SwitchedLab

RULES = ROOT / "netprobe" / "deploy" / "prometheus" / "netprobe.rules.yml"
_CONFIG = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
  - job_name: netprobe
    static_configs: [{targets: ["%s"]}]
  - job_name: asked
    metrics_path: /probe
    params: {region: [us-east-2]}
    scrape_interval: 20s
    scrape_timeout: 19s
    static_configs: [{targets: ["%s"]}]
"""
_OF_AN_INSPECTOR = '(netprobe_interceptor_certificate_expiry_seconds{instance=~"$instance"} - time()) / 86400'
"""What the dashboard asks for that there is only where TLS is inspected."""


def _of_all(expression: str) -> str:
    """A query of the dashboard with "All" chosen everywhere."""
    return re.sub(r"\$(site|instance|endpoint)\b", ".*", expression)


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[Callable[[str], list[dict[str, object]]]]:
    """A Prometheus of Debian's; gives the results of one of its APIs."""
    need.engine("prometheus")
    text = RULES.read_text().replace("[10m]", "[4s]").replace("for: 5m", "for: 1s").replace("[1h]", "[1m]")
    (folder / "rules.yml").write_text(text)
    (folder / "prometheus.yml").write_text(_CONFIG % (target, target))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log) as process,
    ):
        try:

            def asked(path: str) -> list[dict[str, object]]:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=10) as answer:
                    data = json.load(answer)["data"]
                found: list[dict[str, object]] = data.get("alerts", data.get("result"))
                return found

            _wait(lambda: _answers(asked), 60, "Prometheus came up", folder)
            yield asked
        finally:
            process.terminate()
            process.wait(20)


def _answers(asked: Callable[[str], list[dict[str, object]]]) -> bool:
    try:
        return asked("alerts") == []
    except OSError:
        return False


def _wait(done: Callable[[], bool], seconds: float, what: str, folder: Path) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"it never was that {what}: {(folder / 'log').read_text()[-2000:]}"
        time.sleep(0.5)


@pytest.mark.timeout(400)
def test_alerts_fire_and_resolve_with_the_fault(tmp_path: Path) -> None:
    lab = SwitchedLab(tmp_path)
    try:
        lab.play("healthy")
        with exporter("--lab", str(lab.file), "--every", "10s") as (url, _):
            when_ready(url)
            with prometheus(tmp_path, re.sub("https?://", "", url)) as asked:

                def firing() -> set[str]:
                    return {
                        str(alert["labels"]["alertname"])  # type: ignore[index]
                        for alert in asked("alerts")
                        if alert["state"] == "firing"
                    }

                _wait(lambda: bool(asked("query?query=netprobe_ready==1")), 60, "it was scraped", tmp_path)
                assert firing() == set()
                lab.play("expired")
                _wait(lambda: {"NetprobeNotReady", "NetprobeError"} <= firing(), 120, "the alerts fired", tmp_path)
                (told, *_) = [one for one in asked("alerts") if "NetprobeError" in str(one["labels"])]
                assert "tls_expired" in str(told["annotations"])
                assert "runbook_url" in str(told["annotations"])
                asked_too = 'query?query=netprobe_host{job="asked"}'
                _wait(lambda: bool(asked(asked_too)), 60, "/probe was scraped, too", tmp_path)
                answers = {text: asked(f"query?query={quote(_of_all(text))}") for text in expressions()}
                assert [text for text, found in answers.items() if not found] == [_OF_AN_INSPECTOR]
                lab.play("healthy")
                gone = {"NetprobeNotReady", "NetprobeError"}
                _wait(lambda: not gone & firing(), 120, "the alerts were resolved", tmp_path)
                assert asked('query?query=up{job="asked"}')
    finally:
        lab.end()
