"""Fixtures of the host and image tests."""

from tests.support.rootfs import debian_root

__all__ = ["debian_root"]
