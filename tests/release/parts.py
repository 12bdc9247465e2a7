"""What a release is made of: Debian's interpreter and libraries, and wheels; each held to a recorded digest.

Debian's packages come through apt, which verifies them by the archive's signature, and are then compared with
``debian.lock``; wheels come through pip, which compares them with ``python.lock``. Both are written anew by
``python -m tests.release.lock``, to be read and committed. Architectures are named as Linux names them (``uname -m``),
but for ``arm64``, which everybody calls so in file names.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RELEASE = "bookworm"
"""The Debian release whose interpreter is taken: 12, whose Python is the oldest that netprobe supports."""
DEBIAN_PACKAGES = (
    "libc6",
    "libgcc-s1",
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "zlib1g",
    "libexpat1",
    "libssl3",
    "libffi8",
    "liblzma5",
    "libbz2-1.0",
    "libsqlite3-0",
)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""The versions of Python that the zipapp runs on."""
LINKED = ("zlib1g-dev",)
"""What the start program is linked with, for the architecture that it is made for."""


class BuildError(Exception):
    """The release cannot be built; the message says what and how to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One architecture by its several names.

    Attributes:
        name: in our file names.
        debian: Debian's name.
        machine: what ``uname -m`` prints; also in the names of wheels.
        compiler: the C compiler for it, as Debian calls it.
        rpm: what rpm calls it.
    """

    name: str
    debian: str
    machine: str
    compiler: str
    rpm: str

    @property
    def strip(self) -> str:
        """The program that takes symbols out of its binaries."""
        return self.compiler.replace("gcc", "strip")


X86_64 = Architecture(name="x86_64", debian="amd64", machine="x86_64", compiler="x86_64-linux-gnu-gcc", rpm="x86_64")
ARM64 = Architecture(name="arm64", debian="arm64", machine="aarch64", compiler="aarch64-linux-gnu-gcc", rpm="aarch64")
ARCHITECTURES = {one.name: one for one in (X86_64, ARM64)}


def tool(name: str) -> str:
    """A program that builds, beside this interpreter or on PATH.

    Raises:
        BuildError: it is not installed.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise BuildError(f"{name} is not installed: pip install -r tests/release/requirements.txt")
    return found


def run(*command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a program of the build and return what it printed.

    Raises:
        BuildError: it is not installed, or failed; with what it said.
    """
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError as missing:
        raise BuildError(f"{command[0]} is not installed") from missing
    if done.returncode != 0:
        raise BuildError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def sha256(path: Path) -> str:
    """The digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def debian(architecture: Architecture, names: tuple[str, ...], folder: Path) -> list[Path]:
    """Download Debian packages of an architecture; apt verifies them.

    Args:
        architecture: for which.
        names: the packages.
        folder: where they go, together with apt's own state (the machine's is left alone).

    Raises:
        BuildError: apt could not, or this machine has another release of Debian than :data:`RELEASE`.
    """
    codename = next((line for line in Path("/etc/os-release").read_text().splitlines() if "CODENAME=" in line), "")
    if RELEASE not in codename:
        raise BuildError(f"a release is built on Debian 12 ({RELEASE}), and this is another system")
    packages = folder / "packages"
    for place in (folder / "lists" / "partial", folder / "cache" / "archives" / "partial", packages):
        place.mkdir(parents=True, exist_ok=True)
    options = {
        "APT::Architecture": architecture.debian,
        "APT::Architectures::": architecture.debian,
        "APT::Sandbox::User": "root",  # the folder is ours alone
        "Dir::State::lists": str(folder / "lists"),
        "Dir::State::status": "/dev/null",
        "Dir::Cache": str(folder / "cache"),
        "Acquire::Languages": "none",
    }
    apt = ("apt-get", "-qq", *(f"-o{key}={value}" for key, value in options.items()))
    run(*apt, "update")
    run(*apt, "download", *names, cwd=packages)
    return sorted(packages.glob("*.deb"))


def wheels(architecture: Architecture, lock: Path, folder: Path, python: str = "3.11") -> list[Path]:
    """Download the wheels of a lock for an architecture; pip compares them with the hashes of the lock."""
    abi = f"cp{python.replace('.', '')}"
    folder.mkdir(parents=True, exist_ok=True)
    platforms = (f"manylinux2014_{architecture.machine}", f"manylinux_2_28_{architecture.machine}")
    run(
        sys.executable,
        *("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"),
        *("--only-binary", ":all:", "--python-version", python, "--implementation", "cp", "--abi", abi),
        *("--abi", "abi3", *(f"--platform={platform}" for platform in platforms)),
        *("--requirement", str(lock), "--dest", str(folder)),
    )
    return sorted(folder.glob("*.whl"))


def start_program(architecture: Architecture, folder: Path) -> Path:
    """Compile the start program, linked with nothing that it would have to find on a host."""
    folder.mkdir(parents=True, exist_ok=True)
    libraries = folder / "linked"
    for package in debian(architecture, LINKED, folder / "apt-linked"):
        run("dpkg-deb", "--extract", str(package), str(_made(libraries)))
    made = folder / "start"
    run(
        *(architecture.compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s", "-Wl,--build-id=none"),
        *(f"-I{libraries}/usr/include", f"-L{libraries}/usr/lib/{architecture.machine}-linux-gnu"),
        *("-o", str(made), str(HERE / "start.c"), "-lz"),
    )
    return made


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def own_wheel(folder: Path) -> Path:
    """Build netprobe's own wheel from the checkout."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT), env=env)
    (built,) = folder.glob("netprobe*.whl")
    return built


def epoch() -> int:
    """The moment that every file of a release bears: that of the commit (SOURCE_DATE_EPOCH wins)."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given) if given else int(run("git", "-C", str(ROOT), "log", "-1", "--format=%ct").strip())


def commit() -> str:
    """The commit that is built."""
    return run("git", "-C", str(ROOT), "rev-parse", "HEAD").strip()


def locked(lock: Path) -> Iterator[tuple[str, str, str]]:
    """The lines of ``debian.lock``: architecture, file name, digest."""
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            architecture, name, digest = line.split()
            yield architecture, name, digest


def compare(architecture: Architecture, packages: list[Path], lock: Path) -> list[str]:
    """What differs between downloaded Debian packages and the lock; nothing where they are the same."""
    wanted = {name: digest for where, name, digest in locked(lock) if where == architecture.name}
    found = {path.name: sha256(path) for path in packages}
    return sorted(f"{name}: {found.get(name, 'not there')}" for name in wanted.keys() | found.keys()
                  if wanted.get(name) != found.get(name))  # fmt: skip
