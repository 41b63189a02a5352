"""Validators join, leave and are upgraded while the network runs (1.10, scenarios 42, 44 and 45)."""

from typing import TYPE_CHECKING

import pytest

from tfchain.base.address import to_text
from tfchain.base.units import Height, Power, Utft
from tfchain.chain.execute import params_of
from tfchain.errors import Unavailable
from tfchain.ledger.state import State
from tfchain.ledger.validators import validator_address
from tfchain.replica import effects as fx
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.leave_validators import LeaveValidators
from tfchain.tx.kinds.propose_constant import ProposeConstant
from tfchain.tx.kinds.propose_power import ProposePower
from tfchain.tx.kinds.propose_upgrade import ProposeUpgrade
from tfchain.tx.kinds.propose_validator import ProposeValidator
from tfchain.tx.kinds.vote_change import VoteChange

if TYPE_CHECKING:
    from tests.unit.replica.conftest import Kit, Node, Town

JOINER = 5


@pytest.fixture
def text(kit: "Kit") -> str:
    """Four validators whose accounts have coins, and one that wants to be the fifth."""
    rows = [
        f'[[account]]\naddress = "{to_text(kit.key(number))}"\nbalance = 1000000000'
        for number in range(1, JOINER + 1)
    ]
    return kit.genesis_of(4) + "\n".join(rows) + "\n"


@pytest.fixture
def town(kit: "Kit", text: str) -> "Town":
    """Four validators and a follower with a validator's key."""
    made = kit.Town([kit.Node(text, number) for number in range(1, JOINER + 1)])
    made.begin()
    made.run(2_500)
    return made


class Clerk:
    """Hands transactions in at the first node, with the right nonces."""

    def __init__(self, kit: "Kit", town: "Town") -> None:
        self.kit, self.town = kit, town
        self.nonces: dict[int, int] = {}

    def send(self, who: int, body: Kind) -> None:
        node, nonce = self.town.nodes[0], self.nonces.get(who, 0)
        self.nonces[who] = nonce + 1
        chain_id = node.replica.council.params.chain_id
        raw = self.kit.transaction(chain_id, who, body, nonce=nonce, until=200)
        node.now = self.town.now
        effects = node.submit(raw)
        (answer,) = [one for one in effects if isinstance(one, fx.Answer)]
        assert [reply.code for reply in answer.replies] == ["ok"]
        self.town.collect(node)

    def carry(self, who: int, body: Kind, change: int, voters: tuple[int, ...] = (1, 2, 3)) -> None:
        """Proposed, and voted for in the blocks after it."""
        self.send(who, body)
        self.town.run(1_500)
        for voter in voters:
            self.send(voter, VoteChange(change=change, yes=True))
        self.town.run(1_500)


def _join(kit: "Kit", power: int = 1, *, force: bool = False) -> ProposeValidator:
    return ProposeValidator(
        validator_key=kit.key(JOINER),
        power=Power(power),
        bond=Utft(1_000),
        reward_account=kit.key(JOINER),
        force=force,
    )


def _members(node: "Node", height: int) -> int:
    """How many validators a stored block was voted on by."""
    commit = node.chain.commit(Height(height))
    assert commit is not None
    return len(commit.slots)


def _codes(node: "Node") -> list[str]:
    return [
        code for height in range(1, node.height + 1) for code in node.chain.codes(Height(height))
    ]


def test_a_fifth_validator_is_voted_in_and_proposes(kit: "Kit", town: "Town") -> None:
    """1.10.1: carried in block H, it votes on H + 2 and not before; header H + 1 announces it."""
    clerk = Clerk(kit, town)
    clerk.carry(JOINER, _join(kit), 1)
    town.run(12_000)
    node = town.nodes[0]
    assert set(_codes(node)) == {"ok"}
    first = next(height for height in range(1, node.height) if _members(node, height) == 5)
    headers = {height: node.chain.block(Height(height)) for height in range(first - 2, first + 1)}
    block, announced, counted = headers.values()
    assert block is not None
    assert announced is not None
    assert counted is not None
    assert len(block.txs) == 3, "the votes"
    assert announced.header.next_validators_hash == counted.header.validators_hash
    assert announced.header.validators_hash == block.header.validators_hash
    assert announced.header.validators_hash != counted.header.validators_hash
    proposers = [
        one.header.proposer
        for height in range(first, node.height + 1)
        if (one := node.chain.block(Height(height))) is not None
    ]
    assert validator_address(kit.key(JOINER)) in proposers
    assert min(town.heights()) >= node.height - 1
    assert not [one for each in town.nodes for one in each.effects if isinstance(one, fx.Blame)]


def test_a_joiner_starts_behind_everybody(kit: "Kit", town: "Town") -> None:
    """1.3.3, scenario 45."""
    clerk = Clerk(kit, town)
    clerk.carry(JOINER, _join(kit), 1)
    town.run(3_000)
    node = town.nodes[0]
    first = next(height for height in range(1, node.height) if _members(node, height) == 5)
    blocks = [node.chain.block(Height(height)) for height in range(first, first + 2)]
    address = validator_address(kit.key(JOINER))
    assert all(block is not None and block.header.proposer != address for block in blocks)


def test_one_that_is_offline_stops_the_chain_until_it_starts(kit: "Kit", town: "Town") -> None:
    """Scenario 42: with force, 3 of 7 to somebody who is not there; the other 4 are no two thirds."""
    town.down = {JOINER - 1}
    clerk = Clerk(kit, town)
    clerk.carry(JOINER, _join(kit, power=3), 1)
    assert _codes(town.nodes[0]).count("third") == 1, "not without force"
    height = town.nodes[0].height
    town.run(3_000)
    assert town.nodes[0].height > height
    clerk.send(JOINER, _join(kit, power=3, force=True))
    town.run(1_500)
    for voter in (1, 2, 3):
        clerk.send(voter, VoteChange(change=2, yes=True))
    town.run(6_000)
    stopped = town.nodes[0].height
    town.run(20_000)
    assert town.heights()[:4] == [stopped] * 4
    assert len(town.nodes[0].replica.tip.validators.validators) == 5
    town.down = set()
    late = town.nodes[JOINER - 1]
    late.now = town.now
    for name in ("gossip", "begin"):
        late.fire(name)
        town.collect(late)
    town.run(40_000)
    assert min(town.heights()) > stopped + 5


def test_a_validator_leaves_and_one_is_voted_out(kit: "Kit", town: "Town") -> None:
    clerk = Clerk(kit, town)
    clerk.send(4, LeaveValidators(validator=validator_address(kit.key(4))))
    town.run(4_500)
    node = town.nodes[0]
    assert _members(node, node.height) == 3
    out = ProposePower(validator=validator_address(kit.key(3)), power=Power(0), force=True)
    clerk.carry(1, out, 1, voters=(2, 3))
    town.run(4_000)
    assert set(_codes(node)) == {"ok"}
    assert _members(node, node.height) == 2
    assert min(town.heights()) >= node.height - 1


def test_a_constant_is_the_same_for_all_from_the_next_block(kit: "Kit", town: "Town") -> None:
    clerk = Clerk(kit, town)
    clerk.carry(1, ProposeConstant(name="consensus.interval", value=1_300), 1, voters=(2, 3))
    town.run(3_000)
    for node in town.nodes:
        assert params_of(State(node.store)).consensus.interval == 1_300
        assert node.replica.council.machine.config.params.interval == 1_300
    node = town.nodes[0]
    times = [
        block.header.time
        for height in range(node.height - 1, node.height + 1)
        if (block := node.chain.block(Height(height))) is not None
    ]
    assert times[1] - times[0] >= 1_300


def test_a_node_without_the_rules_stops_before_the_height(kit: "Kit", text: str) -> None:
    """P28: it says which release has them, and does not come up again without."""
    alone = text.replace("\npower = 1", "\npower = 100", 1)
    node = kit.Node(alone, 1)
    others = [kit.Node(alone, number) for number in range(2, 5)]
    town = kit.Town([node, *others])
    town.begin()
    town.run(2_500)
    clerk = Clerk(kit, town)
    height = Height(node.height + 5)
    clerk.send(1, ProposeUpgrade(height=height, rules=2, release="2.0"))
    with pytest.raises(
        Unavailable, match=f"block {height} and what follows .* install release 2.0"
    ):
        town.run(20_000)
    assert node.chain.height() == height - 1
    for each in town.nodes:
        if each.chain.height() == height - 1:
            with pytest.raises(Unavailable, match=r"install release 2\.0"):
                each.restart()
