"""Two sites with routers and hosts of their own, a controller, and an AWS-shaped network, all in namespaces (root).

The core holds the controller and the lab's servers (198.19.0.0/16, port 53 and 443). A host is a root folder with
nothing but busybox, a shell, and OpenSSH's server: no Python. sshd runs in it by chroot, in process and mount
namespaces of its own, so that ``/proc`` is the host's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from tests.support import netns
from tests.support.cli import ROOT
from tests.support.netns import Namespace

DNS = "198.19.0.1"
CORE = "198.18.{}.1"
"""The core's address on the link to a site."""
_APPLETS = (
    *("sh", "cat", "chmod", "cp", "find", "grep", "id", "ls", "mkdir", "mktemp", "mv", "rm", "rmdir", "sha256sum"),
    *("sleep", "tail", "test", "[", "true", "uname", "wc", "head", "echo", "env", "tr", "sed", "dirname", "basename"),
)
_SSHD = """
Port 22
HostKey /etc/ssh/host_key
AuthorizedKeysFile /etc/ssh/keys
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
Subsystem sftp /usr/lib/openssh/sftp-server
"""


class Host:
    """One host of a site."""

    def __init__(self, name: str, site: str, address: str, space: Namespace, root: Path) -> None:
        self.name, self.site, self.address, self.space, self.root = name, site, address, space, root

    def files(self) -> dict[str, bytes]:
        """What lies on it, and its content, but for what every process has; to see what a play left behind."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if not name.startswith(("proc/", "dev/")):
                found[name] = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        return found


class Sites:
    """A core, two routers, and hosts behind them."""

    def __init__(self, folder: Path, hosts: dict[str, int]) -> None:
        """Describe it.

        Args:
            folder: for roots, keys, logs.
            hosts: site → how many.
        """
        self.folder = folder
        stem = f"npt-{os.getpid()}-{next(netns._COUNTER)}"
        self.core = Namespace(f"{stem}-core")
        self.routers = {site: Namespace(f"{stem}-{site}") for site in hosts}
        self.hosts: list[Host] = []
        for place, (site, number) in enumerate(hosts.items(), start=1):
            for host in range(1, number + 1):
                name = f"{site}{host}"
                space = Namespace(f"{stem}-{name}")
                self.hosts.append(Host(name, site, f"10.6{place}.0.{10 + host}", space, folder / "hosts" / name))
        self.key = folder / "key"
        self.sockets = Path(tempfile.mkdtemp(prefix="npt-"))
        """Of connections that are kept for the next task: these sites' own, and short (unix(7) takes 108 bytes)."""

    @property
    def nodes(self) -> Iterator[Namespace]:
        yield self.core
        yield from self.routers.values()
        yield from (host.space for host in self.hosts)

    def __enter__(self) -> Sites:
        netns.sweep()
        try:
            for node in self.nodes:
                netns._ip("netns", "add", node.name)
                node.configure({**netns._SETTINGS, "net/ipv4/ip_nonlocal_bind": "1"})
                node.ip("link", "set", "lo", "up")
            for place, site in enumerate(self.routers, start=1):
                self._site(place, site)
            self.core.ip("route", "add", "local", netns.SERVICE_V4, "dev", "lo")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove everything."""
        for node in self.nodes:
            node.delete()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def run(self, host: Host, command: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a line of shell as root on a host, by its sshd."""
        options = ("-F", "/dev/null", "-i", str(self.key), "-o", "StrictHostKeyChecking=no")
        known = ("-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")
        return self.core.run("ssh", *options, *known, f"root@{host.address}", command, timeout=40, check=check)

    def _site(self, place: int, site: str) -> None:
        router = self.routers[site]
        self.core.ip("link", "add", f"to-{site}", "type", "veth", "peer", "name", "wan", "netns", router.name)
        self.core.ip("addr", "add", f"{CORE.format(place)}/24", "dev", f"to-{site}")
        self.core.ip("link", "set", f"to-{site}", "up")
        router.ip("addr", "add", f"198.18.{place}.2/24", "dev", "wan")
        router.ip("link", "set", "wan", "up")
        router.ip("route", "add", "default", "via", CORE.format(place))
        router.ip("link", "add", "lan", "type", "bridge")
        router.ip("addr", "add", f"10.6{place}.0.1/24", "dev", "lan")
        router.ip("link", "set", "lan", "up")
        self.core.ip("route", "add", f"10.6{place}.0.0/24", "via", f"198.18.{place}.2")
        for host in self.hosts:
            if host.site == site:
                router.ip("link", "add", host.name, "type", "veth", "peer", "name", "eth0", "netns", host.space.name)
                router.ip("link", "set", host.name, "master", "lan", "up")
                host.space.ip("addr", "add", f"{host.address}/24", "dev", "eth0")
                host.space.ip("link", "set", "eth0", "up")
                host.space.ip("route", "add", "default", "via", f"10.6{place}.0.1")

    def serve(self, scenario: str = "healthy") -> Path:
        """Start the lab in the core; the file of the origin's roots."""
        lab = self.folder / "lab"
        lab.mkdir()
        self.core.start(
            *("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.support.standing_lab"),
            *(str(lab), DNS, scenario, "us-east-2"),
            ready=(lab / "ready").exists,
            within=90,
            log=self.folder / "lab.log",
        )
        return Path((lab / "ready").read_text())

    def boot(self, extra: dict[str, bytes], without_ssh: Sequence[str] = ()) -> None:
        """Make the roots and start sshd in them.

        Args:
            extra: path → content of files that every host has.
            without_ssh: hosts that nobody can log in to.
        """
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True, timeout=30)
        for host in self.hosts:
            self._root(host, extra)
            if host.name not in without_ssh:
                self._sshd(host)

    def _root(self, host: Host, extra: dict[str, bytes]) -> None:
        root = host.root
        for name in ("tmp", "root", "proc", "dev", "run/sshd", "var/tmp", "var/lib", "var/cache", "etc/ssh", "usr/bin"):
            (root / name).mkdir(parents=True, exist_ok=True)
        (root / "tmp").chmod(0o1777)
        (root / "var/tmp").chmod(0o1777)
        (root / "bin").symlink_to("usr/bin")
        shutil.copy2("/bin/busybox", root / "bin/busybox")
        for applet in _APPLETS:
            (root / "bin" / applet).symlink_to("busybox")
        for program in ("/usr/sbin/sshd", "/usr/lib/openssh/sftp-server"):
            with_libraries(root, Path(program))
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\n")
        (root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
        (root / "etc/hostname").write_text(f"{host.name}\n")
        (root / "etc/machine-id").write_text(f"{zlib.crc32(host.name.encode()):032x}\n")
        (root / "etc/os-release").write_text('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
        (root / "etc/resolv.conf").write_text(f"nameserver {DNS}\n")
        (root / "etc/ssh/sshd_config").write_text(_SSHD)
        shutil.copy(f"{self.key}.pub", root / "etc/ssh/keys")
        key = root / "etc/ssh/host_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
        for name, content in extra.items():
            place = root / name.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

    def _sshd(self, host: Host) -> None:
        root = str(host.root)
        script = (
            'mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/dev" && mkdir "$0/dev/pts" && '
            'for n in null zero random urandom tty; do touch "$0/dev/$n"; mount --bind "/dev/$n" "$0/dev/$n"; done && '
            f'hostname {host.name} && exec chroot "$0" /usr/sbin/sshd -D -e'
        )
        host.space.start(
            *("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "sh", "-c", script, root),
            ready=lambda: host.space.listens(22),
            within=20,
            log=self.folder / f"sshd-{host.name}.log",
        )

    def inventory(self, path: Path, variables: dict[str, str]) -> Path:
        """An inventory of every host; the controller's own environment is the default for localhost."""
        lines = []
        for site in self.routers:
            lines.append(f"[{site}]")
            lines += [
                f"{host.name} ansible_host={host.address} site={site}" for host in self.hosts if host.site == site
            ]
        ssh = (
            f"-F /dev/null -i {self.key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
            f"-o ConnectTimeout=10 -o ControlMaster=auto -o ControlPersist=60s -o ControlPath={self.sockets}/%C"
        )
        common = {"ansible_user": "root", "ansible_ssh_common_args": f"'{ssh}'", "ansible_ssh_use_tty": "false"}
        lines += ["[all:vars]", *(f"{name}={value}" for name, value in {**common, **variables}.items())]
        path.write_text("\n".join(lines) + "\n")
        return path


def with_libraries(root: Path, program: Path) -> None:
    """A program and what ldd(1) says it is linked with, at the same places."""
    shown = subprocess.run(["ldd", str(program)], check=True, capture_output=True, text=True, timeout=20).stdout
    for name in (str(program), *re.findall(r"(/\S+)", shown)):
        place = root / name.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            shutil.copy2(name, place)


def addresses_of(sites: Sites, name: str) -> list[str]:
    """What the lab's DNS server says of a name."""
    code = (
        "import dns.message, dns.query, sys\n"
        "answer = dns.query.udp(dns.message.make_query(sys.argv[1], 'A'), sys.argv[2], timeout=10)\n"
        "print(*(item.address for rrset in answer.answer for item in rrset if item.rdtype == 1))\n"
    )
    found = sites.core.run(sys.executable, "-c", code, name, DNS).stdout.split()
    assert found, f"{name} has no address in the lab"
    return found
