"""Laws of the uptime account: totality, order, bounds, whatever a node says and when."""

import random
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import U64_MAX, Seconds
from tfchain.ledger.uptime import ALWAYS_UP, NONE, PowerState, UptimeAccount
from tfchain.rules.uptime import (
    PUBLIC_LIMITS,
    closed,
    judged,
    opened,
    power_state,
    power_target,
    report,
)

START, END = Seconds(1_000_000), Seconds(1_000_000 + 86_400)
LEDGER = replace(PUBLIC_LIMITS, sleep_credit_max=PUBLIC_LIMITS.report_cap)

Step = tuple[str, int, int]
"""What happens (report, target, state), seconds since the step before, and the value it carries."""
STEPS = st.lists(
    st.tuples(st.sampled_from(["report", "target", "state"]), st.integers(1, 9_000), st.integers()),
    max_size=40,
)


def _walk(steps: list[Step], *, seed: int, uptime_max: int = 12_000) -> list[UptimeAccount]:
    """The account after each step, as on a ledger: block times and report times grow."""
    chance, time, power = random.Random(seed), START + 0, ALWAYS_UP
    account, seen = opened(START, END, power, START), list[UptimeAccount]()
    last = (time, 0)
    for what, pause, value in steps:
        time += pause
        block, after = Seconds(time), time >= END
        if what == "report":
            straight = last[1] + time - last[0] + chance.randint(-80, 80)
            uptime = min(max(0, straight), U64_MAX) if chance.random() < 0.8 else value % uptime_max
            account = report(account, LEDGER, block, block, Seconds(uptime), after)
            last = (time, uptime)
        elif what == "target":
            account, power = power_target(account, power, block, value % 2 == 0)
        else:
            account, power = power_state(account, power, LEDGER, block, value % 2 == 0, after)
        seen.append(account)
    return seen


@settings(max_examples=150)
@given(steps=STEPS, seed=st.integers(0, 1 << 32))
def test_credit_never_shrinks_and_a_violation_never_changes(steps: list[Step], seed: int) -> None:
    accounts = [opened(START, END, ALWAYS_UP, START), *_walk(steps, seed=seed)]
    for before, after in pairwise(accounts):
        assert after.total >= before.total
        if before.violation != NONE:
            assert (after.violation, after.evidence) == (before.violation, before.evidence)


@settings(max_examples=150)
@given(steps=STEPS, seed=st.integers(0, 1 << 32))
def test_credit_stays_within_the_time_that_passed(steps: list[Step], seed: int) -> None:
    """Each report may run ahead of time by the grace, and no more than the cap past the end."""
    accounts = _walk(steps, seed=seed)
    time = START + 0
    for (_, pause, _), account, reports in zip(
        steps, accounts, range(1, len(steps) + 1), strict=True
    ):
        time += pause
        assert account.total <= time - START + LEDGER.grace * reports
        if time >= END:
            assert account.total <= END - START + LEDGER.grace * reports + LEDGER.report_cap


@settings(max_examples=100)
@given(steps=STEPS, seed=st.integers(0, 1 << 32))
def test_an_account_always_has_bytes(steps: list[Step], seed: int) -> None:
    for account in _walk(steps, seed=seed, uptime_max=U64_MAX):
        assert decode_record(UptimeAccount, encode_record(account)) == account


TIMES = st.integers(0, U64_MAX) | st.integers(START - 5_000, END + 5_000)
SECONDS = TIMES.map(Seconds)


@st.composite
def accounts(draw: st.DrawFn) -> UptimeAccount:
    """Any account that fits its record, sense or not."""
    return UptimeAccount(
        start=START,
        end=END,
        last_at=draw(st.none() | SECONDS),
        last_uptime=draw(SECONDS),
        total=draw(SECONDS),
        boot_seen_at=draw(SECONDS),
        boot_uptime=draw(SECONDS),
        slept_at=draw(st.none() | SECONDS),
        wake_at=draw(st.none() | SECONDS),
        slow_boots=draw(st.integers(0, 255)),
        violation=draw(st.integers(0, 8)),
        evidence=(),
    )


@settings(max_examples=200)
@given(
    account=accounts(),
    times=st.tuples(SECONDS, SECONDS, SECONDS),
    power=st.builds(PowerState, target_up=st.booleans(), state_up=st.booleans(), down_at=SECONDS),
    up=st.booleans(),
    after=st.booleans(),
)
def test_nothing_that_fits_a_record_makes_a_rule_fail_or_take_away(
    account: UptimeAccount,
    times: tuple[Seconds, Seconds, Seconds],
    power: PowerState,
    up: bool,
    after: bool,
) -> None:
    block, t, uptime = times
    said = report(account, LEDGER, block, t, uptime, after)
    moved, _ = power_state(account, power, LEDGER, block, up, after)
    asked, _ = power_target(account, power, block, up)
    ended = judged(closed(account, block, LEDGER), up, None, None)
    for result in (said, moved, asked, ended):
        assert result.total >= account.total
        assert account.slow_boots <= result.slow_boots <= 255


@settings(max_examples=150)
@given(account=accounts(), change=st.tuples(SECONDS, st.booleans()), target=st.booleans())
def test_power_moves_the_same_whatever_account_it_meets(
    account: UptimeAccount, change: tuple[Seconds, bool], target: bool
) -> None:
    block, up = change
    fresh = opened(START, END, ALWAYS_UP, START)
    power = PowerState(target_up=target, state_up=True, down_at=Seconds(0))
    one = power_state(account, power, LEDGER, block, up, after=True)[1]
    other = power_state(fresh, power, LEDGER, block, up, after=False)[1]
    assert one == other
    assert power_target(account, power, block, up)[1] == power_target(fresh, power, block, up)[1]


@settings(max_examples=150)
@given(
    last=st.integers(START, END - 10_000),
    gap=st.integers(0, 9_000),
    uptime=st.integers(0, 20_000),
    later=st.integers(0, 9_000),
)
def test_repeating_a_report_credits_nothing_more(
    last: int, gap: int, uptime: int, later: int
) -> None:
    """The same words again add nothing: the reboot they may look like has no time to be up in."""
    account = report(
        opened(START, END, ALWAYS_UP, START),
        LEDGER,
        Seconds(last),
        Seconds(last),
        Seconds(9),
        False,
    )
    t = Seconds(last + gap)
    once = report(account, LEDGER, t, t, Seconds(uptime), after=False)
    twice = report(once, LEDGER, Seconds(t + later), t, Seconds(uptime), after=False)
    assert twice.total == once.total


@settings(max_examples=150)
@given(
    slept=st.integers(START, END - 1),
    wake=st.integers(0, 5_000),
    boots=st.tuples(st.integers(0, 90_000), st.integers(0, 90_000)),
)
def test_waking_later_never_boots_faster(slept: int, wake: int, boots: tuple[int, int]) -> None:
    account = replace(
        opened(START, END, ALWAYS_UP, START),
        slept_at=Seconds(slept),
        wake_at=Seconds(slept + wake),
    )
    early, late = (
        report(account, LEDGER, START, Seconds(slept + boot + 10), Seconds(5), after=False)
        for boot in sorted(boots)
    )
    assert early.slow_boots <= late.slow_boots


def test_honest_reports_are_paid_in_full() -> None:
    """Reports on time, up all along: the whole period, to the second."""
    account = opened(START, END, ALWAYS_UP, START)
    for t in range(START + 1_000, END + 2_400, 2_400):
        now = Seconds(t)
        account = report(account, LEDGER, now, now, Seconds(t - START + 777), after=t >= END)
    assert (account.total, account.violation) == (END - START, NONE)
