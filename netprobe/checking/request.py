"""What a check is asked to do: filled from options by ``netprobe check``, from ``[gate]`` by ``netprobe gate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from netprobe.naming import NAMED, Naming

BOTH = (4, 6)


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One check. What is left out is as on a command line without that option.

    Attributes:
        regions: region ids, comma lists, ``all``; none for the region of this host's own agent.
        groups: groups beyond the default ones.
        without_groups: groups to leave out.
        account: the account of the ECR registry, twelve digits.
        fips: name the FIPS forms.
        dualstack: name the dual-stack forms.
        task_definitions: files whose needs count too.
        own_endpoints: the tables ``[[endpoint]]`` of netprobe.toml.
        families: the address families wanted.
        agents: as whom to look; none for the agents that are here, else the host.
        root: read the agents' settings from this folder.
        resolvers: ``ADDRESS[:PORT]``; none for the host's own.
        proxy: for every program; None for each one's own.
        no_proxy: connect directly, whatever is set.
        ca_file: the trust store to verify with.
        origin_ca: the roots that the genuine service chains to.
        expect: group → ``private`` or ``public``.
        ecs_numbers: the numbers to try; None for the usual ones.
        timeout: seconds for a step; None for the usual ones.
        deadline: seconds for the run; None for the usual ones.
        concurrency: how many probes at once; None for the usual number.
        idle: for how many seconds an idle WebSocket is held, or None.
        lab: the scenario of the embedded network, or None for the real one.
        locate: whether to look for the hop on which it breaks.
        genuine_chains: whether certificates of chains that verified are described.
        naming: the host's labels, and whether the report names it.
    """

    regions: Sequence[str] = ()
    groups: Sequence[str] = ()
    without_groups: Sequence[str] = ()
    account: str | None = None
    fips: bool = False
    dualstack: bool = False
    task_definitions: Sequence[Path] = ()
    own_endpoints: Sequence[Mapping[str, Any]] = ()
    families: tuple[int, ...] = BOTH
    agents: Sequence[str] = ()
    root: Path | None = None
    resolvers: Sequence[str] = ()
    proxy: str | None = None
    no_proxy: bool = False
    ca_file: Path | None = None
    origin_ca: Path | None = None
    expect: Mapping[str, str] = {}
    ecs_numbers: tuple[int, ...] | None = None
    timeout: float | None = None
    deadline: float | None = None
    concurrency: int | None = None
    idle: float | None = None
    lab: str | None = None
    locate: bool = False
    genuine_chains: bool = True
    naming: Naming = NAMED
