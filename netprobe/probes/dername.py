"""The issuer and subject of a certificate whose names cryptography refuses to read.

Old corporate authorities write ``Société`` into a TeletexString as Latin-1, as OpenSSL shows it too; X.690 says T.61,
and a strict reader refuses the name or the certificate. Who issued a chain is what an operator wants to know, so that
much is read here: DER's tags and lengths (X.690 section 8.1), and the order of fields of RFC 5280 section 4.1.
Nothing is verified with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from netprobe.errors import printable

_SET, _OID, _VERSION = 0x31, 0x06, 0xA0
_ENCODINGS = {
    0x0C: "utf-8",  # UTF8String
    0x13: "latin-1",  # PrintableString
    0x14: "latin-1",  # TeletexString, as it is used
    0x16: "latin-1",  # IA5String
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
_SHORT = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "1.2.840.113549.1.9.1": "emailAddress",
}
MAX_ATTRIBUTES = 50


def names(der: bytes) -> tuple[str, str]:
    """The issuer and the subject of a certificate, in the form of RFC 4514, safe to print.

    Raises:
        ValueError: it is not built like a certificate.
    """
    (_, certificate), *_ = _elements(der)
    (_, tbs), *_ = _elements(certificate)
    fields = [content for tag, content in _elements(tbs) if tag != _VERSION]
    if len(fields) < 5:
        raise ValueError("a certificate without all its fields")
    return _name(fields[2]), _name(fields[4])


def _name(content: bytes) -> str:
    parts = []
    for tag, several in _elements(content):
        if tag != _SET:
            raise ValueError("a name that is no list of sets")
        for _, attribute in _elements(several):
            parts.append(_attribute(attribute))
            if len(parts) > MAX_ATTRIBUTES:
                raise ValueError("a name of too many attributes")
    return printable(",".join(reversed(parts)))


def _attribute(content: bytes) -> str:
    (kind, oid), (tag, value), *_ = _elements(content)
    if kind != _OID or tag not in _ENCODINGS:
        raise ValueError("an attribute that is no string")
    dotted = _oid(oid)
    text = value.decode(_ENCODINGS[tag], "replace")
    for special in '\\,+"<>;=':
        text = text.replace(special, "\\" + special)
    return f"{_SHORT.get(dotted, dotted)}={text}"


def _oid(content: bytes) -> str:
    """An object identifier in dotted form (X.690 section 8.19)."""
    if len(content) > 32:
        raise ValueError("an object identifier of too many bytes")
    numbers, number = [], 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    if not numbers:
        raise ValueError("an object identifier of no bytes")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements that stand side by side in some bytes: tag and content.

    Raises:
        ValueError: a length that leads beyond the end.
    """
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("an element without a length")
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4:
                raise ValueError("a length that DER does not allow")
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError("an element that leads beyond the end")
        yield tag, data[at : at + length]
        at += length
