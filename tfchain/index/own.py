"""Tables of the read model's own: what a chain holds that is no row of its state, and ids."""

from typing import Final

from tfchain.index.entities import ENTITIES
from tfchain.index.mirrors import MIRRORS
from tfchain.index.schema import columns_of, snake
from tfchain.index.sheet import Form

_I: Final = "INTEGER"
_T: Final = "TEXT"

BLOCKS: Final = Form(
    name="blocks",
    columns=(
        ("height", _I),
        ("id", _T),
        ("time_ms", _I),
        ("proposer", _T),
        ("txs", _I),
        ("refused", _I),
        ("fees", _I),
        ("bytes", _I),
        ("minted", _I),
        ("state_root", _T),
        ("round", _I),
        ("signed", _I),
        ("missed", _I),
    ),
    indexes=(("id",), ("proposer", "height"), ("time_ms",)),
)
"""`state_root`: after this block. `round`, `signed`, `missed`: of its commit, which the next block
carries; null in the last one. `fees` went to the proposer's reward account."""
MISSED_VOTES: Final = Form(
    name="missed_votes",
    columns=(("height", _I), ("validator", _T)),
    keys=2,
    indexes=(("validator", "height"),),
)
FAULTS: Final = Form(
    name="faults",
    columns=(
        ("height", _I),
        ("place", _I),
        ("validator", _T),
        ("twice", _T),
        ("fault_height", _I),
        ("fault_round", _I),
    ),
    keys=2,
    indexes=(("validator",),),
)
"""Evidence that a block at `height` holds: who signed two things, and where."""
TRANSACTIONS: Final = Form(
    name="transactions",
    columns=(
        ("height", _I),
        ("position", _I),
        ("id", _T),
        ("kind", _T),
        ("sender", _T),
        ("nonce", _I),
        ("fee", _I),
        ("valid_until", _I),
        ("code", _T),
        ("bytes", _I),
        ("body", _T),
    ),
    keys=2,
    indexes=(("id",), ("kind", "height"), ("code", "height")),
)
"""`body`: the kind's fields as JSON. System transactions have no sender: null."""
ACCOUNT_TXS: Final = Form(
    name="account_txs",
    columns=(("account", _T), ("height", _I), ("position", _I)),
    keys=3,
)
"""Transactions that an account sent, or is named in."""
NODE_TXS: Final = Form(
    name="node_txs",
    columns=(("node_id", _I), ("height", _I), ("position", _I)),
    keys=3,
)
"""Transactions that name a node."""
LINES: Final = Form(
    name="lines",
    columns=(
        ("node_id", _I),
        ("start", _I),
        ("height", _I),
        ("position", _I),
        ("time", _I),
        ("what", _T),
        ("at", _I),
        ("uptime", _I),
        ("since", _I),
        ("until", _I),
        ("credited", _I),
        ("total", _I),
        ("down", _I),
        ("verdict", _T),
    ),
    keys=4,
    indexes=(("height",), ("node_id", "height", "position")),
)
"""Lines of statements: what each report did to the account of the node's period that starts then."""
RECEIPTS: Final = Form(
    name="receipts",
    columns=(
        ("schedule", _I),
        ("period", _I),
        ("node_id", _I),
        ("id", _T),
        ("text_hash", _T),
        ("farm_id", _I),
        ("account", _T),
        ("start", _I),
        ("end", _I),
        ("uptime", _I),
        ("amount", _I),
        ("musd", _I),
        ("violation", _I),
        ("reason", _T),
        ("height", _I),
        ("text", _T),
        ("json", _T),
    ),
    keys=3,
    indexes=(("node_id",), ("farm_id",), ("id",), ("text_hash",), ("violation",)),
)
"""`id`: the receipt's leaf under the proof-of-capacity hash. `text`, `text_hash`: in the layout of the
public minting program; what its regime has no text of is shown in the same layout."""
FIXUPS: Final = Form(
    name="fixups",
    columns=(
        ("fixup", _I),
        ("proposal", _I),
        ("schedule", _I),
        ("period", _I),
        ("node_id", _I),
        ("farm_id", _I),
        ("account", _T),
        ("owed", _I),
        ("offset", _I),
        ("payable", _I),
        ("debt", _I),
        ("height", _I),
        ("text_hash", _T),
        ("text", _T),
        ("json", _T),
    ),
    indexes=(("node_id",), ("text_hash",)),
)
FIXUP_MINTS: Final = Form(
    name="fixup_mints",
    columns=(
        ("fixup", _I),
        ("height", _I),
        ("node_id", _I),
        ("account", _T),
        ("amount", _I),
        ("lock", _I),
    ),
    indexes=(("height",), ("node_id",)),
)
RETRIES: Final = Form(
    name="retries",
    columns=(("hash", _T), ("text", _T)),
)
"""Receipts of payouts that were tried again. This ledger pays in its own coins, and knows none."""
BATCH_MOVES: Final = Form(
    name="batch_moves",
    columns=(("schedule", _I), ("period", _I), ("state", _I), ("height", _I), ("time", _I)),
    keys=3,
    indexes=(("height",),),
)
"""When a batch came to each of its states."""
SUPPLY: Final = Form(
    name="supply",
    columns=(
        ("height", _I),
        ("time", _I),
        ("minted_ever", _I),
        ("reserved", _I),
        ("burned", _I),
    ),
)
"""A row wherever one of the sums moved; the genesis is height 0."""
ENTITY_IDS: Final = Form(
    name="entity_ids",
    columns=(("entity", _T), ("number", _T), ("id", _T)),
    keys=2,
)
"""Under which id an entity stands that the ledger knows by a number."""

OWN: Final = (
    BLOCKS,
    MISSED_VOTES,
    FAULTS,
    TRANSACTIONS,
    ACCOUNT_TXS,
    NODE_TXS,
    LINES,
    RECEIPTS,
    FIXUPS,
    FIXUP_MINTS,
    RETRIES,
    BATCH_MOVES,
    SUPPLY,
    ENTITY_IDS,
)

OF_ENTITY: Final = {
    entity.name: Form(
        name=snake(entity.name),
        columns=tuple((column.name, column.sql_type) for column in columns_of(entity)),
    )
    for entity in ENTITIES.values()
}
"""The tables of the entities, made by `schema`."""

CONTENT: Final = (*OWN, *(mirror.form for mirror in MIRRORS), *OF_ENTITY.values())
"""Every table that the checksum is over."""
