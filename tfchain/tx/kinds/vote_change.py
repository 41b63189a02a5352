"""vote_change: a validator votes for a proposed change, or takes its vote back."""

from dataclasses import dataclass

from tfchain.base.shapes import U32
from tfchain.ledger.state import State
from tfchain.tx import changes
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteChange:
    """Sent by the reward account of a validator, and weighs as much as that has power.

    The vote that brings the yes to more than two thirds carries the change at once.
    """

    change: U32
    yes: bool

    def apply(self, state: State, context: Context) -> None:
        """Count the vote, and carry the change if it was the one that was wanting.

        Refused with `unknown_change`, `closed`, `not_a_validator`, `third`, and with what refuses
        the change itself now: then the vote does not count.
        """
        changes.vote(state, context, self.change, yes=self.yes)
