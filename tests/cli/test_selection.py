from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from netprobe.catalog import Forms
from netprobe.checking.selection import Selection
from netprobe.cli import config
from netprobe.cli.selection import select
from netprobe.errors import RefusedRegionError, UnknownRegionError, UsageError


class Context:
    """What select needs of typer's context."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.meta = {"netprobe.config": config.Config(path=Path("netprobe.toml"), document=document)}


def chosen(*, document: dict[str, Any] | None = None, **given: Any) -> Selection:
    ctx: typer.Context = Context(document or {})  # type: ignore[assignment]
    return select(ctx, **{"region": ["us-east-2"], **given})


def test_regions_groups_and_account() -> None:
    selection = chosen(
        region=["us-east-2,eu-west-1"], with_groups=["secrets"], without_groups=["logs"], forms=Forms(account="1" * 12)
    )
    assert [region.id for region in selection.regions] == ["us-east-2", "eu-west-1"]
    groups = {endpoint.group for endpoint in selection.endpoints}
    assert "secrets" in groups
    assert "logs" not in groups
    assert any(endpoint.pattern.startswith("1" * 12) for endpoint in selection.endpoints)


def test_no_region_china_and_unknown_ones() -> None:
    for nothing in (None, [], [" , "]):
        with pytest.raises(UsageError, match="no region is given"):
            chosen(region=nothing)
    with pytest.raises(RefusedRegionError):
        chosen(region=["us-east-2", "cn-northwest-1"])
    with pytest.raises(UnknownRegionError, match="us-east-2"):
        chosen(region=["us-eest-2"])


def test_endpoints_of_the_users_own() -> None:
    table = {"id": "harbor", "pattern": "harbor.corp.example", "group": "images", "purpose": "Our registry."}
    found = [one for one in chosen(document={"endpoint": [table]}).endpoints if one.id == "harbor"]
    assert [one.pattern for one in found] == ["harbor.corp.example"]


def test_a_wrong_endpoint_of_the_users_own_is_refused() -> None:
    with pytest.raises(UsageError):
        chosen(document={"endpoint": [{"id": "x", "pattern": "not a host", "group": "images"}]})
