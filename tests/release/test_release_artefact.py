"""The one file where ECS Anywhere runs: bare roots, old kernels, unusable folders, and no trust in anybody else."""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from tests.release import roots

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]  # the first of them builds the release
MAX_BYTES = 26_000_000
TASK = {
    "family": "web",
    "networkMode": "bridge",
    "requiresCompatibilities": ["EXTERNAL"],
    "containerDefinitions": [{"name": "web", "image": "public.ecr.aws/nginx/nginx:1", "memory": 64, "essential": True}],
}
LOG = "1764300000.123 5 10.0.0.9 TCP_TUNNEL/200 39 CONNECT ecs.us-east-2.amazonaws.com:443 - HIER_DIRECT/1.2.3.4 -\n"
CONFIG = "[gate]\nworkloads = ['task.json']\n"
CHECK = ("check", "-r", "us-east-2", "--account", "123456789012", "--lab")

COMMANDS: dict[str, tuple[tuple[str, ...], set[int]]] = {
    "--version": (("--version",), {0}),
    "--help": (("--help",), {0}),
    "version": (("version", "--verbose"), {0}),
    "check healthy": ((*CHECK, "healthy"), {0}),
    "check intercepted": ((*CHECK, "tls-intercepted", "--format", "json", "-o", "/tmp/report.json"), {1}),
    "check refused": ((*CHECK, "refused", "--format", "html", "-o", "/tmp/report.html"), {1}),
    "check many": (("check", "-r", "us-east-2,eu-west-1,eu-central-1,us-west-2", "--lab", "healthy"), {0}),
    "diagnose": (("diagnose", "/tmp/report.json"), {1}),
    "explain": (("explain", "tls_intercepted"), {0}),
    "endpoints": (("endpoints", "-r", "us-east-2"), {0}),
    "regions": (("regions",), {0}),
    "targets": (("targets",), {0}),
    "render squid": (("render", "squid", "-r", "us-east-2", "--account", "123456789012"), {0}),
    "render nftables": (("render", "nftables", "-r", "us-east-2", "--ip-ranges", "snapshot", "--allow-widening"), {0}),
    "host": (("host",), {0, 1, 4}),
    "image": (("image", "/image"), {1}),
    "workload": (("workload", "/task.json"), {0}),
    "gate": (("gate", "--config", "/gate.toml"), {0, 1, 4}),
    "audit": (("audit", "-r", "us-east-2", "/access.log"), {0, 1}),
    "path": (("path", "127.0.0.1:1", "--deadline", "5"), {0, 1}),
    "lab": (("lab", "list"), {0}),
    "catalog": (("catalog", "export", "/tmp/catalog.json"), {0}),
    "bundle": (("bundle", "/tmp/bundle.tar.gz", "--report", "/tmp/report.json"), {0}),
    "completion": (("completion", "bash"), {0}),
    "changes": (("changes", "--since", "2026-11-23"), {0}),
    "fleet": (("fleet", "/tmp/report.json"), {1}),
    "fleet page": (("fleet", "/tmp/report.json", "--format", "html", "-o", "/tmp/fleet.html"), {1}),
    "compare": (("compare", "/tmp/report.json", "/tmp/report.json"), {0}),
    # It serves until it is ended: an address that is not there ends it when all is loaded.
    "exporter": (("exporter", "-r", "us-east-2", "--lab", "healthy", "--listen", "192.0.2.1:9858"), {2}),
    # A generator of sites is not given away: it says what to install.
    "docs": (("docs", "build", "/tmp/site"), {2}),
}
"""Every command with what it may end with; a later one may read what an earlier one wrote."""


def prepared(folder: Path, artefact: Path) -> Path:
    """An empty root with the inputs of :data:`COMMANDS`, on a file system of its own in memory."""
    root = roots.empty(folder, artefact)
    (root / "image" / "etc").mkdir(parents=True)  # the least that makes a folder a root
    (root / "task.json").write_text(json.dumps(TASK))
    (root / "access.log").write_text(LOG)
    (root / "gate.toml").write_text(CONFIG)
    return root


def netprobe(root: Path, *arguments: str, **options: object) -> roots.Ended:
    return roots.inside(root, "/netprobe", *arguments, **options)  # type: ignore[arg-type]


def unpacked(cache: Path) -> list[str]:
    """What lies in a cache folder."""
    return sorted(path.name for path in cache.iterdir())


def test_it_is_small(onefile: Path) -> None:
    assert onefile.stat().st_size <= MAX_BYTES


def test_the_tree_is_few_files(tree: Path) -> None:
    files = [path for path in tree.rglob("*") if path.is_file()]
    assert len(files) <= 200
    assert not [path for path in files if "scapy" in path.name]
    assert (
        "scapy"
        not in subprocess.run(
            ["unzip", "-l", str(tree / "lib" / "site.zip")], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    )


def test_every_command_is_run_here() -> None:
    from netprobe.cli.commands import COMMANDS as TABLE

    # observe needs a capture, which the tests of observe make; it is run by test_observe below.
    assert set(TABLE) - {"observe"} <= {arguments[0] for arguments, _ in COMMANDS.values()}


@pytest.mark.parametrize("with_proc", [False, True], ids=["no-proc", "proc"])
def test_every_command_runs_in_an_empty_root(onefile: Path, tmp_path: Path, with_proc: bool) -> None:
    root = prepared(tmp_path / "root", onefile)
    mounts = roots.WITH_PROC if with_proc else ()
    for name, (arguments, codes) in COMMANDS.items():
        ended = netprobe(root, *arguments, mounts=mounts)
        assert ended.code in codes, f"{name}: {ended.code}\n{ended.err}\n{ended.out[-2000:]}"
        assert "Traceback" not in ended.err
    assert json.loads((root / "tmp" / "report.json").read_text())["verdict"] == "not_ready"
    assert not list((root / "tmp").glob("netprobe-bug-*"))


def test_observe(onefile: Path, tmp_path: Path) -> None:
    root = prepared(tmp_path / "root", onefile)
    capture = Path("tests/observe/c.pcap")
    header = b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(8) + b"\xff\xff\x00\x00\x01\x00\x00\x00"
    (root / capture.name).write_bytes(header)
    ended = netprobe(root, "observe", f"/{capture.name}")
    assert ended.code in {0, 1, 4}, ended.err


def test_it_runs_on_the_kernel_of_rhel_7(onefile: Path, tmp_path: Path) -> None:
    """Linux 3.10 answers ENOSYS to what came later: openat2, clone3, close_range, faccessat2, statx, getrandom …"""
    root = prepared(tmp_path / "root", onefile)
    (root / "dev").mkdir()
    os.mknod(root / "dev" / "urandom", 0o444 | stat.S_IFCHR, os.makedev(1, 9))  # what was read before getrandom
    for name in ("--version", "check healthy", "check intercepted", "check many", "render squid", "host"):
        arguments, codes = COMMANDS[name]
        ended = netprobe(root, *arguments, old_kernel=True)
        assert ended.code in codes, f"{name}: {ended.code}\n{ended.err}"


def test_where_it_cannot_unpack_it_says_so_for_each_folder(onefile: Path, tmp_path: Path) -> None:
    root = prepared(tmp_path / "root", onefile)
    (root / "var" / "tmp").mkdir(parents=True)
    noexec = [f"-t tmpfs -o noexec,mode=1777 tmpfs {{root}}/{name}" for name in ("tmp", "root", "var/tmp")]
    ended = netprobe(root, "--version", mounts=noexec)
    assert ended.code == 2
    for folder in ("/root/.cache/netprobe", "/var/tmp/netprobe-0", "/tmp/netprobe-0"):
        assert f"{folder}: programs may not be run from there (noexec)" in ended.err
    assert "NETPROBE_CACHE" in ended.err
    (root / "opt").mkdir()
    ended = netprobe(root, "--version", mounts=[*noexec, "-t tmpfs tmpfs {root}/opt"], env={"NETPROBE_CACHE": "/opt/n"})
    assert ended.code == 0, ended.err


def test_a_read_only_root_is_told(onefile: Path, tmp_path: Path) -> None:
    root = prepared(tmp_path / "root", onefile)
    ended = netprobe(root, "--version", mounts=["--bind {root} {root}", "-o remount,ro,bind {root}"])
    assert ended.code == 2
    assert "Read-only file system" in ended.err


def test_another_user_has_a_cache_of_their_own(onefile: Path, tmp_path: Path) -> None:
    root = prepared(tmp_path / "root", onefile)
    tmp_path.chmod(0o755)
    assert netprobe(root, "--version").code == 0
    ended = netprobe(root, "--version", uid=65534, env={"HOME": "/root"})
    assert ended.code == 0, ended.err
    assert (root / "tmp" / "netprobe-65534").stat().st_uid == 65534


def test_a_full_disk_leaves_nothing_behind(onefile: Path, tmp_path: Path) -> None:
    root = prepared(tmp_path / "root", onefile)
    (root / "small").mkdir()
    script = 'mount -t tmpfs -o size=8m tmpfs small; chroot . /netprobe --version; echo "code $?"; ls -A small/n'
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script],
        cwd=root,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "NETPROBE_CACHE": "/small/n"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # /var/tmp is not there and /tmp is: it goes on to the next folder, and what it began is gone.
    assert done.stdout.splitlines()[2:] == ["code 0"], done.stdout + done.stderr


def start(onefile: Path, cache: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(onefile), *(arguments or ("--version",))],
        env={"NETPROBE_CACHE": str(cache), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def first_start(onefile: Path, cache: Path) -> None:
    """Unpack, and end well."""
    one = start(onefile, cache)
    _, err = one.communicate(timeout=120)
    assert (one.returncode, err) == (0, b"")


def test_several_first_starts_at_once_end_well_and_leave_one_folder(onefile: Path, tmp_path: Path) -> None:
    started = [start(onefile, tmp_path / "cache") for _ in range(4)]
    for one in started:
        out, err = one.communicate(timeout=120)
        assert (one.returncode, err) == (0, b""), err
        assert out.startswith(b"netprobe ")
    assert len(unpacked(tmp_path / "cache")) == 1


def test_killed_while_unpacking_nothing_half_is_run_and_nothing_stays(onefile: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    killed = 0
    for patience in range(1, 40):
        one = start(onefile, cache)
        time.sleep(patience / 100)  # the moment of the kill is what is tried out
        one.send_signal(signal.SIGKILL)
        one.communicate(timeout=60)
        if cache.exists() and any(re.fullmatch(r"\.new-.*", name) for name in unpacked(cache)):
            killed += 1
        if killed >= 3 or (cache.exists() and any(not name.startswith(".") for name in unpacked(cache))):
            break
    assert killed >= 1, "no kill met it while it unpacked"
    shutil.rmtree(next((path for path in cache.iterdir() if not path.name.startswith(".")), cache / "none"), True)
    one = start(onefile, cache)
    out, err = one.communicate(timeout=120)
    assert one.returncode == 0, err
    assert out.startswith(b"netprobe ")
    (left,) = unpacked(cache)
    assert not left.startswith(".")


def test_old_versions_go_unless_somebody_runs_them(onefile: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for name in ("0" * 32, "1" * 32):
        (cache / name).mkdir(parents=True, mode=0o700)
        (cache / name / "lock").touch(0o600)
    cache.chmod(0o700)
    with (cache / ("1" * 32) / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        first_start(onefile, cache)
    assert "0" * 32 not in unpacked(cache)
    assert "1" * 32 in unpacked(cache)


@pytest.mark.parametrize("planted", ["owner", "mode", "link"])
def test_a_folder_that_another_could_write_to_is_never_run(onefile: Path, tmp_path: Path, planted: str) -> None:
    """Whoever knows the digest could lay a program of theirs where ours would be looked for."""
    digest = onefile.read_bytes()[-48:-16].decode("ascii")
    root = prepared(tmp_path / "root", onefile)
    place = root / ("tmp/elsewhere" if planted == "link" else "tmp/netprobe-0")
    (place / digest / "lib").mkdir(parents=True)
    (place / digest / "lock").touch()
    bad = place / digest / "lib" / "netprobe"
    shutil.copy("/bin/true", bad)
    if planted == "link":
        (root / "tmp" / "netprobe-0").symlink_to("elsewhere")
    elif planted == "mode":
        place.chmod(0o777)
    else:
        os.chown(place, 1000, 1000)
    shutil.rmtree(root / "root")  # no home: /tmp is all there is
    ended = netprobe(root, "--version", env={"HOME": "/nowhere", "NETPROBE_CACHE": ""})
    assert ended.code == 2, ended
    assert "/tmp/netprobe-0: another user could write there" in ended.err


def test_a_damaged_download_is_refused(onefile: Path, tmp_path: Path) -> None:
    content = bytearray(onefile.read_bytes())
    content[len(content) // 2] ^= 0xFF
    for name, data in (("changed", bytes(content)), ("cut", bytes(content[: len(content) // 2]))):
        damaged = tmp_path / name
        damaged.write_bytes(data)
        damaged.chmod(0o755)
        ended = subprocess.run(
            [str(damaged), "--version"],
            env={"NETPROBE_CACHE": str(tmp_path / f"cache-{name}"), "HOME": "", "XDG_CACHE_HOME": str(tmp_path / "x")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 2, name
        assert ended.stdout == ""
        assert "netprobe: " in ended.stderr


def test_a_start_is_quick(onefile: Path, tmp_path: Path) -> None:
    """A warm start is held to the bare interpreter of this machine, in CPU time, whatever else runs on it."""
    cache = tmp_path / "cache"
    first_start(onefile, cache)

    def least(*command: str) -> float:
        best = 60.0
        for _ in range(15):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            env = {"NETPROBE_CACHE": str(cache)}
            subprocess.run(command, env=env, stdout=subprocess.DEVNULL, timeout=60, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return best

    assert least(str(onefile), "--version") <= 3 * least("/usr/bin/python3", "-I", "-S", "-c", "pass") + 0.005


def test_the_environment_does_not_reach_the_interpreter(onefile: Path, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    evil.mkdir()
    (evil / "netprobe.py").write_text("raise SystemExit(99)")
    (evil / "sitecustomize.py").write_text("raise SystemExit(98)")
    env = {
        "NETPROBE_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(evil),
        "PYTHONHOME": str(evil),
        "PYTHONSTARTUP": str(evil / "netprobe.py"),
        "LD_LIBRARY_PATH": str(evil),
        "LD_PRELOAD": "/nonexistent.so",
    }
    done = subprocess.run([str(onefile), "version"], env=env, cwd=evil, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_licences_of_every_part_are_inside(tree: Path) -> None:
    text = (tree / "LICENCES.txt").read_text()
    for part in ("libc6 (Debian)", "libpython3.11-stdlib (Debian)", "libssl3 (Debian)", "cryptography-", "trio-"):
        assert f"==== {part}" in text
