"""set_farm_pool: what kind of farming pool a farm is, for the nodes that register from now on."""

from dataclasses import dataclass

from tfchain.base.shapes import U8, U16
from tfchain.base.units import FarmId
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.state import State
from tfchain.ledger.terms import FarmPool
from tfchain.rules.regime import MANAGED, POOLS
from tfchain.tx.kind import Context
from tfchain.tx.lookup import own_farm

WHOLE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFarmPool:
    """`pool`: 0 unmanaged and new, 1 unmanaged and refurbished, 2 managed; sent by the owner.

    `guarantee`: uptime per mille that a managed pool promises, 0 for all others (seed 003). Contracts
    that are there keep what they froze.
    """

    farm_id: FarmId
    pool: U8
    guarantee: U16

    def apply(self, state: State, context: Context) -> None:
        """Refused with `unknown_farm`, `not_the_owner`, `pool`, `guarantee`."""
        farm = own_farm(state, self.farm_id, context.sender)
        if self.pool >= len(POOLS):
            raise Rejected("pool", f"known are {', '.join(POOLS)}")
        if not 0 <= self.guarantee <= (WHOLE if self.pool == MANAGED else 0):
            raise Rejected("guarantee", "a managed pool promises 0 to 1000 per mille, others none")
        row = FarmPool(pool=self.pool, guarantee=self.guarantee)
        tables.FARM_POOLS.put(state, tables.id_key(farm.id), row)
