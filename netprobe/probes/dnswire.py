"""A DNS question and its answer, as bytes and as facts. No I/O.

dnspython is who knows DNS here. But a check asks thousands of questions, nearly every answer to them is of the plainest
form there is, and building and walking dnspython's messages for one takes 0.3 ms, as long as a third of a TLS
handshake; importing them takes as long as a hundred answers. So an answer that leads from the name that was asked, by
aliases in their order, to nothing but addresses, or whose answer section is empty, is read in one pass over its bytes.
Whatever is less plain (a truncated answer, records in disorder, a lie) is dnspython's; the tests hold one reading
against the other, and the questions against dnspython's.

In the plain reading, records that say nothing about addresses are stepped over and not judged, as in Go's resolver.
"""

from __future__ import annotations

import functools
import secrets
import struct
from typing import Any

import dns.exception
import dns.flags
import dns.ipv4
import dns.ipv6
import dns.name
import dns.rcode
import msgspec

from netprobe.errors import printable

EDNS_PAYLOAD = 1232
MAX_ADDRESSES = 16
"""More addresses than this of one name and family are counted, not probed."""
MAX_ANSWER = 20_480
"""Bytes of an answer that are read: more than a thousand addresses."""
RRTYPE = {4: "A", 6: "AAAA"}
_TYPES = {4: 1, 6: 28}
_CNAME, _OPT, _TSIG, _IN = 5, 41, 250, 1
_LENGTHS = {4: 4, 6: 16}
_TO_TEXT = {4: dns.ipv4.inet_ntoa, 6: dns.ipv6.inet_ntoa}
_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_HEADER_SIZE = _HEADER.size
_TO_THE_NAME_ASKED = b"\xc0\x0c"  # RFC 1035 section 4.1.4: a pointer to the name in the question, at offset 12
_PLAIN_FLAGS = dns.flags.QR | 0x7800 | dns.flags.TC  # an answer, of opcode 0 (QUERY), not truncated
_MAX_ALIASES = 8
_LONGEST_TTL = 0x7FFFFFFF  # RFC 2181 section 8


class Malformed(Exception):
    """An answer to our question that is no DNS message, or a far too long one."""


class Question(msgspec.Struct, frozen=True):
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


class Answer(msgspec.Struct, frozen=True):
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


def question(name: str | dns.name.Name, family: int, *, edns: bool = True) -> Question:
    """Ask for the addresses of a name.

    Args:
        name: a host name.
        family: 4 for A, 6 for AAAA.
        edns: offer EDNS.
    """
    parsed = dns.name.from_text(name) if isinstance(name, str) else name
    head = _HEADER.pack(secrets.randbits(16), dns.flags.RD, 1, 0, 0, edns)
    offer = b"\0" + _RECORD.pack(_OPT, EDNS_PAYLOAD, 0, 0) if edns else b""
    return Question(
        parsed, family, b"".join((head, _wire(parsed), struct.pack("!HH", _TYPES[family], _IN), offer)), edns
    )


def _wire(name: dns.name.Name) -> bytes:
    found = name.to_wire()
    assert found is not None  # it is where to_wire is given no file
    return found


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
    end = _HEADER_SIZE + len(_wire(asked.name)) + 4
    rcode = flags & 15
    if flags & _PLAIN_FLAGS != dns.flags.QR or questions != 1 or (rcode and answers):
        return None
    if wire[_HEADER_SIZE:end] != asked.wire[_HEADER_SIZE:end]:
        return None
    chain = _Chain(asked)
    for number in range(answers + authorities + additional):
        owner, start = end, _after_name(wire, end) + _RECORD.size
        kind, cls, ttl, size = _RECORD.unpack_from(wire, start - _RECORD.size)
        end = start + size
        if number < answers:
            if cls != _IN or ttl > _LONGEST_TTL or not chain.follow(wire, owner, kind, start, end):
                return None
            chain.ttls.append(ttl)
        elif kind == _TSIG or (kind == _OPT and ttl >> 24):  # signed, or more of the response code
            return None
    if end != len(wire):  # cut off, or with something behind it
        return None
    addresses = sorted(map(_TO_TEXT[asked.family], chain.addresses))
    return _answer(rcode, addresses, cname=chain.aliases, ttl=min(chain.ttls) if addresses else None)


class _Chain:
    """The way from the name that was asked to its addresses, record by record."""

    def __init__(self, asked: Question) -> None:
        self._names = [asked.name]
        self._type, self._size = _TYPES[asked.family], _LENGTHS[asked.family]
        self.addresses: set[bytes] = set()
        self.ttls: list[int] = []

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names on the way, as text that is safe to print."""
        return tuple(printable(str(name).removesuffix(".")) for name in self._names[1:])

    def follow(self, wire: bytes, owner: int, kind: int, start: int, end: int) -> bool:
        """Take the next record of the answer section; whether it is the plain next step."""
        plainly = len(self._names) == 1 and wire[owner : owner + 2] == _TO_THE_NAME_ASKED
        if not plainly and self._name(wire, owner)[0] != self._names[-1]:
            return False
        if kind == self._type and end - start == self._size:
            self.addresses.add(wire[start:end])
            return True
        if kind != _CNAME or self.addresses or len(self._names) > _MAX_ALIASES:
            return False
        target, used = self._name(wire, start)
        if target is None or start + used != end or target in self._names:
            return False
        self._names.append(target)
        return True

    @staticmethod
    def _name(wire: bytes, offset: int) -> tuple[dns.name.Name | None, int]:
        try:
            return dns.name.from_wire(wire, offset)
        except dns.exception.DNSException:
            return None, 0


def _after_name(wire: bytes, offset: int) -> int:
    """Where a name ends."""
    while (size := wire[offset]) and size < 0xC0:
        offset += size + 1
    return offset + (2 if size else 1)


def _any(wire: bytes, asked: Question) -> Answer | None:
    """Read any answer, with dnspython."""
    import dns.message  # late: hardly any answer needs it

    query = dns.message.from_wire(asked.wire)
    try:
        message: Any = dns.message.from_wire(wire, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise Malformed(type(error).__name__) from error
    if not query.is_response(message):
        return None
    rcode, truncated = message.rcode(), bool(message.flags & dns.flags.TC)
    if rcode not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return Answer(rcode, truncated)
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
