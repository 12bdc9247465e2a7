"""Cisco ASA cannot be had here: an independent reader of objects and access lists."""

from __future__ import annotations

import ipaddress
import re

import pytest

from netprobe.render import Options, Rendered, render, targets
from tests.support.firewall_case import INPUTS, Decides, holds, made
from tests.support.render_cases import ORIGIN, endpoint, enforcing

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LINE = re.compile(
    r"access-list netprobe extended (permit|deny) (?:tcp|udp) object-group netprobe-hosts "
    r"(?:object (\S+)|(any)) eq (\d+)"
)


class _Device:
    """Objects and the list, as the lines make them."""

    def __init__(self, text: str) -> None:
        self.objects: dict[str, str] = {}
        self.lines: list[tuple[bool, str, int]] = []
        self.hosts: list[str] | None = None
        here = ""
        for line in text.splitlines():
            if line.startswith("!"):
                continue
            if line == "object-group network netprobe-hosts":
                here = ""
                self.hosts = []
            elif self.hosts is not None and line.startswith(" network-object "):
                _value(["subnet", *line.split()[1:]])
                self.hosts.append(line)
            elif line.startswith("object network "):
                here = line.removeprefix("object network ")
                assert _NAME.fullmatch(here), here
                assert here not in self.objects
            elif line.startswith(" "):
                assert here, "a line of an object without its object"
                self.objects[here] = _value(line.split())
            else:
                here = ""
                self._add(line)

    def _add(self, line: str) -> None:
        match = _LINE.fullmatch(line)
        assert match, line
        action, name, any_, port = match.groups()
        assert any_ or name in self.objects, "an object must be there before the line that uses it"
        assert self.hosts, "the group is made before it is used"
        if " udp " not in line:
            self.lines.append((action == "permit", name or "any", int(port)))
        else:
            assert action == "deny", "QUIC is not asked for"

    def decides(self, name: str, port: int) -> bool:
        for permit, what, eq in self.lines:
            if eq == port and (what == "any" or _is(self.objects[what], name)):
                return permit
        return False


def _value(words: list[str]) -> str:
    match words:
        case ["fqdn", "v4", name]:
            assert len(name) <= 253
            assert all(_LABEL.fullmatch(label) for label in name.split("."))
            return name
        case ["subnet", address, mask]:
            return str(ipaddress.IPv4Network(f"{address}/{mask}"))
        case ["subnet", prefix]:
            return str(ipaddress.IPv6Network(prefix))
    raise AssertionError(words)


def _is(value: str, name: str) -> bool:
    if "/" not in value:
        return value == name
    try:
        return ipaddress.ip_address(name) in ipaddress.ip_network(value)
    except ValueError:
        return False


def _read(output: Rendered) -> Decides:
    return _Device(output.main).decides


@pytest.mark.parametrize("what", INPUTS)
def test_the_list_admits_what_is_claimed(what: str) -> None:
    holds("cisco-asa", what, _read, addresses=True)


def test_every_port_ends_with_its_denial_and_nothing_is_cleared() -> None:
    text = made("cisco-asa", "wide").main
    lines = _Device(text).lines
    assert lines[-2:] == [(False, "any", 80), (False, "any", 443)]
    assert all(permit for permit, _, _ in lines[:-2])
    assert not re.search(r"^\s*(no|clear) ", text, re.MULTILINE), "clearing the list opens the interface"


def test_no_object_is_unused() -> None:
    """The device resolves only what an access list uses."""
    device = _Device(made("cisco-asa", "wide").main)
    assert {what for _, what, _ in device.lines} == {*device.objects, "any"}


def test_what_the_page_has_one_type_is_a_session() -> None:
    """``commit`` takes ``revert-save`` only behind ``noconfirm``; without a saved session there is no way back.

    A committed session takes no further lines, so a replacement needs a new one; and only in it is the list cleared.
    """
    page = targets.page("cisco-asa")
    typed = [line.strip() for line in page.splitlines() if line.startswith("    ")]
    assert [line for line in typed if line.startswith("commit")] == ["commit noconfirm revert-save"] * 2
    clear = typed.index("clear configure access-list netprobe")
    assert typed[clear - 2 : clear] == ["clear configuration session netprobe", "configure session netprobe"]
    assert "commit noconfirm revert-save" in targets.get("cisco-asa").COMMANDS.load


@pytest.mark.parametrize(
    "bad",
    [
        "object network x\n fqdn v4 *.example.com",
        "access-list netprobe extended permit tcp object-group netprobe-hosts object missing eq 443",
        "object network x\n subnet 192.0.2.1 255.255.255.0",
        " fqdn v4 a.example.com",
        "access-list netprobe extended permit ip any any",
    ],
)
def test_the_reader_notices_what_is_invalid(bad: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        _Device(bad)


def test_a_long_first_label_has_an_object_too() -> None:
    """Names of objects have at most 63 characters; 64 ended the render."""
    name = f"{'a' * 60}.example.com"
    policy = enforcing("cisco-asa")
    output = render("cisco-asa", (endpoint(name, "own"),), origin=ORIGIN, options=Options(), policy=policy)
    assert _read(output)(name, 443)
    assert all(len(one) <= 63 for one in _Device(output.main).objects)
