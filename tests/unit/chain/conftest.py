"""A chain driven by hand: rows in a dictionary, time as the test says, every block looked at twice."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path

import pytest

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.shapes import layout
from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    Millis,
    NodeId,
    PeriodIndex,
    Round,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain import mints
from tfchain.chain.columns.program import Columns
from tfchain.chain.execute import OK, Input, Outcome, check_txs, execute, outcome_of
from tfchain.chain.genesis import Genesis, genesis_outcome, read_genesis
from tfchain.ledger import tables
from tfchain.ledger.commit import PRECOMMIT, PREVOTE, vote_message
from tfchain.ledger.evidence import DoubleHistory, DoubleVote, Evidence, Precommitted
from tfchain.ledger.header import Header, id_of_parts
from tfchain.ledger.measures import Measure
from tfchain.ledger.minting import SETTLING, Batch, MintRecord, Receipt, commitment_digest
from tfchain.ledger.params import Params
from tfchain.ledger.proposals import PASSED, Proposal
from tfchain.ledger.records import Contract, Node, Resources, Totals
from tfchain.ledger.seats import Roster, Seat
from tfchain.ledger.state import Memory, State
from tfchain.ledger.uptime import UptimeAccount
from tfchain.ledger.validators import validator_address
from tfchain.tx.changes import bond_held
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.enact import Enact
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.lookup import acceptance_message
from tfchain.tx.proposals import docket_of
from tfchain.tx.registry import NUMBERS, open_body
from tfchain.tx.transaction import Envelope, decode_transaction, encode_transaction, message_of

ROOT = Path(__file__).resolve().parents[3]
GENESIS = 1_700_000_000
FUNDS = 1_000_000_000_000
FEE = 10_000
FARMER, GUARDIANS, REPORTER, PROPOSER = 1, (2, 3, 4), 5, 9
BOND = 5_000
FUNDED = (FARMER, *GUARDIANS, 20, 21, 22, 23)
BIG = Resources(cru=8, mru=32 << 30, hru=0, sru=500 << 30)


def seed(number: int) -> bytes:
    """The seed of a test's key."""
    return bytes([number]) * 32


def key(number: int) -> Address:
    """The address of that key."""
    return Address(crypto.public_key(seed(number)))


def stamped(template: str, guardians: Sequence[int] = GUARDIANS) -> str:
    """A template with a time and somebody in it."""
    rows = [template.replace("time = 0", f"time = {GENESIS}")]
    rows += [f'[[account]]\naddress = "{to_text(key(n))}"\nbalance = {FUNDS}' for n in FUNDED]
    rows += [f'[[guardian]]\naccount = "{to_text(key(n))}"' for n in guardians]
    proposer = to_text(key(PROPOSER))
    rows.append(f'[[validator]]\nkey = "{proposer}"\npower = 1\nreward_account = "{proposer}"')
    return "\n".join(rows) + "\n"


class Chain:
    """Blocks one after another. Seconds count from genesis; the first period lasts from 15 to 75."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.genesis: Genesis = read_genesis(text)
        self.rows: dict[bytes, bytes] = {}
        self.memory = Memory()
        self.height = 0
        self.second = 0
        self.blocks: list[Input] = []
        self.outcome: Outcome = genesis_outcome(self.genesis)
        self.write(self.outcome)
        self._made: dict[int, int] = {}

    def get(self, place: bytes, /) -> bytes | None:
        """The chain is the reader of its rows."""
        return self.rows.get(place)

    def write(self, outcome: Outcome) -> None:
        """As a store would."""
        self.root = outcome.state_root
        for place, value in outcome.rows:
            if value is None:
                self.rows.pop(place, None)
            else:
                self.rows[place] = value

    @property
    def params(self) -> Params:
        return self.genesis.params

    def state(self) -> State:
        return State(self)

    def fork(self) -> "Chain":
        """The same chain, to look ahead in."""
        other = copy(self)
        other.rows, other.blocks, other._made = dict(self.rows), [], {}
        return other

    # --- blocks -----------------------------------------------------------------------------------

    def due(self, second: int) -> list[bytes]:
        """The mints that the next block must carry."""
        height = Height(self.height + 1)
        return mints.due(self.state(), self.params, height, Seconds(GENESIS + second))

    def block(self, second: int, *txs: bytes) -> Input:
        """The next block, its mints in place."""
        return self.raw_block(second, *self.due(second), *txs)

    def raw_block(self, second: int, *txs: bytes) -> Input:
        """The next block, exactly these transactions in it."""
        return Input(
            height=Height(self.height + 1),
            time_ms=Millis((GENESIS + second) * 1_000),
            reward_account=key(PROPOSER),
            txs=txs,
        )

    def at(self, second: int, *txs: bytes, evidence: tuple[Evidence, ...] = ()) -> tuple[str, ...]:
        """Make the next block at that second; the codes of `txs`."""
        block = replace(self.block(second, *txs), evidence=evidence)
        checked = check_txs(self, block)
        assert len(checked.transactions) == len(txs)
        self.outcome = execute(self, block, checked)
        assert self.outcome == execute(self, block), "the same, whoever checked it"
        follows = replace(block, parent_root=self.root)
        remembered = execute(self, follows, check_txs(self, follows, self.memory))
        assert self.outcome == remembered, "the same, whatever is remembered of blocks before"
        self.write(self.outcome)
        self.height, self.second = block.height, second
        self.blocks.append(block)
        self._made.clear()
        return self.outcome.codes[len(block.txs) - len(txs) :]

    def run(self, *txs: bytes) -> tuple[str, ...]:
        """Make the next block a second later."""
        return self.at(self.second + 1, *txs)

    def until(self, second: int) -> None:
        """A block a second, up to and with that second."""
        while self.second < second:
            self.run()

    # --- transactions -----------------------------------------------------------------------------

    def envelope(self, who: int, body: Kind, *, free: bool = False) -> Envelope:
        row = tables.ACCOUNTS.get(self.state(), key(who))
        made = self._made.get(who, 0)
        nonce = 0 if free else (row.nonce if row else 0) + made
        return Envelope(
            chain_id=self.params.chain_id,
            sender=key(who),
            nonce=nonce,
            valid_until=Height(self.height + 10),
            fee=Utft(0 if free else FEE),
            kind=NUMBERS[type(body)],
        )

    def signed(self, who: int, envelope: Envelope, body: Kind) -> bytes:
        plain = layout(type(body)).pack(body)
        return encode_transaction(
            envelope, plain, crypto.sign(seed(who), message_of(envelope, plain))
        )

    def tx(self, who: int, body: Kind) -> bytes:
        """A paid transaction; several of one block get growing nonces."""
        raw = self.signed(who, self.envelope(who, body), body)
        self._made[who] = self._made.get(who, 0) + 1
        return raw

    def free(self, who: int, body: Kind) -> bytes:
        return self.signed(who, self.envelope(who, body, free=True), body)

    def report(self, node: int, second: int, uptime: int, who: int = REPORTER) -> bytes:
        t = Seconds(GENESIS + second)
        return self.free(who, ReportUptime(node_id=NodeId(node), t=t, uptime=uptime))

    def registration(self, who: int, farm: int = 1, resources: Resources = BIG) -> RegisterNode:
        """The farmer's consent is for the sender's next nonce but one: a twin is made before it."""
        nonce = self.envelope(who, CreateFarm(name="any")).nonce
        message = acceptance_message(self.params.chain_id, key(who), nonce, FarmId(farm), resources)
        return RegisterNode(
            farm_id=FarmId(farm),
            reporter=key(REPORTER),
            resources=resources,
            country="BE",
            city="Gent",
            virtualized=False,
            acceptance=crypto.sign(seed(FARMER), message),
        )

    def found(self) -> None:
        """The next block makes twin, farm and node 1, all the farmer's."""
        twin = self.tx(FARMER, CreateTwin(relay="relay.example", public_key=b""))
        farm = self.tx(FARMER, CreateFarm(name="first_farm"))
        node = self.tx(FARMER, self.registration(FARMER))
        assert self.run(twin, farm, node) == (OK, OK, OK)

    def attend(self, node: int, first: int, last: int, booted: int = 0, step: int = 6) -> None:
        """Blocks with reports every `step` seconds, from `first` to `last`."""
        for second in range(first, last + 1, step):
            self.at(second, self.report(node, second, second - booted))

    # --- validators -------------------------------------------------------------------------------

    def double_vote(self, who: int, height: int, kind: int = PREVOTE, round_: int = 0) -> Evidence:
        """Two votes that the validator with this key cast in an earlier height."""
        ids = (bytes([1]) * 32, bytes([2]) * 32)
        texts = [
            vote_message(self.params.chain_id, kind, Height(height), Round(round_), block_id)
            for block_id in ids
        ]
        signatures = [crypto.sign(seed(who), text) for text in texts]
        return DoubleVote(
            validator=validator_address(key(who)),
            kind=kind,
            height=Height(height),
            round=Round(round_),
            first_id=ids[0],
            first_signature=signatures[0],
            second_id=ids[1],
            second_signature=signatures[1],
        )

    def double_history(self, who: int, height: int, state_root: bytes = b"\x01" * 32) -> Evidence:
        """Precommits of rounds 1 and 2 in an earlier height: the second block's state is made up."""
        header = Header(
            **dict.fromkeys(Header.__dataclass_fields__, bytes(32))  # type: ignore[arg-type]
            | {"chain_id": self.params.chain_id, "height": height, "time": 5, "proposer": bytes(20)}
        )
        second = replace(header, state_root=state_root)
        return DoubleHistory(
            validator=validator_address(key(who)),
            first=self._precommitted(who, header, Round(1)),
            second=self._precommitted(who, second, Round(2)),
        )

    def _precommitted(self, who: int, header: Header, round_: Round) -> Precommitted:
        block_id = id_of_parts(header, 1, bytes(32))
        text = vote_message(self.params.chain_id, PRECOMMIT, header.height, round_, block_id)
        signature = crypto.sign(seed(who), text)
        return Precommitted(
            header=header, parts=1, part_root=bytes(32), round=round_, signature=signature
        )

    def seat(self, who: int) -> Seat | None:
        return tables.SEATS.get(self.state(), validator_address(key(who)))

    def roster(self) -> Roster:
        return tables.ROSTER.need(self.state(), tables.SINGLE)

    def powers(self) -> dict[int, int]:
        """Of the newest set, by the number of the key."""
        names = {validator_address(key(number)): number for number in range(1, 100)}
        row = tables.MEMBERS.need(self.state(), tables.height_key(self.roster().newest))
        return {names[member.address]: member.power for member in row.validators}

    # --- rows -------------------------------------------------------------------------------------

    def batch(self, period: int = 0, schedule: int = 0) -> Batch:
        return tables.BATCHES.need(self.state(), _batch_key(period, schedule))

    def has_batch(self, period: int, schedule: int = 0) -> bool:
        return tables.BATCHES.get(self.state(), _batch_key(period, schedule)) is not None

    def live(self, schedule: int = 0) -> tuple[int, ...]:
        return tables.SCHEDULES.need(self.state(), bytes([schedule])).live

    def receipt(self, node: int, period: int = 0, schedule: int = 0) -> Receipt:
        place = tables.in_batch(_batch_key(period, schedule), node)
        return tables.RECEIPTS.need(self.state(), place)

    def minted(self, node: int, period: int = 0, schedule: int = 0) -> MintRecord:
        place = tables.in_batch(_batch_key(period, schedule), node)
        return tables.MINTS.need(self.state(), place)

    def totals(self) -> Totals:
        return tables.TOTALS.need(self.state(), tables.SINGLE)

    def balance(self, who: int) -> int:
        row = tables.ACCOUNTS.get(self.state(), key(who))
        return row.balance if row else 0

    def change(self, write: Callable[[State], None]) -> None:
        """Write rows past all rules."""
        state = self.state()
        write(state)
        self.write(outcome_of(self, state, []))

    def plant(self, uptimes: Sequence[int], schedule: int = 0) -> None:
        """As many nodes as there are uptimes, like node 1 but for what they were up in period 0."""

        def write(state: State) -> None:
            now = tables.TOTALS.need(state, tables.SINGLE)
            for number, uptime in enumerate(uptimes, start=now.nodes + 1):
                self._plant(state, number, uptime, schedule)
            after = replace(now, nodes=now.nodes + len(uptimes))
            tables.TOTALS.put(state, tables.SINGLE, after)

        self.change(write)

    def _plant(self, state: State, number: int, uptime: int, schedule: int) -> None:
        node: Node = tables.NODES.need(state, tables.id_key(1))
        contract: Contract = tables.CONTRACTS.need(state, tables.id_key(1))
        row = tables.UPTIMES.need(state, tables.id_key(1))
        place, own = tables.id_key(number), NodeId(number)
        tables.NODES.put(state, place, replace(node, id=own))
        terms = replace(contract, node_id=own, schedule=ScheduleId(schedule))
        tables.CONTRACTS.put(state, place, terms)
        numbers = tables.OWN_TERMS.need(state, tables.id_key(1))
        tables.OWN_TERMS.put(state, place, replace(numbers, node_id=own))
        account = self.account(uptime, schedule)
        tables.UPTIMES.put(state, place, replace(row, schedule=terms.schedule, running=account))

    def account(self, uptime: int, schedule: int = 0, period: int = 0) -> UptimeAccount:
        """An account of a period as so many seconds of uptime leave it."""
        row = next(row for row in self.params.schedules if row.id == schedule)
        start = Seconds(row.start + period * row.length)
        return UptimeAccount(
            start=start,
            end=Seconds(start + row.length),
            last_at=Seconds(start + uptime),
            last_uptime=Seconds(uptime),
            total=Seconds(uptime),
            boot_seen_at=start,
            boot_uptime=Seconds(0),
            slept_at=None,
            wake_at=None,
            slow_boots=0,
            violation=0,
            evidence=(),
        )

    # --- guardians --------------------------------------------------------------------------------

    def result(self, period: int = 0, schedule: int = 0) -> tuple[bytes, int, int]:
        """Root, total and count as the ledger will have them, by living ahead."""
        ahead = self.fork()
        while ahead.batch(period, schedule).state <= SETTLING:
            ahead.run()
        batch = ahead.batch(period, schedule)
        return batch.root, batch.total, batch.count

    def commitments(self, period: int = 0, schedule: int = 0) -> list[bytes]:
        """Every guardian's right commitment."""
        root, total, count = self.result(period, schedule)
        digest = commitment_digest(root, total, count, bytes(32))
        kind = CommitMint(schedule=ScheduleId(schedule), period=PeriodIndex(period), digest=digest)
        return [self.tx(who, kind) for who in GUARDIANS]

    def attestation(self, who: int, period: int = 0, schedule: int = 0, total: int = 0) -> bytes:
        """A guardian's right answer; a wrong one where `total` is added."""
        batch = self.batch(period, schedule)
        body = AttestMint(
            schedule=batch.schedule,
            period=batch.period,
            root=batch.root,
            total=batch.total + total,
            count=batch.count,
            salt=bytes(32),
        )
        return self.tx(who, body)

    def attestations(self, period: int = 0, schedule: int = 0) -> list[bytes]:
        return [self.attestation(who, period, schedule) for who in GUARDIANS]

    def supply(self) -> int:
        """All that anybody has, locked coins, deposits and bonds too, read from the rows themselves."""
        seats, changes = tables.SEATS.stored_at(b""), tables.CHANGES.stored_at(b"")
        bonds: int = sum(
            tables.SEATS.decode(value).bond
            for place, value in self.rows.items()
            if place.startswith(seats)
        )
        bonds += sum(
            bond_held(tables.CHANGES.decode(value))
            for place, value in self.rows.items()
            if place.startswith(changes)
        )
        holdings = tables.HOLDINGS.stored_at(b"")
        bonds += sum(
            tables.HOLDINGS.decode(value).locked
            for place, value in self.rows.items()
            if place.startswith(holdings)
        )
        accounts = tables.ACCOUNTS.stored_at(b"")
        nodes = tables.NODES.stored_at(b"")
        owned = sum(
            tables.ACCOUNTS.decode(value).balance
            for place, value in self.rows.items()
            if place.startswith(accounts)
        )
        held = sum(
            tables.NODES.decode(value).deposit
            for place, value in self.rows.items()
            if place.startswith(nodes)
        )
        return owned + held + bonds


def _batch_key(period: int, schedule: int) -> bytes:
    return bytes([schedule]) + period.to_bytes(4, "big")


def other_schedule(commit_window: int = 10) -> tuple[str, str]:
    """The edit that adds schedule 1, like the devnet's own but for its commit window."""
    row = f"""[[schedule]]
id = 1
name = "other"
start_from = "genesis"
start = 15
length = 60
post_window = 12
commit_window = {commit_window}
attest_window = 30
payout_delay = 4
"""
    return "[uptime]", row + "\n[uptime]"


def several_validators(powers: Sequence[int] = (1, 1, 1, 1)) -> tuple[str, str]:
    """The edit that seats keys 31 and up, paid to accounts 20 and up, each with a bond."""
    one = to_text(key(PROPOSER))
    old = f'[[validator]]\nkey = "{one}"\npower = 1\nreward_account = "{one}"'
    rows = [
        f'[[validator]]\nkey = "{to_text(key(31 + n))}"\npower = {power}\nbond = {BOND + n}\n'
        f'reward_account = "{to_text(key(20 + n % 4))}"'
        for n, power in enumerate(powers)
    ]
    return old, "\n".join(rows)


def changed(text: str, *edits: tuple[str, str]) -> str:
    """A genesis text with pieces replaced; each must be there."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


class Watched:
    """A chain, and the second program beside it: after every block both must have the same terms."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.columns = Columns(chain.genesis.params, chain.genesis.policies)
        chain.found()
        self.follow()

    def follow(self) -> None:
        block: Input = self.chain.blocks[-1]
        codes = self.chain.outcome.codes
        self.columns.take(block.height, block.time_ms, block.txs, codes)
        sealed = self.columns.checkpoint()
        genesis = self.chain.genesis
        self.columns = Columns.resume(genesis.params, genesis.policies, sealed)
        for machine in self.columns._roster.machines:
            node_id = machine.contract.node_id
            assert machine.contract == self.contract(node_id)
            own = tables.OWN_TERMS.get(self.chain.state(), tables.id_key(node_id))
            assert own is None or machine.numbers == own.numbers

    def run(self, *txs: bytes) -> tuple[str, ...]:
        codes = self.chain.run(*txs)
        self.follow()
        return codes

    def until(self, second: int) -> None:
        while self.chain.second < second:
            self.run()

    def contract(self, node: int) -> Contract:
        return tables.CONTRACTS.need(self.chain.state(), tables.id_key(node))

    def proposal(self, number: int = 1) -> Proposal:
        return tables.PROPOSALS.need(self.chain.state(), tables.id_key(number))

    def passed(self, measure: Measure) -> int:
        """A proposal whose vote is over, past all votes."""

        def write(state: State) -> None:
            docket = docket_of(state)
            number = docket.last + 1
            row = Proposal(
                id=number,
                measure=measure,
                proposer=Address(bytes(32)),
                farm_id=FarmId(0),
                text_hash=bytes(32),
                link="",
                threshold=5,
                opened=self.chain.blocks[-1].height,
                until=Seconds(0),
                state=PASSED,
                closed=self.chain.blocks[-1].height,
                enacted=self.chain.blocks[-1].height,
                electorate=(),
                farms_yes=0,
                farms_no=0,
                yes=0,
                no=0,
                casts=0,
                guardians_yes=(),
                guardians_no=(),
                vetoes=(),
            )
            tables.PROPOSALS.put(state, tables.id_key(number), row)
            after = replace(docket, last=number, passed=(*docket.passed, number))
            tables.DOCKET.put(state, tables.SINGLE, after)

        self.chain.change(write)
        return docket_of(self.chain.state()).last

    def enacted(self, measure: Measure) -> str:
        """The code of its enactment, a block later."""
        number = self.passed(measure)
        self.run()
        (raw,) = self.chain.blocks[-1].txs
        body = open_body(decode_transaction(raw))
        assert body == Enact(proposal=number, measure=measure)
        return self.chain.outcome.codes[0]

    def join(self, who: int) -> tuple[bytes, bytes]:
        """A twin and a node of the farmer's farm."""
        chain = self.chain
        twin = chain.tx(who, CreateTwin(relay="r", public_key=b""))
        return twin, chain.tx(who, chain.registration(who))


MakeChain = Callable[..., Chain]


@pytest.fixture(scope="session")
def devnet_text() -> str:
    """The devnet's genesis with a time, accounts, a validator and three guardians."""
    return stamped((ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def make_chain(devnet_text: str) -> MakeChain:
    """A chain of the devnet's genesis, with edits to its text."""

    def make(*edits: tuple[str, str]) -> Chain:
        return Chain(changed(devnet_text, *edits))

    return make


@pytest.fixture
def second_schedule() -> Callable[..., tuple[str, str]]:
    """An edit for `make_chain` that adds a schedule."""
    return other_schedule


@pytest.fixture(scope="session")
def seated() -> Callable[..., tuple[str, str]]:
    """An edit for `make_chain` that seats several validators."""
    return several_validators


@pytest.fixture
def chain(make_chain: MakeChain) -> Chain:
    """A devnet with the farmer's twin, farm and node 1 in its first block."""
    made: Chain = make_chain()
    made.found()
    return made


@pytest.fixture
def address_of() -> Callable[[int], Address]:
    """Addresses of test keys."""
    return key


@pytest.fixture
def watched(make_chain: MakeChain) -> Watched:
    """A devnet that the second program follows block by block."""
    return Watched(make_chain())


@pytest.fixture(scope="session")
def watch() -> type[Watched]:
    """The way to have another chain followed."""
    return Watched
