"""Meshes on real sockets: they find each other, lose each other, and shrug at noise."""

import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from tfchain.base.crypto import public_key
from tfchain.base.limits import FRAME_BYTES_MAX, PEERS_MAX
from tfchain.errors import Unavailable
from tfchain.net.frames import frame
from tfchain.net.handshake import Identity, Role, Session, greet
from tfchain.net.mesh import CALLERS_MAX, EVENTS_MAX, REFUSALS_MAX, Mesh
from tfchain.net.surface import Contact, Event, MeshConfig, PeerDown, PeerStatus, PeerUp, Received
from tfchain.net.timing import Timing
from tfchain.net.wire import Wire, shake, wire_of

CHAIN = "devnet-1"
HOST = "127.0.0.1"
LIMITS = {1: 64, 2: FRAME_BYTES_MAX}
QUICK = Timing(backoff_first_s=0.01, backoff_max_s=0.05, ban_first_s=0.2, refused_s=0.0)
SEEDS = sorted((bytes((number,)) * 32 for number in range(1, 7)), key=public_key)
"""In the order of their keys: the first is the smallest."""


def free_ports(count: int) -> list[int]:
    taken = [socket.socket() for _ in range(count)]
    for one in taken:
        one.bind((HOST, 0))
    ports = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return ports


def contact(seed: bytes, port: int) -> Contact:
    return Contact(key=public_key(seed), host=HOST, port=port)


def mesh(
    seed: bytes,
    contacts: list[Contact] | None = None,
    port: int = 0,
    timing: Timing = QUICK,
    anyone: bool = False,
) -> Mesh:
    config = MeshConfig(
        seed=seed,
        chain_id=CHAIN,
        host=HOST,
        port=port,
        contacts=contacts or [],
        limits=LIMITS,
        anyone=anyone,
        timing=timing,
    )
    chance = random.Random(seed)
    return Mesh(config, chance.randbytes, chance.random)


@asynccontextmanager
async def running(*meshes: Mesh) -> AsyncIterator[list[int]]:
    """The ports of `meshes`, while they run; never longer than half a minute."""
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            yield [await nursery.start(one.run) for one in meshes]
            nursery.cancel_scope.cancel()


async def until(one: Mesh, wanted: Callable[[Event], bool]) -> list[Event]:
    """Events up to the first that is wanted."""
    seen: list[Event] = []
    while not seen or not wanted(seen[-1]):
        seen.append(await one.events.receive())
    return seen


async def until_true(wanted: Callable[[], bool]) -> None:
    """Let other tasks and the sockets run until it is so."""
    while not wanted():
        await trio.lowlevel.checkpoint()


async def call(port: int, seed: bytes, chain_id: str = CHAIN) -> tuple[trio.SocketStream, Session]:
    """Connect as `seed` by hand, without a mesh."""
    stream = await trio.open_tcp_stream(HOST, port)
    who = Identity(seed=seed, chain_id=chain_id)
    return stream, await shake(wire_of(stream), who, Role.DIALLER, random.randbytes(32), 5)


def connected(one: Mesh) -> list[PeerStatus]:
    return [peer for peer in one.peers() if peer.connected]


def status(one: Mesh, seed: bytes) -> PeerStatus:
    return next(peer for peer in one.peers() if peer.key == public_key(seed))


async def closed(stream: trio.SocketStream) -> None:
    """Read until the other end hangs up."""
    try:
        while await stream.receive_some(65_536):
            pass
    except trio.BrokenResourceError:
        pass


async def test_four_find_each_other_and_talk() -> None:
    seeds, ports = SEEDS[:4], free_ports(4)
    contacts = [contact(seed, port) for seed, port in zip(seeds, ports, strict=True)]
    meshes = [
        mesh(seed, [other for other in contacts if other.key != public_key(seed)], port)
        for seed, port in zip(seeds, ports, strict=True)
    ]
    async with running(*meshes) as bound:
        assert bound == ports
        await until_true(lambda: all(len(connected(one)) == 3 for one in meshes))
        await until_true(lambda: all(agreed(one, meshes) for one in meshes))
        for one in meshes:
            await hears(one, [other for other in meshes if other is not one])


async def hears(one: Mesh, others: list[Mesh]) -> None:
    """Until it has heard all others, who repeat themselves: a takeover may lose a message."""
    large = bytes(100_000)
    heard: set[bytes] = set()
    while len(heard) < len(others):
        for other in others:
            other.send(one.key, 2, large)
            other.broadcast(1, b"hello")
        event = await one.events.receive()
        if isinstance(event, Received) and event.kind == 2:
            assert event.payload == large
            heard.add(event.key)


def agreed(one: Mesh, meshes: list[Mesh]) -> bool:
    """Whether both ends of each of its connections name the same caller."""
    others = {other.key: other for other in meshes}
    for peer in connected(one):
        ends = [far for far in connected(others[peer.key]) if far.key == one.key]
        if [far.dialled for far in ends] != [not peer.dialled]:
            return False
    return True


async def test_one_that_was_killed_is_found_again_on_its_port() -> None:
    """1.13.3: a contact is called for ever."""
    first, second = SEEDS[:2]
    ports = free_ports(2)
    alive = mesh(first, [contact(second, ports[1])], ports[0])
    key = public_key(second)
    async with running(alive):
        async with running(mesh(second, [contact(first, ports[0])], ports[1])):
            await until(alive, lambda event: event == PeerUp(key))
        await until(alive, lambda event: event == PeerDown(key))
        await until_true(lambda: status(alive, second).failures > 3)
        assert "cannot reach the peer" in status(alive, second).reason
        assert not alive.send(key, 1, b"nobody there")
        # It does not call: it is found because `alive` never gives up.
        silent = mesh(second, [contact(first, free_ports(1)[0])], ports[1])
        async with running(silent):
            seen = await until(alive, lambda event: event == PeerUp(key))
            assert seen == [PeerUp(key)]
            assert status(alive, second).dialled


@pytest.mark.parametrize(
    ("ours", "theirs", "stays"),
    [
        pytest.param(SEEDS[0], SEEDS[1], "ours", id="we are smaller: the one that we called"),
        pytest.param(SEEDS[1], SEEDS[0], "theirs", id="they are smaller: the one that they called"),
    ],
)
async def test_of_two_connections_the_one_called_by_the_smaller_key_stays(
    ours: bytes, theirs: bytes, stays: str
) -> None:
    """1.13.3: one seat for each identity."""
    (listener,) = await trio.open_tcp_listeners(0, host=HOST)
    async with listener:
        one = mesh(ours, [contact(theirs, listener.socket.getsockname()[1])])
        async with running(one) as ports:
            called = await listener.accept()
            who = Identity(seed=theirs, chain_id=CHAIN)
            await shake(wire_of(called), who, Role.LISTENER, random.randbytes(32), 5)
            await until(one, lambda event: isinstance(event, PeerUp))
            calling, _ = await call(ports[0], theirs)
            key = public_key(theirs)
            if stays == "ours":
                await closed(calling)
                assert one.refusals()[-1].reason.endswith("is connected already")
                assert [peer.dialled for peer in connected(one)] == [True]
            else:
                await closed(called)
                seen = await until(one, lambda event: isinstance(event, PeerUp))
                assert seen == [PeerDown(key), PeerUp(key)]
                assert [peer.dialled for peer in connected(one)] == [False]
            await trio.aclose_forcefully(called)
            await trio.aclose_forcefully(calling)


async def test_a_peer_that_calls_twice_has_lost_its_first_connection() -> None:
    one = mesh(SEEDS[0], anyone=True)
    async with running(one) as ports:
        first, _ = await call(ports[0], SEEDS[1])
        await until(one, lambda event: isinstance(event, PeerUp))
        second, session = await call(ports[0], SEEDS[1])
        await closed(first)
        await until(one, lambda event: isinstance(event, PeerUp))
        await second.send_all(session.sealer.seal(b"\x01still here"))
        seen = await until(one, lambda event: isinstance(event, Received))
        assert seen == [Received(public_key(SEEDS[1]), 1, b"still here")]
        assert len(connected(one)) == 1
        await second.aclose()
        await first.aclose()


async def garbage(port: int) -> trio.SocketStream:
    stream = await trio.open_tcp_stream(HOST, port)
    await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
    return stream


async def oversized(port: int) -> trio.SocketStream:
    stream = await trio.open_tcp_stream(HOST, port)
    await stream.send_all((1_025).to_bytes(4, "big"))
    return stream


async def half_a_handshake(port: int) -> trio.SocketStream:
    stream = await trio.open_tcp_stream(HOST, port)
    who = Identity(seed=SEEDS[1], chain_id=CHAIN)
    await stream.send_all(frame(greet(who, Role.DIALLER, b"\x07" * 32).hello))
    await stream.send_eof()
    return stream


async def never_a_word(port: int) -> trio.SocketStream:
    return await trio.open_tcp_stream(HOST, port)


async def stolen_name(port: int) -> trio.SocketStream:
    stream = await trio.open_tcp_stream(HOST, port)
    who = Identity(seed=SEEDS[1], chain_id=CHAIN)
    await stream.send_all(frame(greet(who, Role.DIALLER, b"\x07" * 32).hello))
    await stream.send_all(frame(bytes(80)))
    return stream


async def another_chain(port: int) -> trio.SocketStream:
    stream = await trio.open_tcp_stream(HOST, port)
    who = Identity(seed=SEEDS[1], chain_id="devnet-2")
    await stream.send_all(frame(greet(who, Role.DIALLER, b"\x07" * 32).hello))
    return stream


async def unknown_identity(port: int) -> trio.SocketStream:
    stream = await trio.open_tcp_stream(HOST, port)
    who = Identity(seed=SEEDS[5], chain_id=CHAIN)
    await stream.send_all(frame(greet(who, Role.DIALLER, b"\x07" * 32).hello))
    return stream


async def ourselves(port: int) -> trio.SocketStream:
    stream = await trio.open_tcp_stream(HOST, port)
    who = Identity(seed=SEEDS[0], chain_id=CHAIN)
    await stream.send_all(frame(greet(who, Role.DIALLER, b"\x07" * 32).hello))
    return stream


@pytest.mark.parametrize(
    ("visit", "why"),
    [
        pytest.param(garbage, "a frame of 1195725856 bytes", id="garbage"),
        pytest.param(oversized, "a frame of 1025 bytes", id="an oversized hello"),
        pytest.param(half_a_handshake, "hung up", id="half a handshake"),
        pytest.param(never_a_word, "took too long", id="never a word"),
        pytest.param(stolen_name, "seal is broken", id="the name of another"),
        pytest.param(another_chain, "on another chain 'devnet-2'", id="another chain"),
        pytest.param(unknown_identity, "not on the list", id="an unknown identity"),
        pytest.param(ourselves, "ourselves", id="ourselves"),
    ],
)
async def test_whatever_happens_at_the_door_is_counted_and_the_node_goes_on(
    visit: Callable[[int], Awaitable[trio.SocketStream]], why: str
) -> None:
    timing = Timing(handshake_s=0.2, backoff_first_s=30.0, backoff_max_s=30.0, refused_s=0.0)
    one = mesh(SEEDS[0], [contact(SEEDS[1], free_ports(1)[0])], timing=timing)
    async with running(one) as ports:
        visitor = await visit(ports[0])
        await closed(visitor)
        await visitor.aclose()
        await until_true(lambda: one.refused == 1)
        assert why in one.refusals()[-1].reason
        honest, _ = await call(ports[0], SEEDS[1])
        assert await one.events.receive() == PeerUp(public_key(SEEDS[1]))
        await honest.aclose()


async def test_reasons_kept_about_the_door_are_bounded() -> None:
    one = mesh(SEEDS[0])
    async with running(one) as ports:
        for _ in range(REFUSALS_MAX + 3):
            visitor = await oversized(ports[0])
            await closed(visitor)
            await visitor.aclose()
        await until_true(lambda: one.refused == REFUSALS_MAX + 3)
        assert len(one.refusals()) == REFUSALS_MAX


async def test_idle_callers_do_not_close_the_door() -> None:
    one = mesh(SEEDS[0], anyone=True)
    async with running(one) as ports:
        idle = [await never_a_word(ports[0]) for _ in range(CALLERS_MAX)]
        honest, _ = await call(ports[0], SEEDS[1])
        assert await one.events.receive() == PeerUp(public_key(SEEDS[1]))
        await closed(idle[0])
        assert "pushed out by newer callers" in one.refusals()[0].reason
        assert one.refused == 1
        for stream in (honest, *idle):
            await stream.aclose()


async def test_whoever_was_refused_is_let_wait_while_there_is_room() -> None:
    """1.16.4: a call in a loop costs its caller time, and a newcomer none."""
    one = mesh(SEEDS[0], timing=Timing(refused_s=60.0), anyone=True)
    async with running(one) as ports:
        refused = [await oversized(ports[0]) for _ in range(CALLERS_MAX)]
        await until_true(lambda: one.refused == CALLERS_MAX)
        honest, _ = await call(ports[0], SEEDS[1])
        assert await one.events.receive() == PeerUp(public_key(SEEDS[1]))
        await until_true(lambda: len(one._callers) == CALLERS_MAX - 1)
        assert one.refused == CALLERS_MAX, "nobody is counted twice"
        for stream in (honest, *refused):
            await stream.aclose()


async def test_a_blamed_peer_is_hung_up_on_and_kept_out_for_a_while() -> None:
    one = mesh(SEEDS[0], anyone=True)
    key = public_key(SEEDS[1])
    async with running(one) as ports:
        stream, _ = await call(ports[0], SEEDS[1])
        await until(one, lambda event: event == PeerUp(key))
        one.blame(key, "a vote for nothing")
        assert not one.send(key, 1, b"too late")
        await closed(stream)
        await until(one, lambda event: event == PeerDown(key))
        assert status(one, SEEDS[1]).reason == "a vote for nothing"
        assert 0 < status(one, SEEDS[1]).banned_s <= 0.2
        again = await stolen_name(ports[0])
        await closed(again)
        assert one.refusals()[-1].reason.endswith("is banned"), "at the hello, whatever its proof"
        await until_true(lambda: status(one, SEEDS[1]).banned_s == 0)
        forgiven, _ = await call(ports[0], SEEDS[1])
        await until(one, lambda event: event == PeerUp(key))
        for open_one in (stream, again, forgiven):
            await open_one.aclose()


async def test_two_meshes_meet_again_after_a_ban() -> None:
    first, second = SEEDS[:2]
    ports = free_ports(2)
    one = mesh(first, [contact(second, ports[1])], ports[0])
    two = mesh(second, [contact(first, ports[0])], ports[1])
    async with running(one, two):
        await until(one, lambda event: isinstance(event, PeerUp))
        one.blame(two.key, "a vote for nothing")
        await until(one, lambda event: isinstance(event, PeerDown))
        assert status(one, second).banned_s > 0
        await until(one, lambda event: isinstance(event, PeerUp))
        assert status(one, second).banned_s == 0


async def test_blaming_somebody_who_is_not_here_is_remembered() -> None:
    one = mesh(SEEDS[0])
    one.blame(public_key(SEEDS[1]), "an old lie")
    assert status(one, SEEDS[1]).reason == "an old lie"
    assert not status(one, SEEDS[1]).connected


async def test_a_peer_that_says_an_unknown_kind_is_banned() -> None:
    one = mesh(SEEDS[0], anyone=True)
    async with running(one) as ports:
        stream, session = await call(ports[0], SEEDS[1])
        await stream.send_all(session.sealer.seal(b"\x63"))
        await until(one, lambda event: isinstance(event, PeerDown))
        assert "no message of kind 99" in status(one, SEEDS[1]).reason
        assert status(one, SEEDS[1]).banned_s > 0
        await stream.aclose()


async def test_a_replayed_frame_ends_the_connection_without_a_ban() -> None:
    one = mesh(SEEDS[0], anyone=True)
    async with running(one) as ports:
        stream, session = await call(ports[0], SEEDS[1])
        await stream.send_all(session.sealer.seal(b"\x01once") * 2)
        seen = await until(one, lambda event: isinstance(event, PeerDown))
        assert [event for event in seen if isinstance(event, Received)] == [
            Received(public_key(SEEDS[1]), 1, b"once")
        ]
        assert status(one, SEEDS[1]).banned_s == 0
        await stream.aclose()


async def test_a_full_queue_drops_and_says_so() -> None:
    one = mesh(SEEDS[0], anyone=True)
    key = public_key(SEEDS[1])
    async with running(one) as ports:
        stream, session = await call(ports[0], SEEDS[1])
        await until(one, lambda event: isinstance(event, PeerUp))
        payload = bytes(FRAME_BYTES_MAX)
        taken = [one.send(key, 2, payload) for _ in range(6)]
        assert taken == [True] * 3 + [False] * 3
        assert one.broadcast(2, payload) == 0
        assert status(one, SEEDS[1]).counters.dropped == 4
        wire = Wire(stream, "by hand")
        message = session.unsealer.unseal(await wire.receive(FRAME_BYTES_MAX + 17))
        assert message == b"\x02" + payload
        await stream.aclose()


async def test_a_node_that_does_not_listen_holds_senders_back_and_loses_nothing() -> None:
    """1.16.3: what waits for the node is bounded."""
    one = mesh(SEEDS[0], anyone=True)
    said = [b"%d" % number for number in range(EVENTS_MAX * 3)]
    async with running(one) as ports:
        stream, session = await call(ports[0], SEEDS[1])
        for message in said:
            await stream.send_all(session.sealer.seal(b"\x01" + message))
        await until_true(lambda: one.events.statistics().current_buffer_used == EVENTS_MAX)
        heard: list[bytes] = []
        while len(heard) < len(said):
            event = await one.events.receive()
            heard += [event.payload] if isinstance(event, Received) else []
        assert heard == said
        await stream.aclose()


async def test_strangers_have_so_many_seats_and_contacts_always_one() -> None:
    """1.13.3."""
    friend = SEEDS[0]
    one = mesh(SEEDS[1], [contact(friend, free_ports(1)[0])], anyone=True)
    async with running(one) as ports:
        streams = []
        for number in range(PEERS_MAX):
            streams.append((await call(ports[0], (1_000 + number).to_bytes(32, "big")))[0])
            await until(one, lambda event: isinstance(event, PeerUp))
        late, _ = await call(ports[0], SEEDS[2])
        await closed(late)
        assert "no seat for a stranger" in one.refusals()[-1].reason
        known, _ = await call(ports[0], friend)
        await until(one, lambda event: event == PeerUp(public_key(friend)))
        assert len(connected(one)) == PEERS_MAX + 1
        for stream in (late, known, *streams):
            await stream.aclose()


async def test_a_port_in_use_is_one_clear_line() -> None:
    first = mesh(SEEDS[0])
    async with running(first) as ports:
        second = mesh(SEEDS[1], port=ports[0])
        with pytest.raises(Unavailable) as caught:
            await second.run()
    assert caught.value.what == "cannot listen"
    assert caught.value.where == f"{HOST}:{ports[0]}"
    assert "choose another address" in caught.value.remedy


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("192.0.2.1", id="an address of another machine"),
        pytest.param("a" * 64 + ".invalid", id="not a name at all"),
    ],
)
async def test_an_address_that_is_not_ours_is_one_clear_line(host: str) -> None:
    config = MeshConfig(
        seed=SEEDS[0], chain_id=CHAIN, host=host, port=0, contacts=[], limits=LIMITS
    )
    with pytest.raises(Unavailable, match="cannot listen"):
        await Mesh(config, random.randbytes, random.random).run()


async def test_a_contact_that_is_somebody_else_is_named() -> None:
    other = mesh(SEEDS[1], anyone=True)
    async with running(other) as ports:
        one = mesh(SEEDS[0], [contact(SEEDS[2], ports[0])])
        async with running(one):
            await until_true(lambda: "another was called" in status(one, SEEDS[2]).reason)
            assert status(one, SEEDS[2]).where == f"{HOST}:{ports[0]}"


async def test_cancelling_frees_the_port_and_ends_the_events() -> None:
    one = mesh(SEEDS[0])
    async with running(one) as ports:
        pass
    with pytest.raises(trio.EndOfChannel):
        one.events.receive_nowait()
    async with running(mesh(SEEDS[1], port=ports[0])) as again:
        assert again == ports


async def test_somebody_who_hung_up_before_we_looked_has_no_address() -> None:
    stream = trio.SocketStream(trio.socket.socket())
    async with stream:
        assert wire_of(stream).where == "somebody who is gone"
