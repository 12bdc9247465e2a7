"""Reads what a WebSocket peer sends, as far as it takes to hear its goodbye (RFC 6455 section 5.2).

Nothing of a message is kept: frames are counted through, whatever length they claim, and only the code of a close
frame is read. So what a peer sends costs no memory.
"""

from __future__ import annotations

_CLOSE = 8
_MASKED = 0x80
NO_CODE = 1005
"""What a close frame without a code means (RFC 6455 section 7.4.1)."""


class Frames:
    """The frames of one direction, fed as they come."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._skip = 0
        self.close_code: int | None = None
        """The code of the close frame, once one has come whole; :data:`NO_CODE` where it holds none."""

    def feed(self, data: bytes | bytearray) -> None:
        """Take in some bytes; after a close frame nothing more is read."""
        position = 0
        while position < len(data) and self.close_code is None:
            if self._skip:
                passed = min(self._skip, len(data) - position)
                self._skip -= passed
                position += passed
                continue
            self._head.append(data[position])
            position += 1
            self._read_head()

    def _read_head(self) -> None:
        """Act on a frame's head as soon as it is whole; of a close frame, the code behind it belongs to it."""
        head = self._head
        if len(head) < 2:
            return
        marker = head[1] & 0x7F
        extra = {126: 2, 127: 8}.get(marker, 0)
        mask = 4 if head[1] & _MASKED else 0
        size = 2 + extra + mask
        if len(head) < size:
            return
        length = int.from_bytes(head[2 : 2 + extra], "big") if extra else marker
        if head[0] & 0x0F == _CLOSE:
            self._read_close(size, length, bytes(head[size - mask : size]))
            return
        self._skip = length
        head.clear()

    def _read_close(self, size: int, length: int, mask: bytes) -> None:
        if length < 2:
            self.close_code = NO_CODE
        elif len(self._head) >= size + 2:
            code = bytes(self._head[size : size + 2])
            if mask:
                code = bytes(byte ^ key for byte, key in zip(code, mask, strict=False))
            self.close_code = int.from_bytes(code, "big")
