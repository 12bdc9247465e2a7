"""The operating system: name, version, architecture, systemd, package manager, cgroups, SELinux, AppArmor, iptables."""

from __future__ import annotations

import re
import struct

from netprobe.findings import Place, Severity
from netprobe.host.machine import Machine
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import AGENT, AGENT_CHANGES, CHECKED, DEVELOPER_GUIDE, INSTALLER
from netprobe.host.rules.versions import installed, unknown_version
from netprobe.rules import Judgement, Rule, failed, not_applicable, not_run, passed, warned

SUPPORTED: dict[str, tuple[str, ...]] = {
    "amzn": ("2", "2023"),
    "centos": ("9",),
    "rhel": ("7", "8", "9"),
    "fedora": ("32", "33", "40"),
    "opensuse-tumbleweed": (),
    "ubuntu": ("18.04", "20.04", "22.04", "24.04"),
    "debian": ("10", "11", "12"),
    "sles": ("15",),
}
"""AWS's list as of 2026-11-23; no versions for a rolling release. Debian 9 was on it once and no longer is."""

_LIST = "Amazon Linux 2 and 2023, CentOS Stream 9, RHEL 7 to 9, Fedora 32, 33 and 40, openSUSE Tumbleweed, Ubuntu 18.04, 20.04, 22.04 and 24.04, Debian 10 to 12, SLES 15"  # noqa: E501
_PROGRAMS = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/bin/sh", "/usr/bin/env", "/bin/busybox")
_MACHINES = {
    3: "i386",
    8: "mips",
    20: "ppc",
    21: "ppc64",
    22: "s390x",
    40: "arm (32 bit)",
    62: "x86_64",
    183: "aarch64",
    243: "riscv",
}
_MANAGERS = ("dnf", "yum", "apt-get", "zypper")


def os_unsupported(machine: Machine) -> Judgement:
    """AWS supports ECS Anywhere on named systems and versions."""
    release = machine.os_release
    place = Place(file=machine.os_release_file, text=release.get("PRETTY_NAME", "")[:200])
    if not machine.os_id:
        return failed("no os-release file says which system this is", "give the root of a Linux system", (place,))
    name, version = machine.os_id, release.get("VERSION_ID", "")
    shown = release.get("PRETTY_NAME") or f"{name} {version}".strip()
    if name not in SUPPORTED:
        remedy = f"use one of the systems that AWS names: {_LIST}"
        return failed(f"{shown} is not on AWS's list for ECS Anywhere", remedy, (place,))
    versions = SUPPORTED[name]
    listed = version if name == "ubuntu" else version.split(".")[0]
    if not versions or listed in versions:
        return passed(f"{shown} is on AWS's list", place)
    newest = versions[-1]
    if _numbers(version) > _numbers(newest):
        title = f"{shown} is newer than what AWS's list names ({newest}; read {CHECKED})"
        return warned(title, "look whether AWS's list names it by now, or use a listed version", (place,))
    return failed(f"{shown} is not on AWS's list, which names {', '.join(versions)}", f"use one of: {_LIST}", (place,))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number[:9]) for number in re.findall(r"\d+", text)[:4])


def architecture_unsupported(machine: Machine) -> Judgement:
    """The agents exist for x86_64 and aarch64; the ELF header of a program tells (elf(5))."""
    for path in _PROGRAMS:
        head = machine.root.head(path, 20)
        if head is None or len(head) < 20 or not head.startswith(b"\x7fELF"):
            continue
        (number,) = struct.unpack_from("<H" if head[5] == 1 else ">H", head, 18)
        name = _MACHINES.get(number, f"ELF machine {number}")
        if name in ("x86_64", "aarch64"):
            return passed(f"{name}", Place(file=path, text=name))
        remedy = "use an x86_64 or ARM64 (aarch64) system"
        return failed(f"the programs are built for {name}", remedy, (Place(file=path, text=name),))
    return not_run("no program was found whose header tells the architecture")


def systemd_missing(machine: Machine) -> Judgement:
    """The installer ends where systemd is not running; the agents are systemd units."""
    found = machine.root.first("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
    if found is None:
        return failed("systemd is not installed", "install systemd and boot with it", (Place(file="/usr/lib/systemd"),))
    if machine.running and not machine.root.exists("/run/systemd/system"):
        title = "systemd is installed, and the system was not booted with it"
        return failed(title, "boot with systemd as init", (Place(file="/run/systemd/system"),))
    return passed("systemd is installed", Place(file=found))


def package_manager_missing(machine: Machine) -> Judgement:
    """The installer needs one of four."""
    for name in _MANAGERS:
        found = machine.root.first(f"/usr/bin/{name}", f"/bin/{name}")
        if found is not None:
            return passed(f"{name} is there", Place(file=found))
    return failed(
        "none of dnf, yum, apt-get and zypper is installed",
        "install the package manager of the system, or install the agents' packages into the image beforehand",
        (Place(file="/usr/bin"),),
    )


def kernel_option(machine: Machine, name: str) -> tuple[str, Place] | None:
    """The value of a kernel command line option, and where it stands; the last one holds, as it does in the kernel.

    Of a running host its kernel's line counts alone. An image is asked for every file that such a line is made of:
    Ubuntu's cloud images keep theirs in ``/etc/default/grub.d``, the rpm family in boot loader entries.
    """
    files: tuple[str, ...] = ("/proc/cmdline",)
    if not machine.running:
        drop_ins = machine.root.glob("/etc/default/grub.d", ".cfg")
        entries = machine.root.glob("/boot/loader/entries", ".conf")
        files = ("/etc/kernel/cmdline", "/etc/default/grub", *drop_ins, *entries)
    pattern = re.compile(rf"(?<![\w.]){re.escape(name)}=([\w-]+)")
    found = None
    for path in files:
        for number, line in machine.root.lines(path):
            for match in () if line.lstrip().startswith("#") else pattern.finditer(line):
                found = match[1], Place(file=path, line=number, text=match[0])
    return found


def cgroup_version(machine: Machine) -> tuple[int, Place] | None:
    """1 or 2, and how it is known; None where an image leaves it open."""
    if machine.running:
        if machine.root.exists("/sys/fs/cgroup/cgroup.controllers"):
            return 2, Place(file="/sys/fs/cgroup/cgroup.controllers")
        path = machine.root.first("/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu")
        return None if path is None else (1, Place(file=path))
    option = kernel_option(machine, "systemd.unified_cgroup_hierarchy")
    if option is not None:
        return (1 if option[0] in ("0", "no", "false") else 2), option[1]
    first = {"debian": 11, "ubuntu": 22, "fedora": 31, "rhel": 9, "centos": 9, "amzn": 2023, "opensuse-tumbleweed": 0}
    numbers = _numbers(machine.os_release.get("VERSION_ID", ""))
    if machine.os_id not in first or not numbers:
        return None
    place = Place(file=machine.os_release_file, text="the default of this system")
    return (2 if numbers[0] >= first[machine.os_id] else 1), place


def cgroup_needs_newer_agent(machine: Machine) -> Judgement:
    """AWS excluded cgroups v2 in 2021; the ECS agent supports it since 1.61.0 (2022)."""
    found = cgroup_version(machine)
    if found is None:
        return not_run("the files do not tell whether this system boots with cgroups v1 or v2")
    version, place = found
    if version == 1:
        return passed("cgroups v1, which every agent supports", place)
    agent = machine.version_of("amazon-ecs-init", "ecs-init")
    if agent is None and installed(machine, "amazon-ecs-init"):
        return unknown_version(machine, "cgroups v2, and the ECS agent")
    if agent is not None and agent < (1, 61, 0):
        title = f"cgroups v2 with ECS agent {'.'.join(map(str, agent))}, which cannot use it"
        return failed(title, "update amazon-ecs-init to 1.61.0 or later", (place,))
    return passed("cgroups v2, which the ECS agent supports since 1.61.0", place)


def selinux_enforcing(machine: Machine) -> Judgement:
    """SELinux is on AWS's list of what ECS Anywhere does not support."""
    remedy = "set SELINUX=permissive in /etc/selinux/config (and run setenforce 0), or SELINUX=disabled and reboot"
    if machine.running:
        now = machine.root.text("/sys/fs/selinux/enforce")
        if now is None:
            return passed("SELinux is not active")
        place = Place(file="/sys/fs/selinux/enforce", line=1, text=now.strip()[:20])
        if now.strip() == "1":
            return failed("SELinux is enforcing, which AWS does not support for ECS Anywhere", remedy, (place,))
        return passed("SELinux is permissive", place)
    if (option := kernel_option(machine, "selinux")) is not None and option[0] == "0":
        return passed("SELinux is switched off by the kernel's command line", option[1])
    # libselinux lets the kernel's command line win over the file (selinux_init_load_policy).
    if (option := kernel_option(machine, "enforcing")) is not None and option[0] in ("0", "1"):
        if option[0] == "0":
            return passed("the kernel's command line makes SELinux permissive", option[1])
        title = "the kernel's command line makes SELinux enforcing, which AWS does not support for ECS Anywhere"
        return failed(title, "remove enforcing=1 from the kernel's command line", (option[1],))
    for number, line in machine.root.lines("/etc/selinux/config"):
        key, _, value = line.strip().partition("=")
        if key.strip() != "SELINUX":
            continue
        place = Place(file="/etc/selinux/config", line=number, text=line.strip()[:200])
        if value.strip().lower() == "enforcing":
            return failed("SELinux will be enforcing, which AWS does not support for ECS Anywhere", remedy, (place,))
        return passed(f"SELinux is {value.strip()}", place)
    return passed("SELinux is not configured")


def apparmor_parser_missing(machine: Machine) -> Judgement:
    """With AppArmor in the kernel and no parser, neither ecs-init nor Docker can load their profiles."""
    if machine.running:
        enabled = (machine.root.text("/sys/module/apparmor/parameters/enabled") or "").strip() == "Y"
        where = Place(file="/sys/module/apparmor/parameters/enabled")
    else:
        enabled = machine.root.exists("/etc/apparmor.d")
        where = Place(file="/etc/apparmor.d")
    if not enabled:
        return not_applicable("AppArmor is not in use")
    if machine.root.first("/sbin/apparmor_parser", "/usr/sbin/apparmor_parser") is not None:
        return passed("apparmor_parser is installed", where)
    return warned(
        "AppArmor is in use and apparmor_parser is not installed, so containers run without a profile",
        "install the package apparmor",
        (where,),
    )


def iptables_missing(machine: Machine) -> Judgement:
    """ecs-init writes iptables rules for 169.254.170.2 before it starts the agent; Docker writes its own."""
    found = machine.root.first("/usr/sbin/iptables", "/sbin/iptables")
    if found is not None:
        return passed("iptables is installed", Place(file=found))
    return failed(
        "iptables is not installed, so the ECS agent cannot be started and tasks get no credentials",
        "install the package iptables (iptables-nft does as well)",
        (Place(file="/usr/sbin"),),
    )


RULES: tuple[Rule[Machine], ...] = (
    rule(os_unsupported, "The system is not one that AWS supports", DEVELOPER_GUIDE),
    rule(architecture_unsupported, "The architecture is not one that the agents exist for", DEVELOPER_GUIDE),
    rule(systemd_missing, "The agents need systemd", INSTALLER),
    rule(package_manager_missing, "The installer knows no package manager here", INSTALLER),
    rule(cgroup_needs_newer_agent, "The ECS agent is too old for cgroups v2", AGENT_CHANGES),
    rule(selinux_enforcing, "SELinux is enforcing", DEVELOPER_GUIDE),
    rule(apparmor_parser_missing, "AppArmor profiles cannot be loaded", AGENT, severity=Severity.WARNING),
    rule(iptables_missing, "iptables is missing", AGENT),
)
