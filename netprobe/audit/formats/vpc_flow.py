"""AWS VPC flow logs, versions 2 to 5: the default format, and any format whose header line names its fields.

Source: docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html, "Available fields" and "Default format" (read
2026-11-28). A record names addresses only; a DNS log beside it tells their names. ``pkt-dstaddr`` is the packet's own
destination where a gateway stands between. ACCEPT says that the security groups and network ACLs admitted the packets,
nothing of an answer: where only SYNs went out (``tcp-flags`` 2), none came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from netprobe.audit.formats import fields
from netprobe.audit.model import Event, Verdict

NAME = "vpc-flow"
SUMMARY = "AWS VPC flow logs, v2 to v5"
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
_NEEDED = ("dstaddr", "dstport", "action")
_SYN = "2"


def matches(line: str) -> bool:
    """Whether a line is of this format (a header line is, too)."""
    words = line.split()
    if _header(words) is not None:
        return True
    return len(words) >= 14 and words[0] in ("2", "3", "4", "5") and words[-1] in ("OK", "NODATA", "SKIPDATA")


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
    verdict = {"ACCEPT": Verdict.ALLOWED, "REJECT": Verdict.DENIED}.get(cell("action"))
    address = fields.address(cell("pkt-dstaddr")) or fields.address(cell("dstaddr"))
    if verdict is None or not address:
        raise ValueError("not a flow log record")
    if verdict is Verdict.ALLOWED and cell("tcp-flags") == _SYN:
        verdict = Verdict.FAILED_UPSTREAM
    event = Event(
        verdict=verdict,
        address=address,
        port=fields.port(cell("dstport")),
        rule=f"{cell('action')} {cell('interface-id')}".strip(),
        client=cell("pkt-srcaddr") or cell("srcaddr"),
        time=fields.epoch(cell("end") or cell("start")),
    )
    return (event,)
