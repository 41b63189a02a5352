"""What the node tells the mesh, and what it hears from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tfchain.net.frames import Limits
from tfchain.net.peer import Counters
from tfchain.net.rates import UNBOUNDED, Rate
from tfchain.net.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A peer that is always called again: its identity, and where it listens."""

    key: bytes
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshConfig:
    """Who we are, where we listen, whom we call and what may be said.

    `seed`: 32 bytes of our Ed25519 identity. `host`: a numeric address; `port`: 0 lets the system
    pick. `anyone`: whether others than `contacts` may call us. `limits`: kind (0 to 253) to the
    most bytes of its payload; `rates`: to how many a peer may send, `total`: bytes of all kinds.
    """

    seed: bytes = field(repr=False)
    chain_id: str
    host: str
    port: int
    contacts: Sequence[Contact]
    limits: Limits
    rates: Mapping[int, Rate] = field(default_factory=dict)
    total: Rate = UNBOUNDED
    anyone: bool = False
    timing: Timing = field(default_factory=Timing)


@dataclass(frozen=True, slots=True)
class PeerUp:
    """A peer can be sent to. Nothing said before holds any more."""

    key: bytes


@dataclass(frozen=True, slots=True)
class PeerDown:
    """A peer is gone; follows each `PeerUp`, before the next of the same key."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A message of an authenticated peer, within its kind's limit, not yet decoded."""

    key: bytes
    kind: int
    payload: bytes


Event: TypeAlias = PeerUp | PeerDown | Received


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStatus:
    """One line about a peer, for people. Spans in seconds."""

    key: bytes
    contact: bool
    connected: bool
    where: str
    dialled: bool
    counters: Counters
    failures: int
    bans: int
    banned_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A connection that came to nothing at the door."""

    where: str
    reason: str
