"""What the kernel is told and does: its command line, its cgroups, AppArmor. Facts that several rules ask for."""

from __future__ import annotations

import re

from netprobe.findings import Place
from netprobe.host.machine import Machine
from netprobe.host.readers import kernelline

_CGROUPS_V2_FROM = {
    "debian": 11,
    "ubuntu": 22,
    "fedora": 31,
    "rhel": 9,
    "centos": 9,
    "amzn": 2023,
    "opensuse-tumbleweed": 0,
}
"""The first release that boots with cgroups v2 by default."""


def option(machine: Machine, name: str) -> tuple[str, Place] | None:
    """The value of a kernel command line option, and where it stands."""
    return kernelline.option(machine.root, name, running=machine.running)


def cgroup_version(machine: Machine) -> tuple[int, Place] | None:
    """1 or 2, and how it is known; None where an image leaves it open."""
    if machine.running:
        if machine.root.exists("/sys/fs/cgroup/cgroup.controllers"):
            return 2, Place(file="/sys/fs/cgroup/cgroup.controllers")
        path = machine.root.first("/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu")
        return None if path is None else (1, Place(file=path))
    told = option(machine, "systemd.unified_cgroup_hierarchy")
    if told is not None:
        return (1 if told[0] in ("0", "no", "false") else 2), told[1]
    numbers = re.findall(r"\d+", machine.os_release.get("VERSION_ID", ""))
    if machine.os_id not in _CGROUPS_V2_FROM or not numbers:
        return None
    place = Place(file=machine.os_release_file, text="the default of this system")
    return (2 if int(numbers[0][:9]) >= _CGROUPS_V2_FROM[machine.os_id] else 1), place


def apparmor(machine: Machine) -> Place | None:
    """Where it shows that AppArmor confines containers; None where it does not."""
    if machine.running:
        switch = "/sys/module/apparmor/parameters/enabled"
        return Place(file=switch) if (machine.root.text(switch) or "").strip() == "Y" else None
    told = option(machine, "apparmor")
    if told is not None and told[0] == "0":
        return None
    parser = machine.root.first("/sbin/apparmor_parser", "/usr/sbin/apparmor_parser")
    if parser is None or not machine.root.exists("/etc/apparmor.d"):
        return None
    return Place(file="/etc/apparmor.d")
