"""Rules about the proxy settings of the agents themselves, whatever the network does.

The settings were read elsewhere (``netprobe.host``); a run carries what was wrong with them as lints, each with its
place, and the proxy and NO_PROXY of each vantage. How each agent reads them is facts/aws.md section 2: the ECS agent
falls back to HTTP_PROXY for https, the SSM agent, docker and ecs-init do not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network

from netprobe.diagnosis.causes import Cause, Group, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.words import listing
from netprobe.findings import Place
from netprobe.observations import Lint, VantageRecord

TASK_CREDENTIALS = "169.254.170.2"
METADATA = "169.254.169.254"
_NEEDS_TASK_CREDENTIALS = frozenset({"ecs-agent", "docker"})
_NEEDS_METADATA = frozenset({"ecs-agent"})
_LINTS = frozenset(
    {
        "proxy_only_http_set",
        "proxy_values_conflict",
        "no_proxy_missing_task_credentials",
        "no_proxy_missing_metadata",
        "no_proxy_not_understood",
        "proxy_password_world_readable",
        "proxy_scheme_unusable",
        "proxy_url_invalid",
        "proxy_needs_restart",
        "proxy_pac_unused",
        "proxy_setting_unused",
        "agent_endpoint_overridden",
    }
)


def companions(world: Evidence) -> Iterator[Cause]:
    """Every lint of every vantage, and what only shows when vantages are laid side by side."""
    records = world.context.vantages
    for record in records:
        yield from (_lint(record, lint) for lint in record.lints if lint.id in _LINTS)
        yield from _no_proxy(record)
    yield from _conflict(records)


def _lint(record: VantageRecord, lint: Lint) -> Cause:
    def say(group: Group) -> Words:
        agents = listing(sorted({v for cause in group.causes for v in cause.vantages}))
        return _words(lint, agents)

    return Cause(
        id=lint.id,
        key=f"{lint.file}:{lint.line}:{lint.value}",
        say=say,
        vantages=(record.name,),
        places=(Place(file=lint.file, line=lint.line, text=lint.value),) if lint.file else (),
        whole_host=True,
    )


def _words(lint: Lint, agents: str) -> Words:
    where = lint.file + (f":{lint.line}" if lint.line is not None else "") if lint.file else "the environment"
    against = f" against {lint.other}" if lint.other else ""
    title, remedy = {
        "proxy_only_http_set": (
            f"{where} sets HTTP_PROXY only; {agents} use it for plain HTTP alone and connect directly for HTTPS.",
            f"Add HTTPS_PROXY={lint.value.partition('=')[2] or lint.value} to {where}.",
        ),
        "proxy_values_conflict": (
            f"Proxy settings of {agents} contradict each other: {where} says {lint.value}{against}.",
            f"Write one value into both: {where} and {lint.other or 'the other spelling or file'}.",
        ),
        "no_proxy_missing_task_credentials": _task_credentials(agents, where),
        "no_proxy_missing_metadata": _metadata(agents, where),
        "no_proxy_not_understood": (
            f"{agents} ignore the NO_PROXY token {lint.value} in {where}.",
            f"Write {lint.other or 'the plain name, .suffix or address'} instead of {lint.value} in {where}.",
        ),
        "proxy_password_world_readable": (
            f"{where} holds a proxy password and every user of this host can read it.",
            f"chmod 600 {lint.file or 'FILE'} and chown root:root, then change the password.",
        ),
        "proxy_scheme_unusable": (
            f"{agents} cannot use the proxy scheme of {lint.value} in {where}.",
            f"Give them an http:// proxy in {where}: of these agents only the ECS agent speaks SOCKS5.",
        ),
        "proxy_url_invalid": (
            f"{where} sets a proxy that is no usable URL: {lint.value}.",
            f"Write http://HOST:PORT into {where}, with special characters of a password percent-encoded.",
        ),
        "proxy_needs_restart": (
            f"{agents} still run with the proxy settings of before: {where} now says {lint.value}{against}.",
            f"systemctl daemon-reload, then restart the service of {agents}.",
        ),
        "proxy_pac_unused": (
            f"{where} names a proxy auto-configuration file ({lint.value}); none of the agents reads one.",
            "Set HTTPS_PROXY=http://HOST:PORT for each agent: the proxy that the PAC file gives for amazonaws.com.",
        ),
        "proxy_setting_unused": (
            f"{where} sets {lint.value}, which does not count for the agents ({lint.other}).",
            "Nothing, if the agents have proxies of their own; else put HTTPS_PROXY into the drop-in of docker.service "
            "or into /etc/docker/daemon.json.",
        ),
        "agent_endpoint_overridden": (
            f"{where} sends {agents} elsewhere than AWS's own name: {lint.value} ({lint.other}).",
            f"Check that host too, as an endpoint of your own in netprobe.toml; or take the setting out of {where}.",
        ),
    }[lint.id]
    return Words(title=title, remedy=remedy)


def _task_credentials(agents: str, where: str) -> tuple[str, str]:
    return (
        f"NO_PROXY of {agents} lacks {TASK_CREDENTIALS} ({where}): task credentials are asked of the proxy.",
        f"Add {TASK_CREDENTIALS} to NO_PROXY in {where} and restart the service.",
    )


def _metadata(agents: str, where: str) -> tuple[str, str]:
    return (
        f"NO_PROXY of {agents} lacks {METADATA} ({where}): metadata requests go to the proxy.",
        f"Add {METADATA} to NO_PROXY in {where} and restart the service.",
    )


def _no_proxy(record: VantageRecord) -> Iterator[Cause]:
    """Addresses of the host's own services that an agent would ask its proxy for."""
    # The ECS agent fills an empty NO_PROXY in by itself.
    fills_in = record.name == "ecs-agent" and not record.no_proxy
    if record.proxy is None or fills_in:
        return
    told = {lint.id for lint in record.lints}
    wanted = (
        (TASK_CREDENTIALS, "no_proxy_missing_task_credentials", _NEEDS_TASK_CREDENTIALS, _task_credentials),
        (METADATA, "no_proxy_missing_metadata", _NEEDS_METADATA, _metadata),
    )
    for address, id_, needs, words in wanted:
        if record.name not in needs or id_ in told or _excepted(address, record.no_proxy):
            continue
        where = record.sources.get("no_proxy") or record.sources.get("proxy") or "its environment"
        yield Cause(
            id=id_, key=record.name, say=_fixed(*words(record.name, where)), vantages=(record.name,), whole_host=True
        )


def _fixed(title: str, remedy: str) -> Callable[[Group], Words]:
    return lambda _group: Words(title=title, remedy=remedy)


def _excepted(address: str, no_proxy: tuple[str, ...]) -> bool:
    """Whether NO_PROXY covers a link-local address: itself, a CIDR that holds it, or everything."""
    for token in no_proxy:
        if token.strip() in (address, "*"):
            return True
        try:
            if "/" in token and ip_address(address) in ip_network(token.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False


def _conflict(records: tuple[VantageRecord, ...]) -> Iterator[Cause]:
    """Agents of one host that were given different proxies, or of which one was forgotten."""
    agents = [r for r in records if r.name not in ("host", "installer")]
    by_proxy: dict[str, list[str]] = defaultdict(list)
    for record in agents:
        by_proxy[record.proxy or "no proxy"].append(record.name)
    if len(by_proxy) < 2 or any(lint.id == "proxy_values_conflict" for r in agents for lint in r.lints):
        return

    def say(_group: Group) -> Words:
        values = [f"{listing(sorted(names))} use {proxy}" for proxy, names in sorted(by_proxy.items())]
        return Words(
            title=f"The agents of this host have different proxy settings: {listing(values, most=5)}.",
            remedy="Give each agent the same HTTPS_PROXY and NO_PROXY: /etc/ecs/ecs.config, and systemd drop-ins of "
            "ecs, "
            "amazon-ssm-agent and docker.",
        )

    yield Cause(
        id="proxy_values_conflict",
        key="between agents",
        say=say,
        vantages=tuple(r.name for r in agents),
        whole_host=True,
    )
