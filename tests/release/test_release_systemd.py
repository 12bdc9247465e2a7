"""The units under a real systemd: the exporter starts, answers, has no rights and ends; the timer checks by itself.

systemd is the first process of namespaces of its own, over an overlay of this machine's root that nobody sees
afterwards. The units are those that the packages bring; only the program behind ``/usr/bin/netprobe`` is this tree's.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import need
from tests.support.cli import ROOT

pytestmark = pytest.mark.root
UNITS = Path(__file__).with_name("native")
DEPLOY = ROOT / "netprobe" / "deploy"
BOOT = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$PLACE"; cd "$PLACE"; mkdir upper work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$PLACE/upper,workdir=$PLACE/work" root
cd root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
for n in null zero full random urandom tty; do touch dev/$n; mount --bind /dev/$n dev/$n; done
mkdir dev/shm dev/pts dev/mqueue dev/hugepages
mount -t devpts devpts dev/pts -o newinstance,ptmxmode=0666
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
mkdir -p etc/netprobe opt/python opt/tree opt/packages mnt
mount --bind "$PYTHON" opt/python; mount --bind "$TREE" opt/tree; mount --bind "$PACKAGES" opt/packages
printf '[exporter]\\nregion = ["us-east-2"]\\nlab = "healthy"\\nevery = "1h"\\n' > etc/netprobe/netprobe.toml
printf '%s\\n' '#!/bin/sh' 'export LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=/opt/tree:/opt/packages' \
  'exec /opt/python/bin/python3 -m netprobe "$@"' > usr/bin/netprobe
chmod 755 usr/bin/netprobe
cp "$UNITS"/netprobe-*.service "$UNITS"/netprobe-*.timer etc/systemd/system
cp "$UNITS/netprobe.sysusers" usr/lib/sysusers.d/netprobe.conf
printf '[Unit]\\nWants=netprobe-exporter.service\\nAllowIsolate=yes\\n' > etc/systemd/system/alone.target
ip link set lo up
pivot_root . mnt; cd /; umount -l mnt
exec env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin container=other /lib/systemd/systemd --system --unit=alone.target
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[int]:
    """systemd's process, once it takes orders."""
    need.root()
    need.engine("systemd-analyze")
    settings = {
        "PLACE": str(tmp_path),
        "PYTHON": sys.base_prefix,
        "TREE": str(ROOT),
        "PACKAGES": sysconfig.get_path("purelib"),
        "UNITS": str(UNITS),
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    }
    namespaces = ("unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child")
    with (tmp_path.parent / "systemd.log").open("wb") as log:
        process = subprocess.Popen([*namespaces, "bash", "-c", BOOT], env=settings, stdout=log, stderr=log)
        try:
            end = time.monotonic() + 60
            while True:
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                if children and ordered(int(children[0]), "systemctl show -P Version"):
                    break
                assert process.poll() is None, Path(log.name).read_text()
                assert time.monotonic() < end, Path(log.name).read_text()
                time.sleep(0.2)
            yield int(children[0])
        finally:
            process.kill()
            process.wait(timeout=10)


def ordered(pid: int, command: str) -> str:
    """What a line of shell says in there."""
    enter = ["nsenter", "--target", str(pid), "--all", "--root", "--wd=/", "sh", "-c", command]
    return subprocess.run(enter, capture_output=True, text=True, timeout=60, check=False).stdout.strip()


@pytest.mark.timeout(200)
def test_the_exporters_unit_starts_answers_and_ends(machine: int) -> None:
    ordered(machine, "systemctl start --no-block netprobe-exporter")
    end = time.monotonic() + 60
    while "netprobe_ready 1" not in ordered(machine, "curl -sm 10 http://127.0.0.1:9858/metrics"):
        assert time.monotonic() < end, ordered(machine, "systemctl status --no-pager netprobe-exporter")
        time.sleep(0.5)
    assert ordered(machine, "systemctl show -P NRestarts netprobe-exporter") == "0"
    pid = ordered(machine, "systemctl show -P MainPID netprobe-exporter")
    status = dict(re.findall(r"^(\w+):\s+(.*)$", ordered(machine, f"cat /proc/{pid}/status"), re.MULTILINE))
    assert int(status["Uid"].split()[0]) >= 61184, "a user that exists for as long as it runs"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    took = []
    for _ in range(3):
        began = time.monotonic()
        ordered(machine, "systemctl stop netprobe-exporter")
        took.append(time.monotonic() - began)
        assert ordered(machine, "systemctl show -P Result -P ExecMainStatus netprobe-exporter").split() == [
            "success",
            "0",
        ]
        if took[-1] < 1.0:
            break
        ordered(machine, "systemctl start --no-block netprobe-exporter; sleep 8")
    assert min(took) < 1.0
    ordered(machine, "systemctl start netprobe-exporter; systemctl kill --kill-who=main --signal=HUP netprobe-exporter")
    end = time.monotonic() + 20
    while ordered(machine, "systemctl show -P SubState netprobe-exporter") != "auto-restart":
        assert time.monotonic() < end, "what is told to read its settings again is not gone for good"
        time.sleep(0.2)
    ordered(machine, "systemctl stop netprobe-exporter")


SOON = (
    r"[Timer]\nOnBootSec=\nOnBootSec=1s\nOnUnitActiveSec=2s"  # an empty one resets them all, systemd.timer(5)
    r"\nRandomizedDelaySec=0\nAccuracySec=50ms\n"
)
TOLD = r'[Service]\nExecStopPost=/bin/sh -c "echo $SERVICE_RESULT $EXIT_STATUS >> /var/lib/netprobe/ended"\n'
"""How a run ended; the unit itself tells it until the next one begins, which is at once here."""
METRICS = "/var/lib/netprobe/netprobe.prom"


@pytest.mark.timeout(200)
def test_the_timer_checks_again_and_again_and_a_wrong_request_keeps_the_last_answer(machine: int) -> None:
    """Of the timer only the times are changed; the service also writes down how it ended."""

    def until(what: str, command: str) -> None:
        end = time.monotonic() + 60
        while (said := ordered(machine, command)) != what:
            shown = "systemctl status --no-pager -n 30 netprobe-check.service"
            assert time.monotonic() < end, f"{what} is {said}: {ordered(machine, shown)}"
            time.sleep(0.3)

    def settings(region: str, lab: str) -> None:
        ordered(machine, f'printf \'region = ["{region}"]\\nlab = "{lab}"\\n\' > /etc/netprobe/netprobe.toml')

    result = "tail -n 1 /var/lib/netprobe/ended"
    ready = f"grep -c '^netprobe_ready 1' {METRICS}"
    assert ordered(machine, "systemctl show -P OnUnitActiveUSec -P TimersMonotonic netprobe-check.timer").count("15min")
    settings("us-east-2", "healthy")
    ordered(machine, "systemctl stop netprobe-exporter; systemd-sysusers netprobe.conf")
    for unit, text in (("timer", SOON), ("service", TOLD)):
        drop_in = f"/etc/systemd/system/netprobe-check.{unit}.d"
        ordered(machine, f"mkdir {drop_in} && printf '{text}' > {drop_in}/here.conf")
    ordered(machine, "systemctl daemon-reload")
    ordered(machine, "systemctl start netprobe-check.timer")
    until("1", ready)
    until("success 0", result)
    assert ordered(machine, f"stat -c %U:%a {METRICS}") == "netprobe:644", "node_exporter may read it"
    assert ordered(machine, f"tail -n 1 {METRICS}") == "# EOF"

    settings("us-east-2", "refused")  # the timer looks again by itself
    until("0", ready)
    until("success 1", result)
    settings("nowhere-1", "refused")
    until("exit-code 2", result)
    assert ordered(machine, ready) == "0", "the last answer stays"
    settings("us-east-2", "healthy")
    until("1", ready)
    assert ordered(machine, "ls -A /var/lib/netprobe").split() == ["ended", "netprobe.prom", "report.json"]
    # What the Ansible collection fetches is what is written here, and whoever connects may read it.
    collected = yaml.safe_load((DEPLOY / "ansible/roles/collect/defaults/main.yml").read_text())["collect_path"]
    assert ordered(machine, f"stat -c %U:%a {collected}") == "netprobe:644"
    assert json.loads(ordered(machine, f"cat {collected}"))["verdict"] == "ready"
    ordered(machine, "systemctl stop netprobe-check.timer netprobe-check.service")
