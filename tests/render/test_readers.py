"""Readers of configurations: whatever netprobe writes is read back, and each word of the comparison is earned."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from netprobe.cli.main import run
from netprobe.errors import CannotExpressError
from netprobe.render import Rendered, compare, render, targets
from netprobe.render.compare import Comparison
from netprobe.render.readers import READERS
from tests.support.render_cases import CASES, ORIGIN, allowing, enforcing
from tests.support.render_corpus import corpus, neighbours
from tests.support.some import some

CASE = CASES["strict"]
_LISTS = {"panos-edl": "netprobe-url.txt", "aws-network-firewall-domains": "rule-group.json"}


def _made(target: str, form: str) -> Rendered:
    """The render of a form; a device that can only be wider is permitted to be."""
    policy = (allowing if form == "additive" else enforcing)(target)
    wide = msgspec.structs.replace(CASE.options, allow_widening=True)
    try:
        return render(target, CASE.endpoints, origin=ORIGIN, options=CASE.options, policy=policy)
    except CannotExpressError:
        return render(target, CASE.endpoints, origin=ORIGIN, options=wide, policy=policy)


def _compared(path: Path, target: str) -> Comparison:
    return compare.compare(compare.read(path, target), CASE.endpoints, CASE.options)


def _places(made: Rendered, target: str, folder: Path) -> list[Path]:
    """What a render wrote: the file of stdout, and the folder."""
    for name, text in made.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    alone = folder.parent / f"{folder.name}-main"
    alone.write_text(made.main, encoding="utf-8")
    return [folder / _LISTS[target]] if target in _LISTS else [alone, folder]


def test_every_target_is_read_back() -> None:
    """Without an exception: a target that is added needs a reader."""
    assert set(READERS) == set(targets.names())


@pytest.mark.parametrize("form", ["additive", "enforced"])
@pytest.mark.parametrize("target", targets.names())
def test_what_netprobe_writes_is_read_back(target: str, form: str, tmp_path: Path) -> None:
    """Its own squid folder, its own iptables script and its own PAN-OS list were "not admitted"."""
    for place in some(_places(_made(target, form), target, tmp_path)):
        found = _compared(place, target)
        lacking = {e.id for e in (*found.missing, *found.unknown)}
        # What is listed name by name is told as too short: other numbers may be asked for.
        numbered = {e.id for e in CASE.endpoints if e.numbered}
        assert lacking <= numbered, (place, lacking, found.notes)
        assert not any(much.startswith("every destination") for _, much in found.wide), found.wide


@pytest.mark.parametrize("form", ["additive", "enforced"])
@pytest.mark.parametrize("target", targets.names())
def test_what_is_read_back_decides_name_by_name_as_the_engine_does(target: str, form: str, tmp_path: Path) -> None:
    """The corpus that real engines are asked: names and addresses one edit away from what was asked for."""
    made = _made(target, form)
    capability = targets.get(target).CAPABILITY
    names = corpus(CASE.endpoints)
    for place in some(_places(made, target, tmp_path)):
        read = compare.read(place, target)
        asked = neighbours(entry.value for entry in made.lowered.entries) if read.by_address else names
        wanted = {one: made.lowered.admits(one, 443 if capability.ports else None) for one in asked}
        assert {one: read.admits(one, 443) for one in asked} == wanted
        assert {True, False} == set(wanted.values())


_COMMENTED = {
    **dict.fromkeys(("squid", "squid-splice", "haproxy", "nginx-stream", "tinyproxy", "privoxy", "unbound"), "#"),
    **dict.fromkeys(("coredns", "dnsmasq-connmark", "ufw"), "#"),
    **dict.fromkeys(("rpz-bind", "rpz-unbound"), ";"),
}
"""Languages in which a comment may end a line, and the mark."""


@pytest.mark.parametrize("before", [" ", "\t"], ids=["space", "tab"])
@pytest.mark.parametrize("target", _COMMENTED)
def test_a_comment_behind_a_rule_takes_nothing_away(target: str, before: str) -> None:
    """A zone whose line ended with "# AWS" admitted nothing, and was not told as too wide; nor was it "unknown"."""
    made = _made(target, "enforced")
    main = made.main
    comment = f"{before}{_COMMENTED[target]} Büro Müller, .amazonaws.com 許可"
    code = [line for line in main.splitlines() if line.strip() and not line.lstrip().startswith(("#", ";"))]
    told = "\n".join(f"{line}{comment}" if line in code else line for line in main.splitlines())
    plain, commented = READERS[target](main), READERS[target](told)
    names = neighbours(entry.value for entry in made.lowered.entries) if plain.by_address else corpus(CASE.endpoints)
    assert any(plain.admits(name, 443) for name in names)
    assert [name for name in names if plain.admits(name, 443) != commented.admits(name, 443)] == []
    assert commented.unread == plain.unread


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("haproxy", "acl ok req_ssl_sni -m end .amazonaws.com\n"),
        ("haproxy", "acl ok req.ssl_sni,lower -m end .amazonaws.com# alles\n"),
        ("unbound", "local-zone: 'amazonaws.com' transparent\n"),
        ("rpz-bind", "*.amazonaws.com\t1h IN\tCNAME\trpz-passthru.\t; AWS\n"),
        (
            "coredns",
            ".:53 {\n\tview a {\n\t\texpr\tname() in ['ecs.us-east-2.amazonaws.com.']\n\t}\n\tforward\t. 1.1.1.1\n}\n",
        ),
    ],
)
def test_what_a_hand_wrote_in_another_spelling_counts(target: str, text: str) -> None:
    found = READERS[target](text)
    assert found.admits("ecs.us-east-2.amazonaws.com", 443)
    assert not found.admits("ecs.us-east-2.example", 443)


def test_a_mark_within_a_word_or_in_quotes_begins_no_comment() -> None:
    """Squid 5.7 was asked: ``.a.example#.b.example`` is one word, and admits nothing."""
    squid = READERS["squid"]("acl a dstdomain .a.example#.b.example\nhttp_access allow a\n")
    assert not squid.admits("x.a.example", 443)
    ufw = READERS["ufw"]("ufw allow out comment '# 4711' to 192.0.2.0/24 port 443\n")
    assert ufw.admits("192.0.2.1", 443)


def test_a_network_that_a_variable_stands_for_is_unknown() -> None:
    """``define`` is not read, so what such a rule admits is not known, and is not told as refused."""
    found = READERS["nftables"](
        "chain o {\n type filter hook output priority 0; policy drop;\n ip daddr $AWS accept\n}\n"
    )
    assert found.unread
    assert not found.admits("192.0.2.1", 443)


def _squid(tmp_path: Path, text: str) -> Comparison:
    path = tmp_path / "squid.conf"
    path.write_text(text, encoding="utf-8")
    return _compared(path, "squid")


def test_a_list_that_cannot_be_read_makes_endpoints_unknown(tmp_path: Path) -> None:
    found = _squid(tmp_path, 'acl a dstdomain "/etc/squid/elsewhere.list"\nhttp_access allow a\n')
    assert found.missing == ()
    assert {e.id for e in found.unknown} == {e.id for e in CASE.endpoints}
    (tmp_path / "elsewhere.list").write_text("ecs.us-east-2.amazonaws.com # ours\n", encoding="utf-8")
    found = _squid(tmp_path, 'acl a dstdomain "/etc/squid/elsewhere.list"\nhttp_access allow a\n')
    assert "ecs" in {e.id for e in found.admitted}
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("acl", "much"),
    [
        ("acl a dstdomain .amazonaws.com", "all of amazonaws.com"),
        ("acl a dstdomain .us-east-2.amazonaws.com", "any customer's bucket in us-east-2"),
        ("acl a port 443", "every destination on port 443"),
        ("acl a dstdom_regex ecs[.]us-east-2[.]amazonaws[.]com", "not anchored"),
    ],
)
def test_what_is_too_wide_is_told_by_name(acl: str, much: str, tmp_path: Path) -> None:
    ((_, said),) = _squid(tmp_path, f"{acl}\nhttp_access allow a\n").wide
    assert much in said


def test_what_never_matches_is_told(tmp_path: Path) -> None:
    text = "acl a dstdomain *.amazonaws.com .example.com www.example.com\nhttp_access allow a\n"
    dead = " ".join(_squid(tmp_path, text).dead)
    assert "takes an asterisk literally" in dead
    assert "www.example.com is covered by example.com" in dead
    path = tmp_path / "pan.set"
    path.write_text("set profiles custom-url-category x list ecs-a-*.us-east-2.amazonaws.com/\n", encoding="utf-8")
    assert "whole token" in " ".join(_compared(path, "panos").dead)


def test_a_group_that_stands_once_is_read(tmp_path: Path) -> None:
    """ECR is allowed and the bucket of its layers is not: the layers alone are named."""
    names = " ".join(e.pattern for e in CASE.endpoints if "*" not in e.pattern and e.id != "ecr-layers")
    found = _squid(
        tmp_path,
        f"acl a dstdom_regex ^ecs-[at](-[0-9]+)?\\.us-east-2\\.amazonaws\\.com$\nacl b dstdomain {names}\n"
        "http_access allow a\nhttp_access allow b\nhttp_access deny all\n",
    )
    assert [e.id for e in found.missing] == ["ecr-layers"]


def test_an_intercepting_squid_whose_terminate_is_for_one_step_lets_all_pass(tmp_path: Path) -> None:
    path = tmp_path / "squid.conf"
    path.write_text(
        "https_port 3130 intercept ssl-bump cert=/x.pem\nacl ok ssl::server_name .amazonaws.com\n"
        "acl step1 at_step SslBump1\nacl step2 at_step SslBump2\nssl_bump peek step1 all\nssl_bump splice ok\n"
        "ssl_bump terminate step2 all\n",
        encoding="utf-8",
    )
    assert "every destination on port 443" in {much for _, much in _compared(path, "squid-splice").wide}
    path.write_text(path.read_text().replace("terminate step2 all", "terminate all"), encoding="utf-8")
    assert "every destination on port 443" not in {much for _, much in _compared(path, "squid-splice").wide}


def _cilium(tmp_path: Path, pattern: str) -> Comparison:
    path = tmp_path / "policy.yaml"
    path.write_text(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: egress}\nspec:\n  endpointSelector: {}\n"
        f'  egress:\n  - toFQDNs: [{{matchPattern: "{pattern}"}}]\n'
        '    toPorts: [{ports: [{port: "443", protocol: TCP}]}]\n',
        encoding="utf-8",
    )
    return _compared(path, "cilium")


def test_cilium_an_asterisk_is_one_label(tmp_path: Path) -> None:
    assert {e.id for e in _cilium(tmp_path, "*.amazonaws.com").missing} == {e.id for e in CASE.endpoints}
    assert {e.id for e in _cilium(tmp_path, "*.us-east-2.amazonaws.com").missing} == {"ecr-registry", "ecr-layers"}
    assert _cilium(tmp_path, "**.us-east-2.amazonaws.com").missing == ()
    assert _cilium(tmp_path, "*").wide


@pytest.mark.parametrize("text", ["a: &x [1]\nb: *x\n", "{", "a:\n\t- b", "!!python/object:os.system x"])
def test_yaml_that_is_none_or_makes_billions_is_unknown(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    assert run(["render", "cilium", "-r", "us-east-2", "--compare", str(path)]) == 4
    assert "note: cannot be read: " in capsys.readouterr().out


def test_exit_codes_follow_the_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "squid.conf"
    argv = ["render", "squid", "-r", "us-east-2", "--account", "123456789012", "--compare", str(path)]
    path.write_text("acl a dstdomain .amazonaws.com\nhttp_access allow a\n", encoding="utf-8")
    assert run(argv) == 0
    assert run([*argv, "--strict"]) == 1
    assert "too wide: 1" in capsys.readouterr().out
    path.write_text('acl a dstdomain "/nowhere/x"\nhttp_access allow a\n', encoding="utf-8")
    assert run(argv) == 4
    assert "unknown, since part of it cannot be read: 13" in capsys.readouterr().out
    path.write_text("acl a dstdomain x.example\nhttp_access allow a\n", encoding="utf-8")
    assert run(argv) == 1
