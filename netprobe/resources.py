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


def template_source(folder: str) -> Callable[[str], str | None]:
    """What ``jinja2.FunctionLoader`` asks for a template's text.

    Args:
        folder: a folder of templates, ``squid``.

    Returns:
        A function from a template's name to its text; None where the folder has no such file. A name is a file of that
        very folder: one with a slash in it is never found.
    """
    place = templates() / folder

    def source(name: str) -> str | None:
        found = {file.name: file for file in place.iterdir() if file.is_file()}.get(name)
        return None if found is None else found.read_text(encoding="utf-8")

    return source
