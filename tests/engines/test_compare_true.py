"""``--compare`` says of a configuration what the engine itself does: hundreds of small ones, each asked of both.

The rules of each contradict and cover each other, since what only looks like admitting is what a comparison must see.
"""

from __future__ import annotations

import itertools
import random
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from netprobe.render.readers import READERS
from tests.support import need, render_sni, squids
from tests.support.render_engine import Namespace, as_user, cable, engine, listens, namespace

pytestmark = [pytest.mark.engine, pytest.mark.root]

NAMES = (
    "ecs.us-east-2.amazonaws.com",
    "ecs-a-7.us-east-2.amazonaws.com",
    "logs.eu-west-1.amazonaws.com",
    "www.example.org",
)
PORT = 443
_FIRST = 20000
"""The port of the first configuration; the others follow."""
SQUIDS = 80


@pytest.fixture
def space() -> Iterator[Namespace]:
    with namespace() as here:
        yield here


_ACLS = (
    "dstdomain .amazonaws.com",
    "dstdomain .us-east-2.amazonaws.com",
    "dstdomain ECS.us-east-2.amazonaws.com www.example.org",
    "dstdomain *.amazonaws.com",
    "dstdom_regex -i ^ecs-a-[0-9]+\\.US-EAST-2\\.amazonaws\\.com$",
    "dstdom_regex ^ecs-A-[0-9]+\\.us-east-2\\.amazonaws\\.com$",
    "dstdom_regex amazonaws",
    "port 443",
    "port 80 8443",
    "port 1-1024",
    "method CONNECT",
    "method GET POST",
    "src all",
)


def _squid_conf(dice: random.Random, mark: str) -> str:
    """A configuration whose ACLs bear a mark, and which denies at its end."""
    lines = [f"acl {mark}a{number} {one}" for number, one in enumerate(_ACLS)]
    names = [f"{mark}a{number}" for number in range(len(_ACLS))]
    for kind in ("any-of", "all-of"):
        for number in range(2):
            parts = [f"{dice.choice(('', '!'))}{one}" for one in dice.sample(names, 2)]
            lines.append(f"acl {mark}{kind[:3]}{number} {kind} {' '.join(parts)}")
    names += [f"{mark}{kind}{number}" for kind in ("any", "all") for number in range(2)]
    for _ in range(dice.randint(1, 5)):
        chosen = [f"{dice.choice(('', '', '!'))}{one}" for one in dice.sample([*names, "all"], dice.randint(1, 3))]
        joint = " \\\n   " if dice.random() < 0.2 else " "
        lines.append(f"http_access {dice.choice(('allow', 'deny'))} {joint.join(chosen)}  # {dice.random()}")
    return "\n".join([*lines, "http_access deny all"]) + "\n"


def _by_port(text: str, name: str) -> str:
    """The same for one port of many: each line also asks for that port's name, which holds there alone."""
    return text.replace("http_access allow", f"http_access allow {name}").replace(
        "http_access deny", f"http_access deny {name}"
    )


def _allowed(port: int, name: str) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(f"CONNECT {name}:{PORT} HTTP/1.1\r\nHost: {name}:{PORT}\r\n\r\n".encode())
        return sock.recv(4096).split(b"\r\n")[0].split()[1] != b"403"


def test_squid(space: Namespace, tmp_path: Path) -> None:
    """One Squid plays them all, each on a port of its own; nothing leads out, so only 403 is a no."""
    dice = random.Random(20261129)
    texts = [_squid_conf(dice, f"c{number}") for number in range(SQUIDS)]
    ports = [f"http_port 127.0.0.1:{_FIRST + number} name=p{number}\nacl n{number} myportname p{number}\n"
             for number in range(SQUIDS)]  # fmt: skip
    path = tmp_path / "squid.conf"
    path.write_text(
        f"pid_filename none\ncache_log {tmp_path}/cache.log\naccess_log none\ncache deny all\nhosts_file none\n"
        "dns_nameservers 127.0.0.1\ndns_timeout 1 second\nnever_direct allow all\nvisible_hostname proxy.test\n"
        "shutdown_lifetime 0 seconds\npinger_enable off\n"
        + "".join(ports)
        + "".join(_by_port(text, f"n{number}") for number, text in enumerate(texts)),
        encoding="utf-8",
    )
    as_user(tmp_path, "proxy")
    argv = squids.foreground(need.engine("squid"), path)
    asked = list(itertools.product(range(SQUIDS), NAMES))
    with engine(argv, space=space, ready=listens(_FIRST + SQUIDS - 1), log=tmp_path / "out.log"):
        said = space.call(lambda: {(number, name): _allowed(_FIRST + number, name) for number, name in asked})
    read = [READERS["squid"](text) for text in texts]
    found = {(number, name): read[number].answers(name, PORT) for number, name in asked}
    wrong = [
        (name, said[number, name], texts[number]) for number, name in asked if found[number, name] != said[number, name]
    ]
    assert not wrong, f"{len(wrong)} of {len(asked)}, the first: {wrong[0][0]}, allowed: {wrong[0][1]}\n{wrong[0][2]}"
    assert min(sum(said.values()), len(asked) - sum(said.values())) > 60


ADDRESSES = ("192.0.2.1", "192.0.2.129", "198.51.100.5", "203.0.113.9", "2001:db8::1", "2001:db8:1::1")
_NETS4 = ("192.0.2.0/24", "192.0.2.128/25", "198.51.100.0/24", "203.0.113.9", "0.0.0.0/0")
_NETS6 = ("2001:db8::/32", "2001:db8:1::/48", "2001:db8::1", "::/0")
_SOME4 = "{ 192.0.2.1, 198.51.100.0-198.51.100.9 }"
_SOME6 = "{ 2001:db8::1, 2001:db8:1::/48 }"
FILTERS = 60
_SWAPPED = {"tcp": "udp", "udp": "tcp"}


@pytest.fixture
def sender() -> Iterator[Namespace]:
    """A host whose packets get away."""
    with namespace() as here, namespace() as far:
        cable(here, far)
        yield here


def _leaves(address: str) -> bool:
    """Whether a datagram leaves: one that the filter drops is an error of the call itself, which a SYN is not."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.sendto(b"x", (address, PORT))
        except PermissionError:
            return False
        return True


def _as_datagrams(text: str) -> str:
    """The same rules for datagrams."""
    return re.sub(r"\b(tcp|udp)\b", lambda found: _SWAPPED[found[1]], text)


def _held_against(
    sender: Namespace, target: str, texts: Sequence[str], load: Callable[[str], None], addresses: Sequence[str]
) -> None:
    """Load each, and ask the kernel and the reader of each address."""
    passed = 0
    for text in texts:
        load(_as_datagrams(text))
        said = sender.call(lambda: {address: _leaves(address) for address in addresses})
        read = READERS[target](text)
        found = {address: read.answers(address, PORT) for address in addresses}
        assert found == said, text
        passed += sum(said.values())
    assert min(passed, len(texts) * len(addresses) - passed) > len(texts) / 2


def _nft_rule(dice: random.Random, jumps: Sequence[str]) -> str:
    no = dice.choice(("", "!= "))
    addresses = (
        f"ip daddr {no}{dice.choice((*_NETS4, '@four', _SOME4))}",
        f"ip6 daddr {no}{dice.choice((*_NETS6, '@six', _SOME6))}",
        f"meta nfproto {dice.choice(('ipv4', 'ipv6'))}",
        "",
    )
    ports = (
        f"tcp dport {no}{dice.choice(('443', '80', '{ 80, 443 }', '1-1024', 'https', '{ 80, 8443 }'))}",
        f"tcp sport {dice.choice(('443', '1024-65535'))}",
        f"udp dport {dice.choice(('443', '53'))}",
        f"meta l4proto {dice.choice(('tcp', 'udp', '{ tcp, udp }'))}",
        "",
        "",
    )
    others = (
        f"ct state {dice.choice(('new', 'established,related', '{ new, invalid }', '!= new'))}",
        f'oifname {no}"lo"',
        "counter",
        "",
        "",
        "",
    )
    verdicts = ("accept", "accept", "drop", "return", *(f"{dice.choice(('jump', 'goto'))} {one}" for one in jumps))
    if dice.random() < 0.15:
        return f"tcp dport vmap {{ 80 : drop, 443 : {dice.choice(verdicts)} }}"
    if dice.random() < 0.1:
        return f"ct state vmap {{ established : accept, new : {dice.choice(verdicts)} }}"
    remark = dice.choice(("", 'comment "drop it"'))
    return " ".join((*map(dice.choice, (addresses, ports, others, (*verdicts, "reject"))), remark))


def _nft_ruleset(dice: random.Random) -> str:
    """One or two tables; the first drops what no rule accepts, since what a policy lets out is not counted."""
    text = ""
    for table in range(dice.choice((1, 1, 2))):
        names = [f"c{number}" for number in range(3)]
        text += f"table inet t{table} {{\n"
        text += "set four {\ntype ipv4_addr; flags interval;\nelements = { 192.0.2.0/25,\n198.51.100.5 }\n}\n"
        text += "set six {\ntype ipv6_addr\nelements = { 2001:db8:1::1 }\n}\n"
        for number, name in reversed(list(enumerate(names))):
            rules = [_nft_rule(dice, names[number + 1 :]) for _ in range(dice.randint(0, 3))]
            text += f"chain {name} {{\n" + "\n".join(rules) + "\n}\n"
        policy = dice.choice(("drop", "accept")) if table else "drop"
        rules = [_nft_rule(dice, names) for _ in range(dice.randint(1, 4))]
        text += f"chain out {{\ntype filter hook output priority {table}; policy {policy};\n" + "\n".join(rules)
        text += "\n}\n}\n"
    return text


def test_nftables(sender: Namespace) -> None:
    need.engine("nft")
    dice = random.Random(20261129)

    def load(text: str) -> None:
        sender.run("nft", "-f", "-", input=f"flush ruleset\n{text}")

    _held_against(sender, "nftables", [_nft_ruleset(dice) for _ in range(FILTERS)], load, ADDRESSES)


def _iptables_rule(dice: random.Random, chain: str, jumps: Sequence[str]) -> str:
    no = dice.choice(("", "", "! "))
    conditions = (
        f"{no}-d {dice.choice(_NETS4[:-1])}",
        f"-m set {no}--match-set four dst",
        f"-p tcp -m tcp {no}--dport {dice.choice(('443', '80', '1:1024'))}",
        f"-p tcp -m multiport {no}--dports {dice.choice(('80,443', '22,8000:9000'))}",
        f"-p udp -m udp --dport {dice.choice(('443', '53'))}",
        "-p tcp -m tcp --sport 443",
        f"-m conntrack {no}--ctstate {dice.choice(('NEW', 'RELATED,ESTABLISHED', 'NEW,INVALID'))}",
        f"{no}-o lo",
        '-m comment --comment "-j DROP it"',
    )
    verdicts = ("ACCEPT", "ACCEPT", "DROP", "REJECT", "RETURN", *jumps)
    verdict = dice.choice(verdicts)
    jump = dice.choice(("-j", "-g")) if verdict in jumps else "-j"
    chosen = sorted(dice.sample(conditions, dice.choice((0, 1, 1, 2))), key=lambda one: "-p" not in one)
    if sum("-p " in one for one in chosen) > 1:
        chosen = chosen[:1]
    return " ".join(("-A", chain, *chosen, jump, verdict))


def _iptables_save(dice: random.Random) -> str:
    names = ["ONE", "TWO", "THREE"]
    text = "create four hash:net family inet\nadd four 192.0.2.0/25\nadd four 198.51.100.5\n"
    text += "*filter\n:OUTPUT DROP [0:0]\n" + "".join(f":{name} - [0:0]\n" for name in names)
    for number, name in enumerate(names):
        text += "".join(f"{_iptables_rule(dice, name, names[number + 1 :])}\n" for _ in range(dice.randint(0, 3)))
    text += "".join(f"{_iptables_rule(dice, 'OUTPUT', names)}\n" for _ in range(dice.randint(1, 4)))
    return f"{text}COMMIT\n"


@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_iptables(backend: str, sender: Namespace) -> None:
    need.engine(f"iptables-{backend}")
    need.engine("ipset")
    dice = random.Random(20261129)

    def load(text: str) -> None:
        sets, _, rules = text.partition("*filter")
        sender.run("ipset", "restore", "-exist", input=sets)
        sender.run(f"iptables-{backend}-restore", input=f"*filter{rules}")

    four = [address for address in ADDRESSES if ":" not in address]
    _held_against(sender, "iptables", [_iptables_save(dice) for _ in range(FILTERS)], load, four)


_SNI = (
    "req.ssl_sni -i -m end .amazonaws.com",
    "req.ssl_sni -m end .us-east-2.amazonaws.com",
    "req.ssl_sni -i ecs.US-EAST-2.amazonaws.com www.example.org",
    "req_ssl_sni ECS.us-east-2.amazonaws.com",
    "req.ssl_sni,lower -m reg ^ecs-a-[0-9]+[.]us-east-2[.]amazonaws[.]com$",
    "req.ssl_sni -m reg ^ECS",
    "req.ssl_sni -i -m dom amazonaws.com",
    "req.ssl_hello_type 1",
    "always_false",
)
FRONTENDS = 60


def _frontend(dice: random.Random, number: int) -> str:
    """A frontend that waits for the hello, then does what its rules say, in an order of their own."""
    acls = "".join(f"    acl a{at} {one}\n" for at, one in enumerate(_SNI))
    acls += "    acl both req.ssl_sni www.example.org\n    acl both req.ssl_sni -i -m end .eu-west-1.amazonaws.com\n"

    def condition() -> str:
        names = [*(f"a{at}" for at in range(len(_SNI))), "both", f"{{ {dice.choice(_SNI)} }}"]
        terms = [f"{dice.choice(('', '', '!'))}{one}" for one in dice.sample(names, dice.randint(1, 3))]
        return f"{dice.choice(('if', 'if', 'unless'))} {dice.choice((' ', ' or ', ' || ')).join(terms)}"

    rules = [
        f"    tcp-request content {dice.choice(('accept', 'reject'))} {condition()}\n"
        for _ in range(dice.randint(1, 4))
    ]
    backends = [f"    use_backend {dice.choice(('out', 'none'))} {condition()}\n" for _ in range(dice.randint(0, 2))]
    default = f"    default_backend {dice.choice(('out', 'out', 'none'))}\n"
    return (
        f"frontend f{number}\n    bind 127.0.0.1:{_FIRST + number}\n    tcp-request inspect-delay 5s\n{acls}"
        "    tcp-request content reject if !{ req.ssl_hello_type 1 }\n" + "".join([*rules, *backends, default])
    )


def test_haproxy(space: Namespace, tmp_path: Path) -> None:
    """One HAProxy plays them all; what no ACL of a frontend names does not count as admitted, though it may pass."""
    dice = random.Random(20261129)
    frontends = [_frontend(dice, number) for number in range(FRONTENDS)]
    frame = "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 5s\n    timeout server 5s\n"
    backends = f"backend out\n    server one {render_sni.ORIGIN}:{PORT}\nbackend none\n"
    path = tmp_path / "haproxy.cfg"
    path.write_text(f"{frame}{''.join(frontends)}{backends}", encoding="utf-8")
    as_user(tmp_path, "haproxy")
    hellos = {name: render_sni.client_hello(name) for name in NAMES}
    asked = list(itertools.product(range(FRONTENDS), NAMES))
    argv = [str(need.engine("haproxy")), "-db", "-f", str(path)]
    with (
        render_sni.internet(space, (PORT,)),
        engine(argv, space=space, ready=listens(_FIRST + FRONTENDS - 1), log=tmp_path / "out.log"),
    ):
        said = space.call(
            lambda: {(at, name): render_sni.passes(hellos[name], _FIRST + at, "127.0.0.1") for at, name in asked}
        )
    for at, text in enumerate(frontends):
        read = READERS["haproxy"](text + backends)
        for name in NAMES:
            named = any(rule.admits(name, PORT) for rule in read.rules)
            assert read.answers(name, PORT) is (named and said[at, name]), f"{name}\n{text}"
    assert min(sum(said.values()), len(asked) - sum(said.values())) > 50
