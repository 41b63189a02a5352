"""What a machine is told and what it asks for: its whole surface, as values.

Events are records, so that a log of them can be kept and replayed (P35); a machine that is given the
same events gives the same effects.
"""

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from tfchain.base.codec import decode, encode
from tfchain.base.shapes import Hash, Nested, UInt, layout
from tfchain.base.units import Height, Millis, Round
from tfchain.bft.messages import MESSAGE_BYTES_MAX, AnyMessage, Message, Proposal, Vote
from tfchain.errors import Malformed
from tfchain.ledger.commit import Commit

EVENT_BYTES_MAX: Final = MESSAGE_BYTES_MAX + 32

NEW: Final = 0
"""Not started: messages are kept, nothing is voted."""
PROPOSE: Final = 1
PREVOTE_STEP: Final = 2
PRECOMMIT_STEP: Final = 3
COMMIT: Final = 4
"""Two thirds precommitted a block that is not here yet: only its arrival matters (1.1.13)."""
DECIDED: Final = 5
"""Steps of a height, in their order (consensus 1.1.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The pause after the last block is over: begin round 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalReceived:
    """A proposal whose signature is its proposer's, and when it came by this node's clock (P3)."""

    proposal: Annotated[Proposal, Nested(Proposal)]
    arrival_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockChecked:
    """The block's bytes are here and were checked against the state of its parent."""

    block_id: Hash
    valid: bool
    time_ms: Millis
    """The time in its header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteReceived:
    """A vote whose signature is its validator's."""

    vote: Annotated[Vote, Nested(Vote)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """A timer that was set has run out; it may be of a step long over."""

    height: Height
    round: Round
    step: Annotated[int, UInt(PROPOSE, PRECOMMIT_STEP)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The answer to `Build`: a fresh block of ours, held and valid."""

    round: Round
    block_id: Hash
    time_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The answer to `Sign`: the same message with our signature, already safe on disk (1.6.3)."""

    message: Annotated[Message, AnyMessage()]


Event: TypeAlias = (
    Started | ProposalReceived | BlockChecked | VoteReceived | TimedOut | Built | Signed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """Have our signature put on `message`; a signer that refuses simply never answers."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Give our signed message to everybody; with a proposal goes its block."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimer:
    """Answer with `TimedOut` of the same place after so long, by a clock that never jumps.

    Timers of different steps run side by side: a later one does not replace an earlier one of the
    same round. Those of rounds that are over may be dropped (1.4.5).
    """

    height: Height
    round: Round
    step: int
    ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Make a fresh block; answer with `Built`."""

    height: Height
    round: Round


@dataclass(frozen=True, slots=True, kw_only=True)
class WantBlock:
    """Two thirds named a block that is not here: fetch it, answer with `BlockChecked`."""

    block_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """The height is decided. Comes once; `commit` is what this node saw by then (1.8.1)."""

    round: Round
    block_id: bytes
    commit: Commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One validator signed two statements for one (height, round, kind): proof of a fault."""

    kind: int
    first: Message
    second: Message


Effect: TypeAlias = Sign | Send | SetTimer | Build | WantBlock | Decide | Conflict

EVENTS: Final[tuple[type[Event], ...]] = (
    Started,
    ProposalReceived,
    BlockChecked,
    VoteReceived,
    TimedOut,
    Built,
    Signed,
)
"""An event's tag in the log is its place here; the order never changes."""


def encode_event(event: Event) -> bytes:
    """The canonical bytes of an event, for the write-ahead log."""
    cls = type(event)
    return encode([EVENTS.index(cls), layout(cls).pack(event)])


def decode_event(raw: bytes) -> Event:
    """The event that `raw` spells; raises `Malformed`."""
    plain = decode(raw, EVENT_BYTES_MAX)
    if type(plain) is not list or len(plain) != 2 or type(plain[0]) is not int:
        raise Malformed("a tag and an event are due")
    if not 0 <= plain[0] < len(EVENTS):
        raise Malformed(f"there is no event {plain[0]}")
    return layout(EVENTS[plain[0]]).unpack(plain[1])
