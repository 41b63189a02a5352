"""vote_proposal: a farm says yes or no to what farms decide."""

from dataclasses import dataclass

from tfchain.base.shapes import U32
from tfchain.base.units import FarmId
from tfchain.ledger.state import State
from tfchain.tx import proposals
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteProposal:
    """Sent by the farm's owner; weighs what the farm's nodes weighed that were paid last.

    A farm has one vote, whoever owns it meanwhile; it may be turned, never given twice.
    """

    proposal: U32
    farm_id: FarmId
    yes: bool

    def apply(self, state: State, context: Context) -> None:
        """Count the vote, and close the proposal where enough farms have voted.

        Refused with `unknown_proposal`, `closed`, `wrong_chamber`, `unknown_farm`, `not_the_owner`,
        `no_weight`, `duplicate_vote`.
        """
        proposals.vote_farm(state, context, self.proposal, self.farm_id, yes=self.yes)
