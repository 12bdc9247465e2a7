"""Every finding that netprobe can make of a run: the one registry (ids are contract, FINDINGS of the design).

An entry says what the finding is about, how bad it usually is and who has to act. What exactly happened, with names
and addresses, is written by the rule that makes the finding; what it means for an ECS Anywhere host is its page in
``netprobe/diagnosis/pages``. A test holds the registry, the pages and the design's list together.

The findings of ``netprobe host``, ``image`` and ``workload`` carry the name of their rule and live there.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from netprobe.findings import Owner, Severity

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741 - the letters of the design's table
NETWORK, HOST, AWS = Owner.NETWORK, Owner.HOST, Owner.AWS


class FindingKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of finding.

    Attributes:
        id: the contract.
        area: ``dns``, ``tcp``, ``tls``, ``http``, ``websocket``, ``clock``, ``proxy`` or ``run``.
        usual: an error only where it leaves a required host without any way; a warning is never raised by itself.
        owner: who usually has to act.
        summary: one line for lists.
    """

    id: str
    area: str
    usual: Severity
    owner: Owner
    summary: str


_TABLE: dict[str, tuple[tuple[str, Severity, Owner, str], ...]] = {
    "dns": (
        ("dns_name_missing", E, NETWORK, "the resolver says that the name does not exist (NXDOMAIN)"),
        ("dns_no_address", E, NETWORK, "the name exists and has no address (NODATA)"),
        ("dns_server_failure", E, NETWORK, "the resolver fails to find an answer (SERVFAIL and the like)"),
        ("dns_refused", E, NETWORK, "the resolver refuses to answer this host (REFUSED)"),
        ("dns_unreachable", E, NETWORK, "the resolver cannot be reached, or nothing listens there"),
        ("dns_timeout", E, NETWORK, "the resolver does not answer"),
        ("dns_tcp_blocked", E, NETWORK, "large answers need DNS over TCP, and TCP port 53 is blocked"),
        ("dns_resolver_down", W, NETWORK, "one of several resolvers fails"),
        ("dns_resolvers_disagree", W, NETWORK, "resolvers give different kinds of answer"),
        ("dns_sinkholed", E, NETWORK, "a DNS filter answers with a sinkhole address"),
        ("dns_wildcard_answers", W, NETWORK, "the resolver answers for names that cannot exist"),
        ("dns_private_answer", I, NETWORK, "the name resolves to private addresses (PrivateLink or split horizon)"),
        ("dns_public_answer", E, NETWORK, "the name resolves to public addresses where private ones were expected"),
        ("dns_numbered_names_public", W, NETWORK, "ecs-a and ecs-t are private, their numbered names are public"),
        ("hosts_file_override", W, HOST, "a hosts file overrides DNS for an AWS name"),
        ("dns_edns_unanswered", E, NETWORK, "the resolver does not answer questions with EDNS, which Go always sends"),
        ("dns_search_captures", E, HOST, "a search domain answers for AWS's names before they are asked"),
        ("dns_slow", W, NETWORK, "lookups take long"),
    ),
    "tcp": (
        ("tcp_refused", E, NETWORK, "the connection is refused"),
        ("tcp_dropped", E, NETWORK, "packets are dropped silently"),
        ("tcp_reset", E, NETWORK, "the connection opens and is reset before a byte is sent"),
        ("tcp_prohibited", E, NETWORK, "a device answers: administratively prohibited (ICMP)"),
        ("tcp_unreachable", E, NETWORK, "there is no route"),
        ("tcp_some_addresses_blocked", W, NETWORK, "some addresses of a name are blocked"),
        ("ipv6_broken", W, NETWORK, "IPv6 fails where IPv4 works"),
        ("ipv4_broken", W, NETWORK, "IPv4 fails where IPv6 works"),
        ("stale_ip_allowlist", W, NETWORK, "addresses that rotated in are missing from an allowlist"),
    ),
    "tls": (
        ("tls_sni_blocked", E, NETWORK, "a device blocks the TLS server name"),
        ("tls_reset_after_hello", E, NETWORK, "the connection is reset after the ClientHello, whatever the name"),
        ("tls_closed_after_hello", E, NETWORK, "the connection is closed after the ClientHello, whatever the name"),
        ("tls_dropped_after_hello", E, NETWORK, "nothing comes back after the ClientHello, whatever the name"),
        ("tls_large_hello_dropped", E, NETWORK, "a ClientHello over one packet is swallowed, as Go 1.24 sends it"),
        ("tls_path_mtu", E, NETWORK, "large packets are lost on the way (path MTU)"),
        ("tls_intercepted", E, NETWORK, "TLS is intercepted by a CA that this vantage does not trust"),
        ("tls_intercepted_trusted", W, NETWORK, "TLS is intercepted by a CA that this vantage trusts"),
        ("tls_untrusted_store", E, HOST, "the chain is genuine, the trust store lacks its root"),
        ("tls_wrong_name", E, NETWORK, "the certificate is for another name"),
        ("tls_expired", E, NETWORK, "the certificate has expired"),
        ("tls_not_yet_valid", E, NETWORK, "the certificate is not valid yet"),
        ("tls_nonconforming_chain", W, NETWORK, "strict X.509 verifiers reject the chain"),
        ("tls_incomplete_chain", E, AWS, "the server leaves its intermediate certificate out"),
        ("tls_former_root", E, AWS, "the chain ends in a root that newer trust stores no longer hold"),
        ("tls_version_refused", E, NETWORK, "no common TLS version"),
        ("tls_alert", E, NETWORK, "the peer ended the handshake with an alert"),
        ("not_tls", E, NETWORK, "a plain-text answer where TLS was expected"),
    ),
    "http": (
        ("http_block_page", E, NETWORK, "a block page answered instead of AWS"),
        ("http_captive_portal", E, NETWORK, "a portal redirects to itself"),
        ("http_foreign_answer", E, NETWORK, "something other than AWS answered"),
        ("http_service_error", W, AWS, "the service itself answered 429 or 5xx; the network works"),
        ("http_source_refused", W, AWS, "the origin itself refuses this source an object that is public"),
        ("http_unrecognised_answer", I, AWS, "the genuine service answered in a shape that no record has"),
        ("http_stalled", E, NETWORK, "the request is sent and never answered"),
        ("http_cut", E, NETWORK, "the connection ends in the middle of the request or answer"),
    ),
    "websocket": (
        ("websocket_refused_by_proxy", E, NETWORK, "a device on the way refuses the WebSocket upgrade"),
        ("websocket_upgrade_stripped", E, NETWORK, "the upgrade never reaches AWS: a device strips it"),
        ("websocket_cut_when_idle", W, NETWORK, "idle WebSockets are cut too early"),
    ),
    "clock": (("clock_skew", W, HOST, "the host's clock is wrong"),),
    "proxy": (
        ("proxy_name_missing", E, NETWORK, "the proxy's own name does not resolve"),
        ("proxy_unreachable", E, NETWORK, "there is no route to the proxy"),
        ("proxy_refused", E, NETWORK, "nothing listens on the proxy's port"),
        ("proxy_timeout", E, NETWORK, "the proxy does not answer"),
        ("proxy_auth_required", E, HOST, "the proxy wants credentials and none were sent"),
        ("proxy_auth_rejected", E, HOST, "the proxy rejects the credentials"),
        ("proxy_scheme_unusable", E, HOST, "the proxy does not speak the scheme that is configured"),
        ("proxy_forbidden", E, NETWORK, "the proxy's policy refuses the destination"),
        ("proxy_cannot_resolve", E, NETWORK, "the proxy cannot resolve the name"),
        ("proxy_cannot_connect", E, NETWORK, "the proxy cannot connect to the destination"),
        ("proxy_upstream_timeout", E, NETWORK, "the proxy gets no answer from the destination"),
        ("proxy_not_a_proxy", E, HOST, "what answers at the proxy's address is no proxy"),
        ("proxy_tls_untrusted", E, HOST, "the certificate of an https:// proxy is not trusted"),
        ("proxy_method_refused", E, NETWORK, "the proxy does not allow CONNECT"),
        ("proxy_strips_upgrade", E, NETWORK, "the proxy strips the WebSocket upgrade"),
        ("proxy_cuts_idle", W, NETWORK, "the proxy cuts idle tunnels too early"),
        ("proxy_buffers", E, NETWORK, "the proxy holds answers back"),
        ("proxy_required", E, HOST, "direct traffic is blocked, through the proxy it passes"),
        ("no_proxy_exempts_aws", E, HOST, "NO_PROXY keeps AWS names from the proxy, and the direct way is blocked"),
        ("proxy_only_http_set", W, HOST, "only HTTP_PROXY is set, which most agents ignore for HTTPS"),
        ("proxy_values_conflict", W, HOST, "proxy settings contradict each other"),
        ("no_proxy_missing_task_credentials", W, HOST, "NO_PROXY lacks 169.254.170.2"),
        ("no_proxy_missing_metadata", W, HOST, "NO_PROXY lacks 169.254.169.254"),
        ("no_proxy_not_understood", W, HOST, "an agent ignores a token of NO_PROXY"),
        ("proxy_password_world_readable", W, HOST, "everyone on the host can read the proxy password"),
        ("proxy_url_invalid", W, HOST, "a proxy setting is not a usable URL"),
        ("proxy_needs_restart", W, HOST, "a running agent has other proxy values than its file"),
        ("proxy_pac_unused", I, HOST, "a PAC setting, which no agent reads"),
        ("proxy_setting_unused", I, HOST, "a proxy setting that does not count for the agents"),
        ("agent_endpoint_overridden", I, HOST, "an agent is told another endpoint than AWS's own"),
        ("trust_file_unusable", W, HOST, "a setting names CA certificates that cannot be read"),
    ),
    "run": (
        ("works_by_chance", W, NETWORK, "it fails now and then: tried again, it passes"),
        ("packet_loss", W, NETWORK, "packets get lost and are sent again"),
        ("connection_limit", W, NETWORK, "many connections at once fail, each alone passes"),
        ("slow", W, NETWORK, "it passes, but only with more patience than usual"),
        ("unexplained_failure", E, NETWORK, "a failure that no rule explains, with its raw evidence"),
    ),
}


def _entries() -> Iterable[FindingKind]:
    for area, rows in _TABLE.items():
        for id_, usual, owner, summary in rows:
            yield FindingKind(id=id_, area=area, usual=usual, owner=owner, summary=summary)


TAXONOMY: dict[str, FindingKind] = {entry.id: entry for entry in _entries()}
ORDER: dict[str, int] = {id_: number for number, id_ in enumerate(TAXONOMY)}
