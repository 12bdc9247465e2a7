"""Pages, taxonomy and the design's list of findings, held together."""

from __future__ import annotations

from importlib.resources import files

import pytest

from netprobe.diagnosis.capabilities import CAPABILITIES
from netprobe.diagnosis.glossary import GLOSSARY
from netprobe.diagnosis.pages import HEADINGS, page
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.errors import UsageError
from netprobe.observations import Failure
from tests.support.some import some

CONTRACT = (
    "dns_name_missing",
    "dns_no_address",
    "dns_server_failure",
    "dns_refused",
    "dns_unreachable",
    "dns_timeout",
    "dns_tcp_blocked",
    "dns_resolver_down",
    "dns_resolvers_disagree",
    "dns_sinkholed",
    "dns_wildcard_answers",
    "dns_private_answer",
    "dns_public_answer",
    "dns_numbered_names_public",
    "hosts_file_override",
    "dns_slow",
    "tcp_refused",
    "tcp_dropped",
    "tcp_reset",
    "tcp_prohibited",
    "tcp_unreachable",
    "tcp_some_addresses_blocked",
    "ipv6_broken",
    "ipv4_broken",
    "stale_ip_allowlist",
    "tls_sni_blocked",
    "tls_reset_after_hello",
    "tls_closed_after_hello",
    "tls_dropped_after_hello",
    "tls_path_mtu",
    "tls_intercepted",
    "tls_intercepted_trusted",
    "tls_untrusted_store",
    "tls_wrong_name",
    "tls_expired",
    "tls_not_yet_valid",
    "tls_nonconforming_chain",
    "tls_version_refused",
    "tls_alert",
    "not_tls",
    "http_block_page",
    "http_captive_portal",
    "http_foreign_answer",
    "http_service_error",
    "http_stalled",
    "websocket_refused_by_proxy",
    "websocket_upgrade_stripped",
    "websocket_cut_when_idle",
    "clock_skew",
    "proxy_name_missing",
    "proxy_unreachable",
    "proxy_refused",
    "proxy_timeout",
    "proxy_auth_required",
    "proxy_auth_rejected",
    "proxy_scheme_unusable",
    "proxy_forbidden",
    "proxy_cannot_resolve",
    "proxy_cannot_connect",
    "proxy_upstream_timeout",
    "proxy_not_a_proxy",
    "proxy_tls_untrusted",
    "proxy_method_refused",
    "proxy_strips_upgrade",
    "proxy_cuts_idle",
    "proxy_buffers",
    "proxy_required",
    "proxy_only_http_set",
    "proxy_values_conflict",
    "no_proxy_missing_task_credentials",
    "no_proxy_missing_metadata",
    "no_proxy_not_understood",
    "proxy_password_world_readable",
    "proxy_url_invalid",
    "proxy_needs_restart",
)
ADDED = {
    "http_cut",
    "works_by_chance",
    "packet_loss",
    "connection_limit",
    "slow",
    "http_source_refused",
    "http_unrecognised_answer",
    "unexplained_failure",
    "proxy_pac_unused",
    "proxy_setting_unused",
    "agent_endpoint_overridden",
    "trust_file_unusable",
    "no_proxy_exempts_aws",
    "tls_incomplete_chain",
    "tls_former_root",
    "tls_large_hello_dropped",
    "dns_edns_unanswered",
    "dns_search_captures",
}
"""Ids that the world needed beyond the design's list."""


def test_taxonomy_is_the_contract() -> None:
    assert set(TAXONOMY) == set(CONTRACT) | ADDED


def test_each_finding_has_a_page_and_each_page_a_finding() -> None:
    shipped = {entry.name.removesuffix(".md") for entry in (files("netprobe.diagnosis") / "pages").iterdir()}

    assert shipped == set(TAXONOMY)


@pytest.mark.parametrize("id_", TAXONOMY)
def test_page_is_complete(id_: str) -> None:
    found = page(id_)

    assert tuple(found.sections) == HEADINGS
    assert all(len(text) >= 3 for text in found.sections.values())
    assert f"`{id_}`" in found.title
    assert max(map(len, found.text.splitlines())) <= 200
    assert len(found.text.splitlines()) >= 15


def test_no_two_pages_share_a_fix() -> None:
    for heading in ("What it means", "The fix", "What breaks on an ECS Anywhere host", "How netprobe can tell"):
        texts = [page(id_).sections[heading] for id_ in TAXONOMY]
        assert len(set(texts)) == len(texts), heading


def test_pages_name_only_findings_that_exist() -> None:
    import re

    areas = ("dns_", "tcp_", "tls_", "http_", "websocket_", "proxy_", "no_proxy_", "clock_", "ipv4_", "ipv6_")
    words = {v.value for v in Failure} | set(TAXONOMY)
    others = {"http_port", "http_access", "http_proxy", "tcp_outgoing_address", "proxy_pass", "proxy_http_version"}
    others |= {"proxy_set_header", "proxy_buffering", "proxy_timeout", "dns_nameservers", "dns_v4_first"}
    others |= {"http_upgrade_request_protocols"}
    named = [(id_, token) for id_ in TAXONOMY for token in re.findall(r"`([a-z0-9_]+)`", page(id_).text)]
    for id_, token in some(one for one in named if one[1].startswith(areas)):
        assert token in words | others, (id_, token)


def test_unknown_page_is_the_users_mistake() -> None:
    for hostile in ("../../../etc/passwd", "", "nope"):
        with pytest.raises(UsageError):
            page(hostile)


def test_each_failure_word_is_in_the_glossary() -> None:
    assert set(GLOSSARY) == set(Failure)
    for _, findings in GLOSSARY.values():
        assert set(findings) <= set(TAXONOMY)


def test_capabilities_are_the_contracts() -> None:
    wanted = {"register", "receive-tasks", "report-metrics", "pull-images", "ship-logs", "keep-credentials"}

    assert wanted <= {capability.id for capability in CAPABILITIES}
