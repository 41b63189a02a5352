"""propose: a farm or a guardian puts a measure to the vote (rules.md 9)."""

from dataclasses import dataclass
from typing import Annotated

from tfchain.base.shapes import U32, Hash
from tfchain.base.units import FarmId, Seconds
from tfchain.ledger.measures import AnyMeasure, Measure
from tfchain.ledger.proposals import LINK
from tfchain.ledger.state import State
from tfchain.tx import measures, proposals
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose:
    """`farm_id`: the sender's farm that proposes; 0: a guardian does.

    `measure`: a name with its fields, like `set_price:price=90`. `text_hash` and `link`: of the text
    that says why. `threshold`: farms that must vote, five or a tenth of all at least; of no meaning
    where guardians decide. `seconds`: how long the vote lasts; 0: as long as is usual.
    """

    farm_id: FarmId
    measure: Annotated[Measure, AnyMeasure()]
    text_hash: Hash
    link: Annotated[str, LINK]
    threshold: U32
    seconds: Seconds

    def apply(self, state: State, context: Context) -> None:
        """Open the vote. What could not be done today is refused at once.

        Refused with `not_a_guardian`, `unknown_farm`, `not_the_owner`, `too_new`, `threshold`,
        `duration`, `docket_full`, `duplicate_proposal`, and with what refuses the measure.
        """
        draft = proposals.Draft(
            farm_id=self.farm_id,
            measure=self.measure,
            text_hash=self.text_hash,
            link=self.link,
            threshold=self.threshold,
            duration=self.seconds,
        )
        opened = proposals.propose(state, context, draft)
        measures.carry_out(state.branch(), context, opened.id, self.measure)
