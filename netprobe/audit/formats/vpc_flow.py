"""AWS VPC flow logs: the default format, and any format whose header line names its fields.

Source: docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html ("Default format") and
flow-logs-records-examples.html ("TCP flag sequence"), as the archived awsdocs/amazon-vpc-user-guide and a search index
keep them; the lines of elastic/integrations, packages/aws/data_stream/vpcflow (all read 2026-11-28). A record names
addresses only; a DNS log beside it tells their names. ``pkt-dstaddr`` is the packet's own destination where a gateway
stands between. CloudWatch Logs keeps no header: there the fields after the default ones mean nothing to us.

ACCEPT says that the security groups and network ACLs admitted the packets, nothing of an answer. ``tcp-flags`` 2 alone
does not say either that none came: AWS's own example is of a connection that went on, because ACK is not among the
flags that are logged. Only SYNs went out where all the packets have a SYN's size as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "vpc-flow"
SUMMARY = "AWS VPC flow logs, v2 to v10"
_DEFAULT = MappingProxyType(
    {
        name: place
        for place, name in enumerate(
            (
                "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol",
                "packets", "bytes", "start", "end", "action", "log-status",
            )
        )
    }
)  # fmt: skip
_VERSIONS = frozenset(str(number) for number in range(2, 11))
_STATUSES = frozenset({"OK", "NODATA", "SKIPDATA"})
_NEEDED = ("dstaddr", "dstport", "action")
_SYN = "2"
_SYN_SIZES = {4: range(40, 61, 4), 6: range(60, 81, 4)}
"""Bytes by IP version: 20 or 40 of its header, 20 of TCP's, and up to 20 of options, always a multiple of 4."""
_PROTOCOLS = frozenset({"", "6", "17"})


def matches(line: str) -> bool:
    """Whether a line is of this format (a header line is, too)."""
    words = line.split()
    if _header(words) is not None:
        return True
    return len(words) >= 14 and words[0] in _VERSIONS and words[13] in _STATUSES


def parser() -> Callable[[str], tuple[Event, ...]]:
    """A parser for one file: it keeps the fields that the last header line named."""
    columns: Mapping[str, int] = _DEFAULT

    def parse_next(line: str) -> tuple[Event, ...]:
        nonlocal columns
        words = line.split()
        named = _header(words)
        if named is None:
            return _parse(words, columns)
        columns = named
        return ()

    return parse_next


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line in the default format."""
    return parser()(line)


def _header(words: list[str]) -> Mapping[str, int] | None:
    if "action" not in words or "dstaddr" not in words:
        return None
    return {name: place for place, name in reversed(list(enumerate(words)))}


def _parse(words: list[str], columns: Mapping[str, int]) -> tuple[Event, ...]:
    if any(name not in columns for name in _NEEDED):
        raise ValueError("the header names no destination or action")
    if len(words) <= max(columns[name] for name in _NEEDED):
        raise ValueError("not a flow log record")

    def cell(name: str) -> str:
        place = columns.get(name)
        return words[place] if place is not None and place < len(words) and words[place] != "-" else ""

    if cell("log-status") in ("NODATA", "SKIPDATA") or cell("flow-direction") == "ingress":
        return ()
    verdict = {"ACCEPT": Decision.ALLOWED, "REJECT": Decision.DENIED}.get(cell("action"))
    address = fields.address(cell("pkt-dstaddr")) or fields.address(cell("dstaddr"))
    if verdict is None or not address:
        raise ValueError("not a flow log record")
    if cell("protocol") not in _PROTOCOLS:
        return ()
    if verdict is Decision.ALLOWED and cell("tcp-flags") == _SYN:
        verdict = _after_syn(address, fields.count(cell("packets")), fields.count(cell("bytes")))
    event = Event(
        verdict=verdict,
        address=address,
        port=fields.port(cell("dstport")),
        rule=f"{cell('action')} {cell('interface-id')}".strip(),
        client=cell("pkt-srcaddr") or cell("srcaddr"),
        time=fields.epoch(cell("end") or cell("start")),
    )
    return (event,)


def _after_syn(address: str, packets: int, size: int) -> Decision:
    """What became of a flow whose only flag was SYN: a SYN that is sent again has the size of the first.

    Args:
        address: that was connected to.
        packets: how many; 0 where the record does not say.
        size: bytes of all of them; 0 where the record does not say.
    """
    if not packets or not size:
        return Decision.UNKNOWN
    sizes = _SYN_SIZES[6 if ":" in address else 4]
    only_syns = size % packets == 0 and size // packets in sizes
    return Decision.FAILED_UPSTREAM if only_syns else Decision.ALLOWED
