"""offer_farm: a farm's owner holds it out to somebody, who may accept it (P22)."""

from dataclasses import dataclass

from tfchain.base.units import Address, FarmId
from tfchain.ledger import tables
from tfchain.ledger.state import State
from tfchain.tx import offers
from tfchain.tx.kind import Context
from tfchain.tx.lookup import own_farm


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFarm:
    """`to`: an account that will have a twin when it accepts; the owner's own takes it back."""

    farm_id: FarmId
    to: Address

    def apply(self, state: State, context: Context) -> None:
        """Refused with `unknown_farm`, `not_the_owner`, `no_offer`."""
        farm = own_farm(state, self.farm_id, context.sender)
        offers.offer(state, context, tables.of_farm(farm.id), self.to)
