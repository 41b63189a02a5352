"""Everything again, from genesis: signatures, commits, roots, receipts, mints, and a second program.

The auditor folds the same `execute` over the blocks that a validator ran. What it is given is a
stream of records that it trusts in nothing; where the rows live and who verifies signatures are
arguments, so that a caller may bring a disk and a pool of threads.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from tfchain.base.shapes import decode_record
from tfchain.base.units import PeriodIndex
from tfchain.chain import export_records as records
from tfchain.chain.admit import seconds
from tfchain.chain.audit_coins import SecondCoins
from tfchain.chain.audit_kept import Standing, passed
from tfchain.chain.audit_report import (
    Found,
    Report,
    Rows,
    held_change,
    minting_block,
    newly_sealed,
)
from tfchain.chain.audit_second import SecondProgram
from tfchain.chain.audit_signatures import SignaturesUnderWay, VerifyAll
from tfchain.chain.columns.paying import Block as Moment
from tfchain.chain.execute import Checked, check_txs, execute, params_of
from tfchain.chain.genesis import Genesis, genesis_hash, genesis_outcome, read_genesis
from tfchain.chain.tip import check_header, genesis_tip, input_of, next_tip
from tfchain.errors import Divergence, InvalidBlock, Malformed, TfchainError
from tfchain.ledger import tables
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.commit import Commit, check_tally, signatures_of
from tfchain.ledger.minting import SEALED, Batch
from tfchain.ledger.state import Memory, State
from tfchain.tx.billing import book_of
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.kinds.mint_fixup import MintFixup
from tfchain.tx.registry import open_body
from tfchain.tx.transaction import Check, decode_transaction

R = TypeVar("R")

RECORD_BYTES_MAX: Final = 8 * 1024 * 1024
"""The longest record but genesis and blocks: a full run of receipts."""


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
        self._memory = Memory()
        self._verify_all = verify_all
        self._signatures = SignaturesUnderWay()
        self._trust = trust
        self._genesis: Genesis | None = None
        self._ended = False
        self._due: dict[tuple[int, int], _Showing] = {}

    def take(self, kind: int, payload: bytes) -> None:
        """One record of an export. A false signature is told before any fault of a later record."""
        try:
            self._take(kind, payload)
        except TfchainError:
            self._signatures.settle()
            raise

    def _take(self, kind: int, payload: bytes) -> None:
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

    @property
    def height(self) -> int:
        """The last block that was taken; 0 before the first."""
        return 0 if self._genesis is None else self._tip.height

    @property
    def can_rest(self) -> bool:
        """Whether what was taken so far is all about blocks that are done with."""
        return self._genesis is not None and not self._ended and not self._due

    def rest(self) -> Standing:
        """Where it stands, for who keeps that: with the rows it is all that the audit goes on from.

        Signatures under way are heard first: raises `InvalidBlock` as `take` does.
        """
        assert self.can_rest, "the caller asks"
        self._signatures.settle()
        self.report.signatures = self._signatures.genuine
        trusted = self._trust if self.report.anchored else None
        return Standing(
            self.genesis_text, self._tip, trusted, self.report, self._second, self._coins
        )

    @classmethod
    def resume(
        cls,
        rows: Rows,
        verify_all: VerifyAll,
        trust: tuple[int, bytes] | None,
        standing: Standing,
    ) -> "Auditor":
        """The audit that `rest` told of, with the rows of that moment.

        Raises:
            Unavailable: the block that is trusted now went by unlooked at.
        """
        auditor = cls(rows, verify_all, trust)
        auditor.report, auditor._tip = standing.report, standing.tip
        auditor.report.anchored = passed(standing, trust)
        auditor.genesis_text = standing.genesis_text
        auditor._genesis = read_genesis(standing.genesis_text)
        auditor._signatures = SignaturesUnderWay(standing.report.signatures)
        auditor._second, auditor._coins = standing.second, standing.coins
        return auditor

    def finish(self) -> Report:
        """The report; the last block needs its commit, and a trusted height must have been passed."""
        if self._genesis is None:
            raise Malformed("an export begins with its genesis")
        if self._tip.height and not self._ended:
            raise Malformed(f"commit of block {self._tip.height}: missing: the export is cut off")
        self._signatures.settle()
        self.report.signatures = self._signatures.genuine
        for batch in self._sealed():
            self.report.second[batch.schedule, batch.period] = self._second.compare(batch)
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
        self._second = SecondProgram(genesis.params, genesis.policies, genesis.supply())
        self._coins = SecondCoins(genesis)
        supply = genesis.supply()
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
        checked = self._check_block(block)
        votes = self._votes(block)
        signed = [one.check() for one in checked.transactions]
        verdicts = self._verify_all([*votes, *checked.evidence, *signed])
        outcome = execute(self._rows, checked.block, checked)
        sealed, change = newly_sealed(self._rows, outcome), held_change(self._rows, outcome)
        kinds = (len(votes), len(checked.evidence), len(signed))
        blame = partial(_false_signature, checked.block.height, checked.mints, kinds)
        self._signatures.add(sum(kinds), verdicts, blame)
        self._note_faults(block)
        self.report.supply_held += change
        self._rows.write(outcome.rows)
        self._note(block, checked.mints)
        self._due = {(batch.schedule, batch.period): _Showing(batch) for batch in sealed}
        self._second.take(block, outcome)
        self._second.judge(self._rows, sealed)
        moment = Moment(block.header.height, seconds(block.header.time), block.txs, outcome.codes)
        self._coins.take(self._rows, moment, self._second.judged)
        self._tip = next_tip(self._tip, block, outcome)

    def _check_block(self, block: Block) -> Checked:
        """Header and transactions; signatures are looked at while the block is executed."""
        params = params_of(State(self._rows, memory=self._memory))
        check_header(self._tip, params, block)
        return check_txs(self._rows, input_of(self._tip, block), self._memory)

    def _votes(self, block: Block) -> list[Check]:
        if block.last_commit is None:
            return []
        validators = self._tip.last_validators
        return signatures_of(self.report.chain_id, validators, block.last_commit)

    def _note(self, block: Block, mints: int) -> None:
        header = block.header
        self.report.transactions += len(block.txs)
        for raw in block.txs[:mints]:
            self._note_system(header.height, open_body(decode_transaction(raw)))
        if self._trust is not None and self._trust[0] == header.height:
            self._check_trust(block)

    def _note_system(self, height: int, body: Kind) -> None:
        """What nobody signed and everybody derives; what a vote enacts brings no coins."""
        if isinstance(body, Mint):
            self.report.minting_blocks.append(minting_block(height, body))
        elif isinstance(body, MintFixup):
            self.report.fixed += [(height, entry) for entry in body.entries]

    def _check_trust(self, block: Block) -> None:
        assert self._trust is not None
        height, block_id = self._trust
        if block.id != block_id:
            raise InvalidBlock(
                f"block {height}: its id is {block.id.hex()}, trusted is {block_id.hex()}"
            )
        self.report.anchored = True

    def _note_faults(self, block: Block) -> None:
        """What the accused had at stake before the block is gone after it."""
        for piece in block.evidence:
            seat = tables.SEATS.need(State(self._rows), piece.validator)
            self.report.supply_burned += seat.bond
            found = Found(block=block.header.height, piece=piece, burned=seat.bond)
            self.report.faults.append(found)

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
        blame = partial(_false_vote, where)
        self._signatures.add(len(checks), self._verify_all(checks), blame)
        self._signatures.settle()

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

    def _finish_report(self) -> None:
        report, tip = self.report, self._tip
        report.height, report.block_id = tip.height, tip.block_id
        report.state_root = tip.state_root
        report.supply_minted = sum(block.amount for block in report.minting_blocks)
        state = State(self._rows)
        burned, bills = tables.TOTALS.need(state, tables.SINGLE).burned, book_of(state).burned
        report.supply_burned += bills
        report.supply_minted += sum(entry.amount for _, entry in report.fixed)
        if burned != report.supply_burned:
            raise Divergence(
                f"supply: {burned} units are told to be burned, evidence and bills give"
                f" {report.supply_burned}"
            )
        due = report.supply_genesis + report.supply_minted - report.supply_burned
        if report.supply_held != due:
            raise Divergence(
                f"supply: {report.supply_held} units are held, genesis and mints give {due}"
            )
        if self._trust is not None and not report.anchored:
            raise InvalidBlock(f"the export ends before the trusted height {self._trust[0]}")


def _false_signature(
    height: int, mints: int, kinds: tuple[int, int, int], place: int
) -> InvalidBlock:
    """`kinds`: a block's signatures in the commit that it carries, in its evidence, and signed."""
    where, (votes, proofs, _) = f"block {height}", kinds
    if place < votes:
        return InvalidBlock(f"{where}: last commit: signature {place} is false")
    if place < votes + proofs:
        return InvalidBlock(f"{where}: evidence: signature {place - votes} is false")
    number = mints + place - votes - proofs
    return InvalidBlock(f"{where}: transaction {number}: its signature is false")


def _false_vote(where: str, place: int) -> InvalidBlock:
    return InvalidBlock(f"{where}: signature {place} is false")
