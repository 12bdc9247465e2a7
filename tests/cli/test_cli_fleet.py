"""``netprobe fleet`` as people run it: exit codes, what is told, hand-offs; the module that judges is ``survey``."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from netprobe.findings import Severity
from netprobe.fleet import survey
from tests.support.cli import ROOT, Ended, environment
from tests.support.cli import netprobe as run
from tests.support.fleets import CA, Machine, encoded, fault, machines

assert survey.BY == ("site", "subnet", "proxy")


def save(folder: Path, members: list[Machine]) -> Path:
    folder.mkdir(exist_ok=True)
    for machine in members:
        (folder / f"{machine.name}.json").write_bytes(encoded(machine))
    return folder


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    members = machines(random.Random(2), 40)
    for machine in members:
        if machine.proxy == "http://proxy-a:3128":
            machine.faults = [fault("tls_intercepted", cause=CA)]
    return save(tmp_path / "reports", members)


def _piped(lines: bytes) -> Ended:
    command = [sys.executable, "-m", "netprobe", "fleet", "-", "--format", "json"]
    done = subprocess.run(
        command, input=lines, env=environment(), cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_folder_an_archive_and_a_stream_say_the_same(reports: Path, tmp_path: Path) -> None:
    archive = tmp_path / "reports.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(reports, "reports")
    lines = b"".join(path.read_bytes() + b"\n" for path in sorted(reports.iterdir()))
    answers = [
        run("fleet", str(reports), "--format", "json"),
        run("fleet", str(archive), "--format", "json"),
        _piped(lines),
    ]
    causes = [json.loads(done.out)["causes"] for done in answers]
    assert causes[0] == causes[1] == causes[2]
    assert [done.code for done in answers] == [1, 1, 1]


def test_a_fleet_that_is_ready_ends_with_zero_and_strict_counts_warnings(tmp_path: Path) -> None:
    members = machines(random.Random(3), 5)
    assert run("fleet", str(save(tmp_path / "a", members))).code == 0
    members[0].faults = [fault("dns_slow", severity=Severity.WARNING)]
    folder = str(save(tmp_path / "b", members))
    assert run("fleet", folder).code == 0
    assert run("fleet", folder, "--strict").code == 1


def test_what_is_missing_or_old_leaves_the_answer_open(tmp_path: Path) -> None:
    members = machines(random.Random(3), 2)
    folder = str(save(tmp_path / "a", members))
    (tmp_path / "hosts").write_text("host0000\nhost0001\nhost0002\n")
    done = run("fleet", folder, "--expect", str(tmp_path / "hosts"))
    assert done.code == 4
    assert "Sent nothing (1): host0002" in done.out
    assert run("fleet", folder, "--max-age", "1s").code == 4


def test_a_host_whose_clock_is_wrong_is_not_silently_too_old(tmp_path: Path) -> None:
    members = machines(random.Random(3), 5)
    members[0].faults = [fault("clock_skew")]
    members[1].faults = [fault("clock_skew", severity=Severity.WARNING)]
    done = run("fleet", str(save(tmp_path / "reports", members)), "--max-age", "1s")
    told = [line for line in done.err.splitlines() if "clock" in line]
    assert told == ["netprobe: too old by the report's date, but the host's clock is wrong: host0000"]
    assert done.code == 4


def test_copies_of_an_image_are_told(tmp_path: Path) -> None:
    members = machines(random.Random(3), 3)
    folder = save(tmp_path / "reports", members)
    text = encoded(members[1]).replace(b'"name":"host0001"', b'"name":"twin"')
    (folder / "twin.json").write_bytes(text)
    done = run("fleet", str(folder))
    assert "host0001 and twin have one machine id and count as a host each" in done.err
    assert "4 of 4 hosts are ready" in done.out


def test_broken_reports_are_told_and_skipped_and_only_nothing_readable_is_an_error(reports: Path) -> None:
    for path in list(reports.iterdir())[:3]:
        path.write_bytes(b"{}")
    done = run("fleet", str(reports))
    assert done.code == 1
    assert done.err.count("skipped") == 3
    for path in reports.iterdir():
        path.write_bytes(b"{}")
    done = run("fleet", str(reports))
    assert done.code == 2
    assert "holds no report that can be read" in done.err


def test_a_report_that_was_cut_off_leaves_the_answer_open_and_another_document_does_not(tmp_path: Path) -> None:
    """What a full disk leaves is a host that nobody has judged; a file of settings among the reports is none."""
    members = machines(random.Random(3), 3)
    folder = save(tmp_path / "reports", members)
    (folder / "settings.json").write_text('{"indent": 2, "lines": [1, 2]}')
    (folder / "list.json").write_text("[1, 2]")
    assert run("fleet", str(folder)).code == 0
    whole = (folder / "host0001.json").read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"<html>502 Bad Gateway</html>", whole.replace(b'"1.', b'"7.', 1)):
        (folder / "host0001.json").write_bytes(content)
        done = run("fleet", str(folder))
        assert done.code == 4
        last = done.out.rstrip().splitlines()[-2:]
        assert last[0] == "INCONCLUSIVE: 2 of 2 hosts are ready."
        assert last[1].strip() == "1 file could not be read and may be a host's report."


def test_trials_and_reports_that_are_days_old_are_told_with_the_answer(tmp_path: Path) -> None:
    members = machines(random.Random(3), 2)
    members[1].started_at = datetime.now(UTC).isoformat()
    folder = save(tmp_path / "reports", members)
    old = encoded(members[0]).replace(b"2026-11-28T", b"2026-10-01T")
    (folder / "host0000.json").write_bytes(old)
    text = (folder / "host0001.json").read_bytes()
    (folder / "host0001.json").write_bytes(text.replace(b'"context":{', b'"context":{"lab":"healthy",'))
    done = run("fleet", str(folder))
    answer = " ".join(done.out[done.out.index("READY:") :].split())
    assert "says nothing about a host's own: host0001." in answer
    assert "1 report that counted, up to " in answer
    assert " days old (see --max-age): host0000." in answer


def test_hosts_that_could_not_be_judged_are_named_with_the_answer(tmp_path: Path) -> None:
    members = machines(random.Random(3), 2)
    folder = save(tmp_path / "reports", members)
    text = encoded(members[1]).replace(b'"verdict":"ready"', b'"verdict":"inconclusive"')
    (folder / "host0001.json").write_bytes(text)
    done = run("fleet", str(folder))
    assert done.code == 4
    assert "Could not be judged: host0001." in done.out[done.out.index("INCONCLUSIVE:") :]


def test_reports_that_name_no_host_and_are_called_alike_are_a_host_each(tmp_path: Path) -> None:
    """As Salt's master keeps them: MINION/files/…/report.json, each made with --anonymous."""
    members = machines(random.Random(3), 2)
    members[0].faults = [fault("tcp_dropped")]
    for machine, minion in zip(members, ("web1", "web2"), strict=True):
        document = json.loads(encoded(machine))
        document["host"] |= {"name": "", "machine_id": ""}
        place = tmp_path / minion / "files"
        place.mkdir(parents=True)
        (place / "report.json").write_text(json.dumps(document))
    done = run("fleet", str(tmp_path))
    assert done.code == 1
    assert "report (web1)" in done.out
    assert "At report (web1): Something about tcp_dropped." in done.out, "whose words these are"
    assert "1 of 2 hosts cannot work and 1 of 2 hosts is ready" in done.out
    told = " ".join(done.out[done.out.index("NOT READY:") :].split())
    assert "Counted as hosts, though their reports name none" in told
    assert "report (web1) and report (web2)." in told
    assert "name no host (--anonymous) and count as a host each" in done.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "REPORT: is missing"),
        (("x.json", "--format", "pdf"), "is not a format"),
        (("x.json", "--report", "html"), "is not FORMAT=FILE"),
        (("x.json", "--max-age", "soon"), "is not an age"),
        (("x.json", "--handoff-target", "squid"), "give --handoff DIR"),
        (("x.json", "--handoff", "d", "--handoff-target", "nope"), "nope"),
        (("x.json", "--expect", "nowhere"), "cannot be read"),
        (("missing.json",), "holds no report that can be read"),
    ],
)
def test_a_wrong_request_says_what_to_do(arguments: tuple[str, ...], told: str) -> None:
    done = run("fleet", *arguments)
    assert done.code == 2
    assert told in done.err
    assert done.out == ""


def test_an_unknown_label_says_which_there_are(reports: Path) -> None:
    done = run("fleet", str(reports), "--by", "floor")
    assert done.code == 2
    assert "site, subnet, proxy, rack, tier" in done.err
    assert "By tier" in run("fleet", str(reports), "--by", "tier").out


def test_the_schema_is_printed() -> None:
    assert json.loads(run("fleet", "--schema").out)["title"] == "netprobe fleet"


def test_several_formats_at_once(reports: Path, tmp_path: Path) -> None:
    done = run(
        "fleet", str(reports), "--report", f"html={tmp_path / 'f.html'}", "--report", f"xlsx={tmp_path / 'f.xlsx'}"
    )
    assert done.code == 1
    assert (tmp_path / "f.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "f.xlsx").read_bytes().startswith(b"PK")


def test_the_answer_of_the_same_reports_is_the_same(reports: Path) -> None:
    first, second = (json.loads(run("fleet", str(reports), "--format", "json").out) for _ in range(2))
    assert {**first, "made_at": ""} == {**second, "made_at": ""}
