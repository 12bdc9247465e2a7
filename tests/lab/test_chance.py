"""Flaky, limited and slow networks: a warning that says what it is, and nobody blamed for it.

Each network is one that a single look takes for a fault of another kind. What must be said is in ``says``, what may be
said besides in ``may``; nothing but :data:`OF_CHANCE` may be called proven of it, and no required host may be told to
fail. Which connection meets which link is chance (the kernel chooses source ports), so a case says what holds whatever
happens; how much is lost is fixed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

import msgspec
import pytest
import trio

from netprobe.diagnosis import diagnose
from netprobe.findings import Certainty, Severity, Verdict
from netprobe.lab import SCENARIOS, Scenario
from netprobe.lab.behaviour import DnsMode, HostBehaviour, ResolverBehaviour
from netprobe.observations import Step
from netprobe.probes.limits import BOUNDS
from tests.support import need
from tests.support.lab_case import OF_CHANCE, Case, Network, Result, play
from tests.support.lab_devices import PORT, ROUTER, haproxy, http, nginx, squid
from tests.support.netns import Topology

HEALTHY = SCENARIOS["healthy"]
CROWDED = Scenario(name="crowded", summary=".", behaviour=HostBehaviour(delay_seconds=0.2), numbers=tuple(range(1, 33)))
"""Some seventy hosts that hold each flight back: their connections stand at once and stay for a while, so that a first
pass opens far more than a limiter of a handful lets through, however slow the machine is."""
BUSY = replace(CROWDED, numbers=tuple(range(1, 9)))
HALF_OF_THE_PORTS = "tcp dport 443 jhash tcp sport mod 2 seed 0x6e70 == 0"
NEW = "tcp dport 443 ct state new"
FLAPS_FOR = BOUNDS[Step.TCP].unknown + 0.4
"""Seconds: longer than a first try waits, or its SYNs get through at last and nothing has failed."""
MOST_LOOKS = 300
MEMBERS, SECOND = 8443, 3129


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaky:
    """A network that works, though not always.

    Attributes:
        name: unique.
        network: what stands between.
        says: findings that must be told.
        may: findings that may be told besides.
        scenario: how the servers behave.
        unlucky: hosts that may be suspected of something else.
    """

    name: str
    network: Network
    says: frozenset[str]
    may: frozenset[str] = OF_CHANCE
    scenario: Scenario = HEALTHY
    unlucky: int = 1


def _lossy(percent: int) -> Network:
    """A line that loses so many of every hundred packets, the same ones each time; some are neighbours."""
    lost = ", ".join(map(str, sorted(Random(percent).sample(range(100), percent))))
    return Network(forward=(f"numgen inc mod 100 {{{{ {lost} }}}} drop",))


async def _flap(net: Topology) -> None:
    """The link is down when the check begins, and comes back a while after the first packet was lost on it."""
    router = net.routers[0]
    rule = "tcp dport 443 counter drop"
    router.nft(f"table inet flap {{ chain c {{ type filter hook forward priority 10; {rule}; }}; }}")
    for _ in range(MOST_LOOKS):
        shown = await trio.to_thread.run_sync(router.run, "nft", "list", "table", "inet", "flap")
        if "packets 0 " not in shown.stdout:
            break
        await trio.sleep(0.1)
    await trio.sleep(FLAPS_FOR)
    router.nft("delete table inet flap")


def _balancer(bad: str) -> Network:
    """A real balancer before ssm, with a good member and a bad one in turns."""
    return Network(
        redirect=(f"ip daddr {{ssm}} tcp dport 443 dnat to {ROUTER}:{MEMBERS}",),
        engines=(
            haproxy(
                "  mode tcp",
                "  retries 0",
                "listen members",
                f"  bind {ROUTER}:{MEMBERS}",
                "  balance roundrobin",
                *bad.splitlines(),
                "  server good {ssm_first}:443",
                port=MEMBERS,
            ),
        ),
    )


def _forgetful(mode: DnsMode, *only: str) -> Scenario:
    """A resolver that fails at every second question for a name, the first one included."""
    return Scenario(name="forgetful", summary=".", resolvers=(ResolverBehaviour(mode=mode, only=only, every=2),))


def _other_member(*server: str) -> Network:
    """A balancer before every host that chooses by source port, with an nginx of somebody else as its second member."""
    return Network(
        redirect=(f"ip daddr {{all}} {HALF_OF_THE_PORTS} dnat to {ROUTER}:{MEMBERS}",),
        engines=(nginx(f"listen {ROUTER}:{MEMBERS} ssl;", *server, port=MEMBERS),),
    )


ANSWERS_503 = ("listen second", f"  bind {ROUTER}:{SECOND}", "  mode http", "  http-request return status 503")
EIGHT_AT_ONCE = (
    "listen second",
    f"  bind {ROUTER}:{SECOND}",
    "  mode http",
    "  http-request return status 503 if {{ fe_conn gt 8 }}",
    f"  server squid {ROUTER}:{PORT}",
)


def _proxy(
    *, redirect: tuple[str, ...] = (), output: tuple[str, ...] = (), before: tuple[str, ...] = (), lines: str = ""
) -> Network:
    """A Squid that is the only way out; ``before``: an HAProxy that stands beside it, or before it."""
    return Network(
        engines=(
            squid("http_access allow all", *lines.splitlines()),
            *((haproxy(*before, port=SECOND),) if before else ()),
        ),
        proxy=http(),
        forward=("ct state new tcp dport 443 reject",),
        redirect=redirect,
        output=output,
    )


SLOW_NAME = Scenario(name="slow-name", summary=".", behaviour=HostBehaviour(delay_seconds=6.5), at=("ssm",))
"""Longer than any first pass waits for a handshake, and shorter than patience."""
SLOW_RESOLVER = Scenario(name="slow-resolver", summary=".", resolvers=(ResolverBehaviour(delay_seconds=4.0),))
FLAKY = (
    Flaky(
        name="balancer-with-a-member-that-closes",
        network=_balancer("  server bad 127.0.0.1:1"),
        says=frozenset({"works_by_chance"}),
    ),
    Flaky(
        name="one-of-two-links-drops",
        network=Network(forward=(f"{HALF_OF_THE_PORTS} drop",)),
        says=frozenset({"works_by_chance"}),
        unlucky=2,  # each try waits in silence, so there are fewer
    ),
    Flaky(
        name="one-of-two-links-resets",
        network=Network(forward=(f"{HALF_OF_THE_PORTS} reject with tcp reset",)),
        says=frozenset({"works_by_chance"}),
    ),
    Flaky(
        name="one-of-two-links-resets-hellos",
        network=Network(forward=(f"{HALF_OF_THE_PORTS} meta length > 120 reject with tcp reset",)),
        says=frozenset({"works_by_chance"}),
    ),
    Flaky(name="loss-of-5", network=_lossy(5), says=frozenset({"packet_loss"})),
    Flaky(name="loss-of-20", network=_lossy(20), says=frozenset({"packet_loss"})),
    Flaky(
        name="limit-of-simultaneous-connections",
        network=Network(forward=(f"{NEW} ct count over 8 reject with tcp reset",)),
        scenario=replace(CROWDED, numbers=tuple(range(1, 17))),
        says=frozenset({"connection_limit"}),
    ),
    Flaky(
        name="limit-of-new-connections",
        network=Network(forward=(f"{NEW} limit rate over 6/second burst 7 packets reject with tcp reset",)),
        scenario=CROWDED,
        says=frozenset({"connection_limit"}),
        unlucky=0,
    ),
    Flaky(
        name="limit-of-new-connections-that-drops",
        network=Network(forward=(f"{NEW} limit rate over 6/second burst 3 packets drop",)),
        scenario=BUSY,
        says=frozenset({"connection_limit"}),
    ),
    Flaky(name="flapping-link", network=Network(beside=_flap), says=frozenset({"works_by_chance"})),
    Flaky(
        name="link-that-drops-some-connections-in-between",
        network=Network(forward=(f"{NEW} numgen inc mod 100000 10-29 drop",)),
        says=frozenset({"works_by_chance"}),
    ),
    Flaky(
        name="servfail-now-and-then-for-one-name",
        network=Network(),
        scenario=_forgetful(DnsMode.SERVFAIL, "ssm"),
        says=frozenset({"works_by_chance"}),
    ),
    Flaky(
        name="servfail-now-and-then",
        network=Network(),
        scenario=_forgetful(DnsMode.SERVFAIL),
        says=frozenset({"works_by_chance"}),
    ),
    Flaky(
        name="nxdomain-now-and-then-for-one-name",
        network=Network(),
        scenario=_forgetful(DnsMode.NXDOMAIN, "ssm"),
        says=frozenset({"works_by_chance"}),
    ),
    Flaky(
        name="nxdomain-now-and-then",
        network=Network(),
        scenario=_forgetful(DnsMode.NXDOMAIN),
        says=frozenset({"works_by_chance"}),
    ),
    Flaky(
        name="balancer-by-source-port-with-a-closed-member",
        network=Network(redirect=(f"ip daddr {{all}} {HALF_OF_THE_PORTS} dnat to {ROUTER}:1",)),
        says=frozenset({"works_by_chance"}),
    ),
    Flaky(
        name="balancer-by-source-port-with-a-member-of-another",
        network=_other_member(
            "ssl_certificate <inspectors_leaf>; ssl_certificate_key <inspectors_leaf>;", "location / { return 404; }"
        ),
        says=frozenset({"works_by_chance"}),
    ),
    Flaky(
        name="proxy-that-answers-503-now-and-then",
        network=_proxy(
            redirect=(f"tcp dport {PORT} numgen inc mod 2 == 0 redirect to :{SECOND}",),
            before=ANSWERS_503,
        ),
        says=frozenset({"works_by_chance"}),
    ),
    Flaky(
        name="proxy-whose-tunnels-are-reset-now-and-then",
        network=_proxy(output=(f"{HALF_OF_THE_PORTS} meta length > 250 reject with tcp reset",)),
        says=frozenset({"works_by_chance"}),
    ),
    Flaky(
        name="proxy-that-opens-eight-tunnels-at-once",
        network=_proxy(redirect=(f"tcp dport {PORT} redirect to :{SECOND}",), before=EIGHT_AT_ONCE),
        scenario=CROWDED,
        says=frozenset({"connection_limit"}),
    ),
    Flaky(
        name="proxy-whose-resolver-takes-four-seconds",
        network=_proxy(lines="dns_timeout 30 seconds"),
        scenario=SLOW_RESOLVER,
        says=frozenset({"slow"}),
        may=OF_CHANCE - {"works_by_chance"},
    ),
    Flaky(name="slow-name", network=Network(), scenario=SLOW_NAME, says=frozenset({"slow"})),
)


async def _played(flaky: Flaky) -> Result:
    need.root()
    need.engine("nft")
    for engine in flaky.network.engines:
        need.engine(engine.program)
    return await play(Case(name=flaky.name, scenario=flaky.scenario, network=flaky.network))


PLAYS = 3
"""What is lost late, or while the machine stands still, is told by no run: then the case is played again."""


@pytest.mark.root
@pytest.mark.timeout(400)
@pytest.mark.parametrize("flaky", FLAKY, ids=lambda flaky: flaky.name)
async def test_what_works_by_chance_blames_nobody(flaky: Flaky) -> None:
    """Told in one of a few plays, and in none of them is anybody blamed.

    Where the machine stood still, netprobe may keep back what it saw, and nothing else may keep it back: the same
    observations without the stalls tell it.
    """
    told = []
    for _ in range(PLAYS):
        result = await _played(flaky)
        _blames_nobody(flaky, result)
        if set(result.findings) >= flaky.says:
            return
        told.append(set(_if_it_had_not_stood_still(result).findings))
    assert all(found >= flaky.says for found in told), f"{sorted(flaky.says)} not in each of {told}"


def _if_it_had_not_stood_still(result: Result) -> Result:
    """The same run, concluded as if this machine had kept nobody waiting."""
    run = msgspec.structs.replace(result.run, context=msgspec.structs.replace(result.run.context, stalls=()))
    return Result(run=run, diagnosis=diagnose(run))


def _blames_nobody(flaky: Flaky, result: Result) -> None:
    titles = [f.title for f in result.diagnosis.findings]
    if not set(result.findings) >= flaky.says:
        assert result.diagnosis.verdict is not Verdict.NOT_READY, titles
        return
    assert {f.id for f in result.diagnosis.findings if f.certainty is Certainty.PROVEN} <= OF_CHANCE, titles
    # What failed by chance every time (one in a hundred hosts) is suspected, and says why.
    unlucky = [f for f in result.diagnosis.findings if f.id not in flaky.says | flaky.may]
    assert all("Suspected:" in f.title for f in unlucky), titles
    assert sum(len(f.hosts) for f in unlucky) <= flaky.unlucky, titles
    assert unlucky or result.diagnosis.verdict is Verdict.DEGRADED, titles


@pytest.mark.root
@pytest.mark.parametrize("percent", [30, 40])
async def test_a_line_that_loses_two_of_five_packets_is_no_fault(percent: int) -> None:
    """Some hosts may fail every time that there is time for: nobody knows of them, and nothing is called a fault."""
    result = await _played(Flaky(name=f"loss-of-{percent}", network=_lossy(percent), says=frozenset()))
    titles = [f.title for f in result.diagnosis.findings]
    assert "packet_loss" in result.findings, titles
    assert result.diagnosis.verdict in {Verdict.DEGRADED, Verdict.INCONCLUSIVE}, titles
    assert [f.id for f in result.diagnosis.findings if f.severity is Severity.ERROR] == [], titles
    proven = {f.id for f in result.diagnosis.findings if f.certainty is Certainty.PROVEN}
    assert proven <= OF_CHANCE, titles
