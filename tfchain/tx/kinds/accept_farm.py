"""accept_farm: somebody takes a farm that its owner has offered (P22)."""

from dataclasses import dataclass, replace

from tfchain.base.units import FarmId
from tfchain.ledger import kept, tables
from tfchain.ledger.state import State
from tfchain.tx import offers
from tfchain.tx.kind import Context
from tfchain.tx.lookup import farm_at, owner_of, twin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptFarm:
    """The farm becomes the sender's twin's, with its nodes. Their contracts stay as they are.

    Pay goes to the sender from the period that runs, and no Stellar address stands on its receipts,
    until the sender sets others: what is paid to the one before was farmed before.
    """

    farm_id: FarmId

    def apply(self, state: State, context: Context) -> None:
        """Refused with `no_twin`, `unknown_farm`, `no_offer`."""
        twin = twin_of(state, context.sender)
        farm = farm_at(state, self.farm_id)
        offers.take(state, context, tables.of_farm(farm.id), owner_of(state, farm))
        after = replace(farm, twin_id=twin.id, payout_account=context.sender, stellar_address="")
        kept.put(state, tables.FARMS, tables.id_key(farm.id), after)
