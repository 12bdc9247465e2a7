"""A real Debian root passes once it is prepared, and each planted defect fails exactly its own rule."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from netprobe.findings import Outcome
from tests.support import rootfs
from tests.support.cli import netprobe

# A Debian takes half a minute on an idle machine and more on a busy one; whichever test comes first pays for it.
pytestmark = [pytest.mark.root, pytest.mark.engine, pytest.mark.timeout(600)]

FAIL, WARN = Outcome.FAIL, Outcome.WARN
ENABLED = "etc/systemd/system/multi-user.target.wants"


@dataclass(frozen=True)
class Defect:
    """What is planted, and the one rule that must tell it."""

    rule: str
    outcome: Outcome
    files: dict[str, str | None]
    line: int | None = None
    file: str = ""


DEBIAN_9 = 'ID=debian\nVERSION_ID="9"\nPRETTY_NAME="Debian GNU/Linux 9 (stretch)"\n'
DEBIAN_13 = 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n'
MINT = 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="21"\n'
UNKNOWN_CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
NOTHING_OUT = "table inet filter {\n chain output {\n  type filter hook output priority 0; policy drop;\n }\n}\n"
DEFECTS = [
    Defect("os_unsupported", FAIL, {"etc/os-release": DEBIAN_9}),
    Defect("os_unsupported", FAIL, {"etc/os-release": MINT}),
    Defect("os_unsupported", WARN, {"etc/os-release": DEBIAN_13}),
    Defect("os_unsupported", FAIL, {"etc/os-release": None, "usr/lib/os-release": None}),
    Defect(
        "selinux_enforcing", FAIL, {"etc/selinux/config": "# comment\nSELINUX=enforcing\n"}, 2, "/etc/selinux/config"
    ),
    Defect("iptables_missing", FAIL, {"usr/sbin/iptables": None, "sbin/iptables": None}),
    Defect("apparmor_parser_missing", WARN, {"usr/sbin/apparmor_parser": None}),
    Defect("package_manager_missing", FAIL, {"usr/bin/apt-get": None}),
    Defect("docker_is_podman", FAIL, {"usr/bin/docker": "-> podman"}),
    Defect(
        "docker_not_enabled",
        WARN,
        {f"{ENABLED}/docker.service": None, "etc/systemd/system/sockets.target.wants/docker.socket": None},
    ),
    Defect(
        "docker_config_harmful", FAIL, {"etc/docker/daemon.json": '{"debug": true,\n}'}, 2, "/etc/docker/daemon.json"
    ),
    Defect(
        "docker_config_harmful",
        WARN,
        {"etc/docker/daemon.json": '{\n "iptables": false\n}'},
        2,
        "/etc/docker/daemon.json",
    ),
    Defect(
        "credentials_on_host",
        FAIL,
        {"root/.aws/credentials": "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key=secret\n"},
        2,
        "/root/.aws/credentials",
    ),
    Defect(
        "credentials_on_host",
        FAIL,
        {"etc/environment": "LANG=C\nAWS_SECRET_ACCESS_KEY=hunter2\n"},
        2,
        "/etc/environment",
    ),
    Defect(
        "credentials_on_host", FAIL, {"etc/profile.d/aws.sh": "export AWS_PROFILE=ops\n"}, 1, "/etc/profile.d/aws.sh"
    ),
    Defect(
        "credentials_on_host",
        FAIL,
        {"etc/systemd/system/ecs.service.d/x.conf": '[Service]\nEnvironment="AWS_ACCESS_KEY_ID=AKID"\n'},
        2,
        "/etc/systemd/system/ecs.service.d/x.conf",
    ),
    Defect("already_registered", FAIL, {"var/lib/amazon/ssm/Vault/Store/RegistrationKey": "{}"}),
    Defect("already_registered", FAIL, {"var/lib/ecs/data/agent.db": "x"}),
    Defect("machine_id_in_image", FAIL, {"etc/machine-id": "0123456789abcdef0123456789abcdef\n"}),
    Defect("machine_id_in_image", FAIL, {"var/lib/dbus/machine-id": "0123456789abcdef0123456789abcdef\n"}),
    Defect("several_clusters", FAIL, {"etc/ecs/ecs.config": "ECS_CLUSTER=a\nECS_CLUSTER=b\n"}),
    Defect(
        "ecs_config_unread",
        FAIL,
        {"etc/ecs/ecs.config": "# ok\nexport HTTP_PROXY=http://u:secret@p:1\n"},
        2,
        "/etc/ecs/ecs.config",
    ),
    Defect("amazon_roots_missing", FAIL, {"etc/ssl/certs/ca-certificates.crt": ""}),
    Defect("resolver_missing", FAIL, {"etc/resolv.conf": "nameserver dns.corp.example\n"}, 1, "/etc/resolv.conf"),
    Defect(
        "resolver_missing",
        WARN,
        {"etc/resolv.conf": "".join(f"nameserver 192.0.2.{n}\n" for n in range(4))},
        4,
        "/etc/resolv.conf",
    ),
    Defect("resolver_dead_stub", FAIL, {"etc/resolv.conf": "nameserver 127.0.0.53\n"}, 1, "/etc/resolv.conf"),
    Defect("resolver_dead_stub", FAIL, {"etc/resolv.conf": "nameserver 127.0.0.1\n"}, 1, "/etc/resolv.conf"),
    Defect(
        "resolver_search_multiplies",
        WARN,
        {"etc/resolv.conf": "nameserver 192.0.2.1\nsearch a.example b.example\noptions ndots:5\n"},
    ),
    Defect(
        "aws_names_in_hosts_file",
        WARN,
        {"etc/hosts": "127.0.0.1 localhost\n203.0.113.9 ecs.us-east-2.amazonaws.com\n"},
        2,
        "/etc/hosts",
    ),
    Defect("time_sync_missing", FAIL, {f"{ENABLED}/chrony.service": None}),
    Defect(
        "time_sync_missing",
        FAIL,
        {
            "lib/systemd/system/chrony.service": None,
            "usr/lib/systemd/system/chrony.service": None,
            "etc/systemd/system/chronyd.service": None,
        },
    ),
    Defect(
        "route_localnet_forbidden",
        WARN,
        {"etc/sysctl.d/99-hard.conf": "net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.route_localnet=0\n"},
        2,
        "/etc/sysctl.d/99-hard.conf",
    ),
    Defect("fips_mode", WARN, {"etc/default/grub": 'GRUB_CMDLINE_LINUX="quiet fips=1"\n'}, 1, "/etc/default/grub"),
    Defect("ipv6_only", WARN, {"etc/ecs/ecs.config": "ECS_INSTANCE_IP_COMPATIBILITY=ipv6\n"}, 1, "/etc/ecs/ecs.config"),
    Defect(
        "local_firewall_blocks",
        FAIL,
        {
            "etc/nftables.conf": NOTHING_OUT,
            "etc/systemd/system/sysinit.target.wants/nftables.service": "-> /lib/systemd/system/nftables.service",
        },
        3,
        "/etc/nftables.conf",
    ),
    Defect(
        "corporate_ca_not_in_store",
        FAIL,
        {"usr/local/share/ca-certificates/corp.crt": UNKNOWN_CA},
        1,
    ),
    Defect("ssm_agent_needs_ec2messages", WARN, {"var/lib/dpkg/status": "+amazon-ssm-agent 3.2.1000.0"}),
    Defect("ecs_agent_too_old", FAIL, {"var/lib/dpkg/status": "+amazon-ecs-init 1.51.0-1"}),
    Defect("docker_too_old", FAIL, {"var/lib/dpkg/status": "+docker-ce 5:17.12.1~ce-0~debian"}),
    Defect("docker_too_old", WARN, {"var/lib/dpkg/status": "+docker-ce 5:20.10.12~3-0~debian"}),
]
COMPANIONS = {
    # A cluster setting, a proxy or a root store may be seen by more rules than one; named here, never silently ignored.
    ("ssm_agent_needs_ec2messages", "agents_not_enabled"),
    ("ecs_agent_too_old", "agents_not_enabled"),
    ("ecs_agent_too_old", "cgroup_needs_newer_agent"),
    # Nothing may leave the host, so neither may the agent's answers to tasks.
    ("local_firewall_blocks", "task_credentials_blocked"),
}


def _plant(root: Path, path: str, content: str | None) -> None:
    if content is not None and content.startswith("->"):
        rootfs.plant(root, path, link=content[2:].strip())
    elif content is not None and content.startswith("+"):
        name, version = content[1:].split(" ")
        before = (root / path).read_text()
        stanza = f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n\n"
        rootfs.plant(root, path, before.replace("Package: docker.io\n", "Package: was-docker\n") + stanza)
    else:
        rootfs.plant(root, path, content)


def test_prepared_root_is_ready(debian_root: Path) -> None:
    ended = netprobe("image", str(debian_root))
    assert ended.code == 0, ended.out
    assert ended.out.startswith("READY")
    found = rootfs.judged(debian_root)
    assert [id_ for id_, one in found.items() if one.finding() is not None] == []
    assert not [id_ for id_, one in found.items() if one.hindered]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: f"{d.rule}-{d.outcome}")
def test_planted_defect_fails_its_rule(defect: Defect, debian_root: Path, tmp_path: Path) -> None:
    root = rootfs.clone(debian_root, tmp_path / "root")
    for path, content in defect.files.items():
        _plant(root, path, content)
    found = rootfs.judged(root)
    told = {id_: one.judgement.outcome for id_, one in found.items() if one.finding() is not None}
    for rule, companion in COMPANIONS:
        if rule == defect.rule:
            told.pop(companion, None)
    assert told == {defect.rule: defect.outcome}
    finding = found[defect.rule].finding()
    assert finding is not None
    assert finding.remedy
    assert finding.places
    if defect.line is not None:
        assert defect.line in [place.line for place in finding.places]
    if defect.file:
        assert defect.file in [place.file for place in finding.places]
    for secret in ("hunter2", "AKID", "secret"):
        assert secret not in f"{finding.title} {[place.text for place in finding.places]}".replace("aws_secret", "")


def test_archives_of_the_root_are_judged_alike(debian_root: Path, tmp_path: Path) -> None:
    """The same root as a folder, a tar, a compressed tar and the image that docker save would write."""
    expected = {id_: one.judgement.outcome for id_, one in rootfs.judged(debian_root).items()}
    plain = rootfs.tar(debian_root, tmp_path / "root.tar")
    packed = tmp_path / "root.tgz"
    with packed.open("wb") as out:
        subprocess.run(["gzip", "-1", "-c", str(plain)], stdout=out, check=True, timeout=120)
    for path in (plain, packed):
        assert _outcomes(path) == expected


def _outcomes(path: Path) -> dict[str, Outcome]:
    from netprobe.host.archive import read_archive
    from netprobe.host.machine import Machine
    from netprobe.host.rules import RULES
    from netprobe.rules import judge

    opened = read_archive(path)
    machine = Machine(root=opened.root, subject=str(path))
    return {one.rule.id: one.judgement.outcome for one in judge(RULES, machine, "x", running=False)}


def test_nothing_of_the_image_is_executed(debian_root: Path, tmp_path: Path) -> None:
    """Every program of the image is replaced by a trap; judging springs none of them."""
    root = rootfs.clone(debian_root, tmp_path / "root")
    trap = tmp_path / "sprung"
    for folder in ("usr/bin", "usr/sbin"):
        for program in (root / folder).iterdir():
            if program.is_file() and not program.is_symlink():
                program.unlink()
                program.write_text(f"#!/bin/sh\ntouch {trap}\n")
                program.chmod(0o755)
    ended = netprobe("image", str(root))
    assert ended.code in (0, 1, 4)
    assert not trap.exists()


def test_real_tar_command_writes_what_we_read(debian_root: Path, tmp_path: Path) -> None:
    """GNU tar's own output, sparse members included."""
    root = rootfs.clone(debian_root, tmp_path / "root")
    with (root / "var/sparse.img").open("wb") as hole:
        hole.truncate(10 * 1024**3)
    out = tmp_path / "sparse.tar"
    ended = subprocess.run(["tar", "--sparse", "-C", str(root), "-cf", str(out), "."], timeout=120)
    assert ended.returncode in (0, 1)  # 1: "file changed", where another test made one more link to it meanwhile
    assert _outcomes(out)["os_unsupported"] is Outcome.PASS
