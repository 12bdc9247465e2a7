"""Where the templates are: inside the package in a wheel, beside it in a checkout (an editable install has no copy)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def templates() -> Path:
    """The folder of templates."""
    package = Path(str(files("netprobe")))
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"
