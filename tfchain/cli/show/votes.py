"""Proposals, who voted what on them, and the history of what votes have moved.

Read row by row from what a node proves of its state: votes are public, and nobody keeps a list of
them beside the ledger.
"""

from typing import TypeVar

from rich.table import Table

from tfchain.base.units import FarmId
from tfchain.cli.show.asking import Plain, Question, Session, Shown, there
from tfchain.cli.show.reading import row_at
from tfchain.cli.show.tables import headed
from tfchain.ledger import tables
from tfchain.ledger.electorate import UNKNOWN
from tfchain.ledger.measures import MEASURES, NAMED
from tfchain.ledger.proposals import ENACTED, STATES, Proposal
from tfchain.ledger.state import Table as Kind
from tfchain.node.answers import record
from tfchain.tx.proposals import BLANK, cast_key

R = TypeVar("R")

VOTES_SHOWN = 100


def proposal_of(number: int) -> Question:
    """A proposal, and the votes cast on it, the first hundred of them."""

    async def ask(session: Session) -> Shown:
        found = await row_at(session, tables.PROPOSALS, tables.id_key(number))
        if found is None:
            there(None, f"proposal {number}")
        assert found is not None
        votes = await _rows(
            session,
            tables.VOTES,
            [cast_key(number, place) for place in range(min(found.casts, VOTES_SHOWN))],
        )
        fields: Plain = {**record(found), "state": STATES[found.state]}
        return Shown(plain={**fields, "votes": [record(vote) for vote in votes]})

    return ask


def history_of(measure: str) -> Question:
    """What was enacted, oldest first; with a name: of that measure alone."""

    async def ask(session: Session) -> Shown:
        docket = await row_at(session, tables.DOCKET, tables.SINGLE) or BLANK
        keys = [tables.id_key(number) for number in range(1, docket.last + 1)]
        rows = await _rows(session, tables.PROPOSALS, keys)
        enacted = [row for row in rows if row.state == ENACTED]
        wanted = [row for row in enacted if not measure or type(row.measure) is NAMED[measure]]
        plain = [{**record(row), "state": STATES[row.state]} for row in wanted]
        return Shown(plain={"enacted": plain}, table=_history(wanted))

    return ask


def standing_of(farm_id: FarmId) -> Question:
    """What the others say of a farm: certification, frauds, the policy attached to it."""

    async def ask(session: Session) -> Shown:
        found = await row_at(session, tables.STANDINGS, tables.id_key(farm_id))
        return Shown(plain={**record(found or UNKNOWN)})

    return ask


async def _rows(session: Session, table: Kind[R], keys: list[bytes]) -> list[R]:
    """Those that are there, in order."""
    found: list[R] = []
    for key in keys:
        row = await row_at(session, table, key)
        if row is not None:
            found.append(row)
    return found


def _history(rows: list[Proposal]) -> Table:
    table = headed("proposal", "measure", "in force from", "yes", "no")
    for row in rows:
        name = next(one.name for one in MEASURES if one.record is type(row.measure))
        fields = ", ".join(f"{key}={value}" for key, value in record(row.measure).items())
        yes = f"{row.farms_yes} farms, {len(row.guardians_yes)} guardians"
        no = f"{row.farms_no} farms, {len(row.guardians_no)} guardians"
        table.add_row(str(row.id), f"{name}: {fields}", str(row.enacted), yes, no)
    return table
