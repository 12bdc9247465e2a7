"""What each endpoint really answered in one network, as a file that is made to be shared: its types and its reader.

``netprobe check --transcript FILE`` writes one (:mod:`netprobe.transcript`), :mod:`netprobe.catalog.learn` reads it.
It holds what the genuine services said and nothing of who asked: no name and no address of the host, its resolver or
its proxy, no account, no endpoint of your own, no request id, and of a chain that is not the origin's nothing but that.

A transcript comes from a stranger. So the reader bounds its size, knows every key, and holds every text to its form.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec

from netprobe.errors import UsageError, printable

VERSION = "1.0"
MAX_BYTES = 8 << 20
MAX_HEARD = 20_000
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9][a-z0-9.-]{0,252}|other")
_HEX = re.compile(r"[0-9a-f]{64}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_METHOD = re.compile(r"[A-Z]{3,7}")
T = TypeVar("T")
_LINE = re.compile(r"[ -~]{0,200}")


class TranscriptLookup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The shape of one DNS answer.

    Attributes:
        rrtype: ``A`` or ``AAAA``.
        rcode: the response code, or how the question failed.
        addresses: how many addresses of each class: ``{"public": 2}``.
        aliases: what the CNAMEs end in, of networks that everybody knows; else ``other``.
    """

    rrtype: str
    rcode: str
    addresses: dict[str, int] = {}
    aliases: tuple[str, ...] = ()


class TranscriptCertificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One certificate of the origin's chain: its subject and the SHA-256 of its DER."""

    subject: str
    sha256: str


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One answer of the origin, or that none came.

    Attributes:
        step: ``http``, or ``websocket`` for the upgrade.
        method: what was asked by.
        failure: how it ended, where no answer came or it was a failure.
        status: the status.
        headers: the names of its headers.
        values: the values of the few that tell services apart.
        server: the Server header.
        content_type: the media type.
        location: of a redirect, the host where it is one that everybody knows; else ``other``.
        request_id: which header held one.
        error: the error that the body names.
        recognised: whether it bore the mark that the catalog expects.
        close_code: of a WebSocket that the peer closed.
    """

    step: Literal["http", "websocket"]
    method: str
    failure: str = ""
    status: int | None = None
    headers: tuple[str, ...] = ()
    values: dict[str, str] = {}
    server: str = ""
    content_type: str = ""
    location: str = ""
    request_id: str = ""
    error: str = ""
    recognised: bool = False
    close_code: int | None = None


class TranscriptHost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one name of the catalog answered.

    Attributes:
        entry: the catalog entry.
        region: the region.
        pattern: the entry's host pattern there, ``*`` for the account.
        number: of a numbered name, the number.
        proxied: whether a proxy was asked for it.
        dns: the shapes of the DNS answers.
        origin: whether TLS said that the origin answers; None where no handshake was finished.
        tls_failure: how the handshake ended, where it failed.
        tls_version: the version of TLS.
        chain: the origin's certificates, leaf first.
        said: what the origin said.
    """

    entry: str
    region: str
    pattern: str
    number: int | None = None
    proxied: bool = False
    dns: tuple[TranscriptLookup, ...] = ()
    origin: bool | None = None
    tls_failure: str = ""
    tls_version: str = ""
    chain: tuple[TranscriptCertificate, ...] = ()
    said: tuple[Said, ...] = ()


class Transcript(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file.

    Attributes:
        transcript_version: the first number changes where a reader would have to.
        netprobe_version: who wrote it.
        catalog_version: the facts that it stood on.
        catalog_digest: the same, exactly.
        made: the day.
        roots: by which roots it is known who answered: ``public`` (Amazon's and the public web PKI), ``given``
            (``--origin-ca``), or the ``lab``'s, whose answers are nobody's.
        heard: what was heard, by entry, region and name.
    """

    transcript_version: str
    netprobe_version: str
    catalog_version: str
    catalog_digest: str
    made: str
    roots: Literal["public", "given", "lab"]
    heard: tuple[TranscriptHost, ...]


def encode(transcript: Transcript) -> bytes:
    """The file: JSON, two spaces deep, for people to look through before they share it."""
    return msgspec.json.format(msgspec.json.encode(transcript), indent=2) + b"\n"


def read(data: bytes, name: str) -> Transcript:
    """Read a transcript, and trust nothing in it.

    Args:
        data: the file.
        name: what to call it in a message.

    Raises:
        UsageError: it is too large, of another version, or not as a transcript is.
    """
    remedy = "give a file that netprobe check --transcript wrote"
    if len(data) > MAX_BYTES:
        raise UsageError(name, f"is larger than {MAX_BYTES >> 20} MiB", remedy)
    try:
        found = msgspec.json.decode(data, type=Transcript)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(name, f"is no transcript ({printable(str(error))})", remedy) from error
    if found.transcript_version.partition(".")[0] != VERSION.partition(".")[0]:
        raise UsageError(
            name, f"has version {printable(found.transcript_version, 20)}, and this reads {VERSION}", remedy
        )
    if len(found.heard) > MAX_HEARD:
        raise UsageError(name, f"holds more than {MAX_HEARD} answers", remedy)
    wrong = _not_in_form(found)
    if wrong:
        raise UsageError(name, f"holds a text that no transcript has ({printable(wrong, 60)})", remedy)
    return found


def _not_in_form(found: Transcript) -> str:
    """The first text that is not in its form, or nothing."""
    if not _DATE.fullmatch(found.made):
        return found.made or "no date"
    for heard in found.heard:
        wrong = _heard_wrong(heard)
        if wrong:
            return wrong
    return ""


def _first(form: re.Pattern[str], *texts: str) -> str:
    return next((text or "nothing" for text in texts if not form.fullmatch(text)), "")


def _heard_wrong(heard: TranscriptHost) -> str:
    optional = [text for text in (heard.tls_failure, heard.tls_version) if text]
    return (
        _first(_WORD, heard.entry, heard.region, *optional)
        or _first(_HOST, heard.pattern.replace("*", "x"))
        or _first(_LINE, *(link.subject for link in heard.chain))
        or _first(_HEX, *(link.sha256 for link in heard.chain))
        or _any(_lookup_wrong, heard.dns)
        or _any(_said_wrong, heard.said)
    )


def _any(check: Callable[[T], str], things: tuple[T, ...]) -> str:
    return next((wrong for thing in things if (wrong := check(thing))), "")


def _lookup_wrong(lookup: TranscriptLookup) -> str:
    return _first(_WORD, lookup.rrtype, lookup.rcode, *lookup.addresses) or _first(_HOST, *lookup.aliases)


def _said_wrong(said: Said) -> str:
    if said.status is not None and not 100 <= said.status < 1000:
        return str(said.status)
    optional = [text for text in (said.failure, said.error, said.request_id) if text]
    return (
        _first(_METHOD, said.method)
        or _first(_WORD, *optional, *said.headers, *said.values)
        or _first(_LINE, said.server, said.content_type, *said.values.values())
        or _first(_HOST, *([said.location] if said.location else []))
    )
