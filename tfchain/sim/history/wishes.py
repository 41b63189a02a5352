"""What people in a story send, spelled by name: ids are looked up in the state of the day."""

from collections.abc import Callable
from typing import Final

from tfchain.base import merkle
from tfchain.base.shapes import encode_record
from tfchain.base.units import (
    FarmId,
    MilliUsd,
    NodeId,
    PeriodIndex,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.ledger import tables
from tfchain.ledger.measures import GUARDIANS as BY_HEADS
from tfchain.ledger.measures import FixReceipt, Measure, row_of
from tfchain.ledger.minting import RECEIPT_TAG
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.sim.genesis import key_of
from tfchain.sim.history.story import DAY, Act, Farmer, Wish
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.delete_node import DeleteNode
from tfchain.tx.kinds.propose import Propose
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.release_lock import ReleaseLock
from tfchain.tx.kinds.renew_contract import RenewContract
from tfchain.tx.kinds.set_farm_pool import SetFarmPool
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.update_node import UpdateNode
from tfchain.tx.kinds.vote_as_guardian import VoteAsGuardian
from tfchain.tx.kinds.vote_proposal import VoteProposal

GUARDIAN: Final = "validator"
"""What guardians are called: each runs a validator and signs with its key."""
GUARDIANS: Final = (f"{GUARDIAN} 0", f"{GUARDIAN} 1", f"{GUARDIAN} 2")
"""Three of four are more than two thirds."""
FARMS_LEAST: Final = 5
NO_FARM: Final = FarmId(0)


def joining(farmer: Farmer) -> list[Act]:
    """A twin, a farm, what pool it is, a node: a day for each; and when its owner lets it sleep."""
    at, name = farmer.joins, farmer.name
    acts = [
        twinned(Seconds(at - 3 * DAY), name),
        Act(at=Seconds(at - 2 * DAY), who=name, wish=_farm),
    ]
    if farmer.pool:
        acts.append(Act(at=Seconds(at - DAY), who=name, wish=_pool(farmer.pool)))
    acts.append(Act(at=at, who=name, wish=_node(farmer.size)))
    for asleep in farmer.sleeps:
        acts.append(Act(at=asleep, who=name, wish=_powers(up=False)))
        acts.append(Act(at=Seconds(asleep + DAY), who=name, wish=_powers(up=True)))
    return acts


def twinned(at: Seconds, name: str) -> Act:
    """Somebody gets a twin."""
    return Act(at=at, who=name, wish=_twin)


def farm_of(state: State, name: str) -> FarmId:
    """Somebody's farm."""
    return tables.FARM_NAMED.need(state, name.encode()).farm_id


def node_of(state: State, name: str) -> NodeId:
    """Somebody's node."""
    found = find_node(state, name)
    assert found is not None, f"{name} has no node yet"
    return found


def find_node(state: State, name: str) -> NodeId | None:
    """Somebody's node, if he has one."""
    twin = tables.TWIN_OF.get(state, key_of(name, 0))
    ref = None if twin is None else tables.NODE_OF.get(state, tables.id_key(twin.twin_id))
    return None if ref is None else ref.node_id


def _twin(_state: State, _name: str) -> CreateTwin:
    return CreateTwin(relay="relay.example", public_key=b"")


def _farm(_state: State, name: str) -> CreateFarm:
    return CreateFarm(name=name)


def _pool(pool: int) -> Wish:
    return lambda state, name: SetFarmPool(farm_id=farm_of(state, name), pool=pool, guarantee=0)


def _node(size: Resources) -> Wish:
    return lambda state, name: RegisterNode(
        farm_id=farm_of(state, name),
        reporter=key_of(name, 0),
        resources=size,
        country="",
        city="",
        virtualized=False,
        acceptance=b"",
    )


def _powers(*, up: bool) -> Wish:
    return lambda state, name: SetPowerTarget(node_id=node_of(state, name), up=up)


def grows_to(size: Resources) -> Wish:
    """The node's hardware changes."""
    return lambda state, name: UpdateNode(
        node_id=node_of(state, name),
        resources=size,
        country="",
        city="",
        virtualized=False,
        acceptance=b"",
    )


def renews(state: State, name: str) -> RenewContract:
    """The node registers anew."""
    return RenewContract(node_id=node_of(state, name))


def deletes(state: State, name: str) -> DeleteNode:
    """The node leaves the grid."""
    return DeleteNode(node_id=node_of(state, name))


def releases(node: int) -> Wish:
    """Somebody asks for a node's locked coins, by number: it may be gone."""
    return lambda _state, _name: ReleaseLock(node_id=NodeId(node))


def decides(
    at: Seconds, who: tuple[str, ...], measure: Callable[[State], Measure], code: str = "ok"
) -> list[Act]:
    """The first of `who` proposes, and a day later all of them say yes. `code`: to the proposal."""
    acts = [Act(at=at, who=who[0], wish=_proposal(measure), code=code)]
    if code == "ok":
        votes = Seconds(at + DAY)
        acts += [Act(at=votes, who=name, wish=_says_yes(measure)) for name in who]
    return acts


def corrected(schedule: int, period: int, node: int, more: int) -> Callable[[State], Measure]:
    """A node's receipt is put right, by so many utft; the proof is made from the batch's receipts."""

    def measure(state: State) -> FixReceipt:
        name = tables.batch_key(ScheduleId(schedule), PeriodIndex(period))
        batch = tables.BATCHES.need(state, name)
        rows = [
            tables.RECEIPTS.get(state, tables.in_batch(name, NodeId(number)))
            for number in range(1, batch.node_last + 1)
        ]
        receipts = [row for row in rows if row is not None]
        leaves = [encode_record(row) for row in receipts]
        index = [row.node_id for row in receipts].index(NodeId(node))
        receipt = receipts[index]
        return FixReceipt(
            schedule=batch.schedule,
            period=batch.period,
            receipt=leaves[index],
            index=index,
            path=tuple(merkle.prove(RECEIPT_TAG, leaves, index)),
            uptime=receipt.uptime,
            cu=receipt.cu,
            su=receipt.su,
            nu=receipt.nu,
            musd=MilliUsd(receipt.musd),
            amount=Utft(receipt.amount + more),
            correct_receipt=bytes(32),
        )

    return measure


def _proposal(measure: Callable[[State], Measure]) -> Wish:
    def wish(state: State, name: str) -> Propose:
        found = measure(state)
        by_guardian = row_of(found).chamber == BY_HEADS
        return Propose(
            farm_id=NO_FARM if by_guardian else farm_of(state, name),
            measure=found,
            text_hash=bytes(32),
            link="",
            threshold=0 if by_guardian else FARMS_LEAST,
            seconds=Seconds(0),
        )

    return wish


def _says_yes(measure: Callable[[State], Measure]) -> Wish:
    """To the newest proposal of it."""

    def wish(state: State, name: str) -> VoteProposal | VoteAsGuardian:
        due, number = measure(state), tables.DOCKET.need(state, tables.SINGLE).last
        while tables.PROPOSALS.need(state, tables.id_key(number)).measure != due:
            number -= 1
        if row_of(due).chamber == BY_HEADS:
            return VoteAsGuardian(proposal=number, yes=True)
        return VoteProposal(proposal=number, farm_id=farm_of(state, name), yes=True)

    return wish
