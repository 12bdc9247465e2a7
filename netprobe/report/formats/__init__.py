"""One module a format; each has ``render(report, *, width, colour)``. The list is ``netprobe.report.FORMATS``."""
