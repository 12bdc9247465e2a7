"""What is wrong with proxy settings before a packet is sent: functions over the programs and their settings.

Each lint is one :class:`~netprobe.observations.Lint`; diagnosis makes a finding of it and explains it. No value is
repeated with its credentials.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from netprobe.errors import UsageError, redacted
from netprobe.host.agents.noproxy import bypass, tokens
from netprobe.host.agents.programs import ECS_NO_PROXY, HTTP, HTTPS, NO_PROXY, Program
from netprobe.host.filesystem import FileSystem, UnreadableError
from netprobe.host.readers import truststore
from netprobe.host.readers.settings import Setting
from netprobe.observations import Lint
from netprobe.proxyurl import parse, safe

TASK_CREDENTIALS = "169.254.170.2"
METADATA = "169.254.169.254"
_DOCUMENTED = set(ECS_NO_PROXY.split(","))
"""AWS's own page puts the Docker socket into NO_PROXY. No reader matches it; it is no mistake of the operator."""
_UNENCODED = re.compile(r"[^A-Za-z0-9._~!$&'()*+,;=:%-]|%(?![0-9A-Fa-f]{2})")
_MOST_TOKENS = 20
"""Entries of one NO_PROXY that are told; who has more of the kind looks at the file."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def of_program(program: Program, root: FileSystem) -> tuple[Lint, ...]:
    """Every lint of one program's own settings.

    Args:
        program: the program.
        root: the host's or image's files, for their permissions.
    """
    return (
        *_only_http(program),
        *_invalid(program),
        *_cases_conflict(program),
        *_missing_exemptions(program),
        *_not_understood(program),
        *_readable_passwords(program, root),
        *_stale(program),
        *_trust_files(program, root),
    )


def between(programs: Sequence[Program]) -> tuple[Lint, ...]:
    """Programs of one host that name different proxies, or of which one was forgotten."""
    there = [program for program in programs if program.installed]
    named = [(program.name, program.https) for program in there if program.https is not None]
    if not named:
        return ()
    first_name, first = named[0]
    other = f"{first_name}: {first.where}: {first.key}={safe(first.value)}"
    found = []
    for name, setting in named[1:]:
        if safe(setting.value) != safe(first.value):
            mine = f"{name}: {setting.key}={safe(setting.value)}"
            found.append(_lint("proxy_values_conflict", setting, value=mine, other=other))
    for program in there:
        if program.https is None and not program.only_http:  # the latter is told as such
            forgotten = Lint(
                id="proxy_values_conflict", value=f"{program.name}: no proxy", file=program.home, other=other
            )
            found.append(forgotten)
    return tuple(found)


def _lint(lint: str, setting: Setting, *, value: str | None = None, other: str = "") -> Lint:
    shown = f"{setting.key}={safe(setting.value)}" if value is None else value
    return Lint(id=lint, value=redacted(shown), file=setting.file, line=setting.line or None, other=other)


def _only_http(program: Program) -> Iterator[Lint]:
    if program.only_http and program.http is not None:
        yield _lint("proxy_only_http_set", program.http)


def _invalid(program: Program) -> Iterator[Lint]:
    for setting in dict.fromkeys((program.https, program.http)):
        if setting is None:
            continue
        bad = unencoded(setting.value)
        if bad:
            yield _lint("proxy_url_invalid", setting, other=_encode(bad))
            continue
        try:
            proxy = parse(setting.value)
        except UsageError as error:
            scheme = _SCHEME.match(setting.value)
            foreign = scheme is not None and scheme[1].lower() not in ("http", "https", "socks5", "socks5h")
            yield _lint("proxy_scheme_unusable" if foreign else "proxy_url_invalid", setting, other=error.reason)
        else:
            if proxy.host.endswith(".pac") or setting.value.lower().endswith((".pac", "/wpad.dat")):
                yield _lint("proxy_pac_unused", setting)


def unencoded(value: str) -> tuple[str, ...]:
    """The characters of a proxy's user name and password that Go's and curl's readers do not take as they are.

    RFC 3986 section 3.2.1 and Go's ``validUserinfo`` (``net/url``, read 2026-11-28): letters, digits and
    ``-._~!$&'()*+,;=:@`` stand for themselves, ``%`` begins two hexadecimal digits, all others are percent-encoded. An
    ``@`` within is taken by Go and not by every other program.

    Args:
        value: a proxy setting.
    """
    scheme = _SCHEME.match(value)
    secret, at, _ = value[scheme.end() if scheme is not None else 0 :].rpartition("@")
    if not at:
        return ()
    return tuple(dict.fromkeys(match[0] for match in _UNENCODED.finditer(secret)))


def _encode(characters: Sequence[str]) -> str:
    """Which characters to write how; the password itself is never shown."""
    pairs = [f"{character} as {quote(character, safe='')}" for character in characters]
    return f"in its user name or password write {', '.join(pairs)}"


def _cases_conflict(program: Program) -> Iterator[Lint]:
    for upper, lower in (HTTPS, HTTP, NO_PROXY):
        last = {s.key: s for s in program.variables}
        if upper in last and lower in last and safe(last[upper].value) != safe(last[lower].value):
            other = last[lower]
            yield _lint("proxy_values_conflict", last[upper], other=f"{other.where}: {lower}={safe(other.value)}")


def _missing_exemptions(program: Program) -> Iterator[Lint]:
    """169.254.170.2 and 169.254.169.254 are asked for over plain http, so only a proxy for http takes them away."""
    if program.http is None or program.name not in ("ecs-agent", "docker"):
        return
    value = program.no_proxy.value if program.no_proxy is not None else ""
    at = program.no_proxy if program.no_proxy is not None else program.http
    wanted = [(TASK_CREDENTIALS, "no_proxy_missing_task_credentials")]
    if program.name == "ecs-agent":  # Docker's awslogs driver needs no metadata off EC2: its region is configured
        wanted.append((METADATA, "no_proxy_missing_metadata"))
    for address, lint in wanted:
        if bypass(program.dialect, value, address, 80) is None:
            yield _lint(lint, at, value=f"NO_PROXY={value}", other=address)


def _not_understood(program: Program) -> Iterator[Lint]:
    if program.no_proxy is None:
        return
    odd = {
        token.text: token.ignored
        for token in tokens(program.dialect, program.no_proxy.value)
        if token.ignored and token.text not in _DOCUMENTED
    }
    for text, ignored in itertools.islice(odd.items(), _MOST_TOKENS):
        yield _lint("no_proxy_not_understood", program.no_proxy, value=text, other=ignored)


def _readable_passwords(program: Program, root: FileSystem) -> Iterator[Lint]:
    for setting in program.variables:
        if not setting.line or "@" not in setting.value:
            continue
        try:
            entry = root.entry(setting.file)
        except UnreadableError:
            # Not even we may look at it, so the world cannot read it either.
            continue
        if entry is not None and entry.mode & 0o004:
            yield _lint("proxy_password_world_readable", setting, other=f"mode {entry.mode & 0o777:04o}")


def _stale(program: Program) -> Iterator[Lint]:
    for in_file, running in program.stale:
        shown = in_file or running
        assert shown is not None
        if in_file is None:
            yield _lint("proxy_needs_restart", shown, other="the files set nothing")
        else:
            other = "nothing" if running is None else f"{running.key}={safe(running.value)}"
            yield _lint("proxy_needs_restart", in_file, other=f"the running process has {other}")


def _trust_files(program: Program, root: FileSystem) -> Iterator[Lint]:
    for setting, unusable in (
        (program.ca_file, truststore.unusable_file),
        (program.ca_folders, truststore.unusable_folders),
    ):
        if setting is None or _of_its_image(program, setting, root):
            continue
        try:
            reason = unusable(root, setting.value)
        except UnreadableError:
            continue  # the agent may read what this user may not; the vantage's store and the rule say so
        if reason is not None:
            yield _lint("trust_file_unusable", setting, value=f"{setting.key}={setting.value}", other=reason)


def _of_its_image(program: Program, setting: Setting, root: FileSystem) -> bool:
    """The ECS agent's container has a bundle of its own at such a path, where the host has none to mount over it."""
    usual = (*truststore.BUNDLES, "/etc/ssl/certs")
    return program.name == "ecs-agent" and setting.value in usual and not root.exists(setting.value)
