"""Where a setting of this host stands, for findings that its operator has to mend: file and line."""

from __future__ import annotations

from netprobe.findings import Place
from netprobe.observations import VantageRecord


def of_setting(record: VantageRecord | None, setting: str, text: str) -> tuple[Place, ...]:
    """The file and line of a setting; nothing where it came from an option or the environment.

    Args:
        record: as whom was looked.
        setting: the key in :attr:`netprobe.observations.VantageRecord.sources`.
        text: what stands there.
    """
    source = record.sources.get(setting, "") if record is not None else ""
    first = source.partition(" ")[0].rstrip(";")
    if not first.startswith("/"):
        return ()
    file, _, line = first.rpartition(":")
    if file and line.isdecimal():
        return (Place(file=file, line=int(line), text=text),)
    return (Place(file=first, line=None, text=text),)
