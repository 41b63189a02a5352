"""What a replica asks for. The driver carries effects out in this order, each before the next.

`Verify`, `Execute` and `Save` may end later and out of order; their answers are events. Everything
else is done when the driver goes on, so that what must be on disk first is.
"""

from dataclasses import dataclass
from typing import TypeAlias

from tfchain.base.units import Height, Millis
from tfchain.bft.messages import Message
from tfchain.chain.execute import Checked, Input, Outcome, execute
from tfchain.chain.tip import Tip
from tfchain.ledger.block import Block
from tfchain.ledger.commit import Commit
from tfchain.ledger.state import Reader
from tfchain.replica.events import Timer
from tfchain.replica.snapshot_messages import Request
from tfchain.tx.transaction import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Append to the write-ahead log."""

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncLog:
    """What was logged is on disk before the next effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndLog:
    """The height is in the store: the log may begin anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """Ask the signer, which persists before it answers. A refusal is no answer."""

    message: Message
    text: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTo:
    """A message to one peer."""

    peer: bytes
    kind: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """A message to every peer."""

    kind: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """Send a peer up to `count` stored blocks from `height` on, each with its commit."""

    peer: bytes
    height: Height
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lend:
    """Send a peer what it asks for of light blocks or snapshots, if it is here."""

    peer: bytes
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimer:
    """Fire in so many milliseconds, by a clock that never jumps."""

    timer: Timer
    ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """Which of these signatures are genuine?"""

    number: int
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """Run a decided block on the state of its parent."""

    block: Block
    input: Input
    checked: Checked | None = None
    """What was found when its transactions were admitted; None where nobody remembers."""

    def run(self, reader: Reader) -> Outcome:
        """What the block comes to. `reader`: the rows of its parent's state."""
        checked = None if self.checked is None else self.checked.on(reader)
        return execute(reader, self.input, checked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Block, commit, state and results in one synced batch."""

    block: Block
    commit: Commit
    outcome: Outcome
    tip: Tip
    pending: bytes | None = None
    """The row of `replica.evidence.PENDING_KEY`, where it changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A height is on disk; whoever follows the chain may read it."""

    height: Height


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of a transaction that was handed in."""

    tx_id: bytes
    code: str
    """`ok` or the code of the refusal."""
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answers to a `Submitted`, in its order."""

    ticket: int
    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """A peer sent what no correct peer sends."""

    peer: bytes
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A validator signed two things for one place: proof of a fault, for people to see."""

    first: Message
    second: Message
    own: bool = False
    """Whether the key is ours: then a second node runs with it, and people must hear of it."""


Effect: TypeAlias = (
    Log
    | SyncLog
    | EndLog
    | Sign
    | SendTo
    | Broadcast
    | Serve
    | Lend
    | SetTimer
    | Verify
    | Execute
    | Save
    | Committed
    | Answer
    | Blame
    | Conflict
)
