"""The tip: what the next block must fit, and the check that it does.

Node, auditor and simulator hold one of these per chain; it is all that a header is judged by.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from tfchain.base.crypto import ZERO_HASH
from tfchain.base.shapes import Hash, Nested
from tfchain.base.units import U32_MAX, Address, Height, Millis, Seconds
from tfchain.chain.admit import seconds
from tfchain.chain.execute import Input, Outcome
from tfchain.chain.genesis import Genesis
from tfchain.errors import InvalidBlock
from tfchain.ledger.block import (
    Block,
    last_commit_hash,
    make_block,
    results_root,
    tx_root,
)
from tfchain.ledger.commit import Commit, check_tally
from tfchain.ledger.evidence import Evidence, evidence_root
from tfchain.ledger.header import Header
from tfchain.ledger.params import Params, ScheduleRow, params_hash
from tfchain.ledger.validators import ValidatorSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The last block and what it came to."""

    height: Height
    block_id: Hash
    time: Millis
    state_root: Hash
    results_root: Hash
    last_validators: Annotated[ValidatorSet, Nested(ValidatorSet)]
    """Those of this height, whose commit the next block carries."""
    validators: Annotated[ValidatorSet, Nested(ValidatorSet)]
    """Those of the next height."""
    next_validators: Annotated[ValidatorSet, Nested(ValidatorSet)]
    """Those of the height after it: what this block changed counts from there (1.10.1)."""


def genesis_tip(genesis: Genesis, outcome: Outcome) -> Tip:
    """The tip before the first block; its time is the genesis time."""
    validators = genesis.validator_set()
    return Tip(
        height=Height(0),
        block_id=ZERO_HASH,
        time=Millis(genesis.time * 1_000),
        state_root=outcome.state_root,
        results_root=results_root(()),
        last_validators=validators,
        validators=validators,
        next_validators=validators.stepped(),
    )


def next_tip(tip: Tip, block: Block, outcome: Outcome) -> Tip:
    """The tip once `block` has been executed."""
    members, coming = outcome.validators, tip.next_validators
    return Tip(
        height=block.header.height,
        block_id=block.id,
        time=block.header.time,
        state_root=outcome.state_root,
        results_root=outcome.results_root,
        last_validators=tip.validators,
        validators=coming,
        next_validators=coming.stepped() if members is None else coming.followed(members),
    )


def next_block(
    tip: Tip,
    params: Params,
    time: Millis,
    proposer: bytes,
    txs: Sequence[bytes],
    last_commit: Commit | None,
) -> Block:
    """A block on top of the tip, which accuses nobody."""
    due = _header(tip, params, time, proposer)
    header = replace(
        due,
        tx_root=tx_root(txs),
        last_commit_hash=last_commit_hash(last_commit),
    )
    return make_block(header, tuple(txs), last_commit)


def accusing(block: Block, pieces: tuple[Evidence, ...]) -> Block:
    """The same block with this evidence in it."""
    if pieces == block.evidence:
        return block
    header = replace(block.header, evidence_root=evidence_root(pieces))
    return make_block(header, block.txs, block.last_commit, pieces)


def _header(tip: Tip, params: Params, time: Millis, proposer: bytes) -> Header:
    """The header of an empty block that follows no commit; its body's roots are the caller's."""
    return Header(
        chain_id=params.chain_id,
        height=Height(tip.height + 1),
        time=time,
        last_block_id=tip.block_id,
        last_commit_hash=last_commit_hash(None),
        tx_root=tx_root(()),
        evidence_root=evidence_root(),
        validators_hash=tip.validators.hash(),
        next_validators_hash=tip.next_validators.hash(),
        priorities_hash=tip.validators.priorities_hash(),
        params_hash=params_hash(params),
        state_root=tip.state_root,
        results_root=tip.results_root,
        proposer=proposer,
    )


def check_header(tip: Tip, params: Params, block: Block) -> None:
    """Whether the header is the one that this tip asks for (consensus 1.2.7).

    The roots over its own body were checked when it was decoded. Signatures are the caller's:
    those of the last commit are `ledger.commit.signatures_of` with `tip.last_validators`.

    Raises:
        InvalidBlock: names the first field that differs.
    """
    header = block.header
    where = f"block {header.height}"
    for name, due in _due(tip, params, block):
        if getattr(header, name) != due:
            raise InvalidBlock(f"{where}: {name} is not what height {tip.height} leads to")
    if header.time <= tip.time:
        raise InvalidBlock(f"{where}: time {header.time} is not after {tip.time}")
    if any(_is_past(row, seconds(header.time)) for row in params.schedules):
        raise InvalidBlock(f"{where}: time {header.time} is after the last period")
    if tip.validators.index_of(header.proposer) is None:
        raise InvalidBlock(f"{where}: the proposer is no validator")
    if len(block.raw) > params.consensus.block_bytes:
        most = params.consensus.block_bytes
        raise InvalidBlock(f"{where}: {len(block.raw)} bytes where at most {most} are allowed")
    _check_last_commit(tip, block)


def _due(tip: Tip, params: Params, block: Block) -> tuple[tuple[str, object], ...]:
    """Fields of a header that its author does not choose, in their order."""
    return (
        ("chain_id", params.chain_id),
        ("height", tip.height + 1),
        ("last_block_id", tip.block_id),
        ("last_commit_hash", last_commit_hash(block.last_commit)),
        ("evidence_root", evidence_root(block.evidence)),
        ("validators_hash", tip.validators.hash()),
        ("next_validators_hash", tip.next_validators.hash()),
        ("priorities_hash", tip.validators.priorities_hash()),
        ("params_hash", params_hash(params)),
        ("state_root", tip.state_root),
        ("results_root", tip.results_root),
    )


def _is_past(row: ScheduleRow, now: Seconds) -> bool:
    """Periods are numbered with 32 bits: whoever runs a block must be able to open its period."""
    period = row.index_of(now)
    return period is not None and period > U32_MAX


def _check_last_commit(tip: Tip, block: Block) -> None:
    commit, where = block.last_commit, f"block {block.header.height}"
    if tip.height == 0:
        if commit is not None:
            raise InvalidBlock(f"{where}: the first block follows no commit")
        return
    if commit is None or (commit.height, commit.block_id) != (tip.height, tip.block_id):
        raise InvalidBlock(f"{where}: the last commit is not for block {tip.height}")
    check_tally(tip.last_validators, commit)


def input_of(tip: Tip, block: Block) -> Input:
    """The block as `execute` takes it: no header (P32)."""
    index = tip.validators.index_of(block.header.proposer)
    assert index is not None, "check_header came first"
    reward: Address = tip.validators.validators[index].reward_account
    return Input(
        height=block.header.height,
        time_ms=block.header.time,
        reward_account=reward,
        txs=block.txs,
        evidence=block.evidence,
        parent_root=tip.state_root,
    )
