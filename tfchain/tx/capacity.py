"""Whose contract, what is free on a node, which addresses of a farm: asked by the kinds of users."""

from dataclasses import replace
from typing import Final

from tfchain.base.units import FarmId, NodeId, Seconds
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.cultivation import NO_CONTRACT, CapacityContract, FarmIps, Load
from tfchain.ledger.params import BillingRow, Params
from tfchain.ledger.records import Node, Resources, Twin
from tfchain.ledger.state import State
from tfchain.tx.kind import Context

NOTHING: Final = Resources(cru=0, mru=0, hru=0, sru=0)
UNLOADED: Final = Load(
    reserved=NOTHING,
    contracts=0,
    rent_id=NO_CONTRACT,
    dedicated=False,
    extra_fee=0,
    used_t=Seconds(0),
    consumed_t=Seconds(0),
)
"""A node that no user has anything of."""


def billing_of(params: Params) -> BillingRow:
    """How users are billed; `Rejected("billing_off")` where they are not."""
    if params.billing is None:
        raise Rejected("billing_off", "this chain has no contracts for capacity")
    return params.billing


def contract_at(state: State, contract_id: int) -> CapacityContract:
    """The contract; `Rejected("unknown_contract")` if there is none or it has ended."""
    contract = tables.CAPACITY.get(state, tables.id_key(contract_id))
    if contract is None:
        raise Rejected("unknown_contract", str(contract_id))
    return contract


def own_contract(state: State, contract_id: int, twin: Twin) -> CapacityContract:
    """The contract, if the twin has it; `Rejected("not_the_user")`."""
    contract = contract_at(state, contract_id)
    if contract.twin_id != twin.id:
        raise Rejected("not_the_user", f"contract {contract_id} is another twin's")
    return contract


def contract_on(state: State, contract_id: int, node_id: NodeId) -> CapacityContract:
    """The contract, if it is on the node; `Rejected("not_on_node")`."""
    contract = contract_at(state, contract_id)
    if contract.node_id != node_id:
        raise Rejected("not_on_node", f"contract {contract_id} is on node {contract.node_id}")
    return contract


def save(state: State, contract: CapacityContract) -> None:
    """Write the contract's row."""
    tables.CAPACITY.put(state, tables.id_key(contract.id), contract)


def load_of(state: State, node_id: NodeId) -> Load:
    """What of the node is taken."""
    return tables.LOADS.get(state, tables.id_key(node_id)) or UNLOADED


def put_load(state: State, node_id: NodeId, load: Load) -> None:
    """Write what of the node is taken."""
    tables.LOADS.put(state, tables.id_key(node_id), load)


def check_room(node: Resources, reserved: Resources) -> None:
    """`Rejected("capacity")` unless a node of this size has that much."""
    if not fits(reserved, node):
        raise Rejected("capacity", "more is reserved than the node has")


def fits(part: Resources, whole: Resources) -> bool:
    """Whether one is within the other, each resource by itself."""
    return (
        part.cru <= whole.cru
        and part.mru <= whole.mru
        and part.hru <= whole.hru
        and part.sru <= whole.sru
    )


def plus(one: Resources, other: Resources, sign: int = 1) -> Resources:
    """The sum; the difference for a sign of -1."""
    return Resources(
        cru=one.cru + sign * other.cru,
        mru=one.mru + sign * other.mru,
        hru=one.hru + sign * other.hru,
        sru=one.sru + sign * other.sru,
    )


def is_own(state: State, node: Node, twin_id: int) -> bool:
    """Whether the user is the node's own twin or its farm's (rules.md 6, P20)."""
    farm = tables.FARMS.need(state, tables.id_key(node.farm_id))
    return twin_id in (node.twin_id, farm.twin_id)


def check_awake(state: State, node_id: NodeId) -> None:
    """`Rejected("node_asleep")` for a node that sleeps, or was asked to."""
    power = tables.UPTIMES.need(state, tables.id_key(node_id)).power
    if not (power.state_up and power.target_up):
        raise Rejected("node_asleep", f"node {node_id} sleeps")


def ips_of(state: State, farm_id: FarmId) -> FarmIps:
    """The farm's public addresses."""
    return tables.FARM_IPS.get(state, tables.id_key(farm_id)) or FarmIps(ips=())


def take_ips(state: State, farm_id: FarmId, contract_id: int, count: int) -> None:
    """Give the contract the farm's first free addresses; `Rejected("public_ips")`."""
    taken, row = 0, list(ips_of(state, farm_id).ips)
    for place, one in enumerate(row):
        if taken < count and one.contract_id == NO_CONTRACT:
            row[place] = replace(one, contract_id=contract_id)
            taken += 1
    if taken < count:
        raise Rejected("public_ips", f"farm {farm_id} has {taken} free addresses")
    tables.FARM_IPS.put(state, tables.id_key(farm_id), FarmIps(ips=tuple(row)))


def free_ips(state: State, farm_id: FarmId, contract_id: int) -> None:
    """Take the contract's addresses back."""
    row = tuple(
        replace(one, contract_id=NO_CONTRACT) if one.contract_id == contract_id else one
        for one in ips_of(state, farm_id).ips
    )
    tables.FARM_IPS.put(state, tables.id_key(farm_id), FarmIps(ips=row))


def check_spacing(context: Context, row: BillingRow, t: Seconds, last: Seconds) -> None:
    """Whether a reporter may tell of contracts again; `report_time`, `too_soon`.

    Where a chain sets no spacing, the same bytes must still not pass twice.
    """
    if abs(t - context.time) > context.params.uptime.report_window:
        raise Rejected("report_time", f"signed at {t}, block time is {context.time}")
    if t < last + max(1, row.report_spacing):
        raise Rejected("too_soon", f"signed at {t}, the last one at {last}")
