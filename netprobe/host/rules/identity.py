"""Who the host takes itself for: a metadata service on a machine of no cloud, and the fingerprint of its hardware.

SSM Agent (``agent/managedInstances/fingerprint``, read 2026-11-28) keeps what its host looked like at registration:
machine id, processor, memory, firmware, system, host name, first address, first MAC address, disks: nine parts. Another
machine id is another machine; with the same id and address it is the same one; else as many of the nine must match as
``similarityThreshold`` in the same file says (40 of 100 unless set). Five of the parts are digests of what dmidecode
and ``ls -l /dev/disk/by-uuid`` print (``hardwareInfo_unix.go``). The second holds the times at which the links were
made, so it is another after every start of the machine. Neither can be made again from files, so only the other four
are compared here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from netprobe.findings import Place, Severity
from netprobe.host.machine import Machine
from netprobe.host.readers.settings import MAX_FILE
from netprobe.host.rules.define import rule
from netprobe.host.rules.registration import cloud_name
from netprobe.host.rules.sources import DEVELOPER_GUIDE, READ_AGAIN
from netprobe.rules import Judgement, Rule, failed, not_applicable, passed, warned

_FINGERPRINT = "https://github.com/aws/amazon-ssm-agent/tree/mainline/agent/managedInstances/fingerprint"
_VAULTS = (
    "/var/lib/amazon/ssm/Vault/Store/InstanceFingerprint",
    "/var/snap/amazon-ssm-agent/common/amazon/ssm/Vault/Store/InstanceFingerprint",
)
_HOST_NAME = "/proc/sys/kernel/hostname"
_PARTS = 9
_USUAL_THRESHOLD = 40
METADATA = "169.254.169.254"
_METADATA_IN_TABLE = "FEA9FEA9"
"""169.254.169.254 as /proc/net/route writes it on a little-endian machine."""
_CLOUD_ID = "/run/cloud-init/cloud-id"
_NO_CLOUD = frozenset({"", "none", "nocloud", "configdrive", "fallback"})


def metadata_service_present(machine: Machine) -> Judgement:
    """Something that answers at 169.254.169.254 offers agents an identity that is not the host's registration."""
    if cloud_name(machine) is not None:
        return not_applicable("this is a cloud's virtual machine, which another rule tells of")
    places = list(_signs_of_metadata(machine))
    if not places:
        return passed("no file shows a metadata service")
    return warned(
        f"this is no machine of a cloud that netprobe knows, and files show a metadata service at {METADATA}: agents "
        "and SDKs that ask it may take the host for an EC2 instance",
        f"block {METADATA} for this host (ip route add blackhole {METADATA}), or switch the service off in the "
        "virtualisation",
        places,
    )


def _signs_of_metadata(machine: Machine) -> Iterator[Place]:
    for number, line in machine.root.lines("/proc/net/route", MAX_FILE):
        words = line.split()
        if len(words) > 3 and words[1] == _METADATA_IN_TABLE and not int(words[3], 16) & 0x200:
            yield Place(file="/proc/net/route", line=number, text=f"{words[0]}: a route to {METADATA} of its own")
    for number, line in machine.root.lines("/proc/net/fib_trie", MAX_FILE):
        if line.strip().endswith(METADATA) and "|--" in line:
            yield Place(file="/proc/net/fib_trie", line=number, text=f"{METADATA} is an address of this host")
            break
    cloud = (machine.root.text(_CLOUD_ID, 256) or "").strip().lower()
    if cloud not in _NO_CLOUD:
        yield Place(file=_CLOUD_ID, line=1, text=f"cloud-init found the data source {cloud}"[:80])


def hardware_fingerprint_changed(machine: Machine) -> Judgement:
    """After a change of network card, address and more SSM Agent may take its host for another and is refused."""
    path = machine.root.first(*_VAULTS)
    saved = {} if path is None else _saved(machine, path)
    if path is None or not saved:
        return not_applicable("SSM Agent has kept no fingerprint of this hardware")
    place = Place(file=path)
    here = (machine.root.text("/etc/machine-id", 256) or "").strip()
    there = str(saved.get("machine-id", "")).strip()
    remedy = "deregister the instance and register it again with a new activation"
    if there and here and there != here:
        title = "the machine id is another than at registration: SSM Agent is refused (MachineFingerprintDoesNotMatch)"
        return failed(title, remedy, (Place(file="/etc/machine-id", line=1), place))
    changed = tuple(_changed(machine, saved))
    if not changed:
        return passed("machine id and network card are those of the registration", place)
    if _here(machine, str(saved.get("ipaddress-info", ""))):
        return passed("machine id and address are those of the registration, so it is the same machine", place)
    alike, threshold = (_PARTS - len(changed)) * 100 // _PARTS, _threshold(machine, path)
    parts = f"{' and '.join(changed)} are others than at registration"
    if alike < threshold:
        title = f"{parts}: at most {alike} of 100 parts match, SSM Agent wants {threshold} and is refused"
        return failed(title, remedy, (place,))
    title = f"{parts}; where fewer than {threshold} of 100 parts of the hardware match, SSM Agent is refused"
    return warned(title, f"look into SSM Agent's log for the fingerprint; if it is refused, {remedy}", (place,))


def _changed(machine: Machine, saved: Mapping[str, Any]) -> Iterator[str]:
    """The parts that files show to be others now, in words: nothing where the network card is the same.

    A new address alone, or a new name, is everyday's: the rest of the hardware decides then, and it is likely the same.
    """
    addresses = {(machine.root.text(f"/sys/class/net/{name}/address", 64) or "").strip() for name in _cards(machine)}
    card = str(saved.get("macaddr-info", ""))
    if not card or not addresses or card in addresses:
        return
    yield "the network card"
    address = str(saved.get("ipaddress-info", ""))
    if address and _local_addresses(machine) and not _here(machine, address):
        yield "the address"
    name, kept = (machine.root.text(_HOST_NAME, 256) or "").strip(), str(saved.get("hostname-info", ""))
    if name and kept and name != kept:
        yield "the host name"


def _here(machine: Machine, address: str) -> bool:
    return bool(address) and address in _local_addresses(machine)


def _local_addresses(machine: Machine) -> frozenset[str]:
    """The host's own IPv4 addresses, as the kernel's table of routes has them (``/32 host LOCAL``)."""
    found, last = set(), ""
    for _, line in machine.root.lines("/proc/net/fib_trie", MAX_FILE):
        text = line.strip()
        if text.startswith("|-- "):
            last = text.removeprefix("|-- ")
        elif text == "/32 host LOCAL" and not last.startswith("127."):
            found.add(last)
    return frozenset(found)


def _threshold(machine: Machine, path: str) -> int:
    kept = _content(machine, path).get("similarityThreshold")
    return kept if isinstance(kept, int) and 0 < kept <= 100 else _USUAL_THRESHOLD


def _cards(machine: Machine) -> tuple[str, ...]:
    return tuple(name for name in machine.root.names("/sys/class/net") if name != "lo")[:64]


def _saved(machine: Machine, path: str) -> Mapping[str, Any]:
    """The parts that were kept; nothing where the file is none of SSM Agent's."""
    parts = _content(machine, path).get("hardwareHash")
    return parts if isinstance(parts, dict) else {}


def _content(machine: Machine, path: str) -> Mapping[str, Any]:
    try:
        content = json.loads(machine.root.text(path, MAX_FILE) or "")
    except (ValueError, RecursionError):
        # SSM Agent makes a new fingerprint then; what that means its log tells.
        return {}
    return content if isinstance(content, dict) else {}


RULES: tuple[Rule[Machine], ...] = (
    rule(
        metadata_service_present,
        "A metadata service is present outside any cloud",
        DEVELOPER_GUIDE,
        severity=Severity.WARNING,
        running=True,
        checked=READ_AGAIN,
    ),
    rule(
        hardware_fingerprint_changed,
        "The hardware is not the one that was registered",
        _FINGERPRINT,
        running=True,
        checked=READ_AGAIN,
        reckoned="inferred from the agent's files as it compares them; the agent was not started",
    ),
)
