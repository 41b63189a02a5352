"""The simulated wire: which messages arrive, and when."""

import pytest

from tfchain.base.units import Height, Round
from tfchain.bft.messages import Vote
from tfchain.ledger.commit import NIL, PRECOMMIT, PREVOTE, PROPOSAL
from tfchain.replica import messages as wire
from tfchain.sim.chance import Chance
from tfchain.sim.network import Network, Weather, between, chords, into


@pytest.fixture
def network() -> Network:
    """Four nodes in fair weather."""
    return Network(4, Chance("network"))


def _vote(kind: int) -> bytes:
    return wire.encode_vote(
        Vote(
            kind=kind,
            height=Height(1),
            round=Round(0),
            block_id=NIL,
            validator=0,
            signature=bytes(64),
        )
    )


def test_in_fair_weather_everything_arrives_once(network: Network) -> None:
    for _ in range(50):
        (delay,) = network.delays(0, 1, wire.STATUS, b"")
        assert 2 <= delay <= 40


def test_nothing_arrives_over_a_cut_link(network: Network) -> None:
    network.cut([(0, 1)], ())
    assert network.delays(0, 1, wire.STATUS, b"") == []
    assert len(network.delays(1, 0, wire.STATUS, b"")) == 1
    network.mend()
    assert len(network.delays(0, 1, wire.STATUS, b"")) == 1


def test_a_link_may_carry_all_but_one_kind_of_word(network: Network) -> None:
    network.cut((), [(0, 1, PREVOTE), (0, 2, PROPOSAL)])
    assert network.delays(0, 1, wire.VOTE, _vote(PREVOTE)) == []
    assert network.delays(0, 2, wire.PROPOSAL, b"") == []
    for target, kind, payload in (
        (1, wire.VOTE, _vote(PRECOMMIT)),
        (2, wire.VOTE, _vote(PREVOTE)),
        (1, wire.PROPOSAL, b""),
        (1, wire.STATUS, b""),
    ):
        assert len(network.delays(0, target, kind, payload)) == 1


def test_in_a_storm_some_are_lost_and_some_come_twice(network: Network) -> None:
    network.weather = Weather(lost=300, doubled=300)
    counts = [len(network.delays(0, 1, wire.STATUS, b"")) for _ in range(300)]
    assert sorted({*counts}) == [0, 1, 2]


def test_two_groups_are_parted_both_ways() -> None:
    assert sorted(between([0], [1, 2])) == [(0, 1), (0, 2), (1, 0), (2, 0)]


def test_whoever_is_deaf_can_still_speak() -> None:
    assert into(1, 3) == [(0, 1), (2, 1)]


def test_a_ring_has_no_chords() -> None:
    assert sorted(chords([0, 1, 2, 3])) == [(0, 2), (1, 3), (2, 0), (3, 1)]
    assert chords([0, 1, 2]) == []
