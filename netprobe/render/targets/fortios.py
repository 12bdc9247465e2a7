"""Fortinet FortiOS: a static URL filter of anchored regular expressions, with the policies that use it.

Decides on the server name (certificate inspection, no decryption) or the Host header. Every entry is a regular
expression, exact names too: ``simple`` is a *substring* in flow mode (``net.com`` fits fortinet.com). The device
looks for the expression in a URL without scheme, so it ends in ``([:/]|$)``; without an end ``….com.evil.test`` would
pass. The command line reads two backslashes as one, and a question mark as a call for help: no entry holds one. The
last entry of each list blocks everything else; a list without it blocks nothing.

No FortiGuard licence is needed, since the profile says ``ftgd-disable``. That is the default, and ``unset options``
would take it away: the rating service would be asked, and without a licence every answer is an error, which blocks.

The factory's profile ``certificate-inspection`` looks at port 443 alone and cannot be changed; TLS on another port
would pass the list unread. So where another port is asked for, the file brings a profile that looks at all of them.

Since FortiOS 6.4 one table of policies is for IPv4 and IPv6, and each policy names addresses of either or both. What
denies names both. What accepts is written twice, since a policy has one ``nat`` for both: IPv4 is translated, as an
edge needs it, and IPv6 is not.

Lists and policies have numbers of their own (1000000 + port, and 11000000 + port for the policies of IPv6), far from
those that the device gives out, so that loading the file twice overwrites instead of adding. Stale entries of a longer,
older list stand behind the one that blocks, where they are never reached.

``fqdn`` address objects for the names that such an object can hold come as a second file, for policies of your own:
they admit nothing by themselves. It cannot be run here: the tests read the blocks with a reader of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from netprobe.catalog.model import Endpoint
from netprobe.render import text
from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    Dialect,
    File,
    Form,
    Layer,
    Lowered,
    Policy,
    Scope,
    Source,
    TargetProof,
)
from netprobe.render.naming import Named, named_networks
from netprobe.render.text import Text

NAME = "fortios"
TITLE = "Fortinet FortiOS (static URL filter)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.REGEX}),
    regex=Dialect.PCRE,
    # A URL has at most 511 characters in the CLI reference; the end of the expression takes eight.
    max_entry_length=500,
    default_action="blocked by the last entry of each list, and every other session on the ports named above, TCP "
    "and UDP, by the policy netprobe-deny",
)


def _fits_an_object(value: str) -> bool:
    return "*" not in value.removeprefix("*.")


def _has_objects(lowered: Lowered) -> bool:
    return any(_fits_an_object(entry.value) for entry in lowered.entries)


MAIN = File(name="netprobe.conf", template="netprobe.conf.j2")
FILES = (MAIN, File(name="netprobe-addresses.conf", template="netprobe-addresses.conf.j2", when=_has_objects))
SCOPE = Scope(
    additive=False,
    instead="a policy that reads names decides about every session it meets, so it denies the rest: add --enforce with "
    "--source, or name the address objects of netprobe-addresses in a policy of yours",
    clients="the address groups netprobe-hosts and netprobe-hosts6, which are made from --source",
    sessions="a policy change checks them again (firewall-session-dirty check-all, the default), so those to "
    "unlisted names end",
)
COMMANDS = Commands(
    check="",
    load="execute config-transaction start, paste netprobe.conf, execute config-transaction commit",
    replace="the same: within the transaction the old lists stay in force until the commit",
    rollback="execute config-transaction abort (before the commit), or restore the revision before it",
)
PROOF = TargetProof(grammar="FortiOS configuration blocks, quoting and URL filter entries")
SOURCES = (
    Source(where="https://docs.fortinet.com/document/fortigate/7.6.5/administration-guide/530847", read="2026-11-23"),
    Source(where="https://community.fortinet.com (ta-p/192746, ta-p/196118)", read="2026-11-23"),
    Source(where="fortinet.fortios Ansible collection, fortios_webfilter_urlfilter", read="2026-11-23"),
    Source(where="FortiOS CLI reference 7.6, webfilter profile and firewall ssl-ssh-profile", read="2026-11-26"),
    Source(where="https://community.fortinet.com (ta-p/348428)", read="2026-11-26"),
    Source(
        where="https://community.fortinet.com/t5/FortiGate/Technical-Tip-Consolidated-IPv4-and-IPv6-policies/ta-p/191945",
        read="2026-11-29",
    ),
    Source(
        where="https://docs.fortinet.com/document/fortigate/7.0.9/cli-reference/259620 (firewall address6: ip6, fqdn)",
        read="2026-11-29",
    ),
)
_PLAIN_HTTP = 80
_FACTORY_PORTS = {443}
"""What the profile ``certificate-inspection`` that every device has looks at."""
_NONE, _SIX = Text(), text.words("6")


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says of one version of IP.

    Attributes:
        digit: what its tables and settings have behind their names: nothing for IPv4 (``srcaddr``), else 6.
        first: the number that the port is added to for the number of a policy.
        hosts: the hosts' networks; none where every client is meant.
    """

    digit: Text
    first: int
    hosts: tuple[Named, ...]


def families(sources: tuple[str, ...]) -> tuple[Family, ...]:
    """The versions of IP that policies are written for: both, or those that the hosts' networks have."""
    hosts = named_networks(sources)
    both = (
        Family(digit=_NONE, first=1_000_000, hosts=tuple(one for one in hosts if one.version == 4)),
        Family(digit=_SIX, first=11_000_000, hosts=tuple(one for one in hosts if one.version == 6)),
    )
    return tuple(family for family in both if family.hosts) if sources else both


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """By version of IP what is written; names that an address object can hold; who looks at which TLS port."""
    written = families(policy.sources)
    left = {4, 6} - {6 if family.digit else 4 for family in written}
    named = (Named.of(entry) for entry in lowered.entries if _fits_an_object(entry.value))
    tls = {entry.port for entry in lowered.entries} - {_PLAIN_HTTP}
    own = not tls <= _FACTORY_PORTS
    return {
        "families": written,
        "missing": text.words("".join(f"IPv{version}" for version in left)),
        "digits": (_NONE, _SIX),
        "objects": tuple({one.name: one for one in named}.values()),
        "inspection": text.identifier("netprobe-inspection" if own else "certificate-inspection"),
        "tls_ports": tuple(sorted(tls)) if own else (),
    }
