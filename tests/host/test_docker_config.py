"""What Docker's configuration does, as files of an image and on a running host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.findings import Outcome
from netprobe.host.filesystem import FolderRoot
from netprobe.host.readers import daemonjson
from netprobe.host.rules import dockerkeys
from netprobe.rules import Judgement
from tests.support import rootfs

PASS, WARN, FAIL, NOT_RUN = Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.NOT_RUN
CONFIG = "etc/docker/daemon.json"
DROP_IN = "etc/systemd/system/docker.service.d/a.conf"
PLAIN = "[Service]\nExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock\n"


def files(config: Any = None, *, docker: str = "28.3.0", unit: str = PLAIN) -> dict[str, str | bytes]:
    found: dict[str, str | bytes] = {
        "usr/bin/dockerd": "",
        "usr/lib/systemd/system/docker.service": unit,
        "var/lib/dpkg/status": f"Package: docker-ce\nStatus: install ok installed\nVersion: 5:{docker}-1\n",
    }
    if config is not None:
        found[CONFIG] = config if isinstance(config, str) else json.dumps(config, indent=1)
    return found


def judgement(tmp_path: Path, rule: str, content: dict[str, str | bytes], **live: Any) -> Judgement:
    root = rootfs.make(tmp_path / "root", content)
    return rootfs.judged(root, rootfs.live() if live else None)[rule].judgement


CLIENTS = {"proxies": {"default": {"httpsProxy": "http://p.example:3128"}}}


@pytest.mark.parametrize(
    ("config", "expected", "said"),
    [
        (None, PASS, "default configuration"),
        ({}, PASS, ""),
        ({"log-driver": "local", "log-opts": {"max-size": "10m", "max-file": "3"}}, PASS, ""),
        ({"features": {"buildkit": True}, "builder": {"gc": {"enabled": True}}, "live-restore": True}, PASS, ""),
        ({"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 64000, "Soft": 64000}}}, PASS, ""),
        ({"runtimes": {"nvidia": {"path": "nvidia-container-runtime", "args": []}}}, PASS, ""),
        ({"default-address-pools": [{"base": "10.201.0.0/16", "size": 24}]}, PASS, ""),
        ({"dns": None}, PASS, ""),
        ({"proxies": {"https-proxy": "http://u:hunter2@p.example:3128"}}, PASS, "pulls images through http://p.example:3128"),
        (CLIENTS, FAIL, '"default"'),
        ({"proxies": {"httpProxy": "http://p.example:3128"}}, FAIL, '"httpProxy"'),
        ({"httpsProxy": "http://p.example:3128"}, FAIL, '"httpsProxy"'),
        ({"max_concurrent_downloads": 3}, FAIL, '"max_concurrent_downloads"'),
        ({"MTU": 1400}, FAIL, '"MTU"'),
        ({"mtu": "1400"}, FAIL, '"mtu" has a value of the wrong type'),
        ({"mtu": True}, FAIL, "wrong type"),
        ({"dns": "192.0.2.1"}, FAIL, "wrong type"),
        ({"log-opts": {"max-file": 3}}, FAIL, '"log-opts"'),
        ({"debug": "true"}, FAIL, "wrong type"),
        ({"hosts": ["unix:///var/run/docker.sock"]}, FAIL, "on the command line"),
        ({"containerd": "/run/other.sock"}, FAIL, '"containerd" is set'),
        ({"insecure-registry": ["r.example"]}, WARN, "ignores it"),
        ({"https-proxy": "http://p.example:3128"}, WARN, "ignores it"),
        ({"iptables": False}, WARN, "no way out"),
        ("{", FAIL, "not valid JSON"),
        ("[]", FAIL, "no JSON object"),
        ('\ufeff{"debug": true}', PASS, ""),
    ],
)  # fmt: skip
def test_what_dockerd_makes_of_its_file(tmp_path: Path, config: Any, expected: Outcome, said: str) -> None:
    one = judgement(tmp_path, "docker_config_harmful", files(config))
    assert one.outcome is expected, one.title
    assert said in one.title
    assert "hunter2" not in str(one)


@pytest.mark.parametrize(
    ("key", "docker", "expected"),
    [
        ("no-proxy", "20.10.24", FAIL),
        ("no-proxy", "23.0.1", WARN),
        ("bip6", "27.5.1", FAIL),
        ("bip6", "28.0.0", PASS),
        ("allow-direct-routing", "28.1.1", FAIL),
        ("allow-direct-routing", "28.2.0", PASS),
        ("graph", "23.0.6", PASS),
        ("graph", "24.0.0", FAIL),
        ("firewall-backend", "28.5.2", FAIL),
        ("firewall-backend", "29.0.0", PASS),
        ("quite-new", "29.3.0", FAIL),
        ("quite-new", "30.0.0", WARN),
    ],
)  # fmt: skip
def test_each_version_knows_its_own_keys(tmp_path: Path, key: str, docker: str, expected: Outcome) -> None:
    value: Any = True if key == "allow-direct-routing" else "x"
    one = judgement(tmp_path, "docker_config_harmful", files({key: value}, docker=docker))
    assert one.outcome is expected, one.title


def test_every_mistake_is_shown_at_its_line(tmp_path: Path) -> None:
    text = '{\n "debug": true,\n "proxies": {\n  "default": {}\n },\n "mtu": "x",\n "hosts": []\n}\n'
    one = judgement(tmp_path, "docker_config_harmful", files(text))
    assert [place.line for place in one.places] == [4, 6, 7]
    assert '"http-proxy"' in one.remedy
    assert "~/.docker/config.json" in one.remedy


@pytest.mark.parametrize(
    ("unit", "more", "expected"),
    [
        ("[Service]\nExecStart=/usr/bin/dockerd\n", {}, PASS),
        (PLAIN, {DROP_IN: "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd\n"}, PASS),
        ("[Service]\nEnvironment=OPTS=-Htcp://127.0.0.1:2375\nExecStart=/usr/bin/dockerd $OPTS\n", {}, FAIL),
        ("[Service]\nExecStart=/usr/bin/dockerd --host=fd://\n", {}, FAIL),
        ("[Service]\nEnvironmentFile=-/etc/default/docker\nExecStart=/usr/bin/dockerd $DOCKER_OPTS\n",
         {"etc/default/docker": 'DOCKER_OPTS="-H fd://"\n'}, FAIL),
        ("[Service]\nExecStart=/usr/bin/dockerd --config-file /etc/other.json -H fd://\n", {}, PASS),
    ],
)  # fmt: skip
def test_hosts_in_the_file_and_on_the_command_line(
    tmp_path: Path, unit: str, more: dict[str, str | bytes], expected: Outcome
) -> None:
    content = {**files({"hosts": ["unix:///var/run/docker.sock"]}, unit=unit), **more}
    assert judgement(tmp_path, "docker_config_harmful", content).outcome is expected


@pytest.mark.parametrize(
    ("config", "unit", "expected"),
    [
        ({"bridge": "none"}, PLAIN, FAIL),
        ({}, "[Service]\nExecStart=/usr/bin/dockerd -b none\n", FAIL),
        ({}, "[Service]\nExecStart=/usr/bin/dockerd --bridge=none\n", FAIL),
        ({"bridge": "br0"}, PLAIN, PASS),
        ({}, PLAIN, PASS),
    ],
)
def test_no_bridge_is_told(tmp_path: Path, config: Any, unit: str, expected: Outcome) -> None:
    assert judgement(tmp_path, "docker_bridge_missing", files(config, unit=unit)).outcome is expected


WG = "[Interface]\nAddress = 10.1.1.2/24\n{}[Peer]\nAllowedIPs = {}\n"
NETPLAN = (
    "network:\n  version: 2\n  ethernets:\n    eth0:\n      {}\n      mtu: {}\n"
    "    eth1:\n      addresses: [10.0.0.1/8]\n      mtu: 1300\n"
)
INTERFACES = (
    "auto lo\niface lo inet loopback\n mtu 65536\nauto ppp0\niface ppp0 inet ppp\n mtu 1400\n"
    "iface eth0 inet static\n address 192.0.2.9/24\n gateway 192.0.2.1\n mtu 1492\n"
)
KEYFILE = "[connection]\nid=x\ntype=ethernet\ninterface-name=eno1\n[ethernet]\nmtu={}\n[ipv4]\nmethod={}\n"
NETWORKD = "[Match]\nName=eth0\n[Link]\nMTUBytes={}\n[Network]\nDHCP={}\n"


@pytest.mark.parametrize(
    ("more", "mtu", "expected", "line"),
    [
        ({}, None, NOT_RUN, 0),
        ({"etc/wireguard/wg0.conf": WG.format("MTU = 1380\n", "0.0.0.0/0, ::/0")}, None, WARN, 3),
        ({"etc/wireguard/wg0.conf": WG.format("MTU = 1380\n", "0.0.0.0/0")}, 1380, PASS, 0),
        ({"etc/wireguard/wg0.conf": WG.format("", "0.0.0.0/1,128.0.0.0/1")}, None, WARN, 1),
        ({"etc/wireguard/wg0.conf": WG.format("MTU = 1380\n", "10.1.1.0/24")}, None, NOT_RUN, 0),
        ({"etc/netplan/01.yaml": NETPLAN.format("dhcp4: true", 1450)}, None, WARN, 6),
        ({"etc/netplan/01.yaml": NETPLAN.format("dhcp4: true", 9000)}, None, PASS, 0),
        ({"etc/netplan/01.yaml": NETPLAN.format("dhcp4: false", 1450)}, None, NOT_RUN, 0),
        ({"etc/network/interfaces": INTERFACES}, None, WARN, 10),
        ({"etc/network/interfaces": INTERFACES}, 1492, PASS, 0),
        ({"etc/NetworkManager/system-connections/a.nmconnection": KEYFILE.format(1460, "auto")}, None, WARN, 6),
        ({"etc/NetworkManager/system-connections/a.nmconnection": KEYFILE.format(1460, "disabled")}, None, NOT_RUN, 0),
        ({"etc/sysconfig/network-scripts/ifcfg-eth0": 'DEVICE="eth0"\nBOOTPROTO=dhcp\nMTU="1400"\n'}, None, WARN, 3),
        ({"etc/sysconfig/network-scripts/ifcfg-eth0": "BOOTPROTO=dhcp\nMTU=1400\nDEFROUTE=no\n"}, None, NOT_RUN, 0),
        ({"etc/systemd/network/a.network": NETWORKD.format(1400, "ipv4")}, None, WARN, 4),
        ({"etc/systemd/network/a.network": NETWORKD.format(1400, "no")}, None, NOT_RUN, 0),
    ],
)  # fmt: skip
def test_mtu_of_an_image(
    tmp_path: Path, more: dict[str, str | bytes], mtu: int | None, expected: Outcome, line: int
) -> None:
    content = {**files({"mtu": mtu} if mtu else {}), **more}
    one = judgement(tmp_path, "docker_mtu_too_large", content)
    assert one.outcome is expected, one.title
    if expected is WARN:
        assert (one.places[0].file, one.places[0].line) == (f"/{next(iter(more))}", line)


ROUTES = (
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n{}\t00000000\t010AA8C0\t0003\t0\t0\t0\t00000000\n"
)
DOCKER0 = "docker0\t0011AC00\t00000000\t0001\t0\t0\t0\t0000FFFF\n"


@pytest.mark.parametrize(("size", "expected"), [("1420", WARN), ("1500", PASS), ("9000", PASS), ("", NOT_RUN)])
def test_mtu_of_a_running_host(tmp_path: Path, size: str, expected: Outcome) -> None:
    content = {**files({}), "proc/net/route": ROUTES.format("wg0"), "sys/class/net/wg0/mtu": f"{size}\n"}
    assert judgement(tmp_path, "docker_mtu_too_large", content, live=True).outcome is expected


PROXY = {"etc/ecs/ecs.config": "HTTPS_PROXY=http://172.17.8.9:3128\n"}
FAR_PROXY = {"etc/ecs/ecs.config": "HTTPS_PROXY=http://10.4.5.6:3128\n"}


@pytest.mark.parametrize(
    ("config", "more", "expected"),
    [
        ({}, PROXY, WARN),
        ({}, FAR_PROXY, PASS),
        ({"bip": "10.200.0.1/24"}, PROXY, PASS),
        ({"bip": "10.4.0.1/16"}, FAR_PROXY, WARN),
        ({"default-address-pools": [{"base": "10.4.0.0/14", "size": 24}]}, FAR_PROXY, PASS),
        ({"default-address-pools": [{"base": "10.4.0.0/14", "size": 16}]}, FAR_PROXY, WARN),
        ({"default-address-pools": [{"base": "10.4.4.0/22", "size": 22}]}, FAR_PROXY, WARN),
        ({}, {"etc/ecs/ecs.config": "HTTPS_PROXY=http://172.17.0.1:3128\n"}, PASS),
        ({}, {"etc/ecs/ecs.config": "HTTPS_PROXY=http://proxy.example:3128\n"}, PASS),
        ({"bip": "192.0.2.1/24"}, {"etc/resolv.conf": "nameserver 192.0.2.53\n"}, WARN),
        ({}, {"etc/resolv.conf": "nameserver 172.17.0.53\n"}, PASS),
        ({"bip": "not an address"}, PROXY, NOT_RUN),
    ],
)  # fmt: skip
def test_dockers_network_and_what_lies_in_it(
    tmp_path: Path, config: Any, more: dict[str, str | bytes], expected: Outcome
) -> None:
    one = judgement(tmp_path, "docker_network_overlaps", {**files(config), **more})
    assert one.outcome is expected, one.title


def test_a_running_host_is_asked_for_its_own_bridge(tmp_path: Path) -> None:
    route = "docker0\t0000C80A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n"
    content = {**files({}), **PROXY, "proc/net/route": ROUTES.format("eth0") + route}
    assert judgement(tmp_path, "docker_network_overlaps", content, live=True).outcome is PASS
    (tmp_path / "root/etc/ecs/ecs.config").write_text("HTTPS_PROXY=http://10.200.0.9:3128\n")
    assert rootfs.judged(tmp_path / "root", rootfs.live())["docker_network_overlaps"].judgement.outcome is WARN


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
                    max_leaves=10)  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(dockerkeys.KEYS)) | st.text(max_size=8), JSON, max_size=4))
def test_any_object_is_judged(tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any]) -> None:
    root = rootfs.make(tmp_path_factory.mktemp("any"), {CONFIG: json.dumps(config)})
    with FolderRoot(root) as folder:
        read = daemonjson.read(folder)
        for path, key in dockerkeys.flattened(read.settings):
            assert read.line(*path) == 1
            assert isinstance(dockerkeys.wrong_type(key, config.get(key)), str)


@pytest.mark.parametrize(
    ("driver", "docker", "expected"),
    [
        ("aufs", "23.0.6", PASS),
        ("aufs", "24.0.0", FAIL),
        ("overlay", "24.0.9", FAIL),
        ("devicemapper", "24.0.9", PASS),
        ("devicemapper", "25.0.3", FAIL),
        ("overlay2", "29.0.0", PASS),
    ],
)
def test_storage_drivers_that_were_taken_away(tmp_path: Path, driver: str, docker: str, expected: Outcome) -> None:
    one = judgement(tmp_path, "docker_config_harmful", files({"storage-driver": driver}, docker=docker))
    assert one.outcome is expected, one.title
    assert (driver in one.title) is (expected is FAIL)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, WARN),
        ({"etc/sysctl.d/90-forward.conf": "net.ipv4.ip_forward = 1\n"}, PASS),
        ({"etc/sysctl.d/90-forward.conf": "net.ipv4.conf.all.forwarding=1\n"}, PASS),
        ({"etc/sysctl.d/90-forward.conf": "net.ipv4.ip_forward = 0\n"}, WARN),
    ],
)
def test_forwarding_that_nobody_switches_on(tmp_path: Path, more: dict[str, str | bytes], expected: Outcome) -> None:
    content = {**files({"ip-forward": False}), **more}
    assert judgement(tmp_path, "docker_config_harmful", content).outcome is expected
