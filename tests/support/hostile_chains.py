"""Run a command in a network in which every name is here, and each connection meets a chain that was never seen.

``unshare --net python hostile_chains.py FOLDER COMMAND…``: a child answers DNS on 127.0.0.1, for every name with four
addresses of its own, and TLS at each of them, with as many bytes of certificates as OpenSSL takes from a peer
(``SSL_get_max_cert_list(3)``: 100 KiB), full of long texts, and none of them twice. The command's processes are
measured together; ``FOLDER/usage.json`` says what they took at most, in bytes, and with which code it ended.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import itertools
import json
import os
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LARGEST = 100 * 1024
"""What OpenSSL reads of a peer's certificates unless a program asks for more."""
MARK = b"0123456789abcdef"
"""Stands in every certificate where each connection gets a number of its own."""
NETWORK = "52.94.0.0/16"
"""Some of AWS's addresses, all of them on the loopback interface of a namespace that leads nowhere."""
_DAY = datetime.timedelta(days=1)
_NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: " + b"s" * 4000 + b"\r\nX-A: " + b"a" * 4000 + b"\r\nContent-Length: 150000\r\n\r\n"
)


def _name(which: int) -> x509.Name:
    """A name of 16 parts: some 1,000 bytes, of which a report shows 200 characters."""
    parts = [x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, f"{n} " + "\u00e9" * 30) for n in range(15)]
    # The last is written first (RFC 4514): what is told apart of these names is told apart in a report, too.
    return x509.Name([*parts, x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{which} {MARK.decode()}")])


def template(key: ec.EllipticCurvePrivateKey, which: int, names: int) -> bytes:
    """One certificate, DER, with so many DNS names."""
    dns = [x509.DNSName(f"{n}.{'n' * 60}.{'m' * 60}.{'o' * 60}.example") for n in range(names)]
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(which))
        .issuer_name(_name(which))
        .public_key(key.public_key())
        .serial_number(which + 1)
        .not_valid_before(_NOW - _DAY)
        .not_valid_after(_NOW + 400 * _DAY)
        .add_extension(x509.SubjectAlternativeName(dns), critical=False)
        .add_extension(x509.BasicConstraints(ca=which > 0, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.DER)


def templates(key: ec.EllipticCurvePrivateKey) -> list[bytes]:
    """Ten certificates that together have nearly as many bytes as a peer may send."""
    found = [template(key, which, 38) for which in range(10)]
    assert LARGEST - 3000 < sum(len(der) + 5 for der in found) < LARGEST - 100
    return found


class Chains:
    """Contexts, each with a chain of its own."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self._secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._templates = templates(key)
        self._folder = folder
        self._count = itertools.count()

    def context(self) -> ssl.SSLContext:
        """A context that nobody met before. The signatures no longer fit, which a chain without a root never shows."""
        number = b"%016d" % next(self._count)
        path = self._folder / f"{threading.get_ident()}-{os.getpid()}.pem"
        parts = [self._secret]
        for der in self._templates:
            body = base64.encodebytes(der.replace(MARK, number))
            parts += [b"-----BEGIN CERTIFICATE-----\n", body, b"-----END CERTIFICATE-----\n"]
        path.write_bytes(b"".join(parts))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


class _Udp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, sock = self.request
        sock.sendto(answer(data), self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while size := self.rfile.read(2):
            reply = answer(self.rfile.read(int.from_bytes(size, "big")))
            self.wfile.write(len(reply).to_bytes(2, "big") + reply)


def answer(query: bytes) -> bytes:
    """Four addresses of the name's own for every question about IPv4, nothing for the rest (RFC 1035 section 4.1)."""
    end = query.index(0, 12) + 5
    seed = hashlib.sha256(query[12:end].lower()).digest()
    records = [b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x34\x5e" + seed[n : n + 2] for n in (0, 2, 4, 6)]
    if query[end - 3] != 1:
        records = []
    counts = b"\x00\x01" + bytes((0, len(records))) + b"\x00\x00\x00\x00"
    return query[:2] + b"\x81\x80" + counts + query[12:end] + b"".join(records)


def _serve(listener: socket.socket, chains: Chains) -> None:
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=_meet, args=(sock, chains), daemon=True).start()


def _meet(sock: socket.socket, chains: Chains) -> None:
    sock.settimeout(10)
    try:
        with sock, chains.context().wrap_socket(sock, server_side=True) as encrypted:
            while encrypted.recv(65536):
                encrypted.sendall(_ANSWER + b"b" * 150000)
    except OSError:  # the client has seen enough
        return


def serve(folder: Path) -> None:
    """Serve until the process is ended."""
    chains = Chains(folder)
    for kind, handler in ((socketserver.ThreadingUDPServer, _Udp), (socketserver.ThreadingTCPServer, _Tcp)):
        server = kind(("127.0.0.1", 53), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    listeners = [socket.create_server(("", port), backlog=4096) for port in (443, 80)]
    for one in listeners:
        threading.Thread(target=_serve, args=(one, chains), daemon=True).start()
    (folder / "ready").touch()
    threading.Event().wait()


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended
        return [pid]
    return [pid, *(one for child in children for one in family(int(child)))]


def in_memory(pid: int) -> int:
    """The bytes that a process has for itself, and its part of those that it shares (proc(5), Pss)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def main(folder: Path, command: list[str]) -> None:
    """Run the command in the network, and measure it."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=20)
    subprocess.run(["ip", "route", "add", "local", NETWORK, "dev", "lo"], check=True, timeout=20)
    server = os.fork()
    if server == 0:
        serve(folder)
    try:
        while not (folder / "ready").exists():
            time.sleep(0.05)
        ran, largest = subprocess.Popen(command, cwd=folder), 0
        while ran.poll() is None:
            largest = max(largest, sum(map(in_memory, family(ran.pid))))
            time.sleep(0.1)
        (folder / "usage.json").write_text(json.dumps({"bytes": largest, "code": ran.returncode}))
    finally:
        os.kill(server, signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
