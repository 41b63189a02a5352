"""Statements: the lines of a node's period add up to its receipt, whatever the node went through."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tfchain.base.shapes import encode_record
from tfchain.base.units import NodeId, PeriodIndex, Round, Seconds
from tfchain.chain import export_records as records
from tfchain.chain.execute import execute
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.chain.statement import Follower, Statement
from tfchain.chain.tip import genesis_tip, input_of, next_block, next_tip
from tfchain.errors import InvalidBlock, Malformed, Rejected
from tfchain.ledger.commit import FOR_BLOCK, Commit, CommitSlot
from tfchain.ledger.minting import SEALED
from tfchain.rules.regime import NOTHING_DUE
from tfchain.store.export import read_records
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, MakeChain

NODE = NodeId(1)
NOW = 1_700_000_000
FARMER, STRANGER, REPORTER = 1, 20, 5
Record = tuple[int, bytes]


class Rows(dict[bytes, bytes]):
    """State in memory."""

    def write(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        for key, value in rows:
            if value is None:
                self.pop(key, None)
            else:
                self[key] = value


def exported(chain: "Chain") -> list[Record]:
    """The chain's blocks under headers that fit; nobody signed their commits."""
    genesis = read_genesis(chain.text)
    rows, outcome = Rows(), genesis_outcome(genesis)
    rows.write(outcome.rows)
    tip, commit = genesis_tip(genesis, outcome), None
    found = [(records.GENESIS, records.genesis_record(chain.text))]
    for step in chain.blocks:
        proposer = tip.validators.proposer(Round(0)).address
        block = next_block(tip, genesis.params, step.time_ms, proposer, step.txs, commit)
        outcome = execute(rows, input_of(tip, block))
        rows.write(outcome.rows)
        tip = next_tip(tip, block, outcome)
        slots = tuple(
            CommitSlot(flag=FOR_BLOCK, signature=bytes(64)) for _ in tip.validators.validators
        )
        commit = Commit(height=tip.height, round=Round(0), block_id=block.id, slots=slots)
        found.append((records.BLOCK, block.raw))
    assert commit is not None
    return [*found, (records.LAST_COMMIT, encode_record(commit))]


def followed(chain: "Chain", period: int | None = 0, node: int = 1) -> Statement:
    follower = Follower(Rows(), (NodeId(node),))
    for kind, payload in exported(chain):
        follower.take(kind, payload)
    return follower.statement(NodeId(node), None if period is None else PeriodIndex(period))


def _power(chain: "Chain", second: int, up: bool) -> bytes:
    body = SetPowerState(node_id=NODE, t=Seconds(NOW + second), up=up)
    return chain.free(REPORTER, body)


def _target(chain: "Chain", up: bool, who: int = FARMER) -> bytes:
    return chain.tx(who, SetPowerTarget(node_id=NODE, up=up))


def told(statement: Statement) -> list[tuple[str, int, int, str]]:
    return [(line.what, line.credited, line.down, line.verdict) for line in statement.lines]


def test_where_no_period_of_the_nodes_own_ended_no_line_is_due(golden_folder: Path) -> None:
    follower = Follower(Rows(), [NodeId(1)])
    with (golden_folder / "devnet.tfc").open("rb") as file:
        for _, kind, payload in read_records(file):
            follower.take(kind, payload)
    shown = follower.statement(NodeId(1), PeriodIndex(0)).receipt
    assert follower._lines_of(NodeId(1), shown)
    idle = replace(shown, reason=NOTHING_DUE)
    assert follower._lines_of(NodeId(1), idle) == ()
    assert follower._downtimes(idle, ()) == ()


def test_every_node_of_a_devnet_is_credited_what_its_receipt_says(golden_folder: Path) -> None:
    nodes = [NodeId(number) for number in range(1, 13)]
    follower = Follower(Rows(), nodes)
    with (golden_folder / "devnet.tfc").open("rb") as file:
        for _, kind, payload in read_records(file):
            follower.take(kind, payload)
    for node in nodes:
        paid = follower.statement(node, PeriodIndex(0))
        assert sum(line.credited for line in paid.lines) == paid.credited == paid.receipt.uptime
        assert paid.settled
        assert paid.mint is not None
        assert paid.mint.amount == paid.receipt.amount
        assert paid.payout is not None
        length = paid.batch.end - paid.batch.start
        assert sum(until - since for since, until in paid.downtimes) == length - paid.credited
        assert not follower.statement(node).settled


def test_reports_and_a_reboot_are_told_with_the_time_between(chain: "Chain") -> None:
    chain.attend(1, 16, 28)
    chain.at(36, chain.report(1, 36, 4))
    statement = followed(chain)
    assert told(statement) == [
        ("report", 1, 0, "first"),
        ("report", 6, 0, "up"),
        ("report", 6, 0, "up"),
        ("report", 4, 4, "reboot"),
    ]
    assert [line.total for line in statement.lines] == [1, 7, 13, 17]
    last = statement.lines[-1]
    assert (last.since, last.until, last.uptime) == (NOW + 32, NOW + 36, 4)


def test_what_is_not_credited_is_down_up_to_the_last_block(chain: "Chain") -> None:
    chain.attend(1, 16, 28)
    chain.at(36, chain.report(1, 36, 4))
    chain.at(40)
    statement = followed(chain)
    assert statement.downtimes == ((NOW + 28, NOW + 32), (NOW + 36, NOW + 40))
    assert statement.payout is None


def test_a_silent_node_is_down_from_the_start(chain: "Chain") -> None:
    chain.at(16)
    assert followed(chain).downtimes == ((NOW + 15, NOW + 16),)


def test_a_violation_is_told_where_it_happened_with_its_evidence(chain: "Chain") -> None:
    chain.attend(1, 16, 22)
    chain.at(28, chain.report(1, 28, 500))
    statement = followed(chain)
    assert told(statement)[-1] == ("report", 0, 6, "violation: uptime_too_high")
    numbers = (NOW + 22, 22, NOW + 28, 500, NOW + 28)
    assert statement.receipt.evidence == numbers
    assert statement.receipt.amount == 0


def test_a_sleep_and_a_wake_have_their_verdicts(chain: "Chain") -> None:
    chain.attend(1, 16, 22)
    chain.at(24, _target(chain, up=False))
    chain.at(25, _power(chain, 25, up=False))
    chain.at(30, chain.report(1, 30, 30))
    chain.at(32, _target(chain, up=True))
    chain.at(33, _target(chain, up=True))
    chain.at(36, chain.report(1, 36, 2))
    chain.at(37, _power(chain, 37, up=True))
    assert told(followed(chain))[2:] == [
        ("asked to sleep", 0, 0, "noted"),
        ("sleep", 3, 0, "sleeps"),
        ("report", 0, 0, "counts for nothing"),
        ("asked to wake", 0, 0, "is to boot"),
        ("asked to wake", 0, 0, "noted"),
        ("report", 11, 0, "slept"),
        ("awake", 0, 0, "noted"),
    ]


@pytest.mark.parametrize(
    ("second", "uptime", "verdict"),
    [
        pytest.param(50, 2, "slow boot", id="a boot long after it was asked for"),
        pytest.param(50, 12, "slept too long", id="a sleep of more than a day"),
    ],
)
def test_a_sleep_that_is_not_paid_says_why(
    chain: "Chain", second: int, uptime: int, verdict: str
) -> None:
    chain.attend(1, 16, 22)
    chain.at(24, _target(chain, up=False))
    chain.at(25, _power(chain, 25, up=False))
    chain.at(34, _target(chain, up=True))
    chain.at(second, chain.report(1, second, uptime))
    assert told(followed(chain))[-1] == ("report", 0, 25, verdict)


def test_a_machine_that_just_goes_down_was_not_asked(chain: "Chain") -> None:
    chain.attend(1, 16, 22)
    chain.at(25, _power(chain, 25, up=False))
    assert told(followed(chain))[-1] == ("sleep", 0, 0, "down: was not asked to sleep")


def test_a_refused_wish_is_told_and_moves_nothing(chain: "Chain") -> None:
    chain.attend(1, 16, 22)
    (code,) = chain.at(24, _target(chain, up=False, who=STRANGER))
    assert told(followed(chain))[-1] == ("asked to sleep", 0, 0, f"refused: {code}")


def test_a_report_after_the_end_stands_in_both_periods(chain: "Chain") -> None:
    chain.attend(1, 16, 82)
    ended, running = followed(chain), followed(chain, None)
    assert (ended.batch.period, running.batch.period) == (0, 1)
    assert ended.lines[-1].until == NOW + 75
    assert ended.credited == 60
    assert running.credited == running.lines[-1].total == 7


def test_what_comes_after_the_receipt_is_not_in_the_statement(chain: "Chain") -> None:
    chain.attend(1, 16, 82)
    chain.at(88)
    chain.at(99)
    while chain.batch().state < SEALED:
        chain.run()
    assert chain.run(_target(chain, up=False)) == ("ok",)
    late = SetPowerState(node_id=NODE, t=Seconds(NOW + chain.second + 1), up=False)
    assert chain.run(chain.free(REPORTER, late)) == ("ok",)
    statement = followed(chain)
    assert statement.settled
    assert statement.receipt == chain.receipt(1)
    assert statement.credited == statement.receipt.uptime


def test_deeds_before_the_first_period_are_of_none(chain: "Chain") -> None:
    chain.at(5, chain.report(1, 5, 5))
    chain.at(16)
    assert followed(chain).lines == ()


def test_a_node_may_be_asked_to_sleep_in_the_block_that_registers_it(
    make_chain: "MakeChain",
) -> None:
    chain = make_chain()
    twin = chain.tx(FARMER, CreateTwin(relay="relay.example", public_key=b""))
    farm = chain.tx(FARMER, CreateFarm(name="first_farm"))
    node = chain.tx(FARMER, chain.registration(FARMER))
    assert chain.at(16, twin, farm, node, _target(chain, up=False)) == ("ok",) * 4
    assert told(followed(chain)) == [("asked to sleep", 0, 0, "noted")]


def test_unknown_nodes_and_periods_are_refused(chain: "Chain") -> None:
    chain.at(5)
    with pytest.raises(Rejected, match="no period has begun"):
        followed(chain, None)
    chain.at(16, chain.tx(FARMER, SetPowerTarget(node_id=NodeId(7), up=False)))
    for period, node, why in ((9, 1, "no period 9"), (0, 7, "node 7 is not on this chain")):
        with pytest.raises(Rejected, match=why):
            followed(chain, period, node)


def test_a_period_before_the_node_came_has_no_statement(chain: "Chain") -> None:
    chain.at(16)
    chain.at(76)
    twin = chain.tx(STRANGER, CreateTwin(relay="", public_key=b""))
    assert chain.run(twin, chain.tx(STRANGER, chain.registration(STRANGER))) == ("ok", "ok")
    with pytest.raises(Rejected, match="node 2 came after period 0"):
        followed(chain, 0, node=2)


def test_only_an_export_that_fits_together_is_followed(chain: "Chain") -> None:
    chain.run()
    first, one, two, *_ = exported(chain)
    follower = Follower(Rows(), (NODE,))
    with pytest.raises(Malformed, match="begins with its genesis"):
        follower.statement(NODE)
    with pytest.raises(Malformed, match="begins with its genesis"):
        follower.take(*one)
    follower.take(*first)
    with pytest.raises(InvalidBlock, match="block 2"):
        follower.take(*two)
    with pytest.raises(Malformed, match="nobody knows record kind 9"):
        follower.take(9, b"")
