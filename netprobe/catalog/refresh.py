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
import importlib.metadata
import importlib.resources
import json
from pathlib import Path

from netprobe.catalog import prefixes, store
from netprobe.catalog.files import replace

DATA = Path(__file__).parent / "data"


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


def main(argv: list[str] | None = None) -> None:
    """Refresh ``partitions.json``, and ``prefixes.json`` where an ip-ranges.json is given."""
    parser = argparse.ArgumentParser(prog="python -m netprobe.catalog.refresh", description=__doc__.splitlines()[0])
    parser.add_argument("--ip-ranges", type=Path, metavar="FILE", help="a copy of AWS's ip-ranges.json")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="where to write (default: the package)")
    arguments = parser.parse_args(argv)
    replace(arguments.data / "partitions.json", partitions(), store.parse_partitions)
    if arguments.ip_ranges is not None:
        snapshot = prefixes.read(arguments.ip_ranges)
        replace(arguments.data / "prefixes.json", prefixes.dump(snapshot), prefixes.parse_snapshot)


if __name__ == "__main__":
    main()
