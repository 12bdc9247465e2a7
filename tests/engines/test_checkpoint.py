"""The management server cannot be had here: the script runs in a real shell, with a ``mgmt_cli`` that keeps the books.

The stand-in takes only calls of the documented interface, refuses an ``add`` of what exists and a ``show``, ``set`` or
``delete`` of what does not, fails on a warning that it was not told to ignore, and forgets everything since the login
when a session is discarded.
"""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netprobe.render import Rendered
from tests.support.firewall_case import INPUTS, Decides, holds, made

_STAND_IN = """#!{python} -IS
import json, os, sys
path = os.environ["BOOKS"]
books = json.load(open(path))
words = sys.argv[1:]
if words == ["login", "-r", "true"]:
    books["session"] = json.loads(json.dumps(books["published"]))
    print("sid")
else:
    assert words[0] == "-s" and open(words[1]).read() == "sid\\n", words
    verb, *rest = words[2:]
    session = books["session"]
    if verb == "publish":
        if os.environ.get("FAIL") == "publish": sys.exit(1)
        books["published"] = session
    elif verb == "discard":
        books["session"] = json.loads(json.dumps(books["published"]))
    elif verb != "logout":
        kind, *pairs = rest
        assert len(pairs) % 2 == 0, words
        given = dict(zip(pairs[::2], pairs[1::2]))
        assert len(given) == len(pairs) // 2, "an argument twice"
        name = given.pop("name")
        if os.environ.get("FAIL") == f"{{verb}} {{name}}": sys.exit(1)
        if kind == "access-rule":
            assert given.pop("layer") == "My Layer"
        ignored = given.pop("ignore-warnings", "false") == "true"
        # A port that a predefined service has, a network that another object has: a warning, and that fails the call.
        if verb in ("add", "set") and kind in ("service-tcp", "network") and not ignored: sys.exit(1)
        known = [o for o in session if (o["kind"], o["name"]) == (kind, name)]
        if (verb == "add") == bool(known): sys.exit(1)
        if verb == "add":
            top = given.pop("position", None) == "top"
            session.insert(0 if top else len(session), dict(given, kind=kind, name=name))
        elif verb == "set":
            known[0].update(given)
        elif verb == "delete":
            session.remove(known[0])
        else:
            assert verb == "show", words
            told = {{key: {{"true": True, "false": False}}.get(value, value) for key, value in known[0].items()}}
            print(json.dumps(told, indent=2))
json.dump(books, open(path, "w"))
"""


class _Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.books = folder / "books.json"
        self.books.write_text(json.dumps({"published": [], "session": []}))
        stand_in = folder / "mgmt_cli"
        stand_in.write_text(_STAND_IN.format(python=sys.executable))
        stand_in.chmod(0o755)

    def run(self, text: str, *arguments: str, fail: str = "") -> subprocess.CompletedProcess[str]:
        script = self.folder / "netprobe.sh"
        script.write_text(text)
        path = os.pathsep.join([str(self.folder), os.environ["PATH"]])
        env = {"PATH": path, "BOOKS": str(self.books), "FAIL": fail, "TMPDIR": str(self.folder)}
        return subprocess.run(["sh", str(script), *arguments], env=env, capture_output=True, text=True, timeout=60)

    def published(self) -> list[dict[str, Any]]:
        return list(json.loads(self.books.read_text())["published"])


def _decides(objects: list[dict[str, Any]]) -> Decides:
    """The first rule that fits decides; the objects are checked against what the interface documents for each."""
    known = {one["name"]: one for one in objects if one["kind"] != "access-rule"}
    rules = [one for one in objects if one["kind"] == "access-rule"]

    def fits(destination: str, name: str) -> bool:
        if destination == "Any":
            return True
        one = known[destination]
        if one["kind"] == "dns-domain":
            assert one["name"].startswith(".")
            assert one["is-sub-domain"] == "false", "the other mode asks reverse DNS"
            return bool(one["name"] == f".{name}")
        if "subnet" in one:
            network = ipaddress.ip_network(f"{one['subnet']}/{one['mask-length']}")
        else:
            network = ipaddress.ip_network(f"{one['subnet6']}/{one['mask-length6']}")
        try:
            return ipaddress.ip_address(name) in network
        except ValueError:
            return False

    def decide(name: str, port: int) -> bool:
        for rule in rules:
            assert rule["source"] == "netprobe-hosts"
            services = [value for key, value in rule.items() if key.partition(".")[0] == "service"]
            destinations = [value for key, value in rule.items() if key.partition(".")[0] == "destination"]
            if str(port) in [known[s]["port"] for s in services] and any(fits(d, name) for d in destinations):
                return bool(rule["action"] == "Accept")
        return False

    return decide


@pytest.mark.parametrize("what", INPUTS)
def test_the_rules_admit_what_is_claimed(what: str, tmp_path: Path) -> None:
    server = _Server(tmp_path)

    def read(output: Rendered) -> Decides:
        done = server.run(output.main, "My Layer")
        assert (done.returncode, done.stderr) == (0, "")
        return _decides(server.published())

    holds("checkpoint", what, read, addresses=True)


def test_a_customers_own_object_is_never_changed(tmp_path: Path) -> None:
    """A domain object is named by its domain, so it may be one that rules of the customer's use already."""
    server = _Server(tmp_path)
    theirs = {"kind": "dns-domain", "name": ".ecs.us-east-2.amazonaws.com", "is-sub-domain": "true"}
    server.books.write_text(json.dumps({"published": [theirs], "session": []}))
    done = server.run(made("checkpoint", "strict").main, "My Layer")
    assert done.returncode != 0
    assert "nothing was changed" in done.stderr
    assert server.published() == [theirs]


def test_running_it_twice_changes_nothing(tmp_path: Path) -> None:
    server = _Server(tmp_path)
    text = made("checkpoint", "strict").main
    assert server.run(text, "My Layer").returncode == 0
    once = server.published()
    assert server.run(text, "My Layer").returncode == 0
    assert server.published() == once
    assert {one["is-sub-domain"] for one in once if one["kind"] == "dns-domain"} == {"false"}
    assert [one["name"] for one in once if one["kind"] == "access-rule"] == ["netprobe-allow-443", "netprobe-deny"]


@pytest.mark.parametrize("fail", ["publish", "add netprobe-allow-443", "add .ecs.us-east-2.amazonaws.com"])
def test_a_failure_leaves_everything_as_it_was(fail: str, tmp_path: Path) -> None:
    server = _Server(tmp_path)
    done = server.run(made("checkpoint", "strict").main, "My Layer", fail=fail)
    assert done.returncode != 0
    books = json.loads(server.books.read_text())
    assert books == {"published": [], "session": []}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["books.json", "mgmt_cli", "netprobe.sh"]


def test_the_service_changes_nothing_for_rules_about_any_service(tmp_path: Path) -> None:
    """A second service that is matched for Any would stand in for https in everybody's rules."""
    server = _Server(tmp_path)
    server.run(made("checkpoint", "wide").main, "My Layer")
    services = [one for one in server.published() if one["kind"] == "service-tcp"]
    assert {one["port"]: one["match-for-any"] for one in services} == {"80": "false", "443": "false"}


def test_without_a_layer_it_does_nothing(tmp_path: Path) -> None:
    server = _Server(tmp_path)
    done = server.run(made("checkpoint", "strict").main)
    assert done.returncode != 0
    assert "access layer" in done.stderr
    assert server.published() == []
