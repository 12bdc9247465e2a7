"""Windows cannot be had here: the script is parsed with tree-sitter's PowerShell grammar, and its commands are read."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import tree_sitter
import tree_sitter_powershell

from netprobe.render import Rendered, render, targets
from netprobe.render.model import Form
from tests.support.firewall_case import INPUTS, Decides, holds, made
from tests.support.render_cases import CASES, ORIGIN, Limited, closed

_PARAMETERS = {
    "Get-NetFirewallRule": {"-Group", "-ErrorAction"},
    "Remove-NetFirewallRule": set(),
    "Remove-NetFirewallDynamicKeywordAddress": {"-Id", "-ErrorAction"},
    "New-NetFirewallDynamicKeywordAddress": {"-Id", "-Keyword", "-AutoResolve"},
    "New-NetFirewallRule": {
        *("-Name", "-DisplayName", "-Group", "-Direction", "-Action", "-Protocol", "-RemotePort"),
        *("-RemoteDynamicKeywordAddresses", "-RemoteAddress"),
    },
    "Set-NetFirewallProfile": {"-Profile", "-Enabled", "-DefaultOutboundAction"},
    "Join-Path": set(),
    "Test-Path": set(),
    "netsh": set(),
    "Get-MpPreference": set(),
    "Get-CimInstance": {"-ClassName"},
    "Resolve-DnsName": {"-Name"},
    "Get-NetFirewallDynamicKeywordAddress": {"-Id"},
    "Get-Date": set(),
    "Out-Null": set(),
    "New-ScheduledTaskAction": {"-Execute", "-Argument"},
    "New-ScheduledTaskTrigger": {"-Once", "-At"},
    "New-ScheduledTaskSettingsSet": {
        *("-StartWhenAvailable", "-AllowStartIfOnBatteries", "-DontStopIfGoingOnBatteries"),
    },
    "Register-ScheduledTask": {"-Force", "-TaskName", "-User", "-Action", "-Trigger", "-Settings"},
}


@dataclass
class _Command:
    name: str
    positional: list[list[str]] = field(default_factory=list)
    named: dict[str, list[str]] = field(default_factory=dict)

    def one(self, parameter: str) -> str:
        (value,) = self.named[parameter]
        return value


def _commands(text: str) -> list[_Command]:
    """Every command of the script in order, as a real grammar sees it; nothing that it does not know."""
    language = tree_sitter.Language(tree_sitter_powershell.language())
    root = tree_sitter.Parser(language).parse(text.encode()).root_node
    assert not root.has_error, "this is not PowerShell"
    found = [_command(node) for node in _all(root, "command")]
    for command in found:
        assert set(command.named) <= _PARAMETERS[command.name], command
    return found


def _all(node: tree_sitter.Node, kind: str) -> Iterator[tree_sitter.Node]:
    if node.type == kind:
        yield node
    for child in node.children:
        yield from _all(child, kind)


def _text(node: tree_sitter.Node) -> str:
    assert node.text is not None
    return node.text.decode()


def _command(node: tree_sitter.Node) -> _Command:
    (name,) = [child for child in node.children if child.type == "command_name"]
    made_ = _Command(name=_text(name))
    key = ""
    for elements in [child for child in node.children if child.type == "command_elements"]:
        for element in elements.children:
            if element.type == "command_argument_sep":
                continue
            if element.type == "command_parameter":
                key = _text(element)
                assert key not in made_.named
                made_.named[key] = []
            elif key:
                made_.named[key] += _values(element)
            else:
                made_.positional.append(_values(element))
    return made_


def _values(node: tree_sitter.Node) -> list[str]:
    """What an argument says: strings in single quotes, in which nothing is expanded, or bare words."""
    assert not list(_all(node, "expandable_string_literal")), "a string that PowerShell would expand"
    strings = [_text(found) for found in _all(node, "verbatim_string_characters")]
    if strings:
        return [string[1:-1].replace("''", "'") for string in strings]
    return [_text(node)]


def _decides(output: Rendered) -> Decides:
    commands = _commands(output.main)
    keywords: dict[str, str] = {}
    rules = []
    for command in commands:
        match command.name:
            case "Remove-NetFirewallDynamicKeywordAddress":
                keywords.pop(command.one("-Id"), None)
            case "New-NetFirewallDynamicKeywordAddress":
                identifier = command.one("-Id")
                assert str(uuid.UUID(identifier)) == identifier.strip("{}")
                assert identifier not in keywords, "an identifier that exists is refused"
                assert command.one("-AutoResolve") == "$true"
                keywords[identifier] = command.one("-Keyword")
            case "New-NetFirewallRule":
                fixed = ("-Group", "-Direction", "-Action", "-Protocol")
                assert [command.one(p) for p in fixed] == ["netprobe", "Outbound", "Allow", "TCP"]
                rules.append(command)
    names = [rule.one("-Name") for rule in rules]
    assert len(set(names)) == len(names)
    assert commands[-1].named["-DefaultOutboundAction"] == ["Block"]

    def decide(name: str, port: int) -> bool:
        for rule in rules:
            if rule.one("-RemotePort") != str(port):
                continue
            if any(_keyword(keywords[i], name) for i in rule.named.get("-RemoteDynamicKeywordAddresses", ())):
                return True
            if any(_within(net, name) for net in rule.named.get("-RemoteAddress", ())):
                return True
        return False

    return decide


def _keyword(keyword: str, name: str) -> bool:
    """``*.x`` is documented for hosts, at no stated depth; the claim is every depth."""
    assert re.fullmatch(r"(\*\.)?[a-z0-9.-]+", keyword), keyword
    if keyword.startswith("*."):
        return name.endswith(keyword[1:]) and name != keyword[1:]
    return name == keyword


def _within(network: str, name: str) -> bool:
    try:
        return ipaddress.ip_address(name) in ipaddress.ip_network(network)
    except ValueError:
        return False


@pytest.mark.parametrize("what", INPUTS)
def test_the_rules_admit_what_is_claimed(what: str) -> None:
    holds("windows-firewall", what, _decides, addresses=True)


def test_names_and_addresses_are_rules_of_their_own() -> None:
    """Within one rule both conditions would have to hold."""
    options = CASES["wide"].options
    narrow = type(options)(allow_widening=True, addresses=options.addresses)
    module = Limited("windows-firewall", Form.EXACT, Form.ADDRESS)
    endpoints = CASES["wide"].endpoints
    output = render(module, endpoints, origin=ORIGIN, options=narrow, policy=closed("windows-firewall"))  # type: ignore[arg-type]
    rules = [c for c in _commands(output.main) if c.name == "New-NetFirewallRule"]
    kinds = [{"-RemoteAddress", "-RemoteDynamicKeywordAddresses"} & set(rule.named) for rule in rules]
    assert all(len(kind) == 1 for kind in kinds)
    assert {*kinds[0], *kinds[-1]} == {"-RemoteAddress", "-RemoteDynamicKeywordAddresses"}
    decide = _decides(output)
    assert decide("192.0.2.77", 443) == output.lowered.admits("192.0.2.77", 443) is True
    assert decide("ecs.us-east-2.amazonaws.com", 443)
    assert not decide("sts.us-east-2.amazonaws.com", 443)


def test_it_saves_first_and_blocks_last() -> None:
    commands = [command.name for command in _commands(made("windows-firewall", "wide").main)]
    assert commands[:5] == ["Get-MpPreference", "Get-CimInstance", "Join-Path", "Test-Path", "netsh"]
    assert commands[-3:] == ["Register-ScheduledTask", "Out-Null", "Set-NetFirewallProfile"]
    assert "Resolve-DnsName" in [command.name for command in _commands(made("windows-firewall", "strict").main)]
    assert commands[-1] == "Set-NetFirewallProfile"
    assert commands.count("Set-NetFirewallProfile") == 1


def test_the_way_back_works_in_the_same_shell() -> None:
    """PowerShell expands no ``%ProgramData%``: netsh would look for a file of that name, and find none."""
    output = made("windows-firewall", "strict").main
    page = targets.page("windows-firewall")
    command = 'netsh advfirewall import "$env:ProgramData\\netprobe-before.wfw"'
    assert "netsh advfirewall export $before" in output
    assert "Join-Path $env:ProgramData 'netprobe-before.wfw'" in output
    assert f"# Roll back: {command} " in output
    assert f"    {command}\n" in page
    assert "%" not in page


@pytest.mark.parametrize("hostile", ["x'; Stop-Computer #", "#> Stop-Computer", "$(Stop-Computer)", "`n Stop-Computer"])
def test_a_hostile_header_adds_no_command(hostile: str) -> None:
    origin = type(ORIGIN)(command=hostile, catalog=hostile, notes=(hostile,))
    case = CASES["strict"]
    bad = render(
        "windows-firewall", case.endpoints, origin=origin, options=case.options, policy=closed("windows-firewall")
    )
    assert _commands(bad.main) == _commands(made("windows-firewall", "strict").main)


def test_the_reader_notices_what_is_invalid() -> None:
    for bad in ("New-NetFirewallRule -Name 'x", "Stop-Computer", 'New-NetFirewallRule -Name "$x"', "netsh -Evil 1"):
        with pytest.raises((AssertionError, KeyError)):
            _commands(bad)


def test_it_throws_before_anything_changes() -> None:
    """On Windows Server network protection is off, no keyword ever gets an address, and everything was cut."""
    text = made("windows-firewall", "strict").main
    first_change = text.index("Remove-NetFirewallRule")
    for reason in ("build 20348 or later", "network protection is not enabled", "not allowed on Windows Server"):
        assert text.index(reason) < first_change
    assert text.index("no address was learned yet for ecs.us-east-2.amazonaws.com") < text.index(
        "DefaultOutboundAction"
    )


def test_audit_mode_of_network_protection_is_enough() -> None:
    """Microsoft's page: it must be in block (1) or audit (2) mode; 0 is off."""
    text = made("windows-firewall", "strict").main
    (line,) = [line for line in text.splitlines() if "EnableNetworkProtection" in line]
    modes = re.fullmatch(r"if \(\$defender\.EnableNetworkProtection -notin ([\d, ]+)\) \{ throw '.*' \}", line)
    assert modes is not None
    assert {int(mode) for mode in modes.group(1).split(",")} == {1, 2}


def test_without_enforce_nothing_is_blocked() -> None:
    case = CASES["strict"]
    text = render("windows-firewall", case.endpoints, origin=ORIGIN, options=case.options).main
    assert [c.name for c in _commands(text)].count("New-NetFirewallRule") == 1
    assert "DefaultOutboundAction" not in text
    assert "ScheduledTask" not in text
    assert "param(" not in text


def test_a_script_that_can_block_does_so_only_when_it_is_told() -> None:
    """Called without its switch it ends behind the rules that allow, before anything is scheduled or blocked."""
    text = made("windows-firewall", "strict").main
    code = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert code[0] == "param([switch] $Enforce)"
    gate = text.index("if (-not $Enforce) { return }")
    assert text.index("New-NetFirewallRule") < gate
    assert gate < text.index("Register-ScheduledTask") < text.index("DefaultOutboundAction Block")


def test_the_way_back_is_scheduled_by_date_and_time() -> None:
    """An hour and a minute alone, ten minutes before midnight, lay in the past, and the task never ran."""
    text = made("windows-firewall", "strict").main
    assert "$until = (Get-Date).AddMinutes(10)" in text
    assert "New-ScheduledTaskTrigger -Once -At $until" in text
    assert "HH:mm" not in text
