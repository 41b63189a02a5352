"""One row of the read model, by its name."""

from sqlite3 import Connection
from typing import Final

from tfchain.errors import Unavailable
from tfchain.index.database import meta
from tfchain.index.model import GENESIS
from tfchain.node.answers import Json
from tfchain.web.api import rows
from tfchain.web.api.ledger import Question
from tfchain.web.api.listing import Shown
from tfchain.web.api.parameters import Values


def one(query: str, shown: Shown, *names: str) -> Question:
    """The row that these parameters find."""

    def question(connection: Connection, values: Values) -> Json:
        bound = tuple(values[name] for name in names)
        found = connection.execute(query, bound).fetchone()
        return None if found is None else shown.make(found)

    return question


def genesis(connection: Connection, _values: Values) -> Json:
    """The text of the genesis file."""
    text = meta(connection, GENESIS)
    if text is None:
        what = "there is no chain here yet"
        raise Unavailable(what, "the read model", "wait until it has found its validator")
    return text.decode()


_RECEIPT: Final = "SELECT * FROM receipts WHERE id = ?1 OR text_hash = ?1 ORDER BY schedule, period"

block: Final = one("SELECT * FROM blocks WHERE height = ?", rows.BLOCK, "height")
transaction: Final = one("SELECT * FROM transactions WHERE id = ?", rows.TRANSACTION, "id")
seat: Final = one("SELECT * FROM seats WHERE validator = ?", rows.SEAT, "validator")
receipt: Final = one(_RECEIPT, rows.RECEIPT, "id")
fixup: Final = one("SELECT * FROM fixups WHERE fixup = ?", rows.FIXUP, "id")
