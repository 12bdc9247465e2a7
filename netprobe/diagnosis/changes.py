"""What a change costs, and how it is taken back: the two questions of whoever has to approve it.

They depend on the kind of change, not on the host: one sentence each a kind, and the kind of every finding. Which
change exactly is asked for is the finding's remedy; this says only what else it does.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from netprobe.findings import NOT_OURS, Finding, Owner


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of change.

    Attributes:
        risk: what else it does, and to whom.
        rollback: how the state of before comes back.
    """

    risk: str
    rollback: str


class ChangeKind(Enum):
    """Every kind of change that a finding can ask for."""

    ALLOW = Change(
        risk="It opens outbound connections from this host to the destinations named, and nothing inbound. A rule that "
        "is wider than that list lets out more than ECS Anywhere needs.",
        rollback="Remove the rule that was added: what was denied before is denied again.",
    )
    EXEMPT = Change(
        risk="The inspecting device no longer sees what this host exchanges with the names listed; they stay encrypted "
        "from end to end to AWS. All other traffic is inspected as before.",
        rollback="Remove the exemption: the names are inspected again, and ECS Anywhere stops working again.",
    )
    RESOLVER = Change(
        risk="A resolver answers other hosts too: a change of its zones, filters or forwarders is felt by all of them.",
        rollback="Put the zone, filter or forwarder back as it was, and flush the resolver's cache.",
    )
    ROUTE = Change(
        risk="A route or an MTU holds for everything that takes the same way, not for AWS alone.",
        rollback="Put the route, MTU or MSS setting back as it was.",
    )
    CAPACITY = Change(
        risk="A higher limit or more capacity on a shared device changes what its other users get.",
        rollback="Put the limit back as it was.",
    )
    PROXY_POLICY = Change(
        risk="The proxy lets this host open tunnels to the names listed; inside a tunnel it sees nothing. Allow them "
        "for this host's address alone where others use the proxy.",
        rollback="Remove the rule from the proxy's policy and reload it.",
    )
    PROXY_SERVICE = Change(
        risk="Whoever else uses the proxy is affected while it is changed or restarted.",
        rollback="Put the proxy's configuration back as it was, and reload it.",
    )
    HOST_SETTING = Change(
        risk="The program must be restarted to read it. Tasks that run go on while the ECS agent restarts; a restart "
        "of Docker stops containers unless live-restore is on.",
        rollback="Keep a copy of the file, put it back, and restart the same program.",
    )
    TRUST = Change(
        risk="Whoever holds the key of a CA that is added can read and change every connection of this host that "
        "trusts the store. Compare the fingerprint with its owner by another way first.",
        rollback="Remove the file, run update-ca-certificates or update-ca-trust, and restart the agents.",
    )
    CLOCK = Change(
        risk="A clock that is stepped disturbs programs that measure time, databases above all; let the time service "
        "slew it where one runs.",
        rollback="None is needed: the wrong time is not wanted back.",
    )
    IMAGE = Change(
        risk="It changes how the host or its image is built; hosts that run already are not touched by a new image.",
        rollback="Use the image or the package version of before.",
    )
    WORKLOAD = Change(
        risk="It makes a new revision of the task definition; tasks that run keep theirs until they are replaced.",
        rollback="Deploy the revision of before.",
    )
    GATE = Change(
        risk="It changes what the gate accepts, for every build that reads the file.",
        rollback="Revert the change of netprobe.toml.",
    )
    NOTHING = Change(
        risk="Nothing has to be changed here, so nothing is risked.",
        rollback="None is needed.",
    )
    UNKNOWN = Change(
        risk="The cause is not known, and so neither is what a change would do: look first, change nothing yet.",
        rollback="None is needed.",
    )


_OF: dict[ChangeKind, tuple[str, ...]] = {
    ChangeKind.ALLOW: (
        *("dns_timeout", "dns_unreachable", "dns_tcp_blocked", "tcp_refused", "tcp_dropped", "tcp_reset"),
        *("tcp_prohibited", "tcp_some_addresses_blocked", "stale_ip_allowlist", "tls_sni_blocked"),
        *("tls_reset_after_hello", "tls_closed_after_hello", "tls_dropped_after_hello", "tls_large_hello_dropped"),
        *("tls_wrong_name", "tls_expired", "tls_not_yet_valid", "tls_version_refused", "tls_alert", "not_tls"),
        *("http_block_page", "http_captive_portal", "http_foreign_answer", "http_stalled", "http_cut"),
        *("websocket_cut_when_idle", "proxy_unreachable", "proxy_refused", "proxy_timeout"),
    ),
    ChangeKind.EXEMPT: (
        *("tls_intercepted", "tls_intercepted_trusted", "tls_nonconforming_chain", "websocket_upgrade_stripped"),
    ),
    ChangeKind.RESOLVER: (
        *("dns_name_missing", "dns_no_address", "dns_server_failure", "dns_refused", "dns_resolver_down"),
        *("dns_resolvers_disagree", "dns_sinkholed", "dns_wildcard_answers", "dns_public_answer"),
        *("dns_numbered_names_public", "dns_edns_unanswered", "dns_slow", "proxy_name_missing"),
    ),
    ChangeKind.ROUTE: ("tcp_unreachable", "tls_path_mtu", "ipv6_broken", "ipv4_broken"),
    ChangeKind.CAPACITY: ("connection_limit", "packet_loss", "slow", "works_by_chance"),
    ChangeKind.PROXY_POLICY: (
        *("proxy_forbidden", "proxy_method_refused", "websocket_refused_by_proxy", "proxy_strips_upgrade"),
    ),
    ChangeKind.PROXY_SERVICE: (
        *("proxy_cannot_resolve", "proxy_cannot_connect", "proxy_upstream_timeout", "proxy_cuts_idle"),
        "proxy_buffers",
    ),
    ChangeKind.HOST_SETTING: (
        *("hosts_file_override", "dns_search_captures", "proxy_auth_required", "proxy_auth_rejected"),
        *("proxy_scheme_unusable", "proxy_not_a_proxy", "proxy_required", "no_proxy_exempts_aws"),
        *("proxy_only_http_set", "proxy_values_conflict", "no_proxy_missing_task_credentials"),
        *("no_proxy_missing_metadata", "no_proxy_not_understood", "proxy_password_world_readable"),
        *("proxy_url_invalid", "proxy_needs_restart", "proxy_pac_unused", "proxy_setting_unused"),
        *("agent_endpoint_overridden", "trust_file_unusable"),
    ),
    ChangeKind.TRUST: ("tls_untrusted_store", "proxy_tls_untrusted"),
    ChangeKind.CLOCK: ("clock_skew",),
    ChangeKind.GATE: ("gate_waiver_expired", "gate_proxy_unexpected"),
    ChangeKind.NOTHING: (
        *("dns_private_answer", "tls_incomplete_chain", "tls_former_root", "http_service_error"),
        *("http_source_refused", "http_unrecognised_answer"),
    ),
    ChangeKind.UNKNOWN: ("unexplained_failure",),
}
KINDS: dict[str, ChangeKind] = {id_: kind for kind, ids in _OF.items() for id_ in ids}
"""Finding → the kind of change that mends it. Rules of host, image and workload go by their owner."""
_BY_OWNER = {
    Owner.NETWORK: ChangeKind.ALLOW,
    Owner.HOST: ChangeKind.IMAGE,
    Owner.WORKLOAD: ChangeKind.WORKLOAD,
    Owner.AWS: ChangeKind.NOTHING,
    Owner.ORIGIN: ChangeKind.NOTHING,
}


def change_for(finding: Finding) -> Change:
    """What the change that a finding asks for costs, and how it is taken back."""
    if finding.owner in NOT_OURS:
        return ChangeKind.NOTHING.value
    return KINDS.get(finding.id, _BY_OWNER[finding.owner]).value
