"""Laws over random histories: no coin appears or vanishes, voters and executors judge alike, and two
machines end on one root.
"""

import importlib.util
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfchain
from tfchain.base.units import FarmId, Height, NodeId, Seconds, Utft
from tfchain.chain.execute import check_txs, execute
from tfchain.errors import InvalidBlock
from tfchain.ledger import tables
from tfchain.ledger.minting import COMMIT, DISPUTED, PAID, SEALED
from tfchain.ledger.state import State
from tfchain.rules.schedule import REGIMES
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress
from tfchain.tx.kinds.transfer import Transfer

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain

HERE = Path(__file__).resolve().parent
FARMER, GUARDIANS, REPORTER, STRANGER = 1, (2, 3, 4), 5, 60
OWNERS = (20, 21, 22, 23)
FULL, SUPPLY = 2_575_000_000, 8 * 1_000_000_000_000


def _kit() -> ModuleType:
    """The chain that the unit tests drive by hand."""
    path = HERE.parent / "unit" / "chain" / "conftest.py"
    spec = importlib.util.spec_from_file_location("chain_kit", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["chain_kit"] = module
    spec.loader.exec_module(module)
    return module


KIT = _kit()
TEXT = KIT.stamped((HERE.parents[1] / "genesis" / "devnet.toml").read_text(encoding="utf-8"))


def _chain(*edits: tuple[str, str]) -> "Chain":
    chain: Chain = KIT.Chain(KIT.changed(TEXT, *edits))
    chain.found()
    return chain


# --- random histories -----------------------------------------------------------------------------


def _paid(chain: "Chain", chance: random.Random) -> bytes:
    """One transaction that is admitted; its effect may well be refused."""
    who = chance.choice((FARMER, *OWNERS))
    farm = FarmId(chance.randint(1, 3))
    kinds = (
        Transfer(
            to=KIT.key(chance.choice((*OWNERS, STRANGER))), amount=Utft(chance.getrandbits(40))
        ),
        CreateTwin(relay=chance.choice(("", "relay.example")), public_key=b""),
        CreateFarm(name=f"farm_{chance.randint(1, 9)}"),
        SetPayoutAccount(farm_id=farm, account=KIT.key(chance.choice(OWNERS))),
        SetStellarAddress(farm_id=farm, address="G" * chance.randint(0, 9)),
        SetPowerTarget(node_id=NodeId(chance.randint(2, 4)), up=chance.random() < 0.7),
        chain.registration(
            who, resources=chance.choice((KIT.BIG, KIT.Resources(cru=1, mru=1, hru=1, sru=1)))
        ),
    )
    return chain.tx(who, chance.choice(kinds))


def _free(chain: "Chain", chance: random.Random, second: int) -> list[bytes]:
    """Node 1 never fails; the others report most of the time, fall asleep, or tell nonsense."""
    txs = []
    t = Seconds(KIT.GENESIS + second)
    for node in range(1, chain.totals().nodes + 1):
        row = tables.UPTIMES.need(chain.state(), tables.id_key(node))
        if t <= max(row.last_t, row.power_moved) or (node > 1 and chance.random() < 0.1):
            continue
        if node > 1 and chance.random() < 0.05:
            told = SetPowerState(node_id=NodeId(node), t=t, up=chance.random() < 0.6)
            txs.append(chain.free(REPORTER, told))
        else:
            up = second if node == 1 or chance.random() < 0.98 else chance.randint(0, second)
            txs.append(chain.report(node, second, up))
    return txs


def _guardians(chain: "Chain", chance: random.Random) -> list[bytes]:
    """What guardians have to say of any batch; now and then one is wrong."""
    txs: list[bytes] = []
    for period in range(3):
        if not chain.has_batch(period):
            continue
        batch = chain.batch(period)
        if batch.state == COMMIT and chance.random() < 0.3:
            txs += chain.commitments(period)
        if batch.state in (SEALED, DISPUTED) and chance.random() < 0.4:
            wrong = int(chance.random() < 0.2)
            txs += [chain.attestation(who, period, 0, wrong) for who in GUARDIANS]
    return txs


def _lived(seed: int, seconds: int, *edits: tuple[str, str]) -> "Chain":
    """A chain with a random life; supply is looked at after every block."""
    chance = random.Random(seed)
    chain = _chain(*edits)
    cap = chain.params.supply_cap
    while chain.second < seconds:
        second = chain.second + chance.choice((1, 1, 2, 3, 4))
        txs = _free(chain, chance, second) + _guardians(chain, chance)
        txs += [_paid(chain, chance) for _ in range(chance.choice((0, 0, 1, 2)))]
        chain.at(second, *txs)
        totals = chain.totals()
        assert chain.supply() == totals.minted_ever
        assert totals.minted_ever + totals.reserved <= cap
    return chain


@pytest.mark.parametrize("seed", range(6))
def test_supply_is_genesis_and_mints_after_every_block(seed: int) -> None:
    """Balances and deposits together: fees move, deposits rest, nothing else makes or loses a unit."""
    few = ("settle_nodes = 500", "settle_nodes = 2")
    low = ("supply_cap = 40000000000000000", f"supply_cap = {SUPPLY + FULL}")
    chain = _lived(seed, 190, *(few, low)[: seed % 3])
    minted = sum(chain.batch(period).minted for period in range(3) if chain.has_batch(period))
    assert chain.totals().minted_ever == SUPPLY + minted


def test_a_random_life_reaches_all_that_it_should() -> None:
    """Otherwise the law above would hold of chains on which nothing happens."""
    chain = _lived(1, 190)
    assert chain.batch().state == PAID
    assert chain.batch().minted > 0
    assert chain.totals().nodes > 1


REPLAY = """
import json, sys
from tfchain.base.units import Address, Height, Millis
from tfchain.chain.execute import Input, execute
from tfchain.chain.genesis import genesis_outcome, read_genesis

text, blocks = json.load(sys.stdin)
rows, outcome = {}, genesis_outcome(read_genesis(text))
for number in range(len(blocks) + 1):
    for place, value in outcome.rows:
        rows[place] = value
    print(outcome.state_root.hex(), outcome.results_root.hex())
    if number < len(blocks):
        height, time_ms, reward, txs = blocks[number]
        block = Input(
            height=Height(height),
            time_ms=Millis(time_ms),
            reward_account=Address(bytes.fromhex(reward)),
            txs=tuple(bytes.fromhex(tx) for tx in txs),
        )
        outcome = execute(rows, block)
"""


def _replayed(chain: "Chain", hash_seed: str) -> str:
    """Every root of the chain, as another process with another order of sets computes them."""
    blocks = [
        [block.height, block.time_ms, block.reward_account.hex(), [tx.hex() for tx in block.txs]]
        for block in chain.blocks
    ]
    root = Path(tfchain.__file__).parent.parent
    ended = subprocess.run(
        [sys.executable, "-c", REPLAY],
        input=json.dumps([chain.text, blocks]),
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_two_processes_with_other_hash_seeds_agree_on_every_root() -> None:
    chain = _lived(11, 130)
    first, second = (_replayed(chain, hash_seed) for hash_seed in ("0", "1"))
    assert first == second
    assert first.split()[-2] == chain.outcome.state_root.hex()
    assert len(first.splitlines()) == chain.height + 1


# --- voters and executors -------------------------------------------------------------------------


def _mixed(chain: "Chain", chance: random.Random) -> list[bytes]:
    """Good and bad, in any order: stale nonces, drained accounts, other chains, doubled reports."""
    everything = Transfer(to=KIT.key(STRANGER), amount=Utft(KIT.FUNDS - 10_000))
    little = Transfer(to=KIT.key(20), amount=Utft(500))
    pool = [chain.tx(who, chance.choice((everything, little))) for who in (20, 20, 21, 21)]
    pool.append(chain.report(1, chain.second + 1, 1))
    pool.append(chain.report(1, chain.second + 2, 1))
    pool.append(chain.tx(STRANGER, little))
    pool.append(chain.tx(22, CreateTwin(relay="", public_key=b"")))
    pool.append(chain.tx(22, chain.registration(22)))
    pool.append(chain.report(2, chain.second + 2, 1))
    expired = chain.envelope(23, little)
    pool.append(chain.signed(23, KIT.replace(expired, valid_until=Height(0)), little))
    pool.append(b"\x90")
    picked = sorted(chance.sample(range(len(pool)), chance.randint(1, 4)))
    if chance.random() < 0.3:
        chance.shuffle(picked)
    return [pool[place] for place in picked]


@settings(max_examples=60)
@given(st.integers(0, 1 << 32))
def test_voters_accept_exactly_what_can_be_executed(seed: int) -> None:
    """Nobody runs effects before voting (P26): a block that was voted for and cannot be executed
    would stop the chain for good."""
    chain = CHAIN
    block = chain.raw_block(chain.second + 1, *_mixed(chain, random.Random(seed)))
    chain._made.clear()
    words = []
    for judge in (check_txs, execute):
        try:
            judge(chain, block)
            words.append("valid")
        except InvalidBlock as fault:
            words.append(str(fault))
    assert words[0] == words[1]


CHAIN = _chain()


# --- pay ------------------------------------------------------------------------------------------


def _minted(regime: str, uptimes: list[int], room: int, certified: bool) -> list[int]:
    """What nodes 2 and up are paid of a supply with that much room."""
    cap = ("supply_cap = 40000000000000000", f"supply_cap = {SUPPLY + room}")
    chain = _chain(cap, ('regime = "farming_v3"', f'regime = "{regime}"'))
    chain.at(16)
    chain.plant(uptimes)
    if certified:
        chain.change(lambda state: _certify(state, len(uptimes)))
    for second in (75, 87):
        chain.at(second)
    chain.at(88, *chain.commitments())
    chain.at(97)
    chain.at(98, *chain.attestations())
    chain.at(102)
    assert chain.batch().state == PAID
    assert chain.totals().minted_ever == SUPPLY + chain.batch().minted <= SUPPLY + room
    return [chain.minted(node).amount for node in range(2, 2 + len(uptimes))]


def _certify(state: State, count: int) -> None:
    for number in range(2, 2 + count):
        node = tables.NODES.need(state, tables.id_key(number))
        tables.NODES.put(state, tables.id_key(number), KIT.replace(node, certified=True))


@settings(max_examples=15)
@given(
    st.sampled_from(sorted(regime.name for regime in REGIMES.values())),
    st.lists(st.integers(0, 60) | st.integers(54, 60), min_size=1, max_size=6),
    st.integers(0, 8 * FULL) | st.just(0) | st.integers(1, 9),
    st.booleans(),
)
def test_the_cap_holds_and_more_uptime_never_pays_less(
    regime: str, uptimes: list[int], room: int, certified: bool
) -> None:
    """Under every regime, locked or free."""
    paid = _minted(regime, sorted(uptimes), room, certified)
    assert paid == sorted(paid)
    assert sum(paid) <= room
