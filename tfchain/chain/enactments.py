"""What was voted comes into force in transactions that everybody derives, as mints do (P43).

They stand behind the mints, in the block after the one that decided. Who reads blocks alone, as the
second program does, so sees every price and policy come, and need not count votes to follow. What a
fixup owes a node is minted the same way.
"""

from typing import Final

from tfchain.base.shapes import layout
from tfchain.base.units import Height, Utft
from tfchain.ledger import tables
from tfchain.ledger.params import Params
from tfchain.ledger.state import State
from tfchain.tx import fixups
from tfchain.tx.kinds.enact import Enact
from tfchain.tx.kinds.mint_fixup import MintFixup
from tfchain.tx.proposals import docket_of
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import SYSTEM, Envelope, encode_transaction

ENACTED_MAX: Final = 8
"""In one block; the rest waits its turn."""


def due(state: State, params: Params, height: Height) -> list[bytes]:
    """The bytes of the enactments that the next block must carry. `state` is the parent's."""
    passed = docket_of(state).passed[:ENACTED_MAX]
    return [_encoded(params, height, _enact(state, number)) for number in passed]


def _enact(state: State, number: int) -> Enact:
    proposal = tables.PROPOSALS.need(state, tables.id_key(number))
    return Enact(proposal=number, measure=proposal.measure)


def fixups_due(state: State, params: Params, height: Height) -> list[bytes]:
    """The bytes of what mints for fixups, if any wait and the chain is not halted."""
    entries = fixups.entries_due(state)
    if not entries or docket_of(state).halted:
        return []
    return [_encoded(params, height, MintFixup(entries=entries))]


def _encoded(params: Params, height: Height, body: Enact | MintFixup) -> bytes:
    envelope = Envelope(
        chain_id=params.chain_id,
        sender=SYSTEM,
        nonce=0,
        valid_until=height,
        fee=Utft(0),
        kind=NUMBERS[type(body)],
    )
    return encode_transaction(envelope, layout(type(body)).pack(body), b"")
