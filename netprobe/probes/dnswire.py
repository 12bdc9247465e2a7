"""A DNS question and its answer, as bytes and as facts. No I/O.

dnspython is who knows DNS here. But a check asks thousands of questions, nearly every answer to them is of the plainest
form there is, and building and walking dnspython's messages for one takes 0.3 ms, as long as a third of a TLS
handshake; importing them takes as long as a hundred answers, before the first question leaves. So a name of letters,
digits, hyphens and underscores is written here, and an answer that leads from the name that was asked, by aliases of
such names in their order, to nothing but addresses, or whose answer section is empty, is read in one pass over its
bytes. Whatever is less plain (a truncated answer, records in disorder, a lie) is dnspython's, which is imported for it
and not before; the tests hold one reading against the other, and the questions against dnspython's.

In the plain reading, records that say nothing about addresses are stepped over and not judged, as in Go's resolver.
"""

from __future__ import annotations

import functools
import re
import secrets
import socket
import struct
from typing import Any

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
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_HEADER_SIZE = _HEADER.size
_TO_THE_NAME_ASKED = b"\xc0\x0c"  # RFC 1035 section 4.1.4: a pointer to the name in the question, at offset 12
_QR, _TC, _RD = 0x8000, 0x0200, 0x0100  # RFC 1035 section 4.1.1
_PLAIN_FLAGS = _QR | 0x7800 | _TC  # an answer, of opcode 0 (QUERY), not truncated
_NOERROR, _NXDOMAIN = 0, 3
_RCODES = {_NOERROR: "NOERROR", _NXDOMAIN: "NXDOMAIN"}
_PLAIN_NAME = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
_PLAIN_LABEL = re.compile(rb"[A-Za-z0-9_-]+")
_LONGEST_LABEL, _LONGEST_NAME = 63, 253
"""Characters of a name without the dot behind it; 255 bytes in a message (RFC 1035 section 3.1)."""
_POINTER = 0xC0
_MAX_ALIASES = 8
_LONGEST_TTL = 0x7FFFFFFF  # RFC 2181 section 8


class Malformed(Exception):
    """An answer to our question that is no DNS message, or a far too long one."""


class Question(msgspec.Struct, frozen=True):
    """One question.

    Attributes:
        name: the name, as in the message.
        family: 4 for A, 6 for AAAA.
        wire: the message.
        edns: whether it offers EDNS (RFC 6891).
    """

    name: bytes
    family: int
    wire: bytes
    edns: bool


class DnsAnswer(msgspec.Struct, frozen=True):
    """What an answer says.

    Attributes:
        rcode: its response code.
        truncated: there is more, over TCP.
        addresses: sorted, at most :data:`MAX_ADDRESSES`.
        cname: the aliases that lead to them.
        ttl: how long they hold, in seconds.
        error: what is wrong or was left out.
        contradictory: it is well-formed, and no sense can be made of it.
        left_out: how many addresses it has beyond those.
    """

    rcode: int
    truncated: bool = False
    addresses: tuple[str, ...] = ()
    cname: tuple[str, ...] = ()
    ttl: int | None = None
    error: str = ""
    contradictory: bool = False
    left_out: int = 0


def question(name: str, family: int, *, edns: bool = True) -> Question:
    """Ask for the addresses of a name.

    Args:
        name: a host name.
        family: 4 for A, 6 for AAAA.
        edns: offer EDNS.
    """
    head = _HEADER.pack(secrets.randbits(16), _RD, 1, 0, 0, edns)
    offer = b"\0" + _RECORD.pack(_OPT, EDNS_PAYLOAD, 0, 0) if edns else b""
    wire = _wire(name)
    return Question(wire, family, b"".join((head, wire, struct.pack("!HH", _TYPES[family], _IN), offer)), edns)


def _wire(name: str) -> bytes:
    """A name as it stands in a message."""
    if len(name) <= _LONGEST_NAME and _PLAIN_NAME.fullmatch(name):
        labels = name.removesuffix(".").encode("ascii").split(b".")
        return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    import dns.name  # late: hardly any name needs it

    found = dns.name.from_text(name).to_wire()
    assert found is not None  # it is where to_wire is given no file
    return found


@functools.cache
def rcode_text(rcode: int) -> str:
    """``NXDOMAIN`` and the like."""
    if rcode in _RCODES:
        return _RCODES[rcode]
    import dns.rcode  # late: most answers have one of these two

    return dns.rcode.to_text(dns.rcode.Rcode(rcode))


def read(wire: bytes, asked: Question) -> DnsAnswer | None:
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


def _plain(wire: bytes, asked: Question) -> DnsAnswer | None:
    """Read an answer of the plainest form; None where it is of another."""
    _, flags, questions, answers, authorities, additional = _HEADER.unpack_from(wire)
    end = _HEADER_SIZE + len(asked.name) + 4
    rcode = flags & 15
    if flags & _PLAIN_FLAGS != _QR or questions != 1 or (rcode and answers):
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
    family = _FAMILIES[asked.family]
    addresses = sorted(socket.inet_ntop(family, address) for address in chain.addresses)
    return _answer(rcode, addresses, cname=chain.aliases, ttl=min(chain.ttls) if addresses else None)


class _Chain:
    """The way from the name that was asked to its addresses, record by record."""

    def __init__(self, asked: Question) -> None:
        self._names = [asked.name.lower()]
        self._texts: list[str] = []
        self._type, self._size = _TYPES[asked.family], _LENGTHS[asked.family]
        self.addresses: set[bytes] = set()
        self.ttls: list[int] = []

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names on the way."""
        return tuple(self._texts)

    def follow(self, wire: bytes, owner: int, kind: int, start: int, end: int) -> bool:
        """Take the next record of the answer section; whether it is the plain next step."""
        plainly = len(self._names) == 1 and wire[owner : owner + 2] == _TO_THE_NAME_ASKED
        if not plainly and _name_at(wire, owner)[0].lower() != self._names[-1]:
            return False
        if kind == self._type and end - start == self._size:
            self.addresses.add(wire[start:end])
            return True
        if kind != _CNAME or self.addresses or len(self._names) > _MAX_ALIASES:
            return False
        target, text, used = _name_at(wire, start)
        if not target or start + used != end or target.lower() in self._names:
            return False
        self._names.append(target.lower())
        self._texts.append(text)
        return True


def _name_at(wire: bytes, offset: int) -> tuple[bytes, str, int]:
    """A plain name: as in a message without pointers, as text, and how many bytes it takes where it stands.

    Nothing and 0 where it is not plain. A pointer leads before the place from which the name was read so far, as it
    does for dnspython, so that no name is read for ever.
    """
    labels: list[bytes] = []
    place = bound = offset
    used = 0
    while size := wire[place]:
        if size >= _POINTER:
            used = used or place + 2 - offset
            place = (size - _POINTER) << 8 | wire[place + 1]
            if place >= bound:
                return b"", "", 0
            bound = place
            continue
        label = wire[place + 1 : place + 1 + size]
        if size > _LONGEST_LABEL or len(label) != size or not _PLAIN_LABEL.fullmatch(label):
            return b"", "", 0
        labels.append(label)
        place += 1 + size
    text = b".".join(labels).decode("ascii")
    if len(text) > _LONGEST_NAME:
        return b"", "", 0
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0", text, used or place + 1 - offset


def _after_name(wire: bytes, offset: int) -> int:
    """Where a name ends."""
    while (size := wire[offset]) and size < _POINTER:
        offset += size + 1
    return offset + (2 if size else 1)


def _any(wire: bytes, asked: Question) -> DnsAnswer | None:
    """Read any answer, with dnspython."""
    import dns.message  # late: hardly any answer needs it
    import dns.rcode

    query = dns.message.from_wire(asked.wire)
    try:
        message: Any = dns.message.from_wire(wire, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise Malformed(type(error).__name__) from error
    if not query.is_response(message):
        return None
    rcode, truncated = message.rcode(), bool(message.flags & _TC)
    if rcode not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return DnsAnswer(rcode, truncated)
    try:
        chain = message.resolve_chaining()
    except dns.exception.DNSException as error:  # a CNAME loop, or an answer that contradicts its rcode
        return DnsAnswer(rcode, truncated, error=type(error).__name__, contradictory=True)
    cname = tuple(printable(str(target.target).removesuffix(".")) for rrset in chain.cnames for target in rrset)
    if chain.answer is None:
        return DnsAnswer(rcode, truncated, cname=cname)
    addresses = sorted(str(one.address) for one in chain.answer)
    return _answer(rcode, addresses, truncated=truncated, cname=cname, ttl=chain.minimum_ttl)


def _answer(
    rcode: int,
    addresses: list[str],
    *,
    truncated: bool = False,
    cname: tuple[str, ...] = (),
    ttl: int | None = None,
) -> DnsAnswer:
    count = len(addresses)
    left_out = max(0, count - MAX_ADDRESSES)
    extra = f"{count} addresses, {MAX_ADDRESSES} of them are probed" if left_out else ""
    return DnsAnswer(rcode, truncated, tuple(addresses[:MAX_ADDRESSES]), cname, ttl, extra, left_out=left_out)
