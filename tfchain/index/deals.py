"""Entities of users' contracts: what they took, what they were billed, and how it ended."""

from typing import Final

from tfchain.index.register import Register
from tfchain.index.sheet import Cell
from tfchain.index.step import Step
from tfchain.ledger import tables
from tfchain.ledger.cultivation import NO_GRACE, NODE_CONTRACT, CapacityContract
from tfchain.rules.billing import LEVELS
from tfchain.tx import billing
from tfchain.tx.kinds.cancel_contract import CancelContract

CREATED: Final = "Created"
IN_GRACE: Final = "GracePeriod"
DELETED: Final = "Deleted"
OUT_OF_FUNDS: Final = "OutOfFunds"


def take(register: Register, step: Step) -> None:
    """Follow every contract that a block moved."""
    for moved in step.of(tables.CAPACITY.tag):
        before, after = moved.before, moved.after
        assert before is None or isinstance(before, CapacityContract)
        if isinstance(after, CapacityContract):
            _stands(register, before, after)
            if before is not None and before.billed_at != after.billed_at:
                _bill(register, step, before, after)
        elif before is not None:
            _ended(register, step, before)
            last = _last_bill(step, before)
            if last is not None:
                _bill(register, step, before, last)


def _stands(register: Register, before: CapacityContract | None, after: CapacityContract) -> None:
    state = CREATED if after.grace_since == NO_GRACE else IN_GRACE
    entity = entity_of(after)
    shown: dict[str, Cell] = {
        "contract_id": after.id,
        "twin_id": after.twin_id,
        "node_id": after.node_id,
        "state": state,
        "created_at": after.created,
        "solution_provider_id": None,
    }
    if after.type != NODE_CONTRACT:
        register.put(entity, after.id, **shown)
        return
    number = register.put(
        entity,
        after.id,
        **shown,
        deployment_data=_text(after.deployment_data),
        deployment_hash=after.deployment_hash.hex(),
        number_of_public_i_ps=after.public_ips,
        resources_used_id=register.id_of("ContractResources", after.id),
    )
    if before is not None and before.used != after.used:
        _used(register, after, number)


def _used(register: Register, contract: CapacityContract, number: str) -> None:
    """What the node told: there from the first time on."""
    used = contract.used
    resources = register.put(
        "ContractResources",
        contract.id,
        contract_id=number,
        hru=used.hru,
        sru=used.sru,
        cru=used.cru,
        mru=used.mru,
    )
    register.change("NodeContract", contract.id, resources_used_id=resources)


def _ended(register: Register, step: Step, contract: CapacityContract) -> None:
    """Given back, or its node is gone; else nobody paid for it any more."""
    cancelled = any(
        isinstance(one.body, CancelContract)
        and one.body.contract_id == contract.id
        and one.took_effect
        for one in step.done
    )
    gone = tables.GONE.get(step.after, tables.id_key(contract.node_id)) is not None
    state = DELETED if cancelled or gone else OUT_OF_FUNDS
    register.change(entity_of(contract), contract.id, state=state)


def _last_bill(step: Step, contract: CapacityContract) -> CapacityContract | None:
    """The contract as its last bill left it, which no row keeps: reckoned from the block's parent."""
    row = step.params.billing
    if row is None or contract.billed_at == step.time:
        return None
    return billing.billed(step.before, step.params, row, contract, step.time)


def _bill(
    register: Register, step: Step, before: CapacityContract, after: CapacityContract
) -> None:
    """What was added to what the user owes and has paid."""
    billed = sum(
        sign * (one.paid + one.owed + one.owed_extra) for sign, one in ((1, after), (-1, before))
    )
    register.note(
        "ContractBillReport",
        contract_id=after.id,
        discount_received=LEVELS[after.discount].capitalize(),
        amount_billed=billed,
        timestamp=step.time,
    )


def entity_of(contract: CapacityContract) -> str:
    """What existing tools call it."""
    return "NodeContract" if contract.type == NODE_CONTRACT else "RentContract"


def _text(content: bytes) -> str:
    """A user's own words; bytes that are none are shown as hex."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.hex()
