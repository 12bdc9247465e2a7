"""Which edition of the facts counts here: what ships with this netprobe, or a newer one that somebody imported.

An import is one file, kept for everybody under ``/var/lib/netprobe`` (root's) or for one user under
``$XDG_DATA_HOME/netprobe``; root reads root's alone. Its signature was held to a key when it was imported
(``netprobe.catalog.imports``); since then the file's owner and mode protect it, as they do the program itself. An
import that is older than what ships counts no more, so an upgrade of the program never takes facts back.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from netprobe import implicit, nameplate
from netprobe.catalog import answers, tables
from netprobe.errors import UnreadableFileError

FORMAT = 1
FACTS = ("endpoints.toml", answers.NAME, "partitions.json", "regions.toml")
"""What a :class:`netprobe.catalog.store.Catalog` is made of; their digest is the catalog's."""
BESIDE = ("history.json", "prefixes.json")
FILES = (*FACTS, *BESIDE)
MOST_BYTES = 8 << 20
_REMEDY = "import it again, or go back to what ships: netprobe catalog remove"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One edition as one file, the same bytes for the same edition.

    Attributes:
        netprobe_catalog: the number of this form.
        version: of the catalog, a day.
        files: the data files by name, as text.
    """

    netprobe_catalog: int
    version: str
    files: dict[str, str]


class Imported(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an import came from.

    Attributes:
        file: the name that the file had, without its folder.
        at: when, RFC 3339, UTC.
        signed_by: the fingerprint of the key.
    """

    file: str
    at: str
    signed_by: str

    def told(self) -> str:
        """As part of a sentence."""
        return f"{self.file} on {self.at[:10]}, signed by {self.signed_by}"


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file that an import leaves.

    Attributes:
        imported: where it came from.
        bundle: what it holds, and the twin of its TOML files, made when it was imported.
    """

    imported: Imported
    bundle: Bundle


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of every data file.

    Attributes:
        version: of the catalog, a day.
        files: the bytes by name.
        imported: where it came from; None for what ships.
    """

    version: str
    files: Mapping[str, bytes]
    imported: Imported | None = None


def places() -> tuple[Path, ...]:
    """Where an import may be; the first is where this user's goes."""
    return tuple(map(Path, nameplate.imports()))


def shipped() -> Edition:
    """What is in the package."""
    data = importlib.resources.files("netprobe.catalog") / "data"
    files = {name: (data / name).read_bytes() for name in (*FILES, tables.NAME)}
    return Edition(version=version_of(files), files=files)


def version_of(files: Mapping[str, bytes]) -> str:
    """The day of the newest change by hand.

    Raises:
        ValueError: there is none.
    """
    version = tables.parsed(files, ["endpoints.toml"])["endpoints.toml"].get("version")
    if not isinstance(version, str) or not _DAY.fullmatch(version):
        raise ValueError("endpoints.toml has no version that is a day")
    return version


@functools.cache
def current() -> Edition:
    """The newest there is: of what ships, and of the imports that this user may use.

    Raises:
        UnreadableFileError: an import is no such file, or another user may have written it.
    """
    found = [edition for edition in map(kept, places()) if edition is not None]
    return max([shipped(), *found], key=lambda edition: edition.version)


def kept(path: Path) -> Edition | None:
    """The import in one place, or None where there is none.

    Raises:
        UnreadableFileError: it is no such file, or another user may have written it.
    """
    data = implicit.read(path, MOST_BYTES, remedy=_REMEDY)
    if data is None:
        return None
    try:
        found = msgspec.json.decode(data, type=Kept)
        return Edition(version=found.bundle.version, files=files_of(found.bundle), imported=found.imported)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise UnreadableFileError(str(path), "is no catalog that this netprobe can read", _REMEDY) from exc


def files_of(bundle: Bundle) -> Mapping[str, bytes]:
    """The bytes of a bundle's files.

    Raises:
        ValueError: it is of another form, or lacks one.
    """
    if bundle.netprobe_catalog != FORMAT:
        raise ValueError(f"it is of form {bundle.netprobe_catalog}, and this netprobe reads {FORMAT}")
    missing = [name for name in FILES if name not in bundle.files]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    return {name: text.encode() for name, text in bundle.files.items()}


def dump(files: Mapping[str, bytes]) -> bytes:
    """The bytes of a bundle: the same for the same files.

    Args:
        files: at least :data:`FILES` by name; what else there is, is left out.
    """
    texts = {name: files[name].decode() for name in FILES}
    bundle = Bundle(netprobe_catalog=FORMAT, version=version_of(files), files=texts)
    return msgspec.json.format(msgspec.json.encode(bundle), indent=1) + b"\n"
