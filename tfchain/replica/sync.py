"""Catching up: one request at a time, from whoever says that it is ahead, until nobody is.

A replica that fell behind keeps its machine running at the next height; blocks that others decided
come beside it. So there is no mode to switch and no restart (consensus 1.11.6).

Whoever was asked and did not help is asked again only after the others: a liar costs one wait, not
one for every request. Peers that helped take turns, so that one who is merely slow sets no pace.
"""

from dataclasses import dataclass, field
from typing import Final

from tfchain.base.units import Height, Millis
from tfchain.ledger.commit import Commit

PATIENCE: Final = Millis(3_000)
"""How long an answer may take before another peer is asked. It may still come later: a link that
needs longer than this for every answer must not keep a replica behind for ever."""
ANSWERS_HELD_MAX: Final = 4
"""Peers whose answers are held at once: late ones come beside the one that is due."""
UNASKED_MAX: Final = 16
"""Answers to nothing that a peer may send before it is blamed."""
REMEMBERED_MAX: Final = 256
"""Peers of whom it is known when they were asked; they are remembered while they are gone, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked of whom, until when."""

    peer: bytes
    height: Height
    until: Millis


@dataclass(slots=True)
class Sync:
    """The heights that peers claim, and what was fetched."""

    tips: dict[bytes, Height] = field(default_factory=dict)
    bases: dict[bytes, Height] = field(default_factory=dict)
    """The first block that peers have, where they said so."""
    request: Request | None = None
    fetched: list[tuple[bytes, bytes, Commit]] = field(default_factory=list)
    """Peer, block bytes, commit: of each peer consecutive, the next one first."""
    _unanswered: dict[bytes, None] = field(default_factory=dict)
    """Peers that were asked and may still answer."""
    _asked: dict[bytes, tuple[bool, int]] = field(default_factory=dict)
    """Of each peer whether it has not helped since it was asked last, and which request that was."""
    _requests: int = 0
    _unasked: dict[bytes, int] = field(default_factory=dict)
    """How often each peer has sent blocks that nobody asked for since it helped last."""

    def heard(self, peer: bytes, tip: Height) -> None:
        """A peer says how far it is. It may be wrong: only verified blocks count (1.11.3).

        Nobody goes back: an older word came late.
        """
        self.tips[peer] = max(tip, self.tips.get(peer, tip))

    def lacks(self, peer: bytes, base: Height) -> None:
        """A peer that was asked has blocks from `base` on only."""
        if peer in self._unanswered:
            self.bases[peer] = base
            self.accepts(peer)

    def stranded(self, tip: Height) -> bool:
        """Whether some are ahead and none of them has the block after `tip` any more.

        Blocks lead no further then; only a snapshot does.
        """
        ahead = [peer for peer, known in self.tips.items() if known > tip]
        return bool(ahead) and not any(self._has_next(peer, tip) for peer in ahead)

    def _has_next(self, peer: bytes, tip: Height) -> bool:
        return self.bases.get(peer, tip) <= tip + 1

    def gone(self, peer: bytes) -> None:
        """A peer left; what was asked of it will not come."""
        self.tips.pop(peer, None)
        self.bases.pop(peer, None)
        self._unasked.pop(peer, None)
        self._unanswered.pop(peer, None)
        if self.request is not None and self.request.peer == peer:
            self.request = None

    def ask(self, tip: Height, now_ms: Millis) -> Request | None:
        """Whom to ask for what follows `tip`, if anybody is ahead and nothing is under way."""
        if self.fetched or self._is_patient(now_ms):
            return None
        self.request = None
        ahead = [
            peer for peer, known in self.tips.items() if known > tip and self._has_next(peer, tip)
        ]
        if not ahead:
            return None
        peer = min(ahead, key=self._turn_of)
        self._remember(peer)
        self.request = Request(peer=peer, height=Height(tip + 1), until=Millis(now_ms + PATIENCE))
        return self.request

    def _is_patient(self, now_ms: Millis) -> bool:
        """Whether an answer is still awaited; a clock that was set back makes no wait longer."""
        return self.request is not None and 0 < self.request.until - now_ms <= PATIENCE

    def _turn_of(self, peer: bytes) -> tuple[bool, int, bytes]:
        owes, asked = self._asked.get(peer, (False, 0))
        return owes, asked, peer

    def _remember(self, peer: bytes) -> None:
        self._requests += 1
        self._unanswered[peer] = None
        self._asked.pop(peer, None)
        self._asked[peer] = (True, self._requests)
        if len(self._asked) > REMEMBERED_MAX:
            del self._asked[next(iter(self._asked))]

    def unasked(self, peer: bytes) -> bool:
        """Blocks that nobody asked for came; whether from this peer once too often (1.11.4).

        A message that came twice is no crime: who helps in between is forgiven.
        """
        self._unasked[peer] = self._unasked.get(peer, 0) + 1
        return self._unasked[peer] > UNASKED_MAX

    def accepts(self, peer: bytes) -> bool:
        """Whether blocks from this peer were asked for; then its request is answered."""
        if peer not in self._unanswered:
            return False
        del self._unanswered[peer]
        if self.request is not None and self.request.peer == peer:
            self.request = None
        return True

    def keep(self, peer: bytes, blocks: list[tuple[bytes, Commit]]) -> None:
        """Hold fetched blocks until their turn; those that others sent stay beside them."""
        holders = dict.fromkeys(row[0] for row in self.fetched)
        if len(holders) < ANSWERS_HELD_MAX:
            self.fetched += [(peer, raw, commit) for raw, commit in blocks]

    def helped(self, peer: bytes) -> None:
        """A block of this peer was genuine and the next one."""
        self._unasked.pop(peer, None)
        self._asked[peer] = (False, self._asked.get(peer, (False, 0))[1])

    def drop(self, peer: bytes) -> None:
        """A peer's blocks are not what it said: forget them, and its claim."""
        self.fetched = [row for row in self.fetched if row[0] != peer]
        self.tips.pop(peer, None)
