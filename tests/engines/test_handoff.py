"""The hand-off of every fault of the lab that a device causes, pasted into a real proxy and a real resolver of a site.

For each scenario: what the text asks for is loaded as it stands there; whatever the site allowed before it still
allows, what the findings need is allowed now, and nothing else has changed. Where no list of destinations would help
(a resolver, a proxy that is down), the text says so and holds no rule.
"""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from netprobe.checking.selection import Selection, select
from netprobe.cli import handoff
from netprobe.diagnosis.model import Diagnosis
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.findings import Finding, Owner, Severity
from netprobe.hostnames import Hostname, HostPattern
from netprobe.lab import SCENARIOS
from netprobe.lab.plan import NUMBERS
from netprobe.render import Rendered, targets
from netprobe.render.model import Lowered
from tests.engines.test_sites_dns import UnboundRpz
from tests.engines.test_sites_proxies import Squid
from tests.support import need
from tests.support.lab_case import embedded
from tests.support.lab_played import hurry, played_once
from tests.support.render_engine import Namespace, namespace
from tests.support.site import Question, questions

pytestmark = [pytest.mark.engine, pytest.mark.root]


def _of_the_network() -> set[str]:
    """Findings that are usually a device's."""
    return {entry.id for entry in TAXONOMY.values() if entry.owner is Owner.NETWORK}


NO_LIST = {
    # The way to a resolver, and what it does to every name alike.
    *("dns_resolver_down", "dns_timeout", "dns_unreachable", "dns_tcp_blocked", "dns_slow", "dns_edns_unanswered"),
    # The way to a proxy, and what it cannot do for anybody.
    *("proxy_refused", "proxy_timeout", "proxy_unreachable", "proxy_name_missing", "proxy_cannot_resolve"),
    *("proxy_cannot_connect", "proxy_upstream_timeout", "proxy_cuts_idle", "proxy_buffers"),
    # Routes and capacity.
    *("tls_path_mtu", "ipv6_broken", "works_by_chance"),
}
"""Faults that no list of destinations mends."""
FAULTS = sorted(name for name, one in SCENARIOS.items() if set(one.findings) & _of_the_network())


@pytest.fixture
def space() -> Iterator[Namespace]:
    with namespace() as here:
        yield here


@functools.cache
def _selection() -> Selection:
    return select(regions=["us-east-2"])


@functools.cache
def _asked() -> tuple[Question, ...]:
    """The site's own questions, and a name of every endpoint of the region."""
    names = dict.fromkeys(one.pattern.replace("*", str(NUMBERS[-1])) for one in _selection().endpoints)
    # Of numbered names those of the lab alone: a device that lists names lists what the run saw.
    absent = [one.pattern.replace("*", "7") for one in _selection().endpoints if one.numbered]
    own = [question for question in questions(ports=(443,)) if question[1] not in absent]
    clients = dict.fromkeys(client for client, _, _ in own)
    return tuple(dict.fromkeys([*own, *((client, name, 443) for client in clients for name in names)]))


_BEFORE: dict[str, Mapping[Question, bool]] = {}
"""What a site says without any render; it is the same for every fault."""


def _site(target: str, space: Namespace, folder: Path) -> Squid | UnboundRpz:
    return Squid(space, folder) if target == "squid" else UnboundRpz(space, folder)


def _rules(text: str, target: str) -> str:
    """The lines of the section, as somebody would copy them."""
    return text.partition(f"Rules for {target}\n{'-' * 40}\n\n")[2].partition("\nAfter the change")[0]


def _pasted(rules: str, target: str, folder: Path) -> Rendered:
    """What was copied, as the files that it is or (a script) writes."""
    module = targets.get(target)
    text = rules
    if target == "rpz-unbound":
        script = rules.replace(f"/etc/unbound/{handoff.NAME}", str(folder))
        subprocess.run(["sh", "-eu"], input=script, text=True, check=True, timeout=20)
        text = (folder / f"{handoff.NAME}.conf").read_text(encoding="utf-8")
    file = next(one for one in module.FILES if one.name.endswith(".conf"))
    return Rendered(
        target=target,
        lowered=Lowered(entries=(), losses=()),
        main=text,
        fill=lambda _: text,
        wanted=(file,),
        name=handoff.NAME,
    )


def _needs(diagnosis: Diagnosis, target: str) -> list[Finding]:
    """The findings that a list on this device would mend."""
    return [
        finding
        for finding in diagnosis.findings
        if finding.owner is Owner.NETWORK
        and finding.severity is not Severity.INFO
        and finding.id not in NO_LIST
        and finding.id.startswith("dns_") == (target == "rpz-unbound")
    ]


@pytest.mark.parametrize("target", ["squid", "rpz-unbound"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_handed_over_can_be_pasted(
    fault: str,
    target: str,
    space: Namespace,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need.engine("squid" if target == "squid" else "unbound")
    hurry(monkeypatch, fault)
    result = played_once(tmp_path_factory, embedded(fault))
    path = tmp_path / "request.txt"
    handoff.write(handoff.Handoff(path=path, target=target), result.run, result.diagnosis, _selection())
    rules = _rules(path.read_text(encoding="utf-8"), target)
    needed = {(one.region or "us-east-2", id) for one in _needs(result.diagnosis, target) for id in one.endpoints}
    patterns = [HostPattern.parse(one.pattern) for one in _selection().endpoints if (one.region, one.id) in needed]
    if not patterns:
        assert not rules or rules.startswith("None: no list of destinations"), rules
        return
    folder = tmp_path / "site"
    for one in (folder, tmp_path / "after"):
        one.mkdir()
    if target not in _BEFORE:
        with _site(target, space, folder) as site:
            _BEFORE[target] = site.ask(None, _asked())
    before = _BEFORE[target]
    wanted = {q: said or any(one.matches(Hostname.parse(q[1])) for one in patterns) for q, said in before.items()}
    assert wanted != before, "nothing would change, so nothing would be shown"
    with _site(target, space, tmp_path / "after") as site:
        after = site.ask(_pasted(rules, target, folder), _asked())
    assert {q: answer for q, answer in after.items() if answer != wanted[q]} == {}
