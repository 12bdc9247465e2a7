"""Rules that reports asked for: forwarding, metadata, fingerprints, pinned names, forgotten proxies, passwords."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.findings import Outcome
from netprobe.host.agents import lintwords
from netprobe.host.agents.lints import unencoded
from netprobe.rules import Judgement
from tests.support import rootfs

PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL
NOT_RUN, NOT_APPLICABLE = Outcome.NOT_RUN, Outcome.NOT_APPLICABLE


def judged(tmp_path: Path, rule: str, files: dict[str, str | bytes], *, running: bool = False) -> Judgement:
    root = rootfs.make(tmp_path / "root", files)
    return rootfs.judged(root, rootfs.live() if running else None)[rule].judgement


OFF = "# as the benchmark wants\nnet.ipv4.ip_forward = 0\n"
ON = "net.ipv4.ip_forward=1\n"


@pytest.mark.parametrize(
    ("files", "expected", "where"),
    [
        ({}, PASS, ""),
        ({"etc/sysctl.d/60-cis.conf": OFF}, WARN, "/etc/sysctl.d/60-cis.conf"),
        ({"etc/sysctl.d/60-cis.conf": OFF, "etc/sysctl.d/99-docker.conf": ON}, PASS, ""),
        ({"etc/sysctl.d/60-cis.conf": OFF, "etc/sysctl.d/10-docker.conf": ON}, WARN, "/etc/sysctl.d/60-cis.conf"),
        ({"usr/lib/sysctl.d/99-z.conf": OFF, "etc/sysctl.d/10-a.conf": ON}, WARN, "/usr/lib/sysctl.d/99-z.conf"),
        ({"usr/lib/sysctl.d/50-a.conf": OFF, "etc/sysctl.d/50-a.conf": "kernel.panic=1\n"}, PASS, ""),
        ({"usr/lib/sysctl.d/50-a.conf": OFF, "etc/sysctl.d/50-a.conf": "-> /dev/null"}, PASS, ""),
        ({"etc/sysctl.d/50-a.conf": ON, "etc/sysctl.conf": OFF}, WARN, "/etc/sysctl.conf"),
        ({"etc/sysctl.d/50-a.conf": "net/ipv4/ip_forward = 0\n"}, WARN, "/etc/sysctl.d/50-a.conf"),
        ({"etc/sysctl.d/50-a.conf": "-net.ipv4.conf.all.forwarding=0\n"}, WARN, "/etc/sysctl.d/50-a.conf"),
        ({"etc/sysctl.d/50-a.conf": "#net.ipv4.ip_forward = 0\n; net.ipv4.ip_forward = 0\n"}, PASS, ""),
        ({"etc/sysctl.d/50-a.conf.bak": OFF}, PASS, ""),
        ({"etc/sysctl.d/50-a.conf": "net.ipv6.conf.all.forwarding = 0\n"}, PASS, ""),
    ],
)  # fmt: skip
def test_forwarding_after_boot(tmp_path: Path, files: dict[str, str | bytes], expected: Outcome, where: str) -> None:
    one = judged(tmp_path, "ip_forward_forbidden", files)
    assert one.outcome is expected, one.title
    if where:
        assert where in one.title
        assert one.places[0].file == where


ROUTE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n{}\t{}\t0102A8C0\t{}\t0\t0\t0\tFFFFFFFF\n"
TRIE = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 169.254.169.254\n        /32 host LOCAL\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, PASS),
        ({"proc/net/route": ROUTE.format("eth0", "FEA9FEA9", "0007")}, WARN),
        ({"proc/net/route": ROUTE.format("*", "FEA9FEA9", "0205")}, PASS),
        ({"proc/net/route": ROUTE.format("eth0", "0000FEA9", "0001")}, PASS),
        ({"proc/net/fib_trie": TRIE}, WARN),
        ({"run/cloud-init/cloud-id": "openstack\n"}, WARN),
        ({"run/cloud-init/cloud-id": "nocloud\n"}, PASS),
        ({"run/cloud-init/cloud-id": "aws\n", "sys/class/dmi/id/sys_vendor": "Amazon EC2\n"}, NOT_APPLICABLE),
    ],
)
def test_a_metadata_service_where_no_cloud_is(tmp_path: Path, files: dict[str, str | bytes], expected: Outcome) -> None:
    assert judged(tmp_path, "metadata_service_present", files, running=True).outcome is expected


VAULT = "var/lib/amazon/ssm/Vault/Store/InstanceFingerprint"


def kept(**parts: str) -> str:
    return json.dumps({"fingerprint": "f", "similarityThreshold": 40, "hardwareHash": parts})


ID, MAC = "0123456789abcdef0123456789abcdef", "02:00:00:00:00:01"
CARDS: dict[str, str | bytes] = {
    "sys/class/net/eth0/address": f"{MAC}\n",
    "sys/class/net/lo/address": "00:00:00:00:00:00\n",
}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, NOT_APPLICABLE),
        ("no json", NOT_APPLICABLE),
        (json.dumps({}), NOT_APPLICABLE),
        (kept(**{"machine-id": f"{ID}\n", "macaddr-info": MAC}), PASS),
        (kept(**{"machine-id": "f" * 32, "macaddr-info": MAC}), FAIL),
        (kept(**{"machine-id": ID, "macaddr-info": "02:00:00:00:00:99"}), WARN),
        (kept(**{"machine-id": ID, "macaddr-info": ""}), PASS),
    ],
)
def test_the_hardware_that_was_registered(tmp_path: Path, content: str | None, expected: Outcome) -> None:
    files = {**CARDS, "etc/machine-id": f"{ID}\n", **({} if content is None else {VAULT: content})}
    assert judged(tmp_path, "hardware_fingerprint_changed", files, running=True).outcome is expected


def own(address: str) -> str:
    return f"Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- {address}\n        /32 host LOCAL\n"


OTHER_CARD = {"machine-id": ID, "macaddr-info": "02:00:00:00:00:99"}


@pytest.mark.parametrize(
    ("parts", "threshold", "address", "expected"),
    [
        ({"ipaddress-info": "192.0.2.7"}, 40, "192.0.2.7", PASS),
        ({"ipaddress-info": "192.0.2.7"}, 100, "192.0.2.7", PASS),
        ({"ipaddress-info": "192.0.2.7"}, 40, "192.0.2.8", WARN),
        ({"ipaddress-info": "192.0.2.7"}, 77, "192.0.2.8", WARN),
        ({"ipaddress-info": "192.0.2.7"}, 78, "192.0.2.8", FAIL),
        ({"ipaddress-info": "192.0.2.7", "hostname-info": "old"}, 70, "192.0.2.8", FAIL),
        ({"ipaddress-info": "192.0.2.7", "hostname-info": "web-1"}, 70, "192.0.2.8", WARN),
    ],
)
def test_how_much_of_the_hardware_may_change(
    tmp_path: Path, parts: dict[str, str], threshold: int, address: str, expected: Outcome
) -> None:
    """As SSM Agent reckons (isSimilarHardwareHash): same id and address, same machine; else parts are counted."""
    content = json.dumps({"fingerprint": "f", "similarityThreshold": threshold, "hardwareHash": OTHER_CARD | parts})
    files = {
        **CARDS,
        "etc/machine-id": f"{ID}\n",
        VAULT: content,
        "proc/net/fib_trie": own(address),
        "proc/sys/kernel/hostname": "web-1\n",
    }
    assert judged(tmp_path, "hardware_fingerprint_changed", files, running=True).outcome is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("192.0.2.1 registry-1.docker.io auth.docker.io", WARN),
        ("192.0.2.1 raw.githubusercontent.com", WARN),
        ("192.0.2.1 GHCR.io.", WARN),
        ("192.0.2.1 download.docker.com", WARN),
        ("# 192.0.2.1 registry-1.docker.io", PASS),
        ("192.0.2.1 registry.plant.example docker.io.plant.example", PASS),
        ("192.0.2.1 notgithub.com", PASS),
    ],
)
def test_pinned_registries(tmp_path: Path, line: str, expected: Outcome) -> None:
    one = judged(tmp_path, "registry_names_in_hosts_file", {"etc/hosts": f"127.0.0.1 localhost\n{line}\n"})
    assert one.outcome is expected
    if expected is WARN:
        assert one.places[0].line == 2


PROXY = "http://proxy.plant.example:3128"
UNITS: dict[str, str | bytes] = {
    "lib/systemd/system/ecs.service": "[Service]\nEnvironmentFile=-/etc/ecs/ecs.config\n",
    "lib/systemd/system/docker.service": "[Service]\n",
    "lib/systemd/system/amazon-ssm-agent.service": "[Service]\n",
}
DOCKER = "etc/systemd/system/docker.service.d/p.conf"
SSM = "etc/systemd/system/amazon-ssm-agent.service.d/p.conf"
AGENT = {"etc/ecs/ecs.config": f"HTTPS_PROXY={PROXY}\n"}
SET = f"[Service]\nEnvironment=HTTPS_PROXY={PROXY}\n"


@pytest.mark.parametrize(
    ("files", "expected", "said"),
    [
        ({}, PASS, ""),
        ({**AGENT, DOCKER: SET, SSM: SET}, PASS, ""),
        ({**AGENT, DOCKER: SET}, WARN, "ssm-agent has no proxy"),
        ({**AGENT, SSM: SET}, WARN, "docker has no proxy"),
        ({**AGENT, SSM: SET, "etc/docker/daemon.json": json.dumps({"proxies": {"https-proxy": PROXY}})}, PASS, ""),
        ({**AGENT, DOCKER: SET, SSM: SET.replace("proxy.plant", "other.plant")}, WARN, "other.plant"),
        ({**AGENT, DOCKER: SET.replace("HTTPS_", "HTTP_"), SSM: SET}, PASS, ""),
    ],
)  # fmt: skip
def test_an_agent_whose_proxy_was_forgotten(
    tmp_path: Path, files: dict[str, str | bytes], expected: Outcome, said: str
) -> None:
    one = judged(tmp_path, "proxy_values_conflict", {**UNITS, **files})
    assert one.outcome is expected, one.title
    assert said in one.title


@pytest.mark.parametrize(
    ("files", "expected", "where"),
    [
        ({}, PASS, ""),
        ({"etc/ecs/ecs.config": "ECS_BACKEND_HOST=https://ecs.plant.example\n"}, WARN, "/etc/ecs/ecs.config"),
        ({"etc/ecs/ecs.config": "AWS_ENDPOINT_URL_ECS=https://ecs.plant.example\n"}, WARN, "/etc/ecs/ecs.config"),
        ({SSM: "[Service]\nEnvironment=AWS_ENDPOINT_URL=https://ssm.plant.example\n"}, WARN, f"/{SSM}"),
        ({"etc/amazon/ssm/amazon-ssm-agent.json": '{"Mgs": {"Endpoint": "m.plant.example"}}'}, WARN,
         "/etc/amazon/ssm/amazon-ssm-agent.json"),
        ({"etc/amazon/ssm/amazon-ssm-agent.json": '{"Mgs": {"Endpoint": ""}}'}, PASS, ""),
        ({"etc/ecs/ecs.config": "AWS_ENDPOINT_URL=\nAWS_DEFAULT_REGION=us-east-2\n"}, PASS, ""),
    ],
)  # fmt: skip
def test_endpoints_that_lead_elsewhere(
    tmp_path: Path, files: dict[str, str | bytes], expected: Outcome, where: str
) -> None:
    one = judged(tmp_path, "agent_endpoint_overridden", {**UNITS, **files})
    assert one.outcome is expected, one.title
    if where:
        assert one.places[0].file == where


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://u:s3cret@p:3128", ()),
        ("http://u:a%40b%23@p:3128", ()),
        ("http://p:3128", ()),
        ("http://u:a#b@p:3128", ("#",)),
        ("http://u:a/b?c@p:3128", ("/", "?")),
        ("u:50%@p:3128", ("%",)),
        ("http://u:a@b@p:3128", ("@",)),
        ("http://corp\\u:x y@p:3128", ("\\", " ")),
        ("http://u:ä@p:3128", ("ä",)),
    ],
)
def test_characters_that_must_be_encoded(value: str, expected: tuple[str, ...]) -> None:
    assert unencoded(value) == expected


def test_the_password_itself_is_never_shown(tmp_path: Path) -> None:
    files = {**UNITS, DOCKER: '[Service]\nEnvironment="HTTPS_PROXY=http://svc:hunter2#planted@p.example:3128"\n'}
    one = judged(tmp_path, "proxy_url_invalid", files)
    assert one.outcome is WARN
    assert "# as %23" in one.title
    assert "hunter2" not in str(one)
    assert "planted" not in str(one)


@given(st.text(alphabet="abAB09-._~!$&'()*+,;=", max_size=20))
def test_what_may_stand_as_it_is_is_left_alone(secret: str) -> None:
    assert unencoded(f"http://u:{secret}@p:3128") == ()


NO_PROXY = "localhost,10.0.0.0/8,169.254.169.254,169.254.170.2,{}"


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (".internal", PASS),
        (".amazonaws.com", WARN),
        ("amazonaws.com", WARN),
        ("*.amazonaws.com", WARN),
        (".us-east-2.amazonaws.com", WARN),
        (".s3.amazonaws.com", PASS),
        ("*", WARN),
    ],
)
def test_no_proxy_that_exempts_aws(tmp_path: Path, tokens: str, expected: Outcome) -> None:
    drop_in = f'[Service]\nEnvironment="HTTPS_PROXY={PROXY}" "NO_PROXY={NO_PROXY.format(tokens)}"\n'
    one = judged(tmp_path, "no_proxy_exempts_aws", {**UNITS, DOCKER: drop_in})
    assert one.outcome is expected, one.title
    if expected is WARN:
        assert (one.places[0].file, one.places[0].line, one.places[0].text) == (f"/{DOCKER}", 2, tokens)


def test_an_exemption_without_a_proxy_is_no_matter(tmp_path: Path) -> None:
    drop_in = "[Service]\nEnvironment=NO_PROXY=.amazonaws.com\n"
    assert judged(tmp_path, "no_proxy_exempts_aws", {**UNITS, DOCKER: drop_in}).outcome is PASS


def test_task_credentials_and_a_proxy_for_https_alone(tmp_path: Path) -> None:
    """They are asked over plain http, which such a proxy does not touch."""
    found = rootfs.judged(rootfs.make(tmp_path / "root", {**UNITS, DOCKER: SET}))
    assert found["no_proxy_missing_task_credentials"].judgement.outcome is PASS


def test_a_passing_rule_says_what_is_right() -> None:
    assert all(not words.right.startswith("not so") for words in lintwords.LINTS.values())
    assert len({words.right for words in lintwords.LINTS.values()}) == len(lintwords.LINTS)


NM = "usr/lib/systemd/system/NetworkManager.service"
WANTED = "etc/systemd/system/multi-user.target.wants/NetworkManager.service"


@pytest.mark.parametrize(
    ("files", "expected", "said"),
    [
        ({"etc/resolv.conf": "-> /run/NetworkManager/resolv.conf"}, Outcome.FAIL, "NetworkManager, which is not i"),
        ({"etc/resolv.conf": "-> /run/NetworkManager/resolv.conf", NM: ""}, Outcome.FAIL, "not started at boot"),
        ({"etc/resolv.conf": "-> ../var/run/NetworkManager/resolv.conf", NM: "x", WANTED: "-> /x"}, Outcome.PASS, ""),
        ({"etc/resolv.conf": "-> ../run/resolvconf/resolv.conf"}, Outcome.FAIL, "resolvconf, which is not installed"),
        ({"etc/resolv.conf": "-> ../run/resolvconf/resolv.conf", "sbin/resolvconf": "x"}, Outcome.PASS, ""),
        ({"etc/resolv.conf": "-> ../run/connman/resolv.conf"}, Outcome.FAIL, "connman, which is not installed"),
        ({"etc/resolv.conf": "-> ../run/systemd/resolve/resolv.conf"}, Outcome.FAIL, "systemd-resolved, which is not"),
        ({"etc/resolv.conf": "-> /run/of-somebody/resolv.conf"}, Outcome.PASS, ""),
        ({"etc/resolv.conf": "-> /srv/resolv.conf"}, Outcome.WARN, "there is no such file"),
        ({"etc/resolv.conf": "-> /srv/resolv.conf", "srv/resolv.conf": "nameserver 10.0.0.2\n"}, Outcome.PASS, ""),
    ],
)  # fmt: skip
def test_where_the_link_to_the_resolver_leads(
    tmp_path: Path, files: dict[str, str | bytes], expected: Outcome, said: str
) -> None:
    """Only a link into systemd-resolved was looked at."""
    root = rootfs.make(tmp_path / "root", files)
    one = rootfs.judged(root, only=["resolver_dead_stub"])["resolver_dead_stub"].judgement
    assert one.outcome is expected, one.title
    assert said in one.title


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hosts: files\n", Outcome.FAIL),
        ("passwd: files\nhosts:\tfiles mdns4_minimal [NOTFOUND=return] myhostname\n", Outcome.FAIL),
        ("hosts: files [NOTFOUND=return] dns\n", Outcome.FAIL),
        ("hosts: files [!UNAVAIL=return] dns\n", Outcome.FAIL),
        ("hosts:\n", Outcome.FAIL),
        ("hosts: files mdns4_minimal [NOTFOUND=return] dns\n", Outcome.PASS),
        ("hosts: files\nhosts: files dns\n", Outcome.PASS),
        ("hosts: files [dns=return]\n", Outcome.FAIL),
        ("hosts: files dns\n", Outcome.PASS),
        ("hosts: files resolve [!UNAVAIL=return]\n", Outcome.PASS),
        ("#hosts: files\npasswd: files\n", Outcome.PASS),
        ("", Outcome.PASS),
    ],
)
def test_names_that_are_never_asked_of_dns(tmp_path: Path, text: str, expected: Outcome) -> None:
    root = rootfs.make(tmp_path / "root", {"etc/nsswitch.conf": text})
    one = rootfs.judged(root, only=["dns_not_asked"])["dns_not_asked"].judgement
    assert one.outcome is expected, one.title
    if expected is Outcome.FAIL:
        assert [place.line for place in one.places] == [1 + text[: text.index("hosts:")].count("\n")]
