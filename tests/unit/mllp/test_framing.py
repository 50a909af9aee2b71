"""Frames of MLLP, however they come in pieces; and what is no frame."""

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labgloss.mllp import framing
from labgloss.mllp.framing import Frame, Frames, Kind, framed

ONE, TWO = b"MSH|^~\\&|one\r", b"MSH|^~\\&|two\r"


def frames_of(*pieces: bytes, most_bytes: int = 1_000, open_s: float = 0.0, message_s: float = 5) -> list[Frame]:
    """What is read of these pieces; the connection ends after them, or after so long."""

    async def read() -> list[Frame]:
        reader = asyncio.StreamReader()
        frames = Frames(reader, most_bytes, idle_s=5, message_s=message_s)

        async def feed() -> None:
            for piece in pieces:
                reader.feed_data(piece)
                await asyncio.sleep(0)
            await asyncio.sleep(open_s)
            reader.feed_eof()

        feeding = asyncio.create_task(feed())
        found = []
        while (frame := await frames.next()) is not None:
            found.append(frame)
        await feeding
        return found

    return asyncio.run(read())


def message(content: bytes) -> Frame:
    return Frame(Kind.MESSAGE, content)


@given(st.lists(st.integers(1, 40), max_size=8))
@settings(max_examples=100, deadline=None)
def test_frames_are_the_same_in_whatever_pieces_they_come(cuts: list[int]) -> None:
    whole = framed(ONE) + b"\r\n" + framed(TWO) + framed(b"")
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(whole[at : at + cut])
        at += cut
    assert frames_of(*filter(None, pieces), whole[at:]) == [message(ONE), message(TWO), message(b"")]


@pytest.mark.parametrize(
    ("sent", "frames"),
    [
        (b"", []),
        (b"\r\n \t\0", []),
        (b"\x0b" + ONE + b"\x1c", [message(ONE)]),
        (b"\x0b" + ONE + b"\x1c\n", [message(ONE)]),
        (b"\x0b" + ONE + b"\x1c" + framed(TWO), [message(ONE), message(TWO)]),
        (b"\x0ba\x1cb\x1c\r", [message(b"a\x1cb")]),
        (b"\x0b" + ONE[:8] + framed(TWO), [message(TWO)]),
        (b"\x0ba\x0bb\x1c\r", [message(b"a\x0bb")]),
        (b"junk" + framed(ONE), [Frame(Kind.STRAY, b"junk"), message(ONE)]),
        (ONE + b"\x1c\r" + framed(TWO), [Frame(Kind.STRAY, ONE + b"\x1c"), message(TWO)]),
        (b"junk", [Frame(Kind.STRAY, b"junk")]),
        (b"\x0b" + ONE, [Frame(Kind.INCOMPLETE, ONE)]),
        (b"\x0b", [Frame(Kind.INCOMPLETE, b"")]),
    ],
)
def test_what_came_is_told_apart(sent: bytes, frames: list[Frame]) -> None:
    assert frames_of(sent) == frames
    assert frames_of(*(sent[at : at + 1] for at in range(len(sent)))) == frames


@pytest.mark.parametrize("size", [1_000, 1_001, 5_000, 200_000])
def test_a_message_that_is_too_large_is_skipped_to_its_end(size: int) -> None:
    content = ONE + b"x" * (size - len(ONE))
    first = message(content) if size <= 1_000 else Frame(Kind.TOO_LARGE, content[:4_096])
    assert frames_of(framed(content) + framed(TWO)) == [first, message(TWO)]
    whole = framed(content) + framed(TWO)
    pieces = [whole[at : at + 777] for at in range(0, len(whole), 777)]
    found = frames_of(*pieces)
    assert (found[0].kind, found[1:]) == (first.kind, [message(TWO)])


def test_strays_that_go_on_are_answered_before_they_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "_SETTLE_S", 0.01)
    begun = time.monotonic()
    assert frames_of(b"hello", open_s=0.1) == [Frame(Kind.STRAY, b"hello")]
    assert [frame.kind for frame in frames_of(b"x" * 10_000)] == [Kind.STRAY]
    # FS without CR, after which nothing comes, is an end all the same.
    assert frames_of(b"\x0b" + ONE + b"\x1c", open_s=0.1) == [message(ONE)]
    assert time.monotonic() - begun < 2


def test_a_frame_that_does_not_end_in_time_is_the_last() -> None:
    async def read() -> list[Frame | None]:
        reader = asyncio.StreamReader()
        frames = Frames(reader, 1_000, idle_s=5, message_s=0.05)
        reader.feed_data(b"\x0b" + ONE)
        return [await frames.next(), await frames.next()]

    assert asyncio.run(read()) == [Frame(Kind.INCOMPLETE, ONE), None]


def test_a_silent_connection_ends() -> None:
    async def read() -> Frame | None:
        return await Frames(asyncio.StreamReader(), 1_000, idle_s=0.05, message_s=5).next()

    assert asyncio.run(read()) is None


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_do_anything_else_than_become_frames(noise: bytes) -> None:
    assert all(isinstance(frame, Frame) for frame in frames_of(noise + framed(ONE), most_bytes=100))


def test_bytes_that_come_one_by_one_cost_no_more_than_they_are() -> None:
    """As many searches of all that came would take a minute."""
    content = b"MSH|" + b"x" * 2_000_000
    whole = framed(content)
    pieces = [whole[:1_950_000], *(whole[at : at + 1] for at in range(1_950_000, len(whole)))]
    begun = time.process_time()
    assert frames_of(*pieces, most_bytes=3_000_000, message_s=60) == [message(content)]
    assert time.process_time() - begun < 15
