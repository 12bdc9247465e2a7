"""Root file systems to judge: a real Debian made once a run, and small ones made by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from netprobe.host.filesystem import FolderRoot
from netprobe.host.machine import Live, Machine
from netprobe.host.rules import RULES
from netprobe.rules import Judged, judge
from tests.support import need, once

SUITE = "bookworm"
PACKAGES = "ca-certificates,iptables,systemd-sysv,chrony,apparmor,curl,docker.io"
_NEEDLESS = (
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/zoneinfo",
    "var/cache/apt",
    "var/lib/apt/lists",
)


def _debian(root: Path) -> None:
    """Make a Debian 12 root with Docker, chrony and curl, prepared as an image should be."""
    draft = root.with_name(f"{root.name}-{os.getpid()}")  # what fails stays as it is: something may be mounted in it
    # It takes half the processor's time that debootstrap takes, and does not wait for the disk after each package.
    program = str(need.engine("mmdebstrap"))
    command = [program, "--mode=root", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(draft)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=540, check=False)
    if made.returncode != 0:
        need._missing(f"needs a Debian mirror: {made.stderr.strip().splitlines()[-1:]}")
    for name in _NEEDLESS:
        shutil.rmtree(draft / name, ignore_errors=True)
    (draft / "etc/machine-id").write_text("")
    draft.rename(root)


def clone(root: Path, to: Path) -> Path:
    """A copy that shares its files; what is planted replaces a file and never writes into it."""
    subprocess.run(["cp", "-al", str(root), str(to)], check=True, timeout=60)
    return to


def plant(root: Path, path: str, content: str | bytes | None = None, *, link: str | None = None) -> None:
    """Put a file or link at a path, or take away what is there."""
    place = root / path.lstrip("/")
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
    if content is None and link is None:
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if link is not None:
        place.symlink_to(link)
    else:
        place.write_bytes(content.encode() if isinstance(content, str) else (content or b""))


def make(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """A small root made of these files; a text that begins with ``->`` is a link."""
    root.mkdir(exist_ok=True)
    for path, content in files.items():
        if isinstance(content, str) and content.startswith("->"):
            plant(root, path, link=content[2:].strip())
        else:
            plant(root, path, content)
    return root


def judged(root: Path, live: Live | None = None, *, only: Collection[str] = ()) -> dict[str, Judged[Machine]]:
    """Every rule's answer by its id, or those of a few rules."""
    rules = [rule for rule in RULES if not only or rule.id in only]
    with FolderRoot(root) as folder:
        machine = Machine(root=folder, subject=str(root), live=live)
        found = judge(rules, machine, machine.subject, running=machine.running)
    return {one.rule.id: one for one in found}


def live(
    *,
    environment: Mapping[str, str] | None = None,
    free: int | None = 100 * 1024**3,
    synchronised: bool | None = True,
    firewall: Mapping[str, str] | None = None,
) -> Live:
    """What only a running host tells, chosen."""
    rules = dict(firewall or {})
    return Live(
        environment=dict(environment or {}),
        free_bytes=lambda _path: free,
        clock_synchronised=lambda: synchronised,
        firewall=rules.get,
    )


def tar(root: Path, to: Path, mode: str = "w") -> Path:
    """The folder as a tar."""
    with tarfile.open(to, mode) as archive:  # type: ignore[call-overload]
        archive.add(root, arcname=".", recursive=True)
    return to


@pytest.fixture(scope="session")
def debian_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See :func:`_debian`; made once a run."""
    need.root()
    need.engine("mmdebstrap")
    return once.made(tmp_path_factory, "debian", _debian)
