"""Rules about handshakes that end without a certificate: blocked names, vanishing packets, alerts, plain text.

After the ClientHello a filter for server names, a broken middlebox and a path that loses large packets look alike:
silence, a close or a reset. Control probes tell them apart: the same name in smaller segments, another name at the same
address. Only a control that *completes* the handshake proves anything; one that fails at TCP says nothing about TLS.
What the certificate itself says is judged in :mod:`netprobe.diagnosis.certificates`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from enum import Enum

from netprobe.diagnosis import details
from netprobe.diagnosis.broken import Broken
from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.tcp import say_reset
from netprobe.diagnosis.unexplained import unexplained
from netprobe.observations import CERTIFICATE_FAILURES, Experiment, Failure, Observation, Step

_CUT = {
    Failure.CONNECTION_RESET: "tls_reset_after_hello",
    Failure.EOF: "tls_closed_after_hello",
    Failure.TIMEOUT: "tls_dropped_after_hello",
}
_PLAIN = {
    Failure.SSL_ALERT: "tls_alert",
    Failure.SSL_VERSION_REFUSED: "tls_version_refused",
    Failure.SSL_NOT_TLS: "not_tls",
}
_PROTOCOL_VERSION, _UNSUPPORTED = 70, frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"})
ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""RFC 8446 section 6 and the IANA registry of TLS alerts."""


_NAMES = (Experiment.OTHER_SNI, Experiment.NO_SNI, Experiment.OTHER_SNI_LOWER_MSS, Experiment.FRESH_SNI)


class _Told(Enum):
    """What the control probes say about a handshake that was cut."""

    MTU = "mtu"
    NAME = "name"
    ANY_NAME = "any name"
    NOTHING = "nothing"


_ID_OF_TOLD = {_Told.MTU: "tls_path_mtu", _Told.NAME: "tls_sni_blocked"}


def explain(broken: Broken) -> Cause:
    """Why a handshake ended before a certificate could be judged."""
    o = broken.o
    if o.failure in _CUT:
        return _cut(broken)
    id_ = _PLAIN.get(o.failure) if o.failure is not None else None
    detail = details.tls(o)
    if detail is not None and (detail.alert == _PROTOCOL_VERSION or detail.reason in _UNSUPPORTED):
        id_ = "tls_version_refused"
    elif id_ is None and detail is not None and detail.alert is not None:
        id_ = "tls_alert"
    if id_ is None:
        return unexplained(broken)
    key = str(detail.alert) if detail is not None and id_ == "tls_alert" else ""
    return broken.cause(id_, _SAY[id_], key=key)


def completes(o: Observation) -> bool:
    """Whether a handshake got as far as the peer's certificate, whatever that certificate is worth."""
    if o.step is Step.HTTP:
        return o.failure is None
    return o.step is Step.TLS and (o.failure is None or o.failure in CERTIFICATE_FAILURES)


def _cut(broken: Broken) -> Cause:
    world, o = broken.world, broken.o
    silent = tuple(
        c
        for c in world.controls(Experiment.SEND_NOTHING, like=o)
        if c.failure in (Failure.CONNECTION_RESET, Failure.EOF)
    )
    if silent:
        # Cut although nothing was sent: the ClientHello has no part in it.
        every = world.controls(Experiment.SEND_NOTHING, like=o)
        return broken.cause("tcp_reset", say_reset, beside=silent, controls=every)
    told, controls = _told(world, o)
    doubt = _lacking(o, controls) if told is _Told.NOTHING else ""
    if doubt:
        told = _like_the_others(world, o)
    elif told is _Told.NAME:
        doubt = _may_be_slow(world, o, controls)
        if doubt and _is_inspected(controls):
            told = _Told.NOTHING
    id_ = _ID_OF_TOLD.get(told, _CUT[o.failure or Failure.TIMEOUT])
    if id_ == "tls_dropped_after_hello" and not any(c.experiment == Experiment.LOWER_MSS for c in controls):
        # Silence is also what a path does that loses large packets: without that control it stays a suspicion.
        doubt = doubt or _lacking(o, controls)
    return broken.cause(id_, _SAY[id_], beside=controls, controls=_telling(told, controls), doubt=doubt)


def _may_be_slow(world: Evidence, o: Observation, controls: tuple[Observation, ...]) -> str:
    """Why a peer that does not answer to a name may only be slow with one that it hears for the first time, or fail.

    A name that passed elsewhere is known to an inspector, which makes a certificate for each new one and keeps it. Two
    things tell a device that blocks the name: that a name which nobody asked for before is answered, or that the hello
    never arrived (a server acknowledges it, however slow it is). Where the peer is the origin itself, a cut tells it.
    """
    if o.failure is not Failure.TIMEOUT and not _is_inspected(controls):
        return ""
    fresh = [c for c in controls if c.experiment == Experiment.FRESH_SNI]
    if any(map(_is_heard, fresh)) or _never_arrived(world, o):
        return ""
    if not fresh:
        return "no control probe with a name that was never asked for before, which a peer may be slow with"
    return (
        "a name that was never asked for before ends alike: who answers may be slow, or fail, with names that are new "
        "to it, or allow some names only"
    )


def _is_heard(c: Observation) -> bool:
    """Whether a control was answered: with a certificate, or with a word that such a name is unknown."""
    return completes(c) or c.failure is Failure.SSL_ALERT


def _is_inspected(controls: tuple[Observation, ...]) -> bool:
    """Whether what answers to another name is no service of the origin's."""
    return any(d.origin is False for c in controls if completes(c) and (d := details.tls(c)) is not None)


def _never_arrived(world: Evidence, o: Observation) -> bool:
    """Whether the hello was lost each time: the peer's TCP did not acknowledge it for as long as was waited."""
    tries = world.tries(o)
    again = [one for one in tries.every if one.step is Step.TLS] if tries is not None else []
    left = [d.unacknowledged_bytes for d in map(details.tls, (o, *again)) if d is not None]
    return bool(again) and all(left)


def _telling(told: _Told, controls: tuple[Observation, ...]) -> tuple[Observation, ...]:
    """The controls that decide: all of the kinds that went through, or else all of them."""
    kinds = {c.experiment for c in controls if completes(c)}
    if told is _Told.NAME:
        kinds &= set(_NAMES)
    if told is _Told.MTU:
        sizes = {_size(c) for c in controls if c.experiment == Experiment.LOWER_MSS and completes(c)}
        return tuple(c for c in controls if c.experiment == Experiment.LOWER_MSS and _size(c) in sizes)
    return tuple(c for c in controls if c.experiment in kinds) if kinds else controls


def _size(o: Observation) -> int | None:
    detail = details.tls(o)
    return detail.mss if detail is not None else None


def _lacking(o: Observation, controls: tuple[Observation, ...]) -> str:
    made = {c.experiment for c in controls}
    wanted = {
        Experiment.OTHER_SNI: "another name at the same address",
        Experiment.LOWER_MSS: "the same name in smaller packets",
    }
    if o.failure is not Failure.TIMEOUT:
        del wanted[Experiment.LOWER_MSS]
    missing = [text for name, text in wanted.items() if name not in made]
    return f"no control probe with {' and '.join(missing)}" if missing else "the control probes could not connect"


def _told(world: Evidence, o: Observation) -> tuple[_Told, tuple[Observation, ...]]:
    """What the control probes for one failed handshake say, and which they are."""
    smaller = _last_steps(world.controls(Experiment.LOWER_MSS, like=o))
    names = _last_steps(tuple(c for kind in _NAMES for c in world.controls(kind, like=o, same_host=False)))
    neighbours = _neighbours(world, o)
    made = (*smaller, *names)
    if any(completes(c) for c in smaller):
        return _Told.MTU, made
    if any(completes(c) for c in names) or neighbours:
        return _Told.NAME, (*made, *neighbours[:1])
    # A control that did not even connect proves nothing about names.
    if any(c.experiment == Experiment.OTHER_SNI and c.step is Step.TLS and c.failure in _CUT for c in names):
        return _Told.ANY_NAME, made
    return _Told.NOTHING, made


def _last_steps(controls: tuple[Observation, ...]) -> tuple[Observation, ...]:
    """The TLS and HTTP steps of control probes; a probe's TCP step only says that it connected."""
    return tuple(c for c in controls if c.step in (Step.TLS, Step.HTTP))


def _neighbours(world: Evidence, o: Observation) -> tuple[Observation, ...]:
    """Handshakes of the first pass that completed at the same address under another name."""
    if o.address is None:
        return ()
    at_address = world.once(("completed", o.vantage, o.port), lambda: _completed(world, o.vantage, o.port))
    return tuple(step for step in at_address.get(o.address, ()) if step.host != o.host)


def _completed(world: Evidence, vantage: str, port: int) -> dict[str | None, list[Observation]]:
    """The handshakes of the first pass that completed, by their address."""
    found: dict[str | None, list[Observation]] = defaultdict(list)
    for view in world.views:
        if view.vantage == vantage and view.port == port:
            for path in view.paths:
                found[path.address] += (step for step in path.steps if completes(step) and step.step is Step.TLS)
    return found


def _like_the_others(world: Evidence, o: Observation) -> _Told:
    """Without controls of its own, a handshake shares the cause that was proven for others that ended alike."""
    return world.once(("told", o.vantage, o.failure), lambda: _most_told(world, o.vantage, o.failure))


def _most_told(world: Evidence, vantage: str, failure: Failure | None) -> _Told:
    tally = Counter(
        _told(world, other)[0]
        for view in world.views
        if view.vantage == vantage
        for path in view.paths
        if (other := path.failed) is not None and other.step is Step.TLS and other.failure == failure
    )
    del tally[_Told.NOTHING]
    return tally.most_common(1)[0][0] if tally else _Told.NOTHING


_ENDS = {
    Failure.CONNECTION_RESET: "the connection is reset",
    Failure.EOF: "the connection is closed",
    Failure.TIMEOUT: "nothing comes back",
}


def _say_sni(group: CauseGroup) -> Words:
    ends = _ENDS.get(group.first.failure or Failure.TIMEOUT, "it fails")
    other = next((d.sni for d in map(details.tls, group.evidence) if d is not None and d.sni not in group.hosts), None)
    shown = f"with the name {other}" if other else "with another name or none"
    return Words(
        title=f"A device filters TLS server names: for {group.names} {ends} after the ClientHello, while {shown} "
        f"the same address completes.",
        remedy=f"On the firewall's URL or SNI filter, allow {group.patterns} on TCP {group.ports}; the addresses "
        "themselves are open.",
    )


def _say_cut(group: CauseGroup) -> Words:
    ends = _ENDS.get(group.first.failure or Failure.TIMEOUT, "it fails")
    whatever = ", whatever the name" if group.proven else ""
    return Words(
        title=f"After the ClientHello {ends} for {group.names}{whatever} ({group.addresses or 'through the proxy'}).",
        remedy=f"TCP is open and TLS is not: exempt TCP {group.ports} to {group.patterns} from TLS inspection, IPS and "
        "application control (the application is `ssl`/`https`, not an unknown TCP one).",
    )


def _say_mtu(group: CauseGroup) -> Words:
    sizes = [d.mss for o in group.evidence if (d := details.tls(o)) is not None and d.mss and completes(o)]
    mss = max(sizes, default=None)
    shown = f"with an MSS of {mss} it completes" if mss else "with smaller segments it completes"
    return Words(
        title=f"Large packets from {group.names} are lost on the way: the handshake stalls, {shown} (path MTU).",
        remedy="Let ICMP type 3 code 4 (IPv6: type 2, packet too big) through, or clamp the MSS on the router or VPN: "
        f"`nft add rule inet filter forward tcp flags syn tcp option maxseg size set {mss or 1360}`. At once, on this "
        f"host: `ip route change default … advmss {mss or 1360}`.",
    )


def _say_alert(group: CauseGroup) -> Words:
    detail = details.tls(group.first)
    number = detail.alert if detail is not None else None
    name = ALERTS.get(number, "unknown") if number is not None else "unknown"
    hint = {
        40: " No common cipher suite is the usual reason: the ECS agent offers only RSA suites in TLS 1.2, so a device "
        "that presents an ECDSA certificate must speak TLS 1.3 or use an RSA key.",
        112: " The peer does not serve this name: a DNS override or proxy leads to the wrong place.",
        49: " A policy on the peer denies the connection.",
    }.get(number if number is not None else -1, "")
    return Words(
        title=f"{group.they('end')} the handshake with the TLS alert {name} ({number}).",
        remedy=f"Genuine AWS endpoints send no such alert to this client: find the device that terminates TLS for "
        f"{group.patterns} and exempt it from inspection.{hint}",
    )


def _say_version(group: CauseGroup) -> Words:
    return Words(
        title=f"{group.they('accept')} no TLS version that the agents speak (1.2 and 1.3).",
        remedy=f"The device that terminates TLS must offer TLS 1.2 or newer, or let TCP {group.ports} to "
        f"{group.patterns} pass uninspected; AWS itself offers both.",
    )


def _say_not_tls(group: CauseGroup) -> Words:
    return Words(
        title=f"{group.they('answer')} in plain text on port {group.ports}, where TLS was expected.",
        remedy=f"A device redirects TCP {group.ports} to a plain HTTP service (a transparent proxy or a portal): take "
        f"{group.patterns} out of that redirection.",
    )


_SAY = {
    "tls_sni_blocked": _say_sni,
    "tls_path_mtu": _say_mtu,
    "tls_reset_after_hello": _say_cut,
    "tls_closed_after_hello": _say_cut,
    "tls_dropped_after_hello": _say_cut,
    "tls_alert": _say_alert,
    "tls_version_refused": _say_version,
    "not_tls": _say_not_tls,
}
