"""leave_validators: a validator gives up its power, and gets its bond back in time (P24)."""

from dataclasses import dataclass

from tfchain.errors import Rejected
from tfchain.ledger import roster
from tfchain.ledger.state import State
from tfchain.ledger.validators import ValidatorAddress
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveValidators:
    """Sent by the validator's reward account; no vote is asked for.

    It goes on until two heights later, and gets its bond back once no evidence against it can be
    accepted any more.
    """

    validator: ValidatorAddress

    def apply(self, state: State, context: Context) -> None:
        """Take its power from two heights later on.

        Refused with `unknown_validator`, `not_the_owner`, `accused`, `no_change`,
        `last_validator`, `leaving_full`; and with `third` where a vote with force is due.
        """
        seat = roster.seat_of(state, self.validator)
        if seat.reward_account != context.sender:
            raise Rejected("not_the_owner", "its reward account makes a validator leave")
        if seat.fault is not None:
            raise Rejected("accused", "what it signed twice comes first")
        if seat.power == 0:
            raise Rejected("no_change", "it has left already")
        roster.leave(state, context.height, self.validator)
        roster.check_third(state, context.height)
