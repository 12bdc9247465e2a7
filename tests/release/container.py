"""An OCI image layout for both architectures, in one tar (``oci-archive:``), written without a container engine.

The image holds the tree, a user that is not root, the public roots, and nothing else: no shell, no package manager. It
runs on a read-only root. https://github.com/opencontainers/image-spec, version 1.1.0, read 2026-11-28.
"""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netprobe import __version__
from tests.release import parts, tree
from tests.release.parts import Architecture

NAME = f"localhost/netprobe:{__version__}"
"""What ``podman load`` calls it. A version alone would become ``localhost/0.1.0``, and ``netprobe`` would be looked for
in the registries that a host searches, where that name is somebody else's."""
_USER = "65532"
_PASSWD = f"netprobe:x:{_USER}:{_USER}:netprobe:/:/nonexistent\n"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"


def layout(trees: Mapping[Architecture, Path], target: Path, work: Path) -> None:
    """Write the layout of an image.

    Args:
        trees: architecture → its tree.
        target: the tar to write.
        work: for what lies about in between.
    """
    folder = work / "oci"
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    manifests = [_image(architecture, place, blobs, work) for architecture, place in trees.items()]
    inner = _blob(blobs, _json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}), _INDEX)
    inner["annotations"] = {"org.opencontainers.image.ref.name": NAME}
    (folder / "index.json").write_bytes(_json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [inner]}))
    (folder / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    tree.archive(folder, target)


def _image(architecture: Architecture, place: Path, blobs: Path, work: Path) -> dict[str, Any]:
    plain = work / f"layer-{architecture.name}.tar"
    _layer(place, plain)
    packed = gzip.compress(plain.read_bytes(), compresslevel=9, mtime=0)
    layer = _blob(blobs, packed, "application/vnd.oci.image.layer.v1.tar+gzip")
    created = datetime.datetime.fromtimestamp(parts.epoch(), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {
        "org.opencontainers.image.title": "netprobe",
        "org.opencontainers.image.description": "Will this server work with Amazon ECS Anywhere?",
        "org.opencontainers.image.version": __version__,
        "org.opencontainers.image.licenses": "MIT",
        "org.opencontainers.image.created": created,
    }
    config = {
        "created": created,
        "architecture": architecture.debian,
        "os": "linux",
        "config": {
            "User": f"{_USER}:{_USER}",
            "Entrypoint": ["/usr/lib/netprobe/netprobe"],
            "Cmd": ["--help"],
            "Env": ["PATH=/usr/lib/netprobe"],
            "WorkingDir": "/",
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{parts.sha256(plain)}"]},
        "history": [{"created": created, "created_by": "tests.release.build"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _blob(blobs, _json(config), "application/vnd.oci.image.config.v1+json"),
        "layers": [layer],
        "annotations": labels,
    }
    described = _blob(blobs, _json(manifest), _MANIFEST)
    described["platform"] = {"architecture": architecture.debian, "os": "linux"}
    plain.unlink()
    return described


def _layer(place: Path, target: Path) -> None:
    """A root file system: the tree, the user's name, the public roots, and a folder for temporary files."""
    tree.archive(place, target, "usr/lib/netprobe/")
    roots = (place / "lib" / "plain" / "certifi" / "cacert.pem").read_bytes()
    with tarfile.open(target, "a", format=tarfile.USTAR_FORMAT) as tar:
        for name, mode in (("etc", 0o755), ("etc/ssl", 0o755), ("etc/ssl/certs", 0o755), ("tmp", 0o1777)):
            _add(tar, name, mode)
        _add(tar, "etc/passwd", 0o644, _PASSWD.encode())
        _add(tar, "etc/group", 0o644, f"netprobe:x:{_USER}:\n".encode())
        _add(tar, "etc/ssl/certs/ca-certificates.crt", 0o644, roots)


def _add(tar: tarfile.TarFile, name: str, mode: int, content: bytes | None = None) -> None:
    info = tarfile.TarInfo(name)
    info.mode, info.mtime, info.uname, info.gname = mode, parts.epoch(), "root", "root"
    if content is None:
        info.type = tarfile.DIRTYPE
    else:
        info.size = len(content)
    tar.addfile(info, io.BytesIO(content or b""))


def _blob(blobs: Path, content: bytes, kind: str) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
