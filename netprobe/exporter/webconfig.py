"""TLS and basic authentication as exporters of Prometheus are told: the exporter-toolkit's web configuration file.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md, read 2026-11-28. The file is
looked at again whenever it changed, so that renewed certificates and passwords count at once. What is not supported
here is refused by name, never passed over: a setting that somebody relies on must not be missing in silence.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import ssl
from pathlib import Path
from typing import Any

import msgspec
import trio

from netprobe import reading
from netprobe.errors import UnreadableFileError, UsageError

MOST_BYTES = 1 << 20
_REMEDY = "correct it; its form is the exporter-toolkit's web configuration"
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENTS = {"": ssl.CERT_NONE, "NoClientCert": ssl.CERT_NONE, "RequireAndVerifyClientCert": ssl.CERT_REQUIRED}
_NOBODY = "$2b$10$................................................u"
"""Compared with for users that do not exist, so that they take as long."""


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``tls_server_config``, as far as it is supported."""

    cert_file: str
    key_file: str
    client_auth_type: str = ""
    client_ca_file: str = ""
    min_version: str = "TLS12"
    max_version: str = "TLS13"


class WebConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file."""

    tls_server_config: Tls | None = None
    basic_auth_users: dict[str, str] = {}


def read(path: Path) -> WebConfig:
    """Read and check a file.

    Raises:
        UsageError: it cannot be read, asks for what is not supported, or holds a password that is no bcrypt hash.
    """
    import yaml

    data = reading.read(path, MOST_BYTES, _REMEDY)
    try:
        found = msgspec.convert(yaml.safe_load(data) or {}, WebConfig)
    except (yaml.YAMLError, msgspec.ValidationError, ValueError, RecursionError) as exc:
        told = " ".join(str(exc).split()) if isinstance(exc, msgspec.ValidationError) else "it is no YAML"
        raise UnreadableFileError(str(path), f"is no web configuration ({told})", _REMEDY) from exc
    for user, password in found.basic_auth_users.items():
        if not password.startswith(("$2a$", "$2b$", "$2y$")):
            raise UsageError(
                f"{path}: {user}", "its password is not hashed with bcrypt", "make it with htpasswd -nBC 10"
            )
    if found.basic_auth_users:
        _bcrypt()
    if found.tls_server_config is not None:
        context(path, found.tls_server_config)
    return found


def _bcrypt() -> Any:
    try:
        import bcrypt
    except ImportError as exc:
        raise UsageError(
            "basic_auth_users", "needs bcrypt, which is not here", "pip install netprobe-ecs[exporter]"
        ) from exc
    return bcrypt


def context(path: Path, tls: Tls) -> ssl.SSLContext:
    """The TLS settings; files are named relative to the configuration.

    Raises:
        UsageError: a file cannot be used, or a word is unknown.
    """
    for name, word, known in (
        ("min_version", tls.min_version, _VERSIONS),
        ("max_version", tls.max_version, _VERSIONS),
        ("client_auth_type", tls.client_auth_type, _CLIENTS),
    ):
        if word not in known:
            choices = ", ".join(filter(None, known))
            raise UsageError(f"{path}: {name}: {word}", "is not supported", f"use one of {choices}")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = _VERSIONS[tls.min_version]
    made.maximum_version = _VERSIONS[tls.max_version]
    try:
        made.load_cert_chain(path.parent / tls.cert_file, path.parent / tls.key_file)
        if tls.client_ca_file:
            made.load_verify_locations(path.parent / tls.client_ca_file)
    except (OSError, ssl.SSLError) as exc:
        reason = getattr(exc, "strerror", None) or "no certificate and key that belong together"
        raise UnreadableFileError(str(path), f"its certificate cannot be used ({reason})", _REMEDY) from exc
    made.verify_mode = _CLIENTS[tls.client_auth_type]
    return made


class Guard:
    """Who may ask, and over which TLS; follows the file.

    Args:
        path: the web configuration, or None for plain HTTP and everybody.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._config = read(path) if path is not None else WebConfig()
        self._stamp = self._now()
        self._context = self._made()
        self._known: set[str] = set()
        self._one_at_a_time = trio.CapacityLimiter(1)

    def _now(self) -> tuple[int, ...]:
        if self._path is None:
            return ()
        tls = self._config.tls_server_config
        files = [
            self._path,
            *(() if tls is None else (self._path.parent / tls.cert_file, self._path.parent / tls.key_file)),
        ]
        return tuple(file.stat().st_mtime_ns if os.path.exists(file) else 0 for file in files)

    def _made(self) -> ssl.SSLContext | None:
        tls = self._config.tls_server_config
        return None if tls is None or self._path is None else context(self._path, tls)

    def follow(self) -> None:
        """Read the file again where it changed; one that cannot be read leaves what was there."""
        if self._path is None or (stamp := self._now()) == self._stamp:
            return
        self._stamp = stamp
        try:
            config = read(self._path)
        except UsageError:
            return
        self._config, self._known = config, set()
        self._context = self._made()
        self._stamp = self._now()

    def tls(self) -> ssl.SSLContext | None:
        """The TLS settings of a new connection."""
        self.follow()
        return self._context

    async def admits(self, authorization: str) -> bool:
        """Whether a request with this header may be answered; a hash is compared once, then remembered."""
        users = self._config.basic_auth_users
        if not users:
            return True
        name, _, password = _decoded(authorization).partition(":")
        mark = hashlib.sha256(authorization.encode()).hexdigest()
        if mark in self._known:
            return True
        hashed = users.get(name, _NOBODY)
        checkpw = _bcrypt().checkpw
        try:
            right = await trio.to_thread.run_sync(
                checkpw, password.encode()[:72], hashed.encode(), limiter=self._one_at_a_time
            )
        except ValueError:
            return False
        if right and name in users:
            self._known.add(mark)
            return True
        return False


def _decoded(authorization: str) -> str:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 1024:
        return ""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
