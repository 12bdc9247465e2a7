"""Names of objects on devices that need one for every host name.

A number would move to another host name whenever the list grows, and a whole host name is longer than most devices
allow. So a name is made from the host name alone: its first label for people, a digest against confusion. The same host
name has the same object on every device, in every file, for ever.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable

import msgspec

from netprobe.render import text
from netprobe.render.model import DEFAULT_NAME, Admitted, Claim, Form
from netprobe.render.text import Text

_DIGEST = 8
_PREFIX = "netprobe-"


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with the name of its object.

    Attributes:
        object: the object's name.
        name: the host name, or the network.
        port: the TCP port.
        version: 4 or 6 for a network, 0 for a name.
        address: the network's address alone.
        mask: the netmask of an IPv4 network, which Cisco's languages want.
        prefix: the length of the network's prefix.
    """

    object: Text
    name: Text
    port: int
    version: int = 0
    address: Text = msgspec.field(default_factory=Text)
    mask: Text = msgspec.field(default_factory=Text)
    prefix: int = 0

    @classmethod
    def of(cls, entry: Admitted, *, limit: int = 63) -> Named:
        """Name the entry's object, and validate what it stands for."""
        if entry.form is not Form.ADDRESS:
            host = text.name(entry.value)
            return cls(object=object_name(host, limit=limit), name=host, port=int(entry.port))
        value = text.network(entry.value)
        network = ipaddress.ip_network(value)
        return cls(
            object=object_name(value, limit=limit),
            name=value,
            port=int(entry.port),
            version=network.version,
            address=text.words(str(network.network_address)),
            mask=text.words(str(network.netmask)),
            prefix=network.prefixlen,
        )


def named_networks(networks: Iterable[str]) -> tuple[Named, ...]:
    """Networks of the hosts, or networks to keep open, with the names of their objects."""
    return tuple(
        Named.of(Admitted(claim=Claim(form=Form.ADDRESS, value=one), port=0, endpoints=())) for one in networks
    )


def object_name(value: Text, *, limit: int = 63) -> Text:
    """The name of the object for a host name (or network): letters, digits and hyphens, at most ``limit``."""
    digest = hashlib.sha256(value.encode()).hexdigest()[:_DIGEST]
    label = "".join(c if c.isalnum() else "-" for c in value.partition(".")[0])
    room = limit - len(_PREFIX) - len(digest) - 1
    return text.identifier(f"{_PREFIX}{label[:room].strip('-') or 'any'}-{digest}")


def stemmed(words: str, name: str) -> str:
    """Our own words about a target (file names, chains) with the stem that the user chose for its objects."""
    return words.replace(DEFAULT_NAME, name).replace(DEFAULT_NAME.upper(), name.upper())
