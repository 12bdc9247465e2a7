"""Rules about services."""

from __future__ import annotations

from netprobe.findings import Place, Severity
from netprobe.rules import Judgement, Rule, failed, not_applicable, passed, warned
from netprobe.workload.model import Part, Workload
from netprobe.workload.rules.define import CAPABILITIES, DEVELOPER_GUIDE, rule
from netprobe.workload.template import UNKNOWN

_EXEC = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html"


def _having(workload: Workload, *fields: str) -> list[Place]:
    return [service.place(field) for service in workload.services for field in fields if service.has(field)]


def _none(workload: Workload) -> Judgement | None:
    return None if workload.services else not_applicable("the file holds no service")


def launch_type_not_external(workload: Workload) -> Judgement:
    """A service runs on external instances only with the launch type EXTERNAL."""
    if (none := _none(workload)) is not None:
        return none
    places = []
    for service in workload.services:
        types = [text.upper() for text in service.texts("launchType")]
        wrong = [text for text in types if text != "EXTERNAL" and UNKNOWN not in text]
        # Without a launch type the cluster's default is used, which is EC2 where no capacity provider is set.
        if wrong or (not types and not service.has("capacityProviderStrategy")):
            places.append(service.place("launchType" if types else "", f"launchType: {', '.join(wrong) or 'not set'}"))
    if places:
        return failed("the service is not for external instances", 'set "launchType" to "EXTERNAL"', places)
    return passed("the service has the launch type EXTERNAL")


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
        part = service.part("serviceConnectConfiguration")
        if part is not None and part.text("enabled").lower() != "false":
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
    """External services are replicas."""
    if (none := _none(workload)) is not None:
        return none
    places = [
        service.place("schedulingStrategy", "DAEMON")
        for service in workload.services
        if "DAEMON" in (text.upper() for text in service.texts("schedulingStrategy"))
    ]
    if places:
        remedy = 'use "REPLICA" with as many tasks as hosts and the placement strategy that spreads over instanceId'
        return failed("the scheduling strategy DAEMON is not supported for external instances", remedy, places)
    return passed("no service is a daemon")


def exec_needs_task_role(workload: Workload) -> Judgement:
    """ECS Exec works on external instances (AWS excluded it in 2021); its agent runs with the task's role."""
    if (none := _none(workload)) is not None:
        return none
    using = [service for service in workload.services if service.text("enableExecuteCommand").lower() == "true"]
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
    rule(launch_type_not_external, "The launch type is not EXTERNAL", DEVELOPER_GUIDE),
    rule(load_balancer_unsupported, "Load balancers are not supported", DEVELOPER_GUIDE),
    rule(service_discovery_unsupported, "Service discovery is not supported", DEVELOPER_GUIDE),
    rule(service_connect_unsupported, "Service Connect is not supported", CAPABILITIES),
    rule(capacity_provider_unsupported, "Capacity providers are not supported", DEVELOPER_GUIDE),
    rule(awsvpc_configuration_unsupported, "awsvpc networking is not supported", DEVELOPER_GUIDE),
    rule(
        daemon_scheduling_unsupported,
        "DAEMON scheduling is not supported",
        "https://github.com/aws/containers-roadmap/issues/2395",
    ),
    rule(exec_needs_task_role, "ECS Exec needs a task role", _EXEC, severity=Severity.WARNING),
)
