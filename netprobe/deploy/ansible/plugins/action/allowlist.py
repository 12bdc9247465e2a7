# Copyright: the netprobe maintainers
# MIT, see LICENSE of netprobe
"""Render an allowlist on the controller and deploy it, with a look before and a way back."""

from __future__ import annotations

import os
import re
import shlex
import subprocess

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.netprobe.ecs_anywhere.plugins.plugin_utils.remote import Remote

DEFAULTS = {
    "squid": {
        "path": "/etc/squid/netprobe/netprobe.conf",
        # It ends with 0 for a bad expression, so what it says counts as well; one that is not there says nothing.
        "validate": "said=$(squid -k parse 2>&1) && ! printf '%s\\n' \"$said\" | grep -E 'ERROR|FATAL'",
        "load": "squid -k reconfigure",
        "unload": "squid -k reconfigure",
        "empty": "# netprobe: nothing is allowed by this file\n",
    },
    "nftables": {
        "path": "/etc/nftables.d/netprobe.nft",
        "validate": "nft -c -f /etc/nftables.conf",
        "load": "nft -f /etc/nftables.conf",
        "unload": "nft -f /etc/nftables.conf",
        "empty": "chain netprobe {\n}\n",
    },
    "iptables": {
        "path": "/etc/netprobe/iptables.sh",
        "validate": "sh -n {path}",
        "load": "sh {path}",
        "unload": (
            "for t in iptables ip6tables; do $t -D OUTPUT ! -o lo -j NETPROBE 2>/dev/null; "
            "$t -F NETPROBE 2>/dev/null; $t -X NETPROBE 2>/dev/null; done; true"
        ),
        "empty": "",
    },
}
"""Target → where its file goes, and the commands that judge, load and take out. ``{path}`` is the file."""


class ActionModule(ActionBase):
    """The action of the module of the same name."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        """Do it."""
        result = super().run(tmp, task_vars)
        _, asked = self.validate_argument_spec(
            argument_spec={
                "target": {"type": "str", "choices": sorted(DEFAULTS), "required": True},
                "regions": {"type": "list", "elements": "str", "default": []},
                "options": {"type": "list", "elements": "str", "default": []},
                "netprobe": {"type": "str", "default": "netprobe"},
                "path": {"type": "path"},
                "validate": {"type": "str"},
                "load": {"type": "str"},
                "unload": {"type": "str"},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            },
            required_if=[("state", "present", ("regions",))],
        )
        defaults = DEFAULTS[asked["target"]]
        path = asked["path"] or defaults["path"]
        commands = {
            name: (asked[name] or defaults[name]).replace("{path}", shlex.quote(path))
            for name in ("validate", "load", "unload")
        }
        remote = Remote(self)
        before = remote.text(path)
        after = self._rendered(asked) if asked["state"] == "present" else defaults["empty"]
        if asked["state"] == "absent" and before is None:
            after = ""
        result["diff"] = {
            "before": before or "",
            "after": after,
            "before_header": path,
            "after_header": path,
        }
        result.update(changed=_timeless(before or "") != _timeless(after), path=path)
        if not result["changed"] or self._task.check_mode:
            return result
        if asked["state"] == "present":
            self._swap(remote, path, before, after, commands)
        else:
            self._take_out(remote, path, after, commands)
        return result

    def _rendered(self, asked):
        """What netprobe on the controller writes; its notes go to the log."""
        command = [asked["netprobe"], "render", asked["target"]]
        for region in asked["regions"]:
            command += ["--region", region]
        try:
            done = subprocess.run(
                [*command, *asked["options"]],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=300,
                check=False,
                text=True,
                env={**os.environ, "NO_COLOR": "1"},
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise AnsibleActionFail("%s cannot be run on the controller: %s" % (asked["netprobe"], exc)) from exc
        if done.returncode != 0 or not done.stdout.strip():
            raise AnsibleActionFail("netprobe render: %s" % done.stderr.strip()[-1000:])
        return done.stdout

    def _swap(self, remote, path, before, after, commands):
        """Put the new file in place, and the old one back if anybody objects."""
        remote.must("umask 022 && mkdir -p -- %s" % shlex.quote(os.path.dirname(path)), "no folder for the file")
        remote.send_text(after, path, "0644")
        for name, what in (("validate", "the engine refuses it"), ("load", "it could not be loaded")):
            done = remote.administer(commands[name])
            if done["rc"] != 0:
                said = (done["stderr"].strip() or done["stdout"].strip())[-800:]
                self._put_back(remote, path, before, commands, loaded=name == "load")
                raise AnsibleActionFail("%s, and what was there is back: %s" % (what, said))

    def _put_back(self, remote, path, before, commands, loaded):
        if before is None:
            remote.must("rm -f -- %s" % shlex.quote(path), "the new file cannot be removed")
            if loaded:
                remote.administer(commands["unload"])
            return
        remote.send_text(before if before.endswith("\n") else before + "\n", path, "0644")
        if loaded:
            self._must(remote, commands["load"], "what was there cannot be loaded again")

    def _take_out(self, remote, path, after, commands):
        """Where others include the file, an empty one takes its place; else it goes."""
        if after:
            remote.send_text(after, path, "0644")
        else:
            remote.must("rm -f -- %s" % shlex.quote(path), "the file cannot be removed")
        self._must(remote, commands["unload"], "the rules cannot be taken out")

    def _must(self, remote, command, what):
        done = remote.administer(command)
        if done["rc"] != 0:
            raise AnsibleActionFail("%s: %s" % (what, (done["stderr"] or done["stdout"]).strip()[-500:]))


def _timeless(text):
    """A render without the moment when names were resolved: the same addresses are no change."""
    return re.sub(r"\bresolved \d{4}-\d\d-\d\dT[0-9:]+Z", "resolved", text).rstrip("\n")
