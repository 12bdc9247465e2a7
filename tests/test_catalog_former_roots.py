"""The roots that were public once: well formed, sourced, and none of them public today."""

from __future__ import annotations

import datetime
import importlib.resources
import json
import re
from pathlib import Path

import certifi

from netprobe.probes import trust

DATA = json.loads((importlib.resources.files("netprobe.catalog") / "data" / "former_roots.json").read_bytes())


def test_every_root_is_well_formed_and_stands_once() -> None:
    prints = [root["sha256"] for root in DATA["roots"]]
    assert len(prints) >= 100
    assert prints == list(dict.fromkeys(prints))
    for root in DATA["roots"]:
        assert re.fullmatch(r"[0-9a-f]{64}", root["sha256"])
        assert root["name"].strip()
        assert re.fullmatch(r"certifi \d{4}\.\d{1,2}\.\d{1,2}", root["last_seen_in"])


def test_source_and_date_are_told() -> None:
    assert "certifi" in DATA["source"]
    assert datetime.date.fromisoformat(DATA["checked"]) >= datetime.date(2026, 11, 28)


def test_none_is_public_today() -> None:
    today = trust.anchors(Path(certifi.where())).fingerprints
    assert today.isdisjoint(root["sha256"] for root in DATA["roots"])


def test_those_that_the_world_still_meets_are_there() -> None:
    names = " ".join(root["name"] for root in DATA["roots"])
    for name in ("Baltimore CyberTrust Root", "DigiCert Global Root CA", "GlobalSign Root CA", "Starfield Class 2"):
        assert name in names


def test_roots_that_were_abused_are_not_among_them() -> None:
    names = " ".join(root["name"] for root in DATA["roots"])
    for name in ("CNNIC", "WoSign", "StartCom", "TrustCor", "DigiNotar"):
        assert name not in names


def test_they_are_read_by_fingerprint() -> None:
    roots = trust.former_roots()
    assert roots["16af57a9f676b0ab126095aa5ebadef22ab31119d644ac95cd4b93dbf3f26aeb"].startswith("CN=Baltimore")
