"""Farms and twins change hands by an offer and its acceptance (P22): nobody gives or takes alone.

An offer is good while whoever made it still holds what it offers: what was promised before a twin
went to somebody else binds nobody after.
"""

from tfchain.base.units import Address
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.proposals import Offer
from tfchain.ledger.state import State
from tfchain.tx.kind import Context


def offer(state: State, context: Context, key: bytes, to: Address) -> None:
    """Hold it out to an account; to oneself: take the offer back.

    Refused with `no_offer`.
    """
    if to != context.sender:
        row = Offer(by=context.sender, to=to, height=context.height)
        tables.OFFERS.put(state, key, row)
    elif tables.OFFERS.get(state, key) is None:
        raise Rejected("no_offer", "there is none to take back")
    else:
        tables.OFFERS.drop(state, key)


def take(state: State, context: Context, key: bytes, holder: Address) -> None:
    """Use up what the `holder` of today offers to the sender; `Rejected("no_offer")`."""
    row = tables.OFFERS.get(state, key)
    if row is None or (row.by, row.to) != (holder, context.sender):
        raise Rejected("no_offer", "its owner has not offered it to you")
    tables.OFFERS.drop(state, key)
