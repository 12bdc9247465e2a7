"""The trust stores: Amazon's roots in the one that the agents use, and a corporate CA where they will read it.

Facts: Debian's package mounts the host's ``/etc/ssl`` into the ECS agent's container; the rpm that the installer
fetches is built to mount nothing (``generic_rpm``), so there the agent trusts only the bundle that its image was built
with, and a corporate CA in the host's store helps SSM Agent and Docker, and not the ECS agent.
"""

from __future__ import annotations

import hashlib
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator

from netprobe.findings import Place, Severity
from netprobe.host.filesystem import FileKind, FileSystem
from netprobe.host.machine import Machine
from netprobe.host.readers.truststore import BUNDLES
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import AGENT, INSTALLER, TRUST_SERVICES
from netprobe.rules import Judgement, Rule, failed, not_applicable, passed, warned

ROOTS = {
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e": "Amazon Root CA 1",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4": "Amazon Root CA 2",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4": "Amazon Root CA 3",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092": "Amazon Root CA 4",
    "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5": "Starfield Services Root CA - G2",
}
"""SHA-256 of the DER; compared against Mozilla's bundle (certifi 2026.10.18)."""

EXEC_BUNDLE = "/var/lib/ecs/deps/execute-command/certs/tls-ca-bundle.pem"
_MAX_DEPTH = 4
_DEBIAN_ANCHORS = "/usr/local/share/ca-certificates"
_RPM_ANCHORS = (
    "/etc/pki/ca-trust/source/anchors",
    "/etc/pki/trust/anchors",
    "/usr/share/pki/ca-trust-source/anchors",
    "/usr/share/pki/trust/anchors",
)
_PEM = re.compile(r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END")
_LONGEST = 1 << 17
"""Characters of one certificate in PEM; OpenSSL takes no chain above 100 KiB."""


def fingerprints(text: str) -> Iterator[tuple[str, int]]:
    """The SHA-256 of every certificate in a PEM file, with the line that it starts at."""
    line, counted = 1, 0
    for match in _PEM.finditer(text):
        # From one certificate to the next: counted from the start each time, a file full of them takes minutes.
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        if len(match[1]) > _LONGEST:
            continue
        try:
            der = a2b_base64(match[1])
        except Base64Error:
            # No certificate, whatever its frame says; what it should have been is then missing, and that is told.
            continue
        yield hashlib.sha256(der).hexdigest(), line


def _bundle(machine: Machine) -> tuple[str, frozenset[str]] | None:
    path = machine.root.first(*BUNDLES)
    if path is None:
        return None
    return path, frozenset(found for found, _ in fingerprints(machine.root.text(path) or ""))


def amazon_roots_missing(machine: Machine) -> Judgement:
    """Every genuine service chains to one of five roots; which one is Amazon's choice."""
    bundle = _bundle(machine)
    remedy = "install the package ca-certificates, newest version, and run update-ca-certificates or update-ca-trust"
    if bundle is None:
        return failed("there is no bundle of CA certificates", remedy, (Place(file=BUNDLES[0]),))
    path, present = bundle
    missing = [name for sha256, name in ROOTS.items() if sha256 not in present]
    if missing:
        title = f"the trust store lacks {', '.join(missing)}"
        return failed(title, remedy, (Place(file=path, text=f"{len(present)} certificates"),))
    return passed("Amazon's and Starfield's roots are in the trust store", Place(file=path))


def _anchors(root: FileSystem) -> Iterator[tuple[Place, str]]:
    """Every certificate that somebody added to the host's store: its place and SHA-256.

    update-ca-certificates(8) looks below its folder at any depth, for names in .crt; other names are shown so that the
    mistake is told. update-ca-trust(8) takes every file of its folders, whatever its name, in PEM or DER.
    """
    paths = list(_below(root, _DEBIAN_ANCHORS, 0))
    for folder in _RPM_ANCHORS:
        paths += root.glob(folder, "")
    for path in paths:
        data = root.read(path) or b""
        for sha256, line in fingerprints(data.decode("utf-8", "replace")):
            yield Place(file=path, line=line), sha256
        if data[:2] == b"\x30\x82" and len(data) == int.from_bytes(data[2:4], "big") + 4:
            yield Place(file=path), hashlib.sha256(data).hexdigest()


def _below(root: FileSystem, folder: str, depth: int) -> Iterator[str]:
    yield from root.glob(folder, ".crt", ".pem", ".cer")
    for name in root.names(folder) if depth < _MAX_DEPTH else ():
        entry = root.lentry(f"{folder}/{name}")
        if entry is not None and entry.kind is FileKind.FOLDER:
            yield from _below(root, f"{folder}/{name}", depth + 1)


def corporate_ca_not_in_store(machine: Machine) -> Judgement:
    """A CA that was copied to the right folder and never made part of the bundle helps nobody."""
    anchors = list(_anchors(machine.root))
    if not anchors:
        return not_applicable("no CA was added to the system's own")
    bundle = _bundle(machine)
    present = bundle[1] if bundle is not None else frozenset()
    places = [place for place, sha256 in anchors if sha256 not in present]
    if not places:
        return passed("every added CA is in the trust store", *(place for place, _ in anchors[:5]))
    command = "update-ca-trust" if machine.rpm_family else "update-ca-certificates"
    wrong_name = [
        place.file for place in places if place.file.startswith(_DEBIAN_ANCHORS) and not place.file.endswith(".crt")
    ]
    remedy = f"run {command} in the image"
    if wrong_name:
        remedy = f"rename {wrong_name[0]} so that it ends in .crt, then {remedy}"
    return failed("a CA was added to the host and is not in its trust store", remedy, places)


def corporate_ca_unread_by_ecs_agent(machine: Machine) -> Judgement:
    """Of the rpm the ECS agent reads only its own bundle, unless ecs.config points it to a file below /etc/ecs."""
    anchors = list(_anchors(machine.root))
    if not anchors:
        return not_applicable("no CA was added to the system's own")
    if not machine.rpm_family:
        return passed("the ECS agent of the deb package reads the host's trust store", *(p for p, _ in anchors[:5]))
    setting = machine.ecs_setting("SSL_CERT_FILE")
    if setting is not None and setting.value.startswith("/etc/ecs/"):
        present = {sha256 for sha256, _ in fingerprints(machine.root.text(setting.value) or "")}
        lacking = [name for sha256, name in ROOTS.items() if sha256 not in present]
        if all(sha256 in present for _, sha256 in anchors) and not lacking:
            return passed("SSL_CERT_FILE points the ECS agent to a bundle with the added CA", setting.shown)
        remedy = f"put the added CA and Amazon's roots into {setting.value}"
        return failed(
            "SSL_CERT_FILE points the ECS agent to a bundle that lacks what it needs", remedy, (setting.shown,)
        )
    return warned(
        "a CA was added to the host, and the ECS agent of the rpm package will not read it",
        "exempt the ECS hosts from TLS interception; or put all roots and the CA into /etc/ecs/ca.pem and "
        "SSL_CERT_FILE=/etc/ecs/ca.pem into /etc/ecs/ecs.config (not documented by AWS)",
        (place for place, _ in anchors),
    )


def corporate_ca_missing_in_exec_bundle(machine: Machine) -> Judgement:
    """ECS Exec trusts a copy of the bundle that the installer made once."""
    text = machine.root.text(EXEC_BUNDLE)
    if text is None:
        return not_applicable("ECS Exec is not installed yet; its bundle is copied when the agent is")
    present = {sha256 for sha256, _ in fingerprints(text)}
    missing = [place for place, sha256 in _anchors(machine.root) if sha256 not in present]
    if not missing:
        return passed("ECS Exec's copy of the trust store is complete", Place(file=EXEC_BUNDLE))
    bundle = machine.root.first(*BUNDLES) or BUNDLES[0]
    return warned(
        "a CA was added after the agent was installed; ECS Exec's copy of the trust store lacks it",
        f"cp {bundle} {EXEC_BUNDLE}",
        (Place(file=EXEC_BUNDLE), *missing),
    )


RULES: tuple[Rule[Machine], ...] = (
    rule(amazon_roots_missing, "An Amazon root is missing from the trust store", TRUST_SERVICES),
    rule(corporate_ca_not_in_store, "An added CA is not in the trust store", INSTALLER),
    rule(
        corporate_ca_unread_by_ecs_agent,
        "The ECS agent does not read an added CA",
        f"{AGENT}/tree/master/ecs-init/config",
    ),
    rule(
        corporate_ca_missing_in_exec_bundle,
        "ECS Exec's copy of the trust store is stale",
        INSTALLER,
        severity=Severity.WARNING,
    ),
)
