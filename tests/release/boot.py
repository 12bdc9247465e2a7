"""The first lines of Python that a netprobe with its own interpreter runs; they stand beside it in the tree's ``lib``.

``python3.11._pth`` beside the interpreter has set ``sys.path`` already (isolated: no environment variable, no user
site, nothing of the host's Python). Compiled modules cannot be loaded from a zip: they lie in ``lib/ext`` under their
full names. The start program says in NETPROBE_UNPACKED when it has just unpacked a version, and then what no one
runs any more is cleared away.
"""

import os
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec  # not importlib.util, which reads a dozen modules

LIB = os.path.dirname(os.path.abspath(__file__))


class Extensions:
    """Finds a compiled module by its full name: ``lib/ext/msgspec._core.so``."""

    folder = os.path.join(LIB, "ext")
    names = frozenset(os.listdir(folder))

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Answer importlib (see importlib.abc.MetaPathFinder)."""
        if f"{name}.so" not in cls.names:
            return None
        file = os.path.join(cls.folder, f"{name}.so")
        return ModuleSpec(name, ExtensionFileLoader(name, file), origin=file)


def clear(cache: str) -> None:
    """Remove the versions in a cache folder that nobody holds, and what a killed start left half unpacked."""
    import fcntl
    import shutil

    for entry in os.scandir(cache):
        if not entry.is_dir(follow_symlinks=False) or os.path.samefile(entry.path, os.path.dirname(LIB)):
            continue
        try:
            lock = os.open(os.path.join(entry.path, "lock"), os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            continue  # a start that is just beginning, or a folder that is not ours
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # somebody runs it, or is unpacking it
        else:
            shutil.rmtree(entry.path, ignore_errors=True)
        finally:
            os.close(lock)


sys.meta_path.insert(0, Extensions)
sys.argv[0] = "netprobe"
sys.dont_write_bytecode = True
# The host's openssl.cnf is written for the host's OpenSSL; the agents (Go programs) do not read it either.
os.environ.setdefault("OPENSSL_CONF", "/dev/null")
fresh = os.environ.pop("NETPROBE_UNPACKED", None)
if fresh is not None:
    clear(fresh)

from netprobe.__main__ import main  # noqa: E402

sys.exit(main())
