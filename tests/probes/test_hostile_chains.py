"""Each connection shows a chain that nobody saw before, as long as OpenSSL takes one: memory keeps its bound."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from netprobe.observations import TlsDetail
from netprobe.probes import certificates
from netprobe.probes.scene import Scene
from netprobe.probes.session import LARGEST_KEPT, MOST_INTERMEDIATES, MOST_UNFINISHED, Session, UnfinishedChain
from netprobe.probes.settings import Settings
from tests.support import hostile_chains, need
from tests.support.cli import environment
from tests.support.probe_servers import vantage

LARGEST = 300 << 20
"""What a whole run may take, all its processes together."""
CHAINS = 100
"""How many such chains a run must have met for this to say anything."""


@pytest.mark.root
def test_a_check_of_all_regions_against_the_longest_chains_stays_small(tmp_path: Path) -> None:
    need.root()
    asked = ["check", "-r", "all", "-4", "--no-proxy", "--resolver", "127.0.0.1", "--deadline", "20"]
    command = [sys.executable, "-m", "netprobe", *asked, "--format", "json", "-o", "report.json"]
    measured = ["unshare", "--net", sys.executable, hostile_chains.__file__, str(tmp_path), *command]
    ran = subprocess.run(measured, env=environment(), capture_output=True, text=True, timeout=110, check=False)
    usage = json.loads((tmp_path / "usage.json").read_bytes())
    assert usage["code"] == 1, ran.stderr
    report = json.loads((tmp_path / "report.json").read_bytes())
    met = [one for one in report["observations"] if one["experiment"] == "lax_chain" and one["step"] == "tls"]
    assert sum(bool(one["detail"].get("chain")) for one in met) >= CHAINS
    assert usage["bytes"] < LARGEST


def test_what_peers_write_about_themselves_has_a_room() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    longest = hostile_chains.template(key, 0, 40), hostile_chains.template(key, 1, 0)
    chains = [tuple(der.replace(hostile_chains.MARK, b"%016d" % n) for der in longest) for n in range(2000)]
    certificates.begin_run()
    shown = [certificates.describe(chain) for chain in chains]
    sizes = [sum(len(text) for c in one for text in (c.subject, c.issuer, *c.names)) for one in shown]
    assert sum(sizes) < certificates.MAX_CHARACTERS + len(chains) * 700
    assert sizes[0] > 2 * sizes[-1]
    assert len({c.sha256 for one in shown for c in one}) == 2 * len(chains), "each is still told from the others"
    assert certificates.describe(chains[0]) == shown[0]
    certificates.begin_run()
    assert certificates.describe(chains[-1])[0].names == shown[0][0].names, "each run has a room of its own"


def test_processes_of_one_run_share_the_room() -> None:
    certificates.begin_run()
    certificates.room.share(4)
    assert certificates.room.left == certificates.MAX_CHARACTERS // 4
    certificates.begin_run()


def _session() -> Session:
    return Session.begin(Settings(), (vantage(),), 0.0)


def test_only_chains_that_a_service_may_have_are_kept_for_completion() -> None:
    session = _session()

    def seen(chain: tuple[bytes, ...]) -> UnfinishedChain:
        scene = Scene(zero=0.0, vantage="host", region="us-east-2", endpoint="ecs", host="a.example", port=443)
        return UnfinishedChain(
            scene=scene,
            address=None,
            chain=chain,
            detail=TlsDetail(sni=None, verify="none"),
            vantage=session.vantages[0],
        )

    session.keep_unfinished(seen(()))
    session.keep_unfinished(seen((b"a" * LARGEST_KEPT, b"b")))
    assert session.unfinished_chains == []
    for _ in range(MOST_UNFINISHED + 1):
        session.keep_unfinished(seen((b"a" * LARGEST_KEPT,)))
    assert len(session.unfinished_chains) == MOST_UNFINISHED
    session.keep_intermediates([b"a" * (LARGEST_KEPT + 1)])
    assert session.intermediates == set()
    session.keep_intermediates(b"%d" % n for n in range(MOST_INTERMEDIATES + 1))
    assert len(session.intermediates) == MOST_INTERMEDIATES
