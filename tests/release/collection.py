"""The Ansible collection as a tarball: the same bytes for the same tree, without Ansible.

The form is that of ``ansible-galaxy collection build`` (format 1 of MANIFEST.json and FILES.json; ansible-core,
``lib/ansible/galaxy/collection/__init__.py``, read 2026-11-28); a test has ansible-galaxy install and verify it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from netprobe import __version__
from tests.release import parts

HERE = parts.ROOT / "netprobe" / "deploy" / "ansible"
_SKIPPED = frozenset({"__pycache__", ".ansible", "galaxy.yml"})


def build(out: Path) -> Path:
    """Write ``netprobe-ecs_anywhere-VERSION.tar.gz`` into a folder.

    Args:
        out: the folder.
    """
    described = yaml.safe_load((HERE / "galaxy.yml").read_text(encoding="utf-8"))
    described["version"] = __version__
    files = dict(_files())
    listed = json.dumps({"files": [*_entries(files)], "format": 1}, indent=1).encode()
    manifest = json.dumps(_manifest(described, listed), indent=1).encode()
    path = out / f"{described['namespace']}-{described['name']}-{__version__}.tar.gz"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in {"MANIFEST.json": manifest, "FILES.json": listed, **files}.items():
            _add(tar, name, data)
    with path.open("wb") as stream, gzip.GzipFile(fileobj=stream, mode="wb", filename="", mtime=0) as compressed:
        compressed.write(packed.getvalue())
    return path


def _files() -> Iterator[tuple[str, bytes | None]]:
    """Every folder (None) and file, by name."""
    for path in sorted(HERE.rglob("*")):
        if _SKIPPED.isdisjoint(path.relative_to(HERE).parts):
            yield path.relative_to(HERE).as_posix(), path.read_bytes() if path.is_file() else None


def _entries(files: Mapping[str, bytes | None]) -> Iterator[dict[str, Any]]:
    yield {"name": ".", "ftype": "dir", "chksum_type": None, "chksum_sha256": None, "format": 1}
    for name, data in files.items():
        yield {
            "name": name,
            "ftype": "dir" if data is None else "file",
            "chksum_type": None if data is None else "sha256",
            "chksum_sha256": None if data is None else hashlib.sha256(data).hexdigest(),
            "format": 1,
        }


def _manifest(described: Mapping[str, Any], listed: bytes) -> dict[str, Any]:
    info = {key: described.get(key) for key in ("namespace", "name", "version", "authors", "readme", "tags")}
    info |= {key: described.get(key) for key in ("description", "license", "repository")}
    info |= {"license_file": None, "dependencies": {}, "documentation": None, "homepage": None, "issues": None}
    own = {"name": "FILES.json", "ftype": "file", "chksum_type": "sha256", "format": 1}
    return {
        "collection_info": info,
        "file_manifest_file": {**own, "chksum_sha256": hashlib.sha256(listed).hexdigest()},
        "format": 1,
    }


def _add(tar: tarfile.TarFile, name: str, data: bytes | None) -> None:
    info = tarfile.TarInfo(name)
    info.mtime = parts.epoch()
    info.uname = info.gname = "root"
    if data is None:
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
        return
    info.size, info.mode = len(data), 0o644
    tar.addfile(info, io.BytesIO(data))
