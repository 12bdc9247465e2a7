"""Rules on roots made by hand: what a Debian image cannot show (rpm family, running hosts, trust of a corporate CA)."""

from __future__ import annotations

import os
import sqlite3
import ssl
import struct
import subprocess
import time
from pathlib import Path

import certifi
import msgspec
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from netprobe.findings import Outcome, Owner, Severity, Verdict
from netprobe.host import packages
from netprobe.host import rpmdb as rpmdatabase
from netprobe.host.filesystem import FolderRoot
from netprobe.host.machine import Machine
from netprobe.host.readers import settings as setting_files
from netprobe.host.rules.trust import ROOTS, fingerprints
from netprobe.rules import CannotJudgeError, Judged, Judgement, Rule, judge, not_run, verdict
from tests.support import need, rootfs

PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL
NOT_RUN, NOT_APPLICABLE = Outcome.NOT_RUN, Outcome.NOT_APPLICABLE
RHEL: dict[str, str | bytes] = {
    "etc/os-release": 'ID="rhel"\nVERSION_ID="9.4"\nID_LIKE="fedora"\nPRETTY_NAME="Red Hat Enterprise Linux 9.4"\n'
}
RUNNING = {"run/systemd/system/x": "", "usr/lib/systemd/systemd": ""}
WANTS = "etc/systemd/system/multi-user.target.wants/"
BUNDLE = Path(certifi.where()).read_text()


def judged(tmp_path: Path, files: dict[str, str | bytes], rule: str, **live: object) -> Judged[Machine]:
    root = rootfs.make(tmp_path / "root", files)
    return rootfs.judged(root, rootfs.live(**live) if live else None)[rule]  # type: ignore[arg-type]


def outcome(tmp_path: Path, files: dict[str, str | bytes], rule: str, **live: object) -> Outcome:
    return judged(tmp_path, files, rule, **live).judgement.outcome


def header(name: str, version: str, release: str = "1") -> bytes:
    """An rpm header: two counts, an index of tags (type 6 is a string), the strings."""
    data, index = b"", b""
    for tag, text in ((1000, name), (1001, version), (1002, release)):
        index += struct.pack(">IIII", tag, 6, len(data), 1)
        data += text.encode() + b"\0"
    return struct.pack(">II", 3, len(data)) + index + data


def rpmdb(**versions: str) -> bytes:
    """What rpm 4.16 and later writes, in WAL mode as rpm leaves it."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
    for name, version in versions.items():
        connection.execute("INSERT INTO Packages (blob) VALUES (?)", (header(name.replace("_", "-"), version),))
    connection.commit()
    data: bytes = connection.serialize()
    return data[:18] + b"\x02\x02" + data[20:]


# --- rpm family -------------------------------------------------------------------------------------------------------


def test_rpm_database_by_hand(tmp_path: Path) -> None:
    root = rootfs.make(
        tmp_path / "r", {"var/lib/rpm/rpmdb.sqlite": rpmdb(amazon_ecs_init="1.60.1", docker_ce="25.0.3")}
    )
    found = packages.read(FolderRoot(root))
    assert found.versions == {"amazon-ecs-init": "1.60.1-1", "docker-ce": "25.0.3-1"}
    assert found.unknown == ""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package, built by the real rpmbuild."""
    build = need.engine("rpmbuild")
    folder = tmp_path_factory.mktemp("rpm")
    spec = folder / "t.spec"
    spec.write_text(
        "Name: amazon-ecs-init\nVersion: 1.60.0\nRelease: 1\nSummary: t\nLicense: t\nBuildArch: noarch\n"
        "%description\nt\n%files\n"
    )
    command = [str(build), "-bb", "--define", f"_topdir {folder}/top", "--define", f"_dbpath {folder}/db", str(spec)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    (package,) = (folder / "top").rglob("*.rpm")
    return package


def rpm(database: Path, *arguments: str) -> str:
    command = [str(need.engine("rpm")), "--dbpath", str(database), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.engine
def test_rpm_database_by_rpm(tmp_path: Path, built: Path) -> None:
    """The real rpm writes its own database."""
    database = tmp_path / "root/var/lib/rpm"
    database.mkdir(parents=True)
    rpm(
        database,
        "-i",
        "--justdb",
        "--nodeps",
        "--noscripts",
        "--ignoreos",
        "--ignorearch",
        "--force-debian",
        str(built),
    )
    assert packages.read(FolderRoot(tmp_path / "root")).versions == {"amazon-ecs-init": "1.60.0-1"}


@pytest.mark.engine
@pytest.mark.parametrize("order", [1234, 4321])
def test_rpm_database_by_berkeley_db(tmp_path: Path, order: int) -> None:
    """The real Berkeley DB writes what rpm 4.14 would (RHEL 7 and 8, Amazon Linux 2), in both byte orders.

    One header is longer than a page and lies on a chain of them, the others fit; rpm's own reader agrees.
    """
    load = need.engine("db5.3_load")
    database = tmp_path / "root/var/lib/rpm"
    database.mkdir(parents=True)
    wanted = {f"package{number}": f"1.{number}" for number in range(200)}
    headers = [header(name, version, "1" + "0" * (9000 if version == "1.7" else 1)) for name, version in wanted.items()]
    lines = ["VERSION=3", "format=bytevalue", "type=hash", "db_pagesize=4096", f"db_lorder={order}", "HEADER=END"]
    for number, blob in enumerate([struct.pack("<I", len(headers)), *headers]):
        lines += [f" {struct.pack('<I', number).hex()}", f" {blob.hex()}"]
    text = "\n".join([*lines, "DATA=END", ""])
    command = [str(load), str(database / "Packages")]
    subprocess.run(command, input=text, check=True, capture_output=True, text=True, timeout=60)
    found = packages.read(FolderRoot(tmp_path / "root"))
    assert {name: version.partition("-")[0] for name, version in found.versions.items()} == wanted
    assert found.versions["package7"] == "1.7-1" + "0" * 9000
    if order == 1234:
        told = rpm(database, "--define", "_db_backend bdb_ro", "-qa", "--qf", "%{NAME} %{VERSION}\n")
        assert dict(line.split(" ") for line in told.splitlines()) == wanted


def hash_page(number: int, kind: int, after: int, entries: int, offset: int, body: bytes) -> bytes:
    """One page of a Berkeley DB hash."""
    return (struct.pack("<8xIIIHHBB", number, 0, after, entries, offset, 0, kind) + body).ljust(512, b"\0")


def chained(*, to: int, length: int = 1 << 31, items: int = 1) -> bytes:
    """A hash whose values all lie on the chain that page 2 begins; its next page is ``to``."""
    meta = struct.pack("<12xIII", 0x061561, 9, 512) + b"\0\x08"
    index = struct.pack(f"<{items * 2}H", *([512, 500] * items))
    page = hash_page(1, 13, 0, items * 2, 500, index.ljust(474, b"\0") + struct.pack("<B3xII", 3, 2, length))
    return meta.ljust(512, b"\0") + page + hash_page(2, 7, to, 0, 486, b"x" * 486)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SQLite format 3\x00" + b"\0" * 200,
        b"garbage" * 50,
        rpmdb()[:700],
        rpmdb(x="1").replace(b"Packages", b"packagez"),
        pytest.param(chained(to=2), id="a page that follows itself"),
        pytest.param(chained(to=0xFFFFFFFF), id="a page behind the end"),
        pytest.param(chained(to=1), id="a hash page in a chain"),
        pytest.param(chained(to=2, items=110), id="many values on one chain"),
        pytest.param(chained(to=0)[:1030], id="cut inside a page"),
        pytest.param(b"\0" * 12 + struct.pack("<III", 0x061561, 9, 3) + b"\0" * 600, id="no page size"),
        pytest.param(b"RpmP" + b"\xff" * 28 + b"Slot" + b"\xff" * 600, id="slots that lead nowhere"),
        pytest.param(b"RpmP" + b"\xff" * 28 + struct.pack("<4sIII", b"Slot", 1, 3, 1) + struct.pack(
            "<4sIII", b"BlbS", 1, 0, 0xFFFFFFFF), id="a blob longer than the file"),
    ],
)  # fmt: skip
def test_hostile_rpm_databases_are_unknown(tmp_path: Path, data: bytes) -> None:
    for name in ("rpmdb.sqlite", "Packages.db", "Packages"):
        found = packages.read(FolderRoot(rootfs.make(tmp_path / name, {f"var/lib/rpm/{name}": data})))
        assert found.versions == {}
        assert found.unknown


@given(st.data())
def test_mangled_rpm_databases_end(data: st.DataObject) -> None:
    """Whatever a byte here and there says, reading ends without an exception."""
    whole = bytearray(data.draw(st.sampled_from([chained(to=0, length=400, items=3), NDB])))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 4))
        whole[place : place + 4] = data.draw(st.binary(min_size=4, max_size=4))
    rpmdatabase.packages(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


NDB = (
    b"RpmP" + struct.pack("<IIII12x", 0, 1, 1, 2) + struct.pack("<4sIII", b"Slot", 1, 256, 9)
).ljust(4096, b"\0") + struct.pack("<4sIII", b"BlbS", 1, 1, len(header("a", "1"))) + header("a", "1")  # fmt: skip


def test_ndb_by_hand() -> None:
    """Debian's rpm is built without ndb, so the bytes follow rpmpkg.c."""
    assert rpmdatabase.packages(NDB) == {"a": "1-1"}


def test_endless_view_in_the_place_of_the_table(tmp_path: Path) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE VIEW Packages AS WITH RECURSIVE n(blob) AS (SELECT x'00' UNION ALL SELECT blob || x'00' FROM n) "
        "SELECT blob FROM n"
    )
    connection.commit()
    root = rootfs.make(tmp_path / "r", {"var/lib/rpm/rpmdb.sqlite": connection.serialize()})
    assert packages.read(FolderRoot(root)).versions == {}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5:24.0.7-1~debian.12~bookworm", (24, 0, 7)),
        ("20.10.24+dfsg1-1+deb12u1", (20, 10, 24)),
        ("1.81.0-1.el9", (1, 81, 0)),
        ("3.3.40.0-1", (3, 3, 40, 0)),
        ("", ()),
    ],
)
def test_versions(text: str, numbers: tuple[int, ...]) -> None:
    assert packages.version(text) == numbers


def test_rhel_must_bring_docker(tmp_path: Path) -> None:
    assert outcome(tmp_path, RHEL, "docker_missing") is FAIL
    assert outcome(tmp_path, {**RHEL, "usr/bin/dockerd": "x"}, "docker_missing") is PASS


@pytest.mark.parametrize(
    ("versions", "rule", "expected"),
    [
        ({"amazon_ecs_init": "1.60.1"}, "cgroup_needs_newer_agent", FAIL),
        ({"amazon_ecs_init": "1.61.0"}, "cgroup_needs_newer_agent", PASS),
        ({"amazon_ecs_init": "1.80.0", "docker_ce": "25.0.0"}, "docker_needs_newer_agent", FAIL),
        ({"amazon_ecs_init": "1.81.0", "docker_ce": "25.0.0"}, "docker_needs_newer_agent", PASS),
        ({"amazon_ecs_init": "1.80.0", "docker_ce": "24.0.9"}, "docker_needs_newer_agent", PASS),
        ({"amazon_ecs_init": "1.51.9"}, "ecs_agent_too_old", FAIL),
        ({"amazon_ecs_init": "1.52.0"}, "ecs_agent_too_old", PASS),
        ({"amazon_ssm_agent": "3.3.39.9"}, "ssm_agent_needs_ec2messages", WARN),
        ({"amazon_ssm_agent": "3.3.40.0"}, "ssm_agent_needs_ec2messages", PASS),
        ({"amazon_ssm_agent": "3.3.100.0"}, "agents_not_enabled", WARN),
    ],
)
def test_versions_decide(tmp_path: Path, versions: dict[str, str], rule: str, expected: Outcome) -> None:
    assert outcome(tmp_path, {**RHEL, "var/lib/rpm/rpmdb.sqlite": rpmdb(**versions)}, rule) is expected


AGENTS: dict[str, str | bytes] = {
    "usr/bin/dockerd": "x",
    "usr/lib/systemd/system/ecs.service": "x",
    "etc/systemd/system/amazon-ssm-agent.service": "x",
}


@pytest.mark.parametrize(
    ("rule", "title"),
    [
        ("docker_too_old", "Docker's version"),
        ("docker_needs_newer_agent", "Docker's version"),
        ("ecs_agent_too_old", "the ECS agent's version"),
        ("cgroup_needs_newer_agent", "the ECS agent's version"),
        ("ssm_agent_needs_ec2messages", "SSM Agent's version"),
    ],
)
def test_what_an_unreadable_database_leaves_open(tmp_path: Path, rule: str, title: str) -> None:
    """Not a pass, not "not installed", and not a ready image."""
    root = rootfs.make(tmp_path / "root", {**RHEL, **AGENTS, "var/lib/rpm/Packages": "damaged"})
    one = rootfs.judged(root)[rule]
    assert one.judgement.outcome is NOT_RUN
    assert title in one.judgement.title
    assert "/var/lib/rpm/Packages" in one.judgement.title
    assert one.hindered


def test_agents_are_found_without_a_database(tmp_path: Path) -> None:
    wants = "etc/systemd/system/multi-user.target.wants/"
    one = judged(tmp_path, {**AGENTS, f"{wants}ecs.service": "x"}, "agents_not_enabled")
    assert one.judgement.outcome is WARN
    assert one.judgement.title.endswith(": amazon-ssm-agent.service")
    both: dict[str, str | bytes] = {**AGENTS, f"{wants}ecs.service": "x", f"{wants}amazon-ssm-agent.service": "x"}
    assert outcome(tmp_path, both, "agents_not_enabled") is PASS
    assert rootfs.judged(rootfs.make(tmp_path / "none", {}))["agents_not_enabled"].judgement.outcome is NOT_APPLICABLE


def test_a_masked_unit_is_no_agent(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "etc/systemd/system/amazon-ssm-agent.service": "-> /dev/null",
        "dev/null": "",
        "var/lib/snapd/snaps/amazon-ssm-agent_9881.snap": "x",
    }
    root = rootfs.make(tmp_path / "root", files)
    (root / "dev/null").unlink()
    os.mkfifo(root / "dev/null")
    assert rootfs.judged(root)["ssm_agent_twice"].judgement.outcome is PASS


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('#!/usr/bin/sh\n[ -e /etc/containers/nodocker ] || \\\necho ...\nexec /usr/bin/podman "$@"\n', FAIL),
        ("#!/bin/sh\nexec podman\n", FAIL),
        ("-> podman", FAIL),
        ("#!/bin/sh\nexec /opt/docker/bin/docker\n", PASS),
        (b"\x7fELF\x02podman", PASS),
    ],
)
def test_podmans_docker_command(tmp_path: Path, content: str | bytes, expected: Outcome) -> None:
    """RHEL 8 and 9 and Debian ship it as a script; no package database is needed to see that."""
    assert outcome(tmp_path, {"usr/bin/docker": content, "usr/bin/podman": "x"}, "docker_is_podman") is expected


@pytest.mark.parametrize("content", ["", "\n", "\ufeff{}", "\ufeff"])
def test_docker_starts_with_such_a_configuration(tmp_path: Path, content: str) -> None:
    assert outcome(tmp_path, {"etc/docker/daemon.json": content}, "docker_config_harmful") is PASS


def test_ssm_agent_twice(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "var/lib/dpkg/status": "Package: amazon-ssm-agent\nStatus: install ok installed\nVersion: 3.3.40.0\n",
        "var/lib/snapd/snaps/amazon-ssm-agent_9881.snap": "x",
    }
    assert outcome(tmp_path, files, "ssm_agent_twice") is FAIL


@pytest.mark.parametrize(
    ("number", "expected"), [(62, PASS), (183, PASS), (40, FAIL), (3, FAIL), (243, FAIL), (9999, FAIL)]
)
def test_architecture(tmp_path: Path, number: int, expected: Outcome) -> None:
    elf = b"\x7fELF\x02\x01" + b"\0" * 10 + struct.pack("<HH", 2, number) + b"\0" * 44
    assert outcome(tmp_path, {"usr/lib/systemd/systemd": elf}, "architecture_unsupported") is expected


# --- trust ------------------------------------------------------------------------------------------------------------


def test_roots_are_those_of_the_public_bundle() -> None:
    assert set(ROOTS) <= {sha256 for sha256, _ in fingerprints(BUNDLE)}


def without_root(name: str) -> str:
    """The public bundle less one root, found by its fingerprint."""
    parts = BUNDLE.split("-----END CERTIFICATE-----\n")
    wanted = next(sha256 for sha256, known in ROOTS.items() if known == name)
    ends = [f"{part}-----END CERTIFICATE-----\n" for part in parts if "BEGIN" in part]
    return "".join(part for part in ends if wanted not in {sha256 for sha256, _ in fingerprints(part)})


@pytest.mark.parametrize("name", sorted(ROOTS.values()))
def test_each_root_is_missed(tmp_path: Path, name: str) -> None:
    one = judged(tmp_path, {"etc/pki/tls/certs/ca-bundle.crt": without_root(name)}, "amazon_roots_missing")
    assert one.judgement.outcome is FAIL
    assert name in one.judgement.title
    assert not any(other in one.judgement.title for other in set(ROOTS.values()) - {name})


CORP = trustme.CA(organization_name="Corp").cert_pem.bytes().decode()
ANCHOR = "etc/pki/ca-trust/source/anchors/corp.pem"
STORE = "etc/pki/tls/certs/ca-bundle.crt"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {"corporate_ca_not_in_store": NOT_APPLICABLE, "corporate_ca_unread_by_ecs_agent": NOT_APPLICABLE}),
        ({ANCHOR: CORP, STORE: BUNDLE}, {"corporate_ca_not_in_store": FAIL, "corporate_ca_unread_by_ecs_agent": WARN}),
        ({ANCHOR: CORP, STORE: BUNDLE + CORP},
         {"corporate_ca_not_in_store": PASS, "corporate_ca_unread_by_ecs_agent": WARN}),
        ({ANCHOR: CORP, STORE: BUNDLE + CORP, "etc/ecs/ecs.config": "SSL_CERT_FILE=/etc/ecs/ca.pem\n",
          "etc/ecs/ca.pem": BUNDLE + CORP},
         {"corporate_ca_not_in_store": PASS, "corporate_ca_unread_by_ecs_agent": PASS}),
        ({ANCHOR: CORP, STORE: BUNDLE + CORP, "etc/ecs/ecs.config": "SSL_CERT_FILE=/etc/ecs/ca.pem\n",
          "etc/ecs/ca.pem": CORP},
         {"corporate_ca_not_in_store": PASS, "corporate_ca_unread_by_ecs_agent": FAIL}),
        ({ANCHOR: CORP, STORE: BUNDLE + CORP,
          "var/lib/ecs/deps/execute-command/certs/tls-ca-bundle.pem": BUNDLE},
         {"corporate_ca_missing_in_exec_bundle": WARN}),
    ],
)  # fmt: skip
def test_corporate_ca_on_rpm(tmp_path: Path, files: dict[str, str | bytes], expected: dict[str, Outcome]) -> None:
    root = rootfs.make(tmp_path / "root", {**RHEL, **files})
    found = rootfs.judged(root)
    assert {rule: found[rule].judgement.outcome for rule in expected} == expected


DER = ssl.PEM_cert_to_DER_cert(CORP)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("etc/pki/ca-trust/source/anchors/corp.cer", DER),
        ("etc/pki/ca-trust/source/anchors/corp", CORP),
        ("etc/pki/trust/anchors/corp.0", CORP),
        ("usr/local/share/ca-certificates/corp/inner/corp.crt", CORP),
    ],
)
def test_every_added_ca_is_seen(tmp_path: Path, path: str, content: str | bytes) -> None:
    """In the forms and at the places that update-ca-trust and update-ca-certificates take."""
    files: dict[str, str | bytes] = {**RHEL, path: content, STORE: BUNDLE}
    one = judged(tmp_path, files, "corporate_ca_not_in_store")
    assert one.judgement.outcome is FAIL
    assert one.judgement.places[0].file == f"/{path}"
    assert outcome(tmp_path, {**files, STORE: BUNDLE + CORP}, "corporate_ca_not_in_store") is PASS


def test_a_readme_among_the_anchors_is_no_ca(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {**RHEL, "etc/pki/ca-trust/source/anchors/README": "0\x82text", STORE: BUNDLE}
    assert outcome(tmp_path, files, "corporate_ca_not_in_store") is NOT_APPLICABLE


def test_corporate_ca_on_debian(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "var/lib/dpkg/status": "",
        "usr/local/share/ca-certificates/corp.pem": CORP,
        "etc/ssl/certs/ca-certificates.crt": BUNDLE,
    }
    one = judged(tmp_path, files, "corporate_ca_not_in_store")
    assert one.judgement.outcome is FAIL
    assert "ends in .crt" in one.judgement.remedy
    assert outcome(tmp_path, files, "corporate_ca_unread_by_ecs_agent") is PASS


# --- running hosts ----------------------------------------------------------------------------------------------------

AGENT_PROCESS = {"proc/77/comm": "agent\n", "proc/77/cmdline": "/agent\0"}
OTHER_AGENT = {"proc/77/comm": "agent\n", "proc/77/cmdline": "/opt/datadog-agent/bin/agent/agent\0run\0"}
TCP = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


@pytest.mark.parametrize(
    ("rule", "files", "live", "expected"),
    [
        ("systemd_missing", {"usr/lib/systemd/systemd": ""}, {}, FAIL),
        ("systemd_missing", RUNNING, {}, PASS),
        ("cgroup_needs_newer_agent", {"sys/fs/cgroup/cgroup.controllers": "cpu"}, {}, PASS),
        ("selinux_enforcing", {"sys/fs/selinux/enforce": "1"}, {}, FAIL),
        ("selinux_enforcing", {"sys/fs/selinux/enforce": "0", "etc/selinux/config": "SELINUX=enforcing"}, {}, PASS),
        ("disk_space_low", {}, {"free": 1024**3}, FAIL),
        ("disk_space_low", {}, {"free": 5 * 1024**3}, WARN),
        ("disk_space_low", {}, {"free": 50 * 1024**3}, PASS),
        ("disk_space_low", {}, {"free": None}, NOT_RUN),
        ("clock_unsynchronised", {}, {"synchronised": False}, WARN),
        ("clock_unsynchronised", {}, {"synchronised": None}, NOT_RUN),
        ("credentials_on_host", {}, {"environment": {"AWS_SESSION_TOKEN": "t"}}, FAIL),
        ("credentials_on_host", {}, {"environment": {"AWS_DEFAULT_REGION": "us-east-2"}}, PASS),
        ("credentials_on_host", {"root/.aws/credentials": "aws_access_key_id=x\n",
                                 "var/lib/amazon/ssm/Vault/Store/RegistrationKey": "k"}, {}, PASS),
        ("cloud_metadata_present", {"sys/class/dmi/id/sys_vendor": "Amazon EC2\n"}, {}, WARN),
        ("cloud_metadata_present", {"sys/class/dmi/id/sys_vendor": "Dell Inc.\n"}, {}, PASS),
        ("cloud_metadata_present", {"sys/class/dmi/id/sys_vendor": "Microsoft Corporation\n",
                                    "sys/class/dmi/id/chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77\n"},
         {}, WARN),
        ("cloud_metadata_present", {"sys/class/dmi/id/sys_vendor": "Microsoft Corporation\n"}, {}, PASS),
        ("already_registered", {"var/lib/amazon/ssm/Vault/Store/RegistrationKey": "k",
                                "var/lib/ecs/data/agent.db": "d"}, {}, PASS),
        ("already_registered", {"var/lib/amazon/ssm/Vault/Store/RegistrationKey": "k"}, {}, WARN),
        ("machine_id_in_image", {"etc/machine-id": "0123456789abcdef0123456789abcdef\n"}, {}, PASS),
        ("machine_id_in_image", {"etc/machine-id": ""}, {}, FAIL),
        ("resolver_missing", {"etc/resolv.conf": "# nothing\n"}, {}, FAIL),
        ("agent_ports_taken", {"proc/net/tcp": TCP + "   0: 0100007F:C9DF 00000000:0000 0A 0 0 0\n"}, {}, FAIL),
        ("agent_ports_taken", {"proc/net/tcp": TCP + "   0: 0100007F:C9DF 0200007F:1234 01 0 0 0\n"}, {}, PASS),
        ("agent_ports_taken", {"proc/net/tcp6": TCP + "   0: " + "0" * 32 + ":C9DE " + "0" * 32 + ":0000 0A 0 0 0\n"},
         {}, FAIL),
        ("agent_ports_taken", {"proc/net/tcp": TCP + "   0: 0100007F:C9DF 00000000:0000 0A 0 0 0\n",
                               **AGENT_PROCESS}, {}, PASS),
        ("agent_ports_taken", {"proc/net/tcp": TCP + "   0: 0100007F:C9DF 00000000:0000 0A 0 0 0\n", **OTHER_AGENT},
         {}, FAIL),
        ("task_credentials_unreachable", {}, {}, NOT_APPLICABLE),
        ("task_credentials_unreachable", OTHER_AGENT, {}, NOT_APPLICABLE),
        ("task_credentials_unreachable", {"proc/7/comm": "amazon-ecs-init\n"}, {}, FAIL),
        ("task_credentials_unreachable", {**AGENT_PROCESS,
                                          "proc/sys/net/ipv4/conf/all/route_localnet": "0\n"}, {}, FAIL),
        ("task_credentials_unreachable", {**AGENT_PROCESS,
                                          "proc/sys/net/ipv4/conf/all/route_localnet": "1\n"}, {}, NOT_RUN),
        ("task_credentials_unreachable",
         {**AGENT_PROCESS, "proc/sys/net/ipv4/conf/all/route_localnet": "1\n"},
         {"firewall": {"iptables-save": "*nat\n-A PREROUTING -d 169.254.170.2/32 -p tcp -m tcp --dport 80 "
                                        "-j DNAT --to-destination 127.0.0.1:51679\nCOMMIT\n"}}, PASS),
        ("task_credentials_unreachable",
         {**AGENT_PROCESS, "proc/sys/net/ipv4/conf/all/route_localnet": "1\n"},
         {"firewall": {"iptables-save": "*nat\nCOMMIT\n"}}, FAIL),
        ("local_firewall_blocks", {}, {}, NOT_RUN),
        ("local_firewall_blocks", {}, {"firewall": {"iptables-save": "*filter\n:OUTPUT DROP [0:0]\nCOMMIT\n"}}, FAIL),
        ("local_firewall_blocks", {}, {"firewall": {"nft": "", "iptables-save": ""}}, PASS),
        ("fips_mode", {"proc/sys/crypto/fips_enabled": "1\n"}, {}, WARN),
        ("fips_mode", {"proc/sys/crypto/fips_enabled": "0\n"}, {}, PASS),
        ("ipv6_only", {"proc/net/route": "Iface\tDestination\tGateway\tFlags\neth0\t0000000A\t0\t0001\n",
                       "proc/net/ipv6_route": "0" * 32 + " 00 " + "0" * 32 + " 00 fe80" + "0" * 28
                       + " 00000400 00000000 00000000 00000003 eth0\n"}, {}, WARN),
        ("ipv6_only", {"proc/net/route": "Iface\tDestination\tGateway\tFlags\neth0\t00000000\t0101A8C0\t0003\n"},
         {}, PASS),
        ("ipv6_only", {}, {}, NOT_RUN),
    ],
)  # fmt: skip
def test_running_host(
    tmp_path: Path, rule: str, files: dict[str, str], live: dict[str, object], expected: Outcome
) -> None:
    root = rootfs.make(tmp_path / "root", files)
    found = rootfs.judged(root, rootfs.live(**live))[rule]  # type: ignore[arg-type]
    assert found.judgement.outcome is expected, found.judgement.title


@pytest.mark.parametrize(
    ("files", "measured"),
    [
        ({"var/lib/docker/x": ""}, "/var/lib/docker"),
        ({"var/lib/x": ""}, "/var/lib"),
        ({"var/lib/docker/x": "", "data/docker/x": "", "etc/docker/daemon.json": '{"data-root": "/data/docker"}'},
         "/data/docker"),
        ({"data/x": "", "etc/docker/daemon.json": '{"data-root": "/data/docker"}'}, "/data"),
        ({"etc/docker/daemon.json": '{"data-root": 1}'}, "/"),
        ({"etc/docker/daemon.json": "{"}, "/"),
    ],
)  # fmt: skip
def test_space_is_measured_where_docker_keeps_images(tmp_path: Path, files: dict[str, str], measured: str) -> None:
    live = msgspec.structs.replace(rootfs.live(), free_bytes={measured: 1024**3}.get)
    found = rootfs.judged(rootfs.make(tmp_path / "root", {"etc/x": "", **files}), live)["disk_space_low"]
    assert found.judgement.outcome is FAIL, found.judgement.title
    assert found.judgement.places[0].file == measured


def test_a_process_that_ends_leaves_nothing_open(tmp_path: Path) -> None:
    """Its folder in /proc is listed, and reading it is an error."""
    root = rootfs.make(tmp_path / "root", {"proc/8/comm": "-> /proc/8/comm", "proc/9/comm": "amazon-ecs-init\n"})
    found = rootfs.judged(root, rootfs.live())["task_credentials_unreachable"]
    assert found.judgement.outcome is FAIL


ENFORCING = {"etc/selinux/config": "SELINUX=enforcing\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (ENFORCING, FAIL),
        ({**ENFORCING, "boot/loader/entries/a.conf": "options root=/dev/sda ro enforcing=0\n"}, PASS),
        ({"etc/selinux/config": "SELINUX=permissive\n", "etc/kernel/cmdline": "ro enforcing=1"}, FAIL),
        ({**ENFORCING, "etc/default/grub": 'GRUB_CMDLINE_LINUX="selinux=0"\n'}, PASS),
        ({**ENFORCING, "etc/default/grub": '# GRUB_CMDLINE_LINUX="selinux=0"\n'}, FAIL),
        ({**ENFORCING, "etc/default/grub": 'GRUB_CMDLINE_LINUX="selinux=0 quiet selinux=1"\n'}, FAIL),
        ({**ENFORCING, "etc/default/grub.d/50-cloudimg.cfg": 'GRUB_CMDLINE_LINUX="selinux=0"\n'}, PASS),
    ],
)
def test_selinux_of_an_image(tmp_path: Path, files: dict[str, str | bytes], expected: Outcome) -> None:
    assert outcome(tmp_path, files, "selinux_enforcing") is expected


@pytest.mark.parametrize(
    ("rule", "files", "expected"),
    [
        ("machine_id_in_image", {"etc/machine-id": "0" * 32 + "\n"}, FAIL),
        ("machine_id_in_image", {"etc/machine-id": "uninitialized\n"}, PASS),
        ("machine_id_in_image", {"etc/machine-id": "", "var/lib/dbus/machine-id": "0" * 32}, FAIL),
        ("machine_id_in_image", {"etc/machine-id": "", "var/lib/dbus/machine-id": "-> /etc/machine-id"}, PASS),
        ("resolver_search_multiplies", {"etc/resolv.conf": "search a.b\noptions ndots:3\n"}, PASS),
        ("resolver_search_multiplies", {"etc/resolv.conf": "search a.b\noptions ndots:4\n"}, WARN),
        ("resolver_search_multiplies", {"etc/resolv.conf": "options ndots:4\n"}, PASS),
    ],
)
def test_image(tmp_path: Path, rule: str, files: dict[str, str | bytes], expected: Outcome) -> None:
    assert outcome(tmp_path, {"etc/x": "", **files}, rule) is expected


@pytest.mark.parametrize(
    ("severity", "hindered", "expected"),
    [
        (Severity.ERROR, True, Verdict.INCONCLUSIVE),
        (Severity.WARNING, True, Verdict.READY),
        (Severity.ERROR, False, Verdict.READY),
    ],
)
def test_what_keeps_the_verdict_open(severity: Severity, hindered: bool, expected: Verdict) -> None:
    """A file that is there and cannot be read, for a rule whose failure would be an error; nothing less."""

    def judge_it(_: Machine) -> Judgement:
        if hindered:
            raise CannotJudgeError("unreadable")
        return not_run("needs the running host")

    one = Rule(id="x", title="x", severity=severity, owner=Owner.HOST, source="", checked="", judge=judge_it)
    with FolderRoot(Path("/proc/self")) as root:
        found = judge([one], Machine(root=root, subject="x"), "x", running=True)
    assert verdict(found) is expected
    assert verdict(()) is Verdict.INCONCLUSIVE


OFF, ON = "net.ipv4.conf.all.route_localnet = 0\n", "-net/ipv4/conf/all/route_localnet=1\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"etc/sysctl.d/10-a.conf": OFF}, WARN),
        ({"etc/sysctl.d/10-a.conf": OFF, "usr/lib/sysctl.d/50-b.conf": ON}, PASS),
        ({"etc/sysctl.d/60-a.conf": OFF, "usr/lib/sysctl.d/50-b.conf": ON}, WARN),
        ({"usr/lib/sysctl.d/50-b.conf": OFF, "etc/sysctl.d/50-b.conf": "# nothing\n"}, PASS),
        ({"etc/sysctl.d/90-a.conf": ON, "etc/sysctl.conf": OFF}, WARN),
        ({"etc/sysctl.d/90-a.conf": OFF + ON}, PASS),
    ],
)
def test_the_last_sysctl_holds(tmp_path: Path, files: dict[str, str | bytes], expected: Outcome) -> None:
    assert outcome(tmp_path, files, "route_localnet_forbidden") is expected


def test_image_never_answers_for_a_running_host(tmp_path: Path) -> None:
    found = rootfs.judged(rootfs.make(tmp_path / "root", {"etc/x": ""}))
    only_running = [one for one in found.values() if one.rule.running]
    assert only_running
    assert {one.judgement.outcome for one in only_running} == {NOT_RUN}


@pytest.mark.parametrize("entry", ["loop", "folder"])
def test_unreadable_file_leaves_its_rules_open(tmp_path: Path, entry: str) -> None:
    """Neither a pass nor a crash; the others are judged all the same."""
    root = rootfs.make(tmp_path / "root", {"etc/os-release": "ID=debian\nVERSION_ID=12\n"})
    if entry == "loop":
        rootfs.plant(root, "etc/hosts", link="hosts")
    else:
        (root / "etc/hosts").mkdir()
    found = rootfs.judged(root)
    assert found["aws_names_in_hosts_file"].judgement.outcome is (NOT_RUN if entry == "loop" else PASS)
    assert found["os_unsupported"].judgement.outcome is PASS


def test_settings_keep_secrets_out_of_repr(tmp_path: Path) -> None:
    root = rootfs.make(tmp_path / "r", {"f": "# c\nA = 'x y'\nHTTP_PROXY=http://u:hunter2@p:1\nnot a setting\n"})
    found = setting_files.shell(FolderRoot(root), "/f")
    assert [(one.key, one.line) for one in found] == [("A", 2), ("HTTP_PROXY", 3)]
    assert found[0].value == "x y"
    assert "hunter2" not in repr(found)
    assert "hunter2" not in repr(found[1].place)


ECS = {"var/lib/dpkg/status": "Package: amazon-ecs-init\nStatus: install ok installed\nVersion: 1.105.1-1\n",
       "lib/systemd/system/ecs.service": "[Service]\n", "usr/bin/dockerd": "",
       "lib/systemd/system/docker.service": "[Service]\n"}  # fmt: skip
DROP_IN = "etc/systemd/system/docker.service.d/http-proxy.conf"


@pytest.mark.parametrize(
    ("files", "rule", "expected"),
    [
        ({}, "proxy_only_http_set", PASS),
        ({DROP_IN: "[Service]\nEnvironment=HTTP_PROXY=http://p.corp.example:3128\n"}, "proxy_only_http_set", WARN),
        ({DROP_IN: "[Service]\nEnvironment=HTTPS_PROXY=http://p.corp.example:3128\n"}, "proxy_only_http_set", PASS),
        ({DROP_IN: "[Service]\nEnvironment=HTTPS_PROXY=ftp://p.corp.example\n"}, "proxy_scheme_unusable", FAIL),
        ({DROP_IN: "[Service]\nEnvironment=HTTPS_PROXY=http://u:hunter2@p.corp.example:1\n"},
         "proxy_password_world_readable", WARN),
    ],
)  # fmt: skip
def test_proxy_settings_of_an_image(tmp_path: Path, files: dict[str, str], rule: str, expected: Outcome) -> None:
    root = rootfs.make(tmp_path / "root", {**ECS, **files})
    if DROP_IN in files:
        (root / DROP_IN).chmod(0o644)
    one = rootfs.judged(root)[rule]
    assert one.judgement.outcome is expected, one.judgement.title
    if expected is not PASS:
        assert one.judgement.places[0].file == f"/{DROP_IN}"
        assert one.judgement.places[0].line == 2
    assert "hunter2" not in str(one.judgement)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("http://user:hunter2@proxy:3128", ""),
        ("HTTP_PROXY = http://user:hunter2@proxy:3128", "HTTP_PROXY"),
        ("export HTTP_PROXY=http://user:hunter2@proxy:3128", "export HTTP_PROXY"),
        ("hunter2", ""),
        ("PASSWORD hunter2", ""),
    ],
)
def test_unread_lines_are_told_without_their_secrets(tmp_path: Path, line: str, shown: str) -> None:
    one = judged(tmp_path, {"etc/ecs/ecs.config": f"ECS_CLUSTER=a\n{line}\n"}, "ecs_config_unread")
    assert one.judgement.outcome is FAIL
    assert [(place.line, place.text) for place in one.judgement.places] == [(2, shown)]
    assert "hunter2" not in str(one)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('ECS_CLUSTER="prod"', FAIL),
        ("AWS_DEFAULT_REGION='us-east-2'", FAIL),
        ("ECS_CLUSTER=prod # ours", FAIL),
        ("ECS_CLUSTER=prod", PASS),
        ("#ECS_CLUSTER='prod'", PASS),
        ('ECS_AVAILABLE_LOGGING_DRIVERS=["json-file","awslogs"]', PASS),
        ('ECS_INSTANCE_ATTRIBUTES={"rack": "7 #2"}', PASS),
    ],
)
def test_quotes_reach_the_agent(tmp_path: Path, line: str, expected: Outcome) -> None:
    """ecs-init takes nothing away from a value; systemd, which reads the same file, does."""
    one = judged(tmp_path, {"etc/ecs/ecs.config": f"ECS_LOGLEVEL=info\n{line}\n"}, "ecs_config_unread").judgement
    assert one.outcome is expected, one.title
    if expected is FAIL:
        assert [(place.line, place.text) for place in one.places] == [(2, line.partition("=")[0])]


# --- floods -----------------------------------------------------------------------------------------------------------

UNIT = "usr/lib/systemd/system/docker.service"
DOCKERD: dict[str, str | bytes] = {"usr/bin/dockerd": "x"}
LONG = 8 * 1024 * 1024 - 100


def many(text: str, size: int = LONG) -> str:
    return text * (size // len(text))


@pytest.mark.parametrize(
    "files",
    [
        {STORE: many("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")},
        {UNIT: "[Service]\n" + many('Environment="A=b"\n')},
        {UNIT: "[Service]\nEnvironment=" + many("A=b ")},
        {UNIT: "[Service]\nEnvironment=" + many("\\\n")},
        {UNIT: "[Service]\n" + many("EnvironmentFile=/etc/big\n", 200_000), "etc/big": many("A=b\n", 200_000)},
        {"etc/ecs/ecs.config": many("NO_PROXY=a,b\n")},
        {"etc/ecs/ecs.config": "HTTP_PROXY=http://a\nNO_PROXY=" + many("a.b,")},
        {"etc/resolv.conf": many("nameserver 192.0.2.1\n")},
        {"etc/sysconfig/iptables": many("-A OUTPUT -j ACCEPT\n"), f"{WANTS}iptables.service": ""},
        {"var/lib/dpkg/status": "Package: docker.io\nStatus: install ok installed\nVersion: " + many("1.")},
    ],
    ids=lambda files: f"{next(iter(files))} {next(iter(files.values()))[9:40]!r}",
)
def test_a_flood_is_judged_in_time(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    """Minutes once, for some of these."""
    root = rootfs.make(tmp_path / "root", {**DOCKERD, **files})
    began = time.process_time()
    rootfs.judged(root)
    assert time.process_time() - began < 3


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' + "9" * 5000 + "}"])
def test_a_configuration_that_no_json_reader_takes(tmp_path: Path, content: str) -> None:
    """Told as a mistake in the file, by the rule about it, and no crash of any other."""
    assert outcome(tmp_path, {**DOCKERD, "etc/docker/daemon.json": content}, "docker_config_harmful") is FAIL
