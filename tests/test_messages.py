"""The agents' own messages lead to pages, also out of the middle of a pasted line; other words are searched for."""

from __future__ import annotations

import datetime
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe import messages
from netprobe.cli import explain
from netprobe.cli.main import run
from netprobe.messages import search
from netprobe.messages.search import SearchedPage


@pytest.mark.parametrize("one", messages.messages(), ids=lambda one: one.text[:40])
def test_every_message_names_pages_and_its_source(one: messages.AgentMessage) -> None:
    known = {id_ for ids, _ in explain.kinds().values() for id_ in ids}
    assert one.findings
    assert set(one.findings) <= known
    assert one.agent in ("ecs-agent", "ssm-agent", "docker", "fluent-bit", "cloudwatch-agent", "go", "aws")
    assert one.source.startswith("https://")
    assert one.version
    assert one.meaning.endswith(".")
    assert datetime.date.fromisoformat(one.checked) >= datetime.date(2026, 11, 28)


def test_there_are_many_and_none_twice() -> None:
    texts = [one.text for one in messages.messages()]
    assert len(texts) >= 50
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("pasted", "page"),
    [
        ("x509: certificate signed by unknown authority", "tls_intercepted"),
        ("MachineFingerprintDoesNotMatch", "machine_id_in_image"),
        ("CgroupError", "cgroup_needs_newer_agent"),
        (
            "CgroupError: Agent could not create task's platform resources: cgroup resource: unable to create cgroup",
            "cgroup_needs_newer_agent",
        ),
        (
            'level=error time=2026-11-28T09:12:01Z msg="Failed to connect to ACS" error="websocket client: unable to '
            'dial wss://ecs-a-2.us-east-2.amazonaws.com/ws: dial tcp 52.95.16.1:443: i/o timeout"',
            "tcp_dropped",
        ),
        (
            "CannotPullContainerError: Error response from daemon: Get \"https://111122223333.dkr.ecr.us-east-2."
            'amazonaws.com/v2/": dial tcp: lookup 111122223333.dkr.ecr.us-east-2.amazonaws.com: no such host',
            "dns_name_missing",
        ),
        (
            "2026-11-28 09:12:01 ERROR [CredentialRefresher] Retrieve credentials produced error: "
            "MachineFingerprintDoesNotMatch: Fingerprint doesn't match",
            "machine_id_in_image",
        ),
        ("dockerd[1]: the following directives don't match any configuration option: proxies.default",
         "docker_config_harmful"),
        ("InvalidSignatureException: Signature expired: 20261128T080000Z is now earlier than 20261128T090000Z",
         "clock_skew"),
    ],
)  # fmt: skip
def test_a_pasted_line_finds_its_page(pasted: str, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", pasted]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# What this can mean")
    assert f"(`{page}`)\n\n## What it means" in shown


@pytest.mark.parametrize(
    ("pasted", "page"),
    [
        ('[ERROR] Could not register module="api client" err="Post https://ecs.us-west-2.amazonaws.com/: net/http: '
         'request canceled while waiting for connection"', "tcp_dropped"),
        ("The identity document and identity document signature were not valid", "cloud_metadata_present"),
        ("[INFO] Network error connecting to docker, backing off for '1.14777941s', error: dial unix "
         "/var/run/docker.sock: connect: no such file or directory", "docker_missing"),
        ("[ERROR] dial unix /var/run/docker.sock: connect: connection refused", "docker_missing"),
        ('Unable to connect to docker daemon . Ensure docker is running module="TaskEngine" '
         'err="dial unix /var/run/docker.sock: connection refused"', "docker_missing"),
        ("ERROR Registration failed due to error registering the instance with AWS SSM. ActivationExpired: ",
         "register"),
        ("Failed to load instance info from vault. RegistrationKey does not exist.", "register"),
        ("INFO Entering SSM Agent hibernate - Failed to fetch instance ID. Data from vault is empty.",
         "keep-credentials"),
        ("Get http://169.254.169.254/latest/meta-data/instance-id: net/http: request canceled while waiting for "
         "connection (Client.Timeout exceeded while awaiting headers)", "no_proxy_missing_metadata"),
        ("[2021/02/02 22:03:38] [error] [aws_client] connection initialization error", "tcp_dropped"),
        ("[2022/08/30 19:46:08] [error] [tls] error: unexpected EOF", "tls_closed_after_hello"),
        ("[error] [upstream] connection #61 to logs.us-east-2.amazonaws.com:443 timed out after 10 seconds",
         "tcp_dropped"),
        ("[error] [io_tls] handshake connection #7 to logs.us-east-2.amazonaws.com:443 timed out after 10 seconds",
         "tls_dropped_after_hello"),
        ("[error] [output:cloudwatch_logs:cloudwatch_logs.0] Failed to create log group", "ship-logs"),
        ("[ warn] [net] getaddrinfo(host='logs.us-east-2.amazonaws.com', err=4): Domain name not found",
         "dns_name_missing"),
        ("[ warn] [net] getaddrinfo(host='logs.us-east-2.amazonaws.com', err=12): Timeout while contacting DNS servers",
         "dns_timeout"),
        ("[ warn] [net] getaddrinfo(host='logs.us-east-2.amazonaws.com', err=11): Could not contact DNS servers",
         "dns_resolver_down"),
        ("[error] [tls] /tmp/fluent-bit/src/tls/mbedtls.c:380 X509 - Certificate verification failed, e.g. CRL, CA or "
         "signature check failed", "tls_intercepted"),
        ("[tls] certificate verification failed, reason: unable to get local issuer certificate (X509 code: 20)",
         "tls_intercepted"),
        ("[error] [output:loki:loki.0] no upstream connections available", "tcp_dropped"),
        ("E! cloudwatch: code: RequestError, message: send request failed, original error: Post "
         '"https://monitoring.ap-norteast-1.amazonaws.com/": dial tcp: lookup monitoring.ap-norteast-1.amazonaws.com '
         "on 172.26.0.2:53: no such host", "dns_name_missing"),
        ("E! WriteToCloudWatch failure, err:  RequestError: send request failed", "monitoring"),
        ("E! [outputs/cloudwatchlogs] Aws error received when sending logs to web/1: RequestError: send request failed "
         'caused by: Post "https://logs.us-east-2.amazonaws.com/": proxyconnect tcp: dial tcp 10.1.1.1:3128: connect: '
         "connection refused", "proxy_refused"),
        ("W! retry [0/3], unable to get http response from http://169.254.170.2/v2/metadata, error: unable to get "
         'response from http://169.254.170.2/v2/metadata, error: Get "http://169.254.170.2/v2/metadata": context '
         "deadline exceeded (Client.Timeout exceeded while awaiting headers)", "task_credentials_unreachable"),
        ("E! [EC2] Cannot get EC2 Metadata from IMDS: EC2 metadata is not available.", "no_proxy_missing_metadata"),
        ('level=fatal msg="Error starting daemon: error initializing graphdriver: Device is Busy"',
         "docker_config_harmful"),
        ("failed to start daemon: Error initializing network controller: error obtaining controller instance: failed "
         'to register "bridge" driver: failed to create NAT chain DOCKER: iptables failed', "iptables_missing"),
        ("failed to start daemon: Unable to get the TempDir under /var/lib/docker: mkdir /var/lib/docker/tmp: no space "
         "left on device", "disk_space_low"),
        ("write /var/lib/docker/tmp/GetImageBlob123: no space left on device", "disk_space_low"),
        ('failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://production.cloudflare.docker.'
         'com/registry-v2/": dial tcp 108.160.169.46:443: i/o timeout', "tcp_dropped"),
        ("dial tcp: lookup api.github.com on 10.0.0.2:53: read udp 172.17.0.2:35787->10.0.0.2:53: i/o timeout",
         "dns_timeout"),
        ("driver failed programming external connectivity on endpoint web: Bind for 0.0.0.0:80 failed: port is already "
         "allocated", "agent_port_mapped"),
        ("could not create route to the credentials proxy: exit status 1: iptables: No chain/target/match by that name",
         "iptables_missing"),
        ('Post "https://ssm.us-east-2.amazonaws.com/": Forbidden', "proxy_forbidden"),
        ("ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
         'RequestError: send request failed caused by: Post "https://api.ecr.us-east-1.amazonaws.com/": dial tcp '
         "10.0.0.1:443: i/o timeout", "tcp_dropped"),
    ],
)  # fmt: skip
def test_lines_of_public_reports_lead_to_their_page(pasted: str, page: str) -> None:
    """Lines out of public issues of the agents, fluent-bit, moby, containerd and rke2 (read 2026-11-29)."""
    assert messages.likeliest(messages.find(pasted)) == page


def test_what_decides_outweighs_what_several_can_mean(capsys: pytest.CaptureFixture[str]) -> None:
    """A socket file that refuses is no firewall, though the words for refused connections stand beside it."""
    assert run(["explain", "dial unix /var/run/docker.sock: connect: connection refused; dial tcp i/o timeout"]) == 0
    assert "(`docker_missing`)\n\n## What it means" in capsys.readouterr().out


def test_an_error_without_its_cause_names_all_that_can_be_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "CannotPullContainerError"]) == 0
    shown = capsys.readouterr().out
    for id_ in ("tcp_dropped", "dns_name_missing", "tls_intercepted", "execution_role_missing", "proxy_forbidden"):
        assert f"- `{id_}`: " in shown


def test_the_host_in_a_line_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "lookup ecs-t-3.eu-west-1.amazonaws.com: no such host"]) == 0
    assert "`ecs-t-3.eu-west-1.amazonaws.com` is the endpoint `ecs-t`" in capsys.readouterr().out


def test_words_are_searched_for_in_all_pages(capsys: pytest.CaptureFixture[str]) -> None:
    """Quoted or not; the page whose title has the words comes first."""
    for argv in (["explain", "idle", "websocket"], ["explain", "idle websocket"]):
        assert run(argv) == 0
        hits = [line for line in capsys.readouterr().out.splitlines() if line.startswith("- `")]
        assert hits[0].startswith("- `websocket_cut_when_idle`")


def test_rare_words_weigh_more_and_titles_most() -> None:
    pages = [
        SearchedPage("a", "of apples", "apples pears plums"),
        SearchedPage("b", "of plums", "apples apples apples pears"),
        SearchedPage("c", "of nothing", "apples pears"),
    ]
    assert [page.id for page in search.ranked("plums", pages)] == ["b", "a"]
    assert search.ranked("apples", pages)[0].id == "a"
    assert [page.id for page in search.ranked("apples quinces", pages, every_word=True)] == []
    assert search.ranked("the of and", pages) == []


@given(st.text(max_size=300))
def test_any_text_is_looked_up(text: str) -> None:
    messages.find(text)
    search.ranked(text, [SearchedPage("a", "b", text)])


@pytest.mark.parametrize("text", ["dial tcp " * 50_000, "lookup " * 50_000, "a" * 1_000_000, "x509: " * 100_000])
def test_a_long_paste_takes_no_time(text: str) -> None:
    began = time.process_time()
    messages.find(text)
    search.words(text)
    assert time.process_time() - began < 1
