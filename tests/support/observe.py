"""Builders for runs: a small world of observations, written in the words of a case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from netprobe.catalog import load
from netprobe.diagnosis import diagnose
from netprobe.diagnosis.model import Diagnosis
from netprobe.findings import Finding
from netprobe.observations import (
    CatalogVersion,
    Certificate,
    Context,
    Detail,
    DnsDetail,
    Failure,
    HttpDetail,
    Observation,
    ProxyDetail,
    Run,
    Step,
    Subject,
    TcpDetail,
    TlsDetail,
    VantageRecord,
)

REGION = "us-east-2"
R1, R2 = "10.0.0.53:53", "10.0.0.54:53"
PROXY = "http://proxy.corp.example:3128"
AMAZON = Certificate(
    subject="CN=*.us-east-2.amazonaws.com",
    issuer="CN=Amazon RSA 2048 M01,O=Amazon,C=US",
    sha256="aa" * 32,
    not_before="2026-01-01T00:00:00Z",
    not_after="2027-01-01T00:00:00Z",
    key="RSA 2048",
)
CORP_CA = Certificate(
    subject="CN=Corp Inspection CA",
    issuer="CN=Corp Inspection CA",
    sha256="bb" * 32,
    not_before="2020-01-01T00:00:00Z",
    not_after="2040-01-01T00:00:00Z",
    key="RSA 4096",
    self_signed=True,
)
CORP_LEAF = Certificate(
    subject="CN=ecs.us-east-2.amazonaws.com",
    issuer="CN=Corp Inspection CA",
    sha256="cc" * 32,
    not_before="2026-01-01T00:00:00Z",
    not_after="2027-01-01T00:00:00Z",
    key="EC secp256r1",
)


UPGRADED = frozenset(entry.id for entry in load().entries if load().requests[entry.probe].upgrade)


def name(service: str) -> str:
    """The host name of a service."""
    return f"{service}.{REGION}.amazonaws.com"


@dataclass
class World:
    """A run that grows case by case."""

    vantages: tuple[VantageRecord, ...] = (VantageRecord(name="host", resolvers=(R1,)),)
    context: dict[str, Any] = field(default_factory=dict)
    subjects: list[Subject] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    _again: bool = False
    _number: Any = field(default_factory=lambda: count(1))

    def endpoint(
        self, id_: str, *hosts: str, required: bool = True, group: str = "control", **more: Any
    ) -> tuple[str, ...]:
        """Add an endpoint; its hosts default to the service's name."""
        candidates = hosts or (name(id_),)
        pattern = more.pop("pattern", candidates[0])
        more.setdefault("upgrade", id_ in UPGRADED)
        self.subjects.append(
            Subject(
                id=id_,
                region=REGION,
                group=group,
                pattern=pattern,
                port=443,
                required=required,
                used_by=("ecs-agent",),
                candidates=candidates,
                **more,
            )
        )
        return candidates

    def see(
        self,
        step: Step,
        host: str,
        failure: Failure | None,
        detail: Detail,
        *,
        address: str | None = None,
        experiment: str | None = None,
        vantage: str = "host",
        duration: float = 0.02,
        attempt: int | None = None,
        limit: float | None = None,
    ) -> Observation:
        """Add one observation."""
        endpoint = next((s.id for s in self.subjects if host in s.candidates), "")
        o = Observation(
            id=f"o{next(self._number)}",
            vantage=vantage,
            region=REGION,
            endpoint=endpoint,
            host=host,
            port=443,
            address=address,
            step=step,
            started_seconds=0.0,
            duration_seconds=duration,
            failure=failure,
            detail=detail,
            experiment=experiment,
            attempt=attempt if attempt is not None else int(experiment is not None),
            limit_seconds=limit,
        )
        self.observations.append(o)
        return o

    def dns(
        self,
        host: str,
        *answers: str,
        failure: Failure | None = None,
        resolver: str = R1,
        rrtype: str = "",
        transport: str = "udp",
        asked: str = "",
        **more: Any,
    ) -> None:
        """One lookup."""
        kind = rrtype or ("AAAA" if answers and ":" in answers[0] else "A")
        detail = DnsDetail(resolver=resolver, rrtype=kind, answers=answers, transport=transport, asked=asked)
        self.see(Step.DNS, host, failure, detail, **more)

    def tcp(self, host: str, address: str, failure: Failure | None = None, **more: Any) -> None:
        """One connection."""
        icmp = {k: more.pop(k) for k in ("icmp_type", "icmp_code", "icmp_from") if k in more}
        self.see(
            Step.TCP, host, failure, TcpDetail(port=443, local_address="10.9.8.7", **icmp), address=address, **more
        )

    def tls(
        self, host: str, address: str | None, failure: Failure | None = None, *, sni: str | None = None, **more: Any
    ) -> None:
        """One handshake; a chain of Amazon's unless told."""
        keys = (
            "chain",
            "origin",
            "strict",
            "strict_error",
            "alert",
            "mss",
            "reason",
            "root_sha256",
            "incomplete",
            "former_root",
            "unacknowledged_bytes",
        )
        about = {k: more.pop(k) for k in keys if k in more}
        if failure is None:
            about = {"chain": (AMAZON,), "origin": True, **about}
        self.see(Step.TLS, host, failure, TlsDetail(sni=sni or host, **about), address=address, **more)

    def http(self, host: str, address: str | None, failure: Failure | None = None, **more: Any) -> None:
        """One request."""
        keys = (
            "status",
            "server",
            "via",
            "location",
            "date_skew_seconds",
            "genuine",
            "title",
            "origin",
            "held_seconds",
        )
        about = {k: more.pop(k) for k in keys if k in more}
        if failure is None:
            about = {"genuine": True, "status": 404, "date_skew_seconds": 0.1, **about}
        step = more.pop("step", Step.HTTP)
        self.see(step, host, failure, HttpDetail(method="GET", path="/", **about), address=address, **more)

    def websocket(self, host: str, address: str | None, failure: Failure | None = None, **more: Any) -> None:
        """One upgrade."""
        self.http(host, address, failure, step=Step.WEBSOCKET, **more)

    def proxy(self, host: str, failure: Failure | None = None, **more: Any) -> None:
        """One CONNECT."""
        keys = ("phase", "status", "server", "via", "error_header", "authenticate", "authenticated", "bridge")
        about = {k: more.pop(k) for k in keys if k in more}
        detail = ProxyDetail(proxy=more.pop("proxy", PROXY), target=f"{host}:443", **about)
        self.see(Step.PROXY, host, failure, detail, **more)

    def good(self, *hosts: str, address: str = "52.95.1.1", **more: Any) -> None:
        """Hosts that work in every step, each at an address of its own."""
        for number, host in enumerate(hosts):
            mine = f"{address}{number}" if number else address
            self.dns(host, mine, **more)
            self.reach(host, mine, **more)

    def reach(self, host: str, address: str, **more: Any) -> None:
        """TCP, TLS and HTTP to one address."""
        self.tcp(host, address, **more)
        self.tls(host, address, **more)
        self.http(host, address, **more)

    def tunnelled(self, *hosts: str, **more: Any) -> None:
        """Hosts that work through the proxy."""
        for host in hosts:
            self.proxy(host, status=200, **more)
            self.tls(host, None, **more)
            self.http(host, None, **more)

    def repeated(self, *, attempts: int = 3) -> None:
        """What the probes do after the first pass: each failure again, with the connection in between that works.

        Args:
            attempts: how often each is tried again, and fails alike.
        """
        if self.context.setdefault("repeated", True) and self._again:
            return
        self._again = True
        first = [o for o in self.observations if o.experiment is None]
        works = [o for o in first if o.step is Step.TCP and o.failure is None]
        for o in first:
            led_astray = o.step is Step.DNS and any(
                other.host == o.host and other.failure is not None and other.step is not Step.DNS for other in first
            )
            if o.failure is None and not led_astray:
                continue
            for attempt in range(1, attempts + 1 if o.failure is not None else 2):
                limit = 10.0 if o.failure is Failure.TIMEOUT else None
                self.again(o, o.failure, attempt=attempt, limit=limit)
            self._controls(o, first)
            near = [w for w in works if w.host == o.host] or works
            if o.step is Step.TCP and near and o.failure is not None:
                between = near[0].address or ""
                self.tcp(o.host, between, experiment="working_address", vantage=o.vantage)

    def _controls(self, o: Observation, first: list[Observation]) -> None:
        """The chain that was rejected, and what another resolver says."""
        if isinstance(o.detail, TlsDetail) and o.detail.chain and o.failure is not None:
            self.see(Step.TLS, o.host, None, o.detail, address=o.address, vantage=o.vantage, experiment="lax_chain")
        for other in first if o.step is Step.DNS and o.failure is not None else ():
            if other.host == o.host and other.step is Step.DNS and other.failure is None:
                self.see(Step.DNS, o.host, None, other.detail, vantage=o.vantage, experiment="other_resolver")

    def again(self, o: Observation, failure: Failure | None, **more: Any) -> Observation:
        """One observation once more, ending as it does now."""
        return self.see(
            o.step, o.host, failure, o.detail, address=o.address, vantage=o.vantage, experiment="repeat", **more
        )

    def run(self) -> Run:
        """The run."""
        return Run(
            netprobe_version="0",
            catalog=CatalogVersion(version="1", digest="d"),
            started_at="2026-06-01T12:00:00Z",
            duration_seconds=1.0,
            regions=(REGION,),
            context=Context(vantages=self.vantages, **self.context),
            subjects=tuple(self.subjects),
            observations=tuple(self.observations),
        )

    def diagnosis(self) -> Diagnosis:
        """What is concluded."""
        return diagnose(self.run())


def told(findings: Iterable[Finding]) -> set[tuple[str, str, str]]:
    """Id, severity and certainty of each finding."""
    return {(f.id, f.severity.value, f.certainty.value) for f in findings}
