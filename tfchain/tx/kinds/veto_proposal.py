"""veto_proposal: a guardian objects to what farms vote on; three objections kill it."""

from dataclasses import dataclass

from tfchain.base.shapes import U32
from tfchain.ledger.state import State
from tfchain.tx import proposals
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class VetoProposal:
    """Sent by a guardian, once."""

    proposal: U32

    def apply(self, state: State, context: Context) -> None:
        """Note the veto; the third closes the proposal.

        Refused with `unknown_proposal`, `closed`, `wrong_chamber`, `not_a_guardian`,
        `duplicate_veto`.
        """
        proposals.veto(state, context, self.proposal)
