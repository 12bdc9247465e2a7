"""Rules about the proxy settings of the agents themselves, whatever the network does.

The settings were read elsewhere (``netprobe.host``); a run carries what was wrong with them as lints, each with its
place, and the proxy and NO_PROXY of each vantage. How each agent reads them is facts/aws.md section 2: the ECS agent
falls back to HTTP_PROXY for https, the SSM agent, docker and ecs-init do not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from netprobe import natural
from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.words import agree, listing
from netprobe.findings import Place
from netprobe.host.agents import lintwords
from netprobe.observations import Lint, VantageRecord


def companions(world: Evidence) -> Iterator[Cause]:
    """Every lint of every vantage, and what only shows when vantages are laid side by side."""
    records = world.context.vantages
    for record in records:
        yield from (_lint(record, lint) for lint in record.lints if lint.id in lintwords.LINTS)
    yield from _conflict(records)


def _lint(record: VantageRecord, lint: Lint) -> Cause:
    def say(group: CauseGroup) -> Words:
        agents = listing(sorted({v for cause in group.causes for v in cause.vantages}))
        title, remedy = lintwords.tell(lint, agents)
        return Words(title=title, remedy=remedy)

    return Cause(
        id=lint.id,
        key=f"{lint.file}:{lint.line}:{lint.value}",
        say=say,
        vantages=(record.name,),
        places=(Place(file=lint.file, line=lint.line, text=lint.value),) if lint.file else (),
        whole_host=True,
    )


def _conflict(records: tuple[VantageRecord, ...]) -> Iterator[Cause]:
    """Agents of one host that were given different proxies, or of which one was forgotten."""
    agents = [r for r in records if r.name not in ("host", "installer")]
    by_proxy: dict[str, list[str]] = defaultdict(list)
    for record in agents:
        by_proxy[record.proxy or "no proxy"].append(record.name)
    if len(by_proxy) < 2 or any(lint.id == "proxy_values_conflict" for r in agents for lint in r.lints):
        return

    def say(_group: CauseGroup) -> Words:
        values = [
            f"{listing(sorted(names))} {agree(len(names), 'use')} {proxy}" for proxy, names in natural.items(by_proxy)
        ]
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
