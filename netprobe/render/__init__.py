"""Allowlists for firewalls and proxies: lowering of host patterns, and templates that only lay text out.

``render`` is the whole of it for a caller; it touches neither the network nor a file.

The command line may import it; it may import ``catalog`` and ``requirements``, never probes or diagnosis. It never
widens a rule without a loss that says so.
"""

from netprobe.render.engine import Rendered, render
from netprobe.render.header import Origin
from netprobe.render.model import Addresses, Options, SeenNames

__all__ = ["Addresses", "Options", "Origin", "Rendered", "SeenNames", "render"]
