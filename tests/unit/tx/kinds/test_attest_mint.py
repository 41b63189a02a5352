"""commit_mint and attest_mint: commit, reveal, and more than two thirds (P9, P10)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tfchain.base.units import Address, NodeId, PeriodIndex, ScheduleId, Seconds
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
    Answer,
    Attestation,
    Batch,
    Commitment,
    commitment_digest,
)
from tfchain.ledger.params import Params
from tfchain.ledger.records import Guardians, ScheduleState
from tfchain.ledger.state import State
from tfchain.tx.disputes import REVIVED_MAX
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.commit_mint import CommitMint

Act = Callable[..., str]
DEADLINE = 1_700_000_100
EARLY, LATE = DEADLINE - 1, DEADLINE
ROOT, TOTAL, COUNT, SALT = bytes([1]) * 32, 5_000, 12, bytes([2]) * 32
NAME = tables.batch_key(ScheduleId(0), PeriodIndex(0))
STRANGER = Address(bytes([99]) * 32)


def guardian(number: int) -> Address:
    return Address(bytes([number]) * 32)


def attest(**changes: object) -> AttestMint:
    honest = AttestMint(
        schedule=ScheduleId(0),
        period=PeriodIndex(0),
        root=ROOT,
        total=TOTAL,
        count=COUNT,
        salt=SALT,
    )
    return replace(honest, **changes)  # type: ignore[arg-type]


def commit(said: AttestMint | None = None, period: int = 0) -> CommitMint:
    of = said or attest()
    digest = commitment_digest(of.root, of.total, of.count, of.salt)
    return CommitMint(schedule=ScheduleId(0), period=PeriodIndex(period), digest=digest)


@pytest.fixture
def put_batch(state: State) -> Callable[[int, int], None]:
    """Put batch 0 with so many guardians into a state; only what still moves is on the list."""

    def put(stage: int, guardians: int) -> None:
        accounts = tuple(guardian(number) for number in range(1, guardians + 1))
        tables.GUARDIANS.put(state, tables.SINGLE, Guardians(accounts=accounts))
        sealed = stage >= SEALED
        batch = replace(
            blank(),
            state=stage,
            root=ROOT if sealed else b"",
            guardians=accounts if sealed else (),
        )
        tables.BATCHES.put(state, NAME, batch)
        live = () if stage in {PAID, DISPUTED} else (PeriodIndex(0),)
        put_live(state, live)

    return put


def blank() -> Batch:
    return Batch(
        schedule=ScheduleId(0),
        period=PeriodIndex(0),
        start=Seconds(1_700_000_000),
        end=Seconds(1_700_000_060),
        state=OPEN,
        commit_until=Seconds(0),
        attest_until=Seconds(DEADLINE),
        pay_at=Seconds(0),
        node_last=NodeId(COUNT),
        cursor=1,
        count=COUNT,
        total=TOTAL,
        frontier=(),
        root=b"",
        kept=0,
        guardians=(),
        answers=(),
        payable=0,
        pay_cursor=1,
        minted=0,
        mints_count=0,
        mints_frontier=(),
        mints_root=b"",
    )


def put_live(state: State, live: tuple[PeriodIndex, ...]) -> None:
    row = ScheduleState(running=PeriodIndex(0), live=live)
    tables.SCHEDULES.put(state, tables.schedule_key(ScheduleId(0)), row)


def live_of(state: State) -> tuple[int, ...]:
    return tables.SCHEDULES.need(state, tables.schedule_key(ScheduleId(0))).live


def batch_of(state: State) -> Batch:
    return tables.BATCHES.need(state, NAME)


Put = Callable[[int, int], None]


@pytest.mark.parametrize("stage", range(len(STATES)), ids=STATES)
def test_commitments_have_one_window(state: State, act: Act, put_batch: Put, stage: int) -> None:
    put_batch(stage, 3)
    code = "ok" if stage == COMMIT else "not_the_commit_window"
    assert act(commit(), guardian(1), EARLY) == code
    stored = tables.COMMITMENTS.get(state, tables.of_guardian(NAME, guardian(1)))
    expected = Commitment(digest=commit().digest, height=1)  # type: ignore[arg-type]
    assert stored == (expected if stage == COMMIT else None)


def test_a_commitment_may_be_replaced_in_its_window(state: State, act: Act, put_batch: Put) -> None:
    put_batch(COMMIT, 3)
    assert act(commit(attest(total=1)), guardian(1)) == "ok"
    assert act(commit(), guardian(1)) == "ok"
    stored = tables.COMMITMENTS.need(state, tables.of_guardian(NAME, guardian(1)))
    assert stored.digest == commit().digest


@pytest.mark.parametrize(
    ("kind", "sender", "code"),
    [
        pytest.param(commit(), STRANGER, "not_a_guardian", id="a stranger commits"),
        pytest.param(commit(period=1), guardian(1), "unknown_batch", id="no such batch"),
        pytest.param(
            CommitMint(schedule=ScheduleId(255), period=PeriodIndex(0), digest=bytes(32)),
            guardian(1),
            "unknown_batch",
            id="no such schedule",
        ),
        pytest.param(
            attest(period=PeriodIndex(1)), guardian(1), "unknown_batch", id="attest no batch"
        ),
        pytest.param(
            attest(schedule=ScheduleId(255)), guardian(1), "unknown_batch", id="attest no schedule"
        ),
        pytest.param(attest(), guardian(1), "not_sealed", id="attest in the commit window"),
    ],
)
def test_what_is_refused_in_the_commit_window(
    state: State, act: Act, put_batch: Put, kind: CommitMint, sender: Address, code: str
) -> None:
    put_batch(COMMIT, 3)
    assert act(kind, sender) == code


@pytest.mark.parametrize("stage", [OPEN, POST, COMMIT, SETTLING], ids=lambda stage: STATES[stage])
def test_nobody_attests_before_the_seal(act: Act, put_batch: Put, stage: int) -> None:
    put_batch(stage, 3)
    assert act(attest(), guardian(1), LATE) == "not_sealed"


def test_a_stranger_does_not_attest(state: State, act: Act, put_batch: Put) -> None:
    put_batch(SEALED, 3)
    assert act(attest(), STRANGER, LATE) == "not_a_guardian"
    later = Guardians(accounts=(STRANGER,))
    tables.GUARDIANS.put(state, tables.SINGLE, later)
    assert act(attest(), STRANGER, LATE) == "not_a_guardian", "the batch's guardians are frozen"
    assert act(attest(), guardian(1), LATE) == "ok"


def committed(state: State, number: int, said: AttestMint | None = None) -> None:
    row = Commitment(digest=commit(said).digest, height=1)  # type: ignore[arg-type]
    tables.COMMITMENTS.put(state, tables.of_guardian(NAME, guardian(number)), row)


@pytest.mark.parametrize(
    ("said", "time", "late"),
    [
        pytest.param(attest(), EARLY, False, id="committed and in time"),
        pytest.param(attest(), LATE, False, id="committed and after the deadline"),
        pytest.param(attest(salt=bytes(32)), EARLY, None, id="another salt"),
        pytest.param(attest(total=TOTAL + 1), EARLY, None, id="another total"),
        pytest.param(attest(count=1), EARLY, None, id="another count"),
        pytest.param(attest(root=SALT), EARLY, None, id="another root"),
        pytest.param(attest(salt=bytes(32)), LATE, True, id="another salt, late"),
    ],
)
def test_an_attestation_opens_its_commitment(
    state: State, act: Act, put_batch: Put, said: AttestMint, time: int, late: bool | None
) -> None:
    put_batch(SEALED, 3)
    committed(state, 1)
    assert act(said, guardian(1), time) == ("too_early" if late is None else "ok")
    expected = () if late is None else (Answer(guardian=guardian(1), agrees=True, late=late),)
    assert batch_of(state).answers == expected


def test_without_a_commitment_it_counts_after_the_deadline(
    state: State, act: Act, put_batch: Put
) -> None:
    put_batch(SEALED, 3)
    assert act(attest(), guardian(1), EARLY) == "too_early"
    assert act(attest(), guardian(1), LATE) == "ok"
    assert batch_of(state).answers == (Answer(guardian=guardian(1), agrees=True, late=True),)
    stored = tables.ATTESTATIONS.need(state, tables.of_guardian(NAME, guardian(1)))
    assert stored == Attestation(root=ROOT, total=TOTAL, count=COUNT, height=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"root": SALT}, id="another root"),
        pytest.param({"total": TOTAL + 1}, id="another total"),
        pytest.param({"count": COUNT - 1}, id="another count"),
    ],
)
def test_a_wrong_answer_is_kept_and_may_be_replaced(
    state: State, act: Act, put_batch: Put, wrong: dict[str, object]
) -> None:
    put_batch(SEALED, 1)
    assert act(attest(**wrong), guardian(1), LATE) == "ok"
    assert batch_of(state).answers == (Answer(guardian=guardian(1), agrees=False, late=True),)
    assert batch_of(state).state == SEALED
    assert act(attest(), guardian(1), LATE) == "ok"
    assert batch_of(state).answers == (Answer(guardian=guardian(1), agrees=True, late=True),)
    assert batch_of(state).state == APPROVED


@pytest.mark.parametrize("guardians", range(1, 11))
def test_more_than_two_thirds_approve(
    state: State, act: Act, put_batch: Put, params: Params, guardians: int
) -> None:
    put_batch(SEALED, guardians)
    least = 2 * guardians // 3 + 1
    for number in range(guardians, 0, -1):
        equal = guardians - number + 1
        committed(state, number)
        assert act(attest(), guardian(number), EARLY) == "ok"
        assert batch_of(state).state == (APPROVED if equal >= least else SEALED), equal
    batch = batch_of(state)
    assert batch.pay_at == EARLY + params.schedule(ScheduleId(0)).payout_delay
    assert [row.guardian for row in batch.answers] == sorted(batch.guardians)


def test_wrong_answers_never_add_up_to_an_approval(state: State, act: Act, put_batch: Put) -> None:
    put_batch(SEALED, 4)
    for number in (1, 2, 3, 4):
        said = attest(total=1)
        committed(state, number, said)
        assert act(said, guardian(number), EARLY) == "ok"
    assert batch_of(state).state == SEALED


@pytest.mark.parametrize("stage", [APPROVED, PAYING, PAID], ids=lambda stage: STATES[stage])
def test_after_approval_answers_join_and_do_not_change(
    state: State, act: Act, put_batch: Put, stage: int
) -> None:
    put_batch(stage, 3)
    assert act(attest(total=1), guardian(3), LATE) == "ok"
    assert act(attest(), guardian(3), LATE) == "closed"
    batch = batch_of(state)
    assert batch.answers == (Answer(guardian=guardian(3), agrees=False, late=True),)
    assert (batch.state, batch.pay_at) == (stage, 0)


def test_a_disputed_batch_comes_back_to_life(state: State, act: Act, put_batch: Put) -> None:
    put_batch(DISPUTED, 3)
    put_live(state, (PeriodIndex(4), PeriodIndex(5)))
    for number in (1, 2):
        assert act(attest(), guardian(number), LATE) == "ok"
    assert (batch_of(state).state, live_of(state)) == (DISPUTED, (4, 5))
    assert act(attest(), guardian(3), LATE) == "ok"
    assert (batch_of(state).state, live_of(state)) == (APPROVED, (0, 4, 5))
    assert batch_of(state).pay_at == LATE + 4


def test_a_disputed_batch_that_is_listed_still_is_listed_once(
    state: State, act: Act, put_batch: Put
) -> None:
    put_batch(DISPUTED, 1)
    put_live(state, (PeriodIndex(0), PeriodIndex(1)))
    assert act(attest(), guardian(1), LATE) == "ok"
    assert live_of(state) == (0, 1)


def test_a_crowd_of_disputed_batches_comes_back_a_few_at_a_time(
    state: State, act: Act, put_batch: Put
) -> None:
    put_batch(DISPUTED, 1)
    full = tuple(PeriodIndex(period) for period in range(1, REVIVED_MAX + 1))
    put_live(state, full)
    assert act(attest(), guardian(1), LATE) == "busy"
    assert batch_of(state).answers == ()
    put_live(state, full[1:])
    assert act(attest(), guardian(1), LATE) == "ok"
    assert len(live_of(state)) == REVIVED_MAX
