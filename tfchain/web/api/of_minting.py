"""Endpoints about minting and votes: periods with their batches, receipts, mints, proposals, guardians."""

from typing import Final

from tfchain.base.units import U32_MAX
from tfchain.ledger import tables
from tfchain.node.ledger_views import BATCHES_MAX
from tfchain.node.queries import BATCHES_SHOWN
from tfchain.web.api import ledger, lists, rows, single, told
from tfchain.web.api.endpoint import Endpoint, Read, listed
from tfchain.web.api.lists import named
from tfchain.web.api.of_grid import row
from tfchain.web.api.parameters import Hexed, Number, Parameter, Word
from tfchain.web.api.schemas import record_of

PAGE_MAX: Final = 1_000
PLACE: Final = (
    named("schedule", Number(0, 0xFF), "the schedule's number"),
    named("period", Number(0, U32_MAX), "the period's number"),
)

BATCHES: Final = (
    listed("/v1/periods", "minting", "Periods with their batches, the newest first", lists.PERIODS),
    listed(
        "/v1/periods/{schedule}/{period}/moves",
        "minting",
        "When a batch came to each of its states",
        lists.MOVES,
    ),
    Endpoint(
        path="/v1/batches",
        tag="minting",
        summary="The newest batches of each schedule, oldest first",
        does=Read(question=ledger.batches),
        answer=told.BATCHES,
        parameters=(
            Parameter(
                name="last",
                sort=Number(0, BATCHES_MAX),
                about="how many of each",
                default=BATCHES_SHOWN,
            ),
        ),
    ),
    Endpoint(
        path="/v1/batches/{schedule}/{period}",
        tag="minting",
        summary="A batch, and what its guardians said",
        does=Read(question=ledger.batch),
        answer=told.BATCH,
        parameters=PLACE,
        finds=True,
    ),
    Endpoint(
        path="/v1/batches/{schedule}/{period}/{rows}",
        tag="minting",
        summary="A batch's receipts or mints in node order, a page at a time",
        does=Read(question=ledger.rows_of_batch),
        answer=told.ROWS_OF_BATCH,
        parameters=(
            *PLACE,
            named("rows", Word(["receipts", "mints"]), "which of them"),
            Parameter(name="from", sort=Number(0, U32_MAX), about="the first node", default=0),
            Parameter(
                name="limit", sort=Number(0, PAGE_MAX), about="rows at most", default=PAGE_MAX
            ),
        ),
    ),
)
PAY: Final = (
    listed("/v1/receipts", "minting", "Receipts, the newest batch first", lists.RECEIPTS),
    Endpoint(
        path="/v1/receipts/{id}",
        tag="minting",
        summary="A receipt by its id on the ledger, or by the hash of its public text",
        does=Read(question=single.receipt),
        answer=rows.RECEIPT.schema,
        parameters=(named("id", Hexed(32, 32), "its id, or its text's hash"),),
        finds=True,
    ),
    listed("/v1/mints", "minting", "Coins that came to be, the newest first", lists.MINTS),
    listed("/v1/fixups", "minting", "Receipts that were put right", lists.FIXUPS),
    row("/v1/fixups/{id}", "minting", "A receipt that was put right", tables.FIXUPS),
)
VOTES: Final = (
    listed("/v1/proposals", "votes", "Proposals, the newest first", lists.PROPOSALS),
    row("/v1/proposals/{id}", "votes", "A proposal, and what became of it", tables.PROPOSALS),
    listed("/v1/proposals/{proposal}/votes", "votes", "Who voted what on it", lists.VOTES),
    listed("/v1/policies", "votes", "Farming policies", lists.POLICIES),
    row("/v1/policies/{id}", "votes", "A farming policy", tables.POLICIES),
    Endpoint(
        path="/v1/guardians",
        tag="votes",
        summary="The guardians of today",
        does=Read(question=ledger.row_at(tables.GUARDIANS, ledger.single)),
        answer=record_of(tables.GUARDIANS.record),
    ),
    Endpoint(
        path="/v1/agenda",
        tag="votes",
        summary="Which changes of validators, constants and rules are voted on",
        does=Read(question=ledger.row_at(tables.AGENDA, ledger.single)),
        answer=record_of(tables.AGENDA.record),
    ),
    listed("/v1/changes", "votes", "Changes that were proposed, the newest first", lists.CHANGES),
    row("/v1/changes/{id}", "votes", "A proposed change, and what became of it", tables.CHANGES),
)
