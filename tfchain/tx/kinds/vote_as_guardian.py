"""vote_as_guardian: a guardian says yes or no to what guardians alone decide."""

from dataclasses import dataclass

from tfchain.base.shapes import U32
from tfchain.ledger.state import State
from tfchain.tx import proposals
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteAsGuardian:
    """Heads are counted (P23): more than two thirds of all guardians carry it at once."""

    proposal: U32
    yes: bool

    def apply(self, state: State, context: Context) -> None:
        """Count the vote, and close the proposal where it is decided.

        Refused with `unknown_proposal`, `closed`, `wrong_chamber`, `not_a_guardian`,
        `duplicate_vote`.
        """
        proposals.vote_guardian(state, context, self.proposal, yes=self.yes)
