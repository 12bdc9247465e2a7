"""The options of a check, and the one way from them to a request: for ``check``, ``gate`` and ``exporter`` alike.

What is probed stands in :class:`WhatToProbe`, how it is probed in :class:`HowToProbe`. A command takes a group as one
parameter::

    @asking.in_groups
    def check(ctx: typer.Context, *, what: WhatToProbe, how: HowToProbe, strict: options.Strict = False) -> int:

and typer sees each field as an option of that command, where the parameter stands.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netprobe.cli import options, values

if TYPE_CHECKING:
    from netprobe.checking.request import CheckRequest
    from netprobe.naming import Naming


@dataclasses.dataclass(kw_only=True)
class WhatToProbe:
    """Which endpoints are looked at, as options give them; a gate reads the same from ``[gate]``."""

    region: options.Region = None
    with_groups: options.With = None
    without_groups: options.Without = None
    account: options.Account = None
    task_definition: options.TaskDefinition = None
    expect: options.Expect = None


@dataclasses.dataclass(kw_only=True)
class HowToProbe:
    """As whom, through what and within which limits they are looked at, and how the report names this host."""

    as_: options.As = None
    root: options.Root = None
    resolver: options.Resolvers = None
    proxy: options.Proxy = None
    no_proxy: options.NoProxy = False
    ca_file: options.CaFile = None
    origin_ca: options.OriginCa = None
    fips: options.Fips = False
    dualstack: options.Dualstack = False
    ipv4_only: options.Ipv4Only = False
    ipv6_only: options.Ipv6Only = False
    ecs_numbers: options.EcsNumbers = None
    timeout: options.Timeout = None
    deadline: options.Deadline = None
    concurrency: options.Concurrency = None
    idle: options.Idle = None
    lab: options.Lab = None
    locate: options.Locate = False
    label: options.Labels = None
    anonymous: options.Anonymous = False

    def naming(self) -> Naming:
        """The labels of this host, and whether the report names it.

        Raises:
            UsageError: a label is none, or is given twice.
        """
        return values.naming(self.label, anonymous=self.anonymous)


def request(
    what: WhatToProbe, how: HowToProbe, *, own_endpoints: Sequence[Mapping[str, Any]] = (), genuine_chains: bool = True
) -> CheckRequest:
    """Make the request of a check.

    Args:
        what: which endpoints.
        how: as whom, through what, within which limits.
        own_endpoints: the tables ``[[endpoint]]`` of netprobe.toml.
        genuine_chains: whether certificates of chains that verified are described.

    Raises:
        UsageError: a value is none of its kind, or two options exclude each other.
    """
    from netprobe.checking.request import CheckRequest

    values.refuse_both(proxy=how.proxy, no_proxy=how.no_proxy)
    return CheckRequest(
        regions=options.listed(what.region),
        groups=options.listed(what.with_groups),
        without_groups=options.listed(what.without_groups),
        account=values.account(what.account),
        fips=how.fips,
        dualstack=how.dualstack,
        task_definitions=what.task_definition or (),
        own_endpoints=own_endpoints,
        families=values.families(ipv4_only=how.ipv4_only, ipv6_only=how.ipv6_only),
        agents=options.listed(how.as_),
        root=how.root,
        resolvers=options.listed(how.resolver),
        proxy=how.proxy,
        no_proxy=how.no_proxy,
        ca_file=how.ca_file,
        origin_ca=how.origin_ca,
        expect=values.expectations(what.expect),
        ecs_numbers=values.numbers(how.ecs_numbers) if how.ecs_numbers is not None else None,
        timeout=values.seconds("--timeout", how.timeout),
        deadline=values.seconds("--deadline", how.deadline),
        concurrency=values.at_least_one("--concurrency", how.concurrency, values.MOST_CONCURRENT),
        idle=values.seconds("--idle", how.idle),
        lab=how.lab,
        locate=how.locate,
        genuine_chains=genuine_chains,
        naming=how.naming(),
    )


def in_groups(command: Callable[..., int]) -> Callable[..., int]:
    """Show typer each field of a command's groups as an option of its own, and give the command the groups filled.

    Args:
        command: a function whose parameters annotated with a dataclass are groups.

    Returns:
        The function to register.
    """
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if dataclasses.is_dataclass(parameter.annotation)
    }

    @functools.wraps(command)
    def with_groups(**given: Any) -> int:
        for name, group in groups.items():
            fields = {field.name: given.pop(field.name) for field in dataclasses.fields(group)}
            given[name] = group(**fields)
        return command(**given)

    with_groups.__signature__ = signature.replace(parameters=list(_spread(signature, groups)))  # type: ignore[attr-defined]
    return with_groups


def _spread(signature: inspect.Signature, groups: Mapping[str, Any]) -> Iterator[inspect.Parameter]:
    """The parameters, with the fields of each group in its place."""
    for name, parameter in signature.parameters.items():
        if name in groups:
            yield from inspect.signature(groups[name], eval_str=True).parameters.values()
        else:
            yield parameter
