"""JSON: the whole answer; its schema is ``netprobe fleet --schema``."""

from __future__ import annotations

from typing import Any

import msgspec

from netprobe import jsontext
from netprobe.fleet.model import SCHEMA_VERSION, Fleet


def render(fleet: Fleet, *, width: int) -> bytes:
    """Encode with two spaces of indent."""
    return jsontext.encode(fleet)


def schema() -> dict[str, Any]:
    """Make the JSON Schema (2020-12) of the fleet's JSON from its types."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "netprobe fleet",
        "description": f"What 'netprobe fleet --format json' writes, schema_version {SCHEMA_VERSION}.",
        **msgspec.json.schema(Fleet),
    }
