"""Headers: what validators sign by way of the block id, and which of its fields they do not choose."""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.crypto import digest
from tfchain.base.limits import BLOCK_BYTES_MAX, PART_BYTES
from tfchain.base.shapes import Blob, Hash, Text, UInt, encode_record
from tfchain.base.units import Height, Millis

PARTS_MAX: Final = BLOCK_BYTES_MAX // PART_BYTES
PartCount = Annotated[int, UInt(1, PARTS_MAX)]

GIVEN: Final = (
    "chain_id",
    "last_block_id",
    "validators_hash",
    "next_validators_hash",
    "priorities_hash",
    "params_hash",
    "state_root",
    "results_root",
)
"""What the blocks before a height lead to. Whoever proposes only repeats it: time, transactions,
evidence, the last commit and the proposer are its choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What validators sign, by way of the block id. `VERSION` selects the rule set (P28)."""

    chain_id: Annotated[str, Text(1, 64)]
    height: Height
    time: Millis
    """Proposer's, strictly growing (P3)."""
    last_block_id: Hash
    last_commit_hash: Hash
    tx_root: Hash
    evidence_root: Hash
    validators_hash: Hash
    next_validators_hash: Hash
    priorities_hash: Hash
    """The proposers' order after this height's single step (P31)."""
    params_hash: Hash
    state_root: Hash
    """After the block before this one: nobody executes before voting."""
    results_root: Hash
    proposer: Annotated[bytes, Blob(20, 20)]
    """First author; stays on re-proposal (P31)."""


def given_of(header: Header) -> tuple[object, ...]:
    """The `GIVEN` fields: equal in all blocks of a height that stand on one history."""
    return tuple(getattr(header, name) for name in GIVEN)


def header_hash(header: Header) -> bytes:
    """The hash over a header's canonical bytes."""
    return digest(b"tf/header", encode_record(header))


def id_of_parts(header: Header, count: int, root: bytes) -> bytes:
    """H(header hash, part count, part root) over 64 KiB parts of the whole block (P30)."""
    return digest(b"tf/block-id", header_hash(header), count.to_bytes(4, "big"), root)
