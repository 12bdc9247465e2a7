"""Targets as tasks of Ansible: which collection, its modules, and where their arguments were read.

Each file is a list of tasks for ``ansible.builtin.import_tasks``; the play brings the connection and the credentials.
Ansible fills every string as a template, so strings that come from a value pass the filter ``task``, which marks as
``!unsafe`` whatever Jinja would read; the only expressions are those of the templates.

Where a collection has no module for what the rules are, its module for the command line takes the lines of the
target's own file (``Notation.lines``). Two targets have none at all: no collection of PyPI's ``ansible`` 12.3.0 knows
Route 53 Resolver DNS Firewall, or FQDN objects of a firewall policy of Google Cloud.
"""

from __future__ import annotations

from netprobe.render.model import Commands, File, Notation, Source, TargetProof

_READ = "2026-11-29"
_FILE = File(name="netprobe.yml", template="netprobe.yml.j2")


def _tasks(
    title: str,
    *,
    source: str,
    needs: tuple[str, ...],
    then: str = "",
    schema: str = "",
    grammar: str = "",
    lines: File | None = None,
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
        lines=lines,
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
    "cisco-asa": _tasks(
        "the collection cisco.asa",
        source="cisco.asa 6.1.0 in ansible 11.13.0 (PyPI; the last that has it), asa_config",
        needs=(
            "Without `--enforce` the variable `netprobe_list` is the name of the access list that your interface has.",
            "The lines that allow carry their place in the list, so a new one stands before those that deny. They are "
            "sent each time; what the device says to one that it has already, no document says that was read.",
            "A line that the new file no longer has stays: take it out, or replace the list in a session, as above.",
        ),
        schema="argument spec of cisco.asa 6.1.0 (ansible 11.13.0)",
        lines=File(name="netprobe.asa", template="netprobe.asa.j2"),
    ),
    "cisco-iosxe": _tasks(
        "the collection cisco.ios",
        source="cisco.ios in ansible 12.3.0 (PyPI), ios_config",
        needs=(
            "The variable `netprobe_list` is the name of the access list of your interface.",
            "A line that the router shows word for word is not sent again; one with port 80, which it shows as `www`, "
            "is.",
            "A pattern or a line that the new file no longer has stays: take it out first, as above.",
        ),
        schema="argument spec of cisco.ios (ansible 12.3.0)",
        lines=File(name="netprobe.iosxe", template="netprobe.iosxe.j2"),
    ),
    "juniper-srx": _tasks(
        "the collection junipernetworks.junos",
        source="junipernetworks.junos in ansible 12.3.0 (PyPI), junos_config",
        needs=(
            "The first task commits for five minutes; where the second cannot reach the device, the old "
            "configuration comes back.",
            "`netprobe-deny` is made anew each time and stands last: where a global policy of yours admits the hosts, "
            "the play must move it in front of that, or the rest is not denied.",
        ),
        schema="argument spec of junipernetworks.junos (ansible 12.3.0)",
        lines=File(name="netprobe.set", template="netprobe.set.j2"),
    ),
    "vyos": _tasks(
        "the collection vyos.vyos",
        source="vyos.vyos in ansible 12.3.0 (PyPI), vyos_config and its comparison of lines",
        needs=(
            "The rule that jumps to the chain is yours, as above.",
            "The tasks say changed each time; where nothing is different, nothing is committed. Nothing is saved.",
        ),
        then=", then save",
        schema="argument specs of vyos.vyos (ansible 12.3.0)",
        lines=File(name="netprobe.vyos", template="netprobe.vyos.j2"),
    ),
    "mikrotik": _tasks(
        "the collection community.routeros",
        source="community.routeros in ansible 12.3.0 (PyPI), api_modify and the fields that it knows of each path",
        needs=(
            "It speaks RouterOS's API: `hostname`, `username` and `password` of `community.routeros.api_modify` are "
            "yours, by `module_defaults`.",
            "The rule that jumps to the chain is yours, as above.",
            "Lists and rules are compared entry by entry, in their order; dynamic entries are left alone.",
        ),
        schema="argument spec of community.routeros, and its fields of each path (ansible 12.3.0)",
    ),
    "meraki": _tasks(
        "the collection cisco.meraki",
        source="cisco.meraki in ansible 12.3.0 (PyPI), networks_appliance_firewall_l3_firewall_rules",
        needs=(
            "The variable `netprobe_network` is the id of the network; `MERAKI_DASHBOARD_API_KEY` or `meraki_api_key` "
            "is yours.",
            "The collection knows no check mode here. It keeps no copy: `-o FOLDER/` of the form without `--as` has "
            "a script that does.",
        ),
        schema="argument specs of cisco.meraki (ansible 12.3.0)",
    ),
    "nsx": _tasks(
        "the manager's API, by ansible.builtin.uri",
        source="ansible-core 2.19 (ansible.builtin.uri). VMware's collection (github.com/vmware/ansible-for-nsxt, "
        "plugins/modules) has no module for context profiles, and is in no package of PyPI",
        needs=(
            "The variable `netprobe_manager` is the manager's name; user and password are yours, by "
            "`module_defaults` of `ansible.builtin.uri` (`url_username`, `url_password`, `force_basic_auth: true`).",
            "The second request says the whole policy each time, and NSX takes it whole or not at all.",
        ),
        schema="argument spec of ansible.builtin.uri; the body is the target's own",
        lines=File(name="netprobe-infra.json", template="infra.json.j2"),
    ),
    "azure-firewall": _tasks(
        "the collection azure.azcollection",
        source="azure.azcollection in ansible 12.3.0 (PyPI), azure_rm_resource: no module of it knows groups of rule "
        "collections",
        needs=(
            "The variable `netprobe_firewall_policy_id` is the policy's resource id; without `--source` "
            "`netprobe_source_addresses` are the hosts' networks.",
            "The group is read first, and written where it is another than the file says.",
        ),
        schema="argument spec of azure.azcollection (ansible 12.3.0); the body is what the target writes as JSON",
    ),
    "aws-network-firewall": _tasks(
        "the collection community.aws",
        source="community.aws in ansible 12.3.0 (PyPI), networkfirewall_rule_group",
        needs=(
            "Without `--source` the variable `netprobe_home_net` are the networks that the hosts are in.",
            "Capacity and order of rules are fixed when the group is made; refer to it in the firewall policy "
            "(`community.aws.networkfirewall_policy`).",
        ),
        schema="argument spec of community.aws (ansible 12.3.0)",
        lines=File(name="netprobe.rules", template="netprobe.rules.j2"),
    ),
    "aws-network-firewall-domains": _tasks(
        "the collection community.aws",
        source="community.aws in ansible 12.3.0 (PyPI), networkfirewall_rule_group",
        needs=(
            "Without `--source` the variable `netprobe_home_net` are the networks that the hosts are in.",
            "The module knows no target type but the server name and the Host header: for the list whose names count "
            "only for addresses of the Route 53 Resolver use Terraform or the JSON.",
        ),
        schema="argument spec of community.aws (ansible 12.3.0)",
    ),
}
