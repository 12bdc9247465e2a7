"""The classifier, as a table: every errno, verify code, alert, rcode, ICMP code and status that it knows."""

from __future__ import annotations

import errno
import ssl

import pytest
import trio

from netprobe.observations import Failure
from netprobe.probes import classify


@pytest.mark.parametrize(
    ("number", "failure"),
    [
        (errno.ECONNREFUSED, Failure.CONNECTION_REFUSED),
        (errno.ECONNRESET, Failure.CONNECTION_RESET),
        (errno.EPIPE, Failure.CONNECTION_RESET),
        (errno.ETIMEDOUT, Failure.TIMEOUT),
        (errno.EHOSTUNREACH, Failure.HOST_UNREACHABLE),
        (errno.ENETUNREACH, Failure.NETWORK_UNREACHABLE),
        (errno.EACCES, Failure.ADMIN_PROHIBITED),
        (errno.EPERM, Failure.ADMIN_PROHIBITED),
        (errno.EADDRNOTAVAIL, Failure.ADDRESS_UNAVAILABLE),
        (errno.EMFILE, Failure.UNKNOWN),
        (None, Failure.UNKNOWN),
    ],
)
def test_errno(number: int | None, failure: Failure) -> None:
    error = OSError() if number is None else OSError(number, "the text does not matter")
    assert classify.of_os_error(error) is failure


@pytest.mark.parametrize(
    ("family", "kind", "code", "failure"),
    [
        (4, 3, 9, Failure.ADMIN_PROHIBITED),
        (4, 3, 10, Failure.ADMIN_PROHIBITED),
        (4, 3, 13, Failure.ADMIN_PROHIBITED),
        (4, 3, 1, None),
        (4, 3, 3, None),
        (4, 11, 0, None),
        (6, 1, 1, Failure.ADMIN_PROHIBITED),
        (6, 1, 0, None),
    ],
)
def test_icmp(family: int, kind: int, code: int, failure: Failure | None) -> None:
    assert classify.of_icmp(family, kind, code) is failure


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (18, Failure.SSL_UNKNOWN_AUTHORITY),
        (19, Failure.SSL_UNKNOWN_AUTHORITY),
        (20, Failure.SSL_UNKNOWN_AUTHORITY),
        (21, Failure.SSL_UNKNOWN_AUTHORITY),
        (9, Failure.SSL_NOT_YET_VALID),
        (10, Failure.SSL_EXPIRED),
        (62, Failure.SSL_INVALID_HOSTNAME),
        (66, Failure.SSL_INVALID_CERTIFICATE),
    ],
)
def test_verify_code(code: int, failure: Failure) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_code = code
    assert classify.of_ssl_error(error) is failure


def _ssl_error(reason: str, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(1, "the text does not matter")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("reason", "alert", "plaintext", "failure"),
    [
        ("TLSV1_UNRECOGNIZED_NAME", None, False, Failure.SSL_ALERT),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", 40, False, Failure.SSL_ALERT),
        ("TLSV1_ALERT_PROTOCOL_VERSION", 70, False, Failure.SSL_VERSION_REFUSED),
        ("SOMETHING_NEW", 70, False, Failure.SSL_VERSION_REFUSED),
        ("UNSUPPORTED_PROTOCOL", None, False, Failure.SSL_VERSION_REFUSED),
        ("WRONG_VERSION_NUMBER", None, True, Failure.SSL_NOT_TLS),
        ("RECORD_LAYER_FAILURE", None, True, Failure.SSL_NOT_TLS),
        ("WRONG_VERSION_NUMBER", None, False, Failure.SSL_FAILED_HANDSHAKE),
        ("WRONG_VERSION_NUMBER", None, None, Failure.SSL_NOT_TLS),
        ("UNEXPECTED_EOF_WHILE_READING", None, None, Failure.EOF),
        ("SOMETHING_NEW", None, False, Failure.SSL_FAILED_HANDSHAKE),
    ],
)
def test_ssl_reason(reason: str, alert: int | None, plaintext: bool | None, failure: Failure) -> None:
    assert classify.of_ssl_error(_ssl_error(reason), alert=alert, plaintext=plaintext) is failure


def test_every_openssl_alert_word_has_its_byte() -> None:
    # RFC 8446 section 6 and RFC 5246 section 7.2: the bytes of some alerts, to hold the table against.
    known = {"HANDSHAKE_FAILURE": 40, "UNKNOWN_CA": 48, "PROTOCOL_VERSION": 70, "UNRECOGNIZED_NAME": 112}
    for word, byte in known.items():
        found = {value for name, value in classify.ALERT_REASONS.items() if name.endswith(word)}
        assert found == {byte}


@pytest.mark.parametrize(
    ("rcode", "failure"),
    [
        (0, None),
        (2, Failure.DNS_SERVFAIL),
        (3, Failure.DNS_NXDOMAIN),
        (5, Failure.DNS_REFUSED),
        (4, Failure.DNS_OTHER_RCODE),
        (23, Failure.DNS_OTHER_RCODE),
    ],
)
def test_rcode(rcode: int, failure: Failure | None) -> None:
    assert classify.of_rcode(rcode) is failure


def test_a_broken_stream_is_judged_by_its_cause() -> None:
    error = trio.BrokenResourceError()
    error.__cause__ = OSError(errno.ECONNRESET, "x")
    assert classify.of_stream_error(error) is Failure.CONNECTION_RESET
    error.__cause__ = _ssl_error("TLSV1_ALERT_ACCESS_DENIED")
    assert classify.of_stream_error(error) is Failure.SSL_ALERT
    assert classify.of_stream_error(trio.BrokenResourceError()) is Failure.CONNECTION_RESET
    assert classify.of_stream_error(RuntimeError()) is Failure.UNKNOWN


@pytest.mark.parametrize(
    ("status", "squid", "authenticated", "failure"),
    [
        (200, "", False, None),
        (407, "ERR_CACHE_ACCESS_DENIED 0", False, Failure.PROXY_AUTH_REQUIRED),
        (407, "", True, Failure.PROXY_AUTH_REJECTED),
        (403, "ERR_ACCESS_DENIED 0", False, Failure.PROXY_FORBIDDEN),
        (451, "", False, Failure.PROXY_FORBIDDEN),
        (503, "ERR_DNS_FAIL 0", False, Failure.PROXY_CANNOT_RESOLVE),
        (503, "ERR_CONNECT_FAIL 111", False, Failure.PROXY_CANNOT_CONNECT),
        (503, "ERR_CONNECT_FAIL 110", False, Failure.PROXY_UPSTREAM_TIMEOUT),
        (500, "ERR_CANNOT_FORWARD 0", False, Failure.PROXY_CANNOT_RESOLVE),
        (502, "", False, Failure.PROXY_CANNOT_CONNECT),
        (504, "", False, Failure.PROXY_UPSTREAM_TIMEOUT),
        (405, "", False, Failure.PROXY_METHOD_REFUSED),
        (302, "", False, Failure.PROXY_BAD_ANSWER),
        (400, "", False, Failure.PROXY_BAD_ANSWER),
    ],
)
def test_connect_status(status: int, squid: str, authenticated: bool, failure: Failure | None) -> None:
    assert classify.of_connect_status(status, squid, authenticated=authenticated) is failure


def test_a_web_server_that_is_asked_for_a_tunnel_is_no_proxy() -> None:
    for status in (400, 404, 405):
        judged = classify.of_connect_status(status, "", authenticated=False, is_proxy=False)
        assert judged is Failure.PROXY_NOT_A_PROXY


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (0, None),
        (2, Failure.PROXY_FORBIDDEN),
        (4, Failure.PROXY_CANNOT_CONNECT),
        (6, Failure.PROXY_UPSTREAM_TIMEOUT),
        (7, Failure.PROXY_METHOD_REFUSED),
        (99, Failure.PROXY_BAD_ANSWER),
    ],
)
def test_socks_reply(reply: int, failure: Failure | None) -> None:
    assert classify.of_socks_reply(reply) is failure
