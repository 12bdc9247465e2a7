"""A DNS question and its answer, as bytes and as facts. No I/O.

dnspython is who knows DNS here. But a check asks thousands of questions, nearly every answer to them is of the plainest
form there is, and building and walking dnspython's objects for one takes 0.3 ms, as long as a third of a TLS handshake.
So the fixed part of a question is made once and by dnspython; and an answer that holds nothing but addresses of the
very name that was asked, or nothing at all, is read in one pass over its bytes. Whatever is less plain (an alias, a
truncated answer, an error, a lie) is dnspython's; the tests hold one reading against the other.

In the plain reading, records that say nothing about addresses are stepped over and not judged, as in Go's resolver.
"""

from __future__ import annotations

import functools
import secrets
import struct
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.ipv4
import dns.ipv6
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from netprobe.errors import printable

EDNS_PAYLOAD = 1232
MAX_ADDRESSES = 16
"""More addresses than this of one name and family are counted, not probed."""
MAX_ANSWER = 20_480
"""Bytes of an answer that are read: more than a thousand addresses."""
RRTYPE = {4: "A", 6: "AAAA"}
_TYPES = {4: dns.rdatatype.A, 6: dns.rdatatype.AAAA}
_LENGTHS = {4: 4, 6: 16}
_TO_TEXT = {4: dns.ipv4.inet_ntoa, 6: dns.ipv6.inet_ntoa}
_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_HEADER_SIZE = _HEADER.size
_TO_THE_NAME_ASKED = b"\xc0\x0c"  # RFC 1035 section 4.1.4: a pointer to the name in the question, at offset 12
_PLAIN_FLAGS = dns.flags.QR | 0x7800 | dns.flags.TC  # an answer, of opcode 0 (QUERY), not truncated
_OPT, _TSIG = 41, 250
_LONGEST_TTL = 0x7FFFFFFF  # RFC 2181 section 8


class Malformed(Exception):
    """An answer to our question that is no DNS message, or a far too long one."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        name: the name.
        family: 4 for A, 6 for AAAA.
        wire: the message.
        edns: whether it offers EDNS (RFC 6891).
    """

    name: dns.name.Name
    family: int
    wire: bytes
    edns: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says.

    Attributes:
        rcode: its response code.
        truncated: there is more, over TCP.
        addresses: sorted, at most :data:`MAX_ADDRESSES`.
        cname: the aliases that lead to them.
        ttl: how long they hold, in seconds.
        error: what is wrong or was left out.
        contradictory: it is well-formed, and no sense can be made of it.
    """

    rcode: int
    truncated: bool = False
    addresses: tuple[str, ...] = ()
    cname: tuple[str, ...] = ()
    ttl: int | None = None
    error: str = ""
    contradictory: bool = False


@functools.cache
def _template(family: int, edns: bool) -> bytes:
    """A question for the root."""
    query = dns.message.make_query(dns.name.root, _TYPES[family], use_edns=0 if edns else -1, payload=EDNS_PAYLOAD)
    return query.to_wire()


def question(name: str | dns.name.Name, family: int, *, edns: bool = True) -> Question:
    """Ask for the addresses of a name.

    Args:
        name: a host name.
        family: 4 for A, 6 for AAAA.
        edns: offer EDNS.
    """
    parsed = dns.name.from_text(name) if isinstance(name, str) else name
    template = _template(family, edns)
    head, tail = template[2:_HEADER_SIZE], template[_HEADER_SIZE + 1 :]
    wire = secrets.token_bytes(2) + head + parsed.to_wire() + tail  # type: ignore[operator]
    return Question(parsed, family, wire, edns)


@functools.cache
def rcode_text(rcode: int) -> str:
    """``NXDOMAIN`` and the like."""
    return dns.rcode.to_text(dns.rcode.Rcode(rcode))


def read(wire: bytes, asked: Question) -> Answer | None:
    """Read a message; None where it answers another question than ours.

    Raises:
        Malformed: it has our question's id and is no message.
    """
    if wire[:2] != asked.wire[:2]:
        return None
    if len(wire) > MAX_ANSWER:
        raise Malformed(f"an answer of {len(wire)} bytes, more than {MAX_ANSWER}")
    try:
        plain = _plain(wire, asked)
    except (IndexError, struct.error):  # it ends too early: let dnspython say how
        plain = None
    return plain or _any(wire, asked)


def _plain(wire: bytes, asked: Question) -> Answer | None:
    """Read an answer of the plainest form; None where it is of another."""
    _, flags, questions, answers, authorities, additional = _HEADER.unpack_from(wire)
    end = _HEADER_SIZE + len(asked.name.to_wire() or b"") + 4
    if flags & _PLAIN_FLAGS != dns.flags.QR or questions != 1:
        return None
    if wire[_HEADER_SIZE:end] != asked.wire[_HEADER_SIZE:end] or flags & 15 not in {0, 3} or (flags & 15 and answers):
        return None
    wanted, length = (_TYPES[asked.family], 1), _LENGTHS[asked.family]
    found: set[bytes] = set()
    ttls: list[int] = []
    for number in range(answers + authorities + additional):
        owner, start = end, _after_name(wire, end) + _RECORD.size
        kind, cls, ttl, size = _RECORD.unpack_from(wire, start - _RECORD.size)
        end = start + size
        if number < answers:
            if wire[owner : owner + 2] != _TO_THE_NAME_ASKED or (kind, cls) != wanted or size != length:
                return None
            found.add(wire[start:end])
            ttls.append(ttl)
        elif kind == _TSIG or (kind == _OPT and ttl >> 24):  # signed, or more of the response code
            return None
    if end != len(wire) or any(ttl > _LONGEST_TTL for ttl in ttls):
        return None
    return _answer(flags & 15, sorted(map(_TO_TEXT[asked.family], found)), ttl=min(ttls, default=None))


def _after_name(wire: bytes, offset: int) -> int:
    """Where a name ends."""
    while (size := wire[offset]) and size < 0xC0:
        offset += size + 1
    return offset + (2 if size else 1)


def _any(wire: bytes, asked: Question) -> Answer | None:
    """Read any answer, with dnspython."""
    query = dns.message.from_wire(asked.wire)
    try:
        message = dns.message.from_wire(wire, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise Malformed(type(error).__name__) from error
    if not query.is_response(message):
        return None
    rcode, truncated = message.rcode(), bool(message.flags & dns.flags.TC)
    if rcode not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return Answer(rcode, truncated)
    assert isinstance(message, dns.message.QueryMessage)
    try:
        chain = message.resolve_chaining()
    except dns.exception.DNSException as error:  # a CNAME loop, or an answer that contradicts its rcode
        return Answer(rcode, truncated, error=type(error).__name__, contradictory=True)
    cname = tuple(printable(str(target.target).removesuffix(".")) for rrset in chain.cnames for target in rrset)
    if chain.answer is None:
        return Answer(rcode, truncated, cname=cname)
    addresses = sorted(str(one.address) for one in chain.answer)
    return _answer(rcode, addresses, truncated=truncated, cname=cname, ttl=chain.minimum_ttl)


def _answer(
    rcode: int,
    addresses: list[str],
    *,
    truncated: bool = False,
    cname: tuple[str, ...] = (),
    ttl: int | None = None,
) -> Answer:
    count = len(addresses)
    extra = f"{count} addresses, {MAX_ADDRESSES} of them are probed" if count > MAX_ADDRESSES else ""
    return Answer(rcode, truncated, tuple(addresses[:MAX_ADDRESSES]), cname, ttl, extra)
