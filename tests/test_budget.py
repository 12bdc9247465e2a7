"""What a command may cost, in counts that are the same on every machine: packages, questions, connections, contexts.

Times are measured by ``tests/bench/run``; they say nothing on a shared runner. A count that goes up here is a cost that
every user pays: raise it only with a reason in the commit.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache

import pytest
import trio

from netprobe import catalog, requirements
from netprobe.catalog.model import Endpoint
from netprobe.lab import open_lab, resolver, servers
from netprobe.lab.plan import NUMBERS
from netprobe.observations import TlsDetail
from netprobe.probes import certificates, largehello, trust
from netprobe.probes.run import check
from netprobe.probes.settings import DEFAULT_NUMBERS, Settings
from netprobe.render import targets
from tests.support import covered, need
from tests.support.cli import environment

COMMAND_LINE = {"typer", "annotated_doc", "shellingham", "typing_extensions"}
FACTS = COMMAND_LINE | {"msgspec"}
PROBES = {"trio", "outcome", "attr", "attrs", "sniffio", "sortedcontainers", "idna", "dns"}
HTTP = {"httpx", "h11", "certifi", "anyio"}
CERTIFICATES = {"cryptography", "bcrypt"}  # the former takes the latter for SSH keys where it is installed


def packages(*arguments: str) -> set[str]:
    """The packages beside the standard library that one invocation has imported when it ends."""
    code = (
        # What the interpreter brings along (Debian's sitecustomize) is not the command's doing.
        f"import contextlib, io, sys\nbefore = set(sys.modules)\nsys.argv = ['netprobe', *{list(arguments)!r}]\n"
        "from netprobe.__main__ import main\n"
        "with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):\n    status = main()\n"
        "assert status == 0, status\n"
        "new = [(name, found) for name, found in sys.modules.items() if name not in before]\n"
        "files = {name.split('.')[0] for name, found in new if getattr(found, '__file__', None)}\n"
        "print(*files - set(sys.stdlib_module_names))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return {name for name in done.stdout.split() if not name.startswith("_")} - {"netprobe"}


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (("--version",), set[str]()),
        (("--help",), COMMAND_LINE),
        (("regions",), FACTS),
        (("endpoints", "-r", "us-east-2"), FACTS),
        (("render", "squid", "-r", "us-east-2"), FACTS | {"jinja2", "markupsafe"}),
        (("explain", "dns_slow"), FACTS),
        (("check", "-r", "us-east-2", "--lab", "healthy"), FACTS | PROBES | HTTP | CERTIFICATES),
    ],
)
def test_the_packages_that_a_command_imports(arguments: tuple[str, ...], allowed: set[str]) -> None:
    assert packages(*arguments) - allowed == set()


BEFORE_THE_FIRST_PACKET = """
import os, socket, sys
before = set(sys.modules)

class Stopped(socket.socket):
    def send(self, data):
        new = [(name, found) for name, found in sys.modules.items() if name not in before]
        print(*(name for name, found in new if getattr(found, "__file__", None)), file=sys.__stderr__, flush=True)
        os._exit(0)

socket.socket = Stopped
sys.argv = ["netprobe", "check", "--resolver", "127.0.0.1:1", "-4", *sys.argv[1:]]
from netprobe.__main__ import main
main()
"""
"""A check that ends where its first question would leave."""


# Measured 2026-11-29: 76 and 85 of netprobe's own, and neither trio nor what it brings along. It was 163 with trio and
# httpx before anything was put behind the first question; and again as agents, which were counted as a large run.
@pytest.mark.parametrize(
    ("options", "most"),
    [
        (("-r", "us-east-2", "--no-proxy"), 78),
        (("-r", "us-east-2,us-west-2", "--as", "ecs-agent", "--as", "ssm-agent", "--as", "docker"), 88),
    ],
)
def test_what_is_imported_before_the_first_packet(options: tuple[str, ...], most: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEFORE_THE_FIRST_PACKET, *options],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = set(done.stderr.split())
    assert "netprobe.probes.early" in found
    packages = {name.partition(".")[0] for name in found} - set(sys.stdlib_module_names)
    assert packages - FACTS - {"netprobe", "_distutils_hack"} == set()
    behind = ("netprobe.diagnosis", "netprobe.report.", "netprobe.probes.run", "netprobe.probes.first_pass")
    assert {name for name in found if name.startswith(behind)} == set()
    own = {name for name in found if name.partition(".")[0] == "netprobe"}
    assert len(own) <= most, sorted(own)


EVERY_TARGET = """
import contextlib, io, os, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    read, write = os.pipe()
    if not os.fork():
        from netprobe.__main__ import main
        argv = ["netprobe", "render", name, "-r", "us-east-2", "--account", "123456789012", "--allow-widening", "-q"]
        for more in "", "--enforce --every-client", "--ip-ranges snapshot", "--ip-ranges snapshot --enforce":
            sys.argv = [*argv, *more.split()]
            with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())), contextlib.redirect_stderr(io.StringIO()):
                status = main()
            if status == 0:
                break
        new = [module for module in sys.modules if module not in before]
        own = sum(module.startswith("netprobe") for module in new)
        files = {module.split(".")[0] for module in new if getattr(sys.modules[module], "__file__", None)}
        os.write(write, f"{name} {status} {own} {','.join(files - set(sys.stdlib_module_names))}".encode())
        os._exit(0)
    os.close(write)
    print(os.read(read, 65536).decode())
    os.wait()
"""


def test_each_target_starts_within_the_budget_of_squid() -> None:
    """Whose start is held in instructions: no target imports another package, or more than three modules more."""
    wanted = [name for name in targets.names() if name != "xlsx"]  # a workbook is written by a library of its own
    env = environment()
    env.pop(covered.FOLDER, None)  # watching sixty starts would take longer than they do
    done = subprocess.run(
        [sys.executable, "-c", EVERY_TARGET, *wanted], env=env, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, *_ in told] == wanted
    assert {name for name, status, *_ in told if status != "0"} == set()
    own = {name: int(modules) for name, _, modules, _ in told}
    assert {name: modules for name, modules in own.items() if modules > own["squid"] + 3} == {}
    allowed = FACTS | {"jinja2", "markupsafe", "netprobe"}
    others = {name: {one for one in found.split(",") if not one.startswith("_")} - allowed for name, *_, found in told}
    assert {name: found for name, found in others.items() if found} == {}


@cache
def instructions(*arguments: str) -> int:
    """The instructions of one run of Python under cachegrind, which are the same however busy the machine is.

    It counts what callgrind counts, in 60 % of the time.
    """
    env = environment(PYTHONHASHSEED="0")
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env.pop(covered.FOLDER, None)  # watching the lines costs more than the start
    command = [sys.executable, *arguments]
    subprocess.run(command, env=env, capture_output=True, timeout=60, check=True)  # now everything is compiled
    done = subprocess.run(
        ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", *command],
        env=env,
        capture_output=True,
        text=True,
        timeout=150,
        check=True,
    )
    found = re.search(r"refs:\s+([0-9,]+)", done.stderr)
    assert found is not None, done.stderr
    return int(found[1].replace(",", ""))


OWN_START = """
import gc
gc.set_threshold(20000)
import netprobe.cli.main, netprobe.cli.check
netprobe.cli.main.load_command("check")
import netprobe.catalog, netprobe.requirements, netprobe.probes.run, netprobe.diagnosis, netprobe.report.formats.text
netprobe.requirements.endpoints(netprobe.catalog.load(), regions=["us-east-2"])
"""
"""All that a check of one region does before its first packet and after its last answer, but for the report's text."""
OTHERS_START = "import gc; gc.set_threshold(20000); import typer, trio, dns.name, dns.rcode, httpx, h11, msgspec"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("ours", "theirs", "most"),
    [
        # Measured 2026-11-29: 0.71, 1.51 and 1.28.
        (("-m", "netprobe", "--help"), ("-c", "import typer, jinja2"), 0.8),
        (("-m", "netprobe", "render", "squid", "-r", "us-east-2"), ("-c", "import typer, jinja2"), 1.65),
        (("-c", OWN_START), ("-c", OTHERS_START), 1.4),
    ],
)
def test_a_start_costs_little_beside_what_it_imports(
    ours: tuple[str, ...], theirs: tuple[str, ...], most: float
) -> None:
    need.engine("valgrind")
    assert instructions(*ours) <= most * instructions(*theirs)


def endpoints(*regions: str) -> tuple[Endpoint, ...]:
    return requirements.endpoints(catalog.load(), regions=list(regions))


def names(wanted: Sequence[Endpoint], numbers: tuple[int, ...]) -> set[str]:
    """The hosts of some endpoints, where these numbers are tried."""
    return {name.name for endpoint in wanted for name in endpoint.candidates(numbers)}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What the lab's servers saw, and the trust stores that were loaded."""
    count: Counter[str] = Counter()
    answer, serve, context = resolver.answer_wire, servers.HostServer.serve, trust._context
    asked: set[object] = set()

    def counting_answer(wire: bytes, *args: object, **kwargs: object) -> bytes | None:
        asked.add(wire)  # on a busy machine a datagram is sent again; it is the same question
        count["questions"] = len(asked)
        return answer(wire, *args, **kwargs)  # type: ignore[arg-type]

    async def counting_serve(self: servers.HostServer, stream: trio.SocketStream) -> None:
        count["connections"] += 1
        await serve(self, stream)

    def counting_context(ciphers: str | None) -> object:
        count["contexts"] += 1
        return context(ciphers)

    monkeypatch.setattr(resolver, "answer_wire", counting_answer)
    monkeypatch.setattr(servers.HostServer, "serve", counting_serve)
    monkeypatch.setattr(trust, "_context", counting_context)
    trust._verifying_context.cache_clear()
    trust.lax_context.cache_clear()
    return count


async def probe(scenario: str, wanted: tuple[Endpoint, ...], families: tuple[int, ...]) -> None:
    # No step runs into its limit, however long the machine stands still: what has failed is asked for again.
    settings = Settings(families=families, lab=scenario, timeout=100, deadline=150)
    async with open_lab(scenario, wanted) as lab:
        await check(wanted, [lab.vantage], settings, catalog=catalog.load())


@pytest.mark.parametrize("families", [(4,), (4, 6)])
@pytest.mark.parametrize("regions", [("us-east-2",), ("us-east-2", "eu-west-1", "us-gov-west-1")])
async def test_a_healthy_check_asks_and_connects_once(
    counted: Counter[str], regions: tuple[str, ...], families: tuple[int, ...]
) -> None:
    wanted = endpoints(*regions)
    await probe("healthy", wanted, families)
    # One question for each name and family, but for numbers that do not exist: where the first question shows that, it
    # is the only one. And one impossible name beside the numbered ones of each region.
    further = (len(names(wanted, NUMBERS)) + len(regions)) * (len(families) - 1)
    assert counted["questions"] == len(names(wanted, DEFAULT_NUMBERS)) + len(regions) + further
    # One connection for each host that exists carries handshake, request and upgrade; and the one way out there is here
    # is tried with a hello of post-quantum size.
    assert counted["connections"] == len(names(wanted, NUMBERS)) + largehello.HOSTS_OF_A_WAY
    assert counted["contexts"] == 1


async def test_a_chain_is_read_once() -> None:
    certificates.described.forget()
    wanted = endpoints("us-east-2")
    await probe("healthy", wanted, (4,))
    # The lab gives each host a certificate of its own.
    assert certificates.described.found == len(names(wanted, NUMBERS))


@pytest.mark.parametrize(("scenario", "read"), [("healthy", False), ("tls-intercepted", True)])
async def test_where_no_report_holds_them_only_strange_chains_are_read(scenario: str, read: bool) -> None:
    certificates.described.forget()
    certificates.judged.forget()
    wanted = endpoints("us-east-2")
    async with open_lab(scenario, wanted) as lab:
        settings = Settings(families=(4,), lab=scenario, genuine_chains=False)
        run = await check(wanted, [lab.vantage], settings, catalog=catalog.load())
    shown = [o.detail for o in run.observations if isinstance(o.detail, TlsDetail) and o.detail.origin is not None]
    assert shown
    assert {detail.origin for detail in shown} == {not read}
    assert all(bool(detail.chain) is read for detail in shown)
    assert (certificates.described.found > 0) is read
    assert (certificates.judged.found > 0) is read


async def test_where_the_server_keeps_no_connection_the_upgrade_gets_one_of_its_own(
    counted: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = servers._wire

    def closing(told: object, request: object, offset: float, *, closing: bool) -> bytes:
        return wire(told, request, offset, closing=True)  # type: ignore[arg-type]

    monkeypatch.setattr(servers, "_wire", closing)
    wanted = endpoints("us-east-2")
    await probe("healthy", wanted, (4,))
    upgraded = [endpoint for endpoint in wanted if endpoint.request.upgrade]
    first = len(names(wanted, NUMBERS)) + largehello.HOSTS_OF_A_WAY
    assert counted["connections"] == first + len(names(upgraded, NUMBERS))
