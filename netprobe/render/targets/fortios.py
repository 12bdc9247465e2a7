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

Lists and policies have numbers of their own (1000000 + port), far from those that the device gives out, so that
loading the file twice overwrites instead of adding. Stale entries of a longer, older list stand behind the one that
blocks, where they are never reached.

``fqdn`` address objects for the names that such an object can hold come as a second file, for policies of your own:
they admit nothing by themselves. It cannot be run here: the tests read the blocks with a reader of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.errors import UsageError
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
from netprobe.render.naming import Named

NAME = "fortios"
TITLE = "Fortinet FortiOS (static URL filter)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    beyond=("IPv6 is not governed: the policies are for IPv4",),
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
    clients="the address group netprobe-hosts, which is made from --source (IPv4)",
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
)
_PLAIN_HTTP = 80
_FACTORY_PORTS = {443}
"""What the profile ``certificate-inspection`` that every device has looks at."""


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The names that an address object can hold, once each (two ports share one), and who looks at which TLS port."""
    if policy.sources and all(":" in one for one in policy.sources):
        raise UsageError("--source", "the policies are for IPv4, and these hosts have none", "give their IPv4 networks")
    named = (Named.of(entry) for entry in lowered.entries if _fits_an_object(entry.value))
    tls = {entry.port for entry in lowered.entries} - {_PLAIN_HTTP}
    own = not tls <= _FACTORY_PORTS
    return {
        "objects": tuple({one.name: one for one in named}.values()),
        "inspection": text.identifier("netprobe-inspection" if own else "certificate-inspection"),
        "tls_ports": tuple(sorted(tls)) if own else (),
    }
