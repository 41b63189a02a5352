"""cancel_contract: a user gives a contract back, and pays up to this second (P20)."""

from dataclasses import dataclass

from tfchain.base.shapes import U32
from tfchain.errors import Rejected
from tfchain.ledger.cultivation import RENT_CONTRACT
from tfchain.ledger.state import State
from tfchain.tx import billing, capacity
from tfchain.tx.kind import Context
from tfchain.tx.lookup import twin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelContract:
    """The last bill is taken as far as the balance goes; capacity and addresses are free again."""

    contract_id: U32

    def apply(self, state: State, context: Context) -> None:
        """A renter cancels the other contracts first.

        Refused with `billing_off`, `no_twin`, `unknown_contract`, `not_the_user`, `has_contracts`:
        for a rent contract whose node still has others.
        """
        row = capacity.billing_of(context.params)
        contract = capacity.own_contract(state, self.contract_id, twin_of(state, context.sender))
        load = capacity.load_of(state, contract.node_id)
        if contract.type == RENT_CONTRACT and load.contracts:
            raise Rejected("has_contracts", f"{load.contracts} contracts are on the node")
        contract = billing.billed(state, context.params, row, contract, context.time)
        billing.end(state, contract)
