"""Make the JSON twin of the catalog's TOML files: ``python -m netprobe.catalog.tabulate``, after each edit of them."""

from __future__ import annotations

import hashlib
import importlib.resources
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from netprobe.catalog import store
from netprobe.catalog.tables import NAME, SOURCES, Twin, parsed

_PLACE = re.compile(r"`\$\.(?P<table>\w+)\[(?P<number>\d+)\]")


def twin_of(files: Mapping[str, bytes]) -> bytes:
    """The twin of the TOML files among these.

    Args:
        files: the bytes of :data:`netprobe.catalog.tables.SOURCES` by name.
    """
    sources = {name: files[name] for name in SOURCES}
    tables = parsed(sources)
    twins = {name: Twin(of=hashlib.sha256(sources[name]).hexdigest(), table=tables[name]) for name in SOURCES}
    return msgspec.json.format(msgspec.json.encode(twins), indent=1) + b"\n"


def mistake(files: Mapping[str, bytes]) -> str:
    """What keeps these files from being a catalog, in one line; nothing where they are one.

    Args:
        files: the bytes of the data files by name.
    """
    sources = {name: data for name, data in files.items() if name != NAME}
    try:
        store.build(sources)
    except (KeyError, ValueError, msgspec.MsgspecError) as exc:
        return f"{exc}{_entry(str(exc), sources)}"
    return ""


def _entry(text: str, files: Mapping[str, bytes]) -> str:
    """The id of the entry that a message counts from 0."""
    place = _PLACE.search(text)
    if place is None:
        return ""
    for table in parsed(files).values():
        entries = table.get(place["table"], [])
        if int(place["number"]) < len(entries):
            entry = entries[int(place["number"])]
            return f": the [[{place['table']}]] of {entry.get('id') or entry.get('of')}"
    return ""


def main() -> int:
    """Write the twin beside its sources, whole or not at all; 2 with one line where they are no catalog."""
    with importlib.resources.as_file(importlib.resources.files("netprobe.catalog") / "data") as folder:
        data = Path(folder)
        files = {name: (data / name).read_bytes() for name in (*SOURCES, "partitions.json")}
        wrong = mistake(files)
        if wrong:
            sys.stderr.write(f"tabulate: {wrong}\n")
            return 2
        new = data / f".{NAME}.new"
        new.write_bytes(twin_of(files))
        new.replace(data / NAME)
    return 0


if __name__ == "__main__":
    sys.exit(main())
