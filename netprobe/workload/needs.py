"""What a workload talks to before and beside its own traffic: images, logs, secrets, environment files, traces.

Only what the files say. A name that they leave open (an image in a parameter without default) gives no endpoint, and
the rule ``image_unresolved`` tells it: an allowlist must not grow by guesses. What the program in a container talks to
is not in a task definition; ``[[endpoint]]`` in netprobe.toml adds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from netprobe.workload.images import Registry, registry
from netprobe.workload.model import Part, Workload
from netprobe.workload.placeholders import is_region, opened
from netprobe.workload.template import REGION, UNKNOWN

_ARN = re.compile(r"arn:(?:aws[a-z-]*|\x00):([a-z0-9-]+):([\w-]*|\x01|\x00):([\w-]*|\x00):(.+)", re.DOTALL | re.ASCII)
"""Whose account it is matters to nobody here; what stands in its place until it is known will do."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
FLUENT_BIT = {
    "cloudwatch": "logs",
    "cloudwatch_logs": "logs",
    "firehose": "firehose",
    "kinesis_firehose": "firehose",
    "kinesis": "kinesis",
    "kinesis_streams": "kinesis",
    "s3": "s3",
    "opensearch": "",
    "es": "",
}
"""Fluent Bit output → catalog id; an empty id means a host of the user's own (docs.fluentbit.io, read 2026-11-23)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An AWS service in a region.

    Attributes:
        ids: catalog endpoint ids.
        region: the region; ``REGION`` or None for the regions that the user names.
        file: who asks.
        line: where.
    """

    ids: tuple[str, ...]
    region: str | None
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image."""

    registry: Registry
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """An S3 bucket."""

    name: str
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host of the user's own."""

    host: str
    port: int
    purpose: str
    file: str
    line: int


Need = Service | Image | Bucket | Host


def needs(workload: Workload) -> Iterator[Need]:
    """Everything that the files name, in their order."""
    for task in workload.tasks:
        for container in task.parts("containerDefinitions"):
            yield from _images(container)
            yield from _secrets(container)
            yield from _logging(container)
            yield from _files(container)
            yield from _traces(container)
    for service in workload.services:
        if "true" in (text.lower() for text in service.texts("enableExecuteCommand")):
            line = service.place("enableExecuteCommand").line or 1
            yield Service(ids=("ssmmessages",), region=REGION, file=service.file, line=line)


def images(container: Part) -> Iterator[Image]:
    """The image of a container; several where a template leaves a choice."""
    line = container.place("image").line or 1
    for reference in container.texts("image"):
        yield Image(registry=registry(reference), file=container.file, line=line)


def _images(container: Part) -> Iterator[Need]:
    yield from images(container)
    for credentials in container.parts("repositoryCredentials"):
        yield from _by_arn(credentials, "credentialsParameter")


def _secrets(container: Part) -> Iterator[Need]:
    for secret in container.parts("secrets"):
        yield from _by_arn(secret, "valueFrom")
    for logging in container.parts("logConfiguration"):
        for secret in logging.parts("secretOptions"):
            yield from _by_arn(secret, "valueFrom")


def _by_arn(part: Part, field: str) -> Iterator[Need]:
    """An ARN names service and region; a bare name is a parameter of SSM in the task's own region."""
    line = part.place(field).line or 1
    for value in part.texts(field):
        match = _ARN.fullmatch(opened(value))
        service = match[1] if match is not None else "ssm"
        region = _region(match[2] if match is not None else "") or REGION
        ids = {"secretsmanager": ("secretsmanager",), "ssm": ("ssm",)}.get(service)
        if ids is not None:
            yield Service(ids=ids, region=region, file=part.file, line=line)


def _logging(container: Part) -> Iterator[Need]:
    for logging in container.parts("logConfiguration"):
        every = list(logging.parts("options"))
        for driver in logging.known("logDriver"):
            if driver.lower() == "awslogs" and not every:
                yield from _awslogs(logging)
            for options in every:
                yield from _logs(driver.lower(), options)


def _logs(driver: str, options: Part) -> Iterator[Need]:
    if driver == "awslogs":
        yield from _awslogs(options)
    elif driver == "awsfirelens":
        yield from _firelens(options)
    elif driver == "splunk":
        yield from _url(options, "splunk-url", "logs to Splunk")
    elif driver == "gelf":
        yield from _url(options, "gelf-address", "logs to a GELF server")


def _awslogs(part: Part) -> Iterator[Need]:
    line = part.place("awslogs-region").line or 1
    for endpoint in part.texts("awslogs-endpoint"):
        host = _hostname(endpoint)
        if host:
            yield Host(host=host, port=_port(endpoint), purpose="container logs", file=part.file, line=line)
            return
    for region in part.texts("awslogs-region") or (REGION,):
        yield Service(ids=("logs",), region=_region(region), file=part.file, line=line)


def _region(written: str) -> str | None:
    """A region that the file names; None where it is to be filled in."""
    return None if not written or UNKNOWN in opened(written) or is_region(written) else written


def _firelens(options: Part) -> Iterator[Need]:
    fields = {key.lower(): key for key in options.map}
    line = options.map.line
    for output in options.texts(fields.get("name", "")):
        target = FLUENT_BIT.get(output.lower())
        regions = options.texts(fields.get("region", "")) or (REGION,)
        if target:
            for region in regions:
                yield Service(ids=(target,), region=_region(region), file=options.file, line=line)
        else:
            for host in options.texts(fields.get("host", "")):
                port = options.text(fields.get("port", ""))
                number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 443
                yield Host(host=host, port=number, purpose=f"logs to {output}", file=options.file, line=line)


def _url(options: Part, field: str, purpose: str) -> Iterator[Need]:
    for text in options.texts(field):
        host = _hostname(text)
        if host:
            line = options.place(field).line or 1
            yield Host(host=host, port=_port(text), purpose=purpose, file=options.file, line=line)


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _port(url: str) -> int:
    try:
        return urlsplit(url).port or 443
    except ValueError:
        return 443


def _files(container: Part) -> Iterator[Need]:
    for item in container.parts("environmentFiles"):
        yield from _bucket(item, "value")
    for firelens in container.parts("firelensConfiguration"):
        for options in firelens.parts("options"):
            if "s3" in options.texts("config-file-type"):
                yield from _bucket(options, "config-file-value")


def _bucket(part: Part, field: str) -> Iterator[Need]:
    line = part.place(field).line or 1
    for value in part.texts(field):
        match = _ARN.fullmatch(opened(value))
        name = match[4].partition("/")[0] if match is not None and match[1] == "s3" else ""
        if _BUCKET.fullmatch(name):
            yield Bucket(name=name, file=part.file, line=line)
        else:
            yield Service(ids=("s3",), region=REGION, file=part.file, line=line)


def _traces(container: Part) -> Iterator[Need]:
    """The X-Ray daemon and AWS's OpenTelemetry collector send to X-Ray; a program with the daemon's address uses it."""
    line = container.place("image").line or 1
    for reference in container.texts("image"):
        name = reference.partition("@")[0].rpartition("/")[2].partition(":")[0]
        if name in ("aws-xray-daemon", "xray-daemon", "aws-otel-collector", "adot-collector"):
            yield Service(ids=("xray",), region=REGION, file=container.file, line=line)
