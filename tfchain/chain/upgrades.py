"""Rule sets: which ones this program knows, and the height before which it must stop (P28)."""

from typing import Final

from tfchain.base.units import Height
from tfchain.errors import Unavailable
from tfchain.ledger import tables
from tfchain.ledger.state import State

RULES_KNOWN: Final = 1
"""The latest rule set that this program can run; it knows all earlier ones, too."""


def check_rules(state: State, height: Height, known: int = RULES_KNOWN) -> None:
    """Whether this program can check and run the block of this height on its parent's `state`.

    Raises:
        Unavailable: names the height, the rule set and the release that has it. Nothing is damaged:
            the newer program goes on from the same folder.
    """
    upgrade = tables.UPGRADE.get(state, tables.SINGLE)
    if upgrade is None or height < upgrade.height or upgrade.rules <= known:
        return
    what = f"block {upgrade.height} and what follows run by rule set {upgrade.rules}"
    where = f"this program knows rule sets up to {known}"
    raise Unavailable(what, where, f"install release {upgrade.release} and start again")
