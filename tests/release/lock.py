"""Write the two locks of a release anew: ``python -m tests.release.lock``. Read the difference before it is committed.

``python.lock``: what pip takes, with the hash of every file; without scapy, whose licence (GPL-2.0-only) does not let
it be given away inside this program. ``debian.lock``: the interpreter and its libraries for each architecture.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.release import parts

PYTHON = parts.HERE / "python.lock"
DEBIAN = parts.HERE / "debian.lock"
LEFT_OUT = "scapy"


def main() -> int:
    """Write both files; each is replaced only when it is complete."""
    resolved = parts.run(
        *(
            parts.tool("uv"),
            "pip",
            "compile",
            "--quiet",
            "--universal",
            "--python-version",
            "3.11",
            "--generate-hashes",
        ),
        *("--no-header", "--no-annotate", "--no-emit-package", LEFT_OUT, str(parts.ROOT / "pyproject.toml")),
    )
    lines = [line for line in resolved.splitlines() if line and not line.startswith("#")]
    _replace(PYTHON, "# What a release holds, by 'python -m tests.release.lock'.\n" + "\n".join(lines) + "\n")
    found = []
    for architecture in parts.ARCHITECTURES.values():
        with tempfile.TemporaryDirectory() as work:
            for package in parts.debian(architecture, parts.DEBIAN_PACKAGES, Path(work)):
                found.append(f"{architecture.name} {package.name} {parts.sha256(package)}")
    _replace(DEBIAN, "# Debian's part of a release: architecture, file, SHA-256.\n" + "\n".join(found) + "\n")
    return 0


def _replace(target: Path, text: str) -> None:
    beside = target.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(target)


if __name__ == "__main__":
    sys.exit(main())
