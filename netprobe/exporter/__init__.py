"""The check on a schedule, for Prometheus: one process that looks again and again and tells what it saw last.

``web`` speaks HTTP within bounds, ``webconfig`` reads TLS and passwords, ``runs`` looks, ``pages`` answers. Only
``cli`` imports it. It never answers with another file than its own pages, and never with a secret.
"""
