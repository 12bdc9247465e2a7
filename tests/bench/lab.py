"""netprobe's lab on the bench's server: ``python -m tests.bench.lab FOLDER FIRST-ADDRESS``, until it is killed.

It holds every supported region's default groups at their real ports, so that netprobe is run as on a host: with a
resolver and a root, without ``--lab``.
"""

from __future__ import annotations

import ipaddress
import itertools
import resource
import sys
from pathlib import Path

import trio

from netprobe import catalog, requirements
from netprobe.lab import network
from netprobe.lab.certificates import Certificates
from netprobe.lab.plan import plan


async def main(folder: Path, first: ipaddress.IPv4Address) -> None:
    """Bind everything, say so in a file, and serve."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    loaded = catalog.load()
    endpoints = requirements.endpoints(loaded, regions=[region.id for region in loaded.select(["all"])])
    made = plan(network.scenario_named("healthy"), endpoints, (str(first + offset) for offset in itertools.count()))
    certificates = Certificates(folder)
    bound = network.bind(made, certificates, network.Ports({port: port for port in (53, *made.service_ports)}))
    ready = folder / "ready.new"
    ready.write_text(str(certificates.origin_file))
    ready.rename(folder / "ready")
    await network.serve(made, bound)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), ipaddress.IPv4Address(sys.argv[2]))
