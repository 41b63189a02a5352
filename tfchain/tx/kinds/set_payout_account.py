"""set_payout_account: where a farm's pay goes, from the next period's end on."""

from dataclasses import dataclass, replace

from tfchain.base.units import Address, FarmId
from tfchain.ledger import kept, tables
from tfchain.ledger.state import State
from tfchain.tx.kind import Context
from tfchain.tx.lookup import own_farm


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPayoutAccount:
    """Pay of the farm goes to `account` (P16)."""

    farm_id: FarmId
    account: Address

    def apply(self, state: State, context: Context) -> None:
        """Refused with `unknown_farm`, `not_the_owner`."""
        farm = own_farm(state, self.farm_id, context.sender)
        after = replace(farm, payout_account=self.account)
        kept.put(state, tables.FARMS, tables.id_key(self.farm_id), after)
