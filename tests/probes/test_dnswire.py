"""The plain reading of DNS answers, held against dnspython's on anything that a server could send."""

from __future__ import annotations

import contextlib

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.probes import dnswire
from netprobe.probes.dnswire import Answer, Malformed, Question

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


def _slow(wire: bytes, asked: Question) -> Answer | None:
    return dnswire._any(wire, asked)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("edns", [True, False])
def test_a_question_is_what_dnspython_would_ask(family: int, edns: bool) -> None:
    asked = dnswire.question(HOST, family, edns=edns)
    expected = dns.message.make_query(
        HOST, dnswire.RRTYPE[family], use_edns=0 if edns else -1, payload=1232, id=int.from_bytes(asked.wire[:2], "big")
    )
    assert asked.wire == expected.to_wire()


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
