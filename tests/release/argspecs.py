"""Hold arguments of Ansible's modules to the modules' own argument specs; a program of its own, for Ansible's Python.

    python argspecs.py FOLDER < tasks.json

FOLDER holds ``ansible_collections``; stdin a list of ``[module, arguments]``; stdout a list of lists of errors. A
module's ``main`` runs as far as the moment at which it makes its AnsibleModule, and no further; one that is an action
plugin (Meraki's) has its argument spec there. Fields of RouterOS's paths are held to what its collection knows of them.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any


class _Made(Exception):
    """The module would begin now."""


def _plugin(module: str, kind: str) -> Any:
    namespace, name, plugin = module.split(".")
    base = "ansible.modules" if (namespace, name) == ("ansible", "builtin") else ""
    return importlib.import_module(
        f"{base}.{plugin}" if base else f"ansible_collections.{namespace}.{name}.plugins.{kind}.{plugin}"
    )


def _spec(module: str) -> dict[str, Any]:
    """The argument spec of a module, and what else its AnsibleModule is told."""
    told: dict[str, Any] = {}

    def stop(_: object, *args: Any, **kinds: Any) -> None:
        told.update(kinds)
        if args:
            told["argument_spec"] = args[0]
        raise _Made

    made = importlib.import_module("ansible.module_utils.basic").AnsibleModule
    loaded = _plugin(module, "modules")
    if not hasattr(loaded, "main"):
        return dict(vars(_plugin(module, "action")))
    before, made.__init__ = made.__init__, stop
    try:
        loaded.main()
    except _Made:
        return told
    finally:
        made.__init__ = before
    raise SystemExit(f"{module} made no AnsibleModule")


def _errors(module: str, arguments: Mapping[str, Any]) -> Sequence[str]:
    # Late and by name: it is in the environment that runs this program, and in no other.
    validator = importlib.import_module("ansible.module_utils.common.arg_spec").ArgumentSpecValidator
    told = _spec(module)
    more = {key: told.get(key) for key in ("mutually_exclusive", "required_together", "required_one_of", "required_if")}
    errors: list[str] = validator(told["argument_spec"], **more).validate(arguments).error_messages
    if module == "community.routeros.api_modify":
        paths = importlib.import_module("ansible_collections.community.routeros.plugins.module_utils._api_data").PATHS
        known = set(paths[tuple(arguments["path"].split(" "))].get_data().fields)
        asked = {one["field"] for one in arguments.get("restrict", ())}.union(*arguments["data"])
        errors = [*errors, *(f"{field} is no field of {arguments['path']}" for field in sorted(asked - known))]
    return errors


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    json.dump([_errors(module, arguments) for module, arguments in json.load(sys.stdin)], sys.stdout)
