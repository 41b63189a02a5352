"""propose_upgrade: from a height on the chain runs by another rule set (P28)."""

from dataclasses import dataclass
from typing import Annotated

from tfchain.base.shapes import U16
from tfchain.base.units import Height
from tfchain.ledger.changes import RELEASE, Upgrade
from tfchain.ledger.state import State
from tfchain.tx import changes
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeUpgrade:
    """Sent by the reward account of a validator.

    A node without the rule set stops before `height` and names `release`, the first that has it.
    """

    height: Height
    rules: U16
    release: Annotated[str, RELEASE]

    def apply(self, state: State, context: Context) -> None:
        """Refused with `not_a_validator`, `too_early`, `old_rules`, `agenda_full`."""
        action = Upgrade(height=self.height, rules=self.rules, release=self.release)
        changes.propose(state, context, action, force=False)
