"""create_twin: an account gets its identity on the grid, one at most."""

from dataclasses import dataclass

from tfchain.base.units import TwinId
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.records import Relay, Twin, TwinKey, TwinRef
from tfchain.ledger.state import State
from tfchain.tx.kind import Context
from tfchain.tx.lookup import next_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTwin:
    """`relay`: where messages for the twin go; `public_key`: what they are encrypted to."""

    relay: Relay
    public_key: TwinKey

    def apply(self, state: State, context: Context) -> None:
        """Refused with `twin_exists`."""
        if tables.TWIN_OF.get(state, context.sender) is not None:
            raise Rejected("twin_exists", "an account has one twin")
        twin_id = TwinId(next_ids(state, twins=1).twins)
        twin = Twin(
            id=twin_id, account=context.sender, relay=self.relay, public_key=self.public_key
        )
        tables.TWINS.put(state, tables.id_key(twin_id), twin)
        tables.TWIN_OF.put(state, context.sender, TwinRef(twin_id=twin_id))
