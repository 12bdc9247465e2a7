"""Fixtures of the host and image tests."""

from tests.support.rootfs import debian_root
from tests.support.task_host import host

__all__ = ["debian_root", "host"]
