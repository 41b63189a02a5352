"""All connections of a node: a door, a caller for each contact, one seat for each identity.

The node sees events on one bounded channel and offers messages without waiting; which socket
carries them, how often it broke and who called whom stays in here. Whatever a stranger does at the
door ends with his connection closed, counted, and one line kept.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import trio

from tfchain.base.limits import PEERS_MAX
from tfchain.base.sealing import SECRET_BYTES
from tfchain.errors import TfchainError, Unavailable
from tfchain.net.frames import join
from tfchain.net.handshake import Identity, Role, Session
from tfchain.net.peer import Counters, Peer
from tfchain.net.rates import Meter
from tfchain.net.standing import REASON_CHARS_MAX, Standings
from tfchain.net.surface import (
    Contact,
    Event,
    MeshConfig,
    PeerDown,
    PeerStatus,
    PeerUp,
    Received,
    Refusal,
)
from tfchain.net.wire import Wire, shake, wire_of

EVENTS_MAX: Final = 64
"""Events that wait for the node; readers wait in turn beyond that, so no peer crowds out others."""
CALLERS_MAX: Final = 16
"""Connections at the door that have not proved who they are; one more pushes out the oldest. An
honest handshake takes milliseconds, so it ends before sixteen others arrive; refusing the newcomer
instead would let sixteen idle connections close the door for everybody."""
REFUSALS_MAX: Final = 32
"""Lines kept about connections that came to nothing at the door."""


class Mesh:
    """The connections of one identity. `run` once; the rest may be called from any task of it.

    `entropy(n)` gives n unpredictable bytes (`secrets.token_bytes`); `chance()` a float from 0 to
    1 (the `random` of a `random.Random`), which spreads calls over time and decides nothing else.
    """

    def __init__(
        self, config: MeshConfig, entropy: Callable[[int], bytes], chance: Callable[[], float]
    ) -> None:
        self._config = config
        self._entropy = entropy
        self._chance = chance
        self._contacts = {contact.key: contact for contact in config.contacts}
        allowed = None if config.anyone else frozenset(self._contacts)
        self._identity = Identity(seed=config.seed, chain_id=config.chain_id, allowed=allowed)
        self.key = self._identity.key
        """Our own public key."""
        assert len(self._contacts) == len(config.contacts), "a contact twice is a bug of ours"
        assert self.key not in self._contacts, "calling ourselves is a bug of ours"
        self._standings = Standings(self._contacts, config.timing)
        self._live: dict[bytes, Peer] = {}
        self._callers: list[trio.CancelScope] = []
        self.refused = 0
        """Connections refused at the door so far."""
        self._refusals: deque[Refusal] = deque(maxlen=REFUSALS_MAX)
        self._events_in, self.events = trio.open_memory_channel[Event](EVENTS_MAX)

    async def run(self, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen and call until cancelled. Reports the port that it listens on.

        Raises:
            Unavailable: the address cannot be listened on.
        """
        listeners = await _listen(self._config.host, self._config.port)
        async with self._events_in, trio.open_nursery() as nursery:
            for contact in self._contacts.values():
                nursery.start_soon(self._keep_calling, contact)
            nursery.start_soon(trio.serve_listeners, self._answer, listeners)
            task_status.started(listeners[0].socket.getsockname()[1])

    def send(self, key: bytes, kind: int, payload: bytes) -> bool:
        """Whether the peer is connected and its queue took the message. Never waits."""
        message = join(kind, payload, self._config.limits)
        peer = self._live.get(key)
        return peer is not None and peer.offer(message)

    def broadcast(self, kind: int, payload: bytes) -> int:
        """To every connected peer; how many queues took it. Never waits."""
        message = join(kind, payload, self._config.limits)
        return sum(peer.offer(message) for peer in self._live.values())

    def blame(self, key: bytes, reason: str) -> None:
        """Hang up on a peer that says what no peer says, and ban it for a while."""
        self._standings.blame(key, reason, trio.current_time())
        peer = self._live.get(key)
        if peer is not None:
            peer.close(reason)

    def peers(self) -> list[PeerStatus]:
        """Contacts, connected strangers and what is remembered of others, by key."""
        return [self._status(key) for key in sorted({*self._standings.keys(), *self._live})]

    def refusals(self) -> list[Refusal]:
        """The last connections that were refused at the door, oldest first."""
        return list(self._refusals)

    def _status(self, key: bytes) -> PeerStatus:
        peer, contact = self._live.get(key), self._contacts.get(key)
        standing = self._standings.of(key)
        where = f"{contact.host}:{contact.port}" if contact is not None else "unknown"
        return PeerStatus(
            key=key,
            contact=contact is not None,
            connected=peer is not None and peer.ending is None,
            where=where if peer is None else peer.where,
            dialled=peer is not None and peer.dialled,
            counters=Counters() if peer is None else replace(peer.counters),
            failures=standing.failures,
            bans=standing.bans,
            banned_s=self._standings.banned_s(key, trio.current_time()),
            reason=standing.reason,
        )

    async def _keep_calling(self, contact: Contact) -> None:
        """Call whenever there is no connection, whoever made the last one; never give up."""
        while True:
            while (peer := self._live.get(contact.key)) is not None:
                await peer.gone.wait()
            now = trio.current_time()
            backoff_s = self._standings.backoff_s(contact.key, self._chance())
            await trio.sleep(max(backoff_s, self._standings.banned_s(contact.key, now)))
            if contact.key not in self._live:
                await self._call(contact)

    async def _call(self, contact: Contact) -> None:
        try:
            stream = await _connect(contact, self._config.timing.connect_s)
        except Unavailable as fault:
            self._standings.failed(contact.key, str(fault))
            return
        async with stream:
            wire = wire_of(stream)
            try:
                session = await self._shake(wire, Role.DIALLER, contact.key)
            except TfchainError as fault:
                self._standings.failed(contact.key, str(fault))
                return
            await self._host(wire, session)

    async def _answer(self, stream: trio.SocketStream) -> None:
        async with stream:
            wire = wire_of(stream)
            session = await self._ask_who(wire)
            if session is not None:
                await self._host(wire, session)

    async def _ask_who(self, wire: Wire) -> Session | None:
        """Shake hands at the door; nothing if it came to nothing, and then it is counted."""
        with self._place(len(self._callers)) as place:
            try:
                return await self._shake(wire, Role.LISTENER)
            except TfchainError as fault:
                self._refuse(wire, str(fault))
        if place.cancelled_caught:
            self._refuse(wire, "pushed out by newer callers before its handshake was done")
            return None
        with self._place(0):  # the first to be pushed out
            await trio.sleep(self._config.timing.refused_s)
        return None

    @contextmanager
    def _place(self, turn: int) -> Iterator[trio.CancelScope]:
        """A place at the door; of too many, the one whose turn is the first is cancelled."""
        scope = trio.CancelScope()
        self._callers.insert(turn, scope)
        if len(self._callers) > CALLERS_MAX:
            self._callers[0].cancel()
        try:
            with scope:
                yield scope
        finally:
            self._callers.remove(scope)

    async def _shake(self, wire: Wire, role: Role, expected: bytes | None = None) -> Session:
        secret = self._entropy(SECRET_BYTES)
        within_s = self._config.timing.handshake_s
        banned = self._standings.banned(trio.current_time())
        who = replace(self._identity, banned=banned)
        return await shake(wire, who, role, secret, within_s, expected=expected)

    def _refuse(self, wire: Wire, reason: str) -> None:
        self.refused += 1
        self._refusals.append(Refusal(where=wire.where, reason=reason[:REASON_CHARS_MAX]))

    async def _host(self, wire: Wire, session: Session) -> None:
        """From the handshake to the end of the connection: find a seat, say so, run, say so."""
        config = self._config
        meter = Meter(config.rates, config.total)
        peer = Peer(wire, session, config.limits, config.timing, meter)
        refusal = await self._seat(peer)
        if refusal is not None:
            self._refuse(wire, refusal)
            return
        try:
            await self._run_peer(peer)
        finally:
            del self._live[peer.key]
            peer.gone.set()

    async def _run_peer(self, peer: Peer) -> None:
        async def deliver(kind: int, payload: bytes) -> None:
            await self._events_in.send(Received(peer.key, kind, payload))

        since = trio.current_time()
        await self._events_in.send(PeerUp(peer.key))
        ending = await peer.run(deliver)
        now = trio.current_time()
        self._standings.ended(peer.key, ending.reason, now - since)
        if ending.blamed:
            self._standings.blame(peer.key, ending.reason, now)
        await self._events_in.send(PeerDown(peer.key))

    async def _seat(self, peer: Peer) -> str | None:
        """Take the identity's one seat, or say why not."""
        while (seated := self._live.get(peer.key)) is not None:
            if not self._takes_over(peer, seated):
                seated.probe()  # if that one is dead, find out now
                return f"peer {peer.key.hex()} is connected already"
            seated.close("another connection took over")
            await seated.gone.wait()
        banned_s = self._standings.banned_s(peer.key, trio.current_time())
        if banned_s > 0:
            return f"peer {peer.key.hex()} is banned for {banned_s:.1f} s"
        if peer.key not in self._contacts and self._strangers() >= PEERS_MAX:
            return f"no seat for a stranger: {PEERS_MAX} are taken"
        self._live[peer.key] = peer
        return None

    def _takes_over(self, peer: Peer, seated: Peer) -> bool:
        """Both sides come to the same answer: the one that the smaller key dialled stays.

        Of two dialled by the same side the later stays: it would not have called again had it not
        lost the first.
        """
        if peer.dialled == seated.dialled:
            return True
        return peer.dialled == (self.key < peer.key)

    def _strangers(self) -> int:
        return sum(key not in self._contacts for key in self._live)


async def _listen(host: str, port: int) -> list[trio.SocketListener]:
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except (OSError, OverflowError, UnicodeError) as fault:
        remedy = f"stop what listens there, or choose another address ({fault})"
        raise Unavailable("cannot listen", f"{host}:{port}", remedy) from fault


async def _connect(contact: Contact, within_s: float) -> trio.SocketStream:
    try:
        with trio.fail_after(within_s):
            return await trio.open_tcp_stream(contact.host, contact.port)
    except (OSError, OverflowError, UnicodeError, trio.TooSlowError) as fault:
        where = f"{contact.host}:{contact.port}"
        raise Unavailable("cannot reach the peer", where, "it is called again") from fault
