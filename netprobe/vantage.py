"""As whom we look: the resolvers, proxy, trust store and address families of one program on the host.

A probe never asks the environment for anything; it is told by a :class:`Vantage`. So the same probe can look with
the eyes of the ECS agent, of the SSM agent or of Docker, and a test can look with no one's. Reading the settings of
the agents from a host or an image is the business of ``netprobe.host``; this module only holds them.

Secrets: a proxy password lives in :class:`ProxyServer` and nowhere else. Its ``repr`` and :attr:`ProxyServer.safe`
never show it, and nothing here is serialised: it is the one class here that is no msgspec type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from netprobe.observations import VantageRecord


class Resolver(msgspec.Struct, frozen=True, kw_only=True):
    """One DNS server that a stub resolver asks.

    Attributes:
        address: an IPv4 or IPv6 literal.
        port: UDP and TCP port.
        tcp: ask over TCP from the start (``options use-vc`` in resolv.conf).
    """

    address: str
    port: int = 53
    tcp: bool = False

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyServer:
    """One forward proxy, with its credentials.

    Attributes:
        scheme: ``http`` (CONNECT in the clear), ``https`` (CONNECT over TLS) or ``socks5``.
        host: a name or an address literal.
        port: the TCP port.
        username: for Basic authentication, or None.
        password: never shown; see :attr:`safe`.
        source: where the setting came from.
        lab_address: lab only: the address at which the lab's proxy stands in for this one; None to resolve the name.
        lab_port: lab only: the port of it.
    """

    scheme: str
    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    source: str = ""
    lab_address: str | None = None
    lab_port: int | None = None

    @property
    def connect_port(self) -> int:
        """The port to connect to (differs from the setting's only in a lab)."""
        return self.port if self.lab_port is None else self.lab_port

    @property
    def safe(self) -> str:
        """``scheme://host:port`` without credentials, fit for a report."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class TrustStore(msgspec.Struct, frozen=True, kw_only=True):
    """Which roots a vantage trusts.

    Attributes:
        ca_file: a PEM bundle, or None for the system's store.
        description: for people: ``system (/etc/ssl/certs)``.
        more: further files of PEM certificates.
        empty: there is no bundle at all, not even the system's.
        unseen: why the program may trust something else: what nobody but it could look at; or nothing.
    """

    ca_file: Path | None = None
    description: str = "system"
    more: tuple[Path, ...] = ()
    empty: bool = False
    unseen: str = ""


def _direct(_host: str, _port: int) -> ProxyServer | None:
    return None


def _no_exemption(_host: str, _port: int) -> str | None:
    return None


class Vantage(msgspec.Struct, frozen=True, kw_only=True):
    """One pair of eyes.

    Attributes:
        name: ``host``, ``ecs-agent``, ``ssm-agent``, ``docker``, ``ecs-init`` or ``installer``.
        resolvers: in the order in which a stub resolver asks them.
        search: suffixes of resolv.conf, put behind a name that has fewer dots than ``ndots``, and asked first.
        ndots: how many dots make a name that is asked as it is first.
        hosts_file: the file that overrides DNS, or None to ignore it.
        proxy_for: which proxy this program uses for a host and port, or None for a direct connection.
        exempts: which token of NO_PROXY keeps a host and port from the proxy, or None.
        proxy: the proxy that its settings name, whatever NO_PROXY exempts; None where they name none.
        store: the roots it trusts.
        origin_ca: PEM bundle of the roots that the genuine service chains to; None for Amazon's and the public PKI.
        families: address families it uses: 4, 6.
        ciphers: an OpenSSL cipher list that limits TLS 1.2, or None for OpenSSL's default.
        ports: lab only: service port → the port where the lab listens for it.
        answers_for: the programs whose endpoints this vantage looks at; None for all of them.
        stands_in: it looks only at endpoints that no other vantage of the run answers for.
        record: what a report may say of this vantage.
    """

    name: str
    resolvers: tuple[Resolver, ...]
    search: tuple[str, ...] = ()
    ndots: int = 1
    hosts_file: Path | None = Path("/etc/hosts")
    proxy_for: Callable[[str, int], ProxyServer | None] = _direct
    exempts: Callable[[str, int], str | None] = _no_exemption
    proxy: ProxyServer | None = None
    store: TrustStore = TrustStore()
    origin_ca: Path | None = None
    families: tuple[int, ...] = (4, 6)
    ciphers: str | None = None
    ports: Mapping[int, int] = msgspec.field(default_factory=dict)
    answers_for: tuple[str, ...] | None = None
    stands_in: bool = False
    record: VantageRecord = msgspec.field(default_factory=lambda: VantageRecord(name="host"))

    def connect_port(self, port: int) -> int:
        """The port to connect to for a service port (differs only in a lab)."""
        return self.ports.get(port, port)

    def searched(self, name: str) -> tuple[str, ...]:
        """The longer names that glibc and Go ask before the name itself: of the search list, where it has few dots.

        The list that follows a denial is not walked: a name that AWS has is not denied by those who know it.

        Args:
            name: a host name.
        """
        return tuple(f"{name}.{suffix}" for suffix in self.search) if name.count(".") < self.ndots else ()

    def answers(self, used_by: Iterable[str]) -> bool:
        """Whether this vantage looks at an endpoint that these programs use.

        Args:
            used_by: ``Endpoint.used_by``.
        """
        return self.answers_for is None or not set(self.answers_for).isdisjoint(used_by)


def who_looks(used_by: Iterable[str], vantages: Iterable[Vantage]) -> tuple[Vantage, ...]:
    """The vantages that look at an endpoint: those that answer for a program that uses it, else those that stand in.

    Args:
        used_by: ``Endpoint.used_by``.
        vantages: of the run.
    """
    users = tuple(used_by)
    able = [vantage for vantage in vantages if vantage.answers(users)]
    return tuple(v for v in able if not v.stands_in) or tuple(able)
