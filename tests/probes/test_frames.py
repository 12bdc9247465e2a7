"""Hearing a WebSocket peer's goodbye in whatever pieces it comes, behind whatever was said before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netprobe.probes.frames import NO_CODE, Frames


def frame(opcode: int, payload: bytes, *, mask: bytes = b"") -> bytes:
    length = len(payload)
    if length < 126:
        head = bytes([0x80 | opcode, (0x80 if mask else 0) | length])
    elif length < 65536:
        head = bytes([0x80 | opcode, (0x80 if mask else 0) | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([0x80 | opcode, (0x80 if mask else 0) | 127]) + length.to_bytes(8, "big")
    if mask:
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return head + mask + payload


messages = st.lists(
    st.builds(
        frame,
        st.sampled_from([0, 1, 2, 9, 10]),
        st.binary(max_size=300) | st.integers(65530, 65540).map(bytes),
        mask=st.sampled_from([b"", b"mask"]),
    ),
    max_size=4,
)


@given(before=messages, code=st.integers(1000, 4999), reason=st.binary(max_size=20), data=st.data())
def test_a_close_frame_is_heard(before: list[bytes], code: int, reason: bytes, data: st.DataObject) -> None:
    mask = data.draw(st.sampled_from([b"", b"\x01\x02\x03\x04"]))
    said = b"".join(before) + frame(8, code.to_bytes(2, "big") + reason, mask=mask) + b"whatever follows"
    frames, position = Frames(), 0
    while position < len(said):
        size = data.draw(st.integers(1, 70_000))
        frames.feed(said[position : position + size])
        position += size
    assert frames.close_code == code


@given(before=messages)
def test_what_is_no_close_frame_says_no_goodbye(before: list[bytes]) -> None:
    frames = Frames()
    frames.feed(b"".join(before))
    assert frames.close_code is None


def test_a_close_frame_without_a_code() -> None:
    frames = Frames()
    frames.feed(frame(8, b""))
    assert frames.close_code == NO_CODE


def test_a_length_that_nobody_has_costs_nothing() -> None:
    frames = Frames()
    frames.feed(b"\x82\x7f" + b"\xff" * 8 + b"a" * 100_000)
    assert frames.close_code is None
    assert len(frames._head) == 0
