"""What the host must have free and open: disk space, the agent's ports, the way to the task credentials."""

from __future__ import annotations

from netprobe.findings import Place, Severity
from netprobe.host.filesystem import UnreadableError
from netprobe.host.machine import Machine
from netprobe.host.readers import sysctl
from netprobe.host.rules.define import rule
from netprobe.host.rules.docker import data_folder
from netprobe.host.rules.sources import AGENT, DEVELOPER_GUIDE
from netprobe.rules import Judgement, Rule, failed, not_applicable, not_run, passed, warned

PORTS = {51678: "introspection", 51679: "task metadata and credentials", 51680: "reserved by the ECS agent"}
_GIB = 1024**3
_LEAST, _LITTLE = 2 * _GIB, 10 * _GIB
"""Ours, not AWS's: the agent's packages and images take about 0.5 GiB, one ordinary task image another."""
_LISTEN = "0A"


def disk_space_low(machine: Machine) -> Judgement:
    """Images live below Docker's data folder."""
    path = data_folder(machine)
    while path not in ("/", "") and not machine.root.exists(path):
        path = path.rpartition("/")[0] or "/"
    free = None if machine.live is None else machine.live.free_bytes(path)
    if free is None:
        return not_run(f"the free space below {path} cannot be told")
    shown = f"{free / _GIB:.1f} GiB free below {path}"
    place = Place(file=path, text=shown)
    remedy = "give Docker's data folder at least 10 GiB, and room for every task image twice"
    if free < _LEAST:
        return failed(f"{shown}: images will not fit", remedy, (place,))
    if free < _LITTLE:
        return warned(f"{shown}: room for few images", remedy, (place,))
    return passed(shown, place)


def agent_ports_taken(machine: Machine) -> Judgement:
    """The agent listens on fixed ports of the host; /proc/net/tcp says who does already (proc(5))."""
    taken: dict[int, Place] = {}
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        for number, line in machine.root.lines(path):
            words = line.split()
            if len(words) < 4 or words[3] != _LISTEN:
                continue
            port = int(words[1].rpartition(":")[2], 16)
            if port in PORTS:
                taken.setdefault(port, Place(file=path, line=number, text=f"port {port} ({PORTS[port]})"))
    if not taken:
        return passed("the agent's ports are free")
    if _agent_runs(machine):
        return passed("the agent's ports are taken by the agent", *taken.values())
    return failed(
        f"the ECS agent's port(s) {', '.join(map(str, sorted(taken)))} are taken by another program",
        "stop that program or move it (ss -ltnp shows it); the agent's ports cannot be changed",
        taken.values(),
    )


def _agent_runs(machine: Machine) -> bool:
    """Whether the ECS agent runs: ecs-init, which stays beside it, or the agent itself, ``/agent`` in its container.

    The name ``agent`` alone is not enough: Datadog's is called so too.
    """
    for name in machine.root.names("/proc"):
        if not name.isdigit():
            continue
        try:
            command = (machine.root.text(f"/proc/{name}/comm") or "").strip()
            if command == "agent":
                line = machine.root.head(f"/proc/{name}/cmdline", 64) or b""
                command = "amazon-ecs-init" if line.partition(b"\0")[0] == b"/agent" else command
        except UnreadableError:
            # It ended while we looked.
            continue
        if command == "amazon-ecs-init":
            return True
    return False


def route_localnet_forbidden(machine: Machine) -> Judgement:
    """Tasks reach 169.254.170.2 by a DNAT to 127.0.0.1, which the kernel drops without route_localnet."""
    setting = "net.ipv4.conf.all.route_localnet"
    found = sysctl.value(machine.root, setting)
    if found is not None and found[0] == "0":
        return warned(
            "a sysctl file sets route_localnet to 0; whenever it is applied again, tasks lose their credentials",
            f"remove the line, or set {setting} = 1",
            (found[1],),
        )
    return passed("no sysctl file forbids route_localnet")


def task_credentials_unreachable(machine: Machine) -> Judgement:
    """Once the agent runs, ecs-init must have set route_localnet and the rules for 169.254.170.2."""
    if not _agent_runs(machine):
        return not_applicable("the ECS agent does not run; ecs-init sets this up when it starts it")
    path = "/proc/sys/net/ipv4/conf/all/route_localnet"
    remedy = "restart ecs.service, and find what resets it (a firewall reload, a sysctl file)"
    if (machine.root.text(path) or "").strip() != "1":
        title = "route_localnet is off, so tasks cannot reach 169.254.170.2"
        return failed(title, remedy, (Place(file=path, line=1),))
    rules = None if machine.live is None else machine.live.firewall("iptables-save")
    if rules is None:
        return not_run("the firewall rules could not be listed; run netprobe host as root")
    if not any("169.254.170.2" in line and "51679" in line for line in rules.split("\n")):
        place = Place(file="iptables-save", text="no rule for 169.254.170.2")
        return failed("the rule that leads 169.254.170.2 to the agent is gone", remedy, (place,))
    return passed("the way to 169.254.170.2 is set up: route_localnet is on, and the rule of ecs-init is there")


RULES: tuple[Rule[Machine], ...] = (
    rule(disk_space_low, "Little disk space for images", DEVELOPER_GUIDE, running=True),
    rule(agent_ports_taken, "The agent's ports are taken", AGENT, running=True),
    rule(
        route_localnet_forbidden,
        "A sysctl file cuts tasks off from credentials",
        DEVELOPER_GUIDE,
        severity=Severity.WARNING,
    ),
    rule(task_credentials_unreachable, "Tasks cannot reach their credentials", DEVELOPER_GUIDE, running=True),
)
