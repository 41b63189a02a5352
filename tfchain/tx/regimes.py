"""What a regime offers to whoever registers now: genesis or a vote says it, number by number.

An offer is a row of the constants, with all numbers of its regime or none, which means those of its
time. A number that guardians set by name goes before every offer, until they set it anew (rules.md 4).
"""

from typing import Final

from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.params import RegimeRow
from tfchain.ledger.state import State
from tfchain.rules.regime import names_of, numbers_of
from tfchain.rules.schedule import REGIMES


def rule_names(number: int) -> tuple[str, ...]:
    """What the numbers of a regime's offer are called in votes, in its order: `regime.number`."""
    regime = REGIMES[number]
    return tuple(f"{regime.name}.{name}" for name in names_of(type(regime.offer)))


RULE_NAMES: Final = frozenset(name for number in REGIMES for name in rule_names(number))


def offered(state: State, row: RegimeRow) -> tuple[int, ...]:
    """The numbers of a row, with what votes said of single ones."""
    numbers = row.offer or numbers_of(REGIMES[row.regime].offer)
    names = rule_names(row.regime)
    return tuple(_ruled(state, *pair) for pair in zip(names, numbers, strict=True))


def check_offer(number: int, offer: tuple[int, ...]) -> None:
    """`Rejected("unknown_regime")` for no regime, `regime_offer` for too many or too few numbers."""
    if number not in REGIMES:
        raise Rejected("unknown_regime", f"regime {number}")
    due = len(rule_names(number))
    if offer and len(offer) != due:
        raise Rejected("regime_offer", f"{due} numbers are due, or none")


def _ruled(state: State, name: str, number: int) -> int:
    known = tables.RULES.get(state, name.encode())
    return number if known is None else known.value
