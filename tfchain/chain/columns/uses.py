"""What users had of nodes, from the blocks alone: contracts as they are numbered, and reports of them.

Written from rules.md 2.2 and P20. Bills are nobody's business here: a report took effect or it did
not, and that says which contracts stood.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Final

from tfchain.base.shapes import U16, U64, U128, Nested
from tfchain.base.units import (
    GIB,
    U64_MAX,
    U128_MAX,
    NodeId,
    PeriodIndex,
    ScheduleId,
    TwinId,
)
from tfchain.chain.columns.users import ContractMade, Told, UsedTold
from tfchain.errors import Malformed
from tfchain.ledger.records import Node, Resources

NONE_USED: Final = Resources(cru=0, mru=0, hru=0, sru=0)
MILLION: Final = 1_000_000
WHOLE: Final = 1_000
MIXES: Final = ((4, 2), (8, 1), (2, 4))
"""GiB of memory and cores that make a unit of compute, each by its scarcer part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A contract; its number is its place among all that were ever made."""

    node_id: NodeId
    twin_id: TwinId
    whole: bool
    """Whether the user has the node as a whole."""
    ips: U16
    own: bool
    """User and farmer are one, or were when it was last told of."""
    used: Annotated[Resources, Nested(Resources)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Had:
    """What users had of a node in a period: resources times seconds, bytes, IPs times seconds."""

    schedule: ScheduleId
    period: PeriodIndex
    node_id: NodeId
    cru: U128
    mru: U128
    hru: U128
    sru: U128
    traffic: U64
    ips: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Where a user's event belongs: the node as it is, its farm's twin, its schedule's period."""

    node: Node
    farmer: TwinId
    schedule: ScheduleId
    period: int
    """Negative before the first."""


class Uses:
    """Grows with contracts, and with every period in which a node's users had something."""

    def __init__(self) -> None:
        self.contracts: list[Taken] = []
        self.had: dict[tuple[int, int, int], Had] = {}
        """By schedule, period and node."""

    def make(self, event: ContractMade, at: At, twin_id: TwinId) -> None:
        """The next number is this contract's."""
        made = Taken(
            node_id=at.node.id,
            twin_id=twin_id,
            whole=event.whole,
            ips=event.ips,
            own=_is_own(at, twin_id),
            used=NONE_USED,
        )
        self.contracts.append(made)

    def use(self, event: UsedTold) -> None:
        """What contracts use from now on."""
        for number, used in event.contracts:
            known = self._contract(number, event.node_id)
            self.contracts[number - 1] = replace(known, used=used)

    def tell(self, event: Told, at: At) -> None:
        """A node's report of traffic, in the period that its block falls into."""
        for number, window, traffic in event.contracts:
            known = self._contract(number, event.node_id)
            known = replace(known, own=known.own or _is_own(at, known.twin_id))
            self.contracts[number - 1] = known
            if not known.own and at.period >= 0:
                self._add(at, known, window, traffic)

    def of(
        self, place: tuple[int, int, int], node: Node, length: int
    ) -> tuple[int, Resources, int, int]:
        """Per mille of the node in use, the mean of it, bytes, IP seconds.

        `place`: schedule, period, node.
        """
        had = self.had.get(place)
        if had is None:
            return 0, NONE_USED, 0, 0
        sums = (had.cru, had.mru, had.hru, had.sru)
        cru, mru, hru, sru = (min(each // length, U64_MAX) for each in sums)
        mean = Resources(cru=cru, mru=mru, hru=hru, sru=sru)
        return _permille(had, node.resources, length), mean, had.traffic, had.ips

    def drop(self, schedule: int, period: int) -> None:
        """Forget a schedule's periods up to this one."""
        self.had = {
            place: had
            for place, had in self.had.items()
            if place[0] != schedule or place[1] > period
        }

    def _contract(self, number: int, node_id: int) -> Taken:
        if not 1 <= number <= len(self.contracts):
            raise Malformed(f"no block made contract {number}")
        found = self.contracts[number - 1]
        if found.node_id != node_id:
            raise Malformed(f"contract {number} is on node {found.node_id}")
        return found

    def _add(self, at: At, taken: Taken, window: int, traffic: int) -> None:
        part = at.node.resources if taken.whole else taken.used
        place = (at.schedule, at.period, at.node.id)
        had = self.had.get(place) or _nothing(place)
        self.had[place] = replace(
            had,
            cru=min(had.cru + window * part.cru, U128_MAX),
            mru=min(had.mru + window * part.mru, U128_MAX),
            hru=min(had.hru + window * part.hru, U128_MAX),
            sru=min(had.sru + window * part.sru, U128_MAX),
            traffic=min(had.traffic + traffic, U64_MAX),
            ips=min(had.ips + window * taken.ips, U64_MAX),
        )


def _nothing(place: tuple[int, int, int]) -> Had:
    schedule, period, node = place
    return Had(
        schedule=ScheduleId(schedule),
        period=PeriodIndex(period),
        node_id=NodeId(node),
        cru=0,
        mru=0,
        hru=0,
        sru=0,
        traffic=0,
        ips=0,
    )


def _is_own(at: At, twin_id: int) -> bool:
    return twin_id in (at.farmer, at.node.twin_id)


def _permille(had: Had, size: Resources, length: int) -> int:
    """The mean of CU and SU over what there is, leaving out a kind of which there is none."""
    ratios = []
    for part, whole in (
        (_compute(had.cru, had.mru), _compute(size.cru, size.mru) * length),
        (_storage(had.hru, had.sru), _storage(size.hru, size.sru) * length),
    ):
        if whole > 0:
            ratios.append(min(part * WHOLE // whole, WHOLE))
    return sum(ratios) // len(ratios) if ratios else 0


def _compute(cores: int, memory: int) -> int:
    """CU that a user is billed for, in millionths."""
    mixed = [max(memory * MILLION // (gib * GIB), cores * MILLION // cru) for gib, cru in MIXES]
    return min(mixed)


def _storage(disk: int, flash: int) -> int:
    """SU, in millionths: 1200 GiB of disk, or 200 GiB of flash."""
    return (disk * MILLION // 1_200 + flash * MILLION // 200) // GIB
