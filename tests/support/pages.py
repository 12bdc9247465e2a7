"""What a target's page tells to type, so that tests type just that."""

from __future__ import annotations

import re

from netprobe.render import targets


def commands(target: str, section: str, *, name: str = "netprobe", chain: str = "OUTPUT") -> str:
    """The indented lines of a section, as a shell script.

    Args:
        target: the target.
        section: the heading, such as ``Roll back``.
        name: the stem of the render, where it is not the page's.
        chain: the chain of the packet filter, where it is not the page's.
    """
    told = targets.page(target).partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [line[4:] for line in told.splitlines() if line.startswith("    ")]
    assert lines, f"the page of {target} tells no command under {section}"
    script = "\n".join(lines).replace("OUTPUT", chain)
    return re.sub(r"netprobe(?=-)", name, script.replace("NETPROBE", name.upper())) + "\n"
