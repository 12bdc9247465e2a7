"""How one host or resolver of the lab behaves: data only, so that a scenario is a declaration.

A fault is never a special server. It is the ordinary server with one property changed, and every property belongs to
one layer: what the kernel does with a SYN, what becomes of the ClientHello, which certificate is shown, what is
answered over HTTP. So faults can be combined, and each layer can be tested alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class DnsMode(StrEnum):
    """What a resolver says about a name that exists."""

    ANSWER = "answer"
    NXDOMAIN = "nxdomain"
    NODATA = "nodata"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    SILENCE = "silence"
    TRUNCATE = "truncate"
    """Over UDP an empty answer with the TC bit (RFC 2181 section 9); over TCP the real one."""
    SINKHOLE = "sinkhole"
    """0.0.0.0 and ``::``, as DNS filters answer for names that they forbid."""
    ELSEWHERE = "elsewhere"
    """The addresses of another name: a resolver that redirects."""


class DnsTcp(StrEnum):
    """What a resolver does on TCP."""

    ANSWER = "answer"
    REFUSE = "refuse"
    DROP = "drop"


class TcpMode(StrEnum):
    """What becomes of a SYN."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    DROP = "drop"
    RESET = "reset"
    """The connection opens and is reset before the client has sent a byte."""


class TlsMode(StrEnum):
    """What becomes of the ClientHello."""

    COMPLETE = "complete"
    RESET = "reset"
    CLOSE = "close"
    STALL = "stall"
    ALERT = "alert"
    OLD = "old"
    """Only TLS 1.0 is spoken."""
    PLAINTEXT = "plaintext"
    """The answer is HTTP in the clear."""
    LARGE_STALL = "large-stall"
    """A ClientHello that does not fit into one packet of Ethernet's size is never answered."""
    PATH_MTU = "path-mtu"
    """Flights that are larger than 1,300 bytes get lost, unless the client asked for smaller segments (MSS)."""


class ShownChain(StrEnum):
    """Which certificate is shown."""

    GENUINE = "genuine"
    INTERCEPTED = "intercepted"
    """For the right name, from the lab's inspection CA."""
    INTERCEPTED_NONCONFORMING = "intercepted-nonconforming"
    """The same, without the key identifiers that RFC 5280 section 4.2.1.1 wants (as Squid mints them)."""
    SELF_SIGNED = "self-signed"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_NAME = "wrong-name"
    WRONG_AWS_NAME = "wrong-aws-name"
    """For a name under amazon.com, from the genuine CA, as AWS itself once showed it."""
    INCOMPLETE = "incomplete"
    """The genuine leaf without the intermediate that issued it."""


class HttpMode(StrEnum):
    """What is answered over HTTP."""

    GENUINE = "genuine"
    BLOCK_PAGE = "block-page"
    CAPTIVE_PORTAL = "captive-portal"
    FOREIGN = "foreign"
    SERVICE_ERROR = "service-error"
    STALL = "stall"
    CUT = "cut"
    """The request is taken and the connection ends, before an answer."""
    STRIP_UPGRADE = "strip-upgrade"
    """The request reaches the service without its ``Upgrade`` and ``Connection`` headers."""
    REFUSE_UPGRADE = "refuse-upgrade"
    """A page of somebody else's answers upgrades; plain requests reach the service."""
    GRANT_UPGRADE = "grant-upgrade"
    """A WebSocket is opened and kept silent, as the genuine service opens it for a signed request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBehaviour:
    """How a host behaves at one address.

    Attributes:
        tcp: what becomes of a SYN.
        tls: what becomes of the ClientHello.
        tls_by_name: ``tls`` happens only to a ClientHello that names this host (a device that reads the SNI).
        alert: the description byte that ``TlsMode.ALERT`` sends (RFC 8446 section 6).
        chain: which certificate is shown.
        http: what is answered over HTTP.
        odd: the name of an odd answer (:mod:`netprobe.lab.odd`) that takes the place of some, or nothing.
        delay_seconds: how long each flight is held back.
        signing_seconds: how long a peer that makes its certificates itself is busy with a name that it hears for the
            first time; afterwards it has the certificate. It makes one at a time, for all hosts of the lab.
        forgets: it makes the certificate anew for every connection.
        date_offset_seconds: added to the Date header.
        validity_offset_seconds: added to both ends of the certificates' validity.
    """

    tcp: TcpMode = TcpMode.ACCEPT
    tls: TlsMode = TlsMode.COMPLETE
    tls_by_name: bool = False
    alert: int = 40
    chain: ShownChain = ShownChain.GENUINE
    http: HttpMode = HttpMode.GENUINE
    odd: str = ""
    delay_seconds: float = 0.0
    signing_seconds: float = 0.0
    forgets: bool = False
    date_offset_seconds: float = 0.0
    validity_offset_seconds: float = 0.0


class Edns(StrEnum):
    """What a resolver does with a question that carries an OPT record (RFC 6891)."""

    ANSWER = "answer"
    DROP = "drop"
    FORMERR = "formerr"
    SERVFAIL = "servfail"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverBehaviour:
    """How one resolver behaves.

    Attributes:
        mode: what it says about the names that ``only`` selects.
        only: ids of endpoints; empty for every name.
        tcp: what it does on TCP.
        listens: whether anything listens at its address at all (UDP then meets ICMP port unreachable).
        wildcard: whether names that do not exist get the address of a search page.
        delay_seconds: how long each answer is held back.
        edns: what it does with questions that carry EDNS.
        captures: a domain of which every name has the address of the search page (a wildcard record), or nothing.
        every: of the questions for one name and type only each so manyeth meets ``mode``, beginning with the first.
        rotates: whether each answer holds one address of a name, the last one first, and the next answer another.
    """

    mode: DnsMode = DnsMode.ANSWER
    only: tuple[str, ...] = field(default=())
    tcp: DnsTcp = DnsTcp.ANSWER
    listens: bool = True
    wildcard: bool = False
    delay_seconds: float = 0.0
    edns: Edns = Edns.ANSWER
    captures: str = ""
    every: int = 1
    rotates: bool = False


class ProxyMode(StrEnum):
    """What a proxy answers to a CONNECT."""

    TUNNEL = "tunnel"
    FORBID = "forbid"
    CANNOT_RESOLVE = "cannot-resolve"
    CANNOT_CONNECT = "cannot-connect"
    UPSTREAM_TIMEOUT = "upstream-timeout"
    NO_CONNECT = "no-connect"
    """The method is not allowed (405)."""
    SILENT = "silent"
    """The connection is taken, and CONNECT never answered."""
    WEB_SERVER = "web-server"
    """An ordinary web server: not found, and no header of a proxy."""


SCHEMES = ("http", "https", "socks5")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyBehaviour:
    """How the lab's proxy behaves, and what the lab's host is told of it.

    Attributes:
        mode: what it answers to a CONNECT for the names that ``only`` selects; for all others it opens the tunnel.
        only: ids of endpoints; empty for every name.
        tcp: what becomes of a SYN to its port.
        speaks: the schemes that it understands.
        chain: which certificate it shows where it is spoken to over TLS.
        wants: user and password that it asks for, or None.
        idle_seconds: after how long a tunnel without traffic is closed; None for never.
        through: how every host behaves that is reached through it (it then answers in their place); None for as they
            really do.
        named: whether its name resolves.
        scheme: of the setting.
        given: user and password in the setting, or None.
        exempts: a token of NO_PROXY in the setting that keeps every name from it, or nothing.
        forgotten_by: a program of the host without the setting, or nothing.
    """

    mode: ProxyMode = ProxyMode.TUNNEL
    only: tuple[str, ...] = ()
    tcp: TcpMode = TcpMode.ACCEPT
    speaks: tuple[str, ...] = SCHEMES
    chain: ShownChain = ShownChain.GENUINE
    wants: tuple[str, str] | None = None
    idle_seconds: float | None = None
    through: HostBehaviour | None = None
    named: bool = True
    scheme: str = "http"
    given: tuple[str, str] | None = None
    exempts: str = ""
    forgotten_by: str = ""
