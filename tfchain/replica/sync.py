"""Catching up: one request at a time, from whoever says that it is ahead, until nobody is.

A replica that fell behind keeps its machine running at the next height; blocks that others decided
come beside it. So there is no mode to switch and no restart (consensus 1.11.6).
"""

from dataclasses import dataclass, field
from typing import Final

from tfchain.base.limits import SYNC_BLOCKS_MAX
from tfchain.base.units import Height, Millis
from tfchain.ledger.commit import Commit

PATIENCE: Final = Millis(3_000)
"""How long an answer may take before another peer is asked."""


@dataclass(slots=True, kw_only=True)
class Request:
    """What was asked of whom, until when."""

    peer: bytes
    height: Height
    until: Millis


@dataclass(slots=True)
class Sync:
    """The heights that peers claim, and what was fetched."""

    tips: dict[bytes, Height] = field(default_factory=dict)
    request: Request | None = None
    fetched: list[tuple[bytes, bytes, Commit]] = field(default_factory=list)
    """Peer, block bytes, commit: consecutive, the next one first."""

    def heard(self, peer: bytes, tip: Height) -> None:
        """A peer says how far it is. It may be wrong: only verified blocks count (1.11.3)."""
        self.tips[peer] = tip

    def gone(self, peer: bytes) -> None:
        """A peer left; what was asked of it will not come."""
        self.tips.pop(peer, None)
        if self.request is not None and self.request.peer == peer:
            self.request = None

    def ask(self, tip: Height, now_ms: Millis) -> Request | None:
        """Whom to ask for what follows `tip`, if anybody is ahead and nothing is under way."""
        if self.request is not None and now_ms < self.request.until:
            return None
        late = None if self.request is None else self.request.peer
        self.request = None
        ahead = sorted(peer for peer, known in self.tips.items() if known > tip)
        if self.fetched or not ahead:
            return None
        peer = next((one for one in ahead if late is None or one > late), ahead[0])
        self.request = Request(peer=peer, height=Height(tip + 1), until=Millis(now_ms + PATIENCE))
        return self.request

    def accepts(self, peer: bytes) -> bool:
        """Whether blocks from this peer were asked for; then the request is answered."""
        if self.request is None or self.request.peer != peer:
            return False
        self.request = None
        return True

    def keep(self, peer: bytes, blocks: list[tuple[bytes, Commit]]) -> None:
        """Hold fetched blocks until their turn."""
        self.fetched = [(peer, raw, commit) for raw, commit in blocks[:SYNC_BLOCKS_MAX]]

    def drop(self, peer: bytes) -> None:
        """A peer's blocks are not what it said: forget them, and its claim."""
        self.fetched = []
        self.tips.pop(peer, None)
