from __future__ import annotations

from pathlib import Path

import pytest

from netprobe import resources


def test_a_checkout_has_its_templates_beside_the_package() -> None:
    assert (resources.templates() / "report" / "report.html.j2").is_file()


def test_a_wheel_has_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr(resources, "files", lambda _package: tmp_path)
    assert resources.templates() == tmp_path / "templates"
