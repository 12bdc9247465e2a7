"""What makes a finding proven for a host: its own repeat, and its own control. The one place that decides it.

A finding is *proven* for a host only if its failure was repeated, unchanged and alone, and failed alike every time, and
if the control that tells its look-alikes apart was made for that host and spoke the same each time. :data:`NEEDS` says
of every finding which control that is. No rule can call anything proven: it names the controls that it read, and
:func:`judge` looks whether they suffice. A :class:`Proof` cannot be made of anything else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from netprobe.diagnosis.stalls import waited
from netprobe.diagnosis.tries import Tries, end
from netprobe.diagnosis.words import count, duration
from netprobe.observations import DnsDetail, Experiment, Failure, Observation, Step, TlsDetail, falls_short

if TYPE_CHECKING:
    from netprobe.diagnosis.causes import Cause
    from netprobe.diagnosis.evidence import Evidence

REPEAT = Experiment.REPEAT
PATIENT_SECONDS = 10.0
"""How long a repeat must have been silent, before silence is called that."""
_NEARLY = 0.98
_ENDS_BY_CHANCE = frozenset({Failure.TIMEOUT, Failure.CONNECTION_RESET, Failure.EOF, Failure.CONNECTION_REFUSED})
UNLUCKY_AT_MOST = 0.01
"""How many names may be expected to fail at every try by chance alone, before a name that does is called broken."""
OLD = "the report was saved by a version that did not repeat failures"
CUT_SHORT = "not repeated: the run ended before"
BOUND = "not repeated: the run's bound was reached"


class ProofNeed(msgspec.Struct, frozen=True, kw_only=True):
    """What proves one finding, beside the repeat.

    Attributes:
        control: the control that tells its look-alikes apart, in words (``netprobe explain`` shows it).
        experiments: the experiments that are this control; ``repeat`` where the answer itself says it. None: nothing
            failed, it is what was read or answered. Empty: nothing that netprobe makes proves it.
    """

    control: str
    experiments: frozenset[Experiment] | None


def _by(control: str, *experiments: Experiment) -> ProofNeed:
    return ProofNeed(control=control, experiments=frozenset(experiments))


def _fact(control: str) -> ProofNeed:
    return ProofNeed(control=control, experiments=None)


_SAYS_SO = _by("The answer itself says it; it is asked for again, and says the same each time.", REPEAT)
_SENDER = _by("The refusal is an answer, and comes again each time.", REPEAT)
_READ = _fact("It is read from this host's settings.")
_CHAIN = _by("A second connection, unverified, shows the chain that was rejected.", Experiment.LAX_CHAIN)
_PROXY_SAYS = _by("The proxy's own answer says it; it is asked again, and says the same each time.", REPEAT)
_OUTLIVED = _by(
    "Beside a second rest a connection that is used again and again: it becomes as old, and is not cut.",
    Experiment.KEPT_BUSY,
)

NEEDS: dict[str, ProofNeed] = {
    "dns_name_missing": _SAYS_SO,
    "dns_no_address": _SAYS_SO,
    "dns_server_failure": _SAYS_SO,
    "dns_refused": _SAYS_SO,
    "dns_unreachable": _SENDER,
    "dns_timeout": _by(
        "The same question over TCP, or to another resolver.", Experiment.DNS_OVER_TCP, Experiment.OTHER_RESOLVER
    ),
    "dns_tcp_blocked": _by("The same question again: truncated over UDP, and no answer over TCP.", REPEAT),
    "dns_resolver_down": _by("The same question to another resolver, which answers.", Experiment.OTHER_RESOLVER),
    "dns_resolvers_disagree": _fact("The answers of the resolvers side by side."),
    "dns_sinkholed": _by("The name is asked for again, and leads to the same address.", REPEAT),
    "dns_wildcard_answers": _fact("The answer for a name that cannot exist."),
    "dns_private_answer": _fact("The address in the answer."),
    "dns_public_answer": _fact("The address in the answer."),
    "dns_numbered_names_public": _fact("The addresses in the answers."),
    "hosts_file_override": _fact("The line in the hosts file."),
    "dns_edns_unanswered": _by("The same question without EDNS is answered.", Experiment.WITHOUT_EDNS),
    "dns_search_captures": _fact("The name that was asked, and who answered."),
    "dns_slow": _fact("The time that the lookups of this run took."),
    "tcp_refused": _SENDER,
    "tcp_dropped": _by(
        "In between, a connection to an address that answers: it stands, so neither the uplink nor this host is dead.",
        Experiment.WORKING_ADDRESS,
    ),
    "tcp_reset": _by(
        "Connected again without sending a byte: it is reset all the same.", REPEAT, Experiment.SEND_NOTHING
    ),
    "tcp_prohibited": _SENDER,
    "tcp_unreachable": _SENDER,
    "tcp_some_addresses_blocked": _by(
        "In between, a connection to another address of the name.", Experiment.WORKING_ADDRESS
    ),
    "ipv6_broken": _by("In between, a connection over IPv4.", Experiment.WORKING_ADDRESS),
    "ipv4_broken": _by("In between, a connection over IPv6.", Experiment.WORKING_ADDRESS),
    "stale_ip_allowlist": _by("None: the list itself cannot be seen from here."),
    "tls_sni_blocked": _by(
        "Another name, or none, at the same address completes the handshake. Where silence is the failure, also a name "
        "that was never asked for before is answered, or the hello was never acknowledged: else the peer may be slow.",
        Experiment.OTHER_SNI,
        Experiment.NO_SNI,
        Experiment.FRESH_SNI,
        Experiment.OTHER_SNI_LOWER_MSS,
    ),
    "tls_reset_after_hello": _by("Another name at the same address ends alike.", Experiment.OTHER_SNI),
    "tls_closed_after_hello": _by("Another name at the same address ends alike.", Experiment.OTHER_SNI),
    "tls_dropped_after_hello": _by(
        "Another name at the same address and smaller packets end alike.", Experiment.OTHER_SNI, Experiment.LOWER_MSS
    ),
    "tls_large_hello_dropped": _fact("Small hellos in between are answered each time, large ones never."),
    "tls_path_mtu": _by("The same in smaller packets completes.", Experiment.LOWER_MSS, Experiment.SMALL_REQUEST),
    "tls_intercepted": _CHAIN,
    "tls_intercepted_trusted": _fact("The chain that the handshake showed."),
    "tls_untrusted_store": _CHAIN,
    "tls_wrong_name": _CHAIN,
    "tls_expired": _by(
        "A second connection, unverified, shows the chain and a Date header to compare the clock with.",
        Experiment.LAX_CHAIN,
    ),
    "tls_not_yet_valid": _by(
        "A second connection, unverified, shows the chain and a Date header to compare the clock with.",
        Experiment.LAX_CHAIN,
    ),
    "tls_nonconforming_chain": _by(
        "The chain, verified by the strict rules.", Experiment.STRICT_CHAIN, Experiment.LAX_CHAIN
    ),
    "tls_incomplete_chain": _by(
        "The chain, completed with what other hosts showed, leads to a root.", Experiment.COMPLETED_CHAIN
    ),
    "tls_former_root": _CHAIN,
    "tls_version_refused": _SAYS_SO,
    "tls_alert": _SAYS_SO,
    "not_tls": _SAYS_SO,
    "http_block_page": _SAYS_SO,
    "http_captive_portal": _SAYS_SO,
    "http_foreign_answer": _SAYS_SO,
    "http_service_error": _fact("The service's own answer."),
    "http_source_refused": _fact("The origin's own answer, over its own chain or with its own mark."),
    "http_unrecognised_answer": _fact("The origin's own answer, over its own chain."),
    "http_stalled": _by(
        "The same in smaller packets, and a smaller answer: silent too.", Experiment.LOWER_MSS, Experiment.SMALL_REQUEST
    ),
    "http_cut": _by(
        "The same without the proxy is answered; without a proxy, none tells who cuts.", Experiment.WITHOUT_PROXY
    ),
    "websocket_refused_by_proxy": _SAYS_SO,
    "websocket_upgrade_stripped": _SAYS_SO,
    "websocket_cut_when_idle": _OUTLIVED,
    "clock_skew": _by("The Date headers of genuine answers.", Experiment.LAX_CHAIN),
    "proxy_name_missing": _SAYS_SO,
    "proxy_unreachable": _SENDER,
    "proxy_refused": _SENDER,
    "proxy_timeout": _by("The proxy is asked again, with patience.", REPEAT),
    "proxy_auth_required": _PROXY_SAYS,
    "proxy_auth_rejected": _PROXY_SAYS,
    "proxy_scheme_unusable": _PROXY_SAYS,
    "proxy_forbidden": _PROXY_SAYS,
    "proxy_cannot_resolve": _by(
        "The proxy names the reason in a header, or opens the tunnel to an address instead of the name.",
        REPEAT,
        Experiment.CONNECT_BY_ADDRESS,
    ),
    "proxy_cannot_connect": _PROXY_SAYS,
    "proxy_upstream_timeout": _PROXY_SAYS,
    "proxy_not_a_proxy": _PROXY_SAYS,
    "proxy_tls_untrusted": _PROXY_SAYS,
    "proxy_method_refused": _PROXY_SAYS,
    "proxy_strips_upgrade": _SAYS_SO,
    "proxy_cuts_idle": _OUTLIVED,
    "proxy_buffers": _by("The same without the proxy is answered at once.", Experiment.WITHOUT_PROXY),
    "proxy_required": _by("The same through the proxy passes.", Experiment.WITH_PROXY),
    "no_proxy_exempts_aws": _by("The same through the proxy passes.", Experiment.WITH_PROXY),
    "proxy_only_http_set": _READ,
    "proxy_values_conflict": _READ,
    "no_proxy_missing_task_credentials": _READ,
    "no_proxy_missing_metadata": _READ,
    "no_proxy_not_understood": _READ,
    "proxy_password_world_readable": _READ,
    "proxy_url_invalid": _READ,
    "proxy_needs_restart": _READ,
    "proxy_pac_unused": _READ,
    "proxy_setting_unused": _READ,
    "agent_endpoint_overridden": _READ,
    "trust_file_unusable": _READ,
    "works_by_chance": _fact("The tries themselves: some passed and some did not."),
    "packet_loss": _fact("What this host's kernel and its own questions had to send again, counted."),
    "connection_limit": _fact("The burst made once more fails again, and each of its connections alone passes."),
    "slow": _fact("The tries themselves: with patience they pass."),
    "unexplained_failure": _by("None: no rule knows what to compare it with."),
}
"""Finding → what proves it."""
_FACTS_TOO = frozenset({"clock_skew", "tls_nonconforming_chain", "tls_former_root"})
"""Findings that are also made of what passed (a Date header, a chain): nothing to repeat."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Why a finding is proven for one host; it cannot be made of anything but the host's own repeat and control.

    Attributes:
        failed: the failure of the first pass.
        repeat: the same again, which failed alike.
        control: what tells the look-alikes apart; the repeat itself where the answer says it all.
    """

    failed: Observation
    repeat: Observation
    control: Observation

    def __post_init__(self) -> None:
        """Refuse what is no proof.

        Raises:
            ValueError: the repeat or the control is another host's, or none.
        """
        mine = (self.failed.vantage, self.failed.host, self.failed.port)
        for o in (self.repeat, self.control):
            if (o.vantage, o.host, o.port) != mine or o.experiment is None:
                raise ValueError(f"{o.id} is no repeat or control of {self.failed.host}")
        if self.repeat.experiment != REPEAT or not _alike(self.repeat, self.failed):
            raise ValueError(f"{self.repeat.id} does not repeat {self.failed.id}")


class Fact(msgspec.Struct, frozen=True):
    """Nothing failed that could be repeated: it is what was read, or answered."""


class Doubt(msgspec.Struct, frozen=True):
    """Why a finding is only suspected.

    Attributes:
        reason: in words, without a full stop.
    """

    reason: str


Standing = Proof | Fact | Doubt


def judge(world: Evidence, cause: Cause) -> Standing:
    """Whether a cause is proven for its host, and by what."""
    need = NEEDS[cause.id]
    if cause.doubt and not cause.evidence:
        return Doubt(cause.doubt)
    failed = next((o for o in cause.evidence if o.failure is not None and o.experiment is None), None)
    if need.experiments is None or (failed is None and cause.id in _FACTS_TOO) or _is_read(cause):
        return Doubt(cause.doubt) if cause.doubt else Fact()
    if not need.experiments:
        return Doubt(cause.doubt or "no control that netprobe can make tells its look-alikes apart")
    if failed is None and cause.evidence:
        failed = cause.evidence[0]
    if failed is None:
        return Doubt(cause.doubt or BOUND)
    repeated = _repeated(world, cause, failed)
    if isinstance(repeated, Doubt):
        return repeated
    return _controlled(cause, need.experiments, failed, repeated)


def _is_read(cause: Cause) -> bool:
    """Whether it is told by a line of the hosts file, which says the same however often it is read."""
    detail = cause.evidence[0].detail if cause.evidence else None
    return isinstance(detail, DnsDetail) and detail.transport == "file"


def _repeated(world: Evidence, cause: Cause, failed: Observation) -> Observation | Doubt:
    """The repeat that failed alike, or what is wrong with the repeats."""
    if cause.repeat is not None:
        return cause.repeat
    tries = world.tries(failed)
    # What a try met further on than the first pass came is repeated by the others.
    others = [end(seen) for seen in tries.made if not any(o.id == failed.id for o in seen)] if tries else []
    if not others:
        return Doubt(_why_not_repeated(world))
    if failed.failure is None:
        return Doubt("asked again, the answer was another")
    ends = [o for o in others if not (_is_answer(failed) and falls_short(failed, o))]
    if not ends:
        return Doubt(f"tried again it never came as far ({_told(others[0])})")
    other = next((o for o in ends if not _alike(o, failed)), None)
    if other is not None:
        return Doubt(f"tried again it ended otherwise ({_told(other)} instead of {_told(failed)})")
    longest = max(ends, key=lambda o: o.limit_seconds or 0.0)
    if _is_silence(failed) and (longest.limit_seconds or 0.0) < PATIENT_SECONDS * _NEARLY:
        short = duration(longest.limit_seconds or longest.duration_seconds)
        return Doubt(f"silence was waited for only {short}, and a slow answer looks the same")
    if all(map(world.stalls.ended, ends)):
        began, ended = waited(longest)
        kept, whole = duration(world.stalls.within(longest)), duration(ended - began)
        return Doubt(f"this machine had no free processor for {kept} of the {whole} that were waited")
    luck = world.luck_of(failed)
    if luck is not None and luck.unlucky(len(ends)) > UNLUCKY_AT_MOST:
        return Doubt(
            f"other names that failed alike passed when they were tried again, and {count(len(ends), 'try', 'tries')} "
            "of this one do not rule that out"
        )
    return longest


def _is_answer(failed: Observation) -> bool:
    """Whether the failure is what a peer said or showed, and no end that a bad line makes as well."""
    return failed.failure not in _ENDS_BY_CHANCE and failed.limit_seconds is None


def _is_silence(failed: Observation) -> bool:
    """Whether a limit ended the wait: also the one for what was sent after a rest."""
    return failed.failure is Failure.TIMEOUT or failed.limit_seconds is not None


def _why_not_repeated(world: Evidence) -> str:
    context = world.context
    if context.deadline_reached or context.interrupted:
        return CUT_SHORT
    return BOUND if context.repeated else OLD


def _controlled(
    cause: Cause, experiments: frozenset[Experiment], failed: Observation, repeat: Observation
) -> Proof | Doubt:
    """The proof, where the control that the rule read is this host's own and spoke the same each time."""
    if cause.doubt:
        return Doubt(cause.doubt)
    mine = [
        o
        for o in cause.controls
        if o.experiment in experiments and (o.vantage, o.host, o.port) == (failed.vantage, failed.host, failed.port)
    ]
    if not mine:
        if REPEAT in experiments:
            return Proof(failed=failed, repeat=repeat, control=repeat)
        return Doubt("its own control was not made: " + _lower(NEEDS[cause.id].control))
    wavering = _wavers(mine)
    if wavering:
        return Doubt(f"the control ({wavering}) ended otherwise from one time to the next")
    return Proof(failed=failed, repeat=repeat, control=mine[0])


def _lower(text: str) -> str:
    return text[0].lower() + text[1:].rstrip(".")


def _wavers(controls: Iterable[Observation]) -> str:
    """The control that did not end alike each time it was made, or nothing."""
    ends: dict[tuple[object, ...], set[bool]] = defaultdict(set)
    for o in controls:
        if o.step is Step.TCP and o.experiment != Experiment.WORKING_ADDRESS and o.failure is None:
            continue  # that it connected is only the way to what is compared
        detail = o.detail
        kind: tuple[object, ...] = (o.experiment, o.address, o.step)
        if isinstance(detail, TlsDetail):
            kind = (*kind, detail.sni, detail.mss)
        elif isinstance(detail, DnsDetail):
            kind = (*kind, detail.resolver, detail.rrtype, detail.transport)
        ends[kind].add(o.failure is None)
    return next((str(kind[0]) for kind, found in ends.items() if len(found) > 1), "")


def _alike(one: Observation, other: Observation) -> bool:
    return one.step is other.step and one.failure == other.failure


def _told(o: Observation) -> str:
    return f"{o.failure} at {o.step}" if o.failure is not None else f"{o.step} passed"


__all__ = ["NEEDS", "Doubt", "Fact", "Proof", "ProofNeed", "Standing", "Tries", "judge"]
