"""netprobe: will this server work with Amazon ECS Anywhere, and if not, what is in the way?

Nothing is imported here, so that ``netprobe --version`` costs no more than the interpreter.
"""

__version__ = "0.1.0"
