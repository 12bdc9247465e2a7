"""The plain reading of DNS answers, held against dnspython's on anything that a server could send."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import dns.tsigkeyring
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.probes import dnswire
from netprobe.probes.dnswire import DnsAnswer, Malformed, Question
from tests.support.bounded import within

HOST = "ecs.us-east-2.amazonaws.com"
SOA = "ns.example. root.example. 1 3600 600 86400 60"


def _query(asked: Question) -> dns.message.QueryMessage:
    query = dns.message.from_wire(asked.wire)
    assert isinstance(query, dns.message.QueryMessage)
    return query


def _response(asked: Question) -> dns.message.QueryMessage:
    response = dns.message.make_response(_query(asked), recursion_available=True)
    assert isinstance(response, dns.message.QueryMessage)
    return response


def _slow(wire: bytes, asked: Question) -> DnsAnswer | None:
    return dnswire._any(wire, asked)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("edns", [True, False])
def test_a_question_is_what_dnspython_would_ask(family: int, edns: bool) -> None:
    asked = dnswire.question(HOST, family, edns=edns)
    expected = dns.message.make_query(
        HOST, dnswire.RRTYPE[family], use_edns=0 if edns else -1, payload=1232, id=int.from_bytes(asked.wire[:2], "big")
    )
    assert asked.wire == expected.to_wire()


@pytest.mark.parametrize(
    "name",
    ["a", "_dns.A-b.example.", ".".join(["a" * 63] * 3 + ["b" * 61]), "b\u00fccher.example", "a\\.b.example", "."],
)
def test_a_name_is_written_as_dnspython_would(name: str) -> None:
    assert dnswire.question(name, 4).name == dns.name.from_text(name).to_wire()


@pytest.mark.parametrize("name", ["a" * 64, ".".join(["a" * 63] * 4), "a..example"])
def test_what_is_no_name_is_not_asked_for(name: str) -> None:
    with pytest.raises(dns.exception.DNSException):
        dnswire.question(name, 4)


def test_questions_have_ids_of_their_own() -> None:
    assert len({dnswire.question(HOST, 4).wire[:2] for _ in range(64)}) > 32


@pytest.mark.parametrize(
    ("family", "rcode", "addresses", "soa"),
    [
        (4, dns.rcode.NOERROR, ["192.0.2.9", "192.0.2.1"], False),
        (6, dns.rcode.NOERROR, ["2001:db8::1", "::ffff:192.0.2.1"], False),
        (4, dns.rcode.NXDOMAIN, [], True),
        (6, dns.rcode.NOERROR, [], True),
        (4, dns.rcode.NXDOMAIN, [], False),
    ],
)
def test_what_resolvers_mostly_say_takes_no_dnspython(
    family: int, rcode: dns.rcode.Rcode, addresses: list[str], soa: bool
) -> None:
    asked = dnswire.question(HOST, family)
    response = _response(asked)
    response.set_rcode(rcode)
    if addresses:
        response.answer.append(dns.rrset.from_text_list(f"{HOST}.", 60, "IN", dnswire.RRTYPE[family], addresses))
    if soa:
        response.authority.append(dns.rrset.from_text("amazonaws.com.", 60, "IN", "SOA", SOA))
    plain = dnswire._plain(response.to_wire(), asked)
    assert plain is not None
    assert plain == _slow(response.to_wire(), asked)
    assert (plain.rcode, set(plain.addresses)) == (rcode, set(addresses))


def test_an_alias_is_followed_without_dnspython() -> None:
    asked = dnswire.question(HOST, 4)
    response = _response(asked)
    response.answer.append(dns.rrset.from_text(f"{HOST}.", 300, "IN", "CNAME", "a.example."))
    response.answer.append(dns.rrset.from_text("a.example.", 20, "IN", "CNAME", f"b.{HOST}."))
    response.answer.append(dns.rrset.from_text_list(f"b.{HOST}.", 90, "IN", "A", ["192.0.2.2", "192.0.2.1"]))
    plain = dnswire._plain(response.to_wire(), asked)
    assert plain is not None
    assert plain == _slow(response.to_wire(), asked)
    assert (plain.cname, plain.ttl) == (("a.example", f"b.{HOST}"), 20)


def _name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


TO_THE_NAME, ALIAS = b"\xc0\x0c", _name("a.example")
ADDRESS = (TO_THE_NAME, 1, 1, 60, b"\xc0\0\2\1")
FROM_ALIAS = (ALIAS, *ADDRESS[1:])
TO_ALIAS = (TO_THE_NAME, 5, 1, 60, ALIAS)
MANY = [_name(f"a{number}.example") for number in range(20)]


LONG = b"".join(b"\x3f" + b"a" * 63 for _ in range(3)) + b"\x3e" + b"a" * 62 + b"\0"
ODD = _name("a b.example")


def _record(owner: bytes, kind: int, cls: int, ttl: int, data: bytes) -> bytes:
    return owner + struct.pack("!HHIH", kind, cls, ttl, len(data)) + data


def _aliases(count: int) -> list[tuple[bytes, int, int, int, bytes]]:
    owners = [TO_THE_NAME, *MANY]
    return [(owners[n], 5, 1, 60, MANY[n]) for n in range(count)] + [(owners[count], *ADDRESS[1:])]


def _read(
    wire: bytes, asked: Question, reading: Callable[[bytes, Question], DnsAnswer | None]
) -> DnsAnswer | str | None:
    try:
        return reading(wire, asked)
    except Malformed:
        return "malformed"


@pytest.mark.parametrize(
    ("flags", "questions", "asked_name", "records"),
    [
        pytest.param(0x9180, 1, HOST, [ADDRESS], id="another opcode"),
        pytest.param(0x0180, 1, HOST, [ADDRESS], id="a question"),
        pytest.param(0x8380, 1, HOST, [ADDRESS], id="truncated"),
        pytest.param(0x8180, 2, HOST, [], id="two questions"),
        pytest.param(0x8183, 1, HOST, [ADDRESS], id="an address of a name that does not exist"),
        pytest.param(0x8182, 1, HOST, [ADDRESS], id="an address and a server failure"),
        pytest.param(0x8180, 1, f"x{HOST[1:]}", [ADDRESS], id="another name of the same length"),
        pytest.param(0x8180, 1, HOST, [(TO_THE_NAME, 1, 3, 60, ADDRESS[4])], id="class CHAOS"),
        pytest.param(0x8180, 1, HOST, [(TO_THE_NAME, 1, 1, 1 << 31, ADDRESS[4])], id="a negative time to live"),
        pytest.param(0x8180, 1, HOST, [(TO_THE_NAME, 1, 1, 60, b"\0" * 5)], id="an address too long"),
        pytest.param(0x8180, 1, HOST, [(TO_THE_NAME, 28, 1, 60, b"\0" * 4)], id="an IPv6 address too short"),
        pytest.param(0x8180, 1, HOST, [TO_ALIAS, ADDRESS], id="an address of the name that is an alias"),
        pytest.param(0x8180, 1, HOST, [TO_ALIAS, (_name(HOST), *ADDRESS[1:])], id="the same, with its name in full"),
        pytest.param(0x8180, 1, HOST, [FROM_ALIAS], id="an address of another name"),
        pytest.param(0x8180, 1, HOST, [FROM_ALIAS, TO_ALIAS], id="an alias behind its address"),
        pytest.param(0x8180, 1, HOST, [ADDRESS, TO_ALIAS], id="an alias beside an address"),
        pytest.param(0x8180, 1, HOST, [(TO_THE_NAME, 39, 1, 60, ALIAS), FROM_ALIAS], id="DNAME"),
        pytest.param(0x8180, 1, HOST, [(TO_THE_NAME, 5, 1, 60, ALIAS + b"x"), FROM_ALIAS], id="bytes behind an alias"),
        pytest.param(0x8180, 1, HOST, [(TO_THE_NAME, 5, 1, 60, b"")], id="an alias of nothing"),
        pytest.param(0x8180, 1, HOST, [(TO_THE_NAME, 5, 1, 60, TO_THE_NAME)], id="an alias of itself"),
        pytest.param(0x8180, 1, HOST, _aliases(17), id="too many aliases"),
        pytest.param(0x8180, 1, HOST, [(b"\xc0\xff", *ADDRESS[1:])], id="a pointer beyond the end"),
        pytest.param(0x8180, 1, HOST, [(b"\xc0\x2d", *ADDRESS[1:])], id="a pointer to itself"),
        pytest.param(0x8180, 1, HOST, [(b"\x40" + b"a" * 64 + b"\0", *ADDRESS[1:])], id="a label of 64 bytes"),
        pytest.param(0x8180, 1, HOST, [(TO_THE_NAME, 5, 1, 60, LONG), (LONG, *ADDRESS[1:])], id="a name of 256 bytes"),
        pytest.param(0x8180, 1, HOST, [(TO_THE_NAME, 5, 1, 60, ODD), (ODD, *ADDRESS[1:])], id="an alias with a space"),
    ],
)
def test_what_is_not_plain_is_dnspythons(
    flags: int, questions: int, asked_name: str, records: list[tuple[bytes, int, int, int, bytes]]
) -> None:
    asked = dnswire.question(HOST, 4)
    head = asked.wire[:2] + struct.pack("!HHHHH", flags, questions, len(records), 0, 0)
    wire = head + _name(asked_name) + b"\0\1\0\1" + b"".join(_record(*record) for record in records)
    with contextlib.suppress(IndexError):
        assert dnswire._plain(wire, asked) is None
    assert _read(wire, asked, dnswire.read) == _read(wire, asked, _slow)


@pytest.mark.parametrize("records", [[TO_ALIAS], _aliases(8), _aliases(9), [ADDRESS, ADDRESS]])
def test_what_is_plain_is_read_alike(records: list[tuple[bytes, int, int, int, bytes]]) -> None:
    asked = dnswire.question(HOST, 4)
    head = asked.wire[:2] + struct.pack("!HHHHH", 0x8180, 1, len(records), 0, 0)
    wire = head + _name(HOST) + b"\0\1\0\1" + b"".join(_record(*record) for record in records)
    got = dnswire.read(wire, asked)
    assert got == _slow(wire, asked)
    assert got is not None
    assert len(got.cname) == sum(record[1] == 5 for record in records)


@pytest.mark.parametrize("claimed", [1, 65535])
@pytest.mark.parametrize("section", [6, 8, 10])
def test_records_that_are_claimed_and_not_there_are_malformed(claimed: int, section: int) -> None:
    asked = dnswire.question(HOST, 4, edns=False)
    wire = bytearray(asked.wire)
    wire[2:4] = b"\x81\x80"
    wire[section : section + 2] = claimed.to_bytes(2, "big")
    with pytest.raises(Malformed):
        dnswire.read(bytes(wire), asked)


def test_an_answer_that_is_cut_off_or_goes_on_is_malformed() -> None:
    asked = dnswire.question(HOST, 4)
    head = asked.wire[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
    wire = head + _name(HOST) + b"\0\1\0\1" + _record(*ADDRESS)
    assert dnswire._plain(wire, asked) is not None
    for damaged in (*(wire[:end] for end in range(2, len(wire))), wire + b"\0"):
        with pytest.raises(Malformed):
            dnswire.read(damaged, asked)


def test_a_signed_answer_is_not_read_as_an_unsigned_one() -> None:
    asked = dnswire.question(HOST, 4)
    response = _response(asked)
    response.use_tsig(dns.tsigkeyring.from_text({"key.example.": "c2VjcmV0"}))
    with pytest.raises(Malformed):
        dnswire.read(response.to_wire(), asked)


_names = st.sampled_from([f"{HOST}.", "a.example.", "b.example.", f"x.{HOST}.", "."])
_ttls = st.sampled_from([0, 1, 60, 300, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
_records = st.one_of(
    st.tuples(st.just("A"), st.sampled_from(["192.0.2.1", "192.0.2.2", "0.0.0.0"])),
    st.tuples(st.just("AAAA"), st.sampled_from(["2001:db8::1", "::", "::ffff:192.0.2.1", "::192.0.2.1"])),
    st.tuples(st.just("CNAME"), _names),
    st.tuples(st.just("TXT"), st.just('"words"')),
)
_rrsets = st.lists(st.tuples(_names, _ttls, _records), max_size=4)


@st.composite
def answers(draw: st.DrawFn) -> tuple[Question, bytes, int]:
    """A question, an answer to it as dnspython writes one, and how many bytes of it are up to the answer section."""
    asked = dnswire.question(HOST, draw(st.sampled_from([4, 6])))
    response = _response(asked)
    response.set_rcode(dns.rcode.Rcode.make(draw(st.sampled_from([0, 0, 0, 3, 2, 5, 16, 22]))))
    for name, ttl, (kind, text) in draw(_rrsets):
        response.answer.append(dns.rrset.from_text(name, min(ttl, 0x7FFFFFFF), "IN", kind, text))
    upto = len(response.to_wire())
    if draw(st.booleans()):
        response.authority.append(dns.rrset.from_text("example.", 60, "IN", "SOA", SOA))
    for name, ttl, (kind, text) in draw(st.lists(st.tuples(_names, _ttls, _records), max_size=2)):
        response.additional.append(dns.rrset.from_text(name, min(ttl, 0x7FFFFFFF), "IN", kind, text))
    if draw(st.booleans()):
        response.flags |= dns.flags.TC
    if draw(st.integers(0, 9)) == 0:
        response.flags &= ~dns.flags.QR
    return asked, response.to_wire(), upto - (11 if response.edns >= 0 else 0)


@given(answers())
def test_both_readings_agree(made: tuple[Question, bytes, int]) -> None:
    asked, wire, _ = made
    plain = dnswire._plain(wire, asked)
    assert plain is None or plain == _slow(wire, asked)


@given(answers(), st.integers(0, 10_000), st.integers(0, 255), st.sampled_from(["change", "cut", "append"]))
def test_both_readings_agree_on_damaged_answers(
    made: tuple[Question, bytes, int], place: int, byte: int, harm: str
) -> None:
    asked, wire, upto = made
    at = 2 + place % (len(wire) - 2)  # the id is right, or nobody reads on
    wire = {
        "change": wire[:at] + bytes([byte]) + wire[at + 1 :],
        "cut": wire[:at],
        "append": wire + bytes([byte]),
    }[harm]
    try:
        slow = _slow(wire, asked)
    except Malformed:
        # What is stepped over is not judged; all that counts for the addresses is.
        if harm != "change" or at < upto:
            with pytest.raises(Malformed):
                dnswire.read(wire, asked)
        return
    assert dnswire.read(wire, asked) == slow


@given(st.binary(max_size=200))
def test_anything_at_all_is_read_or_malformed(tail: bytes) -> None:
    asked = dnswire.question(HOST, 4)
    with contextlib.suppress(Malformed):
        answer = dnswire.read(asked.wire[:2] + tail, asked)
        assert answer is None or len(answer.addresses) <= dnswire.MAX_ADDRESSES


@pytest.mark.parametrize("change", ["id", "question", "case"])
def test_an_answer_to_another_question_is_none(change: str) -> None:
    asked = dnswire.question(HOST, 4)
    other = dnswire.question({"question": "other.example", "case": HOST.upper()}.get(change, HOST), 4)
    response = _response(other)
    response.id = _query(asked).id ^ (change == "id")
    response.answer.append(dns.rrset.from_text(f"{HOST}.", 60, "IN", "A", "203.0.113.66"))
    got = dnswire.read(response.to_wire(), asked)
    assert (got is None) == (change != "case")  # names are compared without regard to case (RFC 4343)


def test_more_of_the_response_code_than_the_header_holds_is_seen() -> None:
    asked = dnswire.question(HOST, 4)
    response = _response(asked)
    response.set_rcode(dns.rcode.BADVERS)
    got = dnswire.read(response.to_wire(), asked)
    assert got is not None
    assert got.rcode == dns.rcode.BADVERS


@pytest.mark.parametrize("end", ["open", "loop", "itself"])
@pytest.mark.parametrize("backwards", [False, True])
def test_as_many_aliases_as_an_answer_holds_cost_little(end: str, backwards: bool) -> None:
    """Nobody is asked for the next name of a chain, so one answer is all that a resolver can make us work with."""
    asked = dnswire.question(HOST, 4, edns=False)
    response = _response(asked)
    names = [HOST, *(f"{number}.example" for number in range(1500))]
    after = {"open": "end.example", "loop": HOST, "itself": names[-1]}[end]
    pairs = list(zip(names, [*names[1:], after], strict=True))
    for owner, target in reversed(pairs) if backwards else pairs:
        response.answer.append(dns.rrset.from_text(f"{owner}.", 60, "IN", "CNAME", f"{target}."))
    wire = response.to_wire(max_size=65535)
    with within(cpu_seconds=3):
        for _ in range(3):
            try:
                answer = dnswire.read(wire, asked)
            except Malformed:
                continue
            assert answer is not None
            assert answer.addresses == ()
