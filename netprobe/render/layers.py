"""How a client goes around an allowlist, by the layer at which the device decides; part of every target's page.

A list is only as good as the way around it is closed, and the device cannot close it: what never passes it, it never
sees. So every page ends with what the network must refuse besides. Said once here, since it depends on the layer alone
(RFC 9000 for QUIC, RFC 8484 for DNS over HTTPS, RFC 6066 for the server name; read 2026-11-23).
"""

from __future__ import annotations

import textwrap

from netprobe.render.model import Layer

_PAST_A_GATEWAY = (
    "What is not led to this device is not decided by it. On the gateway, refuse what the hosts send in any other way: "
    "IPv6, when only IPv4 is redirected; UDP port 443 (QUIC); every TCP port but those of the list."
)
_SAYS_ONE_NAME = (
    "The server name is what the client says. Where the device does not resolve it itself, a client may say an "
    "admitted name and connect to any address; its page tells whether that is so."
)
_OTHER_RESOLVERS = (
    "It decides only about what is asked of it: refuse DNS to any other resolver (UDP and TCP port 53, DNS over TLS on "
    "port 853, DNS over HTTPS on the resolvers that you know)."
)
AROUND: dict[Layer, tuple[str, ...]] = {
    Layer.CONNECT: (
        "A host that does not use the proxy goes past it. On the gateway, refuse what the hosts send anywhere but to "
        "the proxy: IPv4 and IPv6, TCP and UDP (QUIC).",
        "A second proxy port, or rules that stand before these, admit what they admit.",
    ),
    Layer.SNI: (_PAST_A_GATEWAY, _SAYS_ONE_NAME),
    Layer.DNS: (
        _OTHER_RESOLVERS,
        "A name that does not resolve is not a connection that is refused: whoever knows an address reaches it, over "
        "IPv4 and IPv6. Where that matters, put a target beside it that decides on connections.",
    ),
    Layer.DNS_TO_IP: (
        _OTHER_RESOLVERS,
        "Names that share an address share its fate: whoever answers for an admitted name's address is admitted, over "
        "IPv4 and, where the names have such addresses, over IPv6.",
    ),
    Layer.IP: (
        "Whoever answers at an admitted address is admitted, whatever name the client says; AWS's networks hold the "
        "machines of all its customers.",
        "IPv4 and IPv6 are two lists, and a protocol or port that the rules do not name is left to your other rules.",
    ),
    Layer.CLIENT: ("Every program may ignore it, and most do. It keeps nobody in, over IPv4 or IPv6.",),
    Layer.DOCUMENT: (
        "It enforces nothing by itself. What is made of it must deny everything else, over IPv4 and IPv6, TCP and UDP.",
    ),
}
"""What goes around a device, a paragraph each."""


def section(layer: Layer) -> str:
    """The end of a target's page."""
    lines = (
        textwrap.fill(text, 118, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
        for text in AROUND[layer]
    )
    return "\n".join(("", "## What goes around it", "", *lines, ""))
