"""What ``netprobe --version`` says: this netprobe, and how old its facts are.

Installers and inventories ask it of every host, so nothing but the standard library's lightest is imported, and of the
catalog only the line is read that holds its day. Where an import may count instead, ``netprobe.about`` asks the facts.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEM_IMPORT = "/var/lib/netprobe/catalog.json"


def imports() -> tuple[str, ...]:
    """Where an imported catalog may be: first where this user's goes, root's for everybody last.

    Root reads root's alone, whatever HOME says. The user's follows
    https://specifications.freedesktop.org/basedir-spec/latest/ (read 2026-11-29).
    """
    if os.geteuid() == 0:
        return (SYSTEM_IMPORT,)
    home = os.environ.get("XDG_DATA_HOME", "")
    folder = home if home.startswith("/") else os.path.join(os.path.expanduser("~"), ".local", "share")
    if not folder.startswith("/"):
        return (SYSTEM_IMPORT,)
    return (os.path.join(folder, "netprobe", "catalog.json"), SYSTEM_IMPORT)


def is_enough() -> bool:
    """Whether there is no imported catalog; reading one may end in a line for the user, as in any command."""
    return not any(map(os.path.lexists, imports()))


def text(day: str = "", *, imported: bool = False) -> str:
    """Two lines: ``netprobe 1.2.0``, and ``catalog 2026-11-28, 1 day old``.

    Args:
        day: the version of the catalog that counts; nothing for what ships.
        imported: whether it was imported.
    """
    import datetime

    from netprobe import __version__

    day = day or _shipped()
    days = (datetime.datetime.now(datetime.UTC).date() - datetime.date.fromisoformat(day)).days
    whose = ", imported" if imported else ""
    return f"netprobe {__version__}\ncatalog {day}, {'1 day' if days == 1 else f'{days} days'} old{whose}\n"


def _shipped() -> str:
    """The day of the catalog in the package, without reading the catalog."""
    for line in _lines(os.path.join(os.path.dirname(__file__), "catalog", "data", "endpoints.toml")):
        key, _, value = line.partition("=")
        if key.strip() == "version":
            return value.strip().strip('"')
    raise ValueError("the catalog in this package has no version")


def _lines(path: str) -> Iterator[str]:
    """The lines of a file of the package, which may lie in an archive, as in the one file of a release."""
    try:
        with open(path, encoding="utf-8") as lines:
            yield from lines
    except NotADirectoryError:
        import zipimport

        archive = __file__[: __file__.index(".zip") + len(".zip")]
        yield from zipimport.zipimporter(archive).get_data(path).decode().splitlines()
