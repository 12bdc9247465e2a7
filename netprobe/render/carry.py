"""Cells of a change request that people filled in: carried over when it is rendered again over the old file.

Pure. A row is the same row while destination, port, region and endpoint are the same. Rows keep the old file's order,
so that a table that somebody sorted stays sorted; new rows follow. Cells come from a file that anybody may change:
they are bounded, on one line, and never a formula.
"""

from __future__ import annotations

import csv
import io
import re

from netprobe.cells import plain

FILLED = ("source", "site", "owner", "ticket", "expiry")
"""Columns that are for people to fill in."""
COLUMNS = (
    *("destination", "port", "protocol", "purpose", *FILLED),
    *("region", "group", "endpoint", "required", "reference", "losses", "made by"),
)
"""The columns of a change request, in their order; ``netprobe endpoints --format csv`` begins with the same."""
HOSTS = "ECS Anywhere hosts"
"""What stands under ``source`` until somebody says which."""
_KEY = ("destination", "port", "region", "endpoint")
MOST_CHARACTERS = 1000


def carried(old: str, new: str) -> str:
    """The new request with the filled-in cells, and in the order, of the old one.

    Args:
        old: the file that is there; where it is not such a request, nothing is carried over.
        new: what was rendered.
    """
    before = csv.DictReader(io.StringIO(old, newline=""))
    if not set(_KEY) <= set(before.fieldnames or ()):
        return new
    known: dict[tuple[str, ...], dict[str, str]] = {}
    try:
        for row in before:
            known.setdefault(_key(row), row)
    except csv.Error:
        return new
    head, *rows = csv.reader(io.StringIO(new, newline=""))
    order = {key: index for index, key in enumerate(known)}
    filled = [_filled(dict(zip(head, row, strict=True)), known) for row in rows]
    filled.sort(key=lambda row: order.get(_key(row), len(order)))
    out = io.StringIO()
    out.write(",".join(head) + "\n")
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    for row in filled:
        writer.writerow([int(row[name]) if name == "port" else row[name] for name in head])
    return out.getvalue()


def _key(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(str(row.get(name) or "") for name in _KEY)


def _filled(row: dict[str, str], known: dict[tuple[str, ...], dict[str, str]]) -> dict[str, str]:
    before = known.get(_key(row), {})
    return {**row, **{name: _cell(str(before[name])) for name in FILLED if before.get(name)}}


def _cell(value: str) -> str:
    """One line that no spreadsheet takes for a formula."""
    return plain(re.sub(r"[\x00-\x1f\x7f]+", " ", value[:MOST_CHARACTERS]).strip())
