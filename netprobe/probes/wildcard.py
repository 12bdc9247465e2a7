"""Names that cannot exist: does the resolver, or the proxy, answer for them all the same?

A resolver that answers for everything (a captive portal, a "helpful" provider, a wildcard zone) makes every numbered
candidate look alive, and a proxy says "cannot connect" of a missing name as of a dead host. So one name that AWS
cannot have is asked for, once for each setting and parent name: what a candidate shares with it proves nothing. A proxy
that opens TLS completes a handshake for names that do not exist, and tells of it in an HTTP answer of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import trio

from netprobe.observations import Experiment, Failure, HttpDetail, Observation, ProxyDetail, Step, TlsDetail
from netprobe.probes import chain, connections, resolve
from netprobe.probes.attempt import Attempt
from netprobe.probes.plan import Probe
from netprobe.probes.scene import Scene
from netprobe.probes.session import Session, Trace

EXPERIMENT = Experiment.IMPOSSIBLE_NAME
_BY_THE_PROXY = frozenset(
    {
        Failure.PROXY_CANNOT_CONNECT,
        Failure.PROXY_UPSTREAM_TIMEOUT,
        Failure.PROXY_BAD_ANSWER,
        Failure.PROXY_NOT_A_PROXY,  # Privoxy: 404 "no such domain", as a web server that is no proxy answers
        Failure.EOF,
    }
)
"""What proxies say of a name that they cannot resolve, where they do not say just that."""


class Wildcards:
    """The answers for impossible names, each asked for once in a run."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._locks: dict[tuple[object, ...], trio.Lock] = {}
        self._addresses: dict[tuple[object, ...], frozenset[str]] = {}
        self._tunnels: dict[tuple[object, ...], Observation] = {}
        self._answers: dict[tuple[object, ...], Observation | None] = {}

    async def addresses(self, probe: Probe) -> frozenset[str]:
        """The addresses that any resolver gives a name beside ``probe`` which cannot exist; honest ones give none."""
        vantage, session = probe.vantage, self._session
        key = (probe.suffix, vantage.resolvers, vantage.hosts_file, probe.families)
        async with self._locks.setdefault(key, trio.Lock()):
            if key not in self._addresses:
                lookup = resolve.Lookup()
                try:
                    await resolve.resolve(
                        self._scene(probe), vantage, probe.families, session.limits, session.gates, into=lookup
                    )
                finally:
                    session.controls.extend(lookup.observations)
                self._addresses[key] = lookup.said
        return self._addresses[key]

    async def is_no_proof(self, trace: Trace) -> bool:
        """Whether the proxy treats a candidate as it treats a name that cannot exist, so that it may not exist."""
        probe, steps = trace.probe, trace.steps.get(None, [])
        tunnel = next((o for o in steps if o.step is Step.PROXY and o.experiment is None), None)
        if tunnel is None:
            return False
        shaken = next((o for o in steps if o.step is Step.TLS and o.failure is None and o.experiment is None), None)
        if shaken is not None:
            assert isinstance(shaken.detail, TlsDetail)
            answer = _answer(steps)
            if shaken.detail.origin is not False or answer is None or answer.failure is None:
                return False
            return _same_answer(answer, await self._interceptors_answer(probe))
        if tunnel.failure is Failure.PROXY_CANNOT_RESOLVE:
            return True
        if tunnel.failure is not None and tunnel.failure not in _BY_THE_PROXY:
            return False
        return _alike(tunnel, await self._tunnel(probe))

    async def _tunnel(self, probe: Probe) -> Observation:
        proxy = probe.proxy
        assert proxy is not None
        key = (probe.suffix, proxy.safe, proxy.username, probe.vantage.name)
        async with self._locks.setdefault(key, trio.Lock()):
            if key not in self._tunnels:
                async with self._session.slots:
                    seen: list[Observation] = []
                    stream = await connections.reach(Attempt.of(self._session, probe, self._scene(probe), None, seen))
                    if stream is not None:
                        stream.close()
                self._session.controls.extend(seen)
                self._tunnels[key] = seen[0]
        return self._tunnels[key]

    async def _interceptors_answer(self, probe: Probe) -> Observation | None:
        """What an intercepting proxy answers over HTTP for the name that cannot exist; None where it does not."""
        proxy = probe.proxy
        assert proxy is not None
        key = (probe.suffix, proxy.safe, proxy.username, probe.vantage.name)
        async with self._locks.setdefault(("http", *key), trio.Lock()):
            if key not in self._answers:
                async with self._session.slots:
                    seen: list[Observation] = []
                    await chain.run(Attempt.of(self._session, probe, self._scene(probe), None, seen))
                self._session.controls.extend(o for o in seen if o.experiment == EXPERIMENT)
                self._answers[key] = _answer(seen)
        return self._answers[key]

    @staticmethod
    def _scene(probe: Probe) -> Scene:
        return msgspec.structs.replace(probe.scene.control(EXPERIMENT), host=probe.impossible)


def _answer(steps: Sequence[Observation]) -> Observation | None:
    return next((o for o in steps if o.step is Step.HTTP), None)


def _same_answer(one: Observation, other: Observation | None) -> bool:
    if other is None:
        return False
    assert isinstance(one.detail, HttpDetail)
    assert isinstance(other.detail, HttpDetail)
    return (one.failure, one.detail.status) == (other.failure, other.detail.status)


def _alike(one: Observation, other: Observation) -> bool:
    assert isinstance(one.detail, ProxyDetail)
    assert isinstance(other.detail, ProxyDetail)
    mine = (one.failure, one.detail.phase, one.detail.status, one.detail.error_header)
    return mine == (other.failure, other.detail.phase, other.detail.status, other.detail.error_header)
