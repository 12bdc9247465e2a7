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
from ansible_collections.netprobe.ecs_anywhere.plugins.plugin_utils.remote import Remote, told

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
        "unload": "{iptables}",
        "empty": "",
    },
}
"""Target → where its file goes, and the commands that judge, load and take out.

``{path}`` is the file, ``{iptables}`` the commands that take out the chains and sets that the file makes.
"""


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

        def command(name, text):
            filled = (asked[name] or defaults[name]).replace("{path}", shlex.quote(path))
            return filled.replace("{iptables}", _without(text))

        if asked["state"] == "present":
            steps = [
                (command("validate", after), "the engine refuses it", False),
                (command("load", after), "it could not be loaded", True),
            ]
        else:
            steps = [(command("unload", before), "the rules cannot be taken out", True)]
        back = command("load", before) if before is not None else command("unload", after)
        self._swap(remote, path, before is not None, after, steps, back)
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

    def _swap(self, remote, path, there, after, steps, back):
        """Put the new text in place, and the old file back if anybody objects.

        Args:
            remote: the device.
            path: the file.
            there: whether there is such a file.
            after: the new text; nothing removes the file.
            steps: commands, each with what its failure means and whether the engine may have taken a part of it.
            back: the command that gives the engine what was there.
        """
        folder, name = os.path.split(path)
        file, kept = shlex.quote(path), shlex.quote("%s/.%s.before" % (folder, name))
        remote.must("umask 022 && mkdir -p -- %s" % shlex.quote(folder), "no folder for the file")
        if there:
            remote.must("cp -p -- %s %s" % (file, kept), "no room for a copy of the file")
        if after:
            remote.send_text(after, path, "0644")
        else:
            remote.must("rm -f -- %s" % file, "the file cannot be removed")
        for command, what, taken in steps:
            done = remote.administer(command)
            if done["rc"] == 0:
                continue
            said = told(done, 800)
            undo = "mv -f -- %s %s" % (kept, file) if there else "rm -f -- %s" % file
            remote.must(undo, "%s (%s), and what was there cannot be put back" % (what, said))
            again = remote.administer(back) if taken else {"rc": 0}
            if again["rc"] != 0:
                said_again = told(again)
                left = (
                    "the old file is back, but not loaded again" if there else "the new file is gone, but not taken out"
                )
                raise AnsibleActionFail("%s: %s; %s: %s" % (what, said, left, said_again))
            raise AnsibleActionFail("%s, and what was there is back: %s" % (what, said))
        if there:
            remote.must("rm -f -- %s" % kept, "the copy of the file cannot be removed")


def _without(text):
    """Commands that take out the chains and sets that a file for iptables makes, and tell if one is left.

    The file says how they are called (``--name``). A chain may hang in FORWARD or in Docker's chain as well.
    """
    chains = sorted(set(re.findall(r"^:([A-Za-z0-9_-]+) - \[0:0\]$", text or "", re.MULTILINE)))
    sets = sorted(set(re.findall(r"^create ([A-Za-z0-9._-]+) hash:net ", text or "", re.MULTILINE)))
    lines = []
    for chain in chains:
        lines += [
            "for t in iptables ip6tables; do",
            "for hook in OUTPUT FORWARD DOCKER-USER; do",
            "while $t -w -D $hook ! -o lo -j %s 2>/dev/null; do :; done; done" % chain,
            "$t -w -F %s 2>/dev/null; $t -w -X %s 2>/dev/null" % (chain, chain),
            "if $t -w -S %s >/dev/null 2>&1; then echo the chain %s is still in use >&2; exit 1; fi; done"
            % (chain, chain),
        ]
    lines += ["ipset destroy %s 2>/dev/null" % one for one in sets]
    return "\n".join([*lines, "true"])


def _timeless(text):
    """A render without the moment when names were resolved: the same addresses are no change."""
    return re.sub(r"\bresolved \d{4}-\d\d-\d\dT[0-9:]+Z", "resolved", text).rstrip("\n")
