from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from netprobe import resources


def test_a_checkout_has_its_templates_beside_the_package() -> None:
    assert (resources.templates() / "report" / "report.html.j2").is_file()


def test_a_wheel_has_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr(resources, "files", lambda _package: tmp_path)
    assert resources.templates() == tmp_path / "templates"


def test_a_template_is_a_file_of_its_own_folder() -> None:
    source = resources.template_source("squid")
    text = source("netprobe.conf.j2")
    assert text is not None
    assert "acl" in text
    assert source("../report/report.html.j2") is None
    assert source("nothing.j2") is None


def test_what_targets_share_is_found_from_each() -> None:
    shared = (resources.templates() / "shared" / "chain.j2").read_text(encoding="utf-8")
    assert shared
    assert resources.template_source("iptables")("chain.j2") == shared
    assert resources.template_source("dnsmasq-ipset")("chain.j2") == shared
    assert resources.template_source("iptables")("../shared/chain.j2") is None


def test_templates_are_read_from_a_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.writestr("netprobe/templates/squid/netprobe.conf.j2", "{{ header }}")
    monkeypatch.setattr(resources, "files", lambda _package: zipfile.Path(tmp_path / "app.zip", "netprobe/"))
    assert resources.template_source("squid")("netprobe.conf.j2") == "{{ header }}"
