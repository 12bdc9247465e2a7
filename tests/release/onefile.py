"""The one file: the start program, and behind it a gzipped tar of the tree, which it unpacks on its first start."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

from tests.release import tree

MAGIC = b"netprobe-payload"


def pack(folder: Path, start: Path, target: Path, work: Path) -> None:
    """Write the one file of a tree.

    Args:
        folder: the tree.
        start: the start program, the same that is in the tree.
        target: the file to write; made executable.
        work: for the tar.
    """
    plain = work / "payload.tar"
    tree.archive(folder, plain)
    payload = gzip.compress(plain.read_bytes(), compresslevel=9, mtime=0)
    program = start.read_bytes()
    digest = hashlib.sha256(payload).hexdigest()[:32].encode("ascii")
    offset = b"%016o" % len(program)  # octal, as in a tar: the start program has one reader of numbers
    target.write_bytes(program + payload + MAGIC + digest + offset)
    target.chmod(0o755)
    plain.unlink()
