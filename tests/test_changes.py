"""``netprobe changes``: what changed for somebody, and what a file lacks that was made before."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import feedparser
import pytest

from netprobe import catalog, changes
from netprobe.catalog import Forms, history
from netprobe.changes import WantedChanges, What
from netprobe.errors import UnreadableFileError
from netprobe.render import targets
from netprobe.report import stored
from tests.support.cli import netprobe
from tests.support.some import some

FIRST = history.current().first.version
NEEDS_A_LOCK = frozenset({"aerleon", "firewalld", "iptables", "networkpolicy", "nftables", "ufw"})
"""Targets that hold addresses alone and are not made without a look at the DNS."""
WANTED = ("-r", "us-east-2", "--with", "docker-hub,tasks")


def found(wanted: WantedChanges) -> dict[tuple[str, str], What]:
    told = changes.shifts(history.current(), catalog.load(), wanted, FIRST)
    return {(one.region, one.endpoint): one.what for one in told}


def test_only_what_concerns_these_regions_and_groups_is_told() -> None:
    assert found(WantedChanges(regions=("us-east-2",))) == {}
    hub = WantedChanges(regions=("us-east-2",), groups=("docker-hub",))
    assert found(hub) == {("us-east-2", "docker-hub-layers-3"): What.ADDED}
    patching = WantedChanges(regions=("ap-south-2",), groups=("patching",))
    assert found(patching) == {
        ("ap-south-2", "ssm-patch-baselines"): What.REMOVED,
        ("ap-south-2", "ssm-patch-baselines-suffixed"): What.ADDED,
        ("ap-south-2", "ssm-patch-manager"): What.ADDED,
    }
    dual = WantedChanges(regions=("us-east-2",), forms=Forms(dualstack=True))
    assert found(dual) == {("us-east-2", "ec2messages-dualstack"): What.REMOVED}


def test_a_region_that_left_all_is_told_as_what_its_endpoints_lost() -> None:
    gone = {region for region, _ in found(WantedChanges(regions=("all",)))}
    assert gone == {"me-west-1", "sa-west-1"}


def test_the_same_version_has_no_changes() -> None:
    newest = history.current().versions[-1]
    everything = WantedChanges(regions=("all",), groups=("tasks", "patching", "docker-hub"))
    assert changes.shifts(history.current(), catalog.load(), everything, newest) == ()


def test_every_shift_says_why() -> None:
    everything = WantedChanges(regions=("all",), groups=("tasks", "patching", "docker-hub", "install"))
    for one in some(changes.shifts(history.current(), catalog.load(), everything, FIRST)):
        assert one.reason, one
        assert one.impact, one
        assert one.source, one


@pytest.mark.parametrize("target", targets.names())
def test_every_render_says_of_what_it_was_made(target: str, tmp_path: Path) -> None:
    where = tmp_path / "made"
    options = ["--with", "docker-hub", "--allow-widening", "--account", "123456789012", "-q"]
    more = ((), ("--ip-ranges", "snapshot"), ("--enforce", "--source", "192.0.2.0/24"), ("--enforce", "--every-client"))
    for form in more:
        if netprobe("render", target, "-r", "us-east-2", *options, *form, "-o", str(where)).code == 0:
            break
    else:
        assert target in NEEDS_A_LOCK
        return
    files = [where] if where.is_file() else sorted(path for path in where.rglob("*") if path.is_file())
    headed = [path for path in files if b"catalog " in path.read_bytes() and not path.name.startswith(".")]
    written = [changes.read_back(path.name, path.read_bytes()) for path in headed]
    assert {one.version for one in written} == {catalog.load().version}
    assert {one.wanted.regions for one in written} == {("us-east-2",)}
    assert all("docker-hub" in one.wanted.groups for one in written)


def made_before(tmp_path: Path, *options: str) -> Path:
    """A file that the first version of the catalog could have made."""
    path = tmp_path / "squid.conf"
    assert netprobe("render", "squid", "-r", "us-east-2", *options, "-q", "-o", str(path)).code == 0
    text = path.read_text()
    assert f"catalog {catalog.load().version}" in text
    path.write_text(text.replace(f"catalog {catalog.load().version}", f"catalog {FIRST}"))
    return path


def test_a_file_that_is_short_of_a_required_name(tmp_path: Path) -> None:
    ended = netprobe("changes", "--for", str(made_before(tmp_path, "--with", "docker-hub")))
    assert ended.code == 1, ended.err
    assert ended.out.startswith("squid.conf: made of catalog 2026-11-23; 1 name short since 2026-11-28\n")
    assert "docker-hub-layers-3" in ended.out


def test_a_file_that_is_short_of_optional_names_alone_is_no_failure(tmp_path: Path) -> None:
    ended = netprobe("changes", "--for", str(made_before(tmp_path, "--with", "tasks")), "--format", "json")
    assert ended.code == 0
    assert {one["endpoint"] for one in json.loads(ended.out)["changes"]} == {
        "appconfigdata",
        "application-signals",
        "prometheus",
    }


def test_a_file_that_lacks_nothing(tmp_path: Path) -> None:
    ended = netprobe("changes", "--for", str(made_before(tmp_path)))
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith(f"it lacks nothing that catalog {catalog.load().version} knows\n")


def test_a_report_says_it_too(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    handoff = tmp_path / "handoff.txt"
    options = ("--with", "docker-hub", "--account", "123456789012", "--handoff", str(handoff), "--format", "json")
    netprobe("check", "-r", "us-east-2", "--lab", "nodata", *options, "-o", str(path))
    document = json.loads(path.read_text())
    document["catalog"]["version"] = FIRST
    path.write_text(json.dumps(document))
    page, packed = tmp_path / "report.html", tmp_path / "report.json.gz"
    netprobe("diagnose", str(path), "--format", "html", "-o", str(page))
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for one in (path, page, packed):
        ended = netprobe("changes", "--for", str(one))
        assert (ended.code, ended.err) == (1, ""), one
    assert stored.read(packed) == stored.read(path)
    text = handoff.read_text().replace(f"catalog {catalog.load().version}", f"catalog {FIRST}")
    written = changes.read_back("handoff.txt", text.encode())
    assert (written.version, written.wanted.regions) == (FIRST, ("us-east-2",))


def test_the_command_in_the_prose_of_a_handoff_is_not_its_header() -> None:
    for space in (" ", "\n     "):
        text = f"catalog {FIRST}\nRegions:     us-east-2\n`netprobe render squid -r{space}REGION` writes it.\n"
        assert changes.read_back("handoff.txt", text.encode()).wanted.regions == ("us-east-2",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (gzip.compress(b"x" * 100)[:-9], "is a gzip stream that ends too early"),
        (b"\x1f\x8bgarbage", "is a damaged gzip stream"),
        (gzip.compress(bytes(stored.MAX_BYTES + 1), 1), "holds more than 64 MiB"),
        (b'<!doctype html><template id="netprobe-report">!</template>', "is an HTML page that holds no report"),
    ],
    ids=["cut", "damaged", "bomb", "page"],
)
def test_a_damaged_or_endless_file_is_told(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        stored.unpacked(data, "report.json.gz", "name another")


def test_a_lock_lacks_numbered_patterns(tmp_path: Path) -> None:
    path = tmp_path / "netprobe.lock"
    sighting = {"at": "2026-11-28T00:00:00Z", "resolver": "127.0.0.1:53", "names": {}}
    patterns = {f"ecs-{letter}-*.us-east-2.amazonaws.com": sighting for letter in "at"}
    path.write_text(json.dumps({"version": 1, "patterns": patterns}))
    assert netprobe("changes", "--for", str(path), "-r", "us-east-2").code == 0
    path.write_text(json.dumps({"version": 1, "patterns": dict(list(patterns.items())[:1])}))
    ended = netprobe("changes", "--for", str(path), "-r", "us-east-2")
    assert ended.code == 1
    assert "no name of ecs-t-*.us-east-2.amazonaws.com is in it" in ended.err


@pytest.mark.parametrize("data", [b"", b"acl allowed dstdomain .example.com\n", b"\xff\xfe\x00", b"{" * 100_000])
def test_what_netprobe_did_not_write_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableFileError, match="names no version of netprobe's catalog"):
        changes.read_back("squid.conf", data)


def test_atom_is_read_by_a_reader_that_is_not_ours() -> None:
    ended = netprobe("changes", *WANTED, "--format", "atom")
    read = feedparser.parse(ended.out)
    assert not read.bozo, read.get("bozo_exception")
    assert read.version == "atom10"
    assert {entry.title.split(" ")[1] for entry in read.entries} == {
        *("appconfigdata", "application-signals", "docker-hub-layers-3", "prometheus")
    }
    assert len({entry.id for entry in read.entries}) == 4
    assert all(entry.updated == "2026-11-28T00:00:00Z" and entry.summary for entry in read.entries)
    assert {entry.link.split("/")[2] for entry in read.entries} == {"docs.aws.amazon.com", "docs.docker.com"}


def test_csv_and_markdown_and_text_tell_the_same() -> None:
    rows = list(csv.DictReader(io.StringIO(netprobe("changes", *WANTED, "--format", "csv").out)))
    assert {row["required"] for row in rows} == {"True", "False"}
    for form in ("markdown", "text"):
        told = netprobe("changes", *WANTED, "--format", form).out
        assert all(row["endpoint"] in told and row["after"] in told for row in rows)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--format", "yaml"), "yaml: is not a format of changes; choose one of text, json, csv, atom, markdown"),
        (("--since", "never"), "never: is neither a version of the catalog nor a day; write for example 2026-11-23"),
        (("--for", "missing", "--since", "2026-11-23"), "--since --for: exclude each other"),
        (("-r", ""), "--region: is given, and names none; name a region, or leave --region out for all"),
        (("--since", ""), "--since: is given, and names nothing; name a version or day, or leave --since out"),
        (("-r", "cn-north-1"), "cn-north-1: Amazon ECS Anywhere does not register"),
    ],
)
def test_a_wrong_request_is_told_in_a_line(arguments: tuple[str, ...], reason: str) -> None:
    ended = netprobe("changes", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"netprobe: {reason}")
    assert ended.err.count("\n") == 1
