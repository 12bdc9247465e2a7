"""From what came back to where it breaks. Pure: every rule can be tested as a table.

A router decides about a packet after it has looked at its TTL (RFC 1812 section 5.3.1), so a router that drops a
connection still says "expired" for the packet that ends at it: the device is **the last hop that answered, or stands
right behind it**. Where a device names itself (ICMP) or a reset comes from nearer than the address itself is, the
location is proven; silence alone leaves it suspected.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from netprobe.findings import Certainty, HopAt, Location
from netprobe.path.model import DestinationPath, End, Flow, HelloAttempt, Hop, Reply

THIS_HOST = "this host"


def locate(destination: DestinationPath) -> tuple[Location | None, str]:
    """Say where it breaks, and one sentence about it (None and the sentence where nothing is broken)."""
    location, sentence = _located(destination)
    return None if location is None else _with_hops(location, destination), sentence


def _with_hops(location: Location, destination: DestinationPath) -> Location:
    """The location with both hops: the last that answered before it breaks, and those of which one stops it."""
    known = hops(
        [*destination.flows, destination.control, destination.mtu.large if destination.mtu is not None else None]
    )
    if location.hop is None:
        return replace(location, answered=_hop(max(known), known) if known else None)
    here = HopAt(hop=location.hop, address=location.address)
    if _names_itself(location, destination):
        before = max((ttl for ttl in known if ttl < location.hop), default=None)
        answered = None if before is None else _hop(before, known)
        return replace(location, answered=answered, suspects=(here,))
    behind = _hop(location.hop + 1, known)
    if not behind.address and distance(destination.control, destination.address) == behind.hop:
        behind = HopAt(hop=behind.hop, address=destination.address)
    answered = here if location.hop in known else None
    return replace(location, answered=answered, suspects=(here, behind))


def _names_itself(location: Location, destination: DestinationPath) -> bool:
    """Whether the location is a device that sent something in its own name, this host, or the server itself."""
    if location.device == "server" or (location.hop == 0 and location.certainty is Certainty.PROVEN):
        return True
    if destination.icmp is not None:
        return True
    return destination.mtu is not None and location.address in {error.sender for error in destination.mtu.senders}


def _hop(ttl: int, known: dict[int, tuple[str, ...]]) -> HopAt:
    return HopAt(hop=ttl, address=" or ".join(known.get(ttl, ())))


def _located(destination: DestinationPath) -> tuple[Location | None, str]:
    """The location in short, by the first of the rules that holds."""
    if destination.end in (End.PROHIBITED, End.UNREACHABLE):
        return _by_message(destination)
    if destination.end is End.RESET:
        return _by_reset(destination)
    if destination.end is End.SILENT:
        return _by_silence(destination)
    blocked = next((h for h in destination.hello if not h.control), None)
    if blocked is not None and blocked.end not in (End.ANSWERED, End.UNREACHABLE):
        return _by_hello(destination, blocked)
    if destination.mtu is not None and destination.mtu.advice:
        return _by_size(destination)
    return None, f"{_where(destination)} answers"


def hops(flows: Iterable[Flow | None]) -> dict[int, tuple[str, ...]]:
    """The addresses that answered, by hop, over all flows."""
    found: dict[int, dict[str, None]] = {}
    for flow in flows:
        for one in flow.hops if flow is not None else ():
            if one.addresses:
                found.setdefault(one.ttl, {}).update(dict.fromkeys(one.addresses))
    return {ttl: tuple(addresses) for ttl, addresses in sorted(found.items())}


def distance(flow: Flow | None, address: str) -> int | None:
    """At which TTL the address itself answered, if it did."""
    for one in flow.hops if flow is not None else ():
        for answer in one.answers:
            if answer.end is End.ANSWERED or (answer.icmp is not None and answer.icmp.sender == address):
                return one.ttl
    return None


def _where(destination: DestinationPath) -> str:
    return f"{_at(destination.address, destination.port)} ({destination.protocol})"


def _at(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _first(flows: Iterable[Flow], end: End) -> int | None:
    """The lowest TTL at which a flow met ``end``."""
    return min((h.ttl for f in flows for h in f.hops if any(a.end is end for a in h.answers)), default=None)


def _by_message(destination: DestinationPath) -> tuple[Location | None, str]:
    """Someone sent an ICMP error and so named himself."""
    error = destination.icmp
    if error is None:
        sentence = f"this host has no route to {destination.address}, or its own firewall forbids the connection"
        return Location(hop=0, address=destination.source, device=THIS_HOST, certainty=Certainty.PROVEN), sentence
    if error.sender == destination.source:
        sentence = f'this host itself refuses {_where(destination)}: "{error.meaning}"'
        if destination.end is End.UNREACHABLE:
            sentence = f'this host finds no next hop for {_where(destination)}: "{error.meaning}"'
        return Location(hop=0, address=error.sender, device=THIS_HOST, certainty=Certainty.PROVEN), sentence
    known = hops([*destination.flows, destination.control])
    hop = next((ttl for ttl, addresses in known.items() if error.sender in addresses), None)
    if hop is None:
        hop = _first(destination.flows, destination.end)
    if error.sender == destination.address:
        device = "the server's own firewall"
    else:
        device = "firewall" if destination.end is End.PROHIBITED else "router"
    sentence = f'{error.sender}{_ordinal(hop)} answers for {_where(destination)}: "{error.meaning}"'
    return Location(hop=hop, address=error.sender, device=device, certainty=Certainty.PROVEN), sentence


def _ordinal(hop: int | None) -> str:
    return "" if hop is None else f" (hop {hop})"


def _by_reset(destination: DestinationPath) -> tuple[Location | None, str]:
    """A reset carries the server's address; how far it came from tells who sent it."""
    met = _first(destination.flows, End.RESET)
    if met is None:
        return None, f"{_where(destination)} resets the connection at full TTL only"
    known = hops([*destination.flows, destination.control])
    real = distance(destination.control, destination.address)
    beyond = max((ttl for ttl in known if ttl >= met), default=None)
    nearer = _reset_is_nearer(destination)
    if (real is not None and real > met) or beyond is not None or nearer:
        hop = met - 1
        address = " or ".join(known.get(hop, ()))
        how = "the reset's TTL does not fit the server's" if nearer else "the server is farther away"
        sentence = (
            f"a device at {address or 'a silent hop'}{_ordinal(hop)} or right behind it resets {_where(destination)} "
            f"in the server's name ({how})"
        )
        device = THIS_HOST if hop == 0 else "firewall"
        return Location(hop=hop, address=address, device=device, certainty=Certainty.PROVEN), sentence
    if nearer is False:
        sentence = f"{_where(destination)}: the server itself refuses the connection; nobody listens on the port"
        return Location(hop=met, address=destination.address, device="server", certainty=Certainty.PROVEN), sentence
    sentence = f"{_where(destination)} refuses the connection: nobody listens, or a device right in front of it resets"
    return Location(hop=met, address=destination.address, device="server", certainty=Certainty.SUSPECTED), sentence


def _reset_is_nearer(destination: DestinationPath) -> bool | None:
    """Whether resets crossed fewer routers than the server's own answers; None where the TTLs were not seen.

    Both come the same way back and start from one of the few usual values (64, 128, 255), so the hops they crossed
    can be compared.
    """
    resets = {
        _crossed(a.reply_ttl) for f in destination.flows for a in _answers(f, End.RESET) if a.reply_ttl is not None
    }
    own = [
        _crossed(a.reply_ttl)
        for f in (*destination.flows, destination.control)
        if f is not None
        for a in _answers(f, End.ANSWERED)
        if a.reply_ttl is not None
    ]
    return max(resets) < min(own) if resets and own else None


def _answers(flow: Flow, end: End) -> list[Reply]:
    return [a for one in flow.hops for a in one.answers if a.end is end]


def _crossed(reply_ttl: int | None) -> int:
    """How many routers a reply crossed, from the TTL that is left of the usual initial ones."""
    left = reply_ttl or 0
    return next(initial for initial in (64, 128, 255) if left <= initial) - left


def _by_silence(destination: DestinationPath) -> tuple[Location | None, str]:
    """Nothing came back: the last hop that answered, or the one behind it."""
    known = hops(destination.flows)
    control = hops([destination.control])
    last = max(known, default=0)
    after = control.get(last + 1, ())
    if not after and distance(destination.control, destination.address) == last + 1:
        after = (destination.address,)
    if last == 0:
        address, device = destination.source, "this host or its first gateway"
        sentence = (
            f"no hop answers for {_where(destination)}: this host or its first gateway drops it, or both stay silent"
        )
        if after:
            device = f"{THIS_HOST} or its gateway {' or '.join(after)}"
            sentence = f"{device} drops {_where(destination)}: other packets to the same address come farther"
    else:
        address = " or ".join(known[last])
        device = f"{address} or the next device{' ' + ' or '.join(after) if after else ''}"
        sentence = f"{_where(destination)} is dropped by {device}: hop {last} is the last that answers"
        if after or distance(destination.control, destination.address) is not None:
            sentence += "; UDP to the same address comes farther, so it is a rule about this port"
    return Location(hop=last, address=address, device=device, certainty=Certainty.SUSPECTED), sentence


def _by_hello(destination: DestinationPath, blocked: HelloAttempt) -> tuple[Location | None, str]:
    """The ClientHello met something; the control name tells whether the name is the reason."""
    control = next((h for h in destination.hello if h.control), None)
    by_name = control is not None and control.end is End.ANSWERED
    known = hops([*destination.flows, destination.control])
    expired = [a.ttl for a in blocked.answers if a.end is End.EXPIRED]
    met = next((a.ttl for a in blocked.answers if a.end not in (End.EXPIRED, End.SILENT)), None)
    hop = met - 1 if met is not None else max(expired, default=0)
    server = distance(destination.flows[0], destination.address) if destination.flows else None
    what = {End.RESET: "resets", End.CLOSED: "closes", End.SILENT: "swallows"}.get(blocked.end, "rejects")
    name = f"the ClientHello for {blocked.name}" if by_name else f"every ClientHello (also for {blocked.name})"
    if met is not None and met == server and not by_name:
        sentence = f"the server itself, or a device right in front of it, {what} {name}"
        return Location(hop=met, address=destination.address, device="server", certainty=Certainty.SUSPECTED), sentence
    address = " or ".join(known.get(hop, ()))
    proven = by_name and blocked.end is End.RESET and met is not None and server is not None and met < server
    reason = "; the control name passes at the same address" if by_name else ""
    sentence = f"a device at {address or 'a silent hop'}{_ordinal(hop)} or right behind it {what} {name}{reason}"
    certainty = Certainty.PROVEN if proven else Certainty.SUSPECTED
    return Location(hop=hop, address=address, device="firewall", certainty=certainty), sentence


def _by_size(destination: DestinationPath) -> tuple[Location | None, str]:
    """Large packets: a router that says so names itself; a black hole is found by large packets of rising TTL."""
    mtu = destination.mtu
    assert mtu is not None  # the caller looked
    known = hops([*destination.flows, destination.control])
    if mtu.senders:
        sender = min(mtu.senders, key=lambda e: e.mtu or 0)
        hop = next((ttl for ttl, addresses in known.items() if sender.sender in addresses), None)
        sentence = f"{sender.sender}{_ordinal(hop)} says that packets over {sender.mtu} bytes are too big; {mtu.advice}"
        return Location(hop=hop, address=sender.sender, device="router", certainty=Certainty.PROVEN), sentence
    large = hops([mtu.large])
    last = max(large, default=0)
    if (
        mtu.large is not None
        and max(hops([destination.control]), default=0) >= last
        and _differs(destination.control, last)
    ):
        address = " or ".join(large.get(last, ()))
        sentence = f"large packets are lost at or right behind {address or THIS_HOST}{_ordinal(last)}; {mtu.advice}"
        return Location(hop=last, address=address, device="router", certainty=Certainty.SUSPECTED), sentence
    return None, f"{_where(destination)}: {mtu.advice}"


def _differs(control: Flow | None, last: int) -> bool:
    """Whether small packets came farther than hop ``last``."""
    return control is not None and any(_heard(one) for one in control.hops if one.ttl > last)


def _heard(one: Hop) -> bool:
    return bool(one.answers)
