"""What each failure word says, and which findings it can lead to: the words of a step, not yet a conclusion.

OONI's words (data format df-007) are used where it has one. One word can have several causes; that is why findings
exist, and why the step always stands beside the word.
"""

from __future__ import annotations

from netprobe.observations import Failure

GLOSSARY: dict[Failure, tuple[str, tuple[str, ...]]] = {
    Failure.TIMEOUT: (
        "Nothing came back within the limit. What that means depends on the step, so it is never a finding by itself.",
        (
            "dns_timeout",
            "tcp_dropped",
            "tls_dropped_after_hello",
            "tls_sni_blocked",
            "tls_path_mtu",
            "http_stalled",
            "proxy_timeout",
        ),
    ),
    Failure.CONNECTION_RESET: (
        "The peer, or a device in its name, sent a TCP reset.",
        ("tcp_reset", "tls_reset_after_hello", "tls_sni_blocked", "http_cut", "proxy_not_a_proxy"),
    ),
    Failure.EOF: (
        "The connection was closed in an orderly way before the step was done.",
        ("tls_closed_after_hello", "tls_sni_blocked", "http_cut", "proxy_not_a_proxy"),
    ),
    Failure.UNKNOWN: ("The classifier does not know what it saw; the raw error is kept.", ("unexplained_failure",)),
    Failure.DNS_NXDOMAIN: ("The resolver says that there is no such name (rcode 3).", ("dns_name_missing",)),
    Failure.DNS_NO_ANSWER: ("The name exists without an address of the type asked for (NODATA).", ("dns_no_address",)),
    Failure.DNS_SERVFAIL: ("The resolver could not find an answer (rcode 2).", ("dns_server_failure",)),
    Failure.DNS_REFUSED: ("The resolver will not answer this client (rcode 5).", ("dns_refused",)),
    Failure.DNS_OTHER_RCODE: ("The resolver answered with another error code.", ("dns_server_failure",)),
    Failure.DNS_MALFORMED: ("What came back is no DNS answer to the question.", ("dns_server_failure",)),
    Failure.DNS_TCP_BLOCKED: (
        "The answer over UDP was truncated, and the same question over TCP failed.",
        ("dns_tcp_blocked",),
    ),
    Failure.CONNECTION_REFUSED: (
        "A TCP reset, or an ICMP port unreachable, answered the first packet.",
        ("tcp_refused", "dns_unreachable", "proxy_refused"),
    ),
    Failure.HOST_UNREACHABLE: (
        "No route to that host, by a router's word or this kernel's.",
        ("tcp_unreachable", "dns_unreachable", "proxy_unreachable"),
    ),
    Failure.NETWORK_UNREACHABLE: (
        "No route to that network, usually no default route for the address family.",
        ("tcp_unreachable", "ipv6_broken", "dns_unreachable", "proxy_unreachable"),
    ),
    Failure.ADMIN_PROHIBITED: (
        "A device answered with ICMP: communication administratively prohibited.",
        ("tcp_prohibited", "dns_unreachable", "proxy_unreachable"),
    ),
    Failure.ADDRESS_UNAVAILABLE: ("This host has no source address for that destination.", ("tcp_unreachable",)),
    Failure.SSL_UNKNOWN_AUTHORITY: (
        "The chain ends in a CA that the trust store does not hold.",
        ("tls_intercepted", "tls_untrusted_store", "proxy_tls_untrusted"),
    ),
    Failure.SSL_INVALID_HOSTNAME: ("The certificate is for other names.", ("tls_wrong_name",)),
    Failure.SSL_EXPIRED: (
        "The certificate's end lies in the past, by this host's clock.",
        ("tls_expired", "clock_skew"),
    ),
    Failure.SSL_NOT_YET_VALID: (
        "The certificate's begin lies in the future, by this host's clock.",
        ("tls_not_yet_valid", "clock_skew"),
    ),
    Failure.SSL_INVALID_CERTIFICATE: (
        "The verifier rejects the chain for another reason.",
        ("tls_nonconforming_chain", "tls_intercepted", "unexplained_failure"),
    ),
    Failure.SSL_ALERT: ("The peer ended the handshake with a TLS alert.", ("tls_alert",)),
    Failure.SSL_VERSION_REFUSED: ("The peer accepts no TLS version that is offered.", ("tls_version_refused",)),
    Failure.SSL_NOT_TLS: ("The first bytes that came back are not TLS.", ("not_tls", "proxy_scheme_unusable")),
    Failure.SSL_FAILED_HANDSHAKE: (
        "The handshake failed in a way without a word of its own; OpenSSL's reason is kept.",
        ("tls_alert", "tls_version_refused", "unexplained_failure"),
    ),
    Failure.HTTP_FOREIGN_ANSWER: ("An answer without the marks of the genuine service.", ("http_foreign_answer",)),
    Failure.HTTP_BLOCK_PAGE: ("A page of a filter answered.", ("http_block_page", "websocket_refused_by_proxy")),
    Failure.HTTP_REDIRECT: ("A redirect to a host that is not AWS.", ("http_captive_portal",)),
    Failure.HTTP_SERVICE_ERROR: ("The genuine service answered 429 or 5xx.", ("http_service_error",)),
    Failure.HTTP_SOURCE_REFUSED: ("The origin refused an object that is public.", ("http_source_refused",)),
    Failure.HTTP_MALFORMED: ("What came back is not HTTP.", ("http_foreign_answer",)),
    Failure.HTTP_TOO_LARGE: ("The answer is larger than any that the service gives.", ("http_foreign_answer",)),
    Failure.WEBSOCKET_REFUSED: ("Somebody who is not AWS refused the upgrade.", ("websocket_refused_by_proxy",)),
    Failure.WEBSOCKET_UPGRADE_MISSING: (
        "AWS answered as if no upgrade had been asked for.",
        ("websocket_upgrade_stripped", "proxy_strips_upgrade"),
    ),
    Failure.WEBSOCKET_CUT: (
        "A silent WebSocket was closed before the time that the agents need.",
        ("websocket_cut_when_idle", "proxy_cuts_idle"),
    ),
    Failure.PROXY_AUTH_REQUIRED: ("407, and no credentials were sent.", ("proxy_auth_required",)),
    Failure.PROXY_AUTH_REJECTED: ("407, although credentials were sent.", ("proxy_auth_rejected",)),
    Failure.PROXY_FORBIDDEN: ("The proxy's policy refuses the CONNECT.", ("proxy_forbidden",)),
    Failure.PROXY_CANNOT_RESOLVE: ("The proxy cannot resolve the name.", ("proxy_cannot_resolve",)),
    Failure.PROXY_CANNOT_CONNECT: ("The proxy's own connection failed.", ("proxy_cannot_connect",)),
    Failure.PROXY_UPSTREAM_TIMEOUT: ("The proxy's own connection got no answer.", ("proxy_upstream_timeout",)),
    Failure.PROXY_METHOD_REFUSED: ("The proxy does not allow CONNECT.", ("proxy_method_refused",)),
    Failure.PROXY_NOT_A_PROXY: ("A server answered that is no proxy.", ("proxy_not_a_proxy",)),
    Failure.PROXY_BAD_ANSWER: ("The answer to CONNECT is not HTTP (or not SOCKS5).", ("proxy_not_a_proxy",)),
}
