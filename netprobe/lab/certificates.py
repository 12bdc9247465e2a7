"""The lab's certificate authorities, and the TLS contexts of its servers.

Two authorities: one stands for the public web PKI that the genuine services chain to, one for a company's TLS
inspection. Their certificates conform to RFC 5280 (key identifiers, critical basic constraints, key usage), so that a
strict verifier accepts them; the deliberate exceptions are named in :class:`netprobe.lab.behaviour.ShownChain`.

Every key is P-256 and made once a lab: an RSA key would cost more than the rest of the lab's start. Keys exist only
in the lab's temporary folder, readable by its owner, and vouch for nothing outside the lab.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import warnings
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netprobe.lab.behaviour import ShownChain
from netprobe.lab.tls import remember_server_name

ORIGIN_ORGANISATION = "netprobe lab Trust Services"
INSPECTOR_ORGANISATION = "Example Corp"
INSPECTOR_NAME = "Example Corp TLS Inspection CA"
WRONG_NAME = "www.wrong-name.example"
_NAME_SHOWN = {ShownChain.WRONG_NAME: WRONG_NAME, ShownChain.WRONG_AWS_NAME: "m7-tacs-s1.dub.amazon.com"}
"""What a certificate is for, where it is not for the host; the second is what amazon-ecs-agent#4530 saw."""
_VALID = dt.timedelta(days=90)


def _name(common_name: str, organisation: str | None = None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass(frozen=True, slots=True)
class Issuer:
    """A CA certificate and its key.

    Attributes:
        certificate: the CA's certificate.
        key: its private key.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def root(cls, common_name: str, organisation: str, now: dt.datetime) -> Issuer:
        """Make a self-signed root."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(common_name, organisation)
        return cls(_ca(name, name, key, key, None, now, path_length=None), key)

    def intermediate(self, common_name: str, organisation: str, now: dt.datetime) -> Issuer:
        """Make an intermediate below this CA."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _ca(
            _name(common_name, organisation),
            self.certificate.subject,
            key,
            self.key,
            self.certificate,
            now,
            path_length=0,
        )
        return Issuer(certificate, key)

    def leaf(
        self,
        names: tuple[str, ...],
        key: ec.EllipticCurvePrivateKey,
        *,
        not_before: dt.datetime,
        not_after: dt.datetime,
        key_identifiers: bool = True,
    ) -> x509.Certificate:
        """Issue a server certificate.

        Args:
            names: DNS names or addresses; the first also becomes the common name.
            key: the server's key.
            not_before: the first moment of validity.
            not_after: the last one.
            key_identifiers: leave out to make a chain that RFC 5280 does not allow.
        """
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(names[0][:64]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_alternative_name(n) for n in names]), critical=False)
        )
        if key_identifiers:
            builder = builder.add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            ).add_extension(_authority_key_identifier(self.certificate), critical=False)
        return builder.sign(self.key, hashes.SHA256())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _ca(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signing_key: ec.EllipticCurvePrivateKey,
    issuer_certificate: x509.Certificate | None,
    now: dt.datetime,
    *,
    path_length: int | None,
) -> x509.Certificate:
    """Sign a CA certificate that is valid for long enough to lie around every leaf of every scenario."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=3650))
        .not_valid_after(now + dt.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer_certificate is not None:
        builder = builder.add_extension(_authority_key_identifier(issuer_certificate), critical=False)
    return builder.sign(signing_key, hashes.SHA256())


class SigningDesk:
    """When an inspector has the certificate of a name: it makes one after the other, and keeps what it made."""

    def __init__(self) -> None:
        self._ready: dict[str | None, float] = {}
        self._free = 0.0

    def ready_at(self, name: str | None, seconds: float, now: float, *, forgets: bool = False) -> float:
        """When the certificate for a name is there; it is made whether or not its client still waits.

        Args:
            name: the SNI, or None; each is a certificate of its own.
            seconds: how long one takes to make.
            now: the time.
            forgets: whether it is made again, although it was made before.
        """
        if name not in self._ready or (forgets and self._ready[name] <= now):
            self._free = self._ready[name] = max(now, self._free) + seconds
        return self._ready[name]


class Certificates:
    """Makes what the lab's servers show, when it is first asked for.

    Attributes:
        origin_file: PEM of the root that the genuine services chain to.
        inspector_file: PEM of the inspection CA.
        both_file: PEM of the two.
        desk: where certificates are made while their clients wait.
    """

    def __init__(self, directory: Path, now: dt.datetime | None = None) -> None:
        self._directory = directory
        self._now = now or dt.datetime.now(dt.UTC).replace(microsecond=0)
        self._root = Issuer.root("netprobe lab Root CA 1", ORIGIN_ORGANISATION, self._now)
        self._issuing = self._root.intermediate("netprobe lab M01", ORIGIN_ORGANISATION, self._now)
        self._inspector = Issuer.root(INSPECTOR_NAME, INSPECTOR_ORGANISATION, self._now)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._contexts: dict[tuple[str, ShownChain, bool, float], ssl.SSLContext] = {}
        self.desk = SigningDesk()
        self.origin_file = directory / "lab-ca.pem"
        self.inspector_file = directory / "inspection-ca.pem"
        self.both_file = directory / "lab-and-inspection-ca.pem"
        self.origin_file.write_bytes(_pem(self._root.certificate))
        self.inspector_file.write_bytes(_pem(self._inspector.certificate))
        self.both_file.write_bytes(_pem(self._root.certificate) + _pem(self._inspector.certificate))

    def context(
        self, host: str, chain: ShownChain, *, old: bool = False, validity_offset_seconds: float = 0.0
    ) -> ssl.SSLContext:
        """The server context that shows ``chain`` for ``host``.

        Args:
            host: the name that the certificate is for.
            chain: which certificate.
            old: speak TLS 1.0 only.
            validity_offset_seconds: added to both ends of the leaf's validity.
        """
        wanted = (host, chain, old, validity_offset_seconds)
        if wanted not in self._contexts:
            self._contexts[wanted] = self._make(*wanted)
        return self._contexts[wanted]

    def _make(self, host: str, chain: ShownChain, old: bool, offset: float) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        remember_server_name(context)
        if old:
            context.set_ciphers("DEFAULT@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # that it is old is the point
                context.maximum_version = ssl.TLSVersion.TLSv1
        path = self._directory / "server.pem"
        key = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.touch(mode=0o600)
        path.write_bytes(key + b"".join(_pem(c) for c in self._chain(host, chain, offset)))
        context.load_cert_chain(path)
        path.unlink()
        return context

    def _chain(self, host: str, chain: ShownChain, offset: float) -> tuple[x509.Certificate, ...]:
        begin, end = self._validity(chain, offset)
        if chain is ShownChain.SELF_SIGNED:
            own = Issuer(
                _ca(_name(host[:64]), _name(host[:64]), self._key, self._key, None, self._now, path_length=None),
                self._key,
            )
            return (own.leaf((host,), self._key, not_before=begin, not_after=end),)
        if chain in (ShownChain.INTERCEPTED, ShownChain.INTERCEPTED_NONCONFORMING):
            conforming = chain is ShownChain.INTERCEPTED
            leaf = self._inspector.leaf((host,), self._key, not_before=begin, not_after=end, key_identifiers=conforming)
            return (leaf, self._inspector.certificate)
        names = (_NAME_SHOWN.get(chain, host),)
        leaf = self._issuing.leaf(names, self._key, not_before=begin, not_after=end)
        return (leaf,) if chain is ShownChain.INCOMPLETE else (leaf, self._issuing.certificate)

    def _validity(self, chain: ShownChain, offset: float) -> tuple[dt.datetime, dt.datetime]:
        day = dt.timedelta(days=1)
        shift = dt.timedelta(seconds=offset)
        if chain is ShownChain.EXPIRED:
            return self._now - _VALID, self._now - day
        if chain is ShownChain.NOT_YET_VALID:
            return self._now + day, self._now + _VALID
        return self._now - day + shift, self._now + _VALID + shift
