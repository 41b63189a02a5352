"""What a replica is told. Times are the driver's clock in milliseconds: part of the event (P3)."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from tfchain.base.units import Height, Millis
from tfchain.bft.messages import Message
from tfchain.chain.execute import Outcome
from tfchain.chain.tip import Tip
from tfchain.ledger.state import Reader

BEGIN: Final = "begin"
"""The pause before a height is over."""
ROUND: Final = "round"
"""A timer of the consensus machine."""
GOSSIP: Final = "gossip"
"""Time to tell peers where we stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Which timer; a timer of a height or round that is over is ignored."""

    name: str
    height: Height
    round: int = 0
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The driver is ready. `log`: what the write-ahead log holds since its last end marker."""

    now_ms: Millis
    log: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerUp:
    """An authenticated peer is connected."""

    peer: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerDown:
    """A peer is gone."""

    peer: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message from a peer: its kind and bytes, within the kind's bound."""

    peer: bytes
    kind: int
    payload: bytes
    now_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A timer ran out."""

    timer: Timer
    now_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """Somebody hands in transactions; answered under the same ticket."""

    ticket: int
    raws: tuple[bytes, ...]
    now_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The answer to `Verify`: which of its signatures are genuine."""

    number: int
    good: tuple[bool, ...]
    now_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The answer to `Sign`: the message with its signature, on disk already."""

    message: Message
    now_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """The answer to `Execute`."""

    block_id: bytes
    outcome: Outcome
    now_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The answer to `Save`: it is on disk, and `reader` sees the state after it."""

    tip: Tip
    reader: Reader
    now_ms: Millis


Event: TypeAlias = (
    Start | PeerUp | PeerDown | Received | Fired | Submitted | Verified | Signed | Executed | Saved
)
