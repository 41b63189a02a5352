"""Every regime, on any input: both programs agree, more uptime never pays less, nothing is raised."""

from dataclasses import dataclass, replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base.units import (
    U64_MAX,
    Address,
    FarmId,
    MilliUsd,
    NodeId,
    PerMille,
    PolicyId,
    ScheduleId,
    Seconds,
    TwinId,
    Utft,
)
from tfchain.chain.columns import months, spans
from tfchain.chain.columns.case import NOTHING_DUE, Case, Joined, Reward, together
from tfchain.chain.columns.receipts import TWINS, receipt_of
from tfchain.chain.columns.rules import rules_of
from tfchain.chain.columns.uptime import Tally
from tfchain.ledger import calendar
from tfchain.ledger.params import ScheduleRow
from tfchain.ledger.records import Contract, Farm, Node, Resources
from tfchain.rules import periods
from tfchain.rules.regime import (
    LOCKS,
    REASONS,
    Capacity,
    Measured,
    Owed,
    Regime,
    Registration,
    Terms,
    names_of,
    numbers_of,
)
from tfchain.rules.schedule import REGIMES
from tfchain.tx.regimes import rule_names

NUMBERS: Final = sorted(REGIMES)
NAMES: Final = [REGIMES[number].name for number in NUMBERS]
FARM: Final = Farm(
    id=FarmId(1),
    twin_id=TwinId(1),
    name="farm",
    payout_account=Address(bytes(32)),
    stellar_address="",
)

usual_numbers = st.integers(0, 100_000)
any_numbers = st.one_of(usual_numbers, st.integers(0, U64_MAX))
small_flags = st.booleans()
gib = st.integers(0, 1 << 15).map(lambda size: size << 30)
sizes = st.one_of(
    st.builds(Resources, cru=st.integers(0, 256), mru=gib, hru=gib, sru=gib),
    st.builds(
        Resources,
        cru=st.integers(0, U64_MAX),
        mru=st.integers(0, U64_MAX),
        hru=st.integers(0, U64_MAX),
        sru=st.integers(0, U64_MAX),
    ),
)
policies = st.builds(
    Terms,
    policy_id=st.integers(1, 5).map(PolicyId),
    price_cu=st.integers(0, 5_000),
    price_su=st.integers(0, 5_000),
    price_nu=st.integers(0, 100),
    price_ipv4=st.integers(0, 100),
    minimal_uptime=st.sampled_from([0, 95, 500, 998]),
    policy_immutable=small_flags,
    policy_default=small_flags,
    connection_price=st.one_of(st.integers(0, 200), st.integers(0, U64_MAX)).map(MilliUsd),
)


@dataclass(frozen=True)
class Story:
    """A node under a regime, and one period of it."""

    regime: Regime
    offer: tuple[int, ...]
    joined: Registration
    capacity: Capacity
    measured: Measured

    def terms(self) -> Terms:
        return replace(self.joined.policy, own=self.regime.frozen(self.offer, self.joined))

    def owed(self) -> Owed:
        return self.regime.owed(self.capacity, self.terms(), self.measured)


@st.composite
def stories(draw: st.DrawFn, number: int) -> Story:
    regime = REGIMES[number]
    offer = list(numbers_of(regime.offer))
    places = st.lists(st.integers(0, max(0, len(offer) - 1)), max_size=3 if offer else 0)
    for place in draw(places):
        offer[place] = draw(any_numbers)
    joined = Registration(
        resources=draw(sizes),
        certified=draw(small_flags),
        length=Seconds(draw(st.integers(1, 1 << 32))),
        policy=draw(policies),
        pool=draw(st.integers(0, 3)),
        guarantee=PerMille(draw(st.integers(0, 1_000))),
    )
    capacity = Capacity(
        resources=draw(st.one_of(st.just(joined.resources), sizes)),
        certified=draw(small_flags),
        traffic=draw(any_numbers),
        ip_seconds=draw(any_numbers),
    )
    length = draw(st.integers(1, 5_000_000))
    uptime = st.one_of(st.integers(0, length), st.integers(0, 1 << 48), st.just(length))
    measured = Measured(
        length=Seconds(length),
        uptime=Seconds(draw(uptime)),
        violation=draw(st.sampled_from([0, 0, 0, 4])),
        virtualized=draw(st.sampled_from([False, False, False, True])),
        start=Seconds(draw(st.integers(0, 4_000_000_000))),
        index=draw(st.sampled_from([0, 1, 30, 59, 60, 61])),
        first=Seconds(draw(st.integers(0, 5_000_000))),
        missed=draw(st.integers(0, 3)),
        used=PerMille(draw(st.sampled_from([0, 299, 300, 301, 1_000]))),
        used_before=draw(st.sampled_from([0, 1, 2, 3, 255])),
        age=Seconds(draw(st.sampled_from([0, 63_141_119, 63_141_120]))),
        minted_ever=Utft(draw(st.one_of(st.integers(0, 5 * 10**16), any_numbers))),
    )
    return Story(regime, tuple(offer), joined, capacity, measured)


def _contract(story: Story) -> Contract:
    policy = story.joined.policy
    return Contract(
        node_id=NodeId(1),
        regime=story.regime.number,
        schedule=ScheduleId(0),
        policy_id=policy.policy_id,
        price_cu=policy.price_cu,
        price_su=policy.price_su,
        price_nu=policy.price_nu,
        price_ipv4=policy.price_ipv4,
        minimal_uptime=policy.minimal_uptime,
        policy_immutable=policy.policy_immutable,
        policy_default=policy.policy_default,
        connection_price=policy.connection_price,
        registered=Seconds(0),
        cu=0,
        su=0,
    )


def _case(story: Story) -> Case:
    """The same story, told to the second program."""
    joined, measured = story.joined, story.measured
    bare = _contract(story)
    terms = TWINS[story.regime.number].terms_of(
        story.offer,
        Joined(
            resources=joined.resources,
            certified=joined.certified,
            bare=bare,
            length=joined.length,
            pool=joined.pool,
            guarantee=joined.guarantee,
        ),
    )
    node = Node(
        id=NodeId(1),
        farm_id=FarmId(1),
        twin_id=TwinId(1),
        resources=story.capacity.resources,
        country="",
        city="",
        certified=story.capacity.certified,
        virtualized=measured.virtualized,
        created=Seconds(0),
        deposit=Utft(0),
    )
    return Case(
        node=node,
        farm=FARM,
        contract=bare,
        terms=terms,
        tally=Tally(
            start=measured.start,
            end=measured.start + measured.length,
            total=measured.uptime,
            violation=measured.violation,
        ),
        index=measured.index,
        first=measured.first,
        missed=measured.missed,
        minted=measured.minted_ever,
        used=measured.used,
        used_before=measured.used_before,
        age=measured.age,
        traffic=story.capacity.traffic,
        ip_seconds=story.capacity.ip_seconds,
    )


def _as_reward(owed: Owed) -> Reward:
    return Reward(
        cu=owed.cu,
        su=owed.su,
        nu=owed.nu,
        base=owed.base,
        floor=owed.floor_permille,
        musd=owed.musd,
        amount=owed.amount,
        reason=owed.reason,
        missed=owed.missed,
        lock=owed.lock,
        used_for=owed.used_for,
        steps=owed.steps,
    )


def test_every_regime_has_its_twin() -> None:
    assert [(number, TWINS[number].text) for number in NUMBERS] == [
        (row.number, row.text) for row in REGIMES.values()
    ]


def test_both_programs_know_the_figures_of_a_regimes_time() -> None:
    for number in NUMBERS:
        assert TWINS[number].usual == numbers_of(REGIMES[number].offer)


by_regime = pytest.mark.parametrize("number", NUMBERS, ids=NAMES)


@by_regime
def test_both_programs_call_the_numbers_of_an_offer_the_same(number: int) -> None:
    assert rules_of(TWINS[number]) == rule_names(number)


@by_regime
@settings(max_examples=60, deadline=None)
@given(draw=st.data())
def test_both_programs_come_to_the_same(number: int, draw: st.DataObject) -> None:
    story = draw.draw(stories(number))
    case = _case(story)
    assert case.terms == story.terms().own
    assert TWINS[number].reward_of(case) == _as_reward(story.owed())


@by_regime
@settings(max_examples=40, deadline=None)
@given(draw=st.data())
def test_nothing_is_negative_or_beyond_an_account(number: int, draw: st.DataObject) -> None:
    story = draw.draw(stories(number))
    owed, own = story.owed(), story.terms().own
    assert len(own) == len(names_of(story.regime.terms))
    counted = [owed.cu, owed.su, owed.nu, owed.base, owed.base_utft, owed.musd, owed.amount]
    if story.regime.name.startswith("farming_v3"):
        counted = counted[2:]  # their units are those of resources that genesis bounds
    for count in (*counted, *owed.steps, *own, owed.missed):
        assert type(count) is int and 0 <= count <= U64_MAX
    assert owed.uptime_permille <= 1_000
    assert owed.lock in range(len(LOCKS))
    assert owed.reason in REASONS
    assert (owed.reason == "") == (owed.amount > 0)
    assert owed.amount <= owed.base_utft


@by_regime
@settings(max_examples=40, deadline=None)
@given(draw=st.data())
def test_more_uptime_never_pays_less(number: int, draw: st.DataObject) -> None:
    story = draw.draw(stories(number))
    more = Seconds(story.measured.uptime + draw.draw(st.integers(0, 5_000_000)))
    longer = replace(story, measured=replace(story.measured, uptime=more))
    assert longer.owed().amount >= story.owed().amount
    assert longer.owed().missed <= story.owed().missed


@settings(max_examples=40, deadline=None)
@given(draw=st.data())
def test_v2_pays_less_as_more_exists_and_never_past_the_cap(draw: st.DataObject) -> None:
    story = draw.draw(stories(4))
    more = Utft(story.measured.minted_ever + draw.draw(st.integers(0, 10**16)))
    later = replace(story, measured=replace(story.measured, minted_ever=more)).owed()
    assert later.amount <= story.owed().amount
    cap = story.terms().own[names_of(story.regime.terms).index("cap")]
    if more * 1_000 > 999 * cap:
        assert later.amount == 0


@by_regime
@settings(max_examples=40, deadline=None)
@given(draw=st.data())
def test_a_contract_of_sixty_months_pays_sixty_months(number: int, draw: st.DataObject) -> None:
    """Whenever it came online: the 61st period pays what the first did not; later ones nothing."""
    story = draw.draw(stories(number))
    if "periods" not in names_of(story.regime.terms):
        return
    length = story.measured.length
    first = Seconds(draw.draw(st.integers(1, length)))
    offer = numbers_of(story.regime.offer)
    usual = replace(story, offer=offer)
    capacity = usual.capacity

    def paid(index: int, uptime: Seconds) -> int:
        measured = Measured(length=length, uptime=uptime, index=index, first=first)
        return usual.regime.owed(capacity, usual.terms(), measured).amount

    whole = paid(1, length)
    assert paid(0, first) + paid(60, length) == whole
    assert paid(61, length) == 0


months_ahead = st.integers(0, 20_000)


@given(months_ahead)
def test_both_programs_know_the_same_calendar(month: int) -> None:
    start, end = calendar.month_bounds(month)
    assert months.month_start(month) == start < end
    assert months.month_start(month + 1) == end
    for time in (start, Seconds(end - 1)):
        assert calendar.month_of(time) == months.month_of(time) == month


@given(
    registered=st.integers(0, 10_000),
    length=st.integers(1, 100),
    start=st.integers(0, 10_000),
    batch=st.integers(1, 1_000),
)
def test_own_periods_are_settled_in_the_batch_that_they_end_in(
    registered: int, length: int, start: int, batch: int
) -> None:
    settled = periods.own_ended(
        Seconds(registered), Seconds(length), Seconds(start), Seconds(start + batch)
    )
    most = max(0, (start + batch - registered) // length) + 2
    ends = [periods.own_bounds(Seconds(registered), Seconds(length), k)[1] for k in range(most)]
    assert list(settled) == [k for k, end in enumerate(ends) if start < end <= start + batch]


@given(
    registered=st.integers(0, 3_000),
    own=st.integers(1, 100),
    length=st.integers(1, 300),
    before=st.integers(0, 9),
    skipped=st.integers(0, 9),
)
def test_after_a_standstill_both_programs_settle_the_period_that_it_cut_off(
    registered: int, own: int, length: int, before: int, skipped: int
) -> None:
    """None is settled twice, and none of those that had begun before the standstill is lost."""
    row = ScheduleRow(
        id=ScheduleId(0),
        name="fixed",
        start=Seconds(0),
        length=Seconds(length),
        post_window=Seconds(0),
        commit_window=Seconds(0),
        attest_window=Seconds(0),
        payout_delay=Seconds(0),
        own=Seconds(own),
    )
    batch = before + 1 + skipped
    stop, start, end = ((before + 1) * length, batch * length, (batch + 1) * length)
    due = periods.own_due(
        Seconds(registered), Seconds(own), Seconds(stop), Seconds(start), Seconds(end)
    )
    assert due == spans.own_in(row, registered, batch, before)
    bounds = [(registered + k * own, registered + (k + 1) * own) for k in range(end // own + 2)]
    cut = [k for k, (first, last) in enumerate(bounds) if first < stop < last <= start]
    ended = [k for k, (_, last) in enumerate(bounds) if start < last <= end]
    assert due == cut + ended


# What chance alone may miss.

USUAL: Final = Resources(cru=8, mru=32 << 30, hru=0, sru=500 << 30)
BEYOND: Final = Resources(cru=U64_MAX, mru=U64_MAX, hru=U64_MAX, sru=U64_MAX)
JANUARY_2021: Final = Seconds(1_609_459_200)


def _told(number: int, size: Resources, *, uptime: int = 1_000) -> Story:
    """A node that was up for a whole short period in January 2021, unless `uptime` is less.

    What is `BEYOND` is paid beyond all bounds too: every price is the highest, a token's the lowest.
    """
    regime = REGIMES[number]
    offer = zip(names_of(type(regime.offer)), numbers_of(regime.offer), strict=True)
    prices = {"token_price": 1} if size is BEYOND else {}
    most = U64_MAX if size is BEYOND else 0
    policy = Terms(
        policy_id=PolicyId(1),
        price_cu=most or 2_400,
        price_su=most or 1_000,
        price_nu=30,
        price_ipv4=5,
        minimal_uptime=95,
        policy_immutable=False,
        policy_default=False,
        connection_price=MilliUsd(1 if most else 80),
    )
    joined = Registration(
        resources=size,
        certified=False,
        length=Seconds(1_000),
        policy=policy,
        pool=0,
        guarantee=PerMille(0),
    )
    measured = Measured(
        length=Seconds(1_000), uptime=Seconds(uptime), start=JANUARY_2021, first=Seconds(1_000)
    )
    capacity = Capacity(resources=size, certified=False, traffic=0, ip_seconds=0)
    told = [prices.get(name, most if most and "price" in name else value) for name, value in offer]
    return Story(regime, tuple(told), joined, capacity, measured)


@by_regime
@pytest.mark.parametrize(
    ("size", "uptime", "reason"),
    [
        pytest.param(USUAL, 1_000, "", id="a usual node is paid"),
        pytest.param(USUAL, 0, "no_uptime", id="one that was never up is not"),
        pytest.param(BEYOND, 1_000, "out_of_range", id="nor one beyond all numbers"),
    ],
)
def test_both_programs_give_the_same_reason(
    number: int, size: Resources, uptime: int, reason: str
) -> None:
    story = _told(number, size, uptime=uptime)
    assert TWINS[number].reward_of(_case(story)) == _as_reward(story.owed())
    assert story.owed().reason == reason


def test_a_price_that_grew_for_seven_months_makes_fewer_tokens() -> None:
    """v2: 0.15 USD in May 2020 is 0.1723 in December, and stays there until it is voted."""
    own = _told(4, USUAL)
    before = replace(own, measured=replace(own.measured, start=Seconds(1_588_291_200)))
    december = replace(own, measured=replace(own.measured, start=Seconds(1_606_780_800)))
    for story in (own, before, december):
        assert TWINS[4].reward_of(_case(story)) == _as_reward(story.owed())
    assert before.owed().amount > december.owed().amount == own.owed().amount


@by_regime
def test_a_receipt_has_the_hash_of_a_text_where_the_public_program_wrote_one(number: int) -> None:
    row = receipt_of(ScheduleId(0), 0, [_case(_told(number, USUAL))])
    assert (row.text_hash != b"") == TWINS[number].text


def test_a_batch_in_which_no_period_of_a_node_ends_owes_it_nothing() -> None:
    assert together([]) == NOTHING_DUE
    one = TWINS[1].reward_of(_case(_told(1, USUAL)))
    assert together([one]) == one
    assert together([one, one]).amount == 2 * one.amount > 0


# --- every reason, by name ------------------------------------------------------------------------

MACHINE = Resources(cru=8, mru=33 << 30, hru=0, sru=400 << 30)
POLICY = Terms(
    policy_id=PolicyId(1),
    price_cu=2_400,
    price_su=1_000,
    price_nu=30,
    price_ipv4=5,
    minimal_uptime=95,
    policy_immutable=False,
    policy_default=True,
    connection_price=MilliUsd(80),
)
FULL = Measured(length=Seconds(1_000), uptime=Seconds(1_000), index=1)


def _story(name: str, policy: Terms, measured: Measured, **offer: int) -> Story:
    regime = next(row for row in REGIMES.values() if row.name == name)
    offered = replace(regime.offer, **offer)  # type: ignore[type-var]
    joined = Registration(resources=MACHINE, certified=False, length=Seconds(1_000), policy=policy)
    capacity = Capacity(resources=MACHINE, certified=False)
    return Story(regime, numbers_of(offered), joined, capacity, measured)


FREE_OF_CHARGE = replace(POLICY, connection_price=MilliUsd(0))
WORTHLESS = replace(POLICY, price_cu=0, price_su=0)
THIRD = replace(POLICY, policy_id=PolicyId(3))
"""Pays in whole from its own floor on; before it was a default, by uptime, with a floor of the regime."""
THIRD_ONCE = replace(THIRD, policy_default=False)
DEAR = replace(POLICY, price_cu=1 << 60, connection_price=MilliUsd(1))
OLD = ("farming_2018", "farming_2019")
NEW = ("farming_v3", "farming_v3_lockup")
ALL = (*OLD, "farming_v2", *NEW)


def _rows(names: tuple[str, ...], what: str, *rest: object, **offer: int) -> list[object]:
    return [pytest.param(name, *rest, offer, id=f"{name}: {what}") for name in names]


@pytest.mark.parametrize(
    ("name", "policy", "measured", "reason", "offer"),
    [
        *_rows(ALL, "paid", POLICY, FULL, ""),
        *_rows(ALL, "virtualized", POLICY, replace(FULL, virtualized=True), "virtualized"),
        *_rows(ALL, "violation", POLICY, replace(FULL, violation=4), "violation"),
        *_rows(ALL, "down", POLICY, replace(FULL, uptime=Seconds(0)), "no_uptime"),
        *_rows(ALL, "mostly down", POLICY, replace(FULL, uptime=Seconds(300)), "below_sla"),
        *_rows(OLD, "void", POLICY, replace(FULL, missed=3), "void"),
        *_rows(OLD, "complete", POLICY, replace(FULL, index=61), "complete"),
        *_rows(NEW, "third policy", THIRD, replace(FULL, uptime=Seconds(300)), ""),
        *_rows(NEW, "third once", THIRD_ONCE, replace(FULL, uptime=Seconds(300)), "below_sla"),
        *_rows(NEW, "thrice missed", POLICY, replace(FULL, missed=3), "must_register"),
        *_rows(NEW, "no price", FREE_OF_CHARGE, FULL, "zero_price"),
        *_rows((*OLD, "farming_v2"), "no price", POLICY, FULL, "zero_price", token_price=0),
        *_rows(NEW, "beyond an account", DEAR, FULL, "out_of_range"),
        *_rows(OLD, "beyond an account", POLICY, FULL, "out_of_range", cu_price=1 << 62),
        *_rows(("farming_v2",), "beyond", POLICY, FULL, "out_of_range", cpr_price=1 << 62),
        *_rows(NEW, "worth nothing", WORTHLESS, FULL, "nothing_owed"),
        *_rows(OLD, "worth nothing", POLICY, FULL, "nothing_owed", cu_price=0, su_price=0),
        *_rows(("farming_v2",), "worth nothing", POLICY, FULL, "nothing_owed", cpr_price=0),
        *_rows(
            ("farming_v2",),
            "all farmed",
            POLICY,
            replace(FULL, minted_ever=Utft(4 * 10**16)),
            "diminished",
        ),
    ],
)
def test_why_nothing_is_paid(
    name: str, policy: Terms, measured: Measured, reason: str, offer: dict[str, int]
) -> None:
    story = _story(name, policy, measured, **offer)
    assert story.owed().reason == reason
    assert TWINS[story.regime.number].reward_of(_case(story)) == _as_reward(story.owed())
