"""Real proxies and devices for the fault lab's first router: Debian's programs, each with a configuration of its own.

An :class:`Engine` says which program it needs, writes its configuration, and listens when it is ready. It lives in the
router's namespace, asks the lab's own resolver, and is killed with the topology. Programs that ask glibc for names get
a resolv.conf of their own, bound over the machine's in the private mount namespace that ``ip netns exec`` makes.
"""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from netprobe.lab.certificates import Certificates, Issuer
from netprobe.vantage import ProxyServer
from tests.support import squids
from tests.support.netns import Namespace
from tests.support.render_engine import as_user

ROUTER = "198.18.0.2"
"""The first router, as the client sees it."""
ROUTER_6 = "2001:db8:0:0::2"
PORT = 3128
SECRET = "planted-hunter2"
CERTGEN = "/usr/lib/squid/security_file_certgen"
BASIC_AUTH = "/usr/lib/squid/basic_ncsa_auth"
COMPANY_CA = "Example Corp Proxy CA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an engine runs.

    Attributes:
        folder: its own, for its files.
        resolver: the address of the lab's DNS server.
        certificates: the lab's authorities.
        names: what ``{...}`` stands for in lines of configuration.
        store: PEM that the host trusts; an engine may add its CA.
    """

    folder: Path
    resolver: str
    certificates: Certificates
    names: Mapping[str, str]
    store: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One program on the router.

    Attributes:
        program: as ``need.engine`` finds it.
        prepare: writes what it needs and returns the command, which stays in the foreground.
        port: where it listens when it is ready.
        udp: whether that is a UDP port.
    """

    program: str
    prepare: Callable[[Place], Sequence[str]]
    port: int = PORT
    udp: bool = False


def start(router: Namespace, engines: Sequence[Engine], place: Place) -> None:
    """Start engines one after the other, each ready before the next."""
    for number, engine in enumerate(engines):
        folder = place.folder / f"engine-{number}"
        folder.mkdir()
        folder.chmod(0o755)
        own = Place(
            folder=folder,
            resolver=place.resolver,
            certificates=place.certificates,
            names=place.names,
            store=place.store,
        )
        log, ready = folder / "engine.log", partial(router.listens, engine.port, udp=engine.udp)
        router.start(*engine.prepare(own), ready=ready, within=30, log=log)


def http(*, scheme: str = "http", host: str = ROUTER, port: int = PORT, user: str | None = None) -> ProxyServer:
    """What a host is told about the proxy on the router."""
    return ProxyServer(
        scheme=scheme, host=host, port=port, username=user, password=SECRET if user is not None else None
    )


def _write(path: Path, lines: Sequence[str]) -> str:
    path.write_text("\n".join([*lines, ""]), encoding="ascii")
    return str(path)


def _with_resolver(place: Place, argv: Sequence[str], resolver: str | None = None) -> list[str]:
    """Run a program that asks glibc for names, with a resolv.conf of its own."""
    answers = _write(
        place.folder / "resolv.conf", [f"nameserver {resolver or place.resolver}", "options timeout:1 attempts:2"]
    )
    return ["sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', answers, *argv]


# --- squid ----------------------------------------------------------------------------------------------------------

_SQUID = (
    "visible_hostname proxy.example",
    "pid_filename none",
    "cache_log /dev/null",
    "access_log none",
    "netdb_filename none",
    "cache deny all",
    "shutdown_lifetime 0 seconds",
)


def squid(*access: str, listen: str = f"http_port {ROUTER}:{PORT}", resolver: str | None = None) -> Engine:
    """A Squid with these lines; ``{...}`` as in rules of routers, ``{folder}`` its folder.

    Args:
        access: lines of its configuration, first of all ``http_access``.
        listen: how it listens; ``{proxy_pem}`` is a certificate for the proxy by the origin's CA, ``{foreign_pem}``
            one by a CA that nobody trusts.
        resolver: another DNS server than the lab's.
    """

    def prepare(place: Place) -> Sequence[str]:
        names = {**place.names, "folder": str(place.folder)}
        if "{proxy_pem}" in listen:
            names["proxy_pem"] = _leaf(place, (ROUTER,), "proxy.pem")
        if "{foreign_pem}" in listen:
            names["foreign_pem"] = _foreign_leaf(place.folder / "foreign.pem")
        if any("{users}" in line for line in access):
            names["users"] = _write(place.folder / "users", [f"svc:{_hashed(SECRET)}"])
        lines = [listen, *_SQUID, f"dns_nameservers {resolver or place.resolver}", "dns_timeout 2 seconds", *access]
        return squids.foreground("squid", _write(place.folder / "squid.conf", [line.format(**names) for line in lines]))

    return Engine(program="squid", prepare=prepare)


BASIC = (
    f"auth_param basic program {BASIC_AUTH} {{users}}",
    "auth_param basic children 2 startup=1 idle=1",
    "acl known proxy_auth REQUIRED",
    "http_access allow known",
    "http_access deny all",
)
"""Basic authentication: the user ``svc`` with :data:`SECRET`."""


def bump(*access: str, key: str = "rsa", conforming: bool = True, trusted: bool = True, tls12: bool = False) -> Engine:
    """A Squid that opens TLS (``ssl-bump``) with a CA of its own.

    Args:
        access: lines beside ``http_access allow all``.
        key: ``rsa`` or ``ec``: the CA's, which Squid gives its leaves too.
        conforming: whether the CA's certificate keeps RFC 5280.
        trusted: whether the host trusts it.
        tls12: whether it speaks no TLS 1.3.
    """

    def prepare(place: Place) -> Sequence[str]:
        authority = _company_ca(place.folder / "ca.pem", key=key, conforming=conforming)
        if trusted:
            with place.store.open("ab") as store:
                store.write(authority)
        database = place.folder / "certificates"
        subprocess.run([CERTGEN, "-c", "-s", database, "-M", "4MB"], check=True, timeout=20, capture_output=True)
        as_user(place.folder, "proxy")
        options = " options=NO_TLSv1_3" if tls12 else ""
        lines = [
            f"http_port {ROUTER}:{PORT} ssl-bump tls-cert={place.folder}/ca.pem generate-host-certificates=on{options}",
            *_SQUID,
            f"sslcrtd_program {CERTGEN} -s {database} -M 4MB",
            "sslcrtd_children 2 startup=1 idle=1",
            f"tls_outgoing_options cafile={place.certificates.origin_file}",
            f"dns_nameservers {place.resolver}",
            "ssl_bump bump all",
            *access,
            "http_access allow all",
        ]
        return squids.foreground("squid", _write(place.folder / "squid.conf", lines))

    return Engine(program="squid", prepare=prepare)


WITH_UPGRADE = "http_upgrade_request_protocols websocket allow all"
"""Without it a bumping Squid takes the upgrade out of the request."""


def _hashed(password: str) -> str:
    told = subprocess.run(
        ["openssl", "passwd", "-apr1", "-stdin"], input=password, capture_output=True, text=True, timeout=20, check=True
    )
    return told.stdout.strip()


# --- other forward proxies ------------------------------------------------------------------------------------------


def tinyproxy(*lines: str, resolver: str | None = None) -> Engine:
    """A tinyproxy with these lines beside what it needs to listen; ``resolver``: another DNS server than the lab's."""

    def prepare(place: Place) -> Sequence[str]:
        base = [f"Port {PORT}", f"Listen {ROUTER}", "Timeout 60", "MaxClients 200", "LogLevel Critical"]
        configuration = _write(
            place.folder / "tinyproxy.conf", [*base, *(line.format(folder=place.folder) for line in lines)]
        )
        _write(place.folder / "filter", ["^ssm\\.us-east-2\\.amazonaws\\.com$"])
        return _with_resolver(place, ["tinyproxy", "-d", "-c", configuration], resolver)

    return Engine(program="tinyproxy", prepare=prepare)


def privoxy(*actions: str) -> Engine:
    """A Privoxy with these lines of an actions file."""

    def prepare(place: Place) -> Sequence[str]:
        _write(place.folder / "own.action", ["{-block -filter}", "/", *actions])
        lines = [
            f"confdir {place.folder}",
            "templdir /etc/privoxy/templates",
            f"listen-address {ROUTER}:{PORT}",
            "actionsfile own.action",
            "toggle 1",
            "enable-remote-toggle 0",
            "max-client-connections 256",
        ]
        return _with_resolver(place, ["privoxy", "--no-daemon", _write(place.folder / "config", lines)])

    return Engine(program="privoxy", prepare=prepare)


def dante(*rules: str) -> Engine:
    """A SOCKS5 server (Dante) with these rules before the one that lets all pass."""

    def prepare(place: Place) -> Sequence[str]:
        lines = [
            f"logoutput: {place.folder}/danted.log",
            f"internal: {ROUTER} port = {PORT}",
            "external: right",
            "socksmethod: none",
            "clientmethod: none",
            "user.privileged: root",
            "user.unprivileged: nobody",
            "client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }",
            *(rule % place.names for rule in rules),
            "socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }",
        ]
        argv = ["danted", "-f", _write(place.folder / "danted.conf", lines), "-p", f"{place.folder}/danted.pid"]
        return _with_resolver(place, argv)

    return Engine(program="danted", prepare=prepare)


# --- devices that are no proxy, or stand before one ------------------------------------------------------------------

_HAPROXY = (
    "global",
    "  maxconn 500",
    "defaults",
    "  timeout connect 5s",
    "  timeout client 60s",
    "  timeout server 60s",
)


def haproxy(*lines: str, port: int = PORT) -> Engine:
    """An HAProxy with these lines; ``{leaf}`` is a certificate for every host, by the origin's own CA."""

    def prepare(place: Place) -> Sequence[str]:
        names: dict[str, object] = {**place.names, "folder": place.folder}
        if any("{leaf}" in line for line in lines):
            names["leaf"] = _leaf(place, _every_name(place), "leaf.pem")
        text = [line.format(**names) for line in (*_HAPROXY, *lines)]
        return ["haproxy", "-db", "-f", _write(place.folder / "haproxy.cfg", text)]

    return Engine(program="haproxy", prepare=prepare, port=port)


def nginx(*server: str, port: int = PORT) -> Engine:
    """An nginx with these lines in its one server; ``<inspectors_leaf>`` is a certificate by the inspection CA."""

    def prepare(place: Place) -> Sequence[str]:
        names: dict[str, object] = {**place.names, "folder": place.folder}
        if any("<inspectors_leaf>" in line for line in server):
            names["inspectors_leaf"] = _leaf(place, _every_name(place), "leaf.pem", by=place.certificates._inspector)
        lines = [
            "daemon off; master_process off; worker_processes 1;",
            f"pid {place.folder}/nginx.pid; error_log {place.folder}/error.log;",
            "events { worker_connections 512; }",
            "http { access_log off;",
            *(
                f"{kind}_temp_path {place.folder}/{kind};"
                for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            ),
            "server {",
            *(_filled(line, names) for line in server),
            "} }",
        ]
        return ["nginx", "-p", str(place.folder), "-c", _write(place.folder / "nginx.conf", lines)]

    return Engine(program="nginx", prepare=prepare, port=port)


def dnsmasq(*lines: str, listen: str = ROUTER) -> Engine:
    """A dnsmasq that forwards to the lab's resolver, with these lines."""

    def prepare(place: Place) -> Sequence[str]:
        base = ("no-resolv", "no-hosts", "no-daemon", "user=root", f"server={place.resolver}", "bind-interfaces")
        configuration = _write(place.folder / "dnsmasq.conf", [*base, f"listen-address={listen}", *lines])
        return ["dnsmasq", f"--conf-file={configuration}"]

    return Engine(program="dnsmasq", prepare=prepare, port=53, udp=True)


def _filled(line: str, names: Mapping[str, object]) -> str:
    """nginx's own braces rule ``str.format`` out."""
    for name, value in names.items():
        line = line.replace(f"<{name}>", str(value))
    return line


# --- certificates ---------------------------------------------------------------------------------------------------


def _every_name(place: Place) -> tuple[str, ...]:
    return tuple(place.names["hosts"].split())


def _leaf(place: Place, names: tuple[str, ...], file: str, by: Issuer | None = None) -> str:
    """A certificate by the origin's own CA, or another, with its chain and key in one file."""
    path, authority = place.folder / file, by or place.certificates._issuing
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    leaf = authority.leaf(names, key, not_before=now - day, not_after=now + 30 * day)
    path.write_bytes(_pem(leaf) + _pem(authority.certificate) + _private(key))
    return str(path)


def _foreign_leaf(path: Path) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(_private(key) + _pem(_signed(key, key, ROUTER, ROUTER, ())))
    return str(path)


def _company_ca(path: Path, *, key: str, conforming: bool) -> bytes:
    """A CA for Squid: certificate and key into one file; returns the certificate."""
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    private = rsa.generate_private_key(65537, 2048) if key == "rsa" else ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    proper = (
        (usage, True),
        (x509.SubjectKeyIdentifier.from_public_key(private.public_key()), False),
    )
    basic = (x509.BasicConstraints(ca=True, path_length=None), conforming)
    certificate = _signed(private, private, COMPANY_CA, COMPANY_CA, (basic, *(proper if conforming else ())))
    path.write_bytes(_pem(certificate) + _private(private))
    return _pem(certificate)


def _signed(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    signer: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    subject: str,
    issuer: str,
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(signer, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
