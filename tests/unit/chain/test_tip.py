"""What a header is judged by: the tip, and nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.units import Address, Height, Millis, Power, Round
from tfchain.chain.execute import Outcome
from tfchain.chain.tip import Tip, check_header, input_of, next_block, next_tip
from tfchain.errors import InvalidBlock
from tfchain.ledger.block import Block, last_commit_hash, make_block, results_root
from tfchain.ledger.commit import FOR_BLOCK, Commit, CommitSlot
from tfchain.ledger.params import Params
from tfchain.ledger.validators import Validator, genesis_set, validator_address

REWARDS = Address(b"r" * 32)


def _validator(seed: int) -> Validator:
    key = Address(public_key(bytes([seed]) * 32))
    return Validator(
        address=validator_address(key), key=key, power=Power(1), reward_account=REWARDS
    )


@pytest.fixture
def tip() -> Tip:
    """Four validators, a hundred blocks."""
    validators = genesis_set([_validator(seed) for seed in range(1, 5)])
    return Tip(
        height=Height(100),
        block_id=b"i" * 32,
        time=Millis(5_000),
        state_root=b"s" * 32,
        results_root=b"t" * 32,
        last_validators=validators,
        validators=validators.stepped(),
        next_validators=validators.stepped().stepped(),
    )


def _commit(tip: Tip) -> Commit:
    slot = CommitSlot(flag=FOR_BLOCK, signature=bytes(64))
    return Commit(height=tip.height, round=Round(0), block_id=tip.block_id, slots=(slot,) * 4)


def _block(tip: Tip, params: Params) -> Block:
    proposer = tip.validators.proposer(Round(0)).address
    return next_block(tip, params, Millis(6_000), proposer, [b"tx"], _commit(tip))


def test_the_next_block_fits(tip: Tip, params: Params) -> None:
    check_header(tip, params, _block(tip, params))


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("chain_id", "x", "chain_id is not what height 100 leads to"),
        ("height", 102, "block 102: height is not"),
        ("time", 5_000, "time 5000 is not after 5000"),
        ("time", 4_999, "time 4999 is not after 5000"),
        ("time", (1 << 64) - 1, "time 18446744073709551615 is after the last period"),
        ("last_block_id", bytes(32), "last_block_id"),
        ("last_commit_hash", bytes(32), "last_commit_hash"),
        ("evidence_root", bytes(32), "evidence_root"),
        ("validators_hash", bytes(32), "validators_hash"),
        ("next_validators_hash", bytes(32), "next_validators_hash"),
        ("priorities_hash", bytes(32), "priorities_hash"),
        ("params_hash", bytes(32), "params_hash"),
        ("state_root", bytes(32), "state_root"),
        ("results_root", bytes(32), "results_root"),
        ("proposer", bytes(20), "the proposer is no validator"),
    ],
)
def test_every_field_is_looked_at_and_named(
    tip: Tip, params: Params, field: str, value: object, named: str
) -> None:
    """1.2.7, 1.5 A2: time grows, from the genesis time on."""
    block = _block(tip, params)
    header = replace(block.header, **{field: value})  # type: ignore[arg-type]
    with pytest.raises(InvalidBlock, match=named):
        check_header(tip, params, make_block(header, block.txs, block.last_commit))


def _short(commit: Commit) -> Commit:
    return replace(commit, slots=commit.slots[:3])


COMMITS: dict[str, tuple[Callable[[Commit], Commit | None], str]] = {
    "none": (lambda commit: None, "the last commit is not for block 100"),
    "of another height": (lambda c: replace(c, height=Height(99)), "is not for block 100"),
    "for another block": (lambda c: replace(c, block_id=bytes(32)), "is not for block 100"),
    "a slot too few": (_short, "3 slots for 4 validators"),
}


@pytest.mark.parametrize("case", COMMITS)
def test_a_block_carries_the_commit_of_the_one_before(tip: Tip, params: Params, case: str) -> None:
    change, named = COMMITS[case]
    block = _block(tip, params)
    assert block.last_commit is not None
    commit = change(block.last_commit)
    header = replace(block.header, last_commit_hash=last_commit_hash(commit))
    with pytest.raises(InvalidBlock, match=named):
        check_header(tip, params, make_block(header, block.txs, commit))


def test_the_first_block_carries_none(tip: Tip, params: Params) -> None:
    first = replace(tip, height=Height(0))
    proposer = tip.validators.proposer(Round(0)).address
    check_header(first, params, next_block(first, params, Millis(6_000), proposer, [], None))
    block = next_block(first, params, Millis(6_000), proposer, [], _commit(tip))
    with pytest.raises(InvalidBlock, match="the first block follows no commit"):
        check_header(first, params, block)


def test_a_block_is_as_long_as_the_chain_allows_and_no_longer(tip: Tip, params: Params) -> None:
    block = _block(tip, params)
    for most, fits in ((len(block.raw), True), (len(block.raw) - 1, False)):
        short = replace(params, consensus=replace(params.consensus, block_bytes=most))
        same = _block(tip, short)
        assert len(same.raw) == len(block.raw)
        if fits:
            check_header(tip, short, same)
            continue
        with pytest.raises(InvalidBlock, match=f"{len(block.raw)} bytes where at most {most}"):
            check_header(tip, short, same)


def test_execution_is_told_height_time_transactions_and_whom_fees_go_to(
    tip: Tip, params: Params
) -> None:
    step = input_of(tip, _block(tip, params))
    assert (step.height, step.time_ms, step.txs) == (101, 6_000, (b"tx",))
    assert step.reward_account == REWARDS


def test_a_tip_moves_on_with_the_turns(tip: Tip, params: Params) -> None:
    block = _block(tip, params)
    outcome = Outcome(
        codes=("ok",),
        results_root=results_root(["ok"]),
        state_root=b"n" * 32,
        table_roots=(),
        rows=(),
    )
    after = next_tip(tip, block, outcome)
    assert (after.height, after.block_id, after.time) == (101, block.id, 6_000)
    assert (after.state_root, after.results_root) == (b"n" * 32, results_root(["ok"]))
    assert after.last_validators == tip.validators
    assert after.validators == tip.validators.stepped()
