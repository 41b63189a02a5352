"""What happened to a node in a period, line by line, and what it came to.

Blocks are executed as a validator executes them, each against the header that follows it, and the
node's account is looked at before and after each of its own transactions. So the credited seconds are
not computed a second time: they are the steps of the ledger's own sum. Signatures are for `audit`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tfchain.base.units import NodeId, PeriodIndex, Seconds
from tfchain.chain import export_records as records
from tfchain.chain.admit import seconds
from tfchain.chain.audit_report import Rows
from tfchain.chain.execute import Outcome, execute, params_of
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.chain.settle import receipt_of
from tfchain.chain.statement_lines import UPTIME_KINDS, Deed, Line, downtimes_of, lines_of, moved
from tfchain.chain.tip import check_header, genesis_tip, input_of, next_tip
from tfchain.errors import Malformed, Rejected
from tfchain.ledger import tables
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.minting import Batch, MintRecord, Receipt
from tfchain.ledger.params import Params
from tfchain.ledger.records import Uptime
from tfchain.ledger.state import State
from tfchain.ledger.uptime import ALWAYS_UP, UptimeAccount
from tfchain.rules.regime import NOTHING_DUE
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.registry import open_body
from tfchain.tx.running import first_account
from tfchain.tx.transaction import decode_transaction, transaction_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """The transaction that minted a node's coins, and the time of its block."""

    time: Seconds
    transaction: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A node's period. `credited` is the sum of the lines, and the receipt's measured uptime."""

    chain_id: str
    height: int
    """The last block that was read."""
    batch: Batch
    settled: bool
    """Whether the receipt stands on the ledger; if not, it is what it would be, were this all."""
    receipt: Receipt
    lines: tuple[Line, ...]
    credited: int
    downtimes: tuple[tuple[Seconds, Seconds], ...]
    """Since when and until when nothing is credited; of a period that runs, up to the last block."""
    mint: MintRecord | None
    payout: Payout | None
    """Of `mint`, where the blocks that were read hold it."""


class Follower:
    """Feed it the records of an export in order, then ask for statements of the nodes it follows.

    Every method raises `Malformed` or `InvalidBlock` for an export that does not fit together.
    """

    def __init__(self, rows: Rows, nodes: Sequence[NodeId]) -> None:
        self._rows = rows
        self._params: Params | None = None
        self._lines: dict[NodeId, dict[int, list[Line]]] = {node: {} for node in nodes}
        self._payouts: dict[bytes, Payout] = {}

    def take(self, kind: int, payload: bytes) -> None:
        """One record; receipts and the last commit are passed over: they are recomputed."""
        if self._params is None:
            if kind != records.GENESIS:
                raise Malformed("an export begins with its genesis")
            self._begin(records.genesis_text(payload))
        elif kind == records.BLOCK:
            self._take_block(decode_block(payload))
        elif kind not in (records.RECEIPTS, records.LAST_COMMIT):
            raise Malformed(f"after block {self._tip.height}: nobody knows record kind {kind}")

    def statement(self, node: NodeId, period: PeriodIndex | None = None) -> Statement:
        """The statement of a node that is followed; without a period: the running one.

        Raises:
            Rejected: `unknown_node`, or `unknown_period`: one that the node has no part in.
        """
        if self._params is None:
            raise Malformed("an export begins with its genesis")
        state = State(self._rows)
        row = tables.UPTIMES.get(state, tables.id_key(node))
        if row is None:
            raise Rejected("unknown_node", f"node {node} is not on this chain")
        batch = _batch_of(state, row, period)
        name = tables.in_batch(tables.batch_key(batch.schedule, batch.period), node)
        receipt = tables.RECEIPTS.get(state, name)
        shown = receipt or receipt_of(state, params_of(state), batch, node)
        if shown is None:
            raise Rejected("unknown_period", f"node {node} came after period {batch.period}")
        lines = self._lines_of(node, shown)
        credited = sum(line.credited for line in lines)
        assert credited == shown.uptime, (node, batch.period, credited, shown.uptime)
        return Statement(
            chain_id=self._params.chain_id,
            height=self._tip.height,
            batch=batch,
            settled=receipt is not None,
            receipt=shown,
            lines=lines,
            credited=credited,
            downtimes=self._downtimes(shown, lines),
            mint=tables.MINTS.get(state, name),
            payout=self._payouts.get(name),
        )

    def _lines_of(self, node: NodeId, shown: Receipt) -> tuple[Line, ...]:
        """Of the periods that the receipt settles: the batch's, or the node's own."""
        if shown.reason == NOTHING_DUE:
            return ()
        known = self._lines[node]
        starts = [start for start in known if shown.start <= start < shown.end]
        return tuple(line for start in sorted(starts) for line in known[start])

    def _downtimes(
        self, shown: Receipt, lines: Sequence[Line]
    ) -> tuple[tuple[Seconds, Seconds], ...]:
        if shown.reason == NOTHING_DUE:
            return ()
        return downtimes_of(lines, shown.start, min(shown.end, self._now))

    def _begin(self, text: str) -> None:
        genesis = read_genesis(text)
        outcome = genesis_outcome(genesis)
        self._rows.write(outcome.rows)
        self._tip = genesis_tip(genesis, outcome)
        self._params = genesis.params
        self._now = genesis.time

    def _take_block(self, block: Block) -> None:
        params = params_of(State(self._rows))
        check_header(self._tip, params, block)
        step = input_of(self._tip, block)
        outcome = execute(self._rows, step)
        deeds = self._deeds(block, outcome)
        known = {node: _uptime_row(self._rows, node) for node in deeds}
        self._rows.write(outcome.rows)
        self._tip = next_tip(self._tip, block, outcome)
        self._now = seconds(block.header.time)
        for node, own in deeds.items():
            self._follow(params, node, known[node], own)

    def _deeds(self, block: Block, outcome: Outcome) -> dict[NodeId, list[Deed]]:
        """What the followed nodes, and their farmers, did in a block."""
        found: dict[NodeId, list[Deed]] = {}
        now = seconds(block.header.time)
        for place, raw in enumerate(block.txs):
            body = open_body(decode_transaction(raw))
            if isinstance(body, Mint):
                self._note_payouts(body, Payout(time=now, transaction=transaction_id(raw)))
            if isinstance(body, UPTIME_KINDS) and body.node_id in self._lines:
                deed = Deed(
                    height=block.header.height,
                    position=place,
                    now=now,
                    code=outcome.codes[place],
                    body=body,
                )
                found.setdefault(body.node_id, []).append(deed)
        return found

    def _note_payouts(self, mint: Mint, payout: Payout) -> None:
        batch = tables.batch_key(mint.schedule, mint.period)
        for entry in mint.entries:
            if entry.node_id in self._lines:
                self._payouts[tables.in_batch(batch, entry.node_id)] = payout

    def _follow(self, params: Params, node: NodeId, row: Uptime | None, deeds: list[Deed]) -> None:
        """Nothing reaches a settled period: genesis keeps reports within its post window."""
        stored = _uptime_row(self._rows, node)
        if stored is None:
            return  # somebody asked for a node that was not there
        if row is None:  # it registered in this very block
            first = self._first_account(params, node)
            row = replace(stored, power=ALWAYS_UP, running=first, ended=None)
        known = tables.GAPS.get(State(self._rows), tables.SINGLE)
        gaps = () if known is None else known.rows
        for deed in deeds:
            after = moved(row, params, deed, gaps)
            for start, line in lines_of(params, row, after, deed):
                self._lines[node].setdefault(start, []).append(line)
            row = after
        moves = (row.running, row.ended, row.power)
        assert moves == (stored.running, stored.ended, stored.power), node

    def _first_account(self, params: Params, node: NodeId) -> UptimeAccount | None:
        made = tables.NODES.need(State(self._rows), tables.id_key(node))
        contract = tables.CONTRACTS.need(State(self._rows), tables.id_key(node))
        return first_account(params.schedule(contract.schedule), made.created)


def _uptime_row(rows: Rows, node: NodeId) -> Uptime | None:
    return tables.UPTIMES.get(State(rows), tables.id_key(node))


def _batch_of(state: State, row: Uptime, period: PeriodIndex | None) -> Batch:
    """The batch of a period of the node's schedule; by default that of the running one."""
    known = tables.SCHEDULES.need(state, tables.schedule_key(row.schedule))
    number = known.running if period is None else period
    batch = None
    if number is not None:
        batch = tables.BATCHES.get(state, tables.batch_key(row.schedule, number))
    if batch is None:
        what = "no period has begun" if number is None else f"there is no period {number}"
        raise Rejected("unknown_period", what)
    return batch
