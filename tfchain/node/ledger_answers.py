"""Whole blocks, validators and what stands under a batch's roots, as JSON; `answers` says how."""

from collections.abc import Sequence

from tfchain.base.address import to_text
from tfchain.ledger.block import Block
from tfchain.ledger.commit import ABSENT, FOR_BLOCK, Commit
from tfchain.ledger.evidence import Evidence, twice_of
from tfchain.ledger.minting import STATES, Batch
from tfchain.ledger.validators import ValidatorSet
from tfchain.node import answers
from tfchain.node.answers import Json
from tfchain.node.ledger_views import BatchProof, BlockView, LeafProof, SealedAt, ValidatorsView
from tfchain.tx.registry import name_of
from tfchain.tx.transaction import decode_transaction

_FLAGS = {ABSENT: "absent", FOR_BLOCK: "signed"}


def block(view: BlockView) -> Json:
    """A block with its transactions; `signed` is what its signatures lead to."""
    plain = block_fields(view.signed.block, view.codes)
    slots = view.signed.commit.slots
    plain["round"] = view.signed.commit.round
    plain["signatures"] = [_FLAGS.get(slot.flag, "nil") for slot in slots]
    plain["signed"] = answers.signed(view.signed)
    return plain


def block_fields(whole: Block, codes: Sequence[str]) -> dict[str, Json]:
    """What a block's own bytes say, and the codes that its transactions came to."""
    header = answers.record(whole.header)
    return {
        "id": whole.id.hex(),
        **header,
        "bytes": len(whole.raw),
        "evidence": [_accusation(piece) for piece in whole.evidence],
        "txs": [_tx(raw, code) for raw, code in zip(whole.txs, codes, strict=True)],
    }


def _accusation(piece: Evidence) -> Json:
    """Who signed two statements at one place."""
    return {
        "validator": piece.validator.hex(),
        "twice": twice_of(piece),
        "height": piece.height,
        "round": piece.round,
    }


def _tx(raw: bytes, code: str) -> Json:
    found = decode_transaction(raw)
    envelope = found.envelope
    return {
        "id": found.id.hex(),
        "kind": name_of(envelope.kind),
        "sender": to_text(envelope.sender),
        "nonce": str(envelope.nonce),
        "fee": str(envelope.fee),
        "code": code,
    }


def validators(view: ValidatorsView) -> Json:
    """The validators of a height in the order of their slots, and who signed."""
    header, commit = view.signed.block.header, view.signed.commit
    return {
        "chain_id": header.chain_id,
        "height": header.height,
        "total_power": str(view.validators.total_power()),
        "quorum": str(view.validators.quorum()),
        "validators": [*members(view.validators, commit)],
        "signed": answers.signed(view.signed),
    }


def members(known: ValidatorSet, commit: Commit) -> list[dict[str, Json]]:
    """Each validator, its priority at this height, and what became of its vote."""
    rows = []
    for member, priority, slot in zip(
        known.validators, known.priorities, commit.slots, strict=True
    ):
        row = answers.record(member)
        row["power"] = str(member.power)
        row["priority"] = str(priority)
        row["vote"] = _FLAGS.get(slot.flag, "nil")
        rows.append(row)
    return rows


def batches(rows: Sequence[Batch]) -> Json:
    """Batches in a list: each with its windows and sums."""
    return {"batches": [_batch(row) for row in rows]}


def _batch(row: Batch) -> Json:
    plain = batch_fields(row)
    del plain["guardians"], plain["answers"]
    return plain


def batch_fields(row: Batch) -> dict[str, Json]:
    """A batch by its own row; what only the machine needs is left out."""
    plain = answers.record(row)
    del plain["frontier"], plain["mints_frontier"]
    plain["state"] = STATES[row.state]
    return plain


def sealed(rows: Sequence[SealedAt], limit: int) -> Json:
    """Batches by the block they sealed in; `next` is the height to go on from, null at the end.

    A page that is full ends with a whole block: the rows of its last one come again.
    """
    more = None
    if len(rows) == limit:
        more = rows[-1].height
        rows = [row for row in rows if row.height < more]
    return {"sealed": [answers.record(row) for row in rows], "next": more}


def batch_proof(view: BatchProof) -> Json:
    """What a batch has for a node, up to the roots that the proof of its row shows."""
    return {
        "table": view.table,
        "key": view.key.hex(),
        "receipt": _leaf(view.receipt),
        "mint": _leaf(view.mint),
        "batch": answers.proof(view.batch),
    }


def _leaf(view: LeafProof | None) -> Json:
    if view is None:
        return None
    return {
        "row": view.row.hex(),
        "index": view.index,
        "count": view.count,
        "path": [step.hex() for step in view.path],
    }
