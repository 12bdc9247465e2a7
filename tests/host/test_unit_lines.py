"""Lines of the agents' units that systemd passes over: told with file, line and cause, and never with a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.findings import Outcome
from tests.support import rootfs

PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL
UNIT: dict[str, str | bytes] = {
    "usr/lib/systemd/system/docker.service": "[Unit]\nDescription=d\n[Service]\nExecStart=/usr/bin/dockerd\n"
    "ExecReload=/bin/kill -s HUP $MAINPID\nOOMScoreAdjust=-500\n[Install]\nWantedBy=multi-user.target\n",
    "usr/lib/systemd/system/ecs.service": "[Service]\nEnvironmentFile=-/etc/ecs/ecs.config\n",
    "usr/lib/systemd/system/amazon-ssm-agent.service": "[Service]\nExecStart=/usr/bin/amazon-ssm-agent\n",
}
DROP_IN = "etc/systemd/system/docker.service.d/http-proxy.conf"
STARTS: dict[str, str | bytes] = {
    **UNIT,
    "usr/lib/systemd/system/ecs.service": "[Service]\nEnvironmentFile=-/etc/ecs/ecs.config\nExecStart=/usr/bin/e\n",
}
OWN = "etc/systemd/system/docker.service.d/own.conf"


@pytest.mark.parametrize(
    ("files", "expected", "place", "said"),
    [
        ({}, PASS, "", "systemd starts docker.service, ecs.service, amazon-ssm-agent.service"),
        ({OWN: "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd --mtu=1400\n"}, PASS, "", ""),
        ({OWN: "[Service]\nExecStart=/usr/bin/dockerd --mtu=1400\n"}, FAIL, f"/{OWN}:2", "more than one ExecStart="),
        ({OWN: "[Service]\nType=oneshot\nExecStart=/usr/bin/dockerd --mtu=1400\n"}, PASS, "", ""),
        ({OWN: "[Service]\nExecStart=\n"}, FAIL, f"/{OWN}:None", "it has no ExecStart="),
        ({OWN: "[Service]\nEnvironmentFile=/etc/default/p\n"}, WARN, f"/{OWN}:2", "there is no /etc/default/p"),
        ({OWN: "[Service]\nEnvironmentFile=/etc/default/p*\n"}, WARN, f"/{OWN}:2", "there is no /etc/default/p*"),
        ({OWN: "[Service]\nEnvironmentFile=/etc/default/p*\n", "etc/default/px": ""}, PASS, "", ""),
        ({OWN: "[Service]\nEnvironmentFile=/etc/default/p\nEnvironmentFile=\n"}, PASS, "", ""),
        ({OWN: "[Service]\nEnvironmentFile=-/etc/default/p\nEnvironmentFile=/run/metadata/x\n"}, PASS, "", ""),
        ({"etc/systemd/system/ecs.service": "-> /dev/null"}, FAIL, "/etc/systemd/system/ecs.service:None", "masked"),
        ({"etc/systemd/system/ecs.service": "-> ../../../dev/null"}, FAIL, "/etc/systemd/system/ecs.service:None", ""),
        ({"etc/systemd/system/docker.service": ""}, FAIL, "/etc/systemd/system/docker.service:None", "masked"),
        ({"usr/lib/systemd/system/ecs.service": "-> /dev/null"}, FAIL, "/usr/lib/systemd/system/ecs.service:None", ""),
    ],
)  # fmt: skip
def test_an_agent_that_systemd_does_not_start(
    tmp_path: Path, files: dict[str, str | bytes], expected: Outcome, place: str, said: str
) -> None:
    """Each of them was READY."""
    root = rootfs.make(tmp_path / "root", {**STARTS, **files})
    one = rootfs.judged(root, only=["unit_will_not_start"])["unit_will_not_start"].judgement
    assert one.outcome is expected, one.title
    assert said in one.title
    assert place in ("", *(f"{there.file}:{there.line}" for there in one.places))


def test_on_a_running_host_a_missing_file_is_an_error(tmp_path: Path) -> None:
    root = rootfs.make(tmp_path / "root", {**STARTS, OWN: "[Service]\nEnvironmentFile=/etc/default/p\n"})
    one = rootfs.judged(root, rootfs.live(), only=["unit_will_not_start"])["unit_will_not_start"].judgement
    assert one.outcome is FAIL
    assert "hyphen" in one.remedy


PROXY = "http://user:hunter2-planted@proxy.plant.example:3128"


@pytest.mark.parametrize(
    ("files", "expected", "line", "said"),
    [
        ({}, PASS, 0, "reads every variable"),
        ({DROP_IN: f'[Service]\nEnvironment="HTTPS_PROXY={PROXY}" "NO_PROXY=a,b"\n'}, PASS, 0, ""),
        ({DROP_IN: f"[Service]\n# HTTPS_PROXY={PROXY}\n"}, PASS, 0, ""),
        ({DROP_IN: f"[Service]\nEnvironment=HTTPS_PROXY={PROXY} \\\n  NO_PROXY=a,b\n"}, PASS, 0, ""),
        ({DROP_IN: f"[X-Ours]\nHTTPS_PROXY={PROXY}\n"}, PASS, 0, ""),
        ({DROP_IN + ".bak": f"HTTPS_PROXY={PROXY}\n"}, PASS, 0, ""),
        ({DROP_IN: f"HTTPS_PROXY={PROXY}\n"}, FAIL, 1, "before the first section"),
        ({DROP_IN: f"Environment=HTTPS_PROXY={PROXY}\n"}, FAIL, 1, "before the first section"),
        ({DROP_IN: f"[Service]\nHTTPS_PROXY={PROXY}\n"}, FAIL, 2, "write Environment="),
        ({DROP_IN: f"[Service]\nhttps_proxy={PROXY}\n"}, FAIL, 2, "write Environment="),
        ({DROP_IN: f"[Service]\nexport HTTPS_PROXY={PROXY}\n"}, FAIL, 2, "write Environment="),
        ({DROP_IN: f"[service]\nUser=a\nHTTPS_PROXY={PROXY}\n"}, FAIL, 3, "no section [service]"),
        ({DROP_IN: f"[Service]\nEnvironment=HTTPS_PROXY = {PROXY}\n"}, FAIL, 2, "quotes around"),
        ({DROP_IN: f'[Service]\nEnvironment="HTTPS_PROXY={PROXY}\n'}, WARN, 2, "a quote is not closed"),
        ({DROP_IN: f"[Service]\nEnvironment=HTTPS_PROXY={PROXY} NO_PROXY=a, b\n"}, WARN, 2, "quotes around"),
        ({DROP_IN.removesuffix(".conf"): f"[Service]\nEnvironment=HTTPS_PROXY={PROXY}\n"}, FAIL, 2, ".conf"),
        ({"etc/systemd/system/ecs.service.d/p.conf": f"[Service]\nHTTPS_PROXY={PROXY}\n",
          "etc/ecs/ecs.config": f"HTTPS_PROXY={PROXY}\n"}, WARN, 2, "write Environment="),
        ({"etc/systemd/system/amazon-ssm-agent.service.d/p.conf": f"[Service]\nhttp_proxy={PROXY}\n"}, FAIL, 2, ""),
        ({DROP_IN: f"[Unit]\nEnvironment=HTTPS_PROXY={PROXY}\n"}, FAIL, 2, "[Unit] has no Environment="),
        ({DROP_IN: f"[Install]\nEnvironment=HTTPS_PROXY={PROXY}\n"}, FAIL, 2, "[Install] has no Environment="),
        ({DROP_IN: f"[Service]\nEnviroment=HTTPS_PROXY={PROXY}\n"}, FAIL, 2, "knows no Enviroment="),
        ({DROP_IN: f'[Service]\nenvironment="HTTPS_PROXY={PROXY}"\n'}, FAIL, 2, "knows no environment="),
        ({DROP_IN: f"[Service]\nEnvironments=HTTPS_PROXY={PROXY}\n"}, FAIL, 2, "knows no Environments="),
        ({DROP_IN: "[Service]\nEnvironmentFile=-/etc/default/docker\nPassEnvironment=HTTPS_PROXY\n"}, PASS, 0, ""),
        ({"etc/systemd/system/dockerd.service.d/p.conf": f"[Service]\nEnvironment=HTTPS_PROXY={PROXY}\n"}, WARN, 2,
         "there is no unit dockerd.service"),
        ({"etc/systemd/system/amazon-ecs.service.d/p.conf": "[Service]\nEnvironment=NO_PROXY=a\n"}, WARN, 2,
         "there is no unit amazon-ecs.service"),
        ({"etc/systemd/system/containerd.service.d/p.conf": f"[Service]\nEnvironment=HTTPS_PROXY={PROXY}\n"}, PASS, 0,
         ""),
        ({"etc/systemd/system/docker@.service.d/p.conf": f"[Service]\nEnvironment=HTTPS_PROXY={PROXY}\n"}, PASS, 0, ""),
        ({DROP_IN: "[Service]\nEnvironment=HTTPS_PROXY=http://u:hunter2%C3%A9@p.example:3128\n"}, WARN, 2,
         "in the place of %C in the value: write %%"),
        ({DROP_IN: "[Service]\nEnvironment=HTTPS_PROXY=http://u:hunter2%%40%%C3@p.example:3128\n"}, PASS, 0, ""),
        ({DROP_IN: "[Service]\nEnvironment=HTTPS_PROXY=http://u:hunter2%40@p.example:3128\n"}, FAIL, 2,
         "knows no %4, so it drops the variable: write %%"),
        ({DROP_IN: "[Service]\nEnvironment=HTTPS_PROXY=http://u:hunter2%e9@p.example:3128\n"}, FAIL, 2, "knows no %e"),
        ({DROP_IN: '[Service]\nEnvironment="NO_PROXY=%H,100%"\n'}, PASS, 0, ""),
        ({DROP_IN: '[Service]\nEnvironmentFile="/etc/default/proxy"\n', "etc/default/proxy": f"HTTPS_PROXY={PROXY}\n"},
         FAIL, 2, "is not absolute, since quotes"),
        ({DROP_IN: "[Service]\nEnvironmentFile=- /etc/default/proxy\n", "etc/default/proxy": "A=1\n"},
         WARN, 2, "is not absolute"),
        ({DROP_IN: "[Service]\nEnvironmentFile=-/etc/%40\n"}, WARN, 2, "knows no %4, which EnvironmentFile= names"),
        ({DROP_IN: "[Service]\nEnvironmentFile=-/etc/default/%p-x\n", "etc/default/docker-x": "HTTPS_PROXY=p\n"}, PASS,
         0, ""),
    ],
)  # fmt: skip
def test_what_systemd_ignores(
    tmp_path: Path, files: dict[str, str | bytes], expected: Outcome, line: int, said: str
) -> None:
    one = rootfs.judged(rootfs.make(tmp_path / "root", {**UNIT, **files}))["unit_lines_ignored"].judgement
    assert one.outcome is expected, one.title
    assert said in one.title
    if expected is not PASS:
        assert one.places[0].file == f"/{next(iter(files))}"
        assert one.places[0].line == line
    assert "hunter2" not in str(one)
