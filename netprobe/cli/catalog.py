"""``netprobe catalog``: write the facts as one file, take newer ones without a newer program, go back to ours.

Nothing is fetched. An import is taken only with a signature of a key that the operator trusts, and only if it keeps
every rule that our own catalog keeps.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli.output import say, write_outputs
from netprobe.errors import UsageError, printable

if TYPE_CHECKING:
    from netprobe.catalog.edition import Edition


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)
    group.callback()(_about)
    group.command("export")(export)
    group.command("import")(import_)
    group.command("remove")(remove)
    app.add_typer(group, name="catalog")


def _about() -> None:
    """Write the catalog as one file, or take a newer one without a newer netprobe."""


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to put it; its checksum goes beside it.")],
) -> int:
    """Write the catalog in use here to FILE, and its checksum to FILE.sha256.

    Whoever vouches for it signs the checksum: ssh-keygen -Y sign -n netprobe-catalog -f KEY FILE.sha256. The same
    catalog gives the same bytes.
    """
    from netprobe.catalog import edition, imports

    if str(file) == "-":
        raise UsageError("-", "two files are written, so it cannot be the standard output", "name a file")
    found = edition.current()
    data = edition.dump(found.files)
    write_outputs([(data, file), (imports.checksums(data, file.name), Path(f"{file}.sha256"))])
    sign = f"ssh-keygen -Y sign -n {imports.NAMESPACE} -f KEY {file}.sha256"
    say(f"netprobe: {file}: catalog {found.version}; sign it: {sign}")
    return 0


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The catalog; FILE.sha256 and FILE.sha256.sig must be beside it.")
    ],
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Public keys that you trust, as in id_ed25519.pub."),
    ] = None,
    allow_older: Annotated[
        bool, typer.Option("--allow-older", help="Accept one that is older than the one imported before.")
    ] = False,
) -> int:
    """Use a newer catalog from now on: as root for everybody on this host, otherwise for yourself.

    It is accepted only if a key that you trust signed its checksum and it passes every check that the shipped catalog
    passes; otherwise nothing changes. A netprobe that ships a newer one uses its own.
    """
    from netprobe import reading, signatures
    from netprobe.catalog import edition, imports
    from netprobe.catalog.edition import Imported

    trusted = imports.project_keys()
    if key is not None:
        trusted = signatures.keys(reading.read(key, signatures.MOST_BYTES, "name another"), str(key))
    if not trusted:
        raise UsageError(
            str(key) if key is not None else str(file),
            "there is no key to hold its signature to",
            "give --key FILE with the public key of whom you trust",
        )
    data, signer = imports.verified(file, trusted)
    found = imports.parsed(data, str(file))
    place = edition.places()[0]
    now = datetime.datetime.now(datetime.UTC)
    imports.refuse_older(found, edition.shipped(), _kept(place), older=allow_older, today=now.date())
    at = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    imported = Imported(file=printable(file.name, limit=100), at=at, signed_by=signer.fingerprint)
    imports.keep(found, imported, place)
    say(f"netprobe: catalog {found.version} counts from now on, {_whose(place)}: {imported.told()}")
    return 0


def remove() -> int:
    """Go back to the catalog that ships with this netprobe: remove this user's import, or as root everybody's."""
    from netprobe import reading
    from netprobe.catalog import edition

    place = edition.places()[0]
    try:
        place.unlink()
    except FileNotFoundError:
        say(f"netprobe: there is no import at {place}")
        return 0
    except OSError as exc:
        raise UsageError(str(place), f"cannot be removed ({reading.reason(exc)})", "run it as a user who may") from exc
    say(f"netprobe: catalog {edition.current().version} counts from now on")
    return 0


def _kept(place: Path) -> Edition | None:
    """The import that is here; one that cannot be read is no reason to keep it."""
    from netprobe.catalog import edition
    from netprobe.errors import UnreadableFileError

    try:
        return edition.kept(place)
    except UnreadableFileError as exc:
        say(f"netprobe: {exc.value} {exc.reason}; it is replaced")
        return None


def _whose(place: Path) -> str:
    from netprobe import nameplate

    return "for everybody on this host" if str(place) == nameplate.SYSTEM_IMPORT else "for this user"
