"""accept_twin: an account takes a twin that it was offered, with all that is the twin's (P22)."""

from dataclasses import dataclass, replace

from tfchain.base.units import TwinId
from tfchain.errors import Rejected
from tfchain.ledger import kept, tables
from tfchain.ledger.records import TwinRef
from tfchain.ledger.state import State
from tfchain.tx import offers
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptTwin:
    """Its farms and its node answer to the sender from now on. Pay goes where its farms say."""

    twin_id: TwinId

    def apply(self, state: State, context: Context) -> None:
        """Refused with `unknown_twin`, `twin_exists`, `no_offer`.

        The account that gave it away may make itself another twin.
        """
        key = tables.id_key(self.twin_id)
        twin = tables.TWINS.get(state, key)
        if twin is None:
            raise Rejected("unknown_twin", str(self.twin_id))
        if tables.TWIN_OF.get(state, context.sender) is not None:
            raise Rejected("twin_exists", "an account has one twin")
        offers.take(state, context, tables.of_twin(twin.id), twin.account)
        tables.TWIN_OF.drop(state, twin.account)
        tables.TWIN_OF.put(state, context.sender, TwinRef(twin_id=twin.id))
        kept.put(state, tables.TWINS, key, replace(twin, account=context.sender))
