"""Hold arguments of Ansible's modules to the modules' own argument specs; a program of its own, for Ansible's Python.

    python argspecs.py FOLDER < tasks.json

FOLDER holds ``ansible_collections``; stdin a list of ``[module, arguments]``; stdout a list of lists of errors. A
module's ``main`` runs as far as the moment at which it makes its AnsibleModule, and no further.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any


class _Made(Exception):
    """The module would begin now."""


def _spec(module: str) -> dict[str, Any]:
    """The argument spec of a module, and what else its AnsibleModule is told."""
    told: dict[str, Any] = {}

    def stop(*args: Any, **kinds: Any) -> None:
        told.update(kinds)
        if args:
            told["argument_spec"] = args[0]
        raise _Made

    namespace, name, plugin = module.split(".")
    loaded = importlib.import_module(f"ansible_collections.{namespace}.{name}.plugins.modules.{plugin}")
    setattr(loaded, "AnsibleModule", stop)  # noqa: B010 - mypy knows no such attribute of a module
    try:
        loaded.main()
    except _Made:
        return told
    raise SystemExit(f"{module} made no AnsibleModule")


def _errors(module: str, arguments: Mapping[str, Any]) -> Sequence[str]:
    # Late and by name: it is in the environment that runs this program, and in no other.
    validator = importlib.import_module("ansible.module_utils.common.arg_spec").ArgumentSpecValidator
    told = _spec(module)
    more = {key: told.get(key) for key in ("mutually_exclusive", "required_together", "required_one_of", "required_if")}
    errors: Sequence[str] = validator(told["argument_spec"], **more).validate(arguments).error_messages
    return errors


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    json.dump([_errors(module, arguments) for module, arguments in json.load(sys.stdin)], sys.stdout)
