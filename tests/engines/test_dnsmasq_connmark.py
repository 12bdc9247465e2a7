"""dnsmasq with connection marks: which names it answers, and which connections open, must be as claimed; and every
known way to come without a mark must end in silence, never in an answer.
"""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from netprobe.render import Options, Rendered, render
from tests.support import need
from tests.support.render_cases import ORIGIN, closed, endpoint
from tests.support.render_corpus import corpus, spellings
from tests.support.render_dns import ALIAS_TARGET, ENDPOINTS, Asker, Upstream, decide
from tests.support.render_dnsmasq import apply, host_and_internet, in_time, members, reached, running, write
from tests.support.render_engine import Namespace

pytestmark = [pytest.mark.engine, pytest.mark.root]

BUCKET = "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"
_ENDS = ("com", "net", "evil", "c", "comm")
NEAR4, NEAR6 = "10.99.0.2", "fd99::2"
# A star that touches no hyphen, and one in the middle, beside what AWS has.
_MORE = (endpoint("web*.example.com", "web"), endpoint("a*z.example.net", "middle"))


@pytest.fixture
def both() -> Iterator[tuple[Namespace, Namespace]]:
    with host_and_internet() as spaces:
        yield spaces


def _made() -> Rendered:
    return render(
        "dnsmasq-connmark", (*ENDPOINTS, *_MORE), origin=ORIGIN, options=Options(), policy=closed("dnsmasq-connmark")
    )


def _claimed(made: Rendered, asked: tuple[str, ...]) -> dict[str, bool]:
    return {name: made.lowered.admits(name) for name in asked}


def test_names_and_addresses_fare_as_claimed(both: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    near, far = both
    made, asked = _made(), corpus((*ENDPOINTS, *_MORE))
    upstream = Upstream(asked)
    write(tmp_path, made.files)
    with running(near, tmp_path, upstream):
        apply(near, tmp_path)
        decided = decide(near, Asker(), asked)
        assert {upstream.name_of(address) for address in members(near)} == {n for n, yes in decided.items() if yes}
        some = asked[::11]
        remote = decide(far, Asker(server=NEAR4), some)
        over_tcp = decide(far, Asker(server=NEAR4, tcp=True), some)
        over_v6 = decide(far, Asker(server=NEAR6), some)
        shouted = {name: decide(near, Asker(), spellings(name)) for name in some}
        opened = reached(near, [upstream.addresses[name] for name in asked[::4]], 443)
    expected = _claimed(made, asked)
    assert decided == expected
    assert {True, False} <= set(expected.values())
    assert remote == over_tcp == over_v6 == {name: expected[name] for name in some}
    assert all(set(answers.values()) == {expected[name]} for name, answers in shouted.items())
    assert {name: opened[upstream.addresses[name]] for name in asked[::4]} == {n: expected[n] for n in asked[::4]}


def test_nothing_lost_with_this_target() -> None:
    """The only losses are about registries without an account."""
    made = _made()
    assert {loss.endpoint for loss in made.lowered.losses} == {"ecr-registry"}
    assert made.lowered.admits("web.example.com")
    assert not made.lowered.admits("ecs-a-.us-east-2.amazonaws.com")


def test_a_refused_name_is_refused_and_an_alias_is_answered(both: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    near, _ = both
    upstream = Upstream([BUCKET, "www.example.com"], aliases={BUCKET: ALIAS_TARGET})
    write(tmp_path, _made().files)
    with running(near, tmp_path, upstream):
        apply(near, tmp_path)
        assert near.call(lambda: Asker().response("www.example.com")).rcode() == dns.rcode.REFUSED
        assert decide(near, Asker(), [BUCKET, ALIAS_TARGET]) == {BUCKET: True, ALIAS_TARGET: False}
        assert members(near) == {upstream.addresses[ALIAS_TARGET]}
        for kind in ("AAAA", "TXT", "ANY"):
            response = near.call(functools.partial(Asker().response, "www.example.com", kind))
            assert response.rcode() == dns.rcode.REFUSED, kind
        assert upstream.asked.count("www.example.com") == 0


def test_the_last_label_counts(both: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    """dnsmasq's patterns pass over the last label; somebody could own amazonaws.net."""
    near, _ = both
    asked = [f"{name}.{end}" for name in ("ecs.us-east-2.amazonaws", "ecs-a-7.us-east-2.amazonaws") for end in _ENDS]
    write(tmp_path, _made().files)
    upstream = Upstream(asked)
    with running(near, tmp_path, upstream):
        apply(near, tmp_path)
        assert decide(near, Asker(), asked) == {name: name.endswith(".com") for name in asked}
        assert all(upstream.name_of(address).endswith(".com") for address in members(near))
        near.run("sed", "-i", "s,^address=/#/#$,,", str(tmp_path / "netprobe.dnsmasq.conf"))
        apply(near, tmp_path)
    with running(near, tmp_path, upstream):  # without that line the sets alone must hold
        assert decide(near, Asker(), asked) == dict.fromkeys(asked, True)
        assert {upstream.name_of(address) for address in members(near)} == {n for n in asked if n.endswith(".com")}


def test_no_mark_no_answer(both: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    """Without rules dnsmasq answers whatever comes unmarked (so this test can fail); with them there is silence."""
    near, far = both
    name = "www.example.com"
    write(tmp_path, _made().files)
    with running(near, tmp_path, Upstream([name])):
        assert near.call(lambda: in_time(Asker(), name)) == "yes"
        apply(near, tmp_path)
        assert near.call(lambda: in_time(Asker(), name)) == "no"
        for tables in ("iptables", "ip6tables"):
            near.run(tables, "-t", "mangle", "-F", "PREROUTING")  # the rule that marks is gone
        for space, server in ((near, "127.0.0.1"), (far, NEAR4), (far, NEAR6)):
            for tcp in (False, True):
                asker = Asker(server=server, tcp=tcp)
                assert space.call(functools.partial(_quick, asker, name)) == "silence", (server, tcp)
        assert members(near) == set()


def test_an_untracked_query_is_not_answered(both: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    """A packet without a connection has no mark: dnsmasq would answer it."""
    near, far = both
    name = "www.example.com"
    write(tmp_path, _made().files)
    with running(near, tmp_path, Upstream([name])):
        apply(near, tmp_path)
        near.run("iptables", "-t", "raw", "-A", "PREROUTING", "-p", "udp", "--dport", "53", "-j", "CT", "--notrack")
        assert far.call(lambda: _quick(Asker(server=NEAR4), name)) == "silence"


def test_marks_of_others_do_not_disturb(both: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    """Another program's bits are on the connection before and after."""
    near, far = both
    write(tmp_path, _made().files)
    with running(near, tmp_path, Upstream([BUCKET, "www.example.com"])):
        apply(near, tmp_path)
        near.run(
            "iptables", "-t", "mangle", "-I", "PREROUTING", "-p", "udp", "--dport", "53", "-j", "CONNMARK",
            "--set-xmark", "0x8004/0xffff",
        )  # fmt: skip
        asked = [BUCKET, "www.example.com"]
        assert decide(far, Asker(server=NEAR4), asked) == {BUCKET: True, "www.example.com": False}


def test_bind_interfaces_is_not_taken(both: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    """With it the mark could not be read and everything would be answered, so dnsmasq must not start."""
    near, _ = both
    write(tmp_path, _made().files)
    with (
        pytest.raises(AssertionError, match="bind-interfaces and --bind-dynamic"),
        running(near, tmp_path, Upstream([]), "--bind-interfaces"),
    ):
        pass


def test_loading_again_doubles_nothing(both: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    near, _ = both
    write(tmp_path, _made().files)
    apply(near, tmp_path)
    apply(near, tmp_path)
    for tables in ("iptables", "ip6tables"):
        assert near.run(tables, "-S", "OUTPUT").stdout.count("NETPROBE-DNS") == 1
        assert near.run(tables, "-S", "INPUT").stdout.count("NETPROBE-ASK") == 2
        assert near.run(tables, "-t", "mangle", "-S", "PREROUTING").stdout.count("NETPROBE-MARK") == 2


def test_the_script_does_the_same(both: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    near, _ = both
    (tmp_path / "netprobe.sh").write_text(_made().main, encoding="utf-8")
    conf = tmp_path / "netprobe.dnsmasq.conf"
    near.run("env", f"CONF={conf}", f"PATH={os.environ['PATH']}:/usr/sbin:/sbin", "sh", str(tmp_path / "netprobe.sh"))
    upstream = Upstream([BUCKET, "www.example.com"])
    with running(near, tmp_path, upstream):
        assert decide(near, Asker(), upstream.names) == {BUCKET: True, "www.example.com": False}
        assert members(near) == {upstream.addresses[BUCKET]}


def test_the_check_and_the_length_of_lines(tmp_path: Path) -> None:
    made = _made()
    write(tmp_path, made.files)
    check = [str(need.engine("dnsmasq")), "--test", "-C", str(tmp_path / "netprobe.dnsmasq.conf")]
    subprocess.run(check, check=True, capture_output=True, timeout=20)
    rules = [line for line in made.files["netprobe.dnsmasq.conf"].splitlines() if not line.startswith("#")]
    assert max(map(len, rules)) < 1024


def _quick(asker: Asker, name: str) -> str:
    return in_time(asker, name, patience=0.4)
