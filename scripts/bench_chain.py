"""Chains to measure on: who is on them, what they sign, and blocks as validators would have made them.

Everything follows from `SEED`: two runs measure the same bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Final, Protocol

from tfchain.base.address import to_text
from tfchain.base.crypto import sign
from tfchain.base.shapes import encode_record, layout
from tfchain.base.units import (
    UTFT_PER_TFT,
    Address,
    FarmId,
    Height,
    Millis,
    NodeId,
    Round,
    Seconds,
    Utft,
)
from tfchain.chain import export_records as records
from tfchain.chain import mints
from tfchain.chain.admit import seconds
from tfchain.chain.audit_report import newly_sealed
from tfchain.chain.execute import Outcome, check_txs, execute, params_of
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.chain.tip import Tip, genesis_tip, input_of, next_block, next_tip
from tfchain.cli.audit import DictRows
from tfchain.client.keys import Key
from tfchain.ledger import tables
from tfchain.ledger.block import Block
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, Commit, CommitSlot, vote_message
from tfchain.ledger.minting import Batch
from tfchain.ledger.records import Resources
from tfchain.ledger.state import Memory, State
from tfchain.node.devnet.homes import Stamp, key_of, seed_of, stamped, template_text
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.kinds.update_node import UpdateNode
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction, message_of

SEED: Final = 1
GENESIS_TIME: Final = 1_700_000_000
ENDOWED_TFT: Final = 100
ENDOWED_MAX: Final = 4_000
"""As many as a genesis has room for beside its own; the others are given half by one of these."""
FOUNDED_MAX: Final = 1_000
"""Transactions of one block in which people found something."""
VALID_FOR: Final = 900
"""Blocks; a devnet allows a thousand."""
REPORT_EVERY_S: Final = 2
"""As the devnet's genesis asks."""
SIZE: Final = Resources(cru=8, mru=32 << 30, hru=0, sru=500 << 30)

MONTH_BLOCK_S: Final = 6
MONTH_NODES: Final = 5_500
MONTH_REPORTS: Final = 14
"""A block's share of so many nodes that report every 2,400 seconds."""
MONTH_TURN_BLOCKS: Final = 400
"""Blocks between two reports of a node."""
MONTH_BLOCKS: Final = 438_336 + 400
"""From the first second of a period to the last one's post window, and until the batch is sealed."""
MONTHLY: Final = (
    ("length = 60", "length = 2630016"),
    ("post_window = 12", "post_window = 600"),
    ("report_interval = 2\n", "report_interval = 2400\n"),
    ("grace = 4", "grace = 60"),
    ("skew = 8", "skew = 120"),
    ("report_window = 5", "report_window = 60"),
)
"""Lines of the devnet's genesis, and what the public grid has instead."""

ExportRecord = tuple[int, bytes]


def genesis_text(people: int, validators: int, stamp: Stamp) -> str:
    """A devnet's genesis in which people have coins too, the first `ENDOWED_MAX` of them."""
    rows = [stamped(template_text(), stamp, SEED, validators)]
    for number in range(min(people, ENDOWED_MAX)):
        rows.append(f'[[account]]\naddress = "{to_text(person(number).address)}"')
        rows.append(f"balance = {ENDOWED_TFT * UTFT_PER_TFT}\n")
    return "\n".join(rows)


def recorded_genesis(people: int, validators: int) -> str:
    """The same, with the same bytes in every run."""
    return genesis_text(people, validators, Stamp(time=GENESIS_TIME, salt="bench"))


def person(number: int) -> Key:
    return key_of(SEED, f"person/{number}")


@dataclass(slots=True)
class Signer:
    """One person: what he signs, with the nonces in order."""

    number: int
    chain_id: str
    fee: Utft
    nonce: int = 0
    seed: bytes = field(init=False)
    address: Address = field(init=False)

    def __post_init__(self) -> None:
        self.seed = seed_of(SEED, f"person/{self.number}")
        self.address = person(self.number).address

    def paid(self, body: Kind, height: int = 0) -> bytes:
        raw = self._signed(body, self.nonce, self.fee, height)
        self.nonce += 1
        return raw

    def free(self, body: Kind, height: int = 0) -> bytes:
        return self._signed(body, 0, Utft(0), height)

    def _signed(self, body: Kind, nonce: int, fee: Utft, height: int) -> bytes:
        envelope = Envelope(
            chain_id=self.chain_id,
            sender=self.address,
            nonce=nonce,
            valid_until=Height(height + VALID_FOR),
            fee=fee,
            kind=NUMBERS[type(body)],
        )
        plain = layout(type(body)).pack(body)
        return encode_transaction(envelope, plain, sign(self.seed, message_of(envelope, plain)))


def signers(genesis: str, people: int) -> list[Signer]:
    """Everybody, at their first nonce."""
    params = read_genesis(genesis).params
    fee = params.fee_of(NUMBERS[Transfer])
    return [Signer(number, params.chain_id, fee) for number in range(people)]


def founding(people: Sequence[Signer]) -> Iterator[tuple[str, list[bytes]]]:
    """What gives everybody a twin, a farm and a node, all of the same number: kind and transactions."""
    half = Utft(ENDOWED_TFT * UTFT_PER_TFT // 2)
    if len(people) > ENDOWED_MAX:
        pairs = zip(people, people[ENDOWED_MAX:], strict=False)
        yield (
            "transfer",
            [one.paid(Transfer(to=other.address, amount=half)) for one, other in pairs],
        )
    twin = CreateTwin(relay="relay.bench", public_key=b"")
    yield "create_twin", [one.paid(twin) for one in people]
    yield "create_farm", [one.paid(CreateFarm(name=f"farm-{one.number}")) for one in people]
    yield "register_node", [one.paid(_registration(one)) for one in people]


def founding_blocks(people: Sequence[Signer]) -> Iterator[Sequence[bytes]]:
    """The same by blocks, none of which is too long."""
    for _, txs in founding(people):
        for first in range(0, len(txs), FOUNDED_MAX):
            yield txs[first : first + FOUNDED_MAX]


def _registration(one: Signer) -> RegisterNode:
    return RegisterNode(
        farm_id=FarmId(one.number + 1),
        reporter=one.address,
        resources=SIZE,
        country="Belgium",
        city="Gent",
        virtualized=False,
        acceptance=b"",
    )


def living(people: Sequence[Signer], now: Seconds) -> Iterator[tuple[str, list[bytes]]]:
    """A block of each of the other kinds that people and nodes send, all after `founding`."""
    yield "report_uptime", reports(people, now, 0)
    yield "transfer", [one.paid(transfer_to(people[one.number - 1])) for one in people]
    yield "update_node", [one.paid(_update(one)) for one in people]
    yield "set_payout_account", [one.paid(_payout(one)) for one in people]
    yield "set_stellar_address", [one.paid(_stellar(one)) for one in people]
    yield "set_power_target", [one.paid(_target(one)) for one in people]
    yield "set_power_state", [one.free(_down(one, now)) for one in people]


def transfer_to(target: Signer) -> Transfer:
    return Transfer(to=target.address, amount=Utft(1))


def _update(one: Signer) -> UpdateNode:
    return UpdateNode(
        node_id=NodeId(one.number + 1),
        resources=SIZE,
        country="Belgium",
        city="Brugge",
        virtualized=False,
        acceptance=b"",
    )


def _payout(one: Signer) -> SetPayoutAccount:
    return SetPayoutAccount(farm_id=FarmId(one.number + 1), account=one.address)


def _stellar(one: Signer) -> SetStellarAddress:
    return SetStellarAddress(farm_id=FarmId(one.number + 1), address="")


def _target(one: Signer) -> SetPowerTarget:
    return SetPowerTarget(node_id=NodeId(one.number + 1), up=False)


def _down(one: Signer, now: Seconds) -> SetPowerState:
    return SetPowerState(node_id=NodeId(one.number + 1), t=now, up=False)


def reports(people: Sequence[Signer], now: Seconds, height: int) -> list[bytes]:
    """A report of every node, of a machine that has been up since genesis."""
    uptime = now - GENESIS_TIME
    bodies = [ReportUptime(node_id=NodeId(one.number + 1), t=now, uptime=uptime) for one in people]
    return [one.free(body, height) for one, body in zip(people, bodies, strict=True)]


class Rows(Protocol):
    """Where a chain's rows stand: in memory, or in a node's store."""

    def get(self, key: bytes, /) -> bytes | None: ...

    def write(self, rows: Iterable[tuple[bytes, bytes | None]], /) -> None: ...


class Maker:
    """A chain that grows by one block at a time, each with the commit of all validators."""

    def __init__(self, genesis: str, validators: int) -> None:
        read = read_genesis(genesis)
        outcome = genesis_outcome(read)
        self.chain_id = read.params.chain_id
        self.rows: Rows = DictRows()
        self.rows.write(outcome.rows)
        self.tip: Tip = genesis_tip(read, outcome)
        self.commit: Commit | None = None
        self._memory = Memory()
        seeds = [seed_of(SEED, f"validator/{number}") for number in range(validators)]
        keys = [key_of(SEED, f"validator/{number}").address for number in range(validators)]
        self._seeds = dict(zip(keys, seeds, strict=True))

    def block(self, time_s: int, txs: Sequence[bytes]) -> Block:
        """The next block; not taken yet."""
        state, height = State(self.rows), Height(self.tip.height + 1)
        params, time = params_of(state), Millis(time_s * 1_000)
        due = mints.due(state, params, height, seconds(time))
        proposer = self.tip.validators.proposer(Round(0)).address
        return next_block(self.tip, params, time, proposer, [*due, *txs], self.commit)

    def outcome(self, block: Block) -> Outcome:
        """What it comes to; writes nothing."""
        return execute(self.rows, input_of(self.tip, block))

    def next_outcome(self, block: Block) -> Outcome:
        """The same, remembering what blocks before had, as who goes through many of them."""
        due = input_of(self.tip, block)
        return execute(self.rows, due, check_txs(self.rows, due, self._memory))

    def take(self, block: Block, outcome: Outcome) -> list[Batch]:
        """Make it the last block; the batches that it seals."""
        sealed = newly_sealed(self.rows, outcome)
        self.rows.write(outcome.rows)
        self.follow(block, outcome)
        return sealed

    def follow(self, block: Block, outcome: Outcome) -> None:
        """The same, where somebody else writes the rows."""
        self.tip = next_tip(self.tip, block, outcome)
        self.commit = self._commit_of(block)

    def _commit_of(self, block: Block) -> Commit:
        header = block.header
        words = vote_message(header.chain_id, PRECOMMIT, header.height, Round(0), block.id)
        members = self.tip.last_validators.validators
        slots = [
            CommitSlot(flag=FOR_BLOCK, signature=sign(self._seeds[m.key], words)) for m in members
        ]
        return Commit(height=header.height, round=Round(0), block_id=block.id, slots=tuple(slots))


def recorded(nodes: int, blocks: int, validators: int) -> Iterator[ExportRecord]:
    """An exported chain in which every node reports in every block after the first three.

    Records come one at a time: the chain is never whole in memory.
    """
    text = recorded_genesis(nodes, validators)
    people, maker = signers(text, nodes), Maker(text, validators)
    yield records.GENESIS, records.genesis_record(text)
    now = GENESIS_TIME
    for txs in founding_blocks(people):
        now += 1
        yield from _taken(maker, now, txs)
    for _ in range(blocks):
        now += REPORT_EVERY_S
        yield from _taken(maker, now, reports(people, Seconds(now), maker.tip.height))
    assert maker.commit is not None
    yield records.LAST_COMMIT, encode_record(maker.commit)


def month_genesis(people: int, validators: int) -> str:
    """The recorded chain's genesis by a grid's clock: a report each 40 minutes, periods of months."""
    text = recorded_genesis(people, validators)
    for before, after in MONTHLY:
        assert before in text, before
        text = text.replace(before, after, 1)
    return text


def month(nodes: int, blocks: int, validators: int) -> Iterator[ExportRecord]:
    """Blocks as a grid of 5,500 nodes fills them: six seconds apart, each with the reports due in it.

    Fewer nodes take their turns sooner; what a block holds is the same. More make it hold more.
    """
    text = month_genesis(nodes, validators)
    people, maker = signers(text, nodes), Maker(text, validators)
    yield records.GENESIS, records.genesis_record(text)
    now = GENESIS_TIME
    for txs in founding_blocks(people):
        now += 1
        yield from _taken(maker, now, txs)
    turns, each = cycle(people), -(-nodes // MONTH_TURN_BLOCKS)
    for _ in range(blocks):
        now += MONTH_BLOCK_S
        reporting = list(islice(turns, min(nodes, max(each, MONTH_REPORTS))))
        yield from _taken(maker, now, reports(reporting, Seconds(now), maker.tip.height))
    assert maker.commit is not None
    yield records.LAST_COMMIT, encode_record(maker.commit)


def _taken(maker: Maker, now: int, txs: Sequence[bytes]) -> Iterator[ExportRecord]:
    block = maker.block(now, txs)
    outcome = maker.next_outcome(block)
    assert set(outcome.codes) == {"ok"}, "everything in a recorded chain takes effect"
    sealed = maker.take(block, outcome)
    yield records.BLOCK, block.raw
    for batch in sealed:
        yield from _receipts(maker, batch)


def _receipts(maker: Maker, batch: Batch) -> Iterator[ExportRecord]:
    name = tables.batch_key(batch.schedule, batch.period)
    places = (tables.in_batch(name, NodeId(node)) for node in range(1, batch.node_last + 1))
    found = [maker.rows.get(tables.RECEIPTS.stored_at(place)) for place in places]
    shown = tuple(receipt for receipt in found if receipt is not None)
    for first in range(0, len(shown), records.RECEIPTS_RUN_MAX):
        run = records.ReceiptRun(
            schedule=batch.schedule,
            period=batch.period,
            receipts=shown[first : first + records.RECEIPTS_RUN_MAX],
        )
        yield records.RECEIPTS, encode_record(run)
