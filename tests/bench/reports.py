"""Folders of reports for the bench: as many as asked for, each of 100 KB, as hosts of six sites would send them."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tests.support.fleets import CA, encoded, fault, machines

SIZE = 100_000
"""Bytes of a report of one region (observations are most of it)."""


def write(folder: Path, number: int, *, size: int = SIZE) -> Path:
    """Write the reports; a third of the hosts have an intercepting proxy, some a dropped port.

    Args:
        folder: made if it is not there.
        number: how many.
        size: bytes of each, at least.
    """
    folder.mkdir(exist_ok=True)
    rng = random.Random(1)
    for place, machine in enumerate(machines(rng, number)):
        machine.name = f"host{place:06}"
        if machine.proxy == "http://proxy-a:3128":
            machine.faults = [fault("tls_intercepted", cause=CA)]
        elif rng.random() < 0.02:
            machine.faults = [fault("tcp_dropped", endpoints=("ssm",))]
        (folder / f"{machine.name}.json").write_bytes(padded(encoded(machine), size))
    return folder


def padded(report: bytes, size: int) -> bytes:
    """The report with observations, until it is as long as one of a check is."""
    step = {
        "id": "o1",
        "vantage": "host",
        "region": "us-east-2",
        "endpoint": "ecs",
        "host": "ecs.us-east-2.amazonaws.com",
        "port": 443,
        "address": "192.0.2.1",
        "step": "tls",
        "started_seconds": 0.25,
        "duration_seconds": 0.05,
        "failure": None,
        "detail": {"kind": "tls", "sni": "ecs.us-east-2.amazonaws.com", "version": "TLSv1.3", "origin": True},
        "experiment": None,
        "shared_with": [],
        "attempt": 0,
        "limit_seconds": None,
    }
    one = json.dumps(step).encode()
    count = max(1, (size - len(report)) // (len(one) + 1))
    assert report.count(b'"observations":[]') == 1
    return report.replace(b'"observations":[]', b'"observations":[' + b",".join([one] * count) + b"]")
