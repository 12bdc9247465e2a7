"""Each log format by lines whose shape its maker documents, and by nonsense.

Sources: Squid wiki "LogFormat"; HAProxy configuration manual 2.6, 8.2.3 and 8.2.2; Palo Alto Networks "Traffic Log
Fields" and "URL Filtering Log Fields"; Suricata "EVE JSON Format"; AWS Network Firewall developer guide "Contents of a
firewall log"; the netfilter lines were written by nftables 1.0.6 on Linux 6.18; BIND ARM "logging". What the real
squid, haproxy, dnsmasq and unbound write is in test_audit_real.py.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import importlib
import io
import itertools
import json
import os
import pkgutil
import re
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.audit import files, formats, lines, mixed
from netprobe.audit.files import feed
from netprobe.audit.formats import FORMATS, detect, parser
from netprobe.audit.judge import Judge
from netprobe.audit.model import Audited, Decision, Event, Status
from netprobe.catalog import load
from netprobe.cli.main import run
from netprobe.errors import UsageError
from netprobe.observe.matching import Matcher, every_endpoint
from netprobe.requirements import endpoints
from tests.support.cli import ROOT
from tests.support.some import some

ECS = "ecs.us-east-2.amazonaws.com"
SSM = "ssm.us-east-2.amazonaws.com"
REGION = "us-east-2"
KERNEL4 = (
    "[ 4531.607910] NP-EGRESS DROP: IN=left OUT=right MAC=02:00:00:00:00:02:02:00:00:00:00:01:08:00 SRC=198.18.0.1 "
    "DST=198.19.0.9 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=25027 DF PROTO=TCP SPT=45912 DPT=443 WINDOW=64240 RES=0x00 "
    "SYN URGP=0 "
)
KERNEL6 = (
    "[ 4531.808517] NP-EGRESS DROP: IN=left OUT=right MAC=02:00:00:00:00:02:02:00:00:00:00:01:86:dd "
    "SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:ffff:0000:0000:0000:0000:0009 LEN=80 TC=0 HOPLIMIT=63 "
    "FLOWLBL=747327 PROTO=TCP SPT=57408 DPT=443 WINDOW=64800 RES=0x00 SYN URGP=0 "
)
PANOS = (
    "1,2026/11/23 12:00:00,001801000001,TRAFFIC,{subtype},2561,2026/11/23 12:00:00,10.0.0.2,198.51.100.7,0.0.0.0,"
    "0.0.0.0,"
    '"egress, default",,,ssl,vsys1,trust,untrust,ethernet1/2,ethernet1/1,fwd,2026/11/23 12:00:00,1234,1,40000,443,0,0,'
    "0x19,tcp,{action},74,74,0,1,2026/11/23 12:00:00,0,any"
)
PANOS_URL = (
    "1,2026/11/23 12:00:00,001801000001,THREAT,url,2561,2026/11/23 12:00:00,10.0.0.2,198.51.100.7,0.0.0.0,0.0.0.0,"
    "urls,,,ssl,vsys1,trust,untrust,ethernet1/2,ethernet1/1,fwd,2026/11/23 12:00:00,1234,1,40000,443,0,0,0x19,tcp,"
    '{action},"ecs.us-east-2.amazonaws.com/",(9999),computer-and-internet-info,informational,client-to-server'
)
EVE = {
    "timestamp": "2026-11-23T12:00:00.123456+0000",
    "event_type": "alert",
    "src_ip": "10.0.0.2",
    "src_port": 40000,
    "dest_ip": "198.51.100.7",
    "dest_port": 443,
    "proto": "TCP",
    "alert": {"action": "blocked", "signature_id": 1000001, "signature": "not on the list", "severity": 3},
    "tls": {"sni": ECS},
}
DNS_ALERT = {key: value for key, value in EVE.items() if key != "tls"} | {"dest_port": 53}
DNS7 = DNS_ALERT | {"dns": {"query": [{"type": "query", "id": 1, "rrname": ECS, "rrtype": "A"}]}}
DNS8 = DNS_ALERT | {"dns": {"version": 3, "type": "request", "queries": [{"rrname": ECS, "rrtype": "A"}]}}
DNS8_RESPONSE = DNS8 | {
    "event_type": "dns",
    "src_ip": "198.51.100.7",
    "dest_ip": "10.0.0.2",
    "dns": {"version": 3, "type": "response", "rcode": "NOERROR", "queries": [{"rrname": ECS, "rrtype": "A"}]},
}
NFW = {"firewall_name": "egress", "availability_zone": "us-east-2a", "event_timestamp": "1763899200", "event": EVE}
TIME = 1795435200.0  # 2026-11-23 12:00:00 UTC
LINES = [
    (
        "squid",
        f"1795435200.000     45 10.0.0.2 TCP_DENIED/403 3900 CONNECT {ECS}:443 - HIER_NONE/- text/html",
        Event(Decision.DENIED, ECS, port=443, rule="TCP_DENIED/403", client="10.0.0.2", time=TIME),
    ),
    (
        "squid",
        f"1795435200.000  12045 10.0.0.2 TCP_TUNNEL/200 5310 CONNECT {ECS}:443 - HIER_DIRECT/198.51.100.7 -",
        Event(Decision.ALLOWED, ECS, port=443, rule="TCP_TUNNEL/200", client="10.0.0.2", time=TIME),
    ),
    (
        "squid",
        "1795435200.000      0 10.0.0.2 NONE_NONE/000 0 - error:transaction-end-before-headers - HIER_NONE/- -",
        Event(Decision.UNKNOWN, "error", rule="NONE_NONE/000", client="10.0.0.2", time=TIME),
    ),
    (
        "squid-combined",
        f'10.0.0.2 - - [23/Nov/2026:12:00:00 +0000] "CONNECT {ECS}:443 HTTP/1.1" 403 3900 "-" "Go" '
        "TCP_DENIED:HIER_NONE",
        Event(Decision.DENIED, ECS, port=443, rule="TCP_DENIED/403", client="10.0.0.2", time=TIME),
    ),
    (
        "haproxy",
        "Nov 23 12:00:00 gw haproxy[14389]: 10.0.0.2:33317 [23/Nov/2026:12:00:00.000] egress egress/<NOSRV> "
        f'0/-1/-1/-1/0 403 192 - - PR-- 1/1/0/0/0 0/0 "CONNECT {ECS}:443 HTTP/1.1"',
        Event(Decision.DENIED, ECS, port=443, rule="egress egress/<NOSRV> PR--", client="10.0.0.2", time=TIME),
    ),
    (
        "haproxy",
        "10.0.0.2:33317 [23/Nov/2026:12:00:00.000] sni out/dyn 0/10/200 2000 -- 1/1/1/1/0 0/0 sni=" + ECS,
        Event(Decision.ALLOWED, ECS, rule="sni out/dyn --", client="10.0.0.2", time=TIME),
    ),
    (
        "panos",
        PANOS.format(subtype="deny", action="deny"),
        Event(Decision.DENIED, address="198.51.100.7", port=443, rule="egress, default", client="10.0.0.2", time=TIME),
    ),
    (
        "panos",
        PANOS.format(subtype="end", action="allow"),
        Event(Decision.ALLOWED, address="198.51.100.7", port=443, rule="egress, default", client="10.0.0.2", time=TIME),
    ),
    (
        "panos",
        PANOS_URL.format(action="block-url"),
        Event(Decision.DENIED, ECS, "198.51.100.7", 443, "urls", "10.0.0.2", TIME),
    ),
    (
        "eve",
        json.dumps(EVE),
        Event(Decision.DENIED, ECS, "198.51.100.7", 443, "not on the list (sid 1000001)", "10.0.0.2", TIME + 0.123456),
    ),
    (
        "eve",
        json.dumps(NFW),
        Event(Decision.DENIED, ECS, "198.51.100.7", 443, "not on the list (sid 1000001)", "10.0.0.2", TIME + 0.123456),
    ),
    *(
        (
            "eve",
            json.dumps(
                {
                    "firewall_name": "egress",
                    "availability_zone": "us-east-2a",
                    "event_timestamp": 1763899200,
                    "event": {
                        "timestamp": "2026-11-23T12:00:00.000000Z",
                        "src_ip": "10.0.0.2",
                        "src_port": "59844",
                        "dest_ip": "198.51.100.7",
                        "dest_port": "443",
                        **more,
                    },
                }
            ),
            Event(verdict, host, "198.51.100.7", 443, said, "10.0.0.2", TIME),
        )
        for verdict, host, said, more in (
            (
                Decision.DENIED,
                "",
                "Server name is not found in client hello.",
                {"sni": "-", "tls_error": {"error_message": "Server name is not found in client hello."}},
            ),
            (
                Decision.DENIED,
                ECS,
                "SNI: a Match Failed to server certificate names: b",
                {"sni": ECS, "tls_error": {"error_message": "SNI: a Match Failed to server certificate names: b "}},
            ),
            (
                Decision.DENIED,
                ECS,
                "certificate revoked",
                {"sni": ECS, "revocation_check": {"leaf_cert_fpr": "ab", "status": "REVOKED", "action": "DROP"}},
            ),
            (
                Decision.ALLOWED,
                ECS,
                "certificate unknown",
                {"sni": ECS, "revocation_check": {"leaf_cert_fpr": "ab", "status": "UNKNOWN", "action": "PASS"}},
            ),
        )
    ),
    *(
        (
            "eve",
            json.dumps(one),
            Event(
                verdict=Decision.DENIED,
                host=ECS,
                address="198.51.100.7",
                rule="not on the list (sid 1000001)",
                client="10.0.0.2",
                time=TIME + 0.123456,
                layer="dns",
            ),
        )
        for one in (DNS7, DNS8)
    ),
    (
        "eve",
        json.dumps({key: value for key, value in DNS8_RESPONSE.items() if key != "alert"}),
        Event(
            verdict=Decision.UNKNOWN,
            host=ECS,
            address="198.51.100.7",
            rule="dns",
            client="10.0.0.2",
            time=TIME + 0.123456,
            layer="dns",
        ),
    ),
    ("netfilter", KERNEL4, Event(Decision.DENIED, "", "198.19.0.9", 443, "NP-EGRESS DROP", "198.18.0.1")),
    (
        "netfilter",
        "2026-11-23T12:00:00+00:00 gw kernel: [UFW ALLOW] IN= OUT=eth0 SRC=10.0.0.2 DST=198.51.100.7 LEN=60 TTL=64 "
        "PROTO=TCP SPT=1 DPT=443 SYN",
        Event(Decision.ALLOWED, "", "198.51.100.7", 443, "[UFW ALLOW]", "10.0.0.2", TIME),
    ),
    (
        "bind",
        f"23-Nov-2026 12:00:00.000 security: info: client @0x7f00 10.0.0.2#5300 ({ECS}): query '{ECS}/A/IN' denied",
        Event(Decision.DENIED, ECS, rule="query denied", client="10.0.0.2", time=TIME, layer="dns"),
    ),
    (
        "bind",
        f"23-Nov-2026 12:00:00.000 rpz: info: client @0x7f00 10.0.0.2#5300 ({ECS}): rpz QNAME NXDOMAIN rewrite "
        f"{ECS}/A/IN via {ECS}.rpz.local",
        Event(
            Decision.DENIED, ECS, rule=f"rpz NXDOMAIN via {ECS}.rpz.local", client="10.0.0.2", time=TIME, layer="dns"
        ),
    ),
    (
        "bind",
        f"23-Nov-2026 12:00:00.000 queries: info: client @0x7f00 10.0.0.2#5300 ({ECS}): query: {ECS} IN A +E(0)K (::1)",
        Event(Decision.UNKNOWN, ECS, rule="asked", client="10.0.0.2", time=TIME, layer="dns"),
    ),
]


@pytest.mark.parametrize(("name", "line", "expected"), LINES)
def test_a_line_of_each_format(name: str, line: str, expected: Event) -> None:
    found = detect([line])
    assert found is not None
    assert name == found.NAME
    (event,) = found.parse(line)
    assert event == expected
    with contextlib.suppress(ValueError):
        assert not [one.NAME for one in FORMATS.values() if one is not found and one.matches(line)]


FORTI = (
    'date=2026-11-23 time=12:00:00 devname="FG" devid="FGT60F" eventtime=1795435200000000000 tz="+0000" '
    'logid="0000000013" type="{type}" subtype="{subtype}" level="notice" vd="root" srcip=10.0.0.2 srcport=40000 '
    'dstip=198.51.100.7 dstport=443 proto=6 action="{action}" policyid=7 policyname="egress" service="HTTPS" {more}'
)
HUBBLE = {
    "time": "2026-11-23T12:00:00.000000000Z",
    "verdict": "DROPPED",
    "drop_reason_desc": "POLICY_DENIED",
    "IP": {"source": "10.0.0.2", "destination": "198.51.100.7", "ipVersion": "IPv4"},
    "l4": {"TCP": {"source_port": 40000, "destination_port": 443, "flags": {"SYN": True}}},
    "destination_names": [ECS],
    "Type": "L3_L4",
    "is_reply": False,
}
HUBBLE_ANSWER = {
    "verdict": "FORWARDED",
    "IP": {"source": "10.0.0.53", "destination": "10.0.0.2"},
    "l7": {"type": "RESPONSE", "dns": {"query": f"{ECS}.", "ips": ["198.51.100.7"]}},
    "is_reply": True,
}
ASA_DENY = (
    "<164>Nov 23 2026 12:00:00 fw : %ASA-4-106023: Deny tcp src inside:10.0.0.2/40000 dst outside:198.51.100.7/443 "
    'by access-group "INSIDE_IN" [0x0, 0x0]'
)
FTD = (
    "Nov 23 2026 12:00:00: %FTD-1-430003: EventPriority: Low, DeviceUUID: 1, InstanceID: 1, FirstPacketSecond: "
    "2026-11-23T12:00:00Z, AccessControlRuleAction: {action}, AccessControlRuleName: egress, SrcIP: 10.0.0.2, DstIP: "
    "198.51.100.7, SrcPort: 40000, DstPort: 443, Protocol: tcp, InitiatorBytes: 74, ResponderBytes: {bytes}, "
    "URL: https://" + ECS
)
CHECKPOINT = (
    '<134>1 2026-11-23T12:00:00Z gw CheckPoint 1 - [action:"Drop"; conn_direction:"Outgoing"; dst:"198.51.100.7"; '
    f'product:"Firewall"; rule_name:"Cleanup, all"; service:"443"; src:"10.0.0.2"; tls_server_host_name:"{ECS}"]'
)
CEF = (
    "CEF:0|Check Point|VPN-1 & FireWall-1|Check Point|Log|https|Unknown|act=Accept dpt=443 dst=198.51.100.7 "
    "rule_name=all of it src=10.0.0.2 rt=1795435200000"
)
ZSCALER = (
    f"2026-11-23 12:00:00\treason=Not allowed\taction=Blocked\tprotocol=HTTPS\turl={ECS}/\thostname={ECS}\t"
    "serverip=198.51.100.7\tClientIP=10.0.0.2\turlcategory=Cloud"
)
ROUTE53 = {
    "version": "1.1",
    "query_timestamp": "2026-11-23T12:00:00Z",
    "query_name": f"{ECS}.",
    "query_type": "A",
    "rcode": "NOERROR",
    "answers": [{"Rdata": "198.51.100.7", "Type": "A", "Class": "IN"}],
    "srcaddr": "10.0.0.2",
}
ENVOY = (
    '[2026-11-23T12:00:00.000Z] "CONNECT - HTTP/1.1" {status} {flags} 0 0 1 - "-" "curl/8" "id" "'
    + ECS
    + ':443" "{up}"'
)
ISTIO = (
    '[2026-11-23T12:00:00.000Z] "- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" BlackHoleCluster - '
    f"198.51.100.7:443 10.0.0.2:40000 {ECS} -"
)
ADGUARD = {
    "T": "2026-11-23T12:00:00.000000001Z",
    "QH": ECS,
    "QT": "A",
    "IP": "10.0.0.2",
    "Result": {"IsFiltered": True, "Reason": 3, "Rules": [{"Text": "||amazonaws.com^", "FilterListID": 1}]},
}
A, D, FAILED, U = Decision.ALLOWED, Decision.DENIED, Decision.FAILED_UPSTREAM, Decision.UNKNOWN
THERE, BACK = "198.51.100.7", "10.0.0.2"
MORE_LINES = [
    *(
        ("squid", f"1795435200.000 1 10.0.0.2 {word} 0 CONNECT {ECS}:443 - HIER_NONE/- -",
         Event(verdict, ECS, port=443, rule=word, client=BACK, time=TIME))
        for word, verdict in (
            ("TCP_TUNNEL/503", FAILED), ("TCP_TUNNEL/504", FAILED), ("NONE_NONE/503", FAILED),
            ("NONE_NONE/500", FAILED),
            ("NONE_NONE/409", Decision.NAME_MISMATCH), ("TCP_DENIED/407", Decision.CREDENTIALS_ASKED),
            ("TCP_DENIED/403", D), ("NONE_NONE/200", U), ("TCP_TUNNEL/200", A),
        )
    ),
    ("haproxy",
     "10.0.0.2:33317 [23/Nov/2026:12:00:00.000] sni out/dyn 0/-1/3001 0 SC 1/1/1/1/3 0/0 sni=" + ECS,
     Event(FAILED, ECS, rule="sni out/dyn SC", client=BACK, time=TIME)),
    ("panos", PANOS.format(subtype="end", action="allow").replace(",ssl,vsys1", ",incomplete,vsys1"),
     Event(FAILED, "", THERE, 443, "egress, default", BACK, TIME)),
    ("fortios", FORTI.format(type="traffic", subtype="forward", action="deny", more=""),
     Event(D, "", THERE, 443, "egress, deny", BACK, TIME)),
    ("fortios", FORTI.format(type="traffic", subtype="forward", action="timeout", more="sentbyte=60 rcvdbyte=0"),
     Event(FAILED, "", THERE, 443, "egress, timeout", BACK, TIME)),
    ("fortios", FORTI.format(type="traffic", subtype="forward", action="close", more="sentbyte=60 rcvdbyte=900"),
     Event(A, "", THERE, 443, "egress, close", BACK, TIME)),
    ("fortios", FORTI.format(type="traffic", subtype="forward", action="dns", more="sentbyte=60 rcvdbyte=120"),
     Event(U, "", THERE, 443, "egress, dns", BACK, TIME)),
    ("fortios", FORTI.format(type="traffic", subtype="forward", action="close", more='utmaction="block" rcvdbyte=9'),
     Event(D, "", THERE, 443, "egress, close", BACK, TIME)),
    ("fortios", FORTI.format(type="utm", subtype="webfilter", action="blocked",
                             more=f'hostname="{ECS}" catdesc="Cloud"'),
     Event(D, ECS, THERE, 443, "egress, blocked (Cloud)", BACK, TIME)),
    ("fortios", FORTI.format(type="utm", subtype="dns", action="pass", more=f'qname="{ECS}" ipaddr="{THERE}"'),
     Event(A, ECS, rule="pass", client=BACK, time=TIME, answer=THERE, layer="dns")),
    ("hubble", json.dumps({"flow": HUBBLE, "node_name": "n"}), Event(D, ECS, THERE, 443, "POLICY_DENIED", BACK, TIME)),
    ("hubble", json.dumps(HUBBLE | {"verdict": "FORWARDED", "drop_reason_desc": ""}),
     Event(A, ECS, THERE, 443, "FORWARDED", BACK, TIME)),
    ("hubble", json.dumps({"flow": HUBBLE_ANSWER}),
     Event(A, ECS, rule="answered", client="10.0.0.53", answer=THERE, layer="dns")),
    ("hubble", f"Nov 23 12:00:00.000: default/app:40000 (ID:7) -> {ECS}:443 (world) policy-verdict:none EGRESS DENIED "
     "(TCP Flags: SYN)", Event(D, ECS, "", 443, "policy-verdict:none EGRESS DENIED", "default/app", TIME)),
    ("hubble", f"Nov 23 12:00:00.000: default/app:40000 (ID:7) -> {THERE}:443 (world) to-stack FORWARDED "
     "(TCP Flags: SYN)",
     Event(A, "", THERE, 443, "to-stack FORWARDED", "default/app", TIME)),
    ("cisco", ASA_DENY, Event(D, "", THERE, 443, "INSIDE_IN", BACK, TIME)),
    ("cisco", "Nov 23 2026 12:00:00: %ASA-6-302014: Teardown TCP connection 9 for outside:198.51.100.7/443 to "
     "inside:10.0.0.2/40000 duration 0:00:30 bytes 0 SYN Timeout",
     Event(FAILED, "", THERE, 443, "SYN Timeout", BACK, TIME)),
    ("cisco", "Nov 23 2026 12:00:00: %ASA-6-302014: Teardown TCP connection 9 for outside:198.51.100.7/443 to "
     "inside:10.0.0.2/40000 duration 0:00:30 bytes 9000 TCP FINs from inside",
     Event(A, "", THERE, 443, "TCP FINs", BACK, TIME)),
    ("cisco", "Nov 23 2026 12:00:00: %ASA-6-106100: access-list OUT denied tcp inside/10.0.0.2(40000) -> "
     "outside/198.51.100.7(443) hit-cnt 1 first hit [0x1, 0x0]",
     Event(D, "", THERE, 443, "access-list OUT denied", BACK, TIME)),
    ("cisco", FTD.format(action="Block with reset", bytes=0), Event(D, ECS, THERE, 443, "egress", BACK, TIME)),
    ("cisco", FTD.format(action="Allow", bytes=0), Event(FAILED, ECS, THERE, 443, "egress", BACK, TIME)),
    ("cisco", FTD.format(action="Allow", bytes=4000), Event(A, ECS, THERE, 443, "egress", BACK, TIME)),
    ("checkpoint", CHECKPOINT, Event(D, ECS, THERE, 443, "Cleanup, all", BACK, TIME)),
    ("checkpoint", CEF, Event(A, "", THERE, 443, "all of it", BACK, TIME)),
    ("checkpoint", f"time=1795435200|hostname=gw|product=Firewall|action=Reject|dst={THERE}|service=443|"
     f"src={BACK}|rule=4",
     Event(D, "", THERE, 443, "4", BACK, TIME)),
    ("zscaler", ZSCALER, Event(D, ECS, THERE, 443, "Not allowed", BACK, None)),
    ("zscaler", json.dumps({"sourcetype": "zscalernss-fw", "event": {
        "epochtime": "1795435200", "csip": BACK, "cdip": THERE, "cdport": 443, "action": "Drop",
        "rulelabel": "default"}}),
     Event(D, "", THERE, 443, "default", BACK, TIME)),
    ("zscaler", json.dumps({"sourcetype": "zscalernss-dns", "event": {
        "epochtime": "1795435200", "dns_req": ECS, "reqaction": "REQ_BLOCK", "clientip": BACK}}),
     Event(D, ECS, rule="REQ_BLOCK", client=BACK, time=TIME, layer="dns")),
    ("vpc-flow", f"2 111122223333 eni-1 {BACK} {THERE} 40000 443 6 3 180 1795435190 1795435200 REJECT OK",
     Event(D, "", THERE, 443, "REJECT eni-1", BACK, TIME)),
    ("vpc-flow", f"2 111122223333 eni-1 {BACK} {THERE} 40000 443 6 9 1800 1795435190 1795435200 ACCEPT OK",
     Event(A, "", THERE, 443, "ACCEPT eni-1", BACK, TIME)),
    ("route53", json.dumps(ROUTE53),
     Event(A, ECS, rule="answered", client=BACK, time=TIME, answer=THERE, layer="dns")),
    ("route53", json.dumps(ROUTE53 | {"firewall_rule_action": "BLOCK", "firewall_rule_group_id": "rslvr-frg-1"}),
     Event(D, ECS, rule="BLOCK by rslvr-frg-1", client=BACK, time=TIME, layer="dns")),
    ("route53", json.dumps(ROUTE53 | {"rcode": "SERVFAIL", "answers": []}),
     Event(FAILED, ECS, rule="rcode SERVFAIL", client=BACK, time=TIME, layer="dns")),
    ("coredns", f'[INFO] 10.0.0.2:40000 - 7 "A IN {ECS}. udp 50 false 512" REFUSED qr,rd 50 0.0001s',
     Event(D, ECS, rule="rcode REFUSED", client=BACK, layer="dns")),
    ("coredns", f"[ERROR] plugin/errors: 2 {ECS}. A: read udp 10.0.0.3:1->10.0.0.53:53: i/o timeout",
     Event(FAILED, ECS, rule="read udp 10.0.0.3:1->10.0.0.53:53: i/o timeout", layer="dns")),
    ("envoy", ENVOY.format(status=404, flags="NR", up="-"), Event(D, ECS, port=443, rule="404 NR", time=TIME)),
    ("envoy", ENVOY.format(status=503, flags="UF,URX", up=f"{THERE}:443"),
     Event(FAILED, ECS, port=443, rule="503 UF,URX", time=TIME)),
    ("envoy", ENVOY.format(status=200, flags="-", up=f"{THERE}:443"), Event(A, ECS, port=443, rule="200 -", time=TIME)),
    ("envoy", ISTIO, Event(D, ECS, rule="0 UH BlackHoleCluster", time=TIME)),
    ("envoy", json.dumps({"requested_server_name": ECS, "response_flags": "UF", "response_code": 0,
                          "upstream_host": f"{THERE}:443", "downstream_remote_address": f"{BACK}:40000",
                          "start_time": "2026-11-23T12:00:00.000Z"}),
     Event(FAILED, ECS, THERE, 443, "0 UF", BACK, TIME)),
    ("nginx-stream", f'10.0.0.2 [2026-11-23T12:00:00+00:00] 502 0 {ECS} "198.51.100.7:443"',
     Event(FAILED, ECS, port=443, rule="status 502", client=BACK, time=TIME)),
    ("nginx-stream", f'10.0.0.2 [2026-11-23T12:00:00+00:00] 500 0 {ECS} ""',
     Event(D, ECS, rule="status 500", client=BACK, time=TIME)),
    ("adguard", json.dumps(ADGUARD),
     Event(D, ECS, rule="block list: ||amazonaws.com^ (list 1)", client=BACK, time=TIME, layer="dns")),
    *(
        ("dnsmasq", f"Nov 23 12:00:00 dnsmasq[812]: {what} {ECS} is 0.0.0.0",
         Event(D, ECS, rule=f"{what} is 0.0.0.0", time=TIME, layer="dns"))
        for what in ("gravity blocked", "regex blacklisted", "regex denied", "exactly blacklisted", "exactly denied",
                     "gravity blocked (CNAME)", "/etc/pihole/gravity.list", "config")
    ),
    ("dnsmasq", f"Nov 23 12:00:00 dnsmasq[812]: 7 10.0.0.2/4000 reply {ECS} is {THERE}",
     Event(A, ECS, rule="reply", client=BACK, time=TIME, answer=THERE, layer="dns")),
    ("dnsmasq", f"Nov 23 12:00:00 dnsmasq[812]: reply {ECS} is SERVFAIL",
     Event(FAILED, ECS, rule="reply is SERVFAIL", time=TIME, layer="dns")),
    ("unbound", f"[1795435200] unbound[7:0] info: rpz: applied [list] {ECS}. rpz-nxdomain 10.0.0.2@4000 {ECS}. A IN",
     Event(D, ECS, rule=f"rpz-nxdomain of {ECS}.", client=BACK, time=TIME, layer="dns")),
    *(
        ("unbound", f"[1795435200] unbound[7:0] info: {ECS}. {what} 10.0.0.2@4000 {ECS}. {kind} IN",
         Event(verdict, ECS, rule=f"local-zone {ECS}. {what}", client=BACK, time=TIME, layer="dns"))
        for what, kind, verdict in (
            ("always_nodata", "A", D), ("always_refuse", "A", D), ("inform_deny", "A", D), ("always_null", "A", D),
            ("block_a", "A", D), ("block_a", "AAAA", U), ("block_aaaa", "AAAA", U), ("inform", "A", U),
            ("always_transparent", "A", U), ("typetransparent", "A", U), ("noview", "A", U),
        )
    ),
    ("bind", f"23-Nov-2026 12:00:00.000 rpz: info: client @0x7f00 10.0.0.2#5300 ({ECS}): disabled rpz QNAME NXDOMAIN "
     f"rewrite {ECS}/A/IN via {ECS}.rpz.local",
     Event(U, ECS, rule=f"rpz NXDOMAIN via {ECS}.rpz.local", client=BACK, time=TIME, layer="dns")),
]  # fmt: skip
LINES += MORE_LINES


def _mangled(line: str) -> st.SearchStrategy[str]:
    """The line with a piece replaced by something else."""
    place = st.integers(0, len(line))
    return st.builds(lambda start, end, put: line[:start] + put + line[end:], place, place, st.text(max_size=10))


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(line=st.one_of(st.text(max_size=300), st.sampled_from(LINES).flatmap(lambda one: _mangled(one[1]))))
def test_any_line_gives_events_or_value_error(name: str, line: str) -> None:
    try:
        found = FORMATS[name].parse(line)
    except ValueError:
        return
    assert all(isinstance(one, Event) for one in found)


@pytest.mark.parametrize(("name", "line", "expected"), LINES)
def test_no_line_takes_long(name: str, line: str, expected: Event) -> None:
    """The longest line that is read, one of its characters or a slash repeated; slashes once took seven seconds."""
    places = [place for place, character in enumerate(line) if not character.isalnum() or place % 7 == 0][::3]
    for place, piece, tail in itertools.product(some(places), ("", "/"), (True, False)):
        end = line[place:] if tail else ""
        long = line[:place] + (piece or line[place]) * (lines.MAX_LINE - place - len(end)) + end
        # Once is enough; a machine that is busy with something else gets two more tries.
        assert any(_seconds(name, long) < SECONDS_OF_A_LINE for _ in range(3)), (place, piece, tail)


SECONDS_OF_A_LINE = lines.MAX_LINE / (1 << 20)
"""A megabyte of such lines in a second."""


def _seconds(name: str, line: str) -> float:
    began = time.process_time()
    FORMATS[name].matches(line)
    with contextlib.suppress(ValueError):
        FORMATS[name].parse(line)
    return time.process_time() - began


def test_every_format_is_shown() -> None:
    assert {name for name, _, _ in LINES} == set(FORMATS)
    assert all(one.SUMMARY for one in FORMATS.values())


def test_no_format_is_forgotten() -> None:
    """Every module that calls itself a format is registered under its name."""
    modules = [
        importlib.import_module(one.name) for one in pkgutil.iter_modules(formats.__path__, f"{formats.__name__}.")
    ]
    assert {module.NAME: module for module in modules if hasattr(module, "NAME")} == dict(FORMATS)


def test_the_formats_are_listed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "--formats"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(FORMATS)


def _judge() -> Judge:
    return Judge(endpoints(load(), regions=[REGION]))


def _audit(tmp_path: Path, **files: str) -> Audited:
    judge = _judge()
    paths = []
    for name, content in files.items():
        path = tmp_path / name
        path.write_text(content)
        paths.append(path)
    sources = feed(paths, judge)
    return judge.result([REGION], sources)


def test_addresses_of_a_firewall_are_named_by_a_dns_log_whatever_the_order(tmp_path: Path) -> None:
    dns = (
        f"Nov 23 11:59:59 dnsmasq[7]: query[A] {ECS} from 198.18.0.1\n"
        f"Nov 23 11:59:59 dnsmasq[7]: reply {ECS} is 198.19.0.9\n"
        f"Nov 23 11:59:59 dnsmasq[7]: reply {SSM} is 2001:db8:ffff::9\n"
    )
    audited = _audit(tmp_path, kernel=f"{KERNEL4}\n{KERNEL6}\n{KERNEL4}\n", queries=dns)
    found = {one.id: one for one in audited.endpoints}
    assert [(d.host, d.rule, d.count) for d in found["ecs"].denials] == [(ECS, "NP-EGRESS DROP", 2)]
    assert found["ecs"].status is Status.DENIED
    assert found["ssm"].status is Status.DENIED
    assert found["logs"].status is Status.NEVER_SEEN


def _squid(time: int, word: str, host: str) -> str:
    return f"{time}.000 45 10.0.0.2 {word} 3900 CONNECT {host}:443 - HIER_NONE/- text/html\n"


def test_allowed_after_the_last_denial_is_told_apart(tmp_path: Path) -> None:
    log = (
        _squid(1795435200, "TCP_DENIED/403", ECS)
        + _squid(1795435300, "TCP_TUNNEL/200", ECS)
        + _squid(1795435200, "TCP_TUNNEL/200", SSM)
        + _squid(1795435300, "TCP_DENIED/403", SSM)
        + _squid(1795435400, "TCP_TUNNEL/200", "tracker.example")
    )
    audited = _audit(tmp_path, log=log)
    found = {one.id: one.status for one in audited.endpoints}
    assert (found["ecs"], found["ssm"]) == (Status.ALLOWED_SINCE, Status.DENIED)
    assert [(one.host, one.port, one.count) for one in audited.unneeded] == [("tracker.example", 443, 1)]


@pytest.mark.parametrize("account", ["<account>", "ACCOUNT_ID", "***", "XXXXXXXXXXXX", "[redacted]", "111122223333"])
def test_an_account_that_was_taken_out_of_a_log_is_still_the_registrys(tmp_path: Path, account: str) -> None:
    """It was listed among what nothing requires."""
    audited = _audit(tmp_path, log=_squid(1795435200, "TCP_DENIED/403", f"{account}.dkr.ecr.{REGION}.amazonaws.com"))
    assert [one.id for one in audited.endpoints if one.status is Status.DENIED] == ["ecr-registry"]
    assert audited.denied_elsewhere == ()
    found = Matcher(every_endpoint(load()))
    for host in (f"{account}.dkr.ecr.us-east-2.amazonaws.com", f"{account}.dkr-ecr.us-east-2.on.aws"):
        assert {one.entry for one in found.find(host.lower())} == {"ecr-registry"}, host
    assert found.find(f"{account}.us-east-2.amazonaws.com".lower()) == ()
    assert found.find(f"a.{account}.dkr.ecr.us-east-2.amazonaws.com".lower()) == ()


def test_lines_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    log = _squid(1795435200, "TCP_DENIED/403", ECS) * 3 + "nonsense\n" + "x" * 100_000 + "\n\n"
    audited = _audit(tmp_path, log=log)
    (source,) = audited.sources
    assert source.format == "squid"
    assert source.events == 3
    assert source.malformed == {"not a native Squid line": 1, "line is too long": 1}


EXPORT_ROWS = [
    {
        "Receive Time": "2026/11/23 12:00:00",
        "Type": "TRAFFIC",
        "Threat/Content Type": "deny",
        "Source address": "10.0.0.2",
        "Destination address": "198.51.100.7",
        "Rule": "egress, default",
        "Destination Port": "443",
        "Action": "deny",
    },
    {
        "Receive Time": "2026/11/23 12:00:00",
        "Type": "THREAT",
        "Threat/Content Type": "url",
        "Source address": "10.0.0.2",
        "Destination address": "198.51.100.7",
        "Rule": "urls",
        "Destination Port": "443",
        "Action": "block-url",
        "URL": f"{ECS}/",
    },
]
EXPORT_EVENTS = [
    Event(Decision.DENIED, address="198.51.100.7", port=443, rule="egress, default", client="10.0.0.2", time=TIME),
    Event(Decision.DENIED, ECS, "198.51.100.7", 443, "urls", "10.0.0.2", TIME),
]
COLUMNS = [*dict.fromkeys(name for row in EXPORT_ROWS for name in row), "Bytes", "NAT Destination IP", "Domain"]


def _export(columns: list[str]) -> list[str]:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="x", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(EXPORT_ROWS)
    return text.getvalue().splitlines()


@pytest.mark.parametrize("alert", [DNS7, DNS8])
def test_a_denied_question_denies_the_endpoint_it_asks_for(tmp_path: Path, alert: dict[str, object]) -> None:
    audited = _audit(tmp_path, log=json.dumps(alert))
    assert [one.id for one in audited.endpoints if one.status is Status.DENIED] == ["ecs"]


@given(st.permutations(COLUMNS))
def test_the_header_of_an_export_decides_its_columns(columns: list[str]) -> None:
    lines = _export(columns)
    assert detect(lines) is FORMATS["panos"]
    parse = parser(FORMATS["panos"])
    assert [event for line in lines for event in parse(line)] == EXPORT_EVENTS


def test_a_second_header_in_a_file_decides_from_there_on() -> None:
    lines = ["\ufeff" + _export(COLUMNS)[0], *_export(COLUMNS)[1:], *_export(COLUMNS[::-1])]
    parse = parser(FORMATS["panos"])
    assert [event for line in lines for event in parse(line)] == EXPORT_EVENTS * 2


def test_a_header_of_one_file_says_nothing_of_the_next() -> None:
    parser(FORMATS["panos"])(_export(COLUMNS)[0])
    line = PANOS.format(subtype="deny", action="deny")
    assert parser(FORMATS["panos"])(line) == (EXPORT_EVENTS[0],)


@pytest.mark.parametrize("missing", ["Type", "Source address", "Destination address", "Destination Port"])
def test_an_export_without_a_needed_column_is_told_and_not_guessed_at(tmp_path: Path, missing: str) -> None:
    log = "\n".join(_export([name for name in COLUMNS if name != missing]))
    (source,) = _audit(tmp_path, log=log).sources
    assert source.malformed == {f"the header names no column {missing.lower()!r}": 3}


def test_a_folder_or_a_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a folder"):
        feed([tmp_path], _judge())
    with pytest.raises(UsageError, match="a device"):
        feed([Path("/dev/zero")], _judge())


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("log_format", [[], ["--log-format", "squid"]])
def test_pipes_and_stdin_are_read(tmp_path: Path, packed: bool, log_format: list[str]) -> None:
    """The same words as of the file: through a pipe, a FIFO of the shell's, and stdin."""
    log = tmp_path / "access.log"
    content = (_squid(1795435200, "TCP_DENIED/403", ECS) * 4000).encode()
    log.write_bytes(gzip.compress(content) if packed else content)
    netprobe = f"{sys.executable} -m netprobe audit -r us-east-2 {' '.join(log_format)}"
    told = []
    for command in (
        f"{netprobe} {log}",
        f"cat {log} | {netprobe} -",
        f"{netprobe} <(cat {log})",
        f"{netprobe} - < {log}",
    ):
        ended = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 1, ended.stderr
        told.append(ended.stdout.partition("\nDenied:")[2])
    assert "4000 times" in told[0]
    assert set(told) == {told[0]}


def test_a_gzip_stream_that_holds_too_much_is_read_no_further(tmp_path: Path) -> None:
    """Some KB hold 16 MB of empty lines, each of which would be looked at: what came before them stands."""
    log = tmp_path / "access.log.gz"
    log.write_bytes(gzip.compress(_squid(1795435200, "TCP_DENIED/403", ECS).encode() + (b" " * 1023 + b"\n") * 16_000))
    (told,) = feed([log], _judge())
    assert (told.complete, told.events) == (False, 1)
    assert "gzip stream holds far more than a log or a capture would; unpack it first" in told.malformed
    assert told.lines < 9_000


@pytest.mark.parametrize("log_format", [None, "squid"])
def test_a_byte_order_mark_is_no_part_of_a_log(tmp_path: Path, log_format: str | None) -> None:
    line = f"1764000000.000 5 10.0.0.1 TCP_DENIED/403 0 CONNECT {ECS}:443 - HIER_NONE/- -\n"
    path = tmp_path / "access.log"
    path.write_text(line, encoding="utf-8-sig")
    judge = _judge()
    (told,) = feed([path], judge, log_format=log_format)
    assert (told.format, told.events, told.malformed) == ("squid", 1, {})

    path.write_text(line, encoding="utf-16")
    with pytest.raises(UsageError, match="is UTF-16"):
        feed([path], _judge(), log_format=log_format)


def test_what_is_no_log_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--log-format"):
        _audit(tmp_path, log="hello\nworld\n")
    with pytest.raises(UsageError, match="cannot be read"):
        feed([tmp_path / "missing"], _judge())
    with pytest.raises(UsageError, match="choose one of"):
        feed([], _judge(), log_format="nosuch")


@pytest.mark.parametrize(("target", "words"), [("nftables", "No rules for nftables"), ("cisco-asa", f"fqdn v4 {ECS}")])
def test_a_device_that_needs_more_than_a_log_has_ends_in_no_foreign_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str, words: str
) -> None:
    """It failed with a remedy that named options of another command; the audit itself stands either way."""
    log = tmp_path / "access.log"
    log.write_text(_squid(1795435200, "TCP_DENIED/403", ECS))
    assert run(["audit", str(log), "-r", REGION, "--target", target]) == 1
    told = capsys.readouterr()
    assert words in told.out
    for option in ("--resolve", "--ip-ranges", "--ecs-numbers", "--allow-widening", "--discover"):
        assert option not in told.out + told.err


@pytest.mark.parametrize(("word", "code"), [("TCP_DENIED/403", 1), ("TCP_TUNNEL/200", 0), ("NONE_NONE/200", 0)])
def test_the_command_ends_with_the_change_for_the_device(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, code: int
) -> None:
    log = tmp_path / "access.log"
    log.write_text(_squid(1795435200, word, ECS))
    assert run(["audit", str(log), "-r", REGION, "--target", "squid"]) == code
    out = capsys.readouterr().out
    assert ("TCP_DENIED/403" in out) == (code == 1)
    if code == 1:
        change = out.partition("The smallest change")[2]
        assert ECS in change
        assert SSM not in change
        assert "last 2026-11-23 12:00:00Z" in out


def test_a_bare_name_is_not_required_where_a_number_was_seen(tmp_path: Path) -> None:
    bare, numbered = "ecs-a.us-east-2.amazonaws.com", "ecs-a-7.us-east-2.amazonaws.com"
    for log, required in (
        (_squid(1795435200, "TCP_DENIED/403", bare), True),
        (_squid(1795435200, "TCP_DENIED/403", bare) + _squid(1795435200, "TCP_TUNNEL/200", numbered), False),
    ):
        audited = _audit(tmp_path, log=log)
        assert ("ecs-a-unnumbered" in {one.id for one in audited.required()}) is required


def test_nothing_required_seen_is_inconclusive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "access.log"
    log.write_text(_squid(1795435200, "TCP_TUNNEL/200", "tracker.example"))
    assert run(["audit", str(log), "-r", REGION, "--format", "json"]) == 4
    assert json.loads(capsys.readouterr().out)["unneeded"][0]["host"] == "tracker.example"


def test_a_flood_of_rules_and_hosts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netprobe.audit.judge._MAX_RULES", 10)
    monkeypatch.setattr("netprobe.audit.judge._MAX_OTHERS", 10)
    judge = _judge()
    for number in range(100):
        judge.take(Event(Decision.DENIED, ECS, port=443, rule=str(number)))
        judge.take(Event(Decision.ALLOWED, f"h{number}.example", port=443))
    audited = judge.result([REGION], ())
    assert sum(len(one.denials) for one in audited.endpoints) == 10
    assert len(audited.unneeded) == 10
    assert audited.dropped == {"hosts and rules of denials": 90, "names of other traffic": 90}


@pytest.mark.parametrize("columns", [80, 40])
def test_text_fits_the_terminal_and_loses_no_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Only a name may be wider than the terminal, alone in its line: cut short it could not be copied."""
    from netprobe.cli.main import run

    long = "a-name-longer-than-any-terminal-is-wide." * 4 + "example.com"
    log = tmp_path / "squid.log"
    log.write_text(
        _squid(1764000001, "TCP_DENIED/403", "ecs.us-east-2.amazonaws.com")
        + _squid(1764000002, "TCP_DENIED/403", "ssmmessages.us-east-2.amazonaws.com")
        + _squid(1764000003, "TCP_TUNNEL/200", "ssmmessages.us-east-2.amazonaws.com")
        + _squid(1764000004, "TCP_TUNNEL/200", long)
        + "no line of squid\n"
    )
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run(["audit", str(log), "--log-format", "squid", "-r", "us-east-2"]) == 1
    shown = capsys.readouterr().out
    wide = [line for line in shown.splitlines() if len(line) > columns]
    assert all(len(line.split()) == 1 for line in wide), wide
    assert f"{long}:443" in shown
    words = " ".join(shown.split())
    assert "1 times, last 2025-11-24 16:00:01Z, by: TCP_DENIED/403" in words
    assert "us-east-2/ecr-registry *.dkr.ecr.us-east-2.amazonaws.com:443" in words
    assert "(--target squid and the like write it for a device)" in words
    assert "…" not in shown


def _verdicts(tmp_path: Path, *lines_: str, name: str = "log") -> dict[str, Status]:
    audited = _audit(tmp_path, **{name: "".join(lines_)})
    return {one.id: one.status for one in audited.endpoints if one.status is not Status.NEVER_SEEN}


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["TCP_TUNNEL/503"], Status.FAILED_UPSTREAM, 1),
        (["NONE_NONE/503", "NONE_NONE/500"], Status.FAILED_UPSTREAM, 1),
        (["TCP_TUNNEL/200", "TCP_TUNNEL/503"], Status.ALLOWED, 0),
        (["TCP_DENIED/407"], Status.CREDENTIALS_ASKED, 1),
        (["TCP_DENIED/407", "TCP_TUNNEL/200"], Status.ALLOWED, 0),
        (["NONE_NONE/409"], Status.NAME_MISMATCH, 1),
        (["TCP_TUNNEL/200", "NONE_NONE/409"], Status.NAME_MISMATCH, 1),
        (["NONE_NONE/409", "TCP_TUNNEL/200"], Status.ALLOWED_SINCE, 0),
        (["TCP_TUNNEL/503", "TCP_DENIED/403"], Status.DENIED, 1),
        (["TCP_DENIED/403", "TCP_TUNNEL/503"], Status.DENIED, 1),
    ],
)
def test_only_a_denial_asks_for_an_allowlist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: Status, code: int
) -> None:
    log = tmp_path / "access.log"
    log.write_text("".join(_squid(1795435200 + at, word, ECS) for at, word in enumerate(words)))
    assert run(["audit", str(log), "-r", REGION, "--format", "json"]) == code
    found = {one["id"]: one["status"] for one in json.loads(capsys.readouterr().out)["endpoints"]}
    assert found["ecs"] == status.value
    assert run(["audit", str(log), "-r", REGION]) == code
    shown = capsys.readouterr().out
    assert ("The smallest change" in shown) == (status is Status.DENIED)
    assert all(word in shown for word in words if not word.endswith("/200"))


def test_a_numbered_host_that_is_denied_is_not_excused_by_another(tmp_path: Path) -> None:
    two, three = "ecs-a-2.us-east-2.amazonaws.com", "ecs-a-3.us-east-2.amazonaws.com"
    found = _verdicts(tmp_path, _squid(1795435200, "TCP_DENIED/403", three), _squid(1795435300, "TCP_TUNNEL/200", two))
    assert found["ecs-a"] is Status.DENIED


@pytest.mark.parametrize("denied_first", [True, False])
def test_a_denial_of_the_second_in_which_it_was_allowed_stands(denied_first: bool, tmp_path: Path) -> None:
    """A log of whole seconds does not say which came last, and two devices of a pair may disagree for good."""
    host = "ecs.us-east-2.amazonaws.com"
    told = [_squid(1795435200, "TCP_DENIED/403", host), _squid(1795435200, "TCP_TUNNEL/200", host)]
    assert _verdicts(tmp_path, *(told if denied_first else told[::-1]))["ecs"] is Status.DENIED
    later = _squid(1795435201, "TCP_TUNNEL/200", host)
    assert _verdicts(tmp_path, *told, later)["ecs"] is Status.ALLOWED_SINCE


def test_numbered_names_that_do_not_exist_are_no_denial_where_others_do(tmp_path: Path) -> None:
    """Whoever looks for numbered hosts asks for many that are not there."""
    lines_ = [f"Nov 23 12:00:0{n} dnsmasq[7]: reply ecs-a-{n}.us-east-2.amazonaws.com is NXDOMAIN\n" for n in range(5)]
    lines_.append("Nov 23 12:00:09 dnsmasq[7]: reply ecs-a-7.us-east-2.amazonaws.com is 198.51.100.7\n")
    assert _verdicts(tmp_path, *lines_)["ecs-a"] is Status.ALLOWED_SINCE


def test_a_block_at_layer_4_is_named_by_the_answers_in_the_same_log(tmp_path: Path) -> None:
    """What AWS Network Firewall writes where it blocks before a name is seen."""
    answer = {
        "timestamp": "2026-11-23T12:00:00.000000+0000", "event_type": "dns", "src_ip": "10.0.0.53",
        "dest_ip": "10.0.0.2",
        "dns": {"type": "answer", "rcode": "NOERROR", "rrname": ECS, "grouped": {"A": ["198.51.100.7"]}},
    }  # fmt: skip
    block = {key: value for key, value in EVE.items() if key != "tls"}
    unnamed = block | {"dest_ip": "198.51.100.99"}
    records = [{"firewall_name": "egress", "event": one} for one in (answer, block, unnamed)]
    audited = _audit(tmp_path, log="".join(json.dumps(one) + "\n" for one in records))
    assert {one.id for one in audited.endpoints if one.status is Status.DENIED} == {"ecs"}
    assert [(one.host, one.port) for one in audited.denied_elsewhere] == [("198.51.100.99", 443)]


def test_what_was_stopped_elsewhere_is_shown_in_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "access.log"
    log.write_text(_squid(1795435200, "TCP_DENIED/403", "tracker.example") + _squid(1795435200, "TCP_TUNNEL/200", ECS))
    assert run(["audit", str(log), "-r", REGION]) == 0
    stopped = capsys.readouterr().out.partition("Stopped, and nothing here requires it:")[2]
    assert "tracker.example:443" in stopped


def _bucket_on_port_80(word: str) -> str:
    url = "http://plant-logs.s3.us-east-2.amazonaws.com/"
    return f"1795435200.000 45 10.0.0.2 {word} 3900 HEAD {url} - HIER_NONE/- text/html\n"


def test_port_80_of_a_needed_bucket_is_not_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "access.log"
    log.write_text(_bucket_on_port_80("TCP_DENIED/403") + _squid(1795435200, "TCP_TUNNEL/200", ECS))
    assert run(["audit", str(log), "-r", REGION, "--with", "storage"]) == 0
    told = capsys.readouterr().out
    assert "plant-logs.s3.us-east-2.amazonaws.com:80" in told
    assert "sessions hang" not in " ".join(told.split()), "nothing that is required waits for it"
    (tmp_path / "t.json").write_text(json.dumps({"containerDefinitions": [{"name": "a", "image": "ghcr.io/a/b",
        "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::plant-logs/x.env"}]}]}))  # fmt: skip
    task = ["--task-definition", str(tmp_path / "t.json")]
    assert run(["audit", str(log), "-r", REGION, *task]) == 1
    assert "without an answer sessions hang" in " ".join(capsys.readouterr().out.split())
    log.write_text(_bucket_on_port_80("TCP_MISS/200") + _squid(1795435200, "TCP_TUNNEL/200", ECS))
    assert run(["audit", str(log), "-r", REGION, *task]) == 0


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("dnsmasq", "Nov 23 12:00:00 dnsmasq[7]: quarantined ecs.us-east-2.amazonaws.com is 0.0.0.0"),
        ("bind", f"23-Nov-2026 12:00:00.000 info: client @0x7f 10.0.0.2#5 ({ECS}): rpz something new about {ECS}"),
        ("unbound", f"[1795435200] unbound[7:0] info: rpz: something new about {ECS}"),
        ("cisco", "Nov 23 2026 12:00:00: %ASA-4-106023: something new"),
        ("checkpoint", 'x - [action:"Ponder"; dst:"198.51.100.7"; product:"Firewall"]'),
        ("fortios", 'devid="F" logid="1" type="utm" subtype="quantum" dstip=198.51.100.7 action="block"'),
        ("coredns", '[INFO] 10.0.0.2 - something new "A"'),
        ("nginx-stream", "2026/11/23 12:00:00 [error] 1#1: *1 something new, client: 10.0.0.2"),
    ],
)
def test_a_line_of_a_known_program_that_is_not_understood_is_counted_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, line: str
) -> None:
    known = next(one for kind, one, _ in LINES if kind == name)
    log = tmp_path / "log"
    log.write_text(f"{known}\n{line}\n{line}\n")
    run(["audit", str(log), "-r", REGION, "--log-format", name])
    assert re.search(r"2 times: .*not understood", capsys.readouterr().out)


def test_the_columns_of_a_flow_log_are_those_of_its_header(tmp_path: Path) -> None:
    header = (
        "version vpc-id pkt-dstaddr dstaddr dstport flow-direction tcp-flags action log-status packets bytes start "
        "end\n"
    )
    dns = (
        f"Nov 23 11:59:59 dnsmasq[7]: reply {ECS} is 198.51.100.7\n"
        f"Nov 23 11:59:59 dnsmasq[7]: reply {SSM} is 198.51.100.8\n"
    )
    flows = (
        "5 vpc-1 198.51.100.7 10.9.9.9 443 egress 2 ACCEPT OK 3 180 1795435190 1795435200\n"
        "5 vpc-1 198.51.100.8 10.9.9.9 443 egress 19 ACCEPT OK 20 4000 1795435190 1795435200\n"
        "5 vpc-1 10.0.0.2 10.0.0.2 443 ingress 19 REJECT OK 20 4000 1795435190 1795435200\n"
    )
    audited = _audit(tmp_path, flows=header + flows, names=dns)
    found = {one.id: one.status for one in audited.endpoints}
    assert (found["ecs"], found["ssm"]) == (Status.FAILED_UPSTREAM, Status.ALLOWED)


def test_an_adguard_answer_teaches_an_address(tmp_path: Path) -> None:
    import base64

    import dns.message
    import dns.rrset

    query = dns.message.make_query(ECS, "A")
    answer = dns.message.make_response(query)
    answer.answer.append(dns.rrset.from_text(f"{ECS}.", 60, "IN", "A", "198.19.0.9"))
    record = ADGUARD | {"Answer": base64.b64encode(answer.to_wire()).decode(), "Result": {}}
    audited = _audit(tmp_path, kernel=f"{KERNEL4}\n", names=json.dumps(record) + "\n")
    assert {one.id for one in audited.endpoints if one.status is Status.DENIED} == {"ecs"}


def test_unknown_logs_are_told_what_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    log.write_text("hello\nworld\n")
    assert run(["audit", str(log), "-r", REGION]) == 2
    told = capsys.readouterr().err
    assert "known formats are squid" in told
    assert all(name in told for name in FORMATS)


def test_ctrl_c_on_an_endless_pipe_shows_what_was_seen(tmp_path: Path) -> None:
    """As with ``tail -f … | netprobe audit -``."""
    argv = ["env", "--default-signal=INT", sys.executable, "-m", "netprobe", "audit", "-", "-r", REGION]
    with subprocess.Popen(
        [*argv, "--log-format", "squid"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as audit:
        assert audit.stdin is not None
        line = _squid(1795435200, "TCP_DENIED/403", ECS).encode()
        audit.stdin.write(line * 5000)  # more than the buffers hold, so that it must have begun to read
        audit.stdin.flush()
        time.sleep(1)
        audit.send_signal(signal.SIGINT)
        shown, told = audit.communicate(timeout=60)
    assert audit.returncode == 130, told
    assert b"stopped; this is what was seen so far" in told
    assert b"TCP_DENIED/403" in shown


def _resident() -> int:
    """Kilobytes in memory now; the largest ever (ru_maxrss) a child inherits from who started it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def take_a_long_log() -> None:
    """Judge thirty megabytes of lines that all differ, and print by how much the process grew."""

    class Endless:
        left = 300_000

        def readline(self, _size: int) -> bytes:
            self.left -= 1
            return (
                _squid(1795435200 + self.left, "TCP_DENIED/403", f"h{self.left}.example").encode() if self.left else b""
            )

    judge = _judge()
    parse = parser(FORMATS["squid"])
    before = _resident()
    for line in lines.read(cast(BinaryIO, Endless()), Counter(), "log"):
        for event in parse(line):
            judge.take(event)
    print(_resident() - before)


def test_a_long_log_takes_constant_memory() -> None:
    """However many names it has: the tables are full after twenty thousand, and everything else is counted."""
    code = "from tests.audit.test_audit_formats import take_a_long_log; take_a_long_log()"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=150)
    assert int(ended.stdout) < 40 << 10


@pytest.mark.parametrize(
    ("status", "expected"),
    [("403 Forbidden", Status.DENIED), ("407 Authenticate", Status.CREDENTIALS_ASKED),
     ("503 Unavailable", Status.FAILED_UPSTREAM), ("200 Established", Status.ALLOWED)],
)  # fmt: skip
def test_a_capture_shows_what_a_proxy_answered(tmp_path: Path, status: str, expected: Status) -> None:
    """The tunnel's name is in the CONNECT, its fate in the answer: an open connection to the proxy is no success."""
    from scapy.layers.inet import IP, TCP

    there, back = IP(src="10.0.0.2", dst="10.0.0.9"), IP(src="10.0.0.9", dst="10.0.0.2")
    layers = [
        there / TCP(sport=5000, dport=3128, flags="S", seq=100),
        back / TCP(sport=3128, dport=5000, flags="SA", seq=900, ack=101),
        there / TCP(sport=5000, dport=3128, flags="PA", seq=101) / f"CONNECT {ECS}:443 HTTP/1.1\r\n\r\n".encode(),
        back / TCP(sport=3128, dport=5000, flags="PA", seq=901) / f"HTTP/1.1 {status}\r\n\r\n".encode(),
        back / TCP(sport=3128, dport=5000, flags="FA", seq=960),
    ]
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)
    records = b"".join(struct.pack("<IIII", 1, n, len(one), len(one)) + one for n, one in enumerate(map(bytes, layers)))
    path = tmp_path / "proxy.pcap"
    path.write_bytes(head + records)
    judge = _judge()
    feed([path], judge)
    found = {one.id: one.status for one in judge.result([REGION], ()).endpoints}
    assert found["ecs"] is expected


@pytest.mark.parametrize("own", FORMATS)
def test_a_file_of_many_programs_is_read_whole(own: str) -> None:
    """A syslog server's file: the first lines decide the format, and a denial in another's is no less one."""
    mine = [line for name, line, *_ in LINES if name == own]
    lines = [*mine, *(line for name, line, *_ in LINES if name != own)]
    taken: list[Event] = []

    class Taking(Judge):
        def take(self, event: Event) -> None:
            taken.append(event)

    read = files._log(io.BytesIO("\n".join(lines).encode()), "syslog", FORMATS[own], Taking(()))
    expected = Counter(event for _, _, *events in LINES for event in events)
    assert Counter(taken) == expected
    assert set(read.other_formats) == {name for name, *_ in LINES} - {own}


def test_what_is_of_no_format_costs_little_and_is_counted() -> None:
    """As many looks as are allowed, and after them only what the file was seen to hold."""
    squid = next(line for name, line, *_ in LINES if name == "squid")
    kernel = next(line for name, line, *_ in LINES if name == "netfilter")
    asa = next(line for name, line, *_ in LINES if name == "cisco")
    nothing = ["nobody knows this"] * mixed.MOST_LOOKS
    data = "\n".join([squid, kernel, *nothing, asa, kernel]).encode()
    read = files._log(io.BytesIO(data), "syslog", FORMATS["squid"], Judge(()))
    assert read.other_formats == {"netfilter": 2}
    assert read.malformed == {"not a native Squid line": mixed.MOST_LOOKS + 1}


def test_zeros_before_a_line_are_no_part_of_it() -> None:
    """What copytruncate leaves of a log whose writer does not append."""
    squid = next(line for name, line, *_ in LINES if name == "squid")
    read = files._log(io.BytesIO(bytes(4000) + squid.encode() + b"\n"), "access.log", FORMATS["squid"], Judge(()))
    assert (read.events, read.malformed) == (1, {})
