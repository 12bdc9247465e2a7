"""The commands host and image, in every format, with their exit codes."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from pathlib import Path

import jsonschema
import junitparser
import pytest

from netprobe.cli import readiness
from netprobe.findings import Outcome
from netprobe.host.rules import RULES
from netprobe.report import FORMATS
from tests.support import need, rootfs
from tests.support.cli import netprobe

SELINUX = {"etc/selinux/config": "SELINUX=enforcing\n"}


def test_host_judges_every_rule_and_fits_the_schema() -> None:
    ended = netprobe("host", "--format", "json")
    assert ended.code in (0, 1, 4), ended.err
    report = json.loads(ended.out)
    assert [one["id"] for one in report["rules"]] == [rule.id for rule in RULES]
    schema = json.loads(netprobe("check", "--schema").out)
    jsonschema.validate(report, schema)
    assert report["endpoints"] == []


@pytest.mark.parametrize("format", sorted(FORMATS.keys() - {"line", "nagios"}))  # which tell the gravest first
def test_every_format_tells_the_failed_rule(format: str, tmp_path: Path) -> None:
    root = rootfs.make(tmp_path / "root", SELINUX)
    ended = netprobe("image", str(root), "--format", format)
    assert ended.code == 1, ended.err
    assert "selinux_enforcing" in ended.out
    assert "\x1b" not in ended.out


def test_several_reports_at_once(tmp_path: Path) -> None:
    root = rootfs.make(tmp_path / "root", SELINUX)
    ended = netprobe("image", str(root), "--report", "junit=a.xml", "--report", "sarif=b.sarif", cwd=tmp_path)
    assert ended.code == 1
    assert "<testsuite" in (tmp_path / "a.xml").read_text()
    assert json.loads((tmp_path / "b.sarif").read_text())["version"] == "2.1.0"


@pytest.mark.parametrize("hindered", [False, True])
def test_what_only_a_running_host_tells_fails_no_pipeline(tmp_path: Path, hindered: bool) -> None:
    """A test report turns red for a rule that was kept from judging, not for one that an image never answers."""
    root = rootfs.make(tmp_path / "root", {"etc/selinux/x": ""})
    if hindered:
        (root / "etc/selinux/config").symlink_to("config")
    ended = netprobe("image", str(root), "--format", "tap", "--report", "junit=a.xml", cwd=tmp_path)
    open_ = {"selinux_enforcing"} if hindered else set()
    errors = {case.name for suite in junitparser.JUnitXml.fromfile(str(tmp_path / "a.xml")) for case in suite
              if any(isinstance(one, junitparser.Error) for one in case.result)}  # fmt: skip
    assert errors == open_
    blocks = [block for block in re.split(r"^(?=ok|not ok)", ended.out, flags=re.MULTILINE) if '"not_run"' in block]
    assert {block.split()[-1] for block in (one.split("\n")[0] for one in blocks)} == open_
    assert "disk_space_low # SKIP needs the running host" in ended.out


def test_hostile_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    root = rootfs.make(tmp_path / "root", {"etc/os-release": 'ID=x\nPRETTY_NAME="\x1b[31mred\x07\u202e"\n'})
    for format in ("text", "markdown", "github", "tap"):
        ended = netprobe("image", str(root), "--format", format)
        assert not {"\x1b", "\x07", "\u202e"} & set(ended.out)


@pytest.mark.root
def test_an_ordinary_user_is_told_what_was_not_looked_at(tmp_path: Path) -> None:
    """Unreadable files leave the answer open (exit 4) where nothing else failed; they are never a pass."""
    need.root()
    root = rootfs.make(tmp_path / "root", SELINUX)
    (root / "etc/selinux/config").chmod(0)
    for folder in (root, *root.parents):
        folder.chmod(folder.stat().st_mode | 0o055)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        try:
            found = rootfs.judged(root)["selinux_enforcing"]
            os.write(writing, f"{found.judgement.outcome} {found.hindered} {found.judgement.title}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    told = os.read(reading, 500).decode()
    os.close(reading)
    assert told == "not_run True /etc/selinux/config: Permission denied"


def test_a_root_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """Files come, go and become links out of the root as they are read: a report every time, of the root alone."""
    outside, root, spare = tmp_path / "outside", tmp_path / "root", tmp_path / "spare"
    outside.mkdir()
    (outside / "config").write_text("SELINUX=enforcing\n")
    (root / "etc/selinux").mkdir(parents=True)
    (root / "etc/selinux/config").write_text("SELINUX=disabled\n")
    over = threading.Event()

    def change() -> None:
        selinux = root / "etc/selinux"
        while not over.is_set():
            selinux.rename(spare)
            selinux.symlink_to(outside)
            time.sleep(0.001)  # long enough to be read in this state too
            selinux.unlink()
            (root / "etc/os-release").write_text("ID=debian\n" * 100)
            (root / "etc/os-release").unlink()
            spare.rename(selinux)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for _ in range(20):
            found = readiness.image(root)
            outcomes = {rule.id: rule.outcome for rule in found.rules}
            assert outcomes["selinux_enforcing"] is not Outcome.FAIL
    finally:
        over.set()
        changer.join(timeout=10)
