"""The one place that turns what an operating system, OpenSSL or a server said into a failure word.

It decides on types, errno, OpenSSL's verify code and reason word, the alert byte, the DNS rcode, the ICMP type and
code, an HTTP status; never on message text, which differs between versions and languages. What it does not know
stays ``unknown_failure``, with the evidence in the observation's detail.

Sources: RFC 792 and RFC 4443 (ICMP), RFC 1812 section 5.2.7.1 (codes 9, 10, 13), RFC 8446 section 6 (alerts),
RFC 1035 and RFC 6895 (rcodes), OpenSSL's ``x509_vfy.h`` (verify codes), Linux ``net/ipv4/icmp.c`` and
``net/ipv6/icmp.c`` (which errno an ICMP error becomes), RFC 9110 and Squid's error names (proxies).
"""

from __future__ import annotations

import errno
import ssl

import trio

from netprobe.observations import Failure

_ERRNO = {
    errno.ECONNREFUSED: Failure.CONNECTION_REFUSED,
    errno.ECONNRESET: Failure.CONNECTION_RESET,
    errno.ECONNABORTED: Failure.CONNECTION_RESET,
    errno.EPIPE: Failure.CONNECTION_RESET,
    errno.ETIMEDOUT: Failure.TIMEOUT,
    errno.EHOSTUNREACH: Failure.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Failure.HOST_UNREACHABLE,
    errno.ENOPROTOOPT: Failure.HOST_UNREACHABLE,  # ICMP: protocol unreachable
    errno.ENETUNREACH: Failure.NETWORK_UNREACHABLE,
    errno.ENETDOWN: Failure.NETWORK_UNREACHABLE,
    errno.EACCES: Failure.ADMIN_PROHIBITED,  # ICMPv6 prohibited and policy codes, and a local "prohibit" route
    errno.EPERM: Failure.ADMIN_PROHIBITED,  # this host's own packet filter
    errno.EADDRNOTAVAIL: Failure.ADDRESS_UNAVAILABLE,
    errno.EAFNOSUPPORT: Failure.ADDRESS_UNAVAILABLE,
}
_PROHIBITED = {4: {(3, 9), (3, 10), (3, 13)}, 6: {(1, 1), (1, 5), (1, 6)}}


def of_os_error(error: OSError) -> Failure:
    """Judge an errno."""
    return _ERRNO.get(error.errno, Failure.UNKNOWN) if error.errno is not None else Failure.UNKNOWN


def errno_name(error: OSError) -> str:
    """The symbolic errno, ``ECONNREFUSED``, or nothing where the error has none."""
    return errno.errorcode.get(error.errno, str(error.errno)) if error.errno is not None else ""


def of_icmp(family: int, icmp_type: int, icmp_code: int) -> Failure | None:
    """Judge an ICMP error that connect() reports too coarsely; None where the errno says it well."""
    return Failure.ADMIN_PROHIBITED if (icmp_type, icmp_code) in _PROHIBITED[family] else None


_RCODES = {
    0: None,
    2: Failure.DNS_SERVFAIL,
    3: Failure.DNS_NXDOMAIN,
    5: Failure.DNS_REFUSED,
}


def of_rcode(rcode: int) -> Failure | None:
    """Judge a DNS response code; None for NOERROR."""
    return _RCODES.get(rcode, Failure.DNS_OTHER_RCODE)


_VERIFY_CODES = {
    2: Failure.SSL_UNKNOWN_AUTHORITY,  # unable to get issuer certificate
    18: Failure.SSL_UNKNOWN_AUTHORITY,  # self-signed leaf
    19: Failure.SSL_UNKNOWN_AUTHORITY,  # self-signed certificate in the chain
    20: Failure.SSL_UNKNOWN_AUTHORITY,  # unable to get local issuer certificate
    21: Failure.SSL_UNKNOWN_AUTHORITY,  # unable to verify the first certificate
    27: Failure.SSL_UNKNOWN_AUTHORITY,  # root not trusted for this purpose
    9: Failure.SSL_NOT_YET_VALID,
    10: Failure.SSL_EXPIRED,
    62: Failure.SSL_INVALID_HOSTNAME,
    64: Failure.SSL_INVALID_HOSTNAME,  # address mismatch
}
_VERSION_REASONS = frozenset(
    {"UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW", "INAPPROPRIATE_FALLBACK"}
)
_PLAINTEXT_REASONS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST"})
_EOF_REASONS = frozenset({"UNEXPECTED_EOF_WHILE_READING"})
PROTOCOL_VERSION = 70
ALERT_REASONS = {
    "SSLV3_ALERT_UNEXPECTED_MESSAGE": 10,
    "SSLV3_ALERT_BAD_RECORD_MAC": 20,
    "TLSV1_ALERT_RECORD_OVERFLOW": 22,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": 40,
    "SSLV3_ALERT_BAD_CERTIFICATE": 42,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": 43,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": 44,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": 45,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": 46,
    "SSLV3_ALERT_ILLEGAL_PARAMETER": 47,
    "TLSV1_ALERT_UNKNOWN_CA": 48,
    "TLSV1_ALERT_ACCESS_DENIED": 49,
    "TLSV1_ALERT_DECODE_ERROR": 50,
    "TLSV1_ALERT_DECRYPT_ERROR": 51,
    "TLSV1_ALERT_PROTOCOL_VERSION": PROTOCOL_VERSION,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": 71,
    "TLSV1_ALERT_INTERNAL_ERROR": 80,
    "TLSV1_ALERT_INAPPROPRIATE_FALLBACK": 86,
    "TLSV1_ALERT_USER_CANCELLED": 90,
    "TLSV1_ALERT_NO_RENEGOTIATION": 100,
    "TLSV13_ALERT_MISSING_EXTENSION": 109,
    "TLSV1_UNSUPPORTED_EXTENSION": 110,
    "TLSV1_UNRECOGNIZED_NAME": 112,
    "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE": 113,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": 116,
    "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": 120,
}
"""OpenSSL's word for an alert that it received → the alert's description byte."""


def alert_of(error: ssl.SSLError, seen: int | None) -> int | None:
    """The alert that the peer sent: the byte that was seen in the clear, else what OpenSSL decrypted."""
    return seen if seen is not None else ALERT_REASONS.get(error.reason or "")


def of_ssl_error(error: ssl.SSLError, *, alert: int | None = None, plaintext: bool | None = None) -> Failure:
    """Judge a failed handshake.

    Args:
        error: what OpenSSL raised.
        alert: the alert byte that was seen in the clear, if one was.
        plaintext: whether the peer's first bytes were no TLS record (None: nothing was received).
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY_CODES.get(error.verify_code, Failure.SSL_INVALID_CERTIFICATE)
    reason = error.reason or ""
    if plaintext or (plaintext is None and reason in _PLAINTEXT_REASONS):
        return Failure.SSL_NOT_TLS
    alert = alert_of(error, alert)
    if reason in _VERSION_REASONS or alert == PROTOCOL_VERSION:
        return Failure.SSL_VERSION_REFUSED
    if alert is not None:
        return Failure.SSL_ALERT
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) or reason in _EOF_REASONS:
        return Failure.EOF
    return Failure.SSL_FAILED_HANDSHAKE


def of_stream_error(error: BaseException) -> Failure:
    """Judge what ended reading from or writing to an open stream, by the first cause that is known."""
    seen: BaseException | None = error
    for _ in range(8):  # a chain of causes has no cycle, but a bound costs nothing
        if seen is None:
            break
        if isinstance(seen, ssl.SSLError):
            return of_ssl_error(seen, plaintext=False)
        if isinstance(seen, OSError):
            return of_os_error(seen)
        seen = seen.__cause__ or seen.__context__
    return Failure.CONNECTION_RESET if isinstance(error, trio.BrokenResourceError) else Failure.UNKNOWN


_SQUID = {
    "ERR_DNS_FAIL": Failure.PROXY_CANNOT_RESOLVE,
    # Squid 5.7 says so of a name without addresses (seen); of a dead parent too, which a CONNECT to an address tells.
    "ERR_CANNOT_FORWARD": Failure.PROXY_CANNOT_RESOLVE,
    "ERR_ACCESS_DENIED": Failure.PROXY_FORBIDDEN,
    "ERR_CACHE_ACCESS_DENIED": Failure.PROXY_AUTH_REQUIRED,
    "ERR_CONNECT_FAIL": Failure.PROXY_CANNOT_CONNECT,
    "ERR_READ_TIMEOUT": Failure.PROXY_UPSTREAM_TIMEOUT,
    "ERR_UNSUP_REQ": Failure.PROXY_METHOD_REFUSED,
}
_ETIMEDOUT = "110"
_OF_A_WEB_SERVER = frozenset({400, 404, 405})


def of_connect_status(status: int, squid_error: str, *, authenticated: bool, is_proxy: bool = True) -> Failure | None:
    """Judge a proxy's answer to CONNECT; None where the tunnel is open.

    Args:
        status: the HTTP status.
        squid_error: the value of ``X-Squid-Error`` (``ERR_CONNECT_FAIL 110``), or nothing.
        authenticated: whether credentials were sent.
        is_proxy: whether a header shows that a proxy answered; without one, "bad request", "not found" and "method
            not allowed" are what a web server makes of CONNECT (nginx 1.22 and Apache: seen).
    """
    if 200 <= status < 300:
        return None
    if status == 407:
        return Failure.PROXY_AUTH_REJECTED if authenticated else Failure.PROXY_AUTH_REQUIRED
    name, _, code = squid_error.partition(" ")
    if name == "ERR_CONNECT_FAIL" and code.strip() == _ETIMEDOUT:
        return Failure.PROXY_UPSTREAM_TIMEOUT
    if name in _SQUID:
        return _SQUID[name]
    if status in _OF_A_WEB_SERVER and not is_proxy:
        return Failure.PROXY_NOT_A_PROXY
    by_status = {
        403: Failure.PROXY_FORBIDDEN,
        451: Failure.PROXY_FORBIDDEN,
        405: Failure.PROXY_METHOD_REFUSED,
        501: Failure.PROXY_METHOD_REFUSED,
        500: Failure.PROXY_CANNOT_CONNECT,
        502: Failure.PROXY_CANNOT_CONNECT,
        503: Failure.PROXY_CANNOT_CONNECT,
        504: Failure.PROXY_UPSTREAM_TIMEOUT,
    }
    return by_status.get(status, Failure.PROXY_BAD_ANSWER)


_SOCKS_REPLIES = {
    1: Failure.PROXY_CANNOT_CONNECT,  # general failure
    2: Failure.PROXY_FORBIDDEN,
    3: Failure.PROXY_CANNOT_CONNECT,  # network unreachable
    4: Failure.PROXY_CANNOT_CONNECT,  # host unreachable: also what many servers say of a name they cannot resolve
    5: Failure.PROXY_CANNOT_CONNECT,  # refused
    6: Failure.PROXY_UPSTREAM_TIMEOUT,
    7: Failure.PROXY_METHOD_REFUSED,
    8: Failure.PROXY_METHOD_REFUSED,
}


def of_socks_reply(reply: int) -> Failure | None:
    """Judge the reply byte of RFC 1928 section 6; None for success."""
    return None if reply == 0 else _SOCKS_REPLIES.get(reply, Failure.PROXY_BAD_ANSWER)
