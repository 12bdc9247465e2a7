"""One module a step; each performs one step once and returns what it saw. Concludes nothing.

``checking``, ``lab`` and ``cli`` may import it; diagnosis never does, it takes the observations. A probe never retries,
never judges, and never sends a packet to an address that the request does not lead to.
"""

import sys

# Where click is installed, httpx imports a command line of its own with rich and pygments: 0.1 s that no check needs. A
# None in sys.modules makes that import fail, which httpx expects.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
