"""What an agent trusts, as its own language reads ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``.

The agents are Go programs. Go reads one file, and every file of some folders, and adds up what it finds
(``crypto/x509``, ``root_unix.go`` and ``root_linux.go``, read 2026-11-28): ``SSL_CERT_FILE`` stands in for the usual
bundles, ``SSL_CERT_DIR`` for the folders :data:`FOLDERS`. A file that cannot be read is passed over without a word, so
where both are of no use, the program trusts nobody and every handshake fails. The AWS SDKs take ``ca_bundle`` for the
only store and refuse to start where they cannot read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from netprobe.host.agents.programs import Program
from netprobe.host.filesystem import FileSystem, UnreadableError
from netprobe.host.machine import Machine
from netprobe.host.readers import truststore
from netprobe.host.readers.settings import Setting
from netprobe.vantage import TrustStore

FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")
NOTHING = "nothing: neither SSL_CERT_FILE nor SSL_CERT_DIR names a usable certificate"
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def named(program: Program, machine: Machine) -> TrustStore | None:
    """The store that a program's settings make; None where they name nothing of use and the usual store stays.

    Args:
        program: the program and its settings.
        machine: the host or image; no file outside its root is looked at.
    """
    if program.ca_file is None and (program.ca_folders is None or _are_of_no_use(program.ca_folders, machine.root)):
        return None
    try:
        found = list(dict.fromkeys(_files(program, machine.root)))
    except UnreadableError as error:
        return TrustStore(unseen=f"{error.path} could not be looked at ({error.reason}); run netprobe as root")
    paths = [path for name in found if (path := _here(machine, name)) is not None]
    if paths:
        return TrustStore(ca_file=paths[0], more=tuple(paths[1:]), description=", ".join(found))
    both = program.ca_file is not None and program.ca_folders is not None
    return TrustStore(empty=True, description=NOTHING) if both else None


def _are_of_no_use(folders: Setting, root: FileSystem) -> bool:
    try:
        return truststore.unusable_folders(root, folders.value) is not None
    except UnreadableError:
        return False


def _files(program: Program, root: FileSystem) -> Iterator[str]:
    """Files with CA certificates, in the order in which the program reads them.

    Raises:
        UnreadableError: this user may not look at one, and the program may.
    """
    bundle, folders = program.ca_file, program.ca_folders
    if bundle is None:
        usual = None if program.own_roots else truststore.bundle(root)
        yield from () if usual is None else (usual,)
    elif truststore.unusable_file(root, bundle.value) is None:
        yield bundle.value
        if bundle.key not in _VARIABLES:
            return
    if folders is not None:
        for folder in folders.value.split(":"):
            yield from truststore.usable_files(root, folder)
    elif not program.own_roots:
        yield from _usual_folders(root)


def _usual_folders(root: FileSystem) -> Iterator[str]:
    """What Go finds in its own folders: a bundle holds all that stands beside it."""
    for folder in FOLDERS:
        bundles = [path for path in truststore.BUNDLES if path.startswith(f"{folder}/")]
        yield from (path for path in bundles if root.exists(path) and truststore.unusable_file(root, path) is None)


def _here(machine: Machine, name: str) -> Path | None:
    return Path(name) if machine.running else truststore.outside(machine.root, name)
