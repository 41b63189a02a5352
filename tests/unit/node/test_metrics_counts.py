"""What a node counts: votes by validator, for as long as each is one; and its files, which come and go."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from tfchain.base.address import to_text
from tfchain.base.crypto import public_key
from tfchain.base.units import Address, Height, Round
from tfchain.chain.tip import Tip
from tfchain.errors import Unavailable
from tfchain.ledger.block import Block
from tfchain.ledger.commit import ABSENT, FOR_BLOCK, FOR_NIL, Commit, CommitSlot
from tfchain.ledger.validators import Validator, ValidatorSet
from tfchain.node.home import Home
from tfchain.node.metrics import Metrics
from tfchain.node.metrics_page import measured
from tfchain.node.node import Node

RunNode = Callable[..., AbstractAsyncContextManager[Node]]
KEYS = tuple(Address(public_key(bytes([number]) * 32)) for number in range(1, 4))


def of(tip: Tip, *keys: Address) -> Tip:
    """The tip, were these the validators of its block."""
    known = tip.last_validators.validators[0]
    rows: list[Validator] = [replace(known, key=key) for key in keys]
    members = ValidatorSet(validators=tuple(rows), priorities=(0,) * len(rows))
    return replace(tip, last_validators=members)


def with_votes(block: Block, *flags: int) -> Block:
    slots = tuple(CommitSlot(flag=flag, signature=b"") for flag in flags)
    commit = Commit(height=Height(1), round=Round(0), block_id=bytes(32), slots=slots)
    return replace(block, last_commit=commit)


def missed(metrics: Metrics) -> dict[str, float]:
    (family,) = [one for one in metrics.registry.collect() if one.name == "tfchain_missed_votes"]
    rows = [one for one in family.samples if one.name.endswith("_total")]
    return {one.labels["validator"]: one.value for one in rows}


@pytest.fixture
async def last(home: Home, running: RunNode) -> tuple[Tip, Block]:
    """A tip and its block."""
    async with running(home) as node:
        await node.heads.wait_for(2)
        tip = node.pump.replica.tip
        block = node.disk.chain.block(tip.height)
        assert block is not None
        return tip, block


async def test_only_who_is_silent_misses_a_vote(last: tuple[Tip, Block]) -> None:
    tip, block = last
    metrics, names = Metrics(), [to_text(key) for key in KEYS]
    metrics.count_votes(of(tip, *KEYS), replace(block, last_commit=None))
    assert missed(metrics) == dict.fromkeys(names, 0)
    metrics.count_votes(of(tip, *KEYS), with_votes(block, FOR_BLOCK, FOR_NIL, ABSENT))
    metrics.count_votes(of(tip, *KEYS), with_votes(block, FOR_BLOCK, ABSENT, ABSENT))
    assert missed(metrics) == dict(zip(names, (0, 1, 2), strict=True))


async def test_who_is_no_validator_any_more_is_not_shown_any_more(last: tuple[Tip, Block]) -> None:
    tip, block = last
    metrics = Metrics()
    metrics.count_votes(of(tip, *KEYS[:2]), with_votes(block, ABSENT, ABSENT))
    metrics.count_votes(of(tip, *KEYS[1:]), with_votes(block, FOR_BLOCK, ABSENT))
    assert missed(metrics) == {to_text(KEYS[1]): 1, to_text(KEYS[2]): 1}


def test_a_file_that_goes_while_it_is_measured_counts_nothing(home: Home) -> None:
    home.store.mkdir()
    (home.store / "one").write_bytes(bytes(1_000))
    (home.store / "two").symlink_to(home.store / "gone")
    found = measured(home)
    assert found.database == 1_000
    assert found.free > 0


def test_a_database_that_is_away_is_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot measure the database"):
        measured(home)
    assert tmp_path in home.store.parents
