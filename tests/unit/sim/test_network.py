"""The simulated wire: which messages arrive, and when."""

import pytest

from tfchain.base.units import Height, Millis, Round
from tfchain.bft.messages import Proposal, Vote
from tfchain.ledger.commit import NIL, PRECOMMIT, PREVOTE, PROPOSAL
from tfchain.sim.chance import Chance
from tfchain.sim.network import Network, Weather, between, chords, into


@pytest.fixture
def network() -> Network:
    """Four nodes in fair weather."""
    return Network(4, Chance("network"))


def _vote(kind: int, round_: int = 0, validator: int = 0) -> Vote:
    return Vote(
        kind=kind,
        height=Height(1),
        round=Round(round_),
        block_id=NIL,
        validator=validator,
        signature=bytes(64),
    )


PROPOSED = Proposal(
    height=Height(1), round=Round(0), pol_round=-1, block_id=bytes(32), time_ms=Millis(1)
)


def test_in_fair_weather_everything_arrives_once(network: Network) -> None:
    for _ in range(50):
        (delay,) = network.delays(0, 1, None)
        assert 2 <= delay <= 40


def test_nothing_arrives_over_a_cut_link(network: Network) -> None:
    network.cut([(0, 1)], ())
    assert network.delays(0, 1, None) == []
    assert len(network.delays(1, 0, None)) == 1
    network.mend()
    assert len(network.delays(0, 1, None)) == 1


def test_a_link_may_carry_all_but_one_kind_of_word(network: Network) -> None:
    network.cut((), [(0, 1, PREVOTE), (0, 2, PROPOSAL)])
    assert network.delays(0, 1, _vote(PREVOTE)) == []
    assert network.delays(0, 2, PROPOSED) == []
    for target, word in ((1, _vote(PRECOMMIT)), (2, _vote(PREVOTE)), (1, PROPOSED), (1, None)):
        assert len(network.delays(0, target, word)) == 1


def _lost(network: Network, round_: int) -> set[tuple[int, int]]:
    """Author and target of the prevotes of a round that nobody brings, whoever sends them."""
    pairs = [(author, target) for author in range(4) for target in range(4)]
    lost = set()
    for author, target in pairs:
        sources = [source for source in range(4) if source != target]
        word = _vote(PREVOTE, round_, author)
        arrived = [bool(network.delays(source, target, word)) for source in sources]
        assert len({*arrived}) == 1, "all of them or none"
        lost |= set() if arrived[0] else {(author, target)}
    return lost


def test_what_is_dealt_for_a_round_holds_whoever_repeats_it(network: Network) -> None:
    network.cut((), (), "any 7")
    dealt = [_lost(network, round_) for round_ in range(100)]
    assert [_lost(network, round_) for round_ in range(100)] == dealt
    assert set() in dealt and len({frozenset(one) for one in dealt}) > 10


def test_a_lock_is_dealt_to_one(network: Network) -> None:
    network.cut((), (), "locks 7")
    lost = _lost(network, 0)
    assert len({target for _, target in lost}) == 3, "one hears all prevotes"
    assert all(len([one for one in lost if one[1] == target]) <= 1 for target in range(4))
    assert _lost(network, 2) == set()


def test_in_a_storm_some_are_lost_and_some_come_twice(network: Network) -> None:
    network.weather = Weather(lost=300, doubled=300)
    counts = [len(network.delays(0, 1, None)) for _ in range(300)]
    assert sorted({*counts}) == [0, 1, 2]


def test_two_groups_are_parted_both_ways() -> None:
    assert sorted(between([0], [1, 2])) == [(0, 1), (0, 2), (1, 0), (2, 0)]


def test_whoever_is_deaf_can_still_speak() -> None:
    assert into(1, 3) == [(0, 1), (2, 1)]


def test_a_ring_has_no_chords() -> None:
    assert sorted(chords([0, 1, 2, 3])) == [(0, 2), (1, 3), (2, 0), (3, 1)]
    assert chords([0, 1, 2]) == []
