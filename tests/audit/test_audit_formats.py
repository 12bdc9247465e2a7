"""Each log format by lines whose shape its maker documents, and by nonsense.

Sources: Squid wiki "LogFormat"; HAProxy configuration manual 2.6, 8.2.3 and 8.2.2; Palo Alto Networks "Traffic Log
Fields" and "URL Filtering Log Fields"; Suricata "EVE JSON Format"; AWS Network Firewall developer guide "Contents of a
firewall log"; the netfilter lines were written by nftables 1.0.6 on Linux 6.18; BIND ARM "logging". What the real
squid, haproxy, dnsmasq and unbound write is in test_audit_real.py.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.audit import lines
from netprobe.audit.files import feed
from netprobe.audit.formats import FORMATS, detect, parser
from netprobe.audit.judge import Judge
from netprobe.audit.model import Audited, Event, Status, Verdict
from netprobe.catalog import load
from netprobe.cli.main import run
from netprobe.errors import UsageError
from netprobe.requirements import endpoints

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
        Event(Verdict.DENIED, ECS, port=443, rule="TCP_DENIED/403", client="10.0.0.2", time=TIME),
    ),
    (
        "squid",
        f"1795435200.000  12045 10.0.0.2 TCP_TUNNEL/200 5310 CONNECT {ECS}:443 - HIER_DIRECT/198.51.100.7 -",
        Event(Verdict.ALLOWED, ECS, port=443, rule="TCP_TUNNEL/200", client="10.0.0.2", time=TIME),
    ),
    (
        "squid",
        "1795435200.000      0 10.0.0.2 NONE_NONE/000 0 - error:transaction-end-before-headers - HIER_NONE/- -",
        Event(Verdict.UNKNOWN, "error", rule="NONE_NONE/000", client="10.0.0.2", time=TIME),
    ),
    (
        "squid-combined",
        f'10.0.0.2 - - [23/Nov/2026:12:00:00 +0000] "CONNECT {ECS}:443 HTTP/1.1" 403 3900 "-" "Go" '
        "TCP_DENIED:HIER_NONE",
        Event(Verdict.DENIED, ECS, port=443, rule="TCP_DENIED/403", client="10.0.0.2", time=TIME),
    ),
    (
        "haproxy",
        "Nov 23 12:00:00 gw haproxy[14389]: 10.0.0.2:33317 [23/Nov/2026:12:00:00.000] egress egress/<NOSRV> "
        f'0/-1/-1/-1/0 403 192 - - PR-- 1/1/0/0/0 0/0 "CONNECT {ECS}:443 HTTP/1.1"',
        Event(Verdict.DENIED, ECS, port=443, rule="egress egress/<NOSRV> PR--", client="10.0.0.2", time=TIME),
    ),
    (
        "haproxy",
        "10.0.0.2:33317 [23/Nov/2026:12:00:00.000] sni out/dyn 0/10/200 2000 -- 1/1/1/1/0 0/0 sni=" + ECS,
        Event(Verdict.ALLOWED, ECS, rule="sni out/dyn --", client="10.0.0.2", time=TIME),
    ),
    (
        "panos",
        PANOS.format(subtype="deny", action="deny"),
        Event(Verdict.DENIED, address="198.51.100.7", port=443, rule="egress, default", client="10.0.0.2", time=TIME),
    ),
    (
        "panos",
        PANOS.format(subtype="end", action="allow"),
        Event(Verdict.ALLOWED, address="198.51.100.7", port=443, rule="egress, default", client="10.0.0.2", time=TIME),
    ),
    (
        "panos",
        PANOS_URL.format(action="block-url"),
        Event(Verdict.DENIED, ECS, "198.51.100.7", 443, "urls", "10.0.0.2", TIME),
    ),
    (
        "eve",
        json.dumps(EVE),
        Event(Verdict.DENIED, ECS, "198.51.100.7", 443, "not on the list (sid 1000001)", "10.0.0.2", TIME + 0.123456),
    ),
    (
        "eve",
        json.dumps(NFW),
        Event(Verdict.DENIED, ECS, "198.51.100.7", 443, "not on the list (sid 1000001)", "10.0.0.2", TIME + 0.123456),
    ),
    *(
        (
            "eve",
            json.dumps(one),
            Event(
                verdict=Verdict.DENIED,
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
            verdict=Verdict.UNKNOWN,
            host=ECS,
            address="198.51.100.7",
            rule="dns",
            client="10.0.0.2",
            time=TIME + 0.123456,
            layer="dns",
        ),
    ),
    ("netfilter", KERNEL4, Event(Verdict.DENIED, "", "198.19.0.9", 443, "NP-EGRESS DROP", "198.18.0.1")),
    (
        "netfilter",
        "2026-11-23T12:00:00+00:00 gw kernel: [UFW ALLOW] IN= OUT=eth0 SRC=10.0.0.2 DST=198.51.100.7 LEN=60 TTL=64 "
        "PROTO=TCP SPT=1 DPT=443 SYN",
        Event(Verdict.ALLOWED, "", "198.51.100.7", 443, "[UFW ALLOW]", "10.0.0.2", TIME),
    ),
    (
        "bind",
        f"23-Nov-2026 12:00:00.000 security: info: client @0x7f00 10.0.0.2#5300 ({ECS}): query '{ECS}/A/IN' denied",
        Event(Verdict.DENIED, ECS, rule="query denied", client="10.0.0.2", time=TIME, layer="dns"),
    ),
    (
        "bind",
        f"23-Nov-2026 12:00:00.000 rpz: info: client @0x7f00 10.0.0.2#5300 ({ECS}): rpz QNAME NXDOMAIN rewrite "
        f"{ECS}/A/IN via {ECS}.rpz.local",
        Event(Verdict.DENIED, ECS, rule=f"rpz NXDOMAIN via {ECS}.rpz.local", client="10.0.0.2", time=TIME, layer="dns"),
    ),
    (
        "bind",
        f"23-Nov-2026 12:00:00.000 queries: info: client @0x7f00 10.0.0.2#5300 ({ECS}): query: {ECS} IN A +E(0)K (::1)",
        Event(Verdict.UNKNOWN, ECS, rule="asked", client="10.0.0.2", time=TIME, layer="dns"),
    ),
]


@pytest.mark.parametrize(("name", "line", "expected"), LINES)
def test_a_line_of_each_format(name: str, line: str, expected: Event) -> None:
    found = detect([line])
    assert found is not None
    assert name == found.NAME
    (event,) = found.parse(line)
    assert event == expected


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
    places = [place for place, character in enumerate(line) if not character.isalnum() or place % 7 == 0]
    for place, piece, tail in itertools.product(places, ("", "/"), (True, False)):
        end = line[place:] if tail else ""
        long = line[:place] + (piece or line[place]) * (lines.MAX_LINE - place - len(end)) + end
        began = time.process_time()
        FORMATS[name].matches(long)
        with contextlib.suppress(ValueError):
            FORMATS[name].parse(long)
        assert time.process_time() - began < 1, (place, piece, tail)


def test_every_format_is_shown() -> None:
    assert {name for name, _, _ in LINES} | {"dnsmasq", "unbound"} == set(FORMATS)
    assert all(one.SUMMARY for one in FORMATS.values())


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
    Event(Verdict.DENIED, address="198.51.100.7", port=443, rule="egress, default", client="10.0.0.2", time=TIME),
    Event(Verdict.DENIED, ECS, "198.51.100.7", 443, "urls", "10.0.0.2", TIME),
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


@pytest.mark.parametrize("log_format", [None, "squid", "capture"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, log_format: str | None) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="a pipe or a device"):
        feed([pipe], _judge(), log_format=log_format)
    with pytest.raises(UsageError, match="a folder"):
        feed([tmp_path], _judge(), log_format=log_format)


def test_what_is_no_log_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--log-format"):
        _audit(tmp_path, log="hello\nworld\n")
    with pytest.raises(UsageError, match="cannot be read"):
        feed([tmp_path / "missing"], _judge())
    with pytest.raises(UsageError, match="choose one of"):
        feed([], _judge(), log_format="nosuch")


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
        judge.take(Event(Verdict.DENIED, ECS, port=443, rule=str(number)))
        judge.take(Event(Verdict.ALLOWED, f"h{number}.example", port=443))
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
