"""The second program's own account of what users had of nodes."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import GIB, NodeId, Seconds
from tfchain.chain.columns.program import Columns
from tfchain.chain.columns.uses import NONE_USED, Had, Uses
from tfchain.errors import Malformed
from tfchain.ledger.records import Resources
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.create_contract import CreateContract
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.rent_node import RentNode
from tfchain.tx.kinds.report_consumption import Consumed, ReportConsumption
from tfchain.tx.kinds.update_used_resources import UpdateUsedResources, UsedResources

if TYPE_CHECKING:
    from tests.unit.chain.columns.conftest import Paper

USER, FARMER, ONE = 2, 1, NodeId(1)
PART = Resources(cru=1, mru=2 * GIB, hru=3 * GIB, sru=4 * GIB)


def contract(ips: int = 0) -> CreateContract:
    return CreateContract(
        node_id=ONE,
        reserved=PART,
        public_ips=ips,
        deployment_hash=bytes(32),
        deployment_data=b"",
    )


def used(number: int, resources: Resources = PART, node: int = 1) -> UpdateUsedResources:
    told = (UsedResources(contract_id=number, used=resources),)
    return UpdateUsedResources(node_id=NodeId(node), t=Seconds(0), contracts=told)


def told(number: int, window: int, traffic: int, node: int = 1) -> ReportConsumption:
    one = Consumed(contract_id=number, window=Seconds(window), traffic=traffic)
    return ReportConsumption(node_id=NodeId(node), t=Seconds(0), contracts=(one,))


def uses(paper: "Paper") -> Uses:
    return paper.columns._roster.uses


def had(paper: "Paper", period: int = 0) -> Had:
    return uses(paper).had[0, period, 1]


@pytest.fixture
def sold(paper: "Paper") -> "Paper":
    """The farmer's node 1, and a user with a twin, before period 0."""
    paper.join(-10)
    paper.block(-9, CreateTwin(relay="", public_key=b""), sender=USER)
    return paper


def test_reports_of_a_user_s_contract_are_summed(sold: "Paper") -> None:
    sold.block(1, contract(ips=2), sender=USER)
    sold.block(2, used(1))
    sold.block(3, told(1, 10, 100), told(1, 5, 7))
    row = had(sold)
    assert (row.cru, row.mru, row.hru, row.sru) == (15, 30 * GIB, 45 * GIB, 60 * GIB)
    assert (row.traffic, row.ips) == (107, 30)


def test_each_report_counts_in_its_block_s_period(sold: "Paper") -> None:
    sold.block(1, contract(ips=1), sender=USER)
    sold.block(59, told(1, 9, 1))
    sold.block(60, told(1, 1, 1))
    assert (had(sold, 0).ips, had(sold, 1).ips) == (9, 1)
    uses(sold).drop(0, 0)
    assert sorted(uses(sold).had) == [(0, 1, 1)]
    uses(sold).drop(1, 5)
    assert sorted(uses(sold).had) == [(0, 1, 1)], "of another schedule"


def test_a_rented_node_is_had_whole(sold: "Paper") -> None:
    sold.block(1, RentNode(node_id=ONE), sender=USER)
    sold.block(2, told(1, 10, 0))
    node = sold.columns._roster.machine(1).versions[-1].node
    assert had(sold).cru == 10 * node.resources.cru
    assert uses(sold).of((0, 0, 1), node, 10) == (1_000, node.resources, 0, 0)


def test_nothing_counts_before_the_first_period_or_with_oneself(sold: "Paper") -> None:
    sold.block(-5, contract(), sender=USER)
    sold.block(-4, told(1, 1, 1))
    sold.block(1, contract(), sender=FARMER)
    sold.block(2, told(2, 1, 1))
    assert uses(sold).had == {}
    assert [row.own for row in uses(sold).contracts] == [False, True]
    node = sold.columns._roster.machine(1).versions[-1].node
    assert uses(sold).of((0, 0, 1), node, 60) == (0, NONE_USED, 0, 0)


def test_once_farmer_and_user_were_one_nothing_counts_again(sold: "Paper") -> None:
    """The user takes the farm over, is told of, and gives it back."""
    sold.block(1, contract(), sender=USER)
    roster = sold.columns._roster
    before = roster.farms[0]
    farm = replace(before.versions[-1].farm, twin_id=roster.twin_ids[sold.account(USER)])
    roster.farms[0] = replace(before, versions=(replace(before.versions[-1], farm=farm),))
    sold.block(2, told(1, 1, 1))
    roster.farms[0] = before
    sold.block(3, told(1, 1, 1))
    assert uses(sold).had == {}


@pytest.mark.parametrize(
    ("length", "permille"),
    [(10, 36), (20, 18), (60, 5)],
    ids=["all of the period", "half of it", "a sixth"],
)
def test_use_is_a_share_of_the_node(sold: "Paper", length: int, permille: int) -> None:
    """62 per mille of the CU and 11 of the SU, for ten seconds."""
    sold.block(1, contract(), sender=USER)
    sold.block(2, used(1))
    sold.block(3, told(1, 10, 0))
    node = sold.columns._roster.machine(1).versions[-1].node
    assert uses(sold).of((0, 0, 1), node, length)[0] == permille


def test_a_node_of_nothing_is_not_in_use(sold: "Paper") -> None:
    sold.block(1, contract(), sender=USER)
    sold.block(2, told(1, 10, 0))
    node = sold.columns._roster.machine(1).versions[-1].node
    nothing = Resources(cru=0, mru=0, hru=0, sru=0)
    bare = replace(node, resources=nothing)
    assert uses(sold).of((0, 0, 1), bare, 10) == (0, NONE_USED, 0, 0)


def test_a_checkpoint_keeps_contracts_and_sums(sold: "Paper") -> None:
    sold.block(1, contract(ips=1), sender=USER)
    sold.block(2, used(1), told(1, 10, 100))
    genesis = sold.genesis
    sealed, supply = sold.columns.checkpoint(), genesis.supply()
    again = Columns.resume(genesis.params, genesis.policies, sealed, supply)
    assert again._roster.uses.contracts == uses(sold).contracts
    assert again._roster.uses.had == uses(sold).had


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        pytest.param(told(2, 1, 1), "no block made contract 2", id="a contract that nobody made"),
        pytest.param(told(0, 1, 1), "no block made contract 0", id="contract 0"),
        pytest.param(used(1, node=2), "is on node 1", id="told by another node"),
        pytest.param(told(1, 1, 1, node=9), "no block registered node 9", id="by no node at all"),
    ],
)
def test_what_no_chain_holds_is_malformed(sold: "Paper", body: Kind, fault: str) -> None:
    sold.join(-8, sender=3)
    sold.block(1, contract(), sender=USER)
    with pytest.raises(Malformed, match=fault):
        sold.block(2, body)
