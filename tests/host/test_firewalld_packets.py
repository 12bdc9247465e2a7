"""What we say of firewalld's files is what the real firewalld makes of them, and what packets then meet.

Its own core loads the folder into a namespace with docker0 and a container behind it. What dockerd does to firewalld
when it starts is done as moby's source has it: the zone *docker*, docker0 in it, the policy *docker-forwarding*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from netprobe.findings import Outcome
from tests.support import need, rootfs
from tests.support.task_host import AGENTS, CREDENTIALS, SERVER, TRAFFIC, TaskHost, load_firewalld

pytestmark = [pytest.mark.root, pytest.mark.engine]
PASS, WARN, FAIL, NOT_RUN = Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.NOT_RUN
RULES = (AGENTS, CREDENTIALS, TRAFFIC)
_DOCKERS = {
    "zones/docker.xml": '<zone target="ACCEPT"><interface name="docker0"/></zone>',
    "policies/docker-forwarding.xml": '<policy target="ACCEPT"><ingress-zone name="ANY"/>'
    '<egress-zone name="docker"/></policy>',
}
_CONF = "DefaultZone={}\nFirewallBackend={}\n"


@dataclass(frozen=True, kw_only=True)
class Case:
    """Files below /etc/firewalld, and what must become of agents, credentials and tasks."""

    files: dict[str, str] = field(default_factory=dict)
    default: str = "public"
    backend: str = "nftables"
    docker: str = "27.3.1"
    works: tuple[bool, bool, bool] = (True, True, True)
    said: tuple[Outcome, Outcome, Outcome] | None = None


def policy(inside: str, outside: str, target: str, more: str = "", priority: int = -1) -> str:
    return (
        f'<policy target="{target}" priority="{priority}"><ingress-zone name="{inside}"/>'
        f'<egress-zone name="{outside}"/>{more}</policy>'
    )


def direct(*rules: tuple[str, int, str]) -> str:
    lines = (
        f'<rule ipv="ipv4" table="filter" chain="{chain}" priority="{priority}">{text}</rule>'
        for chain, priority, text in rules
    )
    return f"<direct>{''.join(lines)}</direct>"


SERVICES = '<service name="https"/><service name="dns"/>'
TO_SERVER = f'<rule family="ipv4" priority="{{}}"><destination address="{SERVER}/32"/><{{}}/></rule>'
UPLINK = '<interface name="eth0"/>'
BRIDGE = '<interface name="docker0"/>'
OUT, DROP_443 = ("OUTPUT", 0, "-p tcp --dport 443 -j DROP"), "-p tcp --dport 443 -j DROP"
AGENTS_OFF, TASKS_OFF, ALL = (False, True, True), (True, True, False), (True, True, True)
CASES = {
    "as it comes": Case(),
    "the default zone drops": Case(default="drop"),
    "old Docker, docker0 in public": Case(docker="19.3.9", works=TASKS_OFF),
    "old Docker, docker0 in trusted": Case(docker="19.3.9", files={"zones/trusted.xml":
        f'<zone target="ACCEPT">{BRIDGE}</zone>'}),
    "old Docker, forwarding inside public": Case(docker="19.3.9", files={"zones/public.xml":
        f"<zone>{BRIDGE}{UPLINK}<forward/></zone>"}, said=(PASS, PASS, WARN)),
    "old Docker, no forwarding inside public": Case(docker="19.3.9", files={"zones/public.xml":
        f"<zone>{BRIDGE}{UPLINK}</zone>"}, works=TASKS_OFF),
    "containers' network in a zone that drops": Case(files={"zones/boxes.xml":
        '<zone target="DROP"><source address="172.16.0.0/12"/></zone>'}, works=TASKS_OFF),
    "the docker zone was tightened": Case(files={"zones/docker.xml": f"<zone>{BRIDGE}</zone>"}, works=TASKS_OFF),
    "nothing out": Case(files={"policies/out.xml": policy("HOST", "ANY", "DROP")}, works=AGENTS_OFF),
    "services out": Case(files={"policies/out.xml": policy("HOST", "ANY", "REJECT", SERVICES)}),
    "HTTPS alone out": Case(files={"policies/out.xml": policy("HOST", "ANY", "DROP", '<service name="https"/>')},
        works=AGENTS_OFF),
    "ports out": Case(files={"policies/out.xml": policy("HOST", "ANY", "DROP",
        '<port port="400-500" protocol="tcp"/><port port="53" protocol="udp"/>')}),
    "a service of the site": Case(files={"policies/out.xml": policy("HOST", "ANY", "DROP",
        '<service name="site"/>'), "services/site.xml":
        '<service><include service="dns"/><port port="443" protocol="tcp"/></service>'}),
    "let out before it is dropped": Case(files={"policies/a.xml": policy("HOST", "ANY", "ACCEPT", priority=-20),
        "policies/b.xml": policy("HOST", "ANY", "DROP")}),
    "dropped before it is let out": Case(files={"policies/a.xml": policy("HOST", "ANY", "ACCEPT"),
        "policies/b.xml": policy("HOST", "ANY", "DROP", priority=-20)}, works=AGENTS_OFF),
    "out of a zone that the uplink is not in": Case(files={"policies/out.xml": policy("HOST", "work", "DROP"),
        "zones/work.xml": '<zone><interface name="eth9"/></zone>'}),
    "out of the uplink's zone": Case(files={"policies/out.xml": policy("HOST", "work", "DROP"),
        "zones/work.xml": f"<zone>{UPLINK}</zone>"}, works=AGENTS_OFF, said=(PASS, PASS, PASS)),
    "a rich rule to some": Case(files={"policies/out.xml": policy("HOST", "ANY", "DROP",
        TO_SERVER.format(0, "accept"))}, said=(WARN, PASS, PASS)),
    "a rich rule denies": Case(files={"policies/out.xml": policy("HOST", "ANY", "CONTINUE",
        '<rule><port port="443" protocol="tcp"/><reject/></rule>')}, works=AGENTS_OFF),
    "a rich rule denies what is let out": Case(files={"policies/out.xml": policy("HOST", "ANY", "ACCEPT",
        '<port port="443" protocol="tcp"/><rule><port port="443" protocol="tcp"/><drop/></rule>')}, works=AGENTS_OFF),
    "a rich rule comes first": Case(files={"policies/out.xml": policy("HOST", "ANY", "DROP",
        '<rule priority="-5"><accept/></rule><rule><port port="443" protocol="tcp"/><drop/></rule>')}),
    "a rich rule of IPv6": Case(files={"policies/out.xml": policy("HOST", "ANY", "CONTINUE",
        '<rule family="ipv6"><drop/></rule>')}),
    "nothing out of tasks": Case(files={"policies/tasks.xml": policy("docker", "ANY", "REJECT")}, works=TASKS_OFF),
    "services out of tasks": Case(files={"policies/tasks.xml": policy("docker", "ANY", "DROP", SERVICES)}),
    "nothing to this host": Case(files={"policies/in.xml": policy("ANY", "HOST", "DROP")}),
    "nothing through": Case(files={"policies/fwd.xml": policy("ANY", "ANY", "DROP")}, works=TASKS_OFF),
    "direct, out": Case(files={"direct.xml": direct(OUT)}, works=AGENTS_OFF),
    "direct, by priority": Case(files={"direct.xml": direct(("OUTPUT", 9, "-j DROP"),
        ("OUTPUT", 1, "-p tcp --dport 443 -j ACCEPT"), ("OUTPUT", 2, "-p udp --dport 53 -j ACCEPT"))},
        works=(True, False, True)),  # answers to tasks leave through OUTPUT, too
    "direct lets out what a policy drops": Case(files={"direct.xml": direct(("OUTPUT", 0, "-j ACCEPT")),
        "policies/out.xml": policy("HOST", "ANY", "DROP")}, works=AGENTS_OFF),
    "direct, in DOCKER-USER": Case(files={"direct.xml":
        f'<direct><chain ipv="ipv4" table="filter" chain="DOCKER-USER"/>'
        f'{direct(("DOCKER-USER", 0, DROP_443))[8:]}'}, works=TASKS_OFF),
    "direct, forwarded, behind Docker's": Case(files={"direct.xml": direct(("FORWARD", 0, DROP_443))},
        said=(PASS, PASS, NOT_RUN)),
    "passed through": Case(files={"direct.xml":
        f'<direct><passthrough ipv="ipv4">-t filter -I OUTPUT {DROP_443}</passthrough></direct>'}, works=AGENTS_OFF),
    "iptables below": Case(backend="iptables", said=(PASS, PASS, PASS)),
    "iptables below, nothing out": Case(backend="iptables", files={"policies/out.xml":
        policy("HOST", "ANY", "DROP")}, works=AGENTS_OFF, said=(FAIL, PASS, PASS)),
    "iptables below, direct lets out": Case(backend="iptables", files={
        "direct.xml": direct(("OUTPUT", 0, "-j ACCEPT")), "policies/out.xml": policy("HOST", "ANY", "DROP")},
        said=(PASS, PASS, PASS)),
}  # fmt: skip


def _judged(folder: Path, case: Case) -> dict[str, Outcome]:
    status = f"Package: docker-ce\nStatus: install ok installed\nVersion: 5:{case.docker}-1\n"
    files: dict[str, str | bytes] = {
        "etc/systemd/system/multi-user.target.wants/firewalld.service": "->/lib/systemd/system/firewalld.service",
        "var/lib/dpkg/status": f"{status}\nPackage: firewalld\nStatus: install ok installed\nVersion: 1.3.3-1\n",
        "etc/firewalld/firewalld.conf": _CONF.format(case.default, case.backend),
        **{f"etc/firewalld/{name}": text for name, text in case.files.items()},
    }
    for kind in ("zones", "policies"):
        for path in Path(f"/usr/lib/firewalld/{kind}").glob("*.xml"):
            files[f"usr/lib/firewalld/{kind}/{path.name}"] = path.read_bytes()
    found = rootfs.judged(rootfs.make(folder / "image", files), only=RULES)
    return {rule: found[rule].judgement.outcome for rule in RULES}


def _load(host: TaskHost, folder: Path, case: Case) -> None:
    """Start firewalld as at boot, then Docker: the folder as dockerd leaves it is loaded again, as by its reload."""
    joins = case.docker != "19.3.9" and not any(BRIDGE in text for text in case.files.values())
    files = {"firewalld.conf": _CONF.format(case.default, case.backend), **(_DOCKERS if joins else {}), **case.files}
    if joins and case.files.get("zones/docker.xml"):
        files["zones/docker.xml"] = case.files["zones/docker.xml"]
    load_firewalld(host.space, folder, files)
    host.start_docker()


def _agrees(outcome: Outcome, works: bool) -> bool:
    """Whether a judgement may stand beside what packets did; what is not run claims nothing."""
    return outcome in (PASS, WARN, NOT_RUN) if works else outcome is FAIL


@pytest.mark.parametrize("name", CASES)
def test_files_are_judged_as_packets_fare(name: str, host: TaskHost, tmp_path: Path) -> None:
    need.engine("firewall-offline-cmd")
    case = CASES[name]
    try:
        _load(host, tmp_path / "etc", case)
        works = (host.agents(), host.credentials(), host.traffic())
        assert works == case.works
        expected = case.said or tuple(PASS if one else FAIL for one in case.works)
        assert tuple(_judged(tmp_path, case).values()) == expected
        if case.said is None:
            assert all(_agrees(said, one) for said, one in zip(expected, works, strict=True))
        kernel = tuple(host.of_kernel(tmp_path, RULES).values())
        for said, one in zip(kernel, works, strict=True):
            assert _agrees(said, one), (kernel, works)
    finally:
        host.clean()
