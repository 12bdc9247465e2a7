"""Cisco IOS XE 17.4 and newer: groups of FQDN patterns in an access list, by DNS snooping.

A pattern of ``object-group fqdn`` is a regular expression; the router reads the DNS answers that pass through it, and
a line of an access list with ``fqdn-group`` fits the addresses of the names that fit a pattern. Cisco's models say: a
pattern has at most 240 characters, a name of a group at most 64. At most 64 groups are said to be possible; here
there is one a port.

Every pattern begins with ``^`` and ends with ``$``. Whether the router fits a pattern to the whole name or looks for
it anywhere, what was read does not say (Cisco's own example begins with ``.*``, which only a fit needs); with both
ends marked it is the same.

The lines are for the head of the access list that the interface has, with numbers below 10, which is the first that
the router gives by itself: a number that is taken is refused, so no line of the site's is replaced. A list of its own
would end in the implicit denial of everything.

It cannot be run here: the tests read every line with a reader of their own, written from Cisco's models.
"""

from __future__ import annotations

from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.errors import CannotExpressError, UsageError
from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    Dialect,
    File,
    Form,
    Layer,
    Lowered,
    Policy,
    Scope,
    Source,
    TargetProof,
)

NAME = "cisco-iosxe"
TITLE = "Cisco IOS XE (FQDN object groups, DNS snooping)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.BANG
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.REGEX}),
    regex=Dialect.POSIX_ERE,
    max_entry_length=240,
    beyond=("IPv6 is not governed: the lines are those of an IPv4 access list",),
    default_action="denied by the lines behind those that permit, TCP and UDP, on the ports named above (IPv4)",
)
MAIN = File(name="netprobe.iosxe", template="netprobe.iosxe.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="the object group netprobe-hosts, which is made from --source (IPv4)",
    sessions="a list looks at every packet, so those to addresses that the router has not read from an answer end",
)
COMMANDS = Commands(
    check="",
    load="put your access list's name for netprobe-list, paste it in configure terminal",
    replace="take the old lines out by their numbers, paste the new file (the page says how)",
    rollback="the lines out of the access list by their numbers, then no object-group fqdn netprobe-443",
)
PROOF = TargetProof(grammar="IOS XE object groups and access lists, by Cisco's YANG models for 17.18")
SOURCES = (
    Source(
        where="https://github.com/YangModels/yang (vendor/cisco/xe/17181/Cisco-IOS-XE-object-group.yang: FQDN ACL "
        "since revision 2020-03-01, lengths)",
        read="2026-11-29",
    ),
    Source(
        where="https://github.com/CiscoDevNet/terraform-provider-iosxe (docs/resources/object_group.md and "
        "access_list_extended.md, commit 589fc56)",
        read="2026-11-29",
    ),
    Source(
        where="Cisco's list of commands for SD-WAN's CLI templates, as a public repository has it (lines of an "
        "extended list that end in fqdn-group and the group's name)",
        read="2026-11-29",
    ),
    Source(
        where="https://netascode.cisco.com/docs/data_models/iosxe/device/object_group_fqdn/ (patterns are regular "
        "expressions, dots escaped)",
        read="2026-11-29",
    ),
)
_FIRST_OF_THE_SITE = 10


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """Nothing more than the rules, if their lines fit in front of the site's own, and the hosts into an IPv4 list.

    Raises:
        UsageError: none of the hosts' networks is IPv4.
        CannotExpressError: more ports than there are numbers in front of the site's lines.
    """
    if policy.sources and all(":" in one for one in policy.sources):
        raise UsageError(policy.sources[0], "this device's list is for IPv4", "give the hosts' IPv4 networks too")
    ports = len({entry.port for entry in lowered.entries})
    lines = ports * (3 if policy.enforce else 1)
    if lines >= _FIRST_OF_THE_SITE:
        raise CannotExpressError((f"{lines} lines are needed, and {_FIRST_OF_THE_SITE - 1} fit in front of yours",))
    return {}
