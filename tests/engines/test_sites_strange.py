"""Sites that are strange but legal: what a render does beside rules that it does not know, and what it says of it."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import pytest

from netprobe.render import Addresses, Options, Rendered, render, targets
from netprobe.render.model import Policy
from tests.support import need, pages, squids
from tests.support.render_cases import ORIGIN, endpoint
from tests.support.render_dns import Asker, Upstream, serving
from tests.support.render_dnsmasq import INTERNET
from tests.support.render_engine import Namespace, as_user, cable, engine, listeners, listens, namespace, until
from tests.support.site import HOST

pytestmark = [pytest.mark.engine, pytest.mark.root]

NAME = "ecs.us-east-2.amazonaws.com"
LISTED, ELSEWHERE = "198.18.0.10", "198.18.0.99"
_OPTIONS = Options(
    allow_widening=True,
    addresses=Addresses(how="a test", by_region={"us-east-2": (f"{LISTED}/32", "2001:db8:ffff::10/128")}),
)


def _made(target: str, policy: Policy | None = None, options: Options = _OPTIONS) -> Rendered:
    return render(target, (endpoint(NAME),), origin=ORIGIN, options=options, policy=policy or Policy())


@pytest.fixture
def space() -> Iterator[Namespace]:
    with namespace() as here:
        yield here


@pytest.fixture
def host() -> Iterator[Namespace]:
    """A host, with another side that answers on 443 at every address of 198.18.0.0/15."""
    with namespace() as near, namespace() as far:
        cable(near, far)
        far.run("ip", "route", "add", "local", INTERNET, "dev", "lo")
        with listeners(far, (443,)):
            yield near


def _write(folder: Path, rendered: Rendered) -> None:
    for name, text in rendered.files.items():
        (folder / name).write_text(text, encoding="utf-8")


_SETS: Mapping[str, tuple[str, str, str, str]] = {
    "dnsmasq-ipset": ("ipset", "site4", "netprobe-dns-v4", "ipset list -n"),
    "dnsmasq-nftset": ("nftset", "4#inet#filter#site4", "netprobe_dns_v4", "nft list sets"),
}
_TABLE = "table inet filter { set site4 { type ipv4_addr; }; chain output { type filter hook output priority 0; }; }"


@pytest.mark.parametrize("target", _SETS)
@pytest.mark.parametrize("theirs", ["amazonaws.com", f"x.{NAME}"])
def test_a_set_of_the_site_is_not_emptied_by_ours(target: str, theirs: str, space: Namespace, tmp_path: Path) -> None:
    """dnsmasq gives a name to one line: beside the site's nothing is loaded, until both say what is told."""
    need.engine("dnsmasq")
    word, site, own, sets = _SETS[target]
    space.run("ipset", "create", "site4", "hash:ip")
    space.run("nft", "-f", "-", input=_TABLE)
    (tmp_path / "one.d").mkdir()
    (tmp_path / "two.d").mkdir()
    line = tmp_path / "two.d" / "site.conf"
    line.write_text(f"  {word} = /other.example/{theirs.upper()}/{site}  # ours\n", encoding="utf-8")
    rendered = _made(target)
    _write(tmp_path, rendered)
    conf = tmp_path / "netprobe.dnsmasq.conf"
    files = f"DNSMASQ_FILES='{tmp_path}/one.d/none {line} {conf}'"

    def apply() -> subprocess.CompletedProcess[str]:
        return space.run("sh", "-c", f"{files} sh {tmp_path}/apply.sh", check=False)

    before = space.run("sh", "-c", sets).stdout
    done = apply()
    assert done.returncode == 2
    assert str(line) in done.stderr
    assert "netprobe" not in before + space.run("sh", "-c", sets).stdout
    for what, where in re.findall(r"^ +write (\S+) behind (it|the line)", done.stderr, re.MULTILINE):
        _extend(line if where == "it" else conf, theirs.upper() if where == "it" else NAME, what)
    assert apply().returncode == 0
    assert apply().returncode == 0
    asked = theirs if theirs.startswith("x.") else NAME
    assert _filled(space, tmp_path, (conf, line), asked) == {own, "site4"}


def _extend(file: Path, name: str, sets: str) -> None:
    """Write sets behind the line of a name."""
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(rf"(/{re.escape(name)}/\S+)", rf"\1{sets}", text), encoding="utf-8")


def _filled(space: Namespace, folder: Path, files: tuple[Path, ...], name: str) -> set[str]:
    """The sets that hold an address once the name was asked for."""
    as_user(folder, "dnsmasq")
    argv = [str(need.engine("dnsmasq")), "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"]
    argv += ["--no-poll", "--server=127.0.0.1#5300", "--pid-file=", *(f"--conf-file={file}" for file in files)]
    with (
        serving(space, Upstream([name])),
        engine(argv, space=space, ready=Asker().ready, log=folder / "out.log"),
    ):
        assert space.call(lambda: Asker().resolves(name))
        saved = space.run("sh", "-c", "ipset save | grep ^add; nft list ruleset | tr -d '\\n' | tr '}' '\\n'").stdout
    return {
        one
        for one in ("site4", "netprobe-dns-v4", "netprobe_dns_v4")
        if f"add {one} " in saved or any(f"set {one} " in part and "elements" in part for part in saved.splitlines())
    }


def _reached(space: Namespace) -> tuple[bool, bool]:
    """Whether the listed address, and another one, are reached on 443."""

    def connects(address: str) -> bool:
        with socket.socket() as sock:
            sock.settimeout(0.2)
            try:
                sock.connect((address, 443))
            except (TimeoutError, OSError):
                return False
            return True

    return space.call(lambda: (connects(LISTED), connects(ELSEWHERE)))


_DROPS = f"""table inet filter {{
	chain output {{
		type filter hook output priority filter; policy drop;
		ip daddr {ELSEWHERE} accept
	}}
}}
"""
_LATER = "table inet late { chain out { type filter hook output priority 10; policy drop; ct state new accept; }; }\n"
_OTHERS = "table ip nat { chain DOCKER { type nat hook prerouting priority -100; }; }"


def test_nftables_beside_tables_that_others_have_loaded(host: Namespace, tmp_path: Path) -> None:
    """Added to the running table as the page tells, twice, and taken out: nobody else's table is touched."""
    need.engine("nft")
    host.run("nft", "-f", "-", input=_DROPS + _LATER + _OTHERS)
    saved = host.run("nft", "list", "ruleset").stdout
    (tmp_path / "netprobe.nft").write_text(_made("nftables").main, encoding="utf-8")
    script = pages.commands("nftables", "Load").replace("/etc/nftables.d", str(tmp_path))
    assert _reached(host) == (False, True)
    for _ in range(2):
        host.run("sh", "-euc", script[script.index("nft add chain") :].split("netprobe render")[0])
        assert _reached(host) == (True, True)
    chain = host.run("nft", "list", "chain", "inet", "filter", "netprobe").stdout
    assert chain.count("accept") == 2
    host.run("sh", "-euc", pages.commands("nftables", "Roll back"))
    assert _reached(host) == (False, True)
    assert host.run("nft", "list", "ruleset").stdout == saved


def test_an_accept_does_not_undo_the_drop_of_a_later_chain_and_the_page_says_where_to_look(
    host: Namespace, tmp_path: Path
) -> None:
    late = _LATER.replace("ct state new accept", f"ip daddr {ELSEWHERE} accept")
    host.run("nft", "-f", "-", input=_DROPS + late)
    (tmp_path / "netprobe.nft").write_text(_made("nftables").main, encoding="utf-8")
    script = pages.commands("nftables", "Load").replace("/etc/nftables.d", str(tmp_path))
    script = script[script.index("nft add chain") :].split("netprobe render")[0]
    host.run("sh", "-euc", script)
    assert _reached(host) == (False, True)
    assert "filter + 10; policy drop" in host.run("nft", "list", "chains").stdout
    host.run("sh", "-euc", script.replace("filter output", "late out").replace("inet filter", "inet late"))
    assert _reached(host) == (True, True)


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_one_family_loads_into_a_table_of_that_family(family: str, host: Namespace, tmp_path: Path) -> None:
    mine = f"{LISTED}/32" if family == "ip" else "2001:db8:ffff::10/128"
    options = Options(allow_widening=True, addresses=Addresses(how="a test", by_region={"us-east-2": (mine,)}))
    path = tmp_path / "netprobe.nft"
    for sources in ((), (f"{HOST}/32", "2001:db8:5::/48")):
        path.write_text(_made("nftables", Policy(sources=sources), options).main, encoding="utf-8")
        hook = "chain out { type filter hook output priority 0; jump netprobe; }"
        if not sources:
            host.run("nft", "-c", "-f", "-", input=f'table {family} site {{ include "{path}"; {hook}; }}')
        host.run("nft", "-c", "-f", "-", input=f'table inet site {{ include "{path}"; {hook}; }}')


def test_iptables_says_which_other_filter_drops_on_the_same_way(host: Namespace, tmp_path: Path) -> None:
    """Both iptables and a table of nft at once: the accept in one undoes no drop in the other, and apply.sh says so."""
    for name in ("iptables-legacy", "ipset"):
        need.engine(name)
    _write(tmp_path, _made("iptables"))
    apply = f"sh {tmp_path}/apply.sh"
    for backend in ("nft", "legacy"):
        host.run(f"iptables-{backend}", "-A", "OUTPUT", "-d", ELSEWHERE, "-j", "ACCEPT")
        host.run(f"iptables-{backend}", "-P", "OUTPUT", "DROP")
    saved = _iptables(host)
    assert _reached(host) == (False, True)
    for _ in range(2):
        done = host.run("sh", "-c", apply)
        assert "iptables-legacy -S" in done.stderr
        assert "BACKEND=-legacy" in done.stderr
    assert _reached(host) == (False, True)
    done = host.run("sh", "-c", f"BACKEND=-legacy {apply}")
    assert "nft list chain ip filter OUTPUT" in done.stderr
    assert _reached(host) == (True, True)
    for backend in ("nft", "legacy"):
        for tables in ("iptables", "ip6tables"):
            for change in ("-D OUTPUT ! -o lo -j NETPROBE", "-F NETPROBE", "-X NETPROBE"):
                host.run("sh", "-c", f"{tables}-{backend} {change}")
    assert _iptables(host) == saved


def _iptables(space: Namespace) -> list[str]:
    text = space.run("sh", "-c", "iptables-nft-save; iptables-legacy-save").stdout
    return [line for line in text.splitlines() if line.startswith("-A") or "NETPROBE" in line]


def test_iptables_is_silent_where_no_other_filter_drops(host: Namespace, tmp_path: Path) -> None:
    _write(tmp_path, _made("iptables"))
    host.run("nft", "-f", "-", input="table inet open { chain out { type filter hook output priority 0; }; }")
    host.run("iptables", "-P", "OUTPUT", "DROP")
    assert host.run("sh", str(tmp_path / "apply.sh")).stderr == ""


def test_two_frontends_on_one_port_are_seen_as_the_page_says(space: Namespace, tmp_path: Path) -> None:
    """HAProxy binds both without a word."""
    own = tmp_path / "netprobe.cfg"
    text = _made("haproxy", Policy(enforce=True, sources=(f"{HOST}/32",))).main
    own.write_text(text.replace("parse-resolv-conf", "nameserver test 127.0.0.1:53"), encoding="utf-8")
    site = tmp_path / "haproxy.cfg"
    site.write_text(
        "defaults one\n    mode http\n    timeout client 1s\n    timeout connect 1s\n    timeout server 1s\n"
        "defaults two from one\n    mode tcp\n"
        "frontend web from two\n    bind :443\n    tcp-request connection reject\n",
        encoding="utf-8",
    )
    haproxy = str(need.engine("haproxy"))
    as_user(tmp_path, "haproxy")
    assert "ss -Hltn 'sport = :443'" in targets.page("haproxy")
    space.run(haproxy, "-c", "-f", str(site), "-f", str(own))
    for files, bound in (((site,), 1), ((site, own), 2)):
        argv = [haproxy, "-db", *(word for file in files for word in ("-f", str(file)))]
        with engine(argv, space=space, ready=listens(443), log=tmp_path / "out.log"):
            assert space.run("ss", "-Hltn", "sport = :443").stdout.count("\n") == bound


def test_a_view_of_the_site_decides_over_a_view_that_enforces(space: Namespace, tmp_path: Path) -> None:
    """For a netblock that has a view already Unbound takes the line that it reads first; a closer one is ours."""
    for mine, files, enforced in (("127.0.0.0/29", "site own", False), ("127.0.0.0/29", "own site", True)):
        policy = Policy(enforce=True, sources=(mine,))
        (tmp_path / "own").write_text(_made("unbound", policy).main, encoding="utf-8")
        (tmp_path / "site").write_text(_VIEW, encoding="utf-8")
        path = tmp_path / "unbound.conf"
        includes = "".join(f'include: "{tmp_path}/{one}"\n' for one in files.split())
        path.write_text(_UNBOUND.format(folder=tmp_path) + includes, encoding="utf-8")
        as_user(tmp_path, "unbound")
        argv = [str(need.engine("unbound")), "-d", "-c", str(path)]
        asked = [NAME, "www.example.com", "a.corp.example"]
        with (
            serving(space, Upstream([NAME, "www.example.com"])),
            engine(argv, space=space, ready=Asker().ready, log=tmp_path / "out.log"),
        ):
            found = space.call(lambda: [Asker().resolves(name) for name in asked])  # noqa: B023 - called at once
        assert found == ([True, False, False] if enforced else [True, True, True])


_VIEW = """
server:
  access-control-view: 127.0.0.0/29 corp
view:
  name: "corp"
  local-zone: "corp.example." static
  local-data: "a.corp.example. A 198.18.0.77"
"""
_UNBOUND = """server:
  directory: "{folder}"
  chroot: ""
  username: "unbound"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  interface: 127.0.0.1
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@5300
"""


def test_squid_takes_rules_of_included_files_in_their_order(space: Namespace, tmp_path: Path) -> None:
    """In front of an include that brings ``http_access deny`` it allows; behind it the site's denial decides alone."""
    squid = need.engine("squid")
    folder = tmp_path / "netprobe"
    folder.mkdir()
    _write(folder, _made("squid"))
    text = (folder / "netprobe.conf").read_text(encoding="utf-8")
    (folder / "netprobe.conf").write_text(text.replace("/etc/squid/netprobe", str(folder)), encoding="utf-8")
    conf_d = tmp_path / "conf.d"
    conf_d.mkdir()
    (conf_d / "10-site.conf").write_text(
        "acl good dstdomain www.example.org\nacl CONNECT method CONNECT\nhttp_access allow CONNECT good\n"
        "http_access deny all\n",
        encoding="utf-8",
    )
    told = f"include {folder}/netprobe.conf\n"
    site = f"include {conf_d}/*.conf\n"
    path = tmp_path / "squid.conf"
    for includes, listed in ((told + site, True), (site + told, False)):
        path.write_text(
            f"http_port 127.0.0.1:3128\npid_filename {tmp_path}/squid.pid\ncoredump_dir {tmp_path}\ncache_log "
            f"{tmp_path}/cache.log\naccess_log none\ncache deny all\ndns_nameservers 127.0.0.1\nhosts_file none\n"
            "dns_timeout 1 second\nnever_direct allow all\nshutdown_lifetime 0 seconds\nvisible_hostname proxy.test\n"
            f"{includes}http_access deny all\n",
            encoding="utf-8",
        )
        as_user(tmp_path, "proxy")
        with engine(squids.foreground(squid, path), space=space, ready=listens(3128), log=tmp_path / "out.log"):
            found = space.call(lambda: [_admitted(name) for name in (NAME, "www.example.org", "evil.example")])
        assert found == [listed, True, False]


def _admitted(name: str) -> bool:
    """Whether the proxy's rules let a name through: it has no way out, so only 403 is a no."""
    with socket.create_connection(("127.0.0.1", 3128), timeout=10) as sock:
        sock.sendall(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
        status = int(sock.recv(4096).split()[1])
    assert status in (403, 500, 503), status
    return status != 403


def _resolves(client: str, name: str) -> bool:
    answer = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", timeout=5, source=client)
    return any(rrset.rdtype == dns.rdatatype.A for rrset in answer.answer)


def test_bind_with_views_reads_a_zone_anew_once_for_each(space: Namespace, tmp_path: Path) -> None:
    """The render's lines stand in two views that deny; ``rndc reload`` of a zone wants to know which."""
    checker, named = need.engine("named-checkconf"), need.engine("named")
    place = tmp_path / "netprobe"
    place.mkdir()
    rendered = render("rpz-bind", (endpoint(NAME),), origin=ORIGIN, options=Options(), policy=Policy())
    for name, text in rendered.files.items():
        (place / name).write_text(text.replace("/etc/bind", str(tmp_path)), encoding="utf-8")
    (tmp_path / "deny.rpz").write_text(
        "$TTL 60\n@ SOA localhost. root.localhost. 1 3600 600 604800 60\n@ NS localhost.\n* CNAME .\n", encoding="utf-8"
    )
    key = tmp_path / "rndc.key"
    subprocess.run(["rndc-confgen", "-a", "-c", str(key), "-k", "site"], check=True, capture_output=True)
    views = "".join(
        f'view {name} {{ match-clients {{ {clients}; }}; include "{place}/netprobe-zones.conf";\n'
        'response-policy { zone "netprobe-allow.rpz" policy given; zone "deny.rpz" policy given; }\n'
        "qname-wait-recurse no break-dnssec yes recursive-only no min-update-interval 0;\n"
        f'zone "deny.rpz" {{ type primary; file "{tmp_path}/deny.rpz"; }}; }};\n'
        for name, clients in (("hosts", HOST), ("others", "any"))
    )
    path = tmp_path / "named.conf"
    path.write_text(
        f'include "{key}";\ncontrols {{ inet 127.0.0.1 allow {{ 127.0.0.1; }} keys {{ "site"; }}; }};\n'
        f'options {{ directory "{tmp_path}"; pid-file "{tmp_path}/n.pid"; session-keyfile "{tmp_path}/k";\n'
        "listen-on { 127.0.0.1; }; listen-on-v6 { none; }; recursion yes; dnssec-validation no;\n"
        f"forwarders {{ 127.0.0.1 port 5300; }}; forward only; }};\n{views}",
        encoding="utf-8",
    )
    as_user(tmp_path, "bind")
    space.run(str(checker), "-z", str(path))
    argv = [str(named), "-g", "-u", "bind", "-n", "1", "-c", str(path)]
    rndc = ("rndc", "-k", str(key), "-s", "127.0.0.1", "reload", "netprobe-allow.rpz")
    clients = (HOST, "127.0.0.3")
    with (
        serving(space, Upstream([NAME, "www.example.com"])),
        engine(argv, space=space, ready=Asker().ready, log=tmp_path / "out.log"),
    ):

        def answers() -> list[bool]:
            return space.call(lambda: [_resolves(c, n) for c in clients for n in (NAME, "www.example.com")])

        assert answers() == [True, False, True, False]
        zone = place / "netprobe-allow.rpz"
        zone.write_text(zone.read_text(encoding="utf-8").replace(NAME, "www.example.com"), encoding="utf-8")
        assert "multiple" in space.run(*rndc, check=False).stderr
        assert "rndc says `multiple`" in targets.page("rpz-bind")
        space.run(*rndc, "IN", "hosts")
        until(lambda: answers() == [False, True, True, False])
        space.run(*rndc, "IN", "others")
        until(lambda: answers() == [False, True, False, True])
