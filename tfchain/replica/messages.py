"""What replicas say to each other: a number a kind, a bound each, checked before it is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.codec import decode, encode
from tfchain.base.limits import (
    BLOCK_BYTES_MAX,
    FRAME_BYTES_MAX,
    SUBMIT_TXS_MAX,
    SYNC_BLOCKS_MAX,
    TX_BYTES_MAX,
)
from tfchain.base.shapes import Nested, UInt, encode_record, layout
from tfchain.base.units import Height
from tfchain.bft.gossip import View
from tfchain.bft.messages import MESSAGE_BYTES_MAX, Proposal, Vote
from tfchain.errors import Malformed
from tfchain.ledger.commit import Commit
from tfchain.replica.evidence import PIECES_BYTES_MAX
from tfchain.replica.snapshot_messages import LIMITS as SNAPSHOT_LIMITS

STATUS: Final = 1
PROPOSAL: Final = 2
VOTE: Final = 3
TXS: Final = 4
GET_BLOCKS: Final = 5
BLOCKS: Final = 6
WANT: Final = 7
BLOCK: Final = 8
EVIDENCE: Final = 9
BASE: Final = 10

LIMITS: Final = {
    STATUS: 64 * 1024,
    PROPOSAL: BLOCK_BYTES_MAX + MESSAGE_BYTES_MAX + 16,
    VOTE: MESSAGE_BYTES_MAX,
    TXS: 1024 * 1024,
    GET_BLOCKS: 64,
    BLOCKS: FRAME_BYTES_MAX,
    WANT: 64,
    BLOCK: BLOCK_BYTES_MAX,
    EVIDENCE: PIECES_BYTES_MAX,
    BASE: 64,
    **SNAPSHOT_LIMITS,
}
"""Most bytes of each kind; the wire refuses longer ones before it reads them (consensus 1.16.1)."""

TXS_BYTES_MAX: Final = LIMITS[TXS] - TX_BYTES_MAX
"""Transactions are sent in messages of up to this many bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a replica stands: its last stored height, and what it holds of the next one."""

    tip: Height
    view: Annotated[View, Nested(View)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetBlocks:
    """A peer that is behind asks for blocks."""

    height: Height
    count: Annotated[int, UInt(1, SYNC_BLOCKS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The answer to who asks for blocks that were pruned, or never here: what there is begins here."""

    height: Height


def encode_proposal(proposal: Proposal, block: bytes) -> bytes:
    """A proposal with its whole block (P30)."""
    return encode([layout(Proposal).pack(proposal), block])


def decode_proposal(payload: bytes) -> tuple[Proposal, bytes]:
    """Proposal and block bytes; raises `Malformed`."""
    plain = decode(payload, LIMITS[PROPOSAL])
    if type(plain) is not list or len(plain) != 2 or type(plain[1]) is not bytes:
        raise Malformed("a proposal and a block are due")
    return layout(Proposal).unpack(plain[0]), plain[1]


def encode_vote(vote: Vote) -> bytes:
    """A vote."""
    return encode_record(vote)


def encode_txs(raws: Sequence[bytes]) -> list[bytes]:
    """Transactions in as many messages as their size needs."""
    messages, run, size = list[bytes](), list[bytes](), 0
    for raw in raws:
        if run and (size + len(raw) > TXS_BYTES_MAX or len(run) == SUBMIT_TXS_MAX):
            messages.append(encode(run))
            run, size = [], 0
        run.append(raw)
        size += len(raw) + 5
    return [*messages, encode(run)] if run else messages


def decode_txs(payload: bytes) -> list[bytes]:
    """Raw transactions; raises `Malformed`."""
    plain = decode(payload, LIMITS[TXS])
    if type(plain) is not list or len(plain) > SUBMIT_TXS_MAX:
        raise Malformed(f"a list of at most {SUBMIT_TXS_MAX} transactions is due")
    raws = [raw for raw in plain if type(raw) is bytes]
    if len(raws) != len(plain):
        raise Malformed("transactions are bytes")
    return raws


def encode_blocks(blocks: Sequence[tuple[bytes, Commit]]) -> bytes:
    """Stored blocks, each with a commit for it."""
    return encode([[raw, layout(Commit).pack(commit)] for raw, commit in blocks])


def decode_blocks(payload: bytes) -> list[tuple[bytes, Commit]]:
    """Block bytes and commits; raises `Malformed`."""
    plain = decode(payload, LIMITS[BLOCKS])
    if type(plain) is not list or not 0 < len(plain) <= SYNC_BLOCKS_MAX:
        raise Malformed(f"1 to {SYNC_BLOCKS_MAX} blocks are due")
    return [_block_with_commit(row) for row in plain]


def _block_with_commit(row: object) -> tuple[bytes, Commit]:
    if type(row) is not list or len(row) != 2 or type(row[0]) is not bytes:
        raise Malformed("a block and its commit are due")
    return row[0], layout(Commit).unpack(row[1])
