"""The specifiers of systemd's units (``%n``, ``%i`` …) as far as files tell what they come to.

systemd.unit(5), "Specifiers", and ``src/shared/specifier.c`` of systemd 252, read 2026-11-29: ``%%`` is one percent
sign, a percent sign before what is no letter or digit stands for itself, and a letter or digit that is no specifier
makes systemd ignore the whole assignment ("Invalid slot"). So the ``%40`` of a password leaves the variable unset. What
only the running host knows (its name, its machine id, its kernel) is left as it is written.
"""

from __future__ import annotations

import re

_SPECIFIER = re.compile(r"%(.)", re.DOTALL)
_FOLDERS = {
    "C": "/var/cache",
    "E": "/etc",
    "L": "/var/log",
    "S": "/var/lib",
    "T": "/tmp",  # noqa: S108 - a word of systemd's, no file of ours
    "V": "/var/tmp",  # noqa: S108
    "h": "/root",
    "t": "/run",
}
"""Those of the system's manager."""
_KNOWN = frozenset("%nNpPfyYcrRjJiIdDCELStgGuUhsaAbBHlqmMovwWTV")


def unknown(text: str) -> tuple[str, ...]:
    """What in a value systemd would take for a specifier and does not know, ``%4`` for instance."""
    found = (match[0] for match in _SPECIFIER.finditer(text) if match[1] not in _KNOWN)
    return tuple(dict.fromkeys(one for one in found if one[1].isascii() and one[1].isalnum()))


def expanded(text: str, unit: str) -> str:
    """A value with its specifiers replaced.

    Args:
        text: the value as the unit file has it.
        unit: the unit's name, ``docker.service``.
    """
    if "%" not in text:
        return text
    stem = unit.rpartition(".")[0]
    prefix, _, instance = stem.partition("@")
    known = {
        **_FOLDERS,
        "%": "%",
        "n": unit,
        "N": stem,
        "p": prefix,
        "i": instance,
        "j": prefix.rpartition("-")[2],
        "u": "root",
        "U": "0",
    }
    return _SPECIFIER.sub(lambda match: known.get(match[1], match[0]), text)
