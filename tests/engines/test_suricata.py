"""Suricata replays real ClientHellos and decides name by name; where it is missing, a reader of its grammar decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import Options, Rendered, render
from netprobe.render.model import Policy
from tests.support.render_cases import CASES, ORIGIN, closed, endpoint
from tests.support.render_corpus import corpus, spellings
from tests.support.suricata import Talk, dropped, hello, parse, passes


def _made(case: str) -> Rendered:
    return render(
        "suricata", CASES[case].endpoints, origin=ORIGIN, options=CASES[case].options, policy=closed("suricata")
    )


@pytest.mark.engine
@pytest.mark.parametrize("case", CASES)
def test_the_engine_admits_what_is_claimed(case: str, tmp_path: Path) -> None:
    made = _made(case)
    names = list(corpus(CASES[case].endpoints))
    names += [other for name in names[::7] for other in spellings(name)]
    talks = [Talk([hello(name)]) for name in names]
    decided = {name: not lost for name, lost in zip(names, dropped(made.main, talks, tmp_path), strict=True)}
    assert decided == {name: made.lowered.admits(name, 443) for name in names}
    assert {True, False} <= set(decided.values())


@pytest.mark.engine
def test_what_comes_in_pieces_and_what_is_no_tls(tmp_path: Path) -> None:
    """A ClientHello in two packets is read before anything drops it; nothing else gets far on the port."""
    good, bad = hello("ecs.us-east-2.amazonaws.com"), hello("evil.example")
    talks = {
        "good, whole": (Talk([good]), True),
        "good, in two": (Talk([good[:100], good[100:]]), True),
        "good, a header of three bytes": (Talk([good[:3], good[3:]]), True),
        "good, and much data": (Talk([good, *[b"\x17\x03\x03\x04\x00" + b"x" * 1024] * 40]), True),
        "bad, in two": (Talk([bad[:100], bad[100:]]), False),
        "bad, byte by byte": (Talk([bytes([byte]) for byte in bad]), False),
        "no server name": (Talk([hello(None)]), False),
        "plain HTTP": (Talk([b"GET / HTTP/1.1\r\nHost: ecs.us-east-2.amazonaws.com\r\n\r\n"]), False),
        "SSH": (Talk([b"SSH-2.0-x\r\n", b"a" * 3000]), False),
        "no protocol that it knows, long": (Talk([b"some words\n" * 100] * 40, answer=b"others\n" * 20), False),
        "QUIC": (Talk([b"\xc0" + b"x" * 1200], udp=True), False),
        "another port": (Talk([bad], port=8443), True),
    }
    decided = dropped(_made("strict").main, [talk for talk, _ in talks.values()], tmp_path)
    assert dict(zip(talks, (not lost for lost in decided), strict=True)) == {k: ok for k, (_, ok) in talks.items()}


@pytest.mark.engine
def test_the_engine_notices_mistakes(tmp_path: Path) -> None:
    for change in (("nocase; sid:1000001;", "nocase;"), ("[a-z0-9-]+", "[a-z0-9-+"), ("tls.sni;", "tls.snj;")):
        assert change[0] in _made("strict").main
        with pytest.raises(AssertionError):
            dropped(_made("strict").main.replace(*change), [], tmp_path)


@pytest.mark.parametrize("case", CASES)
def test_the_grammar_admits_what_is_claimed(case: str) -> None:
    made = _made(case)
    rules = parse(made.main)
    asked = [other for name in corpus(CASES[case].endpoints) for other in (name, name.upper(), f"{name}.")]
    answers = set()
    for name in asked:
        assert passes(rules, name, 443) == made.lowered.admits(name, 443), name
        answers.add(passes(rules, name, 443))
    assert answers == {True, False}


def test_every_port_ends_in_a_deny() -> None:
    rules = parse(_made("wide").main)
    ports = {rule.port for rule in rules if rule.action == "pass"}
    for port in ports:
        assert [r.protocol for r in rules if r.action == "drop" and r.port == port] == ["tls", "tcp", "tcp", "udp"]
    assert [rule.action for rule in rules] == sorted((rule.action for rule in rules), reverse=True)


def test_nothing_to_admit_is_refused_rather_than_written() -> None:
    """Without an entry there is no port, so no drop rule either: such a file would let everything through."""
    only = endpoint("archive.example.com", port=80, required=False)
    with pytest.raises(CannotExpressError):
        render("suricata", [only], origin=ORIGIN, options=Options(), policy=closed("suricata"))


def test_the_reader_notices_what_is_invalid() -> None:
    good = 'pass tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"x"; tls.sni; content:"a.b"; sid:1000001; rev:1;)'
    assert len(parse(good)) == 1
    for bad in (
        good.replace("any ->", "->"),
        good.replace("a.b", "a;b"),
        good.replace("content", "contents"),
        good + " x",
    ):
        with pytest.raises(AssertionError):
            parse(bad)


_SITE = (
    'pass tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"site"; flow:to_server,established; tls.sni; '
    'content:"intranet.example"; startswith; endswith; nocase; sid:5000001; rev:1;)\n'
    'drop tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"site"; flow:to_server,established; '
    "ssl_state:client_hello; sid:5900001; rev:1;)\n"
)
"""Rules of a site: one name passes, every other is dropped."""


@pytest.mark.engine
@pytest.mark.parametrize("name", ["netprobe", "netprobe-handoff"])
def test_beside_rules_of_a_site_it_only_adds(name: str, tmp_path: Path) -> None:
    case = CASES["strict"]
    made = render("suricata", case.endpoints, origin=ORIGIN, options=case.options, policy=Policy(name=name))
    assert "drop" not in {line.partition(" ")[0] for line in made.main.splitlines()}
    names = ["intranet.example", "evil.example", *corpus(case.endpoints)[::4]]
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
    before = dropped(_SITE, [Talk([hello(one)]) for one in names], tmp_path / "before")
    assert [not gone for gone in before] == [one == "intranet.example" for one in names]
    after = dropped(_SITE + made.main, [Talk([hello(one)]) for one in names], tmp_path / "after")
    wanted = [one == "intranet.example" or made.lowered.admits(one) for one in names]
    assert [not gone for gone in after] == wanted
    assert True in wanted[2:]


@pytest.mark.engine
def test_two_renders_under_two_names_load_together(tmp_path: Path) -> None:
    """Suricata refuses a signature id that stands twice."""
    case = CASES["strict"]
    both = "".join(
        render("suricata", case.endpoints, origin=ORIGIN, options=case.options, policy=Policy(name=name)).main
        for name in ("netprobe", "netprobe-handoff")
    )
    numbers = [part for line in both.splitlines() for part in line.split() if part.startswith("sid:")]
    assert len(set(numbers)) == len(numbers) > 0
    assert dropped(both, [Talk([hello("ecs.us-east-2.amazonaws.com")])], tmp_path) == [False]
