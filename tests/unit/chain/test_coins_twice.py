"""Coins are counted twice: a mint that `execute` gets wrong is found by the second program (P36, P43).

One chain has it all: a batch that is disputed and paid without a node, receipts put right both ways, a
debt taken from the next pay, a cut at the cap, a lock that opens, a fraud, a batch that is void.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tfchain.base import crypto, merkle
from tfchain.base.shapes import encode_record, layout
from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    MilliUsd,
    NodeId,
    PeriodIndex,
    Round,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain import export_records as records
from tfchain.chain.audit import Auditor
from tfchain.chain.audit_coins import SecondCoins
from tfchain.chain.audit_kept import decode_standing, encode_standing
from tfchain.chain.audit_report import Found
from tfchain.chain.columns.coins import Line
from tfchain.chain.columns.locked import Locked
from tfchain.chain.columns.paying import Block, Paying
from tfchain.chain.columns.program import Columns, Result
from tfchain.chain.execute import OK, execute, outcome_of
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.chain.tip import genesis_tip, input_of, next_block, next_tip
from tfchain.errors import Divergence, Malformed
from tfchain.ledger import tables
from tfchain.ledger.changes import SetConstant
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, Commit, CommitSlot, vote_message
from tfchain.ledger.disputes import NamedNode
from tfchain.ledger.evidence import DoubleVote
from tfchain.ledger.measures import (
    ApproveBatch,
    FixReceipt,
    FlagFraud,
    Halt,
    LowerCap,
    Measure,
    SeatGuardian,
    SetPrice,
    VoidBatch,
)
from tfchain.ledger.minting import DISPUTED, PAID, RECEIPT_TAG, SEALED, VOID
from tfchain.ledger.state import State
from tfchain.ledger.terms import HELD_MAX
from tfchain.rules.regime import FREE, UNCHANGED, UNTIL_OLD_OR_USED, WITHHELD
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.dispute_nodes import DisputeNodes
from tfchain.tx.kinds.enact import Enact
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.kinds.mint_fixup import MintFixup
from tfchain.tx.kinds.propose import Propose
from tfchain.tx.kinds.release_lock import ReleaseLock
from tfchain.tx.kinds.vote_as_guardian import VoteAsGuardian
from tfchain.tx.proposals import docket_of
from tfchain.tx.registry import NUMBERS, open_body
from tfchain.tx.transaction import Check, decode_transaction, encode_transaction

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
OTHER = bytes([9]) * 32
ROOM = 17_000_000_000
Record = tuple[int, bytes]


def _kit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chain_kit_of_coins", HERE / "conftest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["chain_kit_of_coins"] = module
    spec.loader.exec_module(module)
    return module


KIT = _kit()


def _text() -> str:
    """Locked for a hundred seconds, and less room than three periods of four nodes would fill."""
    template = (ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    regime = ('regime = "farming_v3"\nstart = 0\nschedule = 0\n',)
    offered = 'regime = "farming_v3_lockup"\nstart = 0\nschedule = 0\n[regime.offer]\nage = 100\n'
    text: str = KIT.changed(KIT.stamped(template), (*regime, offered))
    cap = read_genesis(text).supply() + ROOM
    return text.replace("supply_cap = 40000000000000000", f"supply_cap = {cap}")


# --- the chain that has it all --------------------------------------------------------------------


def _voted(chain: "Chain", measure: Measure) -> None:
    """Guardians have it their way; it holds from the block after their votes on."""
    body = Propose(
        farm_id=FarmId(0),
        measure=measure,
        text_hash=bytes(32),
        link="",
        threshold=5,
        seconds=Seconds(0),
    )
    _step(chain, chain.tx(2, body))
    said = VoteAsGuardian(proposal=docket_of(chain.state()).last, yes=True)
    _step(chain, *[chain.tx(who, said) for who in KIT.GUARDIANS])
    _step(chain)


def _step(chain: "Chain", *txs: bytes) -> None:
    """A second later; nodes report."""
    now = chain.second + 1
    reports = [chain.report(node, now, now) for node in range(1, 5)]
    codes = chain.at(now, *reports, *txs)[len(reports) :]
    assert set(codes) <= {OK}, codes


def _batch(period: int) -> dict[str, int]:
    return {"schedule": ScheduleId(0), "period": PeriodIndex(period)}


def _fix(chain: "Chain", node: int, more: int) -> FixReceipt:
    name = tables.batch_key(ScheduleId(0), PeriodIndex(0))
    rows = [tables.RECEIPTS.need(chain.state(), tables.in_batch(name, n)) for n in range(1, 5)]
    leaves, right = [encode_record(row) for row in rows], rows[node - 1]
    return FixReceipt(
        receipt=leaves[node - 1],
        index=node - 1,
        path=tuple(merkle.prove(RECEIPT_TAG, leaves, node - 1)),
        uptime=right.uptime,
        cu=right.cu,
        su=right.su + 5,
        nu=0,
        musd=MilliUsd(right.musd),
        amount=Utft(right.amount + more),
        correct_receipt=OTHER,
        **_batch(0),  # type: ignore[arg-type]
    )


def _on(chain: "Chain", second: int) -> None:
    """Nodes report until then."""
    while chain.second < second:
        now = min(chain.second + 5, second)
        chain.at(now, *[chain.report(node, now, now) for node in range(1, 5)])


@cache
def _lived() -> "Chain":
    chain: Chain = KIT.Chain(_text())
    chain.found()
    for who in (20, 21, 22):
        twin = CreateTwin(relay="r", public_key=b"")
        assert chain.run(chain.tx(who, twin), chain.tx(who, chain.registration(who))) == (OK, OK)
    _on(chain, 100)
    assert chain.batch().state == SEALED
    _on(chain, 131)
    named = NamedNode(node_id=NodeId(2), receipt=OTHER, amount=Utft(5))
    dispute = DisputeNodes(named=(named,), **_batch(0))  # type: ignore[arg-type]
    _step(chain, chain.attestation(3, total=5), chain.tx(3, dispute))
    _voted(chain, ApproveBatch(without=(NodeId(2),), **_batch(0)))  # type: ignore[arg-type]
    _on(chain, 143)
    assert chain.batch().state == PAID
    _voted(chain, _fix(chain, 3, -600_000_000))
    _voted(chain, _fix(chain, 4, 100))
    _on(chain, 165)
    assert chain.batch(1).state == SEALED
    _voted(chain, FlagFraud(node_id=NodeId(1), evidence=OTHER))
    _on(chain, 197)
    _voted(chain, ApproveBatch(without=(), **_batch(1)))  # type: ignore[arg-type]
    _on(chain, 257)
    assert (chain.batch(1).state, chain.batch(2).state) == (PAID, DISPUTED)
    _voted(chain, VoidBatch(**_batch(2)))  # type: ignore[arg-type]
    assert chain.batch(2).state == VOID
    return chain


def test_the_chain_has_it_all() -> None:
    chain = _lived()
    first, second = chain.batch(), chain.batch(1)
    assert [chain.minted(node).lock for node in (1, 2, 3, 4)] == [
        UNTIL_OLD_OR_USED,
        WITHHELD,
        UNTIL_OLD_OR_USED,
        UNTIL_OLD_OR_USED,
    ]
    assert first.minted < first.payable == first.total, "one was left out"
    assert second.payable < second.total, "the cap cuts"
    assert [chain.minted(node, 1).lock for node in (1, 2)] == [WITHHELD, FREE]
    deducted = tables.in_batch(tables.batch_key(ScheduleId(0), PeriodIndex(1)), 3)
    assert tables.DEDUCTIONS.need(chain.state(), deducted).amount == 600_000_000
    assert any(isinstance(body, MintFixup) for block in chain.blocks for body in _system(block.txs))


def _system(txs: Sequence[bytes]) -> list[Kind]:
    opened = [decode_transaction(raw) for raw in txs]
    return [open_body(one) for one in opened if not one.signature]


# --- its audit ------------------------------------------------------------------------------------


def _export(chain: "Chain") -> list[Record]:
    """The chain's inputs as blocks with commits, and the receipts of what they seal."""
    genesis = read_genesis(chain.text)
    outcome = genesis_outcome(genesis)
    rows, tip = dict(outcome.rows), genesis_tip(genesis, outcome)
    commit: Commit | None = None
    export: list[Record] = [(records.GENESIS, records.genesis_record(chain.text))]
    for step in chain.blocks:
        proposer = tip.validators.proposer(Round(0)).address
        block = next_block(tip, genesis.params, step.time_ms, proposer, step.txs, commit)
        outcome = execute(rows, input_of(tip, block))
        shown = _shown(rows, outcome.rows)
        rows.update(outcome.rows)
        message = vote_message(
            genesis.params.chain_id, PRECOMMIT, block.header.height, Round(0), block.id
        )
        signature = crypto.sign(KIT.seed(KIT.PROPOSER), message)
        slot = CommitSlot(flag=FOR_BLOCK, signature=signature)
        commit = Commit(
            height=block.header.height, round=Round(0), block_id=block.id, slots=(slot,)
        )
        tip = next_tip(tip, block, outcome)
        export += [(records.BLOCK, block.raw), *shown]
    assert commit is not None
    return [*export, (records.LAST_COMMIT, encode_record(commit))]


def _shown(
    rows: dict[bytes, bytes | None], after: Sequence[tuple[bytes, bytes | None]]
) -> list[Record]:
    """The receipts of a batch that these rows seal."""
    found, written = list[Record](), dict(after)
    mark = tables.BATCHES.stored_at(b"")
    for place, value in after:
        if not place.startswith(mark) or value is None:
            continue
        batch, before = tables.BATCHES.decode(value), rows.get(place)
        if batch.state == SEALED and before and tables.BATCHES.decode(before).state < SEALED:
            name = tables.batch_key(batch.schedule, batch.period)
            stored = [
                written.get(tables.RECEIPTS.stored_at(tables.in_batch(name, node)))
                for node in range(1, 5)
            ]
            run = records.ReceiptRun(
                schedule=batch.schedule,
                period=batch.period,
                receipts=tuple(row for row in stored if row is not None),
            )
            found.append((records.RECEIPTS, encode_record(run)))
    return found


class Rows(dict[bytes, bytes]):
    """State in memory."""

    def write(self, rows: Iterable[tuple[bytes, bytes | None]], /) -> None:
        for key, value in rows:
            if value is None:
                self.pop(key, None)
            else:
                self[key] = value


def _verify_all(checks: Sequence[Check]) -> Callable[[], Sequence[bool]]:
    return lambda: [crypto.verify(*check) for check in checks]


def audit_of_all() -> str:
    """What an audit says of the chain that has it all."""
    auditor = Auditor(Rows(), _verify_all, None)
    try:
        for kind, payload in _export(_lived()):
            auditor.take(kind, payload)
        return f"right, {auditor.finish().supply_minted} minted"
    except Divergence as fault:
        return str(fault)


def test_an_audit_of_all_of_it_is_right() -> None:
    chain = _lived()
    minted = chain.totals().minted_ever - chain.genesis.supply()
    assert audit_of_all() == f"right, {minted} minted"


def test_an_audit_that_rests_after_every_block_says_the_same() -> None:
    """Locks, debts, fixups that wait, batches that are attested, void or half paid: all of it is kept."""
    rows = Rows()
    auditor, export = Auditor(rows, _verify_all, None), _export(_lived())
    rests = 0
    for kind, payload in export:
        if auditor.can_rest:
            kept = encode_standing(auditor.rest())
            standing = decode_standing(kept, rows, _no_chunk)
            assert encode_standing(standing) == kept
            auditor = Auditor.resume(rows, _verify_all, None, standing)
            rests += 1
        auditor.take(kind, payload)
    assert rests > 30
    through = Auditor(Rows(), _verify_all, None)
    for kind, payload in export:
        through.take(kind, payload)
    assert auditor.finish() == through.finish()


def test_what_the_report_tells_of_evidence_is_kept() -> None:
    rows = Rows()
    auditor = Auditor(rows, _verify_all, (2, bytes(32)))
    for kind, payload in _export(_lived())[:2]:
        auditor.take(kind, payload)
    piece = DoubleVote(
        validator=bytes(20),
        kind=PRECOMMIT,
        height=Height(1),
        round=Round(0),
        first_id=b"",
        first_signature=bytes(64),
        second_id=bytes(32),
        second_signature=bytes(64),
    )
    auditor.report.faults.append(Found(block=1, piece=piece, burned=7))
    auditor.report.anchored = True
    standing = decode_standing(encode_standing(auditor.rest()), rows, _no_chunk)
    assert standing.report.faults == auditor.report.faults
    assert standing.trusted == (2, bytes(32))
    with pytest.raises(Malformed):
        decode_standing(b"", rows, _no_chunk)


def _no_chunk(place: tuple[int, int, int], number: int) -> bytes:
    raise AssertionError((place, number))


_RUN = """
import importlib.util, json, sys
from importlib.machinery import PathFinder, SourceFileLoader

class Loader(SourceFileLoader):
    def get_code(self, name):
        source = self.get_data(self.path).decode()
        module, text, by = change
        assert source.count(text) == 1, f"{name} says it otherwise now: {text}"
        return compile(source.replace(text, by), self.path, "exec")

class Finder:
    def find_spec(self, name, path, target=None):
        if name != change[0]:
            return None
        spec = PathFinder.find_spec(name, path)
        spec.loader = Loader(name, spec.origin)
        return spec

change = json.loads(sys.argv[1])
sys.meta_path.insert(0, Finder())
spec = importlib.util.spec_from_file_location("told", sys.argv[2])
told = importlib.util.module_from_spec(spec)
sys.modules["told"] = told
spec.loader.exec_module(told)
print(told.audit_of_all())
"""


@pytest.mark.parametrize(
    ("module", "text", "by", "said"),
    [
        pytest.param(
            "chain.mints",
            "account=receipt.account",
            "account=bytes(32)",
            "batch 0/0, node 1: minted is .* to 0000",
            id="somebody else's account",
        ),
        pytest.param(
            "tx.payouts",
            "mul_div_floor(amount, batch.payable, batch.total)",
            "amount",
            "batch 0/1, node 2: minted is",
            id="no cut at the cap",
        ),
        pytest.param(
            "tx.payouts",
            "ruling.void or node_id in ruling.without",
            "ruling.void",
            "batch 0/0, node 2: minted is",
            id="a node that was left out",
        ),
        pytest.param(
            "chain.mints",
            "lock=WITHHELD if withheld else receipt.lock",
            "lock=WITHHELD if withheld else 0",
            "batch 0/0, node 1: minted is .* lock 0",
            id="coins that are not locked",
        ),
        pytest.param(
            "tx.fixups",
            "debt=Utft(max(given - due, 0))",
            "debt=Utft(0)",
            "batch 0/1, node 3: minted is",
            id="a debt forgotten",
        ),
        pytest.param(
            "tx.disputes",
            "reserved = Utft(now.reserved - batch.payable)",
            "reserved = Utft(now.reserved)",
            "block [0-9]+: the ledger has minted",
            id="room of a void batch kept",
        ),
    ],
)
def test_an_audit_finds_a_mint_that_execute_gets_wrong(
    module: str, text: str, by: str, said: str
) -> None:
    """The auditor's own `execute` has the same fault: the second program alone can tell."""
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            _RUN,
            json.dumps([f"tfchain.{module}", text, by]),
            str(HERE / "test_coins_twice.py"),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert re.search(said, ended.stdout), ended.stdout


# --- what else would be wrong ---------------------------------------------------------------------

Given = tuple[Block, int, list[tuple[ScheduleId, PeriodIndex, Result]]]


@cache
def _given() -> tuple[Given, ...]:
    """What the second program is given of each block, and what it has sealed itself."""
    chain, found = _lived(), list[Given]()
    genesis, rows = chain.genesis, dict[bytes, bytes]()
    columns = Columns(genesis.params, genesis.policies, genesis.supply())
    _write(rows, genesis_outcome(genesis).rows)
    known: dict[tuple[int, int], None] = {}
    for step in chain.blocks:
        cap = tables.PARAMS.need(State(rows), tables.SINGLE).supply_cap
        outcome = execute(rows, step)
        _write(rows, outcome.rows)
        columns.take(step.height, step.time_ms, step.txs, outcome.codes)
        sealed = []
        for period in map(PeriodIndex, range(4)):
            place = tables.batch_key(ScheduleId(0), period)
            batch = tables.BATCHES.get(State(rows), place)
            if batch is not None and batch.state >= SEALED and (0, period) not in known:
                known[0, period] = None
                sealed.append((ScheduleId(0), period, columns.result(0, period)))
        block = Block(step.height, step.time_ms // 1_000, step.txs, outcome.codes)
        found.append((block, cap, sealed))
    return tuple(found)


def _write(rows: dict[bytes, bytes], written: Sequence[tuple[bytes, bytes | None]]) -> None:
    for place, value in written:
        if value is None:
            rows.pop(place, None)
        else:
            rows[place] = value


def _paying() -> Paying:
    genesis = _lived().genesis
    return Paying(genesis.params, genesis.supply(), genesis.guardians)


def _replayed(edit: Callable[[Block], Block]) -> str:
    """What the second program says of the blocks, each of them edited."""
    paying = _paying()
    try:
        for block, cap, sealed in _given():
            paying.take(edit(block), cap, sealed)
    except Divergence as fault:
        return str(fault)
    return ""


def _bodies(kind: type[Kind], change: Callable[[Kind], Sequence[Kind]]) -> Callable[[Block], Block]:
    """Every transaction of that kind gives way to others; refused ones stay."""

    def edit(block: Block) -> Block:
        pairs = [
            (other, code)
            for raw, code in zip(block.txs, block.codes, strict=True)
            for other in (_others(raw, kind, change) if code == OK else (raw,))
        ]
        return replace(block, txs=[raw for raw, _ in pairs], codes=[code for _, code in pairs])

    return edit


def _others(raw: bytes, kind: type[Kind], change: Callable[[Kind], Sequence[Kind]]) -> list[bytes]:
    known = decode_transaction(raw)
    body = open_body(known)
    return [_told(raw, other) for other in change(body)] if isinstance(body, kind) else [raw]


def _told(raw: bytes, body: Kind, sender: Address | None = None) -> bytes:
    known = decode_transaction(raw)
    envelope = replace(known.envelope, kind=NUMBERS[type(body)])
    envelope = replace(envelope, sender=sender) if sender else envelope
    return encode_transaction(envelope, layout(type(body)).pack(body), known.signature)


def _line(**changes: object) -> Callable[[Block], Block]:
    """The first line of every mint says something else."""

    def change(body: Kind) -> list[Kind]:
        assert isinstance(body, Mint)
        first = replace(body.entries[0], **changes)  # type: ignore[arg-type]
        return [replace(body, entries=(first, *body.entries[1:]))]

    return _bodies(Mint, change)


def _mint(**changes: object) -> Callable[[Block], Block]:
    return _bodies(Mint, lambda body: [replace(body, **changes)])  # type: ignore[type-var]


def _enacted(kind: type, **changes: object) -> Callable[[Block], Block]:
    """Every enactment of such a measure is of another one."""

    def change(body: Kind) -> list[Kind]:
        assert isinstance(body, Enact)
        if not isinstance(body.measure, kind):
            return [body]
        return [replace(body, measure=replace(body.measure, **changes))]  # type: ignore[arg-type]

    return _bodies(Enact, change)


def _at(height: int, *more: Measure) -> Callable[[Block], Block]:
    """An enactment more, behind the system's transactions of that block."""

    def edit(block: Block) -> Block:
        if block.height != height:
            return block
        system = next(
            raw for each, _, _ in _given() for raw in each.txs if isinstance(_of(raw), Enact)
        )
        told = [_told(system, Enact(proposal=9, measure=measure)) for measure in more]
        count = sum(1 for raw in block.txs if not decode_transaction(raw).signature)
        txs = [*block.txs[:count], *told, *block.txs[count:]]
        codes = [*block.codes[:count], *[OK] * len(told), *block.codes[count:]]
        return replace(block, txs=txs, codes=codes)

    return edit


def _of(raw: bytes) -> Kind:
    return open_body(decode_transaction(raw))


def _height_of(kind: type[Kind]) -> int:
    """The first block with such a transaction."""
    return next(
        block.height
        for block, _, _ in _given()
        if any(isinstance(_of(raw), kind) for raw in block.txs)
    )


def _twice(body: Kind) -> list[Kind]:
    return [body, body]


def _gone(_body: Kind) -> list[Kind]:
    return []


def test_the_blocks_as_they_are_leave_nothing_to_say() -> None:
    assert _replayed(lambda block: block) == ""


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        pytest.param(_line(amount=Utft(1)), "node 1: minted is 1 to", id="less"),
        pytest.param(_line(account=Address(OTHER)), "node 1: minted is .* to 0909", id="another"),
        pytest.param(_line(lock=FREE), "node 1: minted is .* lock 0", id="unlocked"),
        pytest.param(_line(receipt=OTHER), "node 1: minted is .* for 0909", id="another receipt"),
        pytest.param(_line(node_id=NodeId(2)), "leaves out nodes before 5", id="another node"),
        pytest.param(_mint(entries=()), "leaves out nodes before 5", id="nobody"),
        pytest.param(_mint(root=OTHER), "a mint up to node 5 of 0909", id="another root"),
        pytest.param(_mint(upto=1), "a mint up to node 1", id="a run of nothing"),
        pytest.param(_mint(upto=6), "a mint up to node 6", id="nodes that came later"),
        pytest.param(_mint(period=PeriodIndex(7)), "batch 0/7: nobody has sealed", id="no batch"),
        pytest.param(_bodies(Mint, _twice), "a mint up to node 5", id="a mint twice"),
        pytest.param(
            lambda block: replace(block, time=1_700_000_000), "before they are due", id="too early"
        ),
        pytest.param(
            _enacted(ApproveBatch, without=(NodeId(3),)), "node 3: left out", id="nobody named it"
        ),
        pytest.param(_bodies(DisputeNodes, _gone), "node 2: left out", id="nobody named anything"),
        pytest.param(_enacted(ApproveBatch, without=()), "node 2: minted is 0", id="left in"),
        pytest.param(
            _enacted(FlagFraud, node_id=NodeId(4)), "node 1: minted is 0", id="another fraud"
        ),
        pytest.param(_enacted(FixReceipt, index=3), "a fixup of a receipt", id="another's place"),
        pytest.param(_enacted(FixReceipt, receipt=OTHER), "a fixup of no receipt", id="no receipt"),
        pytest.param(
            _enacted(FixReceipt, amount=Utft(1)), "coins for fixups", id="a fixup to another sum"
        ),
        pytest.param(_bodies(MintFixup, _gone), "there are 0, due are 1", id="no coins for fixups"),
        pytest.param(_bodies(MintFixup, _twice), "there are 2, due are 1", id="fixups twice"),
    ],
)
def test_coins_that_are_not_due_are_found(edit: Callable[[Block], Block], said: str) -> None:
    assert re.search(said, _replayed(edit))


MEASURES_AT = [
    pytest.param(
        Mint, VoidBatch(schedule=ScheduleId(0), period=PeriodIndex(0)), 0, "ruled on after"
    ),
    pytest.param(Mint, Halt(halted=True), -1, "coins in a halt"),
    pytest.param(MintFixup, Halt(halted=True), -1, "coins in a halt"),
]


@pytest.mark.parametrize(("kind", "measure", "before", "said"), MEASURES_AT)
def test_a_measure_more_changes_what_is_due(
    kind: type[Kind], measure: Measure, before: int, said: str
) -> None:
    height = _height_of(kind) + before
    assert re.search(said, _replayed(_at(height, measure)))


def test_a_fixup_comes_after_the_pay() -> None:
    fix = next(
        body.measure
        for block, _, _ in _given()
        for raw in block.txs
        if isinstance(body := _of(raw), Enact) and isinstance(body.measure, FixReceipt)
    )
    said = _replayed(_at(_height_of(Mint) - 1, fix))
    assert said == "batch 0/0: a fixup before it is paid"


LESS = 8_000_000_000_000 + 3_000_000_000


@pytest.mark.parametrize(
    ("measure", "cap"),
    [
        pytest.param(LowerCap(cap=Utft(LESS)), LESS, id="farms lower the cap"),
        pytest.param(SetConstant(name="ledger.supply_cap", value=LESS), LESS, id="as a constant"),
        pytest.param(SetConstant(name="ledger.voting", value=9), None, id="another constant"),
        pytest.param(SetPrice(price=MilliUsd(9)), None, id="a price"),
    ],
)
def test_a_lower_cap_leaves_less_room(measure: Measure, cap: int | None) -> None:
    paying, (first, usual, _) = _paying(), _given()[0]
    paying.take(_at(1, measure)(first), usual, [])
    assert paying.coins.cap == (cap or usual)
    assert paying.coins.room == paying.coins.cap - _lived().genesis.supply()


def test_a_cap_that_rises_is_none() -> None:
    paying, (first, usual, _) = _paying(), _given()[0]
    with pytest.raises(Divergence, match=f"block 1: the cap rises to {usual + 1}"):
        paying.take(first, usual + 1, [])


def test_who_is_seated_when_a_batch_seals_approves_it() -> None:
    """The same answer of one guardian is enough where the others have left before."""
    genesis, (first, cap, _) = _lived().genesis, _given()[0]
    others = genesis.guardians[1:]
    paying = _paying()
    leave = [SeatGuardian(account=account, seated=False) for account in others]
    come = SeatGuardian(account=others[0], seated=True)
    paying.take(_at(1, *leave, come, leave[0])(first), cap, [])
    seal = next(one for one in _given() if one[2])
    for block, limit, sealed in _given()[1 : seal[0].height]:
        paying.take(block, limit, sealed)
    assert paying.pays[0, 0].guardians == genesis.guardians[:1]
    assert paying.pays[0, 0].pay_at is None


def _attested(block: Block, sender: Address) -> Block:
    """The block with an attestation of the ledger's own root by that account."""
    chain = _lived()
    raw = chain.attestation(2)
    told = _told(raw, open_body(decode_transaction(raw)), sender)
    return replace(block, txs=[*block.txs, told], codes=[*block.codes, OK])


def test_more_than_two_thirds_of_its_guardians_approve_a_batch() -> None:
    paying, guardians = _paying(), _lived().genesis.guardians
    blocks = _given()
    place = next(number for number, one in enumerate(blocks) if one[2])
    for block, cap, sealed in blocks[: place + 1]:
        paying.take(block, cap, sealed)
    pay = paying.pays[0, 0]
    for count, guardian in enumerate(guardians, start=1):
        block, cap, _ = blocks[place + count]
        assert pay.pay_at is None
        paying.take(_attested(block, guardian), cap, [])
    assert pay.pay_at == blocks[place + 3][0].time + 4
    block, cap, _ = blocks[place + 4]
    with pytest.raises(Divergence, match=r"attested by .*, no guardian of it"):
        paying.take(_attested(block, KIT.key(20)), cap, [])


def test_a_fixup_of_a_receipt_that_was_put_right_starts_from_there() -> None:
    fixes = [
        (block.height, body.measure)
        for block, _, _ in _given()
        for raw in block.txs
        if isinstance(body := _of(raw), Enact) and isinstance(body.measure, FixReceipt)
    ]
    height, fix = fixes[-1]
    paying, more = _paying(), replace(fix, amount=Utft(fix.amount + 50))
    for block, cap, sealed in _given()[:height]:
        paying.take(_at(height, more)(block), cap, sealed)
    lines = [one.line for one in paying.fixing.waiting]
    assert [(line.node_id, line.amount) for line in lines] == [(4, 100), (4, 50)]


def test_a_batch_may_be_paid_in_several_blocks() -> None:
    """As where the budget of a block is small; its promise shrinks with what was minted."""
    whole, split, height = _paying(), _paying(), _height_of(Mint)
    for block, cap, sealed in _given()[:height]:
        whole.take(block, cap, sealed)
    mint = next(body for raw in _given()[height - 1][0].txs if isinstance(body := _of(raw), Mint))
    parts = [
        replace(mint, upto=3, entries=mint.entries[:2]),
        replace(mint, entries=mint.entries[2:]),
    ]
    for block, cap, sealed in _given()[: height - 1]:
        split.take(block, cap, sealed)
    minted = []
    for part in parts:
        block, cap, _ = _given()[height - 1]
        split.take(_bodies(Mint, lambda _, part=part: [part])(block), cap, [])  # type: ignore[misc]
        minted.append((split.coins.minted, split.coins.promised, split.pays[0, 0].root))
    assert minted[0][2] is None
    assert minted[0][0] < minted[1][0]
    assert minted[0][1] - split.pays[0, 0].promise.payable < 0
    assert minted[1] == (whole.coins.minted, whole.coins.promised, whole.pays[0, 0].root)


# --- beside the ledger ----------------------------------------------------------------------------


def _beside(until: int, change: Callable[[State], None]) -> str:
    """What an audit says of a ledger whose rows are others after that block."""
    chain = _lived()
    genesis, rows = chain.genesis, dict[bytes, bytes]()
    coins = SecondCoins(genesis)
    _write(rows, genesis_outcome(genesis).rows)
    for step, (block, _, sealed) in zip(chain.blocks[:until], _given(), strict=False):
        _write(rows, execute(rows, step).rows)
        if step.height == until:
            state = State(rows)
            change(state)
            _write(rows, outcome_of(rows, state, []).rows)
        try:
            coins.take(rows, block, sealed)
        except Divergence as fault:
            return str(fault)
    return ""


def _promise_less(state: State) -> None:
    now = tables.TOTALS.need(state, tables.SINGLE)
    tables.TOTALS.put(state, tables.SINGLE, replace(now, reserved=Utft(now.reserved - 1)))


def _change_batch(**changes: object) -> Callable[[State], None]:
    def change(state: State) -> None:
        name = tables.batch_key(ScheduleId(0), PeriodIndex(0))
        batch = tables.BATCHES.need(state, name)
        tables.BATCHES.put(state, name, replace(batch, **changes))  # type: ignore[arg-type]

    return change


def _unlock(state: State) -> None:
    tables.LOCKS.drop(state, tables.id_key(1))


def _sealing() -> int:
    return next(block.height for block, _, sealed in _given() if sealed)


@pytest.mark.parametrize(
    ("until", "change", "said"),
    [
        pytest.param(_sealing, _promise_less, "promised .*, the second program", id="a promise"),
        pytest.param(_sealing, _change_batch(payable=1), "has 1 to pay", id="what may be paid"),
        pytest.param(_sealing, _change_batch(guardians=()), "by 0 guardians", id="its guardians"),
        pytest.param(
            lambda: _height_of(Mint), _change_batch(mints_root=OTHER), "root 0909", id="its records"
        ),
        pytest.param(lambda: _height_of(Mint), _unlock, "node 1: the ledger has 0", id="a lock"),
        pytest.param(lambda: _height_of(Mint), lambda _: None, "^$", id="nothing"),
    ],
)
def test_a_ledger_that_stands_otherwise_is_found(
    until: Callable[[], int], change: Callable[[State], None], said: str
) -> None:
    assert re.search(said, _beside(until(), change))


def _coin(node: int, account: int, amount: int, lock: int) -> Line:
    return Line(node, bytes([account]) * 32, amount, lock, OTHER)


def test_what_a_fixup_brings_waits_with_what_the_node_has_locked() -> None:
    locked = Locked()
    locked.fixed(_coin(1, 1, 5, UNCHANGED))
    assert locked.held(1) == (), "nothing waits: it is free"
    locked.paid(_coin(1, 1, 5, UNTIL_OLD_OR_USED))
    locked.fixed(_coin(1, 1, 6, UNCHANGED))
    locked.fixed(_coin(1, 2, 7, FREE))
    assert locked.held(1) == ((bytes([1]) * 32, 11),)
    locked.paid(_coin(1, 1, 0, UNCHANGED))
    locked.paid(_coin(1, 2, 1, FREE))
    assert locked.held(1) == ()


def test_coins_that_are_released_wait_no_more() -> None:
    height = _height_of(Mint)
    paying = _paying()
    for block, cap, sealed in _given()[:height]:
        paying.take(block, cap, sealed)
    assert paying.locked.held(1)
    block, cap, _ = _given()[height]
    raw = next(raw for raw in block.txs if decode_transaction(raw).signature)
    freed = _told(raw, ReleaseLock(node_id=NodeId(1)))
    paying.take(Block(block.height, block.time, [freed], [OK]), cap, [])
    assert paying.held() == [(1, ())]


def test_a_nodes_coins_wait_for_so_many_accounts_at_most() -> None:
    locked = Locked()
    for account in range(HELD_MAX + 3):
        locked.paid(_coin(1, account, 1, UNTIL_OLD_OR_USED))
    held = locked.held(1)
    assert (len(held), held[-1][1]) == (HELD_MAX, 4)
