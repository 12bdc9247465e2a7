"""Readers of configurations, for ``--compare``, by target: every form that netprobe writes, and what devices print.

They understand what such files usually hold, and say in a note what they left out; a rule that depends on anything
else than name, address and port (source, time, user) is taken as if that condition held where it admits, and passed
over where it denies. What rules that stand first deny is not admitted: most are followed
in their order (:attr:`Configuration.decides`), elsewhere what stands behind a rule
that denies everything on the port admits nothing. Neither do rules for UDP, for what comes in, or for connections
that stand.

``netprobe.render.compare`` alone may import them. They never run a configuration, and never take a rule that they do
not understand for one that admits.
"""

from __future__ import annotations

from collections.abc import Callable

from netprobe.render.readers.base import Configuration, ReadRule
from netprobe.render.readers.clouds import netskope, skyhigh, umbrella
from netprobe.render.readers.cpl import cpl
from netprobe.render.readers.devices import asa, fortios, iosxe, panos_edl, panos_xml, srx
from netprobe.render.readers.documents import cilium, cluster_policy, document, fqdn_policy, suricata, table
from netprobe.render.readers.domain_lists import dnsmasq_sets, route53, smokescreen, vyos
from netprobe.render.readers.hosts import firewalld, in_file, ufw
from netprobe.render.readers.iptables import iptables
from netprobe.render.readers.lists import plain
from netprobe.render.readers.named import gcp, meraki, mikrotik, sonicwall
from netprobe.render.readers.nft import nft
from netprobe.render.readers.objects import (
    appid,
    azure,
    checkpoint,
    ftd,
    nsx,
    pfsense,
    windows,
    zscaler,
)
from netprobe.render.readers.panos import panos
from netprobe.render.readers.policies import aerleon, calico, envoy, istio, networkpolicy, openshift
from netprobe.render.readers.proxies import haproxy, nginx, pac, privoxy, tinyproxy
from netprobe.render.readers.resolvers import connmark, coredns, rpz, unbound
from netprobe.render.readers.squid import squid, squid_splice

__all__ = ["READERS", "Configuration", "ReadRule", "in_file"]

READERS: dict[str, Callable[[str], Configuration]] = {
    "squid": squid,
    "iptables": iptables,
    "nftables": nft,
    "panos": panos,
    "panorama": panos,
    "panos-xml": panos_xml,
    "panos-edl": panos_edl,
    "fortios": fortios,
    "fortimanager": fortios,
    "cisco-asa": asa,
    "cisco-iosxe": iosxe,
    "juniper-srx": srx,
    "mikrotik": mikrotik,
    "gcp-firewall": gcp,
    "meraki": meraki,
    "sonicwall": sonicwall,
    "kubernetes-fqdn": fqdn_policy,
    "clusternetworkpolicy": cluster_policy,
    "squid-splice": squid_splice,
    "haproxy": haproxy,
    "nginx-stream": nginx,
    "tinyproxy": tinyproxy,
    "privoxy": privoxy,
    "bluecoat-cpl": cpl,
    "suricata": suricata,
    "aws-network-firewall": suricata,
    "aws-network-firewall-domains": suricata,
    "cilium": cilium,
    "skyhigh": skyhigh,
    "netskope": netskope,
    "umbrella": umbrella,
    "dnsmasq-ipset": dnsmasq_sets,
    "dnsmasq-nftset": dnsmasq_sets,
    "vyos": vyos,
    "smokescreen": smokescreen,
    "route53-dns-firewall": route53,
    "csv": table,
    "json": document,
    "yaml": document,
    "hosts": plain,
    "envoy": envoy,
    "pac": pac,
    "dnsmasq-connmark": connmark,
    "firewalld": firewalld,
    "ufw": ufw,
    "rpz-bind": rpz,
    "rpz-unbound": rpz,
    "unbound": unbound,
    "coredns": coredns,
    "panos-appid": appid,
    "pfsense-alias": pfsense,
    "cisco-ftd": ftd,
    "checkpoint": checkpoint,
    "nsx": nsx,
    "windows-firewall": windows,
    "azure-firewall": azure,
    "calico-enterprise": calico,
    "openshift-egressfirewall": openshift,
    "istio": istio,
    "networkpolicy": networkpolicy,
    "zscaler": zscaler,
    "aerleon": aerleon,
}
