"""A device that swallows a ClientHello which comes in two packets: netprobe passes, and the agents do not.

The controls are made on hosts that passed (``netprobe.probes.largehello``), so no step of a first pass failed.
"""

from __future__ import annotations

from collections.abc import Iterator

from netprobe.diagnosis import details
from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.loss import is_lossy
from netprobe.diagnosis.proof import CUT_SHORT, UNLUCKY_AT_MOST
from netprobe.diagnosis.views import View
from netprobe.observations import Experiment, Failure, Observation, Step

LARGE, SMALL = Experiment.LARGE_HELLO, Experiment.SMALL_HELLO
LOSSY = "the line loses packets, and a hello that comes in two is lost more often"
FLAKY = "connections of this host fail now and then, and so few tries do not rule that out"
_ON_THE_WAY = frozenset({Step.TCP, Step.PROXY, Step.TLS})
PATIENT_SECONDS = 9.8
"""The patient control waits for ten seconds; what a clock rounds off is no doubt."""


def companions(world: Evidence) -> Iterator[Cause]:
    """Every host whose large hello went unanswered while small ones were answered."""
    for view in world.views:
        large = [o for o in world.controls(LARGE) if _same(o, view.vantage, view.host)]
        whole = [o for o in large if not _in_small_packets(o)]
        small = [o for o in world.controls(SMALL) if _same(o, view.vantage, view.host)]
        lost = [o for o in whole if o.failure is not None]
        if not lost or len(lost) < len(whole):
            continue
        if not any(o.failure is None for o in small):
            if _is_cut_short(world, small):
                yield Cause(id="tls_large_hello_dropped", say=_say, view=view, evidence=tuple(lost), doubt=CUT_SHORT)
            continue
        yield Cause(
            id="tls_large_hello_dropped",
            key="packets" if any(o.failure is None for o in large if _in_small_packets(o)) else "",
            say=_say,
            view=view,
            evidence=(*lost, *small),
            doubt=_chance(world, view, lost) or _doubt(lost, small),
            blocking=True,
        )


def _is_cut_short(world: Evidence, small: list[Observation]) -> bool:
    """Whether the run ended before a small hello was sent: the host's own handshake is what was answered."""
    return not small and (world.context.deadline_reached or world.context.interrupted)


def _chance(world: Evidence, view: View, lost: list[Observation]) -> str:
    """Whether the way loses or cuts now and then whatever is sent: large hellos may only have been unlucky."""
    if is_lossy(world, view.vantage):
        return LOSSY
    luck = world.luck_at(view.vantage, _ON_THE_WAY)
    return FLAKY if luck is not None and luck.unlucky(len(lost)) > UNLUCKY_AT_MOST else ""


def _same(o: Observation, vantage: str, host: str) -> bool:
    return o.vantage == vantage and o.host == host


def _in_small_packets(o: Observation) -> bool:
    detail = details.tls(o)
    return detail is not None and detail.mss is not None


def _doubt(lost: list[Observation], small: list[Observation]) -> str:
    """What is lacking: the same again, waited for with patience, with small hellos in between that were answered."""
    if len(lost) < 2:
        return "the large hello was sent once only"
    if any(o.failure is not None for o in small):
        return "a small hello was not answered each time either"
    silent = [o for o in lost if o.failure is Failure.TIMEOUT]
    if silent and max(o.limit_seconds or 0.0 for o in silent) < PATIENT_SECONDS:
        return "silence was not waited for long enough, and a slow answer looks the same"
    return ""


def _say(group: CauseGroup) -> Words:
    ends = {Failure.TIMEOUT: "is never answered", Failure.CONNECTION_RESET: "is answered with a reset"}
    met = ends.get(group.first.failure or Failure.TIMEOUT, "ends the connection")
    start = f"A ClientHello of 1,700 bytes to {group.names} {met}, one of usual size is answered"
    agents = (
        "Go 1.24 and newer, which the ECS agent is built with, always send one of that size (post-quantum key share)"
    )
    if group.key:
        return Words(
            title=f"{start}, and so is the large one in smaller packets: full packets from this host get lost. "
            f"{agents}.",
            remedy=f"Let ICMP type 3 code 4 through on the way to {group.patterns}, or clamp the MSS of TCP "
            f"{group.ports} on the router or VPN.",
        )
    return Words(
        title=f"{start}: a device on the way cannot take a hello that comes in two packets. {agents}.",
        remedy=f"Update the firewall or proxy that reads TLS names, or exempt TCP {group.ports} to {group.patterns} "
        "from TLS and SNI inspection. Until then the agent can be kept to small hellos: GODEBUG=tlsmlkem=0 in "
        "/etc/ecs/ecs.config.",
    )
