"""The packets that ECS Anywhere lives on, as the kernel's filter sees them.

- The host's own: connections to port 443, or to the proxies that its agents are told to use, and DNS; their answers.
- Of a task in bridge mode for its credentials: it asks 169.254.170.2:80, which ecs-init's rule in the nat table turns
  into 127.0.0.1:51679 before any filter looks (``ecs-init/exec/iptables``, read 2026-11-28). So the packet comes in by
  docker0, for 127.0.0.1, and passes INPUT; its connection is new and marked DNAT. The answer leaves through OUTPUT.
- Of a task to the world: in by docker0 and out by the uplink, through FORWARD; the answers come back the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from netprobe.host.firewall.model import BRIDGE, UPLINK, AskedPacket, Hook

CREDENTIALS_PORT = 51679
_CREDENTIALS = IPv4Network("169.254.170.2/32")
_LOOPBACK = IPv4Network("127.0.0.1/32")
_NEW, _ESTABLISHED = frozenset({"new"}), frozenset({"established"})
_UNTRACKED = frozenset({"untracked"})
_ASKED_NODES = IPv6Network("ff02::1:ff00:0/104")
"""Where a question for a neighbour is sent (RFC 4291, section 2.7.1)."""
_ASKS, _ANSWERS = 135, 136
_DNAT = frozenset({"dnat"})


@dataclass(frozen=True, slots=True)
class RequiredTraffic:
    """One kind of packet and what to call it."""

    packet: AskedPacket
    name: str


def of_host(
    ports: Sequence[int] = (443,), *, names: bool = True, uplink: str = "", family: int = 4
) -> tuple[RequiredTraffic, ...]:
    """What the agents send and get.

    Args:
        ports: 443, or those of the proxies.
        names: whether they need DNS.
        uplink: the interface that leads out, where it is known.
        family: 4 or 6.
    """
    wanted = [("tcp", port, f"connections to port {port}", f"answers from port {port}") for port in ports]
    if names:
        wanted.append(("udp", 53, "DNS questions", "DNS answers"))
    found = []
    for protocol, port, out, back in wanted:
        asked = AskedPacket(
            protocol=protocol,
            hook=Hook.OUTPUT,
            destination_port=port,
            goes_out=UPLINK,
            states=_NEW,
            uplink=uplink,
            family=family,
        )
        answer = AskedPacket(
            protocol=protocol,
            hook=Hook.INPUT,
            source_port=port,
            came_in=UPLINK,
            states=_ESTABLISHED,
            uplink=uplink,
            family=family,
        )
        found += [RequiredTraffic(asked, out), RequiredTraffic(answer, back)]
    return tuple(found)


def of_neighbours(uplink: str = "") -> tuple[RequiredTraffic, ...]:
    """Questions for a neighbour's hardware address and their answers, without which nothing leaves over IPv6.

    RFC 4861. The router asks as well. Connection tracking leaves these messages alone (Linux,
    ``nf_conntrack_proto_icmpv6.c``).

    Args:
        uplink: the interface that leads out, where it is known.
    """

    def message(kind: int, hook: Hook, destination: IPv6Network | None = None) -> AskedPacket:
        return AskedPacket(
            protocol="icmpv6",
            hook=hook,
            goes_out=UPLINK if hook is Hook.OUTPUT else "",
            came_in=UPLINK if hook is Hook.INPUT else "",
            states=_UNTRACKED,
            destination=destination,
            uplink=uplink,
            family=6,
            icmp_type=kind,
        )

    return (
        RequiredTraffic(message(_ASKS, Hook.OUTPUT, _ASKED_NODES), "questions for neighbours"),
        RequiredTraffic(message(_ANSWERS, Hook.INPUT), "answers of neighbours"),
        RequiredTraffic(message(_ASKS, Hook.INPUT, _ASKED_NODES), "questions of neighbours"),
        RequiredTraffic(message(_ANSWERS, Hook.OUTPUT), "answers to neighbours"),
    )


def of_credentials(bridge: IPv4Network) -> tuple[RequiredTraffic, ...]:
    """A task that asks for its credentials, and the answer.

    Args:
        bridge: docker0's network.
    """
    asked = AskedPacket(
        protocol="tcp",
        hook=Hook.INPUT,
        destination_port=CREDENTIALS_PORT,
        states=_NEW | _DNAT,
        came_in=BRIDGE,
        source=bridge,
        destination=_LOOPBACK,
        asked_port=80,
        asked=_CREDENTIALS,
        bridge=bridge,
    )
    answer = AskedPacket(
        protocol="tcp",
        hook=Hook.OUTPUT,
        source_port=CREDENTIALS_PORT,
        states=_ESTABLISHED | _DNAT,
        goes_out=BRIDGE,
        source=_LOOPBACK,
        destination=bridge,
        bridge=bridge,
    )
    return RequiredTraffic(asked, f"packets of tasks to 127.0.0.1:{CREDENTIALS_PORT}"), RequiredTraffic(
        answer, "answers to tasks"
    )


def of_tasks(bridge: IPv4Network, uplink: str = "") -> tuple[RequiredTraffic, ...]:
    """Tasks that connect to port 443 and ask DNS, and the answers.

    Args:
        bridge: docker0's network.
        uplink: the interface that leads out, where it is known.
    """
    found = []
    for protocol, port, out, back in (
        ("tcp", 443, "connections of tasks to port 443", "answers to tasks from port 443"),
        ("udp", 53, "DNS questions of tasks", "DNS answers to tasks"),
    ):
        asked = AskedPacket(
            protocol=protocol,
            hook=Hook.FORWARD,
            destination_port=port,
            states=_NEW,
            came_in=BRIDGE,
            goes_out=UPLINK,
            source=bridge,
            bridge=bridge,
            uplink=uplink,
        )
        answer = AskedPacket(
            protocol=protocol,
            hook=Hook.FORWARD,
            source_port=port,
            states=_ESTABLISHED,
            came_in=UPLINK,
            goes_out=BRIDGE,
            destination=bridge,
            bridge=bridge,
            uplink=uplink,
        )
        found += [RequiredTraffic(asked, out), RequiredTraffic(answer, back)]
    return tuple(found)
