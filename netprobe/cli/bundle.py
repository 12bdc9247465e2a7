"""``netprobe bundle FILE``: what somebody who helps needs to see, in one archive, without secrets.

It holds saved reports (``--report``), what the rules of ``host`` find, what this netprobe is, and the settings of each
agent as a report shows them. Nothing is probed and nothing is sent; what goes in is listed first.
"""

from __future__ import annotations

import datetime
import gzip
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli.output import check_destinations, say, write_output
from netprobe.errors import UnreadableFileError, redacted

if TYPE_CHECKING:
    from netprobe.report.model import Report

_README = "README.txt"


def register(app: typer.Typer) -> None:
    """Add ``bundle``."""
    app.command("bundle")(bundle)


def bundle(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write (tar.gz); - is stdout.")],
    report: Annotated[
        list[Path] | None,
        typer.Option("--report", metavar="REPORT.json", help="Include what 'check --format json' wrote. Repeatable."),
    ] = None,
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="Judge this root folder instead of the running host.")
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", help="Only say what would be in it.")] = False,
) -> int:
    """Collect what a helper needs to see into one archive, without secrets.

    Run it as root, so that every rule of 'netprobe host' can be judged. Look into it before you send it: it names this
    host's files, addresses and settings. The file is readable by you alone (mode 0600); a report that you write with
    -o has the mode that your umask gives.
    """
    check_destinations(() if list_only else (file,))
    parts = _parts(report or [], root)
    for name, (meaning, content) in parts.items():
        say(f"netprobe: {name}: {meaning}, {len(content)} bytes")
    if list_only:
        return 0
    write_output(_archive({name: content for name, (_, content) in parts.items()}), file, private=True)
    return 0


def _parts(reports: list[Path], root: Path | None) -> dict[str, tuple[str, bytes]]:
    """What goes in: name → what it is, and its content with every credential taken out once more."""
    import msgspec

    from netprobe.about import about
    from netprobe.cli.version import in_words
    from netprobe.report import stored

    here = about(datetime.datetime.now(datetime.UTC).date())
    parts = {"version.txt": ("what this netprobe is, and what it lacks here", in_words(here).encode())}
    for number, path in enumerate(reports, start=1):
        parts[f"report-{number}.json"] = (f"the report {path.name}", _json(stored.read(path)))
    parts["host.json"] = ("what the rules of 'netprobe host' find", _json(_judged(root)))
    settings = msgspec.json.encode(_settings(root))
    parts["settings.json"] = ("each agent's resolvers, proxy, NO_PROXY and trust store", settings)
    parts = {name: (meaning, redacted(text.decode()).encode()) for name, (meaning, text) in parts.items()}
    contents = "".join(f"{name}: {meaning}\n" for name, (meaning, _) in parts.items())
    parts[_README] = ("this list", contents.encode())
    return parts


def _json(report: Report) -> bytes:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(report), indent=1)


def _judged(root: Path | None) -> Report:
    from netprobe import reading
    from netprobe.cli import readiness
    from netprobe.host.filesystem import FolderRoot
    from netprobe.host.live import live
    from netprobe.host.machine import Machine

    folder = root or Path("/")
    try:
        looked_at = FolderRoot(folder)
    except OSError as problem:
        why = f"cannot be read ({reading.reason(problem)})"
        raise UnreadableFileError(str(folder), why, "name a root folder") from problem
    with looked_at as opened:
        return readiness.judged(Machine(root=opened, subject="host", live=live() if root is None else None), root=root)


def _settings(root: Path | None) -> object:
    """What a report says of each vantage; a file that cannot be used is told in its place."""
    from netprobe.checking import vantages
    from netprobe.errors import NetprobeError

    try:
        look = vantages.on_this_host(
            names=("all",),
            root=root,
            resolvers=(),
            proxy=None,
            no_proxy=False,
            ca_file=None,
            origin_ca=None,
            families=(4, 6),
        )
    except NetprobeError as problem:
        return {"not_read": str(problem)}
    return [vantage.record for vantage in look.ready or ()]


def _archive(parts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in parts.items():
            info = tarfile.TarInfo(f"netprobe-bundle/{name}")
            info.size, info.mode = len(content), 0o600
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)
