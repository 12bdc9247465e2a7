"""Build a release: ``python -m tests.release.build --out dist``; every file that is given away comes from here.

What it needs: Debian 12 with gcc, its cross compiler for the other architecture, and the packages of
``tests/release/requirements.txt``. What it writes, for each architecture: the one file, deb, rpm; the OCI layout for
both; wheel, sdist and pyz; the Ansible collection; SBOM, NOTES and SHA256SUMS. ``--refresh`` takes Debian's packages
as the archive has them today, where those of the lock are gone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from netprobe import __version__
from tests.release import collection, container, lock, manual, onefile, packages, papers, parts, tree
from tests.release.parts import ARCHITECTURES, Architecture, BuildError

KINDS = ("onefile", "deb", "rpm", "oci", "python", "ansible", "sbom")


def main(argv: Sequence[str] | None = None) -> int:
    """Build what is asked for; 0, or 2 with one line that says what is wrong."""
    parser = argparse.ArgumentParser(prog="build", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder that does not exist yet")
    parser.add_argument("--arch", action="append", choices=sorted(ARCHITECTURES), help="default: all")
    parser.add_argument("--only", action="append", choices=KINDS, help="default: all")
    parser.add_argument("--refresh", action="store_true", help="do not hold Debian's packages to the lock")
    parser.add_argument("--quick", action="store_true", help="compress deb and rpm with gzip, to try them out")
    asked = parser.parse_args(argv)
    os.umask(0o022)  # what is given away can be read by all, whatever the builder's own files are like
    if asked.out.exists():
        parser.error(f"{asked.out} is there already; name a new folder")
    architectures = [ARCHITECTURES[name] for name in asked.arch or ARCHITECTURES]
    beside = asked.out.with_name(f".{asked.out.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        with tempfile.TemporaryDirectory(prefix="netprobe-release-") as work:
            compression = "gzip" if asked.quick else "xz"
            kinds = asked.only or KINDS
            build(beside, architectures, kinds, Path(work), refresh=asked.refresh, compression=compression)
    except BuildError as error:
        shutil.rmtree(beside)
        sys.stderr.write(f"build: {error}\n")
        return 2
    beside.rename(asked.out)
    return 0


def build(
    out: Path,
    architectures: Sequence[Architecture],
    kinds: Sequence[str],
    work: Path,
    *,
    refresh: bool = False,
    compression: str = "xz",
) -> None:
    """Build into an empty folder.

    Raises:
        BuildError: something is missing or not as it should be.
    """
    own = parts.own_wheel(work / "own")
    trees = {}
    for architecture in architectures:
        place = work / architecture.name
        trees[architecture] = place / "tree"
        start = _tree(architecture, own, place, refresh=refresh)
        if "onefile" in kinds:
            onefile.pack(place / "tree", start, out / f"netprobe-{__version__}-linux-{architecture.name}", place)
    pages = manual.write(work / "man")
    for architecture, folder in trees.items():
        for kind in {"deb", "rpm"} & set(kinds):
            place = work / architecture.name
            packages.build(kind, architecture, folder, pages, out, place, compression=compression)
    if "oci" in kinds:
        container.layout(trees, out / f"netprobe-{__version__}-oci.tar", work)
    if "python" in kinds:
        wheels = {
            wheel.name: wheel
            for version in parts.PYTHONS
            for wheel in parts.wheels(parts.X86_64, lock.PYTHON, work / "pyz-wheels" / version, version)
        }
        papers.python(own, list(wheels.values()), out, work)
    if "ansible" in kinds:
        collection.build(out)
    if "sbom" in kinds:
        papers.sbom(out / f"netprobe-{__version__}.cdx.json")
    papers.write(out)


def _tree(architecture: Architecture, own: Path, place: Path, *, refresh: bool) -> Path:
    """Fetch the parts of a tree, compare them with the locks, and put it together; returns its start program."""
    debian = parts.debian(architecture, parts.DEBIAN_PACKAGES, place / "apt")
    differences = [] if refresh else parts.compare(architecture, debian, lock.DEBIAN)
    if differences:
        told = "; ".join(differences[:4])
        raise BuildError(f"Debian's packages are not those of debian.lock ({told}): write it anew, or --refresh")
    wheels = parts.wheels(architecture, lock.PYTHON, place / "wheels")
    start = parts.start_program(architecture, place)
    tree.assemble(architecture, debian, [*wheels, own], start, place / "tree", place / "work")
    return start


if __name__ == "__main__":
    sys.exit(main())
