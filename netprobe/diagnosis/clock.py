"""Is the host's clock right? Told by the Date headers of answers that prove to be genuine.

AWS signatures (SigV4) are refused when they are more than five minutes off, so an error begins there. A wrong clock
also makes good certificates look expired or not yet valid; then the clock is the one cause, provided that the
certificate would be valid at the corrected time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from statistics import median

import msgspec

from netprobe.diagnosis import details
from netprobe.diagnosis.broken import Broken
from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.views import View
from netprobe.diagnosis.words import duration
from netprobe.findings import Severity
from netprobe.observations import Certificate, Experiment, Failure, Observation, TlsDetail

WARN_SECONDS = 60.0
ERROR_SECONDS = 300.0
_AGREE_SECONDS = 60.0
_AHEAD: dict[Failure | None, bool] = {Failure.SSL_EXPIRED: True, Failure.SSL_NOT_YET_VALID: False}
"""Which way a clock must be wrong to make a good certificate look like that."""


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """What the answers say about the host's clock.

    Attributes:
        skew: seconds that the host is ahead (negative: behind).
        evidence: the answers that agree.
        agreed: whether at least two answers say so and none contradicts.
        started_at: when the run began, by the host's clock; None where the report does not hold a readable date.
    """

    skew: float
    evidence: tuple[Observation, ...]
    agreed: bool
    started_at: datetime | None

    @property
    def wrong(self) -> bool:
        """Whether it is worth a finding."""
        return abs(self.skew) > WARN_SECONDS

    def true_time(self, o: Observation) -> datetime | None:
        """When an observation really was made, as far as the report holds readable dates."""
        if self.started_at is None:
            return None
        try:
            return self.started_at + timedelta(seconds=o.started_seconds - self.skew)
        except (OverflowError, ValueError):
            return None


def read(world: Evidence) -> Clock | None:
    """Weigh every Date header of the run; None where there was none."""
    said = [
        (o, d.date_skew_seconds, d.genuine)
        for o in world.run.observations
        if (d := details.http(o)) is not None and d.date_skew_seconds is not None
    ]
    genuine = [(o, skew) for o, skew, real in said if real]
    weighed = genuine or [(o, skew) for o, skew, _ in said]
    if not weighed:
        return None
    middle = median(skew for _, skew in weighed)
    near = max(_AGREE_SECONDS, abs(middle) * 0.01)
    agree = [o for o, skew in weighed if abs(skew - middle) <= near]
    if len(agree) * 2 < len(weighed):
        return None
    return Clock(
        skew=middle,
        evidence=tuple(agree),
        agreed=len(agree) == len(weighed) and (len(agree) > 1 or bool(genuine)),
        started_at=_instant(world.run.started_at),
    )


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def attributed(broken: Broken, seen: TlsDetail | None) -> Cause | None:
    """The clock as the cause of a certificate that fails by its dates, or None where the clock is not to blame.

    Args:
        broken: the handshake that failed.
        seen: what is known of the chain, from the handshake itself or its lax control.
    """
    o, clock = broken.o, broken.clock
    if clock is None or not clock.wrong or _AHEAD.get(o.failure) is not (clock.skew > 0):
        return None
    chain = seen.chain if seen is not None else ()
    true_time = clock.true_time(o)
    if chain and (true_time is None or not all(_valid(certificate, true_time) for certificate in chain)):
        return None
    own = tuple(e for e in clock.evidence if e.host == o.host and e.experiment == Experiment.LAX_CHAIN)
    doubt = "" if chain else "no chain could be read, so an old certificate looks the same"
    evidence = (o, *clock.evidence)
    return _cause(clock, view=broken.view, evidence=evidence, controls=own, blocking=broken.blocking, doubt=doubt)


def _valid(certificate: Certificate, when: datetime) -> bool:
    begin, end = _instant(certificate.not_before), _instant(certificate.not_after)
    return begin is not None and end is not None and begin <= when <= end


def companions(world: Evidence, clock: Clock | None) -> Iterator[Cause]:
    """A wrong clock, for every host whose answer shows it."""
    if clock is None or not clock.wrong:
        return
    shown = {(o.vantage, o.host, o.port): o for o in clock.evidence}
    for view in world.views:
        o = shown.get((view.vantage, view.host, view.port))
        if o is not None:
            yield _cause(clock, view=view, evidence=(o,), blocking=False)


def _cause(
    clock: Clock,
    *,
    view: View,
    evidence: tuple[Observation, ...],
    blocking: bool,
    controls: tuple[Observation, ...] = (),
    doubt: str = "",
) -> Cause:
    def say(group: CauseGroup) -> Words:
        way = "ahead" if clock.skew > 0 else "behind"
        signed = "AWS refuses signed requests" + ("" if abs(clock.skew) >= ERROR_SECONDS else " from 5 minutes on")
        dated = any(o.failure in _AHEAD for o in group.evidence)
        also = " Certificates look expired or not yet valid because of it." if dated else ""
        return Words(
            title=f"The host's clock is {duration(abs(clock.skew))} {way}; {signed}.{also}",
            remedy="Set the clock and keep it: `timedatectl set-ntp true` with systemd-timesyncd, or chrony "
            "(`chronyc makestep`), with a time server that this host can reach on UDP port 123.",
        )

    error = abs(clock.skew) >= ERROR_SECONDS
    return Cause(
        id="clock_skew",
        say=say,
        view=view,
        evidence=evidence,
        controls=controls,
        doubt=doubt or ("" if clock.agreed else "only one answer says so, or another contradicts it"),
        blocking=blocking,
        severity=Severity.ERROR if error or blocking else Severity.WARNING,
        whole_host=True,
    )
