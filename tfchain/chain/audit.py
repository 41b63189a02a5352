"""Everything again, from genesis: signatures, commits, roots, receipts, mints, and a second program.

The auditor folds the same `execute` over the blocks that a validator ran. What it is given is a
stream of records that it trusts in nothing; where the rows live and who verifies signatures are
arguments, so that a caller may bring a disk and a pool of threads.
"""

from collections.abc import Callable, Sequence
from typing import Final

from tfchain.base.limits import BLOCK_BYTES_MAX, GENESIS_BYTES_MAX
from tfchain.base.shapes import decode_record
from tfchain.base.units import PeriodIndex
from tfchain.chain import export_records as records
from tfchain.chain.audit_report import Report, Rows, held_change, minting_block
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

_NONE_SHOWN: Final = (0, 0)
"""Last node, and number of receipts, of a batch that the export has shown so far."""

VerifyAll = Callable[[Sequence[Check]], Sequence[bool]]
"""Which of these signatures are genuine, in order."""


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
        self._commit: Commit | None = None
        self._shown: dict[tuple[int, int], tuple[int, int]] = {}

    def take(self, kind: int, payload: bytes) -> None:
        """One record of an export."""
        if self._commit is not None:
            raise Malformed("a record stands after the last commit")
        if self._genesis is None:
            if kind != records.GENESIS:
                raise Malformed("an export begins with its genesis")
            self._begin(payload)
        elif kind == records.BLOCK:
            self._take_block(payload)
        elif kind == records.RECEIPTS:
            self._take_receipts(decode_record(records.ReceiptRun, payload, BLOCK_BYTES_MAX * 4))
        elif kind == records.LAST_COMMIT:
            self._commit = decode_record(Commit, payload)
        else:
            raise Malformed(f"nobody knows record kind {kind}")

    def finish(self) -> Report:
        """The report; the last block needs its commit, and a trusted height must have been passed."""
        if self._genesis is None:
            raise Malformed("an export begins with its genesis")
        if self._tip.height:
            self._check_last_commit()
        for batch in self._sealed():
            self._check_second(batch)
        self._finish_report()
        return self.report

    def _begin(self, payload: bytes) -> None:
        if len(payload) > GENESIS_BYTES_MAX:
            raise Malformed("genesis: too large")
        try:
            text = payload.decode()
        except UnicodeDecodeError as fault:
            raise Malformed("genesis: not UTF-8") from fault
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
            raise Malformed(f"block {self._tip.height + 1}: {fault}") from fault
        self._check_block(block)
        outcome = execute(self._rows, input_of(self._tip, block))
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
                return
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

    def _take_receipts(self, run: records.ReceiptRun) -> None:
        """Receipts as the export shows them, against the ones recomputed here."""
        name = tables.batch_key(run.schedule, run.period)
        where = f"batch {run.schedule}/{run.period}"
        batch = tables.BATCHES.get(State(self._rows), name)
        if batch is None or batch.state < SEALED:
            raise Divergence(f"{where}: receipts of a batch that is not sealed")
        node, shown = self._shown.get((run.schedule, run.period), _NONE_SHOWN)
        for stored in run.receipts:
            node, shown = self._compare(where, name, batch, node, stored), shown + 1
        self._shown[run.schedule, run.period] = node, shown

    def _compare(self, where: str, name: bytes, batch: Batch, after: int, stored: bytes) -> int:
        """Compare with the next receipt in node order; the node it is of."""
        for node in range(after + 1, batch.node_last + 1):
            key = tables.RECEIPTS.stored_at(tables.in_batch(name, node))
            mine = self._rows.get(key)
            if mine is None:
                continue
            if mine != stored:
                raise Divergence(f"{where}, node {node}: the receipt is not what its reports give")
            self.report.receipts_compared += 1
            return node
        raise Divergence(f"{where}: more receipts than nodes")

    def _check_last_commit(self) -> None:
        tip, commit = self._tip, self._commit
        where = f"commit of block {tip.height}"
        if commit is None:
            raise Malformed(f"{where}: missing: the export is cut off after this block")
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
        """All its receipts were shown, and the column program gives the same answer (P36)."""
        where = f"batch {batch.schedule}/{batch.period}"
        shown = self._shown.get((batch.schedule, batch.period), _NONE_SHOWN)[1]
        if shown != batch.count:
            raise Malformed(f"{where}: {shown} of {batch.count} receipts are in the export")
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
