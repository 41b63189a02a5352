"""Schemas of what a validator tells: `node.answers` and `ledger_answers` word it, in part by hand."""

from typing import Final

from tfchain.ledger.header import Header
from tfchain.ledger.minting import STATES, Attestation, Batch, Commitment, MintRecord, Receipt
from tfchain.ledger.records import Account
from tfchain.ledger.validators import Validator
from tfchain.web.api import schemas
from tfchain.web.api.schemas import (
    ADDRESS,
    ANYTHING,
    BYTES,
    FLAG,
    HASH,
    NUMBER,
    TEXT,
    WIDE,
    Object,
    fields_of,
    many,
    maybe,
    record_of,
)

_VOTE: Final[Object] = {"type": "string", "enum": ["signed", "absent", "nil"]}
_STATE: Final[Object] = {"type": "string", "enum": [*STATES]}
_MACHINE: Final = ("frontier", "mints_frontier", "state")
SIGNED: Final = fields_of(
    height=NUMBER, id=HASH, header=BYTES, part_count=NUMBER, part_root=HASH, commit=BYTES
)
_CODED: Final = fields_of(id=HASH, kind=TEXT, sender=ADDRESS, nonce=WIDE, fee=WIDE, code=TEXT)
BLOCK: Final = record_of(
    Header,
    id=HASH,
    bytes=NUMBER,
    evidence=many(fields_of(validator=BYTES, twice=TEXT, height=NUMBER, round=NUMBER)),
    txs=many(_CODED),
    round=NUMBER,
    signatures=many(_VOTE),
    signed=SIGNED,
)
VALIDATORS: Final = fields_of(
    chain_id=TEXT,
    height=NUMBER,
    total_power=WIDE,
    quorum=WIDE,
    validators=many(
        record_of(Validator, power=WIDE, priority={**TEXT, "pattern": "^-?[0-9]+$"}, vote=_VOTE)
    ),
    signed=SIGNED,
)
TX: Final = fields_of(
    id=HASH,
    status={"type": "string", "enum": ["committed", "pending", "unknown"]},
    height=maybe(NUMBER),
    position=maybe(NUMBER),
    code=maybe(TEXT),
)
SUBMIT: Final = fields_of(
    txs={
        "type": "array",
        "items": {"type": "string", "pattern": "^(?:[0-9a-f]{2})*$", "maxLength": 32_768},
        "minItems": 1,
        "maxItems": 1_000,
    }
)
SUBMITTED: Final = fields_of(
    results=many(
        {
            "type": "object",
            "properties": {"id": HASH, "code": TEXT, "detail": TEXT, "height": NUMBER},
            "required": ["id", "code", "detail"],
            "additionalProperties": False,
        }
    )
)
ATTACK: Final = fields_of(attack={"type": "string", "pattern": "^(?:[0-9a-f]{2})*$"})
GUILTY: Final = fields_of(guilty=many(BYTES), pieces=NUMBER)
LIGHT: Final = fields_of(height=NUMBER, light_block=BYTES)
SEALED: Final = fields_of(
    sealed=many(fields_of(height=NUMBER, schedule=NUMBER, period=NUMBER)), next=maybe(NUMBER)
)
_PROOF: Final = fields_of(
    table=TEXT,
    key=BYTES,
    row=maybe(BYTES),
    state_height=NUMBER,
    tree=fields_of(siblings=many(HASH), leaf=many(BYTES)),
    table_root=HASH,
    state=fields_of(index=NUMBER, count=NUMBER, path=many(HASH), root=HASH),
    block=SIGNED,
)
_LEAF: Final = maybe(fields_of(row=BYTES, index=NUMBER, count=NUMBER, path=many(HASH)))
PROOF: Final[Object] = {
    "anyOf": [_PROOF, fields_of(table=TEXT, key=BYTES, receipt=_LEAF, mint=_LEAF, batch=_PROOF)]
}
STATUS: Final[Object] = {
    "type": "object",
    "properties": {
        "version": TEXT,
        "chain_id": TEXT,
        "height": NUMBER,
        "block_id": HASH,
        "time_ms": NUMBER,
        "state_root": HASH,
        "validator": maybe(ADDRESS),
        "peers": many(ANYTHING),
        "batches": many(ANYTHING),
        "totals": ANYTHING,
        "supply": ANYTHING,
    },
    "required": ["version", "chain_id", "height", "block_id", "time_ms", "state_root"],
}
ACCOUNT: Final = record_of(
    Account,
    address=ADDRESS,
    locked=WIDE,
    staked=WIDE,
    locks=many(fields_of(node_id=NUMBER, amount=WIDE, waits=TEXT, until=maybe(NUMBER))),
)
BATCH: Final = record_of(
    Batch,
    _MACHINE,
    state=_STATE,
    commitments=many(record_of(Commitment, guardian=ADDRESS)),
    attestations=many(record_of(Attestation, guardian=ADDRESS)),
)
BATCHES: Final = fields_of(
    batches=many(record_of(Batch, (*_MACHINE, "guardians", "answers"), state=_STATE))
)
_NEXT: Final = maybe(NUMBER)
ROWS_OF_BATCH: Final[Object] = {
    "anyOf": [
        fields_of(receipts=many(record_of(Receipt, id=HASH)), next=_NEXT),
        fields_of(mints=many(record_of(MintRecord)), next=_NEXT),
    ]
}
WEB_STATUS: Final = fields_of(
    version=TEXT,
    layout=TEXT,
    chain_id=maybe(TEXT),
    height=NUMBER,
    block_id=maybe(HASH),
    state_root=maybe(HASH),
    checksum=maybe(HASH),
    node=maybe(TEXT),
    node_height=NUMBER,
    behind=NUMBER,
    agrees=maybe(FLAG),
    trouble=TEXT,
)
ERROR: Final = fields_of(error=schemas.TEXT)
