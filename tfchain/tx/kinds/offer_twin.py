"""offer_twin: an account holds its twin out to another account, which may accept it (P22)."""

from dataclasses import dataclass

from tfchain.base.units import Address
from tfchain.ledger import tables
from tfchain.ledger.state import State
from tfchain.tx import offers
from tfchain.tx.kind import Context
from tfchain.tx.lookup import twin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferTwin:
    """`to`: an account without a twin; the sender's own takes the offer back."""

    to: Address

    def apply(self, state: State, context: Context) -> None:
        """Refused with `no_twin`, `no_offer`."""
        twin = twin_of(state, context.sender)
        offers.offer(state, context, tables.of_twin(twin.id), self.to)
