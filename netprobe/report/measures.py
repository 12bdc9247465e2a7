"""The numbers of a run that are worth a curve: durations, latencies, clock, certificates, how old the facts are.

Few series, for every one of them is kept for months: a gauge for each endpoint and step, none for each host or address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from statistics import median

from netprobe import natural
from netprobe.catalog import history
from netprobe.observations import DnsDetail, HttpDetail, Observation, TlsDetail
from netprobe.report.model import Report

Sample = tuple[dict[str, str], float]
Family = tuple[str, str, str, list[Sample]]
"""Name, unit, help, samples."""
MOST_INTERCEPTORS = 5
MOST_RESOLVERS = 8
_DAY_SECONDS = 86_400.0


def families(report: Report) -> Iterator[Family]:
    """Every family of this module, with the samples of one run."""
    first = [one for one in report.observations if one.experiment is None]
    yield (
        "netprobe_endpoint_step_duration_seconds",
        "seconds",
        "How long a step took that worked, the median over an endpoint's hosts and addresses.",
        list(_steps(first)),
    )
    yield (
        "netprobe_resolver_duration_seconds",
        "seconds",
        "How long a resolver took to answer, the median.",
        list(_resolvers(first)),
    )
    yield (
        "netprobe_clock_offset_seconds",
        "seconds",
        "This host's clock minus that of the services, the median of their answers.",
        list(_clock(first)),
    )
    yield (
        "netprobe_interceptor_certificate_expiry_seconds",
        "seconds",
        "When a certificate ends that stands in for the service's own, Unix time, by its SHA-256.",
        list(_interceptors(report.observations)),
    )
    yield "netprobe_probes", "", "Steps that the last run made, by how they ended.", list(_probes(report.observations))
    yield "netprobe_catalog_age_seconds", "seconds", "How old the facts were.", list(_age(report))
    yield (
        "netprobe_catalog_newest_change_seconds",
        "seconds",
        "The day of the newest change of what AWS needs, Unix time.",
        list(_newest_change(report)),
    )


def _steps(observations: list[Observation]) -> Iterator[Sample]:
    took: dict[tuple[str, str, str], list[float]] = {}
    for one in observations:
        if one.failure is None:
            took.setdefault((one.region, one.endpoint, str(one.step)), []).append(one.duration_seconds)
    for (region, endpoint, step), durations in sorted(took.items()):
        yield {"region": region, "endpoint": endpoint, "step": step}, median(durations)


def _resolvers(observations: list[Observation]) -> Iterator[Sample]:
    took: dict[str, list[float]] = {}
    for one in observations:
        if isinstance(one.detail, DnsDetail) and one.detail.transport != "file":
            took.setdefault(one.detail.resolver, []).append(one.duration_seconds)
    for resolver, durations in natural.items(took)[:MOST_RESOLVERS]:
        yield {"resolver": resolver}, median(durations)


def _clock(observations: list[Observation]) -> Iterator[Sample]:
    said = [
        one.detail.date_skew_seconds
        for one in observations
        if isinstance(one.detail, HttpDetail) and one.detail.genuine and one.detail.date_skew_seconds is not None
    ]
    if said:
        yield {}, median(said)


def _interceptors(observations: tuple[Observation, ...]) -> Iterator[Sample]:
    """The top of every chain that is not the origin's: what a trust store would have to hold.

    Of a device that shows nothing but the certificate that it made for the name, its own is not known: the copy has the
    dates of the service's, there is one for each name, and another after each restart.
    """
    found: dict[str, float] = {}
    for one in observations:
        if isinstance(one.detail, TlsDetail) and one.detail.origin is False and one.detail.chain:
            top = one.detail.chain[-1]
            if len(one.detail.chain) == 1 and top.subject != top.issuer:
                continue
            for moment in unix_time(top.not_after):
                found[top.sha256] = moment
    for fingerprint, moment in sorted(found.items())[:MOST_INTERCEPTORS]:
        yield {"fingerprint": fingerprint}, moment


def _probes(observations: tuple[Observation, ...]) -> Iterator[Sample]:
    counts = Counter("failed" if one.failure else "worked" for one in observations)
    for outcome in ("worked", "failed"):
        yield {"outcome": outcome}, float(counts[outcome])


def _age(report: Report) -> Iterator[Sample]:
    with suppress(ValueError, OverflowError):
        began = datetime.fromisoformat(report.started_at).astimezone(UTC).date()
        yield {}, (began - date.fromisoformat(report.catalog.version)).days * _DAY_SECONDS


def _newest_change(report: Report) -> Iterator[Sample]:
    for facts in unix_time(f"{report.catalog.version}T00:00:00Z"):
        changed = (moment for day in history.current().versions for moment in unix_time(f"{day}T00:00:00Z"))
        yield {}, max((moment for moment in changed if moment <= facts), default=facts)


def unix_time(text: str) -> Iterator[float]:
    """A moment as Unix time; nothing where a damaged report holds none."""
    with suppress(ValueError, OverflowError):
        yield datetime.fromisoformat(text).timestamp()
