"""Smokescreen cannot be built here: an independent reader of its ACL file, as its source loads, checks and asks it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from netprobe.render import Rendered, render
from netprobe.render.model import Policy
from tests.support.firewall_case import INPUTS, Decides, holds
from tests.support.render_cases import CASES, ORIGIN

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def _check(glob: str) -> None:
    """What ``ValidateDomainGlob`` refuses, which ends the start."""
    assert glob not in {"", "*", "*."}
    rest = glob.removeprefix("*.")
    assert "*" not in rest, f"{glob}: domain globs are only supported as prefix"
    assert _NAME.fullmatch(rest), f"{glob}: not in its normal form"


def _matches(host: str, glob: str) -> bool:
    """``HostMatchesGlob``: beneath the name for ``*.``, the name itself without."""
    _check(glob)
    host = host.lower().rstrip(".")
    return host.endswith(glob[1:]) if glob.startswith("*.") else host == glob


def _decide(acl: Mapping[str, Any], role: str, host: str) -> bool:
    """``ACL.Decide``: the rule's own list, what is denied to all, what is allowed to all, the rule's action."""
    assert acl["version"] == "v1"
    rule = next((one for one in acl["services"] if one["name"] == role), acl.get("default"))
    if rule is None:
        return False
    if any(_matches(host, glob) for glob in rule.get("allowed_domains") or ()):
        return True
    for key, answer in (("global_deny_list", False), ("global_allow_list", True)):
        if any(_matches(host, glob) for glob in acl.get(key) or ()):
            return answer
    return bool(rule["action"] in {"open", "report"})


def _read(output: Rendered) -> Decides:
    acl = yaml.safe_load(output.main)
    ports = {entry.port for entry in output.lowered.entries}
    return lambda name, port: port in ports and _decide(acl, "anybody", name)


@pytest.mark.parametrize("what", INPUTS)
def test_the_file_admits_what_is_claimed(what: str) -> None:
    holds("smokescreen", what, _read)


SITE = """
version: v1
services:
  - {name: payments, project: p, action: enforce, allowed_domains: [bank.example.com]}
  - {name: loose, project: p, action: report, allowed_domains: []}
default: {name: default, project: d, action: enforce, allowed_domains: ["*.intranet.example.com"]}
global_deny_list: ["*.bad.example.com"]
global_allow_list: [time.example.com]
"""


def test_on_a_site_of_its_own_it_only_adds() -> None:
    """What was allowed to each role still is; the endpoints are; nothing else is."""
    made = render("smokescreen", CASES["wide"].endpoints, origin=ORIGIN, options=CASES["wide"].options, policy=Policy())
    before, after, added = (yaml.safe_load(text) for text in (SITE, SITE, made.main))
    assert set(added) == {"global_allow_list"}
    after["global_allow_list"] += added["global_allow_list"]
    asked = (
        "bank.example.com",
        "a.intranet.example.com",
        "time.example.com",
        "x.bad.example.com",
        "www.example.com",
        "ecs.us-east-2.amazonaws.com",
        "ecs.eu-west-1.amazonaws.com",
        "download.docker.com",
    )
    for role in ("payments", "loose", "anybody"):
        for host in asked:
            expected = _decide(before, role, host) or made.lowered.admits(host)
            assert _decide(after, role, host) == expected, (role, host)
    assert not _decide(before, "payments", "ecs.us-east-2.amazonaws.com")
    assert _decide(after, "payments", "ecs.us-east-2.amazonaws.com")


def test_the_reader_notices_what_smokescreen_refuses() -> None:
    for glob in ("*", "*.", "*a.example.com", "a.*.example.com", "A.example.com", "a.example.com."):
        with pytest.raises(AssertionError):
            _check(glob)
