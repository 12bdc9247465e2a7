"""dnsmasq with sets of nftables: the addresses that it resolved for the endpoints' names, and no others.

``nftset=/x/4#inet#TABLE#SET`` puts what ``x`` **and every name beneath it** resolves to into a set: there is no exact
form, and an asterisk is a literal that ``dnsmasq --test`` accepts and nothing matches, so none is written. For hosts
without ipset (RHEL 9 deprecates it, RHEL 10 and minimal Debian 12 have none); ``dnsmasq-connmark`` says every pattern
exactly, but fills ipsets.

An accept in one table does not undo a drop in another, so the additive form puts its chain and sets into the site's own
table (``inet filter``, as Debian and the nftables wiki name it), and only ``--enforce`` makes a table of its own.

Traps that the output avoids, each seen with dnsmasq 2.90 and nft 1.0.6: an answer from dnsmasq's cache does not refresh
an element, so an element with a timeout would vanish under a host that still has the answer (none has one); SIGHUP does
not read ``nftset=`` again (restart); a set that does not exist is logged and passed over, which admits nothing.

Names that share an address share its fate: an address that an admitted name resolved to is open for any server name.
"""

from __future__ import annotations

from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    File,
    Form,
    Layer,
    Lowered,
    Policy,
    Scope,
    Source,
    TargetProof,
)
from netprobe.render.text import identifier

NAME = "dnsmasq-nftset"
TITLE = "dnsmasq and nftables sets (addresses that it resolved)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.SUBTREE}),
    ports=False,
    default_action="refused (TCP reset, ICMP) on the endpoints' ports; "
    "other ports and forwarded packets are not touched",
)
MAIN = File(name="netprobe.sh", template="netprobe.sh.j2")
FILES = (
    File(name="netprobe.dnsmasq.conf", template="netprobe.dnsmasq.conf.j2"),
    File(name="netprobe.nft", template="netprobe.nft.j2"),
    File(name="apply.sh", template="apply.sh.j2"),
)
SCOPE = Scope(
    clients="a set of source networks",
    own_host=True,
    sessions="they stay open: what is established returns to your own rules",
)
COMMANDS = Commands(
    check="dnsmasq --test -C netprobe.dnsmasq.conf",
    load="sh apply.sh && cp netprobe.dnsmasq.conf /etc/dnsmasq.d/netprobe.conf && systemctl restart dnsmasq",
    replace="the same again: the sets are emptied, and fill as names are asked for",
    remove="take the jump out of your chain, then nft delete chain inet filter netprobe_dns, and its sets",
    rollback="the same with the old files; to be without it: nft delete table inet netprobe_dns",
)
PROOF = TargetProof(engine="dnsmasq 2.90, nft 1.0.6 (Debian 12)")
SOURCES = (
    Source(where="dnsmasq 2.90 and nftables 1.0.6, run in network namespaces", read="2026-11-28"),
    Source(where="https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html (--nftset)", read="2026-11-28"),
)
SITES_TABLE = "filter"
"""The table that ``/etc/nftables.conf`` of Debian and of the nftables wiki has; ``inet``."""


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The ports that the rules govern (entries are joined over ports), their table, and what shared templates ask."""
    own = f"{policy.name.replace('-', '_')}_dns"
    return {
        "ports": sorted({int(endpoint.port) for endpoint in endpoints}),
        "table": identifier(own if policy.enforce else SITES_TABLE),
        "directive": identifier("nftset"),
        "local_hook": identifier("output"),
    }
