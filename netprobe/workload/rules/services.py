"""Rules about services."""

from __future__ import annotations

from collections.abc import Iterator

from netprobe.findings import Place, Severity
from netprobe.rules import Judgement, Rule, failed, not_applicable, passed, warned
from netprobe.workload.model import Part, Workload
from netprobe.workload.rules.define import API, EXTERNAL, GUIDE, rule
from netprobe.workload.template import UNKNOWN

_NO_DAEMONS = frozenset({"CODE_DEPLOY", "EXTERNAL"})


def _having(workload: Workload, *fields: str) -> list[Place]:
    return [service.place(field) for service in workload.services for field in fields if service.has(field)]


def _none(workload: Workload) -> Judgement | None:
    return None if workload.services else not_applicable("the file holds no service")


def launch_type_not_external(workload: Workload) -> Judgement:
    """A service runs on external instances only with the launch type EXTERNAL."""
    if not workload.undecided and (none := _none(workload)) is not None:
        return none
    places, of_task_sets = [], []
    for service in workload.services:
        types = [text.upper() for text in service.texts("launchType")]
        if not types and _is_deployed_from_outside(service):
            of_task_sets.append(service.place("deploymentController", "deployment controller EXTERNAL"))
            continue
        wrong = [text for text in types if text != "EXTERNAL" and UNKNOWN not in text]
        # Without a launch type the cluster's default is used, which is EC2 where no capacity provider is set.
        if wrong or (not types and not service.has("capacityProviderStrategy")):
            places.append(service.place("launchType" if types else "", f"launchType: {', '.join(wrong) or 'not set'}"))
    if places:
        return failed("the service is not for external instances", 'set "launchType" to "EXTERNAL"', places)
    for part in (*workload.services, *workload.undecided):
        part.settle("launchType")
        part.settle("ecsTarget")
    if of_task_sets:
        remedy = 'name the launch type "EXTERNAL" in each task set (CreateTaskSet)'
        return warned("the launch type is for the service's task sets to name: not judged", remedy, of_task_sets)
    if workload.services_elsewhere:
        remedy = 'nothing, if they are for other hosts; else set "launchType" to "EXTERNAL"'
        others = [one.place("launchType", _named(one)) for one in workload.services_elsewhere]
        return warned("services of another launch type stand beside the external ones: not judged", remedy, others)
    return passed("the service has the launch type EXTERNAL")


def _is_deployed_from_outside(service: Part) -> bool:
    """Whether a deployment controller of the owner's starts its tasks: in task sets, which name the launch type.

    ``CreateTaskSet`` takes it (Amazon ECS API Reference, read 2026-11-29).
    """
    kinds = {text.upper() for controller in service.parts("deploymentController") for text in controller.known("type")}
    return kinds == {"EXTERNAL"}


def _named(service: Part) -> str:
    return f"launchType: {', '.join(sorted(service.named('launchType')))}"


def load_balancer_unsupported(workload: Workload) -> Judgement:
    """Elastic Load Balancing registers no external instance."""
    if (none := _none(workload)) is not None:
        return none
    places = _having(workload, "loadBalancers")
    if places:
        remedy = "remove loadBalancers; put a load balancer of your own before the hosts"
        return failed("load balancers are not supported on external instances", remedy, places)
    return passed("no load balancer is used")


def service_discovery_unsupported(workload: Workload) -> Judgement:
    """Cloud Map needs the task's address in the VPC."""
    if (none := _none(workload)) is not None:
        return none
    places = _having(workload, "serviceRegistries")
    if places:
        remedy = "remove serviceRegistries; register the hosts in a service discovery of your own"
        return failed("service discovery is not supported on external instances", remedy, places)
    return passed("service discovery is not used")


def service_connect_unsupported(workload: Workload) -> Judgement:
    """The agent takes the Service Connect capability away on external instances."""
    if (none := _none(workload)) is not None:
        return none
    places = []
    for service in workload.services:
        for part in service.parts("serviceConnectConfiguration"):
            if not part.has("enabled") or any(text.lower() != "false" for text in part.known("enabled")):
                places.append(service.place("serviceConnectConfiguration"))
    if places:
        remedy = "remove serviceConnectConfiguration"
        return failed("Service Connect is not supported on external instances", remedy, places)
    return passed("Service Connect is not used")


def capacity_provider_unsupported(workload: Workload) -> Judgement:
    """Capacity providers start EC2 instances or Fargate tasks."""
    if (none := _none(workload)) is not None:
        return none
    places = _having(workload, "capacityProviderStrategy")
    if places:
        remedy = 'remove capacityProviderStrategy and set "launchType" to "EXTERNAL"'
        return failed("capacity providers are not supported with external instances", remedy, places)
    return passed("no capacity provider is used")


def awsvpc_configuration_unsupported(workload: Workload) -> Judgement:
    """A service with awsvpcConfiguration expects tasks with interfaces of their own."""
    if (none := _none(workload)) is not None:
        return none
    places = _having(workload, "networkConfiguration")
    if places:
        remedy = "remove networkConfiguration; it belongs to tasks in awsvpc mode"
        return failed("awsvpc networking is not supported on external instances", remedy, places)
    return passed("no awsvpc configuration is used")


def daemon_scheduling_unsupported(workload: Workload) -> Judgement:
    """Daemons run on external instances; what excludes them is Fargate, and two of the deployment controllers."""
    if (none := _none(workload)) is not None:
        return none
    places: list[Place] = []
    for service in workload.services:
        if "DAEMON" in (text.upper() for text in service.known("schedulingStrategy")):
            places += _against_daemons(service)
    if places:
        remedy = (
            'use the deployment controller "ECS" and the launch type "EXTERNAL", or the scheduling strategy "REPLICA"'
        )
        return failed("the scheduling strategy DAEMON does not go with what the service asks for", remedy, places)
    return passed("no daemon asks for what daemons cannot have")


def _against_daemons(service: Part) -> Iterator[Place]:
    for controller in service.parts("deploymentController"):
        kinds = {text.upper() for text in controller.known("type")}
        if kinds & _NO_DAEMONS:
            yield controller.place("type", f"DAEMON with {', '.join(sorted(kinds))}")
    if "FARGATE" in (text.upper() for text in service.known("launchType")):
        yield service.place("schedulingStrategy", "DAEMON on Fargate")


def exec_needs_task_role(workload: Workload) -> Judgement:
    """ECS Exec works on external instances (AWS excluded it in 2021); its agent runs with the task's role."""
    if (none := _none(workload)) is not None:
        return none
    using = [
        service
        for service in workload.services
        if "true" in (text.lower() for text in service.known("enableExecuteCommand"))
    ]
    if not using:
        return not_applicable("ECS Exec is not used")
    if not workload.tasks:
        return passed(
            "ECS Exec is supported on external instances; the task definition is in another file", *_at(using)
        )
    roleless = [task for task in workload.tasks if not task.has("taskRoleArn")]
    if roleless:
        return warned(
            "ECS Exec is enabled and a task definition names no task role, whose rights it needs",
            "set taskRoleArn to a role that may open ssmmessages channels (ssmmessages:Create* and Open*)",
            [*_at(using), *(task.place() for task in roleless)],
        )
    return passed("ECS Exec is supported on external instances, and the task has a role", *_at(using))


def _at(services: list[Part]) -> list[Place]:
    return [service.place("enableExecuteCommand") for service in services]


RULES: tuple[Rule[Workload], ...] = (
    rule(
        launch_type_not_external,
        "The launch type is not EXTERNAL",
        EXTERNAL,
        "To create a service or run a standalone task on your external instances, use the EXTERNAL launch type.",
    ),
    rule(
        load_balancer_unsupported,
        "Load balancers are not supported",
        EXTERNAL,
        "Service load balancing isn't supported.",
    ),
    rule(
        service_discovery_unsupported,
        "Service discovery is not supported",
        EXTERNAL,
        "Service discovery isn't supported.",
    ),
    rule(
        service_connect_unsupported,
        "Service Connect is not supported",
        f"{GUIDE}service-connect.html",
        "External container instance for Amazon ECS Anywhere aren't supported with Service Connect.",
    ),
    rule(
        capacity_provider_unsupported,
        "Capacity providers are not supported",
        EXTERNAL,
        "Amazon ECS capacity providers aren't supported.",
    ),
    rule(
        awsvpc_configuration_unsupported,
        "awsvpc networking is not supported",
        f"{API}API_CreateService.html",
        "This parameter is required for task definitions that use the awsvpc network mode to receive their own elastic "
        "network interface, and it isn't supported for other network modes.",
    ),
    rule(
        daemon_scheduling_unsupported,
        "DAEMON scheduling is not possible here",
        f"{API}API_CreateService.html",
        "Tasks using the Fargate launch type or the CODE_DEPLOY or EXTERNAL deployment controller types don't support "
        "the DAEMON scheduling strategy.",
    ),
    rule(
        exec_needs_task_role,
        "ECS Exec needs a task role",
        f"{GUIDE}ecs-exec.html",
        "The ECS Exec feature requires a task IAM role to grant containers the permissions needed for communication "
        "between the managed SSM agent (execute-command agent) and the SSM service.",
        severity=Severity.WARNING,
    ),
)
