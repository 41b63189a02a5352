"""propose_power: another power for a validator; 0 votes it out, any other takes it out of jail."""

from dataclasses import dataclass
from typing import Annotated

from tfchain.base.units import Power
from tfchain.ledger.changes import ANY_POWER, SetPower
from tfchain.ledger.state import State
from tfchain.ledger.validators import ValidatorAddress
from tfchain.tx import changes
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposePower:
    """Sent by the reward account of a validator. `validator`: the 20 bytes that headers name it by.

    `force`: whether it may shift a third of the power in one block.
    """

    validator: ValidatorAddress
    power: Annotated[Power, ANY_POWER]
    force: bool

    def apply(self, state: State, context: Context) -> None:
        """Open the vote; the sender's own is a yes.

        Refused with `not_a_validator`, `unknown_validator`, `no_change`, `accused`,
        `last_validator`, `leaving_full`, `set_full`, `power_total`, `agenda_full`, `third`.
        """
        action = SetPower(validator=self.validator, power=self.power)
        changes.propose(state, context, action, force=self.force)
