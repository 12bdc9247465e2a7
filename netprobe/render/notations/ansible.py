"""Targets as tasks of Ansible: which collection, its modules, and where their arguments were read.

Each file is a list of tasks for ``ansible.builtin.import_tasks``; the play brings the connection and the credentials.
Ansible fills every string as a template, so strings that come from a value pass the filter ``task``, which marks as
``!unsafe`` whatever Jinja would read; the only expressions are the variables that each notation names.
"""

from __future__ import annotations

from netprobe.render.model import Commands, File, Notation, Source, TargetProof

_READ = "2026-11-29"
_FILE = File(name="netprobe.yml", template="netprobe.yml.j2")


def _tasks(
    title: str, *, source: str, needs: tuple[str, ...], then: str = "", schema: str = "", grammar: str = ""
) -> Notation:
    """A notation of one file of tasks."""
    return Notation(
        title=title,
        main=_FILE,
        files=(_FILE,),
        commands=Commands(
            check="ansible-playbook --check PLAY (where the collection can)",
            load=f"ansible.builtin.import_tasks: netprobe.yml in a play for the device{then}",
            replace=f"the same with the new file{then}",
            rollback=f"the same with the old file, or as the page says{then}",
        ),
        needs=needs,
        proof=TargetProof(schema=schema, grammar=grammar),
        sources=(Source(where=source, read=_READ),),
    )


NOTATIONS = {
    "panos": _tasks(
        "the collection paloaltonetworks.panos",
        source="https://github.com/PaloAltoNetworks/pan-os-ansible (plugins/modules, commit 1632e2b)",
        needs=(
            "The variable `provider` is the module's own: address, user and password or key.",
            "Nothing takes effect before a commit (`paloaltonetworks.panos.panos_commit_firewall`).",
        ),
        then=", then commit",
        grammar="YAML; modules and arguments by the collection's source",
    ),
    "fortios": _tasks(
        "the collection fortinet.fortios",
        source="fortinet.fortios in ansible 12.3.0 (PyPI), argument specs of its modules",
        needs=(
            "The variable `netprobe_before` is the number of the first policy of yours that decides about these "
            "sessions: ours are moved in front of it.",
        ),
        schema="argument specs of fortinet.fortios (ansible 12.3.0)",
    ),
    "checkpoint": _tasks(
        "the collection check_point.mgmt",
        source="check_point.mgmt in ansible 12.3.0 (PyPI), argument specs of its modules",
        needs=(
            "The variable `netprobe_layer` is the name of the access layer.",
            "A domain object of yours that holds its subdomains too ends the play before anything is changed.",
            "The last task publishes; install the policy afterwards (`check_point.mgmt.cp_mgmt_install_policy`).",
        ),
        then=", then install the policy",
        schema="argument specs of check_point.mgmt (ansible 12.3.0)",
    ),
}
