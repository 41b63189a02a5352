"""Eight years as they were: all that befalls farmers under the five regimes, on its dates."""

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
    Lease,
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
HALF: Final = Resources(cru=4, mru=16 * GIB, hru=5_000 * GIB, sru=80 * GIB)
"""Of `DISKS`."""
DISKS: Final = Resources(cru=8, mru=32 * GIB, hru=10_000 * GIB, sru=160 * GIB)
FIFTH: Final = Resources(cru=2, mru=6 * GIB, hru=2_000 * GIB, sru=30 * GIB)
"""Of `DISKS`, or less."""
MOST: Final = Resources(cru=16, mru=68 * GIB, hru=2_800 * GIB, sru=700 * GIB)
"""Of `MIDDLE`."""
PART: Final = Resources(cru=2, mru=8 * GIB, hru=0, sru=50 * GIB)
MIDDLE: Final = Resources(cru=24, mru=96 * GIB + 12_345_678, hru=4_000 * GIB, sru=1_000 * GIB)

REFURBISHED: Final = 1
FARMERS: Final = ("ann", "bob", "dik", "eva", "fay")
"""Five farms are the least that decide anything."""
LATER: Final = ("dik", "eva", "fay", "gus", "ida")
"""And when the contracts of 2018 had paid their sixty months, and weighed nothing any more."""

_REGIMES: Final = (
    RegimeStart(name="farming_2018", start=day("2018-06-01"), schedule=FIXED),
    RegimeStart(name="farming_2019", start=day("2019-01-01"), schedule=FIXED),
    RegimeStart(name="farming_v2", start=day("2020-05-01"), schedule=CALENDAR),
    RegimeStart(name="farming_v3", start=day("2021-12-31"), schedule=STANDARD),
    RegimeStart(name="farming_v3_lockup", start=day("2024-01-01"), schedule=STANDARD),
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
    Farmer(
        name="pia",
        joins=day("2022-03-11"),
        size=SMALL,
        lies=(day("2024-05-14"),),
        sleeps=(day("2023-10-10"), day("2023-11-12"), day("2024-02-20")),
    ),
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
    Farmer(name="rex", joins=day("2024-09-05"), size=MIDDLE),
)


def _number(name: str) -> int:
    """Of somebody's node: they are numbered as they join."""
    return 1 + [farmer.name for farmer in _PEOPLE].index(name)


def certified(name: str, *, yes: bool = True) -> Callable[[State], Measure]:
    return lambda state: CertifyNode(node_id=node_of(state, name), certified=yes)


def fraud(name: str) -> Callable[[State], Measure]:
    return lambda state: FlagFraud(node_id=node_of(state, name), evidence=bytes(32))


def price(musd: int) -> Callable[[State], Measure]:
    return lambda _state: SetPrice(price=MilliUsd(musd))


POLICY: Final = PolicyOffer(
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
    *decides(day("2018-10-02"), GUARDIANS, certified("bob")),
    Act(at=day("2019-07-15"), who="cas", wish=renews, code="void"),
    *decides(day("2020-11-03"), GUARDIANS, certified("gus")),
    *decides(day("2022-05-03"), GUARDIANS, certified("pia")),
    *decides(day("2022-07-04"), FARMERS, price(60)),
    Act(at=day("2022-10-10"), who="ida", wish=renews, code="not_due"),
    *decides(day("2023-02-06"), FARMERS, lambda _state: POLICY),
    *decides(day("2023-03-20"), GUARDIANS, corrected(STANDARD, 12, _number("ida"), 0)),
    Act(at=day("2023-06-06"), who="ida", wish=grows_to(DISKS)),
    *decides(day("2023-08-20"), LATER, price(45)),
    Act(at=day("2023-10-05"), who="jan", wish=renews),
    *decides(day("2024-01-15"), GUARDIANS, corrected(STANDARD, 20, _number("kim"), -3_000_000_000)),
    *decides(day("2025-01-10"), GUARDIANS, fraud("lou")),
    Act(at=day("2025-03-10"), who="ned", wish=deletes),
    *decides(day("2025-06-10"), GUARDIANS, fraud("oda")),
    Act(at=day("2025-09-09"), who="ned", wish=releases(_number("ned")), code="too_early"),
    Act(at=day("2026-04-10"), who="ned", wish=releases(_number("ned"))),
    Act(at=day("2026-06-01"), who="oda", wish=releases(_number("oda")), code="fraud"),
)

_LEASES: Final = (
    Lease(user="uma", node="ann", size=HALF, begins=day("2019-03-10"), ends=day("2019-08-20")),
    Lease(user="vic", node="dik", size=FIFTH, begins=day("2020-02-05"), ends=day("2020-09-15")),
    Lease(
        user="vic",
        node="kim",
        size=PART,
        begins=day("2023-01-12"),
        ends=day("2023-06-25"),
        public_ips=1,
        traffic=200_000,
    ),
    Lease(
        user="ida",
        node="ida",
        size=PART,
        begins=day("2024-03-03"),
        ends=day("2024-06-03"),
        traffic=200_000,
    ),
    Lease(user="uma", node="rex", size=MOST, begins=day("2024-12-01"), ends=day("2025-05-15")),
)

WHOLE: Final = Story(
    start=day("2018-06-01"),
    end=day("2026-07-20"),
    regimes=_REGIMES,
    farmers=_PEOPLE,
    acts=_ACTS,
    doubts=(
        Doubt(schedule=FIXED, period=20),
        Doubt(schedule=CALENDAR, period=5, ends=VOID),
        Doubt(schedule=STANDARD, period=12, ends=WITHOUT, nodes=(_number("ida"),)),
    ),
    leases=_LEASES,
    unmentioned=("the supply cap's cut", "retries of payouts, none of which fails on a ledger"),
)
