"""An audit of a chain whose validators joined, left and were jailed; a second replay from its rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import pytest

from tfchain.base import crypto
from tfchain.base.shapes import encode_record, layout
from tfchain.base.units import Address, Height, Millis, Power, Round, Utft
from tfchain.chain import export_records as records
from tfchain.chain.audit import Auditor
from tfchain.chain.audit_report import Report
from tfchain.chain.execute import OK, check_txs, execute, params_of
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.chain.tip import Tip, accusing, genesis_tip, input_of, next_block, next_tip
from tfchain.errors import Divergence, InvalidBlock, TfchainError
from tfchain.ledger import tables
from tfchain.ledger.block import Block, decode_block, make_block
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, PREVOTE, Commit, CommitSlot, vote_message
from tfchain.ledger.evidence import DoubleVote, Evidence, evidence_root
from tfchain.ledger.state import State
from tfchain.ledger.validators import validator_address
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.leave_validators import LeaveValidators
from tfchain.tx.kinds.propose_power import ProposePower
from tfchain.tx.kinds.propose_validator import ProposeValidator
from tfchain.tx.kinds.vote_change import VoteChange
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Check, Envelope, encode_transaction, message_of

START, FEE, BOND = 1_700_000_000_000, 10_000, 5_000
Record = tuple[int, bytes]
Seated = Callable[..., tuple[str, str]]
SEEDS = {crypto.public_key(bytes([n]) * 32): bytes([n]) * 32 for n in range(20, 60)}
_verify = lru_cache(None)(crypto.verify)


class Rows(dict[bytes, bytes]):
    """State in memory."""

    def write(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        for key, value in rows:
            if value is None:
                self.pop(key, None)
            else:
                self[key] = value


def _key(who: int) -> Address:
    return Address(crypto.public_key(bytes([who]) * 32))


def _at(who: int) -> bytes:
    return validator_address(_key(who))


def _begin(checks: Sequence[Check]) -> Callable[[], list[bool]]:
    return lambda: [_verify(*check) for check in checks]


def audited(export: Sequence[Record]) -> Report:
    auditor = Auditor(Rows(), _begin, None)
    for kind, payload in export:
        auditor.take(kind, payload)
    return auditor.finish()


class Scribe:
    """Writes blocks that all validators of their height sign."""

    def __init__(self, text: str) -> None:
        genesis = read_genesis(text)
        outcome = genesis_outcome(genesis)
        self.rows = Rows()
        self.rows.write(outcome.rows)
        self.tip: Tip = genesis_tip(genesis, outcome)
        self.commit: Commit | None = None
        self.export: list[Record] = [(records.GENESIS, records.genesis_record(text))]
        self.nonces: dict[int, int] = {}

    def tx(self, who: int, body: Kind) -> bytes:
        nonce = self.nonces.get(who, 0)
        self.nonces[who] = nonce + 1
        envelope = Envelope(
            chain_id=params_of(State(self.rows)).chain_id,
            sender=_key(who),
            nonce=nonce,
            valid_until=Height(self.tip.height + 9),
            fee=Utft(FEE),
            kind=NUMBERS[type(body)],
        )
        plain = layout(type(body)).pack(body)
        text = message_of(envelope, plain)
        return encode_transaction(envelope, plain, crypto.sign(bytes([who]) * 32, text))

    def draft(self, *txs: bytes, evidence: tuple[Evidence, ...] = ()) -> Block:
        params = params_of(State(self.rows))
        time = Millis(START + 1_000 * (self.tip.height + 1))
        proposer = self.tip.validators.proposer(Round(0)).address
        block = next_block(self.tip, params, time, proposer, txs, self.commit)
        return accusing(block, evidence)

    def add(self, *txs: bytes, evidence: tuple[Evidence, ...] = ()) -> tuple[str, ...]:
        block = self.draft(*txs, evidence=evidence)
        step = input_of(self.tip, block)
        check_txs(self.rows, step)
        outcome = execute(self.rows, step)
        self.rows.write(outcome.rows)
        self.commit = self._signed(block)
        self.tip = next_tip(self.tip, block, outcome)
        self.export.append((records.BLOCK, block.raw))
        return outcome.codes

    def _signed(self, block: Block) -> Commit:
        chain_id, height = block.header.chain_id, block.header.height
        text = vote_message(chain_id, PRECOMMIT, height, Round(0), block.id)
        slots = tuple(
            CommitSlot(flag=FOR_BLOCK, signature=crypto.sign(SEEDS[member.key], text))
            for member in self.tip.validators.validators
        )
        return Commit(height=height, round=Round(0), block_id=block.id, slots=slots)

    def double_vote(self, who: int, height: int) -> DoubleVote:
        chain_id = params_of(State(self.rows)).chain_id
        signatures = [
            crypto.sign(
                bytes([who]) * 32,
                vote_message(chain_id, PREVOTE, Height(height), Round(0), block_id),
            )
            for block_id in (b"", bytes(32))
        ]
        return DoubleVote(
            validator=_at(who),
            kind=PREVOTE,
            height=Height(height),
            round=Round(0),
            first_id=b"",
            first_signature=signatures[0],
            second_id=bytes(32),
            second_signature=signatures[1],
        )

    def whole(self) -> list[Record]:
        assert self.commit is not None
        return [*self.export, (records.LAST_COMMIT, encode_record(self.commit))]


@pytest.fixture(scope="module")
def scribe(seated_text: str) -> Scribe:
    """A fifth joins, the second is jailed, the third leaves, the first gets more power."""
    made = Scribe(seated_text)
    made.add()
    join = ProposeValidator(
        validator_key=_key(50),
        power=Power(10),
        bond=Utft(7_000),
        reward_account=_key(1),
        force=False,
    )
    assert made.add(made.tx(1, join)) == (OK,)
    votes = [made.tx(who, VoteChange(change=1, yes=True)) for who in (20, 21, 22)]
    assert made.add(*votes) == (OK,) * 3
    for _ in range(3):
        made.add()
    made.add(evidence=(made.double_vote(32, 5),))
    assert made.add(made.tx(22, LeaveValidators(validator=_at(33)))) == (OK,)
    more = ProposePower(validator=_at(31), power=Power(12), force=False)
    assert made.add(made.tx(20, more)) == (OK,)
    assert made.add(*[made.tx(who, VoteChange(change=2, yes=True)) for who in (23, 1)]) == (OK, OK)
    for _ in range(4):
        made.add()
    return made


@pytest.fixture(scope="module")
def seated_text(devnet_text: str, seated: Seated) -> str:
    """The devnet's genesis with keys 31 to 34 in the seats, power 10 each."""
    old, new = seated((10, 10, 10, 10))
    assert old in devnet_text
    return devnet_text.replace(old, new)


def test_the_audit_agrees_and_tells_what_was_burned(scribe: Scribe) -> None:
    report = audited(scribe.whole())
    assert report.height == scribe.tip.height == 14
    assert report.state_root == scribe.tip.state_root
    assert report.supply_burned == BOND + 1
    (found,) = report.faults
    assert (found.piece.validator, found.burned) == (_at(32), BOND + 1)
    assert found.piece.height < found.block <= report.height
    assert report.supply_held == report.supply_genesis - BOND - 1
    powers = {row.address: row.power for row in scribe.tip.next_validators.validators}
    assert powers == {_at(31): 12, _at(34): 10, _at(50): 10}


def test_every_header_announces_the_set_that_comes(scribe: Scribe) -> None:
    """1.10.1: `next_validators_hash` of a header is `validators_hash` of the one after."""
    headers = [decode_block(raw).header for kind, raw in scribe.export if kind == records.BLOCK]
    hashes = {header.validators_hash for header in headers}
    assert len(hashes) == 5, "genesis, joined, jailed, left, more power"
    for header, after in pairwise(headers):
        assert header.next_validators_hash == after.validators_hash
    jailed = next(header.height for header in headers if header.evidence_root != evidence_root())
    sets = [header.validators_hash for header in headers]
    assert sets[jailed] == sets[jailed - 1], "the accused votes once more"
    assert sets[jailed + 1] != sets[jailed]


def _fails(export: Sequence[Record], named: str) -> None:
    with pytest.raises(TfchainError, match=named):
        audited(export)


def _altered(scribe: Scribe, alter: Callable[[Block], Block]) -> list[Record]:
    """The export with the block that accuses altered, its header's root fitting again."""
    export = scribe.whole()
    for place, (kind, payload) in enumerate(export):
        if kind == records.BLOCK and decode_block(payload).evidence:
            export[place] = (kind, alter(decode_block(payload)).raw)
    return export


def _with(block: Block, *pieces: Evidence) -> Block:
    header = replace(block.header, evidence_root=evidence_root(pieces))
    return make_block(header, block.txs, block.last_commit, pieces)


def test_evidence_that_is_forged_or_left_out_is_found(scribe: Scribe) -> None:
    forged = replace(scribe.double_vote(32, 5), second_signature=bytes(64))
    _fails(_altered(scribe, lambda block: _with(block, forged)), "evidence: signature 1 is false")
    _fails(_altered(scribe, _with), "block 8: ")
    other = scribe.double_vote(34, 5)
    _fails(_altered(scribe, lambda block: _with(block, other)), "block 8: ")
    stranger = scribe.double_vote(50, 4)
    found = _altered(scribe, lambda block: _with(block, stranger))
    _fails(found, "block 7, evidence 0: not_a_validator")


def test_what_is_burned_without_evidence_is_a_divergence(scribe: Scribe) -> None:
    auditor = Auditor(Rows(), _begin, None)
    for kind, payload in scribe.whole():
        auditor.take(kind, payload)
    auditor.report.supply_burned -= 1
    with pytest.raises(Divergence, match="are told to be burned, evidence and bills give"):
        auditor.finish()


def test_a_node_that_starts_from_the_rows_goes_on_alike(scribe: Scribe) -> None:
    """What a snapshot restores is enough: sets, times and seats stand in the state."""
    restored = Rows(scribe.rows)
    piece = scribe.double_vote(34, 6)
    block = scribe.draft(evidence=(piece,))
    step = input_of(scribe.tip, block)
    assert execute(restored, step) == execute(scribe.rows, step)
    stranger = scribe.draft(evidence=(scribe.double_vote(50, 4),))
    with pytest.raises(InvalidBlock, match="not_a_validator"):
        check_txs(restored, input_of(scribe.tip, stranger))
    assert tables.SEATS.need(State(restored), _at(33)).left == 9
