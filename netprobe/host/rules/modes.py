"""Modes that change which names the host talks to: FIPS, and a network without IPv4."""

from __future__ import annotations

from netprobe.findings import Place, Severity
from netprobe.host import routes
from netprobe.host.machine import Machine
from netprobe.host.rules import kernel
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import AGENT, DEVELOPER_GUIDE
from netprobe.rules import Judgement, Rule, not_run, passed, warned

_FIPS_FLAG = "/proc/sys/crypto/fips_enabled"


def fips_mode(machine: Machine) -> Judgement:
    """In FIPS mode the ECS agent asks ecs-fips.REGION, which exists in few regions."""
    place: Place | None = None
    if machine.running:
        if (machine.root.text(_FIPS_FLAG) or "").strip() == "1":
            place = Place(file=_FIPS_FLAG, line=1, text="1")
    else:
        option = kernel.option(machine, "fips")
        if option is not None and option[0] == "1":
            place = option[1]
        elif machine.root.exists("/etc/system-fips"):
            place = Place(file="/etc/system-fips")
    if place is None:
        return passed("FIPS mode is off")
    return warned(
        "FIPS mode is on: the ECS agent talks to ecs-fips.REGION, and S3 has FIPS names in few regions only",
        "check and render with --fips, and use a region that has the FIPS endpoints (the US regions, GovCloud, Canada)",
        (place,),
    )


def _default_route(machine: Machine, path: str, family: int) -> bool | None:
    """Whether a routing table in /proc has a usable default route; None where there is no table."""
    if not machine.root.exists(path):
        return None
    return routes.has_default((line for _, line in machine.root.lines(path)), family)


def ipv6_only(machine: Machine) -> Judgement:
    """Without an IPv4 default route the agent uses the dual-stack names, unless ecs.config says otherwise."""
    setting = machine.ecs_setting("ECS_INSTANCE_IP_COMPATIBILITY")
    advice = "check and render with --ipv6-only, and use the newest agent (1.98 still dialled ecs-a-N over IPv4)"
    if setting is not None:
        if setting.value.strip().lower() == "ipv6":
            title = "ecs.config makes the agent use the dual-stack names only (api.aws)"
            return warned(title, advice, (setting.shown,))
        return passed("ecs.config says which addresses the agent uses", setting.shown)
    if not machine.running:
        return not_run("an image does not tell which addresses its network will have")
    four = _default_route(machine, routes.ROUTE, 4)
    six = _default_route(machine, routes.IPV6_ROUTE, 6)
    if four is False and six:
        title = "this host has a default route over IPv6 only: the agent uses the dual-stack names (api.aws)"
        return warned(title, advice, (Place(file=routes.ROUTE, text="no default route"),))
    if four is None:
        return not_run("the routing table cannot be read")
    return passed("this host has IPv4" if four else "this host has no default route at all")


RULES: tuple[Rule[Machine], ...] = (
    rule(fips_mode, "FIPS mode changes the endpoint names", AGENT, severity=Severity.WARNING),
    rule(ipv6_only, "Without IPv4 the endpoint names change", DEVELOPER_GUIDE, severity=Severity.WARNING),
)
