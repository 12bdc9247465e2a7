"""``netprobe version``: what a person who asks for help is asked first."""

from __future__ import annotations

import datetime
import json
import ssl

import pytest

from netprobe import __version__, about, catalog
from netprobe.cli.main import run


def test_version_alone_is_the_number_and_the_catalogs_age(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"netprobe {__version__}"
    assert second.startswith(f"catalog {catalog.load().version}, ")


def test_verbose_tells_build_catalog_interpreter_and_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--verbose"]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = {line.split()[0]: line for line in lines}
    assert set(told) >= {"build", "catalog", "addresses", "python", "openssl", "system", "packages", "missing"}
    assert catalog.load().version in told["catalog"]
    assert ssl.OPENSSL_VERSION in told["openssl"]
    assert "trio " in told["packages"]


def test_json_is_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == __version__
    assert found["catalog_digest"] == catalog.load().digest


def test_the_age_counts_from_the_day_of_the_catalog() -> None:
    day = datetime.date.fromisoformat(catalog.load().version)
    assert about.about(day + datetime.timedelta(days=91)).catalog_age_days == 91


def test_what_is_missing_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr("netprobe.probes.trust.SYSTEM_BUNDLES", ())
    missing = {one.what: one for one in about.about(datetime.date(2026, 11, 28)).missing}
    assert "path makes no raw probes" in missing["scapy"].means
    assert "--ca-file" in missing["a system trust store"].remedy


def test_an_unknown_format_is_a_users_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--format", "yaml"]) == 2
    assert "yaml: is not a format of version" in capsys.readouterr().err
