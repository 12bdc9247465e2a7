"""Which kind of file it is, and the task definitions and services in it.

- what ``aws ecs register-task-definition --cli-input-json`` takes and ``describe-task-definition`` gives; the same in
  YAML; ``create-service`` and ``describe-services`` alike;
- a JSON array of container definitions, as Terraform's ``container_definitions`` and many build tools keep it;
- CloudFormation and SAM templates, CDK's synthesised ones among them: ``AWS::ECS::TaskDefinition`` and
  ``AWS::ECS::Service``, and the targets of ``AWS::Events::Rule`` and ``AWS::Scheduler::Schedule`` that start tasks with
  the launch type EXTERNAL; the same targets as ``aws events put-targets`` and ``aws scheduler create-schedule`` take
  them, of any launch type where none is EXTERNAL;
- Terraform (``.tf``), see :mod:`netprobe.workload.terraform`;
- Terraform's plans and states as JSON, see :mod:`netprobe.workload.plan`, and its configuration in JSON (CDKTF's);
- compose files, as far as they map: image, environment, logging, network mode, ports, GPU reservations.

A file that holds none of them is an error, since a gate that looked at nothing must not pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from netprobe.errors import UnreadableFileError
from netprobe.workload import document, plan, terraform
from netprobe.workload.document import Intrinsic, List, Map, Value
from netprobe.workload.model import Part, Workload
from netprobe.workload.template import UNKNOWN, Template, interpolated

_REMEDY = (
    "give a task definition or service (JSON or YAML, as the AWS CLI takes and prints them), "
    "an array of container definitions, a CloudFormation, SAM or CDK template, Terraform with ECS resources, "
    "its plan (terraform show -json), or a compose file"
)
_TASK, _SERVICE = "AWS::ECS::TaskDefinition", "AWS::ECS::Service"
_UNDECIDED = "a target whose launch type is open"
_MODULES = frozenset({".tf", ".tofu"})
_LOOP = "Fn::ForEach::"
_EVENTS, _SCHEDULE = "AWS::Events::Rule", "AWS::Scheduler::Schedule"
PARTIAL = "partial"
"""A field of ours: the file holds containers and nothing of the task around them (its roles, its network mode)."""


def together(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """What is judged together, by the name that it has in a report.

    A file is by itself, but the ``.tf`` and ``.tofu`` files of one folder are one module of Terraform: most of them
    hold networks, roles and variables, and a service may stand in one file and its task definition in the next.
    """
    found: dict[str, list[Path]] = {}
    for path in paths:
        key = str(path.parent) if path.suffix in _MODULES else str(path)
        found.setdefault(key, []).append(path)
    return {str(group[0]) if len(group) == 1 else key: group for key, group in found.items()}


def read(paths: Iterable[Path]) -> Workload:
    """Read every file.

    Raises:
        UnreadableFileError: a file is missing, broken, or holds no workload; of Terraform, no file of a module does.
    """
    found = [
        _terraform(group, name) if group[0].suffix in _MODULES else _alone(group[0], name)
        for name, group in together(paths).items()
    ]
    return Workload(
        tasks=tuple(task for one in found for task in one.tasks),
        services=tuple(service for one in found for service in one.services),
        undecided=tuple(target for one in found for target in one.undecided),
        services_elsewhere=tuple(service for one in found for service in one.services_elsewhere),
        tasks_elsewhere=tuple(task for one in found for task in one.tasks_elsewhere),
    )


def _alone(path: Path, name: str) -> Workload:
    """What a file holds by itself."""
    text = document.text_of(path, plan.MAX_BYTES)
    if not plan.is_plan(text):
        return parse(document.read(path, text), name)
    plain = Template()
    found = plan.resources(text, name)
    return _sorted(
        (one for kind, map_, owner in found for one in _of_terraform(kind, Part(name, map_, plain, owner))), name
    )


def _terraform(module: Sequence[Path], name: str) -> Workload:
    """What the files of one module hold together."""
    return _sorted((one for path in module for one in _of_file(path)), name)


def _of_file(path: Path) -> Iterator[tuple[str, Part]]:
    plain = Template()
    for kind, fields in terraform.resources(document.text_of(path), str(path)):
        yield from _of_terraform(kind, Part(str(path), fields, plain))


def _of_terraform(kind: str, part: Part) -> Iterator[tuple[str, Part]]:
    if kind == terraform.TASK:
        yield _TASK, part
    elif kind == terraform.SERVICE:
        yield _SERVICE, part
    elif kind == terraform.SCHEDULE:
        yield from _targets(_asked_for(part))
    else:
        for task in part.parts("ecsTarget"):
            yield from _target(task)
        if isinstance(part.raw("ecsTarget"), Intrinsic):
            yield _UNDECIDED, part


def parse(documents: Iterable[Value], name: str) -> Workload:
    """The task definitions and services of one file; see :func:`read`."""
    return _sorted((one for value in documents for one in _of(value, name)), name)


def _sorted(found: Iterable[tuple[str, Part]], name: str) -> Workload:
    kinds: dict[str, list[Part]] = {_TASK: [], _SERVICE: [], _UNDECIDED: []}
    for kind, part in found:
        kinds[kind].append(part)
    if not any(kinds.values()):
        raise UnreadableFileError(name, "holds no task definition and no service", _REMEDY)
    services, services_elsewhere = _apart(kinds[_SERVICE], "launchType")
    tasks, tasks_elsewhere = tuple(kinds[_TASK]), tuple[Part, ...]()
    if services_elsewhere:  # else the external services would be what starts them
        tasks, tasks_elsewhere = _tasks_apart(kinds[_TASK], services, services_elsewhere)
    return Workload(
        tasks=tasks,
        services=services,
        undecided=tuple(kinds[_UNDECIDED]),
        services_elsewhere=services_elsewhere,
        tasks_elsewhere=tasks_elsewhere,
    )


def _apart(parts: Sequence[Part], field: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """What is for external instances, and what is for others; where nothing names EXTERNAL, all may be meant for them.

    A template often holds both: a balancer on Fargate, say, beside workers on the company's own servers. Only what is
    left unnamed, or named otherwise in a file without any EXTERNAL, is held to what external instances can do.
    """
    named = [(part, part.named(field)) for part in parts]
    if not any("EXTERNAL" in names for _, names in named):
        return tuple(parts), ()
    ours = tuple(part for part, names in named if not names or "EXTERNAL" in names)
    return ours, tuple(part for part in parts if part not in ours)


def _tasks_apart(
    tasks: Sequence[Part], ours: Sequence[Part], others: Sequence[Part]
) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Task definitions for external instances, and those for other hosts: by who starts them, else by what they name.

    Args:
        tasks: all of them; one that names no compatibility may be meant for either.
        ours: services of external instances.
        others: services elsewhere.
    """
    by_name = _apart(tasks, "requiresCompatibilities")[1]
    shared = {name for name, times in Counter(name for task in tasks for name in _called(task)).items() if times > 1}
    ids = {task.logical_id for task in tasks}
    started_here, started_there = ({_starts(one, ids) for one in services} for services in (ours, others))

    def is_of_others(task: Part) -> bool:
        names = _called(task) - shared  # what two have for a name tells of neither
        if names & started_here or "EXTERNAL" in task.named("requiresCompatibilities"):
            return False
        # A service of ours whose task definition the file leaves open may start any of them.
        return task in by_name or ("" not in started_here and bool(names & started_there))

    there = tuple(task for task in tasks if is_of_others(task))
    return tuple(task for task in tasks if task not in there), there


def _called(task: Part) -> frozenset[str]:
    """What a service may call a task definition by: its family, or its key in the template."""
    return frozenset({task.logical_id, *(one for one in task.texts("family") if UNKNOWN not in one)} - {""})


def _starts(service: Part, ids: Collection[str]) -> str:
    """What a service calls the task definition that it starts; nothing where the file leaves that open.

    Args:
        service: the service.
        ids: the keys of the template's task definitions; another that it refers to is a parameter's.
    """
    value = service.raw("taskDefinition")
    name, argument = (value.name, value.argument) if isinstance(value, Intrinsic) else ("", None)
    if isinstance(value, Map) and len(value) == 1:
        ((name, argument),) = value.items()
    if name.removeprefix("Fn::") in ("Ref", "GetAtt"):
        first = argument[0] if isinstance(argument, List) and argument else argument
        key = first.partition(".")[0] if isinstance(first, str) else ""
        return key if key in ids else ""
    text = service.text("taskDefinition")
    return "" if UNKNOWN in text else text.rpartition("task-definition/")[2].partition(":")[0]


def _of(value: Value, name: str) -> Iterator[tuple[str, Part]]:
    """What one document holds: itself, or every item of its list."""
    if not isinstance(value, List):
        yield from _parts(value, name)
    elif value and all(_is_container(item) for item in value):
        task = Map(value.line)
        task["containerDefinitions"], task[PARTIAL] = value, True
        task.lines = dict.fromkeys(task, value.line)
        yield _TASK, Part(name, task, Template())
    else:
        for item in value:
            yield from _parts(item, name)


def _is_container(value: Value) -> bool:
    """Whether it is a container definition: name and image (RegisterTaskDefinition asks for both)."""
    return isinstance(value, Map) and {"name", "image"} <= {key.lower() for key in value} and "services" not in value


def _parts(value: Value, name: str) -> Iterator[tuple[str, Part]]:
    if not isinstance(value, Map):
        return
    plain = Template()
    resources = value.get("Resources")
    if isinstance(resources, Map):
        yield from _resources(resources, Template(value, name), name)
        return
    if isinstance(declared := value.get("resource"), Map):
        yield from _declared(declared, name)
        return
    for wrapper, kind in (("taskDefinition", _TASK), ("service", _SERVICE)):
        inside = value.get(wrapper)
        if isinstance(inside, Map):
            yield kind, Part(name, inside, plain)
            return
    inside = value.get("services")
    if isinstance(inside, List):
        yield from ((_SERVICE, Part(name, one, plain)) for one in inside if isinstance(one, Map))
        return
    if isinstance(inside, Map):
        if any(isinstance(service, Map) for service in inside.values()):
            yield _TASK, Part(name, _composed(inside), plain)
        return
    part = Part(name, value, plain)
    targets = [target for target in _asked_for(part) if target.has("ecsParameters")]
    if targets:
        yield from _by_themselves(targets)
        return
    if part.raw("containerDefinitions") is not None:
        yield _TASK, part
    elif part.raw("serviceName") is not None or (part.raw("taskDefinition") is not None):
        yield _SERVICE, part


def _resources(resources: Map, template: Template, name: str) -> Iterator[tuple[str, Part]]:
    for key, resource in resources.items():
        if key.startswith(_LOOP):
            yield from _repeated(resource, template, name)
        if not isinstance(resource, Map):
            continue
        kind = resource.get("Type")
        properties = resource.get("Properties")
        fields = properties if isinstance(properties, Map) else Map(resource.line)
        body = Part(name, fields, template, logical_id=key)
        if kind in (_TASK, _SERVICE):
            yield str(kind), body
        elif kind == _EVENTS:
            yield from _targets(body.parts("targets"))
        elif kind == _SCHEDULE:
            yield from _targets(body.parts("target"))


def _declared(kinds: Map, name: str) -> Iterator[tuple[str, Part]]:
    """The resources of a configuration in Terraform's JSON syntax: kind → name → block."""
    for kind in terraform.KINDS & kinds.keys():
        blocks = kinds[kind]
        for own, block in blocks.items() if isinstance(blocks, Map) else ():
            if isinstance(block, Map):
                yield from _of_terraform(
                    kind, Part(name, plan.fields(block, block.line, evaluated=False), Template(), f"{kind}.{own}")
                )


def _repeated(loop: Value, template: Template, name: str) -> Iterator[tuple[str, Part]]:
    """The resources of an ``Fn::ForEach``: identifier, collection, and what is repeated for each of its values.

    CloudFormation's User Guide, "Fn::ForEach" of the transform AWS::LanguageExtensions, read 2026-11-29.
    """
    if not isinstance(loop, List) or len(loop) != 3:
        return
    identifier, values, body = loop
    if isinstance(identifier, str) and isinstance(body, Map):
        yield from _resources(body, template.within_loop(identifier, values), name)


def _asked_for(part: Part) -> Iterator[Part]:
    """The targets that a call to EventBridge names: put-targets has a list of them, create-schedule one."""
    yield from part.parts("targets")
    yield from part.parts("target")


def _by_themselves(targets: list[Part]) -> Iterator[tuple[str, Part]]:
    """The targets of a file that holds nothing else.

    Where none of them starts tasks on external instances, all are given: the launch type is then what is wrong with
    the file. In a template such targets stand beside others and are left out (:func:`_targets`).
    """
    ours = list(_targets(targets))
    if ours:
        yield from ours
        return
    for target in targets:
        yield from ((_SERVICE, task) for task in target.parts("ecsParameters"))


def _targets(targets: Iterable[Part]) -> Iterator[tuple[str, Part]]:
    """The targets that start tasks on external instances, in the shape of services; others concern other hosts."""
    for target in targets:
        for task in target.parts("ecsParameters"):
            yield from _target(task)


def _target(task: Part) -> Iterator[tuple[str, Part]]:
    types = [text.upper() for text in task.texts("launchType")]
    if "EXTERNAL" in types:
        yield _SERVICE, task
    elif any(UNKNOWN in text for text in types):
        yield _UNDECIDED, task


def _composed(services: Map) -> Map:
    """One task definition of a compose file's services; every service is one container."""
    task = Map(services.line)
    containers = List(services.line)
    for name, service in services.items():
        if not isinstance(service, Map):
            continue
        container = _container(name, service)
        containers.append(container)
        containers.lines.append(container.line)
        mode = service.get("network_mode")
        if isinstance(mode, str):
            task["networkMode"] = interpolated(mode)
            task.lines["networkMode"] = service.lines["network_mode"]
    task["containerDefinitions"] = containers
    task.lines["containerDefinitions"] = services.line
    task[PARTIAL] = True
    task.lines[PARTIAL] = services.line
    return task


def _container(name: str, service: Map) -> Map:
    container = Map(service.line)

    def put(key: str, value: Value, source: str) -> None:
        container[key] = value
        container.lines[key] = service.lines.get(source, service.line)

    put("name", name, "")
    image = service.get("image")
    if isinstance(image, str):
        put("image", interpolated(image), "image")
    environment = _environment(service.get("environment"))
    if environment is not None:
        put("environment", environment, "environment")
    logging = service.get("logging")
    if isinstance(logging, Map):
        put("logConfiguration", _logging(logging), "logging")
    if _wants_gpu(service):
        need = Map(service.line)
        need["type"], need["value"] = "GPU", "1"
        need.lines = {"type": service.line, "value": service.line}
        needs = List(service.line)
        needs.append(need)
        needs.lines.append(service.line)
        put("resourceRequirements", needs, "deploy")
    ports = service.get("ports")
    if isinstance(ports, List):
        put("portMappings", _ports(ports), "ports")
    return container


def _environment(value: Value) -> List | None:
    """``KEY: value`` or ``- KEY=value``, as AWS's list of name and value."""
    pairs: list[tuple[str, str, int]] = []
    if isinstance(value, Map):
        pairs = [(key, str(item), value.lines[key]) for key, item in value.items() if item is not None]
    elif isinstance(value, List):
        for line, item in zip(value.lines, value, strict=True):
            key, equals, content = str(item).partition("=")
            if equals:
                pairs.append((key, content, line))
    else:
        return None
    found = List(value.line)
    for key, content, line in pairs:
        one = Map(line)
        one["name"], one["value"] = key, interpolated(content)
        one.lines = {"name": line, "value": line}
        found.append(one)
        found.lines.append(line)
    return found


def _logging(logging: Map) -> Map:
    found = Map(logging.line)
    for source, key in (("driver", "logDriver"), ("options", "options")):
        value = logging.get(source)
        if isinstance(value, str):
            found[key] = interpolated(value)
        elif isinstance(value, Map):
            options = Map(value.line)
            for name, item in value.items():
                options[name] = interpolated(str(item))
                options.lines[name] = value.lines[name]
            found[key] = options
        else:
            continue
        found.lines[key] = logging.lines[source]
    return found


def _wants_gpu(service: Map) -> bool:
    """``gpus: all``, the runtime of NVIDIA's, or a reservation (compose specification, read 2026-11-29)."""
    if service.get("gpus") or service.get("runtime") == "nvidia":
        return True
    value: Value = service
    for key in ("deploy", "resources", "reservations", "devices"):
        value = value.get(key) if isinstance(value, Map) else None
    devices = value if isinstance(value, List) else ()
    return any(
        isinstance(device, Map) and isinstance(kinds := device.get("capabilities"), List) and "gpu" in kinds
        for device in devices
    )


def _ports(ports: List) -> List:
    """``"8080:80"`` and the long form, as AWS's port mappings."""
    found = List(ports.line)
    for line, item in zip(ports.lines, ports, strict=True):
        published: Value = item.get("published") if isinstance(item, Map) else None
        if isinstance(item, str):
            pieces = interpolated(item).split("/")[0].split(":")
            published = pieces[-2] if len(pieces) > 1 else None
        one = Map(line)
        one["hostPort"] = published
        one.lines["hostPort"] = line
        found.append(one)
        found.lines.append(line)
    return found
