"""Everything again, from genesis: signatures, commits, roots, receipts, mints, and a second program.

The auditor folds the same `execute` over the blocks that a validator ran. What it is given is a
stream of records that it trusts in nothing; where the rows live and who verifies signatures are
arguments, so that a caller may bring a disk and a pool of threads.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from tfchain.base.shapes import decode_record
from tfchain.base.units import PeriodIndex
from tfchain.chain import export_records as records
from tfchain.chain.audit_report import Report, Rows, held_change, minting_block, newly_sealed
from tfchain.chain.columns.program import Columns
from tfchain.chain.execute import Outcome, check_txs, execute, params_of
from tfchain.chain.genesis import Genesis, genesis_hash, genesis_outcome, read_genesis
from tfchain.chain.tip import check_header, genesis_tip, input_of, next_tip
from tfchain.errors import Divergence, InvalidBlock, Malformed
from tfchain.ledger import tables
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.commit import Commit, check_tally, signatures_of
from tfchain.ledger.minting import SEALED, Batch
from tfchain.ledger.state import State
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.registry import open_body
from tfchain.tx.transaction import Check, decode_transaction

R = TypeVar("R")

RECORD_BYTES_MAX: Final = 8 * 1024 * 1024
"""The longest record but genesis and blocks: a full run of receipts."""

VerifyAll = Callable[[Sequence[Check]], Sequence[bool]]
"""Which of these signatures are genuine, in order."""


@dataclass(slots=True)
class _Showing:
    """A sealed batch whose receipts the export is to show, and how far it has."""

    batch: Batch
    node: int = 0
    count: int = 0


class Auditor:
    """An audit under way. Feed it records in order, then `finish`.

    Every method raises `Malformed`, `InvalidBlock` or `Divergence`, whose text names the place:
    block and field, signature, transaction, or batch and node.
    """

    def __init__(self, rows: Rows, verify_all: VerifyAll, trust: tuple[int, bytes] | None) -> None:
        self._rows = rows
        self._verify_all = verify_all
        self._trust = trust
        self._genesis: Genesis | None = None
        self._ended = False
        self._due: dict[tuple[int, int], _Showing] = {}

    def take(self, kind: int, payload: bytes) -> None:
        """One record of an export."""
        if self._ended:
            raise Malformed("a record stands after the last commit")
        if self._genesis is None:
            if kind != records.GENESIS:
                raise Malformed("an export begins with its genesis")
            self._begin(payload)
        elif kind == records.BLOCK:
            self._take_block(payload)
        elif kind == records.RECEIPTS:
            self._take_receipts(self._decoded(records.ReceiptRun, payload))
        elif kind == records.LAST_COMMIT:
            self._check_all_shown()
            self._check_last_commit(self._decoded(Commit, payload))
            self._ended = True
        else:
            raise Malformed(f"after block {self._tip.height}: nobody knows record kind {kind}")

    def _decoded(self, cls: type[R], payload: bytes) -> R:
        try:
            return decode_record(cls, payload, RECORD_BYTES_MAX)
        except Malformed as fault:
            raise Malformed(f"after block {self._tip.height}: {fault}") from fault

    def finish(self) -> Report:
        """The report; the last block needs its commit, and a trusted height must have been passed."""
        if self._genesis is None:
            raise Malformed("an export begins with its genesis")
        if self._tip.height and not self._ended:
            raise Malformed(f"commit of block {self._tip.height}: missing: the export is cut off")
        for batch in self._sealed():
            self._check_second(batch)
        self._finish_report()
        return self.report

    def _begin(self, payload: bytes) -> None:
        text = records.genesis_text(payload)
        genesis = read_genesis(text)
        self.genesis_text = text
        outcome = genesis_outcome(genesis)
        self._rows.write(outcome.rows)
        self._genesis = genesis
        self._tip = genesis_tip(genesis, outcome)
        self._columns = Columns(genesis.params, genesis.policies)
        supply = sum(row.balance for row in genesis.accounts)
        self.report = Report(
            chain_id=genesis.params.chain_id,
            genesis_hash=genesis_hash(genesis),
            supply_genesis=supply,
            supply_held=supply,
        )

    def _take_block(self, raw: bytes) -> None:
        try:
            block = decode_block(raw)
        except Malformed as fault:
            raise Malformed(f"after block {self._tip.height}: {fault}") from fault
        self._check_all_shown()
        self._check_block(block)
        outcome = execute(self._rows, input_of(self._tip, block))
        self._note_sealed(outcome)
        self.report.supply_held += held_change(self._rows, outcome)
        self._rows.write(outcome.rows)
        self._note(block, outcome)
        self._tip = next_tip(self._tip, block, outcome)

    def _check_block(self, block: Block) -> None:
        """Header, the commit it carries, and every signature in it."""
        params = params_of(State(self._rows))
        check_header(self._tip, params, block)
        transactions = check_txs(self._rows, input_of(self._tip, block))
        checks = [transaction.check() for transaction in transactions]
        commits: list[Check] = []
        if block.last_commit is not None:
            commits = signatures_of(params.chain_id, self._tip.last_validators, block.last_commit)
        height = block.header.height
        for place, good in enumerate(self._verify_all([*commits, *checks])):
            if not good and place < len(commits):
                raise InvalidBlock(f"block {height}: last commit: signature {place} is false")
            if not good:
                mints = len(block.txs) - len(checks)
                number = place - len(commits) + mints
                raise InvalidBlock(f"block {height}: transaction {number}: its signature is false")
        self.report.signatures += len(commits) + len(checks)

    def _note(self, block: Block, outcome: Outcome) -> None:
        header = block.header
        self.report.transactions += len(block.txs)
        self._columns.take(header.height, header.time, block.txs, outcome.codes)
        for raw in block.txs:
            transaction = decode_transaction(raw)
            if transaction.signature:
                break
            mint = open_body(transaction)
            assert isinstance(mint, Mint)
            self.report.minting_blocks.append(minting_block(header.height, mint))
        if self._trust is not None and self._trust[0] == header.height:
            self._check_trust(block)

    def _check_trust(self, block: Block) -> None:
        assert self._trust is not None
        height, block_id = self._trust
        if block.id != block_id:
            raise InvalidBlock(
                f"block {height}: its id is {block.id.hex()}, trusted is {block_id.hex()}"
            )
        self.report.anchored = True

    def _note_sealed(self, outcome: Outcome) -> None:
        for batch in newly_sealed(self._rows, outcome):
            self._due[batch.schedule, batch.period] = _Showing(batch)

    def _check_all_shown(self) -> None:
        """The batches that sealed in the last block have all their receipts in the export."""
        for showing in self._due.values():
            batch = showing.batch
            if showing.count != batch.count:
                raise Malformed(
                    f"batch {batch.schedule}/{batch.period}:"
                    f" {showing.count} of {batch.count} receipts are in the export"
                )
        self._due = {}

    def _take_receipts(self, run: records.ReceiptRun) -> None:
        """Receipts as the export shows them, against the ones recomputed here."""
        showing = self._due.get((run.schedule, run.period))
        if showing is None or not run.receipts:
            raise Malformed(
                f"batch {run.schedule}/{run.period}: no such receipts are due"
                f" after block {self._tip.height}"
            )
        for stored in run.receipts:
            self._compare(showing, stored)

    def _compare(self, showing: _Showing, stored: bytes) -> None:
        """Compare with the next receipt in node order."""
        batch = showing.batch
        where = f"batch {batch.schedule}/{batch.period}"
        name = tables.batch_key(batch.schedule, batch.period)
        for node in range(showing.node + 1, batch.node_last + 1):
            mine = self._rows.get(tables.RECEIPTS.stored_at(tables.in_batch(name, node)))
            if mine is None:
                continue
            if mine != stored:
                raise Divergence(f"{where}, node {node}: the receipt is not what its reports give")
            showing.node, showing.count = node, showing.count + 1
            self.report.receipts_compared += 1
            return
        raise Divergence(f"{where}: more receipts than nodes")

    def _check_last_commit(self, commit: Commit) -> None:
        tip = self._tip
        where = f"commit of block {tip.height}"
        if (commit.height, commit.block_id) != (tip.height, tip.block_id):
            raise InvalidBlock(f"{where}: it is for another block")
        check_tally(tip.last_validators, commit)
        checks = signatures_of(self.report.chain_id, tip.last_validators, commit)
        for place, good in enumerate(self._verify_all(checks)):
            if not good:
                raise InvalidBlock(f"{where}: signature {place} is false")
        self.report.signatures += len(checks)

    def _sealed(self) -> list[Batch]:
        """Every batch that was ever opened, for the report; the sealed ones among them."""
        state = State(self._rows)
        params = params_of(state)
        found = []
        for row in params.schedules:
            running = tables.SCHEDULES.need(state, tables.schedule_key(row.id)).running
            for number in range(0 if running is None else running + 1):
                batch = tables.BATCHES.get(state, tables.batch_key(row.id, PeriodIndex(number)))
                if batch is not None:
                    found.append(batch)
        self.report.batches = found
        return [batch for batch in found if batch.state >= SEALED]

    def _check_second(self, batch: Batch) -> None:
        """The column program gives the same answer (P36)."""
        where = f"batch {batch.schedule}/{batch.period}"
        result = self._columns.result(batch.schedule, batch.period)
        if (result.root, result.total, result.count) != (batch.root, batch.total, batch.count):
            raise Divergence(
                f"{where}: the ledger has {batch.root.hex()} {batch.total} {batch.count},"
                f" the second program {result.root.hex()} {result.total} {result.count}"
            )
        self.report.second[batch.schedule, batch.period] = result.root

    def _finish_report(self) -> None:
        report, tip = self.report, self._tip
        report.height, report.block_id = tip.height, tip.block_id
        report.state_root = tip.state_root
        report.supply_minted = sum(block.amount for block in report.minting_blocks)
        if report.supply_held != report.supply_genesis + report.supply_minted:
            raise Divergence(
                f"supply: {report.supply_held} units are held, genesis and mints give"
                f" {report.supply_genesis + report.supply_minted}"
            )
        if self._trust is not None and not report.anchored:
            raise InvalidBlock(f"the export ends before the trusted height {self._trust[0]}")
