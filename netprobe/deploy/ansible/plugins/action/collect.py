# Copyright: the netprobe maintainers
# MIT, see LICENSE of netprobe
"""Fetch the reports that a host without Python wrote itself."""

from __future__ import annotations

import os
import shlex

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.netprobe.ecs_anywhere.plugins.action.check import _decoded, _file_name, _read, _save
from ansible_collections.netprobe.ecs_anywhere.plugins.plugin_utils.remote import Remote, told


class ActionModule(ActionBase):
    """The action of the module of the same name."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        """Do it."""
        result = super().run(tmp, task_vars)
        _, asked = self.validate_argument_spec(
            argument_spec={
                "path": {"type": "path", "required": True},
                "reports": {"type": "path", "required": True},
                "required": {"type": "bool", "default": True},
            }
        )
        remote = Remote(self)
        saved = os.path.join(asked["reports"], "%s.json" % _file_name(task_vars["inventory_hostname"]))
        quoted = shlex.quote(asked["path"])
        done = remote.run("[ -f %s ] || exit 44; cat -- %s" % (quoted, quoted))
        if done["rc"] == 44:
            result.update(changed=False, failed=asked["required"], msg="%s is not there" % asked["path"])
            return result
        if done["rc"] != 0:
            raise AnsibleActionFail("%s cannot be read: %s" % (asked["path"], told(done)))
        report = _decoded(done["stdout"])
        changed = report != _read(saved)
        if changed and not self._task.check_mode:
            _save(saved, report)
        result.update(changed=changed, report=saved, verdict=report["verdict"])
        return result
