"""update_contract: another deployment under the same contract."""

from dataclasses import dataclass, replace
from typing import Annotated

from tfchain.base.shapes import U32, Blob, Hash
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.cultivation import (
    DEPLOYMENT_BYTES_MAX,
    NO_GRACE,
    NODE_CONTRACT,
    CapacityRef,
)
from tfchain.ledger.state import State
from tfchain.tx import capacity
from tfchain.tx.kind import Context
from tfchain.tx.lookup import twin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateContract:
    """Capacity and public IPs stay what they are."""

    contract_id: U32
    deployment_hash: Hash
    deployment_data: Annotated[bytes, Blob(0, DEPLOYMENT_BYTES_MAX)]

    def apply(self, state: State, context: Context) -> None:
        """Never while something is owed.

        Refused with `no_twin`, `unknown_contract`, `not_the_user`, `in_grace`, `rent`,
        `deployed`.
        """
        twin = twin_of(state, context.sender)
        contract = capacity.own_contract(state, self.contract_id, twin)
        if contract.type != NODE_CONTRACT:
            raise Rejected("rent", "nothing is deployed by a rent contract")
        if contract.grace_since != NO_GRACE:
            raise Rejected("in_grace", f"{contract.owed + contract.owed_extra} are owed")
        place = tables.deployed_key(contract.node_id, self.deployment_hash)
        known = tables.DEPLOYED.get(state, place)
        if known is not None and known.contract_id != contract.id:
            raise Rejected("deployed", "another contract has this deployment on the node")
        before = tables.deployed_key(contract.node_id, contract.deployment_hash)
        tables.DEPLOYED.drop(state, before)
        tables.DEPLOYED.put(state, place, CapacityRef(contract_id=contract.id))
        after = replace(
            contract,
            deployment_hash=self.deployment_hash,
            deployment_data=self.deployment_data,
        )
        capacity.save(state, after)
