"""netprobe's lab on real ports, for commands that are run as on a host: with a resolver and a root, without ``--lab``.

``python -m tests.support.standing_lab FOLDER FIRST-ADDRESS SCENARIO REGION…`` serves until it is killed; it writes the
path of the origin's roots to ``FOLDER/ready`` once everything is bound. It wants a namespace of its own.
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


async def main(folder: Path, first: ipaddress.IPv4Address, scenario: str, regions: list[str]) -> None:
    """Bind everything, say so in a file, and serve."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    endpoints = requirements.endpoints(catalog.load(), regions=regions)
    made = plan(network.scenario_named(scenario), endpoints, (str(first + offset) for offset in itertools.count()))
    certificates = Certificates(folder)
    bound = network.bind(made, certificates, network.LabPorts({port: port for port in (53, *made.service_ports)}))
    ready = folder / "ready.new"
    ready.write_text(str(certificates.origin_file))
    ready.rename(folder / "ready")
    await network.serve(made, bound)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), ipaddress.IPv4Address(sys.argv[2]), sys.argv[3], sys.argv[4:])
