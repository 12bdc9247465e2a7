"""A run → what each endpoint really answered, without a word of who asked (``check --transcript``).

Every field is chosen, none is passed on: only names that the shipped catalog makes, only what the origin said over its
own chain. What a company's device, resolver or proxy said, and every name, address and account of the host, stays out.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from netprobe import catalog, origin
from netprobe.catalog import Forms
from netprobe.catalog.transcripts import (
    VERSION,
    Said,
    Transcript,
    TranscriptCertificate,
    TranscriptHost,
    TranscriptLookup,
    encode,
)
from netprobe.diagnosis.addresses import classify
from netprobe.observations import Context, DnsDetail, Experiment, HttpDetail, Observation, Run, Step, Subject, TlsDetail

T = TypeVar("T")
_ACCOUNT = re.compile(r"^\d{12}\.")
_NUMBER = re.compile(r"^ecs-[at]-(\d{1,5})\.")
_TWELVE = re.compile(r"(?<!\d)\d{12}(?!\d)")
_UNASKED = re.compile(r"[^ -~]")
NETWORKS = (
    "amazonaws.com",
    "awsglobalaccelerator.com",
    "cloudfront.net",
    "api.aws",
    "on.aws",
    "amazonaws.eu",
    "fastly.net",
    "github.map.fastly.net",
    "githubusercontent.com",
    "cloudflare.net",
    "cdn.cloudflare.net",
    "docker.com",
    "docker.io",
)
"""What a CNAME may end in to be named; longer ones first when one is looked for."""


def of(run: Run) -> bytes:
    """The transcript of a run, as the bytes of its file."""
    made = Transcript(
        transcript_version=VERSION,
        netprobe_version=run.netprobe_version,
        catalog_version=run.catalog.version,
        catalog_digest=run.catalog.digest,
        made=run.started_at[:10],
        roots="lab" if run.context.lab is not None else "given" if run.context.origin_ca else "public",
        heard=tuple(_heard(run)),
    )
    return encode(made)


def _heard(run: Run) -> Iterator[TranscriptHost]:
    """One of each name, address and way that said something of its own."""
    public = _public_names(run)
    by_name: dict[tuple[str, str, str | None, bool], list[Observation]] = defaultdict(list)
    lookups: dict[str, list[Observation]] = defaultdict(list)
    proxied = {o.host for o in run.observations if o.step is Step.PROXY}
    for o in run.observations:
        if o.host not in public or o.experiment not in (None, Experiment.OTHER_METHOD):
            continue
        if o.step is Step.DNS:
            lookups[o.host].append(o)
        elif o.step is not Step.PROXY:
            by_name[o.host, o.vantage, o.address, o.host in proxied].append(o)
    for host in lookups.keys() - {host for host, *_ in by_name}:
        by_name[host, "", None, host in proxied] = []
    found: dict[bytes, TranscriptHost] = {}
    for (host, _, _, by_proxy), seen in sorted(by_name.items(), key=lambda item: tuple(map(str, item[0]))):
        subject, pattern = public[host]
        heard = _one(subject, pattern, host, seen, lookups[host], run.context, proxied=by_proxy)
        found.setdefault(msgspec.json.encode(heard), heard)
    yield from sorted(found.values(), key=lambda heard: (heard.entry, heard.region, heard.number or 0, repr(heard)))


def _public_names(run: Run) -> Mapping[str, tuple[Subject, str]]:
    """The hosts that the shipped catalog names, with their subject and its pattern; the account is taken out."""
    known: dict[tuple[str, str], set[str]] = defaultdict(set)
    facts = catalog.load()
    for region in {subject.region for subject in run.subjects} & {region.id for region in facts.regions}:
        for forms in _every_form():
            for endpoint in facts.endpoints(region, forms):
                known[endpoint.entry, region].add(endpoint.pattern)
    found: dict[str, tuple[Subject, str]] = {}
    for subject in run.subjects:
        pattern = _ACCOUNT.sub("*.", subject.pattern)
        if pattern in known[subject.entry, subject.region]:
            for host in subject.candidates:
                found.setdefault(host, (subject, pattern))
    return found


def _every_form() -> Iterator[Forms]:
    for fips in (False, True):
        for dualstack in (False, True):
            for ipv6_only in (False, True):
                yield Forms(fips=fips, dualstack=dualstack, ipv6_only=ipv6_only)


def _one(
    subject: Subject,
    pattern: str,
    host: str,
    seen: Sequence[Observation],
    lookups: Sequence[Observation],
    context: Context,
    *,
    proxied: bool,
) -> TranscriptHost:
    number = _NUMBER.match(host) if subject.numbered else None
    handshake = next((o for o in seen if o.step is Step.TLS and o.experiment is None), None)
    detail = handshake.detail if handshake is not None and isinstance(handshake.detail, TlsDetail) else None
    by_origin = origin.answered(handshake)
    chain = detail.chain if detail is not None and by_origin else ()
    return TranscriptHost(
        entry=subject.entry,
        region=subject.region,
        pattern=pattern,
        number=int(number.group(1)) if number is not None else None,
        proxied=proxied,
        dns=_each_once(_lookup(o, context) for o in lookups),
        origin=by_origin if handshake is not None and handshake.failure is None else None,
        tls_failure=str(handshake.failure) if handshake is not None and handshake.failure is not None else "",
        tls_version=detail.version if detail is not None and by_origin else "",
        chain=tuple(TranscriptCertificate(subject=_without_account(one.subject), sha256=one.sha256) for one in chain),
        said=_each_once(_said(seen)),
    )


def _each_once(things: Iterable[T]) -> tuple[T, ...]:
    return tuple({msgspec.json.encode(thing): thing for thing in things}.values())


def _lookup(o: Observation, context: Context) -> TranscriptLookup:
    detail = o.detail
    assert isinstance(detail, DnsDetail)
    classes = Counter(str(classify(address, context)) for address in detail.answers)
    return TranscriptLookup(
        rrtype=detail.rrtype,
        rcode=detail.rcode or str(o.failure or "NOERROR"),
        addresses=dict(sorted(classes.items())),
        aliases=tuple(dict.fromkeys(known_suffix(name) for name in detail.cname)),
    )


def known_suffix(name: str) -> str:
    """What a name ends in, of the networks that everybody knows; a label of its own would tell whose it is."""
    name = name.lower().rstrip(".")
    fits = (suffix for suffix in sorted(NETWORKS, key=len, reverse=True) if f".{name}".endswith(f".{suffix}"))
    return next(fits, "other")


def _said(seen: Iterable[Observation]) -> Iterator[Said]:
    """What the origin said; of an answer that somebody else may have given, nothing."""
    for o in seen:
        detail = o.detail
        if not isinstance(detail, HttpDetail) or detail.origin is not True:
            continue
        yield Said(
            step="websocket" if o.step is Step.WEBSOCKET else "http",
            method=detail.method,
            failure=str(o.failure) if o.failure is not None else "",
            status=detail.status,
            headers=detail.headers,
            values={name: _line(value) for name, value in detail.values.items()},
            server=_line(detail.server),
            content_type=_line(detail.content_type),
            location=_where(detail.location),
            request_id=detail.request_id.partition(":")[0],
            error=detail.error_word,
            recognised=detail.genuine,
            close_code=detail.close_code,
        )


def _where(location: str) -> str:
    if not location:
        return ""
    try:
        host = (urlsplit(location).hostname or "").lower()
    except ValueError:
        return "other"
    return known_suffix(host)


def _without_account(subject: str) -> str:
    """A subject whose registry names no account."""
    return _TWELVE.sub("*", _line(subject))


def _line(text: str) -> str:
    return _UNASKED.sub("?", text)[:200]
