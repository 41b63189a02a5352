"""Four replicas and links between them: blocks, a peer that falls behind, transactions on their way."""

from typing import TYPE_CHECKING

from tfchain.base.shapes import encode_record
from tfchain.base.units import Height, Round
from tfchain.bft.gossip import View
from tfchain.replica import messages as wire
from tfchain.replica.effects import Committed
from tfchain.replica.replica import REPAIR_EVERY
from tfchain.tx.transaction import decode_transaction, transaction_id

if TYPE_CHECKING:
    from tests.unit.replica.conftest import Kit, Town

PEER = b"p" * 32


def _town(kit: "type[Kit]", validators: int = 4, followers: int = 0) -> "Town":
    text = kit.genesis_of(validators)
    nodes = [kit.Node(text, number) for number in range(1, validators + 1)]
    nodes += [kit.Node(text, None) for _ in range(followers)]
    town = kit.Town(nodes)
    town.begin()
    return town


def test_four_make_a_block_a_second_and_agree(kit: "type[Kit]") -> None:
    town = _town(kit)
    town.run(8_500)
    assert min(town.heights()) >= 7
    lowest = min(town.heights())
    blocks = {node.chain.raw_block(Height(lowest)) for node in town.nodes}
    assert len(blocks) == 1


def test_one_validator_alone_makes_blocks(kit: "type[Kit]") -> None:
    """1.4.4, P4: at the interval, whether or not anything waits."""
    town = _town(kit, validators=1)
    town.run(5_500)
    assert town.heights() == [5]


def test_a_follower_follows_and_says_no_word(kit: "type[Kit]") -> None:
    town = _town(kit, validators=1, followers=1)
    town.run(5_500)
    assert town.heights()[1] >= 4
    assert town.nodes[1].words == []


def test_blocks_go_on_with_one_of_four_down_and_it_catches_up_without_a_restart(
    kit: "type[Kit]",
) -> None:
    town = _town(kit)
    town.run(2_500)
    town.down = {3}
    town.run(40_000)
    behind = town.heights()[3]
    assert town.heights()[0] > behind + 20
    town.down = set()
    for name in ("gossip", "begin"):  # timers that went off meanwhile were lost
        town.nodes[3].now = town.now
        town.nodes[3].fire(name)
        town.collect(town.nodes[3])
    spoken = len(town.nodes[3].words)
    town.run(6_000)
    assert town.heights()[3] >= town.heights()[0] - 1
    assert len(town.nodes[3].words) > spoken, "it votes again"


def test_blocks_stop_with_two_of_four_down_and_go_on_when_one_is_back(kit: "type[Kit]") -> None:
    town = _town(kit)
    town.run(2_500)
    town.down = {2, 3}
    town.run(1_000)
    stopped = max(town.heights())
    town.run(10_000)
    assert max(town.heights()) == stopped
    town.down = {3}
    town.nodes[2].now = town.now
    town.nodes[2].restart()
    town.collect(town.nodes[2])
    town.run(25_000)
    assert min(town.heights()[:3]) > stopped + 3


def test_a_transaction_handed_to_one_is_in_a_block_of_all(kit: "type[Kit]") -> None:
    town = _town(kit)
    town.run(1_500)
    node = town.nodes[0]
    chain_id = node.replica.council.params.chain_id
    raw = kit.transfer(chain_id, 50, 0)
    node.submit(raw)
    town.collect(node)
    town.run(3_000)
    places = [each.chain.place(transaction_id(raw)) for each in town.nodes]
    assert all(place is not None and place.code == "ok" for place in places)
    assert all(len(each.replica.pool) == 0 for each in town.nodes)


def test_each_signature_is_verified_once_a_node(kit: "type[Kit]") -> None:
    """In the pool and never again: not when it comes back in a block (1.15.8)."""
    town = _town(kit)
    town.run(1_500)
    node = town.nodes[0]
    raw = kit.transfer(node.replica.council.params.chain_id, 50, 0)
    node.submit(raw)
    town.collect(node)
    town.run(3_000)
    check = decode_transaction(raw).check()
    assert [each.checks.count(check) for each in town.nodes] == [1, 1, 1, 1]


def test_the_same_transaction_at_all_four_and_after_a_restart_is_applied_once(
    kit: "type[Kit]",
) -> None:
    """Scenario 51."""
    town = _town(kit)
    town.run(1_500)
    raw = kit.transfer(town.nodes[0].replica.council.params.chain_id, 50, 0, until=30)
    for node in town.nodes:
        node.submit(raw)
        town.collect(node)
    town.run(3_000)
    last = town.nodes[3]
    last.now = town.now
    last.restart()
    assert [effect for effect in last.submit(raw) if getattr(effect, "replies", None)]
    town.collect(last)
    town.run(3_000)
    blocks = [last.chain.block(Height(number)) for number in range(1, last.height + 1)]
    assert sum(raw in block.txs for block in blocks if block is not None) == 1


def test_whoever_follows_the_chain_hears_of_every_height(kit: "type[Kit]") -> None:
    """1.7.10: once it is stored."""
    town = _town(kit, validators=1)
    town.run(4_500)
    node = town.nodes[0]
    heights = [effect.height for effect in node.effects if isinstance(effect, Committed)]
    assert heights == list(range(1, node.height + 1))


def test_a_lost_vote_is_sent_again(kit: "type[Kit]") -> None:
    """Scenario 17: what a status shows to be missing comes, though it was sent before."""
    town = _town(kit)
    town.run(200)
    town.nodes[0].fire("begin")
    town.nodes[0].said.clear()  # lost on the way
    for node in town.nodes[1:]:
        node.fire("begin")
        town.collect(node)
    town.run(2_600)
    assert min(town.heights()) >= 1


def test_nobody_asks_for_blocks_while_all_are_well(kit: "type[Kit]") -> None:
    town = _town(kit)
    asked = 0
    for _ in range(60):
        town.run(100)
        asked += sum(
            effect.kind == wire.GET_BLOCKS
            for node in town.nodes
            for effect in node.effects
            if hasattr(effect, "kind")
        )
        for node in town.nodes:
            node.effects.clear()
    assert asked == 0


def test_who_asks_for_repairs_all_the_time_gets_them_now_and_then(kit: "type[Kit]") -> None:
    """1.16.2: a status of a hundred bytes draws a whole block and every vote."""
    node = kit.Node(kit.genesis_of(4), 1)
    node.start()
    node.fire("begin")
    node.fire("round")
    empty = View(height=node.replica.council.height, round=Round(0), step=0, holdings=())
    payload = encode_record(wire.Status(tip=Height(0), view=empty))
    draws = []
    for wait in (0, 0, REPAIR_EVERY - 1, 1, -REPAIR_EVERY):
        node.now += wait
        draws.append(len(node.hear(PEER, wire.STATUS, payload)))
    assert draws[0] > 0
    assert draws == [draws[0], 0, 0, draws[0], draws[0]]
