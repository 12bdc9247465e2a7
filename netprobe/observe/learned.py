"""Names that the catalog does not explain, as ready ``[[endpoint]]`` tables for netprobe.toml.

Each is checked by the rules that the catalog's own overlay keeps, so only real host names get in; every text in it is
ours or has passed ``Hostname``.
"""

from __future__ import annotations

import re

from netprobe.errors import UsageError
from netprobe.hostnames import Hostname
from netprobe.observe.model import Observed, Use

_MAX = 1000


def toml(observed: Observed) -> tuple[str, tuple[str, ...]]:
    """Write the tables.

    Returns:
        The TOML text, and the names that were left out (no host names, or more than the overlay takes).
    """
    tables: list[str] = []
    left_out: list[str] = []
    taken: set[str] = set()
    ports: set[tuple[str, int]] = set()
    for use in observed.unexplained:
        try:
            name = Hostname.parse(use.host).name
        except UsageError:
            left_out.append(use.host)
            continue
        if (name, use.port) in ports:
            continue  # once over TCP, once over QUIC
        if len(tables) >= _MAX:
            left_out.append(use.host)
            continue
        ports.add((name, use.port))
        tables.append(_table(name, use, taken))
    head = (
        "# Candidates: names that were used and that no entry of the catalog explains. Take out what is not needed,\n"
        "# and say in each purpose why a host needs it.\n"
    )
    return head + "".join(tables), tuple(left_out)


def _table(name: str, use: Use, taken: set[str]) -> str:
    seen = f"Seen {use.connections} times, by {len(use.local_addresses)} local addresses."
    return (
        f'\n[[endpoint]]\nid = "{_id(name, taken)}"\npattern = "{name}"\nport = {use.port}\n'
        f'purpose = "{seen}"\nused_by = ["task"]\n'
    )


def _id(name: str, taken: set[str]) -> str:
    """A short word made of the name, unlike any other so far."""
    stem = "seen-" + re.sub(r"[^a-z0-9]+", "-", name)[:36].strip("-")
    number = 1
    found = stem
    while found in taken:
        number += 1
        found = f"{stem}-{number}"
    taken.add(found)
    return found
