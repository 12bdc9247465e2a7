"""The programs of an ECS Anywhere host, and with which settings each of them reaches out. Touches no network.

``host`` and ``checking`` may import it. It never decides whether a setting is an error: the rules do.
"""
