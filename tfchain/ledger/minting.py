"""Records of minting: batches, what guardians said of them, receipts, and the coins that came.

Everything is keyed by batch = (schedule, period) (P6).
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.crypto import digest
from tfchain.base.limits import GUARDIANS_MAX, NAME_BYTES_MAX, STELLAR_BYTES_MAX
from tfchain.base.shapes import U8, U16, U32, U64, Blob, Hash, Many, MaybeHash, Nested, Text, UInt
from tfchain.base.units import (
    U64_MAX,
    Address,
    FarmId,
    Height,
    MilliUsd,
    NodeId,
    PeriodIndex,
    PolicyId,
    ScheduleId,
    Seconds,
    TwinId,
    Utft,
)
from tfchain.ledger.records import Resources

OPEN: Final = 0
POST: Final = 1
COMMIT: Final = 2
SETTLING: Final = 3
SEALED: Final = 4
APPROVED: Final = 5
PAYING: Final = 6
PAID: Final = 7
DISPUTED: Final = 8
VOID: Final = 9
STATES: Final = (
    "open",
    "post",
    "commit",
    "settling",
    "sealed",
    "approved",
    "paying",
    "paid",
    "disputed",
    "void",
)
"""The life of a batch (P7); what is stored is the place in this list."""

UNSEALED_ENDED: Final = (POST, COMMIT, SETTLING)
"""States in which rows are kept as they were at the period's end (P8)."""

Frontier = Annotated[tuple[bytes, ...], Many(Blob(32, 32), 64)]

STEPS_MAX: Final = 64
"""Five integers for each period of a node's own: eight end in a batch at most, and one before it."""

RECEIPT_TAG: Final = b"receipt"
"""Tag of the proof-of-capacity tree; a receipt's leaf hash is its id on the ledger."""
MINT_TAG: Final = b"mint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one guardian's attestation came to."""

    guardian: Address
    agrees: bool
    """Whether root, total and count equal the ledger's own."""
    late: bool
    """Attested after the deadline without a commitment (P9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One period of one schedule on its way from open to paid."""

    schedule: ScheduleId
    period: PeriodIndex
    start: Seconds
    end: Seconds
    state: U8
    commit_until: Seconds
    attest_until: Seconds
    pay_at: Seconds
    node_last: NodeId
    """Highest node id at the period's end."""
    cursor: U32
    """Next node to settle; after the seal, next kept row to drop."""
    count: U32
    total: U64
    """Sum of the receipts' amounts, in utft."""
    frontier: Frontier
    root: MaybeHash
    """The proof-of-capacity hash, once sealed (P13)."""
    kept: U32
    """Rows kept as at the period's end and not dropped yet."""
    guardians: Annotated[tuple[Address, ...], Many(Blob(32, 32), GUARDIANS_MAX)]
    answers: Annotated[tuple[Answer, ...], Many(Nested(Answer), GUARDIANS_MAX)]
    payable: U64
    """What may be minted of `total`: less where the supply cap cuts (P15)."""
    pay_cursor: U32
    minted: U64
    mints_count: U32
    mints_frontier: Frontier
    mints_root: MaybeHash


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """A guardian's salted hash, given before the ledger shows its own root (P9)."""

    digest: Hash
    height: Height


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What a guardian says that it computed."""

    root: Hash
    total: U64
    count: U32
    height: Height


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a node is owed for a batch, with every integer of its own formula (P14)."""

    schedule: ScheduleId
    period: PeriodIndex
    node_id: NodeId
    twin_id: TwinId
    farm_id: FarmId
    farm_name: Annotated[str, Text(0, NAME_BYTES_MAX)]
    stellar_address: Annotated[str, Text(0, STELLAR_BYTES_MAX)]
    account: Address
    """Where the pay goes: the farm's payout account as at the period's end (P16)."""
    regime: U16
    start: Seconds
    end: Seconds
    uptime: Seconds
    uptime_permille: U16
    floor_permille: U16
    """Least uptime that is paid."""
    cru: U64
    mru: U64
    hru: U64
    sru: U64
    cu: U64
    su: U64
    nu: U64
    ip_seconds: U64
    policy_id: PolicyId
    price_cu: U32
    price_su: U32
    price_nu: U32
    price_ipv4: U32
    minimal_uptime: U16
    certified: bool
    connection_price: MilliUsd
    base_musd: U64
    """Before uptime; `musd` after it."""
    musd: U64
    violation: U8
    evidence: Annotated[tuple[int, ...], Many(UInt(0, U64_MAX), 16)]
    slow_boots: U8
    reason: Annotated[str, Text(0, 32)]
    """Why nothing is paid; empty where something is."""
    amount: Utft
    text_hash: MaybeHash
    """BLAKE2b-256 of the v3 text, for regimes that have one."""
    missed: U8 = 0
    """Periods below the contract's uptime in a row, with this one."""
    lock: U8 = 0
    """What has to happen before the coins are free, a place in `rules.regime.LOCKS`."""
    steps: Annotated[tuple[int, ...], Many(UInt(0, U64_MAX), STEPS_MAX)] = ()
    """Every other integer of the formula, in the order that the regime's file states."""
    in_use: Annotated[Resources, Nested(Resources)]
    """What users had of the node, as the mean over the batch's period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MintEntry:
    """One node's line in a mint transaction (P43)."""

    node_id: NodeId
    account: Address
    amount: Utft
    lock: U8
    """What the coins wait for, as on the receipt; `WITHHELD`: they never come to be."""
    receipt: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class MintRecord:
    """Coins that came into being: for which receipt, in which block."""

    schedule: ScheduleId
    period: PeriodIndex
    node_id: NodeId
    account: Address
    owed: Utft
    amount: Utft
    """Less than owed where the supply cap cut (P15)."""
    lock: U8
    receipt: Hash
    height: Height


def commitment_digest(root: bytes, total: int, count: int, salt: bytes) -> bytes:
    """What `commit_mint` carries: H(root, total, count, salt), each of fixed width (P9)."""
    return digest(b"tf/commitment", root, total.to_bytes(8, "big"), count.to_bytes(4, "big"), salt)
