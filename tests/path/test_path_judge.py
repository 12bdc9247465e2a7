"""The judgement as a table: what came back, and where it is said to break. No network."""

from __future__ import annotations

import pytest

from netprobe.findings import Certainty, HopAt
from netprobe.path import judge
from netprobe.path.icmp import end_of, meaning
from netprobe.path.model import DestinationPath, End, Flow, HelloAttempt, Hop, IcmpError, PathMtu, Reply

ADDRESS = "198.19.0.9"


def _error(sender: str, icmp_type: int = 11, code: int = 0) -> IcmpError:
    return IcmpError(type=icmp_type, code=code, sender=sender, meaning=meaning(4, icmp_type, code))


def _flow(*stations: str | End, protocol: str = "tcp") -> Flow:
    """A flow: an address for a hop that answers, "" for a silent one, an End for the last."""
    hops = []
    for ttl, station in enumerate(stations, start=1):
        answers: tuple[Reply, ...] = ()
        addresses: tuple[str, ...] = ()
        if isinstance(station, End):
            answers = (Reply(ttl=ttl, end=station, rtt_seconds=0.1),)
        elif station:
            answers = (Reply(ttl=ttl, end=End.EXPIRED, rtt_seconds=0.1, icmp=_error(station)),)
            addresses = (station,)
        hops.append(Hop(ttl=ttl, addresses=addresses, sent=1, lost=not answers, rtt_seconds=None, answers=answers))
    end = stations[-1] if isinstance(stations[-1], End) else End.SILENT
    return Flow(protocol=protocol, port=443, source_port=1, end=end, hops=tuple(hops))


def _target(end: End, **more: object) -> DestinationPath:
    return DestinationPath(host=ADDRESS, address=ADDRESS, port=443, end=end, source="10.0.0.2", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "hop", "certainty"),
    [
        (_target(End.SILENT, flows=(_flow("a", "b", "", ""),)), 2, Certainty.SUSPECTED),
        (_target(End.SILENT, flows=(_flow("", "b", "", ""),)), 2, Certainty.SUSPECTED),
        (_target(End.SILENT, flows=(_flow("", "", ""),)), 0, Certainty.SUSPECTED),
        (
            _target(End.RESET, flows=(_flow("a", End.RESET),), control=_flow("a", "b", End.ANSWERED)),
            1,
            Certainty.PROVEN,
        ),
        (_target(End.RESET, flows=(_flow("a", "b", End.RESET),)), 3, Certainty.SUSPECTED),
        (
            _target(End.PROHIBITED, icmp=_error("b", 3, 13), flows=(_flow("a", "b", End.PROHIBITED),)),
            2,
            Certainty.PROVEN,
        ),
        (_target(End.PROHIBITED, icmp=_error("10.0.0.2", 3, 13)), 0, Certainty.PROVEN),
        (_target(End.UNREACHABLE), 0, Certainty.PROVEN),
    ],
)
def test_where_it_breaks(target: DestinationPath, hop: int, certainty: Certainty) -> None:
    location, summary = judge.locate(target)
    assert location is not None
    assert (location.hop, location.certainty) == (hop, certainty)
    assert summary
    assert not target.passes()


def _at(hop: int, address: str = "") -> HopAt:
    return HopAt(hop=hop, address=address)


@pytest.mark.parametrize(
    ("target", "answered", "suspects"),
    [
        # Silence: the last that answered, or what stands before the next, which other packets reach.
        (
            _target(End.SILENT, flows=(_flow("a", "b", "", ""),), control=_flow("a", "b", "c", End.ANSWERED)),
            _at(2, "b"),
            (_at(2, "b"), _at(3, "c")),
        ),
        (_target(End.SILENT, flows=(_flow("a", "b", "", ""),)), _at(2, "b"), (_at(2, "b"), _at(3))),
        (
            _target(End.SILENT, flows=(_flow("a", "", ""),), control=_flow("a", End.ANSWERED)),
            _at(1, "a"),
            (_at(1, "a"), _at(2, ADDRESS)),
        ),
        (_target(End.SILENT, flows=(_flow("", ""),)), None, (_at(0, "10.0.0.2"), _at(1))),
        # Who names himself is the only suspect, and the last answer is the hop before.
        (
            _target(End.PROHIBITED, icmp=_error("c", 3, 13), flows=(_flow("a", "b", "c", End.PROHIBITED),)),
            _at(2, "b"),
            (_at(3, "c"),),
        ),
        (_target(End.PROHIBITED, icmp=_error("10.0.0.2", 3, 13)), None, (_at(0, "10.0.0.2"),)),
        (_target(End.UNREACHABLE), None, (_at(0, "10.0.0.2"),)),
        # A reset in the server's name: it came from the hop before, or from right behind that.
        (
            _target(End.RESET, flows=(_flow("a", End.RESET),), control=_flow("a", "b", End.ANSWERED)),
            _at(1, "a"),
            (_at(1, "a"), _at(2, "b")),
        ),
        (_target(End.RESET, flows=(_flow("a", "b", End.RESET),)), _at(2, "b"), (_at(3, ADDRESS),)),
    ],
)
def test_the_last_that_answered_and_the_suspects_are_two_things(
    target: DestinationPath, answered: HopAt | None, suspects: tuple[HopAt, ...]
) -> None:
    location, _ = judge.locate(target)
    assert location is not None
    assert (location.answered, location.suspects) == (answered, suspects)


def test_a_sender_whom_no_hop_knows_leaves_the_suspects_open() -> None:
    location, _ = judge.locate(_target(End.PROHIBITED, icmp=_error("z", 3, 13), flows=(_flow("a", "b", ""),)))
    assert location is not None
    assert (location.hop, location.address) == (None, "z")
    assert (location.answered, location.suspects) == (_at(2, "b"), ())


def test_a_blocked_name_without_a_proof_is_suspected() -> None:
    """Both names are swallowed: then the name is not the reason, and the sentence says so."""
    silent = tuple(Reply(ttl=ttl, end=End.EXPIRED if ttl < 3 else End.SILENT) for ttl in (1, 2, 3, 4))
    hello = tuple(
        HelloAttempt(name=name, control=control, end=End.SILENT, answers=silent)
        for name, control in (("x.example.com", False), ("example.com", True))
    )
    target = _target(End.ANSWERED, flows=(_flow("a", "b", "c", End.ANSWERED),), hello=hello)
    location, summary = judge.locate(target)
    assert location is not None
    assert (location.hop, location.address, location.certainty) == (2, "b", Certainty.SUSPECTED)
    assert "every ClientHello" in summary


def test_a_black_hole_that_cannot_be_located_is_still_no_pass() -> None:
    mtu = PathMtu(interface_mtu=1500, path_mtu=1400, announced=False, probes=(), advice="clamp")
    target = _target(End.ANSWERED, mtu=mtu)
    assert judge.locate(target)[0] is None
    assert not target.passes()
    assert _target(End.ANSWERED).passes()


@pytest.mark.parametrize(
    ("version", "icmp_type", "code", "expected"),
    [
        (4, 3, 9, End.PROHIBITED),
        (4, 3, 10, End.PROHIBITED),
        (4, 3, 13, End.PROHIBITED),
        (4, 3, 1, End.UNREACHABLE),
        (4, 3, 4, End.TOO_BIG),
        (4, 11, 0, End.EXPIRED),
        (6, 1, 1, End.PROHIBITED),
        (6, 1, 0, End.UNREACHABLE),
        (6, 2, 0, End.TOO_BIG),
        (6, 3, 0, End.EXPIRED),
    ],
)
def test_icmp_codes(version: int, icmp_type: int, code: int, expected: End) -> None:
    error = IcmpError(type=icmp_type, code=code, sender="x", meaning=meaning(version, icmp_type, code))
    assert end_of(version, error) is expected
