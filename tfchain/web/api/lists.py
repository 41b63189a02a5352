"""The lists of the API: which rows, in which order, by what they are found."""

from typing import Final

from tfchain.base.units import U32_MAX
from tfchain.ledger import proposals
from tfchain.tx.registry import KINDS, name_of
from tfchain.web.api import rows
from tfchain.web.api.listing import Listing
from tfchain.web.api.parameters import Account, Hexed, Number, Parameter, Sort, Text, Word

_PLACE: Final = (("height", int), ("position", int))
_BATCH: Final = (("schedule", int), ("period", int))
_OF_BATCH: Final = (*_BATCH, ("node_id", int))
_SCHEDULE: Final = Number(0, 0xFF)
_ID: Final = Number(0, U32_MAX)
VALIDATOR: Final = Hexed(20, 20)

MINTS_FROM: Final = """(
    SELECT height, 0 AS kind, schedule AS first, period AS second, node_id, 'batch' AS source,
        schedule, period, CAST(NULL AS INTEGER) AS fixup, account, amount, "lock" FROM mints
    UNION ALL
    SELECT height, 1, fixup, CAST(0 AS INTEGER), node_id, 'fixup', CAST(NULL AS INTEGER),
        CAST(NULL AS INTEGER), fixup, account, amount, "lock"
        FROM fixup_mints)"""
"""Each column has one affinity in both halves: only then SQLite merges them by their indexes."""
MINTS_ORDER: Final = ("height", "kind", "first", "second", "node_id")


def filtered(name: str, sort: Sort, about: str) -> Parameter:
    """A filter: the column of that name is equal."""
    return Parameter(name=name, sort=sort, about=about)


def named(name: str, sort: Sort, about: str) -> Parameter:
    """A part of the path that is the column of that name."""
    return Parameter(name=name, sort=sort, about=about, where="path")


_FARM: Final = filtered("farm_id", _ID, "those of this farm")
_NODE: Final = filtered("node_id", _ID, "those of this node")
_OF_NODE: Final = named("node_id", _ID, "the node's number")
_KIND: Final = filtered("kind", Word([name_of(kind) for kind in KINDS]), "those of this kind")

HEIGHT: Final = named("height", Number(1), "the block's height")

BLOCKS: Final = Listing(
    table="blocks",
    keys=(("height", int),),
    newest=True,
    shown=rows.BLOCK,
    filters=(filtered("proposer", VALIDATOR, "those that this validator proposed"),),
)
TRANSACTIONS: Final = Listing(
    table="transactions",
    keys=_PLACE,
    newest=True,
    shown=rows.TRANSACTION,
    filters=(_KIND, filtered("code", Text(64), "those that came to this code")),
)
TRANSACTIONS_OF_BLOCK: Final = Listing(
    table="transactions",
    keys=_PLACE,
    shown=rows.TRANSACTION,
    filters=(HEIGHT,),
)
TRANSACTIONS_OF_ACCOUNT: Final = Listing(
    table="account_txs JOIN transactions USING (height, position)",
    keys=_PLACE,
    newest=True,
    shown=rows.TRANSACTION,
    filters=(named("account", Account(), "the account"),),
)
TRANSACTIONS_OF_NODE: Final = Listing(
    table="node_txs JOIN transactions USING (height, position)",
    keys=_PLACE,
    newest=True,
    shown=rows.TRANSACTION,
    filters=(_OF_NODE,),
)
ACCOUNTS: Final = Listing(
    table="accounts", keys=(("account", str),), shown=rows.mirrored("accounts", "account")
)
TWINS: Final = Listing(
    table="twins",
    keys=(("twin_id", int),),
    shown=rows.mirrored("twins"),
    filters=(filtered("account", Account(), "those of this account"),),
)
FARMS: Final = Listing(
    table="farms",
    keys=(("farm_id", int),),
    shown=rows.mirrored("farms"),
    filters=(
        filtered("name", Text(64), "the one of this name"),
        filtered("twin_id", _ID, "those of this twin"),
    ),
)
NODES: Final = Listing(
    table="nodes",
    keys=(("node_id", int),),
    shown=rows.mirrored("nodes"),
    filters=(_FARM, filtered("country", Text(64), "those of this country")),
)
LINES: Final = Listing(
    table="lines",
    keys=(("height", int), ("position", int), ("start", int)),
    newest=True,
    shown=rows.LINE,
    filters=(_OF_NODE,),
)
STATEMENT: Final = Listing(
    table="lines",
    keys=_PLACE,
    shown=rows.LINE,
    filters=(_OF_NODE, named("start", Number(), "the second at which the period starts")),
)
RECEIPTS: Final = Listing(
    table="receipts",
    keys=_OF_BATCH,
    newest=True,
    shown=rows.RECEIPT,
    filters=(_FARM, _NODE, filtered("violation", Number(0, 0xFF), "those with this violation")),
)
RECEIPTS_OF_NODE: Final = Listing(
    table="receipts", keys=_OF_BATCH, newest=True, shown=rows.RECEIPT, filters=(_OF_NODE,)
)
PERIODS: Final = Listing(
    table="batches",
    keys=_BATCH,
    newest=True,
    shown=rows.state_named(rows.mirrored("batches", without=("frontier", "mints_frontier"))),
    filters=(filtered("schedule", _SCHEDULE, "those of this schedule"),),
)
MOVES: Final = Listing(
    table="batch_moves",
    keys=(*_BATCH, ("state", int)),
    shown=rows.MOVE,
    filters=(
        named("schedule", _SCHEDULE, "the schedule's number"),
        named("period", _ID, "the period's number"),
    ),
)
MINTS: Final = Listing(
    table=MINTS_FROM,
    keys=tuple((name, int) for name in MINTS_ORDER),
    newest=True,
    shown=rows.MINT,
    filters=(_NODE, filtered("account", Account(), "those of this account")),
)
FIXUPS: Final = Listing(
    table="fixups", keys=(("fixup", int),), newest=True, shown=rows.FIXUP, filters=(_NODE,)
)
SUPPLY: Final = Listing(table="supply", keys=(("height", int),), newest=True, shown=rows.SUPPLY)
PROPOSALS: Final = Listing(
    table="proposals",
    keys=(("proposal", int),),
    newest=True,
    shown=rows.mirrored("proposals"),
    filters=(
        filtered("state", Number(0, len(proposals.STATES) - 1), "those in this state"),
        filtered("farm_id", _ID, "those of this farm"),
    ),
)
VOTES: Final = Listing(
    table="votes",
    keys=(("farm_id", int),),
    shown=rows.mirrored("votes"),
    filters=(named("proposal", _ID, "the proposal's number"),),
)
CHANGES: Final = Listing(
    table="changes", keys=(("change", int),), newest=True, shown=rows.mirrored("changes")
)
SEATS: Final = Listing(table="seats", keys=(("validator", str),), shown=rows.SEAT)
MISSED: Final = Listing(
    table="missed_votes",
    keys=(("height", int), ("validator", str)),
    newest=True,
    shown=rows.MISSED,
    filters=(filtered("validator", VALIDATOR, "those of this validator"),),
)
FAULTS: Final = Listing(
    table="faults",
    keys=(("height", int), ("place", int)),
    newest=True,
    shown=rows.FAULT,
    filters=(filtered("validator", VALIDATOR, "those of this validator"),),
)
POLICIES: Final = Listing(
    table="policies", keys=(("policy_id", int),), shown=rows.mirrored("policies")
)
CONTRACTS: Final = Listing(
    table="capacity",
    keys=(("contract_id", int),),
    shown=rows.mirrored("capacity"),
    filters=(filtered("twin_id", _ID, "those of this twin"), _NODE),
)
