"""What this netprobe is: its version and build, how old its facts are, what it runs on, and what it lacks here.

For people who ask for help and those who help them: ``netprobe version --verbose`` and the support bundle show it.
"""

from __future__ import annotations

import datetime
import platform
import ssl
import sys
from collections.abc import Iterator
from importlib import metadata, util
from importlib.resources import files
from pathlib import Path

import msgspec

from netprobe import __version__, nameplate

PACKAGES = (
    *("trio", "dnspython", "httpx", "h11", "cryptography", "msgspec", "typer", "jinja2", "rich", "pyyaml", "scapy"),
)
_BUILD = "build.txt"
"""Written into the package by a release: the commit, and which artefact it is."""


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not here, and what that means.

    Attributes:
        what: a package, a file or a folder.
        means: which part of netprobe does less without it.
        remedy: how to get it.
    """

    what: str
    means: str
    remedy: str


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that ``netprobe version --verbose`` tells.

    Attributes:
        version: of netprobe.
        build: which artefact of which commit, or that it is none of a release.
        catalog: the version (a day) of the facts.
        catalog_digest: of the facts, with the user's own endpoints left out.
        catalog_from: whether they ship with netprobe, or where they were imported from.
        catalog_age_days: days between that day and today.
        prefixes_created: when AWS made the address ranges that are shipped, RFC 3339.
        python: the interpreter's version.
        openssl: the library that makes the handshakes.
        system: kernel and machine.
        packages: distribution → version.
        missing: what is not here.
    """

    version: str
    build: str
    catalog: str
    catalog_digest: str
    catalog_from: str
    catalog_age_days: int
    prefixes_created: str
    python: str
    openssl: str
    system: str
    packages: dict[str, str]
    missing: tuple[Missing, ...]


def in_short() -> str:
    """What ``--version`` says.

    Raises:
        UnreadableFileError: an imported catalog cannot be used.
    """
    from netprobe.catalog import edition

    newest = edition.current()
    return nameplate.text(newest.version, imported=newest.imported is not None)


def about(today: datetime.date) -> About:
    """Look at this installation.

    Args:
        today: from which day the age of the catalog is counted.
    """
    from netprobe import catalog
    from netprobe.catalog import prefixes

    facts = catalog.load()
    return About(
        version=__version__,
        build=_build(),
        catalog=facts.version,
        catalog_digest=facts.digest,
        catalog_from=f"imported from {facts.imported_from}" if facts.imported_from else "shipped with this netprobe",
        catalog_age_days=(today - datetime.date.fromisoformat(facts.version)).days,
        prefixes_created=prefixes.snapshot().created,
        python=f"{platform.python_version()} ({sys.executable or 'no path'})",
        openssl=ssl.OPENSSL_VERSION,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        packages=packages(),
        missing=tuple(_missing()),
    )


def packages() -> dict[str, str]:
    """The version of each of :data:`PACKAGES` that is installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _build() -> str:
    try:
        return (files("netprobe") / _BUILD).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return "no release: a checkout or a wheel of one"


def _missing() -> Iterator[Missing]:
    if util.find_spec("scapy") is None:
        yield Missing(
            what="scapy",
            means="path makes no raw probes",
            remedy="install netprobe's wheel with pip, which brings scapy",
        )
    if not Path("/proc/net").exists():
        yield Missing(
            what="/proc",
            means="host rules that read the kernel are not run, and routes are unknown",
            remedy="run on the host itself, or mount /proc into the container",
        )
    from netprobe.probes.trust import SYSTEM_BUNDLES, system_bundle

    if system_bundle() is None:
        yield Missing(
            what="a system trust store",
            means="check verifies nothing as host: every certificate is called untrusted",
            remedy=f"install ca-certificates (looked for: {', '.join(map(str, SYSTEM_BUNDLES))}), or give --ca-file",
        )
