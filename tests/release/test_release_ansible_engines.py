"""The collection's allowlist role against real engines: Squid, nftables and iptables on hosts without Python.

The hosts are those of tests/support/two_sites: a real sshd in a root of its own, with the engine's program and the
libraries that it is linked with. The one with Squid is reached as an ordinary user who becomes root by sudo.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.release.played import play, recap
from tests.support import need
from tests.support.two_sites import DNS, Host, Sites, addresses_of, with_libraries

pytestmark = pytest.mark.root
ECS = "ecs.us-east-2.amazonaws.com"
ELSEWHERE = "198.19.77.77"
"""An address that answers on port 443 and that no endpoint has."""
SQUID_CONF = """
http_port 3128
visible_hostname fra1
pid_filename /run/squid/squid.pid
cache_log /var/log/squid/cache.log
access_log none
cache deny all
coredump_dir /var/spool/squid
dns_nameservers {dns}
shutdown_lifetime 0 seconds
pinger_enable off
include /etc/squid/netprobe/netprobe.conf
http_access deny all
"""
NFTABLES_CONF = """
flush ruleset
table inet filter {
  include "/etc/nftables.d/netprobe.nft"
  chain output {
    type filter hook output priority filter; policy drop;
    ct state established accept
    oifname "lo" accept
    meta l4proto { tcp, udp } th dport 53 accept
    jump netprobe
  }
}
"""
IPTABLES = """
iptables -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
iptables -A OUTPUT -o lo -j ACCEPT
iptables -A OUTPUT -p udp --dport 53 -j ACCEPT
iptables -P OUTPUT DROP
"""
"""A host's own rules: what is not allowed is dropped."""
PLAY = """
- hosts: {host}
  gather_facts: false
  roles:
    - role: netprobe.ecs_anywhere.allowlist
      vars:
        allowlist_target: {target}
        allowlist_regions: [us-east-2]
        allowlist_options: {options}
        allowlist_netprobe: {folder}/netprobe
        allowlist_state: {state}
"""
ACCOUNT = ["--account", "123456789012"]


@pytest.fixture(scope="module")
def staged(
    ansible: Path,
    collections: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SimpleNamespace]:
    """A host with Squid, which its user ops administers by sudo, one with nftables, and one with iptables."""
    for engine in ("nft", "squid", "iptables", "ipset"):
        need.engine(engine)
    need.programs("sshd", "ssh", "busybox", "curl", "sudo")
    folder = tmp_path_factory.mktemp("engines")
    with Sites(folder, {"fra": 1, "muc": 2}) as sites:
        roots = sites.serve()
        sites.boot({})
        squid, nft, iptables = sites.hosts
        _squid(sites, squid)
        _nftables(sites, nft)
        _iptables(sites, iptables)
        _sudo(squid)
        inventory = sites.inventory(folder / "inventory", {})
        text = inventory.read_text().replace("fra1 ", "fra1 ansible_user=ops ansible_become=true ")
        inventory.write_text(text)
        sites.core.start(
            *(sys.executable, "-m", "http.server", "443", "--bind", ELSEWHERE),
            ready=lambda: ELSEWHERE in sites.core.run("ss", "-Hltn").stdout,
        )
        hosts = {"squid": squid, "nft": nft, "iptables": iptables, "roots": roots}
        yield SimpleNamespace(sites=sites, inventory=inventory, ansible=ansible, collections=collections, **hosts)


def _account(host: Host, name: str, number: int, home: str, shell: str) -> None:
    with (host.root / "etc/passwd").open("a") as passwd, (host.root / "etc/group").open("a") as group:
        passwd.write(f"{name}:x:{number}:{number}::{home}:{shell}\n")
        group.write(f"{name}:x:{number}:\n")


def _squid(sites: Sites, host: Host) -> None:
    """Squid as Debian has it, started by the host's own init: here, its sshd's process namespace."""
    root = host.root
    for program in ("/usr/sbin/squid", "/usr/lib/squid/unlinkd"):
        with_libraries(root, Path(program))
    _account(host, "proxy", 13, "/var/spool/squid", "/bin/false")
    for name in ("etc/squid/netprobe", "var/log/squid", "var/spool/squid", "run/squid", "usr/share/squid"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("var/log/squid", "var/spool/squid", "run/squid"):
        shutil.chown(root / name, 13, 13)
    for name in ("errors", "icons"):
        shutil.copytree(f"/usr/share/squid/{name}", root / "usr/share/squid" / name, symlinks=False)
    for name in ("/usr/share/squid/mime.conf", "/etc/squid/errorpage.css"):
        place = root / name.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, place)
    (root / "etc/squid/squid.conf").write_text(SQUID_CONF.format(dns=DNS))
    (root / "etc/squid/netprobe/netprobe.conf").write_text("# nothing yet\n")
    sites.run(host, "mkdir -p /dev/shm && chmod 1777 /dev/shm && /usr/sbin/squid")
    for _ in range(100):
        if host.space.listens(3128):
            return
        sites.run(host, "sleep 0.2")
    raise AssertionError((root / "var/log/squid/cache.log").read_text()[-2000:])


def _nftables(sites: Sites, host: Host) -> None:
    with_libraries(host.root, Path("/usr/sbin/nft"))
    (host.root / "etc/nftables.d").mkdir()
    (host.root / "etc/nftables.d/netprobe.nft").write_text("chain netprobe {\n}\n")
    (host.root / "etc/nftables.conf").write_text(NFTABLES_CONF)
    sites.run(host, "nft -f /etc/nftables.conf")


def _iptables(sites: Sites, host: Host) -> None:
    for program in ("/usr/sbin/xtables-nft-multi", "/usr/sbin/ipset"):
        with_libraries(host.root, Path(program))
    for name in ("iptables", "ip6tables", "iptables-restore", "ip6tables-restore"):
        (host.root / "usr/sbin" / name).symlink_to("xtables-nft-multi")
    for kind in ("libxt_*.so", "libipt_REJECT.so", "libip6t_REJECT.so"):
        for extension in Path("/usr/lib/x86_64-linux-gnu/xtables").glob(kind):
            with_libraries(host.root, extension)
    sites.run(host, f"PATH=$PATH:/usr/sbin; {IPTABLES}")


def _sudo(host: Host) -> None:
    """A user who may become root without a password."""
    root = host.root
    _account(host, "ops", 1000, "/var/tmp", "/bin/sh")
    for program in (
        Path("/usr/bin/sudo"),
        *Path("/usr/libexec/sudo").glob("*.so"),
        Path("/lib/x86_64-linux-gnu/security/pam_permit.so"),
    ):
        with_libraries(root, program)
    (root / "usr/bin/sudo").chmod(0o4755)
    for name in ("etc/pam.d", "etc/sudoers.d", "var/lib/sudo", "run/sudo"):
        (root / name).mkdir(parents=True, exist_ok=True)
    permit = "".join(f"{kind} required pam_permit.so\n" for kind in ("auth", "account", "session"))
    (root / "etc/pam.d/sudo").write_text(permit)
    (root / "etc/pam.d/other").write_text(permit)
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost {host.name}\n")
    (root / "etc/sudoers").write_text("root ALL=(ALL:ALL) ALL\nops ALL=(ALL:ALL) NOPASSWD: ALL\n")
    (root / "etc/sudoers").chmod(0o440)
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\nsudoers: files\n")
    for library in Path("/usr/lib/x86_64-linux-gnu").glob("libnss_files.so*"):
        with_libraries(root, library)


def _through(staged: SimpleNamespace, name: str) -> int:
    """The proxy's answer to CONNECT."""
    done = staged.sites.core.run(
        *("curl", "-sS", "-m", "15", "-o", "/dev/null", "-w", "%{http_connect}", "--cacert", str(staged.roots)),
        *("-x", f"http://{staged.squid.address}:3128", f"https://{name}/"),
        check=False,
    )
    return int(done.stdout or 0)


def _deploy(
    staged: SimpleNamespace, folder: Path, host: str, target: str, *more: str, **changes: object
) -> tuple[dict[str, int], str]:
    values = {"options": json.dumps(changes.get("options", ACCOUNT)), "state": changes.get("state", "present")}
    done = play(staged, folder, PLAY.format(host=host, target=target, folder=folder, **values), *more)
    counted = recap(done.stdout)
    assert host in counted, done.stdout + done.stderr
    return counted[host], done.stdout + done.stderr


@pytest.mark.timeout(600)
def test_squid_allows_what_is_deployed_and_goes_back(staged: SimpleNamespace, tmp_path: Path) -> None:
    """As ops, who becomes root: looked at, deployed, refused by the engine and put back, taken out."""
    file = staged.squid.root / "etc/squid/netprobe/netprobe.conf"
    assert _through(staged, ECS) == 403

    counted, shown = _deploy(staged, tmp_path, "fra1", "squid", "--check", "--diff")
    assert counted["changed"] == 1, shown
    assert f"dstdomain -n {ECS}" in shown
    assert file.read_text() == "# nothing yet\n"
    assert _through(staged, ECS) == 403

    counted, shown = _deploy(staged, tmp_path, "fra1", "squid")
    assert counted["changed"] == 1, shown
    assert file.stat().st_uid == 0
    assert _through(staged, ECS) == 200
    assert _through(staged, "www.example.com") == 403
    good = file.read_bytes()
    assert _deploy(staged, tmp_path, "fra1", "squid")[0]["changed"] == 0

    conf = staged.squid.root / "etc/squid/squid.conf"
    whole = conf.read_text()
    conf.write_text(whole + "no_such_directive on\nhttp_access allow no_such_acl\n")
    counted, shown = _deploy(staged, tmp_path, "fra1", "squid", options=[*ACCOUNT, "--with", "secrets"])
    assert counted["failed"] == 1, shown
    assert "the engine refuses it, and what was there is back" in shown, shown
    assert file.read_bytes().rstrip() == good.rstrip()
    assert _through(staged, ECS) == 200
    conf.write_text(whole)

    counted, shown = _deploy(staged, tmp_path, "fra1", "squid", state="absent")
    assert counted["changed"] == 1, shown
    assert _through(staged, ECS) == 403


@pytest.mark.timeout(600)
def test_nftables_allows_what_is_deployed_and_goes_back(staged: SimpleNamespace, tmp_path: Path) -> None:
    """A host whose own table drops: the addresses of the endpoints pass, others do not, and it goes back."""
    (address, *_) = addresses_of(staged.sites, ECS)
    options = [*ACCOUNT, "--resolve", "--resolver", DNS, "--allow-widening", "-4"]
    file = staged.nft.root / "etc/nftables.d/netprobe.nft"

    def reaches(where: str) -> bool:
        done = staged.sites.run(staged.nft, f"busybox nc -w 3 {where} 443 </dev/null", check=False)
        return bool(done.returncode == 0)

    assert not reaches(address)
    counted, shown = _deploy(staged, tmp_path, "muc1", "nftables", "--check", "--diff", options=options)
    assert counted["changed"] == 1, shown
    assert address in shown
    assert not reaches(address)

    counted, shown = _deploy(staged, tmp_path, "muc1", "nftables", options=options)
    assert counted["changed"] == 1, shown
    assert reaches(address)
    assert not reaches(ELSEWHERE)
    good = file.read_bytes()
    counted, shown = _deploy(staged, tmp_path, "muc1", "nftables", "--diff", options=options)
    assert counted["changed"] == 0, shown

    conf = staged.nft.root / "etc/nftables.conf"
    conf.write_text(NFTABLES_CONF.replace("policy drop", "policy none"))
    counted, shown = _deploy(staged, tmp_path, "muc1", "nftables", options=[*options, "--without", "metrics"])
    assert counted["failed"] == 1, shown
    assert "the engine refuses it, and what was there is back" in shown, shown
    assert file.read_bytes().rstrip() == good.rstrip()
    assert reaches(address)
    conf.write_text(NFTABLES_CONF)

    counted, shown = _deploy(staged, tmp_path, "muc1", "nftables", state="absent")
    assert counted["changed"] == 1, shown
    assert not reaches(address)


@pytest.mark.timeout(600)
def test_iptables_allows_what_is_deployed_and_goes_back(staged: SimpleNamespace, tmp_path: Path) -> None:
    """A host whose own rules drop: looked at, deployed, refused by the engine and put back, renewed, taken out."""
    host, sites = staged.iptables, staged.sites
    (address, *_) = addresses_of(sites, ECS)
    options = [*ACCOUNT, "--resolve", "--resolver", DNS, "--allow-widening", "--name", "aws"]
    file = host.root / "etc/netprobe/iptables.sh"

    def asked(command: str) -> str:
        shown: str = sites.run(host, f"PATH=$PATH:/usr/sbin; {command}", check=False).stdout
        return shown

    def reaches(where: str) -> bool:
        return "open" in asked(f"busybox nc -w 3 {where} 443 </dev/null && echo open")

    def state() -> str:
        """Its rules and sets, without the counters and the order that a hash has."""
        sets = sorted(asked("ipset save").splitlines())
        return asked("iptables -S; ip6tables -S") + "\n".join(line for line in sets if not line.startswith("create"))

    def deploy(*more: str, **changes: object) -> tuple[dict[str, int], str]:
        return _deploy(staged, tmp_path, "muc2", "iptables", *more, **{"options": options, **changes})

    before = state()
    assert not reaches(address)
    counted, shown = deploy("--check", "--diff")
    assert counted["changed"] == 1, shown
    assert f"+add aws-443-v4-new {address}" in shown
    assert (state(), file.exists()) == (before, False)

    # The host has a set of that name that is somebody else's: nothing of the half that was loaded stays.
    asked("ipset create aws-443-v6 hash:ip family inet6")
    counted, shown = deploy()
    assert counted["failed"] == 1, shown
    assert "it could not be loaded, and what was there is back" in shown
    asked("ipset destroy aws-443-v6")
    assert (state(), file.exists()) == (before, False)

    counted, shown = deploy()
    assert counted["changed"] == 1, shown
    assert reaches(address)
    assert not reaches(ELSEWHERE)
    good, loaded = file.read_bytes(), state()
    counted, shown = deploy("--diff")
    assert counted["changed"] == 0, shown

    # The same with rules of ours loaded: the new ones come in half, and the old ones are back.
    asked("ipset create aws-hosts-v4 hash:ip")
    narrowed = [*options, "--source", f"{host.address}/32"]
    counted, shown = deploy(options=narrowed)
    assert counted["failed"] == 1, shown
    assert "it could not be loaded, and what was there is back" in shown
    assert file.read_bytes() == good
    assert reaches(address)
    asked("ipset destroy aws-hosts-v4")
    assert state() == loaded
    counted, shown = deploy(options=narrowed)
    assert counted["changed"] == 1, shown
    assert reaches(address)

    counted, shown = deploy(state="absent")
    assert counted["changed"] == 1, shown
    assert (state(), file.exists()) == (before, False)
    assert asked("ipset list -n") == ""
    assert [path.name for path in file.parent.iterdir()] == []
    assert not reaches(address)
    assert deploy(state="absent")[0]["changed"] == 0
