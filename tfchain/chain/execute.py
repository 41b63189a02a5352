"""The only way state moves: node, auditor, importer and simulator call this one function (P32).

It reads no header. Signatures are the caller's: whoever executes a block has had them verified.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tfchain.base import merkle
from tfchain.base.codec import encode
from tfchain.base.units import Address, Height, Millis, Utft
from tfchain.chain import batches, mints
from tfchain.chain.admit import admit, context_of, seconds
from tfchain.chain.settle import settle
from tfchain.errors import InvalidBlock, Malformed, Rejected
from tfchain.ledger import tables
from tfchain.ledger.accounts import credit
from tfchain.ledger.block import results_root
from tfchain.ledger.params import Params
from tfchain.ledger.state import Reader, State
from tfchain.ledger.tree import Change, Tree, key_hash, rows_of, value_hash
from tfchain.tx.kind import Kind
from tfchain.tx.registry import open_body
from tfchain.tx.transaction import Transaction, decode_transaction

OK = "ok"
"""The code of a transaction that took effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A block as execution sees it."""

    height: Height
    time_ms: Millis
    reward_account: Address
    """Where the proposer's fees go."""
    txs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a block came to."""

    codes: tuple[str, ...]
    results_root: bytes
    state_root: bytes
    table_roots: tuple[tuple[str, bytes], ...]
    rows: tuple[tuple[bytes, bytes | None], ...]
    """Rows for the store: state, archive and tree; None deletes."""


def execute(reader: Reader, block: Input) -> Outcome:
    """The outcome of a block on the state that `reader` holds.

    Raises:
        InvalidBlock: a transaction that may not stand here, or a mint that is missing or wrong.
    """
    state = State(reader)
    params = params_of(state)
    now = seconds(block.time_ms)
    due = check_mints(state, params, block)
    admitted = _admit_all(state, params, block, due)
    settling, minting = batches.plan(state, params, now)
    batches.advance(state, params, now)
    for share in settling:
        settle(state, params, share, now)
    codes = [_mint(state, params, block, raw) for raw in block.txs[:due]]
    for share in minting:
        batches.finish_if_done(state, share)
    codes += [_run(state, params, block, transaction, body) for transaction, body in admitted]
    batches.drop_kept(state, params, params.settle_nodes)
    fees = sum(transaction.envelope.fee for transaction, _ in admitted)
    if fees:
        credit(state, block.reward_account, Utft(fees))
    return outcome_of(reader, state, codes)


def check_txs(reader: Reader, block: Input) -> list[Transaction]:
    """Whether these transactions may stand in a block, in this order: no effect is run (P26).

    Returns:
        The signed transactions, for their signatures to be verified.

    Raises:
        InvalidBlock: as `execute`.
    """
    state = State(reader)
    params = params_of(state)
    due = check_mints(state, params, block)
    return [transaction for transaction, _ in _admit_all(state, params, block, due)]


def check_mints(state: State, params: Params, block: Input) -> int:
    """The number of mint transactions that stand first, as everybody derives them (P43)."""
    due = mints.due(state, params, block.height, seconds(block.time_ms))
    if list(block.txs[: len(due)]) != due:
        raise InvalidBlock(f"block {block.height}: the mint transactions are not those due")
    return len(due)


def params_of(state: State) -> Params:
    """The constants that the next block is judged by."""
    return tables.PARAMS.need(state, tables.SINGLE)


def _mint(state: State, params: Params, block: Input, raw: bytes) -> str:
    mint = decode_transaction(raw)
    open_body(mint).apply(state, context_of(mint, block.height, block.time_ms, params))
    return OK


def _admit_all(
    state: State, params: Params, block: Input, due: int
) -> list[tuple[Transaction, Kind]]:
    """All admissions come before the first effect, here and in `check_txs` alike.

    Nobody runs effects before voting (P26). Were they run in between, one transfer could empty the
    account that pays the next fee, and a block that was voted for could never be executed.
    """
    return [
        _admitted(state, params, block, place, raw)
        for place, raw in enumerate(block.txs[due:], start=due)
    ]


def _admitted(
    state: State, params: Params, block: Input, place: int, raw: bytes
) -> tuple[Transaction, Kind]:
    try:
        transaction = decode_transaction(raw)
        context = context_of(transaction, block.height, block.time_ms, params)
        return transaction, admit(state, transaction, context)
    except (Malformed, Rejected) as fault:
        raise InvalidBlock(f"block {block.height}, transaction {place}: {fault}") from fault


def _run(state: State, params: Params, block: Input, transaction: Transaction, body: Kind) -> str:
    """The code. The effect runs on a branch: refused, it leaves nothing but nonce and fee."""
    branch = state.branch()
    try:
        body.apply(branch, context_of(transaction, block.height, block.time_ms, params))
    except Rejected as refusal:
        return refusal.code
    branch.keep()
    return OK


def outcome_of(reader: Reader, state: State, codes: list[str]) -> Outcome:
    """Roots and rows of what was written."""
    trees = {table.tag: Tree(reader, table.tag) for table in tables.IN_TREE}
    changed: dict[int, list[Change]] = {table.tag: [] for table in tables.IN_TREE}
    rows: list[tuple[bytes, bytes | None]] = []
    for table, key, value in state.changes():
        rows.append((table.stored_at(key), value))
        if not table.archive:
            hashed = None if value is None else value_hash(value)
            changed[table.tag].append((key_hash(key), hashed))
    roots = tuple(
        (table.name, trees[table.tag].update(changed[table.tag])) for table in tables.IN_TREE
    )
    return Outcome(
        codes=tuple(codes),
        results_root=results_root(codes),
        state_root=state_root(roots),
        table_roots=roots,
        rows=(*rows, *rows_of(trees)),
    )


def state_root(roots: Sequence[tuple[str, bytes]]) -> bytes:
    """The Merkle root over (table name, table root): a divergence names the table, then the key."""
    return merkle.root(b"state", state_leaves(roots))


def state_leaves(roots: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """The leaves of the state root, in table order."""
    return [encode([name, root]) for name, root in roots]
