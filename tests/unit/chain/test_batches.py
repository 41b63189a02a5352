"""The life of a period: each state at its second, halts of any length, and never too much in a block.

A devnet's first period lasts from second 15 to 75; its post window to 87, its commit window to 97.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import Address, PeriodIndex, ScheduleId, Seconds
from tfchain.chain import batches
from tfchain.ledger import tables
from tfchain.ledger.minting import (
    APPROVED,
    COMMIT,
    DISPUTED,
    OPEN,
    PAID,
    PAYING,
    POST,
    SEALED,
    SETTLING,
    STATES,
    Batch,
)
from tfchain.ledger.records import ScheduleState
from tfchain.ledger.state import State

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, MakeChain

FARMER, GUARDIANS = 1, (2, 3, 4)
AddSchedule = Callable[..., tuple[str, str]]


def _settled(chain: "Chain", *, answer: bool = True) -> None:
    """Node 1 is up for all of period 0; guardians commit at 90 and attest at 100."""
    chain.attend(1, 15, 75)
    chain.at(87)
    chain.at(90, *chain.commitments())
    chain.at(97)
    if answer:
        assert chain.at(100, *chain.attestations()) == ("ok",) * 3


def test_each_state_begins_at_its_second(chain: "Chain") -> None:
    chain.at(14)
    assert not chain.has_batch(0)
    seen = {}
    plan: dict[int, Callable[[], list[bytes]]] = {88: chain.commitments, 100: chain.attestations}
    for second in (15, 74, 75, 86, 87, 88, 96, 97, 100, 103, 104):
        chain.at(second, *plan.get(second, list)())
        seen[second] = STATES[chain.batch().state]
    assert seen == {
        15: "open",
        74: "open",
        75: "post",
        86: "post",
        87: "commit",
        88: "commit",
        96: "commit",
        97: "sealed",  # one node: settled and sealed in the first block after the window
        100: "approved",
        103: "approved",
        104: "paid",
    }


def test_a_batch_knows_its_deadlines(chain: "Chain") -> None:
    start = chain.genesis.time
    _settled(chain)
    batch = chain.batch()
    assert (batch.start, batch.end) == (start + 15, start + 75)
    assert batch.commit_until == start + 97
    assert batch.attest_until == start + 127
    assert batch.pay_at == start + 104
    assert batch.guardians == chain.genesis.guardians


def test_windows_count_from_the_block_that_opens_them(chain: "Chain") -> None:
    """After a halt guardians have their whole window, and so have their attestations."""
    chain.at(20)
    chain.at(93)
    assert chain.batch().state == COMMIT
    chain.at(102)
    assert chain.batch().state == COMMIT
    chain.at(110)
    assert chain.batch().state == SEALED
    assert chain.batch().attest_until == chain.genesis.time + 140
    chain.at(139)
    assert chain.batch().state == SEALED
    chain.at(140)
    assert chain.batch().state == DISPUTED


def test_only_nodes_of_before_the_end_are_settled(chain: "Chain") -> None:
    chain.at(74)
    chain.plant([60, 60])
    chain.at(75)
    chain.plant([60])
    chain.at(87)
    chain.at(97)
    assert chain.batch().node_last == 3
    assert chain.batch().count == 3


def _to(chain: "Chain", state: int) -> None:
    """Bring period 0 into a state; settling and paying stop half way through five nodes."""
    chain.at(15)
    chain.plant([60, 60, 60, 60])
    seconds = {OPEN: 40, POST: 80, COMMIT: 90, SETTLING: 97, SEALED: 99}
    chain.until(min(seconds.get(state, 99), 90))
    if state in (COMMIT, SETTLING, SEALED, APPROVED, PAYING, PAID):
        chain.run(*chain.commitments())
    if state > COMMIT:
        chain.until(seconds.get(state, 99))
    if state == DISPUTED:
        chain.until(129)
    if state in (APPROVED, PAYING, PAID):
        chain.run(*chain.attestations())
    if state in (PAYING, PAID):
        chain.until(104 if state == PAYING else 105)
    assert chain.batch().state == state, STATES[chain.batch().state]


HALTS = [
    pytest.param(OPEN, COMMIT, id="while open: guardians still get their window"),
    pytest.param(POST, COMMIT, id="in the post window"),
    pytest.param(COMMIT, SETTLING, id="in the commit window"),
    pytest.param(SETTLING, SEALED, id="while settling"),
    pytest.param(SEALED, DISPUTED, id="when sealed"),
    pytest.param(APPROVED, PAYING, id="when approved"),
    pytest.param(PAYING, PAID, id="while paying"),
    pytest.param(PAID, PAID, id="when paid"),
    pytest.param(DISPUTED, DISPUTED, id="when disputed"),
]


@pytest.mark.parametrize(("before", "after"), HALTS)
def test_a_halt_of_months_breaks_nothing(make_chain: "MakeChain", before: int, after: int) -> None:
    chain: Chain = make_chain(("settle_nodes = 500", "settle_nodes = 3"))
    chain.found()
    _to(chain, before)
    chain.at(100_000)
    assert STATES[chain.batch().state] == STATES[after]
    chain.until(100_020)
    assert chain.batch().state in (SEALED, DISPUTED, PAID)
    answers = [who for who in GUARDIANS if not any(chain.batch().answers)]
    if chain.batch().state == SEALED:
        chain.at(100_060)
    chain.run(*[chain.attestation(who) for who in answers])
    chain.until(chain.second + 10)
    assert chain.batch().state == PAID
    assert chain.batch().minted == chain.batch().total == 4 * chain.receipt(2).amount > 0


@pytest.mark.parametrize("state", range(9), ids=STATES[:9])
def test_periods_without_a_block_leave_no_rows(make_chain: "MakeChain", state: int) -> None:
    chain: Chain = make_chain(("settle_nodes = 500", "settle_nodes = 3"))
    chain.found()
    _to(chain, state)
    last = 0 if state == OPEN else 1
    chain.at(6_000)
    known = [period for period in range(120) if chain.has_batch(period)]
    assert known == [*range(last + 1), 99]


def test_a_halt_before_the_first_period_opens_none_but_the_present(chain: "Chain") -> None:
    chain.at(1_005)
    assert [period for period in range(20) if chain.has_batch(period)] == [16]
    assert chain.live() == (16,)


def test_a_period_opens_once(chain: "Chain") -> None:
    chain.at(15)
    before = chain.batch()
    chain.until(40)
    assert chain.batch() == before
    assert chain.live() == (0,)


def test_settling_takes_a_bounded_number_of_nodes_a_block(make_chain: "MakeChain") -> None:
    chain: Chain = make_chain(("settle_nodes = 500", "settle_nodes = 3"))
    chain.found()
    chain.at(15)
    chain.plant([60] * 9)
    chain.until(96)
    seen = []
    for second in range(97, 102):
        chain.at(second)
        batch = chain.batch()
        seen.append((STATES[batch.state], batch.cursor, batch.count))
    assert seen == [
        ("settling", 4, 3),
        ("settling", 7, 6),
        ("settling", 10, 9),
        ("sealed", 11, 10),
        ("sealed", 11, 10),
    ]


def test_paying_takes_a_bounded_number_of_nodes_a_block(make_chain: "MakeChain") -> None:
    chain: Chain = make_chain(("settle_nodes = 500", "settle_nodes = 3"))
    chain.found()
    _to(chain, APPROVED)
    seen = []
    for second in range(104, 107):
        chain.at(second)
        batch = chain.batch()
        seen.append((STATES[batch.state], batch.pay_cursor, batch.mints_count))
    assert seen == [("paying", 4, 3), ("paid", 6, 5), ("paid", 6, 5)]


def test_settling_and_paying_share_one_budget_in_batch_order(make_chain: "MakeChain") -> None:
    """P11: the older batch first, whatever it does; the next gets what is left, or nothing."""
    chain: Chain = make_chain(("settle_nodes = 500", "settle_nodes = 3"))
    chain.found()
    _to(chain, APPROVED)

    def write(state: State) -> None:
        first = chain.batch()
        second = replace(
            first, period=PeriodIndex(1), state=SETTLING, cursor=1, count=0, frontier=(), total=0
        )
        tables.BATCHES.put(state, tables.batch_key(ScheduleId(0), PeriodIndex(1)), second)

    chain.change(write)
    seen = []
    for second in (104, 105, 106):
        now = Seconds(chain.genesis.time + second)
        settling, minting = batches.plan(chain.state(), chain.params, now)
        seen.append(([share.nodes for share in settling], [share.nodes for share in minting]))
        chain.at(second)
    assert seen == [([0], [3]), ([1], [2]), ([3], [])]
    assert (chain.batch(1).state, chain.batch(1).cursor) == (SETTLING, 5)


def test_a_batch_without_nodes_passes_through_all_states(make_chain: "MakeChain") -> None:
    chain: Chain = make_chain()
    chain.until(88)
    chain.run(*chain.commitments())
    chain.until(98)
    assert (chain.batch().state, chain.batch().count, chain.batch().total) == (SEALED, 0, 0)
    chain.run(*chain.attestations())
    chain.until(105)
    assert chain.batch().state == PAID
    assert chain.outcome.codes == ()


# --- disputes -------------------------------------------------------------------------------------


def test_without_quorum_at_the_deadline_a_batch_is_disputed(chain: "Chain") -> None:
    """Two of three are not more than two thirds (P10)."""
    _settled(chain, answer=False)
    chain.at(100, chain.attestation(2), chain.attestation(3))
    chain.at(126)
    assert chain.batch().state == SEALED
    chain.at(127)
    assert chain.batch().state == DISPUTED
    assert chain.live() == (1,)
    supply = chain.totals().minted_ever
    chain.until(140)
    assert chain.totals().minted_ever == supply


def test_a_late_equal_attestation_revives_a_disputed_batch(chain: "Chain") -> None:
    _settled(chain, answer=False)
    chain.at(100, chain.attestation(2), chain.attestation(3))
    chain.at(127)
    before = chain.balance(FARMER)
    assert chain.at(200, chain.attestation(4)) == ("ok",)
    assert chain.batch().state == APPROVED
    assert chain.batch().pay_at == chain.genesis.time + 204
    assert chain.live()[0] == 0
    chain.at(203)
    assert chain.balance(FARMER) == before
    chain.at(204)
    assert chain.batch().state == PAID
    assert chain.balance(FARMER) == before + chain.receipt(1).amount
    assert 0 not in chain.live()


def test_wrong_answers_do_not_approve_and_may_be_replaced(chain: "Chain") -> None:
    _settled(chain, answer=False)
    chain.at(127, *[chain.attestation(who, total=1) for who in GUARDIANS])
    assert [answer.agrees for answer in chain.batch().answers] == [False] * 3
    assert chain.batch().state == DISPUTED
    chain.at(128, *chain.attestations())
    assert chain.batch().state == APPROVED


# --- more than one --------------------------------------------------------------------------------


def test_two_schedules_live_side_by_side(
    make_chain: "MakeChain", second_schedule: AddSchedule
) -> None:
    chain: Chain = make_chain(second_schedule())
    chain.found()
    chain.at(15)
    chain.plant([60], schedule=1)
    chain.plant([57])
    chain.at(87)
    chain.at(88, *chain.commitments(), *chain.commitments(schedule=1))
    chain.at(97)
    counts = [(chain.batch(0, number).count, chain.batch(0, number).total) for number in (0, 1)]
    assert counts == [(2, chain.receipt(3).amount), (1, chain.receipt(2, 0, 1).amount)]
    chain.at(98, *chain.attestations(), *chain.attestations(schedule=1))
    chain.at(102)
    assert [chain.batch(0, number).state for number in (0, 1)] == [PAID, PAID]
    assert chain.totals().reserved == 0


def test_a_full_list_of_batches_waits_and_nothing_breaks(chain: "Chain") -> None:
    """Batches pile up where there are too many nodes for the budget; the next period opens late."""
    chain.at(15)

    def fill(state: State) -> None:
        stuck = replace(chain.batch(), state=SEALED, attest_until=Seconds(1 << 40))
        for period in range(batches.LIVE_MAX):
            row: Batch = replace(stuck, period=PeriodIndex(period))
            tables.BATCHES.put(state, tables.batch_key(ScheduleId(0), row.period), row)
        every = tuple(PeriodIndex(period) for period in range(batches.LIVE_MAX))
        full = ScheduleState(running=every[-1], live=every)
        tables.SCHEDULES.put(state, tables.schedule_key(ScheduleId(0)), full)

    chain.change(fill)
    second = 15 + 60 * batches.LIVE_MAX
    chain.at(second)
    assert not chain.has_batch(batches.LIVE_MAX)

    def free(state: State) -> None:
        first = tables.batch_key(ScheduleId(0), PeriodIndex(0))
        dead = replace(chain.batch(), attest_until=Seconds(0))
        tables.BATCHES.put(state, first, dead)

    chain.change(free)
    chain.at(second + 30)
    late = chain.batch(batches.LIVE_MAX)
    assert (late.state, late.start) == (OPEN, chain.genesis.time + second)
    assert chain.live() == tuple(range(1, batches.LIVE_MAX + 1))


def test_guardians_are_those_of_the_seal(
    chain: "Chain", address_of: Callable[[int], Address]
) -> None:
    _settled(chain, answer=False)
    assert chain.batch().guardians == tuple(sorted(address_of(who) for who in GUARDIANS))
