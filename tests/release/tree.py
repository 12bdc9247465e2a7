"""The tree: netprobe with an interpreter and a C library of its own, in under 200 files that lie anywhere.

``netprobe`` (the start program) and ``lib``: the loader, the interpreter, shared libraries, ``ext`` with every compiled
module under its full name, three zips of what is pure Python (the standard library, the dependencies, netprobe itself),
and ``plain`` for packages whose data must be files. Zips hold bytecode only, but netprobe's own has its sources
too, so that a traceback shows its lines. Every byte follows from the parts: names are sorted, times are the commit's.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path

from tests.release import parts
from tests.release.parts import Architecture, BuildError

PLAIN = ("certifi",)
"""Packages that are not zipped: the roots are read from a file by their path."""
_LOADER = "ld-linux-*.so.*"
_LIBRARIES = (
    *("libc.so.6", "libm.so.6", "libz.so.1", "libexpat.so.1", "libssl.so.3", "libcrypto.so.3", "libffi.so.8"),
    *("liblzma.so.5", "libbz2.so.1.0", "libsqlite3.so.0", "libresolv.so.2", "libgcc_s.so.1", "libpthread.so.0"),
    *("libdl.so.2", "librt.so.1", "libutil.so.1"),
)
_ENCODINGS = (
    *("__init__", "aliases", "ascii", "latin_1", "utf_8", "utf_8_sig", "utf_16", "utf_16_be", "utf_16_le", "utf_32"),
    *("utf_32_be", "utf_32_le", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "hex_codec", "charmap"),
    *("base64_codec", "cp437", "cp1252", "iso8859_1", "iso8859_15"),
)
"""What Python itself opens at start lies in a folder: ``--version`` then reads no zip at all."""
_STDLIB_LEFT_OUT = (
    *("test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "distutils", "pydoc_data", "venv"),
    *("lib-dynload", "__pycache__", "config-*", "curses", "dbm", "wsgiref", "xmlrpc", "unittest"),
    *("turtle.py", "antigravity.py", "pydoc.py", "doctest.py", "mailbox.py", "imaplib.py", "nntplib.py", "poplib.py"),
    *("smtplib.py", "smtpd.py", "telnetlib.py", "asyncore.py", "asynchat.py", "cgi.py", "cgitb.py", "aifc.py"),
    *("wave.py", "sunau.py", "chunk.py", "sndhdr.py", "_pydecimal.py", "_pyio.py", "_aix_support.py", "pickletools.py"),
    *("profile.py", "cProfile.py", "pstats.py", "trace.py", "pdb.py", "msilib", "nturl2path.py"),
)
_SITE_LEFT_OUT = (
    *("pycparser*", "*/_tests", "*/tests", "bin", "share"),
    *("pydantic*", "annotated_types*", "typing_inspection*"),
)
"""Read by no program: tests, what cffi is built with, and pydantic, with which typer converts what netprobe converts by
itself (:mod:`netprobe.cli.coercion`; a test holds that no command imports it)."""
_LEXERS = ("__init__", "_mapping", "special")
"""Of Pygments' 260 lexers those that our pages name (none but ``text``); a test opens every page of the artefact."""
_MODULES_LEFT_OUT = (
    *("_test*", "_xx*", "xx*", "_ctypes_test*", "_curses*", "_dbm*", "_gdbm*", "_tkinter*", "_lsprof*", "audioop*"),
    *("nis*", "ossaudiodev*", "readline*", "spwd*", "_crypt*", "_codecs_*", "_multibytecodec*"),
)


def assemble(
    architecture: Architecture, packages: Iterable[Path], wheels: Iterable[Path], start: Path, folder: Path, work: Path
) -> None:
    """Put a tree together.

    Args:
        architecture: of the packages and wheels.
        packages: Debian's, see :data:`tests.release.parts.DEBIAN_PACKAGES`.
        wheels: the dependencies' and netprobe's own.
        start: the start program.
        folder: where the tree goes; made here.
        work: for what lies about in between.

    Raises:
        BuildError: a part is not as expected.
    """
    if sys.version_info[:2] != (3, 11):
        raise BuildError("build with Python 3.11: the bytecode is for the interpreter in the tree")
    debian, site, own = work / "debian", work / "site", work / "netprobe"
    debian.mkdir(parents=True)
    licences = ["What netprobe is given away with, and under which terms.\n"]
    for package in packages:
        parts.run("dpkg-deb", "--extract", str(package), str(debian))
    for wheel in wheels:
        target = own if wheel.name.startswith("netprobe") else site
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target)
    lib = folder / "lib"
    (lib / "ext").mkdir(parents=True)
    _shared_libraries(debian, lib)
    stdlib = debian / "usr/lib/python3.11"
    (own / "netprobe" / "build.txt").write_text(
        f"{parts.commit()}, with its own interpreter, linux {architecture.name}\n"
    )
    _leave_out(own, ("*.data",))  # the man pages: a package has them where they belong
    _leave_out(site, _SITE_LEFT_OUT)
    _extensions(stdlib / "lib-dynload", site, lib / "ext", architecture.strip)
    for name in PLAIN:
        shutil.copytree(site / name, lib / "plain" / name)
        shutil.rmtree(site / name)
    licences += _licences(debian, site)
    _leave_out(stdlib, _STDLIB_LEFT_OUT)
    _keep_only(site / "pygments" / "lexers", _LEXERS)
    _keep_only(stdlib / "encodings", _ENCODINGS)
    shutil.move(stdlib / "encodings", lib / "plain" / "encodings")
    for source, name, keep_sources in ((stdlib, "std", False), (site, "site", False), (own, "netprobe", True)):
        _compile(source)
        _zip(source, lib / f"{name}.zip", keep_sources=keep_sources)
    _compile(lib / "plain")
    for source in (lib / "plain").rglob("*.py"):
        source.unlink()
    shutil.copy(parts.HERE / "boot.py", lib / "boot.py")
    (lib / "python3.11._pth").write_text("plain\nstd.zip\nnetprobe.zip\nsite.zip\n", encoding="ascii")
    (folder / "LICENCES.txt").write_text("\n".join(licences), encoding="utf-8")
    shutil.copy(start, folder / "netprobe")
    moment = parts.epoch()
    for path in (folder, *folder.rglob("*")):
        program = path in (folder / "netprobe", lib / "netprobe", lib / "python3.11")
        path.chmod(0o755 if path.is_dir() or program else 0o644)
        os.utime(path, (moment, moment))  # nfpm takes it from here


def _shared_libraries(debian: Path, lib: Path) -> None:
    found = {path.name: path for path in sorted(debian.rglob("*")) if path.is_file() and ".so" in path.name}
    (loader,) = {path.resolve() for name, path in found.items() if path.match(_LOADER)}
    shutil.copy(loader, lib / "netprobe")
    shutil.copy(debian / "usr/bin/python3.11", lib / "python3.11")
    for name in _LIBRARIES:
        if name in found:
            shutil.copy(found[name].resolve(), lib / name)


def _extensions(dynload: Path, site: Path, target: Path, strip: str) -> None:
    """Copy every compiled module to its full name, and take it away where it was."""
    _leave_out(dynload, _MODULES_LEFT_OUT)
    for base in (dynload, site):
        for path in sorted(base.rglob("*.so")):
            module = path.relative_to(base).with_name(path.name.split(".")[0])
            name = target / f"{'.'.join(module.parts)}.so"
            shutil.move(path, name)
            parts.run(strip, "--strip-unneeded", str(name))


def _leave_out(folder: Path, patterns: Iterable[str]) -> None:
    for pattern in patterns:
        for path in folder.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _keep_only(folder: Path, modules: Iterable[str]) -> None:
    kept = {f"{name}.py" for name in modules}
    for path in folder.iterdir():
        if path.suffix == ".py" and path.name not in kept:
            path.unlink()


def _licences(debian: Path, site: Path) -> Iterable[str]:
    """The licence texts of every part; Debian's are those of its packages' copyright files."""
    for path in sorted((debian / "usr/share/doc").glob("*/copyright")):
        yield f"==== {path.parent.name} (Debian) ====\n\n{path.read_text(encoding='utf-8', errors='replace')}"
    for info in sorted(site.glob("*.dist-info")):
        texts = [path for path in sorted(info.rglob("*")) if path.is_file() and _is_licence(path)]
        for path in texts:
            name = info.name.removesuffix(".dist-info")
            yield f"==== {name}: {path.name} ====\n\n{path.read_text(encoding='utf-8', errors='replace')}"


def _is_licence(path: Path) -> bool:
    return path.name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS"))


def _compile(folder: Path) -> None:
    """Bytecode beside every source, the same whatever process makes it, and never compared with the source."""
    parts.run(
        *(sys.executable, "-I", "-S", "-m", "compileall", "-q", "-b", "-o", "0", "--invalidation-mode"),
        *("unchecked-hash", "-s", str(folder), str(folder)),
        env={"PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"},
    )


def _zip(folder: Path, target: Path, *, keep_sources: bool) -> None:
    """Everything in a folder, stored (what holds the tree compresses better), in order, at one time."""
    moment = time.gmtime(max(parts.epoch(), 315532800))[:6]  # a zip knows no time before 1980
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_dir() or "__pycache__" in path.parts or (path.suffix == ".py" and not keep_sources):
                continue
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), moment)
            info.external_attr = 0o644 << 16
            archive.writestr(info, path.read_bytes())


def archive(folder: Path, target: Path, top: str = "") -> None:
    """A tar (ustar) of a tree: sorted, owned by root, at the commit's time, whatever lies on this machine."""
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            info = tar.gettarinfo(path, arcname=f"{top}{path.relative_to(folder).as_posix()}")
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            info.mtime = parts.epoch()
            if info.isdir():
                tar.addfile(info)
                continue
            with path.open("rb") as stream:
                tar.addfile(info, stream)
