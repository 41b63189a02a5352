"""enact: what was voted comes into force, in plain sight. Nobody signs it; everybody derives it."""

from dataclasses import dataclass
from typing import Annotated

from tfchain.base.shapes import U32
from tfchain.ledger.measures import AnyMeasure, Measure
from tfchain.ledger.state import State
from tfchain.tx import measures
from tfchain.tx.kind import Context
from tfchain.tx.proposals import done


@dataclass(frozen=True, slots=True, kw_only=True)
class Enact:
    """A proposal that was passed, and its measure.

    It stands behind the mints, in the first block after the one that decided the vote. A block
    without one that is due, or with another one than everybody derives, is invalid.
    """

    proposal: U32
    measure: Annotated[Measure, AnyMeasure()]

    def apply(self, state: State, context: Context) -> None:
        """Do it. What cannot be done any more is refused, and the proposal has failed."""
        measures.carry_out(state, context, self.proposal, self.measure)
        done(state, context.height, self.proposal, failed=False)
