"""The notes of one version, from CHANGELOG.md: ``python -m tests.release.changes v0.2.0``."""

from __future__ import annotations

import re
import sys

from tests.release.parts import ROOT


def notes(changelog: str, version: str) -> str:
    """The section of a version.

    Raises:
        ValueError: there is none, or it is empty: nobody releases what is not described.
    """
    sections = re.split(r"^## \[?v?([^\]\s]+)\]?[^\n]*\n", changelog, flags=re.MULTILINE)
    found = dict(zip(sections[1::2], sections[2::2], strict=True)).get(version, "").strip()
    if not found:
        raise ValueError(f"CHANGELOG.md has no section for {version}")
    return found + "\n"


def main() -> int:
    """Print the notes; 2 and a line where there are none."""
    try:
        sys.stdout.write(notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), sys.argv[1].removeprefix("v")))
    except (ValueError, IndexError) as error:
        sys.stderr.write(f"changes: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
