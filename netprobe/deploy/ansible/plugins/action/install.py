# Copyright: the netprobe maintainers
# MIT, see LICENSE of netprobe
"""Put netprobe on a host without Python: the one file, or a package by the host's own tool."""

from __future__ import annotations

import os
import shlex

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.netprobe.ecs_anywhere.plugins.plugin_utils.remote import (
    Remote,
    file_digest,
    for_machine,
    place_binary,
)

_PATH = "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH; "
"""dpkg looks for ldconfig and start-stop-daemon there, and no login shell has put them on the PATH."""
VERSIONS = {
    "deb": "dpkg-query -W -f '${Status} ${Version}' netprobe-ecs 2>/dev/null || true",
    "rpm": "rpm -q --qf 'installed %{VERSION}-%{RELEASE}' netprobe-ecs 2>/dev/null || true",
}
INSTALL = {
    # Nobody is there to answer dpkg's question about a settings file that was changed: the host's own stays.
    "deb": _PATH + "DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold -i %s",
    "rpm": _PATH + "rpm -U --replacepkgs %s",
}
REMOVE = {"deb": _PATH + "dpkg -r netprobe-ecs", "rpm": _PATH + "rpm -e netprobe-ecs"}
STAMP = "/var/lib/netprobe-ecs.installed"


class ActionModule(ActionBase):
    """The action of the module of the same name."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        """Do it."""
        result = super().run(tmp, task_vars)
        _, asked = self.validate_argument_spec(
            argument_spec={
                "src": {"type": "raw"},
                "sha256": {"type": "raw"},
                "method": {"type": "str", "choices": ["binary", "deb", "rpm"], "default": "binary"},
                "dir": {"type": "path", "default": "/var/cache/netprobe-ansible"},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            },
            required_if=[("state", "present", ("src",))],
        )
        remote = Remote(self)
        local = _chosen(remote, asked) if asked["state"] == "present" else None
        if asked["method"] == "binary":
            result.update(self._binary(remote, asked, local))
        else:
            result.update(self._package(remote, asked, local))
        return result

    def _binary(self, remote, asked, local):
        folder = asked["dir"]
        if asked["state"] == "absent":
            quoted = shlex.quote(folder)
            # A folder in which only somebody else's files are left is none of ours.
            seen = (
                '[ -d %s ] && cd -- %s && set -- netprobe-* && { [ -e "$1" ] || [ -e unpacked ] || [ -z "$(ls -A)" ]; }'
            )
            there = remote.run(seen % (quoted, quoted))["rc"] == 0
            if there and not self._task.check_mode:
                # Only what this collection puts there: the folder itself goes if nothing else is in it.
                remote.must(
                    "rm -rf -- %s/netprobe-* %s/unpacked && { rmdir -- %s 2>/dev/null || true; }"
                    % (quoted, quoted, quoted),
                    "cannot be removed",
                )
            return {"changed": there, "diff": _diff(there, False, folder)}
        if self._task.check_mode:
            path = "%s/netprobe-%s" % (folder.rstrip("/"), file_digest(local)[:32])
            there = remote.run("[ -x %s ]" % shlex.quote(path))["rc"] == 0
            return {"changed": not there, "path": path, "diff": _diff(there, True, path)}
        path, sent = place_binary(remote, local, folder)
        return {"changed": sent, "path": path, "diff": _diff(not sent, True, path)}

    def _package(self, remote, asked, local):
        method = asked["method"]
        installed = _version(remote, method)
        there = installed.startswith(("install ok installed", "installed"))
        if asked["state"] == "absent":
            if there and not self._task.check_mode:
                remote.must("%s && rm -f -- %s" % (REMOVE[method], STAMP), "the package cannot be removed")
            return {"changed": there, "diff": _diff(there, False, installed)}
        digest = file_digest(local)
        stamped = (remote.text(STAMP) or "").strip()
        wanted = "%s %s" % (digest, installed)
        if there and stamped == wanted:
            return {"changed": False, "diff": _diff(True, True, installed)}
        if not self._task.check_mode:
            with remote.scratch() as folder:
                place = remote.lend(local, "%s/netprobe.%s" % (folder, method))
                remote.must(INSTALL[method] % shlex.quote(place), "the package cannot be installed")
            now = _version(remote, method)
            remote.send_text("%s %s\n" % (digest, now), STAMP, "0644")
        was = "%s\n" % installed if there else ""
        return {"changed": True, "diff": {"before": was, "after": "%s\n" % os.path.basename(local)}}


def _chosen(remote, asked):
    """The controller's file for the host, with the digest that it has to have; nothing was sent yet."""
    local = for_machine(remote, asked["src"], "file")
    if not os.path.isfile(local):
        raise AnsibleActionFail("%s is no file of the controller" % local)
    if asked["sha256"] is not None:
        wanted = str(for_machine(remote, asked["sha256"], "sha256")).strip().lower()
        found = file_digest(local)
        if found != wanted:
            raise AnsibleActionFail(
                "%s has the SHA-256 %s, not %s, so nothing was sent: get the file again, or name its own digest"
                % (local, found, wanted)
            )
    return local


def _version(remote, method):
    """What the package manager says in its last line; a shell's greeting stands before it."""
    return "".join(remote.run(VERSIONS[method])["stdout"].strip().splitlines()[-1:])


def _diff(before, after, what):
    return {"before": "%s\n" % what if before else "", "after": "%s\n" % what if after else ""}
