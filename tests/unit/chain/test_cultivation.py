"""Contracts on a chain: billed by blocks, so many in each, until their user's money ends."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    NodeId,
    PeriodIndex,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain.columns.program import Columns
from tfchain.chain.genesis import read_genesis
from tfchain.errors import Malformed
from tfchain.ledger import tables
from tfchain.ledger.changes import SetConstant
from tfchain.ledger.cultivation import CapacityContract
from tfchain.ledger.proposals import FraudMark
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.tx.billing import book_of
from tfchain.tx.kinds.add_farm_ip import AddFarmIp
from tfchain.tx.kinds.cancel_contract import CancelContract
from tfchain.tx.kinds.create_contract import CreateContract
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.delete_node import DeleteNode
from tfchain.tx.kinds.rent_node import RentNode
from tfchain.tx.kinds.report_consumption import Consumed, ReportConsumption
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.kinds.update_used_resources import UpdateUsedResources, UsedResources
from tfchain.tx.proposals import docket_of

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, Watched

USER, REPORTER, START = 20, 5, 1_700_000_000
PART = Resources(cru=1, mru=2 << 30, hru=0, sru=10 << 30)


def create(name: int) -> CreateContract:
    return CreateContract(
        node_id=NodeId(1),
        reserved=PART,
        public_ips=0,
        deployment_hash=name.to_bytes(32, "big"),
        deployment_data=b"",
    )


def used(second: int, *numbers: int, size: Resources = PART) -> UpdateUsedResources:
    told = tuple(UsedResources(contract_id=number, used=size) for number in numbers)
    return UpdateUsedResources(node_id=NodeId(1), t=Seconds(START + second), contracts=told)


def contract(chain: "Chain", number: int) -> CapacityContract | None:
    return tables.CAPACITY.get(chain.state(), tables.id_key(number))


@pytest.fixture
def sold(chain: "Chain") -> "Chain":
    """A user's twin in block 2, and contract 1 in block 3, in use from block 4 on."""
    assert chain.run(chain.tx(USER, CreateTwin(relay="", public_key=b""))) == ("ok",)
    assert chain.run(chain.tx(USER, create(1))) == ("ok",)
    assert chain.run(chain.free(REPORTER, used(chain.second + 1, 1))) == ("ok",)
    return chain


def test_blocks_bill_by_their_time(sold: "Chain") -> None:
    before = sold.balance(USER)
    sold.until(12)
    assert sold.balance(USER) == before
    sold.run()
    spent = before - sold.balance(USER)
    assert spent > 0
    row = contract(sold, 1)
    assert row is not None
    assert (row.paid, row.billed_at, row.discount) == (spent, START + 13, 4)
    assert sold.supply() == sold.totals().minted_ever - sold.totals().burned
    assert sold.totals().burned == book_of(sold.state()).burned > 0


def test_a_price_that_is_voted_stands_on_the_next_bill(
    make_chain: Callable[..., "Chain"], watch: "type[Watched]"
) -> None:
    spent = []
    for dearer in (False, True):
        watched = watch(make_chain())
        chain = watched.chain
        for body in (CreateTwin(relay="", public_key=b""), create(1)):
            assert watched.run(chain.tx(USER, body)) == ("ok",)
        assert watched.run(chain.free(REPORTER, used(chain.second + 1, 1))) == ("ok",)
        measure = SetConstant(name="billing.price_cu", value=200_000 if dearer else 100_001)
        assert watched.enacted(measure) == "ok"
        before = chain.balance(USER)
        watched.until(13)
        spent.append(before - chain.balance(USER))
    assert 0 < spent[0] < spent[1] <= 2 * spent[0]


def test_a_block_bills_no_more_than_it_may(make_chain: Callable[..., "Chain"]) -> None:
    chain = make_chain(("contracts = 100", "contracts = 2"))
    chain.found()
    chain.run(chain.tx(USER, CreateTwin(relay="", public_key=b"")))
    txs = [chain.tx(USER, create(name)) for name in range(5)]
    assert chain.run(*txs) == ("ok",) * 5
    chain.until(12)
    billed = []
    for second in (13, 14, 15, 16):
        chain.at(second)
        rows = [contract(chain, number) for number in range(1, 6)]
        billed.append([row.billed_at - START for row in rows if row is not None])
    assert billed == [
        [13, 13, 3, 3, 3],
        [13, 13, 14, 14, 3],
        [13, 13, 14, 14, 15],
        [13, 13, 14, 14, 15],
    ]


def test_who_has_spent_everything_loses_the_contract(sold: "Chain") -> None:
    rest = Utft(sold.balance(USER) - 10_000)
    transfer = sold.tx(USER, Transfer(to=Address(bytes([7]) * 32), amount=rest))
    assert sold.run(transfer) == ("ok",)
    assert sold.balance(USER) == 0
    sold.until(13)
    row = contract(sold, 1)
    assert row is not None
    assert row.grace_since == START + 13
    sold.until(43)
    assert contract(sold, 1) is None
    assert sold.supply() == sold.totals().minted_ever - sold.totals().burned


def test_a_halt_stops_bills_as_it_stops_cancelling(sold: "Chain") -> None:
    docket = docket_of(sold.state())

    def halt(state: State, *, halted: bool = True) -> None:
        tables.DOCKET.put(state, tables.SINGLE, replace(docket, halted=halted))

    before = sold.balance(USER)
    sold.change(halt)
    sold.until(30)
    assert sold.balance(USER) == before
    assert sold.run(sold.tx(USER, CancelContract(contract_id=1))) == ("halted",)
    sold.change(lambda state: halt(state, halted=False))
    sold.run()
    row = contract(sold, 1)
    assert row is not None
    assert row.billed_at == START + 32


def test_use_is_paid_to_the_farmer_and_known_to_both_programs(
    make_chain: Callable[..., "Chain"],
) -> None:
    """Traffic and addresses of a user are on the receipt, and what is in use frees locked coins."""
    chain = make_chain(('regime = "farming_v3"', 'regime = "farming_v3_lockup"'))
    chain.found()
    add = AddFarmIp(farm_id=FarmId(1), ip="185.69.166.5/24", gateway="185.69.166.1")
    chain.run(chain.tx(USER, CreateTwin(relay="", public_key=b"")), chain.tx(1, add))
    whole = replace(create(1), public_ips=1, reserved=Resources(cru=8, mru=32 << 30, hru=0, sru=1))
    assert chain.run(chain.tx(USER, whole)) == ("ok",)
    chain.run(chain.free(REPORTER, used(chain.second + 1, 1, size=whole.reserved)))
    for second in range(15, 76, 6):
        told = (
            () if second == 15 else (Consumed(contract_id=1, window=Seconds(6), traffic=1 << 30),)
        )
        report = ReportConsumption(node_id=NodeId(1), t=Seconds(START + second), contracts=told)
        codes = chain.at(second, chain.report(1, second, second), chain.free(REPORTER, report))
        assert codes == ("ok", "ok")
    chain.until(98)
    receipt = chain.receipt(1)
    assert (receipt.nu, receipt.ip_seconds) == (9_000_000, 54)
    assert receipt.in_use == Resources(cru=7, mru=(9 * 32 << 30) // 10, hru=0, sru=0)
    assert tables.PROGRESS.need(chain.state(), tables.id_key(1)).used == 1, "one of three"
    batch = chain.batch()
    columns = Columns(chain.params, chain.genesis.policies, chain.genesis.supply())
    for block in chain.blocks:
        columns.take(block.height, block.time_ms, block.txs, ["ok"] * len(block.txs))
    result = columns.result(0, 0)
    assert (result.root, result.total, result.count) == (batch.root, batch.total, batch.count)
    place = tables.in_batch(tables.batch_key(ScheduleId(0), PeriodIndex(0)), 1)
    assert tables.CONSUMED.get(chain.state(), place) is None, "the receipt says it now"


def test_a_deleted_node_s_contracts_end_at_their_next_bill(sold: "Chain") -> None:
    """Paid up to the second in which it was deleted."""
    assert sold.at(8, sold.tx(1, DeleteNode(node_id=NodeId(1)))) == ("ok",)
    before = sold.balance(USER)
    sold.at(13)
    assert contract(sold, 1) is None
    paid = before - sold.balance(USER)
    assert paid > 0
    assert sold.run(sold.tx(USER, create(2))) == ("unknown_node",)


def test_who_cancels_on_a_deleted_node_pays_until_it_went(
    make_chain: Callable[..., "Chain"],
) -> None:
    spent = []
    for gone, cancelled in ((6, 12), (6, 9), (9, 10)):
        chain = make_chain()
        chain.found()
        chain.run(chain.tx(USER, CreateTwin(relay="", public_key=b"")))
        chain.run(chain.tx(USER, create(1)))
        chain.run(chain.free(REPORTER, used(chain.second + 1, 1)))
        chain.at(gone, chain.tx(1, DeleteNode(node_id=NodeId(1))))
        before = chain.balance(USER)
        cancel = CancelContract(contract_id=1)
        assert chain.at(cancelled, chain.tx(USER, cancel)) == ("ok",)
        spent.append(before - chain.balance(USER) - 10_000)
    assert 0 < spent[0] == spent[1] < spent[2]


def test_a_flagged_node_takes_no_contracts_and_tells_nothing(sold: "Chain") -> None:
    mark = FraudMark(
        node_id=NodeId(1), proposal=1, evidence=bytes(32), height=Height(1), time=Seconds(START)
    )
    sold.change(lambda state: tables.FRAUDS.put(state, tables.of_node(NodeId(1)), mark))
    assert sold.run(sold.tx(USER, create(2))) == ("disabled",)
    assert sold.run(sold.tx(USER, RentNode(node_id=NodeId(1)))) == ("disabled",)
    assert sold.run(sold.free(REPORTER, used(sold.second + 1, 1))) == ("disabled",)
    told = ReportConsumption(node_id=NodeId(1), t=Seconds(START + sold.second + 1), contracts=())
    assert sold.run(sold.free(REPORTER, told)) == ("disabled",)
    assert sold.run(sold.tx(USER, CancelContract(contract_id=1))) == ("ok",)


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        pytest.param(
            ("price_min = 10\n", "price_min = 0\n"),
            "price_min is from 1 to price_max",
            id="no least price",
        ),
        pytest.param(
            ("price_min = 10\n", "price_min = 1001\n"),
            "price_min is from 1 to price_max",
            id="the least above the most",
        ),
        pytest.param(
            ("rent_share = 500", "rent_share = 1001"),
            "rent_share: at most 1000",
            id="more than the whole",
        ),
        pytest.param(
            ("period = 10\n", "period = 0\n"), "billing.period: at least 1", id="no period"
        ),
        pytest.param(
            ("contracts = 100", "contracts = 0"),
            "billing.contracts: an integer from 1",
            id="no contracts",
        ),
        pytest.param(
            ("grace = 30", "grace = 9000000000000"), "billing.grace: at most", id="endless grace"
        ),
        pytest.param(("line_rate = 1250000000\n", ""), "line_rate is missing", id="no line rate"),
        pytest.param(('staking = "', 'staking = "x'), "billing.staking", id="no address"),
        pytest.param(
            ("rent_share = 500", "rent_share = 500\nlevel = 1"),
            "nobody knows level",
            id="an unknown term",
        ),
    ],
)
def test_senseless_terms_are_refused_by_name(
    devnet_text: str, edit: tuple[str, str], fault: str
) -> None:
    assert edit[0] in devnet_text
    with pytest.raises(Malformed, match=fault):
        read_genesis(devnet_text.replace(*edit, 1))


def test_a_file_that_does_not_speak_of_billing_bills_nobody(devnet_text: str) -> None:
    start, end = devnet_text.index("[billing]"), devnet_text.index("[fees]")
    assert read_genesis(devnet_text).params.billing is not None
    assert read_genesis(devnet_text[:start] + devnet_text[end:]).params.billing is None
