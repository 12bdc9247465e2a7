"""What a peer's certificate chain says: who issued it, and does it end in one of the origin's roots?

``cryptography`` reads the certificates, and it is imported only where a chain is to be read. One chain is analysed
once, however many hosts show it. Everything that is kept is text that is safe to print: names in an intercepting
certificate are chosen by whoever made it.

Ending in an origin root is judged without regard to dates and names, because an expired certificate of Amazon's is
Amazon's still; the issuer's *name* proves nothing, since an interceptor can copy it, so signatures are checked.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.errors import printable
from netprobe.observations import Certificate
from netprobe.probes import trust

if TYPE_CHECKING:
    from cryptography import x509

MAX_CHAIN = 10
MAX_NAMES = 20
_UNREADABLE = "(cannot be read)"


def prepare() -> None:
    """Import what reads certificates now: in the middle of a run it would hold up what is in flight for 50 ms."""
    import cryptography.x509  # noqa: F401


@functools.lru_cache(maxsize=4096)
def describe(chain: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    """The certificates of a chain as text, leaf first; at most :data:`MAX_CHAIN` of them."""
    return tuple(_certificate(der, leaf=index == 0) for index, der in enumerate(chain[:MAX_CHAIN]))


@functools.lru_cache(maxsize=4096)
def ends_in_origin(chain: tuple[bytes, ...], roots: trust.Anchors) -> bool:
    """Whether signatures lead from the leaf to one of the origin's roots.

    Args:
        chain: DER certificates as the peer sent them, leaf first.
        roots: the origin's roots.
    """
    parsed = [certificate for der in chain[:MAX_CHAIN] if (certificate := _load(der)) is not None]
    if not parsed:
        return False
    by_subject = _by_subject(roots)
    current, rest = parsed[0], parsed[1:]
    for _ in range(MAX_CHAIN):
        if _fingerprint(current) in roots.fingerprints:
            return True
        if any(_issued(current, root) for root in by_subject.get(current.issuer.public_bytes(), ())):
            return True
        issuer = next((c for c in rest if c != current and _is_ca(c) and _issued(current, c)), None)
        if issuer is None:
            return False
        rest = [c for c in rest if c != issuer]
        current = issuer
    return False


def strict_error(chain: Sequence[bytes], host: str, store: Path | None) -> str | None:
    """What a strict X.509 verifier (RFC 5280 and the web PKI's rules) objects to; empty for nothing.

    Self-signed certificates that the peer sent count as anchors here: the question is whether the chain is well made,
    not whether it is trusted. None where there is no root at all to verify with, so that nothing was judged.
    """
    from cryptography import x509
    from cryptography.x509 import verification

    try:
        parsed = [_read(der) for der in chain[:MAX_CHAIN]]
        anchors = [c for c in parsed[1:] if c.issuer == c.subject]
        if store is not None:
            issuers = {c.issuer for c in parsed}
            anchors += [r for der in trust.anchors(store).certificates if (r := _load(der)) and r.subject in issuers]
        if not anchors:
            return None
        builder = verification.PolicyBuilder().store(verification.Store(anchors))
        builder.build_server_verifier(x509.DNSName(host)).verify(parsed[0], parsed[1:])
    except (verification.VerificationError, ValueError, x509.UnsupportedGeneralNameType) as error:
        return printable(str(error)) or type(error).__name__
    return ""


def _read(der: bytes) -> x509.Certificate:
    """Read a certificate; what is odd about it is no news of ours to put on stderr (a root of Mozilla's is odd).

    Raises:
        ValueError: it cannot be read.
    """
    from cryptography import x509

    with warnings.catch_warnings(action="ignore"):
        return x509.load_der_x509_certificate(der)


def _load(der: bytes) -> x509.Certificate | None:
    try:
        return _read(der)
    except ValueError:  # more than OpenSSL minds; it is shown as unreadable
        return None


@functools.lru_cache(maxsize=8)
def _by_subject(roots: trust.Anchors) -> dict[bytes, list[x509.Certificate]]:
    found: dict[bytes, list[x509.Certificate]] = {}
    for der in roots.certificates:
        root = _load(der)
        if root is not None:
            found.setdefault(root.subject.public_bytes(), []).append(root)
    return found


def _fingerprint(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.hashes import SHA256

    return certificate.fingerprint(SHA256()).hex()


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_ca(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _certificate(der: bytes, *, leaf: bool) -> Certificate:
    sha256 = hashlib.sha256(der).hexdigest()
    certificate = _load(der)
    if certificate is None:
        return Certificate(
            subject=_UNREADABLE, issuer=_UNREADABLE, sha256=sha256, not_before="", not_after="", key="unknown"
        )
    return Certificate(
        subject=_name(certificate, "subject"),
        issuer=_name(certificate, "issuer"),
        sha256=sha256,
        not_before=_date(certificate.not_valid_before_utc),
        not_after=_date(certificate.not_valid_after_utc),
        key=_key(certificate),
        self_signed=certificate.issuer == certificate.subject and _issued(certificate, certificate),
        names=_dns_names(certificate) if leaf else (),
    )


def _name(certificate: x509.Certificate, which: str) -> str:
    try:
        return printable(str(getattr(certificate, which).rfc4514_string()))
    except ValueError:  # a string that is not what its type says
        return _UNREADABLE


def _date(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(certificate: x509.Certificate) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "unknown"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey")


def _dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(printable(name) for name in names.get_values_for_type(x509.DNSName)[:MAX_NAMES])
