"""The command line, one module a command. Nothing imports it.

It parses, calls and prints; it never knows a fact of its own.
"""
