"""Laws over random lives of users: no coin appears or vanishes, no capacity is given twice."""

import importlib.util
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import Address, FarmId, NodeId, PeriodIndex, ScheduleId, Seconds, Utft
from tfchain.chain.columns.program import Columns
from tfchain.chain.columns.receipt_text import text_of
from tfchain.chain.receipts import v3_text
from tfchain.ledger import tables
from tfchain.ledger.cultivation import RENT_CONTRACT, CapacityContract
from tfchain.ledger.minting import SEALED, SETTLING
from tfchain.ledger.records import Resources
from tfchain.tx import capacity, consumption
from tfchain.tx.billing import book_of
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.add_farm_ip import AddFarmIp
from tfchain.tx.kinds.cancel_contract import CancelContract
from tfchain.tx.kinds.create_contract import CreateContract
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.rent_node import RentNode
from tfchain.tx.kinds.report_consumption import Consumed, ReportConsumption
from tfchain.tx.kinds.set_dedicated import SetDedicated
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.kinds.update_used_resources import UpdateUsedResources, UsedResources

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain

HERE = Path(__file__).resolve().parent
FARMER, REPORTER, USERS = 1, 5, (20, 21)
LIVES = (("farming_2019", 140), ("farming_v3", 140), ("farming_v3_lockup", 140))
"""Under which regime, and how long."""


def _kit() -> ModuleType:
    """The chain that the unit tests drive by hand."""
    path = HERE.parent / "unit" / "chain" / "conftest.py"
    spec = importlib.util.spec_from_file_location("chain_kit_of_users", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["chain_kit_of_users"] = module
    spec.loader.exec_module(module)
    return module


KIT = _kit()
TEXT = KIT.stamped((HERE.parents[1] / "genesis" / "devnet.toml").read_text(encoding="utf-8"))
START = KIT.GENESIS


def _contracts(chain: "Chain") -> Iterator[CapacityContract]:
    state = chain.state()
    for number in range(1, book_of(state).contracts + 1):
        row = tables.CAPACITY.get(state, tables.id_key(number))
        if row is not None:
            yield row


def _wish(chain: "Chain", chance: random.Random, who: int) -> Kind:
    """Something that a user or the farmer may want; it may well be refused."""
    node = NodeId(chance.randint(1, 2))
    part = Resources(
        cru=chance.randint(0, 5), mru=chance.randint(0, 20) << 30, hru=0, sru=chance.getrandbits(38)
    )
    number = chance.randint(1, book_of(chain.state()).contracts + 1)
    wishes: tuple[Kind, ...] = (
        CreateContract(
            node_id=node,
            reserved=part,
            public_ips=chance.choice((0, 0, 1, 2)),
            deployment_hash=bytes([chance.randint(1, 20)]) * 32,
            deployment_data=b"",
        ),
        CancelContract(contract_id=number),
        RentNode(node_id=node),
        SetDedicated(
            node_id=node, dedicated=chance.random() < 0.5, extra_fee=chance.getrandbits(20)
        ),
    )
    if who != FARMER and chance.random() < 0.2:
        spare = max(0, chain.balance(who) - chance.randint(0, 50_000))
        return Transfer(to=Address(bytes([70]) * 32), amount=Utft(spare))
    return chance.choices(wishes, (6, 2, 1, 1))[0]


def _told(chain: "Chain", chance: random.Random, second: int) -> list[bytes]:
    """What the nodes tell of their contracts, some of it out of bounds."""
    txs: list[Kind] = []
    t = Seconds(START + second)
    for node in (1, 2):
        mine = [row for row in _contracts(chain) if row.node_id == node]
        parts = [row for row in mine if row.type != RENT_CONTRACT]
        use = tuple(UsedResources(contract_id=row.id, used=row.reserved) for row in parts)
        load = capacity.load_of(chain.state(), NodeId(node))
        if use and t > load.used_t:
            txs.append(UpdateUsedResources(node_id=NodeId(node), t=t, contracts=use))
        seen = tuple(
            Consumed(
                contract_id=row.id,
                window=Seconds(
                    max(1, second + START - row.consumed_at + chance.choice((0, 0, 0, 1)))
                ),
                traffic=chance.getrandbits(30),
            )
            for row in mine
        )
        if seen and t > load.consumed_t and chance.random() < 0.5:
            txs.append(ReportConsumption(node_id=NodeId(node), t=t, contracts=seen))
        uptime = tables.UPTIMES.need(chain.state(), tables.id_key(node))
        if t > max(uptime.power_moved, uptime.last_t) and chance.random() < 0.05:
            up = not uptime.power.state_up
            txs.append(SetPowerState(node_id=NodeId(node), t=t, up=up))
    return [chain.free(REPORTER, body) for body in txs]


def _founded(regime: str) -> "Chain":
    """Two nodes of the farmer's, four addresses, two users."""
    chain: Chain = KIT.Chain(
        KIT.changed(TEXT, ("contracts = 100", "contracts = 2"), *_under(regime))
    )
    chain.found()
    chain.run(*[chain.tx(who, CreateTwin(relay="", public_key=b"")) for who in (*USERS, 22)])
    chain.run(chain.tx(22, chain.registration(22)))
    ips = [
        AddFarmIp(farm_id=FarmId(1), ip=f"185.69.166.{last}/24", gateway="185.69.166.1")
        for last in range(2, 6)
    ]
    assert chain.run(*[chain.tx(FARMER, body) for body in ips]) == ("ok",) * 4
    return chain


def _under(regime: str) -> tuple[tuple[str, str], ...]:
    return (('regime = "farming_v3"', f'regime = "{regime}"'),)


def _check(chain: "Chain") -> None:
    """Supply, capacity, addresses and the queue agree with the contracts that stand."""
    state, totals = chain.state(), chain.totals()
    assert chain.supply() == totals.minted_ever - totals.burned
    standing = list(_contracts(chain))
    for node in (1, 2):
        load, size = capacity.load_of(state, NodeId(node)), capacity.NOTHING
        mine = [row for row in standing if row.node_id == node and row.type != RENT_CONTRACT]
        for row in mine:
            size = capacity.plus(size, row.reserved)
            assert capacity.fits(row.used, row.reserved)
        assert load.reserved == size
        assert load.contracts == len(mine)
        assert capacity.fits(size, tables.NODES.need(state, tables.id_key(node)).resources)
        rents = [row.id for row in standing if row.node_id == node and row.type == RENT_CONTRACT]
        assert rents == ([load.rent_id] if load.rent_id else [])
    given = [one.contract_id for one in capacity.ips_of(state, FarmId(1)).ips]
    for row in standing:
        assert given.count(row.id) == row.public_ips
        assert row.grace_since or row.owed + row.owed_extra == 0
    assert len([one for one in given if one]) == sum(row.public_ips for row in standing)
    book = book_of(state)
    queued = [
        tables.BILL_QUEUE.need(state, tables.height_key(place)).contract_id
        for place in range(book.first, book.after)
    ]
    assert [number for number in queued if number in {row.id for row in standing}] == [
        row.id for row in sorted(standing, key=lambda row: queued.index(row.id))
    ]


def _follow(chain: "Chain", columns: Columns, codes: Sequence[str]) -> None:
    """The second program takes the last block, and knows of it what the ledger knows."""
    block = chain.blocks[-1]
    columns.take(block.height, block.time_ms, block.txs, codes)
    for period, node in ((0, 1), (0, 2), (1, 1), (1, 2)):
        batch = tables.batch_key(ScheduleId(0), PeriodIndex(period))
        mine = consumption.consumed(chain.state(), batch, NodeId(node))
        theirs = columns._roster.uses.had.get((0, period, node))
        if chain.has_batch(period) and chain.batch(period).state >= SETTLING:
            continue
        assert (theirs is None) == (mine == consumption.NONE)
        if theirs is not None:
            assert (theirs.cru, theirs.mru, theirs.sru) == (mine.cru, mine.mru, mine.sru)
            assert (theirs.traffic, theirs.ips) == (mine.traffic, mine.ip_seconds)
    if chain.has_batch(0) and chain.batch().state == SEALED:
        found, sealed = columns.result(0, 0), chain.batch()
        assert all(text_of(one) == v3_text(one) for one in found.receipts)
        assert (found.root, found.total, found.count) == (sealed.root, sealed.total, sealed.count)


@pytest.mark.parametrize(("regime", "seconds"), LIVES)
@pytest.mark.parametrize("seed", range(6))
def test_supply_capacity_and_addresses_are_conserved(seed: int, regime: str, seconds: int) -> None:
    chance, chain = random.Random(seed), _founded(regime)
    columns, codes = Columns(chain.params, chain.genesis.policies), dict[str, int]()
    for block in chain.blocks:
        columns.take(block.height, block.time_ms, block.txs, ["ok"] * len(block.txs))
    most = 0
    while chain.second < seconds:
        second = chain.second + chance.choice((1, 1, 2, 7))
        txs = _told(chain, chance, second)
        for who in (*USERS, FARMER):
            if chance.random() < 0.5 and chain.balance(who) > 10_000:
                txs.append(chain.tx(who, _wish(chain, chance, who)))
        for code in chain.at(second, *txs):
            codes[code] = codes.get(code, 0) + 1
        _check(chain)
        _follow(chain, columns, chain.outcome.codes)
        most = max(most, len(list(_contracts(chain))))
    assert codes["ok"] > 20
    assert most > 2
    assert chain.batch().state > SETTLING, "both programs were held together"
    burned = chain.totals().burned
    assert burned == book_of(chain.state()).burned
    assert (burned > 0) == (regime != "farming_2019"), "who cultivates burns nothing"
