"""A contract's own part with the names that its regime gives its numbers."""

from tfchain.ledger.terms import OwnTerms
from tfchain.node.answers import record
from tfchain.rules.regime import POOLS, names_of
from tfchain.rules.schedule import REGIMES


def terms_fields(row: OwnTerms) -> dict[str, object]:
    """The record's fields, and the regime's numbers by name; amounts as text, as everywhere."""
    plain: dict[str, object] = {**record(row)}
    del plain["numbers"]
    regime = REGIMES[row.regime]
    names = names_of(regime.terms)
    own = {name: str(number) for name, number in zip(names, row.numbers, strict=True)}
    return {**plain, "regime": regime.name, "pool": POOLS[row.pool], **own}
