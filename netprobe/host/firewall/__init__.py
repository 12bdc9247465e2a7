"""What the local packet filter of a host or image does to the traffic that ECS Anywhere needs. Read, never loaded.

Rules of ``host`` may import it. It never calls a packet admitted that it did not follow to the end.
"""
