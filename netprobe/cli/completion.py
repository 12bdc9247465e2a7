"""``netprobe completion SHELL``: print a completion script, to be evaluated or installed by whoever wants it.

Nothing is written into anybody's start-up files. The scripts call netprobe back with ``_NETPROBE_COMPLETE`` set, which
typer answers.
"""

from __future__ import annotations

import typer

from netprobe.cli.output import write_output
from netprobe.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


def register(app: typer.Typer) -> None:
    """Add ``completion``."""
    app.command("completion")(completion)


def completion(shell: str = typer.Argument(..., metavar="bash|zsh|fish", help="The shell to complete in.")) -> int:
    """Print a shell's completion script, for example for: eval "$(netprobe completion bash)"."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    if shell not in SHELLS:
        raise UsageError(shell, "is not a shell that can be completed in", f"choose one of {', '.join(SHELLS)}")
    script = get_completion_script(prog_name="netprobe", complete_var="_NETPROBE_COMPLETE", shell=shell)
    write_output(script + "\n", None)
    return 0
