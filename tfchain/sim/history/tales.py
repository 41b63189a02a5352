"""The stories that are told: a spring in which all regimes begin, and eight years as they were."""

from collections.abc import Callable
from typing import Final

from tfchain.base.units import MilliUsd, Seconds
from tfchain.ledger.measures import CertifyNode, FlagFraud, Measure, PolicyOffer, SetPrice
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.sim.history.genesis import CALENDAR, FIXED, STANDARD
from tfchain.sim.history.story import (
    GIB,
    VOID,
    WITHOUT,
    Act,
    Doubt,
    Farmer,
    RegimeStart,
    Story,
    day,
)
from tfchain.sim.history.wishes import (
    GUARDIANS,
    corrected,
    decides,
    deletes,
    grows_to,
    node_of,
    releases,
    renews,
)

SMALL: Final = Resources(cru=8, mru=32 * GIB, hru=0, sru=500 * GIB)
LARGE: Final = Resources(cru=56, mru=188 * GIB, hru=134_112 * GIB, sru=1_863 * GIB)
DISKS: Final = Resources(cru=8, mru=32 * GIB, hru=10_000 * GIB, sru=160 * GIB)
MIDDLE: Final = Resources(cru=24, mru=96 * GIB + 12_345_678, hru=4_000 * GIB, sru=1_000 * GIB)

REFURBISHED: Final = 1
FARMERS: Final = ("ann", "bob", "dik", "eva", "fay")
"""Five farms are the least that decide anything."""
LATER: Final = ("dik", "eva", "fay", "gus", "ida")
"""And when the contracts of 2018 had paid their sixty months, and weighed nothing any more."""

_BEGINS: Final = (
    ("farming_2018", FIXED, "2018-06-01", "2020-04-20"),
    ("farming_2019", FIXED, "2019-01-01", "2020-05-04"),
    ("farming_v2", CALENDAR, "2020-05-01", "2020-05-07"),
    ("farming_v3", STANDARD, "2021-12-31", "2020-05-10"),
    ("farming_v3_lockup", STANDARD, "2024-01-01", "2020-05-13"),
)
"""Regime, schedule, when it began, and when it begins in the brief story."""

BRIEF: Final = Story(
    start=day("2020-04-20"),
    end=day("2020-07-15"),
    regimes=tuple(
        RegimeStart(name=name, start=day(brief), schedule=schedule)
        for name, schedule, _, brief in _BEGINS
    ),
    farmers=(
        Farmer(name="ann", joins=day("2020-04-27"), size=DISKS, pool=REFURBISHED),
        Farmer(name="bob", joins=day("2020-05-05"), size=SMALL),
        Farmer(name="cas", joins=day("2020-05-08"), size=MIDDLE),
        Farmer(name="dik", joins=day("2020-05-11"), size=LARGE),
        Farmer(name="eva", joins=day("2020-05-12"), size=SMALL, lies=(day("2020-06-10"),)),
        Farmer(name="fay", joins=day("2020-05-14"), size=SMALL),
    ),
    acts=(Act(at=day("2020-06-20"), who="dik", wish=renews, code="not_due"),),
    doubts=(Doubt(schedule=STANDARD, period=1),),
    unmentioned=("votes", "deletion", "fraud", "power management", "contracts and their use"),
)

_PEOPLE: Final = (
    Farmer(name="ann", joins=day("2018-06-10"), size=DISKS),
    Farmer(name="bob", joins=day("2018-07-05"), size=LARGE, pool=REFURBISHED),
    Farmer(
        name="cas",
        joins=day("2018-09-01"),
        size=SMALL,
        off=((day("2019-03-05"), 4), (day("2019-04-05"), 4), (day("2019-05-05"), 4)),
        ends=day("2019-09-01"),
    ),
    Farmer(name="dik", joins=day("2019-02-03"), size=DISKS),
    Farmer(name="eva", joins=day("2019-06-20"), size=MIDDLE, off=((day("2021-02-10"), 9),)),
    Farmer(name="fay", joins=day("2020-05-12"), size=MIDDLE),
    Farmer(name="gus", joins=day("2020-09-15"), size=DISKS, off=((day("2021-06-10"), 5),)),
    Farmer(name="hal", joins=day("2021-03-03"), size=SMALL, off=((day("2022-03-20"), 4),)),
    Farmer(name="ida", joins=day("2022-02-11"), size=LARGE),
    Farmer(name="pia", joins=day("2022-03-11"), size=SMALL, lies=(day("2024-05-14"),)),
    Farmer(
        name="jan",
        joins=day("2022-05-20"),
        size=MIDDLE,
        off=((day("2023-05-10"), 8), (day("2023-06-10"), 8), (day("2023-07-10"), 8)),
    ),
    Farmer(name="kim", joins=day("2022-08-20"), size=SMALL),
    Farmer(name="lou", joins=day("2023-04-07"), size=MIDDLE, ends=day("2025-01-20")),
    Farmer(name="max", joins=day("2024-02-05"), size=SMALL),
    Farmer(name="ned", joins=day("2024-03-05"), size=MIDDLE),
    Farmer(name="oda", joins=day("2024-05-05"), size=DISKS, ends=day("2025-07-01")),
)


def _number(name: str) -> int:
    """Of somebody's node: they are numbered as they join."""
    return 1 + [farmer.name for farmer in _PEOPLE].index(name)


def _certified(name: str, *, yes: bool = True) -> Callable[[State], Measure]:
    return lambda state: CertifyNode(node_id=node_of(state, name), certified=yes)


def _fraud(name: str) -> Callable[[State], Measure]:
    return lambda state: FlagFraud(node_id=node_of(state, name), evidence=bytes(32))


def _price(musd: int) -> Callable[[State], Measure]:
    return lambda _state: SetPrice(price=MilliUsd(musd))


_POLICY: Final = PolicyOffer(
    name="of-2023",
    price_cu=2_700,
    price_su=1_100,
    price_nu=30,
    price_ipv4=5,
    minimal_uptime=960,
    immutable=True,
    default=True,
    node_certified=False,
    gold=False,
    until=Seconds(0),
    allow_low_uptime=False,
)

_ACTS: Final = (
    *decides(day("2018-10-02"), GUARDIANS, _certified("bob")),
    Act(at=day("2019-07-15"), who="cas", wish=renews, code="void"),
    *decides(day("2020-11-03"), GUARDIANS, _certified("gus")),
    *decides(day("2022-05-03"), GUARDIANS, _certified("pia")),
    *decides(day("2022-07-04"), FARMERS, _price(60)),
    Act(at=day("2022-10-10"), who="ida", wish=renews, code="not_due"),
    *decides(day("2023-02-06"), FARMERS, lambda _state: _POLICY),
    *decides(day("2023-03-20"), GUARDIANS, corrected(STANDARD, 12, _number("ida"), 0)),
    Act(at=day("2023-06-06"), who="ida", wish=grows_to(DISKS)),
    *decides(day("2023-08-20"), LATER, _price(45)),
    Act(at=day("2023-10-05"), who="jan", wish=renews),
    *decides(day("2024-01-15"), GUARDIANS, corrected(STANDARD, 20, _number("kim"), -3_000_000_000)),
    *decides(day("2025-01-10"), GUARDIANS, _fraud("lou")),
    Act(at=day("2025-03-10"), who="ned", wish=deletes),
    *decides(day("2025-06-10"), GUARDIANS, _fraud("oda")),
    Act(at=day("2025-09-09"), who="ned", wish=releases(_number("ned")), code="too_early"),
    Act(at=day("2026-04-10"), who="ned", wish=releases(_number("ned"))),
    Act(at=day("2026-06-01"), who="oda", wish=releases(_number("oda")), code="fraud"),
)

WHOLE: Final = Story(
    start=day("2018-06-01"),
    end=day("2026-07-20"),
    regimes=tuple(
        RegimeStart(name=name, start=day(begins), schedule=schedule)
        for name, schedule, begins, _ in _BEGINS
    ),
    farmers=_PEOPLE,
    acts=_ACTS,
    doubts=(
        Doubt(schedule=FIXED, period=20),
        Doubt(schedule=CALENDAR, period=5, ends=VOID),
        Doubt(schedule=STANDARD, period=12, ends=WITHOUT, nodes=(_number("ida"),)),
    ),
    unmentioned=(
        "release by use (contracts)",
        "power management",
        "the supply cap's cut",
    ),
)
