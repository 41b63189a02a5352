"""The whole history in half a year: all that befalls a node in eight, on the same rules.

Only when things happen is other than in the tale of eight years, and how old a node must be before its
locked coins are free: five months.
"""

from typing import Final

from tfchain.sim.history.genesis import CALENDAR, FIXED, STANDARD
from tfchain.sim.history.story import (
    VOID,
    WITHOUT,
    Act,
    Doubt,
    Farmer,
    Lease,
    RegimeStart,
    Story,
    day,
)
from tfchain.sim.history.tales import (
    DISKS,
    FARMERS,
    FIFTH,
    HALF,
    LARGE,
    MIDDLE,
    MOST,
    PART,
    POLICY,
    REFURBISHED,
    SMALL,
    certified,
    fraud,
    price,
)
from tfchain.sim.history.wishes import (
    GUARDIANS,
    corrected,
    decides,
    deletes,
    grows_to,
    releases,
    renews,
)

FIVE_MONTHS: Final = "age = 13154400"

_REGIMES: Final = (
    RegimeStart(name="farming_2018", start=day("2020-04-20"), schedule=FIXED),
    RegimeStart(name="farming_2019", start=day("2020-05-04"), schedule=FIXED),
    RegimeStart(name="farming_v2", start=day("2020-05-08"), schedule=CALENDAR),
    RegimeStart(name="farming_v3", start=day("2020-05-12"), schedule=STANDARD),
    RegimeStart(
        name="farming_v3_lockup", start=day("2020-05-20"), schedule=STANDARD, offer=FIVE_MONTHS
    ),
)

_PEOPLE: Final = (
    Farmer(name="ann", joins=day("2020-04-27"), size=DISKS, pool=REFURBISHED),
    Farmer(name="bob", joins=day("2020-04-29"), size=LARGE),
    Farmer(
        name="cas",
        joins=day("2020-05-03"),
        size=SMALL,
        off=((day("2020-06-10"), 4), (day("2020-07-10"), 4), (day("2020-08-10"), 4)),
        ends=day("2020-10-10"),
    ),
    Farmer(name="dik", joins=day("2020-05-05"), size=DISKS),
    Farmer(name="eva", joins=day("2020-05-06"), size=MIDDLE),
    Farmer(name="fay", joins=day("2020-05-09"), size=MIDDLE),
    Farmer(name="gus", joins=day("2020-05-10"), size=DISKS, off=((day("2020-09-10"), 5),)),
    Farmer(name="ida", joins=day("2020-05-13"), size=LARGE),
    Farmer(
        name="pia",
        joins=day("2020-05-14"),
        size=SMALL,
        lies=(day("2020-09-14"),),
        sleeps=(day("2020-07-08"), day("2020-08-20")),
    ),
    Farmer(
        name="jan",
        joins=day("2020-05-15"),
        size=MIDDLE,
        off=((day("2020-06-10"), 8), (day("2020-07-10"), 8), (day("2020-08-10"), 8)),
    ),
    Farmer(name="kim", joins=day("2020-05-16"), size=SMALL),
    Farmer(name="lou", joins=day("2020-05-17"), size=MIDDLE, ends=day("2020-08-15")),
    Farmer(name="max", joins=day("2020-05-21"), size=SMALL),
    Farmer(name="ned", joins=day("2020-05-22"), size=MIDDLE),
    Farmer(name="oda", joins=day("2020-05-23"), size=DISKS, ends=day("2020-09-20")),
    Farmer(name="rex", joins=day("2020-06-25"), size=MIDDLE),
)


def _number(name: str) -> int:
    """Of somebody's node: they are numbered as they join."""
    return 1 + [farmer.name for farmer in _PEOPLE].index(name)


_ACTS: Final = (
    *decides(day("2020-06-20"), GUARDIANS, certified("bob")),
    *decides(day("2020-06-25"), GUARDIANS, certified("pia")),
    *decides(day("2020-07-03"), GUARDIANS, certified("gus")),
    *decides(day("2020-07-25"), GUARDIANS, corrected(STANDARD, 1, _number("ida"), 0)),
    Act(at=day("2020-08-05"), who="ned", wish=deletes),
    Act(at=day("2020-08-06"), who="ida", wish=grows_to(DISKS)),
    *decides(day("2020-08-09"), GUARDIANS, fraud("lou")),
    *decides(day("2020-08-16"), FARMERS, price(60)),
    *decides(day("2020-08-24"), GUARDIANS, corrected(STANDARD, 1, _number("kim"), -2_000_000_000)),
    *decides(day("2020-08-28"), FARMERS, lambda _state: POLICY),
    Act(at=day("2020-09-01"), who="ned", wish=releases(_number("ned")), code="too_early"),
    *decides(day("2020-09-12"), GUARDIANS, fraud("oda")),
    *decides(day("2020-09-16"), FARMERS, price(45)),
    Act(at=day("2020-09-25"), who="cas", wish=renews, code="void"),
    Act(at=day("2020-09-26"), who="jan", wish=renews),
    Act(at=day("2020-09-26"), who="ida", wish=renews, code="not_due"),
    Act(at=day("2020-11-15"), who="oda", wish=releases(_number("oda")), code="fraud"),
    Act(at=day("2020-11-20"), who="ned", wish=releases(_number("ned"))),
)

_LEASES: Final = (
    Lease(user="uma", node="ann", size=HALF, begins=day("2020-06-05"), ends=day("2020-08-20")),
    Lease(user="vic", node="dik", size=FIFTH, begins=day("2020-06-07"), ends=day("2020-09-15")),
    Lease(
        user="vic",
        node="kim",
        size=PART,
        begins=day("2020-06-20"),
        ends=day("2020-08-10"),
        public_ips=1,
        traffic=200_000,
    ),
    Lease(
        user="ida",
        node="ida",
        size=PART,
        begins=day("2020-08-12"),
        ends=day("2020-09-20"),
        traffic=200_000,
    ),
    Lease(user="uma", node="rex", size=MOST, begins=day("2020-06-28"), ends=day("2020-10-02")),
)

BRIEF: Final = Story(
    start=day("2020-04-20"),
    end=day("2020-11-22"),
    regimes=_REGIMES,
    farmers=_PEOPLE,
    acts=_ACTS,
    doubts=(
        Doubt(schedule=FIXED, period=1),
        Doubt(schedule=CALENDAR, period=1, ends=VOID),
        Doubt(schedule=STANDARD, period=1, ends=WITHOUT, nodes=(_number("ida"),)),
    ),
    leases=_LEASES,
    unmentioned=("the supply cap's cut", "retries of payouts, none of which fails on a ledger"),
)
