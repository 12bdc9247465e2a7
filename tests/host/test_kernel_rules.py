"""Kernel command lines, cgroups, AppArmor, and the agents that a system needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.findings import Outcome
from netprobe.host.rules.pairs import PAIRS
from tests.support import rootfs

PASS, WARN, FAIL, NOT_RUN = Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.NOT_RUN
GRUB = "etc/default/grub"
PI = "boot/firmware/cmdline.txt"
FIRMWARE: dict[str, str | bytes] = {"boot/firmware/config.txt": "arm_64bit=1\n"}
QUIET = "console=tty1 root=LABEL=writable rootwait"


@pytest.mark.parametrize(
    ("files", "expected", "where"),
    [
        ({}, PASS, None),
        ({GRUB: 'GRUB_CMDLINE_LINUX="quiet"\n'}, PASS, None),
        ({GRUB: 'GRUB_CMDLINE_LINUX="cgroup_disable=memory"\n'}, FAIL, f"/{GRUB}"),
        ({GRUB: '#GRUB_CMDLINE_LINUX="cgroup_disable=memory"\n'}, PASS, None),
        ({GRUB: 'GRUB_CMDLINE_LINUX_DEFAULT="quiet cgroup_disable=cpu,memory"\n'}, FAIL, f"/{GRUB}"),
        ({GRUB: 'GRUB_TITLE="cgroup_disable=memory"\n'}, PASS, None),
        ({GRUB: 'GRUB_CMDLINE_LINUX="cgroup_disable=pressure"\n'}, PASS, None),
        ({"boot/loader/entries/a.conf": "title x\noptions ro cgroup_disable=memory\n"}, FAIL,
         "/boot/loader/entries/a.conf"),
        ({"etc/kernel/cmdline": "ro cgroup_disable=memory"}, FAIL, "/etc/kernel/cmdline"),
        ({PI: f"{QUIET} cgroup_disable=memory", **FIRMWARE}, FAIL, f"/{PI}"),
        ({PI: f"{QUIET} cgroup_disable=memory cgroup_enable=memory", **FIRMWARE}, PASS, None),
        ({PI: f"{QUIET} cgroup_enable=cpuset cgroup_enable=memory cgroup_memory=1", **FIRMWARE}, PASS, None),
        ({PI: QUIET, **FIRMWARE}, WARN, f"/{PI}"),
        ({PI: QUIET}, PASS, None),
    ],
)  # fmt: skip
def test_memory_cgroup_of_an_image(
    tmp_path: Path, files: dict[str, str | bytes], expected: Outcome, where: str | None
) -> None:
    one = rootfs.judged(rootfs.make(tmp_path / "root", files))["memory_cgroup_off"].judgement
    assert one.outcome is expected, one.title
    if where is not None:
        assert one.places[0].file == where


V1 = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t2\t1\t1\nmemory\t{}\t1\t{}\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n"}, PASS),
        ({"sys/fs/cgroup/cgroup.controllers": "cpuset cpu io pids\n"}, FAIL),
        ({"proc/cgroups": V1.format(3, 1)}, PASS),
        ({"proc/cgroups": V1.format(0, 0)}, FAIL),
        ({"proc/cgroups": V1.format(0, 0), "proc/cmdline": "ro cgroup_disable=memory"}, FAIL),
        ({}, NOT_RUN),
        ({"sys/fs/cgroup/cgroup.controllers": "memory\n", GRUB: "GRUB_CMDLINE_LINUX=cgroup_disable=memory"},
         PASS),
    ],
)  # fmt: skip
def test_memory_cgroup_of_a_running_host(tmp_path: Path, files: dict[str, str | bytes], expected: Outcome) -> None:
    one = rootfs.judged(rootfs.make(tmp_path / "root", files), rootfs.live())["memory_cgroup_off"].judgement
    assert one.outcome is expected, one.title
    if "proc/cmdline" in files:
        assert one.places[0].text == "cgroup_disable=memory"


def system(name: str, version: str, agent: str, docker: str = "24.0.7", **more: str) -> dict[str, str | bytes]:
    packages = {"amazon-ecs-init": agent, "docker-ce": docker}
    stanzas = (
        f"Package: {name}\nStatus: install ok installed\nVersion: {version}-1\n" for name, version in packages.items()
    )
    return {
        "etc/os-release": f'ID={name}\nVERSION_ID="{version}"\nPRETTY_NAME="x"\n',
        "var/lib/dpkg/status": "\n".join(stanzas),
        **{path.replace("__", "/"): text for path, text in more.items()},
    }


ARMOUR = {"etc/apparmor.d/x": "", "usr/sbin/apparmor_parser": ""}


@pytest.mark.parametrize(
    ("files", "rule", "expected"),
    [
        ({**system("ubuntu", "22.04", "1.79.2"), **ARMOUR}, "cgroup_needs_newer_agent", FAIL),
        ({**system("ubuntu", "22.04", "1.80.0"), **ARMOUR}, "cgroup_needs_newer_agent", PASS),
        (system("ubuntu", "22.04", "1.79.2"), "cgroup_needs_newer_agent", PASS),
        ({**system("ubuntu", "20.04", "1.52.0"), **ARMOUR}, "cgroup_needs_newer_agent", PASS),
        ({**system("ubuntu", "22.04", "1.79.2"), **ARMOUR,
          GRUB: 'GRUB_CMDLINE_LINUX="systemd.unified_cgroup_hierarchy=0"\n'},
         "cgroup_needs_newer_agent", PASS),
        ({**system("ubuntu", "22.04", "1.79.2"), **ARMOUR, GRUB: 'GRUB_CMDLINE_LINUX="apparmor=0"\n'},
         "cgroup_needs_newer_agent", PASS),
        ({**system("debian", "12", "1.79.2"), **ARMOUR}, "cgroup_needs_newer_agent", PASS),
        (system("debian", "12", "1.60.1"), "cgroup_needs_newer_agent", FAIL),
        (system("debian", "12", "1.80.0", "25.0.1"), "docker_needs_newer_agent", FAIL),
        (system("debian", "12", "1.81.0", "25.0.1"), "docker_needs_newer_agent", PASS),
        (system("debian", "12", "1.82.0", "29.0.1"), "docker_needs_newer_agent", FAIL),
        (system("debian", "12", "1.82.1", "29.0.1"), "docker_needs_newer_agent", PASS),
        ({**system("sles", "15.5", "1.82.4"), **ARMOUR}, "system_needs_newer_agent", FAIL),
        ({**system("sles", "15.5", "1.79.2"), **ARMOUR}, "system_needs_newer_agent", PASS),
        ({**system("sles", "15.5", "1.83.0"), **ARMOUR}, "system_needs_newer_agent", PASS),
        (system("sles", "15.5", "1.82.4"), "system_needs_newer_agent", PASS),
        (system("debian", "12", "1.97.0", etc__default__grub='GRUB_CMDLINE_LINUX="ipv6.disable=1"\n'),
         "system_needs_newer_agent", FAIL),
        (system("debian", "12", "1.97.1", etc__default__grub='GRUB_CMDLINE_LINUX="ipv6.disable=1"\n'),
         "system_needs_newer_agent", PASS),
        (system("debian", "12", "1.97.0"), "system_needs_newer_agent", PASS),
    ],
)  # fmt: skip
def test_which_agent_a_system_needs(
    tmp_path: Path, files: dict[str, str | bytes], rule: str, expected: Outcome
) -> None:
    one = rootfs.judged(rootfs.make(tmp_path / "root", files))[rule].judgement
    assert one.outcome is expected, one.title


def test_each_row_names_the_change_that_it_rests_on() -> None:
    assert all(pair.source.startswith("https://github.com/aws/amazon-ecs-agent/pull/") for pair in PAIRS)
    assert all(pair.broken_from < pair.works_from for pair in PAIRS)
    assert {pair.rule for pair in PAIRS} <= {
        "cgroup_needs_newer_agent",
        "docker_needs_newer_agent",
        "system_needs_newer_agent",
    }
