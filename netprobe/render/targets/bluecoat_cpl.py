"""Symantec Edge SWG (ProxySG, once Blue Coat): Content Policy Language, by the host and port of the request.

``url.host.regex=`` is a Perl regular expression without anchors of its own, without regard to case;
``url.host.exact=`` is one name. With an explicit proxy the host is that of CONNECT, or of the URL for plain HTTP;
where TLS is intercepted the requests inside have the same host and port and fit the same rules.

A trap that the reference tells: where a request names an address, the appliance asks the DNS for its name before it
compares, and whoever owns the address may answer whatever they like. So every rule also says
``url.host.is_numeric=no``.

Within a layer the first rule that fits decides; of several layers the last. The files are put together in an order of
the site's own (by default VPM, local, central, forward), so a later file may take back what this one decides. The
local file holds one text: the lines go behind what stands there.

It cannot be run here: the tests read it with a grammar of their own, written from the reference.
"""

from __future__ import annotations

from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    Dialect,
    File,
    Form,
    Layer,
    Scope,
    Source,
    TargetProof,
    plain_context,
)

NAME = "bluecoat-cpl"
TITLE = "Symantec Edge SWG / Blue Coat ProxySG (CPL)"
LAYER = Layer.CONNECT
COMMENT = Comment.SEMICOLON
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.REGEX}),
    regex=Dialect.PCRE,
    default_action="denied on the ports named above, unless a later policy file allows it",
)
MAIN = File(name="netprobe.cpl", template="netprobe.cpl.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="client.address",
    every_port=True,
    sessions="a tunnel that is open stays open; the next request is judged by the new policy",
)
COMMANDS = Commands(
    check="",
    load="put it behind what your local policy file holds, and install that (a text with an error is not installed)",
    replace="the same, in the place of the old lines",
    rollback="install the local policy file without these lines",
)
PROOF = TargetProof(grammar="Content Policy Language, by its reference")
SOURCES = (
    Source(
        where="Blue Coat ProxySG Content Policy Language Guide, url= condition, pages 138-142, 263 "
        "(https://manualsdump.com/en/manuals/blue_coat_systems-proxy_sg/167273/140)",
        read="2026-11-29",
    ),
    Source(
        where="the same guide, page 137 (url.host.is_numeric=yes|no) and page 260 (define subnet, ended by end subnet; "
        "https://powertool.manualsonline.com/manuals/mfg/blue_coat_systems/proxy_sg.html?p=260)",
        read="2026-11-29",
    ),
    Source(
        where="Symantec Content Policy Language Reference 6.7.x (https://id.scribd.com/document/400519816/cpl-proxy-pdf)",
        read="2026-11-29",
    ),
)
context = plain_context
