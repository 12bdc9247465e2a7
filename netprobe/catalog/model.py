"""The types of the catalog: partitions, regions, and the endpoints that ECS Anywhere hosts talk to.

Types only. The facts are in ``data/``; ``catalog.load()`` reads them. An :class:`Endpoint` is what a catalog entry
becomes for one region: every name in it is concrete text of that region's partition.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

import msgspec

from netprobe.hostnames import Hostname, HostPattern

PLACEHOLDER_ACCOUNT = "123456789012"
"""Asked for where no ``--account`` is given; AWS uses this number in its own examples. A report says so."""


class Agent(StrEnum):
    """A program on the host that reaches out, each with its own proxy settings and trust store."""

    ECS_AGENT = "ecs-agent"
    ECS_INIT = "ecs-init"
    SSM_AGENT = "ssm-agent"
    DOCKER = "docker"
    INSTALLER = "installer"
    CLOUDWATCH_AGENT = "cloudwatch-agent"
    TASK = "task"


class Support(StrEnum):
    """What AWS says of ECS Anywhere in a partition."""

    DOCUMENTED = "documented"
    UNCONFIRMED = "unconfirmed"
    """No AWS page confirms it (GovCloud, ISO, European Sovereign Cloud): it works here, with a note."""
    REFUSED = "refused"
    """China: netprobe refuses before a packet leaves."""


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """One AWS partition, as botocore knows it.

    Attributes:
        id: ``aws``, ``aws-us-gov`` …
        dns_suffix: ``amazonaws.com``.
        dual_stack_dns_suffix: ``api.aws``.
        support: what AWS says of ECS Anywhere there.
    """

    id: str
    dns_suffix: str
    dual_stack_dns_suffix: str
    support: Support


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """One AWS region.

    Attributes:
        id: ``us-east-2``.
        description: ``US East (Ohio)``.
        partition: the partition that it belongs to.
        note: what a reader should know of this region, or nothing.
        closed: no service is listed there yet.
    """

    id: str
    description: str
    partition: Partition
    note: str = ""
    closed: bool = False

    @property
    def support(self) -> Support:
        """What AWS says of ECS Anywhere there: as of the partition, and nothing of a region that is closed."""
        documented = self.partition.support is Support.DOCUMENTED
        return Support.UNCONFIRMED if self.closed and documented else self.partition.support


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Endpoints that serve one need.

    Attributes:
        id: ``control``, ``images`` …
        description: one plain sentence.
        default: whether a host that only runs ECS Anywhere tasks needs it.
        endpoints: the ids in it. An endpoint may be in several (``kms``); ``requirements`` gives it to one that was
            chosen, the first for choice.
    """

    id: str
    description: str
    default: bool
    endpoints: tuple[str, ...]


class Genuine(StrEnum):
    """How an answer proves that the genuine service gave it (facts: what an unsigned request answers)."""

    AWS_API = "aws-api"
    """An ``x-amzn-requestid`` header (AWS JSON and query services)."""
    ECS_WEBSOCKET = "ecs-websocket"
    """The JSON bodies ``InvalidURIException`` / ``AccessDeniedException`` of ecs-a and ecs-t, or a 101."""
    ECR_REGISTRY = "ecr-registry"
    """401 with ``Docker-Distribution-Api-Version`` and ``service="ecr.amazonaws.com"``."""
    DOCKER_REGISTRY = "docker-registry"
    """401 or 200 with ``Docker-Distribution-Api-Version: registry/2.0``, or 401 with a ``WWW-Authenticate: Bearer``
    that names a ``realm`` and a ``service`` (the part that was seen from public.ecr.aws)."""
    S3 = "s3"
    """``x-amz-request-id`` together with ``x-amz-id-2``, or ``Server: AmazonS3``."""
    HTTP = "http"
    """A third party, known by its certificate; its mark is the request id of the network that serves it (CloudFront,
    GitHub, Fastly), where it has one."""


class Public(StrEnum):
    """What everybody may read of the thing that is asked for; a refusal of it is one of this source."""

    NOTHING = ""
    """An unsigned request is meant to be refused."""
    OBJECT = "object"
    """The object itself: 403, 404 and 451 refuse it."""
    DISTRIBUTION = "distribution"
    """A content network, asked for no object of it: it refuses by 403 and 451, unless the store behind it does."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The HTTP request that a probe of an endpoint makes, and how it knows the genuine service by the answer.

    Attributes:
        method: ``GET``, ``OPTIONS`` …
        path: an absolute path.
        headers: request headers beyond Host and User-Agent.
        genuine: the mark of the genuine service.
        public: what everybody may read of it.
        upgrade: whether a WebSocket upgrade is sent as well (the step ``websocket``).
        upgrade_path: the absolute path of that upgrade.
    """

    method: str = "GET"
    path: str = "/"
    headers: dict[str, str] = {}
    genuine: Genuine = Genuine.AWS_API
    public: Public = Public.NOTHING
    upgrade: bool = False
    upgrade_path: str = "/ws"


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What the service answers to a probe's request, and how that is known.

    Attributes:
        step: ``http``, or ``websocket`` for the upgrade.
        seen: whether somebody saw this answer to such a request; else it is expected.
        told: the answer in words.
        source: where it was seen, or what the expectation rests on.
        date: the day on which it was seen (``YYYY-MM-DD``, or ``YYYY`` where the source tells no more), or on which no
            public record of it was found.
        status: the statuses that were seen, or are expected; empty where none is told.
    """

    step: Literal["http", "websocket"]
    seen: bool
    told: str
    source: str
    date: str
    status: tuple[int, ...] = ()

    @property
    def short(self) -> str:
        """``seen 2021-02-16``, or ``expected``."""
        return f"seen {self.date}" if self.seen else "expected"


class Variant(StrEnum):
    """Which of a service's names an endpoint is, where several are needed beside each other (botocore's word)."""

    ORDINARY = "ordinary"
    """The one name of the host: in FIPS or dual-stack form where the host uses that in place of the ordinary one."""
    FIPS = "fips"
    DUALSTACK = "dualstack"


class Forms(msgspec.Struct, frozen=True, kw_only=True):
    """In which forms a host names what it talks to; what is left out is the ordinary one.

    Attributes:
        fips: the FIPS forms where they exist (``--fips``).
        dualstack: the dual-stack forms (``--dualstack``).
        ipv6_only: what a host without IPv4 uses (``-6``).
        account: the twelve digits of the ECR registry's account (``--account``); without it its pattern has ``*``.
    """

    fips: bool = False
    dualstack: bool = False
    ipv6_only: bool = False
    account: str | None = None


ORDINARY = Forms()


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A catalog entry for a region: what a host talks to, why, and how a probe recognises it.

    Attributes:
        id: a stable word: ``ecs``, ``ecs-a``, ``ecr-layers`` … No two endpoints of a region share it.
        entry: the catalog entry that it was made of: ``ecr-registry`` of every registry, ``ssmmessages`` of each of its
            names. What is said of an entry holds for all of them; the id unless given.
        variant: which of the entry's names it is.
        region: the region's id.
        group: the need it serves: ``control``, ``ssm``, ``images`` …
        pattern: the host pattern.
        port: the TCP port, 443 for nearly all.
        purpose: one plain sentence: why the host needs it.
        used_by: which agents talk to it.
        required: whether the host is not ready without it.
        numbered: the asterisk stands for a number that AWS picks (``ecs-a-*``, ``ecs-t-*``).
        stands_in_for: the id of a numbered endpoint; this one is required only where no number of that one exists.
        request: what a probe asks, and how it knows the genuine service.
        answers: what the service answers to it and to the upgrade, and how that is known; empty for your own endpoints.
        source: the page or source file that says so.
        checked: the day it was read, ``YYYY-MM-DD``.
        optional_since: the agent's version from which it is optional (``ssm-agent 3.3.40.0``), or nothing.
        note: what else a reader should know (from which version on, until when), or nothing.
        origin: PEM file of the roots that the genuine service chains to, where they are not the run's (own mirrors).
        placeholder_account: no ``--account`` was given: the pattern has ``*`` for the account, and a probe asks for
            :data:`PLACEHOLDER_ACCOUNT` in its place (see :meth:`candidates`).
    """

    id: str
    region: str
    group: str
    pattern: str
    port: int
    purpose: str
    used_by: tuple[Agent, ...]
    required: bool
    source: str
    checked: str
    request: Request = Request()
    answers: tuple[Answered, ...] = ()
    numbered: bool = False
    stands_in_for: str | None = None
    optional_since: str = ""
    note: str = ""
    origin: str = ""
    placeholder_account: bool = False
    entry: str = ""
    variant: Variant = Variant.ORDINARY

    def __post_init__(self) -> None:
        """An endpoint that was made of no entry is its own."""
        if not self.entry:
            msgspec.structs.force_setattr(self, "entry", self.id)

    @property
    def host_pattern(self) -> HostPattern:
        """The parsed pattern."""
        return HostPattern.parse(self.pattern)

    def candidates(self, numbers: Iterable[int] = ()) -> tuple[Hostname, ...]:
        """The names that a probe may ask for.

        Args:
            numbers: what to try for the asterisk of a numbered endpoint, for example ``range(1, 33)``.

        Returns:
            The one name of an exact pattern; a name a number of a numbered one; the placeholder account's registry;
            nothing for any other wildcard (``*.s3.us-east-2.amazonaws.com``), of which no member is known.
        """
        pattern = self.host_pattern
        if pattern.is_exact:
            return (pattern.host(),)
        if self.numbered:
            return tuple(pattern.enumerate(numbers))
        if self.placeholder_account:
            return tuple(pattern.enumerate((int(PLACEHOLDER_ACCOUNT),)))
        return ()
