"""Questions to peers: one at a time each, by turns, and who leaves one unanswered comes last (1.12.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from tfchain.base.units import Millis
from tfchain.replica.snapshot_messages import Request


@dataclass(slots=True)
class _Asked:
    """A question under way: whose, and until when one waits."""

    peer: bytes
    until: Millis


class Questions:
    """What was asked of whom. `patience`: how long a peer may take for one answer."""

    def __init__(self, patience: Millis) -> None:
        self._patience = patience
        self._asked: dict[Request, _Asked] = {}
        self._turn: dict[bytes, int] = {}
        """When each peer was asked last; who was asked longest ago comes first."""
        self._owing: dict[bytes, None] = {}
        self._count = 0

    def put(self, request: Request, peers: Sequence[bytes], now: Millis) -> bytes | None:
        """Whom to ask; None while it is under way, or where nobody who would answer is free."""
        busy = {asked.peer for asked in self._asked.values()}
        willing = [peer for peer in peers if peer not in self._owing] or peers
        free = [peer for peer in willing if peer not in busy]
        if request in self._asked or not free:
            return None
        peer = min(free, key=lambda one: (self._turn.get(one, 0), one))
        self._count += 1
        self._turn[peer] = self._count
        self._asked[request] = _Asked(peer, Millis(now + self._patience))
        return peer

    def answered(self, peer: bytes, cls: type) -> Request | None:
        """The question of this kind that was put to the peer; None for an answer to nothing."""
        for request, asked in self._asked.items():
            if asked.peer == peer and isinstance(request, cls):
                del self._asked[request]
                self._owing.pop(peer, None)
                return request
        return None

    def expire(self, now: Millis) -> None:
        """Ask others what was not answered in time. A clock that was set back makes no wait longer."""
        for request, asked in list(self._asked.items()):
            if not 0 < asked.until - now <= self._patience:
                del self._asked[request]
                self._owing[asked.peer] = None

    def all_owe(self, peers: Sequence[bytes]) -> bool:
        """Whether each of these has left its last question unanswered; there is at least one."""
        return bool(peers) and all(peer in self._owing for peer in peers)

    def forgive(self, peers: Sequence[bytes]) -> None:
        """They may be asked like all others again."""
        for peer in peers:
            self._owing.pop(peer, None)

    def gone(self, peer: bytes) -> None:
        """A peer answers no more."""
        self._asked = {what: asked for what, asked in self._asked.items() if asked.peer != peer}
        self._turn.pop(peer, None)
        self._owing.pop(peer, None)

    def drop(self) -> None:
        """Nobody waits for what is under way."""
        self._asked.clear()
