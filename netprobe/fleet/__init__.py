"""Many reports, one answer: which hosts cannot work, what they have in common, who changes what, and what is new.

``files`` finds reports, ``decode`` takes from each what a fleet needs, ``census`` keeps one small record a host,
``causes`` groups what fails and ``apart`` says what sets those hosts apart; ``compare`` holds two moments against each
other. Formats show; they conclude nothing.

Only the command line imports it. It never touches the network, never unpacks to disk, and never trusts a report:
reports come from hosts, so each is bounded, and whatever it says is text to escape.

Why no embedded database: typed decoding that passes over the observations takes most of a run, and grouping a
tenth of it; sqlite and DuckDB took longer to load ten thousand reports than this takes to answer (tried 2026-11-28).
"""
