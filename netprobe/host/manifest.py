"""Which layers make up an image, in order: ``manifest.json`` of ``docker save`` and the index of an OCI layout.

Sources: OCI image-spec ``image-layout.md``, ``image-index.md``, ``manifest.md``; Docker's image specification v1.2
(both read 2026-11-23). Digests are used as names only; the registry that the image is pushed to verifies them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from netprobe.host.streams import ArchiveError

DOCUMENTS = frozenset({"manifest.json", "index.json", "oci-layout", "repositories"})
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_MAX_DEPTH = 4
_MAX_DESCRIPTORS = 10_000
"""Entries of all indexes together."""
_MAX_LAYERS = 512
"""Docker makes no more than 127 (``layer.MaxLayers``), other builders some more."""


def layers(documents: Mapping[str, bytes], platform: str | None = None) -> tuple[str, ...] | None:
    """The paths of the layers, lowest first; None where the archive is no image but a root of its own.

    Args:
        documents: the JSON documents by their path in the archive.
        platform: ``linux/arm64``, to choose among the images of an OCI index.

    Raises:
        ArchiveError: the documents are malformed, or describe several images.
    """
    if "index.json" in documents and any(name.startswith("blobs/") for name in documents):
        return _from_index(documents, platform)
    if "manifest.json" in documents:
        return _from_docker(documents["manifest.json"])
    return None


def _parse(data: bytes, name: str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise ArchiveError(f"holds a {name} that is no JSON") from exc


def _from_docker(data: bytes) -> tuple[str, ...]:
    images = _parse(data, "manifest.json")
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise ArchiveError("holds a manifest.json that is no list of images")
    if len(images) != 1:
        raise ArchiveError(f"holds {len(images)} images; save one of them")
    names = images[0].get("Layers")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ArchiveError("holds a manifest.json without a list of layers")
    return _bounded(tuple(names))


def _from_index(documents: Mapping[str, bytes], platform: str | None) -> tuple[str, ...]:
    found = _Images(documents, platform).below("index.json", 0)
    if len(found) > 1:
        names = ", ".join(sorted(name for name, _ in found)[:6])
        raise ArchiveError(f"holds {len(found)} images ({names}); choose one with --platform")
    if not found:
        wanted = f" for {platform}" if platform else ""
        raise ArchiveError(f"holds no image{wanted}")
    return found[0][1]


_Found = list[tuple[str, tuple[str, ...]]]


class _Images:
    """Every image below an index, as (platform, layers); attestations are no images.

    Args:
        documents: the JSON documents by their path.
        platform: the one that is wanted, or None for any.
    """

    def __init__(self, documents: Mapping[str, bytes], platform: str | None) -> None:
        self._documents = documents
        self._platform = platform
        self._seen: set[tuple[str, str]] = set()
        """What was looked into: an index may name another one many times, and that one a third."""
        self._left = _MAX_DESCRIPTORS

    def below(self, name: str, depth: int) -> _Found:
        """The images of one index and of those that it names."""
        if depth > _MAX_DEPTH:
            raise ArchiveError("nests image indexes too deep")
        found: _Found = []
        for descriptor in _descriptors(_parse(self._documents.get(name, b""), name), "manifests"):
            self._left -= 1
            if self._left < 0:
                raise ArchiveError(f"names more than {_MAX_DESCRIPTORS} manifests")
            blob, label = _blob(descriptor), _platform(descriptor)
            if (blob, label) in self._seen:
                continue
            self._seen.add((blob, label))
            found += self._of(blob, label, depth)
        return found

    def _of(self, blob: str, label: str, depth: int) -> _Found:
        body = _parse(self._documents.get(blob, b""), "manifest")
        if not isinstance(body, dict):
            raise ArchiveError("holds a manifest that is no JSON object")
        if "manifests" in body:
            return self.below(blob, depth + 1)
        if label.startswith("unknown/") or (self._platform is not None and label not in ("", self._platform)):
            return []
        return [(label or "one without a platform", _bounded(tuple(map(_blob, _descriptors(body, "layers")))))]


def _bounded(layers: tuple[str, ...]) -> tuple[str, ...]:
    if len(layers) > _MAX_LAYERS:
        raise ArchiveError(f"lists {len(layers)} layers, which no builder makes")
    return layers


def _descriptors(body: object, key: str) -> Sequence[Mapping[str, object]]:
    items = body.get(key) if isinstance(body, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ArchiveError(f"holds an image document without a list of {key}")
    return items


def _platform(descriptor: Mapping[str, object]) -> str:
    platform = descriptor.get("platform")
    return f"{platform.get('os')}/{platform.get('architecture')}" if isinstance(platform, dict) else ""


def _blob(descriptor: Mapping[str, object]) -> str:
    match = _DIGEST.fullmatch(str(descriptor.get("digest")))
    if match is None:
        raise ArchiveError("names a layer or manifest by something other than a sha256 digest")
    return f"blobs/sha256/{match[1]}"
