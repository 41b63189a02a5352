"""One connection: what it carries, what it drops, and what ends it. No sockets, no real time."""

from dataclasses import dataclass, replace

import pytest
import trio
import trio.testing

from tfchain.base.limits import FRAME_BYTES_MAX
from tfchain.errors import Malformed, Unavailable
from tfchain.net.frames import frame, join
from tfchain.net.handshake import Identity, Role, Session, greet
from tfchain.net.peer import (
    BATCH_BYTES,
    PING,
    PONG,
    QUEUE_BYTES_MAX,
    QUEUE_MESSAGES_MAX,
    Ending,
    Peer,
)
from tfchain.net.rates import UNBOUNDED, Meter, Rate
from tfchain.net.timing import Timing
from tfchain.net.wire import Wire, shake

LIMITS = {1: 64, 2: FRAME_BYTES_MAX}
ALICE = Identity(seed=b"\x01" * 32, chain_id="devnet-1")
BOB = Identity(seed=b"\x02" * 32, chain_id="devnet-1")


def sessions() -> tuple[Session, Session]:
    dialler = greet(ALICE, Role.DIALLER, b"\x0a" * 32)
    listener = greet(BOB, Role.LISTENER, b"\x0b" * 32)
    met, answered = dialler.meet(listener.hello), listener.meet(dialler.hello)
    return met.conclude(answered.proof[4:]), answered.conclude(met.proof[4:])


@dataclass
class Pair:
    """A peer under test, and the bare other end of its connection."""

    peer: Peer
    far: Wire
    stream: trio.abc.Stream
    session: Session

    async def say(self, *messages: bytes) -> None:
        for message in messages:
            await self.far.send(self.session.sealer.seal(message))

    async def hear(self) -> bytes:
        return self.session.unsealer.unseal(await self.far.receive(FRAME_BYTES_MAX + 64))


def pair(timing: Timing | None = None, meter: Meter | None = None) -> Pair:
    near, far = trio.testing.memory_stream_pair()
    ours, theirs = sessions()
    peer = Peer(Wire(near, "near"), ours, LIMITS, timing or Timing(), meter)
    return Pair(peer, Wire(far, "far"), far, theirs)


async def ignore(kind: int, payload: bytes) -> None:
    await trio.lowlevel.checkpoint()


async def test_messages_arrive_both_ways_and_are_counted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    couple = pair()
    heard: list[tuple[int, bytes]] = []

    async def deliver(kind: int, payload: bytes) -> None:
        heard.append((kind, payload))
        couple.peer.close("enough")
        await trio.lowlevel.checkpoint()

    assert couple.peer.offer(b"\x01out")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(couple.peer.run, deliver)
        assert await couple.hear() == b"\x01out"
        await couple.say(b"\x01in")
    assert heard == [(1, b"in")]
    counters = couple.peer.counters
    assert (counters.messages_in, counters.bytes_in) == (1, 3)
    assert (counters.messages_out, counters.bytes_out) == (1, 4)
    assert couple.peer.ending == Ending(reason="enough")


async def test_many_small_messages_arrive_in_order(autojump_clock: trio.testing.MockClock) -> None:
    couple = pair()
    said = [b"\x01" + number.to_bytes(2, "big") * 30 for number in range(QUEUE_MESSAGES_MAX)]
    assert all(couple.peer.offer(message) for message in said)
    assert sum(map(len, said)) < BATCH_BYTES
    heard: list[bytes] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(couple.peer.run, ignore)
        while len(heard) < len(said):
            heard.append(await couple.hear())
        couple.peer.close("enough")
    assert heard == said


async def test_a_message_beyond_the_queue_is_dropped_and_the_caller_is_told() -> None:
    """1.16.3."""
    peer = pair().peer
    taken = [peer.offer(b"\x01") for _ in range(QUEUE_MESSAGES_MAX + 2)]
    assert taken == [True] * QUEUE_MESSAGES_MAX + [False] * 2
    assert peer.counters.dropped == 2


async def test_a_queue_is_full_by_bytes_too() -> None:
    peer = pair().peer
    large = join(2, bytes(FRAME_BYTES_MAX), LIMITS)
    taken = [peer.offer(large) for _ in range(5)]
    assert taken == [True, True, True, False, False]
    assert 3 * len(large) <= QUEUE_BYTES_MAX < 4 * len(large)
    assert peer.counters.dropped == 2


async def test_room_comes_back_when_messages_leave(autojump_clock: trio.testing.MockClock) -> None:
    couple = pair()
    large = join(2, bytes(FRAME_BYTES_MAX), LIMITS)
    while couple.peer.offer(large):
        pass
    async with trio.open_nursery() as nursery:
        nursery.start_soon(couple.peer.run, ignore)
        assert await couple.hear() == large
        assert couple.peer.offer(large)
        couple.peer.close("enough")


async def test_an_ended_peer_takes_nothing() -> None:
    couple = pair()
    couple.peer.close("first")
    couple.peer.close("second", blamed=True)
    assert not couple.peer.offer(b"\x01")
    assert await couple.peer.run(ignore) == Ending(reason="first")


@pytest.mark.parametrize(
    ("message", "why"),
    [
        pytest.param(b"", "without a kind", id="no kind"),
        pytest.param(b"\x09", "kind 9", id="an unknown kind"),
        pytest.param(b"\x01" + bytes(65), "at most 64", id="over its kind's limit"),
        pytest.param(bytes((PING, 0)), "at most 0", id="a ping that carries something"),
    ],
)
async def test_a_peer_that_says_what_no_peer_says_is_blamed(
    autojump_clock: trio.testing.MockClock, message: bytes, why: str
) -> None:
    couple = pair()
    await couple.say(message)
    ending = await couple.peer.run(ignore)
    assert ending.blamed
    assert why in ending.reason


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(frame(bytes(40)), "the seal is broken", id="noise in a frame"),
        pytest.param(b"\xff\xff\xff\xff", "a frame of 4294967295 bytes", id="4 GiB announced"),
        pytest.param(bytes(4), "a frame of 0 bytes", id="an empty frame"),
        pytest.param(frame(b"short"), "too short", id="shorter than a seal"),
    ],
)
async def test_noise_on_the_way_ends_the_connection_and_blames_nobody(
    autojump_clock: trio.testing.MockClock, raw: bytes, why: str
) -> None:
    couple = pair()
    await couple.far.send(raw)
    ending = await couple.peer.run(ignore)
    assert not ending.blamed
    assert why in ending.reason


async def test_a_replayed_frame_ends_the_connection(
    autojump_clock: trio.testing.MockClock,
) -> None:
    couple = pair()
    once = couple.session.sealer.seal(b"\x01pay")
    await couple.far.send(once + once)
    ending = await couple.peer.run(ignore)
    assert ending == Ending(reason="the seal is broken")
    assert couple.peer.counters.messages_in == 1


@pytest.mark.parametrize(
    ("left", "why"),
    [
        pytest.param(b"", "the peer hung up: near", id="between frames"),
        pytest.param(b"\x00\x00\x00\x20ab", "hung up inside a frame", id="inside a frame"),
    ],
)
async def test_a_peer_that_hangs_up(
    autojump_clock: trio.testing.MockClock, left: bytes, why: str
) -> None:
    couple = pair()
    if left:
        await couple.far.send(left)
    await couple.stream.aclose()
    assert why in (await couple.peer.run(ignore)).reason


async def test_silence_is_asked_about_and_then_ended(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """1.13.7."""
    couple = pair(Timing(ping_after_s=60, pong_within_s=45))
    ending = await couple.peer.run(ignore)
    assert "the peer is silent" in ending.reason
    assert trio.current_time() == pytest.approx(105)
    assert await couple.hear() == bytes((PING,))


async def test_an_answer_to_the_ping_keeps_the_connection(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """1.13.7."""
    couple = pair(Timing(ping_after_s=60, pong_within_s=45))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(couple.peer.run, ignore)
        for _ in range(3):
            assert await couple.hear() == bytes((PING,))
            await couple.say(bytes((PONG,)))
        assert couple.peer.ending is None
        couple.peer.close("enough")


async def test_a_ping_is_answered(autojump_clock: trio.testing.MockClock) -> None:
    couple = pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(couple.peer.run, ignore)
        await couple.say(bytes((PING,)))
        assert await couple.hear() == bytes((PONG,))
        couple.peer.close("enough")


async def test_a_frame_that_trickles_in_is_not_waited_for_for_ever(
    autojump_clock: trio.testing.MockClock,
) -> None:
    couple = pair(Timing(ping_after_s=60, pong_within_s=45))

    async def trickle() -> None:
        for byte in frame(bytes(1_000)):
            await couple.far.send(bytes((byte,)))
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trickle)
        ending = await couple.peer.run(ignore)
        nursery.cancel_scope.cancel()
    assert "silent" in ending.reason
    assert trio.current_time() == pytest.approx(105)


async def test_a_peer_that_takes_nothing_is_hung_up_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    near, far = trio.testing.lockstep_stream_pair()
    peer = Peer(Wire(near, "near"), sessions()[0], LIMITS, Timing(pong_within_s=45))
    assert peer.offer(b"\x01news")
    assert "takes nothing" in (await peer.run(ignore)).reason
    await far.aclose()


async def test_a_busy_node_is_not_taken_for_a_silent_peer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    couple = pair(Timing(ping_after_s=1, pong_within_s=1))
    heard: list[bytes] = []

    async def deliver(kind: int, payload: bytes) -> None:
        await trio.sleep(30)
        heard.append(payload)
        if len(heard) == 2:
            couple.peer.close("enough")

    await couple.say(b"\x01a", b"\x01b")
    assert await couple.peer.run(deliver) == Ending(reason="enough")
    assert heard == [b"a", b"b"]


async def test_a_connection_that_broke_says_so_both_ways() -> None:
    near, _far = trio.testing.memory_stream_pair()
    await near.aclose()
    with pytest.raises(Unavailable, match="the connection broke"):
        await Wire(near, "near").receive(10)
    with pytest.raises(Unavailable, match="the connection broke"):
        await Wire(near, "near").send(b"news")


async def test_cancelling_ends_both_tasks_and_passes_through(
    autojump_clock: trio.testing.MockClock,
) -> None:
    couple = pair()
    with trio.move_on_after(1) as scope:
        await couple.peer.run(ignore)
    assert scope.cancelled_caught
    assert couple.peer.ending is None


def test_the_wires_own_kinds_are_not_for_others() -> None:
    with pytest.raises(AssertionError, match="the wire's own"):
        Peer(Wire(trio.testing.memory_stream_pair()[0], "near"), sessions()[0], {PING: 1}, Timing())


async def test_two_sides_shake_hands_over_a_wire() -> None:
    near, far = trio.testing.memory_stream_pair()
    met: dict[Role, Session] = {}

    async def side(stream: trio.abc.Stream, who: Identity, role: Role) -> None:
        secret = who.seed[::-1]
        met[role] = await shake(Wire(stream, role.name), who, role, secret, 20)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(side, near, ALICE, Role.DIALLER)
        nursery.start_soon(side, far, BOB, Role.LISTENER)
    assert met[Role.DIALLER].peer == BOB.key
    assert met[Role.LISTENER].peer == ALICE.key


async def test_half_a_handshake_is_waited_for_twenty_seconds(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """1.13.1."""
    near, far = trio.testing.memory_stream_pair()
    await far.send_all(frame(greet(BOB, Role.LISTENER, b"\x0b" * 32).hello))
    with pytest.raises(Unavailable, match="took too long"):
        await shake(Wire(near, "near"), ALICE, Role.DIALLER, b"\x0a" * 32, Timing().handshake_s)
    assert trio.current_time() == pytest.approx(20)


async def test_a_hello_over_its_bound_is_refused_by_its_length_alone() -> None:
    near, far = trio.testing.memory_stream_pair()
    await far.send_all((1_025).to_bytes(4, "big"))
    with pytest.raises(Malformed, match="1025 bytes"):
        await shake(Wire(near, "near"), ALICE, Role.DIALLER, b"\x0a" * 32, 20)


async def test_another_chain_is_refused_on_the_wire() -> None:
    """1.13.2."""
    near, far = trio.testing.memory_stream_pair()
    stranger = replace(BOB, chain_id="devnet-2")
    await far.send_all(frame(greet(stranger, Role.LISTENER, b"\x0b" * 32).hello))
    with pytest.raises(Malformed, match="peer is on another chain 'devnet-2'"):
        await shake(Wire(near, "near"), ALICE, Role.DIALLER, b"\x0a" * 32, 20)


async def test_who_talks_too_fast_is_read_at_its_rate(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """1.13.7, consensus 1.16.2: nothing is lost, nobody is punished, and the socket fills
    meanwhile."""
    couple = pair(meter=Meter({1: Rate(burst=3, per_s=2)}, UNBOUNDED))
    came: list[float] = []

    async def deliver(kind: int, payload: bytes) -> None:
        came.append(trio.current_time() - since)
        if len(came) == 7:
            couple.peer.close("enough")
        await trio.lowlevel.checkpoint()

    since = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(couple.peer.run, deliver)
        await couple.say(*[b"\x01" + bytes([number]) for number in range(7)])
    assert came == pytest.approx([0, 0, 0, 0, 0.5, 1, 1.5])
    assert couple.peer.counters.held_back == 3


@pytest.mark.parametrize("kind", [PING, PONG], ids=["pings", "pongs"])
async def test_who_pings_all_the_time_is_read_slowly_though_pings_have_no_bytes(
    autojump_clock: trio.testing.MockClock, kind: int
) -> None:
    """Bytes alone would let a stranger keep the node busy with nothing else (1.16.2)."""
    couple = pair(meter=Meter({}, Rate(burst=1 << 20, per_s=1 << 20)))
    heard: list[float] = []

    async def deliver(_kind: int, _payload: bytes) -> None:
        heard.append(trio.current_time() - since)
        couple.peer.close("enough")
        await trio.lowlevel.checkpoint()

    since = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(couple.peer.run, deliver)
        await couple.say(*[bytes((kind,))] * 30, b"\x01")
    assert heard == pytest.approx([10])
    assert couple.peer.counters.held_back == 20
