"""A Suricata that runs inline at a site with rules of its own: loaded, replaced, rolled back and taken out as told.

The packets to and from port 443 go to it by NFQUEUE. Whether a client is let through is seen, not guessed: an answer of
the other side comes back, or Suricata writes that it dropped this connection.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from netprobe.render import Options, Rendered, render
from netprobe.render.model import Policy
from tests.support import need
from tests.support.render_cases import ORIGIN
from tests.support.render_engine import Namespace, namespace
from tests.support.render_sni import ORIGIN as ORIGIN_ADDRESS
from tests.support.render_sni import client_hello, echo, internet, says
from tests.support.running import Told, blocks
from tests.support.site import ALLOWED, BLOCKED, ENDPOINTS, FORMS, HOST, Question, holds, made, questions

pytestmark = [pytest.mark.engine, pytest.mark.root]

_RULES = "/var/lib/suricata/rules"
_YAML = "/etc/suricata/suricata.yaml"


def _named(action: str, names: Sequence[str]) -> str:
    return "".join(
        f'{action} tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"site"; flow:to_server,established; tls.sni; '
        f'content:"{name}"; startswith; endswith; nocase; sid:{5_000_001 + number}; rev:1;)\n'
        for number, name in enumerate(names)
    )


CLOSED = _named("pass", ALLOWED) + (
    'drop tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"site"; flow:to_server,established; '
    "ssl_state:client_hello; sid:5900001; rev:1;)\n"
)
"""Rules of a site: its own names pass, every other is dropped."""
OPEN = _named("drop", BLOCKED)
"""Rules of another: some names are dropped, and no rule speaks of the others, which go through."""


class Suricata(Told):
    """Inline by NFQUEUE, with rules of its own and a socket for commands."""

    target = "suricata"
    place = "netprobe.rules"
    old = "NAME.rules.old"

    def __init__(self, space: Namespace, folder: Path, rules: str = CLOSED) -> None:
        need.engine("iptables")
        super().__init__(space, folder, here=_RULES, user="root")
        self.path, self.socket, self.events = folder / "suricata.yaml", folder / "commands", folder / "eve.json"
        self.engine = need.engine("suricata")
        self.program("suricatasc", f'exec {shutil.which("suricatasc")} "$@" {self.socket}\n')
        (folder / "site.rules").write_text(rules, encoding="utf-8")

    def type(self, script: str, *, name: str = "netprobe", check: bool = True) -> str:
        """The configuration is the test's own, too."""
        return super().type(script.replace(_YAML, str(self.path)), name=name, check=check)

    def configure(self, made: Rendered | None) -> None:
        files = ["site.rules"] if made is None else ["site.rules", f"{made.name}.rules"]
        self.path.write_text(
            "%YAML 1.1\n---\nvars:\n  address-groups:\n"
            '    HOME_NET: "[127.0.0.0/8]"\n    EXTERNAL_NET: "!$HOME_NET"\n'
            f"default-rule-path: {self.folder}\nrule-files: [{', '.join(files)}]\nstats: {{enabled: no}}\n"
            f"unix-command: {{enabled: yes, filename: {self.socket}}}\n"
            "outputs:\n  - eve-log: {enabled: yes, filetype: regular, filename: eve.json, "
            "types: [drop: {alerts: yes, flows: all}]}\n"
            "app-layer:\n  protocols:\n    tls: {enabled: yes, detection-ports: {dp: 443}}\n",
            encoding="utf-8",
        )
        if made is not None:
            self.type(blocks("suricata", "Load")[1], name=made.name)

    def begin(self) -> None:
        for way in ("--dport", "--sport"):
            self.space.run("iptables", "-A", "OUTPUT", "-p", "tcp", way, "443", "-j", "NFQUEUE", "--queue-num", "0")
        argv = [str(self.engine), "-c", str(self.path), "-q", "0", "-k", "none", "-l", str(self.folder), "-v"]
        self.start(argv, lambda: self.logged("Engine started") == 1)

    def end(self) -> None:
        """Leave the namespace as it was."""
        super().end()
        self.space.run("iptables", "-F", "OUTPUT")

    def taken(self) -> int:
        return self.logged("rule reload complete")

    def again(self, asked: Sequence[Question]) -> Mapping[Question, bool]:
        return self.space.call(lambda: self._decided(asked))

    def _decided(self, asked: Sequence[Question]) -> dict[Question, bool]:
        """Ask all at once; wait until each is answered or was dropped."""
        begun = self.events.stat().st_size
        found: dict[Question, bool] = {}
        with contextlib.ExitStack() as stack, selectors.DefaultSelector() as answers:
            open_ones: dict[tuple[str, int], Question] = {}
            for question in asked:
                sock = stack.enter_context(_hello_to(ORIGIN_ADDRESS, question))
                open_ones[sock.getsockname()] = question
                answers.register(sock, selectors.EVENT_READ, question)
            deadline = time.monotonic() + 30
            while len(found) < len(asked):
                assert time.monotonic() < deadline, set(asked) - set(found)
                for key, _ in answers.select(0.05):
                    answers.unregister(key.fileobj)
                    found[key.data] = True
                for client in self._dropped(begun):
                    if client in open_ones:
                        found[open_ones[client]] = False
        return found

    def _dropped(self, begun: int) -> Iterator[tuple[str, int]]:
        """Who lost a packet to a rule, by the log from there on."""
        with self.events.open("rb") as log:
            log.seek(begun)
            whole = log.read().rpartition(b"\n")[0]
        for event in map(json.loads, whole.splitlines()):
            if event["event_type"] == "drop":
                yield event["src_ip"], event["src_port"]


def _hello_to(address: str, question: Question) -> socket.socket:
    client, name, port = question
    sock = socket.create_connection((address, port), timeout=10, source_address=(client, 0))
    sock.sendall(client_hello(name))
    return sock


@pytest.fixture(scope="module")
def outside() -> Iterator[Namespace]:
    """A namespace with another side."""
    with namespace() as here, internet(here, ()), echo(here):
        yield here


@pytest.mark.parametrize("form", ["additive", "additive for the host", "enforced for the host", "under another name"])
def test_a_site_is_changed_as_told_and_is_then_what_it_was(form: str, outside: Namespace, tmp_path: Path) -> None:
    policy = FORMS[form]
    with Suricata(outside, tmp_path, OPEN if policy.enforce else CLOSED) as site:
        holds(site, made("suricata", policy), policy, questions(ports=(443,)))


def test_what_a_site_passes_stays_passed_where_the_rest_is_dropped(outside: Namespace, tmp_path: Path) -> None:
    """The header says so: pass goes before drop, whoever wrote the rule."""
    policy = FORMS["enforced for the host"]
    rendered = made("suricata", policy)
    assert "a pass rule of yours goes before them" in rendered.main
    asked = questions((HOST,), (443,))
    with Suricata(outside, tmp_path) as site:
        found = site.ask(rendered, asked)
    assert found == {(c, n, p): n in ALLOWED or rendered.lowered.admits(n, p) for c, n, p in asked}


def _first_only() -> Rendered:
    return render("suricata", ENDPOINTS[2:3], origin=ORIGIN, options=Options(), policy=Policy())


def test_a_list_is_replaced_and_rolled_back_while_the_engine_runs(outside: Namespace, tmp_path: Path) -> None:
    """Another list, the way back, the signal in place of the socket, and a mistake that the page's test keeps out."""
    whole, part = made("suricata", Policy()), _first_only()
    asked = questions((HOST,), (443,))
    with Suricata(outside, tmp_path) as site:
        by_whole, by_part = site.ask(whole, asked), site.ask(part, asked)
        lost = {name for client, name, port in asked if by_whole[client, name, port] > by_part[client, name, port]}
        assert "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com" in lost
        site.roll_back()
        assert site.again(asked) == by_whole
        site.rendered(part)
        told = blocks("suricata", "Replace")
        site.takes(told[0].replace("suricatasc -c reload-rules", told[1].strip().replace("PID", str(site.pid))))
        assert site.again(asked) == by_part
        site.roll_back()
        before = site.taken()
        (tmp_path / "rendered.main").write_text(whole.main + "pass tls nonsense\n", encoding="utf-8")
        site.type(told[0], check=False)
        assert site.again(asked) == by_whole
        assert site.taken() == before


def test_what_the_page_says_of_a_rule_that_cannot_be_read(outside: Namespace, tmp_path: Path) -> None:
    """Without the page's test a running Suricata leaves that rule out, says so in its log alone, and loads the rest."""
    whole = made("suricata", Policy())
    asked = questions((HOST,), (443,))
    with Suricata(outside, tmp_path) as site:
        by_whole = site.ask(whole, asked)
        (tmp_path / "netprobe.rules").write_text("pass tls nonsense\n" + whole.main, encoding="utf-8")
        site.takes("suricatasc -c reload-rules")
        assert site.logged("error parsing signature") == 1
        assert site.again(asked) == by_whole


def test_sessions_that_are_open_survive_a_load_a_replacement_and_the_way_back(tmp_path: Path) -> None:
    """One that the site's rules passed, and one that only the render passed, even once it is gone."""
    with (
        namespace() as space,
        internet(space, ()),
        echo(space),
        Suricata(space, tmp_path) as site,
        contextlib.ExitStack() as open_ones,
    ):
        site.put(None)
        ours = open_ones.enter_context(space.call(lambda: _session("www.example.org")))
        site.put(made("suricata", Policy()))
        theirs = open_ones.enter_context(space.call(lambda: _session("ecs-t-7.us-east-2.amazonaws.com")))
        steps: list[Callable[[], None]] = [
            lambda: site.put(_first_only()),
            site.roll_back,
            lambda: site.put(None),
        ]
        for step in steps:
            step()
            says(ours, b"still here\n")
            says(theirs, b"so am I\n")
        listed, good = (HOST, "ecs-t-7.us-east-2.amazonaws.com", 443), (HOST, "www.example.org", 443)
        assert site.again([listed, good]) == {listed: False, good: True}


def _session(name: str) -> socket.socket:
    sock = socket.create_connection((ORIGIN_ADDRESS, 443), timeout=20, source_address=(HOST, 0))
    says(sock, client_hello(name))
    return sock
