"""Votes, other hands and standstills in any order: both programs come to the same receipts (P36)."""

import random
from typing import TYPE_CHECKING

import pytest

from tfchain.base import crypto
from tfchain.base.units import Address, FarmId, MilliUsd, NodeId, PolicyId, Seconds, TwinId
from tfchain.ledger import tables
from tfchain.ledger.measures import (
    AttachPolicy,
    CertifyFarm,
    CertifyNode,
    FlagFraud,
    Measure,
    PolicyOffer,
    SetDefaultPolicy,
    SetPrice,
)
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.accept_farm import AcceptFarm
from tfchain.tx.kinds.accept_twin import AcceptTwin
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.move_node import MoveNode
from tfchain.tx.kinds.offer_farm import OfferFarm
from tfchain.tx.kinds.offer_twin import OfferTwin
from tfchain.tx.lookup import acceptance_message

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Watched

PEOPLE = (1, 20, 21, 22)
SEEDS = range(6)
Chance = random.Random


def key(number: int) -> Address:
    return Address(crypto.public_key(bytes([number]) * 32))


def _measure(chance: Chance) -> Measure:
    yes = chance.random() < 0.5
    one: list[Measure] = [
        SetPrice(price=MilliUsd(chance.randint(1, 200))),
        PolicyOffer(
            name="voted",
            price_cu=chance.randint(0, 9_000),
            price_su=chance.randint(0, 9_000),
            price_nu=1,
            price_ipv4=1,
            minimal_uptime=chance.choice([500, 900]),
            immutable=yes,
            default=chance.random() < 0.7,
            node_certified=chance.random() < 0.2,
            gold=yes,
            until=Seconds(0),
            allow_low_uptime=False,
        ),
        AttachPolicy(
            farm_id=FarmId(1),
            policy_id=PolicyId(chance.randint(0, 4)),
            cu=chance.choice([0, 10]),
            su=0,
            nodes=chance.randint(0, 2),
            until=Seconds(0),
            node_certified=chance.random() < 0.2,
        ),
        SetDefaultPolicy(policy_id=PolicyId(chance.randint(1, 3))),
        CertifyNode(node_id=NodeId(chance.randint(1, 3)), certified=yes),
        CertifyFarm(farm_id=FarmId(chance.randint(1, 2)), gold=yes),
        FlagFraud(node_id=NodeId(chance.randint(2, 4)), evidence=bytes(32)),
    ]
    return chance.choice(one)


def _handed(chance: Chance) -> Kind:
    who, farm = key(chance.choice(PEOPLE)), FarmId(chance.randint(1, 2))
    twin = TwinId(chance.randint(1, 3))
    made: list[Kind] = [
        CreateTwin(relay="r", public_key=b""),
        CreateFarm(name=f"farm{chance.randint(1, 9)}"),
        OfferFarm(farm_id=farm, to=who),
        AcceptFarm(farm_id=farm),
        OfferTwin(to=who),
        AcceptTwin(twin_id=twin),
    ]
    return chance.choice(made)


def _moved(watched: "Watched", chance: Chance, who: int) -> MoveNode:
    chain, farm = watched.chain, FarmId(chance.randint(1, 2))
    node = tables.NODES.need(chain.state(), tables.id_key(1))
    nonce = chain.envelope(who, CreateFarm(name="any")).nonce
    message = acceptance_message(chain.params.chain_id, key(who), nonce, farm, node.resources)
    signer = bytes([chance.choice(PEOPLE)]) * 32
    return MoveNode(node_id=NodeId(1), farm_id=farm, acceptance=crypto.sign(signer, message))


def _step(watched: "Watched", chance: Chance) -> None:
    """A block, perhaps after a standstill, with whatever comes to somebody's mind."""
    chain, who = watched.chain, chance.choice(PEOPLE)
    second = chain.second + chance.choice([1, 1, 1, 2, 3, 9])
    txs = []
    if second > 15 and chance.random() < 0.97:
        nodes = range(1, chain.totals().nodes + 1)
        txs += [chain.report(node, second, second) for node in nodes]
    pick = chance.random()
    if pick < 0.2:
        watched.passed(_measure(chance))
    elif pick < 0.5:
        txs.append(chain.tx(who, _handed(chance)))
    elif pick < 0.6:
        txs.append(chain.tx(who, _moved(watched, chance, who)))
    elif pick < 0.7:
        txs.extend(watched.join(who))
    chain.at(second, *txs)
    watched.follow()


@pytest.mark.parametrize("seed", SEEDS)
def test_both_programs_agree_whatever_is_voted_and_handed_over(
    watched: "Watched", seed: int
) -> None:
    chance = Chance(seed)
    while watched.chain.second < 140:
        _step(watched, chance)
    watched.until(165)
    for period in (0, 1):
        batch, result = watched.chain.batch(period), watched.columns.result(0, period)
        assert (batch.root, batch.total, batch.count) == (result.root, result.total, result.count)
    assert watched.chain.batch(0).total + watched.chain.batch(1).total > 0
