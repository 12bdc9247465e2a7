"""deb and rpm, written by nfpm (which runs on any machine, and writes the same bytes again).

Neither package starts anything: the timer is there to be enabled. Their only scripts make the unit's user known and
have systemd read its units again. https://nfpm.goreleaser.com/docs/configuration/, read 2026-11-28.
"""

from __future__ import annotations

import datetime
import gzip
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from netprobe import __version__
from netprobe.cli.main import application
from tests.release import parts
from tests.release.parts import Architecture

NAME = "netprobe-ecs"
_NATIVE = parts.HERE / "native"
_COMPLETIONS = {
    "bash": "/usr/share/bash-completion/completions/netprobe",
    "fish": "/usr/share/fish/vendor_completions.d/netprobe.fish",
    "zsh": "/usr/share/zsh/vendor-completions/_netprobe",
}
_MAINTAINER = "The netprobe developers <netprobe@users.noreply.github.com>"


def build(
    kind: str,
    architecture: Architecture,
    tree: Path,
    pages: Sequence[Path],
    out: Path,
    work: Path,
    *,
    compression: str = "xz",
) -> Path:
    """Write one package.

    Args:
        kind: ``deb`` or ``rpm``.
        architecture: of the tree.
        tree: the tree; it goes to ``/usr/lib/netprobe``.
        pages: the man pages.
        out: the folder for the package.
        work: a folder for the parts of it that are not in the tree.
        compression: of the files in the package: ``xz`` for what is given away; ``gzip`` takes a tenth of the time.

    Returns:
        The package.
    """
    place = work / kind
    place.mkdir()
    settings = {
        "name": NAME,
        "arch": architecture.debian,
        "platform": "linux",
        "version": __version__,
        "release": "1",
        "section": "net",
        "priority": "optional",
        "maintainer": _MAINTAINER,
        "vendor": "netprobe",
        "license": "MIT",
        "homepage": "https://github.com/netprobe-ecs/netprobe",
        "description": _DESCRIPTION,
        "mtime": _moment(),
        "contents": list(_contents(kind, tree, pages, place)),
        "scripts": {
            "postinstall": str(_NATIVE / "postinstall.sh"),
            "postremove": str(_NATIVE / "postremove.sh"),
        },
        "deb": {"compression": compression},
        "rpm": {
            "compression": compression,
            "group": "Applications/Internet",
            "summary": _DESCRIPTION.split("\n")[0].capitalize(),
        },
    }
    written = place / "nfpm.yaml"
    written.write_text(json.dumps(settings, indent=1), encoding="utf-8")  # JSON is YAML
    suffix = (
        f"{__version__}-1_{architecture.debian}.deb" if kind == "deb" else f"{__version__}-1.{architecture.rpm}.rpm"
    )
    target = out / (f"{NAME}_{suffix}" if kind == "deb" else f"{NAME}-{suffix}")
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(parts.epoch())}
    parts.run(
        parts.tool("nfpm"), "package", "--config", str(written), "--packager", kind, "--target", str(target), env=env
    )
    return target


_DESCRIPTION = """checks whether a server can work with Amazon ECS Anywhere
netprobe resolves and reaches every endpoint that Amazon ECS Anywhere needs,
names the cause of every failure and who must change what, and writes
allowlists for firewalls and proxies. It brings its own interpreter."""


def _contents(kind: str, tree: Path, pages: Sequence[Path], place: Path) -> Iterator[dict[str, Any]]:
    yield {"src": str(tree), "dst": "/usr/lib/netprobe", "type": "tree"}
    yield {"src": "../lib/netprobe/netprobe", "dst": "/usr/bin/netprobe", "type": "symlink"}
    for page in pages:
        yield _file(page, f"/usr/share/man/man1/{page.name}")
    for shell, target in _COMPLETIONS.items():
        script = place / f"completion.{shell}"
        script.write_text(completion(shell), encoding="utf-8")
        yield _file(script, target if kind == "deb" else target.replace("vendor-completions", "site-functions"))
    for unit in ("netprobe-check.service", "netprobe-check.timer", "netprobe-exporter.service"):
        yield _file(_NATIVE / unit, f"/usr/lib/systemd/system/{unit}")
    yield _file(_NATIVE / "netprobe.sysusers", "/usr/lib/sysusers.d/netprobe.conf")
    yield {**_file(_NATIVE / "netprobe.toml", "/etc/netprobe/netprobe.toml"), "type": "config|noreplace"}
    if kind == "rpm":
        # dpkg takes away the folders that it emptied, rpm those that it owns.
        for folder in ("/etc/netprobe", f"/usr/share/licenses/{NAME}"):
            yield {"dst": folder, "type": "dir", "file_info": {"mode": 0o755}}
        yield _file(parts.ROOT / "LICENSE", f"/usr/share/licenses/{NAME}/LICENSE")
        return
    copyright_ = place / "copyright"
    copyright_.write_text(_copyright(), encoding="utf-8")
    yield _file(copyright_, f"/usr/share/doc/{NAME}/copyright")
    changes = place / "changelog.Debian.gz"
    changes.write_bytes(gzip.compress(_debian_changelog().encode(), compresslevel=9, mtime=0))
    yield _file(changes, f"/usr/share/doc/{NAME}/changelog.Debian.gz")


def _file(source: Path, target: str) -> dict[str, Any]:
    return {"src": str(source), "dst": target, "file_info": {"mode": 0o644}}


def completion(shell: str) -> str:
    """A shell's completion script, as ``netprobe completion SHELL`` prints it."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    assert application() is not None
    return str(get_completion_script(prog_name="netprobe", complete_var="_NETPROBE_COMPLETE", shell=shell)) + "\n"


def _moment() -> str:
    return datetime.datetime.fromtimestamp(parts.epoch(), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _copyright() -> str:
    licence = (parts.ROOT / "LICENSE").read_text(encoding="utf-8")
    text = "\n".join(f" {line}" if line.strip() else " ." for line in licence.splitlines())
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        "Upstream-Name: netprobe\n\nFiles: *\nCopyright: The netprobe developers\nLicense: MIT\n"
        f"{text}\n\nComment:\n"
        " The interpreter, libraries and packages in /usr/lib/netprobe are under their own terms,\n"
        " which are in /usr/lib/netprobe/LICENCES.txt.\n"
    )


def _debian_changelog() -> str:
    day = datetime.datetime.fromtimestamp(parts.epoch(), datetime.UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
    return (
        f"{NAME} ({__version__}-1) stable; urgency=medium\n\n"
        f"  * netprobe {__version__}; what changed is told in CHANGELOG.md of the project.\n\n"
        f" -- {_MAINTAINER}  {day}\n"
    )
