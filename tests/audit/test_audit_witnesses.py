"""Each log format held against lines that others saw: vendors' examples and the sample logs of those who parse them.

Every line names where it stands (read 2026-11-28 or -29); long ones are shortened to the fields that are read.
"""

from __future__ import annotations

import json
import re

import pytest

from netprobe.audit.formats import FORMATS, detect
from netprobe.audit.model import Decision, Event

A, D, FAILED, U = Decision.ALLOWED, Decision.DENIED, Decision.FAILED_UPSTREAM, Decision.UNKNOWN
INTEGRATIONS = "elastic/integrations, packages/"
FORTINET = f"{INTEGRATIONS}fortinet_fortigate/data_stream/log/_dev/test/pipeline/test-fortinet.log"
ASA = f"{INTEGRATIONS}cisco_asa/data_stream/log/_dev/test/pipeline/test-asa.log"
ASA_FIX = f"{INTEGRATIONS}cisco_asa/data_stream/log/_dev/test/pipeline/test-asa-fix.log"
FTD = f"{INTEGRATIONS}cisco_ftd/data_stream/log/_dev/test/pipeline/test-security-connection.log"
CHECKPOINT = f"{INTEGRATIONS}checkpoint/data_stream/firewall/_dev/test/pipeline/test-checkpoint.log"
CHECKPOINT_81 = f"{INTEGRATIONS}checkpoint/data_stream/firewall/_dev/test/pipeline/test-r81x.log"
ZSCALER_WEB = f"{INTEGRATIONS}zscaler_zia/data_stream/web/_dev/test/pipeline/test-web.log"
ZSCALER_FW = f"{INTEGRATIONS}zscaler_zia/data_stream/firewall/_dev/test/pipeline/test-firewall.log"
ZSCALER_DNS = f"{INTEGRATIONS}zscaler_zia/data_stream/dns/_dev/test/pipeline/test-dns.log"
VPC = f"{INTEGRATIONS}aws/data_stream/vpcflow/_dev/test/pipeline/test-extra-samples.log"
VPC_5 = f"{INTEGRATIONS}aws/data_stream/vpcflow/_dev/test/pipeline/test-v5-all-fields.log"
HUBBLE = "cilium/cilium, hubble/pkg/printer/printer_test.go"
HUBBLE_DNS = "cilium/cilium, pkg/hubble/parser/seven/dns.go (dnsSummary) within printer.go's line"
ENVOY = "envoyproxy/envoy, docs/root/configuration/observability/access_log/usage.rst"
ISTIO = "fredcoq/kubefrog-kvmserver, istio/readme.md"
FORTINET_SAMPLES = "docs.fortinet.com, FortiGate 7.2.13 administration guide, Sample logs by log type"
FORTINET_CEF = "docs.fortinet.com, FortiOS 5.6.14 log message reference, Traffic log support for CEF"
FORTINET_WEB_CEF = "docs.fortinet.com, FortiOS 7.0.6 log message reference, Webfilter log support for CEF"
SEKOIA = "SEKOIA-IO/documentation, generated/466aeca2-e112-4ccc-a109-c6d85b91bbcf_sample.md"
CORTEX = "Palo Alto Networks, Cortex XSIAM documentation, the feed formats for Zscaler Internet Access"
OSSEC = "ossec.net, Log samples for Checkpoint"
FLOW_EXAMPLES = "docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples"
CEF_TRAFFIC = (
    "Feb 12 11:11:30 syslog-800c CEF:0|Fortinet|Fortigate|v5.6.0|00013|traffic:forward {act}|3|"
    "FTNTFGTlogid=0000000013 cat=traffic:forward FTNTFGTsubtype=forward FTNTFGTlevel=notice src=192.168.1.183 "
    "shost=192.168.1.183 spt=45719 deviceInboundInterface=port15 dst=192.168.70.184 dhost=reverse.name.example dpt=80 "
    "proto=6 act={act} cs5=10 cs5Label=Policy Id FTNTFGTsrccountry=United States app=HTTP out=398 in={back}"
)
CEF_WEB = (
    "Jun 17 14:53:16 zscaler-nss CEF:0|Zscaler|NSSWeblog|5.0|{0}|{1}|3|act={0} app=HTTPS cat=Web Hosting "
    "dhost=www.example.com dst=89.160.20.112 src=10.0.0.2 in=65 outcome=403 out=574 request=www.example.com/ "
    "rt=Jun 17 2021 14:53:16 requestMethod=CONNECT spriv=Road Warrior reason={1} cs1=Sales cs1Label=dept"
)
WITNESSES = [
    (FORTINET_SAMPLES, "fortios",
     'date=2019-05-10 time=11:37:47 logid="0000000013" type="traffic" subtype="forward" level="notice" vd="vdom1" '
     'eventtime=1557513467369913239 srcip=10.1.100.11 srcport=58012 dstip=23.59.154.35 dstport=80 proto=6 '
     'action="close" policyid=1 service="HTTP" trandisp="snat" transip=172.16.200.2 sentbyte=1188 rcvdbyte=1224 '
     'utmaction="allow" countapp=1 osname="Ubuntu"',
     [(A, "", "23.59.154.35", 80)]),
    (f"{FORTINET_CEF}, the same on the disk: a profile blocked it", "fortios",
     "date=2016-02-12 time=11:11:29 logid=0000000013 type=traffic subtype=forward level=notice vd=vdom1 "
     'srcip=192.168.1.183 dstip=192.168.70.184 dstport=80 proto=6 action=close policyid=10 service="HTTP" sentbyte=398 '
     "rcvdbyte=1605 utmaction=block countav=1",
     [(D, "", "192.168.70.184", 80)]),
    (FORTINET_CEF, "fortios", CEF_TRAFFIC.format(act="close", back=1605), [(A, "", "192.168.70.184", 80)]),
    (f"{FORTINET_CEF}, denied", "fortios", CEF_TRAFFIC.format(act="deny", back=0), [(D, "", "192.168.70.184", 80)]),
    (f"{FORTINET_CEF}, nobody there", "fortios", CEF_TRAFFIC.format(act="ip-conn", back=0),
     [(FAILED, "", "192.168.70.184", 80)]),
    (f"{FORTINET_CEF}, no answer", "fortios", CEF_TRAFFIC.format(act="timeout", back=0),
     [(FAILED, "", "192.168.70.184", 80)]),
    (FORTINET_WEB_CEF, "fortios",
     "Dec 27 11:23:49 FGT-A-LOG CEF: 0|Fortinet|Fortigate|v6.0.3|13056|utm:webfilter ftgd_blk blocked|4|"
     "FTNTFGTlogid=0316013056 cat=utm:webfilter FTNTFGTsubtype=webfilter FTNTFGTeventtype=ftgd_blk FTNTFGTpolicyid=1 "
     "src=10.1.100.11 spt=59194 dst=185.230.61.185 dpt=80 proto=6 app=HTTP dhost=site.example.com act=blocked "
     "request=/bizsquads out=96 in=0 msg=URL belongs to a denied category in policy",
     [(D, "site.example.com", "185.230.61.185", 80)]),
    (SEKOIA, "cisco",
     "%NGIPS-1-430003: EventPriority: Low, InstanceID: 3, AccessControlRuleAction: Block with reset, SrcIP: "
     "93.157.158.93, DstIP: 10.1.9.9, SrcPort: 13723, DstPort: 80, Protocol: tcp, ACPolicy: Basic, "
     "AccessControlRuleName: GeoBlock, InitiatorBytes: 54, ResponderBytes: 0",
     [(D, "", "10.1.9.9", 80)]),
    (SEKOIA, "cisco",
     "%FTD-2-106001: Inbound TCP connection denied from 172.16.10.234/901 to 192.168.122.55/111 flags SYN  on "
     "interface LAN",
     [(D, "", "192.168.122.55", 111)]),
    (CORTEX, "zscaler", CEF_WEB.format("Blocked", "Not allowed to browse this category"),
     [(D, "www.example.com", "89.160.20.112", 443)]),
    (CORTEX, "zscaler", CEF_WEB.format("Allowed", "Allowed"), [(A, "www.example.com", "89.160.20.112", 443)]),
    (CORTEX, "zscaler",
     "Jun 17 14:53:16 zscaler-nss-fw CEF:0|Zscaler|NSSFWlog|5.0|Drop|Default Rule|3|act=Drop src=10.0.0.2 spt=40000 "
     "dst=81.2.69.144 dpt=443 proto=TCP stateful=Yes spriv=x reason=Default Rule in=0 out=60 cs2=HTTPS cs2Label=x",
     [(D, "", "81.2.69.144", 443)]),
    (OSSEC, "checkpoint",
     "Sep 3 15:10:54 192.168.99.1 Checkpoint: 3Sep2007 15:10:28 accept 192.168.99.1 >eth2 rule: 9; rule_uid: "
     "{11111111-2222}; service_id: lotus; src: 192.168.11.131; dst: 192.168.99.13; proto: tcp; product: VPN-1 & "
     "FireWall-1; service: 1352; s_port: 2555;",
     [(A, "", "192.168.99.13", 1352)]),
    (f"{OSSEC}, denied", "checkpoint",
     "Sep 3 15:10:54 192.168.99.1 Checkpoint: 3Sep2007 15:10:28 drop 192.168.99.1 >eth2 rule: 9; service_id: https; "
     "src: 192.168.11.131; dst: 192.168.99.13; proto: tcp; product: VPN-1 & FireWall-1; service: 443; s_port: 2555;",
     [(D, "", "192.168.99.13", 443)]),
    (OSSEC, "checkpoint",
     "Sep 3 15:10:54 192.168.99.1 Checkpoint: 3Sep2007 15:10:29 accept 192.168.99.1 >eth5 rule: 112; service_id: "
     "icmp-proto; ICMP: Echo Request; src: 192.168.11.131; dst: 192.168.99.10; proto: icmp; product: "
     "VPN-1 & FireWall-1;",
     []),
    (FLOW_EXAMPLES, "vpc-flow",
     "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 "
     "ACCEPT OK",
     [(A, "", "172.31.16.21", 22)]),
    (FLOW_EXAMPLES, "vpc-flow",
     "2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 "
     "REJECT OK",
     [(D, "", "172.31.9.12", 3389)]),
    ("pi-hole/FTL, the line of its own name", "dnsmasq",
     "Feb 12 18:00:55 dnsmasq[633]: Pi-hole hostname pi.hole is 192.168.1.148", []),
    (FORTINET, "fortios",
     '<188>date=2020-04-23 time=12:17:48 devname="testswitch1" devid="somerouterid" logid="0316013056" type="utm" '
     'subtype="webfilter" eventtype="ftgd_blk" eventtime=1587230269052907555 tz="-0500" policyid=100602 '
     'srcip=192.168.2.1 srcport=61930 dstip=67.43.156.13 dstport=443 proto=6 hostname="elastic.co" action="blocked" '
     'url="/config/" catdesc="Internet Telephony"',
     [(D, "elastic.co", "67.43.156.13", 443)]),
    (FORTINET, "fortios",
     '<189>date=2020-04-23 time=12:17:29 devid="somerouterid" logid="1501054802" type="utm" subtype="dns" '
     'eventtime=1587230249360109339 srcip=192.168.2.1 dstip=67.43.156.13 dstport=53 proto=17 '
     'qname="elastic.example.com" ipaddr="67.43.156.13, 67.43.156.14" action="pass"',
     [(A, "elastic.example.com", "67.43.156.13"), (A, "elastic.example.com", "67.43.156.14")]),
    (FORTINET, "fortios",
     '<188>date=2020-04-23 time=12:14:09 devid="newrouterid" logid="0000000011" type="traffic" subtype="forward" '
     'srcip=192.168.1.6 dstip=67.43.156.13 dstport=53 proto=17 action="dns" policyid=26 service="DNS"',
     [(FAILED, "", "67.43.156.13", 53)]),
    (FORTINET, "fortios",
     '<189>date=2020-04-23 time=13:10:57 devid="newrouterid" logid="0001000014" type="traffic" subtype="local" '
     'srcip=67.43.156.13 dstip=67.43.156.13 proto=1 action="accept" policyid=0 service="PING" sentbyte=0 rcvdbyte=10',
     []),
    (ASA, "cisco",
     "Oct 10 2018 12:34:56 localhost CiscoASA[999]: %ASA-6-302014: Teardown TCP connection 11753 for "
     "outside:100.66.35.162/80 to inside:172.31.98.44/1765 duration 0:00:30 bytes 0 SYN Timeout",
     [(FAILED, "", "100.66.35.162", 80)]),
    (ASA, "cisco",
     "Oct 10 2018 12:34:56 localhost CiscoASA[999]: %ASA-6-302014: Teardown TCP connection 11749 for "
     "outside:100.66.211.242/80 to inside:172.31.98.44/1758 duration 0:01:07 bytes 38110 TCP Reset-I",
     [(A, "", "100.66.211.242", 80)]),
    (ASA_FIX, "cisco",
     "Apr 15 2013 09:36:50: %ASA-4-106023: Deny tcp src dmz:10.123.123.123/6316 dst outside:10.123.123.123/53 type 3, "
     'code 0, by access-group "acl_dmz" [0xe3afb522, 0x0]',
     [(D, "", "10.123.123.123", 53)]),
    (ASA_FIX, "cisco",
     "<140>Feb 02 2025 14:02:35: %ASA-4-106103: access-list TEST_ACL_LIST denied tcp for user 'username' "
     "outside/81.2.69.142(51950) -> inside/89.160.20.112(443) hit-cnt 1 first hit [0xd3e666fa, 0x0]",
     [(D, "", "89.160.20.112", 443)]),
    (ASA_FIX, "cisco",
     "Apr 17 2020 14:00:31 SNL-ASA-VPN-A01 : %ASA-4-106023: Deny icmp src Inside:10.123.123.123 dst "
     'Outside:10.123.123.123 (type 11, code 0) by access-group "Inside_access_in" [0x0, 0x0]',
     []),
    (FTD, "cisco",
     "2019-08-15T16:07:18Z firepower  %FTD-1-430002: AccessControlRuleAction: Allow, SrcIP: 10.0.1.20, DstIP: "
     "81.2.69.144, SrcPort: 43228, DstPort: 80, Protocol: tcp, ACPolicy: default, AccessControlRuleName: Rule-1, "
     "Prefilter Policy: Default Prefilter Policy, User: No Authentication Required, InitiatorPackets: 2, "
     "ResponderPackets: 1, InitiatorBytes: 140, ResponderBytes: 74",
     [(U, "", "81.2.69.144", 80)]),
    (FTD, "cisco",
     "2023-03-27T08:41:37Z   %FTD-1-430003: EventPriority: Low, AccessControlRuleAction: Monitor, SrcIP: 10.0.1.20, "
     "DstIP: 10.0.100.30, SrcPort: 57176, DstPort: 631, Protocol: tcp, Endpoint Profile: Workstation:Microsoft, "
     "AccessControlRuleName: Monitor-Rule, Prefilter Policy: Default Prefilter Policy, InitiatorPackets: 5, "
     "ResponderPackets: 0, InitiatorBytes: 0, ResponderBytes: 0",
     [(FAILED, "", "10.0.100.30", 631)]),
    (FTD, "cisco",
     "2019-08-15T16:07:00Z firepower  %FTD-1-430003: AccessControlRuleAction: Allow, SrcIP: 10.0.1.20, DstIP: "
     "81.2.69.144, SrcPort: 49264, DstPort: 53, Protocol: udp, AccessControlRuleName: Rule-1, InitiatorBytes: 164, "
     "ResponderBytes: 314, DNSQuery: siem-inside, DNSResponseType: Non-Existent Domain, DNS_TTL: 86395",
     [(D, "siem-inside")]),
    (CHECKPOINT, "checkpoint",
     '<134>1 2020-03-30T06:13:42Z gw-da58d3 CheckPoint 8363 - [action:"Drop"; flags:"425984"; '
     'loguid:"{0x5e818e17,0x0,0x6401a8c0,0x108620ab}"; dst:"2.21.41.118"; product:"VPN-1 & FireWall-1"; proto:"6"; '
     's_port:"65488"; service:"80"; src:"192.168.1.100"; tcp_flags:"FIN-ACK"; '
     'tcp_packet_out_of_state:"First packet isn\'t SYN"]',
     [(U, "", "2.21.41.118", 80)]),
    (CHECKPOINT, "checkpoint",
     '<134>1 2020-03-29T13:19:21Z gw-da58d3 CheckPoint 1930 - [flags:"133440"; ifdir:"inbound"; ifname:"daemon"; '
     'loguid:"{0x5e80a059,0x2,0x6401a8c0,0x3c7878a}"; origin:"192.168.1.100"; product:"System Monitor"; '
     'sys_message::"installed Standard"]',
     []),
    (CHECKPOINT_81, "checkpoint",
     '<134>1 2023-03-02T03:28:09Z gw-0b8ccd CheckPoint 15871 - [action:"Block"; '
     'loguid:"{0x291ee176,0x3488469e,0xdb759c74,0xc0134e9a}"; time:"1677727689"; dst:"81.2.69.144"; '
     'http_host:"sc1.checkpoint.com"; product:"Anti Malware"; proto:"6"; service:"80"; src:"10.0.0.3"]',
     [(D, "sc1.checkpoint.com", "81.2.69.144", 80)]),
    (CHECKPOINT_81, "checkpoint",
     '<134>1 2023-03-01T02:16:17Z gw-0b8ccd CheckPoint 16700 - [action:"Accept"; '
     'loguid:"{0x63ff0952,0x42,0x28b2a8c0,0x20a1413c}"; administrator:"WEB_API"; domain_name:"SMC User"; '
     'operation:"Log Out"; product:"WEB_API"]',
     []),
    (ZSCALER_WEB, "zscaler",
     '{ "sourcetype" : "zscalernss-web", "event" :{"time":"Thu Aug 29 09:20:35 2022","proto":"HTTP_PROXY",'
     '"eurl":"www.example.com:443","action":"Allowed","cip":"81.2.69.193","sip":"89.160.20.112",'
     '"reqmethod":"CONNECT","respcode":"200","rulelabel":"None"}}',
     [(A, "www.example.com", "89.160.20.112", 443)]),
    (ZSCALER_FW, "zscaler",
     '{ "sourcetype" : "zscalernss-fw", "event" :{"datetime":"Fri Dec 17 07:27:54 2021","cdport":443,"csip":"0.0.0.0",'
     '"cdip":"81.2.69.144","sdip":"0.0.0.0","action":"Drop","proto":"TCP","rulelabel":"Access%20Blocked"}}',
     [(D, "", "81.2.69.144", 443)]),
    (ZSCALER_DNS, "zscaler",
     '{"sourcetype":"zscalernss-dns","event":{"datetime":"Mon Oct 16 22:55:48 2023","dns_resp":"192.168.2.200",'
     '"dns_req":"mail.safemarch.com","reqrulelabel":"RULE_1","resrulelabel":"RULE_RES","clt_sip":"81.2.69.192",'
     '"srv_dip":"175.16.199.0","srv_dport":"1025","protocol":"TCP","reqaction":"REQ_ALLOW","resaction":"RES_BLOCK"}}',
     [(D, "mail.safemarch.com")]),
    (VPC, "vpc-flow", "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA", []),
    (VPC, "vpc-flow",
     "2 123456789010 eni-1235b8ca123456789 172.31.16.139 203.0.113.12 0 0 1 4 336 1432917094 1432917142 REJECT OK", []),
    (VPC_5, "vpc-flow",
     "5 64111117617 eni-069xxxxxb7a490 89.160.20.156 10.200.0.0 50041 33004 17 52 1 164000066 1640000297 REJECT OK "
     "vpc-09676f97xxxxxb8a7 subnet-02d645xxxxxxxdbc0 i-0axxxxxx1ad77 1 IPv4 89.160.20.156 10.200.0.80 us-east-1 "
     "use1-az5 - - AMAZON CLOUDFRONT ingress 1",
     [(D, "", "10.200.0.0", 33004)]),
    ("docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-example-json.md", "route53",
     json.dumps({"srcaddr": "4.5.64.102", "answers": [{"Rdata": "203.0.113.9", "Type": "PTR", "Class": "IN"}],
                 "firewall_rule_group_id": "rslvr-frg-01234567890abcdef", "firewall_rule_action": "BLOCK",
                 "query_name": "15.3.4.32.in-addr.arpa.", "rcode": "NOERROR", "query_type": "PTR",
                 "query_timestamp": "2021-02-04T17:51:55Z"}),
     [(D, "15.3.4.32.in-addr.arpa")]),
    (HUBBLE, "hubble",
     "Jan  1 00:20:34.567 [k8s1]: 1.1.1.1:31793 (health) -> 2.2.2.2:8080 (ID:12345) Policy denied DROPPED (TCP Flags: "
     "SYN)",
     [(D, "", "2.2.2.2", 8080)]),
    (HUBBLE, "hubble",
     "Jan  1 00:20:34.567 [k8s1]: 1.1.1.1:31793 (health) <> 2.2.2.2:8080 (ID:12345) policy-verdict:L3-Only INGRESS "
     "ALLOWED BY my-policy (CiliumNetworkPolicy), my-policy-2 (CiliumClusterwideNetworkPolicy) (TCP Flags: SYN)",
     [(A, "", "2.2.2.2", 8080)]),
    (HUBBLE, "hubble",
     '{"flow":{"time":"1970-01-01T00:20:34.567800Z","verdict":"DROPPED","IP":{"source":"1.1.1.1","destination":'
     '"2.2.2.2"},"l4":{"TCP":{"source_port":31793,"destination_port":8080}},"source":{"identity":4},"destination":'
     '{"identity":12345},"Type":"L3_L4","node_name":"k8s1","event_type":{"type":1,"sub_type":133},"is_reply":false,'
     '"Summary":"TCP Flags: SYN"}}',
     [(D, "", "2.2.2.2", 8080)]),
    (HUBBLE_DNS, "hubble",
     "Jan  1 00:20:34.567: default/app:40000 (ID:7) -> kube-system/coredns:53 (ID:8) dns-request proxy DROPPED (DNS "
     "Query blocked.example. A)",
     [(D, "blocked.example")]),
    (HUBBLE_DNS, "hubble",
     'Jan  1 00:20:34.567: default/app:40000 (ID:7) <- kube-system/coredns:53 (ID:8) dns-response proxy FORWARDED (DNS '
     'Answer "1.2.3.4" CNAMEs: "other.example." TTL: 5 (Proxy alias.example. A))',
     [(A, "alias.example", "1.2.3.4")]),
    (HUBBLE_DNS, "hubble",
     "Jan  1 00:20:34.567: default/app:40000 (ID:7) <- kube-system/coredns:53 (ID:8) dns-response proxy FORWARDED (DNS "
     "Answer RCode: Non-Existent Domain TTL: 4294967295 (Proxy gone.example. AAAA))",
     [(D, "gone.example")]),
    (f"{HUBBLE}, the line of Hostname with two names", "hubble",
     "Jan  1 00:20:34.567: default/app:40000 (ID:7) -> one.example,two.example:443 (ID:9) Policy denied DROPPED (TCP "
     "Flags: SYN)",
     [(D, "one.example", "", 443)]),
    (f"{ENVOY}, default format", "envoy",
     '[2016-04-15T20:17:00.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" '
     '"cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations.example" "tcp://10.0.2.1:80"',
     [(A, "locations.example")]),
    (f"{ENVOY}, default format with the server's own 403", "envoy",
     '[2016-04-15T20:17:00.310Z] "GET /bucket HTTP/1.1" 403 - 154 0 226 100 "10.0.35.28" "nsq2http" '
     '"cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "bucket.example" "10.0.2.1:80"',
     [(A, "bucket.example")]),
    (ISTIO, "envoy",
     '[2024-06-02T13:24:57.930Z] "GET /favicon.ico HTTP/2" 0 - http2.remote_reset - "-" 0 0 0 - "192.168.0.24" '
     '"Mozilla/5.0" "9f69865b-eed1-409b-8c12-12436234a191" "auth.kubefrog.fr" "10.0.0.159:8080" '
     "outbound|80||keycloak.auth.svc.cluster.local 10.0.1.244:35794 10.0.1.244:8443 192.168.0.24:8459 - default",
     [(A, "auth.kubefrog.fr")]),
    ("coredns/coredns, plugin/log/README.md", "coredns",
     '[INFO] [::1]:50759 - 29008 "A IN example.org. udp 41 false 4096" NOERROR qr,rd,ra,ad 68 0.037990251s',
     [(A, "example.org")]),
    ("AdguardTeam/AdGuardHome, internal/querylog/decode_internal_test.go", "adguard",
     '{"IP":"127.0.0.1","T":"2020-11-25T18:55:56.519796+03:00","QH":"an.yandex.ru","QT":"A","QC":"IN","CP":"",'
     '"Result":{"IsFiltered":true,"Reason":3,"Rule":"||an.yandex.","FilterID":1},"Elapsed":837429}',
     [(D, "an.yandex.ru")]),
    ("pi-hole/FTL, src/dnsmasq_interface.c (blockingreason)", "dnsmasq",
     "Nov 23 12:00:00 dnsmasq[812]: Mozilla canary domain use-application-dns.net is NXDOMAIN",
     [(D, "use-application-dns.net")]),
    ("axoflow.com, Check Point Log Exporter parser (Splunk format)", "checkpoint",
     "time=1557767758|hostname=r80test|product=Firewall|layer_name=Network|rule_action=Accept|action=Accept|"
     "ifdir=inbound|loguid={0x5cd9a64e,0x0,0x5060a8c0,0xc0000001}|origin=192.168.96.80|dst=192.168.96.80|proto=6|"
     "s_port=63945|service=443|service_id=https|src=192.168.96.27|",
     [(A, "", "192.168.96.80", 443)]),
]  # fmt: skip


def _told(event: Event) -> tuple[object, ...]:
    """What a line says of whom: verdict, name, and an answer's address, or the one of the connection and its port."""
    where = (event.answer,) if event.answer else (event.address, event.port)
    told = (event.verdict, event.host, *where)
    return told[:2] if told[2:] == ("", None) else tuple(part for part in told if part is not None)


@pytest.mark.parametrize(
    ("source", "name", "line", "expected"),
    WITNESSES,
    ids=[f"{name}-{number}" for number, (_, name, *_) in enumerate(WITNESSES)],
)
def test_a_line_that_others_saw(source: str, name: str, line: str, expected: list[tuple[object, ...]]) -> None:
    found = detect([line])
    assert found is not None, source
    assert [one.NAME for one in FORMATS.values() if one.matches(line)] == [name], source
    assert name == found.NAME, source
    assert [_told(event) for event in found.parse(line)] == expected, source


def test_every_format_named_by_a_vendor_has_a_witness() -> None:
    """Those without one are written by the real program in the tests, or were told before by their makers' pages."""
    real = {"squid", "squid-combined", "haproxy", "nginx-stream", "unbound", "bind", "netfilter", "eve", "panos"}
    assert {name for _, name, *_ in WITNESSES} | real == set(FORMATS)


SEQUENCE = [  # (packets, bytes, verdict)
    (8, 568, A),  # AWS's own example of a connection that goes on: its first record has SYN alone
    (3, 180, FAILED),
    (1, 60, FAILED),
    (0, 0, U),
]


@pytest.mark.parametrize(("packets", "size", "expected"), SEQUENCE)
def test_a_syn_alone_is_no_silence_where_more_than_syns_went_out(packets: int, size: int, expected: Decision) -> None:
    """docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html, "TCP flag sequence"."""
    one = FORMATS["vpc-flow"]
    parse = one.parser()  # type: ignore[attr-defined]
    assert not parse("version account-id dstaddr dstport protocol packets bytes start end action tcp-flags log-status")
    line = f"3 123456789010 198.51.100.7 443 6 {packets} {size} 1566848875 1566848933 ACCEPT 2 OK"
    (event,) = parse(line)
    assert event.verdict is expected


def test_the_rule_of_ftd_ends_where_the_next_field_begins() -> None:
    line = next(line for source, _, line, _ in WITNESSES if source == FTD)
    (event,) = FORMATS["cisco"].parse(line)
    assert event.rule == "Rule-1"


def test_a_zscaler_rule_and_time_are_read() -> None:
    line = next(line for source, _, line, _ in WITNESSES if source == ZSCALER_FW)
    (event,) = FORMATS["zscaler"].parse(line)
    assert event.rule == "Access Blocked"
    assert event.time == 1639726074.0  # 2021-12-17 07:27:54 UTC


def test_no_source_claims_a_reading_without_saying_of_what() -> None:
    for _, name, _, _ in WITNESSES:
        text = FORMATS[name].__doc__ or ""
        assert re.search(r"read (?:on )?2026-11-28", " ".join(text.split())), name
