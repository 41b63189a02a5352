"""What a guardian and its second program say to each other, over two pipes.

A length of four bytes, then a kind and a record in canonical bytes. Every request has one answer, in
order. The program is a process of its own, so that recomputing a month never holds up a vote (P40).
"""

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from tfchain.base.codec import Plain, decode, encode
from tfchain.base.limits import (
    BLOCK_BYTES_MAX,
    GENESIS_BYTES_MAX,
    MINT_TX_BYTES_MAX,
    RECORD_BYTES_MAX,
)
from tfchain.base.shapes import U32, U64, Blob, Hash, Many, MaybeHash, Text, layout
from tfchain.base.units import Height, Millis, PeriodIndex, ScheduleId
from tfchain.errors import Malformed
from tfchain.ledger.block import TXS_MAX
from tfchain.net.frames import frame

CODE_BYTES_MAX: Final = 64
NOTE_BYTES_MAX: Final = 1024
SHOWN_MAX: Final = 64
"""Receipts in one answer."""
MESSAGE_BYTES_MAX: Final = BLOCK_BYTES_MAX + TXS_MAX * (CODE_BYTES_MAX + 8)
"""A whole block's transactions with a code for each; more than `SHOWN_MAX` receipts need less."""

Note = Annotated[str, Text(0, NOTE_BYTES_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Start from the checkpoint, if it is this chain's and not above `height_max`."""

    genesis: Annotated[bytes, Blob(1, GENESIS_BYTES_MAX)]
    height_max: Height


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """The next block."""

    height: Height
    time: Millis
    txs: Annotated[tuple[bytes, ...], Many(Blob(1, MINT_TX_BYTES_MAX), TXS_MAX)]
    codes: Annotated[tuple[str, ...], Many(Text(1, CODE_BYTES_MAX), TXS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """What does this period come to?"""

    schedule: ScheduleId
    period: PeriodIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """The period's receipts from the place `first` on, `SHOWN_MAX` at most."""

    schedule: ScheduleId
    period: PeriodIndex
    first: U32


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Write the checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """The period and those before it are not needed any more."""

    schedule: ScheduleId
    period: PeriodIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Done; the last block that was taken is `height`."""

    height: Height
    checkpoint: MaybeHash
    """Hash of the checkpoint that was loaded or written."""
    note: Note
    """What a person should know, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """What the period comes to."""

    root: Hash
    total: U64
    count: U32


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Receipts as their bytes, in node order."""

    receipts: Annotated[tuple[bytes, ...], Many(Blob(1, RECORD_BYTES_MAX), SHOWN_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """It cannot be told, and why."""

    reason: Note


Request: TypeAlias = Begin | Take | Compute | Show | Keep | Forget
Answer: TypeAlias = Standing | Computed | Shown | Refused

REQUESTS: Final[dict[int, type[Request]]] = {
    1: Begin,
    2: Take,
    3: Compute,
    4: Show,
    5: Keep,
    6: Forget,
}
ANSWERS: Final[dict[int, type[Answer]]] = {1: Standing, 2: Computed, 3: Shown, 4: Refused}
_NUMBERS: Final = {cls: number for kinds in (REQUESTS, ANSWERS) for number, cls in kinds.items()}


def frame_of(message: Request | Answer) -> bytes:
    """The whole frame."""
    cls = type(message)
    return frame(encode([_NUMBERS[cls], layout(cls).pack(message)]))


def read_request(body: bytes) -> Request:
    """The request in a frame's body; raises `Malformed`."""
    number, plain = _opened(body)
    cls = REQUESTS.get(number)
    if cls is None:
        raise Malformed(f"nobody knows request {number}")
    return layout(cls).unpack(plain)


def read_answer(body: bytes) -> Answer:
    """The answer in a frame's body; raises `Malformed`."""
    number, plain = _opened(body)
    cls = ANSWERS.get(number)
    if cls is None:
        raise Malformed(f"nobody knows answer {number}")
    return layout(cls).unpack(plain)


def noted(text: str) -> str:
    """As much of a text as a note has room for."""
    return text.encode("utf-8", "replace")[:NOTE_BYTES_MAX].decode("utf-8", "ignore")


def _opened(body: bytes) -> tuple[int, Plain]:
    plain = decode(body, MESSAGE_BYTES_MAX)
    if type(plain) is not list or len(plain) != 2 or type(plain[0]) is not int:
        raise Malformed("a message is a list of kind and record")
    return plain[0], plain[1]
