"""Every target, by name. No plugins, no base classes: a target is a module, imported when it is asked for.

``netprobe.render`` and the command line may import it. A target never decides what is allowed: it says what its device
can express.

How to add a target ``my-device``:

1. ``netprobe/render/targets/my_device.py``: docstring (what the device is, at which layer it decides, traps, sources
   with the date read) and the names of :class:`netprobe.render.model.Target`: ``NAME TITLE LAYER COMMENT CAPABILITY
   MAIN FILES SCOPE COMMANDS PROOF SOURCES`` and ``context`` (``plain_context`` where the rules are enough). ``SCOPE``
   says which forms it has and for whom it can deny. ``CAPABILITY`` is a promise: each form must mean in the device
   what :meth:`netprobe.render.model.Claim.admits` says, no more and no less; leave out what the device only nearly has.
2. ``templates/my-device/``: one ``.j2`` a file, and ``page.md`` (how to load, verify, replace, roll back; what it
   cannot do). A template lays out ``rules`` (``rules.exact``, ``rules.regex``, ``rules.networks4`` …, the same for each
   port in ``rules.by_port``; an entry has ``name``, ``regex``, ``body``, ``port``, ``why``) under ``header | comment``.
   It can print nothing but validated text: see ``netprobe.render.text`` and the filters of ``netprobe.render.engine``
   (``comment csv json hcl xml doubled joined(", ") starred("^") length``). No conditions about what is
   allowed; ``enforce``, ``sources`` and ``name`` (``render.filling.policy_variables``) choose the form and the names.
3. Its name in ``TARGETS`` below, in its family.
4. ``pytest tests/render/test_every_target.py --update-golden`` writes ``tests/golden/my-device/…`` (a refused case
   as ``REFUSED``), and the tables of README: read them. That test then holds the target to everything that is
   common: golden text, every endpoint in an entry or a loss, header, same bytes again, hostile values, page.
5. ``tests/engines/test_my_device.py``: load it into the real engine (``tests/support/render_engine.py``) and ask about
   every name of ``tests/support/render_corpus.py``: the engine's decision must equal ``lowered.admits(name)``. Where
   the device cannot be had, hold the output to its documented grammar with a reader of your own, asked by
   ``tests/support/firewall_case.py`` (``test_fortios.py``).
   Packet filters: ``tests/support/render_packets.py`` opens real connections around the edges of every network.
"""

from __future__ import annotations

import importlib
from typing import cast

from netprobe import resources
from netprobe.errors import UsageError
from netprobe.nearest import meant, nearest
from netprobe.render.model import Target

TARGETS: dict[str, tuple[str, ...]] = {
    "proxies": (
        "squid",
        "squid-splice",
        "tinyproxy",
        "privoxy",
        "haproxy",
        "nginx-stream",
        "envoy",
        "smokescreen",
        "bluecoat-cpl",
        "pac",
    ),
    "linux": ("iptables", "nftables", "dnsmasq-ipset", "dnsmasq-nftset", "dnsmasq-connmark", "firewalld", "ufw"),
    "dns": ("rpz-bind", "rpz-unbound", "unbound", "coredns"),
    "firewalls": (
        "panos",
        "panos-xml",
        "panos-edl",
        "panos-appid",
        "panorama",
        "fortios",
        "fortimanager",
        "cisco-asa",
        "cisco-iosxe",
        "juniper-srx",
        "pfsense-alias",
        "cisco-ftd",
        "checkpoint",
        "nsx",
        "vyos",
        "mikrotik",
        "meraki",
        "sonicwall",
        "windows-firewall",
    ),
    "cloud": (
        "aws-network-firewall",
        "aws-network-firewall-domains",
        "route53-dns-firewall",
        "azure-firewall",
        "gcp-firewall",
        "suricata",
    ),
    "kubernetes": (
        "cilium",
        "calico-enterprise",
        "openshift-egressfirewall",
        "istio",
        "networkpolicy",
        "kubernetes-fqdn",
        "clusternetworkpolicy",
    ),
    "documents": ("zscaler", "skyhigh", "netskope", "umbrella", "hosts", "csv", "json", "yaml", "aerleon"),
}
"""Names by family, in the order in which ``netprobe targets`` shows them."""


ALIASES: dict[str, str] = {
    "paloalto": "panos",
    "palo-alto": "panos",
    "pan-os": "panos",
    "paloalto-panorama": "panorama",
    "palo-alto-panorama": "panorama",
    "fortigate": "fortios",
    "fortinet": "fortios",
    "fmg": "fortimanager",
    "fortinet-fortimanager": "fortimanager",
    "asa": "cisco-asa",
    "ios-xe": "cisco-iosxe",
    "iosxe": "cisco-iosxe",
    "catalyst": "cisco-iosxe",
    "ftd": "cisco-ftd",
    "firepower": "cisco-ftd",
    "srx": "juniper-srx",
    "junos": "juniper-srx",
    "check-point": "checkpoint",
    "pfsense": "pfsense-alias",
    "opnsense": "pfsense-alias",
    "windows": "windows-firewall",
    "routeros": "mikrotik",
    "sonicos": "sonicwall",
    "gke": "kubernetes-fqdn",
    "gcp": "gcp-firewall",
    "google-cloud": "gcp-firewall",
    "bluecoat": "bluecoat-cpl",
    "symantec": "bluecoat-cpl",
    "edge-swg": "bluecoat-cpl",
    "proxysg": "bluecoat-cpl",
    "nginx": "nginx-stream",
    "bind": "rpz-bind",
    "bind9": "rpz-bind",
    "dnsmasq": "dnsmasq-ipset",
    "nft": "nftables",
    "calico": "calico-enterprise",
    "openshift": "openshift-egressfirewall",
    "azure": "azure-firewall",
    "network-firewall": "aws-network-firewall",
    "zia": "zscaler",
    "mcafee-web-gateway": "skyhigh",
    "mwg": "skyhigh",
    "cisco-umbrella": "umbrella",
    "opendns": "umbrella",
    "secure-access": "umbrella",
    "xlsx": "csv",
    "excel": "csv",
}
"""What people call a target, to its name here; a device that takes a plain list of names has ``hosts``."""


def names() -> tuple[str, ...]:
    """Every target's name."""
    return tuple(name for family in TARGETS.values() for name in family)


def get(name: str) -> Target:
    """Import one target.

    Raises:
        UsageError: there is no such target; the nearest names are told.
    """
    name = ALIASES.get(name.lower(), name)
    if name not in names():
        near = nearest(name, [*names(), *ALIASES], cutoff=0.4)
        raise UsageError(name, "there is no such target", meant(near, "'netprobe targets' lists them"))
    # The name is one of the table above, so nothing that a user types reaches the import.
    return cast(Target, importlib.import_module(f"{__name__}.{name.replace('-', '_')}"))


def page(name: str) -> str:
    """The target's page: how to load, verify, replace and roll back its files; what it cannot do; what goes around it.

    Raises:
        UsageError: there is no such target.
    """
    from netprobe.render import forms, layers, notations  # late: a render needs no page

    target = get(name)
    own = (resources.templates() / target.NAME / "page.md").read_text(encoding="utf-8")
    about, load, rest = own.rstrip("\n").partition("## Load")
    form = forms.section(target.SCOPE, target.CAPABILITY, target.PROOF)
    return f"{about}{form}{load}{rest}\n{notations.section(target.NAME)}{layers.section(target.LAYER)}"
