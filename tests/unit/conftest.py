"""A small ledger to try things on: the devnet's constants, three people, no batch yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tfchain.base import crypto
from tfchain.base.crypto import public_key
from tfchain.base.units import (
    Address,
    Height,
    Millis,
    MilliUsd,
    PolicyId,
    Power,
    Round,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain import export_records as records
from tfchain.index.model import Model, opened_model
from tfchain.ledger import light, tables
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.commit import ABSENT, FOR_BLOCK, PRECOMMIT, Commit, CommitSlot, vote_message
from tfchain.ledger.header import Header
from tfchain.ledger.light import LightBlock
from tfchain.ledger.params import (
    Consensus,
    EvidenceRow,
    FeeRow,
    Params,
    RegimeRow,
    ResourceRow,
    ScheduleRow,
    UptimeRow,
)
from tfchain.ledger.records import Account, Guardians, Policy, ScheduleState, Totals
from tfchain.ledger.state import State
from tfchain.ledger.validators import Validator, ValidatorSet, genesis_set, validator_address
from tfchain.store.export import read_records

TFT = 10_000_000
REGIME = 3
PAID = (1, 2, 3, 4, 5, 6, 8, 10, 11, 12)
"""Kinds with a fee."""
GUARDIAN = Address(public_key(bytes([7]) * 32))
ENDOWED = tuple(Address(public_key(bytes([seed]) * 32)) for seed in (1, 2, 3))


@pytest.fixture(scope="session")
def params() -> Params:
    """The devnet's constants; period 0 starts at 1,700,000,000 and has 60 seconds."""
    return Params(
        chain_id="test-00000000",
        consensus=_consensus(),
        schedules=(_schedule(),),
        uptime=_uptime(),
        resources=_resources(),
        evidence=EvidenceRow(blocks=600, seconds=Seconds(600), bytes=16_384),
        regimes=(RegimeRow(start=Seconds(0), regime=REGIME, schedule=ScheduleId(0)),),
        fees=tuple(FeeRow(kind=kind, fee=Utft(10_000)) for kind in PAID),
        supply_cap=Utft(4_000_000_000 * TFT),
        balance_min=Utft(500),
        node_deposit=Utft(TFT),
        policy=PolicyId(1),
        connection_price=MilliUsd(80),
        settle_nodes=500,
        expiry_max=1_000,
        voting=Seconds(60),
    )


def _consensus() -> Consensus:
    return Consensus(
        precision=Millis(500),
        delay=Millis(2_000),
        propose=Millis(1_000),
        vote=Millis(500),
        growth=Millis(250),
        timeout_max=Millis(10_000),
        interval=Millis(1_000),
        block_bytes=2 << 20,
    )


def _schedule() -> ScheduleRow:
    return ScheduleRow(
        id=ScheduleId(0),
        name="standard",
        start=Seconds(1_700_000_000),
        length=Seconds(60),
        post_window=Seconds(12),
        commit_window=Seconds(10),
        attest_window=Seconds(30),
        payout_delay=Seconds(4),
    )


def _uptime() -> UptimeRow:
    return UptimeRow(
        report_interval=Seconds(2),
        grace=Seconds(4),
        skew=Seconds(8),
        report_window=Seconds(5),
        sleep_max=Seconds(20),
        boot_max=Seconds(6),
        sleep_credit_max=Seconds(6),
        power_spacing=Seconds(1),
    )


def _resources() -> ResourceRow:
    return ResourceRow(
        cru_min=1,
        cru_max=1 << 10,
        mru_min=2 << 30,
        mru_max=64 << 40,
        hru_min=0,
        hru_max=4 << 50,
        sru_min=100 << 30,
        sru_max=4 << 50,
    )


@pytest.fixture
def rows() -> dict[bytes, bytes]:
    """What is stored: nothing yet."""
    return {}


@pytest.fixture
def state(rows: dict[bytes, bytes], params: Params) -> State:
    """A ledger as genesis leaves it: seeds 1 to 3 have 1,000 TFT each."""
    ledger = State(rows)
    each = Utft(1_000 * TFT)
    tables.PARAMS.put(ledger, tables.SINGLE, params)
    supply = Utft(len(ENDOWED) * each)
    totals = Totals(twins=0, farms=0, nodes=0, minted_ever=supply, reserved=Utft(0), burned=Utft(0))
    tables.TOTALS.put(ledger, tables.SINGLE, totals)
    tables.GUARDIANS.put(ledger, tables.SINGLE, Guardians(accounts=(GUARDIAN,)))
    for address in ENDOWED:
        tables.ACCOUNTS.put(ledger, address, Account(balance=each, nonce=0))
    tables.POLICIES.put(ledger, tables.id_key(params.policy), _policy(params))
    for row in params.schedules:
        tables.SCHEDULES.put(
            ledger, tables.schedule_key(row.id), ScheduleState(running=None, live=())
        )
    return ledger


def _policy(params: Params) -> Policy:
    return Policy(
        id=params.policy,
        name="diy",
        price_cu=2_400,
        price_su=1_000,
        price_nu=30,
        price_ipv4=5,
        minimal_uptime=95,
        immutable=False,
        default=True,
    )


# Headers that a light client follows.


def _seed(number: int) -> bytes:
    return bytes([number]) * 32


def _set(numbers: Sequence[int]) -> ValidatorSet:
    keys = [Address(crypto.public_key(_seed(number))) for number in numbers]
    return genesis_set(
        [
            Validator(address=validator_address(key), key=key, power=Power(1), reward_account=key)
            for key in keys
        ]
    )


class LightChain:
    """Signed headers without blocks: `sets[h - 1]` are the seeds of height `h`, 1,000 ms apart.

    `salt` makes another history of the same sets; `trunk` is a chain whose first blocks this one
    shares. From the height `made_up_from` on, its headers tell of a state that nobody computed.
    """

    ID = "light-1"

    def __init__(
        self,
        sets: Sequence[Sequence[int]],
        salt: int = 0,
        trunk: "tuple[LightChain, int] | None" = None,
        made_up_from: int | None = None,
    ) -> None:
        self.numbers = [tuple(one) for one in sets]
        self._sets: list[ValidatorSet] = []
        self._salt = salt
        self._made_up_from = made_up_from
        self.blocks: list[LightBlock] = list(trunk[0].blocks[: trunk[1]]) if trunk else []
        for place, numbers in enumerate(self.numbers):
            changed = place == 0 or numbers != self.numbers[place - 1]
            self._sets.append(_set(numbers) if changed else self._sets[-1].stepped())
        for height in range(len(self.blocks) + 1, len(sets) + 1):
            self.blocks.append(self._block(height))

    def at(self, height: int) -> LightBlock:
        return self.blocks[height - 1]

    def _block(self, height: int) -> LightBlock:
        members = self._sets[height - 1]
        following = self._sets[min(height, len(self._sets) - 1)]
        last = light.id_of(self.blocks[-1]) if self.blocks else bytes(32)
        made_up = self._made_up_from is not None and height >= self._made_up_from
        header = Header(
            chain_id=self.ID,
            height=Height(height),
            time=Millis(height * 1_000),
            last_block_id=last,
            last_commit_hash=bytes(32),
            tx_root=bytes([self._salt]) * 32,
            evidence_root=bytes(32),
            validators_hash=members.hash(),
            next_validators_hash=following.hash(),
            priorities_hash=members.priorities_hash(),
            params_hash=bytes(32),
            state_root=bytes([self._salt if made_up else 0]) * 32,
            results_root=bytes(32),
            proposer=members.proposer(Round(0)).address,
        )
        return self.signed(header, members, self.numbers[height - 1])

    @classmethod
    def signed(
        cls, header: Header, members: ValidatorSet, numbers: Sequence[int], round_: int = 0
    ) -> LightBlock:
        """A light block of this header that these seeds have signed."""
        empty = Commit(height=header.height, round=Round(round_), block_id=bytes(32), slots=())
        draft = LightBlock(
            header=header, parts=1, part_root=bytes(32), commit=empty, validators=members
        )
        block_id = light.id_of(draft)
        text = vote_message(header.chain_id, PRECOMMIT, header.height, Round(round_), block_id)
        signing = {crypto.public_key(_seed(number)): _seed(number) for number in numbers}
        slots = tuple(
            CommitSlot(flag=FOR_BLOCK, signature=crypto.sign(signing[row.key], text))
            if row.key in signing
            else CommitSlot(flag=ABSENT, signature=b"")
            for row in members.validators
        )
        commit = replace(empty, block_id=block_id, slots=slots)
        return replace(draft, commit=commit)


@pytest.fixture(scope="session")
def light_chain() -> type[LightChain]:
    return LightChain


# --- a recorded devnet ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Recorded:
    """What the file holds."""

    genesis: str
    blocks: tuple[Block, ...]

    def into(self, model: Model, run: int = 16, upto: int | None = None) -> None:
        """Feed the blocks that a model has not, so many in one transaction."""
        model.begin(self.genesis)
        rest = self.blocks[model.height : upto]
        for first in range(0, len(rest), run):
            model.take(rest[first : first + run])


@pytest.fixture(scope="session")
def recorded(golden_folder: Path) -> Recorded:
    genesis, blocks = "", list[Block]()
    with (golden_folder / "devnet.tfc").open("rb") as file:
        for _, kind, payload in read_records(file):
            if kind == records.GENESIS:
                genesis = records.genesis_text(payload)
            elif kind == records.BLOCK:
                blocks.append(decode_block(payload))
    return Recorded(genesis, tuple(blocks))


@pytest.fixture(scope="session")
def shown(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """The whole recording, taken in."""
    with opened_model(tmp_path_factory.mktemp("read")) as model:
        recorded.into(model)
        yield model
