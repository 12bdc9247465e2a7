"""How a host is named: what a report may say of it, its labels (``--label site=fra``), or nothing (``--anonymous``).

A label goes into every report and, as ``label_KEY``, into metrics. Therefore keys are words that Prometheus takes once
``-`` and ``.`` are written ``_`` (prometheus.io, "Data model", read 2026-11-28), and no two keys may be the same then.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from netprobe.errors import UsageError, printable, redacted

SITE = "site"
"""The label that says where a host stands; a report has a key of its own for it."""
MOST_LABELS = 32
LONGEST_VALUE = 128
_NAMELESS = "a folder"
"""What ``.`` and ``/`` are called where folders are not told."""
_KEY = re.compile(r"[a-z][a-z0-9_.-]{0,62}")
_REMEDY = "write for example --label site=fra --label rack=7"


class Naming(msgspec.Struct, frozen=True, kw_only=True):
    """How a report names its host.

    Attributes:
        labels: what the user says of it, the site included.
        anonymous: whether its name, machine id, addresses and user are left out, and the folders of the files that were
            read, which often tell the user or the host.
    """

    labels: Mapping[str, str] = {}
    anonymous: bool = False

    def files(self, paths: Iterable[Path]) -> dict[str, str]:
        """What a report calls each file: as it was given, or by its own name alone; a second one of a name is numbered.

        Args:
            paths: as the user gave them.
        """
        if not self.anonymous:
            return {str(path): str(path) for path in paths}
        found: dict[str, str] = {}
        times: Counter[str] = Counter()
        for path in dict.fromkeys(paths):
            name = path.name or _NAMELESS
            times[name] += 1
            found[str(path)] = f"{name} ({times[name]})" if times[name] > 1 else name
        return found

    def file(self, path: Path) -> str:
        """What a report calls a single file; see :meth:`files`."""
        return self.files([path])[str(path)]


NAMED = Naming()


class HostIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Which host a report is about, as far as it may and can be told; what is not known is empty.

    Attributes:
        name: as the kernel knows it; empty for an image, and with ``--anonymous``.
        site: where it stands (``--label site=fra``).
        labels: the user's other labels.
        machine_id: its machine id, hashed; the same for the same installation of a system in every report.
        addresses: those that its connections come from.
        os: ``Debian GNU/Linux 12 (bookworm)``.
        kernel: its release.
        agents: ``ecs-agent``, ``ssm-agent``, ``cloudwatch-agent`` → the installed version.
        docker: the installed version of Docker.
        user: as whom netprobe ran.
        gateways: the next hops of its default routes.
    """

    name: str = ""
    site: str = ""
    labels: dict[str, str] = {}
    machine_id: str = ""
    addresses: tuple[str, ...] = ()
    os: str = ""
    kernel: str = ""
    agents: dict[str, str] = {}
    docker: str = ""
    user: str = ""
    gateways: tuple[str, ...] = ()


def in_words(host: HostIdentity) -> str:
    """``web01, site fra, rack=7 (192.0.2.9; Debian GNU/Linux 12, kernel 6.1.0) as root``; nothing if unknown."""
    site = f"site {host.site}" if host.site else ""
    named = [host.name, site, *(f"{key}={value}" for key, value in host.labels.items())]
    system = [host.os, f"kernel {host.kernel}" if host.kernel else ""]
    more = [", ".join(host.addresses), ", ".join(part for part in system if part)]
    beside = "; ".join(part for part in more if part)
    parts = [", ".join(part for part in named if part), f"({beside})" if beside else ""]
    parts.append(f"as {host.user}" if host.user else "")
    return " ".join(part for part in parts if part)


def parse(texts: Iterable[str]) -> dict[str, str]:
    """Read labels.

    Args:
        texts: each ``KEY=VALUE``.

    Raises:
        UsageError: not of that form, a key that is no word, a value that is empty, too long or not printable, a key
            twice, or too many.
    """
    found: dict[str, str] = {}
    written: dict[str, str] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise UsageError(text, "is not KEY=VALUE", _REMEDY)
        if not _KEY.fullmatch(key):
            raise UsageError(text, "has a key that is not of a-z, 0-9, '_', '-' and '.', a letter first", _REMEDY)
        _check_value(text, value)
        twin = written.setdefault(as_word(key), key)
        if twin != key or key in found:
            raise UsageError(text, f"the label {twin} is given already", "give each label once")
        if len(found) == MOST_LABELS:
            raise UsageError(text, f"is one label more than the {MOST_LABELS} that a host may have", "leave some out")
        found[key] = redacted(value)
    return found


def _check_value(text: str, value: str) -> None:
    if not value:
        raise UsageError(text, "has an empty value", _REMEDY)
    if len(value) > LONGEST_VALUE:
        raise UsageError(text, f"has a value of more than {LONGEST_VALUE} characters", "shorten it")
    if printable(value) != value:
        raise UsageError(text, "has a value with control characters", "take them out")


def as_word(key: str) -> str:
    """The key as metrics write it: ``data-centre`` is ``data_centre``."""
    return key.replace("-", "_").replace(".", "_")
