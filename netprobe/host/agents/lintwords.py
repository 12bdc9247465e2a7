"""What every lint of proxy settings is called and how it is told: one table for ``check``, ``host`` and ``image``.

A lint is judged once, in :mod:`netprobe.host.agents.lints` and :mod:`netprobe.host.agents.noticed`; who shows it asks
here for its words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from netprobe.observations import Lint


class LintWords(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one lint.

    Attributes:
        problem: the problem in a few words.
        right: what is so where the lint does not show.
        tell: title and remedy for a lint, given whom it concerns, where it stands, and what it is held against.
    """

    problem: str
    right: str
    tell: Callable[[Lint, str, str, str], tuple[str, str]]


def tell(lint: Lint, agents: str) -> tuple[str, str]:
    """Title and remedy of a lint.

    Args:
        lint: the lint, whose id is one of :data:`LINTS`.
        agents: the programs that it concerns, as a list for people.
    """
    where = lint.file or "the environment"
    if lint.file and lint.line is not None:
        where = f"{lint.file}:{lint.line}"
    against = f" against {lint.other}" if lint.other else ""
    return LINTS[lint.id].tell(lint, agents, where, against)


def _only_http(lint: Lint, agents: str, where: str, _against: str) -> tuple[str, str]:
    value = lint.value.partition("=")[2] or lint.value
    return (
        f"{where} sets HTTP_PROXY only: it is for plain HTTP alone, and {agents} will connect directly for HTTPS.",
        f"Add HTTPS_PROXY={value} to {where}.",
    )


def _conflict(lint: Lint, agents: str, where: str, against: str) -> tuple[str, str]:
    forgotten, _, rest = lint.value.partition(": ")
    if rest == "no proxy":
        return (
            f"{forgotten} has no proxy, while another agent of this host has one ({lint.other}).",
            f"If {forgotten} is to use the proxy, set HTTPS_PROXY and NO_PROXY for it in {where}.",
        )
    return (
        f"Proxy settings of {agents} contradict each other: {where} says {lint.value}{against}.",
        f"Write one value into both: {where} and {lint.other or 'the other spelling or file'}.",
    )


def _task_credentials(_lint: Lint, agents: str, where: str, _against: str) -> tuple[str, str]:
    return (
        f"NO_PROXY of {agents} lacks 169.254.170.2 ({where}): task credentials are asked of the proxy.",
        f"Add 169.254.170.2 to NO_PROXY in {where} and restart the service.",
    )


def _metadata(_lint: Lint, agents: str, where: str, _against: str) -> tuple[str, str]:
    return (
        f"NO_PROXY of {agents} lacks 169.254.169.254 ({where}): metadata requests go to the proxy.",
        f"Add 169.254.169.254 to NO_PROXY in {where} and restart the service.",
    )


def _not_understood(lint: Lint, agents: str, where: str, _against: str) -> tuple[str, str]:
    return (
        f"The NO_PROXY token {lint.value} in {where} is ignored by {agents}.",
        f"Write {lint.other or 'the plain name, .suffix or address'} instead of {lint.value} in {where}.",
    )


def _readable(lint: Lint, _agents: str, where: str, _against: str) -> tuple[str, str]:
    return (
        f"{where} holds a proxy password and every user of this host can read it.",
        f"chmod 600 {lint.file or 'FILE'} and chown root:root, then change the password.",
    )


def _scheme(lint: Lint, agents: str, where: str, _against: str) -> tuple[str, str]:
    return (
        f"{agents} cannot use the proxy scheme of {lint.value} in {where}.",
        f"Give them an http:// proxy in {where}: of these agents only the ECS agent speaks SOCKS5.",
    )


def _invalid(lint: Lint, _agents: str, where: str, _against: str) -> tuple[str, str]:
    why = f" ({lint.other})" if lint.other else ""
    return (
        f"{where} sets a proxy that is no usable URL: {lint.value}{why}.",
        f"Write http://HOST:PORT into {where}, with special characters of a password percent-encoded.",
    )


def _restart(lint: Lint, agents: str, where: str, against: str) -> tuple[str, str]:
    return (
        f"The proxy settings that {agents} started with are out of date: {where} now says {lint.value}{against}.",
        f"systemctl daemon-reload, then restart the service of {agents}.",
    )


def _pac(lint: Lint, _agents: str, where: str, _against: str) -> tuple[str, str]:
    return (
        f"{where} names a proxy auto-configuration file ({lint.value}); none of the agents reads one.",
        "Set HTTPS_PROXY=http://HOST:PORT for each agent: the proxy that the PAC file gives for amazonaws.com.",
    )


def _unused(lint: Lint, _agents: str, where: str, _against: str) -> tuple[str, str]:
    return (
        f"{where} sets {lint.value}, which does not count for the agents ({lint.other}).",
        "Nothing, if the agents have proxies of their own; else put HTTPS_PROXY into the drop-in of docker.service "
        "or into /etc/docker/daemon.json.",
    )


def _overridden(lint: Lint, agents: str, where: str, _against: str) -> tuple[str, str]:
    return (
        f"{where} sends {agents} elsewhere than AWS's own name: {lint.value} ({lint.other}).",
        f"Check that host too, as an endpoint of your own in netprobe.toml; or take the setting out of {where}.",
    )


def _trust_file(lint: Lint, agents: str, where: str, _against: str) -> tuple[str, str]:
    key, _, path = lint.value.partition("=")
    return (
        f"{where} names {path} as the CA certificates of {agents} ({key}), and {lint.other or 'it is of no use'}.",
        f"Put a PEM file with every CA that is needed, Amazon's roots among them, at that path; or take {key} out of "
        f"{lint.file or 'the settings'}.",
    )


LINTS: Mapping[str, LintWords] = {
    "proxy_only_http_set": LintWords(
        problem="Only HTTP_PROXY is set, which most agents ignore for HTTPS",
        right="where a proxy is set, it is set for HTTPS too",
        tell=_only_http,
    ),
    "proxy_values_conflict": LintWords(
        problem="Proxy settings contradict each other",
        right="the proxy settings of all agents agree",
        tell=_conflict,
    ),
    "no_proxy_missing_task_credentials": LintWords(
        problem="NO_PROXY lacks 169.254.170.2, where tasks ask for their credentials",
        right="no request for task credentials goes to a proxy",
        tell=_task_credentials,
    ),
    "no_proxy_missing_metadata": LintWords(
        problem="NO_PROXY lacks 169.254.169.254",
        right="no request for metadata goes to a proxy",
        tell=_metadata,
    ),
    "no_proxy_not_understood": LintWords(
        problem="An agent ignores a token of NO_PROXY",
        right="every token of NO_PROXY is one that its agent understands",
        tell=_not_understood,
    ),
    "proxy_password_world_readable": LintWords(
        problem="Everyone on the host can read the proxy password",
        right="no file that everyone can read holds a proxy password",
        tell=_readable,
    ),
    "proxy_scheme_unusable": LintWords(
        problem="The proxy's scheme is one that no agent speaks",
        right="every proxy has a scheme that its agent speaks",
        tell=_scheme,
    ),
    "proxy_url_invalid": LintWords(
        problem="A proxy setting is not a usable URL",
        right="every proxy setting is a usable URL",
        tell=_invalid,
    ),
    "proxy_needs_restart": LintWords(
        problem="A running program has other proxy values than its files",
        right="running programs have the proxy values of their files",
        tell=_restart,
    ),
    "proxy_pac_unused": LintWords(
        problem="A proxy auto-configuration file is named, which no agent reads",
        right="no setting names a proxy auto-configuration file",
        tell=_pac,
    ),
    "proxy_setting_unused": LintWords(
        problem="A proxy setting does not count for the agents",
        right="no proxy setting stands where the agents do not look",
        tell=_unused,
    ),
    "agent_endpoint_overridden": LintWords(
        problem="A setting sends an agent elsewhere than AWS's own names",
        right="no setting overrides an agent's endpoint",
        tell=_overridden,
    ),
    "trust_file_unusable": LintWords(
        problem="A setting names CA certificates that cannot be read",
        right="every file of CA certificates that a setting names can be read",
        tell=_trust_file,
    ),
}
