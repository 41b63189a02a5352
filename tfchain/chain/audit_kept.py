"""Where an audit stands between two blocks, as bytes, so that it can go on another day.

The rows of the recomputed state are kept beside it by whoever brought them, and so are the second
program's chunks, which never change; everything else is here. Who keeps it vouches for the bytes.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.limits import GENESIS_BYTES_MAX
from tfchain.base.shapes import (
    U32,
    U64,
    Blob,
    Hash,
    Many,
    MaybeHash,
    Nested,
    Text,
    decode_record,
    encode_record,
)
from tfchain.base.units import U32_MAX, Height, PeriodIndex, ScheduleId
from tfchain.chain.audit_coins import SecondCoins
from tfchain.chain.audit_report import Found, MintingBlock, Report, Rows
from tfchain.chain.audit_second import KeptAnswer, SecondProgram
from tfchain.chain.columns.checkpoint import ChunkOf
from tfchain.chain.genesis import genesis_hash, read_genesis
from tfchain.chain.tip import Tip
from tfchain.errors import Unavailable
from tfchain.ledger.disputes import FixupEntry
from tfchain.ledger.evidence import AnyEvidence, Evidence

_KEPT_BYTES_MAX: Final = U32_MAX
_MANY: Final = U32_MAX


@dataclass(frozen=True, slots=True)
class Standing:
    """An audit between two blocks. It is the audit's own: what goes on with it changes it."""

    genesis_text: str
    tip: Tip
    trusted: tuple[int, bytes] | None
    """The trusted block, once it went by."""
    report: Report
    second: SecondProgram
    coins: SecondCoins


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMint:
    """A block with a mint transaction."""

    height: Height
    schedule: ScheduleId
    period: PeriodIndex
    root: Hash
    nodes: U32
    amount: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFixup:
    """What was minted for a receipt that was put right."""

    height: Height
    entry: Annotated[FixupEntry, Nested(FixupEntry)]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFault:
    """A piece of evidence, its block and the bond that it burned."""

    block: Height
    piece: Annotated[Evidence, AnyEvidence()]
    burned: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAudit:
    """All of it; only what an end adds to the report is not there."""

    genesis: Annotated[str, Text(1, GENESIS_BYTES_MAX)]
    tip: Annotated[Tip, Nested(Tip)]
    trusted_height: Height
    trusted_id: MaybeHash
    transactions: U64
    signatures: U64
    receipts_compared: U64
    supply_held: U64
    supply_burned: U64
    minting_blocks: Annotated[tuple[KeptMint, ...], Many(Nested(KeptMint), _MANY)]
    fixed: Annotated[tuple[KeptFixup, ...], Many(Nested(KeptFixup), _MANY)]
    faults: Annotated[tuple[KeptFault, ...], Many(Nested(KeptFault), _MANY)]
    answers: Annotated[tuple[KeptAnswer, ...], Many(Nested(KeptAnswer), _MANY)]
    columns: Annotated[bytes, Blob(0, _KEPT_BYTES_MAX)]
    coins: Annotated[bytes, Blob(0, _KEPT_BYTES_MAX)]


def passed(standing: Standing, trust: tuple[int, bytes] | None) -> bool:
    """Whether the block that is trusted went by and was the one; raises `Unavailable` if unknown."""
    if trust is None or trust[0] > standing.tip.height or trust == standing.trusted:
        return trust is not None and trust == standing.trusted
    if trust == (standing.tip.height, standing.tip.block_id):
        return True
    what = f"block {trust[0]} was audited before anybody asked whether it is the trusted one"
    remedy = "trust a later block, or audit from the beginning with another folder"
    raise Unavailable(what, f"the checkpoint after block {standing.tip.height}", remedy)


def encode_standing(standing: Standing) -> bytes:
    """Everything but the rows and the second program's chunks."""
    report, (height, block_id) = standing.report, standing.trusted or (0, b"")
    return encode_record(
        KeptAudit(
            genesis=standing.genesis_text,
            tip=standing.tip,
            trusted_height=Height(height),
            trusted_id=block_id,
            transactions=report.transactions,
            signatures=report.signatures,
            receipts_compared=report.receipts_compared,
            supply_held=report.supply_held,
            supply_burned=report.supply_burned,
            minting_blocks=tuple(map(_kept_mint, report.minting_blocks)),
            fixed=tuple(KeptFixup(height=Height(at), entry=entry) for at, entry in report.fixed),
            faults=tuple(
                KeptFault(block=Height(one.block), piece=one.piece, burned=one.burned)
                for one in report.faults
            ),
            answers=standing.second.answers(),
            columns=standing.second.columns.checkpoint_apart(),
            coins=standing.coins.kept(),
        )
    )


def decode_standing(raw: bytes, rows: Rows, chunk: ChunkOf) -> Standing:
    """What `encode_standing` spelled, beside the rows of that moment and the chunks; raises `Malformed`."""
    kept = decode_record(KeptAudit, raw, _KEPT_BYTES_MAX)
    genesis = read_genesis(kept.genesis)
    report = Report(
        chain_id=genesis.params.chain_id,
        genesis_hash=genesis_hash(genesis),
        transactions=kept.transactions,
        signatures=kept.signatures,
        minting_blocks=[_minting_block(one) for one in kept.minting_blocks],
        fixed=[(int(one.height), one.entry) for one in kept.fixed],
        receipts_compared=kept.receipts_compared,
        supply_genesis=genesis.supply(),
        supply_held=kept.supply_held,
        supply_burned=kept.supply_burned,
        faults=[Found(block=one.block, piece=one.piece, burned=one.burned) for one in kept.faults],
    )
    trusted = (int(kept.trusted_height), kept.trusted_id) if kept.trusted_id else None
    second = SecondProgram.resume(genesis, kept.columns, chunk, kept.answers)
    coins = SecondCoins.resume(genesis, rows, kept.coins)
    return Standing(kept.genesis, kept.tip, trusted, report, second, coins)


def _kept_mint(block: MintingBlock) -> KeptMint:
    return KeptMint(
        height=Height(block.height),
        schedule=ScheduleId(block.schedule),
        period=PeriodIndex(block.period),
        root=block.root,
        nodes=block.nodes,
        amount=block.amount,
    )


def _minting_block(kept: KeptMint) -> MintingBlock:
    return MintingBlock(
        height=kept.height,
        schedule=kept.schedule,
        period=kept.period,
        root=kept.root,
        nodes=kept.nodes,
        amount=kept.amount,
    )
