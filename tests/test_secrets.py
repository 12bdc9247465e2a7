"""A planted password, in every place where a user writes one and for every command and format: nothing repeats it."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.errors import redacted
from netprobe.report import FORMATS
from tests.support import bounded
from tests.support.cli import environment

SECRET = "hunter2-the/pass:word"
BARE = f"svc:{SECRET}@proxy.corp.example:3128"
WRITTEN = (SECRET, quote(SECRET, safe=""), base64.b64encode(f"svc:{SECRET}".encode()).decode(), "hunter2")

MISTAKES = [
    ["check", "-r", "us-east-2", "--resolver", f"svc:{SECRET}@192.0.2.1"],
    ["check", "-r", "us-east-2", "--resolver", f"udp://svc:{SECRET}@192.0.2.1:53"],
    ["check", "-r", "us-east-2", "--proxy", f"svc:{SECRET}@proxy.corp.example:99999"],
    ["check", "-r", "us-east-2", "--proxy", f"ftp://svc:{SECRET}@proxy.corp.example"],
    ["check", "-r", BARE],
    ["check", "-r", "us-east-2", "--lab", "healthy", "--proxy", BARE],
    ["path", BARE],
    ["path", f"http://{BARE}"],
    ["render", "squid", "-r", "us-east-2", "--lock", f"http://{BARE}/netprobe.lock"],
    ["render", BARE, "-r", "us-east-2"],
    ["diagnose", f"https://svc:{SECRET}@files.corp.example/report.json"],
    ["image", f"https://svc:{SECRET}@files.corp.example/image.tar"],
    ["workload", f"https://svc:{SECRET}@files.corp.example/task.json"],
    ["audit", "-r", "us-east-2", f"https://svc:{SECRET}@files.corp.example/access.log"],
    ["observe", f"https://svc:{SECRET}@files.corp.example/capture.pcap"],
    ["explain", BARE],
    [BARE],
]


def _held(text: str) -> list[str]:
    return [one for one in WRITTEN if one in text]


@pytest.mark.parametrize("arguments", MISTAKES, ids=lambda arguments: " ".join(arguments)[:40])
def test_no_mistake_repeats_it(arguments: list[str], tmp_path: Path) -> None:
    env = {**environment(), "TMPDIR": str(tmp_path)}
    ended = bounded.netprobe(*arguments, cwd=tmp_path, env=env)
    assert ended.returncode == 2
    assert _held(ended.stdout + ended.stderr) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS)
def test_no_report_of_a_host_whose_settings_hold_it(format: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc/ecs").mkdir(parents=True)
    (root / "etc/systemd/system/docker.service.d").mkdir(parents=True)
    (root / "etc/os-release").write_text("ID=debian\nVERSION_ID=12\n")
    (root / "etc/ecs/ecs.config").write_text(f"HTTP_PROXY={BARE}\nNO_PROXY=a.example,svc:{SECRET}@b.example, {BARE}\n")
    drop_in = f'[Service]\nEnvironment="HTTPS_PROXY=https://{BARE}" "NO_PROXY=http://{BARE}"\n'
    (root / "etc/systemd/system/docker.service.d/proxy.conf").write_text(drop_in)
    ended = bounded.netprobe("image", root, "--format", format, cwd=tmp_path)
    assert ended.returncode == 1, ended.stderr
    assert _held(ended.stdout + ended.stderr) == []


def test_no_traceback_repeats_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netprobe.cli import bug

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", BARE)
    for argument in (f"--proxy={BARE}", BARE, f"http://{BARE}"):
        bug.keep(f"ValueError: {SECRET} is no port of {BARE}", ["check", argument])
    kept = [path.read_text() for path in tmp_path.iterdir()]
    assert len(kept) == 3
    assert _held("".join(kept)) == []


@given(st.from_regex(r"[a-z0-9:/@-]{3,20}", fullmatch=True), st.sampled_from(["", "http://", "socks5://"]))
def test_a_url_with_or_without_a_scheme_is_redacted(secret: str, scheme: str) -> None:
    text = f"see {scheme}svc:x{secret}x@proxy.example:3128 now"
    assert redacted(text) == f"see {scheme}***@proxy.example:3128 now"


@pytest.mark.parametrize(
    "text",
    ["nginx:1.25@sha256:00ff", "a.example:443", "someone@example.com", "registry:5000/app@sha256:00", "12:30", "::1"],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text
