"""Where the templates are: inside the package in a wheel, beside it in a checkout (an editable install has no copy).

They are read through ``importlib.resources``, never by a path of the file system: a release keeps the package in a zip.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def templates() -> Traversable:
    """The folder of templates."""
    package = files("netprobe")
    inside = package / "templates"
    return inside if inside.is_dir() else Path(str(package)).parent / "templates"


SHARED = "shared"
"""The folder of what several targets write word for word; one fact, one room."""


def template_source(folder: str) -> Callable[[str], str | None]:
    """What ``jinja2.FunctionLoader`` asks for a template's text.

    Args:
        folder: a folder of templates, ``squid``.

    Returns:
        A function from a template's name to its text, from that folder or else from ``shared``; None where neither
        has such a file. A name is a file of those very folders: one with a slash in it is never found.
    """

    def source(name: str) -> str | None:
        for place in (templates() / folder, templates() / SHARED):
            found = next((file for file in _files(place) if file.name == name), None)
            if found is not None:
                return found.read_text(encoding="utf-8")
        return None

    return source


def _files(place: Traversable) -> list[Traversable]:
    """The files of a folder; none where there is no such folder."""
    return [file for file in place.iterdir() if file.is_file()] if place.is_dir() else []
