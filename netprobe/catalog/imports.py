"""A newer catalog without a newer program: a bundle, the checksums that name it, and their signature.

Three files side by side: ``NAME`` (:func:`netprobe.catalog.edition.dump`), ``NAME.sha256`` as ``sha256sum`` writes it,
and ``NAME.sha256.sig`` as ``ssh-keygen -Y sign -n netprobe-catalog`` writes it, so that everybody can check them with
what a server has. Nothing is fetched, and no key of ours is in here: whom to trust the operator says. The signature
comes first, then the checksum; only then is anything parsed.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.resources
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from netprobe import reading, signatures
from netprobe.catalog import edition, tables, validation
from netprobe.catalog.edition import Bundle, Edition, Imported, Kept
from netprobe.catalog.files import replace
from netprobe.catalog.tabulate import twin_of
from netprobe.errors import UnreadableFileError, UsageError

NAMESPACE = "netprobe-catalog"
"""What the signature is made for: one that the same key made for something else counts nothing here."""
_SIGNERS = "signers.pub"
_GET = "get the three files again: the catalog, its .sha256 and its .sha256.sig"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S.*)")


def project_keys() -> tuple[signatures.Key, ...]:
    """The keys that this netprobe brings along; none as long as the project has published none."""
    data = importlib.resources.files("netprobe.catalog") / "data" / _SIGNERS
    return signatures.keys(data.read_bytes(), _SIGNERS)


def checksums(data: bytes, name: str) -> str:
    """The line of ``sha256sum`` for a file."""
    return f"{hashlib.sha256(data).hexdigest()}  {name}\n"


def verified(path: Path, trusted: Sequence[signatures.Key]) -> tuple[bytes, signatures.Key]:
    """The bytes of a bundle, once its signature and its checksum are right; and who signed.

    Args:
        path: the bundle; its checksums and their signature lie beside it.
        trusted: the keys that may have signed it.

    Raises:
        UnreadableFileError: a file is missing or too large, or the signature or the checksum is wrong.
    """
    listed, signature = Path(f"{path}.sha256"), Path(f"{path}.sha256.sig")
    sums = reading.read(listed, signatures.MOST_BYTES, _GET)
    armoured = reading.read(signature, signatures.MOST_BYTES, _GET)
    key = signatures.signer(sums, armoured, NAMESPACE, trusted, str(signature))
    data = reading.read(path, edition.MOST_BYTES, _GET)
    mine = [match[1] for match in _lines(sums) if match[2] == path.name]
    if len(mine) != 1:
        reason = f"names {path.name} {'more than once' if mine else 'nowhere'}"
        raise UnreadableFileError(str(listed), reason, "give the file the name that it had when it was signed")
    if mine[0] != hashlib.sha256(data).hexdigest():
        raise UnreadableFileError(str(path), "is not what was signed: its SHA-256 is another", _GET)
    return data, key


def _lines(sums: bytes) -> list[re.Match[str]]:
    return [match for match in map(_LINE.fullmatch, sums.decode("utf-8", "replace").splitlines()) if match]


def parsed(data: bytes, name: str) -> Edition:
    """The edition in a bundle, held to every rule that ours is held to.

    Args:
        data: its bytes.
        name: the file's, for messages.

    Raises:
        UnreadableFileError: it is no bundle, is made for another netprobe, or breaks a rule.
    """
    remedy = "nothing was changed; tell whoever signed it, or take the newest netprobe"
    try:
        bundle = msgspec.json.decode(data, type=Bundle)
        files = edition.files_of(bundle)
        unknown = sorted(set(files) - set(edition.FILES))
        if unknown:
            raise ValueError(f"{unknown[0]} is unknown to this netprobe")
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise UnreadableFileError(name, f"is no catalog ({exc})", remedy) from exc
    broken = validation.problems(files)
    if not broken and edition.version_of(files) != bundle.version:
        broken = (f"it calls itself {bundle.version}, and its endpoints are of {edition.version_of(files)}",)
    if broken:
        more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise UnreadableFileError(name, f"breaks a rule of the catalog: {broken[0]}{more}", remedy)
    return Edition(version=bundle.version, files=files)


def refuse_older(found: Edition, shipped: Edition, kept: Edition | None, *, older: bool, today: datetime.date) -> None:
    """Hold the version to what is here already.

    Args:
        found: what is to be imported.
        shipped: what this netprobe brings along.
        kept: the import that is here, if there is one.
        older: whether it may be older than that import.
        today: the day.

    Raises:
        UsageError: it is older than what ships, or than the import that is here, or of a day that is still to come.
    """
    if found.version < shipped.version:
        reason = f"is older than the catalog of {shipped.version} that ships with this netprobe"
        raise UsageError(f"the catalog of {found.version}", reason, "there is nothing to import")
    if kept is not None and found.version < kept.version and not older:
        reason = f"is older than the import of {kept.version} that is here"
        raise UsageError(f"the catalog of {found.version}", reason, "give --allow-older if you mean it")
    # A day of grace: whoever signs may be ahead of us by half the world.
    if datetime.date.fromisoformat(found.version) > today + datetime.timedelta(days=1):
        reason = f"is of a day to come (today is {today.isoformat()}): it would outlive every later one"
        raise UsageError(f"the catalog of {found.version}", reason, "set this machine's clock, or refuse the file")


def keep(found: Edition, imported: Imported, path: Path) -> None:
    """Put an import in its place, in one step, with the twin of its tables so that it loads as fast as ours.

    Args:
        found: the edition.
        imported: where it came from.
        path: one of :func:`netprobe.catalog.edition.places`.

    Raises:
        UsageError: the place cannot be written.
    """
    texts: Mapping[str, bytes] = {**found.files, tables.NAME: twin_of(found.files)}
    bundle = Bundle(
        netprobe_catalog=edition.FORMAT,
        version=found.version,
        files={name: data.decode() for name, data in texts.items()},
    )
    data = msgspec.json.encode(Kept(imported=imported, bundle=bundle))
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        replace(path, data, lambda new: msgspec.json.decode(new, type=Kept))
    except OSError as exc:
        raise UsageError(str(path), f"cannot be written ({reading.reason(exc)})", "run it as a user who may") from exc
