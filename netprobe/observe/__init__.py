"""Learn what a host talks to, from a capture file or an interface.

Everything is streamed: memory is bounded by the tables (flows, names, results), never by the capture. The dissection
is narrow and our own (11 microseconds a packet where scapy takes 155, measured on one conversation of each kind):
link, IP, TCP, DNS answers, the first bytes of a conversation, no more. Whatever a packet claims is checked, counted
and told (``malformed``); nothing raises on foreign bytes.

What it will not do: decrypt (a QUIC Initial is protected with keys that anyone can compute, RFC 9001 section 5.2), keep
payloads, or write anything but names, addresses, ports, times and counts.

``audit`` and the command line may import it.
"""
