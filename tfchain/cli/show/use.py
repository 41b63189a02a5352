"""What users have of nodes, with words where the ledger has numbers."""

from tfchain.ledger.cultivation import CONTRACT_TYPES, NO_GRACE, CapacityContract
from tfchain.node.answers import record
from tfchain.rules.billing import LEVELS


def capacity_fields(row: CapacityContract) -> dict[str, object]:
    """The record's fields: its type by name, the discount of the last bill, whether it is in grace."""
    return {
        **record(row),
        "type": CONTRACT_TYPES[row.type],
        "state": "active" if row.grace_since == NO_GRACE else "grace",
        "discount": LEVELS[row.discount],
    }
