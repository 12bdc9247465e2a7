"""Make the generated part of the catalog again: ``python -m netprobe.catalog.refresh [--ip-ranges FILE]``.

``data/partitions.json`` is taken from botocore's ``partitions.json`` (the file that AWS's own SDKs resolve endpoints
with); botocore is a development dependency, never needed at run time. ``data/prefixes.json`` is taken from a copy of
AWS's ip-ranges.json that the caller has fetched; this module fetches nothing.

Both are deterministic: same input, same bytes. The text is parsed by the reader that ships before it replaces the old
file, so that a bad input leaves the old data in place. What botocore cannot know (whether ECS Anywhere is offered, when
a region was launched) stays in the hand-written ``regions.toml``; a partition or region that
is new to us fails the tests until someone has decided about it.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.resources
import json
import re
from pathlib import Path

import msgspec

from netprobe.catalog import edition, history, prefixes, store, tables
from netprobe.catalog.files import replace
from netprobe.catalog.tabulate import mistake, twin_of

DATA = Path(__file__).parent / "data"
_VERSION = re.compile(r'^version = "[^"]*"', re.MULTILINE)


def partitions() -> bytes:
    """The installed botocore's partitions and regions, as the bytes of ``partitions.json``.

    The ``…-global`` pseudo-regions are left out: no host name is made from them.
    """
    resource = importlib.resources.files("botocore") / "data" / "partitions.json"
    source = json.loads(resource.read_text(encoding="utf-8"))
    document = {
        "botocore": importlib.metadata.version("botocore"),
        "partitions": [
            {
                "id": partition["id"],
                "dns_suffix": partition["outputs"]["dnsSuffix"],
                "dual_stack_dns_suffix": partition["outputs"]["dualStackDnsSuffix"],
                "regions": {
                    region: details["description"]
                    for region, details in sorted(partition["regions"].items())
                    if region != f"{partition['id']}-global"
                },
            }
            for partition in sorted(source["partitions"], key=lambda p: str(p["id"]))
        ],
    }
    return (json.dumps(document, indent=1, ensure_ascii=True) + "\n").encode()


def draft_history(data: Path, day: str) -> tuple[history.CatalogChange, ...]:
    """Draft an entry of the history for every change of the data that it does not tell yet.

    The catalog's version becomes the day, unless it is newer, and the twin of the tables is made again.

    Args:
        data: the folder with every data file.
        day: the version of new entries.

    Returns:
        The drafts; none where the history tells everything, and then nothing is written.

    Raises:
        KeyError: a partition is new, of which ``regions.toml`` says nothing: that comes first.
    """
    files = {name: (data / name).read_bytes() for name in edition.FILES}
    catalog, told = store.build(files), history.parse(files[history.NAME])
    version = max(day, catalog.version)
    source = f"https://pypi.org/project/botocore/{catalog.botocore}/"
    now = history.drafted(told, catalog, version, source)
    drafts = now.changes[len(told.changes) :]
    if not drafts:
        return ()
    endpoints = _VERSION.sub(f'version = "{version}"', files["endpoints.toml"].decode(), count=1).encode()
    twin = twin_of({**files, "endpoints.toml": endpoints})
    replace(data / history.NAME, history.dump(now), history.parse)
    replace(data / "endpoints.toml", endpoints, lambda new: edition.version_of({"endpoints.toml": new}))
    replace(data / tables.NAME, twin, msgspec.json.decode)
    return drafts


def main(argv: list[str] | None = None) -> None:
    """Refresh ``partitions.json``, ``prefixes.json`` where an ip-ranges.json is given, and draft the history."""
    parser = argparse.ArgumentParser(prog="python -m netprobe.catalog.refresh", description=__doc__.splitlines()[0])
    parser.add_argument("--ip-ranges", type=Path, metavar="FILE", help="a copy of AWS's ip-ranges.json")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="where to write (default: the package)")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    parser.add_argument("--day", default=today, metavar="YYYY-MM-DD", help="of new entries of the history")
    arguments = parser.parse_args(argv)
    replace(arguments.data / "partitions.json", partitions(), store.parse_partitions)
    if arguments.ip_ranges is not None:
        snapshot = prefixes.read(arguments.ip_ranges)
        replace(arguments.data / "prefixes.json", prefixes.dump(snapshot), prefixes.parse_snapshot)
    if all((arguments.data / name).exists() for name in edition.FILES):
        wrong = mistake({name: (arguments.data / name).read_bytes() for name in edition.FILES})
        if wrong:
            parser.exit(2, f"refresh: {wrong}\n")
        for draft in draft_history(arguments.data, arguments.day):
            print(f"history.json: {draft.version} {draft.subject} {draft.kind}: put its reason and impact into words")


if __name__ == "__main__":
    main()
