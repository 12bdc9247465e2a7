"""``--discover`` and ``--resolve`` against a DNS server of our own on loopback."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from netprobe.cli.main import run
from tests.support.cli import environment

REGION = "us-east-2.amazonaws.com"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def _dns(
    exists: dict[str, tuple[str, str]], *, everything: bool = False, fails: tuple[str, ...] = (), many: int = 1
) -> Iterator[str]:
    """Answer A and AAAA for these names, NXDOMAIN for the rest (or the first answer for every name).

    Args:
        exists: addresses by name.
        everything: answer for every name.
        fails: labels, or record types, of the questions that are answered with SERVFAIL.
        many: how many addresses an answer has.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            data, client = sock.recvfrom(4096)
            if not data:
                return
            query = dns.message.from_wire(data)
            question = query.question[0]
            name = question.name.to_text(omit_final_dot=True).lower()
            answer = dns.message.make_response(query, recursion_available=True)
            found = exists.get(name) or (("192.0.2.99", "2001:db8::99") if everything else None)
            kind = dns.rdatatype.to_text(question.rdtype)
            if name.partition(".")[0] in fails or kind in fails:
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif found is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            else:
                first = ipaddress.ip_address(found[0] if kind == "A" else found[1])
                texts = [str(first + number) for number in range(many)]
                answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *texts))
            sock.sendto(answer.to_wire(), client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{sock.getsockname()[1]}"
    finally:
        stop.set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", sock.getsockname())
        thread.join()
        sock.close()


_EXISTS = {
    f"{name}.{REGION}": (f"192.0.2.{i}", f"2001:db8::{i}")
    for i, name in enumerate(("ecs", "ecs-a", "ecs-a-3", "ecs-a-17", "ecs-t", "ecs-t-3"), start=1)
}
_CONTROL = ["-r", "us-east-2", "--without", "ssm,images,logs,metrics"]


def test_discover_writes_a_lock_that_later_renders_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _dns(_EXISTS) as server:
        argv = ["render", "panos", *_CONTROL, "--enumerate"]
        assert run([*argv, "--discover", "--resolver", server]) == 0
        out = capsys.readouterr().out
    assert f"list ecs-a-17.{REGION}/" in out
    assert "^." not in out
    document = json.loads((here / "netprobe.lock").read_text(encoding="utf-8"))
    assert list(document["patterns"][f"ecs-a-*.{REGION}"]["names"]) == [f"ecs-a-3.{REGION}", f"ecs-a-17.{REGION}"]
    assert document["patterns"][f"ecs-a-*.{REGION}"]["resolver"] == server
    # The server is gone: the lock alone gives the same bytes, again and again.
    assert run(argv) == 0
    assert capsys.readouterr().out == out
    assert f"by {server}" in out


def test_several_processes_that_look_at_once_lose_nothing(here: Path) -> None:
    """Each looks at a region of its own and writes into the same lock."""
    regions = ("us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1", "ap-south-1")
    exists = {name.replace("us-east-2", one): found for name, found in _EXISTS.items() for one in regions}
    with _dns(exists) as server:
        rest = ["--without", "ssm,images,logs,metrics", "--enumerate", "--discover", "--resolver", server]
        argv = [sys.executable, "-m", "netprobe", "render", "panos", *rest, "--lock", "shared.lock", "-o", "/dev/null"]
        running = [subprocess.Popen([*argv, "-r", one], env=environment(), stderr=subprocess.PIPE) for one in regions]
        said = [one.communicate(timeout=90)[1].decode() for one in running]
    assert [one.returncode for one in running] == [0] * len(regions), said
    patterns = json.loads((here / "shared.lock").read_text(encoding="utf-8"))["patterns"]
    assert {one.split(".")[1] for one in patterns} == set(regions)
    assert all(len(sighting["names"]) > 0 for sighting in patterns.values())
    assert sorted(path.name for path in here.iterdir()) == ["shared.lock"], "nothing is left beside it"


_WRITER = """
import sys
from pathlib import Path
from netprobe.cli import render_input
from netprobe.render.lock import Lock, Sighting
for number in range(int(sys.argv[2])):
    name = f"n{number}.{sys.argv[1]}.example"
    seen = Sighting(at="2026-11-28T10:00:00Z", resolver="192.0.2.53", names={name: ("192.0.2.1",)})
    render_input._kept(Path("shared.lock"), Lock(patterns={name: seen}), lab=False)
"""


def test_every_addition_of_every_process_is_there_at_the_end(here: Path) -> None:
    """Without the folder's lock some of these hundred additions are lost in each run."""
    argv = [sys.executable, "-c", _WRITER]
    running = [subprocess.Popen([*argv, f"w{one}", "25"], env=environment(), cwd=here) for one in range(4)]
    assert [one.wait(timeout=90) for one in running] == [0] * 4
    patterns = json.loads((here / "shared.lock").read_text(encoding="utf-8"))["patterns"]
    assert set(patterns) == {f"n{number}.w{one}.example" for number in range(25) for one in range(4)}


def test_only_the_numbers_asked_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _dns(_EXISTS) as server:
        argv = ["render", "panos", *_CONTROL, "--enumerate", "--discover", "--resolver", server, "--lock", "my.lock"]
        assert run([*argv, "--ecs-numbers", "1-9"]) == 0
    assert f"ecs-a-17.{REGION}" not in capsys.readouterr().out
    assert (here / "my.lock").exists()
    assert not (here / "netprobe.lock").exists()


def test_resolved_addresses_are_told_with_time_and_server(capsys: pytest.CaptureFixture[str]) -> None:
    with _dns(_EXISTS) as server:
        assert run(["render", "nftables", *_CONTROL, "--resolve", "--resolver", server]) == 0
    out, err = capsys.readouterr()
    for number in range(1, 7):
        assert f"192.0.2.{number}/32," in out
        assert f"2001:db8::{number}/128," in out
    assert f"by {server}" in out
    assert f"by {server}" in err


def test_names_are_not_looked_up_for_a_target_that_takes_none_of_their_addresses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing listens on port 9 of loopback: a question would fail the render."""
    assert run(["render", "squid", *_CONTROL, "--resolve", "--resolver", "127.0.0.1:9"]) == 0
    out, _ = capsys.readouterr()
    assert f"ecs.{REGION}" in out


def test_a_name_without_an_address_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    without = {name: found for name, found in _EXISTS.items() if name != f"ecs.{REGION}"}
    with _dns(without) as server:
        assert run(["render", "nftables", *_CONTROL, "--resolve", "--resolver", server]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "refused: ecs in us-east-2" in err


def test_a_sinkhole_never_gets_into_an_allowlist(capsys: pytest.CaptureFixture[str]) -> None:
    sunk = {**_EXISTS, f"ecs.{REGION}": ("0.0.0.0", "::")}
    with _dns(sunk) as server:
        assert run(["render", "nftables", *_CONTROL, "--resolve", "--resolver", server]) == 1
    assert "0.0.0.0" not in capsys.readouterr().out


def test_a_server_that_answers_for_everything_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _dns(_EXISTS, everything=True) as server:
        assert run(["render", "panos", *_CONTROL, "--discover", "--resolver", server]) == 2
    assert "cannot exist" in capsys.readouterr().err
    assert not (here / "netprobe.lock").exists()


def test_a_look_that_was_answered_in_part_takes_no_list_s_place(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that the resolver fails for is not one that does not exist: the lock would lose it without a word."""
    argv = ["render", "panos", *_CONTROL, "--enumerate", "--discover", "-o", "made"]
    with _dns(_EXISTS) as server:
        assert run([*argv, "--resolver", server]) == 0
    before = {name: (here / name).read_bytes() for name in ("netprobe.lock", "made/netprobe.set")}
    capsys.readouterr()
    everything = ("A", "AAAA")
    for fails in (("ecs-a-17",), everything):
        with _dns(_EXISTS, fails=fails) as server:
            assert run([*argv, "--resolver", server]) == 2
            said = capsys.readouterr().err
            assert said.startswith(f"netprobe: {server}: it did not answer (A and AAAA) for ")
            assert f"ecs-a-{1 if fails == everything else 17}.{REGION}" in said
            assert run(["render", "nftables", *_CONTROL, "--resolve", "--resolver", server, "-o", "made.nft"]) == 2
            assert "did not answer" in capsys.readouterr().err
    assert {name: (here / name).read_bytes() for name in before} == before
    assert not (here / "made.nft").exists()


def test_silence_about_one_family_matters_where_addresses_are_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    with _dns(_EXISTS, fails=("AAAA",)) as server:
        assert run(["render", "panos", *_CONTROL, "--enumerate", "--discover", "--resolver", server]) == 0
        assert f"list ecs-a-17.{REGION}/" in capsys.readouterr().out
        argv = ["render", "nftables", *_CONTROL, "--resolve", "--resolver", server]
        assert run(argv) == 2
        assert "did not answer (AAAA) for 6 names" in capsys.readouterr().err
        assert run([*argv, "-4"]) == 0
        assert "192.0.2.4/32," in capsys.readouterr().out


def test_an_answer_of_which_only_a_part_is_kept_makes_no_list(capsys: pytest.CaptureFixture[str]) -> None:
    with _dns(_EXISTS, many=17) as server:
        assert run(["render", "nftables", *_CONTROL, "--resolve", "--resolver", server]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "more addresses for 6 names" in err
    with _dns(_EXISTS, many=16) as server:
        assert run(["render", "nftables", *_CONTROL, "--resolve", "--resolver", server]) == 0


def test_what_a_filter_may_have_answered_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    odd = {**_EXISTS, f"ecs.{REGION}": ("10.9.8.7", "fd00::7"), f"ecs-a-3.{REGION}": ("127.0.0.1", "2001:db8::4")}
    with _dns(odd) as server:
        assert run(["render", "nftables", *_CONTROL, "--resolve", "--resolver", server]) == 0
    out, err = capsys.readouterr()
    assert "10.9.8.7/32," in out
    assert f"private addresses such as 10.9.8.7 were answered for ecs.{REGION}:" in err
    assert f"answers such as 127.0.0.1 for ecs-a-3.{REGION} are left out" in err
    assert "127.0.0.1/32" not in out


def test_in_the_lab(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The embedded network knows numbered names; what it says goes into a lock of its own, marked, or nowhere."""
    argv = ["render", "panos", *_CONTROL, "--enumerate", "-q"]
    assert run([*argv, "--discover", "--lab", "healthy"]) == 2
    assert "name another file with --lock" in capsys.readouterr().err
    assert not (here / "netprobe.lock").exists()
    assert run([*argv, "--discover", "--lab", "healthy", "--lock", "lab.lock"]) == 0
    assert "list ecs-a-" in capsys.readouterr().out
    assert run([*argv, "--lock", "lab.lock"]) == 2
    assert "a lab answered for it" in capsys.readouterr().err
    document = json.loads((here / "lab.lock").read_text(encoding="utf-8"))
    assert all(not found for s in document["patterns"].values() for found in s["names"].values())


def test_numbered_names_stand_in_the_order_of_their_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "panos", *_CONTROL, "--ecs-numbers", "1-11", "--enumerate", "-q"]) == 0
    found = re.findall(rf"list (ecs-a-[0-9]+)\.{re.escape(REGION)}/", capsys.readouterr().out)
    assert list(dict.fromkeys(found)) == [f"ecs-a-{number}" for number in range(1, 12)]


def test_numbers_that_nobody_saw_are_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "panos", *_CONTROL, "--enumerate", "--ecs-numbers", "1-3"]) == 0
    out, _ = capsys.readouterr()
    assert f"list ecs-t-3.{REGION}/" in out
    assert "not seen" in out
