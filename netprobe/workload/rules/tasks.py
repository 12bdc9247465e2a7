"""Rules about task definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netprobe import catalog
from netprobe.errors import printable
from netprobe.findings import Place, Severity
from netprobe.rules import Judgement, Rule, failed, not_applicable, passed, warned
from netprobe.workload import placeholders
from netprobe.workload.document import Intrinsic, List, Map, Value
from netprobe.workload.forms import PARTIAL
from netprobe.workload.images import RegistryKind, nearly_ecr
from netprobe.workload.model import Part, Workload
from netprobe.workload.needs import Host, images, needs
from netprobe.workload.rules.define import API, EXTERNAL, GUIDE, rule
from netprobe.workload.template import UNKNOWN

_MODES = frozenset({"bridge", "host", "none", "default", ""})
_AGENT_PORTS = range(51678, 51681)
_ABSENT_ATTRIBUTES = re.compile(r"ecs\.(?:availability-zone|instance-type|ami-id|subnet-id|vpc-id|outpost-arn)\b")
_IS_EXTERNAL = re.compile(r"attribute:\s*ecs\.capability\.external\s*(!exists|not_exists)", re.IGNORECASE)
_PROXY = frozenset({"http_proxy", "all_proxy"})
"""The variables that catch a request over plain http, as that for credentials is; HTTPS_PROXY alone does not."""
_CREDENTIALS = "169.254.170.2"


def _none(workload: Workload) -> Judgement | None:
    return None if workload.tasks else not_applicable("the file holds no task definition")


def network_mode_unsupported(workload: Workload) -> Judgement:
    """External instances know bridge, host and none (and default on Windows)."""
    if (none := _none(workload)) is not None:
        return none
    places = []
    for task in workload.tasks:
        modes = [mode.lower() for mode in task.texts("networkMode")]
        if any(mode not in _MODES and UNKNOWN not in mode for mode in modes):
            places.append(task.place("networkMode", f"networkMode: {', '.join(modes)}"))
    if places:
        remedy = 'set "networkMode" to "bridge" or "host", and give bridge tasks their host ports'
        return failed("the network mode is one that external instances do not have", remedy, places)
    for task in workload.tasks:
        task.settle("networkMode")
    return passed("the network mode is one that external instances have")


def compatibility_excludes_external(workload: Workload) -> Judgement:
    """requiresCompatibilities, where it is given, must name EXTERNAL."""
    if (none := _none(workload)) is not None:
        return none
    places = []
    for task in workload.tasks:
        for field in ("requiresCompatibilities", "compatibilities"):
            named = {text.upper() for _, texts in task.items(field) for text in texts}
            if named and "EXTERNAL" not in named and UNKNOWN not in named:
                places.append(task.place(field, f"{field}: {', '.join(sorted(named))}"))
                break
    if places:
        remedy = 'add "EXTERNAL" to requiresCompatibilities and register the task definition again'
        return failed("the task definition is not for external instances", remedy, places)
    for task in workload.tasks:
        task.settle("requiresCompatibilities")
        task.settle("compatibilities")
    if workload.tasks_elsewhere:
        remedy = 'nothing, if they are for other hosts; else add "EXTERNAL" to requiresCompatibilities'
        others = [one.place("requiresCompatibilities", _named(one)) for one in workload.tasks_elsewhere]
        return warned("task definitions for other hosts stand beside the external ones: not judged", remedy, others)
    return passed("nothing excludes external instances")


def _named(task: Part) -> str:
    return f"requiresCompatibilities: {', '.join(sorted(task.named('requiresCompatibilities'))) or 'not set'}"


def _volumes(workload: Workload, field: str) -> list[Place]:
    return [volume.place(field) for task in workload.tasks for volume in task.parts("volumes") if volume.has(field)]


def efs_volume_unsupported(workload: Workload) -> Judgement:
    """EFS volumes need the VPC."""
    if (none := _none(workload)) is not None:
        return none
    places = _volumes(workload, "efsVolumeConfiguration")
    if places:
        remedy = "mount the data on the host (NFS, for instance) and use a bind mount: host.sourcePath"
        return failed("EFS volumes are not supported on external instances", remedy, places)
    return passed("no EFS volume is used")


def app_mesh_unsupported(workload: Workload) -> Judgement:
    """The agent takes the App Mesh capability away on external instances."""
    if (none := _none(workload)) is not None:
        return none
    places = [task.place("proxyConfiguration") for task in workload.tasks if task.has("proxyConfiguration")]
    if places:
        remedy = "remove proxyConfiguration"
        return failed("App Mesh is not supported on external instances", remedy, places)
    return passed("App Mesh is not used")


def inference_accelerator_unsupported(workload: Workload) -> Judgement:
    """Elastic Inference needs the VPC; the agent takes the capability away."""
    if (none := _none(workload)) is not None:
        return none
    places = [task.place("inferenceAccelerators") for task in workload.tasks if task.has("inferenceAccelerators")]
    if places:
        remedy = "remove inferenceAccelerators"
        return failed("Elastic Inference is not available on external instances", remedy, places)
    return passed("no inference accelerator is asked for")


def gpu_needs_preparation(workload: Workload) -> Judgement:
    """GPUs work where the host was installed for them."""
    if (none := _none(workload)) is not None:
        return none
    places = [
        need.place("value", "GPU")
        for container in workload.containers()
        for need in container.parts("resourceRequirements")
        if "GPU" in (text.upper() for text in need.known("type"))
    ]
    if places:
        return warned(
            "the task asks for a GPU, which only hosts installed for it can give",
            "install NVIDIA's driver and container toolkit on the host, then run the installer with --enable-gpu",
            places,
        )
    return passed("no GPU is asked for")


def _to_cloudwatch(container: Part) -> Iterator[Part]:
    """The log configurations of a container that use awslogs."""
    for logging in container.parts("logConfiguration"):
        if "awslogs" in (text.lower() for text in logging.known("logDriver")):
            yield logging


def execution_role_missing(workload: Workload) -> Judgement:
    """Without instance role, logs, secrets and private images need the task execution role."""
    if (none := _none(workload)) is not None:
        return none
    places: list[Place] = []
    for task in workload.tasks:
        if task.has("executionRoleArn") or task.has(PARTIAL):
            continue
        places += _needing_role(task)
    if places:
        return failed(
            "the task needs a task execution role and names none: an external instance has no instance role to lend",
            "set executionRoleArn to a role with AmazonECSTaskExecutionRolePolicy and access to the named secrets",
            places,
        )
    return passed("what needs the task execution role has one")


def _needing_role(task: Part) -> Iterator[Place]:
    for container in task.parts("containerDefinitions"):
        for logging in _to_cloudwatch(container):
            yield logging.place("logDriver", "awslogs")
        for field in ("secrets", "repositoryCredentials", "environmentFiles"):
            if any(True for _ in container.parts(field)):
                yield container.place(field)
        for image in images(container):
            if image.registry.kind is RegistryKind.ECR:
                yield container.place("image", "an image in Amazon ECR")


def awslogs_region_missing(workload: Workload) -> Judgement:
    """The awslogs driver asks the metadata service for the region, and there is none."""
    if (none := _none(workload)) is not None:
        return none
    places = [
        logging.place("logDriver", "awslogs without awslogs-region")
        for container in workload.containers()
        for logging in _to_cloudwatch(container)
        if _is_without_region(logging)
    ]
    if places:
        remedy = 'add "awslogs-region" to the options'
        return failed("awslogs has no region, and an external instance has no metadata service to ask", remedy, places)
    return passed("every awslogs configuration names its region")


def _is_without_region(logging: Part) -> bool:
    options = list(logging.parts("options"))
    if not options:
        return not logging.has("options")  # options that are open may name one
    return any(not one.has("awslogs-region") for one in options)


def agent_port_mapped(workload: Workload) -> Judgement:
    """The agent keeps 51678 to 51680 of the host for itself."""
    if (none := _none(workload)) is not None:
        return none
    places = [
        mapping.place("hostPort", f"hostPort: {port}")
        for container in workload.containers()
        for mapping in container.parts("portMappings")
        for port in mapping.known("hostPort")
        if _meets_the_agent(port)
    ]
    if places:
        return failed("a host port is one that the ECS agent uses itself", "choose another host port", places)
    return passed("no host port is the agent's")


def _meets_the_agent(port: str) -> bool:
    """Whether a port, or a range of them as compose files have it, holds one of the agent's."""
    low, dash, high = port.partition("-")
    ends = (low, high if dash else low)
    if not all(end.isascii() and end.isdigit() and len(end) < 6 for end in ends):
        return False
    return int(ends[0]) <= _AGENT_PORTS[-1] and int(ends[1]) >= _AGENT_PORTS[0]


def task_proxy_before_credentials(workload: Workload) -> Judgement:
    """A proxy in the container's environment also gets the requests for the task's own credentials."""
    if (none := _none(workload)) is not None:
        return none
    places = []
    for container in workload.containers():
        values = {name.lower(): item for item in container.parts("environment") for name in item.known("name")}
        proxies = [values[name] for name in sorted(_PROXY & values.keys())]
        if proxies and not _exempts_credentials(values.get("no_proxy")):
            places.append(proxies[0].place("name", f"{proxies[0].text('name')} without {_CREDENTIALS} in NO_PROXY"))
    if places:
        return failed(
            "the container sends requests for its credentials to the proxy",
            f"add {_CREDENTIALS} to NO_PROXY in the same environment",
            places,
        )
    return passed("no container's proxy stands before its credentials")


def _exempts_credentials(no_proxy: Part | None) -> bool:
    """Whether NO_PROXY keeps the task's credentials from the proxy, whatever it comes to; what is open may."""
    if no_proxy is None:
        return False
    exempt = no_proxy.texts("value")
    if any(UNKNOWN in text and _CREDENTIALS not in text for text in exempt):
        no_proxy.settle("value")
    told = [text for text in exempt if UNKNOWN not in text]
    return bool(exempt) and all(_CREDENTIALS in text or text.strip() == "*" for text in told)


def image_unresolved(workload: Workload) -> Judgement:
    """An image that the file leaves open is not probed and not allowed."""
    if (none := _none(workload)) is not None:
        return none
    places = []
    unfilled = []
    for container in workload.containers():
        found = list(images(container))
        unfilled += [(one.registry.unfilled, container.place("image", "image")) for one in found]
        # Known enough: an ECR registry whose account is open still has its region and its layers.
        if not found or any(image.registry.kind is RegistryKind.UNKNOWN for image in found):
            places.append(container.place("image" if container.has("image") else "name", "image"))
    if places:
        return warned(
            "the registry of an image cannot be told from the file, so it is neither probed nor put into an allowlist",
            "give the parameter a default, judge the file that your pipeline fills in, or name the registry as "
            "[[endpoint]] in netprobe.toml",
            places,
        )
    if words := list(dict.fromkeys(word for word, _ in unfilled if word)):
        return warned(
            f"{' and '.join(words)} stands in the place of an account in the name of an image's registry",
            "write the number of the account that has the images; until then any account's registry is meant",
            [place for word, place in unfilled if word],
        )
    return passed("every image says where it comes from")


def host_unresolved(workload: Workload) -> Judgement:
    """A host that the file leaves open is not probed and not allowed."""
    if (none := _none(workload)) is not None:
        return none
    named = [need for need in needs(workload) if isinstance(need, Host)]
    places = [
        Place(file=need.file, line=need.line, text=printable(f"{need.purpose}: {need.host.replace(UNKNOWN, '*')}"))
        for need in named
        if placeholders.is_host(need.host)
    ]
    if places:
        return warned(
            "a host that a container's logs go to cannot be told from the file, so it is neither probed nor put into "
            "an allowlist",
            "judge the file that your pipeline fills in, or name the host as [[endpoint]] in netprobe.toml",
            places,
        )
    return passed("every host that logs go to is named" if named else "logs go to no host of your own")


def registry_without_name(workload: Workload) -> Judgement:
    """Allowlists of names cannot hold an address or a single label."""
    if (none := _none(workload)) is not None:
        return none
    places = [
        container.place("image", image.registry.host)
        for container in workload.containers()
        for image in images(container)
        if image.registry.kind is RegistryKind.NAMELESS
    ]
    if places:
        return warned(
            "an image comes from an address or a single-label name, which netprobe neither probes nor allows",
            "give the registry a fully qualified name",
            places,
        )
    return passed("every registry has a name")


def registry_nearly_ecr(workload: Workload) -> Judgement:
    """A registry whose name is ECR's but for a slip exists for somebody else, or for nobody."""
    if (none := _none(workload)) is not None:
        return none
    regions = catalog.load().regions
    meant = []
    places = []
    for container in workload.containers():
        for image in images(container):
            if image.registry.kind not in (RegistryKind.ECR, RegistryKind.OTHER):
                continue
            if right := nearly_ecr(image.registry.host, regions):
                meant.append(right)
                places.append(container.place("image", image.registry.host))
    if places:
        names = " and ".join(dict.fromkeys(meant))
        return warned("a registry's name is nearly one of Amazon ECR's", f"write {names}, if that is meant", places)
    return passed("no registry's name is nearly one of Amazon ECR's")


def placement_excludes_external(workload: Workload) -> Judgement:
    """External instances have ecs.capability.external and lack the attributes of EC2."""
    if not workload.tasks and not workload.services:
        return not_applicable("the file holds nothing that is placed")
    places = []
    for part in (*workload.tasks, *workload.services):
        for constraint in part.parts("placementConstraints"):
            for text in constraint.known("expression"):
                if _IS_EXTERNAL.search(text) or _ABSENT_ATTRIBUTES.search(text):
                    places.append(constraint.place("expression", text))
    if places:
        return failed(
            "a placement constraint admits no external instance",
            "remove it, or ask for attribute:ecs.capability.external exists and your own custom attributes",
            places,
        )
    return passed("no placement constraint excludes external instances")


def fargate_setting_ignored(workload: Workload) -> Judgement:
    """Settings that mean something to Fargate only."""
    if (none := _none(workload)) is not None:
        return none
    places = [task.place("ephemeralStorage") for task in workload.tasks if task.has("ephemeralStorage")]
    if places:
        return warned(
            "ephemeralStorage is for Fargate; RegisterTaskDefinition refuses or ignores it", "remove it", places
        )
    return passed("nothing is set that applies to Fargate only")


def update_container_agent_unsupported(workload: Workload) -> Judgement:
    """The API UpdateContainerAgent does not update external instances."""
    places = []
    for part in (*workload.tasks, *workload.services):
        places += [Place(file=part.file, line=line, text="UpdateContainerAgent") for line in _mentions(part.map)]
    if places:
        return warned(
            "UpdateContainerAgent is called, which does not support external instances",
            "update amazon-ecs-init with the host's package manager, or run the installer again",
            places,
        )
    return passed("UpdateContainerAgent is not used")


def _mentions(value: Value, line: int = 1) -> Iterator[int]:
    pending: list[tuple[Value, int]] = [(value, line)]
    while pending:
        one, where = pending.pop()
        if isinstance(one, Map):
            pending += [(item, one.lines[key]) for key, item in one.items()]
        elif isinstance(one, List):
            pending += list(zip(one, one.lines, strict=True))
        elif isinstance(one, Intrinsic):
            pending.append((one.argument, one.line))
        elif isinstance(one, str) and re.search(r"update-?container-?agent", one, re.IGNORECASE):
            yield where


_IMAGE = (
    "Images in Amazon ECR repositories can be specified by either using the full registry/repository:tag or "
    "registry/repository@digest."
)
RULES: tuple[Rule[Workload], ...] = (
    rule(
        network_mode_unsupported,
        "The network mode is not supported",
        EXTERNAL,
        "Tasks that run on external instances must use the bridge, host, or none network modes.",
    ),
    rule(
        compatibility_excludes_external,
        "The task definition is not for external instances",
        f"{GUIDE}ecs-anywhere-runtask.html",
        "use the requiresCompatibilities parameter and specify EXTERNAL which validates that the task definition is "
        "compatible to use when running Amazon ECS workloads on your external instances.",
    ),
    rule(
        efs_volume_unsupported,
        "EFS is not supported",
        EXTERNAL,
        "Using Amazon EFS volumes or specifying an EFSVolumeConfiguration isn't supported.",
    ),
    rule(app_mesh_unsupported, "App Mesh is not supported", EXTERNAL, "Integration with App Mesh isn't supported."),
    rule(
        inference_accelerator_unsupported,
        "Elastic Inference is not supported",
        f"{API}API_ListServiceDeployments.html",
        "Starting April 15, 2023, Amazon Web Services will not onboard new customers to Amazon Elastic Inference (EI), "
        "and will help current customers migrate their workloads to options that offer better price and performance.",
    ),
    rule(
        gpu_needs_preparation,
        "A GPU needs a prepared host",
        f"{GUIDE}ecs-anywhere-registration.html",
        "For an on-premises server or virtual machine (VM) that has the NVIDIA driver installed for GPU workloads, you "
        "must add the --enable-gpu flag to the installation script.",
        severity=Severity.WARNING,
    ),
    rule(
        execution_role_missing,
        "The task execution role is missing",
        EXTERNAL,
        "To send container logs to CloudWatch Logs, make sure that you create and specify a task execution IAM role in "
        "your task definition.",
    ),
    rule(
        awslogs_region_missing,
        "awslogs has no region",
        f"{API}API_LogConfiguration.html",
        "awslogs-region Required: Yes Specify the Amazon Web Services Region that the awslogs log driver is to send "
        "your Docker logs to.",
    ),
    rule(
        agent_port_mapped,
        "A host port is reserved for the ECS agent",
        f"{API}API_PortMapping.html",
        "The default reserved ports are 22 for SSH, the Docker ports 2375 and 2376, and the Amazon ECS container agent "
        "ports 51678-51680.",
    ),
    rule(
        task_proxy_before_credentials,
        "A proxy receives the task's requests for credentials",
        f"{GUIDE}task-iam-roles.html",
        "curl 169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ),
    rule(
        image_unresolved,
        "An image's registry is not known",
        f"{API}API_ContainerDefinition.html",
        _IMAGE,
        severity=Severity.WARNING,
    ),
    rule(
        host_unresolved,
        "A host that logs go to is not known",
        f"{API}API_LogConfiguration.html",
        "The configuration options to send to the log driver.",
        severity=Severity.WARNING,
    ),
    rule(
        registry_without_name,
        "A registry has no name",
        f"{API}API_ContainerDefinition.html",
        _IMAGE,
        severity=Severity.WARNING,
    ),
    rule(
        registry_nearly_ecr,
        "A registry's name resembles ECR's but is not one",
        f"{API}API_ContainerDefinition.html",
        _IMAGE,
        severity=Severity.WARNING,
    ),
    rule(
        placement_excludes_external,
        "A placement constraint excludes external instances",
        EXTERNAL,
        "When an external instance is registered to a cluster, the ecs.capability.external attribute is associated "
        "with the instance.",
    ),
    rule(
        fargate_setting_ignored,
        "A setting is for Fargate only",
        f"{API}API_EphemeralStorage.html",
        "This parameter is used to expand the total amount of ephemeral storage available, beyond the default amount, "
        "for tasks hosted on Fargate.",
        severity=Severity.WARNING,
    ),
    rule(
        update_container_agent_unsupported,
        "UpdateContainerAgent is not supported",
        EXTERNAL,
        "The UpdateContainerAgent API isn't supported.",
        severity=Severity.WARNING,
    ),
)
