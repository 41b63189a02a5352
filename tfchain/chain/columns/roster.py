"""Who there is, built from the blocks alone: twins, farms, nodes, and how they were at each end (P8).

A row keeps a version for every period's end that it saw; "as at the period's end" is then the last
version from a block before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, assert_never

from tfchain.base.shapes import Many, Maybe, Nested
from tfchain.base.units import Address, FarmId, Millionths, NodeId, PeriodIndex, Seconds, TwinId
from tfchain.chain.columns import offers
from tfchain.chain.columns.blocks import (
    FarmMade,
    FarmTaken,
    NodeChanged,
    NodeDeleted,
    NodeMade,
    NodeMoved,
    PayoutSet,
    PoolSet,
    Renewed,
    StellarSet,
    TwinMade,
    TwinTaken,
)
from tfchain.chain.columns.case import Joined
from tfchain.chain.columns.farming_v3 import compute_millionths, storage_millionths
from tfchain.chain.columns.receipts import TWINS
from tfchain.chain.columns.rules import offer_of
from tfchain.chain.columns.spans import period_of
from tfchain.chain.columns.users import ContractMade, Told, UsedTold
from tfchain.chain.columns.uses import At, Uses
from tfchain.errors import Malformed
from tfchain.ledger.params import Numbers, Params, RegimeRow
from tfchain.ledger.records import Contract, Farm, Node, Policy, Twin
from tfchain.ledger.terms import Former, Progress
from tfchain.ledger.uptime import ALWAYS_UP, MaybeSeconds, PowerState

VERSIONS_MAX: Final = 1 << 20
"""Of one row: one for each period that was not forgotten."""
TOUCHED_KEPT: Final = 3
"""Periods that an event can still reach: the ended one, the running one, one ahead of block time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmVersion:
    """A farm as it was from a block on."""

    since: Seconds
    farm: Annotated[Farm, Nested(Farm)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeVersion:
    """A node as it was from a block on."""

    since: Seconds
    node: Annotated[Node, Nested(Node)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A period that something of a node fell into, and the power it came in with."""

    period: PeriodIndex
    power: Annotated[PowerState, Nested(PowerState)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmHistory:
    """A farm's versions, oldest first."""

    versions: Annotated[tuple[FarmVersion, ...], Many(Nested(FarmVersion), VERSIONS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A node's frozen terms, its versions, its power now, and the periods it touched last."""

    contract: Annotated[Contract, Nested(Contract)]
    numbers: Numbers
    """What the contract's regime froze of its own."""
    former: Annotated[Former | None, Maybe(Nested(Former))]
    """What a later registration replaced."""
    progress: Annotated[Progress, Nested(Progress)]
    """As of the last period that was forgotten."""
    first_report: MaybeSeconds
    gone: MaybeSeconds
    versions: Annotated[tuple[NodeVersion, ...], Many(Nested(NodeVersion), VERSIONS_MAX)]
    power: Annotated[PowerState, Nested(PowerState)]
    touched: Annotated[tuple[Opened, ...], Many(Nested(Opened), TOUCHED_KEPT)]


class Roster:
    """Everybody that the blocks named so far; ids are given in order, from 1."""

    def __init__(self, params: Params, policies: Sequence[Policy]) -> None:
        self.twins: list[Twin] = []
        self.twin_ids: dict[Address, TwinId] = {}
        self.farms: list[FarmHistory] = []
        self.machines: list[Machine] = []
        self.pools: dict[int, tuple[int, int]] = {}
        """By farm: the type of pool that it said it is, and the uptime that it promised."""
        self.uses = Uses()
        """What users have of the machines."""
        self._params = params
        self.offered = offers.at_genesis(params, tuple(policies))

    def machine(self, node_id: int) -> Machine:
        """The node's row; `Malformed` where no block registered it."""
        if not 1 <= node_id <= len(self.machines):
            raise Malformed(f"no block registered node {node_id}")
        return self.machines[node_id - 1]

    def node_at(self, node_id: int, end: int) -> Node:
        """The node as it was when a period ended; it was there."""
        versions = self.machine(node_id).versions
        return [row for row in versions if row.since < end][-1].node

    def farm_at(self, farm_id: int, end: int) -> Farm:
        """The farm as it was when a period ended; it was there."""
        return [row for row in self._farm(farm_id).versions if row.since < end][-1].farm

    def add_twin(self, event: TwinMade) -> None:
        """A twin is whoever made it until somebody takes it."""
        twin_id = TwinId(len(self.twins) + 1)
        self.twin_ids[event.sender] = twin_id
        twin = Twin(
            id=twin_id, account=event.sender, relay=event.relay, public_key=event.public_key
        )
        self.twins.append(twin)

    def add_farm(self, event: FarmMade, block: Seconds) -> None:
        """Pay goes to its owner's account at first."""
        farm = Farm(
            id=FarmId(len(self.farms) + 1),
            twin_id=self._twin_of(event.sender),
            name=event.name,
            payout_account=event.sender,
            stellar_address="",
        )
        self.farms.append(FarmHistory(versions=(FarmVersion(since=block, farm=farm),)))

    def take_twin(self, event: TwinTaken) -> None:
        """A twin goes to another account, with all that is its own; receipts do not name accounts."""
        if not 1 <= event.twin_id <= len(self.twins):
            raise Malformed(f"no block made twin {event.twin_id}")
        twin = self.twins[event.twin_id - 1]
        del self.twin_ids[twin.account]
        self.twin_ids[event.sender] = twin.id
        self.twins[event.twin_id - 1] = replace(twin, account=event.sender)

    def change_farm(self, event: PayoutSet | StellarSet | FarmTaken, block: Seconds) -> None:
        """A farm's pay goes elsewhere, or all of it to somebody else."""
        versions = self._farm(event.farm_id).versions
        farm = _changed(versions[-1].farm, event)
        if isinstance(event, FarmTaken):
            farm = replace(farm, twin_id=self._twin_of(event.sender))
        kept = versions if self._ended_between(versions[-1].since, block) else versions[:-1]
        after = FarmHistory(versions=(*kept, FarmVersion(since=block, farm=farm)))
        self.farms[event.farm_id - 1] = after

    def add_node(self, event: NodeMade, block: Seconds) -> None:
        """A node joins, its terms are frozen (P18)."""
        self._farm(event.farm_id)
        node = Node(
            id=NodeId(len(self.machines) + 1),
            farm_id=FarmId(event.farm_id),
            twin_id=self._twin_of(event.sender),
            resources=event.resources,
            country=event.country,
            city=event.city,
            certified=False,
            virtualized=event.virtualized,
            created=block,
            deposit=self._params.node_deposit,
        )
        contract, numbers = self._terms(node, self._regime(block), block)
        machine = Machine(
            contract=contract,
            numbers=numbers,
            former=None,
            progress=blank_progress(contract),
            first_report=None,
            gone=None,
            versions=(NodeVersion(since=block, node=node),),
            power=ALWAYS_UP,
            touched=(),
        )
        self.machines.append(machine)

    def change_node(self, event: NodeChanged, block: Seconds) -> None:
        """Other capacity, another place; once virtualized, always virtualized."""
        machine = self.machine(event.node_id)
        last = machine.versions[-1]
        node = replace(
            last.node,
            resources=event.resources,
            country=event.country,
            city=event.city,
            virtualized=last.node.virtualized or event.virtualized,
        )
        self._put(machine, node, block)

    def move_node(self, event: NodeMoved, block: Seconds) -> None:
        """A node goes to another farm."""
        machine = self.machine(event.node_id)
        farm = self._farm(event.farm_id).versions[-1].farm
        self._put(machine, replace(machine.versions[-1].node, farm_id=farm.id), block)

    def certify(self, node_id: int, block: Seconds, *, certified: bool) -> None:
        """A node is certified, or no more."""
        machine = self.machine(node_id)
        self._put(machine, replace(machine.versions[-1].node, certified=certified), block)

    def _put(self, machine: Machine, node: Node, block: Seconds) -> None:
        """Another version of a node; the last one stays where somebody will ask for it."""
        last = machine.versions[-1]
        kept = machine.versions if self._ended_between(last.since, block) else machine.versions[:-1]
        after = replace(machine, versions=(*kept, NodeVersion(since=block, node=node)))
        self.machines[node.id - 1] = after

    def set_pool(self, event: PoolSet) -> None:
        """Nodes that join the farm from now on register as that."""
        self._farm(event.farm_id)
        self.pools[event.farm_id] = event.pool, event.guarantee

    def delete_node(self, event: NodeDeleted, block: Seconds) -> None:
        """From the next period on it is nobody's."""
        machine = self.machine(event.node_id)
        self.machines[event.node_id - 1] = replace(machine, gone=block)

    def renew(self, event: Renewed, block: Seconds) -> None:
        """The same regime and schedule, at the offer, policy and price of the day."""
        machine = self.machine(event.node_id)
        known = machine.contract
        regime = self._regime(block, (known.regime, known.schedule))
        contract, numbers = self._terms(machine.versions[-1].node, regime, block)
        former = Former(contract=machine.contract, numbers=machine.numbers)
        after = replace(machine, contract=contract, numbers=numbers, former=former)
        self.machines[event.node_id - 1] = after

    def note_use(self, event: ContractMade | UsedTold | Told, block: Seconds) -> None:
        """What a user takes of a node, or what the node tells of it."""
        machine = self.machine(event.node_id)
        node = machine.versions[-1].node
        schedule = next(
            row for row in self._params.schedules if row.id == machine.contract.schedule
        )
        at = At(
            node=node,
            farmer=self._farm(node.farm_id).versions[-1].farm.twin_id,
            schedule=schedule.id,
            period=period_of(schedule, block),
        )
        match event:
            case ContractMade():
                self.uses.make(event, at, self._twin_of(event.sender))
            case UsedTold():
                self.uses.use(event)
            case Told():
                self.uses.tell(event, at)
            case _:
                assert_never(event)

    def drop_before(self, horizon: int) -> None:
        """Forget versions that no period ending at `horizon` or later asks for."""
        for place, history in enumerate(self.farms):
            farms = history.versions
            old = sum(1 for row in farms[1:] if row.since < horizon)
            self.farms[place] = FarmHistory(versions=farms[old:])
        for place, machine in enumerate(self.machines):
            nodes = machine.versions
            old = sum(1 for row in nodes[1:] if row.since < horizon)
            self.machines[place] = replace(machine, versions=nodes[old:])

    def _ended_between(self, since: int, block: int) -> bool:
        """Whether somebody will ask how a row was before `block`."""
        rows = self._params.schedules
        return any(period_of(row, since) != period_of(row, block) for row in rows)

    def _farm(self, farm_id: int) -> FarmHistory:
        if not 1 <= farm_id <= len(self.farms):
            raise Malformed(f"no block made farm {farm_id}")
        return self.farms[farm_id - 1]

    def _twin_of(self, account: Address) -> TwinId:
        twin_id = self.twin_ids.get(account)
        if twin_id is None:
            raise Malformed("no block made the sender's twin")
        return twin_id

    def _regime(self, block: Seconds, known: tuple[int, int] | None = None) -> RegimeRow:
        """The offer that stands now (P5), of this regime on this schedule if they are named."""
        rows = self.offered.regimes
        same = [row for row in rows if known in (None, (row.regime, row.schedule))]
        started = [row for row in same if row.start <= block]
        if not started:
            raise Malformed("no regime takes registrations")
        return started[-1]

    def _terms(
        self, node: Node, regime: RegimeRow, block: Seconds
    ) -> tuple[Contract, tuple[int, ...]]:
        """The policy and price of the day, and what the regime makes of its offer."""
        contract = self._contract(node, regime, block)
        schedule = next(row for row in self._params.schedules if row.id == regime.schedule)
        pool, guarantee = self.pools.get(node.farm_id, (0, 0))
        joined = Joined(
            resources=node.resources,
            certified=node.certified,
            bare=contract,
            length=schedule.own or schedule.length,
            pool=pool,
            guarantee=guarantee,
        )
        twin = TWINS.get(regime.regime)
        if twin is None:
            return contract, ()
        voted = {row.name: row.value for row in self.offered.rules}
        return contract, twin.terms_of(offer_of(twin, regime.offer, voted), joined)

    def _contract(self, node: Node, regime: RegimeRow, block: Seconds) -> Contract:
        has = node.resources
        size = Millionths(compute_millionths(has)), Millionths(storage_millionths(has))
        policy, self.offered = offers.taken(self.offered, node, size, block)
        return Contract(
            node_id=node.id,
            regime=regime.regime,
            schedule=regime.schedule,
            policy_id=policy.id,
            price_cu=policy.price_cu,
            price_su=policy.price_su,
            price_nu=policy.price_nu,
            price_ipv4=policy.price_ipv4,
            minimal_uptime=policy.minimal_uptime,
            policy_immutable=policy.immutable,
            policy_default=policy.default,
            connection_price=self.offered.price,
            registered=block,
            cu=size[0],
            su=size[1],
        )


def blank_progress(contract: Contract) -> Progress:
    """How a node stands on the day it registers."""
    return Progress(
        node_id=contract.node_id, since=contract.registered, missed=0, first=Seconds(0), used=0
    )


def _changed(farm: Farm, event: PayoutSet | StellarSet | FarmTaken) -> Farm:
    if isinstance(event, FarmTaken):
        return replace(farm, payout_account=event.sender, stellar_address="")
    if isinstance(event, PayoutSet):
        return replace(farm, payout_account=event.account)
    return replace(farm, stellar_address=event.address)
