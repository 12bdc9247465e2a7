"""What a peer's certificate chain says: who issued it, and does it end in one of the origin's roots?

``cryptography`` reads the certificates, and it is imported only where a chain is to be read. One chain is analysed
once, however many hosts show it. Everything that is kept is text that is safe to print: names in an intercepting
certificate are chosen by whoever made it.

A peer may send anything, and much that OpenSSL accepts is not what ``cryptography`` expects: a Latin-1 TeletexString, a
year 0, a version 6. What cannot be read is told as that, field by field, and never ends a run.

Ending in an origin root is judged without regard to dates and names, because an expired certificate of Amazon's is
Amazon's still; the issuer's *name* proves nothing, since an interceptor can copy it, so signatures are checked.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from netprobe.errors import printable
from netprobe.observations import NOT_KEPT, Certificate
from netprobe.probes import dername, rooms, trust

if TYPE_CHECKING:
    from cryptography import x509

MAX_CHAIN = 10
MAX_CANDIDATES = 64
"""Certificates among which the next issuer is looked for."""
MAX_NAMES = 20
MAX_REMEMBERED = 4096
BRIEF_NAMES = 3
BRIEF = 80
"""Characters of a name where a chain is described in brief."""
_UNREADABLE = "(cannot be read)"
T = TypeVar("T")
K = TypeVar("K")


def prepare() -> None:
    """Import what reads certificates now: in the middle of a run it would hold up what is in flight for 50 ms."""
    import cryptography.x509  # noqa: F401


class _Remembered(OrderedDict[K, T]):
    """The latest results, by what they are of: digests, because a peer chooses how large its chain is.

    Attributes:
        found: how many were not remembered.
    """

    found = 0

    def of(self, key: K, find: Callable[[], T]) -> T:
        """What was found for a key before, or is found now."""
        if key in self:
            self.move_to_end(key)
            return self[key]
        found = self[key] = find()
        self.found += 1
        if len(self) > MAX_REMEMBERED:
            self.popitem(last=False)
        return found

    def forget(self) -> None:
        """As in a new process."""
        self.clear()
        self.found = 0


def begin_run() -> None:
    """Describe what a new run meets as in a new process."""
    described.forget()


described: _Remembered[bytes, tuple[Certificate, ...]] = _Remembered()
judged: _Remembered[tuple[bytes, trust.Anchors], bool] = _Remembered()


def kept_once(chain: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
    """A chain that another process of this run described: the same as one before where it says the same."""
    key = hashlib.sha256("".join(f"{one.sha256}{one.subject}{len(one.names)}" for one in chain).encode()).digest()
    return described.of(key, lambda: tuple(map(_sharing, chain)))


def digest(chain: Sequence[bytes]) -> bytes:
    """What tells a chain from every other one, in 32 bytes."""
    return hashlib.sha256(b"".join(hashlib.sha256(der).digest() for der in chain)).digest()


def describe(chain: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    """The certificates of a chain as text, leaf first; at most :data:`MAX_CHAIN` of them.

    Once they have filled their room (:mod:`netprobe.probes.rooms`), only the first and the last certificate are
    described, with short names; later only by their fingerprints and dates, and by an issuer that was met before.
    """
    chain = chain[:MAX_CHAIN]
    return described.of(digest(chain), lambda: _describe(chain))


def _describe(chain: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    whole = tuple(_certificate(der, leaf=index == 0) for index, der in enumerate(chain))
    if rooms.chains.takes(_characters(whole)):
        return tuple(map(_sharing, whole))
    brief = tuple(map(_brief, whole[:1] + whole[1:][-1:]))
    if rooms.brief_chains.takes(_characters(brief)):
        return tuple(map(_sharing, brief))
    return tuple(map(_bare, brief))


def _characters(chain: tuple[Certificate, ...]) -> int:
    """The characters that peers chose themselves."""
    return sum(len(text) for one in chain for text in (one.subject, one.issuer, *one.names))


def _sharing(certificate: Certificate) -> Certificate:
    """The same with an issuer that is kept once for all that it issued."""
    return msgspec.structs.replace(certificate, issuer=rooms.shared(certificate.issuer))


def _brief(certificate: Certificate) -> Certificate:
    return msgspec.structs.replace(
        certificate,
        subject=printable(certificate.subject, BRIEF),
        issuer=_kept_issuer(certificate.issuer, printable(certificate.issuer, BRIEF)),
        names=tuple(printable(name, BRIEF) for name in certificate.names[:BRIEF_NAMES]),
    )


def _bare(certificate: Certificate) -> Certificate:
    return msgspec.structs.replace(
        certificate, subject=NOT_KEPT, issuer=_kept_issuer(certificate.issuer, NOT_KEPT), names=()
    )


def _kept_issuer(issuer: str, otherwise: str) -> str:
    """An issuer in full where that costs nothing, since it is kept already: by its name causes are told apart."""
    return rooms.shared(issuer) if rooms.is_shared(issuer) else otherwise


def ends_in_origin(chain: tuple[bytes, ...], roots: trust.Anchors) -> bool:
    """Whether signatures lead from the leaf to one of the origin's roots.

    Args:
        chain: DER certificates as the peer sent them, leaf first.
        roots: the origin's roots.
    """
    chain = chain[:MAX_CHAIN]
    return judged.of((digest(chain), roots), lambda: _ends_in_origin(chain, roots))


def _ends_in_origin(chain: tuple[bytes, ...], roots: trust.Anchors) -> bool:
    if not chain or (current := _load(chain[0])) is None:
        return False
    rest = [certificate for der in chain[1:] if (certificate := _load(der)) is not None]
    by_subject = _by_subject(roots)
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


def strict_error(chain: Sequence[bytes], host: str, store: Path | None, more: tuple[Path, ...] = ()) -> str | None:
    """What a strict X.509 verifier (RFC 5280 and the web PKI's rules) objects to; empty for nothing.

    Self-signed certificates that the peer sent count as anchors here: the question is whether the chain is well made,
    not whether it is trusted. None where nothing was judged: there is no root at all to verify with, or what was sent
    cannot be read here, which is no word of a verifier of the agents'.
    """
    from cryptography import x509
    from cryptography.x509 import verification

    parsed = [certificate for der in chain[:MAX_CANDIDATES] if (certificate := _load(der)) is not None]
    if not parsed or len(parsed) < len(chain[:MAX_CHAIN]):
        return None
    leaf, *rest = parsed
    anchors = [c for c in rest if c.issuer == c.subject]
    issuers = {c.issuer for c in (leaf, *rest)}
    for file in more if store is None else (store, *more):
        anchors += [r for der in trust.anchors(file).certificates if (r := _load(der)) and r.subject in issuers]
    if not anchors:
        return None
    try:
        builder = verification.PolicyBuilder().store(verification.Store(anchors))
        builder.build_server_verifier(x509.DNSName(host)).verify(leaf, rest)
    except Exception as error:  # whatever it met in these bytes, this is what it objects to
        return printable(str(error)) or type(error).__name__
    return ""


def _read(der: bytes) -> x509.Certificate:
    """Read a certificate.

    Raises:
        ValueError: it cannot be read.
    """
    from cryptography import x509

    return x509.load_der_x509_certificate(der)


def _load(der: bytes) -> x509.Certificate | None:
    """Read a certificate whose names can be compared; None where that cannot be done, whoever issued it."""

    def read() -> x509.Certificate:
        certificate = _read(der)
        certificate.issuer, certificate.subject  # noqa: B018 - they are read when they are asked for
        return certificate

    return _attempt(read, None)


def _attempt(find: Callable[[], T], otherwise: T) -> T:
    """Ask a foreign parser about foreign bytes; what it cannot say is ``otherwise``.

    It raises what its own parts raise: ValueError, InvalidVersion, DuplicateExtension, UnsupportedAlgorithm and more
    (cryptography 50, read 2026-11-28), and nothing of ours runs within. What is odd about a certificate, a name of no
    characters or of thousands, a serial number below 1 as a root of Mozilla's has it, is no news of ours for stderr.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            return find()
    except Exception:
        return otherwise


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
    def verify() -> bool:
        certificate.verify_directly_issued_by(issuer)
        return True

    return _attempt(verify, False)


def _is_ca(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    return _attempt(lambda: certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca, False)


def _certificate(der: bytes, *, leaf: bool) -> Certificate:
    sha256 = hashlib.sha256(der).hexdigest()
    issuer, subject = _attempt(lambda: dername.names(der), (_UNREADABLE, _UNREADABLE))
    certificate = _attempt(lambda: _read(der), None)
    if certificate is None:
        return Certificate(subject=subject, issuer=issuer, sha256=sha256, not_before="", not_after="", key="unknown")
    return Certificate(
        subject=_attempt(lambda: printable(certificate.subject.rfc4514_string()), subject),
        issuer=_attempt(lambda: printable(certificate.issuer.rfc4514_string()), issuer),
        sha256=sha256,
        not_before=_attempt(lambda: _date(certificate.not_valid_before_utc), ""),
        not_after=_attempt(lambda: _date(certificate.not_valid_after_utc), ""),
        key=_attempt(lambda: _key(certificate), "unknown"),
        self_signed=_attempt(lambda: certificate.issuer == certificate.subject, False)
        and _issued(certificate, certificate),
        names=_attempt(lambda: _dns_names(certificate), ()) if leaf else (),
    )


def _date(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey")


def _dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(printable(name) for name in names.get_values_for_type(x509.DNSName)[:MAX_NAMES])
