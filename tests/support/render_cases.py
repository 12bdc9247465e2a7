"""Endpoints and options that every target is rendered with; by hand, so that golden files do not follow the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from netprobe.catalog.model import Agent, Endpoint
from netprobe.render import targets
from netprobe.render.header import Origin
from netprobe.render.model import Addresses, Form, Options, Policy, SeenNames, Target

GOLDEN = Path(__file__).parents[1] / "golden"
ORIGIN = Origin(command="netprobe render TARGET --region us-east-2", catalog="test")


def endpoint(
    pattern: str,
    id: str = "",
    *,
    region: str = "us-east-2",
    group: str = "control",
    port: int = 443,
    required: bool = True,
    numbered: bool = False,
    placeholder_account: bool = False,
) -> Endpoint:
    """An endpoint with everything that a test does not care about filled in."""
    return Endpoint(
        id=id or pattern.partition(".")[0].replace("*", "n"),
        region=region,
        group=group,
        pattern=pattern,
        port=port,
        purpose="The agent needs it.",
        used_by=(Agent.ECS_AGENT,),
        required=required,
        numbered=numbered,
        placeholder_account=placeholder_account,
        source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere.html",
        checked="2026-11-23",
    )


def ecs(region: str, *, account: str | None = "123456789012") -> tuple[Endpoint, ...]:
    """The shape of a region: exact names, numbered names, a registry, a bucket."""
    base = f"{region}.amazonaws.com"
    return (
        endpoint(f"ecs.{base}", "ecs", region=region),
        endpoint(f"ecs-a-*.{base}", "ecs-a", region=region, numbered=True),
        endpoint(f"ecs-a.{base}", "ecs-a-unnumbered", region=region),
        endpoint(f"ecs-t-*.{base}", "ecs-t", region=region, numbered=True),
        endpoint(
            f"{account or '*'}.dkr.ecr.{base}",
            "ecr-registry",
            region=region,
            group="images",
            placeholder_account=account is None,
        ),
        endpoint(f"prod-{region}-starport-layer-bucket.s3.{base}", "ecr-layers", region=region, group="images"),
    )


UNUSUAL = (
    endpoint("db.*.example.com", "own-middle", group="own", required=False),
    endpoint("*-api.example.net", "own-front", group="own", required=False),
    endpoint("*.cache-*.example.org", "own-two", group="own", required=False),
    endpoint("x-*-y.*.z.example.org", "own-inside", group="own", required=False),
)
"""Patterns of a user's own, with asterisks where AWS has none, for engines that claim to say any pattern."""


HOSTS = ("198.51.100.16/28", "2001:db8:5::/48")
"""The hosts that a rule is for, where it is for some hosts only."""


def enforcing(target: str | Target) -> Policy:
    """The form that denies: for ``HOSTS`` where the target tells clients apart, else for all that it decides about."""
    scope = (targets.get(target) if isinstance(target, str) else target).SCOPE
    if not scope.enforces:
        return Policy()
    if scope.clients:
        return Policy(enforce=True, sources=HOSTS)
    return Policy(enforce=True, every_client=not (scope.own_host or scope.selector))


def closed(target: str | Target, *, all_ports: bool = False) -> Policy:
    """The form that denies, for every client (documents have none)."""
    scope = (targets.get(target) if isinstance(target, str) else target).SCOPE
    if not scope.enforces:
        return Policy()
    whom = not (scope.own_host or scope.selector)
    return Policy(enforce=True, every_client=whom, all_ports=all_ports and scope.every_port)


def allowing(target: str | Target) -> Policy:
    """The form that only allows, or where there is none, the one that denies for as many as it must."""
    scope = (targets.get(target) if isinstance(target, str) else target).SCOPE
    return Policy() if scope.additive else enforcing(target)


class Limited:
    """A target as it would be with fewer forms, so that its other forms are held to their claims too."""

    def __init__(self, target: str, *forms: Form) -> None:
        self._module = targets.get(target)
        regex = self._module.CAPABILITY.regex if Form.REGEX in forms else None
        self.CAPABILITY = msgspec.structs.replace(self._module.CAPABILITY, forms=frozenset(forms), regex=regex)

    def __getattr__(self, name: str) -> object:
        return getattr(self._module, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One input for every target; ``enforce`` asks for the form that denies."""

    endpoints: tuple[Endpoint, ...]
    options: Options
    enforce: bool = False

    def policy(self, target: str | Target) -> Policy:
        """What it asks a target for."""
        return enforcing(target) if self.enforce else allowing(target)


def seen(*patterns: str, numbers: tuple[int, ...] = (1, 2, 22)) -> dict[str, SeenNames]:
    """Names seen for numbered patterns."""
    return {p: SeenNames(names=tuple(p.replace("*", str(n)) for n in numbers), how="a test") for p in patterns}


_NUMBERED = ("ecs-a-*.us-east-2.amazonaws.com", "ecs-t-*.us-east-2.amazonaws.com")
_STRICT = ecs("us-east-2")
_WIDE = (
    *ecs("us-east-2", account=None),
    *ecs("eu-west-1", account=None),
    endpoint("download.docker.com", "docker", group="install", required=False),
    endpoint("archive.ubuntu.com", "packages", group="install", port=80, required=False),
)


def _hosts(endpoints: tuple[Endpoint, ...]) -> dict[str, tuple[str, ...]]:
    """Documentation addresses for every exact name and every name seen (RFC 5737, RFC 3849)."""
    names = [e.pattern for e in endpoints if "*" not in e.pattern]
    names += [name for found in seen(*_NUMBERED).values() for name in found.names]
    return {name: (f"192.0.2.{i}", f"2001:db8::{i:x}") for i, name in enumerate(names, start=1)}


CASES: dict[str, Case] = {
    # One region, an account, names seen, names resolved; nothing wide is permitted.
    "strict": Case(
        endpoints=_STRICT,
        options=Options(seen=seen(*_NUMBERED), addresses=Addresses(how="a test", by_host=_hosts(_STRICT))),
    ),
    # The same, and what is not listed is denied.
    "enforced": Case(
        endpoints=_STRICT,
        options=Options(seen=seen(*_NUMBERED), addresses=Addresses(how="a test", by_host=_hosts(_STRICT))),
        enforce=True,
    ),
    # Two regions, no account, nothing seen, a second port, endpoints outside AWS; everything wide is permitted.
    "wide": Case(
        endpoints=_WIDE,
        options=Options(
            allow_widening=True,
            addresses=Addresses(
                how="a test",
                by_region={
                    "us-east-2": ("192.0.2.0/24", "2001:db8:2::/48"),
                    "eu-west-1": ("198.51.100.0/24", "203.0.113.8/29", "2001:db8:1::/48"),
                },
            ),
        ),
    ),
}
