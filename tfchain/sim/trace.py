"""What happened in a run: a hash over all of it, and the last of it in words.

Two runs of one seed must have one hash; where they have not, something is drawn from outside (D1).
"""

from collections import deque
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, assert_never

from tfchain.replica.effects import (
    Blame,
    Broadcast,
    Committed,
    Effect,
    Execute,
    Log,
    Save,
    SendTo,
    Serve,
    SetTimer,
    Sign,
    Verify,
)
from tfchain.replica.events import (
    Event,
    Executed,
    Fired,
    PeerDown,
    PeerUp,
    Received,
    Saved,
    Signed,
    Start,
    Submitted,
    Verified,
)

LAST_EVENTS: Final = 30
_ID_DIGITS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An event at a node, in virtual milliseconds since the start."""

    at_ms: int
    node: int
    event: Event
    effects: list[Effect]

    def told(self) -> str:
        """One line for people."""
        done = ", ".join(_effect_told(effect) for effect in self.effects)
        return f"{self.at_ms:>7} ms  node {self.node}  {_event_told(self.event)} -> {done or '-'}"


class Trace:
    """All steps of a run, hashed; the latest kept."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=32, person=b"tf/sim-trace")
        self._last: deque[Step | str] = deque(maxlen=LAST_EVENTS)
        self.events = 0

    def step(self, step: Step) -> None:
        """A node was told something and answered."""
        self.events += 1
        self._last.append(step)
        update = self._hash.update
        update(b"%d %d %s" % (step.at_ms, step.node, type(step.event).__name__.encode()))
        update(_event_bytes(step.event))
        for effect in step.effects:
            update(type(effect).__name__.encode())
            update(_effect_bytes(effect))

    def note(self, text: str) -> None:
        """Something happened to the network."""
        self._last.append(text)
        self._hash.update(text.encode())

    def digest(self) -> bytes:
        """The hash over everything so far."""
        return self._hash.digest()

    def last(self) -> tuple[str, ...]:
        """The latest lines, oldest first."""
        return tuple(one if isinstance(one, str) else one.told() for one in self._last)


def _event_bytes(event: Event) -> bytes:
    match event:
        case Received():
            words = event.peer + bytes([event.kind]) + event.payload
        case Start():
            words = b"".join(event.log)
        case Submitted():
            words = b"".join(event.raws)
        case PeerUp() | PeerDown():
            words = event.peer
        case Signed():
            words = event.message.signature
        case Executed():
            words = event.outcome.state_root
        case Saved():
            words = event.tip.block_id
        case Fired():
            words = f"{event.timer} {event.now_ms}".encode()
        case Verified():
            words = f"{event.number} {event.good}".encode()
        case _:
            assert_never(event)
    return words


def _effect_bytes(effect: Effect) -> bytes:
    match effect:
        case Log() | Broadcast():
            words = effect.payload
        case SendTo():
            words = effect.peer + effect.payload
        case Sign():
            words = effect.text
        case SetTimer():
            words = f"{effect.timer} {effect.ms}".encode()
        case Save() | Execute():
            words = effect.block.id
        case Serve():
            words = f"{effect.height} {effect.count}".encode()
        case Verify():
            words = f"{effect.number} {len(effect.checks)}".encode()
        case _:
            words = b""
    return words


def _event_told(event: Event) -> str:
    match event:
        case Received():
            words = f"Received kind {event.kind} from {_short(event.peer)}"
        case Fired():
            timer = event.timer
            words = f"Fired {timer.name} {timer.height}/{timer.round}/{timer.step}"
        case Start():
            words = f"Start with {len(event.log)} log records"
        case Signed():
            words = f"Signed {event.message}"
        case Saved():
            words = f"Saved {event.tip.height} {_short(event.tip.block_id)}"
        case PeerUp() | PeerDown():
            words = f"{type(event).__name__} {_short(event.peer)}"
        case _:
            words = type(event).__name__
    return words


def _effect_told(effect: Effect) -> str:
    match effect:
        case Sign():
            words = f"Sign {effect.message}"
        case SendTo():
            words = f"SendTo {_short(effect.peer)} kind {effect.kind}"
        case Broadcast():
            words = f"Broadcast kind {effect.kind}"
        case Save() | Execute():
            words = f"{type(effect).__name__} {_short(effect.block.id)}"
        case SetTimer():
            words = f"SetTimer {effect.timer.name} {effect.ms} ms"
        case Committed():
            words = f"Committed {effect.height}"
        case Blame():
            words = f"Blame {_short(effect.peer)}: {effect.reason}"
        case _:
            words = type(effect).__name__
    return words


def _short(name: bytes) -> str:
    return name.hex()[:_ID_DIGITS]
