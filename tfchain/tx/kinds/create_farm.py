"""create_farm: a twin opens a farm under a name that nobody else has."""

from dataclasses import dataclass

from tfchain.base.units import FarmId
from tfchain.errors import Rejected
from tfchain.ledger import kept, tables
from tfchain.ledger.records import Farm, FarmName, FarmRef
from tfchain.ledger.state import State
from tfchain.tx.kind import Context
from tfchain.tx.lookup import next_ids, twin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFarm:
    """`name`: 3 to 40 letters, digits, `-` and `_`. Pay goes to the sender until set otherwise."""

    name: FarmName

    def apply(self, state: State, context: Context) -> None:
        """Refused with `no_twin`, `farm_name_taken`."""
        twin = twin_of(state, context.sender)
        name = self.name.encode()
        if tables.FARM_NAMED.get(state, name) is not None:
            raise Rejected("farm_name_taken", self.name)
        farm_id = FarmId(next_ids(state, farms=1).farms)
        farm = Farm(
            id=farm_id,
            twin_id=twin.id,
            name=self.name,
            payout_account=context.sender,
            stellar_address="",
        )
        kept.put(state, tables.FARMS, tables.id_key(farm_id), farm)
        tables.FARM_NAMED.put(state, name, FarmRef(farm_id=farm_id))
