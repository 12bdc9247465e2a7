"""Make the JSON twin of the catalog's TOML files: ``python -m netprobe.catalog.tabulate``, after each edit of them."""

from __future__ import annotations

import hashlib
import importlib.resources
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from netprobe.catalog.tables import NAME, SOURCES, Twin, parsed


def twin_of(files: Mapping[str, bytes]) -> bytes:
    """The twin of the TOML files among these.

    Args:
        files: the bytes of :data:`netprobe.catalog.tables.SOURCES` by name.
    """
    sources = {name: files[name] for name in SOURCES}
    tables = parsed(sources)
    twins = {name: Twin(of=hashlib.sha256(sources[name]).hexdigest(), table=tables[name]) for name in SOURCES}
    return msgspec.json.format(msgspec.json.encode(twins), indent=1) + b"\n"


def main() -> int:
    """Write the twin beside its sources, whole or not at all."""
    with importlib.resources.as_file(importlib.resources.files("netprobe.catalog") / "data") as folder:
        data = Path(folder)
        new = data / f".{NAME}.new"
        new.write_bytes(twin_of({name: (data / name).read_bytes() for name in SOURCES}))
        new.replace(data / NAME)
    return 0


if __name__ == "__main__":
    sys.exit(main())
