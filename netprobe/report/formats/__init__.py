"""One module a format; each has ``render(report, *, width, colour)``. The list is ``netprobe.report.FORMATS``.

Only ``netprobe.report`` may import them. A format never shows what it has not escaped.
"""
