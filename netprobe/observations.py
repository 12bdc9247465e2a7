"""What the probes saw: one record a step, with a single failure or none.

Types only; nothing here touches the network. The invariant that keeps diagnosis simple is OONI's: **an observation
has a single failure mode**. No address, no TCP observation; no connection, no TLS observation. ``failure`` is one
lower_snake word (OONI's, where it has one); *where* it happened is ``step``; what exactly was seen is ``detail``.

Everything that diagnosis needs is in these records, so that a saved report can be diagnosed again elsewhere.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]
"""A time that some calendar holds (the years before Christ aside): a saved report may say anything, and sums of more
overflow. A peer's ``Date`` is within them."""


class Step(StrEnum):
    """The steps of one chain, in order."""

    DNS = "dns"
    TCP = "tcp"
    PROXY = "proxy"
    TLS = "tls"
    HTTP = "http"
    WEBSOCKET = "websocket"


class Experiment(StrEnum):
    """The control probes: what is changed to tell causes apart. An observation of the first pass has none."""

    ALONE = "alone"
    """One beside nothing else."""
    BURST = "burst"
    """As many at once as an agent makes."""
    COMPLETED_CHAIN = "completed_chain"
    CONNECT_BY_ADDRESS = "connect_by_address"
    DNS_OVER_TCP = "dns_over_tcp"
    FRESH_SNI = "fresh_sni"
    """A name that nobody has asked the peer for before."""
    IMPOSSIBLE_NAME = "impossible_name"
    KEPT_BUSY = "kept_busy"
    """A connection that is used again and again while another rests."""
    LARGE_HELLO = "large_hello"
    LAX_CHAIN = "lax_chain"
    LOCAL_NAME = "local_name"
    LOWER_MSS = "lower_mss"
    NO_SNI = "no_sni"
    OTHER_ADDRESS = "other_address"
    """The same name at the address of a host that passed."""
    OTHER_METHOD = "other_method"
    OTHER_RESOLVER = "other_resolver"
    OTHER_SNI = "other_sni"
    OTHER_SNI_LOWER_MSS = "other_sni_lower_mss"
    """Both at once, for a name filter on a path that loses large packets."""
    REPEAT = "repeat"
    """The same again, unchanged and alone."""
    SECOND_ANSWER = "second_answer"
    """TLS at an address that only another resolver gives."""
    SEND_NOTHING = "send_nothing"
    SMALL_HELLO = "small_hello"
    SMALL_REQUEST = "small_request"
    STRICT_CHAIN = "strict_chain"
    WITH_PROXY = "with_proxy"
    WITHOUT_EDNS = "without_edns"
    WITHOUT_HOSTS_FILE = "without_hosts_file"
    WITHOUT_PROXY = "without_proxy"
    WORKING_ADDRESS = "working_address"


class Ending(StrEnum):
    """What ended a run before every host was done with."""

    DEADLINE = "deadline"
    INTERRUPTED = "interrupted"


class Failure(StrEnum):
    """What one step met. OONI's words (spec df-007) where it has one; ours for the proxy start with ``proxy_``."""

    # any step
    TIMEOUT = "generic_timeout_error"
    CONNECTION_RESET = "connection_reset"
    EOF = "eof_error"
    UNKNOWN = "unknown_failure"
    # dns
    DNS_NXDOMAIN = "dns_nxdomain_error"
    DNS_NO_ANSWER = "dns_no_answer"
    DNS_SERVFAIL = "dns_servfail_error"
    DNS_REFUSED = "dns_refused_error"
    DNS_OTHER_RCODE = "dns_server_misbehaving"
    DNS_MALFORMED = "dns_malformed_answer"
    DNS_TCP_BLOCKED = "dns_tcp_fallback_failed"
    """The UDP answer was truncated and the same question over TCP failed."""
    # dns (nobody listens) and tcp
    CONNECTION_REFUSED = "connection_refused"
    HOST_UNREACHABLE = "host_unreachable"
    NETWORK_UNREACHABLE = "network_unreachable"
    ADMIN_PROHIBITED = "icmp_admin_prohibited"
    ADDRESS_UNAVAILABLE = "address_not_available"
    # tls
    SSL_UNKNOWN_AUTHORITY = "ssl_unknown_authority"
    SSL_INVALID_HOSTNAME = "ssl_invalid_hostname"
    SSL_EXPIRED = "ssl_certificate_expired"
    SSL_NOT_YET_VALID = "ssl_certificate_not_yet_valid"
    SSL_INVALID_CERTIFICATE = "ssl_invalid_certificate"
    SSL_ALERT = "ssl_alert_received"
    SSL_VERSION_REFUSED = "ssl_version_refused"
    SSL_NOT_TLS = "ssl_wrong_version_number"
    """The peer answered in plain text."""
    SSL_FAILED_HANDSHAKE = "ssl_failed_handshake"
    # http and websocket
    HTTP_FOREIGN_ANSWER = "http_foreign_answer"
    HTTP_BLOCK_PAGE = "http_block_page"
    HTTP_REDIRECT = "http_foreign_redirect"
    HTTP_SERVICE_ERROR = "http_service_error"
    HTTP_SOURCE_REFUSED = "http_source_refused"
    """The origin itself refuses an object that everybody may read."""
    HTTP_MALFORMED = "http_malformed_response"
    HTTP_TOO_LARGE = "http_response_too_large"
    WEBSOCKET_REFUSED = "websocket_refused"
    WEBSOCKET_UPGRADE_MISSING = "websocket_upgrade_missing"
    WEBSOCKET_CUT = "websocket_cut_when_idle"
    # proxy
    PROXY_AUTH_REQUIRED = "proxy_auth_required"
    PROXY_AUTH_REJECTED = "proxy_auth_rejected"
    PROXY_FORBIDDEN = "proxy_forbidden"
    PROXY_CANNOT_RESOLVE = "proxy_cannot_resolve"
    PROXY_CANNOT_CONNECT = "proxy_cannot_connect"
    PROXY_UPSTREAM_TIMEOUT = "proxy_upstream_timeout"
    PROXY_METHOD_REFUSED = "proxy_method_refused"
    PROXY_NOT_A_PROXY = "proxy_not_a_proxy"
    PROXY_BAD_ANSWER = "proxy_bad_answer"


SOFT = frozenset({Failure.HTTP_SERVICE_ERROR, Failure.HTTP_SOURCE_REFUSED, Failure.WEBSOCKET_CUT})
"""Failures that show a working network path: they warn, and never end the way of a host."""

LIMIT_LIKE = frozenset({Failure.TIMEOUT, Failure.CONNECTION_RESET, Failure.EOF, Failure.CONNECTION_REFUSED})
"""How connections end where there are too many at once, or too many in a while; and for other reasons."""
TUNNEL_REFUSED = frozenset({Failure.PROXY_CANNOT_CONNECT, Failure.PROXY_BAD_ANSWER})
"""How tunnels end there: the proxy answers 503 or 429."""

DENIALS = frozenset({Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER})
"""What a resolver says of a name, or of a kind of address, that does not exist."""


def is_overcome(failed: Failure | None, later: Failure | None) -> bool:
    """Whether a step that failed before no longer does, going by how it ends when it is tried again.

    To a resolver that gave no answer a denial is an answer, and "no address of this kind" takes back "no such name".

    Args:
        failed: how it ended first.
        later: how it ended afterwards.
    """
    if later is None or later in SOFT:
        return True
    if later is Failure.DNS_NO_ANSWER:
        return failed is not Failure.DNS_NO_ANSWER
    return later is Failure.DNS_NXDOMAIN and failed not in DENIALS


CERTIFICATE_FAILURES = frozenset(
    {
        Failure.SSL_UNKNOWN_AUTHORITY,
        Failure.SSL_INVALID_HOSTNAME,
        Failure.SSL_EXPIRED,
        Failure.SSL_NOT_YET_VALID,
        Failure.SSL_INVALID_CERTIFICATE,
    }
)
"""How a handshake ends of which the peer did its part, and whose certificate was not accepted."""


NOT_KEPT = "(not kept)"
"""A name in a certificate of which a run kept no more than the fingerprint and the dates: peers wrote too much."""


class Certificate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One certificate of a peer chain, as text that is safe to print (RFC 4514 names, cut at 200 characters)."""

    subject: str
    issuer: str
    sha256: str
    not_before: str
    not_after: str
    """RFC 3339, UTC."""
    key: str
    """Key type and size: ``RSA 2048``, ``EC secp256r1``."""
    self_signed: bool = False
    names: tuple[str, ...] = ()
    """DNS names of the leaf, at most 20."""


class DnsDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="dns"):
    """One question to one resolver."""

    resolver: str
    """``ADDRESS:PORT`` (IPv6 in brackets), or ``/etc/hosts:LINE``."""
    rrtype: str
    """``A`` or ``AAAA``."""
    transport: str = "udp"
    """``udp``, ``tcp`` or ``file``."""
    asked: str = ""
    """The name in the question, where it is another than the host: the host with a search domain behind it."""
    rcode: str | None = None
    answers: tuple[str, ...] = ()
    cname: tuple[str, ...] = ()
    ttl_seconds: int | None = None
    truncated: bool = False
    attempts: int = 1
    error: str = ""
    left_out: int = 0
    """Addresses of the answer beyond those in ``answers``; they are not tried."""


class TcpDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="tcp"):
    """One connection attempt to one address."""

    port: int
    errno: str = ""
    """The symbolic errno: ``ECONNREFUSED``."""
    icmp_type: int | None = None
    icmp_code: int | None = None
    icmp_from: str | None = None
    """Who sent the ICMP error (Linux IP_RECVERR)."""
    mss: int | None = None
    """The MSS that the experiment asked for (TCP_MAXSEG)."""
    local_address: str = ""
    retransmitted: int = 0
    """Segments of ours that the kernel sent again over the life of the connection, the SYN included, less those that
    the peer said it had (TCP_INFO; Linux)."""


class ProxyDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="proxy"):
    """One CONNECT (or SOCKS5 request) to one proxy. Never holds credentials."""

    proxy: str
    """``http://HOST:PORT``, credentials removed."""
    target: str
    """What was asked for, ``HOST:PORT``."""
    phase: str = "connect"
    """Where it ended: ``dns``, ``tcp``, ``tls`` (to the proxy itself) or ``connect``."""
    addresses: tuple[str, ...] = ()
    """The proxy's addresses that were tried, in this order, where none of them or its TLS answered."""
    bridge: str = ""
    """The bridge of containers on this host whose subnet holds the first of those addresses, where one does: the
    routing table sends what is meant for the proxy there, and it never leaves the host."""
    status: int | None = None
    reason: str = ""
    server: str = ""
    via: str = ""
    error_header: str = ""
    """``X-Squid-Error`` and its kind."""
    authenticate: tuple[str, ...] = ()
    """Schemes of Proxy-Authenticate: ``Basic``, ``Negotiate``, ``NTLM``."""
    authenticated: bool = False
    """Whether credentials were sent."""
    retransmitted: int = 0
    """As :attr:`TcpDetail.retransmitted`, of the connection to the proxy."""
    error: str = ""


class TlsDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="tls"):
    """One handshake over one open connection."""

    sni: str | None
    verify: str = "store"
    """``store`` (the vantage's trust store), ``none`` (lax: the chain is only looked at)."""
    store: str = ""
    """What was trusted: a path, or ``system``."""
    version: str = ""
    cipher: str = ""
    chain: tuple[Certificate, ...] = ()
    """As the peer sent it, leaf first."""
    root_sha256: str = ""
    """The trust anchor that the chain was verified to, where it verified."""
    former_root: str = ""
    """The name of the formerly public root in which the chain ends, where it does."""
    incomplete: bool = False
    """Whether the peer left out an intermediate, which other hosts of this run showed."""
    origin: bool | None = None
    """Whether the chain ends in one of the origin's roots (None: no chain was seen)."""
    strict: bool | None = None
    """Whether a strict X.509 verifier accepts the chain (None: not tried)."""
    strict_error: str = ""
    verify_code: int | None = None
    alert: int | None = None
    """The TLS alert's description byte (RFC 8446 section 6)."""
    reason: str = ""
    """OpenSSL's reason word."""
    bytes_received: int = 0
    """How much the peer sent before it ended: 0 after the ClientHello means that nothing came back at all."""
    unacknowledged_bytes: int | None = None
    """Of what we sent, how much the peer's TCP had not acknowledged when the limit ended the wait: a slow server has
    acknowledged its client's hello all the same (None: not asked, or through a proxy, whose TCP answers for itself)."""
    mss: int | None = None
    error: str = ""


class HttpDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="http"):
    """One request over one open connection (also the WebSocket upgrade)."""

    method: str
    path: str
    origin: bool | None = None
    """Whether TLS said that the origin answered: name and chain verified, and the chain the origin's (None: a report
    that was made before this was recorded)."""
    status: int | None = None
    server: str = ""
    via: str = ""
    location: str = ""
    request_id: str = ""
    """The header that proves the genuine service, ``name: value``."""
    genuine: bool = False
    """Whether the answer bears the mark of the service that was asked."""
    headers: tuple[str, ...] = ()
    """The names of the answer's headers, lower case, sorted, each once; at most 60."""
    values: dict[str, str] = {}
    """The values of the few headers that tell services apart (``x-cache``, ``allow``, the scheme of a challenge)."""
    error_word: str = ""
    """The error that a JSON or XML body names, where it is one plain word: ``AccessDeniedException``."""
    content_type: str = ""
    title: str = ""
    """The <title> of an HTML answer, for people; never matched on."""
    body_sha256: str = ""
    bytes_received: int = 0
    date_skew_seconds: Seconds | None = None
    """The host's clock minus the answer's Date header, half the round trip taken off."""
    upgrade_answered: bool | None = None
    held_seconds: Seconds | None = None
    """How long an idle connection stayed open (``--idle``); of one that is kept busy, how old it became."""
    close_code: int | None = None
    """The code of the close frame that the peer sent (RFC 6455 section 7.4); 1005 where it gave none."""
    error: str = ""


Detail = DnsDetail | TcpDetail | ProxyDetail | TlsDetail | HttpDetail


class Observation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """What one step saw.

    Attributes:
        id: ``o1``, ``o2`` …: unique in a run, and what findings name as evidence.
        vantage: as whom it looked: ``host``, ``ecs-agent`` …
        region: the region of the endpoint that asked for it.
        endpoint: the id of that endpoint; where several share a host, of the first.
        host: the name that was probed.
        port: the port of the service (as the catalog names it).
        address: the address used; None for dns, and where a proxy resolves.
        step: which step.
        started_seconds: since the run began.
        duration_seconds: how long it took; waiting for a free slot is not in it.
        failure: what it met, or None.
        experiment: for a control probe, which one (``other_sni``, ``no_sni``, ``lower_mss`` …), ``repeat`` for the same
            once more; None in the first pass.
        detail: what exactly was seen.
        shared_with: other vantages with equal settings for this host: probed once, it holds for each of them.
        attempt: which try of an experiment it belongs to, from 1; 0 in the first pass.
        limit_seconds: the limit that ended the step, where one did.
    """

    id: str
    vantage: str
    region: str
    endpoint: str
    host: str
    port: int
    address: str | None
    step: Step
    started_seconds: Seconds
    duration_seconds: Seconds
    failure: Failure | None
    detail: Detail
    experiment: str | None = None
    shared_with: tuple[str, ...] = ()
    attempt: int = 0
    limit_seconds: Seconds | None = None


def gets_past(failed: Observation, end: Observation) -> bool:
    """Whether a try ended further on than a failure, so that the failure itself was only chance, or slowness.

    Of a handshake that was cut or stayed silent, one that shows a certificate got past it, whatever that is worth.

    Args:
        failed: the failure.
        end: where a later try of the same ended.
    """
    return _how_far(end) > _how_far(failed)


def falls_short(failed: Observation, end: Observation) -> bool:
    """Whether a try ended before it came to what failed, and so says nothing of it.

    Args:
        failed: the failure.
        end: where a later try of the same ended.
    """
    return end.failure is not None and _how_far(end) < _how_far(failed)


def _how_far(o: Observation) -> tuple[int, bool]:
    return _ORDER[o.step], o.step is Step.TLS and (o.failure is None or o.failure in CERTIFICATE_FAILURES)


_ORDER = {step: number for number, step in enumerate(Step)}


def age_when_cut(cut: Observation, rest: float | None) -> float:
    """How old an idle connection had become when its cut was noticed, in seconds, without the wait for an answer.

    Args:
        cut: the observation of it.
        rest: how long it was to rest (``--idle``), or None where a report does not say.
    """
    held = cut.detail.held_seconds if isinstance(cut.detail, HttpDetail) else None
    return min((age for age in (held, rest) if age is not None), default=0.0)


class Lint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something wrong with a vantage's settings, noticed while they were read; diagnosis makes a finding of it.

    Attributes:
        id: the finding: ``proxy_only_http_set``, ``no_proxy_not_understood``, ``proxy_needs_restart`` …
        value: the token or value that matters, credentials removed.
        file: where it stands, or the unit or process that holds it.
        line: the line, where there is one.
        other: what it is held against (the other file, the other spelling), credentials removed.
    """

    id: str
    value: str
    file: str = ""
    line: int | None = None
    other: str = ""


class VantageRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As whom a run looked, as far as a report may say it. Holds no secret."""

    name: str
    resolvers: tuple[str, ...] = ()
    """In the order in which a stub resolver asks them, ``ADDRESS:PORT``."""
    proxy: str | None = None
    """``http://HOST:PORT``, credentials removed; None where the vantage connects directly."""
    no_proxy: tuple[str, ...] = ()
    exempt: dict[str, str] = {}
    """Host → the token of NO_PROXY that keeps it from the proxy, of the hosts that this run probed."""
    store: str = "system"
    """Path of the trust store, or ``system``."""
    families: tuple[int, ...] = (4, 6)
    sources: dict[str, str] = {}
    """Where each setting came from: ``{"proxy": "/etc/ecs/ecs.config:3"}``; of each resolver by itself
    ``{"resolver 192.0.2.53:53": "/etc/resolv.conf:2"}``, without a line where no file names it."""
    lints: tuple[Lint, ...] = ()
    """What is wrong with the settings themselves, whatever the network does."""
    answers_for: tuple[str, ...] | None = None
    """The programs whose endpoints it was held to; None for every endpoint."""
    looked: bool = True
    """Whether any endpoint of the run was its business."""


class Subject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An endpoint as one run took it up: what the catalog says, and which hosts stood for it."""

    id: str
    region: str
    group: str
    pattern: str
    port: int
    required: bool
    used_by: tuple[str, ...]
    purpose: str = ""
    numbered: bool = False
    stands_in_for: str | None = None
    placeholder_account: bool = False
    candidates: tuple[str, ...] = ()
    """Names that were asked for: one for an exact endpoint, ``ecs-a-1 …`` for a numbered one."""
    absent: tuple[str, ...] = ()
    """Numbered candidates that do not exist (or cannot be told apart from names that cannot exist, where the resolver
    answers for everything). Their DNS observations are left out: AWS picks the number, an absent one is no fault."""
    unfinished: tuple[str, ...] = ()
    """Hosts whose chain the deadline or the user cut short: what was not seen of them is no pass."""
    unused: str = ""
    """Why nobody was held to it: no program that uses it was looked as."""
    not_run: str = ""
    """Why nothing could be probed (``deadline``, ``interrupted``, ``no host is known``), or nothing."""
    entry: str = ""
    """The catalog entry that it was made of; the id unless given (reports before schema 1.1 do not say)."""
    upgrade: bool = False
    """Whether a probe sends a WebSocket upgrade there."""

    def __post_init__(self) -> None:
        """An endpoint that was made of no entry is its own."""
        if not self.entry:
            msgspec.structs.force_setattr(self, "entry", self.id)


class Stall(msgspec.Struct, frozen=True, kw_only=True):
    """A while in which this machine kept the run waiting: one of its own timers fired so much late.

    Attributes:
        started_seconds: since the run began.
        duration_seconds: how late the timer was.
    """

    started_seconds: Seconds
    duration_seconds: Seconds


class Context(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What diagnosis must know of a run beyond its observations."""

    vantages: tuple[VantageRecord, ...] = ()
    lab: str | None = None
    """The lab's scenario; loopback addresses are ordinary there."""
    origin_ca: bool = False
    """Whether the origin's roots were given (``--origin-ca``): 198.18/15 and 2001:db8::/32 are ordinary then."""
    expect: dict[str, str] = {}
    """Group → ``private`` or ``public`` (``--expect``)."""
    own_hosts: tuple[str, ...] = ()
    """The numbered names that AWS gave this host at its last discovery, where its agent's log tells."""
    families: tuple[int, ...] = (4, 6)
    timeout_seconds: Seconds = 0.0
    """The limit of every step, where ``--timeout`` gave one; else ``limits`` and ``patience_seconds`` held."""
    limits: dict[str, Seconds] = {}
    """Step → seconds that the first pass waited for it, as the run's own answers had set it by its end. What a limit
    ended has its own in :attr:`Observation.limit_seconds`."""
    patience_seconds: Seconds = 0.0
    """Seconds for a step that was silent in the first pass, when it was repeated."""
    deadline_seconds: Seconds = 0.0
    deadline_reached: bool = False
    interrupted: bool = False
    repeated: bool = False
    """Whether failures were tried again, unchanged; not in reports of versions before that, nor without experiments."""
    idle_seconds: Seconds | None = None
    stalls: tuple[Stall, ...] = ()
    """When this machine kept the run waiting: what was late then says nothing of the network."""


class CatalogVersion(msgspec.Struct, frozen=True, kw_only=True):
    """Which facts a run stood on."""

    version: str
    digest: str
    age_days: int | None = None
    """How old the facts were on the day of the run, in a report."""
    imported: str = ""
    """Of which file, when and signed by whom, where they did not ship with that netprobe."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run, before anything is concluded from it."""

    netprobe_version: str
    catalog: CatalogVersion
    started_at: str
    """RFC 3339, UTC."""
    duration_seconds: Seconds
    regions: tuple[str, ...]
    context: Context
    subjects: tuple[Subject, ...]
    observations: tuple[Observation, ...]
    notes: tuple[str, ...] = ()
