"""Where output goes: the report to stdout or a file, everything else to stderr.

A file is written beside its place and renamed, so that a reader never sees half a report and a failed run never
destroys the last good one. Devices and pipes (``/dev/null``, a FIFO) are written to directly: renaming over them would
replace them. Reports and transcripts hold no secret and are there to be read by others (CI, a monitoring system's user,
the network team), so a new file has the mode that the user's umask gives, as with ``> file``; what is made for one
helper's eyes (a bundle) is its writer's alone. A reader that went away (``| head``) ends the output quietly and changes
no exit code.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from netprobe import cilog
from netprobe.errors import UsageError, printable, redacted

_MAX_STEPS = 4096
"""Names and links on the way of one path."""


def check_destinations(paths: Iterable[Path | None]) -> None:
    """Find out before any work is done whether each file can be written; nothing is left behind.

    Raises:
        UsageError: one cannot.
    """
    for path in paths:
        if _is_stdout(path):
            continue
        assert path is not None
        with _told(path):
            if _is_special(path):
                _check_special(path)
                continue
            descriptor, name = _beside(_real(path))
            os.close(descriptor)
            Path(name).unlink()


def write_output(content: str | bytes, path: Path | None, *, private: bool = False) -> None:
    """Write a whole output to ``path``, or to stdout where that is None or ``-``.

    Args:
        content: the whole of it.
        path: where to.
        private: whether a file is for its owner alone (mode 0600), whatever stood there before.

    Raises:
        UsageError: the file cannot be written; what was there before is untouched.
    """
    write_outputs([(content, path)], private=private)


def write_outputs(outputs: Sequence[tuple[str | bytes, Path | None]], *, private: bool = False) -> None:
    """Write several outputs: all files are complete before the first takes its place; devices and stdout come last.

    Args:
        outputs: content and place of each.
        private: whether the files are for their owner alone; see :func:`write_output`.

    Raises:
        UsageError: one cannot be written; where that is a file, every file is what it was before.
    """
    staged: list[tuple[Path, Path]] = []
    later: list[tuple[str | bytes, Path | None]] = []
    try:
        for content, path in outputs:
            if path is None or _is_stdout(path):
                later.append((content, path))
                continue
            with _told(path):
                if _is_special(path):
                    later.append((content, path))
                    continue
                _stage(_bytes(content), _real(path), staged, private=private)
        while staged:
            beside, real = staged[0]
            with _told(real):
                beside.replace(real)
            staged.pop(0)
    finally:
        for beside, _ in staged:
            beside.unlink(missing_ok=True)
    for content, path in later:
        if path is None or _is_stdout(path):
            _write_stdout(content)
            continue
        with _told(path), path.open("wb") as special:
            special.write(_bytes(content))


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the system says of a file into a line for the person who named it."""
    try:
        yield
    except OSError as exc:
        raise UsageError(
            str(path), f"cannot be written ({_reason(exc)})", "name a file in a folder that you may write"
        ) from exc


def _reason(exc: OSError) -> str:
    return (exc.strerror or type(exc).__name__).lower()


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8") if isinstance(content, str) else content


def _is_stdout(path: Path | None) -> bool:
    return path is None or str(path) == "-"


def _real(path: Path) -> Path:
    """Where a path leads; a link that another user made is not followed, for it could lead anywhere.

    Raises:
        PermissionError: there is such a link on the way.
    """
    done = Path("/")
    todo = list(reversed((Path.cwd() / path).parts[1:]))
    for _ in range(_MAX_STEPS):
        if not todo:
            return done
        step = done / todo.pop()
        try:
            target, owner = os.readlink(step), step.lstat().st_uid
        except OSError:  # no link, or nothing there yet
            done = step if step.name != ".." else done.parent
            continue
        if owner not in {os.geteuid(), 0}:
            raise PermissionError(errno.EPERM, f"another user made the link {step}")
        if target.startswith("/"):
            done = Path("/")
        todo += reversed([part for part in target.split("/") if part not in ("", ".")])
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _is_special(path: Path) -> bool:
    """A device, a pipe or a folder: nothing to rename over. Its own path counts: a pipe's real path is no file.

    Raises:
        PermissionError: another user's pipe, which would hold us for ever or read what is written.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    if stat.S_ISFIFO(found.st_mode) and found.st_uid not in {os.geteuid(), 0}:
        raise PermissionError(errno.EPERM, "it is another user's pipe")
    return not stat.S_ISREG(found.st_mode)


def _check_special(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _beside(path: Path) -> tuple[int, str]:
    return tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)


def _stage(data: bytes, path: Path, staged: list[tuple[Path, Path]], *, private: bool) -> None:
    """Write the whole file beside its place."""
    before = path.stat() if path.exists() else None
    descriptor, name = _beside(path)
    staged.append((Path(name), path))
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        if not private:  # else it keeps the mode 0600 of mkstemp(3)
            _take_over(stream.fileno(), before)
        os.fsync(stream.fileno())


def _take_over(descriptor: int, before: os.stat_result | None) -> None:
    """Give the new file the mode of the one of ours that it replaces, or that of any new file.

    The owner is whoever writes: a file that another user put there first would else be that user's again, to change.
    """
    if before is None or before.st_uid != os.geteuid():
        umask = os.umask(0)
        os.umask(umask)
        os.fchmod(descriptor, 0o666 & ~umask)
        return
    with contextlib.suppress(PermissionError):  # a group that we are not in
        os.fchown(descriptor, -1, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _write_stdout(content: str | bytes) -> None:
    stream = sys.stdout
    data = content if isinstance(content, bytes) else content.encode(stream.encoding or "utf-8", "backslashreplace")
    try:
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()
    except BrokenPipeError:
        discard(stream)
    except OSError as exc:
        discard(stream)
        raise UsageError("stdout", f"cannot be written ({_reason(exc)})", "make room, or name a file with -o") from exc


def discard(stream: TextIO) -> None:
    """Point a stream whose reader is gone at nothing, so that the interpreter's own flush at exit stays quiet."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, stream.fileno())
    finally:
        os.close(null)


def say(text: str) -> None:
    """Tell the person one thing on stderr, one line each, safe for a terminal, without secrets."""
    _write_stderr(cilog.in_text(printable(redacted(text), limit=4000)) + "\n")


def say_lines(text: str) -> None:
    """Tell the person several lines on stderr, each safe for a terminal."""
    _write_stderr(cilog.in_text("\n".join(printable(line, limit=4000) for line in text.split("\n"))) + "\n")


def _write_stderr(text: str) -> None:
    """Write what may be lost: where it cannot be written, the exit code and the report still say how it went."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError as exc:
        if exc.errno not in {errno.EPIPE, errno.EBADF, errno.EIO, errno.ENOSPC}:
            raise
        discard(sys.stderr)


def tell(text: str) -> None:
    """Write one line of a report that grows to stdout, at once; safe for a terminal, without secrets."""
    _write_stdout(cilog.in_text(printable(redacted(text), limit=4000)) + "\n")


def coloured(stream: TextIO) -> bool:
    """Whether to colour what goes to a stream: NO_COLOR, then FORCE_COLOR, then whether it is a terminal.

    Both variables count when they are present and not empty (no-color.org, force-color.org, read 2026-11-23).
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


_COERCED = frozenset({"C.UTF-8", "C.utf8", "UTF-8"})
"""What Python itself puts into LC_CTYPE where the locale is C (PEP 538, read 2026-11-28)."""


def ascii_only() -> bool:
    """Whether the locale shows ASCII alone: ``LC_ALL``, else ``LC_CTYPE``, else ``LANG`` names no UTF-8."""
    names = [os.environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if not names[0] and names[1] in _COERCED:
        names[1] = ""  # Python's doing as a rule; who set it and nothing else reads ASCII just as well
    chosen = next((name for name in names if name), "C")
    return "utf-8" not in chosen.lower() and "utf8" not in chosen.lower()


def for_people(text: str, path: Path | None) -> str:
    """A text as whoever reads it can see it: in ASCII, where it goes to stdout and the locale shows nothing else."""
    if path is not None or text.isascii() or not ascii_only():
        return text
    from netprobe.report.words import in_ascii  # late: most texts need nothing of it

    return in_ascii(text)


def width() -> int:
    """The columns that text for people may use: the terminal's (or COLUMNS), 80 where there is none."""
    return max(shutil.get_terminal_size((80, 24)).columns, 20)
