"""The keys of ``daemon.json`` by the versions of dockerd that know them, with the type that each takes.

Read in moby's source, tag by tag from v18.09.0 to v28.5.2 and in the main branch of 2026-08-23 (which is past 29.0),
on 2026-11-28: the options of ``cmd/dockerd`` (later ``daemon/command``), and ``daemon/config``, whose
``findConfigurationConflicts`` refuses every other key, and whose decoder refuses a value of another type. Version 20.10
of Debian was asked for every key of the table, too (``tests/host/test_docker_keys.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netprobe.host.packages import Version

SOURCE = "https://github.com/moby/moby/blob/master/daemon/config/config.go"
NEWEST: Version = (29,)
"""Up to this major version the table is known to be whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerKey:
    """One key.

    Attributes:
        type: ``bool``, ``int``, ``str``, ``list`` (of texts), ``dict`` or ``any``.
        since: the first version that knows it; empty for all.
        until: the first version that no longer does; empty for none.
    """

    type: str
    since: Version = ()
    until: Version = ()

    def is_new_to(self, version: Version) -> bool:
        """Whether a version is older than the key."""
        return version < self.since

    def is_gone_from(self, version: Version) -> bool:
        """Whether a version no longer knows it."""
        return bool(self.until) and version >= self.until


REMOVED_DRIVERS: dict[str, Version] = {"aufs": (24,), "overlay": (24,), "devicemapper": (25,)}
"""Storage drivers and the version that took each away (docs.docker.com, "Deprecated Docker Engine features", and moby's
``checkRemoved`` in ``daemon/graphdriver/driver.go``, read 2026-11-29): dockerd ends with an error."""
_BOOLS = """debug experimental icc init ip-forward ip-masq ip6tables iptables ipv6 live-restore no-new-privileges
raw-logs selinux-enabled tls tlsverify userland-proxy cri-containerd rootless allow-direct-routing ip-forward-no-drop"""
_INTS = """mtu max-concurrent-downloads max-concurrent-uploads max-download-attempts shutdown-timeout
network-control-plane-mtu network-diagnostic-port cpu-rt-period cpu-rt-runtime oom-score-adjust default-stop-timeout"""
_TEXTS = """bip bip6 bridge bridge-accept-fwmark cgroup-parent containerd containerd-namespace data-root graph
default-cgroupns-mode default-gateway default-gateway-v6 default-ipc-mode default-runtime exec-root firewall-backend
fixed-cidr fixed-cidr-v6 group http-proxy https-proxy no-proxy host-gateway-ip init-path ip log-driver log-format
log-level metrics-addr min-api-version pidfile seccomp-profile storage-driver swarm-default-advertise-addr tlscacert
tlscert tlskey userland-proxy-path userns-remap api-cors-header cluster-store cluster-advertise"""
_LISTS = """allow-nondistributable-artifacts authorization-plugins cdi-spec-dirs dns dns-opts dns-search exec-opts hosts
host-gateway-ips insecure-registries labels node-generic-resources registry-mirrors storage-opts"""
_DICTS = "cluster-store-opts default-network-opts default-ulimits features log-opts runtimes builder nri-opts"
_OTHERS = "default-address-pools default-shm-size deprecated-key-path disable-legacy-registry"
_SINCE: dict[str, Version] = {
    "rootless": (19, 3),
    "containerd-namespace": (19, 3),
    "default-cgroupns-mode": (20, 10),
    "ip6tables": (20, 10),
    "max-download-attempts": (20, 10),
    "http-proxy": (23,),
    "https-proxy": (23,),
    "no-proxy": (23,),
    "default-network-opts": (24,),
    "cdi-spec-dirs": (25,),
    "log-format": (25,),
    "bip6": (28,),
    "ip-forward-no-drop": (28,),
    "host-gateway-ips": (28,),
    "allow-direct-routing": (28, 2),
    "bridge-accept-fwmark": (29,),
    "firewall-backend": (29,),
    "min-api-version": (29,),
    "nri-opts": (29,),
    "default-stop-timeout": (29,),
}
_UNTIL: dict[str, Version] = {
    "disable-legacy-registry": (19, 3),
    "cluster-store": (24,),
    "cluster-advertise": (24,),
    "cluster-store-opts": (24,),
    "graph": (24,),
    "oom-score-adjust": (26,),
    "api-cors-header": (29,),
}
SINGULAR = {
    "host": "hosts",
    "label": "labels",
    "dns-opt": "dns-opts",
    "exec-opt": "exec-opts",
    "storage-opt": "storage-opts",
    "log-opt": "log-opts",
    "insecure-registry": "insecure-registries",
    "registry-mirror": "registry-mirrors",
    "default-address-pool": "default-address-pools",
    "default-ulimit": "default-ulimits",
    "add-runtime": "runtimes",
    "authorization-plugin": "authorization-plugins",
    "node-generic-resource": "node-generic-resources",
}
"""Names of options that dockerd accepts as keys and then ignores, and the key that counts."""
ACCEPTED_UNUSED = frozenset({"config-file", "version", "restart", "help", "swarm-raft-heartbeat-tick"})
"""Other options that are accepted as keys and do nothing."""
ONLY_BELOW_PROXIES = frozenset({"http-proxy", "https-proxy", "no-proxy"})
"""Accepted anywhere, and read below ``proxies`` alone (``Config.Proxies`` has the tag ``proxies``)."""
FLAT = frozenset(
    {
        "cluster-store-opts",
        "default-network-opts",
        "log-opts",
        "runtimes",
        "default-ulimits",
        "features",
        "builder",
        "nri-opts",
    }
)
"""Objects that are one value. dockerd takes the keys inside any other object for keys of the file itself."""


def _table() -> Iterator[tuple[str, DockerKey]]:
    kinds = (("bool", _BOOLS), ("int", _INTS), ("str", _TEXTS), ("list", _LISTS), ("dict", _DICTS), ("any", _OTHERS))
    for kind, names in kinds:
        for name in names.split():
            yield name, DockerKey(type=kind, since=_SINCE.get(name, ()), until=_UNTIL.get(name, ()))


KEYS: Mapping[str, DockerKey] = dict(_table())


def flattened(settings: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every key that dockerd looks up, with the keys that lead to it."""
    for key, value in settings.items():
        if isinstance(value, dict) and key not in FLAT:
            for inner in value:
                yield (key, inner), inner
        else:
            yield (key,), key


def wrong_type(key: str, value: Any) -> str:
    """Why dockerd's decoder refuses a value, or nothing; ``null`` it takes for every type."""
    entry = KEYS.get(key)
    if entry is None or entry.type == "any" or value is None:
        return ""
    if not _fits(entry.type, value):
        return f"{_WANTED[entry.type]} is wanted"
    if key == "log-opts" and not _all_texts(value.values()):
        return 'its values are texts: "3", "true"'
    return ""


def _fits(kind: str, value: Any) -> bool:
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "list":
        return isinstance(value, list) and _all_texts(value)
    return isinstance(value, {"bool": bool, "str": str, "dict": dict}[kind])


def _all_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


_WANTED = {"bool": "true or false", "int": "a number", "str": "a text", "list": "a list of texts", "dict": "an object"}
