"""Bare roots to run an artefact in: a folder that becomes ``/`` of a process, and holds only what a test put there."""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NEWEST_OF_3_10 = 313
"""finit_module, the last system call of Linux 3.10 on x86_64 (arch/x86/syscalls/syscall_64.tbl of that release)."""
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str


def empty(folder: Path, artefact: Path) -> Path:
    """A root that holds an artefact as ``/netprobe`` and two folders to write to; the folder may be a root already."""
    for name in ("tmp", "root", "proc"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "tmp").chmod(0o1777)
    shutil.copy2(artefact, folder / "netprobe")
    return folder


def inside(
    root: Path,
    *command: str,
    mounts: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    uid: int = 0,
    old_kernel: bool = False,
    emulate: str = "",
    timeout: float = 120,
) -> Ended:
    """Run a program in a root, in mount and process namespaces of its own that end with it.

    Args:
        root: the folder that becomes ``/``.
        command: the program and its arguments, as seen from inside.
        mounts: what is mounted before: arguments of mount(8), with ``{root}`` for the folder.
        env: the whole environment.
        uid: as whom.
        old_kernel: answer ENOSYS to every system call that Linux 3.10 did not have.
        emulate: the machine (as qemu names it) whose programs are run by qemu-user.
        timeout: in seconds.
    """
    steps = [_SEEDED] if old_kernel else []
    if emulate:
        steps += ["mount -t binfmt_misc none /proc/sys/fs/binfmt_misc"]
        steps += [f"cat /usr/lib/binfmt.d/qemu-{emulate}.conf > /proc/sys/fs/binfmt_misc/register"]
    steps += [f"mount {one.format(root=shlex.quote(str(root)))}" for one in mounts]
    change = ["chroot", *([f"--userspec={uid}:{uid}"] if uid else []), str(root), *command]
    steps.append(f"exec {shlex.join(change)}")
    # Since Linux 6.7 a user namespace has programs' formats of its own: the machine's stay as they are.
    user = ["--user", "--map-root-user"] if emulate else []
    done = subprocess.run(
        ["unshare", *user, "--mount", "--pid", "--ipc", "--fork", "--kill-child", "sh", "-ec", "\n".join(steps)],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
        preexec_fn=_old_kernel if old_kernel else None,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


_SEEDED = f"{shlex.quote(sys.executable)} -c 'import ctypes; ctypes.CDLL(None).shmget(114, 1, 0o1444)'"
"""Without getrandom OpenSSL reads /dev/urandom, but on a kernel that calls itself 4.8 or newer only where this mark
stands (OpenSSL 3, providers/implementations/rands/seeding/rand_unix.c, wait_random_seeded); a filter cannot change what
a kernel calls itself, so the mark is set, in an IPC namespace that ends with the run."""
WITH_PROC = ("-t proc proc {root}/proc",)


def _old_kernel() -> None:
    """Install a seccomp filter (seccomp(2)): what 3.10 did not know fails as it failed there. unshare(1) needs less."""
    errno_38 = 0x00050000 | 38
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (0x20, 0, 0, 0),  # load the number of the call
            (0x35, 0, 1, NEWEST_OF_3_10 + 1),  # from here on …
            (0x06, 0, 0, errno_38),  # … ENOSYS
            (0x06, 0, 0, 0x7FFF0000),  # else allowed
        )
    )
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer))
    if _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or _LIBC.prctl(_PR_SET_SECCOMP, _FILTER, header, 0, 0):
        os._exit(120)


Runner = Callable[..., Ended]
