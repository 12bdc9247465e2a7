"""Aerleon: definitions of networks and services, and a policy, from which its generators make forty kinds of filters.

Addresses only. Aerleon has ``fqdn`` values, but of its generators only junipersrx writes them, and that one passes
``ecs-a-*`` on as it is, which an SRX does not take: names are for our own targets. Traps that the output avoids: an
item that Aerleon does not understand is left out with a log line only; ``inet`` means IPv4 alone for its generators, so
that IPv6 would go unfiltered (the policy says ``mixed``); names are one space, so ours begin ``NETPROBE``.
"""

from __future__ import annotations

from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    File,
    Form,
    Layer,
    Scope,
    Source,
    TargetProof,
    plain_context,
)

NAME = "aerleon"
TITLE = "Aerleon (definitions and a policy for its generators)"
LAYER = Layer.IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    beyond=("UDP 443 (QUIC) is not governed: the policy's terms are for TCP",),
    forms=frozenset({Form.ADDRESS}),
    default_action="refused on the ports named above by the policy's last terms; by the definitions alone, nothing",
)
MAIN = File(name="netprobe.yaml", template="netprobe.yaml.j2")
FILES = (MAIN, File(name="netprobe.pol.yaml", template="netprobe.pol.yaml.j2"))
SCOPE = Scope(
    clients="a network that is made from --source",
    sessions="that depends on the device that the filters are made for",
)
COMMANDS = Commands(
    check="aclgen --base_directory policies --definitions_directory def --output_directory /tmp",
    load="netprobe.yaml into def/, netprobe.pol.yaml into policies/, put your targets into its header, run aclgen",
    replace="replace both files, run aclgen, load what it made as its device wants it",
    rollback="put the old files back, run aclgen",
)
PROOF = TargetProof(engine="aerleon 1.18.0: its iptables, nftables, cisco, juniper and arista generators")
SOURCES = (
    Source(where="aerleon 1.18.0, run", read="2026-11-23"),
    Source(where="https://aerleon.readthedocs.io/en/latest/reference/yaml_reference/", read="2026-11-23"),
)
context = plain_context
