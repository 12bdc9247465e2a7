"""Time: signed requests are refused from five minutes of error on, so something must keep the clock."""

from __future__ import annotations

from netprobe.findings import Place, Severity
from netprobe.host.machine import Machine
from netprobe.host.rules.define import rule
from netprobe.rules import Judgement, Rule, failed, not_run, passed, warned

_SIGNING = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html"
UNITS = (
    "chrony.service",
    "chronyd.service",
    "systemd-timesyncd.service",
    "ntpsec.service",
    "ntp.service",
    "ntpd.service",
    "openntpd.service",
)
"""Every name under which Debian, Ubuntu, SUSE and the rpm family start a time service."""


def time_sync_missing(machine: Machine) -> Judgement:
    """One time service, installed and enabled."""
    installed = [unit for unit in UNITS if machine.unit_exists(unit)]
    for unit in installed:
        link = machine.unit_enabled(unit)
        if link is not None:
            return passed(f"{unit.removesuffix('.service')} keeps the clock", link)
    if installed:
        title = f"{', '.join(installed)} is installed and not started at boot"
        return failed(title, f"systemctl enable {installed[0]}", (Place(file=f"/etc/systemd/system/{installed[0]}"),))
    return failed(
        "no time service is installed; AWS refuses signed requests once the clock is five minutes wrong",
        "install and enable chrony, with a time server that this network reaches",
        (Place(file="/etc/systemd/system"),),
    )


def clock_unsynchronised(machine: Machine) -> Judgement:
    """The kernel knows whether a time service disciplines its clock (adjtimex(2), STA_UNSYNC)."""
    state = None if machine.live is None else machine.live.clock_synchronised()
    if state is None:
        return not_run("the kernel could not be asked for the state of its clock")
    if state:
        return passed("the kernel's clock is synchronised")
    remedy = "look whether the time service reaches its servers: chronyc tracking, or timedatectl timesync-status"
    return warned("the kernel's clock is not synchronised", remedy, (Place(file="adjtimex", text="STA_UNSYNC"),))


RULES: tuple[Rule[Machine], ...] = (
    rule(time_sync_missing, "No time service keeps the clock right", _SIGNING),
    rule(clock_unsynchronised, "The clock is not synchronised", _SIGNING, severity=Severity.WARNING, running=True),
)
