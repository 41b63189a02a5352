"""The only way state moves: node, auditor, importer and simulator call this one function (P32).

It reads no header. Signatures are the caller's: whoever executes a block has had them verified.
"""

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Final

from tfchain.base.made import maker
from tfchain.base.units import Address, Height, Millis, Utft
from tfchain.chain import batches, mints, standstill, succession
from tfchain.chain.admit import admit, context_of, seconds
from tfchain.chain.faults import accuse, check_evidence
from tfchain.chain.settle import settle
from tfchain.chain.upgrades import check_rules
from tfchain.errors import InvalidBlock, Malformed, Rejected
from tfchain.ledger import roster, tables
from tfchain.ledger.accounts import credit
from tfchain.ledger.block import results_root
from tfchain.ledger.evidence import Evidence
from tfchain.ledger.params import Params
from tfchain.ledger.roots import Roots, TableRoots, roots_over
from tfchain.ledger.state import Memory, Reader, State
from tfchain.ledger.tree import EMPTY, Change, Tree, key_hash, rows_of, value_hash
from tfchain.ledger.validators import Validator
from tfchain.tx import billing, proposals
from tfchain.tx.halting import check_halt
from tfchain.tx.kind import Context, Kind
from tfchain.tx.kinds.enact import Enact
from tfchain.tx.registry import open_body
from tfchain.tx.transaction import Check, Transaction, decode_transaction

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
    evidence: tuple[Evidence, ...] = ()
    """Misbehaviour that the block proves."""
    parent_root: bytes = b""
    """Root of the state that the block stands on: what is remembered of that state need not be read.
    Empty where the caller does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a block came to."""

    codes: tuple[str, ...]
    results_root: bytes
    state_root: bytes
    table_roots: TableRoots
    rows: tuple[tuple[bytes, bytes | None], ...]
    """Rows for the store; None deletes. Those of state and archive come before those of the tree."""
    validators: tuple[Validator, ...] | None = None
    """Who votes from two heights later on, where the block changed that (consensus 1.10.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A signed transaction that may stand in its block."""

    transaction: Transaction
    context: Context
    body: Kind


_MAKE_ADMITTED: Final = maker(Admitted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A block whose transactions were admitted, so that `execute` need not do it again."""

    block: Input
    state: State
    """Nonces, fees and report times have moved; nothing else has."""
    params: Params
    mints: int
    """Mint transactions that stand first."""
    admitted: tuple[Admitted, ...]
    evidence: tuple[Check, ...]
    """The signatures in the block's evidence, two a piece, to be verified with the others."""

    @property
    def transactions(self) -> list[Transaction]:
        """The signed transactions, for their signatures to be verified."""
        return [one.transaction for one in self.admitted]

    def on(self, reader: Reader) -> "Checked":
        """The same, to be executed by somebody who reads the same rows elsewhere."""
        return replace(self, state=self.state.read_from(reader))


def execute(reader: Reader, block: Input, checked: Checked | None = None) -> Outcome:
    """The outcome of a block on the state that `reader` holds.

    `checked`: what `check_txs` said of this block on this very state, if it was asked before; the
    outcome is the same without it.

    Raises:
        InvalidBlock: a transaction that may not stand here, or a mint that is missing or wrong.
    """
    if checked is None:
        checked = check_txs(reader, block)
    assert checked.block == block, "what was checked is another block"
    state, params, now = checked.state.copy(), checked.params, seconds(block.time_ms)
    accuse(state, block.height, block.evidence)
    standstill.note(state, params, block.height, block.time_ms)
    settling, minting = batches.plan(state, params, now)
    batches.advance(state, params, now)
    for share in settling:
        settle(state, params, share, now)
    codes = [_mint(state, params, block, raw) for raw in block.txs[: checked.mints]]
    for share in minting:
        batches.finish_if_done(state, share)
    branch = state.branch()
    codes += [_run(branch, one) for one in checked.admitted]
    batches.drop_kept(state, params, params.settle_nodes)
    billing.run(state, params, now)
    fees = sum(one.transaction.envelope.fee for one in checked.admitted)
    if fees:
        credit(state, block.reward_account, Utft(fees))
    succession.finish(state, params, block.height, block.time_ms)
    validators = roster.changed(state, block.height)
    return outcome_of(reader, state, codes, validators, block.parent_root)


def check_txs(reader: Reader, block: Input, memory: Memory | None = None) -> Checked:
    """Whether these transactions may stand in a block, in this order: no effect is run.

    All admissions come before the first effect, for nobody runs effects before voting (P26). Were
    they run in between, one transfer could empty the account that pays the next fee, and a block
    that was voted for could never be executed.

    `memory`: of who goes through many blocks; `execute` adds the rows that it writes.

    Raises:
        InvalidBlock: a transaction or evidence that may not stand here, or a mint that is missing
            or wrong.
        Unavailable: the height runs by rules that this program does not have.
    """
    state = State(reader, memory=memory)
    check_rules(state, block.height)
    params = params_of(state)
    evidence = check_evidence(state, params, block.height, block.time_ms, block.evidence)
    due = check_mints(state, params, block)
    signed = enumerate(block.txs[due:], start=due)
    admitted = tuple(_admitted(state, params, block, place, raw) for place, raw in signed)
    return Checked(
        block=block,
        state=state,
        params=params,
        mints=due,
        admitted=admitted,
        evidence=tuple(evidence),
    )


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
    derived = decode_transaction(raw)
    context = context_of(derived, block.height, block.time_ms, params)
    body = open_body(derived)
    branch = state.branch()
    try:
        body.apply(branch, context)
    except Rejected as refusal:
        assert isinstance(body, Enact), "a mint is never refused"
        proposals.done(state, block.height, body.proposal, failed=True)
        return refusal.code
    branch.keep()
    return OK


def _admitted(state: State, params: Params, block: Input, place: int, raw: bytes) -> Admitted:
    try:
        transaction = decode_transaction(raw)
        context = context_of(transaction, block.height, block.time_ms, params)
        body = admit(state, transaction, context)
    except (Malformed, Rejected) as fault:
        raise InvalidBlock(f"block {block.height}, transaction {place}: {fault}") from fault
    return _MAKE_ADMITTED(transaction, context, body)


def _run(branch: State, one: Admitted) -> str:
    """The code. Refused, the effect leaves nothing but nonce and fee; `branch`: for one at a time."""
    try:
        check_halt(branch, one.body)
        one.body.apply(branch, one.context)
    except Rejected as refusal:
        branch.drop()
        return refusal.code
    branch.keep()
    return OK


def outcome_of(
    reader: Reader,
    state: State,
    codes: list[str],
    validators: tuple[Validator, ...] | None = None,
    parent_root: bytes = b"",
) -> Outcome:
    """Roots and rows of what was written. `parent_root`: as in `Input`."""
    changed: dict[int, list[Change]] = {}
    rows: list[tuple[bytes, bytes | None]] = []
    for table, key, value in state.changes():
        rows.append((table.stored_at(key), value))
        if not table.archive:
            hashed = None if value is None else value_hash(value)
            changed.setdefault(table.tag, []).append((key_hash(key), hashed))
    trees = {tag: Tree(reader, tag) for tag in changed}
    known = state.memory.roots_of(parent_root) or _stored_roots(reader, changed)
    grown = {_PLACES[tag]: tree.update(changed[tag]) for tag, tree in trees.items()}
    roots = known.changed(grown)
    state.memory.keep_roots(roots)
    return Outcome(
        codes=tuple(codes),
        results_root=results_root(codes),
        state_root=roots.root,
        table_roots=roots.tables,
        rows=(*rows, *rows_of(trees)),
        validators=validators,
    )


def _stored_roots(reader: Reader, changed: Container[int]) -> Roots:
    """The roots of all tables as they are stored; of those that change nobody asks."""
    return roots_over(
        tuple(
            (table.name, EMPTY if table.tag in changed else Tree(reader, table.tag).root())
            for table in tables.IN_TREE
        )
    )


_PLACES: Final = {table.tag: place for place, table in enumerate(tables.IN_TREE)}
"""Where a table's root stands under the state root."""
