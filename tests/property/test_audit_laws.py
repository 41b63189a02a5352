"""A single bit changed anywhere in an export is found, and where it lies is told."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from io import BytesIO
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.shapes import encode_record
from tfchain.base.shapes import layout as shape_of
from tfchain.base.units import Address, FarmId, Height, Millis, NodeId, Round, Seconds, Utft
from tfchain.chain import export_records as records
from tfchain.chain import mints
from tfchain.chain.audit import Auditor
from tfchain.chain.execute import execute
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.chain.tip import genesis_tip, input_of, next_block, next_tip
from tfchain.cli.audit_resting import Every, Resting
from tfchain.errors import TfchainError
from tfchain.ledger import tables
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, Commit, CommitSlot, vote_message
from tfchain.ledger.minting import PAID, SEALED, Batch
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.store.audited import AuditedRows
from tfchain.store.export import read_records, write_records
from tfchain.store.memory import MemoryStore
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Check, Envelope, encode_transaction, message_of

ROOT = Path(__file__).resolve().parents[2]
GENESIS = 1_700_000_000
SEED, REPORTER = bytes([5]) * 32, bytes([6]) * 32
"""One person is validator, guardian and farmer; the node's key is another."""
NAME = tables.batch_key(0, 0)  # type: ignore[arg-type]
Record = tuple[int, bytes]


class Rows(dict[bytes, bytes]):
    """State in memory."""

    def write(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        for key, value in rows:
            if value is None:
                self.pop(key, None)
            else:
                self[key] = value


def _text() -> str:
    name = to_text(Address(crypto.public_key(SEED)))
    template = (ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    return template.replace("time = 0", f"time = {GENESIS}") + (
        f'[[account]]\naddress = "{name}"\nbalance = 1000000000000\n'
        f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"\n'
        f'[[guardian]]\naccount = "{name}"\n'
    )


class Alone:
    """A chain of one validator that writes its own export."""

    def __init__(self) -> None:
        text = _text()
        genesis = read_genesis(text)
        outcome = genesis_outcome(genesis)
        self.rows, self.params = Rows(), genesis.params
        self.rows.write(outcome.rows)
        self.tip = genesis_tip(genesis, outcome)
        self.commit: Commit | None = None
        self.export: list[Record] = [(records.GENESIS, records.genesis_record(text))]
        self.nonce = 0

    def batch(self) -> Batch | None:
        return tables.BATCHES.get(State(self.rows), NAME)

    def tx(self, body: Kind, *, free: bool = False) -> bytes:
        seed = REPORTER if free else SEED
        envelope = Envelope(
            chain_id=self.params.chain_id,
            sender=crypto.public_key(seed),  # type: ignore[arg-type]
            nonce=0 if free else self.nonce,
            valid_until=Height(self.tip.height + 9),
            fee=Utft(0 if free else 10_000),
            kind=NUMBERS[type(body)],
        )
        self.nonce += not free
        plain = shape_of(type(body)).pack(body)
        return encode_transaction(envelope, plain, crypto.sign(seed, message_of(envelope, plain)))

    def at(self, second: int, *bodies: bytes) -> None:
        now, height = Seconds(GENESIS + second), Height(self.tip.height + 1)
        due = mints.due(State(self.rows), self.params, height, now)
        proposer = self.tip.validators.proposer(Round(0)).address
        time = Millis(now * 1_000)
        block = next_block(self.tip, self.params, time, proposer, [*due, *bodies], self.commit)
        before = self.batch()
        outcome = execute(self.rows, input_of(self.tip, block))
        assert set(outcome.codes) <= {"ok"}, outcome.codes
        self.rows.write(outcome.rows)
        text = vote_message(self.params.chain_id, PRECOMMIT, height, Round(0), block.id)
        slot = CommitSlot(flag=FOR_BLOCK, signature=crypto.sign(SEED, text))
        self.commit = Commit(height=height, round=Round(0), block_id=block.id, slots=(slot,))
        self.tip = next_tip(self.tip, block, outcome)
        self.export.append((records.BLOCK, block.raw))
        after = self.batch()
        if before and after and before.state < SEALED <= after.state:
            self._show()

    def _show(self) -> None:
        stored = self.rows[tables.RECEIPTS.stored_at(tables.in_batch(NAME, 1))]
        run = records.ReceiptRun(schedule=0, period=0, receipts=(stored,))  # type: ignore[arg-type]
        self.export.append((records.RECEIPTS, encode_record(run)))


def _made() -> list[Record]:
    """A period, its seal, its attestation after the deadline, its mint: some 25 blocks."""
    chain = Alone()
    registration = RegisterNode(
        farm_id=FarmId(1),
        reporter=crypto.public_key(REPORTER),  # type: ignore[arg-type]
        resources=Resources(cru=8, mru=32 << 30, hru=0, sru=500 << 30),
        country="BE",
        city="Gent",
        virtualized=False,
        acceptance=b"",
    )
    kinds = (
        CreateTwin(relay="relay.example", public_key=b""),
        CreateFarm(name="farm"),
        registration,
    )
    chain.at(1, *[chain.tx(kind) for kind in kinds])
    for second in range(6, 80, 6):
        kind = ReportUptime(node_id=NodeId(1), t=Seconds(GENESIS + second), uptime=second)
        chain.at(second, chain.tx(kind, free=True))
    for second in (88, 99, 100, 135):
        chain.at(second)
    batch = chain.batch()
    assert batch is not None
    answer = AttestMint(
        schedule=0,  # type: ignore[arg-type]
        period=0,  # type: ignore[arg-type]
        root=batch.root,
        total=batch.total,
        count=batch.count,
        salt=bytes(32),
    )
    chain.at(136, chain.tx(answer))
    for second in (142, 143):
        chain.at(second)
    last = chain.batch()
    assert last is not None
    assert (last.state, last.minted > 0) == (PAID, True)
    assert chain.commit is not None
    return [*chain.export, (records.LAST_COMMIT, encode_record(chain.commit))]


def _framed(export: list[Record]) -> bytes:
    file = BytesIO()
    write_records(file, export)
    return file.getvalue()


EXPORT = _made()
FILE = _framed(EXPORT)


_verify = lru_cache(None)(crypto.verify)


def _verify_all(checks: Sequence[Check]) -> Callable[[], Sequence[bool]]:
    return lambda: [_verify(*check) for check in checks]


def _audit_file(raw: bytes) -> int:
    auditor = Auditor(Rows(), _verify_all, None)
    for _, kind, payload in read_records(BytesIO(raw)):
        auditor.take(kind, payload)
    return auditor.finish().height


def test_the_export_as_it_is_is_right() -> None:
    assert _audit_file(FILE) == sum(kind == records.BLOCK for kind, _ in EXPORT)


class Stream(BytesIO):
    """It only goes forward."""

    def seekable(self) -> bool:  # type: ignore[explicit-override]  # Python 3.11 has no such mark
        return False


_EVERY = st.builds(
    Every, blocks=st.integers(1, 9), bytes=st.integers(100, len(FILE)), rows=st.integers(1, 200)
)


@settings(max_examples=12)
@given(kills=st.lists(st.tuples(_EVERY, st.integers(1, 20), st.booleans()), max_size=4))
def test_wherever_it_is_killed_the_audit_ends_as_in_one_go(
    kills: list[tuple[Every, int, bool]],
) -> None:
    """A kill leaves what the last rest wrote; the export comes as a file or as a stream."""
    disk, through = MemoryStore(), Auditor(Rows(), _verify_all, None)
    for kind, payload in EXPORT:
        through.take(kind, payload)
    for every, steps, streamed in kills:
        resting = _resting(disk, every, streamed=streamed)
        for _ in islice(resting.steps(), steps):
            pass
    last = _resting(disk, Every(blocks=9, bytes=9_999, rows=999))
    for _ in last.steps():
        pass
    assert last.auditor.finish() == through.finish()


def _resting(disk: MemoryStore, every: Every, *, streamed: bool = False) -> Resting:
    file = Stream(FILE) if streamed else BytesIO(FILE)
    return Resting(AuditedRows(disk), file, _verify_all, None, every)


@settings(max_examples=50)
@given(at=st.integers(0, len(FILE) - 1), bit=st.integers(0, 7))
def test_no_single_bit_may_change(at: int, bit: int) -> None:
    raw = bytearray(FILE)
    raw[at] ^= 1 << bit
    with pytest.raises(TfchainError) as caught:
        _audit_file(bytes(raw))
    assert str(caught.value)


@settings(max_examples=40)
@given(number=st.integers(0, len(EXPORT) - 1), place=st.integers(0, 1 << 30), bit=st.integers(0, 7))
def test_no_record_may_change_however_short_it_is(number: int, place: int, bit: int) -> None:
    kind, payload = EXPORT[number]
    changed = bytearray(payload)
    changed[place % len(changed)] ^= 1 << bit
    export = [*EXPORT[:number], (kind, bytes(changed)), *EXPORT[number + 1 :]]
    with pytest.raises(TfchainError, match=r"block|commit|batch|genesis"):
        _audit_file(_framed(export))


@settings(max_examples=25)
@given(length=st.integers(0, len(FILE) - 1))
def test_no_export_may_be_cut_off(length: int) -> None:
    with pytest.raises(TfchainError):
        _audit_file(FILE[:length])


@settings(max_examples=20)
@given(data=st.data())
def test_no_records_may_be_left_out_doubled_or_moved(data: st.DataObject) -> None:
    order = data.draw(st.lists(st.integers(0, len(EXPORT) - 1), max_size=len(EXPORT) + 2))
    place = data.draw(st.integers(0, len(EXPORT)))
    export = [*EXPORT[:place], *[EXPORT[number] for number in order]]
    if export in ([*EXPORT], EXPORT[:1]):
        return
    with pytest.raises(TfchainError):
        _audit_file(_framed(export))
