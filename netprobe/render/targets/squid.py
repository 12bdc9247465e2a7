"""Squid as an explicit proxy: who may CONNECT where, by name.

Decides on the name in the client's CONNECT request, which Squid lower-cases and strips of trailing dots. Every pattern
has an exact form here: names in ``dstdomain``, patterns in an anchored ``dstdom_regex -i`` (POSIX ERE). ``.name`` in
dstdomain admits the name and everything beneath it. Traps that the output avoids, each seen on Squid 5.7:

- ``squid -k parse`` ends with 0 for a bad regex, a missing file and a glob in dstdomain: ERROR and WARNING count;
- a name listed before a suffix that covers it is fatal, so covered entries never leave lowering;
- an empty ACL file is a warning, so a file without entries is not written;
- without ``-n`` a CONNECT to an address makes Squid look its name up and match on the answer;
- SIGHUP (Debian's ``systemctl reload``) with a bad file kills the proxy, ``squid -k reconfigure`` refuses it.

It does not inspect TLS: a client may ask for an admitted name and get what that name's server serves. Not for
intercepted traffic: that is the target ``squid-splice``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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

NAME = "squid"
TITLE = "Squid (explicit proxy)"
LAYER = Layer.CONNECT
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.REGEX, Form.SUBTREE}),
    regex=Dialect.POSIX_ERE,
    default_action="denied (403); CONNECT and plain HTTP alike",
)
PLAIN_HTTP = 80
HTTPS = 443
"""The port whose names stand in files of their own; other ports are rare, and stay in the main file."""
_LISTS = {Form.EXACT: "exact", Form.SUBTREE: "suffix", Form.REGEX: "regex"}
MAIN = File(name="netprobe.conf", template="netprobe.conf.j2")
FILES = (
    File(name="netprobe.conf", template="netprobe-files.conf.j2"),
    File(name="allow.exact", template="allow.exact.j2", when=lambda lowered: lowered.has(Form.EXACT, HTTPS)),
    File(name="allow.suffix", template="allow.suffix.j2", when=lambda lowered: lowered.has(Form.SUBTREE, HTTPS)),
    File(name="allow.regex", template="allow.regex.j2", when=lambda lowered: lowered.has(Form.REGEX, HTTPS)),
)
SCOPE = Scope(
    clients="acl src",
    every_port=True,
    sessions="tunnels that are open stay open until they end (squid -k reconfigure ends none)",
)
COMMANDS = Commands(
    check="squid -k parse 2>&1 | grep -E 'ERROR|WARNING|FATAL' && echo 'do not load it'",
    load="include /etc/squid/netprobe/netprobe.conf before the first http_access line of squid.conf",
    replace="rename the new folder into place, then: squid -k reconfigure (never systemctl reload)",
    rollback="rename the old folder back, then: squid -k reconfigure",
    remove="take the include line out, then: squid -k reconfigure",
)
PROOF = TargetProof(engine="squid 5.7 (Debian 12, squid-openssl), 4.13 (Debian 11), 6.13 (Debian 13)")
SOURCES = (
    Source(where="squid 5.7-2+deb12u6, run on loopback", read="2026-11-23"),
    Source(where="https://www.squid-cache.org/Doc/config/acl/", read="2026-11-23"),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The port that has files of its own, and the conditions of each ``http_access`` line."""
    stem = policy.name.replace("-", "_")
    clients = [f"{stem}_clients"] if policy.sources else []
    ports = sorted({entry.port for entry in lowered.entries})
    return {
        "https": HTTPS,
        "allowed": tuple(text.words(" ".join(clients + one)) for one in _allowed(lowered, stem, ports)),
        "denied": tuple(text.words(" ".join(clients + one)) for one in _denied(policy, stem, ports)),
    }


def _allowed(lowered: Lowered, stem: str, ports: Sequence[int]) -> Iterator[list[str]]:
    """A line for each list of each port; on port 80 it is GET that is meant, on every other one CONNECT."""
    for port in ports:
        method = [] if port == PLAIN_HTTP else [f"{stem}_connect"]
        for form, list_ in _LISTS.items():
            if lowered.has(form, port):
                yield [*method, f"{stem}_port_{port}", f"{stem}_{list_}_{port}"]


def _denied(policy: Policy, stem: str, ports: Sequence[int]) -> Iterator[list[str]]:
    """What ends the form that denies: everything, or everything on the endpoints' ports."""
    if policy.enforce and policy.all_ports:
        yield [] if policy.sources else ["all"]
    elif policy.enforce:
        yield from ([f"{stem}_port_{port}"] for port in ports)
