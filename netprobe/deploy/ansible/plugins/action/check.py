# Copyright: the netprobe maintainers
# MIT, see LICENSE of netprobe
"""Check a host without Python, and save its report on the controller."""

from __future__ import annotations

import json
import os
import re
import shlex
import tempfile

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.netprobe.ecs_anywhere.plugins.plugin_utils.remote import (
    Remote,
    file_digest,
    for_machine,
    place_binary,
)

JUDGED = (0, 1, 4)
"""Exit codes with a report: ready or degraded, not ready, inconclusive."""
MOST_BYTES = 64 << 20
FAILS = {"never": (), "not_ready": ("not_ready",), "inconclusive": ("not_ready", "inconclusive")}
FAILS["degraded"] = (*FAILS["inconclusive"], "degraded")


class ActionModule(ActionBase):
    """The action of the module of the same name."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        """Do it."""
        result = super().run(tmp, task_vars)
        _, asked = self.validate_argument_spec(
            argument_spec={
                "binary": {"type": "raw"},
                "path": {"type": "path"},
                "regions": {"type": "list", "elements": "str", "required": True},
                "options": {"type": "list", "elements": "str", "default": []},
                "site": {"type": "str", "default": ""},
                "labels": {"type": "dict", "default": {}},
                "reports": {"type": "path", "required": True},
                "dir": {"type": "path", "default": "/var/cache/netprobe-ansible"},
                "keep": {"type": "bool", "default": True},
                "fail_on": {"type": "str", "choices": sorted(FAILS), "default": "not_ready"},
            },
            mutually_exclusive=[("binary", "path")],
            required_one_of=[("binary", "path")],
        )
        host = task_vars["inventory_hostname"]
        remote = Remote(self)
        keep = asked["keep"] and not self._task.check_mode
        report, sent = self._report(remote, asked, keep)
        saved = os.path.join(asked["reports"], "%s.json" % _file_name(host))
        before, after = _judgement(_read(saved)), _judgement(report)
        if not self._task.check_mode:
            _save(saved, report)
        verdict = report["verdict"]
        errors = [one["title"] for one in report["findings"] if one["severity"] == "error"]
        result.update(
            changed=bool(sent) or before != after,
            verdict=verdict,
            report=saved,
            findings=after["findings"],
            sent=sent,
            diff={"before": _shown(before), "after": _shown(after), "before_header": saved, "after_header": saved},
        )
        if verdict in FAILS[asked["fail_on"]]:
            result.update(failed=True, msg="%s: %s" % (verdict, "; ".join(errors)[:2000] or "see %s" % saved))
        return result

    def _report(self, remote, asked, keep):
        """Run netprobe there; its report, and whether the binary was sent to stay."""
        with remote.scratch() as scratch:
            sent, path, cache = False, asked["path"], ""
            if path is None:
                local = for_machine(remote, asked["binary"], "binary")
                if keep:
                    path, sent = place_binary(remote, local, asked["dir"])
                    cache = "%s/unpacked" % asked["dir"].rstrip("/")
                else:
                    path = self._there(remote, local, asked["dir"]) or self._lend(local, scratch)
                    cache = "%s/unpacked" % scratch
            arguments = [path, "check", "--format", "json", "--quiet"]
            for region in asked["regions"]:
                arguments += ["--region", region]
            labels = {"site": asked["site"], **asked["labels"]} if asked["site"] else asked["labels"]
            for name, value in sorted(labels.items()):
                arguments += ["--label", "%s=%s" % (name, value)]
            command = " ".join(shlex.quote(str(one)) for one in [*arguments, *asked["options"]])
            # The root of a cache must be the runner's own, and what runs for another user cannot write into ours.
            own = "NETPROBE_CACHE=%s " % shlex.quote(cache) if cache and keep else ""
            lent = (
                "c=$(mktemp -d) && export NETPROBE_CACHE=$c && trap 'rm -rf \"$c\"' EXIT; "
                if cache and not keep
                else ""
            )
            done = remote.run("%s%s%s 2>/dev/null" % (lent, own, command))
            if done["rc"] not in JUDGED:
                told = remote.run("%s%s%s 2>&1 >/dev/null | tail -n 3" % (lent, own, command))["stdout"].strip()[-600:]
                if done["rc"] == 126:
                    told = "%s; may no program be run from there (noexec)? name another folder" % told
                raise AnsibleActionFail("netprobe ended with %d: %s" % (done["rc"], told))
            return _decoded(done["stdout"]), sent

    def _there(self, remote, local, folder):
        """A binary that an earlier run left, if it is this very one."""
        path = "%s/netprobe-%s" % (folder.rstrip("/"), file_digest(local)[:32])
        return path if remote.run("[ -x %s ]" % shlex.quote(path))["rc"] == 0 else None

    def _lend(self, local, scratch):
        """The binary in the temporary folder, which goes afterwards."""
        if not os.path.isfile(local):
            raise AnsibleActionFail("%s is no file of the controller" % local)
        place = "%s/netprobe" % scratch
        self._connection.put_file(local, place)
        Remote(self).must("chmod 0755 %s %s" % (shlex.quote(scratch), shlex.quote(place)), "chmod", become=False)
        return place


def _decoded(text):
    """The report; a shell's greeting before it is passed over."""
    if len(text) > MOST_BYTES:
        raise AnsibleActionFail("netprobe gave no report")
    why = "no JSON"
    for start in list(re.finditer(r"^\{", text, re.MULTILINE))[:20]:
        try:
            report = json.loads(text[start.start() :])
            report["verdict"], report["findings"], report["endpoints"]
        except (ValueError, KeyError, TypeError) as exc:
            why = exc
            continue
        return report
    raise AnsibleActionFail("netprobe gave no report (%s)" % why)


def _file_name(host):
    """A file name for whatever an inventory calls a host."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", host).lstrip(".")[:150] or "host"


def _read(path):
    try:
        with open(path, encoding="utf-8") as stream:
            return json.loads(stream.read(MOST_BYTES))
    except (OSError, ValueError):
        return None


def _save(path, report):
    """Whole or not at all."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=folder, prefix=".report-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(report, stream)
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _judgement(report):
    """What a report concludes, without its times: what makes one run the same as another."""
    if not isinstance(report, dict):
        return {"verdict": "", "endpoints": {}, "findings": []}
    endpoints = {"%s/%s" % (one.get("region"), one.get("id")): _word(one) for one in report.get("endpoints", [])}
    findings = sorted(
        "%s %s %s" % (one.get("severity"), one.get("id"), one.get("cause", ""))
        for one in report.get("findings", [])
        if one.get("severity") == "error"
    )
    return {"verdict": report.get("verdict", ""), "endpoints": endpoints, "findings": findings}


def _word(endpoint):
    """A warning comes and goes with the weather; that an endpoint works does not."""
    outcome = endpoint.get("outcome")
    return "works" if outcome in ("pass", "warn") else outcome


def _shown(judgement):
    if not judgement["verdict"]:
        return ""
    lines = ["verdict %s" % judgement["verdict"], *judgement["findings"]]
    lines += ["%s %s" % one for one in sorted(judgement["endpoints"].items()) if one[1] != "works"]
    return "\n".join(lines) + "\n"
