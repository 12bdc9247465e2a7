"""ufw's rules as the chains that it loads (ufw 0.36, ``ufw-init-functions`` and ufw-framework(8), read 2026-11-28).

Before-rules, then the user's, then after-rules, then the default policy of the direction; REJECT is a rule at the end
of a chain whose policy is DROP.
"""

from __future__ import annotations

from netprobe.findings import Place
from netprobe.host.filesystem import FileSystem
from netprobe.host.firewall import iptables
from netprobe.host.firewall.model import Action, AskedPacket, Chain, FilterRule, merged
from netprobe.host.readers import settings
from netprobe.host.readers.settings import Setting

_LIMIT = 2 * 1024 * 1024
_ENABLED = "/etc/ufw/ufw.conf"
_DEFAULTS = "/etc/default/ufw"
_BUILT_IN = {"INPUT": "ACCEPT", "OUTPUT": "ACCEPT", "FORWARD": "DROP"}
_FILES = ("/etc/ufw/before.rules", "/etc/ufw/after.rules", "/etc/ufw/user.rules")


def is_enabled(root: FileSystem) -> bool:
    """Whether ufw is switched on; its unit does nothing otherwise."""
    found = settings.last(settings.shell(root, _ENABLED), "ENABLED")
    return found is not None and found.value.lower() == "yes"


def chains(root: FileSystem, packet: AskedPacket) -> dict[str, Chain]:
    """The chains of the filter table, every condition decided for one packet.

    Raises:
        UnreadableError: a file is there and cannot be read.
    """
    files = [iptables.parse(root.lines(path, _LIMIT), path, packet) for path in _FILES]
    return merged(*files, *_framework(root, packet.hook.value))


def _framework(root: FileSystem, name: str) -> list[dict[str, Chain]]:
    lower = name.lower()
    policy = settings.last(settings.shell(root, _DEFAULTS), f"DEFAULT_{name}_POLICY")
    place = _place(policy, name)
    word = (policy.value if policy is not None else _BUILT_IN[name]).upper()

    def jump(to: str) -> FilterRule:
        return FilterRule(matches=True, target=Action.JUMP, chain=to, place=place)

    end = Action.ACCEPT if word == "ACCEPT" else Action.DROP
    skip = FilterRule(matches=True, target=end, place=place)
    own = Chain(rules=(jump(f"ufw-before-{lower}"), jump(f"ufw-after-{lower}")), policy=end, place=place)
    return [
        {f"ufw-before-{lower}": Chain(rules=(jump(f"ufw-user-{lower}"),))},
        {f"ufw-skip-to-policy-{lower}": Chain(rules=(skip,))},
        {name: own},
    ]


def _place(policy: Setting | None, name: str) -> Place:
    return policy.shown if policy is not None else Place(file=_DEFAULTS, text=f"DEFAULT_{name}_POLICY")
