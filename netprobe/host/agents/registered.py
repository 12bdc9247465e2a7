"""What a registered host tells of itself: its agent's region, and the numbered names that AWS gave it last.

The region stands where the install script and the SSM Agent wrote it: ``AWS_DEFAULT_REGION`` in the ECS agent's files
(ecs-anywhere-install.sh), ``Region`` in the SSM Agent's registration file. The names stand in the ECS agent's log:
every connection begins there with "Establishing a Websocket connection" and its URL (amazon-ecs-agent's
``wsclient/client.go``; both forms were seen: amazon-ecs-agent#1872 of 2019, #4779 of 2025, read 2026-11-28). The log is
read from its end, a bounded part of it, and only names that look like AWS's are taken.
"""

from __future__ import annotations

import datetime
import json
import re

import msgspec

from netprobe.host.filesystem import FolderRoot, UnreadableError
from netprobe.host.machine import Machine
from netprobe.host.readers.settings import Setting

LOG = "/var/log/ecs/ecs-agent.log"
REGISTRATION = "/var/lib/amazon/ssm/registration"
MOST_OF_THE_LOG = 1 << 20
"""Bytes from the end of the log: connections are made anew every half hour, at some 300 bytes a line."""
MAX_REGISTRATION = 64 << 10
HOLDS = datetime.timedelta(days=2)
"""A discovery is cached for 12 hours and reused while discovery fails (facts/aws.md section 2); older names are old."""
_CONNECTION = "establishing a websocket connection"
_NAME = re.compile(r"https://(ecs-[at](?:-[0-9]{1,6})?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?){2,6})/ws")
_DATE = re.compile(r"\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d")
_LONGEST_LINE = 4096
_REGION = re.compile(r"[a-z]{2,5}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}")


class AgentsRegion(msgspec.Struct, frozen=True, kw_only=True):
    """The region of this host's agent.

    Attributes:
        region: its id, as it stands there.
        place: ``FILE:LINE``.
    """

    region: str
    place: str


def region(machine: Machine) -> AgentsRegion | None:
    """The region that the agents of a host are set to; None where none is written, or it may not be read."""
    for read in (_region_of_ecs, _region_of_ssm):
        try:
            found = read(machine)
        except UnreadableError:  # without root the agents' folders are closed; the user can still name the region
            continue
        if found is not None:
            return found
    return None


def _region_of_ecs(machine: Machine) -> AgentsRegion | None:
    setting: Setting | None = machine.ecs_setting("AWS_DEFAULT_REGION")
    if setting is None or not _REGION.fullmatch(setting.value):
        return None
    return AgentsRegion(region=setting.value, place=setting.where)


def _region_of_ssm(machine: Machine) -> AgentsRegion | None:
    text = machine.root.text(REGISTRATION, MAX_REGISTRATION) or ""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    value = content.get("Region") if isinstance(content, dict) else None
    if not isinstance(value, str) or not _REGION.fullmatch(value):
        return None
    return AgentsRegion(region=value, place=REGISTRATION)


def own_hosts(root: FolderRoot, now: datetime.datetime) -> tuple[str, ...]:
    """The names of ``ecs-a`` and ``ecs-t`` that this host was given last, each kind's newest.

    Args:
        root: where the log is.
        now: the moment, to tell a log of long ago; a line without a date counts.
    """
    try:
        data = root.tail(LOG, MOST_OF_THE_LOG)
    except UnreadableError:  # the log may be closed to us: then nobody knows the number, as before registration
        return ()
    newest: dict[str, str] = {}
    for line in (data or b"").decode("utf-8", "replace").lower().splitlines():
        name = _NAME.search(line[:_LONGEST_LINE]) if _CONNECTION in line else None
        if name is not None and not _is_old(line, now):
            newest[name[1][:5]] = name[1]
    return tuple(newest.values())


def _is_old(line: str, now: datetime.datetime) -> bool:
    written = _DATE.search(line[:200])
    if written is None:
        return False
    try:
        moment = datetime.datetime.fromisoformat(written[0].upper()).replace(tzinfo=datetime.UTC)
    except ValueError:
        return False
    return now - moment > HOLDS
