"""The agents' proxy settings, read from roots as operators leave them behind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
import trustme

from netprobe.errors import UsageError
from netprobe.findings import Outcome
from netprobe.host.agents import lints, noticed, programs, vantages
from netprobe.host.filesystem import FolderRoot
from netprobe.host.machine import Live, Machine
from netprobe.host.rules import proxies
from netprobe.observations import Lint
from netprobe.probes import trust
from netprobe.rules import judge_one
from netprobe.vantage import Resolver, TrustStore, Vantage
from tests.support import need

BASE = Vantage(name="host", resolvers=(Resolver(address="127.0.0.53"),))
SECRET = "hunter2-planted"


@contextlib.contextmanager
def _machine(root: Path, files: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Iterator[Machine]:
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    live = None
    if environment is not None:
        live = Live(
            environment=environment,
            free_bytes=lambda _: None,
            clock_synchronised=lambda: None,
            firewall=lambda _: None,
        )
    with FolderRoot(root) as opened:
        yield Machine(root=opened, subject="image", live=live)


def _ids(found: tuple[Lint, ...]) -> list[str]:
    return [lint.id for lint in found]


def test_the_ecs_agent_takes_http_proxy_for_https_and_the_others_do_not(tmp_path: Path) -> None:
    """The trap of AWS's own page: HTTP_PROXY alone lets the ECS agent through and nobody else."""
    files = {
        "/etc/ecs/ecs.config": "ECS_CLUSTER=c\nHTTP_PROXY=proxy.corp:3128\n",
        "/lib/systemd/system/ecs.service": "[Service]\nEnvironmentFile=-/etc/ecs/ecs.config\n",
        "/etc/systemd/system/docker.service.d/proxy.conf": "[Service]\nEnvironment=HTTP_PROXY=http://proxy.corp:3128\n",
        "/lib/systemd/system/docker.service": "[Service]\n",
    }
    with _machine(tmp_path, files) as machine:
        agent, _, docker, init, _ = programs.read(machine)
        assert agent.https is not None
        assert (agent.https.file, agent.https.line) == ("/etc/ecs/ecs.config", 2)
        assert not agent.only_http
        for program in (docker, init):
            assert program.https is None
            assert program.only_http
            assert "proxy_only_http_set" in _ids(lints.of_program(program, machine.root))
        eyes = {v.name: v for v in vantages.vantages(machine, BASE)}
    through = eyes["ecs-agent"].proxy_for("ecs.us-east-2.amazonaws.com", 443)
    assert through is not None
    assert through.safe == "http://proxy.corp:3128"
    assert eyes["docker"].proxy_for("ecs.us-east-2.amazonaws.com", 443) is None


def test_an_empty_no_proxy_becomes_the_ecs_agents_default(tmp_path: Path) -> None:
    with _machine(tmp_path, {"/etc/ecs/ecs.config": "HTTPS_PROXY=http://p.corp:1\n"}) as machine:
        (eyes,) = vantages.vantages(machine, BASE)
        found = lints.of_program(programs.ecs_agent(machine), machine.root)
    assert eyes.name == "ecs-agent"
    assert eyes.proxy_for("169.254.170.2", 80) is None
    assert found == ()


def test_quotes_in_ecs_config_are_part_of_the_value_for_the_agent_only(tmp_path: Path) -> None:
    files = {
        "/etc/ecs/ecs.config": 'HTTPS_PROXY="http://p.corp:3128"\n',
        "/lib/systemd/system/ecs.service": "[Service]\n",
    }
    with _machine(tmp_path, files) as machine:
        agent, init = programs.ecs_agent(machine), programs.ecs_init(machine)
        assert "proxy_url_invalid" in _ids(lints.of_program(agent, machine.root))
        assert "proxy_url_invalid" not in _ids(lints.of_program(init, machine.root))
        eyes = vantages.of_program(agent, machine, BASE)
    assert eyes.proxy_for("ecs.us-east-2.amazonaws.com", 443) is None


def test_later_files_and_drop_ins_win(tmp_path: Path) -> None:
    files = {
        "/var/lib/ecs/ecs.config": "HTTPS_PROXY=http://first:1\n",
        "/etc/ecs/ecs.config": "HTTPS_PROXY=http://second:2\n",
        "/lib/systemd/system/amazon-ssm-agent.service": "[Service]\nEnvironment=https_proxy=http://unit:1\n",
        "/etc/systemd/system/amazon-ssm-agent.service.d/10.conf": "[Service]\nEnvironment=https_proxy=http://ten:1\n",
        "/etc/systemd/system/amazon-ssm-agent.service.d/20.conf": (
            "[Service]\n# a comment\nEnvironment=\nEnvironment=\\\n  'https_proxy=http://twenty:2' \"no_proxy=.corp\"\n"
        ),
    }
    with _machine(tmp_path, files) as machine:
        agent, ssm = programs.ecs_agent(machine), programs.ssm_agent(machine)
    assert agent.https is not None
    assert agent.https.value == "http://second:2"
    assert ssm.https is not None
    assert (ssm.https.value, ssm.https.line) == ("http://twenty:2", 4)
    assert ssm.no_proxy is not None
    assert ssm.no_proxy.value == ".corp"


def test_daemon_json_wins_over_dockers_environment(tmp_path: Path) -> None:
    files = {
        "/lib/systemd/system/docker.service": "[Service]\nEnvironment=HTTPS_PROXY=http://unit:1\n",
        "/etc/docker/daemon.json": '{\n  "proxies": {\n    "https-proxy": "http://daemon:2"\n  }\n}\n',
    }
    with _machine(tmp_path, files) as machine:
        docker = programs.docker(machine)
        found = vantages.vantages(machine, BASE, ["docker"])[0]
    assert docker.https is not None
    assert (docker.https.value, docker.https.file, docker.https.line) == (
        "http://daemon:2",
        "/etc/docker/daemon.json",
        3,
    )
    assert found.record.sources["proxy"] == "/etc/docker/daemon.json:3 (HTTPS_PROXY)"


def test_options_of_dockerd_win_over_its_environment(tmp_path: Path) -> None:
    """They were not read, and Docker was said to have no proxy."""
    unit = (
        "[Service]\nEnvironment=HTTPS_PROXY=http://unit:1\n"
        "ExecStart=/usr/bin/dockerd -H fd:// --http-proxy=http://option:2 --https-proxy http://option:3\n"
    )
    with _machine(tmp_path, {"/lib/systemd/system/docker.service": unit}) as machine:
        docker = programs.docker(machine)
    assert docker.https is not None
    assert docker.http is not None
    assert (docker.https.value, docker.https.line, docker.http.value) == ("http://option:3", 3, "http://option:2")


def test_the_installer_is_curl_in_the_shell(tmp_path: Path) -> None:
    with _machine(tmp_path, {}, {"HTTP_PROXY": "http://upper:1", "https_proxy": "http://lower:2"}) as machine:
        installer = programs.installer(machine)
    assert installer.http is None, "curl reads http_proxy in lower case only"
    assert installer.https is not None
    assert installer.https.value == "http://lower:2"


@pytest.mark.parametrize(
    ("lint", "config"),
    [
        ("no_proxy_missing_task_credentials", "HTTP_PROXY=http://p:1\nNO_PROXY=169.254.169.254\n"),
        ("no_proxy_missing_metadata", "HTTP_PROXY=http://p:1\nNO_PROXY=169.254.170.2\n"),
        (
            "no_proxy_not_understood",
            "HTTPS_PROXY=http://p:1\nNO_PROXY=169.254.0.0/16,ecs-a-*.us-east-2.amazonaws.com\n",
        ),
        ("proxy_values_conflict", "HTTPS_PROXY=http://p:1\nhttps_proxy=http://q:1\n"),
        ("proxy_scheme_unusable", "HTTPS_PROXY=ftp://p:1\n"),
        ("proxy_url_invalid", "HTTPS_PROXY=http://p:99999\n"),
        ("proxy_password_world_readable", f"HTTPS_PROXY=http://svc:{SECRET}@p.corp:3128\n"),
    ],
)
def test_each_lint_is_found_alone_and_names_file_and_line(tmp_path: Path, lint: str, config: str) -> None:
    with _machine(tmp_path, {"/etc/ecs/ecs.config": "ECS_CLUSTER=c\n" + config}) as machine:
        found = lints.of_program(programs.ecs_agent(machine), machine.root)
    assert _ids(found) == [lint]
    assert found[0].file == "/etc/ecs/ecs.config"
    assert (found[0].line or 0) >= 2


def test_agents_that_name_different_proxies_are_told(tmp_path: Path) -> None:
    files = {
        "/etc/ecs/ecs.config": "HTTPS_PROXY=http://one.corp:3128\n",
        "/lib/systemd/system/docker.service": "[Service]\nEnvironment=HTTPS_PROXY=http://two.corp:3128\n",
    }
    with _machine(tmp_path, files) as machine:
        (found,) = lints.between(programs.read(machine))
    assert found.id == "proxy_values_conflict"
    assert "one.corp" in found.other
    assert "two.corp" in found.value


def test_a_running_process_with_older_values_needs_a_restart(tmp_path: Path) -> None:
    files = {
        "/lib/systemd/system/docker.service": "[Service]\nEnvironment=HTTPS_PROXY=http://new:1\n",
        "/proc/77/comm": "dockerd\n",
        "/proc/77/environ": "PATH=/bin\0HTTPS_PROXY=http://old:1\0",
    }
    with _machine(tmp_path, files, {}) as machine:
        docker = programs.docker(machine)
        found = lints.of_program(docker, machine.root)
    assert docker.https is not None
    assert docker.https.value == "http://old:1", "what runs is what counts"
    assert _ids(found) == ["proxy_needs_restart"]
    assert "process" in found[0].other


def test_the_rpm_agent_does_not_trust_the_hosts_store(tmp_path: Path) -> None:
    rpm, deb = tmp_path / "rpm", tmp_path / "deb"
    with _machine(rpm, {"/etc/os-release": "ID=rhel\n", "/etc/ecs/ecs.config": "A=b\n"}) as machine:
        assert vantages.vantages(machine, BASE)[0].store.ca_file is not None
    with _machine(deb, {"/etc/os-release": "ID=debian\n", "/etc/ecs/ecs.config": "A=b\n"}) as machine:
        assert vantages.vantages(machine, BASE)[0].store == BASE.store


def test_without_agents_the_host_looks_for_itself(tmp_path: Path) -> None:
    with _machine(tmp_path, {}) as machine:
        assert vantages.vantages(machine, BASE) == (BASE,)
        assert [v.name for v in vantages.vantages(machine, BASE, ["all"])] == ["installer"]
        with pytest.raises(UsageError):
            vantages.vantages(machine, BASE, ["kubelet"])


def test_no_secret_is_in_a_record_or_a_repr(tmp_path: Path) -> None:
    config = f"HTTPS_PROXY=http://svc:{SECRET}@p.corp:3128\nhttps_proxy=http://svc:{SECRET}@q.corp:3128\n"
    with _machine(tmp_path, {"/etc/ecs/ecs.config": config}) as machine:
        (eyes,) = vantages.vantages(machine, BASE)
        said = repr(programs.read(machine)) + repr(eyes)
    proxy = eyes.proxy_for("ecs.us-east-2.amazonaws.com", 443)
    assert proxy is not None
    assert proxy.password == SECRET
    assert SECRET not in said


@pytest.mark.parametrize(
    ("vantage", "file", "text", "lint", "line", "value"),
    [
        (
            "docker",
            "/lib/systemd/system/containerd.service",
            "[Service]\nEnvironment=HTTPS_PROXY=http://svc:hunter2-planted@p:1\n",
            "proxy_setting_unused",
            2,
            "HTTPS_PROXY=http://p:1",
        ),
        (
            "docker",
            "/root/.docker/config.json",
            '{\n "proxies": {\n  "default": {\n   "httpsProxy": "http://svc:hunter2-planted@p:1"\n}}}',
            "proxy_setting_unused",
            4,
            "default.httpsProxy=http://p:1",
        ),
        (
            "ssm-agent",
            "/etc/amazon/ssm/amazon-ssm-agent.json",
            '{\n "Mds": {"Endpoint": ""},\n "Ssm": {"Endpoint": "ssm.corp.example"}}',
            "agent_endpoint_overridden",
            3,
            "Ssm.Endpoint=ssm.corp.example",
        ),
        (
            "ecs-agent",
            "/etc/ecs/ecs.config",
            "ECS_BACKEND_HOST=https://ecs.corp.example\n",
            "agent_endpoint_overridden",
            1,
            "ECS_BACKEND_HOST=https://ecs.corp.example",
        ),
        (
            "installer",
            "/etc/environment",
            "AUTO_PROXY=http://wpad.corp/proxy.pac\n",
            "proxy_pac_unused",
            1,
            "AUTO_PROXY=http://wpad.corp/proxy.pac",
        ),
    ],
)
def test_what_is_set_beside_the_agents_is_told(
    tmp_path: Path, vantage: str, file: str, text: str, lint: str, line: int, value: str
) -> None:
    with _machine(tmp_path, {file: text}) as machine:
        (eyes,) = vantages.vantages(machine, BASE, [vantage])
    (found,) = eyes.record.lints
    assert (found.id, found.file, found.line, found.value) == (lint, file, line, value)
    assert eyes.record.proxy is None
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("/etc/apt/apt.conf.d/80proxy", 'Acquire::http::Proxy "http://other.corp:3128/";\n'),
        ("/etc/apt/apt.conf", 'acquire::https::proxy "http://svc:hunter2-planted@other.corp:3128";\n'),
        ("/etc/dnf/dnf.conf", "[main]\nproxy=http://other.corp:3128\n"),
        ("/etc/yum.conf", "[main]\nproxy = http://other.corp:3128\n"),
    ],
)
def test_a_package_managers_proxy_is_held_against_the_installers(tmp_path: Path, file: str, text: str) -> None:
    with _machine(tmp_path, {file: text, "/etc/environment": "https_proxy=http://p.corp:3128\n"}) as machine:
        (eyes,) = vantages.vantages(machine, BASE, ["installer"])
        (found,) = eyes.record.lints
        assert (found.id, found.file) == ("proxy_values_conflict", file)
        assert "http://other.corp:3128" in found.value
        assert found.other == "the installer: /etc/environment:1: https_proxy=http://p.corp:3128"
        assert SECRET not in repr(found)


def test_package_managers_that_agree_or_go_directly_are_no_conflict(tmp_path: Path) -> None:
    files = {
        "/etc/apt/apt.conf.d/80proxy": 'Acquire::http::Proxy "p.corp:3128";\nAcquire::https::Proxy "DIRECT";\n',
        "/etc/dnf/dnf.conf": "[main]\nproxy=_none_\n",
        "/etc/environment": "https_proxy=http://P.corp:3128/\n",
    }
    with _machine(tmp_path, files) as machine:
        (eyes,) = vantages.vantages(machine, BASE, ["installer"])
    assert eyes.record.lints == ()


def test_files_that_are_no_json_say_nothing(tmp_path: Path) -> None:
    for number, text in enumerate(("{", "[1]", '{"proxies": 7, "Ssm": []}', "[" * 100_000)):
        files = {noticed.DOCKER_CLIENT: text, noticed.SSM_CONFIG: text}
        with _machine(tmp_path / str(number), files) as machine:
            found = vantages.vantages(machine, BASE, ["docker", "ssm-agent"])
        assert [eyes.record.lints for eyes in found] == [(), ()]


def test_the_snap_of_the_ssm_agent_has_its_own_unit(tmp_path: Path) -> None:
    unit = "/etc/systemd/system/snap.amazon-ssm-agent.amazon-ssm-agent.service"
    files = {unit: "[Service]\n", f"{unit}.d/proxy.conf": "[Service]\nEnvironment=https_proxy=http://p:1\n"}
    with _machine(tmp_path, files) as machine:
        (eyes,) = vantages.vantages(machine, BASE)
    assert (eyes.name, eyes.record.proxy) == ("ssm-agent", "http://p:1")
    assert eyes.record.sources["proxy"] == f"{unit}.d/proxy.conf:2 (https_proxy)"


def test_which_token_keeps_a_host_from_the_proxy(tmp_path: Path) -> None:
    config = (
        "HTTPS_PROXY=http://p:1\nNO_PROXY=169.254.0.0/16,logs.us-east-2.amazonaws.com:443,.s3.us-east-2.amazonaws.com\n"
    )
    with _machine(tmp_path, {"/etc/ecs/ecs.config": config}) as machine:
        (eyes,) = vantages.vantages(machine, BASE)
    assert eyes.exempts("logs.us-east-2.amazonaws.com", 443) == "logs.us-east-2.amazonaws.com:443"
    assert eyes.exempts("b.s3.us-east-2.amazonaws.com", 443) == ".s3.us-east-2.amazonaws.com"
    assert eyes.exempts("ecs.us-east-2.amazonaws.com", 443) is None


BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
ROOT = trustme.CA().cert_pem.bytes().decode()
UNITS = {
    "/lib/systemd/system/docker.service": "[Service]\n",
    "/lib/systemd/system/amazon-ssm-agent.service": "[Service]\n",
}


def test_agents_of_a_root_folder_trust_what_lies_in_it(tmp_path: Path) -> None:
    files = {"/lib/systemd/system/docker.service": "[Service]\n", BUNDLE: "its own"}
    with _machine(tmp_path, files) as machine:
        (docker,) = vantages.vantages(machine, BASE)
    assert docker.store.ca_file == tmp_path / BUNDLE.lstrip("/")
    assert docker.record.store == f"{BUNDLE} of the root folder"


def test_links_of_a_root_folder_lead_nowhere_else(tmp_path: Path) -> None:
    """Its bundle is a link, absolute as links there are: into the root, and not to this machine's own bundle."""
    root = tmp_path / "root"
    files = {"/lib/systemd/system/docker.service": "[Service]\n", "/etc/pki/real.pem": "its own"}
    with _machine(root, files):
        (root / "etc/ssl/certs").mkdir(parents=True)
        (root / BUNDLE.lstrip("/")).symlink_to("/etc/pki/real.pem")
    with _machine(root, {}) as machine:
        (docker,) = vantages.vantages(machine, BASE)
    assert docker.store.ca_file == root / "etc/pki/real.pem"


def test_a_root_folder_without_a_bundle_is_told(tmp_path: Path) -> None:
    with _machine(tmp_path, {"/lib/systemd/system/docker.service": "[Service]\n"}) as machine:
        (docker,) = vantages.vantages(machine, BASE)
    assert docker.store.ca_file is None
    assert "no CA bundle" in docker.record.store


def test_a_bundle_that_the_agents_settings_name_lies_in_the_root_folder(tmp_path: Path) -> None:
    files = {"/etc/ecs/ecs.config": "SSL_CERT_FILE=/etc/ecs/ca.pem\n", "/etc/ecs/ca.pem": ROOT}
    with _machine(tmp_path, files) as machine:
        (agent,) = vantages.vantages(machine, BASE)
    assert agent.store.ca_file == tmp_path / "etc/ecs/ca.pem"
    assert agent.record.store == "/etc/ecs/ca.pem"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no such file"),
        ("", "it is empty"),
        ("\n \n", "it is empty"),
        ("its own", "it holds no PEM certificate"),
        (ROOT.replace("M", "N", 1), "a certificate in it cannot be read"),
        (ROOT[: len(ROOT) // 2], "a certificate in it cannot be read"),
    ],
)
@pytest.mark.parametrize(
    ("file", "before", "name"),
    [
        ("/etc/ecs/ecs.config", "ECS_CLUSTER=c\n", "ecs-agent"),
        ("/etc/systemd/system/docker.service.d/ca.conf", "[Service]\n", "docker"),
        ("/etc/systemd/system/amazon-ssm-agent.service.d/ca.conf", "[Service]\n", "ssm-agent"),
    ],
)
def test_a_bundle_of_no_use_is_told_with_its_place(
    tmp_path: Path, file: str, before: str, name: str, content: str | None, reason: str
) -> None:
    """Go passes over it, so what is looked with is the root folder's own bundle; never a file of this machine."""
    line = f"{'Environment=' if name != 'ecs-agent' else ''}SSL_CERT_FILE=/etc/ecs/ca.pem\n"
    files = {**UNITS, BUNDLE: ROOT, file: before + line}
    if content is not None:
        files["/etc/ecs/ca.pem"] = content
    with _machine(tmp_path, files) as machine:
        (eyes,) = vantages.vantages(machine, BASE, [name])
    (lint,) = [one for one in eyes.record.lints if one.id == "trust_file_unusable"]
    assert (lint.file, lint.line, lint.value, lint.other) == (file, 2, "SSL_CERT_FILE=/etc/ecs/ca.pem", reason)
    assert eyes.store.ca_file == tmp_path / BUNDLE.lstrip("/")
    assert "store" not in eyes.record.sources


def test_a_bundle_is_looked_for_in_the_root_folder_alone(tmp_path: Path) -> None:
    """The same path lies on this machine, as a file and behind a link; neither is opened."""
    outside = tmp_path / "outside.pem"
    outside.write_text(ROOT)
    root = tmp_path / "root"
    for value in (str(outside), "/etc/ecs/link.pem"):
        with _machine(root, {"/etc/ecs/ecs.config": f"SSL_CERT_FILE={value}\n"}) as machine:
            (root / "etc/ecs/link.pem").unlink(missing_ok=True)
            (root / "etc/ecs/link.pem").symlink_to(outside)
            (eyes,) = vantages.vantages(machine, BASE)
        assert eyes.store == BASE.store
        assert _ids(eyes.record.lints) == ["trust_file_unusable"]


def test_a_pipe_in_the_place_of_a_bundle_holds_nobody_up(tmp_path: Path) -> None:
    with _machine(tmp_path, {"/etc/ecs/ecs.config": "SSL_CERT_FILE=/etc/ecs/ca.pem\n"}) as machine:
        os.mkfifo(tmp_path / "etc/ecs/ca.pem")
        (eyes,) = vantages.vantages(machine, BASE)
    (lint,) = eyes.record.lints
    assert (lint.id, lint.other) == ("trust_file_unusable", "it is not a regular file")


@pytest.mark.parametrize(
    ("value", "files", "reason"),
    [
        ("/etc/none", {}, "there is no such folder, or it is empty"),
        ("/etc/none:/etc/cas", {"/etc/cas/a.txt": "no PEM"}, "no file in it holds a CA certificate"),
        ("/etc/none:/etc/cas", {"/etc/cas/a.txt": "no PEM", "/etc/cas/b": "ROOT"}, None),
    ],
)
def test_folders_of_certificates(tmp_path: Path, value: str, files: dict[str, str], reason: str | None) -> None:
    content = {name: text.replace("ROOT", ROOT) for name, text in files.items()}
    with _machine(tmp_path, {**content, "/etc/ecs/ecs.config": f"A=b\nSSL_CERT_DIR={value}\n"}) as machine:
        (eyes,) = vantages.vantages(machine, BASE)
    told = [(one.id, one.file, one.line, one.other) for one in eyes.record.lints]
    assert told == ([] if reason is None else [("trust_file_unusable", "/etc/ecs/ecs.config", 2, reason)])


def test_a_usual_path_may_be_the_agents_images_own(tmp_path: Path) -> None:
    """An rpm host has no such file, and the ECS agent's container does."""
    with _machine(tmp_path, {"/etc/ecs/ecs.config": f"SSL_CERT_FILE={BUNDLE}\n"}) as machine:
        (eyes,) = vantages.vantages(machine, BASE)
    assert eyes.record.lints == ()


def test_a_ca_file_that_was_asked_for_wins_over_the_root_folders(tmp_path: Path) -> None:
    asked = msgspec.structs.replace(BASE, store=TrustStore(ca_file=tmp_path / "asked.pem", description="asked.pem"))
    with _machine(tmp_path, {"/lib/systemd/system/docker.service": "[Service]\n", BUNDLE: "x"}) as machine:
        (docker,) = vantages.vantages(machine, asked)
    assert docker.store.ca_file == tmp_path / "asked.pem"


def test_a_running_host_has_the_systems_store(tmp_path: Path) -> None:
    with _machine(tmp_path, {"/lib/systemd/system/docker.service": "[Service]\n", BUNDLE: "x"}, {}) as machine:
        (docker,) = vantages.vantages(machine, BASE)
    assert docker.store.ca_file is None


COMMON = programs.CLOUDWATCH_COMMON
COMMON_TEXT = """# written by the installer
[proxy]
    http_proxy = "http://p.example:3128"
    https_proxy = "http://svc:hunter2-planted@p.example:3128"
    no_proxy = "169.254.169.254"
[ssl]
    ca_bundle_path = "/etc/pki/own.pem"
"""


def test_the_cloudwatch_agent_has_settings_of_its_own(tmp_path: Path) -> None:
    with _machine(tmp_path, {COMMON: COMMON_TEXT, "/etc/pki/own.pem": ROOT}) as machine:
        agent = programs.cloudwatch_agent(machine)
        (eyes,) = vantages.vantages(machine, BASE, ["cloudwatch-agent"])
    assert agent.installed
    assert agent.https is not None
    assert (agent.https.file, agent.https.line) == (COMMON, 4)
    through = eyes.proxy_for("logs.us-east-2.amazonaws.com", 443)
    assert through is not None
    assert through.safe == "http://p.example:3128"
    assert eyes.proxy_for("169.254.169.254", 80) is None
    assert eyes.store.ca_file == tmp_path / "etc/pki/own.pem"
    assert SECRET not in repr(agent)


@pytest.mark.parametrize(
    "text", ["", "[proxy", "proxy = 1\n", "[proxy]\nhttps_proxy = 1\n", "[proxy]\n# https_proxy = 'x'\n"]
)
def test_a_configuration_of_the_cloudwatch_agent_that_says_nothing(tmp_path: Path, text: str) -> None:
    with _machine(tmp_path, {COMMON: text}) as machine:
        agent = programs.cloudwatch_agent(machine)
    assert agent.https is None
    assert not agent.installed


def test_endpoints_of_the_cloudwatch_agent_are_noticed(tmp_path: Path) -> None:
    text = '{"logs": {"endpoint_override": "logs.plant.example"}, "metrics": {"endpoint_override": ""}}'
    with _machine(tmp_path, {noticed.CLOUDWATCH_CONFIG: text, COMMON: COMMON_TEXT}) as machine:
        found = noticed.of_program(programs.cloudwatch_agent(machine), machine)
    assert [(lint.id, lint.line) for lint in found] == [("agent_endpoint_overridden", 1)]


def _go_store(root: Path, lines: str, files: Mapping[str, str]) -> Vantage:
    with _machine(root, {"/etc/ecs/ecs.config": f"ECS_CLUSTER=c\n{lines}", **files}) as machine:
        (eyes,) = vantages.vantages(machine, BASE, ["ecs-agent"])
    return eyes


@pytest.mark.parametrize(
    ("lines", "read"),
    [
        ("SSL_CERT_FILE=/etc/ecs/ca.pem\n", ["etc/ecs/ca.pem", "etc/ssl/certs/ca-certificates.crt"]),
        ("SSL_CERT_FILE=/etc/none\n", ["etc/ssl/certs/ca-certificates.crt"]),
        ("SSL_CERT_FILE=/etc/none\nSSL_CERT_DIR=/etc/cas\n", ["etc/cas/a", "etc/cas/b"]),
        (
            "SSL_CERT_FILE=/etc/ecs/ca.pem\nSSL_CERT_DIR=/etc/none:/etc/cas/\n",
            ["etc/ecs/ca.pem", "etc/cas/a", "etc/cas/b"],
        ),
        ("SSL_CERT_FILE=/etc/ecs/ca.pem\nSSL_CERT_DIR=/etc/none\n", ["etc/ecs/ca.pem"]),
        ("SSL_CERT_DIR=/etc/cas\n", ["etc/ssl/certs/ca-certificates.crt", "etc/cas/a", "etc/cas/b"]),
        ("SSL_CERT_DIR=/etc/none\n", ["etc/ssl/certs/ca-certificates.crt"]),
    ],
)
def test_a_go_program_adds_up_the_file_and_the_folders(tmp_path: Path, lines: str, read: list[str]) -> None:
    """As ``loadSystemRoots`` of Go's crypto/x509 does: the folders count whatever the file is."""
    files = {"/etc/ecs/ca.pem": ROOT, BUNDLE: ROOT, "/etc/cas/a": ROOT, "/etc/cas/b": ROOT, "/etc/cas/c": "no PEM"}
    store = _go_store(tmp_path, lines, files).store
    assert store.ca_file is not None
    assert [str(path.relative_to(tmp_path)) for path in (store.ca_file, *store.more)] == read
    context = trust.verifying_context(trust.bundle_of(store), None, store.more)
    assert len(context.get_ca_certs()) == 1


def test_where_file_and_folders_are_of_no_use_nobody_is_trusted(tmp_path: Path) -> None:
    """The pool is empty then, and what this machine trusts says nothing about the agent."""
    lines = "SSL_CERT_FILE=/etc/none\nSSL_CERT_DIR=/etc/none\n"
    eyes = _go_store(tmp_path, lines, {BUNDLE: ROOT})
    assert trust.bundle_of(eyes.store) is None
    assert trust.verifying_context(None, None, eyes.store.more).get_ca_certs() == []
    assert eyes.record.store.startswith("nothing")
    assert [(one.id, one.line) for one in eyes.record.lints] == [("trust_file_unusable", 2), ("trust_file_unusable", 3)]


def test_the_rpms_agent_has_its_images_folders_beside_a_file_of_its_own(tmp_path: Path) -> None:
    files = {"/etc/ecs/ca.pem": ROOT, BUNDLE: ROOT, "/etc/os-release": "ID=rhel\nVERSION_ID=9\n"}
    files["/var/lib/rpm/.keep"] = ""
    eyes = _go_store(tmp_path, "SSL_CERT_FILE=/etc/ecs/ca.pem\n", files)
    assert eyes.store.ca_file == tmp_path / "etc/ecs/ca.pem"
    assert [path.name for path in eyes.store.more] == ["cacert.pem"]


@pytest.mark.root
def test_a_bundle_that_only_the_agent_may_read_is_not_called_unusable(tmp_path: Path) -> None:
    """The agent is root. What this user may not look at is no mistake of the settings, and no pass either."""
    need.root()
    files = {"/etc/ecs/ecs.config": "ECS_CLUSTER=c\nSSL_CERT_FILE=/etc/ecs/private/ca.pem\n", BUNDLE: ROOT}
    (rule,) = [one for one in proxies.RULES if one.id == "trust_file_unusable"]
    with _machine(tmp_path, {**files, "/etc/ecs/private/ca.pem": ROOT}) as machine:
        (tmp_path / "etc/ecs/private").chmod(0o700)
        tmp_path.chmod(0o755)
        os.seteuid(65534)
        try:
            (eyes,) = vantages.vantages(machine, BASE)
            judged = judge_one(rule, machine, "image", running=False)
        finally:
            os.seteuid(0)
        as_root = judge_one(rule, machine, "image", running=False)
    assert eyes.record.lints == ()
    assert eyes.store.ca_file == tmp_path / BUNDLE.lstrip("/")
    assert "Permission denied" in eyes.store.unseen
    assert "Permission denied" in eyes.record.store
    assert judged.judgement.outcome is Outcome.NOT_RUN
    assert "Permission denied" in judged.judgement.title
    assert as_root.judgement.outcome is Outcome.PASS


def test_all_looks_as_the_cloudwatch_agent_too_where_it_is_installed(tmp_path: Path) -> None:
    """Before the installer, which stands last since it looks at what is left over."""
    common = "/opt/aws/amazon-cloudwatch-agent/etc/common-config.toml"
    files = {**UNITS, "/etc/ecs/ecs.config": "ECS_CLUSTER=c\n"}
    with _machine(tmp_path / "without", files) as machine:
        without = [one.name for one in vantages.vantages(machine, BASE, ["all"])]
    files[common] = '[proxy]\nhttps_proxy = "http://proxy.corp:3128"\n'
    with _machine(tmp_path / "with", files) as machine:
        found = {one.name: one for one in vantages.vantages(machine, BASE, ["all"])}
    assert [name for name in found if name != "cloudwatch-agent"] == without
    assert list(found)[-2:] == ["cloudwatch-agent", "installer"]
    through = found["cloudwatch-agent"].proxy_for("monitoring.us-east-2.amazonaws.com", 443)
    assert through is not None
    assert through.safe == "http://proxy.corp:3128"
