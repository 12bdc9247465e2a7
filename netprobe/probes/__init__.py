"""One module a step; each performs one step once and returns what it saw. Concludes nothing.

``checking``, ``lab`` and ``cli`` may import it; diagnosis never does, it takes the observations. A probe never retries,
never judges, and never sends a packet to an address that the request does not lead to.
"""
