"""Suricata for tests: the real engine replaying real ClientHellos, and an independent reader of the rule grammar.

The reader knows what the manual says of the few keywords that a list of server names needs (rules/format, tls-keywords,
payload-keywords, read 2026-11-23), and nothing of our templates.
"""

from __future__ import annotations

import json
import re
import ssl
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import need

HOME, AWAY = "10.0.0.5", "192.0.2.9"
_CONFIG = f"""%YAML 1.1
---
vars:
  address-groups:
    HOME_NET: "[10.0.0.0/8]"
    EXTERNAL_NET: "!$HOME_NET"
stats:
  enabled: no
outputs:
  - eve-log: {{enabled: yes, filetype: regular, filename: eve.json, types: [drop: {{alerts: yes, flows: all}}]}}
app-layer:
  protocols:
    tls: {{enabled: yes, detection-ports: {{dp: 443}}}}
    http: {{enabled: yes}}
    quic: {{enabled: yes}}
# {HOME} speaks to {AWAY}
"""

_CLIENT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_CLIENT.check_hostname, _CLIENT.verify_mode = False, ssl.CERT_NONE


def hello(name: str | None) -> bytes:
    """A real ClientHello of this Python's OpenSSL."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        _CLIENT.wrap_bio(into, out, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        return out.read()
    raise AssertionError("a handshake ended without a server")


@dataclass(frozen=True)
class Talk:
    """What a client sends over one connection, packet by packet, and what the server answers to the first."""

    packets: Sequence[bytes]
    port: int = 443
    answer: bytes = b""
    udp: bool = False


def dropped(rules: str, talks: Sequence[Talk], folder: Path) -> list[bool]:
    """Replay every talk as a connection of its own, as if inline; say which ones lost a packet to a rule."""
    program = need.engine("suricata")
    (folder / "suricata.yaml").write_text(_CONFIG)
    (folder / "netprobe.rules").write_text(rules)
    _capture(folder / "talks.pcap", talks)
    base = [str(program), "-c", str(folder / "suricata.yaml"), "-S", str(folder / "netprobe.rules"), "-l", str(folder)]
    tested = subprocess.run([*base, "-T"], capture_output=True, text=True, timeout=60, check=False)
    said = tested.stdout + tested.stderr
    assert tested.returncode == 0, said
    assert not re.search(r"\b(error|warning)\b", said, re.IGNORECASE), said
    replay = [*base, "-r", str(folder / "talks.pcap"), "--simulate-ips", "-k", "none"]
    done = subprocess.run(replay, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    log = folder / "eve.json"
    events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    lost = {e["src_port"] for e in events if e["event_type"] == "drop" and e["src_ip"] == HOME}
    return [_source(index) in lost for index in range(len(talks))]


def logged(rules: str, talks: Sequence[Talk], folder: Path, more: Iterable[bytes] = ()) -> Path:
    """Replay talks, and frames of one's own behind them, as if inline; the log of every kind of event.

    Args:
        rules: of Suricata.
        talks: as for :func:`dropped`; the connection at an index comes from port 10000 and the index.
        folder: where all of it is written.
        more: Ethernet frames.
    """
    from scapy.layers.l2 import Ether
    from scapy.utils import wrpcap

    kinds = "alert, drop: {alerts: yes, flows: all}, flow, netflow, tls, http, dns, quic"
    dns = "dns: {tcp: {enabled: yes, detection-ports: {dp: 53}}, udp: {enabled: yes, detection-ports: {dp: 53}}}"
    config = _CONFIG.replace("drop: {alerts: yes, flows: all}", kinds)
    quic = "    quic: {enabled: yes}\n"
    (folder / "suricata.yaml").write_text(config.replace(quic, f"{quic}    {dns}\n"))
    (folder / "netprobe.rules").write_text(rules)
    _capture(folder / "talks.pcap", talks)
    for moment, frame in enumerate(more):
        packet = Ether(frame)
        packet.time = 1_700_000_100 + moment / 1000
        wrpcap(str(folder / "talks.pcap"), packet, append=True)
    argv = [str(need.engine("suricata")), "-c", str(folder / "suricata.yaml"), "-S", str(folder / "netprobe.rules")]
    argv += ["-l", str(folder), "-r", str(folder / "talks.pcap"), "--simulate-ips", "-k", "none"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "eve.json"


def _source(index: int) -> int:
    return 10_000 + index


def _capture(path: Path, talks: Sequence[Talk]) -> None:
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.l2 import Ether
    from scapy.packet import Packet, Raw
    from scapy.utils import wrpcap

    there = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=HOME, dst=AWAY)
    back = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP(src=AWAY, dst=HOME)
    packets: list[Packet] = []
    for index, talk in enumerate(talks):
        ours = {"sport": _source(index), "dport": talk.port}
        theirs = {"sport": talk.port, "dport": _source(index)}
        if talk.udp:
            packets += [there / UDP(**ours) / Raw(data) for data in talk.packets]
            continue
        packets.append(there / TCP(**ours, flags="S", seq=99))
        packets.append(back / TCP(**theirs, flags="SA", seq=499, ack=100))
        packets.append(there / TCP(**ours, flags="A", seq=100, ack=500))
        sent, answered = 100, 500
        for data in talk.packets:
            packets.append(there / TCP(**ours, flags="PA", seq=sent, ack=answered) / Raw(data))
            sent += len(data)
            packets.append(back / TCP(**theirs, flags="A", seq=answered, ack=sent))
            if talk.answer and answered == 500:
                packets.append(back / TCP(**theirs, flags="PA", seq=answered, ack=sent) / Raw(talk.answer))
                answered += len(talk.answer)
    for moment, packet in enumerate(packets):
        packet.time = 1_700_000_000 + moment / 1000
    wrpcap(str(path), packets)


@dataclass(frozen=True)
class Rule:
    """A rule as the grammar has it: a header of seven words, then options in brackets."""

    action: str
    protocol: str
    source: str
    destination: str
    port: int
    options: tuple[tuple[str, str], ...]

    @property
    def values(self) -> Mapping[str, str]:
        """Options by keyword (the last of each)."""
        return dict(self.options)

    def names(self, sni: str) -> bool:
        """Whether what follows ``tls.sni`` fits a server name; True where there is no ``tls.sni``."""
        keywords = [key for key, _ in self.options]
        if "tls.sni" not in keywords:
            return True
        rest = self.options[keywords.index("tls.sni") + 1 :]
        asked = {key for key, _ in rest}
        buffer = "." + sni if "dotprefix" in asked else sni
        return all(_fits(key, value, buffer, asked) for key, value in rest)


def _fits(key: str, value: str, buffer: str, asked: set[str]) -> bool:
    if key == "content":
        wanted = value.strip('"')
        text, wanted = (buffer.lower(), wanted.lower()) if "nocase" in asked else (buffer, wanted)
        starts = "startswith" not in asked or text.startswith(wanted)
        return starts and ("endswith" not in asked or text.endswith(wanted)) and wanted in text
    if key == "pcre":
        found = re.fullmatch(r'"/(.*)/(i?)"', value)
        assert found, value
        return re.search(found[1], buffer, re.IGNORECASE if found[2] else re.NOFLAG) is not None
    return True


_KEYWORDS = {
    "msg", "flow", "tls.sni", "content", "startswith", "endswith", "nocase", "dotprefix", "pcre", "sid", "rev",
    "ssl_state", "app-layer-protocol", "stream_size", "priority",
}  # fmt: skip


def parse(text: str) -> list[Rule]:
    """Read rules, and refuse what the grammar does not have."""
    rules = []
    for line in filter(None, text.splitlines()):
        if line.startswith("#"):
            continue
        found = re.fullmatch(
            r"(pass|drop) (tls|tcp|udp) (\$HOME_NET) any -> (\$EXTERNAL_NET) (\d+|any) \((.+;)\)", line
        )
        assert found, line
        assert len(line) <= 8192
        options = tuple(_option(one) for one in re.findall(r'\s*((?:[^;"]|"[^"]*")+);', found[6]))
        assert {key for key, _ in options} <= _KEYWORDS, line
        port = 0 if found[5] == "any" else int(found[5])
        rules.append(Rule(found[1], found[2], found[3], found[4], port, options))
    sids = [rule.values["sid"] for rule in rules]
    assert len(set(sids)) == len(sids)
    assert all(1_000_000 <= int(sid) <= 1_999_999 for sid in sids)
    return rules


def _option(text: str) -> tuple[str, str]:
    key, _, value = text.partition(":")
    if value.startswith('"'):
        # Inside quotes these four need escaping; a list of names needs none of them.
        assert not set(value[1:-1]) & set('";:') or key == "msg", value
        assert value.endswith('"')
    return key.strip(), value


def passes(rules: Iterable[Rule], sni: str, port: int) -> bool:
    """What the rules decide about a TLS connection: pass comes before drop, and without a match it goes through."""
    fitting = [r for r in rules if r.protocol == "tls" and r.port in (0, port) and r.names(sni)]
    return any(r.action == "pass" for r in fitting) or not fitting
