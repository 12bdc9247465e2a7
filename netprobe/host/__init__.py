"""Facts about a running host or an image root; touches no network.

``probes`` (settings of the host), ``diagnosis`` (names of settings) and the command line may import it. It never opens
a socket to anywhere, never writes, and never follows a link out of the root that it was given.
"""
