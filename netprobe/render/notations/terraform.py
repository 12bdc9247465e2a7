"""Targets as Terraform: which provider, its resources, and where they were read.

Each file is complete by itself and leaves the provider's block, its version and its credentials to the module that it
is put into. No state of the device is assumed; what stands there under the same name makes the provider fail, and
nothing is taken over. Strings pass the filter ``hcl``, which writes no template sequence.
"""

from __future__ import annotations

from netprobe.render.model import Commands, File, Notation, Source, TargetProof

_READ = "2026-11-29"
_GRAMMAR = "HCL by python-hcl2; resources and arguments by the provider's documents"
_AWS = "the schema of hashicorp/aws, by cdktf-cdktf-provider-aws 21.22.1"
_AZURE = "the schema of hashicorp/azurerm, by cdktf-cdktf-provider-azurerm 14.23.1"
_GOOGLE = "the schema of hashicorp/google, by cdktf-cdktf-provider-google 16.12.1"
_APPLY = Commands(
    check="terraform validate && terraform plan",
    load="put {file} into a module, set its variables, terraform apply",
    replace="write the new file, terraform apply",
    rollback="write the old file (or take it away), terraform apply",
)


def _commands(file: str, then: str = "") -> Commands:
    """The commands for one file; ``then`` is what the provider itself does not do."""
    load = _APPLY.load.replace("{file}", file)
    return Commands(
        check=_APPLY.check,
        load=f"{load}{then}",
        replace=f"{_APPLY.replace}{then}",
        rollback=f"{_APPLY.rollback}{then}",
    )


def _single(
    title: str,
    name: str,
    *,
    source: str,
    template: str = "",
    needs: tuple[str, ...] = (),
    then: str = "",
    schema: str = "",
) -> Notation:
    """A notation of one file."""
    file = File(name=name, template=template or f"{name}.j2")
    return Notation(
        title=title,
        main=file,
        files=(file,),
        commands=_commands(name, then),
        needs=needs,
        proof=TargetProof(schema=schema, grammar=_GRAMMAR),
        sources=(Source(where=source, read=_READ),),
    )


NOTATIONS = {
    "panos": _single(
        "PaloAltoNetworks/panos 2.x",
        "netprobe.tf",
        source="https://github.com/PaloAltoNetworks/terraform-provider-panos (docs/resources, commit c97b175)",
        needs=(
            "`netprobe_location` says where it goes: a vsys of a firewall (vsys1 unless set), or a device group of "
            "Panorama.",
            "The provider writes the candidate configuration alone: commit (and on Panorama push) afterwards.",
        ),
        then=", then commit",
    ),
    "panorama": _single(
        "PaloAltoNetworks/scm 1.x (Strata Cloud Manager)",
        "netprobe.tf",
        source="https://github.com/PaloAltoNetworks/terraform-provider-scm (docs/resources, commits 04f79e0, "
        "1dd5650; examples of scm_security_rule, and its page on relative_position)",
        needs=(
            "`netprobe_folder` is the folder whose pre-rules these are; they go to the top of that folder's own.",
            "Rules of a folder above stand before them still: where one of those denies, name that folder.",
            "The provider writes the candidate configuration alone: push it in Strata Cloud Manager afterwards.",
        ),
        then=", then push",
    ),
    "fortios": _single(
        "fortinetdev/fortios",
        "netprobe.tf",
        source="https://github.com/fortinetdev/terraform-provider-fortios (website/docs/r, commit f4e824b)",
        needs=(
            "`netprobe_before` is the number of the first policy of yours that decides about these sessions: ours are "
            "moved in front of it, the one that denies below those that accept.",
            "There is no transaction: a list that changes is written whole, in one request.",
        ),
    ),
    "checkpoint": _single(
        "CheckPointSW/checkpoint",
        "netprobe.tf",
        source="https://github.com/CheckPointSW/terraform-provider-checkpoint (website/docs/r and the schema of "
        "checkpoint_management_access_rule, commit 5e2ae88)",
        needs=(
            "`netprobe_layer` is the name of the access layer.",
            "A domain object that you have already makes the provider fail, and nothing is changed: import it, if it "
            "is in FQDN mode.",
            "The last resource publishes; the policy is installed by you, or by "
            "`checkpoint_management_install_policy`.",
        ),
        then=", then install the policy",
    ),
    "nsx": _single(
        "vmware/nsxt 3.8 or newer",
        "netprobe.tf",
        source="https://github.com/vmware/terraform-provider-nsxt (docs/resources, commit c062d5d)",
        needs=("A name that is registered already makes the provider fail: import it (`terraform import`).",),
    ),
    "azure-firewall": _single(
        "hashicorp/azurerm",
        "netprobe.tf",
        schema=_AZURE,
        source="https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/resources/"
        "firewall_policy_rule_collection_group",
        needs=("`netprobe_firewall_policy_id` is the policy; it is what the target writes without `--as`, too.",),
    ),
    "aws-network-firewall": _single(
        "hashicorp/aws",
        "netprobe.tf",
        schema=_AWS,
        template="alone.tf.j2",
        source="https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/networkfirewall_rule_group",
        needs=("One file, with the Suricata rules in it; refer to the rule group in the firewall policy.",),
    ),
    "aws-network-firewall-domains": _single(
        "hashicorp/aws",
        "netprobe-domains.tf",
        schema=_AWS,
        source="https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/networkfirewall_rule_group",
        needs=("It is what the target writes without `--as`, too.",),
    ),
    "gcp-firewall": _single(
        "hashicorp/google",
        "netprobe.tf",
        schema=_GOOGLE,
        source="https://github.com/hashicorp/terraform-provider-google "
        "(website/docs/r/compute_network_firewall_policy_rule.html.markdown, commit e03b762)",
        needs=("It is what the target writes without `--as`, too.",),
    ),
    "route53-dns-firewall": _single(
        "hashicorp/aws",
        "netprobe-dns.tf",
        schema=_AWS,
        source="https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"
        "route53_resolver_firewall_rule",
        needs=("It is what the target writes without `--as`, too.",),
    ),
}
