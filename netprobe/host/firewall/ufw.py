"""ufw's rules as the chains that it loads (ufw 0.36, ``ufw-init-functions`` and ufw-framework(8), read 2026-11-28).

Before-rules, then the user's, then after-rules, then the default policy of the direction; REJECT is a rule at the end
of a chain whose policy is DROP.
"""

from __future__ import annotations

from netprobe.findings import Place
from netprobe.host.filesystem import FileSystem
from netprobe.host.firewall import iptables
from netprobe.host.firewall.model import LOOPBACK, Action, AskedPacket, Chain, FilterRule, merged
from netprobe.host.readers import settings
from netprobe.host.readers.settings import Setting

_LIMIT = 2 * 1024 * 1024
_ENABLED = "/etc/ufw/ufw.conf"
_DEFAULTS = "/etc/default/ufw"
_BUILT_IN = {"INPUT": "ACCEPT", "OUTPUT": "ACCEPT", "FORWARD": "DROP"}
_FILES = {
    4: ("/etc/ufw/before.rules", "/etc/ufw/after.rules", "/etc/ufw/user.rules"),
    6: ("/etc/ufw/before6.rules", "/etc/ufw/after6.rules", "/etc/ufw/user6.rules"),
}
_PREFIX = {4: "ufw", 6: "ufw6"}


def is_enabled(root: FileSystem) -> bool:
    """Whether ufw is switched on; its unit does nothing otherwise."""
    found = settings.last(settings.shell(root, _ENABLED), "ENABLED")
    return found is not None and found.value.lower() == "yes"


def chains(root: FileSystem, packet: AskedPacket) -> dict[str, Chain]:
    """The chains of the filter table, every condition decided for one packet.

    Raises:
        UnreadableError: a file is there and cannot be read.
    """
    if packet.family == 6 and not _speaks_ipv6(root):
        return _nothing_but_loopback(root, packet)
    files = [iptables.parse(root.lines(path, _LIMIT), path, packet) for path in _FILES[packet.family]]
    return merged(*files, *_framework(root, packet.hook.value, _PREFIX[packet.family]))


def _speaks_ipv6(root: FileSystem) -> bool:
    found = settings.last(settings.shell(root, _DEFAULTS), "IPV6")
    return found is not None and found.value.lower() == "yes"


def _nothing_but_loopback(root: FileSystem, packet: AskedPacket) -> dict[str, Chain]:
    """With ``IPV6=no`` ufw drops all of IPv6 where the kernel has it (``ufw_start``)."""
    found = settings.last(settings.shell(root, _DEFAULTS), "IPV6")
    place = found.shown if found is not None else Place(file=_DEFAULTS, text="IPV6 is not set to yes")
    inside = LOOPBACK in (packet.came_in, packet.goes_out)
    accepts = FilterRule(matches=inside, target=Action.ACCEPT, place=place)
    return {packet.hook.value: Chain(rules=(accepts,), policy=Action.DROP, place=place)}


def _framework(root: FileSystem, name: str, prefix: str) -> list[dict[str, Chain]]:
    lower = name.lower()
    policy = settings.last(settings.shell(root, _DEFAULTS), f"DEFAULT_{name}_POLICY")
    place = _place(policy, name)
    word = (policy.value if policy is not None else _BUILT_IN[name]).upper()

    def jump(to: str) -> FilterRule:
        return FilterRule(matches=True, target=Action.JUMP, chain=to, place=place)

    end = Action.ACCEPT if word == "ACCEPT" else Action.DROP
    skip = FilterRule(matches=True, target=end, place=place)
    own = Chain(rules=(jump(f"{prefix}-before-{lower}"), jump(f"{prefix}-after-{lower}")), policy=end, place=place)
    return [
        {f"{prefix}-before-{lower}": Chain(rules=(jump(f"{prefix}-user-{lower}"),))},
        {f"{prefix}-skip-to-policy-{lower}": Chain(rules=(skip,))},
        {name: own},
    ]


def _place(policy: Setting | None, name: str) -> Place:
    return policy.shown if policy is not None else Place(file=_DEFAULTS, text=f"DEFAULT_{name}_POLICY")
