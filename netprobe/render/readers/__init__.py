"""Readers of configurations, for ``--compare``: Squid, iptables-save (with ipset save), nft, PAN-OS set, lists.

They understand what such files usually hold, and say in a note what they left out; a rule that depends on anything else
than name, address and port (source, time, user) is taken as if that condition held. What stands behind a rule that
denies everything on the port admits nothing, and neither do rules for UDP, for what comes in, or for connections that
stand.
"""

from __future__ import annotations

from collections.abc import Callable

from netprobe.render.readers.base import Configuration, Rule
from netprobe.render.readers.iptables import iptables
from netprobe.render.readers.lists import plain
from netprobe.render.readers.nft import nft
from netprobe.render.readers.panos import panos
from netprobe.render.readers.squid import squid

__all__ = ["READERS", "Configuration", "Rule"]

READERS: dict[str, Callable[[str], Configuration]] = {
    "squid": squid,
    "iptables": iptables,
    "nftables": nft,
    "panos": panos,
    "hosts": plain,
}
