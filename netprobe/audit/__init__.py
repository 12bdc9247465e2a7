"""Compare evidence with the requirements: captures and the logs of firewalls, proxies and DNS servers.

Which required endpoints were denied, by which rule, how often and last when; which were never seen; which admitted
traffic nothing requires. Logs are streamed line by line; a line that is too long or cannot be read is counted and told.

What it will not do: take a line that says nothing of a verdict for a denial, or take silence for a pass (an endpoint
that was never seen is told as such).

The command line alone may import it.
"""
