"""What several formats have in common: times, host names in URLs and authorities, key=value and CEF."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import re

from netprobe import addresses

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}


def authority(text: str, default_port: int | None = None) -> tuple[str, int | None]:
    """Take ``host:port`` apart (IPv6 in brackets)."""
    place = addresses.take_apart(text)
    if not place.is_whole:  # no address in brackets, but a word that somebody put in the place of another
        host, _, port = text.partition(":")
        place = addresses.WrittenPlace(host, port)
    number = addresses.port_number(place.port)
    return place.host.rstrip(".").lower(), default_port if number is None else number


@functools.lru_cache(maxsize=4096)
def of_url(text: str) -> tuple[str, int | None]:
    """Host and port of a URL, or of the authority that CONNECT names."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return authority(text.split("/", 1)[0])
    rest = rest.split("/", 1)[0].split("?", 1)[0].rpartition("@")[2]
    return authority(rest, 443 if scheme.lower() == "https" else 80)


_PAIR = re.compile(r'(?<![\w.-])([\w.-]++)=("(?:[^"\\]|\\.)*+"|[^\s"]*+)')


def pairs(line: str) -> dict[str, str]:
    """The ``key=value`` and ``key="value"`` of a line, keys in lower case; the first of each counts.

    Every character is looked at once: a key begins where no key is going on, and nothing is tried again.
    """
    found: dict[str, str] = {}
    for match in _PAIR.finditer(line):
        found.setdefault(match[1].lower(), match[2].strip('"'))
    return found


_CEF = re.compile(r"CEF: ?0\|")
_CEF_KEY = re.compile(r"(?<![\w.])([A-Za-z0-9_.]++)=")


def cef(line: str) -> dict[str, str]:
    """The extension of ArcSight's Common Event Format, keys in lower case; the first of each counts.

    Values are not quoted and may hold blanks: each goes on to the next key. Nothing where the line is no CEF.
    """
    head = _CEF.search(line)
    if head is None:
        return {}
    extension = line[head.end() :].split("|", 6)[-1]
    marks = list(_CEF_KEY.finditer(extension))
    ends = [*(mark.start() for mark in marks[1:]), len(extension)]
    found: dict[str, str] = {}
    for mark, end in zip(marks, ends, strict=False):  # without a key there is an end too many
        found.setdefault(mark[1].lower(), extension[mark.end() : end].strip())
    return found


def address(text: str) -> str:
    """An IP address in its usual spelling; nothing where it is none."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return ""


def name(text: str) -> str:
    """A host name as it is compared: no dot at the end, lower case; nothing where it is an address or ``-``."""
    host = text.strip().rstrip(".").lower()
    return "" if host in ("", "-", "n/a", "none", "unknown") or address(host) else host


def epoch(text: str) -> float | None:
    """Seconds since 1970 from a number of seconds, milli-, micro- or nanoseconds, or None."""
    if not (text.isascii() and text.isdigit() and 9 <= len(text) <= 19):
        return None
    value = int(text)
    while value >= 100_000_000_000:
        value //= 1000
    return float(value)


def port(text: str) -> int | None:
    """A port number, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) else None


def count(text: str) -> int:
    """A number of bytes or packets; 0 where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def iso(text: str) -> float | None:
    """An ISO 8601 time (also Suricata's ``+0000``), or None; without a zone it is taken as UTC."""
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


def clf(text: str) -> float | None:
    """A time as in ``23/Nov/2026:12:00:00 +0000`` (common log format) or with milliseconds (HAProxy), or None."""
    day, _, rest = text.partition("/")
    month, _, rest = rest.partition("/")
    year, _, clock = rest.partition(":")
    clock, _, zone = clock.partition(" ")
    if month not in _MONTHS or not (zone == "" or (len(zone) == 5 and zone[0] in "+-" and zone[1:].isdigit())):
        return None
    return iso(f"{year}-{_MONTHS[month]:02}-{day}T{clock}{zone or '+0000'}")


def syslog(words: list[str], year: int) -> float | None:
    """A time as in ``Nov 23 12:00:00`` (RFC 3164; no year), taken as UTC, or None."""
    if len(words) < 3 or words[0] not in _MONTHS or not words[1].isdigit():
        return None
    return iso(f"{year}-{_MONTHS[words[0]]:02}-{int(words[1]):02}T{words[2]}")


def this_year() -> int:
    """The year that a time without one is taken to be of."""
    return datetime.datetime.now(datetime.UTC).year
