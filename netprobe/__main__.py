"""Entry point of the ``netprobe`` script and of ``python -m netprobe``.

``--version`` is answered before anything heavy is imported: it is asked by every installer and inventory. This file and
the package's own are read by any Python 3, so that an old one gets a sentence instead of a syntax error.
"""

import gc
import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the one place that an old Python gets to
    sys.stderr.write(
        "netprobe: Python {}.{}: is older than 3.11, the oldest that netprobe runs on; use a newer one, or the file of "
        "a release that brings its own interpreter (see Install in the README)\n".format(*sys.version_info[:2])
    )
    sys.exit(2)

_GARBAGE_AFTER = 100_000
"""Objects between two looks for garbage. With the usual 700 a short run spends a tenth of its time on looking, and a
start makes hardly any garbage. What hears the network looks more often (:func:`netprobe.probes.memory.settle`)."""


def main() -> int:
    """Run the command line and return its exit code (the contract is in the README)."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed when we began (>&-): nobody wants to read it
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (for as long as we live)
    if sys.argv[1:] in (["--version"], ["-V"]) and _told_by_the_nameplate():
        return 0
    gc.set_threshold(_GARBAGE_AFTER)
    try:
        from netprobe.cli.main import run

        try:
            return run(sys.argv[1:])
        finally:
            gc.freeze()  # or the interpreter would look through all of it once more before it throws it away
    except KeyboardInterrupt:  # before there was anything to end, or after the end
        return 130


def _told_by_the_nameplate() -> bool:
    """Tell the version without the command line; where it cannot be written, that one knows what to say of it."""
    from netprobe import nameplate

    if not nameplate.is_enough():
        return False
    try:
        sys.stdout.write(nameplate.text())
        sys.stdout.flush()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
