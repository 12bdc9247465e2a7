"""What goes with the artefacts: wheel, sdist and pyz, the SBOM, notes on how they were built, and SHA256SUMS."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from netprobe import __version__
from tests.release import lock, parts


def python(own: Path, wheels: Sequence[Path], out: Path, work: Path) -> None:
    """The wheel, the source distribution, and a zipapp for x86_64 hosts that have Python 3.11 or newer (shiv).

    Args:
        own: netprobe's wheel.
        wheels: the dependencies' for every supported version of Python. What is compiled has the version in its file
            name, so that all of them lie side by side.
        out: the folder of the release.
        work: for what lies about in between.
    """
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(parts.epoch())}
    shutil.copy(own, out / own.name)
    parts.run(
        *(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(out), str(parts.ROOT)), env=env
    )
    site = work / "pyz"
    for wheel in [*wheels, own]:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    for man_pages in site.glob("netprobe_ecs-*.data"):
        shutil.rmtree(man_pages)
    parts.run(
        *(
            parts.tool("shiv"),
            "--site-packages",
            str(site),
            "--entry-point",
            "netprobe.__main__:main",
            "--reproducible",
        ),
        *(
            "--compressed",
            "--python",
            "/usr/bin/env python3",
            "--output-file",
            str(out / f"netprobe-{__version__}.pyz"),
        ),
        env=env,
    )


def write(out: Path) -> None:
    """The notes and the checksums of whatever lies in a folder."""
    (out / "NOTES.md").write_text(_notes(), encoding="utf-8")
    lines = [f"{parts.sha256(path)}  {path.name}\n" for path in sorted(out.iterdir()) if path.is_file()]
    (out / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


def sbom(target: Path) -> None:
    """A CycloneDX SBOM of the two locks: Python's by cyclonedx-py, Debian's packages added by their package URLs."""
    made = parts.run(
        *(parts.tool("cyclonedx-py"), "requirements", "--output-reproducible", "--output-format", "JSON"),
        *("--pyproject", str(parts.ROOT / "pyproject.toml"), str(lock.PYTHON)),
    )
    document = json.loads(made)
    seen = set()
    for _, name, digest in parts.locked(lock.DEBIAN):
        package, version, rest = name.removesuffix(".deb").split("_")
        reference = f"pkg:deb/debian/{package}@{version}?arch={rest}&distro={parts.RELEASE}"
        if reference not in seen:
            seen.add(reference)
            document["components"].append(
                {
                    "type": "library",
                    "bom-ref": reference,
                    "name": package,
                    "version": version.replace("%3a", ":"),
                    "purl": reference,
                    "hashes": [{"alg": "SHA-256", "content": digest}],
                }
            )
    target.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _notes() -> str:
    return f"""# netprobe {__version__}: how these files were built

From commit {parts.commit()}, on Debian 12 with Python {platform.python_version()}:

    SOURCE_DATE_EPOCH={parts.epoch()} python -m tests.release.build --out dist

Whoever runs that on the same commit gets the same bytes (tests/release/run builds twice, in two folders, and compares):
every part is held to a digest in `tests/release/python.lock` and `tests/release/debian.lock`. What is for arm64 was run
under emulation (qemu-user), every command of it, and on no hardware of that kind.
Verify a download with `sha256sum --check --ignore-missing SHA256SUMS`.

`path` sends raw packets with scapy, which is not in these files (its licence is GPL-2.0-only): for them install
`python3-scapy` and netprobe's wheel for them.
"""
