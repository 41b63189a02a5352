"""Laws of the wire: any bytes are a value or `Malformed`; nothing passes the seal changed."""

from contextlib import suppress

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tfchain.errors import Malformed
from tfchain.net.frames import Sealer, Unframer, Unsealer, frame, split
from tfchain.net.handshake import HELLO_BYTES_MAX, Identity, Role, greet

LIMITS = {1: 4, 2: 64}
GREETING = greet(Identity(seed=b"\x01" * 32, chain_id="laws-1"), Role.DIALLER, b"\x02" * 32)
HELLO = greet(Identity(seed=b"\x03" * 32, chain_id="laws-1"), Role.LISTENER, b"\x04" * 32).hello
MEETING = GREETING.meet(HELLO)

bodies = st.lists(st.binary(min_size=1, max_size=40), max_size=6)


@given(bodies, st.lists(st.integers(1, 30), min_size=1, max_size=20))
@settings(max_examples=60)
def test_frames_survive_any_cutting_of_the_stream(said: list[bytes], cuts: list[int]) -> None:
    stream, unframer, heard = b"".join(map(frame, said)), Unframer(), []
    turn = 0
    while stream:
        size = cuts[turn % len(cuts)]
        unframer.feed(stream[:size])
        stream, turn = stream[size:], turn + 1
        while (body := unframer.take(40)) is not None:
            heard.append(body)
    assert heard == said


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_any_bytes_are_frames_or_malformed_and_never_held_beyond_the_bound(stream: bytes) -> None:
    unframer = Unframer()
    with suppress(Malformed):
        for place in range(len(stream)):
            unframer.feed(stream[place : place + 1])
            body = unframer.take(16)
            assert body is None or 0 < len(body) <= 16
            assert unframer.held < 4 + 16


@given(st.binary(max_size=70))
@settings(max_examples=100)
def test_any_bytes_are_a_message_within_its_limit_or_malformed(message: bytes) -> None:
    with suppress(Malformed):
        kind, payload = split(message, LIMITS)
        assert len(payload) <= LIMITS[kind]
        assert bytes((kind,)) + payload == message


@given(bodies, st.permutations(range(6)))
@settings(max_examples=60)
def test_sealed_frames_in_another_order_do_not_open(said: list[bytes], order: list[int]) -> None:
    sealer, unsealer = Sealer(bytes(32)), Unsealer(bytes(32))
    sealed = [sealer.seal(message)[4:] for message in said]
    shuffled = [place for place in order if place < len(sealed)]
    for turn, place in enumerate(shuffled):
        if place != turn:
            try:
                unsealer.unseal(sealed[place])
            except Malformed:
                return
            raise AssertionError("a moved frame opened")
        assert unsealer.unseal(sealed[place]) == said[place]


@given(st.binary(min_size=1, max_size=64), st.data())
@settings(max_examples=60)
def test_a_changed_or_shortened_frame_does_not_open(message: bytes, draw: st.DataObject) -> None:
    body = Sealer(bytes(32)).seal(message)[4:]
    place = draw.draw(st.integers(0, len(body) - 1))
    flip = draw.draw(st.integers(0, 255))
    changed = body[:place] + (bytes((body[place] ^ flip,)) + body[place + 1 :] if flip else b"")
    with suppress(Malformed):
        Unsealer(bytes(32)).unseal(changed)
        raise AssertionError("a changed frame opened")


@given(st.binary(max_size=HELLO_BYTES_MAX + 10))
@settings(max_examples=100)
def test_any_bytes_are_a_hello_or_malformed(body: bytes) -> None:
    with suppress(Malformed):
        GREETING.meet(body)
        raise AssertionError("noise is nobody's hello")


@given(st.binary(max_size=100))
@settings(max_examples=60)
def test_no_bytes_are_a_proof(body: bytes) -> None:
    with suppress(Malformed):
        MEETING.conclude(body)
        raise AssertionError("noise proves nothing")


@given(st.integers(0, len(HELLO) - 1), st.integers(1, 255))
@settings(max_examples=60)
def test_a_changed_hello_never_gives_the_same_transcript(place: int, flip: int) -> None:
    changed = HELLO[:place] + bytes((HELLO[place] ^ flip,)) + HELLO[place + 1 :]
    assume(changed != HELLO)
    with suppress(Malformed):
        assert GREETING.meet(changed).transcript != MEETING.transcript
