"""The manual as a site: every page of ``netprobe explain``, the catalog, targets, messages, recipes and commands.

It is made of what the package knows already, so that it cannot disagree with the command line; nothing is written for
the site alone but the recipes. :mod:`pages` makes Markdown of it and does no I/O; :mod:`site` gives that to Zensical,
mends what keeps its search from working without a network, and refuses links that lead nowhere.

Zensical was chosen over mkdocs-material (both read 2026-11-28): the same authors made both, mkdocs-material only gets
repairs since, and mkdocs under it had its last release in August 2024. It is an extra (``netprobe-ecs[docs]``), run as
a program of its own and never imported. The command line alone imports this package.
"""
