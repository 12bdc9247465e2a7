"""The operating system: name, version, architecture, systemd, package manager, cgroups, SELinux, AppArmor, iptables."""

from __future__ import annotations

import re
import struct

from netprobe.findings import Place, Severity
from netprobe.host import packages
from netprobe.host.machine import Machine
from netprobe.host.readers import kernelline
from netprobe.host.rules import kernel, pairs
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import AGENT, AGENT_CHANGES, CHECKED, DEVELOPER_GUIDE, INSTALLER, READ_AGAIN
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


def cgroup_needs_newer_agent(machine: Machine) -> Judgement:
    """The ECS agent knows cgroups v2 since 1.61.0, and confined by AppArmor, as on Ubuntu 22.04, since 1.80.0."""
    found = kernel.cgroup_version(machine)
    if found is None:
        return not_run("the files do not tell whether this system boots with cgroups v1 or v2")
    version, place = found
    if version == 1:
        return passed("cgroups v1, which every agent supports", place)
    agent = machine.version_of(*packages.ECS_AGENT)
    if agent is None and installed(machine, "amazon-ecs-init"):
        return unknown_version(machine, "cgroups v2, and the ECS agent")
    needed = pairs.needs_newer_agent(machine, "cgroup_needs_newer_agent")
    return needed or passed("cgroups v2, which this ECS agent supports", place)


def system_needs_newer_agent(machine: Machine) -> Judgement:
    """Agents that a change broke on one kind of system, until a later one mended it."""
    agent = machine.version_of(*packages.ECS_AGENT)
    if agent is None and installed(machine, "amazon-ecs-init"):
        return unknown_version(machine, "the ECS agent")
    if agent is None:
        return not_applicable("the ECS agent is not installed; the installer brings the newest")
    needed = pairs.needs_newer_agent(machine, "system_needs_newer_agent")
    return needed or passed(f"ECS agent {pairs.shown(agent)} is not known to fail on this system")


def memory_cgroup_off(machine: Machine) -> Judgement:
    """Without the memory controller every task ends with CgroupError; a Raspberry Pi leaves it off unless asked.

    The kernel takes ``cgroup_disable=memory``; ``cgroup_enable=memory`` undoes that, of the two the last one holds. A
    Raspberry Pi's firmware puts the first before the line of cmdline.txt (amazon-ecs-agent#2917, #3834).
    """
    remedy = "add cgroup_enable=memory cgroup_memory=1 to the one line of {}, and reboot"
    off: Place | None = None
    on = False
    for word, place in kernelline.words(machine.root, running=machine.running):
        key, _, value = word.partition("=")
        if key == "cgroup_disable" and "memory" in value.split(","):
            off, on = place, False
        elif key == "cgroup_enable" and "memory" in value.split(","):
            off, on = None, True
    if machine.running:
        return _memory_of_running(machine, off, remedy.format("/boot/firmware/cmdline.txt or the GRUB settings"))
    if off is not None:
        title = "the kernel's command line switches the memory cgroup off: every task ends with CgroupError"
        return failed(title, f"remove {off.text} from {off.file}, and {remedy.format(off.file)}", (off,))
    pi = machine.root.first(*kernelline.PI_FILES)
    if pi is not None and not on and _is_pi(machine):
        title = "a Raspberry Pi leaves the memory cgroup off, and its command line does not switch it on"
        return warned(title, remedy.format(pi), (Place(file=pi, line=1),))
    return passed("nothing switches the memory cgroup off")


def _is_pi(machine: Machine) -> bool:
    """By the firmware's own files beside cmdline.txt."""
    return machine.root.first("/boot/firmware/config.txt", "/boot/config.txt") is not None


def _memory_of_running(machine: Machine, off: Place | None, remedy: str) -> Judgement:
    """What the kernel offers: the controllers of cgroups v2, or the table of v1 (cgroups(7))."""
    controllers = machine.root.text("/sys/fs/cgroup/cgroup.controllers")
    if controllers is not None:
        place, there = Place(file="/sys/fs/cgroup/cgroup.controllers", line=1), "memory" in controllers.split()
        listed = True
    else:
        place, there, listed = Place(file="/proc/cgroups"), False, False
        for number, line in machine.root.lines("/proc/cgroups"):
            fields = line.split()
            if len(fields) >= 4 and fields[0] == "memory":
                place, there, listed = Place(file="/proc/cgroups", line=number), fields[3] == "1", True
    if not listed:
        return not_run("the kernel does not tell which cgroup controllers it has")
    if there:
        return passed("the memory cgroup is on", place)
    title = "the memory cgroup is off: every task ends with CgroupError"
    return failed(title, remedy, (off or place,))


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
    if (option := kernel.option(machine, "selinux")) is not None and option[0] == "0":
        return passed("SELinux is switched off by the kernel's command line", option[1])
    # libselinux lets the kernel's command line win over the file (selinux_init_load_policy).
    if (option := kernel.option(machine, "enforcing")) is not None and option[0] in ("0", "1"):
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
    rule(architecture_unsupported, "The agents are not built for this architecture", DEVELOPER_GUIDE),
    rule(systemd_missing, "The agents need systemd", INSTALLER),
    rule(package_manager_missing, "The installer finds no package manager that it knows", INSTALLER),
    rule(cgroup_needs_newer_agent, "The ECS agent is too old for cgroups v2", AGENT_CHANGES, checked=READ_AGAIN),
    rule(system_needs_newer_agent, "The ECS agent is too old for this system", AGENT_CHANGES, checked=READ_AGAIN),
    rule(memory_cgroup_off, "The memory cgroup is off", f"{AGENT}/issues/2917", checked=READ_AGAIN),
    rule(selinux_enforcing, "SELinux is enforcing", DEVELOPER_GUIDE),
    rule(apparmor_parser_missing, "AppArmor profiles cannot be loaded", AGENT, severity=Severity.WARNING),
    rule(iptables_missing, "iptables is missing", AGENT),
)
