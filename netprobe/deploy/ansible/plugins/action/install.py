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
    binary_for,
    file_digest,
    place_binary,
)

_PATH = "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH; "
"""dpkg looks for ldconfig and start-stop-daemon there, and no login shell has put them on the PATH."""
VERSIONS = {
    "deb": "dpkg-query -W -f '${Status} ${Version}' netprobe-ecs 2>/dev/null || true",
    "rpm": "rpm -q --qf 'installed %{VERSION}-%{RELEASE}' netprobe-ecs 2>/dev/null || true",
}
INSTALL = {"deb": _PATH + "dpkg -i %s", "rpm": _PATH + "rpm -U --replacepkgs %s"}
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
                "method": {"type": "str", "choices": ["binary", "deb", "rpm"], "default": "binary"},
                "dir": {"type": "path", "default": "/var/cache/netprobe-ansible"},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            },
            required_if=[("state", "present", ("src",))],
        )
        remote = Remote(self)
        if asked["method"] == "binary":
            result.update(self._binary(remote, asked))
        else:
            result.update(self._package(remote, asked))
        return result

    def _binary(self, remote, asked):
        folder = asked["dir"]
        if asked["state"] == "absent":
            quoted = shlex.quote(folder)
            there = remote.run("[ -d %s ]" % quoted)["rc"] == 0
            if there and not self._task.check_mode:
                # Only what this collection puts there: the folder itself goes if nothing else is in it.
                remote.must(
                    "rm -rf -- %s/netprobe-* %s/unpacked && { rmdir -- %s 2>/dev/null || true; }"
                    % (quoted, quoted, quoted),
                    "cannot be removed",
                )
            return {"changed": there, "diff": _diff(there, False, folder)}
        local = binary_for(remote, asked["src"])
        if self._task.check_mode:
            path = "%s/netprobe-%s" % (folder.rstrip("/"), file_digest(local)[:32])
            there = remote.run("[ -x %s ]" % shlex.quote(path))["rc"] == 0
            return {"changed": not there, "path": path, "diff": _diff(there, True, path)}
        path, sent = place_binary(remote, local, folder)
        return {"changed": sent, "path": path, "diff": _diff(not sent, True, path)}

    def _package(self, remote, asked):
        method = asked["method"]
        installed = remote.run(VERSIONS[method])["stdout"].strip()
        there = installed.startswith(("install ok installed", "installed"))
        if asked["state"] == "absent":
            if there and not self._task.check_mode:
                remote.must("%s && rm -f -- %s" % (REMOVE[method], STAMP), "the package cannot be removed")
            return {"changed": there, "diff": _diff(there, False, installed)}
        local = binary_for(remote, asked["src"])
        if not os.path.isfile(local):
            raise AnsibleActionFail("%s is no file of the controller" % local)
        digest = file_digest(local)
        stamped = (remote.text(STAMP) or "").strip()
        wanted = "%s %s" % (digest, installed)
        if there and stamped == wanted:
            return {"changed": False, "diff": _diff(True, True, installed)}
        if not self._task.check_mode:
            with remote.scratch() as folder:
                place = "%s/netprobe.%s" % (folder, method)
                self._connection.put_file(local, place)
                remote.must(INSTALL[method] % shlex.quote(place), "the package cannot be installed")
            now = remote.run(VERSIONS[method])["stdout"].strip()
            remote.send_text("%s %s\n" % (digest, now), STAMP, "0644")
        return {"changed": True, "diff": _diff(False, True, os.path.basename(local))}


def _diff(before, after, what):
    return {"before": "%s\n" % what if before else "", "after": "%s\n" % what if after else ""}
