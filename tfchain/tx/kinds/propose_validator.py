"""propose_validator: somebody puts up a bond and asks to become a validator (P24)."""

from dataclasses import dataclass
from typing import Annotated

from tfchain.base.units import Address, Power, Utft
from tfchain.ledger.changes import SOME_POWER, Join
from tfchain.ledger.state import State
from tfchain.tx import changes
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeValidator:
    """Sent by whoever puts up `bond`; it is taken now, and given back if the vote fails.

    `validator_key`: what it signs blocks with. `reward_account` gets the fees, votes for the
    validator, may make it leave, and gets the bond back in the end. `force`: whether it may shift a
    third of the power in one block.
    """

    validator_key: Address
    power: Annotated[Power, SOME_POWER]
    bond: Utft
    reward_account: Address
    force: bool

    def apply(self, state: State, context: Context) -> None:
        """Open the vote; the sender's own, if it has one, is a yes.

        Refused with `balance`, `known_validator`, `set_full`, `power_total`, `agenda_full`, `third`.
        """
        action = Join(
            key=self.validator_key,
            power=self.power,
            bond=self.bond,
            reward_account=self.reward_account,
        )
        changes.propose(state, context, action, force=self.force)
