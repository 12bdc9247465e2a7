"""What a page says about the two forms is what the target declares."""

from __future__ import annotations

import pytest

from netprobe.errors import UsageError
from netprobe.render import targets
from netprobe.render.forms import section
from netprobe.render.model import Policy, Scope
from netprobe.render.policy import everybody_else, policy, settle


@pytest.mark.parametrize("name", targets.names())
def test_a_page_says_which_forms_there_are_and_for_whom(name: str) -> None:
    target = targets.get(name)
    page = " ".join(targets.page(name).split())
    assert "## What it does to whom" in page
    assert ("no form that only allows" in page) == (target.SCOPE.enforces and not target.SCOPE.additive)
    assert ("`--enforce` asks for `--every-client`" in page) == (
        target.SCOPE.enforces and not (target.SCOPE.clients or target.SCOPE.own_host or target.SCOPE.selector)
    )
    assert target.SCOPE.sessions in page or not target.SCOPE.enforces


def test_the_section_follows_the_scope() -> None:
    scope = Scope(clients="acl src", sessions="they stay open")
    said = section(scope, targets.get("squid").CAPABILITY, targets.get("squid").PROOF)
    assert "for the hosts in `--source` (by acl src)" in " ".join(said.split())


@pytest.mark.parametrize("name", targets.names())
def test_nobody_is_denied_who_was_not_named(name: str) -> None:
    """A device that serves others too denies only for a source, or for everybody on request."""
    target = targets.get(name)
    if not target.SCOPE.enforces:
        with pytest.raises(UsageError, match="no form that denies"):
            settle(target, Policy(enforce=True))
        return
    if target.SCOPE.own_host or target.SCOPE.selector:
        settle(target, Policy(enforce=True))
        return
    with pytest.raises(UsageError, match="--every-client"):
        settle(target, Policy(enforce=True))
    settle(target, Policy(enforce=True, every_client=True))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"sources": ["10.0.0.0/8"], "every_client": True, "enforce": True}, "exclude each other"),
        ({"every_client": True}, "without --enforce"),
        ({"all_ports": True}, "without --enforce"),
        ({"keep": ["10.0.0.0/8"], "enforce": True}, "add --all-ports"),
        ({"sources": ["10.0.0.1/8"]}, "not an IP network"),
        ({"sources": ["proxy.example.com"]}, "not an IP network"),
        ({"sources": ["fe80::1%eth0"]}, "not an IP network"),
        ({"sources": ["0.0.0.0/0"]}, "every address there is"),
        ({"sources": ["::/0"]}, "every address there is"),
        ({"name": "Netprobe"}, "cannot be the stem"),
        ({"name": "a" * 17}, "cannot be the stem"),
        ({"name": "x; reboot"}, "cannot be the stem"),
        ({"name": "ends-"}, "cannot be the stem"),
        ({"name": "filter", "enforce": True}, "would be replaced"),
        ({"name": "forward"}, "would be replaced"),
        ({"name": "docker-user"}, "would be replaced"),
        ({"name": "wan-in"}, "would be replaced"),
        ({"sources": [f"192.0.2.{i}" for i in range(201)]}, "more than 200"),
    ],
)
def test_a_wrong_policy_is_told(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        policy(**wrong)  # type: ignore[arg-type]


def test_everybody_else_is_everybody_else() -> None:
    import ipaddress

    for sources in (("10.20.0.0/16",), ("192.0.2.1/32", "192.0.2.2/32", "2001:db8::/32")):
        rest = [ipaddress.ip_network(one) for one in everybody_else(sources)]
        hosts = [ipaddress.ip_network(one) for one in sources]
        for version, size in ((4, 2**32), (6, 2**128)):
            held = sum(one.num_addresses for one in (*rest, *hosts) if one.version == version)
            assert held == size
        assert not any(one.version == two.version and one.overlaps(two) for one in rest for two in hosts)
