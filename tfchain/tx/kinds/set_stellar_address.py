"""set_stellar_address: the Stellar address that stands on a farm's v3 receipts."""

from dataclasses import dataclass, replace

from tfchain.base.units import FarmId
from tfchain.ledger import kept, tables
from tfchain.ledger.records import Stellar
from tfchain.ledger.state import State
from tfchain.tx.kind import Context
from tfchain.tx.lookup import own_farm


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStellarAddress:
    """`address`: text on the receipt, may be empty (P16)."""

    farm_id: FarmId
    address: Stellar

    def apply(self, state: State, context: Context) -> None:
        """Refused with `unknown_farm`, `not_the_owner`."""
        farm = own_farm(state, self.farm_id, context.sender)
        after = replace(farm, stellar_address=self.address)
        kept.put(state, tables.FARMS, tables.id_key(self.farm_id), after)
