"""One check, from a request to a report: what ``check`` and ``gate`` share, below the command line.

``request`` says what is wanted, ``selection`` which endpoints that means, ``vantages`` as whom to look, and ``perform``
does it. It stands on probes, host, lab, path and diagnosis; only ``cli`` imports it. It never reads an option, never
prints, and never decides on an exit code.
"""
