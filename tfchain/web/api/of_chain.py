"""Endpoints about the chain itself: where it stands, its blocks, transactions and validators, proofs."""

from typing import Final

from tfchain.ledger import tables
from tfchain.ledger.params import Params
from tfchain.ledger.records import Totals
from tfchain.node.queries import TREE_KEY_BYTES_MAX
from tfchain.web.api import ledger, lists, rows, single, told
from tfchain.web.api.endpoint import STREAM_TYPE, Elsewhere, Endpoint, Passed, Read, listed
from tfchain.web.api.lists import HEIGHT, VALIDATOR, named
from tfchain.web.api.parameters import HeightOrLast, Hexed, Number, Parameter, Word
from tfchain.web.api.schemas import TEXT, Object, record_of

TOML_TYPE: Final = "application/toml"
_ID: Final = named("id", Hexed(32, 32), "its id")
_OR_LAST: Final = named("height", HeightOrLast(), "a height, or `last`")
_TABLE: Final = named("table", Word([one.name for one in tables.TABLES]), "the table's name")
_KEY: Final = named("key", Hexed(1, TREE_KEY_BYTES_MAX), "the row's key")
_BINARY: Final[Object] = {"type": "string", "format": "binary"}

STANDING: Final = (
    Endpoint(
        path="/v1/status",
        tag="chain",
        summary="Where the validator stands: height, round, peers, supply, batches under way",
        does=Passed(waits=True),
        answer=told.STATUS,
    ),
    Endpoint(
        path="/v1/web/status",
        tag="chain",
        summary="Where this read model stands, and whether it agrees with the ledger",
        does=Elsewhere(),
        answer=told.WEB_STATUS,
    ),
    Endpoint(
        path="/v1/genesis",
        tag="chain",
        summary="The text of the genesis file",
        does=Read(question=single.genesis),
        answer=TEXT,
        media=TOML_TYPE,
    ),
    Endpoint(
        path="/v1/params",
        tag="chain",
        summary="The constants in force",
        does=Read(question=ledger.row_at(tables.PARAMS, ledger.single)),
        answer=record_of(Params),
    ),
    Endpoint(
        path="/v1/totals",
        tag="chain",
        summary="How much there is of everything: twins, farms, nodes, coins",
        does=Read(question=ledger.row_at(tables.TOTALS, ledger.single)),
        answer=record_of(Totals),
    ),
    listed("/v1/supply", "chain", "Every move of the supply, the newest first", lists.SUPPLY),
)
BLOCKS: Final = (
    Endpoint(
        path="/v1/blocks",
        tag="blocks",
        summary="Blocks as an export's records, from a height on",
        does=Passed(streams=True),
        answer=_BINARY,
        parameters=(
            Parameter(name="from", sort=Number(), about="the first height"),
            Parameter(name="follow", sort=Number(0, 1), about="1: go on as blocks come"),
        ),
        media=STREAM_TYPE,
    ),
    Endpoint(
        path="/v1/blocks/{height}",
        tag="blocks",
        summary="A block with its transactions, and what its signatures lead to",
        does=Passed(),
        answer=told.BLOCK,
        parameters=(_OR_LAST,),
        finds=True,
    ),
    listed("/v1/summaries", "blocks", "Blocks, the newest first", lists.BLOCKS),
    Endpoint(
        path="/v1/summaries/{height}",
        tag="blocks",
        summary="A block as in the list of blocks",
        does=Read(question=single.block),
        answer=rows.BLOCK.schema,
        parameters=(HEIGHT,),
        finds=True,
    ),
    listed(
        "/v1/summaries/{height}/transactions",
        "blocks",
        "A block's transactions, in its order",
        lists.TRANSACTIONS_OF_BLOCK,
    ),
    Endpoint(
        path="/v1/export",
        tag="blocks",
        summary="The whole chain as an export, as `tfchain audit` reads it",
        does=Passed(streams=True),
        answer=_BINARY,
        media=STREAM_TYPE,
    ),
)
TRANSACTIONS: Final = (
    Endpoint(
        path="/v1/txs",
        method="POST",
        tag="transactions",
        summary="Hand in signed transactions; an answer for each",
        does=Passed(),
        answer=told.SUBMITTED,
        body=told.SUBMIT,
    ),
    Endpoint(
        path="/v1/txs/{id}",
        tag="transactions",
        summary="Where a transaction is: committed, pending or unknown",
        does=Passed(waits=True),
        answer=told.TX,
        parameters=(_ID,),
    ),
    listed(
        "/v1/transactions", "transactions", "Transactions, the newest first", lists.TRANSACTIONS
    ),
    Endpoint(
        path="/v1/transactions/{id}",
        tag="transactions",
        summary="A transaction that is in a block, with its fields",
        does=Read(question=single.transaction),
        answer=rows.TRANSACTION.schema,
        parameters=(_ID,),
        finds=True,
    ),
)
VALIDATORS: Final = (
    Endpoint(
        path="/v1/validators",
        tag="validators",
        summary="Who may vote at a height, and who signed its block",
        does=Passed(),
        answer=told.VALIDATORS,
        parameters=(Parameter(name="height", sort=Number(), about="by default the last one"),),
        finds=True,
    ),
    listed("/v1/seats", "validators", "Every validator there ever was", lists.SEATS),
    Endpoint(
        path="/v1/seats/{validator}",
        tag="validators",
        summary="A validator's seat: power, bond, whether it is jailed, and what for",
        does=Read(question=single.seat),
        answer=rows.SEAT.schema,
        parameters=(named("validator", VALIDATOR, "its address"),),
        finds=True,
    ),
    listed("/v1/missed", "validators", "Votes that are in no commit", lists.MISSED),
    listed("/v1/faults", "validators", "Evidence of two statements at one place", lists.FAULTS),
)
PROOFS: Final = (
    Endpoint(
        path="/v1/sealed",
        tag="proofs",
        summary="Batches by the block in which they sealed, from a height on",
        does=Passed(),
        answer=told.SEALED,
        parameters=(Parameter(name="from", sort=Number(), about="the first height"),),
    ),
    Endpoint(
        path="/v1/proofs/{table}",
        tag="proofs",
        summary="That the only row of a table is there, by the header of the last block",
        does=Passed(),
        answer=told.PROOF,
        parameters=(_TABLE,),
    ),
    Endpoint(
        path="/v1/proofs/{table}/{key}",
        tag="proofs",
        summary="That a row is there, or is not, by the header of the last block",
        does=Passed(),
        answer=told.PROOF,
        parameters=(_TABLE, _KEY),
    ),
    Endpoint(
        path="/v1/light/attacks",
        method="POST",
        tag="proofs",
        summary="Evidence of an attack on light clients; who is guilty",
        does=Passed(),
        answer=told.GUILTY,
        body=told.ATTACK,
    ),
    Endpoint(
        path="/v1/light/{height}",
        tag="proofs",
        summary="A block's light form, for whoever verifies headers",
        does=Passed(),
        answer=told.LIGHT,
        parameters=(_OR_LAST,),
        finds=True,
    ),
)
