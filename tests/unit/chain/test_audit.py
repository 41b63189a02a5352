"""An audit of a chain that passed a period and minted: right as it is, and wrong after any change."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from tfchain.base import crypto
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Address, NodeId, PeriodIndex, Round, ScheduleId, Utft
from tfchain.chain import export_records as records
from tfchain.chain.audit import Auditor
from tfchain.chain.audit_report import Report, held_change, newly_sealed
from tfchain.chain.audit_second import SecondProgram
from tfchain.chain.execute import OK, Input, Outcome, execute, params_of
from tfchain.chain.genesis import genesis_hash, genesis_outcome, read_genesis
from tfchain.chain.tip import Tip, genesis_tip, input_of, next_block, next_tip
from tfchain.errors import Divergence, InvalidBlock, Malformed, TfchainError
from tfchain.ledger import tables
from tfchain.ledger.block import Block, decode_block, last_commit_hash, make_block, tx_root
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, Commit, CommitSlot, vote_message
from tfchain.ledger.disputes import FixupEntry
from tfchain.ledger.minting import PAID, SEALED, SETTLING, Batch
from tfchain.ledger.state import State
from tfchain.store.export import read_records, write_records
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.mint_fixup import MintFixup
from tfchain.tx.transaction import Check

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, MakeChain

PROPOSER = 9
Record = tuple[int, bytes]


class Rows(dict[bytes, bytes]):
    """State in memory."""

    def write(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        for key, value in rows:
            if value is None:
                self.pop(key, None)
            else:
                self[key] = value


_verify = lru_cache(None)(crypto.verify)
"""One chain is audited many times here."""


def _verify_all(checks: Sequence[Check]) -> Callable[[], Sequence[bool]]:
    return lambda: [_verify(*check) for check in checks]


def audited(export: Sequence[Record], trust: tuple[int, bytes] | None = None) -> Report:
    auditor = Auditor(Rows(), _verify_all, trust)
    for kind, payload in export:
        auditor.take(kind, payload)
    return auditor.finish()


class Maker:
    """Dresses inputs in blocks with commits, as one validator or several would, and exports them."""

    def __init__(self, text: str, seeds: Sequence[int] = (PROPOSER,)) -> None:
        genesis = read_genesis(text)
        outcome = genesis_outcome(genesis)
        self.rows = Rows()
        self.rows.write(outcome.rows)
        self.params = genesis.params
        self.tip: Tip = genesis_tip(genesis, outcome)
        self.commit: Commit | None = None
        self.export: list[Record] = [(records.GENESIS, records.genesis_record(text))]
        self.tips = [self.tip]
        self._seeds = {crypto.public_key(bytes([seed]) * 32): bytes([seed]) * 32 for seed in seeds}

    def draft(self, step: Input) -> Block:
        proposer = self.tip.validators.proposer(Round(0)).address
        return next_block(self.tip, self.params, step.time_ms, proposer, step.txs, self.commit)

    def add(self, block: Block, outcome: Outcome | None = None) -> None:
        """Everybody signs it, whatever is in it; it is executed unless the outcome is given."""
        if outcome is None:
            outcome = execute(self.rows, input_of(self.tip, block))
        sealed = newly_sealed(self.rows, outcome)
        self.rows.write(outcome.rows)
        self.commit = self.sign(block)
        self.tip = next_tip(self.tip, block, outcome)
        self.tips.append(self.tip)
        self.export.append((records.BLOCK, block.raw))
        for batch in sealed:
            self._show_batch(batch)

    def sign(self, block: Block) -> Commit:
        height = block.header.height
        text = vote_message(self.params.chain_id, PRECOMMIT, height, Round(0), block.id)
        slots = tuple(
            CommitSlot(flag=FOR_BLOCK, signature=crypto.sign(self._seeds[member.key], text))
            for member in self.tip.validators.validators
        )
        return Commit(height=height, round=Round(0), block_id=block.id, slots=slots)

    def _show_batch(self, batch: Batch) -> None:
        name = tables.batch_key(batch.schedule, batch.period)
        places = (tables.in_batch(name, node) for node in range(1, batch.node_last + 1))
        found = [self.rows.get(tables.RECEIPTS.stored_at(place)) for place in places]
        run = records.ReceiptRun(
            schedule=batch.schedule,
            period=batch.period,
            receipts=tuple(row for row in found if row is not None),
        )
        self.export.append((records.RECEIPTS, encode_record(run)))

    def whole(self) -> list[Record]:
        """The export with the commit of its last block."""
        assert self.commit is not None
        return [*self.export, (records.LAST_COMMIT, encode_record(self.commit))]


def _live(chain: "Chain") -> None:
    """A period with two nodes, sealed, attested by all guardians and paid."""
    chain.found()
    twin = chain.tx(20, CreateTwin(relay="", public_key=b""))
    assert chain.run(twin, chain.tx(20, chain.registration(20))) == (OK, OK)
    chain.attend(1, 4, 82)
    chain.at(88)
    chain.at(90, *chain.commitments())
    chain.at(99)
    while chain.batch().state < SEALED:
        chain.run()
    chain.run(*chain.attestations())
    chain.until(chain.second + 6)
    assert chain.batch().state == PAID
    assert chain.batch().minted > 0


@dataclass
class Case:
    """A chain, its export and what every block came to."""

    text: str
    inputs: list[Input]
    export: list[Record]
    tips: list[Tip]

    def maker(self, height: int) -> Maker:
        """The chain up to that height, to go on differently."""
        maker = Maker(self.text)
        for step in self.inputs[:height]:
            maker.add(maker.draft(step))
        return maker

    def place(self, kind: int) -> int:
        return next(at for at, record in enumerate(self.export) if record[0] == kind)

    def blocks(self) -> list[Block]:
        return [decode_block(payload) for kind, payload in self.export if kind == records.BLOCK]


_CASES: list[Case] = []


@pytest.fixture
def case(make_chain: "MakeChain", devnet_text: str) -> Case:
    """Made once."""
    if not _CASES:
        chain = make_chain()
        _live(chain)
        maker = Maker(devnet_text)
        for step in chain.blocks:
            maker.add(maker.draft(step))
        _CASES.append(Case(devnet_text, chain.blocks, maker.whole(), maker.tips))
    return _CASES[0]


def _fails(export: Sequence[Record], named: str) -> None:
    with pytest.raises(TfchainError, match=named):
        audited(export)


def _swap(export: Sequence[Record], at: int, payload: bytes) -> list[Record]:
    return [*export[:at], (export[at][0], payload), *export[at + 1 :]]


# As it is.


def test_a_right_chain_is_reported_in_full(case: Case) -> None:
    report = audited(case.export)
    blocks = case.blocks()
    genesis = read_genesis(case.text)
    assert report.chain_id == genesis.params.chain_id
    assert report.genesis_hash == genesis_hash(genesis)
    assert (report.height, report.block_id) == (len(blocks), blocks[-1].id)
    assert report.state_root == case.tips[-1].state_root
    assert report.transactions == sum(len(block.txs) for block in blocks)
    mints = len(report.minting_blocks)
    assert report.signatures == report.transactions - mints + len(blocks)
    assert report.receipts_compared == 2
    assert not report.anchored


def test_coins_are_those_of_genesis_and_of_the_mints(case: Case) -> None:
    report = audited(case.export)
    (minting,) = report.minting_blocks
    (first, *_) = report.batches
    assert minting.amount == report.supply_minted == first.minted > 0
    assert minting.root == first.root
    assert minting.nodes == 2
    assert report.supply_held == report.supply_genesis + report.supply_minted


def test_coins_of_fixups_are_told_by_their_block(devnet_text: str) -> None:
    entry = FixupEntry(
        fixup=1,
        schedule=ScheduleId(0),
        period=PeriodIndex(0),
        node_id=NodeId(1),
        account=Address(bytes(32)),
        amount=Utft(7),
        lock=0,
        receipt=bytes(32),
    )
    auditor = Auditor(Rows(), _verify_all, None)
    auditor.take(records.GENESIS, records.genesis_record(devnet_text))
    auditor._note_system(5, MintFixup(entries=(entry,)))
    auditor._note_system(6, CreateTwin(relay="", public_key=b""))
    assert (auditor.report.fixed, auditor.report.minting_blocks) == ([(5, entry)], [])


def test_an_outcome_is_read_to_its_end_where_no_tree_comes_after_its_rows(case: Case) -> None:
    outcome = genesis_outcome(read_genesis(case.text))
    bare = replace(outcome, rows=tuple(row for row in outcome.rows if row[0][0] != ord("t")))
    assert len(bare.rows) < len(outcome.rows)
    for read in (held_change, newly_sealed):
        assert read(Rows(), bare) == read(Rows(), outcome)


def test_two_programs_stand_beside_each_other(case: Case) -> None:
    report = audited(case.export)
    first = report.batches[0]
    assert report.second == {(0, 0): first.root}


def test_four_validators_sign_four_times(devnet_text: str) -> None:
    from tfchain.base.address import to_text  # noqa: PLC0415 -- only here

    seeds = (9, 10, 11, 12)
    rows = [devnet_text]
    for seed in seeds[1:]:
        name = to_text(Address(crypto.public_key(bytes([seed]) * 32)))
        rows.append(f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"\n')
    maker = Maker("".join(rows), seeds)
    for second in (1, 20, 140):  # nothing happens in the second period
        time = (1_700_000_000 + second) * 1_000
        maker.add(maker.draft(_empty(maker, time)))
    report = audited(maker.whole())
    assert report.signatures == 3 * 4
    assert [batch.period for batch in report.batches] == [0, 2]


def _empty(maker: Maker, time_ms: int) -> Input:
    reward = maker.tip.validators.validators[0].reward_account
    height = maker.tip.height + 1
    return Input(height=height, time_ms=time_ms, reward_account=reward, txs=())  # type: ignore[arg-type]


def test_a_genesis_alone_is_a_chain(case: Case) -> None:
    report = audited(case.export[:1])
    assert report.height == 0
    _fails([case.export[0], case.export[-1]], "commit of block 0: it is for another block")


def test_a_trusted_block_anchors_the_history(case: Case) -> None:
    for height in (1, 5, len(case.blocks())):
        block_id = case.tips[height].block_id
        assert audited(case.export, (height, block_id)).anchored


def test_another_trusted_block_does_not(case: Case) -> None:
    with pytest.raises(InvalidBlock, match=r"block 5: its id is [0-9a-f]{64}, trusted is 0000"):
        audited(case.export, (5, bytes(32)))
    with pytest.raises(InvalidBlock, match="ends before the trusted height 999"):
        audited(case.export, (999, bytes(32)))


# Bits changed, by somebody who has no keys.


def _flip(payload: bytes, at: int) -> bytes:
    return payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]


def _in_block(case: Case, height: int, piece: bytes) -> list[Record]:
    """The export with a bit changed in the last byte of a piece of a block."""
    at = height
    at = [place for place, record in enumerate(case.export) if record[0] == records.BLOCK][at - 1]
    payload = case.export[at][1]
    return _swap(case.export, at, _flip(payload, payload.index(piece) + len(piece) - 1))


def _with_txs(case: Case, number: int = 1) -> Block:
    return [block for block in case.blocks() if len(block.txs) >= number][-1]


FIELDS = {
    "chain_id": "block 4: chain_id is not",
    "last_block_id": "block 4: last_block_id is not",
    "last_commit_hash": "block 4: last_commit_hash does not fit",
    "tx_root": "block 4: tx_root does not fit",
    "evidence_root": "block 4: evidence_root does not fit",
    "validators_hash": "block 4: validators_hash is not",
    "priorities_hash": "block 4: priorities_hash is not",
    "params_hash": "block 4: params_hash is not",
    "state_root": "block 4: state_root is not",
    "proposer": "block 4: the proposer is no validator",
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_bit_in_a_header_names_block_and_field(case: Case, field: str) -> None:
    value = getattr(case.blocks()[3].header, field)
    piece = value.encode() if isinstance(value, str) else value
    _fails(_in_block(case, 4, piece), FIELDS[field])


def test_a_bit_in_a_time_breaks_the_chain_at_the_next_block(case: Case) -> None:
    time = case.blocks()[3].header.time.to_bytes(8, "big")
    _fails(_in_block(case, 4, time), "block (4|5): ")


def test_a_bit_in_the_carried_commit_names_the_block(case: Case) -> None:
    commit = case.blocks()[3].last_commit
    assert commit is not None
    _fails(_in_block(case, 4, commit.slots[0].signature), "block 4: last_commit_hash does not fit")


def test_a_bit_in_a_transaction_names_the_block(case: Case) -> None:
    height = next(block.header.height for block in case.blocks() if block.txs)
    raw = case.blocks()[height - 1].txs[0]
    _fails(_in_block(case, height, raw), f"block {height}: tx_root does not fit")
    _fails(_in_block(case, height, raw[:-66]), f"block {height}: tx_root does not fit")


def test_a_bit_in_the_last_commit_names_the_signature(case: Case) -> None:
    last = len(case.export) - 1
    height = len(case.blocks())
    payload = case.export[last][1]
    signature = _flip(payload, len(payload) - 1)
    _fails(_swap(case.export, last, signature), f"commit of block {height}: signature 0 is false")
    _fails(_swap(case.export, last, payload[:-1]), f"after block {height}: ")
    other = replace(decode_record(Commit, payload), block_id=bytes(32))
    _fails(
        _swap(case.export, last, encode_record(other)),
        f"commit of block {height}: it is for another block",
    )
    empty = replace(decode_record(Commit, payload), slots=())
    _fails(_swap(case.export, last, encode_record(empty)), f"commit of {height}: 0 slots")


def test_a_bit_in_a_receipt_names_batch_and_node(case: Case) -> None:
    at = case.place(records.RECEIPTS)
    payload = case.export[at][1]
    run = decode_record(records.ReceiptRun, payload)
    second = payload.index(run.receipts[1])
    _fails(_swap(case.export, at, _flip(payload, second + 40)), "batch 0/0, node 2: the receipt")
    first = payload.index(run.receipts[0])
    _fails(_swap(case.export, at, _flip(payload, first + 40)), "batch 0/0, node 1: the receipt")
    _fails(_swap(case.export, at, payload[:-1]), "after block ")


def test_a_bit_in_the_genesis_is_found_even_in_a_comment(case: Case) -> None:
    payload = case.export[0][1]
    comment = payload.index(b"# A network")
    for at in (0, comment + 2, payload.index(b"supply_cap") + 13, len(payload) - 1):
        _fails(_swap(case.export, 0, _flip(payload, at)), "genesis: its bytes are not those")


# Changes by somebody who has all the keys.


def _rebuilt(block: Block, txs: tuple[bytes, ...]) -> Block:
    return make_block(replace(block.header, tx_root=tx_root(txs)), txs, block.last_commit)


def _forked(case: Case, height: int, change: Callable[[Maker, Block], Block], named: str) -> None:
    """The chain up to before `height`, the changed block, its commit: all signed."""
    maker = case.maker(height - 1)
    block = change(maker, maker.draft(case.inputs[height - 1]))
    outcome = execute(maker.rows, case.inputs[height - 1])
    maker.add(block, outcome)
    _fails(maker.whole(), named)


def _height_of_mint(case: Case) -> int:
    return audited(case.export).minting_blocks[0].height


def _height_of_txs(case: Case) -> int:
    return next(block.header.height for block in case.blocks() if len(block.txs) == 3)


def test_a_false_transaction_signature_is_named(case: Case) -> None:
    height = _height_of_txs(case)

    def change(maker: Maker, block: Block) -> Block:
        one, two, three = block.txs
        return _rebuilt(block, (one, _flip(two, len(two) - 1), three))

    _forked(case, height, change, f"block {height}: transaction 1: its signature is false")


def test_so_is_one_behind_the_mints(case: Case) -> None:
    maker = case.maker(_height_of_mint(case) - 1)
    height = maker.tip.height + 1
    block = maker.draft(case.inputs[height - 1])
    report = next(each.txs[-1] for each in case.blocks() if each.txs)
    assert report
    extra = case.blocks()[0].txs[0]
    outcome = execute(maker.rows, case.inputs[height - 1])
    maker.add(_rebuilt(block, (*block.txs, extra)), outcome)
    _fails(maker.whole(), f"block {height}, transaction 1: ")


def test_a_false_signature_in_a_carried_commit_is_named(case: Case) -> None:
    def change(maker: Maker, block: Block) -> Block:
        commit = block.last_commit
        assert commit is not None
        slots = (replace(commit.slots[0], signature=bytes(64)),)
        forged = replace(commit, slots=slots)
        header = replace(block.header, last_commit_hash=last_commit_hash(forged))
        return make_block(header, block.txs, forged)

    _forked(case, 4, change, "block 4: last commit: signature 0 is false")


@pytest.mark.parametrize("field", ["state_root", "results_root", "params_hash"])
def test_another_root_is_named(case: Case, field: str) -> None:
    def change(maker: Maker, block: Block) -> Block:
        header = replace(block.header, **{field: bytes(32)})  # type: ignore[arg-type]
        return make_block(header, block.txs, block.last_commit)

    _forked(case, 4, change, f"block 4: {field} is not what height 3 leads to")


def test_a_mint_of_other_coins_is_named(case: Case) -> None:
    height = _height_of_mint(case)

    def change(maker: Maker, block: Block) -> Block:
        mint = block.txs[0]
        return _rebuilt(block, (_flip(mint, len(mint) - 40), *block.txs[1:]))

    named = f"block {height}: the mint transactions are not those due"
    _forked(case, height, change, named)
    _forked(case, height, lambda _, block: _rebuilt(block, ()), named)
    twice = f"block {height}, transaction 1: unsigned"
    _forked(case, height, lambda _, block: _rebuilt(block, block.txs * 2), twice)


def test_a_genesis_of_somebody_else_does_not_fit_the_blocks(case: Case) -> None:
    text = case.text.replace("supply_cap = 40000000000000000", "supply_cap = 40000000000000001")
    record = records.genesis_record(text)
    _fails(_swap(case.export, 0, record), "block 1: chain_id is not")


# Records that are missing, twice there, elsewhere, or none.


def _places(case: Case) -> list[int]:
    """Both ends, the receipts and what stands beside them, and some blocks."""
    last, receipts = len(case.export) - 1, case.place(records.RECEIPTS)
    return sorted({0, 1, 9, receipts - 1, receipts, receipts + 1, last - 1, last})


def test_every_record_is_missed(case: Case) -> None:
    for at in _places(case):
        with pytest.raises(TfchainError):
            audited([*case.export[:at], *case.export[at + 1 :]])


def test_every_record_is_one_too_many_when_it_is_there_twice(case: Case) -> None:
    for at in _places(case):
        with pytest.raises(TfchainError):
            audited([*case.export[: at + 1], *case.export[at:]])


def test_no_two_records_may_change_places(case: Case) -> None:
    for at in _places(case)[:-1]:
        one, two = case.export[at], case.export[at + 1]
        with pytest.raises(TfchainError):
            audited([*case.export[:at], two, one, *case.export[at + 2 :]])


def test_an_export_that_is_cut_off_says_after_which_block(case: Case) -> None:
    blocks = 0
    for at, (kind, _) in enumerate(case.export[:-1]):
        blocks += kind == records.BLOCK
        if at in _places(case) and blocks:
            with pytest.raises(Malformed, match=f"(commit of block {blocks}: missing|batch 0/0)"):
                audited(case.export[: at + 1])


def test_what_is_missing_of_the_receipts_is_counted(case: Case) -> None:
    at = case.place(records.RECEIPTS)
    run = decode_record(records.ReceiptRun, case.export[at][1])
    less = encode_record(replace(run, receipts=run.receipts[:1]))
    _fails(_swap(case.export, at, less), "batch 0/0: 1 of 2 receipts are in the export")
    more = encode_record(replace(run, receipts=(*run.receipts, run.receipts[0])))
    _fails(_swap(case.export, at, more), "batch 0/0: more receipts than nodes")
    none = encode_record(replace(run, receipts=()))
    _fails(_swap(case.export, at, none), "batch 0/0: no such receipts are due")
    other = encode_record(replace(run, period=PeriodIndex(1)))
    _fails(_swap(case.export, at, other), "batch 0/1: no such receipts are due")


def test_nodes_without_a_receipt_are_passed_over(case: Case) -> None:
    """Those of another schedule have theirs in other batches."""
    auditor = Auditor(Rows(), _verify_all, None)
    at = case.place(records.RECEIPTS)
    for kind, payload in case.export[: at + 1]:
        auditor.take(kind, payload)
    (showing,) = auditor._due.values()
    showing.batch = replace(showing.batch, node_last=NodeId(showing.batch.node_last + 3))
    with pytest.raises(Divergence, match="more receipts than nodes"):
        auditor.take(*case.export[at])


def test_a_run_may_be_cut_in_two(case: Case) -> None:
    at = case.place(records.RECEIPTS)
    run = decode_record(records.ReceiptRun, case.export[at][1])
    halves = [
        (records.RECEIPTS, encode_record(replace(run, receipts=(receipt,))))
        for receipt in run.receipts
    ]
    assert audited([*case.export[:at], *halves, *case.export[at + 1 :]]).receipts_compared == 2


def test_records_of_no_kind_or_after_the_end_are_refused(case: Case) -> None:
    _fails([], "an export begins with its genesis")
    _fails(case.export[1:], "an export begins with its genesis")
    _fails([*case.export[:3], (9, b"")], "after block 2: nobody knows record kind 9")
    _fails([*case.export, case.export[-1]], "a record stands after the last commit")
    _fails([(records.GENESIS, b"short")], "genesis: its bytes are not those")
    _fails([(records.GENESIS, bytes(2 << 20))], "genesis: too large")
    _fails([(records.GENESIS, records._text_hash(b"\xff") + b"\xff")], "genesis: not UTF-8")
    _fails([(records.GENESIS, records.genesis_record("name = 5"))], "genesis.name: ")
    _fails([*case.export[:3], (records.BLOCK, b"\xc1")], "after block 2: ")


# What only a bug of ours could bring about.


def test_a_second_program_that_differs_is_put_beside_the_first(case: Case) -> None:
    auditor = Auditor(Rows(), _verify_all, None)
    for kind, payload in case.export:
        auditor.take(kind, payload)
    name = tables.batch_key(0, 0)  # type: ignore[arg-type]
    state = State(auditor._rows)
    stored = tables.BATCHES.need(state, name)
    other = encode_record(replace(stored, root=bytes(32)))
    auditor._rows.write([(tables.BATCHES.stored_at(name), other)])
    with pytest.raises(Divergence, match=f"{'00' * 32}.*the second program {stored.root.hex()}"):
        auditor.finish()
    assert params_of(state).chain_id


def test_coins_from_nowhere_are_a_divergence(case: Case) -> None:
    auditor = Auditor(Rows(), _verify_all, None)
    for kind, payload in case.export:
        auditor.take(kind, payload)
    auditor.report.supply_held += 1
    with pytest.raises(Divergence, match=r"supply: .* are held, genesis and mints give"):
        auditor.finish()


def test_an_export_goes_through_a_file_and_back(case: Case) -> None:
    file = BytesIO()
    write_records(file, case.export)
    file.seek(0)
    assert [(kind, payload) for _, kind, payload in read_records(file)] == case.export


def test_periods_that_were_compared_are_forgotten(
    make_chain: "MakeChain", devnet_text: str
) -> None:
    """What is kept depends on the periods that are open, not on the blocks that went by."""
    chain = make_chain()
    chain.found()
    chain.attend(1, 4, 500)
    maker, auditor = Maker(devnet_text), Auditor(Rows(), _verify_all, None)
    for step in chain.blocks:
        maker.add(maker.draft(step))
    kept = []
    for kind, payload in maker.whole():
        auditor.take(kind, payload)
        if kind == records.BLOCK:
            kept.append(len(auditor._second._columns._routes.streams))
    assert len(auditor.finish().second) >= 5
    assert max(kept) <= 3


def test_a_period_is_kept_while_an_earlier_one_is_still_open(
    make_chain: "MakeChain", devnet_text: str
) -> None:
    """A shorter commit window, voted for in between, may seal the later batch first."""
    chain = make_chain()
    chain.found()
    chain.attend(1, 4, 240)
    genesis, maker = read_genesis(devnet_text), Maker(devnet_text)
    second = SecondProgram(genesis.params, genesis.policies, genesis.supply())
    for step in chain.blocks:
        block = maker.draft(step)
        outcome = execute(maker.rows, input_of(maker.tip, block))
        second.take(block, outcome)
        maker.add(block, outcome)
    early, late = chain.batch(0), chain.batch(1)
    assert early.state >= SEALED <= late.state
    moved, place = (
        Rows(maker.rows),
        tables.BATCHES.stored_at(tables.batch_key(early.schedule, early.period)),
    )
    moved[place] = encode_record(replace(early, state=SETTLING))
    state = State(moved)
    row = tables.SCHEDULES.need(state, tables.schedule_key(early.schedule))
    live = tuple(sorted({early.period, *row.live}))
    moved[tables.SCHEDULES.stored_at(tables.schedule_key(early.schedule))] = encode_record(
        replace(row, live=live)
    )
    second.judge(moved, [late])
    second.judge(maker.rows, [early])
    assert (0, 0, 0) not in second._columns._routes.streams
    assert second.compare(early) == early.root
