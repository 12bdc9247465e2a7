"""Chains: whose they are, whatever their names and dates say; and what a strict verifier objects to."""

from __future__ import annotations

import datetime
import ssl
import warnings
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.errors import UnreadableFileError
from netprobe.probes import certificates, dername, trust
from netprobe.vantage import TrustStore
from tests.support import probe_servers

HOST = "ecs.us-east-2.amazonaws.com"


def _chain(certificate: trustme.LeafCert) -> tuple[bytes, ...]:
    return tuple(ssl.PEM_cert_to_DER_cert(blob.bytes().decode()) for blob in certificate.cert_chain_pems)


_AUTHORITY = trustme.CA(organization_name="Tampered")
_LEAF = _chain(_AUTHORITY.issue_cert(HOST))[0]
_ROOT = ssl.PEM_cert_to_DER_cert(_AUTHORITY.cert_pem.bytes().decode())


def _read(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def _der(ca: trustme.CA) -> bytes:
    return ssl.PEM_cert_to_DER_cert(ca.cert_pem.bytes().decode())


def _of_one_name() -> trustme.CA:
    """An authority whose name is the origin's; trustme would put a random unit into it."""
    return trustme.CA(organization_name="Origin", organization_unit_name="Roots")


@pytest.fixture
def origin() -> trustme.CA:
    return _of_one_name()


@pytest.fixture
def roots(origin: trustme.CA, tmp_path: Path) -> trust.Anchors:
    return trust.anchors(probe_servers.pem(origin, tmp_path / "origin.pem"))


def test_a_chain_of_the_origin(origin: trustme.CA, roots: trust.Anchors) -> None:
    direct = _chain(origin.issue_cert(HOST))
    assert certificates.ends_in_origin(direct, roots)
    assert certificates.ends_in_origin((*direct, _der(origin)), roots)
    below = origin.create_child_ca()
    leaf = _chain(below.issue_cert(HOST))
    assert certificates.ends_in_origin(leaf, roots)
    assert not certificates.ends_in_origin(leaf[:1], roots), "an intermediate that was not sent leads nowhere"


def test_copying_the_issuers_name_proves_nothing(origin: trustme.CA, roots: trust.Anchors) -> None:
    forger = _of_one_name()
    forged, genuine = (_chain(ca.issue_cert(HOST)) for ca in (forger, origin))
    assert _read(forged[0]).issuer == _read(_der(origin)).subject
    assert not certificates.ends_in_origin(forged, roots)
    assert not certificates.ends_in_origin((*forged, _der(forger)), roots)
    assert certificates.ends_in_origin(genuine, roots)


def test_an_intermediate_of_the_origin_vouches_for_its_own_leaves_alone(
    origin: trustme.CA, roots: trust.Anchors
) -> None:
    """Anybody can send a genuine intermediate along, and write its name as the issuer's."""
    genuine = origin.create_child_ca()
    leaf, intermediate = _chain(genuine.issue_cert(HOST))[:2]
    key = ec.generate_private_key(ec.SECP256R1())
    like = _read(leaf)
    forged = (
        x509.CertificateBuilder()
        .subject_name(like.subject)
        .issuer_name(_read(intermediate).subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(like.not_valid_before_utc)
        .not_valid_after(like.not_valid_after_utc)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
    assert certificates.ends_in_origin((leaf, intermediate), roots)
    assert not certificates.ends_in_origin((forged, intermediate), roots)
    assert not certificates.ends_in_origin((forged, intermediate, _der(origin)), roots)


def test_sending_the_origins_root_along_proves_nothing(origin: trustme.CA, roots: trust.Anchors) -> None:
    forger = trustme.CA(organization_name="Forger")
    assert not certificates.ends_in_origin((*_chain(forger.issue_cert(HOST)), _der(origin)), roots)


def test_a_leaf_of_the_origin_is_no_authority(origin: trustme.CA, roots: trust.Anchors) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    bought = origin.issue_cert("bought.example", key_type=trustme.KeyType.ECDSA)
    issuer = x509.load_pem_x509_certificate(bought.cert_chain_pems[0].bytes())
    key = serialization.load_pem_private_key(bought.private_key_pem.bytes(), None)
    assert isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey))
    forged = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)]))
        .issuer_name(issuer.subject)
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .serial_number(7)
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    chain = (forged.public_bytes(serialization.Encoding.DER), issuer.public_bytes(serialization.Encoding.DER))
    assert not certificates.ends_in_origin(chain, roots)


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=80), max_size=20))
def test_garbage_is_described_and_belongs_to_no_one(chain: list[bytes]) -> None:
    described = certificates.describe(tuple(chain))
    assert len(described) == min(len(chain), certificates.MAX_CHAIN)
    assert all(c.subject == "(cannot be read)" for c in described)
    assert not certificates.ends_in_origin(tuple(chain), trust.Anchors((), frozenset()))
    assert certificates.strict_error(chain, HOST, None) != ""


def test_a_strict_verifier_takes_a_well_made_chain_and_names_what_is_wrong(tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority = trustme.CA()
    store = probe_servers.pem(authority, tmp_path / "ca.pem")
    signer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    key = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)

    def leaf(*, conforming: bool) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(signer.subject)
            .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
            .serial_number(9)
            .not_valid_before(signer.not_valid_before_utc)
            .not_valid_after(signer.not_valid_after_utc)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        )
        if conforming:  # Squid's minted certificates lack it (RFC 5280 section 4.2.1.1)
            identifier = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
            )
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    assert certificates.strict_error([leaf(conforming=True)], HOST, store) == ""
    assert certificates.strict_error([leaf(conforming=False)], HOST, store)
    assert certificates.strict_error([leaf(conforming=True)], "other.example", store)
    assert certificates.strict_error([leaf(conforming=True)], HOST, None) is None
    assert certificates.strict_error([leaf(conforming=True), b"unreadable"], HOST, store) is None, "not all was judged"


def test_contexts_are_shared_until_the_bundle_changes(tmp_path: Path) -> None:
    path = probe_servers.pem(trustme.CA(), tmp_path / "ca.pem")
    first = trust.verifying_context(path, None)
    assert trust.verifying_context(path, None) is first
    assert trust.verifying_context(path, "ECDHE-RSA-AES128-GCM-SHA256") is not first
    before = trust.anchors(path)
    other = tmp_path / "new.pem"
    probe_servers.pem(trustme.CA(), other).rename(path)
    assert trust.verifying_context(path, None) is not first
    assert trust.anchors(path).fingerprints != before.fingerprints


def test_a_verifying_context_verifies_and_a_lax_one_does_not(tmp_path: Path) -> None:
    path = probe_servers.pem(trustme.CA(), tmp_path / "ca.pem")
    strict, lax = trust.verifying_context(path, None), trust.lax_context(None)
    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (lax.verify_mode, lax.check_hostname) == (ssl.CERT_NONE, False)
    assert strict.minimum_version is ssl.TLSVersion.TLSv1_2
    assert trust.verifying_context(None, None).get_ca_certs() == []


def test_the_public_roots_contain_amazons() -> None:
    # facts, section 9 (2026-11-23)
    amazon_root_ca_1 = "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e"
    assert amazon_root_ca_1 in trust.anchors(None).fingerprints


def test_what_a_report_says_of_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = probe_servers.pem(trustme.CA(), tmp_path / "ca.pem")
    assert trust.describe(TrustStore(ca_file=path)) == str(path)
    monkeypatch.setattr(trust, "SYSTEM_BUNDLES", (tmp_path / "missing", path))
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    assert trust.bundle_of(TrustStore()) == path
    assert trust.describe(TrustStore()) == f"system ({path})"
    monkeypatch.setattr(trust, "SYSTEM_BUNDLES", ())
    assert trust.describe(TrustStore()) == "system (no bundle found)"
    with pytest.raises(UnreadableFileError):
        trust.read_bundle(tmp_path / "missing")


def test_an_odd_certificate_draws_no_warning(origin: trustme.CA, roots: trust.Anchors) -> None:
    """A serial number below 1, as a root of Mozilla's has it, draws a warning from who reads certificates."""
    leaf, version = _chain(origin.issue_cert(HOST))[0], b"\xa0\x03\x02\x01\x02"
    start = leaf.index(version) + len(version) + 2  # behind it the serial number: its tag, its size, its bytes
    odd = leaf[:start] + b"\xfe" + leaf[start + 1 :]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert len(certificates.describe((odd,))) == 1
        assert not certificates.ends_in_origin((odd,), roots)
        certificates.strict_error((odd, _der(origin)), HOST, None)
    assert told == []


@pytest.mark.parametrize(("oid", "text"), [(NameOID.COUNTRY_NAME, "USAA"), (NameOID.COMMON_NAME, "n" * 9000)])
def test_a_name_that_breaks_its_bounds_draws_no_warning(oid: x509.ObjectIdentifier, text: str) -> None:
    """The name is read when it is asked for, long after the certificate was."""
    with warnings.catch_warnings(action="ignore"):
        der = _self_signed(x509.Name([x509.NameAttribute(oid, text, _validate=False)]))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        (shown,) = certificates.describe((der,))
        assert not certificates.ends_in_origin((der, _ROOT), trust.Anchors((_ROOT,), frozenset()))
        certificates.strict_error((der, _ROOT), HOST, None)
    assert told == []
    assert text[:4] in shown.subject


def _self_signed(name: x509.Name) -> bytes:
    key, day = ec.generate_private_key(ec.SECP256R1()), datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(day).not_valid_after(day + datetime.timedelta(days=90))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


ODD = Path(__file__).parents[1] / "cases" / "hostile"


@pytest.mark.parametrize("name", ["ca-file-0", "teletex-latin1", "ia5-8bit", "version6", "year0"])
def test_a_bundle_that_passes_validation_is_read(name: str) -> None:
    path = trust.validate(ODD / f"{name}.pem")
    (der,) = trust.anchors(path).certificates
    (shown,) = certificates.describe((der,))
    assert "=" in shown.subject
    assert certificates.ends_in_origin((der,), trust.anchors(path)) in (True, False)
    assert certificates.strict_error((der,), HOST, path) != ""


def test_a_bundle_that_is_not_in_base_64_is_refused_in_a_line() -> None:
    with pytest.raises(UnreadableFileError, match="certificate 1 in it is not in base 64"):
        trust.validate(ODD / "ca-file-1.pem")
    assert len(trust.anchors(ODD / "ca-file-1.pem").certificates) == 1, "a system's store is read as far as it goes"


def test_a_bundle_that_openssl_gives_no_reason_for_is_refused_without_one(tmp_path: Path) -> None:
    root = _ROOT.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x05\x01\x02", 1)  # its version is no number
    (tmp_path / "ca.pem").write_text(ssl.DER_cert_to_PEM_cert(root))
    with pytest.raises(UnreadableFileError, match="a certificate in it is malformed;"):
        trust.validate(tmp_path / "ca.pem")


@settings(max_examples=200)
@given(st.data())
def test_a_certificate_that_was_tampered_with_is_described(data: st.DataObject) -> None:
    """Bits of a genuine certificate are turned, which OpenSSL often still accepts; nothing may be raised."""
    der = bytearray(_LEAF)
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    (shown,) = certificates.describe((bytes(der),))
    assert len(shown.subject) <= 200
    certificates.ends_in_origin((bytes(der), _ROOT), trust.Anchors((_ROOT,), frozenset()))
    certificates.strict_error((bytes(der), _ROOT), HOST, None)


def test_names_are_read_where_the_reader_of_certificates_reads_none() -> None:
    assert dername.names(_LEAF)[0] == certificates.describe((_LEAF,))[0].issuer
    for broken in (b"", b"\x30", b"\x30\x03\x02\x01\x01", b"\x30\x85" + b"\xff" * 9, _LEAF[:80]):
        with pytest.raises(ValueError, match=r"."):
            dername.names(broken)


def test_what_is_remembered_is_bounded_whatever_a_peer_sends() -> None:
    certificates.described.forget()
    for number in range(certificates.MAX_REMEMBERED + 10):
        certificates.describe((number.to_bytes(4, "big"),))
    assert len(certificates.described) == certificates.MAX_REMEMBERED
    assert all(len(key) == 32 for key in certificates.described)
    certificates.described.forget()
