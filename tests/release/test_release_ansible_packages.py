"""The collection's role install with the release's deb and rpm: real dpkg and rpm, on hosts without Python."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe import __version__
from tests.release import parts
from tests.release.played import Staged, play, recap
from tests.support import need
from tests.support.two_sites import Host, Sites, with_libraries

pytestmark = pytest.mark.root
CONFIG = "etc/netprobe/netprobe.toml"
STAMP = "var/lib/netprobe-ecs.installed"
DPKG = (
    *("/usr/bin/dpkg", "/usr/bin/dpkg-deb", "/usr/bin/dpkg-query", "/usr/bin/dpkg-split", "/usr/bin/dpkg-trigger"),
    *("/usr/bin/tar", "/usr/bin/diff", "/sbin/ldconfig", "/sbin/start-stop-daemon"),
)
HOSTS = ("deb1", "rpm1")
NOT_THERE = ("", "not-installed ", f"config-files {__version__}-2", "package netprobe-ecs is not installed\n")
"""What the tools say of a package that is not installed: dpkg where settings were left, or nothing."""


@pytest.fixture(scope="module")
def staged(dist: Path, ansible: Path, collections: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    """A host of dpkg and one of rpm, each with an empty database and the release's package for it."""
    need.programs("sshd", "ssh", "busybox", "dpkg-deb", "rpm")
    folder = tmp_path_factory.mktemp("packages")
    with Sites(folder, {"deb": 1, "rpm": 1}) as sites:
        sites.boot({})
        deb, rpm = sites.hosts
        for host in sites.hosts:  # busybox's own shell would take its own dpkg and rpm
            with_libraries(host.root, Path("/bin/dash"))
            (host.root / "bin/sh").unlink()
            (host.root / "bin/sh").symlink_to("dash")
        for program in DPKG:
            with_libraries(deb.root, Path(program))
        for name in ("info", "updates", "triggers"):
            (deb.root / "var/lib/dpkg" / name).mkdir(parents=True)
        (deb.root / "var/lib/dpkg/status").touch()
        for program in ("/usr/bin/rpm", "/usr/bin/rpmdb"):
            with_libraries(rpm.root, Path(program))
        shutil.copytree("/usr/lib/rpm", rpm.root / "usr/lib/rpm", symlinks=True)
        sites.run(rpm, "rpm --initdb")
        packages = {"deb": next(dist.glob("*_amd64.deb")), "rpm": next(dist.glob("*.x86_64.rpm"))}
        inventory = sites.inventory(folder / "inventory", {})
        yield Staged(sites=sites, inventory=inventory, ansible=ansible, collections=collections, packages=packages)


def role(packages: dict[str, Path], *, state: str = "present", digests: dict[str, str] | None = None) -> str:
    """A play of the role for both hosts, each with its package; a site is called as what its host has."""
    files = {kind: {"x86_64": str(package)} for kind, package in packages.items()}
    variables: dict[str, object] = {
        "files": files,
        "install_method": "{{ site }}",
        "install_state": state,
        "install_src": "{{ files[site] }}",
    }
    if digests:
        variables |= {"digests": digests, "install_sha256": "{{ digests[site] }}"}
    uses = {"role": "netprobe.ecs_anywhere.install", "vars": variables}
    return json.dumps([{"hosts": "all", "gather_facts": False, "roles": [uses]}])


def sha256(package: Path) -> str:
    return hashlib.sha256(package.read_bytes()).hexdigest()


Files = dict[str, dict[str, bytes]]


def files(sites: Sites) -> Files:
    """What lies on each host, but for its packages' database, which to read is to write (rpm's is SQLite)."""
    own = ("var/lib/dpkg", "rpmdb.sqlite", ".rpm.lock")
    return {
        host.name: {name: content for name, content in host.files().items() if not name.startswith(own)}
        for host in sites.hosts
    }


def differing(before: Files, after: Files) -> set[str]:
    """The files that came, went or changed."""
    found = set()
    for host in HOSTS:
        names = before[host].keys() | after[host].keys()
        found |= {f"{host}:{name}" for name in names if before[host].get(name) != after[host].get(name)}
    return found


def version(staged: Staged, host: Host) -> str:
    """What the host's own tool says is installed."""
    asked = {
        "deb": "dpkg-query -W -f '${db:Status-Status} ${Version}' netprobe-ecs",
        "rpm": "rpm -q --qf 'installed %{VERSION}' netprobe-ecs",
    }
    said: str = staged.sites.run(host, asked[host.site], check=False).stdout
    return said


@pytest.mark.timeout(400)
def test_packages_are_looked_at_refused_installed_kept_renewed_and_removed(staged: Staged, tmp_path: Path) -> None:
    sites, deb = staged.sites, staged.sites.hosts[0]
    before = files(sites)
    assert not any(re.search(r"(^|/)python[0-9.]*$", name) for there in before.values() for name in there)
    right = {kind: sha256(package) for kind, package in staged.packages.items()}

    def played(text: str, *more: str, changed: int | None = None) -> str:
        done = play(staged, tmp_path, text, *more)
        counted = recap(done.stdout)
        assert set(counted) == set(HOSTS), done.stdout + done.stderr
        shown = done.stdout + done.stderr
        for name in HOSTS:
            expected = {"failed": 1, "changed": 0} if changed is None else {"failed": 0, "changed": changed}
            assert {key: counted[name][key] for key in expected} == expected, shown
        return shown

    # Looked at.
    shown = played(role(staged.packages, digests=right), "--check", "--diff", changed=1)
    assert all(f"+{package.name}" in shown for package in staged.packages.values())
    assert differing(before, files(sites)) == set()

    # Refused: another digest; a file that is no package; one that does not arrive whole.
    shown = played(role(staged.packages, digests={"deb": right["rpm"], "rpm": right["deb"]}))
    assert shown.count("so nothing was sent") >= 2
    broken = tmp_path / "broken"
    broken.write_bytes(staged.packages["deb"].read_bytes()[:50_000])
    shown = played(role(dict.fromkeys(staged.packages, broken)))
    assert "the package cannot be installed" in shown
    tool = {host: host.root / "bin/sha256sum" for host in sites.hosts}
    for path in tool.values():
        path.unlink()
        path.write_text(f"#!/bin/sh\necho {'0' * 64}\n")
        path.chmod(0o755)
    shown = played(role(staged.packages))
    assert shown.count("did not arrive whole") >= 2
    for host, path in tool.items():
        path.unlink()
        path.symlink_to("busybox")
        assert version(staged, host) in NOT_THERE

    assert differing(before, files(sites)) == set()

    # Installed: the host's own tool knows it, and it runs.
    played(role(staged.packages, digests=right), changed=1)
    for host in sites.hosts:
        assert version(staged, host).startswith(f"installed {__version__}")
        assert sites.run(host, "netprobe --version").stdout.startswith(f"netprobe {__version__}\n")
        assert not list((host.root / "tmp").iterdir())
    assert sites.run(deb, "dpkg --verify netprobe-ecs").stdout == ""
    assert sites.run(sites.hosts[1], "rpm --verify netprobe-ecs").stdout == ""

    # A second run sends nothing and changes nothing.
    installed = files(sites)
    played(role(staged.packages, digests=right), "--diff", changed=0)
    assert differing(installed, files(sites)) == set()

    # Another package of the same name: the settings that the host's administrator changed stay, and nobody is asked.
    (deb.root / CONFIG).write_text('region = ["eu-central-1"]\n')
    newer = {**staged.packages, "deb": repacked(staged.packages["deb"], tmp_path)}
    done = play(staged, tmp_path, role(newer), "--limit", "deb", "--diff")
    assert recap(done.stdout)["deb1"]["changed"] == 1, done.stdout + done.stderr
    assert version(staged, deb) == f"installed {__version__}-2"
    assert (deb.root / CONFIG).read_text() == 'region = ["eu-central-1"]\n'

    # Removed, and nothing of it is left but the settings that were changed.
    played(role(newer, state="absent"), changed=1)
    played(role(newer, state="absent"), changed=0)
    for host in sites.hosts:
        assert version(staged, host) in NOT_THERE
    left = differing(before, files(sites))
    kept = {f"deb1:{CONFIG}", f"deb1:{CONFIG}.dpkg-dist"}
    assert {name for name in left if "netprobe" in name} == {"deb1:etc/netprobe", *kept}
    folders = {f"{host.name}:{path.relative_to(host.root)}" for host in sites.hosts for path in host.root.rglob("*/")}
    assert left - folders == kept, "rpm leaves the folders that other packages own as well"


def repacked(package: Path, folder: Path) -> Path:
    """The same package as a newer version that brings other settings."""
    parts.run("dpkg-deb", "--raw-extract", str(package), str(folder / "deb"))
    control = folder / "deb/DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {__version__}-2", control.read_text()))
    with (folder / "deb" / CONFIG).open("a") as settings:
        settings.write("# newer\n")
    made = folder / "newer.deb"
    parts.run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(folder / "deb"), str(made))
    return made
