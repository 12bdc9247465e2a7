"""Where on the way it breaks: which device between this host and an address drops, refuses or rewrites.

The path is looked at through the kernel first, as any user may: connecting sockets with a rising TTL, whose error
queue names type, code and sender of every ICMP error (Linux ``IP_RECVERR``, ip(7)). Raw packets (scapy, imported in
:mod:`netprobe.path.raw` and nowhere else) add what the kernel does not show: the TTL with which a reset arrived.

What it will not do: send anything to an address other than the ones that are diagnosed, exceed the rate it was given,
or call a device guilty where silence is all there is (then the location is *suspected* and says so).

The command line and ``checking`` may import it.
"""
