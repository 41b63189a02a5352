"""propose_constant: another value for one of the chain's constants, from the block after the vote."""

from dataclasses import dataclass
from typing import Annotated

from tfchain.base.shapes import U64
from tfchain.ledger.changes import CONSTANT_NAME, SetConstant
from tfchain.ledger.state import State
from tfchain.tx import changes
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeConstant:
    """Sent by the reward account of a validator.

    `name` as in the genesis file: `consensus.propose`, `evidence.blocks`, `ledger.settle_nodes`;
    `value` in that constant's unit.
    """

    name: Annotated[str, CONSTANT_NAME]
    value: U64

    def apply(self, state: State, context: Context) -> None:
        """Refused with `not_a_validator`, `constant`, `no_change`, `agenda_full`."""
        action = SetConstant(name=self.name, value=self.value)
        changes.propose(state, context, action, force=False)
