"""Rules on roots made by hand: what a Debian image cannot show (rpm family, running hosts, trust of a corporate CA)."""

from __future__ import annotations

import sqlite3
import struct
import subprocess
from pathlib import Path

import certifi
import pytest
import trustme

from netprobe.diagnosis.model import Outcome
from netprobe.host import packages
from netprobe.host.filesystem import FolderRoot
from netprobe.host.machine import Machine, settings
from netprobe.host.rules.trust import ROOTS, fingerprints
from netprobe.rules import Judged
from tests.support import need, rootfs

PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL
NOT_RUN, NOT_APPLICABLE = Outcome.NOT_RUN, Outcome.NOT_APPLICABLE
RHEL: dict[str, str | bytes] = {
    "etc/os-release": 'ID="rhel"\nVERSION_ID="9.4"\nID_LIKE="fedora"\nPRETTY_NAME="Red Hat Enterprise Linux 9.4"\n'
}
RUNNING = {"run/systemd/system/x": "", "usr/lib/systemd/systemd": ""}
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


@pytest.mark.engine
def test_rpm_database_by_rpm(tmp_path: Path) -> None:
    """The real rpm builds a package and writes its own database."""
    build = need.engine("rpmbuild")
    spec = tmp_path / "t.spec"
    spec.write_text(
        "Name: amazon-ecs-init\nVersion: 1.60.0\nRelease: 1\nSummary: t\nLicense: t\nBuildArch: noarch\n"
        "%description\nt\n%files\n"
    )
    database = tmp_path / "root/var/lib/rpm"
    database.mkdir(parents=True)
    place = ["--define", f"_topdir {tmp_path}/top", "--define", f"_dbpath {database}"]
    subprocess.run([str(build), "-bb", *place, str(spec)], check=True, capture_output=True, timeout=60)
    (package,) = (tmp_path / "top").rglob("*.rpm")
    rpm = [str(build.with_name("rpm")), "--dbpath", str(database)]
    options = ["-i", "--justdb", "--nodeps", "--noscripts", "--ignoreos", "--ignorearch", "--force-debian"]
    subprocess.run([*rpm, *options, str(package)], check=True, capture_output=True, timeout=60)
    assert packages.read(FolderRoot(tmp_path / "root")).versions == {"amazon-ecs-init": "1.60.0-1"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SQLite format 3\x00" + b"\0" * 200,
        b"garbage" * 50,
        rpmdb()[:700],
        rpmdb(x="1").replace(b"Packages", b"packagez"),
    ],
)
def test_hostile_rpm_databases_are_unknown(tmp_path: Path, data: bytes) -> None:
    root = rootfs.make(tmp_path / "r", {"var/lib/rpm/rpmdb.sqlite": data})
    found = packages.read(FolderRoot(root))
    assert found.versions == {}
    assert found.unknown


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


def test_unknown_database_is_not_a_pass(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {**RHEL, "var/lib/rpm/Packages": "bdb", "usr/bin/dockerd": "x"}
    one = judged(tmp_path, files, "docker_too_old")
    assert one.judgement.outcome is NOT_RUN
    assert "/var/lib/rpm/Packages" in one.judgement.title


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
                               "proc/77/comm": "agent\n"}, {}, PASS),
        ("task_credentials_unreachable", {}, {}, NOT_APPLICABLE),
        ("task_credentials_unreachable", {"proc/77/comm": "agent\n",
                                          "proc/sys/net/ipv4/conf/all/route_localnet": "0\n"}, {}, FAIL),
        ("task_credentials_unreachable", {"proc/77/comm": "agent\n",
                                          "proc/sys/net/ipv4/conf/all/route_localnet": "1\n"}, {}, NOT_RUN),
        ("task_credentials_unreachable",
         {"proc/77/comm": "agent\n", "proc/sys/net/ipv4/conf/all/route_localnet": "1\n"},
         {"firewall": {"iptables-save": "*nat\n-A PREROUTING -d 169.254.170.2/32 -p tcp -m tcp --dport 80 "
                                        "-j DNAT --to-destination 127.0.0.1:51679\nCOMMIT\n"}}, PASS),
        ("task_credentials_unreachable",
         {"proc/77/comm": "agent\n", "proc/sys/net/ipv4/conf/all/route_localnet": "1\n"},
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
    found = settings(FolderRoot(root), "/f")
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
