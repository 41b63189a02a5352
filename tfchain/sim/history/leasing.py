"""Users of a story: they take a part of somebody's node, and give it back."""

from tfchain.base.crypto import digest
from tfchain.base.units import Seconds
from tfchain.ledger import tables
from tfchain.ledger.cultivation import CapacityContract
from tfchain.ledger.state import State
from tfchain.sim.history.story import DAY, Act, Lease, Story
from tfchain.sim.history.wishes import farm_of, find_node, node_of, twinned
from tfchain.tx.kinds.add_farm_ip import AddFarmIp
from tfchain.tx.kinds.cancel_contract import CancelContract
from tfchain.tx.kinds.create_contract import CreateContract


def leasing(story: Story) -> list[Act]:
    """A twin for each user, before his first contract; then contracts, and their ends."""
    acts = []
    for name in story.users():
        first = min(one.begins for one in story.leases if one.user == name)
        acts.append(twinned(Seconds(first - 2 * DAY), name))
    for lease in story.leases:
        acts += _taken(lease)
    return acts


def contract_of(state: State, lease: Lease) -> CapacityContract | None:
    """A lease's contract, while it stands."""
    node = find_node(state, lease.node)
    if node is None:
        return None
    ref = tables.DEPLOYED.get(state, tables.deployed_key(node, _deployed(lease)))
    return None if ref is None else tables.CAPACITY.need(state, tables.id_key(ref.contract_id))


def _taken(lease: Lease) -> list[Act]:
    acts = [
        Act(at=lease.begins, who=lease.user, wish=lambda state, _name: _creates(state, lease)),
        Act(at=lease.ends, who=lease.user, wish=lambda state, _name: _cancels(state, lease)),
    ]
    if lease.public_ips:
        acts.append(Act(at=Seconds(lease.begins - DAY), who=lease.node, wish=_adds_ip))
    return acts


def _creates(state: State, lease: Lease) -> CreateContract:
    return CreateContract(
        node_id=node_of(state, lease.node),
        reserved=lease.size,
        public_ips=lease.public_ips,
        deployment_hash=_deployed(lease),
        deployment_data=b"",
    )


def _cancels(state: State, lease: Lease) -> CancelContract:
    contract = contract_of(state, lease)
    assert contract is not None, f"{lease.user} has nothing of {lease.node}'s"
    return CancelContract(contract_id=contract.id)


def _adds_ip(state: State, name: str) -> AddFarmIp:
    farm = farm_of(state, name)
    return AddFarmIp(farm_id=farm, ip=f"185.69.166.{farm}/24", gateway="185.69.166.254")


def _deployed(lease: Lease) -> bytes:
    """What is deployed, by hash: no lease like another."""
    return digest(b"tf/sim-key", f"{lease.user} {lease.node} {lease.begins}".encode())
